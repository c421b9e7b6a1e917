"""MNIST: handwritten digits. The files that the digests were taken from have the published MD5."""

from __future__ import annotations

from yoso_sw.data.published import Published
from yoso_sw.data.source import Facts

MNIST = Published(
    "mnist",
    Facts(
        "MNIST: 28 x 28 grey images of handwritten digits, centred, white on black",
        "reading single digits that were brought into MNIST's form",
        "Digits of other size, place, stroke or background were not measured.",
        train=60_000,
        test=10_000,
    ),
    mirrors=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
    digests={
        "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
    megabytes=12,
    wheel=True,
)
