"""Known wrong implementations of unit 11: each replaces one function of the reference.

Where a function is called by the name that it replaces, the reference's own answers. The caches are
the reference's: a step of the LSTM keeps (x, h, c, w_x, w_h, i, f, g, o, tanh(c')), a step of the
GRU (x, h, w_x, w_h, r, z, n), a sequence the list of its steps' caches.
"""

import numpy as np
import torch
from gated import (
    cell_state_jacobian,
    gru_backward,
    gru_forward,
    gru_step_backward,
    gru_step_forward,
    lstm_backward,
    lstm_forward,
    lstm_step_backward,
    lstm_step_forward,
)

from autograder.testing import mistake

# --- lstm_step_forward ------------------------------------------------------------------------


def _sums(x, h, w_x, w_h, b, blocks):
    """What stands before the activations, block by block."""
    return (x @ w_x + h @ w_h + b).chunk(blocks, dim=1)


def _lstm(x, h, c, w_x, w_h, i, f, g, o):
    """The new states of these gates, with the cache that goes with them."""
    c_next = f * c + i * g
    shown = torch.tanh(c_next)
    return o * shown, c_next, (x, h, c, w_x, w_h, i, f, g, o, shown)


@mistake(
    "lstm_step_forward",
    "You took the blocks in the order i, f, o, g. Here, as in PyTorch, they are i, f, g, o: the "
    "candidate is the third.",
)
def blocks_i_f_o_g(x, h, c, w_x, w_h, b):
    lstm_step_forward(x, h, c, w_x, w_h, b)  # for its validation
    i, f, o, g = _sums(x, h, w_x, w_h, b, 4)
    gates = (torch.sigmoid(i), torch.sigmoid(f), torch.tanh(g), torch.sigmoid(o))
    return _lstm(x, h, c, w_x, w_h, *gates)


@mistake(
    "lstm_step_forward",
    "You exchanged the input gate and the forget gate: f multiplies the old cell state, i the "
    "candidate.",
)
def input_and_forget_are_exchanged(x, h, c, w_x, w_h, b):
    _, _, cache = lstm_step_forward(x, h, c, w_x, w_h, b)
    i, f, g, o = cache[5:9]
    return _lstm(x, h, c, w_x, w_h, f, i, g, o)


@mistake(
    "lstm_step_forward",
    "You used a sigmoid for the candidate g. It is a tanh: the memory must be able to decrease.",
)
def candidate_is_a_sigmoid(x, h, c, w_x, w_h, b):
    lstm_step_forward(x, h, c, w_x, w_h, b)  # for its validation
    i, f, g, o = (torch.sigmoid(a) for a in _sums(x, h, w_x, w_h, b, 4))
    return _lstm(x, h, c, w_x, w_h, i, f, g, o)


@mistake("lstm_step_forward", "Your hidden state is o c'. What is shown is o tanh(c').")
def cell_state_is_shown_without_tanh(x, h, c, w_x, w_h, b):
    _, c_next, cache = lstm_step_forward(x, h, c, w_x, w_h, b)
    return cache[8] * c_next, c_next, cache


@mistake(
    "lstm_step_forward",
    "Your hidden state shows the old cell state. It is o tanh(c') with the new one.",
)
def old_cell_state_is_shown(x, h, c, w_x, w_h, b):
    _, c_next, cache = lstm_step_forward(x, h, c, w_x, w_h, b)
    return cache[8] * torch.tanh(c), c_next, cache


@mistake(
    "lstm_step_forward",
    "You left out the forget gate: the old cell state is multiplied by f before i g is added.",
)
def nothing_is_forgotten(x, h, c, w_x, w_h, b):
    _, _, cache = lstm_step_forward(x, h, c, w_x, w_h, b)
    i, f, g, o = cache[5:9]
    return _lstm(x, h, c, w_x, w_h, i, torch.ones_like(f), g, o)


@mistake("lstm_step_forward", "You left out the input gate: what is written is i g, not g.")
def everything_is_written(x, h, c, w_x, w_h, b):
    _, _, cache = lstm_step_forward(x, h, c, w_x, w_h, b)
    i, f, g, o = cache[5:9]
    return _lstm(x, h, c, w_x, w_h, torch.ones_like(i), f, g, o)


@mistake("lstm_step_forward", "You left out b: it is added before the activations.")
def lstm_bias_is_forgotten(x, h, c, w_x, w_h, b):
    lstm_step_forward(x, h, c, w_x, w_h, b)  # for its validation
    return lstm_step_forward(x, h, c, w_x, w_h, torch.zeros_like(b))


@mistake(
    "lstm_step_forward",
    "Your gates look at the cell state. They are computed from x and the hidden state h.",
)
def gates_look_at_the_cell_state(x, h, c, w_x, w_h, b):
    lstm_step_forward(x, h, c, w_x, w_h, b)  # for its validation
    return lstm_step_forward(x, c, c, w_x, w_h, b)


# --- lstm_step_backward -----------------------------------------------------------------------


def _from_sums(parts, x, h, w_x, w_h):
    """The gradients of x, h and the weights, given those before the activations."""
    d = torch.cat(parts, dim=1)
    return d @ w_x.T, d @ w_h.T, x.T @ d, h.T @ d, d.sum(0)


def _lstm_parts(dh, dc, cache):
    """The reference's gradient of the new cell state, and those before the activations."""
    _, _, c, _, _, i, f, g, o, shown = cache
    total = dc + dh * o * (1 - shown * shown)
    slopes = i * (1 - i), f * (1 - f), 1 - g * g, o * (1 - o)
    arrives = total * g, total * c, total * i, dh * shown
    return total, [a * s for a, s in zip(arrives, slopes, strict=True)]


def _lstm_result(dc_old, parts, cache):
    """All gradients of a step."""
    x, h, _, w_x, w_h, *_ = cache
    dx, dh_old, *dweights = _from_sums(parts, x, h, w_x, w_h)
    return dx, dh_old, dc_old, *dweights


@mistake(
    "lstm_step_backward",
    "You ignored dc, what the next step sends back to the cell state. The new cell state has two "
    "consumers: the hidden state of this step, and the next step.",
)
def dc_is_ignored(dh, dc, cache):
    return lstm_step_backward(dh, torch.zeros_like(dc), cache)


@mistake(
    "lstm_step_backward",
    "What arrives at the new cell state through h' = o tanh(c') is missing: it has two consumers, "
    "and dc is the gradient from the other one.",
)
def hidden_state_sends_nothing_to_the_cell(dh, dc, cache):
    lstm_step_backward(dh, dc, cache)  # for its validation
    _, _, c, _, _, i, f, g, o, shown = cache
    d_o = dh * shown * o * (1 - o)
    parts = [dc * g * i * (1 - i), dc * c * f * (1 - f), dc * i * (1 - g * g), d_o]
    return _lstm_result(dc * f, parts, cache)


@mistake(
    "lstm_step_backward",
    "You left out the slope of the tanh in h' = o tanh(c'): dh o is multiplied by 1 - tanh(c')^2.",
)
def slope_of_the_shown_state_is_forgotten(dh, dc, cache):
    o, shown = cache[8:]
    extra = dh * o * shown * shown
    total, parts = _lstm_parts(dh, dc + extra, cache)
    return _lstm_result(total * cache[6], parts, cache)


@mistake(
    "lstm_step_backward",
    "You multiplied dh by the slope of tanh, but not by the output gate, on its way to the cell "
    "state.",
)
def output_gate_is_forgotten_on_the_way_back(dh, dc, cache):
    o, shown = cache[8:]
    extra = dh * (1 - o) * (1 - shown * shown)
    total, parts = _lstm_parts(dh, dc + extra, cache)
    return _lstm_result(total * cache[6], parts, cache)


@mistake(
    "lstm_step_backward",
    "Your gradient of the old cell state lacks the forget gate: c' = f c + i g, so it is what "
    "arrives at c', times f.",
)
def dc_without_the_forget_gate(dh, dc, cache):
    lstm_step_backward(dh, dc, cache)  # for its validation
    total, parts = _lstm_parts(dh, dc, cache)
    return _lstm_result(total, parts, cache)


@mistake(
    "lstm_step_backward",
    "Your gradient of the old cell state is dc f. What arrives at the new cell state through the "
    "hidden state goes on to the old one as well.",
)
def dc_without_what_comes_through_h(dh, dc, cache):
    dx, dh_old, _, *dweights = lstm_step_backward(dh, dc, cache)
    return dx, dh_old, dc * cache[6], *dweights


@mistake(
    "lstm_step_backward",
    "The gradient of your output gate holds c'. The hidden state is o tanh(c'), so it holds "
    "tanh(c').",
)
def output_gate_sees_the_cell_state(dh, dc, cache):
    lstm_step_backward(dh, dc, cache)  # for its validation
    _, _, c, _, _, i, f, g, o, _ = cache
    total, (d_i, d_f, d_g, _) = _lstm_parts(dh, dc, cache)
    return _lstm_result(total * f, [d_i, d_f, d_g, dh * (f * c + i * g) * o * (1 - o)], cache)


@mistake(
    "lstm_step_backward",
    "The gradient of your forget gate holds the new cell state. f was multiplied with the old one.",
)
def forget_gate_sees_the_new_cell_state(dh, dc, cache):
    lstm_step_backward(dh, dc, cache)  # for its validation
    _, _, c, _, _, i, f, g, _, _ = cache
    total, (d_i, _, d_g, d_o) = _lstm_parts(dh, dc, cache)
    return _lstm_result(total * f, [d_i, total * (f * c + i * g) * f * (1 - f), d_g, d_o], cache)


@mistake(
    "lstm_step_backward",
    "You used the slope of the sigmoid for the candidate. g is a tanh: its slope is 1 - g^2.",
)
def candidate_with_the_slope_of_a_sigmoid(dh, dc, cache):
    lstm_step_backward(dh, dc, cache)  # for its validation
    i, f, g = cache[5:8]
    total, (d_i, d_f, _, d_o) = _lstm_parts(dh, dc, cache)
    return _lstm_result(total * f, [d_i, d_f, total * i * g * (1 - g), d_o], cache)


@mistake(
    "lstm_step_backward",
    "You stopped at the gates: their gradients must still go through the slopes of the sigmoids "
    "and the tanh.",
)
def slopes_of_the_gates_are_forgotten(dh, dc, cache):
    lstm_step_backward(dh, dc, cache)  # for its validation
    _, _, c, _, _, i, f, g, _, shown = cache
    total, _ = _lstm_parts(dh, dc, cache)
    return _lstm_result(total * f, [total * g, total * c, total * i, dh * shown], cache)


@mistake(
    "lstm_step_backward",
    "You put the gradients of the blocks together in the order i, f, o, g: it is i, f, g, o.",
)
def gradient_blocks_i_f_o_g(dh, dc, cache):
    lstm_step_backward(dh, dc, cache)  # for its validation
    total, (d_i, d_f, d_g, d_o) = _lstm_parts(dh, dc, cache)
    return _lstm_result(total * cache[6], [d_i, d_f, d_o, d_g], cache)


@mistake(
    "lstm_step_backward",
    "You put the hidden state after the step into dw_h. w_h was multiplied with the one before it.",
)
def lstm_dw_h_holds_the_new_state(dh, dc, cache):
    dx, dh_old, dc_old, dw_x, _, db = lstm_step_backward(dh, dc, cache)
    _, parts = _lstm_parts(dh, dc, cache)
    return dx, dh_old, dc_old, dw_x, (cache[8] * cache[9]).T @ torch.cat(parts, dim=1), db


@mistake(
    "lstm_step_backward",
    "You averaged the gradients of the weights over the batch: they are sums over the samples.",
)
def lstm_weight_gradients_are_averaged(dh, dc, cache):
    dx, dh_old, dc_old, *dweights = lstm_step_backward(dh, dc, cache)
    return dx, dh_old, dc_old, *(dw / len(dh) for dw in dweights)


@mistake(
    "lstm_step_backward",
    "You added to dc in place. It belongs to the caller: add into a new tensor.",
)
def dc_is_changed_in_place(dh, dc, cache):
    result = lstm_step_backward(dh, dc, cache)
    dc += dh * cache[8] * (1 - cache[9] ** 2)
    return result


# --- lstm_forward -----------------------------------------------------------------------------


def _lstm_run(x, h0, c0, w_x, w_h, b, *, carry_h=True, carry_c=True):
    """An LSTM in which a state may start afresh at every step."""
    lstm_forward(x, h0, c0, w_x, w_h, b)  # for its validation
    h, c, hs, caches = h0, c0, [], []
    for t in range(x.shape[1]):
        before = (h if carry_h else h0, c if carry_c else c0)
        h, c, cache = lstm_step_forward(x[:, t], *before, w_x, w_h, b)
        hs.append(h)
        caches.append(cache)
    return torch.stack(hs, dim=1), c, caches


@mistake(
    "lstm_forward",
    "Your cell state starts from h0. The two states start from tensors of their own: c0 is the "
    "cell state before the first step.",
)
def cell_state_starts_from_h0(x, h0, c0, w_x, w_h, b):
    lstm_forward(x, h0, c0, w_x, w_h, b)  # for its validation
    return lstm_forward(x, h0, h0, w_x, w_h, b)


@mistake(
    "lstm_forward",
    "You exchanged the initial states: h0 is the hidden state, c0 the cell state.",
)
def initial_states_are_exchanged(x, h0, c0, w_x, w_h, b):
    lstm_forward(x, h0, c0, w_x, w_h, b)  # for its validation
    return lstm_forward(x, c0, h0, w_x, w_h, b)


@mistake(
    "lstm_forward",
    "You start from zeros: the states before the first step are h0 and c0.",
)
def initial_states_are_ignored(x, h0, c0, w_x, w_h, b):
    lstm_forward(x, h0, c0, w_x, w_h, b)  # for its validation
    return lstm_forward(x, torch.zeros_like(h0), torch.zeros_like(c0), w_x, w_h, b)


@mistake(
    "lstm_forward",
    "Your cell state starts from c0 at every step: carry it from step to step. It is the memory.",
)
def cell_state_is_not_carried(x, h0, c0, w_x, w_h, b):
    return _lstm_run(x, h0, c0, w_x, w_h, b, carry_c=False)


@mistake(
    "lstm_forward",
    "Your hidden state starts from h0 at every step: the gates of a step look at the hidden state "
    "after the step before.",
)
def lstm_hidden_state_is_not_carried(x, h0, c0, w_x, w_h, b):
    return _lstm_run(x, h0, c0, w_x, w_h, b, carry_h=False)


@mistake(
    "lstm_forward",
    "Your c_n is the last hidden state: return the cell state after the last step.",
)
def last_hidden_state_for_c_n(x, h0, c0, w_x, w_h, b):
    hs, _, caches = lstm_forward(x, h0, c0, w_x, w_h, b)
    return hs, hs[:, -1].clone(), caches


@mistake(
    "lstm_forward",
    "You reshaped stacked states from (T, N, H) to (N, T, H), which mixes the samples. Exchange "
    "the axes, or stack along axis 1.",
)
def lstm_time_and_batch_are_reshaped(x, h0, c0, w_x, w_h, b):
    hs, c_n, caches = lstm_forward(x, h0, c0, w_x, w_h, b)
    return hs.transpose(0, 1).reshape(hs.shape), c_n, caches


# --- lstm_backward ----------------------------------------------------------------------------


def _lstm_through_time(dhs, dc_n, caches, *, arrives=None, at_cell=None, collect=sum):
    """Backpropagation through time with places to go wrong.

    arrives(t, dh) and at_cell(t, dc) are what arrives at the states of step t, when dh and dc come
    from the next step; collect makes one gradient of those of all steps, the last step first.
    """
    lstm_backward(dhs, dc_n, caches)  # for its validation
    arrives = arrives or (lambda t, dh: dhs[:, t] + dh)
    at_cell = at_cell or (lambda t, dc: dc)
    dh, dc, dxs, dweights = torch.zeros_like(dc_n), dc_n, [], []
    for t in reversed(range(len(caches))):
        dx, dh, dc, *dw = lstm_step_backward(arrives(t, dh), at_cell(t, dc), caches[t])
        dxs.append(dx)
        dweights.append(dw)
    return torch.stack(dxs[::-1], dim=1), dh, dc, *map(collect, zip(*dweights, strict=True))


@mistake(
    "lstm_backward",
    "You ignored dc_n: it is what arrives at the cell state after the last step.",
)
def dc_n_is_ignored(dhs, dc_n, cache):
    lstm_backward(dhs, dc_n, cache)  # for its validation
    return lstm_backward(dhs, torch.zeros_like(dc_n), cache)


@mistake(
    "lstm_backward",
    "You do not pass the gradient of the cell state from step to step: each step starts with zero. "
    "That path is what the LSTM was invented for.",
)
def cell_gradient_is_not_passed(dhs, dc_n, cache):
    def at_cell(t, dc):
        return dc if t == len(cache) - 1 else torch.zeros_like(dc)

    return _lstm_through_time(dhs, dc_n, cache, at_cell=at_cell)


@mistake(
    "lstm_backward",
    "You added dc_n at every step: it arrives at the cell state after the last step only.",
)
def dc_n_at_every_step(dhs, dc_n, cache):
    def at_cell(t, dc):
        return dc if t == len(cache) - 1 else dc + dc_n

    return _lstm_through_time(dhs, dc_n, cache, at_cell=at_cell)


@mistake(
    "lstm_backward",
    "To each hidden state add what the next step sends back: you used dhs[:, t] alone.",
)
def hidden_gradient_is_not_passed(dhs, dc_n, cache):
    return _lstm_through_time(dhs, dc_n, cache, arrives=lambda t, dh: dhs[:, t])


@mistake(
    "lstm_backward",
    "You used the gradient that arrives at the last hidden state and no other: add dhs[:, t] at "
    "every step.",
)
def lstm_only_the_last_state_has_a_gradient(dhs, dc_n, cache):
    def arrives(t, dh):
        return dhs[:, t] if t == len(cache) - 1 else dh

    return _lstm_through_time(dhs, dc_n, cache, arrives=arrives)


@mistake(
    "lstm_backward",
    "Your gradients of the weights are those of the first step: at each step you overwrote what "
    "the later steps had contributed. Add.",
)
def lstm_weight_gradients_are_overwritten(dhs, dc_n, cache):
    return _lstm_through_time(dhs, dc_n, cache, collect=lambda steps: steps[-1])


@mistake(
    "lstm_backward",
    "Your gradients of the weights are those of the last step only: add the gradients of all "
    "steps.",
)
def lstm_weight_gradients_of_the_last_step(dhs, dc_n, cache):
    return _lstm_through_time(dhs, dc_n, cache, collect=lambda steps: steps[0])


@mistake(
    "lstm_backward",
    "Your dx is in the order in which it was computed, the last step first.",
)
def lstm_dx_is_in_reverse_order(dhs, dc_n, cache):
    dx, *others = lstm_backward(dhs, dc_n, cache)
    return dx.flip(1), *others


@mistake("lstm_backward", "You returned dc0 in the place of dh0, and dh0 in the place of dc0.")
def dh0_and_dc0_are_exchanged(dhs, dc_n, cache):
    dx, dh0, dc0, *dweights = lstm_backward(dhs, dc_n, cache)
    return dx, dc0, dh0, *dweights


@mistake(
    "lstm_backward",
    "You added what comes from the next step into dhs itself. It belongs to the caller: add into a "
    "new tensor.",
)
def lstm_dhs_is_changed_in_place(dhs, dc_n, cache):
    def arrives(t, dh):
        dhs[:, t] += dh
        return dhs[:, t]

    return _lstm_through_time(dhs, dc_n, cache, arrives=arrives)


# --- gru_step_forward -------------------------------------------------------------------------


def _gru(x, h, w_x, w_h, r, z, n):
    """The new state of these gates, with the cache that goes with it."""
    return z * h + (1 - z) * n, (x, h, w_x, w_h, r, z, n)


def _blocks(w_x, w_h, b):
    """The weights of r, z and n: three triples (w_x, w_h, b)."""
    return zip(w_x.chunk(3, dim=1), w_h.chunk(3, dim=1), b.chunk(3), strict=True)


@mistake(
    "gru_step_forward",
    "You reset after the product, r (h w_hn), as PyTorch does. Here the reset gate acts on h "
    "before it is multiplied: (r h) w_hn.",
)
def reset_after_the_product(x, h, w_x, w_h, b):
    _, (*_, r, z, _) = gru_step_forward(x, h, w_x, w_h, b)
    *_, (w_xn, w_hn, b_n) = _blocks(w_x, w_h, b)
    return _gru(x, h, w_x, w_h, r, z, torch.tanh(x @ w_xn + r * (h @ w_hn) + b_n))


@mistake(
    "gru_step_forward",
    "You exchanged the roles of z and 1 - z: here z = 1 keeps the old state.",
)
def update_gate_is_reversed(x, h, w_x, w_h, b):
    _, (*_, r, z, n) = gru_step_forward(x, h, w_x, w_h, b)
    h_next, _ = _gru(x, h, w_x, w_h, r, 1 - z, n)
    return h_next, (x, h, w_x, w_h, r, z, n)


@mistake(
    "gru_step_forward",
    "You took the blocks in the order z, r, n. Here they are r, z, n: the reset gate is the first.",
)
def blocks_z_r_n(x, h, w_x, w_h, b):
    _, (*_, r, z, _) = gru_step_forward(x, h, w_x, w_h, b)
    *_, (w_xn, w_hn, b_n) = _blocks(w_x, w_h, b)
    return _gru(x, h, w_x, w_h, z, r, torch.tanh(x @ w_xn + (z * h) @ w_hn + b_n))


@mistake(
    "gru_step_forward",
    "You left out the reset gate: the candidate sees r h, not h.",
)
def nothing_is_reset(x, h, w_x, w_h, b):
    _, (*_, r, z, _) = gru_step_forward(x, h, w_x, w_h, b)
    *_, (w_xn, w_hn, b_n) = _blocks(w_x, w_h, b)
    return _gru(x, h, w_x, w_h, r, z, torch.tanh(x @ w_xn + h @ w_hn + b_n))


@mistake(
    "gru_step_forward",
    "You kept the reset state, z (r h). The reset concerns the candidate only: z h is kept.",
)
def reset_state_is_kept(x, h, w_x, w_h, b):
    _, cache = gru_step_forward(x, h, w_x, w_h, b)
    *_, r, z, n = cache
    return z * r * h + (1 - z) * n, cache


@mistake("gru_step_forward", "You used a sigmoid for the candidate n: it is a tanh.")
def gru_candidate_is_a_sigmoid(x, h, w_x, w_h, b):
    _, (*_, r, z, _) = gru_step_forward(x, h, w_x, w_h, b)
    *_, (w_xn, w_hn, b_n) = _blocks(w_x, w_h, b)
    return _gru(x, h, w_x, w_h, r, z, torch.sigmoid(x @ w_xn + (r * h) @ w_hn + b_n))


@mistake("gru_step_forward", "You left out b: it is added before the activations.")
def gru_bias_is_forgotten(x, h, w_x, w_h, b):
    gru_step_forward(x, h, w_x, w_h, b)  # for its validation
    return gru_step_forward(x, h, w_x, w_h, torch.zeros_like(b))


@mistake(
    "gru_step_forward",
    "You added the whole candidate: it is weighted by 1 - z, so that old and new share the state.",
)
def candidate_is_not_weighted(x, h, w_x, w_h, b):
    _, cache = gru_step_forward(x, h, w_x, w_h, b)
    *_, z, n = cache
    return z * h + n, cache


# --- gru_step_backward ------------------------------------------------------------------------


def _gru_parts(dh, cache):
    """The reference's gradients before the activations, and that of the product r h."""
    _, h, _, w_h, r, z, n = cache
    d_n = dh * (1 - z) * (1 - n * n)
    d_reset = d_n @ w_h.chunk(3, dim=1)[2].T
    return [d_reset * h * r * (1 - r), dh * (h - n) * z * (1 - z), d_n], d_reset


def _gru_result(dh, parts, d_reset, cache):
    """All gradients of a step, from those before the activations."""
    gru_step_backward(dh, cache)  # for its validation
    x, h, w_x, w_h, r, z, _ = cache
    w_hr, w_hz, _ = w_h.chunk(3, dim=1)
    d_r, d_z, d_n = parts
    d = torch.cat(parts, dim=1)
    dw_h = torch.cat([h.T @ d_r, h.T @ d_z, (r * h).T @ d_n], dim=1)
    dh_old = dh * z + d_reset * r + d_r @ w_hr.T + d_z @ w_hz.T
    return d @ w_x.T, dh_old, x.T @ d, dw_h, d.sum(0)


def _without(dh, cache, path):
    """The reference's gradients, with something taken away from that of the old state."""
    dx, dh_old, *dweights = gru_step_backward(dh, cache)
    return dx, dh_old - path, *dweights


@mistake(
    "gru_step_backward",
    "The gradient of the old state lacks its direct path: h' contains z h, so dh z belongs to it.",
)
def direct_path_is_missing(dh, cache):
    return _without(dh, cache, dh * cache[5])


@mistake(
    "gru_step_backward",
    "The gradient of the old state lacks the path through the candidate, where it stands in r h.",
)
def path_through_the_candidate_is_missing(dh, cache):
    gru_step_backward(dh, cache)  # for its validation
    _, d_reset = _gru_parts(dh, cache)
    return _without(dh, cache, d_reset * cache[4])


@mistake(
    "gru_step_backward",
    "The gradient of the old state lacks the path through the reset gate.",
)
def path_through_the_reset_gate_is_missing(dh, cache):
    gru_step_backward(dh, cache)  # for its validation
    (d_r, _, _), _ = _gru_parts(dh, cache)
    return _without(dh, cache, d_r @ cache[3].chunk(3, dim=1)[0].T)


@mistake(
    "gru_step_backward",
    "The gradient of the old state lacks the path through the update gate.",
)
def path_through_the_update_gate_is_missing(dh, cache):
    gru_step_backward(dh, cache)  # for its validation
    (_, d_z, _), _ = _gru_parts(dh, cache)
    return _without(dh, cache, d_z @ cache[3].chunk(3, dim=1)[1].T)


@mistake(
    "gru_step_backward",
    "The last block of your dw_h holds h. The candidate's weights were multiplied with r h.",
)
def dw_hn_forgets_the_reset(dh, cache):
    dx, dh_old, dw_x, dw_h, db = gru_step_backward(dh, cache)
    parts, _ = _gru_parts(dh, cache)
    return dx, dh_old, dw_x, torch.cat([dw_h[:, : -dh.shape[1]], cache[1].T @ parts[2]], dim=1), db


@mistake(
    "gru_step_backward",
    "The gradient of your update gate has the wrong sign: h' = z h + (1 - z) n changes by h - n "
    "with z.",
)
def update_gate_has_the_wrong_sign(dh, cache):
    gru_step_backward(dh, cache)  # for its validation
    (d_r, d_z, d_n), d_reset = _gru_parts(dh, cache)
    return _gru_result(dh, [d_r, -d_z, d_n], d_reset, cache)


@mistake(
    "gru_step_backward",
    "The gradient of your update gate only counts the old state. z appears twice in h' = z h + "
    "(1 - z) n, so it is dh (h - n).",
)
def update_gate_forgets_the_candidate(dh, cache):
    gru_step_backward(dh, cache)  # for its validation
    _, h, _, _, _, z, _ = cache
    (d_r, _, d_n), d_reset = _gru_parts(dh, cache)
    return _gru_result(dh, [d_r, dh * h * z * (1 - z), d_n], d_reset, cache)


@mistake(
    "gru_step_backward",
    "The gradient of your candidate lacks the factor 1 - z.",
)
def candidate_forgets_the_update_gate(dh, cache):
    gru_step_backward(dh, cache)  # for its validation
    _, h, _, w_h, r, _, n = cache
    (_, d_z, _), _ = _gru_parts(dh, cache)
    d_n = dh * (1 - n * n)
    d_reset = d_n @ w_h.chunk(3, dim=1)[2].T
    return _gru_result(dh, [d_reset * h * r * (1 - r), d_z, d_n], d_reset, cache)


@mistake(
    "gru_step_backward",
    "The gradient of your reset gate lacks the old state: r was multiplied with h.",
)
def reset_gate_forgets_the_state(dh, cache):
    gru_step_backward(dh, cache)  # for its validation
    r = cache[4]
    (_, d_z, d_n), d_reset = _gru_parts(dh, cache)
    return _gru_result(dh, [d_reset * r * (1 - r), d_z, d_n], d_reset, cache)


@mistake(
    "gru_step_backward",
    "The gradient of your reset gate takes the reset after the product: you multiplied by h w_hn. "
    "Here the gradient first goes back through w_hn and then meets h.",
)
def reset_gate_as_in_pytorch(dh, cache):
    gru_step_backward(dh, cache)  # for its validation
    _, h, _, w_h, r, _, _ = cache
    (_, d_z, d_n), d_reset = _gru_parts(dh, cache)
    d_r = d_n * (h @ w_h.chunk(3, dim=1)[2]) * r * (1 - r)
    return _gru_result(dh, [d_r, d_z, d_n], d_reset, cache)


@mistake(
    "gru_step_backward",
    "You used the slope of the sigmoid for the candidate. n is a tanh: its slope is 1 - n^2.",
)
def gru_candidate_with_the_slope_of_a_sigmoid(dh, cache):
    gru_step_backward(dh, cache)  # for its validation
    _, h, _, w_h, r, z, n = cache
    (_, d_z, _), _ = _gru_parts(dh, cache)
    d_n = dh * (1 - z) * n * (1 - n)
    d_reset = d_n @ w_h.chunk(3, dim=1)[2].T
    return _gru_result(dh, [d_reset * h * r * (1 - r), d_z, d_n], d_reset, cache)


@mistake(
    "gru_step_backward",
    "You averaged the gradients of the weights over the batch: they are sums over the samples.",
)
def gru_weight_gradients_are_averaged(dh, cache):
    dx, dh_old, *dweights = gru_step_backward(dh, cache)
    return dx, dh_old, *(dw / len(dh) for dw in dweights)


# --- gru_forward ------------------------------------------------------------------------------


@mistake(
    "gru_forward",
    "Every step of yours starts from h0. The state after a step is the state before the next one.",
)
def gru_state_is_not_carried(x, h0, w_x, w_h, b):
    gru_forward(x, h0, w_x, w_h, b)  # for its validation
    steps = [gru_step_forward(x[:, t], h0, w_x, w_h, b) for t in range(x.shape[1])]
    return torch.stack([h for h, _ in steps], dim=1), [cache for _, cache in steps]


@mistake("gru_forward", "You start from zeros: the state before the first step is h0.")
def gru_h0_is_ignored(x, h0, w_x, w_h, b):
    gru_forward(x, h0, w_x, w_h, b)  # for its validation
    return gru_forward(x, torch.zeros_like(h0), w_x, w_h, b)


@mistake("gru_forward", "You read the sequence from its end: the first step reads x[:, 0].")
def gru_reads_backwards(x, h0, w_x, w_h, b):
    hs, caches = gru_forward(x.flip(1), h0, w_x, w_h, b)
    return hs.flip(1), caches[::-1]


@mistake(
    "gru_forward",
    "Your states are one step late: hs[:, 0] is the state after the first step, and h0 is not part "
    "of hs.",
)
def gru_states_before_the_steps(x, h0, w_x, w_h, b):
    hs, caches = gru_forward(x, h0, w_x, w_h, b)
    return torch.cat([h0[:, None], hs[:, :-1]], dim=1), caches


@mistake(
    "gru_forward",
    "You reshaped stacked states from (T, N, H) to (N, T, H), which mixes the samples. Exchange "
    "the axes, or stack along axis 1.",
)
def gru_time_and_batch_are_reshaped(x, h0, w_x, w_h, b):
    hs, caches = gru_forward(x, h0, w_x, w_h, b)
    return hs.transpose(0, 1).reshape(hs.shape), caches


# --- gru_backward -----------------------------------------------------------------------------


def _gru_through_time(dhs, caches, *, arrives=None, collect=sum):
    """Backpropagation through time with two places to go wrong, as in _lstm_through_time."""
    gru_backward(dhs, caches)  # for its validation
    arrives = arrives or (lambda t, dh: dhs[:, t] + dh)
    dh, dxs, dweights = torch.zeros_like(dhs[:, 0]), [], []
    for t in reversed(range(len(caches))):
        dx, dh, *dw = gru_step_backward(arrives(t, dh), caches[t])
        dxs.append(dx)
        dweights.append(dw)
    return torch.stack(dxs[::-1], dim=1), dh, *map(collect, zip(*dweights, strict=True))


@mistake(
    "gru_backward",
    "Nothing flows back through time in your code: to each state add what comes from the step "
    "after it.",
)
def gru_next_step_is_forgotten(dhs, cache):
    return _gru_through_time(dhs, cache, arrives=lambda t, dh: dhs[:, t])


@mistake(
    "gru_backward",
    "You used the gradient that arrives at the last state and no other: add dhs[:, t] at every "
    "step.",
)
def gru_only_the_last_state_has_a_gradient(dhs, cache):
    def arrives(t, dh):
        return dhs[:, t] if t == len(cache) - 1 else dh

    return _gru_through_time(dhs, cache, arrives=arrives)


@mistake(
    "gru_backward",
    "Your gradients of the weights are those of the first step: at each step you overwrote what "
    "the later steps had contributed. Add.",
)
def gru_weight_gradients_are_overwritten(dhs, cache):
    return _gru_through_time(dhs, cache, collect=lambda steps: steps[-1])


@mistake(
    "gru_backward",
    "You averaged the gradients of the weights over time: what is used at every step gets the sum.",
)
def gru_weight_gradients_are_averaged_over_time(dhs, cache):
    dx, dh0, *dweights = gru_backward(dhs, cache)
    return dx, dh0, *(dw / len(cache) for dw in dweights)


@mistake(
    "gru_backward",
    "Your dx is in the order in which it was computed, the last step first.",
)
def gru_dx_is_in_reverse_order(dhs, cache):
    dx, *others = gru_backward(dhs, cache)
    return dx.flip(1), *others


@mistake(
    "gru_backward",
    "You added what comes from the next step into dhs itself. It belongs to the caller: add into a "
    "new tensor.",
)
def gru_dhs_is_changed_in_place(dhs, cache):
    def arrives(t, dh):
        dhs[:, t] += dh
        return dhs[:, t]

    return _gru_through_time(dhs, cache, arrives=arrives)


# --- cell_state_jacobian ----------------------------------------------------------------------


def _terms(x, h_prev, c_prev, o_prev, w_x, w_h, b, *, before=None, factors=None, turn=True):
    """The four terms, with places to go wrong.

    before is the derivative of h_prev by c_prev; factors(i, f, g) the factors of the rows of the
    forget, input and candidate terms; turn says whether the weights are transposed.
    """
    cell_state_jacobian(x, h_prev, c_prev, o_prev, w_x, w_h, b)  # for its validation
    i, f, g, _ = (x @ w_x + h_prev @ w_h + b).chunk(4)
    i, f, g = torch.sigmoid(i), torch.sigmoid(f), torch.tanh(g)
    w_hi, w_hf, w_hg, _ = w_h.chunk(4, dim=1)
    before = o_prev * (1 - torch.tanh(c_prev) ** 2) if before is None else before
    rows = (c_prev * f * (1 - f), g * i * (1 - i), i * (1 - g * g))
    rows = rows if factors is None else factors(i, f, g)
    forget, written, candidate = (
        row[:, None] * (w.T if turn else w) * before
        for row, w in zip(rows, (w_hf, w_hi, w_hg), strict=True)
    )
    return forget, torch.diag(f), written, candidate


@mistake(
    "cell_state_jacobian",
    "Your terms are transposed: row j belongs to c_t[j], column k to c_{t-1}[k].",
)
def terms_are_transposed(x, h_prev, c_prev, o_prev, w_x, w_h, b):
    terms = cell_state_jacobian(x, h_prev, c_prev, o_prev, w_x, w_h, b)
    return tuple(term.T.clone() for term in terms)


@mistake(
    "cell_state_jacobian",
    "You used the blocks of w_h as they are. The gates are h w_h with h as a row, so the "
    "derivative in numerator layout holds their transposes.",
)
def weights_are_not_transposed(x, h_prev, c_prev, o_prev, w_x, w_h, b):
    return _terms(x, h_prev, c_prev, o_prev, w_x, w_h, b, turn=False)


@mistake(
    "cell_state_jacobian",
    "You left out the slope of tanh in h_{t-1} = o_{t-1} tanh(c_{t-1}).",
)
def slope_of_the_old_tanh_is_forgotten(x, h_prev, c_prev, o_prev, w_x, w_h, b):
    return _terms(x, h_prev, c_prev, o_prev, w_x, w_h, b, before=o_prev)


@mistake(
    "cell_state_jacobian",
    "You left out the output gate in h_{t-1} = o_{t-1} tanh(c_{t-1}).",
)
def old_output_gate_is_forgotten(x, h_prev, c_prev, o_prev, w_x, w_h, b):
    cell_state_jacobian(x, h_prev, c_prev, o_prev, w_x, w_h, b)  # for its validation
    before = 1 - torch.tanh(c_prev) ** 2
    return _terms(x, h_prev, c_prev, o_prev, w_x, w_h, b, before=before)


@mistake(
    "cell_state_jacobian",
    "You used the output gate of step t. The hidden state that the gates look at was made with the "
    "one of step t - 1, which is given.",
)
def new_output_gate_is_used(x, h_prev, c_prev, o_prev, w_x, w_h, b):
    cell_state_jacobian(x, h_prev, c_prev, o_prev, w_x, w_h, b)  # for its validation
    o = torch.sigmoid((x @ w_x + h_prev @ w_h + b).chunk(4)[3])
    before = o * (1 - torch.tanh(c_prev) ** 2)
    return _terms(x, h_prev, c_prev, o_prev, w_x, w_h, b, before=before)


@mistake(
    "cell_state_jacobian",
    "You took the slope of tanh at h_{t-1}, as if that were tanh(c_{t-1}). It is o_{t-1} "
    "tanh(c_{t-1}): take the slope at c_{t-1}.",
)
def slope_at_the_hidden_state(x, h_prev, c_prev, o_prev, w_x, w_h, b):
    cell_state_jacobian(x, h_prev, c_prev, o_prev, w_x, w_h, b)  # for its validation
    before = o_prev * (1 - h_prev**2)
    return _terms(x, h_prev, c_prev, o_prev, w_x, w_h, b, before=before)


@mistake(
    "cell_state_jacobian",
    "You did not hold o_{t-1} fixed: its own slope o (1 - o) has no place in the derivative of "
    "h_{t-1} by c_{t-1}.",
)
def output_gate_is_differentiated(x, h_prev, c_prev, o_prev, w_x, w_h, b):
    cell_state_jacobian(x, h_prev, c_prev, o_prev, w_x, w_h, b)  # for its validation
    before = o_prev * (1 - o_prev) * (1 - torch.tanh(c_prev) ** 2)
    return _terms(x, h_prev, c_prev, o_prev, w_x, w_h, b, before=before)


@mistake(
    "cell_state_jacobian",
    "Your forget term lacks c_{t-1}, which the forget gate is multiplied with.",
)
def forget_term_without_the_cell_state(x, h_prev, c_prev, o_prev, w_x, w_h, b):
    def factors(i, f, g):
        return f * (1 - f), g * i * (1 - i), i * (1 - g * g)

    return _terms(x, h_prev, c_prev, o_prev, w_x, w_h, b, factors=factors)


@mistake(
    "cell_state_jacobian",
    "You used the slope of the sigmoid in the candidate term. g is a tanh: its slope is 1 - g^2.",
)
def candidate_term_with_the_slope_of_a_sigmoid(x, h_prev, c_prev, o_prev, w_x, w_h, b):
    def factors(i, f, g):
        return c_prev * f * (1 - f), g * i * (1 - i), i * g * (1 - g)

    return _terms(x, h_prev, c_prev, o_prev, w_x, w_h, b, factors=factors)


@mistake(
    "cell_state_jacobian",
    "Your input term lacks g, and your candidate term lacks i: each of the two factors of i g "
    "stays while the other one is differentiated.",
)
def factors_of_the_product_are_forgotten(x, h_prev, c_prev, o_prev, w_x, w_h, b):
    def factors(i, f, g):
        return c_prev * f * (1 - f), i * (1 - i), 1 - g * g

    return _terms(x, h_prev, c_prev, o_prev, w_x, w_h, b, factors=factors)


@mistake(
    "cell_state_jacobian",
    "Your direct term is the same in every row or column: unit j of c_t keeps unit j of c_{t-1} "
    "only, so it is a diagonal matrix.",
)
def direct_term_is_not_diagonal(x, h_prev, c_prev, o_prev, w_x, w_h, b):
    forget, direct, *others = cell_state_jacobian(x, h_prev, c_prev, o_prev, w_x, w_h, b)
    return forget, direct.sum(0).repeat(len(c_prev), 1), *others


@mistake(
    "cell_state_jacobian",
    "You returned the input term in the place of the forget term, and the other way round. The "
    "order is forget, direct, input, candidate.",
)
def terms_in_the_order_of_the_blocks(x, h_prev, c_prev, o_prev, w_x, w_h, b):
    forget, direct, written, candidate = cell_state_jacobian(x, h_prev, c_prev, o_prev, w_x, w_h, b)
    return written, direct, forget, candidate


# --- on a second device ------------------------------------------------------------------------


@mistake(
    "lstm_backward",
    "The gradient of the last hidden state starts on the CPU: give torch.zeros the device of dhs, "
    "or use torch.zeros_like.",
    on="cuda",
)
def gradient_starts_on_the_cpu(dhs, dc_n, cache):
    lstm_backward(dhs, dc_n, cache)  # refuses what cannot be used
    dh, dc, dxs, dweights = torch.zeros(dc_n.shape, dtype=dhs.dtype), dc_n, [], []
    for t in reversed(range(dhs.shape[1])):
        dx, dh, dc, *dw = lstm_step_backward(dhs[:, t] + dh, dc, cache[t])
        dxs.append(dx)
        dweights.append(dw)
    sums = [sum(steps) for steps in zip(*dweights, strict=True)]
    return torch.stack(dxs[::-1], dim=1), dh, dc, *sums


@mistake(
    "gru_forward",
    'You wrote the device "cpu" into your code, so that the states are collected there: ask x for '
    "its device.",
    on="cuda",
)
def states_are_always_collected_on_the_cpu(x, h0, w_x, w_h, b):
    hs, cache = gru_forward(x, h0, w_x, w_h, b)
    collected = torch.empty(hs.shape, dtype=hs.dtype, device="cpu")
    for t in range(x.shape[1]):
        collected[:, t] = hs[:, t]
    return collected, cache


@mistake(
    "cell_state_jacobian",
    "You go through NumPy for the diagonal, which knows the CPU only: torch has the same function "
    "for tensors.",
    on="cuda",
)
def diagonal_in_numpy(x, h_prev, c_prev, o_prev, w_x, w_h, b):
    forget, kept, input_, candidate = cell_state_jacobian(x, h_prev, c_prev, o_prev, w_x, w_h, b)
    diagonal = torch.from_numpy(np.diag(kept.diagonal().numpy()))
    return forget, diagonal, input_, candidate
