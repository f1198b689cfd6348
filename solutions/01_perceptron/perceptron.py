# %% [markdown]
# # 1. The perceptron
#
# The perceptron is the first machine that learned from examples (Rosenblatt, 1958). It separates
# two classes by a hyperplane and finds the hyperplane by a rule that fits in one line: *when you
# are wrong, move*. This unit is about that rule: what it does geometrically, why it comes to an
# end, and how it can be run without ever looking at the weights.
#
# | part | function | what it is |
# |---|---|---|
# | 1.1 | `predict` | which side of a hyperplane |
# | 1.2 | `distance_to_hyperplane` | how far from it |
# | 1.3 | `fit_primal` | the perceptron rule on the weights |
# | 1.4 | `gram_matrix` | all inner products of the samples |
# | 1.5 | `fit_dual` | the same rule, using inner products only |
# | 1.6 | `dual_to_primal` | the weights that belong to the dual solution |
#
# The labels of the two classes are $y \in \{-1, +1\}$ throughout. This is not cosmetic: with this
# choice, $y\,(w \cdot x + b)$ is positive exactly if the sample is on its right side, and one
# formula serves both classes.
#
# **Rules of this unit.** No autograd and nothing from `torch.nn`. Samples are `x` of shape
# $(N, D)$, labels `y` of shape $(N,)$, of the dtype of `x` and each $-1$ or $+1$; weights `w` have
# the shape $(D,)$, and the bias `b` is a 0-dim tensor. Results have the dtype and the device of the
# inputs (float32 and float64 both work), inputs are never modified, and may have any memory layout.
#
# **References.** Rosenblatt, *The perceptron: a probabilistic model for information storage and
# organization in the brain*, Psychological Review 65 (1958); Novikoff, *On convergence proofs for
# perceptrons*, 1962; Cristianini & Shawe-Taylor, *An Introduction to Support Vector Machines*
# (2000), chapter 2; Bishop, *Pattern Recognition and Machine Learning* (2006), section 4.1.

# %%
"""The perceptron: hyperplanes, the learning rule in primal and in dual form."""

from __future__ import annotations

import torch
from torch import Tensor


def require(condition: bool, message: str) -> None:
    """Raises ValueError(message) unless the condition holds."""
    if not condition:
        raise ValueError(message)


def require_samples(x: Tensor) -> None:
    """Raises ValueError unless x is a non-empty matrix of floating point numbers."""
    require(
        x.ndim == 2 and x.numel() > 0 and x.is_floating_point(),
        f"x must be (N, D), not empty and of floating point numbers, "
        f"got {x.dtype} of shape {tuple(x.shape)}",
    )


def require_labels(x: Tensor, y: Tensor) -> None:
    """Raises ValueError unless y holds a label -1 or +1 for each sample, in the dtype of x."""
    require(
        y.shape == x.shape[:1] and y.dtype == x.dtype,
        f"y must hold one label for each of the {len(x)} samples, in the dtype of x, {x.dtype}, "
        f"got {y.dtype} of shape {tuple(y.shape)}",
    )
    require(bool((y.abs() == 1).all()), "y must hold labels -1 and +1, got others")


def require_hyperplane(x: Tensor, w: Tensor, b: Tensor) -> None:
    """Raises ValueError unless samples, weights and bias fit together."""
    require_samples(x)
    require(
        w.shape == x.shape[1:],
        f"w must be (D,) with D = {x.shape[1]}, the columns of x, got shape {tuple(w.shape)}",
    )
    require(b.shape == (), f"b must be a 0-dim tensor, got shape {tuple(b.shape)}")


def require_training(x: Tensor, y: Tensor, *, lr: float, max_epochs: int) -> None:
    """Raises ValueError unless these are data and hyperparameters to train with."""
    require_samples(x)
    require_labels(x, y)
    require(lr > 0, f"lr must be above 0, got {lr}")
    require(max_epochs >= 1, f"max_epochs must be at least 1, got {max_epochs}")


# %% [markdown]
# ## 1.1 Which side
#
# Weights $w$ of shape $(D,)$ and a bias $b$ describe the hyperplane of all points with
# $w \cdot x + b = 0$. It cuts the space in two halves, and the sign tells them apart. For samples
# $X$ of shape $(N, D)$,
#
# $$\hat y_n = \operatorname{sign}\Big( \sum_{d=1}^{D} X_{nd}\, w_d + b \Big) \in \{-1, +1\},
# \qquad \hat y: (N,).$$
#
# The vector $w$ stands at right angles to the hyperplane and points to the positive side: for two
# points $p$ and $q$ *on* it, $w \cdot (p - q) = -b - (-b) = 0$. The bias shifts it: without $b$
# every hyperplane would go through the origin.
#
# **Convention: $\operatorname{sign}(0) = +1$.** A point on the hyperplane has to be given one of
# the two labels, and we give it $+1$. (`torch.sign(0)` is 0, which is no label.)
#
# **Example.** $w = (3, 4)$ and $b = -5$. The points $(3, 4)$, $(0, 0)$ and $(1, 0.5)$ have
# $w \cdot x + b = 20$, $-5$ and $0$, so $\hat y = (+1, -1, +1)$.
#
# **What usually goes wrong.** *`torch.sign`*, as above. *Forgetting $b$.* *Labels 0 and 1:* with
# them the rule of 1.3 never learns from half of the samples.


# %%
def predict(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    """The label of each sample: on which side of the hyperplane it lies.

    Formula: sign(x w + b) with sign(0) = +1   (Rosenblatt, 1958).

    Args:
        x: (N, D), samples.
        w: (D,), weights.
        b: 0-dim tensor, bias.

    Returns:
        (N,), each -1 or +1, in the dtype of x.

    Raises:
        ValueError: if x is not a non-empty matrix of floating point numbers, or the shapes of x, w
            and b do not fit together.
    """
    require_hyperplane(x, w, b)
    # TODO: decide for every sample on which side it lies; what lies on the hyperplane is +1.
    ### BEGIN SOLUTION
    return torch.where(x @ w + b >= 0, 1.0, -1.0).to(x.dtype)
    ### END SOLUTION


# %% [markdown]
# ## 1.2 How far
#
# How far is a point $x$ from the hyperplane? Walk from $x$ at right angles to it, that is, along
# the unit vector $w / \lVert w \rVert$, until you stand on it. After a walk of (signed) length $t$
# you are at $x - t\, w / \lVert w \rVert$, and that is on the hyperplane if
#
# $$w \cdot \Big( x - t\,\frac{w}{\lVert w \rVert} \Big) + b = 0
# \quad\Longleftrightarrow\quad
# w \cdot x + b = t\, \frac{w \cdot w}{\lVert w \rVert} = t\, \lVert w \rVert .$$
#
# So $t = (w \cdot x + b) / \lVert w \rVert$, positive on the positive side, and the distance is its
# absolute value,
#
# $$d_n = \frac{\left| X_{n} \cdot w + b \right|}{\lVert w \rVert},
# \qquad \lVert w \rVert = \sqrt{\textstyle\sum_d w_d^2}, \qquad d: (N,).$$
#
# Multiplying $w$ *and* $b$ by 7 describes the same hyperplane, and the distances stay the same. The
# score $w \cdot x + b$ alone is not a distance: it becomes 7 times as large. For a sample with
# label $y$, the signed number $y\,(w \cdot x + b) / \lVert w \rVert$ is called its *margin*.
#
# **Example.** With $w = (3, 4)$, $b = -5$, $\lVert w \rVert = 5$, the points of 1.1 are at the
# distances $20/5 = 4$, $5/5 = 1$ and $0$.
#
# **What usually goes wrong.** *Dividing only $w \cdot x$ by the norm, and not $b$.* *Forgetting the
# absolute value.* *Counting $b$ as part of the norm:* $b$ has no direction.


# %%
def distance_to_hyperplane(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    """The Euclidean distance of each sample from the hyperplane.

    Formula: |x w + b| / ||w||   (Bishop, equation 4.7).

    Args:
        x: (N, D), samples.
        w: (D,), weights, not all of them 0.
        b: 0-dim tensor, bias.

    Returns:
        (N,), not negative.

    Raises:
        ValueError: if x is not a non-empty matrix of floating point numbers, the shapes of x, w and
            b do not fit together, or w is 0, which describes no hyperplane.
    """
    require_hyperplane(x, w, b)
    require(bool((w != 0).any()), "w must not be 0: it describes no hyperplane")
    # TODO: compute the distance of every sample.
    ### BEGIN SOLUTION
    return (x @ w + b).abs() / w.square().sum().sqrt()
    ### END SOLUTION


# %% [markdown]
# ## 1.3 The perceptron rule
#
# Go through the samples one after the other. If a sample is on its right side, do nothing. If it is
# not, that is, if
#
# $$y_n\, (w \cdot x_n + b) \le 0,$$
#
# move the hyperplane a little in its favour, with a learning rate $\eta > 0$ (`lr`):
#
# $$w \leftarrow w + \eta\, y_n\, x_n, \qquad b \leftarrow b + \eta\, y_n,
# \qquad w, x_n: (D,), \quad b: ().$$
#
# **Why this helps.** After the update the sample scores
#
# $$y_n \big( (w + \eta y_n x_n) \cdot x_n + b + \eta y_n \big)
# = y_n (w \cdot x_n + b) + \eta \left( \lVert x_n \rVert^2 + 1 \right),$$
#
# because $y_n^2 = 1$: always more than before. (It is also a gradient step. The loss
# $\max(0, -y\,(w \cdot x + b))$ is 0 on the right side; on the wrong side its gradient is $-y\,x$
# for $w$ and $-y$ for $b$. The rule is stochastic gradient descent on it, with batches of one.)
#
# **The algorithm, exactly.**
#
# 1. Start with $w = 0$ and $b = 0$.
# 2. An *epoch* (or pass) visits all samples once, in their order, and updates as above. Every
#    update counts at once, for the very next sample.
# 3. Stop after the first epoch without an update: all samples are on their right side. The
#    algorithm has *converged*. Otherwise stop after `max_epochs` epochs, not converged. (If the
#    last epoch allowed made an update, nobody has checked the result yet; it does not count as
#    converged.)
#
# **Why $\le$ and not $<$.** At the start all scores are 0. With $<$ no sample would ever count as
# wrong, and nothing would ever be learned.
#
# **Why it ends** (Novikoff, 1962). Write a sample and the parameters with the bias as one more
# coordinate: $\tilde x_n = (x_n, 1)$ and $v = (w, b)$, both of shape $(D + 1,)$; the rule is
# $v \leftarrow v + \eta y_n \tilde x_n$. Suppose that some unit vector $u$ separates the data with
# margin $\gamma > 0$, $y_n\, u \cdot \tilde x_n \ge \gamma$ for all $n$, and let
# $R = \max_n \lVert \tilde x_n \rVert$. Every update
#
# - moves $v$ towards $u$: $u \cdot v$ grows by $\eta\, y_n\, u \cdot \tilde x_n \ge \eta \gamma$;
# - does not make $v$ much longer: $\lVert v \rVert^2$ grows by
#   $2 \eta\, y_n v \cdot \tilde x_n + \eta^2 \lVert \tilde x_n \rVert^2 \le \eta^2 R^2$, since the
#   first term is not positive for a sample that is on the wrong side.
#
# After $k$ updates therefore
# $k \eta \gamma \le u \cdot v \le \lVert v \rVert \le \sqrt k\, \eta R$, that is,
#
# $$k \le \left( \frac{R}{\gamma} \right)^2 .$$
#
# The number of mistakes is bounded, whatever the number of samples, their order, and $\eta$. (That
# the learning rate is missing is no accident: from zero, it multiplies $w$ and $b$ as a whole and
# changes no decision.) If no hyperplane separates the classes, the rule never stops moving.
#
# **Example.** $x_1 = (1, 1)$, $x_2 = (2, 0)$, $x_3 = (0, 2)$, labels $+1, -1, +1$, $\eta = 1$:
#
# | epoch | sample | $y\,(w \cdot x + b)$ | update to $w$, $b$ |
# |---|---|---|---|
# | 1 | $x_1$ | $0$ | $(1, 1)$, $1$ |
# | 1 | $x_2$ | $-3$ | $(-1, 1)$, $0$ |
# | 1 | $x_3$ | $2$ | |
# | 2 | $x_1$ | $0$ | $(0, 2)$, $1$ |
# | 2 | $x_2$ | $-1$ | $(-2, 2)$, $0$ |
# | 2 | $x_3$ | $4$ | |
# | 3 | $x_1$ | $0$ | $(-1, 3)$, $1$ |
# | 3 | $x_2$, $x_3$ | $1$, $7$ | |
# | 4 | $x_1$, $x_2$, $x_3$ | $3$, $1$, $7$ | none: converged |
#
# ![Six panels. Five show the three samples and the boundary after each of the five updates: it
# turns and shifts to and fro towards its final place, and each time the sample that caused the
# update comes to lie on its right side. The sixth plots the length of v and its part along u
# against the number of updates; both stay between a line that rises in proportion to k and a curve
# that rises like the root of k.](figures/updates.svg)
#
# In the figure, a ring marks the sample that moved the boundary, the arrow is the direction of $w$,
# and the shaded side is predicted $+1$. A single update need not put its sample right for good:
# what $x_1$ gains, $x_2$ takes away again. The last panel shows the argument above at work: $u
# \cdot v$ and $\lVert v \rVert$ are caught between the two bounds, which must cross in the end.
#
# Five updates. The bound: $R^2 = 5$, and $u = (-2, 2, 1)/3$ separates with $\gamma = \tfrac13$, so
# there can be at most 45. With `max_epochs=3` the result is the same $w = (-1, 3)$, $b = 1$, but
# not converged.
#
# **What usually goes wrong.** *$<$ for $\le$.* *Collecting the updates of an epoch* and applying
# them at its end. *Forgetting the bias*, or moving it by $\eta$ without $y_n$. *Updating with
# $y - \hat y$*, which is Rosenblatt's form for other labels: here it doubles every step.


# %%
def fit_primal(
    x: Tensor, y: Tensor, *, lr: float = 1.0, max_epochs: int = 100
) -> tuple[Tensor, Tensor, bool]:
    """Train a perceptron on the weights.

    Formula: when y[n] (w . x[n] + b) <= 0, w <- w + lr y[n] x[n] and b <- b + lr y[n]; from zero,
    samples in order, until an epoch makes no update   (Rosenblatt, 1958; Novikoff, 1962).

    Args:
        x: (N, D), samples.
        y: (N,), labels -1 and +1, in the dtype of x.
        lr: the learning rate, above 0.
        max_epochs: the largest number of passes over the samples, at least 1.

    Returns:
        w: (D,), weights.
        b: 0-dim tensor, bias.
        converged: a bool, whether the last epoch made no update.

    Raises:
        ValueError: if x is not a non-empty matrix of floating point numbers, y is not one label -1
            or +1 for each row of x, or a hyperparameter is too small.
    """
    require_training(x, y, lr=lr, max_epochs=max_epochs)
    # TODO: go through the samples, epoch by epoch, and update on every sample that is not on its
    # right side.
    ### BEGIN SOLUTION
    w, b = x.new_zeros(x.shape[1]), x.new_zeros(())
    for _ in range(max_epochs):
        converged = True
        for sample, label in zip(x, y, strict=True):
            if label * (sample @ w + b) <= 0:
                w, b = w + lr * label * sample, b + lr * label
                converged = False
        if converged:
            break
    return w, b, converged
    ### END SOLUTION


# %% [markdown]
# ## 1.4 The Gram matrix
#
# The dual form below needs nothing of the samples but their inner products with one another:
#
# $$G_{ij} = x_i \cdot x_j = \sum_{d=1}^{D} X_{id} X_{jd}, \qquad
# \underset{(N, N)}{G} = \underset{(N, D)}{X}\ \underset{(D, N)}{X^\top} .$$
#
# $G$ is symmetric, its diagonal holds the squared lengths $\lVert x_i \rVert^2$, and it is positive
# semidefinite: $c^\top G c = \lVert \sum_i c_i x_i \rVert^2 \ge 0$ for every $c$ of shape $(N,)$.
# Rotating all samples changes every coordinate and not one entry of $G$: it knows the geometry of
# the samples, and nothing about the axes.
#
# **Example.** The samples of 1.3, $(1, 1)$, $(2, 0)$, $(0, 2)$:
#
# $$G = \begin{pmatrix} 2 & 2 & 2 \\ 2 & 4 & 0 \\ 2 & 0 & 4 \end{pmatrix}.$$
#
# **What usually goes wrong.** *$X^\top X$*, which has the shape $(D, D)$ and compares features, not
# samples. With $N = D$ nothing but the numbers gives it away.


# %%
def gram_matrix(x: Tensor) -> Tensor:
    """All inner products of the samples with one another.

    Formula: G = x x^T, i.e. G[i, j] = sum_d x[i, d] x[j, d]
    (Cristianini & Shawe-Taylor, section 2.1).

    Args:
        x: (N, D), samples.

    Returns:
        (N, N), symmetric.

    Raises:
        ValueError: if x is not a non-empty matrix of floating point numbers.
    """
    require_samples(x)
    # TODO: compute the inner product of every sample with every sample.
    ### BEGIN SOLUTION
    return x @ x.T
    ### END SOLUTION


# %% [markdown]
# ## 1.5 The dual form
#
# Look at what the rule of 1.3 does to $w$. It starts at 0, and each update adds $\eta\, y_i x_i$
# for some sample. So at any time
#
# $$\underset{(D,)}{w} = \sum_{i=1}^{N} \alpha_i\, y_i\, x_i, \qquad
# b = \sum_{i=1}^{N} \alpha_i\, y_i, \qquad
# \alpha_i = \eta \cdot (\text{number of updates on sample } i), \quad \alpha: (N,).$$
#
# Instead of $w$ one can keep the numbers $\alpha_i$. Put the sum into the score of a sample:
#
# $$w \cdot x_n + b = \sum_{j=1}^{N} \alpha_j\, y_j\, (x_j \cdot x_n) + b
# = \sum_{j=1}^{N} \alpha_j\, y_j\, G_{jn} + b .$$
#
# The samples occur only inside inner products. The algorithm becomes: visit the samples in the same
# order, and when
#
# $$y_n \Big( \sum_j \alpha_j\, y_j\, G_{jn} + b \Big) \le 0, \qquad\text{then}\qquad
# \alpha_n \leftarrow \alpha_n + \eta, \quad b \leftarrow b + \eta\, y_n .$$
#
# Start, order and end are those of 1.3. It is *the same algorithm*, step by step, in other
# coordinates: same mistakes, same number of epochs, same hyperplane.
#
# **What it is good for.** First, $\alpha$ says how hard each sample was; samples with
# $\alpha_i = 0$ could have been left out. Second, if $D$ is much larger than $N$, there is less
# to keep and to compute. Third, and most of all, $G$ may be replaced by any other positive
# semidefinite matrix $k(x_i, x_j)$, called a *kernel*, and the perceptron then separates in a space
# that nobody has to compute: this is the kernel trick (Aizerman, Braverman & Rozonoer, 1964).
#
# **Example.** On the data of 1.3: three updates on $x_1$, two on $x_2$, none on $x_3$. So
# $\alpha = (3, 2, 0)$ and $b = 3 - 2 = 1$. The score of $x_1$ is
# $3 \cdot 2 - 2 \cdot 2 + 1 = 3$, as in the last line of the table.
#
# **What usually goes wrong.** *The label in the wrong place:* it is in the sum and in the update of
# $b$, not in the update of $\alpha$, which only counts. $\alpha$ is never negative. *The label
# nowhere:* $\sum_j \alpha_j G_{jn}$ adds up both classes with the same sign.
#
# (In floating point the two forms round differently, so a score that is 0 on paper may come out on
# either side. With small integers as data and a power of two as learning rate all numbers are
# exact; the tests use such data.)


# %%
def fit_dual(
    x: Tensor, y: Tensor, *, lr: float = 1.0, max_epochs: int = 100
) -> tuple[Tensor, Tensor, bool]:
    """Train a perceptron on one number per sample, from inner products only.

    Formula: when y[n] (sum_j alpha[j] y[j] G[j, n] + b) <= 0, alpha[n] <- alpha[n] + lr and
    b <- b + lr y[n]; from zero, samples in order, until an epoch makes no update
    (Cristianini & Shawe-Taylor, section 2.1).

    Args:
        x: (N, D), samples; only their inner products are used.
        y: (N,), labels -1 and +1, in the dtype of x.
        lr: the learning rate, above 0.
        max_epochs: the largest number of passes over the samples, at least 1.

    Returns:
        alpha: (N,), lr times the number of updates on each sample.
        b: 0-dim tensor, bias.
        converged: a bool, whether the last epoch made no update.

    Raises:
        ValueError: if x is not a non-empty matrix of floating point numbers, y is not one label -1
            or +1 for each row of x, or a hyperparameter is too small.
    """
    require_training(x, y, lr=lr, max_epochs=max_epochs)
    # TODO: run the algorithm of fit_primal with alpha in place of w; of x use the Gram matrix only.
    ### BEGIN SOLUTION
    gram = gram_matrix(x)
    alpha, b = x.new_zeros(len(x)), x.new_zeros(())
    for _ in range(max_epochs):
        converged = True
        for n in range(len(x)):
            if y[n] * ((alpha * y) @ gram[:, n] + b) <= 0:
                alpha[n] += lr
                b = b + lr * y[n]
                converged = False
        if converged:
            break
    return alpha, b, converged
    ### END SOLUTION


# %% [markdown]
# ## 1.6 Back to the weights
#
# For predictions on new samples one needs $w$ (or the old samples). It is the sum of 1.5:
#
# $$w_d = \sum_{i=1}^{N} \alpha_i\, y_i\, X_{id}, \qquad
# \underset{(D,)}{w} = \underset{(D, N)}{X^\top}\ \underset{(N,)}{(\alpha \odot y)} .$$
#
# **Example.** $\alpha = (3, 2, 0)$ on the data of 1.3: $w = 3\,(1, 1) - 2\,(2, 0) = (-1, 3)$, as
# `fit_primal` found.
#
# **What usually goes wrong.** *Leaving out the labels.* *A mean instead of the sum.*


# %%
def dual_to_primal(alpha: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """The weights that belong to a dual solution.

    Formula: w = sum_i alpha[i] y[i] x[i]   (Cristianini & Shawe-Taylor, section 2.1).

    Args:
        alpha: (N,), one number per sample, in the dtype of x.
        x: (N, D), samples.
        y: (N,), labels -1 and +1, in the dtype of x.

    Returns:
        w: (D,).

    Raises:
        ValueError: if x is not a non-empty matrix of floating point numbers, or alpha or y is not
            one number (for y -1 or +1) for each row of x.
    """
    require_samples(x)
    require_labels(x, y)
    require(
        alpha.shape == x.shape[:1] and alpha.dtype == x.dtype,
        f"alpha must hold one number for each of the {len(x)} samples, in the dtype of x, "
        f"{x.dtype}, got {alpha.dtype} of shape {tuple(alpha.shape)}",
    )
    # TODO: add up the samples, each with its number and its label.
    ### BEGIN SOLUTION
    return (alpha * y) @ x
    ### END SOLUTION


# %% [markdown] question="exclusive_or" points=3
# ### Question: what a perceptron cannot learn (3 points)
#
# The four points $(0, 0)$, $(1, 1)$ have the label $-1$ and $(0, 1)$, $(1, 0)$ the label $+1$
# (exclusive or). (a) Prove that no $w$, $b$ puts all four on their right side. (b) What does
# `fit_primal` do on these data, and what does the theorem of 1.3 say about it? (c) Name a feature
# that could be added to the two coordinates so that the perceptron succeeds, and give a
# separating hyperplane.
#
# ### BEGIN MARK SCHEME
# - 1 point (a): adding the two inequalities of each class gives w1 + w2 + 2b < 0 and
#   w1 + w2 + 2b > 0 (with <= and >= on the appropriate side), a contradiction. (Accept: both
#   classes have the midpoint (1/2, 1/2), which would have to lie strictly on both sides.)
# - 1 point (b): every epoch makes at least one update, so it stops after max_epochs with converged
#   False; the theorem assumes a margin gamma > 0, which does not exist here, and says nothing. (The
#   weights do not grow without limit, they run in circles; not required.)
# - 1 point (c): e.g. the product x1 x2, with w = (2, 2, -4), b = -1: scores -1, -1, 1, 1. (Accept
#   any feature with a correct hyperplane, such as (x1 - x2)^2 > 1/2.)
# ### END MARK SCHEME

# %% [markdown] answer="exclusive_or"
# ### BEGIN SOLUTION
# (a) The labels require $b < 0$ and $w_1 + w_2 + b < 0$ for the negative points, $w_2 + b \ge 0$
# and $w_1 + b \ge 0$ for the positive ones. The sum of the first two is $w_1 + w_2 + 2b < 0$, that
# of the last two is $w_1 + w_2 + 2b \ge 0$: impossible. In pictures: both pairs have the midpoint
# $(\tfrac12, \tfrac12)$, and it cannot lie on both sides.
#
# (b) After any epoch there is a sample on the wrong side, so no epoch is free of updates and the
# function returns after `max_epochs` epochs with `converged` False. The theorem does not apply: it
# assumes that some hyperplane has a positive margin.
#
# (c) Add $x_3 = x_1 x_2$. Then $w = (2, 2, -4)$ and $b = -1$ give the scores $-1$ for $(0, 0, 0)$,
# $-1$ for $(1, 1, 1)$ and $+1$ for the other two. (A hidden layer learns such features; unit 3.)
# ### END SOLUTION

# %% [markdown] question="primal_or_dual" points=2
# ### Question: primal or dual (2 points)
#
# How many multiplications does it take to decide about one sample in the primal form and in the
# dual form ($N$ samples with $D$ features, Gram matrix already computed)? When is the dual form
# preferable? Why does an algorithm that uses only inner products allow features that are never
# computed?
#
# ### BEGIN MARK SCHEME
# - 1 point: primal of the order of D, dual of the order of N per decision (only samples with alpha
#   not 0 count), plus N^2 D once for the Gram matrix and N^2 numbers to store; the dual pays if D
#   is much larger than N, the primal if there are many samples.
# - 1 point: in the dual form the samples appear in x_i . x_j only; replace it by a kernel
#   k(x_i, x_j) = phi(x_i) . phi(x_j), which can be computed directly although phi(x) is very long
#   or infinite (e.g. (x . z)^2 for all products of two coordinates; a Gaussian).
# ### END MARK SCHEME

# %% [markdown] answer="primal_or_dual"
# ### BEGIN SOLUTION
# The primal score $w \cdot x_n$ takes $D$ multiplications, the dual score
# $\sum_j (\alpha_j y_j) G_{jn}$ takes $N$ (fewer if many $\alpha_j$ are 0); the Gram matrix costs
# about $N^2 D$ once, and $N^2$ numbers of memory. The dual form pays if there are far more features
# than samples, the primal form if there are many samples.
#
# If the samples occur only inside inner products, each $x_i \cdot x_j$ can be replaced by
# $k(x_i, x_j) = \phi(x_i) \cdot \phi(x_j)$ for a feature map $\phi$. Often $k$ is cheap although
# $\phi(x)$ is long or infinite: $(x \cdot z)^2$ is the inner product of all products of two
# coordinates, $e^{-\lVert x - z \rVert^2}$ belongs to a space of infinite dimension. The algorithm
# then finds a hyperplane in that space without computing one coordinate of it.
# ### END SOLUTION
