"""Hidden tests of unit 4: the reference over drawn inputs, plain loops, identities, edges."""

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

DTYPES = (torch.float32, torch.float64)

# Sums of numbers around 1 have rounding errors to match, also where they cancel to almost nothing.
ONE = {"floor": 1.0}

# Linear equations multiply rounding errors by their condition number, up to some thousands here,
# and another way to solve them (a column of ones, least squares) has another one.
SOLVED = {torch.float32: 5e-4, torch.float64: 1e-9}


def numbers(values, dtype, device):
    """A tensor of these numbers."""
    return torch.tensor(values, dtype=dtype, device=device)


def pattern(*shape, dtype, device, start=1.0):
    """A fixed tensor of unequal numbers of both signs, also on a grid of several axes."""
    steps = torch.arange(torch.Size(shape).numel(), dtype=torch.float64, device=device)
    return (2 * torch.sin(start + 1.7 * steps)).reshape(shape).to(dtype)


def assert_refuses(name, function, *args, **kwargs):
    """Fail unless the call raises a ValueError whose sentence names the argument."""
    with pytest.raises(ValueError, match=rf"\b{name}\b"):
        function(*args, **kwargs)


# l2_penalty ---------------------------------------------------------------------------------------


@st.composite
def weight_lists(draw, *, layout="contiguous"):
    dtype = draw(dtypes())
    weights = []
    for _ in range(draw(sizes(1, 4))):
        shape = draw(st.lists(sizes(1, 4), min_size=0, max_size=3))
        weights.append(draw(tensors(*shape, dtype=dtype, layout=layout)))
    return Case(weights=weights, reg=draw(st.sampled_from([0.01, 0.5, 1.0, 3.0])))


@exercise("l2_penalty", points=1)
@given(case=weight_lists(), examples=10)
def test_l2_penalty_is_half_the_sum_of_all_squares(student, device, case):
    penalty, _ = student.l2_penalty(case.weights, reg=case.reg)
    squares = [v * v for w in case.weights for v in w.double().flatten().tolist()]
    expected = numbers(case.reg * math.fsum(squares) / 2, case.weights[0].dtype, device)
    assert_close(penalty, expected, "penalty")


@exercise("l2_penalty", points=1)
@given(case=weight_lists(), examples=10)
def test_l2_penalty_has_the_gradient_of_the_reference(student, reference, case):
    _, dweights = student.l2_penalty(case.weights, reg=case.reg)
    expected = reference.l2_penalty(case.weights, reg=case.reg)[1]
    assert_close(dweights, expected, "dweights")


@exercise("l2_penalty", points=1)
def test_l2_penalty_of_zeros_of_nothing_to_pay_and_of_hard_sizes(student, device):
    for dtype in DTYPES:
        zeros = [numbers([[0.0, 0.0]], dtype, device), numbers(0.0, dtype, device)]
        nothing = numbers(0.0, dtype, device)
        assert_close(student.l2_penalty(zeros, reg=3.0), (nothing, zeros), "of zeros")
        weights = [numbers([[3.0, -4.0]], dtype, device), numbers(-2.0, dtype, device)]
        assert_close(student.l2_penalty(weights, reg=0.0), (nothing, zeros), "for reg = 0")
        for scale in (1e-9, 1.0, 1e9):
            scaled = [scale * w for w in weights]
            penalty, dweights = student.l2_penalty(scaled, reg=2)
            assert_close(penalty / scale / scale, nothing + 29, f"the penalty / {scale}^2")
            assert_close([g / scale for g in dweights], [2 * w for w in weights], "dweights")
    assert_inputs_unchanged(student)


@exercise("l2_penalty", points=1)
@given(case=weight_lists(layout="any"), examples=6)
def test_l2_penalty_takes_any_layout_and_leaves_it_alone(student, reference, case):
    got = student.l2_penalty(case.weights, reg=case.reg)
    assert_close(got, reference.l2_penalty(case.weights, reg=case.reg), "(penalty, dweights)")
    assert_inputs_unchanged(student)
    assert_refuses("weights", student.l2_penalty, [], reg=case.reg)
    assert_refuses("weights", student.l2_penalty, [*case.weights, case.weights[0].long()], reg=1.0)
    assert_refuses("reg", student.l2_penalty, case.weights, reg=-case.reg)


# weight_decay_step --------------------------------------------------------------------------------


@st.composite
def steps(draw, *, layout="contiguous"):
    shape = draw(st.lists(sizes(1, 4), min_size=0, max_size=3))
    dtype = draw(dtypes())
    return Case(
        w=draw(tensors(*shape, dtype=dtype, layout=layout)),
        grad_sum=draw(tensors(*shape, dtype=dtype, layout=layout)),
        lr=draw(st.sampled_from([0.02, 0.3, 1.0])),
        reg=draw(st.sampled_from([0.0, 0.5, 1.0, 3.0])),
        batch_size=draw(st.sampled_from([1, 2, 7, 32])),
    )


def step(subject, case, **change):
    """Call `weight_decay_step` as the case says, but for the change."""
    arguments = {**vars(case), **change}
    return subject.weight_decay_step(arguments.pop("w"), arguments.pop("grad_sum"), **arguments)


@exercise("weight_decay_step", points=1)
@given(case=steps(), examples=12)
def test_weight_decay_step_matches_the_reference(student, reference, case):
    assert_close(step(student, case), step(reference, case), "w after the step", floor=0.1)


@exercise("weight_decay_step", points=1)
def test_weight_decay_step_decays_alone_and_steps_alone(student, device):
    for dtype in DTYPES:
        w, g = pattern(2, 3, dtype=dtype, device=device), pattern(2, 3, dtype=dtype, device=device)
        nothing = torch.zeros_like(w)
        rates = {"lr": 0.5, "batch_size": 4}
        got = student.weight_decay_step(w, nothing, reg=2.0, **rates)
        assert_close(got, 0.75 * w, "w after a step without a gradient")
        got = student.weight_decay_step(nothing, g, reg=2.0, **rates)
        assert_close(got, -g / 8, "w after a step from 0")
        got = student.weight_decay_step(w, g, reg=0.0, **rates)
        assert_close(got, w - g / 8, "w after a step without decay", floor=0.1)
        got = student.weight_decay_step(w, -2 * w, reg=2.0, **rates)
        assert_close(got, w, "w after a step in which both pulls balance")
    assert_inputs_unchanged(student)


@exercise("weight_decay_step", points=1)
@given(n=sizes(2, 6), d=sizes(1, 4), reg=st.sampled_from([0.5, 2.0]), examples=6)
def test_weight_decay_step_stays_at_the_minimum_and_approaches_it(student, device, n, d, reg):
    x = pattern(n, d, dtype=torch.float64, device=device)
    y = pattern(n, dtype=torch.float64, device=device, start=2.5)
    curvature = x.T @ x + reg * torch.diag(torch.ones_like(x[0]))
    best = torch.linalg.solve(curvature, x.T @ y)
    rates = {"lr": 0.2, "reg": reg, "batch_size": n}
    got = student.weight_decay_step(best, x.T @ (x @ best - y), **rates)
    assert_close(got, best, "w after a step from the minimum", floor=1.0)
    w = pattern(d, dtype=torch.float64, device=device, start=4.0)
    got = student.weight_decay_step(w, x.T @ (x @ w - y), **rates)
    expected = best + (w - best) - 0.2 / n * (curvature @ (w - best))
    assert_close(got, expected, "w after a step from elsewhere", floor=1.0)


@exercise("weight_decay_step", points=1)
@given(case=steps(layout="any"), examples=8)
def test_weight_decay_step_takes_any_layout_and_leaves_it_alone(student, reference, case):
    assert_close(step(student, case), step(reference, case), "w after the step", floor=0.1)
    assert_inputs_unchanged(student)
    refused = student.weight_decay_step
    hyperparameters = {"lr": case.lr, "reg": case.reg, "batch_size": case.batch_size}
    assert_refuses("w", refused, case.w.long(), case.grad_sum, **hyperparameters)
    assert_refuses("grad_sum", refused, case.w, case.grad_sum[None], **hyperparameters)
    for name, value in (
        ("lr", 0.0),
        ("lr", -0.1),
        ("reg", -0.5),
        ("batch_size", 0),
        ("batch_size", -1),
    ):
        assert_refuses(name, step, student, case, **{name: value})


# ridge_loss ---------------------------------------------------------------------------------------


@st.composite
def regressions(draw, *, layout="contiguous", least=1, values="normal"):
    n, d = draw(sizes(least, 6)), draw(sizes(1, 4))
    dtype = draw(dtypes())

    def drawn(*shape):
        return draw(tensors(*shape, dtype=dtype, layout=layout, values=values))

    return Case(
        x=drawn(n, d),
        y=drawn(n),
        w=drawn(d),
        b=draw(tensors(dtype=dtype)),
        reg=draw(st.sampled_from([0.5, 2.0, 10.0])),
    )


def loss_at(subject, case):
    return subject.ridge_loss(case.x, case.y, case.w, case.b, reg=case.reg)


@exercise("ridge_loss", points=1)
@given(case=regressions(), examples=12)
def test_ridge_loss_is_the_mean_of_losses_and_penalty(student, device, case):
    loss, _, _ = loss_at(student, case)
    rows, w, b = case.x.double().tolist(), case.w.double().tolist(), float(case.b)
    total = case.reg / 2 * sum(v * v for v in w)
    for row, target in zip(rows, case.y.double().tolist(), strict=True):
        total += (sum(v * u for v, u in zip(row, w, strict=True)) + b - target) ** 2 / 2
    assert_close(loss, numbers(total / len(rows), case.x.dtype, device), "loss", floor=0.1)


@exercise("ridge_loss", points=1)
@given(case=regressions(), examples=10)
def test_ridge_loss_has_the_gradient_of_the_weights(student, reference, case):
    assert_close(loss_at(student, case)[1], loss_at(reference, case)[1], "dw", **ONE)


@exercise("ridge_loss", points=1)
@given(case=regressions(), examples=10)
def test_ridge_loss_has_the_gradient_of_the_bias(student, reference, case):
    assert_close(loss_at(student, case)[2], loss_at(reference, case)[2], "db", **ONE)


@exercise("ridge_loss", points=1)
@given(case=regressions(), examples=6)
def test_ridge_loss_without_a_penalty_is_least_squares(student, device, case):
    got = student.ridge_loss(case.x, case.y, case.w, case.b, reg=0.0)
    residual = case.x @ case.w + case.b - case.y
    dw = torch.stack([(column * residual).mean() for column in case.x.T])
    expected = ((residual**2).mean() / 2, dw, residual.mean())
    assert_close(got, expected, "(loss, dw, db) for reg = 0", **ONE)


@exercise("ridge_loss", points=1)
@given(case=regressions(layout="any"), examples=8)
def test_ridge_loss_takes_any_layout_and_leaves_it_alone(student, reference, case):
    assert_close(loss_at(student, case), loss_at(reference, case), "(loss, dw, db)", **ONE)
    assert_inputs_unchanged(student)
    x, y, w, b = case.x, case.y, case.w, case.b
    for name, arguments in (
        ("x", (x[0], y, w, b)),
        ("x", (x[None], y, w, b)),
        ("x", (x[:0], y[:0], w, b)),
        ("x", (x.long(), y, w, b)),
        ("y", (x, y[:, None], w, b)),
        ("y", (x, torch.cat([y, y]), w, b)),
        ("y", (x, y.long(), w, b)),
        ("w", (x, y, w[:, None], b)),
        ("w", (x, y, torch.cat([w, w]), b)),
        ("b", (x, y, w, b[None])),
    ):
        assert_refuses(name, student.ridge_loss, *arguments, reg=case.reg)
    assert_refuses("reg", student.ridge_loss, x, y, w, b, reg=-0.5)


# ridge_solution -----------------------------------------------------------------------------------


def solution(subject, case):
    return subject.ridge_solution(case.x, case.y, reg=case.reg)


def by_least_squares(x, y, reg):
    """The same from a problem without a penalty: D further samples, of weight sqrt(reg), and a
    column of ones that they do not have."""
    n, d = x.shape
    more = math.sqrt(reg) * torch.diag(torch.ones_like(x[0]))
    left = torch.cat([torch.cat([x, x.new_ones(n, 1)], 1), torch.cat([more, x.new_zeros(d, 1)], 1)])
    found = torch.linalg.lstsq(left, torch.cat([y, y.new_zeros(d)])[:, None]).solution[:, 0]
    return found[:-1], found[-1]


@exercise("ridge_solution", points=2)
@given(case=regressions(), examples=12)
def test_ridge_solution_matches_the_reference(student, reference, case):
    tol = SOLVED[case.x.dtype]
    assert_close(solution(student, case), solution(reference, case), "(w, b)", tol=tol, **ONE)


@exercise("ridge_solution", points=1)
def test_ridge_solution_is_least_squares_with_further_samples(student, device):
    for n, d, reg in ((1, 1, 0.5), (1, 3, 2.0), (5, 1, 0.3), (3, 3, 0.1), (2, 5, 0.7), (6, 2, 20)):
        x = pattern(n, d, dtype=torch.float64, device=device) + 1
        y = pattern(n, dtype=torch.float64, device=device, start=2.5) - 3
        expected = by_least_squares(x, y, reg)
        assert_close(student.ridge_solution(x, y, reg=reg), expected, "(w, b)", **ONE)


@exercise("ridge_solution", points=1)
def test_ridge_solution_without_a_penalty_is_the_line_through_the_data(student, device):
    for dtype in DTYPES:
        for n, d in ((2, 1), (4, 3), (9, 3)):
            steps = torch.arange(n * d, dtype=torch.float64, device=device).reshape(n, d)
            x = (torch.cos(2 * steps * steps) + 0.5).to(dtype)
            w = pattern(d, dtype=dtype, device=device)
            got = student.ridge_solution(x, x @ w - 2, reg=0.0)
            expected = (w, numbers(-2.0, dtype, device))
            assert_close(got, expected, "(w, b)", tol=SOLVED[dtype], **ONE)


@exercise("ridge_solution", points=1)
@given(case=regressions(least=2), examples=6)
def test_ridge_solution_moves_with_the_origin_and_ignores_a_constant_column(student, device, case):
    x, y = case.x.double(), case.y.double()
    w, b = student.ridge_solution(x, y, reg=case.reg)
    got = student.ridge_solution(x, y + 100, reg=case.reg)
    assert_close(got, (w, b + 100), "(w, b) of y + 100", **ONE)
    shift = 3 + torch.arange(x.shape[1], dtype=x.dtype, device=device)
    got = student.ridge_solution(x + shift, y, reg=case.reg)
    assert_close(got, (w, b - shift @ w), "(w, b) of shifted samples", floor=10.0)
    constant = torch.full_like(x[:, :1], 4.0)
    got = student.ridge_solution(torch.cat([x, constant], 1), y, reg=case.reg)
    expected = (torch.cat([w, torch.zeros_like(w[:1])]), b)
    assert_close(got, expected, "(w, b) with a constant column", **ONE)
    w, b = student.ridge_solution(constant, y, reg=case.reg)
    assert_close((w, b), (torch.zeros_like(w), y.mean()), "(w, b) of a constant alone", **ONE)


@exercise("ridge_solution", points=1)
@given(case=regressions(layout="any"), examples=8)
def test_ridge_solution_takes_any_layout_and_leaves_it_alone(student, reference, case):
    tol = SOLVED[case.x.dtype]
    assert_close(solution(student, case), solution(reference, case), "(w, b)", tol=tol, **ONE)
    assert_inputs_unchanged(student)
    x, y = case.x, case.y
    for name, arguments in (
        ("x", (x[0], y)),
        ("x", (x[None], y)),
        ("x", (x[:0], y[:0])),
        ("x", (x.long(), y)),
        ("y", (x, y[:, None])),
        ("y", (x, torch.cat([y, y]))),
        ("y", (x, y.long())),
    ):
        assert_refuses(name, student.ridge_solution, *arguments, reg=case.reg)
    assert_refuses("reg", student.ridge_solution, x, y, reg=-0.5)
    square = x.new_zeros(3, 3)
    assert_refuses("reg", student.ridge_solution, square, square[0], reg=0.0)
    assert_refuses("reg", student.ridge_solution, square[:2], square[0, :2], reg=0.0)


# dropout_forward ----------------------------------------------------------------------------------


@st.composite
def droppings(draw, *, layout="contiguous", values="normal", p=(0.0, 0.125, 0.3, 0.5, 0.8)):
    shape = draw(st.lists(sizes(1, 4), min_size=1, max_size=4))
    dtype = draw(dtypes())
    return Case(
        x=draw(tensors(*shape, dtype=dtype, layout=layout, values=values)),
        noise=draw(tensors(*shape, dtype=dtype, layout=layout, values="uniform")),
        dout=draw(tensors(*shape, dtype=dtype, layout=layout)),
        p=draw(st.sampled_from(p)),
    )


def drop(subject, case, *, training=True):
    return subject.dropout_forward(case.x, case.noise, p=case.p, training=training)


@exercise("dropout_forward", points=1)
@given(case=droppings(), examples=12)
def test_dropout_forward_matches_the_reference(student, reference, case):
    assert_close(drop(student, case)[0], drop(reference, case)[0], "out")


@exercise("dropout_forward", points=1)
def test_dropout_forward_keeps_noise_that_is_exactly_p_and_scales_by_what_is_kept(student, device):
    for dtype in DTYPES:
        for p in (0.0, 0.25, 0.5, 0.875):
            below, above = p - 2**-20, p + 2**-20
            noise = [v for v in (0.0, below, p, above, 1 - 2**-20) if v >= 0]
            x = numbers([3.0 * (-1) ** i for i in range(len(noise))], dtype, device)
            kept = numbers([float(v >= p) / (1 - p) for v in noise], dtype, device)
            noise = numbers(noise, dtype, device)
            out, _ = student.dropout_forward(x, noise, p=p, training=True)
            assert_close(out, x * kept, f"out for p = {p}")
        x, noise = (
            numbers([2.0, -3.0, 1.0], dtype, device),
            numbers([0.98, 0.0, 0.995], dtype, device),
        )
        out, _ = student.dropout_forward(x, noise, p=0.99, training=True)
        assert_close(out, numbers([0.0, 0.0, 100.0], dtype, device), "out for p = 0.99")
    assert_inputs_unchanged(student)


@exercise("dropout_forward", points=1)
def test_dropout_forward_has_the_input_as_its_mean_over_the_noise(student, device):
    for dtype in DTYPES:
        for k, n in ((0, 3), (1, 4), (7, 10), (99, 100)):
            x = pattern(2, 3, dtype=dtype, device=device)
            steps = torch.arange(n, dtype=torch.float64, device=device)
            # Each entry runs through the same noise, each beginning somewhere else.
            turns = torch.arange(6, dtype=torch.float64, device=device).reshape(2, 3)
            noise = (((steps[:, None, None] + turns) % n + 0.5) / n).to(dtype)
            many = x.expand(n, 2, 3).clone()
            out, _ = student.dropout_forward(many, noise, p=k / n, training=True)
            assert_close(out.mean(0), x, f"the mean of out for p = {k / n}")
            kept = (out != 0).sum(0)
            assert_close(kept, torch.full_like(kept, n - k), f"how often kept for p = {k / n}")


@exercise("dropout_forward", points=1)
@given(case=droppings(p=(0.0, 0.3, 0.99)), examples=6)
def test_dropout_forward_is_the_identity_in_prediction_and_without_dropping(student, case):
    assert_close(drop(student, case, training=False)[0], case.x, "out in prediction")
    out, _ = student.dropout_forward(case.x, case.noise, p=0, training=True)
    assert_close(out, case.x, "out for p = 0")


@exercise("dropout_forward", points=1)
@given(case=droppings(layout="any", values="integers"), examples=8)
def test_dropout_forward_takes_any_layout_and_leaves_it_alone(student, reference, case):
    assert_close(drop(student, case)[0], drop(reference, case)[0], "out")
    assert_close(drop(student, case, training=False)[0], case.x, "out in prediction")
    assert_inputs_unchanged(student)
    for training in (True, False):
        options = {"p": case.p, "training": training}
        refused = student.dropout_forward
        assert_refuses("x", refused, case.x.long(), case.noise, **options)
        assert_refuses("noise", refused, case.x, case.noise[None], **options)
        twice = torch.cat([case.noise, case.noise])
        assert_refuses("noise", refused, case.x, twice, **options)
        for p in (-0.5, -0.01, 1.0, 1.5):
            assert_refuses("p", refused, case.x, case.noise, p=p, training=training)


# dropout_backward ---------------------------------------------------------------------------------


def factors(case):
    """What the layer multiplies by, entry by entry."""
    return (case.noise >= case.p).to(case.x.dtype) / (1 - case.p)


@exercise("dropout_backward", points=1)
@given(case=droppings(), examples=10)
def test_dropout_backward_matches_the_reference(student, reference, case):
    dx = student.dropout_backward(case.dout, drop(student, case)[1])
    expected = reference.dropout_backward(case.dout, drop(reference, case)[1])
    assert_close(dx, expected, "dx")


@exercise("dropout_backward", points=1)
@given(case=droppings(values="ties"), examples=8)
def test_dropout_backward_passes_what_was_kept_also_where_it_is_zero(student, case):
    dx = student.dropout_backward(case.dout, drop(student, case)[1])
    assert_close(dx, case.dout * factors(case), "dx")
    nothing = Case(**{**vars(case), "x": torch.zeros_like(case.x)})
    dx = student.dropout_backward(case.dout, drop(student, nothing)[1])
    assert_close(dx, case.dout * factors(case), "dx for x = 0")


@exercise("dropout_backward", points=1)
def test_dropout_backward_keeps_noise_that_is_exactly_p(student, device):
    for dtype in DTYPES:
        dout = numbers([1.0, -2.0, 3.0, 4.0], dtype, device)
        for p, noise, expected in (
            (0.5, [0.5, 0.25, 0.75, 0.0], [2.0, 0.0, 6.0, 0.0]),
            (0.0, [0.5, 0.0, 0.75, 0.0], [1.0, -2.0, 3.0, 4.0]),
            (0.75, [0.5, 0.75, 0.875, 0.25], [0.0, -8.0, 12.0, 0.0]),
            (0.99, [0.98, 0.0, 0.995, 0.97], [0.0, 0.0, 300.0, 0.0]),
        ):
            x, noise = numbers([0.0, 5.0, -6.0, 7.0], dtype, device), numbers(noise, dtype, device)
            _, cache = student.dropout_forward(x, noise, p=p, training=True)
            dx = student.dropout_backward(dout, cache)
            assert_close(dx, numbers(expected, dtype, device), f"dx for p = {p}")


@exercise("dropout_backward", points=1)
@given(case=droppings(p=(0.0, 0.3, 0.99)), examples=6)
def test_dropout_backward_is_the_identity_in_prediction_and_without_dropping(student, case):
    dx = student.dropout_backward(case.dout, drop(student, case, training=False)[1])
    assert_close(dx, case.dout, "dx in prediction")
    _, cache = student.dropout_forward(case.x, case.noise, p=0.0, training=True)
    assert_close(student.dropout_backward(case.dout, cache), case.dout, "dx for p = 0")


@exercise("dropout_backward", points=1)
@given(case=droppings(), examples=6)
def test_dropout_backward_is_linear_and_adjoint_to_the_forward_pass(student, device, case):
    case = Case(**{k: v.double() if k != "p" else v for k, v in vars(case).items()})
    out, cache = drop(student, case)
    dx = student.dropout_backward(case.dout, cache)
    assert_close((case.dout * out).sum(), (dx * case.x).sum(), "<dout, out>", **ONE)
    other = case.dout.flip(0) * 0.5
    got = student.dropout_backward(2 * case.dout - 3 * other, cache)
    expected = (2 * case.dout - 3 * other) * factors(case)
    assert_close(got, expected, "dx of a combination")
    nothing = torch.zeros_like(case.dout)
    assert_close(student.dropout_backward(nothing, cache), nothing, "dx of zeros")


@exercise("dropout_backward", points=1)
@given(case=droppings(layout="any", values="integers"), examples=8)
def test_dropout_backward_uses_the_cache_that_it_is_given_and_changes_nothing(student, case):
    _, cache = drop(student, case)
    student.dropout_forward(case.x + 1, 1 - case.noise, p=0.5, training=True)
    expected = case.dout * factors(case)
    for _ in range(2):
        assert_close(student.dropout_backward(case.dout, cache), expected, "dx")
    assert_inputs_unchanged(student)


# dropout_mlp_loss ---------------------------------------------------------------------------------

PARTS = ("loss", "dw1", "db1", "dw2", "db2")
HYPERPARAMETERS = ("p", "reg", "training")


@st.composite
def networks(draw, *, layout="contiguous", n=(1, 6), c=(1, 4), values="normal", training=True):
    n, d, h, c = draw(sizes(*n)), draw(sizes(1, 4)), draw(sizes()), draw(sizes(*c))
    dtype = draw(dtypes())

    def drawn(*shape, scale=1.0):
        return draw(tensors(*shape, dtype=dtype, layout=layout, values=values, scale=scale))

    return Case(
        x=drawn(n, d),
        y=draw(labels(n, c)),
        w1=drawn(d, h),
        b1=drawn(h),
        w2=drawn(h, c, scale=0.5),
        b2=drawn(c),
        noise=draw(tensors(n, h, dtype=dtype, layout=layout, values="uniform")),
        p=draw(st.sampled_from([0.0, 0.25, 0.4, 0.7])),
        reg=draw(st.sampled_from([0.0, 0.5, 3.0])),
        training=training,
    )


def network_loss(subject, case, **change):
    """Call `dropout_mlp_loss` as the case says, but for the change."""
    arguments = {**vars(case), **change}
    named = {name: arguments.pop(name) for name in HYPERPARAMETERS}
    return subject.dropout_mlp_loss(*arguments.values(), **named)


def assert_parts_close(got, expected, names=PARTS, **options):
    for one, right, name in zip(got, expected, names, strict=True):
        assert_close(one, right, name, **{**ONE, **options})


def plain_network(case, scale):
    """The network with a given factor for each hidden unit, and no penalty."""
    a = case.x @ case.w1 + case.b1
    u = a.clamp(min=0) * scale
    scores = u @ case.w2 + case.b2
    loss = torch.nn.functional.cross_entropy(scores, case.y)
    truth = torch.nn.functional.one_hot(case.y, scores.shape[1])
    dscores = (torch.softmax(scores, 1) - truth) / len(scores)
    da = torch.where(a > 0, dscores @ case.w2.T * scale, 0.0)
    return loss, case.x.T @ da, da.sum(0), u.T @ dscores, dscores.sum(0)


@exercise("dropout_mlp_loss", points=1)
@given(case=networks(), examples=12)
def test_dropout_mlp_loss_gives_the_loss(student, reference, case):
    loss, *_ = network_loss(student, case)
    assert_close(loss, network_loss(reference, case)[0], "loss", **ONE)


@exercise("dropout_mlp_loss", points=2)
@given(case=networks(c=(2, 4)), examples=10)
def test_dropout_mlp_loss_gives_the_gradients_of_the_second_layer(student, reference, case):
    got, expected = network_loss(student, case), network_loss(reference, case)
    assert_parts_close(got[3:], expected[3:], PARTS[3:])


@exercise("dropout_mlp_loss", points=2)
@given(case=networks(c=(2, 4)), examples=10)
def test_dropout_mlp_loss_gives_the_gradients_of_the_first_layer(student, reference, case):
    got, expected = network_loss(student, case), network_loss(reference, case)
    assert_parts_close(got[1:3], expected[1:3], PARTS[1:3])


@exercise("dropout_mlp_loss", points=1)
@given(case=networks(n=(2, 6)), reg=st.sampled_from([0.25, 1.0, 4.0]), examples=6)
def test_dropout_mlp_loss_divides_the_penalty_by_the_batch(student, device, case, reg):
    without = network_loss(student, case, reg=0.0)
    n = len(case.x)
    added = (
        reg / 2 * ((case.w1**2).sum() + (case.w2**2).sum()) / n,
        reg * case.w1 / n,
        torch.zeros_like(case.b1),
        reg * case.w2 / n,
        torch.zeros_like(case.b2),
    )
    expected = [a + b for a, b in zip(without, added, strict=True)]
    assert_parts_close(network_loss(student, case, reg=reg), expected)


@exercise("dropout_mlp_loss", points=1)
@given(case=networks(c=(2, 4)), examples=6)
def test_dropout_mlp_loss_is_the_plain_network_in_prediction_and_without_dropping(student, case):
    case = Case(**{**vars(case), "reg": 0.0})
    expected = plain_network(case, 1.0)
    assert_parts_close(network_loss(student, case, training=False), expected)
    assert_parts_close(network_loss(student, case, p=0.0), expected)


@exercise("dropout_mlp_loss", points=1)
@given(case=networks(c=(2, 4), values="integers"), examples=8)
def test_dropout_mlp_loss_follows_the_conventions_at_zero_and_at_p(student, device, case):
    """Pre-activations of 0 are likely, and noise is a multiple of 1/4."""
    noise = (4 * case.noise).floor() / 4
    for p in (0.25, 0.5):
        scale = (noise >= p).to(case.x.dtype) / (1 - p)
        expected = plain_network(case, scale)
        assert_parts_close(network_loss(student, case, noise=noise, p=p, reg=0.0), expected)


@exercise("dropout_mlp_loss", points=1)
def test_dropout_mlp_loss_stays_finite_for_a_confident_wrong_answer(student, device):
    for dtype in DTYPES:
        # Two samples, each with a hidden unit of its own; both units are kept and doubled.
        x = numbers([[1.0, -1.0], [-1.0, 1.0]], dtype, device)
        one, nothing = numbers([[1.0, 0.0], [0.0, 1.0]], dtype, device), x.new_zeros(2)
        w2 = numbers([[5e3, 0.0], [0.0, 500.0]], dtype, device)
        y = torch.tensor([1, 0], device=device)
        noise = numbers([[0.5, 0.75], [0.5, 0.875]], dtype, device)
        got = student.dropout_mlp_loss(x, y, one, nothing, w2, nothing, noise, p=0.5)
        expected = (
            numbers(5500.0, dtype, device),  # the mean of 1e4 and 1e3
            numbers([[5000.0, -500.0], [-5000.0, 500.0]], dtype, device),
            numbers([5000.0, 500.0], dtype, device),
            numbers([[1.0, -1.0], [-1.0, 1.0]], dtype, device),
            nothing,
        )
        assert_parts_close(got, expected)
        x, one, w2, noise = x.double(), one.double(), w2.double(), noise.double()
        got = student.dropout_mlp_loss(x, y, one, x[0] * 0, w2, x[0] * 0, noise, p=0.99)
        assert_close(got[0], x.new_tensor(math.log(2)), "loss if all units are dropped")
        assert_close(got[1], x * 0, "dw1 if all units are dropped")


@exercise("dropout_mlp_loss", points=1)
@given(case=networks(layout="any"), training=st.booleans(), examples=8)
def test_dropout_mlp_loss_takes_any_layout(student, reference, case, training):
    got = network_loss(student, case, training=training)
    assert_parts_close(got, network_loss(reference, case, training=training))


@exercise("dropout_mlp_loss", points=1)
@given(case=networks(n=(2, 3), c=(2, 4)), examples=3)
def test_dropout_mlp_loss_leaves_its_inputs_alone_and_refuses_nonsense(student, reference, case):
    for training in (True, False):
        network_loss(student, case, training=training)
    assert_inputs_unchanged(student)
    x, y, w1, b1, w2, b2, noise = list(vars(case).values())[:7]
    default = student.dropout_mlp_loss(x, y, w1, b1, w2, b2, noise, p=0.4)
    assert_parts_close(default, network_loss(reference, case, p=0.4, reg=0.0))
    below, above = torch.zeros_like(y), torch.zeros_like(y)
    below[0], above[0] = -1, w2.shape[1]  # one wrong label among right ones
    for name, change in (
        ("x", {"x": x[0]}),
        ("x", {"x": x[None]}),
        ("x", {"x": x[:0], "y": y[:0], "noise": noise[:0]}),
        ("x", {"x": x.long()}),
        ("y", {"y": y[:-1]}),
        ("y", {"y": y.to(x.dtype)}),
        ("y", {"y": below}),
        ("y", {"y": above}),
        ("w1", {"w1": torch.cat([w1, w1])}),
        ("w1", {"w1": w1[0]}),
        ("b1", {"b1": torch.cat([b1, b1])}),
        ("b1", {"b1": b1[None]}),
        ("w2", {"w2": torch.cat([w2, w2])}),
        ("w2", {"w2": w2[:, 0]}),
        ("b2", {"b2": b2[:-1]}),
        ("b2", {"b2": b2[None]}),
        ("noise", {"noise": noise[:-1]}),
        ("noise", {"noise": noise[None]}),
        ("noise", {"noise": torch.cat([noise, noise], 1)}),
        ("p", {"p": 1.0}),
        ("p", {"p": -0.1}),
        ("reg", {"reg": -0.5}),
    ):
        assert_refuses(name, network_loss, student, case, **change)
