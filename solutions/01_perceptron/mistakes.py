"""Known wrong implementations of unit 1, and what to tell those who wrote them."""

from perceptron import distance_to_hyperplane, dual_to_primal, gram_matrix

from autograder.testing import mistake

# predict ------------------------------------------------------------------------------------------

predict_with_a_sign_that_is_zero = mistake(
    "predict",
    "You return 0 for a point on the hyperplane, as torch.sign does. 0 is no label: "
    "sign(0) is +1 here.",
    change={"torch.where(x @ w + b >= 0, 1.0, -1.0).to(x.dtype)": "torch.sign(x @ w + b)"},
)

predict_minus_one_on_the_hyperplane = mistake(
    "predict",
    "You give -1 to a point on the hyperplane; the convention is sign(0) = +1.",
    change={">= 0": "> 0"},
)

predict_without_the_bias = mistake(
    "predict",
    "The bias is missing: your hyperplane goes through the origin.",
    change={"x @ w + b": "x @ w"},
)

predict_subtracts_the_bias = mistake(
    "predict",
    "You subtract the bias; the hyperplane is where w . x + b is 0.",
    change={"x @ w + b": "x @ w - b"},
)

predict_returns_the_scores = mistake(
    "predict",
    "You return the scores. The labels are their signs, -1 and +1.",
    change={"torch.where(x @ w + b >= 0, 1.0, -1.0).to(x.dtype)": "x @ w + b"},
)

predict_returns_zero_and_one = mistake(
    "predict",
    "You return 0 for the negative class; its label is -1.",
    change={"-1.0": "0.0"},
)

predict_the_other_side = mistake(
    "predict",
    "You return the labels with the opposite signs.",
    change={"1.0, -1.0": "-1.0, 1.0"},
)

# distance_to_hyperplane ---------------------------------------------------------------------------

distance_with_a_sign = mistake(
    "distance_to_hyperplane",
    "Your distances are negative on one side. A distance is the absolute value.",
    change={".abs()": ""},
)

distance_is_the_score = mistake(
    "distance_to_hyperplane",
    "You did not divide by the length of w. Multiplying w and b by 7 does not move the hyperplane, "
    "so it must not change a distance.",
    change={" / w.square().sum().sqrt()": ""},
)

distance_divided_by_the_square = mistake(
    "distance_to_hyperplane",
    "You divided by the squared length of w; it is the length.",
    change={".sqrt()": ""},
)


@mistake(
    "distance_to_hyperplane",
    "You divided w . x by the length of w, but not b. The whole score has to be divided.",
)
def distance_with_the_bias_undivided(x, w, b):
    length = w.square().sum().sqrt()
    return distance_to_hyperplane(x, w / length, b)


distance_with_the_bias_in_the_norm = mistake(
    "distance_to_hyperplane",
    "You counted b as part of the norm. The direction of the hyperplane is w alone.",
    change={"w.square().sum()": "(w.square().sum() + b * b)"},
)

distance_without_the_bias = mistake(
    "distance_to_hyperplane",
    "The bias is missing from the score.",
    change={"x @ w + b": "x @ w"},
)

distance_with_the_sum_of_absolute_values = mistake(
    "distance_to_hyperplane",
    "You divided by the sum of |w|. The length of w is the root of the sum of its squares.",
    change={"w.square().sum().sqrt()": "w.abs().sum()"},
)

distance_divided_by_the_samples = mistake(
    "distance_to_hyperplane",
    "You divided by the length of each sample. It is w that has to have length 1.",
    change={"w.square().sum()": "x.square().sum(1)"},
)

# fit_primal ---------------------------------------------------------------------------------------

primal_needs_a_negative_score = mistake(
    "fit_primal",
    "You never update, and return the start as converged. At the start y (w . x + b) is 0"
    " for every sample, and 0 has to count as wrong.",
    change={"<= 0": "< 0"},
)

primal_compares_predictions = mistake(
    "fit_primal",
    "You compare predict's label with the true one. A sample on the hyperplane then counts as "
    "right if its label is +1; the rule updates on it whatever its label.",
    change={"label * (sample @ w + b) <= 0": "(sample @ w + b >= 0) != (label > 0)"},
)

primal_wants_a_margin = mistake(
    "fit_primal",
    "You update until every sample has y (w . x + b) of at least 1, as a support vector machine "
    "does. The perceptron is content as soon as it is positive.",
    change={"<= 0": "< 1"},
)

primal_keeps_the_bias = mistake(
    "fit_primal",
    "The bias is never updated: your hyperplane always goes through the origin.",
    change={"b + lr * label": "b"},
)

primal_bias_ignores_the_label = mistake(
    "fit_primal",
    "The bias moves by the learning rate times the label; you left out the label.",
    change={"b + lr * label": "b + lr"},
)

primal_bias_ignores_the_learning_rate = mistake(
    "fit_primal",
    "The learning rate applies to the bias as well.",
    change={"b + lr * label": "b + label"},
)

primal_ignores_the_learning_rate = mistake(
    "fit_primal",
    "The learning rate is not used: each update is as if it were 1.",
    change={"w + lr * label": "w + label", "b + lr * label": "b + label"},
)

primal_weights_ignore_the_label = mistake(
    "fit_primal",
    "The label is missing from the update of w, so all samples pull one way.",
    change={"lr * label * sample": "lr * sample"},
)

primal_moves_away = mistake(
    "fit_primal",
    "Your updates have the wrong sign: w moves by +lr y x and b by +lr y, so that y (w . "
    "x + b) of the sample grows. With you it falls.",
    change={"w + lr": "w - lr", "b + lr": "b - lr"},
)

primal_steps_twice_as_far = mistake(
    "fit_primal",
    "Each of your steps is twice as long as it should be, as it comes out of lr (y - prediction) x "
    "with labels -1 and +1.",
    change={"w + lr": "w + 2 * lr", "b + lr": "b + 2 * lr"},
)

primal_bias_starts_at_one = mistake(
    "fit_primal",
    "The bias starts at 1; weights and bias both start at 0.",
    change={"x.new_zeros(())": "x.new_ones(())"},
)

primal_updates_at_the_end_of_the_epoch = mistake(
    "fit_primal",
    "You judge all samples of an epoch by the same weights and apply the updates at its end. Each "
    "must be in place before the next sample is looked at.",
    change={
        "converged = True": "converged, old_w, old_b = True, w, b",
        "sample @ w + b": "sample @ old_w + old_b",
    },
)

primal_checks_the_result = mistake(
    "fit_primal",
    "You report convergence if all samples are right in the end. It has converged only if a whole "
    "epoch went by without an update.",
    change={"b, converged": "b, bool((y * (x @ w + b) > 0).all())"},
)

primal_stops_at_the_first_right_sample = mistake(
    "fit_primal",
    "You stop at the first sample that is on its right side. Only a whole epoch without an update "
    "ends the training.",
    change={"= False": "= False\n            else:\n                return w, b, True"},
)

primal_makes_one_epoch_too_few = mistake(
    "fit_primal",
    "You make one epoch too few: max_epochs is the number of passes allowed.",
    change={
        "x.new_zeros(())": "x.new_zeros(())\n    converged = False",
        "range(max_epochs)": "range(max_epochs - 1)",
    },
)

# gram_matrix --------------------------------------------------------------------------------------

gram_of_the_features = mistake(
    "gram_matrix",
    "You computed x^T x, the (D, D) matrix of inner products of the features. The Gram matrix "
    "compares samples and is (N, N).",
    change={"x @ x.T": "x.T @ x"},
)


@mistake(
    "gram_matrix",
    "You subtracted the mean of the samples first. The Gram matrix is made of the samples as they "
    "are.",
)
def gram_of_centred_samples(x):
    return gram_matrix(x - x.mean(0))


gram_of_squared_distances = mistake(
    "gram_matrix",
    "You computed the squared distances between the samples. The Gram matrix holds inner products.",
    change={"x @ x.T": "(x[:, None] - x).square().sum(2)"},
)

gram_of_cosines = mistake(
    "gram_matrix",
    "You divided by the lengths of the samples, which gives the cosines of the angles. The inner "
    "products are not normalised.",
    change={
        "return": "x = x / x.square().sum(1, keepdim=True).clamp(min=1e-12).sqrt()\n    return"
    },
)

gram_with_the_bias = mistake(
    "gram_matrix",
    "You added 1 to each inner product, for the bias. The bias is kept apart here.",
    change={"x @ x.T": "x @ x.T + 1"},
)

gram_of_one_triangle = mistake(
    "gram_matrix",
    "Only half of your matrix is filled. It is symmetric: G[i, j] is G[j, i].",
    change={"x @ x.T": "(x @ x.T).tril()"},
)

# fit_dual -----------------------------------------------------------------------------------------

dual_needs_a_negative_score = mistake(
    "fit_dual",
    "You never update, and return the start as converged. At the start y times the score "
    "is 0 for every sample, and 0 has to count as wrong.",
    change={"<= 0": "< 0"},
)

dual_alpha_has_the_label = mistake(
    "fit_dual",
    "You multiplied the update of alpha by the label. Alpha counts mistakes and is never negative; "
    "the label is in the score already.",
    change={"alpha[n] += lr": "alpha[n] += lr * y[n]"},
)

dual_score_ignores_the_labels = mistake(
    "fit_dual",
    "The labels are missing from the score: each sample counts with alpha times its label.",
    change={"(alpha * y) @": "alpha @"},
)

dual_bias_ignores_the_label = mistake(
    "fit_dual",
    "The bias moves by the learning rate times the label; you left out the label.",
    change={"b + lr * y[n]": "b + lr"},
)

dual_bias_moves_by_alpha = mistake(
    "fit_dual",
    "You move the bias by the sample's alpha times its label. Each update moves it by the learning "
    "rate times the label.",
    change={"b + lr * y[n]": "b + alpha[n] * y[n]"},
)

dual_keeps_the_bias = mistake(
    "fit_dual",
    "The bias is never updated.",
    change={"b + lr * y[n]": "b"},
)

dual_alpha_ignores_the_learning_rate = mistake(
    "fit_dual",
    "Alpha rises by 1; it has to rise by the learning rate.",
    change={"alpha[n] += lr": "alpha[n] += 1"},
)

dual_bias_ignores_the_learning_rate = mistake(
    "fit_dual",
    "The learning rate applies to the bias as well.",
    change={"b + lr * y[n]": "b + y[n]"},
)

dual_alpha_is_set = mistake(
    "fit_dual",
    "You set alpha to the learning rate instead of raising it, so a second mistake on the"
    " same sample leaves alpha as it is.",
    change={"alpha[n] += lr": "alpha[n] = lr"},
)

dual_decides_without_the_bias = mistake(
    "fit_dual",
    "The bias is missing from the score by which you decide: a sample is judged by the sum and b.",
    change={"gram[:, n] + b": "gram[:, n]"},
)

dual_updates_at_the_end_of_the_epoch = mistake(
    "fit_dual",
    "You judge all samples of an epoch by the same alpha and apply the updates at its end. Each "
    "must be in place before the next sample is looked at.",
    change={
        "converged = True": "converged, old_alpha, old_b = True, alpha.clone(), b",
        "(alpha * y) @ gram[:, n] + b": "(old_alpha * y) @ gram[:, n] + old_b",
    },
)

dual_checks_the_result = mistake(
    "fit_dual",
    "You report convergence if all samples are right in the end. It has converged only if a whole "
    "epoch went by without an update.",
    change={"b, converged": "b, bool((y * ((alpha * y) @ gram + b) > 0).all())"},
)

# dual_to_primal -----------------------------------------------------------------------------------

weights_without_the_labels = mistake(
    "dual_to_primal",
    "The labels are missing: a sample pulls w towards itself or away from itself, depending on its "
    "label.",
    change={"(alpha * y)": "alpha"},
)

weights_are_a_mean = mistake(
    "dual_to_primal",
    "You took the mean over the samples; the weights are a sum.",
    change={"(alpha * y) @ x": "(alpha * y) @ x / len(x)"},
)

weights_without_alpha = mistake(
    "dual_to_primal",
    "Alpha is missing: a sample counts alpha times.",
    change={"(alpha * y)": "y"},
)

weights_count_each_sample_once = mistake(
    "dual_to_primal",
    "Each sample with an alpha above 0 counts once with you; it counts alpha times.",
    change={"alpha * y": "(alpha > 0) * y"},
)


@mistake(
    "dual_to_primal",
    "You scaled the weights to length 1. They are the sum as it is; together with b it describes "
    "the hyperplane.",
)
def weights_of_length_one(alpha, x, y):
    w = dual_to_primal(alpha, x, y)
    return w / w.square().sum().sqrt().clamp(min=1e-12)


# On a second device -------------------------------------------------------------------------------

labels_are_brought_to_the_cpu = mistake(
    "predict",
    "The labels that you return are on the CPU: they belong on the device of x, where the"
    " caller goes on with them.",
    change={".to(x.dtype)": ".to(x.dtype).cpu()"},
    on="cuda",
)

weights_start_on_the_cpu = mistake(
    "fit_primal",
    "The weights start on the CPU: give torch.zeros the device of x, as you gave it the dtype.",
    change={"x.new_zeros(x.shape[1])": "torch.zeros(x.shape[1], dtype=x.dtype)"},
    on="cuda",
)

gram_matrix_in_numpy = mistake(
    "gram_matrix",
    "You go through NumPy, which knows the CPU only: multiply the tensors themselves.",
    change={"x @ x.T": "torch.from_numpy(x.numpy() @ x.numpy().T)"},
    on="cuda",
)

alpha_is_always_on_the_cpu = mistake(
    "fit_dual",
    "Alpha starts on the CPU: make it on the device of x.",
    change={"x.new_zeros(len(x))": 'x.new_zeros(len(x), device="cpu")'},
    on="cuda",
)
