"""The temporal code of images."""

import numpy as np
import pytest
from yoso_sw.data.encoding import spike_steps
from yoso_sw.network.golden import input_steps
from yoso_sw.network.network import NEVER

PIXELS = np.arange(256, dtype=np.uint8)


@pytest.mark.parametrize("levels", [1, 2, 16, 33, 256])
def test_the_code_is_the_golden_models(levels):
    steps = spike_steps(PIXELS, levels)
    assert steps.dtype == np.int16
    assert np.array_equal(steps, input_steps(PIXELS, levels))


@pytest.mark.parametrize("levels", [1, 16, 256])
def test_brighter_is_never_later_and_all_levels_are_used(levels):
    steps = spike_steps(PIXELS[1:], levels)
    assert (np.diff(steps) <= 0).all()
    assert steps[-1] == 0 and steps.min() == 0
    assert len(np.unique(steps)) == min(levels, 255)


def test_black_stays_silent():
    assert spike_steps(np.zeros((2, 3), np.uint8), 16).tolist() == [[NEVER] * 3] * 2


def test_pixels_must_be_bytes():
    with pytest.raises(TypeError, match="float64"):
        spike_steps(np.zeros(3), 16)


@pytest.mark.parametrize("levels", [0, 257])
def test_levels_outside_their_range_are_refused(levels):
    with pytest.raises(ValueError, match=f"levels={levels}"):
        spike_steps(PIXELS, levels)
