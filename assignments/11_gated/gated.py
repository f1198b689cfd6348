# %% [markdown]
# # 11. Gated recurrent networks: LSTM and GRU
#
# In the network of unit 9 the gradient goes back through time by repeated multiplication with
# $\operatorname{diag}(1 - h_t^2)\, W_{hh}^\top$, and it vanishes or explodes (unit 10). Gated
# networks give the state another way through a step: it is *kept*, multiplied by a number between 0
# and 1 that the network itself computes from what it reads. Such a number is called a gate. One
# state has $H$ of them, so that each unit decides for itself what to keep.
#
# Sigmoids make the gates, because they lie between 0 (closed) and 1 (open); tanh makes the content,
# because it may be positive or negative. Their derivatives, from the outputs (unit 3):
#
# $$\sigma' = \sigma (1 - \sigma), \qquad \tanh' = 1 - \tanh^2 .$$
#
# You will write the long short-term memory (LSTM) and the gated recurrent unit (GRU), one step and
# whole sequences, forward and backward, and then take one Jacobian apart to see why the gradient
# survives.
#
# **Conventions.** Sequences are batch first, `x` $(N, T, D)$. The weights of all gates stand side
# by side in one matrix, *in blocks of $H$ columns*:
#
# | | `w_x` | `w_h` | `b` | blocks, from the left |
# |---|---|---|---|---|
# | LSTM | $(D, 4H)$ | $(H, 4H)$ | $(4H,)$ | $i, f, g, o$: input, forget, candidate, output |
# | GRU | $(D, 3H)$ | $(H, 3H)$ | $(3H,)$ | $r, z, n$: reset, update, candidate |
#
# The order of the blocks is that of PyTorch; the matrices are the transposes of PyTorch's, and
# PyTorch adds two biases. For the LSTM that is all; **our GRU is not PyTorch's** (see 11.5).
#
# **Rules of this unit.** No autograd, nothing from `torch.nn`. `torch.sigmoid` and `torch.tanh` are
# allowed (you wrote them in unit 3). Results have the dtype and the device of the inputs; inputs
# and caches are never modified.
#
# **References.** Hochreiter & Schmidhuber, *Long short-term memory*, Neural Computation 9 (1997);
# Gers, Schmidhuber & Cummins, *Learning to forget: continual prediction with LSTM*, Neural
# Computation 12 (2000); Cho et al., *Learning phrase representations using RNN encoder-decoder for
# statistical machine translation*, EMNLP 2014; Goodfellow, Bengio & Courville, *Deep Learning*
# (2016), section 10.10.

# %%
"""Gated recurrent networks: LSTM and GRU through time, and the Jacobian of the cell state."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

Cache = Any  # whatever your backward needs


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


def require_weights(inputs: int, w_x: Tensor, w_h: Tensor, b: Tensor, *, blocks: int) -> int:
    """The number H of hidden units; raises ValueError unless the weights fit `inputs` features."""
    require_shape("w_x", w_x, inputs, f"{blocks}H")
    hidden, rest = divmod(w_x.shape[1], blocks)
    require(rest == 0, f"w_x must have {blocks} blocks of H columns, got {w_x.shape[1]} columns")
    require_shape("w_h", w_h, hidden, blocks * hidden)
    require_shape("b", b, blocks * hidden)
    return hidden


def require_step(
    x: Tensor, w_x: Tensor, w_h: Tensor, b: Tensor, *, blocks: int, **states: Tensor
) -> None:
    """Raises ValueError unless x, the states and the weights of one step fit together."""
    require_shape("x", x, "N", "D")
    hidden = require_weights(x.shape[1], w_x, w_h, b, blocks=blocks)
    for name, state in states.items():
        require_shape(name, state, x.shape[0], hidden)


def require_sequence(
    x: Tensor, w_x: Tensor, w_h: Tensor, b: Tensor, *, blocks: int, **states: Tensor
) -> None:
    """Raises ValueError unless x, the initial states and the weights of a sequence fit together."""
    require_shape("x", x, "N", "T", "D")
    require(x.shape[1] >= 1, f"x must have at least one step, got shape {tuple(x.shape)}")
    require_step(x[:, 0], w_x, w_h, b, blocks=blocks, **states)


# %% [markdown]
# ## 11.1 LSTM: one step
#
# An LSTM has two states, both of shape $(N, H)$: the *cell state* $c$, which is the memory, and the
# *hidden state* $h$, which is what it shows of it. One step takes $x$, $h$, $c$ and returns $h'$,
# $c'$:
#
# $$\underset{(N, 4H)}{(a_i, a_f, a_g, a_o)} = \underset{(N, D)}{x} \underset{(D, 4H)}{W_x}
# {} + \underset{(N, H)}{h} \underset{(H, 4H)}{W_h} + \underset{(4H,)}{b},$$
#
# $$i = \sigma(a_i), \quad f = \sigma(a_f), \quad g = \tanh(a_g), \quad o = \sigma(a_o)
# \qquad (N, H) \text{ each},$$
#
# $$c' = f \odot c + i \odot g, \qquad h' = o \odot \tanh(c').$$
#
# The forget gate $f$ says how much of the old content is kept, the input gate $i$ how much of the
# candidate $g$ is written, the output gate $o$ how much is shown. Note what does *not* happen to
# $c$ on its way to $c'$: it is multiplied by no matrix and squashed by no function.
#
# **Example.** $D = H = 1$, $x = 1$, $h = 1$, $c = \tfrac13 (4 \ln 3 - 1.2)$,
# $W_x = (0, \ln 3, 0, \ln 4)$, $W_h = (0, 0, \ln 2, 0)$, $b = 0$. Then
# $a = (0, \ln 3, \ln 2, \ln 4)$, so
#
# $$i = 0.5,\quad f = 0.75,\quad g = 0.6,\quad o = 0.8,\qquad
# c' = 0.75\, c + 0.3 = \ln 3,\qquad h' = 0.8 \cdot \tanh \ln 3 = 0.64 .$$
#
# **What usually goes wrong.** *Another order of the blocks.* Four blocks of the same shape can be
# taken for each other without complaint. *A sigmoid for the candidate*, which could then only add
# to the memory, never subtract. *Showing $o \odot c'$* without the tanh.
#
# *A remark on $b$.* With $b_f = 0$ the forget gates start half closed, and a memory is halved at
# each step. It is customary to start with $b_f = 1$ or more.


# %%
def lstm_step_forward(
    x: Tensor, h: Tensor, c: Tensor, w_x: Tensor, w_h: Tensor, b: Tensor
) -> tuple[Tensor, Tensor, Cache]:
    """One step of an LSTM.

    Formula: with the blocks i, f, g, o of x w_x + h w_h + b (sigmoid, sigmoid, tanh, sigmoid),
    c' = f c + i g and h' = o tanh(c')   (Hochreiter & Schmidhuber, 1997; Gers et al., 2000).

    Args:
        x: (N, D), the input of this step.
        h: (N, H), the hidden state before it.
        c: (N, H), the cell state before it.
        w_x: (D, 4H), input to gates.
        w_h: (H, 4H), hidden state to gates.
        b: (4H,).

    Returns:
        h: (N, H), the hidden state after this step.
        c: (N, H), the cell state after this step.
        cache: whatever `lstm_step_backward` needs.

    Raises:
        ValueError: if the sizes of x, h, c and the weights do not fit together.
    """
    require_step(x, w_x, w_h, b, blocks=4, h=h, c=c)
    # TODO: compute the gates and the candidate, then both new states; keep what backward needs.
    raise NotImplementedError("lstm_step_forward is not written yet")


# %% [markdown]
# ## 11.2 LSTM: one step, backward
#
# Two gradients arrive: `dh` for $h'$ and `dc` for $c'$, both $(N, H)$. The second is what comes
# from the *next step's* use of $c'$. But $c'$ has another consumer within this step, $h' = o \odot
# \tanh c'$, so the total gradient of $c'$ is
#
# $$\gamma := \texttt{dc} + \texttt{dh} \odot o \odot (1 - \tanh^2 c') \qquad (N, H).$$
#
# From $c' = f \odot c + i \odot g$ and $h' = o \odot \tanh c'$, entry by entry:
#
# $$\frac{\partial L}{\partial c} = \gamma \odot f, \qquad
# \frac{\partial L}{\partial i} = \gamma \odot g, \quad
# \frac{\partial L}{\partial f} = \gamma \odot c, \quad
# \frac{\partial L}{\partial g} = \gamma \odot i, \quad
# \frac{\partial L}{\partial o} = \texttt{dh} \odot \tanh c'.$$
#
# Through the sigmoids and the tanh, to what stands before them:
#
# $$\delta_i = \gamma \odot g \odot i (1 - i), \quad
# \delta_f = \gamma \odot c \odot f (1 - f), \quad
# \delta_g = \gamma \odot i \odot (1 - g^2), \quad
# \delta_o = \texttt{dh} \odot \tanh c' \odot o (1 - o).$$
#
# Put side by side in the order of the blocks, $\delta = (\delta_i, \delta_f, \delta_g, \delta_o)$
# of shape $(N, 4H)$, and the rest is linear layers:
#
# $$\underset{(N, D)}{\frac{\partial L}{\partial x}} = \delta W_x^\top, \quad
# \underset{(N, H)}{\frac{\partial L}{\partial h}} = \delta W_h^\top, \quad
# \underset{(D, 4H)}{\frac{\partial L}{\partial W_x}} = x^\top \delta, \quad
# \underset{(H, 4H)}{\frac{\partial L}{\partial W_h}} = h^\top \delta, \quad
# \underset{(4H,)}{\frac{\partial L}{\partial b}} = \sum_n \delta_{n\,\cdot}.$$
#
# **Example** (with the numbers of 11.1). `dh` $= 25$, `dc` $= 2.8$:
# $\gamma = 2.8 + 25 \cdot 0.8 \cdot 0.36 = 10$, so $\partial L/\partial c = 7.5$ and
#
# $$\delta = \left(10 \cdot 0.6 \cdot \tfrac14,\ 10\, c \cdot \tfrac3{16},\
# 10 \cdot 0.5 \cdot 0.64,\ 25 \cdot 0.8 \cdot 0.16\right)
# = (1.5,\ 2.5 \ln 3 - 0.75,\ 3.2,\ 3.2).$$
#
# Since $x = h = 1$, all three of $\partial L/\partial W_x$, $\partial L/\partial W_h$ and
# $\partial L/\partial b$ are $\delta$; and $\partial L/\partial h = 3.2 \ln 2$.
#
# **What usually goes wrong.** *Forgetting one of the two consumers of $c'$.* *Returning $\gamma$ as
# the gradient of $c$*, without the forget gate. *Old and new*: $\delta_f$ holds the **old** cell
# state, $\delta_o$ the tanh of the **new** one.


# %%
def lstm_step_backward(
    dh: Tensor, dc: Tensor, cache: Cache
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Gradients of one step of an LSTM.

    Formula: with gamma = dc + dh o (1 - tanh(c')^2), the gradient of the old cell state is gamma f;
    before the activations the gradients are gamma g i(1-i), gamma c f(1-f), gamma i (1-g^2) and
    dh tanh(c') o(1-o); from there as in a linear layer.

    Args:
        dh: (N, H), the gradient of the loss with respect to the hidden state after this step.
        dc: (N, H), the gradient with respect to the cell state after this step, as far as it does
            not come through the hidden state of this step.
        cache: from `lstm_step_forward`.

    Returns:
        dx: (N, D).
        dh: (N, H), with respect to the hidden state before this step.
        dc: (N, H), with respect to the cell state before this step.
        dw_x: (D, 4H).
        dw_h: (H, 4H).
        db: (4H,).

    Raises:
        ValueError: if dh is not a matrix or dc does not have its shape.
    """
    require_shape("dh", dh, "N", "H")
    require_shape("dc", dc, *dh.shape)
    # TODO: collect what arrives at the new cell state; from there to the old one and to the gates.
    raise NotImplementedError("lstm_step_backward is not written yet")


# %% [markdown]
# ## 11.3 LSTM: a whole sequence
#
# $$(h_t, c_t) = \operatorname{step}(x_t, h_{t-1}, c_{t-1}), \quad t = 1, \dots, T, \qquad
# \text{hs} = (h_1, \dots, h_T): (N, T, H), \qquad c_n := c_T: (N, H).$$
#
# All hidden states are returned, because later layers read them; of the cell states, which are the
# network's private memory, only the last.
#
# ![An LSTM of one unit over twelve steps, in four rows. The candidate changes with every step. The
# input gate is open at steps 2 and 8 only, the forget gate at all others, the output gate at steps
# 5 and 11. The memory is 0, takes the candidate of step 2, keeps it until step 7, and then holds
# the negative candidate of step 8 to the end. The hidden state is 0 except at steps 5 and 11, where
# it shows the memory.](figures/gates_over_time.svg)
#
# In the figure, the gates of one unit are driven by its inputs: *write* at steps 2 and 8, *show* at
# steps 5 and 11, *keep* otherwise ("open" is $0.993$, "0" is $0.007$). What is written at step 2
# (orange) is still there when it is shown at step 5, untouched by the candidates in between; and at
# step 8 the forget gate closes, so that the new content replaces the old instead of being added.
#
# **Example.** $D = H = 1$, $T = 2$, $W_x = W_h = 0$, $b = (0, \ln 3, 0, 0)$: the gates are the same
# at every step, $i = o = \tfrac12$, $f = \tfrac34$, and $g = 0$. With $c_0 = \tfrac{16}{9} \ln 3$
# the memory fades as $c_1 = \tfrac43 \ln 3$, $c_2 = \ln 3$, and
# $h_2 = \tfrac12 \tanh \ln 3 = 0.4$.
#
# **What usually goes wrong.** *Starting the cell state from $h_0$.* It has the right shape, and if
# both initial states are zero, as they often are, nobody notices.


# %%
def lstm_forward(
    x: Tensor, h0: Tensor, c0: Tensor, w_x: Tensor, w_h: Tensor, b: Tensor
) -> tuple[Tensor, Tensor, Cache]:
    """An LSTM over whole sequences, from the first step to the last.

    Formula: (h_t, c_t) = step(x_t, h_{t-1}, c_{t-1}), t = 1, ..., T, with the step of
    `lstm_step_forward`.

    Args:
        x: (N, T, D), T >= 1.
        h0: (N, H), the hidden state before the first step.
        c0: (N, H), the cell state before the first step.
        w_x: (D, 4H).
        w_h: (H, 4H).
        b: (4H,).

    Returns:
        hs: (N, T, H), the hidden states after each step.
        c_n: (N, H), the cell state after the last step.
        cache: whatever `lstm_backward` needs.

    Raises:
        ValueError: if there is no step, or the sizes of x, h0, c0 and the weights do not fit
            together.
    """
    require_sequence(x, w_x, w_h, b, blocks=4, h0=h0, c0=c0)
    # TODO: take the steps one after the other, carrying both states.
    raise NotImplementedError("lstm_forward is not written yet")


# %% [markdown]
# ## 11.4 LSTM: backward through time
#
# As in unit 9, now with two states that travel back. From outside arrive $g_t$ = `dhs[:, t]` of
# shape $(N, H)$ for every hidden state, and `dc_n` $(N, H)$ for the last cell state. Let
# $\eta_t$ and $\kappa_t$, both $(N, H)$, be what step $t + 1$ returns as gradients of $h_t$ and
# $c_t$, the states before it. Then
#
# $$\eta_T = 0, \quad \kappa_T = \texttt{dc\_n}, \qquad
# (\,\cdot\,, \eta_{t-1}, \kappa_{t-1}, \dots) = \operatorname{step\_backward}(g_t + \eta_t,\
# \kappa_t), \quad t = T, \dots, 1.$$
#
# To $h_t$ the outside contributes at every step; to $c_t$ only at the last, because the inner cell
# states were never shown to anybody. $\eta_0$ and $\kappa_0$ are the gradients of $h_0$ and $c_0$,
# and the gradients of the weights are sums over all steps.
#
# **Example** (with the numbers of 11.3). `dhs` $= (0, 25)$, `dc_n` $= 5.5$:
#
# - step 2: $\gamma_2 = 5.5 + 25 \cdot \tfrac12 \cdot 0.36 = 10$ and $\kappa_1 = 7.5$;
# - step 1: $\gamma_1 = 7.5$ (no gradient arrives at $h_1$, as $W_h = 0$) and $\kappa_0 = 5.625$.
#
# So $\partial L/\partial c_0 = f^2 \gamma_2$: what was lost on the way back is what was forgotten
# on the way forward, no more. The gradient of $b$, in the order $i, f, g, o$, is $(0,\ 5 \ln 3,\
# 8.75,\ 5)$.
#
# **What usually goes wrong.** *Starting each step with `dc` = 0*: then the memory's own path, the
# reason for all this, carries no gradient. *Adding `dc_n` at every step.*


# %%
def lstm_backward(
    dhs: Tensor, dc_n: Tensor, cache: Cache
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Backpropagation through time: gradients of an LSTM over whole sequences.

    Formula: from t = T down to 1, the step's gradients with dhs_t plus what step t + 1 sends back
    to h_t, and with what it sends back to c_t (dc_n at the last step); the gradients of the weights
    are sums over all steps.

    Args:
        dhs: (N, T, H), for each hidden state the gradient that arrives from outside.
        dc_n: (N, H), the gradient that arrives from outside at the last cell state.
        cache: from `lstm_forward`.

    Returns:
        dx: (N, T, D).
        dh0: (N, H).
        dc0: (N, H).
        dw_x: (D, 4H).
        dw_h: (H, 4H).
        db: (4H,).

    Raises:
        ValueError: if dhs and dc_n do not have the shapes (N, T, H) and (N, H).
    """
    require_shape("dhs", dhs, "N", "T", "H")
    require_shape("dc_n", dc_n, dhs.shape[0], dhs.shape[2])
    # TODO: walk back from the last step to the first with the gradients of both states.
    raise NotImplementedError("lstm_backward is not written yet")


# %% [markdown]
# ## 11.5 GRU: one step
#
# The GRU does with one state and two gates. The *update gate* $z$ plays forget and input gate at
# once: what is not kept is overwritten. The *reset gate* $r$ decides how much of the old state the
# candidate may see.
#
# $$r = \sigma(x W_{xr} + h W_{hr} + b_r), \qquad z = \sigma(x W_{xz} + h W_{hz} + b_z)
# \qquad (N, H) \text{ each},$$
#
# $$\underset{(N, H)}{n} = \tanh\big( \underset{(N, D)}{x} \underset{(D, H)}{W_{xn}}
# {} + \underset{(N, H)}{(r \odot h)}\, \underset{(H, H)}{W_{hn}} + \underset{(H,)}{b_n} \big),
# \qquad h' = z \odot h + (1 - z) \odot n .$$
#
# $W_{xr}$, $W_{xz}$, $W_{xn}$ are the three blocks of $H$ columns of `w_x`, and likewise for `w_h`
# and `b`.
#
# **Two conventions, stated because they differ between books.** (1) The reset gate acts on $h$
# *before* the product with $W_{hn}$, as in Cho et al. (2014). PyTorch's `nn.GRU` multiplies *after*
# it, $r \odot (h W_{hn} + b_{hn})$, with a bias of its own inside, because this lets all three
# products with $h$ be computed at once. For $H = 1$ and $b_{hn} = 0$ the two agree, otherwise they
# do not. (2) $z = 1$ *keeps* the old state. Some authors exchange the roles of $z$ and $1 - z$.
#
# **Example.** $D = H = 1$, $x = 1$, $h = 2$, $W_x = (0, -\ln 3, 0)$, $W_h = (1, \ln 3, \ln 3)$,
# $b = (-2, 0, 0)$:
#
# $$r = \sigma(0) = \tfrac12, \quad z = \sigma(\ln 3) = \tfrac34, \quad
# n = \tanh\left(\tfrac12 \cdot 2 \cdot \ln 3\right) = 0.8, \quad
# h' = \tfrac34 \cdot 2 + \tfrac14 \cdot 0.8 = 1.7 .$$
#
# **What usually goes wrong.** *The reset gate after the product.* *Exchanging $z$ and $1 - z$.*
# *Keeping the reset state*, $z \odot (r \odot h)$: the reset concerns the candidate only.


# %%
def gru_step_forward(
    x: Tensor, h: Tensor, w_x: Tensor, w_h: Tensor, b: Tensor
) -> tuple[Tensor, Cache]:
    """One step of a GRU, with the reset before the product.

    Formula: r = sigmoid(x w_xr + h w_hr + b_r), z = sigmoid(x w_xz + h w_hz + b_z),
    n = tanh(x w_xn + (r h) w_hn + b_n), h' = z h + (1 - z) n   (Cho et al., 2014).

    Args:
        x: (N, D), the input of this step.
        h: (N, H), the state before it.
        w_x: (D, 3H), in blocks r, z, n.
        w_h: (H, 3H), in blocks r, z, n.
        b: (3H,), in blocks r, z, n.

    Returns:
        h: (N, H), the state after this step.
        cache: whatever `gru_step_backward` needs.

    Raises:
        ValueError: if the sizes of x, h and the weights do not fit together.
    """
    require_step(x, w_x, w_h, b, blocks=3, h=h)
    # TODO: compute the gates, the candidate and the new state; keep what backward needs.
    raise NotImplementedError("gru_step_forward is not written yet")


# %% [markdown]
# ## 11.6 GRU: one step, backward
#
# Given `dh` $= \partial L/\partial h'$, $(N, H)$. From $h' = z \odot h + (1 - z) \odot n$:
#
# $$\frac{\partial L}{\partial n} = \texttt{dh} \odot (1 - z), \qquad
# \frac{\partial L}{\partial z} = \texttt{dh} \odot (h - n).$$
#
# Before the activations, all $(N, H)$. The candidate comes first, because $r$ is reached only
# through it; let $\rho$ be the gradient of the product $r \odot h$:
#
# $$\delta_n = \texttt{dh} \odot (1 - z) \odot (1 - n^2), \qquad
# \rho = \delta_n W_{hn}^\top, \qquad
# \delta_r = \rho \odot h \odot r (1 - r), \qquad
# \delta_z = \texttt{dh} \odot (h - n) \odot z (1 - z).$$
#
# The old state is used **four times**, and all four contribute:
#
# $$\frac{\partial L}{\partial h}
# = \underbrace{\texttt{dh} \odot z}_{\text{kept}}
# {} + \underbrace{\rho \odot r}_{\text{in the candidate}}
# {} + \underbrace{\delta_r W_{hr}^\top}_{\text{in the reset gate}}
# {} + \underbrace{\delta_z W_{hz}^\top}_{\text{in the update gate}} .$$
#
# With $\delta = (\delta_r, \delta_z, \delta_n)$ of shape $(N, 3H)$:
#
# $$\frac{\partial L}{\partial x} = \delta W_x^\top, \qquad
# \frac{\partial L}{\partial W_x} = x^\top \delta, \qquad
# \frac{\partial L}{\partial b} = \sum_n \delta_{n\,\cdot}, \qquad
# \frac{\partial L}{\partial W_h} = \big( h^\top \delta_r,\ h^\top \delta_z,\
# (r \odot h)^\top \delta_n \big).$$
#
# The last block is different: $W_{hn}$ was multiplied with $r \odot h$.
#
# **Example** (with the numbers of 11.5). `dh` $= 16$:
# $\delta_n = 16 \cdot \tfrac14 \cdot 0.36 = 1.44$, $\rho = 1.44 \ln 3$,
# $\delta_r = 1.44 \ln 3 \cdot 2 \cdot \tfrac14 = 0.72 \ln 3$,
# $\delta_z = 16 \cdot 1.2 \cdot \tfrac3{16} = 3.6$, and
#
# $$\frac{\partial L}{\partial h} = 12 + 0.72 \ln 3 + 0.72 \ln 3 + 3.6 \ln 3 = 12 + 5.04 \ln 3,
# \qquad \frac{\partial L}{\partial x} = -3.6 \ln 3,$$
#
# $$\frac{\partial L}{\partial b} = \frac{\partial L}{\partial W_x} = (0.72 \ln 3,\ 3.6,\ 1.44),
# \qquad \frac{\partial L}{\partial W_h} = (1.44 \ln 3,\ 7.2,\ 1.44).$$
#
# **What usually goes wrong.** *Losing one of the four paths.* Check each by itself: make the other
# three vanish (with $W_{hn} = 0$ two are gone at once). *$h$ instead of $r \odot h$* in the last
# block of $\partial L/\partial W_h$.


# %%
def gru_step_backward(dh: Tensor, cache: Cache) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Gradients of one step of a GRU.

    Formula: dn = dh (1-z) (1-n^2), rho = dn w_hn^T, dr = rho h r(1-r), dz = dh (h-n) z(1-z) before
    the activations; dh = dh z + rho r + dr w_hr^T + dz w_hz^T.

    Args:
        dh: (N, H), the gradient of the loss with respect to the state after this step.
        cache: from `gru_step_forward`.

    Returns:
        dx: (N, D).
        dh: (N, H), with respect to the state before this step.
        dw_x: (D, 3H).
        dw_h: (H, 3H).
        db: (3H,).

    Raises:
        ValueError: if dh is not a matrix.
    """
    require_shape("dh", dh, "N", "H")
    # TODO: go back to the gates and the candidate; add up all the ways to the old state.
    raise NotImplementedError("gru_step_backward is not written yet")


# %% [markdown]
# ## 11.7 GRU: a whole sequence
#
# $$h_t = \operatorname{step}(x_t, h_{t-1}), \quad t = 1, \dots, T, \qquad
# \text{hs} = (h_1, \dots, h_T): (N, T, H).$$
#
# **Example.** $D = H = 1$, $T = 2$, $W_x = W_h = 0$, $b = (0, \ln 3, \ln 2)$: at every step
# $z = \tfrac34$ and $n = 0.6$, so with $h_0 = 2.2$ the state moves a quarter of the way to 0.6 each
# time: $h_1 = 1.8$, $h_2 = 1.5$.
#
# **What usually goes wrong.** Nothing new: *the time axis put into place by `reshape`*, *every step
# started from $h_0$*.


# %%
def gru_forward(x: Tensor, h0: Tensor, w_x: Tensor, w_h: Tensor, b: Tensor) -> tuple[Tensor, Cache]:
    """A GRU over whole sequences, from the first step to the last.

    Formula: h_t = step(x_t, h_{t-1}), t = 1, ..., T, with the step of `gru_step_forward`.

    Args:
        x: (N, T, D), T >= 1.
        h0: (N, H), the state before the first step.
        w_x: (D, 3H).
        w_h: (H, 3H).
        b: (3H,).

    Returns:
        hs: (N, T, H), the states after each step.
        cache: whatever `gru_backward` needs.

    Raises:
        ValueError: if there is no step, or the sizes of x, h0 and the weights do not fit together.
    """
    require_sequence(x, w_x, w_h, b, blocks=3, h0=h0)
    # TODO: take the steps one after the other, and collect the states.
    raise NotImplementedError("gru_forward is not written yet")


# %% [markdown]
# ## 11.8 GRU: backward through time
#
# One state, so everything is as in unit 9: the total gradient of $h_t$ is $g_t$ = `dhs[:, t]` plus
# what step $t + 1$ returns for the state before it, and the gradients of the weights are sums:
#
# $$\eta_T = 0, \qquad (\,\cdot\,, \eta_{t-1}, \dots) = \operatorname{step\_backward}(g_t + \eta_t),
# \quad t = T, \dots, 1, \qquad \frac{\partial L}{\partial h_0} = \eta_0 .$$
#
# **Example** (with the numbers of 11.7). `dhs` $= (4, 16)$: $\eta_1 = 16 \cdot \tfrac34 = 12$ and
# $\eta_0 = (4 + 12) \cdot \tfrac34 = 12$. For $b_n$: $16 \cdot \tfrac14 \cdot 0.64 = 2.56$ at each
# of the two steps, together 5.12; for $b_z$: $16 \cdot (1.8 - 0.6) \cdot \tfrac3{16} = 3.6$ at step
# 2 and $16 \cdot (2.2 - 0.6) \cdot \tfrac3{16} = 4.8$ at step 1, together 8.4.
#
# **What usually goes wrong.** As in unit 9: *one of the two consumers of $h_t$ forgotten*, *the
# gradients of the weights overwritten instead of added*.


# %%
def gru_backward(dhs: Tensor, cache: Cache) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Backpropagation through time: gradients of a GRU over whole sequences.

    Formula: from t = T down to 1, the step's gradients with dhs_t plus what step t + 1 sends back;
    the gradients of the weights are sums over all steps.

    Args:
        dhs: (N, T, H), for each state the gradient that arrives from outside the recurrence.
        cache: from `gru_forward`.

    Returns:
        dx: (N, T, D).
        dh0: (N, H).
        dw_x: (D, 3H).
        dw_h: (H, 3H).
        db: (3H,).

    Raises:
        ValueError: if dhs does not have three axes.
    """
    require_shape("dhs", dhs, "N", "T", "H")
    # TODO: walk back from the last step to the first.
    raise NotImplementedError("gru_backward is not written yet")


# %% [markdown]
# ## 11.9 Why the gradient survives: the Jacobian of the cell state
#
# How does $c_t$ depend on $c_{t-1}$, for one sample? (All vectors here have $H$ entries.)
#
# $$c_t = f_t \odot c_{t-1} + i_t \odot g_t .$$
#
# $c_{t-1}$ stands there once in plain sight, and three times hidden: the gates $f_t$, $i_t$ and the
# candidate $g_t$ look at $h_{t-1} = o_{t-1} \odot \tanh(c_{t-1})$. We hold $o_{t-1}$ fixed: it was
# computed before $c_{t-1}$ and does not depend on it. In *numerator layout*,
# $J_{jk} = \partial c_{t,j}/\partial c_{t-1,k}$, row $j$ for the result, column $k$ for what is
# varied, the product rule gives four terms:
#
# $$\underset{(H, H)}{\frac{\partial c_t}{\partial c_{t-1}}}
# = \underbrace{\operatorname{diag}(c_{t-1})
# \frac{\partial f_t}{\partial c_{t-1}}}_{\text{forget}}
# {} + \underbrace{\operatorname{diag}(f_t)
# \vphantom{\frac{\partial f_t}{\partial c_{t-1}}}}_{\text{direct}}
# {} + \underbrace{\operatorname{diag}(g_t)
# \frac{\partial i_t}{\partial c_{t-1}}}_{\text{input}}
# {} + \underbrace{\operatorname{diag}(i_t)
# \frac{\partial g_t}{\partial c_{t-1}}}_{\text{candidate}} .$$
#
# The three inner derivatives are chains of three links: through the activation (a diagonal matrix),
# through the product with the weights, and through $h_{t-1}$ (a diagonal matrix again). The unit
# $k$ reaches the gate $j$ by $a_{f,j} = \dots + \sum_k h_{t-1,k} (W_{hf})_{kj}$, so the derivative
# of $a_f$ by $h_{t-1}$ in numerator layout is $W_{hf}^\top$:
#
# $$\frac{\partial f_t}{\partial c_{t-1}}
# = \operatorname{diag}\big(f_t (1 - f_t)\big)\ W_{hf}^\top\
# \operatorname{diag}\big(o_{t-1} (1 - \tanh^2 c_{t-1})\big),$$
#
# likewise $\partial i_t/\partial c_{t-1}$ with $W_{hi}$ and $i_t (1 - i_t)$, and
# $\partial g_t/\partial c_{t-1}$ with $W_{hg}$ and $1 - g_t^2$.
#
# **What it says.** Three of the terms contain a weight matrix and slopes below 1, like the Jacobian
# of the plain network. The direct term contains neither. Over many steps its product is
# $\operatorname{diag}(f_T \odot \dots \odot f_2)$, and the network can hold it near 1 for as long
# as it needs to remember.
#
# **Example.** $H = D = 1$, $x = 1$, $c_{t-1} = \ln 3$, $o_{t-1} = \tfrac12$, so $h_{t-1} = 0.4$ and
# $\partial h_{t-1}/\partial c_{t-1} = \tfrac12 \cdot 0.36 = 0.18$. With $W_h = (10, 10, 10, 0)$,
# $W_x = (-4,\ \ln 3 - 4,\ \ln 2 - 4,\ 0)$ and $b = 0$: $i = \tfrac12$, $f = \tfrac34$, $g = 0.6$
# and
#
# $$\text{forget} = \ln 3 \cdot \tfrac3{16} \cdot 10 \cdot 0.18 = 0.3375 \ln 3, \quad
# \text{direct} = 0.75, \quad
# \text{input} = 0.6 \cdot \tfrac14 \cdot 1.8 = 0.27, \quad
# \text{candidate} = 0.5 \cdot 0.64 \cdot 1.8 = 0.576 .$$
#
# Their sum is about 1.97: with weights as large as these even an LSTM's gradient grows.
#
# **What usually goes wrong.** *$W_{hf}$ in place of its transpose.* *The slope of $\tanh$ at the
# new cell state*, or *the new output gate*: $h_{t-1}$ is made of $o_{t-1}$ and $c_{t-1}$.


# %%
def cell_state_jacobian(
    x: Tensor,
    h_prev: Tensor,
    c_prev: Tensor,
    o_prev: Tensor,
    w_x: Tensor,
    w_h: Tensor,
    b: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The Jacobian of an LSTM's cell state by the one before it, in its four terms.

    Formula: dc_t/dc_{t-1} = diag(c_{t-1}) df/dc_{t-1} + diag(f) + diag(g) di/dc_{t-1}
    + diag(i) dg/dc_{t-1}, where h_{t-1} = o_{t-1} tanh(c_{t-1}) and o_{t-1} is held fixed.

    Args:
        x: (D,), the input of step t, one sample.
        h_prev: (H,), the hidden state before it: o_prev * tanh(c_prev).
        c_prev: (H,), the cell state before it.
        o_prev: (H,), the output gate of step t - 1.
        w_x: (D, 4H), in blocks i, f, g, o.
        w_h: (H, 4H), in blocks i, f, g, o.
        b: (4H,), in blocks i, f, g, o.

    Returns:
        forget, direct, input, candidate: (H, H) each, entry [j, k] for c_t[j] by c_{t-1}[k]. Their
            sum is the Jacobian.

    Raises:
        ValueError: if the sizes do not fit together.
    """
    require_shape("x", x, "D")
    hidden = require_weights(x.shape[0], w_x, w_h, b, blocks=4)
    for name, state in (("h_prev", h_prev), ("c_prev", c_prev), ("o_prev", o_prev)):
        require_shape(name, state, hidden)
    # TODO: compute the gates of step t, then each of the four terms.
    raise NotImplementedError("cell_state_jacobian is not written yet")


# %% [markdown] question="why_the_direct_path" points=4
# ### Question: why the direct path keeps the gradient alive, and what can still explode (4 points)
#
# (a) Write down the gradient that reaches $c_1$ from $c_T$ along the direct path alone, and compare
# it with what a plain recurrent network (unit 9) sends back over the same distance. What decides
# how fast each shrinks, and who controls it? (b) A sequence of 200 steps is to be remembered, and
# all forget gates stand at 0.9. How much of the gradient arrives along the direct path? What does
# this suggest for the initial value of $b_f$? (c) The gates are at most 1, so the direct path can
# never explode. Can the gradient of an LSTM explode nevertheless? Through which terms, and what is
# done about it?

# %% [markdown] answer="why_the_direct_path"
# *Write your answer here.*
