"""Tables as others take them: CSV, LaTeX, Markdown, HTML; and the table that a report is."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from yoso_hw.folders import output_folder

#: What LaTeX reads as something else.
_LATEX = {
    **{char: f"\\{char}" for char in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "\\": r"\textbackslash{}",
    "±": r"$\pm$",
    "\u00d7": r"$\times$",
}


class TableError(ValueError):
    """There is no such table or column; the message lists those that there are."""


@dataclass(frozen=True)
class Table:
    """Columns and rows; a cell is a number, a text, or None for nothing."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    @classmethod
    def of(cls, rows: Sequence[Mapping[str, Any]]) -> Table:
        """Rows by the names of their columns, in the order in which these come; what one lacks is None."""
        columns = tuple(dict.fromkeys(name for row in rows for name in row))
        return cls(columns, tuple(tuple(row.get(name) for name in columns) for row in rows))

    def only(self, columns: Sequence[str]) -> Table:
        """Some columns, in their order. Raises `TableError`."""
        if unknown := [name for name in columns if name not in self.columns]:
            raise TableError(f"there is no column {unknown[0]!r}; there are {', '.join(self.columns)}")
        places = [self.columns.index(name) for name in columns]
        return Table(tuple(columns), tuple(tuple(row[k] for k in places) for row in self.rows))

    @property
    def numeric(self) -> tuple[bool, ...]:
        """Of each column, whether it holds numbers alone."""
        return tuple(
            all(own is None or (isinstance(own, int | float) and not isinstance(own, bool)) for own in column)
            for column in (zip(*self.rows, strict=True) if self.rows else ([],) * len(self.columns))
        )

    def to_csv(self) -> str:
        """Numbers in full."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows([["" if own is None else own for own in row] for row in self.rows])
        return text.getvalue()

    def to_latex(self) -> str:
        """A ``tabular`` that needs no package."""
        sides = "".join("r" if own else "l" for own in self.numeric)
        lines = [rf"\begin{{tabular}}{{{sides}}}", r"\hline"]
        lines += [_latex_row(self.columns), r"\hline", *map(_latex_row, self._texts()), r"\hline"]
        return "\n".join([*lines, r"\end{tabular}", ""])

    def to_markdown(self) -> str:
        """A table of pipes, numbers to the right."""
        rule = ["---:" if own else "---" for own in self.numeric]
        rows = [self.columns, rule, *self._texts()]
        lines = ["| " + " | ".join(own.replace("|", "\\|") for own in row) + " |" for row in rows]
        return "\n".join([*lines, ""])

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{escape(own)}</th>" for own in self.columns)
        body = ("".join(f"<td>{escape(own)}</td>" for own in row) for row in self._texts())
        return "\n".join([f"<table><tr>{head}</tr>", *(f"<tr>{row}</tr>" for row in body), "</table>"])

    def _texts(self) -> Iterator[list[str]]:
        for row in self.rows:
            yield ["" if own is None else str(own) for own in row]


#: How a table is written, by name.
FORMATS: dict[str, Callable[[Table], str]] = {
    "csv": Table.to_csv,
    "latex": Table.to_latex,
    "md": Table.to_markdown,
}


def _latex_row(row: Sequence[str]) -> str:
    return " & ".join("".join(_LATEX.get(char, char) for char in cell) for cell in row) + r" \\"


# ---- of reports ------------------------------------------------------------------------------------------


def rows_of(report: Any) -> list[dict[str, Any]]:
    """The rows of a report that is a list, or holds one called rows or results; else none."""
    inner = (report.get(key) for key in ("rows", "results")) if isinstance(report, dict) else ()
    for rows in (report, *inner):
        if isinstance(rows, list) and rows and all(isinstance(row, dict) for row in rows):
            return rows
    return []


def table_of(report: Any) -> Table:
    """A report's rows, or itself as one row; of nested values "a.b" for b in a, and no lists."""
    rows = rows_of(report) or ([report] if isinstance(report, dict) else [])
    return Table.of([dict(_flat(row)) for row in rows])


def _flat(row: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in row.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{key}.")
        elif not isinstance(value, list):
            yield f"{before}{key}", value


def reports(folder: Path) -> dict[str, Path]:
    """The reports of a folder and of the one of figures in it by name, the oldest first."""
    found = [*folder.glob("*.json"), *folder.glob("figures/*.json")]
    return {path.stem: path for path in sorted(found, key=lambda path: path.stat().st_mtime)}


def no_report(name: str, folder: Path) -> str:
    """What is to be said of a report that is not there."""
    return f"no report {name} in {folder}; there are {', '.join(reports(folder)) or 'none'}"


def report(name: str, folder: Path | None = None) -> Table:
    """The table of a report, such as "sim"; `folder`: that of the reports, of the output folder if None.

    Raises `TableError` if it is not there or cannot be read.
    """
    folder = output_folder() / "reports" if folder is None else folder
    path = reports(folder).get(name)
    if path is None:
        raise TableError(no_report(name, folder))
    try:
        return table_of(json.loads(path.read_text()))
    except (OSError, ValueError, RecursionError) as error:
        raise TableError(f"{path} cannot be read: {error}") from None
