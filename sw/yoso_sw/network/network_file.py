"""The file of a network: a NumPy ``.npz`` with the weights of each layer and one JSON text.

It is read without executing anything.
"""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
from yoso_hw.writing import write_whole

from yoso_sw.network.errors import NetworkError
from yoso_sw.network.layer import Layer, Window
from yoso_sw.network.neuron import Neuron, of_words, to_words

FORMAT_VERSION = 6

#: Versions that can be read; 1 has no convolution, 2 no widths of A and V, 3 the neuron's keys in the layer,
#: 4 the ReL-PSP neuron and the input code ttfs alone, 5 no stride and no padding: a network without either is
#: written as before them.
READABLE = (1, 2, 3, 4, 5, 6)
UNSTRIDED = 5

#: Bytes to which a network's file may unpack; the weights of all PEs of the largest chip take fewer.
LARGEST_FILE = 1 << 28

#: The text's keys beside the layers, by the type of their values.
KEYS = {
    "name": str,
    "steps": int,
    "levels": int,
    "decision": str,
    "weight_bits": int,
    "acc_bits": int,
    "pot_bits": int,
    "code": str,
    "about": dict,
}

#: What networks of formats without these keys have.
BEFORE = {"acc_bits": 16, "pot_bits": 20, "code": "ttfs"}


def write(path: str | Path, parts: dict[str, Any]) -> None:
    """Write the fields of a `network.Network`; the file appears whole or not at all.

    A file that means the same already stays as it is, whatever its format: files are committed.
    """
    path = Path(path)
    if holds(path, parts):
        return
    weights: dict[str, Any] = {f"weights{i}": layer.weights for i, layer in enumerate(parts["layers"])}
    contents = io.BytesIO()
    np.savez_compressed(contents, network=np.frombuffer(_text(parts).encode(), np.uint8), **weights)
    write_whole(path, contents.getvalue())


def read(path: str | Path) -> dict[str, Any]:
    """The fields of the `network.Network` in a file, which may still not fit together.

    Raises `NetworkError` for anything but a whole file.
    """
    path = Path(path)
    if not path.is_file():
        raise NetworkError(f"there is no network file {path}")
    try:
        _check_archive(path)
        with np.load(path, allow_pickle=False) as arrays:
            meta = json.loads(arrays["network"].tobytes().decode())
            if meta["format"] not in READABLE:
                raise NetworkError(
                    f"{path} has format {meta['format']!r}; this program reads "
                    f"{' and '.join(map(str, READABLE))}: train it again or update this program"
                )
            layers = tuple(
                Layer(
                    weights=arrays[f"weights{i}"],
                    neuron=_neuron(entry, nested=meta["format"] >= 4),
                    bias=_of(bool, entry["bias"]),
                    window=_window(entry.get("window")),
                    pool=_of(bool, entry.get("pool", False)),
                )
                for i, entry in enumerate(meta["layers"])
            )
            parts = {key: _of(kind, {**BEFORE, **meta}[key]) for key, kind in KEYS.items()}
            _check_about(parts["about"])
            return {**parts, "layers": layers}
    except NetworkError as error:
        raise NetworkError(str(error) if str(path) in str(error) else f"{path}: {error}") from None
    except Exception as error:  # NumPy, zipfile and json raise whatever their readers raise
        reason = f"{type(error).__name__}: {error}"
        raise NetworkError(f"{path} is not a whole network file: {reason}") from None


def holds(path: Path, parts: dict[str, Any]) -> bool:
    """Whether a file is there that holds just this network."""
    if not path.is_file():
        return False
    try:
        others = read(path)
    except NetworkError:
        return False
    pairs = zip(parts["layers"], others["layers"], strict=False)
    return _text(parts) == _text(others) and all(
        own.weights.dtype == other.weights.dtype and np.array_equal(own.weights, other.weights)
        for own, other in pairs
    )


def _text(parts: dict[str, Any]) -> str:
    """All but the weights, as the file says it."""
    windows = [layer.window for layer in parts["layers"] if layer.window is not None]
    strided = any((window.stride, window.padding) != (1, 0) for window in windows)
    layers = [
        {
            "neuron": to_words(layer.neuron),
            "bias": bool(layer.bias),
            "window": _window_entry(layer.window),
            "pool": bool(layer.pool),
        }
        for layer in parts["layers"]
    ]
    said = {key: parts[key] for key in KEYS}
    return json.dumps({"format": FORMAT_VERSION if strided else UNSTRIDED, **said, "layers": layers})


def _of(kind: type, value: Any) -> Any:
    """`value`, which must be of just that type: JSON's true is no number, its 3.5 no whole one."""
    if type(value) is not kind:
        raise TypeError(f"{value!r} is no {kind.__name__}")
    return value


def _check_about(about: dict[str, Any]) -> None:
    """Refuse what the trainer says if reports and cards could not show it as numbers."""
    for key, value in about.items():
        if key.endswith("_accuracy") and value is not None and type(value) not in (int, float):
            raise NetworkError(f"about.{key}={value!r} is no number: correct the file, or train it again")
    silent = about.get("silent_layers", [])
    if not isinstance(silent, list) or any(type(i) is not int for i in silent):
        raise NetworkError(
            f"about.silent_layers={silent!r} is no list of layers: correct the file, or train it again"
        )


def _neuron(entry: dict[str, Any], nested: bool) -> Neuron:
    """A layer's neuron, of the keys that are its own; up to version 3 they stand among the layer's."""
    names = {one.name for one in fields(Neuron)}
    own = _of(dict, entry["neuron"]) if nested else {key: entry[key] for key in names if key in entry}
    try:
        return of_words(own)
    except ValueError as error:
        raise NetworkError(str(error)) from None


def _window_entry(window: Window | None) -> dict[str, int] | None:
    """A window as the file says it: stride and padding only where they are."""
    if window is None:
        return None
    plain = {"stride": 1, "padding": 0}
    return {key: value for key, value in asdict(window).items() if value != plain.get(key)}


def _window(entry: dict[str, Any] | None) -> Window | None:
    return None if entry is None else Window(**{key: _of(int, value) for key, value in entry.items()})


def _check_archive(path: Path) -> None:
    """Refuse an archive that unpacks to more than a network, or by another method than `save` uses."""
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
    size = sum(member.file_size for member in members)
    if size > LARGEST_FILE:
        raise NetworkError(f"{path} unpacks to {size} bytes; a network file has {LARGEST_FILE} at most")
    names = [member.filename for member in members]
    if again := sorted({name for name in names if names.count(name) > 1}):
        raise NetworkError(f"{path} is not a whole network file: it has {again[0]} twice")
    if any(member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for member in members):
        raise NetworkError(f"{path} is not a whole network file: it is packed by an unknown method")
