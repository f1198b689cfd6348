"""Known wrong implementations of unit 13: each replaces one function of the reference.

Most are small changes of its text. Where a function is called by the name that it replaces, it
gives the reference's own answers. A mistake brings its own state: the steps of an optimiser are
always of one kind.
"""

import torch
from optimisers import exponential_moving_average, minibatches

from autograder.testing import mistake

# --- gradient_descent -------------------------------------------------------------------------

climbs = mistake(
    "gradient_descent",
    "You went up the gradient: it points where the function rises, so it has to be subtracted.",
    change={"- lr": "+ lr"},
)

start_is_missing = mistake(
    "gradient_descent",
    "The starting point is missing from your result, which begins with x0 and has steps + 1 rows.",
    change={"torch.stack(points)": "torch.stack(points)[1:]"},
)

last_step_is_missing = mistake(
    "gradient_descent",
    "You took one step too few: the result holds x0 and the point after each of the steps.",
    change={"range(steps)": "range(steps - 1)"},
)

all_points_are_one_tensor = mistake(
    "gradient_descent",
    "All your points are the last one. Keep the point after each step, as a tensor of its own.",
    change={"torch.stack(points)": "torch.stack(points[-1:] * len(points))"},
)

gradient_stays_at_the_start = mistake(
    "gradient_descent",
    "You took the gradient at x0 in every step. It belongs to the point where you are.",
    change={"grad(points[-1])": "grad(x0)"},
)

learning_rate_decays = mistake(
    "gradient_descent",
    "You divided the learning rate by the number of the step. Here it is the same in every step.",
    change={"for _ in range(steps)": "for k in range(1, steps + 1)", "lr *": "lr / k *"},
)

gradient_is_normalised = mistake(
    "gradient_descent",
    "You divided the gradient by its norm, so that all steps have the length lr. The step is lr "
    "times the gradient as it is.",
    change={"grad(points[-1])": "(g := grad(points[-1])) / g.norm()"},
)

only_the_last_point = mistake(
    "gradient_descent",
    "You returned the last point only: all points that were visited are asked for.",
    change={"torch.stack(points)": "points[-1]"},
)

# --- minibatches ------------------------------------------------------------------------------

last_batch_is_dropped = mistake(
    "minibatches",
    "You dropped the last batch because it is smaller. Every index occurs once, so it has to stay.",
    change={".split(batch_size))": ".split(batch_size))[: n // batch_size]"},
)

drawn_with_replacement = mistake(
    "minibatches",
    "You drew with replacement, so some samples come twice and others not at all. Shuffle the "
    "indices and cut them up.",
    change={"torch.randperm(n,": "torch.randint(n, (n,),"},
)

not_shuffled = mistake(
    "minibatches",
    "You did not shuffle: the samples come in the order in which they are.",
    change={"torch.randperm(n, generator=generator)": "torch.arange(n)"},
)


@mistake(
    "minibatches",
    "You shuffled the batches and not the samples: neighbours stay together. Shuffle first, then "
    "cut.",
)
def only_batches_are_shuffled(n, *, batch_size, seed):
    batches = torch.arange(n).split(batch_size)
    return [batches[i] for i in minibatches(len(batches), batch_size=1, seed=seed)]


seed_is_ignored = mistake(
    "minibatches",
    "The seed makes no difference in your code: each seed must give an order of its own.",
    change={"manual_seed(seed)": "manual_seed(0)"},
)

batch_size_is_the_number_of_batches = mistake(
    "minibatches",
    "You took batch_size for the number of batches. It is the number of samples in each.",
    change={".split": ".tensor_split"},
)

indices_count_from_one = mistake(
    "minibatches",
    "Your indices run from 1 to n: they count from 0.",
    change={".split": ".add(1).split"},
)

last_batch_is_filled_up = mistake(
    "minibatches",
    "You filled up the last batch with indices that had their turn before. Each index occurs "
    "once, and the last batch is smaller.",
    change={".split": "[torch.arange(n + -n % batch_size) % n].split"},
)

# --- sgd --------------------------------------------------------------------------------------

sgd_climbs = mistake(
    "sgd",
    "You added the gradient: it points uphill, so it has to be subtracted.",
    change={"w - lr": "w + lr"},
)

sgd_works_in_place = mistake(
    "sgd",
    "You changed w or grad in place: make new tensors, and leave the caller's as they are.",
    change={"w - lr * grad": "w.sub_(lr * grad)"},
)

sgd_ignores_the_learning_rate = mistake(
    "sgd",
    "You forgot the learning rate: the step is lr times the gradient.",
    change={"lr * grad": "grad"},
)

sgd_uses_the_sign = mistake(
    "sgd",
    "You stepped by lr times the sign of the gradient: its size counts, too.",
    change={"lr * grad": "lr * grad.sign()"},
)

sgd_normalises = mistake(
    "sgd",
    "You divided the gradient by its norm: the step is lr times the gradient as it is.",
    change={"lr * grad": "lr * grad / grad.norm().clamp(min=1e-30)"},
)

sgd_decays = mistake(
    "sgd",
    "You let the learning rate decay from step to step. Here it is what the caller says.",
    change={"lr * grad, state": "lr / (t := (state or 0) + 1) * grad, t"},
)

# --- exponential_moving_average ---------------------------------------------------------------

average_swaps_gamma = mistake(
    "exponential_moving_average",
    "You swapped gamma and 1 - gamma: gamma is what is kept of the past.",
    change={"gamma * y + (1 - gamma) * x": "(1 - gamma) * y + gamma * x"},
)

average_starts_from_the_first_value = mistake(
    "exponential_moving_average",
    "You started from the first value. Here the average starts from 0; that is what the bias "
    "correction is for.",
    change={"torch.zeros_like(xs[0])": "xs[0]"},
)

correction_is_fed_back = mistake(
    "exponential_moving_average",
    "You fed the corrected value back into the recursion. The recursion goes on with the "
    "uncorrected one; only what is read off is corrected.",
    change={"append(y /": "append(y := y /"},
)

correction_counts_from_zero = mistake(
    "exponential_moving_average",
    "You counted t from 0 in the correction, where 1 - gamma^0 is 0. The first value is t = 1.",
    change={"enumerate(xs, start=1)": "enumerate(xs)"},
)

correction_does_not_count = mistake(
    "exponential_moving_average",
    "You divided by 1 - gamma in every step. The sum of the weights after t steps is "
    "1 - gamma^t, which depends on t.",
    change={"gamma**t": "gamma"},
)

correction_is_that_of_the_last = mistake(
    "exponential_moving_average",
    "You corrected all values by the sum of the weights after the last step. Each has its own.",
    change={"gamma**t": "gamma ** len(xs)"},
)

bias_is_always_corrected = mistake(
    "exponential_moving_average",
    "You corrected the bias though nobody asked for it.",
    change={" if bias_correction else y": ""},
)

bias_is_never_corrected = mistake(
    "exponential_moving_average",
    "You never correct the bias, even if bias_correction is True.",
    change={"y / (1 - gamma**t) if bias_correction else y": "y"},
)

average_is_a_sum = mistake(
    "exponential_moving_average",
    "The factor 1 - gamma in front of the new value is missing, so this is a fading sum and no "
    "average.",
    change={"(1 - gamma) * x": "x"},
)


@mistake(
    "exponential_moving_average",
    "You averaged along the last axis: time is the first.",
)
def average_runs_along_the_last_axis(xs, *, gamma, bias_correction=False):
    turned = xs.movedim(-1, 0)
    ys = exponential_moving_average(turned, gamma=gamma, bias_correction=bias_correction)
    return ys.movedim(0, -1)


only_the_last_average = mistake(
    "exponential_moving_average",
    "You returned the last average only: one for each value is asked for.",
    change={"torch.stack(ys)": "ys[-1]"},
)

# --- momentum ---------------------------------------------------------------------------------

velocity_without_learning_rate = mistake(
    "momentum",
    "You left the learning rate out of v and multiplied by it at the end, as PyTorch does. Here "
    "v contains it; when lr changes from step to step, the two differ.",
    change={"lr * grad": "grad", "w - v": "w - lr * v"},
)

gradient_is_damped = mistake(
    "momentum",
    "You damped the gradient by 1 - momentum, as in an average. v is a sum: it adds the full step "
    "lr times the gradient.",
    change={"+ lr": "+ (1 - momentum) * lr"},
)

velocity_is_not_used = mistake(
    "momentum",
    "You stepped with the gradient alone. The step is v, which contains the steps before "
    "and has to be kept in the state.",
    change={"w - v": "w - lr * grad"},
)

old_velocity_is_used = mistake(
    "momentum",
    "You moved by the velocity of the step before. Update v first, then move by the new v.",
    change={"v = momentum": "old, v = v, momentum", "w - v": "w - old"},
)

looks_ahead = mistake(
    "momentum",
    "This is Nesterov's variant, which looks ahead: it moves by momentum v + lr g with the new v. "
    "Plain momentum moves by v.",
    change={"w - v": "w - (momentum * v + lr * grad)"},
)

new_step_fades_as_well = mistake(
    "momentum",
    "You multiplied the new step by momentum, too: only the old v fades.",
    change={"momentum * v + lr * grad": "momentum * (v + lr * grad)"},
)

momentum_is_forgotten = mistake(
    "momentum",
    "You took momentum for the part that is forgotten: it is the part of the old v that is kept.",
    change={"momentum * v": "(1 - momentum) * v"},
)

momentum_climbs = mistake(
    "momentum",
    "The sign of the step is wrong: w moves by -v.",
    change={"w - v": "w + v"},
)

velocity_changes_in_place = mistake(
    "momentum",
    "Your step changes the old state, so whoever kept it has lost it. Make new numbers, "
    "and a new state that holds them.",
    change={"v = momentum * v + lr * grad": "v.mul_(momentum).add_(lr * grad)"},
)

# --- adagrad ----------------------------------------------------------------------------------

adagrad_eps_outside = mistake(
    "adagrad",
    "Your eps is outside the root, as in PyTorch. Here it is inside, sqrt(s + eps), and begins to "
    "matter at much larger gradients.",
    change={"(s + eps).sqrt()": "(s.sqrt() + eps)"},
)

adagrad_without_root = mistake(
    "adagrad",
    "You divided by s + eps without taking the root.",
    change={".sqrt()": ""},
)

adagrad_forgets = mistake(
    "adagrad",
    "You divided by the present gradient only: s is the sum over all steps and has to be kept in "
    "the state.",
    change={"s + grad**2": "grad**2"},
)

adagrad_accumulates_steps = mistake(
    "adagrad",
    "You accumulated the squares of lr times the gradient, so that lr cancels. s is made of the "
    "gradients alone.",
    change={"grad**2": "(lr * grad) ** 2"},
)

adagrad_updates_late = mistake(
    "adagrad",
    "You used s before adding the present square to it, so the first step is divided by sqrt(eps). "
    "Update s first.",
    change={"s = s +": "old, s = s, s +", "(s + eps)": "(old + eps)"},
)


@mistake(
    "adagrad",
    "You averaged the squares over the steps. AdaGrad adds them up, so that steps become smaller "
    "with time.",
)
def adagrad_averages(w, grad, state, *, lr, eps=1e-6):
    t, s = (0, torch.zeros_like(w)) if state is None else state
    s = s + grad**2
    return w - lr * grad / (s / (t + 1) + eps).sqrt(), (t + 1, s)


adagrad_fades = mistake(
    "adagrad",
    "You let the past fade, which is RMSProp. AdaGrad adds up the squares and forgets nothing.",
    change={"s + grad**2": "0.9 * s + 0.1 * grad**2"},
)

adagrad_shares_one_rate = mistake(
    "adagrad",
    "You added up the squares of all entries: every entry has an s, and so a rate, of its own.",
    change={"grad**2": "(grad**2).sum()"},
)

adagrad_accumulates_eps = mistake(
    "adagrad",
    "You kept s + eps in the state, so that eps is added once more in every step.",
    change={"grad**2": "grad**2 + eps", "(s + eps)": "s"},
)

adagrad_without_eps = mistake(
    "adagrad",
    "You forgot eps: an entry whose gradient is 0 gives 0/0.",
    change={"(s + eps)": "s"},
)

adagrad_changes_its_state = mistake(
    "adagrad",
    "Your step changes the old state, so whoever kept it has lost it. Make new numbers, "
    "and a new state that holds them.",
    change={"s = s + grad**2": "s += grad**2"},
)

# --- rmsprop ----------------------------------------------------------------------------------

rmsprop_eps_outside = mistake(
    "rmsprop",
    "Your eps is outside the root, as in PyTorch. Here it is inside, sqrt(s + eps), and begins to "
    "matter at much larger gradients.",
    change={"(s + eps).sqrt()": "(s.sqrt() + eps)"},
)

rmsprop_without_root = mistake(
    "rmsprop",
    "You divided by s + eps without taking the root.",
    change={".sqrt()": ""},
)

rmsprop_swaps_gamma = mistake(
    "rmsprop",
    "You swapped gamma and 1 - gamma: gamma is what is kept of the past.",
    change={"gamma * s + (1 - gamma)": "(1 - gamma) * s + gamma"},
)

rmsprop_adds_up = mistake(
    "rmsprop",
    "The factor 1 - gamma in front of the square is missing, so s is a fading sum and no average.",
    change={"(1 - gamma) * grad**2": "grad**2"},
)

rmsprop_never_forgets = mistake(
    "rmsprop",
    "Your s never fades, which is AdaGrad. RMSProp averages over the recent past.",
    change={"gamma * s + (1 - gamma) * grad**2": "s + grad**2"},
)


@mistake(
    "rmsprop",
    "You corrected the bias of s, as Adam does. RMSProp does not.",
)
def rmsprop_corrects_the_bias(w, grad, state, *, lr, gamma=0.9, eps=1e-6):
    t, s = (0, torch.zeros_like(w)) if state is None else state
    t, s = t + 1, gamma * s + (1 - gamma) * grad**2
    return w - lr * grad / (s / (1 - gamma**t) + eps).sqrt(), (t, s)


rmsprop_updates_late = mistake(
    "rmsprop",
    "You used s before it was updated, so the first step is divided by sqrt(eps). Update s first.",
    change={"s = gamma": "old, s = s, gamma", "(s + eps)": "(old + eps)"},
)

rmsprop_squares_the_average = mistake(
    "rmsprop",
    "You averaged the gradients and squared the result. RMSProp averages the squares; gradients "
    "of changing sign make the difference.",
    change={"grad**2": "grad", "(s + eps)": "(s**2 + eps)"},
)


@mistake(
    "rmsprop",
    "You subtracted the squared mean, which is the centred variant. Here s is the plain average "
    "of the squares.",
)
def rmsprop_is_centred(w, grad, state, *, lr, gamma=0.9, eps=1e-6):
    s, m = (torch.zeros_like(w), torch.zeros_like(w)) if state is None else state
    s, m = gamma * s + (1 - gamma) * grad**2, gamma * m + (1 - gamma) * grad
    return w - lr * grad / (s - m**2 + eps).sqrt(), (s, m)


rmsprop_forgets = mistake(
    "rmsprop",
    "The past is missing in your s: either gamma s is not added, or s is not kept in the state.",
    change={"gamma * s + ": ""},
)

rmsprop_changes_its_state = mistake(
    "rmsprop",
    "Your step changes the old state, so whoever kept it has lost it. Make new numbers, "
    "and a new state that holds them.",
    change={"s = gamma * s + (1 - gamma) * grad**2": "s.mul_(gamma).add_((1 - gamma) * grad**2)"},
)

# --- adadelta ---------------------------------------------------------------------------------

d_averages_gradients = mistake(
    "adadelta",
    "You averaged the squared gradients in both places, so that the two nearly cancel. d is the "
    "average of the squared steps.",
    change={"step**2": "grad**2"},
)

d_is_updated_early = mistake(
    "adadelta",
    "You put the square of the step into d and then computed the step once more, with the new d. "
    "The step is the one with the old d; its square goes into d afterwards.",
    change={"w - step": "w - ((d + eps) / (s + eps)).sqrt() * grad"},
)

s_is_updated_late = mistake(
    "adadelta",
    "Your step uses the old s. Update s with the present gradient first; only d is used as it was.",
    change={"s = rho": "old, s = s, rho", "(s + eps)": "(old + eps)"},
)

nothing_sets_it_in_motion = mistake(
    "adadelta",
    "Your w never moves. Apply the step, and mind the eps in the numerator: d is 0 before"
    " the first step, so without it every step is 0.",
    change={"(d + eps)": "d"},
)

adadelta_without_root = mistake(
    "adadelta",
    "You forgot the root: d/s is a ratio of squares.",
    change={".sqrt()": ""},
)

adadelta_eps_outside = mistake(
    "adadelta",
    "Your eps is outside the roots: it belongs inside both of them.",
    change={"((d + eps) / (s + eps)).sqrt()": "(d.sqrt() + eps) / (s.sqrt() + eps)"},
)

adadelta_swaps_rho = mistake(
    "adadelta",
    "You swapped rho and 1 - rho: rho is what is kept of the past.",
    change={
        "rho * s + (1 - rho)": "(1 - rho) * s + rho",
        "rho * d + (1 - rho)": "(1 - rho) * d + rho",
    },
)

d_averages_sizes = mistake(
    "adadelta",
    "You average the size of the steps and not their squares: d is made of g'^2, as s is of g^2.",
    change={"step**2": "step.abs()"},
)

d_is_not_kept = mistake(
    "adadelta",
    "Your steps do not depend on the steps before: d is not used, or not kept in the "
    "state, so that every step is as with d = 0.",
    change={"(s, d)": "(s, torch.zeros_like(d))"},
)

d_never_forgets = mistake(
    "adadelta",
    "You added up the squared steps in d, without fading: both s and d are moving averages.",
    change={"rho * d + (1 - rho) * step**2": "d + step**2"},
)

adadelta_changes_its_state = mistake(
    "adadelta",
    "Your step changes the old state, so whoever kept it has lost it. Make new numbers, "
    "and a new state that holds them.",
    change={
        "s = rho * s + (1 - rho) * grad**2": "s.mul_(rho).add_((1 - rho) * grad**2)",
        "d = rho * d + (1 - rho) * step**2": "d.mul_(rho).add_((1 - rho) * step**2)",
    },
)

# --- adam -------------------------------------------------------------------------------------

adam_without_correction = mistake(
    "adam",
    "There is no bias correction. Both averages start from 0 and have to be divided by the sum of "
    "their weights, 1 - beta^t.",
    change={" / (1 - beta1**t)": "", " / (1 - beta2**t)": ""},
)

only_m_is_corrected = mistake(
    "adam",
    "You corrected m but not v: both start from 0, and v even more slowly leaves it.",
    change={" / (1 - beta2**t)": ""},
)

only_v_is_corrected = mistake(
    "adam",
    "You corrected v but not m: both averages start from 0.",
    change={" / (1 - beta1**t)": ""},
)

steps_are_not_counted = mistake(
    "adam",
    "You divided by 1 - beta in every step. The correction is 1 - beta^t, where t counts the "
    "steps and is kept in the state.",
    change={"beta1**t": "beta1", "beta2**t": "beta2"},
)

steps_count_from_zero = mistake(
    "adam",
    "You counted t from 0, where 1 - beta^0 is 0 and the first step 0/0. The first step is t = 1.",
    change={"(0,": "(-1,"},
)

steps_count_from_two = mistake(
    "adam",
    "Your first step is t = 2: count up once per step, and start with t = 1.",
    change={"(0,": "(1,"},
)

adam_eps_inside = mistake(
    "adam",
    "Your eps is inside the root. In Adam it is outside, sqrt(v^) + eps; for small gradients the "
    "difference is large.",
    change={"(v_hat.sqrt() + eps)": "(v_hat + eps).sqrt()"},
)

eps_is_corrected_as_well = mistake(
    "adam",
    "You added eps to the root of the uncorrected v and corrected afterwards, which makes eps "
    "larger in the first steps. Correct v first, then take the root and add eps.",
    change={"v_hat.sqrt() + eps": "(v.sqrt() + eps) / (1 - beta2**t) ** 0.5"},
)

corrected_averages_are_kept = mistake(
    "adam",
    "You kept the corrected averages in the state, so that the next step corrects them again.",
    change={"(t, m, v)": "(t, m_hat, v_hat)"},
)

betas_are_swapped = mistake(
    "adam",
    "You swapped the betas: beta1 belongs to the gradients, beta2 to their squares.",
    change={"t = t + 1": "t = t + 1\n    beta1, beta2 = beta2, beta1"},
)

adam_without_root = mistake(
    "adam",
    "You divided by v^ + eps without taking the root.",
    change={".sqrt()": ""},
)

v_averages_squares_of_m = mistake(
    "adam",
    "You averaged the squares of m in v: v is made of the squares of the gradient itself.",
    change={"grad**2": "m**2"},
)

adam_steps_along_the_gradient = mistake(
    "adam",
    "You stepped along the gradient itself: the step goes along its average, the corrected m.",
    change={"lr * m_hat": "lr * grad"},
)

largest_v_is_used = mistake(
    "adam",
    "You divided by the largest v so far, which is the variant AMSGrad. Adam divides by the "
    "present one.",
    change={
        "v = (0,": "v, top = (0, torch.zeros_like(w),",
        "v_hat = v / (1 - beta2**t)": "v_hat = top = torch.maximum(top, v / (1 - beta2**t))",
        "(t, m, v)": "(t, m, v, top)",
    },
)

adam_changes_its_state = mistake(
    "adam",
    "Your step changes the old state, so whoever kept it has lost it. Make new numbers, "
    "and a new state that holds them.",
    change={
        "m = beta1 * m + (1 - beta1) * grad": "m.mul_(beta1).add_((1 - beta1) * grad)",
        "v = beta2 * v + (1 - beta2) * grad**2": "v.mul_(beta2).add_((1 - beta2) * grad**2)",
    },
)

# --- on a second device ------------------------------------------------------------------------

velocity_starts_on_the_cpu = mistake(
    "momentum",
    "The velocity starts on the CPU: give torch.zeros the device of w, or use torch.zeros_like.",
    change={"torch.zeros_like(w)": "torch.zeros(w.shape, dtype=w.dtype)"},
    on="cuda",
)

averages_are_always_collected_on_the_cpu = mistake(
    "exponential_moving_average",
    "The averages that you return are on the CPU: they belong on the device of xs.",
    change={"torch.stack(ys)": 'torch.stack(ys).to("cpu")'},
    on="cuda",
)

root_in_numpy = mistake(
    "adagrad",
    "You go through NumPy, which knows the CPU only: torch has the same functions for tensors.",
    change={"(s + eps).sqrt()": "torch.as_tensor((s + eps).numpy() ** 0.5)"},
    on="cuda",
)
