"""Views of images: what each makes of pixels, and which a name means."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from yoso_sw.data import views


def contrast_slowly(image, reaches):
    """Local contrast of one picture, pixel by pixel, with NumPy's own mean and variance."""
    out = np.empty(image.shape)
    for row, col in np.ndindex(image.shape):
        shades = []
        for reach in reaches:
            square = image[max(0, row - reach) : row + reach + 1, max(0, col - reach) : col + reach + 1]
            difference = image[row, col] - square.mean()
            shades.append(difference / np.sqrt(difference**2 + square.var() + 1))
        out[row, col] = 127.5 * (1 + np.mean(shades))
    return out


def as_pixels(picture):
    return np.asarray(picture, np.uint8).reshape(1, -1)


@pytest.mark.parametrize(
    ("name", "family", "found"),
    [
        ("mnist", "mnist", ()),
        ("fashion-mnist", "fashion-mnist", ()),
        ("fashion-mnist-negative", "fashion-mnist", ("-negative",)),
        ("caltech-contrast", "caltech", ("-contrast",)),
        ("contrast", "contrast", ()),
        ("caltech-contrast-negative", "caltech", ("-contrast", "-negative")),
        ("caltech-negative-contrast", "caltech", ("-negative", "-contrast")),
    ],
)
def test_a_name_means_a_set_and_views_of_it(name, family, found):
    assert views.family(name) == family and views.views_of(name) == found


def test_views_are_taken_in_the_order_of_the_name():
    image = as_pixels(np.random.default_rng(3).integers(0, 256, (28, 28)))
    ways = {
        name: views.see(image, 28, f"mnist{name}")
        for name in ("", "-contrast", "-contrast-negative", "-negative-negative")
    }
    assert np.array_equal(ways[""], image) and np.array_equal(ways["-negative-negative"], image)
    assert np.array_equal(ways["-contrast"], views.contrast(image, 28))
    assert np.array_equal(ways["-contrast-negative"], 255 - ways["-contrast"])
    flat = as_pixels(np.full((28, 28), 9))
    # 127.5 rounds to 128, of which the negative is 127.
    assert (views.see(flat, 28, "mnist-contrast-negative") == 127).all()
    assert (views.see(flat, 28, "mnist-negative-contrast") == 128).all()


def test_a_negative_twice_is_the_image():
    image = as_pixels(np.arange(256))
    assert np.array_equal(views.negative(image, 16), 255 - image)
    assert np.array_equal(views.negative(views.negative(image, 16), 16), image)


@given(
    arrays.arrays(np.uint8, st.tuples(st.just(2), st.integers(1, 30), st.integers(1, 9))),
)
def test_contrast_is_what_it_says_it_is(images):
    rows = images.shape[1]
    seen = views.contrast(images.reshape(2, -1), rows)
    assert seen.dtype == np.uint8 and seen.shape == (2, images[0].size)
    for image, own in zip(images, seen.reshape(images.shape), strict=True):
        slowly = contrast_slowly(image.astype(float), (1, 1, max(1, rows // 4)))
        assert np.abs(own - slowly).max() <= 0.5 + 1e-6


@pytest.mark.parametrize(
    ("rows", "near", "far"), [(1, [1], 1), (12, [1], 3), (28, [1], 7), (100, [1, 2], 25), (160, [1, 3], 40)]
)
def test_contrast_is_with_the_next_pixels_a_fiftieth_and_a_quarter_of_the_rows(rows, near, far):
    grey = np.full((1, rows, 120), 100, np.uint8)
    grey[0, rows // 2, 60] = 200
    line = views.contrast(grey.reshape(1, -1), rows).reshape(rows, 120)[rows // 2].astype(int)
    away = np.abs(np.arange(120) - 60)
    # Each square that the bright pixel leaves makes its neighbours less dark beside it.
    steps = np.flatnonzero(np.diff(line[60:]) > 0)
    assert steps[-1] == far and set(near) <= set(steps.tolist())
    assert (line[away > far] == 128).all() and (line[(0 < away) & (away <= far)] < 128).all()


@pytest.mark.parametrize("grey", [0, 7, 255])
def test_an_even_area_has_no_contrast_however_bright(grey):
    assert (views.contrast(np.full((1, 784), grey, np.uint8), 28) == 128).all()


def test_contrast_sees_the_same_in_half_the_light():
    rng = np.random.default_rng(1)
    bright = 2 * rng.integers(20, 128, (3, 784)).astype(np.uint8)
    apart = views.contrast(bright, 28).astype(int) - views.contrast(bright // 2, 28)
    assert np.abs(apart).max() <= 2


def test_a_pixel_brighter_than_its_surroundings_spikes_before_one_that_is_darker():
    picture = np.full((28, 28), 100, np.uint8)
    picture[5, 5], picture[20, 20] = 110, 90
    seen = views.contrast(as_pixels(picture), 28).reshape(28, 28)
    assert seen[5, 5] > 200 and seen[20, 20] < 55


def test_more_images_than_a_block_are_seen_as_each_alone():
    images = np.random.default_rng(2).integers(0, 256, (views.BLOCK + 3, 12)).astype(np.uint8)
    seen = views.contrast(images, 3)
    for i in (0, views.BLOCK - 1, views.BLOCK, views.BLOCK + 2):
        assert np.array_equal(seen[i], views.contrast(images[i : i + 1], 3)[0])


def test_no_images_are_no_images_in_any_view():
    for view in views.VIEWS.values():
        assert view.see(np.empty((0, 784), np.uint8), 28).shape == (0, 784)
