"""Other correct implementations of unit 9: nobody may lose a point for being different."""

import torch
from recurrent import (
    cross_entropy,
    require,
    require_sequence,
    require_shape,
    require_targets,
    require_weights,
    rnn_backward,
    rnn_forward,
    rnn_step_backward,
    rnn_step_forward,
)

from autograder.testing import alternative

# --- What the stub gives: the validation of the arguments -------------------------------------


def _require_step(x, h, w_xh, w_hh, b):
    require_shape("x", x, "N", "D")
    require_shape("h", h, x.shape[0], require_weights(x.shape[1], w_xh, w_hh, b))


def _require_model(x, y, h0, w_xh, w_hh, b, w_hq, c):
    require_targets(x, y, require_sequence(x, h0, w_xh, w_hh, b), w_hq, c)


def _require_stack(x, h0, weights):
    require(len(weights) >= 1, "weights must hold a layer")
    require_shape("h0", h0, "N", len(weights), "H")
    hidden = require_sequence(x, h0[:, 0], *weights[0])
    for layer in weights[1:]:
        require_weights(hidden, *layer)


def _require_upstream(dhs, dh_n):
    require_shape("dhs", dhs, "N", "T", "H")
    require_shape("dh_n", dh_n, dhs.shape[0], "L", dhs.shape[2])


def tanh(z):
    """tanh by expm1, as unit 3 derives it; off by a unit in the last place here and there."""
    e = torch.expm1(-2 * z.abs())
    return z.sign() * -e / (e + 2)


# --- Input and state side by side, one matrix of weights --------------------------------------


@alternative("one linear layer of [x, h]", replaces="rnn_step_forward")
def joined_rnn_step_forward(x, h, w_xh, w_hh, b):
    _require_step(x, h, w_xh, w_hh, b)
    joined, w = torch.cat([x, h], dim=1), torch.cat([w_xh, w_hh])
    h_next = tanh(joined @ w + b)
    return h_next, {"joined": joined, "w": w, "slope": 1 - h_next.square(), "features": x.shape[1]}


@alternative("one linear layer of [x, h]", replaces="rnn_step_backward")
def joined_rnn_step_backward(dh, cache):
    require_shape("dh", dh, "N", "H")
    d = cache["features"]
    dz = cache["slope"] * dh
    djoined, dw = dz @ cache["w"].mT, cache["joined"].mT @ dz
    return djoined[:, :d], djoined[:, d:], dw[:d], dw[d:], torch.einsum("nh->h", dz)


# --- The derivative of tanh from its argument -------------------------------------------------


@alternative("keeps the argument of tanh", replaces="rnn_step_forward")
def argument_rnn_step_forward(x, h, w_xh, w_hh, b):
    _require_step(x, h, w_xh, w_hh, b)
    z = torch.addmm(b, x, w_xh) + torch.einsum("ni,ij->nj", h, w_hh)
    return torch.tanh(z), (z, x.clone(), h.clone(), w_xh.clone(), w_hh.clone())


@alternative("keeps the argument of tanh", replaces="rnn_step_backward")
def argument_rnn_step_backward(dh, cache):
    require_shape("dh", dh, "N", "H")
    z, x, h, w_xh, w_hh = cache
    dz = dh / torch.cosh(z) ** 2
    return (
        torch.einsum("nj,ij->ni", dz, w_xh),
        torch.einsum("nj,ij->ni", dz, w_hh),
        torch.einsum("ni,nj->ij", x, dz),
        torch.einsum("ni,nj->ij", h, dz),
        torch.ones_like(dz[:, 0]) @ dz,
    )


# --- Loops over samples -----------------------------------------------------------------------


@alternative("loops over samples", replaces="rnn_step_forward", exempt={"speed"})
def loops_rnn_step_forward(x, h, w_xh, w_hh, b):
    _require_step(x, h, w_xh, w_hh, b)
    out = torch.empty_like(h, memory_format=torch.contiguous_format)
    for n in range(x.shape[0]):
        for j in range(w_hh.shape[0]):
            out[n, j] = torch.tanh((x[n] * w_xh[:, j]).sum() + (h[n] * w_hh[:, j]).sum() + b[j])
    return out, [(x[n], h[n], out[n], w_xh, w_hh) for n in range(x.shape[0])]


@alternative("loops over samples", replaces="rnn_step_backward", exempt={"speed"})
def loops_rnn_step_backward(dh, cache):
    require_shape("dh", dh, "N", "H")
    dxs, dhs, dw_xh, dw_hh, db = [], [], 0, 0, 0
    for upstream, (x, h, h_next, w_xh, w_hh) in zip(dh, cache, strict=True):
        dz = upstream * (1 + h_next) * (1 - h_next)
        dxs.append(w_xh @ dz)
        dhs.append(w_hh @ dz)
        dw_xh, dw_hh, db = dw_xh + torch.outer(x, dz), dw_hh + torch.outer(h, dz), db + dz
    return torch.stack(dxs), torch.stack(dhs), dw_xh, dw_hh, db


# --- What does not depend on the state, for all steps at once ---------------------------------


@alternative("products over all steps at once", replaces="rnn_forward")
def at_once_rnn_forward(x, h0, w_xh, w_hh, b):
    require_sequence(x, h0, w_xh, w_hh, b)
    from_input = x @ w_xh + b
    hs = x.new_empty(x.shape[0], x.shape[1] + 1, h0.shape[1])
    hs[:, 0] = h0
    for t in range(x.shape[1]):
        hs[:, t + 1] = torch.tanh(from_input[:, t] + hs[:, t] @ w_hh)
    return hs[:, 1:].clone(), (x, hs, w_xh, w_hh)


@alternative("products over all steps at once", replaces="rnn_backward")
def at_once_rnn_backward(dhs, cache):
    require_shape("dhs", dhs, "N", "T", "H")
    x, hs, w_xh, w_hh = cache
    slopes = 1 - hs[:, 1:] ** 2
    dz = torch.empty_like(slopes)
    owed = torch.zeros_like(hs[:, 0])
    for t in range(x.shape[1] - 1, -1, -1):
        dz[:, t] = (dhs[:, t] + owed) * slopes[:, t]
        owed = dz[:, t] @ w_hh.T
    dw_xh = torch.einsum("ntd,nth->dh", x, dz)
    dw_hh = torch.einsum("nti,ntj->ij", hs[:, :-1], dz)
    return dz @ w_xh.T, owed, dw_xh, dw_hh, dz.sum((0, 1))


# --- Forward in time: the derivatives of the state are carried along --------------------------


@alternative("real-time recurrent learning", replaces="rnn_loss", exempt={"speed"})
def forward_mode_rnn_loss(x, y, h0, w_xh, w_hh, b, w_hq, c):
    _require_model(x, y, h0, w_xh, w_hh, b, w_hq, c)
    (n, steps, d), hidden = x.shape, h0.shape[1]
    eye = torch.eye(hidden, dtype=x.dtype, device=x.device)
    # How the state depends on h0, and on each weight: (N, H, ...), the state's unit first.
    by_h0 = eye.expand(n, hidden, hidden)
    by_x, by_h = x.new_zeros(n, hidden, d, hidden), x.new_zeros(n, hidden, hidden, hidden)
    by_b = x.new_zeros(n, hidden, hidden)
    h, total, grads = h0, 0, [0, 0, 0, 0, 0, 0]
    for t in range(steps):
        before, h = h, torch.tanh(x[:, t] @ w_xh + h @ w_hh + b)
        slope = 1 - h * h

        def advance(sensitivity, direct, slope=slope):
            through = torch.einsum("ni...,ij->nj...", sensitivity, w_hh)
            return torch.einsum("nj,nj...->nj...", slope, through + direct)

        by_h0 = advance(by_h0, torch.zeros_like(by_h0))
        by_x = advance(by_x, torch.einsum("nd,jk->njdk", x[:, t], eye))
        by_h = advance(by_h, torch.einsum("ni,jk->njik", before, eye))
        by_b = advance(by_b, eye.expand(n, hidden, hidden))

        losses, dscores = cross_entropy(h @ w_hq + c, y[:, t])
        dscores = dscores / (n * steps)
        g = dscores @ w_hq.T
        found = (
            torch.einsum("nj,nji->ni", g, by_h0),
            torch.einsum("nj,njdk->dk", g, by_x),
            torch.einsum("nj,njik->ik", g, by_h),
            torch.einsum("nj,njk->k", g, by_b),
            h.T @ dscores,
            dscores.sum(0),
        )
        total = total + losses.mean() / steps
        grads = [old + new for old, new in zip(grads, found, strict=True)]
    return total, *grads


# --- Truncation: all states first, then one way back with cuts --------------------------------


@alternative("one way back, cut where chunks begin", replaces="truncated_bptt")
def cuts_truncated_bptt(x, y, h0, w_xh, w_hh, b, w_hq, c, *, k):
    _require_model(x, y, h0, w_xh, w_hh, b, w_hq, c)
    require(k >= 1, "k must be at least 1")
    caches, hs = [], []
    h = h0
    for t in range(x.shape[1]):
        h, cache = rnn_step_forward(x[:, t], h, w_xh, w_hh, b)
        hs.append(h)
        caches.append(cache)
    hs = torch.stack(hs, 1)
    losses, dscores = cross_entropy(hs @ w_hq + c, y)
    dscores = dscores / losses.numel()
    owed = torch.zeros_like(h0)
    grads = [torch.zeros_like(w) for w in (w_xh, w_hh, b)]
    for t in range(x.shape[1] - 1, -1, -1):
        _, owed, *found = rnn_step_backward(dscores[:, t] @ w_hq.T + owed, caches[t])
        for grad, new in zip(grads, found, strict=True):
            grad += new
        if t % k == 0:
            owed = torch.zeros_like(h0)
    dw_hq = torch.einsum("nth,ntq->hq", hs, dscores)
    return losses.mean(), *grads, dw_hq, dscores.flatten(0, 1).sum(0)


@alternative("chunks of equal shares", replaces="truncated_bptt")
def shares_truncated_bptt(x, y, h0, w_xh, w_hh, b, w_hq, c, *, k):
    _require_model(x, y, h0, w_xh, w_hh, b, w_hq, c)
    require(k >= 1, "k must be at least 1")
    h, totals = h0, None
    for xs, ys in zip(x.split(k, dim=1), y.split(k, dim=1), strict=True):
        hs, cache = rnn_forward(xs, h, w_xh, w_hh, b)
        h = hs[:, -1].clone()
        losses, dscores = cross_entropy(hs.reshape(-1, hs.shape[2]) @ w_hq + c, ys.reshape(-1))
        dhs = (dscores @ w_hq.T).reshape(hs.shape)
        grads = rnn_backward(dhs, cache)[2:]
        dw_hq = hs.reshape(-1, hs.shape[2]).T @ dscores
        found = [losses.sum(), *grads, dw_hq, dscores.sum(0)]
        totals = found if totals is None else [a + b for a, b in zip(totals, found, strict=True)]
    return tuple(v / y.numel() for v in totals)


# --- Stacks: time outside, layers inside ------------------------------------------------------


@alternative("all layers step by step", replaces="stacked_rnn_forward")
def by_time_stacked_rnn_forward(x, h0, weights):
    _require_stack(x, h0, weights)
    states, caches, top = list(h0.unbind(1)), {}, []
    for t in range(x.shape[1]):
        signal = x[:, t]
        for layer, layer_weights in enumerate(weights):
            signal, caches[t, layer] = rnn_step_forward(signal, states[layer], *layer_weights)
            states[layer] = signal
        top.append(signal)
    return torch.stack(top, 1), torch.stack(states, 1), (caches, x.shape[1], weights)


@alternative("all layers step by step", replaces="stacked_rnn_backward")
def by_time_stacked_rnn_backward(dhs, dh_n, cache):
    _require_upstream(dhs, dh_n)
    caches, steps, weights = cache
    owed = list(dh_n.unbind(1))
    dweights = [[torch.zeros_like(w) for w in layer] for layer in weights]
    dxs = []
    for t in reversed(range(steps)):
        signal = dhs[:, t]
        for layer in reversed(range(len(weights))):
            signal, owed[layer], *found = rnn_step_backward(signal + owed[layer], caches[t, layer])
            for total, new in zip(dweights[layer], found, strict=True):
                total += new
        dxs.insert(0, signal)
    return torch.stack(dxs, 1), torch.stack(owed, 1), [tuple(layer) for layer in dweights]


# --- Clipping ---------------------------------------------------------------------------------


@alternative("one long vector", replaces="clip_gradients")
def vector_clip_gradients(grads, *, theta):
    require(len(grads) >= 1, "grads must hold a tensor")
    require(theta > 0, "theta must be above 0")
    norm = torch.cat([g.reshape(-1) for g in grads]).norm()
    return [theta / norm * g if norm > theta else g.clone() for g in grads]


@alternative("theta over the larger of norm and theta", replaces="clip_gradients")
def larger_clip_gradients(grads, *, theta):
    require(len(grads) >= 1, "grads must hold a tensor")
    require(theta > 0, "theta must be above 0")
    norm = sum(float(g.double().square().sum()) for g in grads) ** 0.5
    return [g * (theta / max(norm, theta)) for g in grads]
