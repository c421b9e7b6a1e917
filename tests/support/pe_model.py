"""A PE as the benches expect it: neurons, counters and flits in plain integers, spikes in the order given."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from yoso_hw.packet import Packets
from yoso_hw.params import ChipParams
from yoso_hw.registers import Counter, Memory, pack_all, pack_entry

from support.paths import Paths, dense
from support.walker import groups
from support.words import Rectangle, join, to_rectangle


@dataclass
class PeSetup:
    """Registers, weights (a list of lanes a word) and what each neuron's spike says.

    On a chip with convolution also how the PE finds neurons and weights, else None.
    """

    params: ChipParams
    tag: int
    words: int
    mask: int
    threshold: int
    slope: int
    start: int
    end: int
    output: bool
    base: int
    destination: Rectangle
    destination_tag: int
    weights: list[list[int]] = field(repr=False)
    addresses: list[dict[str, int]] = field(repr=False)
    paths: Paths | None = None

    @classmethod
    def random(cls, params: ChipParams, rng: random.Random, **fixed) -> PeSetup:
        """A layer with any number of words and lanes, either slope, any window; `fixed` fields as given.

        It is dense unless `paths` are given.
        """
        words = fixed.get("words", rng.randint(1, params.neuron_words))
        # Small, large and one-sided weights: a PE adds up in the order of arrival, so A may saturate here.
        low, high = rng.choice([(-3, 3), (params.weight_min, params.weight_max), (0, params.weight_max)])
        top = rng.choice([20, 200, params.pot_max])
        start = rng.choice([0, 0, rng.randint(0, params.steps)])
        xs = sorted(rng.randrange(params.cols) for _ in range(2))
        ys = sorted(rng.randrange(params.rows) for _ in range(2))
        last_row = params.weight_words - params.neuron_words
        drawn = {
            "tag": rng.randrange(1, params.layers),
            "words": words,
            "mask": rng.randrange(1, 1 << params.lanes),
            "threshold": rng.randint(1, top),
            "slope": rng.choice([0, 0, rng.randint(1, top)]),
            "start": start,
            "end": rng.choice([params.steps, params.steps, rng.randint(0, params.steps)]),
            "output": rng.random() < 0.3,
            "base": rng.randrange(params.classes - params.neurons + 1),
            "destination": (*xs, *ys),
            "destination_tag": rng.randrange(params.layers),
            "weights": [
                [rng.randint(low, high) for _ in range(params.lanes)] for _ in range(params.weight_words)
            ],
            "addresses": [{"row": rng.randint(0, last_row)} for _ in range(params.neurons)],
        }
        if params.side:
            drawn["paths"] = dense(params, words)
            for address in drawn["addresses"]:
                address |= {"r": rng.randrange(params.side), "q": rng.randrange(params.side)}
        return cls(params, **{**drawn, **fixed})

    def registers(self) -> list[int]:
        return pack_all(
            self.params,
            tag=self.tag,
            words=self.words,
            last_mask=self.mask,
            threshold=self.threshold,
            slope=self.slope,
            window_start=self.start,
            window_end=self.end,
            output=int(self.output),
            base=self.base,
            **to_rectangle(self.destination),
            destination_tag=self.destination_tag,
            **(self.paths.registers() if self.paths else {}),
        )

    @property
    def filter_words(self) -> int:
        """Words of a position; of a dense layer all."""
        return self.paths.filter_words if self.paths else self.words

    @property
    def pools(self) -> bool:
        return bool(self.paths and self.paths.blocks)

    def spike_memory(self) -> list[int]:
        return [pack_entry(self.params, Memory.SPIKE, **address) for address in self.addresses]

    def weight_memory(self) -> list[int]:
        return [join(lanes, self.params.weight_bits) for lanes in self.weights]


@dataclass
class PeModel:
    """State of a PE between two packets. Lanes that hold no neuron count along, but never send."""

    setup: PeSetup
    counts: dict[Counter, int] = field(default_factory=lambda: dict.fromkeys(Counter, 0))
    step: int = -1
    parity: int = 0

    def __post_init__(self) -> None:
        size = self.setup.words * self.setup.params.lanes
        self.acc, self.pot, self.fired = [0] * size, [0] * size, [False] * size

    def holds(self, neuron: int) -> bool:
        """A lane of a neuron word holds a neuron."""
        word, lane = divmod(neuron, self.setup.params.lanes)
        return (word + 1) % self.setup.filter_words != 0 or bool(self.setup.mask >> lane & 1)

    def sweep(self, first: bool) -> list[int]:
        """Begin a step; returns the neurons that are sent: those that fire, or, pooled, of their groups."""
        setup, params = self.setup, self.setup.params
        before = [False] * len(self.fired) if first else list(self.fired)
        self.step = 0 if first else self.step + 1
        self.parity ^= 1
        sloped = setup.slope > 0 and self.step >= setup.start
        may_fire = setup.start <= self.step < setup.end
        firing = []
        for j in range(len(self.acc)):
            if first:
                self.acc[j], self.pot[j], self.fired[j] = 0, 0, False
            if self.fired[j]:
                continue
            v = self.pot[j] + (setup.slope if sloped else self.acc[j])
            self.pot[j] = max(params.pot_min, min(params.pot_max, v))
            if may_fire and self.pot[j] >= setup.threshold:
                self.fired[j] = True
                if self.holds(j):
                    firing.append(j)
        if setup.pools:
            firing = self._passed({*firing}, before)
        words = setup.words
        self._count(SWEEPS=int(words > 0), POT_WRITES=words, SPIKES_OUT=len(firing))
        if first:
            self._count(ACC_WRITES=words)
        else:
            self._count(ACC_READS=words, POT_READS=words)
        self._count(**{"POT_READS" if setup.output else "SPIKE_READS": len(firing)})
        return firing

    def _passed(self, firing: set[int], before: list[bool]) -> list[int]:
        """Of each group of which a neuron fires and none had: its fourth."""
        assert self.setup.paths
        lanes, passed = self.setup.params.lanes, []
        for words in groups(self.setup.words, self.setup.paths.registers()):
            for lane in range(lanes):
                members = [word * lanes + lane for word in words]
                if firing & {*members} and not any(before[j] for j in members):
                    passed.append(members[3])
        return passed

    def spike(self, row: int, r: int = 0, q: int = 0) -> None:
        """Integrate a spike of the PE's own layer: as far as its path leads, without paths all or nothing."""
        params, setup = self.setup.params, self.setup
        if setup.paths:
            path, bad = setup.paths.spike({"row": row, "r": r, "q": q})
        else:
            path, bad = [(word, row + word) for word in range(setup.words)], False
            if row + setup.words > params.weight_words:
                return
        for word, weights in path:
            for lane in range(params.lanes):
                j = word * params.lanes + lane
                a = self.acc[j] + setup.weights[weights][lane]
                self.acc[j] = max(params.acc_min, min(params.acc_max, a))
        count, whole = len(path), bool(path) and not bad
        self._count(
            SPIKES_IN=int(whole), UPDATES=count, WEIGHT_READS=count, ACC_READS=count, ACC_WRITES=count
        )

    def report(self) -> list[int]:
        """A report: every neuron of an output layer is sent."""
        self.parity ^= 1
        sent = [j for j in range(len(self.acc)) if self.holds(j)] if self.setup.output else []
        self._count(POT_READS=len(sent))
        return sent

    def flits(self, packets: Packets, neurons: list[int]) -> list[int]:
        """What a PE sends for them: a RESULT or a SPIKE each; without multicast one a destination."""
        setup = self.setup
        if setup.output:
            return [packets.pack("RESULT", index=setup.base + j, potential=self.pot[j]) for j in neurons]
        x0, x1, y0, y1 = setup.destination
        targets = [setup.destination]
        if not setup.params.multicast:
            targets = [(x, x, y, y) for y in range(y0, y1 + 1) for x in range(x0, x1 + 1)]
        return [
            packets.pack(
                "SPIKE",
                **to_rectangle(target),
                tag=setup.destination_tag,
                parity=self.parity,
                **setup.addresses[j],
            )
            for j in neurons
            for target in targets
        ]

    def _count(self, **events: int) -> None:
        for name, times in events.items():
            self.counts[Counter[name]] += times
