"""A board as a back end: decisions, cycles, counters and, on request, V, A and fired bits; no spikes."""

from __future__ import annotations

import numpy as np
from yoso_sw.compile.image import WeightImage
from yoso_sw.data.samples import Samples
from yoso_sw.host import board
from yoso_sw.host.serial import Port, SerialHost
from yoso_sw.network import golden
from yoso_sw.network.network import Network

from yoso_sim.running.run import Run, State


def run(
    port: Port,
    network: Network,
    image: WeightImage,
    samples: Samples,
    labels: np.ndarray | None,
    *,
    early_exit: bool = True,
    read_back: tuple[int, ...] = (),
) -> Run:
    """Run images on the board at a port; parameters as of `yoso_sim.running.golden.run`.

    Raises
    ------
    yoso_sw.host.serial.BoardError
        If the board does not do as it should.
    """
    inputs = golden.check_inputs(network, samples.inputs)  # better refused now than by the board
    host = SerialHost(port, image.params)
    ran = board.run(host, image, samples.inputs, early_exit, counted=True, read_back=read_back)
    states = {
        layer: State(*(np.array([own[part] for own in found]) for part in (0, 2, 1)))
        for layer, found in ran.states.items()
    }
    outcomes = ran.outcomes
    counts = np.array(ran.counts) if ran.counts else None
    last = len(network.layers) - 1
    if counts is None and last in states and network.layers[last].neuron.once:
        counts = states[last].fired.astype(np.int64)
    return Run(
        backend="board",
        network=network,
        params=image.params,
        inputs=inputs,
        decisions=np.array([one.decision for one in outcomes], np.int64),
        steps=np.array([one.step for one in outcomes], np.int64),
        spiked=np.array([one.spiked for one in outcomes], bool),
        labels=labels,
        early_exit=early_exit,
        data=samples.name,
        own_cycles=np.array([one.cycles for one in outcomes], np.int64),
        own_counters=ran.counters,
        own_counts=counts,
        states=states,
    )
