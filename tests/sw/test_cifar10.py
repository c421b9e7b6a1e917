"""CIFAR-10: the published files and the archive of JPEG pictures, and clear words about what is wrong."""

import io
import tarfile

import numpy as np
import pytest
from PIL import Image
from yoso_sw.data import cifar10, places, registry
from yoso_sw.data.samples import DatasetError


def jpeg(colour, size=(32, 32)):
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, "JPEG", quality=95, subsampling=0)
    return file.getvalue()


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """Where alone the set is looked for; one of five training images and a test image a class is whole."""
    monkeypatch.setattr(cifar10, "COUNTS", {"train": 5, "test": 1})
    monkeypatch.setattr(places, "folders", lambda: [tmp_path])
    cifar10.part_of.cache_clear()
    yield tmp_path
    cifar10.part_of.cache_clear()


def pictures():
    """Content by name: training image i of class k is 20 k red and 40 i green; test images are blue."""
    found = {}
    for k, name in enumerate(cifar10.CLASSES):
        found |= {f"train/{name}/{i:04}.jpg": jpeg((20 * k, 40 * i, 0)) for i in range(5)}
        found[f"test/{name}/0000.jpg"] = jpeg((20 * k, 0, 255))
    return found


def pack(folder, contents):
    with tarfile.open(folder / cifar10.ARCHIVE, "w:gz") as tar:
        for name, content in contents.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))


def records(labels, planes):
    """A published file: of each image a label and its planes, (images, 3, 32, 32)."""
    flat = planes.reshape(len(labels), -1)
    return np.concatenate([np.asarray(labels, np.uint8)[:, None], flat], axis=1).tobytes()


def unpack(folder, planes):
    """The published files of 50 training images, (50, 3, 32, 32), and of ten test images, the first ten."""
    own = folder / cifar10.FOLDER
    own.mkdir()
    for i, name in enumerate(cifar10.FILES["train"]):
        (own / name).write_bytes(records(np.arange(10), planes[10 * i : 10 * i + 10]))
    (own / "test_batch.bin").write_bytes(records(np.arange(10), planes[:10]))
    return own


def noise():
    return np.random.default_rng(1).integers(0, 256, (50, 3, 32, 32)).astype(np.uint8)


def test_pictures_come_one_of_each_class_in_turn_in_their_colours(folder):
    contents = pictures()
    pack(folder, dict(sorted(contents.items(), reverse=True)))
    train, test = (registry.load("cifar10", part, validation=10) for part in ("train", "test"))
    last = registry.load("cifar10", "validation", validation=10)
    assert (len(train), len(last), len(test)) == (40, 10, 10)
    assert train.labels.tolist() == [*range(10)] * 4 and last.labels.tolist() == [*range(10)]
    assert train.shape == (32, 32, 3) and train.inputs.shape == (40, 3072) and train.inputs.dtype == np.uint8
    colours = np.concatenate([train.inputs, last.inputs]).reshape(50, 1024, 3).astype(int)
    k, i = np.tile(np.arange(10), 5), np.repeat(np.arange(5), 10)
    expected = np.stack([20 * k, 40 * i, 0 * k], axis=1)
    assert np.abs(colours - expected[:, None]).max() <= 4
    assert np.abs(test.inputs.reshape(10, 1024, 3)[:, :, 2].astype(int) - 255).max() <= 4


def test_published_files_come_in_their_order_with_the_colours_of_a_pixel_side_by_side(folder):
    planes = noise()
    unpack(folder, planes)
    train, test = (registry.load("cifar10", part, validation=10) for part in ("train", "test"))
    assert train.inputs.shape == (40, 3072) and train.labels.tolist() == [*range(10)] * 4
    assert np.array_equal(train.inputs.reshape(40, 32, 32, 3), planes[:40].transpose(0, 2, 3, 1))
    assert np.array_equal(test.inputs, train.inputs[:10])


def test_a_set_that_is_missing_says_where_it_is_got_and_what_to_put_where(folder):
    says = (
        rf"^cifar10: neither cifar10-jpeg.tar.gz nor cifar-10-batches-bin/ is in any of {folder}\. Get "
        r"cifar-10-binary\.tar\.gz from https://www\.cs\.toronto\.edu/\S+, unpack it as .* set YOSO_DATA=<"
    )
    with pytest.raises(DatasetError, match=says) as caught:
        registry.load("cifar10", "train")
    assert len(str(caught.value).splitlines()) == 1 and registry.KNOWN["cifar10"].where() is None


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"train/cat/0003.jpg": None}, "has 4 images in train/cat/, not 5; replace it"),
        ({"train/cat/0009.jpg": jpeg((0, 0, 0))}, "has 6 images in train/cat/, not 5; replace it"),
        ({"train/dog/0001.jpg": b"no picture"}, r"cannot be read \(0001.jpg: .*\); replace it"),
        (
            {"train/dog/0001.jpg": jpeg((0, 0, 0), (30, 32))},
            r"cannot be read \(0001.jpg: 32 x 30 pixels are not 32 x 32\); replace it",
        ),
        (
            {"train/dog/0001.jpg": bytes(1 << 17)},
            r"train/dog/0001.jpg has 131072 bytes, more than any picture",
        ),
    ],
)
def test_a_damaged_archive_is_refused_in_one_line(folder, changes, says):
    pack(folder, {name: own for name, own in {**pictures(), **changes}.items() if own is not None})
    with pytest.raises(DatasetError, match=f"^cifar10: {folder / cifar10.ARCHIVE} .*{says}") as caught:
        registry.load("cifar10", "train", validation=5)
    assert len(str(caught.value).splitlines()) == 1


def test_files_that_are_no_pictures_of_the_classes_are_passed_over(folder):
    pack(folder, {**pictures(), "README": b"x", "train/plane/0000.jpg": b"y", "train/cat/list.txt": b"z"})
    assert len(registry.load("cifar10", "train", validation=5)) == 45


@pytest.mark.parametrize("damage", ["gone", "short", "long", "label"])
def test_damaged_published_files_are_refused_in_one_line(folder, damage):
    path = unpack(folder, noise()) / "data_batch_3.bin"
    content, says = bytearray(path.read_bytes()), r"has {} bytes, not 30730 of 10 images; replace it"
    if damage == "gone":
        path.unlink()
        says = "cannot be read .*; replace it"
    elif damage == "label":
        content[3073 * 4] = 10
        says = r"has a label 10, outside 0\.\.9; replace it"
    else:
        content = content[:-1] if damage == "short" else content + b"x"
        says = says.format(len(content))
    if damage != "gone":
        path.write_bytes(content)
    with pytest.raises(DatasetError, match=f"^cifar10: {path} {says}$") as caught:
        registry.load("cifar10", "train", validation=5)
    assert len(str(caught.value).splitlines()) == 1


def test_the_pictures_at_hand_are_all_there():
    place = registry.KNOWN["cifar10"].where()
    if place is None:
        pytest.skip("CIFAR-10 is on this machine neither as cifar10-jpeg.tar.gz nor as cifar-10-batches-bin/")
    test = registry.load("cifar10", "test")
    assert test.inputs.shape == (10_000, 3072) and np.bincount(test.labels).tolist() == [1000] * 10
    assert 100 < test.inputs.mean() < 140 and len(np.unique(test.inputs, axis=0)) > 9_990
