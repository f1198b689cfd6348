"""Hidden tests of unit 11: the reference over drawn inputs, autograd, many steps, hard gates."""

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
    lay_out,
    sizes,
    tensors,
)

LSTM_STEP = "(dx, dh, dc, dw_x, dw_h, db)"
LSTM = "(dx, dh0, dc0, dw_x, dw_h, db)"
GRU_STEP = "(dx, dh, dw_x, dw_h, db)"
GRU = "(dx, dh0, dw_x, dw_h, db)"
TERMS = "(forget, direct, input, candidate)"

# Weights small enough that the gates do not saturate: their slopes keep their digits in float32.
SMALL = 0.4


def extents(most=4):
    """Sizes N, D and H: any, or all equal, where a transposed matrix has the right shape."""
    return st.one_of(st.just((3, 3, 3)), st.tuples(sizes(), sizes(max=most), sizes(max=most)))


def network(draw, d, h, blocks, dtype, layout="contiguous"):
    """w_x, w_h and b."""
    shapes = ((d, blocks * h), (h, blocks * h), (blocks * h,))
    return tuple(draw(tensors(*s, dtype=dtype, layout=layout, scale=SMALL)) for s in shapes)


@st.composite
def lstm_steps(draw, layout="contiguous"):
    n, d, hidden = draw(extents())
    dtype = draw(dtypes())
    w_x, w_h, b = network(draw, d, hidden, 4, dtype, layout)
    x, h, c, dh, dc = (
        draw(tensors(n, s, dtype=dtype, layout=layout)) for s in (d, hidden, hidden, hidden, hidden)
    )
    return Case(x=x, h=h, c=c, w_x=w_x, w_h=w_h, b=b, dh=dh, dc=dc)


@st.composite
def gru_steps(draw, layout="contiguous"):
    n, d, hidden = draw(extents())
    dtype = draw(dtypes())
    w_x, w_h, b = network(draw, d, hidden, 3, dtype, layout)
    x, h, dh = (draw(tensors(n, s, dtype=dtype, layout=layout)) for s in (d, hidden, hidden))
    return Case(x=x, h=h, w_x=w_x, w_h=w_h, b=b, dh=dh)


@st.composite
def lstm_sequences(draw, layout="contiguous", steps=None, dtype=None):
    n, d, hidden = draw(extents(3))
    t = draw(sizes()) if steps is None else steps
    dtype = draw(dtypes()) if dtype is None else dtype
    w_x, w_h, b = network(draw, d, hidden, 4, dtype, layout)
    shapes = ((n, t, d), (n, hidden), (n, hidden), (n, t, hidden), (n, hidden))
    x, h0, c0, dhs, dc_n = (draw(tensors(*s, dtype=dtype, layout=layout)) for s in shapes)
    return Case(x=x, h0=h0, c0=c0, w_x=w_x, w_h=w_h, b=b, dhs=dhs, dc_n=dc_n)


@st.composite
def gru_sequences(draw, layout="contiguous", steps=None, dtype=None):
    n, d, hidden = draw(extents(3))
    t = draw(sizes()) if steps is None else steps
    dtype = draw(dtypes()) if dtype is None else dtype
    w_x, w_h, b = network(draw, d, hidden, 3, dtype, layout)
    shapes = ((n, t, d), (n, hidden), (n, t, hidden))
    x, h0, dhs = (draw(tensors(*s, dtype=dtype, layout=layout)) for s in shapes)
    return Case(x=x, h0=h0, w_x=w_x, w_h=w_h, b=b, dhs=dhs)


@st.composite
def cell_states(draw, layout="contiguous"):
    _, d, hidden = draw(extents(5))
    dtype = draw(dtypes())
    w_x, w_h, b = network(draw, d, hidden, 4, dtype, layout)
    x, c_prev = (draw(tensors(s, dtype=dtype, layout=layout)) for s in (d, hidden))
    o_prev = draw(tensors(hidden, dtype=dtype, layout=layout, values="uniform"))
    h_prev = lay_out(o_prev * torch.tanh(c_prev), "contiguous" if layout != "any" else "sliced")
    return Case(x=x, h_prev=h_prev, c_prev=c_prev, o_prev=o_prev, w_x=w_x, w_h=w_h, b=b)


def of_lstm_step(case):
    return case.x, case.h, case.c, case.w_x, case.w_h, case.b


def of_gru_step(case):
    return case.x, case.h, case.w_x, case.w_h, case.b


def of_lstm(case):
    return case.x, case.h0, case.c0, case.w_x, case.w_h, case.b


def of_gru(case):
    return case.x, case.h0, case.w_x, case.w_h, case.b


def of_cell(case):
    return case.x, case.h_prev, case.c_prev, case.o_prev, case.w_x, case.w_h, case.b


def elsewhere(arguments):
    """Other inputs of the same shapes, for a call in between."""
    return [0.5 - a for a in arguments]


def plain_lstm(x, h, c, w_x, w_h, b):
    """Hidden states and last cell state by the formulas; autograd can look through it."""
    hs = []
    for t in range(x.shape[1]):
        i, f, g, o = (x[:, t] @ w_x + h @ w_h + b).chunk(4, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        hs.append(h)
    return torch.stack(hs, dim=1), c


def plain_gru(x, h, w_x, w_h, b):
    """States by the formulas; autograd can look through it."""
    hs, (w_hr, w_hz, w_hn) = [], w_h.chunk(3, dim=1)
    for t in range(x.shape[1]):
        x_r, x_z, x_n = (x[:, t] @ w_x + b).chunk(3, dim=1)
        r, z = torch.sigmoid(x_r + h @ w_hr), torch.sigmoid(x_z + h @ w_hz)
        h = z * h + (1 - z) * torch.tanh(x_n + (r * h) @ w_hn)
        hs.append(h)
    return torch.stack(hs, dim=1)


def gradients(function, inputs, upstream):
    """What autograd says."""
    leaves = [x.detach().clone().requires_grad_() for x in inputs]
    return torch.autograd.grad(function(*leaves), leaves, upstream)


def wide(x):
    """The same with one column more: a size that fits nothing."""
    return torch.cat([x, x[..., :1]], dim=-1)


def double(x):
    """Twice as many rows."""
    return torch.cat([x, x])


def assert_refused(function, good, wrong):
    """Every argument that is replaced by something wrong, one at a time, is a ValueError."""
    for position, argument in wrong:
        arguments = list(good)
        arguments[position] = argument
        with pytest.raises(ValueError, match=r"must"):
            function(*arguments)


def wrong_weights(first, w_x, w_h, b):
    """Weights that do not fit, w_x being the argument at `first`."""
    wrong = [(first, wide(w_x)), (first, double(w_x)), (first, w_x[0])]
    wrong += [(first + 1, wide(w_h)), (first + 1, double(w_h)), (first + 2, wide(b))]
    return [*wrong, (first + 2, b[None])]


def open_and_closed(blocks, hidden, like):
    """Biases of +-1e3 for some blocks, so that their gates are exactly 0 or 1."""
    return torch.cat([torch.full_like(like[:hidden], value) for value in blocks])


# lstm_step_forward --------------------------------------------------------------------------------


@exercise("lstm_step_forward", points=2)
@given(case=lstm_steps(), examples=12)
def test_lstm_step_forward_matches_the_reference(student, reference, device, case):
    h, c, _ = student.lstm_step_forward(*of_lstm_step(case))
    expected = reference.lstm_step_forward(*of_lstm_step(case))
    assert_close(c, expected[1], "c")
    assert_close(h, expected[0], "h")


@exercise("lstm_step_forward", points=1)
@given(case=lstm_steps(), examples=2)
def test_lstm_step_forward_with_gates_wide_open_or_shut(student, device, case):
    hidden, ones = case.h.shape[1], torch.ones_like(case.c)
    keep = open_and_closed((-1e3, 1e3, 1e3, 1e3), hidden, case.b)
    h, c, _ = student.lstm_step_forward(*of_lstm_step(case)[:5], keep)
    assert_close(c, case.c, "c, with i = 0 and f = 1,")
    assert_close(h, torch.tanh(case.c), "h, with i = 0 and f = o = 1,")
    write = open_and_closed((1e3, -1e3, -1e3, -1e3), hidden, case.b)
    h, c, _ = student.lstm_step_forward(*of_lstm_step(case)[:5], write)
    assert_close(c, -ones, "c, with i = 1, f = 0 and g = -1,")
    assert_close(h, 0 * ones, "h, with o = 0,")


@exercise("lstm_step_forward", points=1)
@given(case=lstm_steps(layout="any"), examples=6)
def test_lstm_step_forward_takes_any_layout_and_leaves_it_alone(student, reference, device, case):
    h, c, _ = student.lstm_step_forward(*of_lstm_step(case))
    expected = reference.lstm_step_forward(*of_lstm_step(case))
    assert_close(h, expected[0], "h")
    assert_close(c, expected[1], "c")
    assert_inputs_unchanged(student)


@exercise("lstm_step_forward", points=1)
@given(case=lstm_steps(), examples=1)
def test_lstm_step_forward_refuses_sizes_that_do_not_fit(student, device, case):
    x, h, c, *weights = good = of_lstm_step(case)
    wrong = [(0, wide(x)), (0, x[0]), (0, x[None]), (1, wide(h)), (1, double(h)), (1, h[0])]
    wrong += [(2, wide(c)), (2, double(c)), (2, c[0])]
    assert_refused(student.lstm_step_forward, good, wrong + wrong_weights(3, *weights))


# lstm_step_backward -------------------------------------------------------------------------------


@exercise("lstm_step_backward", points=3)
@given(case=lstm_steps(), examples=12)
def test_lstm_step_backward_matches_the_reference(student, reference, device, case):
    _, _, cache = student.lstm_step_forward(*of_lstm_step(case))
    got = student.lstm_step_backward(case.dh, case.dc, cache)
    _, _, cache = reference.lstm_step_forward(*of_lstm_step(case))
    assert_close(got, reference.lstm_step_backward(case.dh, case.dc, cache), LSTM_STEP)


@exercise("lstm_step_backward", points=1)
@given(case=lstm_steps(), examples=4)
def test_lstm_step_backward_is_linear_and_its_cache_lasts(student, reference, device, case):
    _, _, cache = student.lstm_step_forward(*of_lstm_step(case))
    zero = torch.zeros_like(case.dh)
    by_h = student.lstm_step_backward(case.dh, zero, cache)
    student.lstm_step_forward(*elsewhere(of_lstm_step(case)))
    by_c = student.lstm_step_backward(zero, case.dc, cache)
    scaled = student.lstm_step_backward(-2 * case.dh, zero, cache)
    assert_close(scaled, [-2 * g for g in by_h], f"{LSTM_STEP} of -2 dh")
    assert_inputs_unchanged(student)
    _, _, cache = reference.lstm_step_forward(*of_lstm_step(case))
    assert_close(by_h, reference.lstm_step_backward(case.dh, zero, cache), f"{LSTM_STEP} of dh")
    assert_close(by_c, reference.lstm_step_backward(zero, case.dc, cache), f"{LSTM_STEP} of dc")


@exercise("lstm_step_backward", points=1)
@given(case=lstm_steps(), examples=2)
def test_lstm_step_backward_through_gates_wide_open_or_shut(student, device, case):
    hidden, none = case.h.shape[1], [torch.zeros_like(a) for a in of_lstm_step(case)]
    keep = open_and_closed((-1e3, 1e3, 1e3, 1e3), hidden, case.b)
    _, _, cache = student.lstm_step_forward(*of_lstm_step(case)[:5], keep)
    kept = case.dc + case.dh * (1 - torch.tanh(case.c) ** 2)
    expected = [*none[:2], kept, *none[3:]]
    got = student.lstm_step_backward(case.dh, case.dc, cache)
    assert_close(got, expected, f"{LSTM_STEP}, with i = 0 and f = o = 1")
    write = open_and_closed((1e3, -1e3, -1e3, -1e3), hidden, case.b)
    _, _, cache = student.lstm_step_forward(*of_lstm_step(case)[:5], write)
    got = student.lstm_step_backward(case.dh, case.dc, cache)
    assert_close(got, none, f"{LSTM_STEP}, with i = 1 and f = o = 0")


@exercise("lstm_step_backward", points=1)
@given(case=lstm_steps(layout="any"), examples=6)
def test_lstm_step_backward_takes_any_layout_and_leaves_it_alone(student, reference, device, case):
    _, _, cache = student.lstm_step_forward(*of_lstm_step(case))
    got = student.lstm_step_backward(case.dh, case.dc, cache)
    _, _, known = reference.lstm_step_forward(*of_lstm_step(case))
    assert_close(got, reference.lstm_step_backward(case.dh, case.dc, known), LSTM_STEP)
    assert_inputs_unchanged(student)
    dh, dc = case.dh, case.dc
    wrong = [(0, dh[0]), (0, dh[None]), (0, wide(dh)), (1, wide(dc)), (1, double(dc)), (1, dc[0])]
    assert_refused(student.lstm_step_backward, (dh, dc, cache), wrong)
    with pytest.raises(ValueError, match="dh must"):
        student.lstm_step_backward(dh[0], dc[0], cache)


# lstm_forward -------------------------------------------------------------------------------------


@exercise("lstm_forward", points=2)
@given(case=lstm_sequences(), examples=10)
def test_lstm_forward_matches_the_reference(student, reference, device, case):
    hs, c_n, _ = student.lstm_forward(*of_lstm(case))
    expected = reference.lstm_forward(*of_lstm(case))
    assert_close(hs, expected[0], "hs")
    assert_close(c_n, expected[1], "c_n")


@exercise("lstm_forward", points=1)
@given(case=lstm_sequences(steps=12, dtype=torch.float64), examples=3)
def test_lstm_forward_continues_where_it_stopped(student, device, case):
    hs, c_n, _ = student.lstm_forward(*of_lstm(case))
    assert_close((hs, c_n), plain_lstm(*of_lstm(case)), "(hs, c_n) of 12 steps")
    weights = case.w_x, case.w_h, case.b
    first, c, _ = student.lstm_forward(case.x[:, :5], case.h0, case.c0, *weights)
    rest, c, _ = student.lstm_forward(case.x[:, 5:], first[:, -1], c, *weights)
    assert_close((torch.cat([first, rest], dim=1), c), (hs, c_n), "(hs, c_n), in two parts,")


@exercise("lstm_forward", points=1)
@given(case=lstm_sequences(layout="any"), examples=6)
def test_lstm_forward_takes_any_layout_and_leaves_it_alone(student, reference, device, case):
    hs, c_n, _ = student.lstm_forward(*of_lstm(case))
    expected = reference.lstm_forward(*of_lstm(case))
    assert_close(hs, expected[0], "hs")
    assert_close(c_n, expected[1], "c_n")
    assert_inputs_unchanged(student)


@exercise("lstm_forward", points=1)
@given(case=lstm_sequences(), examples=1)
def test_lstm_forward_refuses_sizes_that_do_not_fit(student, device, case):
    x, h0, c0, *weights = good = of_lstm(case)
    wrong = [(0, wide(x)), (0, x[0]), (0, x[0, 0]), (0, x[:, :0]), (1, wide(h0)), (1, double(h0))]
    wrong += [(2, wide(c0)), (2, double(c0))]
    assert_refused(student.lstm_forward, good, wrong + wrong_weights(3, *weights))


# lstm_backward ------------------------------------------------------------------------------------


@exercise("lstm_backward", points=3)
@given(case=lstm_sequences(), examples=10)
def test_lstm_backward_matches_the_reference(student, reference, device, case):
    _, _, cache = student.lstm_forward(*of_lstm(case))
    got = student.lstm_backward(case.dhs, case.dc_n, cache)
    _, _, cache = reference.lstm_forward(*of_lstm(case))
    assert_close(got, reference.lstm_backward(case.dhs, case.dc_n, cache), LSTM)


@exercise("lstm_backward", points=1)
@given(case=lstm_sequences(steps=12, dtype=torch.float64), examples=2)
def test_lstm_backward_through_twelve_steps_is_what_autograd_computes(student, device, case):
    _, _, cache = student.lstm_forward(*of_lstm(case))
    got = student.lstm_backward(case.dhs, case.dc_n, cache)
    assert_close(got, gradients(plain_lstm, of_lstm(case), (case.dhs, case.dc_n)), LSTM)


@exercise("lstm_backward", points=1)
@given(case=lstm_sequences(steps=4), examples=3)
def test_lstm_backward_adds_what_arrives_at_each_step(student, reference, device, case):
    _, _, cache = student.lstm_forward(*of_lstm(case))
    _, _, known = reference.lstm_forward(*of_lstm(case))
    none = torch.zeros_like(case.dc_n)
    for t in range(4):
        alone = torch.zeros_like(case.dhs)
        alone[:, t] = case.dhs[:, t]
        got = student.lstm_backward(alone, none, cache)
        assert_close(got, reference.lstm_backward(alone, none, known), f"{LSTM} of dhs[:, {t}]")
    got = student.lstm_backward(torch.zeros_like(case.dhs), case.dc_n, cache)
    expected = reference.lstm_backward(torch.zeros_like(case.dhs), case.dc_n, known)
    assert_close(got, expected, f"{LSTM} of dc_n")


@exercise("lstm_backward", points=1)
@given(case=lstm_sequences(), examples=3)
def test_lstm_backward_changes_nothing_and_its_cache_lasts(student, reference, device, case):
    _, _, cache = student.lstm_forward(*of_lstm(case))
    student.lstm_forward(*elsewhere(of_lstm(case)))
    student.lstm_backward(-case.dhs, 2 * case.dc_n, cache)
    got = student.lstm_backward(case.dhs, case.dc_n, cache)
    _, _, cache = reference.lstm_forward(*of_lstm(case))
    assert_close(got, reference.lstm_backward(case.dhs, case.dc_n, cache), LSTM)
    assert_inputs_unchanged(student)


@exercise("lstm_backward", points=1)
@given(case=lstm_sequences(layout="any"), examples=6)
def test_lstm_backward_takes_any_layout_and_leaves_it_alone(student, reference, device, case):
    _, _, cache = student.lstm_forward(*of_lstm(case))
    got = student.lstm_backward(case.dhs, case.dc_n, cache)
    _, _, known = reference.lstm_forward(*of_lstm(case))
    assert_close(got, reference.lstm_backward(case.dhs, case.dc_n, known), LSTM)
    assert_inputs_unchanged(student)
    dhs, dc_n = case.dhs, case.dc_n
    wrong = [(0, dhs[0]), (0, wide(dhs)), (1, wide(dc_n)), (1, double(dc_n)), (1, dc_n[0])]
    assert_refused(student.lstm_backward, (dhs, dc_n, cache), wrong)


# gru_step_forward ---------------------------------------------------------------------------------


@exercise("gru_step_forward", points=2)
@given(case=gru_steps(), examples=12)
def test_gru_step_forward_matches_the_reference(student, reference, device, case):
    h, _ = student.gru_step_forward(*of_gru_step(case))
    expected, _ = reference.gru_step_forward(*of_gru_step(case))
    assert_close(h, expected, "h")


@exercise("gru_step_forward", points=1)
@given(case=gru_steps(), examples=2)
def test_gru_step_forward_with_gates_wide_open_or_shut(student, device, case):
    x, h, w_x, w_h, b = of_gru_step(case)
    hidden = h.shape[1]
    kept, _ = student.gru_step_forward(x, h, w_x, w_h, open_and_closed((0, 1e3, 0), hidden, b))
    assert_close(kept, h, "h, with z = 1,")
    reset = open_and_closed((-1e3, -1e3, 0), hidden, b)
    fresh, _ = student.gru_step_forward(x, h, w_x, w_h, reset)
    assert_close(fresh, torch.tanh(x @ w_x[:, 2 * hidden :]), "h, with r = z = 0,")


@exercise("gru_step_forward", points=1)
@given(case=gru_steps(layout="any"), examples=6)
def test_gru_step_forward_takes_any_layout_and_leaves_it_alone(student, reference, device, case):
    h, _ = student.gru_step_forward(*of_gru_step(case))
    expected, _ = reference.gru_step_forward(*of_gru_step(case))
    assert_close(h, expected, "h")
    assert_inputs_unchanged(student)


@exercise("gru_step_forward", points=1)
@given(case=gru_steps(), examples=1)
def test_gru_step_forward_refuses_sizes_that_do_not_fit(student, device, case):
    x, h, *weights = good = of_gru_step(case)
    wrong = [(0, wide(x)), (0, x[0]), (0, x[None]), (1, wide(h)), (1, double(h)), (1, h[0])]
    assert_refused(student.gru_step_forward, good, wrong + wrong_weights(2, *weights))


# gru_step_backward --------------------------------------------------------------------------------


@exercise("gru_step_backward", points=3)
@given(case=gru_steps(), examples=12)
def test_gru_step_backward_matches_the_reference(student, reference, device, case):
    _, cache = student.gru_step_forward(*of_gru_step(case))
    got = student.gru_step_backward(case.dh, cache)
    _, cache = reference.gru_step_forward(*of_gru_step(case))
    assert_close(got, reference.gru_step_backward(case.dh, cache), GRU_STEP)


@exercise("gru_step_backward", points=1)
@given(case=gru_steps(), examples=4)
def test_gru_step_backward_is_linear_and_its_cache_lasts(student, reference, device, case):
    _, cache = student.gru_step_forward(*of_gru_step(case))
    once = student.gru_step_backward(case.dh, cache)
    student.gru_step_forward(*elsewhere(of_gru_step(case)))
    twice = student.gru_step_backward(-2 * case.dh, cache)
    assert_close(twice, [-2 * g for g in once], f"{GRU_STEP} of -2 dh")
    assert_inputs_unchanged(student)
    _, cache = reference.gru_step_forward(*of_gru_step(case))
    assert_close(once, reference.gru_step_backward(case.dh, cache), GRU_STEP)


@exercise("gru_step_backward", points=1)
@given(case=gru_steps(), examples=2)
def test_gru_step_backward_through_gates_wide_open_or_shut(student, device, case):
    x, h, w_x, w_h, b = of_gru_step(case)
    hidden, none = h.shape[1], [torch.zeros_like(a) for a in of_gru_step(case)]
    keep = open_and_closed((0, 1e3, 0), hidden, b)
    _, cache = student.gru_step_forward(x, h, w_x, w_h, keep)
    got = student.gru_step_backward(case.dh, cache)
    assert_close(got, [none[0], case.dh, *none[2:]], f"{GRU_STEP}, with z = 1")
    reset = open_and_closed((-1e3, -1e3, 0), hidden, b)
    _, cache = student.gru_step_forward(x, h, w_x, w_h, reset)
    dx, dh, _, dw_h, _ = student.gru_step_backward(case.dh, cache)
    w_xn = w_x[:, 2 * hidden :]
    slope = 1 - torch.tanh(x @ w_xn) ** 2
    assert_close(dx, (case.dh * slope) @ w_xn.T, "dx, with r = z = 0,")
    assert_close((dh, dw_h), (none[1], none[3]), "(dh, dw_h), with r = z = 0,")


@exercise("gru_step_backward", points=1)
@given(case=gru_steps(layout="any"), examples=6)
def test_gru_step_backward_takes_any_layout_and_leaves_it_alone(student, reference, device, case):
    _, cache = student.gru_step_forward(*of_gru_step(case))
    got = student.gru_step_backward(case.dh, cache)
    _, known = reference.gru_step_forward(*of_gru_step(case))
    assert_close(got, reference.gru_step_backward(case.dh, known), GRU_STEP)
    assert_inputs_unchanged(student)
    wrong = [(0, case.dh[0]), (0, case.dh[None])]
    assert_refused(student.gru_step_backward, (case.dh, cache), wrong)


# gru_forward --------------------------------------------------------------------------------------


@exercise("gru_forward", points=2)
@given(case=gru_sequences(), examples=10)
def test_gru_forward_matches_the_reference(student, reference, device, case):
    hs, _ = student.gru_forward(*of_gru(case))
    expected, _ = reference.gru_forward(*of_gru(case))
    assert_close(hs, expected, "hs")


@exercise("gru_forward", points=1)
@given(case=gru_sequences(steps=12, dtype=torch.float64), examples=3)
def test_gru_forward_continues_where_it_stopped(student, device, case):
    hs, _ = student.gru_forward(*of_gru(case))
    assert_close(hs, plain_gru(*of_gru(case)), "hs of 12 steps")
    rest, _ = student.gru_forward(case.x[:, 5:], hs[:, 4], case.w_x, case.w_h, case.b)
    assert_close(rest, hs[:, 5:], "hs of the last 7 steps, from the state after 5")


@exercise("gru_forward", points=1)
@given(case=gru_sequences(layout="any"), examples=6)
def test_gru_forward_takes_any_layout_and_leaves_it_alone(student, reference, device, case):
    hs, _ = student.gru_forward(*of_gru(case))
    expected, _ = reference.gru_forward(*of_gru(case))
    assert_close(hs, expected, "hs")
    assert_inputs_unchanged(student)


@exercise("gru_forward", points=1)
@given(case=gru_sequences(), examples=1)
def test_gru_forward_refuses_sizes_that_do_not_fit(student, device, case):
    x, h0, *weights = good = of_gru(case)
    wrong = [(0, wide(x)), (0, x[0]), (0, x[0, 0]), (0, x[:, :0]), (1, wide(h0)), (1, double(h0))]
    assert_refused(student.gru_forward, good, wrong + wrong_weights(2, *weights))


# gru_backward -------------------------------------------------------------------------------------


@exercise("gru_backward", points=3)
@given(case=gru_sequences(), examples=10)
def test_gru_backward_matches_the_reference(student, reference, device, case):
    _, cache = student.gru_forward(*of_gru(case))
    got = student.gru_backward(case.dhs, cache)
    _, cache = reference.gru_forward(*of_gru(case))
    assert_close(got, reference.gru_backward(case.dhs, cache), GRU)


@exercise("gru_backward", points=1)
@given(case=gru_sequences(steps=12, dtype=torch.float64), examples=2)
def test_gru_backward_through_twelve_steps_is_what_autograd_computes(student, device, case):
    _, cache = student.gru_forward(*of_gru(case))
    got = student.gru_backward(case.dhs, cache)
    assert_close(got, gradients(plain_gru, of_gru(case), case.dhs), GRU)


@exercise("gru_backward", points=1)
@given(case=gru_sequences(), examples=3)
def test_gru_backward_changes_nothing_and_its_cache_lasts(student, reference, device, case):
    _, cache = student.gru_forward(*of_gru(case))
    student.gru_forward(*elsewhere(of_gru(case)))
    student.gru_backward(-case.dhs, cache)
    got = student.gru_backward(case.dhs, cache)
    _, cache = reference.gru_forward(*of_gru(case))
    assert_close(got, reference.gru_backward(case.dhs, cache), GRU)
    assert_inputs_unchanged(student)


@exercise("gru_backward", points=1)
@given(case=gru_sequences(layout="any"), examples=6)
def test_gru_backward_takes_any_layout_and_leaves_it_alone(student, reference, device, case):
    _, cache = student.gru_forward(*of_gru(case))
    got = student.gru_backward(case.dhs, cache)
    _, known = reference.gru_forward(*of_gru(case))
    assert_close(got, reference.gru_backward(case.dhs, known), GRU)
    assert_inputs_unchanged(student)
    wrong = [(0, case.dhs[0]), (0, case.dhs[None])]
    assert_refused(student.gru_backward, (case.dhs, cache), wrong)


# cell_state_jacobian ------------------------------------------------------------------------------


@exercise("cell_state_jacobian", points=3)
@given(case=cell_states(), examples=12)
def test_cell_state_jacobian_matches_the_reference(student, reference, device, case):
    got = student.cell_state_jacobian(*of_cell(case))
    assert_close(got, reference.cell_state_jacobian(*of_cell(case)), TERMS)


@exercise("cell_state_jacobian", points=1)
@given(case=cell_states(), examples=3)
def test_cell_state_jacobian_has_terms_that_vary_one_factor_each(student, device, case):
    """Each term is the derivative of c_t when only one of its four factors may move."""
    x, _, c_prev, o_prev, w_x, w_h, b = (a.double() for a in of_cell(case))

    def new_cell_state(moving):
        def function(c):
            def factors(c):
                i, f, g, _ = (x @ w_x + (o_prev * torch.tanh(c)) @ w_h + b).chunk(4)
                return torch.sigmoid(f), c, torch.sigmoid(i), torch.tanh(g)

            parts = zip(factors(c), factors(c.detach()), strict=True)
            f, old, i, g = (a if k == moving else held for k, (a, held) in enumerate(parts))
            return f * old + i * g

        return function

    expected = [
        torch.autograd.functional.jacobian(new_cell_state(k), c_prev).to(case.x.dtype)
        for k in range(4)
    ]
    assert_close(student.cell_state_jacobian(*of_cell(case)), expected, TERMS)


@exercise("cell_state_jacobian", points=1)
@given(case=cell_states(layout="any"), examples=6)
def test_cell_state_jacobian_takes_any_layout_and_leaves_it_alone(student, reference, device, case):
    got = student.cell_state_jacobian(*of_cell(case))
    assert_close(got, reference.cell_state_jacobian(*of_cell(case)), TERMS)
    assert_inputs_unchanged(student)


@exercise("cell_state_jacobian", points=1)
@given(case=cell_states(), examples=1)
def test_cell_state_jacobian_refuses_sizes_that_do_not_fit(student, device, case):
    x, h_prev, c_prev, o_prev, *weights = good = of_cell(case)
    wrong = [(0, wide(x)), (0, x[:, None]), (1, wide(h_prev)), (1, h_prev[None])]
    wrong += [(2, wide(c_prev)), (2, c_prev[None]), (3, wide(o_prev)), (3, o_prev[None])]
    assert_refused(student.cell_state_jacobian, good, wrong + wrong_weights(4, *weights))
