"""Known wrong implementations of unit 1, and what to tell those who wrote them."""

import torch
from perceptron import (
    distance_to_hyperplane,
    dual_to_primal,
    gram_matrix,
    predict,
    require_hyperplane,
    require_training,
)

from autograder.testing import mistake


def learn(x, y, lr, max_epochs, wrong, update, start=0.0):
    """The rule in primal form, with what counts as wrong and what is done about it exchanged."""
    require_training(x, y, lr=lr, max_epochs=max_epochs)
    w, b = x.new_zeros(x.shape[1]), x.new_zeros(()) + start
    for _ in range(max_epochs):
        converged = True
        for sample, label in zip(x, y, strict=True):
            if wrong(label, sample @ w + b):
                w, b = update(w, b, sample, label)
                converged = False
        if converged:
            break
    return w, b, converged


def learn_dual(x, y, lr, max_epochs, score, update, wrong=lambda label, s: label * s <= 0):
    """The rule in dual form, with the score and what is done about it exchanged."""
    require_training(x, y, lr=lr, max_epochs=max_epochs)
    gram = gram_matrix(x)
    alpha, b = x.new_zeros(len(x)), x.new_zeros(())
    for _ in range(max_epochs):
        converged = True
        for n in range(len(x)):
            if wrong(y[n], score(alpha, gram[:, n]) + b):
                alpha, b = update(alpha, b, n)
                converged = False
        if converged:
            break
    return alpha, b, converged


def on_the_wrong_side(label, score):
    return label * score <= 0


def raised(alpha, n, by):
    return alpha + by * (torch.arange(len(alpha), device=alpha.device) == n)


# predict ------------------------------------------------------------------------------------------


@mistake(
    "predict",
    "You used torch.sign, which is 0 for a point on the hyperplane. 0 is no label: sign(0) is +1 "
    "here.",
)
def predict_with_a_sign_that_is_zero(x, w, b):
    require_hyperplane(x, w, b)
    return torch.sign(x @ w + b)


@mistake(
    "predict",
    "You give -1 to a point on the hyperplane; the convention is sign(0) = +1.",
)
def predict_minus_one_on_the_hyperplane(x, w, b):
    require_hyperplane(x, w, b)
    return torch.where(x @ w + b > 0, 1.0, -1.0).to(x.dtype)


@mistake("predict", "The bias is missing: your hyperplane goes through the origin.")
def predict_without_the_bias(x, w, b):
    return predict(x, w, b * 0)


@mistake("predict", "You subtract the bias; the hyperplane is where w . x + b is 0.")
def predict_subtracts_the_bias(x, w, b):
    return predict(x, w, -b)


@mistake("predict", "You return the scores. The labels are their signs, -1 and +1.")
def predict_returns_the_scores(x, w, b):
    require_hyperplane(x, w, b)
    return x @ w + b


@mistake("predict", "You return 0 for the negative class; its label is -1.")
def predict_returns_zero_and_one(x, w, b):
    return (predict(x, w, b) + 1) / 2


@mistake("predict", "You return the labels with the opposite signs.")
def predict_the_other_side(x, w, b):
    return -predict(x, w, b)


# distance_to_hyperplane ---------------------------------------------------------------------------


@mistake(
    "distance_to_hyperplane",
    "Your distances are negative on one side. A distance is the absolute value.",
)
def distance_with_a_sign(x, w, b):
    return distance_to_hyperplane(x, w, b) * torch.sign(x @ w + b)


@mistake(
    "distance_to_hyperplane",
    "You did not divide by the length of w. Multiplying w and b by 7 does not move the hyperplane, "
    "so it must not change a distance.",
)
def distance_is_the_score(x, w, b):
    distance_to_hyperplane(x, w, b)  # refuses what cannot be used
    return (x @ w + b).abs()


@mistake(
    "distance_to_hyperplane",
    "You divided by the squared length of w; it is the length.",
)
def distance_divided_by_the_square(x, w, b):
    return distance_to_hyperplane(x, w, b) / w.square().sum().sqrt()


@mistake(
    "distance_to_hyperplane",
    "You divided w . x by the length of w, but not b. The whole score has to be divided.",
)
def distance_with_the_bias_undivided(x, w, b):
    length = w.square().sum().sqrt()
    return distance_to_hyperplane(x, w / length, b)


@mistake(
    "distance_to_hyperplane",
    "You counted b as part of the norm. The direction of the hyperplane is w alone.",
)
def distance_with_the_bias_in_the_norm(x, w, b):
    distance_to_hyperplane(x, w, b)  # refuses what cannot be used
    return (x @ w + b).abs() / (w.square().sum() + b * b).sqrt()


@mistake("distance_to_hyperplane", "The bias is missing from the score.")
def distance_without_the_bias(x, w, b):
    return distance_to_hyperplane(x, w, b * 0)


@mistake(
    "distance_to_hyperplane",
    "You divided by the sum of |w|. The length of w is the root of the sum of its squares.",
)
def distance_with_the_sum_of_absolute_values(x, w, b):
    distance_to_hyperplane(x, w, b)  # refuses what cannot be used
    return (x @ w + b).abs() / w.abs().sum()


@mistake(
    "distance_to_hyperplane",
    "You divided by the length of each sample. It is w that has to have length 1.",
)
def distance_divided_by_the_samples(x, w, b):
    distance_to_hyperplane(x, w, b)  # refuses what cannot be used
    return (x @ w + b).abs() / x.square().sum(1).sqrt()


# fit_primal ---------------------------------------------------------------------------------------


@mistake(
    "fit_primal",
    "You update when the score is below 0, not when it is 0. At the start every score is 0, so "
    "nothing is ever learned.",
)
def primal_needs_a_negative_score(x, y, *, lr=1.0, max_epochs=100):
    return learn(
        x,
        y,
        lr,
        max_epochs,
        lambda label, score: label * score < 0,
        lambda w, b, s, t: (w + lr * t * s, b + lr * t),
    )


@mistake(
    "fit_primal",
    "You compare predict's label with the true one. A sample on the hyperplane then counts as "
    "right if its label is +1; the rule updates on it whatever its label.",
)
def primal_compares_predictions(x, y, *, lr=1.0, max_epochs=100):
    return learn(
        x,
        y,
        lr,
        max_epochs,
        lambda label, score: (score >= 0) != (label > 0),
        lambda w, b, s, t: (w + lr * t * s, b + lr * t),
    )


@mistake(
    "fit_primal",
    "You update until every sample has y (w . x + b) of at least 1, as a support vector machine "
    "does. The perceptron is content as soon as it is positive.",
)
def primal_wants_a_margin(x, y, *, lr=1.0, max_epochs=100):
    return learn(
        x,
        y,
        lr,
        max_epochs,
        lambda label, score: label * score < 1,
        lambda w, b, s, t: (w + lr * t * s, b + lr * t),
    )


@mistake("fit_primal", "The bias is never updated: your hyperplane stays at the origin.")
def primal_keeps_the_bias(x, y, *, lr=1.0, max_epochs=100):
    return learn(x, y, lr, max_epochs, on_the_wrong_side, lambda w, b, s, t: (w + lr * t * s, b))


@mistake(
    "fit_primal", "The bias moves by the learning rate times the label; you left out the label."
)
def primal_bias_ignores_the_label(x, y, *, lr=1.0, max_epochs=100):
    return learn(
        x, y, lr, max_epochs, on_the_wrong_side, lambda w, b, s, t: (w + lr * t * s, b + lr)
    )


@mistake("fit_primal", "The learning rate applies to the bias as well.")
def primal_bias_ignores_the_learning_rate(x, y, *, lr=1.0, max_epochs=100):
    return learn(
        x, y, lr, max_epochs, on_the_wrong_side, lambda w, b, s, t: (w + lr * t * s, b + t)
    )


@mistake("fit_primal", "The learning rate is not used: each update is as if it were 1.")
def primal_ignores_the_learning_rate(x, y, *, lr=1.0, max_epochs=100):
    return learn(x, y, lr, max_epochs, on_the_wrong_side, lambda w, b, s, t: (w + t * s, b + t))


@mistake("fit_primal", "The label is missing from the update of w, so all samples pull one way.")
def primal_weights_ignore_the_label(x, y, *, lr=1.0, max_epochs=100):
    return learn(
        x, y, lr, max_epochs, on_the_wrong_side, lambda w, b, s, t: (w + lr * s, b + lr * t)
    )


@mistake("fit_primal", "You move away from the sample: the update is added, not subtracted.")
def primal_moves_away(x, y, *, lr=1.0, max_epochs=100):
    return learn(
        x, y, lr, max_epochs, on_the_wrong_side, lambda w, b, s, t: (w - lr * t * s, b - lr * t)
    )


@mistake(
    "fit_primal",
    "Each of your steps is twice as long as it should be, as it comes out of lr (y - prediction) x "
    "with labels -1 and +1.",
)
def primal_steps_twice_as_far(x, y, *, lr=1.0, max_epochs=100):
    return learn(
        x,
        y,
        lr,
        max_epochs,
        on_the_wrong_side,
        lambda w, b, s, t: (w + 2 * lr * t * s, b + 2 * lr * t),
    )


@mistake("fit_primal", "The bias starts at 1; weights and bias both start at 0.")
def primal_bias_starts_at_one(x, y, *, lr=1.0, max_epochs=100):
    return learn(
        x,
        y,
        lr,
        max_epochs,
        on_the_wrong_side,
        lambda w, b, s, t: (w + lr * t * s, b + lr * t),
        start=1.0,
    )


@mistake(
    "fit_primal",
    "You judge all samples of an epoch by the same weights and apply the updates at its end. Each "
    "must be in place before the next sample is looked at.",
)
def primal_updates_at_the_end_of_the_epoch(x, y, *, lr=1.0, max_epochs=100):
    require_training(x, y, lr=lr, max_epochs=max_epochs)
    w, b = x.new_zeros(x.shape[1]), x.new_zeros(())
    for _ in range(max_epochs):
        moved = y * (y * (x @ w + b) <= 0)
        if not moved.any():
            return w, b, True
        w, b = w + lr * (moved @ x), b + lr * moved.sum()
    return w, b, False


@mistake(
    "fit_primal",
    "You report convergence if all samples are right in the end. It has converged only if a whole "
    "epoch went by without an update.",
)
def primal_checks_the_result(x, y, *, lr=1.0, max_epochs=100):
    w, b, _ = learn(
        x,
        y,
        lr,
        max_epochs,
        on_the_wrong_side,
        lambda w, b, s, t: (w + lr * t * s, b + lr * t),
    )
    return w, b, bool((y * (x @ w + b) > 0).all())


@mistake(
    "fit_primal",
    "You stop at the first sample that is on its right side. Only a whole epoch without an update "
    "ends the training.",
)
def primal_stops_at_the_first_right_sample(x, y, *, lr=1.0, max_epochs=100):
    require_training(x, y, lr=lr, max_epochs=max_epochs)
    w, b = x.new_zeros(x.shape[1]), x.new_zeros(())
    for _ in range(max_epochs):
        for sample, label in zip(x, y, strict=True):
            if label * (sample @ w + b) > 0:
                return w, b, True
            w, b = w + lr * label * sample, b + lr * label
    return w, b, False


@mistake(
    "fit_primal",
    "You make one epoch too few: max_epochs is the number of passes allowed.",
)
def primal_makes_one_epoch_too_few(x, y, *, lr=1.0, max_epochs=100):
    require_training(x, y, lr=lr, max_epochs=max_epochs)
    w, b, converged = x.new_zeros(x.shape[1]), x.new_zeros(()), False
    for _ in range(1, max_epochs):
        converged = True
        for sample, label in zip(x, y, strict=True):
            if label * (sample @ w + b) <= 0:
                w, b, converged = w + lr * label * sample, b + lr * label, False
        if converged:
            break
    return w, b, converged


# gram_matrix --------------------------------------------------------------------------------------


@mistake(
    "gram_matrix",
    "You computed x^T x, the (D, D) matrix of inner products of the features. The Gram matrix "
    "compares samples and is (N, N).",
)
def gram_of_the_features(x):
    gram_matrix(x)  # refuses what cannot be used
    return x.T @ x


@mistake(
    "gram_matrix",
    "You subtracted the mean of the samples first. The Gram matrix is made of the samples as they "
    "are.",
)
def gram_of_centred_samples(x):
    return gram_matrix(x - x.mean(0))


@mistake(
    "gram_matrix",
    "You computed distances between the samples. The Gram matrix holds inner products.",
)
def gram_of_squared_distances(x):
    gram = gram_matrix(x)
    return gram.diag()[:, None] + gram.diag() - 2 * gram


@mistake(
    "gram_matrix",
    "You divided by the lengths of the samples, which gives the cosines of the angles. The inner "
    "products are not normalised.",
)
def gram_of_cosines(x):
    length = gram_matrix(x).diag().clamp(min=1e-12).sqrt()
    return gram_matrix(x) / length / length[:, None]


@mistake(
    "gram_matrix",
    "You added 1 to each inner product, for the bias. The bias is kept apart here.",
)
def gram_with_the_bias(x):
    return gram_matrix(x) + 1


@mistake(
    "gram_matrix",
    "Only half of your matrix is filled. It is symmetric: G[i, j] is G[j, i].",
)
def gram_of_one_triangle(x):
    return gram_matrix(x).tril()


# fit_dual -----------------------------------------------------------------------------------------


@mistake(
    "fit_dual",
    "You update when the score is below 0, not when it is 0. At the start every score is 0, so "
    "nothing is ever learned.",
)
def dual_needs_a_negative_score(x, y, *, lr=1.0, max_epochs=100):
    return learn_dual(
        x,
        y,
        lr,
        max_epochs,
        lambda alpha, g: (alpha * y) @ g,
        lambda alpha, b, n: (raised(alpha, n, lr), b + lr * y[n]),
        wrong=lambda label, score: label * score < 0,
    )


@mistake(
    "fit_dual",
    "You multiplied the update of alpha by the label. Alpha counts mistakes and is never negative; "
    "the label is in the score already.",
)
def dual_alpha_has_the_label(x, y, *, lr=1.0, max_epochs=100):
    return learn_dual(
        x,
        y,
        lr,
        max_epochs,
        lambda alpha, g: (alpha * y) @ g,
        lambda alpha, b, n: (raised(alpha, n, lr * y[n]), b + lr * y[n]),
    )


@mistake(
    "fit_dual",
    "The labels are missing from the score: each sample counts with alpha times its label.",
)
def dual_score_ignores_the_labels(x, y, *, lr=1.0, max_epochs=100):
    return learn_dual(
        x,
        y,
        lr,
        max_epochs,
        lambda alpha, g: alpha @ g,
        lambda alpha, b, n: (raised(alpha, n, lr), b + lr * y[n]),
    )


@mistake("fit_dual", "The bias moves by the learning rate times the label; you left out the label.")
def dual_bias_ignores_the_label(x, y, *, lr=1.0, max_epochs=100):
    return learn_dual(
        x,
        y,
        lr,
        max_epochs,
        lambda alpha, g: (alpha * y) @ g,
        lambda alpha, b, n: (raised(alpha, n, lr), b + lr),
    )


@mistake(
    "fit_dual",
    "You move the bias by the sample's alpha times its label. Each update moves it by the learning "
    "rate times the label.",
)
def dual_bias_moves_by_alpha(x, y, *, lr=1.0, max_epochs=100):
    return learn_dual(
        x,
        y,
        lr,
        max_epochs,
        lambda alpha, g: (alpha * y) @ g,
        lambda alpha, b, n: (raised(alpha, n, lr), b + (alpha[n] + lr) * y[n]),
    )


@mistake("fit_dual", "The bias is never updated.")
def dual_keeps_the_bias(x, y, *, lr=1.0, max_epochs=100):
    return learn_dual(
        x,
        y,
        lr,
        max_epochs,
        lambda alpha, g: (alpha * y) @ g,
        lambda alpha, b, n: (raised(alpha, n, lr), b),
    )


@mistake("fit_dual", "Alpha rises by 1; it has to rise by the learning rate.")
def dual_alpha_ignores_the_learning_rate(x, y, *, lr=1.0, max_epochs=100):
    return learn_dual(
        x,
        y,
        lr,
        max_epochs,
        lambda alpha, g: (alpha * y) @ g,
        lambda alpha, b, n: (raised(alpha, n, 1.0), b + lr * y[n]),
    )


@mistake("fit_dual", "The learning rate applies to the bias as well.")
def dual_bias_ignores_the_learning_rate(x, y, *, lr=1.0, max_epochs=100):
    return learn_dual(
        x,
        y,
        lr,
        max_epochs,
        lambda alpha, g: (alpha * y) @ g,
        lambda alpha, b, n: (raised(alpha, n, lr), b + y[n]),
    )


@mistake(
    "fit_dual",
    "You set alpha to the learning rate instead of raising it, so a second mistake on the same "
    "sample changes nothing.",
)
def dual_alpha_is_set(x, y, *, lr=1.0, max_epochs=100):
    return learn_dual(
        x,
        y,
        lr,
        max_epochs,
        lambda alpha, g: (alpha * y) @ g,
        lambda alpha, b, n: (raised(alpha, n, lr - alpha[n]), b + lr * y[n]),
    )


@mistake(
    "fit_dual",
    "The bias is missing from the score by which you decide: a sample is judged by the sum and b.",
)
def dual_decides_without_the_bias(x, y, *, lr=1.0, max_epochs=100):
    require_training(x, y, lr=lr, max_epochs=max_epochs)
    gram, alpha, b = gram_matrix(x), x.new_zeros(len(x)), x.new_zeros(())
    for _ in range(max_epochs):
        converged = True
        for n in range(len(x)):
            if y[n] * ((alpha * y) @ gram[:, n]) <= 0:
                alpha, b, converged = raised(alpha, n, lr), b + lr * y[n], False
        if converged:
            break
    return alpha, b, converged


@mistake(
    "fit_dual",
    "You judge all samples of an epoch by the same alpha and apply the updates at its end. Each "
    "must be in place before the next sample is looked at.",
)
def dual_updates_at_the_end_of_the_epoch(x, y, *, lr=1.0, max_epochs=100):
    require_training(x, y, lr=lr, max_epochs=max_epochs)
    gram, alpha, b = gram_matrix(x), x.new_zeros(len(x)), x.new_zeros(())
    for _ in range(max_epochs):
        wrong = y * ((alpha * y) @ gram + b) <= 0
        if not wrong.any():
            return alpha, b, True
        alpha, b = alpha + lr * wrong, b + lr * (wrong * y).sum()
    return alpha, b, False


@mistake(
    "fit_dual",
    "You report convergence if all samples are right in the end. It has converged only if a whole "
    "epoch went by without an update.",
)
def dual_checks_the_result(x, y, *, lr=1.0, max_epochs=100):
    alpha, b, _ = learn_dual(
        x,
        y,
        lr,
        max_epochs,
        lambda alpha, g: (alpha * y) @ g,
        lambda alpha, b, n: (raised(alpha, n, lr), b + lr * y[n]),
    )
    return alpha, b, bool((y * ((alpha * y) @ gram_matrix(x) + b) > 0).all())


# dual_to_primal -----------------------------------------------------------------------------------


@mistake(
    "dual_to_primal",
    "The labels are missing: a sample pulls w towards itself or away from itself, depending on its "
    "label.",
)
def weights_without_the_labels(alpha, x, y):
    return dual_to_primal(alpha, x, y.abs())


@mistake("dual_to_primal", "You took the mean over the samples; the weights are a sum.")
def weights_are_a_mean(alpha, x, y):
    return dual_to_primal(alpha, x, y) / len(x)


@mistake("dual_to_primal", "Alpha is missing: each sample counts as often as it was wrong.")
def weights_without_alpha(alpha, x, y):
    dual_to_primal(alpha, x, y)  # refuses what cannot be used
    return dual_to_primal(torch.ones_like(alpha), x, y)


@mistake(
    "dual_to_primal",
    "Each sample with an alpha above 0 counts once with you; it counts alpha times.",
)
def weights_count_each_sample_once(alpha, x, y):
    dual_to_primal(alpha, x, y)  # refuses what cannot be used
    return dual_to_primal((alpha > 0).to(x.dtype), x, y)


@mistake(
    "dual_to_primal",
    "You scaled the weights to length 1. They are the sum as it is; together with b it describes "
    "the hyperplane.",
)
def weights_of_length_one(alpha, x, y):
    w = dual_to_primal(alpha, x, y)
    return w / w.square().sum().sqrt().clamp(min=1e-12)


# On a second device -------------------------------------------------------------------------------


@mistake(
    "predict",
    "You bring the labels to the CPU before you return them: leave them on the device of x, which "
    "is where the caller goes on with them.",
    on="cuda",
)
def labels_are_brought_to_the_cpu(x, w, b):
    return predict(x, w, b).cpu()


@mistake(
    "fit_primal",
    "The weights start on the CPU: give torch.zeros the device of x, as you gave it the dtype.",
    on="cuda",
)
def weights_start_on_the_cpu(x, y, *, lr=1.0, max_epochs=100):
    require_training(x, y, lr=lr, max_epochs=max_epochs)
    w, b = torch.zeros(x.shape[1], dtype=x.dtype), x.new_zeros(())
    for _ in range(max_epochs):
        converged = True
        for sample, label in zip(x, y, strict=True):
            if label * (sample @ w + b) <= 0:
                w, b = w + lr * label * sample, b + lr * label
                converged = False
        if converged:
            break
    return w, b, converged


@mistake(
    "gram_matrix",
    "You go through NumPy, which knows the CPU only: multiply the tensors themselves.",
    on="cuda",
)
def gram_matrix_in_numpy(x):
    gram_matrix(x)  # refuses what cannot be used
    rows = x.numpy()
    return torch.from_numpy(rows @ rows.T)


@mistake(
    "fit_dual",
    'You wrote the device "cpu" into your code, so that alpha starts there: ask x for its device.',
    on="cuda",
)
def alpha_is_always_on_the_cpu(x, y, *, lr=1.0, max_epochs=100):
    require_training(x, y, lr=lr, max_epochs=max_epochs)
    gram, b = gram_matrix(x), x.new_zeros(())
    alpha = torch.zeros(len(x), dtype=x.dtype, device="cpu")
    for _ in range(max_epochs):
        converged = True
        for n in range(len(x)):
            if y[n] * ((alpha * y) @ gram[:, n] + b) <= 0:
                alpha, b, converged = raised(alpha, n, lr), b + lr * y[n], False
        if converged:
            break
    return alpha, b, converged
