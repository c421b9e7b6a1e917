"""Products over spikes, counts of a repeated current, sweeps in one pass: what the plain ways give."""

import numpy as np
import pytest
import torch
from support.quarters import CLIF, small_config
from yoso_sw.learn import family, sparse
from yoso_sw.learn.affine import Affine
from yoso_sw.learn.clif import surrogate
from yoso_sw.learn.clif.kernels import passed_back, passed_back_pooled, pooled, sweep
from yoso_sw.learn.clif.scan import scan
from yoso_sw.learn.clif.surrogate import highest, slope
from yoso_sw.learn.count.layer import CountLayer, fire, given
from yoso_sw.learn.count.repeated import count_repeated
from yoso_sw.learn.layer_config import LayerConfig, NeuronConfig
from yoso_sw.network.layer import Window
from yoso_sw.network.neuron import Neuron, Reset


def whole_numbers(*shape, low=-9, high=10, seed=1, dtype=torch.float32):
    return torch.randint(low, high, shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


def some(rows, axons, share, plain, seed=2, dtype=torch.float32):
    kept = torch.rand(rows, axons, generator=torch.Generator().manual_seed(seed)) < share
    return kept.to(dtype) * (1 if plain else whole_numbers(rows, axons, low=1, dtype=dtype))


# ---- products -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize("share", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("columns", [64, 65, 100, 200])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_products_of_whole_numbers_are_the_dense_ones(plain, share, columns, dtype):
    inputs = some(30, 50, share, plain, dtype=dtype)
    weights = whole_numbers(50, columns, dtype=dtype)
    gradient = whole_numbers(30, columns, seed=3, dtype=dtype)
    spikes = sparse.Spikes(inputs, plain)
    assert spikes.total == inputs.count_nonzero()
    assert torch.equal(spikes.product(weights), inputs @ weights)
    assert torch.equal(spikes.turned(gradient), inputs.T @ gradient)


@pytest.mark.parametrize("plain", [True, False])
def test_products_are_the_same_bits_on_any_number_of_threads(plain):
    inputs = some(400, 300, 0.2, plain)
    weights, gradient = torch.randn(300, 230), torch.randn(400, 230)
    found = []
    before = torch.get_num_threads()
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            spikes = sparse.Spikes(inputs, plain)
            found.append((spikes.product(weights), spikes.turned(gradient)))
    finally:
        torch.set_num_threads(before)
    for other in found[1:]:
        assert all(map(torch.equal, found[0], other))
    assert torch.allclose(found[0][0], inputs @ weights, rtol=1e-4, atol=1e-4)


def test_the_dense_product_is_taken_for_many_spikes_and_for_few_columns():
    few, many = some(30, 50, 0.1, True), some(30, 50, 0.6, True)
    assert sparse.spikes_of(few, 64) is not None
    assert sparse.spikes_of(many, 64) is None and sparse.spikes_of(few, 63) is None


@pytest.mark.parametrize("share", [0.1, 0.9])
@pytest.mark.parametrize("columns", [10, 70])
def test_a_product_with_a_bias_has_the_gradient_of_its_parts(share, columns):
    inputs = some(20, 40, share, False, dtype=torch.float64).reshape(20, 1, 40).requires_grad_()
    weights = whole_numbers(41, columns, dtype=torch.float64).requires_grad_()
    gradient = whole_numbers(20, 1, columns, seed=4, dtype=torch.float64)
    ours = Affine.apply(inputs, weights, 3.0)
    plain = inputs @ weights[:-1] + 3.0 * weights[-1]
    assert torch.equal(ours, plain)
    found = [torch.autograd.grad(own, (inputs, weights), gradient) for own in (ours, plain)]
    assert all(map(torch.equal, *found))


# ---- counts of a constant current -----------------------------------------------------------------------


@pytest.mark.parametrize("threshold", [1, 7])
def test_counts_of_a_repeated_current_are_those_of_its_trains(threshold):
    chip = small_config().chip
    current = torch.randn(60, 70, generator=torch.Generator().manual_seed(1)) * threshold
    trains = fire(current[:, None].expand(-1, 12, -1), threshold, chip)
    counts = count_repeated(current, threshold, chip, 12)
    assert torch.equal(counts, trains.sum(1)) and len(counts.unique()) == 13


def test_v_of_a_repeated_current_stays_within_the_chips():
    chip = small_config(pot_bits=8, acc_bits=8).chip
    current = torch.tensor([[120.0, -120.0, 100.0, 3.0]])
    trains = fire(current[:, None].expand(-1, 9, -1), 100, chip)
    assert torch.equal(count_repeated(current, 100, chip, 9), trains.sum(1))
    assert torch.equal(trains.sum(1), torch.tensor([[9.0, 0.0, 9.0, 0.0]]))


@pytest.mark.parametrize("whole", [False, True])
def test_a_constant_current_goes_through_its_weights_once_and_counts_as_its_trains_do(whole):
    """The layer's trains, made when they are asked for, have the counts that it gave."""
    layer = CountLayer(30, LayerConfig(70, NeuronConfig(start=9, end=21), bias=True, std=0.3), 12, 9, 8)
    if whole:
        layer.quantise()
    inputs = whole_numbers(40, 1, 30, low=0, high=9)
    result = layer(given(inputs, 12))
    assert torch.equal(result.trains.sum(1), result.counts.detach()) and result.sent == result.trains.sum()
    repeated = layer(given(inputs.expand(-1, 12, -1), 12))
    if whole:
        assert torch.equal(repeated.trains, result.trains)
        assert torch.equal(repeated.potentials, result.potentials)
    assert torch.allclose(repeated.potentials, result.potentials, rtol=1e-5, atol=1e-4)


# ---- sweeps of current-based leaky neurons --------------------------------------------------------------

DECAYS = [(2, 3), (1, 1), (0, 4), (3, 0), (0, 0), (15, 15)]


def arrived(dtype=torch.float32, scale=1.0):
    return whole_numbers(20, 10, 30, low=-6, high=12, dtype=dtype) * scale


@pytest.mark.parametrize(("current", "leak"), DECAYS)
@pytest.mark.parametrize("bias", [None, 1.5])
def test_float_sweeps_are_those_of_the_plain_scan_to_the_bit(current, leak, bias):
    neuron = Neuron(1, 1, 11, current=current, leak=leak, reset=Reset.SUBTRACT)
    own = None if bias is None else torch.linspace(-bias, bias, 30)
    ours = sweep(arrived(scale=0.37), neuron, 4.3, 13, own)
    plain = scan(arrived(scale=0.37), neuron, 4.3, 13, own)
    assert all(map(torch.equal, ours, plain)) and ours[0].sum() > 100


@pytest.mark.parametrize(("current", "leak"), DECAYS)
def test_whole_sweeps_are_the_familys_to_the_bit_and_saturate(current, leak):
    neuron = Neuron(23, 1, 11, current=current, leak=leak, reset=Reset.SUBTRACT)
    bias = torch.arange(-15.0, 15.0)
    for bits in (8, 16):
        chip = small_config(**{**CLIF, "acc_bits": bits, "pot_bits": bits, "weight_bits": 5}).chip
        given = arrived(scale=12.0)
        ours = sweep(given, neuron, 23.0, 13, bias, chip)
        assert all(map(torch.equal, ours, family.scan(given, neuron, chip, 13, bias)))


def test_sweeps_end_where_they_are_told_to_and_leave_nothing_behind():
    neuron = Neuron(1, 3, 9, current=2, leak=3, reset=Reset.SUBTRACT)
    fired, reached, v, _ = sweep(arrived(), neuron, 5.0, 13, None, None, 9)
    assert not fired[:, :3].any() and not fired[:, 9:].any() and fired[:, 3:9].any()
    assert not reached[:, :2].any() and not reached[:, 9:].any()
    last = reached[:, 8] - 5.0 * fired[:, 8]
    assert torch.equal(v, last)


def test_the_gradient_of_chosen_sweeps_is_the_surrogates():
    reached, gradient = torch.randn(9, 12, 30), torch.randn(9, 12, 30)
    sweeps = np.array([2, 3, 7])
    plain = gradient * (slope(reached / 4.0 - 1, 3.0) / 4.0)
    assert torch.equal(passed_back(gradient, reached, sweeps, 4.0, 3.0), plain[:, sweeps])
    same = gradient[:, :1].expand(-1, 12, -1)
    plain = same * (slope(reached / 4.0 - 1, 3.0) / 4.0)
    assert torch.equal(passed_back(same, reached, sweeps, 4.0, 3.0), plain[:, sweeps])


@pytest.mark.parametrize(("rows", "cols"), [(4, 6), (5, 7)], ids=["even", "odd"])
def test_pooled_spikes_and_their_gradient_are_the_highest_potentials(rows, cols):
    window = Window(rows + 2, cols + 2, 1, 3)
    reached = torch.randint(-9, 10, (9, 12, rows * cols * 3)).float()  # so few values that some are equal
    fired = (reached >= 4).float()
    assert torch.equal(pooled(fired, window), highest(fired, window))
    gradient, sweeps = torch.randn_like(highest(reached, window)), np.array([2, 3, 7])
    own = reached.clone().requires_grad_()
    surrogate.fire(highest(fired, window), highest(own, window), 4.0, 0, 12, 3.0).backward(gradient)
    found = passed_back_pooled(gradient, reached, sweeps, 4.0, 3.0, window)
    assert torch.equal(found, own.grad[:, sweeps]) and found.count_nonzero() == gradient[:, sweeps].numel()


def test_what_arrives_may_begin_with_the_step_of_the_first_sweep():
    neuron = Neuron(1, 3, 9, current=2, leak=3, reset=Reset.SUBTRACT)
    whole = arrived()
    later = sweep(whole[:, 2:], neuron, 5.0, 13, None, None, 9, 2)
    assert all(map(torch.equal, later, sweep(whole, neuron, 5.0, 13, None, None, 9)))
