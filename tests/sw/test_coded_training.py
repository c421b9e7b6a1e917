"""Training images of codes rate and Poisson: distorted as pixels, then coded, in each epoch anew."""

import numpy as np
import pytest
from support.quarters import CLIF, check_resumes, patterns, small_config
from yoso_sw.data.augment import Augment
from yoso_sw.data.encoding import ENCODERS, poisson
from yoso_sw.data.memory import data_of
from yoso_sw.learn.trainer import Trainer


def coded_task(code, **changes):
    """Rule clif on shifted images in a code, and its data from memory."""
    shifted = {"code": code, "augment": Augment(shift=1.0), "rows": 8, "images": 50, "integer_epochs": 1}
    config = small_config(**{**CLIF, **shifted, **changes})
    parts = {"train": patterns(300, 1), "validation": patterns(100, 3), "test": patterns(100, 2)}
    return config, data_of(parts, config)


def test_images_are_distorted_and_then_coded():
    config, data = coded_task("rate")
    trainer = Trainer(config, data)
    seen, encode = [], trainer.model.encode
    trainer.model.encode = lambda inputs: seen.append(inputs) or encode(inputs)
    trainer.run(until=1)
    rng = np.random.default_rng((config.seed, 0))
    own = data.train[0][rng.permutation(300)[:50]]
    assert seen[0] == ENCODERS["rate"](config.augment(own, 8, rng), config.levels, 0, 0)


@pytest.mark.parametrize("copies", [0, 1])
def test_poisson_spikes_of_distorted_images_are_drawn_in_each_epoch_anew(copies, monkeypatch):
    drawn = []
    monkeypatch.setitem(ENCODERS, "poisson", lambda *given: drawn.append(given[2]) or poisson.encode(*given))
    config, data = coded_task("poisson", distortions=copies)
    drawn.clear()  # those of the parts that are not distorted
    Trainer(config, data).run(until=2)
    assert len(set(drawn)) == len(drawn) == 2


@pytest.mark.parametrize("code", ["rate", "poisson"])
def test_training_on_coded_distortions_goes_on_bit_for_bit(code, tmp_path):
    check_resumes(*coded_task(code), tmp_path / "state.pt", 2)
