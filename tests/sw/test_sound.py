"""A weight image with a right checksum and a header that makes no sense is refused, naming the field."""

import dataclasses
import json
import zlib

import numpy as np
import pytest
from support.reference import random_network
from yoso_hw.params import ChipParams
from yoso_hw.registers import Register, register_fields
from yoso_sw.compile import sound
from yoso_sw.compile.compiler import compile_network
from yoso_sw.compile.image import CHECKSUM, PREAMBLE, CorruptedImageError, WeightImage
from yoso_sw.compile.mapping import CompileError
from yoso_sw.network.layer import Layer
from yoso_sw.network.network import Network
from yoso_sw.network.neuron import CLEARED, Neuron, Reset

PARAMS = ChipParams(cols=2, rows=2, lanes=2, neurons=8, weights=64, steps=16, layers=4, classes=8)


@pytest.fixture
def contents():
    layers = (
        Layer(np.ones((3, 3), np.int8), Neuron(5, 0, 8), bias=True),
        Layer(np.ones((3, 2), np.int8), Neuron(5, 0, 8)),
    )
    return compile_network(Network("base", layers, 8, 8), PARAMS).to_bytes()


def altered(contents, change, payload=lambda data: data):
    """The same file with another header or payload, and lengths and checksum that fit."""
    magic, version, size, _ = PREAMBLE.unpack_from(contents)
    header = json.loads(contents[PREAMBLE.size : PREAMBLE.size + size])
    text = change(header)
    text = (text if isinstance(text, str) else json.dumps(header)).encode()
    data = payload(contents[PREAMBLE.size + size : -CHECKSUM.size])
    body = PREAMBLE.pack(magic, version, len(text), len(data)) + text + data
    return body + CHECKSUM.pack(zlib.crc32(body))


def nested(*path, value):
    def change(header):
        for key in path[:-1]:
            header = header[key]
        header[path[-1]] = value

    return change


def network(**fields):
    return lambda header: header["network"].update(fields)


def layer(index, **fields):
    return lambda header: header["layers"][index].update(fields)


def part(index, number, **fields):
    return lambda header: header["layers"][index]["slices"][number].update(fields)


HEADERS = {
    "another decision": (
        network(decision="coin"),
        r"decision='coin' is not one of \('ttfs', 'softmax', 'count'\)",
    ),
    "another code": (network(code="morse"), r"code='morse' is not one of \('ttfs', 'rate', "),
    "counts on a chip without them": (
        network(decision="count"),
        "decision=count, and the chip's neuron=rel_psp",
    ),
    "no steps": (network(steps=0), r"steps=0 is outside 2\.\.16"),
    "more steps than the chip counts": (network(steps=17), r"steps=17 is outside 2\.\.16"),
    "steps that are no number": (network(steps=float("nan")), "steps=nan is outside"),
    "true as a number": (network(levels=True), r"levels=True is outside 1\.\.8"),
    "no levels": (network(levels=0), r"levels=0 is outside 1\.\.8"),
    "more levels than steps": (network(levels=9), r"levels=9 is outside 1\.\.8"),
    "a number as the name": (network(name=7), "name=7 is no text"),
    "no layers": (nested("layers", value=[]), r"0 layers are outside 1\.\.3"),
    "another tag": (layer(0, tag=999), "layer 0: tag=999 is not 1"),
    "a tag given twice": (layer(1, tag=1), "layer 1: tag=1 is not 2"),
    "a bias of 1": (layer(0, bias=1), "layer 0: bias=1 is neither true nor false"),
    "sweeps that write A of 1": (layer(0, writes_a=1), "layer 0: writes_a=1 is neither true nor false"),
    "sweeps that do not write A": (
        layer(0, writes_a=True),
        "its registers say writes_a=False, and the header",
    ),
    "a bias row that is an axon": (
        layer(0, bias_row=True),
        "its registers say bias_row=False, and the header",
    ),
    "no axons": (layer(0, axons=0), r"layer 0: axons=0 are outside 2\.\.32"),
    "axons without a neuron before": (layer(1, axons=4), "layer 1: axons=4 are not those of 3 neurons"),
    "no neurons": (layer(0, neurons=0), "layer 0: neurons=0 are not the 3 of its PEs"),
    "negative neurons": (layer(0, neurons=-4), "layer 0: neurons=-4 are not the 3"),
    "2^50 neurons": (layer(0, neurons=1 << 50), "layer 0: neurons=1125899906842624 are not the 3"),
    "no PEs": (layer(1, slices=[], neurons=0), "layer 1: neurons=0 are not the 0 of its PEs"),
    "a stride of 0": (layer(1, stride=0), "layer 1: stride=0 is not the 1 words"),
    "a huge stride": (layer(0, stride=1 << 40), "layer 0: stride=1099511627776 is not the 1 words"),
    "a rectangle beyond the mesh": (layer(0, rectangle=[0, 9, 0, 9]), "layer 0: rectangle=.* is not"),
    "a PE beyond the mesh": (part(0, 0, x=2), "corrupted|not in a 2 x 2 mesh"),
    "a PE of half a node": (part(0, 0, x=0.5), "not in a 2 x 2 mesh"),
    "a gap between PEs": (part(0, 1, first=3), r"holds 1 neurons from 3 on; 1\.\.8 from 2 on"),
    "a PE without neurons": (part(0, 1, count=0), "holds 0 neurons"),
    "runs in another order": (lambda header: header["runs"].reverse(), "run 0 is not the one"),
    "a run fewer": (lambda header: header["runs"].pop(), "corrupted|is not the one"),
    "nested without end": (lambda header: "[" * 100_000 + "]" * 100_000, "its header is no header"),
    "a list": (lambda header: "[]", "is corrupted"),
}


@pytest.mark.parametrize(("change", "says"), HEADERS.values(), ids=HEADERS)
def test_a_header_that_makes_no_sense_is_refused_by_its_field(contents, change, says):
    with pytest.raises(CorruptedImageError, match=says) as refused:
        WeightImage.from_bytes(altered(contents, change), "net.yoso")
    assert str(refused.value).startswith("net.yoso") and "\n" not in str(refused.value)


def test_two_layers_on_one_node_are_refused(contents):
    def change(header):
        first = header["layers"][0]["slices"][0]
        x, y = first["x"], first["y"]
        header["layers"][1]["slices"][0].update(x=x, y=y)
        header["layers"][1]["rectangle"] = [x, x, y, y]

    with pytest.raises(CorruptedImageError, match=r"layer 1: node \(\d, \d\) holds neurons twice"):
        WeightImage.from_bytes(altered(contents, change))


@pytest.mark.parametrize("register", [Register.TAG, Register.WORDS, Register.LAST_MASK, Register.OUTPUT])
def test_registers_that_contradict_the_mapping_are_refused(contents, register):
    image = WeightImage.from_bytes(contents)
    used = image.layers[0].slices[0]
    node = used.y * PARAMS.cols + used.x

    def payload(data):
        chunks = np.frombuffer(data, "<u2").copy()
        chunks[2 * (node * len(register_fields(PARAMS)) + register)] ^= 1
        return chunks.tobytes()

    with pytest.raises(CorruptedImageError, match=rf"node \({used.x}, {used.y}\): register field"):
        WeightImage.from_bytes(altered(contents, lambda header: None, payload))


FAMILY = dataclasses.replace(PARAMS, neuron="all")


@pytest.fixture
def family():
    cleared = Neuron(5, 1, 8, current=CLEARED, reset=Reset.ZERO)
    layers = [Layer(np.ones((4, 3), np.int8), cleared, bias=True)] * 2
    return compile_network(Network("family", tuple(layers), 8, 8, "count", code="rate"), FAMILY).to_bytes()


@pytest.mark.parametrize(
    ("index", "register", "bit", "says"),
    [
        (0, Register.DYNAMICS, 4, "its registers say bias_row=False, and the header True"),
        (1, Register.BIAS_ROW, 31, "register field bias=0 is not 1"),
        (1, Register.BIAS_ROW, 0, r"register field bias_row=\d is not \d"),
        (1, Register.CHARGE, 2, "register field charge=4 is not 0, and only the first layer can be charged"),
    ],
)
def test_registers_that_are_of_another_neuron_than_the_header_says_are_refused(
    family, index, register, bit, says
):
    image = WeightImage.from_bytes(family)
    used = image.layers[index].slices[0]
    node = used.y * FAMILY.cols + used.x

    def payload(data):
        chunks = np.frombuffer(data, "<u2").copy()
        chunks[2 * (node * len(register_fields(FAMILY)) + register) + bit // 16] ^= 1 << bit % 16
        return chunks.tobytes()

    with pytest.raises(CorruptedImageError, match=rf"node \({used.x}, {used.y}\): {says}"):
        WeightImage.from_bytes(altered(family, lambda header: None, payload))


def test_an_untouched_file_is_read_and_keeps_its_bytes(contents):
    assert WeightImage.from_bytes(altered(contents, lambda header: None)).to_bytes() is not None
    assert WeightImage.from_bytes(contents).to_bytes() == contents


@pytest.mark.parametrize("seed", range(20))
def test_whatever_the_compiler_makes_is_sound(seed):
    rng = np.random.default_rng(seed)
    sizes = rng.integers(2, 12, rng.integers(2, 5)).tolist()
    params = ChipParams(
        cols=int(rng.integers(1, 5)),
        rows=int(rng.integers(1, 5)),
        lanes=int(rng.choice([1, 2, 4, 8])),
        neurons=16,
        weights=256,
        steps=32,
        layers=8,
        classes=16,
    )
    try:
        image = compile_network(random_network(rng, sizes, 18), params, spread=bool(seed % 2))
    except CompileError:
        image = compile_network(random_network(rng, [3, 2], 18), params)
    assert list(sound.faults(image)) == []
