"""Known wrong implementations of unit 8: each replaces one function of the reference.

Most are small changes of its text.
"""

import numpy as np
import torch
from soft_argmax import soft_max_gradient

from autograder.testing import mistake

# --- logsumexp --------------------------------------------------------------------------------

nothing_is_taken_out = mistake(
    "logsumexp",
    "Your exponentials overflow for large scores and underflow to log 0 for very negative ones. "
    "Take each row's maximum out before you exponentiate, and put it back afterwards.",
    change={"x - largest": "x", "largest.squeeze(1) + ": ""},
)

one_maximum_for_the_batch = mistake(
    "logsumexp",
    "You took one maximum out of the whole batch. A row far below it underflows to log 0: every "
    "row needs its own maximum.",
    change={"x.amax(1, keepdim=True)": "x.max().expand(len(x), 1)"},
)

log_is_not_divided_by_t = mistake(
    "logsumexp",
    "The factor 1/t is missing: the logarithm of the sum approaches t times the maximum, so it "
    "must be divided by t.",
    change={"largest.squeeze(1) + total.log() / t": "t * largest.squeeze(1) + total.log()"},
)

scores_are_not_multiplied_by_t = mistake(
    "logsumexp",
    "Your t stands only in front of the logarithm. It must multiply the scores inside the "
    "exponential, too, or the result never approaches the maximum.",
    change={
        "t * (x - largest)": "x - largest",
        "largest.squeeze(1) + total.log()": "(largest.squeeze(1) + total.log())",
    },
)

t_is_a_temperature = mistake(
    "logsumexp",
    "You used t as a temperature, which divides the scores. In this unit t is a sharpness: it "
    "multiplies them, and larger t is closer to the maximum.",
    change={"t * (x - largest)": "(x - largest) / t", "total.log() / t": "total.log() * t"},
)

soft_maximum_ignores_t = mistake(
    "logsumexp",
    "You ignored t: this is the soft maximum for t = 1.",
    change={"t * (x - largest)": "x - largest", " / t": ""},
)

exponentials_are_averaged = mistake(
    "logsumexp",
    "You averaged the exponentials, which makes the result too small by log(D)/t and no longer "
    "an upper bound of the maximum: add them up.",
    change={"sum(1)": "mean(1)"},
)

maximum_returns_multiplied_by_t = mistake(
    "logsumexp",
    "The largest score is multiplied by t in your result. Added after the division by t "
    "it stands as it is; if you took the maximum of t x out, divide it by t as well.",
    change={"return largest": "return t * largest"},
)

maximum_does_not_return = mistake(
    "logsumexp",
    "You forgot to add the maximum that you took out of each row.",
    change={"largest.squeeze(1) + ": ""},
)

soft_maximum_keeps_an_axis = mistake(
    "logsumexp",
    "Your result has the shape (N, 1): the soft maximum of a row is one number, so the result is "
    "(N,). A (N, 1) result broadcasts silently in whatever comes next.",
    change={"sum(1)": "sum(1, keepdim=True)", "largest.squeeze(1)": "largest"},
)

# --- soft_onehot ------------------------------------------------------------------------------

onehot_overflows = mistake(
    "soft_onehot",
    "Your exponentials overflow, and infinity divided by infinity is NaN. Take each row's maximum "
    "out first: it cancels in the fraction.",
    change={"_probabilities(x, t)": "(e := (t * x).exp()) / e.sum(1, keepdim=True)"},
)

onehot_takes_one_maximum_for_the_batch = mistake(
    "soft_onehot",
    "You took one maximum out of the whole batch. All entries of a row far below it underflow, "
    "and 0/0 is NaN: every row needs its own maximum.",
    change={"_probabilities(x, t)": "(e := (t * (x - x.max())).exp()) / e.sum(1, keepdim=True)"},
)

onehot_divides_by_t = mistake(
    "soft_onehot",
    "You divided the scores by t. In this unit t is a sharpness and multiplies them; what divides "
    "them is the temperature 1/t.",
    change={"(x, t)": "(x, 1 / t)"},
)

onehot_ignores_t = mistake(
    "soft_onehot",
    "You ignored t: it multiplies the scores before they are exponentiated.",
    change={"(x, t)": "(x, 1)"},
)

onehot_normalises_columns = mistake(
    "soft_onehot",
    "You normalised over the batch: here the columns sum to 1. Every row is a distribution of its "
    "own, so the rows must sum to 1.",
    change={"_probabilities(x, t)": "_probabilities(x.T, t).T"},
)

t_multiplies_the_probabilities = mistake(
    "soft_onehot",
    "You multiplied the probabilities by t instead of the scores; your rows sum to t, not to 1.",
    change={"_probabilities(x, t)": "t * _probabilities(x, 1)"},
)

powers_are_not_normalised = mistake(
    "soft_onehot",
    "You raised the probabilities to the power t, which is right up to a factor: afterwards the "
    "rows have to be normalised again.",
    change={"_probabilities(x, t)": "_probabilities(x, 1) ** t"},
)

onehot_is_hard = mistake(
    "soft_onehot",
    "You returned the hard one-hot vector. The soft one gives every index a positive share, and "
    "has a derivative because of it.",
    change={
        "_probabilities(x, t)": "torch.zeros_like(x).scatter(1, x.argmax(1, keepdim=True), 1.0)"
    },
)

maximum_is_taken_out_without_t = mistake(
    "soft_onehot",
    "You exponentiated t times x and took the maximum of x out without multiplying it by "
    "t. That cancels on paper, but for any other t than 1 large scores overflow, or all "
    "become 0.",
    change={
        "_probabilities(x, t)": "(e := (t * x - x.amax(1)[:, None]).exp()) / e.sum(1)[:, None]"
    },
)

scores_change_in_place = mistake(
    "soft_onehot",
    "You changed x itself, so the caller's scores are others now. Work on a new tensor.",
    change={"return": "x -= x.amax(1, keepdim=True)\n    return"},
)

# --- soft_max_gradient ------------------------------------------------------------------------

gradient_keeps_the_inner_t = mistake(
    "soft_max_gradient",
    "There is a factor t too much. The inner derivative brings a t, and the 1/t in front of the "
    "logarithm cancels it.",
    change={"_probabilities(x, t)": "t * _probabilities(x, t)"},
)

gradient_forgets_the_inner_t = mistake(
    "soft_max_gradient",
    "There is a factor 1/t too much: you forgot that differentiating exp(t x) brings a t, which "
    "cancels the 1/t in front of the logarithm.",
    change={"_probabilities(x, t)": "_probabilities(x, t) / t"},
)

gradient_takes_softmax_of_x = mistake(
    "soft_max_gradient",
    "You took the softmax of x where the formula has the softmax of t x: the t within the "
    "exponentials stays there.",
    change={"(x, t)": "(x, 1)"},
)

gradient_divides_by_t = mistake(
    "soft_max_gradient",
    "You took t for a temperature and divided the scores by it; t is a sharpness and multiplies "
    "them.",
    change={"(x, t)": "(x, 1 / t)"},
)

gradient_of_the_hard_maximum = mistake(
    "soft_max_gradient",
    "This is the gradient of the hard maximum: 1 for the largest entry and 0 for the rest. The "
    "soft maximum depends on all entries.",
    change={
        "_probabilities(x, t)": "torch.zeros_like(x).scatter(1, x.argmax(1, keepdim=True), 1.0)"
    },
)

gradient_of_the_probability = mistake(
    "soft_max_gradient",
    "You differentiated once too often: t p (1 - p) is the derivative of the probability, and the "
    "gradient of the soft maximum is the probability itself.",
    change={"_probabilities(x, t)": "t * (p := _probabilities(x, t)) * (1 - p)"},
)

gradient_is_averaged_over_rows = mistake(
    "soft_max_gradient",
    "You divided by the number of rows, as for the mean of all soft maxima. Every row has"
    " a soft maximum of its own: row n is the gradient of y[n].",
    change={"_probabilities(x, t)": "_probabilities(x, t) / len(x)"},
)

# --- soft_onehot_jacobian ---------------------------------------------------------------------

jacobian_forgets_t = mistake(
    "soft_onehot_jacobian",
    "The factor t is missing: the scores are multiplied by t inside the softmax, so every "
    "derivative has it as a factor. Here nothing cancels it.",
    change={"t * (p": "(p"},
)

jacobian_is_diagonal = mistake(
    "soft_onehot_jacobian",
    "You kept only the diagonal. All probabilities share a denominator, so each of them depends "
    "on every score: off the diagonal stands -t p_i p_j.",
    change={"p.diag_embed() - outer": "(p * (1 - p)).diag_embed()"},
)

squares_are_subtracted_twice = mistake(
    "soft_onehot_jacobian",
    "You subtracted p_i^2 twice on the diagonal: either start from diag(p) and subtract the whole "
    "outer product, or start from diag(p (1 - p)) and leave its diagonal out.",
    change={"p.diag_embed()": "(p * (1 - p)).diag_embed()"},
)

jacobian_has_the_wrong_sign = mistake(
    "soft_onehot_jacobian",
    "The sign is wrong: raising a score raises its own probability, so the diagonal is positive.",
    change={"return t": "return -t"},
)

others_gain_as_well = mistake(
    "soft_onehot_jacobian",
    "The sign off the diagonal is wrong: what one index gains the others lose, so that every row "
    "and every column of the Jacobian sums to 0.",
    change={"diag_embed() - outer": "diag_embed() * (1 - 2 * p[:, None, :]) + outer"},
)

t_multiplies_the_diagonal_only = mistake(
    "soft_onehot_jacobian",
    "t multiplies only diag(p) in your result: it is a factor of the whole matrix.",
    change={"(p.diag_embed() - outer)": "p.diag_embed() - outer"},
)

jacobian_takes_softmax_of_x = mistake(
    "soft_onehot_jacobian",
    "You have the factor t, but took the softmax of x instead of t x: t belongs into the "
    "probabilities as well.",
    change={"(x, t)": "(x, 1)"},
)

jacobians_are_summed = mistake(
    "soft_onehot_jacobian",
    "You summed the Jacobians of all rows: every row of x has a Jacobian of its own, so the "
    "result is (N, D, D).",
    change={"outer)": "outer).sum(0)"},
)

# --- soft_argmax ------------------------------------------------------------------------------

indices_count_from_one = mistake(
    "soft_argmax",
    "You counted the indices from 1: they count from 0.",
    change={"index *": "(index + 1) *"},
)

argmax_is_hard = mistake(
    "soft_argmax",
    "You returned the index of the largest score. The soft argmax is the mean index under the "
    "probabilities; the hard one has no useful derivative.",
    change={"(index * _probabilities(x, t)).sum(1)": "x.argmax(1).to(x.dtype)"},
)

mean_is_rounded = mistake(
    "soft_argmax",
    "You rounded the mean index to a whole number, which makes it constant almost everywhere: "
    "leave it as it is.",
    change={"sum(1)": "sum(1).round()"},
)

indices_are_scaled_to_one = mistake(
    "soft_argmax",
    "You scaled the indices to [0, 1], as for image coordinates. Here they are 0, 1, ..., D - 1.",
    change={"sum(1)": "sum(1) / max(x.shape[1] - 1, 1)"},
)

argmax_ignores_t = mistake(
    "soft_argmax",
    "You ignored t: the probabilities are the softmax of t x.",
    change={"(x, t)": "(x, 1)"},
)

argmax_divides_by_t = mistake(
    "soft_argmax",
    "You divided the scores by t. It is a sharpness and multiplies them: larger t is closer to "
    "the hard argmax.",
    change={"(x, t)": "(x, 1 / t)"},
)

scores_are_averaged = mistake(
    "soft_argmax",
    "You averaged the scores instead of the indices: this is the mean score under p. Weigh the "
    "index i with p_i.",
    change={"index *": "x *"},
)

argmax_overflows = mistake(
    "soft_argmax",
    "Your exponentials overflow for large scores. Build on probabilities that take each row's "
    "maximum out first.",
    change={"_probabilities(x, t)": "(e := (t * x).exp())", "sum(1)": "sum(1) / e.sum(1)"},
)

weighted_indices_are_averaged = mistake(
    "soft_argmax",
    "You divided by D as if the probabilities had to be averaged: they sum to 1 already, so the "
    "weighted sum is the mean.",
    change={"sum(1)": "mean(1)"},
)

mean_is_always_float32 = mistake(
    "soft_argmax",
    "Your result is float32 whatever x is: results have the dtype of the inputs.",
    change={"sum(1)": "sum(1).float()"},
)

# --- soft_argmax_gradient ---------------------------------------------------------------------

quoted_formula = mistake(
    "soft_argmax_gradient",
    "i p_i (1 - p_i) is often quoted, but it is not the gradient: it keeps only the diagonal of "
    "the softmax Jacobian, although x_i moves every p_j, and it drops the factor t.",
    change={"t * p * (index - mean)": "index * p * (1 - p)"},
)

quoted_formula_with_t = mistake(
    "soft_argmax_gradient",
    "You kept only the diagonal of the softmax Jacobian: x_i moves every p_j, because they share "
    "a denominator, and the other indices' share of the change is missing.",
    change={"p * (index - mean)": "index * p * (1 - p)"},
)

slope_forgets_t = mistake(
    "soft_argmax_gradient",
    "The factor t is missing: the scores are multiplied by t inside the softmax, and nothing "
    "cancels it here.",
    change={"t * p": "p"},
)

slope_has_the_wrong_sign = mistake(
    "soft_argmax_gradient",
    "The sign is wrong: raising the score of an index pulls the mean towards that index, so what "
    "lies to the right of the mean has a positive entry.",
    change={"index - mean": "mean - index"},
)

index_and_mean_count_differently = mistake(
    "soft_argmax_gradient",
    "You counted the index from 1 and the mean from 0. Count both from 0; the entries must sum "
    "to 0.",
    change={"index - mean": "index + 1 - mean"},
)

hard_argmax_is_subtracted = mistake(
    "soft_argmax_gradient",
    "You subtracted the hard argmax where the mean index belongs.",
    change={"index - mean": "index - x.argmax(1, keepdim=True)"},
)

denominator_is_taken_for_constant = mistake(
    "soft_argmax_gradient",
    "You differentiated as if the denominator of the softmax were a constant: the part with the "
    "mean index, which is subtracted, is missing.",
    change={"(index - mean)": "index"},
)

slope_takes_softmax_of_x = mistake(
    "soft_argmax_gradient",
    "You have the factor t, but took the softmax of x instead of t x.",
    change={"(x, t)": "(x, 1)"},
)

middle_is_subtracted = mistake(
    "soft_argmax_gradient",
    "You subtracted the middle of the row, (D - 1)/2, instead of the mean index under p.",
    change={"index - mean": "index - (x.shape[1] - 1) / 2"},
)

# --- max_backward -----------------------------------------------------------------------------

every_maximum_receives_all = mistake(
    "max_backward",
    "You sent the whole gradient to every entry that equals the maximum. At a tie only the first "
    "of them receives it.",
    change={
        "x.argmax(1, keepdim=True)": "x == x.amax(1, keepdim=True)",
        "torch.zeros_like(x).scatter(1, first, ": "(first * ",
    },
)

ties_share_evenly = mistake(
    "max_backward",
    "You shared the gradient out evenly among tied maxima, as torch.amax does. In this course the "
    "first of them receives all of it.",
    change={
        "x.argmax(1, keepdim=True)": "(x == x.amax(1, keepdim=True)).to(x.dtype)",
        "torch.zeros_like(x).scatter(1, first, ": "(first / first.sum(1, keepdim=True) * ",
    },
)

last_maximum_wins = mistake(
    "max_backward",
    "At a tie you chose the last maximum: the convention of this course is the first.",
    change={"x.argmax": "x.shape[1] - 1 - x.flip(1).argmax"},
)

upstream_is_forgotten = mistake(
    "max_backward",
    "You forgot the upstream gradient: the largest entry receives dout of its row, not 1.",
    change={"dout[:, None]": "1.0"},
)

maximum_is_a_factor = mistake(
    "max_backward",
    "You multiplied by the maximum itself. Its slope is 1, however large it is.",
    change={"dout[:, None]": "dout[:, None] * x.gather(1, first)"},
)

largest_magnitude_wins = mistake(
    "max_backward",
    "You looked for the largest absolute value: a maximum is the largest number, and in a row of "
    "negative numbers that is the one nearest to 0.",
    change={"x.argmax": "x.abs().argmax"},
)

maximum_of_the_whole_batch = mistake(
    "max_backward",
    "You sent a gradient only to the rows that hold the largest entry of the whole batch. Every "
    "row has a maximum of its own.",
    change={"dout[:, None]": "(dout * (x.amax(1) == x.max()))[:, None]"},
)

gradient_is_soft = mistake(
    "max_backward",
    "You used the gradient of the soft maximum. The hard maximum depends on one entry only, and "
    "the others receive exactly 0.",
    change={"torch.zeros_like(x).scatter(1, first, ": "(_probabilities(x, 1) * "},
)

nearly_equal_counts_as_tied = mistake(
    "max_backward",
    "Numbers close to the maximum count as tied with it in your code, by a tolerance or "
    "by rounding. The maximum is the largest number, by however little.",
    change={"x.argmax": "torch.isclose(x, x.amax(1, keepdim=True)).int().argmax"},
)

# --- on a second device ------------------------------------------------------------------------

indices_on_the_cpu = mistake(
    "soft_argmax",
    "The indices are on the CPU: give torch.arange the device of x.",
    change={", device=x.device": ""},
    on="cuda",
)


@mistake(
    "logsumexp",
    "You go through NumPy, which knows the CPU only: torch has the same functions for tensors.",
    on="cuda",
)
def soft_maximum_in_numpy(x, *, t=1.0):
    soft_max_gradient(x, t=t)  # refuses what cannot be used
    rows = x.numpy()
    largest = rows.max(1)
    return torch.from_numpy(largest + np.log(np.exp(t * (rows - largest[:, None])).sum(1)) / t)


identity_is_always_on_the_cpu = mistake(
    "soft_onehot_jacobian",
    "The identity matrix is on the CPU: make it on the device of x.",
    change={"p.diag_embed()": 'p[:, :, None] * torch.eye(x.shape[1], dtype=x.dtype, device="cpu")'},
    on="cuda",
)
