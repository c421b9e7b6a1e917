"""The weight image: everything a host sends to a chip to make it run one network, and what it needs to know.

The file format is docs/weight-image.md. A file is read without executing anything, and a file that is not
whole is refused by name.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from yoso_hw.packet import Packets, kind_of
from yoso_hw.params import ChipParams, ParamError
from yoso_hw.registers import Memory, chunks, memory_shape
from yoso_hw.writing import write_whole

from yoso_sw.compile import sound
from yoso_sw.compile.flits import one_node, pack_words, write_flits
from yoso_sw.compile.layout import LayerMap, Slice
from yoso_sw.compile.routes import rectangles, touched
from yoso_sw.compile.tables import Address, address, bias_address, inputs_at
from yoso_sw.data.encoding import spike_steps
from yoso_sw.network.events import NEVER, Events
from yoso_sw.network.network import Window, most_spikes

MAGIC = b"YOSO-IMG"
VERSION = 3

#: Versions that can be read; 1 has no input code, and no layers or chips but those of the ReL-PSP neuron; 2
#: has no convolutions.
READABLE = (1, 2, 3)
PREAMBLE = struct.Struct("<8sIIQ")  # magic, version, bytes of header, bytes of payload
CHECKSUM = struct.Struct("<I")


def _listed(numbers: tuple[int, ...]) -> str:
    return f"{', '.join(map(str, numbers[:-1]))} and {numbers[-1]}"


class ImageError(ValueError):
    """A weight image, or what it was asked for, is not valid."""


class NotAnImageError(ImageError):
    """The file is missing, or does not begin like a weight image."""


class ImageVersionError(ImageError):
    """The file is a weight image of another version."""


class TruncatedImageError(ImageError):
    """The file ends early."""


class CorruptedImageError(ImageError):
    """The file is as long as it should be, or longer, and its contents are wrong."""


class WrongChipError(ImageError):
    """The image was compiled for another chip."""


@dataclass(frozen=True, eq=False)
class MemoryRun:
    """Consecutive words of one memory of the PE at node (x, y): `data` is uint16 (words, chunks)."""

    x: int
    y: int
    memory: Memory
    address: int
    data: np.ndarray


@dataclass(frozen=True, eq=False)
class WeightImage:
    """A compiled network.

    Parameters
    ----------
    params
        The chip it was compiled for.
    name, steps, levels, decision, code
        As in `yoso_sw.network.network.Network`.
    layers
        Where each layer lies.
    runs
        What the load phase writes, in this order: the registers of every node, then the other memories.

    Raises
    ------
    ImageError
        If a run leaves its memory, or a node the mesh.
    """

    params: ChipParams
    name: str
    steps: int
    levels: int
    decision: str
    code: str
    layers: tuple[LayerMap, ...]
    runs: tuple[MemoryRun, ...]

    def __post_init__(self) -> None:
        for run in self.runs:
            depth, _ = memory_shape(self.params, run.memory)
            where = f"run of {run.memory.name} words at {run.address} of node ({run.x}, {run.y})"
            if run.data.ndim != 2 or run.data.shape[1] != chunks(self.params, run.memory):
                raise ImageError(f"{where} has chunks of shape {run.data.shape}")
            if not 0 <= run.address <= run.address + len(run.data) <= depth:
                raise ImageError(f"{where}: {len(run.data)} words leave a memory of {depth}")
            self._check_node(run.x, run.y)
        for layer in self.layers:
            for part in layer.slices:
                self._check_node(part.x, part.y)

    def _check_node(self, x: int, y: int) -> None:
        if not (0 <= x < self.params.cols and 0 <= y < self.params.rows):
            raise ImageError(f"node ({x}, {y}) is not in a {self.params.cols} x {self.params.rows} mesh")

    @property
    def inputs(self) -> int:
        """Pixels of an image."""
        return self.layers[0].inputs

    @property
    def pes(self) -> int:
        """PEs that hold neurons."""
        return sum(len(layer.slices) for layer in self.layers)

    def for_chip(self, params: ChipParams) -> WeightImage:
        """The image as a chip takes it: itself, or one that also clears the registers that it does not know.

        A chip with neuron=all has registers that an image for neuron=rel_psp does not write, and what an
        earlier image has left in them would hold. 0 in them is the ReL-PSP neuron.

        Raises
        ------
        WrongChipError
            Naming the fields that differ, if the image is for another chip.
        """
        if params == self.params:
            return self
        if params != replace(self.params, neuron="all"):
            raise WrongChipError(
                f"weight image {self.name!r} was compiled for another chip (image != chip): "
                f"{', '.join(self.params.differences(params))}"
            )
        depth, _ = memory_shape(params, Memory.REGISTER)
        runs = tuple(
            replace(run, data=np.pad(run.data, ((0, depth - len(run.data)), (0, 0))))
            if run.memory is Memory.REGISTER
            else run
            for run in self.runs
        )
        return replace(self, params=params, runs=runs)

    # ---- flits ---------------------------------------------------------------------------------------

    @cached_property
    def packets(self) -> Packets:
        """The packet formats of the image's chip."""
        return Packets(self.params)

    def load_flits(self) -> np.ndarray:
        """The load phase: uint64 (flits,), a SEEK and its WRITEs for each run."""
        return np.concatenate(
            [
                write_flits(self.packets, one_node(run.x, run.y), run.memory, run.address, run.data)
                for run in self.runs
            ]
        )

    def _spikes(self, layer: LayerMap, sides: np.ndarray, at: Mapping[str, np.ndarray | int]) -> np.ndarray:
        """SPIKEs to a layer, parity 0, uint64 (spikes,): to rectangles, int64 (spikes, 4), with payloads."""
        format = self.packets.formats["SPIKE"]
        to = dict(zip(("x0", "x1", "y0", "y1"), sides.T, strict=True))
        whole = {**format.header, **to, "tag": layer.tag, "parity": 0, **at}
        return pack_words(format.fields, whole)

    @cached_property
    def _axon_flits(self) -> np.ndarray:
        """The SPIKE of every input, parity 0; uint64 (inputs,)."""
        layer, inputs = self.layers[0], np.arange(self.inputs)
        sides = rectangles(layer, touched(layer, inputs, self.params.lanes))
        return self._spikes(layer, sides, address(layer, inputs)._asdict())

    @cached_property
    def _bias_flits(self) -> np.ndarray:
        """The SPIKE of every bias that is an axon; they spike at step 0, parity 0."""
        flits = [
            self._spikes(layer, np.array([layer.rectangle]), bias_address(layer))
            for layer in self.layers
            if layer.bias_axon
        ]
        return np.concatenate([np.zeros(0, np.uint64), *flits])

    @cached_property
    def _open(self) -> int:
        """Steps from 0 on in which inputs may spike: all, or those before the first layer is charged."""
        part = self.layers[0].slices[0]
        own = next(
            run for run in self.runs if (run.x, run.y, run.memory) == (part.x, part.y, Memory.REGISTER)
        )
        return sound.register_values(self.params, own.data).get("charge", 0) or self.steps

    def image_events(self, inputs: np.ndarray | Events) -> Events:
        """One image's spikes: of uint8 pixels or int16 steps, shape (inputs,), or of events of one image.

        Raises
        ------
        ImageError
            If the input does not fit the network: its shape or code, a step, or more spikes of an axon than
            those with which A was bounded.
        """
        if isinstance(inputs, Events):
            shape: tuple[int, ...] = (inputs.axons,) if len(inputs) == 1 else (len(inputs), inputs.axons)
        else:
            inputs = np.asarray(inputs)
            shape = inputs.shape
        if shape != (self.inputs,):
            raise ImageError(f"input has shape {shape}; network {self.name!r} needs ({self.inputs},)")
        if not isinstance(inputs, Events):
            if inputs.dtype == np.uint8:
                if self.code != "ttfs":
                    raise ImageError(
                        f"input is uint8 pixels, and network {self.name!r} has code {self.code}: give events"
                    )
                inputs = spike_steps(inputs, self.levels)
            elif inputs.dtype != np.int16:
                raise ImageError(f"input is {inputs.dtype}; it must be events, uint8 pixels or int16 steps")
            spikes = inputs[inputs != NEVER]
        else:
            spikes = inputs.step
        if len(spikes) and not 0 <= spikes.min() <= spikes.max() < self._open:
            charged = "" if self._open == self.steps else f"; sweep {self._open} charges the first layer"
            raise ImageError(f"input steps {spikes.min()}..{spikes.max()} leave 0..{self._open - 1}{charged}")
        events = inputs if isinstance(inputs, Events) else Events.of_steps(inputs[None])
        most = most_spikes(self.code, self.levels)
        if len(spikes) > most and events.counts.max() > most:
            axon = int(events.counts[0].argmax())
            raise ImageError(
                f"input {axon} spikes {events.counts[0, axon]} times; network {self.name!r} of code "
                f"{self.code} takes {most} spikes of an input at most"
            )
        return events

    def _start(self, early_exit: bool) -> int:
        """The START of an image; only chips with neuron=all can be told to count."""
        count = {"count": int(self.decision == "count")} if self.params.neuron == "all" else {}
        return self.packets.pack("START", steps=self.steps, early=int(early_exit), **count)

    def image_flits(self, inputs: np.ndarray | Events, early_exit: bool = True) -> np.ndarray:
        """One image as the host sends it: START, the spikes of each step and STEP, END after the last spike.

        Parameters
        ----------
        inputs
            uint8 pixels or int16 steps, shape (inputs,), or events of one image.
        early_exit
            Ask the chip to end the image at its deciding step; one that counts runs to its last step.

        Returns
        -------
        uint64 (flits,): biases first, then the inputs by step and index. END closes the step of the last
        spike and all after it.

        Raises
        ------
        ImageError
            If the input does not fit the network.
        """
        events = self.image_events(inputs)
        steps, axons = events.step.astype(np.int64), events.axon
        biases = len(self._bias_flits)
        last = int(steps[-1]) if len(steps) else 0
        flits = np.full(2 + biases + len(steps) + last, self.packets.pack("STEP"), np.uint64)
        flits[0] = self._start(early_exit)
        flits[1 : 1 + biases] = self._bias_flits
        # A spike of step t stands behind the spikes before it and t STEPs.
        parity = np.uint64(self.packets.formats["SPIKE"].field("parity").offset)
        places = 1 + biases + np.arange(len(steps)) + steps
        flits[places] = self._axon_flits[axons] | (steps & 1).astype(np.uint64) << parity
        flits[-1] = self.packets.pack("END")
        return flits

    @cached_property
    def _owners(self) -> np.ndarray:
        """Index of the layer that each node holds, or -1; int64 (rows, cols)."""
        owners = np.full((self.params.rows, self.params.cols), -1, np.int64)
        for index, layer in enumerate(self.layers):
            for part in layer.slices:
                owners[part.y, part.x] = index
        return owners

    @cached_property
    def _senders(self) -> tuple[np.ndarray, ...]:
        """By layer, number y * cols + x of the node that sends each of its outputs; int64 (outputs,)."""
        senders = []
        for layer in self.layers:
            nodes = np.full(layer.outputs, -1, np.int64)
            for part in layer.slices:
                outputs = layer.senders(part, self.params.lanes)
                nodes[outputs[outputs >= 0]] = part.y * self.params.cols + part.x
            senders.append(nodes)
        return tuple(senders)

    def _outputs(self, index: int, flits: np.ndarray) -> np.ndarray:
        """The output of a layer that each SPIKE or RESULT is of; int64 (flits,), -1 where there is none."""
        sends_result = index == len(self.layers) - 1
        format = self.packets.formats["RESULT" if sends_result else "SPIKE"]

        def values(name: str) -> np.ndarray:
            known = {own.name: own for own in format.fields}
            if name not in known:
                return np.zeros(len(flits), np.int64)
            own = known[name]
            return (flits >> np.uint64(own.offset) & np.uint64((1 << own.width) - 1)).astype(np.int64)

        if sends_result:
            outputs = values("index")
            return np.where(outputs < self.layers[index].outputs, outputs, -1)
        return inputs_at(self.layers[index + 1], Address(*map(values, Address._fields)))

    def spikes_of(self, x: np.ndarray, y: np.ndarray, flits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Which outputs the SPIKE or RESULT flits that nodes (x, y) injected are of.

        Returns
        -------
        layers, outputs
            int64 (flits,) each: the layer, and its neuron; of a pooled layer, what is left of its neurons.

        Raises
        ------
        ImageError
            If a flit is of another kind, a node holds no layer, or the output is not one of the node's.
        """
        x, y = np.atleast_1d(x), np.atleast_1d(y)
        flits = np.atleast_1d(np.asarray(flits, np.uint64))
        layers = self._owners[y, x]
        outputs = np.empty(len(flits), np.int64)
        for index in range(len(self.layers)):
            here = layers == index
            name = "RESULT" if index == len(self.layers) - 1 else "SPIKE"
            if (kind_of(flits[here]) != self.packets.formats[name].kind).any():
                raise ImageError(f"a PE of layer {index} sent a flit that is no {name}")
            found = self._outputs(index, flits[here])
            node = y[here] * self.params.cols + x[here]
            if (found < 0).any() or (self._senders[index][found] != node).any():
                raise ImageError(f"a PE of layer {index} sent a {name} of a neuron it does not hold")
            outputs[here] = found
        if (layers < 0).any():
            lost = int(np.flatnonzero(layers < 0)[0])
            raise ImageError(f"node ({x[lost]}, {y[lost]}) holds no layer and sent {int(flits[lost]):#x}")
        return layers, outputs

    def spike_of(self, x: int, y: int, flit: int) -> tuple[int, int]:
        """(layer, neuron) that sent one SPIKE or RESULT; see `spikes_of`."""
        layers, neurons = self.spikes_of(np.array([x]), np.array([y]), np.array([flit], np.uint64))
        return int(layers[0]), int(neurons[0])

    @cached_property
    def _held(self) -> dict[int, tuple[int, np.ndarray]]:
        """By node number y * cols + x: its layer, and the neuron in each word and lane, -1 where none is."""
        return {
            part.y * self.params.cols + part.x: (index, layer.held(part, self.params.lanes))
            for index, layer in enumerate(self.layers)
            for part in layer.slices
        }

    def neurons_at(self, node: int, word: int, lanes: int) -> tuple[int, np.ndarray]:
        """The layer, and its neurons, int64, in some lanes of a word of a node.

        Parameters
        ----------
        node
            y * cols + x.
        lanes
            Bit i for lane i.

        Raises
        ------
        ImageError
            If the node holds no layer, or there is no neuron.
        """
        index, held = self._held.get(node, (-1, np.zeros((0, self.params.lanes), np.int64)))
        where = f"node ({node % self.params.cols}, {node // self.params.cols})"
        if not 0 <= word < len(held):
            raise ImageError(f"{where} holds {len(held)} neuron words, and fired in word {word}")
        found = held[word][[lane for lane in range(self.params.lanes) if lanes >> lane & 1]]
        if (found < 0).any():
            raise ImageError(f"{where} fired in lanes {lanes:#b} of word {word}, which are not all neurons")
        return index, found

    # ---- file ----------------------------------------------------------------------------------------

    def to_bytes(self) -> bytes:
        """The file's contents; the same image gives the same bytes."""
        header = {
            "chip": asdict(self.params),
            "network": {
                "name": self.name,
                "steps": self.steps,
                "levels": self.levels,
                "decision": self.decision,
                "code": self.code,
            },
            "layers": [asdict(layer) for layer in self.layers],
            "runs": [[run.x, run.y, int(run.memory), run.address, len(run.data)] for run in self.runs],
        }
        text = json.dumps(header, sort_keys=True).encode()
        payload = b"".join(run.data.astype("<u2").tobytes() for run in self.runs)
        body = PREAMBLE.pack(MAGIC, VERSION, len(text), len(payload)) + text + payload
        return body + CHECKSUM.pack(zlib.crc32(body))

    @classmethod
    def from_bytes(cls, contents: bytes, source: str = "weight image") -> WeightImage:
        """The inverse of `to_bytes`; raises the `ImageError` that fits, with `source` in its message."""
        if not contents.startswith(MAGIC[: len(contents)]) or not contents:
            raise NotAnImageError(f"{source} is not a YOSO weight image")
        if len(contents) < PREAMBLE.size:
            raise TruncatedImageError(f"{source} is truncated: {len(contents)} bytes")
        _, version, header_bytes, payload_bytes = PREAMBLE.unpack_from(contents)
        if version not in READABLE:
            raise ImageVersionError(f"{source} has version {version}; this program reads {_listed(READABLE)}")
        size = PREAMBLE.size + header_bytes + payload_bytes + CHECKSUM.size
        if len(contents) < size:
            raise TruncatedImageError(f"{source} is truncated: {len(contents)} of {size} bytes")
        body, (checksum,) = (
            contents[: size - CHECKSUM.size],
            CHECKSUM.unpack_from(contents, size - CHECKSUM.size),
        )
        if len(contents) > size or zlib.crc32(body) != checksum:
            raise CorruptedImageError(f"{source} is corrupted: its checksum or length is wrong")
        try:
            image = cls._parse(
                version,
                json.loads(body[PREAMBLE.size : PREAMBLE.size + header_bytes]),
                np.frombuffer(body, "<u2", offset=PREAMBLE.size + header_bytes).astype(np.uint16),
            )
            wrong = next(sound.faults(image), None)
        except (KeyError, TypeError, ValueError, AttributeError, ParamError) as error:
            raise CorruptedImageError(f"{source} is corrupted: {error!r}") from None
        except (RecursionError, OverflowError) as error:
            raise CorruptedImageError(f"{source} is corrupted: its header is no header ({error})") from None
        if wrong:
            raise CorruptedImageError(f"{source} makes no sense: {wrong}; compile the network again")
        return image

    @classmethod
    def _parse(cls, version: int, header: dict, payload: np.ndarray) -> WeightImage:
        params = ChipParams.from_json(json.dumps(header["chip"]))
        layers = tuple(
            LayerMap(
                **{
                    **entry,
                    "rectangle": tuple(entry["rectangle"]),
                    "window": Window(**entry["window"]) if entry.get("window") else None,
                    "slices": tuple(Slice(**part) for part in entry["slices"]),
                }
            )
            for entry in header["layers"]
        )
        runs, offset = [], 0
        for x, y, number, start, words in header["runs"]:
            memory = Memory(number)
            size = words * chunks(params, memory)
            data = payload[offset : offset + size].reshape(words, chunks(params, memory))
            runs.append(MemoryRun(x, y, memory, start, data))
            offset += size
        if offset != len(payload):
            raise ValueError(f"{len(payload)} chunks of payload, {offset} in the runs")
        network = header["network"] if version > 1 else {"code": "ttfs", **header["network"]}
        return cls(params=params, layers=layers, runs=tuple(runs), **network)

    def save(self, path: str | Path) -> None:
        """Write the file; it appears whole or not at all."""
        path = Path(path)
        if not path.name:
            raise ImageError(f"{str(path)!r} is not the name of a file to write")
        write_whole(path, self.to_bytes())

    @classmethod
    def load(cls, path: str | Path) -> WeightImage:
        """Read a weight image. Raises the subclass of `ImageError` that says what is wrong with the file."""
        try:
            contents = Path(path).read_bytes()
        except OSError as error:
            raise NotAnImageError(f"{path} cannot be read: {error.strerror}") from None
        return cls.from_bytes(contents, str(path))
