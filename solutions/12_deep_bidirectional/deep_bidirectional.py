# %% [markdown]
# # 12. Deep and bidirectional recurrent networks
#
# The state $h_t$ of a recurrent network (unit 9) knows what was read up to step $t$ and nothing of
# what follows. For many tasks that is half of what there is to know. In "he left the bank ...", the
# words behind decide what *bank* means: "... and swam", "... and counted the money". Two ideas,
# which are usually combined:
#
# 1. **Two directions.** A second network with weights of its own reads the same sequence from its
#    end. Side by side, the states of both know the whole sequence, seen from step $t$.
# 2. **Depth.** What comes out is a sequence again, so another such layer can read it, and so on.
#
# Nothing in here needs a new derivative: backpropagation through time (unit 9) is given. What is
# new is *bookkeeping*: which step of which sequence ends up where. Everything would be easy if all
# sequences of a batch had the same length. They do not.
#
# **Padding.** A batch is one tensor `x` of shape $(N, T, D)$. Sequence $n$ has `lengths[n]` $= L_n$
# real steps, $1 \leq L_n \leq T$; they stand first, and what stands behind them, the *padding*, is
# there to fill the tensor and may hold any finite numbers. `lengths` is $(N,)$, int64, in no
# particular order; `None` stands for "all $T$". One principle decides every case:
#
# > **The results for a sequence are what they would be if it stood alone, cut to its length.**
#
# So padding influences no result, nothing comes out at padding but zeros, what arrives there is
# ignored, and no gradient goes there.
#
# **Conventions.** Step counts start at 0 in code and at 1 in formulas. States are rows, weights
# stand on their right, and the weights of one direction are a tuple `(w_xh, w_hh, b)` of shapes
# $(D, H)$, $(H, H)$, $(H,)$. The two directions share nothing but their input. They are often
# written with one size $H$ and outputs of size $2H$; here they may differ, $H_f$ forward and $H_b$
# backward, and the outputs have the size $H_f + H_b$, **forward first**.
#
# *PyTorch* (`nn.RNN(bidirectional=True)`) differs: besides transposed weights and two biases per
# direction (unit 9), both directions have the same $H$; the states of all layers and directions are
# one tensor $(2L, N, H)$, in the order layer 1 forward, layer 1 backward, layer 2 forward, ...; and
# lengths count only if the batch was packed by `pack_padded_sequence`. Given a padded tensor as it
# is, it reads the padding as if it were data, and the backward direction reads it *first*.
#
# **Rules of this unit.** No autograd, nothing from `torch.nn`. `torch.tanh` is allowed, and
# `rnn_forward` and `rnn_backward` of unit 9 are given below; you need not use them. Results have
# the dtype and the device of the inputs; inputs and caches are never modified.
#
# **References.** Schuster & Paliwal, *Bidirectional recurrent neural networks*, IEEE Transactions
# on Signal Processing 45 (1997); Graves & Schmidhuber, *Framewise phoneme classification with
# bidirectional LSTM and other neural network architectures*, Neural Networks 18 (2005); Graves,
# Mohamed & Hinton, *Speech recognition with deep recurrent neural networks*, ICASSP 2013;
# Goodfellow, Bengio & Courville, *Deep Learning* (2016), sections 10.3 and 10.5; Zhang, Lipton,
# Li & Smola, *Dive into Deep Learning*, the chapter on modern recurrent networks.

# %%
"""Recurrent networks that read in both directions, on top of each other, over padded batches."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

Cache = Any  # whatever your backward needs
Weights = tuple[Tensor, Tensor, Tensor]  # of one direction: w_xh, w_hh, b


def require(condition: bool, message: str) -> None:
    """Raises ValueError(message) unless the condition holds."""
    if not condition:
        raise ValueError(message)


def require_shape(name: str, x: Tensor, *sizes: int | str) -> None:
    """Raises ValueError unless x has these sizes; a text stands for any size."""
    fits = x.ndim == len(sizes) and all(
        isinstance(size, str) or size == n for size, n in zip(sizes, x.shape, strict=True)
    )
    expected = ", ".join(map(str, sizes))
    require(fits, f"{name} must have the shape ({expected}), got {tuple(x.shape)}")


def require_lengths(x: Tensor, lengths: Tensor | None) -> Tensor:
    """The lengths of the sequences of x, (N,) int64: all T if `lengths` is None.

    Raises ValueError unless x is (N, T, D) with a step, and each length is in 1..T.
    """
    require_shape("x", x, "N", "T", "D")
    samples, steps, _ = x.shape
    require(steps >= 1, f"x must have at least one step, got shape {tuple(x.shape)}")
    if lengths is None:
        return torch.full((samples,), steps, device=x.device)
    require_shape("lengths", lengths, samples)
    require(lengths.dtype == torch.int64, f"lengths must hold int64, got {lengths.dtype}")
    within = bool(((lengths >= 1) & (lengths <= steps)).all())
    require(within, f"lengths must lie in 1..{steps}, got {lengths.tolist()}")
    return lengths


def require_weights(name: str, weights: Weights, inputs: int) -> int:
    """The number H of hidden units; raises ValueError unless the weights fit `inputs` features."""
    require(len(weights) == 3, f"{name} must hold w_xh, w_hh and b, got {len(weights)} tensors")
    w_xh, w_hh, b = weights
    require_shape(f"w_xh of {name}", w_xh, inputs, "H")
    hidden = w_xh.shape[1]
    require_shape(f"w_hh of {name}", w_hh, hidden, hidden)
    require_shape(f"b of {name}", b, hidden)
    return hidden


def rnn_forward(
    x: Tensor, h0: Tensor, w_xh: Tensor, w_hh: Tensor, b: Tensor
) -> tuple[Tensor, Cache]:
    """A recurrent network over whole sequences, all of T steps, from the first step to the last.

    Formula: h_t = tanh(x_t w_xh + h_{t-1} w_hh + b), t = 1, ..., T   (unit 9).

    Args:
        x: (N, T, D).
        h0: (N, H), the state before the first step.
        w_xh: (D, H).
        w_hh: (H, H).
        b: (H,).

    Returns:
        hs: (N, T, H), the states after each step.
        cache: what `rnn_backward` needs.
    """
    states = [h0]
    for t in range(x.shape[1]):
        states.append(torch.tanh(x[:, t] @ w_xh + states[t] @ w_hh + b))
    return torch.stack(states[1:], dim=1), (x, states, w_xh, w_hh)


def rnn_backward(dhs: Tensor, cache: Cache) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Backpropagation through time: gradients of `rnn_forward`.

    Formula: dz_t = (dhs_t + dz_{t+1} w_hh^T) * (1 - h_t^2), from t = T down to 1   (unit 9).

    Args:
        dhs: (N, T, H), for each state the gradient that arrives from outside the recurrence.
        cache: from `rnn_forward`.

    Returns:
        dx: (N, T, D).
        dh0: (N, H).
        dw_xh: (D, H).
        dw_hh: (H, H).
        db: (H,).
    """
    x, states, w_xh, w_hh = cache
    dh, steps = torch.zeros_like(states[0]), []
    for t in reversed(range(dhs.shape[1])):
        dz = (dhs[:, t] + dh) * (1 - states[t + 1] ** 2)
        dh = dz @ w_hh.T
        steps.append(dz)
    dz, before = torch.stack(steps[::-1], dim=1), torch.stack(states[:-1], dim=1)
    dw_xh = torch.einsum("ntd,nth->dh", x, dz)
    dw_hh = torch.einsum("nti,ntj->ij", before, dz)
    return dz @ w_xh.T, dh, dw_xh, dw_hh, dz.sum((0, 1))


# %% [markdown]
# ## 12.1 Turning sequences around
#
# The network of the backward direction is an ordinary one that reads the sequence from its end. So
# turn the sequence around, each one within its own length, and leave the padding where it is. With
# steps counted from 0,
#
# $$\underset{(N, T, D)}{\text{out}}[n, t] = \begin{cases} x[n,\ L_n - 1 - t] & t < L_n \\
# x[n, t] & t \geq L_n. \end{cases}$$
#
# **Example.** $T = 4$, $D = 1$, `lengths` $= (4, 2)$:
#
# $$x = \begin{pmatrix} 1 & 2 & 3 & 4 \\ 5 & 6 & 7 & 8 \end{pmatrix} \quad\Rightarrow\quad
# \text{out} = \begin{pmatrix} 4 & 3 & 2 & 1 \\ 6 & 5 & 7 & 8 \end{pmatrix}.$$
#
# **Two facts** that the rest of the unit uses. Call the operation $R$. It only exchanges steps in
# pairs ($t$ with $L_n - 1 - t$), so
#
# - it undoes itself: $R(R(x)) = x$;
# - it is its own adjoint, $\langle R(x), y \rangle = \langle x, R(y) \rangle$ for $x$ and $y$ of
#   the shape $(N, T, D)$: on both sides, the same pairs of numbers are multiplied. So the gradient
#   goes back through $R$ by $R$: if $\text{out} = R(x)$, then $dx = R(d\text{out})$.
#
# **What usually goes wrong.** *Turning over $T$ instead of $L_n$*, for instance with `x.flip(1)`.
# Then short sequences begin with their padding, the network reads it first, and its state is
# spoilt before the first real step. *Turning another axis*: `flip(0)` exchanges samples.


# %%
def reverse_padded(x: Tensor, lengths: Tensor | None = None) -> Tensor:
    """Each sequence in reverse order, within its own length; padding stays where it is.

    Formula: out[n, t] = x[n, L_n - 1 - t] for t < L_n, x[n, t] for t >= L_n; its own inverse and
    its own adjoint.

    Args:
        x: (N, T, D), T >= 1.
        lengths: (N,), int64, the number L_n of real steps of each sequence, in 1..T; None for T
            each.

    Returns:
        (N, T, D).

    Raises:
        ValueError: if x does not have three axes or has no step, or lengths are not N int64 numbers
            in 1..T.
    """
    lengths = require_lengths(x, lengths)
    # TODO: for every place of the result, find out which step of x belongs there, and fetch it.
    ### BEGIN SOLUTION
    t = torch.arange(x.shape[1], device=x.device)
    mirrored = lengths[:, None] - 1 - t
    source = torch.where(mirrored >= 0, mirrored, t)
    return x[torch.arange(len(x), device=x.device)[:, None], source]
    ### END SOLUTION


# %% [markdown]
# ## 12.2 Both directions: forward
#
# For each sequence, one network runs from step 1 to $L$ and another one from $L$ to 1 ($L$ is the
# length of the sequence; all states are rows):
#
# $$\underset{(1, H_f)}{h^f_t} = \tanh\big( \underset{(1, D)}{x_t} \underset{(D, H_f)}{W^f_{xh}}
# {} + h^f_{t-1} \underset{(H_f, H_f)}{W^f_{hh}} + b^f \big), \quad t = 1, \dots, L, \qquad
# h^f_0 \text{ given,}$$
#
# $$\underset{(1, H_b)}{h^b_t} = \tanh\big( \underset{(1, D)}{x_t} \underset{(D, H_b)}{W^b_{xh}}
# {} + h^b_{t+1} \underset{(H_b, H_b)}{W^b_{hh}} + b^b \big), \quad t = L, \dots, 1, \qquad
# h^b_{L+1} \text{ given.}$$
#
# The index of $h^b_t$ is a *place*, not a time: it is the state after reading $x_L, \dots, x_t$.
# The output at step $t$ puts side by side what both know about step $t$, and padding gets zeros:
#
# $$\underset{(N, T, H_f + H_b)}{\text{hs}}[n, t] = \begin{cases}
# [\,h^f_t,\ h^b_t\,] & t \leq L_n \\ 0 & t > L_n. \end{cases}$$
#
# ![Two square maps for a sequence of six steps that is padded to eight: how much the state at each
# step depends on each input. Left, forward states: only the lower left triangle is filled, darkest
# on the diagonal and fading to the left. Right, backward states: only the upper right triangle,
# darkest on the diagonal and fading to the right. Rows and columns of the padding are
# empty in both.](figures/knowledge.svg)
#
# In the figure the darkness of a square is how far $h_t$ moves for a small step of $x_s$. Side by
# side the two directions know about every input of the sequence, most about those close by, and
# about nothing in the padding.
#
# Besides, each direction has a **final state**, the one that has read everything:
# $h_f = h^f_{L_n}$, of shape $(N, H_f)$, after $L_n$ steps (not $T$), and $h_b = h^b_1$, of shape
# $(N, H_b)$. They stand at *opposite ends* of `hs`.
#
# With 12.1, the backward direction is: turn $x$ around, run an ordinary network, turn the states
# around. After the first turn, padding is still behind the real steps, so it is read after them and
# cannot reach them.
#
# **Example.** $D = H_f = H_b = 1$. Both directions have $W_{xh} = 1$, $b = 0$ and $h_0 = 0$;
# $W^f_{hh} = \ln(5/3) / 0.6$ and $W^b_{hh} = \ln(2.5) / 0.8$. The sequence is $x = (\ln 2, \ln 3)$.
# Since $\tanh \ln 2 = 0.6$, $\tanh \ln 3 = 0.8$ and $\tanh \ln 5 = 12/13$,
#
# $$h^f_1 = \tanh \ln 2 = 0.6, \quad h^f_2 = \tanh(\ln 3 + \ln \tfrac53) = \tfrac{12}{13}, \qquad
# h^b_2 = \tanh \ln 3 = 0.8, \quad h^b_1 = \tanh(\ln 2 + \ln 2.5) = \tfrac{12}{13}.$$
#
# So $\text{hs} = \big( (0.6, \tfrac{12}{13}),\ (\tfrac{12}{13}, 0.8) \big)$ and
# $h_f = h_b = \tfrac{12}{13}$. If the same batch holds the sequence $(\ln 2)$, padded by a 7 and of
# length 1, its results are $\text{hs} = \big( (0.6, 0.6),\ (0, 0) \big)$ and $h_f = h_b = 0.6$: the
# 7 is nowhere.
#
# **What usually goes wrong.** *Not turning the states back.* Shapes are right, and step $t$ gets
# what the backward network knew about step $L + 1 - t$. *Taking `hs[:, -1]` for both final states*:
# the backward one that stands there has read a single step (or none, where there is padding).
# *Final states at $T$*: after the last real step, the network went on over padding.


# %%
### BEGIN SOLUTION
def _padding(x: Tensor, lengths: Tensor) -> Tensor:
    """(N, T, 1), True where sequences of x are over."""
    return (torch.arange(x.shape[1], device=x.device) >= lengths[:, None])[:, :, None]


### END SOLUTION
def bidirectional_rnn_forward(
    x: Tensor,
    h0_f: Tensor,
    h0_b: Tensor,
    weights_f: Weights,
    weights_b: Weights,
    lengths: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor, Cache]:
    """A recurrent layer that reads each sequence from both ends.

    Formula: h_f[t] = tanh(x_t w_xh + h_f[t-1] w_hh + b) with weights_f, t = 1, ..., L_n, and
    h_b[t] = tanh(x_t w_xh + h_b[t+1] w_hh + b) with weights_b, t = L_n, ..., 1; hs_t is h_f[t] and
    h_b[t] side by side   (Schuster & Paliwal, 1997).

    Args:
        x: (N, T, D), T >= 1. What stands behind a sequence's L_n steps has no influence.
        h0_f: (N, H_f), the forward state before the first step.
        h0_b: (N, H_b), the backward state before the last real step, which it reads first.
        weights_f: (w_xh, w_hh, b) of the forward direction: (D, H_f), (H_f, H_f), (H_f,).
        weights_b: (w_xh, w_hh, b) of the backward direction: (D, H_b), (H_b, H_b), (H_b,).
        lengths: (N,), int64, the number L_n of real steps of each sequence, in 1..T; None for T
            each.

    Returns:
        hs: (N, T, H_f + H_b), both states about each step, the forward one first; 0 at padding.
        h_f: (N, H_f), the forward state after L_n steps.
        h_b: (N, H_b), the backward state after it has read the first step.
        cache: whatever `bidirectional_rnn_backward` needs.

    Raises:
        ValueError: if there is no step, lengths are not N int64 numbers in 1..T, or the sizes of x,
            the states and the weights do not fit together.
    """
    lengths = require_lengths(x, lengths)
    samples, _, inputs = x.shape
    require_shape("h0_f", h0_f, samples, require_weights("weights_f", weights_f, inputs))
    require_shape("h0_b", h0_b, samples, require_weights("weights_b", weights_b, inputs))
    # TODO: run one network over x and one over x turned around; bring the states of both to the
    # steps that they are about, put 0 where there is padding, and pick the final states.
    ### BEGIN SOLUTION
    hs_f, cache_f = rnn_forward(x, h0_f, *weights_f)
    hs_b, cache_b = rnn_forward(reverse_padded(x, lengths), h0_b, *weights_b)
    rows, last = torch.arange(samples, device=x.device), lengths - 1
    h_f, h_b = hs_f[rows, last], hs_b[rows, last]  # both in the order of reading
    hs = torch.cat([hs_f, reverse_padded(hs_b, lengths)], dim=2)
    hs = hs.masked_fill(_padding(x, lengths), 0.0)
    return hs, h_f, h_b, (cache_f, cache_b, lengths)
    ### END SOLUTION


# %% [markdown]
# ## 12.3 Both directions: backward
#
# Given $\text{dhs} = \partial L/\partial\, \text{hs}$, $(N, T, H_f + H_b)$, and what arrives at the
# final states, $\text{dh}_f$, $(N, H_f)$, and $\text{dh}_b$, $(N, H_b)$. Go back through 12.2 from
# its end to its beginning:
#
# - **Zeros at padding** are constants: what arrives there is dropped.
# - **Side by side** goes back by cutting: the first $H_f$ columns of `dhs` belong to the forward
#   direction, the last $H_b$ to the backward one. (Not "the first half".)
# - **The final states** are numbers that stand in `hs` as well: $h_f$ in its row $L_n$, $h_b$ in
#   its row 1. Used twice, added. So from outside the recurrence arrive
#
# $$\underset{(N, H_f)}{g^f_t} = \text{dhs}^f_t + [t = L_n]\, \text{dh}_f, \qquad
# \underset{(N, H_b)}{g^b_t} = \text{dhs}^b_t + [t = 1]\, \text{dh}_b \qquad (t \leq L_n),
# \qquad g^f_t = g^b_t = 0 \quad (t > L_n).$$
#
# - **Each network** then goes back through its own time, *against the direction in which it read*:
#
# $$\delta^f_t = \big(g^f_t + \delta^f_{t+1} (W^f_{hh})^\top\big) \odot (1 - h^f_t \odot h^f_t),
# \quad t = L_n, \dots, 1, \qquad
# \delta^b_t = \big(g^b_t + \delta^b_{t-1} (W^b_{hh})^\top\big) \odot (1 - h^b_t \odot h^b_t),
# \quad t = 1, \dots, L_n,$$
#
# with $\delta^f_{L_n + 1} = \delta^b_0 = 0$. This is `rnn_backward`, for the backward direction on
# sequences that are turned around: $R(g^b)$ goes in, and what comes out for $x$ must be turned
# around once more, since $R$ is its own adjoint.
# - **The input** has two readers:
#   $\dfrac{\partial L}{\partial x_t} = \delta^f_t (W^f_{xh})^\top + \delta^b_t (W^b_{xh})^\top$, of
#   shape $(N, D)$ for each $t$. Everything else belongs to one direction:
#
# $$\underset{(D, H_b)}{\frac{\partial L}{\partial W^b_{xh}}} = \sum_t x_t^\top \delta^b_t, \quad
# \underset{(H_b, H_b)}{\frac{\partial L}{\partial W^b_{hh}}} = \sum_t (h^b_{t+1})^\top \delta^b_t,
# \quad \underset{(H_b,)}{\frac{\partial L}{\partial b^b}} = \sum_{n, t} \delta^b_{n, t}, \quad
# \underset{(N, H_b)}{\frac{\partial L}{\partial h^b_{L+1}}} = \delta^b_L (W^b_{hh})^\top,$$
#
# and the same for $f$, with $h^f_{t-1}$ in the place of $h^b_{t+1}$ and
# $\partial L/\partial h^f_0 = \delta^f_1 (W^f_{hh})^\top$.
#
# Padding needs no further care: $\delta = 0$ there, so it contributes to no weight, and $dx = 0$.
#
# **Example** (with the numbers of 12.2, the first sequence alone).
# $\text{dhs} = \big( (50, 100),\ (100, 100) \big)$, $\text{dh}_f = 69$, $\text{dh}_b = 238$. The
# slopes are $1 - 0.6^2 = 0.64$, $1 - 0.8^2 = 0.36$ and $1 - (12/13)^2 = 25/169$.
#
# $$\delta^f_2 = (100 + 69) \cdot \tfrac{25}{169} = 25, \qquad
# \delta^f_1 = \left(50 + 25\, \tfrac{\ln(5/3)}{0.6}\right) \cdot 0.64
# = 32 + \tfrac{80}{3} \ln \tfrac53,$$
#
# $$\delta^b_1 = (100 + 238) \cdot \tfrac{25}{169} = 50, \qquad
# \delta^b_2 = \left(100 + 50\, \tfrac{\ln 2.5}{0.8}\right) \cdot 0.36 = 36 + 22.5 \ln 2.5 .$$
#
# Since $W_{xh} = 1$, $\partial L/\partial x = (\delta^f_1 + 50,\ 25 + \delta^b_2)$. Further,
# $\partial L/\partial W^f_{hh} = 0.6 \cdot 25 = 15$,
# $\partial L/\partial W^b_{hh} = 0.8 \cdot 50 = 40$,
# $\partial L/\partial W^f_{xh} = \ln 2 \cdot \delta^f_1 + \ln 3 \cdot 25$,
# $\partial L/\partial W^b_{xh} = \ln 2 \cdot 50 + \ln 3 \cdot \delta^b_2$.
#
# **What usually goes wrong.** *Adding $\text{dh}_b$ at the last step* because it is a final state.
# *Forgetting one of the two turns.* *Adding into `dhs`*, which belongs to the caller.


# %%
def bidirectional_rnn_backward(
    dhs: Tensor, dh_f: Tensor, dh_b: Tensor, cache: Cache
) -> tuple[Tensor, Tensor, Tensor, Weights, Weights]:
    """Gradients of `bidirectional_rnn_forward`.

    Formula: to h_f[t] arrive the first H_f columns of dhs_t, and dh_f if t = L_n; to h_b[t] the
    last H_b columns, and dh_b if t = 1; nothing at padding. Then backpropagation through time for
    each direction, against the order in which it reads; dx is the sum of both.

    Args:
        dhs: (N, T, H_f + H_b), with respect to the states of both directions; what it holds at
            padding is ignored.
        dh_f: (N, H_f), with respect to the final state of the forward direction.
        dh_b: (N, H_b), with respect to the final state of the backward direction.
        cache: from `bidirectional_rnn_forward`.

    Returns:
        dx: (N, T, D), 0 at padding.
        dh0_f: (N, H_f).
        dh0_b: (N, H_b).
        dweights_f: (dw_xh, dw_hh, db) of the forward direction.
        dweights_b: (dw_xh, dw_hh, db) of the backward direction.

    Raises:
        ValueError: if dhs, dh_f and dh_b do not have the shapes (N, T, H_f + H_b), (N, H_f) and
            (N, H_b).
    """
    require_shape("dhs", dhs, "N", "T", "H_f + H_b")
    require_shape("dh_f", dh_f, dhs.shape[0], "H_f")
    require_shape("dh_b", dh_b, dhs.shape[0], dhs.shape[2] - dh_f.shape[1])
    # TODO: find out what arrives at the states of each direction, let it go back through time, and
    # bring the gradients to the steps that they are about.
    ### BEGIN SOLUTION
    cache_f, cache_b, lengths = cache
    dhs = dhs.masked_fill(_padding(dhs, lengths), 0.0)  # a copy: the caller's stays as it is
    dhs_f, dhs_b = dhs.split([dh_f.shape[1], dh_b.shape[1]], dim=2)
    dhs_b = reverse_padded(dhs_b, lengths)
    rows, last = torch.arange(len(dhs), device=dhs.device), lengths - 1
    dhs_f[rows, last] += dh_f
    dhs_b[rows, last] += dh_b  # in the order of reading: the first step is the last that is read
    dx_f, dh0_f, *dweights_f = rnn_backward(dhs_f, cache_f)
    dx_b, dh0_b, *dweights_b = rnn_backward(dhs_b, cache_b)
    dx = dx_f + reverse_padded(dx_b, lengths)
    return dx, dh0_f, dh0_b, tuple(dweights_f), tuple(dweights_b)
    ### END SOLUTION


# %% [markdown]
# ## 12.4 Layers on layers: forward
#
# The output of a bidirectional layer is a padded batch of sequences with the *same lengths*, so it
# can be the input of another one. With $\text{hs}^{(0)} := x$, for $l = 1, \dots, M$,
#
# $$\underset{(N, T, H_f^{(l)} + H_b^{(l)})}{\text{hs}^{(l)}}
# = \text{layer}^{(l)}\big( \text{hs}^{(l-1)}, \text{lengths} \big), \qquad
# \text{zero initial states,} \qquad
# W_{xh}^{(l)}: \big( H_f^{(l-1)} + H_b^{(l-1)},\ H^{(l)} \big) \text{ for } l > 1.$$
#
# **Both directions of a layer read both directions of the layer below.** (The other way to stack,
# one deep network forward and one backward that only meet at the top, is a different model: there
# a lower layer has no context from the other side.) So a layer must be complete before the next one
# begins: $h^{f,(2)}_1$, the very first state of layer 2, needs $h^{b,(1)}_1$, which needs the whole
# sequence.
#
# **Example.** $x = (\ln 2, \ln 3)$ as before. All weights and biases not named are 0.
#
# *Layer 1*, $H_f = H_b = 1$: $W_{xh} = 1$ in both directions, $W^b_{hh} = -\ln 2/0.8$. States:
# forward $(0.6, 0.8)$; backward $h^b_2 = 0.8$, $h^b_1 = \tanh(\ln 2 - \ln 2) = 0$. So
# $\text{hs}^{(1)} = \big( (0.6, 0),\ (0.8, 0.8) \big)$.
#
# *Layer 2*, forward: $W_{xh} = (5 \ln 2,\ -\tfrac54 \ln 2)^\top$, $W_{hh} = \ln(1.5)/0.6$,
# $b = -2 \ln 2$. Backward: $W_{xh} = (0,\ \tfrac54 \ln 3)^\top$, $W_{hh} = -\ln 2/0.8$. Then
#
# $$h^f_1 = \tanh(3 \ln 2 - 2 \ln 2) = 0.6, \qquad
# h^f_2 = \tanh(4 \ln 2 - \ln 2 - 2 \ln 2 + \ln 1.5) = \tanh \ln 3 = 0.8,$$
# $$h^b_2 = \tanh \ln 3 = 0.8, \qquad h^b_1 = \tanh(0 - \ln 2) = -0.6,$$
#
# and the result is $\text{hs} = \big( (0.6, -0.6),\ (0.8, 0.8) \big)$.
#
# **What usually goes wrong.** *Forgetting the lengths above the first layer*: the zeros at the
# padding of $\text{hs}^{(1)}$ are then read as steps. They are harmless to the eye and not to the
# backward direction, which starts there: $\tanh b \neq 0$.


# %%
def deep_bidirectional_rnn_forward(
    x: Tensor, layers: list[tuple[Weights, Weights]], lengths: Tensor | None = None
) -> tuple[Tensor, Cache]:
    """Bidirectional recurrent layers on top of each other, all with zero initial states.

    Formula: hs^l = bidirectional layer l of hs^{l-1}, hs^0 = x; both directions of a layer read
    both directions of the layer below   (Graves, Mohamed & Hinton, 2013).

    Args:
        x: (N, T, D), T >= 1. What stands behind a sequence's L_n steps has no influence.
        layers: for each layer (weights_f, weights_b), the lowest first; each (w_xh, w_hh, b) as in
            `bidirectional_rnn_forward`, where D is H_f + H_b of the layer below, if there is one.
        lengths: (N,), int64, the number L_n of real steps of each sequence, in 1..T; None for T
            each.

    Returns:
        hs: (N, T, H_f + H_b), the states of the top layer; 0 at padding.
        cache: whatever `deep_bidirectional_rnn_backward` needs.

    Raises:
        ValueError: if there is no layer or no step, lengths are not N int64 numbers in 1..T, or the
            sizes of x and the weights do not fit together.
    """
    lengths = require_lengths(x, lengths)
    require(len(layers) >= 1, "layers must hold at least one layer, got none")
    inputs = x.shape[2]
    for weights_f, weights_b in layers:
        hidden_f = require_weights("weights_f", weights_f, inputs)
        inputs = hidden_f + require_weights("weights_b", weights_b, inputs)
    # TODO: let each layer read the whole output of the layer below.
    ### BEGIN SOLUTION
    hs, caches = x, []
    for weights_f, weights_b in layers:
        zeros = [x.new_zeros(len(x), len(w_hh)) for _, w_hh, _ in (weights_f, weights_b)]
        hs, _, _, cache = bidirectional_rnn_forward(hs, *zeros, weights_f, weights_b, lengths)
        caches.append((zeros, cache))
    return hs, caches
    ### END SOLUTION


# %% [markdown]
# ## 12.5 Layers on layers: backward
#
# From the top layer down. The output of layer $l < M$ has one reader, layer $l + 1$, so what
# arrives at it is the `dx` of that layer, both directions of which have read it (12.3 adds them).
# Nobody reads the final states, so nothing arrives there:
#
# $$\underset{(N, T, H_f + H_b)}{\text{dhs}^{(l)}} = \begin{cases} \text{dhs} & l = M \\
# \text{dx}^{(l+1)} & l < M, \end{cases} \qquad \text{dh}_f^{(l)} = \text{dh}_b^{(l)} = 0 .$$
#
# The `dx` of the lowest layer is the `dx` of the whole.
#
# **Example** (with the numbers of 12.4). $\text{dhs} = \big( (25, 0),\ (0, 100) \big)$.
#
# *Layer 2.* Forward: $\delta^f_2 = 0$, $\delta^f_1 = 25 \cdot 0.64 = 16$. Backward:
# $\delta^b_1 = 0$, $\delta^b_2 = 100 \cdot 0.36 = 36$. So
# $\partial L/\partial W^f_{xh} = 16 \cdot (0.6, 0)^\top$,
# $\partial L/\partial W^b_{xh} = 36 \cdot (0.8, 0.8)^\top$, and down to layer 1 come
#
# $$\text{dx}_1 = 16 \cdot (5 \ln 2,\ -\tfrac54 \ln 2) = (80 \ln 2,\ -20 \ln 2), \qquad
# \text{dx}_2 = 36 \cdot (0,\ \tfrac54 \ln 3) = (0,\ 45 \ln 3).$$
#
# *Layer 1.* Forward: $\delta^f_2 = 0$, $\delta^f_1 = 80 \ln 2 \cdot 0.64 = 51.2 \ln 2$. Backward,
# with slopes $1 - 0^2$ at step 1 and $0.36$ at step 2: $\delta^b_1 = -20 \ln 2$ and
# $\delta^b_2 = \left(45 \ln 3 - 20 \ln 2 \cdot \tfrac{-\ln 2}{0.8}\right) \cdot 0.36
# = 16.2 \ln 3 + 9 \ln^2 2$. Altogether
#
# $$\frac{\partial L}{\partial x} = \big( 31.2 \ln 2,\ 16.2 \ln 3 + 9 \ln^2 2 \big), \qquad
# \frac{\partial L}{\partial W^{b,(1)}_{hh}} = 0.8 \cdot (-20 \ln 2) = -16 \ln 2 .$$
#
# **What usually goes wrong.** *Returning `dlayers` in the order in which they were computed*, the
# top layer first. *Passing only the forward columns down.*


# %%
def deep_bidirectional_rnn_backward(
    dhs: Tensor, cache: Cache
) -> tuple[Tensor, list[tuple[Weights, Weights]]]:
    """Gradients of `deep_bidirectional_rnn_forward`.

    Formula: to a layer's states arrives dhs (top layer) or the dx of the layer above (others), and
    to final states nothing; then `bidirectional_rnn_backward`, layer by layer.

    Args:
        dhs: (N, T, H_f + H_b), with respect to the states of the top layer; what it holds at
            padding is ignored.
        cache: from `deep_bidirectional_rnn_forward`.

    Returns:
        dx: (N, T, D), 0 at padding.
        dlayers: for each layer (dweights_f, dweights_b), the lowest first, each (dw_xh, dw_hh, db).

    Raises:
        ValueError: if dhs does not have three axes.
    """
    require_shape("dhs", dhs, "N", "T", "H_f + H_b")
    # TODO: go through the layers from the top down; what leaves one through its input arrives at
    # the states of the next.
    ### BEGIN SOLUTION
    dlayers = []
    for zeros, cache_of_layer in reversed(cache):
        dhs, _, _, *dweights = bidirectional_rnn_backward(dhs, *zeros, cache_of_layer)
        dlayers.append(tuple(dweights))
    return dhs, dlayers[::-1]
    ### END SOLUTION


# %% [markdown] question="not_online" points=2
# ### Question: what cannot be bidirectional (2 points)
#
# A friend has a bidirectional network that predicts, from its output at step $t$, the character at
# step $t + 1$. Its training loss is close to 0 after minutes, and they want to write text with it,
# and to run it on speech while somebody is still speaking. (a) Why is the loss so small, and why is
# the network of no use for either? (b) Name a part of a translation system (or another task on
# text) that may be bidirectional, and say why.
#
# ### BEGIN MARK SCHEME
# - 1 point (a): the output at step t contains the backward state, which has read step t + 1 and
#   everything behind it: the answer is in the input, so the loss says nothing. When text is
#   generated, or speech is still going on, what comes later does not exist yet, so the output
#   cannot be computed at all (it would have to wait for the end).
# - 1 point (b): what reads a sequence that is complete before anything is answered: the encoder of
#   a translation system (the source sentence is given), tagging, classifying a document. A reason
#   is required; the decoder is wrong.
# ### END MARK SCHEME

# %% [markdown] answer="not_online"
# ### BEGIN SOLUTION
# (a) The output at step $t$ holds the backward state $h^b_t$, which has read $x_{t+1}, \dots, x_L$.
# The character to be predicted is among them, so the network learns to copy it, and a loss near 0
# is no achievement. To generate text means to compute the output at step $t$ while
# $x_{t+1}, \dots$ do not exist: there is nothing that the backward network could start from. Speech
# in real time is the same: every output would have to wait until the speaker has finished.
#
# (b) The encoder. The source sentence is complete before the first word of the translation is
# written, so reading it from both ends uses nothing that would not be there, and each of its states
# knows both sides of its word. (Tagging words and classifying documents are of this kind too. The
# decoder is not: it writes.)
# ### END SOLUTION

# %% [markdown] question="two_ends" points=2
# ### Question: two ends (2 points)
#
# To classify sentences of different lengths with one bidirectional layer, a friend computes `hs`
# without lengths and classifies `hs[:, -1]`: "In unit 9 the last state was the one that had read
# everything." (a) What has each of the two parts of `hs[:, -1]` read in a sentence shorter than
# $T$, and what in one of length $T$? (b) From which places of `hs` (computed with lengths) should
# they take the parts of the vector that they classify?
#
# ### BEGIN MARK SCHEME
# - 1 point (a): length T: the forward part has read everything, the backward part the last step
#   only. Shorter: the forward part has read the sentence and then padding; the backward part has
#   read only the padding at the last place, nothing of the sentence.
# - 1 point (b): the forward columns at step L_n and the backward columns at the first step (h_f and
#   h_b): where each direction has read all.
# ### END MARK SCHEME

# %% [markdown] answer="two_ends"
# ### BEGIN SOLUTION
# (a) At the last place the forward state has read everything up to there: in a sentence of length
# $T$ the whole sentence, in a shorter one the sentence and then the padding, which the state had to
# carry it through. The backward network *starts* at the last place. There it has read one step: the
# last word of a sentence of length $T$, and in a shorter one nothing but padding.
#
# (b) Each direction where it has read all of the sentence: the first $H_f$ columns of
# `hs[n, L_n - 1]` and the last $H_b$ columns of `hs[n, 0]`. These are $h_f$ and $h_b$.
# ### END SOLUTION
