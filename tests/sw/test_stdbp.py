"""STDBP: spike times, their gradients and decisions (`test_stdbp_golden`: beside the golden model)."""

import numpy as np
import pytest
import torch
from support.finite_difference import numeric_gradient
from yoso_sw.learn.stdbp import plain, stdbp
from yoso_sw.learn.times import decide, spike_time_loss

INF = float("inf")


def some_layer(seed, axons=12, neurons=8, silent=2, whole_inputs=False):
    """Random times (5, axons), some silent, and weights (axons, neurons), in double precision."""
    rng = np.random.default_rng(seed)
    times = rng.uniform(0, 10, (5, axons))
    times = np.floor(times) if whole_inputs else times
    times[:, rng.permutation(axons)[:silent]] = INF
    return torch.tensor(times), torch.tensor(rng.normal(0.3, 0.6, (axons, neurons)))


# ---- forward, continuous time ----------------------------------------------------------------------------


@pytest.mark.parametrize(("start", "end"), [(0, 20), (6, 14), (9, 10)])
@pytest.mark.parametrize("seed", range(4))
def test_a_neuron_fires_where_its_potential_first_reaches_the_threshold(seed, start, end):
    times, weights = some_layer(seed)
    fired, potential = stdbp.spike_times(times, weights, 5.0, start, end, 20)
    grid = torch.linspace(start, end - 1e-6, 4001, dtype=torch.float64)
    over = torch.stack([stdbp.potentials(times, weights, float(now)) for now in grid]) >= 5.0
    first = torch.where(over.any(0), grid[over.int().argmax(0)], INF)
    same = (fired == first) | ((fired - first).abs() <= (end - start) / 4000 + 1e-6)
    assert same.all()
    for image, neuron in torch.nonzero(fired.isfinite() & (fired > start)).tolist():
        reached = stdbp.potentials(times[image], weights[:, neuron], float(fired[image, neuron]))
        assert reached == pytest.approx(5.0)
    at_last = stdbp.potentials(times, weights, 20.0)
    assert torch.allclose(potential[fired.isinf()], at_last[fired.isinf()])


def test_equation_11_gives_the_spike_time():
    times, weights = torch.tensor([[1.0, 2.0, 9.0]]), torch.tensor([[2.0], [1.0], [5.0]])
    fired, _ = stdbp.spike_times(times, weights, 8.0, 0, 20, 19)
    assert fired.item() == pytest.approx((8 + 2 * 1 + 1 * 2) / (2 + 1))


@pytest.mark.parametrize("slope", [1e-3, 1e-4, 1e-5])
def test_a_spike_never_comes_before_the_one_that_lets_it_cross(slope):
    """V stops just below theta and goes on with next to no slope: where rounding tells most."""
    generator = torch.Generator().manual_seed(1)
    stops = 32 - 4e-5 * torch.rand(2000, generator=generator)
    times = torch.stack([torch.zeros(2000), stops, stops + 1], dim=1)[stops < 32]
    weights = torch.tensor([[1.0], [slope - 1.0], [1.0]])
    fired, _ = stdbp.spike_times(times, weights, 32.0, 0, 64, 63)
    assert len(times) > 1900 and fired.isfinite().all() and (fired[:, 0] >= times[:, 1]).all()


@pytest.mark.parametrize("seed", range(3))
def test_whole_steps_are_continuous_time_rounded_up(seed):
    rng = np.random.default_rng(seed)
    times = torch.tensor(rng.integers(0, 12, (20, 30)).astype(np.float32))
    weights = torch.tensor(rng.integers(-10, 16, (30, 25)).astype(np.float32))
    real, _ = stdbp.spike_times(times, weights, 300, 4, 25, 24)
    whole, _ = stdbp.spike_times(times, weights, 300, 4, 25, 24, whole=True)
    assert torch.equal(whole, torch.where(real.ceil() < 25, real.ceil(), INF))
    assert 0.2 < whole.isfinite().float().mean() < 1


@pytest.mark.parametrize("opening", [-900, -1, 0, 1, 36, 37, 38, 591, 592, 593, 5000])
def test_a_constant_slope_fires_as_the_arithmetic_says(opening):
    theta, c, s, e = 629, 37, 16, 32
    step = s + max(1, -((opening - theta) // c)) - 1
    fired = stdbp.ramp_times(torch.tensor([float(opening)]), theta, c, s, e, whole=True)
    assert fired.item() == (step if step < e else INF)


# ---- gradients -------------------------------------------------------------------------------------------


def test_the_gradient_is_equations_13_and_14():
    times = torch.tensor([[1.0, 2.0, 9.0]], requires_grad=True)
    weights = torch.tensor([[2.0], [1.0], [5.0]], requires_grad=True)
    fired, _ = stdbp.spike_times(times, weights, 8.0, 0, 20, 19)
    fired.sum().backward()
    t = fired.item()
    assert weights.grad.squeeze().tolist() == pytest.approx([(1 - t) / 3, (2 - t) / 3, 0])
    assert times.grad.squeeze().tolist() == pytest.approx([2 / 3, 1 / 3, 0])


def test_a_floor_under_the_slope_bounds_the_gradient_of_a_spike_that_grazes_the_threshold():
    def gradients(min_slope):
        times = torch.tensor([[0.0, 4.0]], requires_grad=True)
        weights = torch.tensor([[2.0, 2.0], [-1.9, 2.0]], requires_grad=True)  # slopes 0.1 and 4 at the spike
        fired, _ = stdbp.spike_times(times, weights, 9.5, 0, 40, 19, min_slope=min_slope)
        fired.sum().backward()
        return weights.grad, fired.detach()

    (exact, fired), (bounded, same) = gradients(0.0), gradients(1.0)
    assert torch.equal(fired, same)
    assert bounded[:, 0].tolist() == pytest.approx((exact[:, 0] * 0.1 / (9.5 / 19)).tolist(), rel=1e-5)
    assert torch.equal(bounded[:, 1], exact[:, 1])


@pytest.mark.parametrize(("start", "end"), [(0, 20), (6, 14)])
@pytest.mark.parametrize("seed", range(4))
def test_the_gradient_of_spike_times_is_the_finite_difference(seed, start, end):
    times, weights = some_layer(seed)
    weighting = torch.tensor(np.random.default_rng(seed).normal(size=(5, 8)))

    def cost(t, w):
        fired, _ = stdbp.spike_times(t, w, 5.0, start, end, 20)
        return (weighting * torch.where(fired.isfinite(), fired, 0)).sum()

    times.requires_grad_()
    weights.requires_grad_()
    cost(times, weights).backward()
    t, w = times.detach(), weights.detach()
    assert torch.allclose(weights.grad, numeric_gradient(lambda x: cost(t, x), w), atol=1e-5, rtol=1e-5)
    assert torch.allclose(times.grad, numeric_gradient(lambda x: cost(x, w), t), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("hidden", ["slope A", "constant slope"])
@pytest.mark.parametrize("seed", range(3))
def test_the_gradient_through_two_layers_is_the_finite_difference(seed, hidden):
    times, first = some_layer(seed)
    second = torch.tensor(np.random.default_rng(seed).normal(0.5, 0.5, (8, 3)))
    labels = torch.tensor([0, 1, 2, 0, 1])

    def cost(t, w):
        if hidden == "slope A":
            middle, _ = stdbp.spike_times(t, w, 5.0, 0, 20, 30)
        else:
            middle = stdbp.ramp_times(stdbp.potentials(t, w, 9), 11.0, 1.0, 10, 20)
        fired, _ = stdbp.spike_times(middle, second, 6.0, 0, 31, 30)
        return spike_time_loss(fired, labels, 31, 2.0)

    first.requires_grad_()
    cost(times, first).backward()
    expected = numeric_gradient(lambda x: cost(times, x), first.detach())
    assert expected.abs().max() > 1e-3
    assert torch.allclose(first.grad, expected, atol=1e-5, rtol=1e-4)


def test_a_spike_at_the_opening_of_its_window_passes_no_gradient():
    times = torch.tensor([[0.0, 1.0]], requires_grad=True)
    weights = torch.tensor([[3.0], [3.0]], requires_grad=True)
    for whole in (False, True):
        fired, _ = stdbp.spike_times(times, weights, 5.0, 8, 20, 19, whole)
        assert fired.item() == 8
        fired.sum().backward()
        assert not weights.grad.any() and not times.grad.any()


def test_a_silent_neuron_learns_only_where_it_is_to_be_revived():
    labels = torch.tensor([0])
    for revive in (False, True):
        times = torch.tensor([[0.0, 1.0, INF]], requires_grad=True)
        weights = torch.tensor([[0.1, 2.0], [0.1, 2.0], [0.1, 2.0]], requires_grad=True)
        fired, _ = stdbp.spike_times(times, weights, 9.0, 0, 20, 19, revive=revive)
        assert fired[0, 0] == INF and fired[0, 1] < 20
        spike_time_loss(fired, labels, 20, 1.0).backward()
        assert torch.isfinite(weights.grad).all() and torch.isfinite(times.grad).all()
        assert (weights.grad[:2, 0] < 0).all() == revive  # stronger weights bring the target's spike
        assert not weights.grad[2].any()


def test_the_loss_is_equation_12():
    times = torch.tensor([[3.0, 4.0, INF]])
    exp = np.exp([-3.0, -4.0, -6.0])
    expected = -np.log(exp[1] / exp.sum())
    assert spike_time_loss(times, torch.tensor([1]), 6, 1.0).item() == pytest.approx(expected)


def test_the_earliest_spike_decides_then_the_higher_potential_then_the_lower_index():
    times = torch.tensor([[5.0, 4.0, 4.0], [4.0, 4.0, 4.0], [INF, INF, INF], [INF, 9.0, INF]])
    potential = torch.tensor([[9.0, 1.0, 2.0], [3.0, 7.0, 7.0], [-5.0, -1.0, -2.0], [8.0, 1.0, 9.0]])
    assert decide(times, potential).tolist() == [2, 1, 1, 1]


# ---- two ways to one result ------------------------------------------------------------------------------


@pytest.mark.parametrize("min_slope", [0.0, 3.0])
@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize(("start", "end", "last"), [(0, 20, 19), (6, 14, 19), (0, 40, 39), (9, 10, 30)])
@pytest.mark.parametrize("seed", range(3))
def test_the_kernels_are_plain_pytorch_and_autograd(seed, start, end, last, whole, min_slope):
    results = []
    for function in (stdbp.spike_times, plain.spike_times):
        times, weights = some_layer(seed, 20, 9, silent=4, whole_inputs=whole)
        weights = (8 * weights).round() if whole else weights
        times.requires_grad_(), weights.requires_grad_()
        threshold = 60 if whole else 8.0
        fired, potential = function(
            times, weights, threshold, start, end, last, whole, True, min_slope=min_slope
        )
        pull = torch.randn(fired.shape, generator=torch.Generator().manual_seed(seed), dtype=fired.dtype)
        torch.autograd.backward([fired], [pull])
        results.append((fired.detach(), potential, times.grad, weights.grad))
    ours, theirs = results
    assert ours[0].isfinite().any() and torch.equal(ours[0].isinf(), theirs[0].isinf())
    parts = 2 if whole else 4  # plain PyTorch's gradients on whole steps are of the time before rounding
    for a, b in zip(ours[:parts], theirs[:parts], strict=True):
        torch.testing.assert_close(a, b)


def test_a_spike_on_the_eve_of_the_window_is_in_the_potential_of_a_neuron_that_fires_as_it_opens():
    times, weights = torch.tensor([[0.0, 4.0]]), torch.tensor([[3.0], [5.0]])
    fired, potential = stdbp.spike_times(times, weights, 6, 5, 10, 9, whole=True)
    assert (fired.item(), potential.item()) == (5, 4 * 3 + 8)


@pytest.mark.parametrize("whole", [False, True])
def test_threads_change_nothing(whole):
    rng = np.random.default_rng(0)
    times = torch.tensor(rng.integers(0, 16, (64, 200)).astype(np.float32), requires_grad=True)
    weights = torch.tensor(rng.integers(-9, 14, (200, 300)).astype(np.float32), requires_grad=True)
    before, results = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            times.grad = weights.grad = None
            fired, potential = stdbp.spike_times(times, weights, 500, 0, 40, 39, whole)
            fired[fired.isfinite()].square().sum().backward()
            results.append((fired.detach(), potential, times.grad, weights.grad))
    finally:
        torch.set_num_threads(before)
    assert results[0][0].isfinite().any()
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))
