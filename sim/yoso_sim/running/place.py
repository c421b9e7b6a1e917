"""Where a network lies: the file that it was loaded from, or one that it is written to for a simulator."""

from __future__ import annotations

import hashlib
import re
import tempfile
from pathlib import Path
from weakref import WeakKeyDictionary

from yoso_hw.folders import output_folder
from yoso_sw.network.network import Network
from yoso_sw.network.zoo import locate

_PLACES: WeakKeyDictionary[Network, Path] = WeakKeyDictionary()


def load(net: str | Path) -> Network:
    """A committed network by its name, or a file's. Raises `NetworkError`."""
    path = locate(str(net), ".npz")
    network = Network.load(path)
    _PLACES[network] = path
    return network


def beside(network: Network) -> Path:
    """The file beside which a path that a network records may lead on; it need not exist."""
    return _PLACES.get(network) or Path(f"{_plain(network.name)}.npz")


def keep_place(network: Network, path: Path) -> Network:
    """Remember where a network lies, or where it came from."""
    _PLACES[network] = path
    return network


def network_file(network: Network) -> Path:
    """A file with the network, named by what it holds; below the output folder."""
    folder = output_folder() / "networks"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as own:
        made = Path(own) / "network.npz"
        network.save(made)
        digest = hashlib.sha256(made.read_bytes()).hexdigest()[:12]
        path = folder / f"{_plain(network.name)}-{digest}.npz"
        if not path.is_file():
            made.replace(path)
    return path


def _plain(name: str) -> str:
    """A name as a file can have it."""
    return re.sub(r"[^\w.-]+", "_", name)[:80] or "network"
