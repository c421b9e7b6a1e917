"""Damaged and hostile archives of Caltech's images: refused, or all images are there."""

import io
import random
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from yoso_sw.data import caltech
from yoso_sw.data.samples import DatasetError


def jpeg(size=(12, 8)) -> bytes:
    file = io.BytesIO()
    Image.effect_noise(size, 60).convert("RGB").save(file, "JPEG")
    return file.getvalue()


@pytest.fixture
def few(monkeypatch):
    """A set of two images a class is whole."""
    monkeypatch.setattr(caltech, "CLASSES", {"Faces": 2, "Motorbikes": 2})


def archive(entries: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for name, content in entries.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return file.getvalue()


FOUR = {f"caltech101/{name}/image_{i}.jpg": jpeg() for name in ("Faces", "Motorbikes") for i in range(2)}


def read_caltech(contents: bytes, folder: Path) -> dict[str, np.ndarray] | None:
    """Images of an archive, None if it is refused."""
    path = folder / "set.tar"
    path.write_bytes(contents)
    caltech.images.cache_clear()
    try:
        return caltech.images(2, 3, path)
    except DatasetError as error:
        assert str(path) in str(error)
        return None


def test_a_damaged_archive_of_images_is_refused_or_has_all_images(few, tmp_path):
    whole, rng = archive(FOUR), random.Random(4)
    assert {name: len(own) for name, own in read_caltech(whole, tmp_path).items()} == caltech.CLASSES
    refused = 0
    for number in range(600):
        wrong = bytearray(whole)
        if number < 100:
            del wrong[number * len(wrong) // 100 :]
        else:
            wrong[rng.randrange(len(wrong))] ^= 1 << rng.randrange(8)
        images = read_caltech(bytes(wrong), tmp_path)
        refused += images is None
        assert images is None or all(own.shape == (2, 6) for own in images.values())
    assert refused > 100


def link(kind: bytes, target: str) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for name in FOUR:
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, target
            tar.addfile(entry)
    return file.getvalue()


def huge_jpeg() -> bytes:
    """A picture whose header says 65,500 x 65,500."""
    data = jpeg()
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + b"\xff\xdc\xff\xdc" + data[at + 4 :]


def as_gif() -> bytes:
    file = io.BytesIO()
    Image.new("L", (3, 3)).save(file, "GIF")
    return file.getvalue()


HOSTILE_ARCHIVES = {
    "links to themselves": link(tarfile.SYMTYPE, "caltech101/Faces/image_0.jpg"),
    "hard links round": link(tarfile.LNKTYPE, "caltech101/Faces/image_0.jpg"),
    "devices": link(tarfile.CHRTYPE, ""),
    "a picture of 4 gigapixels": archive({**FOUR, "caltech101/Faces/image_0.jpg": huge_jpeg()}),
    "a picture that is none": archive({**FOUR, "caltech101/Faces/image_0.jpg": b""}),
    "a picture of another format": archive({**FOUR, "caltech101/Faces/image_0.jpg": as_gif()}),
    "a file beyond any image": archive({**FOUR, "caltech101/Faces/image_0.jpg": bytes(1 << 22)}),
    "one image too many": archive({**FOUR, "caltech101/Faces/image_9.jpg": jpeg()}),
    "the same image twice": archive(
        {**FOUR, "other/Faces/image_1.jpg": jpeg(), "caltech101/Faces/image_0.jpg": b""}
    ),
}


@pytest.mark.parametrize("contents", HOSTILE_ARCHIVES.values(), ids=HOSTILE_ARCHIVES)
def test_an_archive_that_is_a_trap_is_refused(contents, few, tmp_path):
    assert read_caltech(contents, tmp_path) is None
