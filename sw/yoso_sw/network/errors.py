"""What is wrong with a network."""

from __future__ import annotations

from collections.abc import Sequence


class NetworkError(ValueError):
    """A network, or its file, is not valid; the message names the part, its value and what is allowed.

    One fault is one line; of several, all are told, a line each.
    """

    @classmethod
    def of(cls, name: str, faults: Sequence[str]) -> NetworkError:
        """All faults of a network at once."""
        if len(faults) == 1:
            return cls(f"network {name!r}: {faults[0]}")
        return cls("\n".join([f"network {name!r}: {len(faults)} faults:", *(f"  {own}" for own in faults)]))
