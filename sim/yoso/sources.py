"""Networks, wherever they come from: committed ones, files, plain arrays, torch modules, NIR."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from yoso_sim.running.place import load as load
from yoso_sw.network.arrays import network_of
from yoso_sw.network.errors import NetworkError
from yoso_sw.network.network import Network
from yoso_sw.network.zoo import names

from yoso.missing import told

#: What a NIR file's name ends in.
NIR = (".nir", ".h5", ".hdf5")


def networks() -> list[str]:
    """The committed networks by name."""
    return names(".npz")


def network(layers: Any, **settings: Any) -> Network:
    """The network that something is, checked: all that keeps it from being one is told at once.

    Parameters
    ----------
    layers
        Layers of plain integer arrays (`yoso.layer`), input side first; an ``nn.Sequential`` of `yoso.nn`, or
        a list of its modules; a NIR graph, or the path of its file; or a `Network`, which stays what it is.
    **settings
        What the layers do not say: of arrays those of `yoso_sw.network.arrays.network_of`, ``steps`` above
        all, and of modules the same; of NIR those of `yoso_sw.nir.convert`.

    Raises
    ------
    NetworkError
        Of arrays, and of whatever does not fit together.
    yoso_sw.learn.config.ConfigError
        Of modules: recurrent, grouped, averaging and foreign ones by name.
    yoso_sw.nir.NirError
        Of NIR: every node that is no part of a layer.
    """
    if isinstance(layers, Network):
        return layers
    with told(""):
        if isinstance(layers, str | Path):
            if Path(layers).suffix not in NIR:
                raise NetworkError(
                    f"{layers} is no NIR file, {' or '.join(NIR)}; a network's is read by yoso.load"
                )
            from yoso_sw.nir import convert, read

            return convert(read(Path(layers)), **{"name": Path(layers).stem, **settings}).network
        if type(layers).__name__ == "NIRGraph":
            from yoso_sw.nir import convert

            return convert(layers, **settings).network
        if _modules(layers):
            from yoso_sw.learn.modules import network_of_modules

            return network_of_modules(layers, **settings)
    if not isinstance(layers, Sequence):
        raise NetworkError(
            f"{type(layers).__name__} is no network; give a list of layers (yoso.layer), an nn.Sequential of "
            "yoso.nn, or a NIR graph or file"
        )
    return network_of(layers, **settings)


def _modules(layers: Any) -> bool:
    """Whether these are torch modules; torch is not loaded to find out."""
    torch = sys.modules.get("torch")
    if torch is None:
        return False
    if isinstance(layers, torch.nn.Module):
        return True
    return isinstance(layers, list | tuple) and any(isinstance(own, torch.nn.Module) for own in layers)


def to_nir(network: Network, path: str | Path | None = None, dt: float = 1.0) -> Any:
    """A network as a NIR graph, written to a file if `path` is given (`yoso_sw.nir.to_nir`).

    Raises `yoso_sw.nir.NirError` that names all layers which no node says.
    """
    with told(""):
        from yoso_sw import nir

        graph = nir.to_nir(network, dt)
        if path is not None:
            nir.write(Path(path), graph)
        return graph


def evaluate(net: str | Path, data: str | Path | None = None, checked: int = 0) -> dict[str, Any]:
    """A trained network on the golden model, over the whole test set: a row of ``yoso eval``.

    Parameters
    ----------
    net
        Name or file of a network, or of its configuration.
    data
        Another data set than the network records, by name or path.
    checked
        Images on which the trainer must agree spike for spike, which needs torch.
    """
    with told("train"):
        from yoso_sw.learn.accuracy import found, measure

        return measure(found(str(net)), checked, None if data is None else str(data), data is not None)
