# %% [markdown]
# # 2. Softmax regression
#
# Which of $C$ classes does a sample belong to? Softmax regression answers with a *distribution*
# over the classes: it computes one score per class, turns the scores into probabilities, and is
# trained so that the observed labels become as probable as possible. It is the last layer of
# nearly every classifier that you will build, and its gradient is the first number that
# backpropagation sends back into the network. If it is wrong, everything below it is wrong.
#
# The unit goes from the inside to the outside:
#
# | part | function | maps |
# |---|---|---|
# | 2.1, 2.2 | `softmax`, `log_softmax` | scores $(N, C)$ to (log) probabilities $(N, C)$ |
# | 2.3, 2.4 | `softmax_jacobian`, `softmax_vjp` | the derivative, as a matrix and as an action |
# | 2.5 | `softmax_cross_entropy` | scores and labels to the loss and its gradient |
# | 2.6, 2.7 | `softmax_regression_loss`, `predict` | the same for the linear model |
# | 2.8 | `fit` | training by minibatches |
#
# Two habits of the whole course start here:
#
# 1. **Check every formula in a way that is not the formula.** Rows of a softmax sum to 1; its
#    gradient sums to 0; a model that knows nothing has the loss $\log C$.
# 2. **Paper and computer differ.** $e^{89}$ is a number on paper and $\infty$ in float32. Code must
#    be right for every score up to $\pm 10^4$, which takes one line, once you know which.
#
# **Rules of this unit.** Derive the gradients by hand: no autograd, nothing from `torch.nn`. Also
# leave alone the functions that are the answer: `torch.softmax`, `torch.log_softmax`,
# `torch.logsumexp`, `torch.logaddexp`. Results have the dtype and the device of the inputs
# (float32 and float64 both work), inputs are never modified, and inputs may have any memory layout.
#
# **References.** Bishop, *Pattern Recognition and Machine Learning* (2006), section 4.3.4;
# Goodfellow, Bengio & Courville, *Deep Learning* (2016), sections 4.1 and 6.2.2; Hastie,
# Tibshirani & Friedman, *The Elements of Statistical Learning* (2009), section 4.4.

# %%
"""Softmax regression: probabilities from scores, the loss and its gradient, training."""

from __future__ import annotations

import torch
from torch import Tensor


def require(condition: bool, message: str) -> None:
    """Raises ValueError(message) unless the condition holds."""
    if not condition:
        raise ValueError(message)


def require_rows(name: str, rows: Tensor, columns: str) -> None:
    """Raises ValueError unless `rows` is a non-empty matrix of floating point numbers."""
    require(
        rows.ndim == 2 and rows.numel() > 0 and rows.is_floating_point(),
        f"{name} must be (N, {columns}), not empty and of floating point numbers, "
        f"got {rows.dtype} of shape {tuple(rows.shape)}",
    )


def require_labels(y: Tensor, samples: int, classes: int) -> None:
    """Raises ValueError unless y holds one class in 0..classes-1 for each sample."""
    require(
        y.dtype == torch.int64 and y.shape == (samples,),
        f"y must hold one int64 label for each of the {samples} samples, "
        f"got {y.dtype} of shape {tuple(y.shape)}",
    )
    require(
        bool(((y >= 0) & (y < classes)).all()),
        f"y must hold labels in 0..{classes - 1}, got {int(y.min())}..{int(y.max())}",
    )


def require_model(x: Tensor, w: Tensor, b: Tensor) -> None:
    """Raises ValueError unless samples, weights and biases fit together."""
    require_rows("x", x, "D")
    require(
        w.ndim == 2 and w.shape[0] == x.shape[1],
        f"w must be (D, C) with D = {x.shape[1]}, the columns of x, got shape {tuple(w.shape)}",
    )
    require(
        b.shape == w.shape[1:],
        f"b must be (C,) with C = {w.shape[1]}, the columns of w, got shape {tuple(b.shape)}",
    )


def require_training(
    x: Tensor, y: Tensor, *, classes: int, lr: float, batch_size: int, epochs: int
) -> None:
    """Raises ValueError unless these are data and hyperparameters to train with."""
    require_rows("x", x, "D")
    require(classes >= 2, f"classes must be at least 2, got {classes}")
    require_labels(y, len(x), classes)
    require(lr > 0, f"lr must be above 0, got {lr}")
    require(batch_size >= 1, f"batch_size must be at least 1, got {batch_size}")
    require(epochs >= 1, f"epochs must be at least 1, got {epochs}")


# %% [markdown]
# ## 2.1 Softmax
#
# Scores (also called *logits*) $z_1, \dots, z_C$ are any real numbers. Probabilities have to be
# positive and to sum to 1. The exponential takes care of the first, division by the sum of the
# second. For a batch of scores $Z$ of shape $(N, C)$, row by row,
#
# $$P_{nc} = \frac{e^{Z_{nc}}}{\sum_{j=1}^{C} e^{Z_{nj}}}, \qquad P: (N, C), \qquad
# \sum_{c} P_{nc} = 1.$$
#
# Larger scores get larger probabilities, and the *difference* of two scores is the logarithm of
# the ratio of their probabilities: $z_i - z_j = \log (p_i / p_j)$. Only differences matter, hence
#
# $$\operatorname{softmax}(z + a \mathbf 1)_c = \frac{e^{a} e^{z_c}}{e^{a} \sum_j e^{z_j}}
# = \operatorname{softmax}(z)_c \qquad \text{for every number } a.$$
#
# **Shift invariance is what makes softmax computable.** In float32, $e^{z}$ is $\infty$ from
# $z \approx 88.7$ on and $0$ below $z \approx -104$ (in float64: $709.8$ and $-745$), so the
# formula as it stands gives $\infty/\infty$ or $0/0$, both NaN. Choose $a = -\max_j z_j$, *for each
# row its own*. Then all exponents are at most 0 and nothing overflows; and one of them is exactly
# 0, so the sum is at least 1 and never vanishes. What underflows to 0 now is a probability that is
# 0 to all digits that the format has.
#
# **Example.** $z = (0, \ln 2, \ln 7)$: the exponentials are $1, 2, 7$, their sum is 10, so
# $p = (0.1, 0.2, 0.7)$. The scores $(1000, 1000 + \ln 2, 1000 + \ln 7)$ give the same $p$.
#
# **What usually goes wrong.** *Normalising along the wrong axis:* rows are samples, and samples
# never mix. With $N = C$ the mistake keeps the right shape. *Subtracting the maximum of the whole
# batch:* a row that lies 1000 below another has only zeros left, and $0/0$ is NaN. *Cutting the
# scores off* at $\pm 50$, or *adding $10^{-8}$ to the denominator:* it silences the NaN and returns
# something that is not the softmax.
#
# PyTorch calls this `torch.softmax(z, dim=1)`.
#
# *Reference.* Bridle, *Probabilistic interpretation of feedforward classification network
# outputs*, 1990.


# %%
def softmax(z: Tensor) -> Tensor:
    """Probabilities from scores, row by row, without overflow.

    Formula: p[n, c] = exp(z[n, c]) / sum_j exp(z[n, j])   (Bridle, 1990).

    Args:
        z: (N, C); entries of +-1e4 are legitimate, and rows may be far apart.

    Returns:
        p: (N, C), not negative; every row sums to 1.

    Raises:
        ValueError: if z is not a non-empty matrix of floating point numbers.
    """
    require_rows("z", z, "C")
    # TODO: turn every row into probabilities, so that no intermediate result overflows.
    ### BEGIN SOLUTION
    e = torch.exp(z - z.amax(1, keepdim=True))  # exp never sees a positive number
    return e / e.sum(1, keepdim=True)
    ### END SOLUTION


# %% [markdown]
# ## 2.2 Log-softmax
#
# The loss will need $\log p$, and the obvious way to get it fails. Take $z = (0, -1000)$. The
# second probability is $e^{-1000}/(1 + e^{-1000})$, which is stored as 0, and its logarithm is
# $-\infty$. But $\log p_2$ itself is harmless: it is $-1000$. **Take the logarithm on paper, not in
# the computer:**
#
# $$\log P_{nc} = \log \frac{e^{Z_{nc}}}{\sum_j e^{Z_{nj}}}
# = Z_{nc} - \log \sum_{j=1}^{C} e^{Z_{nj}}, \qquad \log P: (N, C).$$
#
# The last term, called *log-sum-exp*, is a smooth maximum and has to be shifted too. With
# $m_n = \max_j Z_{nj}$,
#
# $$\log \sum_j e^{Z_{nj}} = m_n + \log \sum_j e^{Z_{nj} - m_n}, \qquad
# \log P_{nc} = (Z_{nc} - m_n) - \log \sum_j e^{Z_{nj} - m_n}.$$
#
# The sum lies between 1 and $C$, so its logarithm lies between 0 and $\log C$. Every $\log p$ is
# finite, however improbable the class, and at most 0.
#
# **Example.** $z = (0, \ln 2, \ln 7)$ gives $\log p = (-\ln 10, -\ln 5, -\ln\tfrac{10}{7})
# \approx (-2.3026, -1.6094, -0.3567)$; $z = (0, -1000)$ gives $(0, -1000)$, because
# $\log(1 + e^{-1000})$ is 0 to all digits.
#
# **What usually goes wrong.** *$\log(p + 10^{-8})$:* no result is $-\infty$ any more, and none is
# right either; in particular nothing gets below $\log 10^{-8} = -18.4$, so that the loss of a
# hopeless prediction looks bearable. *Shifting inside the sum and forgetting to shift back:* the
# same $m_n$ has to be subtracted from $Z_{nc}$.
#
# PyTorch calls this `torch.log_softmax(z, dim=1)`.


# %%
def log_softmax(z: Tensor) -> Tensor:
    """Logarithms of the probabilities, row by row, finite for every score.

    Formula: log p[n, c] = z[n, c] - log sum_j exp(z[n, j])   (Deep Learning, section 6.2.2.3).

    Args:
        z: (N, C); entries of +-1e4 are legitimate, and rows may be far apart.

    Returns:
        (N, C), at most 0; the exponentials of every row sum to 1.

    Raises:
        ValueError: if z is not a non-empty matrix of floating point numbers.
    """
    require_rows("z", z, "C")
    # TODO: compute the logarithms without taking the logarithm of a probability.
    ### BEGIN SOLUTION
    shifted = z - z.amax(1, keepdim=True)
    return shifted - shifted.exp().sum(1, keepdim=True).log()
    ### END SOLUTION


# %% [markdown]
# ## 2.3 The Jacobian of softmax
#
# Every probability depends on every score of its row, so the derivative is a matrix. Take one row,
# $z$ of shape $(C,)$, and write $p_i = e^{z_i} / S$ with $S = \sum_j e^{z_j}$, so that
# $\partial S / \partial z_k = e^{z_k}$. The quotient rule gives
#
# $$J_{ik} = \frac{\partial p_i}{\partial z_k}
# = \frac{[i = k]\, e^{z_i}\, S - e^{z_i} e^{z_k}}{S^2}
# = p_i \left( [i = k] - p_k \right),
# \qquad \underset{(C, C)}{J} = \operatorname{diag}(p) - \underset{(C, 1)}{p}\
# \underset{(1, C)}{p^\top}.$$
#
# On the diagonal stands $p_i (1 - p_i)$, like the derivative of a sigmoid; off the diagonal
# $-p_i p_k$: raising one score takes probability from all others.
#
# Three properties to check yours by:
#
# - $J$ is **symmetric**.
# - **Rows and columns sum to 0**: $\sum_k p_i([i = k] - p_k) = p_i - p_i = 0$. Along
#   $\mathbf 1$ nothing changes, which is shift invariance again; and the probabilities still sum to
#   1 after any change.
# - $J$ is **positive semidefinite**: $v^\top J v = \sum_i p_i v_i^2 - (\sum_i p_i v_i)^2$ is the
#   variance of $v$ under $p$. (Therefore the loss of 2.5, whose second derivative is $J$, is convex
#   in the scores.)
#
# **Example.** $p = (0.1, 0.2, 0.7)$:
#
# $$J = \begin{pmatrix} 0.09 & -0.02 & -0.07 \\ -0.02 & 0.16 & -0.14 \\ -0.07 & -0.14 & 0.21
# \end{pmatrix}.$$
#
# **What usually goes wrong.** *Keeping only the diagonal*, as if each probability depended on its
# own score alone. That is true of the sigmoid, and false here.


# %%
def softmax_jacobian(z: Tensor) -> Tensor:
    """The matrix of all derivatives of softmax at one vector of scores.

    Formula: J = diag(p) - p p^T with p = softmax(z), i.e. J[i, k] = dp[i] / dz[k]
    (Bishop, equation 4.106).

    Args:
        z: (C,); entries of +-1e4 are legitimate.

    Returns:
        (C, C).

    Raises:
        ValueError: if z is not a non-empty vector of floating point numbers.
    """
    require(
        z.ndim == 1 and len(z) > 0 and z.is_floating_point(),
        f"z must be (C,), not empty and of floating point numbers, "
        f"got {z.dtype} of shape {tuple(z.shape)}",
    )
    # TODO: build the matrix of derivatives from the probabilities.
    ### BEGIN SOLUTION
    p = softmax(z[None])[0]
    return torch.diag(p) - torch.outer(p, p)
    ### END SOLUTION


# %% [markdown]
# ## 2.4 The Jacobian at work, without building it
#
# Backpropagation never needs $J$ itself. It needs the *product* of $J^\top$ with the gradient that
# arrives from above: with $g = \partial L / \partial p$ (`dout`), the chain rule sums over all
# probabilities that a score has an influence on,
#
# $$\frac{\partial L}{\partial z_k} = \sum_{i} g_i \frac{\partial p_i}{\partial z_k}
# = \sum_i g_i\, p_i \left([i = k] - p_k\right)
# = p_k \Big( g_k - \sum_i g_i\, p_i \Big).$$
#
# This is a *vector-Jacobian product* (VJP). For a batch it is done row by row, with one inner
# product $\langle g_n, p_n \rangle$ per sample:
#
# $$\underset{(N, C)}{\frac{\partial L}{\partial Z}}
# = P \odot \big( G - \underset{(N, 1)}{(G \odot P)\,\mathbf 1} \big), \qquad G, P: (N, C).$$
#
# It costs of the order of $NC$ operations and numbers; the matrices would cost $N C^2$. With the
# $C = 50\,000$ words of a language model that is the difference between possible and impossible.
#
# In words: a score rises if its probability is wanted *more than the average*
# $\langle g, p \rangle$ of what is wanted. Each row of the result sums to 0, and a `dout` that is
# the same for all classes gives 0.
#
# **Example.** $p = (0.1, 0.2, 0.7)$, `dout` $= (1, 2, 3)$: $\langle g, p\rangle = 2.6$ and
# $\partial L / \partial z = (0.1 \cdot (-1.6),\ 0.2 \cdot (-0.6),\ 0.7 \cdot 0.4)
# = (-0.16, -0.12, 0.28)$.
#
# **What usually goes wrong.** *Multiplying by $p(1-p)$*, the diagonal only. *Taking the inner
# product over the batch* or over everything instead of within each row. *The plain mean of `dout`*
# in place of the mean under $p$: the same number when $p$ is uniform, which is where most people
# test.


# %%
def softmax_vjp(dout: Tensor, p: Tensor) -> Tensor:
    """Gradient with respect to the scores from the gradient with respect to the probabilities.

    Formula: dz[n, k] = p[n, k] (dout[n, k] - sum_i dout[n, i] p[n, i]), the Jacobian of each row
    times its dout (Deep Learning, section 6.5.2).

    Args:
        dout: (N, C), the gradient of the loss with respect to p.
        p: (N, C), probabilities: what `softmax` returned.

    Returns:
        dz: (N, C); every row sums to 0.

    Raises:
        ValueError: if p is not a non-empty matrix of floating point numbers or dout has another
            shape.
    """
    require_rows("p", p, "C")
    require(
        dout.shape == p.shape,
        f"dout must have the shape of p, {tuple(p.shape)}, got shape {tuple(dout.shape)}",
    )
    # TODO: apply the Jacobian of every row to its upstream gradient, without building it.
    ### BEGIN SOLUTION
    inner = (dout * p).sum(1, keepdim=True)  # <dout, p> of each row
    return p * (dout - inner)
    ### END SOLUTION


# %% [markdown]
# ## 2.5 The cross entropy of softmax
#
# **Where the loss comes from.** The model says that sample $n$ has label $c$ with probability
# $P_{nc}$. If the samples are independent, the observed labels $y_1, \dots, y_N$ together have
# probability $\prod_n P_{n y_n}$. Maximising it is minimising minus its logarithm; divided by $N$,
# so that the size of the batch does not matter,
#
# $$L = -\frac1N \sum_{n=1}^{N} \log P_{n y_n}
# = \frac1N \sum_{n=1}^{N} \Big( \log \sum_{c} e^{Z_{nc}} - Z_{n y_n} \Big), \qquad L: ().$$
#
# With $T_{nc} = [c = y_n]$ (the labels as *one-hot* rows) this is the cross entropy
# $-\tfrac1N \sum_{nc} T_{nc} \log P_{nc}$ between labels and predictions.
#
# **Its gradient.** Differentiate the second form. For one sample,
# $\partial \log \sum_j e^{z_j} / \partial z_c = e^{z_c} / \sum_j e^{z_j} = p_c$, and
# $\partial z_y / \partial z_c = [c = y]$. Hence
#
# $$\underset{(N, C)}{\frac{\partial L}{\partial Z}} = \frac1N \left( P - T \right).$$
#
# Prediction minus truth. The same comes out of 2.4: with
# $g_{nc} = \partial L / \partial P_{nc} = -\tfrac1N T_{nc} / P_{nc}$ the inner product is
# $-\tfrac1N$, and $P_{nc}(g_{nc} + \tfrac1N) = \tfrac1N (P_{nc} - T_{nc})$. On paper. In a computer
# that way divides by a probability that may have been rounded to 0, while $P - T$ is always
# between $-1$ and $1$. This is why loss and softmax are *one* function, here and in every library.
#
# ![Two panels over the plane of the scores z1 and z2, with z3 fixed at 0. Left, level lines of the
# probability of class 1: they run upwards where z2 is small and bend to the right, along the
# diagonal, where z2 is large. Right, level lines of the loss for a sample of class 1: evenly spaced
# where class 1 is improbable, far apart where it is probable; arrows for minus the gradient point
# across them, long in the first region and vanishing in the second.](figures/level_lines.svg)
#
# In the figure $z_3 = 0$, the sample is of class 1, and grey lines part the regions in which class
# 1, 2 or 3 has the largest score. Where the model is wrong, the loss is close to a plane and its
# gradient has nearly constant length, however wrong the model is. Where it is right, the loss is
# flat and there is nothing left to learn. The arrows point to the right, which raises $z_1$, and
# downwards as far as class 2 has taken the probability.
#
# **Example.** Two samples with three classes,
#
# $$Z = \begin{pmatrix} 0 & \ln 2 & \ln 7 \\ 0 & 0 & 0 \end{pmatrix}, \quad y = (1, 2)
# \quad\Rightarrow\quad
# P = \begin{pmatrix} 0.1 & 0.2 & 0.7 \\ \tfrac13 & \tfrac13 & \tfrac13 \end{pmatrix}, \quad
# L = \tfrac12 (\ln 5 + \ln 3) = \tfrac12 \ln 15 \approx 1.354,$$
#
# $$\frac{\partial L}{\partial Z} = \frac12
# \begin{pmatrix} 0.1 & -0.8 & 0.7 \\ \tfrac13 & \tfrac13 & -\tfrac23 \end{pmatrix}.$$
#
# For a single sample with $z = (10^4, 0)$ and $y = 1$: $L = 10^4$ and
# $\partial L / \partial z = (1, -1)$. Large, finite and right.
#
# **What usually goes wrong.** *The factor $1/N$* in the loss and not in the gradient, or the other
# way round, or $1/(NC)$ because `mean()` was taken over all entries. *$\log$ of a rounded
# probability:* the loss becomes $\infty$ where the model is most wrong. *`P[:, y]`*, which is an
# $(N, N)$ matrix, where one entry per row was meant.
#
# PyTorch calls this `nn.CrossEntropyLoss()`. It, too, takes scores and not probabilities, and means
# over the batch.


# %%
def softmax_cross_entropy(z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Mean cross entropy between labels and the softmax of scores, and its gradient.

    Formula: loss = mean_n (log sum_c exp(z[n, c]) - z[n, y[n]]), dz = (softmax(z) - onehot(y)) / N
    (Bishop, equations 4.108 and 4.109).

    Args:
        z: (N, C), scores; entries of +-1e4 are legitimate.
        y: (N,), int64 labels in 0..C-1.

    Returns:
        loss: 0-dim tensor, finite also where the true class is 1e4 below the largest.
        dz: (N, C), the gradient of the loss with respect to z.

    Raises:
        ValueError: if z is not a non-empty matrix of floating point numbers, or y is not one label
            in 0..C-1 for each row of z.
    """
    require_rows("z", z, "C")
    require_labels(y, len(z), z.shape[1])
    # TODO: compute the loss from log probabilities, and its gradient with respect to the scores.
    ### BEGIN SOLUTION
    rows = torch.arange(len(z), device=z.device)
    log_p = log_softmax(z)
    loss = -log_p[rows, y].mean()
    dz = log_p.exp()
    dz[rows, y] -= 1
    return loss, dz / len(z)
    ### END SOLUTION


# %% [markdown]
# ## 2.6 The loss of the linear model
#
# Softmax regression computes its scores by a linear map. For samples $X$ of shape $(N, D)$, weights
# $W$ of shape $(D, C)$ and biases $b$ of shape $(C,)$,
#
# $$\underset{(N, C)}{Z} = \underset{(N, D)}{X}\ \underset{(D, C)}{W} + \mathbf 1 b^\top, \qquad
# Z_{nc} = \sum_{d} X_{nd} W_{dc} + b_c .$$
#
# With $\partial L / \partial Z$ from 2.5 in hand, the chain rule needs one more step. The weight
# $W_{dc}$ occurs in column $c$ of the scores of *every* sample, with the factor $X_{nd}$, and $b_c$
# with the factor 1:
#
# $$\frac{\partial L}{\partial W_{dc}} = \sum_n X_{nd} \frac{\partial L}{\partial Z_{nc}}
# \;\Rightarrow\;
# \underset{(D, C)}{\frac{\partial L}{\partial W}} = \underset{(D, N)}{X^\top}\
# \underset{(N, C)}{\frac{\partial L}{\partial Z}},
# \qquad
# \underset{(C,)}{\frac{\partial L}{\partial b}}
# = \sum_n \frac{\partial L}{\partial Z_{n \cdot}} .$$
#
# The factor $1/N$ is already inside $\partial L/\partial Z$.
#
# **Example.** With the scores and labels of 2.5, produced by
#
# $$X = \begin{pmatrix} 1 & 2 \\ 0 & 6 \end{pmatrix}, \quad
# W = \begin{pmatrix} 0 & \ln 2 & \ln 7 \\ 0 & 0 & 0 \end{pmatrix}, \quad b = (0, 0, 0), \quad
# y = (1, 2):$$
#
# $$L = \tfrac12 \ln 15, \quad
# \frac{\partial L}{\partial W} = \begin{pmatrix} 0.05 & -0.4 & 0.35 \\ 1.1 & 0.2 & -1.3
# \end{pmatrix}, \quad
# \frac{\partial L}{\partial b} = \tfrac1{60} (13, -14, 1).$$
#
# The second row of $W$ is zero, and its gradient is not: a weight learns from its *input* and from
# the error, not from its own size. Each row of $\partial L / \partial W$, and
# $\partial L / \partial b$, sums to 0, because each row of $\partial L / \partial Z$ does.
#
# **What usually goes wrong.** *Taking means where the formula says sums*, so that $1/N$ comes in
# twice. *Reshaping $(C, D)$ to $(D, C)$* where a transpose was meant: the shape fits, the numbers
# are in the wrong places.
#
# PyTorch's `nn.Linear` stores its weights as $(C, D)$; here, as in most textbooks, they are
# $(D, C)$.


# %%
def softmax_regression_loss(
    x: Tensor, w: Tensor, b: Tensor, y: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Loss and gradients of softmax regression on one batch.

    Formula: z = x w + b, loss = mean cross entropy of z and y, dw = x^T dz, db = sum_n dz[n]
    (Bishop, section 4.3.4).

    Args:
        x: (N, D), samples.
        w: (D, C), weights.
        b: (C,), biases.
        y: (N,), int64 labels in 0..C-1.

    Returns:
        loss: 0-dim tensor.
        dw: (D, C).
        db: (C,).

    Raises:
        ValueError: if the sizes of x, w and b do not fit together, or y is not one label in 0..C-1
            for each row of x.
    """
    require_model(x, w, b)
    require_labels(y, len(x), w.shape[1])
    # TODO: compute scores and loss, then carry the gradient of the scores on to w and b.
    ### BEGIN SOLUTION
    loss, dz = softmax_cross_entropy(x @ w + b, y)
    return loss, x.T @ dz, dz.sum(0)
    ### END SOLUTION


# %% [markdown]
# ## 2.7 Prediction
#
# The predicted class of a sample is the most probable one. Softmax keeps the order of the scores,
# so there is no need to compute a probability:
#
# $$\hat y_n = \operatorname*{arg\,max}_{c} P_{nc}
# = \operatorname*{arg\,max}_{c} \Big( \sum_d X_{nd} W_{dc} + b_c \Big), \qquad \hat y: (N,).$$
#
# If several classes share the largest score, the answer is the one with the **smallest index**.
# That is what `torch.argmax` returns, and it is no corner case: before the first step of training
# all scores are 0.
#
# Between two classes $c$ and $k$ the prediction changes where $Z_{nc} = Z_{nk}$, that is, where
# $x \cdot (w_c - w_k) + b_c - b_k = 0$: a hyperplane. Softmax regression is a *linear* classifier.
#
# **Example.** With $W$ and $X$ of 2.6 the scores are $(0, \ln 2, \ln 7)$ and $(0, 0, 0)$, so
# $\hat y = (2, 0)$.
#
# **What usually goes wrong.** *Leaving out the biases.* *The maximum over the samples* instead of
# over the classes: every prediction is then the number of a sample.


# %%
def predict(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    """The most probable class of each sample.

    Formula: argmax_c (x w + b)[n, c]; of equal scores, the class with the smallest index.

    Args:
        x: (N, D), samples.
        w: (D, C), weights.
        b: (C,), biases.

    Returns:
        (N,), int64 classes in 0..C-1.

    Raises:
        ValueError: if the sizes of x, w and b do not fit together.
    """
    require_model(x, w, b)
    # TODO: find the class with the largest score for every sample.
    ### BEGIN SOLUTION
    return (x @ w + b).argmax(1)
    ### END SOLUTION


# %% [markdown]
# ## 2.8 Training by minibatches
#
# Gradient descent moves the parameters against the gradient. Computing it on all $N$ samples for
# every step is wasteful: a random *minibatch* $B$ of a few samples gives an unbiased estimate at a
# fraction of the price,
#
# $$W \leftarrow W - \eta\, \frac{\partial L_B}{\partial W}, \qquad
# b \leftarrow b - \eta\, \frac{\partial L_B}{\partial b}, \qquad
# L_B = \frac{1}{|B|} \sum_{n \in B} \Big( \log \sum_c e^{Z_{nc}} - Z_{n y_n} \Big),$$
#
# with $W$ of shape $(D, C)$, $b$ of shape $(C,)$ and the learning rate $\eta$ (`lr`). One *epoch*
# goes through all samples once, in a new random order, cut into batches of `batch_size`:
#
# 1. Start with $W = 0$ and $b = 0$. (The loss is convex, so the start does not decide where
#    training ends; in a network with hidden layers a start at zero would never get going.)
# 2. For each epoch take the order that `epoch_orders` below returns for it.
# 3. Cut it into batches, from the front. If `batch_size` does not divide $N$, the last batch is
#    smaller, and $|B|$ in its mean is its own size. No sample is left out.
# 4. For each batch: compute loss and gradients *at the present parameters*, record the loss, then
#    take the step.
#
# So there is one loss per step, in order: `losses` has the shape
# $(\text{epochs} \cdot \lceil N / \text{batch\_size} \rceil,)$. At $W = 0$ every class has
# probability $1/C$: **the first loss is $\log C$**, whatever the data. If yours is not, look there
# first.
#
# `epoch_orders` is given, so that the same `seed` means the same training for everybody. It draws
# on the CPU, so that it is the same on every device as well.
#
# **Example.** $X = \begin{pmatrix} 1 \\ -1 \end{pmatrix}$, $y = (0, 1)$, `lr` $= 1$ and
# `batch_size` $= 2$. Step one: $P = \tfrac12$ everywhere, the loss is $\ln 2 \approx 0.693$,
# $\partial L / \partial Z = \tfrac14 \begin{pmatrix} -1 & 1 \\ 1 & -1 \end{pmatrix}$,
# $\partial L/\partial W = \left(-\tfrac12, \tfrac12\right)$, $\partial L / \partial b = (0, 0)$; so
# $W = \left(\tfrac12, -\tfrac12\right)$. Step two: both samples have the scores
# $\pm\left(\tfrac12, -\tfrac12\right)$, and the loss is $\log(1 + e^{-1}) \approx 0.313$.
#
# **What usually goes wrong.** *Shuffling the samples without their labels.* *Dropping the last,
# smaller batch.* *One order for all epochs.* *Dividing the step by the batch size*, although the
# loss is a mean already. *Recording the loss after the step.*
#
# *References.* Robbins & Monro, *A stochastic approximation method*, 1951; Bottou, *Stochastic
# gradient descent tricks*, 2012.


# %%
def epoch_orders(samples: int, *, epochs: int, seed: int, device: torch.device) -> list[Tensor]:
    """The order of the samples in each epoch: for each a new permutation, all made from seed.

    Args:
        samples: how many samples there are, N.
        epochs: how many orders to make.
        seed: where they come from.
        device: where the indices are to be; they are drawn on the CPU, so that they are the same
            on every device.

    Returns:
        A list of `epochs` tensors (N,), int64, each with every index 0..N-1 once.
    """
    generator = torch.Generator().manual_seed(seed)
    return [torch.randperm(samples, generator=generator).to(device) for _ in range(epochs)]


def fit(
    x: Tensor,
    y: Tensor,
    *,
    classes: int,
    lr: float,
    batch_size: int,
    epochs: int,
    seed: int,
) -> tuple[Tensor, Tensor, Tensor]:
    """Train softmax regression by minibatch gradient descent, starting at zero.

    Formula: w <- w - lr dw, b <- b - lr db for each batch of each epoch's order, with the mean
    loss of the batch (Deep Learning, section 8.3.1).

    Args:
        x: (N, D), samples.
        y: (N,), int64 labels in 0..classes-1.
        classes: the number of classes C, at least 2.
        lr: the learning rate, above 0.
        batch_size: the number of samples of a batch, at least 1; the last of an epoch may have
            fewer.
        epochs: how often to go through all samples, at least 1.
        seed: the seed of `epoch_orders`.

    Returns:
        w: (D, C), the trained weights.
        b: (C,), the trained biases.
        losses: (epochs * ceil(N / batch_size),), the loss of each batch before its step.

    Raises:
        ValueError: if x is not a non-empty matrix of floating point numbers, y is not one label in
            0..classes-1 for each row of x, or a hyperparameter is too small.
    """
    require_training(x, y, classes=classes, lr=lr, batch_size=batch_size, epochs=epochs)
    # TODO: take one step of gradient descent per batch, in the orders that epoch_orders gives;
    # record the loss of every batch.
    ### BEGIN SOLUTION
    w, b = x.new_zeros(x.shape[1], classes), x.new_zeros(classes)
    losses = []
    for order in epoch_orders(len(x), epochs=epochs, seed=seed, device=x.device):
        for batch in order.split(batch_size):
            loss, dw, db = softmax_regression_loss(x[batch], w, b, y[batch])
            w, b = w - lr * dw, b - lr * db
            losses.append(loss)
    return w, b, torch.stack(losses)
    ### END SOLUTION


# %% [markdown] question="two_classes" points=2
# ### Question: two classes (2 points)
#
# For $C = 2$ the model has weights $w_0, w_1$ and biases $b_0, b_1$. Show that the probability of
# class 1 is a logistic sigmoid of a *single* linear function of $x$. What does that say about the
# number of parameters that the model needs, and why can data never tell you the values of $w_0$ and
# $w_1$ themselves? What holds for $C$ classes?
#
# ### BEGIN MARK SCHEME
# - 1 point: dividing numerator and denominator by exp(z_1) gives p_1 = 1 / (1 + exp(-(z_1 - z_0)))
#   = sigmoid((w_1 - w_0) . x + b_1 - b_0).
# - 1 point: only differences matter, so adding the same vector to all columns of w (and the same
#   number to all entries of b) changes no prediction and no loss: the parameters are not
#   identifiable, one class is redundant, C - 1 weight vectors (here: one) are enough. (Accept:
#   the minimum of the loss is a line or subspace, not a point; fixing w_0 = 0 or a penalty on the
#   weights makes it unique. Welcome: gradient descent from zero keeps the sum of the columns at 0.)
# ### END MARK SCHEME

# %% [markdown] answer="two_classes"
# ### BEGIN SOLUTION
# Divide numerator and denominator by $e^{z_1}$:
#
# $$p_1 = \frac{e^{z_1}}{e^{z_0} + e^{z_1}} = \frac{1}{1 + e^{-(z_1 - z_0)}}
# = \sigma\big( (w_1 - w_0) \cdot x + (b_1 - b_0) \big).$$
#
# The model depends on $w_1 - w_0$ and $b_1 - b_0$ only: one weight vector and one bias are enough.
# Adding any vector $v$ to both $w_0$ and $w_1$ adds $v \cdot x$ to all scores of a sample, and
# softmax does not notice. Every such choice has the same loss on every data set, so no data can
# distinguish between them. In general the weights are determined only up to a common vector in all
# $C$ columns of $W$ (and a common number in $b$), and $C - 1$ columns would do. Gradient descent
# from zero picks the solution whose columns sum to 0, because every gradient does.
# ### END SOLUTION

# %% [markdown] question="why_fused" points=2
# ### Question: why softmax and loss are one function (2 points)
#
# A colleague writes `p = softmax(z)`, then `loss = -log(p[y])`, and for the gradient `g = -1/p[y]`
# followed by `softmax_vjp`. Each of the three is correct. The true class of a sample has a score
# 200 below the largest. What do loss and gradient come out as in float32, what should they be, and
# what is the consequence for training? Would "log(p + 1e-8)" help?
#
# ### BEGIN MARK SCHEME
# - 1 point: p[y] = exp(-200) is stored as 0 in float32; the loss is inf instead of 200 and the
#   gradient 0 * inf = NaN instead of softmax minus one-hot (about -1 at the true class, +1 at the
#   largest score). One NaN makes all weights NaN with the next step.
# - 1 point: with 1e-8 the loss is capped at 18.4 and, worse, the gradient through it is
#   p[y] / (p[y] + 1e-8), about 0: the sample that is most wrong teaches nothing. The fused form
#   needs no logarithm of a rounded number and no division by one: it is exact and finite. (Accept
#   "biased" with a correct statement about the gradient or about the size of the loss.)
# ### END MARK SCHEME

# %% [markdown] answer="why_fused"
# ### BEGIN SOLUTION
# $e^{-200} \approx 10^{-87}$ is far below the smallest float32, so `p[y]` is exactly 0. The loss is
# $-\log 0 = \infty$ instead of 200. `softmax_vjp` multiplies $g_y = -1/0 = -\infty$ by $p_y = 0$ in
# its inner product, which is NaN, and so is the whole gradient; it should be
# $p - \text{onehot}(y)$, about $-1$ at the true class and $+1$ at the largest. With the next step
# every weight is NaN and the training is over.
#
# With `log(p + 1e-8)` nothing is infinite, but the loss cannot exceed $18.4$, and its gradient with
# respect to $z_y$ is of the size $p_y / (p_y + 10^{-8})$, practically 0. The samples that are most
# wrong contribute nothing to learning. Computing $\log p$ from the scores, and $p - \text{onehot}$
# as the gradient of the pair, is exact, finite and cheaper.
# ### END SOLUTION
