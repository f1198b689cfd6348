"""Hidden tests of unit 9: the reference over drawn inputs, autograd, long sequences, hard cases."""

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
    labels,
    sizes,
    tensors,
)

STEP_GRADIENTS = "(dx, dh, dw_xh, dw_hh, db)"
GRADIENTS = "(dx, dh0, dw_xh, dw_hh, db)"
LOSS = "(loss, dh0, dw_xh, dw_hh, db, dw_hq, dc)"
TRUNCATED = "(loss, dw_xh, dw_hh, db, dw_hq, dc)"

# Weights small enough that tanh does not saturate: 1 - h^2 keeps its digits in float32, and a
# difference of rounding does not grow from step to step.
SMALL = 0.3


def extents(most=4):
    """Sizes N, D and H: any, or all equal, where a transposed matrix has the right shape."""
    return st.one_of(st.just((3, 3, 3)), st.tuples(sizes(), sizes(max=most), sizes(max=most)))


def network(draw, d, h, dtype, layout="contiguous", scale=SMALL):
    """w_xh, w_hh and b."""
    shapes = ((d, h), (h, h), (h,))
    return tuple(draw(tensors(*s, dtype=dtype, layout=layout, scale=scale)) for s in shapes)


@st.composite
def steps(draw, layout="contiguous"):
    n, d, h = draw(extents())
    dtype = draw(dtypes())
    w_xh, w_hh, b = network(draw, d, h, dtype, layout)
    x, state, dh = (draw(tensors(n, s, dtype=dtype, layout=layout)) for s in (d, h, h))
    return Case(x=x, h=state, w_xh=w_xh, w_hh=w_hh, b=b, dh=dh)


@st.composite
def sequences(draw, layout="contiguous", least=1, most=6):
    n, d, h = draw(extents())
    t = draw(sizes(least, most))
    dtype = draw(dtypes())
    w_xh, w_hh, b = network(draw, d, h, dtype, layout)
    shapes = ((n, t, d), (n, h), (n, t, h))
    x, h0, dhs = (draw(tensors(*s, dtype=dtype, layout=layout)) for s in shapes)
    return Case(x=x, h0=h0, w_xh=w_xh, w_hh=w_hh, b=b, dhs=dhs)


@st.composite
def long_sequences(draw):
    """Twelve steps, in float64, with weights that let the last step feel the first."""
    n, d, h = draw(extents())
    w_xh, w_hh, b = network(draw, d, h, torch.float64, scale=0.6)
    x, h0, dhs = (draw(tensors(*s)) for s in ((n, 12, d), (n, h), (n, 12, h)))
    return Case(x=x, h0=h0, w_xh=w_xh, w_hh=w_hh, b=b, dhs=dhs)


@st.composite
def models(draw, layout="contiguous", least=1, most=5):
    n, d, h = draw(extents())
    t, q = draw(sizes(least, most)), draw(sizes(1, 4))
    dtype = draw(dtypes())
    w_xh, w_hh, b = network(draw, d, h, dtype, layout)
    shapes = ((n, t, d), (n, h), (h, q), (q,))
    x, h0, w_hq, c = (draw(tensors(*s, dtype=dtype, layout=layout)) for s in shapes)
    y = draw(labels(n * t, q)).reshape(n, t)
    return Case(x=x, y=y, h0=h0, w_xh=w_xh, w_hh=w_hh, b=b, w_hq=w_hq, c=c)


@st.composite
def stacks(draw, layout="contiguous", layers=None):
    n, d, h = draw(extents(3))
    t = draw(sizes(1, 4))
    layers = draw(sizes(1, 3)) if layers is None else layers
    dtype = draw(dtypes())
    weights = [network(draw, d if i == 0 else h, h, dtype, layout) for i in range(layers)]
    shapes = ((n, t, d), (n, layers, h), (n, t, h), (n, layers, h))
    x, h0, dhs, dh_n = (draw(tensors(*s, dtype=dtype, layout=layout)) for s in shapes)
    return Case(x=x, h0=h0, weights=weights, dhs=dhs, dh_n=dh_n)


@st.composite
def gradient_lists(draw, layout="contiguous"):
    dtype = draw(dtypes())
    shapes = draw(st.lists(st.lists(sizes(max=4), max_size=3), min_size=1, max_size=4))
    scale = draw(st.sampled_from([0.1, 1.0, 1000.0]))
    grads = [draw(tensors(*s, dtype=dtype, layout=layout, scale=scale)) for s in shapes]
    return Case(grads=grads, theta=draw(st.sampled_from([0.5, 1.0, 5.0])))


def of_step(case):
    return case.x, case.h, case.w_xh, case.w_hh, case.b


def of_sequence(case):
    return case.x, case.h0, case.w_xh, case.w_hh, case.b


def of_model(case):
    return case.x, case.y, case.h0, case.w_xh, case.w_hh, case.b, case.w_hq, case.c


def plain_rnn(x, h, w_xh, w_hh, b):
    """States (N, T, H) by the formula; autograd can look through it."""
    hs = []
    for t in range(x.shape[1]):
        h = torch.tanh(x[:, t] @ w_xh + h @ w_hh + b)
        hs.append(h)
    return torch.stack(hs, dim=1)


def gradients(function, inputs, *upstream):
    """What autograd says."""
    leaves = [x.detach().clone().requires_grad_() for x in inputs]
    return torch.autograd.grad(function(*leaves), leaves, *upstream)


def assert_refused(function, good, wrong, **hyperparameters):
    """Every argument that is replaced by something wrong, one at a time, is a ValueError."""
    for position, argument in wrong:
        arguments = list(good)
        arguments[position] = argument
        with pytest.raises(ValueError, match=r"must"):
            function(*arguments, **hyperparameters)


def wide(x):
    """The same with one column more: a size that fits nothing."""
    return torch.cat([x, x[..., :1]], dim=-1)


# rnn_step_forward ---------------------------------------------------------------------------------


@exercise("rnn_step_forward", points=2)
@given(case=steps(), examples=14)
def test_rnn_step_forward_matches_the_reference(student, reference, device, case):
    h, _ = student.rnn_step_forward(*of_step(case))
    expected, _ = reference.rnn_step_forward(*of_step(case))
    assert_close(h, expected, "h")


@exercise("rnn_step_forward", points=1)
@given(case=steps(layout="any"), examples=8)
def test_rnn_step_forward_takes_any_layout_and_leaves_it_alone(student, reference, device, case):
    h, _ = student.rnn_step_forward(*of_step(case))
    expected, _ = reference.rnn_step_forward(*of_step(case))
    assert_close(h, expected, "h")
    assert_inputs_unchanged(student)


@exercise("rnn_step_forward", points=1)
@given(case=steps(), examples=1)
def test_rnn_step_forward_refuses_sizes_that_do_not_fit(student, device, case):
    x, h, w_xh, w_hh, b = good = of_step(case)
    tall = torch.cat([w_hh, w_hh[:1]])
    wrong = [(0, wide(x)), (0, x[0]), (0, x[None]), (1, wide(h)), (1, torch.cat([h, h])), (1, h[0])]
    wrong += [(2, wide(w_xh)), (2, w_xh[0]), (3, wide(w_hh)), (3, tall), (4, wide(b)), (4, b[None])]
    assert_refused(student.rnn_step_forward, good, wrong)


# rnn_step_backward --------------------------------------------------------------------------------


@exercise("rnn_step_backward", points=3)
@given(case=steps(), examples=14)
def test_rnn_step_backward_matches_the_reference(student, reference, device, case):
    _, cache = student.rnn_step_forward(*of_step(case))
    got = student.rnn_step_backward(case.dh, cache)
    _, cache = reference.rnn_step_forward(*of_step(case))
    assert_close(got, reference.rnn_step_backward(case.dh, cache), STEP_GRADIENTS)


@exercise("rnn_step_backward", points=1)
@given(case=steps(), examples=5)
def test_rnn_step_backward_is_linear_and_its_cache_lasts(student, reference, device, case):
    _, cache = student.rnn_step_forward(*of_step(case))
    once = student.rnn_step_backward(case.dh, cache)
    student.rnn_step_forward(-case.x, case.h + 1, 2 * case.w_xh, -case.w_hh, case.b)
    twice = student.rnn_step_backward(-2 * case.dh, cache)
    assert_close(twice, [-2 * g for g in once], f"{STEP_GRADIENTS} of -2 dh")
    _, cache = reference.rnn_step_forward(*of_step(case))
    assert_close(once, reference.rnn_step_backward(case.dh, cache), STEP_GRADIENTS)
    assert_inputs_unchanged(student)


@exercise("rnn_step_backward", points=1)
@given(case=steps(layout="any"), examples=8)
def test_rnn_step_backward_takes_any_layout_and_leaves_it_alone(student, reference, device, case):
    _, cache = student.rnn_step_forward(*of_step(case))
    got = student.rnn_step_backward(case.dh, cache)
    _, expected = reference.rnn_step_forward(*of_step(case))
    assert_close(got, reference.rnn_step_backward(case.dh, expected), STEP_GRADIENTS)
    assert_inputs_unchanged(student)
    for dh in (case.dh[0], case.dh[None]):
        with pytest.raises(ValueError, match="dh"):
            student.rnn_step_backward(dh, cache)


@exercise("rnn_step_backward", points=1)
@given(case=steps(), examples=3)
def test_rnn_step_backward_is_zero_where_tanh_is_flat(student, reference, device, case):
    x = 1e4 * torch.ones_like(case.x)
    w_xh = torch.ones_like(case.w_xh)
    w_xh[:, 1:] = -1.0  # the first unit saturates at +1, the others at -1
    _, cache = student.rnn_step_forward(x, case.h, w_xh, case.w_hh, case.b)
    got = student.rnn_step_backward(case.dh, cache)
    arguments = (case.x, case.h, case.w_xh, case.w_hh, case.b)
    assert_close(got, [torch.zeros_like(a) for a in arguments], STEP_GRADIENTS)


# rnn_forward --------------------------------------------------------------------------------------


@exercise("rnn_forward", points=2)
@given(case=sequences(), examples=12)
def test_rnn_forward_matches_the_reference(student, reference, device, case):
    hs, _ = student.rnn_forward(*of_sequence(case))
    expected, _ = reference.rnn_forward(*of_sequence(case))
    assert_close(hs, expected, "hs")


@exercise("rnn_forward", points=1)
@given(case=long_sequences(), examples=4)
def test_rnn_forward_continues_where_it_stopped(student, device, case):
    hs, _ = student.rnn_forward(*of_sequence(case))
    assert_close(hs, plain_rnn(*of_sequence(case)), "hs of 12 steps")
    rest, _ = student.rnn_forward(case.x[:, 5:], hs[:, 4], case.w_xh, case.w_hh, case.b)
    assert_close(rest, hs[:, 5:], "hs of the last 7 steps, from the state after 5")


@exercise("rnn_forward", points=1)
@given(case=sequences(layout="any"), examples=8)
def test_rnn_forward_takes_any_layout_and_leaves_it_alone(student, reference, device, case):
    hs, _ = student.rnn_forward(*of_sequence(case))
    expected, _ = reference.rnn_forward(*of_sequence(case))
    assert_close(hs, expected, "hs")
    assert_inputs_unchanged(student)
    x, h0, w_xh, w_hh, b = good = of_sequence(case)
    wrong = [(0, wide(x)), (0, x[0]), (0, x[:, :0]), (1, wide(h0)), (1, torch.cat([h0, h0]))]
    wrong += [(2, wide(w_xh)), (3, wide(w_hh)), (4, wide(b))]
    assert_refused(student.rnn_forward, good, wrong)


# rnn_backward -------------------------------------------------------------------------------------


@exercise("rnn_backward", points=3)
@given(case=sequences(), examples=12)
def test_rnn_backward_matches_the_reference(student, reference, device, case):
    _, cache = student.rnn_forward(*of_sequence(case))
    got = student.rnn_backward(case.dhs, cache)
    _, cache = reference.rnn_forward(*of_sequence(case))
    assert_close(got, reference.rnn_backward(case.dhs, cache), GRADIENTS)


@exercise("rnn_backward", points=1)
@given(case=long_sequences(), examples=3)
def test_rnn_backward_through_twelve_steps_is_what_autograd_computes(student, device, case):
    _, cache = student.rnn_forward(*of_sequence(case))
    got = student.rnn_backward(case.dhs, cache)
    assert_close(got, gradients(plain_rnn, of_sequence(case), case.dhs), GRADIENTS)


@exercise("rnn_backward", points=1)
@given(case=sequences(least=3), examples=4)
def test_rnn_backward_adds_what_arrives_at_each_step(student, device, case):
    _, cache = student.rnn_forward(*of_sequence(case))
    together = student.rnn_backward(case.dhs, cache)
    parts = []
    for t in range(case.x.shape[1]):
        alone = torch.zeros_like(case.dhs)
        alone[:, t] = case.dhs[:, t]
        parts.append(student.rnn_backward(alone, cache))
        later = parts[-1][0][:, t + 1 :]
        assert_close(later, torch.zeros_like(later), "dx after the only step with a gradient")
    added = [sum(gradient) for gradient in zip(*parts, strict=True)]
    assert_close(added, together, f"{GRADIENTS}, added over the steps")
    inputs = [x.double() for x in of_sequence(case)]
    expected = gradients(plain_rnn, inputs, case.dhs.double())
    assert_close(together, [g.to(case.x.dtype) for g in expected], GRADIENTS)


@exercise("rnn_backward", points=1)
@given(case=sequences(), examples=4)
def test_rnn_backward_changes_nothing_and_its_cache_lasts(student, reference, device, case):
    _, cache = student.rnn_forward(*of_sequence(case))
    student.rnn_forward(-case.x, case.h0 + 1, 2 * case.w_xh, -case.w_hh, case.b)
    student.rnn_backward(-case.dhs, cache)
    got = student.rnn_backward(case.dhs, cache)
    _, cache = reference.rnn_forward(*of_sequence(case))
    assert_close(got, reference.rnn_backward(case.dhs, cache), GRADIENTS)
    assert_inputs_unchanged(student)


@exercise("rnn_backward", points=1)
@given(case=sequences(layout="any"), examples=8)
def test_rnn_backward_takes_any_layout_and_leaves_it_alone(student, reference, device, case):
    _, cache = student.rnn_forward(*of_sequence(case))
    got = student.rnn_backward(case.dhs, cache)
    _, expected = reference.rnn_forward(*of_sequence(case))
    assert_close(got, reference.rnn_backward(case.dhs, expected), GRADIENTS)
    assert_inputs_unchanged(student)
    for dhs in (case.dhs[0], case.dhs[None]):
        with pytest.raises(ValueError, match="dhs"):
            student.rnn_backward(dhs, cache)


# rnn_loss -----------------------------------------------------------------------------------------


@exercise("rnn_loss", points=3)
@given(case=models(), examples=12)
def test_rnn_loss_matches_the_reference(student, reference, device, case):
    got = student.rnn_loss(*of_model(case))
    assert_close(got, reference.rnn_loss(*of_model(case)), LOSS)


@exercise("rnn_loss", points=1)
@given(case=models(least=2), examples=3)
def test_rnn_loss_is_finite_when_the_right_class_seems_impossible(student, reference, device, case):
    classes = case.c.numel()
    far = 1e4 * torch.arange(1, classes + 1, device=device, dtype=case.c.dtype)
    for c, impossible in ((far, 0), (-far, classes - 1)):
        y = torch.full_like(case.y, impossible)  # the class with the lowest score
        arguments = (case.x, y, *of_model(case)[2:7], c)
        assert_close(student.rnn_loss(*arguments), reference.rnn_loss(*arguments), LOSS)
    # All classes alike, but the steps thousands apart: nothing may be shared between them.
    apart = [v.double() if v.is_floating_point() else v for v in of_model(case)]
    apart[6] = torch.full_like(apart[6], 1e4)
    assert_close(student.rnn_loss(*apart), reference.rnn_loss(*apart), LOSS, tol=1e-7)


@exercise("rnn_loss", points=1)
@given(case=models(layout="any"), examples=6)
def test_rnn_loss_takes_any_layout_and_leaves_it_alone(student, reference, device, case):
    got = student.rnn_loss(*of_model(case))
    assert_close(got, reference.rnn_loss(*of_model(case)), LOSS)
    assert_inputs_unchanged(student)


def model_wrongs(case):
    """What rnn_loss and truncated_bptt must refuse."""
    x, y, h0, w_xh, w_hh, b, w_hq, c = of_model(case)
    wrong = [(0, wide(x)), (0, x[0]), (1, wide(y)), (1, y[0]), (1, y.int())]
    for label in (-1, c.numel()):
        one_label = y.clone()
        one_label[-1, -1] = label
        wrong.append((1, one_label))
    wrong += [(2, wide(h0)), (3, wide(w_xh)), (4, wide(w_hh)), (5, wide(b))]
    return [*wrong, (6, w_hq[0]), (6, torch.cat([w_hq, w_hq])), (7, wide(c))]


@exercise("rnn_loss", points=1)
@given(case=models(least=2), examples=1)
def test_rnn_loss_refuses_what_does_not_fit(student, device, case):
    assert_refused(student.rnn_loss, of_model(case), model_wrongs(case))


# truncated_bptt -----------------------------------------------------------------------------------


@exercise("truncated_bptt", points=3)
@given(case=models(most=7), k=sizes(1, 4), examples=14)
def test_truncated_bptt_matches_the_reference(student, reference, device, case, k):
    got = student.truncated_bptt(*of_model(case), k=k)
    assert_close(got, reference.truncated_bptt(*of_model(case), k=k), TRUNCATED)


@exercise("truncated_bptt", points=1)
@given(case=models(least=7, most=7), k=sizes(2, 3), examples=4)
def test_truncated_bptt_is_autograd_with_the_state_detached(student, device, case, k):
    x, y, h0, *weights = (v.double() if v.is_floating_point() else v for v in of_model(case))

    def plain(w_xh, w_hh, b, w_hq, c):
        h, hs = h0, []
        for start in range(0, x.shape[1], k):
            hs.append(plain_rnn(x[:, start : start + k], h, w_xh, w_hh, b))
            h = hs[-1][:, -1].detach()
        scores = torch.cat(hs, dim=1) @ w_hq + c
        return torch.nn.functional.cross_entropy(scores.flatten(0, 1), y.flatten())

    loss, *grads = student.truncated_bptt(x, y, h0, *weights, k=k)
    assert_close(loss, plain(*weights), "loss")
    assert_close(grads, gradients(plain, weights), "(dw_xh, dw_hh, db, dw_hq, dc)")


@exercise("truncated_bptt", points=1)
@given(case=models(layout="any"), k=sizes(1, 6), examples=6)
def test_truncated_bptt_takes_any_layout_and_leaves_it_alone(student, reference, device, case, k):
    got = student.truncated_bptt(*of_model(case), k=k)
    assert_close(got, reference.truncated_bptt(*of_model(case), k=k), TRUNCATED)
    assert_inputs_unchanged(student)


@exercise("truncated_bptt", points=1)
@given(case=models(least=2), examples=1)
def test_truncated_bptt_refuses_what_does_not_fit(student, device, case):
    assert_refused(student.truncated_bptt, of_model(case), model_wrongs(case), k=2)
    for k in (0, -1):
        with pytest.raises(ValueError, match=r"k must"):
            student.truncated_bptt(*of_model(case), k=k)


# stacked_rnn_forward ------------------------------------------------------------------------------


@exercise("stacked_rnn_forward", points=2)
@given(case=stacks(), examples=10)
def test_stacked_rnn_forward_matches_the_reference(student, reference, device, case):
    hs, h_n, _ = student.stacked_rnn_forward(case.x, case.h0, case.weights)
    expected = reference.stacked_rnn_forward(case.x, case.h0, case.weights)
    assert_close(hs, expected[0], "hs")
    assert_close(h_n, expected[1], "h_n")


@exercise("stacked_rnn_forward", points=1)
@given(case=stacks(layout="any"), examples=6)
def test_stacked_rnn_forward_takes_any_layout_and_leaves_it_alone(student, reference, device, case):
    hs, h_n, _ = student.stacked_rnn_forward(case.x, case.h0, case.weights)
    expected = reference.stacked_rnn_forward(case.x, case.h0, case.weights)
    assert_close(hs, expected[0], "hs")
    assert_close(h_n, expected[1], "h_n")
    assert_inputs_unchanged(student)


@exercise("stacked_rnn_forward", points=1)
@given(case=stacks(layers=2), examples=1)
def test_stacked_rnn_forward_refuses_sizes_that_do_not_fit(student, device, case):
    x, h0, (below, above) = good = (case.x, case.h0, case.weights)
    wrong = [(0, wide(x)), (0, x[0]), (0, x[:, :0]), (1, wide(h0)), (1, h0[:, 0]), (1, h0[:, :1])]
    wrong += [(1, torch.cat([h0, h0])), (2, []), (2, [below]), (2, [below, above, above])]
    for i in range(3):
        broken = [*above]
        broken[i] = wide(above[i])
        wrong.append((2, [below, tuple(broken)]))
    assert_refused(student.stacked_rnn_forward, good, wrong)
    with pytest.raises(ValueError, match="weights"):
        student.stacked_rnn_forward(x, h0[:, :0], [])


# stacked_rnn_backward -----------------------------------------------------------------------------


@exercise("stacked_rnn_backward", points=3)
@given(case=stacks(), examples=10)
def test_stacked_rnn_backward_matches_the_reference(student, reference, device, case):
    _, _, cache = student.stacked_rnn_forward(case.x, case.h0, case.weights)
    got = student.stacked_rnn_backward(case.dhs, case.dh_n, cache)
    _, _, cache = reference.stacked_rnn_forward(case.x, case.h0, case.weights)
    expected = reference.stacked_rnn_backward(case.dhs, case.dh_n, cache)
    assert_close(got, expected, "(dx, dh0, dweights)")


@exercise("stacked_rnn_backward", points=1)
@given(case=stacks(layers=3), examples=3)
def test_stacked_rnn_backward_starts_from_the_last_states(student, reference, device, case):
    """Like an encoder: nothing is used but the states after the last step."""
    _, _, cache = student.stacked_rnn_forward(case.x, case.h0, case.weights)
    _, _, known = reference.stacked_rnn_forward(case.x, case.h0, case.weights)
    for layer in range(3):
        dhs, dh_n = torch.zeros_like(case.dhs), torch.zeros_like(case.dh_n)
        dh_n[:, layer] = case.dh_n[:, layer]
        got = student.stacked_rnn_backward(dhs, dh_n, cache)
        expected = reference.stacked_rnn_backward(dhs, dh_n, known)
        assert_close(got, expected, "(dx, dh0, dweights)")


@exercise("stacked_rnn_backward", points=1)
@given(case=stacks(), examples=4)
def test_stacked_rnn_backward_changes_nothing_and_its_cache_lasts(student, reference, device, case):
    _, _, cache = student.stacked_rnn_forward(case.x, case.h0, case.weights)
    halved = [tuple(0.5 * w for w in layer) for layer in case.weights]
    student.stacked_rnn_forward(-case.x, case.h0 + 1, halved)
    student.stacked_rnn_backward(-case.dhs, 2 * case.dh_n, cache)
    got = student.stacked_rnn_backward(case.dhs, case.dh_n, cache)
    _, _, cache = reference.stacked_rnn_forward(case.x, case.h0, case.weights)
    expected = reference.stacked_rnn_backward(case.dhs, case.dh_n, cache)
    assert_close(got, expected, "(dx, dh0, dweights)")
    assert_inputs_unchanged(student)


@exercise("stacked_rnn_backward", points=1)
@given(case=stacks(layout="any"), examples=6)
def test_stacked_rnn_backward_takes_any_layout_and_leaves_it_alone(
    student, reference, device, case
):
    _, _, cache = student.stacked_rnn_forward(case.x, case.h0, case.weights)
    got = student.stacked_rnn_backward(case.dhs, case.dh_n, cache)
    _, _, known = reference.stacked_rnn_forward(case.x, case.h0, case.weights)
    expected = reference.stacked_rnn_backward(case.dhs, case.dh_n, known)
    assert_close(got, expected, "(dx, dh0, dweights)")
    assert_inputs_unchanged(student)
    dhs, dh_n = case.dhs, case.dh_n
    wrong = [(0, dhs[0]), (0, wide(dhs)), (1, dh_n[:, 0]), (1, wide(dh_n))]
    wrong.append((1, torch.cat([dh_n, dh_n])))
    assert_refused(student.stacked_rnn_backward, (dhs, dh_n, cache), wrong)


# clip_gradients -----------------------------------------------------------------------------------


@exercise("clip_gradients", points=2)
@given(case=gradient_lists(), examples=20)
def test_clip_gradients_matches_the_reference(student, reference, device, case):
    got = student.clip_gradients(case.grads, theta=case.theta)
    expected = reference.clip_gradients(case.grads, theta=case.theta)
    assert_close(got, expected, "the clipped gradients")


@exercise("clip_gradients", points=1)
def test_clip_gradients_of_zero_and_of_hard_lengths(student, device):
    for dtype in (torch.float32, torch.float64):

        def both(left, right, dtype=dtype):
            return [torch.tensor(v, dtype=dtype, device=device) for v in (left, right)]

        zeros = both([[0.0, 0.0], [0.0, 0.0]], 0.0)
        assert_close(student.clip_gradients(zeros, theta=1.0), zeros, "gradients of 0")
        exact = both([3.0], [[-4.0]])
        assert_close(student.clip_gradients(exact, theta=5.0), exact, "gradients of norm theta")
        far = student.clip_gradients(both([3e15, 0.0], [-4e15]), theta=1)
        assert_close(far, both([0.6, 0.0], [-0.8]), "gradients that exploded")
        near = both([3e-15, 0.0], [-4e-15])
        assert_close(student.clip_gradients(near, theta=1), near, "tiny gradients", floor=1e-15)


@exercise("clip_gradients", points=1)
@given(case=gradient_lists(layout="any"), examples=8)
@example(case=Case(grads=[torch.tensor([3.0, 4.0])], theta=1.0))
def test_clip_gradients_takes_any_layout_and_leaves_it_alone(student, reference, device, case):
    got = student.clip_gradients(case.grads, theta=case.theta)
    expected = reference.clip_gradients(case.grads, theta=case.theta)
    assert_close(got, expected, "the clipped gradients")
    assert_inputs_unchanged(student)
    for theta in (0.0, -1.0):
        with pytest.raises(ValueError, match="theta"):
            student.clip_gradients(case.grads, theta=theta)
    with pytest.raises(ValueError, match="grads"):
        student.clip_gradients([], theta=1.0)
