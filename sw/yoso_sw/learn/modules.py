"""Networks composed of our torch modules, by ``nn.Sequential`` above all.

`layers_of` is the one reader. Whatever else stands in a composition is refused by name, all of it at once.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import nn

from yoso_sw.learn.config import ConfigError, TrainConfig
from yoso_sw.learn.module import ScaledModule
from yoso_sw.learn.rule import Rule
from yoso_sw.learn.rules import Composer, composers, rule_of
from yoso_sw.learn.times import EarliestPool2d, TemporalEncoder
from yoso_sw.network.arrays import network_of
from yoso_sw.network.network import Network

_CHAIN = "a network is one chain of layers, whose spikes only go on"
_AVERAGE = "it averages spikes; pooling passes the earliest on: pool=True of its convolution"
_FLOAT = "it computes in floats, which no chip does: take a layer of yoso.nn"

#: Modules that a network cannot have, and why; what is none of these has `_FOREIGN`.
REFUSED: dict[type[nn.Module], str] = {
    nn.RNNBase: f"it is recurrent: {_CHAIN}",
    nn.RNNCellBase: f"it is recurrent: {_CHAIN}",
    nn.AvgPool1d: _AVERAGE,
    nn.AvgPool2d: _AVERAGE,
    nn.AvgPool3d: _AVERAGE,
    nn.AdaptiveAvgPool2d: _AVERAGE,
    nn.MaxPool2d: "spikes are pooled by the earliest: pool=True of its convolution",
    nn.Linear: _FLOAT,
    nn.Conv1d: _FLOAT,
    nn.Conv2d: _FLOAT,
    nn.BatchNorm1d: "it is folded into its layer: batch_norm of that",
    nn.BatchNorm2d: "it is folded into its layer: batch_norm of that",
    nn.Dropout: "a layer has its own: dropout of that",
    nn.ReLU: "a layer's neurons are its non-linearity",
    nn.Flatten: "a dense layer takes the channels of a convolution as they are",
    nn.MultiheadAttention: f"it is no layer of neurons: {_CHAIN}",
}

_FOREIGN = (
    "it is no module of yoso.nn, and what goes on in it is not known, skip connections or recurrence; "
    f"{_CHAIN}. Networks of other libraries come as NIR, yoso.network(graph)"
)

#: Modules that do nothing to spikes.
NOTHING = (nn.Identity,)


@dataclass(frozen=True, eq=False)
class Chain:
    """The layers of a composition.

    Attributes
    ----------
    rule
        Whose layers they are.
    layers
        Input side first.
    pooled
        Of each, whether an `EarliestPool2d` follows it.
    levels
        L of its encoder; None: it has none.
    """

    rule: str
    layers: tuple[Any, ...]
    pooled: tuple[bool, ...]
    levels: int | None

    @property
    def composer(self) -> Composer:
        return composers()[self.rule]

    @property
    def told(self) -> dict[str, Any]:
        """What the layers say of their network."""
        return self.composer.told(self.layers, self.levels)

    @property
    def misfits(self) -> list[str]:
        """What keeps them from being one."""
        return list(self.composer.misfits(self.layers, self.levels))


def layers_of(model: nn.Module | Sequence[nn.Module]) -> Chain:
    """The layers of an ``nn.Sequential``, nested or not, a list of modules, or a `Rule`.

    Raises
    ------
    ConfigError
        Naming every module that is none of ours, or stands in the wrong place.
    """
    layers: list[Any] = []
    pooled: list[bool] = []
    levels: int | None = None
    if isinstance(model, Rule) and model.config.code == "ttfs":
        levels = model.config.levels
    wrong: list[str] = []
    mixed: list[str] = []  # the first of another rule says it all
    for name, module in _flat(model, ""):
        where = f"module {name} ({type(module).__name__})"
        if isinstance(module, ScaledModule):
            if layers and not mixed and _rule(module) != _rule(layers[0]):
                mixed = [f"{where}: a layer of rule {_rule(module)} after one of rule {_rule(layers[0])}"]
            layers.append(module)
            pooled.append(False)
        elif isinstance(module, TemporalEncoder):
            if layers:
                wrong.append(f"{where}: an encoder stands before the first layer")
            levels = module.levels
        elif isinstance(module, EarliestPool2d):
            if not layers or pooled[-1] or getattr(layers[-1], "pool", True):
                wrong.append(f"{where}: it pools no convolution that is not pooled yet")
            elif module.side != 2:
                wrong.append(f"{where}: it pools {module.side} x {module.side}; the chip pools 2 x 2")
            else:
                pooled[-1] = True
        elif not isinstance(module, NOTHING):
            wrong.append(f"{where}: {_reason(module)}")
    if not layers and not wrong:
        wrong.append("there are no layers of yoso.nn")
    if wrong := mixed + wrong:
        raise _all_at_once("modules", wrong)
    return Chain(_rule(layers[0]), tuple(layers), tuple(pooled), levels)


def _all_at_once(name: str, wrong: Sequence[str]) -> ConfigError:
    if len(wrong) == 1:
        return ConfigError(wrong[0])
    return ConfigError("\n".join([f"{name}: {len(wrong)} obstacles:", *(f"  {own}" for own in wrong)]))


def _flat(model: nn.Module | Sequence[nn.Module], name: str) -> Iterator[tuple[str, nn.Module]]:
    """The modules of nested ``nn.Sequential`` in their order, with their names."""
    if isinstance(model, Rule):
        model = list(model.chain)  # type: ignore[arg-type]
    if isinstance(model, nn.Sequential | nn.ModuleList) or not isinstance(model, nn.Module):
        for i, inner in enumerate(model):
            yield from _flat(inner, f"{name}.{i}" if name else str(i))
    else:
        yield name or "0", model


def _reason(module: nn.Module) -> str:
    if isinstance(module, nn.Conv2d) and module.groups > 1:
        return f"it is grouped, groups={module.groups}: each filter of a network sees all channels"
    return next((why for kind, why in REFUSED.items() if isinstance(module, kind)), _FOREIGN)


def _rule(layer: ScaledModule) -> str:
    """The rule whose layer a module is: of several, the one whose class is nearest."""
    own = type(layer).__mro__
    near = {name: own.index(one.LAYER) for name, one in composers().items() if one.LAYER in own}
    return min(near, key=lambda name: near[name])


def quantise(model: nn.Module | Sequence[nn.Module]) -> None:
    """Fix the scale of every layer that has none yet: from then on it computes as the chip does.

    Raises `TrainingError` if the weights give no scale.
    """
    for layer in layers_of(model).layers:
        if layer.scale is None:
            layer.quantise()


def network_of_modules(model: nn.Module | Sequence[nn.Module], name: str = "own", **more: Any) -> Network:
    """The integer network of modules; layers in the float phase are quantised, in a copy.

    `more` are settings of `arrays.network_of`, such as levels, code or about.

    Raises
    ------
    ConfigError, NetworkError
        Naming everything that is wrong.
    """
    chain = layers_of(model)
    if wrong := chain.misfits:
        raise _all_at_once(name, wrong)
    whole = []
    for layer in chain.layers:
        whole.append(layer if layer.scale is not None else copy.deepcopy(layer))
        if layer.scale is None:
            whole[-1].quantise()
    exported = chain.composer.export(whole, chain.levels)
    layers = [
        replace(layer, pool=True) if pooled else layer
        for layer, pooled in zip(exported, chain.pooled, strict=True)
    ]
    network = network_of(layers, name=name, **{**chain.told, **more})
    if wrong := list(chain.composer.beyond(network)):
        raise _all_at_once(name, wrong)
    return network


# ---- as a configuration ---------------------------------------------------------------------------------


def config_of(model: nn.Module | Sequence[nn.Module], **settings: Any) -> TrainConfig:
    """The configuration that modules are a network of; `settings` say the rest of it.

    Raises
    ------
    ConfigError
        If the modules do not say one, or it is not valid.
    """
    chain = layers_of(model)
    name = str(settings.get("name", "modules"))
    wrong = [
        f"layer {i}: give its convolution pool=True in place of an EarliestPool2d after it"
        for i, pooled in enumerate(chain.pooled)
        if pooled
    ]
    wrong += [
        f"layer {i}: is quantised already" for i, own in enumerate(chain.layers) if own.scale is not None
    ]
    if len({id(layer) for layer in chain.layers}) < len(chain.layers):
        wrong.append("a module stands in two places; each layer learns weights of its own")
    wrong += [*chain.misfits, *chain.composer.obstacles(chain.layers)]
    known = {**chain.told, **chain.composer.settings(chain.layers)}
    free = () if chain.levels else ("code", "levels")
    wrong += [
        f"{key}={settings[key]!r}; the modules have {key}={value!r}"
        for key, value in known.items()
        if key in settings and key not in free and settings[key] != value
    ]
    if "levels" not in {**known, **settings}:
        wrong.append("no TemporalEncoder(levels) stands before the layers; put one there, or give levels")
    if wrong:
        raise _all_at_once(name, wrong)
    return TrainConfig(**{"name": "own", "rows": 1, "rule": chain.rule, **known, **settings})


def rule_around(model: nn.Module | Sequence[nn.Module], config: TrainConfig) -> Rule[Any]:
    """The rule of a configuration with the modules themselves as its layers, which training changes.

    Raises `ConfigError` if their weights are not those of one layer after the other.
    """
    rule: Any = rule_of(config.rule)(config)
    layers = layers_of(model).layers
    wrong = [
        f"layer {i}: weights {tuple(own.weight.shape)}, not {tuple(other.weight.shape)} after the one before"
        for i, (own, other) in enumerate(zip(layers, rule.chain, strict=True))
        if own.weight.shape != other.weight.shape
    ]
    if wrong:
        raise _all_at_once(config.name, wrong)
    rule.layers = nn.ModuleList(layers)
    return rule
