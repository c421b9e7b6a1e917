"""The file of a weight image: no damaged, foreign or unfit one passes for one."""

import dataclasses
import json
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from support.small_image import PARAMS, small_network
from yoso_hw.registers import Memory, chunks
from yoso_sw.compile.compiler import compile_network
from yoso_sw.compile.image import (
    PREAMBLE,
    CorruptedImageError,
    ImageError,
    ImageVersionError,
    MemoryRun,
    NotAnImageError,
    TruncatedImageError,
    WeightImage,
    WrongChipError,
)


@pytest.fixture(scope="module")
def image() -> WeightImage:
    return compile_network(small_network(), PARAMS)


def test_a_saved_image_loads_to_the_same_image(image, tmp_path):
    image.save(tmp_path / "a.img")
    loaded = WeightImage.load(tmp_path / "a.img")
    assert loaded.params == image.params and loaded.layers == image.layers
    assert (loaded.name, loaded.steps, loaded.levels) == ("small", 20, 16)
    assert (loaded.decision, loaded.code) == ("ttfs", "ttfs")
    assert loaded.load_flits().tolist() == image.load_flits().tolist()
    assert loaded.to_bytes() == image.to_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["a.img"]


def test_the_same_network_compiles_to_the_same_bytes(image):
    assert compile_network(small_network(), PARAMS).to_bytes() == image.to_bytes()


def test_every_shortened_file_is_called_truncated(image):
    contents = image.to_bytes()
    for size in range(1, len(contents)):
        with pytest.raises(TruncatedImageError, match="truncated"):
            WeightImage.from_bytes(contents[:size])


def test_no_file_with_a_wrong_byte_is_accepted(image):
    contents = image.to_bytes()
    for place in range(len(contents)):
        wrong = bytearray(contents)
        wrong[place] ^= 0x10
        with pytest.raises(ImageError) as caught:
            WeightImage.from_bytes(bytes(wrong))
        if place >= PREAMBLE.size:
            assert type(caught.value) is CorruptedImageError


def test_a_file_with_more_behind_it_is_called_corrupted(image):
    with pytest.raises(CorruptedImageError):
        WeightImage.from_bytes(image.to_bytes() + b"\0")


def test_other_files_are_no_images(tmp_path):
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "zip").write_bytes(b"PK\x03\x04" + bytes(100))
    for name in ("empty", "zip", "missing", "."):
        with pytest.raises(NotAnImageError, match=name if name != "." else "read"):
            WeightImage.load(tmp_path / name)


def test_another_version_is_named(image):
    contents = bytearray(image.to_bytes())
    contents[8] = 4
    with pytest.raises(ImageVersionError, match=r"version 4.*reads 1, 2 and 3"):
        WeightImage.from_bytes(bytes(contents))


def test_a_file_of_version_1_is_the_image_that_its_network_gives_today(image):
    """The file was written when there was no version but 1."""
    contents = (Path(__file__).parents[1] / "support" / "version-1.yoso").read_bytes()
    assert contents[8] == 1
    assert WeightImage.from_bytes(contents).to_bytes() == image.to_bytes()


def rewritten(contents: bytes, change) -> bytes:
    """The file with `change` applied to its header and a valid checksum."""
    magic, version, size, payload = PREAMBLE.unpack_from(contents)
    header = json.loads(contents[PREAMBLE.size : PREAMBLE.size + size])
    change(header)
    text = json.dumps(header).encode()
    body = PREAMBLE.pack(magic, version, len(text), payload) + text + contents[PREAMBLE.size + size : -4]
    return body + struct.pack("<I", zlib.crc32(body))


@pytest.mark.parametrize(
    "change",
    [
        lambda header: header.pop("layers"),
        lambda header: header["chip"].pop("cols"),
        lambda header: header["chip"].update(cols=0),
        lambda header: header["network"].update(colour=1),
        lambda header: header["layers"][0].pop("stride"),
        lambda header: header["layers"][0]["slices"][0].update(x=7),
        lambda header: header["runs"].pop(),
        lambda header: header["runs"][0].__setitem__(2, 9),
        lambda header: header["runs"][0].__setitem__(0, 3),
        lambda header: header["runs"][0].__setitem__(3, 1),
        lambda header: header["runs"][0].__setitem__(4, 12),
    ],
)
def test_a_header_that_makes_no_sense_is_called_corrupted(image, change):
    with pytest.raises(CorruptedImageError, match="corrupted"):
        WeightImage.from_bytes(rewritten(image.to_bytes(), change))


def test_a_failed_save_leaves_the_old_file_and_nothing_else(image, tmp_path, monkeypatch):
    path = tmp_path / "a.img"
    path.write_bytes(b"old")

    def full(self, contents):
        open(self, "wb").close()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        image.save(path)
    assert path.read_bytes() == b"old" and len(list(tmp_path.iterdir())) == 1


def test_the_wrong_chip_is_named_field_by_field(image):
    assert image.for_chip(PARAMS) is image
    with pytest.raises(WrongChipError, match=r"lanes: 2 != 4, steps: 32 != 64$"):
        image.for_chip(dataclasses.replace(PARAMS, lanes=4, steps=64))


def test_a_run_that_leaves_its_memory_is_refused(image):
    data = np.zeros((2, chunks(PARAMS, Memory.SPIKE)), np.uint16)
    for run in (
        MemoryRun(0, 0, Memory.SPIKE, 7, data),
        MemoryRun(0, 0, Memory.SPIKE, -1, data),
        MemoryRun(0, 2, Memory.SPIKE, 0, data),
        MemoryRun(0, 0, Memory.REGISTER, 0, data),
    ):
        with pytest.raises(ImageError):
            dataclasses.replace(image, runs=(run,))
