# %% [markdown]
# # 13. Optimisers
#
# Backpropagation says in which direction the loss falls. An *optimiser* says how far to go. In this
# unit you write gradient descent and the six optimisers that most networks are trained with, one
# step each, and see that they differ in two decisions only: what they average over time, and what
# they divide by.
#
# A step is a **pure function**:
#
# ```python
# state = None                      # before the first step
# for t in range(1, steps + 1):     # t counts from 1
#     w, state = adam(w, gradient(w), state, lr=0.001)
# ```
#
# - It returns new parameters and a new state, and changes nothing that it was given: not `w`, not
#   `grad`, and not the old `state`, which somebody may have kept to try another step from there.
# - Everything that it must remember is in `state`, and nowhere else: two parameters of equal shape
#   have two states. What a state holds is your business; nobody else looks into it.
# - `w` and `grad` have one shape, any shape (`()` for a single number). All operations below are
#   **entry by entry**, so formulas are written for one entry; $g_t$ is `grad` at step $t$.
# - Hyperparameters are arguments of every step, so the learning rate may change from one step to
#   the next. A state must not depend on it unless the formula says so (only momentum does).
#
# **Rules.** Nothing from `torch.optim`, no autograd. Results have the dtype and the device of the
# inputs (float32 and float64 both work), whatever their memory layout.
#
# **Where PyTorch differs** from this course (in brackets the defaults):
#
# | | here | `torch.optim` |
# |---|---|---|
# | momentum | $v$ contains the learning rate | $v$ does not; the same while `lr` is constant |
# | AdaGrad | $\sqrt{s + \epsilon}$ ($10^{-6}$) | $\sqrt{s} + \epsilon$ ($10^{-10}$) |
# | RMSProp: $\epsilon$ | $\sqrt{s + \epsilon}$ ($10^{-6}$) | $\sqrt{s} + \epsilon$ ($10^{-8}$) |
# | RMSProp: $\gamma$ | `gamma` (0.9) | `alpha` (0.99) |
# | AdaDelta | $\epsilon$ ($10^{-5}$), no `lr` | $\epsilon$ ($10^{-6}$), a factor `lr` (1) |
# | Adam | $\sqrt{\hat v} + \epsilon$ ($10^{-8}$) | the same |
#
# **References.** Goodfellow, Bengio & Courville, *Deep Learning* (2016), chapter 8; Zhang, Lipton,
# Li & Smola, *Dive into Deep Learning*, chapter on optimization algorithms, whose conventions these
# are; the original papers at each section.

# %%
"""Gradient descent, moving averages, and one step of six optimisers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

State = Any  # whatever your next step needs; None before the first step


def require(condition: bool, message: str) -> None:
    """Raises ValueError(message) unless the condition holds."""
    if not condition:
        raise ValueError(message)


def require_numbers(x: Tensor, name: str) -> None:
    """Raises ValueError unless x holds floating point numbers."""
    require(x.is_floating_point(), f"{name} must hold floating point numbers, got {x.dtype}")


def require_gradient(w: Tensor, grad: Tensor) -> None:
    """Raises ValueError unless w holds floating point numbers and grad has its shape."""
    require_numbers(w, "w")
    require(
        grad.shape == w.shape,
        f"grad must have the shape of w, {tuple(w.shape)}, got {tuple(grad.shape)}",
    )


def require_positive(value: float, name: str) -> None:
    """Raises ValueError unless the value is positive."""
    require(value > 0, f"{name} must be positive, got {value}")


def require_fraction(value: float, name: str) -> None:
    """Raises ValueError unless the value is in [0, 1)."""
    require(0 <= value < 1, f"{name} must be in [0, 1), got {value}")


# %% [markdown]
# ## 13.1 Gradient descent
#
# The gradient $\nabla f(x)$ points where $f$ rises fastest. Take a step of length
# $\eta\, \lVert \nabla f \rVert$ in the opposite direction, again and again:
#
# $$x_k = x_{k-1} - \eta\, \nabla f(x_{k-1}), \qquad k = 1, \dots, K,$$
#
# with $x$ of any shape $S$ and the *learning rate* $\eta$ (`lr`). The result has the shape
# $(K+1) \times S$: it begins with $x_0$.
#
# **How large may $\eta$ be?** On $f(x) = \frac{\lambda}{2} x^2$ the gradient is $\lambda x$, so
#
# $$x_k = (1 - \eta \lambda)\, x_{k-1} = (1 - \eta\lambda)^k\, x_0 .$$
#
# This tends to 0 if $|1 - \eta\lambda| < 1$, that is for $0 < \eta < 2/\lambda$; beyond that every
# step overshoots by more than it gains. A function of several variables has several curvatures
# $\lambda$: **the largest limits $\eta$, and the smallest then decides how long it takes.** All
# that follows in this unit is about that conflict.
#
# **Example.** $f(x) = x^2$ ($\lambda = 2$) from $x_0 = 10$. With $\eta = 0.2$ the factor is $0.6$:
# $10,\ 6,\ 3.6,\ 2.16, \dots$ With $\eta = 1.1$ it is $-1.2$: $10,\ -12,\ 14.4,\ -17.28, \dots$
#
# **What usually goes wrong.** *Updating in place and keeping the same tensor $K+1$ times:* then all
# rows of the result are the last point, and the caller's $x_0$ is gone, too. *Evaluating the
# gradient at $x_0$ in every step.*


# %%
def gradient_descent(
    grad: Callable[[Tensor], Tensor], x0: Tensor, *, lr: float, steps: int
) -> Tensor:
    """All points that gradient descent visits.

    Formula: x[k] = x[k-1] - lr grad(x[k-1])   (Deep Learning, section 4.3).

    Args:
        grad: the gradient: takes a tensor like x0 and returns another.
        x0: where to start, any shape.
        lr: learning rate, positive.
        steps: how many steps to take, at least 0.

    Returns:
        (steps + 1, ...): x0 and the point after each step.

    Raises:
        ValueError: if x0 does not hold floating point numbers, lr is not positive, or steps is
            negative.
    """
    require_numbers(x0, "x0")
    require_positive(lr, "lr")
    require(steps >= 0, f"steps must be at least 0, got {steps}")
    # TODO: take the steps, and return all points that were visited.
    ### BEGIN SOLUTION
    points = [x0]
    for _ in range(steps):
        points.append(points[-1] - lr * grad(points[-1]))
    return torch.stack(points)
    ### END SOLUTION


# %% [markdown]
# ## 13.2 Minibatches
#
# A training loss is a mean over $n$ samples, $f(w) = \frac1n \sum_i f_i(w)$, and so is its
# gradient. The mean over a random subset $B$ is cheaper and right *on average*: if every index is
# equally likely,
#
# $$\mathbb{E}\Big[\frac{1}{|B|} \sum_{i \in B} \nabla f_i(w)\Big] = \nabla f(w) .$$
#
# In practice the indices $0, \dots, n-1$ are shuffled and cut into pieces of `batch_size`, so that
# one *epoch* visits **every sample exactly once**. If `batch_size` does not divide $n$, the last
# batch is smaller; there are $\lceil n / \text{batch size} \rceil$ batches. The seed decides the
# order: the same seed gives the same batches, another seed gives others.
#
# **Example.** $n = 7$ and a batch size of 3 give three batches, of 3, 3 and 1 indices, for instance
# $(4, 0, 6), (2, 5, 1), (3)$.
#
# **What usually goes wrong.** *Dropping the last, smaller batch. Drawing with replacement:* some
# samples come twice, about a third not at all. *Shuffling whole batches* while neighbours stay
# together: if the data are sorted by class, each batch still shows one class. And seeding torch's
# *global* generator, which changes all random numbers of the rest of the program; a
# `torch.Generator` of your own does not.


# %%
def minibatches(n: int, *, batch_size: int, seed: int) -> list[Tensor]:
    """The indices 0..n-1 in random order, cut into batches; each index occurs once.

    Args:
        n: number of samples, at least 1.
        batch_size: indices in a batch, at least 1; the last batch may have fewer.
        seed: decides the order.

    Returns:
        ceil(n / batch_size) tensors of int64 indices.

    Raises:
        ValueError: if n or batch_size is less than 1.
    """
    require(n >= 1, f"n must be at least 1, got {n}")
    require(batch_size >= 1, f"batch_size must be at least 1, got {batch_size}")
    # TODO: shuffle the indices in an order that depends on the seed alone, and cut them up.
    ### BEGIN SOLUTION
    generator = torch.Generator().manual_seed(seed)
    return list(torch.randperm(n, generator=generator).split(batch_size))
    ### END SOLUTION


# %% [markdown]
# ## 13.3 Stochastic gradient descent
#
# One step with the gradient of a minibatch, $w$ and $g$ of the same shape:
#
# $$w_t = w_{t-1} - \eta\, g_t .$$
#
# There is nothing to remember, so the state may stay `None`.
#
# **Example.** $w = (1, 2)$, $g = (0.5, -1)$, $\eta = 0.1$ give $(0.95, 2.1)$.
#
# **What usually goes wrong.** *`w -= lr * grad`* changes the caller's tensor. That is what
# `torch.optim` does, and what a pure step must not do.
#
# *Reference.* Robbins & Monro, *A stochastic approximation method*, Annals of Mathematical
# Statistics 22 (1951).


# %%
def sgd(w: Tensor, grad: Tensor, state: State, *, lr: float) -> tuple[Tensor, State]:
    """One step of stochastic gradient descent.

    Formula: w <- w - lr g   (Robbins & Monro, 1951).

    Args:
        w: the parameters, any shape.
        grad: the shape of w, the gradient at w.
        state: from the step before; None at the first step.
        lr: learning rate, positive.

    Returns:
        w: the new parameters.
        state: for the next step.

    Raises:
        ValueError: if w does not hold floating point numbers, grad does not have its shape, or lr
            is not positive.
    """
    require_gradient(w, grad)
    require_positive(lr, "lr")
    # TODO: take one step against the gradient.
    ### BEGIN SOLUTION
    return w - lr * grad, state
    ### END SOLUTION


# %% [markdown]
# ## 13.4 Exponential moving averages
#
# A minibatch gradient is noisy, so one would like to average over the last steps without keeping
# them all. An exponential moving average needs one number:
#
# $$y_0 = 0, \qquad y_t = \gamma\, y_{t-1} + (1 - \gamma)\, x_t, \qquad 0 \le \gamma < 1.$$
#
# Unrolled, $y_t$ is a weighted sum in which the past fades out exponentially:
#
# $$y_t = (1 - \gamma) \sum_{k=1}^{t} \gamma^{t-k}\, x_k .$$
#
# As $\gamma^{1/(1-\gamma)} \approx e^{-1}$, it looks back over about $1/(1-\gamma)$ steps: 10 of
# them for $\gamma = 0.9$.
#
# **The bias.** The weights add up to
# $(1-\gamma)(1 + \gamma + \dots + \gamma^{t-1}) = 1 - \gamma^t$, not to 1: the average starts at
# $y_0 = 0$ and is pulled towards it. If all $x_k = c$, then $y_t = (1 - \gamma^t)\, c$. Dividing by
# the sum of the weights makes it a true mean:
#
# $$\hat y_t = \frac{y_t}{1 - \gamma^t}, \qquad t = 1, 2, \dots$$
#
# The recursion goes on with $y_t$; only what is *read off* is corrected. For `xs` of shape
# $(T, \dots)$ the average runs along the first axis and the result has the shape of `xs`: the first
# entry, at position 0, is $t = 1$.
#
# **Example.** $x = (1, 1, 4)$, $\gamma = \tfrac12$: $y = (0.5,\ 0.75,\ 2.375)$. Corrected by
# $1 - \gamma^t = (0.5,\ 0.75,\ 0.875)$: $\hat y = \left(1,\ 1,\ \tfrac{19}{7}\right)$.
#
# **What usually goes wrong.** *$\gamma$ and $1 - \gamma$ swapped. Counting $t$ from 0:*
# $1 - \gamma^0 = 0$, and the first entry is infinite. *Feeding the corrected value back* into the
# recursion.


# %%
def exponential_moving_average(
    xs: Tensor, *, gamma: float, bias_correction: bool = False
) -> Tensor:
    """Exponential moving average along the first axis, starting from 0.

    Formula: y[t] = gamma y[t-1] + (1 - gamma) x[t], with y[0] = 0 and t = 1, 2, ...; with bias
    correction y[t] / (1 - gamma^t)   (Kingma & Ba, 2015, section 3).

    Args:
        xs: (T, ...), T >= 1; xs[0] is x[1].
        gamma: how much of the past is kept, in [0, 1).
        bias_correction: whether to divide by the sum of the weights.

    Returns:
        The shape of xs: y[1], ..., y[T].

    Raises:
        ValueError: if xs has no axis or no entry along the first, does not hold floating point
            numbers, or gamma is not in [0, 1).
    """
    require(
        xs.ndim >= 1 and len(xs) >= 1,
        f"xs must have a first axis with at least one entry, got shape {tuple(xs.shape)}",
    )
    require_numbers(xs, "xs")
    require_fraction(gamma, "gamma")
    # TODO: run the recursion, and correct what is read off it if asked to.
    ### BEGIN SOLUTION
    y = torch.zeros_like(xs[0])
    ys = []
    for t, x in enumerate(xs, start=1):
        y = gamma * y + (1 - gamma) * x
        ys.append(y / (1 - gamma**t) if bias_correction else y)
    return torch.stack(ys)
    ### END SOLUTION


# %% [markdown]
# ## 13.5 Momentum
#
# In a narrow valley the gradient points mostly *across* it, to and fro, and only a little along it.
# An average over time cancels the to and fro and adds up the rest:
#
# $$v_0 = 0, \qquad v_t = m\, v_{t-1} + \eta\, g_t, \qquad w_t = w_{t-1} - v_t,
# \qquad 0 \le m < 1.$$
#
# Unrolled, $v_t = \sum_{k=1}^{t} m^{t-k} \eta_k\, g_k$. Compare with 13.4: this is $1/(1-m)$ times
# an exponential moving average of the plain steps $\eta_k g_k$. With a constant gradient $v_t$
# grows to $\eta g / (1 - m)$; with $m = 0.9$, that is ten plain steps at once.
#
# **The learning rate is inside** $v$: a step made long ago keeps the length that it had. In
# PyTorch, $v_t = m v_{t-1} + g_t$ and $w_t = w_{t-1} - \eta_t v_t$. As long as $\eta$ is constant
# the two are the same; when it changes they are not.
#
# **Example.** $g = 1$ in every step, $\eta = 0.1$, $m = 0.5$:
# $v = 0.1,\ 0.15,\ 0.175, \dots \to 0.2$. From $w_0 = 1$: $0.9,\ 0.75,\ 0.575, \dots$
#
# **What usually goes wrong.** *Computing $v$ and then stepping with $g$. Damping the gradient:*
# $(1 - m)\, g$ belongs to an average, and here we have a sum. *Writing into the old $v$.*
#
# *Reference.* Polyak, *Some methods of speeding up the convergence of iteration methods*, USSR
# Computational Mathematics and Mathematical Physics 4 (1964).


# %%
def momentum(
    w: Tensor, grad: Tensor, state: State, *, lr: float, momentum: float = 0.9
) -> tuple[Tensor, State]:
    """One step of gradient descent with momentum.

    Formula: v <- momentum v + lr g, w <- w - v   (Polyak, 1964); v is 0 before the first step.

    Args:
        w: the parameters, any shape.
        grad: the shape of w, the gradient at w.
        state: from the step before; None at the first step.
        lr: learning rate, positive.
        momentum: how much of the last step is repeated, in [0, 1).

    Returns:
        w: the new parameters.
        state: for the next step.

    Raises:
        ValueError: if w does not hold floating point numbers, grad does not have its shape, lr is
            not positive, or momentum is not in [0, 1).
    """
    require_gradient(w, grad)
    require_positive(lr, "lr")
    require_fraction(momentum, "momentum")
    # TODO: update the velocity and move by it, without changing the old one.
    ### BEGIN SOLUTION
    v = torch.zeros_like(w) if state is None else state
    v = momentum * v + lr * grad
    return w - v, v
    ### END SOLUTION


# %% [markdown]
# ## 13.6 AdaGrad
#
# One learning rate for all entries is a compromise: an entry with a large gradient limits it, and
# an entry that rarely gets a gradient (the embedding of a rare word) hardly learns. AdaGrad gives
# every entry a rate of its own, by dividing by the size of all its gradients so far:
#
# $$s_0 = 0, \qquad s_t = s_{t-1} + g_t^2, \qquad
# w_t = w_{t-1} - \frac{\eta}{\sqrt{s_t + \epsilon}}\, g_t .$$
#
# The root makes the step *independent of the scale of the gradient*: multiply all gradients of an
# entry by 1000, and numerator and denominator both grow by 1000. As $s$ only grows, the steps
# become smaller, with gradients of constant size like $\eta / \sqrt t$.
#
# **$\epsilon$ is inside the root**, and so it is measured in squared gradients. With
# $\epsilon = 10^{-6}$ it begins to matter when $\sqrt{s}$ falls below $\sqrt\epsilon = 10^{-3}$:
# smaller gradients are no longer blown up to full size, and a gradient of 0 gives a step of 0
# instead of $0/0$. PyTorch has $\sqrt{s} + \epsilon$, where the same number would mean a threshold
# of $10^{-6}$.
#
# **Example.** $\eta = 1$, $g_1 = 3$, $g_2 = 4$: $s = 9,\ 25$, and the steps are
# $\tfrac{3}{\sqrt{9}} = 1$ and $\tfrac{4}{\sqrt{25}} = 0.8$ (up to $\epsilon$).
#
# **What usually goes wrong.** *$\epsilon$ outside the root. Dividing by $s$ instead of $\sqrt s$:*
# then the step has the unit of one over the gradient. *Updating $s$ after the step:* the first step
# is then divided by $\sqrt\epsilon$ alone, and is $1000\,|g|$ times as long as it should be.
# *Accumulating $(\eta g)^2$:* the learning rate then cancels.
#
# *Reference.* Duchi, Hazan & Singer, *Adaptive subgradient methods for online learning and
# stochastic optimization*, JMLR 12 (2011).


# %%
def adagrad(
    w: Tensor, grad: Tensor, state: State, *, lr: float, eps: float = 1e-6
) -> tuple[Tensor, State]:
    """One step of AdaGrad.

    Formula: s <- s + g^2, w <- w - lr g / sqrt(s + eps)   (Duchi et al., 2011); s is 0 before the
    first step.

    Args:
        w: the parameters, any shape.
        grad: the shape of w, the gradient at w.
        state: from the step before; None at the first step.
        lr: learning rate, positive.
        eps: keeps the denominator away from 0, positive, inside the root.

    Returns:
        w: the new parameters.
        state: for the next step.

    Raises:
        ValueError: if w does not hold floating point numbers, grad does not have its shape, or lr
            or eps is not positive.
    """
    require_gradient(w, grad)
    require_positive(lr, "lr")
    require_positive(eps, "eps")
    # TODO: accumulate the squared gradients, and divide the step by their root.
    ### BEGIN SOLUTION
    s = torch.zeros_like(w) if state is None else state
    s = s + grad**2
    return w - lr * grad / (s + eps).sqrt(), s
    ### END SOLUTION


# %% [markdown]
# ## 13.7 RMSProp
#
# AdaGrad never forgets: after a steep start its steps stay small for good. RMSProp replaces the sum
# of the squares by their exponential moving average (13.4):
#
# $$s_0 = 0, \qquad s_t = \gamma\, s_{t-1} + (1 - \gamma)\, g_t^2, \qquad
# w_t = w_{t-1} - \frac{\eta}{\sqrt{s_t + \epsilon}}\, g_t .$$
#
# $\sqrt{s_t}$ is the *root mean square* of the last $1/(1-\gamma)$ gradients, hence the name. There
# is no bias correction: $s_1 = (1-\gamma)\, g_1^2$ is too small, so the first step has the length
# $\eta / \sqrt{1 - \gamma}$, which is $3.16\, \eta$ for $\gamma = 0.9$.
#
# **Example.** $\eta = 0.1$, $\gamma = 0.75$, $g_1 = 2$, $g_2 = 0$, $g_3 = 1$: $s = 1,\ 0.75,\
# 0.8125$, and the steps are $\tfrac{0.2}{\sqrt{1}} = 0.2$, $0$ and $\tfrac{0.1}{\sqrt{0.8125}}
# \approx 0.1109$ (up to $\epsilon$).
#
# **What usually goes wrong.** *$\gamma$ and $1 - \gamma$ swapped. $\epsilon$ outside the root.*
# Both are invisible as long as gradients hardly change and are not small; so try a sequence that
# falls to $10^{-8}$.
#
# *Reference.* Tieleman & Hinton, *Lecture 6.5: RMSProp*, Neural networks for machine learning
# (2012).


# %%
def rmsprop(
    w: Tensor, grad: Tensor, state: State, *, lr: float, gamma: float = 0.9, eps: float = 1e-6
) -> tuple[Tensor, State]:
    """One step of RMSProp.

    Formula: s <- gamma s + (1 - gamma) g^2, w <- w - lr g / sqrt(s + eps)   (Tieleman & Hinton,
    2012); s is 0 before the first step.

    Args:
        w: the parameters, any shape.
        grad: the shape of w, the gradient at w.
        state: from the step before; None at the first step.
        lr: learning rate, positive.
        gamma: how much of the past is kept, in [0, 1).
        eps: keeps the denominator away from 0, positive, inside the root.

    Returns:
        w: the new parameters.
        state: for the next step.

    Raises:
        ValueError: if w does not hold floating point numbers, grad does not have its shape, lr or
            eps is not positive, or gamma is not in [0, 1).
    """
    require_gradient(w, grad)
    require_positive(lr, "lr")
    require_fraction(gamma, "gamma")
    require_positive(eps, "eps")
    # TODO: average the squared gradients over time, and divide the step by the root of that.
    ### BEGIN SOLUTION
    s = torch.zeros_like(w) if state is None else state
    s = gamma * s + (1 - gamma) * grad**2
    return w - lr * grad / (s + eps).sqrt(), s
    ### END SOLUTION


# %% [markdown]
# ## 13.8 AdaDelta
#
# Look at the units. If $w$ is in metres and the loss in euros, the gradient is in euros per metre.
# A step $\eta g$ in euros per metre is not a length; $\eta$ has to make it one. $g / \sqrt{s}$ has
# no unit at all. AdaDelta supplies the length by a second average, of the *squared steps taken so
# far*, and needs no learning rate:
#
# $$s_0 = d_0 = 0, \qquad s_t = \rho\, s_{t-1} + (1 - \rho)\, g_t^2, \qquad
# g'_t = \sqrt{\frac{d_{t-1} + \epsilon}{s_t + \epsilon}}\; g_t,$$
#
# $$w_t = w_{t-1} - g'_t, \qquad d_t = \rho\, d_{t-1} + (1 - \rho)\, (g'_t)^2 .$$
#
# Mind the order: $g'_t$ uses the *new* $s_t$ but the *old* $d_{t-1}$, since $d_t$ contains $g'_t$
# itself. And $\epsilon$ has two offices: below it prevents a division by 0, above it is what sets
# the very first step in motion, when $d_0 = 0$. A smaller $\epsilon$ means a slower start.
#
# **Example.** $g = 1$ in every step, $\rho = 0.9$, $\epsilon = 10^{-5}$: $s_1 = 0.1$,
# $g'_1 = \sqrt{10^{-5} / 0.10001} \approx 0.0099995$, $d_1 \approx 0.99990 \cdot 10^{-5}$; then
# $s_2 = 0.19$ and $g'_2 = \sqrt{1.99990 \cdot 10^{-5} / 0.19001} \approx 0.0102593$. The steps
# grow.
#
# **What usually goes wrong.** *Updating $d$ before it is used. Averaging $g^2$ in both places:*
# then the two nearly cancel, and the step is the plain gradient. *Leaving out the upper
# $\epsilon$:* nothing ever moves.
#
# *Reference.* Zeiler, *ADADELTA: an adaptive learning rate method*, arXiv:1212.5701 (2012).


# %%
def adadelta(
    w: Tensor, grad: Tensor, state: State, *, rho: float = 0.9, eps: float = 1e-5
) -> tuple[Tensor, State]:
    """One step of AdaDelta.

    Formula: s <- rho s + (1 - rho) g^2, g' = sqrt((d + eps) / (s + eps)) g, w <- w - g', then
    d <- rho d + (1 - rho) g'^2   (Zeiler, 2012, algorithm 1); s and d are 0 before the first step.

    Args:
        w: the parameters, any shape.
        grad: the shape of w, the gradient at w.
        state: from the step before; None at the first step.
        rho: how much of the past is kept, in [0, 1).
        eps: starts the first step and keeps the denominator away from 0, positive.

    Returns:
        w: the new parameters.
        state: for the next step.

    Raises:
        ValueError: if w does not hold floating point numbers, grad does not have its shape, rho is
            not in [0, 1), or eps is not positive.
    """
    require_gradient(w, grad)
    require_fraction(rho, "rho")
    require_positive(eps, "eps")
    # TODO: update both averages in the right order, and take the rescaled step.
    ### BEGIN SOLUTION
    s, d = (torch.zeros_like(w), torch.zeros_like(w)) if state is None else state
    s = rho * s + (1 - rho) * grad**2
    step = ((d + eps) / (s + eps)).sqrt() * grad
    d = rho * d + (1 - rho) * step**2
    return w - step, (s, d)
    ### END SOLUTION


# %% [markdown]
# ## 13.9 Adam
#
# Adam is momentum and RMSProp at once: an average of the gradients to step along, divided by the
# root of an average of their squares. Both are exponential moving averages from 0, and both get the
# bias correction of 13.4:
#
# $$m_0 = v_0 = 0, \qquad m_t = \beta_1 m_{t-1} + (1 - \beta_1)\, g_t, \qquad
# v_t = \beta_2 v_{t-1} + (1 - \beta_2)\, g_t^2,$$
#
# $$\hat m_t = \frac{m_t}{1 - \beta_1^t}, \qquad \hat v_t = \frac{v_t}{1 - \beta_2^t}, \qquad
# w_t = w_{t-1} - \eta\, \frac{\hat m_t}{\sqrt{\hat v_t} + \epsilon}, \qquad t = 1, 2, \dots$$
#
# **$\epsilon$ is outside the root** here, as in the paper and in PyTorch; it is measured in
# gradients. The state has three parts: $m_t$, $v_t$ (uncorrected) and the count $t$.
#
# **What the correction does.** At $t = 1$, $\hat m_1 = g_1$ and $\hat v_1 = g_1^2$, so the first
# step is $\eta\, g_1 / |g_1| = \pm \eta$, whatever the size of the gradient. Without correction it
# would be $\eta\, (1-\beta_1) / \sqrt{1 - \beta_2}$, which is $3.16\, \eta$ for the usual values.
# $|\hat m|$ exceeds $\sqrt{\hat v}$ by much only if a large gradient follows many small ones, so
# steps are rarely much longer than $\eta$, which makes $\eta$ easy to choose.
#
# **Example.** $\eta = 0.1$, $g_1 = 4$, $g_2 = -2$. Step one: $m = 0.4$, $v = 0.016$, $\hat m = 4$,
# $\hat v = 16$, so $w$ falls by $0.1 \cdot \tfrac44 = 0.1$. Step two: $m = 0.16$, $v = 0.019984$,
# $\hat m = 0.16 / 0.19 \approx 0.84211$, $\hat v = 0.019984 / 0.001999 \approx 9.99700$, so $w$
# falls by $0.1 \cdot 0.84211 / 3.16180 \approx 0.02663$. It still falls, although the gradient has
# turned.
#
# **What usually goes wrong.** *No correction*, or $1 - \beta$ in place of $1 - \beta^t$, because
# $t$ is not kept in the state. *$t$ counted from 0:* $0/0$. *The corrected averages kept in the
# state:* the next step corrects them again. *$\epsilon$ inside the root:* invisible for gradients
# of size 1; for gradients of $10^{-8}$ the step is thousands of times too short.
#
# *Reference.* Kingma & Ba, *Adam: a method for stochastic optimization*, ICLR 2015, algorithm 1.


# %%
def adam(
    w: Tensor,
    grad: Tensor,
    state: State,
    *,
    lr: float,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
) -> tuple[Tensor, State]:
    """One step of Adam.

    Formula: m <- beta1 m + (1 - beta1) g, v <- beta2 v + (1 - beta2) g^2,
    w <- w - lr m^ / (sqrt(v^) + eps) with m^ = m / (1 - beta1^t), v^ = v / (1 - beta2^t) and
    t = 1, 2, ...   (Kingma & Ba, 2015, algorithm 1); m and v are 0 before the first step.

    Args:
        w: the parameters, any shape.
        grad: the shape of w, the gradient at w.
        state: from the step before; None at the first step.
        lr: learning rate, positive.
        beta1: how much of the averaged gradient is kept, in [0, 1).
        beta2: how much of the averaged squared gradient is kept, in [0, 1).
        eps: keeps the denominator away from 0, positive, outside the root.

    Returns:
        w: the new parameters.
        state: for the next step.

    Raises:
        ValueError: if w does not hold floating point numbers, grad does not have its shape, lr or
            eps is not positive, or beta1 or beta2 is not in [0, 1).
    """
    require_gradient(w, grad)
    require_positive(lr, "lr")
    require_fraction(beta1, "beta1")
    require_fraction(beta2, "beta2")
    require_positive(eps, "eps")
    # TODO: update the averages and the count, correct the bias, and take the step.
    ### BEGIN SOLUTION
    t, m, v = (0, torch.zeros_like(w), torch.zeros_like(w)) if state is None else state
    t = t + 1
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    return w - lr * m_hat / (v_hat.sqrt() + eps), (t, m, v)
    ### END SOLUTION


# %% [markdown]
# ## 13.10 Side by side
#
# | | steps along | divides by | remembers |
# |---|---|---|---|
# | SGD | $g_t$ | 1 | nothing |
# | momentum | a sum of gradients, fading out | 1 | $v$ |
# | AdaGrad | $g_t$ | root of the sum of squares | $s$ |
# | RMSProp | $g_t$ | root of the average of squares | $s$ |
# | AdaDelta | $g_t$ | the same, times the size of the last steps | $s, d$ |
# | Adam | average of gradients, corrected | root of the average of squares, corrected | $m, v, t$ |
#
# What an optimiser remembers costs memory: Adam keeps two numbers beside every parameter.
#
# ![Paths of the six optimisers on a valley 25 times as steep across as along, and below them their
# losses over 100 steps on a logarithmic scale. SGD zigzags across the valley, momentum swings in
# wide waves, AdaGrad, RMSProp and AdaDelta first go diagonally and then straight along the valley
# floor, Adam makes one wave and overshoots. The losses of SGD, momentum and AdaGrad fall steadily;
# those of RMSProp and AdaDelta fall ever faster, jump up near the minimum and stay high; that of
# Adam falls in waves.](figures/paths.svg)
#
# In the figure $f(w) = \tfrac12 (w_1^2 + 25\, w_2^2)$, and all start at $(-9, 1.6)$. SGD has $\eta
# = 0.07$, close to the limit $2/25$ of 13.1, and zigzags. Those that divide set out at the same
# speed in both directions, whatever the curvature. But what divides by the *last* gradients does
# not slow down where the gradient vanishes: RMSProp and AdaDelta jump about the minimum. (AdaDelta
# has $\epsilon = 10^{-2}$ here, so that it starts at once.) None of the six is the best: this is
# one function, and each has the learning rate that we gave it.


# %% [markdown] question="first_step" points=3
# ### Question: Adam's first step (3 points)
#
# (a) Show that with bias correction Adam's first step has the length $\eta$ in every entry (for
# $\epsilon \to 0$ and $g \ne 0$), and compute what it would be without any correction, for
# $\beta_1 = 0.9$ and $\beta_2 = 0.999$. (b) Somebody implements `adam` with `1 - beta1` and
# `1 - beta2` in place of $1 - \beta_1^t$ and $1 - \beta_2^t$. In which step does the result differ
# from the right one for the first time? For a constant gradient, what are the step lengths after
# very many steps: with the right correction, with none, and with the wrong one? (c) Which of these
# mistakes would a test that makes a single step find?
#
# ### BEGIN MARK SCHEME
# - 1 point (a): m1 = (1 - beta1) g and v1 = (1 - beta2) g^2, so the corrected ones are g and g^2,
#   and the step is lr g/|g|. Without: lr (1 - beta1)/sqrt(1 - beta2) = lr 0.1/0.0316 = 3.16 lr.
# - 1 point (b): at step 2. After many steps m -> g, v -> g^2: right and none both tend to lr;
#   wrong: lr (1/0.1)/sqrt(1/0.001) = lr 10/31.6 = 0.316 lr.
# - 1 point (c): a single step finds the missing correction, not the wrong exponent (at t = 1,
#   beta^t = beta); hence tests of several steps.
# ### END MARK SCHEME

# %% [markdown] answer="first_step"
# ### BEGIN SOLUTION
# (a) $m_1 = (1-\beta_1) g$ and $v_1 = (1-\beta_2) g^2$, so $\hat m_1 = g$, $\hat v_1 = g^2$ and the
# step is $\eta\, g/|g|$, of length $\eta$. Without correction it is
# $\eta (1-\beta_1) g / (\sqrt{1-\beta_2}\, |g|)$, of length $\eta \cdot 0.1/0.0316 = 3.16\,\eta$.
#
# (b) At $t = 1$ both corrections are the same; the first difference is in step 2. For constant $g$
# and $t \to \infty$, $m \to g$ and $v \to g^2$, and the right corrections tend to 1: the step
# length tends to $\eta$, with the right correction and with none. With the wrong one
# $\hat m \to g/0.1$ and $\hat v \to g^2/0.001$: $\eta \cdot 10/31.6 = 0.316\,\eta$ for ever.
#
# (c) Only the missing correction. The wrong exponent is right at $t = 1$, so a test needs at least
# two steps.
# ### END SOLUTION

# %% [markdown] question="which_epsilon" points=2
# ### Question: where epsilon stands (2 points)
#
# A parameter has had gradients of about $10^{-5}$ in all steps so far. Compare the length of
# RMSProp's next step, in units of $\eta$, for $\sqrt{s + \epsilon}$ and for $\sqrt{s} + \epsilon$,
# both with $\epsilon = 10^{-6}$ (take $s = g^2$). A model is trained well with one of the two, and
# is then ported to a library that has the other. What value of $\epsilon$ should be chosen there,
# and why is it not the same number?
#
# ### BEGIN MARK SCHEME
# - 1 point: inside: 1e-5/sqrt(1e-10 + 1e-6) = about 0.01; outside: 1e-5/(1e-5 + 1e-6) = about
#   0.91. (A factor of about 90.)
# - 1 point: inside the root epsilon is measured in squared gradients, outside in gradients; the
#   thresholds agree if the outer one is about the root of the inner one (1e-3 for 1e-6, or back
#   1e-12 for 1e-6), though not exactly in between.
# ### END MARK SCHEME

# %% [markdown] answer="which_epsilon"
# ### BEGIN SOLUTION
# Inside: $10^{-5} / \sqrt{10^{-10} + 10^{-6}} \approx 10^{-5}/10^{-3} = 0.01$. Outside:
# $10^{-5} / (10^{-5} + 10^{-6}) \approx 0.91$. The same number makes a difference of a factor 90.
#
# Inside the root, $\epsilon$ is compared with squared gradients, outside with gradients. Steps
# start to shrink when $|g|$ falls below $\sqrt{\epsilon}$ in the first case and below $\epsilon$
# in the second. To keep the threshold, take the root when moving $\epsilon$ out ($10^{-6}$ becomes
# $10^{-3}$), or the square when moving it in. Near the threshold the two still differ a little.
# ### END SOLUTION

# %% [markdown] question="rare_features" points=2
# ### Question: rare features, and long training (2 points)
#
# One entry of $w$ belongs to a word that occurs in one of 1000 batches; in all others its gradient
# is exactly 0. (a) How does the length of its steps compare with that of an entry whose gradient
# is never 0, for SGD and for AdaGrad, after many steps, if a gradient that is not 0 always has the
# same size? (b) Training goes on for very long, and the loss changes its character half way. Why
# might AdaGrad fail where RMSProp does not?
#
# ### BEGIN MARK SCHEME
# - 1 point (a): SGD: the same length, but one in a thousand, so 1000 times less progress. AdaGrad:
#   s is 1000 times smaller for the rare entry, so its steps are sqrt(1000), about 32 times, longer.
# - 1 point (b): AdaGrad's s is a sum and never forgets: steps fall like 1/sqrt(t), and large early
#   gradients keep them small for good. RMSProp averages over about 1/(1 - gamma) steps and adapts.
# ### END MARK SCHEME

# %% [markdown] answer="rare_features"
# ### BEGIN SOLUTION
# (a) With SGD all steps have the length $\eta |g|$, but the rare entry makes one for a thousand of
# the other: it learns 1000 times more slowly. With AdaGrad its $s$ counts 1000 times fewer squares,
# so its rare steps are $\sqrt{1000} \approx 32$ times as long.
#
# (b) AdaGrad's $s_t$ is the sum over *all* steps. Steps shrink like $1/\sqrt t$ even if the
# gradients do not, and a steep beginning makes them small for good; when the loss changes, there
# is no speed left to follow. RMSProp's average forgets what is more than some $1/(1-\gamma)$ steps
# ago.
# ### END SOLUTION
