"""The last epochs on undistorted images."""

import pytest
from quarters import check_resumes, load, small_config
from yoso_sw.augment import Augment
from yoso_sw.trainer import Trainer

DISTORTED = Augment(shift=2.0, scale=0.1, mirror=True)


@pytest.fixture(scope="module")
def data():
    return load()


def settled_config(**changes):
    return small_config(**{"settle": True, "rows": 8, "augment": DISTORTED, **changes})


def test_the_integer_phase_sees_its_images_undistorted(data, monkeypatch):
    used = []

    def see(augment, images, rows, rng):
        used.append(augment)
        return images

    monkeypatch.setattr(Augment, "__call__", see)
    for settle, last in ((True, Augment(mirror=True)), (False, DISTORTED)):
        used.clear()
        Trainer(settled_config(settle=settle), data).run()
        assert used == [DISTORTED] * 4 + [last] * 4  # two blocks an epoch, two epochs a phase


def test_it_is_killed_between_the_phases_and_resumes_to_the_same_network(data, tmp_path):
    config = settled_config()
    assert "undistorted images at last" in config.strategies
    assert "undistorted" not in settled_config(settle=False).strategies
    assert "undistorted" not in settled_config(augment=Augment()).strategies
    check_resumes(config, data, tmp_path / "state.pt", config.float_epochs)
