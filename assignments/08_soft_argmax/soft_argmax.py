# %% [markdown]
# # 8. Soft maximum, soft argmax, soft one-hot
#
# Three questions about a row of scores $x = (x_0, \dots, x_{D-1})$, and their hard answers:
#
# | question | hard answer | its derivative |
# |---|---|---|
# | how large is the largest? | $\max_i x_i$ | 1 for the largest entry, 0 for the others |
# | which one is it? | $\operatorname{argmax}_i x_i$ | 0, or undefined at a tie |
# | ... as a vector? | the one-hot vector of the argmax | 0, or undefined at a tie |
#
# Gradient descent can do nothing with a derivative of 0. This unit replaces the hard answers by
# soft ones, derives their gradients, and returns to the hard maximum at the end. All of it is built
# from one vector of shape $(D,)$, the softmax with *sharpness* $t > 0$:
#
# $$p_i = \frac{e^{t x_i}}{\sum_{j=0}^{D-1} e^{t x_j}}, \qquad i = 0, \dots, D-1.$$
#
# $t$ multiplies the scores: $t \to \infty$ gives the hard functions, $t \to 0$ forgets the scores.
# Many texts (and most libraries) speak of the *temperature* $T = 1/t$ instead, which divides them.
#
# **In this unit** `x` is a batch of shape $(N, D)$: every row is treated by itself, and $N = 1$ or
# $D = 1$ is allowed. **Indices count from 0**, as everywhere in Python.
#
# **Rules.** Derive the gradients by hand: no autograd, nothing from `torch.nn`. Also leave alone
# the functions that are the answer: `torch.softmax`, `torch.log_softmax`, `torch.logsumexp`,
# `torch.logaddexp`. Results have the dtype and the device of the inputs (float32 and float64 both
# work), inputs are never modified, and they may have any memory layout.
#
# **References.** Boyd & Vandenberghe, *Convex Optimization* (2004), section 3.1.5, for log-sum-exp
# as a smooth maximum; Goodfellow, Bengio & Courville, *Deep Learning* (2016), section 4.1, and
# Blanchard, Higham & Higham, *Accurately computing the log-sum-exp and softmax functions*, IMA
# Journal of Numerical Analysis 41 (2021), for computing it; Kendall et al., *End-to-end learning of
# geometry and context for deep stereo regression*, ICCV 2017, for a network that lives on a soft
# argmin.

# %%
"""Soft versions of max, argmax and one-hot, their gradients, and the gradient of the hard max."""

from __future__ import annotations

import torch
from torch import Tensor


def require(condition: bool, message: str) -> None:
    """Raises ValueError(message) unless the condition holds."""
    if not condition:
        raise ValueError(message)


def require_rows(x: Tensor) -> None:
    """Raises ValueError unless x is a batch of rows of floating point numbers."""
    require(
        x.ndim == 2 and x.shape[1] >= 1,
        f"x must be (N, D) with D at least 1, got shape {tuple(x.shape)}",
    )
    require(x.is_floating_point(), f"x must hold floating point numbers, got {x.dtype}")


def require_sharpness(t: float) -> None:
    """Raises ValueError unless t is positive."""
    require(t > 0, f"t must be positive, got {t}")


# %% [markdown]
# ## 8.1 The soft maximum
#
# The soft maximum of a row $x$ of shape $(D,)$ is one number,
#
# $$y(x) = \frac1t \log \sum_{i=0}^{D-1} e^{t x_i}, \qquad \text{for a batch: } x: (N, D) \mapsto
# y: (N,).$$
#
# **Why it is a maximum.** Let $m = \max_i x_i$. A sum of positive terms is at least its largest
# term and at most $D$ times its largest term: $e^{tm} \le \sum_i e^{t x_i} \le D e^{tm}$. Take the
# logarithm and divide by $t$:
#
# $$m \;\le\; y(x) \;\le\; m + \frac{\log D}{t}.$$
#
# Twice the $t$, half the gap. The upper bound is reached if all entries are equal.
#
# **Computing it.** $e^{t x_i}$ overflows in float32 as soon as $t x_i > 88.7$. Adding a constant to
# every score adds the same constant to the soft maximum, so take the row's own maximum out first:
#
# $$y(x) = m + \frac1t \log \sum_i e^{t (x_i - m)}.$$
#
# Now no exponent is positive, the largest term is exactly 1, and the sum lies between 1 and $D$: it
# can neither overflow nor become the 0 whose logarithm is $-\infty$.
#
# **Example.** $x = (0, \ln 2, 0)$ and $t = 1$: the sum is $1 + 2 + 1 = 4$ and
# $y = \ln 4 \approx 1.386$, between $m = \ln 2 \approx 0.693$ and $m + \ln 3 \approx 1.792$. With
# $t = 2$: $y = \tfrac12 \ln(1 + 4 + 1) = \tfrac12 \ln 6 \approx 0.896$, already closer to $m$.
#
# **What usually goes wrong.** *$t$ on one side only.* Without the $1/t$ in front, the result is
# near $t m$ instead of $m$; without the $t$ inside, it does not approach the maximum at all. *One
# maximum for the whole batch:* a row that lies far below it underflows to $\log 0 = -\infty$.
#
# PyTorch's `torch.logsumexp(x, dim=1)` is the case $t = 1$.


# %%
def logsumexp(x: Tensor, *, t: float = 1.0) -> Tensor:
    """Soft maximum of every row.

    Formula: y[n] = 1/t log sum_i exp(t x[n, i])   (Boyd & Vandenberghe, section 3.1.5).

    Args:
        x: (N, D), the scores; entries of +-1e4 and beyond are legitimate.
        t: sharpness, positive.

    Returns:
        y: (N,), between max and max + log(D) / t of its row.

    Raises:
        ValueError: if x is not (N, D) with D >= 1, does not hold floating point numbers, or t is
            not positive.
    """
    require_rows(x)
    require_sharpness(t)
    # TODO: compute the soft maximum of each row so that nothing overflows or underflows to log 0.
    raise NotImplementedError("logsumexp is not written yet")


# %% [markdown]
# ## 8.2 The soft one-hot vector
#
# The one-hot vector of the argmax has a 1 at the largest entry and 0 elsewhere. Its soft version is
#
# $$p_i = \frac{e^{t x_i}}{\sum_j e^{t x_j}}, \qquad x: (N, D) \mapsto p: (N, D),$$
#
# row by row. The entries are positive and sum to 1: $p$ is a probability distribution over the
# indices $0, \dots, D-1$, and everything that follows can be read as a statement about it.
#
# Numerator and denominator may both be multiplied by $e^{-tm}$, so again no exponent needs to be
# positive:
#
# $$p_i = \frac{e^{t (x_i - m)}}{\sum_j e^{t (x_j - m)}}.$$
#
# Let $g$ be the gap between the largest score and the second largest. Every other entry is
# $p_i \le e^{-t g}$, so $p$ approaches the one-hot vector exponentially fast in $t g$. It is the
# *product* that counts: multiplying all scores by 10 does just what multiplying $t$ by 10 does. At
# a tie of $k$ largest entries, each of them gets $1/k$ in the limit.
#
# **Example.** $x = (0, \ln 2, 0)$: with $t = 1$, $p = \left(\tfrac14, \tfrac12, \tfrac14\right)$.
# With $t = 2$, $p = \left(\tfrac16, \tfrac46, \tfrac16\right)$; with $t = 10$,
# $p = (1, 1024, 1) / 1026$.
#
# **What usually goes wrong.** *Dividing by $t$*, from a formula with a temperature.
# *Normalising over the wrong axis:* with $N = D$ even the shape will not tell you; the rows must
# sum to 1.


# %%
def soft_onehot(x: Tensor, *, t: float = 1.0) -> Tensor:
    """Soft version of the one-hot vector of each row's argmax.

    Formula: p[n, i] = exp(t x[n, i]) / sum_j exp(t x[n, j])   (Deep Learning, section 6.2.2.3).

    Args:
        x: (N, D), the scores; entries of +-1e4 and beyond are legitimate.
        t: sharpness, positive.

    Returns:
        p: (N, D), rows that sum to 1.

    Raises:
        ValueError: if x is not (N, D) with D >= 1, does not hold floating point numbers, or t is
            not positive.
    """
    require_rows(x)
    require_sharpness(t)
    # TODO: turn each row into the probabilities p, without overflow.
    raise NotImplementedError("soft_onehot is not written yet")


# %% [markdown]
# ## 8.3 The gradient of the soft maximum
#
# Differentiate $y = \frac1t \log S$ with $S = \sum_j e^{t x_j}$ by one entry of the row:
#
# $$\frac{\partial y}{\partial x_i}
# = \frac1t \cdot \frac1S \cdot \frac{\partial S}{\partial x_i}
# = \frac1t \cdot \frac1S \cdot t\, e^{t x_i} = \frac{e^{t x_i}}{\sum_j e^{t x_j}} = p_i .$$
#
# The $t$ of the inner derivative and the $1/t$ in front cancel. The gradient of the soft maximum is
# the soft one-hot vector, just as the gradient of the hard maximum is the hard one-hot vector. It
# sums to 1: raise all scores by $\varepsilon$, and their maximum rises by $\varepsilon$.
#
# Every row of a batch has its own maximum and its own gradient: $x: (N, D)$ gives $(N, D)$.
#
# **Example.** $x = (0, \ln 2, 0)$, $t = 1$: $\nabla y = \left(\tfrac14, \tfrac12, \tfrac14\right)$.
# Check the middle entry with a step of $\pm 0.1$: $y(0, \ln 2 + 0.1, 0) = \ln(2 + 2 e^{0.1})
# \approx 1.43755$ and $y(0, \ln 2 - 0.1, 0) \approx 1.33755$; the difference, divided by $0.2$, is
# $0.50000$.
#
# **What usually goes wrong.** *A left-over $t$ or $1/t$*, because one of the two factors was
# forgotten. With $t = 1$ nobody notices; check a gradient at another $t$.


# %%
def soft_max_gradient(x: Tensor, *, t: float = 1.0) -> Tensor:
    """Gradient of each row's soft maximum `logsumexp(x, t=t)` with respect to the row.

    Formula: dy[n] / dx[n, i] = p[n, i], the softmax of t x   (Boyd & Vandenberghe, section 3.1.5).

    Args:
        x: (N, D), the scores; entries of +-1e4 and beyond are legitimate.
        t: sharpness, positive.

    Returns:
        (N, D), row n is the gradient of y[n].

    Raises:
        ValueError: if x is not (N, D) with D >= 1, does not hold floating point numbers, or t is
            not positive.
    """
    require_rows(x)
    require_sharpness(t)
    # TODO: derive the gradient; watch what becomes of t.
    raise NotImplementedError("soft_max_gradient is not written yet")


# %% [markdown]
# ## 8.4 The Jacobian of the soft one-hot vector
#
# Every $p_i$ depends on *every* score, because they share a denominator. So the derivative of $p$
# is a matrix. Write $\log p_i = t x_i - \log S$ and use 8.3:
#
# $$\frac{\partial \log p_i}{\partial x_j} = t\,[i = j] - t\, p_j
# \quad\Rightarrow\quad
# J_{ij} = \frac{\partial p_i}{\partial x_j} = p_i \frac{\partial \log p_i}{\partial x_j}
# = t\, p_i \left([i = j] - p_j\right),$$
#
# where $[i = j]$ is 1 if $i = j$ and 0 otherwise. As a matrix, and for a batch,
#
# $$\underset{(D, D)}{J} = t \left(\operatorname{diag}(p) - p\, p^\top\right), \qquad
# x: (N, D) \mapsto J: (N, D, D).$$
#
# On the diagonal stands $t\, p_i (1 - p_i)$, beside it $-t\, p_i p_j$. Three facts to check your
# work by:
#
# 1. **$J$ is symmetric.** It holds the second derivatives of the soft maximum: $J = \nabla^2 y$.
# 2. **Its rows and columns sum to 0.** Columns, because $\sum_i p_i = 1$ whatever the scores; rows,
#    because adding the same number to all scores changes nothing.
# 3. **$v^\top J v = t \operatorname{Var}_p(v) \ge 0$**: the soft maximum is convex.
#
# **Example.** $x = (0, \ln 2, 0)$, $t = 1$, $p = \left(\tfrac14, \tfrac12, \tfrac14\right)$:
#
# $$J = \frac1{16} \begin{pmatrix} 3 & -2 & -1 \\ -2 & 4 & -2 \\ -1 & -2 & 3 \end{pmatrix}.$$
#
# **What usually goes wrong.** *Keeping only the diagonal*, as if $p_i$ depended on $x_i$ alone; see
# 8.6. *Forgetting $t$:* here nothing cancels it.


# %%
def soft_onehot_jacobian(x: Tensor, *, t: float = 1.0) -> Tensor:
    """Jacobian of each row's `soft_onehot(x, t=t)` with respect to the row.

    Formula: jacobian[n] = t (diag(p[n]) - p[n] p[n]^T), p the softmax of t x.

    Args:
        x: (N, D), the scores; entries of +-1e4 and beyond are legitimate.
        t: sharpness, positive.

    Returns:
        jacobian: (N, D, D), jacobian[n, i, j] = dp[n, i] / dx[n, j].

    Raises:
        ValueError: if x is not (N, D) with D >= 1, does not hold floating point numbers, or t is
            not positive.
    """
    require_rows(x)
    require_sharpness(t)
    # TODO: build the matrix of all partial derivatives for every row.
    raise NotImplementedError("soft_onehot_jacobian is not written yet")


# %% [markdown]
# ## 8.5 The soft argmax
#
# The hard argmax is an index. The soft argmax is the *expected* index under $p$:
#
# $$s(x) = \sum_{i=0}^{D-1} i\, p_i, \qquad x: (N, D) \mapsto s: (N,).$$
#
# It is a real number in $[0, D-1]$ and a differentiable function of the scores. If one score leads
# by a gap $g$, as in 8.2, then $s$ is its index, up to at most $(D-1)^2 e^{-tg}$.
#
# **Example.** $x = (0, \ln 2, 0)$, $t = 1$:
# $s = 0 \cdot \tfrac14 + 1 \cdot \tfrac12 + 2 \cdot \tfrac14 = 1$.
#
# **A warning about means.** $x = (\ln 2, 0, \ln 2)$ has its maxima at 0 and 2, and again $s = 1$:
# the index of the *smallest* score. A mean need not be a likely value. The soft argmax is an
# argmax only where the scores have one peak, or $t$ is large enough to single one out.
#
# **What usually goes wrong.** *Counting from 1.* A good test is reversal: write the row backwards,
# and $s$ becomes $D - 1 - s$. *Rounding the result to an index:* that throws away the derivative
# for which we came.


# %%
def soft_argmax(x: Tensor, *, t: float = 1.0) -> Tensor:
    """Soft argmax of every row: the expected index, counted from 0.

    Formula: s[n] = sum_i i p[n, i], p the softmax of t x   (Kendall et al., 2017).

    Args:
        x: (N, D), the scores; entries of +-1e4 and beyond are legitimate.
        t: sharpness, positive.

    Returns:
        s: (N,), in [0, D - 1], with the dtype of x.

    Raises:
        ValueError: if x is not (N, D) with D >= 1, does not hold floating point numbers, or t is
            not positive.
    """
    require_rows(x)
    require_sharpness(t)
    # TODO: compute the mean index of each row under its probabilities p.
    raise NotImplementedError("soft_argmax is not written yet")


# %% [markdown]
# ## 8.6 The gradient of the soft argmax
#
# Score $x_i$ moves *all* the probabilities, so the chain rule sums over all of them. With the
# Jacobian of 8.4,
#
# $$\frac{\partial s}{\partial x_i} = \sum_{j} j\, \frac{\partial p_j}{\partial x_i}
# = \sum_j j\, t\, p_j \left([i = j] - p_i\right)
# = t\, p_i \Big( i - \sum_j j\, p_j \Big) = t\, p_i\, (i - s),$$
#
# for a batch $x: (N, D) \mapsto (N, D)$. In words: raising a score pulls the mean towards its
# index, the more the likelier the index is and the farther it is from the mean. Indices to the left
# of $s$ have **negative** entries. The entries sum to $t \sum_i p_i (i - s) = t (s - s) = 0$, as
# they must: adding a constant to the row does not move $s$. And
# $\sum_i i\, \partial s / \partial x_i = t \operatorname{Var}_p(i)$.
#
# **Example.** $x = (0, \ln 2, 0)$, $t = 1$, $s = 1$:
#
# $$\nabla s = \left(\tfrac14 (0 - 1),\ \tfrac12 (1 - 1),\ \tfrac14 (2 - 1)\right)
# = \left(-\tfrac14,\ 0,\ \tfrac14\right).$$
#
# ### Why $i\, p_i (1 - p_i)$ is not the gradient
#
# This formula is often quoted. It comes from differentiating $\sum_i i\, p_i$ term by term with
# $\partial p_i / \partial x_i = p_i (1 - p_i)$: *only the diagonal of the Jacobian*, without $t$.
# Write the right gradient so that the two can be compared:
#
# $$t\, p_i\, (i - s)
# = \underbrace{t\, i\, p_i (1 - p_i)}_{\text{diagonal: } j = i}
# \;\underbrace{-\; t\, p_i \sum_{j \ne i} j\, p_j}_{\text{all the others}} .$$
#
# The second part is what happens to the other indices: the probability that $i$ gains, *they lose*.
# No calculation is needed to see that it cannot be left out. In the example the quoted formula says
# $\left(0, \tfrac14, \tfrac38\right)$, and
#
# - it says that $x_0$ has no influence, ever. But raise $x_0$ from 0 to 0.1, and $s$ falls from
#   $1$ to $4 / (e^{0.1} + 3) \approx 0.974$: a slope of about $-\tfrac14$;
# - it is never negative. So it says that raising *any* score moves the mean to the right, even the
#   score of an index far to the left of it;
# - it sums to $\tfrac58$, so raising all scores together would move the mean. But $p$, and with it
#   $s$, does not change at all;
# - it does not contain $t$. The scores $(0, \ln 2 / t, 0)$ have the same $p$ for every $t$, so it
#   gives the same slopes for all of them. But $s$ depends on $t x$ only: what a step of $0.1$ does
#   at $t = 1$, a step of $0.1/t$ does at another $t$. The slope is proportional to $t$.
#
# It is also *nearly* right in places, which is how it survives. For $D = 2$ and $t = 1$ the entry
# $i = 1$ is correct, because the only other index has $j = 0$. A check of one number would pass.
#
# **What usually goes wrong.** Besides the above: *forgetting $t$*, and *a mean counted from 1 with
# indices counted from 0*.


# %%
def soft_argmax_gradient(x: Tensor, *, t: float = 1.0) -> Tensor:
    """Gradient of each row's `soft_argmax(x, t=t)` with respect to the row.

    Formula: ds[n] / dx[n, i] = t p[n, i] (i - s[n]), p the softmax of t x, s the soft argmax.

    Args:
        x: (N, D), the scores; entries of +-1e4 and beyond are legitimate.
        t: sharpness, positive.

    Returns:
        (N, D), row n is the gradient of s[n].

    Raises:
        ValueError: if x is not (N, D) with D >= 1, does not hold floating point numbers, or t is
            not positive.
    """
    require_rows(x)
    require_sharpness(t)
    # TODO: derive the gradient: each score moves all of the row's probabilities.
    raise NotImplementedError("soft_argmax_gradient is not written yet")


# %% [markdown]
# ## 8.7 Back to the hard maximum
#
# $y = \max_i x_i$ copies one entry of the row and ignores the others. If the largest entry is
# unique, it stays the largest under a small change, so
#
# $$\frac{\partial y}{\partial x_i} = \begin{cases} 1 & i = \operatorname{argmax}_j x_j \\
# 0 & \text{otherwise,} \end{cases}
# \qquad \frac{\partial L}{\partial x_{ni}} = \frac{\partial L}{\partial y_n}
# \left[i = \operatorname{argmax}_j x_{nj}\right],$$
#
# with `dout` $= \partial L / \partial y$ of shape $(N,)$ and `dx` of shape $(N, D)$. This is the
# limit of the soft gradient $p$ as $t \to \infty$.
#
# **At a tie** the maximum has no derivative. $p$ tends to $1/k$ for each of $k$ largest entries;
# every way to share out a total of 1 among them is a subgradient. **Convention of this course: the
# first maximum of the row gets all of it.** Ties are no rarity; after a ReLU, whole rows are 0.
#
# PyTorch has both conventions: `torch.max(x, dim=1)` sends the gradient to the one index that it
# returns, `torch.amax(x, dim=1)` shares it out evenly. `torch.argmax` returns the first maximum.
#
# **Example.** $x = \begin{pmatrix} 1 & 3 & 3 \\ 2 & 0 & -1 \end{pmatrix}$ and `dout` $= (5, -2)$
# give
#
# $$\frac{\partial L}{\partial x} = \begin{pmatrix} 0 & 5 & 0 \\ -2 & 0 & 0 \end{pmatrix}.$$
#
# **What usually goes wrong.** *Sending the whole gradient to every tied entry:* each row of `dx`
# must sum to its entry of `dout`. *Forgetting `dout`*, or multiplying by the maximum itself.


# %%
def max_backward(dout: Tensor, x: Tensor) -> Tensor:
    """Gradient of the hard maximum of each row; a tie gives all to the first maximum.

    Formula: dx[n, i] = dout[n] if i is the first argmax of x[n], and 0 otherwise.

    Args:
        dout: (N,), the gradient of the loss with respect to the maxima.
        x: (N, D), the rows.

    Returns:
        dx: (N, D).

    Raises:
        ValueError: if x is not (N, D) with D >= 1, does not hold floating point numbers, or dout
            is not (N,).
    """
    require_rows(x)
    require(
        dout.shape == x.shape[:1],
        f"dout must be ({len(x)},), one number for each row of x, got shape {tuple(dout.shape)}",
    )
    # TODO: send each row's upstream gradient to the entry that was the maximum.
    raise NotImplementedError("max_backward is not written yet")


# %% [markdown]
# ## 8.8 Soft is a compromise
#
# Put the pieces together for a row whose largest score leads by a gap $g$. All of these are
# consequences of $p_i \le e^{-tg}$ for the other indices:
#
# | | distance from the hard function | size of its gradient |
# |---|---|---|
# | soft maximum | at most $\log(D) / t$ | sums to 1, always |
# | soft one-hot | at most $(D-1)\, e^{-tg}$ | at most $t\,(D-1)\, e^{-tg}$ |
# | soft argmax | at most $(D-1)^2\, e^{-tg}$ | at most $t\,(D-1)^2\, e^{-tg}$ |
#
# The larger $t$, the closer to the hard functions, and for argmax and one-hot also: the closer to
# *their gradient, which is 0*. With $D = 10$, $g = 1$ and $t = 50$ no entry of the gradient of the
# soft argmax exceeds $10^{-18}$. Only near a tie is there a slope, and there it is steep: at a tie
# of two indices $a < b$, with the others far below, $\nabla s$ has the entries
# $\mp t\,(b - a)/4$. The function approaches a staircase: flat, with ever steeper steps. The soft
# maximum does not have this problem, since the hard maximum has a useful gradient itself.
#
# ![Two panels for five scores whose peak moves from index 0 to index 4. Left, the soft argmax: for
# sharpness 1 a gentle curve that does not reach 0 or 4, for 4 nearly a straight line, for 40 a
# staircase that hugs the steps of the hard argmax. Right, its slope: close to 1 everywhere for
# sharpness 1 and 4, but for 40 zero except for four narrow spikes of height 10, at the
# ties.](figures/staircase.svg)
#
# In the figure, the scores $x_i = -\tfrac12 (i - a)^2$, $i = 0, \dots, 4$, have their peak at $a$,
# which moves from 0 to 4. The smaller $t$ follow the peak also in between two indices, where the
# largest stands still and then jumps; at the ends of the row it is the largest that is right.
#
# In practice one takes a moderate $t$, learns it, or raises it slowly during training (annealing).


# %% [markdown] question="quoted_gradient" points=3
# ### Question: a formula from the internet (3 points)
#
# A web page claims that the gradient of the soft argmax $s = \sum_i i\, p_i$, $p =
# \operatorname{softmax}(t x)$, is $i\, p_i (1 - p_i)$.
#
# (a) Which step of the derivation is wrong, and which terms are lost by it? (b) Give a property
# that the gradient must have for *every* row $x$, say why, and show that the formula does not have
# it. (c) The author checked the formula numerically with $D = 2$ and $t = 1$ at the entry $i = 1$,
# and it agreed. Explain why, and say what a better check would look like.

# %% [markdown] answer="quoted_gradient"
# *Write your answer here.*

# %% [markdown] question="sharpness" points=3
# ### Question: choosing the sharpness (3 points)
#
# A network produces a score for each of 64 positions, and the position of an object is predicted
# as the soft argmax of the scores. The loss is the squared distance to the true position.
#
# (a) With $t = 100$ the training loss does not fall, although predictions are often far off.
# Explain this with the gradient of 8.6. (b) With $t = 0.01$ it does not get small either, at
# least not for a long time: the predictions stay near 31.5. Why? (c) Name a way out. Why does a max
# pooling layer, which uses the *hard* maximum, train without any of this?

# %% [markdown] answer="sharpness"
# *Write your answer here.*
