"""Other correct implementations of unit 4: nobody loses a point for being different."""

import math

import torch
from regularisation import (
    require,
    require_noise,
    require_numbers,
    require_reg,
    require_samples,
    require_targets,
)

from autograder.testing import alternative

# What the stub gives: the validation of the arguments ---------------------------------------------


def require_weights(weights, reg):
    require(len(weights) >= 1, "weights must hold at least one tensor")
    for w in weights:
        require_numbers(w, "weights")
    require_reg(reg)


def require_step(w, grad_sum, lr, reg, batch_size):
    require_numbers(w, "w")
    require(grad_sum.shape == w.shape, "grad_sum must have the shape of w")
    require(lr > 0, "lr must be above 0")
    require_reg(reg)
    require(batch_size >= 1, "batch_size must be at least 1")


def require_ridge(x, y, w, b, reg):
    require_targets(x, y)
    require(w.shape == x.shape[1:], "w must be (D,)")
    require(b.ndim == 0, "b must be a single number")
    require_reg(reg)


def require_solvable(x, y, reg):
    require_targets(x, y)
    require_reg(reg)
    require(reg > 0 or len(x) > x.shape[1], "reg must be above 0 with so few samples")


def require_dropping(x, noise, p):
    require_numbers(x, "x")
    require_noise(noise, p, x.shape)


def require_network(x, y, w1, b1, w2, b2, noise, p, reg):
    require_samples(x)
    require(w1.ndim == 2 and len(w1) == x.shape[1], "w1 must be (D, H)")
    require(b1.shape == w1.shape[1:], "b1 must be (H,)")
    require(w2.ndim == 2 and len(w2) == w1.shape[1], "w2 must be (H, C)")
    require(b2.shape == w2.shape[1:], "b2 must be (C,)")
    require(y.dtype == torch.int64 and y.shape == x.shape[:1], "y must be (N,), int64")
    require(bool(((y >= 0) & (y < w2.shape[1])).all()), "y must hold labels in 0..C-1")
    require_noise(noise, p, (len(x), w1.shape[1]))
    require_reg(reg)


# The mask as a multiplier, dropout before ReLU, samples with a feature that is always 1 -----------


def multiplier(noise, p, training):
    """1/(1-p) where noise is at least p, else 0; the number 1 in prediction."""
    if not training:
        return 1.0
    return torch.where(noise < p, torch.zeros_like(noise), torch.full_like(noise, 1 / (1 - p)))


def with_ones(x):
    return torch.cat([x, torch.ones_like(x[:, :1])], dim=1)


@alternative("the mask as a multiplier", replaces="l2_penalty")
def penalty_of_one_long_vector(weights, *, reg):
    require_weights(weights, reg)
    flat = torch.cat([w.reshape(-1) for w in weights])
    pulls = (reg * flat).split([w.numel() for w in weights])
    penalty = torch.dot(flat, flat) * (0.5 * reg)
    return penalty, [pull.reshape(w.shape) for pull, w in zip(pulls, weights, strict=True)]


@alternative("the mask as a multiplier", replaces="weight_decay_step")
def step_against_the_gradient(w, grad_sum, *, lr, reg, batch_size):
    require_step(w, grad_sum, lr, reg, batch_size)
    return w - lr * (grad_sum + reg * w) / batch_size


@alternative("the mask as a multiplier", replaces="ridge_loss")
def ridge_loss_with_the_bias_as_a_weight(x, y, w, b, *, reg):
    require_ridge(x, y, w, b, reg)
    ones, both = with_ones(x), torch.cat([w, b[None]])
    paying = torch.cat([torch.full_like(w, reg), torch.zeros_like(b[None])])
    residual = torch.mv(ones, both) - y
    loss = 0.5 * (residual.square().mean() + (paying * both).dot(both) / len(y))
    gradient = (torch.mv(ones.T, residual) + paying * both) / len(y)
    return loss, gradient[:-1], gradient[-1]


@alternative("the mask as a multiplier", replaces="ridge_solution")
def solution_with_the_bias_as_a_weight(x, y, *, reg):
    require_solvable(x, y, reg)
    ones = with_ones(x)
    paying = torch.full_like(ones[0], reg)
    paying[-1] = 0
    found = torch.linalg.solve(ones.T @ ones + torch.diag(paying), ones.T @ y)
    return found[:-1], found[-1]


@alternative("the mask as a multiplier", replaces="dropout_forward")
def dropout_by_a_multiplier(x, noise, *, p, training):
    require_dropping(x, noise, p)
    factors = multiplier(noise, p, training)
    return x * factors, factors


@alternative("the mask as a multiplier", replaces="dropout_backward")
def dropout_backward_by_a_multiplier(dout, cache):
    return cache * dout


@alternative("the mask as a multiplier", replaces="dropout_mlp_loss")
def network_that_drops_before_relu(x, y, w1, b1, w2, b2, noise, *, p, reg=0.0, training=True):
    require_network(x, y, w1, b1, w2, b2, noise, p, reg)
    n, classes = len(x), torch.arange(w2.shape[1], device=x.device)
    factors = multiplier(noise, p, training)
    inputs = with_ones(x)
    hidden = ((inputs @ torch.cat([w1, b1[None]])) * factors).clamp_min(0)  # factors are positive
    scores = with_ones(hidden) @ torch.cat([w2, b2[None]])
    top = scores.max(1, keepdim=True).values
    log_sum = top + (scores - top).exp().sum(1, keepdim=True).log()
    truth = y[:, None] == classes
    losses = log_sum[:, 0] - scores[truth]
    loss = (losses.sum() + 0.5 * reg * (w1.pow(2).sum() + w2.pow(2).sum())) / n
    g = torch.where(truth, (scores - log_sum).exp() - 1, (scores - log_sum).exp()) / n
    g1 = torch.where(hidden > 0, g @ w2.T, torch.zeros_like(hidden)) * factors
    first, second = inputs.T @ g1, with_ones(hidden).T @ g
    return loss, first[:-1] + reg / n * w1, first[-1], second[:-1] + reg / n * w2, second[-1]


# The indices of what is kept; ridge regression by least squares -----------------------------------


@alternative("indices of what is kept, and least squares", replaces="l2_penalty")
def penalty_by_norms(weights, *, reg):
    require_weights(weights, reg)
    norm = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(w) for w in weights]))
    return norm * norm * reg / 2, [w.clone().mul_(reg) for w in weights]


@alternative("indices of what is kept, and least squares", replaces="weight_decay_step")
def step_on_a_copy(w, grad_sum, *, lr, reg, batch_size):
    require_step(w, grad_sum, lr, reg, batch_size)
    new = w.clone()
    new -= (lr / batch_size) * reg * w
    new.sub_(grad_sum, alpha=lr / batch_size)
    return new


@alternative("indices of what is kept, and least squares", replaces="ridge_loss")
def ridge_loss_of_further_samples(x, y, w, b, *, reg):
    require_ridge(x, y, w, b, reg)
    n, root = len(x), math.sqrt(reg)
    residual = torch.cat([x @ w + b - y, root * w])  # a penalty is D samples more
    rows = torch.cat([x, root * torch.diag(torch.ones_like(w))])
    return residual.dot(residual) / (2 * n), residual @ rows / n, residual[:n].sum() / n


@alternative("indices of what is kept, and least squares", replaces="ridge_solution")
def solution_by_least_squares(x, y, *, reg):
    require_solvable(x, y, reg)
    more = math.sqrt(reg) * torch.diag(torch.ones_like(x[0]))
    left = torch.cat([x - x.mean(0), more])
    right = torch.cat([y - y.mean(), torch.zeros_like(x[0])])
    w = torch.linalg.lstsq(left, right[:, None]).solution.squeeze(1)
    return w, (y - x @ w).mean()


@alternative("indices of what is kept, and least squares", replaces="dropout_forward")
def dropout_by_indices(x, noise, *, p, training):
    require_dropping(x, noise, p)
    if not training:
        return x, None
    kept = (noise.reshape(-1) >= p).nonzero().squeeze(1)
    out = torch.zeros(x.numel(), dtype=x.dtype, device=x.device)
    out[kept] = x.reshape(-1)[kept] / (1 - p)
    return out.reshape(x.shape), (kept, p)


@alternative("indices of what is kept, and least squares", replaces="dropout_backward")
def dropout_backward_by_indices(dout, cache):
    if cache is None:
        return dout.clone()
    kept, p = cache
    dx = torch.zeros(dout.numel(), dtype=dout.dtype, device=dout.device)
    dx[kept] = dout.reshape(-1)[kept] / (1 - p)
    return dx.reshape(dout.shape)


@alternative("indices of what is kept, and least squares", replaces="dropout_mlp_loss")
def network_one_sample_at_a_time(x, y, w1, b1, w2, b2, noise, *, p, reg=0.0, training=True):
    require_network(x, y, w1, b1, w2, b2, noise, p, reg)
    n, scale = len(x), 1 / (1 - p) if training else 1.0
    total = reg / 2 * (torch.einsum("ij,ij->", w1, w1) + torch.einsum("ij,ij->", w2, w2))
    dw1, db1, dw2, db2 = reg * w1, torch.zeros_like(b1), reg * w2, torch.zeros_like(b2)
    for sample, label, u in zip(x, y, noise, strict=True):
        a = sample @ w1 + b1
        on = a > 0  # what ReLU leaves and dropout keeps
        if training:
            on = on & (u >= p)
        alive = on.nonzero().squeeze(1)
        hidden = scale * a[alive]  # the thinned network: the other units do not exist
        scores = hidden @ w2[alive] + b2
        e = torch.exp(scores - scores.max())
        total = total + scores.max() + e.sum().log() - scores[label]
        g = e / e.sum()
        g[label] -= 1
        back = scale * (w2[alive] @ g)
        dw1[:, alive] += torch.outer(sample, back)
        db1[alive] += back
        dw2[alive] += torch.outer(hidden, g)
        db2 += g
    return total / n, dw1 / n, db1 / n, dw2 / n, db2 / n


# Plain loops over numbers -------------------------------------------------------------------------


@alternative("plain loops", replaces="l2_penalty", exempt={"speed"})
def penalty_by_loops(weights, *, reg):
    require_weights(weights, reg)
    total = sum(v * v for w in weights for v in w.reshape(-1).tolist())
    return weights[0].new_tensor(reg * total / 2), [w + (reg - 1) * w for w in weights]


@alternative("plain loops", replaces="ridge_loss", exempt={"speed"})
def ridge_loss_by_loops(x, y, w, b, *, reg):
    require_ridge(x, y, w, b, reg)
    n, weights, bias = len(x), w.tolist(), b.item()
    loss, db = reg / 2 * sum(v * v for v in weights) / n, 0.0
    dw = [reg * v / n for v in weights]
    for row, target in zip(x.tolist(), y.tolist(), strict=True):
        residual = sum(v * u for v, u in zip(row, weights, strict=True)) + bias - target
        loss += residual**2 / 2 / n
        db += residual / n
        for d, v in enumerate(row):
            dw[d] += residual * v / n
    return w.new_tensor(loss), w.new_tensor(dw), w.new_tensor(db)


@alternative("plain loops", replaces="ridge_solution", exempt={"speed"})
def solution_by_singular_values(x, y, *, reg):
    require_solvable(x, y, reg)
    u, s, v = torch.linalg.svd(x - x.mean(0), full_matrices=False)
    along = u.T @ (y - y.mean())
    w = v.T @ (s / (s * s + reg) * along)
    return w, y.mean() - x.mean(0) @ w


@alternative("plain loops", replaces="dropout_forward", exempt={"speed"})
def dropout_by_loops(x, noise, *, p, training):
    require_dropping(x, noise, p)
    keep = [1 / (1 - p) if u >= p else 0.0 for u in noise.reshape(-1).tolist()]
    keep = keep if training else [1.0] * x.numel()
    out = [v * k for v, k in zip(x.reshape(-1).tolist(), keep, strict=True)]
    return x.new_tensor(out).reshape(x.shape), keep


@alternative("plain loops", replaces="dropout_backward", exempt={"speed"})
def dropout_backward_by_loops(dout, cache):
    dx = [g * k for g, k in zip(dout.reshape(-1).tolist(), cache, strict=True)]
    return dout.new_tensor(dx).reshape(dout.shape)
