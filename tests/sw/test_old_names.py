"""Whatever has the names of before is read: configurations, checkpoints, a network's temperature."""

import json
import re

import pytest
import torch
from support.quarters import LITERAL, load, small_config
from yoso_sw.learn import checkpoint
from yoso_sw.learn.config import ConfigError
from yoso_sw.learn.config_file import OLD_NAMES, load_config, parse, table_of
from yoso_sw.learn.errors import TrainingError
from yoso_sw.learn.trainer import Trainer
from yoso_sw.network import zoo

#: Keys of version 0.1.0, and what each is called now.
RELEASED = {
    "float_rate": "lr",
    "integer_rate": "integer_lr",
    "warm": "warmup",
    "batch": "batch_size",
    "unit": "temperature",
    "smooth": "label_smoothing",
    "decay": "weight_decay",
    "floor": "min_slope",
    "ridge": "ridge_penalty",
    "trust": "teacher_weight",
    "soften": "teacher_temperature",
    "activity": "spike_penalty",
    "alive": "silence_penalty",
    "norm": "batch_norm",
    "deviation": "std",
}
BEFORE = {new: old for old, new in RELEASED.items()}


def with_old_names(value):
    """A configuration's table as version 0.1.0 wrote it."""
    if isinstance(value, list):
        return [with_old_names(each) for each in value]
    if isinstance(value, dict):
        return {BEFORE.get(key, key): with_old_names(own) for key, own in value.items()}
    return value


def test_no_old_name_is_forgotten():
    assert OLD_NAMES == RELEASED


@pytest.mark.parametrize("name", zoo.names())
def test_a_committed_file_with_the_old_keys_is_the_same_configuration(name, tmp_path):
    text = zoo.locate(name).read_text()
    old = re.sub(r"^\w+(?= = )", lambda key: BEFORE.get(key[0], key[0]), text, flags=re.MULTILINE)
    assert re.search(r"^(unit|deviation) = ", old, re.MULTILINE)
    (tmp_path / "old.toml").write_text(old)
    assert load_config(tmp_path / "old.toml") == load_config(zoo.locate(name))


@pytest.mark.parametrize(("old", "new"), RELEASED.items())
def test_a_key_under_both_names_is_refused_in_one_line(old, new):
    table = table_of(small_config())
    owner, where = (table, "x") if new in table else (table["layers"][1], "x, layer 1")
    owner[old] = owner[new]
    with pytest.raises(ConfigError) as refused:
        parse(table, "x")
    assert str(refused.value) == f"{where}: {old} is the old name of {new}; give one of the two"


def test_an_old_name_is_read_only_where_it_stood():
    table = table_of(small_config())
    table["layers"][0]["unit"] = 1.0
    with pytest.raises(ConfigError, match="x, layer 0: there is no key 'unit'"):
        parse(table, "x")


@pytest.mark.parametrize("changes", [{}, LITERAL], ids=["constant slope", "the paper's"])
def test_a_checkpoint_with_the_old_keys_goes_on_to_the_same_network(changes, tmp_path):
    config, data, file = small_config(**changes), load(), tmp_path / "state.pt"
    whole = Trainer(config, data)
    whole.run()
    Trainer(config, data, file).run(until=1)
    state = torch.load(file, weights_only=True)
    old = with_old_names(json.loads(state["config"]))
    assert "unit" in old and "temperature" not in old and "deviation" in old["layers"][0]
    checkpoint.write(file, {**state, "config": json.dumps(old)})
    resumed = Trainer(small_config(**changes, integer_lr=1e-3), data, file)  # free in the float phase
    assert resumed.epoch == 1
    resumed = Trainer(config, data, file)
    resumed.run()
    assert all(map(torch.equal, whole.model.parameters(), resumed.model.parameters()))
    with pytest.raises(TrainingError, match=r"another configuration: temperature was .* and is 3\.0"):
        checkpoint.write(file, {**state, "config": json.dumps(old)})
        Trainer(small_config(**{**changes, "temperature": 3.0}), data, file)
