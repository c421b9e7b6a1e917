"""What layers of all rules are as torch modules: they keep their scale, and know when they train."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

#: In place of a generator: torch's own where the module is in training, else none.
MODE: Any = object()


class ScaledModule(nn.Module):
    """A layer with an integer phase; once its scale is fixed, it is part of its ``state_dict``, as ``scale``.

    Attributes
    ----------
    scale
        What its float weights are multiplied by to be integers; None in the float phase.
    """

    def __init__(self) -> None:
        super().__init__()
        self.scale: float | None = None

    def mode(self, generator: torch.Generator | None) -> torch.Generator | None:
        """What draws: `generator`, or for `MODE` torch's own in training; None: it is no training."""
        if generator is not MODE:
            return generator
        return torch.default_generator if self.training else None

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        if self.scale is not None:
            destination[f"{prefix}scale"] = torch.tensor(self.scale, dtype=torch.float64)

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *more: Any) -> None:
        scale = state_dict.pop(f"{prefix}scale", None)  # torch hands down a copy
        self.scale = None if scale is None else float(scale)
        super()._load_from_state_dict(state_dict, prefix, *more)
