"""Hidden tests of unit 8: the reference over many inputs, and oracles that are not the reference.

`plain_probabilities` and what is built on it are float64 loops over single numbers.
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

SHARPNESS = st.sampled_from([0.25, 0.5, 1.0, 1.7, 3.0])


@st.composite
def rows(draw, layout="contiguous", values="normal"):
    """A batch x (N, D) and a sharpness t."""
    n, d, dtype = draw(sizes()), draw(sizes(1, 7)), draw(dtypes())
    x = draw(tensors(n, d, dtype=dtype, layout=layout, values=values))
    return Case(x=x, t=draw(SHARPNESS))


@st.composite
def float64_rows(draw):
    """The same in float64, at least two columns, with ties as likely as not."""
    values = draw(st.sampled_from(["normal", "integers"]))
    x = draw(tensors(draw(sizes(1, 3)), draw(sizes(2, 5)), values=values))
    return Case(x=x, t=draw(SHARPNESS))


@st.composite
def maxima(draw, layout="contiguous", values="normal"):
    """Rows x (N, D) and an upstream gradient dout (N,)."""
    n, d, dtype = draw(sizes()), draw(sizes(1, 7)), draw(dtypes())
    return Case(
        dout=draw(tensors(n, dtype=dtype, layout=layout)),
        x=draw(tensors(n, d, dtype=dtype, layout=layout, values=values)),
    )


def plain_probabilities(row, t):
    """The softmax of one row as a list, from its ratios: p_i = 1 / sum_j exp(t (x_j - x_i))."""
    return [1 / math.fsum(math.exp(t * (b - a)) for b in row) for a in row]


def plain_mean(row, t):
    """The soft argmax of one row."""
    return math.fsum(i * p for i, p in enumerate(plain_probabilities(row, t)))


def nudged(row, i, step):
    """The row with one entry changed."""
    return [value + step * (i == k) for k, value in enumerate(row)]


def row_by_row(function, case):
    """A function of one row (a list) applied to every row, as a tensor like x."""
    results = [function(row, case.t) for row in case.x.double().tolist()]
    return torch.tensor(results, dtype=case.x.dtype, device=case.x.device)


def slopes(function, case, step=1e-4):
    """Central differences of a function of one row, with their two leading errors removed."""

    def slope(row, t, i, h):
        return (function(nudged(row, i, h), t) - function(nudged(row, i, -h), t)) / (2 * h)

    def all_slopes(row, t):
        return [
            (4 * slope(row, t, i, step / 2) - slope(row, t, i, step)) / 3 for i in range(len(row))
        ]

    return row_by_row(all_slopes, case)


def extreme_rows(device, dtype):
    """Rows whose exponentials overflow, or underflow beside another row; t x is exact."""
    rows = [
        [10000, 10001, 9999],
        [-10000, -10000, -10001],
        [0, 10000, -10000],
        [-3, -1, -2],
        [20000, -20000, 20000],
    ]
    return torch.tensor(rows, dtype=dtype, device=device)


# Of t times the last place of a number near 1: beyond it t x has no digits after the point, and
# exp(t (x - logsumexp(x))), which is right, cannot be told from what is wrong.
SHARPEST = 1e-6


def near_rows(device, dtype):
    """The same rows brought near 0: what lies far below the maximum lies 1000 below."""
    rows = [[1, 2, 0], [1, 1, 0], [-1000, 0, -1000], [0, 2, 1], [0, -1000, 0]]
    return torch.tensor(rows, dtype=dtype, device=device)


def assert_refuses(function, device, dtype=torch.float64):
    """Fail unless a function of (x, *, t) raises ValueError for each invalid argument."""
    good = torch.ones(2, 3, dtype=dtype, device=device)
    for bad in (good[0], good[None], good[:, :0], good.to(torch.int64)):
        with pytest.raises(ValueError, match=r"\bx\b"):
            function(bad)
    for t in (0, -1.0):
        with pytest.raises(ValueError, match=r"\bt\b"):
            function(good, t=t)


# 8.1 logsumexp ------------------------------------------------------------------------------------


@exercise("logsumexp", points=2)
@given(case=rows(), examples=15)
def test_logsumexp_matches_the_reference(student, reference, device, case):
    expected = reference.logsumexp(case.x, t=case.t)
    assert_close(student.logsumexp(case.x, t=case.t), expected, "logsumexp(x)")


@exercise("logsumexp", points=1)
@given(case=rows(), examples=10)
def test_logsumexp_is_the_logarithm_of_a_sum_of_exponentials(student, device, case):
    expected = row_by_row(lambda x, t: math.log(math.fsum(math.exp(t * v) for v in x)) / t, case)
    assert_close(student.logsumexp(case.x, t=case.t), expected, "logsumexp(x)")


@exercise("logsumexp", points=2)
def test_logsumexp_survives_scores_of_any_size_and_any_sharpness(student, device):
    for dtype in (torch.float32, torch.float64):
        x, near = extreme_rows(device, dtype), near_rows(device, dtype)
        shift = x.amax(1) - near.amax(1)
        for t in (0.5, 2.0):
            expected = torch.logsumexp(t * near, 1) / t + shift
            got = student.logsumexp(x, t=t)
            for n in range(len(x)):  # one by one: the tolerance grows with the largest entry
                assert_close(got[n], expected[n], f"logsumexp(x)[{n}]")
        got = student.logsumexp(near, t=1024.0)
        for n in range(len(x)):
            assert_close(got[n], torch.logsumexp(1024 * near[n], 0) / 1024, f"logsumexp(x)[{n}]")
    equal = torch.full((2, 4), 3.0, dtype=torch.float64, device=device)
    assert_close(student.logsumexp(equal, t=2**-10), equal[:, 0] + 1024 * math.log(4), "small t")


@exercise("logsumexp", points=1)
@given(case=rows(layout="any"), examples=6)
def test_logsumexp_takes_any_layout_and_changes_nothing(student, reference, device, case):
    expected = reference.logsumexp(case.x, t=case.t)
    assert_close(student.logsumexp(case.x, t=case.t), expected, "logsumexp(x)")
    assert_inputs_unchanged(student)


@exercise("logsumexp", points=1)
def test_logsumexp_has_t_equal_to_one_by_default_and_refuses_invalid_arguments(student, device):
    x = near_rows(device, torch.float64)
    assert_close(student.logsumexp(x), torch.logsumexp(x, 1), "logsumexp(x)")
    assert_refuses(student.logsumexp, device)


# 8.2 soft_onehot ----------------------------------------------------------------------------------


@exercise("soft_onehot", points=2)
@given(case=rows(), examples=15)
def test_soft_onehot_matches_the_reference(student, reference, device, case):
    expected = reference.soft_onehot(case.x, t=case.t)
    assert_close(student.soft_onehot(case.x, t=case.t), expected, "p")


@exercise("soft_onehot", points=1)
@given(case=rows(), examples=10)
def test_soft_onehot_has_the_ratios_of_the_exponentials(student, device, case):
    expected = row_by_row(plain_probabilities, case)
    assert_close(student.soft_onehot(case.x, t=case.t), expected, "p")


@exercise("soft_onehot", points=2)
def test_soft_onehot_survives_scores_of_any_size_and_any_sharpness(student, device):
    for dtype in (torch.float32, torch.float64):
        x, near = extreme_rows(device, dtype), near_rows(device, dtype)
        for t in (0.5, 2.0, 1024.0):
            expected = torch.softmax(t * near, 1)
            if t * torch.finfo(dtype).eps < SHARPEST:
                assert_close(student.soft_onehot(x, t=t), expected, "p of large scores")
            assert_close(student.soft_onehot(near, t=t), expected, "p")


@exercise("soft_onehot", points=1)
@given(case=rows(layout="any"), examples=6)
def test_soft_onehot_takes_any_layout_and_changes_nothing(student, reference, device, case):
    expected = reference.soft_onehot(case.x, t=case.t)
    assert_close(student.soft_onehot(case.x, t=case.t), expected, "p")
    assert_inputs_unchanged(student)


@exercise("soft_onehot", points=1)
def test_soft_onehot_has_t_equal_to_one_by_default_and_refuses_invalid_arguments(student, device):
    x = near_rows(device, torch.float64)
    assert_close(student.soft_onehot(x), torch.softmax(x, 1), "p")
    assert_refuses(student.soft_onehot, device)


# 8.3 soft_max_gradient ----------------------------------------------------------------------------


@exercise("soft_max_gradient", points=2)
@given(case=rows(), examples=15)
def test_soft_max_gradient_matches_the_reference(student, reference, device, case):
    expected = reference.soft_max_gradient(case.x, t=case.t)
    assert_close(student.soft_max_gradient(case.x, t=case.t), expected, "the gradient")


@exercise("soft_max_gradient", points=1)
@given(case=float64_rows(), examples=6)
def test_soft_max_gradient_is_the_slope_of_the_soft_maximum(student, device, case):
    expected = slopes(lambda x, t: math.log(math.fsum(math.exp(t * v) for v in x)) / t, case)
    assert_close(student.soft_max_gradient(case.x, t=case.t), expected, "the gradient", tol=1e-6)


@exercise("soft_max_gradient", points=1)
def test_soft_max_gradient_survives_scores_of_any_size_and_any_sharpness(student, device):
    for dtype in (torch.float32, torch.float64):
        x, near = extreme_rows(device, dtype), near_rows(device, dtype)
        for t in (0.5, 1024.0):
            expected = torch.softmax(t * near, 1)
            if t * torch.finfo(dtype).eps < SHARPEST:
                got = student.soft_max_gradient(x, t=t)
                assert_close(got, expected, "the gradient of large scores")
            assert_close(student.soft_max_gradient(near, t=t), expected, "the gradient")


@exercise("soft_max_gradient", points=1)
@given(case=rows(layout="any"), examples=6)
def test_soft_max_gradient_takes_any_layout_and_changes_nothing(student, reference, device, case):
    expected = reference.soft_max_gradient(case.x, t=case.t)
    assert_close(student.soft_max_gradient(case.x, t=case.t), expected, "the gradient")
    assert_inputs_unchanged(student)


@exercise("soft_max_gradient", points=1)
def test_soft_max_gradient_has_t_equal_to_one_by_default_and_refuses_invalid_arguments(
    student, device
):
    x = near_rows(device, torch.float64)
    assert_close(student.soft_max_gradient(x), torch.softmax(x, 1), "the gradient")
    assert_refuses(student.soft_max_gradient, device)


# 8.4 soft_onehot_jacobian -------------------------------------------------------------------------


@exercise("soft_onehot_jacobian", points=2)
@given(case=rows(), examples=15)
def test_soft_onehot_jacobian_matches_the_reference(student, reference, device, case):
    expected = reference.soft_onehot_jacobian(case.x, t=case.t)
    got = student.soft_onehot_jacobian(case.x, t=case.t)
    assert_close(got, expected, "the Jacobian", floor=case.t)


@exercise("soft_onehot_jacobian", points=2)
@given(case=float64_rows(), examples=6)
def test_soft_onehot_jacobian_holds_the_slopes_of_every_probability(student, device, case):
    columns = [
        slopes(lambda x, t, i=i: plain_probabilities(x, t)[i], case) for i in range(case.x.shape[1])
    ]
    got = student.soft_onehot_jacobian(case.x, t=case.t)
    assert_close(got, torch.stack(columns, 1), "the Jacobian", tol=1e-6, floor=case.t)


@exercise("soft_onehot_jacobian", points=1)
def test_soft_onehot_jacobian_is_finite_at_extremes_and_vanishes_away_from_ties(student, device):
    for dtype in (torch.float32, torch.float64):
        x, near = extreme_rows(device, dtype), near_rows(device, dtype)
        p = torch.softmax(near / 2, 1)
        expected = (torch.diag_embed(p) - p[:, :, None] * p[:, None, :]) / 2
        got = student.soft_onehot_jacobian(x, t=0.5)
        assert_close(got, expected, "the Jacobian of large scores")
        clear = torch.tensor([[0, 4, 2], [9, 5, -9]], dtype=dtype, device=device)
        got = student.soft_onehot_jacobian(clear, t=64.0)
        assert_close(got, torch.zeros(2, 3, 3, dtype=dtype, device=device), "away from ties")


@exercise("soft_onehot_jacobian", points=1)
@given(case=rows(layout="any"), examples=6)
def test_soft_onehot_jacobian_takes_any_layout_and_changes_nothing(
    student, reference, device, case
):
    expected = reference.soft_onehot_jacobian(case.x, t=case.t)
    got = student.soft_onehot_jacobian(case.x, t=case.t)
    assert_close(got, expected, "the Jacobian", floor=case.t)
    assert_inputs_unchanged(student)


@exercise("soft_onehot_jacobian", points=1)
def test_soft_onehot_jacobian_has_t_equal_to_one_by_default_and_refuses_invalid_arguments(
    student, device
):
    halves = torch.tensor([[[0.25, -0.25], [-0.25, 0.25]]], dtype=torch.float64, device=device)
    got = student.soft_onehot_jacobian(torch.full_like(halves[:, 0], 7.0))
    assert_close(got, halves, "the Jacobian")
    assert_refuses(student.soft_onehot_jacobian, device)


# 8.5 soft_argmax ----------------------------------------------------------------------------------


@exercise("soft_argmax", points=2)
@given(case=rows(), examples=15)
def test_soft_argmax_matches_the_reference(student, reference, device, case):
    expected = reference.soft_argmax(case.x, t=case.t)
    assert_close(student.soft_argmax(case.x, t=case.t), expected, "s")


@exercise("soft_argmax", points=1)
@given(case=rows(), examples=10)
def test_soft_argmax_is_the_mean_index(student, device, case):
    expected = row_by_row(plain_mean, case)
    assert_close(student.soft_argmax(case.x, t=case.t), expected, "s")


@exercise("soft_argmax", points=2)
def test_soft_argmax_survives_large_scores_and_approaches_the_argmax(student, device):
    for dtype in (torch.float32, torch.float64):
        x, near = extreme_rows(device, dtype), near_rows(device, dtype)
        index = torch.arange(3, dtype=dtype, device=device)
        for t in (0.5, 2.0):
            expected = torch.softmax(t * near, 1) @ index
            assert_close(student.soft_argmax(x, t=t), expected, "s of large scores")
        # Rows 1 and 4 have two maxima, at 0 and 1 and at 0 and 2: the mean lies between them.
        hard = torch.tensor([1, 0.5, 1, 1, 1], dtype=dtype, device=device)
        assert_close(student.soft_argmax(near, t=64.0), hard, "s at t = 64")


@exercise("soft_argmax", points=1)
@given(case=rows(layout="any"), examples=6)
def test_soft_argmax_takes_any_layout_and_changes_nothing(student, reference, device, case):
    expected = reference.soft_argmax(case.x, t=case.t)
    assert_close(student.soft_argmax(case.x, t=case.t), expected, "s")
    assert_inputs_unchanged(student)


@exercise("soft_argmax", points=1)
def test_soft_argmax_has_t_equal_to_one_by_default_and_refuses_invalid_arguments(student, device):
    x = near_rows(device, torch.float64)
    index = torch.arange(3, dtype=x.dtype, device=device)
    assert_close(student.soft_argmax(x), torch.softmax(x, 1) @ index, "s")
    assert_refuses(student.soft_argmax, device)


# 8.6 soft_argmax_gradient -------------------------------------------------------------------------


@exercise("soft_argmax_gradient", points=2)
@given(case=rows(), examples=15)
def test_soft_argmax_gradient_matches_the_reference(student, reference, device, case):
    expected = reference.soft_argmax_gradient(case.x, t=case.t)
    got = student.soft_argmax_gradient(case.x, t=case.t)
    assert_close(got, expected, "the gradient", floor=case.t)


@exercise("soft_argmax_gradient", points=2)
@given(case=float64_rows(), examples=8)
def test_soft_argmax_gradient_is_the_slope_of_the_soft_argmax(student, device, case):
    got = student.soft_argmax_gradient(case.x, t=case.t)
    assert_close(got, slopes(plain_mean, case), "the gradient", tol=1e-6, floor=case.t)


@exercise("soft_argmax_gradient", points=2)
@given(case=float64_rows(), examples=8)
def test_soft_argmax_gradient_sums_to_zero_and_holds_the_variance(student, device, case):
    gradient = student.soft_argmax_gradient(case.x, t=case.t)
    index = torch.arange(case.x.shape[1], dtype=torch.float64, device=device)
    p = torch.softmax(case.t * case.x, 1)
    variance = p @ index**2 - (p @ index) ** 2
    # A constant added to a row changes nothing; a slope added to it, x_i + c i, changes s by
    # c t Var(i): neither holds if only the diagonal of the Jacobian is kept.
    assert_close(gradient.sum(1), torch.zeros_like(variance), "its sum", floor=case.t)
    assert_close(gradient @ index, case.t * variance, "sum_i i ds/dx_i", floor=case.t)


@exercise("soft_argmax_gradient", points=1)
def test_soft_argmax_gradient_vanishes_away_from_ties_and_is_steep_at_them(student, device):
    for dtype in (torch.float32, torch.float64):
        x = torch.tensor([[0, 4, 2], [9, 5, -9]], dtype=dtype, device=device)
        got = student.soft_argmax_gradient(x, t=64.0)
        assert_close(got, torch.zeros_like(x), "the gradient away from ties", floor=1.0)
        x = torch.tensor([[9, 0, 0, 9], [-9, 9999, 9999, 0]], dtype=dtype, device=device)
        expected = torch.tensor([[-48, 0, 0, 48], [0, -16, 16, 0]], dtype=dtype, device=device)
        assert_close(student.soft_argmax_gradient(x, t=64.0), expected, "the gradient at a tie")


@exercise("soft_argmax_gradient", points=1)
@given(case=rows(layout="any"), examples=6)
def test_soft_argmax_gradient_takes_any_layout_and_changes_nothing(
    student, reference, device, case
):
    expected = reference.soft_argmax_gradient(case.x, t=case.t)
    got = student.soft_argmax_gradient(case.x, t=case.t)
    assert_close(got, expected, "the gradient", floor=case.t)
    assert_inputs_unchanged(student)


@exercise("soft_argmax_gradient", points=1)
def test_soft_argmax_gradient_has_t_equal_to_one_by_default_and_refuses_invalid_arguments(
    student, device
):
    got = student.soft_argmax_gradient(torch.ones(1, 3, dtype=torch.float64, device=device))
    third = torch.tensor([[-1 / 3, 0, 1 / 3]], dtype=torch.float64, device=device)
    assert_close(got, third, "the gradient")
    assert_refuses(student.soft_argmax_gradient, device)


# 8.7 max_backward ---------------------------------------------------------------------------------


@exercise("max_backward", points=2)
@given(case=maxima(), examples=15)
def test_max_backward_matches_the_reference(student, reference, device, case):
    expected = reference.max_backward(case.dout, case.x)
    assert_close(student.max_backward(case.dout, case.x), expected, "dx")


@exercise("max_backward", points=2)
@given(case=maxima(values="ties"), examples=10)
@example(case=Case(dout=torch.tensor([2.0, -3.0]), x=torch.zeros(2, 4)))
@example(case=Case(dout=torch.tensor([2.0, -3.0]), x=torch.tensor([[-2.0, -1], [-1, -1]])))
def test_max_backward_gives_all_to_the_first_maximum(student, device, case):
    got = student.max_backward(case.dout, case.x)
    x, expected = case.x.tolist(), torch.zeros_like(case.x, memory_format=torch.contiguous_format)
    for n, row in enumerate(x):
        expected[n, row.index(max(row))] = case.dout[n]
    assert_close(got, expected, "dx")


@exercise("max_backward", points=1)
def test_max_backward_tells_close_numbers_apart(student, device):
    x = [[1, 1 + 1e-12, 1 - 1e-12], [-1e4, -1e4 - 1e-8, -1e4 + 1e-8], [-5, -7, -6]]
    x = torch.tensor(x, dtype=torch.float64, device=device)
    dout = torch.tensor([-0.5, 4, 0.25], dtype=torch.float64, device=device)
    expected = [[0, -0.5, 0], [0, 0, 4], [0.25, 0, 0]]
    expected = torch.tensor(expected, dtype=torch.float64, device=device)
    assert_close(student.max_backward(dout, x), expected, "dx")
    assert_close(student.max_backward(dout * 0, x), expected * 0, "dx of a zero dout")


@exercise("max_backward", points=1)
@given(case=maxima(layout="any", values="integers"), examples=8)
def test_max_backward_takes_any_layout_and_changes_nothing(student, reference, device, case):
    expected = reference.max_backward(case.dout, case.x)
    assert_close(student.max_backward(case.dout, case.x), expected, "dx")
    assert_inputs_unchanged(student)


@exercise("max_backward", points=1)
def test_max_backward_refuses_invalid_arguments(student, device):
    x = torch.ones(2, 3, dtype=torch.float64, device=device)
    for bad in (x[0], x[None], x[:, :0], x.to(torch.int64)):
        with pytest.raises(ValueError, match=r"\bx\b"):
            student.max_backward(x.new_ones(len(bad)), bad)
    for bad in (x[0], x[:, :1], x[:1, 0]):
        with pytest.raises(ValueError, match=r"\bdout\b"):
            student.max_backward(bad, x)
