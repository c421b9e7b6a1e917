"""What is wrong with a run that the user names."""

from __future__ import annotations


class RunError(ValueError):
    """A run's name is no name, taken, or unknown; the message says what to do."""
