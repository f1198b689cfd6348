"""Known wrong implementations of this unit, and what to say to a student who has made one.

Each replaces one function of the reference; most are small changes of its text. Where a function is
called by the name that it replaces, it gives the reference's own answers.
"""

from __future__ import annotations

import torch
from batch_norm import _axes

from autograder.testing import mistake

# batch_norm_forward: the statistics -----------------------------------------------------------


def _over_one_less(x):
    """The variance over m - 1: 0/0 for a single value."""
    centred = x - x.mean(_axes(x), keepdim=True)
    return centred.square().sum(_axes(x)) / (x.numel() // x.shape[1] - 1)


output_uses_m_minus_one = mistake(
    "batch_norm_forward",
    "You normalised with the variance over m - 1: the output uses the variance over m, which is 0 "
    "for a single value, and not 0/0.",
    change={"torch.sqrt(var + eps)": "torch.sqrt((_over_one_less(x) if training else var) + eps)"},
)

estimate_uses_m_minus_one = mistake(
    "batch_norm_forward",
    "Your running variance takes the batch's variance over m - 1, as PyTorch does: in this course "
    "the estimate gets the variance over m, the same as the output.",
    change={"(1 - momentum) * var": "(1 - momentum) * _over_one_less(x)"},
)


def _of_squares(x):
    """The variance as the mean of the squares minus the square of the mean, at least 0."""
    return (x.square().mean(_axes(x)) - x.mean(_axes(x)).square()).clamp(min=0)


variance_is_a_difference_of_squares = mistake(
    "batch_norm_forward",
    "Far from zero your variance has lost its digits. E[x^2] - E[x]^2 does that: the difference of "
    "two numbers that are nearly equal. Subtract the mean first, then square.",
    change={"(x - _per_channel(mean, x)).square().mean(_axes(x))": "_of_squares(x)"},
)


def _standardised(x, axes, eps):
    """The values minus their mean, over the root of their variance plus eps, along some axes."""
    centred = x - x.mean(axes, keepdim=True)
    return centred / torch.sqrt(centred.square().mean(axes, keepdim=True) + eps)


statistics_of_every_pixel = mistake(
    "batch_norm_forward",
    "For images you normalised over the samples only, with statistics of each pixel: those of a "
    "channel are over the samples and all pixels.",
    change={"normalised = ": "normalised = _standardised(x, 0, eps) if training else "},
)

statistics_of_every_image = mistake(
    "batch_norm_forward",
    "You normalised each image by itself, over height and width: that is instance normalisation. "
    "The statistics of a channel are over the samples as well.",
    change={
        "normalised = ": "normalised = _standardised(x, (2, 3) if x.ndim == 4 else 0, eps) "
        "if training else "
    },
)

statistics_of_everything = mistake(
    "batch_norm_forward",
    "You took one mean and one variance for all channels together: every channel has its own.",
    change={
        "mean = x.mean(_axes(x))": "mean = x.mean().expand(x.shape[1])",
        ".square().mean(_axes(x))": ".square().mean().expand(x.shape[1])",
    },
)

channels_are_last = mistake(
    "batch_norm_forward",
    "You read images as (pixels, channels) without moving the channels last, so that the channels "
    "are mixed: axis 1 numbers them.",
    change={
        "mean = x.mean(_axes(x))": "rows = x.reshape(-1, x.shape[1])\n        mean = rows.mean(0)",
        "(x - _per_channel(mean, x)).square().mean(_axes(x))": "rows.var(0, correction=0)",
    },
)

# batch_norm_forward: eps, momentum, modes -----------------------------------------------------

eps_is_outside_the_root = mistake(
    "batch_norm_forward",
    "You added eps to the standard deviation: it is added to the variance, under the root.",
    change={"torch.sqrt(var + eps)": "torch.sqrt(var) + eps"},
)

eps_is_forgotten = mistake(
    "batch_norm_forward",
    "You left eps out of the output: the variance gets it added before the root is taken.",
    change={"torch.sqrt(var + eps)": "torch.sqrt(var)"},
)

root_is_forgotten = mistake(
    "batch_norm_forward",
    "You divided by the variance: divide by its root, the standard deviation.",
    change={"torch.sqrt(var + eps)": "(var + eps)"},
)

momentum_is_the_weight_of_the_new = mistake(
    "batch_norm_forward",
    "You exchanged the roles of momentum and 1 - momentum, as in PyTorch: here momentum is how "
    "much of the old estimates is kept.",
    change={
        "new_mean = momentum * running_mean + (1 - momentum) * mean": "new_mean = (1 - momentum) "
        "* running_mean + momentum * mean",
        "new_var = momentum * running_var + (1 - momentum) * var": "new_var = (1 - momentum) "
        "* running_var + momentum * var",
    },
)

estimate_holds_the_deviation = mistake(
    "batch_norm_forward",
    "Your running variance averages standard deviations, roots of variances: average variances.",
    change={"(1 - momentum) * var": "(1 - momentum) * torch.sqrt(var)"},
)

estimate_contains_eps = mistake(
    "batch_norm_forward",
    "Your running variance has eps in it, so prediction would add it twice: eps is added where the "
    "root is taken, and nowhere else.",
    change={"(1 - momentum) * var": "(1 - momentum) * (var + eps)"},
)

estimates_move_in_prediction = mistake(
    "batch_norm_forward",
    "You updated the estimates in prediction: they only learn in training, and prediction returns "
    "the old ones.",
    change={
        "new_mean, new_var = running_mean, running_var": "new_mean = momentum * running_mean "
        "+ (1 - momentum) * x.mean(_axes(x))\n"
        "        new_var = momentum * running_var "
        "+ (1 - momentum) * x.var(_axes(x), correction=0)"
    },
)

prediction_uses_the_batch = mistake(
    "batch_norm_forward",
    "In prediction you normalised with the statistics of the batch: use the running estimates, so "
    "that no answer depends on the other samples.",
    change={
        "mean, var = running_mean, running_var": "mean, var = x.mean(_axes(x)), "
        "x.var(_axes(x), correction=0)"
    },
)

training_uses_the_estimates = mistake(
    "batch_norm_forward",
    "In training you normalised with the new running estimates: use the statistics of this batch.",
    change={
        "    sigma = torch.sqrt(var + eps)": "    if training:\n"
        "        mean, var = new_mean, new_var\n"
        "    sigma = torch.sqrt(var + eps)"
    },
)

prediction_forgets_scale_and_shift = mistake(
    "batch_norm_forward",
    "In prediction you left out gamma and beta: both modes scale and shift.",
    change={"    return out,": "    out = out if training else normalised\n    return out,"},
)

estimates_change_in_place = mistake(
    "batch_norm_forward",
    "You wrote the new estimates into the tensors that you were given: return new ones, and leave "
    "the old ones to the caller.",
    change={
        "    sigma = ": "    running_mean.copy_(new_mean)\n"
        "    running_var.copy_(new_var)\n"
        "    sigma = "
    },
)

# batch_norm_backward --------------------------------------------------------------------------

m_is_the_number_of_samples = mistake(
    "batch_norm_backward",
    "For images you divided by the number of samples: a channel has m = N H W values.",
    change={"dout.numel() // dout.shape[1]": "dout.shape[0]"},
)

statistics_are_taken_for_constants = mistake(
    "batch_norm_backward",
    "In training your dx is gamma dout / sigma, as if mean and variance did not depend on x: that "
    "is the gradient in prediction.",
    change={"slope * (dout - shared / m)": "slope * dout"},
)

way_through_the_mean_is_missing = mistake(
    "batch_norm_backward",
    "Your dx lacks the way through the mean: every input also moves the mean of its channel, and "
    "with it all outputs. Sum dx over a channel: it must be 0.",
    change={"_per_channel(dbeta, dout) + normalised": "normalised"},
)

way_through_the_variance_is_missing = mistake(
    "batch_norm_backward",
    "Your dx lacks the way through the variance: every input also moves the variance of its "
    "channel, and with it all outputs.",
    change={" + normalised * _per_channel(dgamma, dout)": ""},
)

way_through_the_variance_is_halved = mistake(
    "batch_norm_backward",
    "What comes through the variance is half of what it should be: the derivative of the square in "
    "it is 2 (x - mean).",
    change={"+ normalised": "+ 0.5 * normalised"},
)

dgamma_is_of_the_centred_values = mistake(
    "batch_norm_backward",
    "Your dgamma sums dout times x - mean: gamma multiplies the normalised values, so divide by "
    "sigma.",
    change={
        "shared / m), dgamma, dbeta": "shared / m), dgamma * sigma, dbeta",
        "slope * dout, dgamma, dbeta": "slope * dout, dgamma * sigma, dbeta",
    },
)

dgamma_is_averaged = mistake(
    "batch_norm_backward",
    "You averaged dgamma over the values of a channel: gamma is shared by all of them, so its "
    "gradient is the sum.",
    change={"shared / m), dgamma": "shared / m), dgamma / m"},
)

sums_keep_their_axes = mistake(
    "batch_norm_backward",
    "Your dgamma and dbeta keep the axes that they are sums over. That broadcasts silently, but "
    "gamma and beta have the shape (C,), and so have their gradients.",
    change={
        "normalised).sum(_axes(dout))": "normalised).sum(_axes(dout), keepdim=True)",
        "dout.sum(_axes(dout))": "dout.sum(_axes(dout), keepdim=True)",
    },
)

gamma_is_divided_by = mistake(
    "batch_norm_backward",
    "Where gamma is 0 your gradients are not finite: something is divided by gamma. The normalised "
    "values cannot be had from the output then; keep them from the forward pass.",
    change={
        "normalised, gamma, sigma, training = cache": "normalised, gamma, sigma, training = cache\n"
        "    normalised = _per_channel(gamma, dout) * normalised / _per_channel(gamma, dout)"
    },
)

gamma_is_forgotten = mistake(
    "batch_norm_backward",
    "You left gamma out of dx: the normalised values are scaled on the way to the output.",
    change={"gamma / sigma": "1 / sigma"},
)

division_by_sigma_is_forgotten = mistake(
    "batch_norm_backward",
    "Your dx is not divided by sigma: the input is, on the way to the output.",
    change={"gamma / sigma": "gamma"},
)

prediction_is_taken_for_training = mistake(
    "batch_norm_backward",
    "After a forward pass in prediction your dx is that of training: mean and variance were given "
    "numbers there, and dx is gamma dout / sigma.",
    change={"not training": "False"},
)

dout_is_changed_in_place = mistake(
    "batch_norm_backward",
    "You changed dout, which is the caller's: work on a new tensor.",
    change={"(dout - shared / m)": "dout.sub_(shared / m)"},
)

cached_values_are_scaled_in_place = mistake(
    "batch_norm_backward",
    "You changed the cache: a second call with it gives another result. Work on new tensors.",
    change={
        "normalised * _per_channel(dgamma": "normalised.mul_(_per_channel(dgamma",
        "dout)\n    return slope * (": "dout))\n    return slope * (",
    },
)

# identity_scale_shift -------------------------------------------------------------------------

scale_is_the_variance = mistake(
    "identity_scale_shift",
    "Your gamma is var + eps: the layer divides by its root, so its root undoes the layer.",
    change={"torch.sqrt(var + eps)": "var + eps"},
)

scale_forgets_eps = mistake(
    "identity_scale_shift",
    "Your gamma has no eps: the layer divides by sqrt(var + eps), so sqrt(var) undoes it only "
    "nearly.",
    change={"torch.sqrt(var + eps)": "torch.sqrt(var)"},
)

scale_uses_m_minus_one = mistake(
    "identity_scale_shift",
    "Your variance is over m - 1: the layer uses the one over m.",
    change={"(x - _per_channel(mean, x)).square().mean(_axes(x))": "_over_one_less(x)"},
)

shift_is_negative = mistake(
    "identity_scale_shift",
    "Your beta has the wrong sign: the layer subtracts the mean, and beta puts it back.",
    change={", mean": ", -mean"},
)

scale_normalises_instead = mistake(
    "identity_scale_shift",
    "Your gamma is 1 / sqrt(var + eps), which normalises once more: to undo a division, multiply.",
    change={"torch.sqrt(var + eps)": "torch.rsqrt(var + eps)"},
)

identity_variance_is_a_difference_of_squares = mistake(
    "identity_scale_shift",
    "Far from zero your variance has lost its digits. E[x^2] - E[x]^2 does that: the difference of "
    "two numbers that are nearly equal. Subtract the mean first, then square.",
    change={"(x - _per_channel(mean, x)).square().mean(_axes(x))": "_of_squares(x)"},
)

# fold_batch_norm ------------------------------------------------------------------------------

inputs_are_scaled = mistake(
    "fold_batch_norm",
    "You scaled the weights along the inputs: each output channel has its scale, and outputs are "
    "the last axis of a linear layer, but the first of a convolution.",
    change={
        "w * scale if": "w * scale[:, None] if",
        "scale[:, None, None, None]": "scale[:, None, None]",
    },
)

bias_is_not_scaled = mistake(
    "fold_batch_norm",
    "The layer's own bias is not scaled in your result: it goes through the normalisation like "
    "the rest, (b - mean) s + beta.",
    change={"(b - mean) * scale": "b - mean * scale"},
)

fold_forgets_eps = mistake(
    "fold_batch_norm",
    "You left eps out: the normalisation divides by sqrt(var + eps).",
    change={"var + eps": "var"},
)

fold_forgets_the_root = mistake(
    "fold_batch_norm",
    "You divided by var + eps: the normalisation divides by its root.",
    change={"torch.sqrt(var + eps)": "(var + eps)"},
)

mean_is_not_scaled = mistake(
    "fold_batch_norm",
    "You subtracted the mean after scaling: it is subtracted before, so it is scaled as well.",
    change={"(b - mean) * scale": "b * scale - mean"},
)

mean_is_forgotten = mistake(
    "fold_batch_norm",
    "The mean is missing in your bias: the normalisation subtracts it.",
    change={"(b - mean)": "b"},
)

shift_is_scaled = mistake(
    "fold_batch_norm",
    "You scaled beta: it is added after the scaling, as it is.",
    change={"(b - mean) * scale + beta": "(b - mean + beta) * scale"},
)

weights_are_folded_in_place = mistake(
    "fold_batch_norm",
    "You changed the weights that you were given: return new ones.",
    change={"    return folded": "    w.copy_(folded)\n    return folded"},
)

# On another device ----------------------------------------------------------------------------

output_on_the_default_device = mistake(
    "batch_norm_forward",
    "You put the output into a tensor that was made without a device, so it is on the CPU: take "
    "the device from x, for example with torch.empty_like.",
    change={
        "return out,": "result = torch.zeros(x.shape, dtype=x.dtype)\n"
        "    result[:] = out\n"
        "    return result,"
    },
    on="cuda",
)

values_are_counted_on_the_cpu = mistake(
    "batch_norm_backward",
    'You wrote the device "cpu" into your code, so that the numbers of values are there: ask dout '
    "for its device; one number needs no tensor at all.",
    change={
        "shared / m": 'shared / _per_channel(torch.full((dout.shape[1],), m, device="cpu"), dout)'
    },
    on="cuda",
)

eps_added_in_numpy = mistake(
    "identity_scale_shift",
    "You go through NumPy, which knows the CPU only: torch has the same functions for tensors.",
    change={"torch.sqrt(var + eps)": "torch.from_numpy(var.numpy() + eps).sqrt()"},
    on="cuda",
)

scales_are_selected_on_the_cpu = mistake(
    "fold_batch_norm",
    "The matrix that selects output channels is made without a device, so it is on the CPU: give "
    "it the device of w.",
    change={
        "scale = gamma / torch.sqrt(var + eps)": "scale = torch.eye(channels, dtype=w.dtype) "
        "@ (gamma / torch.sqrt(var + eps))"
    },
    on="cuda",
)
