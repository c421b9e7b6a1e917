"""The network file: what is written is read, and anything else is refused by name."""

import dataclasses
import itertools
import json
import zipfile

import numpy as np
import pytest
from yoso_hw.params import ChipParams
from yoso_sw.network.network import NEVER, Layer, Network, NetworkError
from yoso_sw.network.neuron import CLEARED, KEPT, Neuron, Reset
from yoso_sw.network.zoo import NETWORKS


def layer(inputs=4, neurons=3, **fields) -> Layer:
    weights = np.arange(inputs * neurons, dtype=np.int8).reshape(inputs, neurons) - 5
    own = {one.name for one in dataclasses.fields(Neuron)} & set(fields)
    neuron = Neuron(**{"threshold": 7, "start": 0, "end": 8, **{name: fields.pop(name) for name in own}})
    return Layer(**{"weights": weights, "neuron": neuron, **fields})


def network(*layers, **fields) -> Network:
    return Network(**{"name": "net", "layers": layers or (layer(),), "steps": 8, "levels": 8, **fields})


def test_a_saved_network_loads_to_the_same_network(tmp_path):
    saved = network(
        layer(5, 3, bias=True), layer(3, 2, slope=4, start=2, end=6), about={"seed": 3, "note": "é"}
    )
    saved.save(tmp_path / "net.npz")
    loaded = Network.load(tmp_path / "net.npz")
    assert (loaded.name, loaded.steps, loaded.levels, loaded.decision, loaded.weight_bits, loaded.about) == (
        *("net", 8, 8, "ttfs", 8),
        {"seed": 3, "note": "é"},
    )
    for ours, theirs in zip(saved.layers, loaded.layers, strict=True):
        np.testing.assert_array_equal(ours.weights, theirs.weights)
        assert (ours.neuron, ours.bias) == (theirs.neuron, theirs.bias)
    assert [path.name for path in tmp_path.iterdir()] == ["net.npz"]


def stamp(path):
    """Changes with every write, be it of the same bytes."""
    return path.stat().st_ino, path.stat().st_mtime_ns


@pytest.mark.parametrize("name", ["mnist-784-100-10", "mnist-784-400-10-plain", "mnist-784-800-10"])
def test_a_committed_network_that_is_trained_to_the_same_stays_untouched(tmp_path, name):
    """Files of formats 1 to 3, which say the same in other words."""
    path = tmp_path / "net.npz"
    path.write_bytes((NETWORKS / f"{name}.npz").read_bytes())
    before = stamp(path)
    Network.load(NETWORKS / f"{name}.npz").save(path)
    assert stamp(path) == before


def test_whatever_is_another_network_is_written_over_the_old_one(tmp_path):
    path, old = tmp_path / "net.npz", network(layer(5, 3, bias=True), layer(3, 2))
    weights = old.layers[1].weights.copy()
    weights[2, 1] += 1
    others = [
        dataclasses.replace(old, about={"seed": 4}),
        dataclasses.replace(old, layers=(*old.layers, layer(2, 2))),
        dataclasses.replace(old, layers=(old.layers[0], dataclasses.replace(old.layers[1], weights=weights))),
        dataclasses.replace(old, layers=(old.layers[0], layer(3, 2, threshold=8))),
    ]
    for other in others:
        old.save(path)
        before = stamp(path)
        old.save(path)
        assert stamp(path) == before
        other.save(path)
        assert stamp(path) != before and not old._is_in(path) and other._is_in(path)


@pytest.mark.parametrize("content", [b"", b"no network"])
def test_a_network_is_written_over_a_file_that_is_none(tmp_path, content):
    (tmp_path / "net.npz").write_bytes(content)
    network().save(tmp_path / "net.npz")
    assert network()._is_in(tmp_path / "net.npz")


def test_numpy_numbers_from_a_trainer_can_be_saved(tmp_path):
    network(layer(threshold=np.int64(9), end=np.int32(8), bias=np.bool_(True))).save(tmp_path / "net.npz")
    loaded = Network.load(tmp_path / "net.npz")
    assert loaded.layers[0].neuron.threshold == 9 and loaded.layers[0].bias is True


def test_the_bias_is_an_axon_and_no_input():
    assert (layer(5, 3, bias=True).inputs, layer(5, 3).inputs) == (4, 5)
    assert network(layer(5, 3, bias=True), layer(3, 2)).shape == "4-3-2"


@pytest.mark.parametrize(
    ("layers", "fields", "message"),
    [
        ((layer(),), {"decision": "rate"}, "decision='rate'"),
        ((layer(),), {"weight_bits": 9}, "weight_bits=9"),
        ((layer(),), {"weight_bits": 3}, "layer 0: weights -5..6 do not fit 3 bits"),
        ((layer(),), {"steps": 1, "levels": 1}, "steps=1"),
        ((layer(),), {"steps": NEVER}, f"steps={NEVER}"),
        ((layer(),), {"levels": 9}, "levels=9"),
        ((layer(),), {"levels": 0}, "levels=0"),
        ((layer(),), {"steps": 300, "levels": 257}, "levels=257"),
        ((layer(threshold=0),), {}, "layer 0: threshold=0"),
        ((layer(slope=-1),), {}, "layer 0: slope=-1"),
        ((layer(start=-1),), {}, "starts at -1"),
        ((layer(end=9),), {}, "ends at 9"),
        ((layer(1, 3, bias=True),), {}, r"shape \(1, 3\)"),
        ((layer(weights=np.zeros((2, 0), np.int8)),), {}, "shape"),
        ((layer(weights=np.zeros((2, 2), np.int16)),), {}, "int16"),
        ((layer(weights=np.zeros(4, np.int8)),), {}, "matrix"),
        ((layer(), layer()), {}, "layer 1 has 4 inputs and layer 0 3 neurons"),
        ((layer(),), {"decision": "softmax"}, "window must be empty"),
        ((layer(),), {"code": "morse"}, "code='morse'"),
        ((layer(current=-2),), {}, "layer 0: current=-2 is none of kept, cleared and 1..15"),
        ((layer(current=16),), {}, "layer 0: current=16"),
        ((layer(leak=-1),), {}, "layer 0: leak=-1"),
        ((layer(leak=16),), {}, "layer 0: leak=16"),
        ((layer(charge=8),), {}, r"layer 0: charge=8 is outside 0\.\.7"),
        ((layer(charge=-1),), {}, "layer 0: charge=-1"),
    ],
)
def test_parts_that_do_not_fit_are_refused_by_name(layers, fields, message):
    with pytest.raises(NetworkError, match=message):
        network(*layers, **fields)


#: Hidden neurons, and output neurons of each decision.
RATE = {"reset": Reset.SUBTRACT}
CHARGED = {**RATE, "charge": 3, "start": 4}
OUTPUT = {"ttfs": {}, "count": RATE, "softmax": {"reset": Reset.NEVER}}


@pytest.mark.parametrize(
    ("neuron", "message"),
    [
        ({"slope": 2, "current": CLEARED}, "slope=2 needs a current that is kept"),
        ({"slope": 2, "current": 3}, "slope=2 needs a current that is kept"),
        ({"slope": 2, "leak": 1}, "slope=2 needs no leak"),
        ({"slope": 2, "reset": Reset.SUBTRACT}, "slope=2 needs reset once"),
        ({"slope": 2, "reset": Reset.ZERO}, "slope=2 needs reset once"),
        ({"slope": 2, "reset": Reset.NEVER}, "slope=2 needs reset once"),
        ({**CHARGED, "slope": 2, "reset": Reset.ONCE}, "slope=2 needs no charge"),
        ({**CHARGED, "current": CLEARED}, "charge=3 needs a current that is kept"),
        ({**CHARGED, "current": 1}, "charge=3 needs a current that is kept"),
        ({**CHARGED, "leak": 1}, "charge=3 needs no leak"),
        ({**CHARGED, "reset": Reset.ONCE}, "charge=3 needs reset subtract, zero or never"),
        ({**CHARGED, "start": 3}, "charge=3 needs a window that starts after it, not at 3"),
        ({**CHARGED, "start": 0}, "charge=3 needs a window that starts after it, not at 0"),
        ({"current": CLEARED, "bias": True}, "a bias of a current that is not kept .* start=0"),
        ({"current": 4, "bias": True}, "a bias of a current that is not kept .* start=0"),
    ],
)
def test_a_set_of_the_family_that_nobody_needs_is_refused(neuron, message):
    with pytest.raises(NetworkError, match=f"layer 0: .*{message}"):
        network(layer(4, 3, **neuron), layer(3, 2), levels=3)


@pytest.mark.parametrize(
    ("layers", "fields", "message"),
    [
        ((layer(4, 3), layer(3, 2, **CHARGED)), {"decision": "count"}, "layer 1: .* only the first layer"),
        ((layer(**CHARGED),), {"decision": "count", "levels": 4}, "as many levels at most, not ttfs with 4"),
        ((layer(**CHARGED),), {"decision": "count", "levels": 3, "code": "rate"}, "not rate with 3"),
        ((layer(**CHARGED),), {"decision": "count", "levels": 3, "code": "events"}, "not events with 3"),
        *(
            ((layer(reset=reset),), {"decision": "ttfs"}, f"must be once, not {reset.name.lower()}")
            for reset in (Reset.SUBTRACT, Reset.ZERO, Reset.NEVER)
        ),
        *(
            ((layer(reset=reset),), {"decision": "count"}, f"subtract or zero, not {reset.name.lower()}")
            for reset in (Reset.ONCE, Reset.NEVER)
        ),
        *(
            ((layer(reset=reset),), {"decision": "softmax"}, "window must be empty, or its reset never")
            for reset in (Reset.ONCE, Reset.SUBTRACT, Reset.ZERO)
        ),
    ],
)
def test_a_decision_or_a_charge_that_does_not_fit_is_refused(layers, fields, message):
    with pytest.raises(NetworkError, match=message):
        network(*layers, **fields)


def test_every_other_set_of_the_family_is_legal():
    """The table of docs/arithmetic.md, turned round; a bias, a window and a code that fit come with it."""
    made = 0
    for current, leak, reset, charge, slope, bias, decision, last in itertools.product(
        *((KEPT, CLEARED, 2), (0, 3), Reset, (0, 3), (0, 2), (False, True), OUTPUT, (False, True))
    ):
        plain = current == KEPT and not leak
        legal = not slope or (plain and reset is Reset.ONCE and not charge)
        legal &= not charge or (plain and reset is not Reset.ONCE)
        if last:
            allowed = {"ttfs": {Reset.ONCE}, "count": {Reset.SUBTRACT, Reset.ZERO}, "softmax": {Reset.NEVER}}
            legal &= reset in allowed[decision]
        own = layer(
            *(4 + bias, 3),
            **{"current": current, "leak": leak, "reset": reset, "charge": charge, "slope": slope},
            **{"start": 4, "bias": bias},
        )
        layers = (own,) if last else (own, layer(3, 2, **OUTPUT[decision]))
        try:
            network(*layers, levels=3, decision=decision)
        except NetworkError:
            assert not legal
        else:
            assert legal
            made += 1
    assert made > 100


def test_a_file_says_the_whole_family(tmp_path):
    layers = (
        layer(5, 3, **CHARGED, bias=True),
        layer(3, 3, current=CLEARED, leak=15, reset=Reset.ZERO, start=1),
        layer(4, 3, current=15, reset=Reset.ONCE, start=1, bias=True),
        layer(3, 2, leak=2, reset=Reset.SUBTRACT),
    )
    saved = network(*layers, levels=3, decision="count")
    saved.save(tmp_path / "net.npz")
    loaded = Network.load(tmp_path / "net.npz")
    assert [own.neuron for own in loaded.layers] == [own.neuron for own in layers]
    assert (loaded.decision, loaded.code) == ("count", "ttfs")
    assert not loaded.rel_psp and not loaded.fires_once and loaded.chip.neuron == "all"
    events = network(layer(**RATE), decision="count", code="events")
    events.save(tmp_path / "events.npz")
    assert Network.load(tmp_path / "events.npz").code == "events"


def rewritten(path, change):
    """The file with its text changed."""
    with np.load(path) as arrays:
        contents = dict(arrays)
    meta = json.loads(contents["network"].tobytes())
    change(meta)
    contents["network"] = np.frombuffer(json.dumps(meta).encode(), np.uint8)
    np.savez(path, **contents)


@pytest.mark.parametrize("version", range(1, 5))
def test_a_file_of_an_older_format_is_the_paper_s_neuron(tmp_path, version):
    def older(meta):
        meta["format"] = version
        del meta["code"]
        for entry in meta["layers"]:
            for name in ("current", "leak", "reset", "charge"):
                del entry["neuron"][name]
            if version < 4:
                entry.update(entry.pop("neuron"))
            if version < 2:
                del entry["window"], entry["pool"]
        if version < 3:
            del meta["acc_bits"], meta["pot_bits"]

    saved = network(layer(5, 3, bias=True), layer(3, 2, slope=4, start=2))
    saved.save(tmp_path / "net.npz")
    rewritten(tmp_path / "net.npz", older)
    loaded = Network.load(tmp_path / "net.npz")
    assert loaded.rel_psp and loaded.fires_once and loaded.code == "ttfs" and loaded.chip == ChipParams()
    assert [own.neuron for own in loaded.layers] == [own.neuron for own in saved.layers]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("reset", "sometimes", "reset='sometimes' is none of once, subtract, zero, never"),
        ("reset", 1, "reset=1 is none of once"),
        ("current", "lost", "current='lost' is none of kept, cleared"),
        ("current", 0, "current=0 is none of kept, cleared, 1, 2"),
        ("current", -1, "current=-1 is none of"),
        ("leak", "none", "leak='none'"),
        ("leak", 1.5, "leak=1.5"),
        ("charge", True, "charge=True"),
        ("colour", 3, "has colour, which this program does not know"),
    ],
)
def test_a_word_that_is_no_neurons_is_refused(tmp_path, key, value, message):
    network().save(tmp_path / "net.npz")
    rewritten(tmp_path / "net.npz", lambda meta: meta["layers"][0]["neuron"].update({key: value}))
    with pytest.raises(NetworkError, match=message):
        Network.load(tmp_path / "net.npz")


def test_a_decay_of_current_is_a_number_in_the_file(tmp_path):
    network(layer(current=7)).save(tmp_path / "net.npz")
    with np.load(tmp_path / "net.npz") as arrays:
        entry = json.loads(arrays["network"].tobytes())["layers"][0]["neuron"]
    assert (entry["current"], entry["reset"], entry["leak"]) == (7, "once", 0)


def test_widths_of_adders_are_kept_and_older_files_have_the_default_chips(tmp_path):
    path = tmp_path / "net.npz"
    network(acc_bits=18, pot_bits=22).save(path)
    chip = Network.load(path).chip
    assert (chip.acc_bits, chip.pot_bits) == (18, 22)
    with np.load(path) as arrays:
        contents = dict(arrays)
    meta = json.loads(contents["network"].tobytes())
    del meta["acc_bits"], meta["pot_bits"]
    for entry in meta["layers"]:  # the neuron's keys among the layer's
        entry.update(entry.pop("neuron"))
    contents["network"] = np.frombuffer(json.dumps(meta | {"format": 2}).encode(), np.uint8)
    np.savez(path, **contents)
    assert Network.load(path).chip == ChipParams()


def test_adders_narrower_than_what_they_add_are_refused():
    for widths in ({"acc_bits": 3}, {"acc_bits": 20, "pot_bits": 19}, {"pot_bits": 33}):
        with pytest.raises(NetworkError, match="acc_bits"):
            network(**widths)


def test_a_network_without_layers_is_refused():
    with pytest.raises(NetworkError, match="no layers"):
        Network("empty", (), 8, 8)


def test_a_softmax_network_has_an_empty_output_window():
    assert network(layer(start=3, end=3), decision="softmax").decision == "softmax"


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(NetworkError, match="no network file"):
        Network.load(tmp_path / "nowhere.npz")


def test_a_file_cut_anywhere_is_refused(tmp_path):
    path = tmp_path / "net.npz"
    network().save(path)
    contents = path.read_bytes()
    for size in range(0, len(contents), 7):
        path.write_bytes(contents[:size])
        with pytest.raises(NetworkError):
            Network.load(path)


def test_a_file_with_a_wrong_byte_is_refused_or_means_the_same(tmp_path):
    path = tmp_path / "net.npz"
    network(layer(40, 30, weights=np.ones((40, 30), np.int8))).save(path)
    contents = path.read_bytes()
    for place in range(0, len(contents), 3):
        wrong = bytearray(contents)
        wrong[place] ^= 0x41
        path.write_bytes(bytes(wrong))
        try:
            loaded = Network.load(path)
        except NetworkError:
            continue
        assert (
            (loaded.layers[0].weights == 1).all()
            and loaded.layers[0].neuron.threshold == 7
            and loaded.steps == 8
        )


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("format", 99, "format 99"),
        ("steps", "many", "not a whole"),
        ("layers", [{}], "not a whole"),
        ("layers", None, "not a whole"),
        ("about", 3, "not a whole"),
        ("levels", 99, "levels=99"),
    ],
)
def test_a_file_with_other_contents_is_refused(tmp_path, key, value, message):
    path = tmp_path / "net.npz"
    network().save(path)
    with np.load(path) as arrays:
        contents = dict(arrays)
    meta = json.loads(contents["network"].tobytes())
    meta[key] = value
    contents["network"] = np.frombuffer(json.dumps(meta).encode(), np.uint8)
    np.savez(path, **contents)
    with pytest.raises(NetworkError, match=message):
        Network.load(path)


def test_other_files_are_no_networks(tmp_path):
    np.save(tmp_path / "array.npy", np.zeros(3))
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    np.savez(tmp_path / "object.npz", network=np.array([{}], dtype=object))
    (tmp_path / "text.npz").write_text("hello")
    with zipfile.ZipFile(tmp_path / "zip.npz", "w") as archive:
        archive.writestr("network", "x")
    for path in sorted(tmp_path.iterdir()):
        with pytest.raises(NetworkError):
            Network.load(path)
