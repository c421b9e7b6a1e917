"""The frozen record: what chip and golden model did, down to the cycle, when it was written.

Two committed networks run the same MNIST test images on three chips, with early exit. `frozen_record.json`
holds, image by image,

- of each chip and network: decision, step, spiked and cycles as the chip answered; how many flits the host
  sent and their digest; how many spikes were at router ports and their digest (node, step, cycle after the
  image's first spike, flit), and that of the answers; the total of every counter over all PEs, and a digest
  of the counters of each PE; once, size and digest of the load phase and of the weight image's file;
- of the golden model and each network: decision, spikes and updates a layer, and digests of each layer's
  steps, V and A.

All this shows that a change of the code changes nothing else. A change that is meant to alter one of these
writes the record anew, and the difference in the committed file says what it altered:

    PYTHONPATH=tests .venv/bin/python -m cosim.frozen_record          # lists what differs, exit status 1
    PYTHONPATH=tests .venv/bin/python -m cosim.frozen_record --write  # makes what is done now the record

What came before an image shows in it: arbiters and the parity of steps go on from one image to the next,
which can move a spike by a cycle or flip its parity bit. So the order of networks, of images and of what the
host does between them (clear and read the counters) is part of the record.

A digest is the first 16 hexadecimal digits of a SHA-256 over little-endian integers of a stated width, never
over Python's own form of a value. In a list, entry i is image i.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import numpy as np
from yoso_hw.params import ChipParams
from yoso_sim.build import build
from yoso_sim.simulate import simulate
from yoso_sw.data import registry
from yoso_sw.network import golden
from yoso_sw.network.network import NEVER, Network

FILE = Path(__file__).with_suffix(".json")
FOLDER = Path(__file__).parents[2] / "sw" / "networks"

NETWORKS = ("mnist-784-100-10", "mnist-784-100-10-stdbp")
IMAGES = 20

#: The default chip is the one of `make sim`. The networks fill the small ones; of the banked one's PEs most
#: hold five words, an odd number, at which banks cost a cycle.
CHIPS = {
    "default": (),
    "3 x 2, one lane, unicast": ("cols=3", "rows=2", "lanes=1", "multicast=false"),
    "2 x 3, bus, banked": ("cols=2", "rows=3", "router=bus", "banked=true"),
}

#: The key of the golden model beside those of the chips.
GOLDEN = "golden model"

#: The step of a neuron that did not fire, in what is digested.
NO_STEP = 32767

#: Environment of the bench: the chip, and the file that gets what it did.
CHIP_VARIABLE, RESULT_VARIABLE = "YOSO_CHIP", "YOSO_RECORD"

#: Images named for each quantity that differs.
MOST_IMAGES = 3


# ---- digests ---------------------------------------------------------------------------------------------


def digest(*parts: bytes) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of `parts`, one after another."""
    return hashlib.sha256(b"".join(parts)).hexdigest()[:16]


def int_bytes(values: Any, width: str = "<i8") -> bytes:
    """Integers as bytes of the width and order that `width` names to NumPy; no value may be cut."""
    array = np.asarray(values)
    small = array.astype(width)
    if not np.array_equal(small, array):
        raise ValueError(f"an integer does not fit {width}")
    return small.tobytes()


def flits_digest(flits: Any) -> str:
    """Digest of flits in their order."""
    return digest(int_bytes(np.asarray(flits, np.uint64), "<u8"))


def events_digest(nodes: Any, steps: Any, cycles: Any, flits: Any, first: int) -> str:
    """Digest of flits seen at nodes; cycles count from `first`, flits of one cycle come by node."""
    nodes, steps = np.asarray(nodes, np.int64), np.asarray(steps, np.int64)
    cycles, flits = np.asarray(cycles, np.int64) - first, np.asarray(flits, np.uint64)
    order = np.lexsort((nodes, cycles))
    columns = [int_bytes(column[order]) for column in (nodes, steps, cycles)]
    return digest(*columns, int_bytes(flits[order], "<u8"))


# ---- what is done now ------------------------------------------------------------------------------------


def images() -> np.ndarray:
    """The pixels of the images: uint8 (IMAGES, 784)."""
    return registry.load("mnist", "test").first(IMAGES).inputs


def chip_params(chip: str) -> ChipParams:
    """A chip of `CHIPS` by its name."""
    return ChipParams.with_settings(CHIPS[chip])


def chip_record(chip: str, folder: Path) -> dict[str, Any]:
    """What a chip of `CHIPS` does now, a key a network; `folder` gets the simulator's log."""
    params, result = chip_params(chip), folder / "result.json"
    environment = {CHIP_VARIABLE: params.to_json(), RESULT_VARIABLE: str(result.resolve())}
    simulate(build(params), "cosim.bench_record", folder, environment)
    return json.loads(result.read_text())


def golden_record(name: str) -> dict[str, Any]:
    """What the golden model does now with a network of `NETWORKS`, at the widths of the default chip."""
    network = Network.load(FOLDER / f"{name}.npz")
    result = golden.run(network, images(), params=ChipParams(), early_exit=True)

    def a_layer(layers: Any, width: str) -> dict[str, list[str]]:
        return {
            f"layer {i}": [digest(int_bytes(image, width)) for image in layer]
            for i, layer in enumerate(layers)
        }

    def counted(counts: Any) -> dict[str, list[int]]:
        return {f"layer {i}": [int(count) for count in column] for i, column in enumerate(counts.T)}

    return {
        "decision": [int(one) for one in result.decisions],
        "step": [int(one) for one in result.decision_steps],
        "spiked": [bool(one) for one in result.spiked],
        "last": [int(one) for one in result.last],
        "spikes in": counted(result.spikes_in),
        "spikes out": counted(result.spikes_out),
        "updates": counted(result.updates),
        "steps digest": a_layer([np.where(own == NEVER, NO_STEP, own) for own in result.steps], "<i2"),
        "V digest": a_layer(result.potentials, "<i4"),
        "A digest": a_layer(result.accumulated, "<i4"),
    }


def now(folder: Path) -> dict[str, Any]:
    """All that the record holds, as it is now; `folder` gets the logs of the simulators."""
    found: dict[str, Any] = {GOLDEN: {name: golden_record(name) for name in NETWORKS}}
    for number, chip in enumerate(CHIPS):
        found[chip] = chip_record(chip, folder / str(number))
    return found


# ---- the record ------------------------------------------------------------------------------------------


def read() -> dict[str, Any]:
    """The committed record."""
    return json.loads(FILE.read_text())


def text_of(record: Mapping[str, Any]) -> str:
    """A record as its file: a quantity a line, so that a difference shows which one changed."""
    return "{\n" + ",\n".join(_lines(record, 1)) + "\n}\n"


def _lines(record: Mapping[str, Any], depth: int) -> Iterator[str]:
    for key, value in record.items():
        inner = json.dumps(value)
        if isinstance(value, Mapping):
            inner = "{\n" + ",\n".join(_lines(value, depth + 1)) + "\n" + " " * depth + "}"
        yield f"{' ' * depth}{json.dumps(key)}: {inner}"


def differences(old: Any, new: Any, where: str = "") -> list[str]:
    """What differs between the record, or a part of it, and what is done now; empty if nothing does.

    Each line says where (chip or golden model, network, quantity, image) and gives the value in the record
    and the value now. Of a quantity that differs in many images the first few are named, the others counted.
    """
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        found = []
        for key in [*old, *(key for key in new if key not in old)]:
            inner = f"{where}, {key}" if where else str(key)
            if key in old and key in new:
                found += differences(old[key], new[key], inner)
            else:
                found.append(f"{inner}: {'only in the record' if key in old else 'not in the record'}")
        return found
    if isinstance(old, list) and isinstance(new, list):
        if len(old) != len(new):
            return [f"{where}: {len(old)} images in the record, {len(new)} now"]
        each = [
            line
            for i, pair in enumerate(zip(old, new, strict=True))
            for line in differences(*pair, f"{where}, image {i}")
        ]
        more = [f"{where}: {len(each) - MOST_IMAGES} more images differ"] if len(each) > MOST_IMAGES else []
        return each[:MOST_IMAGES] + more
    if type(old) is type(new) and old == new:
        return []
    return [f"{where}: {json.dumps(old)} in the record, {json.dumps(new)} now"]


@click.command()
@click.option("--write", is_flag=True, help="Make what is done now the record.")
def main(write: bool) -> None:
    """Compare what chip and golden model do now with the frozen record."""
    with tempfile.TemporaryDirectory() as folder:
        found = now(Path(folder))
    lines = differences(read() if FILE.is_file() else {}, found)
    for line in lines:
        click.echo(line)
    if write:
        FILE.write_text(text_of(found))
        click.echo(f"wrote {FILE} ({FILE.stat().st_size} bytes)")
    elif lines:
        sys.exit(1)
    else:
        click.echo("nothing differs from the record")


if __name__ == "__main__":
    main()
