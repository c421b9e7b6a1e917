"""What a weight image must keep to, whoever wrote it: the rules by which the compiler makes one.

A checksum says that a file is as it was written, not that it makes sense. An image that breaks one of these
rules could run, and decide wrongly, on a chip that cannot know.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from yoso_hw.params import ChipParams
from yoso_hw.registers import CHUNK_BITS, Memory, memory_shape, register_fields, unpack

from yoso_sw.compile.flits import rectangle_fields
from yoso_sw.compile.mapping import LayerMap, Slice
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
    for name in ("bias", "bias_row", "writes_a"):
        if type(getattr(layer, name)) is not bool:
            yield f"{name}={getattr(layer, name)!r} is neither true nor false"
    if not _whole(layer.axons, 1 + bool(layer.bias), params.weight_words):
        yield f"axons={layer.axons!r} are outside {1 + bool(layer.bias)}..{params.weight_words}"
    before = image.layers[index - 1].neurons if index else None
    if before is not None and layer.axons - layer.bias != before:
        yield f"axons={layer.axons} are not those of {before} neurons before it"
    first = 0
    for part in layer.slices:
        sides = ((part.x, params.cols - 1), (part.y, params.rows - 1))
        if not all(_whole(value, 0, high) for value, high in sides):
            yield f"node ({part.x!r}, {part.y!r}) is not in a {params.cols} x {params.rows} mesh"
        if part.first != first or not _whole(part.count, 1, params.neurons):
            yield (
                f"the PE at ({part.x}, {part.y}) holds {part.count!r} neurons from {part.first!r} on; "
                f"1..{params.neurons} from {first} on are wanted"
            )
        first += part.count
    if layer.neurons != first or type(layer.neurons) is not int or first == 0:
        yield f"neurons={layer.neurons!r} are not the {first} of its PEs"
    words = max(part.words(params.lanes) for part in layer.slices)
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


def _run_faults(image: WeightImage) -> Iterator[str]:
    """Every register of every node, row by row, then weights and spike addresses of each PE in use."""
    params = image.params
    depth, _ = memory_shape(params, Memory.REGISTER)
    expected = [(x, y, Memory.REGISTER, depth) for y in range(params.rows) for x in range(params.cols)]
    holders = {}
    for index, layer in enumerate(image.layers):
        for part in layer.slices:
            holders[part.x, part.y] = index, part
            expected.append((part.x, part.y, Memory.WEIGHT, layer.axons * layer.stride))
            if index + 1 < len(image.layers):
                expected.append((part.x, part.y, Memory.SPIKE, part.count))
    found = [(run.x, run.y, run.memory, len(run.data)) for run in image.runs]
    places = [(run.x, run.y, run.address) for run in image.runs]
    whole = all(type(value) is int for place in places for value in place)
    if found != expected or not whole or any(address for _, _, address in places):
        k = next((k for k, (a, b) in enumerate(zip(found, expected, strict=False)) if a != b), len(expected))
        yield f"run {k} is not the one that the mapping asks for, or does not begin at word 0"
        return
    for run in image.runs[: params.nodes]:
        wanted = _registers(image, *holders[run.x, run.y]) if (run.x, run.y) in holders else {"words": 0}
        values = register_values(params, run.data)
        for name, value in values.items():
            if name in wanted and value != wanted[name]:
                yield f"node ({run.x}, {run.y}): register field {name}={value} is not {wanted[name]}"
        if (run.x, run.y) in holders:
            index, _ = holders[run.x, run.y]
            for fault in _neuron_faults(image, index, values):
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
    for register, parts in zip(register_fields(params), data, strict=True):
        word = sum(int(part) << (CHUNK_BITS * i) for i, part in enumerate(parts))
        values |= unpack(params, register, word)
    return values


def _registers(image: WeightImage, index: int, part: Slice) -> dict[str, int]:
    """The fields of a PE's registers that the mapping alone decides."""
    layer, lanes = image.layers[index], image.params.lanes
    wanted = {
        "tag": layer.tag,
        "words": part.words(lanes),
        "last_mask": (1 << ((part.count - 1) % lanes + 1)) - 1,
        "errors": 0,
        "bias": int(layer.bias_row),
        "bias_row": (layer.axons - 1) * layer.stride if layer.bias_row else 0,
    }
    if index + 1 == len(image.layers):
        return wanted | {"output": 1, "base": part.first}
    following = image.layers[index + 1]
    return wanted | {
        "output": 0,
        "base": 0,
        "destination_tag": following.tag,
        **rectangle_fields(following.rectangle),
    }
