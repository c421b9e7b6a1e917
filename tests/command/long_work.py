"""Long work made short enough to be killed twenty times: ``python -m command.long_work explore``.

The commands are the real ones; only the list of what they are to do is cut.
"""

from __future__ import annotations

import sys


def soak(cases: int = 12) -> None:
    """``yoso soak`` up to so many cases, however many there were."""
    from yoso_hw.folders import output_folder
    from yoso_sim.commands.soak import main
    from yoso_sim.study.soak import load_state

    if left := cases - load_state(output_folder() / "soak").cases:
        main(["--cases", str(left)])


def soak_default() -> None:
    """The same on the default chip, its build kept between the starts; cases are longer there."""
    from yoso_hw.params import ChipParams
    from yoso_sim.build import build
    from yoso_sim.study import soak as campaign

    campaign.CORNERS = (ChipParams(),)
    campaign.build = lambda chip, root, report: build(chip, report=report)
    soak(2)


#: A grid of one chip of two nodes.
SIZES = {"cols": 2, "rows": 1, "neurons": 4, "weights": 16, "lanes": 1, "weight_bits": 4}
SIZES |= {"acc_bits": 9, "pot_bits": 10, "layers": 3, "classes": 4, "steps": 8}


def explore() -> None:
    """``yoso explore`` of one chip of two nodes."""
    from pathlib import Path

    from yoso_sim.commands.explore import main

    lines = ['networks = "nodes.npz"', 'measure = ["rtl", "energy"]', "[set]"]
    lines += [f"{name} = {size}" for name, size in SIZES.items()]
    Path("nodes.toml").write_text("\n".join([*lines, ""]))
    main(["nodes.toml", "--images", "20"])


def coverage() -> None:
    """``yoso coverage`` of one router; what its bench does not reach needs no reason here."""
    from cover import measure

    last = dict(list(measure.benches().items())[-1:])
    measure.benches = lambda: last
    measure.explain = lambda merged, waivers: {}
    measure.main(["--jobs", "1"])


if __name__ == "__main__":
    {"soak": soak, "soak-default": soak_default, "explore": explore, "coverage": coverage}[sys.argv[1]]()
