"""Learning rules: each registered one does what the trainer asks of a rule, and says what it cannot do."""

import ast
import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from support.own_sets import write_idx
from support.quarters import ALPHA, CLIF, COUNT, LITERAL, TANDEM, load, patterns, small_config
from yoso_sw.commands import accuracy, seeds, train
from yoso_sw.data.encoding import spike_steps
from yoso_sw.data.parts import Data
from yoso_sw.data.samples import DatasetError
from yoso_sw.learn import checkpoint, rules
from yoso_sw.learn.config import ConfigError
from yoso_sw.learn.config_file import load_config, parse, table_of
from yoso_sw.learn.errors import TrainingError
from yoso_sw.learn.layer_config import NeuronConfig
from yoso_sw.learn.rule import Rule
from yoso_sw.learn.stdbp.layers import Dense
from yoso_sw.learn.trainer import Trainer
from yoso_sw.network import golden, zoo

#: A configuration of each rule that learns the quarters; a new rule adds one here.
EXAMPLES = {
    "stdbp": {},
    "stdbp, the paper's": LITERAL,
    "alpha": ALPHA,
    "count": COUNT,
    "clif": CLIF,
    "clif, with steps skipped and layers frozen": {**CLIF, "backward_every": 3, "freeze_out": 0.8},
    "tandem": TANDEM,
    "tandem, with even epochs": {**TANDEM, "even_epochs": 3},
}
EACH = pytest.mark.parametrize("changes", EXAMPLES.values(), ids=EXAMPLES)
#: Settings that came with the rules: older checkpoints lack them.
NEW = (
    *("rule", "schedule", "fused", "images", "revive", "code", "window_us"),
    *("backward_every", "steepness", "freeze_out", "distortions", "even_epochs", "channels"),
)
SW = Path(__file__).parents[2] / "sw" / "yoso_sw"


@pytest.fixture(scope="module")
def data():
    return load()


def build(changes, **more):
    config = small_config(**{**changes, **more})
    return rules.rule_of(config.rule)(config)


def weights(model):
    return [layer.weight.detach() for layer in model.chain]


# ---- what each rule does -----------------------------------------------------------------------------------


def test_each_registered_rule_is_tested_here():
    assert {small_config(**changes).rule for changes in EXAMPLES.values()} == set(rules.RULES)


@EACH
def test_a_rule_builds_the_layers_of_its_configuration_from_the_seed_alone(changes):
    model, again, other = build(changes), build(changes), build(changes, seed=2)
    assert isinstance(model, Rule)
    assert [layer.neurons for layer in model.chain] == [layer.neurons for layer in model.config.layers]
    axons = [64, *(layer.neurons for layer in model.chain)]
    for layer, inputs, config in zip(model.chain, axons, model.config.layers, strict=False):
        assert layer.weight.shape == (inputs + config.bias, config.neurons)
    assert all(map(torch.equal, weights(model), weights(again)))
    assert not any(map(torch.equal, weights(model), weights(other)))


@EACH
def test_a_rule_takes_pixels_and_their_spike_steps_alike(changes):
    model, (images, _) = build(changes), patterns(10, 3)
    pixels, steps = model.encode(images), model.encode(spike_steps(images, model.config.levels))
    assert len(pixels) == 10 and torch.equal(pixels, steps)


@EACH
def test_a_rule_gives_potentials_and_spikes_of_each_layer_and_a_class(changes):
    model, (images, _) = build(changes), patterns(30, 3)
    with torch.no_grad():
        results = model(model.encode(images))
    for layer, result in zip(model.chain, results, strict=True):
        assert result.potentials.shape == (30, layer.neurons) and result.potentials.isfinite().all()
        assert type(result.sent) is int and 0 <= result.sent <= 30 * layer.neurons * model.config.steps
    assert results[0].sent > 0
    decided = model.decide(results)
    assert decided.dtype == torch.int64 and decided.shape == (30,) and 0 <= decided.min() <= decided.max() < 4


@EACH
def test_a_rules_loss_moves_every_layer_and_takes_shares_for_labels(changes):
    model, (images, labels) = build(changes), patterns(50, 3)
    labels = torch.from_numpy(labels.astype(np.int64))
    inputs = model.encode(images)
    loss = model.loss(inputs, model(inputs), labels)
    loss.backward()
    value = float(loss.detach())
    assert loss.ndim == 0 and value > 0
    assert all(layer.weight.grad.abs().max() > 0 for layer in model.chain)
    shares = torch.nn.functional.one_hot(labels, 4).float()
    assert float(model.loss(inputs, model(inputs), shares).detach()) == pytest.approx(value, rel=1e-5)
    other = float(model.loss(inputs, model(inputs), (labels + 1) % 4).detach())
    assert other != pytest.approx(value, rel=1e-3)


@EACH
def test_a_rule_begins_with_what_the_images_suggest(changes, data):
    plain, ridged = build(changes), build(changes, ridge_penalty=0.3)
    plain.begin(*data.train)
    ridged.begin(*data.train)
    assert not any(map(torch.equal, weights(plain), weights(ridged)))


@EACH
def test_a_rule_learns_in_the_one_loop(changes, data):
    trainer = Trainer(small_config(**{**changes, "float_epochs": 4}), data)
    before = trainer.evaluate(data.test)[0]
    losses = []
    trainer.run(lambda epoch: losses.append(epoch.loss))
    assert losses[3] < 0.8 * losses[0]
    assert trainer.evaluate(data.test)[0] >= 90 > before
    assert [epoch.whole for epoch in trainer.history] == [False] * 4 + [True] * trainer.config.integer_epochs


@EACH
def test_a_rules_training_killed_after_any_epoch_goes_on_bit_for_bit(changes, data, tmp_path):
    config = small_config(**changes)
    whole = Trainer(config, data)
    whole.run()
    for epoch in range(1, whole.epochs):
        file = tmp_path / f"{epoch}.pt"
        Trainer(config, data, file).run(until=epoch)
        resumed = Trainer(config, data, file)
        assert resumed.epoch == epoch
        resumed.run()
        assert all(map(torch.equal, weights(whole.model), weights(resumed.model)))
        assert whole.history == resumed.history


@EACH
def test_a_rule_ends_with_the_golden_models_integers_or_says_that_it_has_none(changes, data):
    model, (images, _) = build(changes), patterns(60, 3)
    config = model.config
    assert config.exports == (type(model).export is not Rule.export)
    if not config.exports:
        says = f"quarters: rule {config.rule} has no integers: training ends with float weights"
        trained = Trainer(config, data)
        trained.run()
        for refused in (
            model.quantise,
            lambda: model.export({}),
            lambda: type(model).of(config, None),
            lambda: trained.network(""),
        ):
            with pytest.raises(ConfigError, match=says):
                refused()
        return
    assert model.scales is None
    model.quantise()
    assert len(model.scales) == 2
    network = model.export({})
    exact = golden.run(network, images, early_exit=False)
    for own in (model, type(model).of(config, network)):
        with torch.no_grad():
            results = own(own.encode(images))
        for result, sent in zip(results, exact.sent, strict=True):
            assert result.spikes == sent
        assert np.array_equal(own.decide(results).numpy(), exact.decisions)
    with pytest.raises(TrainingError, match="not quarters"):
        type(model).of(config, dataclasses.replace(network, levels=8))


@pytest.mark.parametrize("name", rules.RULES)
def test_a_rule_that_exports_has_all_of_the_integer_phase_and_another_has_none_of_it(name):
    own = rules.rule_of(name)
    has = [getattr(own, part) is not getattr(Rule, part) for part in ("scales", "quantise", "export")]
    has.append(own.of.__func__ is not Rule.of.__func__)
    assert has == [rules.limits(name).EXPORTS] * 4


def test_who_trains_knows_no_rule():
    """Trainer, teacher, ridge and commands reach a rule through the registry alone."""
    named = set(rules.RULES.values())
    commands = [SW / "commands" / f"{name}.py" for name in ("train", "seeds", "accuracy")]
    for path in [*(SW / "learn").glob("*.py"), *commands, SW / "figures" / "experiment.py"]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                assert not any(str(node.module).startswith(package) for package in named), path


def test_a_configuration_is_read_without_torch(tmp_path):
    path = tmp_path / "quarters.toml"
    path.write_text(toml(ALPHA))
    code = f"import sys; from yoso_sw.learn.config_file import load_config; c = load_config({str(path)!r}); "
    code += "assert c.rule == 'alpha' and not c.exports and 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


# ---- what a rule cannot do -----------------------------------------------------------------------------


@pytest.mark.parametrize("labels", [np.linspace(0, 1, 300), np.zeros((300, 64))], ids=["real", "vectors"])
@EACH
def test_a_classifier_is_not_trained_on_the_labels_of_a_regression(changes, labels):
    images, classes = patterns(300, 3)
    says = r"labels are float64 of shape .*; 300 images need as many classes, .* not the values of a regress"
    with pytest.raises(DatasetError, match=says) as caught:
        Trainer(small_config(**changes), Data((images, labels), (images, classes), (images, classes)))
    assert len(str(caught.value).splitlines()) == 1


def test_a_rule_has_integer_epochs_if_it_has_integers():
    with pytest.raises(ConfigError, match=r"integer_epochs=0 is below 1"):
        small_config(integer_epochs=0)
    with pytest.raises(
        ConfigError, match=r"integer_epochs=1; rule alpha has no integers and can only have .*=0"
    ):
        small_config(**{**ALPHA, "integer_epochs": 1})


def test_a_rule_that_cannot_use_a_gpu_says_so(data):
    with pytest.raises(TrainingError, match="--device cuda: rule alpha trains on cpu alone"):
        Trainer(small_config(**ALPHA), data, device="cuda")


# ---- the configuration's file --------------------------------------------------------------------------


def toml(changes):
    """A configuration's file, with every key."""
    table = table_of(small_config(**changes))
    layers, _ = table.pop("layers"), table.pop("augment")
    lines = [f"{key} = {json.dumps(value)}" for key, value in table.items()]
    for layer in layers:
        lines += ["[[layers]]", *(f"{key} = {json.dumps(value)}" for key, value in layer.items())]
    return "\n".join(lines)


@EACH
def test_the_neurons_keys_stand_among_the_layers(changes, tmp_path):
    path = tmp_path / "quarters.toml"
    path.write_text(toml(changes))
    assert load_config(path) == small_config(**changes)
    path.write_text(toml(changes).replace("threshold", "treshold"))
    with pytest.raises(
        ConfigError, match=r"layer 0: there is no key 'treshold'; there are .*threshold, .*tau"
    ):
        load_config(path)
    path.write_text(toml(changes) + "\nneuron = {}\n")
    with pytest.raises(ConfigError, match=r"layer 1: there is no key 'neuron'"):
        load_config(path)
    path.write_text(toml(changes).replace("threshold = ", "threshold = true #"))
    with pytest.raises(ConfigError, match=r"layer 0: threshold=True is not float"):
        load_config(path)


@pytest.mark.parametrize("name", zoo.names())
def test_a_configurations_table_is_the_configuration(name):
    config = load_config(zoo.locate(name))
    assert config.rule in rules.RULES
    assert parse(json.loads(json.dumps(table_of(config))), name) == config


def test_a_checkpoint_from_before_the_rules_goes_on(data, tmp_path):
    config, file = small_config(**LITERAL), tmp_path / "state.pt"
    whole = Trainer(config, data)
    whole.run()
    Trainer(config, data, file).run(until=1)
    state = torch.load(file, weights_only=True)
    table = json.loads(state["config"])
    for owner, keys in ((table, NEW), *((layer, ("tau", "current", "leak")) for layer in table["layers"])):
        for key in keys:
            del owner[key]
    checkpoint.write(file, {**state, "config": json.dumps(table)})
    resumed = Trainer(config, data, file)
    resumed.run()
    assert all(map(torch.equal, weights(whole.model), weights(resumed.model)))
    with pytest.raises(TrainingError, match="another configuration: rule was 'stdbp' and is 'alpha'; delete"):
        Trainer(small_config(**ALPHA), data, file)
    checkpoint.write(file, {**state, "config": json.dumps({**table, "steps": 1})})
    with pytest.raises(TrainingError, match=r"another configuration: .*steps=1 is outside.*; delete"):
        Trainer(config, data, file)


# ---- settings of the loop --------------------------------------------------------------------------------


def test_a_constant_rate_stays_where_warming_up_ends(data):
    rates = {}
    for schedule in ("constant", "cosine"):
        trainer = Trainer(small_config(schedule=schedule, warmup=3), data)
        rates[schedule] = []
        trainer.run(
            tick=lambda _, to=rates[schedule], own=trainer: to.append(own.optimizer.param_groups[0]["lr"]),
            until=2,
        )
    assert rates["constant"] == pytest.approx([5e-3 / 3, 5e-3 * 2 / 3] + [5e-3] * 38)
    assert rates["cosine"][-1] < 1e-4
    with pytest.raises(ConfigError, match=r"schedule='linear' is not one of \('cosine', 'constant'\)"):
        small_config(schedule="linear")


def test_an_epoch_may_take_some_of_the_images_anew_each_time(data):
    trainer = Trainer(small_config(images=120), data)
    losses = []
    trainer.run(tick=losses.append, until=1)
    assert trainer.batches == len(losses) == 2
    assert trainer.history[0].loss == pytest.approx(np.mean(losses))
    seen = []
    trainer.model.encode = lambda images, encode=trainer.model.encode: seen.append(images) or encode(images)
    trainer.run(until=2)
    trained = [images for images in seen if len(images) == 100]
    order = np.random.default_rng((1, 1)).permutation(1000)[:100]
    assert len(trained) == 1 and np.array_equal(trained[0], data.train[0][order])
    with pytest.raises(ConfigError, match=r"images=49 are fewer than batch_size=50; 0: all"):
        small_config(images=49)


def test_silent_outputs_learn_unless_the_configuration_says_as_in_the_paper():
    images, labels = patterns(20, 1)
    labels = torch.from_numpy(labels.astype(np.int64))
    for revive in (True, False):
        loud = LITERAL["layers"][1]
        layers = (
            LITERAL["layers"][0],
            dataclasses.replace(loud, neuron=dataclasses.replace(loud.neuron, threshold=1e6)),
        )
        model = build(LITERAL, layers=layers, revive=revive)
        inputs = model.encode(images)
        results = model(inputs)
        assert results[1].sent == 0
        model.loss(inputs, results, labels).backward()
        assert bool(model.chain[1].weight.grad.any()) == revive


def test_a_layer_that_never_fires_must_be_told_its_steps():
    with pytest.raises(ValueError, match=r"window 0\.\.0 is empty: say how many steps there are"):
        Dense(4, 2, NeuronConfig())
    assert Dense(4, 2, NeuronConfig(), steps=9).reading == 8


# ---- the commands ----------------------------------------------------------------------------------------


@pytest.fixture
def alpha_file(tmp_path):
    parts = [patterns(count, 3) for count in (1200, 100)]
    write_idx(tmp_path / "quarters", *((images.reshape(-1, 8, 8), labels) for images, labels in parts))
    path = tmp_path / "quarters.toml"
    path.write_text(toml({**ALPHA, "dataset": "quarters"}))
    return path


def test_the_command_trains_alpha_and_leaves_what_there_is_of_it(alpha_file, tmp_path):
    file = tmp_path / "state.pt"
    done = CliRunner().invoke(train.main, [str(alpha_file), "--checkpoint", str(file)])
    assert done.exit_code == 0, done.output
    said = " ".join(done.output.split())
    assert "state.pt: the float weights; rule alpha has no integers, so there is no network" in said
    summary = json.loads((tmp_path / "quarters.summary.json").read_text())
    curve = json.loads((tmp_path / "quarters.curve.json").read_text())
    assert [row["phase"] for row in curve["epochs"]] == ["float", "float"]
    assert summary["rule"] == "alpha" and summary["command"] == f"make train NET={alpha_file}"
    assert summary["validation_accuracy"] == round(curve["epochs"][-1]["validation"], 2)
    assert f"test accuracy {summary['float_accuracy']:.2f} % in float" in said
    assert not list(tmp_path.glob("*.npz")) and not list(tmp_path.glob("*.md"))


@pytest.mark.parametrize(
    ("command", "words"),
    [(train, ["-o", "net.npz"]), (seeds, []), (accuracy, [])],
    ids=["train", "seeds", "accuracy"],
)
def test_commands_that_need_integers_refuse_alpha_before_they_train(
    alpha_file, command, words, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(command.main, [str(alpha_file), *words])
    assert done.exit_code == 1
    said = " ".join(done.output.split())
    assert "Error: quarters: rule alpha has no integers: training ends with float weights" in said
    assert {*tmp_path.iterdir()} == {alpha_file, tmp_path / "quarters"}
