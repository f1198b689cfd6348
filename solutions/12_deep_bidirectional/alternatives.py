"""Other correct implementations of unit 12: nobody may lose a point for being different."""

import torch
from deep_bidirectional import (
    bidirectional_rnn_backward,
    bidirectional_rnn_forward,
    require,
    require_lengths,
    require_shape,
    require_weights,
    reverse_padded,
    rnn_backward,
    rnn_forward,
)

from autograder.testing import alternative

# --- What the stub gives: the validation of the arguments -------------------------------------


def _require_directions(x, h0_f, h0_b, weights_f, weights_b, lengths):
    lengths = require_lengths(x, lengths)
    require_shape("h0_f", h0_f, len(x), require_weights("weights_f", weights_f, x.shape[2]))
    require_shape("h0_b", h0_b, len(x), require_weights("weights_b", weights_b, x.shape[2]))
    return lengths


def _require_upstream(dhs, dh_f, dh_b):
    require_shape("dhs", dhs, "N", "T", "H_f + H_b")
    require_shape("dh_f", dh_f, len(dhs), "H_f")
    require_shape("dh_b", dh_b, len(dhs), dhs.shape[2] - dh_f.shape[1])


def _require_stack(x, layers, lengths):
    lengths = require_lengths(x, lengths)
    require(len(layers) >= 1, "layers must hold at least one layer")
    inputs = x.shape[2]
    for weights_f, weights_b in layers:
        hidden_f = require_weights("weights_f", weights_f, inputs)
        inputs = hidden_f + require_weights("weights_b", weights_b, inputs)
    return lengths


# --- Nothing is turned: the backward loop runs from T down, and padding passes states on ------


def _masked_run(x, h, weights, kept, order):
    """The states about each step in the order given; h goes through padding unchanged."""
    w_xh, w_hh, b = weights
    steps, states = [None] * len(order), [None] * len(order)
    for t in order:
        m = kept[:, t]
        new = torch.tanh(x[:, t] @ w_xh + h @ w_hh + b)
        steps[t] = (x[:, t], h, new, m)
        states[t] = m * new
        h = m * new + (1 - m) * h
    return torch.stack(states, 1), h, (steps, list(order), w_xh, w_hh)


def _masked_run_back(dstates, dh, cache):
    steps, order, w_xh, w_hh = cache
    dw_xh, dw_hh, db = torch.zeros_like(w_xh), torch.zeros_like(w_hh), torch.zeros_like(w_xh[0])
    dx = [None] * len(order)
    for t in reversed(order):
        x, h, new, m = steps[t]
        dz = m * (dstates[:, t] + dh) * (1 - new) * (1 + new)
        dh = dz @ w_hh.mT + (1 - m) * dh
        dx[t] = dz @ w_xh.mT
        dw_xh += x.mT @ dz
        dw_hh += h.mT @ dz
        db += dz.sum(0)
    return torch.stack(dx, 1), dh, (dw_xh, dw_hh, db)


@alternative("masked updates, from T down", replaces="bidirectional_rnn_forward")
def masked_bidirectional_rnn_forward(x, h0_f, h0_b, weights_f, weights_b, lengths=None):
    lengths = _require_directions(x, h0_f, h0_b, weights_f, weights_b, lengths)
    t = torch.arange(x.shape[1], device=x.device)
    kept = (t < lengths[:, None]).to(x.dtype)[:, :, None]
    ahead = range(x.shape[1])
    hs_f, h_f, cache_f = _masked_run(x, h0_f, weights_f, kept, ahead)
    hs_b, h_b, cache_b = _masked_run(x, h0_b, weights_b, kept, ahead[::-1])
    return torch.cat([hs_f, hs_b], -1), h_f, h_b, {"f": cache_f, "b": cache_b}


@alternative("masked updates, from T down", replaces="bidirectional_rnn_backward")
def masked_bidirectional_rnn_backward(dhs, dh_f, dh_b, cache):
    _require_upstream(dhs, dh_f, dh_b)
    hidden = dh_f.shape[1]
    dx_f, dh0_f, dweights_f = _masked_run_back(dhs[:, :, :hidden], dh_f, cache["f"])
    dx_b, dh0_b, dweights_b = _masked_run_back(dhs[:, :, hidden:], dh_b, cache["b"])
    return dx_f + dx_b, dh0_f, dh0_b, dweights_f, dweights_b


# --- Each sequence alone, cut to its length ---------------------------------------------------


def _with_padding(alone, steps):
    """(T, D) from (L, D), with zeros at the end."""
    padding = alone.new_zeros(steps - len(alone), alone.shape[1])
    return torch.cat([alone, padding])


@alternative("sample by sample", replaces="reverse_padded")
def samples_reverse_padded(x, lengths=None):
    lengths = require_lengths(x, lengths)
    out = x.clone()
    for n, length in enumerate(lengths.tolist()):
        for t in range(length):
            out[n, t] = x[n, length - 1 - t]
    return out


@alternative("sample by sample", replaces="bidirectional_rnn_forward")
def samples_bidirectional_rnn_forward(x, h0_f, h0_b, weights_f, weights_b, lengths=None):
    lengths = _require_directions(x, h0_f, h0_b, weights_f, weights_b, lengths)
    hs, h_f, h_b, caches = [], [], [], []
    for n, length in enumerate(lengths.tolist()):
        alone = x[n : n + 1, :length]
        states_f, cache_f = rnn_forward(alone, h0_f[n : n + 1], *weights_f)
        states_b, cache_b = rnn_forward(alone.flip(1), h0_b[n : n + 1], *weights_b)
        both = torch.cat([states_f[0], states_b[0].flip(0)], 1)
        hs.append(_with_padding(both, x.shape[1]))
        h_f.append(states_f[0, -1])
        h_b.append(states_b[0, -1])
        caches.append((length, cache_f, cache_b))
    return torch.stack(hs), torch.stack(h_f), torch.stack(h_b), caches


@alternative("sample by sample", replaces="bidirectional_rnn_backward")
def samples_bidirectional_rnn_backward(dhs, dh_f, dh_b, cache):
    _require_upstream(dhs, dh_f, dh_b)
    hidden, rows = dh_f.shape[1], []
    for n, (length, cache_f, cache_b) in enumerate(cache):
        upstream_f = dhs[n : n + 1, :length, :hidden].clone()
        upstream_b = dhs[n : n + 1, :length, hidden:].clone()
        upstream_f[0, -1] += dh_f[n]
        upstream_b[0, 0] += dh_b[n]
        dx_f, *grads_f = rnn_backward(upstream_f, cache_f)
        dx_b, *grads_b = rnn_backward(upstream_b.flip(1), cache_b)
        rows.append((_with_padding((dx_f + dx_b.flip(1))[0], dhs.shape[1]), grads_f, grads_b))
    dx, grads_f, grads_b = zip(*rows, strict=True)
    dh0_f, *dweights_f = zip(*grads_f, strict=True)
    dh0_b, *dweights_b = zip(*grads_b, strict=True)
    sums_f, sums_b = (tuple(map(sum, parts)) for parts in (dweights_f, dweights_b))
    return torch.stack(dx), torch.cat(dh0_f), torch.cat(dh0_b), sums_f, sums_b


@alternative("sample by sample", replaces="deep_bidirectional_rnn_forward")
def samples_deep_bidirectional_rnn_forward(x, layers, lengths=None):
    lengths = _require_stack(x, layers, lengths)
    hs, caches = [], []
    for n, length in enumerate(lengths.tolist()):
        signal, of_sample = x[n : n + 1, :length], []
        for weights_f, weights_b in layers:
            zero_f, zero_b = (torch.zeros_like(b)[None] for *_, b in (weights_f, weights_b))
            states_f, cache_f = rnn_forward(signal, zero_f, *weights_f)
            states_b, cache_b = rnn_forward(signal.flip(1), zero_b, *weights_b)
            signal = torch.cat([states_f, states_b.flip(1)], 2)
            of_sample.append((states_f.shape[2], cache_f, cache_b))
        hs.append(_with_padding(signal[0], x.shape[1]))
        caches.append((length, of_sample))
    return torch.stack(hs), caches


@alternative("sample by sample", replaces="deep_bidirectional_rnn_backward")
def samples_deep_bidirectional_rnn_backward(dhs, cache):
    require_shape("dhs", dhs, "N", "T", "H_f + H_b")
    dxs, totals = [], None
    for n, (length, of_sample) in enumerate(cache):
        signal, found = dhs[n : n + 1, :length], []
        for hidden, cache_f, cache_b in reversed(of_sample):
            dx_f, _, *dw_f = rnn_backward(signal[..., :hidden], cache_f)
            dx_b, _, *dw_b = rnn_backward(signal[..., hidden:].flip(1), cache_b)
            signal = dx_f + dx_b.flip(1)
            found = [*dw_f, *dw_b, *found]
        dxs.append(_with_padding(signal[0], dhs.shape[1]))
        totals = found if totals is None else [a + b for a, b in zip(totals, found, strict=True)]
    layers = [totals[i : i + 6] for i in range(0, len(totals), 6)]
    return torch.stack(dxs), [(tuple(six[:3]), tuple(six[3:])) for six in layers]


# --- Both directions as one network whose matrices have two blocks ----------------------------


@alternative("one network with two blocks", replaces="reverse_padded")
def gathered_reverse_padded(x, lengths=None):
    lengths = require_lengths(x, lengths)
    t = torch.arange(x.shape[1], device=x.device).expand(x.shape[:2])
    behind = lengths[:, None].expand_as(t)
    source = torch.where(t < behind, behind - 1 - t, t)
    return x.gather(1, source.unsqueeze(2).expand_as(x))


@alternative("one network with two blocks", replaces="bidirectional_rnn_forward")
def blocks_bidirectional_rnn_forward(x, h0_f, h0_b, weights_f, weights_b, lengths=None):
    lengths = _require_directions(x, h0_f, h0_b, weights_f, weights_b, lengths)
    both = torch.cat([x, reverse_padded(x, lengths)], 2)
    w_xh = torch.block_diag(weights_f[0], weights_b[0])
    w_hh = torch.block_diag(weights_f[1], weights_b[1])
    b = torch.cat([weights_f[2], weights_b[2]])
    states, cache = rnn_forward(both, torch.cat([h0_f, h0_b], 1), w_xh, w_hh, b)
    ends = states.gather(1, (lengths - 1)[:, None, None].expand(-1, 1, states.shape[2]))[:, 0]
    h_f, h_b = ends.split([h0_f.shape[1], h0_b.shape[1]], 1)
    states_f, states_b = states.tensor_split([h_f.shape[1]], 2)
    hs = torch.cat([states_f, reverse_padded(states_b, lengths)], 2)
    for n in range(len(x)):
        hs[n, lengths[n] :] = 0
    return hs, h_f, h_b, (lengths, x.shape[2], cache)


@alternative("one network with two blocks", replaces="bidirectional_rnn_backward")
def blocks_bidirectional_rnn_backward(dhs, dh_f, dh_b, cache):
    _require_upstream(dhs, dh_f, dh_b)
    lengths, d, cache = cache
    h = dh_f.shape[1]
    t = torch.arange(dhs.shape[1], device=dhs.device)
    real = (t < lengths[:, None])[:, :, None]
    end = (t == lengths[:, None] - 1)[:, :, None]
    upstream = torch.cat([dhs[:, :, :h], reverse_padded(dhs[:, :, h:], lengths)], 2) * real
    upstream = upstream + torch.cat([dh_f, dh_b], 1)[:, None] * end
    dx, dh0, dw_xh, dw_hh, db = rnn_backward(upstream, cache)
    dx = dx[:, :, :d] + reverse_padded(dx[:, :, d:], lengths)
    dweights_f = dw_xh[:d, :h], dw_hh[:h, :h], db[:h]
    dweights_b = dw_xh[d:, h:], dw_hh[h:, h:], db[h:]
    return dx, dh0[:, :h], dh0[:, h:], dweights_f, dweights_b


# --- Products with permutation matrices; layers by recursion ----------------------------------


@alternative("permutation matrices, recursion over layers", replaces="reverse_padded")
def permuted_reverse_padded(x, lengths=None):
    lengths = require_lengths(x, lengths)
    t = torch.arange(x.shape[1], device=x.device)
    opposite = t[:, None] + t == lengths[:, None, None] - 1
    behind = (t[:, None] == t) & (t >= lengths[:, None, None])
    return (opposite | behind).to(x.dtype) @ x


@alternative(
    "permutation matrices, recursion over layers", replaces="deep_bidirectional_rnn_forward"
)
def recursive_deep_bidirectional_rnn_forward(x, layers, lengths=None):
    lengths = _require_stack(x, layers, lengths)

    def climb(signal, rest):
        if not rest:
            return signal, ()
        (weights_f, weights_b), *above = rest
        h0_f = torch.zeros_like(weights_f[2]).expand(len(signal), -1)
        h0_b = torch.zeros_like(weights_b[2]).expand(len(signal), -1)
        signal, h_f, h_b, cache = bidirectional_rnn_forward(
            signal, h0_f, h0_b, weights_f, weights_b, lengths
        )
        top, caches = climb(signal, above)
        return top, ((cache, torch.zeros_like(h_f), torch.zeros_like(h_b)), *caches)

    return climb(x, layers)


@alternative(
    "permutation matrices, recursion over layers", replaces="deep_bidirectional_rnn_backward"
)
def recursive_deep_bidirectional_rnn_backward(dhs, cache):
    require_shape("dhs", dhs, "N", "T", "H_f + H_b")
    if not cache:
        return dhs, []
    (lowest, dh_f, dh_b), *above = cache
    arriving, dlayers = recursive_deep_bidirectional_rnn_backward(dhs, above)
    dx, _, _, dweights_f, dweights_b = bidirectional_rnn_backward(arriving, dh_f, dh_b, lowest)
    return dx, [(dweights_f, dweights_b), *dlayers]
