"""Known wrong implementations of unit 11: each replaces one function of the reference.

Most are small changes of its text. Where a function is called by the name that it replaces, it
gives the reference's own answers.
"""

import numpy as np
import torch
from gated import cell_state_jacobian, gru_forward

from autograder.testing import mistake

# --- lstm_step_forward ------------------------------------------------------------------------

blocks_i_f_o_g = mistake(
    "lstm_step_forward",
    "You took the blocks in the order i, f, o, g. Here, as in PyTorch, they are i, f, g, o: the "
    "candidate is the third.",
    change={"a_i, a_f, a_g, a_o = ": "a_i, a_f, a_o, a_g = "},
)

input_and_forget_are_exchanged = mistake(
    "lstm_step_forward",
    "You exchanged the input gate and the forget gate: the first block is i, which "
    "multiplies the candidate, the second f, which multiplies the old cell state.",
    change={"i, f, g, o = torch": "f, i, g, o = torch"},
)

candidate_is_a_sigmoid = mistake(
    "lstm_step_forward",
    "You used a sigmoid for the candidate g. It is a tanh: with a sigmoid, what is "
    "written could never lower the memory.",
    change={"torch.tanh(a_g)": "torch.sigmoid(a_g)"},
)

cell_state_is_shown_without_tanh = mistake(
    "lstm_step_forward",
    "Your hidden state is o c'. What is shown is o tanh(c').",
    change={"return o * shown": "return o * c_next"},
)

old_cell_state_is_shown = mistake(
    "lstm_step_forward",
    "Your hidden state shows the old cell state. It is o tanh(c') with the new one.",
    change={"return o * shown": "return o * torch.tanh(c)"},
)

nothing_is_forgotten = mistake(
    "lstm_step_forward",
    "You left out the forget gate: the old cell state is multiplied by f before i g is added.",
    change={"torch.sigmoid(a_f)": "torch.ones_like(a_f)"},
)

everything_is_written = mistake(
    "lstm_step_forward",
    "You left out the input gate: what is written is i g, not g.",
    change={"torch.sigmoid(a_i)": "torch.ones_like(a_i)"},
)

lstm_bias_is_forgotten = mistake(
    "lstm_step_forward",
    "You left out b: it is added before the activations.",
    change={"h @ w_h + b": "h @ w_h"},
)

gates_look_at_the_cell_state = mistake(
    "lstm_step_forward",
    "Your gates look at the cell state. They are computed from x and the hidden state h.",
    change={"h @ w_h": "c @ w_h", "(x, h, c,": "(x, c, c,"},
)

# --- lstm_step_backward -----------------------------------------------------------------------

dc_is_ignored = mistake(
    "lstm_step_backward",
    "You ignored dc, what the next step sends back to the cell state. The new cell state has two "
    "consumers: the hidden state of this step, and the next step.",
    change={"dc + dh * o": "dh * o"},
)

hidden_state_sends_nothing_to_the_cell = mistake(
    "lstm_step_backward",
    "What arrives at the new cell state through h' = o tanh(c') is missing: it has two consumers, "
    "and dc is the gradient from the other one.",
    change={"dc + dh * o * (1 - shown * shown)": "dc"},
)

slope_of_the_shown_state_is_forgotten = mistake(
    "lstm_step_backward",
    "You left out the slope of the tanh in h' = o tanh(c'): dh o is multiplied by 1 - tanh(c')^2.",
    change={"dh * o * (1 - shown * shown)": "dh * o"},
)

output_gate_is_forgotten_on_the_way_back = mistake(
    "lstm_step_backward",
    "You multiplied dh by the slope of tanh, but not by the output gate, on its way to the cell "
    "state.",
    change={"dh * o * (1 - shown": "dh * (1 - shown"},
)

dc_without_the_forget_gate = mistake(
    "lstm_step_backward",
    "Your gradient of the old cell state lacks the forget gate: c' = f c + i g, so it is what "
    "arrives at c', times f.",
    change={"dc * f": "dc"},
)

dc_without_what_comes_through_h = mistake(
    "lstm_step_backward",
    "Your gradient of the old cell state is dc f. What arrives at the new cell state through the "
    "hidden state goes on to the old one as well.",
    change={"dc = dc + dh": "given, dc = dc, dc + dh", "dc * f": "given * f"},
)

output_gate_sees_the_cell_state = mistake(
    "lstm_step_backward",
    "The gradient of your output gate holds c'. The hidden state is o tanh(c'), so it holds "
    "tanh(c').",
    change={"dh * shown * o": "dh * (f * c + i * g) * o"},
)

forget_gate_sees_the_new_cell_state = mistake(
    "lstm_step_backward",
    "The gradient of your forget gate holds the new cell state. f was multiplied with the old one.",
    change={"dc * c * f": "dc * (f * c + i * g) * f"},
)

candidate_with_the_slope_of_a_sigmoid = mistake(
    "lstm_step_backward",
    "You used the slope of the sigmoid for the candidate. g is a tanh: its slope is 1 - g^2.",
    change={"(1 - g * g)": "g * (1 - g)"},
)

slopes_of_the_gates_are_forgotten = mistake(
    "lstm_step_backward",
    "You stopped at the gates: their gradients must still go through the slopes of the sigmoids "
    "and the tanh.",
    change={" * i * (1 - i)": "", " * f * (1 - f)": "", " * (1 - g * g)": "", " * o * (1 - o)": ""},
)

gradient_blocks_i_f_o_g = mistake(
    "lstm_step_backward",
    "You put the gradients of the blocks together in the order i, f, o, g: it is i, f, g, o.",
    change={"[d_i, d_f, d_g, d_o]": "[d_i, d_f, d_o, d_g]"},
)

lstm_dw_h_holds_the_new_state = mistake(
    "lstm_step_backward",
    "You put the hidden state after the step into dw_h. w_h was multiplied with the one before it.",
    change={"h.T @ d": "(o * shown).T @ d"},
)

lstm_weight_gradients_are_averaged = mistake(
    "lstm_step_backward",
    "You averaged the gradients of the weights over the batch: they are sums over the samples.",
    change={"x.T @ d, h.T @ d, d.sum(0)": "x.T @ d / len(d), h.T @ d / len(d), d.mean(0)"},
)

dc_is_changed_in_place = mistake(
    "lstm_step_backward",
    "You added to dc in place. It belongs to the caller: add into a new tensor.",
    change={"dc = dc + dh": "dc += dh"},
)

# --- lstm_forward -----------------------------------------------------------------------------

cell_state_starts_from_h0 = mistake(
    "lstm_forward",
    "Your cell state starts from h0. The two states start from tensors of their own: c0 is the "
    "cell state before the first step.",
    change={"h0, c0, [], []": "h0, h0, [], []"},
)

initial_states_are_exchanged = mistake(
    "lstm_forward",
    "You exchanged the initial states: h0 is the hidden state, c0 the cell state.",
    change={"h0, c0, [], []": "c0, h0, [], []"},
)

initial_states_are_ignored = mistake(
    "lstm_forward",
    "You start from zeros: the states before the first step are h0 and c0.",
    change={"h0, c0, [], []": "torch.zeros_like(h0), torch.zeros_like(c0), [], []"},
)

cell_state_is_not_carried = mistake(
    "lstm_forward",
    "Your cell state starts from c0 at every step: carry it from step to step. It is the memory.",
    change={"x[:, t], h, c,": "x[:, t], h, c0,"},
)

lstm_hidden_state_is_not_carried = mistake(
    "lstm_forward",
    "Your hidden state starts from h0 at every step: the gates of a step look at the hidden state "
    "after the step before.",
    change={"x[:, t], h, c,": "x[:, t], h0, c,"},
)

last_hidden_state_for_c_n = mistake(
    "lstm_forward",
    "Your c_n is the last hidden state: return the cell state after the last step.",
    change={"c, caches": "h, caches"},
)

lstm_time_and_batch_are_reshaped = mistake(
    "lstm_forward",
    "You reshaped stacked states from (T, N, H) to (N, T, H), which mixes the samples. Exchange "
    "the axes, or stack along axis 1.",
    change={"torch.stack(hs, dim=1)": "torch.stack(hs).reshape(*x.shape[:2], h.shape[1])"},
)

# --- lstm_backward ----------------------------------------------------------------------------

dc_n_is_ignored = mistake(
    "lstm_backward",
    "You ignored dc_n: it is what arrives at the cell state after the last step.",
    change={"dc_n, [], []": "torch.zeros_like(dc_n), [], []"},
)

cell_gradient_is_not_passed = mistake(
    "lstm_backward",
    "You do not pass the gradient of the cell state from step to step: every step but the"
    " last starts with zero. The path through the cell state is what carries an LSTM's "
    "gradient back.",
    change={"+ dh, dc,": "+ dh, dc if t == len(cache) - 1 else torch.zeros_like(dc),"},
)

dc_n_at_every_step = mistake(
    "lstm_backward",
    "You added dc_n at every step: it arrives at the cell state after the last step only.",
    change={"+ dh, dc,": "+ dh, dc if t == len(cache) - 1 else dc + dc_n,"},
)

hidden_gradient_is_not_passed = mistake(
    "lstm_backward",
    "To each hidden state add what the next step sends back: you used dhs[:, t] alone.",
    change={"dhs[:, t] + dh": "dhs[:, t]"},
)

lstm_only_the_last_state_has_a_gradient = mistake(
    "lstm_backward",
    "You used the gradient that arrives at the last hidden state and no other: add dhs[:, t] at "
    "every step.",
    change={"torch.zeros_like(dc_n)": "dhs[:, -1]", "dhs[:, t] + dh": "dh"},
)

lstm_weight_gradients_are_overwritten = mistake(
    "lstm_backward",
    "Your gradients of the weights are those of the first step only: add the gradients of"
    " all steps.",
    change={"sum(steps)": "steps[-1]"},
)

lstm_weight_gradients_of_the_last_step = mistake(
    "lstm_backward",
    "Your gradients of the weights are those of the last step only: add the gradients of all "
    "steps.",
    change={"sum(steps)": "steps[0]"},
)

lstm_dx_is_in_reverse_order = mistake(
    "lstm_backward",
    "Your dx is in the order in which it was computed, the last step first.",
    change={"dxs[::-1]": "dxs"},
)

dh0_and_dc0_are_exchanged = mistake(
    "lstm_backward",
    "You returned dc0 in the place of dh0, and dh0 in the place of dc0.",
    change={"dh, dc, dw_x": "dc, dh, dw_x"},
)

lstm_dhs_is_changed_in_place = mistake(
    "lstm_backward",
    "You added what comes from the next step into dhs itself. It belongs to the caller: add into a "
    "new tensor.",
    change={"dhs[:, t] + dh": "dhs[:, t].add_(dh)"},
)

# --- gru_step_forward -------------------------------------------------------------------------

reset_after_the_product = mistake(
    "gru_step_forward",
    "You reset after the product, r (h w_hn), as PyTorch does. Here the reset gate acts on h "
    "before it is multiplied: (r h) w_hn.",
    change={"(r * h) @ w_hn": "r * (h @ w_hn)"},
)

update_gate_is_reversed = mistake(
    "gru_step_forward",
    "You exchanged the roles of z and 1 - z: here z = 1 keeps the old state.",
    change={"z * h + (1 - z) * n": "(1 - z) * h + z * n"},
)

blocks_z_r_n = mistake(
    "gru_step_forward",
    "You took the blocks in the order z, r, n. Here they are r, z, n: the reset gate is the first.",
    change={"r, z = torch": "z, r = torch"},
)

nothing_is_reset = mistake(
    "gru_step_forward",
    "You left out the reset gate: the candidate sees r h, not h.",
    change={"(r * h) @ w_hn": "h @ w_hn"},
)

reset_state_is_kept = mistake(
    "gru_step_forward",
    "You kept the reset state, z (r h). The reset concerns the candidate only: z h is kept.",
    change={"return z * h": "return z * r * h"},
)

gru_candidate_is_a_sigmoid = mistake(
    "gru_step_forward",
    "You used a sigmoid for the candidate n: it is a tanh.",
    change={"torch.tanh": "torch.sigmoid"},
)

gru_bias_is_forgotten = mistake(
    "gru_step_forward",
    "You left out b: it is added before the activations.",
    change={"x @ w_x + b": "x @ w_x"},
)

candidate_is_not_weighted = mistake(
    "gru_step_forward",
    "You added the whole candidate: it is weighted by 1 - z, so that old and new share the state.",
    change={"(1 - z) * n": "n"},
)

# --- gru_step_backward ------------------------------------------------------------------------

direct_path_is_missing = mistake(
    "gru_step_backward",
    "The gradient of the old state lacks its direct path: h' contains z h, so dh z belongs to it.",
    change={"dh * z + ": ""},
)

path_through_the_candidate_is_missing = mistake(
    "gru_step_backward",
    "The gradient of the old state lacks the path through the candidate, where it stands in r h.",
    change={" + d_reset * r": ""},
)

path_through_the_reset_gate_is_missing = mistake(
    "gru_step_backward",
    "The gradient of the old state lacks the path through the reset gate.",
    change={" + d_r @ w_hr.T": ""},
)

path_through_the_update_gate_is_missing = mistake(
    "gru_step_backward",
    "The gradient of the old state lacks the path through the update gate.",
    change={" + d_z @ w_hz.T": ""},
)

dw_hn_forgets_the_reset = mistake(
    "gru_step_backward",
    "The last block of your dw_h holds h. The candidate's weights were multiplied with r h.",
    change={"(r * h).T @ d_n": "h.T @ d_n"},
)

update_gate_has_the_wrong_sign = mistake(
    "gru_step_backward",
    "The gradient of your update gate has the wrong sign: h' = z h + (1 - z) n changes by h - n "
    "with z.",
    change={"dh * (h - n)": "dh * (n - h)"},
)

update_gate_forgets_the_candidate = mistake(
    "gru_step_backward",
    "The gradient of your update gate only counts the old state. z appears twice in h' = z h + "
    "(1 - z) n, so it is dh (h - n).",
    change={"dh * (h - n)": "dh * h"},
)

candidate_forgets_the_update_gate = mistake(
    "gru_step_backward",
    "The gradient of your candidate lacks the factor 1 - z.",
    change={"dh * (1 - z)": "dh"},
)

reset_gate_forgets_the_state = mistake(
    "gru_step_backward",
    "The gradient of your reset gate lacks the old state: r was multiplied with h.",
    change={"d_reset * h": "d_reset"},
)

reset_gate_as_in_pytorch = mistake(
    "gru_step_backward",
    "The gradient of your reset gate takes the reset after the product: you multiplied by h w_hn. "
    "Here the gradient first goes back through w_hn and then meets h.",
    change={"d_reset * h": "d_n * (h @ w_hn)"},
)

gru_candidate_with_the_slope_of_a_sigmoid = mistake(
    "gru_step_backward",
    "You used the slope of the sigmoid for the candidate. n is a tanh: its slope is 1 - n^2.",
    change={"(1 - n * n)": "n * (1 - n)"},
)

gru_weight_gradients_are_averaged = mistake(
    "gru_step_backward",
    "You averaged the gradients of the weights over the batch: they are sums over the samples.",
    change={"x.T @ d, dw_h, d.sum(0)": "x.T @ d / len(d), dw_h / len(d), d.mean(0)"},
)

# --- gru_forward ------------------------------------------------------------------------------

gru_state_is_not_carried = mistake(
    "gru_forward",
    "Every step of yours starts from h0. The state after a step is the state before the next one.",
    change={"x[:, t], h,": "x[:, t], h0,"},
)

gru_h0_is_ignored = mistake(
    "gru_forward",
    "You start from zeros: the state before the first step is h0.",
    change={"h0, [], []": "torch.zeros_like(h0), [], []"},
)


@mistake("gru_forward", "You read the sequence from its end: the first step reads x[:, 0].")
def gru_reads_backwards(x, h0, w_x, w_h, b):
    hs, caches = gru_forward(x.flip(1), h0, w_x, w_h, b)
    return hs.flip(1), caches[::-1]


gru_states_before_the_steps = mistake(
    "gru_forward",
    "Your states are one step late: hs[:, 0] is the state after the first step, and h0 is not part "
    "of hs.",
    change={"torch.stack(hs, dim=1)": "torch.stack([h0, *hs[:-1]], dim=1)"},
)

gru_time_and_batch_are_reshaped = mistake(
    "gru_forward",
    "You reshaped stacked states from (T, N, H) to (N, T, H), which mixes the samples. Exchange "
    "the axes, or stack along axis 1.",
    change={"torch.stack(hs, dim=1)": "torch.stack(hs).reshape(*x.shape[:2], h.shape[1])"},
)

# --- gru_backward -----------------------------------------------------------------------------

gru_next_step_is_forgotten = mistake(
    "gru_backward",
    "Nothing flows back through time in your code: to each state add what comes from the step "
    "after it.",
    change={"dhs[:, t] + dh": "dhs[:, t]"},
)

gru_only_the_last_state_has_a_gradient = mistake(
    "gru_backward",
    "You used the gradient that arrives at the last state and no other: add dhs[:, t] at every "
    "step.",
    change={"torch.zeros_like(dhs[:, 0])": "dhs[:, -1]", "dhs[:, t] + dh": "dh"},
)

gru_weight_gradients_are_overwritten = mistake(
    "gru_backward",
    "Your gradients of the weights are those of the first step only: add the gradients of"
    " all steps.",
    change={"sum(steps)": "steps[-1]"},
)

gru_weight_gradients_are_averaged_over_time = mistake(
    "gru_backward",
    "You averaged the gradients of the weights over time: what is used at every step gets the sum.",
    change={"sum(steps)": "sum(steps) / len(steps)"},
)

gru_dx_is_in_reverse_order = mistake(
    "gru_backward",
    "Your dx is in the order in which it was computed, the last step first.",
    change={"dxs[::-1]": "dxs"},
)

gru_dhs_is_changed_in_place = mistake(
    "gru_backward",
    "You added what comes from the next step into dhs itself. It belongs to the caller: add into a "
    "new tensor.",
    change={"dhs[:, t] + dh": "dhs[:, t].add_(dh)"},
)

# --- cell_state_jacobian ----------------------------------------------------------------------


@mistake(
    "cell_state_jacobian",
    "Your terms are transposed: row j belongs to c_t[j], column k to c_{t-1}[k].",
)
def terms_are_transposed(x, h_prev, c_prev, o_prev, w_x, w_h, b):
    terms = cell_state_jacobian(x, h_prev, c_prev, o_prev, w_x, w_h, b)
    return tuple(term.T.clone() for term in terms)


weights_are_not_transposed = mistake(
    "cell_state_jacobian",
    "You used the blocks of w_h as they are. The gates are h w_h with h as a row, so the "
    "derivative in numerator layout holds their transposes.",
    change={"w_hf.T": "w_hf", "w_hi.T": "w_hi", "w_hg.T": "w_hg"},
)

slope_of_the_old_tanh_is_forgotten = mistake(
    "cell_state_jacobian",
    "You left out the slope of tanh in h_{t-1} = o_{t-1} tanh(c_{t-1}).",
    change={" * (1 - torch.tanh(c_prev) ** 2)": ""},
)

old_output_gate_is_forgotten = mistake(
    "cell_state_jacobian",
    "You left out the output gate in h_{t-1} = o_{t-1} tanh(c_{t-1}).",
    change={"o_prev * (1": "(1"},
)

new_output_gate_is_used = mistake(
    "cell_state_jacobian",
    "You used the output gate of step t. The hidden state that the gates look at was made with the "
    "one of step t - 1, which is given.",
    change={"a_g, _ = ": "a_g, a_o = ", "o_prev * ": "torch.sigmoid(a_o) * "},
)

slope_at_the_hidden_state = mistake(
    "cell_state_jacobian",
    "You used 1 - h_{t-1}^2 for the slope of tanh, as if h_{t-1} were tanh(c_{t-1}). It "
    "is o_{t-1} tanh(c_{t-1}): the slope is 1 - tanh(c_{t-1})^2.",
    change={"torch.tanh(c_prev)": "h_prev"},
)

output_gate_is_differentiated = mistake(
    "cell_state_jacobian",
    "You did not hold o_{t-1} fixed: its own slope o (1 - o) has no place in the derivative of "
    "h_{t-1} by c_{t-1}.",
    change={"o_prev * ": "o_prev * (1 - o_prev) * "},
)

forget_term_without_the_cell_state = mistake(
    "cell_state_jacobian",
    "Your forget term lacks c_{t-1}, which the forget gate is multiplied with.",
    change={"c_prev * f": "f"},
)

candidate_term_with_the_slope_of_a_sigmoid = mistake(
    "cell_state_jacobian",
    "You used the slope of the sigmoid in the candidate term. g is a tanh: its slope is 1 - g^2.",
    change={"(1 - g * g)": "g * (1 - g)"},
)

factors_of_the_product_are_forgotten = mistake(
    "cell_state_jacobian",
    "Your input term lacks g, and your candidate term lacks i: each of the two factors of i g "
    "stays while the other one is differentiated.",
    change={"g * i * (1 - i)": "i * (1 - i)", "i * (1 - g * g)": "1 - g * g"},
)

direct_term_is_not_diagonal = mistake(
    "cell_state_jacobian",
    "Your direct term is the same in every row or column: unit j of c_t keeps unit j of c_{t-1} "
    "only, so it is a diagonal matrix.",
    change={"torch.diag(f)": "f.repeat(len(f), 1)"},
)

terms_in_the_order_of_the_blocks = mistake(
    "cell_state_jacobian",
    "You returned the input term in the place of the forget term, and the other way round. The "
    "order is forget, direct, input, candidate.",
    change={"forget, torch.diag(f), input_": "input_, torch.diag(f), forget"},
)

# --- on a second device ------------------------------------------------------------------------

gradient_starts_on_the_cpu = mistake(
    "lstm_backward",
    "The gradient of the last hidden state starts on the CPU: give torch.zeros the device of dhs, "
    "or use torch.zeros_like.",
    change={"torch.zeros_like(dc_n)": "torch.zeros(dc_n.shape, dtype=dhs.dtype)"},
    on="cuda",
)

states_are_always_collected_on_the_cpu = mistake(
    "gru_forward",
    "The states that you return are on the CPU: they belong on the device of x.",
    change={"torch.stack(hs, dim=1)": 'torch.stack(hs, dim=1).to("cpu")'},
    on="cuda",
)


@mistake(
    "cell_state_jacobian",
    "You go through NumPy, which knows the CPU only: torch has the same functions for tensors.",
    on="cuda",
)
def diagonal_in_numpy(x, h_prev, c_prev, o_prev, w_x, w_h, b):
    forget, kept, input_, candidate = cell_state_jacobian(x, h_prev, c_prev, o_prev, w_x, w_h, b)
    diagonal = torch.from_numpy(np.diag(kept.diagonal().numpy()))
    return forget, diagonal, input_, candidate
