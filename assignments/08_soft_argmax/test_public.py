"""Public tests of unit 8. Their oracles are worked numbers, autograd, torch and identities."""

import math

import torch
from hypothesis import strategies as st

from autograder.testing import Case, assert_close, exercise, given, sizes, tensors

LN2, LN4, LN6 = (math.log(n) for n in (2, 4, 6))


def worked(values, device):
    """Numbers of the handout, as a float64 tensor."""
    return torch.tensor(values, dtype=torch.float64, device=device)


def watched(x):
    """A copy of x that autograd follows: differentiate the plain formula, not your code."""
    return x.clone().requires_grad_()


def gradient(outputs, x):
    """Each row's own gradient: rows do not mix, so the sum over the batch keeps them apart."""
    return torch.autograd.grad(outputs.sum(), x)[0]


@st.composite
def rows(draw):
    """A batch x (N, D) and a sharpness t."""
    n, d = draw(sizes()), draw(sizes())
    return Case(x=draw(tensors(n, d)), t=draw(st.sampled_from([0.5, 1.0, 2.0, 3.0])))


# 8.1 The soft maximum -----------------------------------------------------------------------------


@exercise("logsumexp", points=1)
def test_logsumexp_of_the_worked_example(student, device):
    x = worked([[0, LN2, 0], [1000, 1000 + LN2, 1000]], device)
    assert_close(student.logsumexp(x), worked([LN4, 1000 + LN4], device), "logsumexp(x)")
    got = student.logsumexp(x, t=2.0)
    assert_close(got, worked([LN6 / 2, 1000 + LN6 / 2], device), "logsumexp(x, t=2)")


@exercise("logsumexp", points=1)
@given(case=rows(), examples=10)
def test_logsumexp_lies_between_max_and_max_plus_log_d_over_t(student, device, case):
    y = student.logsumexp(case.x, t=case.t)
    largest = case.x.amax(1)
    assert y.shape == largest.shape, f"one number per row: {tuple(y.shape)}"
    excess = y - largest
    bound = math.log(case.x.shape[1]) / case.t
    assert bool((excess >= -1e-12).all()), "the soft maximum is below the maximum"
    assert bool((excess <= bound + 1e-12).all()), f"more than log(D)/t = {bound} above the maximum"


# 8.2 The soft one-hot vector ----------------------------------------------------------------------


@exercise("soft_onehot", points=1)
def test_soft_onehot_of_the_worked_example(student, device):
    x = worked([[0, LN2, 0], [-1000, LN2 - 1000, -1000]], device)
    assert_close(student.soft_onehot(x), worked([[0.25, 0.5, 0.25]] * 2, device), "p")
    expected = worked([[1 / 6, 4 / 6, 1 / 6]] * 2, device)
    assert_close(student.soft_onehot(x, t=2.0), expected, "p at t = 2")


@exercise("soft_onehot", points=1)
@given(case=rows(), examples=10)
def test_soft_onehot_is_the_softmax_of_t_times_x(student, device, case):
    expected = torch.softmax(case.t * case.x, dim=1)
    assert_close(student.soft_onehot(case.x, t=case.t), expected, "p")


# 8.3 The gradient of the soft maximum -------------------------------------------------------------


@exercise("soft_max_gradient", points=1)
@given(case=rows(), examples=10)
def test_soft_max_gradient_is_what_autograd_finds(student, device, case):
    x = watched(case.x)
    expected = gradient(torch.logsumexp(case.t * x, dim=1) / case.t, x)
    assert_close(student.soft_max_gradient(case.x, t=case.t), expected, "the gradient")


# 8.4 The Jacobian of the soft one-hot vector ------------------------------------------------------


@exercise("soft_onehot_jacobian", points=1)
def test_soft_onehot_jacobian_of_the_worked_example(student, device):
    sixteenths = worked([[[3, -2, -1], [-2, 4, -2], [-1, -2, 3]]], device) / 16
    got = student.soft_onehot_jacobian(worked([[0, LN2, 0]], device))
    assert_close(got, sixteenths, "the Jacobian")
    # The same probabilities, reached with half the scores: a step counts twice.
    got = student.soft_onehot_jacobian(worked([[0, LN2 / 2, 0]], device), t=2.0)
    assert_close(got, 2 * sixteenths, "the Jacobian at t = 2")


@exercise("soft_onehot_jacobian", points=1)
@given(case=rows(), examples=5)
def test_soft_onehot_jacobian_is_symmetric_and_its_rows_sum_to_zero(student, device, case):
    jacobian = student.soft_onehot_jacobian(case.x, t=case.t)
    assert_close(jacobian, jacobian.mT, "the Jacobian, compared with its transpose,")
    assert_close(jacobian.sum(2), torch.zeros_like(case.x), "the sum of each row of the Jacobian")


# 8.5 The soft argmax ------------------------------------------------------------------------------


@exercise("soft_argmax", points=1)
def test_soft_argmax_of_the_worked_examples(student, device):
    x = worked([[0, LN2, 0], [LN2, 0, LN2], [0, 0, LN2]], device)
    assert_close(student.soft_argmax(x), worked([1, 1, 1.25], device), "s")
    expected = worked([1, 1, (1 + 2 * 4) / 6], device)
    assert_close(student.soft_argmax(x, t=2.0), expected, "s at t = 2")


@exercise("soft_argmax", points=1)
@given(case=rows(), examples=10)
def test_soft_argmax_of_a_reversed_row_counts_from_the_other_end(student, device, case):
    s = student.soft_argmax(case.x, t=case.t)
    backwards = student.soft_argmax(case.x.flip(1), t=case.t)
    assert_close(backwards, case.x.shape[1] - 1 - s, "s of the reversed row, which is D - 1 - s,")


# 8.6 The gradient of the soft argmax --------------------------------------------------------------


@exercise("soft_argmax_gradient", points=1)
def test_soft_argmax_gradient_of_the_worked_example(student, device):
    got = student.soft_argmax_gradient(worked([[0, LN2, 0]], device))
    assert_close(got, worked([[-0.25, 0, 0.25]], device), "the gradient")
    got = student.soft_argmax_gradient(worked([[0, LN2 / 2, 0]], device), t=2.0)
    assert_close(got, worked([[-0.5, 0, 0.5]], device), "the gradient at t = 2")


@exercise("soft_argmax_gradient", points=1)
@given(case=rows(), examples=10)
def test_soft_argmax_gradient_is_what_autograd_finds(student, device, case):
    x = watched(case.x)
    index = torch.arange(x.shape[1], dtype=x.dtype, device=device)
    expected = gradient(torch.softmax(case.t * x, dim=1) @ index, x)
    assert_close(student.soft_argmax_gradient(case.x, t=case.t), expected, "the gradient")


# 8.7 Back to the hard maximum ---------------------------------------------------------------------


@exercise("max_backward", points=1)
def test_max_backward_of_the_worked_example(student, device):
    x = worked([[1, 3, 3], [2, 0, -1]], device)
    got = student.max_backward(worked([5, -2], device), x)
    assert_close(got, worked([[0, 5, 0], [-2, 0, 0]], device), "dx")


@exercise("max_backward", points=1)
@given(case=rows(), examples=10)
def test_max_backward_agrees_with_autograd_away_from_ties(student, device, case):
    x = watched(case.x)
    expected = gradient(x.amax(1) ** 2 / 2, x)  # its upstream gradient is the maximum itself
    assert_close(student.max_backward(case.x.amax(1), case.x), expected, "dx")
