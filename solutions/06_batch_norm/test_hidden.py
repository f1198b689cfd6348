"""What grades this unit.

The oracles know nothing of the reference: torch's own layer and autograd through it in float64 (its
running variance brought from m - 1 to m), what the layer must give for rows where it was given
images, identities of the gradient, networks with and without the layer, and numbers that are exact
in floating point. The reference itself is asked where memory layouts are the question.

Nothing that is drawn is ill conditioned: eps is not tiny in float32, and gradients, in which large
terms may cancel, are compared relative to these terms.
"""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

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

F32, F64 = torch.float32, torch.float64
GRADIENTS = ("dx", "dgamma", "dbeta")


# Inputs ---------------------------------------------------------------------------------------


@st.composite
def shapes(draw, *, rank=None, at_least=2):
    """(N, D) or (N, C, H, W), the latter with sizes that may all be equal, or 1."""
    rank = draw(st.sampled_from([2, 4])) if rank is None else rank
    if rank == 2:
        return draw(sizes(at_least, 6)), draw(sizes(1, 4))
    shape = [draw(sizes(1, 3)) for _ in range(4)]
    if shape[0] * shape[2] * shape[3] < at_least:
        shape[3] = at_least
    return tuple(shape)


@st.composite
def epsilons(draw, dtype):
    """A hundred times smaller only where rounding leaves room for it."""
    return draw(st.sampled_from([0.01, 0.1, 1.0, 3.0] + ([1e-4] if dtype == F64 else [])))


@st.composite
def layers(draw, *, rank=None, at_least=2, values=None, layout="contiguous"):
    """Everything that the layer takes, and an upstream gradient."""
    shape, dtype = draw(shapes(rank=rank, at_least=at_least)), draw(dtypes())
    values = draw(st.sampled_from(["normal", "integers"])) if values is None else values
    how = {"dtype": dtype, "layout": layout}
    vectors = {name: draw(tensors(shape[1], **how)) for name in ("gamma", "beta", "running_mean")}
    return Case(
        x=draw(tensors(*shape, values=values, **how)),
        **vectors,
        running_var=draw(tensors(shape[1], values="positive", **how)),
        dout=draw(tensors(*shape, **how)),
        momentum=draw(st.sampled_from([0.1, 0.25, 0.7, 0.9])),
        eps=draw(epsilons(dtype)),
    )


def arguments(case: Case) -> tuple[Tensor, ...]:
    return case.x, case.gamma, case.beta, case.running_mean, case.running_var


def settings(case: Case) -> dict[str, float]:
    return {"momentum": case.momentum, "eps": case.eps}


def scrambled(*shape: int, dtype=F64, device=None) -> Tensor:
    """Elements that are all different, in no simple order, of both signs."""
    k = torch.arange(torch.Size(shape).numel(), dtype=F64)
    return ((k * 7919) % 1009 / 250 - 2).reshape(shape).to(device, dtype)


def hard_layer(x: Tensor, **changes) -> Case:
    """A layer around x, all of whose numbers differ."""
    c, how = x.shape[1], {"dtype": x.dtype, "device": x.device}
    fields = {
        "gamma": 1.5 - scrambled(c, **how),
        "beta": scrambled(c + 1, **how)[1:],
        "running_mean": scrambled(c + 2, **how)[2:],
        "running_var": scrambled(c, **how).abs() + 0.5,
        "dout": scrambled(*x.shape, **how).flip(0) + scrambled(x.shape[-1], **how),
        "momentum": 0.7,
        "eps": 0.1,
    }
    return Case(x=x, **(fields | changes))


# Oracles --------------------------------------------------------------------------------------


def axes(x: Tensor) -> list[int]:
    return [axis for axis in range(x.ndim) if axis != 1]


def values_of_a_channel(x: Tensor) -> int:
    return math.prod(x.shape[axis] for axis in axes(x))


def library(case: Case, *, training: bool) -> tuple[Tensor, Tensor, Tensor]:
    """out, new_mean, new_var by torch's layer, in float64 on the CPU.

    Its momentum is the weight of what is new, and its new variance is over m - 1.
    """
    x, gamma, beta, *old = (t.detach().cpu().double() for t in arguments(case))
    mean, var = (t.clone() for t in old)
    new = {"momentum": 1 - case.momentum, "eps": case.eps}
    out = functional.batch_norm(x, mean, var, gamma, beta, training=training, **new)
    if training:
        m, kept = values_of_a_channel(x), case.momentum * old[1]
        var = kept + (var - kept) * (m - 1) / m
    return tuple(t.to(case.x.device, case.x.dtype) for t in (out, mean, var))


def autograd(case: Case, *, training: bool) -> list[Tensor]:
    """dx, dgamma, dbeta by autograd through torch's layer, in float64 on the CPU."""
    x, gamma, beta, mean, var, dout = (
        t.detach().cpu().double().clone() for t in (*arguments(case), case.dout)
    )
    leaves = [t.requires_grad_() for t in (x, gamma, beta)]
    out = functional.batch_norm(x, mean, var, gamma, beta, training=training, eps=case.eps)
    gradients = torch.autograd.grad(out, leaves, dout)
    return [g.to(case.x.device, case.x.dtype) for g in gradients]


def sigma_of(case: Case) -> Tensor:
    """The standard deviations that the layer divides by in training, in float64 on the CPU."""
    x = case.x.detach().cpu().double()
    return (x.var(axes(x), correction=0) + case.eps).sqrt()


def terms(case: Case, sigma: Tensor) -> float:
    """How large the terms are that dx is the difference of."""
    slopes = case.gamma.detach().cpu().double().abs() / sigma
    return max(1e-3, float(slopes.max() * case.dout.detach().cpu().abs().max()))


def assert_gradients(got, expected, case: Case, *, training=True, **options) -> None:
    """All three, dx relative to the terms in it and the sums relative to what is summed."""
    assert_close(len(got), 3, "the number of gradients")
    sigma = sigma_of(case) if training else (case.running_var.cpu().double() + case.eps).sqrt()
    floors = terms(case, sigma), 1.0, 1.0
    for one, right, name, floor in zip(got, expected, GRADIENTS, floors, strict=True):
        assert_close(one, right, name, floor=floor, **options)


def assert_refuses(function, *cases) -> None:
    """Each case is (name, positional arguments, keyword arguments) of a call that must raise a
    ValueError which speaks of that name."""
    for name, args, kwargs in cases:
        with pytest.raises(ValueError, match=rf"\b{name}\b"):
            function(*args, **kwargs)


# batch_norm_forward ---------------------------------------------------------------------------


@exercise("batch_norm_forward", points=3)
@given(case=layers(), examples=16)
def test_batch_norm_forward_normalises_with_the_batch_in_training(student, device, case):
    out, *_ = student.batch_norm_forward(*arguments(case), **settings(case), training=True)
    assert_close(out, library(case, training=True)[0], "out", floor=1.0)


@exercise("batch_norm_forward", points=3)
@given(case=layers(), examples=12)
def test_batch_norm_forward_updates_the_estimates_in_training(student, device, case):
    _, *new, _ = student.batch_norm_forward(*arguments(case), **settings(case), training=True)
    _, *expected = library(case, training=True)
    for got, right, name in zip(new, expected, ("new_mean", "new_var"), strict=True):
        assert_close(got, right, name, floor=1.0)


@exercise("batch_norm_forward", points=2)
@given(case=layers(at_least=1), examples=12)
def test_batch_norm_forward_normalises_with_the_estimates_in_prediction(student, device, case):
    out, *_ = student.batch_norm_forward(*arguments(case), **settings(case), training=False)
    assert_close(out, library(case, training=False)[0], "out", floor=1.0)


@exercise("batch_norm_forward", points=1)
@given(case=layers(at_least=1), examples=6)
def test_batch_norm_forward_keeps_the_estimates_in_prediction(student, device, case):
    _, *new, _ = student.batch_norm_forward(*arguments(case), **settings(case), training=False)
    assert_close(new[0], case.running_mean, "new_mean", tol=0.0)
    assert_close(new[1], case.running_var, "new_var", tol=0.0)


@exercise("batch_norm_forward", points=1)
def test_batch_norm_forward_treats_the_pixels_of_a_channel_as_its_samples(student, device):
    """Images are rows of pixels with the channels last; one pixel each, they are rows at once."""
    for n, c, h, w in [(2, 3, 4, 5), (3, 3, 3, 3), (4, 2, 1, 1), (1, 3, 2, 1), (2, 1, 2, 3)]:
        x = scrambled(n, c, h, w, device=device)
        rows = x.permute(0, 2, 3, 1).reshape(-1, c)
        expected = library(hard_layer(rows), training=True)
        out, *new, _ = student.batch_norm_forward(
            *arguments(hard_layer(x)), **settings(hard_layer(x)), training=True
        )
        assert_close(out, expected[0].reshape(n, h, w, c).permute(0, 3, 1, 2), "out of images")
        assert_close(new, expected[1:], "(new_mean, new_var) of images")


@exercise("batch_norm_forward", points=1)
@given(case=layers(at_least=1), examples=4)
def test_batch_norm_forward_of_one_value_is_beta(student, device, case):
    row = case.x[:1] if case.x.ndim == 2 else case.x[:1, :, 0, 0]
    for x in (row, row[:, :, None, None]):
        vectors = case.gamma, case.beta, case.running_mean, case.running_var
        out, mean, var, _ = student.batch_norm_forward(x, *vectors, **settings(case), training=True)
        assert_close(out, case.beta.reshape(x.shape), "out of one value", floor=1.0)
        new = case.momentum * case.running_mean + (1 - case.momentum) * x.flatten()
        assert_close(mean, new, "new_mean of one value", floor=1.0)
        assert_close(var, case.momentum * case.running_var, "new_var of one value", floor=1.0)


@exercise("batch_norm_forward", points=1)
def test_batch_norm_forward_adds_eps_to_the_variance_under_the_root(student, device):
    """A constant channel, and one whose variance is about as small as eps by default."""
    for dtype, tol in ((F32, 1e-3), (F64, 1e-9)):
        x = scrambled(4, 3, dtype=dtype, device=device)
        x[:, 0] = -2.5
        x[:, 1] = 0.25 + torch.tensor([1.0, -1, -1, 1]).to(x) / 256
        case = hard_layer(x, momentum=0.9, eps=1e-5)
        expected = library(case, training=True)
        out, *new, _ = student.batch_norm_forward(*arguments(case), training=True)
        assert_close(out, expected[0], "out", tol=tol, floor=1.0)
        assert_close(out[:, 0], case.beta[:1].expand(4), "out of the constant channel", tol=tol)
        assert_close(new, expected[1:], "(new_mean, new_var)")
        case = hard_layer(x, running_mean=x[0], running_var=x[0].abs() * 1e-5, eps=1e-5)
        out, *_ = student.batch_norm_forward(*arguments(case), training=False)
        assert_close(out, library(case, training=False)[0], "out in prediction", tol=tol, floor=1.0)


FAR = ((-3.0, 1, 0, 2, -2, 3, -1, 0), (1, -1, 1, 1, -1, -1, 1, -1))  # variances 3.5 and 1


def far_from_zero(device) -> tuple[Tensor, Tensor]:
    """Two channels of 8 values around 1e4 in float32, as rows and as images.

    All sums of them are exact, and so are the means.
    """
    rows = (1e4 + torch.tensor(FAR)).T.contiguous().to(device, F32)
    return rows, rows.reshape(2, 2, 2, 2).permute(0, 3, 1, 2).contiguous()


@exercise("batch_norm_forward", points=1)
def test_batch_norm_forward_keeps_its_digits_far_from_zero(student, device):
    for x in far_from_zero(device):
        case = hard_layer(x)
        out, _, var, _ = student.batch_norm_forward(
            *arguments(case), **settings(case), training=True
        )
        expected = library(case, training=True)
        assert_close(out, expected[0], "out", tol=1e-2)
        assert_close(var, expected[2], "new_var", tol=1e-2)


@exercise("batch_norm_forward", points=1)
def test_batch_norm_forward_has_its_defaults_and_keeps_all_or_nothing(student, device):
    x = scrambled(3, 2, 2, 1, device=device) / 100
    case = hard_layer(x, momentum=0.9, eps=1e-5)
    out, *new, _ = student.batch_norm_forward(*arguments(case), training=True)
    assert_close([out, *new], list(library(case, training=True)), "(out, new_mean, new_var)")
    old = case.running_mean, case.running_var
    _, *new, _ = student.batch_norm_forward(*arguments(case), momentum=1.0, training=True)
    assert_close(new, list(old), "the estimates with momentum 1")
    _, *new, _ = student.batch_norm_forward(*arguments(case), momentum=0.0, training=True)
    batch = [x.mean(axes(x)), x.var(axes(x), correction=0)]
    assert_close(new, batch, "the estimates with momentum 0")


@exercise("batch_norm_forward", points=1)
@given(case=layers(layout="any"), training=st.booleans(), examples=14)
def test_batch_norm_forward_takes_any_layout(student, reference, device, case, training):
    *got, _ = student.batch_norm_forward(*arguments(case), **settings(case), training=training)
    *expected, _ = reference.batch_norm_forward(
        *arguments(case), **settings(case), training=training
    )
    for one, right, name in zip(got, expected, ("out", "new_mean", "new_var"), strict=True):
        assert_close(one, right, name, floor=1.0)


@exercise("batch_norm_forward", points=1)
@given(case=layers(rank=4), examples=3)
def test_batch_norm_forward_changes_nothing_and_refuses_what_makes_no_sense(student, device, case):
    for training in (True, False):
        student.batch_norm_forward(*arguments(case), **settings(case), training=training)
    assert_inputs_unchanged(student)
    x, *vectors = arguments(case)
    names = "gamma", "beta", "running_mean", "running_var"
    mode = {"training": True}
    wrong = [
        (name, (x, *vectors[:i], bad, *vectors[i + 1 :]), mode)
        for i, name in enumerate(names)
        for bad in (torch.cat([vectors[i], vectors[i]]), vectors[i][:, None], vectors[i][:0])
    ]
    rows = x[:, :, 0, 0]
    assert_refuses(
        student.batch_norm_forward,
        ("x", (x[0], *vectors), mode),
        ("x", (x[None], *vectors), mode),
        ("x", (rows[:, 0], *vectors), mode),
        ("x", (x[:0], *vectors), mode),
        ("x", (rows[:0], *vectors), {"training": False}),
        ("x", (x[..., :0], *vectors), mode),
        ("gamma", (rows.repeat(1, 2), *vectors), {"training": False}),
        *wrong,
        *[("momentum", (x, *vectors), {**mode, "momentum": p}) for p in (-0.1, 1.1, math.nan)],
        *[("eps", (x, *vectors), {**mode, "eps": eps}) for eps in (0.0, -1.0, math.nan)],
    )


# batch_norm_backward --------------------------------------------------------------------------


@exercise("batch_norm_backward", points=4)
@given(case=layers(), examples=16)
def test_batch_norm_backward_gives_the_gradient_of_x_in_training(student, device, case):
    *_, cache = student.batch_norm_forward(*arguments(case), **settings(case), training=True)
    dx, _, _ = student.batch_norm_backward(case.dout, cache)
    expected, _, _ = autograd(case, training=True)
    assert_close(dx, expected, "dx", floor=terms(case, sigma_of(case)))


@exercise("batch_norm_backward", points=2)
@given(case=layers(), examples=12)
def test_batch_norm_backward_gives_the_gradients_of_gamma_and_beta(student, device, case):
    *_, cache = student.batch_norm_forward(*arguments(case), **settings(case), training=True)
    _, dgamma, dbeta = student.batch_norm_backward(case.dout, cache)
    _, *expected = autograd(case, training=True)
    assert_close(dgamma, expected[0], "dgamma", floor=1.0)
    assert_close(dbeta, expected[1], "dbeta", floor=1.0)


@exercise("batch_norm_backward", points=3)
@given(case=layers(at_least=1), examples=12)
def test_batch_norm_backward_after_a_prediction(student, device, case):
    *_, cache = student.batch_norm_forward(*arguments(case), **settings(case), training=False)
    got = student.batch_norm_backward(case.dout, cache)
    assert_gradients(got, autograd(case, training=False), case, training=False)


@exercise("batch_norm_backward", points=1)
def test_batch_norm_backward_counts_all_values_of_a_channel(student, device):
    for shape in [(2, 3, 4, 5), (3, 3, 3, 3), (1, 2, 3, 1), (4, 3, 1, 1), (2, 1, 1, 3), (5, 5)]:
        case = hard_layer(scrambled(*shape, device=device))
        *_, cache = student.batch_norm_forward(*arguments(case), **settings(case), training=True)
        got = student.batch_norm_backward(case.dout, cache)
        assert_gradients(got, autograd(case, training=True), case)


@exercise("batch_norm_backward", points=1)
@given(case=layers(), examples=8)
def test_batch_norm_backward_has_no_slope_where_the_layer_forgets(student, device, case):
    """Shifting a channel changes nothing: sum dx = 0. Stretching it changes what eps makes of it:
    sum dx xhat = gamma / sigma dgamma eps / (var + eps)."""
    *_, cache = student.batch_norm_forward(*arguments(case), **settings(case), training=True)
    dx, dgamma, _ = student.batch_norm_backward(case.dout, cache)
    assert_close(tuple(dx.shape), tuple(case.x.shape), "the shape of dx")
    assert_close(tuple(dgamma.shape), tuple(case.gamma.shape), "the shape of dgamma")
    x, gamma, dout = (t.cpu().double() for t in (case.x, case.gamma, case.dout))
    sigma, m, over = sigma_of(case), values_of_a_channel(x), axes(x)
    by_channel = (-1, *[1] * (x.ndim - 2))
    xhat = (x - x.mean(over, keepdim=True)) / sigma.reshape(by_channel)
    size = m * terms(case, sigma)
    dx = dx.cpu().double()
    tol = 1e-5 if case.x.dtype == F32 else 1e-10
    assert_close(dx.sum(over), torch.zeros_like(gamma), "sum dx", tol=tol, floor=size)
    along = gamma / sigma * (dout * xhat).sum(over) * case.eps / sigma**2
    assert_close((dx * xhat).sum(over), along, "sum dx xhat", tol=tol, floor=size)


@exercise("batch_norm_backward", points=1)
def test_batch_norm_backward_of_one_value_and_of_a_constant_channel(student, device):
    """One value: dx = 0 and dgamma = 0. A constant channel: dx is gamma / sqrt(eps) times what
    dout differs from its mean."""
    for shape in ((1, 3), (1, 3, 1, 1)):
        case = hard_layer(scrambled(*shape, device=device), eps=1e-5)
        *_, cache = student.batch_norm_forward(*arguments(case), **settings(case), training=True)
        nothing = torch.zeros_like(case.x), torch.zeros_like(case.gamma)
        got = student.batch_norm_backward(case.dout, cache)
        assert_gradients(got, (*nothing, case.dout.flatten()), case)
    for dtype in (F32, F64):
        x = scrambled(4, 3, dtype=dtype, device=device)
        x[:, 1] = 2.5
        case = hard_layer(x, eps=0.0625)
        *_, cache = student.batch_norm_forward(*arguments(case), **settings(case), training=True)
        got = student.batch_norm_backward(case.dout, cache)
        assert_gradients(got, autograd(case, training=True), case)
        slope = case.gamma[1] / 0.25
        expected = slope * (case.dout[:, 1] - case.dout[:, 1].mean())
        assert_close(got[0][:, 1], expected, "dx of the constant channel")


@exercise("batch_norm_backward", points=1)
def test_batch_norm_backward_where_gamma_is_zero(student, device):
    for training in (True, False):
        for shape in ((4, 3), (2, 3, 2, 1)):
            gamma = torch.tensor([0.5, 0.0, 0.0], dtype=F64, device=device)
            case = hard_layer(scrambled(*shape, device=device), gamma=gamma)
            *_, cache = student.batch_norm_forward(
                *arguments(case), **settings(case), training=training
            )
            got = student.batch_norm_backward(case.dout, cache)
            assert_gradients(got, autograd(case, training=training), case, training=training)


@exercise("batch_norm_backward", points=1)
def test_batch_norm_backward_keeps_its_digits_far_from_zero(student, device):
    for x in far_from_zero(device):
        case = hard_layer(x)
        *_, cache = student.batch_norm_forward(*arguments(case), **settings(case), training=True)
        got = student.batch_norm_backward(case.dout, cache)
        assert_gradients(got, autograd(case, training=True), case, tol=1e-2)


@exercise("batch_norm_backward", points=1)
@given(case=layers(), training=st.booleans(), examples=6)
def test_batch_norm_backward_is_linear_in_dout(student, device, case, training):
    *_, cache = student.batch_norm_forward(*arguments(case), **settings(case), training=training)
    expected = [-3 * g for g in autograd(case, training=training)]
    got = student.batch_norm_backward(-3 * case.dout, cache)
    assert_gradients(got, expected, case, training=training)
    nothing = student.batch_norm_backward(torch.zeros_like(case.dout), cache)
    zeros = torch.zeros_like(case.x), torch.zeros_like(case.gamma), torch.zeros_like(case.beta)
    assert_close(nothing, zeros, "the gradients for a dout of zeros")


@exercise("batch_norm_backward", points=1)
@given(case=layers(layout="any"), training=st.booleans(), examples=14)
def test_batch_norm_backward_takes_any_layout(student, reference, device, case, training):
    *_, cache = student.batch_norm_forward(*arguments(case), **settings(case), training=training)
    got = student.batch_norm_backward(case.dout, cache)
    *_, known = reference.batch_norm_forward(*arguments(case), **settings(case), training=training)
    expected = reference.batch_norm_backward(case.dout, known)
    assert_gradients(got, expected, case, training=training)


@exercise("batch_norm_backward", points=1)
@given(case=layers(), examples=5)
def test_batch_norm_backward_uses_the_cache_that_it_is_given_and_changes_nothing(
    student, device, case
):
    *_, cache = student.batch_norm_forward(*arguments(case), **settings(case), training=True)
    *_, other = student.batch_norm_forward(*arguments(case), **settings(case), training=False)
    expected = autograd(case, training=True)
    for _ in range(2):
        assert_gradients(student.batch_norm_backward(case.dout, cache), expected, case)
    got = student.batch_norm_backward(case.dout, other)
    assert_gradients(got, autograd(case, training=False), case, training=False)
    assert_inputs_unchanged(student)
    assert_refuses(
        student.batch_norm_backward,
        ("dout", (torch.zeros_like(case.dout[0]), cache), {}),
        ("dout", (case.dout[:0], cache), {}),
    )


# identity_scale_shift -------------------------------------------------------------------------


@exercise("identity_scale_shift", points=2)
@given(case=layers(), examples=12)
def test_identity_scale_shift_undoes_the_layer(student, device, case):
    """The library's layer with this scale and shift returns x; in float64, whatever x has."""
    gamma, beta = student.identity_scale_shift(case.x, eps=case.eps)
    assert_close(gamma, sigma_of(case).to(case.x), "gamma", floor=0.1)
    undone = Case(**(vars(case) | {"gamma": gamma, "beta": beta}))
    out, _, _ = library(undone, training=True)
    assert_close(out, case.x, "the layer's output", floor=1.0)


@exercise("identity_scale_shift", points=1)
def test_identity_scale_shift_takes_all_values_of_a_channel(student, device):
    for shape in [(2, 3, 4, 5), (3, 3, 3, 3), (4, 2, 1, 1), (1, 2, 1, 1), (1, 4), (3, 3), (2, 1)]:
        x = scrambled(*shape, device=device)
        gamma, beta = student.identity_scale_shift(x, eps=0.5)
        channels = x.transpose(0, 1).flatten(1)
        var = torch.stack([(c - c.sum() / len(c)).square().sum() / len(c) for c in channels])
        assert_close(gamma, (var + 0.5).sqrt(), "gamma")
        assert_close(beta, torch.stack([c.sum() / len(c) for c in channels]), "beta")


@exercise("identity_scale_shift", points=1)
def test_identity_scale_shift_of_constant_channels_and_far_from_zero(student, device):
    for dtype in (F32, F64):
        x = torch.tensor([[0.0, -2.5, 3.0]]).repeat(4, 1).to(device, dtype)
        gamma, beta = student.identity_scale_shift(x)
        assert_close(gamma, torch.full_like(x[0], math.sqrt(1e-5)), "gamma of constants")
        assert_close(beta, x[0], "beta of constants")
    for x in far_from_zero(device):
        gamma, beta = student.identity_scale_shift(x, eps=0.5)
        assert_close(gamma, torch.tensor([4.0, 1.5]).sqrt().to(x), "gamma", tol=1e-2)
        assert_close(beta, torch.tensor([1e4, 1e4]).to(x), "beta")


@exercise("identity_scale_shift", points=1)
@given(case=layers(layout="any"), examples=12)
def test_identity_scale_shift_takes_any_layout(student, reference, device, case):
    got = student.identity_scale_shift(case.x, eps=case.eps)
    expected = reference.identity_scale_shift(case.x, eps=case.eps)
    for one, right, name in zip(got, expected, ("gamma", "beta"), strict=True):
        assert_close(one, right, name, floor=1.0)


@exercise("identity_scale_shift", points=1)
@given(case=layers(rank=4), examples=3)
def test_identity_scale_shift_changes_nothing_and_refuses_what_makes_no_sense(
    student, device, case
):
    student.identity_scale_shift(case.x, eps=case.eps)
    assert_inputs_unchanged(student)
    assert_refuses(
        student.identity_scale_shift,
        ("x", (case.x[0],), {}),
        ("x", (case.x[:0],), {}),
        *[("eps", (case.x,), {"eps": eps}) for eps in (0.0, -1.0, math.nan)],
    )


# fold_batch_norm ------------------------------------------------------------------------------


@st.composite
def folds(draw, *, convolution=None, layout="contiguous"):
    """A layer with the statistics of the normalisation behind it, and an input of the layer."""
    convolution = draw(st.booleans()) if convolution is None else convolution
    c_in, c_out, dtype = draw(sizes(1, 4)), draw(sizes(1, 4)), draw(dtypes())
    kernel = (draw(sizes(1, 3)), draw(sizes(1, 3))) if convolution else ()
    how = {"dtype": dtype, "layout": layout}
    shape = (c_out, c_in, *kernel) if convolution else (c_in, c_out)
    vectors = {name: draw(tensors(c_out, **how)) for name in ("b", "gamma", "beta", "mean")}
    return Case(
        x=draw(tensors(2, c_in, *(k + 1 for k in kernel), dtype=dtype)),
        w=draw(tensors(*shape, **how)),
        **vectors,
        var=draw(tensors(c_out, values="positive", **how)),
        eps=draw(epsilons(dtype)),
    )


def network(case: Case, w: Tensor, b: Tensor) -> Tensor:
    """The layer with these weights on the case's input, in float64 on the CPU."""
    x, w, b = (t.detach().cpu().double() for t in (case.x, w, b))
    return functional.conv2d(x, w, b) if w.ndim == 4 else x @ w + b


def normalised(case: Case, z: Tensor) -> Tensor:
    """The library's normalisation in prediction, in float64 on the CPU."""
    mean, var, gamma, beta = (
        t.detach().cpu().double() for t in (case.mean, case.var, case.gamma, case.beta)
    )
    return functional.batch_norm(z, mean, var, gamma, beta, training=False, eps=case.eps)


def folded_arguments(case: Case) -> tuple[Tensor, ...]:
    return case.w, case.b, case.gamma, case.beta, case.mean, case.var


def assert_same_network(case: Case, got) -> None:
    """Shapes, dtypes, devices and the outputs of both networks."""
    assert_close(len(got), 2, "the number of results")
    for one, old, name in zip(got, (case.w, case.b), ("w", "b"), strict=True):
        assert_close(one * 0, torch.zeros_like(old), f"{name} times 0")
    expected = normalised(case, network(case, case.w, case.b))
    tol = 1e-4 if case.w.dtype == F32 else 1e-9
    assert_close(network(case, *got), expected, "the network's output", tol=tol, floor=1.0)
    nothing = Case(**(vars(case) | {"x": torch.zeros_like(case.x)}))
    expected = normalised(case, network(nothing, case.w, case.b))
    assert_close(network(nothing, *got), expected, "its output for x = 0", tol=tol, floor=1.0)


@exercise("fold_batch_norm", points=2)
@given(case=folds(convolution=False), examples=12)
def test_fold_batch_norm_into_a_linear_layer(student, device, case):
    assert_same_network(case, student.fold_batch_norm(*folded_arguments(case), eps=case.eps))


@exercise("fold_batch_norm", points=2)
@given(case=folds(convolution=True), examples=12)
def test_fold_batch_norm_into_a_convolution(student, device, case):
    assert_same_network(case, student.fold_batch_norm(*folded_arguments(case), eps=case.eps))


def hard_fold(*shape: int, dtype=F64, device, **changes) -> Case:
    """Weights of this shape, all numbers of which differ; the layer's input too."""
    how = {"dtype": dtype, "device": device}
    c_out, c_in = shape[:2] if len(shape) == 4 else reversed(shape)
    fields = {
        "x": scrambled(3, c_in, *(k + 1 for k in shape[2:]), **how).flip(0),
        "w": scrambled(*shape, **how),
        "b": scrambled(c_out, **how) + 3,
        "gamma": 1.5 - scrambled(c_out, **how),
        "beta": scrambled(c_out + 1, **how)[1:],
        "mean": scrambled(c_out + 2, **how)[2:],
        "var": scrambled(c_out, **how).abs() + 0.5,
        "eps": 0.1,
    }
    return Case(**(fields | changes))


@exercise("fold_batch_norm", points=1)
def test_fold_batch_norm_scales_the_output_channels(student, device):
    """Also where a transposed scale would fit: square weights, kernels as large as channels."""
    for shape in [(3, 3), (2, 3), (3, 2), (3, 3, 3, 3), (2, 2, 1, 1), (1, 3, 2, 2), (3, 1, 1, 3)]:
        case = hard_fold(*shape, device=device)
        got = student.fold_batch_norm(*folded_arguments(case), eps=case.eps)
        assert_same_network(case, got)


@exercise("fold_batch_norm", points=1)
def test_fold_batch_norm_of_channels_that_never_varied_or_have_no_scale(student, device):
    for dtype in (F32, F64):
        for shape in ((2, 3), (3, 2, 1, 2)):
            how = {"dtype": dtype, "device": device}
            var, gamma = (torch.tensor([*few, 0.7], **how) for few in ((0.0, 2.0), (-0.5, 0.0)))
            case = hard_fold(*shape, **how, var=var, gamma=gamma, eps=1e-5)
            got = student.fold_batch_norm(*folded_arguments(case))
            assert_same_network(case, got)
            out = 0 if len(shape) == 4 else 1
            scale = float(case.gamma[0]) / math.sqrt(1e-5)
            first, zero = (case.w.select(out, i) for i in (0, 1))
            assert_close(got[0].select(out, 0), scale * first, "w of a variance of 0")
            assert_close(got[0].select(out, 1), 0 * zero, "w of a gamma of 0")
            assert_close(got[1][1], case.beta[1], "b of a gamma of 0")


@exercise("fold_batch_norm", points=1)
@given(case=folds(layout="any"), examples=12)
def test_fold_batch_norm_takes_any_layout(student, reference, device, case):
    got = student.fold_batch_norm(*folded_arguments(case), eps=case.eps)
    expected = reference.fold_batch_norm(*folded_arguments(case), eps=case.eps)
    for one, right, name in zip(got, expected, ("w", "b"), strict=True):
        assert_close(one, right, name, floor=1.0)


@exercise("fold_batch_norm", points=1)
@given(case=folds(), examples=4)
def test_fold_batch_norm_changes_nothing_and_refuses_what_makes_no_sense(student, device, case):
    student.fold_batch_norm(*folded_arguments(case), eps=case.eps)
    assert_inputs_unchanged(student)
    w, *vectors = folded_arguments(case)
    wrong = [
        (name, (w, *vectors[:i], bad, *vectors[i + 1 :]), {})
        for i, name in enumerate(("b", "gamma", "beta", "mean", "var"))
        for bad in (torch.cat([vectors[i], vectors[i]]), vectors[i][:, None])
    ]
    # The same vectors for weights with one output more: channels are counted on the right axis.
    more = torch.cat([w, w], dim=1 if w.ndim == 2 else 0)
    assert_refuses(
        student.fold_batch_norm,
        ("w", (w[0] if w.ndim == 4 else w[None], *vectors), {}),
        ("w", (w[0, 0] if w.ndim == 2 else w[None], *vectors), {}),
        ("w", (w[:0] if w.ndim == 2 else w[:, :0], *vectors), {}),
        ("b", (more, *vectors), {}),
        *wrong,
        *[("eps", (w, *vectors), {"eps": eps}) for eps in (0.0, -1.0, math.nan)],
    )
