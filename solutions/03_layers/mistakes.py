"""Known wrong implementations of unit 3: each replaces one function of the reference.

Where a function is called by the name that it replaces, the reference's own answers. The caches are
the reference's: `linear_forward` keeps (x, w), `relu_forward` its input, the other layers their
output.
"""

import numpy as np
import torch
from layers import (
    collapse_affine,
    linear_backward,
    linear_forward,
    relu_backward,
    relu_forward,
    require_numbers,
    require_samples,
    sigmoid_backward,
    sigmoid_forward,
    softmax_forward,
    tanh_backward,
    tanh_forward,
    two_layer_loss,
)

from autograder.testing import mistake

# --- linear_forward ---------------------------------------------------------------------------


@mistake("linear_forward", "You left out the bias: add b to every row of the output.")
def bias_is_forgotten(x, w, b):
    _, cache = linear_forward(x, w, b)
    return x.flatten(1) @ w, cache


@mistake(
    "linear_forward",
    "You brought x into shape by filling a (D, N) array and transposing it, which mixes numbers of "
    "different samples. Flatten each sample by itself: the first axis stays as it is.",
)
def flattening_mixes_samples(x, w, b):
    _, cache = linear_forward(x, w, b)
    return x.reshape(w.shape[0], x.shape[0]).T @ w + b, cache


@mistake(
    "linear_forward",
    "Your features come out in another order: flatten in row-major order, the last axis fastest, "
    "without moving axes first.",
)
def features_run_first_axis_fastest(x, w, b):
    _, cache = linear_forward(x, w, b)
    reversed_axes = x.permute(0, *range(x.ndim - 1, 0, -1))
    return reversed_axes.flatten(1) @ w + b, cache


@mistake(
    "linear_forward",
    "You read w as (M, D): weights are (D, M) here, and reshaping them does not transpose them.",
)
def weights_are_reshaped_and_transposed(x, w, b):
    _, cache = linear_forward(x, w, b)
    return x.flatten(1) @ w.reshape(w.shape[1], w.shape[0]).T + b, cache


@mistake(
    "linear_forward",
    "Your result is float32 whatever the inputs are: results have the dtype of the inputs.",
)
def result_is_always_float32(x, w, b):
    out, cache = linear_forward(x, w, b)
    return out.to(torch.float32), cache


@mistake(
    "linear_forward",
    "You applied an activation to the output. A linear layer ends with adding b; activations are "
    "layers of their own.",
)
def relu_is_built_in(x, w, b):
    out, cache = linear_forward(x, w, b)
    return out.clamp(min=0), cache


@mistake(
    "linear_forward",
    "You flattened the caller's x itself, so it has lost its shape for whoever uses it next. Make "
    "a flattened copy or view.",
)
def input_is_flattened_in_place(x, w, b):
    out, cache = linear_forward(x, w, b)
    x.resize_(x.shape[0], w.shape[0])
    return out, cache


# --- linear_backward --------------------------------------------------------------------------


@mistake(
    "linear_backward",
    "You averaged over the batch: db is the sum over the samples, not their mean. If the loss is a "
    "mean, dout contains the 1/N already.",
)
def db_is_averaged(dout, cache):
    dx, dw, _ = linear_backward(dout, cache)
    return dx, dw, dout.mean(0)


@mistake(
    "linear_backward",
    "You divided dw by the batch size: it is the sum over the samples. If the loss is a mean, dout "
    "contains the 1/N already.",
)
def dw_is_averaged(dout, cache):
    dx, dw, db = linear_backward(dout, cache)
    return dx, dw / len(dout), db


@mistake(
    "linear_backward",
    "Your dx is still flattened: a gradient has the shape of what it belongs to, so give dx the "
    "shape of x.",
)
def dx_stays_flat(dout, cache):
    dx, dw, db = linear_backward(dout, cache)
    return dx.flatten(1), dw, db


@mistake(
    "linear_backward",
    "Your dx does not use dout: it is what you would get if dout were all ones.",
)
def dx_forgets_the_upstream_gradient(dout, cache):
    _, dw, db = linear_backward(dout, cache)
    dx, _, _ = linear_backward(torch.ones_like(dout), cache)
    return dx, dw, db


@mistake(
    "linear_backward",
    "Your dw does not use dout: it is what you would get if dout were all ones.",
)
def dw_forgets_the_upstream_gradient(dout, cache):
    dx, _, db = linear_backward(dout, cache)
    _, dw, _ = linear_backward(torch.ones_like(dout), cache)
    return dx, dw, db


@mistake(
    "linear_backward",
    "Your db has the shape (1, M). That broadcasts silently, but b has the shape (M,), and so has "
    "its gradient.",
)
def db_keeps_the_batch_axis(dout, cache):
    dx, dw, _ = linear_backward(dout, cache)
    return dx, dw, dout.sum(0, keepdim=True)


@mistake(
    "linear_backward",
    "You summed dout over the wrong axis for db: each bias belongs to one output and meets every "
    "sample.",
)
def db_sums_over_the_outputs(dout, cache):
    dx, dw, _ = linear_backward(dout, cache)
    return dx, dw, dout.sum(1)


@mistake(
    "linear_backward",
    "You reshaped w where the formula transposes it. The shapes fit, the numbers are in the wrong "
    "places.",
)
def w_is_reshaped_where_it_is_transposed(dout, cache):
    x, w = cache
    _, dw, db = linear_backward(dout, cache)
    dx = dout @ w.reshape(w.shape[1], w.shape[0])
    return dx.reshape(x.shape), dw, db


@mistake(
    "linear_backward",
    "You reshaped x where the formula transposes it, so features of different samples are mixed in "
    "dw.",
)
def x_is_reshaped_where_it_is_transposed(dout, cache):
    x, w = cache
    dx, _, db = linear_backward(dout, cache)
    return dx, x.reshape(w.shape[0], x.shape[0]) @ dout, db


@mistake(
    "linear_backward",
    "Your dw comes from the last sample alone: the loop overwrites it where it should add to it.",
)
def dw_is_overwritten_by_each_sample(dout, cache):
    x, _ = cache
    dx, _, db = linear_backward(dout, cache)
    return dx, torch.outer(x[-1].flatten(), dout[-1]), db


@mistake(
    "linear_backward",
    "You returned the gradients in another order: dx, dw, db is the order of the inputs.",
)
def gradients_come_in_another_order(dout, cache):
    dx, dw, db = linear_backward(dout, cache)
    return dw, db, dx


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


@mistake(
    "linear_backward",
    "Your backward pass takes a step of gradient descent on the weights in the cache. It computes "
    "gradients and changes nothing; the step is the optimiser's.",
)
def weights_are_updated_in_the_cache(dout, cache):
    _, w = cache
    dx, dw, db = linear_backward(dout, cache)
    w -= 0.1 * dw
    return dx, dw, db


# --- relu_forward -----------------------------------------------------------------------------


@mistake(
    "relu_forward",
    "That is a leaky ReLU: negative entries become 0, not a small negative number.",
)
def negative_side_leaks(x):
    require_numbers(x)
    return torch.where(x > 0, x, 0.01 * x), x


@mistake("relu_forward", "You took the absolute value: negative entries become 0, not positive.")
def absolute_value_is_taken(x):
    require_numbers(x)
    return x.abs(), x


@mistake("relu_forward", "You cut off above as well: ReLU passes positive entries as they are.")
def positive_side_is_capped(x):
    require_numbers(x)
    return x.clamp(min=0, max=1), x


@mistake("relu_forward", "You returned where x is positive, not x itself at those places.")
def step_function_is_returned(x):
    require_numbers(x)
    return (x > 0).to(x.dtype), x


@mistake(
    "relu_forward",
    "You set the negative entries of x itself to 0. The input belongs to the caller: make a new "
    "tensor.",
)
def relu_works_in_place(x):
    require_numbers(x)
    x[x < 0] = 0
    return x, x


# --- relu_backward ----------------------------------------------------------------------------


@mistake(
    "relu_backward",
    "You let the gradient through where the input is exactly 0. The convention here is a gradient "
    "of 0 at 0.",
)
def gradient_passes_at_zero(dout, cache):
    return dout * (cache >= 0)


@mistake(
    "relu_backward",
    "You averaged the two slopes at 0. One half is a subgradient too, but the convention here is a "
    "gradient of 0 at 0.",
)
def gradient_is_halved_at_zero(dout, cache):
    return dout * (0.5 * (cache.sign() + 1))


@mistake(
    "relu_backward",
    "You cut off negative gradients: it is the sign of the input that decides what passes, not the "
    "sign of dout.",
)
def sign_is_asked_of_dout(dout, cache):
    return dout.clamp(min=0)


@mistake(
    "relu_backward",
    "You cut off negative gradients as well: where the input is positive dout passes unchanged, "
    "whatever its sign.",
)
def negative_gradients_are_cut_off_too(dout, cache):
    return dout.clamp(min=0) * (cache > 0)


@mistake("relu_backward", "Your gradient does not use dout: multiply the slope by it.")
def relu_forgets_the_upstream_gradient(dout, cache):
    return (cache > 0).to(dout.dtype)


@mistake(
    "relu_backward",
    "You multiplied dout by the output instead of by the slope, which is 1 for a positive input.",
)
def dout_is_multiplied_by_the_output(dout, cache):
    return dout * cache.clamp(min=0)


@mistake(
    "relu_backward",
    "You set entries of dout itself to 0: the upstream gradient belongs to the caller, so make a "
    "new tensor.",
)
def relu_backward_works_in_place(dout, cache):
    dout[cache <= 0] = 0
    return dout


# --- sigmoid_forward --------------------------------------------------------------------------


@mistake(
    "sigmoid_forward",
    "exp(x) overflows for a large positive x, and infinity divided by infinity is NaN. Take the "
    "exponential of non-positive numbers only.",
)
def exponential_overflows(x):
    require_numbers(x)
    out = x.exp() / (1 + x.exp())
    return out, out


@mistake("sigmoid_forward", "The sign in the exponent is wrong: a large positive x must give 1.")
def exponent_has_the_wrong_sign(x):
    require_numbers(x)
    out = 1 / (1 + x.exp())
    return out, out


@mistake(
    "sigmoid_forward",
    "You clipped x to keep the exponential finite. That changes the function for large inputs: "
    "rewrite the fraction instead.",
)
def input_is_clipped(x):
    require_numbers(x)
    out = 1 / (1 + torch.exp(-x.clamp(-10, 10)))
    return out, out


@mistake(
    "sigmoid_forward",
    "x = 0 belongs to neither of your two cases and keeps the initial value; the sigmoid of 0 is "
    "one half.",
)
def zero_is_in_neither_case(x):
    require_numbers(x)
    out = torch.zeros_like(x)
    out[x > 0] = 1 / (1 + torch.exp(-x[x > 0]))
    out[x < 0] = torch.exp(x[x < 0]) / (1 + torch.exp(x[x < 0]))
    return out, out


@mistake(
    "sigmoid_forward",
    "You computed (1 + tanh(x)) / 2, which is too steep: the sigmoid is (1 + tanh(x/2)) / 2.",
)
def tanh_is_not_stretched(x):
    require_numbers(x)
    e = torch.exp(-2 * x.abs())
    out = torch.where(x >= 0, 1 / (1 + e), e / (1 + e))
    return out, out


# --- sigmoid_backward -------------------------------------------------------------------------


@mistake(
    "sigmoid_backward",
    "You applied the sigmoid to what is already its output: y (1 - y) wants the output itself.",
)
def sigmoid_is_applied_twice(dout, cache):
    y = 1 / (1 + torch.exp(-cache))
    return dout * y * (1 - y)


@mistake("sigmoid_backward", "Your gradient does not use dout: multiply the slope by it.")
def sigmoid_forgets_the_upstream_gradient(dout, cache):
    return cache * (1 - cache)


@mistake(
    "sigmoid_backward",
    "You used the derivative of tanh, 1 - y^2. That of the sigmoid is y (1 - y).",
)
def sigmoid_uses_the_slope_of_tanh(dout, cache):
    return dout * (1 - cache * cache)


@mistake(
    "sigmoid_backward",
    "The sign is wrong: the sigmoid rises everywhere, so its slope y (1 - y) is never negative.",
)
def sigmoid_slope_is_negative(dout, cache):
    return dout * cache * (cache - 1)


@mistake("sigmoid_backward", "One factor of the derivative is missing: it is y (1 - y), not 1 - y.")
def sigmoid_slope_misses_a_factor(dout, cache):
    return dout * (1 - cache)


@mistake(
    "sigmoid_backward",
    "You computed the slope inside the cached output. A backward pass leaves its cache as it is, "
    "so that it can be called again.",
)
def sigmoid_overwrites_its_cache(dout, cache):
    return dout * cache.mul_(1 - cache)


# --- tanh_forward -----------------------------------------------------------------------------


@mistake(
    "tanh_forward",
    "The exponentials overflow for large |x|, and infinity divided by infinity is NaN. Take the "
    "exponential of non-positive numbers only.",
)
def exponentials_overflow(x):
    require_numbers(x)
    out = (x.exp() - (-x).exp()) / (x.exp() + (-x).exp())
    return out, out


@mistake(
    "tanh_forward",
    "You computed tanh(x/2): tanh(x) = 2 sigmoid(2x) - 1, with a 2 inside as well.",
)
def argument_is_not_doubled(x):
    require_numbers(x)
    out = 2 / (1 + torch.exp(-x)) - 1
    return out, out


@mistake(
    "tanh_forward",
    "You cut x off at -1 and 1 (the hard tanh). tanh has the same limits, but bends smoothly.",
)
def tanh_is_made_of_straight_lines(x):
    require_numbers(x)
    out = x.clamp(-1, 1)
    return out, out


@mistake(
    "tanh_forward",
    "You clipped x to keep the exponentials finite. That changes the function for large inputs: "
    "rewrite the fraction instead.",
)
def tanh_input_is_clipped(x):
    require_numbers(x)
    x = x.clamp(-5, 5)
    out = (x.exp() - (-x).exp()) / (x.exp() + (-x).exp())
    return out, out


@mistake(
    "tanh_forward",
    "Your result is right for positive x only: tanh is odd, so give it the sign of x.",
)
def sign_is_lost(x):
    require_numbers(x)
    e = torch.exp(-2 * x.abs())
    out = (1 - e) / (1 + e)
    return out, out


# --- tanh_backward ----------------------------------------------------------------------------


@mistake(
    "tanh_backward",
    "You used the derivative of the sigmoid, y (1 - y). That of tanh is 1 - y^2.",
)
def tanh_uses_the_slope_of_the_sigmoid(dout, cache):
    return dout * cache * (1 - cache)


@mistake(
    "tanh_backward",
    "You applied tanh to what is already its output: 1 - y^2 wants the output itself.",
)
def tanh_is_applied_twice(dout, cache):
    e = torch.exp(-2 * cache)
    y = (1 - e) / (1 + e)
    return dout * (1 - y * y)


@mistake("tanh_backward", "The square is missing: the slope of tanh is 1 - y^2, not 1 - y.")
def square_is_missing(dout, cache):
    return dout * (1 - cache)


@mistake("tanh_backward", "You squared the difference: the slope is 1 - y^2, not (1 - y)^2.")
def difference_is_squared(dout, cache):
    return dout * (1 - cache) ** 2


@mistake("tanh_backward", "Your gradient does not use dout: multiply the slope by it.")
def tanh_forgets_the_upstream_gradient(dout, cache):
    return 1 - cache * cache


@mistake(
    "tanh_backward",
    "You multiplied the slope into dout itself: the upstream gradient belongs to the caller, so "
    "make a new tensor.",
)
def tanh_backward_works_in_place(dout, cache):
    dout *= 1 - cache * cache
    return dout


# --- softmax_forward --------------------------------------------------------------------------


@mistake(
    "softmax_forward",
    "You normalised the last axis only: here all axes but the first belong together, and the "
    "entries of a whole sample sum to 1.",
)
def last_axis_is_normalised(x):
    require_samples(x)
    e = torch.exp(x - x.amax(-1, keepdim=True))
    out = e / e.sum(-1, keepdim=True)
    return out, out


@mistake(
    "softmax_forward",
    "You normalised over the samples: each sample sums to 1 by itself, whatever else is in the "
    "batch.",
)
def batch_axis_is_normalised(x):
    require_samples(x)
    e = torch.exp(x - x.amax(0, keepdim=True))
    out = e / e.sum(0, keepdim=True)
    return out, out


@mistake(
    "softmax_forward",
    "You normalised over the whole tensor: each sample sums to 1 by itself, whatever else is in "
    "the batch.",
)
def whole_tensor_is_normalised(x):
    require_samples(x)
    e = torch.exp(x - x.amax())
    out = e / e.sum()
    return out, out


@mistake(
    "softmax_forward",
    "exp overflows for large inputs. Softmax does not change when a constant is subtracted from "
    "all entries of a sample: choose it so that no exponent is positive.",
)
def softmax_overflows(x):
    require_samples(x)
    rows = x.flatten(1).exp()
    out = (rows / rows.sum(1, keepdim=True)).reshape(x.shape)
    return out, out


@mistake(
    "softmax_forward",
    "You subtracted the maximum of the whole batch. A sample far below it underflows to 0/0: every "
    "sample needs its own maximum.",
)
def one_maximum_serves_all_samples(x):
    require_samples(x)
    rows = (x - x.amax()).flatten(1).exp()
    out = (rows / rows.sum(1, keepdim=True)).reshape(x.shape)
    return out, out


@mistake(
    "softmax_forward",
    "You added a small constant to the denominator. It cannot vanish once the maximum is "
    "subtracted, and with the constant the entries do not sum to 1.",
)
def constant_in_the_denominator(x):
    require_samples(x)
    rows = x.flatten(1)
    e = torch.exp(rows - rows.amax(1, keepdim=True))
    out = (e / (e.sum(1, keepdim=True) + 1e-6)).reshape(x.shape)
    return out, out


@mistake(
    "softmax_forward",
    "You took no exponential: softmax is exp(x) divided by the sum of exp(x), not x divided by its "
    "sum.",
)
def numbers_are_divided_by_their_sum(x):
    require_samples(x)
    rows = x.flatten(1)
    shifted = rows - rows.amin(1, keepdim=True) + 1
    out = (shifted / shifted.sum(1, keepdim=True)).reshape(x.shape)
    return out, out


# --- softmax_backward -------------------------------------------------------------------------


@mistake(
    "softmax_backward",
    "You used the diagonal of the Jacobian only: every output of a sample depends on all its "
    "inputs, so the terms -p_k p_i count too.",
)
def only_the_diagonal_is_used(dout, cache):
    return dout * cache * (1 - cache)


@mistake(
    "softmax_backward",
    "Your inner product of dout and p runs over the last axis only: it belongs to the whole "
    "sample, like the normalisation.",
)
def inner_product_over_the_last_axis(dout, cache):
    return cache * (dout - (dout * cache).sum(-1, keepdim=True))


@mistake(
    "softmax_backward",
    "Your inner product of dout and p runs over the whole batch: every sample has its own.",
)
def inner_product_over_the_batch(dout, cache):
    return cache * (dout - (dout * cache).sum())


@mistake(
    "softmax_backward",
    "You subtracted the plain sum of dout: it is weighted with the probabilities p_k.",
)
def sum_is_not_weighted(dout, cache):
    sums = dout.flatten(1).sum(1).reshape(-1, *[1] * (dout.ndim - 1))
    return cache * (dout - sums)


@mistake(
    "softmax_backward",
    "You subtracted the mean of dout, which makes the uniform distribution right and no other: the "
    "sum is weighted with the probabilities.",
)
def mean_stands_for_the_weighted_sum(dout, cache):
    means = dout.flatten(1).mean(1).reshape(-1, *[1] * (dout.ndim - 1))
    return cache * (dout - means)


@mistake(
    "softmax_backward",
    "You forgot to multiply by p in front: dx_i = p_i (dout_i - sum_k dout_k p_k).",
)
def factor_in_front_is_missing(dout, cache):
    sums = (dout * cache).flatten(1).sum(1).reshape(-1, *[1] * (dout.ndim - 1))
    return dout - sums


@mistake("softmax_backward", "The sign is wrong: the diagonal of the Jacobian is positive.")
def softmax_sign_is_wrong(dout, cache):
    sums = (dout * cache).flatten(1).sum(1).reshape(-1, *[1] * (dout.ndim - 1))
    return cache * (sums - dout)


@mistake(
    "softmax_backward",
    "You subtracted the inner product from dout itself: the upstream gradient belongs to the "
    "caller, so make a new tensor.",
)
def softmax_backward_works_in_place(dout, cache):
    sums = (dout * cache).flatten(1).sum(1).reshape(-1, *[1] * (dout.ndim - 1))
    dout -= sums
    return cache * dout


# --- collapse_affine --------------------------------------------------------------------------


@mistake(
    "collapse_affine",
    "You left out the first bias: it passes through the second layer, so b1 w2 is part of b.",
)
def first_bias_is_forgotten(w1, b1, w2, b2):
    w, _ = collapse_affine(w1, b1, w2, b2)
    return w, b2.clone()


@mistake("collapse_affine", "You left out the second bias: b is b1 w2 plus b2.")
def second_bias_is_forgotten(w1, b1, w2, b2):
    w, _ = collapse_affine(w1, b1, w2, b2)
    return w, b1 @ w2


@mistake(
    "collapse_affine",
    "You added up b1 without its weights: each entry of b1 reaches output m with the factor "
    "w2[h, m].",
)
def first_bias_skips_the_second_layer(w1, b1, w2, b2):
    w, _ = collapse_affine(w1, b1, w2, b2)
    return w, b1.sum() + b2


@mistake(
    "collapse_affine",
    "You put a ReLU between the layers. What makes two affine layers collapse is that there is "
    "nothing between them.",
)
def relu_stands_between_the_layers(w1, b1, w2, b2):
    return collapse_affine(w1.clamp(min=0), b1.clamp(min=0), w2, b2)


@mistake(
    "collapse_affine",
    "Your w is (M, D), the transpose: weights are (D, M) here and act as x @ w.",
)
def product_is_transposed(w1, b1, w2, b2):
    w, b = collapse_affine(w1, b1, w2, b2)
    return w.T, b


@mistake(
    "collapse_affine",
    "Your b has the shape (1, M): a bias is a vector of M numbers.",
)
def bias_is_a_row(w1, b1, w2, b2):
    w, b = collapse_affine(w1, b1, w2, b2)
    return w, b[None, :]


# --- two_layer_loss ---------------------------------------------------------------------------

_LAYERS = {
    "relu": (relu_forward, relu_backward),
    "sigmoid": (sigmoid_forward, sigmoid_backward),
    "tanh": (tanh_forward, tanh_backward),
}


def _scores(x, w1, b1, w2, b2, activation):
    z, _ = _LAYERS[activation][0](linear_forward(x, w1, b1)[0])
    return linear_forward(z, w2, b2)[0]


def _scores_gradient(scores, y):
    """Of the cross entropy: (p - onehot(y)) / N."""
    p, _ = softmax_forward(scores)
    truth = y[:, None] == torch.arange(scores.shape[1], device=y.device)
    return (p - truth.to(p.dtype)) / len(y)


def _penalty(w1, w2):
    return (w1 * w1).sum() + (w2 * w2).sum()


@mistake(
    "two_layer_loss",
    "You regularised the biases too: the penalty is on w1 and w2 alone.",
)
def biases_are_regularised(x, y, w1, b1, w2, b2, *, reg=0.0, activation="relu"):
    loss, dw1, db1, dw2, db2 = two_layer_loss(x, y, w1, b1, w2, b2, reg=reg, activation=activation)
    loss = loss + reg / 2 * _penalty(b1, b2)
    return loss, dw1, db1 + reg * b1, dw2, db2 + reg * b2


@mistake(
    "two_layer_loss",
    "The factor 1/2 of the penalty is missing in the loss: it is reg/2 times the squared norms, so "
    "that its gradient is reg times w.",
)
def half_is_missing_in_the_loss(x, y, w1, b1, w2, b2, *, reg=0.0, activation="relu"):
    loss, dw1, db1, dw2, db2 = two_layer_loss(x, y, w1, b1, w2, b2, reg=reg, activation=activation)
    return loss + reg / 2 * _penalty(w1, w2), dw1, db1, dw2, db2


@mistake(
    "two_layer_loss",
    "Your penalty is twice as strong as asked, in the loss and in the gradients: the loss has "
    "reg/2, the gradients have reg.",
)
def penalty_is_doubled(x, y, w1, b1, w2, b2, *, reg=0.0, activation="relu"):
    return two_layer_loss(x, y, w1, b1, w2, b2, reg=2 * reg, activation=activation)


@mistake(
    "two_layer_loss",
    "The penalty is in your loss but not in the gradients: add reg times w to dw1 and dw2.",
)
def penalty_has_no_gradient(x, y, w1, b1, w2, b2, *, reg=0.0, activation="relu"):
    loss, *_ = two_layer_loss(x, y, w1, b1, w2, b2, reg=reg, activation=activation)
    _, *gradients = two_layer_loss(x, y, w1, b1, w2, b2, activation=activation)
    return loss, *gradients


@mistake(
    "two_layer_loss",
    "The penalty is in your gradients but not in the loss: add reg/2 times the squared norms of w1 "
    "and w2 to it.",
)
def penalty_is_not_in_the_loss(x, y, w1, b1, w2, b2, *, reg=0.0, activation="relu"):
    _, *gradients = two_layer_loss(x, y, w1, b1, w2, b2, reg=reg, activation=activation)
    loss, *_ = two_layer_loss(x, y, w1, b1, w2, b2, activation=activation)
    return loss, *gradients


@mistake(
    "two_layer_loss",
    "You divided the penalty by the number of samples: only the cross entropy is a mean over the "
    "batch.",
)
def penalty_is_divided_by_the_batch_size(x, y, w1, b1, w2, b2, *, reg=0.0, activation="relu"):
    return two_layer_loss(x, y, w1, b1, w2, b2, reg=reg / len(x), activation=activation)


@mistake("two_layer_loss", "You regularised w1 only: the penalty is on the weights of both layers.")
def second_layer_is_not_regularised(x, y, w1, b1, w2, b2, *, reg=0.0, activation="relu"):
    loss, dw1, db1, dw2, db2 = two_layer_loss(x, y, w1, b1, w2, b2, reg=reg, activation=activation)
    return loss - reg / 2 * (w2 * w2).sum(), dw1, db1, dw2 - reg * w2, db2


@mistake(
    "two_layer_loss",
    "You used the norms, not their squares: the penalty is the sum of all squared entries, without "
    "a root.",
)
def norms_are_not_squared(x, y, w1, b1, w2, b2, *, reg=0.0, activation="relu"):
    loss, dw1, db1, dw2, db2 = two_layer_loss(x, y, w1, b1, w2, b2, reg=reg, activation=activation)
    norms = (w1 * w1).sum().sqrt() + (w2 * w2).sum().sqrt()
    return loss + reg / 2 * (norms - _penalty(w1, w2)), dw1, db1, dw2, db2


@mistake(
    "two_layer_loss",
    "Your gradients are N times too large: the loss is a mean over the batch, so the gradient of "
    "the scores has a factor 1/N.",
)
def gradients_are_summed_over_the_batch(x, y, w1, b1, w2, b2, *, reg=0.0, activation="relu"):
    loss, *_ = two_layer_loss(x, y, w1, b1, w2, b2, reg=reg, activation=activation)
    _, *gradients = two_layer_loss(x, y, w1, b1, w2, b2, activation=activation)
    dw1, db1, dw2, db2 = (gradient * len(x) for gradient in gradients)
    return loss, dw1 + reg * w1, db1, dw2 + reg * w2, db2


@mistake(
    "two_layer_loss",
    "Your cross entropy is summed over the batch: it is the mean over the samples.",
)
def cross_entropy_is_summed_over_the_batch(x, y, w1, b1, w2, b2, *, reg=0.0, activation="relu"):
    parts = two_layer_loss(x, y, w1, b1, w2, b2, activation=activation)
    loss, dw1, db1, dw2, db2 = (part * len(x) for part in parts)
    loss = loss + reg / 2 * _penalty(w1, w2)
    return loss, dw1 + reg * w1, db1, dw2 + reg * w2, db2


@mistake(
    "two_layer_loss",
    "You divided by the number of classes: the cross entropy is a mean over the samples.",
)
def cross_entropy_is_divided_by_the_classes(x, y, w1, b1, w2, b2, *, reg=0.0, activation="relu"):
    parts = two_layer_loss(x, y, w1, b1, w2, b2, activation=activation)
    loss, dw1, db1, dw2, db2 = (part * len(x) / w2.shape[1] for part in parts)
    loss = loss + reg / 2 * _penalty(w1, w2)
    return loss, dw1 + reg * w1, db1, dw2 + reg * w2, db2


@mistake(
    "two_layer_loss",
    "You took the logarithm of a probability that underflowed to 0: the loss of a confident wrong "
    "answer must be large, not infinite. Compute log p from the scores.",
)
def logarithm_of_a_rounded_probability(x, y, w1, b1, w2, b2, *, reg=0.0, activation="relu"):
    _, *gradients = two_layer_loss(x, y, w1, b1, w2, b2, reg=reg, activation=activation)
    p, _ = softmax_forward(_scores(x, w1, b1, w2, b2, activation))
    loss = -p.gather(1, y[:, None]).log().mean()
    return loss + reg / 2 * _penalty(w1, w2), *gradients


@mistake(
    "two_layer_loss",
    "You added a small constant inside the logarithm. That caps the loss of a confident wrong "
    "answer: compute log p from the scores.",
)
def constant_inside_the_logarithm(x, y, w1, b1, w2, b2, *, reg=0.0, activation="relu"):
    _, *gradients = two_layer_loss(x, y, w1, b1, w2, b2, reg=reg, activation=activation)
    p, _ = softmax_forward(_scores(x, w1, b1, w2, b2, activation))
    loss = -(p.gather(1, y[:, None]) + 1e-8).log().mean()
    return loss + reg / 2 * _penalty(w1, w2), *gradients


@mistake(
    "two_layer_loss",
    "You used ReLU although another activation was asked for by the argument `activation`.",
)
def activation_is_always_relu(x, y, w1, b1, w2, b2, *, reg=0.0, activation="relu"):
    two_layer_loss(x, y, w1, b1, w2, b2, reg=reg, activation=activation)
    return two_layer_loss(x, y, w1, b1, w2, b2, reg=reg)


@mistake(
    "two_layer_loss",
    "The activation is missing on the way back: multiply by its slope before you enter the first "
    "layer.",
)
def slope_of_the_activation_is_missing(x, y, w1, b1, w2, b2, *, reg=0.0, activation="relu"):
    loss, *_, dw2, db2 = two_layer_loss(x, y, w1, b1, w2, b2, reg=reg, activation=activation)
    dscores = _scores_gradient(_scores(x, w1, b1, w2, b2, activation), y)
    da = dscores @ w2.T
    return loss, x.flatten(1).T @ da + reg * w1, da.sum(0), dw2, db2


@mistake(
    "two_layer_loss",
    "You applied the activation to the scores as well: the second layer's output goes into the "
    "cross entropy as it is.",
)
def scores_are_activated_too(x, y, w1, b1, w2, b2, *, reg=0.0, activation="relu"):
    two_layer_loss(x, y, w1, b1, w2, b2, reg=reg, activation=activation)
    a, cache_1 = linear_forward(x, w1, b1)
    z, cache_z = _LAYERS[activation][0](a)
    scores, cache_2 = linear_forward(z, w2, b2)
    scores, cache_s = _LAYERS[activation][0](scores)
    log_p = scores - scores.exp().sum(1, keepdim=True).log()
    loss = -log_p.gather(1, y[:, None]).mean() + reg / 2 * _penalty(w1, w2)
    dscores = _LAYERS[activation][1](_scores_gradient(scores, y), cache_s)
    dz, dw2, db2 = linear_backward(dscores, cache_2)
    _, dw1, db1 = linear_backward(_LAYERS[activation][1](dz, cache_z), cache_1)
    return loss, dw1 + reg * w1, db1, dw2 + reg * w2, db2


@mistake(
    "two_layer_loss",
    "Your dw2 is computed with the hidden layer before its activation: the input of the second "
    "layer is the activation's output.",
)
def dw2_uses_the_values_before_activation(x, y, w1, b1, w2, b2, *, reg=0.0, activation="relu"):
    loss, dw1, db1, dw2, db2 = two_layer_loss(x, y, w1, b1, w2, b2, reg=reg, activation=activation)
    dscores = _scores_gradient(_scores(x, w1, b1, w2, b2, activation), y)
    dw2 = (x.flatten(1) @ w1 + b1).T @ dscores + reg * w2
    return loss, dw1, db1, dw2, db2


@mistake(
    "two_layer_loss",
    "The gradient of the scores lacks the one-hot labels: it is (p - onehot(y)) / N.",
)
def labels_are_missing_in_the_gradient(x, y, w1, b1, w2, b2, *, reg=0.0, activation="relu"):
    loss, dw1, db1, dw2, db2 = two_layer_loss(x, y, w1, b1, w2, b2, reg=reg, activation=activation)
    a, cache_1 = linear_forward(x, w1, b1)
    z, cache_z = _LAYERS[activation][0](a)
    scores, cache_2 = linear_forward(z, w2, b2)
    dz, dw2, db2 = linear_backward(softmax_forward(scores)[0] / len(x), cache_2)
    _, dw1, db1 = linear_backward(_LAYERS[activation][1](dz, cache_z), cache_1)
    return loss, dw1 + reg * w1, db1, dw2 + reg * w2, db2


@mistake(
    "two_layer_loss",
    "Your loss is a tensor of shape (1,): a loss is a single number, a tensor without axes.",
)
def loss_has_an_axis(x, y, w1, b1, w2, b2, *, reg=0.0, activation="relu"):
    loss, *gradients = two_layer_loss(x, y, w1, b1, w2, b2, reg=reg, activation=activation)
    return loss.reshape(1), *gradients


@mistake(
    "two_layer_loss",
    "Your loss is a Python number: a loss is a tensor without axes, with the dtype of the inputs.",
)
def loss_is_a_python_number(x, y, w1, b1, w2, b2, *, reg=0.0, activation="relu"):
    loss, *gradients = two_layer_loss(x, y, w1, b1, w2, b2, reg=reg, activation=activation)
    return loss.item(), *gradients


@mistake(
    "two_layer_loss",
    "An activation that does not exist passes unnoticed: raise ValueError for a name that is none "
    "of relu, sigmoid and tanh.",
)
def unknown_activation_is_accepted(x, y, w1, b1, w2, b2, *, reg=0.0, activation="relu"):
    known = activation if activation in _LAYERS else "tanh"
    return two_layer_loss(x, y, w1, b1, w2, b2, reg=reg, activation=known)


@mistake(
    "two_layer_loss",
    "You added the regularisation to w1 and w2 themselves: the parameters belong to the caller, a "
    "loss only computes.",
)
def weights_are_decayed_in_place(x, y, w1, b1, w2, b2, *, reg=0.0, activation="relu"):
    results = two_layer_loss(x, y, w1, b1, w2, b2, reg=reg, activation=activation)
    w1 *= 1 - 0.1 * reg
    w2 *= 1 - 0.1 * reg
    return results


# --- on a second device ------------------------------------------------------------------------


@mistake(
    "relu_forward",
    "The zeros that you compare with are on the CPU: give torch.zeros the device of x, or use "
    "torch.zeros_like.",
    on="cuda",
)
def zeros_on_the_cpu(x):
    require_numbers(x)
    return torch.maximum(x, torch.zeros(x.shape, dtype=x.dtype)), x


@mistake(
    "tanh_backward",
    'You wrote the device "cpu" into your code, so that the ones are there: ask dout for its '
    "device; the number 1 needs no tensor at all.",
    on="cuda",
)
def ones_are_always_on_the_cpu(dout, cache):
    ones = torch.ones(cache.shape, dtype=cache.dtype, device="cpu")
    return dout * (ones - cache * cache)


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
