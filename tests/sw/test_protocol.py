"""The host protocol without a line: what is asked, and what the answers mean, on memories made of lists."""

import dataclasses

import numpy as np
import pytest
from yoso_hw.packet import ChipError, Packets
from yoso_hw.params import ChipParams
from yoso_hw.registers import Counter, Memory, chunks, register_fields
from yoso_sw.compile.compiler import compile_network
from yoso_sw.compile.image import ImageError, WrongChipError
from yoso_sw.host.protocol import Outcome, Protocol, ProtocolError, Reading
from yoso_sw.network.events import Events
from yoso_sw.network.layer import Layer
from yoso_sw.network.network import Network
from yoso_sw.network.neuron import Neuron

PARAMS = ChipParams(cols=3, rows=2, lanes=2, neurons=8, weights=64, steps=16, layers=4, classes=8)
PACKETS = Packets(PARAMS)


class Memories:
    """The memories of all PEs: takes SEEK, WRITE and READ, and gives the answers."""

    def __init__(self) -> None:
        self.words: dict[tuple, int] = {}
        self.pointer: dict[tuple[int, int], list] = {}

    def exchange(self, flits: np.ndarray) -> list[int]:
        """Answers of different PEs come in turn, as from a mesh; those of one PE in their order."""
        replies: dict[tuple[int, int], list[int]] = {}
        for flit in flits:
            fields = PACKETS.unpack(int(flit))
            for x in range(fields["x0"], fields["x1"] + 1):
                for y in range(fields["y0"], fields["y1"] + 1):
                    self._take((x, y), fields, replies.setdefault((x, y), []))
        answers = []
        while any(replies.values()):
            answers += [own.pop(0) for own in replies.values() if own]
        return answers

    def _take(self, node: tuple[int, int], fields: dict, replies: list[int]) -> None:
        if fields["name"] == "SEEK":
            self.pointer[node] = [Memory(fields["memory"]), fields["address"], []]
            return
        memory, address, parts = self.pointer[node]
        count = chunks(PARAMS, memory)
        if fields["name"] == "WRITE":
            parts.append(fields["data"])
            if len(parts) == count:
                word = sum(part << 16 * i for i, part in enumerate(parts))
                self.words[*node, memory, address] = word
                self.pointer[node] = [memory, address + 1, []]
        else:
            word = self.words.get((*node, memory, address), 0)
            for i in range(count):
                data = word >> 16 * i & 0xFFFF
                replies.append(PACKETS.pack("REPLY", x=node[0], y=node[1], data=data))
            self.pointer[node][1] += 1


@pytest.fixture
def protocol():
    return Protocol(PARAMS)


@pytest.fixture
def image():
    rng = np.random.default_rng(1)
    layers = (
        Layer(rng.integers(-8, 8, (5, 9)).astype(np.int8), Neuron(9, 0, 16)),
        Layer(rng.integers(-8, 8, (9, 3)).astype(np.int8), Neuron(9, 0, 16)),
    )
    return compile_network(Network("small", layers, 16, 16), PARAMS)


def ask(exchange, chip):
    answers = chip.exchange(exchange.flits)
    assert len(answers) == exchange.answers
    return exchange.parse(answers)


def test_what_was_loaded_is_read_back_and_a_changed_word_is_counted(protocol, image):
    chip = Memories()
    assert ask(protocol.load(image), chip) is None
    assert ask(protocol.mismatched_words(image), chip) == 0
    run = next(run for run in image.runs if run.memory is Memory.WEIGHT)
    chip.words[run.x, run.y, Memory.WEIGHT, 1] ^= 1
    assert ask(protocol.mismatched_words(image), chip) == 1


def test_readings_of_several_pes_and_of_one_pe_twice_keep_their_words_apart(protocol):
    chip = Memories()
    for x, y in protocol.nodes:
        ask(protocol.write(x, y, Memory.POTENTIAL, 0, [1000 * x + y, 7]), chip)
        ask(protocol.write(x, y, Memory.ACCUMULATED, 2, [x << 20 | y]), chip)
    readings = [
        *(Reading(x, y, Memory.POTENTIAL, 0, 2) for x, y in protocol.nodes),
        *(Reading(x, y, Memory.ACCUMULATED, 2, 1) for x, y in protocol.nodes),
    ]
    words = ask(protocol.read(readings), chip)
    assert words[:6] == [[1000 * x + y, 7] for x, y in protocol.nodes]
    assert words[6:] == [[x << 20 | y] for x, y in protocol.nodes]


def test_counters_are_those_of_each_node_and_clearing_reaches_all(protocol):
    chip = Memories()
    ask(protocol.write(2, 1, Memory.COUNTER, Counter.UPDATES, [123_456]), chip)
    counters = ask(protocol.counters(), chip)
    assert counters.shape == (2, 3, len(Counter)) and counters.dtype == np.int64
    assert counters[1, 2, Counter.UPDATES] == counters.sum() == 123_456
    ask(protocol.clear_counters(), chip)
    assert ask(protocol.counters(), chip).sum() == 0


def test_neurons_come_back_signed_and_in_the_layers_order(protocol, image):
    chip = Memories()
    wanted_v, wanted_a = {}, {}
    for part in image.layers[0].slices:
        for memory, bits, wanted in (
            (Memory.POTENTIAL, PARAMS.pot_bits + 1, wanted_v),
            (Memory.ACCUMULATED, PARAMS.acc_bits, wanted_a),
        ):
            for word in range(part.words(PARAMS.lanes)):
                lanes = [17 * word + 5 * lane - 20 for lane in range(PARAMS.lanes)]
                value = sum((v & (1 << bits) - 1) << bits * lane for lane, v in enumerate(lanes))
                ask(protocol.write(part.x, part.y, memory, word, [value]), chip)
                for lane, v in enumerate(lanes):
                    wanted[part.first + word * PARAMS.lanes + lane] = v
    potentials, fired, accumulated = ask(protocol.neurons(image, 0), chip)
    assert potentials.tolist() == [wanted_v[j] for j in range(9)]
    assert accumulated.tolist() == [wanted_a[j] for j in range(9)]
    assert fired.tolist() == [wanted_v[j] < 0 for j in range(9)]  # the sign runs into the bit above


def test_the_potentials_of_all_outputs_are_read_from_the_last_layer(protocol, image):
    chip = Memories()
    for part in image.layers[1].slices:
        words = [20 - 9 * (part.first + i) for i in range(part.words(PARAMS.lanes))]
        mask = (1 << PARAMS.pot_bits) - 1
        ask(protocol.write(part.x, part.y, Memory.POTENTIAL, 0, [word & mask for word in words]), chip)
    potentials = ask(protocol.potentials(image), chip)
    assert potentials.tolist() == ask(protocol.neurons(image, 1), chip)[0].tolist() != [0, 0, 0]


WHOLE = dataclasses.replace(PARAMS, neuron="all")


def test_counts_are_asked_for_by_output_and_come_in_order():
    whole, packets = Protocol(WHOLE), Packets(WHOLE)
    exchange = whole.counts(3)
    asked = [packets.unpack(int(flit)) for flit in exchange.flits]
    assert [(own["name"], own["index"]) for own in asked] == [("COUNT", 0), ("COUNT", 1), ("COUNT", 2)]
    answers = [packets.pack("COUNT", index=i, spikes=spikes) for i, spikes in enumerate((16, 0, 7))]
    assert exchange.answers == 3 and exchange.parse(answers).tolist() == [16, 0, 7]
    for wrong in (answers[:2], answers[::-1], [*answers[:2], packets.pack("STATUS", errors=0)]):
        with pytest.raises(ProtocolError, match="the answers to 3 times COUNT were"):
            exchange.parse(wrong)


def test_a_chip_that_counts_no_spikes_is_not_asked_for_counts(protocol):
    with pytest.raises(
        ProtocolError, match="neuron=rel_psp counts no output spikes: use one with neuron=all"
    ):
        protocol.counts(3)


def test_an_old_image_is_loaded_read_back_and_run_on_a_chip_with_the_whole_family(image):
    whole, packets = Protocol(WHOLE), Packets(WHOLE)
    assert whole.load(image).flits.tolist() == image.for_chip(WHOLE).load_flits().tolist()
    asked = [packets.unpack(int(flit))["name"] for flit in whole.mismatched_words(image).flits[:16]]
    assert asked == ["SEEK", *["READ"] * len(register_fields(WHOLE)), "SEEK"]
    start = packets.unpack(int(whole.classify(image, [np.zeros(5, np.int16)]).flits[0]))
    assert (start["name"], start["count"]) == ("START", 0)


def test_images_of_all_three_forms_are_the_same_request(protocol, image):
    steps = np.array([3, 0, 32767, 1, 3], np.int16)
    forms = [steps, Events.of_steps(steps[None])]
    one, two = (protocol.classify(image, [form]) for form in forms)
    assert one.flits.tolist() == two.flits.tolist() and one.answers == 2
    both = protocol.classify(image, forms, early_exit=False)
    assert both.answers == 4 and len(both.flits) == 2 * len(one.flits)
    assert both.flits[0] != one.flits[0]  # START says whether to end early


def answer(name, **fields):
    return PACKETS.pack(name, **fields)


def test_two_images_have_two_outcomes(protocol, image):
    silent = np.full(5, 32767, np.int16)
    answers = [
        answer("DECISION", index=2, step=9, spiked=1),
        answer("CYCLES", cycles=1234),
        answer("DECISION", index=0, step=15, spiked=0),
        answer("CYCLES", cycles=99),
    ]
    outcomes = protocol.classify(image, [silent, silent]).parse(answers)
    assert outcomes == [Outcome(2, 9, True, 1234), Outcome(0, 15, False, 99)]


def test_sticky_errors_come_by_name_and_are_cleared_where_that_is_asked(protocol):
    said = 1 << ChipError.BAD_STEPS | 1 << ChipError.BAD_PACKET
    assert protocol.errors().parse([answer("STATUS", errors=said)]) == ["BAD_PACKET", "BAD_STEPS"]
    assert len(protocol.errors().flits) == 1 and len(protocol.errors(clear=True).flits) == 2


@pytest.mark.parametrize(
    ("request_of", "answers", "says"),
    [
        (lambda p, i: p.errors(), [answer("CYCLES", cycles=1)], "the answer to STATUS was .*CYCLES"),
        (
            lambda p, i: p.classify(i, [np.zeros(5, np.int16)]),
            [answer("CYCLES", cycles=1), answer("DECISION", index=0, step=0, spiked=0)],
            "the answers to an image were .*CYCLES.*DECISION",
        ),
        (lambda p, i: p.errors(), [7], "what no chip sends"),
        (
            lambda p, i: p.read([Reading(0, 0, Memory.REGISTER, 0, 1)]),
            [answer("REPLY", x=1, y=0, data=5)] * 2,
            "the answer to a READ was .*'x': 1",
        ),
        (
            lambda p, i: p.read([Reading(0, 0, Memory.REGISTER, 0, 1), Reading(1, 0, Memory.REGISTER, 0, 1)]),
            [answer("REPLY", x=0, y=0, data=5)] * 4,
            r"node \(1, 0\) sent 0 of 2 replies of REGISTER",
        ),
    ],
)
def test_an_answer_that_does_not_answer_is_refused(protocol, image, request_of, answers, says):
    with pytest.raises(ProtocolError, match=says):
        request_of(protocol, image).parse(answers)


def test_an_image_of_another_chip_or_size_is_refused_before_anything_is_sent(image):
    with pytest.raises(WrongChipError):
        Protocol(dataclasses.replace(PARAMS, lanes=1)).load(image)
    with pytest.raises(ImageError, match=r"shape \(6,\)"):
        Protocol(PARAMS).classify(image, [np.zeros(6, np.int16)])
