"""The tutorials, docs/tutorials/*.ipynb: ``python tests/tutorials.py [NAME ...]`` writes their outputs anew.

Each runs in a folder of its own, with nothing in it, as a reader's does. Cells tagged "slow" take minutes or
need tools that few have; `python tests/tutorials.py` and ``pytest -m synth`` run them, `make test` does not.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "tutorials"
TUTORIALS = sorted(FOLDER.glob("*.ipynb"))

#: Seconds that a cell, and the start of a kernel, may take on a busy machine.
TIMEOUT = 1800

NUMBER = re.compile(r"[-+]?\d[\d,.]*(?<![,.])(?:e[-+]?\d+)?")


def load(path: Path) -> Any:
    """A notebook. Raises what nbformat does if it is none."""
    import nbformat

    return nbformat.read(path, as_version=4)


def is_slow(cell: Any) -> bool:
    """Whether only a reader with time and tools runs this cell."""
    return "slow" in cell.metadata.get("tags", ())


def execute(notebook: Any, folder: Path, *, slow: bool) -> None:
    """Run its cells in `folder`, in place. Raises `nbclient.exceptions.CellExecutionError`."""
    from nbclient import NotebookClient

    if not slow:
        notebook.cells = [cell for cell in notebook.cells if not is_slow(cell)]
    where = {"metadata": {"path": str(folder)}}
    NotebookClient(
        notebook,
        timeout=TIMEOUT,
        startup_timeout=TIMEOUT,
        kernel_name="python3",
        resources=where,
        record_timing=False,
        coalesce_streams=True,
    ).execute()
    notebook.metadata.pop("language_info", None)  # the version of whoever runs it


#: What is said once, where a chip is compiled for the first time, or while another process does it.
BUILDING = ("emitting Verilog", "compiling it with", "waiting for another process")

#: Progress, of which a slow machine says more.
PROGRESS = re.compile(r"\d+ of \d+ images")


def said(cell: Any) -> Iterator[str]:
    """What a cell prints, line by line, and the kinds of what it shows."""
    for output in cell.get("outputs", ()):
        if output.output_type == "stream":
            lines = filter(None, map(str.strip, output.text.splitlines()))
            yield from (line for line in lines if not line.startswith(BUILDING) and not PROGRESS.match(line))
        else:
            yield from (f"<{kind}>" for kind in sorted(output.get("data", ())))
            if "image/png" not in output.get("data", ()):
                yield from filter(None, map(str.strip, output.data.get("text/plain", "").splitlines()))


def stale(committed: Any, fresh: Any) -> list[str]:
    """Lines of a committed notebook that a fresh execution does not say, numbers aside.

    Training rounds otherwise on another processor, so numbers may differ. `BUILDING` and `PROGRESS` are left
    out, and more lines may stand between.
    """
    wrong = []
    cells = {cell.id: cell for cell in fresh.cells}
    for cell in committed.cells:
        if cell.cell_type != "code" or cell.id not in cells:
            continue
        lines = iter([NUMBER.sub("#", line) for line in said(cells[cell.id])])
        first = cell.source.splitlines()[0] if cell.source else ""
        for line in said(cell):
            if NUMBER.sub("#", line) not in lines:  # goes on behind it
                wrong.append(f"{first} ...: {line}")
                break
    return wrong


def main(names: list[str]) -> None:
    """Execute and write back the tutorials of these names, or all."""
    for path in TUTORIALS:
        if names and path.stem not in names:
            continue
        notebook = load(path)
        with tempfile.TemporaryDirectory() as folder:
            execute(notebook, Path(folder), slow=True)
        import nbformat

        nbformat.write(notebook, path)
        print(path.relative_to(ROOT))


if __name__ == "__main__":
    main(sys.argv[1:])
