"""Known wrong implementations of unit 3: each replaces one function of the reference.

Most are small changes of its text. Where a function is called by the name that it replaces, it
gives the reference's own answers.
"""

import numpy as np
import torch
from layers import linear_backward, require_samples, two_layer_loss

from autograder.testing import mistake

# --- linear_forward ---------------------------------------------------------------------------

bias_is_forgotten = mistake(
    "linear_forward",
    "You left out the bias: add b to every row of the output.",
    change={"@ w + b": "@ w"},
)

flattening_mixes_samples = mistake(
    "linear_forward",
    "You brought x into shape by filling a (D, N) array and transposing it, which mixes numbers of "
    "different samples. Flatten each sample by itself: the first axis stays as it is.",
    change={"x.flatten(1)": "x.reshape(w.shape[0], x.shape[0]).T"},
)

features_run_first_axis_fastest = mistake(
    "linear_forward",
    "Your features come out in another order: flatten in row-major order, the last axis fastest, "
    "without moving axes first.",
    change={"x.flatten": "x.permute(0, *range(x.ndim - 1, 0, -1)).flatten"},
)

weights_are_reshaped_and_transposed = mistake(
    "linear_forward",
    "You read w as (M, D): weights are (D, M) here, and reshaping them does not transpose them.",
    change={"@ w": "@ w.reshape(w.T.shape).T"},
)

result_is_always_float32 = mistake(
    "linear_forward",
    "Your result is float32 whatever the inputs are: results have the dtype of the inputs.",
    change={"return out": "return out.to(torch.float32)"},
)

relu_is_built_in = mistake(
    "linear_forward",
    "You applied an activation to the output. A linear layer ends with adding b; activations are "
    "layers of their own.",
    change={"return out": "return out.clamp(min=0)"},
)

input_is_flattened_in_place = mistake(
    "linear_forward",
    "You changed what you were given, for instance by flattening x itself. Inputs belong "
    "to the caller: work on a copy or a view.",
    change={"return out": "x.resize_(x.shape[0], w.shape[0])\n    return out"},
)

# --- linear_backward --------------------------------------------------------------------------

db_is_averaged = mistake(
    "linear_backward",
    "You averaged over the batch: db is the sum over the samples, not their mean. If the loss is a "
    "mean, dout contains the 1/N already.",
    change={"dout.sum(0)": "dout.mean(0)"},
)

dw_is_averaged = mistake(
    "linear_backward",
    "You divided dw by the batch size: it is the sum over the samples. If the loss is a mean, dout "
    "contains the 1/N already.",
    change={".T @ dout": ".T @ dout / len(dout)"},
)

dx_stays_flat = mistake(
    "linear_backward",
    "Your dx is still flattened: a gradient has the shape of what it belongs to, so give dx the "
    "shape of x.",
    change={".reshape(x.shape)": ""},
    equal_in=("two_layer_loss",),
)

dx_forgets_the_upstream_gradient = mistake(
    "linear_backward",
    "Your dx does not use dout: it is what you would get if dout were all ones.",
    change={"dout @": "torch.ones_like(dout) @"},
)

dw_forgets_the_upstream_gradient = mistake(
    "linear_backward",
    "Your dw does not use dout: it is what you would get if dout were all ones.",
    change={"@ dout": "@ torch.ones_like(dout)"},
)

db_keeps_the_batch_axis = mistake(
    "linear_backward",
    "Your db has the shape (1, M). That broadcasts silently, but b has the shape (M,), and so has "
    "its gradient.",
    change={"sum(0)": "sum(0, keepdim=True)"},
)

db_sums_over_the_outputs = mistake(
    "linear_backward",
    "You summed dout over the wrong axis for db: each bias belongs to one output and meets every "
    "sample.",
    change={"sum(0)": "sum(1)"},
)

w_is_reshaped_where_it_is_transposed = mistake(
    "linear_backward",
    "You reshaped w where the formula transposes it. The shapes fit, the numbers are in the wrong "
    "places.",
    change={"w.T": "w.reshape(w.T.shape)"},
)

x_is_reshaped_where_it_is_transposed = mistake(
    "linear_backward",
    "You reshaped x where the formula transposes it, so features of different samples are mixed in "
    "dw.",
    change={"x.flatten(1).T": "x.reshape(w.shape[0], x.shape[0])"},
)

dw_is_overwritten_by_each_sample = mistake(
    "linear_backward",
    "Your dw comes from the last sample alone: add up what all samples contribute.",
    change={"x.flatten(1).T @ dout": "torch.outer(x[-1].flatten(), dout[-1])"},
)

gradients_come_in_another_order = mistake(
    "linear_backward",
    "You returned the gradients in another order: dx, dw, db is the order of the inputs.",
    change={"return dx, dw, db": "return dw, db, dx"},
)


_totals = {}


@mistake(
    "linear_backward",
    "Your dw adds up over calls: a second backward pass of the same layer returns twice the "
    "gradient. Start from zero in every call.",
)
def dw_accumulates_over_calls(dout, cache):
    dx, dw, db = linear_backward(dout, cache)
    key = (dw.shape, dw.dtype, dw.device)
    _totals[key] = dw + _totals.get(key, 0)
    return dx, _totals[key].clone(), db


weights_are_updated_in_the_cache = mistake(
    "linear_backward",
    "Your backward pass takes a step of gradient descent on the weights in the cache. It computes "
    "gradients and changes nothing; the step is the optimiser's.",
    change={"return dx": "w -= 0.1 * dw\n    return dx"},
)

# --- relu_forward -----------------------------------------------------------------------------

negative_side_leaks = mistake(
    "relu_forward",
    "That is a leaky ReLU: negative entries become 0, not a small negative number.",
    change={"x.clamp(min=0)": "torch.where(x > 0, x, 0.01 * x)"},
)

absolute_value_is_taken = mistake(
    "relu_forward",
    "You took the absolute value: negative entries become 0, not positive.",
    change={"x.clamp(min=0)": "x.abs()"},
)

positive_side_is_capped = mistake(
    "relu_forward",
    "You cut off above as well: ReLU passes positive entries as they are.",
    change={"min=0": "min=0, max=1"},
)

step_function_is_returned = mistake(
    "relu_forward",
    "You returned where x is positive, not x itself at those places.",
    change={"x.clamp(min=0)": "(x > 0).to(x.dtype)"},
)

relu_works_in_place = mistake(
    "relu_forward",
    "You set the negative entries of x itself to 0. The input belongs to the caller: make a new "
    "tensor.",
    change={"return x.clamp(min=0)": "x[x < 0] = 0\n    return x"},
    equal_in=("two_layer_loss",),
)

# --- relu_backward ----------------------------------------------------------------------------

gradient_passes_at_zero = mistake(
    "relu_backward",
    "You let the gradient through where the input is exactly 0. The convention here is a gradient "
    "of 0 at 0.",
    change={"x > 0": "x >= 0"},
)

gradient_is_halved_at_zero = mistake(
    "relu_backward",
    "You averaged the two slopes at 0. One half is a subgradient too, but the convention here is a "
    "gradient of 0 at 0.",
    change={"x > 0": "0.5 * (x.sign() + 1)"},
)

sign_is_asked_of_dout = mistake(
    "relu_backward",
    "You cut off negative gradients: it is the sign of the input that decides what passes, not the "
    "sign of dout.",
    change={"x > 0": "dout > 0"},
)

negative_gradients_are_cut_off_too = mistake(
    "relu_backward",
    "You cut off negative gradients as well: where the input is positive dout passes unchanged, "
    "whatever its sign.",
    change={"dout *": "dout.clamp(min=0) *"},
)

relu_forgets_the_upstream_gradient = mistake(
    "relu_backward",
    "Your gradient does not use dout: multiply the slope by it.",
    change={"dout * (x > 0)": "(x > 0).to(dout.dtype)"},
)

dout_is_multiplied_by_the_output = mistake(
    "relu_backward",
    "You multiplied dout by the output instead of by the slope, which is 1 for a positive input.",
    change={"(x > 0)": "x.clamp(min=0)"},
)

relu_backward_works_in_place = mistake(
    "relu_backward",
    "You set entries of dout itself to 0: the upstream gradient belongs to the caller, so make a "
    "new tensor.",
    change={"return dout * (x > 0)": "dout[x <= 0] = 0\n    return dout"},
    equal_in=("two_layer_loss",),
)

# --- sigmoid_forward --------------------------------------------------------------------------

exponential_overflows = mistake(
    "sigmoid_forward",
    "exp(x) overflows for a large positive x, and infinity divided by infinity is NaN. Take the "
    "exponential of non-positive numbers only.",
    change={"torch.where(x >= 0, 1 / (1 + e), e / (1 + e))": "x.exp() / (1 + x.exp())"},
)

exponent_has_the_wrong_sign = mistake(
    "sigmoid_forward",
    "You computed the sigmoid of -x, by the sign of the exponent or by exchanging the two"
    " cases: a large positive x must give 1.",
    change={"torch.where(x >= 0, 1 / (1 + e), e / (1 + e))": "1 / (1 + x.exp())"},
)

input_is_clipped = mistake(
    "sigmoid_forward",
    "You clipped x to keep the exponential finite. That changes the function for large inputs: "
    "rewrite the fraction instead.",
    change={"x.abs()": "x.clamp(-10, 10).abs()"},
)

zero_is_in_neither_case = mistake(
    "sigmoid_forward",
    "x = 0 belongs to neither of your two cases and comes out as 0; the sigmoid of 0 is one half.",
    change={"x >= 0": "x > 0", "e / (1 + e))": "torch.where(x < 0, e / (1 + e), 0))"},
)

tanh_is_not_stretched = mistake(
    "sigmoid_forward",
    "You computed sigmoid(2x), which is (1 + tanh(x)) / 2 and too steep: the sigmoid of x"
    " is (1 + tanh(x/2)) / 2.",
    change={"-x.abs()": "-2 * x.abs()"},
)

# --- sigmoid_backward -------------------------------------------------------------------------

sigmoid_is_applied_twice = mistake(
    "sigmoid_backward",
    "You applied the sigmoid to what is already its output: y (1 - y) wants the output itself.",
    change={"y = cache": "y, _ = sigmoid_forward(cache)"},
)

sigmoid_forgets_the_upstream_gradient = mistake(
    "sigmoid_backward",
    "Your gradient does not use dout: multiply the slope by it.",
    change={"dout * ": ""},
)

sigmoid_uses_the_slope_of_tanh = mistake(
    "sigmoid_backward",
    "You used the derivative of tanh, 1 - y^2. That of the sigmoid is y (1 - y).",
    change={"y * (1 - y)": "(1 - y * y)"},
)

sigmoid_slope_is_negative = mistake(
    "sigmoid_backward",
    "The sign is wrong: the sigmoid rises everywhere, so its slope y (1 - y) is never negative.",
    change={"1 - y": "y - 1"},
)

sigmoid_slope_misses_a_factor = mistake(
    "sigmoid_backward",
    "One factor of the derivative is missing: it is y (1 - y), not 1 - y.",
    change={"dout * y": "dout"},
)

sigmoid_overwrites_its_cache = mistake(
    "sigmoid_backward",
    "You computed the slope inside the cached output. A backward pass leaves its cache as it is, "
    "so that it can be called again.",
    change={"y * (1 - y)": "y.mul_(1 - y)"},
    equal_in=("two_layer_loss",),
)

# --- tanh_forward -----------------------------------------------------------------------------

exponentials_overflow = mistake(
    "tanh_forward",
    "The exponentials overflow for large |x|, and infinity divided by infinity is NaN. Take the "
    "exponential of non-positive numbers only.",
    change={"x.sign() * (-e / (2 + e))": "(x.exp() - (-x).exp()) / (x.exp() + (-x).exp())"},
)

argument_is_not_doubled = mistake(
    "tanh_forward",
    "You computed tanh(x/2): tanh(x) = 2 sigmoid(2x) - 1, with a 2 inside as well.",
    change={"-2 * x": "-x"},
)

tanh_is_made_of_straight_lines = mistake(
    "tanh_forward",
    "You cut x off at -1 and 1 (the hard tanh). tanh has the same limits, but bends smoothly.",
    change={"x.sign() * (-e / (2 + e))": "x.clamp(-1, 1)"},
)

tanh_input_is_clipped = mistake(
    "tanh_forward",
    "You clipped x to keep the exponentials finite. That changes the function for large inputs: "
    "rewrite the fraction instead.",
    change={"x.abs()": "x.clamp(-5, 5).abs()"},
)

sign_is_lost = mistake(
    "tanh_forward",
    "Your result is right for positive x only: tanh is odd, so give it the sign of x.",
    change={"x.sign() * ": ""},
)

# --- tanh_backward ----------------------------------------------------------------------------

tanh_uses_the_slope_of_the_sigmoid = mistake(
    "tanh_backward",
    "You used the derivative of the sigmoid, y (1 - y). That of tanh is 1 - y^2.",
    change={"(1 - y * y)": "y * (1 - y)"},
)

tanh_is_applied_twice = mistake(
    "tanh_backward",
    "You applied tanh to what is already its output: 1 - y^2 wants the output itself.",
    change={"y = cache": "y, _ = tanh_forward(cache)"},
)

square_is_missing = mistake(
    "tanh_backward",
    "The square is missing: the slope of tanh is 1 - y^2, not 1 - y.",
    change={"y * y": "y"},
)

difference_is_squared = mistake(
    "tanh_backward",
    "You squared the difference: the slope is 1 - y^2, not (1 - y)^2.",
    change={"(1 - y * y)": "(1 - y) ** 2"},
)

tanh_forgets_the_upstream_gradient = mistake(
    "tanh_backward",
    "Your gradient does not use dout: multiply the slope by it.",
    change={"dout * ": ""},
)

tanh_backward_works_in_place = mistake(
    "tanh_backward",
    "You multiplied the slope into dout itself: the upstream gradient belongs to the caller, so "
    "make a new tensor.",
    change={"dout * (": "dout.mul_("},
    equal_in=("two_layer_loss",),
)

# --- softmax_forward --------------------------------------------------------------------------

last_axis_is_normalised = mistake(
    "softmax_forward",
    "You normalised the last axis only: here all axes but the first belong together, and the "
    "entries of a whole sample sum to 1.",
    change={"x.flatten(1)": "x.flatten(0, -2)"},
)

batch_axis_is_normalised = mistake(
    "softmax_forward",
    "You normalised over the samples: each sample sums to 1 by itself, whatever else is in the "
    "batch.",
    change={"amax(1": "amax(0", "sum(1": "sum(0"},
)

whole_tensor_is_normalised = mistake(
    "softmax_forward",
    "You normalised over the whole tensor: each sample sums to 1 by itself, whatever else is in "
    "the batch.",
    change={"x.flatten(1)": "x.reshape(1, -1)"},
)

softmax_overflows = mistake(
    "softmax_forward",
    "exp overflows for large inputs. Softmax does not change when a constant is subtracted from "
    "all entries of a sample: choose it so that no exponent is positive.",
    change={" - rows.amax(1, keepdim=True)": ""},
)

one_maximum_serves_all_samples = mistake(
    "softmax_forward",
    "You subtracted the maximum of the whole batch. A sample far below it underflows to 0/0: every "
    "sample needs its own maximum.",
    change={"rows.amax(1, keepdim=True)": "rows.amax()"},
)

constant_in_the_denominator = mistake(
    "softmax_forward",
    "You added a small constant to the denominator. It cannot vanish once the maximum is "
    "subtracted, and with the constant the entries do not sum to 1.",
    change={"e.sum(1, keepdim=True)": "(e.sum(1, keepdim=True) + 1e-6)"},
)

numbers_are_divided_by_their_sum = mistake(
    "softmax_forward",
    "You took no exponential: softmax is exp(x) divided by the sum of exp(x), and not a "
    "share of the numbers themselves.",
    change={
        "torch.exp(rows - rows.amax(1, keepdim=True))": "rows - rows.amin(1, keepdim=True) + 1"
    },
)

# --- softmax_backward -------------------------------------------------------------------------

only_the_diagonal_is_used = mistake(
    "softmax_backward",
    "You used the diagonal of the Jacobian only: every output of a sample depends on all its "
    "inputs, so the terms -p_k p_i count too.",
    change={"(g - inner)": "g * (1 - rows)"},
)

inner_product_over_the_last_axis = mistake(
    "softmax_backward",
    "Your inner product of dout and p runs over the last axis only: it belongs to the whole "
    "sample, like the normalisation.",
    change={"dout.flatten(1), p.flatten(1)": "dout, p", "sum(1": "sum(-1"},
)

inner_product_over_the_batch = mistake(
    "softmax_backward",
    "Your inner product of dout and p runs over the whole batch: every sample has its own.",
    change={"sum(1, keepdim=True)": "sum()"},
)

sum_is_not_weighted = mistake(
    "softmax_backward",
    "You subtracted the plain sum of dout: it is weighted with the probabilities p_k.",
    change={"(g * rows).sum": "g.sum"},
)

mean_stands_for_the_weighted_sum = mistake(
    "softmax_backward",
    "You subtracted the mean of dout, which makes the uniform distribution right and no other: the "
    "sum is weighted with the probabilities.",
    change={"(g * rows).sum": "g.mean"},
)

factor_in_front_is_missing = mistake(
    "softmax_backward",
    "You forgot to multiply by p in front: dx_i = p_i (dout_i - sum_k dout_k p_k).",
    change={"rows * (g - inner)": "g - inner"},
)

softmax_sign_is_wrong = mistake(
    "softmax_backward",
    "The sign is wrong: the diagonal of the Jacobian is positive.",
    change={"g - inner": "inner - g"},
)

softmax_backward_works_in_place = mistake(
    "softmax_backward",
    "You changed what you were given, for instance by computing inside dout: it belongs "
    "to the caller, so make a new tensor.",
    change={"g - inner": "dout.copy_((g - inner).reshape(p.shape)).flatten(1)"},
)

# --- collapse_affine --------------------------------------------------------------------------

first_bias_is_forgotten = mistake(
    "collapse_affine",
    "You left out the first bias: it passes through the second layer, so b1 w2 is part of b.",
    change={"b1 @ w2 + b2": "b2.clone()"},
)

second_bias_is_forgotten = mistake(
    "collapse_affine",
    "You left out the second bias: b is b1 w2 plus b2.",
    change={" + b2": ""},
)

first_bias_skips_the_second_layer = mistake(
    "collapse_affine",
    "You added up b1 without its weights: each entry of b1 reaches output m with the factor "
    "w2[h, m].",
    change={"b1 @ w2": "b1.sum()"},
)

relu_stands_between_the_layers = mistake(
    "collapse_affine",
    "You set the negative entries of w1 and b1 to 0, as a ReLU would. There is no "
    "activation between these layers, which is what makes them collapse: w is w1 w2 as "
    "they are.",
    change={"w1 @ w2, b1 @ w2": "w1.clamp(min=0) @ w2, b1.clamp(min=0) @ w2"},
)

product_is_transposed = mistake(
    "collapse_affine",
    "Your w is (M, D), the transpose: weights are (D, M) here and act as x @ w.",
    change={"w1 @ w2": "(w1 @ w2).T"},
)

bias_is_a_row = mistake(
    "collapse_affine",
    "Your b has the shape (1, M): a bias is a vector of M numbers.",
    change={"b1 @": "b1[None, :] @"},
)

# --- two_layer_loss ---------------------------------------------------------------------------

biases_are_regularised = mistake(
    "two_layer_loss",
    "You regularised the biases too: the penalty is on w1 and w2 alone.",
    change={
        "(w2 * w2).sum()": "(w2 * w2).sum() + (b1 * b1).sum() + (b2 * b2).sum()",
        "db1, dw2 + reg * w2, db2": "db1 + reg * b1, dw2 + reg * w2, db2 + reg * b2",
    },
)

half_is_missing_in_the_loss = mistake(
    "two_layer_loss",
    "The factor 1/2 of the penalty is missing in the loss: it is reg/2 times the squared norms, so "
    "that its gradient is reg times w.",
    change={"reg / 2": "reg"},
)

penalty_is_doubled = mistake(
    "two_layer_loss",
    "Your penalty is twice as strong as asked, in the loss and in the gradients: the loss has "
    "reg/2, the gradients have reg.",
    change={"reg / 2": "reg", "reg * w1": "2 * reg * w1", "reg * w2": "2 * reg * w2"},
)

penalty_has_no_gradient = mistake(
    "two_layer_loss",
    "The penalty is in your loss but not in the gradients: add reg times w to dw1 and dw2.",
    change={" + reg * w1": "", " + reg * w2": ""},
)

penalty_is_not_in_the_loss = mistake(
    "two_layer_loss",
    "The penalty is in your gradients but not in the loss: add reg/2 times the squared norms of w1 "
    "and w2 to it.",
    change={" + reg / 2 * ((w1 * w1).sum() + (w2 * w2).sum())": ""},
)


@mistake(
    "two_layer_loss",
    "You divided the penalty by the number of samples: only the cross entropy is a mean over the "
    "batch.",
)
def penalty_is_divided_by_the_batch_size(x, y, w1, b1, w2, b2, *, reg=0.0, activation="relu"):
    return two_layer_loss(x, y, w1, b1, w2, b2, reg=reg / len(x), activation=activation)


second_layer_is_not_regularised = mistake(
    "two_layer_loss",
    "You regularised w1 only: the penalty is on the weights of both layers.",
    change={" + (w2 * w2).sum()": "", " + reg * w2": ""},
)

norms_are_not_squared = mistake(
    "two_layer_loss",
    "You used the norms, not their squares: the penalty is the sum of all squared entries, without "
    "a root.",
    change={"(w1 * w1).sum()": "w1.norm()", "(w2 * w2).sum()": "w2.norm()"},
)

gradients_are_summed_over_the_batch = mistake(
    "two_layer_loss",
    "The gradients of your cross entropy are N times too large: the loss is a mean over "
    "the batch, so the gradient of the scores has a factor 1/N.",
    change={"truth) / len(x)": "truth)"},
)

cross_entropy_is_summed_over_the_batch = mistake(
    "two_layer_loss",
    "Your cross entropy is summed over the batch: it is the mean over the samples.",
    change={".sum() / len(x)": ".sum()", "truth) / len(x)": "truth)"},
)

cross_entropy_is_divided_by_the_classes = mistake(
    "two_layer_loss",
    "You divided by the number of classes: the cross entropy is a mean over the samples.",
    change={".sum() / len(x)": ".sum() / w2.shape[1]", "truth) / len(x)": "truth) / w2.shape[1]"},
)

logarithm_of_a_rounded_probability = mistake(
    "two_layer_loss",
    "You took the logarithm of a probability that underflowed to 0: the loss of a confident wrong "
    "answer must be large, not infinite. Compute log p from the scores.",
    change={"(truth * log_p).sum()": "(truth * log_p.exp()).sum(1).log().sum()"},
)

constant_inside_the_logarithm = mistake(
    "two_layer_loss",
    "You added a small constant inside the logarithm. That caps the loss of a confident wrong "
    "answer: compute log p from the scores.",
    change={"(truth * log_p).sum()": "((truth * log_p.exp()).sum(1) + 1e-8).log().sum()"},
)

activation_is_always_relu = mistake(
    "two_layer_loss",
    "You used ReLU although another activation was asked for by the argument `activation`.",
    change={"[activation]": '["relu"]'},
)

slope_of_the_activation_is_missing = mistake(
    "two_layer_loss",
    "The activation is missing on the way back: multiply by its slope before you enter the first "
    "layer.",
    change={"activate_backward(dz, cache_z)": "dz"},
)

scores_are_activated_too = mistake(
    "two_layer_loss",
    "You applied the activation to the scores as well: the second layer's output goes into the "
    "cross entropy as it is.",
    change={
        "shifted =": "scores, cache_s = activate(scores)\n    shifted =",
        "dscores, cache_2": "activate_backward(dscores, cache_s), cache_2",
    },
)

dw2_uses_the_values_before_activation = mistake(
    "two_layer_loss",
    "Your dw2 is computed with the hidden layer before its activation: the input of the second "
    "layer is the activation's output.",
    change={"dw2 + reg": "a.T @ dscores + reg"},
)

labels_are_missing_in_the_gradient = mistake(
    "two_layer_loss",
    "The gradient of the scores lacks the one-hot labels: it is (p - onehot(y)) / N.",
    change={"(log_p.exp() - truth)": "log_p.exp()"},
)

loss_has_an_axis = mistake(
    "two_layer_loss",
    "Your loss is a tensor of shape (1,): a loss is a single number, a tensor without axes.",
    change={"return loss": "return loss.reshape(1)"},
)

loss_is_a_python_number = mistake(
    "two_layer_loss",
    "Your loss is a Python number: a loss is a tensor without axes, with the dtype of the inputs.",
    change={"return loss": "return loss.item()"},
)

unknown_activation_is_accepted = mistake(
    "two_layer_loss",
    "An activation that does not exist passes unnoticed: raise ValueError for a name that is none "
    "of relu, sigmoid and tanh.",
    change={
        'activation in ("relu", "sigmoid", "tanh")': "True",
        "[activation]": ".get(activation, (tanh_forward, tanh_backward))",
    },
)


@mistake(
    "two_layer_loss",
    "You changed your arguments, for instance w1 and w2. They belong to the caller: a "
    "loss only computes.",
)
def weights_are_decayed_in_place(x, y, w1, b1, w2, b2, *, reg=0.0, activation="relu"):
    results = two_layer_loss(x, y, w1, b1, w2, b2, reg=reg, activation=activation)
    w1 *= 1 - 0.1 * reg
    w2 *= 1 - 0.1 * reg
    return results


# --- on a second device ------------------------------------------------------------------------

zeros_on_the_cpu = mistake(
    "relu_forward",
    "The zeros that you compare with are on the CPU: give torch.zeros the device of x, or use "
    "torch.zeros_like.",
    change={"x.clamp(min=0)": "torch.maximum(x, torch.zeros(x.shape, dtype=x.dtype))"},
    on="cuda",
)

ones_are_always_on_the_cpu = mistake(
    "tanh_backward",
    "The ones are a tensor on the CPU: make it on the device of the other tensor, or take"
    " the number 1, which needs none.",
    change={"1 - y * y": 'torch.ones(y.shape, dtype=y.dtype, device="cpu") - y * y'},
    on="cuda",
)


@mistake(
    "softmax_forward",
    "You go through NumPy, which knows the CPU only: torch has the same functions for tensors.",
    on="cuda",
)
def samples_normalised_in_numpy(x):
    require_samples(x)
    rows = x.flatten(1).numpy()
    e = np.exp(rows - rows.max(1, keepdims=True))
    out = torch.from_numpy(e / e.sum(1, keepdims=True)).reshape(x.shape)
    return out, out
