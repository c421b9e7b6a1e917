"""What the bench of a mapped node (`toggles`) is told: a network's load phase, images and single events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from yoso_hw.packet import Kind, Packets, kind_of
from yoso_sw.compile.flits import one_node, rectangle_fields, write_flits
from yoso_sw.compile.image import WeightImage
from yoso_sw.compile.tables import Address, address, bias_address, inputs_at
from yoso_sw.compile.work import Work
from yoso_synth.toggles import Command

EAST, WEST, NORTH, SOUTH = range(4)


class NodeBench:
    """Commands for the node at (x, y) of a compiled network.

    What the host sends comes from the west in row 0 and from the south above it, as X-Y routing brings it.
    """

    def __init__(self, image: WeightImage, x: int, y: int) -> None:
        self.image, self.x, self.y = image, x, y
        self.packets: Packets = image.packets
        self.link = SOUTH if y else WEST
        owners = [
            (number, part)
            for number, layer in enumerate(image.layers)
            for part in layer.slices
            if (part.x, part.y) == (x, y)
        ]
        self.number, self.part = owners[0]
        self.layer = image.layers[self.number]
        self.work = Work(image, self.number, self.part)
        self.words = self.work.words
        self.parity = 0

    def load(self) -> list[Command]:
        """The load phase."""
        commands = [Command("place", self.x, self.y)]
        for run in self.image.runs:
            if (run.x, run.y) == (self.x, self.y):
                flits = write_flits(self.packets, one_node(run.x, run.y), run.memory, run.address, run.data)
                commands += [Command("flit", self.link, int(flit)) for flit in flits]
        return [*commands, Command("drain")]

    def tick(self, first: bool) -> Command:
        """The barrier's tick."""
        self.parity ^= 1
        return Command("tick", int(first))

    def spike(self, axon: int) -> Command:
        """A spike of one input of the node's layer; of its bias, where `axon` is one beyond them."""
        found = address(self.layer, np.array([axon]))
        at = {name: int(values[0]) for name, values in found._asdict().items()}
        if axon == self.layer.inputs:
            at = bias_address(self.layer)
        x0, x1, y0, y1 = self.work.ways[axon].tolist()
        to = rectangle_fields((x0, x1, y0, y1))
        return Command("flit", self.link, self._spike(**to, tag=self.layer.tag, parity=self.parity, **at))

    def _spike(self, **fields: int) -> int:
        """A SPIKE; of fields that the chip has."""
        known = {field.name for field in self.packets.formats["SPIKE"].fields}
        return self.packets.pack("SPIKE", **{name: fields[name] for name in fields if name in known})

    def sent(self, flits: list[tuple[int, int]]) -> list[int]:
        """Outputs of the node's layer whose SPIKE is among the flits that left the node, once a spike,
        ascending.

        A flit that leaves by two links is one spike.
        """
        following = self.image.layers[self.number + 1]
        counts: Counter[tuple[int, int]] = Counter()
        for link, flit in flits:
            if kind_of(flit) == Kind.SPIKE and (one := self.packets.unpack(flit))["tag"] == following.tag:
                at = Address(*(np.array([int(one.get(name, 0))]) for name in Address._fields))
                counts[int(inputs_at(following, at)[0]), link] += 1
        most: dict[int, int] = {}
        for (output, _), count in counts.items():
            most[output] = max(count, most.get(output, 0))
        return sorted(Counter(most).elements())

    def passing(self, row: int) -> Command:
        """A spike that only passes through the router: to the next node north or, in the last row, east; in
        the corner, from the east to the west, or in a single column from the north to the south."""
        x, y, params = self.x, self.y, self.image.params
        if y + 1 < params.rows:
            link, to = self.link, one_node(x, y + 1)
        elif x + 1 < params.cols:
            link, to = WEST, one_node(x + 1, y)
        else:
            link, to = (EAST, one_node(x - 1, y)) if x else (NORTH, one_node(x, y - 1))
        flit = self._spike(**rectangle_fields(to), tag=0, parity=0, row=row, r=0, q=0)
        return Command("flit", link, flit)

    def image_commands(self, axons: list[list[int]], windows: Sequence[str]) -> list[Command]:
        """An image. `windows` are what of it is marked off: nothing, every "step", or in every step apart the
        "sweep" and the "spikes"."""
        commands = []
        for step, spiking in enumerate(axons):
            commands.append(self.tick(step == 0))
            if "sweep" in windows:
                commands += [Command("drain"), Command("mark")]
            commands += [self.spike(axon) for axon in spiking]
            commands.append(Command("drain"))
            if windows:
                commands.append(Command("mark"))
        return commands
