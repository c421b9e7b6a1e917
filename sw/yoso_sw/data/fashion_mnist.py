"""Fashion-MNIST: product pictures of clothes, in MNIST's form."""

from __future__ import annotations

from yoso_sw.data.published import Published
from yoso_sw.data.source import Facts

FASHION_MNIST = Published(
    "fashion-mnist",
    Facts(
        "Fashion-MNIST: 28 x 28 grey product pictures of ten kinds of clothes",
        "a benchmark of classifiers; pictures must be in Fashion-MNIST's form",
        "Photographs of clothes as they are worn were not measured.",
        train=60_000,
        test=10_000,
    ),
    mirrors=("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",),
    digests={
        "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    },
    megabytes=31,
)
