"""What a rule cannot have is refused when its configuration is read, in a line with the rule's name."""

import dataclasses

import pytest
from support.quarters import ALPHA, CLIF, COUNT, LITERAL, TANDEM, small_config
from yoso_sw.learn.config import ConfigError
from yoso_sw.learn.config_file import parse


def test_an_unknown_rule_is_refused_with_those_there_are():
    with pytest.raises(ConfigError, match=r"rule='backprop' is not one of stdbp, alpha, count, clif, tandem"):
        small_config(rule="backprop")


def with_layer(changes, **layer):
    first, last = changes["layers"]
    return {**changes, "layers": (dataclasses.replace(first, **layer), last)}


def with_neuron(changes, **neuron):
    return with_layer(changes, neuron=dataclasses.replace(changes["layers"][0].neuron, **neuron))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({**ALPHA, "decision": "softmax"}, r"alpha: decision='softmax'; it can only have decision='ttfs'"),
        ({**ALPHA, "code": "rate"}, r"alpha: code='rate'; it can only have code='ttfs'"),
        ({**LITERAL, "code": "events"}, r"stdbp: code='events'; it can only have code='ttfs'"),
        ({**ALPHA, "revive": True}, r"alpha: revive=True; it can only have revive=False"),
        ({**ALPHA, "min_slope": 0.5}, r"alpha: min_slope=0\.5; it can only have min_slope=0\.0"),
        (with_neuron(ALPHA, slope="constant"), r"alpha: layer 0: slope='constant'; .* slope='psp'"),
        (with_neuron(ALPHA, start=2), r"alpha: layer 0: start=2; it can only have start=0"),
        (with_neuron(ALPHA, end=0), r"alpha: layer 0: end=0; it can only have a layer that fires"),
        (with_neuron(ALPHA, tau=0.0), r"alpha: layer 0: tau=0\.0; .* end / 80 = 0\.4125 or more"),
        (with_neuron(ALPHA, tau=0.4), r"alpha: layer 0: tau=0\.4; .* end / 80 = 0\.4125 or more"),
        (with_layer(ALPHA, bias=True), r"alpha: layer 0: bias=True; it can only have bias=False"),
        (with_layer(ALPHA, dropout=0.1), r"alpha: layer 0: dropout=0\.1; it can only have dropout=0\.0"),
        (with_layer(ALPHA, kernel=3), r"alpha: layer 0: kernel=3; it can only have kernel=0"),
        (with_layer(ALPHA, spike_penalty=0.1), r"alpha: layer 0: spike_penalty=0\.1; "),
        (with_layer(ALPHA, silence_penalty=0.1), r"alpha: layer 0: silence_penalty=0\.1; "),
        (with_layer(ALPHA, batch_norm=1.0), r"alpha: layer 0: batch_norm=1\.0; "),
        (with_layer(ALPHA, centred=True), r"alpha: layer 0: centred=True; "),
        (with_neuron(ALPHA, current=2), r"alpha: layer 0: current=2; it can only have current=-1"),
        (with_neuron(LITERAL, leak=3), r"stdbp: layer 0: leak=3; it can only have leak=0"),
        (with_layer(CLIF, dropout=0.1), r"clif: layer 0: dropout=0\.1; it can only have dropout=0\.0"),
        ({**LITERAL, "freeze_out": 0.8}, r"stdbp: freeze_out=0\.8; it can only have freeze_out=0\.0"),
        ({**ALPHA, "backward_every": 2}, r"alpha: backward_every=2; it can only have backward_every=1"),
        ({**LITERAL, "steepness": 3.0}, r"stdbp: steepness=3\.0; it can only have steepness=10\.0"),
        ({**COUNT, "backward_every": 2}, r"count: backward_every=2; it can only have backward_every=1"),
        ({**TANDEM, "freeze_out": 0.8}, r"tandem: freeze_out=0\.8; it can only have freeze_out=0\.0"),
        ({**CLIF, "backward_every": 17}, r"clif: backward_every=17 is beyond the 16 steps that each layer"),
        (
            with_neuron(COUNT, slope="constant"),
            r"count: layer 0: slope='constant'; it can only have .*='psp'",
        ),
        (with_neuron(TANDEM, slope="constant"), r"tandem: layer 0: slope='constant'; it can only have "),
        (with_neuron(CLIF, slope="constant"), r"clif: layer 0: slope='constant'; it can only have .*='psp'"),
        (
            {**with_neuron(COUNT, end=17), "steps": 18},
            r"count: steps=18 less 16 charged levels and 2 layers leaves layers 0 steps",
        ),
        (
            {**with_neuron(TANDEM, end=17), "steps": 18},
            r"tandem: steps=18 less 16 charged levels and 2 layers leaves layers 0 ",
        ),
        (
            {**with_neuron(CLIF, end=1), "steps": 2, "levels": 1},
            r"clif: levels=1 are beyond T = 0, steps=2 less one a layer",
        ),
        (with_neuron(CLIF, current=16), r"clif: layer 0: current=16 is outside 0\.\.15"),
        (with_neuron(CLIF, leak=-1), r"clif: layer 0: leak=-1 is outside 0\.\.15"),
        (with_neuron(LITERAL, tau=8.0), r"stdbp: layer 0: tau=8\.0; it can only have tau=0\.0"),
    ],
)
def test_what_a_rule_cannot_have_is_one_line_with_its_name(changes, says):
    with pytest.raises(ConfigError, match=rf"quarters: rule {says}") as caught:
        small_config(**{"rows": 8, **changes})
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("rule", ["count", "tandem", "clif", "stdbp"])
def test_pooling_by_average_is_refused_by_the_rules_name(rule):
    table = {"name": "mine", "rule": rule, "layers": [{"neurons": 4, "kernel": 3, "pool": "average"}]}
    says = f"mine.toml: rule {rule}: layer 0: pool='average'; it can only have pool=true, by which of 2 x 2"
    with pytest.raises(ConfigError, match=says) as caught:
        parse(table, "mine.toml")
    assert len(str(caught.value).splitlines()) == 1
