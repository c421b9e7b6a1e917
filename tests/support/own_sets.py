"""Small data sets of one's own, in the forms that the registry reads."""

from pathlib import Path

import numpy as np
from PIL import Image
from yoso_sw.data.idx import FILES, encode_idx


def quadrants(count, seed, side=12, classes=4):
    """Noisy square images, a bright quadrant for each of four classes, and the middle for a fifth."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, count).astype(np.uint8)
    images = rng.integers(0, 60, (count, side, side)).astype(np.uint8)
    half = side // 2
    for image, label in zip(images, labels, strict=True):
        row, col = (half // 2, half // 2) if label == 4 else (half * (label // 2), half * (label % 2))
        image[row : row + half, col : col + half] += 150
    return images, labels


def write_idx(folder: Path, train, test) -> Path:
    """A folder with the four files of (images, labels) of both parts."""
    folder.mkdir(parents=True, exist_ok=True)
    for part, arrays in (("train", train), ("test", test)):
        for name, array in zip(FILES[part], arrays, strict=True):
            (folder / name).write_bytes(encode_idx(array))
    return folder


def write_pictures(folder: Path, images, labels, names, suffix="png") -> Path:
    """Pictures in a folder a class."""
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        own = folder / names[label]
        own.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(own / f"{number:04}.{suffix}")
    return folder


#: A training configuration of `quadrants`, to be filled in with a data set.
CONFIG = """
name = "quadrants"
dataset = "{dataset}"
inputs = {inputs}
rows = 12
steps = 33
levels = 16
decision = "softmax"
float_epochs = 2
integer_epochs = 1
lr = 1e-2
warmup = 5
validation = 50
batch_size = 20
temperature = 16.0
[[layers]]
neurons = 12
slope = "constant"
threshold = 17.0
start = 16
end = 32
std = 0.06
[[layers]]
neurons = {classes}
std = 0.1
"""


def configure(folder: Path, dataset="", inputs=144, classes=4) -> Path:
    """The configuration as a file."""
    path = folder / "quadrants.toml"
    path.write_text(CONFIG.format(dataset=dataset, inputs=inputs, classes=classes))
    return path
