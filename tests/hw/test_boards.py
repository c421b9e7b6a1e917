"""Descriptions of boards: what is in them, against amaranth-boards, and how a wrong one is refused."""

from importlib import import_module

import pytest
from yoso_hw import boards, chips
from yoso_hw.boards import DescriptionError
from yoso_hw.params import ChipParams, ParamError

#: The same boards in amaranth-boards, and the resource of their reset.
PLATFORMS = {
    "ulx3s": ("ulx3s", "ULX3S_85F_Platform", "button_fire"),
    "icesugar-pro": ("icesugar_pro", "ICESugarProPlatform", None),
}

OWN = """
about = "mine"
device = ["--12k", "--package", "CABGA256"]
clock = 12_000_000
baud = 1_000_000
chip = "paper"
network = "mnist-784-400-10"
[pins]
clk = { site = "A1" }
rx = { site = "A2" }
tx = { site = "A3" }
leds = { site = "A4" }
"""


def own(tmp_path, text=OWN):
    (tmp_path / "mine.toml").write_text(text)
    return boards.load(str(tmp_path / "mine.toml"))


@pytest.mark.parametrize("name", boards.names())
def test_every_pin_is_where_amaranth_boards_has_it(name):
    module, platform, button = PLATFORMS[name]
    found = getattr(import_module(f"amaranth_boards.{module}"), platform)
    named = {(resource.name, resource.number): resource for resource in found.resources}

    def sites(*key):
        return tuple(named[key].ios[0].names)

    description = boards.load(name)
    pins = {port: pin.sites for port, pin in description.pins.items()}
    assert pins.pop("clk") == sites(found.default_clk, 0)
    assert named[found.default_clk, 0].clock.frequency == description.clock
    uart = {pin.name: tuple(pin.ios[0].names) for pin in named["uart", 0].ios}
    assert (pins.pop("rx"), pins.pop("tx")) == (uart["rx"], uart["tx"])
    assert pins.pop("reset", None) == (sites(button, 0) if button else None)
    leds = [key for key in named if key[0] == "led"]
    lit = [sites(*key)[0] for key in leds] or [io.ios[0].names[0] for io in named["rgb_led", 0].ios]
    assert list(pins.pop("leds")) == lit and not pins
    device = " ".join(description.device)
    assert f"--{found.device[6:8]}k" in device and f"--speed {found.speed}" in device
    assert found.package.removeprefix("BG") == device.partition("CABGA")[2].partition(" ")[0]


def test_a_file_of_ones_own_is_a_board(tmp_path):
    board = own(tmp_path)
    assert (board.name, board.divisor, board.params()) == ("mine", 12, chips.load("paper"))
    assert board.params("8-lane", ["router=bus"]) == chips.load("8-lane", ["router=bus"])
    assert 'LOCATE COMP "leds" SITE "A4";' in board.constraints() and "reset" not in board.pins


def test_the_chip_of_a_board_may_stand_in_its_file(tmp_path):
    text = OWN.replace('chip = "paper"\n', "") + "[chip]\nlanes = 2\n"
    assert own(tmp_path, text).params(settings=["cols=3"]) == ChipParams(lanes=2, cols=3)
    with pytest.raises(ParamError, match=r"^board mine: chip parameter lanes=3 is not"):
        own(tmp_path, text.replace("lanes = 2", "lanes = 3")).params()


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('about = "mine"\n', "", "about is missing"),
        ("clock = 12_000_000", "clock = 12.5", "clock=12.5 is of the wrong type"),
        ("clock = 12_000_000", "clock = true", "clock=True is of the wrong type"),
        (
            "clock = 12_000_000",
            "clock = 3_000_000",
            "baud=1000000 does not fit clock=3000000: a bit must take",
        ),
        ("clock = 12_000_000", "clock = 12_500_000", "baud=1000000 does not fit clock=12500000"),
        ("baud = 1_000_000", "baud = 0", "baud=0 does not fit"),
        ('about = "mine"', 'colour = "red"', "no key is called 'colour'; there are about, "),
        ('rx = { site = "A2" }\n', "", "pins.rx is missing"),
        ('rx = { site = "A2" }', 'xr = { site = "A2" }', "no key is called 'pins.xr'"),
        ('"A3" }', '"A2" }', "site A2 is used twice"),
        ('"A3" }', '["A3", "B3"] }', "pins.tx.site=['A3', 'B3'] is not 1..1 names of pins"),
        ('"A3" }', '"A3", pull = "WEAK" }', "pins.tx.pull='WEAK' is not one of NONE, UP, DOWN"),
        ('"A3" }', '"A3", inverted = true }', "pins.tx.inverted=True: only reset and leds can be"),
        ('"A3" }', '"A 3" }', "pins.tx.site='A 3' is not"),
        ("[pins]", "[pins", "cannot be read: "),
    ],
)
def test_a_wrong_file_is_one_line_that_names_the_key(tmp_path, old, new, says):
    assert old in OWN
    with pytest.raises(DescriptionError) as caught:
        own(tmp_path, OWN.replace(old, new))
    said = str(caught.value)
    assert said.startswith(f"board file {tmp_path}/mine.toml") and says in said and "\n" not in said


def test_a_board_that_is_not_there_is_told_with_those_that_are():
    with pytest.raises(
        DescriptionError, match=r"^there is no board 'nosuch': neither .* icesugar-pro, ulx3s$"
    ):
        boards.load("nosuch")
