"""The learning rules by name: ``rule = "stdbp"`` in a configuration.

A rule is a package with two modules. `rule` has `RULE`, its class (`rule.Rule`), and needs torch. `limits`
does not: whoever reads a configuration learns from it what the rule can train. A third, `compose`, is there
where its layers are modules for networks of one's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    from yoso_sw.learn.config import TrainConfig
    from yoso_sw.learn.rule import Rule
    from yoso_sw.network.layer import Layer
    from yoso_sw.network.network import Network

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


class Composer(Protocol):
    """A rule's `compose` module, if it has one: its layers as a network and as a configuration (`modules`).

    `layers` are all of a network, input side first, and `levels` those of the encoder before them; None:
    there is none, and the first layer is given what its docstring says.
    """

    @property
    def LAYER(self) -> type[Any]:
        """What its layers are instances of."""

    def misfits(self, layers: Sequence[Any], levels: int | None) -> Iterator[str]:
        """What keeps the layers from being a network that computes what they do, each with its remedy."""

    def export(self, layers: Sequence[Any], levels: int | None) -> list[Layer]:
        """The integer layers of quantised modules."""

    def beyond(self, network: Network) -> Iterator[str]:
        """In what a chip could differ from the modules that an integer network is of."""

    def told(self, layers: Sequence[Any], levels: int | None) -> dict[str, Any]:
        """What the layers say of their network, by keys of `arrays.network_of`."""

    def obstacles(self, layers: Sequence[Any]) -> Iterator[str]:
        """What keeps float layers, otherwise a network, from being a configuration's."""

    def settings(self, layers: Sequence[Any]) -> dict[str, Any]:
        """What float layers say of their configuration beside `told`."""


def composers() -> dict[str, Composer]:
    """Of each rule whose layers can be composed."""
    found = {}
    for name, package in RULES.items():
        if find_spec(f"{package}.compose") is not None:
            found[name] = cast(Composer, import_module(f"{package}.compose"))
    return found


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
