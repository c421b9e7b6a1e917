"""Which chip a network runs on where none is asked for: the default one, or the first that holds it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from yoso_hw import chips
from yoso_hw.params import ChipParams, ParamError

from yoso_sw.compile.compiler import compile_network
from yoso_sw.compile.image import WeightImage
from yoso_sw.compile.mapping import CompileError
from yoso_sw.compile.smallest import needed_side
from yoso_sw.network.network import Network


@dataclass(frozen=True)
class Choice:
    """A network on a chip.

    Attributes
    ----------
    chip
        The chip's name, or its file.
    image
        The network compiled for it; `image.params` is the chip, settings applied.
    why
        Why it is not just the default chip, in a line; "" if it is, or was asked for.
    """

    chip: str
    image: WeightImage
    why: str


def narrow(network: Network, params: ChipParams) -> str:
    """In what a chip's adders are narrower than those that a network was trained for; "" if they are not."""
    widths = [
        f"{name}={own} and not {wanted}"
        for name, own, wanted in (
            ("acc_bits", params.acc_bits, network.acc_bits),
            ("pot_bits", params.pot_bits, network.pot_bits),
        )
        if own < wanted
    ]
    return "" if not widths else f"it has {' and '.join(widths)}, which {network.name!r} was trained for"


def choose(network: Network, chip: str | None = None, settings: Sequence[str] = ()) -> Choice:
    """The chip asked for; or else the first of `chips.names` that holds the network with adders as wide as it
    was trained for; or else the default chip if it holds it at all. Where none is asked for, it has
    neuron=all if the network needs that.

    Parameters
    ----------
    chip
        A name or a file; None: whichever holds the network.
    settings
        ``name=value`` texts, applied to whichever it is.

    Raises
    ------
    ParamError
        If the chip or a setting is none.
    CompileError
        If the chip asked for, or the default one where none holds it, cannot run the network; of one with
        convolutions, the largest chip that has them.
    """
    if chip is not None:
        return Choice(chip, compile_network(network, chips.load(chip, settings)), "")
    params = chips.load(chips.DEFAULT, settings)
    needs = [] if params.neuron == "all" else network.beyond_rel_psp
    told = f"with neuron=all for {', '.join(needs)}" if needs else ""
    if needs:
        settings = ("neuron=all", *settings)
        params = chips.load(chips.DEFAULT, settings)
    try:
        image, why = compile_network(network, params), narrow(network, params)
        if not why:
            return Choice(chips.DEFAULT, image, told)
    except CompileError as error:
        image, refused = None, error
        why = str(error).rpartition(": ")[0]  # without what to do about it
    for name in chips.names()[1:]:
        try:
            params = chips.load(name, settings)
            if not narrow(network, params):
                own = compile_network(network, params)
                return Choice(name, own, _reasons(told, f"not on the default chip: {why}"))
        except CompileError as error:
            if 0 < needed_side(network) <= params.side:
                refused = error  # nearer to it than any chip without convolutions
        except ParamError:  # the settings need not suit every chip
            continue
    if image is None:
        raise refused
    return Choice(chips.DEFAULT, image, _reasons(told, f"no named chip has wider adders: {why}"))


def _reasons(*reasons: str) -> str:
    return "; ".join(filter(None, reasons))
