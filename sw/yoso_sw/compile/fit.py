"""Which chips hold a network, how many of their PEs it takes, and how long an image is likely to take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from yoso_hw import chips
from yoso_hw.params import ChipParams, ParamError

from yoso_sw.compile.choose import narrow
from yoso_sw.compile.compiler import check_network, compile_network
from yoso_sw.compile.cost import likely_cycles
from yoso_sw.compile.estimate import Predicted
from yoso_sw.compile.mapping import CompileError, choose_cuts
from yoso_sw.compile.smallest import needed_side, smallest_chip
from yoso_sw.network.golden import GoldenResult
from yoso_sw.network.network import Network


@dataclass(frozen=True)
class Fit:
    """A network on a chip, or why it is not.

    Attributes
    ----------
    chip
        The chip's name.
    params
        The chip; None: with the settings asked for there is none.
    pes
        PEs that hold neurons; 0: it does not fit.
    cycles
        Cycles an image, estimated: by images (`estimate.Predicted`), or by typical activity
        (`cost.likely_cycles`).
    why
        Why it does not fit, or what to know where it does.
    """

    chip: str
    params: ChipParams | None
    pes: int = 0
    cycles: float = 0.0
    why: str = ""


def on_chip(network: Network, name: str, params: ChipParams, result: GoldenResult | None = None) -> Fit:
    """The network on one chip, as the compiler would map it; by a golden model's result of some images."""
    try:
        check_network(network, params)
        found = choose_cuts(network, params, spread=True)
    except CompileError as error:
        return Fit(name, params, why=str(error))
    if result is None:
        likely = likely_cycles(network, found)
    else:
        likely = Predicted(compile_network(network, params), result).cycles
    return Fit(name, params, sum(own.pes for own in found), likely, narrow(network, params))


def wide_enough(network: Network, params: ChipParams) -> ChipParams:
    """The chip with what a network needs beside memory: adders, steps, layers, outputs, kind, coordinates."""
    return replace(
        params,
        acc_bits=max(params.acc_bits, network.acc_bits),
        pot_bits=max(params.pot_bits, network.pot_bits),
        weight_bits=max(params.weight_bits, network.weight_bits),
        steps=max(params.steps, network.steps),
        layers=max(params.layers, len(network.layers) + 1),
        classes=max(params.classes, network.classes),
        neuron="all" if network.beyond_rel_psp else params.neuron,
        side=max(params.side, needed_side(network)),
    )


def fits(
    network: Network, kind: str, settings: Sequence[str] = (), result: GoldenResult | None = None
) -> Iterator[Fit]:
    """The network on every named chip, and on the smallest of a kind, as "smallest".

    Parameters
    ----------
    kind
        The chip, a name or a file, of whose PEs the smallest has as few as hold the network: with the same
        memories or larger ones, and what else the network needs. Its mesh has nothing to do with the kind's.
    settings
        ``name=value`` texts, applied to all; cols or rows among them are the smallest's least. Chips have
        neuron=all where the network needs it.
    result
        Of the golden model, of the images that cycles are estimated by; None: by typical activity.

    Raises
    ------
    ParamError
        If `kind` is no chip, or a setting is none of it.
    """
    base = chips.load(kind, settings)
    asked = {text.partition("=")[0] for text in settings}
    cols, rows = (getattr(base, side) if side in asked else 1 for side in ("cols", "rows"))
    base = replace(base, cols=cols, rows=rows)
    if network.beyond_rel_psp:
        settings = ("neuron=all", *settings)
    for name in chips.names():
        try:
            yield on_chip(network, name, chips.load(name, settings), result)
        except ParamError as error:
            yield Fit(name, None, why=str(error))
    try:
        base = wide_enough(network, base)
        check_network(network, base)
        smallest = smallest_chip(network, base)
    except (CompileError, ParamError) as error:
        yield Fit("smallest", base, why=str(error))
        return
    if smallest is None:
        yield Fit(
            "smallest", base, why="no chip of this kind holds it: no mesh and no memories are large enough"
        )
    else:
        yield on_chip(network, "smallest", smallest, result)
