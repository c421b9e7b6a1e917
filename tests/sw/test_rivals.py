"""`yoso bench --rivals`: each rule beside snnTorch and SpikingJelly, the same steps, batches and loss."""

import dataclasses
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from click.testing import CliRunner
from support.own_sets import write_idx
from support.quarters import CLIF, COUNT, LITERAL, TANDEM, patterns, small_config
from yoso_sim.cli import main
from yoso_sw.rivals import measure, page, tasks

EXAMPLES = {"stdbp": LITERAL, "count": COUNT, "tandem": TANDEM, "clif": CLIF}
EACH = pytest.mark.parametrize("rule", EXAMPLES)


@pytest.fixture
def quarters(tmp_path):
    """A data set of 8 x 8 pixels as a path."""
    parts = [patterns(count, 3) for count in (200, 40)]
    write_idx(tmp_path / "quarters", *((images.reshape(-1, 8, 8), labels) for images, labels in parts))
    return str(tmp_path / "quarters")


def small(rule):
    changes = {"code": "rate", "levels": 16} if rule == "clif" else {}
    return tasks.task(rule, 20, small_config(**{"rows": 8, **EXAMPLES[rule], **changes}))


def rivals():
    """Both libraries' modules; they are in the extra `rivals`, which tests do without."""
    for package in ("snntorch", "spikingjelly"):
        pytest.importorskip(package, reason=f"{package} is in the extra rivals, not in test")
    from yoso_sw.rivals import snn_torch, spiking_jelly

    return snn_torch, spiking_jelly


@EACH
def test_ours_and_the_rivals_are_given_the_same_spikes(rule, quarters):
    own = small(rule)
    (first, second) = tasks.batches(own, 2, 50, quarters)
    assert not torch.equal(first.ours, second.ours) and len(first.labels) == 50
    if own.constant:
        assert torch.equal(first.rivals * own.config.levels, first.ours[:, 0])
    elif rule == "clif":
        assert torch.equal(first.rivals[: own.config.levels], first.ours.transpose(0, 1))
    else:
        spikes = first.rivals.sum(0)
        assert torch.equal(spikes > 0, first.ours.isfinite()) and spikes.max() == 1
        assert torch.equal(first.rivals.argmax(0)[spikes > 0].float(), first.ours[first.ours.isfinite()])


def test_the_rows_are_784_800_10_of_the_committed_networks_settings():
    for rule in tasks.NETWORKS:
        own = tasks.task(rule)
        assert own.config.rule == rule and own.config.inputs == 784
        assert [layer.neurons for layer in own.config.layers] == [800, 10]
        assert own.steps == own.config.layers[0].neuron.end - own.config.layers[0].neuron.start
    assert (tasks.task("clif").current, tasks.task("clif").leak) == (2, 3)


class Sleeper:
    """A way whose batch takes `seconds` of a clock that only it moves."""

    def __init__(self, clock, seconds):
        self.weight = torch.nn.Parameter(torch.ones(1))
        self.parameters, self.clock, self.seconds, self.seen = [self.weight], clock, seconds, []

    def loss(self, batch):
        self.seen.append(batch)
        self.clock.now += self.seconds
        return self.weight.sum()


def test_ways_take_turns_on_the_same_batches_and_the_fastest_mode_counts(quarters, monkeypatch):
    clock = SimpleNamespace(now=0.0)
    clocks = {"process_time": lambda: clock.now, "perf_counter": lambda: 3 * clock.now}
    monkeypatch.setattr(measure, "time", SimpleNamespace(**clocks))
    spins = {"ours": 2, "snnTorch, steps": 40, "snnTorch, layers": 12, "SpikingJelly, layers": 6}
    made, order = {}, []

    def maker(name):
        def make():
            made[name] = Sleeper(clock, spins[name])
            return made[name]

        return make

    own = small("count")
    row = measure.measure(
        *("count", 1, 50, 3, 5),
        dataset=quarters,
        own=own,
        makers={name: maker(name) for name in spins},
        advance=order.append,
    )
    assert order == [*spins] * 6  # warm, then five rounds
    assert all(len(way.seen) == 2 + 15 and way.seen[2:5] == made["ours"].seen[2:5] for way in made.values())
    assert row["fastest"]["snnTorch"]["mode"] == "layers" and row["epoch_batches"] == 4
    assert row["ways"]["ours"] == {"cpu_s": 8.0, "wall_s": 24.0}
    assert row["fastest"]["snnTorch"]["cpu_ratio"] == row["fastest"]["snnTorch"]["wall_ratio"] == 6.0
    assert row["fastest"]["SpikingJelly"]["cpu_ratio"] == 3.0
    report = {**measure.about(), "rows": [row]}
    text = page.page(report)
    assert "| count | 15 | 1 |" in text and "| layers |" in text and f"torch {torch.__version__}" in text
    assert "15 batches, extrapolated" in text and f"{row['load_before']}, {row['load_after']}" in text


def test_a_ratio_is_the_rivals_time_to_ours():
    times = {"ours": {"cpu_s": 2.0, "wall_s": 4.0}, "snnTorch, layers": {"cpu_s": 3.0, "wall_s": 2.0}}
    best = measure.fastest({**times, "snnTorch, steps": {"cpu_s": 9.0, "wall_s": 1.0}})["snnTorch"]
    assert best == {"mode": "layers", "cpu_s": 3.0, "wall_s": 2.0, "cpu_ratio": 1.5, "wall_ratio": 0.5}


@EACH
def test_our_way_learns(rule, quarters):
    own = small(rule)
    way = measure.Way("ours", tasks.Ours(own))
    (batch,) = tasks.batches(own, 1, 100, quarters)
    before = float(way.made.loss(batch).detach())
    for _ in range(30):
        way.train(batch)
    assert float(way.made.loss(batch).detach()) < before


@EACH
@pytest.mark.parametrize("mode", ["steps", "layers"])
def test_each_rival_learns_and_all_its_modes_are_one_network(rule, mode, quarters):
    own = small(rule)
    (batch,) = tasks.batches(own, 1, 100, quarters)
    for library in rivals():
        first, second = (library.Rival(own, each).loss(batch) for each in (mode, "layers"))
        assert float(first.detach()) == pytest.approx(float(second.detach()), rel=1e-4)
        way = measure.Way("rival", library.Rival(own, mode))
        for _ in range(30):
            way.train(batch)
        assert float(way.made.loss(batch).detach()) < float(first.detach())


@pytest.mark.parametrize("missing", ["snntorch", "spikingjelly"])
def test_a_missing_rival_is_one_line_that_says_what_to_install(missing, tmp_path, monkeypatch):
    for name in ("snntorch", "spikingjelly", "spikingjelly.activation_based"):
        monkeypatch.setitem(sys.modules, name, SimpleNamespace(functional=0, neuron=0, surrogate=0))
    for name in ("snn_torch", "spiking_jelly"):
        monkeypatch.delitem(sys.modules, f"yoso_sw.rivals.{name}", raising=False)
        monkeypatch.delattr(f"yoso_sw.rivals.{name}", raising=False)
    monkeypatch.setitem(sys.modules, missing, None)
    if missing == "spikingjelly":
        monkeypatch.delitem(sys.modules, "spikingjelly.activation_based")
    done = CliRunner().invoke(main, ["bench", "--rivals", "--out", str(tmp_path)])
    assert done.exit_code == 1
    said = {"snntorch": "snnTorch", "spikingjelly": "SpikingJelly"}[missing]
    line = f"Error: yoso bench --rivals needs {said}, which is not installed: pip install 'yoso[rivals]'"
    assert line in " ".join(done.output.split())


def test_an_unknown_rule_is_refused_with_those_there_are(tmp_path):
    done = CliRunner().invoke(main, ["bench", "--rivals", "--rules", "count,hebb", "--out", str(tmp_path)])
    assert done.exit_code == 2
    assert "--rules hebb is none of stdbp, count, tandem, clif" in " ".join(done.output.split())


def test_the_page_of_the_docs_is_the_one_of_its_numbers():
    folder = Path(__file__).parents[2] / "docs" / "speed"
    assert (folder / "README.md").read_text() == page.page(json.loads((folder / "numbers.json").read_text()))


def test_a_task_of_other_settings_is_as_wide_as_asked():
    own = small("count")
    assert own.config.layers[0].neurons == 20 and dataclasses.asdict(own)["steps"] == 15
