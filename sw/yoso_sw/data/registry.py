"""Every data set that a command reads: known ones by name, one's own by path (docs/data.md).

A known set is a file with a `source.Known`, and a row in `KNOWN`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from yoso_sw.data import hdf5, idx, pictures, places, recordings
from yoso_sw.data.caltech import CALTECH
from yoso_sw.data.check import check as check
from yoso_sw.data.cifar10 import CIFAR10
from yoso_sw.data.fashion_mnist import FASHION_MNIST
from yoso_sw.data.hdf5 import Hdf5Folder
from yoso_sw.data.idx import IdxFolder
from yoso_sw.data.mnist import MNIST
from yoso_sw.data.n_mnist import N_MNIST
from yoso_sw.data.npz import Npz
from yoso_sw.data.pictures import Pictures
from yoso_sw.data.places import folders as folders
from yoso_sw.data.recordings import Recordings
from yoso_sw.data.samples import SPLITS, DatasetError, Samples, Shape
from yoso_sw.data.source import UNKNOWN, Facts, Known, Resolution, Source
from yoso_sw.data.views import VIEWS, family, see, views_of
from yoso_sw.network.events import Events

KNOWN: dict[str, Known] = {
    "mnist": MNIST,
    "fashion-mnist": FASHION_MNIST,
    "caltech": CALTECH,
    "n-mnist": N_MNIST,
    "cifar10": CIFAR10,
}

#: The forms of a set of one's own, for messages.
FORMS = (
    f"a folder with {idx.FILES['train'][0]} and so on, a folder of pictures CLASS/*.png, a folder of event "
    "files train/CLASS/*.bin and test/CLASS/*.bin, a folder with train.h5 and test.h5, or an npz file"
)


class UnknownSetError(DatasetError):
    """There is no such set."""


@dataclass(frozen=True)
class Found:
    """A data set that was found.

    Parameters
    ----------
    name
        What networks record: of a known set its name, of one's own the folder's or the file's; with views.
    source
        Where its parts are read.
    views
        The views in which it is wanted, as a name ends in them.
    path
        As it was given, if it is one's own and was found by that path; else "".
    place
        The file or folder of one's own; None of a known set.
    """

    name: str
    source: Source
    views: str = ""
    path: str = ""
    place: Path | None = None


def find(text: str, beside: Path | None = None) -> Found:
    """The data set that `text` means.

    Parameters
    ----------
    text
        The name of a known set; or a path, or the name in one of `places.folders`, of a set of one's own;
        with views after it (`views.VIEWS`).
    beside
        A folder from which a path may go out, if it leads nowhere from the working folder.

    Raises
    ------
    UnknownSetError
        If there is no such set; the message lists the known ones, the places and the forms.
    DatasetError
        If there is something else in its place.
    """
    if not text:
        _unknown("no data set is named")
    if family(text) in KNOWN:
        return Found(text, KNOWN[family(text)], "".join(views_of(text)))
    near = [Path(), *([] if beside is None else [beside])]
    for own, views in dict.fromkeys(((text, ""), (family(text), "".join(views_of(text))))):
        for path in (place / own for place in near):
            if _exists(path):
                return _own(path, views, text)
        for path in (place / name for place in places.folders() for name in (own, f"{own}.npz")):
            if _exists(path):
                return _own(path, views, "")
    looked = ", ".join(str(place) for place in (Path.cwd(), *near[1:], *places.folders()))
    _unknown(f"there is no data set {text!r}, looked for in {looked}")


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name that no file can have, a folder that is not ours
        return False


def _unknown(why: str) -> NoReturn:
    raise UnknownSetError(
        f"{why}; there are {', '.join(KNOWN)}, each with {' or '.join(VIEWS)} after it if wanted, "
        f"and sets of your own by path: {FORMS}"
    )


def _own(path: Path, views: str, given: str) -> Found:
    whole = path.resolve()
    name = whole.stem if path.is_file() else whole.name
    if family(name) in KNOWN:
        raise DatasetError(
            f"{path}: a set of your own cannot be called {name}, as a known one is; "
            f"say {name} for that one, or rename yours"
        )
    return Found(name + views, open_path(path), views, given, whole)


def open_path(path: Path) -> Source:
    """A set of one's own. Raises `DatasetError` that says what is there if it is none."""
    if path.is_file():
        return Npz(path)
    if any(idx.file_in(path, file) for pair in idx.FILES.values() for file in pair):
        return IdxFolder(path)
    if (path / hdf5.FILES["train"]).is_file() or (path / hdf5.FILES["test"]).is_file():
        return Hdf5Folder(path)
    if recordings.parts_in(path):
        return Recordings(path)
    own, classes = Pictures(path), pictures.classes(path)
    if own.own_parts:
        return own
    if flat := [part for part in SPLITS if part in classes]:
        raise DatasetError(f"{path / flat[0]} holds pictures of no class; put them into {flat[0]}/CLASS/")
    if classes:
        return own
    held = sorted(entry.name + "/" * entry.is_dir() for entry in path.iterdir())
    few = ", ".join(held[:5]) + (f" and {len(held) - 5} more" if len(held) > 5 else "")
    raise DatasetError(f"{path} holds {few or 'nothing'}, which is no data set; one is {FORMS}")


def load(
    source: str | Found,
    split: str,
    *,
    seed: int = 1,
    shape: Shape | None = None,
    levels: int | None = None,
    window: int | None = None,
    validation: int = 0,
    beside: Path | None = None,
) -> Samples:
    """One part of a data set.

    Parameters
    ----------
    source, beside
        Which, as `find` takes them, or what it found.
    split
        "train", "validation" or "test".
    seed
        Draws the parts of a set that has none of its own.
    shape, levels, window
        What the network sees of pictures of any size and of recordings (`source.Resolution`).
    validation
        How many training images, the last ones, validate where the set has no validation part.

    Raises
    ------
    DatasetError
        If there is no such set or part, or it is damaged; one line that says what to do.
    """
    found = source if isinstance(source, Found) else find(source, beside)
    parts = found.source.parts
    if split not in SPLITS:
        raise DatasetError(f"there is no split {split!r} of {found.name}; there are {', '.join(SPLITS)}")
    kept = "train" if split == "validation" and split not in parts else split
    if kept not in parts:
        raise DatasetError(f"{found.name} has no {kept} images: it has {' and '.join(parts)}; add some")
    samples = found.source.read(kept, seed, Resolution(shape, levels, window))
    if "validation" not in parts and split != "test":
        cut = len(samples) - validation
        if cut < 1:
            raise DatasetError(
                f"{found.name}: {len(samples)} training images leave none beside "
                f"validation={validation}; lower it"
            )
        samples = samples[cut:] if split == "validation" else samples[:cut]
    return _seen(replace(samples, name=found.name), found.views)


def _seen(samples: Samples, views: str) -> Samples:
    """Samples in other views."""
    if not views:
        return samples
    pixels = samples.inputs
    if (
        isinstance(pixels, Events)
        or pixels.dtype != np.uint8
        or samples.shape is None
        or len(samples.shape) != 2
    ):
        raise DatasetError(
            f"{samples.name}: only grey images of known rows and columns can be seen as "
            f"{views}; take {samples.name.removesuffix(views)}"
        )
    return replace(samples, inputs=see(pixels, samples.shape[0], views))


def record(found: Found, shape: Shape | None) -> dict[str, Any]:
    """What a network that is trained on a set says of it, so that other commands find it again.

    ``dataset``: its name. ``data``: the path as given, of a set of one's own that was found by it. ``shape``:
    rows, columns and channels of its images, if known.
    """
    path = {"data": found.path} if found.path else {}
    return {"dataset": found.name, **path, **({} if shape is None else {"shape": [int(n) for n in shape]})}


def facts(dataset: str) -> Facts:
    """What model cards say of a set."""
    known = KNOWN.get(family(dataset))
    return UNKNOWN if known is None else known.facts
