"""A set of one's own as the registry reads it, or the line with which it refuses it."""

import numpy as np
import pytest
from yoso_sw.data import registry
from yoso_sw.data.samples import SPLITS, DatasetError


def parts(source, **options):
    return [registry.load(source, part, **options) for part in SPLITS]


def refusal(source, split="test", **options):
    """The one line with which a set is refused."""
    with pytest.raises(DatasetError) as caught:
        registry.load(source, split, **options)
    said = str(caught.value)
    assert "\n" not in said
    return said


def same(samples, images, labels):
    return np.array_equal(samples.inputs, images.reshape(len(images), -1)) and np.array_equal(
        samples.labels, labels
    )
