"""Node-cycles that a second of CPU simulates: a convolutional chip beside the default one.

``python tests/support/simulation_speed.py`` runs `yoso sim` with few and with more images of each network,
by turns, so that building, loading and start-up fall out of the difference. Node-cycles are the nodes of the
mesh times the cycles of the images; CPU seconds are all of the command's, drivers and golden model included.
Prints each network's figure a round, and the ratio of the means.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import click


def run(net: str, images: int, folder: Path) -> tuple[float, float]:
    """CPU seconds of a command, and the node-cycles of its images."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [
        sys.executable,
        "-m",
        "yoso_sim",
        "sim",
        "--net",
        net,
        "--images",
        str(images),
        "--out",
        str(folder),
    ]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    report = json.loads((folder / "sim.json").read_text())
    cols, rows = map(int, report["mesh"].split(" x "))
    seconds = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return seconds, cols * rows * report["cycles_per_image"]["mean"] * images


@click.command(help=__doc__)
@click.argument("nets", nargs=2, default=("mnist-784-800-10", "mnist-csnn"))
@click.option("--images", nargs=2, default=(20, 120), help="Few and more.")
@click.option("--rounds", default=3)
def main(nets: tuple[str, str], images: tuple[int, int], rounds: int) -> None:
    few, more = images
    rates: dict[str, list[float]] = {net: [] for net in nets}
    with tempfile.TemporaryDirectory() as folder:
        for net in nets:  # builds, and what is loaded for the first time
            run(net, 1, Path(folder))
        for _ in range(rounds):
            for net in nets:
                (short, fewer), (long, all_of) = (run(net, n, Path(folder)) for n in (few, more))
                rates[net].append((all_of - fewer) / (long - short))
                click.echo(f"{net}: {rates[net][-1]:,.0f} node-cycles a CPU second")
    dense, other = (statistics.mean(rates[net]) for net in nets)
    click.echo(f"{nets[1]} to {nets[0]}: {other / dense:.2f}")


if __name__ == "__main__":
    main()
