"""Long work made short enough to be killed twenty times: ``python -m command.long_work explore``.

The commands are the real ones; only the list of what they are to do is cut.
"""

from __future__ import annotations

import sys


def soak() -> None:
    """``yoso soak`` up to twelve cases, however many there were."""
    from yoso_hw.folders import output_folder
    from yoso_sim.commands.soak import main
    from yoso_sim.study.soak import load_state

    if left := 12 - load_state(output_folder() / "soak").cases:
        main(["--cases", str(left)])


def explore() -> None:
    """``yoso explore`` of one chip of two nodes."""
    from yoso_sim.commands.explore import main
    from yoso_sim.energy import explore
    from yoso_sim.energy.cost import Case

    smallest = ("cols=2", "rows=1", "neurons=16", "weights=64")
    explore.CASES = (Case("nodes.npz", smallest),)
    main(["--images", "20"])


def coverage() -> None:
    """``yoso coverage`` of one router; what its bench does not reach needs no reason here."""
    from cover import measure

    last = dict(list(measure.benches().items())[-1:])
    measure.benches = lambda: last
    measure.explain = lambda merged, waivers: {}
    measure.main(["--jobs", "1"])


if __name__ == "__main__":
    {"soak": soak, "explore": explore, "coverage": coverage}[sys.argv[1]]()
