"""Known wrong implementations of unit 9: each replaces one function of the reference.

Most are small changes of its text. Where a function is called by the name that it replaces, it
gives the reference's own answers.
"""

import torch
from recurrent import cross_entropy, rnn_backward, rnn_forward, rnn_loss, truncated_bptt

from autograder.testing import mistake

# --- rnn_step_forward -------------------------------------------------------------------------

bias_is_forgotten = mistake(
    "rnn_step_forward",
    "You left out the bias: b is added before the tanh.",
    change={"h @ w_hh + b": "h @ w_hh"},
)

state_weights_are_transposed = mistake(
    "rnn_step_forward",
    "You used w_hh transposed: states are rows here and w_hh stands on their right as it is. It is "
    "PyTorch that stores the transpose.",
    change={"h @ w_hh": "h @ w_hh.T"},
)

tanh_leaves_out_the_state = mistake(
    "rnn_step_forward",
    "You applied tanh to a part of the sum only. It acts on all of it: input, state and bias.",
    change={" + h @ w_hh + b)": " + b) + h @ w_hh"},
)

tanh_is_forgotten = mistake(
    "rnn_step_forward",
    "You left out the activation: the new state is the tanh of the sum.",
    change={"torch.tanh": ""},
)

sigmoid_instead_of_tanh = mistake(
    "rnn_step_forward",
    "Your activation is the sigmoid: the states of this network are tanh, between -1 and 1.",
    change={"torch.tanh": "torch.sigmoid"},
)

old_state_is_ignored = mistake(
    "rnn_step_forward",
    "Your new state ignores the old one: h w_hh is missing, so the network remembers nothing.",
    change={" + h @ w_hh": ""},
)

# --- rnn_step_backward ------------------------------------------------------------------------

tanh_derivative_is_forgotten = mistake(
    "rnn_step_backward",
    "You left out the derivative of tanh: multiply dh by 1 - h'^2 before anything else.",
    change={"dh * (1 - h_next * h_next)": "dh"},
)

tanh_derivative_without_square = mistake(
    "rnn_step_backward",
    "The derivative of tanh is 1 - h'^2; you used 1 - h'.",
    change={"h_next * h_next": "h_next"},
)

sigmoid_derivative = mistake(
    "rnn_step_backward",
    "You used the derivative of the sigmoid, h' (1 - h'). The activation is tanh: 1 - h'^2.",
    change={"(1 - h_next * h_next)": "h_next * (1 - h_next)"},
)

tanh_derivative_at_the_old_state = mistake(
    "rnn_step_backward",
    "You differentiated tanh at the state before the step. It is the state after the step that is "
    "the output of tanh.",
    change={"h_next * h_next": "h * h"},
)

dw_hh_holds_the_new_state = mistake(
    "rnn_step_backward",
    "You put the state after the step into dw_hh. w_hh was multiplied with the state before it.",
    change={"h.T @ dz": "h_next.T @ dz"},
)

dh_without_transpose = mistake(
    "rnn_step_backward",
    "You multiplied by w_hh on the way back to the old state: h w_hh goes back with w_hh "
    "transposed.",
    change={"w_hh.T": "w_hh"},
)

dw_hh_is_transposed = mistake(
    "rnn_step_backward",
    "Your dw_hh is transposed: its rows are the units that the signal comes from.",
    change={"h.T @ dz": "dz.T @ h"},
)

db_is_averaged = mistake(
    "rnn_step_backward",
    "You averaged db over the batch: it is the sum over the samples.",
    change={"dz.sum(0)": "dz.mean(0)"},
)

weight_gradients_are_averaged = mistake(
    "rnn_step_backward",
    "You averaged the gradients of the weights over the batch: they are sums over the samples.",
    change={"x.T @ dz, h.T @ dz, dz.sum(0)": "x.T @ dz / len(dz), h.T @ dz / len(dz), dz.mean(0)"},
)

dh_is_changed_in_place = mistake(
    "rnn_step_backward",
    "You multiplied dh by the derivative of tanh in place. It belongs to the caller: make a new "
    "tensor.",
    change={"dh * (": "dh.mul_("},
    equal_in=("rnn_backward", "rnn_loss", "truncated_bptt", "stacked_rnn_backward"),
)

# --- rnn_forward ------------------------------------------------------------------------------

state_is_not_carried = mistake(
    "rnn_forward",
    "Every step of yours starts from h0. The state after a step is the state before the next one.",
    change={"x[:, t], h,": "x[:, t], h0,"},
)

h0_is_ignored = mistake(
    "rnn_forward",
    "You start from zeros: the state before the first step is h0.",
    change={"h0, [], []": "torch.zeros_like(h0), [], []"},
)


@mistake("rnn_forward", "You read the sequence from its end: the first step reads x[:, 0].")
def sequence_is_read_backwards(x, h0, w_xh, w_hh, b):
    hs, caches = rnn_forward(x.flip(1), h0, w_xh, w_hh, b)
    return hs.flip(1), caches[::-1]


states_before_the_steps = mistake(
    "rnn_forward",
    "Your states are one step late: hs[:, 0] is the state after the first step, and h0 is not part "
    "of hs.",
    change={"torch.stack(hs, dim=1)": "torch.stack([h0, *hs[:-1]], dim=1)"},
)

time_and_batch_are_reshaped = mistake(
    "rnn_forward",
    "You reshaped stacked states from (T, N, H) to (N, T, H), which mixes the samples. Exchange "
    "the axes, or stack along axis 1.",
    change={"torch.stack(hs, dim=1)": "torch.stack(hs).reshape(*x.shape[:2], h.shape[1])"},
)

last_state_everywhere = mistake(
    "rnn_forward",
    "All your states are the last one. Keep the state after each step, in a list or in a place of "
    "its own.",
    change={"torch.stack(hs, dim=1)": "torch.stack([h] * len(hs), dim=1)"},
)

# --- rnn_backward -----------------------------------------------------------------------------

weight_gradients_are_overwritten = mistake(
    "rnn_backward",
    "Your gradients of the weights are those of the first step only: add the gradients of"
    " all steps.",
    change={"sum(steps)": "steps[-1]"},
)

weight_gradients_of_the_last_step = mistake(
    "rnn_backward",
    "Your gradients of the weights are those of the last step only. The weights are used at every "
    "step, so add the gradients of all steps.",
    change={"sum(steps)": "steps[0]"},
)

weight_gradients_are_averaged_over_time = mistake(
    "rnn_backward",
    "You averaged the gradients of the weights over time: what is used at every step gets the sum.",
    change={"sum(steps)": "sum(steps) / len(steps)"},
)

next_step_is_forgotten = mistake(
    "rnn_backward",
    "Nothing flows back through time in your code: to each state add what comes from the step "
    "after it.",
    change={"dhs[:, t] + dh": "dhs[:, t]"},
)

only_the_last_state_has_a_gradient = mistake(
    "rnn_backward",
    "You used the gradient that arrives at the last state and no other: add dhs[:, t] at every "
    "step.",
    change={"torch.zeros_like(dhs[:, 0])": "dhs[:, -1]", "dhs[:, t] + dh": "dh"},
)

middle_states_lose_their_gradient = mistake(
    "rnn_backward",
    "What comes from the next step replaces dhs[:, t] in your code wherever there is a next step, "
    "except at the first one. A state has two consumers at every step: add both.",
    change={"dhs[:, t] + dh": "dhs[:, t] + dh if t in (0, len(cache) - 1) else dh"},
)

dx_is_in_reverse_order = mistake(
    "rnn_backward",
    "Your dx is in the order in which it was computed, the last step first: dx[:, 0] belongs to "
    "the first step.",
    change={"dxs[::-1]": "dxs"},
    equal_in=("rnn_loss", "truncated_bptt"),
)

dh0_is_one_step_short = mistake(
    "rnn_backward",
    "Your dh0 is the gradient of the state after the first step. One step further back: through "
    "the tanh of the first step and w_hh.",
    change={"dhs[:, t] + dh": "dh0 := dhs[:, t] + dh", "dim=1), dh,": "dim=1), dh0,"},
    equal_in=("truncated_bptt",),
)

dhs_is_changed_in_place = mistake(
    "rnn_backward",
    "You added what comes from the next step into dhs itself. It belongs to the caller: add into a "
    "new tensor.",
    change={"dhs[:, t] + dh": "dhs[:, t].add_(dh)"},
    equal_in=("rnn_loss", "truncated_bptt", "stacked_rnn_backward"),
)

# --- rnn_loss ---------------------------------------------------------------------------------

summed_over_time = mistake(
    "rnn_loss",
    "You divided by the batch size and forgot the time: the loss is the mean over all N T steps.",
    change={"y.numel()": "y.shape[0]"},
)

summed_over_the_batch = mistake(
    "rnn_loss",
    "You averaged over time and summed over the batch: the loss is the mean over all N T steps.",
    change={"y.numel()": "y.shape[1]"},
)

gradients_of_the_sum = mistake(
    "rnn_loss",
    "Your loss is a mean, but your gradients are those of the sum over batch and time: the factor "
    "1/(N T) belongs to both.",
    change={"count=y.numel()": "count=1", "return loss": "return loss / y.numel()"},
)

gradients_forget_the_time = mistake(
    "rnn_loss",
    "Your loss is the mean over batch and time, but your gradients were divided by N only.",
    change={"count=y.numel()": "count=y.shape[0]", "return loss": "return loss / y.shape[1]"},
)

only_the_last_step_is_scored = mistake(
    "rnn_loss",
    "You only scored the last state: a class is to be predicted at every step, and the loss is the "
    "mean over all of them.",
    change={
        "hs, y, w_hq, c, count=y.numel()": "hs[:, -1:], y[:, -1:], w_hq, c, count=len(y)",
        "(dhs, cache)": "(torch.cat([torch.zeros_like(hs[:, 1:]), dhs], dim=1), cache)",
    },
)

scores_have_no_bias = mistake(
    "rnn_loss",
    "You left out c, the bias of the scores.",
    change={"w_hq, c,": "w_hq, torch.zeros_like(c),"},
)


@mistake(
    "rnn_loss",
    "Your scores are squashed by tanh: the output layer is linear, o = h w_hq + c.",
)
def scores_are_squashed(x, y, h0, w_xh, w_hh, b, w_hq, c):
    rnn_loss(x, y, h0, w_xh, w_hh, b, w_hq, c)  # for its validation
    hs, cache = rnn_forward(x, h0, w_xh, w_hh, b)
    scores = torch.tanh(hs @ w_hq + c)
    losses, dscores = cross_entropy(scores, y)
    dscores = dscores * (1 - scores**2) / y.numel()
    _, dh0, *dweights = rnn_backward(dscores @ w_hq.T, cache)
    dw_hq = hs.flatten(0, 1).T @ dscores.flatten(0, 1)
    return losses.mean(), dh0, *dweights, dw_hq, dscores.sum((0, 1))


scores_come_from_the_state_before = mistake(
    "rnn_loss",
    "You predicted y_t from the state before step t: the scores of a step come from the state "
    "after it.",
    change={
        "_readout(hs,": "_readout(torch.cat([h0[:, None], hs[:, :-1]], dim=1),",
        "(dhs, cache)": "(torch.cat([dhs[:, 1:], torch.zeros_like(h0[:, None])], dim=1), cache)",
        "return loss, dh0": "return loss, dh0 + dhs[:, 0]",
    },
)

output_layer_learns_from_the_last_step = mistake(
    "rnn_loss",
    "Your dw_hq and dc are those of the last step only. The output layer is used at every step, so "
    "add the gradients of all steps.",
    change={
        "return loss": "*_, dw_hq, dc = _readout(hs[:, -1:], y[:, -1:], w_hq, c, count=y.numel())\n"
        "    return loss"
    },
)

# --- truncated_bptt ---------------------------------------------------------------------------

state_is_reset_to_zero = mistake(
    "truncated_bptt",
    "You set the state to zero at the beginning of each chunk but the first. Only the "
    "gradient is cut: the last state of a chunk is the first of the next.",
    change={"h = hs[:, -1]": "h = torch.zeros_like(h0)"},
)

state_is_reset_to_h0 = mistake(
    "truncated_bptt",
    "Each of your chunks starts from h0. Only the gradient is cut: the last state of a chunk is "
    "the first of the next.",
    change={"h = hs[:, -1]": "h = h0"},
)

nothing_is_truncated = mistake(
    "truncated_bptt",
    "You did not truncate: this is the gradient of the whole sequence. The state that enters a "
    "chunk counts as a constant in the backward pass.",
    change={"h, chunks = h0, []": "h, chunks, k = h0, [], x.shape[1]"},
)

means_of_chunks_are_added = mistake(
    "truncated_bptt",
    "You added the means of the chunks. Each chunk contributes its share of one mean over all N T "
    "steps.",
    change={"count=y.numel()": "count=y[:, steps].numel()"},
)

means_of_chunks_are_averaged = mistake(
    "truncated_bptt",
    "You averaged the means of the chunks, so the steps of a shorter last chunk count more. The "
    "loss is one mean over all N T steps.",
    change={
        "count=y.numel()": "count=y[:, steps].numel()",
        "sum(parts)": "sum(parts) / len(parts)",
    },
)

rest_is_dropped = mistake(
    "truncated_bptt",
    "You dropped the steps after the last full chunk: where k does not divide T, the last chunk is "
    "shorter.",
    change={
        "return tuple": "chunks = chunks[: x.shape[1] // k] or [[0 * v for v in chunks[0]]]\n"
        "    return tuple"
    },
)

only_the_last_chunk_counts = mistake(
    "truncated_bptt",
    "Your gradients are those of the last chunk: add the gradients of all chunks.",
    change={
        "tuple(sum(parts) for parts in zip(*chunks, strict=True))": (
            "sum(chunk[0] for chunk in chunks), *chunks[-1][1:]"
        )
    },
)


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
    return loss, *(sum(steps) for steps in zip(*found, strict=True)), *grads[-2:]


# --- stacked_rnn_forward ----------------------------------------------------------------------

one_initial_state_for_all = mistake(
    "stacked_rnn_forward",
    "All your layers start from the initial state of the lowest one: layer l starts from h0[:, l].",
    change={"h0[:, layer]": "h0[:, 0]"},
)

initial_states_in_reverse = mistake(
    "stacked_rnn_forward",
    "You took the initial states in reverse: h0[:, 0] belongs to the lowest layer, the one that "
    "reads x.",
    change={"h0[:, layer]": "h0[:, -1 - layer]"},
)

last_states_in_reverse = mistake(
    "stacked_rnn_forward",
    "Your h_n is in reverse: h_n[:, 0] is the last state of the layer that reads x.",
    change={"torch.stack(last,": "torch.stack(last[::-1],"},
)

states_after_the_first_step = mistake(
    "stacked_rnn_forward",
    "Your h_n holds the states after the first step: it is the states after the last one.",
    change={"hs[:, -1]": "hs[:, 0]"},
)

last_state_of_the_top_for_all = mistake(
    "stacked_rnn_forward",
    "Your h_n is the last state of the top layer, for every layer: each layer has a last state of "
    "its own.",
    change={"torch.stack(last,": "torch.stack(last[-1:] * len(last),"},
)

output_of_the_lowest_layer = mistake(
    "stacked_rnn_forward",
    "Your hs are the states of the lowest layer: the output is the sequence of the top one.",
    change={"return hs,": "return rnn_forward(x, h0[:, 0], *weights[0])[0],"},
)

# --- stacked_rnn_backward ---------------------------------------------------------------------

dh_n_is_ignored = mistake(
    "stacked_rnn_backward",
    "You ignored dh_n: what arrives at the last states is added at the last step of each layer.",
    change={"dhs[:, -1] += dh_n[:, layer]": ""},
)

dh_n_of_the_top_only = mistake(
    "stacked_rnn_backward",
    "You used the part of dh_n that belongs to the top layer and no other: every layer has a last "
    "state.",
    change={"dhs[:, -1] +=": "if layer == len(cache) - 1: dhs[:, -1] +="},
)

dh_n_of_the_top_is_forgotten = mistake(
    "stacked_rnn_backward",
    "You left out dh_n for the top layer. Its last state is returned twice, in hs and in h_n, so "
    "both gradients count.",
    change={"dhs[:, -1] +=": "if layer < len(cache) - 1: dhs[:, -1] +="},
)

dh_n_in_reverse = mistake(
    "stacked_rnn_backward",
    "You took the layers of dh_n in reverse: dh_n[:, 0] belongs to the lowest layer.",
    change={"dh_n[:, layer]": "dh_n[:, -1 - layer]"},
)

dh_n_at_every_step = mistake(
    "stacked_rnn_backward",
    "You added dh_n at every step: it belongs to the states after the last step only.",
    change={"dhs[:, -1] += dh_n[:, layer]": "dhs += dh_n[:, layer, None]"},
)

dhs_reaches_every_layer = mistake(
    "stacked_rnn_backward",
    "You gave dhs to every layer. It arrives at the top layer; the layers below get the dx of the "
    "layer above.",
    change={
        "dh0, dweights =": "top, dh0, dweights = dhs,",
        "dhs.clone()": "dhs.clone() if layer == len(cache) - 1 else dhs + top",
    },
)

dweights_in_reverse = mistake(
    "stacked_rnn_backward",
    "Your dweights are in the order in which they were computed, the top layer first: return the "
    "lowest layer first, as in weights.",
    change={"dweights[::-1]": "dweights"},
)

dh0_in_reverse = mistake(
    "stacked_rnn_backward",
    "Your dh0 is in the order in which it was computed, the top layer first: dh0[:, 0] belongs to "
    "the lowest layer.",
    change={"dh0[::-1]": "dh0"},
)

dhs_is_added_to_in_place = mistake(
    "stacked_rnn_backward",
    "You added dh_n into dhs itself. It belongs to the caller: add into a copy.",
    change={"dhs.clone()": "dhs"},
)

# --- clip_gradients ---------------------------------------------------------------------------

each_tensor_by_its_own_norm = mistake(
    "clip_gradients",
    "You clipped each tensor by a norm of its own, which changes the direction. There is one norm, "
    "over all tensors together.",
    change={"g * scale": "g * (theta / g.norm()).clamp(max=1.0)"},
)

each_entry_is_clamped = mistake(
    "clip_gradients",
    "You clipped each entry to [-theta, theta], which changes the direction. Scale all gradients "
    "by one factor.",
    change={"g * scale": "g.clamp(-theta, theta)"},
)

short_gradients_are_stretched = mistake(
    "clip_gradients",
    "You stretched short gradients to the norm theta: the factor is at most 1.",
    change={"(theta / norm).clamp(max=1.0)": "torch.where(norm > 0, theta / norm, 1.0)"},
)

root_is_forgotten = mistake(
    "clip_gradients",
    "You divided by the squared norm: take the root of the sum of squares first.",
    change={"torch.sqrt": ""},
)

sum_of_absolute_values = mistake(
    "clip_gradients",
    "You took the sum of absolute values for the norm: it is the root of the sum of squares.",
    change={"torch.sqrt(sum((g * g).sum() for g in grads))": "sum(g.abs().sum() for g in grads)"},
)

norms_are_added = mistake(
    "clip_gradients",
    "You added the norms of the tensors. The norm of all together is the root of the sum of their "
    "squares.",
    change={"torch.sqrt(sum((g * g).sum() for g in grads))": "sum(g.norm() for g in grads)"},
)

largest_norm_of_a_tensor = mistake(
    "clip_gradients",
    "You used the largest norm of a single tensor: the norm runs over all tensors together.",
    change={"torch.sqrt(sum((g * g).sum() for g in grads))": "max(g.norm() for g in grads)"},
)

zero_by_zero = mistake(
    "clip_gradients",
    "You divided gradients of 0 by their norm: 0/0 is not a number. Gradients of 0 stay 0.",
    change={"g * scale": "g / norm * norm.clamp(max=theta)"},
)

gradients_are_changed_in_place = mistake(
    "clip_gradients",
    "You scaled the given tensors themselves. They belong to the caller: return new ones. (The "
    "underscore in PyTorch's clip_grad_norm_ says that it works in place; this function does not.)",
    change={"g * scale": "g.mul_(scale)"},
)

# --- on a second device ------------------------------------------------------------------------

gradient_starts_on_the_cpu = mistake(
    "rnn_backward",
    "The gradient of the last state starts on the CPU: give torch.zeros the device of dhs, or use "
    "torch.zeros_like.",
    change={"torch.zeros_like(dhs[:, 0])": "torch.zeros(dhs[:, 0].shape, dtype=dhs.dtype)"},
    on="cuda",
)

states_are_always_collected_on_the_cpu = mistake(
    "rnn_forward",
    "The states that you return are on the CPU: they belong on the device of x.",
    change={"torch.stack(hs, dim=1)": 'torch.stack(hs, dim=1).to("cpu")'},
    on="cuda",
)

norm_in_numpy = mistake(
    "clip_gradients",
    "You go through NumPy, which knows the CPU only: torch has the same functions for tensors.",
    change={"(g * g).sum()": "torch.tensor((g.numpy() ** 2).sum())"},
    on="cuda",
)
