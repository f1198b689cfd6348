"""Known wrong implementations of unit 4, and what to tell those who wrote them."""

import torch
from regularisation import (
    dropout_forward,
    dropout_mlp_loss,
    l2_penalty,
    require,
    require_noise,
    require_numbers,
    require_reg,
    require_targets,
    ridge_loss,
    softmax_cross_entropy,
    weight_decay_step,
)

from autograder.testing import mistake

# l2_penalty ---------------------------------------------------------------------------------------

penalty_is_not_squared = mistake(
    "l2_penalty",
    "Your penalty grows like the norm of the weights. It contains the square of the norm: the sum "
    "of all squared entries, without a root.",
    change={"(w * w).sum()": "torch.sqrt((w * w).sum())"},
)

penalty_adds_absolute_values = mistake(
    "l2_penalty",
    "You add the absolute values of the weights, which is another penalty (L1, the lasso). Here "
    "it is the squares that are added.",
    change={"(w * w).sum()": "w.abs().sum()"},
)

penalty_without_the_half = mistake(
    "l2_penalty",
    "Your penalty is twice what it should be, while its gradient is right: the factor is reg/2, so "
    "that the gradient is reg times the weights.",
    change={"reg / 2": "reg"},
)

penalty_gradient_is_doubled = mistake(
    "l2_penalty",
    "Your gradient is twice what it should be: the 2 of the square cancels the half in the "
    "penalty.",
    change={"[reg * w": "[2 * reg * w"},
)

penalty_and_gradient_are_doubled = mistake(
    "l2_penalty",
    "Penalty and gradient fit together, and both are twice what they should be: the penalty is "
    "reg/2 times the squares.",
    change={"reg / 2": "reg", "[reg * w": "[2 * reg * w"},
)

penalty_is_a_mean = mistake(
    "l2_penalty",
    "You average the squares of each tensor. The penalty is a sum over all entries.",
    change={".sum()": ".mean()"},
)

penalty_of_the_first_tensor_only = mistake(
    "l2_penalty",
    "Only the first tensor is in your penalty: sum over all tensors of the list.",
    change={"for w in weights)": "for w in weights[:1])"},
    equal_in=("ridge_loss",),
)

penalty_gradient_without_reg = mistake(
    "l2_penalty",
    "Your gradient does not depend on reg: it is reg times the weights.",
    change={"[reg * w for w": "[1 * w for w"},
)

penalty_gradient_has_the_wrong_sign = mistake(
    "l2_penalty",
    "Your gradient has the wrong sign: the penalty grows with the size of a weight, so a step "
    "against the gradient makes it smaller.",
    change={"[reg * w": "[-reg * w"},
)


@mistake(
    "l2_penalty",
    "You scaled the weights themselves. They belong to the caller: make new tensors.",
)
def weights_are_scaled_in_place(weights, *, reg):
    penalty, _ = l2_penalty(weights, reg=reg)
    return penalty, [w.mul_(reg) for w in weights]


# weight_decay_step --------------------------------------------------------------------------------

decay_is_not_divided_by_the_batch = mistake(
    "weight_decay_step",
    "Your decay does not depend on the batch size. The penalty is divided by B like the losses: "
    "the factor of the weights is 1 - lr reg/B.",
    change={"lr * reg / batch_size": "lr * reg"},
)

gradient_is_not_divided_by_the_batch = mistake(
    "weight_decay_step",
    "You take the summed gradient for the mean: divide it by B, as you divide the decay.",
    change={"- lr / batch_size": "- lr"},
)

nothing_is_divided_by_the_batch = mistake(
    "weight_decay_step",
    "Neither decay nor gradient are divided by B in your step: the objective is a mean over the "
    "batch.",
    change={"lr * reg / batch_size": "lr * reg", "- lr / batch_size": "- lr"},
)

decay_comes_after_the_step = mistake(
    "weight_decay_step",
    "Your decay shrinks the weights after the step, and with them the gradient that was just "
    "subtracted. Only the old weights decay.",
    change={
        "* w - lr / batch_size * grad_sum": "* (w - lr / batch_size * grad_sum)",
    },
)

decay_without_the_learning_rate = mistake(
    "weight_decay_step",
    "The learning rate is missing in your decay. It multiplies the whole gradient of J, and the "
    "penalty is a part of J.",
    change={"lr * reg / batch_size": "reg / batch_size"},
)

decay_is_doubled = mistake(
    "weight_decay_step",
    "Your decay is twice as strong as it should be: the gradient of reg/2 times the square is reg "
    "times the weight.",
    change={"lr * reg": "2 * lr * reg"},
)

weights_grow = mistake(
    "weight_decay_step",
    "Your penalty makes the weights grow: its gradient is subtracted too, so the factor is below "
    "1.",
    change={"(1 - lr": "(1 + lr"},
)

step_climbs = mistake(
    "weight_decay_step",
    "You step along the gradient of the losses. The step goes against it.",
    change={"* w - lr": "* w + lr"},
)

step_without_decay = mistake(
    "weight_decay_step",
    "Your step does not depend on reg: the penalty is missing.",
    change={"(1 - lr * reg / batch_size) * w": "w"},
)


@mistake(
    "weight_decay_step",
    "You changed the weights that you were given. A step returns new weights and leaves the old "
    "ones as they are.",
)
def step_is_taken_in_place(w, grad_sum, *, lr, reg, batch_size):
    stepped = weight_decay_step(w, grad_sum, lr=lr, reg=reg, batch_size=batch_size)
    return w.copy_(stepped)


# ridge_loss ---------------------------------------------------------------------------------------

ridge_penalty_is_not_divided = mistake(
    "ridge_loss",
    "Your loss and gradient add the penalty to the mean of the losses. In this unit it is divided "
    "by N as they are.",
    change={
        ".sum() / 2 + penalty) / len(x)": ".sum() / 2) / len(x) + penalty",
        "(x.T @ residual + decay) / len(x)": "x.T @ residual / len(x) + decay",
    },
)

ridge_penalty_is_not_divided_in_the_loss = mistake(
    "ridge_loss",
    "Your gradient divides the penalty by N, and your loss does not.",
    change={".sum() / 2 + penalty) / len(x)": ".sum() / 2) / len(x) + penalty"},
)

ridge_penalty_is_missing_in_the_loss = mistake(
    "ridge_loss",
    "The penalty is missing in the loss; its gradient is there.",
    change={" + penalty": ""},
)

ridge_penalty_is_missing_in_dw = mistake(
    "ridge_loss",
    "The penalty is in the loss and not in the gradient of the weights: reg w belongs there, "
    "divided by N.",
    change={" + decay": ""},
)

ridge_bias_is_in_db = mistake(
    "ridge_loss",
    "The gradient of your bias depends on reg. The bias is not penalised.",
    change={"residual.mean()": "residual.mean() + reg * b / len(x)"},
)

ridge_bias_is_penalised = mistake(
    "ridge_loss",
    "You penalise the bias as well, in the loss and in its gradient. Only weights are penalised.",
    change={
        "penalty, (decay,) = l2_penalty([w], reg=reg)": "penalty, (decay, more) = "
        "l2_penalty([w, b], reg=reg)",
        "residual.mean()": "residual.mean() + more / len(x)",
    },
)

ridge_loss_without_the_half = mistake(
    "ridge_loss",
    "The half is missing from the squared residuals in your loss; the gradients are those with the "
    "half.",
    change={".sum() / 2": ".sum()"},
)

ridge_losses_are_doubled = mistake(
    "ridge_loss",
    "Your losses are the squares of the residuals, without the half, and the gradients are those "
    "of such losses: they outweigh the penalty twice as much as they should.",
    change={
        ".sum() / 2": ".sum()",
        "x.T @ residual": "2 * x.T @ residual",
        "residual.mean()": "2 * residual.mean()",
    },
)

ridge_objective_is_a_sum = mistake(
    "ridge_loss",
    "Your loss and gradients are sums over the samples; all of them are divided by N.",
    change={
        "+ penalty) / len(x)": "+ penalty)",
        "+ decay) / len(x)": "+ decay)",
        "residual.mean()": "residual.sum()",
    },
)

ridge_db_is_a_sum = mistake(
    "ridge_loss",
    "The gradient of the bias is N times what it should be: it is the mean of the residuals.",
    change={"residual.mean()": "residual.sum()"},
)

ridge_residuals_have_the_wrong_sign = mistake(
    "ridge_loss",
    "The losses enter your gradients with the wrong sign: the residual is prediction minus target.",
    change={"x @ w + b - y": "y - x @ w - b"},
)

ridge_without_the_bias = mistake(
    "ridge_loss",
    "The bias is missing in the predictions.",
    change={"x @ w + b - y": "x @ w - y"},
)


@mistake(
    "ridge_loss",
    "Your loss compares every prediction with every target, as an (N, 1) column minus an (N,) row "
    "does. Sample n has one prediction and one target: the residuals are (N,).",
)
def ridge_residuals_broadcast(x, y, w, b, *, reg):
    require(reg >= 0, "reg must be at least 0")
    _, dw, db = ridge_loss(x, y, w, b, reg=reg)
    penalty, _ = l2_penalty([w], reg=reg)
    residual = (x @ w + b)[:, None] - y
    return (residual * residual).mean() / 2 + penalty / len(x), dw, db


# ridge_solution -----------------------------------------------------------------------------------

solution_is_not_centred = mistake(
    "ridge_solution",
    "You solve for the weights with data that are not centred: they then do the work of the bias. "
    "Subtract the means of x and y first.",
    change={"x - x_mean, y - y_mean": "x, y"},
)

solution_with_reg_times_n = mistake(
    "ridge_solution",
    "Your penalty is N times too strong: the factor 1/N stands before all of J and cancels, so reg "
    "is added to the diagonal of the products as it is.",
    change={"reg * identity": "reg * len(x) * identity"},
)

solution_with_reg_over_n = mistake(
    "ridge_solution",
    "Your penalty is N times too weak: the factor 1/N stands before all of J and cancels, so reg "
    "is added to the diagonal of the products as it is.",
    change={"reg * identity": "reg / len(x) * identity"},
)

solution_with_half_of_reg = mistake(
    "ridge_solution",
    "Your penalty is half as strong as it should be: losses and penalty both have a half, and both "
    "lose it in the gradient.",
    change={"reg * identity": "reg / 2 * identity"},
)

solution_adds_reg_everywhere = mistake(
    "ridge_solution",
    "You add reg to every entry of the matrix. It belongs on the diagonal: reg times the identity.",
    change={"reg * identity": "reg"},
)

solution_without_the_penalty = mistake(
    "ridge_solution",
    "Your solution does not depend on reg: it is that of least squares.",
    change={"xc.T @ xc + reg * identity": "xc.T @ xc"},
)

bias_is_the_mean_of_the_targets = mistake(
    "ridge_solution",
    "Your bias is the mean of y. That is right for centred samples only: subtract the mean of x "
    "times the weights.",
    change={"y_mean - x_mean @ w": "y_mean"},
)

bias_is_added_the_wrong_way = mistake(
    "ridge_solution",
    "You add the mean of x times the weights to the mean of y; it has to be subtracted, so that "
    "the residuals sum to 0.",
    change={"y_mean - x_mean @ w": "y_mean + x_mean @ w"},
)


@mistake(
    "ridge_solution",
    "Your bias is penalised like a weight: adding a number to all targets must move the bias by "
    "that number and leave the weights alone.",
)
def solution_penalises_the_bias(x, y, *, reg):
    require_targets(x, y)
    require_reg(reg)
    require(reg > 0 or len(x) > x.shape[1], "reg must be above 0")
    more = torch.cat([x, torch.ones_like(x[:, :1])], 1)
    identity = torch.eye(more.shape[1], dtype=x.dtype, device=x.device)
    found = torch.linalg.solve(more.T @ more + reg * identity, more.T @ y)
    return found[:-1], found[-1]


# dropout_forward ----------------------------------------------------------------------------------

kept_entries_are_not_scaled = mistake(
    "dropout_forward",
    "You keep the right entries and leave them as they are. They have to be divided by 1-p, so "
    "that the mean over the noise is x.",
    change={" / (1 - p)": ""},
)

scaled_by_the_wrong_probability = mistake(
    "dropout_forward",
    "You divide what is kept by p, the probability to drop. An entry is kept with probability 1-p: "
    "divide by that.",
    change={"(1 - p)": "p"},
)

kept_entries_are_shrunk = mistake(
    "dropout_forward",
    "You multiply what is kept by 1-p; it has to be divided by it, to make up for what is dropped.",
    change={"/ (1 - p)": "* (1 - p)"},
)

kept_below_p = mistake(
    "dropout_forward",
    "You keep entries whose noise is below p and drop the others. It is the other way round: p is "
    "the probability to drop.",
    change={"noise >= p": "noise < p"},
)

p_is_the_probability_to_keep = mistake(
    "dropout_forward",
    "You take p for the probability to keep, as some texts do. Here it is the probability to drop: "
    "keep where noise >= p, and divide by 1-p.",
    change={"(noise >= p)": "(noise < p)", "(1 - p)": "p"},
)

noise_of_exactly_p_is_dropped = mistake(
    "dropout_forward",
    "You drop entries whose noise is exactly p. They are kept: noise is uniform on [0, 1), 0 "
    "included, and for p = 0 nothing may be dropped.",
    change={"noise >= p": "noise > p"},
)

one_mask_for_a_row = mistake(
    "dropout_forward",
    "You use the noise of the first entry for the whole last axis. Every entry has noise of its "
    "own.",
    change={"(noise >= p)": "(noise[..., :1] >= p).expand(x.shape)"},
)

one_mask_for_all_samples = mistake(
    "dropout_forward",
    "You use the noise of the first sample for all of them. Every entry has noise of its own.",
    change={"(noise >= p)": "(noise[:1] >= p).expand(x.shape)"},
)

dropped_in_prediction_too = mistake(
    "dropout_forward",
    "You drop entries in prediction as well. There the layer leaves all entries as they are.",
    change={" if training else torch.ones_like(x)": ""},
)

prediction_is_scaled = mistake(
    "dropout_forward",
    "You scale in prediction. What is kept in training is enlarged already, so that prediction "
    "returns x as it is.",
    change={"torch.ones_like(x)": "torch.ones_like(x) * (1 - p)"},
)

scaled_in_prediction_and_not_in_training = mistake(
    "dropout_forward",
    "You multiply by 1-p in prediction instead of dividing by it in training, as the original "
    "paper does. In this course prediction leaves x as it is.",
    change={"/ (1 - p)": "/ 1", "torch.ones_like(x)": "torch.ones_like(x) * (1 - p)"},
)

training_and_prediction_are_exchanged = mistake(
    "dropout_forward",
    "You drop in prediction, and nothing in training.",
    change={"if training": "if not training"},
)

dropping_is_always_scaled = mistake(
    "dropout_forward",
    "In prediction you divide all entries by 1-p, though nothing is dropped there that this could "
    "make up for.",
    change={"torch.ones_like(x)": "torch.ones_like(x) / (1 - p)"},
)

noise_multiplies_the_input = mistake(
    "dropout_forward",
    "What is kept is multiplied by its noise in your code. Noise only decides what is kept.",
    change={"/ (1 - p) if": "* noise / (1 - p) if"},
)


@mistake(
    "dropout_forward",
    "You changed x itself. The input belongs to the caller: make a new tensor.",
    equal_in=("dropout_mlp_loss",),  # there it is a result of its own that is overwritten
)
def dropped_in_place(x, noise, *, p, training):
    out, cache = dropout_forward(x, noise, p=p, training=training)
    return x.copy_(out), cache


# dropout_backward ---------------------------------------------------------------------------------

gradient_is_not_scaled = mistake(
    "dropout_backward",
    "Your gradient has the right mask and not the factor: what was divided by 1-p on the way "
    "forward is divided by it on the way back too.",
    change={"dout * scale": "dout * (scale != 0)"},
)

gradient_is_scaled_twice = mistake(
    "dropout_backward",
    "Your gradient is divided by 1-p twice.",
    change={"dout * scale": "dout * scale * scale"},
)

gradient_is_not_masked = mistake(
    "dropout_backward",
    "Your gradient goes to dropped entries as well. They had no influence on the output.",
    change={"dout * scale": "dout * scale.max()"},
)

gradient_is_the_upstream_one = mistake(
    "dropout_backward",
    "You hand the gradient on as it came. It has to pass the mask and the factor of the forward "
    "pass.",
    change={"dout * scale": "dout * 1"},
)

mask_is_found_in_the_output = mistake(
    "dropout_backward",
    "You give no gradient to entries that were kept and were 0. Whether an entry was kept is "
    "decided by its noise; out != 0 cannot tell.",
    change={"_, scale": "x, scale", "dout * scale": "dout * scale * (x != 0)"},
    # Where the hidden layer is 0, relu lets no gradient pass in any case.
    equal_in=("dropout_mlp_loss",),
)

gradient_goes_to_what_was_dropped = mistake(
    "dropout_backward",
    "Your gradient goes to the entries that were dropped, and not to those that were kept.",
    change={"dout * scale": "dout * (scale == 0)"},
)

upstream_gradient_is_forgotten = mistake(
    "dropout_backward",
    "You return the slopes of the layer and left out dout: the chain rule multiplies the two.",
    change={"dout * scale": "1 * scale"},
)

gradient_contains_the_input = mistake(
    "dropout_backward",
    "You multiply by the input of the layer as well. The slope of each entry is its factor, 0 or "
    "1/(1-p), whatever its value.",
    change={"_, scale": "x, scale", "dout * scale": "dout * scale * x"},
)

cached_factors_are_overwritten = mistake(
    "dropout_backward",
    "You changed the cache: a second call with it gives another result. Work on new tensors.",
    change={"dout * scale": "scale.mul_(dout).clone()"},
    equal_in=("dropout_mlp_loss",),  # which uses its cache once
)

# dropout_mlp_loss ---------------------------------------------------------------------------------

relu_mask_is_missing = mistake(
    "dropout_mlp_loss",
    "Your gradients of the first layer pass units that ReLU has switched off: its slope is 0 where "
    "the input is not positive.",
    change={" * (a > 0)": ""},
)

relu_slope_at_zero_is_one = mistake(
    "dropout_mlp_loss",
    "Your ReLU has the slope 1 at exactly 0. By convention it is 0 there.",
    change={"a > 0": "a >= 0"},
)

relu_is_missing = mistake(
    "dropout_mlp_loss",
    "There is no ReLU in your network.",
    change={"torch.relu(a)": "a", " * (a > 0)": ""},
)

dropout_is_missing_backward = mistake(
    "dropout_mlp_loss",
    "The gradients of your first layer do not go back through dropout: dropped units get a "
    "gradient and kept ones lack their factor.",
    change={"dropout_backward(dscores @ w2.T, cache)": "(dscores @ w2.T)"},
)

dropout_is_missing = mistake(
    "dropout_mlp_loss",
    "There is no dropout in your network: p and noise make no difference.",
    change={"p=p, training=training": "p=p, training=False"},
)

network_drops_in_prediction = mistake(
    "dropout_mlp_loss",
    "Your network drops units in prediction as well: hand `training` on to the dropout layer.",
    change={"training=training": "training=True"},
)

dw2_before_dropout = mistake(
    "dropout_mlp_loss",
    "Your dw2 is computed with the hidden layer before dropout. The input of the second layer is "
    "what dropout has left of it.",
    change={"u.T @ dscores": "torch.relu(a).T @ dscores"},
)

biases_are_decayed = mistake(
    "dropout_mlp_loss",
    "The gradients of your biases depend on reg. Biases are not penalised.",
    change={
        "da.sum(0)": "da.sum(0) + reg * b1 / n",
        "dscores.sum(0)": "dscores.sum(0) + reg * b2 / n",
    },
)

biases_are_penalised = mistake(
    "dropout_mlp_loss",
    "Your penalty contains the biases, in the loss and in the gradients. Only weights are "
    "penalised.",
    change={
        "penalty, (decay1, decay2) = l2_penalty([w1, w2]": "penalty, (decay1, decay2, c1, c2) = "
        "l2_penalty([w1, w2, b1, b2]",
        "da.sum(0)": "da.sum(0) + c1 / n",
        "dscores.sum(0)": "dscores.sum(0) + c2 / n",
    },
)

network_penalty_is_not_divided = mistake(
    "dropout_mlp_loss",
    "You add the penalty to the mean of the losses, as in unit 3. In this unit it is divided by N "
    "as they are, in the loss and in the gradients.",
    change={"decay1 / n": "decay1", "decay2 / n": "decay2", "penalty / n": "penalty"},
)

network_penalty_is_not_divided_in_the_loss = mistake(
    "dropout_mlp_loss",
    "Your gradients divide the penalty by N, and your loss does not.",
    change={"penalty / n": "penalty"},
)

network_penalty_is_missing_in_the_gradients = mistake(
    "dropout_mlp_loss",
    "The penalty is in the loss and not in the gradients of the weights.",
    change={" + decay1 / n": "", " + decay2 / n": ""},
)

network_penalty_of_the_first_layer = mistake(
    "dropout_mlp_loss",
    "Only the weights of the first layer are in your penalty; w2 belongs there too.",
    change={
        "penalty, (decay1, decay2) = l2_penalty([w1, w2]": "penalty, (decay1,) = l2_penalty([w1]",
        " + decay2 / n": "",
    },
)

network_gradients_are_divided_twice = mistake(
    "dropout_mlp_loss",
    "The gradients of your losses are divided by N twice: the gradient of the scores that "
    "softmax_cross_entropy returns is that of the mean.",
    change={"y)\n": "y)\n    dscores = dscores / n\n"},
)


@mistake(
    "dropout_mlp_loss",
    "You drop scores. What is dropped is the hidden layer, which the noise has the shape of.",
)
def scores_are_dropped(x, y, w1, b1, w2, b2, noise, *, p, reg=0.0, training=True):
    a = x @ w1 + b1
    h = torch.relu(a)
    repeated = noise.repeat(1, w2.shape[1])[:, : w2.shape[1]]
    scores, cache = dropout_forward(h @ w2 + b2, repeated, p=p, training=training)
    _, scale = cache
    loss, dscores = softmax_cross_entropy(scores, y)
    dscores = dscores * scale
    penalty, (decay1, decay2) = l2_penalty([w1, w2], reg=reg)
    da = dscores @ w2.T * (a > 0)
    dw1, dw2 = x.T @ da + decay1 / len(x), h.T @ dscores + decay2 / len(x)
    return loss + penalty / len(x), dw1, da.sum(0), dw2, dscores.sum(0)


@mistake(
    "dropout_mlp_loss",
    "You decayed w1 and w2 themselves: the parameters belong to the caller, a loss only computes.",
)
def network_weights_are_decayed_in_place(x, y, w1, b1, w2, b2, noise, *, p, reg=0.0, training=True):
    results = dropout_mlp_loss(x, y, w1, b1, w2, b2, noise, p=p, reg=reg, training=training)
    w1 *= 1 - 0.1 * (1 + reg)
    w2 *= 1 - 0.1 * (1 + reg)
    return results


# On a second device -------------------------------------------------------------------------------

penalty_becomes_a_tensor_on_the_cpu = mistake(
    "l2_penalty",
    "You make the penalty a Python number and then a tensor again, which is on the CPU: stay with "
    "tensors, or give torch.tensor the device of the weights.",
    change={
        "reg / 2 * sum((w * w).sum() for w in weights)": "torch.tensor("
        "reg / 2 * sum((w * w).sum().item() for w in weights), dtype=weights[0].dtype)"
    },
    on="cuda",
)

identity_on_the_cpu = mistake(
    "ridge_solution",
    "The identity matrix is on the CPU: give torch.eye the device of x.",
    change={", device=x.device": ""},
    on="cuda",
)

network_mask_on_the_cpu = mistake(
    "dropout_mlp_loss",
    'You wrote the device "cpu" into your code, so that the mask of ReLU is there: a comparison '
    "makes it where its tensors are.",
    change={"(a > 0)": '(a > 0).to(x.dtype).to("cpu")'},
    on="cuda",
)


@mistake(
    "dropout_forward",
    "You make the mask in NumPy, which knows the CPU only: torch compares tensors too.",
    on="cuda",
)
def mask_made_in_numpy(x, noise, *, p, training):
    require_numbers(x, "x")
    require_noise(noise, p, x.shape)
    kept = torch.from_numpy(noise.numpy() >= p) if training else torch.ones_like(x)
    scale = kept.to(x.dtype) / (1 - p if training else 1)
    return x * scale, (x, scale)
