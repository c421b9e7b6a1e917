"""The network at the end of its float phase, which training keeps beside its checkpoint.

A network file holds integers alone; what they were made of is in that state.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, cast

import torch

from yoso_sw.learn import checkpoint, rules
from yoso_sw.learn.config import TrainConfig
from yoso_sw.learn.errors import TrainingError
from yoso_sw.learn.rule import ScaledRule

#: Settings of the integer phase alone: a state of the float phase serves others of them.
QUANTISATION = frozenset({"weight_bits", "acc_bits", "pot_bits", "clip", "integer_epochs", "integer_lr"})


def beside(file: Path) -> Path:
    """Where the state at the end of the float phase stays, beside the checkpoint `file`."""
    return file.with_name(f"{file.stem}.float.pt")


def load(config: TrainConfig, path: Path) -> tuple[ScaledRule[Any], float]:
    """The network of a state of its float phase, and its test accuracy in per cent, nan before the end.

    Raises
    ------
    TrainingError
        If the file is no checkpoint, of another configuration, or of the integer phase, which has trained the
        weights further as integers.
    """
    if not path.is_file():
        raise TrainingError(f"there is no checkpoint {path}")
    state = checkpoint.read(path, torch.device("cpu"))
    try:
        theirs, scales, epoch = json.loads(state["config"]), state["scales"], int(state["epoch"])
        accuracy = float(state["float_accuracy"])
        assert isinstance(theirs, dict)
    except Exception:  # of whatever stands in the place of what was saved
        raise checkpoint.damaged(path) from None
    if different := checkpoint.difference(theirs, config, QUANTISATION):
        raise TrainingError(f"checkpoint {path} belongs to another configuration: {different}")
    if scales is not None:
        raise TrainingError(
            f"checkpoint {path} is of the integer phase (epoch {epoch}): its float weights are gone; "
            f"training keeps them as {beside(path).name}"
        )
    model = cast("ScaledRule[Any]", rules.rule_of(config.rule)(config))
    try:
        model.load_state_dict(state["model"])
    except Exception:
        raise checkpoint.damaged(path) from None
    return model, accuracy if epoch == config.float_epochs else math.nan
