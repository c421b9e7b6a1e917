"""A folder of pictures by class: ``train/CLASS/*.png`` and ``test/CLASS/*.png``, or ``CLASS/*.png`` alone."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from yoso_hw.extras import advice

from yoso_sw.data import splits
from yoso_sw.data.samples import SPLITS, DatasetError, Samples, Shape
from yoso_sw.data.source import Resolution

#: Formats by the ends of files' names; files of other names are passed over.
FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}

#: Pixels of a picture's longer side.
LARGEST_SIDE = 4096

#: Bytes of a picture's file.
LARGEST_FILE = 1 << 24


#: Channels of a picture in colours: red, green, blue.
COLOURS = 3


def pixels(content: bytes, size: Shape | None, formats: tuple[str, ...], channels: int = 1) -> np.ndarray:
    """A picture's greys by ITU-R 601, uint8 (rows, columns); resized to `size` without regard to proportions.

    With `channels` = `COLOURS` it is its red, green and blue, uint8 (rows, columns, 3).

    Raises `ValueError`, or whatever Pillow raises, for anything but a picture; `DatasetError` without Pillow.
    """
    try:
        from PIL import Image
    except ImportError:
        raise DatasetError(advice("PIL", what="reading pictures")) from None
    picture = Image.open(io.BytesIO(content), formats=formats)
    if max(picture.size) > LARGEST_SIDE:
        raise ValueError(f"{picture.size} pixels are more than any image has")
    if picture.mode.startswith(("I", "F")):
        raise ValueError(f"more than 8 bits a pixel (mode {picture.mode}); save it with 8")
    seen = picture.convert("RGB" if channels == COLOURS else "L")
    return np.asarray(seen if size is None else seen.resize((size[1], size[0])))


def files(folder: Path) -> list[Path]:
    """The pictures of a folder in the order of their names."""
    return sorted(path for path in folder.glob("*") if path.suffix.lower() in FORMATS and path.is_file())


def classes(folder: Path) -> list[str]:
    """The folders in it that hold pictures, by name."""
    return sorted(own.name for own in folder.glob("*") if own.is_dir() and files(own))


@dataclass(frozen=True)
class Pictures:
    """Pictures of one's own, in a folder a class; the classes are numbered in the order of their names.

    With folders train/ and test/, and validation/ if there is one, the parts are theirs; without, the seed
    draws them (`splits.SHARES`). Either way they come in a random order, so that the last are of all classes.
    They are in colours for a network of three channels, else grey.
    """

    path: Path

    @property
    def own_parts(self) -> tuple[str, ...]:
        """The parts that have folders of their own."""
        return tuple(part for part in SPLITS if classes(self.path / part))

    @property
    def parts(self) -> tuple[str, ...]:
        return self.own_parts or SPLITS

    @property
    def drawn(self) -> bool:
        return not self.own_parts

    def read(self, part: str, seed: int, resolution: Resolution) -> Samples:
        """A part, of pictures resized to its shape, or all of one size. Raises `DatasetError`."""
        folders = [self.path / own for own in self.own_parts] or [self.path]
        names = sorted({name for folder in folders for name in classes(folder)})
        folder = self.path if self.drawn else self.path / part
        pictures: list[np.ndarray] = []
        labels: list[int] = []
        for label, name in enumerate(names):
            for path in files(folder / name):
                picture = self._read(path, resolution.shape)
                if pictures and picture.shape != pictures[0].shape:
                    raise DatasetError(
                        f"{path} has {_size(picture)} pixels, and those before it have {_size(pictures[0])}; "
                        "resize it, or have all resized by a network with a multiple of rows as inputs"
                    )
                pictures.append(picture)
                labels.append(label)
        if not pictures:
            raise DatasetError(f"{folder} has no pictures; put some into {folder}/CLASS/*.png")
        shape = pictures[0].shape
        whole = Samples(
            str(self.path), np.stack(pictures).reshape(len(pictures), -1), np.array(labels), shape
        )
        return splits.drawn(whole, part, seed) if self.drawn else splits.mixed(whole, seed)

    @staticmethod
    def _read(path: Path, shape: Shape | None) -> np.ndarray:
        try:
            if path.stat().st_size > LARGEST_FILE:
                raise ValueError(f"{path.stat().st_size} bytes are more than any picture has")
            channels = 1 if shape is None else (*shape, 1)[2]
            return pixels(path.read_bytes(), shape, (FORMATS[path.suffix.lower()],), channels)
        except DatasetError:
            raise
        except Exception as error:  # Pillow raises whatever its readers raise
            raise DatasetError(f"{path} is no readable picture ({error}); replace or remove it") from None


def _size(picture: np.ndarray) -> str:
    return f"{picture.shape[0]} x {picture.shape[1]}"
