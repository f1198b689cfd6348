"""What you run while you work on this unit: hand-worked numbers, autograd and torch's own layer.

`pytest -k batch_norm_backward` runs one exercise. The tests that grade draw many more inputs; their
ideas are the same.
"""

from __future__ import annotations

import torch
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from autograder.testing import Case, assert_close, assert_inputs_unchanged, exercise, given, tensors


def numbers(values, device: torch.device) -> Tensor:
    return torch.tensor(values, dtype=torch.float64, device=device)


def worked_example(device: torch.device) -> tuple[Tensor, ...]:
    """The channel of section 6.1: x, gamma, beta and the old estimates; eps is 3."""
    channel = ([[1.0], [3.0]], [2.0], [1.0], [0.0], [1.0])
    return tuple(numbers(values, device) for values in channel)


def worked_prediction(device: torch.device) -> tuple[Tensor, ...]:
    """The sample of section 6.1: x, gamma, beta and the estimates; eps is 3."""
    sample = ([[2.0]], [2.0], [1.0], [-1.0], [6.0])
    return tuple(numbers(values, device) for values in sample)


@st.composite
def batches(draw, *, rank=None):
    """Rows or images of three channels, with everything that the layer needs."""
    rows = draw(st.booleans()) if rank is None else rank == 2
    shape = (draw(st.integers(2, 5)), 3) if rows else (2, 3, draw(st.integers(1, 3)), 2)
    return Case(
        x=draw(tensors(*shape)),
        gamma=draw(tensors(3)),
        beta=draw(tensors(3)),
        running_mean=draw(tensors(3)),
        running_var=draw(tensors(3, values="positive")),
        dout=draw(tensors(*shape)),
        momentum=draw(st.sampled_from([0.2, 0.7, 0.9])),
        eps=draw(st.sampled_from([0.01, 0.5, 3.0])),
    )


def arguments(case: Case) -> tuple[Tensor, ...]:
    return case.x, case.gamma, case.beta, case.running_mean, case.running_var


def settings(case: Case) -> dict[str, float]:
    return {"momentum": case.momentum, "eps": case.eps}


def library(x, gamma, beta, running_mean, running_var, *, training, eps):
    """torch's layer, which would change the estimates that it is given."""
    old = running_mean.clone(), running_var.clone()
    return functional.batch_norm(x, *old, gamma, beta, training=training, eps=eps)


def gradients_by_autograd(case: Case, *, training: bool) -> tuple[Tensor, ...]:
    """The gradients that autograd finds for torch's layer: what yours should be."""
    leaves = [t.detach().clone().requires_grad_() for t in (case.x, case.gamma, case.beta)]
    old = case.running_mean, case.running_var
    out = library(*leaves, *old, training=training, eps=case.eps)
    return torch.autograd.grad(out, leaves, case.dout)


# 6.1 Forward ----------------------------------------------------------------------------------


@exercise("batch_norm_forward", points=1)
def test_batch_norm_forward_of_the_worked_example(student, device):
    channel = worked_example(device)
    out, mean, var, _ = student.batch_norm_forward(*channel, momentum=0.9, eps=3.0, training=True)
    assert_close(out, numbers([[0.0], [2.0]], device), "out")
    assert_close(mean, numbers([0.2], device), "new_mean")
    assert_close(var, numbers([1.0], device), "new_var")


@exercise("batch_norm_forward", points=1)
def test_batch_norm_forward_predicts_with_the_estimates(student, device):
    sample = worked_prediction(device)
    out, mean, var, _ = student.batch_norm_forward(*sample, eps=3.0, training=False)
    assert_close(out, numbers([[3.0]], device), "out")
    assert_close(mean, numbers([-1.0], device), "new_mean, which stays as it was")
    assert_close(var, numbers([6.0], device), "new_var, which stays as it was")


@exercise("batch_norm_forward", points=1)
def test_batch_norm_forward_of_an_image_goes_channel_by_channel(student, device):
    """The second example of section 6.1: two channels, the second one constant."""
    x = numbers([[[[1.0, 3.0]], [[10.0, 10.0]]]], device)
    vectors = [numbers(v, device) for v in ([2.0, 7.0], [1.0, 5.0], [0.0, 0.0], [1.0, 1.0])]
    out, mean, var, _ = student.batch_norm_forward(
        x, *vectors, momentum=0.5, eps=3.0, training=True
    )
    assert_close(out, numbers([[[[0.0, 2.0]], [[5.0, 5.0]]]], device), "out")
    assert_close(mean, numbers([1.0, 5.0], device), "new_mean")
    assert_close(var, numbers([1.0, 0.5], device), "new_var")


@exercise("batch_norm_forward", points=1)
@given(case=batches(), training=st.booleans(), examples=12)
def test_batch_norm_forward_agrees_with_the_library(student, device, case, training):
    out, *_ = student.batch_norm_forward(*arguments(case), **settings(case), training=training)
    assert_close(out, library(*arguments(case), training=training, eps=case.eps), "out", floor=1.0)
    assert_inputs_unchanged(student)


# 6.2 Backward ---------------------------------------------------------------------------------


@exercise("batch_norm_backward", points=1)
def test_batch_norm_backward_of_the_worked_example(student, device):
    *_, cache = student.batch_norm_forward(*worked_example(device), eps=3.0, training=True)
    dx, dgamma, dbeta = student.batch_norm_backward(numbers([[1.0], [0.0]], device), cache)
    assert_close(dx, numbers([[0.375], [-0.375]], device), "dx")
    assert_close(dgamma, numbers([-0.5], device), "dgamma")
    assert_close(dbeta, numbers([1.0], device), "dbeta")


@exercise("batch_norm_backward", points=1)
def test_batch_norm_backward_after_a_prediction(student, device):
    *_, cache = student.batch_norm_forward(*worked_prediction(device), eps=3.0, training=False)
    dx, dgamma, dbeta = student.batch_norm_backward(numbers([[6.0]], device), cache)
    assert_close(dx, numbers([[4.0]], device), "dx")
    assert_close(dgamma, numbers([6.0], device), "dgamma")
    assert_close(dbeta, numbers([6.0], device), "dbeta")


@exercise("batch_norm_backward", points=1)
@given(case=batches(), training=st.booleans(), examples=12)
def test_batch_norm_backward_agrees_with_autograd(student, device, case, training):
    *_, cache = student.batch_norm_forward(*arguments(case), **settings(case), training=training)
    gradients = student.batch_norm_backward(case.dout, cache)
    expected = gradients_by_autograd(case, training=training)
    for got, right, name in zip(gradients, expected, ("dx", "dgamma", "dbeta"), strict=True):
        assert_close(got, right, name, floor=1.0)
    assert_inputs_unchanged(student)


# 6.3 The scale and shift that undo the layer --------------------------------------------------


@exercise("identity_scale_shift", points=1)
def test_identity_scale_shift_of_the_worked_example(student, device):
    gamma, beta = student.identity_scale_shift(numbers([[1.0], [3.0]], device), eps=3.0)
    assert_close(gamma, numbers([2.0], device), "gamma")
    assert_close(beta, numbers([2.0], device), "beta")


@exercise("identity_scale_shift", points=1)
@given(case=batches(), examples=8)
def test_identity_scale_shift_makes_the_layer_return_its_input(student, device, case):
    gamma, beta = student.identity_scale_shift(case.x, eps=case.eps)
    assert_close((tuple(gamma.shape), tuple(beta.shape)), ((3,), (3,)), "the shapes")
    old = case.running_mean, case.running_var
    out = library(case.x, gamma, beta, *old, training=True, eps=case.eps)
    assert_close(out, case.x, "the layer's output", floor=1.0)


# 6.4 Folding the layer away -------------------------------------------------------------------


@exercise("fold_batch_norm", points=1)
def test_fold_batch_norm_of_the_worked_example(student, device):
    layers = ([[1.0, 2.0]], [1.0, 0.0], [4.0, 4.0], [1.0, 0.0], [0.0, 1.0], [1.0, 13.0])
    w, b = student.fold_batch_norm(*(numbers(values, device) for values in layers), eps=3.0)
    assert_close(w, numbers([[2.0, 2.0]], device), "w")
    assert_close(b, numbers([3.0, -1.0], device), "b")


@st.composite
def convolutions(draw):
    """A convolution from two channels to three, and the normalisation behind it."""
    return Case(
        x=draw(tensors(2, 2, 4, 3)),
        w=draw(tensors(3, 2, 3, 2)),
        b=draw(tensors(3)),
        gamma=draw(tensors(3)),
        beta=draw(tensors(3)),
        mean=draw(tensors(3)),
        var=draw(tensors(3, values="positive")),
        eps=draw(st.sampled_from([0.01, 0.5, 3.0])),
    )


@exercise("fold_batch_norm", points=1)
@given(case=convolutions(), examples=8)
def test_fold_batch_norm_gives_the_same_network(student, device, case):
    """A convolution and the library's layer in prediction, or one convolution."""
    norm = case.gamma, case.beta, case.mean, case.var
    w, b = student.fold_batch_norm(case.w, case.b, *norm, eps=case.eps)
    assert_close((tuple(w.shape), tuple(b.shape)), ((3, 2, 3, 2), (3,)), "the shapes")
    out = library(functional.conv2d(case.x, case.w, case.b), *norm, training=False, eps=case.eps)
    assert_close(functional.conv2d(case.x, w, b), out, "the network's output", floor=1.0)
    assert_inputs_unchanged(student)
