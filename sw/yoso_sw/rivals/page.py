"""The table of `measure`'s rows, for a page of the docs."""

from __future__ import annotations

from typing import Any

from yoso_sw.rivals.measure import LIBRARIES, OURS


def page(report: dict[str, Any]) -> str:
    """Markdown of a report, whole."""
    tools = ", ".join(f"{name} {version}" for name, version in report["tools"].items())
    rows = report["rows"]
    batches = sorted({row["batches"] for row in rows})
    lines = [
        "# An epoch beside snnTorch and SpikingJelly",
        "",
        "Written by `yoso bench --rivals --page docs/speed`; not edited by hand. What is compared, and how, "
        "is in [results](../results.md#speed-of-training).",
        "",
        f"784-800-10 on MNIST, batches of {rows[0]['batch']}, Adam. CPU seconds an epoch, wall seconds in "
        f"brackets: medians of {rows[0]['rounds']} rounds over {' or '.join(map(str, batches))} batches, "
        "extrapolated to the epoch's. Of each library the fastest of its modes; the ratio is its CPU time "
        "(wall time) to ours, above 1 where ours is faster.",
        "",
        f"| rule | T | threads | {OURS} | "
        + " | ".join(f"{name} | mode | to ours" for name in LIBRARIES)
        + " | load |",
        "|---|---:|---:|---:|" + "---:|---|---:|" * len(LIBRARIES) + "---:|",
    ]
    for row in rows:
        own = row["ways"][OURS]
        cells = [row["rule"], row["steps"], row["threads"], f"{own['cpu_s']:.2f} ({own['wall_s']:.2f})"]
        for name in LIBRARIES:
            best = row["fastest"].get(name)
            if best is None:
                cells += ["", "", ""]
                continue
            cells += [f"{best['cpu_s']:.2f} ({best['wall_s']:.2f})", best["mode"]]
            cells.append(f"{best['cpu_ratio']:.2f} ({best['wall_ratio']:.2f})")
        lines.append(
            "| " + " | ".join(map(str, [*cells, f"{row['load_before']}, {row['load_after']}"])) + " |"
        )
    lines += ["", "Every mode, CPU seconds an epoch:", ""]
    modes = list(dict.fromkeys(name for row in rows for name in row["ways"] if name != OURS))
    lines += [
        "| rule | threads | ours | " + " | ".join(modes) + " |",
        "|---|---:|---:|" + "---:|" * len(modes),
    ]
    for row in rows:
        times = [row["ways"].get(name) for name in (OURS, *modes)]
        cells = ["" if own is None else f"{own['cpu_s']:.2f}" for own in times]
        lines.append("| " + " | ".join([row["rule"], str(row["threads"]), *cells]) + " |")
    return "\n".join([*lines, "", f"{tools}; {report['cores']} cores.", ""])
