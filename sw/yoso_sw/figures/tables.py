"""Tables I, II and III with this project's rows, and one for each of the other rules, as Markdown.

Other works' rows and the papers' are copied as printed; ours come from build/reports/accuracy.json, which
`make accuracy` writes.
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
from yoso_sw.network.errors import NetworkError
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


@dataclass(frozen=True)
class Paper:
    """The paper of another rule: what is known of it, and what it prints, as data set, network, T, accuracy.

    `unknown` says in words what is not to be had.
    """

    rule: str
    source: str
    unknown: str
    rows: tuple[tuple[str, str, str, str], ...]


#: What an abstract does not say.
UNSAID = "not in the abstract"

PAPERS = (
    Paper(
        "count",
        "Wu et al. 2019, IJCNN",
        "Of the paper the abstract alone is known: neither networks nor its table of UCI sets "
        "([ours](../tasks/README.md)).",
        (("MNIST", UNSAID, "10", "98.40"),),
    ),
    Paper(
        "tandem",
        "Wu et al. 2021, TNNLS",
        "Of the paper the abstract and the authors' code are known, and neither prints an accuracy.",
        (),
    ),
    Paper(
        "clif",
        "Zhu et al. 2021, TCDS",
        "Of the paper the abstract alone is known. SVHN, MNIST-DVS and DVS-Gestures are not at hand; N-MNIST "
        "is a small part of that set.",
        (
            ("MNIST", UNSAID, UNSAID, "99.58"),
            ("SVHN", UNSAID, UNSAID, "95.97"),
            ("MNIST-DVS", UNSAID, UNSAID, "98.40"),
            ("DVS-Gestures", UNSAID, UNSAID, "95.83"),
        ),
    ),
)

#: Data sets as the papers write them.
SAID = {
    "mnist": "MNIST",
    "fashion-mnist": "Fashion-MNIST",
    "n-mnist": "N-MNIST, 1,000 + 100",
    "cifar10": "CIFAR-10, lossy JPEG pictures",
}


def our_row(table: Table, row: dict[str, Any]) -> tuple[str, ...]:
    """One of our networks in the columns of a table."""
    config = load_config(locate(row["network"]))
    name = f"**YOSO** `{row['network']}`"
    told = {"Additional strategy", "Learning method"} & set(table.columns)
    cells = {
        "Model": name if told else f"{name}: {config.strategies}",
        "Coding": "Temporal",
        "Network architecture": row["shape"],
        "Additional strategy": config.strategies,
        "Learning method": "Spike-based backpropagation, " + config.strategies,
        "Classifier": "Highest potential" if row["decision"] == "softmax" else "Spike-based",
    }
    return (*(cells[column] for column in table.columns), accuracy_of(row))


def accuracy_of(row: dict[str, Any]) -> str:
    """Of one network, or the mean and spread of several seeds."""
    if row.get("spread") is None:
        return f"**{row['golden']:.2f}**"
    runs = "splits" if family(row["dataset"]) == "caltech" else "seeds"
    return f"**{row['mean']:.2f} ± {row['spread']:.2f}** ({row['seeds']} {runs})"


def rule_of(row: dict[str, Any]) -> str:
    """The rule that a network was trained by; "" if its configuration is not here."""
    try:
        return load_config(locate(row["network"])).rule
    except NetworkError:
        return ""


def paper_table(paper: Paper, rows: list[dict[str, Any]]) -> list[str]:
    """The lines of a rule's table; `rows` are our networks of that rule."""
    lines = [
        f"**Rule `{paper.rule}`: {paper.source}.** Test accuracy in per cent. Rows marked *printed* are the "
        f"paper's own; rows named YOSO are this project's, on the golden model. {paper.unknown}",
        "",
        "| | Data set | Network architecture | T | Acc. (%) |",
        "|---|---|---|---:|---:|",
    ]
    lines += [f"| {paper.source}, *printed* | {' | '.join(row)} |" for row in paper.rows]
    for row in rows:
        config = load_config(locate(row["network"]))
        neuron = config.layers[0].neuron
        dataset = SAID.get(family(row["dataset"]), row["dataset"])
        lines.append(
            f"| **YOSO** `{row['network']}`: {config.strategies} | {dataset} | {row['shape']} | "
            f"{neuron.end - neuron.start} | {accuracy_of(row)} |"
        )
    return [*lines, ""]


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
    """All tables."""
    lines, rules = [], {row["network"]: rule_of(row) for row in rows}
    others = {paper.rule for paper in PAPERS}
    for table in TABLES:
        lines += [
            f"**Table {table.number}: {table.title}.** Test accuracy in per cent. Rows and reference numbers "
            "[..] are the paper's; rows named YOSO are this project's, on the golden model.",
            "",
            f"| {' | '.join((*table.columns, 'Acc. (%)'))} |",
            "|" + "---|" * len(table.columns) + "---:|",
        ]
        ours = [
            our_row(table, row)
            for row in rows
            if family(row["dataset"]) == table.dataset and rules[row["network"]] not in others
        ]
        lines += [f"| {' | '.join(row)} |" for row in (*table.rows, *ours)]
        lines.append("")
    for paper in PAPERS:
        lines += paper_table(paper, [row for row in rows if rules[row["network"]] == paper.rule])
    return "\n".join(lines)


def tables(accuracy: Path, out: Path) -> None:
    """Write the tables from what `yoso eval` wrote."""
    rows = read_accuracies(accuracy)
    try:
        text = markdown(rows)
    except ConfigError as error:
        raise report.FigureError(f"{error}; run `make accuracy` again if the network is gone") from None
    caption = "Tables I to III of the paper, and what the other papers print, with this project's rows."
    numbers = {
        table.number: [row for row in rows if family(row["dataset"]) == table.dataset] for table in TABLES
    }
    report.write(out, "tables", caption, {}, numbers, None)
    write_whole(out / "tables.md", text)
    console = Console()
    console.print(text, markup=False, soft_wrap=True, highlight=False)
    console.print(f"written to {out / 'tables.md'}")
