"""Known wrong implementations of unit 13: each replaces one function of the reference.

A mistake brings its own state: the steps of an optimiser are always of one kind.
"""

import numpy as np
import torch
from optimisers import (
    adagrad,
    exponential_moving_average,
    gradient_descent,
    minibatches,
    require_fraction,
    require_gradient,
    require_positive,
)

from autograder.testing import mistake


def begun(w, state, parts):
    """The state, or as many zeros like w as it has parts before the first step."""
    return [torch.zeros_like(w) for _ in range(parts)] if state is None else state


def shuffled(n, seed):
    """The indices 0..n-1 in an order that the seed decides."""
    return torch.randperm(n, generator=torch.Generator().manual_seed(seed))


# --- gradient_descent -------------------------------------------------------------------------


@mistake(
    "gradient_descent",
    "You went up the gradient: it points where the function rises, so it has to be subtracted.",
)
def climbs(grad, x0, *, lr, steps):
    return gradient_descent(lambda x: -grad(x), x0, lr=lr, steps=steps)


@mistake(
    "gradient_descent",
    "The starting point is missing from your result, which begins with x0 and has steps + 1 rows.",
)
def start_is_missing(grad, x0, *, lr, steps):
    return gradient_descent(grad, x0, lr=lr, steps=steps)[1:]


@mistake(
    "gradient_descent",
    "You took one step too few: the result holds x0 and the point after each of the steps.",
)
def last_step_is_missing(grad, x0, *, lr, steps):
    return gradient_descent(grad, x0, lr=lr, steps=steps)[: max(steps, 1)]


@mistake(
    "gradient_descent",
    "All your points are the last one: you kept the same tensor in every step and changed it in "
    "place. Make a new point in each step.",
)
def all_points_are_one_tensor(grad, x0, *, lr, steps):
    points = gradient_descent(grad, x0, lr=lr, steps=steps)
    return points[-1:].expand_as(points).contiguous()


@mistake(
    "gradient_descent",
    "You took the gradient at x0 in every step. It belongs to the point where you are.",
)
def gradient_stays_at_the_start(grad, x0, *, lr, steps):
    slope = grad(x0)
    return gradient_descent(lambda x: slope, x0, lr=lr, steps=steps)


@mistake(
    "gradient_descent",
    "You divided the learning rate by the number of the step. Here it is the same in every step.",
)
def learning_rate_decays(grad, x0, *, lr, steps):
    points = [x0]
    for k in range(1, steps + 1):
        points.append(points[-1] - lr / k * grad(points[-1]))
    return torch.stack(points)


@mistake(
    "gradient_descent",
    "You divided the gradient by its norm, so that all steps have the length lr. The step is lr "
    "times the gradient as it is.",
)
def gradient_is_normalised(grad, x0, *, lr, steps):
    def direction(x):
        g = grad(x)
        return g / (g * g).sum().sqrt()

    return gradient_descent(direction, x0, lr=lr, steps=steps)


@mistake(
    "gradient_descent",
    "You returned the last point only: all points that were visited are asked for.",
)
def only_the_last_point(grad, x0, *, lr, steps):
    return gradient_descent(grad, x0, lr=lr, steps=steps)[-1]


# --- minibatches ------------------------------------------------------------------------------


@mistake(
    "minibatches",
    "You dropped the last batch because it is smaller. Every index occurs once, so it has to stay.",
)
def last_batch_is_dropped(n, *, batch_size, seed):
    return [b for b in shuffled(n, seed).split(batch_size) if len(b) == batch_size]


@mistake(
    "minibatches",
    "You drew with replacement, so some samples come twice and others not at all. Shuffle the "
    "indices and cut them up.",
)
def drawn_with_replacement(n, *, batch_size, seed):
    generator = torch.Generator().manual_seed(seed)
    return list(torch.randint(n, (n,), generator=generator).split(batch_size))


@mistake("minibatches", "You did not shuffle: the samples come in the order in which they are.")
def not_shuffled(n, *, batch_size, seed):
    return list(torch.arange(n).split(batch_size))


@mistake(
    "minibatches",
    "You shuffled the batches and not the samples: neighbours stay together. Shuffle first, then "
    "cut.",
)
def only_batches_are_shuffled(n, *, batch_size, seed):
    batches = torch.arange(n).split(batch_size)
    return [batches[i] for i in shuffled(len(batches), seed).tolist()]


@mistake(
    "minibatches",
    "The seed makes no difference in your code: each seed must give an order of its own.",
)
def seed_is_ignored(n, *, batch_size, seed):
    return minibatches(n, batch_size=batch_size, seed=0)


@mistake(
    "minibatches",
    "You took batch_size for the number of batches. It is the number of samples in each.",
)
def batch_size_is_the_number_of_batches(n, *, batch_size, seed):
    return list(shuffled(n, seed).tensor_split(batch_size))


@mistake("minibatches", "Your indices run from 1 to n: they count from 0.")
def indices_count_from_one(n, *, batch_size, seed):
    return list((shuffled(n, seed) + 1).split(batch_size))


@mistake(
    "minibatches",
    "You filled up the last batch with indices that had their turn before. Each index occurs "
    "once, and the last batch is smaller.",
)
def last_batch_is_filled_up(n, *, batch_size, seed):
    order = shuffled(n, seed)
    missing = -n % batch_size
    filled = torch.cat([order, order[torch.arange(missing) % n]])
    return list(filled.split(batch_size))


# --- sgd --------------------------------------------------------------------------------------


@mistake("sgd", "You added the gradient: it points uphill, so it has to be subtracted.")
def sgd_climbs(w, grad, state, *, lr):
    return w + lr * grad, state


@mistake("sgd", "You changed w in place: return a new tensor, and leave the caller's as it is.")
def sgd_works_in_place(w, grad, state, *, lr):
    return w.sub_(lr * grad), state


@mistake("sgd", "You forgot the learning rate: the step is lr times the gradient.")
def sgd_ignores_the_learning_rate(w, grad, state, *, lr):
    return w - grad, state


@mistake(
    "sgd",
    "You stepped by lr times the sign of the gradient: its size counts, too.",
)
def sgd_uses_the_sign(w, grad, state, *, lr):
    return w - lr * grad.sign(), state


@mistake(
    "sgd",
    "You divided the gradient by its norm: the step is lr times the gradient as it is.",
)
def sgd_normalises(w, grad, state, *, lr):
    return w - lr * grad / (grad * grad).sum().sqrt().clamp(min=1e-30), state


@mistake(
    "sgd",
    "You let the learning rate decay from step to step. Here it is what the caller says.",
)
def sgd_decays(w, grad, state, *, lr):
    t = 1 if state is None else state + 1
    return w - lr / t * grad, t


# --- exponential_moving_average ---------------------------------------------------------------


@mistake(
    "exponential_moving_average",
    "You swapped gamma and 1 - gamma: gamma is what is kept of the past.",
)
def average_swaps_gamma(xs, *, gamma, bias_correction=False):
    y, ys = torch.zeros_like(xs[0]), []
    for t, x in enumerate(xs, start=1):
        y = (1 - gamma) * y + gamma * x
        ys.append(y / (1 - gamma**t) if bias_correction else y)
    return torch.stack(ys)


@mistake(
    "exponential_moving_average",
    "You started from the first value. Here the average starts from 0; that is what the bias "
    "correction is for.",
)
def average_starts_from_the_first_value(xs, *, gamma, bias_correction=False):
    y, ys = xs[0], []
    for t, x in enumerate(xs, start=1):
        y = gamma * y + (1 - gamma) * x
        ys.append(y / (1 - gamma**t) if bias_correction else y)
    return torch.stack(ys)


@mistake(
    "exponential_moving_average",
    "You fed the corrected value back into the recursion. The recursion goes on with the "
    "uncorrected one; only what is read off is corrected.",
)
def correction_is_fed_back(xs, *, gamma, bias_correction=False):
    y, ys = torch.zeros_like(xs[0]), []
    for t, x in enumerate(xs, start=1):
        y = gamma * y + (1 - gamma) * x
        y = y / (1 - gamma**t) if bias_correction else y
        ys.append(y)
    return torch.stack(ys)


@mistake(
    "exponential_moving_average",
    "You counted t from 0 in the correction, where 1 - gamma^0 is 0. The first value is t = 1.",
)
def correction_counts_from_zero(xs, *, gamma, bias_correction=False):
    y, ys = torch.zeros_like(xs[0]), []
    for t, x in enumerate(xs):
        y = gamma * y + (1 - gamma) * x
        ys.append(y / (1 - gamma**t) if bias_correction else y)
    return torch.stack(ys)


@mistake(
    "exponential_moving_average",
    "You divided by 1 - gamma in every step. The sum of the weights after t steps is "
    "1 - gamma^t, which depends on t.",
)
def correction_does_not_count(xs, *, gamma, bias_correction=False):
    ys = exponential_moving_average(xs, gamma=gamma)
    return ys / (1 - gamma) if bias_correction else ys


@mistake(
    "exponential_moving_average",
    "You corrected all values by the sum of the weights after the last step. Each has its own.",
)
def correction_is_that_of_the_last(xs, *, gamma, bias_correction=False):
    ys = exponential_moving_average(xs, gamma=gamma)
    return ys / (1 - gamma ** len(xs)) if bias_correction else ys


@mistake("exponential_moving_average", "You corrected the bias though nobody asked for it.")
def bias_is_always_corrected(xs, *, gamma, bias_correction=False):
    return exponential_moving_average(xs, gamma=gamma, bias_correction=True)


@mistake(
    "exponential_moving_average", "You never correct the bias, even if bias_correction is True."
)
def bias_is_never_corrected(xs, *, gamma, bias_correction=False):
    return exponential_moving_average(xs, gamma=gamma)


@mistake(
    "exponential_moving_average",
    "The factor 1 - gamma in front of the new value is missing, so this is a fading sum and no "
    "average.",
)
def average_is_a_sum(xs, *, gamma, bias_correction=False):
    return exponential_moving_average(xs, gamma=gamma, bias_correction=bias_correction) / (
        1 - gamma
    )


@mistake(
    "exponential_moving_average",
    "You averaged along the last axis: time is the first.",
)
def average_runs_along_the_last_axis(xs, *, gamma, bias_correction=False):
    turned = xs.movedim(-1, 0)
    ys = exponential_moving_average(turned, gamma=gamma, bias_correction=bias_correction)
    return ys.movedim(0, -1)


@mistake(
    "exponential_moving_average",
    "You returned the last average only: one for each value is asked for.",
)
def only_the_last_average(xs, *, gamma, bias_correction=False):
    return exponential_moving_average(xs, gamma=gamma, bias_correction=bias_correction)[-1]


# --- momentum ---------------------------------------------------------------------------------


@mistake(
    "momentum",
    "You left the learning rate out of v and multiplied by it at the end, as PyTorch does. Here "
    "v contains it; when lr changes from step to step, the two differ.",
)
def velocity_without_learning_rate(w, grad, state, *, lr, momentum=0.9):
    (v,) = begun(w, state, 1)
    v = momentum * v + grad
    return w - lr * v, [v]


@mistake(
    "momentum",
    "You damped the gradient by 1 - momentum, as in an average. v is a sum: it adds the full step "
    "lr times the gradient.",
)
def gradient_is_damped(w, grad, state, *, lr, momentum=0.9):
    (v,) = begun(w, state, 1)
    v = momentum * v + (1 - momentum) * lr * grad
    return w - v, [v]


@mistake(
    "momentum",
    "You stepped with the gradient alone: either v is computed and not used, or it is not kept in "
    "the state. The step is v.",
)
def velocity_is_not_used(w, grad, state, *, lr, momentum=0.9):
    return w - lr * grad, state


@mistake(
    "momentum",
    "You moved by the velocity of the step before. Update v first, then move by the new v.",
)
def old_velocity_is_used(w, grad, state, *, lr, momentum=0.9):
    (v,) = begun(w, state, 1)
    return w - v, [momentum * v + lr * grad]


@mistake(
    "momentum",
    "This is Nesterov's variant, which looks ahead: it moves by momentum v + lr g with the new v. "
    "Plain momentum moves by v.",
)
def looks_ahead(w, grad, state, *, lr, momentum=0.9):
    (v,) = begun(w, state, 1)
    v = momentum * v + lr * grad
    return w - (momentum * v + lr * grad), [v]


@mistake(
    "momentum",
    "You multiplied the new step by momentum, too: only the old v fades.",
)
def new_step_fades_as_well(w, grad, state, *, lr, momentum=0.9):
    (v,) = begun(w, state, 1)
    v = momentum * (v + lr * grad)
    return w - v, [v]


@mistake(
    "momentum",
    "You took momentum for the part that is forgotten: it is the part of the old v that is kept.",
)
def momentum_is_forgotten(w, grad, state, *, lr, momentum=0.9):
    (v,) = begun(w, state, 1)
    v = (1 - momentum) * v + lr * grad
    return w - v, [v]


@mistake("momentum", "The sign of the step is wrong: w moves by -v.")
def momentum_climbs(w, grad, state, *, lr, momentum=0.9):
    (v,) = begun(w, state, 1)
    v = momentum * v + lr * grad
    return w + v, [v]


@mistake(
    "momentum",
    "You updated v in place, so the old state has changed for whoever kept it. Make a new v.",
)
def velocity_changes_in_place(w, grad, state, *, lr, momentum=0.9):
    (v,) = begun(w, state, 1)
    v.mul_(momentum).add_(lr * grad)
    return w - v, [v]


# --- adagrad ----------------------------------------------------------------------------------


@mistake(
    "adagrad",
    "Your eps is outside the root, as in PyTorch. Here it is inside, sqrt(s + eps), and begins to "
    "matter at much larger gradients.",
)
def adagrad_eps_outside(w, grad, state, *, lr, eps=1e-6):
    (s,) = begun(w, state, 1)
    s = s + grad**2
    return w - lr * grad / (s.sqrt() + eps), [s]


@mistake(
    "adagrad",
    "You divided by s + eps without taking the root.",
)
def adagrad_without_root(w, grad, state, *, lr, eps=1e-6):
    (s,) = begun(w, state, 1)
    s = s + grad**2
    return w - lr * grad / (s + eps), [s]


@mistake(
    "adagrad",
    "You divided by the present gradient only: s is the sum over all steps and has to be kept in "
    "the state.",
)
def adagrad_forgets(w, grad, state, *, lr, eps=1e-6):
    return w - lr * grad / (grad**2 + eps).sqrt(), state


@mistake(
    "adagrad",
    "You accumulated the squares of lr times the gradient, so that lr cancels. s is made of the "
    "gradients alone.",
)
def adagrad_accumulates_steps(w, grad, state, *, lr, eps=1e-6):
    (s,) = begun(w, state, 1)
    s = s + (lr * grad) ** 2
    return w - lr * grad / (s + eps).sqrt(), [s]


@mistake(
    "adagrad",
    "You used s before adding the present square to it, so the first step is divided by sqrt(eps). "
    "Update s first.",
)
def adagrad_updates_late(w, grad, state, *, lr, eps=1e-6):
    (s,) = begun(w, state, 1)
    return w - lr * grad / (s + eps).sqrt(), [s + grad**2]


@mistake(
    "adagrad",
    "You averaged the squares over the steps. AdaGrad adds them up, so that steps become smaller "
    "with time.",
)
def adagrad_averages(w, grad, state, *, lr, eps=1e-6):
    t, s = (0, torch.zeros_like(w)) if state is None else state
    s = s + grad**2
    return w - lr * grad / (s / (t + 1) + eps).sqrt(), (t + 1, s)


@mistake(
    "adagrad",
    "You let the past fade, which is RMSProp. AdaGrad adds up the squares and forgets nothing.",
)
def adagrad_fades(w, grad, state, *, lr, eps=1e-6):
    (s,) = begun(w, state, 1)
    s = 0.9 * s + 0.1 * grad**2
    return w - lr * grad / (s + eps).sqrt(), [s]


@mistake(
    "adagrad",
    "You added up the squares of all entries: every entry has an s, and so a rate, of its own.",
)
def adagrad_shares_one_rate(w, grad, state, *, lr, eps=1e-6):
    (s,) = begun(w, state, 1)
    s = s + (grad**2).sum()
    return w - lr * grad / (s + eps).sqrt(), [s]


@mistake(
    "adagrad",
    "You kept s + eps in the state, so that eps is added once more in every step.",
)
def adagrad_accumulates_eps(w, grad, state, *, lr, eps=1e-6):
    (s,) = begun(w, state, 1)
    s = s + grad**2 + eps
    return w - lr * grad / s.sqrt(), [s]


@mistake("adagrad", "You forgot eps: an entry whose gradient is 0 gives 0/0.")
def adagrad_without_eps(w, grad, state, *, lr, eps=1e-6):
    (s,) = begun(w, state, 1)
    s = s + grad**2
    return w - lr * grad / s.sqrt(), [s]


@mistake(
    "adagrad",
    "You added to s in place, so the old state has changed for whoever kept it. Make a new s.",
)
def adagrad_changes_its_state(w, grad, state, *, lr, eps=1e-6):
    (s,) = begun(w, state, 1)
    s += grad**2
    return w - lr * grad / (s + eps).sqrt(), [s]


# --- rmsprop ----------------------------------------------------------------------------------


@mistake(
    "rmsprop",
    "Your eps is outside the root, as in PyTorch. Here it is inside, sqrt(s + eps), and begins to "
    "matter at much larger gradients.",
)
def rmsprop_eps_outside(w, grad, state, *, lr, gamma=0.9, eps=1e-6):
    (s,) = begun(w, state, 1)
    s = gamma * s + (1 - gamma) * grad**2
    return w - lr * grad / (s.sqrt() + eps), [s]


@mistake("rmsprop", "You divided by s + eps without taking the root.")
def rmsprop_without_root(w, grad, state, *, lr, gamma=0.9, eps=1e-6):
    (s,) = begun(w, state, 1)
    s = gamma * s + (1 - gamma) * grad**2
    return w - lr * grad / (s + eps), [s]


@mistake("rmsprop", "You swapped gamma and 1 - gamma: gamma is what is kept of the past.")
def rmsprop_swaps_gamma(w, grad, state, *, lr, gamma=0.9, eps=1e-6):
    (s,) = begun(w, state, 1)
    s = (1 - gamma) * s + gamma * grad**2
    return w - lr * grad / (s + eps).sqrt(), [s]


@mistake(
    "rmsprop",
    "The factor 1 - gamma in front of the square is missing, so s is a fading sum and no average.",
)
def rmsprop_adds_up(w, grad, state, *, lr, gamma=0.9, eps=1e-6):
    (s,) = begun(w, state, 1)
    s = gamma * s + grad**2
    return w - lr * grad / (s + eps).sqrt(), [s]


@mistake(
    "rmsprop",
    "Your s never fades, which is AdaGrad. RMSProp averages over the recent past.",
)
def rmsprop_never_forgets(w, grad, state, *, lr, gamma=0.9, eps=1e-6):
    (s,) = begun(w, state, 1)
    s = s + grad**2
    return w - lr * grad / (s + eps).sqrt(), [s]


@mistake(
    "rmsprop",
    "You corrected the bias of s, as Adam does. RMSProp does not.",
)
def rmsprop_corrects_the_bias(w, grad, state, *, lr, gamma=0.9, eps=1e-6):
    t, s = (0, torch.zeros_like(w)) if state is None else state
    t, s = t + 1, gamma * s + (1 - gamma) * grad**2
    return w - lr * grad / (s / (1 - gamma**t) + eps).sqrt(), (t, s)


@mistake(
    "rmsprop",
    "You used s before it was updated, so the first step is divided by sqrt(eps). Update s first.",
)
def rmsprop_updates_late(w, grad, state, *, lr, gamma=0.9, eps=1e-6):
    (s,) = begun(w, state, 1)
    return w - lr * grad / (s + eps).sqrt(), [gamma * s + (1 - gamma) * grad**2]


@mistake(
    "rmsprop",
    "You averaged the gradients and squared the result. RMSProp averages the squares; gradients "
    "of changing sign make the difference.",
)
def rmsprop_squares_the_average(w, grad, state, *, lr, gamma=0.9, eps=1e-6):
    (m,) = begun(w, state, 1)
    m = gamma * m + (1 - gamma) * grad
    return w - lr * grad / (m**2 + eps).sqrt(), [m]


@mistake(
    "rmsprop",
    "You subtracted the squared mean, which is the centred variant. Here s is the plain average "
    "of the squares.",
)
def rmsprop_is_centred(w, grad, state, *, lr, gamma=0.9, eps=1e-6):
    s, m = begun(w, state, 2)
    s, m = gamma * s + (1 - gamma) * grad**2, gamma * m + (1 - gamma) * grad
    return w - lr * grad / (s - m**2 + eps).sqrt(), [s, m]


@mistake(
    "rmsprop",
    "You do not keep s in the state: every step begins with s = 0.",
)
def rmsprop_forgets(w, grad, state, *, lr, gamma=0.9, eps=1e-6):
    return w - lr * grad / ((1 - gamma) * grad**2 + eps).sqrt(), state


@mistake(
    "rmsprop",
    "You changed s in place, so the old state has changed for whoever kept it. Make a new s.",
)
def rmsprop_changes_its_state(w, grad, state, *, lr, gamma=0.9, eps=1e-6):
    (s,) = begun(w, state, 1)
    s.mul_(gamma).add_((1 - gamma) * grad**2)
    return w - lr * grad / (s + eps).sqrt(), [s]


# --- adadelta ---------------------------------------------------------------------------------


def adadelta_averages(grad, s, d, rho, eps):
    """The right new s, step and new d."""
    s = rho * s + (1 - rho) * grad**2
    step = ((d + eps) / (s + eps)).sqrt() * grad
    return s, step, rho * d + (1 - rho) * step**2


@mistake(
    "adadelta",
    "You averaged the squared gradients in both places, so that the two nearly cancel. d is the "
    "average of the squared steps.",
)
def d_averages_gradients(w, grad, state, *, rho=0.9, eps=1e-5):
    s, d = begun(w, state, 2)
    s, step, _ = adadelta_averages(grad, s, d, rho, eps)
    return w - step, [s, rho * d + (1 - rho) * grad**2]


@mistake(
    "adadelta",
    "You updated d with the square of the gradient before computing the step. The step comes "
    "first, with the old d, and then its square goes into d.",
)
def d_is_updated_early(w, grad, state, *, rho=0.9, eps=1e-5):
    s, d = begun(w, state, 2)
    s, _, d = adadelta_averages(grad, s, d, rho, eps)
    return w - ((d + eps) / (s + eps)).sqrt() * grad, [s, d]


@mistake(
    "adadelta",
    "Your step uses the old s. Update s with the present gradient first; only d is used as it was.",
)
def s_is_updated_late(w, grad, state, *, rho=0.9, eps=1e-5):
    s, d = begun(w, state, 2)
    step = ((d + eps) / (s + eps)).sqrt() * grad
    return w - step, [rho * s + (1 - rho) * grad**2, rho * d + (1 - rho) * step**2]


@mistake(
    "adadelta",
    "The eps in the numerator is missing. d is 0 before the first step, so nothing ever moves.",
)
def nothing_sets_it_in_motion(w, grad, state, *, rho=0.9, eps=1e-5):
    s, d = begun(w, state, 2)
    s = rho * s + (1 - rho) * grad**2
    step = (d / (s + eps)).sqrt() * grad
    return w - step, [s, rho * d + (1 - rho) * step**2]


@mistake(
    "adadelta",
    "You forgot the root: d/s is a ratio of squares.",
)
def adadelta_without_root(w, grad, state, *, rho=0.9, eps=1e-5):
    s, d = begun(w, state, 2)
    s = rho * s + (1 - rho) * grad**2
    step = (d + eps) / (s + eps) * grad
    return w - step, [s, rho * d + (1 - rho) * step**2]


@mistake(
    "adadelta",
    "Your eps is outside the roots: it belongs inside both of them.",
)
def adadelta_eps_outside(w, grad, state, *, rho=0.9, eps=1e-5):
    s, d = begun(w, state, 2)
    s = rho * s + (1 - rho) * grad**2
    step = (d.sqrt() + eps) / (s.sqrt() + eps) * grad
    return w - step, [s, rho * d + (1 - rho) * step**2]


@mistake("adadelta", "You swapped rho and 1 - rho: rho is what is kept of the past.")
def adadelta_swaps_rho(w, grad, state, *, rho=0.9, eps=1e-5):
    s, d = begun(w, state, 2)
    s, step, d = adadelta_averages(grad, s, d, 1 - rho, eps)
    return w - step, [s, d]


@mistake(
    "adadelta",
    "You average the size of the steps and not their squares: d is made of g'^2, as s is of g^2.",
)
def d_averages_sizes(w, grad, state, *, rho=0.9, eps=1e-5):
    s, d = begun(w, state, 2)
    s, step, _ = adadelta_averages(grad, s, d, rho, eps)
    return w - step, [s, rho * d + (1 - rho) * step.abs()]


@mistake(
    "adadelta",
    "You do not keep d in the state: every step begins with d = 0, so the steps never grow.",
)
def d_is_not_kept(w, grad, state, *, rho=0.9, eps=1e-5):
    s, d = begun(w, state, 2)
    s, step, _ = adadelta_averages(grad, s, d, rho, eps)
    return w - step, [s, d]


@mistake(
    "adadelta",
    "You added up the squared steps in d, without fading: both s and d are moving averages.",
)
def d_never_forgets(w, grad, state, *, rho=0.9, eps=1e-5):
    s, d = begun(w, state, 2)
    s, step, _ = adadelta_averages(grad, s, d, rho, eps)
    return w - step, [s, d + step**2]


@mistake(
    "adadelta",
    "You changed s or d in place, so the old state has changed for whoever kept it. Make new ones.",
)
def adadelta_changes_its_state(w, grad, state, *, rho=0.9, eps=1e-5):
    s, d = begun(w, state, 2)
    s.mul_(rho).add_((1 - rho) * grad**2)
    step = ((d + eps) / (s + eps)).sqrt() * grad
    d.mul_(rho).add_((1 - rho) * step**2)
    return w - step, [s, d]


# --- adam -------------------------------------------------------------------------------------


def adam_averages(w, grad, state, beta1, beta2):
    """The right t, m and v after this step."""
    t, m, v = (0, torch.zeros_like(w), torch.zeros_like(w)) if state is None else state
    return t + 1, beta1 * m + (1 - beta1) * grad, beta2 * v + (1 - beta2) * grad**2


@mistake(
    "adam",
    "There is no bias correction. Both averages start from 0 and have to be divided by the sum of "
    "their weights, 1 - beta^t.",
)
def adam_without_correction(w, grad, state, *, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    t, m, v = adam_averages(w, grad, state, beta1, beta2)
    return w - lr * m / (v.sqrt() + eps), (t, m, v)


@mistake(
    "adam",
    "You corrected m but not v: both start from 0, and v even more slowly leaves it.",
)
def only_m_is_corrected(w, grad, state, *, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    t, m, v = adam_averages(w, grad, state, beta1, beta2)
    return w - lr * m / (1 - beta1**t) / (v.sqrt() + eps), (t, m, v)


@mistake("adam", "You corrected v but not m: both averages start from 0.")
def only_v_is_corrected(w, grad, state, *, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    t, m, v = adam_averages(w, grad, state, beta1, beta2)
    return w - lr * m / ((v / (1 - beta2**t)).sqrt() + eps), (t, m, v)


@mistake(
    "adam",
    "You divided by 1 - beta in every step. The correction is 1 - beta^t, where t counts the "
    "steps and is kept in the state.",
)
def steps_are_not_counted(w, grad, state, *, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    t, m, v = adam_averages(w, grad, state, beta1, beta2)
    m_hat, v_hat = m / (1 - beta1), v / (1 - beta2)
    return w - lr * m_hat / (v_hat.sqrt() + eps), (t, m, v)


@mistake(
    "adam",
    "You counted t from 0, where 1 - beta^0 is 0 and the first step 0/0. The first step is t = 1.",
)
def steps_count_from_zero(w, grad, state, *, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    t, m, v = adam_averages(w, grad, state, beta1, beta2)
    m_hat, v_hat = m / (1 - beta1 ** (t - 1)), v / (1 - beta2 ** (t - 1))
    return w - lr * m_hat / (v_hat.sqrt() + eps), (t, m, v)


@mistake("adam", "Your first step is t = 2: count up once per step, and start with t = 1.")
def steps_count_from_two(w, grad, state, *, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    t, m, v = adam_averages(w, grad, state, beta1, beta2)
    m_hat, v_hat = m / (1 - beta1 ** (t + 1)), v / (1 - beta2 ** (t + 1))
    return w - lr * m_hat / (v_hat.sqrt() + eps), (t, m, v)


@mistake(
    "adam",
    "Your eps is inside the root. In Adam it is outside, sqrt(v^) + eps; for small gradients the "
    "difference is large.",
)
def adam_eps_inside(w, grad, state, *, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    t, m, v = adam_averages(w, grad, state, beta1, beta2)
    m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
    return w - lr * m_hat / (v_hat + eps).sqrt(), (t, m, v)


@mistake(
    "adam",
    "You added eps to the root of the uncorrected v and corrected afterwards, which makes eps "
    "larger in the first steps. Correct v first, then take the root and add eps.",
)
def eps_is_corrected_as_well(w, grad, state, *, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    t, m, v = adam_averages(w, grad, state, beta1, beta2)
    rate = lr * (1 - beta2**t) ** 0.5 / (1 - beta1**t)
    return w - rate * m / (v.sqrt() + eps), (t, m, v)


@mistake(
    "adam",
    "You kept the corrected averages in the state, so that the next step corrects them again.",
)
def corrected_averages_are_kept(w, grad, state, *, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    t, m, v = adam_averages(w, grad, state, beta1, beta2)
    m, v = m / (1 - beta1**t), v / (1 - beta2**t)
    return w - lr * m / (v.sqrt() + eps), (t, m, v)


@mistake(
    "adam",
    "You swapped the betas: beta1 belongs to the gradients, beta2 to their squares.",
)
def betas_are_swapped(w, grad, state, *, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    t, m, v = adam_averages(w, grad, state, beta2, beta1)
    m_hat, v_hat = m / (1 - beta2**t), v / (1 - beta1**t)
    return w - lr * m_hat / (v_hat.sqrt() + eps), (t, m, v)


@mistake("adam", "You divided by v^ + eps without taking the root.")
def adam_without_root(w, grad, state, *, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    t, m, v = adam_averages(w, grad, state, beta1, beta2)
    m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
    return w - lr * m_hat / (v_hat + eps), (t, m, v)


@mistake(
    "adam",
    "You averaged the squares of m in v: v is made of the squares of the gradient itself.",
)
def v_averages_squares_of_m(w, grad, state, *, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    t, m, v = (0, torch.zeros_like(w), torch.zeros_like(w)) if state is None else state
    t, m = t + 1, beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * m**2
    m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
    return w - lr * m_hat / (v_hat.sqrt() + eps), (t, m, v)


@mistake(
    "adam",
    "You stepped along the gradient and not along its average: m is computed and not used.",
)
def adam_steps_along_the_gradient(w, grad, state, *, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    t, m, v = adam_averages(w, grad, state, beta1, beta2)
    return w - lr * grad / ((v / (1 - beta2**t)).sqrt() + eps), (t, m, v)


@mistake(
    "adam",
    "You divided by the largest v so far, which is the variant AMSGrad. Adam divides by the "
    "present one.",
)
def largest_v_is_used(w, grad, state, *, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    inner, top = (None, torch.zeros_like(w)) if state is None else state
    t, m, v = adam_averages(w, grad, inner, beta1, beta2)
    top = torch.maximum(top, v / (1 - beta2**t))
    return w - lr * m / (1 - beta1**t) / (top.sqrt() + eps), ((t, m, v), top)


@mistake(
    "adam",
    "You changed m or v in place, so the old state has changed for whoever kept it. Make new ones.",
)
def adam_changes_its_state(w, grad, state, *, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    t, m, v = (0, torch.zeros_like(w), torch.zeros_like(w)) if state is None else state
    t = t + 1
    m.mul_(beta1).add_((1 - beta1) * grad)
    v.mul_(beta2).add_((1 - beta2) * grad**2)
    m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
    return w - lr * m_hat / (v_hat.sqrt() + eps), (t, m, v)


# --- on a second device ------------------------------------------------------------------------


@mistake(
    "momentum",
    "The velocity starts on the CPU: give torch.zeros the device of w, or use torch.zeros_like.",
    on="cuda",
)
def velocity_starts_on_the_cpu(w, grad, state, *, lr, momentum=0.9):
    require_gradient(w, grad)
    require_positive(lr, "lr")
    require_fraction(momentum, "momentum")
    v = torch.zeros(w.shape, dtype=w.dtype) if state is None else state
    v = momentum * v + lr * grad
    return w - v, v


@mistake(
    "exponential_moving_average",
    'You wrote the device "cpu" into your code, so that the averages are collected there: ask xs '
    "for its device.",
    on="cuda",
)
def averages_are_always_collected_on_the_cpu(xs, *, gamma, bias_correction=False):
    ys = exponential_moving_average(xs, gamma=gamma, bias_correction=bias_correction)
    collected = torch.empty(ys.shape, dtype=ys.dtype, device="cpu")
    for t, y in enumerate(ys):
        collected[t] = y
    return collected


@mistake(
    "adagrad",
    "You go through NumPy for the root, which knows the CPU only: torch has the same function for "
    "tensors.",
    on="cuda",
)
def root_in_numpy(w, grad, state, *, lr, eps=1e-6):
    adagrad(w, grad, state, lr=lr, eps=eps)  # refuses what cannot be used
    s = torch.zeros_like(w) if state is None else state
    s = s + grad**2
    return w - lr * grad / torch.from_numpy(np.asarray(np.sqrt((s + eps).numpy()))), s
