"""The learning rules by name: ``rule = "stdbp"`` in a configuration.

A rule is a package with two modules. `rule` has `RULE`, its class (`rule.Rule`), and needs torch. `limits`
does not: whoever reads a configuration learns from it what the rule can train.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    from yoso_sw.learn.config import TrainConfig
    from yoso_sw.learn.rule import Rule

RULES = {
    "stdbp": "yoso_sw.learn.stdbp",
    "alpha": "yoso_sw.learn.alpha",
    "count": "yoso_sw.learn.count",
    "clif": "yoso_sw.learn.clif",
    "tandem": "yoso_sw.learn.tandem",
}


class Limits(Protocol):
    """A rule's `limits` module."""

    @property
    def EXPORTS(self) -> bool:
        """Whether the rule has an integer phase and ends with a network for the chip."""

    def refusals(self, config: TrainConfig) -> Iterator[str]:
        """What the rule cannot train of a configuration: where, key, value and what it can, a line each."""


def limits(name: str) -> Limits:
    """The limits of a rule of `RULES`."""
    return cast(Limits, import_module(f"{RULES[name]}.limits"))


def rule_of(name: str) -> type[Rule[Any]]:
    """The class of a rule of `RULES`."""
    return cast("type[Rule[Any]]", import_module(f"{RULES[name]}.rule").RULE)


def only(own: object, where: str = "", **allowed: Any) -> Iterator[str]:
    """A refusal of each field of a dataclass that is not the only value that the rule can have."""
    for key, value in allowed.items():
        if (given := getattr(own, key)) != value:
            yield f"{where}{key}={given!r}; it can only have {key}={value!r}"
