"""Public tests of unit 13. Their oracles are worked numbers, torch.optim, and descents that arrive.

Where torch.optim follows another convention (see the handout), the test says what makes the two
agree.
"""

import math

import pytest
import torch
from hypothesis import strategies as st

from autograder.testing import Case, assert_close, exercise, given, sizes, tensors


def worked(values, device):
    """Numbers of the handout, as a float64 tensor."""
    return torch.tensor(values, dtype=torch.float64, device=device)


@st.composite
def steps(draw):
    """Parameters w and the gradients of four steps."""
    shape = (draw(sizes(1, 3)), draw(sizes(1, 3)))
    return Case(w=draw(tensors(*shape)), grads=[draw(tensors(*shape)) for _ in range(4)])


def assert_steps_are(expected, step, w, grads, **hyperparameters):
    """Fail unless `step`, begun without a state, leads from w to `expected`, point by point."""
    state = None
    for t, (grad, after) in enumerate(zip(grads, expected, strict=True), start=1):
        got, state = step(w, grad, state, **hyperparameters)
        assert_close(got, after, f"w after step {t}")
        w = got


def assert_steps_like_torch(optimiser, step, case, *, tol=None, **hyperparameters):
    """Fail unless `step` visits the points that a `torch.optim` optimiser visits."""
    w = case.w.clone()
    theirs = optimiser(w)
    expected = []
    for grad in case.grads:
        w.grad = grad.clone()
        theirs.step()
        expected.append(w.clone())
    state, w = None, case.w
    for t, (grad, after) in enumerate(zip(case.grads, expected, strict=True), start=1):
        got, state = step(w, grad, state, **hyperparameters)
        assert_close(got, after, f"w after step {t}", tol=tol)
        w = got


def narrow_valley(device):
    """A start (-5, -2) and the gradient of f = 0.1 x1^2 + 2 x2^2: twenty times as steep in x2."""
    curvature = worked([0.2, 4.0], device)
    return worked([-5, -2], device), lambda x: curvature * x


# 13.1 Gradient descent ----------------------------------------------------------------------------


@exercise("gradient_descent", points=1)
def test_gradient_descent_of_the_worked_examples(student, device):
    x0 = worked([10], device)
    points = student.gradient_descent(lambda x: 2 * x, x0, lr=0.2, steps=3)
    assert_close(points, worked([[10], [6], [3.6], [2.16]], device), "the points for lr = 0.2")
    points = student.gradient_descent(lambda x: 2 * x, x0, lr=1.1, steps=3)
    assert_close(points, worked([[10], [-12], [14.4], [-17.28]], device), "the points for lr = 1.1")


@exercise("gradient_descent", points=1)
def test_gradient_descent_arrives_if_the_learning_rate_suits_the_steepest_direction(
    student, device
):
    start, gradient = narrow_valley(device)
    points = student.gradient_descent(gradient, start, lr=0.4, steps=40)
    assert points.shape == (41, 2), f"41 points of 2 numbers: {tuple(points.shape)}"
    assert_close(points[0], start, "the first point, which is x0,")
    assert float(points[-1].abs().max()) < 0.2, f"40 steps end at {points[-1].tolist()}"
    points = student.gradient_descent(gradient, start, lr=0.6, steps=15)
    assert float(points[-1].abs().max()) > 100, "lr = 0.6 is beyond 2/4: x2 must run away"


# 13.2 Minibatches ---------------------------------------------------------------------------------


@exercise("minibatches", points=1)
def test_minibatches_contain_each_index_once_and_end_with_a_smaller_batch(student, device):
    batches = student.minibatches(7, batch_size=3, seed=0)
    assert [len(batch) for batch in batches] == [3, 3, 1]
    assert all(batch.dtype == torch.int64 for batch in batches), "indices are int64"
    assert sorted(torch.cat(list(batches)).tolist()) == [0, 1, 2, 3, 4, 5, 6]


@exercise("minibatches", points=1)
def test_minibatches_depend_on_the_seed_and_on_nothing_else(student, device):
    first = torch.cat(list(student.minibatches(100, batch_size=10, seed=1)))
    again = torch.cat(list(student.minibatches(100, batch_size=10, seed=1)))
    other = torch.cat(list(student.minibatches(100, batch_size=10, seed=2)))
    assert torch.equal(first, again), "the same seed must give the same batches"
    assert not torch.equal(first, other), "another seed must give other batches"
    assert first.tolist() != list(range(100)), "the indices must be shuffled"


# 13.3 Stochastic gradient descent -----------------------------------------------------------------


@exercise("sgd", points=1)
def test_sgd_of_the_worked_example(student, device):
    w, grad = worked([1, 2], device), worked([0.5, -1], device)
    after, _ = student.sgd(w, grad, None, lr=0.1)
    assert_close(after, worked([0.95, 2.1], device), "w")


# 13.4 Exponential moving averages -----------------------------------------------------------------


@exercise("exponential_moving_average", points=1)
def test_exponential_moving_average_of_the_worked_example(student, device):
    xs = worked([1, 1, 4], device)
    ys = student.exponential_moving_average(xs, gamma=0.5)
    assert_close(ys, worked([0.5, 0.75, 2.375], device), "the average")
    ys = student.exponential_moving_average(xs, gamma=0.5, bias_correction=True)
    assert_close(ys, worked([1, 1, 19 / 7], device), "the corrected average")


@exercise("exponential_moving_average", points=1)
def test_exponential_moving_average_with_correction_keeps_a_constant(student, device):
    xs = worked([[3, -2]] * 8, device)
    ys = student.exponential_moving_average(xs, gamma=0.9, bias_correction=True)
    assert_close(ys, xs, "the corrected average of a constant")


# 13.5 Momentum ------------------------------------------------------------------------------------


@exercise("momentum", points=1)
def test_momentum_of_the_worked_example(student, device):
    one = worked([1], device)
    expected = [worked([value], device) for value in (0.9, 0.75, 0.575)]
    assert_steps_are(expected, student.momentum, one, [one] * 3, lr=0.1, momentum=0.5)


@exercise("momentum", points=1)
@given(case=steps(), examples=3)
def test_momentum_visits_the_points_of_torch_while_lr_is_constant(student, device, case):
    def optimiser(w):
        return torch.optim.SGD([w], lr=0.1, momentum=0.9)

    assert_steps_like_torch(optimiser, student.momentum, case, lr=0.1)


@exercise("momentum", points=1)
def test_momentum_tames_a_learning_rate_that_is_too_large_for_gradient_descent(student, device):
    (w, gradient), state = narrow_valley(device), None
    for _ in range(20):  # plain gradient descent runs away with this lr: see 13.1
        w, state = student.momentum(w, gradient(w), state, lr=0.6, momentum=0.5)
    assert float(w.abs().max()) < 0.05, f"20 steps end at {w.tolist()}"


# 13.6 AdaGrad -------------------------------------------------------------------------------------


@exercise("adagrad", points=1)
def test_adagrad_of_the_worked_example(student, device):
    grads = [worked([3], device), worked([4], device)]
    expected = [worked([-1], device), worked([-1.8], device)]
    w = torch.zeros_like(expected[0])
    assert_steps_are(expected, student.adagrad, w, grads, lr=1.0, eps=1e-12)
    # A gradient of size sqrt(eps): 1e-3 / sqrt(1e-6 + 1e-6).
    tiny = worked([1e-3], device)
    assert_steps_are([-1 / worked([2], device).sqrt()], student.adagrad, w, [tiny], lr=1.0)


@exercise("adagrad", points=1)
@given(case=steps(), examples=3)
def test_adagrad_visits_the_points_of_torch_when_eps_is_negligible(student, device, case):
    def optimiser(w):
        return torch.optim.Adagrad([w], lr=0.1, eps=1e-20)

    # Without a visible eps it does not matter that torch adds it outside the root.
    assert_steps_like_torch(optimiser, student.adagrad, case, tol=1e-6, lr=0.1, eps=1e-20)


# 13.7 RMSProp -------------------------------------------------------------------------------------


@exercise("rmsprop", points=1)
def test_rmsprop_of_the_worked_example(student, device):
    grads = [worked([g], device) for g in (2, 0, 1)]
    last = -0.2 - 0.1 / math.sqrt(0.8125)
    expected = [worked([value], device) for value in (-0.2, -0.2, last)]
    w = torch.zeros_like(expected[0])
    assert_steps_are(expected, student.rmsprop, w, grads, lr=0.1, gamma=0.75, eps=1e-12)
    # The same eps within the root as in AdaGrad: 1e-3 / sqrt(1e-6/4 + 1e-6).
    tiny, expected = worked([1e-3], device), -1 / worked([1.25], device).sqrt()
    assert_steps_are([expected], student.rmsprop, w, [tiny], lr=1.0, gamma=0.75)


@exercise("rmsprop", points=1)
@given(case=steps(), examples=3)
def test_rmsprop_visits_the_points_of_torch_when_eps_is_negligible(student, device, case):
    def optimiser(w):
        return torch.optim.RMSprop([w], lr=0.1, alpha=0.9, eps=1e-20)

    assert_steps_like_torch(optimiser, student.rmsprop, case, tol=1e-6, lr=0.1, eps=1e-20)


# 13.8 AdaDelta ------------------------------------------------------------------------------------


@exercise("adadelta", points=1)
def test_adadelta_of_the_worked_example(student, device):
    one = worked([1], device)
    first = math.sqrt(1e-5 / 0.10001)  # 0.0099995
    second = math.sqrt((0.1 * first**2 + 1e-5) / 0.19001)  # 0.0102593
    expected = [worked([-first], device), worked([-first - second], device)]
    assert_steps_are(expected, student.adadelta, torch.zeros_like(one), [one] * 2)


@exercise("adadelta", points=1)
@given(case=steps(), examples=3)
def test_adadelta_visits_the_points_of_torch(student, device, case):
    def optimiser(w):
        return torch.optim.Adadelta([w], lr=1.0, rho=0.8, eps=1e-3)

    assert_steps_like_torch(optimiser, student.adadelta, case, rho=0.8, eps=1e-3)


# 13.9 Adam ----------------------------------------------------------------------------------------


@exercise("adam", points=1)
def test_adam_of_the_worked_example(student, device):
    grads = [worked([4], device), worked([-2], device)]
    second = 0.1 * (0.16 / 0.19) / math.sqrt(0.019984 / 0.001999)  # 0.02663
    expected = [worked([-0.1], device), worked([-0.1 - second], device)]
    w = torch.zeros_like(expected[0])
    assert_steps_are(expected, student.adam, w, grads, lr=0.1, eps=1e-12)


@exercise("adam", points=1)
@given(case=steps(), examples=3)
def test_adam_visits_the_points_of_torch(student, device, case):
    def optimiser(w):
        return torch.optim.Adam([w], lr=0.1, betas=(0.8, 0.95), eps=1e-3)

    assert_steps_like_torch(optimiser, student.adam, case, lr=0.1, beta1=0.8, beta2=0.95, eps=1e-3)


@exercise("adam", points=1)
def test_adam_goes_as_fast_along_a_valley_as_across_it(student, device):
    (w, gradient), state = narrow_valley(device), None
    for t in range(1, 11):
        before = w
        w, state = student.adam(w, gradient(w), state, lr=0.1)
        moved = (w - before).tolist()
        assert moved[0] == pytest.approx(0.1, rel=0.05), f"step {t} moves w by {moved}"
        assert 0.05 < moved[1] < 0.11, f"step {t} moves w by {moved}"
