"""The golden model as a back end."""

from __future__ import annotations

import numpy as np
from yoso_hw.params import ChipParams
from yoso_sw.compile.image import WeightImage
from yoso_sw.compile.predict import predict_counters
from yoso_sw.data.samples import Samples
from yoso_sw.network import golden
from yoso_sw.network.network import Network

from yoso_sim.running.parts import golden_state
from yoso_sim.running.run import Run


def run(
    network: Network,
    image: WeightImage | None,
    samples: Samples,
    labels: np.ndarray | None,
    *,
    params: ChipParams,
    early_exit: bool = True,
    read_back: tuple[int, ...] = (),
) -> Run:
    """Run images on the golden model.

    Parameters
    ----------
    image
        The network on the chip whose counters are predicted; None: no chip holds it.
    labels
        Classes, or None.
    params
        Whose A and V clamp.
    read_back
        Layers whose V and A are wanted.
    """
    result = golden.run(network, samples.inputs, params=params, early_exit=early_exit)
    return Run(
        backend="golden",
        network=network,
        params=params,
        inputs=result.inputs,
        decisions=result.decisions.astype(np.int64),
        steps=result.decision_steps.astype(np.int64),
        spiked=result.spiked,
        labels=labels,
        early_exit=early_exit,
        data=samples.name,
        own_spikes=result.spikes,
        own_sent=result.sent,
        own_counters=None if image is None else predict_counters(image, result),
        states={layer: golden_state(network, result, layer) for layer in read_back},
    )
