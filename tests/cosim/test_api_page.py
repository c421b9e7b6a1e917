"""docs/api.md runs as it stands, from the first line to the last; and networks come in as NIR."""

import re
from pathlib import Path

import nir
import numpy as np
import pytest
import torch
import yoso
from yoso_sw.learn.config import ConfigError
from yoso_sw.network import golden
from yoso_sw.nir import NirError

PAGE = Path(__file__).parents[2] / "docs" / "api.md"


def test_the_page_runs_as_it_stands(tmp_path, monkeypatch):
    """Training, arrays, modules, golden model, RTL, files: the blocks one after another."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("YOSO_OUTPUT", str(tmp_path / "build"))
    names = {}
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.S)
    assert len(blocks) >= 6
    for block in blocks:
        exec(compile(block, PAGE.name, "exec"), names)
    assert names["run"].accuracy > 95 and names["rtl"].compared.agree
    assert names["trained"].figures["golden_accuracy"] > 60
    assert not names["rtl"].differences(yoso.Run.load("run.npz"))
    for rule, model in names["models"].items():
        trained, network = names["own"][rule], names["again"][rule]
        assert trained.config.rule == rule and trained.figures["golden_accuracy"] > 60
        assert (
            not yoso.Chip()
            .run(network, names["images"])
            .differences(yoso.Chip().run(trained.network, names["images"]))
        )
        images = names["images"].reshape(-1, 144)
        found = model.eval()(torch.from_numpy(images))
        exact = golden.run(network, images, early_exit=False)
        assert np.array_equal(found.potentials.detach().numpy(), exact.potentials[-1])
    assert names["rtl"].network.name == "modules" and names["by_hand"].shape == "144-20-4"
    run = yoso.Chip().run(names["by_hand"], names["images"][:5], potentials=True)
    assert len(run) == 5 and np.abs(run.potentials).sum() > 0
    assert (tmp_path / "spikes.pdf").read_bytes().startswith(b"%PDF")


def test_every_name_of_the_package_is_there_and_on_the_page():
    page = PAGE.read_text()
    for name in yoso.__all__:
        assert getattr(yoso, name) is not None
    for name in (
        "load",
        "network",
        "layer",
        "train",
        "Chip",
        "Events",
        "Run",
        "report",
        "evaluate",
        "to_nir",
    ):
        assert f"yoso.{name}" in page and name in yoso.__all__


def test_nir_goes_in_and_out_by_graph_and_by_file(tmp_path):
    rng = np.random.default_rng(2)
    network = yoso.network(
        [
            yoso.layer(rng.integers(-5, 6, (6, 4)), threshold=9),
            yoso.layer(rng.integers(-5, 6, (4, 3)), threshold=7),
        ],
        **{"name": "small", "steps": 12, "levels": 6},
    )
    images = rng.integers(0, 256, (9, 6)).astype(np.uint8)
    exact = yoso.Chip().run(network, images)
    graph = yoso.to_nir(network, tmp_path / "small.nir")
    for given in (graph, tmp_path / "small.nir", str(tmp_path / "small.nir")):
        again = yoso.network(given)
        assert again.name == "small" and not yoso.Chip().run(again, images).differences(exact)


def chained(**nodes) -> nir.NIRGraph:
    ends = {"input": nir.Input(np.array([4])), **nodes, "output": nir.Output(np.array([4]))}
    edges = list(zip(ends, list(ends)[1:], strict=False))
    return nir.NIRGraph(ends, edges, metadata={"steps": 8, "levels": 4}, type_check=False)


def test_graphs_that_are_no_chain_are_refused_by_what_they_are():
    eye = np.eye(4, dtype=np.float32)
    graph = chained(
        first=nir.Linear(eye), fire=nir.Threshold(np.ones(4)), pool=nir.AvgPool2d((2, 2), (2, 2), (0, 0))
    )
    graph.edges += [("fire", "first")]
    with pytest.raises(NirError) as caught:
        yoso.network(graph)
    said = str(caught.value)
    assert "without recurrence" in said and "'pool' (AvgPool2d): it sums spikes" in said
    graph = chained(first=nir.Linear(eye), fire=nir.Threshold(np.ones(4)), second=nir.Linear(eye))
    graph.edges += [("first", "second")]
    with pytest.raises(NirError, match="without skip connections"):
        yoso.network(graph)


def test_a_package_that_is_missing_is_one_line_that_says_what_to_type(monkeypatch):
    """Planted: as if torch, nir or cocotb were not installed."""
    import builtins

    real = builtins.__import__

    def missing(name, *rest):
        if name.split(".")[0] in ("torch", "cocotb_tools", "cocotb"):
            raise ImportError(f"No module named {name!r}", name=name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(
        yoso.MissingError, match=r"needs torch, which is not installed: pip install 'yoso\[train\]'"
    ):
        yoso.train("mnist-784-100-10")


def test_bad_input_is_the_commands_sentence(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    network = yoso.network([yoso.layer(np.ones((6, 4), int))], steps=8)
    for act, said in (
        (lambda: yoso.load("nosuch"), "there is no trained network 'nosuch'"),
        (lambda: yoso.Chip("nosuch"), "there is no chip 'nosuch'"),
        (lambda: yoso.Chip(lanes=3), "lanes=3"),
        (lambda: yoso.Chip(speed=3), "'speed=3' is not NAME=VALUE"),
        (lambda: yoso.Chip(backend="fpga"), "backend='fpga' is not one of golden, rtl, board"),
        (lambda: yoso.Chip(backend="board"), "give port="),
        (lambda: yoso.Chip(backend="board", port="x", board="nosuch"), "there is no board 'nosuch'"),
        (lambda: yoso.Chip().run(network), "does not say what it was trained on"),
        (lambda: yoso.Chip().run(network, np.zeros((2, 6))), "images are float64; pixels are uint8"),
        (lambda: yoso.Chip().run(network, np.zeros((2, 5), np.uint8)), "shape"),
        (lambda: yoso.Chip().run(network, np.zeros((0, 6), np.uint8)), "there are no images"),
        (lambda: yoso.Chip().run(network, np.zeros((2, 6), np.uint8), images=3), "outside 1..2"),
        (
            lambda: yoso.Chip().run(network, np.zeros((2, 6), np.uint8), labels=[1]),
            "labels are int64 of shape",
        ),
        (
            lambda: yoso.Chip().run(network, np.zeros((2, 6), np.uint8), potentials="some"),
            "potentials='some'",
        ),
        (lambda: yoso.Chip(cols=1, rows=1, neurons=1, lanes=1).run(network, [[1] * 6]), "needs"),
        (lambda: yoso.config("nosuch"), "there is no configuration 'nosuch'"),
    ):
        with pytest.raises(yoso.ERRORS, match=re.escape(said)) as caught:
            act()
        assert "\n" not in str(caught.value)
    assert issubclass(ConfigError, ValueError)
