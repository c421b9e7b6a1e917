"""What a network comes to on many images, in parts, is what one run of the golden model says."""

import numpy as np
import pytest
from support.quarters import TANDEM, load, small_config
from yoso_sw.learn import tally
from yoso_sw.learn.trainer import Trainer
from yoso_sw.network import golden


@pytest.mark.parametrize("changes", [{}, TANDEM], ids=["one spike", "several"])
@pytest.mark.parametrize("block", [1, 7, 100, 300, 1000])
def test_parts_add_up_to_the_whole(changes, block, monkeypatch):
    monkeypatch.setattr(tally, "BLOCK", block)
    data = load()
    images, labels = data.test
    trainer = Trainer(small_config(**changes, float_epochs=1, integer_epochs=1), data)
    trainer.run()
    network = trainer.network("")
    exact = golden.run(network, images)
    found = tally.tally(network, images, labels)
    right = int((exact.decisions == labels).sum())
    assert (found.images, found.right, found.accuracy) == (300, right, 100 * right / 300)
    assert (found.steps, found.spiked) == (exact.decision_steps.sum(), exact.spiked.sum())
    assert found.spikes == tuple(layer.total for layer in exact.spikes) and found.spikes[0] > 300
    about = network.about
    assert about["golden_accuracy"] == round(found.accuracy, 2)
    assert about["spikes"] == [round(float(np.mean(layer.per_image)), 1) for layer in exact.spikes]
