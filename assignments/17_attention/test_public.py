"""Public tests of unit 17. Their oracles are worked numbers, autograd, torch and counting."""

import math

import torch
from hypothesis import strategies as st
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from autograder.testing import Case, assert_close, exercise, given, sizes, tensors

LN2, LN3, LN6, LN7 = (math.log(n) for n in (2, 3, 6, 7))
ROOT = math.sqrt(LN3)


def worked(values, device):
    """Numbers of the handout, as a float64 tensor."""
    return torch.tensor(values, dtype=torch.float64, device=device)


def gradients(forward, inputs, dout):
    """What autograd finds for a forward that is written with torch operations."""
    inputs = [x.clone().requires_grad_() for x in inputs]
    return tuple(torch.autograd.grad(forward(*inputs), inputs, dout))


def plain_additive(s, h, w_s, w_h, v):
    """Additive attention in torch operations that autograd understands."""
    e = torch.tanh((s @ w_s).unsqueeze(2) + (h @ w_h).unsqueeze(1))
    return torch.softmax(e @ v, dim=2) @ h


def plain_multi_head(x, w_q, w_k, w_v, w_o, heads):
    """The heads one after the other."""
    columns = x.shape[2] // heads
    results = []
    for i in range(heads):
        own = slice(i * columns, (i + 1) * columns)
        q, k, v = x @ w_q[:, own], x @ w_k[:, own], x @ w_v[:, own]
        results.append(F.scaled_dot_product_attention(q, k, v))
    return torch.cat(results, dim=2) @ w_o


@st.composite
def attentions(draw):
    """Queries (N, T_q, d_k), keys (N, T_k, d_k), values (N, T_k, d_v), and a gradient."""
    n, t_q, t_k, d_k, d_v = (draw(sizes(1, 4)) for _ in range(5))
    return Case(
        q=draw(tensors(n, t_q, d_k)),
        k=draw(tensors(n, t_k, d_k)),
        v=draw(tensors(n, t_k, d_v)),
        dout=draw(tensors(n, t_q, d_v)),
    )


@st.composite
def layers(draw):
    """Sequences x (N, T, D), four matrices (D, D), a number of heads, and a gradient."""
    n, t, heads, columns = (
        draw(sizes(1, 3)),
        draw(sizes(1, 4)),
        draw(sizes(1, 3)),
        draw(sizes(1, 2)),
    )
    d = heads * columns
    names = ("w_q", "w_k", "w_v", "w_o")
    return Case(
        x=draw(tensors(n, t, d)),
        **{name: draw(tensors(d, d, scale=0.5)) for name in names},
        heads=heads,
        dout=draw(tensors(n, t, d)),
    )


# 17.1 Scaled dot-product attention ----------------------------------------------------------------


def example(device):
    """q, k and v of the worked example."""
    q = worked([[2, 0, 0, 0]], device)
    k = worked([[0, 0, 0, 0], [LN2, 0, 0, 0], [LN7, 0, 0, 0]], device)
    return q, k, worked([[1, 0], [0, 1], [1, 1]], device)


@exercise("attention_forward", points=1)
def test_attention_forward_of_the_worked_example(student, device):
    out, _ = student.attention_forward(*example(device))
    assert_close(out, worked([[0.8, 0.9]], device), "out")
    out, _ = student.attention_forward(*example(device), scale=False)
    assert_close(out, worked([[50 / 54, 53 / 54]], device), "out with scale=False")


@exercise("attention_forward", points=1)
def test_attention_forward_looks_only_where_the_mask_is_true(student, device):
    q, k, v = example(device)
    q = q.expand(3, 4)
    rows = [[True, True, False], [False, False, True], [False, False, False]]
    mask = torch.tensor(rows, device=device)
    out, _ = student.attention_forward(q, k, v, mask)
    assert_close(out, worked([[1 / 3, 2 / 3], [1, 1], [0, 0]], device), "out")


@exercise("attention_forward", points=1)
@given(case=attentions(), examples=8)
def test_attention_forward_is_what_torch_computes(student, device, case):
    expected = F.scaled_dot_product_attention(case.q, case.k, case.v)
    out, _ = student.attention_forward(case.q, case.k, case.v)
    assert_close(out, expected, "out")


# 17.2 Its gradients -------------------------------------------------------------------------------


@exercise("attention_backward", points=1)
def test_attention_backward_of_the_worked_example(student, device):
    _, cache = student.attention_forward(*example(device))
    dq, dk, dv = student.attention_backward(worked([[1, 2]], device), cache)
    assert_close(dv, worked([[0.1, 0.2], [0.2, 0.4], [0.7, 1.4]], device), "dv")
    nothing = [0, 0, 0]
    expected = worked([[-0.16, *nothing], [-0.12, *nothing], [0.28, *nothing]], device)
    assert_close(dk, expected, "dk")
    assert_close(dq, worked([[(0.28 * LN7 - 0.12 * LN2) / 2, *nothing]], device), "dq")


@exercise("attention_backward", points=1)
@given(case=attentions(), examples=8)
def test_attention_backward_is_what_autograd_computes(student, device, case):
    inputs = (case.q, case.k, case.v)
    expected = gradients(F.scaled_dot_product_attention, inputs, case.dout)
    _, cache = student.attention_forward(*inputs)
    got = student.attention_backward(case.dout, cache)
    assert_close(got, expected, "(dq, dk, dv)")


# 17.3 The causal mask -----------------------------------------------------------------------------


@exercise("causal_mask", points=1)
def test_causal_mask_of_three_positions(student, device):
    mask = student.causal_mask(3, torch.zeros(1, device=device))
    rows = [[True, False, False], [True, True, False], [True, True, True]]
    assert_close(mask, torch.tensor(rows, device=device), "the mask")


# 17.4 Additive attention --------------------------------------------------------------------------


def additive_example(device):
    """s, h, w_s, w_h and v of the worked example."""
    return (
        worked([[[0]]], device),
        worked([[[0, 1], [LN2, 2], [LN3, 3]]], device),
        worked([[1]], device),
        worked([[1], [0]], device),
        worked([5 * LN2], device),
    )


@st.composite
def additive_attentions(draw):
    """s (N, T_q, D_s), h (N, T_k, D_h), w_s (D_s, A), w_h (D_h, A), v (A,), and a gradient."""
    n, t_q, t_k, d_s, d_h, a = (draw(sizes(1, 3)) for _ in range(6))
    shapes = {"s": (n, t_q, d_s), "h": (n, t_k, d_h), "w_s": (d_s, a), "w_h": (d_h, a), "v": (a,)}
    drawn = {name: draw(tensors(*shape)) for name, shape in shapes.items()}
    return Case(**drawn, dout=draw(tensors(n, t_q, d_h)))


@exercise("additive_attention_forward", points=1)
def test_additive_attention_forward_of_the_worked_example(student, device):
    out, _ = student.additive_attention_forward(*additive_example(device))
    assert_close(out, worked([[[0.32 * LN2 + 0.64 * LN3, 2.6]]], device), "out")


@exercise("additive_attention_forward", points=1)
@given(case=additive_attentions(), examples=5)
def test_additive_attention_forward_returns_what_all_states_agree_on(student, device, case):
    h = case.h[:, :1].expand(case.h.shape).contiguous()
    out, _ = student.additive_attention_forward(case.s, h, case.w_s, case.w_h, case.v)
    assert_close(out, h[:, :1].expand(-1, case.s.shape[1], -1), "out, if all states are the same,")


@exercise("additive_attention_backward", points=1)
def test_additive_attention_backward_of_the_worked_example(student, device):
    _, cache = student.additive_attention_forward(*additive_example(device))
    gradient = student.additive_attention_backward(worked([[[0, 1]]], device), cache)
    ds, _, dw_s, _, dv = gradient
    assert_close(dv, worked([0.0896], device), "dv")
    assert_close(ds, worked([[[-5 * LN2 * 0.09472]]], device), "ds")
    assert_close(dw_s, worked([[0]], device), "dw_s")


@exercise("additive_attention_backward", points=1)
@given(case=additive_attentions(), examples=8)
def test_additive_attention_backward_is_what_autograd_computes(student, device, case):
    inputs = (case.s, case.h, case.w_s, case.w_h, case.v)
    _, cache = student.additive_attention_forward(*inputs)
    got = student.additive_attention_backward(case.dout, cache)
    expected = gradients(plain_additive, inputs, case.dout)
    assert_close(got, expected, "(ds, dh, dw_s, dw_h, dv)")


# 17.6 Multi-head attention ------------------------------------------------------------------------


@exercise("multi_head_attention_forward", points=1)
def test_multi_head_attention_forward_of_the_worked_example(student, device):
    x, unit = worked([[[0, ROOT], [ROOT, 0]]], device), worked([[1, 0], [0, 1]], device)
    out, _ = student.multi_head_attention_forward(x, unit, unit, unit, unit, heads=2)
    assert_close(out, ROOT * worked([[[0.5, 0.75], [0.75, 0.5]]], device), "out")
    causal = torch.tensor([[True, False], [True, True]], device=device)
    out, _ = student.multi_head_attention_forward(x, unit, unit, unit, unit, causal, heads=2)
    assert_close(out, ROOT * worked([[[0, 1], [0.75, 0.5]]], device), "out with a causal mask")


@exercise("multi_head_attention_forward", points=1)
@given(case=layers(), examples=8)
def test_multi_head_attention_forward_is_one_attention_for_each_head(student, device, case):
    inputs = (case.x, case.w_q, case.w_k, case.w_v, case.w_o)
    out, _ = student.multi_head_attention_forward(*inputs, heads=case.heads)
    assert_close(out, plain_multi_head(*inputs, case.heads), "out")


@exercise("multi_head_attention_backward", points=1)
def test_multi_head_attention_backward_of_the_worked_example(student, device):
    x, unit = worked([[[0, ROOT], [ROOT, 0]]], device), worked([[1, 0], [0, 1]], device)
    _, cache = student.multi_head_attention_forward(x, unit, unit, unit, unit, heads=2)
    dout = worked([[[1, 0], [0, 0]]], device)
    dx, _, _, _, dw_o = student.multi_head_attention_backward(dout, cache)
    assert_close(dx, worked([[[LN3 / 4 + 0.5, 0], [0.5, 0]]], device), "dx")
    assert_close(dw_o, ROOT * worked([[0.5, 0], [0.75, 0]], device), "dw_o")


@exercise("multi_head_attention_backward", points=1)
@given(case=layers(), examples=8)
def test_multi_head_attention_backward_is_what_autograd_computes(student, device, case):
    inputs = (case.x, case.w_q, case.w_k, case.w_v, case.w_o)
    _, cache = student.multi_head_attention_forward(*inputs, heads=case.heads)
    got = student.multi_head_attention_backward(case.dout, cache)
    expected = gradients(lambda *i: plain_multi_head(*i, case.heads), inputs, case.dout)
    assert_close(got, expected, "(dx, dw_q, dw_k, dw_v, dw_o)")


# 17.8 A decoder's step ----------------------------------------------------------------------------


@exercise("attention_gru_step", points=1)
def test_attention_gru_step_of_the_worked_example(student, device):
    y, s, h = worked([[1]], device), worked([[1]], device), worked([[[0], [LN3]]], device)
    w_y, w_s = worked([[0, LN3, 0]], device), worked([[0, 0, 2 * LN6]], device)
    w_c, b = worked([[0, 0, -4 / 3]], device), worked([0, 0, 0], device)
    got = student.attention_gru_step(y, s, h, w_y, w_s, w_c, b)
    assert_close(got, worked([[0.9]], device), "s")


@exercise("attention_gru_step", points=1)
def test_attention_gru_step_keeps_its_state_where_the_update_gate_is_one(student, device):
    s = worked([[0.5, -0.25], [1, 2]], device)
    y, h = torch.ones_like(s), torch.ones(2, 3, 2, dtype=s.dtype, device=device)
    weights = [torch.ones(2, 6, dtype=s.dtype, device=device) for _ in range(3)]
    b = worked([0, 0, 1000, 1000, 0, 0], device)
    assert_close(student.attention_gru_step(y, s, h, *weights, b), s, "s")


# 17.9 What it costs -------------------------------------------------------------------------------


@exercise("layer_costs", points=1)
def test_layer_costs_of_the_worked_example(student, device):
    for kind, expected in (
        ("self_attention", (800, 1, 1)),
        ("recurrent", (320, 10, 10)),
        ("convolution", (480, 1, 5)),
        ("dilated", (480, 1, 3)),
    ):
        assert_close(student.layer_costs(kind, n=10, d=4), expected, f"the costs of {kind!r}")


@exercise("layer_costs", points=1)
def test_layer_costs_are_the_multiplications_that_torch_counts(student, device):
    for n, d, k in ((3, 2, 2), (6, 4, 3)):
        x, w = torch.ones(n, d, device=device), torch.ones(d, d, device=device)
        kernel = torch.ones(d, d, k, device=device)
        with FlopCounterMode(display=False) as attention:
            torch.softmax(x @ x.T, dim=1) @ x
        with FlopCounterMode(display=False) as recurrent:
            h = torch.zeros(1, d, device=device)
            for t in range(n):
                h = torch.tanh(x[t : t + 1] @ w + h @ w)
        with FlopCounterMode(display=False) as convolution:
            F.conv1d(F.pad(x.T[None], (k - 1, 0)), kernel)
        for kind, counted in (
            ("self_attention", attention),
            ("recurrent", recurrent),
            ("convolution", convolution),
            ("dilated", convolution),
        ):
            # The counter counts additions as well, one for each multiplication.
            expected = counted.get_total_flops() // 2
            got = student.layer_costs(kind, n=n, d=d, k=k)[0]
            assert_close(got, expected, f"the multiplications of {kind!r} for {n=}, {d=}, {k=}")
