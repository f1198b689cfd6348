"""Hidden tests of unit 12: the reference over drawn inputs, sequence by sequence, hard lengths."""

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
    lay_out,
    sizes,
    tensors,
)

STATES = "(hs, h_f, h_b)"
GRADIENTS = "(dx, dh0_f, dh0_b, dweights_f, dweights_b)"
DEEP = "(dx, dlayers)"

# Weights and inputs small enough that tanh does not saturate: 1 - h^2 keeps its digits in float32,
# and a difference of rounding does not grow from step to step.
SMALL, HALF = 0.2, 0.5

# What stands in the padding where it must not matter.
LOUD = 1e6


def extents():
    """N, T, D, H_f and H_b: any, or all equal, where whatever is exchanged has the right shape."""
    any_sizes = st.tuples(sizes(max=4), sizes(), *[sizes(max=3)] * 3)
    return st.one_of(st.just((3, 3, 3, 3, 3)), any_sizes)


def lengths_for(n, t):
    """A length in 1..t for each sequence, in any order."""
    return labels(n, t).map(lambda below: below + 1)


def lengths_or_none(n, t):
    return st.one_of(st.none(), lengths_for(n, t), lengths_for(n, t), lengths_for(n, t))


def laid_out(lengths):
    """The lengths in some layout (one layout makes them equal, which is as good)."""
    layouts = ["contiguous", "sliced", "expanded"]
    return st.tuples(lengths, st.sampled_from(layouts)).map(lambda pair: lay_out(*pair))


def network(draw, d, h, **kind):
    """w_xh, w_hh and b of one direction."""
    return tuple(draw(tensors(*s, scale=SMALL, **kind)) for s in ((d, h), (h, h), (h,)))


@st.composite
def padded(draw, layout="contiguous"):
    n, t, d = draw(sizes()), draw(sizes()), draw(sizes(max=3))
    lengths = lengths_or_none(n, t) if layout == "contiguous" else laid_out(lengths_for(n, t))
    x = draw(tensors(n, t, d, dtype=draw(dtypes()), layout=layout))
    return Case(x=x, lengths=draw(lengths))


@st.composite
def two_directions(draw, layout="contiguous", always_lengths=False):
    n, t, d, h_f, h_b = draw(extents())
    kind = {"dtype": draw(dtypes()), "layout": layout}
    if layout != "contiguous":
        lengths = laid_out(lengths_for(n, t))
    else:
        lengths = lengths_for(n, t) if always_lengths else lengths_or_none(n, t)
    return Case(
        x=draw(tensors(n, t, d, scale=HALF, **kind)),
        h0_f=draw(tensors(n, h_f, scale=HALF, **kind)),
        h0_b=draw(tensors(n, h_b, scale=HALF, **kind)),
        weights_f=network(draw, d, h_f, **kind),
        weights_b=network(draw, d, h_b, **kind),
        lengths=draw(lengths),
        dhs=draw(tensors(n, t, h_f + h_b, **kind)),
        dh_f=draw(tensors(n, h_f, **kind)),
        dh_b=draw(tensors(n, h_b, **kind)),
    )


@st.composite
def stacks(draw, layout="contiguous", layers=None, always_lengths=False):
    n, t, d, h_f, h_b = draw(extents())
    kind = {"dtype": draw(dtypes()), "layout": layout}
    inputs, weights = d, []
    for _ in range(draw(sizes(1, 3)) if layers is None else layers):
        weights.append((network(draw, inputs, h_f, **kind), network(draw, inputs, h_b, **kind)))
        inputs = h_f + h_b
        if draw(st.booleans()):  # the next layer has its sizes the other way round
            h_f, h_b = h_b, h_f
    if layout != "contiguous":
        lengths = laid_out(lengths_for(n, t))
    else:
        lengths = lengths_for(n, t) if always_lengths else lengths_or_none(n, t)
    return Case(
        x=draw(tensors(n, t, d, scale=HALF, **kind)),
        layers=weights,
        lengths=draw(lengths),
        dhs=draw(tensors(n, t, inputs, **kind)),
    )


def of_directions(case):
    return case.x, case.h0_f, case.h0_b, case.weights_f, case.weights_b, case.lengths


def loud(x, lengths):
    """The same sequences with padding that nobody can overlook."""
    padding = torch.arange(x.shape[1], device=x.device) >= lengths[:, None]
    return x.masked_fill(padding[:, :, None], LOUD)


def silent(x, lengths):
    """The same sequences with zeros for padding."""
    padding = torch.arange(x.shape[1], device=x.device) >= lengths[:, None]
    return x.masked_fill(padding[:, :, None], 0.0)


def turned(x, lengths):
    """Each sequence turned around, index by index."""
    rows = []
    for row, length in zip(x, lengths.tolist(), strict=True):
        order = [length - 1 - t if t < length else t for t in range(len(row))]
        rows.append(torch.stack([row[t] for t in order]))
    return torch.stack(rows)


def plain_rnn(x, h, w_xh, w_hh, b):
    """The states (T, H) of one sequence (T, D) by the formula; autograd can look through it."""
    states = []
    for step in x:
        h = torch.tanh(step @ w_xh + h @ w_hh + b)
        states.append(h)
    return torch.stack(states)


def plain_bidirectional(x, h0_f, h0_b, *weights, lengths):
    """hs, h_f and h_b, each sequence alone and cut to its length."""
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
    """What autograd says, computed in float64."""
    leaves = [x.detach().double().clone().requires_grad_() for x in inputs]
    if isinstance(upstream, torch.Tensor):
        upstream = (upstream,)
    found = torch.autograd.grad(function(*leaves), leaves, [g.double() for g in upstream])
    return tuple(g.to(x.dtype) for g, x in zip(found, inputs, strict=True))


def gradients_of_directions(case, dhs, dh_f, dh_b):
    """dx, dh0_f, dh0_b, dweights_f, dweights_b by autograd."""
    inputs = (case.x, case.h0_f, case.h0_b, *case.weights_f, *case.weights_b)
    found = gradients(
        lambda *leaves: plain_bidirectional(*leaves, lengths=case.lengths),
        inputs,
        (dhs, dh_f, dh_b),
    )
    return (*found[:3], found[3:6], found[6:])


def gradients_of_stack(case, dhs):
    """dx and dlayers by autograd."""
    flat = [w for layer in case.layers for direction in layer for w in direction]
    found = gradients(
        lambda *leaves: plain_deep(*leaves, lengths=case.lengths), (case.x, *flat), dhs
    )
    layers = [(found[i : i + 3], found[i + 3 : i + 6]) for i in range(1, len(found), 6)]
    return found[0], layers


def assert_refused(function, good, wrong):
    """Every argument that is replaced by something wrong, one at a time, is a ValueError.

    The stub does that already, so a test of it asks for the right answer to the good ones as well.
    """
    for position, argument in wrong:
        arguments = list(good)
        arguments[position] = argument
        with pytest.raises(ValueError, match=r"must"):
            function(*arguments)


def wide(x):
    """The same with one column more: a size that fits nothing."""
    return torch.cat([x, x[..., :1]], dim=-1)


def wrong_lengths(x, lengths):
    """What may not stand in the place of lengths."""
    too_short, too_long = lengths.clone(), lengths.clone()
    too_short[-1], too_long[-1] = 0, x.shape[1] + 1
    wrong = [too_short, -lengths, too_long, lengths.int(), lengths.double()]
    return [*wrong, lengths[None], torch.cat([lengths, lengths[:1]])]


def wrong_weights(weights):
    """Weights of one direction that do not fit."""
    broken = [(*weights[:i], wide(weights[i]), *weights[i + 1 :]) for i in range(3)]
    w_xh, w_hh, b = weights
    broken += [(torch.cat([w_xh, w_xh[:1]]), w_hh, b), (w_xh[0], w_hh, b)]
    return [*broken, (w_xh, torch.cat([w_hh, w_hh[:1]]), b), (w_xh, w_hh, b[None]), (w_xh, w_hh)]


# reverse_padded -----------------------------------------------------------------------------------


@exercise("reverse_padded", points=2)
@given(case=padded(), examples=14)
def test_reverse_padded_matches_the_reference(student, reference, device, case):
    got = student.reverse_padded(case.x, case.lengths)
    assert_close(got, reference.reverse_padded(case.x, case.lengths), "out", tol=0.0)


@exercise("reverse_padded", points=1)
def test_reverse_padded_of_hard_lengths(student, device):
    steps = torch.arange(1.0, 25.0, device=device).reshape(4, 3, 2)
    for dtype in (torch.float32, torch.float64):
        for lengths in ([1, 1, 1, 1], [3, 3, 3, 3], [2, 3, 1, 2], [1, 2, 3, 3]):
            lengths = torch.tensor(lengths, device=device)
            x = loud(steps.to(dtype), lengths)
            got = student.reverse_padded(x, lengths)
            assert_close(got, turned(x, lengths), f"out for lengths {lengths.tolist()}", tol=0.0)
    single = steps[:, :1]
    assert_close(student.reverse_padded(single), single, "out for T = 1", tol=0.0)
    one = steps[:1]
    assert_close(student.reverse_padded(one), one.flip(1), "out for N = 1", tol=0.0)


@exercise("reverse_padded", points=1)
@given(case=padded(layout="any"), examples=6)
def test_reverse_padded_takes_any_layout_and_leaves_it_alone(student, reference, device, case):
    got = student.reverse_padded(case.x, case.lengths)
    assert_close(got, reference.reverse_padded(case.x, case.lengths), "out", tol=0.0)
    assert_inputs_unchanged(student)


@exercise("reverse_padded", points=1)
@given(case=two_directions(always_lengths=True), examples=1)
def test_reverse_padded_refuses_what_does_not_fit(student, device, case):
    x, lengths = case.x, case.lengths
    assert_close(student.reverse_padded(x, lengths), turned(x, lengths), "out")
    wrong = [(0, x[0]), (0, x[None])]
    wrong += [(1, other) for other in wrong_lengths(x, lengths)]
    assert_refused(student.reverse_padded, (x, lengths), wrong)
    assert_refused(student.reverse_padded, (x, None), [(0, x[:, :0])])


# bidirectional_rnn_forward ------------------------------------------------------------------------


@exercise("bidirectional_rnn_forward", points=3)
@given(case=two_directions(), examples=12)
def test_bidirectional_rnn_forward_matches_the_reference(student, reference, device, case):
    *got, _ = student.bidirectional_rnn_forward(*of_directions(case))
    *expected, _ = reference.bidirectional_rnn_forward(*of_directions(case))
    assert_close(got, expected, STATES)


@exercise("bidirectional_rnn_forward", points=2)
@given(case=two_directions(always_lengths=True), examples=5)
def test_bidirectional_rnn_forward_treats_each_sequence_as_if_alone(student, device, case):
    x, *rest = of_directions(case)
    *got, _ = student.bidirectional_rnn_forward(loud(x, case.lengths), *rest)
    flat = (x, case.h0_f, case.h0_b, *case.weights_f, *case.weights_b)
    assert_close(got, plain_bidirectional(*flat, lengths=case.lengths), STATES)
    assert_close(got[0], silent(got[0], case.lengths), "hs at padding", tol=0.0)


@exercise("bidirectional_rnn_forward", points=1)
@given(case=two_directions(always_lengths=True), examples=4)
def test_bidirectional_rnn_forward_of_turned_sequences_exchanges_directions(student, device, case):
    """Read from the other end with the weights exchanged, everything changes places."""
    x, h0_f, h0_b, weights_f, weights_b, lengths = of_directions(case)
    hs, h_f, h_b, _ = student.bidirectional_rnn_forward(
        turned(x, lengths), h0_b, h0_f, weights_b, weights_f, lengths
    )
    behind, before = turned(hs, lengths).split([h0_b.shape[1], h0_f.shape[1]], dim=2)
    flat = (x, h0_f, h0_b, *weights_f, *weights_b)
    expected = plain_bidirectional(*flat, lengths=lengths)
    assert_close((torch.cat([before, behind], dim=2), h_b, h_f), expected, STATES)


@exercise("bidirectional_rnn_forward", points=1)
@given(case=two_directions(always_lengths=True), examples=4)
def test_bidirectional_rnn_forward_of_single_steps(student, device, case):
    """With one step to read, both directions have read it, and the states are one formula."""
    x, h0_f, h0_b, weights_f, weights_b, lengths = of_directions(case)
    ones = torch.ones_like(lengths)
    h_f, h_b = (
        torch.tanh(x[:, 0] @ w_xh + h0 @ w_hh + b)
        for h0, (w_xh, w_hh, b) in ((h0_f, weights_f), (h0_b, weights_b))
    )
    both = torch.cat([h_f, h_b], dim=1)[:, None]
    *got, _ = student.bidirectional_rnn_forward(x[:, :1], h0_f, h0_b, weights_f, weights_b)
    assert_close(got, (both, h_f, h_b), f"{STATES} for T = 1")
    *got, _ = student.bidirectional_rnn_forward(
        loud(x, ones), h0_f, h0_b, weights_f, weights_b, ones
    )
    padding = both.new_zeros(len(x), x.shape[1] - 1, both.shape[2])
    assert_close(got, (torch.cat([both, padding], dim=1), h_f, h_b), f"{STATES} for lengths 1")


@exercise("bidirectional_rnn_forward", points=1)
@given(case=two_directions(layout="any"), examples=6)
def test_bidirectional_rnn_forward_takes_any_layout_and_leaves_it_alone(
    student, reference, device, case
):
    *got, _ = student.bidirectional_rnn_forward(*of_directions(case))
    *expected, _ = reference.bidirectional_rnn_forward(*of_directions(case))
    assert_close(got, expected, STATES)
    assert_inputs_unchanged(student)


@exercise("bidirectional_rnn_forward", points=1)
@given(case=two_directions(always_lengths=True), examples=1)
def test_bidirectional_rnn_forward_refuses_what_does_not_fit(student, device, case):
    x, h0_f, h0_b, weights_f, weights_b, lengths = good = of_directions(case)
    *got, _ = student.bidirectional_rnn_forward(*good)
    expected = plain_bidirectional(x, h0_f, h0_b, *weights_f, *weights_b, lengths=lengths)
    assert_close(got, expected, STATES)
    wrong = [(0, wide(x)), (0, x[0])]
    wrong += [(i, h) for i in (1, 2) for h in (wide(good[i]), good[i][0], torch.cat([good[i]] * 2))]
    wrong += [(3, weights) for weights in wrong_weights(weights_f)]
    wrong += [(4, weights) for weights in wrong_weights(weights_b)]
    wrong += [(5, other) for other in wrong_lengths(x, lengths)]
    assert_refused(student.bidirectional_rnn_forward, good, wrong)
    assert_refused(student.bidirectional_rnn_forward, good[:5], [(0, x[:, :0])])


# bidirectional_rnn_backward -----------------------------------------------------------------------


@exercise("bidirectional_rnn_backward", points=3)
@given(case=two_directions(), examples=12)
def test_bidirectional_rnn_backward_matches_the_reference(student, reference, device, case):
    *_, cache = student.bidirectional_rnn_forward(*of_directions(case))
    got = student.bidirectional_rnn_backward(case.dhs, case.dh_f, case.dh_b, cache)
    *_, cache = reference.bidirectional_rnn_forward(*of_directions(case))
    expected = reference.bidirectional_rnn_backward(case.dhs, case.dh_f, case.dh_b, cache)
    assert_close(got, expected, GRADIENTS)


@exercise("bidirectional_rnn_backward", points=2)
@given(case=two_directions(always_lengths=True), examples=5)
def test_bidirectional_rnn_backward_ignores_padding(student, device, case):
    """Padding is loud, and so is what arrives there; autograd sees neither."""
    x, *rest = of_directions(case)
    *_, cache = student.bidirectional_rnn_forward(loud(x, case.lengths), *rest)
    got = student.bidirectional_rnn_backward(
        loud(case.dhs, case.lengths), case.dh_f, case.dh_b, cache
    )
    assert_close(got, gradients_of_directions(case, case.dhs, case.dh_f, case.dh_b), GRADIENTS)
    assert_close(got[0], silent(got[0], case.lengths), "dx at padding", tol=0.0)


@exercise("bidirectional_rnn_backward", points=1)
@given(case=two_directions(always_lengths=True), examples=4)
def test_bidirectional_rnn_backward_starts_from_one_state_alone(student, device, case):
    """Gradients of one final state, or of the states about one step, and none of anything else."""
    *_, cache = student.bidirectional_rnn_forward(*of_directions(case))
    nothing = [torch.zeros_like(g) for g in (case.dhs, case.dh_f, case.dh_b)]
    first = nothing[0].clone()
    first[:, 0] = case.dhs[:, 0]
    for place, one in ((1, case.dh_f), (2, case.dh_b), (0, first)):
        arriving = [*nothing[:place], one, *nothing[place + 1 :]]
        got = student.bidirectional_rnn_backward(*arriving, cache)
        assert_close(got, gradients_of_directions(case, *arriving), GRADIENTS)


@exercise("bidirectional_rnn_backward", points=1)
@given(case=two_directions(), examples=4)
def test_bidirectional_rnn_backward_changes_nothing_and_its_cache_lasts(
    student, reference, device, case
):
    x, h0_f, h0_b, weights_f, weights_b, _ = of_directions(case)
    *_, cache = student.bidirectional_rnn_forward(*of_directions(case))
    half_f, half_b = (tuple(0.5 * w for w in weights) for weights in (weights_f, weights_b))
    student.bidirectional_rnn_forward(-x, h0_f + 1, h0_b - 1, half_f, half_b)
    student.bidirectional_rnn_backward(-case.dhs, 2 * case.dh_f, 3 * case.dh_b, cache)
    got = student.bidirectional_rnn_backward(case.dhs, case.dh_f, case.dh_b, cache)
    *_, cache = reference.bidirectional_rnn_forward(*of_directions(case))
    expected = reference.bidirectional_rnn_backward(case.dhs, case.dh_f, case.dh_b, cache)
    assert_close(got, expected, GRADIENTS)
    assert_inputs_unchanged(student)


@exercise("bidirectional_rnn_backward", points=1)
@given(case=two_directions(layout="any"), examples=6)
def test_bidirectional_rnn_backward_takes_any_layout_and_leaves_it_alone(
    student, reference, device, case
):
    *_, cache = student.bidirectional_rnn_forward(*of_directions(case))
    got = student.bidirectional_rnn_backward(case.dhs, case.dh_f, case.dh_b, cache)
    *_, known = reference.bidirectional_rnn_forward(*of_directions(case))
    expected = reference.bidirectional_rnn_backward(case.dhs, case.dh_f, case.dh_b, known)
    assert_close(got, expected, GRADIENTS)
    assert_inputs_unchanged(student)
    dhs, dh_f, dh_b = case.dhs, case.dh_f, case.dh_b
    wrong = [(0, wide(dhs)), (0, dhs[0]), (1, wide(dh_f)), (1, dh_f[0]), (2, wide(dh_b))]
    wrong += [(2, dh_b[0]), (1, torch.cat([dh_f, dh_f])), (2, torch.cat([dh_b, dh_b]))]
    assert_refused(student.bidirectional_rnn_backward, (dhs, dh_f, dh_b, cache), wrong)


# deep_bidirectional_rnn_forward -------------------------------------------------------------------


@exercise("deep_bidirectional_rnn_forward", points=2)
@given(case=stacks(), examples=10)
def test_deep_bidirectional_rnn_forward_matches_the_reference(student, reference, device, case):
    hs, _ = student.deep_bidirectional_rnn_forward(case.x, case.layers, case.lengths)
    expected, _ = reference.deep_bidirectional_rnn_forward(case.x, case.layers, case.lengths)
    assert_close(hs, expected, "hs")


@exercise("deep_bidirectional_rnn_forward", points=1)
@given(case=stacks(layers=3, always_lengths=True), examples=4)
def test_deep_bidirectional_rnn_forward_knows_the_lengths_in_every_layer(student, device, case):
    x = loud(case.x, case.lengths)
    hs, _ = student.deep_bidirectional_rnn_forward(x, case.layers, case.lengths)
    flat = [w for layer in case.layers for direction in layer for w in direction]
    assert_close(hs, plain_deep(case.x, *flat, lengths=case.lengths), "hs")
    assert_close(hs, silent(hs, case.lengths), "hs at padding", tol=0.0)


@exercise("deep_bidirectional_rnn_forward", points=1)
@given(case=stacks(layout="any"), examples=6)
def test_deep_bidirectional_rnn_forward_takes_any_layout_and_leaves_it_alone(
    student, reference, device, case
):
    hs, _ = student.deep_bidirectional_rnn_forward(case.x, case.layers, case.lengths)
    expected, _ = reference.deep_bidirectional_rnn_forward(case.x, case.layers, case.lengths)
    assert_close(hs, expected, "hs")
    assert_inputs_unchanged(student)


@exercise("deep_bidirectional_rnn_forward", points=1)
@given(case=stacks(layers=2, always_lengths=True), examples=1)
def test_deep_bidirectional_rnn_forward_refuses_what_does_not_fit(student, device, case):
    x, layers, lengths = good = (case.x, case.layers, case.lengths)
    hs, _ = student.deep_bidirectional_rnn_forward(*good)
    flat = [w for layer in layers for direction in layer for w in direction]
    assert_close(hs, plain_deep(x, *flat, lengths=lengths), "hs")
    wrong = [(0, wide(x)), (0, x[0]), (1, []), (1, [layers[0], *layers])]
    for place, layer in enumerate(layers):
        for direction, weights in enumerate(layer):
            for broken in wrong_weights(weights):
                pair = [*layer]
                pair[direction] = broken
                wrong.append((1, [*layers[:place], tuple(pair), *layers[place + 1 :]]))
    wrong += [(2, other) for other in wrong_lengths(x, lengths)]
    assert_refused(student.deep_bidirectional_rnn_forward, good, wrong)
    assert_refused(student.deep_bidirectional_rnn_forward, good[:2], [(0, x[:, :0])])


# deep_bidirectional_rnn_backward ------------------------------------------------------------------


@exercise("deep_bidirectional_rnn_backward", points=3)
@given(case=stacks(), examples=10)
def test_deep_bidirectional_rnn_backward_matches_the_reference(student, reference, device, case):
    arguments = (case.x, case.layers, case.lengths)
    _, cache = student.deep_bidirectional_rnn_forward(*arguments)
    got = student.deep_bidirectional_rnn_backward(case.dhs, cache)
    _, cache = reference.deep_bidirectional_rnn_forward(*arguments)
    assert_close(got, reference.deep_bidirectional_rnn_backward(case.dhs, cache), DEEP)


@exercise("deep_bidirectional_rnn_backward", points=1)
@given(case=stacks(layers=3, always_lengths=True), examples=4)
def test_deep_bidirectional_rnn_backward_ignores_padding_in_every_layer(student, device, case):
    x = loud(case.x, case.lengths)
    _, cache = student.deep_bidirectional_rnn_forward(x, case.layers, case.lengths)
    got = student.deep_bidirectional_rnn_backward(loud(case.dhs, case.lengths), cache)
    assert_close(got, gradients_of_stack(case, case.dhs), DEEP)
    assert_close(got[0], silent(got[0], case.lengths), "dx at padding", tol=0.0)


@exercise("deep_bidirectional_rnn_backward", points=1)
@given(case=stacks(), examples=4)
def test_deep_bidirectional_rnn_backward_changes_nothing_and_its_cache_lasts(
    student, reference, device, case
):
    arguments = (case.x, case.layers, case.lengths)
    _, cache = student.deep_bidirectional_rnn_forward(*arguments)
    halved = [tuple(tuple(0.5 * w for w in way) for way in layer) for layer in case.layers]
    student.deep_bidirectional_rnn_forward(-case.x, halved)
    student.deep_bidirectional_rnn_backward(-2 * case.dhs, cache)
    got = student.deep_bidirectional_rnn_backward(case.dhs, cache)
    _, cache = reference.deep_bidirectional_rnn_forward(*arguments)
    assert_close(got, reference.deep_bidirectional_rnn_backward(case.dhs, cache), DEEP)
    assert_inputs_unchanged(student)


@exercise("deep_bidirectional_rnn_backward", points=1)
@given(case=stacks(layout="any"), examples=6)
def test_deep_bidirectional_rnn_backward_takes_any_layout_and_leaves_it_alone(
    student, reference, device, case
):
    arguments = (case.x, case.layers, case.lengths)
    _, cache = student.deep_bidirectional_rnn_forward(*arguments)
    got = student.deep_bidirectional_rnn_backward(case.dhs, cache)
    _, known = reference.deep_bidirectional_rnn_forward(*arguments)
    assert_close(got, reference.deep_bidirectional_rnn_backward(case.dhs, known), DEEP)
    assert_inputs_unchanged(student)
    for dhs in (case.dhs[0], case.dhs[None]):
        with pytest.raises(ValueError, match="dhs"):
            student.deep_bidirectional_rnn_backward(dhs, cache)
