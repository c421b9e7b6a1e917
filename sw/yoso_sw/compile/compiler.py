"""Network to weight image: checks what the arithmetic needs, maps, and fills the memories.

`compile_network` does it; ``yoso compile`` is the command.
"""

from __future__ import annotations

import numpy as np
from yoso_hw.packet import Packets
from yoso_hw.params import ChipParams
from yoso_hw.registers import Memory, memory_shape, neuron_fields, pack_all

from yoso_sw.compile.contents import mapped_registers, spike_words, table_words
from yoso_sw.compile.flits import to_chunks
from yoso_sw.compile.image import MemoryRun, WeightImage
from yoso_sw.compile.mapping import CompileError, LayerMap, Slice, lower_bound, map_network
from yoso_sw.compile.smallest import needed_side, side_of
from yoso_sw.compile.tables import arranged
from yoso_sw.network.network import Layer, Network
from yoso_sw.network.neuron import KEPT


def check_network(network: Network, params: ChipParams) -> None:
    """Refuse what the chip would not compute as the golden model does.

    The bound on A (`Layer.times_counted`) makes results independent of the order in which spikes of a step
    arrive.

    Raises
    ------
    CompileError
        Naming the layer (and neuron), the numbers and what to do.
    """

    def check(condition: bool, message: str) -> None:
        if not condition:
            raise CompileError(message)

    check(
        network.steps <= params.steps,
        f"network {network.name!r} has {network.steps} steps and the chip counts {params.steps}: "
        f"use a chip with steps >= {network.steps}, or train with fewer steps",
    )
    check(
        len(network.layers) < params.layers,
        f"network {network.name!r} has {len(network.layers)} layers and the chip has tags for "
        f"{params.layers - 1}: use a chip with layers >= {len(network.layers) + 1}",
    )
    check(
        network.classes <= params.classes,
        f"network {network.name!r} has {network.classes} outputs and the chip numbers {params.classes}: "
        f"use a chip with classes >= {network.classes}",
    )
    missing = [] if params.neuron == "all" else network.beyond_rel_psp
    check(
        not missing,
        f"network {network.name!r} has {', '.join(missing)}, which a chip with neuron={params.neuron} "
        "has not: use a chip with neuron=all",
    )
    for i, layer in enumerate(network.layers):
        if layer.window is not None:
            check(
                params.side > 0,
                f"network {network.name!r} has a convolution, layer {i}: {layer.shape}, which a chip with "
                f"side=0 has not: use a chip with side >= {needed_side(network)}",
            )
            check(
                side_of(layer) <= params.side,
                f"network {network.name!r}, layer {i}: {layer.window.rows} x {layer.window.cols} inputs"
                f"{' and a bias' if layer.bias_axon else ''} have more rows or columns than the chip's "
                f"side={params.side}: use a chip with side >= {needed_side(network)}",
            )
        for name, value in layer.neuron.largest.items():
            check(
                value <= params.pot_max,
                f"layer {i}: {name}={value} exceeds the largest potential {params.pot_max} of "
                f"pot_bits={params.pot_bits}: scale the layer down, or use a chip with more pot_bits",
            )
        low, high = int(layer.weights.min()), int(layer.weights.max())
        check(
            params.weight_min <= low and high <= params.weight_max,
            f"layer {i}: weights {low}..{high} do not fit the chip's {params.weight_bits} bits: quantise to "
            f"{params.weight_bits} bits, or use a chip with more weight_bits",
        )
        times = layer.times_counted(network.most_spikes(i), network.steps)
        often = f", each up to {times.max()} times," if times.max() > 1 else ""
        weights = layer.weights * times[:, None]
        for sign, minus, sums, bound in (
            ("positive", "", np.maximum(weights, 0).sum(0), params.acc_max),
            ("negative", "-", -np.minimum(weights, 0).sum(0), -params.acc_min),
        ):
            worst = int(sums.argmax())
            check(
                int(sums[worst]) <= bound,
                f"layer {i}, neuron {worst}: its {sign} weights{often} sum to {minus}{sums[worst]}, "
                f"beyond the {params.acc_bits}-bit accumulated weight's {params.acc_min}..{params.acc_max}: "
                f"scale the layer down, or use a chip with more acc_bits",
            )


def weight_words(layer: Layer, part: Slice, stride: int, params: ChipParams) -> np.ndarray:
    """Weight memory of one PE, uint64 (words,): `tables.arranged`, lane 0 lowest, two's complement."""
    lanes = arranged(layer, part, stride, params.lanes)
    fields = (lanes & ((1 << params.weight_bits) - 1)).astype(np.uint64)
    shifts = np.arange(params.lanes, dtype=np.uint64) * np.uint64(params.weight_bits)
    return np.bitwise_or.reduce(fields << shifts, axis=1)


def neuron_registers(layer: Layer, steps: int, params: ChipParams) -> dict[str, int]:
    """A layer's neuron as the fields of its registers, those that the chip has.

    A window that starts after the image is the same as one that starts at its end, which fits the register.
    """
    neuron = layer.neuron
    values = {
        "threshold": neuron.threshold,
        "slope": neuron.slope,
        "window_start": min(neuron.start, steps),
        "window_end": neuron.end,
        "decays": int(neuron.current != KEPT),
        "current": max(0, neuron.current),
        "leak": neuron.leak,
        "reset": int(neuron.reset),
        "charge": neuron.charge,
    }
    known = {field.name for fields in neuron_fields(params).values() for field in fields}
    return {name: value for name, value in values.items() if name in known}


def pe_registers(
    network: Network, layers: tuple[LayerMap, ...], index: int, part: Slice, params: ChipParams
) -> np.ndarray:
    """Register words of a PE of layer `index`, uint64 (registers,)."""
    neuron = neuron_registers(network.layers[index], network.steps, params)
    return np.array(pack_all(params, **mapped_registers(layers, index, part, params), **neuron), np.uint64)


def compile_network(
    network: Network, params: ChipParams | None = None, *, spread: bool = True
) -> WeightImage:
    """Compile a network for a chip.

    Parameters
    ----------
    params
        The chip; the default one if None.
    spread
        Give spare PEs to the layers that they speed up; else use as few PEs as hold the network.

    Returns
    -------
    The image writes every register of every node, so that an earlier image leaves nothing behind, and the
    used part of each memory.

    Raises
    ------
    CompileError
        If the network does not fit the chip, or its result could depend on the order of spikes.
    """
    params = params or ChipParams()
    check_network(network, params)
    layers = map_network(network, params, spread)
    packets = Packets(params)
    depth, _ = memory_shape(params, Memory.REGISTER)
    registers = {(x, y): np.zeros(depth, np.uint64) for y in range(params.rows) for x in range(params.cols)}
    contents: list[MemoryRun] = []
    for index, (layer, own) in enumerate(zip(network.layers, layers, strict=True)):
        for part in own.slices:
            registers[part.x, part.y] = pe_registers(network, layers, index, part, params)
            words = {Memory.WEIGHT: weight_words(layer, part, own.stride, params)}
            if index + 1 < len(layers):
                words[Memory.SPIKE] = spike_words(layers, index, part, params)
            words |= table_words(own, part, params)
            for memory, values in words.items():
                contents.append(MemoryRun(part.x, part.y, memory, 0, to_chunks(packets, memory, values)))
    setup = [
        MemoryRun(x, y, Memory.REGISTER, 0, to_chunks(packets, Memory.REGISTER, values))
        for (x, y), values in registers.items()
    ]
    return WeightImage(
        params=params,
        name=network.name,
        steps=network.steps,
        levels=network.levels,
        decision=network.decision,
        code=network.code,
        layers=layers,
        runs=(*setup, *contents),
    )


def describe(network: Network, image: WeightImage) -> str:
    """A few lines on the mapping: per layer its PEs beside the paper's lower bound, its words, its place."""
    params = image.params
    lines = [
        f"{network.name}: {network.shape}, {network.steps} steps, {image.pes} of {params.nodes} PEs "
        f"({params.cols} x {params.rows}), {len(image.load_flits())} load flits"
    ]
    for i, (layer, own) in enumerate(zip(network.layers, image.layers, strict=True)):
        x0, x1, y0, y1 = own.rectangle
        bias = " with bias" if own.bias else ""
        filled = own.axons * own.neurons / (len(own.slices) * params.weights)
        lines.append(
            f"  layer {i}: {own.axons} axons{bias} x {own.neurons} neurons on {len(own.slices)} PEs "
            f"(lower bound {lower_bound(layer, params):.2f}), {own.stride} words a PE, "
            f"nodes ({x0}, {y0})..({x1}, {y1}), {filled:.0%} of the weight memories in use"
        )
    return "\n".join(lines)
