"""Public tests of unit 2. Their oracles are worked numbers, autograd, torch and identities."""

import math

import torch
from hypothesis import strategies as st

from autograder.testing import Case, assert_close, exercise, given, labels, sizes, tensors

LN2, LN3, LN5, LN7, LN10 = (math.log(n) for n in (2, 3, 5, 7, 10))


def worked(values, device):
    """Numbers of the handout, as a float64 tensor."""
    return torch.tensor(values, dtype=torch.float64, device=device)


@st.composite
def scores(draw):
    """Scores z (N, C) and something of the same shape for dout."""
    n, c = draw(sizes()), draw(sizes())
    return Case(z=draw(tensors(n, c)), dout=draw(tensors(n, c)))


@st.composite
def labelled_scores(draw):
    """Scores z (N, C) and labels y (N,)."""
    n, c = draw(sizes()), draw(sizes())
    return Case(z=draw(tensors(n, c)), y=draw(labels(n, c)))


@st.composite
def models(draw):
    """Samples x (N, D), weights w (D, C), biases b (C,) and labels y (N,)."""
    n, d, c = draw(sizes()), draw(sizes()), draw(sizes())
    return Case(
        x=draw(tensors(n, d)), w=draw(tensors(d, c)), b=draw(tensors(c)), y=draw(labels(n, c))
    )


# 2.1 Softmax --------------------------------------------------------------------------------------


@exercise("softmax", points=1)
def test_softmax_of_the_worked_example(student, device):
    z = worked([[0, LN2, LN7], [1000, 1000 + LN2, 1000 + LN7], [5, 5, 5]], device)
    third = 1 / 3
    expected = worked([[0.1, 0.2, 0.7], [0.1, 0.2, 0.7], [third, third, third]], device)
    assert_close(student.softmax(z), expected, "softmax(z)")


@exercise("softmax", points=1)
@given(case=scores(), examples=10)
def test_softmax_is_what_torch_computes(student, device, case):
    assert_close(student.softmax(case.z), torch.softmax(case.z, dim=1), "softmax(z)")


# 2.2 Log-softmax ----------------------------------------------------------------------------------


@exercise("log_softmax", points=1)
def test_log_softmax_of_the_worked_example(student, device):
    z = worked([[0, LN2, LN7]], device)
    expected = worked([[-LN10, -LN5, LN7 - LN10]], device)
    assert_close(student.log_softmax(z), expected, "log_softmax(z)")


@exercise("log_softmax", points=1)
def test_log_softmax_is_finite_for_an_improbable_class(student, device):
    z = worked([[0, -1000]], device)
    assert_close(student.log_softmax(z), worked([[0, -1000]], device), "log_softmax(z)")


# 2.3 The Jacobian ---------------------------------------------------------------------------------


@exercise("softmax_jacobian", points=1)
def test_softmax_jacobian_of_the_worked_example(student, device):
    expected = [[0.09, -0.02, -0.07], [-0.02, 0.16, -0.14], [-0.07, -0.14, 0.21]]
    got = student.softmax_jacobian(worked([0, LN2, LN7], device))
    assert_close(got, worked(expected, device), "J")


@exercise("softmax_jacobian", points=1)
@given(z=tensors(4), examples=5)
def test_softmax_jacobian_is_symmetric_and_its_rows_sum_to_zero(student, device, z):
    j = student.softmax_jacobian(z)
    assert_close(j, j.T, "J, compared with its transpose,")
    assert_close(j.sum(1), torch.zeros_like(z), "the sum of each row of J")


# 2.4 The vector-Jacobian product ------------------------------------------------------------------


@exercise("softmax_vjp", points=1)
def test_softmax_vjp_of_the_worked_example(student, device):
    p = worked([[0.1, 0.2, 0.7], [0.1, 0.2, 0.7]], device)
    dout = worked([[1, 2, 3], [10, 0, 0]], device)
    expected = worked([[-0.16, -0.12, 0.28], [0.9, -0.2, -0.7]], device)
    assert_close(student.softmax_vjp(dout, p), expected, "dz")


@exercise("softmax_vjp", points=1)
@given(case=scores(), examples=10)
def test_softmax_vjp_is_what_autograd_computes(student, device, case):
    z = case.z.clone().requires_grad_()
    p = torch.softmax(z, dim=1)
    (expected,) = torch.autograd.grad(p, z, case.dout)
    assert_close(student.softmax_vjp(case.dout, p.detach()), expected, "dz")


# 2.5 Cross entropy --------------------------------------------------------------------------------


@exercise("softmax_cross_entropy", points=1)
def test_softmax_cross_entropy_of_the_worked_example(student, device):
    z = worked([[0, LN2, LN7], [0, 0, 0]], device)
    loss, dz = student.softmax_cross_entropy(z, torch.tensor([1, 2], device=device))
    assert_close(loss, worked((LN5 + LN3) / 2, device), "loss")
    assert_close(dz, worked([[0.05, -0.4, 0.35], [1 / 6, 1 / 6, -1 / 3]], device), "dz")


@exercise("softmax_cross_entropy", points=1)
@given(case=labelled_scores(), examples=10)
def test_softmax_cross_entropy_is_what_autograd_computes(student, device, case):
    z = case.z.clone().requires_grad_()
    expected = torch.nn.functional.cross_entropy(z, case.y)
    expected.backward()
    loss, dz = student.softmax_cross_entropy(case.z, case.y)
    assert_close(loss, expected.detach(), "loss")
    assert_close(dz, z.grad, "dz")


# 2.6 The linear model -----------------------------------------------------------------------------


@exercise("softmax_regression_loss", points=1)
def test_softmax_regression_loss_of_the_worked_example(student, device):
    x = worked([[1, 2], [0, 6]], device)
    w, b = worked([[0, LN2, LN7], [0, 0, 0]], device), worked([0, 0, 0], device)
    y = torch.tensor([1, 2], device=device)
    loss, dw, db = student.softmax_regression_loss(x, w, b, y)
    assert_close(loss, worked((LN5 + LN3) / 2, device), "loss")
    assert_close(dw, worked([[0.05, -0.4, 0.35], [1.1, 0.2, -1.3]], device), "dw")
    assert_close(db, worked([13 / 60, -14 / 60, 1 / 60], device), "db")


@exercise("softmax_regression_loss", points=1)
@given(case=models(), examples=8)
def test_softmax_regression_loss_is_what_autograd_computes(student, device, case):
    w, b = case.w.clone().requires_grad_(), case.b.clone().requires_grad_()
    expected = torch.nn.functional.cross_entropy(case.x @ w + b, case.y)
    expected.backward()
    loss, dw, db = student.softmax_regression_loss(case.x, case.w, case.b, case.y)
    assert_close(loss, expected.detach(), "loss")
    assert_close(dw, w.grad, "dw")
    assert_close(db, b.grad, "db")


# 2.7 Prediction -----------------------------------------------------------------------------------


@exercise("predict", points=1)
def test_predict_on_the_worked_example(student, device):
    x = worked([[1, 2], [0, 6]], device)
    w = worked([[0, LN2, LN7], [0, 0, 0]], device)
    got = student.predict(x, w, worked([0, 0, 0], device))
    assert_close(got, torch.tensor([2, 0], device=device), "the predictions without biases")
    got = student.predict(x, w, worked([0, 4, 2.5], device))
    assert_close(got, torch.tensor([1, 1], device=device), "the predictions with biases")


# 2.8 Training -------------------------------------------------------------------------------------


@exercise("fit", points=1)
def test_fit_takes_the_two_steps_of_the_worked_example(student, device):
    x, y = worked([[1], [-1]], device), torch.tensor([0, 1], device=device)
    hyperparameters = {"classes": 2, "lr": 1.0, "batch_size": 2, "seed": 0}
    w, b, losses = student.fit(x, y, epochs=1, **hyperparameters)
    assert_close(w, worked([[0.5, -0.5]], device), "w after one step")
    assert_close(b, worked([0, 0], device), "b after one step")
    assert_close(losses, worked([LN2], device), "losses")
    _, _, losses = student.fit(x, y, epochs=2, **hyperparameters)
    assert_close(losses, worked([LN2, math.log(1 + math.exp(-1))], device), "losses")


@exercise("fit", points=1)
def test_fit_learns_three_separate_clouds(student, device):
    corners = worked([[4, 0], [-2, 3], [-2, -3]], device)
    jitter = worked([[0, 0], [1, 0], [0, 1], [-1, 0], [0, -1]], device)
    x = (corners[:, None] + jitter).reshape(15, 2)
    y = torch.arange(3, device=device).repeat_interleave(5)
    w, b, losses = student.fit(x, y, classes=3, lr=0.2, batch_size=4, epochs=5, seed=1)
    assert losses.shape == (20,), f"5 epochs of 4 batches are 20 losses, got {tuple(losses.shape)}"
    assert_close(losses[0], worked(LN3, device), "the first loss, which is log C,")
    start, end = float(losses[:4].mean()), float(losses[-4:].mean())
    assert end < start / 3, f"the loss went from {start:.3g} (first epoch) to {end:.3g} (last)"
    assert_close((x @ w + b).argmax(1), y, "the class with the largest score")
