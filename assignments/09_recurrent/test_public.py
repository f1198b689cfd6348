"""Public tests of unit 9: the worked examples of the handout, autograd, torch, and training.

Run them with ``pytest``; one exercise with ``pytest -m rnn_backward``.
"""

import math

import torch
from hypothesis import strategies as st

from autograder.testing import Case, assert_close, exercise, given, labels, sizes, tensors

LN2, LN3 = math.log(2), math.log(3)


def worked(values, device):
    """Numbers that were worked out by hand."""
    return torch.tensor(values, dtype=torch.float64, device=device)


def scalar_rnn(device):
    """The network of 9.3, with one feature and one unit: its states are 0.6 and 0.8."""
    x = worked([[[LN2 - 0.2], [LN3 - 0.3]]], device)
    return (x, *(worked(v, device) for v in ([[0.4]], [[1.0]], [[0.5]], [0.0])))


def scalar_model(device):
    """The same with the targets and the output layer of 9.5."""
    x, *network = scalar_rnn(device)
    y = torch.tensor([[0, 1]], device=device)
    return (x, y, *network, worked([[5 * LN2, 0]], device), worked([-3 * LN2, 0], device))


def scalar_stack(device):
    """The two layers of 9.7: x, h0 and weights."""
    x, h0, *below = scalar_rnn(device)
    above = tuple(worked(v, device) for v in ([[5 * LN2]], [[7.0]], [-3 * LN2]))
    return x, torch.stack([h0, torch.zeros_like(h0)], dim=1), [tuple(below), above]


def plain_rnn(x, h, w_xh, w_hh, b):
    """States (N, T, H), written down as the formula says; autograd can look through it."""
    hs = []
    for t in range(x.shape[1]):
        h = torch.tanh(x[:, t] @ w_xh + h @ w_hh + b)
        hs.append(h)
    return torch.stack(hs, dim=1)


def plain_loss(x, y, h0, w_xh, w_hh, b, w_hq, c):
    """Mean cross entropy over batch and time."""
    scores = plain_rnn(x, h0, w_xh, w_hh, b) @ w_hq + c
    return torch.nn.functional.cross_entropy(scores.flatten(0, 1), y.flatten())


def gradients(function, inputs, *upstream):
    """What autograd says are the gradients of a function's result (or of its mean, if 0-dim)."""
    leaves = [x.detach().clone().requires_grad_() for x in inputs]
    return torch.autograd.grad(function(*leaves), leaves, *upstream)


def weights(draw, d, h):
    """w_xh, w_hh and b of one layer, small enough not to saturate."""
    return tuple(draw(tensors(*shape, scale=0.5)) for shape in ((d, h), (h, h), (h,)))


@st.composite
def steps(draw):
    n, d, h = draw(sizes()), draw(sizes()), draw(sizes())
    w_xh, w_hh, b = weights(draw, d, h)
    x, state, dh = (draw(tensors(n, size)) for size in (d, h, h))
    return Case(x=x, h=state, w_xh=w_xh, w_hh=w_hh, b=b, dh=dh)


@st.composite
def sequences(draw):
    n, t, d, h = draw(sizes()), draw(sizes()), draw(sizes()), draw(sizes())
    w_xh, w_hh, b = weights(draw, d, h)
    x, h0, dhs = (draw(tensors(*shape)) for shape in ((n, t, d), (n, h), (n, t, h)))
    return Case(x=x, h0=h0, w_xh=w_xh, w_hh=w_hh, b=b, dhs=dhs)


@st.composite
def models(draw):
    n, t, d, h, q = (draw(sizes()) for _ in range(5))
    w_xh, w_hh, b = weights(draw, d, h)
    return Case(
        x=draw(tensors(n, t, d)),
        y=draw(labels(n * t, q)).reshape(n, t),
        h0=draw(tensors(n, h)),
        w_xh=w_xh,
        w_hh=w_hh,
        b=b,
        w_hq=draw(tensors(h, q)),
        c=draw(tensors(q)),
    )


@st.composite
def stacks(draw):
    n, t, d, h, layers = (draw(sizes(max=3)) for _ in range(5))
    return Case(
        x=draw(tensors(n, t, d)),
        h0=draw(tensors(n, layers, h)),
        weights=[weights(draw, d if layer == 0 else h, h) for layer in range(layers)],
        dhs=draw(tensors(n, t, h)),
        dh_n=draw(tensors(n, layers, h)),
    )


# 9.1 One step -------------------------------------------------------------------------------------


@exercise("rnn_step_forward", points=1)
def test_rnn_step_forward_of_the_worked_example(student, device):
    x, h = worked([[1]], device), worked([[1, 0]], device)
    w_xh, w_hh = worked([[2 * LN2, 0]], device), worked([[0, LN3], [5, 0]], device)
    h, _ = student.rnn_step_forward(x, h, w_xh, w_hh, worked([-LN2, 0], device))
    assert_close(h, worked([[0.6, 0.8]], device), "h")


# 9.2 One step, backward ---------------------------------------------------------------------------


@exercise("rnn_step_backward", points=1)
def test_rnn_step_backward_of_the_worked_example(student, device):
    x, h = worked([[1]], device), worked([[1, 0]], device)
    w_xh, w_hh = worked([[2 * LN2, 0]], device), worked([[0, LN3], [5, 0]], device)
    _, cache = student.rnn_step_forward(x, h, w_xh, w_hh, worked([-LN2, 0], device))
    got = student.rnn_step_backward(worked([[100, 50]], device), cache)
    expected = [[128 * LN2]], [[18 * LN3, 320]], [[64, 18]], [[64, 18], [0, 0]], [64, 18]
    for name, one, values in zip(("dx", "dh", "dw_xh", "dw_hh", "db"), got, expected, strict=True):
        assert_close(one, worked(values, device), name)


@exercise("rnn_step_backward", points=1)
@given(case=steps(), examples=8)
def test_rnn_step_backward_is_what_autograd_computes(student, device, case):
    inputs = (case.x, case.h, case.w_xh, case.w_hh, case.b)
    _, cache = student.rnn_step_forward(*inputs)
    got = student.rnn_step_backward(case.dh, cache)
    expected = gradients(
        lambda x, h, w_xh, w_hh, b: torch.tanh(x @ w_xh + h @ w_hh + b), inputs, case.dh
    )
    assert_close(got, expected, "(dx, dh, dw_xh, dw_hh, db)")


# 9.3 A whole sequence -----------------------------------------------------------------------------


@exercise("rnn_forward", points=1)
def test_rnn_forward_of_the_worked_example(student, device):
    hs, _ = student.rnn_forward(*scalar_rnn(device))
    assert_close(hs, worked([[[0.6], [0.8]]], device), "hs")


@exercise("rnn_forward", points=1)
@given(case=sequences(), examples=6)
def test_rnn_forward_is_what_torch_computes_with_transposed_weights(student, device, case):
    d, h = case.w_xh.shape
    rnn = torch.nn.RNN(d, h, batch_first=True, device=device, dtype=torch.float64)
    with torch.no_grad():
        rnn.weight_ih_l0.copy_(case.w_xh.T)
        rnn.weight_hh_l0.copy_(case.w_hh.T)
        rnn.bias_ih_l0.copy_(case.b)
        rnn.bias_hh_l0.zero_()
        expected, _ = rnn(case.x, case.h0[None])
    hs, _ = student.rnn_forward(case.x, case.h0, case.w_xh, case.w_hh, case.b)
    assert_close(hs, expected, "hs")


# 9.4 Backpropagation through time -----------------------------------------------------------------


@exercise("rnn_backward", points=1)
def test_rnn_backward_of_the_worked_example(student, device):
    inputs = scalar_rnn(device)
    _, cache = student.rnn_forward(*inputs)
    got = student.rnn_backward(worked([[[1], [2]]], device), cache)
    dw_xh = 0.8704 * (LN2 - 0.2) + 0.72 * (LN3 - 0.3)
    expected = [[[0.8704], [0.72]]], [[0.4352]], [[dw_xh]], [[0.78016]], [1.5904]
    for name, one, values in zip(("dx", "dh0", "dw_xh", "dw_hh", "db"), got, expected, strict=True):
        assert_close(one, worked(values, device), name)


@exercise("rnn_backward", points=1)
@given(case=sequences(), examples=8)
def test_rnn_backward_is_what_autograd_computes(student, device, case):
    inputs = (case.x, case.h0, case.w_xh, case.w_hh, case.b)
    _, cache = student.rnn_forward(*inputs)
    got = student.rnn_backward(case.dhs, cache)
    assert_close(got, gradients(plain_rnn, inputs, case.dhs), "(dx, dh0, dw_xh, dw_hh, db)")


# 9.5 The loss of a sequence -----------------------------------------------------------------------


@exercise("rnn_loss", points=1)
def test_rnn_loss_of_the_worked_example(student, device):
    loss, dh0, _, dw_hh, db, dw_hq, dc = student.rnn_loss(*scalar_model(device))
    assert_close(loss, worked((LN2 + LN3) / 2, device), "loss")
    assert_close(dc, worked([1 / 12, -1 / 12], device), "dc")
    assert_close(dw_hq, worked([[7 / 60, -7 / 60]], device), "dw_hq")
    assert_close(db, worked([-0.008 * LN2], device), "db")
    assert_close(dw_hh, worked([[0.1168 * LN2]], device), "dw_hh")
    assert_close(dh0, worked([[-0.304 * LN2]], device), "dh0")


@exercise("rnn_loss", points=1)
@given(case=models(), examples=4)
def test_rnn_loss_has_gradients_that_predict_how_it_changes(student, device, case):
    inputs = [case.h0, case.w_xh, case.w_hh, case.b, case.w_hq, case.c]
    _, *grads = student.rnn_loss(case.x, case.y, *inputs)
    # Any direction will do; this one is different for every entry.
    directions = [torch.cos(torch.arange(g.numel(), device=device)).reshape(g.shape) for g in grads]
    predicted = sum((g * d).sum() for g, d in zip(grads, directions, strict=True))

    def loss_at(step):
        moved = [v + step * d for v, d in zip(inputs, directions, strict=True)]
        return student.rnn_loss(case.x, case.y, *moved)[0]

    seen = (loss_at(1e-5) - loss_at(-1e-5)) / 2e-5
    assert_close(predicted, seen, "the slope that the gradients predict", tol=1e-6, floor=1.0)


@exercise("rnn_loss", points=1)
def test_rnn_loss_falls_when_a_network_learns_to_remember(student, device):
    """The task: at each step, name the symbol that was read one step before."""
    random = torch.Generator().manual_seed(0)
    symbols = torch.randint(0, 2, (8, 9), generator=random)
    x = torch.nn.functional.one_hot(symbols[:, 1:], 2).to(device, torch.float64)
    y = symbols[:, :-1].to(device)  # nothing but the state can tell
    h0 = torch.zeros(8, 4, dtype=torch.float64, device=device)
    h0[:, 0] = 2.0 * symbols[:, 0].to(device) - 1  # what was read before the first step
    sizes = ((2, 4), (4, 4), (4,), (4, 2), (2,))
    weights = [0.5 * torch.randn(s, generator=random, dtype=torch.float64) for s in sizes]
    weights = [w.to(device) for w in weights]
    losses = []
    for _ in range(20):
        loss, _, *grads = student.rnn_loss(x, y, h0, *weights)
        losses.append(float(loss))
        weights = [w - 1.0 * g for w, g in zip(weights, grads, strict=True)]
    assert losses[-1] < 0.2 * losses[0], (
        f"the loss went from {losses[0]:.3f} to {losses[-1]:.3f} in 20 steps of gradient descent; "
        "with the right gradients it falls to less than a fifth"
    )


# 9.6 Truncated backpropagation through time -------------------------------------------------------


@exercise("truncated_bptt", points=1)
def test_truncated_bptt_of_the_worked_example(student, device):
    loss, _, dw_hh, db, dw_hq, dc = student.truncated_bptt(*scalar_model(device), k=1)
    assert_close(loss, worked((LN2 + LN3) / 2, device), "loss")
    assert_close(dw_hh, worked([[0.04 * LN2]], device), "dw_hh")
    assert_close(db, worked([-0.2 * LN2], device), "db")
    assert_close(dw_hq, worked([[7 / 60, -7 / 60]], device), "dw_hq")
    assert_close(dc, worked([1 / 12, -1 / 12], device), "dc")


@exercise("truncated_bptt", points=1)
@given(case=models(), examples=5)
def test_truncated_bptt_in_one_chunk_truncates_nothing(student, device, case):
    inputs = (case.w_xh, case.w_hh, case.b, case.w_hq, case.c)
    got = student.truncated_bptt(case.x, case.y, case.h0, *inputs, k=case.x.shape[1])
    expected = gradients(lambda *w: plain_loss(case.x, case.y, case.h0, *w), inputs)
    assert_close(got[0], plain_loss(case.x, case.y, case.h0, *inputs), "loss")
    assert_close(got[1:], expected, "(dw_xh, dw_hh, db, dw_hq, dc)")


# 9.7 Layers on layers -----------------------------------------------------------------------------


@exercise("stacked_rnn_forward", points=1)
def test_stacked_rnn_forward_of_the_worked_example(student, device):
    hs, h_n, _ = student.stacked_rnn_forward(*scalar_stack(device))
    assert_close(hs, worked([[[0.0], [0.6]]], device), "hs")
    assert_close(h_n, worked([[[0.8], [0.6]]], device), "h_n")


@exercise("stacked_rnn_forward", points=1)
@given(case=stacks(), examples=5)
def test_stacked_rnn_forward_feeds_each_layer_with_the_one_below(student, device, case):
    hs, h_n, _ = student.stacked_rnn_forward(case.x, case.h0, case.weights)
    states = case.x
    for layer, layer_weights in enumerate(case.weights):
        states = plain_rnn(states, case.h0[:, layer], *layer_weights)
        assert_close(h_n[:, layer], states[:, -1], f"h_n[:, {layer}]")
    assert_close(hs, states, "hs")


# 9.8 Layers on layers, backward -------------------------------------------------------------------


@exercise("stacked_rnn_backward", points=1)
def test_stacked_rnn_backward_of_the_worked_example(student, device):
    x, h0, weights = scalar_stack(device)
    _, _, cache = student.stacked_rnn_forward(x, h0, weights)
    dhs, dh_n = worked([[[0], [3]]], device), worked([[[1], [2]]], device)
    dx, dh0, dweights = student.stacked_rnn_backward(dhs, dh_n, cache)
    late = (16 * LN2 + 1) * 0.36
    early = (112 * LN2 + 0.5 * late) * 0.64
    assert_close(dx, worked([[[early], [late]]], device), "dx")
    assert_close(dh0, worked([[[0.5 * early], [156.8]]], device), "dh0")
    below, above = dweights
    assert_close(above[2], worked([25.6], device), "db of the upper layer")
    assert_close(below[2], worked([early + late], device), "db of the lower layer")


@exercise("stacked_rnn_backward", points=1)
@given(case=stacks(), examples=6)
def test_stacked_rnn_backward_is_what_autograd_computes(student, device, case):
    def plain(x, h0, *flat):
        states, last = x, []
        for layer in range(h0.shape[1]):
            states = plain_rnn(states, h0[:, layer], *flat[3 * layer : 3 * layer + 3])
            last.append(states[:, -1])
        return states, torch.stack(last, dim=1)

    flat = [w for layer in case.weights for w in layer]
    expected = gradients(plain, (case.x, case.h0, *flat), (case.dhs, case.dh_n))
    _, _, cache = student.stacked_rnn_forward(case.x, case.h0, case.weights)
    dx, dh0, dweights = student.stacked_rnn_backward(case.dhs, case.dh_n, cache)
    assert_close(dx, expected[0], "dx")
    assert_close(dh0, expected[1], "dh0")
    layers = [expected[i : i + 3] for i in range(2, len(expected), 3)]
    assert_close(dweights, layers, "dweights")


# 9.9 Clipping -------------------------------------------------------------------------------------


@exercise("clip_gradients", points=1)
def test_clip_gradients_of_the_worked_example(student, device):
    grads = [worked([3, 0], device), worked([[0], [4]], device)]
    clipped = student.clip_gradients(grads, theta=1.0)
    assert_close(clipped, [worked([0.6, 0], device), worked([[0], [0.8]], device)], "clipped")
    assert_close(student.clip_gradients(grads, theta=10.0), grads, "gradients that are short")


@exercise("clip_gradients", points=1)
@given(grads=st.lists(tensors(2, 3), min_size=1, max_size=3), examples=6)
def test_clip_gradients_changes_the_length_and_not_the_direction(student, device, grads):
    before = torch.cat([g.flatten() for g in grads])
    clipped = student.clip_gradients(grads, theta=0.5)
    after = torch.cat([g.flatten() for g in clipped])
    assert_close(after.norm(), before.norm().clamp(max=0.5), "the norm afterwards")
    assert_close(after / after.norm(), before / before.norm(), "the direction")
