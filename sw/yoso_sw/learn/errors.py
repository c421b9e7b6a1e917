"""What goes wrong in training; a configuration's own error is `config.ConfigError`."""

from __future__ import annotations

from collections.abc import Iterable


class TrainingError(RuntimeError):
    """Training cannot go on; the message says where and what to change."""


def check(faults: Iterable[str]) -> None:
    """Raise `TrainingError` with the first of them, if there are any."""
    for fault in faults:
        raise TrainingError(fault)
