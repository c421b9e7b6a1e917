"""Sequencer: the course of an image, with a barrier and a host played by the bench."""

import pytest
from support.bench import Bench, held
from yoso_hw.packet import Packets
from yoso_hw.params import ChipParams
from yoso_hw.sequencer import BARRIER_LATENCY, Sequencer

PARAMS = ChipParams()
PACKETS = Packets(PARAMS)


class Course(Bench):
    """A sequencer whose barrier says idle `busy` cycles after each tick, once the host's part is done.

    `ticks` gets (cycle, first, report) of each tick.
    """

    def __init__(self, busy=5, params=PARAMS):
        super().__init__(Sequencer(params))
        self.busy, self.ticks, self.forgets = busy, [], 0
        self.start = self.source(self.dut.start)
        self.answers = self.sink(self.dut.answer)
        self.host = []
        self.each_cycle(self._barrier)
        self.found_at: dict[int, int] = {}  # step -> index that the decision unit finds in it

    def _barrier(self):
        """The root hears of the host's leaf `BARRIER_LATENCY` cycles late, of the nodes' after `busy`."""
        get, dut = self.get, self.dut
        tick = get(dut.tick)
        if tick["tick"]:
            self.ticks.append((self.cycle, tick["first"], tick["report"]))
            self.host.clear()
        self.forgets += get(dut.forget)
        self.host.append((get(dut.host_idle), get(dut.parity)))
        since = self.cycle - self.ticks[-1][0] if self.ticks else 1000
        heard = self.host[-BARRIER_LATENCY] if len(self.host) >= BARRIER_LATENCY else (0, 0)
        idle = 0
        if heard[0] and since >= self.busy:
            idle = 1 << heard[1]
        yield dut.idle, idle
        if get(dut.competing) and not tick["tick"] and since == 2:
            at = len(self.ticks) - 1
            if at in self.found_at:
                yield dut.found, 1
                yield dut.index, self.found_at[at]
        if get(dut.forget):
            yield dut.found, 0

    def begin(self, steps, early=0, **rest):
        self.ticks.clear()
        self.start.put(Packets(self.dut.params).pack("START", steps=steps, early=early, **rest))
        self.run(lambda: not self.start.queue)

    def finish(self, count=2):
        self.run(lambda: len(self.answers.taken) >= count)
        self.step(8)
        return [PACKETS.unpack(flit) for flit in self.answers.taken]


def close_steps(course, steps):
    """The host's STEPs, each as soon as its step takes spikes, and END in the last."""
    for step in range(steps):
        course.run(lambda: course.get(course.dut.accepting))
        course.pulse(**{"image_end" if step == steps - 1 else "step_end": 1})


def kinds(course):
    return ["first" if first else "report" if report else "step" for _, first, report in course.ticks]


def test_an_image_in_which_nothing_fires_runs_all_its_steps_and_a_report():
    course = Course()
    course.begin(4)
    course.found_at = {4: 7}  # in the report
    close_steps(course, 4)
    decision, cycles = course.finish()
    assert kinds(course) == ["first", "step", "step", "step", "report"]
    assert (decision["name"], decision["index"], decision["step"], decision["spiked"]) == (
        "DECISION",
        7,
        3,
        0,
    )
    assert cycles["name"] == "CYCLES" and course.get(course.dut.loading)


@pytest.mark.parametrize("at", [0, 2, 4])
def test_with_early_exit_an_image_ends_at_its_deciding_step(at):
    course = Course()
    course.found_at = {at: 3}
    course.begin(5, early=1)
    for _ in range(at + 1):
        course.run(lambda: course.get(course.dut.accepting))
        course.pulse(step_end=1)
    decision, _ = course.finish()
    assert kinds(course) == ["first"] + ["step"] * at
    assert (decision["index"], decision["step"], decision["spiked"]) == (3, at, 1)
    # What is left of the image is discarded, up to its END.
    assert course.get(course.dut.draining) and not course.get(course.dut.loading)
    assert course.get(course.dut.complete) == (at == 4)
    course.pulse(step_end=1)
    assert course.get(course.dut.draining)
    course.pulse(image_end=1)
    course.step(2)
    assert course.get(course.dut.loading) and not course.get(course.dut.draining)


def test_without_early_exit_it_runs_to_the_last_step_and_the_first_decision_stands():
    course = Course()
    course.found_at = {1: 5, 3: 6}
    course.begin(4)
    close_steps(course, 4)
    decision, _ = course.finish()
    assert kinds(course) == ["first", "step", "step", "step"]
    assert (decision["index"], decision["step"], decision["spiked"]) == (5, 1, 1)


def test_end_closes_its_step_and_all_that_follow():
    course = Course()
    course.begin(6)
    course.pulse(image_end=1)
    course.found_at = {6: 0}
    course.finish()
    assert kinds(course) == ["first"] + ["step"] * 5 + ["report"]


def test_a_step_that_the_host_does_not_close_stays_open():
    course = Course()
    course.begin(3)
    course.step(100)
    assert len(course.ticks) == 1 and course.get(course.dut.accepting)
    course.pulse(step_end=1)
    course.step(10)
    assert len(course.ticks) == 2


def test_a_step_that_the_nodes_do_not_finish_stays_open():
    course = Course(busy=60)
    course.begin(3)
    course.pulse(step_end=1)
    course.step(40)
    assert len(course.ticks) == 1 and not course.get(course.dut.accepting)


def test_start_waits_until_the_barrier_has_seen_what_came_before_it():
    """`idle` may be up to date only `BARRIER_LATENCY` cycles after START has come to the door."""
    bench = Bench(Sequencer(PARAMS))
    bench.drive(idle=3)
    start = bench.source(bench.dut.start, PACKETS.pack("START", steps=2, early=0))
    bench.step(10)
    assert start.sent == [BARRIER_LATENCY]


def test_start_waits_for_a_mesh_that_is_not_idle():
    bench = Bench(Sequencer(PARAMS))
    start = bench.source(bench.dut.start, PACKETS.pack("START", steps=2, early=0))
    bench.step(30)
    assert start.sent == []
    bench.drive(idle=1)
    bench.step(2)
    assert len(start.sent) == 1


@pytest.mark.parametrize("steps", [1, PARAMS.steps])
def test_the_shortest_and_the_longest_image(steps):
    course = Course()
    course.found_at = {steps: 1}
    course.begin(steps)
    close_steps(course, steps)
    decision, _ = course.finish()
    assert len(course.ticks) == steps + 1 and decision["step"] == steps - 1


def test_cycles_are_counted_from_start_accepted_to_decision_valid():
    course = Course()
    course.answers.stall = 1.0
    valid = course.record(course.dut.answer.valid)
    course.begin(3)
    started = course.start.sent[-1]
    close_steps(course, 3)
    course.run(lambda: 1 in valid)
    course.step(50)  # a host that is not ready is not on the chip's account
    course.answers.stall = 0.0
    _, cycles = course.finish()
    assert cycles["cycles"] == valid.index(1) - started


@pytest.mark.parametrize("early", [0, 1])
def test_decision_and_cycles_stay_as_they_are_for_a_host_that_takes_them_late(early):
    course = Course()
    course.answers.stall = 1.0
    valid = course.record(course.dut.answer.valid)
    course.found_at = {1: 5}
    course.begin(3, early)
    started = course.start.sent[-1]
    for _ in range(2 if early else 3):
        course.run(lambda: course.get(course.dut.accepting))
        course.pulse(step_end=1)
    decision, cycles = PACKETS.unpack(held(course.answers)), PACKETS.unpack(held(course.answers))
    names = ("name", "index", "step", "spiked")
    assert tuple(decision[name] for name in names) == ("DECISION", 5, 1, 1)
    assert (cycles["name"], cycles["cycles"]) == ("CYCLES", valid.index(1) - started)
    course.step(3)
    assert not course.get(course.dut.answer.valid) and course.get(course.dut.draining)


def test_parity_turns_with_every_tick_and_images_follow_each_other():
    course = Course()
    for image in range(3):
        course.answers.taken.clear()
        course.found_at = {2: image}
        course.begin(2)
        assert course.get(course.dut.parity) == (image * 3 + 1) % 2
        close_steps(course, 2)
        decision, _ = course.finish()
        assert decision["index"] == image and course.forgets == image + 1


# ---- counts ----------------------------------------------------------------------------------------------

FAMILY = ChipParams(neuron="all")


def test_counted_all_spikes_compete_to_the_last_step_and_no_early_end_is_taken():
    course = Course(params=FAMILY)
    course.drive(ready=1)
    course.begin(4, early=1, count=1)
    course.found_at = {1: 7}
    competes = []
    for step in range(4):
        course.run(lambda: course.get(course.dut.accepting))
        course.step(3)
        competes.append((course.get(course.dut.competing), course.get(course.dut.counting)))
        course.pulse(**{"image_end" if step == 3 else "step_end": 1})
    decision, _cycles = course.finish()
    assert competes == [(1, 1)] * 4 and kinds(course) == ["first", "step", "step", "step"]
    assert (decision["index"], decision["step"], decision["spiked"]) == (7, 3, 1)


def test_in_a_report_potentials_compete_and_no_spikes_are_counted():
    course = Course(params=FAMILY)
    course.drive(ready=1)
    course.begin(2, count=1)
    course.found_at = {2: 5}
    close_steps(course, 2)
    course.run(lambda: kinds(course)[-1] == "report" and course.get(course.dut.competing))
    assert course.get(course.dut.counting) == course.get(course.dut.spikes) == 0
    decision, _cycles = course.finish()
    assert (decision["index"], decision["step"], decision["spiked"]) == (5, 1, 0)


def test_start_waits_until_counts_are_cleared():
    course = Course(params=FAMILY)
    course.start.put(Packets(FAMILY).pack("START", steps=1, early=0, count=0))
    course.step(30)
    assert course.start.queue and not course.ticks
    course.drive(ready=1)
    course.run(lambda: not course.start.queue)
    assert kinds(course) == ["first"]
