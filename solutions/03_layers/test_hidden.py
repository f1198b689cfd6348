"""What grades: the reference over drawn inputs, and oracles that are not the reference."""

import math

import pytest
import torch
from hypothesis import strategies as st

from autograder.testing import (
    Case,
    assert_close,
    assert_inputs_unchanged,
    dtypes,
    exercise,
    given,
    labels,
    sizes,
    tensors,
)

# Sums of numbers around 1 have rounding errors to match, also where they cancel to almost nothing.
FLOOR = 0.1

DTYPES = (torch.float32, torch.float64)


def pattern(*shape, dtype, device, start=1.0):
    """A fixed tensor of unequal numbers of both signs."""
    steps = torch.arange(torch.Size(shape).numel(), dtype=dtype, device=device)
    return (2 * torch.sin(start + 1.7 * steps)).reshape(shape)


@st.composite
def layer_cases(draw, *, min_rank=1, values="normal", layout="contiguous"):
    """x of rank `min_rank` to 4 and an upstream gradient of its shape."""
    shape = draw(st.lists(sizes(1, 4), min_size=min_rank, max_size=4))
    dtype = draw(dtypes())
    x = draw(tensors(*shape, dtype=dtype, values=values, layout=layout))
    return Case(x=x, dout=draw(tensors(*shape, dtype=dtype, layout=layout)))


# --- linear_forward ---------------------------------------------------------------------------


@st.composite
def linear_cases(draw, *, min_rank=2, max_rank=2, layout="contiguous"):
    shape = draw(st.lists(sizes(1, 4), min_size=min_rank, max_size=max_rank))
    m = draw(sizes())
    dtype = draw(dtypes())
    return Case(
        x=draw(tensors(*shape, dtype=dtype, layout=layout)),
        w=draw(tensors(math.prod(shape[1:]), m, dtype=dtype, layout=layout)),
        b=draw(tensors(m, dtype=dtype, layout=layout)),
        dout=draw(tensors(shape[0], m, dtype=dtype, layout=layout)),
    )


@exercise("linear_forward", points=2)
@given(case=linear_cases(), examples=12)
def test_linear_forward_matches_the_reference(student, reference, device, case):
    out, _ = student.linear_forward(case.x, case.w, case.b)
    expected, _ = reference.linear_forward(case.x, case.w, case.b)
    assert_close(out, expected, "out", floor=FLOOR)


@exercise("linear_forward", points=2)
@given(case=linear_cases(min_rank=3, max_rank=4), examples=12)
def test_linear_forward_flattens_all_axes_but_the_first(student, reference, device, case):
    out, _ = student.linear_forward(case.x, case.w, case.b)
    expected, _ = reference.linear_forward(case.x, case.w, case.b)
    assert_close(out, expected, "out", floor=FLOOR)


@exercise("linear_forward", points=1)
@given(case=linear_cases(max_rank=4, layout="any"), examples=12)
def test_linear_forward_takes_any_memory_layout(student, reference, device, case):
    out, _ = student.linear_forward(case.x, case.w, case.b)
    expected, _ = reference.linear_forward(case.x, case.w, case.b)
    assert_close(out, expected, "out", floor=FLOOR)


@exercise("linear_forward", points=1)
def test_linear_forward_leaves_its_inputs_alone_and_rejects_wrong_sizes(student, device):
    options = {"dtype": torch.float64, "device": device}
    x, w, b = pattern(3, 2, 2, **options), pattern(4, 3, **options), pattern(3, **options)
    student.linear_forward(x, w, b)
    assert_inputs_unchanged(student)
    for name, arguments in [
        ("x", (x[0, 0], w, b)),
        ("w", (x, w[:3], b)),
        ("w", (x, w[0], b)),
        ("w", (x, w[:, 0], b[0])),
        ("b", (x, w, b[:2])),
        ("b", (x, w, b[None])),
    ]:
        with pytest.raises(ValueError, match=rf"\b{name}\b"):
            student.linear_forward(*arguments)


# --- linear_backward --------------------------------------------------------------------------


def linear_gradients(module, x, w, b, dout):
    """dx, dw, db of a forward and a backward call."""
    _, cache = module.linear_forward(x, w, b)
    return module.linear_backward(dout, cache)


def assert_gradients_close(got, expected, names, **options):
    for one, right, name in zip(got, expected, names, strict=True):
        assert_close(one, right, name, floor=FLOOR, **options)


@exercise("linear_backward", points=2)
@given(case=linear_cases(), examples=8)
def test_linear_backward_gives_the_gradient_of_x(student, reference, device, case):
    _, cache = student.linear_forward(case.x, case.w, case.b)
    dx, _, _ = student.linear_backward(case.dout, cache)
    expected = linear_gradients(reference, case.x, case.w, case.b, case.dout)
    assert_close(dx, expected[0], "dx", floor=FLOOR)


@exercise("linear_backward", points=2)
@given(case=linear_cases(), examples=8)
def test_linear_backward_gives_the_gradient_of_w(student, reference, device, case):
    _, cache = student.linear_forward(case.x, case.w, case.b)
    _, dw, _ = student.linear_backward(case.dout, cache)
    expected = linear_gradients(reference, case.x, case.w, case.b, case.dout)
    assert_close(dw, expected[1], "dw", floor=FLOOR)


@exercise("linear_backward", points=1)
@given(case=linear_cases(), examples=8)
def test_linear_backward_gives_the_gradient_of_b(student, reference, device, case):
    _, cache = student.linear_forward(case.x, case.w, case.b)
    _, _, db = student.linear_backward(case.dout, cache)
    expected = linear_gradients(reference, case.x, case.w, case.b, case.dout)
    assert_close(db, expected[2], "db", floor=FLOOR)


@exercise("linear_backward", points=1)
@given(case=linear_cases(min_rank=3, max_rank=4), examples=8)
def test_linear_backward_gives_dx_the_shape_of_x(student, reference, device, case):
    _, cache = student.linear_forward(case.x, case.w, case.b)
    got = student.linear_backward(case.dout, cache)
    expected = linear_gradients(reference, case.x, case.w, case.b, case.dout)
    assert_gradients_close(got, expected, ("dx", "dw", "db"))


@exercise("linear_backward", points=1)
def test_linear_backward_of_single_and_of_equally_many_samples_features_and_outputs(
    student, device
):
    options = {"dtype": torch.float64, "device": device}
    for n, d, m in [(1, 4, 3), (4, 1, 3), (4, 3, 1), (1, 1, 1), (3, 3, 2), (2, 3, 3), (3, 3, 3)]:
        x, w, b = pattern(n, d, **options), pattern(d, m, start=2, **options), pattern(m, **options)
        dout = pattern(n, m, start=3, **options)
        _, cache = student.linear_forward(x, w, b)
        got = student.linear_backward(dout, cache)
        expected = (
            torch.stack([w @ g for g in dout]),
            sum(torch.outer(sample, g) for sample, g in zip(x, dout, strict=True)),
            sum(dout),
        )
        assert_gradients_close(got, expected, ("dx", "dw", "db"))


@exercise("linear_backward", points=1)
@given(case=linear_cases(max_rank=3), examples=6)
def test_linear_backward_is_linear_in_dout(student, reference, device, case):
    _, cache = student.linear_forward(case.x, case.w, case.b)
    other = case.dout.flip(0) * 0.5
    got = student.linear_backward(2 * case.dout - 3 * other, cache)
    one = linear_gradients(reference, case.x, case.w, case.b, case.dout)
    two = linear_gradients(reference, case.x, case.w, case.b, other)
    expected = [2 * a - 3 * b for a, b in zip(one, two, strict=True)]
    assert_gradients_close(got, expected, ("dx", "dw", "db"))
    nothing = student.linear_backward(torch.zeros_like(case.dout), cache)
    assert_gradients_close(nothing, [torch.zeros_like(g) for g in one], ("dx", "dw", "db"))


@exercise("linear_backward", points=1)
@given(case=linear_cases(max_rank=4, layout="any"), examples=8)
def test_linear_backward_takes_any_memory_layout(student, reference, device, case):
    _, cache = student.linear_forward(case.x, case.w, case.b)
    got = student.linear_backward(case.dout, cache)
    expected = linear_gradients(reference, case.x, case.w, case.b, case.dout)
    assert_gradients_close(got, expected, ("dx", "dw", "db"))


@exercise("linear_backward", points=1)
@given(case=linear_cases(max_rank=3), examples=5)
def test_linear_backward_uses_the_cache_that_it_is_given_and_changes_nothing(
    student, reference, device, case
):
    _, cache = student.linear_forward(case.x, case.w, case.b)
    student.linear_forward(case.x + 1, case.w - 2, case.b)
    expected = linear_gradients(reference, case.x, case.w, case.b, case.dout)
    for _ in range(2):
        got = student.linear_backward(case.dout, cache)
        assert_gradients_close(got, expected, ("dx", "dw", "db"))
    assert_inputs_unchanged(student)


# --- relu_forward -----------------------------------------------------------------------------


@exercise("relu_forward", points=1)
@given(case=layer_cases(), examples=8)
def test_relu_forward_matches_the_reference(student, reference, device, case):
    out, _ = student.relu_forward(case.x)
    assert_close(out, reference.relu_forward(case.x)[0], "out")


@exercise("relu_forward", points=1)
@given(case=layer_cases(values="integers", layout="any"), examples=8)
def test_relu_forward_takes_any_memory_layout(student, reference, device, case):
    out, _ = student.relu_forward(case.x)
    assert_close(out, reference.relu_forward(case.x)[0], "out")


@exercise("relu_forward", points=1)
def test_relu_forward_leaves_its_input_alone_at_any_magnitude(student, device):
    for dtype in DTYPES:
        x = torch.tensor([-1e30, -1.0, -1e-30, 0.0, 1e-30, 2.0, 1e30], dtype=dtype, device=device)
        out, _ = student.relu_forward(x)
        assert_close(out, torch.where(x > 0, x, torch.zeros_like(x)), "out")
        assert_close(out[4:5] / 1e-30, torch.ones_like(x[:1]), "out / 1e-30 at x = 1e-30")
    assert_inputs_unchanged(student)
    with pytest.raises(ValueError, match=r"\bx\b"):
        student.relu_forward(torch.tensor([1, 2], device=device))


# --- relu_backward ----------------------------------------------------------------------------


@exercise("relu_backward", points=1)
@given(case=layer_cases(), examples=8)
def test_relu_backward_matches_the_reference(student, reference, device, case):
    _, cache = student.relu_forward(case.x)
    dx = student.relu_backward(case.dout, cache)
    expected = reference.relu_backward(case.dout, reference.relu_forward(case.x)[1])
    assert_close(dx, expected, "dx")


@exercise("relu_backward", points=1)
def test_relu_backward_gives_zero_where_the_input_was_zero(student, device):
    for dtype in DTYPES:
        x = torch.tensor([[0.0, -0.0, 1e-30], [0.0, -1e-30, 2.0]], dtype=dtype, device=device)
        dout = torch.tensor([[3.0, -4.0, 5.0], [-6.0, 7.0, -8.0]], dtype=dtype, device=device)
        _, cache = student.relu_forward(x)
        dx = student.relu_backward(dout, cache)
        assert_close(dx, torch.tensor([[0, 0, 5], [0, 0, -8]]).to(x), "dx")


@exercise("relu_backward", points=1)
@given(case=layer_cases(), examples=5)
def test_relu_backward_is_linear_in_dout(student, reference, device, case):
    _, cache = student.relu_forward(case.x)
    other = case.dout.flip(0) * 0.5
    dx = student.relu_backward(2 * case.dout - 3 * other, cache)
    _, known = reference.relu_forward(case.x)
    one, two = reference.relu_backward(case.dout, known), reference.relu_backward(other, known)
    assert_close(dx, 2 * one - 3 * two, "dx", floor=FLOOR)
    nothing = student.relu_backward(torch.zeros_like(case.dout), cache)
    assert_close(nothing, torch.zeros_like(case.dout), "dx of zeros")


@exercise("relu_backward", points=1)
@given(case=layer_cases(values="integers", layout="any"), examples=8)
def test_relu_backward_takes_any_memory_layout(student, reference, device, case):
    _, cache = student.relu_forward(case.x)
    dx = student.relu_backward(case.dout, cache)
    expected = reference.relu_backward(case.dout, reference.relu_forward(case.x)[1])
    assert_close(dx, expected, "dx")


@exercise("relu_backward", points=1)
@given(case=layer_cases(), examples=4)
def test_relu_backward_uses_the_cache_that_it_is_given_and_changes_nothing(
    student, reference, device, case
):
    _, cache = student.relu_forward(case.x)
    student.relu_forward(-case.x)
    expected = reference.relu_backward(case.dout, reference.relu_forward(case.x)[1])
    for _ in range(2):
        assert_close(student.relu_backward(case.dout, cache), expected, "dx")
    assert_inputs_unchanged(student)


# --- sigmoid_forward --------------------------------------------------------------------------

# Where float32 and float64 exponentials overflow or underflow (89, 104, 710, 746), and far beyond.
EXTREMES = (0.0, 1.0, 15.0, 30.0, 50.0, 88.0, 89.0, 104.0, 500.0, 709.0, 710.0, 746.0, 1e3, 1e4)


def extremes(dtype, device):
    """Both signs of every extreme."""
    magnitudes = torch.tensor(EXTREMES, dtype=dtype, device=device)
    return torch.stack([magnitudes, -magnitudes])


@exercise("sigmoid_forward", points=2)
@given(case=layer_cases(), examples=12)
def test_sigmoid_forward_matches_the_reference(student, reference, device, case):
    out, _ = student.sigmoid_forward(case.x)
    assert_close(out, reference.sigmoid_forward(case.x)[0], "out", floor=FLOOR)


@exercise("sigmoid_forward", points=1)
def test_sigmoid_forward_is_finite_and_right_for_every_magnitude(student, device):
    for dtype in DTYPES:
        x = extremes(dtype, device)
        out, _ = student.sigmoid_forward(x)
        assert_close(out, torch.sigmoid(x), "out")
        for sign, limit in ((0, 1.0), (1, 0.0)):
            far, _ = student.sigmoid_forward(x[sign, -6:])  # nothing else in the tensor
            assert_close(far, torch.full_like(x[0, -6:], limit), "out")


@exercise("sigmoid_forward", points=1)
@given(case=layer_cases(values="integers", layout="any"), examples=8)
def test_sigmoid_forward_takes_any_memory_layout(student, reference, device, case):
    out, _ = student.sigmoid_forward(case.x)
    assert_close(out, reference.sigmoid_forward(case.x)[0], "out", floor=FLOOR)


@exercise("sigmoid_forward", points=1)
def test_sigmoid_forward_leaves_its_input_alone_and_rejects_integers(student, device):
    x = pattern(2, 3, dtype=torch.float64, device=device)
    student.sigmoid_forward(x)
    assert_inputs_unchanged(student)
    with pytest.raises(ValueError, match=r"\bx\b"):
        student.sigmoid_forward(torch.tensor([1, 2], device=device))


# --- sigmoid_backward -------------------------------------------------------------------------


@exercise("sigmoid_backward", points=2)
@given(case=layer_cases(), examples=8)
def test_sigmoid_backward_matches_the_reference(student, reference, device, case):
    _, cache = student.sigmoid_forward(case.x)
    dx = student.sigmoid_backward(case.dout, cache)
    expected = reference.sigmoid_backward(case.dout, reference.sigmoid_forward(case.x)[1])
    assert_close(dx, expected, "dx", floor=FLOOR)


@exercise("sigmoid_backward", points=1)
@given(case=layer_cases(), examples=5)
def test_sigmoid_backward_is_linear_in_dout(student, reference, device, case):
    _, cache = student.sigmoid_forward(case.x)
    other = case.dout.flip(0) * 0.5
    dx = student.sigmoid_backward(2 * case.dout - 3 * other, cache)
    _, known = reference.sigmoid_forward(case.x)
    one = reference.sigmoid_backward(case.dout, known)
    two = reference.sigmoid_backward(other, known)
    assert_close(dx, 2 * one - 3 * two, "dx", floor=FLOOR)
    nothing = student.sigmoid_backward(torch.zeros_like(case.dout), cache)
    assert_close(nothing, torch.zeros_like(case.dout), "dx of zeros")


@exercise("sigmoid_backward", points=1)
def test_sigmoid_backward_vanishes_for_large_inputs(student, device):
    for dtype in DTYPES:
        x = extremes(dtype, device)
        dout = pattern(*x.shape, dtype=dtype, device=device)
        _, cache = student.sigmoid_forward(x)
        dx = student.sigmoid_backward(dout, cache)
        e = torch.exp(-x.abs())
        assert_close(dx, dout * e / (1 + e) ** 2, "dx")


@exercise("sigmoid_backward", points=1)
@given(case=layer_cases(layout="any"), examples=8)
def test_sigmoid_backward_takes_any_memory_layout(student, reference, device, case):
    _, cache = student.sigmoid_forward(case.x)
    dx = student.sigmoid_backward(case.dout, cache)
    expected = reference.sigmoid_backward(case.dout, reference.sigmoid_forward(case.x)[1])
    assert_close(dx, expected, "dx", floor=FLOOR)


@exercise("sigmoid_backward", points=1)
@given(case=layer_cases(), examples=4)
def test_sigmoid_backward_uses_the_cache_that_it_is_given_and_changes_nothing(
    student, reference, device, case
):
    _, cache = student.sigmoid_forward(case.x)
    student.sigmoid_forward(case.x + 3)
    expected = reference.sigmoid_backward(case.dout, reference.sigmoid_forward(case.x)[1])
    for _ in range(2):
        dx = student.sigmoid_backward(case.dout, cache)
        assert_close(dx, expected, "dx", floor=FLOOR)
    assert_inputs_unchanged(student)


# --- tanh_forward -----------------------------------------------------------------------------


@exercise("tanh_forward", points=2)
@given(case=layer_cases(), examples=12)
def test_tanh_forward_matches_the_reference(student, reference, device, case):
    out, _ = student.tanh_forward(case.x)
    assert_close(out, reference.tanh_forward(case.x)[0], "out", floor=FLOOR)


@exercise("tanh_forward", points=1)
def test_tanh_forward_is_finite_and_right_for_every_magnitude(student, device):
    for dtype in DTYPES:
        x = extremes(dtype, device)
        out, _ = student.tanh_forward(x)
        assert_close(out, torch.tanh(x), "out")
        for sign, limit in ((0, 1.0), (1, -1.0)):
            far, _ = student.tanh_forward(x[sign, -6:])  # nothing else in the tensor
            assert_close(far, torch.full_like(x[0, -6:], limit), "out")


@exercise("tanh_forward", points=1)
@given(case=layer_cases(values="integers", layout="any"), examples=8)
def test_tanh_forward_takes_any_memory_layout(student, reference, device, case):
    out, _ = student.tanh_forward(case.x)
    assert_close(out, reference.tanh_forward(case.x)[0], "out", floor=FLOOR)


@exercise("tanh_forward", points=1)
def test_tanh_forward_leaves_its_input_alone_and_rejects_integers(student, device):
    x = pattern(2, 3, dtype=torch.float64, device=device)
    student.tanh_forward(x)
    assert_inputs_unchanged(student)
    with pytest.raises(ValueError, match=r"\bx\b"):
        student.tanh_forward(torch.tensor([1, 2], device=device))


# --- tanh_backward ----------------------------------------------------------------------------


@exercise("tanh_backward", points=2)
@given(case=layer_cases(), examples=8)
def test_tanh_backward_matches_the_reference(student, reference, device, case):
    _, cache = student.tanh_forward(case.x)
    dx = student.tanh_backward(case.dout, cache)
    expected = reference.tanh_backward(case.dout, reference.tanh_forward(case.x)[1])
    assert_close(dx, expected, "dx", floor=FLOOR)


@exercise("tanh_backward", points=1)
@given(case=layer_cases(), examples=5)
def test_tanh_backward_is_linear_in_dout(student, reference, device, case):
    _, cache = student.tanh_forward(case.x)
    other = case.dout.flip(0) * 0.5
    dx = student.tanh_backward(2 * case.dout - 3 * other, cache)
    _, known = reference.tanh_forward(case.x)
    one, two = reference.tanh_backward(case.dout, known), reference.tanh_backward(other, known)
    assert_close(dx, 2 * one - 3 * two, "dx", floor=FLOOR)
    nothing = student.tanh_backward(torch.zeros_like(case.dout), cache)
    assert_close(nothing, torch.zeros_like(case.dout), "dx of zeros")


@exercise("tanh_backward", points=1)
def test_tanh_backward_vanishes_for_large_inputs(student, device):
    for dtype in DTYPES:
        x = extremes(dtype, device)
        dout = pattern(*x.shape, dtype=dtype, device=device)
        _, cache = student.tanh_forward(x)
        dx = student.tanh_backward(dout, cache)
        e = torch.exp(-2 * x.abs())
        assert_close(dx, dout * 4 * e / (1 + e) ** 2, "dx")


@exercise("tanh_backward", points=1)
@given(case=layer_cases(layout="any"), examples=8)
def test_tanh_backward_takes_any_memory_layout(student, reference, device, case):
    _, cache = student.tanh_forward(case.x)
    dx = student.tanh_backward(case.dout, cache)
    expected = reference.tanh_backward(case.dout, reference.tanh_forward(case.x)[1])
    assert_close(dx, expected, "dx", floor=FLOOR)


@exercise("tanh_backward", points=1)
@given(case=layer_cases(), examples=4)
def test_tanh_backward_uses_the_cache_that_it_is_given_and_changes_nothing(
    student, reference, device, case
):
    _, cache = student.tanh_forward(case.x)
    student.tanh_forward(case.x + 3)
    expected = reference.tanh_backward(case.dout, reference.tanh_forward(case.x)[1])
    for _ in range(2):
        assert_close(student.tanh_backward(case.dout, cache), expected, "dx", floor=FLOOR)
    assert_inputs_unchanged(student)


# --- softmax_forward --------------------------------------------------------------------------

# float32 numbers around 1e4 are 1e-3 apart: x - logsumexp(x) is right to that, and as good an
# answer as the one that subtracts the maximum first.
COARSE = {torch.float32: 3e-3, torch.float64: None}


@exercise("softmax_forward", points=2)
@given(case=layer_cases(min_rank=2), examples=12)
def test_softmax_forward_matches_the_reference(student, reference, device, case):
    out, _ = student.softmax_forward(case.x)
    assert_close(out, reference.softmax_forward(case.x)[0], "out", floor=FLOOR)


@exercise("softmax_forward", points=2)
@given(case=layer_cases(min_rank=3, values="integers"), examples=12)
def test_softmax_forward_makes_each_sample_sum_to_one(student, reference, device, case):
    out, _ = student.softmax_forward(case.x)
    assert_close(out, reference.softmax_forward(case.x)[0], "out", floor=FLOOR)
    assert_close(out.flatten(1).sum(1), torch.ones_like(case.x.flatten(1)[:, 0]), "sums")


@exercise("softmax_forward", points=1)
def test_softmax_forward_is_right_for_large_inputs(student, device):
    for dtype in DTYPES:
        small = torch.tensor([[0.0, 1.0, -2.0], [3.0, 0.0, 3.0]], dtype=dtype, device=device)
        for level in (1e3, -1e3, 1e4, -1e4):
            out, _ = student.softmax_forward(small + level)
            assert_close(out, torch.softmax(small, 1), "out", tol=COARSE[dtype])
        apart = torch.tensor([[0.0, 1e4, -1e4], [1e3, 1e3, -1e3]], dtype=dtype, device=device)
        out, _ = student.softmax_forward(apart)
        assert_close(out, torch.tensor([[0, 1, 0], [0.5, 0.5, 0]]).to(apart), "out")


@exercise("softmax_forward", points=1)
def test_softmax_forward_shifts_every_sample_by_its_own_maximum(student, device):
    for dtype in DTYPES:
        small = torch.tensor([[0.0, 1.0], [2.0, -1.0], [1.0, 1.0]], dtype=dtype, device=device)
        levels = torch.tensor([[0.0], [-2e3], [1e4]], dtype=dtype, device=device)
        out, _ = student.softmax_forward(small + levels)
        assert_close(out, torch.softmax(small, 1), "out", tol=COARSE[dtype])


@exercise("softmax_forward", points=1)
@given(case=layer_cases(min_rank=2, layout="any"), examples=12)
def test_softmax_forward_takes_any_memory_layout(student, reference, device, case):
    out, _ = student.softmax_forward(case.x)
    assert_close(out, reference.softmax_forward(case.x)[0], "out", floor=FLOOR)


@exercise("softmax_forward", points=1)
def test_softmax_forward_leaves_its_input_alone_and_rejects_a_vector(student, device):
    x = pattern(2, 3, 2, dtype=torch.float64, device=device)
    student.softmax_forward(x)
    assert_inputs_unchanged(student)
    with pytest.raises(ValueError, match=r"\bx\b"):
        student.softmax_forward(x[0, 0])


# --- softmax_backward -------------------------------------------------------------------------


@exercise("softmax_backward", points=2)
@given(case=layer_cases(min_rank=2), examples=8)
def test_softmax_backward_matches_the_reference(student, reference, device, case):
    _, cache = student.softmax_forward(case.x)
    dx = student.softmax_backward(case.dout, cache)
    expected = reference.softmax_backward(case.dout, reference.softmax_forward(case.x)[1])
    assert_close(dx, expected, "dx", floor=FLOOR)


@exercise("softmax_backward", points=2)
def test_softmax_backward_applies_the_jacobian_of_each_sample(student, device):
    for dtype in DTYPES:
        for shape in [(1, 4), (3, 3), (2, 2, 3), (3, 1, 2), (2, 3, 2, 2)]:
            x = pattern(*shape, dtype=dtype, device=device)
            dout = pattern(*shape, dtype=dtype, device=device, start=2.5)
            _, cache = student.softmax_forward(x)
            dx = student.softmax_backward(dout, cache)
            p = torch.softmax(x.flatten(1), 1)
            expected = [
                (torch.diag(row) - torch.outer(row, row)) @ g
                for row, g in zip(p, dout.flatten(1), strict=True)
            ]
            assert_close(dx, torch.stack(expected).reshape(shape), "dx", floor=FLOOR)


@exercise("softmax_backward", points=1)
@given(case=layer_cases(min_rank=2), examples=5)
def test_softmax_backward_is_linear_in_dout(student, reference, device, case):
    _, cache = student.softmax_forward(case.x)
    other = case.dout.flip(0) * 0.5
    dx = student.softmax_backward(2 * case.dout - 3 * other, cache)
    _, known = reference.softmax_forward(case.x)
    one = reference.softmax_backward(case.dout, known)
    two = reference.softmax_backward(other, known)
    assert_close(dx, 2 * one - 3 * two, "dx", floor=FLOOR)
    nothing = student.softmax_backward(torch.zeros_like(case.dout), cache)
    assert_close(nothing, torch.zeros_like(case.dout), "dx of zeros")


@exercise("softmax_backward", points=1)
def test_softmax_backward_is_right_for_large_inputs(student, device):
    for dtype in DTYPES:
        small = torch.tensor([[0.0, 1.0, -2.0], [3.0, 0.0, 3.0]], dtype=dtype, device=device)
        dout = pattern(2, 3, dtype=dtype, device=device)
        p = torch.softmax(small, 1)
        expected = p * (dout - (dout * p).sum(1, keepdim=True))
        for level in (1e3, -1e4):
            _, cache = student.softmax_forward(small + level)
            dx = student.softmax_backward(dout, cache)
            assert_close(dx, expected, "dx", tol=COARSE[dtype], floor=1.0)


@exercise("softmax_backward", points=1)
@given(case=layer_cases(min_rank=2, layout="any"), examples=8)
def test_softmax_backward_takes_any_memory_layout(student, reference, device, case):
    _, cache = student.softmax_forward(case.x)
    dx = student.softmax_backward(case.dout, cache)
    expected = reference.softmax_backward(case.dout, reference.softmax_forward(case.x)[1])
    assert_close(dx, expected, "dx", floor=FLOOR)


@exercise("softmax_backward", points=1)
@given(case=layer_cases(min_rank=2), examples=4)
def test_softmax_backward_uses_the_cache_that_it_is_given_and_changes_nothing(
    student, reference, device, case
):
    _, cache = student.softmax_forward(case.x)
    student.softmax_forward(2 * case.x.flip(0))
    expected = reference.softmax_backward(case.dout, reference.softmax_forward(case.x)[1])
    for _ in range(2):
        assert_close(student.softmax_backward(case.dout, cache), expected, "dx", floor=FLOOR)
    assert_inputs_unchanged(student)


# --- collapse_affine --------------------------------------------------------------------------


@st.composite
def two_affine_layers(draw, *, layout="contiguous"):
    d, h, m = (draw(sizes()) for _ in range(3))
    dtype = draw(dtypes())
    return Case(
        w1=draw(tensors(d, h, dtype=dtype, layout=layout)),
        b1=draw(tensors(h, dtype=dtype, layout=layout)),
        w2=draw(tensors(h, m, dtype=dtype, layout=layout)),
        b2=draw(tensors(m, dtype=dtype, layout=layout)),
    )


@exercise("collapse_affine", points=2)
@given(case=two_affine_layers(), examples=12)
def test_collapse_affine_matches_the_reference(student, reference, device, case):
    got = student.collapse_affine(case.w1, case.b1, case.w2, case.b2)
    expected = reference.collapse_affine(case.w1, case.b1, case.w2, case.b2)
    assert_gradients_close(got, expected, ("w", "b"))


@exercise("collapse_affine", points=1)
def test_collapse_affine_twice_makes_one_layer_of_three(student, device):
    options = {"dtype": torch.float64, "device": device}
    w1, b1 = pattern(3, 4, **options), pattern(4, **options)
    w2, b2 = pattern(4, 4, start=2, **options), pattern(4, start=2, **options)
    w3, b3 = pattern(4, 2, start=3, **options), pattern(2, start=3, **options)
    w, b = student.collapse_affine(*student.collapse_affine(w1, b1, w2, b2), w3, b3)
    x = pattern(5, 3, start=4, **options)
    assert_close(x @ w + b, ((x @ w1 + b1) @ w2 + b2) @ w3 + b3, "x @ w + b")


@exercise("collapse_affine", points=1)
@given(case=two_affine_layers(layout="any"), examples=8)
def test_collapse_affine_takes_any_memory_layout(student, reference, device, case):
    got = student.collapse_affine(case.w1, case.b1, case.w2, case.b2)
    expected = reference.collapse_affine(case.w1, case.b1, case.w2, case.b2)
    assert_gradients_close(got, expected, ("w", "b"))


@exercise("collapse_affine", points=1)
def test_collapse_affine_leaves_its_inputs_alone_and_rejects_wrong_sizes(student, device):
    options = {"dtype": torch.float64, "device": device}
    w1, b1 = pattern(2, 3, **options), pattern(3, **options)
    w2, b2 = pattern(3, 4, **options), pattern(4, **options)
    student.collapse_affine(w1, b1, w2, b2)
    assert_inputs_unchanged(student)
    for name, arguments in [
        ("w1", (w1[0], b1, w2, b2)),
        ("w1", (w1[0, 0], b1, w2, b2)),
        ("b1", (w1, b1[:2], w2, b2)),
        ("w2", (w1, b1, w2[:2], b2)),
        ("b2", (w1, b1, w2, b2[:3])),
    ]:
        with pytest.raises(ValueError, match=rf"\b{name}\b"):
            student.collapse_affine(*arguments)


# --- two_layer_loss ---------------------------------------------------------------------------

ACTIVATIONS = ("relu", "sigmoid", "tanh")
PARTS = ("loss", "dw1", "db1", "dw2", "db2")


@st.composite
def networks(draw, *, min_rank=2, max_rank=2, layout="contiguous", samples=(1, 6)):
    shape = [
        draw(sizes(*samples)),
        *draw(st.lists(sizes(1, 3), min_size=min_rank - 1, max_size=max_rank - 1)),
    ]
    h, c = draw(sizes()), draw(sizes(2, 5))
    dtype = draw(dtypes())
    return Case(
        x=draw(tensors(*shape, dtype=dtype, layout=layout)),
        y=draw(labels(shape[0], c)),
        w1=draw(tensors(math.prod(shape[1:]), h, dtype=dtype, layout=layout)),
        b1=draw(tensors(h, dtype=dtype, layout=layout)),
        w2=draw(tensors(h, c, dtype=dtype, layout=layout)),
        b2=draw(tensors(c, dtype=dtype, layout=layout)),
        activation=draw(st.sampled_from(ACTIVATIONS)),
    )


def arguments_of(case):
    return case.x, case.y, case.w1, case.b1, case.w2, case.b2


@exercise("two_layer_loss", points=2)
@given(case=networks(), examples=15)
def test_two_layer_loss_gives_the_loss(student, reference, device, case):
    loss, *_ = student.two_layer_loss(*arguments_of(case), activation=case.activation)
    expected, *_ = reference.two_layer_loss(*arguments_of(case), activation=case.activation)
    assert_close(loss, expected, "loss", floor=FLOOR)


@exercise("two_layer_loss", points=2)
@given(case=networks(), examples=15)
def test_two_layer_loss_gives_the_gradients_of_the_second_layer(student, reference, device, case):
    got = student.two_layer_loss(*arguments_of(case), activation=case.activation)
    expected = reference.two_layer_loss(*arguments_of(case), activation=case.activation)
    assert_gradients_close(got[3:], expected[3:], PARTS[3:])


@exercise("two_layer_loss", points=2)
@given(case=networks(), examples=15)
def test_two_layer_loss_gives_the_gradients_of_the_first_layer(student, reference, device, case):
    got = student.two_layer_loss(*arguments_of(case), activation=case.activation)
    expected = reference.two_layer_loss(*arguments_of(case), activation=case.activation)
    assert_gradients_close(got[1:3], expected[1:3], PARTS[1:3])


@exercise("two_layer_loss", points=2)
@given(case=networks(), reg=st.sampled_from([0.25, 1.0, 3.0]), examples=8)
def test_two_layer_loss_adds_half_the_squared_weights(student, device, case, reg):
    without = student.two_layer_loss(*arguments_of(case), activation=case.activation)
    penalised = student.two_layer_loss(*arguments_of(case), reg=reg, activation=case.activation)
    added = (
        reg / 2 * ((case.w1**2).sum() + (case.w2**2).sum()),
        reg * case.w1,
        torch.zeros_like(case.b1),
        reg * case.w2,
        torch.zeros_like(case.b2),
    )
    expected = [a + b for a, b in zip(without, added, strict=True)]
    assert_gradients_close(penalised, expected, PARTS)


@exercise("two_layer_loss", points=1)
@given(case=networks(min_rank=3, max_rank=4), examples=8)
def test_two_layer_loss_flattens_the_samples(student, reference, device, case):
    got = student.two_layer_loss(*arguments_of(case), reg=0.5, activation=case.activation)
    expected = reference.two_layer_loss(*arguments_of(case), reg=0.5, activation=case.activation)
    assert_gradients_close(got, expected, PARTS)


@exercise("two_layer_loss", points=2)
def test_two_layer_loss_stays_finite_for_a_confident_wrong_answer(student, device):
    for dtype in DTYPES:
        options = {"dtype": dtype, "device": device}
        x = torch.tensor([[1.0, -1.0], [-1.0, 1.0]], **options)
        one, nothing = torch.eye(2, **options), torch.zeros(2, **options)
        w2 = torch.tensor([[1e4, 0.0], [0.0, 1e3]], **options)
        y = torch.tensor([1, 0], device=device)
        got = student.two_layer_loss(x, y, one, nothing, w2, nothing)
        expected = (
            torch.tensor(5500.0, **options),  # the mean of 1e4 and 1e3
            torch.tensor([[5000.0, -500.0], [-5000.0, 500.0]], **options),
            torch.tensor([5000.0, 500.0], **options),
            torch.tensor([[0.5, -0.5], [-0.5, 0.5]], **options),
            nothing,
        )
        assert_gradients_close(got, expected, PARTS)


@exercise("two_layer_loss", points=1)
def test_two_layer_loss_follows_the_conventions_where_the_activation_bends(student, device):
    """All pre-activations are exactly 0: ReLU has slope 0 there, the sigmoid is 1/2."""
    options = {"dtype": torch.float64, "device": device}
    x, y = pattern(3, 2, **options), torch.tensor([0, 2, 1], device=device)
    w1, b1 = torch.zeros(2, 4, **options), torch.zeros(4, **options)
    w2, b2 = pattern(4, 3, start=2, **options), pattern(3, start=3, **options)
    for activation, value, slope in (
        ("relu", 0.0, 0.0),
        ("sigmoid", 0.5, 0.25),
        ("tanh", 0.0, 1.0),
    ):
        hidden = torch.full((3, 4), value, **options)
        scores = hidden @ w2 + b2
        dscores = torch.softmax(scores, 1) - torch.nn.functional.one_hot(y, 3)
        dscores = dscores / 3
        dhidden = slope * (dscores @ w2.T)
        loss = torch.nn.functional.cross_entropy(scores, y)
        expected = (loss, x.T @ dhidden, dhidden.sum(0), hidden.T @ dscores, dscores.sum(0))
        got = student.two_layer_loss(x, y, w1, b1, w2, b2, activation=activation)
        assert_close(got, expected, f"(loss, dw1, db1, dw2, db2) with {activation}")


@exercise("two_layer_loss", points=1)
def test_two_layer_loss_is_finite_when_the_activations_saturate(student, reference, device):
    for activation in ACTIVATIONS:
        options = {"dtype": torch.float64, "device": device}
        x, w1 = 1e3 * pattern(4, 3, **options), pattern(3, 5, start=2, **options)
        w2 = pattern(5, 3, start=3, **options)
        b1, b2 = pattern(5, **options), pattern(3, **options)
        y = torch.tensor([0, 2, 1, 1], device=device)
        got = student.two_layer_loss(x, y, w1, b1, w2, b2, reg=0.1, activation=activation)
        expected = reference.two_layer_loss(x, y, w1, b1, w2, b2, reg=0.1, activation=activation)
        assert_gradients_close(got, expected, PARTS)


@exercise("two_layer_loss", points=1)
@given(case=networks(max_rank=4, layout="any"), examples=8)
def test_two_layer_loss_takes_any_memory_layout(student, reference, device, case):
    got = student.two_layer_loss(*arguments_of(case), reg=0.5, activation=case.activation)
    expected = reference.two_layer_loss(*arguments_of(case), reg=0.5, activation=case.activation)
    assert_gradients_close(got, expected, PARTS)


@exercise("two_layer_loss", points=1)
@given(case=networks(samples=(2, 3)), examples=3)
def test_two_layer_loss_leaves_its_inputs_alone_and_rejects_what_makes_no_sense(
    student, device, case
):
    x, y, w1, b1, w2, b2 = arguments_of(case)
    student.two_layer_loss(*arguments_of(case), reg=0.5, activation=case.activation)
    assert_inputs_unchanged(student)
    below, above = torch.zeros_like(y), torch.zeros_like(y)
    below[0], above[0] = -1, w2.shape[1]  # one wrong label among right ones
    for name, arguments in [
        ("x", (x[0], y, w1, b1, w2, b2)),
        ("y", (x, y[:-1], w1, b1, w2, b2)),
        ("y", (x, y + w2.shape[1], w1, b1, w2, b2)),
        ("y", (x, y.to(x.dtype), w1, b1, w2, b2)),
        ("y", (x, below, w1, b1, w2, b2)),
        ("y", (x, above, w1, b1, w2, b2)),
        ("y", (x[:0], y[:0], w1, b1, w2, b2)),
        ("w1", (x, y, w1[:-1], b1, w2, b2)),
        ("b1", (x, y, w1, b1[:-1], w2, b2)),
        ("w2", (x, y, w1, b1, w2[:-1], b2)),
        ("b2", (x, y, w1, b1, w2, b2[:-1])),
    ]:
        with pytest.raises(ValueError, match=rf"\b{name}\b"):
            student.two_layer_loss(*arguments)
    with pytest.raises(ValueError, match=r"\breg\b"):
        student.two_layer_loss(*arguments_of(case), reg=-0.5)
    with pytest.raises(ValueError, match=r"\bactivation\b"):
        student.two_layer_loss(*arguments_of(case), activation="none")
