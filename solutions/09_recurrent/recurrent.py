# %% [markdown]
# # 9. Recurrent networks
#
# A recurrent network reads a sequence one step at a time and carries a *state* $h_t$ from each step
# to the next. The same weights are used at every step, so that the network can read sequences of
# any length with a fixed number of parameters. For a batch of $N$ sequences of length $T$:
#
# $$\underset{(N, H)}{h_t} = \tanh\big(\underset{(N, D)}{x_t} \underset{(D, H)}{W_{xh}}
# {} + \underset{(N, H)}{h_{t-1}} \underset{(H, H)}{W_{hh}} + \underset{(H,)}{b}\big), \qquad
# \underset{(N, Q)}{o_t} = \underset{(N, H)}{h_t} \underset{(H, Q)}{W_{hq}} + \underset{(Q,)}{c},
# \qquad t = 1, \dots, T.$$
#
# Written out ("unrolled"), this is an ordinary feedforward network with $T$ layers, and its
# gradients come from the chain rule as ever. Two things are new, and nearly every mistake in this
# unit is about one of them:
#
# 1. **A state has two consumers.** $h_t$ feeds the output of its own step *and* the state of the
#    next one. What arrives from both is added.
# 2. **A weight has $T$ consumers.** $W_{hh}$ is used at every step. The gradients of all its uses
#    are added.
#
# Both say the same: *the gradient of something that is used several times is the sum over its
# uses.*
#
# **Conventions.** Sequences are batch first: `x` is $(N, T, D)$ and the states `hs` are
# $(N, T, H)$. `hs[:, t]` (counted from 0, as in Python) is the state *after* reading `x[:, t]`; the
# initial state $h_0$ comes in separately and is not part of `hs`. PyTorch's `nn.RNN` differs in
# four points: its weights are the transposes of ours, it has two biases (which only ever appear as
# their sum), its sequences are $(T, N, D)$ unless `batch_first=True`, and its states have the layer
# as their first axis.
#
# **Rules of this unit.** No autograd, nothing from `torch.nn`. `torch.tanh` is allowed (you wrote
# it in unit 3), and the cross entropy (unit 2) is given below. Results have the dtype and the
# device of the inputs; inputs and caches are never modified.
#
# **References.** Elman, *Finding structure in time*, Cognitive Science 14 (1990); Werbos,
# *Backpropagation through time: what it does and how to do it*, Proceedings of the IEEE 78 (1990);
# Goodfellow, Bengio & Courville, *Deep Learning* (2016), chapter 10; Zhang, Lipton, Li & Smola,
# *Dive into Deep Learning*, the chapters on recurrent networks.

# %%
"""Recurrent networks: backpropagation through time, its truncation, layers, and clipping."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

Cache = Any  # whatever your backward needs
Weights = tuple[Tensor, Tensor, Tensor]  # of one layer: w_xh, w_hh, b


def require(condition: bool, message: str) -> None:
    """Raises ValueError(message) unless the condition holds."""
    if not condition:
        raise ValueError(message)


def require_shape(name: str, x: Tensor, *sizes: int | str) -> None:
    """Raises ValueError unless x has these sizes; a letter stands for any size."""
    fits = x.ndim == len(sizes) and all(
        isinstance(size, str) or size == n for size, n in zip(sizes, x.shape, strict=True)
    )
    expected = ", ".join(map(str, sizes))
    require(fits, f"{name} must have the shape ({expected}), got {tuple(x.shape)}")


def require_weights(inputs: int, w_xh: Tensor, w_hh: Tensor, b: Tensor) -> int:
    """The number H of hidden units; raises ValueError unless the weights fit `inputs` features."""
    require_shape("w_xh", w_xh, inputs, "H")
    hidden = w_xh.shape[1]
    require_shape("w_hh", w_hh, hidden, hidden)
    require_shape("b", b, hidden)
    return hidden


def require_sequence(x: Tensor, h0: Tensor, w_xh: Tensor, w_hh: Tensor, b: Tensor) -> int:
    """The number H of hidden units; raises ValueError unless x is a batch of sequences that fit."""
    require_shape("x", x, "N", "T", "D")
    samples, steps, inputs = x.shape
    require(steps >= 1, f"x must have at least one step, got shape {tuple(x.shape)}")
    hidden = require_weights(inputs, w_xh, w_hh, b)
    require_shape("h0", h0, samples, hidden)
    return hidden


def require_targets(x: Tensor, y: Tensor, hidden: int, w_hq: Tensor, c: Tensor) -> None:
    """Raises ValueError unless y holds one class per step, and w_hq and c make scores for it."""
    require_shape("w_hq", w_hq, hidden, "Q")
    classes = w_hq.shape[1]
    require_shape("c", c, classes)
    require_shape("y", y, *x.shape[:2])
    require(y.dtype == torch.int64, f"y must hold int64 class indices, got {y.dtype}")
    require(
        int(y.min()) >= 0 and int(y.max()) < classes,
        f"y must hold class indices in 0..{classes - 1}, got {int(y.min())}..{int(y.max())}",
    )


def cross_entropy(scores: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Cross entropy of every single step, and its gradient: the loss of unit 2, without the mean.

    Formula: losses = logsumexp(scores) - scores[y], dscores = softmax(scores) - onehot(y).

    Args:
        scores: (..., Q).
        y: (...), int64 class indices.

    Returns:
        losses: (...), one loss for each step.
        dscores: (..., Q), the gradient of each step's own loss.
    """
    shifted = scores - scores.amax(-1, keepdim=True)
    log_p = shifted - shifted.exp().sum(-1, keepdim=True).log()
    truth = torch.zeros_like(log_p).scatter(-1, y.unsqueeze(-1), 1.0)
    return -(truth * log_p).sum(-1), log_p.exp() - truth


# %% [markdown]
# ## 9.1 One step
#
# One step of the recurrence takes the input $x$ of the step and the state $h$ before it, and
# returns the state $h'$ after it:
#
# $$\underset{(N, H)}{z} = \underset{(N, D)}{x} \underset{(D, H)}{W_{xh}}
# {} + \underset{(N, H)}{h} \underset{(H, H)}{W_{hh}} + \underset{(H,)}{b},
# \qquad h' = \tanh z.$$
#
# It is one linear layer (unit 3) whose input is $x$ and $h$ side by side:
# $z = [x, h]\,\begin{bmatrix} W_{xh} \\ W_{hh} \end{bmatrix} + b$. The tanh acts on the whole sum.
# It keeps the state in $[-1, 1]$, so that the state itself cannot blow up, however long the
# sequence is.
#
# **Example.** $x = (1)$, $h = (1, 0)$,
#
# $$W_{xh} = \begin{pmatrix} \ln 4 & 0 \end{pmatrix},\quad
# W_{hh} = \begin{pmatrix} 0 & \ln 3 \\ 5 & 0 \end{pmatrix},\quad b = (-\ln 2, 0)
# \quad\Rightarrow\quad z = (\ln 2, \ln 3),\quad h' = (0.6, 0.8),$$
#
# because $\tanh \ln 2 = 0.6$ and $\tanh \ln 3 = 0.8$.
#
# **What usually goes wrong.** *Transposing $W_{hh}$.* It is square, so nothing complains. In this
# course states are rows and weights stand on their right: $W_{hh}$ has one row for each unit that
# the signal comes *from* and one column for each unit that it goes *to*. (PyTorch stores the
# transpose.)


# %%
def rnn_step_forward(
    x: Tensor, h: Tensor, w_xh: Tensor, w_hh: Tensor, b: Tensor
) -> tuple[Tensor, Cache]:
    """One step of a recurrent network: from the state before it to the state after it.

    Formula: h' = tanh(x w_xh + h w_hh + b)   (Elman, 1990; Deep Learning, section 10.2).

    Args:
        x: (N, D), the input of this step.
        h: (N, H), the state before it.
        w_xh: (D, H), input to state.
        w_hh: (H, H), state to state.
        b: (H,).

    Returns:
        h: (N, H), the state after this step.
        cache: whatever `rnn_step_backward` needs.

    Raises:
        ValueError: if the sizes of x, h and the weights do not fit together.
    """
    require_shape("x", x, "N", "D")
    require_shape("h", h, x.shape[0], require_weights(x.shape[1], w_xh, w_hh, b))
    # TODO: compute the state after this step; keep what backward needs.
    ### BEGIN SOLUTION
    h_next = torch.tanh(x @ w_xh + h @ w_hh + b)
    return h_next, (x, h, w_xh, w_hh, h_next)
    ### END SOLUTION


# %% [markdown]
# ## 9.2 One step, backward
#
# Given $\partial L/\partial h'$ of shape $(N, H)$, called `dh`. Two local derivatives are all there
# is. First through the tanh, whose derivative is $1 - \tanh^2 z = 1 - h'^2$ (entry by entry):
#
# $$\underset{(N, H)}{\delta} := \frac{\partial L}{\partial z}
# = \frac{\partial L}{\partial h'} \odot (1 - h' \odot h').$$
#
# Then through the sum $z = x W_{xh} + h W_{hh} + b$: two linear layers of unit 3 and a bias, all
# with the same upstream gradient $\delta$:
#
# $$\underset{(N, D)}{\frac{\partial L}{\partial x}} = \delta\, W_{xh}^\top, \qquad
# \underset{(N, H)}{\frac{\partial L}{\partial h}} = \delta\, W_{hh}^\top, \qquad
# \underset{(D, H)}{\frac{\partial L}{\partial W_{xh}}} = x^\top \delta, \qquad
# \underset{(H, H)}{\frac{\partial L}{\partial W_{hh}}} = h^\top \delta, \qquad
# \underset{(H,)}{\frac{\partial L}{\partial b}} = \sum_n \delta_{n\,\cdot}.$$
#
# **Two states, two places.** The tanh is differentiated at the *new* state $h'$, its output; the
# gradient of $W_{hh}$ holds the *old* state $h$, which is what $W_{hh}$ was multiplied with.
#
# **Example** (with the numbers of 9.1). `dh` $= (100, 50)$ gives
# $\delta = (100 \cdot 0.64,\ 50 \cdot 0.36) = (64, 18)$ and
#
# $$\frac{\partial L}{\partial x} = (64 \ln 4),\quad
# \frac{\partial L}{\partial h} = (18 \ln 3,\ 320),\quad
# \frac{\partial L}{\partial W_{xh}} = \begin{pmatrix} 64 & 18 \end{pmatrix},\quad
# \frac{\partial L}{\partial W_{hh}} = \begin{pmatrix} 64 & 18 \\ 0 & 0 \end{pmatrix},\quad
# \frac{\partial L}{\partial b} = (64, 18).$$
#
# The second row of $\partial L/\partial W_{hh}$ is zero because the second unit was silent before
# this step: what was multiplied by 0 has no say.
#
# **What usually goes wrong.** *Mixing up $h$ and $h'$*; both have the shape $(N, H)$.
# *Multiplying by $W_{hh}$ instead of $W_{hh}^\top$.* *Averaging over the batch*: weights are shared
# by the samples, so their gradients are sums (see unit 3).


# %%
def rnn_step_backward(dh: Tensor, cache: Cache) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Gradients of one step.

    Formula: with h' the state after the step and dz = dh * (1 - h'^2),
    dx = dz w_xh^T, dh = dz w_hh^T, dw_xh = x^T dz, dw_hh = h^T dz, db = sum over samples of dz.

    Args:
        dh: (N, H), the gradient of the loss with respect to the state after this step.
        cache: from `rnn_step_forward`.

    Returns:
        dx: (N, D).
        dh: (N, H), with respect to the state before this step.
        dw_xh: (D, H).
        dw_hh: (H, H).
        db: (H,).

    Raises:
        ValueError: if dh is not a matrix.
    """
    require_shape("dh", dh, "N", "H")
    # TODO: go back through the tanh, then through the three terms of the sum.
    ### BEGIN SOLUTION
    x, h, w_xh, w_hh, h_next = cache
    dz = dh * (1 - h_next * h_next)
    return dz @ w_xh.T, dz @ w_hh.T, x.T @ dz, h.T @ dz, dz.sum(0)
    ### END SOLUTION


# %% [markdown]
# ## 9.3 A whole sequence
#
# Start with $h_0$ and apply the step $T$ times, always with the same weights:
#
# $$h_t = \operatorname{step}(x_t, h_{t-1}), \quad t = 1, \dots, T, \qquad
# \text{hs} = (h_1, \dots, h_T): (N, T, H).$$
#
# Steps cannot be computed in parallel: each needs the state before it. (The products
# $x_t W_{xh}$ can, which is what fast implementations do first.)
#
# **Example.** $D = H = 1$, $W_{xh} = 1$, $W_{hh} = 0.5$, $b = 0$, $h_0 = 0.4$ and
# $x = (\ln 2 - 0.2,\ \ln 3 - 0.3)$:
#
# $$h_1 = \tanh(\ln 2 - 0.2 + 0.5 \cdot 0.4) = 0.6, \qquad
# h_2 = \tanh(\ln 3 - 0.3 + 0.5 \cdot 0.6) = 0.8.$$
#
# **What usually goes wrong.** *Putting the time axis into place with `reshape`.* A list of $T$
# states stacked is $(T, N, H)$. Reshaped to $(N, T, H)$ it has the right shape and the states of
# different samples mixed up; the axes must be *exchanged*, or the states stacked along axis 1.


# %%
def rnn_forward(
    x: Tensor, h0: Tensor, w_xh: Tensor, w_hh: Tensor, b: Tensor
) -> tuple[Tensor, Cache]:
    """A recurrent network over whole sequences, from the first step to the last.

    Formula: h_t = tanh(x_t w_xh + h_{t-1} w_hh + b), t = 1, ..., T   (Elman, 1990).

    Args:
        x: (N, T, D), T >= 1.
        h0: (N, H), the state before the first step.
        w_xh: (D, H).
        w_hh: (H, H).
        b: (H,).

    Returns:
        hs: (N, T, H), the states after each step.
        cache: whatever `rnn_backward` needs.

    Raises:
        ValueError: if there is no step, or the sizes of x, h0 and the weights do not fit together.
    """
    require_sequence(x, h0, w_xh, w_hh, b)
    # TODO: take the steps one after the other, and collect the states.
    ### BEGIN SOLUTION
    h, hs, caches = h0, [], []
    for t in range(x.shape[1]):
        h, cache = rnn_step_forward(x[:, t], h, w_xh, w_hh, b)
        hs.append(h)
        caches.append(cache)
    return torch.stack(hs, dim=1), caches
    ### END SOLUTION


# %% [markdown]
# ## 9.4 Backpropagation through time
#
# Every state may be used by the rest of the model: the loss depends on $h_t$ *directly* (through
# the output of step $t$) and *through $h_{t+1}$*. Call the direct part $g_t$; it arrives from
# outside as `dhs[:, t]`, of shape $(N, H)$. By the chain rule the total is
#
# $$\frac{\partial L}{\partial h_t} = g_t + \delta_{t+1} W_{hh}^\top, \qquad
# \delta_t = \frac{\partial L}{\partial h_t} \odot (1 - h_t \odot h_t), \qquad
# \delta_{T+1} := 0.$$
#
# This is a recursion that runs from $T$ down to 1, and each of its steps is the function that you
# have written in 9.2: give it the *total* gradient of $h_t$, and it returns
# $\delta_t W_{hh}^\top$, which is what the state before it is owed. The last one of these belongs
# to $h_0$.
#
# **The weights.** Pretend for a moment that each step has weights of its own,
# $W_{hh}^{(1)}, \dots, W_{hh}^{(T)}$. Then $\partial L/\partial W_{hh}^{(t)} = h_{t-1}^\top
# \delta_t$ by 9.2. Now set them all equal to $W_{hh}$: by the chain rule
#
# $$\frac{\partial L}{\partial W_{xh}} = \sum_{t=1}^T x_t^\top \delta_t, \qquad
# \frac{\partial L}{\partial W_{hh}} = \sum_{t=1}^T h_{t-1}^\top \delta_t, \qquad
# \frac{\partial L}{\partial b} = \sum_{t=1}^T \sum_n \delta_{t, n\,\cdot}.$$
#
# **What it says.** Unroll the recursion: on its way from step $t$ back to step $s < t$, $g_t$ is
# multiplied by $t - s$ factors $\operatorname{diag}(1 - h_j^2)\, W_{hh}^\top$. Such products
# shrink or grow exponentially with $t - s$; that is the subject of unit 10.
#
# ![The length of a gradient against the number of steps back in time, on a logarithmic scale, for
# recurrent matrices whose eigenvalues have the size 1.2, 1, 0.9 and 0.6. Left, with all states 0:
# straight lines, rising for 1.2, level for 1, falling for 0.9 and 0.6, the last one to a billionth
# after 40 steps. Right, with states driven by inputs: all four fall, the line for 1.2 slowly and
# that for 0.6 to less than a trillionth.](figures/norms.svg)
#
# In the figure all eigenvalues of $W_{hh}$ have the same size $|\lambda|$ (it is a rotation times
# $|\lambda|$). If all states are 0, the slope of tanh is 1, and after $t - s$ steps back the
# gradient has the length $|\lambda|^{t-s}$. Inputs drive the states away from 0, the slopes $1 -
# h_j^2$ fall below 1, and even $|\lambda| = 1.2$ forgets.
#
# **Example** (with the numbers of 9.3). `dhs` $= (1, 2)$:
#
# $$\delta_2 = 2 \cdot 0.36 = 0.72, \quad
# \frac{\partial L}{\partial h_1} = 1 + 0.5 \cdot 0.72 = 1.36, \quad
# \delta_1 = 1.36 \cdot 0.64 = 0.8704, \quad
# \frac{\partial L}{\partial h_0} = 0.4352,$$
#
# $$\frac{\partial L}{\partial b} = 0.72 + 0.8704 = 1.5904, \qquad
# \frac{\partial L}{\partial W_{hh}} = 0.6 \cdot 0.72 + 0.4 \cdot 0.8704 = 0.78016, \qquad
# \frac{\partial L}{\partial x} = (0.8704, 0.72).$$
#
# **What usually goes wrong.** *Forgetting one of the two consumers of a state*: only $g_t$ (then no
# gradient travels back in time) or only what comes from the next step (then all but the last
# $g_t$ are lost). *Overwriting the gradients of the weights* at each step instead of adding.
# *Adding into `dhs`*, which belongs to the caller: with `dhs[:, t] += dh` the first call is right,
# and the second one with the same `dhs` is wrong.


# %%
def rnn_backward(dhs: Tensor, cache: Cache) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Backpropagation through time: gradients of a recurrent network over whole sequences.

    Formula: dh_t = dhs_t + dz_{t+1} w_hh^T and dz_t = dh_t * (1 - h_t^2), from t = T down to 1;
    the gradients of the weights are sums over all steps   (Werbos, 1990).

    Args:
        dhs: (N, T, H), for each state the gradient that arrives from outside the recurrence.
        cache: from `rnn_forward`.

    Returns:
        dx: (N, T, D).
        dh0: (N, H).
        dw_xh: (D, H).
        dw_hh: (H, H).
        db: (H,).

    Raises:
        ValueError: if dhs does not have three axes.
    """
    require_shape("dhs", dhs, "N", "T", "H")
    # TODO: walk back from the last step to the first; add up what arrives at a state, and what
    # belongs to the same weight.
    ### BEGIN SOLUTION
    dh, dxs, dweights = torch.zeros_like(dhs[:, 0]), [], []
    for t in reversed(range(dhs.shape[1])):
        dx, dh, *dw = rnn_step_backward(dhs[:, t] + dh, cache[t])
        dxs.append(dx)
        dweights.append(dw)
    dw_xh, dw_hh, db = (sum(steps) for steps in zip(*dweights, strict=True))
    return torch.stack(dxs[::-1], dim=1), dh, dw_xh, dw_hh, db
    ### END SOLUTION


# %% [markdown]
# ## 9.5 The loss of a sequence
#
# At every step the state is turned into $Q$ scores, and a class $y_{nt}$ is to be predicted (in a
# language model: the next character). The loss is the mean over batch *and* time:
#
# $$\underset{(N, T, Q)}{o} = \underset{(N, T, H)}{\text{hs}} \underset{(H, Q)}{W_{hq}}
# {} + \underset{(Q,)}{c}, \qquad
# L = \frac{1}{NT} \sum_{n=1}^N \sum_{t=1}^T \ell(o_{nt}, y_{nt}), \qquad
# \ell(o, y) = \log \sum_q e^{o_q} - o_y.$$
#
# Backward, with $P = \operatorname{softmax}(o)$ and $Y$ the one-hot labels, both $(N, T, Q)$ (unit
# 2; `cross_entropy` computes $P - Y$ for you):
#
# $$\underset{(N, T, Q)}{\frac{\partial L}{\partial o}} = \frac{1}{NT} (P - Y), \qquad
# \underset{(H, Q)}{\frac{\partial L}{\partial W_{hq}}}
# = \sum_{t} h_t^\top \frac{\partial L}{\partial o_t}, \qquad
# \underset{(Q,)}{\frac{\partial L}{\partial c}}
# = \sum_{n, t} \frac{\partial L}{\partial o_{nt}}, \qquad
# \underset{(N, H)}{g_t} = \frac{\partial L}{\partial o_t} W_{hq}^\top .$$
#
# The $g_t$, stacked to $(N, T, H)$, are the `dhs` of 9.4; the rest is `rnn_backward`.
#
# **Example** (with the numbers of 9.3). $Q = 2$, $W_{hq} = (5 \ln 2,\ 0)$, $c = (-3 \ln 2,\ 0)$,
# $y = (0, 1)$. The scores are $(0, 0)$ and $(\ln 2, 0)$, so
# $P = \left(\tfrac12, \tfrac12\right), \left(\tfrac23, \tfrac13\right)$ and
# $L = \tfrac12 (\ln 2 + \ln 3)$.
#
# $$\frac{\partial L}{\partial o}
# = \begin{pmatrix} -\tfrac14 & \tfrac14 \\ \tfrac13 & -\tfrac13 \end{pmatrix}, \quad
# \frac{\partial L}{\partial c} = \left(\tfrac1{12}, -\tfrac1{12}\right), \quad
# \frac{\partial L}{\partial W_{hq}}
# = 0.6 \left(-\tfrac14, \tfrac14\right) + 0.8 \left(\tfrac13, -\tfrac13\right)
# = \left(\tfrac7{60}, -\tfrac7{60}\right).$$
#
# $g = \left(-\tfrac54 \ln 2,\ \tfrac53 \ln 2\right)$, and through time (9.4)
# $\delta_2 = 0.6 \ln 2$, $\delta_1 = -0.608 \ln 2$, so that
# $\partial L/\partial W_{hh} = (0.6 \cdot 0.6 - 0.4 \cdot 0.608) \ln 2 = 0.1168 \ln 2$,
# $\partial L/\partial b = -0.008 \ln 2$ and $\partial L/\partial h_0 = -0.304 \ln 2$.
#
# **What usually goes wrong.** *A mean in the loss and a sum in the gradient*, or dividing by $N$
# and forgetting $T$. Both leave the direction of the step alone and change its length, so training
# seems to work.


# %%
### BEGIN SOLUTION
def _readout(
    hs: Tensor, y: Tensor, w_hq: Tensor, c: Tensor, *, count: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The losses of all steps of hs, summed and divided by count; its gradients by hs, w_hq, c."""
    losses, dscores = cross_entropy(hs @ w_hq + c, y)
    dscores = dscores / count
    dw_hq = hs.flatten(0, 1).T @ dscores.flatten(0, 1)
    return losses.sum() / count, dscores @ w_hq.T, dw_hq, dscores.sum((0, 1))


### END SOLUTION
def rnn_loss(
    x: Tensor,
    y: Tensor,
    h0: Tensor,
    w_xh: Tensor,
    w_hh: Tensor,
    b: Tensor,
    w_hq: Tensor,
    c: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Loss and gradients of a recurrent network that predicts a class at every step.

    Formula: mean over batch and time of logsumexp(o) - o[y], with o_t = h_t w_hq + c and
    h_t = tanh(x_t w_xh + h_{t-1} w_hh + b)   (Deep Learning, section 10.2.2).

    Args:
        x: (N, T, D), T >= 1.
        y: (N, T), int64 class indices in 0..Q-1.
        h0: (N, H).
        w_xh: (D, H).
        w_hh: (H, H).
        b: (H,).
        w_hq: (H, Q), state to scores.
        c: (Q,).

    Returns:
        loss: 0-dim tensor.
        dh0, dw_xh, dw_hh, db, dw_hq, dc: the gradients, in the shapes of h0 and the weights.

    Raises:
        ValueError: if there is no step, a label is not a class, or the sizes of x, y, h0 and the
            weights do not fit together.
    """
    require_targets(x, y, require_sequence(x, h0, w_xh, w_hh, b), w_hq, c)
    # TODO: run the network, score every state and average the losses; then go back the same way.
    ### BEGIN SOLUTION
    hs, cache = rnn_forward(x, h0, w_xh, w_hh, b)
    loss, dhs, dw_hq, dc = _readout(hs, y, w_hq, c, count=y.numel())
    _, dh0, dw_xh, dw_hh, db = rnn_backward(dhs, cache)
    return loss, dh0, dw_xh, dw_hh, db, dw_hq, dc
    ### END SOLUTION


# %% [markdown]
# ## 9.6 Truncated backpropagation through time
#
# The text of a book is one sequence of a million steps. To backpropagate through all of it, every
# state must be stored, and one update costs a whole reading of the book. So the sequence is cut
# into consecutive, disjoint chunks of $k$ steps (the last one may be shorter):
#
# $$\{1, \dots, k\},\ \{k+1, \dots, 2k\},\ \dots,\ \{\dots, T\}.$$
#
# - **Forward nothing changes.** The last state of a chunk is the initial state of the next, so all
#   states, scores and the loss $L$ are exactly those of 9.5.
# - **Backward the chain is cut between the chunks**: that initial state is treated as a constant.
#   In the recursion of 9.4, $\delta_{t+1} W_{hh}^\top$ is left out when $t$ is the last step of a
#   chunk.
#
# The gradients of all chunks are added. Each chunk contributes its share of the *same* loss $L$, a
# mean over all $NT$ steps, so every step counts the same, also those of a shorter last chunk; and
# with $k \geq T$ there is one chunk and nothing is truncated. (In practice one often updates the
# weights after each chunk, with the chunk's own mean.)
#
# What the truncated gradient leaves out is every path that crosses the border of a chunk. It is
# therefore not the gradient of $L$; but it is cheap, and where nearby steps matter most it is
# close. The gradients of $W_{hq}$ and $c$ lie on no path through time and are exact.
#
# **Example** (with the numbers of 9.5, $k = 1$). $\delta_2 = 0.6 \ln 2$ as before, but now
# $\delta_1 = 0.64 \cdot \left(-\tfrac54 \ln 2\right) = -0.8 \ln 2$. So
# $\partial L/\partial W_{hh}$ becomes $(0.6 \cdot 0.6 - 0.4 \cdot 0.8) \ln 2 = 0.04 \ln 2$, a third
# of the true $0.1168 \ln 2$.
#
# **What usually goes wrong.** *Resetting the state* to zero, or to $h_0$, with every chunk: that
# cuts forward as well. *Dividing by the length of the chunk* instead of by $T$. *Dropping the rest*
# when $k$ does not divide $T$.
#
# *Reference.* Williams & Peng, *An efficient gradient-based algorithm for on-line training of
# recurrent network trajectories*, Neural Computation 2 (1990).


# %%
def truncated_bptt(
    x: Tensor,
    y: Tensor,
    h0: Tensor,
    w_xh: Tensor,
    w_hh: Tensor,
    b: Tensor,
    w_hq: Tensor,
    c: Tensor,
    *,
    k: int,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """The loss of `rnn_loss`, with gradients that are cut between chunks of k steps.

    Formula: as `rnn_loss`, with the state that enters a chunk carried over from the chunk before
    and treated as a constant in the backward pass   (Williams & Peng, 1990).

    Args:
        x: (N, T, D), T >= 1.
        y: (N, T), int64 class indices in 0..Q-1.
        h0: (N, H).
        w_xh: (D, H).
        w_hh: (H, H).
        b: (H,).
        w_hq: (H, Q).
        c: (Q,).
        k: the number of steps of a chunk, at least 1. The last chunk may be shorter.

    Returns:
        loss: 0-dim tensor, the mean over batch and time, whatever k is.
        dw_xh, dw_hh, db, dw_hq, dc: the gradients, summed over the chunks.

    Raises:
        ValueError: if k is below 1, there is no step, a label is not a class, or the sizes of x, y,
            h0 and the weights do not fit together.
    """
    require_targets(x, y, require_sequence(x, h0, w_xh, w_hh, b), w_hq, c)
    require(k >= 1, f"k must be at least 1, got {k}")
    # TODO: go through the chunks in order; each starts where the one before ended, and adds its
    # share of the loss and of the gradients.
    ### BEGIN SOLUTION
    h, chunks = h0, []
    for start in range(0, x.shape[1], k):
        steps = slice(start, start + k)
        hs, cache = rnn_forward(x[:, steps], h, w_xh, w_hh, b)
        loss, dhs, dw_hq, dc = _readout(hs, y[:, steps], w_hq, c, count=y.numel())
        _, _, dw_xh, dw_hh, db = rnn_backward(dhs, cache)
        chunks.append((loss, dw_xh, dw_hh, db, dw_hq, dc))
        h = hs[:, -1]  # the state goes on; its gradient stops here
    return tuple(sum(parts) for parts in zip(*chunks, strict=True))
    ### END SOLUTION


# %% [markdown]
# ## 9.7 Layers on layers: forward
#
# The states of one recurrent layer are a sequence, so they can be the input of another. With
# $h_t^{(0)} := x_t$, the layers $l = 1, \dots, L$, each with weights of its own, compute
#
# $$\underset{(N, H)}{h_t^{(l)}} = \tanh\big( h_t^{(l-1)} W_{xh}^{(l)} + h_{t-1}^{(l)} W_{hh}^{(l)}
# {} + b^{(l)} \big), \qquad W_{xh}^{(1)}: (D, H), \quad W_{xh}^{(l)}: (H, H) \text{ for } l > 1.$$
#
# All layers have the same number $H$ of units. A state of the network is now the states of all its
# layers: `h0` and `h_n` have the shape $(N, L, H)$, with `h0[:, 0]` the initial state of the lowest
# layer and `h_n[:, 0]` its state after the last step. The output `hs` $(N, T, H)$ is the sequence
# of the *top* layer. (PyTorch's states are $(L, N, H)$.)
#
# **Example.** Layer 1 is that of 9.3, with states $(0.6, 0.8)$. Layer 2: $W_{xh} = 5 \ln 2$,
# $W_{hh} = 7$, $b = -3 \ln 2$, $h_0 = 0$. Then
# $h_1^{(2)} = \tanh(3 \ln 2 - 3 \ln 2 + 7 \cdot 0) = 0$ and
# $h_2^{(2)} = \tanh(4 \ln 2 - 3 \ln 2 + 7 \cdot 0) = \tanh \ln 2 = 0.6$. So `hs` $= (0, 0.6)$ and
# `h_n` $= (0.8, 0.6)$.
#
# **What usually goes wrong.** *One initial state for all layers.* *Collecting the last states in
# another order*: the lowest layer, the one that sees $x$, comes first.
#
# *Reference.* Pascanu, Gulcehre, Cho & Bengio, *How to construct deep recurrent neural networks*,
# ICLR 2014.


# %%
def stacked_rnn_forward(
    x: Tensor, h0: Tensor, weights: list[Weights]
) -> tuple[Tensor, Tensor, Cache]:
    """Recurrent layers on top of each other; each reads the states of the one below.

    Formula: h_t^l = tanh(h_t^{l-1} w_xh^l + h_{t-1}^l w_hh^l + b^l), h_t^0 = x_t
    (Pascanu et al., 2014).

    Args:
        x: (N, T, D), T >= 1.
        h0: (N, L, H), the initial states, the lowest layer first.
        weights: for each of the L layers (w_xh, w_hh, b), the lowest first; w_xh is (D, H) in the
            lowest layer and (H, H) above it, w_hh (H, H), b (H,).

    Returns:
        hs: (N, T, H), the states of the top layer.
        h_n: (N, L, H), the states of all layers after the last step.
        cache: whatever `stacked_rnn_backward` needs.

    Raises:
        ValueError: if there is no layer or no step, or the sizes do not fit together.
    """
    require(len(weights) >= 1, "weights must hold at least one layer, got none")
    require_shape("h0", h0, "N", len(weights), "H")
    hidden = require_sequence(x, h0[:, 0], *weights[0])
    for layer in weights[1:]:
        require_weights(hidden, *layer)
    # TODO: let each layer read the whole sequence of states of the layer below.
    ### BEGIN SOLUTION
    hs, last, caches = x, [], []
    for layer, (w_xh, w_hh, b) in enumerate(weights):
        hs, cache = rnn_forward(hs, h0[:, layer], w_xh, w_hh, b)
        last.append(hs[:, -1])
        caches.append(cache)
    return hs, torch.stack(last, dim=1), caches
    ### END SOLUTION


# %% [markdown]
# ## 9.8 Layers on layers: backward
#
# From the top layer down. What arrives at the states of layer $l$ from outside its own recurrence
# is
#
# - for the top layer `dhs`, from the rest of the model; for every other layer the `dx` of the
#   layer above it, because the input of that layer *is* the sequence of states of this one;
# - and, at the last step only, the part of `dh_n` that belongs to layer $l$: the final states are
#   results of their own (an encoder hands them to a decoder, for example).
#
# $$\underset{(N, H)}{g_t^{(l)}} = [t = T]\ \frac{\partial L}{\partial h_n^{(l)}} + \begin{cases}
# \text{dhs}_t & l = L \\ \delta_t^{(l+1)} \big(W_{xh}^{(l+1)}\big)^{\top} & l < L.
# \end{cases}$$
#
# For the top layer both parts belong to the same numbers, `hs[:, -1]` and `h_n[:, -1]`, and are
# nevertheless both needed: used twice, added. With $g^{(l)}$, `rnn_backward` does the rest, and the
# `dx` of the lowest layer is the `dx` of the whole.
#
# **Example** (with the numbers of 9.7). `dhs` $= (0, 3)$, `dh_n` $= (1, 2)$. Top layer:
# $\delta_2 = (3 + 2) \cdot 0.64 = 3.2$, $\delta_1 = (0 + 7 \cdot 3.2) \cdot (1 - 0^2) = 22.4$,
# $\partial L/\partial h_0^{(2)} = 7 \cdot 22.4 = 156.8$. Down to layer 1 come
# $5 \ln 2 \cdot (22.4,\ 3.2) = (112 \ln 2,\ 16 \ln 2)$, so
# $\delta_2^{(1)} = (16 \ln 2 + 1) \cdot 0.36$.
#
# **What usually goes wrong.** *Ignoring `dh_n`*, or only honouring it for the top layer. *Returning
# `dweights` in the order in which they were computed*, the top layer first. *Adding `dh_n` into
# `dhs` in place.*


# %%
def stacked_rnn_backward(
    dhs: Tensor, dh_n: Tensor, cache: Cache
) -> tuple[Tensor, Tensor, list[Weights]]:
    """Gradients of stacked recurrent layers.

    Formula: to a layer's states arrive dhs (top layer) or the dx of the layer above (others), plus
    dh_n of that layer at the last step; then backpropagation through time, layer by layer.

    Args:
        dhs: (N, T, H), with respect to the states of the top layer.
        dh_n: (N, L, H), with respect to the last states of all layers, the lowest layer first.
        cache: from `stacked_rnn_forward`.

    Returns:
        dx: (N, T, D).
        dh0: (N, L, H).
        dweights: a list with (dw_xh, dw_hh, db) for each layer, the lowest first.

    Raises:
        ValueError: if dhs and dh_n do not have the shapes (N, T, H) and (N, L, H).
    """
    require_shape("dhs", dhs, "N", "T", "H")
    require_shape("dh_n", dh_n, dhs.shape[0], "L", dhs.shape[2])
    # TODO: go through the layers from the top down; what leaves one through its input arrives at
    # the states of the next.
    ### BEGIN SOLUTION
    dh0, dweights = [], []
    for layer in reversed(range(len(cache))):
        dhs = dhs.clone()  # the caller's dhs stays as it is
        dhs[:, -1] += dh_n[:, layer]
        dhs, dh, *dw = rnn_backward(dhs, cache[layer])
        dh0.append(dh)
        dweights.append(tuple(dw))
    return dhs, torch.stack(dh0[::-1], dim=1), dweights[::-1]
    ### END SOLUTION


# %% [markdown]
# ## 9.9 Clipping gradients
#
# Where the products of 9.4 grow, one step along the gradient throws the weights far away: the loss
# of a recurrent network has cliffs. A blunt but effective remedy is to limit the length of the
# step. Regard *all* gradients of the model, $g_1, \dots, g_m$ of whatever shapes, as one long
# vector, and shorten it to $\theta$ if it is longer:
#
# $$\lVert g \rVert = \sqrt{\sum_{i=1}^{m} \sum_{j} g_{i,j}^2}, \qquad
# g_i \leftarrow \min\left( \frac{\theta}{\lVert g \rVert},\ 1 \right) g_i .$$
#
# One common factor changes the length of the vector and not its direction. (Clipping each entry to
# $[-\theta, \theta]$ would change the direction, clipping each tensor by its own norm too.) A
# gradient of 0 stays 0: $\theta/0 = \infty$, and the minimum is 1.
#
# **Example.** $g_1 = (3, 0)$, $g_2 = (0, 4)$ have the common norm 5. With $\theta = 1$ they become
# $(0.6, 0)$ and $(0, 0.8)$; with $\theta = 10$ they stay as they are.
#
# **What usually goes wrong.** *Stretching short gradients* to $\theta$ as well: the minimum with 1
# is missing. *$0/0$* when all gradients vanish. *Writing into the given tensors*, which is what
# PyTorch's `clip_grad_norm_` does on purpose (the underscore says so; it also divides by
# $\lVert g \rVert + 10^{-6}$, which we do not).
#
# *Reference.* Pascanu, Mikolov & Bengio, *On the difficulty of training recurrent neural networks*,
# ICML 2013.


# %%
def clip_gradients(grads: list[Tensor], *, theta: float) -> list[Tensor]:
    """Gradients of any shapes, shortened by one common factor to a norm of at most theta.

    Formula: min(theta / ||g||, 1) g, with ||g|| the root of the sum of all squared entries of all
    tensors   (Pascanu et al., 2013).

    Args:
        grads: tensors of any shapes, at least one.
        theta: the largest norm allowed, above 0.

    Returns:
        The clipped gradients, new tensors in the same order.

    Raises:
        ValueError: if grads is empty or theta is not above 0.
    """
    require(len(grads) >= 1, "grads must hold at least one tensor, got none")
    require(theta > 0, f"theta must be above 0, got {theta}")
    # TODO: find the norm of all gradients together, and scale all of them by the same factor.
    ### BEGIN SOLUTION
    norm = torch.sqrt(sum((g * g).sum() for g in grads))
    scale = (theta / norm).clamp(max=1.0)
    return [g * scale for g in grads]
    ### END SOLUTION


# %% [markdown] question="what_truncation_loses" points=3
# ### Question: what truncation loses (3 points)
#
# A character model reads a long text and is trained with `truncated_bptt` and $k = 35$. In the
# text, an opening bracket is closed 50 characters later. (a) Can the state at the closing bracket
# contain information about the opening one? Through which part of the computation? (b) Can the
# gradient of the loss at the closing bracket teach the network to *store* the opening bracket? Say
# which paths are missing. (c) Compare the memory that `truncated_bptt` needs with that of
# `rnn_loss`, and say why the gradients of $W_{hq}$ and $c$ are exact for every $k$.
#
# ### BEGIN MARK SCHEME
# - 1 point (a): yes: the state is carried from chunk to chunk, so the forward pass is that of the
#   full sequence, and h_t depends on all inputs before t.
# - 1 point (b): no: the two lie in different chunks (50 > 35), and the gradient is cut where a
#   chunk begins, so no path leads from the loss at the closing bracket back to the step that reads
#   the opening one. (A remark that shorter pairs within a chunk can teach it, because the weights
#   are shared, is right and not required.)
# - 1 point (c): states of one chunk at a time: O(k) instead of O(T) (times N H); W_hq and c act
#   after the recurrence: their gradients need h_t and the scores of the same step only, which the
#   truncation does not change.
# ### END MARK SCHEME

# %% [markdown] answer="what_truncation_loses"
# ### BEGIN SOLUTION
# (a) Yes. The last state of a chunk is the first of the next, so forward nothing is cut: $h_t$ is a
# function of all inputs up to $t$, and whatever the network has learned to keep about the opening
# bracket can be present 50 steps later.
#
# (b) No. The opening and the closing bracket lie in different chunks. The gradient of the loss at
# the closing bracket goes back to the beginning of its own chunk and no further, because the state
# that enters the chunk counts as a constant: all paths $\ell_t \to h_t \to \dots \to h_s$ with $s$
# in an earlier chunk are missing, and among them those that say how $h_s$ should have been computed
# at the opening bracket. The network can still come to store brackets, by learning it from pairs
# that fall within one chunk: the weights are the same.
#
# (c) `rnn_loss` keeps the states of all $T$ steps for its backward pass, $N T H$ numbers;
# `truncated_bptt` those of one chunk, $N k H$, since a chunk is finished before the next begins.
# $W_{hq}$ and $c$ are used after the recurrence: their gradients are sums over the steps of
# products of $h_t$ and $\partial L/\partial o_t$ of the same step. Both are forward quantities,
# which truncation leaves alone; no path through time is involved.
# ### END SOLUTION

# %% [markdown] question="why_one_norm" points=2
# ### Question: why one norm over all (2 points)
#
# A friend clips every entry of every gradient to $[-\theta, \theta]$: "It is simpler, and the
# result is short as well." Construct a gradient with two entries for which their update points
# almost $45^\circ$ away from the gradient. Which property of $\min(\theta/\lVert g\rVert, 1)\, g$
# did they give up, and why does it matter for a loss that is to decrease? And: does clipping, in
# either form, help against gradients that vanish?
#
# ### BEGIN MARK SCHEME
# - 1 point: an example such as g = (100, 1), theta = 1, clipped to (1, 1); what is lost is the
#   direction: scaling by one factor keeps -g, the direction of steepest descent, and only shortens
#   the step. (Entrywise clipping still makes an angle below 90 degrees with g, so it is a descent
#   direction, but not the steepest; no point is lost for leaving this out.)
# - 1 point: no help against vanishing: gradients shorter than theta are left alone, and rescaling
#   them all would not restore the share of the distant steps, which is lost relative to the near
#   ones (other remedies: gates, residual paths, initialisation).
# ### END MARK SCHEME

# %% [markdown] answer="why_one_norm"
# ### BEGIN SOLUTION
# $g = (100, 1)$ with $\theta = 1$ becomes $(1, 1)$: the gradient points along the first axis, the
# update along the diagonal, nearly $45^\circ$ away. Scaling with one factor keeps the direction.
# $-g$ is the direction in which the loss falls fastest, and the linear approximation that says so
# holds for short steps; shortening the step makes the approximation better without giving up the
# direction. Entry by entry, small components gain weight relative to large ones. (The inner product
# with $g$ stays positive, so for very small steps the loss still falls, only not as fast.)
#
# Neither helps against vanishing gradients. Short gradients are not touched, and even if they were
# stretched, all steps would be stretched by the same factor: what comes from distant steps would
# still drown in what comes from near ones.
# ### END SOLUTION
