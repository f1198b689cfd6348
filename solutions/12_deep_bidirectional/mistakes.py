"""Known wrong implementations of unit 12: each replaces one function of the reference.

Most are small changes of its text. They may use the helpers of this file.
"""

import numpy as np
import torch

from autograder.testing import mistake


def interleaved(hs_f, hs_b):
    """The columns of both by turns, as far as both go."""
    both = min(hs_f.shape[2], hs_b.shape[2])
    turns = torch.stack([hs_f[:, :, :both], hs_b[:, :, :both]], dim=3).flatten(2)
    return torch.cat([turns, hs_f[:, :, both:], hs_b[:, :, both:]], dim=2)


def without_backward(hs, hidden_f):
    """States of two directions with zeros in the place of the backward ones."""
    return torch.cat([hs[:, :, :hidden_f], torch.zeros_like(hs[:, :, hidden_f:])], dim=2)


def halves(dhs, dh_f, dh_b):
    """dhs cut in the middle; where a half is too narrow for its direction, zeros follow."""
    middle = dhs.shape[2] // 2
    for half, dh in ((dhs[:, :, :middle], dh_f), (dhs[:, :, middle:], dh_b)):
        yield torch.cat([half, torch.zeros_like(dhs)], dim=2)[:, :, : dh.shape[1]]


def joined_in_numpy(hs_f, hs_b):
    return torch.from_numpy(np.concatenate([hs_f.numpy(), hs_b.numpy()], axis=2))


# --- reverse_padded ---------------------------------------------------------------------------

turned_over_all_steps = mistake(
    "reverse_padded",
    "You turn over all T steps, so short sequences begin with their padding. Turn each sequence "
    "over its own length.",
    change={"require_lengths(x, lengths)": "require_lengths(x, None)"},
)

turned_over_the_first_length = mistake(
    "reverse_padded",
    "You turn all sequences over the length of the first one: each has a length of its own.",
    change={"lengths[:, None]": "lengths[0]"},
)

samples_are_turned = mistake(
    "reverse_padded",
    "You reversed the order of the samples. It is the steps of each sequence that are turned "
    "around, along axis 1.",
    change={"x[torch.arange(len(x), device=x.device)[:, None], source]": "x.flip(0)"},
)

features_are_turned = mistake(
    "reverse_padded",
    "You reversed the features of each step. It is the steps that are turned around, along axis 1.",
    change={"x[torch.arange(len(x), device=x.device)[:, None], source]": "x.flip(2)"},
)

padding_is_emptied = mistake(
    "reverse_padded",
    "You put zeros where there is padding: what stands behind a sequence stays as it is.",
    change={", source]": ", source] * (mirrored >= 0)[:, :, None]"},
    equal_in=(
        "bidirectional_rnn_forward",
        "bidirectional_rnn_backward",
        "deep_bidirectional_rnn_forward",
        "deep_bidirectional_rnn_backward",
    ),
)

# --- bidirectional_rnn_forward ----------------------------------------------------------------

states_are_not_turned_back = mistake(
    "bidirectional_rnn_forward",
    "You did not turn the backward states back: they are in the order of reading, the last step "
    "first. Step t needs the state after reading from the end down to t.",
    change={"reverse_padded(hs_b, lengths)": "hs_b"},
)

states_are_turned_back_over_all_steps = mistake(
    "bidirectional_rnn_forward",
    "You turned the backward states back over all T steps. Each sequence has its own length, and "
    "they were read within that.",
    change={"reverse_padded(hs_b, lengths)": "hs_b.flip(1)"},
)

sequence_is_not_turned = mistake(
    "bidirectional_rnn_forward",
    "Your backward network reads from the first step on, and its states are then turned around. "
    "It is to read the sequence from its last step.",
    change={"reverse_padded(x, lengths)": "x"},
)

both_directions_read_forward = mistake(
    "bidirectional_rnn_forward",
    "Both of your directions read from the first step to the last. The backward one begins with "
    "the last step of each sequence.",
    change={"reverse_padded(x, lengths)": "x", "reverse_padded(hs_b, lengths)": "hs_b"},
)

padding_is_read_first = mistake(
    "bidirectional_rnn_forward",
    "Your backward network begins at the end of the tensor, so in short sequences it reads padding "
    "first. It begins with the last real step.",
    change={
        "reverse_padded(x, lengths)": "x.flip(1)",
        "hs_b[rows, last]": "hs_b[:, -1]",
        "reverse_padded(hs_b, lengths)": "hs_b.flip(1)",
    },
)

forward_weights_for_both = mistake(
    "bidirectional_rnn_forward",
    "Both of your directions use weights_f: the backward one has weights of its own, weights_b.",
    change={"h0_b, *weights_b": "h0_b, *weights_f"},
)

backward_states_come_first = mistake(
    "bidirectional_rnn_forward",
    "In your hs the backward states come first: the forward ones do.",
    change={"[hs_f, reverse_padded(hs_b, lengths)]": "[reverse_padded(hs_b, lengths), hs_f]"},
)

states_are_interleaved = mistake(
    "bidirectional_rnn_forward",
    "The columns of your hs belong to the two directions by turns. Put the states side by side: "
    "first all forward ones, then all backward ones.",
    change={
        "torch.cat([hs_f, reverse_padded(hs_b, lengths)], dim=2)": (
            "interleaved(hs_f, reverse_padded(hs_b, lengths))"
        )
    },
)

h_b_about_the_last_step = mistake(
    "bidirectional_rnn_forward",
    "Your h_b is the backward state about the last step, where it has read nothing else. Its final "
    "state is the one about the first step, after reading everything.",
    change={"hs_b[rows, last]": "hs_b[:, 0]"},
    equal_in=("deep_bidirectional_rnn_forward",),
)

h_f_after_the_padding = mistake(
    "bidirectional_rnn_forward",
    "Your h_f is the forward state after all T steps of the tensor. A sequence ends after L_n "
    "steps; what follows is padding.",
    change={"hs_f[rows, last]": "hs_f[:, -1]"},
    equal_in=("deep_bidirectional_rnn_forward",),
)

h_b_after_the_padding = mistake(
    "bidirectional_rnn_forward",
    "Your h_b has gone on reading after the first step: it went through the padding as well. Take "
    "the state after the L_n-th step that is read.",
    change={"hs_b[rows, last]": "hs_b[:, -1]"},
    equal_in=("deep_bidirectional_rnn_forward",),
)

h0_b_is_ignored = mistake(
    "bidirectional_rnn_forward",
    "Your backward network starts from zeros: the state before the step that it reads first is "
    "h0_b.",
    change={"lengths), h0_b,": "lengths), torch.zeros_like(h0_b),"},
    equal_in=("deep_bidirectional_rnn_forward",),
)

h0_f_for_both = mistake(
    "bidirectional_rnn_forward",
    "Your backward network starts from h0_f: its initial state is h0_b.",
    change={"lengths), h0_b,": "lengths), h0_f,"},
)

padding_is_not_emptied = mistake(
    "bidirectional_rnn_forward",
    "Your hs holds states at padding, where there is no step to know anything about: put zeros "
    "there.",
    change={".masked_fill(_padding(x, lengths), 0.0)": ""},
)

# --- bidirectional_rnn_backward ---------------------------------------------------------------

dhs_is_not_turned = mistake(
    "bidirectional_rnn_backward",
    "You gave the backward network its part of dhs in the order of the sequence. It read from the "
    "end, so the part must be turned around like the sequence.",
    change={"dhs_b = reverse_padded(dhs_b, lengths)": ""},
)

dhs_at_padding_is_used = mistake(
    "bidirectional_rnn_backward",
    "You used what dhs holds at padding. The output there is a constant 0, so what arrives is "
    "dropped.",
    change={"dhs.masked_fill(_padding(dhs, lengths), 0.0)": "dhs.clone()"},
)

dh_f_is_ignored = mistake(
    "bidirectional_rnn_backward",
    "You ignored dh_f: it is added to what arrives at the forward state after L_n steps.",
    change={"dhs_f[rows, last] += dh_f": ""},
    equal_in=("deep_bidirectional_rnn_backward",),
)

dh_b_is_ignored = mistake(
    "bidirectional_rnn_backward",
    "You ignored dh_b: it is added to what arrives at the backward state about the first step.",
    change={"dhs_b[rows, last] += dh_b": ""},
    equal_in=("deep_bidirectional_rnn_backward",),
)

dh_b_at_the_last_step = mistake(
    "bidirectional_rnn_backward",
    "You added dh_b at the last step of each sequence. That is where the backward network begins; "
    "its final state is the one about the first step.",
    change={"dhs_b[rows, last]": "dhs_b[:, 0]"},
    equal_in=("deep_bidirectional_rnn_backward",),
)

dh_f_at_every_step = mistake(
    "bidirectional_rnn_backward",
    "You added dh_f at every step: it belongs to the state after L_n steps only.",
    change={"dhs_f[rows, last] += dh_f": "dhs_f += dh_f[:, None]"},
    equal_in=("deep_bidirectional_rnn_backward",),
)

dh_f_at_the_end_of_the_padding = mistake(
    "bidirectional_rnn_backward",
    "You added dh_f at the last place of the tensor: the forward network ends after L_n steps.",
    change={"dhs_f[rows, last]": "dhs_f[:, -1]"},
    equal_in=("deep_bidirectional_rnn_backward",),
)

dx_of_the_forward_direction = mistake(
    "bidirectional_rnn_backward",
    "Your dx is that of the forward direction alone: both directions have read x, so add.",
    change={"dx_f + reverse_padded(dx_b, lengths)": "dx_f"},
)

dx_is_not_turned_back = mistake(
    "bidirectional_rnn_backward",
    "You added what comes from the backward direction to dx in the order of reading, the last step "
    "first: turn it around before you add.",
    change={"reverse_padded(dx_b, lengths)": "dx_b"},
)

dx_is_turned_back_over_all_steps = mistake(
    "bidirectional_rnn_backward",
    "You turned what comes from the backward direction back over all T steps, so that dx of short "
    "sequences is shifted. Turn each one within its length.",
    change={"reverse_padded(dx_b, lengths)": "dx_b.flip(1)"},
)

dhs_is_cut_into_halves = mistake(
    "bidirectional_rnn_backward",
    "You cut dhs into halves. The directions may have different sizes: H_f columns, then H_b.",
    change={"dhs.split([dh_f.shape[1], dh_b.shape[1]], dim=2)": "halves(dhs, dh_f, dh_b)"},
)

backward_columns_come_first = mistake(
    "bidirectional_rnn_backward",
    "You took the first columns of dhs for the backward direction: the forward ones come first.",
    change={
        "dhs_f, dhs_b = dhs.split([dh_f.shape[1], dh_b.shape[1]]": (
            "dhs_b, dhs_f = dhs.split([dh_b.shape[1], dh_f.shape[1]]"
        )
    },
)

initial_gradients_are_exchanged = mistake(
    "bidirectional_rnn_backward",
    "You exchanged the gradients of the initial states: dh0_f comes first, as h0_f does.",
    change={"dx, dh0_f, dh0_b": "dx, dh0_b, dh0_f"},
    equal_in=("deep_bidirectional_rnn_backward",),
)

dhs_is_changed_in_place = mistake(
    "bidirectional_rnn_backward",
    "You wrote into dhs itself. It belongs to the caller: work on a copy.",
    change={"dhs.masked_fill(": "dhs.masked_fill_("},
)

# --- deep_bidirectional_rnn_forward -----------------------------------------------------------

upper_layers_read_forward_states_only = mistake(
    "deep_bidirectional_rnn_forward",
    "Your upper layers do without the backward states of the layer below: every layer reads the "
    "states of both directions.",
    change={
        "        zeros = [": "        hs = without_backward(hs, hidden_f) if caches else hs\n"
        "        zeros = [",
        "caches.append((zeros, cache))": "caches.append((zeros, cache))\n"
        "        hidden_f = len(weights_f[1])",
    },
)

lengths_in_the_lowest_layer_only = mistake(
    "deep_bidirectional_rnn_forward",
    "Above the lowest layer you forgot the lengths: the sequences are as long there as below, and "
    "what stands behind them is padding in every layer.",
    change={"weights_b, lengths)": "weights_b, None if caches else lengths)"},
)

lengths_are_ignored = mistake(
    "deep_bidirectional_rnn_forward",
    "You ignored the lengths: padding is read like real steps.",
    change={"weights_b, lengths)": "weights_b, None)"},
)

states_go_on_above = mistake(
    "deep_bidirectional_rnn_forward",
    "Your upper layers start from the final states of the layer below: the initial states of all "
    "layers are zero.",
    change={
        "        hs, _, _, cache": "        shapes = [h.shape for h in zeros]\n"
        "        if caches and [h.shape for h in (h_f, h_b)] == shapes:\n"
        "            zeros = [h_f, h_b]\n"
        "        hs, h_f, h_b, cache"
    },
)

directions_are_exchanged = mistake(
    "deep_bidirectional_rnn_forward",
    "You exchanged the weights of the directions: in each pair, the forward ones come first.",
    change={"*zeros, weights_f, weights_b": "*zeros[::-1], weights_b, weights_f"},
)

# --- deep_bidirectional_rnn_backward ----------------------------------------------------------

dlayers_from_the_top = mistake(
    "deep_bidirectional_rnn_backward",
    "Your dlayers are in the order in which they were computed, the top layer first: return the "
    "lowest layer first, as in layers.",
    change={"dlayers[::-1]": "dlayers"},
)

gradients_of_directions_are_exchanged = mistake(
    "deep_bidirectional_rnn_backward",
    "In each pair of dlayers you exchanged the directions: the forward weights come first, as in "
    "layers.",
    change={"tuple(dweights)": "tuple(dweights[::-1])"},
)

forward_columns_go_down_only = mistake(
    "deep_bidirectional_rnn_backward",
    "Nothing goes down through the backward states in your code: a layer has read both directions "
    "of the layer below, so all columns of its dx arrive there.",
    change={
        "        dhs, _, _,": "        width = zeros[0].size(1)\n"
        "        dhs = without_backward(dhs, width) if dlayers else dhs\n"
        "        dhs, _, _,"
    },
)

dhs_reaches_every_layer = mistake(
    "deep_bidirectional_rnn_backward",
    "You gave dhs to layers below the top as well. It arrives at the top layer; each layer below "
    "gets the dx of the layer above it and nothing else.",
    change={
        "dlayers = []": "dlayers, top = [], dhs",
        "(dhs, *zeros": "(dhs + top if dlayers and dhs.shape == top.shape else dhs, *zeros",
    },
)

# --- on a second device ------------------------------------------------------------------------

steps_are_counted_on_the_cpu = mistake(
    "reverse_padded",
    "The numbers of the steps are on the CPU: give torch.arange the device of x.",
    change={"x.shape[1], device=x.device": "x.shape[1]"},
    on="cuda",
)

states_are_joined_in_numpy = mistake(
    "bidirectional_rnn_forward",
    "You go through NumPy, which knows the CPU only: torch.cat does the same for tensors.",
    change={
        "torch.cat([hs_f, reverse_padded(hs_b, lengths)], dim=2)": (
            "joined_in_numpy(hs_f, reverse_padded(hs_b, lengths))"
        )
    },
    on="cuda",
)

padding_is_found_on_the_cpu = mistake(
    "bidirectional_rnn_backward",
    'You wrote the device "cpu" into your code, so that the mask of the padding starts there: ask '
    "dhs for its device.",
    change={
        "_padding(dhs, lengths)": (
            '(torch.arange(dhs.shape[1], device="cpu") >= lengths[:, None])[:, :, None]'
        )
    },
    on="cuda",
)

initial_states_on_the_cpu = mistake(
    "deep_bidirectional_rnn_forward",
    "The initial states are on the CPU: give torch.zeros the device of x, or use x.new_zeros.",
    change={"x.new_zeros(len(x), len(w_hh))": "torch.zeros(len(x), len(w_hh), dtype=x.dtype)"},
    on="cuda",
)
