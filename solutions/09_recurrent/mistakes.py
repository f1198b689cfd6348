"""Known wrong implementations of unit 9: each replaces one function of the reference.

Where a function is called by the name that it replaces, the reference's own answers. The caches are
the reference's: a step keeps (x, h, w_xh, w_hh, h_next), a sequence the list of its steps' caches,
a stack the list of its layers' caches.
"""

import numpy as np
import torch
from recurrent import (
    clip_gradients,
    cross_entropy,
    rnn_backward,
    rnn_forward,
    rnn_loss,
    rnn_step_backward,
    rnn_step_forward,
    stacked_rnn_backward,
    stacked_rnn_forward,
    truncated_bptt,
)

from autograder.testing import mistake

# --- rnn_step_forward -------------------------------------------------------------------------


def _with_state(h_next, cache):
    """A state with the cache that goes with it."""
    return h_next, (*cache[:4], h_next)


@mistake("rnn_step_forward", "You left out the bias: b is added before the tanh.")
def bias_is_forgotten(x, h, w_xh, w_hh, b):
    _, cache = rnn_step_forward(x, h, w_xh, w_hh, b)
    return _with_state(torch.tanh(x @ w_xh + h @ w_hh), cache)


@mistake(
    "rnn_step_forward",
    "You used w_hh transposed: states are rows here and w_hh stands on their right as it is. It is "
    "PyTorch that stores the transpose.",
)
def state_weights_are_transposed(x, h, w_xh, w_hh, b):
    _, cache = rnn_step_forward(x, h, w_xh, w_hh, b)
    return _with_state(torch.tanh(x @ w_xh + h @ w_hh.T + b), cache)


@mistake(
    "rnn_step_forward",
    "You applied tanh to a part of the sum only. It acts on all of it: input, state and bias.",
)
def tanh_leaves_out_the_state(x, h, w_xh, w_hh, b):
    _, cache = rnn_step_forward(x, h, w_xh, w_hh, b)
    return _with_state(torch.tanh(x @ w_xh + b) + h @ w_hh, cache)


@mistake("rnn_step_forward", "You left out the activation: the new state is the tanh of the sum.")
def tanh_is_forgotten(x, h, w_xh, w_hh, b):
    _, cache = rnn_step_forward(x, h, w_xh, w_hh, b)
    return _with_state(x @ w_xh + h @ w_hh + b, cache)


@mistake(
    "rnn_step_forward",
    "Your activation is the sigmoid: the states of this network are tanh, between -1 and 1.",
)
def sigmoid_instead_of_tanh(x, h, w_xh, w_hh, b):
    _, cache = rnn_step_forward(x, h, w_xh, w_hh, b)
    return _with_state(torch.sigmoid(x @ w_xh + h @ w_hh + b), cache)


@mistake(
    "rnn_step_forward",
    "Your new state ignores the old one: h w_hh is missing, so the network remembers nothing.",
)
def old_state_is_ignored(x, h, w_xh, w_hh, b):
    _, cache = rnn_step_forward(x, h, w_xh, w_hh, b)
    return _with_state(torch.tanh(x @ w_xh + b), cache)


# --- rnn_step_backward ------------------------------------------------------------------------


def _from_dz(dz, x, h, w_xh, w_hh):
    """The gradients of a step, given what arrives behind the tanh."""
    return dz @ w_xh.T, dz @ w_hh.T, x.T @ dz, h.T @ dz, dz.sum(0)


@mistake(
    "rnn_step_backward",
    "You left out the derivative of tanh: multiply dh by 1 - h'^2 before anything else.",
)
def tanh_derivative_is_forgotten(dh, cache):
    return _from_dz(dh, *cache[:4])


@mistake("rnn_step_backward", "The derivative of tanh is 1 - h'^2; you used 1 - h'.")
def tanh_derivative_without_square(dh, cache):
    return _from_dz(dh * (1 - cache[4]), *cache[:4])


@mistake(
    "rnn_step_backward",
    "You used the derivative of the sigmoid, h' (1 - h'). The activation is tanh: 1 - h'^2.",
)
def sigmoid_derivative(dh, cache):
    return _from_dz(dh * cache[4] * (1 - cache[4]), *cache[:4])


@mistake(
    "rnn_step_backward",
    "You differentiated tanh at the state before the step. It is the state after the step that is "
    "the output of tanh.",
)
def tanh_derivative_at_the_old_state(dh, cache):
    return _from_dz(dh * (1 - cache[1] ** 2), *cache[:4])


@mistake(
    "rnn_step_backward",
    "You put the state after the step into dw_hh. w_hh was multiplied with the state before it.",
)
def dw_hh_holds_the_new_state(dh, cache):
    dx, dh_old, dw_xh, _, db = rnn_step_backward(dh, cache)
    return dx, dh_old, dw_xh, cache[4].T @ (dh * (1 - cache[4] ** 2)), db


@mistake(
    "rnn_step_backward",
    "You multiplied by w_hh on the way back to the old state: h w_hh goes back with w_hh "
    "transposed.",
)
def dh_without_transpose(dh, cache):
    dx, _, dw_xh, dw_hh, db = rnn_step_backward(dh, cache)
    return dx, (dh * (1 - cache[4] ** 2)) @ cache[3], dw_xh, dw_hh, db


@mistake(
    "rnn_step_backward",
    "Your dw_hh is transposed: its rows are the units that the signal comes from.",
)
def dw_hh_is_transposed(dh, cache):
    dx, dh_old, dw_xh, dw_hh, db = rnn_step_backward(dh, cache)
    return dx, dh_old, dw_xh, dw_hh.T.clone(), db


@mistake("rnn_step_backward", "You averaged db over the batch: it is the sum over the samples.")
def db_is_averaged(dh, cache):
    *others, db = rnn_step_backward(dh, cache)
    return *others, db / len(dh)


@mistake(
    "rnn_step_backward",
    "You averaged the gradients of the weights over the batch: they are sums over the samples.",
)
def weight_gradients_are_averaged(dh, cache):
    dx, dh_old, *dweights = rnn_step_backward(dh, cache)
    return dx, dh_old, *(dw / len(dh) for dw in dweights)


@mistake(
    "rnn_step_backward",
    "You multiplied dh by the derivative of tanh in place. It belongs to the caller: make a new "
    "tensor.",
)
def dh_is_changed_in_place(dh, cache):
    dh *= 1 - cache[4] ** 2
    return _from_dz(dh, *cache[:4])


# --- rnn_forward ------------------------------------------------------------------------------


def _run(x, h, w_xh, w_hh, b, *, times, carry=True):
    """The states at some times, and the caches of their steps."""
    rnn_forward(x, h, w_xh, w_hh, b)  # for its validation
    start, states, caches = h, [], []
    for t in times:
        h, cache = rnn_step_forward(x[:, t], h if carry else start, w_xh, w_hh, b)
        states.append(h)
        caches.append(cache)
    return states, caches


@mistake(
    "rnn_forward",
    "Every step of yours starts from h0. The state after a step is the state before the next one.",
)
def state_is_not_carried(x, h0, w_xh, w_hh, b):
    states, caches = _run(x, h0, w_xh, w_hh, b, times=range(x.shape[1]), carry=False)
    return torch.stack(states, dim=1), caches


@mistake("rnn_forward", "You start from zeros: the state before the first step is h0.")
def h0_is_ignored(x, h0, w_xh, w_hh, b):
    return rnn_forward(x, torch.zeros_like(h0), w_xh, w_hh, b)


@mistake("rnn_forward", "You read the sequence from its end: the first step reads x[:, 0].")
def sequence_is_read_backwards(x, h0, w_xh, w_hh, b):
    states, caches = _run(x, h0, w_xh, w_hh, b, times=reversed(range(x.shape[1])))
    return torch.stack(states[::-1], dim=1), caches[::-1]


@mistake(
    "rnn_forward",
    "Your states are one step late: hs[:, 0] is the state after the first step, and h0 is not part "
    "of hs.",
)
def states_before_the_steps(x, h0, w_xh, w_hh, b):
    hs, caches = rnn_forward(x, h0, w_xh, w_hh, b)
    return torch.cat([h0[:, None], hs[:, :-1]], dim=1), caches


@mistake(
    "rnn_forward",
    "You reshaped stacked states from (T, N, H) to (N, T, H), which mixes the samples. Exchange "
    "the axes, or stack along axis 1.",
)
def time_and_batch_are_reshaped(x, h0, w_xh, w_hh, b):
    hs, caches = rnn_forward(x, h0, w_xh, w_hh, b)
    return hs.transpose(0, 1).reshape(hs.shape), caches


@mistake(
    "rnn_forward",
    "All your states are the last one. Keep the state after each step, in a list or in a place of "
    "its own.",
)
def last_state_everywhere(x, h0, w_xh, w_hh, b):
    hs, caches = rnn_forward(x, h0, w_xh, w_hh, b)
    return hs[:, -1:].repeat(1, hs.shape[1], 1), caches


# --- rnn_backward -----------------------------------------------------------------------------


def _through_time(dhs, caches, *, arrives, collect):
    """Backpropagation through time with two places to go wrong.

    arrives(t, dh) is what arrives at the state of step t, dh coming from the next step;
    collect(gradients) makes one gradient of those of all steps, the last step first.
    """
    rnn_backward(dhs, caches)  # for its validation
    dh, dxs, dweights = torch.zeros_like(dhs[:, 0]), [], []
    for t in reversed(range(len(caches))):
        dx, dh, *dw = rnn_step_backward(arrives(t, dh), caches[t])
        dxs.append(dx)
        dweights.append(dw)
    return torch.stack(dxs[::-1], dim=1), dh, *map(collect, zip(*dweights, strict=True))


@mistake(
    "rnn_backward",
    "Your gradients of the weights are those of the first step: at each step you overwrote what "
    "the later steps had contributed. The weights are used at every step, so add.",
)
def weight_gradients_are_overwritten(dhs, cache):
    def arrives(t, dh):
        return dhs[:, t] + dh

    return _through_time(dhs, cache, arrives=arrives, collect=lambda steps: steps[-1])


@mistake(
    "rnn_backward",
    "Your gradients of the weights are those of the last step only. The weights are used at every "
    "step, so add the gradients of all steps.",
)
def weight_gradients_of_the_last_step(dhs, cache):
    def arrives(t, dh):
        return dhs[:, t] + dh

    return _through_time(dhs, cache, arrives=arrives, collect=lambda steps: steps[0])


@mistake(
    "rnn_backward",
    "You averaged the gradients of the weights over time: what is used at every step gets the sum.",
)
def weight_gradients_are_averaged_over_time(dhs, cache):
    dx, dh0, *dweights = rnn_backward(dhs, cache)
    return dx, dh0, *(dw / len(cache) for dw in dweights)


@mistake(
    "rnn_backward",
    "Nothing flows back through time in your code: to each state add what comes from the step "
    "after it.",
)
def next_step_is_forgotten(dhs, cache):
    return _through_time(dhs, cache, arrives=lambda t, dh: dhs[:, t], collect=sum)


@mistake(
    "rnn_backward",
    "You used the gradient that arrives at the last state and no other: add dhs[:, t] at every "
    "step.",
)
def only_the_last_state_has_a_gradient(dhs, cache):
    def arrives(t, dh):
        return dhs[:, t] if t == len(cache) - 1 else dh

    return _through_time(dhs, cache, arrives=arrives, collect=sum)


@mistake(
    "rnn_backward",
    "What comes from the next step replaces dhs[:, t] in your code wherever there is a next step, "
    "except at the first one. A state has two consumers at every step: add both.",
)
def middle_states_lose_their_gradient(dhs, cache):
    def arrives(t, dh):
        return dhs[:, t] + dh if t in (0, len(cache) - 1) else dh

    return _through_time(dhs, cache, arrives=arrives, collect=sum)


@mistake(
    "rnn_backward",
    "Your dx is in the order in which it was computed, the last step first: dx[:, 0] belongs to "
    "the first step.",
)
def dx_is_in_reverse_order(dhs, cache):
    dx, *others = rnn_backward(dhs, cache)
    return dx.flip(1), *others


@mistake(
    "rnn_backward",
    "Your dh0 is the gradient of the state after the first step. One step further back: through "
    "the tanh of the first step and w_hh.",
)
def dh0_is_one_step_short(dhs, cache):
    _, dh, *_ = rnn_backward(dhs[:, 1:], cache[1:]) if len(cache) > 1 else (None, 0)
    dx, _, *dweights = rnn_backward(dhs, cache)
    return dx, dhs[:, 0] + dh, *dweights


@mistake(
    "rnn_backward",
    "You added what comes from the next step into dhs itself. It belongs to the caller: add into a "
    "new tensor.",
)
def dhs_is_changed_in_place(dhs, cache):
    def arrives(t, dh):
        dhs[:, t] += dh
        return dhs[:, t]

    return _through_time(dhs, cache, arrives=arrives, collect=sum)


# --- rnn_loss ---------------------------------------------------------------------------------


def _by_scores(loss, dscores, x, h0, w_xh, w_hh, b, w_hq):
    """Everything that follows from the gradient of the scores."""
    hs, cache = rnn_forward(x, h0, w_xh, w_hh, b)
    _, dh0, dw_xh, dw_hh, db = rnn_backward(dscores @ w_hq.T, cache)
    dw_hq = hs.flatten(0, 1).T @ dscores.flatten(0, 1)
    return loss, dh0, dw_xh, dw_hh, db, dw_hq, dscores.sum((0, 1))


def _steps(x, y, h0, w_xh, w_hh, b, w_hq, c):
    """For each step the loss and the gradient of its scores, without any mean."""
    rnn_loss(x, y, h0, w_xh, w_hh, b, w_hq, c)  # for its validation
    hs, _ = rnn_forward(x, h0, w_xh, w_hh, b)
    return cross_entropy(hs @ w_hq + c, y)


@mistake(
    "rnn_loss",
    "You divided by the batch size and forgot the time: the loss is the mean over all N T steps.",
)
def summed_over_time(x, y, h0, w_xh, w_hh, b, w_hq, c):
    return tuple(v * y.shape[1] for v in rnn_loss(x, y, h0, w_xh, w_hh, b, w_hq, c))


@mistake(
    "rnn_loss",
    "You averaged over time and summed over the batch: the loss is the mean over all N T steps.",
)
def summed_over_the_batch(x, y, h0, w_xh, w_hh, b, w_hq, c):
    return tuple(v * y.shape[0] for v in rnn_loss(x, y, h0, w_xh, w_hh, b, w_hq, c))


@mistake(
    "rnn_loss",
    "Your loss is a mean, but your gradients are those of the sum over batch and time: the factor "
    "1/(N T) belongs to both.",
)
def gradients_of_the_sum(x, y, h0, w_xh, w_hh, b, w_hq, c):
    loss, *grads = rnn_loss(x, y, h0, w_xh, w_hh, b, w_hq, c)
    return loss, *(g * y.numel() for g in grads)


@mistake(
    "rnn_loss",
    "Your loss is the mean over batch and time, but your gradients were divided by N only.",
)
def gradients_forget_the_time(x, y, h0, w_xh, w_hh, b, w_hq, c):
    loss, *grads = rnn_loss(x, y, h0, w_xh, w_hh, b, w_hq, c)
    return loss, *(g * y.shape[1] for g in grads)


@mistake(
    "rnn_loss",
    "You only scored the last state: a class is to be predicted at every step, and the loss is the "
    "mean over all of them.",
)
def only_the_last_step_is_scored(x, y, h0, w_xh, w_hh, b, w_hq, c):
    losses, dscores = _steps(x, y, h0, w_xh, w_hh, b, w_hq, c)
    last = torch.zeros_like(dscores)
    last[:, -1] = dscores[:, -1] / len(y)
    return _by_scores(losses[:, -1].mean(), last, x, h0, w_xh, w_hh, b, w_hq)


@mistake("rnn_loss", "You left out c, the bias of the scores.")
def scores_have_no_bias(x, y, h0, w_xh, w_hh, b, w_hq, c):
    return rnn_loss(x, y, h0, w_xh, w_hh, b, w_hq, torch.zeros_like(c))


@mistake(
    "rnn_loss",
    "Your scores are squashed by tanh: the output layer is linear, o = h w_hq + c.",
)
def scores_are_squashed(x, y, h0, w_xh, w_hh, b, w_hq, c):
    rnn_loss(x, y, h0, w_xh, w_hh, b, w_hq, c)  # for its validation
    hs, _ = rnn_forward(x, h0, w_xh, w_hh, b)
    scores = torch.tanh(hs @ w_hq + c)
    losses, dscores = cross_entropy(scores, y)
    dscores = dscores * (1 - scores**2) / y.numel()
    return _by_scores(losses.mean(), dscores, x, h0, w_xh, w_hh, b, w_hq)


@mistake(
    "rnn_loss",
    "You predicted y_t from the state before step t: the scores of a step come from the state "
    "after it.",
)
def scores_come_from_the_state_before(x, y, h0, w_xh, w_hh, b, w_hq, c):
    rnn_loss(x, y, h0, w_xh, w_hh, b, w_hq, c)  # for its validation
    hs, cache = rnn_forward(x, h0, w_xh, w_hh, b)
    before = torch.cat([h0[:, None], hs[:, :-1]], dim=1)
    losses, dscores = cross_entropy(before @ w_hq + c, y)
    dscores = dscores / y.numel()
    dbefore = dscores @ w_hq.T
    dhs = torch.cat([dbefore[:, 1:], torch.zeros_like(dbefore[:, :1])], dim=1)
    _, dh0, *dweights = rnn_backward(dhs, cache)
    dw_hq = before.flatten(0, 1).T @ dscores.flatten(0, 1)
    return losses.mean(), dh0 + dbefore[:, 0], *dweights, dw_hq, dscores.sum((0, 1))


@mistake(
    "rnn_loss",
    "Your dw_hq and dc are those of the last step only. The output layer is used at every step, so "
    "add the gradients of all steps.",
)
def output_layer_learns_from_the_last_step(x, y, h0, w_xh, w_hh, b, w_hq, c):
    *others, _, _ = rnn_loss(x, y, h0, w_xh, w_hh, b, w_hq, c)
    hs, _ = rnn_forward(x, h0, w_xh, w_hh, b)
    _, dscores = cross_entropy(hs[:, -1] @ w_hq + c, y[:, -1])
    dscores = dscores / y.numel()
    return *others, hs[:, -1].T @ dscores, dscores.sum(0)


# --- truncated_bptt ---------------------------------------------------------------------------


def _chunks(x, y, h0, w_xh, w_hh, b, w_hq, c, *, k, start_from=None, mean=False):
    """Loss and gradients of each chunk; start_from replaces the state that should be carried."""
    truncated_bptt(x, y, h0, w_xh, w_hh, b, w_hq, c, k=k)  # for its validation
    h, found = h0, []
    for start in range(0, x.shape[1], k):
        part = slice(start, start + k)
        loss, _, *grads = rnn_loss(x[:, part], y[:, part], h, w_xh, w_hh, b, w_hq, c)
        share = 1.0 if mean else y[:, part].numel() / y.numel()
        found.append([v * share for v in (loss, *grads)])
        carried = rnn_forward(x[:, part], h, w_xh, w_hh, b)[0][:, -1]
        h = carried if start_from is None else start_from
    return found


def _added(chunks):
    return tuple(sum(parts) for parts in zip(*chunks, strict=True))


@mistake(
    "truncated_bptt",
    "You set the state to zero at the beginning of each chunk. Only the gradient is cut: the last "
    "state of a chunk is the first of the next.",
)
def state_is_reset_to_zero(x, y, h0, w_xh, w_hh, b, w_hq, c, *, k):
    zero = torch.zeros_like(h0)
    return _added(_chunks(x, y, h0, w_xh, w_hh, b, w_hq, c, k=k, start_from=zero))


@mistake(
    "truncated_bptt",
    "Each of your chunks starts from h0. Only the gradient is cut: the last state of a chunk is "
    "the first of the next.",
)
def state_is_reset_to_h0(x, y, h0, w_xh, w_hh, b, w_hq, c, *, k):
    return _added(_chunks(x, y, h0, w_xh, w_hh, b, w_hq, c, k=k, start_from=h0))


@mistake(
    "truncated_bptt",
    "You did not truncate: this is the gradient of the whole sequence. The state that enters a "
    "chunk counts as a constant in the backward pass.",
)
def nothing_is_truncated(x, y, h0, w_xh, w_hh, b, w_hq, c, *, k):
    truncated_bptt(x, y, h0, w_xh, w_hh, b, w_hq, c, k=k)  # for its validation
    loss, _, *grads = rnn_loss(x, y, h0, w_xh, w_hh, b, w_hq, c)
    return loss, *grads


@mistake(
    "truncated_bptt",
    "You added the means of the chunks. Each chunk contributes its share of one mean over all N T "
    "steps.",
)
def means_of_chunks_are_added(x, y, h0, w_xh, w_hh, b, w_hq, c, *, k):
    return _added(_chunks(x, y, h0, w_xh, w_hh, b, w_hq, c, k=k, mean=True))


@mistake(
    "truncated_bptt",
    "You averaged the means of the chunks, so the steps of a shorter last chunk count more. The "
    "loss is one mean over all N T steps.",
)
def means_of_chunks_are_averaged(x, y, h0, w_xh, w_hh, b, w_hq, c, *, k):
    chunks = _chunks(x, y, h0, w_xh, w_hh, b, w_hq, c, k=k, mean=True)
    return tuple(v / len(chunks) for v in _added(chunks))


@mistake(
    "truncated_bptt",
    "You dropped the steps after the last full chunk: where k does not divide T, the last chunk is "
    "shorter.",
)
def rest_is_dropped(x, y, h0, w_xh, w_hh, b, w_hq, c, *, k):
    chunks = _chunks(x, y, h0, w_xh, w_hh, b, w_hq, c, k=k)
    full = chunks[: x.shape[1] // k] or [[0 * v for v in chunks[0]]]
    return _added(full)


@mistake(
    "truncated_bptt",
    "Your gradients are those of the last chunk: add the gradients of all chunks.",
)
def only_the_last_chunk_counts(x, y, h0, w_xh, w_hh, b, w_hq, c, *, k):
    chunks = _chunks(x, y, h0, w_xh, w_hh, b, w_hq, c, k=k)
    return _added(chunks)[0], *chunks[-1][1:]


@mistake(
    "truncated_bptt",
    "You let the gradient of every step go back k steps, with windows that overlap. Here the "
    "chunks are disjoint, and the gradient goes back to the beginning of its own chunk.",
)
def windows_overlap(x, y, h0, w_xh, w_hh, b, w_hq, c, *, k):
    truncated_bptt(x, y, h0, w_xh, w_hh, b, w_hq, c, k=k)  # for its validation
    hs, _ = rnn_forward(x, h0, w_xh, w_hh, b)
    states = torch.cat([h0[:, None], hs], dim=1)
    loss, _, *grads = rnn_loss(x, y, h0, w_xh, w_hh, b, w_hq, c)
    found = []
    for t in range(x.shape[1]):
        start = max(0, t + 1 - k)
        _, cache = rnn_forward(x[:, start : t + 1], states[:, start], w_xh, w_hh, b)
        _, dscores = cross_entropy(hs[:, t] @ w_hq + c, y[:, t])
        dhs = hs.new_zeros(len(x), t + 1 - start, hs.shape[2])
        dhs[:, -1] = dscores @ w_hq.T / y.numel()
        found.append(rnn_backward(dhs, cache)[2:])
    return loss, *_added(found), *grads[-2:]


# --- stacked_rnn_forward ----------------------------------------------------------------------


@mistake(
    "stacked_rnn_forward",
    "All your layers start from the initial state of the lowest one: layer l starts from h0[:, l].",
)
def one_initial_state_for_all(x, h0, weights):
    return stacked_rnn_forward(x, h0[:, :1].expand(h0.shape), weights)


@mistake(
    "stacked_rnn_forward",
    "You took the initial states in reverse: h0[:, 0] belongs to the lowest layer, the one that "
    "reads x.",
)
def initial_states_in_reverse(x, h0, weights):
    return stacked_rnn_forward(x, h0.flip(1), weights)


@mistake(
    "stacked_rnn_forward",
    "Your h_n is in reverse: h_n[:, 0] is the last state of the layer that reads x.",
)
def last_states_in_reverse(x, h0, weights):
    hs, h_n, cache = stacked_rnn_forward(x, h0, weights)
    return hs, h_n.flip(1), cache


@mistake(
    "stacked_rnn_forward",
    "Your h_n holds the states after the first step: it is the states after the last one.",
)
def states_after_the_first_step(x, h0, weights):
    hs, _, cache = stacked_rnn_forward(x, h0, weights)
    _, first, _ = stacked_rnn_forward(x[:, :1], h0, weights)
    return hs, first, cache


@mistake(
    "stacked_rnn_forward",
    "Your h_n is the last state of the top layer, for every layer: each layer has a last state of "
    "its own.",
)
def last_state_of_the_top_for_all(x, h0, weights):
    hs, h_n, cache = stacked_rnn_forward(x, h0, weights)
    return hs, h_n[:, -1:].repeat(1, len(weights), 1), cache


@mistake(
    "stacked_rnn_forward",
    "Your hs are the states of the lowest layer: the output is the sequence of the top one.",
)
def output_of_the_lowest_layer(x, h0, weights):
    _, h_n, cache = stacked_rnn_forward(x, h0, weights)
    return rnn_forward(x, h0[:, 0], *weights[0])[0], h_n, cache


# --- stacked_rnn_backward ---------------------------------------------------------------------


def _down(dhs, dh_n, cache, arrives):
    """From the top layer down; arrives(layer, dhs) is what arrives at the states of a layer."""
    stacked_rnn_backward(dhs, dh_n, cache)  # for its validation
    dh0, dweights = [], []
    for layer in reversed(range(len(cache))):
        dhs, dh, *dw = rnn_backward(arrives(layer, dhs), cache[layer])
        dh0.append(dh)
        dweights.append(tuple(dw))
    return dhs, torch.stack(dh0[::-1], dim=1), dweights[::-1]


def _with_last(dhs, last):
    """dhs, with last added at the last step."""
    return torch.cat([dhs[:, :-1], dhs[:, -1:] + last[:, None]], dim=1)


@mistake(
    "stacked_rnn_backward",
    "You ignored dh_n: what arrives at the last states is added at the last step of each layer.",
)
def dh_n_is_ignored(dhs, dh_n, cache):
    return stacked_rnn_backward(dhs, torch.zeros_like(dh_n), cache)


@mistake(
    "stacked_rnn_backward",
    "You used the part of dh_n that belongs to the top layer and no other: every layer has a last "
    "state.",
)
def dh_n_of_the_top_only(dhs, dh_n, cache):
    top = torch.cat([torch.zeros_like(dh_n[:, :-1]), dh_n[:, -1:]], dim=1)
    return stacked_rnn_backward(dhs, top, cache)


@mistake(
    "stacked_rnn_backward",
    "You left out dh_n for the top layer. Its last state is returned twice, in hs and in h_n, so "
    "both gradients count.",
)
def dh_n_of_the_top_is_forgotten(dhs, dh_n, cache):
    below = torch.cat([dh_n[:, :-1], torch.zeros_like(dh_n[:, -1:])], dim=1)
    return stacked_rnn_backward(dhs, below, cache)


@mistake(
    "stacked_rnn_backward",
    "You took the layers of dh_n in reverse: dh_n[:, 0] belongs to the lowest layer.",
)
def dh_n_in_reverse(dhs, dh_n, cache):
    return stacked_rnn_backward(dhs, dh_n.flip(1), cache)


@mistake(
    "stacked_rnn_backward",
    "You added dh_n at every step: it belongs to the states after the last step only.",
)
def dh_n_at_every_step(dhs, dh_n, cache):
    return _down(dhs, dh_n, cache, lambda layer, dhs: dhs + dh_n[:, layer, None])


@mistake(
    "stacked_rnn_backward",
    "You gave dhs to every layer. It arrives at the top layer; the layers below get the dx of the "
    "layer above.",
)
def dhs_reaches_every_layer(dhs, dh_n, cache):
    top = len(cache) - 1

    def arrives(layer, states):
        return _with_last(states if layer == top else states + dhs, dh_n[:, layer])

    return _down(dhs, dh_n, cache, arrives)


@mistake(
    "stacked_rnn_backward",
    "Your dweights are in the order in which they were computed, the top layer first: return the "
    "lowest layer first, as in weights.",
)
def dweights_in_reverse(dhs, dh_n, cache):
    dx, dh0, dweights = stacked_rnn_backward(dhs, dh_n, cache)
    return dx, dh0, dweights[::-1]


@mistake(
    "stacked_rnn_backward",
    "Your dh0 is in the order in which it was computed, the top layer first: dh0[:, 0] belongs to "
    "the lowest layer.",
)
def dh0_in_reverse(dhs, dh_n, cache):
    dx, dh0, dweights = stacked_rnn_backward(dhs, dh_n, cache)
    return dx, dh0.flip(1), dweights


@mistake(
    "stacked_rnn_backward",
    "You added dh_n into dhs itself. It belongs to the caller: add into a copy.",
)
def dhs_is_added_to_in_place(dhs, dh_n, cache):
    result = stacked_rnn_backward(dhs, dh_n, cache)
    dhs[:, -1] += dh_n[:, -1]
    return result


# --- clip_gradients ---------------------------------------------------------------------------


def _norm(grads):
    return torch.sqrt(sum((g * g).sum() for g in grads))


def _scaled(grads, norm, theta):
    """The gradients, clipped with another norm."""
    clip_gradients(grads, theta=theta)  # for its validation
    scale = (theta / norm(grads)).clamp(max=1.0)
    return [g * scale for g in grads]


@mistake(
    "clip_gradients",
    "You clipped each tensor by a norm of its own, which changes the direction. There is one norm, "
    "over all tensors together.",
)
def each_tensor_by_its_own_norm(grads, *, theta):
    clip_gradients(grads, theta=theta)  # for its validation
    return [clip_gradients([g], theta=theta)[0] for g in grads]


@mistake(
    "clip_gradients",
    "You clipped each entry to [-theta, theta], which changes the direction. Scale all gradients "
    "by one factor.",
)
def each_entry_is_clamped(grads, *, theta):
    clip_gradients(grads, theta=theta)  # for its validation
    return [g.clamp(-theta, theta) for g in grads]


@mistake(
    "clip_gradients",
    "You stretched short gradients to the norm theta: the factor is at most 1.",
)
def short_gradients_are_stretched(grads, *, theta):
    clip_gradients(grads, theta=theta)  # for its validation
    norm = _norm(grads)
    return [torch.where(norm > 0, g * (theta / norm), g) for g in grads]


@mistake(
    "clip_gradients",
    "You divided by the squared norm: take the root of the sum of squares first.",
)
def root_is_forgotten(grads, *, theta):
    return _scaled(grads, lambda grads: _norm(grads) ** 2, theta)


@mistake(
    "clip_gradients",
    "You took the sum of absolute values for the norm: it is the root of the sum of squares.",
)
def sum_of_absolute_values(grads, *, theta):
    return _scaled(grads, lambda grads: sum(g.abs().sum() for g in grads), theta)


@mistake(
    "clip_gradients",
    "You added the norms of the tensors. The norm of all together is the root of the sum of their "
    "squares.",
)
def norms_are_added(grads, *, theta):
    return _scaled(grads, lambda grads: sum(_norm([g]) for g in grads), theta)


@mistake(
    "clip_gradients",
    "You used the largest norm of a single tensor: the norm runs over all tensors together.",
)
def largest_norm_of_a_tensor(grads, *, theta):
    return _scaled(grads, lambda grads: max(_norm([g]) for g in grads), theta)


@mistake(
    "clip_gradients",
    "You divided gradients of 0 by their norm: 0/0 is not a number. Gradients of 0 stay 0.",
)
def zero_by_zero(grads, *, theta):
    clip_gradients(grads, theta=theta)  # for its validation
    norm = _norm(grads)
    return [g / norm * norm.clamp(max=theta) for g in grads]


@mistake(
    "clip_gradients",
    "You scaled the given tensors themselves. They belong to the caller: return new ones. (The "
    "underscore in PyTorch's clip_grad_norm_ says that it works in place; this function does not.)",
)
def gradients_are_changed_in_place(grads, *, theta):
    clip_gradients(grads, theta=theta)  # for its validation
    norm = _norm(grads)
    for g in grads:
        g *= (theta / norm).clamp(max=1.0)
    return list(grads)


# --- on a second device ------------------------------------------------------------------------


@mistake(
    "rnn_backward",
    "The gradient of the last state starts on the CPU: give torch.zeros the device of dhs, or use "
    "torch.zeros_like.",
    on="cuda",
)
def gradient_starts_on_the_cpu(dhs, cache):
    rnn_backward(dhs, cache)  # refuses what cannot be used
    dh, dxs, dweights = torch.zeros(dhs[:, 0].shape, dtype=dhs.dtype), [], []
    for t in reversed(range(dhs.shape[1])):
        dx, dh, *dw = rnn_step_backward(dhs[:, t] + dh, cache[t])
        dxs.append(dx)
        dweights.append(dw)
    sums = [sum(steps) for steps in zip(*dweights, strict=True)]
    return torch.stack(dxs[::-1], dim=1), dh, *sums


@mistake(
    "rnn_forward",
    'You wrote the device "cpu" into your code, so that the states are collected there: ask x for '
    "its device.",
    on="cuda",
)
def states_are_always_collected_on_the_cpu(x, h0, w_xh, w_hh, b):
    hs, cache = rnn_forward(x, h0, w_xh, w_hh, b)
    collected = torch.empty(hs.shape, dtype=hs.dtype, device="cpu")
    for t in range(x.shape[1]):
        collected[:, t] = hs[:, t]
    return collected, cache


@mistake(
    "clip_gradients",
    "You go through NumPy for the norm, which knows the CPU only: torch has the same functions for "
    "tensors.",
    on="cuda",
)
def norm_in_numpy(grads, *, theta):
    clip_gradients(grads, theta=theta)  # refuses what cannot be used
    norm = float(np.sqrt(sum(np.square(g.numpy()).sum() for g in grads)))
    return [g * min(1.0, theta / norm) if norm > 0 else g.clone() for g in grads]
