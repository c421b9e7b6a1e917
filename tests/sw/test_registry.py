"""Sets of one's own: each form is read, split the same by the same seed, and refused in one line."""

import gzip
import hashlib
import re
from pathlib import Path

import numpy as np
import pytest
from support.own_sets import quadrants, write_idx, write_pictures
from support.set_forms import parts, refusal, same
from yoso_sw.data import places, registry
from yoso_sw.data.samples import SPLITS, Samples
from yoso_sw.network.events import NEVER, Events

NAMES = ["ant", "bee", "cat", "dog"]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty folder to work in, and one in which sets are looked for."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(places, "folders", lambda: [tmp_path / "places"])
    return tmp_path


# ---- IDX -----------------------------------------------------------------------------------------------


@pytest.fixture
def idx(folder):
    return write_idx(folder / "squares", quadrants(120, 1), quadrants(30, 2))


def test_a_folder_of_idx_files_keeps_the_last_training_images_apart(idx):
    train, validation, test = parts("squares", validation=20)
    images, labels = quadrants(120, 1)
    assert same(train, images[:100], labels[:100]) and same(validation, images[100:], labels[100:])
    assert same(test, *quadrants(30, 2))
    assert {part.shape for part in (train, validation, test)} == {(12, 12)} and test.name == "squares"


def test_packed_idx_files_serve_as_well(idx):
    plain = registry.load("squares", "test").digest
    for file in list(idx.iterdir()):
        file.with_name(f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes()))
        file.unlink()
    assert registry.load("squares", "test").digest == plain


def test_a_set_is_found_from_here_then_beside_the_configuration_then_by_its_name(idx, folder):
    by_path = registry.load(str(idx), "test").digest
    assert registry.find("squares").path == "squares"
    (folder / "elsewhere").mkdir()
    idx.rename(folder / "elsewhere" / "squares")
    assert registry.load("squares", "test", beside=folder / "elsewhere").digest == by_path
    assert registry.find("squares", folder / "elsewhere").path == "squares"
    (folder / "places").mkdir()
    (folder / "elsewhere" / "squares").rename(folder / "places" / "squares")
    assert registry.load("squares", "test").digest == by_path
    assert registry.find("squares").path == ""  # the name finds it again


def test_a_set_of_ones_own_has_views_too(idx):
    plain, seen = registry.load("squares", "test"), registry.load("squares-negative", "test")
    assert np.array_equal(seen.inputs, 255 - plain.inputs) and seen.name == "squares-negative"


def test_a_folder_whose_name_ends_like_a_view_is_itself(idx, folder):
    idx.rename(folder / "squares-negative")
    assert same(registry.load("squares-negative", "test"), *quadrants(30, 2))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            lambda f: (f / "t10k-labels-idx1-ubyte").unlink(),
            r"has no t10k-labels-idx1-ubyte .*put it",
        ),
        (
            lambda f: write_idx(f, quadrants(120, 1), (quadrants(30, 2)[0], quadrants(29, 2)[1])),
            r"squares: images have shape \(30, 12, 12\) and labels \(29,\); a label an image is wanted",
        ),
        (lambda f: (f / "t10k-images-idx3-ubyte").write_bytes(b"GIF"), r"t10k-images.* is not an IDX file"),
    ],
)
def test_what_is_wrong_with_idx_files_is_said(idx, change, says):
    change(idx)
    assert re.search(says, refusal("squares"))


def test_too_many_validation_images_are_refused(idx):
    said = refusal("squares", "train", validation=120)
    assert "squares: 120 training images leave none beside validation=120; lower it" in said


# ---- npz -----------------------------------------------------------------------------------------------


def write(**arrays):
    np.savez("own.npz", **arrays)


@pytest.mark.parametrize("axes", [(12, 12), (144,), (6, 8, 3), (12, 12, 1)])
def test_images_of_an_npz_are_read_row_by_row(axes):
    images = np.random.default_rng(0).integers(0, 256, (40, *axes)).astype(np.uint8)
    write(images=images, labels=np.arange(40) % 4)
    found = registry.load("own.npz", "train")
    assert found.inputs.shape == (28, 144) and found.inputs.dtype == np.uint8
    assert found.shape == {(144,): None, (12, 12, 1): (12, 12)}.get(axes, axes)
    rows = {row.tobytes() for row in images.reshape(40, -1)}
    assert all(row.tobytes() in rows for row in found.inputs)


def test_a_drawn_split_is_the_same_for_the_same_seed_and_has_every_class_in_every_part():
    images, labels = quadrants(400, 5)
    images[:, 0, 0] = np.arange(400) % 256
    images[:, 0, 1] = np.arange(400) // 256
    write(images=images, labels=np.sort(labels))
    ours, again, other = (parts("own.npz", seed=seed) for seed in (3, 3, 4))
    assert [part.digest for part in ours] == [part.digest for part in again]
    assert ours[2].digest != other[2].digest
    numbers = np.concatenate([part.inputs[:, 0] + 256 * part.inputs[:, 1].astype(int) for part in ours])
    assert sorted(numbers) == list(range(400))
    whole = np.bincount(labels)
    for part, share in zip(ours, (0.7, 0.1, 0.2), strict=True):
        assert np.abs(np.bincount(part.labels) - share * whole).max() <= 1.5
        assert (np.diff(part.labels.astype(int)) != 0).sum() > len(part) / 2  # not sorted by class
    assert registry.find("own.npz").source.drawn


def test_the_split_of_a_seed_stays_what_it_is():
    """Frozen: networks record the seed alone."""
    write(images=np.arange(60, dtype=np.uint8).reshape(60, 1), labels=np.arange(60) % 3)
    drawn = "".join(part.digest for part in parts("own.npz", seed=7))
    assert hashlib.sha256(drawn.encode()).hexdigest()[:16] == "96a57e44b237c493"


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_a_class_of_few_samples_is_in_as_many_parts(count):
    write(images=np.zeros((count + 50, 4), np.uint8), labels=np.array([0] * 50 + [1] * count))
    counts = [int((part.labels == 1).sum()) for part in parts("own.npz")]
    assert counts == {1: [1, 0, 0], 2: [1, 0, 1], 3: [1, 1, 1], 4: [2, 1, 1]}[count]


@pytest.mark.parametrize(
    "kind", [lambda s: s, lambda s: s.astype("S"), lambda s: np.array([SPLITS.index(x) for x in s])]
)
def test_an_npz_may_say_its_parts(kind):
    images, labels = quadrants(60, 1)
    fixed = np.array(["train"] * 30 + ["test"] * 20 + ["validation"] * 10)
    write(images=images, labels=labels, split=kind(fixed))
    train, validation, test = parts("own.npz", seed=9, validation=25)
    assert same(train, images[:30], labels[:30]) and same(test, images[30:50], labels[30:50])
    assert same(validation, images[50:], labels[50:])
    assert not registry.find("own.npz").source.drawn


def test_training_samples_validate_where_an_npz_has_no_validation_part():
    images, labels = quadrants(60, 1)
    write(images=images, labels=np.sort(labels), split=np.array([0] * 40 + [2] * 20))
    train, validation, test = parts("own.npz", validation=12)
    assert (len(train), len(validation), len(test)) == (28, 12, 20)
    assert len(set(validation.labels)) > 1  # though they are sorted by class in the file


def test_steps_and_events_are_the_same_spikes():
    rng = np.random.default_rng(2)
    steps = rng.integers(0, 30, (50, 24)).astype(np.int16)
    steps[rng.random(steps.shape) < 0.7] = NEVER
    image, axon = np.nonzero(steps != NEVER)
    events = np.stack([image, steps[image, axon], axon], axis=1).astype(np.int32)
    labels = rng.integers(0, 3, 50)
    write(steps=steps, labels=labels)
    given = parts("own.npz")
    write(events=rng.permutation(events), labels=labels, shape=[4, 3, 2])
    read = parts("own.npz")
    assert [part.inputs for part in read] == [Events.of_steps(part.inputs) for part in given]
    assert read[0].shape == (4, 3, 2) and given[0].shape is None


GOOD = {"images": np.zeros((6, 4), np.uint8), "labels": np.arange(6) % 2}
EVENTS = np.array([[0, 3, 1], [5, 0, 2]])


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"labels": GOOD["labels"]}, "holds labels; labels and one of images, steps, events are wanted"),
        ({"images": GOOD["images"]}, "holds images; labels and one of"),
        ({**GOOD, "steps": np.zeros((6, 4), np.int16)}, "holds images, labels, steps; labels and one of"),
        ({"pictures": GOOD["images"]}, "holds nothing of use; labels and one of"),
        (
            {**GOOD, "images": GOOD["images"].astype(object)},
            "images holds Python objects, which are not read",
        ),
        (
            {**GOOD, "split": np.array(["train"] * 6, object)},
            "split holds Python objects, which are not read",
        ),
        ({**GOOD, "images": GOOD["images"].astype(int)}, r"images are int64 of shape \(6, 4\); uint8 \(n,"),
        ({**GOOD, "images": np.zeros(6, np.uint8)}, r"images are uint8 of shape \(6,\); uint8 \(n, rows"),
        ({**GOOD, "labels": np.eye(6)}, r"labels are float64 of shape \(6, 6\); whole numbers \(n,\)"),
        ({**GOOD, "labels": np.arange(5)}, "has 6 images and 5 labels; each needs one"),
        ({"images": np.zeros((0, 4), np.uint8), "labels": np.zeros(0, int)}, "has no images: labels are"),
        (
            {**GOOD, "split": np.array(["train"] * 5 + ["dev"])},
            "split has 'dev'; train, validation, test or",
        ),
        ({**GOOD, "split": np.array([0, 1, 2, 3, 0, 0])}, "split has '3'; train, validation, test or 0"),
        ({**GOOD, "split": np.zeros(5, int)}, r"split has shape \(5,\); 6 labels need as many"),
        ({**GOOD, "split": np.zeros(6, int)}, "own has no test images: it has train; add some"),
        ({**GOOD, "shape": np.array([3, 2])}, "shape is 3 x 2, but there are 4 inputs"),
        ({**GOOD, "shape": np.array([4])}, r"shape is \[4\]; rows, columns and perhaps channels are wanted"),
        ({"steps": np.zeros((6, 4)), "labels": GOOD["labels"]}, r"steps are float64 .*int16 \(n, inputs\)"),
        (
            {"events": EVENTS[:, :2], "labels": GOOD["labels"]},
            r"events are .* \(2, 2\); whole numbers \(m,",
        ),
        (
            {"events": np.add(EVENTS, [1, 0, 0]), "labels": GOOD["labels"]},
            r"event 1 is of image 6, .* outside 0\.\.5",
        ),
        ({"events": EVENTS - [0, 1, 0], "labels": GOOD["labels"]}, r"event 1 is of step -1, .* 0\.\.32766"),
        (
            {"events": EVENTS, "labels": GOOD["labels"], "shape": [1, 2]},
            "events go up to axon 2, but shape has 2 inputs",
        ),
        (
            {"events": np.vstack([EVENTS, EVENTS[:1]]), "labels": GOOD["labels"]},
            "image 0.*axon 1.*twice",
        ),
        (
            {"events": np.array([[0, 0, 2**20 - 1]]), "labels": np.zeros(5000, int)},
            "5000 images of 1048576 axons are more than 4294967296 bytes",
        ),
    ],
)
def test_what_is_wrong_with_an_npz_is_said(arrays, says):
    write(**arrays)
    assert re.search(f"own(.npz:)? {says}" if "own" not in says else says, refusal("own.npz"))


@pytest.mark.parametrize("content", [b"", b"label,pixel\n1,2\n", b"PK\x03\x04\xff\xff"])
def test_a_file_that_is_no_npz_is_named(folder, content):
    (folder / "table.csv").write_bytes(content)
    assert re.search(r"table\.csv is not a whole npz file \(.*\); write it with", refusal("table.csv"))


# ---- neither -------------------------------------------------------------------------------------------


def test_an_unknown_set_lists_known_ones_places_and_forms(folder):
    said = refusal("letters")
    assert said.startswith(f"there is no data set 'letters', looked for in {folder}, {folder}/places; ")
    for part in (
        "mnist, fashion-mnist, caltech",
        "-negative",
        "train-images-idx3-ubyte",
        "CLASS/*.png",
        "npz",
    ):
        assert part in said


def test_a_folder_of_something_else_says_what_it_holds(folder):
    (folder / "empty").mkdir()
    assert "empty holds nothing, which is no data set; one is a folder with train-images" in refusal("empty")
    for name in "abcdefg":
        (folder / "empty" / f"{name}.csv").touch()
    assert "empty holds a.csv, b.csv, c.csv, d.csv, e.csv and 2 more, which is no" in refusal("empty")


def test_pictures_that_have_parts_and_no_classes_are_refused(folder):
    for part in ("train", "test"):
        write_pictures(folder / "flat" / part, *quadrants(4, 3), ["", "", "", ""])
    assert "flat/train holds pictures of no class; put them into train/CLASS/" in refusal("flat")


@pytest.mark.parametrize("name", ["x" * 300, "a\0b"])
def test_a_name_that_no_file_can_have_is_an_unknown_set(name):
    assert refusal(name).startswith("there is no data set ")


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.uint64])
def test_events_may_be_of_any_whole_kind(kind):
    write(events=EVENTS.astype(kind), labels=GOOD["labels"], split=np.full(6, 2))
    found = registry.load("own.npz", "test").inputs
    assert (len(found), found.axons, found.total) == (6, 3, 2)
    assert (found.steps[0, 1], found.steps[5, 2]) == (3, 0)


def test_a_set_of_ones_own_cannot_take_a_known_name(folder):
    write_idx(folder / "sets" / "mnist", quadrants(20, 1), quadrants(20, 1))
    assert "sets/mnist: a set of your own cannot be called mnist, as a known one is; " in refusal(
        "sets/mnist"
    )


def test_an_unknown_part_is_named(idx):
    assert "there is no split 'dev' of squares; there are train, validation, test" in refusal(
        "squares", "dev"
    )


def test_views_of_spikes_are_refused():
    write(steps=np.zeros((20, 4), np.int16), labels=np.arange(20) % 2)
    said = refusal("own.npz-negative")
    assert (
        "own-negative: only grey images of known rows and columns can be seen as -negative; take own" in said
    )


def test_pictures_of_any_size_need_a_shape():
    said = refusal("caltech")
    assert "caltech: its pictures have any size, and the network does not say its own: " in said


# ---- handing over --------------------------------------------------------------------------------------


def test_samples_survive_their_file(idx, folder):
    samples = registry.load("squares", "test")
    samples.save(folder / "s.npz")
    again = Samples.load(folder / "s.npz")
    assert again.digest == samples.digest and again.name == samples.name


def test_the_digest_knows_inputs_labels_and_their_number(idx):
    samples = registry.load("squares", "test")
    other = Samples(samples.name, samples.inputs, samples.labels[::-1])
    assert len({samples.digest, other.digest, samples[:-1].digest, samples[1:].digest}) == 4


# ---- no other loader -----------------------------------------------------------------------------------

#: What the rest of the project may import of `yoso_sw.data`; all else reads files.
OPEN = {
    "registry",
    "samples",
    "parts",
    "recorded",
    "options",
    "source",
    "views",
    "augment",
    "encoding",
    "memory",
}


def test_nobody_but_the_registry_loads_data():
    import ast

    root = Path(__file__).parents[2]
    files = [p for top in ("sw", "sim", "hw") for p in (root / top).rglob("*.py")]
    assert len(files) > 100
    for path in files:
        if path.parent.name == "data" and path.parent.parent.name == "yoso_sw":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            names = []
            if isinstance(node, ast.ImportFrom) and node.module == "yoso_sw.data":
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and str(node.module).startswith("yoso_sw.data."):
                names = [str(node.module).split(".")[2]]
            elif isinstance(node, ast.Import):
                names = [a.name.split(".")[2] for a in node.names if a.name.startswith("yoso_sw.data.")]
            assert set(names) <= OPEN, f"{path} imports {names} of yoso_sw.data"
