"""What a weight image must keep to, whoever wrote it: the rules by which the compiler makes one.

A checksum says that a file is as it was written, not that it makes sense. An image that breaks one of these
rules could run, and decide wrongly, on a chip that cannot know.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from itertools import product, zip_longest
from typing import TYPE_CHECKING

import numpy as np
from yoso_hw.params import ChipParams
from yoso_hw.registers import CHUNK_BITS, Memory, memory_shape, register_fields, unpack

from yoso_sw.compile.contents import mapped_registers, spike_words, table_words
from yoso_sw.compile.flits import to_chunks
from yoso_sw.compile.layout import LayerMap
from yoso_sw.compile.tiles import split
from yoso_sw.network.network import CODES, DECISIONS

if TYPE_CHECKING:
    from yoso_sw.compile.image import WeightImage


def faults(image: WeightImage) -> Iterator[str]:
    """What is wrong with an image, each with its place, its value and what it should be; the first counts."""
    params = image.params
    if type(image.name) is not str:
        yield f"name={image.name!r} is no text"
    for key, low, high in (
        ("steps", 2, params.steps),
        ("levels", 1, min(image.steps, 256) if type(image.steps) is int else 256),
    ):
        value = getattr(image, key)
        if not _whole(value, low, high):
            yield f"{key}={value!r} is outside {low}..{high}"
    if image.decision not in DECISIONS:
        yield f"decision={image.decision!r} is not one of {DECISIONS}"
    if image.decision == "count" and params.neuron != "all":
        yield f"decision=count, and the chip's neuron={params.neuron} decides by no counts"
    if image.code not in CODES:
        yield f"code={image.code!r} is not one of {CODES}"
    if not 1 <= len(image.layers) < params.layers:
        yield f"{len(image.layers)} layers are outside 1..{params.layers - 1}"
    for i, layer in enumerate(image.layers):
        for fault in _layer_faults(image, i, layer):
            yield f"layer {i}: {fault}"
    taken: set[tuple[int, int]] = set()
    for i, layer in enumerate(image.layers):
        for part in layer.slices:
            if (part.x, part.y) in taken:
                yield f"layer {i}: node ({part.x}, {part.y}) holds neurons twice"
            taken.add((part.x, part.y))
    yield from _run_faults(image)


def _whole(value: object, low: int, high: int) -> bool:
    return type(value) is int and low <= value <= high


def _layer_faults(image: WeightImage, index: int, layer: LayerMap) -> Iterator[str]:
    """In an order in which each rule may rely on those before it."""
    params = image.params
    if layer.tag != index + 1 or type(layer.tag) is not int:
        yield f"tag={layer.tag!r} is not {index + 1}"
    for name in ("bias", "bias_row", "writes_a", "pool"):
        if type(getattr(layer, name)) is not bool:
            yield f"{name}={getattr(layer, name)!r} is neither true nor false"
    if not _whole(layer.axons, 1 + bool(layer.bias), params.weight_words):
        yield f"axons={layer.axons!r} are outside {1 + bool(layer.bias)}..{params.weight_words}"
    if layer.window is not None:
        yield from _window_faults(layer, params)
    before = image.layers[index - 1].outputs if index else None
    if before is not None and layer.inputs != before:
        yield f"axons={layer.axons} are not those of {before} neurons before it"
    for part in layer.slices:
        sides = ((part.x, params.cols - 1), (part.y, params.rows - 1))
        if not all(_whole(value, 0, high) for value, high in sides):
            yield f"node ({part.x!r}, {part.y!r}) is not in a {params.cols} x {params.rows} mesh"
    yield from _dense_faults(layer, params) if layer.window is None else _tile_faults(layer, params)
    words = max(part.filter_words(params.lanes) for part in layer.slices)
    if layer.stride != words or type(layer.stride) is not int:
        yield f"stride={layer.stride!r} is not the {words} words of its largest PE"
    if layer.axons * layer.stride > params.weight_words:
        yield f"{layer.axons} axons in strides of {layer.stride} leave {params.weight_words} weight words"
    xs, ys = [part.x for part in layer.slices], [part.y for part in layer.slices]
    around = min(xs), max(xs), min(ys), max(ys)
    if layer.rectangle != around:
        yield f"rectangle={layer.rectangle} is not {around}, the smallest about its PEs"
    if index == len(image.layers) - 1 and layer.neurons > params.classes:
        yield f"{layer.neurons} outputs are more than the chip's classes={params.classes}"


def _window_faults(layer: LayerMap, params: ChipParams) -> Iterator[str]:
    """Where the geometry of a convolution is none that the chip can have."""
    window = layer.window
    assert window is not None
    for key, value in asdict(window).items():
        if not _whole(value, 0 if key == "padding" else 1, 1 << 20):
            yield f"window: {key}={value!r} is no such number"
    for fault in window.faults:
        yield f"window: {fault}"
    if layer.axons - layer.bias != window.axons:
        yield f"axons={layer.axons} are not the {window.axons} of its window{' and a bias' * layer.bias}"
    if (side := max(window.rows, window.cols) + layer.bias_axon) > params.side:
        yield f"its {window.rows} x {window.cols} inputs need side={side}, and the chip has {params.side}"
    if layer.pool and (window.out_rows % 2 or window.out_cols % 2):
        yield f"pool=True, and its {window.out_rows} x {window.out_cols} positions make no groups of 2 x 2"


def _dense_faults(layer: LayerMap, params: ChipParams) -> Iterator[str]:
    """Where the PEs of a dense layer do not hold its neurons one after another."""
    if layer.pool:
        yield "pool=True, and only a convolution can be pooled"
    first = 0
    for part in layer.slices:
        if part.first != first or not _whole(part.count, 1, params.neurons):
            yield (
                f"the PE at ({part.x}, {part.y}) holds {part.count!r} neurons from {part.first!r} on; "
                f"1..{params.neurons} from {first} on are wanted"
            )
        if (part.row, part.rows, part.col, part.cols) != (0, 1, 0, 1):
            yield f"the PE at ({part.x}, {part.y}) holds a tile of a layer that has no positions"
        first += part.count
    if layer.neurons != first or type(layer.neurons) is not int or first == 0:
        yield f"neurons={layer.neurons!r} are not the {first} of its PEs"


def _tile_faults(layer: LayerMap, params: ChipParams) -> Iterator[str]:
    """Where the PEs of a convolution are not what its map and filters come to, cut as evenly as can be."""
    window = layer.window
    assert window is not None
    if not _whole(layer.neurons, window.positions, 1 << 30) or layer.neurons % window.positions:
        yield f"neurons={layer.neurons!r} are not so many at each of {window.positions} positions"
        return
    tiles = [
        ((part.row, part.rows), (part.col, part.cols), (part.first, part.count)) for part in layer.slices
    ]
    down, across, groups = (len({own[axis] for own in tiles}) for axis in range(3))
    unit = 1 + layer.pool
    wanted = product(
        split(window.out_rows, down, unit),
        split(window.out_cols, across, unit),
        split(layer.filters, groups, params.lanes),
    )
    for part, own, due in zip_longest(layer.slices, tiles, wanted):
        if own != due or not all(type(value) is int for pair in own for value in pair):
            where = f"the PE at ({part.x}, {part.y}) holds" if part else "no PE holds"
            yield f"{where} rows, columns and filters {own}; {due} are wanted"
            return
        if min(count for _, count in own) < 1:
            yield f"the PE at ({part.x}, {part.y}) holds nothing"
        if (words := part.words(params.lanes)) > params.neuron_words:
            yield f"the PE at ({part.x}, {part.y}) holds {words} words of {params.neuron_words}"


def _run_faults(image: WeightImage) -> Iterator[str]:
    """Every register of every node, row by row, then weights and spike addresses of each PE in use."""
    params = image.params
    depth, _ = memory_shape(params, Memory.REGISTER)
    expected = [(x, y, Memory.REGISTER, depth) for y in range(params.rows) for x in range(params.cols)]
    holders = {}
    mapped: list[np.ndarray | None] = [None] * len(expected)
    for index, layer in enumerate(image.layers):
        for part in layer.slices:
            holders[part.x, part.y] = index, part
            expected.append((part.x, part.y, Memory.WEIGHT, layer.axons * layer.stride))
            mapped.append(None)
            words = {}
            if index + 1 < len(image.layers):
                words[Memory.SPIKE] = spike_words(image.layers, index, part, params)
            words |= table_words(layer, part, params)
            expected += [(part.x, part.y, memory, len(own)) for memory, own in words.items()]
            mapped += [to_chunks(image.packets, memory, own) for memory, own in words.items()]
    found = [(run.x, run.y, run.memory, len(run.data)) for run in image.runs]
    places = [(run.x, run.y, run.address) for run in image.runs]
    whole = all(type(value) is int for place in places for value in place)
    if found != expected or not whole or any(address for _, _, address in places):
        k = next((k for k, (a, b) in enumerate(zip(found, expected, strict=False)) if a != b), len(expected))
        yield f"run {k} is not the one that the mapping asks for, or does not begin at word 0"
        return
    for run, due in zip(image.runs, mapped, strict=True):
        if due is not None and (run.data != due).any():
            word = int(np.argwhere(run.data != due)[0, 0])
            where = f"word {word} of {run.memory.name}"
            yield f"node ({run.x}, {run.y}): {where} is not what the mapping asks for"
    for run in image.runs[: params.nodes]:
        wanted = {"words": 0}
        if (run.x, run.y) in holders:
            wanted = mapped_registers(image.layers, *holders[run.x, run.y], params)
        fields = register_values(params, run.data)
        for name, value in fields.items():
            if name in wanted and value != wanted[name]:
                yield f"node ({run.x}, {run.y}): register field {name}={value} is not {wanted[name]}"
        if (run.x, run.y) in holders:
            index, _ = holders[run.x, run.y]
            for fault in _neuron_faults(image, index, fields):
                yield f"node ({run.x}, {run.y}): {fault}"


def _neuron_faults(image: WeightImage, index: int, values: dict[str, int]) -> Iterator[str]:
    """Where the neuron of a layer's registers is none that the mapping and the host's spikes are made for."""
    layer = image.layers[index]
    decays, charge = bool(values.get("decays", 0)), values.get("charge", 0)
    for name, is_so in (("bias_row", layer.bias and decays), ("writes_a", decays or charge > 0)):
        if getattr(layer, name) != is_so:
            yield f"its registers say {name}={is_so}, and the header {getattr(layer, name)}"
    if index and charge:
        yield f"register field charge={charge} is not 0, and only the first layer can be charged"


def register_values(params: ChipParams, data: np.ndarray) -> dict[str, int]:
    """All register fields of a node, from its run's chunks, uint16 (registers, chunks)."""
    values: dict[str, int] = {}
    for register in register_fields(params):
        word = sum(int(part) << (CHUNK_BITS * i) for i, part in enumerate(data[register]))
        values |= unpack(params, register, word)
    return values
