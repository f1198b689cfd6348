"""Known wrong implementations of unit 17, and what to tell those who wrote them.

Where a function is called by the name that it replaces, the reference's own answers. The caches are
the reference's: attention keeps (q, k, v, p, factor), additive attention (s, h, w_s, w_h, v, e, p),
a layer with heads (x, w_q, w_k, w_v, w_o, merged, heads, cache of its attention).
"""

import math

import numpy as np
import torch
from attention import (
    additive_attention_backward,
    additive_attention_forward,
    attention_backward,
    attention_forward,
    attention_gru_step,
    causal_mask,
    layer_costs,
    multi_head_attention_backward,
    multi_head_attention_forward,
    require,
    require_attention,
    require_mask,
    require_shape,
)

from autograder.testing import mistake

# attention_forward --------------------------------------------------------------------------------


def checked(q, k, v, mask):
    """Scores without scaling, after the validation that is given."""
    require_attention(q, k, v)
    require_mask(mask, *q.shape[:-1], k.shape[-2])
    return q @ k.transpose(-1, -2)


def root_of(q, scale):
    return math.sqrt(q.shape[-1]) if scale else 1.0


def over_keys(scores, mask):
    """What the weights should be."""
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    p = torch.softmax(scores, -1)
    return p if mask is None else p.masked_fill(~mask, 0.0)


def finished(p, q, k, v, scale):
    """The result for given weights, and the reference's kind of cache."""
    return p @ v, (q, k, v, p, 1 / root_of(q, scale))


@mistake(
    "attention_forward",
    "You do not divide the scores by the root of d_k. Without it they grow with the size of the "
    "keys, and the softmax saturates.",
)
def scores_are_not_scaled(q, k, v, mask=None, *, scale=True):
    return attention_forward(q, k, v, mask, scale=False)


@mistake(
    "attention_forward",
    "You divide by the root of d_k although scale is False.",
)
def scores_are_always_scaled(q, k, v, mask=None, *, scale=True):
    return attention_forward(q, k, v, mask, scale=True)


@mistake(
    "attention_forward",
    "You divide by d_k. The standard deviation of a score is the root of d_k.",
)
def scores_are_divided_by_the_size(q, k, v, mask=None, *, scale=True):
    scores = checked(q, k, v, mask) / (q.shape[-1] if scale else 1)
    return finished(over_keys(scores, mask), q, k, v, scale)


@mistake(
    "attention_forward",
    "You multiply by the root of d_k. Scores grow with the size of the keys; dividing makes up for "
    "it.",
)
def scores_are_multiplied_by_the_root(q, k, v, mask=None, *, scale=True):
    scores = checked(q, k, v, mask) * root_of(q, scale)
    return finished(over_keys(scores, mask), q, k, v, scale)


@mistake(
    "attention_forward",
    "You divide by the root of the size of the values. The scores are inner products of queries "
    "and keys, so it is their size, d_k, that counts.",
)
def scores_are_scaled_by_the_values(q, k, v, mask=None, *, scale=True):
    scores = checked(q, k, v, mask) / root_of(v, scale)
    return finished(over_keys(scores, mask), q, k, v, scale)


@mistake(
    "attention_forward",
    "Your softmax goes over the queries. The weights of one query, over all keys, sum to 1.",
)
def softmax_over_the_queries(q, k, v, mask=None, *, scale=True):
    scores = checked(q, k, v, mask) / root_of(q, scale)
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    p = torch.softmax(scores, -2)
    return finished(torch.nan_to_num(p), q, k, v, scale)


@mistake(
    "attention_forward",
    "You ignore the mask.",
)
def mask_is_ignored(q, k, v, mask=None, *, scale=True):
    checked(q, k, v, mask)
    return attention_forward(q, k, v, scale=scale)


@mistake(
    "attention_forward",
    "Your mask works the wrong way round. True means that a key may be attended to.",
)
def mask_is_inverted(q, k, v, mask=None, *, scale=True):
    checked(q, k, v, mask)
    return attention_forward(q, k, v, None if mask is None else ~mask, scale=scale)


@mistake(
    "attention_forward",
    "You set masked weights to 0 after the softmax, so that rows do not sum to 1 any more. What is "
    "masked must not take part in the softmax.",
)
def mask_comes_after_the_softmax(q, k, v, mask=None, *, scale=True):
    p = torch.softmax(checked(q, k, v, mask) / root_of(q, scale), -1)
    return finished(p if mask is None else p * mask, q, k, v, scale)


@mistake(
    "attention_forward",
    "You set masked scores to 0. A score of 0 has a weight of its own, since exp(0) is 1: a masked "
    "score counts as minus infinity.",
)
def masked_scores_are_zero(q, k, v, mask=None, *, scale=True):
    scores = checked(q, k, v, mask) / root_of(q, scale)
    p = torch.softmax(scores if mask is None else scores * mask, -1)
    return finished(p, q, k, v, scale)


@mistake(
    "attention_forward",
    "You give masked scores a very small number such as 1e-9. That is nearly 0, and exp(0) is 1: "
    "you want a very large negative one.",
)
def masked_scores_are_a_small_number(q, k, v, mask=None, *, scale=True):
    scores = checked(q, k, v, mask) / root_of(q, scale)
    if mask is not None:
        scores = scores.masked_fill(~mask, -1.0)
    return finished(torch.softmax(scores, -1), q, k, v, scale)


@mistake(
    "attention_forward",
    "A query that may see nothing gets the mean of all values from you, because all its scores are "
    "the same large negative number. It must get zeros.",
)
def fully_masked_rows_are_uniform(q, k, v, mask=None, *, scale=True):
    scores = checked(q, k, v, mask) / root_of(q, scale)
    if mask is not None:
        scores = scores.masked_fill(~mask, -1e9)
    return finished(torch.softmax(scores, -1), q, k, v, scale)


@mistake(
    "attention_forward",
    "A query that may see nothing gets NaN from you: the softmax of a row of minus infinity is "
    "0/0. It must get zeros.",
)
def fully_masked_rows_are_nan(q, k, v, mask=None, *, scale=True):
    scores = checked(q, k, v, mask) / root_of(q, scale)
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    return finished(torch.softmax(scores, -1), q, k, v, scale)


@mistake(
    "attention_forward",
    "You lay the mask over the queries. Its last axis belongs to the keys, the one before it to "
    "the queries.",
)
def mask_is_transposed(q, k, v, mask=None, *, scale=True):
    scores = checked(q, k, v, mask)
    if mask is not None and scores.shape[-1] == scores.shape[-2]:
        mask = mask.expand(scores.shape).transpose(-1, -2)
    return attention_forward(q, k, v, mask, scale=scale)


@mistake(
    "attention_forward",
    "You compute exponentials of the scores as they are. Large ones overflow: subtract the largest "
    "score of each row first.",
)
def softmax_overflows(q, k, v, mask=None, *, scale=True):
    e = torch.exp(checked(q, k, v, mask) / root_of(q, scale))
    e = e if mask is None else e * mask
    total = e.sum(-1, keepdim=True)
    return finished(e / torch.where(total == 0, torch.ones_like(total), total), q, k, v, scale)


@mistake(
    "attention_forward",
    "You subtract the maximum of each row before you mask. If the largest score is masked, the "
    "others become exp of something very negative, which is 0: take the maximum of what is seen.",
)
def maximum_includes_what_is_masked(q, k, v, mask=None, *, scale=True):
    scores = checked(q, k, v, mask) / root_of(q, scale)
    e = torch.exp(scores - scores.amax(-1, keepdim=True))
    e = e if mask is None else e * mask
    total = e.sum(-1, keepdim=True)
    return finished(e / torch.where(total == 0, torch.ones_like(total), total), q, k, v, scale)


@mistake(
    "attention_forward",
    "You divide by the root of d_k after the softmax. It belongs to the scores; weights sum to 1.",
)
def weights_are_scaled(q, k, v, mask=None, *, scale=True):
    p = over_keys(checked(q, k, v, mask), mask) / root_of(q, scale)
    return finished(p, q, k, v, scale)


@mistake(
    "attention_forward",
    "You do not normalise: the exponentials of a row have to be divided by their sum.",
)
def weights_are_not_normalised(q, k, v, mask=None, *, scale=True):
    e = torch.exp(checked(q, k, v, mask) / root_of(q, scale))
    return finished(e if mask is None else e * mask, q, k, v, scale)


@mistake(
    "attention_forward",
    "You return the value of the best key alone. Attention is soft: every key that is seen has a "
    "weight.",
)
def attention_is_hard(q, k, v, mask=None, *, scale=True):
    p = over_keys(checked(q, k, v, mask), mask)
    best = torch.zeros_like(p).scatter(-1, p.argmax(-1, keepdim=True), 1.0)
    return finished(best * (p > 0), q, k, v, scale)


# attention_backward -------------------------------------------------------------------------------


def from_dscores(dout, dscores, cache):
    """The gradients for given gradients of the scaled scores."""
    q, k, _, p, factor = cache
    return (
        factor * dscores @ k,
        factor * dscores.transpose(-1, -2) @ q,
        p.transpose(-1, -2) @ dout,
    )


def parts(dout, cache):
    """The weights, and the gradient that arrives at them."""
    return cache[3], dout @ cache[2].transpose(-1, -2)


@mistake(
    "attention_backward",
    "Your gradient of the softmax is p dp. The sum of p dp over the keys has to be subtracted from "
    "dp first, because raising one weight lowers the others.",
)
def softmax_gradient_without_the_mean(dout, cache):
    p, dp = parts(dout, cache)
    return from_dscores(dout, p * dp, cache)


@mistake(
    "attention_backward",
    "You keep only the diagonal of the softmax's Jacobian, p (1 - p). Each weight depends on all "
    "scores of its row.",
)
def softmax_gradient_is_diagonal(dout, cache):
    p, dp = parts(dout, cache)
    return from_dscores(dout, p * (1 - p) * dp, cache)


@mistake(
    "attention_backward",
    "You subtract the plain mean of dp. It is the mean under the weights, the sum of p dp.",
)
def softmax_gradient_with_the_plain_mean(dout, cache):
    p, dp = parts(dout, cache)
    return from_dscores(dout, p * (dp - dp.mean(-1, keepdim=True)), cache)


@mistake(
    "attention_backward",
    "You sum p dp over the queries. The softmax goes over the keys, and so does this sum.",
)
def softmax_gradient_sums_over_the_queries(dout, cache):
    p, dp = parts(dout, cache)
    return from_dscores(dout, p * (dp - (p * dp).sum(-2, keepdim=True)), cache)


@mistake(
    "attention_backward",
    "You left out the derivative of the softmax: dp is not yet the gradient of the scores.",
)
def softmax_gradient_is_forgotten(dout, cache):
    return from_dscores(dout, parts(dout, cache)[1], cache)


@mistake(
    "attention_backward",
    "You forgot the constant by which the scores were scaled: it multiplies dq and dk.",
)
def scale_is_forgotten(dout, cache):
    dq, dk, dv = attention_backward(dout, cache)
    return dq / cache[4], dk / cache[4], dv


@mistake(
    "attention_backward",
    "The constant by which the scores were scaled is missing in dk. It belongs to dq and dk alike.",
)
def scale_is_forgotten_for_the_keys(dout, cache):
    dq, dk, dv = attention_backward(dout, cache)
    return dq, dk / cache[4], dv


@mistake(
    "attention_backward",
    "You scaled twice: the constant comes into dq and dk once.",
)
def scale_comes_twice(dout, cache):
    dq, dk, dv = attention_backward(dout, cache)
    return dq * cache[4], dk * cache[4], dv


@mistake(
    "attention_backward",
    "You always multiply by 1 / sqrt(d_k), also where forward was called with scale=False.",
)
def scale_is_always_applied(dout, cache):
    dq, dk, dv = attention_backward(dout, cache)
    factor = 1 / math.sqrt(cache[0].shape[-1]) / cache[4]
    return dq * factor, dk * factor, dv


@mistake(
    "attention_backward",
    "Where keys are values you added dv to dk. The function returns the two gradients separately; "
    "adding is the caller's business.",
)
def values_are_added_to_keys(dout, cache):
    dq, dk, dv = attention_backward(dout, cache)
    return (dq, dk + dv, dv) if cache[1] is cache[2] else (dq, dk, dv)


@mistake(
    "attention_backward",
    "You ignore dout in dv: the value of a key gets the gradients of all queries, each times its "
    "weight.",
)
def upstream_gradient_is_missing_in_dv(dout, cache):
    dq, dk, _ = attention_backward(dout, cache)
    return dq, dk, cache[3].transpose(-1, -2) @ torch.ones_like(dout)


@mistake(
    "attention_backward",
    "Your dv has the gradient of the scores where the weights belong: out = p v, so dv is p "
    "transposed times dout.",
)
def values_get_the_gradient_of_the_scores(dout, cache):
    p, dp = parts(dout, cache)
    dscores = p * (dp - (p * dp).sum(-1, keepdim=True))
    dq, dk, _ = attention_backward(dout, cache)
    return dq, dk, dscores.transpose(-1, -2) @ dout


@mistake(
    "attention_backward",
    "The gradients of your queries and keys have the wrong sign.",
)
def sign_of_the_scores_is_wrong(dout, cache):
    dq, dk, dv = attention_backward(dout, cache)
    return -dq, -dk, dv


# causal_mask --------------------------------------------------------------------------------------


@mistake(
    "causal_mask",
    "Your mask hides everybody from themselves. A position may attend to its own token, which is "
    "known: the diagonal is True.",
)
def causal_mask_without_the_diagonal(t, like):
    return causal_mask(t, like).tril(-1)


@mistake(
    "causal_mask",
    "Your mask lets everybody see the next position, which is what they are to predict.",
)
def causal_mask_with_one_too_many(t, like):
    require(t >= 1, f"t must be at least 1, got {t}")
    return torch.ones(t, t, dtype=torch.bool, device=like.device).tril(1)


@mistake(
    "causal_mask",
    "Your mask is transposed: row i belongs to query i, and it must not see what comes later.",
)
def causal_mask_is_transposed(t, like):
    return causal_mask(t, like).T


@mistake(
    "causal_mask",
    "Your mask says True where looking is forbidden. In this course True means: may be attended "
    "to.",
)
def causal_mask_is_inverted(t, like):
    return ~causal_mask(t, like)


@mistake(
    "causal_mask",
    "Your mask holds numbers. It has to be boolean.",
)
def causal_mask_of_numbers(t, like):
    return causal_mask(t, like).float()


@mistake(
    "causal_mask",
    "Your mask admits everything: nobody may look at what comes after them.",
)
def causal_mask_admits_everything(t, like):
    return causal_mask(t, like) | True


# additive_attention_forward -----------------------------------------------------------------------


def additive_checked(s, h, w_s, w_h, v):
    """The two sides of the comparison, (N, T_q, 1, A) and (N, 1, T_k, A), after validation."""
    additive_attention_forward(s, h, w_s, w_h, v)
    return (s @ w_s)[:, :, None], (h @ w_h)[:, None]


def additive_finished(e, scores, inputs, axis=-1):
    """The result for given scores, and the reference's kind of cache."""
    p = torch.softmax(scores, axis)
    return p @ inputs[1], (*inputs, e, p)


@mistake(
    "additive_attention_forward",
    "You left out the tanh. Without it the query adds the same number to all its scores and has "
    "no influence at all.",
)
def additive_without_tanh(s, h, w_s, w_h, v):
    left, right = additive_checked(s, h, w_s, w_h, v)
    return additive_finished(left + right, (left + right) @ v, (s, h, w_s, w_h, v))


@mistake(
    "additive_attention_forward",
    "Your scores are a sum of one term for the query and one for the key, so the query has no "
    "influence on the weights. The sum of both goes into the tanh: there the two are compared.",
)
def tanh_of_each_side(s, h, w_s, w_h, v):
    left, right = additive_checked(s, h, w_s, w_h, v)
    e = torch.tanh(left) + torch.tanh(right)
    return additive_finished(e, e @ v, (s, h, w_s, w_h, v))


@mistake(
    "additive_attention_forward",
    "You sum the hidden units without v. Their weighted sum with v is the score.",
)
def additive_without_v(s, h, w_s, w_h, v):
    left, right = additive_checked(s, h, w_s, w_h, v)
    e = torch.tanh(left + right)
    return additive_finished(e, e.sum(-1), (s, h, w_s, w_h, v))


@mistake(
    "additive_attention_forward",
    "You multiply query and key inside the tanh. Additive attention adds them.",
)
def sides_are_multiplied(s, h, w_s, w_h, v):
    left, right = additive_checked(s, h, w_s, w_h, v)
    e = torch.tanh(left * right)
    return additive_finished(e, e @ v, (s, h, w_s, w_h, v))


@mistake(
    "additive_attention_forward",
    "Your hidden units are sigmoids; here they are tanh.",
)
def sigmoid_for_tanh(s, h, w_s, w_h, v):
    left, right = additive_checked(s, h, w_s, w_h, v)
    e = torch.sigmoid(left + right)
    return additive_finished(e, e @ v, (s, h, w_s, w_h, v))


@mistake(
    "additive_attention_forward",
    "Your softmax goes over the queries. The weights of one query, over all keys, sum to 1.",
)
def additive_softmax_over_the_queries(s, h, w_s, w_h, v):
    left, right = additive_checked(s, h, w_s, w_h, v)
    e = torch.tanh(left + right)
    return additive_finished(e, e @ v, (s, h, w_s, w_h, v), axis=1)


@mistake(
    "additive_attention_forward",
    "You divide the scores by the root of A. Additive attention is not scaled.",
)
def additive_scores_are_scaled(s, h, w_s, w_h, v):
    left, right = additive_checked(s, h, w_s, w_h, v)
    e = torch.tanh(left + right)
    return additive_finished(e, e @ v / math.sqrt(len(v)), (s, h, w_s, w_h, v))


# additive_attention_backward ----------------------------------------------------------------------


def additive_gradients(
    dout, cache, *, softmax=True, slope=None, use_v=True, as_values=True, as_keys=True
):
    """The gradients of additive attention, with a part exchanged or left out."""
    s, h, w_s, w_h, v, e, p = cache
    dp = torch.einsum("nid,njd->nij", dout, h)
    ds = p * (dp - (p * dp).sum(-1, keepdim=True)) if softmax else p * dp
    dz = ds[..., None] * (v if use_v else 1.0) * (1 - e * e if slope is None else slope)
    dh = torch.zeros_like(h)
    dh = dh + p.transpose(1, 2) @ dout if as_values else dh
    dh = dh + dz.sum(1) @ w_h.T if as_keys else dh
    return (
        dz.sum(2) @ w_s.T,
        dh,
        torch.einsum("nid,nija->da", s, dz),
        torch.einsum("njd,nija->da", h, dz),
        torch.einsum("nij,nija->a", ds, e),
    )


@mistake(
    "additive_attention_backward",
    "You left out the derivative of tanh, 1 - tanh^2.",
)
def tanh_derivative_is_forgotten(dout, cache):
    return additive_gradients(dout, cache, slope=1.0)


@mistake(
    "additive_attention_backward",
    "The derivative of tanh is 1 - tanh^2; you used 1 - tanh.",
)
def tanh_derivative_without_square(dout, cache):
    return additive_gradients(dout, cache, slope=1 - cache[5])


@mistake(
    "additive_attention_backward",
    "You used the derivative of the sigmoid, e (1 - e). The hidden units are tanh: 1 - e^2.",
)
def derivative_of_the_sigmoid(dout, cache):
    return additive_gradients(dout, cache, slope=cache[5] * (1 - cache[5]))


@mistake(
    "additive_attention_backward",
    "Your gradient of the softmax is p dp. The sum of p dp over the keys has to be subtracted from "
    "dp first.",
)
def additive_softmax_without_the_mean(dout, cache):
    return additive_gradients(dout, cache, softmax=False)


@mistake(
    "additive_attention_backward",
    "You forgot v on the way from the scores to the hidden units.",
)
def v_is_forgotten_backwards(dout, cache):
    return additive_gradients(dout, cache, use_v=False)


@mistake(
    "additive_attention_backward",
    "dh lacks the gradient of h as values: h is averaged as well as compared.",
)
def states_are_not_values(dout, cache):
    return additive_gradients(dout, cache, as_values=False)


@mistake(
    "additive_attention_backward",
    "dh lacks the gradient of h as keys: h is compared as well as averaged.",
)
def states_are_not_keys(dout, cache):
    return additive_gradients(dout, cache, as_keys=False)


@mistake(
    "additive_attention_backward",
    "Your gradients of the weights are means over the batch. The gradient is the sum over all "
    "samples; if the loss is a mean, that is in dout already.",
)
def additive_weights_are_averaged(dout, cache):
    ds, dh, dw_s, dw_h, dv = additive_attention_backward(dout, cache)
    n = len(dout)
    return ds, dh, dw_s / n, dw_h / n, dv / n


@mistake(
    "additive_attention_backward",
    "You take means where the queries and keys were broadcast. Each was used several times, and "
    "the gradients of its uses are added.",
)
def broadcasting_is_averaged(dout, cache):
    s, h, p = cache[0], cache[1], cache[6]
    ds, dh, dw_s, dw_h, dv = additive_attention_backward(dout, cache)
    values = p.transpose(1, 2) @ dout
    queries, keys = s.shape[1], h.shape[1]
    return ds / keys, values + (dh - values) / queries, dw_s / keys, dw_h / queries, dv


@mistake(
    "additive_attention_backward",
    "Your dv is made of the sums inside the tanh. v multiplies the hidden units, the tanh of them.",
)
def dv_is_made_before_the_tanh(dout, cache):
    s, h, w_s, w_h, *_, p = cache
    ds, dh, dw_s, dw_h, _ = additive_attention_backward(dout, cache)
    dp = torch.einsum("nid,njd->nij", dout, h)
    dscores = p * (dp - (p * dp).sum(-1, keepdim=True))
    z = (s @ w_s)[:, :, None] + (h @ w_h)[:, None]
    return ds, dh, dw_s, dw_h, torch.einsum("nij,nija->a", dscores, z)


# multi_head_attention_forward ---------------------------------------------------------------------


def layer_checked(x, weights, mask, heads):
    """Validation, and the mask with an axis for the heads."""
    require_shape("x", x, "N", "T", "D")
    n, t, d = x.shape
    for name, w in zip(("w_q", "w_k", "w_v", "w_o"), weights, strict=True):
        require_shape(name, w, d, d)
    require(heads >= 1 and d % heads == 0, f"heads must be a divisor of {d}, got {heads}")
    require_mask(mask, n, t, t)
    return None if mask is None else mask.expand(n, t, t)[:, None]


def neighbours(x, heads):
    """(N, T, D) to (N, heads, T, d), as it should be."""
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def side_by_side(x):
    """(N, heads, T, d) to (N, T, D), as it should be."""
    return x.transpose(1, 2).flatten(2)


def layer(x, weights, mask, heads, *, split=neighbours, merge=side_by_side, correct=1.0, mix=True):
    """The layer, with a part exchanged; `correct` multiplies the queries."""
    mask = layer_checked(x, weights, mask, heads)
    w_q, w_k, w_v, w_o = weights
    q, k, v = split(correct * (x @ w_q), heads), split(x @ w_k, heads), split(x @ w_v, heads)
    out, cache = attention_forward(q, k, v, mask)
    merged = merge(out)
    return merged @ w_o if mix else merged, (x, *weights, merged, heads, cache)


@mistake(
    "multi_head_attention_forward",
    "You scale by the root of D. Every head has its own, smaller size, D / heads.",
)
def heads_are_scaled_by_the_whole_size(x, w_q, w_k, w_v, w_o, mask=None, *, heads):
    return layer(x, (w_q, w_k, w_v, w_o), mask, heads, correct=1 / math.sqrt(max(heads, 1)))


@mistake(
    "multi_head_attention_forward",
    "You do not scale the scores. Each head divides by the root of its size, D / heads.",
)
def heads_are_not_scaled(x, w_q, w_k, w_v, w_o, mask=None, *, heads):
    root = math.sqrt(max(x.shape[-1] // max(heads, 1), 1))
    return layer(x, (w_q, w_k, w_v, w_o), mask, heads, correct=root)


@mistake(
    "multi_head_attention_forward",
    "You reshape (N, T, D) to (N, heads, T, D / heads) directly. That cuts up the sequence: make "
    "the heads an axis first, then exchange it with the positions.",
)
def heads_are_split_without_transposing(x, w_q, w_k, w_v, w_o, mask=None, *, heads):
    def split(z, heads):
        return z.reshape(z.shape[0], heads, z.shape[1], -1)

    return layer(x, (w_q, w_k, w_v, w_o), mask, heads, split=split)


@mistake(
    "multi_head_attention_forward",
    "You put the heads side by side without exchanging their axis with the positions first, which "
    "mixes up the sequence.",
)
def heads_are_merged_without_transposing(x, w_q, w_k, w_v, w_o, mask=None, *, heads):
    def merge(z):
        return z.reshape(z.shape[0], z.shape[2], -1)

    return layer(x, (w_q, w_k, w_v, w_o), mask, heads, merge=merge)


@mistake(
    "multi_head_attention_forward",
    "Your heads take every heads-th column. Head i gets neighbouring columns, i D / heads to "
    "(i + 1) D / heads.",
)
def heads_are_interleaved(x, w_q, w_k, w_v, w_o, mask=None, *, heads):
    def split(z, heads):
        return z.unflatten(-1, (-1, heads)).permute(0, 3, 1, 2)

    def merge(z):
        return z.permute(0, 2, 3, 1).flatten(2)

    return layer(x, (w_q, w_k, w_v, w_o), mask, heads, split=split, merge=merge)


@mistake(
    "multi_head_attention_forward",
    "You use a single head of size D, whatever heads says.",
)
def one_head_for_all(x, w_q, w_k, w_v, w_o, mask=None, *, heads):
    layer_checked(x, (w_q, w_k, w_v, w_o), mask, heads)
    return multi_head_attention_forward(x, w_q, w_k, w_v, w_o, mask, heads=1)


@mistake(
    "multi_head_attention_forward",
    "You forgot w_o: the heads side by side are multiplied by it.",
)
def heads_are_not_mixed(x, w_q, w_k, w_v, w_o, mask=None, *, heads):
    return layer(x, (w_q, w_k, w_v, w_o), mask, heads, mix=False)


@mistake(
    "multi_head_attention_forward",
    "You ignore the mask.",
)
def layer_ignores_the_mask(x, w_q, w_k, w_v, w_o, mask=None, *, heads):
    layer_checked(x, (w_q, w_k, w_v, w_o), mask, heads)
    return multi_head_attention_forward(x, w_q, w_k, w_v, w_o, heads=heads)


@mistake(
    "multi_head_attention_forward",
    "The first axis of a mask (N, 1, T) or (N, T, T) met the axis of the heads. It belongs to the "
    "batch: give the mask an axis for the heads.",
)
def batch_of_the_mask_meets_the_heads(x, w_q, w_k, w_v, w_o, mask=None, *, heads):
    layer_checked(x, (w_q, w_k, w_v, w_o), mask, heads)
    n, t, _ = x.shape
    if mask is not None and mask.dim() == 3 and n == heads:
        # Every sample gets what it would get if head i had the mask of sample i.
        out, caches = [], None
        q, k, v = (neighbours(x @ w, heads) for w in (w_q, w_k, w_v))
        out, caches = attention_forward(q, k, v, mask.expand(n, t, t)[None].expand(n, -1, -1, -1))
        merged = side_by_side(out)
        return merged @ w_o, (x, w_q, w_k, w_v, w_o, merged, heads, caches)
    return multi_head_attention_forward(x, w_q, w_k, w_v, w_o, mask, heads=heads)


@mistake(
    "multi_head_attention_forward",
    "You use your weights transposed, as PyTorch stores them. Here x @ w is what makes queries, "
    "keys and values.",
)
def weights_are_transposed(x, w_q, w_k, w_v, w_o, mask=None, *, heads):
    layer_checked(x, (w_q, w_k, w_v, w_o), mask, heads)
    return multi_head_attention_forward(x, w_q.T, w_k.T, w_v.T, w_o, mask, heads=heads)


@mistake(
    "multi_head_attention_forward",
    "Your values are the keys: they are made of x by w_v.",
)
def values_are_keys(x, w_q, w_k, w_v, w_o, mask=None, *, heads):
    layer_checked(x, (w_q, w_k, w_v, w_o), mask, heads)
    return multi_head_attention_forward(x, w_q, w_k, w_k, w_o, mask, heads=heads)


@mistake(
    "multi_head_attention_forward",
    "You exchanged queries and keys: the rows of the scores belong to x w_q, the columns to x w_k.",
)
def queries_and_keys_are_exchanged(x, w_q, w_k, w_v, w_o, mask=None, *, heads):
    layer_checked(x, (w_q, w_k, w_v, w_o), mask, heads)
    return multi_head_attention_forward(x, w_k, w_q, w_v, w_o, mask, heads=heads)


# multi_head_attention_backward --------------------------------------------------------------------


def layer_gradients(
    dout, cache, *, split=neighbours, merge=side_by_side, unmix=True, ways="qkv", flip=False
):
    """The gradients of the layer, with a part exchanged or left out."""
    x, w_q, w_k, w_v, w_o, merged, heads, attention = cache
    dmerged = dout @ (w_o if flip else w_o.T) if unmix else dout
    gradients = dict(
        zip("qkv", map(merge, attention_backward(split(dmerged, heads), attention)), strict=True)
    )
    weights = {"q": w_q, "k": w_k, "v": w_v}
    dx = sum(gradients[way] @ (weights[way] if flip else weights[way].T) for way in ways)
    dws = [torch.einsum("ntd,nte->de", x, gradients[way]) for way in "qkv"]
    return dx, *dws, torch.einsum("ntd,nte->de", merged, dout)


@mistake(
    "multi_head_attention_backward",
    "dx has only the gradient that comes through the queries. x made queries, keys and values: the "
    "three gradients are added.",
)
def only_the_way_through_queries(dout, cache):
    return layer_gradients(dout, cache, ways="q")


@mistake(
    "multi_head_attention_backward",
    "The way through the values is missing in dx.",
)
def values_are_missing_in_dx(dout, cache):
    return layer_gradients(dout, cache, ways="qk")


@mistake(
    "multi_head_attention_backward",
    "The way through the keys is missing in dx.",
)
def keys_are_missing_in_dx(dout, cache):
    return layer_gradients(dout, cache, ways="qv")


@mistake(
    "multi_head_attention_backward",
    "You sent dout into the heads without taking it back through w_o.",
)
def w_o_is_forgotten_backwards(dout, cache):
    return layer_gradients(dout, cache, unmix=False)


@mistake(
    "multi_head_attention_backward",
    "You multiply by weights that should be transposed: the gradient of x w with respect to x is "
    "the upstream gradient times w transposed.",
)
def weights_are_not_transposed_backwards(dout, cache):
    return layer_gradients(dout, cache, flip=True)


@mistake(
    "multi_head_attention_backward",
    "You cut the upstream gradient into heads by a reshape alone. Make the heads an axis, then "
    "exchange it with the positions.",
)
def gradient_is_split_without_transposing(dout, cache):
    def split(z, heads):
        return z.reshape(z.shape[0], heads, z.shape[1], -1)

    return layer_gradients(dout, cache, split=split)


@mistake(
    "multi_head_attention_backward",
    "You put the gradients of the heads side by side by a reshape alone. Exchange the axis of the "
    "heads with the positions first.",
)
def gradients_are_merged_without_transposing(dout, cache):
    def merge(z):
        return z.reshape(z.shape[0], z.shape[2], -1)

    return layer_gradients(dout, cache, merge=merge)


@mistake(
    "multi_head_attention_backward",
    "Your gradients of the weights are means over the batch. The gradient is the sum over all "
    "samples; if the loss is a mean, that is in dout already.",
)
def layer_weights_are_averaged(dout, cache):
    dx, *dws = multi_head_attention_backward(dout, cache)
    return dx, *(dw / len(dout) for dw in dws)


@mistake(
    "multi_head_attention_backward",
    "dw_o is transposed: its rows belong to the heads side by side, its columns to the output.",
)
def dw_o_is_transposed(dout, cache):
    dx, dw_q, dw_k, dw_v, dw_o = multi_head_attention_backward(dout, cache)
    return dx, dw_q, dw_k, dw_v, dw_o.T


@mistake(
    "multi_head_attention_backward",
    "The gradients of w_q and w_k are exchanged.",
)
def dw_q_and_dw_k_are_exchanged(dout, cache):
    dx, dw_q, dw_k, dw_v, dw_o = multi_head_attention_backward(dout, cache)
    return dx, dw_k, dw_q, dw_v, dw_o


@mistake(
    "multi_head_attention_backward",
    "Your dw_o is made of x. w_o multiplies the heads side by side, so its gradient is made of "
    "them.",
)
def dw_o_is_made_of_x(dout, cache):
    dx, dw_q, dw_k, dw_v, _ = multi_head_attention_backward(dout, cache)
    return dx, dw_q, dw_k, dw_v, torch.einsum("ntd,nte->de", cache[0], dout)


# attention_gru_step -------------------------------------------------------------------------------


def gru(
    y,
    s,
    h,
    w_y,
    w_s,
    w_c,
    b,
    *,
    context=None,
    order="rzn",
    after=False,
    keep=True,
    leave_out=(),
    activation=torch.tanh,
):
    """The step, with a part exchanged.

    `order` names the columns, `after` puts the reset behind the product, `keep` says whether the
    update gate keeps the old state, `leave_out` names gates that do not get the context.
    """
    attention_gru_step(y, s, h, w_y, w_s, w_c, b)
    c = attention_forward(s[:, None], h, h, scale=False)[0][:, 0] if context is None else context
    weights = zip(w_y.chunk(3, 1), w_s.chunk(3, 1), w_c.chunk(3, 1), b.chunk(3), strict=True)
    columns = dict(zip(order, weights, strict=True))

    def inputs(gate):
        of_y, _, of_c, bias = columns[gate]
        return y @ of_y + bias + (0.0 if gate in leave_out else c @ of_c)

    r = torch.sigmoid(inputs("r") + s @ columns["r"][1])
    z = torch.sigmoid(inputs("z") + s @ columns["z"][1])
    reset = r * (s @ columns["n"][1]) if after else (r * s) @ columns["n"][1]
    n = activation(inputs("n") + reset)
    return z * s + (1 - z) * n if keep else z * n + (1 - z) * s


@mistake(
    "attention_gru_step",
    "You scale the scores. The decoder's attention is the plain dot product.",
)
def context_is_scaled(y, s, h, w_y, w_s, w_c, b):
    attention_gru_step(y, s, h, w_y, w_s, w_c, b)
    context = attention_forward(s[:, None], h, h)[0][:, 0]
    return gru(y, s, h, w_y, w_s, w_c, b, context=context)


@mistake(
    "attention_gru_step",
    "Your step does not use the context: c w_c belongs to both gates and to the candidate.",
)
def context_is_forgotten(y, s, h, w_y, w_s, w_c, b):
    return gru(y, s, h, w_y, w_s, w_c, b, leave_out="rzn")


@mistake(
    "attention_gru_step",
    "The context is missing in the candidate: c w_c belongs to it as well as to the gates.",
)
def context_is_missing_in_the_candidate(y, s, h, w_y, w_s, w_c, b):
    return gru(y, s, h, w_y, w_s, w_c, b, leave_out="n")


@mistake(
    "attention_gru_step",
    "The context is missing in the gates: c w_c belongs to them as well as to the candidate.",
)
def context_is_missing_in_the_gates(y, s, h, w_y, w_s, w_c, b):
    return gru(y, s, h, w_y, w_s, w_c, b, leave_out="rz")


@mistake(
    "attention_gru_step",
    "Your context is the plain mean of the encoder's states. The state says by its inner products "
    "with them which ones matter.",
)
def context_is_the_mean(y, s, h, w_y, w_s, w_c, b):
    attention_gru_step(y, s, h, w_y, w_s, w_c, b)
    return gru(y, s, h, w_y, w_s, w_c, b, context=h.mean(1))


@mistake(
    "attention_gru_step",
    "Your context is the encoder's last state. Attention is the weighted mean of all of them.",
)
def context_is_the_last_state(y, s, h, w_y, w_s, w_c, b):
    attention_gru_step(y, s, h, w_y, w_s, w_c, b)
    return gru(y, s, h, w_y, w_s, w_c, b, context=h[:, -1])


@mistake(
    "attention_gru_step",
    "You reset after the product with w_s, as PyTorch does. Here the state is reset before it.",
)
def reset_comes_after_the_product(y, s, h, w_y, w_s, w_c, b):
    return gru(y, s, h, w_y, w_s, w_c, b, after=True)


@mistake(
    "attention_gru_step",
    "You exchanged the roles of z and 1 - z: where the update gate is 1, the old state is kept.",
)
def update_gate_is_inverted(y, s, h, w_y, w_s, w_c, b):
    return gru(y, s, h, w_y, w_s, w_c, b, keep=False)


@mistake(
    "attention_gru_step",
    "You took the columns of the gates in the order z, r, n. The order is r, z, n.",
)
def gates_are_exchanged(y, s, h, w_y, w_s, w_c, b):
    return gru(y, s, h, w_y, w_s, w_c, b, order="zrn")


@mistake(
    "attention_gru_step",
    "Your candidate is a sigmoid. It is a tanh: only the gates are sigmoids.",
)
def candidate_is_a_sigmoid(y, s, h, w_y, w_s, w_c, b):
    return gru(y, s, h, w_y, w_s, w_c, b, activation=torch.sigmoid)


@mistake(
    "attention_gru_step",
    "You left out the bias.",
)
def bias_is_forgotten(y, s, h, w_y, w_s, w_c, b):
    attention_gru_step(y, s, h, w_y, w_s, w_c, b)
    return attention_gru_step(y, s, h, w_y, w_s, w_c, torch.zeros_like(b))


@mistake(
    "attention_gru_step",
    "You return the candidate. The next state is a mixture of it and the old state.",
)
def candidate_is_returned(y, s, h, w_y, w_s, w_c, b):
    attention_gru_step(y, s, h, w_y, w_s, w_c, b)
    c = attention_forward(s[:, None], h, h, scale=False)[0][:, 0]
    of_y, of_s, of_c, bias = w_y.chunk(3, 1), w_s.chunk(3, 1), w_c.chunk(3, 1), b.chunk(3)
    r = torch.sigmoid(y @ of_y[0] + c @ of_c[0] + s @ of_s[0] + bias[0])
    return torch.tanh(y @ of_y[2] + c @ of_c[2] + (r * s) @ of_s[2] + bias[2])


# layer_costs --------------------------------------------------------------------------------------


def instead(kind, of, costs, *, n, d, k, **changes):
    """The right costs, with some exchanged for one kind of layer (or several)."""
    right = layer_costs(kind, n=n, d=d, k=k)
    if kind not in of:
        return right
    names = ("multiplications", "steps", "path")
    return tuple(
        changes.get(name, value) for name, value in zip(names, costs or right, strict=True)
    )


@mistake(
    "layer_costs",
    "Self-attention multiplies twice: queries with keys, and weights with values. You counted one "
    "of the two.",
)
def one_product_of_attention(kind, *, n, d, k=3):
    return instead(kind, ("self_attention",), None, n=n, d=d, k=k, multiplications=n * n * d)


@mistake(
    "layer_costs",
    "You exchanged n and d for self-attention: every pair of positions costs a product of two "
    "vectors of size d, n^2 d.",
)
def attention_costs_d_squared(kind, *, n, d, k=3):
    return instead(kind, ("self_attention",), None, n=n, d=d, k=k, multiplications=2 * n * d * d)


@mistake(
    "layer_costs",
    "A recurrent step multiplies twice by a (d, d) matrix: the input and the state. You counted "
    "one of the two.",
)
def one_product_of_recurrence(kind, *, n, d, k=3):
    return instead(kind, ("recurrent",), None, n=n, d=d, k=k, multiplications=n * d * d)


@mistake(
    "layer_costs",
    "The steps of a recurrent layer have to wait for each other: there are n sequential ones.",
)
def recurrence_is_parallel(kind, *, n, d, k=3):
    return instead(kind, ("recurrent",), None, n=n, d=d, k=k, steps=1)


@mistake(
    "layer_costs",
    "In a recurrent layer the first input goes through every step until it reaches the last "
    "output: the path has length n, not 1.",
)
def recurrence_has_a_short_path(kind, *, n, d, k=3):
    return instead(kind, ("recurrent",), None, n=n, d=d, k=k, path=1)


@mistake(
    "layer_costs",
    "Self-attention connects any two positions directly, and all at once: one step, and a path of "
    "length 1.",
)
def attention_has_a_long_path(kind, *, n, d, k=3):
    return instead(kind, ("self_attention",), None, n=n, d=d, k=k, path=n)


CONVOLUTIONS = ("convolution", "dilated")


@mistake(
    "layer_costs",
    "You left the kernel size out of the cost of a convolution: each output is computed from k "
    "inputs.",
)
def kernel_costs_nothing(kind, *, n, d, k=3):
    return instead(kind, CONVOLUTIONS, None, n=n, d=d, k=k, multiplications=n * d * d)


@mistake(
    "layer_costs",
    "You count a convolution of each feature by itself, k n d. Every output feature is computed "
    "from all d input features: k n d^2.",
)
def convolution_is_depthwise(kind, *, n, d, k=3):
    return instead(kind, CONVOLUTIONS, None, n=n, d=d, k=k, multiplications=k * n * d)


@mistake(
    "layer_costs",
    "The first input is n - 1 positions before the last, not n: one layer less is enough when "
    "k - 1 divides n - 1.",
)
def convolution_looks_too_far(kind, *, n, d, k=3):
    return instead(kind, ("convolution",), None, n=n, d=d, k=k, path=-(-n // (k - 1)))


@mistake(
    "layer_costs",
    "You divide by k. A layer sees its own position and k - 1 others, so it looks back k - 1.",
)
def convolution_reaches_k(kind, *, n, d, k=3):
    return instead(kind, ("convolution",), None, n=n, d=d, k=k, path=-(-n // k))


@mistake(
    "layer_costs",
    "You round the number of layers down. If they do not reach exactly, one more is needed.",
)
def layers_are_rounded_down(kind, *, n, d, k=3):
    path = (n - 1) // (k - 1) if kind == "convolution" else 0
    if kind == "dilated":
        while k ** (path + 1) <= n:
            path += 1
    return instead(kind, CONVOLUTIONS, None, n=n, d=d, k=k, path=path)


@mistake(
    "layer_costs",
    "You take the logarithm in floating point. log 125 / log 5 is a little more than 3, and "
    "rounded up it is 4: count in integers.",
)
def logarithm_is_rounded(kind, *, n, d, k=3):
    require(n >= 1 and k >= 2, f"n must be at least 1 and k at least 2, got {n} and {k}")
    path = math.ceil(math.log(n) / math.log(k))
    return instead(kind, ("dilated",), None, n=n, d=d, k=k, path=path)


@mistake(
    "layer_costs",
    "You use the logarithm with base 2. The dilation grows by the factor k from layer to layer.",
)
def logarithm_has_base_two(kind, *, n, d, k=3):
    return instead(kind, ("dilated",), None, n=n, d=d, k=k, path=(max(n, 1) - 1).bit_length())


@mistake(
    "layer_costs",
    "You give dilated convolutions the path of ordinary ones. Their gaps grow, so that a few "
    "layers reach far.",
)
def dilation_is_ignored(kind, *, n, d, k=3):
    path = layer_costs("convolution", n=n, d=d, k=k)[2] if kind in CONVOLUTIONS else 0
    return instead(kind, ("dilated",), None, n=n, d=d, k=k, path=path)


# On a second device -------------------------------------------------------------------------------


@mistake(
    "causal_mask",
    "The mask is on the CPU: give torch.ones the device of like.",
    on="cuda",
)
def mask_on_the_cpu(t, like):
    return torch.ones(causal_mask(t, like).shape, dtype=torch.bool).tril()


@mistake(
    "attention_forward",
    'You wrote the device "cpu" into your code, so that the factor is a tensor there: ask q for '
    "its device, or take a plain number, which has none.",
    on="cuda",
)
def factor_is_always_on_the_cpu(q, k, v, mask=None, *, scale=True):
    _, (*_, p, factor) = attention_forward(q, k, v, mask, scale=scale)
    factors = torch.full(k.shape[-2:-1], factor, dtype=q.dtype, device="cpu")
    scores = factors * (q @ k.mT)
    hidden = torch.zeros_like(scores, dtype=torch.bool) if mask is None else ~mask
    p = torch.softmax(scores.masked_fill(hidden, -math.inf), dim=-1).masked_fill(hidden, 0.0)
    return p @ v, (q, k, v, p, factor)


@mistake(
    "additive_attention_forward",
    "You go through NumPy for the tanh, which knows the CPU only: torch has the same function for "
    "tensors.",
    on="cuda",
)
def tanh_in_numpy(s, h, w_s, w_h, v):
    additive_attention_forward(s, h, w_s, w_h, v)  # refuses what cannot be used
    e = torch.from_numpy(np.tanh(((s @ w_s)[:, :, None] + (h @ w_h)[:, None]).numpy()))
    p = torch.softmax(e @ v, dim=-1)
    return p @ h, (s, h, w_s, w_h, v, e, p)
