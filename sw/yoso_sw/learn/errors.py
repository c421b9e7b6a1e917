"""What goes wrong in training; a configuration's own error is `config.ConfigError`."""

from __future__ import annotations


class TrainingError(RuntimeError):
    """Training cannot go on; the message says where and what to change."""
