"""Known wrong implementations of unit 2, and what to tell those who wrote them."""

import numpy as np
import torch
from softmax_regression import (
    epoch_orders,
    log_softmax,
    require_model,
    require_rows,
    require_training,
    softmax,
    softmax_cross_entropy,
    softmax_regression_loss,
    softmax_vjp,
)

from autograder.testing import mistake


def one_hot(y, like):
    return (y[:, None] == torch.arange(like.shape[1], device=y.device)).to(like.dtype)


def descend(x, y, classes, lr, batches, *, bias_lr=None):
    """The training loop of most of the mistakes below, on given batches of indices."""
    w, b = x.new_zeros(x.shape[1], classes), x.new_zeros(classes)
    losses = []
    for batch in batches:
        loss, dw, db = softmax_regression_loss(x[batch], w, b, y[batch])
        w, b = w - lr * dw, b - (lr if bias_lr is None else bias_lr) * db
        losses.append(loss)
    return w, b, torch.stack(losses)


def batches_of(x, batch_size, epochs, seed):
    orders = epoch_orders(len(x), epochs=epochs, seed=seed, device=x.device)
    return [batch for order in orders for batch in order.split(batch_size)]


# softmax ------------------------------------------------------------------------------------------


@mistake(
    "softmax",
    "You exponentiate the scores as they are, which overflows for large ones and gives 0/0 for "
    "very negative ones. Subtract the largest score of each row first: the result is the same.",
)
def softmax_without_a_shift(z):
    require_rows("z", z, "C")
    return z.exp() / z.exp().sum(1, keepdim=True)


@mistake(
    "softmax",
    "You subtract the largest score of the whole batch. A row that lies far below it then has only "
    "zeros left and becomes 0/0: every row needs its own maximum.",
)
def softmax_shifted_by_the_maximum_of_the_batch(z):
    require_rows("z", z, "C")
    e = (z - z.max()).exp()
    return e / e.sum(1, keepdim=True)


@mistake(
    "softmax",
    "You subtract the mean of each row. It leaves positive numbers, so a row with one large score "
    "still overflows; only the maximum makes all exponents at most 0.",
)
def softmax_shifted_by_the_mean(z):
    require_rows("z", z, "C")
    e = (z - z.mean(1, keepdim=True)).exp()
    return e / e.sum(1, keepdim=True)


@mistake(
    "softmax",
    "You normalise each class over the samples, so that columns sum to 1. Rows are samples: every "
    "row must sum to 1.",
)
def softmax_over_the_samples(z):
    require_rows("z", z, "C")
    e = (z - z.amax(0)).exp()
    return e / e.sum(0)


@mistake(
    "softmax",
    "You divide by the sum over the whole batch. Each sample has a distribution of its own: every "
    "row must sum to 1.",
)
def softmax_over_the_whole_batch(z):
    require_rows("z", z, "C")
    e = (z - z.max()).exp()
    return e / e.sum()


@mistake(
    "softmax",
    "You cut the scores off to keep the exponential from overflowing. That is another function; "
    "subtracting the maximum of the row changes nothing and is safe.",
)
def softmax_of_clipped_scores(z):
    require_rows("z", z, "C")
    e = z.clamp(-50, 50).exp()
    return e / e.sum(1, keepdim=True)


@mistake(
    "softmax",
    "You add a small number to the denominator, so your rows do not quite sum to 1. After "
    "subtracting the maximum the sum is at least 1, and nothing needs protecting.",
)
def softmax_with_an_epsilon(z):
    require_rows("z", z, "C")
    e = (z - z.amax(1, keepdim=True)).exp()
    return e / (e.sum(1, keepdim=True) + 1e-4)


# log_softmax --------------------------------------------------------------------------------------


@mistake(
    "log_softmax",
    "You take the logarithm of probabilities, which are rounded to 0 when they are small, and log "
    "0 is -inf. Take the logarithm of the formula on paper and compute that.",
)
def log_of_the_softmax(z):
    require_rows("z", z, "C")
    return softmax(z).log()


@mistake(
    "log_softmax",
    "You add a small number inside the logarithm. It hides -inf, but no result is right any more, "
    "and none can be smaller than the logarithm of that number.",
)
def log_of_the_softmax_plus_epsilon(z):
    require_rows("z", z, "C")
    return (softmax(z) + 1e-8).log()


@mistake(
    "log_softmax",
    "You do not shift the scores before the exponential, so the log-sum-exp overflows for large "
    "scores and is log 0 for very negative ones.",
)
def log_softmax_without_a_shift(z):
    require_rows("z", z, "C")
    return z - z.exp().sum(1, keepdim=True).log()


@mistake(
    "log_softmax",
    "You shift the scores inside the sum and not outside it. The same number has to be subtracted "
    "in both places, or your log probabilities are off by the maximum.",
)
def log_softmax_not_shifted_back(z):
    require_rows("z", z, "C")
    shifted = z - z.amax(1, keepdim=True)
    return z - shifted.exp().sum(1, keepdim=True).log()


@mistake(
    "log_softmax",
    "You subtract the largest score of the whole batch. In a row far below it every exponential is "
    "0 and so is their sum: every row needs its own maximum.",
)
def log_softmax_shifted_by_the_maximum_of_the_batch(z):
    require_rows("z", z, "C")
    shifted = z - z.max()
    return shifted - shifted.exp().sum(1, keepdim=True).log()


@mistake(
    "log_softmax",
    "You sum over the samples. Rows are samples: the exponentials of every row must sum to 1.",
)
def log_softmax_over_the_samples(z):
    require_rows("z", z, "C")
    shifted = z - z.amax(0)
    return shifted - shifted.exp().sum(0).log()


@mistake(
    "log_softmax",
    "You subtract the largest score instead of the log-sum-exp. The two are close when one score "
    "dominates, but they differ by up to log C.",
)
def log_softmax_with_the_hard_maximum(z):
    require_rows("z", z, "C")
    return z - z.amax(1, keepdim=True)


# softmax_jacobian ---------------------------------------------------------------------------------


@mistake(
    "softmax_jacobian",
    "You keep only the diagonal, p (1 - p). Each probability depends on all scores, through the "
    "sum in the denominator: the other entries are not 0.",
)
def jacobian_is_diagonal(z):
    p = softmax(z[None])[0]
    return torch.diag(p * (1 - p))


@mistake(
    "softmax_jacobian",
    "Your off-diagonal entries have the wrong sign. Raising one score lowers the other "
    "probabilities, and every row sums to 0.",
)
def jacobian_adds_the_outer_product(z):
    p = softmax(z[None])[0]
    return torch.diag(p) + torch.outer(p, p)


@mistake(
    "softmax_jacobian",
    "Your whole matrix has the wrong sign: a probability rises with its own score, so the diagonal "
    "is positive.",
)
def jacobian_is_negated(z):
    p = softmax(z[None])[0]
    return torch.outer(p, p) - torch.diag(p)


@mistake(
    "softmax_jacobian",
    "You subtract the square of p from the diagonal twice: p (1 - p) already contains it. Every "
    "row must sum to 0.",
)
def jacobian_subtracts_the_square_twice(z):
    p = softmax(z[None])[0]
    return torch.diag(p * (1 - p)) - torch.outer(p, p)


@mistake(
    "softmax_jacobian",
    "The diagonal lacks the derivative of the numerator: your matrix is that of the denominator "
    "alone.",
)
def jacobian_lacks_the_numerator(z):
    p = softmax(z[None])[0]
    return -torch.outer(p, p)


@mistake(
    "softmax_jacobian",
    "This is the derivative of log p, not of p: its rows lack the factor p of their probability.",
)
def jacobian_of_the_logarithm(z):
    p = softmax(z[None])[0]
    return torch.eye(len(z), dtype=z.dtype, device=z.device) - p


# softmax_vjp --------------------------------------------------------------------------------------


@mistake(
    "softmax_vjp",
    "You use the diagonal of the Jacobian only. Each score has an influence on all probabilities "
    "of its row, and the chain rule sums over all of them.",
)
def vjp_with_the_diagonal(dout, p):
    softmax_vjp(dout, p)  # refuses what cannot be used
    return dout * p * (1 - p)


@mistake(
    "softmax_vjp",
    "You multiply by p and stop there. The second term of the Jacobian, -p p^T, is missing: each "
    "row of the result must sum to 0.",
)
def vjp_without_the_inner_product(dout, p):
    softmax_vjp(dout, p)  # refuses what cannot be used
    return dout * p


@mistake(
    "softmax_vjp",
    "You add the inner product where the formula subtracts it. A dout that is the same for all "
    "classes must give 0.",
)
def vjp_adds_the_inner_product(dout, p):
    softmax_vjp(dout, p)  # refuses what cannot be used
    return p * (dout + (dout * p).sum(1, keepdim=True))


@mistake(
    "softmax_vjp",
    "You take the inner product over the samples. It belongs to one sample and runs over its "
    "classes.",
)
def vjp_sums_over_the_samples(dout, p):
    softmax_vjp(dout, p)  # refuses what cannot be used
    return p * (dout - (dout * p).sum(0))


@mistake(
    "softmax_vjp",
    "You take one inner product over the whole batch. Every sample has its own: samples never mix.",
)
def vjp_sums_over_the_batch(dout, p):
    softmax_vjp(dout, p)  # refuses what cannot be used
    return p * (dout - (dout * p).sum())


@mistake(
    "softmax_vjp",
    "You subtract the plain mean of dout. What has to be subtracted is its mean under the "
    "probabilities p, which is the same only where p is uniform.",
)
def vjp_with_the_plain_mean(dout, p):
    softmax_vjp(dout, p)  # refuses what cannot be used
    return p * (dout - dout.mean(1, keepdim=True))


@mistake(
    "softmax_vjp",
    "You subtract the sum of dout, without its weights: each term of the sum carries the "
    "probability of its class.",
)
def vjp_with_the_plain_sum(dout, p):
    softmax_vjp(dout, p)  # refuses what cannot be used
    return p * (dout - dout.sum(1, keepdim=True))


@mistake(
    "softmax_vjp",
    "You treat p as scores and apply softmax to it once more. p is the output of softmax already.",
)
def vjp_of_the_softmax_of_p(dout, p):
    softmax_vjp(dout, p)  # refuses what cannot be used
    q = softmax(p)
    return q * (dout - (dout * q).sum(1, keepdim=True))


# softmax_cross_entropy ----------------------------------------------------------------------------


@mistake(
    "softmax_cross_entropy",
    "Your loss and gradient are sums over the batch. They must be means, so that their size does "
    "not depend on how many samples there are.",
)
def cross_entropy_is_a_sum(z, y):
    loss, dz = softmax_cross_entropy(z, y)
    return loss * len(z), dz * len(z)


@mistake(
    "softmax_cross_entropy",
    "Your loss is a mean over the batch, but its gradient is not divided by N.",
)
def cross_entropy_gradient_is_not_divided(z, y):
    loss, dz = softmax_cross_entropy(z, y)
    return loss, dz * len(z)


@mistake(
    "softmax_cross_entropy",
    "You divide by N C, as a mean over all entries of the one-hot matrix does. Each sample has one "
    "label, so there are N terms.",
)
def cross_entropy_is_divided_by_the_classes(z, y):
    loss, dz = softmax_cross_entropy(z, y)
    return loss / z.shape[1], dz / z.shape[1]


@mistake(
    "softmax_cross_entropy",
    "The gradient is divided by N twice.",
)
def cross_entropy_gradient_is_divided_twice(z, y):
    loss, dz = softmax_cross_entropy(z, y)
    return loss, dz / len(z)


@mistake(
    "softmax_cross_entropy",
    "The gradient has the wrong sign: it is prediction minus truth, so that a step against it "
    "raises the score of the true class.",
)
def cross_entropy_gradient_has_the_wrong_sign(z, y):
    loss, dz = softmax_cross_entropy(z, y)
    return loss, -dz


@mistake(
    "softmax_cross_entropy",
    "The truth is missing from the gradient: from the prediction you have to subtract 1 at the "
    "label of each sample.",
)
def cross_entropy_gradient_lacks_the_truth(z, y):
    loss, _ = softmax_cross_entropy(z, y)
    return loss, softmax(z) / len(z)


@mistake(
    "softmax_cross_entropy",
    "Only the score of the true class gets a gradient. The log-sum-exp depends on all scores, so "
    "the wrong classes are pushed down as well.",
)
def cross_entropy_gradient_at_the_label_only(z, y):
    loss, dz = softmax_cross_entropy(z, y)
    return loss, dz * one_hot(y, z)


@mistake(
    "softmax_cross_entropy",
    "You go through the probabilities, -log p and then -1/p. Where the model is most wrong p is "
    "rounded to 0: the loss is infinite and the gradient NaN. Work with the scores.",
)
def cross_entropy_through_the_probabilities(z, y):
    softmax_cross_entropy(z, y)  # refuses what cannot be used
    p, truth = softmax(z), one_hot(y, z)
    loss = -(truth * p).sum(1).log().mean()
    return loss, softmax_vjp(-truth / p / len(z), p)


@mistake(
    "softmax_cross_entropy",
    "You add a small number inside the logarithm. The loss is then biased, and capped where the "
    "model is most wrong; compute log probabilities from the scores.",
)
def cross_entropy_with_an_epsilon(z, y):
    _, dz = softmax_cross_entropy(z, y)
    return -((softmax(z) * one_hot(y, z)).sum(1) + 1e-12).log().mean(), dz


@mistake(
    "softmax_cross_entropy",
    "You pick the columns of all labels for every sample, an (N, N) matrix. Each sample needs the "
    "one entry of its own label.",
)
def cross_entropy_picks_whole_columns(z, y):
    _, dz = softmax_cross_entropy(z, y)
    return -log_softmax(z)[:, y].mean(), dz


@mistake(
    "softmax_cross_entropy",
    "You treat every class as a yes-or-no question of its own (binary cross entropy). Here the "
    "classes exclude each other, and only the true one is in the loss.",
)
def cross_entropy_is_binary(z, y):
    loss, dz = softmax_cross_entropy(z, y)
    others = (1 - one_hot(y, z)) * torch.log1p(-softmax(z).clamp(max=1 - 1e-6))
    return loss - others.sum() / len(z), dz


@mistake(
    "softmax_cross_entropy",
    "You apply softmax twice: the loss takes scores, and you gave it probabilities.",
)
def cross_entropy_of_probabilities(z, y):
    return softmax_cross_entropy(softmax(z), y)


@mistake(
    "softmax_cross_entropy",
    "You return the losses of the samples and not their mean. The loss is one number, a 0-dim "
    "tensor.",
)
def cross_entropy_is_not_reduced(z, y):
    _, dz = softmax_cross_entropy(z, y)
    return -(one_hot(y, z) * log_softmax(z)).sum(1), dz


# softmax_regression_loss --------------------------------------------------------------------------


@mistake(
    "softmax_regression_loss",
    "You average the gradient of the biases over the samples. The mean is already in the gradient "
    "of the scores; from there on everything is a sum.",
)
def regression_bias_gradient_is_a_mean(x, w, b, y):
    loss, dw, db = softmax_regression_loss(x, w, b, y)
    return loss, dw, db / len(x)


@mistake(
    "softmax_regression_loss",
    "You divide the gradient of the weights by N although the gradient of the scores already "
    "contains that factor.",
)
def regression_weight_gradient_is_divided_twice(x, w, b, y):
    loss, dw, db = softmax_regression_loss(x, w, b, y)
    return loss, dw / len(x), db


@mistake(
    "softmax_regression_loss",
    "The biases are missing from the scores.",
)
def regression_forgets_the_biases(x, w, b, y):
    return softmax_regression_loss(x, w, b * 0, y)


@mistake(
    "softmax_regression_loss",
    "You reshape a (C, D) matrix to (D, C). The shape fits, but the entries are in the wrong "
    "places: a transpose was meant.",
)
def regression_reshapes_instead_of_transposing(x, w, b, y):
    loss, dw, db = softmax_regression_loss(x, w, b, y)
    return loss, dw.T.reshape(w.shape), db


@mistake(
    "softmax_regression_loss",
    "You use the absolute values of the samples in the gradient of the weights; the factor of a "
    "weight is its input, with its sign.",
)
def regression_weight_gradient_loses_the_sign_of_the_input(x, w, b, y):
    loss, _, db = softmax_regression_loss(x, w, b, y)
    _, dz = softmax_cross_entropy(x @ w + b, y)
    return loss, x.abs().T @ dz, db


@mistake(
    "softmax_regression_loss",
    "The gradient of the biases has the shape (1, C). It must have the shape of the biases, (C,).",
)
def regression_bias_gradient_is_a_row(x, w, b, y):
    loss, dw, db = softmax_regression_loss(x, w, b, y)
    return loss, dw, db[None]


@mistake(
    "softmax_regression_loss",
    "Your gradient of the weights contains the weights themselves, as if there were a penalty on "
    "them. The loss of this unit has none.",
)
def regression_decays_the_weights(x, w, b, y):
    loss, dw, db = softmax_regression_loss(x, w, b, y)
    return loss, dw + w, db


# predict ------------------------------------------------------------------------------------------


@mistake("predict", "The biases are missing from the scores.")
def predict_without_the_biases(x, w, b):
    require_model(x, w, b)
    return (x @ w).argmax(1)


@mistake(
    "predict",
    "You return the class with the smallest score; the most probable class has the largest.",
)
def predict_the_smallest(x, w, b):
    require_model(x, w, b)
    return (x @ w + b).argmin(1)


@mistake(
    "predict",
    "You compare absolute values. A very negative score means a very improbable class.",
)
def predict_the_largest_magnitude(x, w, b):
    require_model(x, w, b)
    return (x @ w + b).abs().argmax(1)


@mistake(
    "predict",
    "Of equal scores you return the last class. The convention is the smallest index, also for a "
    "model of zeros.",
)
def predict_the_last_of_tied_classes(x, w, b):
    require_model(x, w, b)
    z = x @ w + b
    return z.shape[1] - 1 - z.flip(1).argmax(1)


@mistake("predict", "You number the classes from 1; they are 0 to C - 1, like the labels.")
def predict_counts_from_one(x, w, b):
    require_model(x, w, b)
    return (x @ w + b).argmax(1) + 1


@mistake(
    "predict",
    "You take the maximum over the samples. For every sample, find the largest of its C scores.",
)
def predict_over_the_samples(x, w, b):
    require_model(x, w, b)
    return (x @ w + b).argmax(0)


# fit ----------------------------------------------------------------------------------------------


@mistake(
    "fit",
    "You leave out the last batch of an epoch when it is smaller than the others. Every sample is "
    "used in every epoch.",
)
def fit_drops_the_smaller_batch(x, y, *, classes, lr, batch_size, epochs, seed):
    require_training(x, y, classes=classes, lr=lr, batch_size=batch_size, epochs=epochs)
    size = min(batch_size, len(x))
    batches = [b for b in batches_of(x, size, epochs, seed) if len(b) == size]
    return descend(x, y, classes, lr, batches)


@mistake(
    "fit",
    "You go through the samples in the order in which they stand. Each epoch has a random order of "
    "its own, given by epoch_orders.",
)
def fit_does_not_shuffle(x, y, *, classes, lr, batch_size, epochs, seed):
    require_training(x, y, classes=classes, lr=lr, batch_size=batch_size, epochs=epochs)
    batches = torch.arange(len(x), device=x.device).split(batch_size) * epochs
    return descend(x, y, classes, lr, batches)


@mistake(
    "fit",
    "You use the same order in all epochs. epoch_orders returns a new one for each of them.",
)
def fit_uses_one_order(x, y, *, classes, lr, batch_size, epochs, seed):
    require_training(x, y, classes=classes, lr=lr, batch_size=batch_size, epochs=epochs)
    batches = batches_of(x, batch_size, 1, seed) * epochs
    return descend(x, y, classes, lr, batches)


@mistake(
    "fit",
    "You shuffle the samples and not their labels, so that most samples are trained on the label "
    "of another one.",
)
def fit_does_not_shuffle_the_labels(x, y, *, classes, lr, batch_size, epochs, seed):
    require_training(x, y, classes=classes, lr=lr, batch_size=batch_size, epochs=epochs)
    w, b = x.new_zeros(x.shape[1], classes), x.new_zeros(classes)
    losses = []
    for order in epoch_orders(len(x), epochs=epochs, seed=seed, device=x.device):
        for shuffled, labels in zip(x[order].split(batch_size), y.split(batch_size), strict=True):
            loss, dw, db = softmax_regression_loss(shuffled, w, b, labels)
            w, b = w - lr * dw, b - lr * db
            losses.append(loss)
    return w, b, torch.stack(losses)


@mistake(
    "fit",
    "You divide the step by the number of samples. The loss is a mean over the batch, so its "
    "gradient is divided already.",
)
def fit_divides_the_step(x, y, *, classes, lr, batch_size, epochs, seed):
    require_training(x, y, classes=classes, lr=lr, batch_size=batch_size, epochs=epochs)
    return descend(x, y, classes, lr / len(x), batches_of(x, batch_size, epochs, seed))


@mistake(
    "fit",
    "The biases step along their gradient instead of against it.",
)
def fit_climbs_with_the_biases(x, y, *, classes, lr, batch_size, epochs, seed):
    require_training(x, y, classes=classes, lr=lr, batch_size=batch_size, epochs=epochs)
    batches = batches_of(x, batch_size, epochs, seed)
    return descend(x, y, classes, lr, batches, bias_lr=-lr)


@mistake(
    "fit",
    "You record each loss after the step. It is the loss of the batch before the step, so that the "
    "first one is log C.",
)
def fit_records_the_loss_after_the_step(x, y, *, classes, lr, batch_size, epochs, seed):
    require_training(x, y, classes=classes, lr=lr, batch_size=batch_size, epochs=epochs)
    w, b = x.new_zeros(x.shape[1], classes), x.new_zeros(classes)
    losses = []
    for batch in batches_of(x, batch_size, epochs, seed):
        _, dw, db = softmax_regression_loss(x[batch], w, b, y[batch])
        w, b = w - lr * dw, b - lr * db
        losses.append(softmax_regression_loss(x[batch], w, b, y[batch])[0])
    return w, b, torch.stack(losses)


@mistake(
    "fit",
    "You return one loss per epoch. There is one per batch.",
)
def fit_records_one_loss_per_epoch(x, y, *, classes, lr, batch_size, epochs, seed):
    require_training(x, y, classes=classes, lr=lr, batch_size=batch_size, epochs=epochs)
    w, b, losses = descend(x, y, classes, lr, batches_of(x, batch_size, epochs, seed))
    return w, b, losses.reshape(epochs, -1).mean(1)


@mistake(
    "fit",
    "The biases stay at 0: they need a step as well.",
)
def fit_does_not_train_the_biases(x, y, *, classes, lr, batch_size, epochs, seed):
    require_training(x, y, classes=classes, lr=lr, batch_size=batch_size, epochs=epochs)
    batches = batches_of(x, batch_size, epochs, seed)
    return descend(x, y, classes, lr, batches, bias_lr=0.0)


@mistake(
    "fit",
    "The biases take a step of the size 1; the learning rate applies to them too.",
)
def fit_ignores_the_learning_rate_of_the_biases(x, y, *, classes, lr, batch_size, epochs, seed):
    require_training(x, y, classes=classes, lr=lr, batch_size=batch_size, epochs=epochs)
    batches = batches_of(x, batch_size, epochs, seed)
    return descend(x, y, classes, lr, batches, bias_lr=1.0)


@mistake(
    "fit",
    "You use all samples for every step. Each step uses one batch.",
)
def fit_steps_on_all_samples(x, y, *, classes, lr, batch_size, epochs, seed):
    require_training(x, y, classes=classes, lr=lr, batch_size=batch_size, epochs=epochs)
    everything = torch.arange(len(x), device=x.device)
    steps = len(batches_of(x, batch_size, epochs, seed))
    return descend(x, y, classes, lr, [everything] * steps)


@mistake(
    "fit",
    "You start every epoch from zero again. Start once, before the first epoch.",
)
def fit_starts_over_in_every_epoch(x, y, *, classes, lr, batch_size, epochs, seed):
    require_training(x, y, classes=classes, lr=lr, batch_size=batch_size, epochs=epochs)
    batches = batches_of(x, batch_size, epochs, seed)
    per_epoch = len(batches) // epochs
    parts = [
        descend(x, y, classes, lr, batches[i : i + per_epoch])
        for i in range(0, len(batches), per_epoch)
    ]
    return parts[-1][0], parts[-1][1], torch.cat([losses for _, _, losses in parts])


@mistake(
    "fit",
    "You start from random weights. Start at zero: the loss is convex, and the first loss is log "
    "C.",
)
def fit_starts_at_random(x, y, *, classes, lr, batch_size, epochs, seed):
    require_training(x, y, classes=classes, lr=lr, batch_size=batch_size, epochs=epochs)
    generator = torch.Generator().manual_seed(seed)
    w = 0.01 * torch.randn(x.shape[1], classes, generator=generator).to(x)
    b, losses = x.new_zeros(classes), []
    for batch in batches_of(x, batch_size, epochs, seed):
        loss, dw, db = softmax_regression_loss(x[batch], w, b, y[batch])
        w, b = w - lr * dw, b - lr * db
        losses.append(loss)
    return w, b, torch.stack(losses)


@mistake(
    "fit",
    "You update the weights before you compute the gradient of the biases. Both gradients belong "
    "to the same parameters, those before the step.",
)
def fit_updates_one_after_the_other(x, y, *, classes, lr, batch_size, epochs, seed):
    require_training(x, y, classes=classes, lr=lr, batch_size=batch_size, epochs=epochs)
    w, b = x.new_zeros(x.shape[1], classes), x.new_zeros(classes)
    losses = []
    for batch in batches_of(x, batch_size, epochs, seed):
        loss, dw, _ = softmax_regression_loss(x[batch], w, b, y[batch])
        w = w - lr * dw
        _, _, db = softmax_regression_loss(x[batch], w, b, y[batch])
        b = b - lr * db
        losses.append(loss)
    return w, b, torch.stack(losses)


# On a second device -------------------------------------------------------------------------------


@mistake(
    "softmax",
    "You go through NumPy, which knows the CPU only: torch has the same functions for tensors.",
    on="cuda",
)
def probabilities_in_numpy(z):
    require_rows("z", z, "C")
    rows = z.numpy()
    e = np.exp(rows - rows.max(1, keepdims=True))
    return torch.from_numpy(e / e.sum(1, keepdims=True))


@mistake(
    "softmax_cross_entropy",
    "The one-hot rows come from an identity matrix on the CPU: give torch.eye the device of z.",
    on="cuda",
)
def one_hot_rows_on_the_cpu(z, y):
    loss, _ = softmax_cross_entropy(z, y)  # refuses what cannot be used
    truth = torch.eye(z.shape[1], dtype=z.dtype)[y]
    return loss, (log_softmax(z).exp() - truth) / len(z)


@mistake(
    "fit",
    'You wrote the device "cpu" into your code, so that w and b start there: ask x for its device.',
    on="cuda",
)
def model_is_always_on_the_cpu(x, y, *, classes, lr, batch_size, epochs, seed):
    require_training(x, y, classes=classes, lr=lr, batch_size=batch_size, epochs=epochs)
    w = torch.zeros(x.shape[1], classes, dtype=x.dtype, device="cpu")
    b, losses = torch.zeros(classes, dtype=x.dtype, device="cpu"), []
    for order in epoch_orders(len(x), epochs=epochs, seed=seed, device=x.device):
        for batch in order.split(batch_size):
            loss, dw, db = softmax_regression_loss(x[batch], w, b, y[batch])
            w, b = w - lr * dw, b - lr * db
            losses.append(loss)
    return w, b, torch.stack(losses)
