# %% [markdown]
# # 4. Regularisation
#
# A network that is large enough fits its training set by heart, noise included, and is then wrong
# about everything else. *Regularisation* is what one does against that: it makes the training loss
# a little worse on purpose, so that the function becomes simpler. This unit has the two ways that
# nearly every network is trained with. One pulls weights towards zero: a **penalty** on their
# squares, which turns into **weight decay** in the step of gradient descent and into **ridge
# regression** where the model is linear. The other switches units off at random: **dropout**.
#
# | part | function | what it does |
# |---|---|---|
# | 4.1 | `l2_penalty` | $\frac\lambda2 \sum \lVert w \rVert^2$ and its gradient |
# | 4.2 | `weight_decay_step` | one step of gradient descent on the penalised objective |
# | 4.3, 4.4 | `ridge_loss`, `ridge_solution` | least squares with a penalty, and its minimum |
# | 4.5, 4.6 | `dropout_forward`, `dropout_backward` | the layer that switches units off |
# | 4.7 | `dropout_mlp_loss` | a network of two layers with both |
#
# **The objective of this unit.** For a batch of $B$ samples with losses $\ell_1, \dots, \ell_B$ and
# weights $w$,
#
# $$J = \frac{1}{B} \Big( \sum_{n=1}^{B} \ell_n + \frac{\lambda}{2} \lVert w \rVert^2 \Big),$$
#
# with $\lambda \ge 0$, the argument `reg`. **The penalty is divided by $B$ like the losses**: it
# counts like $\lambda$ further samples whose loss is $\frac12 \lVert w \rVert^2$ and weighs the
# less, the more data there are. Others divide the losses only; unit 3 does, and what is called
# `reg` there is $\lambda / B$ here. Neither is wrong, but a value of `reg` means nothing until you
# know which it is. Biases are never penalised.
#
# **Rules of this unit.** Derive the gradients by hand: no autograd, nothing from `torch.nn` or
# `torch.optim`, none of torch's functions for dropout and losses. `torch.linalg` may be used, since
# solving linear equations is not what this unit is about, and so may `torch.relu`. Random numbers
# are arguments: draw none yourself. Results have the dtype and the device of the inputs (float32
# and float64 both work), inputs and caches are never modified, and inputs may have any memory
# layout.
#
# **References.** Goodfellow, Bengio & Courville, *Deep Learning* (2016), sections 7.1 and 7.12;
# Hastie, Tibshirani & Friedman, *The Elements of Statistical Learning* (2009), section 3.4.1;
# Bishop, *Pattern Recognition and Machine Learning* (2006), section 3.1.4; Zhang, Lipton, Li &
# Smola, *Dive into Deep Learning*, sections on weight decay and on dropout; the original papers at
# each section.

# %%
"""Regularisation: L2 penalty, weight decay, ridge regression, dropout."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

Cache = Any  # whatever your backward needs


def require(condition: bool, message: str) -> None:
    """Raises ValueError(message) unless the condition holds."""
    if not condition:
        raise ValueError(message)


def require_numbers(x: Tensor, name: str) -> None:
    """Raises ValueError unless x holds floating point numbers."""
    require(x.is_floating_point(), f"{name} must hold floating point numbers, got {x.dtype}")


def require_reg(reg: float) -> None:
    """Raises ValueError unless reg is a strength of regularisation."""
    require(reg >= 0, f"reg must be at least 0, got {reg}")


def require_samples(x: Tensor) -> None:
    """Raises ValueError unless x is a non-empty matrix of floating point numbers."""
    require(
        x.ndim == 2 and x.numel() > 0 and x.is_floating_point(),
        f"x must be (N, D), not empty and of floating point numbers, "
        f"got {x.dtype} of shape {tuple(x.shape)}",
    )


def require_targets(x: Tensor, y: Tensor) -> None:
    """Raises ValueError unless y holds one number for each sample of x."""
    require_samples(x)
    require_numbers(y, "y")
    require(
        y.shape == x.shape[:1],
        f"y must be (N,) with N = {len(x)}, the rows of x, got shape {tuple(y.shape)}",
    )


def require_noise(noise: Tensor, p: float, shape: tuple[int, ...]) -> None:
    """Raises ValueError unless noise has the shape of what is dropped, and p is in [0, 1)."""
    require(
        noise.shape == shape,
        f"noise must have the shape of what is dropped, {tuple(shape)}, got {tuple(noise.shape)}",
    )
    require(0 <= p < 1, f"p must be in [0, 1), got {p}")


# %% [markdown]
# ## 4.1 The penalty
#
# Large weights make a function steep: a small change of the input changes the output much. So put a
# price on them. For weights $w_1, \dots, w_K$, tensors of any shapes,
#
# $$R = \frac{\lambda}{2} \sum_{k=1}^{K} \lVert w_k \rVert^2, \qquad
# \lVert w_k \rVert^2 = \sum_i w_{k,i}^2 \quad (i \text{ runs over all entries}), \qquad
# R: \text{a single number}.$$
#
# The norm is *squared*. That makes $R$ smooth at 0, lets it split into a sum over entries, and
# gives each entry a derivative of its own; the factor $\frac12$ cancels the 2 of the square:
#
# $$\frac{\partial R}{\partial w_{k,i}} = \frac{\lambda}{2} \cdot 2\, w_{k,i} = \lambda\, w_{k,i},
# \qquad \frac{\partial R}{\partial w_k} = \lambda\, w_k, \text{ in the shape of } w_k.$$
#
# The pull towards zero is proportional to the weight: large weights are pulled hard, and a weight
# that is nearly 0 hardly at all. (With $\lvert w_i \rvert$ in place of $\frac12 w_i^2$ the pull
# would be the same for all, and many weights would become exactly 0: the *lasso*.)
#
# **Where it comes from.** Suppose that you believe, before you see data, that weights are normal
# with mean 0 and variance $1/\lambda$. Their log density is $-\frac\lambda2 \lVert w \rVert^2$ plus
# a constant. When the losses are negative log likelihoods, the most probable weights given the data
# are those that minimise $\sum_n \ell_n + R$: our $J$, times $B$.
#
# **Example.** $\lambda = \frac12$,
# $w_1 = \begin{pmatrix} 1 & -2 \\ 0 & 2 \end{pmatrix}$, $w_2 = (3)$: the squares sum to $9 + 9$, so
# $R = \frac14 \cdot 18 = 4.5$, and the gradients are
# $\begin{pmatrix} 0.5 & -1 \\ 0 & 1 \end{pmatrix}$ and $(1.5)$.
#
# **What usually goes wrong.** *$\frac{\lambda}{2} \lVert w \rVert$ without the square.* *The
# $\frac12$ in one place only:* penalty $\lambda \lVert w \rVert^2$ with gradient $\lambda w$, or
# $\frac\lambda2 \lVert w \rVert^2$ with $2 \lambda w$. *A mean over the entries:* the penalty is a
# sum.


# %%
def l2_penalty(weights: list[Tensor], *, reg: float) -> tuple[Tensor, list[Tensor]]:
    """Half the squared norm of all weights together, times reg, and its gradient.

    Formula: penalty = reg/2 sum_k ||w_k||^2, dweights[k] = reg w_k   (Deep Learning, section
    7.1.1).

    Args:
        weights: tensors of any shapes, at least one, of one dtype and on one device.
        reg: strength of the regularisation, at least 0.

    Returns:
        penalty: 0-dim tensor.
        dweights: the gradients, new tensors in the shapes and in the order of the weights.

    Raises:
        ValueError: if weights is empty or does not hold floating point numbers, or reg is negative.
    """
    require(len(weights) >= 1, "weights must hold at least one tensor, got none")
    for w in weights:
        require_numbers(w, "weights")
    require_reg(reg)
    # TODO: sum the squares of all entries of all tensors; give each tensor its gradient.
    ### BEGIN SOLUTION
    penalty = reg / 2 * sum((w * w).sum() for w in weights)
    return penalty, [reg * w for w in weights]
    ### END SOLUTION


# %% [markdown]
# ## 4.2 Weight decay
#
# Take one step of gradient descent on $J$, with the learning rate $\eta$ (`lr`). Let
# $g = \sum_n \partial \ell_n / \partial w$ be the gradients of the losses, *summed* over the batch
# (`grad_sum`, in the shape of $w$). Then
#
# $$\frac{\partial J}{\partial w} = \frac{1}{B} \left( g + \lambda w \right), \qquad
# w - \eta\, \frac{\partial J}{\partial w}
# = \Big( 1 - \frac{\eta \lambda}{B} \Big)\, w - \frac{\eta}{B}\, g .$$
#
# Before it moves along the gradient, the step makes the weights smaller by a fixed fraction: hence
# *weight decay*. Without any data pulling the other way ($g = 0$) the weights die out like
# $(1 - \eta\lambda/B)^t$. Where $g = -\lambda w$ both pulls balance and the step changes nothing:
# that is $\partial J / \partial w = 0$, the minimum of $J$ if $J$ is convex.
#
# **Beware of the denominator.** One often reads an objective with $\frac{\lambda}{2n}
# \lVert w \rVert^2$, where $n$ is the size of the whole training set, and beside it the step
# $w \leftarrow (1 - \eta\lambda/B)\, w - (\eta/B)\, g$. The step belongs to that objective only for
# the full batch, $B = n$. With smaller batches the gradient of $\frac{\lambda}{2n} \lVert w
# \rVert^2$ is $\frac{\lambda}{n} w$, and a step with $\lambda/B$ decays $n/B$ times as much. In
# this unit losses and penalty are divided by the same $B$. It follows that the balance of the two
# depends on the batch size: twice the batch needs twice the `reg`.
#
# **Example.** $w = (2, -1)$, $g = (4, 2)$, $\eta = 0.1$, $\lambda = 3$, $B = 2$. The factor is
# $1 - 0.1 \cdot \frac32 = 0.85$ and $\eta/B = 0.05$:
# $(1.7, -0.85) - (0.2, 0.1) = (1.5, -0.95)$.
#
# **What usually goes wrong.** *Dividing only one of the two by $B$.* *Decaying after the step:*
# $(1 - \eta\lambda/B)\,(w - \frac{\eta}{B} g)$ shrinks the gradient as well; the decay belongs to
# the old weights. *Decaying without $\eta$:* it is a part of the gradient, and the learning rate
# applies to all of it.
#
# In PyTorch, `torch.optim.SGD(..., weight_decay=d)` adds $d\,w$ to the gradient of the *mean* loss:
# the same step, with $d = \lambda/B$. It decays every parameter that it is given, biases too,
# unless they are put into a group of their own.
#
# *References.* Krogh & Hertz, *A simple weight decay can improve generalization*, 1992;
# Loshchilov & Hutter, *Decoupled weight decay regularization*, 2019.


# %%
def weight_decay_step(
    w: Tensor, grad_sum: Tensor, *, lr: float, reg: float, batch_size: int
) -> Tensor:
    """One step of gradient descent on the mean of the losses plus the penalty.

    Formula: w - lr/B (grad_sum + reg w) = (1 - lr reg/B) w - lr/B grad_sum, the gradient of
    (sum of losses + reg/2 ||w||^2)/B   (Deep Learning, equation 7.5).

    Args:
        w: weights of any shape.
        grad_sum: the shape of w, the gradients of the losses, summed over the batch.
        lr: the learning rate, above 0.
        reg: strength of the regularisation, at least 0.
        batch_size: the number of samples B, at least 1.

    Returns:
        The new weights, a new tensor in the shape of w.

    Raises:
        ValueError: if w does not hold floating point numbers, grad_sum does not have its shape, lr
            is not above 0, reg is negative, or batch_size is below 1.
    """
    require_numbers(w, "w")
    require(
        grad_sum.shape == w.shape,
        f"grad_sum must have the shape of w, {tuple(w.shape)}, got {tuple(grad_sum.shape)}",
    )
    require(lr > 0, f"lr must be above 0, got {lr}")
    require_reg(reg)
    require(batch_size >= 1, f"batch_size must be at least 1, got {batch_size}")
    # TODO: take the step against the gradient of J.
    ### BEGIN SOLUTION
    return (1 - lr * reg / batch_size) * w - lr / batch_size * grad_sum
    ### END SOLUTION


# %% [markdown]
# ## 4.3 Ridge regression: the loss
#
# The plainest model with a penalty: predict a number by a linear function, with the squared loss.
# Samples $X$ of shape $(N, D)$, targets $y$ $(N,)$, weights $w$ $(D,)$, one bias $b$, a single
# number of shape $()$. With the *residuals*
#
# $$\underset{(N,)}{r} = \underset{(N, D)}{X}\ \underset{(D,)}{w} + b - \underset{(N,)}{y},
# \qquad \ell_n = \tfrac12 r_n^2, \qquad
# J = \frac{1}{N} \Big( \frac12 \sum_{n=1}^{N} r_n^2 + \frac{\lambda}{2} \lVert w \rVert^2 \Big).$$
#
# The whole set is the batch, so $B = N$. Since $\partial r_n / \partial w_d = X_{nd}$ and
# $\partial r_n / \partial b = 1$,
#
# $$\underset{(D,)}{\frac{\partial J}{\partial w}}
# = \frac{1}{N} \Big( \underset{(D, N)}{X^\top}\ \underset{(N,)}{r} + \lambda w \Big), \qquad
# \underset{()}{\frac{\partial J}{\partial b}} = \frac{1}{N} \sum_{n} r_n .$$
#
# The bias only shifts all predictions; it makes none of them steeper. It is not penalised, and so
# $\lambda$ does not occur in its gradient.
#
# **Example.** $X = (0, 1, 2)^\top$, $y = (1, 2, 6)$, $\lambda = \frac12$. At $w = (1)$, $b = 0$:
# $r = (-1, -1, -4)$, $J = \frac13 \left( 9 + \frac14 \right) = \frac{37}{12}$,
# $\partial J/\partial w = \frac13 \left( -9 + \frac12 \right) = -\frac{17}{6}$ and
# $\partial J / \partial b = -2$. At $w = (2)$, $b = 1$: $r = (0, 1, -1)$,
# $J = \frac13 (1 + 1) = \frac23$, and both gradients are 0.
#
# **What usually goes wrong.** *Shapes that broadcast:* predictions $(N, 1)$ minus targets $(N,)$ is
# an $(N, N)$ matrix, every prediction against every target, and its mean is a number that looks
# like a loss. *Dividing the losses by $N$ and the penalty not*, or one of them in the loss and the
# other in the gradient. *Penalising the bias.*


# %%
def ridge_loss(
    x: Tensor, y: Tensor, w: Tensor, b: Tensor, *, reg: float
) -> tuple[Tensor, Tensor, Tensor]:
    """The objective of ridge regression and its gradients.

    Formula: loss = (sum_n (x_n w + b - y_n)^2 / 2 + reg/2 ||w||^2)/N; with the residuals
    r = x w + b - y, dw = (x^T r + reg w)/N and db = sum_n r_n / N   (Hoerl & Kennard, 1970; The
    Elements of Statistical Learning, equation 3.41, times 1/(2N)).

    Args:
        x: (N, D), samples.
        y: (N,), targets.
        w: (D,), weights.
        b: (), the bias, not penalised.
        reg: strength of the regularisation, at least 0.

    Returns:
        loss: 0-dim tensor.
        dw: (D,).
        db: 0-dim tensor.

    Raises:
        ValueError: if the sizes of x, y, w and b do not fit together, or reg is negative.
    """
    require_targets(x, y)
    require(
        w.shape == x.shape[1:],
        f"w must be (D,) with D = {x.shape[1]}, the columns of x, got shape {tuple(w.shape)}",
    )
    require(b.ndim == 0, f"b must be a single number, of shape (), got shape {tuple(b.shape)}")
    require_reg(reg)
    # TODO: compute the residuals, then the objective and its gradients.
    ### BEGIN SOLUTION
    penalty, (decay,) = l2_penalty([w], reg=reg)
    residual = x @ w + b - y
    loss = ((residual * residual).sum() / 2 + penalty) / len(x)
    return loss, (x.T @ residual + decay) / len(x), residual.mean()
    ### END SOLUTION


# %% [markdown]
# ## 4.4 Ridge regression: the solution
#
# $J$ is a convex function of $(w, b)$, so it is smallest where both gradients vanish. First the
# bias. $\sum_n r_n = 0$ means
#
# $$b = \bar y - \bar x^\top w, \qquad \bar x = \frac1N \sum_n X_{n\cdot}: (D,), \qquad
# \bar y = \frac1N \sum_n y_n .$$
#
# Put this into the residuals: $r = X_c\, w - y_c$ with the *centred* data $X_c = X - \mathbf 1 \bar
# x^\top$ $(N, D)$ and $y_c = y - \bar y$ $(N,)$. The bias is gone. As the residuals sum to 0,
# $X^\top r = X_c^\top r$, and $\partial J / \partial w = 0$ becomes a system of $D$ linear
# equations:
#
# $$\underset{(D, D)}{\left( X_c^\top X_c + \lambda I \right)}\ \underset{(D,)}{w}
# = \underset{(D, N)}{X_c^\top}\ \underset{(N,)}{y_c} .$$
#
# The factor $1/N$ of $J$ has cancelled: **$\lambda$ stands here as it is.**
#
# **What $\lambda$ does.** In coordinates in which $X_c^\top X_c$ is diagonal, with entries
# $s_1^2, \dots, s_D^2$ (the squared singular values of $X_c$), each component of $w$ is what least
# squares gives, times $s_j^2 / (s_j^2 + \lambda)$. Directions along which the data vary much are
# nearly untouched; directions along which they hardly vary, where least squares would fit noise,
# are shrunk towards 0. A column that is the same for all samples has $s = 0$: its weight is 0 for
# every $\lambda > 0$, and the bias does its work.
#
# ![Two panels against the strength of the penalty, on a logarithmic scale. Left, the share of the
# least squares weight that is kept, along directions in which the data vary much, moderately and
# little: three falling curves of the same shape; the less the data vary, the sooner they fall.
# Right, the weights themselves, whose true value is 1: along the direction of small spread the
# noise has moved the weight farthest from the truth, and the penalty shrinks it
# first.](figures/ridge_path.svg)
#
# In the figure the data have three such directions, with $s = 3$, $1$ and $0.3$. Noise of the same
# size moves the weight of the last one most, and $\lambda$ takes hold of that one first.
#
# **When there is a solution.** All eigenvalues of $X_c^\top X_c + \lambda I$ are at least
# $\lambda$: for $\lambda > 0$ the equations have one solution, however few samples there are. For
# $\lambda = 0$ this is ordinary least squares. Centred rows sum to 0, so the rank of $X_c$ is at
# most $N - 1$, and with $N \le D$ there are infinitely many solutions: a `ValueError`. (Even with
# $N > D$ there are when columns depend on one another; that is not checked.)
#
# **Example.** $X = (0, 1, 2)^\top$, $y = (1, 2, 6)$: $X_c = (-1, 0, 1)^\top$, $\bar x = 1$,
# $y_c = (-2, -1, 3)$, $\bar y = 3$, $X_c^\top X_c = 2$, $X_c^\top y_c = 5$. With
# $\lambda = \frac12$: $w = 5 / 2.5 = 2$, $b = 3 - 2 = 1$. With $\lambda = 0$: $w = 2.5$,
# $b = 0.5$.
#
# **What usually goes wrong.** *Not centring:* then $w$ has to do the work of the bias, and the line
# is forced through the origin. *A column of ones for the bias, penalised like the others:* the
# solution depends on where the zero of $y$ is; adding 100 to all targets must add 100 to $b$ and
# leave $w$ alone. *`+ reg` on the whole matrix:* $\lambda I$ is added to the diagonal. *$\lambda N$
# or $\lambda / N$:* right for objectives that divide only one of the two terms by $N$.
#
# Use `torch.linalg.solve(a, c)`. The inverse matrix is never needed: computing it costs more and
# loses digits.
#
# *Reference.* Hoerl & Kennard, *Ridge regression: biased estimation for nonorthogonal problems*,
# 1970.


# %%
def ridge_solution(x: Tensor, y: Tensor, *, reg: float) -> tuple[Tensor, Tensor]:
    """The weights and the bias that minimise the objective of ridge regression.

    Formula: (xc^T xc + reg I) w = xc^T yc, b = mean(y) - mean(x) w, where xc and yc are x and y
    less their means over the samples   (The Elements of Statistical Learning, equation 3.44).

    Args:
        x: (N, D), samples.
        y: (N,), targets.
        reg: strength of the regularisation, at least 0; above 0 unless N > D.

    Returns:
        w: (D,).
        b: 0-dim tensor.

    Raises:
        ValueError: if y is not one number for each row of x, reg is negative, or reg is 0 and there
            are no more samples than features.
    """
    require_targets(x, y)
    require_reg(reg)
    require(
        reg > 0 or len(x) > x.shape[1],
        f"reg must be above 0 unless there are more samples than features, "
        f"got reg = {reg} with x of shape {tuple(x.shape)}",
    )
    # TODO: centre the data, solve the linear equations for w, then find b.
    ### BEGIN SOLUTION
    x_mean, y_mean = x.mean(0), y.mean()
    xc, yc = x - x_mean, y - y_mean
    identity = torch.eye(x.shape[1], dtype=x.dtype, device=x.device)
    w = torch.linalg.solve(xc.T @ xc + reg * identity, xc.T @ yc)
    return w, y_mean - x_mean @ w
    ### END SOLUTION


# %% [markdown]
# ## 4.5 Dropout
#
# While it is trained, a network with dropout loses a random part of its units in every step. No
# unit can rely on another one being there, so none can specialise on mending another's mistakes;
# and since each step trains another thinned network, prediction is like a vote of very many
# networks that share their weights.
#
# Each entry is *dropped* with probability $p$, independently of all others. Random numbers come in
# as `noise`: $u$, in the shape of $x$, uniform on $[0, 1)$. For training,
#
# $$m_i = \begin{cases} 1 & u_i \ge p \quad \text{(kept)} \\ 0 & u_i < p \quad \text{(dropped)}
# \end{cases} \qquad \text{out}_i = \frac{m_i}{1 - p}\, x_i,
# \qquad m, \text{out}: \text{the shape of } x.$$
#
# Of numbers uniform on $[0, 1)$, a part $p$ lies below $p$. So **$u_i = p$ is kept**, and with
# $p = 0$ nothing is dropped, not even where $u_i = 0$.
#
# **The factor $1/(1-p)$.** An entry is kept with probability $1 - p$, so
#
# $$\mathbb E[\text{out}_i] = (1 - p) \cdot \frac{x_i}{1-p} + p \cdot 0 = x_i :$$
#
# what is kept is enlarged to make up for what is dropped, and the next layer gets inputs of the
# usual size. **In prediction the layer therefore does nothing:** $\text{out} = x$, no mask, no
# factor.
#
# Often dropout is written with the mask alone, $\text{out} = m \odot x$. That is only half of it:
# then the outputs in training are too small by the factor $1 - p$ on average, and prediction has to
# multiply by $1 - p$ to match. The original paper does so (and its $p$ is the probability to
# *keep*). The form here, *inverted dropout*, is PyTorch's as well: prediction costs nothing and
# need not know $p$.
#
# **Example.** $x = (1, 2, 3, 4)$, $u = (0.1, 0.5, 0.6, 0.4)$, $p = \frac12$: the two in the middle
# are kept and doubled, out $= (0, 4, 6, 0)$. The second is a tie, $u = p$. In prediction,
# out $= (1, 2, 3, 4)$.
#
# **What usually goes wrong.** *No factor, or $1/p$*, which is the same for $p = \frac12$ only.
# *Keeping where $u < p$:* $p$ is the probability to drop. *One mask for a whole row* (or for all
# samples): each entry has its own noise. *Dropping in prediction as well.*
#
# In PyTorch: `torch.nn.functional.dropout(x, p, training)`, which draws its own noise.
#
# *References.* Hinton et al., *Improving neural networks by preventing co-adaptation of feature
# detectors*, 2012; Srivastava et al., *Dropout: a simple way to prevent neural networks from
# overfitting*, 2014 (the scaled form in section 10).


# %%
def dropout_forward(x: Tensor, noise: Tensor, *, p: float, training: bool) -> tuple[Tensor, Cache]:
    """Drop entries at random and enlarge the others; in prediction, leave all as they are.

    Formula: in training out = x/(1-p) where noise >= p, and 0 elsewhere; in prediction out = x
    (Srivastava et al., 2014, section 10, with their 1-p).

    Args:
        x: any shape.
        noise: the shape and dtype of x, uniform on [0, 1); not used in prediction.
        p: the probability to drop an entry, in [0, 1).
        training: whether this is training or prediction.

    Returns:
        out: the shape of x.
        cache: whatever `dropout_backward` needs.

    Raises:
        ValueError: if x does not hold floating point numbers, noise does not have its shape, or p
            is not in [0, 1).
    """
    require_numbers(x, "x")
    require_noise(noise, p, x.shape)
    # TODO: find the factor of each entry and apply it; keep what backward needs.
    ### BEGIN SOLUTION
    scale = (noise >= p).to(x.dtype) / (1 - p) if training else torch.ones_like(x)
    return x * scale, (x, scale)  # both factors, as for any product
    ### END SOLUTION


# %% [markdown]
# ## 4.6 Dropout: backward
#
# Once the noise is drawn, the layer multiplies each entry by a number that does not depend on $x$:
# $s_i = m_i / (1-p)$ in training, $s_i = 1$ in prediction. So
#
# $$\frac{\partial\, \text{out}_i}{\partial x_i} = s_i, \qquad
# \frac{\partial L}{\partial x_i} = s_i\, \frac{\partial L}{\partial\, \text{out}_i},
# \qquad \text{in the shape of } x.$$
#
# The gradient goes through the *same* mask with the *same* factor. What was dropped had no
# influence on the loss and gets no gradient. Noise is no parameter and has none.
#
# **Example.** With the forward pass of 4.5, `dout` $= (1, -1, 3, 5)$ gives `dx` $= (0, -2, 6, 0)$.
#
# **What usually goes wrong.** *The mask without the factor:* training then goes on with gradients
# that are too small below the layer, and nobody notices. *Finding the mask in the output*, as
# `out != 0`: an entry that was kept and happens to be 0 is taken for a dropped one. Its derivative
# is $1/(1-p)$ like that of every kept entry. (Right behind a ReLU this does no harm, as ReLU stops
# the gradient there in any case; elsewhere it does.) *A mask of its own:* backward has to use the
# noise of the forward pass, through the cache.


# %%
def dropout_backward(dout: Tensor, cache: Cache) -> Tensor:
    """Gradient of dropout with respect to its input.

    Formula: in training dx = dout/(1-p) where noise >= p, and 0 elsewhere; in prediction dx = dout.

    Args:
        dout: the shape of x, the gradient of the loss with respect to the output.
        cache: from `dropout_forward`.

    Returns:
        dx: the shape of x.
    """
    # TODO: apply to dout the factors that the forward pass applied to x.
    ### BEGIN SOLUTION
    _, scale = cache
    return dout * scale
    ### END SOLUTION


# %% [markdown]
# ## 4.7 A network with dropout and a penalty
#
# Put all of it to work in the classifier of unit 3. Samples $X$ of shape $(N, D)$, labels
# $y \in \{0, \dots, C-1\}^N$, noise $(N, H)$:
#
# $$\underset{(N, H)}{A} = X \underset{(D, H)}{W_1} + \underset{(H,)}{b_1}, \qquad
# \underset{(N, H)}{Z} = \operatorname{relu}(A), \qquad
# \underset{(N, H)}{U} = \operatorname{dropout}(Z), \qquad
# \underset{(N, C)}{S} = U \underset{(H, C)}{W_2} + \underset{(C,)}{b_2},$$
#
# $$J = \frac1N \bigg( \sum_{n=1}^{N} \ell_n
# {} + \frac{\lambda}{2} \left( \lVert W_1 \rVert^2 + \lVert W_2 \rVert^2 \right) \bigg), \qquad
# \ell_n = \log \sum_c e^{S_{nc}} - S_{n y_n} .$$
#
# The *hidden layer* is what is dropped, neither the inputs nor the scores. The penalty is divided
# by $N$, unlike in unit 3, and leaves the biases alone. `training=False` is the network without
# dropout; the penalty stays.
#
# `softmax_cross_entropy` is given (it is that of unit 2): it returns the mean of the $\ell_n$ and
# its gradient $\partial/\partial S$, which has the factor $1/N$ inside already. From there, walk
# back the way you came:
#
# $$\frac{\partial J}{\partial W_2} = U^\top \frac{\partial J}{\partial S} + \frac\lambda N W_2,
# \qquad \frac{\partial J}{\partial U} = \frac{\partial J}{\partial S}\, W_2^\top
# \;\xrightarrow{\ \text{dropout}\ }\; \frac{\partial J}{\partial Z}
# \;\xrightarrow{\ \text{relu}\ }\; \frac{\partial J}{\partial A}, \qquad
# \frac{\partial J}{\partial W_1} = X^\top \frac{\partial J}{\partial A} + \frac\lambda N W_1,$$
#
# and the gradient of a bias is the sum of $\partial J/\partial S$ or $\partial J/\partial A$ over
# the samples. The slope of ReLU is 1 where $A > 0$ and 0 elsewhere, at $A = 0$ too.
#
# **Example.** One sample, $x = (2)$, $y = 1$, noise $(0.2, 0.7, 0.9)$, $p = \frac12$,
# $\lambda = 0$,
#
# $$W_1 = \begin{pmatrix} \tfrac12 & 1 & -\tfrac12 \end{pmatrix},\ b_1 = (0, 0, 0),\
# W_2 = \begin{pmatrix} 4 & 0 \\ \tfrac14 \ln 3 & 0 \\ 1 & 2 \end{pmatrix},\ b_2 = (0, 0).$$
#
# $A = (1, 2, -1)$, $Z = (1, 2, 0)$; the first unit is dropped: $U = (0, 4, 0)$. $S = (\ln 3, 0)$,
# the probabilities are $\left( \tfrac34, \tfrac14 \right)$ and $J = \ln 4$. Backward:
# $\partial J / \partial S = \left( \tfrac34, -\tfrac34 \right)$,
#
# $$\frac{\partial J}{\partial W_2}
# = \begin{pmatrix} 0 & 0 \\ 3 & -3 \\ 0 & 0 \end{pmatrix},\quad
# \frac{\partial J}{\partial U} = \left( 3, \tfrac{3}{16} \ln 3, -\tfrac34 \right),\quad
# \frac{\partial J}{\partial Z} = \left( 0, \tfrac38 \ln 3, -\tfrac32 \right),\quad
# \frac{\partial J}{\partial A} = \left( 0, \tfrac38 \ln 3, 0 \right)$$
#
# and $\partial J / \partial W_1 = \left( 0, \tfrac34 \ln 3, 0 \right)$. The first unit is stopped
# by dropout, the third by ReLU, each for this sample only. With $\lambda = 2$ each gradient of
# weights has $2 W_k / 1$ in addition. In prediction $S = \left( 4 + \tfrac12 \ln 3, 0 \right)$.
#
# **What usually goes wrong.** *Dropout in the forward pass only:* the gradient has to pass the mask
# on its way back. *$Z$ in place of $U$ in the gradient of $W_2$:* the input of the second layer is
# what dropout has left. *The penalty in the loss and not in the gradient*, or $1/N$ in one of them
# only.
#
# A *check of gradients* by finite differences works with dropout only if both losses are computed
# with the same noise. This is why noise is an argument here.


# %%
def softmax_cross_entropy(z: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Mean cross entropy between labels and the softmax of scores, and its gradient.

    Formula: loss = mean_n (log sum_c exp(z[n, c]) - z[n, y[n]]), dz = (softmax(z) - onehot(y))/N
    (Bishop, equations 4.108 and 4.109).

    Args:
        z: (N, C), scores of any size.
        y: (N,), int64 labels in 0..C-1.

    Returns:
        loss: 0-dim tensor.
        dz: (N, C), the gradient of the loss with respect to z.
    """
    shifted = z - z.amax(1, keepdim=True)
    log_p = shifted - shifted.exp().sum(1, keepdim=True).log()
    truth = (y[:, None] == torch.arange(z.shape[1], device=z.device)).to(z.dtype)  # one-hot
    return -(truth * log_p).sum() / len(z), (log_p.exp() - truth) / len(z)


def dropout_mlp_loss(
    x: Tensor,
    y: Tensor,
    w1: Tensor,
    b1: Tensor,
    w2: Tensor,
    b2: Tensor,
    noise: Tensor,
    *,
    p: float,
    reg: float = 0.0,
    training: bool = True,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Loss and gradients of the classifier linear, relu, dropout, linear, softmax cross entropy.

    Formula: (sum_n (logsumexp(s_n) - s_n[y_n]) + reg/2 (||w1||^2 + ||w2||^2))/N with the scores
    s = dropout(relu(x w1 + b1)) w2 + b2; the biases are not penalised.

    Args:
        x: (N, D), samples.
        y: (N,), int64 labels in 0..C-1.
        w1: (D, H).
        b1: (H,).
        w2: (H, C).
        b2: (C,).
        noise: (N, H), uniform on [0, 1), for the hidden layer; not used in prediction.
        p: the probability to drop a hidden unit, in [0, 1).
        reg: strength of the regularisation, at least 0.
        training: whether this is training or prediction; prediction drops nothing.

    Returns:
        loss: 0-dim tensor.
        dw1, db1, dw2, db2: the gradients, in the shapes of w1, b1, w2 and b2.

    Raises:
        ValueError: if the sizes of x, w1, b1, w2, b2 and noise do not fit together, y is not one
            label in 0..C-1 for each row of x, p is not in [0, 1), or reg is negative.
    """
    require_samples(x)
    require(
        w1.ndim == 2 and len(w1) == x.shape[1],
        f"w1 must be (D, H) with D = {x.shape[1]}, the columns of x, got shape {tuple(w1.shape)}",
    )
    hidden = w1.shape[1]
    require(b1.shape == (hidden,), f"b1 must be ({hidden},), got shape {tuple(b1.shape)}")
    require(
        w2.ndim == 2 and len(w2) == hidden,
        f"w2 must be (H, C) with H = {hidden}, the columns of w1, got shape {tuple(w2.shape)}",
    )
    classes = w2.shape[1]
    require(b2.shape == (classes,), f"b2 must be ({classes},), got shape {tuple(b2.shape)}")
    require(
        y.dtype == torch.int64 and y.shape == x.shape[:1],
        f"y must hold one int64 label for each of the {len(x)} samples, "
        f"got {y.dtype} of shape {tuple(y.shape)}",
    )
    require(
        bool(((y >= 0) & (y < classes)).all()),
        f"y must hold labels in 0..{classes - 1}, got {int(y.min())}..{int(y.max())}",
    )
    require_noise(noise, p, (len(x), hidden))
    require_reg(reg)
    # TODO: walk forward to the scores and the loss, then back through dropout and relu to all
    # weights and biases; add the penalty to the loss and to the gradients.
    ### BEGIN SOLUTION
    n = len(x)
    a = x @ w1 + b1
    u, cache = dropout_forward(torch.relu(a), noise, p=p, training=training)
    loss, dscores = softmax_cross_entropy(u @ w2 + b2, y)
    penalty, (decay1, decay2) = l2_penalty([w1, w2], reg=reg)
    da = dropout_backward(dscores @ w2.T, cache) * (a > 0)
    dw1, dw2 = x.T @ da + decay1 / n, u.T @ dscores + decay2 / n
    return loss + penalty / n, dw1, da.sum(0), dw2, dscores.sum(0)
    ### END SOLUTION


# %% [markdown] question="why_scale" points=2
# ### Question: what the factor keeps, and what it does not (2 points)
#
# (a) Show that with the factor $1/(1-p)$ the output of dropout has the expectation $x$, over the
# noise, and say what would go wrong in prediction without the factor. (b) A layer follows that
# computes $f(\text{out})$. For which $f$ is the prediction without dropout, $f(x)$, exactly the
# expectation of $f(\text{out})$ over all masks? Give an example in which it is not.
#
# ### BEGIN MARK SCHEME
# - 1 point (a): E[out_i] = (1-p) x_i/(1-p) + p 0 = x_i, since an entry is kept with probability
#   1-p. Without the factor the expectation is (1-p) x_i: in prediction, where nothing is dropped,
#   the next layer would get inputs that are larger by 1/(1-p) than those it was trained with (or
#   prediction has to multiply by 1-p).
# - 1 point (b): exact for linear (affine) f, by linearity of the expectation; in general not for
#   others, so the prediction of a network with non-linear layers above is an approximation of the
#   mean over all thinned networks. Example: out is 0 or 2 with probability 1/2 each (x = 1,
#   p = 1/2): f(z) = z^2 has the mean 2 and f(1) = 1; or relu(z - 1), or softmax of scores. (No
#   point for "linear" without an example, or for an example without saying where it is exact.)
# ### END MARK SCHEME

# %% [markdown] answer="why_scale"
# ### BEGIN SOLUTION
# (a) Entry $i$ is kept if its noise is at least $p$, which has probability $1 - p$. It is then
# $x_i/(1-p)$, otherwise 0, so $\mathbb E[\text{out}_i] = (1-p)\, x_i/(1-p) + p \cdot 0 = x_i$.
# Without the factor the mean is $(1-p)\, x_i$. The layers above are fitted to inputs of that size;
# in prediction, with all units present, their inputs would be larger by $1/(1-p)$, for
# $p = \frac12$ twice as large. One would have to shrink them by $1 - p$ there.
#
# (b) Expectation is linear, so for $f(z) = z W + b$ we have
# $\mathbb E[f(\text{out})] = \mathbb E[\text{out}]\, W + b = f(x)$, exactly. For other functions
# the two differ in general. Let $x = 1$ and $p = \frac12$, so that out is 0 or 2. With
# $f(z) = \max(z - 1, 0)$ the mean is $\frac12 (0 + 1) = \frac12$, but $f(x) = 0$. In a deep network
# only the part up to the next non-linearity is matched exactly; the prediction as a whole is an
# approximation of the mean over all thinned networks, and a good one in practice.
# ### END SOLUTION

# %% [markdown] question="decay_or_penalty" points=3
# ### Question: decay or penalty? (3 points)
#
# One can put $\frac{\lambda}{2} \lVert w \rVert^2$ into the objective and give its gradient to an
# optimiser, or leave the objective alone and multiply the weights by $1 - \eta\lambda/B$ in each
# step. (a) Show that for gradient descent this is the same. (b) Adam divides each entry of the
# gradient by a running root mean square of that entry. Is it still the same? Which weights are
# decayed less than they should be? (c) Why are biases left out? Use this: in ridge regression,
# somebody adds 100 to all targets.
#
# ### BEGIN MARK SCHEME
# - 1 point (a): the gradient of J is (g + reg w)/B, and w - lr (g + reg w)/B =
#   (1 - lr reg/B) w - lr g/B: first decay, then the step for the losses alone, term by term.
# - 1 point (b): no. With the penalty in the gradient, reg w/B is divided by the running root mean
#   square as well (and averaged over time): weights whose gradients are large or vary much are
#   decayed less, others more; the strength is no longer proportional to the weight alone.
#   Multiplying the weights directly (AdamW) keeps the decay apart from the scaling.
# - 1 point (c): a bias shifts the output and makes it no steeper, so shrinking it simplifies
#   nothing (and it costs little variance: one number, estimated from all samples). With targets
#   shifted by 100 an unpenalised b takes up the 100 and w stays; a penalised b is held back, and
#   predictions are too small or w has to compensate: the result depends on an arbitrary zero. (Any
#   one of the two reasons is enough if the shift of the targets is answered.)
# ### END MARK SCHEME

# %% [markdown] answer="decay_or_penalty"
# ### BEGIN SOLUTION
# (a) With $g$ the summed gradient of the losses, the gradient of the objective is
# $(g + \lambda w)/B$. A step against it gives $w - \frac\eta B g - \frac{\eta\lambda}{B} w
# = \left(1 - \frac{\eta\lambda}{B}\right) w - \frac\eta B g$: the weights multiplied by the factor,
# then the step for the losses alone.
#
# (b) No. Adam does not step along the gradient but along its running mean, divided entry by entry
# by the running root mean square. If $\lambda w / B$ is part of the gradient it is divided too. A
# weight whose gradients are large has a large denominator and hardly decays, while one that
# rarely gets a gradient decays much. Decay as a factor on the weights, outside of the fraction
# (AdamW), pulls all weights in proportion to their size, as intended.
#
# (c) A weight multiplies the input: it makes the function steep, and shrinking it makes the
# function smoother. A bias only shifts. If 100 is added to all targets, the sensible answer is to
# add 100 to all predictions. Without a penalty on $b$ this is what happens: $\bar y$ and so $b$
# grow by 100, while $y_c$ and $w$ stay. With a penalty, $b$ is pulled towards 0, which is not
# special in any way: the predictions come out too small, and $w$ is bent to make up for it.
# ### END SOLUTION
