"""Hidden tests of unit 13: the reference over many inputs, and oracles that are not the reference.

The oracles need no state: from all gradients so far, as plain numbers, they compute how far the
parameter falls in the last step. Within a test w follows the expected points, so that an error is
seen in the step in which it is made.
"""

import math

import pytest
import torch
from hypothesis import example
from hypothesis import strategies as st

from autograder.testing import (
    Case,
    assert_close,
    assert_inputs_unchanged,
    dtypes,
    exercise,
    given,
    sizes,
    tensors,
)

SIZES = (1.0, 1e-2, 1e-4, 1e-6, 1e-8)
GRADIENT_SIZES = {
    "falling": SIZES,
    "rising": SIZES[::-1],
    "tiny": (1e-8, 1e-8, 1e-8, 1e-8, 1e-8),
    "with zeros": (0.0, 1e-3, 0.0, 0.0, 1e-3),
}
FRACTIONS = st.sampled_from([0.0, 0.5, 0.9, 0.99])
EPSILONS = st.sampled_from([1e-6, 1e-2, 1.0])


@st.composite
def steps(draw, count=5, layout="contiguous"):
    """Parameters w, the gradients of some steps, and a learning rate for each of them."""
    shape = tuple(draw(st.lists(sizes(1, 3), max_size=3)))
    dtype = draw(dtypes())
    scale = draw(st.sampled_from([1.0, 0.1]))
    values = draw(st.sampled_from(["normal", "normal", "integers"]))
    grads = [
        draw(tensors(*shape, dtype=dtype, layout=layout, values=values, scale=scale))
        for _ in range(count)
    ]
    lrs = [draw(st.sampled_from([0.5, 0.1, 0.02])) for _ in range(count)]
    return Case(w=draw(tensors(*shape, dtype=dtype, layout=layout)), grads=grads, lrs=lrs)


def assert_follows(step, case, known_step, **hyperparameters):
    """Fail unless `step` visits the points of `known_step`, with the learning rates of the case."""
    w, state, known = case.w, None, None
    for t, (grad, lr) in enumerate(zip(case.grads, case.lrs, strict=True), start=1):
        expected, known = known_step(w, grad, known, lr=lr, **hyperparameters)
        got, state = step(w, grad, state, lr=lr, **hyperparameters)
        assert_close(got, expected, f"w after step {t}")
        w = got  # what is expected next is not told


def assert_falls(step, case, fall, **hyperparameters):
    """Fail unless every entry of w falls by `fall(gradients, learning rates)` in every step."""
    w, state = case.w, None
    for t, (grad, lr) in enumerate(zip(case.grads, case.lrs, strict=True), start=1):
        got, state = step(w, grad, state, lr=lr, **hyperparameters)
        expected = w - falls(fall, case.grads[:t], case.lrs[:t])
        assert_close(got, expected, f"w after step {t}")
        w = got


def falls(fall, grads, lrs):
    """How far each entry falls, as a tensor like the gradients."""
    columns = zip(*(grad.double().flatten().tolist() for grad in grads), strict=True)
    values = [fall(column, lrs) for column in columns]
    return torch.tensor(values, dtype=grads[0].dtype, device=grads[0].device).reshape(
        grads[0].shape
    )


def assert_falls_for_gradients_of_every_size(step, device, fall, *, lr=0.5):
    """Fail unless steps from w = 0 have the right size relative to themselves, however small."""
    for name, gradient_sizes in GRADIENT_SIZES.items():
        dtype = torch.float32 if name == "rising" else torch.float64
        base = torch.tensor([1.0, -0.5, 0.25], dtype=dtype, device=device)
        grads, w, state = [], torch.zeros_like(base), None
        for t, size in enumerate(gradient_sizes, start=1):
            grads.append(size * base)
            got, state = step(w, grads[-1], state, **({} if lr is None else {"lr": lr}))
            expected = -falls(fall, grads, [lr] * t)
            assert_close(got, expected, f"step {t} of gradients that are {name}", floor=1e-30)


def assert_states_are_kept_apart(student, step, known_step, case, **hyperparameters):
    """Fail unless an old state is still good after others were made from it."""
    (first, second, other, third), w = case.grads, case.w
    _, known = known_step(w, first, None, **hyperparameters)
    _, state = step(w, first, None, **hyperparameters)
    for name, grad in (("a step", second), ("another step from the same state", other)):
        expected, known_next = known_step(w, grad, known, **hyperparameters)
        got, state_next = step(w, grad, state, **hyperparameters)
        assert_close(got, expected, f"w after {name}")
    expected, _ = known_step(w, third, None, **hyperparameters)
    got, _ = step(w, third, None, **hyperparameters)
    assert_close(got, expected, "w after the first step of a second parameter")
    expected, _ = known_step(w, third, known_next, **hyperparameters)
    got, _ = step(w, third, state_next, **hyperparameters)
    assert_close(got, expected, "w after the first parameter's next step")
    assert_inputs_unchanged(student)


def assert_refuses(step, device, *, positive=(), fractions=(), **good):
    """Fail unless `step` raises a ValueError that names the invalid argument."""
    w = torch.ones(2, 3, dtype=torch.float64, device=device)
    with pytest.raises(ValueError, match=r"\bw\b"):
        step(w.to(torch.int64), w, None, **good)
    for grad in (w[0], w.T, w[None], w[:1]):
        with pytest.raises(ValueError, match=r"\bgrad\b"):
            step(w, grad, None, **good)
    for name in positive:
        with pytest.raises(ValueError, match=rf"\b{name}\b"):
            step(w, w, None, **{**good, name: 0.0})
    for name in fractions:
        for bad in (1.0, -0.1):
            with pytest.raises(ValueError, match=rf"\b{name}\b"):
                step(w, w, None, **{**good, name: bad})


def faded_sum(values, rate):
    """The sum of values that fade by `rate` with every step that has passed since."""
    return math.fsum(rate ** (len(values) - 1 - k) * value for k, value in enumerate(values))


def average(values, rate):
    """Their exponential moving average from 0, without correction."""
    return (1 - rate) * faded_sum(values, rate)


def squares(values):
    """Each of them squared."""
    return [value**2 for value in values]


def momentum_fall(m):
    return lambda gs, lrs: faded_sum([lr * g for g, lr in zip(gs, lrs, strict=True)], m)


def adagrad_fall(eps):
    return lambda gs, lrs: lrs[-1] * gs[-1] / math.sqrt(math.fsum(squares(gs)) + eps)


def rmsprop_fall(gamma, eps):
    return lambda gs, lrs: lrs[-1] * gs[-1] / math.sqrt(average(squares(gs), gamma) + eps)


def adadelta_fall(rho, eps):
    def fall(gs, lrs):
        taken = []
        for t in range(1, len(gs) + 1):
            d, s = average(squares(taken), rho), average(squares(gs[:t]), rho)
            taken.append(math.sqrt((d + eps) / (s + eps)) * gs[t - 1])
        return taken[-1]

    return fall


def adam_fall(beta1, beta2, eps):
    def fall(gs, lrs):
        # The weighted means, normalised by the sum of their weights.
        ones = [1.0] * len(gs)
        m = faded_sum(gs, beta1) / faded_sum(ones, beta1)
        v = faded_sum(squares(gs), beta2) / faded_sum(ones, beta2)
        return lrs[-1] * m / (math.sqrt(v) + eps)

    return fall


# 13.1 gradient_descent ----------------------------------------------------------------------------


@exercise("gradient_descent", points=2)
@given(case=steps(count=1), lr=st.sampled_from([0.01, 0.3]), taken=sizes(0, 4), examples=6)
def test_gradient_descent_matches_the_reference(student, reference, device, case, lr, taken):
    # A gradient with no symmetry, so that each step depends on where the last one ended.
    def gradient(x):
        return (2 * x).sin() + 0.5 * x * x

    expected = reference.gradient_descent(gradient, case.w, lr=lr, steps=taken)
    got = student.gradient_descent(gradient, case.w, lr=lr, steps=taken)
    assert_close(got, expected, "the points")


@exercise("gradient_descent", points=2)
def test_gradient_descent_shrinks_each_direction_by_its_own_factor(student, device):
    curvature = torch.tensor([[1.0, 0.5], [2.0, 8.0]], dtype=torch.float64, device=device)
    x0 = torch.tensor([[3.0, -1.0], [0.5, 2.0]], dtype=torch.float64, device=device)
    got = student.gradient_descent(lambda x: curvature * (x - 1), x0, lr=0.125, steps=12)
    k = torch.arange(13, dtype=torch.float64, device=device)[:, None, None]
    assert_close(got, 1 + (1 - curvature / 8) ** k * (x0 - 1), "the points")


@exercise("gradient_descent", points=1)
@given(case=steps(count=1, layout="any"), examples=4)
def test_gradient_descent_takes_any_layout_and_changes_nothing(student, reference, device, case):
    expected = reference.gradient_descent(torch.cos, case.w, lr=0.5, steps=2)
    got = student.gradient_descent(torch.cos, case.w, lr=0.5, steps=2)
    assert_close(got, expected, "the points")
    assert_inputs_unchanged(student)


@exercise("gradient_descent", points=1)
def test_gradient_descent_of_no_steps_stays_where_it_is_and_refuses_invalid_arguments(
    student, device
):
    x0 = torch.tensor([[2.0, -1.0]], dtype=torch.float32, device=device)
    got = student.gradient_descent(torch.cos, x0, lr=0.5, steps=0)
    assert_close(got, x0[None], "the points")
    with pytest.raises(ValueError, match=r"\bx0\b"):
        student.gradient_descent(torch.sign, x0.to(torch.int64), lr=0.5, steps=1)
    with pytest.raises(ValueError, match=r"\blr\b"):
        student.gradient_descent(torch.cos, x0, lr=0.0, steps=1)
    with pytest.raises(ValueError, match=r"\bsteps\b"):
        student.gradient_descent(torch.cos, x0, lr=0.5, steps=-1)


# 13.2 minibatches ---------------------------------------------------------------------------------


@exercise("minibatches", points=2)
def test_minibatches_contain_each_index_once_for_every_size(student, device):
    for n, batch_size in ((1, 1), (5, 1), (5, 5), (5, 9), (6, 3), (7, 3), (10, 4), (64, 7)):
        batches = student.minibatches(n, batch_size=batch_size, seed=n)
        assert isinstance(batches, (list, tuple)), f"{type(batches)} is not a list"
        lengths = [batch_size] * (n // batch_size) + [n % batch_size] * (n % batch_size > 0)
        assert [tuple(batch.shape) for batch in batches] == [(length,) for length in lengths]
        indices = torch.cat(list(batches)).sort().values
        assert_close(indices.cpu(), torch.arange(n), f"the indices of {n} samples, sorted,")


@exercise("minibatches", points=1)
def test_minibatches_repeat_with_their_seed_only(student, device):
    orders = []
    for seed in (0, 3, 0, 12345, 3):
        batches = student.minibatches(40, batch_size=16, seed=seed)
        orders.append(torch.cat(list(batches)).tolist())
    assert orders[0] == orders[2], "the same seed gave other batches"
    assert orders[1] == orders[4], "the same seed gave other batches"
    assert len({tuple(order) for order in orders}) == 3, "other seeds gave the same batches"


@exercise("minibatches", points=1)
def test_minibatches_mix_samples_and_not_only_batches(student, device):
    batches = student.minibatches(1000, batch_size=10, seed=5)
    order = torch.cat(list(batches))
    neighbours = int((order[1:] - order[:-1] == 1).sum())
    assert neighbours < 15, f"{neighbours} indices are followed by their successor"
    in_place = int((order.cpu() == torch.arange(1000)).sum())
    assert in_place < 15, f"{in_place} indices are where they were"
    # The mean of 500 of the indices is 499.5 give or take 9.
    assert 430 < float(order[:500].double().mean()) < 570, "the halves are not alike"


@exercise("minibatches", points=1)
def test_minibatches_refuse_invalid_arguments(student, device):
    for n in (0, -1):
        with pytest.raises(ValueError, match=r"\bn\b"):
            student.minibatches(n, batch_size=2, seed=0)
    for batch_size in (0, -2):
        with pytest.raises(ValueError, match=r"\bbatch_size\b"):
            student.minibatches(4, batch_size=batch_size, seed=0)


# 13.3 sgd -----------------------------------------------------------------------------------------


@exercise("sgd", points=2)
@given(case=steps(count=3), examples=6)
def test_sgd_matches_the_reference(student, reference, device, case):
    assert_follows(student.sgd, case, reference.sgd)


@exercise("sgd", points=1)
def test_sgd_moves_in_proportion_to_gradients_of_every_size(student, device):
    assert_falls_for_gradients_of_every_size(student.sgd, device, lambda gs, lrs: lrs[-1] * gs[-1])


@exercise("sgd", points=1)
@given(case=steps(count=4, layout="any"), examples=4)
def test_sgd_takes_any_layout_and_changes_nothing(student, reference, device, case):
    assert_states_are_kept_apart(student, student.sgd, reference.sgd, case, lr=0.1)


@exercise("sgd", points=1)
def test_sgd_refuses_invalid_arguments(student, device):
    assert_refuses(student.sgd, device, positive=("lr",), lr=0.1)


# 13.4 exponential_moving_average ------------------------------------------------------------------


@st.composite
def sequences(draw, layout="contiguous"):
    """Values xs (T, ...), T from 1 to 12, and a gamma."""
    shape = (draw(sizes(1, 12)), *draw(st.lists(sizes(1, 3), max_size=2)))
    xs = draw(tensors(*shape, dtype=draw(dtypes()), layout=layout))
    return Case(xs=xs, gamma=draw(FRACTIONS))


@exercise("exponential_moving_average", points=2)
@given(case=sequences(), corrected=st.booleans(), examples=14)
def test_exponential_moving_average_matches_the_reference(
    student, reference, device, case, corrected
):
    hyperparameters = {"gamma": case.gamma, "bias_correction": corrected}
    expected = reference.exponential_moving_average(case.xs, **hyperparameters)
    got = student.exponential_moving_average(case.xs, **hyperparameters)
    assert_close(got, expected, "the average")


@exercise("exponential_moving_average", points=2)
@given(case=sequences(), examples=6)
@example(case=Case(xs=torch.tensor([[3.0, 3.0], [1.0, 0.0], [0.0, 2.0]]), gamma=0.0))
def test_exponential_moving_average_is_a_weighted_sum_of_the_past(student, device, case):
    weights = torch.zeros(len(case.xs), len(case.xs), dtype=torch.float64, device=device)
    for t in range(len(case.xs)):
        for k in range(t + 1):
            weights[t, k] = (1 - case.gamma) * case.gamma ** (t - k)
    expected = torch.tensordot(weights, case.xs.double(), dims=1)
    got = student.exponential_moving_average(case.xs, gamma=case.gamma)
    assert_close(got, expected.to(case.xs.dtype), "the average")
    # The corrected average has weights that sum to 1.
    expected = torch.tensordot(weights / weights.sum(1, keepdim=True), case.xs.double(), dims=1)
    got = student.exponential_moving_average(case.xs, gamma=case.gamma, bias_correction=True)
    assert_close(got, expected.to(case.xs.dtype), "the corrected average")


@exercise("exponential_moving_average", points=1)
@given(case=sequences(layout="any"), examples=6)
def test_exponential_moving_average_takes_any_layout_and_changes_nothing(
    student, reference, device, case
):
    expected = reference.exponential_moving_average(case.xs, gamma=case.gamma)
    got = student.exponential_moving_average(case.xs, gamma=case.gamma)
    assert_close(got, expected, "the average")
    assert_inputs_unchanged(student)


@exercise("exponential_moving_average", points=1)
def test_exponential_moving_average_refuses_invalid_arguments(student, device):
    xs = torch.ones(3, 2, dtype=torch.float64, device=device)
    for bad in (xs[0, 0], xs[:0], xs.to(torch.int64)):
        with pytest.raises(ValueError, match=r"\bxs\b"):
            student.exponential_moving_average(bad, gamma=0.5)
    for gamma in (1.0, -0.1):
        with pytest.raises(ValueError, match=r"\bgamma\b"):
            student.exponential_moving_average(xs, gamma=gamma)


# 13.5 momentum ------------------------------------------------------------------------------------


@exercise("momentum", points=2)
@given(case=steps(), m=FRACTIONS, examples=6)
def test_momentum_matches_the_reference(student, reference, device, case, m):
    assert_follows(student.momentum, case, reference.momentum, momentum=m)


@exercise("momentum", points=2)
@given(case=steps(), m=FRACTIONS, examples=4)
def test_momentum_repeats_steps_of_the_length_that_they_had(student, device, case, m):
    assert_falls(student.momentum, case, momentum_fall(m), momentum=m)


@exercise("momentum", points=2)
def test_momentum_has_its_default_and_suits_gradients_of_every_size(student, device):
    assert_falls_for_gradients_of_every_size(student.momentum, device, momentum_fall(0.9))


@exercise("momentum", points=1)
@given(case=steps(count=4, layout="any"), examples=4)
def test_momentum_takes_any_layout_and_keeps_states_apart(student, reference, device, case):
    assert_states_are_kept_apart(student, student.momentum, reference.momentum, case, lr=0.1)


@exercise("momentum", points=1)
def test_momentum_refuses_invalid_arguments(student, device):
    assert_refuses(student.momentum, device, positive=("lr",), fractions=("momentum",), lr=0.1)


# 13.6 adagrad -------------------------------------------------------------------------------------


@exercise("adagrad", points=2)
@given(case=steps(), eps=EPSILONS, examples=6)
def test_adagrad_matches_the_reference(student, reference, device, case, eps):
    assert_follows(student.adagrad, case, reference.adagrad, eps=eps)


@exercise("adagrad", points=2)
@given(case=steps(), eps=EPSILONS, examples=4)
def test_adagrad_divides_by_the_root_of_all_squares(student, device, case, eps):
    assert_falls(student.adagrad, case, adagrad_fall(eps), eps=eps)


@exercise("adagrad", points=2)
def test_adagrad_has_its_default_and_suits_gradients_of_every_size(student, device):
    assert_falls_for_gradients_of_every_size(student.adagrad, device, adagrad_fall(1e-6))


@exercise("adagrad", points=1)
@given(case=steps(count=4, layout="any"), examples=4)
def test_adagrad_takes_any_layout_and_keeps_states_apart(student, reference, device, case):
    assert_states_are_kept_apart(student, student.adagrad, reference.adagrad, case, lr=0.1)


@exercise("adagrad", points=1)
def test_adagrad_refuses_invalid_arguments(student, device):
    assert_refuses(student.adagrad, device, positive=("lr", "eps"), lr=0.1)


# 13.7 rmsprop -------------------------------------------------------------------------------------


@exercise("rmsprop", points=2)
@given(case=steps(), gamma=FRACTIONS, eps=EPSILONS, examples=6)
def test_rmsprop_matches_the_reference(student, reference, device, case, gamma, eps):
    assert_follows(student.rmsprop, case, reference.rmsprop, gamma=gamma, eps=eps)


@exercise("rmsprop", points=2)
@given(case=steps(), gamma=FRACTIONS, eps=EPSILONS, examples=4)
def test_rmsprop_divides_by_the_root_of_the_average_square(student, device, case, gamma, eps):
    assert_falls(student.rmsprop, case, rmsprop_fall(gamma, eps), gamma=gamma, eps=eps)


@exercise("rmsprop", points=2)
def test_rmsprop_has_its_defaults_and_suits_gradients_of_every_size(student, device):
    assert_falls_for_gradients_of_every_size(student.rmsprop, device, rmsprop_fall(0.9, 1e-6))


@exercise("rmsprop", points=1)
@given(case=steps(count=4, layout="any"), examples=4)
def test_rmsprop_takes_any_layout_and_keeps_states_apart(student, reference, device, case):
    assert_states_are_kept_apart(student, student.rmsprop, reference.rmsprop, case, lr=0.1)


@exercise("rmsprop", points=1)
def test_rmsprop_refuses_invalid_arguments(student, device):
    assert_refuses(student.rmsprop, device, positive=("lr", "eps"), fractions=("gamma",), lr=0.1)


# 13.8 adadelta ------------------------------------------------------------------------------------


def without_lr(step):
    """A step of AdaDelta that lets itself be given a learning rate, and ignores it."""
    return lambda w, grad, state, *, lr, **others: step(w, grad, state, **others)


@exercise("adadelta", points=2)
@given(case=steps(), rho=FRACTIONS, eps=EPSILONS, examples=6)
def test_adadelta_matches_the_reference(student, reference, device, case, rho, eps):
    known = without_lr(reference.adadelta)
    assert_follows(without_lr(student.adadelta), case, known, rho=rho, eps=eps)


@exercise("adadelta", points=2)
@given(case=steps(), rho=FRACTIONS, eps=EPSILONS, examples=4)
def test_adadelta_scales_by_the_steps_taken_before(student, device, case, rho, eps):
    step = without_lr(student.adadelta)
    assert_falls(step, case, adadelta_fall(rho, eps), rho=rho, eps=eps)


@exercise("adadelta", points=2)
def test_adadelta_has_its_defaults_and_suits_gradients_of_every_size(student, device):
    fall = adadelta_fall(0.9, 1e-5)
    assert_falls_for_gradients_of_every_size(student.adadelta, device, fall, lr=None)


@exercise("adadelta", points=1)
@given(case=steps(count=4, layout="any"), examples=4)
def test_adadelta_takes_any_layout_and_keeps_states_apart(student, reference, device, case):
    assert_states_are_kept_apart(student, student.adadelta, reference.adadelta, case, eps=0.1)


@exercise("adadelta", points=1)
def test_adadelta_refuses_invalid_arguments(student, device):
    assert_refuses(student.adadelta, device, positive=("eps",), fractions=("rho",))


# 13.9 adam ----------------------------------------------------------------------------------------


@exercise("adam", points=2)
@given(case=steps(), betas=st.tuples(FRACTIONS, FRACTIONS), eps=EPSILONS, examples=6)
def test_adam_matches_the_reference(student, reference, device, case, betas, eps):
    beta1, beta2 = betas
    assert_follows(student.adam, case, reference.adam, beta1=beta1, beta2=beta2, eps=eps)


@exercise("adam", points=2)
@given(case=steps(), betas=st.tuples(FRACTIONS, FRACTIONS), eps=EPSILONS, examples=4)
def test_adam_divides_weighted_means_whose_weights_sum_to_one(student, device, case, betas, eps):
    beta1, beta2 = betas
    fall = adam_fall(beta1, beta2, eps)
    assert_falls(student.adam, case, fall, beta1=beta1, beta2=beta2, eps=eps)


@exercise("adam", points=2)
def test_adam_has_its_defaults_and_suits_gradients_of_every_size(student, device):
    assert_falls_for_gradients_of_every_size(student.adam, device, adam_fall(0.9, 0.999, 1e-8))


@exercise("adam", points=1)
@given(case=steps(count=4, layout="any"), examples=4)
def test_adam_takes_any_layout_and_keeps_states_apart(student, reference, device, case):
    assert_states_are_kept_apart(student, student.adam, reference.adam, case, lr=0.1)


@exercise("adam", points=1)
def test_adam_refuses_invalid_arguments(student, device):
    betas = ("beta1", "beta2")
    assert_refuses(student.adam, device, positive=("lr", "eps"), fractions=betas, lr=0.1)
