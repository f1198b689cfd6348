"""Known wrong implementations of unit 17: each replaces one function of the reference.

Most are small changes of its text. They may use the helpers of this file. Where a function is
called by the name that it replaces, it gives the reference's own answers.
"""

import numpy as np
import torch
from attention import additive_attention_forward, layer_costs

from autograder.testing import mistake

# attention_forward --------------------------------------------------------------------------------


def filled(scores, mask, value):
    """Scores with a value in the place of those that the mask does not admit."""
    return scores if mask is None else scores.masked_fill(~mask, value)


def shares(e, mask):
    """Exponentials that the mask admits, divided by their sum; zeros where there are none."""
    e = e if mask is None else e * mask
    total = e.sum(-1, keepdim=True)
    return e / torch.where(total == 0, torch.ones_like(total), total)


scores_are_not_scaled = mistake(
    "attention_forward",
    "You do not divide the scores by the root of d_k. Without it they grow with the size of the "
    "keys, and the softmax saturates.",
    change={"1 / math.sqrt(q.shape[-1]) if scale else 1.0": "1.0"},
    equal_in=("attention_gru_step",),
)

scores_are_always_scaled = mistake(
    "attention_forward",
    "You divide by the root of d_k although scale is False.",
    change={" if scale else 1.0": ""},
    equal_in=("multi_head_attention_forward",),
)

scores_are_divided_by_the_size = mistake(
    "attention_forward",
    "You divide by d_k. The standard deviation of a score is the root of d_k.",
    change={"factor * (": "factor**2 * ("},
    equal_in=("attention_gru_step",),
)

scores_are_multiplied_by_the_root = mistake(
    "attention_forward",
    "You multiply by the root of d_k. Scores grow with the size of the keys; dividing makes up for "
    "it.",
    change={"factor * (q @ k.mT)": "q @ k.mT / factor"},
    equal_in=("attention_gru_step",),
)

scores_are_scaled_by_the_values = mistake(
    "attention_forward",
    "You divide by the root of the size of the values. The scores are inner products of queries "
    "and keys, so it is their size, d_k, that counts.",
    change={"factor * (q @ k.mT)": "q @ k.mT / (math.sqrt(v.shape[-1]) if scale else 1.0)"},
    equal_in=("multi_head_attention_forward", "attention_gru_step"),
)

softmax_over_the_queries = mistake(
    "attention_forward",
    "Your softmax goes over the queries. The weights of one query, over all keys, sum to 1.",
    change={
        "_weights(": "torch.softmax(filled(",
        "k.mT), mask)": "k.mT), mask, -math.inf), -2).nan_to_num()",
    },
)

mask_is_ignored = mistake(
    "attention_forward",
    "You ignore the mask.",
    change={"k.mT), mask": "k.mT)"},
    equal_in=("attention_gru_step",),
)

mask_is_inverted = mistake(
    "attention_forward",
    "Your mask works the wrong way round. True means that a key may be attended to.",
    change={"k.mT), mask": "k.mT), None if mask is None else ~mask"},
    equal_in=("attention_gru_step",),
)

mask_comes_after_the_softmax = mistake(
    "attention_forward",
    "You set masked weights to 0 after the softmax, so that rows do not sum to 1 any more. What is "
    "masked must not take part in the softmax.",
    change={"_weights(": "filled(_weights(", "k.mT), mask": "k.mT)), mask, 0.0"},
    equal_in=("attention_gru_step",),
)

masked_scores_are_zero = mistake(
    "attention_forward",
    "You set masked scores to 0. A score of 0 has a weight of its own, since exp(0) is 1: a masked "
    "score counts as minus infinity.",
    change={"factor * (q @ k.mT), mask": "filled(factor * (q @ k.mT), mask, 0.0)"},
    equal_in=("attention_gru_step",),
)

masked_scores_are_a_small_number = mistake(
    "attention_forward",
    "You give masked scores the value -1, which has a weight of its own, since exp(-1) is"
    " 0.37. A masked score counts as minus infinity.",
    change={"factor * (q @ k.mT), mask": "filled(factor * (q @ k.mT), mask, -1.0)"},
    equal_in=("attention_gru_step",),
)

fully_masked_rows_are_uniform = mistake(
    "attention_forward",
    "A query that may see nothing gets the mean of all values from you, as equal scores "
    "give it. It must get zeros.",
    change={"factor * (q @ k.mT), mask": "filled(factor * (q @ k.mT), mask, -1e9)"},
    equal_in=("attention_gru_step",),
)

fully_masked_rows_are_nan = mistake(
    "attention_forward",
    "A query that may see nothing gets NaN from you: its weights are 0/0. It must get zeros.",
    change={"factor * (q @ k.mT), mask": "filled(factor * (q @ k.mT), mask, -math.inf)"},
    equal_in=("attention_gru_step",),
)

mask_is_transposed = mistake(
    "attention_forward",
    "You lay the mask over the queries. Its last axis belongs to the keys, the one before it to "
    "the queries.",
    change={
        "    factor = ": (
            "    if mask is not None and q.shape[-2] == k.shape[-2]:\n"
            "        mask = mask.expand_as(q @ k.mT).mT\n"
            "    factor = "
        )
    },
    equal_in=("attention_gru_step",),
)

softmax_overflows = mistake(
    "attention_forward",
    "You compute exponentials of the scores as they are. Large ones overflow: first "
    "subtract, in each row, the largest score that the mask admits.",
    change={"_weights(": "shares(torch.exp(", "k.mT), mask": "k.mT)), mask"},
)

maximum_includes_what_is_masked = mistake(
    "attention_forward",
    "You subtract the maximum of each row before you mask. If the largest score is masked, the "
    "others become exp of something very negative, which is 0: take the maximum of what is seen.",
    change={
        "p = _weights(factor * (q @ k.mT), mask)": (
            "scores = factor * (q @ k.mT)\n"
            "    p = shares(torch.exp(scores - scores.amax(-1, keepdim=True)), mask)"
        )
    },
    equal_in=("attention_gru_step",),
)

weights_are_scaled = mistake(
    "attention_forward",
    "You divide by the root of d_k after the softmax. It belongs to the scores; weights sum to 1.",
    change={"_weights(factor * (q @ k.mT), mask)": "factor * _weights(q @ k.mT, mask)"},
    equal_in=("attention_gru_step",),
)

weights_are_not_normalised = mistake(
    "attention_forward",
    "You do not normalise: the exponentials of a row have to be divided by their sum.",
    change={"_weights(": "torch.exp(", "k.mT), mask)": "k.mT)) * (1.0 if mask is None else mask)"},
)

attention_is_hard = mistake(
    "attention_forward",
    "You return the value of the best key alone. Attention is soft: every key that is seen has a "
    "weight.",
    change={
        "return": (
            "best = torch.zeros_like(p).scatter(-1, p.argmax(-1, keepdim=True), 1.0)\n"
            "    p = best * (p > 0)\n"
            "    return"
        )
    },
)

# attention_backward -------------------------------------------------------------------------------

softmax_gradient_without_the_mean = mistake(
    "attention_backward",
    "Your gradient of the softmax is p dp. The sum of p dp over the keys has to be subtracted from "
    "dp first, because raising one weight lowers the others.",
    change={"_weights_backward(dout @ v.mT, p)": "p * (dout @ v.mT)"},
)

softmax_gradient_is_diagonal = mistake(
    "attention_backward",
    "You keep only the diagonal of the softmax's Jacobian, p (1 - p). Each weight depends on all "
    "scores of its row.",
    change={"_weights_backward(dout @ v.mT, p)": "p * (1 - p) * (dout @ v.mT)"},
)

softmax_gradient_with_the_plain_mean = mistake(
    "attention_backward",
    "You subtract the plain mean of dp. It is the mean under the weights, the sum of p dp.",
    change={
        "dv = p": "dp = dout @ v.mT\n    dv = p",
        "_weights_backward(dout @ v.mT, p)": "p * (dp - dp.mean(-1, keepdim=True))",
    },
)

softmax_gradient_sums_over_the_queries = mistake(
    "attention_backward",
    "You sum p dp over the queries. The softmax goes over the keys, and so does this sum.",
    change={
        "dv = p": "dp = dout @ v.mT\n    dv = p",
        "_weights_backward(dout @ v.mT, p)": "p * (dp - (p * dp).sum(-2, keepdim=True))",
    },
)

softmax_gradient_is_forgotten = mistake(
    "attention_backward",
    "You left out the derivative of the softmax: dp is not yet the gradient of the scores.",
    change={"_weights_backward(dout @ v.mT, p)": "(dout @ v.mT)"},
)

scale_is_forgotten = mistake(
    "attention_backward",
    "You forgot the constant by which the scores were scaled: it multiplies dq and dk.",
    change={"factor * ": ""},
)

scale_is_forgotten_for_the_keys = mistake(
    "attention_backward",
    "The constant by which the scores were scaled is missing in dk. It belongs to dq and dk alike.",
    change={"dscores.mT @ q": "dscores.mT @ q / factor"},
)

scale_comes_twice = mistake(
    "attention_backward",
    "You scaled twice: the constant comes into dq and dk once.",
    change={"factor * ": "factor**2 * "},
)

scale_is_always_applied = mistake(
    "attention_backward",
    "You always multiply by 1 / sqrt(d_k), also where forward was called with scale=False.",
    change={"factor * ": "1 / math.sqrt(q.shape[-1]) * "},
    equal_in=("multi_head_attention_backward",),
)

values_are_added_to_keys = mistake(
    "attention_backward",
    "Where keys are values you added dv to dk. The function returns the two gradients separately; "
    "adding is the caller's business.",
    change={"@ q, dv": "@ q + (dv if k is v else 0), dv"},
    equal_in=("multi_head_attention_backward",),
)

upstream_gradient_is_missing_in_dv = mistake(
    "attention_backward",
    "You ignore dout in dv: the value of a key gets the gradients of all queries, each times its "
    "weight.",
    change={"p.mT @ dout": "p.mT @ torch.ones_like(dout)"},
)

values_get_the_gradient_of_the_scores = mistake(
    "attention_backward",
    "Your dv has the gradient of the scores where the weights belong: out = p v, so dv is p "
    "transposed times dout.",
    change={"p.mT @ dout": "_weights_backward(dout @ v.mT, p).mT @ dout"},
)

sign_of_the_scores_is_wrong = mistake(
    "attention_backward",
    "The gradients of your queries and keys have the wrong sign.",
    change={"factor * ": "-factor * "},
)

# causal_mask --------------------------------------------------------------------------------------

causal_mask_without_the_diagonal = mistake(
    "causal_mask",
    "Your mask hides everybody from themselves. A position may attend to its own token, which is "
    "known: the diagonal is True.",
    change={"tril()": "tril(-1)"},
)

causal_mask_with_one_too_many = mistake(
    "causal_mask",
    "Your mask lets everybody see the next position, which is what they are to predict.",
    change={"tril()": "tril(1)"},
)

causal_mask_is_transposed = mistake(
    "causal_mask",
    "Your mask is transposed: row i belongs to query i, and it must not see what comes later.",
    change={"tril()": "tril().T"},
)

causal_mask_is_inverted = mistake(
    "causal_mask",
    "Your mask says True where looking is forbidden. In this course True means: may be attended "
    "to.",
    change={"torch.ones": "~torch.ones"},
)

causal_mask_of_numbers = mistake(
    "causal_mask",
    "Your mask holds numbers. It has to be boolean.",
    change={"torch.bool": "torch.float32"},
)

causal_mask_admits_everything = mistake(
    "causal_mask",
    "Your mask admits everything: nobody may look at what comes after them.",
    change={".tril()": ""},
)

# additive_attention_forward -----------------------------------------------------------------------

additive_without_tanh = mistake(
    "additive_attention_forward",
    "You left out the tanh. Without it the query adds the same number to all its scores and has "
    "no influence at all.",
    change={"torch.tanh(": "("},
)

tanh_of_each_side = mistake(
    "additive_attention_forward",
    "The query has no influence on your weights: it is missing, or tanh is taken of query"
    " and key separately. The sum of both goes into the tanh: there the two are compared.",
    change={"torch.tanh((s": "(torch.tanh(s", "+ (h": "+ torch.tanh(h"},
)

additive_without_v = mistake(
    "additive_attention_forward",
    "You sum the hidden units without v. Their weighted sum with v is the score.",
    change={"e @ v": "e.sum(-1)"},
)

sides_are_multiplied = mistake(
    "additive_attention_forward",
    "You multiply query and key inside the tanh. Additive attention adds them.",
    change={"None] + (": "None] * ("},
)

sigmoid_for_tanh = mistake(
    "additive_attention_forward",
    "Your hidden units are sigmoids; here they are tanh.",
    change={"torch.tanh": "torch.sigmoid"},
)

additive_softmax_over_the_queries = mistake(
    "additive_attention_forward",
    "Your softmax goes over the queries. The weights of one query, over all keys, sum to 1.",
    change={"_weights(e @ v)": "torch.softmax(e @ v, 1)"},
)

additive_scores_are_scaled = mistake(
    "additive_attention_forward",
    "You divide the scores by the root of A. Additive attention is not scaled.",
    change={"e @ v": "e @ v / math.sqrt(len(v))"},
)

# additive_attention_backward ----------------------------------------------------------------------

tanh_derivative_is_forgotten = mistake(
    "additive_attention_backward",
    "You left out the derivative of tanh, 1 - tanh^2.",
    change={" * (1 - e * e)": ""},
)

tanh_derivative_without_square = mistake(
    "additive_attention_backward",
    "The derivative of tanh is 1 - tanh^2; you used 1 - tanh.",
    change={"1 - e * e": "1 - e"},
)

derivative_of_the_sigmoid = mistake(
    "additive_attention_backward",
    "You used the derivative of the sigmoid, e (1 - e). The hidden units are tanh: 1 - e^2.",
    change={"(1 - e * e)": "e * (1 - e)"},
)

additive_softmax_without_the_mean = mistake(
    "additive_attention_backward",
    "Your gradient of the softmax is p dp. The sum of p dp over the keys has to be subtracted from "
    "dp first.",
    change={"_weights_backward(dout @ h.mT, p)": "p * (dout @ h.mT)"},
)

v_is_forgotten_backwards = mistake(
    "additive_attention_backward",
    "You forgot v on the way from the scores to the hidden units.",
    change={"None] * v": "None]"},
)

states_are_not_values = mistake(
    "additive_attention_backward",
    "dh lacks the gradient of h as values: h is averaged as well as compared.",
    change={"p.mT @ dout + ": ""},
)

states_are_not_keys = mistake(
    "additive_attention_backward",
    "dh lacks the gradient of h as keys: h is compared as well as averaged.",
    change={" + dz_h @ w_h.mT": ""},
)

additive_weights_are_averaged = mistake(
    "additive_attention_backward",
    "Your gradients of the weights are means over the batch. The gradient is the sum over all "
    "samples; if the loss is a mean, that is in dout already.",
    change={"dw_s, dw_h, dv": "dw_s / len(s), dw_h / len(s), dv / len(s)"},
)

broadcasting_is_averaged = mistake(
    "additive_attention_backward",
    "You take means where the queries and keys were broadcast. Each was used several times, and "
    "the gradients of its uses are added.",
    change={"dz.sum(2), dz.sum(1)": "dz.mean(2), dz.mean(1)"},
)

dv_is_made_before_the_tanh = mistake(
    "additive_attention_backward",
    "Your dv is made of the sums inside the tanh. v multiplies the hidden units, the tanh of them.",
    change={"dscores, e)": "dscores, (s @ w_s)[:, :, None] + (h @ w_h)[:, None])"},
)

# multi_head_attention_forward ---------------------------------------------------------------------

heads_are_scaled_by_the_whole_size = mistake(
    "multi_head_attention_forward",
    "You scale by the root of D. Every head has its own, smaller size, D / heads.",
    change={"attention_forward(q,": "attention_forward(q / math.sqrt(heads),"},
)

heads_are_not_scaled = mistake(
    "multi_head_attention_forward",
    "You do not scale the scores. Each head divides by the root of its size, D / heads.",
    change={"attention_forward(q,": "attention_forward(q * math.sqrt(features // heads),"},
)

heads_are_split_without_transposing = mistake(
    "multi_head_attention_forward",
    "You reshape (N, T, D) to (N, heads, T, D / heads) directly. That cuts up the sequence: make "
    "the heads an axis first, then exchange it with the positions.",
    change={"_split(x @ w, heads)": "(x @ w).reshape(samples, heads, steps, -1)"},
)

heads_are_merged_without_transposing = mistake(
    "multi_head_attention_forward",
    "You put the heads side by side without exchanging their axis with the positions first, which "
    "mixes up the sequence.",
    change={"_merge(out)": "out.reshape(x.shape)"},
)

heads_are_interleaved = mistake(
    "multi_head_attention_forward",
    "Your heads take every heads-th column. Head i gets neighbouring columns, i D / heads to "
    "(i + 1) D / heads.",
    change={
        "_split(x @ w, heads)": "(x @ w).unflatten(-1, (-1, heads)).permute(0, 3, 1, 2)",
        "_merge(out)": "out.permute(0, 2, 3, 1).flatten(2)",
    },
)

one_head_for_all = mistake(
    "multi_head_attention_forward",
    "You use a single head of size D, whatever heads says.",
    change={"q, k, v = ": "heads = 1\n    q, k, v = "},
)

heads_are_not_mixed = mistake(
    "multi_head_attention_forward",
    "You forgot w_o: the heads side by side are multiplied by it.",
    change={"merged @ w_o": "merged"},
)

layer_ignores_the_mask = mistake(
    "multi_head_attention_forward",
    "You ignore the mask.",
    change={"(q, k, v, mask)": "(q, k, v)"},
)

batch_of_the_mask_meets_the_heads = mistake(
    "multi_head_attention_forward",
    "The first axis of a mask (N, 1, T) or (N, T, T) met the axis of the heads. It belongs to the "
    "batch: give the mask an axis for the heads.",
    change={"unsqueeze(1)": "unsqueeze(0 if samples == heads else 1)"},
)

weights_are_transposed = mistake(
    "multi_head_attention_forward",
    "You use w_q, w_k and w_v transposed, as PyTorch stores them. Here x @ w is what "
    "makes queries, keys and values.",
    change={"q, k, v = ": "w_q, w_k, w_v = w_q.T, w_k.T, w_v.T\n    q, k, v = "},
)

values_are_keys = mistake(
    "multi_head_attention_forward",
    "Your values are made with w_k, like the keys: values are x w_v.",
    change={"q, k, v = ": "w_v = w_k\n    q, k, v = "},
)

queries_and_keys_are_exchanged = mistake(
    "multi_head_attention_forward",
    "You exchanged queries and keys: the rows of the scores belong to x w_q, the columns to x w_k.",
    change={"q, k, v = ": "w_q, w_k = w_k, w_q\n    q, k, v = "},
)

# multi_head_attention_backward --------------------------------------------------------------------

only_the_way_through_queries = mistake(
    "multi_head_attention_backward",
    "dx has only the gradient that comes through the queries. x made queries, keys and values: the "
    "three gradients are added.",
    change={" + dk @ w_k.mT + dv @ w_v.mT": ""},
)

values_are_missing_in_dx = mistake(
    "multi_head_attention_backward",
    "The way through the values is missing in dx.",
    change={" + dv @ w_v.mT": ""},
)

keys_are_missing_in_dx = mistake(
    "multi_head_attention_backward",
    "The way through the keys is missing in dx.",
    change={" + dk @ w_k.mT": ""},
)

w_o_is_forgotten_backwards = mistake(
    "multi_head_attention_backward",
    "You sent dout into the heads without taking it back through w_o.",
    change={"dout @ w_o.mT": "dout"},
)

weights_are_not_transposed_backwards = mistake(
    "multi_head_attention_backward",
    "You multiply by weights that should be transposed: the gradient of x w with respect to x is "
    "the upstream gradient times w transposed.",
    change={"w_o.mT": "w_o", "w_q.mT": "w_q", "w_k.mT": "w_k", "w_v.mT": "w_v"},
)

gradient_is_split_without_transposing = mistake(
    "multi_head_attention_backward",
    "You cut the upstream gradient into heads by a reshape alone. Make the heads an axis, then "
    "exchange it with the positions.",
    change={
        "_split(dout @ w_o.mT, heads)": "(dout @ w_o.mT).reshape(len(x), heads, x.shape[1], -1)"
    },
)

gradients_are_merged_without_transposing = mistake(
    "multi_head_attention_backward",
    "You put the gradients of the heads side by side by a reshape alone. Exchange the axis of the "
    "heads with the positions first.",
    change={"_merge(gradient)": "gradient.reshape(x.shape)"},
)

layer_weights_are_averaged = mistake(
    "multi_head_attention_backward",
    "Your gradients of the weights are means over the batch. The gradient is the sum over all "
    "samples; if the loss is a mean, that is in dout already.",
    change={"dw_q, dw_k, dw_v, dw_o": "*(dw / len(x) for dw in (dw_q, dw_k, dw_v, dw_o))"},
)

dw_o_is_transposed = mistake(
    "multi_head_attention_backward",
    "dw_o is transposed: its rows belong to the heads side by side, its columns to the output.",
    change={"dw_v, dw_o": "dw_v, dw_o.T"},
)

dw_q_and_dw_k_are_exchanged = mistake(
    "multi_head_attention_backward",
    "The gradients of w_q and w_k are exchanged.",
    change={"dx, dw_q, dw_k": "dx, dw_k, dw_q"},
)

dw_o_is_made_of_x = mistake(
    "multi_head_attention_backward",
    "Your dw_o is made of x. w_o multiplies the heads side by side, so its gradient is made of "
    "them.",
    change={"merged, dout": "x, dout"},
)

# attention_gru_step -------------------------------------------------------------------------------

context_is_scaled = mistake(
    "attention_gru_step",
    "You scale the scores. The decoder's attention is the plain dot product.",
    change={", scale=False": ""},
)

context_is_forgotten = mistake(
    "attention_gru_step",
    "Your step does not use the context: c w_c belongs to both gates and to the candidate.",
    change={" + context[:, 0] @ w_c": ""},
)

context_is_missing_in_the_candidate = mistake(
    "attention_gru_step",
    "The context is missing in the candidate: c w_c belongs to it as well as to the gates.",
    change={"tanh(n": "tanh((y @ w_y + b).chunk(3, dim=1)[2]"},
)

context_is_missing_in_the_gates = mistake(
    "attention_gru_step",
    "The context is missing in the gates: c w_c belongs to them as well as to the candidate.",
    change={
        " + context[:, 0] @ w_c": "",
        "tanh(n": "tanh(n + context[:, 0] @ w_c.chunk(3, dim=1)[2]",
    },
)

context_is_the_mean = mistake(
    "attention_gru_step",
    "Your context is the plain mean of the encoder's states. The state says by its inner products "
    "with them which ones matter.",
    change={"context[:, 0]": "h.mean(1)"},
)

context_is_the_last_state = mistake(
    "attention_gru_step",
    "Your context is the encoder's last state. Attention is the weighted mean of all of them.",
    change={"context[:, 0]": "h[:, -1]"},
)

reset_comes_after_the_product = mistake(
    "attention_gru_step",
    "You reset after the product with w_s, as PyTorch does. Here the state is reset before it.",
    change={"(r * s) @ w_sn": "r * (s @ w_sn)"},
)

update_gate_is_inverted = mistake(
    "attention_gru_step",
    "You exchanged the roles of z and 1 - z: where the update gate is 1, the old state is kept.",
    change={"z * s + (1 - z) * n": "(1 - z) * s + z * n"},
)

gates_are_exchanged = mistake(
    "attention_gru_step",
    "You took the columns of the gates in the order z, r, n. The order is r, z, n.",
    change={"r, z, n = ": "z, r, n = ", "w_sr, w_sz,": "w_sz, w_sr,"},
)

candidate_is_a_sigmoid = mistake(
    "attention_gru_step",
    "Your candidate is a sigmoid. It is a tanh: only the gates are sigmoids.",
    change={"torch.tanh": "torch.sigmoid"},
)

bias_is_forgotten = mistake(
    "attention_gru_step",
    "You left out the bias.",
    change={" + b)": ")"},
)

candidate_is_returned = mistake(
    "attention_gru_step",
    "You return the candidate. The next state is a mixture of it and the old state.",
    change={"z * s + (1 - z) * n": "n"},
)

# layer_costs --------------------------------------------------------------------------------------

one_product_of_attention = mistake(
    "layer_costs",
    "Self-attention multiplies twice: queries with keys, and weights with values. You counted one "
    "of the two.",
    change={"2 * n * n * d": "n * n * d"},
)

attention_costs_d_squared = mistake(
    "layer_costs",
    "You exchanged n and d for self-attention: it is 2 n^2 d, two products in which every"
    " pair of positions costs d multiplications.",
    change={"2 * n * n * d": "2 * n * d * d"},
)

one_product_of_recurrence = mistake(
    "layer_costs",
    "A recurrent step multiplies twice by a (d, d) matrix: the input and the state. You counted "
    "one of the two.",
    change={"2 * n * d * d": "n * d * d"},
)

recurrence_is_parallel = mistake(
    "layer_costs",
    "The steps of a recurrent layer have to wait for each other: there are n sequential ones.",
    change={"d, n, n": "d, 1, n"},
)

recurrence_has_a_short_path = mistake(
    "layer_costs",
    "In a recurrent layer the first input goes through every step until it reaches the last "
    "output: the path has length n, not 1.",
    change={"d, n, n": "d, n, 1"},
)

attention_has_a_long_path = mistake(
    "layer_costs",
    "Self-attention connects any two positions directly, and all at once: one step, and a path of "
    "length 1.",
    change={"d, 1, 1": "d, 1, n"},
)

kernel_costs_nothing = mistake(
    "layer_costs",
    "You left the kernel size out of the cost of a convolution: each output is computed from k "
    "inputs.",
    change={"k * n * d * d": "n * d * d"},
)

convolution_is_depthwise = mistake(
    "layer_costs",
    "You count a convolution of each feature by itself, k n d. Every output feature is computed "
    "from all d input features: k n d^2.",
    change={"k * n * d * d": "k * n * d"},
)


@mistake(
    "layer_costs",
    "The first input is n - 1 positions before the last, not n: one layer less is enough when "
    "k - 1 divides n - 1.",
)
def convolution_looks_too_far(kind, *, n, d, k=3):
    path = -(-n // (k - 1))
    multiplications, steps, right = layer_costs(kind, n=n, d=d, k=k)
    return multiplications, steps, path if kind == "convolution" else right


@mistake(
    "layer_costs",
    "You divide by k. A layer sees its own position and k - 1 others, so it looks back k - 1.",
)
def convolution_reaches_k(kind, *, n, d, k=3):
    path = -(-n // k)
    multiplications, steps, right = layer_costs(kind, n=n, d=d, k=k)
    return multiplications, steps, path if kind == "convolution" else right


@mistake(
    "layer_costs",
    "You round the number of layers down. If they do not reach exactly, one more is needed.",
)
def layers_are_rounded_down(kind, *, n, d, k=3):
    path = (n - 1) // (k - 1) if kind == "convolution" else 0
    while kind == "dilated" and k ** (path + 1) <= n:
        path += 1
    multiplications, steps, right = layer_costs(kind, n=n, d=d, k=k)
    return multiplications, steps, path if kind in ("convolution", "dilated") else right


logarithm_is_rounded = mistake(
    "layer_costs",
    "You take the logarithm in floating point. log 125 / log 5 is a little more than 3, and "
    "rounded up it is 4: count in integers.",
    change={
        "1, layers": '1, math.ceil(math.log(n) / math.log(k)) if kind == "dilated" else layers'
    },
)

logarithm_has_base_two = mistake(
    "layer_costs",
    "You use the logarithm with base 2. The dilation grows by the factor k from layer to layer.",
    change={"1, layers": '1, (n - 1).bit_length() if kind == "dilated" else layers'},
)

dilation_is_ignored = mistake(
    "layer_costs",
    "You give dilated convolutions the path of ordinary ones. Their gaps grow, so that a few "
    "layers reach far.",
    change={' * (k**layers if kind == "dilated" else 1)': ""},
)

# On a second device -------------------------------------------------------------------------------

mask_on_the_cpu = mistake(
    "causal_mask",
    "The mask is on the CPU: make it on the device of like.",
    change={", device=like.device": ""},
    on="cuda",
)

factor_is_always_on_the_cpu = mistake(
    "attention_forward",
    "The factor is a tensor on the CPU: make it on the device of q, or take a plain "
    "number, which has none.",
    change={"factor * (": 'torch.tensor([factor], dtype=q.dtype, device="cpu") * ('},
    on="cuda",
)


@mistake(
    "additive_attention_forward",
    "You go through NumPy, which knows the CPU only: torch has the same functions for tensors.",
    on="cuda",
)
def tanh_in_numpy(s, h, w_s, w_h, v):
    additive_attention_forward(s, h, w_s, w_h, v)  # refuses what cannot be used
    e = torch.from_numpy(np.tanh(((s @ w_s)[:, :, None] + (h @ w_h)[:, None]).numpy()))
    p = torch.softmax(e @ v, dim=-1)
    return p @ h, (s, h, w_s, w_h, v, e, p)
