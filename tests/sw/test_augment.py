"""Distorted training images: what moves, what stays, and that a seed says all."""

import numpy as np
import pytest
from yoso_sw.data.augment import Augment


def noise(count):
    return np.random.default_rng(1).integers(0, 256, (count, 784)).astype(np.uint8)


def test_without_distortion_images_stay_as_they_are():
    images = noise(5)
    assert Augment()(images, 28, np.random.default_rng(0)) is images


def test_a_distortion_too_small_to_see_changes_nothing():
    images = noise(5)
    for rows in (28, 16, 784):
        assert np.array_equal(Augment(shift=1e-6)(images, rows, np.random.default_rng(0)), images)


def test_a_mirror_turns_left_and_right_of_a_wide_image():
    images = np.tile(np.arange(12, dtype=np.uint8), (60, 5, 1)).reshape(60, 60)
    images = Augment(mirror=True)(images, 5, np.random.default_rng(0)).reshape(60, 5, 12)
    turned = (images == np.arange(11, -1, -1)).all((1, 2))
    assert ((images == np.arange(12)).all((1, 2)) ^ turned).all() and 15 < turned.sum() < 45


def test_distortions_keep_the_ink_and_repeat_with_their_seed():
    images = np.zeros((50, 28, 28), np.uint8)
    images[:, 8:20, 8:20] = 200
    images = images.reshape(50, 784)
    augment = Augment(rotate=10, scale=0.1, shear=0.1, shift=1, elastic=0.5)
    ours, same, others = (augment(images, 28, np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert np.array_equal(ours, same) and not np.array_equal(ours, others)
    assert ours.sum(1).mean() == pytest.approx(images.sum(1).mean(), rel=0.05)
    assert not np.array_equal(ours[0], ours[1])


def test_from_outside_comes_black_or_the_border():
    images = np.full((40, 12 * 12), 90, np.uint8)
    black = Augment(shift=3)(images, 12, np.random.default_rng(2))
    border = Augment(shift=3, rotate=20, extend=True)(images, 12, np.random.default_rng(2))
    assert (black == 0).any(1).mean() > 0.8
    assert np.array_equal(border, images)


def test_a_crop_moves_every_pixel_by_whole_ones_and_as_far_as_it_says():
    images = np.random.default_rng(1).integers(1, 256, (200, 9, 12)).astype(np.uint8)
    cropped = Augment(crop=2)(images.reshape(200, -1), 9, np.random.default_rng(2)).reshape(200, 9, 12)
    ways = set()
    for image, own in zip(images, cropped, strict=True):
        found = [
            (dy, dx)
            for dy in range(-2, 3)
            for dx in range(-2, 3)
            if np.array_equal(own, np.pad(image, 2)[2 + dy : 11 + dy, 2 + dx : 14 + dx])
        ]
        assert len(found) == 1
        ways |= set(found)
    assert len(ways) == 25
    both = Augment(crop=2, extend=True)(images.reshape(200, -1), 9, np.random.default_rng(2))
    assert (cropped == 0).any((1, 2)).mean() > 0.9 and both.min() > 0


def test_channels_are_distorted_alike_and_stay_apart():
    augment = Augment(rotate=10, scale=0.1, shear=0.1, shift=1, crop=1, elastic=0.5, mirror=True)
    planes = np.random.default_rng(1).integers(0, 256, (3, 30, 8, 10)).astype(np.uint8)
    images = planes.transpose(1, 2, 3, 0).reshape(30, -1)
    ours = augment(images, 8, np.random.default_rng(5), 3).reshape(30, 8, 10, 3)
    for channel, plane in enumerate(planes):
        alone = augment(plane.reshape(30, -1), 8, np.random.default_rng(5)).reshape(30, 8, 10)
        assert np.array_equal(ours[..., channel], alone)
    assert not np.array_equal(ours[..., 0], ours[..., 1])
    erased = Augment(erase=1.0)(images, 8, np.random.default_rng(5), 3).reshape(30, 8, 10, 3)
    changed = erased != images.reshape(30, 8, 10, 3)
    assert all(len(np.unique(own[where])) == 1 for own, where in zip(erased, changed, strict=True))


@pytest.mark.parametrize("share", [0.3, 1.0])
def test_one_grey_rectangle_is_painted_over_a_share_of_the_images(share):
    rows, cols = 14, 28
    images = np.arange(500 * rows * cols, dtype=np.int64).reshape(500, -1) % 251
    erased = Augment(erase=share)(images.astype(np.uint8), rows, np.random.default_rng(4))
    changed = (erased != images).reshape(500, rows, cols)
    touched = changed.any((1, 2))
    assert touched.mean() == pytest.approx(share, abs=0.06)
    for image, where in zip(erased[touched].reshape(-1, rows, cols), changed[touched], strict=True):
        y, x = np.flatnonzero(where.any(1)), np.flatnonzero(where.any(0))
        assert len(np.unique(image[where])) == 1
        inside = where[y[0] : y[-1] + 1, x[0] : x[-1] + 1]
        assert inside.mean() >= 0.75  # a pixel of that shade already does not count as changed
        assert y[-1] - y[0] < rows // 2 and x[-1] - x[0] < cols // 2


def test_painting_over_leaves_the_given_images_alone():
    images = noise(20)
    before = images.copy()
    Augment(erase=1.0)(images, 28, np.random.default_rng(0))
    assert np.array_equal(images, before)
