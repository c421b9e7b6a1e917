"""Alpha-PSP: spike times against a fine grid, gradients against finite differences."""

import math

import numpy as np
import pytest
import torch
from support.finite_difference import numeric_gradient
from yoso_sw.learn.alpha import alpha
from yoso_sw.learn.first_weights import Normal
from yoso_sw.learn.layer_config import NeuronConfig
from yoso_sw.learn.stdbp import stdbp
from yoso_sw.learn.times import spike_time_loss

INF = float("inf")
TAU, END, THETA = 4.0, 20.0, 1.0


def some_layer(seed, axons=12, neurons=8, silent=2):
    """Random times (5, axons), some silent, and weights (axons, neurons), in double precision."""
    rng = np.random.default_rng(seed)
    times = rng.uniform(0, 10, (5, axons))
    times[:, rng.permutation(axons)[:silent]] = INF
    return torch.tensor(times), torch.tensor(rng.normal(0.25, 0.5, (axons, neurons)))


def fire(times, weights, threshold=THETA, tau=TAU, end=END):
    """One image, one neuron: spike time and potential."""
    fired, potential = alpha.spike_times(
        torch.tensor([times], dtype=torch.float64),
        torch.tensor([[weight] for weight in weights], dtype=torch.float64),
        threshold,
        tau,
        end,
    )
    return fired.item(), potential.item()


# ---- spike times -----------------------------------------------------------------------------------------


def test_the_kernel_is_equation_2():
    ages = torch.tensor([-INF, -1.0, 0.0, 2.0, TAU, 9.0], dtype=torch.float64)
    expected = [0, 0, 0, 0.5 * math.exp(0.5), 1, 2.25 * math.exp(-1.25)]
    assert alpha.psp(ages, TAU).tolist() == pytest.approx(expected)


@pytest.mark.parametrize("tau", [0.5, 3.0, 30.0])
@pytest.mark.parametrize("seed", range(4))
def test_a_neuron_fires_where_its_potential_first_reaches_the_threshold(seed, tau):
    times, weights = some_layer(seed)
    fired, potential = alpha.spike_times(times, weights, THETA, tau, END)
    points = 8001
    grid = torch.linspace(0, END - 1e-9, points, dtype=torch.float64)
    over = torch.stack([alpha.potentials(times, weights, tau, float(now)) for now in grid]) >= THETA
    first = torch.where(over.any(0), grid[over.int().argmax(0)], INF)
    same = (fired == first) | ((fired - first).abs() <= END / (points - 1) + 1e-9)
    for image, neuron in torch.nonzero(~same).tolist():  # a peak between two points of the grid
        assert fired[image, neuron] < first[image, neuron]
    assert same.float().mean() > 0.95
    for image, neuron in torch.nonzero(fired.isfinite()).tolist():
        reached = alpha.potentials(times[image], weights[:, neuron], tau, float(fired[image, neuron]))
        assert reached == pytest.approx(THETA, abs=1e-12)
        assert potential[image, neuron] == THETA
    at_end = alpha.potentials(times, weights, tau, END)
    assert torch.allclose(potential[fired.isinf()], at_end[fired.isinf()])
    assert 0 < fired.isfinite().float().mean() < 1


def test_one_spike_crosses_where_lamberts_w_says():
    # w s/tau exp(1 - s/tau) = theta has s = -tau W(-theta / (w e)); W(-1/4 exp(-1/4)) = -1/4 gives s = tau/4.
    weight = THETA * 4 * math.exp(-0.75)
    fired, _ = fire([3.0], [weight])
    assert fired == pytest.approx(3 + TAU / 4, rel=1e-14)


def test_no_input_spikes():
    assert fire([INF, INF], [5.0, 5.0]) == (INF, 0)


def test_a_peak_just_below_the_threshold_stays_silent_and_just_above_fires():
    assert fire([1.0], [THETA * (1 - 1e-9)])[0] == INF
    fired, _ = fire([1.0], [THETA * (1 + 1e-9)])
    assert fired == pytest.approx(1 + TAU, rel=1e-4) and fired < 1 + TAU


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("ulps", [0, 1, 2, 4, 8])
@pytest.mark.parametrize("threshold", [0.3, 0.7, 1.0, 2.1])
def test_a_peak_that_touches_the_threshold_explodes_but_stays_a_number(threshold, ulps, dtype):
    # Rounding decides whether it fires and whether V' is 0 there; neither may show as inf or nan.
    times = torch.zeros(1, 1, dtype=dtype, requires_grad=True)
    weights = torch.tensor(
        [[threshold * (1 + ulps * torch.finfo(dtype).eps)]], dtype=dtype, requires_grad=True
    )
    fired, _ = alpha.spike_times(times, weights, threshold, TAU, END)
    assert fired.isfinite().item() or ulps < 2
    if fired.isfinite():
        fired.sum().backward()
        assert fired.item() == pytest.approx(TAU, rel=3e-3)
        assert weights.grad.isfinite().all() and times.grad.isfinite().all()
        assert weights.grad.item() < -1e2 * TAU


def test_simultaneous_spikes_act_as_one():
    assert fire([2.0, 2.0], [0.8, 0.7]) == fire([2.0], [1.5])


def test_inhibition_at_once_is_never_crossed_through():
    # Excitation that alone would cross, and inhibition of the same moment that outweighs it.
    assert fire([2.0, 2.0], [3.0, -2.5])[0] == INF


def test_inhibition_after_the_crossing_comes_too_late_and_before_it_in_time():
    alone, _ = fire([0.0], [2.0])
    assert fire([0.0, alone + 0.01], [2.0, -9.0])[0] == alone
    assert fire([0.0, alone - 0.3], [2.0, -9.0])[0] == INF


def test_deep_inhibition_that_decays_lets_a_late_spike_through():
    times, weights, threshold = [0.0, 1.0], [-5000.0, 4000.0], 1e-3
    fired, _ = fire(times, weights, threshold, end=80.0)
    assert 9 * TAU < fired < 11 * TAU
    reached = alpha.potentials(torch.tensor([times]), torch.tensor([[w] for w in weights]), TAU, fired)
    assert reached.item() == pytest.approx(threshold, rel=1e-2)


def test_the_window_ends_before_its_end_and_later_inputs_do_not_count():
    fired, _ = fire([3.0], [2.0])
    assert fire([3.0], [2.0], end=fired * (1 + 1e-12))[0] == fired
    assert fire([3.0], [2.0], end=fired)[0] == INF
    assert fire([END, END + 1], [9.0, 9.0]) == (INF, 0)


def test_an_input_at_step_0_counts():
    assert fire([0.0], [2.0])[0] == pytest.approx(fire([3.0], [2.0])[0] - 3)


def test_with_a_long_time_constant_the_neuron_is_a_rel_psp_neuron():
    # eps(s) tends to e s / tau, the ReL-PSP in other units.
    times, weights = some_layer(3)
    tau = 1e7
    ours, _ = alpha.spike_times(times, weights, 5.0 * math.e / tau, tau, END)
    rel, _ = stdbp.spike_times(times, weights, 5.0, 0, int(END), int(END) - 1)
    assert torch.equal(ours.isinf(), rel.isinf())
    assert torch.allclose(ours, rel, rtol=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_single_precision_fires_as_double_does(seed):
    rng = np.random.default_rng(seed)
    times = np.floor(rng.uniform(0, 16, (20, 300)))
    weights = rng.normal(0.02, 0.06, (300, 50)) * 8 / math.e
    fired = [
        alpha.spike_times(
            torch.tensor(times, dtype=dtype), torch.tensor(weights, dtype=dtype), 2.0, 16.0, 40.0
        )[0]
        for dtype in (torch.float32, torch.float64)
    ]
    same = (fired[0].double() - fired[1]).abs().nan_to_num(0) < 1e-3  # inf - inf: both silent
    assert same.float().mean() > 0.999  # but where V comes within rounding of the threshold


@pytest.mark.parametrize("name", ["threshold", "tau", "end"])
def test_rules_that_are_not_positive_are_refused_by_name(name):
    rule = {"threshold": 1.0, "tau": 4.0, "end": 20.0, name: 0.0}
    with pytest.raises(ValueError, match=name):
        alpha.spike_times(torch.zeros(1, 1), torch.ones(1, 1), **rule)


def test_a_window_beyond_80_time_constants_is_refused():
    with pytest.raises(ValueError, match="80 time constants"):
        alpha.spike_times(torch.zeros(1, 1), torch.ones(1, 1), 1.0, 0.1, 20.0)


# ---- gradients -------------------------------------------------------------------------------------------


def test_the_gradient_is_equations_4_to_7():
    times = torch.tensor([[1.0, 2.0, 9.0]], dtype=torch.float64, requires_grad=True)
    weights = torch.tensor([[1.0], [0.7], [5.0]], dtype=torch.float64, requires_grad=True)
    fired, _ = alpha.spike_times(times, weights, THETA, TAU, END)
    fired.sum().backward()
    ages = [fired.item() - t for t in (1.0, 2.0)]
    rises = [math.exp(1 - s / TAU) * (TAU - s) / TAU**2 for s in ages]  # eq. 7
    slope = 1.0 * rises[0] + 0.7 * rises[1]  # the denominator of eq. 6
    by_weight = [-s / TAU * math.exp(1 - s / TAU) / slope for s in ages]
    assert weights.grad.squeeze().tolist() == pytest.approx([*by_weight, 0])
    assert times.grad.squeeze().tolist() == pytest.approx([rises[0] / slope, 0.7 * rises[1] / slope, 0])


@pytest.mark.parametrize("tau", [2.0, 4.0, 16.0])
@pytest.mark.parametrize("seed", range(4))
def test_the_gradient_of_spike_times_is_the_finite_difference(seed, tau):
    times, weights = some_layer(seed)
    weighting = torch.tensor(np.random.default_rng(seed).normal(size=(5, 8)))

    def cost(t, w):
        fired, _ = alpha.spike_times(t, w, THETA, tau, END)
        return (weighting * torch.where(fired.isfinite(), fired, 0)).sum()

    times.requires_grad_()
    weights.requires_grad_()
    cost(times, weights).backward()
    t, w = times.detach(), weights.detach()
    assert weights.grad.abs().max() > 1e-2 and times.grad.abs().max() > 1e-2
    assert torch.allclose(weights.grad, numeric_gradient(lambda x: cost(t, x), w), atol=1e-5, rtol=1e-4)
    assert torch.allclose(times.grad, numeric_gradient(lambda x: cost(x, w), t), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("seed", range(3))
def test_the_gradient_through_two_layers_is_the_finite_difference(seed):
    times, _ = some_layer(seed)
    generator = torch.Generator().manual_seed(seed)
    neuron = NeuronConfig(threshold=THETA, tau=TAU, end=int(END))
    layers = torch.nn.Sequential(
        alpha.AlphaDense(12, 8, neuron, Normal(0.3, 0.4, generator)),
        alpha.AlphaDense(8, 3, neuron, Normal(0.6, 0.4, generator)),
    ).double()
    labels = torch.tensor([0, 1, 2, 0, 1])

    def cost(first):
        hidden, _ = alpha.spike_times(times, first, THETA, TAU, END)
        fired, _ = layers[1](hidden)
        return spike_time_loss(fired, labels, END, 2.0)

    hidden, _ = layers[0](times)
    fired, _ = layers[1](hidden)
    assert fired.isfinite().float().mean() > 0.5
    spike_time_loss(fired, labels, END, 2.0).backward()
    expected = numeric_gradient(cost, layers[0].weight.detach())
    assert expected.abs().max() > 1e-3
    assert torch.allclose(layers[0].weight.grad, expected, atol=1e-5, rtol=1e-4)


def test_a_silent_neuron_passes_no_gradient():
    # The second neuron peaks below the threshold: nothing comes back through it, as in the paper.
    times = torch.tensor([[0.0, 1.0]], requires_grad=True)
    weights = torch.tensor([[0.9, 0.3], [0.9, 0.3]], requires_grad=True)
    fired, _ = alpha.spike_times(times, weights, THETA, TAU, END)
    assert 1 < fired[0, 0] < END and fired[0, 1] == INF
    spike_time_loss(fired, torch.tensor([1]), END, 1.0).backward()
    assert weights.grad[:, 0].all() and not weights.grad[:, 1].any()


def test_a_silent_layer_passes_no_gradient_and_no_nan():
    times = torch.tensor([[0.0, INF], [INF, INF]], requires_grad=True)
    weights = torch.tensor([[0.1, -1.0], [0.1, 0.2]], requires_grad=True)
    fired, _ = alpha.spike_times(times, weights, THETA, TAU, END)
    assert fired.isinf().all()
    spike_time_loss(fired, torch.tensor([0, 1]), END, 1.0).backward()
    assert not weights.grad.any() and not times.grad.any()


def test_spikes_after_a_neurons_own_pass_no_gradient():
    times = torch.tensor([[0.0, 9.0, INF]], requires_grad=True)
    weights = torch.tensor([[2.0], [2.0], [2.0]], requires_grad=True)
    fired, _ = alpha.spike_times(times, weights, THETA, TAU, END)
    fired.sum().backward()
    assert weights.grad[0] < 0 and not weights.grad[1:].any()
    assert times.grad[0, 0] == pytest.approx(1, rel=1e-5) and not times.grad[0, 1:].any()


def test_the_gradient_grows_without_bound_towards_the_peak():
    # One weight w fires at s with tau V' = theta (tau / s - 1): the closer to the peak, the larger dt/dw.
    steep = []
    for excess in (1.0, 1e-2, 1e-4, 1e-6):
        weights = torch.tensor([[1 + excess]], dtype=torch.float64, requires_grad=True)
        fired, _ = alpha.spike_times(torch.zeros(1, 1).double(), weights, THETA, TAU, END)
        fired.sum().backward()
        steep.append(abs(weights.grad.item()))
        s = fired.item()
        expected = math.exp(1 - s / TAU) * s / TAU / (THETA / TAU * (TAU / s - 1))
        assert steep[-1] == pytest.approx(expected, rel=1e-6)
    assert steep == sorted(steep) and steep[-1] > 1e3


def test_the_module_says_what_it_is_and_repeats_its_first_weights():
    neuron = NeuronConfig(threshold=2.0, tau=8.0, end=40)
    one, two = (
        alpha.AlphaDense(30, 20, neuron, Normal(0.1, 0.01, torch.Generator().manual_seed(1)))
        for _ in range(2)
    )
    assert torch.equal(one.weight, two.weight) and one.weight.mean().item() == pytest.approx(0.1, abs=1e-2)
    assert "30, 20, NeuronConfig(slope='psp', threshold=2.0" in repr(one) and "tau=8.0" in repr(one)
