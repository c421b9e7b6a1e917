"""Host port: right packets go on, wrong ones are dropped and leave their sticky bit, answers come out."""

import random
from dataclasses import replace

import pytest
from support.bench import Bench, held
from support.extremes import LARGEST
from yoso_hw.host import HostPort
from yoso_hw.packet import KIND_BITS, ChipError, Kind, Op, Packets
from yoso_hw.params import ChipParams

PARAMS = ChipParams(cols=3, rows=5, steps=20)
PACKETS = Packets(PARAMS)
ONE_NODE = {"x0": 2, "x1": 2, "y0": 4, "y1": 4}


def spike(parity=0, row=0, **rectangle):
    return PACKETS.pack("SPIKE", **{**ONE_NODE, **rectangle}, tag=1, parity=parity, row=row)


def seek(**rectangle):
    return PACKETS.pack("SEEK", **{**ONE_NODE, **rectangle}, memory=0, address=3)


class Port(Bench):
    """A host port in one phase of the sequencer."""

    def __init__(self, phase, params=PARAMS, *, stall=0.0, seed=0, **members):
        super().__init__(HostPort(params), seed=seed)
        self.drive(
            **{"loading": 0, "accepting": 0, "draining": 0, "complete": 0}
            | ({phase: 1} if phase else {})
            | members
        )
        self.host = self.source(self.dut.host_in, stall=stall)
        self.answers = self.sink(self.dut.host_out, stall=stall)
        self.mesh = self.sink(self.dut.inject, stall=stall)
        self.starts = self.sink(self.dut.start)
        self.exit = self.source(self.dut.exit, stall=stall)
        self.answer = self.source(self.dut.answer)
        self.ends = [self.record(self.dut.step_end), self.record(self.dut.image_end)]
        self.results = []
        self.each_cycle(self._watch)

    def _watch(self):
        if self.get(self.dut.result):
            self.results.append(self.get(self.dut.result_flit))

    def send(self, *flits):
        self.host.put(*flits)
        self.run(lambda: not self.host.queue)
        self.step(8)
        return self

    def errors(self):
        before = len(self.answers.taken)
        self.host.put(PACKETS.pack("STATUS", errors=0))
        self.run(lambda: len(self.answers.taken) > before)
        return PACKETS.unpack(self.answers.taken.pop())["errors"]


# ---- what goes on ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("stall", [0.0, 0.6])
def test_in_the_load_phase_memory_packets_go_into_the_mesh_in_order(stall):
    flits = [seek(), PACKETS.pack("WRITE", **ONE_NODE, data=7), PACKETS.pack("READ", **ONE_NODE)] * 8
    port = Port("loading", stall=stall).send(*flits)
    port.run(lambda: len(port.mesh.taken) == len(flits))
    assert port.mesh.taken == flits and port.errors() == 0


def test_load_takes_a_flit_a_cycle():
    port = Port("loading")
    port.host.put(*[seek()] * 30)
    port.step(33)
    assert port.mesh.cycles == list(range(1, 31))


@pytest.mark.parametrize("parity", [0, 1])
def test_spikes_are_stamped_with_the_parity_of_the_running_step(parity):
    rows = range(10)
    port = Port("accepting", parity=parity).send(*(spike(row % 2, row) for row in rows))
    assert port.mesh.taken == [spike(parity, row) for row in rows] and port.errors() == 0


def test_step_and_end_are_passed_on_once_each():
    port = Port("accepting").send(PACKETS.pack("STEP"), PACKETS.pack("STEP"), PACKETS.pack("END"))
    assert [sum(end) for end in port.ends] == [2, 1] and port.mesh.taken == [] and port.errors() == 0


def test_start_is_passed_on():
    start = PACKETS.pack("START", steps=20, early=1)
    port = Port("loading").send(start)
    assert port.starts.taken == [start] and port.errors() == 0


def test_everything_waits_while_a_step_is_being_closed():
    port = Port(None)
    flits = [spike(), PACKETS.pack("STEP"), PACKETS.pack("STATUS", errors=0)]
    port.host.put(*flits)
    port.step(20)
    assert port.mesh.taken == [] and port.answers.taken == [] and not any(map(sum, port.ends))
    port.drive(accepting=1)
    port.run(lambda: port.answers.taken)
    assert port.mesh.taken == [spike()] and sum(port.ends[0]) == 1


def test_what_is_left_of_an_image_is_discarded_to_its_end():
    left = [spike(), PACKETS.pack("STEP"), spike(), spike(x0=2, x1=1), PACKETS.pack("END")]
    port = Port("draining").send(*left)
    assert port.mesh.taken == [] and sum(port.ends[1]) == 1 and port.errors() == 0


def test_a_spike_or_step_past_the_last_step_is_reported_and_an_end_is_not():
    for flit, wrong in ((spike(), True), (PACKETS.pack("STEP"), True), (PACKETS.pack("END"), False)):
        port = Port("draining", complete=1).send(flit)
        assert port.mesh.taken == [] and port.errors() == wrong << ChipError.WRONG_PHASE


def test_without_multicast_a_spike_enters_the_mesh_once_a_node():
    params = ChipParams(cols=3, rows=5, steps=20, multicast=False)
    wide = {"x0": 0, "x1": 2, "y0": 1, "y1": 2}
    port = Port("accepting", params, stall=0.3, parity=1).send(spike(0, 5, **wide))
    port.run(lambda: len(port.mesh.taken) == 6)
    assert port.mesh.taken == [spike(1, 5, x0=x, x1=x, y0=y, y1=y) for y in (1, 2) for x in (0, 1, 2)]


# ---- what does not ---------------------------------------------------------------------------------------


def control(op):
    return Kind.CONTROL | op << KIND_BITS


WRONG = {
    "REPLY from the host": ("loading", Kind.REPLY, ChipError.BAD_PACKET),
    "RESULT from the host": ("accepting", Kind.RESULT, ChipError.BAD_PACKET),
    "unknown kind": ("loading", 7, ChipError.BAD_PACKET),
    "DECISION from the host": ("loading", control(Op.DECISION), ChipError.BAD_PACKET),
    "CYCLES from the host": ("accepting", control(Op.CYCLES), ChipError.BAD_PACKET),
    "unknown operation": ("loading", control(7), ChipError.BAD_PACKET),
    "column past the mesh": ("accepting", spike(x1=3), ChipError.BAD_DESTINATION),
    "row past the mesh": ("accepting", spike(y1=5), ChipError.BAD_DESTINATION),
    "empty columns": ("accepting", spike(x0=2, x1=1), ChipError.BAD_DESTINATION),
    "empty rows": ("accepting", spike(y0=4, y1=3), ChipError.BAD_DESTINATION),
    "memory packet past the mesh": ("loading", seek(x1=3), ChipError.BAD_DESTINATION),
    "memory packet in the run phase": ("accepting", seek(), ChipError.WRONG_PHASE),
    "memory packet while draining": ("draining", seek(), ChipError.WRONG_PHASE),
    "spike in the load phase": ("loading", spike(), ChipError.WRONG_PHASE),
    "STEP in the load phase": ("loading", PACKETS.pack("STEP"), ChipError.WRONG_PHASE),
    "END in the load phase": ("loading", PACKETS.pack("END"), ChipError.WRONG_PHASE),
    "START in the run phase": ("accepting", PACKETS.pack("START", steps=5, early=0), ChipError.WRONG_PHASE),
    "no steps": ("loading", PACKETS.pack("START", steps=0, early=0), ChipError.BAD_STEPS),
    "too many steps": ("loading", PACKETS.pack("START", steps=21, early=0), ChipError.BAD_STEPS),
}


@pytest.mark.parametrize(("phase", "flit", "error"), WRONG.values(), ids=WRONG)
def test_a_wrong_packet_is_dropped_and_leaves_its_sticky_bit(phase, flit, error):
    port = Port(phase).send(int(flit))
    assert port.mesh.taken == [] and port.starts.taken == [] and not any(map(sum, port.ends))
    assert port.errors() == 1 << error
    assert port.errors() == 1 << error  # sticky
    port.send(PACKETS.pack("CLEAR"))
    assert port.errors() == 0


def test_the_error_of_a_pe_is_a_sticky_bit_too():
    port = Port("loading")
    port.pulse(error=1)
    assert port.errors() == 1 << ChipError.PE_ERROR


def test_errors_gather_and_a_new_one_leaves_the_others_as_they_are():
    """One after the other in any order, and again with all of them set."""
    rng = random.Random(5)
    wrong = {error: (phase, int(flit)) for phase, flit, error in WRONG.values()}
    port, gathered = Port(None), 0
    for error in [*rng.sample(list(ChipError), len(ChipError)), *ChipError]:
        if error is ChipError.PE_ERROR:
            port.drive(loading=1)
            port.pulse(error=1)
        else:
            phase, flit = wrong[error]
            port.drive(**{"loading": 0, "accepting": 0, "draining": 0, phase: 1})
            port.send(flit)
        gathered |= 1 << error
        assert port.errors() == gathered
        port.drive(loading=0, accepting=0, draining=0)
    port.drive(loading=1)
    port.send(PACKETS.pack("CLEAR"))
    assert port.errors() == 0


# ---- what comes out --------------------------------------------------------------------------------------


@pytest.mark.parametrize("stall", [0.0, 0.6])
def test_results_go_to_the_decision_unit_and_replies_to_the_host(stall):
    rng = random.Random(2)
    replies = [PACKETS.pack("REPLY", x=1, y=2, data=data) for data in range(12)]
    results = [PACKETS.pack("RESULT", index=index, potential=-index) for index in range(12)]
    flits = rng.sample(replies + results, 24)
    port = Port("loading", stall=stall)
    port.exit.put(*flits)
    port.run(lambda: not port.exit.queue and len(port.answers.taken) == 12)
    port.step(1)
    assert port.answers.taken == [flit for flit in flits if flit in replies]
    assert port.results == [flit for flit in flits if flit in results]


def test_results_are_taken_though_the_host_takes_nothing():
    port = Port("accepting")
    port.answers.stall = 1.0
    port.answer.put(*[PACKETS.pack("CYCLES", cycles=k) for k in range(3)])
    port.step(5)
    results = [PACKETS.pack("RESULT", index=index % 16, potential=-index) for index in range(20)]
    port.exit.put(*results)
    port.step(21)
    assert port.results == results


def test_a_reply_that_waits_for_the_host_is_seen_and_a_result_never_waits():
    for flit, waits in (
        (PACKETS.pack("REPLY", x=0, y=0, data=1), 1),
        (PACKETS.pack("RESULT", index=1, potential=2), 0),
    ):
        port = Port("loading")
        port.answers.stall = 1.0
        port.answer.put(*[PACKETS.pack("CYCLES", cycles=k) for k in range(2)])
        port.step(5)
        assert port.get(port.dut.empty)
        port.exit.put(flit)
        port.step(10)
        assert port.get(port.dut.empty) == 1 - waits
        port.answers.stall = 0.0
        port.step(10)
        assert port.get(port.dut.empty)


def test_answers_of_all_kinds_come_out_once_each_to_a_slow_host():
    port = Port("loading", stall=0.7)
    answers = [PACKETS.pack("DECISION", index=1, step=2, spiked=1), PACKETS.pack("CYCLES", cycles=99)]
    replies = [PACKETS.pack("REPLY", x=0, y=0, data=data) for data in range(10)]
    port.answer.put(*answers)
    port.exit.put(*replies)
    port.host.put(*[PACKETS.pack("STATUS", errors=0)] * 5)
    port.run(lambda: len(port.answers.taken) == 17)
    port.step(20)
    status = PACKETS.pack("STATUS", errors=0)
    assert port.answers.taken.count(status) == 5 and len(port.answers.taken) == 17
    assert [flit for flit in port.answers.taken if flit in answers] == answers
    assert [flit for flit in port.answers.taken if flit in replies] == replies


def test_flits_of_the_mesh_wait_while_an_answer_goes_out_and_none_is_lost():
    port = Port("loading")
    replies = [PACKETS.pack("REPLY", x=0, y=0, data=data) for data in range(12)]
    answers = [PACKETS.pack("CYCLES", cycles=cycles) for cycles in range(4)]
    port.exit.put(*replies)
    for answer in answers:
        port.step(3)
        port.answer.put(answer)
    port.step(20)
    assert [flit for flit in port.answers.taken if flit in replies] == replies
    assert [flit for flit in port.answers.taken if flit in answers] == answers
    assert port.answers.taken[0] in replies and port.answers.taken[-1] in replies


def test_each_answer_stays_as_it_is_for_a_host_that_takes_it_late():
    """The two in the FIFO, the one in the register and those that stand at the door."""
    port = Port("loading")
    port.answers.stall = 1.0
    port.host.put(int(spike()), PACKETS.pack("STATUS", errors=0))
    port.run(lambda: port.get(port.dut.host_out.valid))
    status = PACKETS.pack("STATUS", errors=1 << ChipError.WRONG_PHASE)
    answers = [
        PACKETS.pack("DECISION", index=1, step=2, spiked=1),
        PACKETS.pack("CYCLES", cycles=99),
        PACKETS.pack("DECISION", index=3, step=0, spiked=0),
    ]
    replies = [PACKETS.pack("REPLY", x=0, y=1, data=data) for data in (5, 10, 11)]
    port.answer.put(*answers)
    port.exit.put(*replies)
    port.step(5)
    port.pulse(error=1)  # a STATUS that waits tells of its own time
    port.host.put(PACKETS.pack("STATUS", errors=0))
    later = PACKETS.pack("STATUS", errors=1 << ChipError.WRONG_PHASE | 1 << ChipError.PE_ERROR)
    assert [held(port.answers) for _ in range(8)] == [status, *answers, later, *replies]


@pytest.mark.parametrize("stall", [0.0, 0.7])
def test_a_count_is_answered_with_what_comes_a_cycle_after_it_was_asked_for(stall):
    """The bench counts as the decision unit: an answer stays until the next question."""
    params = replace(PARAMS, neuron="all")
    packets = Packets(params)
    port = Port("loading", params, stall=stall, count=0)

    def counts():
        if port.get(port.dut.ask):
            yield port.dut.count, port.get(port.dut.asked) % 7 + 1

    port.each_cycle(counts)
    replies = [packets.pack("REPLY", x=0, y=0, data=data) for data in range(6)]
    port.exit.put(*replies)
    asked = [packets.pack("COUNT", index=index, spikes=0) for index in range(20)]
    port.host.put(*asked)
    port.run(lambda: len(port.answers.taken) == len(asked) + len(replies))
    answers = [packets.pack("COUNT", index=index, spikes=index % 7 + 1) for index in range(20)]
    assert [flit for flit in port.answers.taken if flit not in replies] == answers
    assert [flit for flit in port.answers.taken if flit in replies] == replies and port.mesh.taken == []


@pytest.mark.parametrize("phase", ["accepting", "draining"])
def test_a_count_is_no_question_of_a_running_image(phase):
    params = replace(PARAMS, neuron="all")
    port = Port(phase, params, count=3)
    asks = port.record(port.dut.ask)
    port.send(Packets(params).pack("COUNT", index=3, spikes=0))
    assert port.errors() == 1 << ChipError.WRONG_PHASE and not any(asks) and port.answers.taken == []


@pytest.mark.parametrize("phase", ["loading", "accepting"])
def test_what_waits_for_the_mesh_stays_as_it_is(phase):
    flits = [seek(), PACKETS.pack("WRITE", **ONE_NODE, data=7), PACKETS.pack("READ", **ONE_NODE)]
    if phase == "accepting":
        flits = [spike(1, row) for row in (3, 4, 5)]
    port = Port(phase, parity=1)
    port.mesh.stall = 1.0
    port.host.put(*flits)
    assert [held(port.mesh) for _ in flits] == flits


def test_a_start_that_waits_stays_as_it_is_and_what_follows_waits_behind_it():
    starts = [PACKETS.pack("START", steps=20, early=1), PACKETS.pack("START", steps=3, early=0)]
    port = Port("loading")
    port.starts.stall = 1.0
    port.host.put(*starts, seek())
    assert [held(port.starts) for _ in starts] == starts
    port.step(3)
    assert port.mesh.taken == [seek()] and port.mesh.cycles[0] > port.starts.cycles[-1]


@pytest.mark.parametrize("cols", range(1, 17))
def test_the_farthest_corner_of_every_mesh_is_a_destination_and_none_beyond(cols):
    params = ChipParams(cols=cols, rows=17 - cols)
    packets, x, y = Packets(params), cols - 1, 16 - cols
    corner = packets.pack("READ", x0=x, x1=x, y0=y, y1=y)
    port = Port("loading", params).send(corner)
    assert port.mesh.taken == [corner] and port.errors() == 0
    for beyond in ({"x0": x, "x1": x + 1, "y0": y, "y1": y}, {"x0": x, "x1": x, "y0": y, "y1": y + 1}):
        if beyond["x1"] < 1 << params.x_bits and beyond["y1"] < 1 << params.y_bits:
            port = Port("loading", params).send(packets.pack("READ", **beyond))
            assert port.mesh.taken == [] and port.errors()


@pytest.mark.parametrize("params", [ChipParams(), LARGEST], ids=["default", "largest"])
def test_every_tag_and_the_last_row_and_step_pass_as_they_are(params):
    packets = Packets(params)
    corner = {"x0": 0, "x1": params.cols - 1, "y0": params.rows - 1, "y1": params.rows - 1}
    last = params.weight_words - 1
    flits = [
        packets.pack("SPIKE", **corner, tag=tag, parity=0, row=row)
        for tag in range(params.layers)
        for row in (0, last)
    ]
    port = Port("accepting", params).send(*flits)
    assert port.mesh.taken == flits and port.errors() == 0
    start = packets.pack("START", steps=params.steps, early=1)
    port = Port("loading", params).send(start)
    assert port.starts.taken == [start] and port.errors() == 0


def test_a_mesh_of_one_node_has_one_destination():
    params = ChipParams(cols=1, rows=1)
    packets = Packets(params)
    right = packets.pack("READ", x0=0, x1=0, y0=0, y1=0)
    wrong = [packets.pack("READ", x0=0, x1=1, y0=0, y1=0), packets.pack("READ", x0=0, x1=0, y0=0, y1=1)]
    port = Port("loading", params).send(wrong[0], right, wrong[1])
    assert port.mesh.taken == [right]
