"""Hidden tests of unit 17: the reference over drawn inputs, loops, autograd, torch, hard masks."""

import itertools
import math
import re

import torch
from hypothesis import example
from hypothesis import strategies as st
from torch.nn import functional as F

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

ADDITIVE = "(ds, dh, dw_s, dw_h, dv)"
MULTI_HEAD = "(dx, dw_q, dw_k, dw_v, dw_o)"
# Gradients of scores are differences of numbers of size 1, and often exactly 0 (of a single key, of
# equal keys). Their rounding is compared with 1, not with what is left of the difference.
ONE = {"floor": 1.0}

MASKS = ("none", "keys", "queries", "padding", "causal", "any", "hard")


def shape_of(kind, batch, t_q, t_k):
    """The shape of a kind of mask for scores (*batch, t_q, t_k)."""
    return {
        "keys": (t_k,),
        "queries": (t_q, 1),
        "padding": (*batch[:1], *[1] * (len(batch) > 1), 1, t_k),
        "causal": (t_q, t_k),
        "any": (*batch, t_q, t_k),
        "hard": (*batch, t_q, t_k),
    }[kind]


def draw_mask(draw, kind, batch, t_q, t_k, layout):
    """A mask of a kind, or None. Of a "hard" one most is False, so that whole rows are."""
    if kind == "none":
        return None
    if kind == "causal":
        return torch.ones(t_q, t_k, dtype=torch.bool).tril()
    drawn = draw(tensors(*shape_of(kind, batch, t_q, t_k), values="uniform"))
    mask = drawn < (0.25 if kind == "hard" else 0.7)
    return lay_out(mask, "contiguous" if layout == "contiguous" else "permuted")


@st.composite
def attentions(draw, masks=MASKS, layout="contiguous", dtype=None, square=False, scale=1.0):
    """q, k, v, a mask, whether to scale, and a gradient; any axes before the last two."""
    batch = draw(st.sampled_from([(), (1,), (3,), (2, 3), (3, 1)]))
    t_q, t_k, d_k, d_v = (draw(sizes(1, 4)) for _ in range(4))
    if square:
        t_k, d_v = t_q, d_k
    dtype = dtype or draw(dtypes())

    def drawn(*shape):
        return draw(tensors(*batch, *shape, dtype=dtype, layout=layout, scale=scale))

    kind = draw(st.sampled_from(masks))
    return Case(
        q=drawn(t_q, d_k),
        k=drawn(t_k, d_k),
        v=drawn(t_k, d_v),
        mask=draw_mask(draw, kind, batch, t_q, t_k, layout),
        scale=draw(st.booleans()),
        dout=drawn(t_q, d_v),
    )


def doubled(masks=MASKS, **options):
    """The same in float64, for comparisons with autograd and identities."""
    return attentions(masks, dtype=torch.float64, **options)


@st.composite
def additive_attentions(draw, layout="contiguous", dtype=None):
    n, t_q, t_k, d_s, d_h, a = (draw(sizes(1, 4)) for _ in range(6))
    dtype = dtype or draw(dtypes())
    shapes = {"s": (n, t_q, d_s), "h": (n, t_k, d_h), "w_s": (d_s, a), "w_h": (d_h, a), "v": (a,)}
    shapes["dout"] = (n, t_q, d_h)
    return Case(
        **{k: draw(tensors(*s, dtype=dtype, layout=layout)) for k, s in shapes.items()},
    )


@st.composite
def layers(draw, masks=MASKS, layout="contiguous", dtype=None, extents=None):
    n, t, heads, columns = extents or (draw(sizes(1, m)) for m in (3, 4, 3, 3))
    d = heads * columns
    dtype = dtype or draw(dtypes())

    def drawn(*shape, scale=1.0):
        return draw(tensors(*shape, dtype=dtype, layout=layout, scale=scale))

    return Case(
        x=drawn(n, t, d),
        **{name: drawn(d, d, scale=0.7) for name in ("w_q", "w_k", "w_v", "w_o")},
        mask=draw_mask(draw, draw(st.sampled_from(masks)), (n,), t, t, layout),
        heads=heads,
        dout=drawn(n, t, d),
    )


@st.composite
def decoder_steps(draw, layout="contiguous", dtype=None):
    n, t, d, h = (draw(sizes(1, 4)) for _ in range(4))
    dtype = dtype or draw(dtypes())
    shapes = {"y": (n, d), "s": (n, h), "h": (n, t, h), "w_y": (d, 3 * h)}
    shapes |= {"w_s": (h, 3 * h), "w_c": (h, 3 * h), "b": (3 * h,)}
    return Case(**{k: draw(tensors(*s, dtype=dtype, layout=layout)) for k, s in shapes.items()})


def plain(q, k, v, mask=None, scale=True):
    """Attention in operations that autograd understands, also where nothing may be seen."""
    scores = q @ k.transpose(-1, -2)
    e = torch.exp(scores / math.sqrt(q.shape[-1]) if scale else scores)
    e = e if mask is None else e * mask
    return e @ v / e.sum(-1, keepdim=True).clamp_min(1e-300)


def plain_additive(s, h, w_s, w_h, v):
    """Additive attention in operations that autograd understands."""
    e = torch.tanh((s @ w_s).unsqueeze(2) + (h @ w_h).unsqueeze(1))
    return torch.softmax(e @ v, dim=2) @ h


def plain_multi_head(x, w_q, w_k, w_v, w_o, mask, heads):
    """The heads one after the other."""
    columns = x.shape[2] // heads
    results = []
    for i in range(heads):
        own = slice(i * columns, (i + 1) * columns)
        results.append(plain(x @ w_q[:, own], x @ w_k[:, own], x @ w_v[:, own], mask))
    return torch.cat(results, dim=2) @ w_o


def gradients(forward, inputs, dout):
    """What autograd finds for a forward that is written with torch operations."""
    inputs = [x.clone().requires_grad_() for x in inputs]
    return tuple(torch.autograd.grad(forward(*inputs), inputs, dout))


def attend(subject, case):
    """Call `attention_forward` as the case says."""
    return subject.attention_forward(case.q, case.k, case.v, case.mask, scale=case.scale)


def additive_inputs(case):
    return case.s, case.h, case.w_s, case.w_h, case.v


def layer_inputs(case):
    return case.x, case.w_q, case.w_k, case.w_v, case.w_o


def run_layer(subject, case):
    """Call `multi_head_attention_forward` as the case says."""
    inputs = layer_inputs(case)
    return subject.multi_head_attention_forward(*inputs, case.mask, heads=case.heads)


def weights_by_loops(scores, seen):
    """Softmax of a list over those that are seen; zeros if none is."""
    if not any(seen):
        return [0.0] * len(scores)
    largest = max(s for s, ok in zip(scores, seen, strict=True) if ok)
    e = [math.exp(s - largest) if ok else 0.0 for s, ok in zip(scores, seen, strict=True)]
    return [value / sum(e) for value in e]


def attention_by_loops(case):
    """The result of attention in Python's own arithmetic, one query at a time."""
    *batch, t_q, d_k = case.q.shape
    t_k, d_v = case.v.shape[-2:]
    everything = torch.ones(*batch, t_q, t_k, dtype=torch.bool, device=case.q.device)
    mask = everything if case.mask is None else everything & case.mask
    out = torch.zeros(*batch, t_q, d_v, dtype=torch.float64, device=case.q.device)
    for at in itertools.product(*map(range, batch)):
        k, v = case.k[at].tolist(), case.v[at].tolist()
        for i, query in enumerate(case.q[at].tolist()):
            factor = 1 / math.sqrt(d_k) if case.scale else 1.0
            scores = [factor * sum(a * b for a, b in zip(query, key, strict=True)) for key in k]
            p = weights_by_loops(scores, mask[at][i].tolist())
            row = [sum(p[j] * v[j][c] for j in range(t_k)) for c in range(d_v)]
            out[(*at, i)] = torch.tensor(row, dtype=torch.float64)
    return out.to(case.q.dtype)


def assert_refuses(name, function, *args, **kwargs):
    """Fail unless the call raises a ValueError whose sentence names the argument."""
    said = None
    try:
        function(*args, **kwargs)
    except ValueError as error:
        said = str(error)
    assert said is not None, f"{function.__name__} accepts an invalid {name}"
    assert re.search(rf"\b{name}\b", said), f"the ValueError does not speak of {name}: {said}"


# attention_forward --------------------------------------------------------------------------------


@exercise("attention_forward", points=1)
@given(case=attentions(masks=("none",)), examples=15)
def test_attention_forward_matches_the_reference(student, reference, device, case):
    assert_close(attend(student, case)[0], attend(reference, case)[0], "out", **ONE)


@exercise("attention_forward", points=1)
@given(case=attentions(), examples=15)
def test_attention_forward_looks_where_the_mask_says(student, device, case):
    assert_close(attend(student, case)[0], attention_by_loops(case), "out", **ONE)


@exercise("attention_forward", points=1)
@given(case=attentions(masks=("keys", "queries", "padding", "any"), square=True), examples=12)
def test_attention_forward_broadcasts_masks_over_equal_sizes(student, device, case):
    assert_close(attend(student, case)[0], attention_by_loops(case), "out", **ONE)
    padding = torch.tensor([True, True, False], device=device).reshape(1, 1, 3)
    q = torch.eye(3, dtype=case.q.dtype, device=device)[None]
    out, _ = student.attention_forward(q, q, q, padding)
    expected = F.scaled_dot_product_attention(q, q, q, attn_mask=padding)
    assert_close(out, expected, "out", **ONE)
    assert not bool(out[..., 2].any()), "what is masked has a weight that is not exactly 0"


@exercise("attention_forward", points=1)
@given(case=attentions(masks=("hard", "queries")), examples=8)
def test_attention_forward_is_zero_for_a_query_that_sees_nothing(student, device, case):
    out, _ = attend(student, case)
    assert_close(out, attention_by_loops(case), "out", **ONE)
    nothing = torch.zeros(1, dtype=torch.bool, device=device)
    out, _ = student.attention_forward(case.q, case.k, case.v, nothing)
    assert_close(out, torch.zeros_like(case.dout), "out where everything is masked", tol=0.0)


@exercise("attention_forward", points=1)
def test_attention_forward_of_very_large_scores(student, device):
    for dtype in (torch.float32, torch.float64):
        k = torch.tensor([[100.0], [0.0], [-100.0], [99.0]], dtype=dtype, device=device)
        q = torch.tensor([[100.0], [-100.0], [0.0]], dtype=dtype, device=device)
        v = torch.eye(4, dtype=dtype, device=device)
        rows = [[1, 0, 0, 0], [0, 0, 1, 0], [0.25, 0.25, 0.25, 0.25]]
        out, _ = student.attention_forward(q, k, v, scale=False)
        assert_close(out, torch.tensor(rows, dtype=dtype, device=device), "out")
        # The largest score of all is masked, 10000 and more above the others.
        mask = torch.tensor([False, True, True, False], device=device)
        rows = [[0, 1, 0, 0], [0, 0, 1, 0], [0, 0.5, 0.5, 0]]
        out, _ = student.attention_forward(q, k, v, mask, scale=False)
        assert_close(out, torch.tensor(rows, dtype=dtype, device=device), "out with a mask")


@exercise("attention_forward", points=1)
@given(case=doubled(masks=("none", "keys")), examples=6)
def test_attention_forward_takes_keys_for_values_in_any_order(student, device, case):
    out, _ = student.attention_forward(case.q, case.k, case.k, case.mask, scale=case.scale)
    expected = plain(case.q, case.k, case.k, case.mask, case.scale)
    assert_close(out, expected, "out where keys are values")
    backwards = None if case.mask is None else case.mask.flip(-1)
    k, v = case.k.flip(-2), case.v.flip(-2)
    out, _ = student.attention_forward(case.q, k, v, backwards, scale=case.scale)
    expected = plain(case.q, case.k, case.v, case.mask, case.scale)
    assert_close(out, expected, "out with keys and values in another order")


@exercise("attention_forward", points=1)
@given(case=attentions(layout="any"), examples=8)
def test_attention_forward_takes_any_layout_and_leaves_it_alone(student, reference, device, case):
    assert_close(attend(student, case)[0], attend(reference, case)[0], "out", **ONE)
    assert_inputs_unchanged(student)


@exercise("attention_forward", points=1)
@given(case=doubled(masks=("any",)), examples=2)
def test_attention_forward_refuses_what_does_not_fit(student, device, case):
    q, k, v, mask = case.q, case.k, case.v, case.mask
    wider = torch.cat([mask, mask], -1)
    for which, refused in (
        *(("q", (r, k, v)) for r in (q.flatten(), q.long(), q[..., :0, :], q[..., :0])),
        *(("k", (q, r, v)) for r in (k[None], torch.cat([k, k], -1), k[..., :0, :])),
        *(("v", (q, k, r)) for r in (v[None], torch.cat([v, v], -2), v[..., :0])),
        *(("mask", (q, k, v, r)) for r in (mask.double(), wider, mask[None], mask[..., :0])),
    ):
        assert_refuses(which, student.attention_forward, *refused)


# attention_backward -------------------------------------------------------------------------------


@exercise("attention_backward", points=1)
@given(case=attentions(), examples=15)
def test_attention_backward_matches_the_reference(student, reference, device, case):
    got = student.attention_backward(case.dout, attend(student, case)[1])
    expected = reference.attention_backward(case.dout, attend(reference, case)[1])
    assert_close(got, expected, "(dq, dk, dv)", **ONE)


@exercise("attention_backward", points=2)
@given(case=doubled(), examples=12)
def test_attention_backward_is_the_gradient_of_a_plain_forward(student, device, case):
    got = student.attention_backward(case.dout, attend(student, case)[1])
    inputs = (case.q, case.k, case.v)
    expected = gradients(lambda q, k, v: plain(q, k, v, case.mask, case.scale), inputs, case.dout)
    assert_close(got, expected, "(dq, dk, dv)")


@exercise("attention_backward", points=1)
@given(case=doubled(masks=("hard",)), examples=8)
def test_attention_backward_sends_nothing_to_what_was_not_seen(student, device, case):
    dq, dk, dv = student.attention_backward(case.dout, attend(student, case)[1])
    for name, gradient, seen in (
        ("dq of a query that sees nothing", dq, case.mask.any(-1)),
        ("dk of a key that nobody sees", dk, case.mask.any(-2)),
        ("dv of a value that nobody sees", dv, case.mask.any(-2)),
    ):
        assert bool(torch.isfinite(gradient).all()), f"a gradient is not finite ({name})"
        unseen = gradient[~seen]
        assert_close(unseen, torch.zeros_like(unseen), name, tol=0.0)


@exercise("attention_backward", points=1)
@given(case=doubled(), examples=6)
def test_attention_backward_obeys_the_identities_of_a_mean(student, device, case):
    _, cache = attend(student, case)
    dq, dk, dv = student.attention_backward(case.dout, cache)
    assert_close(dk.sum(-2), torch.zeros_like(dk[..., 0, :]), "the sum of dk over the keys")
    sees = torch.ones_like(case.dout[..., :1])
    if case.mask is not None:
        scores = torch.zeros(*case.q.shape[:-1], case.k.shape[-2], dtype=torch.bool, device=device)
        sees = (case.mask | scores).any(-1, keepdim=True) * sees
    assert_close(dv.sum(-2), (case.dout * sees).sum(-2), "the sum of dv over the keys")
    twice = student.attention_backward(-2 * case.dout, cache)
    assert_close(twice, (-2 * dq, -2 * dk, -2 * dv), "the gradients of -2 dout")


@exercise("attention_backward", points=1)
@given(case=doubled(masks=("none", "any")), examples=5)
def test_attention_backward_separates_keys_from_values(student, device, case):
    dout = case.dout[..., :1] * torch.ones_like(case.q)  # values have the size of keys here
    _, cache = student.attention_forward(case.q, case.k, case.k, case.mask, scale=case.scale)
    got = student.attention_backward(dout, cache)
    other = case.k.clone()
    expected = gradients(
        lambda q, k, v: plain(q, k, v, case.mask, case.scale), (case.q, case.k, other), dout
    )
    assert_close(got, expected, "(dq, dk, dv) where keys are values")


@exercise("attention_backward", points=1)
@given(case=attentions(layout="any"), examples=6)
def test_attention_backward_needs_nothing_but_its_cache(student, reference, device, case):
    _, cache = attend(student, case)
    student.attention_forward(case.q + 1, case.k - 1, -case.v, scale=not case.scale)
    got = student.attention_backward(case.dout, cache)
    expected = reference.attention_backward(case.dout, attend(reference, case)[1])
    assert_close(got, expected, "(dq, dk, dv)", **ONE)
    again = student.attention_backward(case.dout, cache)
    assert_close(again, expected, "(dq, dk, dv), asked for again,", **ONE)
    assert_inputs_unchanged(student)


# causal_mask --------------------------------------------------------------------------------------


@exercise("causal_mask", points=1)
def test_causal_mask_admits_everything_up_to_oneself(student, device):
    for t in (1, 2, 5, 16):
        expected = [[j <= i for j in range(t)] for i in range(t)]
        got = student.causal_mask(t, torch.zeros(t, device=device))
        assert_close(got, torch.tensor(expected, device=device), f"the mask for t={t}")


@exercise("causal_mask", points=1)
def test_causal_mask_takes_only_the_device_from_its_argument(student, device):
    expected = torch.tensor([[True, False], [True, True]], device=device)
    for like in (
        torch.tensor(0.5, dtype=torch.float64, device=device),
        torch.ones(3, 4, 5, device=device),
        torch.zeros(0, dtype=torch.int64, device=device),
        torch.tensor([False, True, False], device=device),
    ):
        assert_close(student.causal_mask(2, like), expected, "the mask")
    assert_refuses("t", student.causal_mask, 0, expected)
    assert_refuses("t", student.causal_mask, -1, expected)
    assert_inputs_unchanged(student)


# additive_attention_forward -----------------------------------------------------------------------


@exercise("additive_attention_forward", points=1)
@given(case=additive_attentions(), examples=15)
def test_additive_attention_forward_matches_the_reference(student, reference, device, case):
    inputs = additive_inputs(case)
    expected, _ = reference.additive_attention_forward(*inputs)
    assert_close(student.additive_attention_forward(*inputs)[0], expected, "out", **ONE)


@exercise("additive_attention_forward", points=1)
@given(case=additive_attentions(dtype=torch.float64), examples=6)
def test_additive_attention_forward_compares_every_query_with_every_key(student, device, case):
    out, _ = student.additive_attention_forward(*additive_inputs(case))
    expected = torch.zeros_like(case.dout)
    for n, i in itertools.product(range(case.s.shape[0]), range(case.s.shape[1])):
        scores = []
        for j in range(case.h.shape[1]):
            z = (case.s[n, i] @ case.w_s + case.h[n, j] @ case.w_h).tolist()
            pairs = zip(case.v.tolist(), z, strict=True)
            scores.append(sum(weight * math.tanh(value) for weight, value in pairs))
        p = weights_by_loops(scores, [True] * len(scores))
        expected[n, i] = sum(share * case.h[n, j] for j, share in enumerate(p))
    assert_close(out, expected, "out")


@exercise("additive_attention_forward", points=1)
def test_additive_attention_forward_of_very_large_numbers(student, device):
    for dtype in (torch.float32, torch.float64):
        s = torch.tensor([[[0.0], [2000.0]]], dtype=dtype, device=device)
        h = torch.tensor([[[1000.0], [-1000.0], [900.0]]], dtype=dtype, device=device)
        one = torch.ones(1, 1, dtype=dtype, device=device)
        v = torch.tensor([1e4], dtype=dtype, device=device)
        out, _ = student.additive_attention_forward(s, h, one, one, v)
        expected = torch.tensor([[[950.0], [300.0]]], dtype=dtype, device=device)
        assert_close(out, expected, "out")


@exercise("additive_attention_forward", points=1)
@given(case=additive_attentions(layout="any"), examples=6)
def test_additive_attention_forward_takes_any_layout_and_leaves_it_alone(
    student, reference, device, case
):
    s, h, w_s, w_h, v = inputs = additive_inputs(case)
    expected, _ = reference.additive_attention_forward(*inputs)
    assert_close(student.additive_attention_forward(*inputs)[0], expected, "out", **ONE)
    assert_inputs_unchanged(student)
    for which, refused in (
        ("s", (s[0], h, w_s, w_h, v)),
        ("s", (s[:, :0], h, w_s, w_h, v)),
        ("h", (s, torch.cat([h, h]), w_s, w_h, v)),
        ("w_s", (s, h, torch.cat([w_s, w_s]), w_h, v)),
        ("w_h", (s, h, w_s, torch.cat([w_h, w_h]), v)),
        ("w_h", (s, h, w_s, torch.cat([w_h, w_h], 1), v)),
        ("v", (s, h, w_s, w_h, torch.cat([v, v]))),
    ):
        assert_refuses(which, student.additive_attention_forward, *refused)


# additive_attention_backward ----------------------------------------------------------------------


@exercise("additive_attention_backward", points=1)
@given(case=additive_attentions(), examples=15)
def test_additive_attention_backward_matches_the_reference(student, reference, device, case):
    inputs = additive_inputs(case)
    _, cache = student.additive_attention_forward(*inputs)
    _, other = reference.additive_attention_forward(*inputs)
    expected = reference.additive_attention_backward(case.dout, other)
    assert_close(student.additive_attention_backward(case.dout, cache), expected, ADDITIVE, **ONE)


@exercise("additive_attention_backward", points=2)
@given(case=additive_attentions(dtype=torch.float64), examples=10)
def test_additive_attention_backward_is_the_gradient_of_a_plain_forward(student, device, case):
    inputs = additive_inputs(case)
    _, cache = student.additive_attention_forward(*inputs)
    got = student.additive_attention_backward(case.dout, cache)
    assert_close(got, gradients(plain_additive, inputs, case.dout), ADDITIVE)


@exercise("additive_attention_backward", points=1)
@given(case=additive_attentions(layout="any"), examples=6)
def test_additive_attention_backward_needs_nothing_but_its_cache(student, reference, device, case):
    s, h, w_s, w_h, v = inputs = additive_inputs(case)
    _, cache = student.additive_attention_forward(*inputs)
    student.additive_attention_forward(s + 1, h - 1, -w_s, w_h, v)
    _, other = reference.additive_attention_forward(*inputs)
    expected = reference.additive_attention_backward(case.dout, other)
    assert_close(student.additive_attention_backward(case.dout, cache), expected, ADDITIVE, **ONE)
    twice = student.additive_attention_backward(-2 * case.dout, cache)
    assert_close(twice, tuple(-2 * e for e in expected), f"{ADDITIVE} of -2 dout", **ONE)
    assert_inputs_unchanged(student)


# multi_head_attention_forward ---------------------------------------------------------------------


@exercise("multi_head_attention_forward", points=1)
@given(case=layers(), examples=15)
def test_multi_head_attention_forward_matches_the_reference(student, reference, device, case):
    assert_close(run_layer(student, case)[0], run_layer(reference, case)[0], "out", **ONE)


@exercise("multi_head_attention_forward", points=1)
@given(case=layers(masks=("none", "causal"), dtype=torch.float64), examples=8)
def test_multi_head_attention_forward_is_what_torch_computes(student, device, case):
    d = case.x.shape[2]
    expected, _ = F.multi_head_attention_forward(
        *[case.x.transpose(0, 1)] * 3,
        embed_dim_to_check=d,
        num_heads=case.heads,
        in_proj_weight=torch.cat([case.w_q.T, case.w_k.T, case.w_v.T]),
        in_proj_bias=None,
        bias_k=None,
        bias_v=None,
        add_zero_attn=False,
        dropout_p=0.0,
        out_proj_weight=case.w_o.T,
        out_proj_bias=torch.zeros(d, dtype=case.x.dtype, device=device),
        attn_mask=None if case.mask is None else ~case.mask,
        need_weights=False,
    )
    assert_close(run_layer(student, case)[0], expected.transpose(0, 1), "out")


@exercise("multi_head_attention_forward", points=1)
@example(case=Case(seed=1, n=2, t=2, heads=2, columns=2))
@example(case=Case(seed=2, n=3, t=3, heads=3, columns=1))
@given(
    case=st.builds(
        Case,
        seed=st.integers(0, 99),
        n=sizes(1, 3),
        t=sizes(1, 3),
        heads=sizes(1, 3),
        columns=sizes(1, 2),
    ),
    examples=6,
)
def test_multi_head_attention_forward_has_the_same_mask_in_all_heads(student, device, case):
    random = torch.Generator().manual_seed(case.seed)
    n, t, d = case.n, case.t, case.heads * case.columns

    def drawn(*shape):
        return torch.randn(*shape, generator=random, dtype=torch.float64).to(device)

    inputs = [drawn(n, t, d), *(drawn(d, d) for _ in range(4))]
    for shape in ((t,), (t, t), (n, 1, t), (n, t, 1), (n, t, t), (1, t, t)):
        mask = drawn(*shape) < 0.4
        out, _ = student.multi_head_attention_forward(*inputs, mask, heads=case.heads)
        expected = plain_multi_head(*inputs, mask, case.heads)
        assert_close(out, expected, f"out with a mask of shape {shape}")


@exercise("multi_head_attention_forward", points=1)
@given(case=layers(masks=("causal",), dtype=torch.float64), examples=5)
def test_multi_head_attention_forward_does_not_look_ahead_if_told_so(student, device, case):
    out, _ = run_layer(student, case)
    later = case.x.clone()
    later[:, -1] = 5 - later[:, -1]
    changed, _ = run_layer(student, Case(**{**vars(case), "x": later}))
    assert_close(changed[:, :-1], out[:, :-1], "out before the position that was changed")
    difference = (changed[:, -1] - out[:, -1]).abs().max()
    assert float(difference) > 1e-6, "the changed position does not see itself"


@exercise("multi_head_attention_forward", points=1)
def test_multi_head_attention_forward_of_scores_that_no_exponential_holds(student, device):
    """Scores of 1131 and more; with a mask the largest of a row is not among those that count."""
    one = torch.eye(2, dtype=torch.float64, device=device)
    x = 40 * torch.stack([one[0], one[1], -one[0], -2 * one[1]])[None]
    others = ~torch.eye(4, dtype=torch.bool, device=device)
    for mask in (None, others, ~others):
        out, _ = student.multi_head_attention_forward(x, one, one, one, one, mask, heads=1)
        scores = (x @ x.mT) / math.sqrt(2)
        scores = scores if mask is None else scores.masked_fill(~mask, -math.inf)
        assert_close(out, torch.softmax(scores, -1) @ x, "out", **ONE)


@exercise("multi_head_attention_forward", points=1)
@given(case=layers(layout="any"), examples=6)
def test_multi_head_attention_forward_takes_any_layout_and_leaves_it_alone(
    student, reference, device, case
):
    assert_close(run_layer(student, case)[0], run_layer(reference, case)[0], "out", **ONE)
    assert_inputs_unchanged(student)


@exercise("multi_head_attention_forward", points=1)
@given(case=layers(masks=("any",), extents=(2, 3, 2, 2)), examples=1)
def test_multi_head_attention_forward_refuses_what_does_not_fit(student, device, case):
    x, w_q, w_k, w_v, w_o = layer_inputs(case)
    mask, square = case.mask, torch.cat([w_q, w_q])
    for which, refused, heads in (
        ("x", (x[0], w_q, w_k, w_v, w_o), 2),
        ("x", (x[:, :0], w_q, w_k, w_v, w_o), 2),
        ("w_q", (x, square, w_k, w_v, w_o), 2),
        ("w_k", (x, w_q, square, w_v, w_o), 2),
        ("w_v", (x, w_q, w_k, square.T, w_o), 2),
        ("w_o", (x, w_q, w_k, w_v, square.T), 2),
        *(("heads", (x, w_q, w_k, w_v, w_o), heads) for heads in (0, -1, 3, 8)),
        ("mask", (x, w_q, w_k, w_v, w_o, mask.double()), 2),
        ("mask", (x, w_q, w_k, w_v, w_o, mask[None]), 2),
        ("mask", (x, w_q, w_k, w_v, w_o, mask[:, :2]), 2),
    ):
        assert_refuses(which, student.multi_head_attention_forward, *refused, heads=heads)


# multi_head_attention_backward --------------------------------------------------------------------


@exercise("multi_head_attention_backward", points=1)
@given(case=layers(), examples=12)
def test_multi_head_attention_backward_matches_the_reference(student, reference, device, case):
    got = student.multi_head_attention_backward(case.dout, run_layer(student, case)[1])
    expected = reference.multi_head_attention_backward(case.dout, run_layer(reference, case)[1])
    assert_close(got, expected, MULTI_HEAD, **ONE)


@exercise("multi_head_attention_backward", points=2)
@given(case=layers(dtype=torch.float64), examples=10)
def test_multi_head_attention_backward_is_the_gradient_of_a_plain_forward(student, device, case):
    got = student.multi_head_attention_backward(case.dout, run_layer(student, case)[1])
    expected = gradients(
        lambda *inputs: plain_multi_head(*inputs, case.mask, case.heads),
        layer_inputs(case),
        case.dout,
    )
    assert_close(got, expected, MULTI_HEAD)


@exercise("multi_head_attention_backward", points=1)
@given(case=layers(layout="any"), examples=5)
def test_multi_head_attention_backward_needs_nothing_but_its_cache(
    student, reference, device, case
):
    _, cache = run_layer(student, case)
    x, *weights = layer_inputs(case)
    student.multi_head_attention_forward(x + 1, *weights, heads=1)
    expected = reference.multi_head_attention_backward(case.dout, run_layer(reference, case)[1])
    assert_close(
        student.multi_head_attention_backward(case.dout, cache), expected, MULTI_HEAD, **ONE
    )
    twice = student.multi_head_attention_backward(-2 * case.dout, cache)
    assert_close(twice, tuple(-2 * e for e in expected), f"{MULTI_HEAD} of -2 dout", **ONE)
    assert_inputs_unchanged(student)


# attention_gru_step -------------------------------------------------------------------------------


def step_inputs(case):
    return case.y, case.s, case.h, case.w_y, case.w_s, case.w_c, case.b


def step_by_loops(case):
    """The step in Python's own arithmetic, one sample and one unit at a time."""
    samples, hidden = case.s.shape
    w_y, w_s, w_c, b = (w.tolist() for w in (case.w_y, case.w_s, case.w_c, case.b))

    def times(x, w, column):
        return sum(value * row[column] for value, row in zip(x, w, strict=True))

    def sigmoid(x):
        return 1 / (1 + math.exp(-x))

    rows = []
    for i in range(samples):
        y, s, states = case.y[i].tolist(), case.s[i].tolist(), case.h[i].tolist()
        p = weights_by_loops([times(s, [[v] for v in h], 0) for h in states], [True] * len(states))
        c = [times(p, states, unit) for unit in range(hidden)]

        def gate(column, state, y=y, c=c):
            inputs = times(y, w_y, column) + times(c, w_c, column)
            return inputs + times(state, w_s, column) + b[column]

        reset = [sigmoid(gate(unit, s)) * s[unit] for unit in range(hidden)]
        update = [sigmoid(gate(hidden + unit, s)) for unit in range(hidden)]
        new = [math.tanh(gate(2 * hidden + unit, reset)) for unit in range(hidden)]
        rows.append([z * old + (1 - z) * n for z, old, n in zip(update, s, new, strict=True)])
    return torch.tensor(rows, dtype=case.s.dtype, device=case.s.device)


@exercise("attention_gru_step", points=1)
@given(case=decoder_steps(), examples=15)
def test_attention_gru_step_matches_the_reference(student, reference, device, case):
    inputs = step_inputs(case)
    assert_close(
        student.attention_gru_step(*inputs), reference.attention_gru_step(*inputs), "s", **ONE
    )


@exercise("attention_gru_step", points=1)
@given(case=decoder_steps(dtype=torch.float64), examples=8)
def test_attention_gru_step_is_what_the_formulas_say(student, device, case):
    got = student.attention_gru_step(*step_inputs(case))
    assert_close(got, step_by_loops(case), "s")


@exercise("attention_gru_step", points=1)
@given(case=decoder_steps(dtype=torch.float64), examples=4)
def test_attention_gru_step_reads_what_its_state_asks_for(student, device, case):
    hidden = case.s.shape[1]
    # The candidate is tanh of the context, the update gate is closed: the step returns it.
    w_c = torch.zeros_like(case.w_c)
    w_c[:, 2 * hidden :] = torch.eye(hidden, dtype=w_c.dtype, device=device)
    b = torch.zeros_like(case.b)
    b[hidden : 2 * hidden] = -1e4
    nothing = torch.zeros_like(case.w_y), torch.zeros_like(case.w_s)
    p = torch.softmax(torch.einsum("nh,nth->nt", case.s, case.h), dim=1)
    expected = torch.tanh(torch.einsum("nt,nth->nh", p, case.h))
    got = student.attention_gru_step(case.y, case.s, case.h, *nothing, w_c, b)
    assert_close(got, expected, "s, which is tanh of the context here,")
    # 1000 times as certain: it reads the state that fits best, and nothing is infinite.
    best = (1000 * p.log()).softmax(dim=1)
    expected = torch.tanh(torch.einsum("nt,nth->nh", best, case.h))
    got = student.attention_gru_step(case.y, 1000 * case.s, case.h, *nothing, w_c, b)
    assert_close(got, expected, "s of a very large state", tol=1e-6)


@exercise("attention_gru_step", points=1)
@given(case=decoder_steps(layout="any"), examples=6)
def test_attention_gru_step_takes_any_layout_and_leaves_it_alone(student, reference, device, case):
    y, s, h, w_y, w_s, w_c, b = inputs = step_inputs(case)
    expected = reference.attention_gru_step(*inputs)
    assert_close(student.attention_gru_step(*inputs), expected, "s", **ONE)
    assert_inputs_unchanged(student)
    for which, refused in (
        ("y", (y[0], s, h, w_y, w_s, w_c, b)),
        ("s", (y, torch.cat([s, s]), h, w_y, w_s, w_c, b)),
        ("h", (y, s, torch.cat([h, h]), w_y, w_s, w_c, b)),
        ("h", (y, s, torch.cat([h, h], 2), w_y, w_s, w_c, b)),
        ("h", (y, s, h[:, :0], w_y, w_s, w_c, b)),
        ("w_y", (y, s, h, torch.cat([w_y, w_y]), w_s, w_c, b)),
        ("w_y", (y, s, h, w_y[:, 1:], w_s, w_c, b)),
        ("w_s", (y, s, h, w_y, torch.cat([w_s, w_s]), w_c, b)),
        ("w_s", (y, s, h, w_y, w_s[:, 1:], w_c, b)),
        ("w_c", (y, s, h, w_y, w_s, torch.cat([w_c, w_c]), b)),
        ("w_c", (y, s, h, w_y, w_s, w_c[:, 1:], b)),
        ("b", (y, s, h, w_y, w_s, w_c, b[1:])),
    ):
        assert_refuses(which, student.attention_gru_step, *refused)


# layer_costs --------------------------------------------------------------------------------------


class Counted:
    """A number that counts the multiplications it takes part in."""

    made = 0

    def __mul__(self, other):
        Counted.made += 1
        return self

    def __add__(self, other):
        return self


def product(a, b):
    """The matrix product of two lists of rows."""
    columns = [[row[j] for row in b] for j in range(len(b[0]))]
    rows = []
    for row in a:
        entries = []
        for column in columns:
            total = None
            for x, y in zip(row, column, strict=True):
                total = x * y if total is None else total + x * y
            entries.append(total)
        rows.append(entries)
    return rows


def multiplications(kind, n, d, k):
    """Counted on a layer that is written out in products of matrices."""
    one = Counted()
    x, w = [[one] * d for _ in range(n)], [[one] * d for _ in range(d)]
    Counted.made = 0
    if kind == "self_attention":
        product(product(x, [list(column) for column in zip(*x, strict=True)]), x)
    elif kind == "recurrent":
        h = [[one] * d]
        for position in x:
            product([position], w)
            h = product(h, w)
    else:
        for _, _ in itertools.product(range(n), range(k)):
            product([x[0]], w)
    return Counted.made


def path_length(kind, n, k):
    """How many layers it takes until the last output depends on the first input."""
    seen, layers = {n - 1}, 0
    while 0 not in seen:
        gap = k**layers if kind == "dilated" else 1
        seen |= {t - i * gap for t in seen for i in range(k) if t - i * gap >= 0}
        layers += 1
    return layers


@exercise("layer_costs", points=1)
def test_layer_costs_are_the_multiplications_of_real_code(student, device):
    for kind in ("self_attention", "recurrent", "convolution", "dilated"):
        for n, d, k in ((1, 1, 2), (2, 3, 3), (5, 2, 4), (4, 4, 2), (7, 1, 3)):
            got = student.layer_costs(kind, n=n, d=d, k=k)
            expected = multiplications(kind, n, d, k)
            assert_close(got[0], expected, f"the multiplications of {kind!r}, {n=}, {d=}, {k=}")


@exercise("layer_costs", points=1)
def test_layer_costs_have_the_paths_of_real_convolutions(student, device):
    for kind in ("convolution", "dilated"):
        for n, k in itertools.product((1, 2, 3, 4, 5, 8, 9, 10, 17, 27, 28, 64, 65), (2, 3, 4)):
            expected = (k * n * 4, 1, path_length(kind, n, k))
            got = student.layer_costs(kind, n=n, d=2, k=k)
            assert_close(got, expected, f"the costs of {kind!r} for {n=}, {k=}")


@exercise("layer_costs", points=1)
def test_layer_costs_are_exact_for_powers_and_long_sequences(student, device):
    for n, k, layers in (
        *((125, 5, 3), (126, 5, 4), (243, 3, 5), (244, 3, 6), (1000, 10, 3), (1001, 10, 4)),
        *((2**29, 2, 29), (2**29 + 1, 2, 30), (3**20, 3, 20), (10**15, 10, 15)),
    ):
        got = student.layer_costs("dilated", n=n, d=3, k=k)
        assert_close(got, (9 * k * n, 1, layers), f"the costs of 'dilated' for {n=}, {k=}")
    got = student.layer_costs("convolution", n=1001, d=512, k=11)
    assert_close(got, (11 * 1001 * 512**2, 1, 100), "the costs of a long convolution")
    got = student.layer_costs("convolution", n=1002, d=512, k=11)
    assert_close(got[2], 101, "the path of a convolution")


@exercise("layer_costs", points=1)
def test_layer_costs_of_attention_and_recurrence_do_not_need_a_kernel(student, device):
    for n, d in ((1, 1), (1, 8), (9, 1), (100, 512), (512, 512), (10**6, 64)):
        for k in ({}, {"k": 2}, {"k": 7}):
            got = student.layer_costs("self_attention", n=n, d=d, **k)
            assert_close(got, (2 * n**2 * d, 1, 1), f"the costs of self-attention, {n=}, {d=}")
            got = student.layer_costs("recurrent", n=n, d=d, **k)
            assert_close(got, (2 * n * d**2, n, n), f"the costs of recurrence, {n=}, {d=}")
    for which, kind, numbers in (
        ("kind", "attention", {"n": 1, "d": 1}),
        ("n", "recurrent", {"n": 0, "d": 1}),
        ("d", "recurrent", {"n": 1, "d": 0}),
        ("k", "dilated", {"n": 1, "d": 1, "k": 1}),
        ("k", "convolution", {"n": 5, "d": 1, "k": 0}),
    ):
        assert_refuses(which, student.layer_costs, kind, **numbers)
