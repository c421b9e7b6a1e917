"""The profile of a network's quantisation: everything that is measured, as JSON values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from yoso_hw.params import ChipParams

from yoso_sw.data.samples import Samples
from yoso_sw.learn.config import TrainConfig
from yoso_sw.network import golden
from yoso_sw.network.network import Network
from yoso_sw.profile import weights
from yoso_sw.profile.observe import Range, bits_of, observe
from yoso_sw.profile.weights import percent

if TYPE_CHECKING:
    from yoso_sw.learn.rule import ScaledRule

#: Points of accuracy after which a narrower V is not tried any more.
ENOUGH = 2.0

Report = Callable[[str], None]


def profile(
    network: Network,
    samples: Samples,
    config: TrainConfig | None = None,
    model: ScaledRule[Any] | None = None,
    params: ChipParams | None = None,
    trainer: bool = True,
    report: Report = lambda _: None,
) -> dict[str, Any]:
    """What quantisation does to a network.

    Parameters
    ----------
    samples
        Those that it runs on, to its last step.
    config
        By which it was trained; None: it has none.
    model
        Its float phase (`learn.floats.load`), which stays as it is; None: the profile begins with integers.
    params
        The widths of A and V; None: those that the network is for.
    trainer
        Whether the trainer's forward pass runs beside the golden model; it needs torch.
    report
        Is told what is being done.

    Returns
    -------
    `network`, `shape`, `rule`, `code`, `decision`, `dataset`, `images`, `steps`; `layers`, each with its
    weights, channels, A and V (`layer_of`); `stages` (`stages.measure`); `narrower`; with a model `rounding`.

    Raises
    ------
    GoldenError, TrainingError
        If samples or configuration are not the network's.
    """
    params = params or network.chip
    report("A and V of every step")
    a, v = observe(network, samples.inputs, params)
    found: dict[str, Any] = {
        "network": network.name,
        "shape": network.shape,
        "rule": None if config is None else config.rule,
        "code": network.code,
        "decision": network.decision,
        "dataset": samples.name,
        "images": len(samples),
        "steps": network.steps,
        "float_accuracy": network.about.get("float_accuracy"),
        "layers": [
            layer_of(network, i, params, own_a, own_v)
            for i, (own_a, own_v) in enumerate(zip(a, v, strict=True))
        ],
    }
    report("V in fewer bits")
    found["narrower"] = narrower(network, samples, params, max(one.needed for one in v))
    if not trainer:
        exact = golden.run(network, samples.inputs, params=params, early_exit=False)
        right = percent((exact.decisions == samples.labels).mean())
        found["stages"] = [{"stage": "golden", "accuracy": right, "cost": None, "beside": "", "layers": []}]
        return found
    from yoso_sw.profile import stages

    chain = stages.stages(network, config, model, params)
    report(" -> ".join(stage.name for stage in chain))
    readout = not network.layers[-1].neuron.fires
    found["stages"] = stages.measure(chain, samples.inputs, samples.labels, readout)
    if model is not None and config is not None:
        from yoso_sw.profile.rounding import Rounding

        report("the weights of one layer after another rounded")
        rounding = Rounding(config, model)
        found["rounding"] = rounding.costs(samples.inputs, samples.labels)
        for i, layer in enumerate(found["layers"]):
            layer["channels"]["float"] = rounding.channels(i)
    return found


def layer_of(network: Network, index: int, params: ChipParams, a: Range, v: Range) -> dict[str, Any]:
    """One layer: its weights, channels, A and V, as JSON values.

    `unused` bits of A are those above its bound by the weights, which is what the compiler asks for; those of
    V above what it reached and what threshold and slope need.
    """
    layer = network.layers[index]
    bound = weights.bound_of_a(network, index)
    bound_bits = max(map(bits_of, bound))
    largest = max(layer.neuron.largest.values()) if layer.neuron.fires else 0
    needed = max(v.needed, bits_of(largest))
    return {
        "layer": index,
        "shape": layer.shape,
        "neurons": layer.neurons,
        "fires": layer.neuron.fires,
        "threshold": layer.neuron.threshold if layer.neuron.fires else None,
        "slope": layer.neuron.slope,
        "weights": weights.of_layer(layer, network.weight_bits),
        "channels": weights.channels(layer, network.weight_bits),
        "a": {
            **_range(a, params.acc_bits),
            "bound": list(bound),
            "bound_bits": bound_bits,
            "unused": params.acc_bits - bound_bits,
        },
        "v": {**_range(v, params.pot_bits), "unused": params.pot_bits - needed},
    }


def _range(one: Range, bits: int) -> dict[str, Any]:
    """A range as JSON values; `by_bits`: how often a value took so many bits, from 1 on."""
    return {
        "bits": bits,
        "least": one.least,
        "largest": one.largest,
        "needed": one.needed,
        "saturated": one.saturated,
        "values": one.values,
        "by_bits": one.bits[1:].tolist(),
    }


def narrower(network: Network, samples: Samples, params: ChipParams, needed: int) -> list[dict[str, Any]]:
    """Accuracy on the golden model with V in fewer and fewer bits, from those that it takes on.

    Down to the widest A that the weights could make, to a threshold or slope beyond V, or until it costs
    `ENOUGH` points. `spikes_changed`: spikes that only one of both has, in per cent of those with V as it is.
    """
    bound = max(bits_of(x) for i in range(len(network.layers)) for x in weights.bound_of_a(network, i))
    exact = golden.run(network, samples.inputs, params=params, early_exit=False)
    spikes = max(1, sum(layer.total for layer in exact.sent))
    right = percent((exact.decisions == samples.labels).mean())
    rows: list[dict[str, Any]] = []
    least = max(bound, network.weight_bits)
    for bits in range(min(max(needed, least), params.pot_bits), least - 1, -1):
        acc_bits = min(params.acc_bits, bits)
        try:
            own = golden.run(
                network,
                samples.inputs,
                params=replace(params, weight_bits=network.weight_bits, acc_bits=acc_bits, pot_bits=bits),
                early_exit=False,
            )
        except golden.GoldenError:  # V could not hold a threshold or a slope
            break
        pairs = zip(own.sent, exact.sent, strict=True)
        changed = sum(mine.unlike(theirs) for mine, theirs in pairs)
        accuracy = percent((own.decisions == samples.labels).mean())
        rows.append(
            {
                "pot_bits": bits,
                "accuracy": accuracy,
                "cost": round(right - accuracy, 2),
                "spikes_changed": percent(changed / spikes),
                "decisions_changed": int(np.sum(own.decisions != exact.decisions)),
            }
        )
        if right - accuracy >= ENOUGH:
            break
    return rows
