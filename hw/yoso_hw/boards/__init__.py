"""Boards: a TOML file each beside this one says what `yoso_hw.board.top` and its tools must know of it.

Pure Python. A board of one's own is such a file, by its path. CONTRIBUTING.md walks through one.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yoso_hw import chips
from yoso_hw.params import ChipParams

FOLDER = Path(__file__).parent

#: The board that is taken where nothing is asked for.
DEFAULT = "ulx3s"

#: Most LEDs that have something to show (`yoso_hw.board.board`).
MOST_LEDS = 8

#: Cycles a bit that the serial receiver needs at least.
LEAST_DIVISOR = 4

PULLS = ("NONE", "UP", "DOWN")

_KEYS: dict[str, type | tuple[type, ...]] = {
    **{"about": str, "device": list, "clock": int, "baud": int},
    **{"chip": (str, dict), "network": str, "pins": dict},
}
_PINS = ("clk", "rx", "tx", "reset", "leds")
_PIN_KEYS: dict[str, type | tuple[type, ...]] = {
    **{"site": (str, list), "pull": str, "drive": int, "inverted": bool},
}


class DescriptionError(ValueError):
    """There is no such board, or its file is none; the message names key, value and what is wanted."""


@dataclass(frozen=True)
class Pin:
    """Pins of the package that carry one port of the top.

    Attributes
    ----------
    sites
        Of each bit.
    pull, drive
        Settings of their buffers: one of `PULLS`; milliamperes, None for the device's own.
    inverted
        Whether a low level means 1.
    """

    sites: tuple[str, ...]
    pull: str = "NONE"
    drive: int | None = None
    inverted: bool = False


@dataclass(frozen=True)
class Description:
    """A board.

    Attributes
    ----------
    name, about
        Its name, and the board in a line.
    device
        nextpnr-ecp5's options for the device.
    clock, baud
        Of the crystal, which clocks the chip, and of the serial line, in Hz.
    chip
        The largest one that fits: name or file, or parameters in which it is not the default one.
    network
        The one that the board is for.
    pins
        By port of the top: clk, rx and tx (as the FPGA sees them), and where the board has them reset (1
        while pressed) and leds.
    """

    name: str
    about: str
    device: tuple[str, ...]
    clock: int
    baud: int
    chip: str | dict[str, Any]
    network: str
    pins: dict[str, Pin]

    @property
    def divisor(self) -> int:
        """Clock cycles a bit of the line; both ends make the rate exactly."""
        return self.clock // self.baud

    def params(self, chip: str | None = None, settings: Iterable[str] = ()) -> ChipParams:
        """Another chip than the board's, or with some parameters changed. Raises `ParamError`."""
        if chip is None and isinstance(self.chip, dict):
            return ChipParams.with_settings(settings, ChipParams.changed(self.chip, f"board {self.name}"))
        return chips.load(chip or str(self.chip), settings)

    def constraints(self) -> str:
        """The constraint file (.lpf)."""
        lines = [f"# Generated for the board {self.name}: do not edit."]
        for name, pin in self.pins.items():
            drive = f" DRIVE={pin.drive}" if pin.drive else ""
            for bit, site in enumerate(pin.sites):
                port = f"{name}[{bit}]" if len(pin.sites) > 1 else name
                lines += [
                    f'LOCATE COMP "{port}" SITE "{site}";',
                    f'IOBUF PORT "{port}" IO_TYPE=LVCMOS33 PULLMODE={pin.pull}{drive};',
                ]
        lines.append(f'FREQUENCY PORT "clk" {self.clock / 1e6:g} MHZ;')
        return "\n".join([*lines, ""])


def names() -> list[str]:
    """Every named board."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load(board: str) -> Description:
    """A board by its name or file.

    Raises
    ------
    DescriptionError
        If there is no such board or its file does not describe one.
    """
    named = FOLDER / f"{board}.toml"
    path = named if named.is_file() and not Path(board).suffix else Path(board)
    if not path.is_file():
        raise DescriptionError(f"there is no board {board!r}: neither a file nor one of {', '.join(names())}")
    try:
        table = tomllib.loads(path.read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise DescriptionError(f"board file {path} cannot be read: {error}") from None
    try:
        return _described(path.stem, table)
    except DescriptionError as error:
        raise DescriptionError(f"board file {path}: {error}") from None


def _described(name: str, table: dict[str, Any]) -> Description:
    _check("", table, _KEYS, needed=_KEYS)
    pins = table.pop("pins")
    _check("pins.", pins, dict.fromkeys(_PINS, dict), needed=("clk", "rx", "tx"))
    board = Description(
        name,
        **{**table, "device": tuple(map(str, table["device"]))},
        pins={port: _pin(port, pins[port]) for port in _PINS if port in pins},
    )
    if board.clock < 1 or board.baud < 1 or board.divisor < LEAST_DIVISOR or board.clock % board.baud:
        raise DescriptionError(
            f"baud={board.baud} does not fit clock={board.clock}: a bit must take a whole number of cycles, "
            f"{LEAST_DIVISOR} or more"
        )
    sites = [site for pin in board.pins.values() for site in pin.sites]
    if twice := sorted({site for site in sites if sites.count(site) > 1}):
        raise DescriptionError(f"site {twice[0]} is used twice")
    return board


def _pin(port: str, table: dict[str, Any]) -> Pin:
    _check(f"pins.{port}.", table, _PIN_KEYS, needed=("site",))
    site = table.pop("site")
    sites = (site,) if isinstance(site, str) else tuple(map(str, site))
    most = MOST_LEDS if port == "leds" else 1
    if not 1 <= len(sites) <= most or not all(one.isalnum() for one in sites):
        raise DescriptionError(f"pins.{port}.site={site!r} is not 1..{most} names of pins")
    pin = Pin(sites, **table)
    if pin.pull not in PULLS:
        raise DescriptionError(f"pins.{port}.pull={pin.pull!r} is not one of {', '.join(PULLS)}")
    if pin.inverted and port not in ("reset", "leds"):
        raise DescriptionError(f"pins.{port}.inverted=True: only reset and leds can be")
    return pin


def _check(where: str, table: dict[str, Any], types: dict[str, Any], needed: Iterable[str]) -> None:
    """Keys and types of a table."""
    for key, value in table.items():
        if key not in types:
            raise DescriptionError(f"no key is called {where + key!r}; there are {', '.join(types)}")
        if not isinstance(value, types[key]) or (isinstance(value, bool) and types[key] is not bool):
            raise DescriptionError(f"{where}{key}={value!r} is of the wrong type")
    for key in needed:
        if key not in table:
            raise DescriptionError(f"{where}{key} is missing")
