"""Other correct implementations of unit 13.

Together they keep their states as numbers, lists, dictionaries, objects and whole histories.
"""

import math
import random
from dataclasses import dataclass, replace

import torch
from optimisers import (
    require,
    require_fraction,
    require_gradient,
    require_numbers,
    require_positive,
)
from torch import Tensor

from autograder.testing import alternative


def checked(w, grad, *, positive=None, fractions=None):
    """Raise ValueError for the arguments of a step that the unit forbids."""
    require_gradient(w, grad)
    for name, value in (positive or {}).items():
        require_positive(value, name)
    for name, value in (fractions or {}).items():
        require_fraction(value, name)


def checked_sequence(xs, gamma):
    """Raise ValueError unless xs has entries along a first axis, and gamma is a fraction."""
    require(xs.ndim >= 1 and len(xs) >= 1, f"xs must have entries, got shape {tuple(xs.shape)}")
    require_numbers(xs, "xs")
    require_fraction(gamma, "gamma")


def checked_descent(x0, lr, steps):
    """Raise ValueError for the arguments of a descent that the unit forbids."""
    require_numbers(x0, "x0")
    require_positive(lr, "lr")
    require(steps >= 0, f"steps must be at least 0, got {steps}")


def checked_batches(n, batch_size):
    """Raise ValueError unless there are samples and batches can hold some."""
    require(n >= 1, f"n must be at least 1, got {n}")
    require(batch_size >= 1, f"batch_size must be at least 1, got {batch_size}")


# --- single numbers ---------------------------------------------------------------------------


def numbers(x):
    """The entries of a tensor as a list."""
    return x.flatten().tolist()


def like(values, x):
    """A flat list of numbers as a tensor like x."""
    return torch.tensor(values, dtype=x.dtype, device=x.device).reshape(x.shape)


def lowered(w, changes):
    """w less a flat list of numbers."""
    return like([a - b for a, b in zip(numbers(w), changes, strict=True)], w)


@alternative("loops over single numbers", replaces="gradient_descent", exempt={"speed"})
def loops_gradient_descent(grad, x0, *, lr, steps):
    checked_descent(x0, lr, steps)
    points = torch.empty(steps + 1, *x0.shape, dtype=x0.dtype, device=x0.device)
    points[0] = x0
    for k in range(steps):
        points[k + 1] = points[k] - lr * grad(points[k].clone())
    return points


@alternative("loops over single numbers", replaces="minibatches", exempt={"speed"})
def loops_minibatches(n, *, batch_size, seed):
    checked_batches(n, batch_size)
    order = list(range(n))
    random.Random(seed).shuffle(order)
    return [torch.tensor(order[start : start + batch_size]) for start in range(0, n, batch_size)]


@alternative("loops over single numbers", replaces="sgd", exempt={"speed"})
def loops_sgd(w, grad, state, *, lr):
    checked(w, grad, positive={"lr": lr})
    return lowered(w, [lr * g for g in numbers(grad)]), None


@alternative("loops over single numbers", replaces="exponential_moving_average", exempt={"speed"})
def loops_average(xs, *, gamma, bias_correction=False):
    checked_sequence(xs, gamma)
    columns = []
    for column in zip(*(numbers(x) for x in xs), strict=True):
        y, ys, weight = 0.0, [], 0.0
        for x in column:
            y, weight = gamma * y + (1 - gamma) * x, gamma * weight + (1 - gamma)
            ys.append(y / weight if bias_correction else y)
        columns.append(ys)
    flat = [ys[t] for t in range(len(xs)) for ys in columns]
    return like(flat, xs)


@alternative("loops over single numbers", replaces="momentum", exempt={"speed"})
def loops_momentum(w, grad, state, *, lr, momentum=0.9):
    checked(w, grad, positive={"lr": lr}, fractions={"momentum": momentum})
    old = state or [0.0] * w.numel()
    v = [momentum * a + lr * g for a, g in zip(old, numbers(grad), strict=True)]
    return lowered(w, v), v


@alternative("loops over single numbers", replaces="adagrad", exempt={"speed"})
def loops_adagrad(w, grad, state, *, lr, eps=1e-6):
    checked(w, grad, positive={"lr": lr, "eps": eps})
    g = numbers(grad)
    s = [a + b * b for a, b in zip(state or [0.0] * len(g), g, strict=True)]
    return lowered(w, [lr * b / math.sqrt(a + eps) for a, b in zip(s, g, strict=True)]), s


@alternative("loops over single numbers", replaces="rmsprop", exempt={"speed"})
def loops_rmsprop(w, grad, state, *, lr, gamma=0.9, eps=1e-6):
    checked(w, grad, positive={"lr": lr, "eps": eps}, fractions={"gamma": gamma})
    g = numbers(grad)
    s = [a * gamma + (1 - gamma) * b * b for a, b in zip(state or [0.0] * len(g), g, strict=True)]
    return lowered(w, [lr * b / math.sqrt(a + eps) for a, b in zip(s, g, strict=True)]), s


@alternative("loops over single numbers", replaces="adadelta", exempt={"speed"})
def loops_adadelta(w, grad, state, *, rho=0.9, eps=1e-5):
    checked(w, grad, positive={"eps": eps}, fractions={"rho": rho})
    steps, averages = [], []
    for g, (s, d) in zip(numbers(grad), state or [(0.0, 0.0)] * w.numel(), strict=True):
        s = rho * s + (1 - rho) * g * g
        steps.append(g * math.sqrt(d + eps) / math.sqrt(s + eps))
        averages.append((s, rho * d + (1 - rho) * steps[-1] ** 2))
    return lowered(w, steps), averages


@alternative("loops over single numbers", replaces="adam", exempt={"speed"})
def loops_adam(w, grad, state, *, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    checked(w, grad, positive={"lr": lr, "eps": eps}, fractions={"beta1": beta1, "beta2": beta2})
    t, moments = (0, [(0.0, 0.0)] * w.numel()) if state is None else state
    t += 1
    steps, new = [], []
    for g, (m, v) in zip(numbers(grad), moments, strict=True):
        m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g * g
        new.append((m, v))
        steps.append(lr * m / (1 - beta1**t) / (math.sqrt(v / (1 - beta2**t)) + eps))
    return lowered(w, steps), (t, new)


# --- the whole history ------------------------------------------------------------------------


def fading(rate, like_this, steps):
    """The weights rate^(t-1), ..., rate, 1 of t steps, to multiply a stack of them."""
    powers = torch.arange(steps - 1, -1, -1, device=like_this.device)
    weights = torch.tensor(rate, dtype=like_this.dtype, device=like_this.device) ** powers
    return weights.reshape(steps, *[1] * like_this.dim())


@alternative("remembers all gradients", replaces="exponential_moving_average")
def weighted_average(xs, *, gamma, bias_correction=False):
    checked_sequence(xs, gamma)
    t = torch.arange(1, len(xs) + 1, device=xs.device)
    lag = t[:, None] - t[None, :]
    weights = torch.where(lag >= 0, (1 - gamma) * gamma ** lag.clamp(min=0).double(), 0.0)
    if bias_correction:
        weights = weights / weights.sum(1, keepdim=True)
    return (weights @ xs.double().flatten(1 if xs.dim() > 1 else 0)).reshape(xs.shape).to(xs.dtype)


@alternative("remembers all gradients", replaces="momentum")
def history_momentum(w, grad, state, *, lr, momentum=0.9):
    checked(w, grad, positive={"lr": lr}, fractions={"momentum": momentum})
    steps = [*(state or []), lr * grad]
    return w - (fading(momentum, w, len(steps)) * torch.stack(steps)).sum(0), steps


@alternative("remembers all gradients", replaces="adagrad")
def history_adagrad(w, grad, state, *, lr, eps=1e-6):
    checked(w, grad, positive={"lr": lr, "eps": eps})
    grads = [*(state or []), grad.clone()]
    return w - lr * grad / (torch.stack(grads).square().sum(0) + eps).sqrt(), grads


@alternative("remembers all gradients", replaces="rmsprop")
def history_rmsprop(w, grad, state, *, lr, gamma=0.9, eps=1e-6):
    checked(w, grad, positive={"lr": lr, "eps": eps}, fractions={"gamma": gamma})
    grads = [*(state or []), grad.clone()]
    s = (1 - gamma) * (fading(gamma, w, len(grads)) * torch.stack(grads) ** 2).sum(0)
    return w - lr * grad * (s + eps) ** -0.5, grads


@alternative("remembers all gradients", replaces="adam")
def history_adam(w, grad, state, *, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    checked(w, grad, positive={"lr": lr, "eps": eps}, fractions={"beta1": beta1, "beta2": beta2})
    grads = torch.stack([*(() if state is None else state.unbind(0)), grad])
    first, second = (fading(beta, w, len(grads)) for beta in (beta1, beta2))
    m = (first * grads).sum(0) / first.sum()
    v = (second * grads * grads).sum(0) / second.sum()
    return w - lr * m / (v.sqrt() + eps), grads


# --- fused operations on copies -----------------------------------------------------------------


@alternative("fused operations, state in a dictionary", replaces="minibatches")
def drawn_minibatches(n, *, batch_size, seed):
    checked_batches(n, batch_size)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        order = torch.rand(n).argsort()
    return list(torch.split(order, batch_size))


@alternative("fused operations, state in a dictionary", replaces="sgd")
def fused_sgd(w, grad, state, *, lr):
    checked(w, grad, positive={"lr": lr})
    return torch.add(w, grad, alpha=-lr), {"steps": (state or {"steps": 0})["steps"] + 1}


@alternative("fused operations, state in a dictionary", replaces="momentum")
def fused_momentum(w, grad, state, *, lr, momentum=0.9):
    checked(w, grad, positive={"lr": lr}, fractions={"momentum": momentum})
    v = lr * grad if state is None else state["v"].clone().mul_(momentum).add_(grad, alpha=lr)
    return w - v, {"v": v}


@alternative("fused operations, state in a dictionary", replaces="adagrad")
def fused_adagrad(w, grad, state, *, lr, eps=1e-6):
    checked(w, grad, positive={"lr": lr, "eps": eps})
    s = torch.zeros_like(w) if state is None else state["s"]
    s = torch.addcmul(s, grad, grad)
    return torch.addcdiv(w, grad, torch.sqrt(s + eps), value=-lr), {"s": s}


@alternative("fused operations, state in a dictionary", replaces="rmsprop")
def fused_rmsprop(w, grad, state, *, lr, gamma=0.9, eps=1e-6):
    checked(w, grad, positive={"lr": lr, "eps": eps}, fractions={"gamma": gamma})
    s = torch.zeros_like(w) if state is None else state["s"]
    s = torch.lerp(grad.square(), s, gamma)
    return torch.addcmul(w, grad, (s + eps).rsqrt(), value=-lr), {"s": s}


@alternative("fused operations, state in a dictionary", replaces="adadelta")
def fused_adadelta(w, grad, state, *, rho=0.9, eps=1e-5):
    checked(w, grad, positive={"eps": eps}, fractions={"rho": rho})
    old = state or {"s": torch.zeros_like(w), "d": torch.zeros_like(w)}
    s = torch.lerp(grad.square(), old["s"], rho)
    step = (old["d"] + eps).sqrt().mul_(grad).mul_((s + eps).rsqrt())
    return torch.sub(w, step), {"s": s, "d": torch.lerp(step.square(), old["d"], rho)}


@alternative("fused operations, state in a dictionary", replaces="adam")
def fused_adam(w, grad, state, *, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    checked(w, grad, positive={"lr": lr, "eps": eps}, fractions={"beta1": beta1, "beta2": beta2})
    old = state or {"t": 0, "m": torch.zeros_like(w), "v": torch.zeros_like(w)}
    t = old["t"] + 1
    m = torch.lerp(grad, old["m"], beta1)
    v = torch.lerp(grad * grad, old["v"], beta2)
    root = v.sqrt().div_(math.sqrt(1 - beta2**t)).add_(eps)
    return torch.addcdiv(w, m, root, value=-lr / (1 - beta1**t)), {"t": t, "m": m, "v": v}


# --- running weights, objects as states ---------------------------------------------------------


@dataclass(frozen=True)
class Average:
    """A moving average that knows the sum of its weights."""

    value: Tensor
    weight: float = 0.0

    def after(self, x, rate):
        """The average after one more value."""
        weight = rate * self.weight + (1 - rate)
        return replace(self, value=rate * self.value + (1 - rate) * x, weight=weight)

    @property
    def mean(self):
        """The value, corrected for its start from 0."""
        return self.value / self.weight


@alternative("averages are objects", replaces="gradient_descent")
def recursive_gradient_descent(grad, x0, *, lr, steps):
    checked_descent(x0, lr, steps)

    def points(x, remaining):
        yield x
        if remaining:
            yield from points(x - lr * grad(x), remaining - 1)

    return torch.cat([x.unsqueeze(0) for x in points(x0, steps)])


@alternative("averages are objects", replaces="exponential_moving_average")
def object_average(xs, *, gamma, bias_correction=False):
    checked_sequence(xs, gamma)
    average, ys = Average(torch.zeros_like(xs[0])), torch.zeros_like(xs)
    for t in range(len(xs)):
        average = average.after(xs[t], gamma)
        ys[t] = average.mean if bias_correction else average.value
    return ys


@alternative("averages are objects", replaces="rmsprop")
def object_rmsprop(w, grad, state, *, lr, gamma=0.9, eps=1e-6):
    checked(w, grad, positive={"lr": lr, "eps": eps}, fractions={"gamma": gamma})
    s = (state or Average(torch.zeros_like(w))).after(grad * grad, gamma)
    return w - lr * grad / torch.sqrt(s.value + eps), s


@alternative("averages are objects", replaces="adadelta")
def object_adadelta(w, grad, state, *, rho=0.9, eps=1e-5):
    checked(w, grad, positive={"eps": eps}, fractions={"rho": rho})
    s, d = state or (Average(torch.zeros_like(w)), Average(torch.zeros_like(w)))
    s = s.after(grad * grad, rho)
    step = torch.sqrt(d.value + eps) / torch.sqrt(s.value + eps) * grad
    return w - step, (s, d.after(step * step, rho))


@alternative("averages are objects", replaces="adam")
def object_adam(w, grad, state, *, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    checked(w, grad, positive={"lr": lr, "eps": eps}, fractions={"beta1": beta1, "beta2": beta2})
    m, v = state or (Average(torch.zeros_like(w)), Average(torch.zeros_like(w)))
    m, v = m.after(grad, beta1), v.after(grad * grad, beta2)
    return w - lr * m.mean / (torch.sqrt(v.mean) + eps), (m, v)


# --- more digits on the way -----------------------------------------------------------------------


@alternative("keeps its state in float64", replaces="momentum")
def double_momentum(w, grad, state, *, lr, momentum=0.9):
    checked(w, grad, positive={"lr": lr}, fractions={"momentum": momentum})
    v = lr * grad.double() + (0 if state is None else momentum * state)
    return (w - v).to(w.dtype), v


@alternative("keeps its state in float64", replaces="adagrad")
def double_adagrad(w, grad, state, *, lr, eps=1e-6):
    checked(w, grad, positive={"lr": lr, "eps": eps})
    g = grad.double()
    s = g * g + (0 if state is None else state)
    return (w - lr * g / (s + eps).sqrt()).to(w.dtype), s


@alternative("keeps its state in float64", replaces="adadelta")
def double_adadelta(w, grad, state, *, rho=0.9, eps=1e-5):
    checked(w, grad, positive={"eps": eps}, fractions={"rho": rho})
    g, state = grad.double(), state or (0.0, 0.0)
    s = rho * state[0] + (1 - rho) * g * g
    step = (state[1] + eps) ** 0.5 * g / (s + eps).sqrt()
    return (w - step).to(w.dtype), (s, rho * state[1] + (1 - rho) * step * step)


@alternative("keeps its state in float64", replaces="adam")
def double_adam(w, grad, state, *, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    checked(w, grad, positive={"lr": lr, "eps": eps}, fractions={"beta1": beta1, "beta2": beta2})
    g, (m, v, power1, power2) = grad.double(), state or (0.0, 0.0, 1.0, 1.0)
    m, v = m * beta1 + (1 - beta1) * g, v * beta2 + (1 - beta2) * g * g
    power1, power2 = power1 * beta1, power2 * beta2
    step = lr * (m / (1 - power1)) / ((v / (1 - power2)).sqrt() + eps)
    return (w - step).to(w.dtype), (m, v, power1, power2)
