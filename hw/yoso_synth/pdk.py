"""The processes of the ASIC flow, and where their Liberty files are."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from yoso_synth import liberty
from yoso_synth.tools import REPOSITORY, SynthError


@dataclass(frozen=True)
class MacroPins:
    """Pins of a family's single-port SRAM macros.

    Attributes
    ----------
    clock, address, data_in, data_out
        Names.
    enable, write, read, mask
        Names and the level that means yes; `read` may be None where not writing is reading.
    granule
        Bits of data a mask bit stands for.
    tied
        The other inputs and what they are tied to.
    """

    clock: str
    address: str
    data_in: str
    data_out: str
    enable: tuple[str, int]
    write: tuple[str, int]
    read: tuple[str, int] | None
    mask: tuple[str, int]
    granule: int
    tied: dict[str, int]


@dataclass(frozen=True)
class Process:
    """One process.

    Attributes
    ----------
    corners
        Standard-cell Liberty by corner; "typ" is the one that is mapped to.
    macros
        Pattern of the SRAM macros' Liberty files, typical corner.
    prefix
        Of the cells' names.
    avoid
        Cells not to map to, as patterns.
    gate
        Clock gate of positive-edge flip-flops, and its enable, clock and output pins.
    ties
        Cells and pins of constant 1 and 0.
    driver, load
        Cell that drives an input of a block, and capacitance in pF at an output.
    home
        Where the files come from.
    """

    name: str
    corners: dict[str, str]
    macros: str
    pins: MacroPins
    prefix: str
    avoid: tuple[str, ...]
    gate: tuple[str, str, str, str]
    ties: tuple[tuple[str, str], tuple[str, str]]
    driver: str
    load: float
    home: str


PROCESSES = {
    "sg13g2": Process(
        name="sg13g2",
        corners={
            "typ": "sg13g2_stdcell_typ_1p20V_25C.lib",
            "slow": "sg13g2_stdcell_slow_1p08V_125C.lib",
            "fast": "sg13g2_stdcell_fast_1p32V_m40C.lib",
        },
        macros="RM_IHPSG13_1P_*_bm_bist_typ_1p20V_25C.lib",
        pins=MacroPins(
            clock="A_CLK",
            address="A_ADDR",
            data_in="A_DIN",
            data_out="A_DOUT",
            enable=("A_MEN", 1),
            write=("A_WEN", 1),
            read=("A_REN", 1),
            mask=("A_BM", 1),
            granule=1,
            # A_DLY at 1 is the setting that the figures hold for; the self-test port is not used.
            tied={
                "A_DLY": 1,
                **{f"A_BIST_{pin}": 0 for pin in ("EN", "ADDR", "MEN", "WEN", "REN", "BM", "CLK", "DIN")},
            },
        ),
        prefix="sg13g2_",
        avoid=("sg13g2_lgcp_1", "sg13g2_slgcp_1", "sg13g2_sighold", "sg13g2_dlygate*", "sg13g2_sdf*"),
        gate=("sg13g2_lgcp_1", "GATE", "CLK", "GCLK"),
        ties=(("sg13g2_tiehi", "L_HI"), ("sg13g2_tielo", "L_LO")),
        driver="sg13g2_buf_4",
        load=0.015,
        home="https://github.com/IHP-GmbH/IHP-Open-PDK, ihp-sg13g2/libs.ref/sg13g2_{stdcell,sram}/lib",
    ),
    "sky130": Process(
        name="sky130",
        corners={"typ": "sky130_fd_sc_hd__tt_025C_1v80.lib"},
        macros="sky130_sram_*_TT_1p8V_25C.lib",
        pins=MacroPins(
            clock="clk0",
            address="addr0",
            data_in="din0",
            data_out="dout0",
            enable=("csb0", 0),
            write=("web0", 0),
            read=None,
            mask=("wmask0", 1),
            granule=8,
            tied={"csb1": 1, "clk1": 0, "addr1": 0},
        ),
        prefix="sky130_fd_sc_hd__",
        avoid=("*_lpflow_*", "*__probe*", "*__dlclkp_*", "*__sdf*", "*__edf*", "*__dly*", "*__clkdly*"),
        gate=("sky130_fd_sc_hd__dlclkp_1", "GATE", "CLK", "GCLK"),
        ties=(("sky130_fd_sc_hd__conb_1", "HI"), ("sky130_fd_sc_hd__conb_1", "LO")),
        driver="sky130_fd_sc_hd__buf_4",
        load=0.015,
        home="https://github.com/efabless/skywater-pdk-libs-sky130_fd_sc_hd and .../sky130_sram_macros",
    ),
}


class MissingPdk(SynthError):
    """A process has no Liberty files here; the message says what to put where."""


def folders() -> list[Path]:
    """Where Liberty files are looked for: below ``PDK_ROOT`` if it is set, and below ``../shared/pdk``."""
    root = os.environ.get("PDK_ROOT")
    return [*([Path(root)] if root else []), REPOSITORY.parent / "shared" / "pdk"]


def find(process: Process, pattern: str) -> list[Path]:
    """The files of a name or pattern, gzipped or not, in the first folder that has any.

    Raises
    ------
    MissingPdk
        If there is none.
    """
    for folder in folders():
        found = sorted({*folder.rglob(pattern), *folder.rglob(f"{pattern}.gz")})
        if found:
            return found
    looked = ", ".join(map(str, folders()))
    raise MissingPdk(
        f"target {process.name} needs {pattern}, which is not below {looked}. Set PDK_ROOT to a folder that "
        f"holds the process' Liberty files, in any subfolder ({process.home})"
    )


def cells(process: Process, corner: str = "typ") -> liberty.Library:
    """The standard cells at a corner. Raises `MissingPdk`, `liberty.LibertyError`."""
    return liberty.read(find(process, process.corners[corner])[0])
