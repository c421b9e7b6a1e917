"""The check of the energy model (`yoso_sim.energy.measured`) finds events that are miscounted."""

import numpy as np
from support.flit_machine import FlitMachine, Pe
from support.reference import random_events
from support.walker import walk
from yoso_hw.params import ChipParams
from yoso_hw.registers import Register
from yoso_sim.energy.measured import Netlist, images_for
from yoso_sim.energy.model import PARTS
from yoso_sw.compile import work
from yoso_sw.compile.compiler import compile_network
from yoso_sw.compile.image import WeightImage
from yoso_sw.network.golden import run
from yoso_sw.network.layer import Layer, Window
from yoso_sw.network.network import Network
from yoso_sw.network.neuron import Neuron
from yoso_synth.power import Energy
from yoso_synth.toggles import Command
from yoso_synth.toggles import Window as Span

PARAMS = ChipParams(
    *(7, 6), lanes=2, neurons=128, weights=2048, acc_bits=18, pot_bits=22, side=24, classes=16
)

#: By how much in per cent the model may be off over whole images, energy and cycles with work.
BOUND = 0.5


class Spending(Pe):
    """A PE that notes what it spends: by its words and spikes and, as a netlist does, a bit by its data."""

    def __init__(self, params: ChipParams) -> None:
        super().__init__(params)
        self.spent = self.busy = 0

    def start(self) -> None:
        super().start()
        self.touched: set[int] = set()

    def sweep(self, step: int) -> list[int]:
        sent = super().sweep(step)
        moved = sum(self.a[j] & 1 for j in self.live)
        self.spent += 100 * self.told["words"] + 40 * len(self.touched) + 60 * len(sent) + moved
        self.busy += self.told["words"] + 4
        return sent

    def take(self, spike: dict) -> None:
        super().take(spike)
        if spike["tag"] == self.register(Register.TAG) and self.told["words"]:
            requests = [*walk(spike, *self.tables, self.told)]
            self.touched |= {word for word, _ in requests}
            self.spent += 170 * len(requests) + (50 if requests else 10) + sum(row % 5 for _, row in requests)
            self.busy += len(requests)


class Toggles:
    """In place of a netlist's: runs the bench's commands on a PE that takes flits literally."""

    def __init__(self, image: WeightImage) -> None:
        self.params = image.params

    def run(self, commands: list[Command]) -> tuple[list[Span], list[tuple[int, int]]]:
        machine = FlitMachine(self.params)
        marks, flits, idle, passed, step = [], [], 0, 0, 0
        for command in commands:
            if command.kind == "place":
                pe = machine.nodes[command.a, command.b] = Spending(self.params)
            elif command.kind == "flit":
                fields, passed = machine.packets.unpack(command.b), passed + 1
                if pe in machine.targets(fields):
                    self.give(pe, fields)
            elif command.kind == "tick":
                step = 0 if command.a else step + 1
                if step == 0:
                    pe.start()
                flits += [(0, machine.send(pe, neuron)[0]) for neuron in pe.sweep(step)]
            elif command.kind == "mark":
                marks.append((idle + pe.busy, pe.busy, pe.spent + 2 * passed))
            else:
                idle += command.a if command.kind == "cycles" else 3
        none = np.zeros(0, np.int64)
        taken = np.diff(np.array(marks), axis=0)
        return [Span(*one[:2].tolist(), none, none, none, one[2:], none) for one in taken], flits

    @staticmethod
    def give(pe: Spending, fields: dict) -> None:
        if fields["name"] == "SPIKE":
            pe.take(fields)
        elif fields["name"] == "SEEK":
            pe.seek(fields["memory"], fields["address"])
        else:
            pe.write(fields["data"])


class Model:
    """2 pJ of the core a cycle, and what the PE spends."""

    def energy(self, window: Span) -> Energy:
        return Energy({(PARTS["core"][0], ""): 2.0 * window.cycles + float(window.reads.sum())})


def convolution(rng: np.random.Generator, side: int, channels: int, threshold: int, **more: bool) -> Layer:
    """Four filters of 3 x 3, three weights of four above 0."""
    window = Window(side, side, channels, 3)
    weights = rng.integers(1, 8, (window.axons, 4)) * rng.choice([-1, 1, 1, 1], (window.axons, 4))
    return Layer(weights.astype(np.int8), Neuron(threshold, 2, 20), window=window, **more)


def checked() -> dict:
    """Costs of a network of two convolutions, the first of them pooled, and their check."""
    rng = np.random.default_rng(28)
    first, second = convolution(rng, 14, 1, 60, pool=True), convolution(rng, 6, 4, 120)
    output = Layer(rng.integers(1, 8, (64, 6)).astype(np.int8), Neuron(900, 4, 20))
    network = Network("small", (first, second, output), 20, 10, "ttfs", 4)
    image = compile_network(network, PARAMS)
    inputs = random_events(rng, images_for(PARAMS), network)
    netlist = Netlist(
        Toggles(image),  # type: ignore[arg-type]
        Model(),  # type: ignore[arg-type]
        image,
        network.layers,
        run(network, inputs, params=PARAMS),
    )
    return netlist.check(netlist.costs())


def test_the_model_comes_to_what_pes_spend_on_images_that_it_was_not_measured_with():
    check = checked()
    assert abs(check["difference_percent"]) < BOUND and abs(check["busy_difference_percent"]) < BOUND
    assert len(check["layers"]) == 3
    assert all(abs(layer["difference_percent"]) < 3 * BOUND for layer in check["layers"])


def test_spikes_that_count_as_all_words_of_a_pe_are_found(monkeypatch):
    monkeypatch.setattr(
        work, "updated", lambda layer, part, inputs, lanes: np.full(len(inputs), part.words(lanes))
    )
    check = checked()
    assert abs(check["difference_percent"]) > BOUND or abs(check["busy_difference_percent"]) > BOUND
