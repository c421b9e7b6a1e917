"""A run as a file: an npz with all of it, and a CSV with a row an image."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from yoso_hw.params import ChipParams
from yoso_hw.writing import write_whole
from yoso_sw.network.network import Network

from yoso_sim.running import recorded
from yoso_sim.running.parts import Compared, RunError

if TYPE_CHECKING:
    from yoso_sim.running.run import Run

#: Changes when a file of before could be read as something else.
FORMAT = 1

#: Arrays of a run beside its events, by the field's name; those that it lacks are left out.
_ARRAYS = ("decisions", "steps", "spiked", "labels", "own_cycles", "own_counters", "own_counts")


def save(run: Run, path: Path) -> Path:
    """Write all of a run, its network included (docs/api.md, "Files")."""
    with tempfile.TemporaryDirectory() as folder:
        network = Path(folder) / "network.npz"
        run.network.save(network)
        packed = np.frombuffer(network.read_bytes(), np.uint8)
    arrays: dict[str, np.ndarray] = {"about": np.array(_about(run)), "network": packed}
    arrays |= recorded.events_arrays("inputs", run.inputs)
    for name in _ARRAYS:
        if (value := getattr(run, name)) is not None:
            arrays[name.removeprefix("own_")] = value
    if run.own_spikes is not None:
        arrays |= recorded.layers_arrays(run.own_spikes, run.sent)
    recorded.write(path, arrays | recorded.state_arrays(run.states))
    return path


def load(path: Path) -> dict[str, Any]:
    """The fields of the run that `save` wrote. Raises `RunError` for anything else."""
    if not path.is_file():
        raise RunError(f"there is no run {path}")
    arrays = recorded.read(path)
    try:
        assert arrays is not None
        said = json.loads(str(arrays["about"]))
        if said["format"] != FORMAT:
            raise RunError(f"{path} has format {said['format']!r}; this program reads {FORMAT}: run it again")
        network = _network(arrays["network"])
        layers = len(network.layers)
        spikes, sent = recorded.layers_of(arrays, layers) if "spikes0.ends" in arrays else (None, None)
        compared = said["compared"]
        return {
            "backend": said["backend"],
            "network": network,
            "params": ChipParams.from_json(json.dumps(said["chip"])),
            "inputs": recorded.events_of("inputs", arrays),
            "early_exit": said["early_exit"],
            "data": said["data"],
            "compared": compared and Compared(**{**compared, "notes": tuple(compared["notes"])}),
            "own_spikes": spikes,
            "own_sent": sent,
            "states": recorded.states_of(arrays, layers),
            **{name: arrays.get(name.removeprefix("own_")) for name in _ARRAYS},
        }
    except RunError:
        raise
    except Exception as error:
        raise RunError(f"{path} is not a whole file of a run ({type(error).__name__})") from None


def _about(run: Run) -> str:
    """What a file says of a run beside its arrays, as JSON."""
    compared = None if run.compared is None else {**vars(run.compared), "notes": list(run.compared.notes)}
    said = {
        "format": FORMAT,
        "backend": run.backend,
        "early_exit": run.early_exit,
        "data": run.data,
        "compared": compared,
        "chip": json.loads(run.params.to_json()),
    }
    return json.dumps(said)


def _network(packed: np.ndarray) -> Network:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.npz"
        path.write_bytes(packed.tobytes())
        return Network.load(path)


def to_csv(run: Run, path: Path) -> Path:
    """Write a row an image (`Run.table`), with a header; it appears whole or not at all."""
    write_whole(path, run.table.to_csv())
    return path
