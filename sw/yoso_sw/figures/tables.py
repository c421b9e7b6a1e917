"""Tables I, II and III with this project's rows, as Markdown.

Other works' rows and the paper's are copied from the paper as printed; ours come from
build/reports/accuracy.json, which `make accuracy` writes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from yoso_hw.writing import write_whole

from yoso_sw.data.views import family
from yoso_sw.figures import report
from yoso_sw.learn.config import ConfigError
from yoso_sw.learn.config_file import load_config
from yoso_sw.network.zoo import locate

CSNN = "28x28-16C5-P2-32C5-P2-800-128-10"


@dataclass(frozen=True)
class Table:
    """A table of the paper: its number, data set, columns before the accuracy, and rows as printed."""

    number: str
    title: str
    dataset: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


TABLES = (
    Table(
        "I",
        "MNIST",
        "mnist",
        ("Model", "Coding", "Network architecture", "Additional strategy"),
        (
            ("Mostafa [35]", "Temporal", "784-800-10", "Weight and Gradient Constraintion", "97.5"),
            ("Tavanaei et al [62]", "Rate", "784-1000-10", "None", "96.6"),
            ("Comsa et al [46]", "Temporal", "784-340-10", "Weight and Gradient Constraintion", "97.9"),
            ("Kheradpisheh et al [45]", "Temporal", "784-400-10", "Weight constraintion", "97.4"),
            ("STDBP (the paper)", "Temporal", "784-400-10", "None", "98.1"),
            ("STDBP (the paper)", "Temporal", "784-800-10", "None", "98.5"),
            ("STDBP (the paper)", "Temporal", CSNN, "None", "99.4"),
        ),
    ),
    Table(
        "II",
        "Fashion-MNIST",
        "fashion-mnist",
        ("Model", "Coding", "Network architecture"),
        (
            ("S4NN [45]", "Temporal", "784-1000-10", "88.0"),
            ("BS4NN [63]", "Temporal", "784-1000-10", "87.3"),
            ("Hao et al. [64]", "Rate", "784-6000-10", "85.3"),
            ("Zhang et al. [65]", "Rate", "784-400-400-10", "89.5"),
            ("Ranjan et al. [66]", "Rate", "28x28-32C3-32C3-P2-128-10", "89.0"),
            ("STDBP (the paper)", "Temporal", "784-1000-10", "88.1"),
            ("STDBP (the paper)", "Temporal", CSNN, "90.1"),
        ),
    ),
    Table(
        "III",
        "Caltech faces and motorbikes",
        "caltech",
        ("Model", "Learning method", "Network architecture", "Classifier"),
        (
            ("Masquelier et al. [67]", "Unsupervised STDP", "HMAX [68]", "RBF", "99.2"),
            ("Kheradpisheh et al. [69]", "Unsupervised STDP", "28x28-4C5-P7-20C16-P2-10C5", "SVM", "99.1"),
            ("Mozafari et al. [70]", "Reward modulated STDP", "HMAX [68]", "Spike-based", "98.2"),
            (
                "Kheradpisheh et al. [45]",
                "Spike-based backpropagation",
                "160x250-4-2",
                "Spike-based",
                "99.2",
            ),
            ("STDBP (the paper)", "Spike-based backpropagation", "160x250-4-2", "Spike-based", "99.2"),
            ("STDBP (the paper)", "Spike-based backpropagation", CSNN, "Spike-based", "99.5"),
        ),
    ),
)


def our_row(table: Table, row: dict[str, Any]) -> tuple[str, ...]:
    """One of our networks in the columns of a table."""
    config = load_config(locate(row["network"]))
    name = f"**YOSO** `{row['network']}`"
    told = {"Additional strategy", "Learning method"} & set(table.columns)
    cells = {
        "Model": name if told else f"{name}: {config.strategies}",
        "Coding": "Rate" if config.rule == "count" else "Temporal",
        "Network architecture": row["shape"],
        "Additional strategy": config.strategies,
        "Learning method": "Spike-based backpropagation, " + config.strategies,
        "Classifier": "Highest potential" if row["decision"] == "softmax" else "Spike-based",
    }
    accuracy = f"**{row['golden']:.2f}**"
    if row.get("spread") is not None:
        runs = "splits" if family(row["dataset"]) == "caltech" else "seeds"
        accuracy = f"**{row['mean']:.2f} ± {row['spread']:.2f}** ({row['seeds']} {runs})"
    return (*(cells[column] for column in table.columns), accuracy)


def read_accuracies(path: Path) -> list[dict[str, Any]]:
    """The rows of `make accuracy`. Raises `FigureError` if they are missing or not what it writes."""
    try:
        rows = json.loads(path.read_text())
    except FileNotFoundError:
        raise report.FigureError(f"{path} is missing: run `make accuracy`, which writes it") from None
    except ValueError as error:
        raise report.FigureError(f"{path} is damaged ({error}): run `make accuracy` again") from None
    needed = {"network", "dataset", "shape", "decision", "golden"}
    if not isinstance(rows, list) or not all(isinstance(row, dict) and needed <= row.keys() for row in rows):
        raise report.FigureError(f"{path} is not what `make accuracy` writes: run it again")
    return rows


def markdown(rows: list[dict[str, Any]]) -> str:
    """All three tables."""
    lines = []
    for table in TABLES:
        lines += [
            f"**Table {table.number}: {table.title}.** Test accuracy in per cent. Rows and reference numbers "
            "[..] are the paper's; rows named YOSO are this project's, on the golden model.",
            "",
            f"| {' | '.join((*table.columns, 'Acc. (%)'))} |",
            "|" + "---|" * len(table.columns) + "---:|",
        ]
        ours = [our_row(table, row) for row in rows if family(row["dataset"]) == table.dataset]
        lines += [f"| {' | '.join(row)} |" for row in (*table.rows, *ours)]
        lines.append("")
    return "\n".join(lines)


def tables(accuracy: Path, out: Path) -> None:
    """Write the tables from what `yoso eval` wrote."""
    rows = read_accuracies(accuracy)
    try:
        text = markdown(rows)
    except ConfigError as error:
        raise report.FigureError(f"{error}; run `make accuracy` again if the network is gone") from None
    caption = "Tables I to III of the paper with this project's rows."
    numbers = {
        table.number: [row for row in rows if family(row["dataset"]) == table.dataset] for table in TABLES
    }
    report.write(out, "tables", caption, {}, numbers, None)
    write_whole(out / "tables.md", text)
    console = Console()
    console.print(text, markup=False, soft_wrap=True, highlight=False)
    console.print(f"written to {out / 'tables.md'}")
