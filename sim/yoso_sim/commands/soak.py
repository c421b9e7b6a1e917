"""``yoso soak``: random networks on random chips, until stopped."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import click
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from yoso_hw.folders import output_folder
from yoso_hw.writing import write_whole

from yoso_sim.commands.asked import console, one_message


@click.command()
@click.option("--case", "text", metavar="CASE", help="One case alone: its JSON or a file with that.")
@click.option("--cases", "most", type=click.IntRange(1), help="Stop after so many cases.")
def main(text: str | None, most: int | None) -> None:
    """Random networks on random chips, against the golden model, until stopped."""
    from yoso_sim.study import soak as soaks  # needs cocotb

    folder = output_folder() / "soak"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with one_message():
            if text is not None:
                case = soaks.read_case(text)
                soaks.run_one(case, folder, lambda line: console.print(f"[dim]{line}"))
                console.print("chip and golden model agree")
                return
            soak_on(folder, most)
    except soaks.Mismatch as found:
        path = folder / f"mismatch-{hashlib.sha256(found.case.to_json().encode()).hexdigest()[:8]}.json"
        write_whole(path, found.case.to_json() + "\n")
        for note in found.notes:
            console.print(note, style="red", markup=False, soft_wrap=True)
        if found.alone:
            console.print(f"see it again: yoso soak --case {os.path.relpath(path)}", soft_wrap=True)
        else:
            console.print(f"not seen without the cases before it; kept in {path}", soft_wrap=True)
        raise click.ClickException("RTL and golden model differ") from None


def soak_on(folder: Path, most: int | None) -> None:
    """Go on with the campaign of `folder`; an interrupt ends it with a summary."""
    from yoso_sim.study import census
    from yoso_sim.study import soak as soaks

    state = soaks.load_state(folder)
    first, began = state.cases, time.monotonic()
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        task = bars.add_task("")

        def show(what: str = "") -> None:
            chip = soaks.chip_of(state.cases)
            bars.update(task, description=f"{chip.cols} x {chip.rows} chip, {state} {what}")

        try:
            soaks.soak(folder, state, show, show, most)
        except KeyboardInterrupt:
            pass
        finally:
            seconds = time.monotonic() - began
            console.print(
                f"{state.cases - first} cases in {seconds:.0f} s; in all {state}, every one compared"
            )
            for line in census.lines(state.census):
                console.print(line, markup=False, soft_wrap=True)
            if missing := census.empty(state.census):
                console.print(f"not met yet: {', '.join(missing)}", markup=False, soft_wrap=True)
