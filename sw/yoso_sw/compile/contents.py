"""What the mapping alone puts into a PE, whatever its weights and its neuron: registers, tables, addresses.

The compiler writes it, and `sound` holds a file to it.
"""

from __future__ import annotations

import numpy as np
from yoso_hw.params import ChipParams
from yoso_hw.registers import Memory, entry_fields, register_fields

from yoso_sw.compile.flits import pack_words, rectangle_fields
from yoso_sw.compile.layout import LayerMap, Slice
from yoso_sw.compile.routes import destination
from yoso_sw.compile.tables import address, column_table, row_table, walk_registers


def mapped_registers(
    layers: tuple[LayerMap, ...], index: int, part: Slice, params: ChipParams
) -> dict[str, int]:
    """The register fields of a PE of layer `index` that the mapping decides, those that the chip has."""
    layer, lanes = layers[index], params.lanes
    values = {
        "tag": layer.tag,
        "words": part.words(lanes),
        "last_mask": (1 << ((part.count - 1) % lanes + 1)) - 1,
        "errors": 0,
        "bias": int(layer.bias_row),
        "bias_row": (layer.axons - 1) * layer.stride if layer.bias_row else 0,
        "output": 0,
        "base": 0,
        **walk_registers(layer, part, lanes),
    }
    if index + 1 == len(layers):
        values |= {"output": 1, "base": part.first}
    else:
        following, outputs = layers[index + 1], layer.senders(part, lanes)
        rectangle = destination(following, outputs[outputs >= 0], lanes)
        values |= {**rectangle_fields(rectangle), "destination_tag": following.tag}
    known = {field.name for fields in register_fields(params).values() for field in fields}
    return {name: value for name, value in values.items() if name in known}


def spike_words(layers: tuple[LayerMap, ...], index: int, part: Slice, params: ChipParams) -> np.ndarray:
    """Spike-address memory of a PE of layer `index`, uint64: what each word and lane says to the next layer.

    0 where there is no neuron, or one of a group that another speaks for. It ends with the last neuron.
    """
    outputs = layers[index].senders(part, params.lanes).ravel()
    sends = outputs >= 0
    found = address(layers[index + 1], np.where(sends, outputs, 0))
    words = pack_words(entry_fields(params)[Memory.SPIKE], found._asdict())
    last = (part.count - 1) % params.lanes + 1
    return np.where(sends, words, np.uint64(0))[: len(words) - params.lanes + last]


def table_words(layer: LayerMap, part: Slice, params: ChipParams) -> dict[Memory, np.ndarray]:
    """The tables of a PE, uint64 (entries,) each; none where the chip has none."""
    if not params.side:
        return {}
    tables = {Memory.ROWS: row_table, Memory.COLUMNS: column_table}
    return {
        memory: pack_words(entry_fields(params)[memory], table(layer, part, params.lanes))
        for memory, table in tables.items()
    }
