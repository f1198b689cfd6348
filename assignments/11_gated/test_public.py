"""Public tests of unit 11: the worked examples of the handout, autograd, torch, and identities.

Run them with ``pytest``; one exercise with ``pytest -m lstm_step_backward``.
"""

import math

import torch
from hypothesis import strategies as st

from autograder.testing import Case, assert_close, exercise, given, sizes, tensors

LN2, LN3, LN4 = math.log(2), math.log(3), math.log(4)

LSTM_STEP_GRADIENTS = ("dx", "dh", "dc", "dw_x", "dw_h", "db")
LSTM_GRADIENTS = ("dx", "dh0", "dc0", "dw_x", "dw_h", "db")
GRU_STEP_GRADIENTS = ("dx", "dh", "dw_x", "dw_h", "db")
GRU_GRADIENTS = ("dx", "dh0", "dw_x", "dw_h", "db")


def worked(values, device):
    """Numbers that were worked out by hand."""
    return torch.tensor(values, dtype=torch.float64, device=device)


def assert_each(got, expected, names):
    """Every part of a result, by its name."""
    assert_close(len(got), len(names), "the number of results")
    for one, right, name in zip(got, expected, names, strict=True):
        assert_close(one, right, name)


def lstm_cell(x, h, c, w_x, w_h, b):
    """One step, written down as the formulas say; autograd can look through it."""
    i, f, g, o = (x @ w_x + h @ w_h + b).chunk(4, dim=-1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


def gru_cell(x, h, w_x, w_h, b):
    """One step, written down as the formulas say; autograd can look through it."""
    (x_r, x_z, x_n), (w_hr, w_hz, w_hn) = (x @ w_x + b).chunk(3, dim=-1), w_h.chunk(3, dim=-1)
    r, z = torch.sigmoid(x_r + h @ w_hr), torch.sigmoid(x_z + h @ w_hz)
    return z * h + (1 - z) * torch.tanh(x_n + (r * h) @ w_hn)


def plain_lstm(x, h, c, w_x, w_h, b):
    hs = []
    for t in range(x.shape[1]):
        h, c = lstm_cell(x[:, t], h, c, w_x, w_h, b)
        hs.append(h)
    return torch.stack(hs, dim=1), c


def plain_gru(x, h, w_x, w_h, b):
    hs = []
    for t in range(x.shape[1]):
        h = gru_cell(x[:, t], h, w_x, w_h, b)
        hs.append(h)
    return torch.stack(hs, dim=1)


def gradients(function, inputs, upstream):
    """What autograd says are the gradients."""
    leaves = [x.detach().clone().requires_grad_() for x in inputs]
    return torch.autograd.grad(function(*leaves), leaves, upstream)


def weights(draw, d, h, blocks):
    """w_x, w_h and b, small enough not to saturate."""
    shapes = ((d, blocks * h), (h, blocks * h), (blocks * h,))
    return tuple(draw(tensors(*shape, scale=0.5)) for shape in shapes)


@st.composite
def lstm_steps(draw):
    n, d, hidden = draw(sizes()), draw(sizes()), draw(sizes())
    w_x, w_h, b = weights(draw, d, hidden, 4)
    x, h, c, dh, dc = (draw(tensors(n, s)) for s in (d, hidden, hidden, hidden, hidden))
    return Case(x=x, h=h, c=c, w_x=w_x, w_h=w_h, b=b, dh=dh, dc=dc)


@st.composite
def gru_steps(draw):
    n, d, hidden = draw(sizes()), draw(sizes()), draw(sizes())
    w_x, w_h, b = weights(draw, d, hidden, 3)
    x, h, dh = (draw(tensors(n, s)) for s in (d, hidden, hidden))
    return Case(x=x, h=h, w_x=w_x, w_h=w_h, b=b, dh=dh)


@st.composite
def lstm_sequences(draw):
    n, t, d, hidden = (draw(sizes(max=4)) for _ in range(4))
    w_x, w_h, b = weights(draw, d, hidden, 4)
    shapes = ((n, t, d), (n, hidden), (n, hidden), (n, t, hidden), (n, hidden))
    x, h0, c0, dhs, dc_n = (draw(tensors(*shape)) for shape in shapes)
    return Case(x=x, h0=h0, c0=c0, w_x=w_x, w_h=w_h, b=b, dhs=dhs, dc_n=dc_n)


@st.composite
def gru_sequences(draw, units=None):
    n, t, d = (draw(sizes(max=4)) for _ in range(3))
    hidden = draw(sizes(max=4)) if units is None else units
    w_x, w_h, b = weights(draw, d, hidden, 3)
    x, h0, dhs = (draw(tensors(*shape)) for shape in ((n, t, d), (n, hidden), (n, t, hidden)))
    return Case(x=x, h0=h0, w_x=w_x, w_h=w_h, b=b, dhs=dhs)


@st.composite
def cell_states(draw):
    d, hidden = draw(sizes(max=4)), draw(sizes(max=4))
    w_x, w_h, b = weights(draw, d, hidden, 4)
    x, c_prev = draw(tensors(d)), draw(tensors(hidden))
    o_prev = draw(tensors(hidden, values="uniform"))
    h_prev = o_prev * torch.tanh(c_prev)
    return Case(x=x, h_prev=h_prev, c_prev=c_prev, o_prev=o_prev, w_x=w_x, w_h=w_h, b=b)


def scalar_lstm(device):
    """The step of 11.1: i = 0.5, f = 0.75, g = 0.6, o = 0.8."""
    x, h, c = (worked([[v]], device) for v in (1, 1, (4 * LN3 - 1.2) / 3))
    w_x, w_h = worked([[0, LN3, 0, LN4]], device), worked([[0, 0, LN2, 0]], device)
    return x, h, c, w_x, w_h, worked([0, 0, 0, 0], device)


def fading_lstm(device):
    """The sequence of 11.3: i = o = 0.5, f = 0.75, g = 0 at both steps."""
    x, h0, c0 = (worked(v, device) for v in ([[[5], [-7]]], [[9]], [[16 / 9 * LN3]]))
    none = worked([[0, 0, 0, 0]], device)
    return x, h0, c0, none, none, worked([0, LN3, 0, 0], device)


def scalar_gru(device):
    """The step of 11.5: r = 0.5, z = 0.75, n = 0.8."""
    w_x, w_h = worked([[0, -LN3, 0]], device), worked([[1, LN3, LN3]], device)
    return worked([[1]], device), worked([[2]], device), w_x, w_h, worked([-2, 0, 0], device)


def drifting_gru(device):
    """The sequence of 11.7: z = 0.75, n = 0.6 at both steps."""
    none = worked([[0, 0, 0]], device)
    x, h0 = worked([[[5], [-7]]], device), worked([[2.2]], device)
    return x, h0, none, none, worked([0, LN3, LN2], device)


# 11.1 LSTM, one step ------------------------------------------------------------------------------


@exercise("lstm_step_forward", points=1)
def test_lstm_step_forward_of_the_worked_example(student, device):
    h, c, _ = student.lstm_step_forward(*scalar_lstm(device))
    assert_close(c, worked([[LN3]], device), "c")
    assert_close(h, worked([[0.64]], device), "h")


# 11.2 LSTM, one step, backward --------------------------------------------------------------------


@exercise("lstm_step_backward", points=1)
def test_lstm_step_backward_of_the_worked_example(student, device):
    _, _, cache = student.lstm_step_forward(*scalar_lstm(device))
    got = student.lstm_step_backward(worked([[25]], device), worked([[2.8]], device), cache)
    d_f = 2.5 * LN3 - 0.75
    d = worked([[1.5, d_f, 3.2, 3.2]], device)
    dx, dh, dc = ([[d_f * LN3 + 3.2 * LN4]], [[3.2 * LN2]], [[7.5]])
    expected = (*(worked(v, device) for v in (dx, dh, dc)), d, d, d[0])
    assert_each(got, expected, LSTM_STEP_GRADIENTS)


@exercise("lstm_step_backward", points=1)
@given(case=lstm_steps(), examples=8)
def test_lstm_step_backward_is_what_autograd_computes(student, device, case):
    inputs = (case.x, case.h, case.c, case.w_x, case.w_h, case.b)
    _, _, cache = student.lstm_step_forward(*inputs)
    got = student.lstm_step_backward(case.dh, case.dc, cache)
    assert_each(got, gradients(lstm_cell, inputs, (case.dh, case.dc)), LSTM_STEP_GRADIENTS)


# 11.3 LSTM, a whole sequence ----------------------------------------------------------------------


@exercise("lstm_forward", points=1)
def test_lstm_forward_of_the_worked_example(student, device):
    hs, c_n, _ = student.lstm_forward(*fading_lstm(device))
    assert_close(c_n, worked([[LN3]], device), "c_n")
    assert_close(hs, worked([[[0.5 * math.tanh(4 / 3 * LN3)], [0.4]]], device), "hs")


@exercise("lstm_forward", points=1)
@given(case=lstm_sequences(), examples=6)
def test_lstm_forward_is_what_torch_computes_with_transposed_weights(student, device, case):
    lstm = torch.nn.LSTM(case.x.shape[2], case.h0.shape[1], batch_first=True)
    lstm = lstm.to(device, torch.float64)
    with torch.no_grad():
        lstm.weight_ih_l0.copy_(case.w_x.T)
        lstm.weight_hh_l0.copy_(case.w_h.T)
        lstm.bias_ih_l0.copy_(case.b)
        lstm.bias_hh_l0.zero_()
        expected, (_, c_n) = lstm(case.x, (case.h0[None], case.c0[None]))
    got = student.lstm_forward(case.x, case.h0, case.c0, case.w_x, case.w_h, case.b)
    assert_close(got[0], expected, "hs")
    assert_close(got[1], c_n[0], "c_n")


# 11.4 LSTM, backward through time -----------------------------------------------------------------


@exercise("lstm_backward", points=1)
def test_lstm_backward_of_the_worked_example(student, device):
    _, _, cache = student.lstm_forward(*fading_lstm(device))
    dhs, dc_n = worked([[[0], [25]]], device), worked([[5.5]], device)
    got = student.lstm_backward(dhs, dc_n, cache)
    assert_close(got[2], worked([[5.625]], device), "dc0")
    assert_close(got[5], worked([0, 5 * LN3, 8.75, 5], device), "db")


@exercise("lstm_backward", points=1)
@given(case=lstm_sequences(), examples=6)
def test_lstm_backward_is_what_autograd_computes(student, device, case):
    inputs = (case.x, case.h0, case.c0, case.w_x, case.w_h, case.b)
    _, _, cache = student.lstm_forward(*inputs)
    got = student.lstm_backward(case.dhs, case.dc_n, cache)
    assert_each(got, gradients(plain_lstm, inputs, (case.dhs, case.dc_n)), LSTM_GRADIENTS)


@exercise("lstm_backward", points=1)
def test_lstm_backward_loses_nothing_while_the_forget_gates_are_open(student, device):
    """Thirty steps with i = 0 and f = 1: the memory stands still, and so does its gradient."""
    x, state = torch.ones(1, 30, 2, dtype=torch.float64, device=device), worked([[1, -2]], device)
    w_x, w_h = (torch.ones(2, 8, dtype=torch.float64, device=device) for _ in range(2))
    b = worked([-1000, -1000, 1000, 1000, 0, 0, 0, 0], device)
    _, c_n, cache = student.lstm_forward(x, state, state, w_x, w_h, b)
    assert_close(c_n, state, "c_n")
    dc_n = worked([[3, 4]], device)
    _, _, dc0, *_ = student.lstm_backward(torch.zeros_like(x), dc_n, cache)
    assert_close(dc0, dc_n, "dc0, thirty steps before dc_n,")


# 11.5 GRU, one step -------------------------------------------------------------------------------


@exercise("gru_step_forward", points=1)
def test_gru_step_forward_of_the_worked_example(student, device):
    h, _ = student.gru_step_forward(*scalar_gru(device))
    assert_close(h, worked([[1.7]], device), "h")


@exercise("gru_step_forward", points=1)
def test_gru_step_forward_resets_before_the_product(student, device):
    """Unit 0 is reset, unit 1 is not. Candidate 1 looks at unit 0, and must see nothing there."""
    x, h = worked([[1]], device), worked([[7, 0]], device)
    w_x = worked([[0, 0, 0, 0, 0, LN3]], device)
    w_h = worked([[0, 0, 0, 0, 0, 5], [0, 0, 0, 0, 0, 0]], device)
    b = worked([-1000, 1000, 0, 0, 0, 0], device)  # r = (0, 1), z = (1/2, 1/2)
    h, _ = student.gru_step_forward(x, h, w_x, w_h, b)
    assert_close(h, worked([[3.5, 0.4]], device), "h")


# 11.6 GRU, one step, backward ---------------------------------------------------------------------


@exercise("gru_step_backward", points=1)
def test_gru_step_backward_of_the_worked_example(student, device):
    _, cache = student.gru_step_forward(*scalar_gru(device))
    got = student.gru_step_backward(worked([[16]], device), cache)
    d = worked([[0.72 * LN3, 3.6, 1.44]], device)
    dw_h = worked([[1.44 * LN3, 7.2, 1.44]], device)
    dx, dh = worked([[-3.6 * LN3]], device), worked([[12 + 5.04 * LN3]], device)
    assert_each(got, (dx, dh, d, dw_h, d[0]), GRU_STEP_GRADIENTS)


@exercise("gru_step_backward", points=1)
@given(case=gru_steps(), examples=8)
def test_gru_step_backward_is_what_autograd_computes(student, device, case):
    inputs = (case.x, case.h, case.w_x, case.w_h, case.b)
    _, cache = student.gru_step_forward(*inputs)
    got = student.gru_step_backward(case.dh, cache)
    assert_each(got, gradients(gru_cell, inputs, case.dh), GRU_STEP_GRADIENTS)


# 11.7 GRU, a whole sequence -----------------------------------------------------------------------


@exercise("gru_forward", points=1)
def test_gru_forward_of_the_worked_example(student, device):
    hs, _ = student.gru_forward(*drifting_gru(device))
    assert_close(hs, worked([[[1.8], [1.5]]], device), "hs")


@exercise("gru_forward", points=1)
@given(case=gru_sequences(units=1), examples=5)
def test_gru_forward_is_what_torch_computes_for_a_single_unit(student, device, case):
    """With one unit it does not matter whether the reset comes before the product or after it."""
    gru = torch.nn.GRU(case.x.shape[2], 1, batch_first=True).to(device, torch.float64)
    with torch.no_grad():
        gru.weight_ih_l0.copy_(case.w_x.T)
        gru.weight_hh_l0.copy_(case.w_h.T)
        gru.bias_ih_l0.copy_(case.b)
        gru.bias_hh_l0.zero_()
        expected, _ = gru(case.x, case.h0[None])
    hs, _ = student.gru_forward(case.x, case.h0, case.w_x, case.w_h, case.b)
    assert_close(hs, expected, "hs")


# 11.8 GRU, backward through time ------------------------------------------------------------------


@exercise("gru_backward", points=1)
def test_gru_backward_of_the_worked_example(student, device):
    _, cache = student.gru_forward(*drifting_gru(device))
    got = student.gru_backward(worked([[[4], [16]]], device), cache)
    assert_close(got[1], worked([[12]], device), "dh0")
    assert_close(got[4], worked([0, 8.4, 5.12], device), "db")


@exercise("gru_backward", points=1)
@given(case=gru_sequences(), examples=6)
def test_gru_backward_is_what_autograd_computes(student, device, case):
    inputs = (case.x, case.h0, case.w_x, case.w_h, case.b)
    _, cache = student.gru_forward(*inputs)
    got = student.gru_backward(case.dhs, cache)
    assert_each(got, gradients(plain_gru, inputs, case.dhs), GRU_GRADIENTS)


# 11.9 The Jacobian of the cell state --------------------------------------------------------------


@exercise("cell_state_jacobian", points=1)
def test_cell_state_jacobian_of_the_worked_example(student, device):
    got = student.cell_state_jacobian(
        *(worked(v, device) for v in ([1], [0.4], [LN3], [0.5])),
        worked([[-4, LN3 - 4, LN2 - 4, 0]], device),
        worked([[10, 10, 10, 0]], device),
        worked([0, 0, 0, 0], device),
    )
    expected = [worked([[v]], device) for v in (0.3375 * LN3, 0.75, 0.27, 0.576)]
    assert_each(got, expected, ("forget", "direct", "input", "candidate"))


@exercise("cell_state_jacobian", points=1)
@given(case=cell_states(), examples=6)
def test_cell_state_jacobian_adds_up_to_what_autograd_computes(student, device, case):
    def new_cell_state(c_prev):
        h_prev = case.o_prev * torch.tanh(c_prev)
        return lstm_cell(case.x, h_prev, c_prev, case.w_x, case.w_h, case.b)[1]

    arguments = (case.x, case.h_prev, case.c_prev, case.o_prev, case.w_x, case.w_h, case.b)
    terms = student.cell_state_jacobian(*arguments)
    expected = torch.autograd.functional.jacobian(new_cell_state, case.c_prev)
    assert_close(sum(terms), expected, "forget + direct + input + candidate")
