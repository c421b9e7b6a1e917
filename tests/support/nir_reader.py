"""A reader of NIR's equations, which knows nothing of YOSO but how it writes "never"."""

import nir
import numpy as np
import torch
from yoso_sw.network.network import NEVER


def follow(graph, arrivals, total):
    """Spike steps of every IF node and final potentials of every I node, for arrivals (inputs' shape).

    NIR's equations are solved exactly at whole steps: between steps nothing arrives, so a current is constant
    and an integral one product. A spike within a step is seen at its end. The signal of an edge is a train
    of Dirac impulses (from Input and IF) or a current (from I).
    """
    following = dict(graph.edges)
    names = [name for name, node in graph.nodes.items() if isinstance(node, nir.Input)]
    while names[-1] in following:
        names.append(following[names[-1]])
    chain = [(name, graph.nodes[name]) for name in names]
    v = {name: np.zeros(node.r.shape) for name, node in chain if isinstance(node, nir.I | nir.IF)}
    spikes = {name: np.full(node.r.shape, NEVER) for name, node in chain if isinstance(node, nir.IF)}
    for t in range(total):
        fired = {}
        # What flowed since step t - 1: currents, from the states right after it; before step 0 nothing.
        before, current = {name: own.copy() for name, own in v.items()}, None
        for name, node in chain:
            if isinstance(node, nir.Input):
                current = None
            elif isinstance(node, nir.I):
                if current is not None and t:
                    v[name] = v[name] + node.r * current
                current = before[name]
            elif isinstance(node, nir.IF):
                v[name] = v[name] + node.r * current if t else v[name]
                fired[name] = v[name] > node.v_threshold
                assert not (fired[name] & (spikes[name] != NEVER)).any(), "a neuron spikes twice"
                spikes[name][fired[name]] = t
                v[name] = np.where(fired[name], node.v_reset, v[name])
                current = None
            elif current is not None:
                current = transform(node, current, constant=True)
        # The impulses of step t.
        impulses = None
        for name, node in chain:
            if isinstance(node, nir.Input):
                impulses = (arrivals == t).astype(float)
            elif isinstance(node, nir.IF):
                impulses = fired[name].astype(float)
            elif isinstance(node, nir.I):
                if impulses is not None:
                    v[name] = v[name] + node.r * impulses
                impulses = None
            elif impulses is not None:
                impulses = transform(node, impulses, constant=False)
    return spikes, {name: own for name, own in v.items() if name not in spikes}


def transform(node, signal, constant):
    """A node without state; a bias adds to a current only."""
    if isinstance(node, nir.Flatten):
        return signal.ravel()
    if isinstance(node, nir.Output):
        return signal
    if isinstance(node, nir.Conv2d):
        picture = torch.from_numpy(signal)[None].double()
        kernels = torch.from_numpy(np.array(node.weight)).double()
        how = {
            name: tuple(int(side) for side in np.ravel(getattr(node, name))) for name in ("stride", "padding")
        }
        out = torch.nn.functional.conv2d(picture, kernels, **how)[0].numpy()
        return out + node.bias.astype(float)[:, None, None] * constant
    out = node.weight.astype(float) @ signal
    return out + node.bias.astype(float) if constant and isinstance(node, nir.Affine) else out
