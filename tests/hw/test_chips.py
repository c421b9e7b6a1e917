"""Named chips: files that say in what a chip is not the default one."""

import pytest
from yoso_hw import chips
from yoso_hw.params import ChipParams, ParamError


def test_the_default_chip_comes_first_and_then_those_with_the_least_memory():
    names = chips.names()
    sizes = [chips.memory(chips.load(name)) for name in names[1:]]
    assert names[0] == "default" and sizes == sorted(sizes)
    assert {"paper", "8-lane", "fashion", "caltech", "ulx3s"} <= {*names}


@pytest.mark.parametrize("name", chips.names())
def test_every_named_chip_is_one_and_says_what_it_is_for(name):
    assert isinstance(chips.load(name), ChipParams) and chips.about(name)


def test_the_default_file_changes_nothing_and_the_papers_changes_lanes_and_cast():
    assert chips.load("default") == ChipParams()
    assert chips.load("paper") == ChipParams(lanes=1, multicast=False)


def test_settings_change_a_named_chip():
    assert chips.load("8-lane", ["router=bus", "banked=true"]) == ChipParams(
        lanes=8, router="bus", banked=True
    )


def test_a_file_of_ones_own_is_a_chip_in_either_format(tmp_path):
    toml, json = tmp_path / "own.toml", tmp_path / "own.json"
    toml.write_text("lanes = 2\ncols = 3\n")
    json.write_text(ChipParams(lanes=2, cols=3).to_json())
    assert chips.load(str(toml)) == chips.load(str(json)) == ChipParams(lanes=2, cols=3)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("lanes = 3", r"own.toml: chip parameter lanes=3 is not 1, 2, 4 or 8"),
        ("lane = 2", r"own.toml: no chip parameter is called 'lane'; there are cols, rows, lanes"),
        ('lanes = "2"', r"own.toml: chip parameter lanes='2' is not of type int"),
        ("lanes = ", r"chip file .*own.toml cannot be read"),
        ("x = " + "[" * 20_000, r"chip file .*own.toml cannot be read"),
    ],
)
def test_a_file_that_is_no_chip_is_refused_by_name(tmp_path, text, says):
    path = tmp_path / "own.toml"
    path.write_text(text)
    with pytest.raises(ParamError, match=says):
        chips.load(str(path))


def test_json_that_is_no_chip_is_refused_by_name(tmp_path):
    path = tmp_path / "own.json"
    path.write_text('{"cols": 2}')
    with pytest.raises(ParamError, match=r"own.json: chip parameters have unknown or missing keys"):
        chips.load(str(path))


def test_an_unknown_chip_lists_the_named_ones():
    with pytest.raises(ParamError, match=r"there is no chip 'papre'.* default.* paper"):
        chips.load("papre")
