"""Public tests of unit 12: the worked examples of the handout, autograd, and torch.

Run them with ``pytest``; one exercise with ``pytest -m reverse_padded``.
"""

import math

import torch
from hypothesis import strategies as st
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from autograder.testing import Case, assert_close, exercise, given, labels, sizes, tensors

LN2, LN3 = math.log(2), math.log(3)
GRADIENTS = "(dx, dh0_f, dh0_b, dweights_f, dweights_b)"


def worked(values, device):
    """Numbers that were worked out by hand."""
    return torch.tensor(values, dtype=torch.float64, device=device)


def scalar_weights(w_xh, w_hh, b, device):
    """The weights of a direction with one unit; w_xh has a number for each feature."""
    return worked([[w] for w in w_xh], device), worked([[w_hh]], device), worked([b], device)


def scalar_layer(device):
    """The network of 12.2: h0, the forward weights and the backward ones."""
    forward = scalar_weights([1.0], math.log(5 / 3) / 0.6, 0.0, device)
    backward = scalar_weights([1.0], math.log(2.5) / 0.8, 0.0, device)
    return worked([[0.0]], device), forward, backward


def scalar_stack(device):
    """The two layers of 12.4."""
    lower = (
        scalar_weights([1.0], 0.0, 0.0, device),
        scalar_weights([1.0], -LN2 / 0.8, 0.0, device),
    )
    upper = (
        scalar_weights([5 * LN2, -1.25 * LN2], math.log(1.5) / 0.6, -2 * LN2, device),
        scalar_weights([0.0, 1.25 * LN3], -LN2 / 0.8, 0.0, device),
    )
    return [lower, upper]


def plain_rnn(x, h, w_xh, w_hh, b):
    """The states (T, H) of one sequence x (T, D), as the formula says."""
    states = []
    for step in x:
        h = torch.tanh(step @ w_xh + h @ w_hh + b)
        states.append(h)
    return torch.stack(states)


def plain_bidirectional(x, h0_f, h0_b, *weights, lengths):
    """hs, h_f and h_b, each sequence alone and cut to its length; autograd can look through it."""
    rows = []
    for sample, length in enumerate(lengths.tolist()):
        alone = x[sample, :length]
        states_f = plain_rnn(alone, h0_f[sample], *weights[:3])
        states_b = plain_rnn(alone.flip(0), h0_b[sample], *weights[3:]).flip(0)
        states = torch.cat([states_f, states_b], dim=1)
        padding = states.new_zeros(x.shape[1] - length, states.shape[1])
        rows.append((torch.cat([states, padding]), states_f[-1], states_b[0]))
    return tuple(torch.stack(parts) for parts in zip(*rows, strict=True))


def plain_deep(x, *flat, lengths):
    """hs of the top layer; `flat` holds six weights for each layer."""
    for layer in range(0, len(flat), 6):
        weights = flat[layer : layer + 6]
        h0_f, h0_b = (x.new_zeros(len(x), len(w_hh)) for w_hh in (weights[1], weights[4]))
        x, _, _ = plain_bidirectional(x, h0_f, h0_b, *weights, lengths=lengths)
    return x


def gradients(function, inputs, upstream):
    """What autograd says are the gradients."""
    leaves = [x.detach().clone().requires_grad_() for x in inputs]
    return torch.autograd.grad(function(*leaves), leaves, upstream)


def torch_bidirectional(x, h0, layers, lengths):
    """What torch's own layers give for packed sequences; h0 is (2L, N, H)."""
    hidden, device = h0.shape[2], x.device
    rnn = torch.nn.RNN(
        *(x.shape[2], hidden, len(layers)),
        batch_first=True,
        bidirectional=True,
        device=device,
        dtype=x.dtype,
    )
    with torch.no_grad():
        for layer, directions in enumerate(layers):
            for suffix, (w_xh, w_hh, b) in zip(("", "_reverse"), directions, strict=True):
                getattr(rnn, f"weight_ih_l{layer}{suffix}").copy_(w_xh.T)
                getattr(rnn, f"weight_hh_l{layer}{suffix}").copy_(w_hh.T)
                getattr(rnn, f"bias_ih_l{layer}{suffix}").copy_(b)
                getattr(rnn, f"bias_hh_l{layer}{suffix}").zero_()
        packed = pack_padded_sequence(x, lengths.cpu(), batch_first=True, enforce_sorted=False)
        hs, h_n = rnn(packed, h0)
        hs, _ = pad_packed_sequence(hs, batch_first=True, total_length=x.shape[1])
    return hs, h_n


def draw_lengths(draw, n, t):
    return draw(labels(n, t)) + 1


def draw_weights(draw, d, h):
    """w_xh, w_hh and b of one direction, small enough not to saturate."""
    return tuple(draw(tensors(*shape, scale=0.5)) for shape in ((d, h), (h, h), (h,)))


@st.composite
def padded(draw):
    n, t, d = draw(sizes()), draw(sizes()), draw(sizes(max=3))
    return Case(x=draw(tensors(n, t, d)), lengths=draw_lengths(draw, n, t))


@st.composite
def layers_of_two_directions(draw, same=False):
    n, t, d, h_f = (draw(sizes(max=4)) for _ in range(4))
    h_b = h_f if same else draw(sizes(max=4))
    return Case(
        x=draw(tensors(n, t, d)),
        h0_f=draw(tensors(n, h_f)),
        h0_b=draw(tensors(n, h_b)),
        weights_f=draw_weights(draw, d, h_f),
        weights_b=draw_weights(draw, d, h_b),
        lengths=draw_lengths(draw, n, t),
        dhs=draw(tensors(n, t, h_f + h_b)),
        dh_f=draw(tensors(n, h_f)),
        dh_b=draw(tensors(n, h_b)),
    )


@st.composite
def stacks(draw, same=False):
    n, t, d = (draw(sizes(max=4)) for _ in range(3))
    h = draw(sizes(max=3))
    inputs, layers = d, []
    for _ in range(draw(sizes(1, 3))):
        h_f, h_b = (h, h) if same else (draw(sizes(max=3)), draw(sizes(max=3)))
        layers.append((draw_weights(draw, inputs, h_f), draw_weights(draw, inputs, h_b)))
        inputs = h_f + h_b
    return Case(
        x=draw(tensors(n, t, d)),
        layers=layers,
        lengths=draw_lengths(draw, n, t),
        dhs=draw(tensors(n, t, inputs)),
    )


# 12.1 Turning sequences around --------------------------------------------------------------------


@exercise("reverse_padded", points=1)
def test_reverse_padded_of_the_worked_example(student, device):
    x = worked([[[1], [2], [3], [4]], [[5], [6], [7], [8]]], device)
    lengths = torch.tensor([4, 2], device=device)
    expected = worked([[[4], [3], [2], [1]], [[6], [5], [7], [8]]], device)
    assert_close(student.reverse_padded(x, lengths), expected, "out")
    assert_close(student.reverse_padded(x), x.flip(1), "out without lengths")


@exercise("reverse_padded", points=1)
@given(case=padded(), examples=6)
def test_reverse_padded_turns_each_sequence_within_its_length(student, device, case):
    out = student.reverse_padded(case.x, case.lengths)
    for sample, length in enumerate(case.lengths.tolist()):
        turned, padding = case.x[sample, :length].flip(0), case.x[sample, length:]
        assert_close(out[sample], torch.cat([turned, padding]), f"out[{sample}]")
    assert_close(student.reverse_padded(out, case.lengths), case.x, "x, turned around twice")


# 12.2 Both directions -----------------------------------------------------------------------------


@exercise("bidirectional_rnn_forward", points=1)
def test_bidirectional_rnn_forward_of_the_worked_example(student, device):
    h0, weights_f, weights_b = scalar_layer(device)
    h0 = torch.cat([h0, h0])
    x = worked([[[LN2], [LN3]], [[LN2], [7.0]]], device)
    lengths = torch.tensor([2, 1], device=device)
    hs, h_f, h_b, _ = student.bidirectional_rnn_forward(x, h0, h0, weights_f, weights_b, lengths)
    late = 12 / 13
    assert_close(hs, worked([[[0.6, late], [late, 0.8]], [[0.6, 0.6], [0, 0]]], device), "hs")
    assert_close(h_f, worked([[late], [0.6]], device), "h_f")
    assert_close(h_b, worked([[late], [0.6]], device), "h_b")


@exercise("bidirectional_rnn_forward", points=1)
@given(case=layers_of_two_directions(same=True), examples=6)
def test_bidirectional_rnn_forward_is_what_torch_computes(student, device, case):
    hs, h_f, h_b, _ = student.bidirectional_rnn_forward(
        case.x, case.h0_f, case.h0_b, case.weights_f, case.weights_b, case.lengths
    )
    h0, layers = torch.stack([case.h0_f, case.h0_b]), [(case.weights_f, case.weights_b)]
    expected, h_n = torch_bidirectional(case.x, h0, layers, case.lengths)
    assert_close(hs, expected, "hs")
    assert_close([h_f, h_b], list(h_n), "(h_f, h_b)")


# 12.3 Both directions, backward -------------------------------------------------------------------


@exercise("bidirectional_rnn_backward", points=1)
def test_bidirectional_rnn_backward_of_the_worked_example(student, device):
    h0, weights_f, weights_b = scalar_layer(device)
    x = worked([[[LN2], [LN3]]], device)
    *_, cache = student.bidirectional_rnn_forward(x, h0, h0, weights_f, weights_b)
    dhs = worked([[[50, 100], [100, 100]]], device)
    got = student.bidirectional_rnn_backward(
        dhs, worked([[69]], device), worked([[238]], device), cache
    )
    w_f, w_b = math.log(5 / 3) / 0.6, math.log(2.5) / 0.8
    first, last = 32 + 80 / 3 * math.log(5 / 3), 36 + 22.5 * math.log(2.5)
    expected = (
        worked([[[first + 50], [25 + last]]], device),
        worked([[first * w_f]], device),
        worked([[last * w_b]], device),
        scalar_weights([LN2 * first + LN3 * 25], 15, first + 25, device),
        scalar_weights([LN2 * 50 + LN3 * last], 40, 50 + last, device),
    )
    names = ("dx", "dh0_f", "dh0_b", "dweights_f", "dweights_b")
    for name, one, values in zip(names, got, expected, strict=True):
        assert_close(one, values, name)


@exercise("bidirectional_rnn_backward", points=1)
@given(case=layers_of_two_directions(), examples=6)
def test_bidirectional_rnn_backward_is_what_autograd_computes(student, device, case):
    *_, cache = student.bidirectional_rnn_forward(
        case.x, case.h0_f, case.h0_b, case.weights_f, case.weights_b, case.lengths
    )
    got = student.bidirectional_rnn_backward(case.dhs, case.dh_f, case.dh_b, cache)
    expected = gradients(
        lambda *inputs: plain_bidirectional(*inputs, lengths=case.lengths),
        (case.x, case.h0_f, case.h0_b, *case.weights_f, *case.weights_b),
        (case.dhs, case.dh_f, case.dh_b),
    )
    assert_close(got, (*expected[:3], expected[3:6], expected[6:]), GRADIENTS)


# 12.4 Layers on layers ----------------------------------------------------------------------------


@exercise("deep_bidirectional_rnn_forward", points=1)
def test_deep_bidirectional_rnn_forward_of_the_worked_example(student, device):
    x = worked([[[LN2], [LN3]]], device)
    hs, _ = student.deep_bidirectional_rnn_forward(x, scalar_stack(device))
    assert_close(hs, worked([[[0.6, -0.6], [0.8, 0.8]]], device), "hs")


@exercise("deep_bidirectional_rnn_forward", points=1)
@given(case=stacks(same=True), examples=5)
def test_deep_bidirectional_rnn_forward_is_what_torch_computes(student, device, case):
    hs, _ = student.deep_bidirectional_rnn_forward(case.x, case.layers, case.lengths)
    hidden = case.dhs.shape[2] // 2
    h0 = case.x.new_zeros(2 * len(case.layers), len(case.x), hidden)
    expected, _ = torch_bidirectional(case.x, h0, case.layers, case.lengths)
    assert_close(hs, expected, "hs")


# 12.5 Layers on layers, backward ------------------------------------------------------------------


@exercise("deep_bidirectional_rnn_backward", points=1)
def test_deep_bidirectional_rnn_backward_of_the_worked_example(student, device):
    x = worked([[[LN2], [LN3]]], device)
    _, cache = student.deep_bidirectional_rnn_forward(x, scalar_stack(device))
    dhs = worked([[[25, 0], [0, 100]]], device)
    dx, (lower, upper) = student.deep_bidirectional_rnn_backward(dhs, cache)
    late = 16.2 * LN3 + 9 * LN2**2
    assert_close(dx, worked([[[31.2 * LN2], [late]]], device), "dx")
    expected = (
        scalar_weights([51.2 * LN2**2], 0, 51.2 * LN2, device),
        scalar_weights([-20 * LN2**2 + LN3 * late], -16 * LN2, late - 20 * LN2, device),
    )
    assert_close(lower, expected, "the gradients of the lower layer")
    expected = (
        scalar_weights([9.6, 0], 0, 16, device),
        scalar_weights([28.8, 28.8], 0, 36, device),
    )
    assert_close(upper, expected, "the gradients of the upper layer")


@exercise("deep_bidirectional_rnn_backward", points=1)
@given(case=stacks(), examples=6)
def test_deep_bidirectional_rnn_backward_is_what_autograd_computes(student, device, case):
    flat = [w for layer in case.layers for direction in layer for w in direction]
    expected = gradients(
        lambda *inputs: plain_deep(*inputs, lengths=case.lengths), (case.x, *flat), case.dhs
    )
    _, cache = student.deep_bidirectional_rnn_forward(case.x, case.layers, case.lengths)
    dx, dlayers = student.deep_bidirectional_rnn_backward(case.dhs, cache)
    assert_close(dx, expected[0], "dx")
    layers = [(expected[i : i + 3], expected[i + 3 : i + 6]) for i in range(1, len(expected), 6)]
    assert_close(dlayers, layers, "dlayers")
