"""Other correct implementations of unit 17: nobody loses a point for being different."""

import math

import torch
from attention import (
    attention_backward,
    attention_forward,
    require,
    require_attention,
    require_mask,
    require_shape,
)

from autograder.testing import alternative


def require_additive(s, h, w_s, w_h, v):
    require_shape("s", s, "N", "T_q", "D_s")
    require_shape("h", h, s.shape[0], "T_k", "D_h")
    require_shape("w_s", w_s, s.shape[2], "A")
    require_shape("w_h", w_h, h.shape[2], w_s.shape[1])
    require_shape("v", v, w_s.shape[1])


def require_layer(x, weights, mask, heads):
    require_shape("x", x, "N", "T", "D")
    d = x.shape[2]
    for name, w in zip(("w_q", "w_k", "w_v", "w_o"), weights, strict=True):
        require_shape(name, w, d, d)
    require(heads >= 1 and d % heads == 0, f"heads must be a divisor of {d}, got {heads}")
    require_mask(mask, x.shape[0], x.shape[1], x.shape[1])


def require_step(y, s, h, w_y, w_s, w_c, b):
    require_shape("y", y, "N", "D_y")
    require_shape("s", s, y.shape[0], "H")
    samples, hidden = s.shape
    require_shape("h", h, samples, "T", hidden)
    require_shape("w_y", w_y, y.shape[1], 3 * hidden)
    require_shape("w_s", w_s, hidden, 3 * hidden)
    require_shape("w_c", w_c, hidden, 3 * hidden)
    require_shape("b", b, 3 * hidden)


# Index notation, and a softmax written out --------------------------------------------------------


def own_softmax(scores, mask=None):
    """Exponentials and their sum; the maximum is taken over what the mask admits."""
    if mask is not None:
        scores = torch.where(mask, scores, torch.full_like(scores, -math.inf))
    top = scores.amax(-1, keepdim=True)
    e = torch.exp(scores - torch.where(torch.isinf(top), torch.zeros_like(top), top))
    total = e.sum(-1, keepdim=True)
    return e / torch.where(total == 0, torch.ones_like(total), total)


@alternative("index notation", replaces="attention_forward")
def attention_in_index_notation(q, k, v, mask=None, *, scale=True):
    require_attention(q, k, v)
    require_mask(mask, *q.shape[:-1], k.shape[-2])
    root = q.shape[-1] ** 0.5 if scale else 1.0
    p = own_softmax(torch.einsum("...ic,...jc->...ij", q / root, k), mask)
    cache = {"q": q, "k": k, "v": v, "p": p, "root": root}
    return torch.einsum("...ij,...jc->...ic", p, v), cache


@alternative("index notation", replaces="attention_backward")
def attention_backward_in_index_notation(dout, cache):
    p = cache["p"]
    g = torch.einsum("...ic,...jc->...ij", dout, cache["v"])
    ds = p * g - p * torch.einsum("...ij,...ij->...i", p, g).unsqueeze(-1)
    ds = ds / cache["root"]
    return (
        torch.einsum("...ij,...jc->...ic", ds, cache["k"]),
        torch.einsum("...ij,...ic->...jc", ds, cache["q"]),
        torch.einsum("...ij,...ic->...jc", p, dout),
    )


@alternative("index notation", replaces="causal_mask")
def causal_mask_by_comparison(t, like):
    require(t >= 1, f"t must be at least 1, got {t}")
    positions = torch.arange(t, device=like.device)
    return positions[:, None] >= positions


@alternative("index notation", replaces="additive_attention_forward")
def additive_in_index_notation(s, h, w_s, w_h, v):
    require_additive(s, h, w_s, w_h, v)
    left, right = torch.einsum("nid,da->nia", s, w_s), torch.einsum("njd,da->nja", h, w_h)
    e = torch.tanh(left.unsqueeze(2) + right.unsqueeze(1))
    p = own_softmax(torch.einsum("nija,a->nij", e, v))
    return torch.einsum("nij,njd->nid", p, h), (s, h, w_s, w_h, v, e, p)


@alternative("index notation", replaces="additive_attention_backward")
def additive_backward_in_index_notation(dout, cache):
    s, h, w_s, w_h, v, e, p = cache
    dp = torch.einsum("nid,njd->nij", dout, h)
    ds = p * (dp - torch.einsum("nij,nij->ni", p, dp)[:, :, None])
    dz = torch.einsum("nij,nija,a->nija", ds, 1 - e.square(), v)
    return (
        torch.einsum("nija,da->nid", dz, w_s),
        torch.einsum("nija,da->njd", dz, w_h) + torch.einsum("nij,nid->njd", p, dout),
        torch.einsum("nid,nija->da", s, dz),
        torch.einsum("njd,nija->da", h, dz),
        torch.einsum("nij,nija->a", ds, e),
    )


@alternative("index notation", replaces="multi_head_attention_forward")
def multi_head_in_index_notation(x, w_q, w_k, w_v, w_o, mask=None, *, heads):
    require_layer(x, (w_q, w_k, w_v, w_o), mask, heads)
    d = x.shape[2]
    q, k, v = (
        torch.einsum("ntd,dhc->nhtc", x, w.reshape(d, heads, d // heads)) for w in (w_q, w_k, w_v)
    )
    if mask is not None:
        mask = mask if mask.dim() < 3 else mask[:, None]
    scores = torch.einsum("nhic,nhjc->nhij", q, k) / (d // heads) ** 0.5
    p = own_softmax(scores, mask)
    out = torch.einsum("nhij,nhjc->nhic", p, v)
    mixed = torch.einsum("nhic,hcd->nid", out, w_o.reshape(heads, d // heads, d))
    return mixed, (x, (w_q, w_k, w_v, w_o), (q, k, v), p, out)


@alternative("index notation", replaces="multi_head_attention_backward")
def multi_head_backward_in_index_notation(dout, cache):
    x, (w_q, w_k, w_v, w_o), (q, k, v), p, out = cache
    heads, c, d = out.shape[1], out.shape[3], x.shape[2]
    dw_o = torch.einsum("nhic,nid->hcd", out, dout).reshape(d, d)
    dheads = torch.einsum("nid,hcd->nhic", dout, w_o.reshape(heads, c, d))
    dp = torch.einsum("nhic,nhjc->nhij", dheads, v)
    ds = p * (dp - (p * dp).sum(-1, keepdim=True)) / c**0.5
    parts = (
        torch.einsum("nhij,nhjc->nhic", ds, k),
        torch.einsum("nhij,nhic->nhjc", ds, q),
        torch.einsum("nhij,nhic->nhjc", p, dheads),
    )
    dws = [torch.einsum("ntd,nhtc->dhc", x, part).reshape(d, d) for part in parts]
    dx = sum(
        torch.einsum("nhtc,dhc->ntd", part, w.reshape(d, heads, c))
        for part, w in zip(parts, (w_q, w_k, w_v), strict=True)
    )
    return dx, *dws, dw_o


@alternative("index notation", replaces="attention_gru_step")
def step_in_index_notation(y, s, h, w_y, w_s, w_c, b):
    require_step(y, s, h, w_y, w_s, w_c, b)
    size = s.shape[1]
    c = torch.einsum("nt,nth->nh", own_softmax(torch.einsum("nh,nth->nt", s, h)), h)
    inputs = torch.cat([y, c], dim=1) @ torch.cat([w_y, w_c]) + b
    gates = torch.sigmoid(inputs[:, : 2 * size] + s @ w_s[:, : 2 * size])
    new = torch.tanh(inputs[:, 2 * size :] + (gates[:, :size] * s) @ w_s[:, 2 * size :])
    return new + gates[:, size:] * (s - new)


@alternative("index notation", replaces="layer_costs")
def costs_in_closed_form(kind, *, n, d, k=3):
    require(n >= 1, f"n must be at least 1, got {n}")
    require(d >= 1, f"d must be at least 1, got {d}")
    require(k >= 2, f"k must be at least 2, got {k}")
    if kind == "self_attention":
        return 2 * n**2 * d, 1, 1
    if kind == "recurrent":
        return 2 * n * d**2, n, n
    if kind == "convolution":
        return k * n * d**2, 1, -(-(n - 1) // (k - 1))
    require(kind == "dilated", f"kind must be one of four, got {kind}")
    return k * n * d**2, 1, next(layers for layers in range(n) if k**layers >= n)


# One key after the other: never more than one column of weights at a time -------------------------


@alternative("one key at a time", replaces="attention_forward", exempt={"speed"})
def attention_one_key_at_a_time(q, k, v, mask=None, *, scale=True):
    require_attention(q, k, v)
    require_mask(mask, *q.shape[:-1], k.shape[-2])
    shape = (*q.shape[:-1], k.shape[-2])
    if mask is None:
        mask = torch.ones(shape, dtype=torch.bool, device=q.device)
    mask = mask.expand(shape)
    factor = 1 / math.sqrt(q.shape[-1]) if scale else 1.0
    top = torch.full_like(q[..., 0], -math.inf)
    total = torch.zeros_like(top)
    out = q.new_zeros(*q.shape[:-1], v.shape[-1])
    for j in range(k.shape[-2]):
        score = (q * k[..., j : j + 1, :]).sum(-1) * factor
        new_top = torch.where(mask[..., j], torch.maximum(top, score), top)
        started = torch.isfinite(new_top)
        # What was added up so far is relative to the old maximum.
        shrink = torch.where(torch.isfinite(top), (top - new_top).exp(), torch.zeros_like(top))
        weight = torch.where(mask[..., j] & started, (score - new_top).exp(), torch.zeros_like(top))
        total = total * shrink + weight
        out = out * shrink[..., None] + weight[..., None] * v[..., j : j + 1, :]
        top = new_top
    out = out / torch.where(total > 0, total, torch.ones_like(total))[..., None]
    return out, {"inputs": (q, k, v, mask, factor), "statistics": (top, total), "out": out}


@alternative("one key at a time", replaces="attention_backward", exempt={"speed"})
def attention_backward_one_key_at_a_time(dout, cache):
    q, k, v, mask, factor = cache["inputs"]
    top, total = cache["statistics"]
    # The mean of dp under p is the inner product of dout with the output.
    mean = (dout * cache["out"]).sum(-1)
    dq, dk, dv = torch.zeros_like(q), torch.zeros_like(k), torch.zeros_like(v)
    for j in range(k.shape[-2]):
        key, value = k[..., j : j + 1, :], v[..., j : j + 1, :]
        seen = mask[..., j]
        score = (q * key).sum(-1) * factor
        p = torch.where(seen, (torch.where(seen, score - top, total)).exp() / total, 0.0 * mean)
        ds = factor * p * ((dout * value).sum(-1) - mean)
        dv[..., j, :] = (p[..., None] * dout).sum(-2)
        dk[..., j, :] = (ds[..., None] * q).sum(-2)
        dq += ds[..., None] * key
    return dq, dk, dv


# A loop over the heads, each with its own attention -----------------------------------------------


@alternative("a loop over the heads", replaces="multi_head_attention_forward")
def multi_head_by_a_loop(x, w_q, w_k, w_v, w_o, mask=None, *, heads):
    require_layer(x, (w_q, w_k, w_v, w_o), mask, heads)
    queries, keys, values = (torch.tensor_split(x @ w, heads, dim=-1) for w in (w_q, w_k, w_v))
    results, caches = [], []
    for q, k, v in zip(queries, keys, values, strict=True):
        out, cache = attention_forward(q, k, v, mask)
        results.append(out)
        caches.append(cache)
    joined = torch.cat(results, dim=-1)
    return joined @ w_o, [x, joined, (w_q, w_k, w_v, w_o), caches]


@alternative("a loop over the heads", replaces="multi_head_attention_backward")
def multi_head_backward_by_a_loop(dout, cache):
    x, joined, (w_q, w_k, w_v, w_o), caches = cache
    pieces = torch.tensor_split(dout @ w_o.T, len(caches), dim=-1)
    parts = [attention_backward(g, c) for g, c in zip(pieces, caches, strict=True)]
    dq, dk, dv = (torch.cat(part, dim=-1) for part in zip(*parts, strict=True))
    flat = x.reshape(-1, x.shape[-1]).T
    dw_q, dw_k, dw_v = (flat @ g.reshape(-1, x.shape[-1]) for g in (dq, dk, dv))
    dw_o = joined.reshape(-1, x.shape[-1]).T @ dout.reshape(-1, x.shape[-1])
    return torch.matmul(dq, w_q.T) + dk @ w_k.T + dv @ w_v.T, dw_q, dw_k, dw_v, dw_o


# A large negative number in place of minus infinity, and rows without keys set to zero ------------


@alternative("a large negative score for what is masked", replaces="attention_forward")
def attention_with_a_large_negative_score(q, k, v, mask=None, *, scale=True):
    require_attention(q, k, v)
    require_mask(mask, *q.shape[:-1], k.shape[-2])
    scores = torch.matmul(q, k.transpose(-2, -1))
    if scale:
        scores = scores / math.sqrt(q.size(-1))
    if mask is not None:
        scores = torch.where(mask, scores, torch.finfo(q.dtype).min)
    p = torch.softmax(scores, -1)
    if mask is not None:
        p = p * mask.any(-1, keepdim=True)
        p = p * mask
    return torch.matmul(p, v), (q, k, v, p, scale)


@alternative("a large negative score for what is masked", replaces="attention_backward")
def attention_backward_for_a_large_negative_score(dout, cache):
    q, k, v, p, scale = cache
    root = math.sqrt(q.size(-1)) if scale else 1.0
    # The Jacobian of the softmax of each row, built.
    jacobians = torch.diag_embed(p) - p[..., :, None] * p[..., None, :]
    dp = torch.matmul(dout, v.transpose(-2, -1))
    ds = torch.matmul(jacobians, dp[..., None])[..., 0] / root
    return ds @ k, (q.transpose(-2, -1) @ ds).transpose(-2, -1), p.transpose(-2, -1) @ dout


# One query at a time ------------------------------------------------------------------------------


@alternative("one query at a time", replaces="additive_attention_forward", exempt={"speed"})
def additive_one_query_at_a_time(s, h, w_s, w_h, v):
    require_additive(s, h, w_s, w_h, v)
    steps = []
    for i in range(s.shape[1]):
        e = torch.tanh((s[:, i] @ w_s).unsqueeze(1) + h @ w_h)  # (N, T_k, A)
        p = torch.softmax(torch.matmul(e, v), dim=1)
        steps.append((e, p))
    out = torch.stack([(p.unsqueeze(2) * h).sum(1) for _, p in steps], dim=1)
    return out, (s, h, w_s, w_h, v, steps)


@alternative("one query at a time", replaces="additive_attention_backward", exempt={"speed"})
def additive_backward_one_query_at_a_time(dout, cache):
    s, h, w_s, w_h, v, steps = cache
    ds, dh, dw_s, dw_h, dv = (torch.zeros_like(x) for x in (s, h, w_s, w_h, v))
    for i, (e, p) in enumerate(steps):
        g = dout[:, i]
        dh += p.unsqueeze(2) * g.unsqueeze(1)
        dp = torch.bmm(h, g.unsqueeze(2)).squeeze(2)
        dscore = p * (dp - (dp * p).sum(1, keepdim=True))
        dv += (dscore.unsqueeze(2) * e).sum((0, 1))
        dz = dscore.unsqueeze(2) * (v - v * e**2)
        dh += dz @ w_h.T
        dw_h += torch.bmm(h.transpose(1, 2), dz).sum(0)
        ds[:, i] = dz.sum(1) @ w_s.T
        dw_s += s[:, i].T @ dz.sum(1)
    return ds, dh, dw_s, dw_h, dv


@alternative("one query at a time", replaces="attention_gru_step", exempt={"speed"})
def step_one_sample_at_a_time(y, s, h, w_y, w_s, w_c, b):
    require_step(y, s, h, w_y, w_s, w_c, b)
    size = s.shape[1]
    columns = [slice(gate * size, (gate + 1) * size) for gate in range(3)]
    rows = []
    for token, state, states in zip(y, s, h, strict=True):
        c = torch.softmax(states @ state, dim=0) @ states
        r, z, n = (token @ w_y[:, own] + c @ w_c[:, own] + b[own] for own in columns)
        r = 1 / (1 + torch.exp(-(r + state @ w_s[:, columns[0]])))
        z = 1 / (1 + torch.exp(-(z + state @ w_s[:, columns[1]])))
        n = torch.tanh(n + (r * state) @ w_s[:, columns[2]])
        rows.append((1 - z) * n + z * state)
    return torch.stack(rows)
