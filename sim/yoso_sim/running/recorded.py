"""What a simulator keeps of a chunk's images beside its result, if asked to: an npz file of its own.

Of every layer the events of its neurons and those that go on, of every image its deciding step and whether
a spike decided, and of the layers that were read back V, A and fired bits.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from yoso_hw.writing import write_whole
from yoso_sw.network.events import Events

from yoso_sim.running.parts import State

Arrays = dict[str, np.ndarray]

_STATE = ("potential", "accumulated", "fired")


def events_arrays(name: str, events: Events) -> Arrays:
    """Events as arrays of an npz."""
    ends, step, axon = events.pairs
    parts = {"ends": ends, "step": step, "axon": axon, "axons": np.array(events.axons)}
    return {f"{name}.{part}": np.asarray(value) for part, value in parts.items()}


def events_of(name: str, arrays: Mapping[str, Any]) -> Events:
    """The inverse of `events_arrays`."""
    ends, step, axon = (arrays[f"{name}.{part}"] for part in ("ends", "step", "axon"))
    return Events(ends, step, axon, int(arrays[f"{name}.axons"]))


def state_arrays(states: Mapping[int, State]) -> Arrays:
    """V, A and fired bits by layer as arrays of an npz."""
    return {f"{name}{i}": getattr(own, name) for i, own in states.items() for name in _STATE}


def states_of(arrays: Mapping[str, Any], layers: int) -> dict[int, State]:
    """The inverse of `state_arrays`."""
    return {
        i: State(*(arrays[f"{name}{i}"] for name in _STATE))
        for i in range(layers)
        if f"potential{i}" in arrays
    }


def layers_arrays(spikes: Sequence[Events], sent: Sequence[Events]) -> Arrays:
    """Spikes by layer as arrays of an npz; those that go on only where they are others."""
    arrays: Arrays = {}
    for i, (own, passed) in enumerate(zip(spikes, sent, strict=True)):
        arrays |= events_arrays(f"spikes{i}", own)
        if passed is not own:
            arrays |= events_arrays(f"sent{i}", passed)
    return arrays


def layers_of(arrays: Mapping[str, Any], layers: int) -> tuple[tuple[Events, ...], tuple[Events, ...]]:
    """The inverse of `layers_arrays`."""
    spikes = tuple(events_of(f"spikes{i}", arrays) for i in range(layers))
    sent = tuple(
        events_of(f"sent{i}", arrays) if f"sent{i}.ends" in arrays else own for i, own in enumerate(spikes)
    )
    return spikes, sent


def write(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays as an npz; it appears whole or not at all."""
    contents = io.BytesIO()
    np.savez_compressed(contents, **arrays)  # type: ignore[arg-type]
    write_whole(path, contents.getvalue())


def read(path: Path) -> Arrays | None:
    """What `write` wrote; None if it is not there, or not whole."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except Exception:  # NumPy and zipfile raise whatever their readers raise
        return None


def joined_states(parts: Sequence[Mapping[int, State]]) -> dict[int, State]:
    """The states of images one part after another."""
    return {
        layer: State(*(np.concatenate([getattr(part[layer], name) for part in parts]) for name in _STATE))
        for layer in (parts[0] if parts else ())
    }
