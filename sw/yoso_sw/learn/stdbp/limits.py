"""What STDBP can train. Without torch: whoever reads a configuration asks here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from yoso_sw.learn.rules import only
from yoso_sw.network.neuron import KEPT

if TYPE_CHECKING:
    from yoso_sw.learn.config import TrainConfig

EXPORTS = True


def refusals(config: TrainConfig) -> Iterator[str]:
    """See `rules.Limits`."""
    yield from only(config, code="ttfs", backward_every=1, steepness=10.0, freeze_out=0.0, even_epochs=0)
    for i, layer in enumerate(config.layers):
        neuron, where = layer.neuron, f"layer {i}: "
        yield from only(neuron, where, tau=0.0, current=KEPT, leak=0)
        # c is a whole number on the chip, 1 at least; what slope A's scale will be, training alone says.
        largest = config.chip.pot_max
        if neuron.slope == "constant" and not neuron.silent and round(neuron.threshold) > largest:
            yield (
                f"{where}threshold={neuron.threshold:g} units of c are beyond {largest}, the largest "
                f"potential of pot_bits={config.pot_bits}; lower threshold or raise pot_bits"
            )
        if layer.batch_norm and not (neuron.slope == "constant" and layer.bias):
            needs = "a constant slope and a bias, into which it is folded"
            yield f"{where}batch_norm={layer.batch_norm} needs {needs}"
        if layer.kernel and neuron.silent:
            yield f"{where}kernel={layer.kernel}: a convolution needs a firing window"
        if layer.silence_penalty and (layer.kernel or neuron.slope != "psp"):
            yield f"{where}silence_penalty={layer.silence_penalty} needs a dense layer of slope psp"
        if neuron.silent != (i == len(config.layers) - 1 and config.decision == "softmax"):
            yield (
                f"{where}window {neuron.start}..{neuron.end}; it is empty in the output layer of decision "
                "softmax and nowhere else"
            )
