"""A reader of NIR that goes in steps, as tools do: each node once a step, in order, leaks by Euler's rule."""

import nir
import numpy as np


def follow_steps(graph, arrivals, dt=1.0, subtract=()):
    """Spikes of each firing node, bool (T, neurons), and V of each node with one, (T, neurons).

    `arrivals` (T, inputs) are the spikes of the inputs; firing subtracts the threshold of the nodes named in
    `subtract`.
    """
    following = dict(graph.edges)
    path = [name for name, node in graph.nodes.items() if isinstance(node, nir.Input)]
    while path[-1] in following:
        path.append(following[path[-1]])
    spikes, potentials = {}, {}
    current, v = {}, {}
    for arriving in arrivals:
        signal = arriving.astype(np.float64)
        for name in path:
            node = graph.nodes[name]
            if isinstance(node, nir.Affine):
                signal = node.weight.astype(np.float64) @ signal + node.bias
            elif isinstance(node, nir.Linear):
                signal = node.weight.astype(np.float64) @ signal
            elif not isinstance(node, nir.Input | nir.Output):
                if isinstance(node, nir.CubaLI | nir.CubaLIF):
                    old = current.get(name, 0 * signal)
                    signal = current[name] = old + dt / node.tau_syn * (node.w_in * signal - old)
                old = v.get(name, 0 * signal)
                tau = getattr(node, "tau", getattr(node, "tau_mem", None))
                new = old + dt * node.r * signal if tau is None else old + dt / tau * (node.r * signal - old)
                if isinstance(node, nir.IF | nir.LIF | nir.CubaLIF):
                    fires = new > node.v_threshold
                    new = np.where(fires, new - node.v_threshold if name in subtract else node.v_reset, new)
                    spikes.setdefault(name, []).append(fires)
                    signal = fires.astype(np.float64)
                else:
                    signal = new
                v[name] = new
                potentials.setdefault(name, []).append(new)
    return (
        {name: np.array(rows) for name, rows in spikes.items()},
        {name: np.array(rows) for name, rows in potentials.items()},
    )
