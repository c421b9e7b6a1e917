"""The learning curve: figures that come back the same, a picture, and one error without matplotlib."""

import json
import sys

import pytest
from yoso_sw.learn.curve import CurveError, Epoch, write

HISTORY = [
    Epoch(1, False, 0.9, 80.0, (3000.0, 300.0, 0.0)),
    Epoch(2, False, 0.4, 90.0, (2500.0, 20.5, 0.0)),
    Epoch(3, True, 0.5, 91.25, (2400.0, 19.0, 0.0)),
]


def test_an_epoch_survives_its_row():
    assert [Epoch.of(json.loads(json.dumps(epoch.row()))) for epoch in HISTORY] == HISTORY


@pytest.mark.parametrize("count", [1, 2, 3])
def test_figures_and_picture_are_written(tmp_path, count):
    picture = write("net", HISTORY[:count], tmp_path / "new")
    figures = json.loads((tmp_path / "new/net.curve.json").read_text())
    assert figures["network"] == "net"
    assert [Epoch.of(row) for row in figures["epochs"]] == HISTORY[:count]
    assert picture == tmp_path / "new/net.curve.png"
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_curve_that_shows_the_same_stays_untouched(tmp_path):
    def stamps():
        return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in tmp_path.iterdir()}

    write("net", HISTORY[:2], tmp_path)
    before = stamps()
    write("net", HISTORY[:2], tmp_path)
    assert stamps() == before and set(before) == {"net.curve.json", "net.curve.png"}
    write("net", HISTORY[:1], tmp_path)
    assert all(stamps()[name] != before[name] for name in before)


def test_a_network_that_never_spikes_has_a_curve(tmp_path):
    write("quiet", [Epoch(1, False, 0.9, 10.0, (0.0, 0.0))], tmp_path)


def test_without_matplotlib_the_figures_are_kept(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(CurveError, match=r"curve needs matplotlib, .*: pip install 'yoso\[train\]'"):
        write("net", HISTORY, tmp_path)
    assert (tmp_path / "net.curve.json").is_file()
