# %% [markdown]
# # 10. Vanishing and exploding gradients
#
# Backpropagation through time (unit 9) multiplies a gradient by one matrix for each step that it
# goes back. A product of many matrices is like a product of many numbers: it shrinks to nothing or
# grows beyond all bounds, unless the factors are just right. Where it shrinks, the network cannot
# learn from what happened long ago; where it grows, a step of training throws the weights away. A
# deep feedforward network has the same problem, with layers in place of steps.
#
# The first half of this unit says how fast: with the Jacobian of one step (10.1), the product of
# many (10.2), the length of the gradient on its way (10.3), and, for the linear network, with
# eigenvalues (10.4 to 10.6). The second half builds three layers that were invented against it
# (10.7 to 10.12). All three have the same idea, and it is that of the LSTM (unit 11).
#
# **Conventions.** As in unit 9 states are rows and weights stand on their right:
#
# $$\underset{(N, H)}{h_t} = \tanh\big(\underset{(N, D)}{x_t} \underset{(D, H)}{W_{xh}}
# {} + \underset{(N, H)}{h_{t-1}} \underset{(H, H)}{W_{hh}} + \underset{(H,)}{b}\big).$$
#
# Gradients have the shape of what they belong to, so they are rows as well. A *Jacobian* is in
# *numerator layout*: its entry $[j, i]$ is the derivative of result $j$ by argument $i$. A gradient
# goes back through it as a row from the left: $\partial L/\partial h_{t-1} = \partial L/\partial
# h_t\ J_t$. Steps are counted from 0 in code: `hs[:, t]` is the state after reading `x[:, t]`.
#
# **Where PyTorch differs.** `weight_hh` of its recurrent layers is the transpose of our $W_{hh}$;
# its eigenvalues are the same. `torch.linalg.eig` gives complex eigenvalues and eigenvectors also
# for a real matrix, the eigenvalues in no particular order. The residual blocks of torchvision
# end with a ReLU after the sum; ours ends with the sum. For highway layers it has nothing.
#
# **Rules of this unit.** No autograd, nothing from `torch.nn`. `torch.linalg` may be used (its
# `eig`, `eigvals` and `solve` are useful here), and so may `torch.relu`, `torch.sigmoid` and
# `torch.tanh`, which you wrote in unit 3. Results have the dtype and the device of the inputs;
# inputs and caches are never modified.
#
# **References.** Hochreiter, *Untersuchungen zu dynamischen neuronalen Netzen*, diploma thesis, TU
# München (1991); Bengio, Simard & Frasconi, *Learning long-term dependencies with gradient descent
# is difficult*, IEEE Transactions on Neural Networks 5 (1994); Pascanu, Mikolov & Bengio, *On the
# difficulty of training recurrent neural networks*, ICML 2013; Goodfellow, Bengio & Courville,
# *Deep Learning* (2016), sections 8.2.5 and 10.7; Horn & Johnson, *Matrix Analysis* (2nd edition,
# 2013), chapters 1 and 5.

# %%
"""Vanishing gradients: Jacobians through time, eigenvalues, and layers with an additive path."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

Cache = Any  # whatever your backward needs
Layer = tuple[Tensor, Tensor]  # w, b


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


def require_square(name: str, w: Tensor) -> int:
    """The number H of rows and columns; raises ValueError unless w is (H, H), H >= 1."""
    require_shape(name, w, "H", "H")
    rows, columns = w.shape
    require(rows == columns and rows >= 1, f"{name} must be square, got shape {tuple(w.shape)}")
    return rows


def require_states(hs: Tensor, w_hh: Tensor) -> tuple[int, int, int]:
    """The sizes N, T, H; raises ValueError unless hs holds sequences of states that fit w_hh."""
    require_shape("hs", hs, "N", "T", require_square("w_hh", w_hh))
    samples, steps, hidden = hs.shape
    require(steps >= 1, f"hs must have at least one step, got shape {tuple(hs.shape)}")
    return samples, steps, hidden


# %% [markdown]
# ## 10.1 The Jacobian of one step
#
# How does each unit of $h_t$ depend on each unit of $h_{t-1}$? For one sample, unit $j$ of the new
# state is $h_{t,j} = \tanh z_{t,j}$ with $z_{t,j} = \sum_i h_{t-1,i} (W_{hh})_{ij} + \dots$, where
# the dots do not contain $h_{t-1}$. By the chain rule, and with $\tanh' = 1 - \tanh^2$,
#
# $$\underset{(H, H)}{J_t}[j, i] = \frac{\partial h_{t,j}}{\partial h_{t-1,i}}
# = (1 - h_{t,j}^2)\, (W_{hh})_{ij}, \qquad
# J_t = \operatorname{diag}(1 - h_t \odot h_t)\ W_{hh}^\top .$$
#
# The slope belongs to the *result*, so it is a factor of the *row* $j$, and it is taken at the
# state *after* the step. A batch of $N$ samples has $N$ Jacobians, because each has states of its
# own: $(N, H, H)$. $J_t$ depends on the input $x_t$ only through $h_t$.
#
# **Example** (the step of unit 9). $h_t = (0.6, 0.8)$, with slopes $(0.64, 0.36)$:
#
# $$W_{hh} = \begin{pmatrix} 0 & \ln 3 \\ 5 & 0 \end{pmatrix} \quad\Rightarrow\quad
# J_t = \begin{pmatrix} 0 & 0.64 \cdot 5 \\ 0.36 \ln 3 & 0 \end{pmatrix}
# = \begin{pmatrix} 0 & 3.2 \\ 0.36 \ln 3 & 0 \end{pmatrix}.$$
#
# The gradient $(100, 50)$ of $h_t$ becomes $(100, 50)\, J_t = (18 \ln 3,\ 320)$, which is what
# `rnn_step_backward` found.
#
# **What usually goes wrong.** *$W_{hh}$ where its transpose belongs.* It is square, so nothing
# complains; and for a symmetric matrix it is even right. *The slope on the columns*, $W_{hh}^\top
# \operatorname{diag}(1 - h_t^2)$: the tanh comes after the product with $W_{hh}$, so on the way
# back it comes first, from the left. In textbooks with $h_t = \tanh(W h_{t-1} + \dots)$ the
# Jacobian is $\operatorname{diag}(1 - h_t^2)\, W$; it is the same with $W = W_{hh}^\top$.
#
# **A unit that is saturated** ($h_{t,j} = \pm 1$) has a row of zeros: through it nothing comes
# back.


# %%
def hidden_jacobian(h: Tensor, w_hh: Tensor) -> Tensor:
    """The Jacobian of one step of a recurrent network, state by the state before it.

    Formula: J[n, j, i] = dh_t[n, j]/dh_{t-1}[n, i] = (1 - h[n, j]^2) w_hh[i, j]
    (Pascanu et al., 2013; Deep Learning, section 10.7).

    Args:
        h: (N, H), the state h_t after the step.
        w_hh: (H, H), state to state.

    Returns:
        (N, H, H), for each sample the Jacobian in numerator layout.

    Raises:
        ValueError: if w_hh is not square or h does not fit it.
    """
    require_shape("h", h, "N", require_square("w_hh", w_hh))
    # TODO: for each sample, the slopes of tanh and the weights.
    raise NotImplementedError("hidden_jacobian is not written yet")


# %% [markdown]
# ## 10.2 The product of many
#
# From $h_s$ to $h_e$, $s \leq e$, the chain rule takes one Jacobian for each *step between them*:
#
# $$\underset{(H, H)}{\frac{\partial h_e}{\partial h_s}}
# = J_e\, J_{e-1} \cdots J_{s+1}, \qquad \frac{\partial h_s}{\partial h_s} = I .$$
#
# - The order matters. The last step stands on the left, because results are rows.
# - There are $e - s$ factors. $J_s$ is not among them: it leads from $h_{s-1}$ to $h_s$. (The
#   product is often written with one factor more; count with $e = s + 1$, where there must be one.)
# - For $e = s$ there is no factor, and an empty product is the identity, not zero.
#
# **Example.** $W_{hh}$ of 10.1, $h_1 = (0.6, 0.8)$, $h_2 = (0, 0.6)$ (counted from 0; $h_0$ does
# not enter). $J_1$ is the matrix of 10.1, and
#
# $$J_2 = \begin{pmatrix} 0 & 5 \\ 0.64 \ln 3 & 0 \end{pmatrix}, \qquad
# \frac{\partial h_2}{\partial h_0} = J_2 J_1
# = \begin{pmatrix} 1.8 \ln 3 & 0 \\ 0 & 2.048 \ln 3 \end{pmatrix};$$
#
# $J_1 J_2$ has the two entries exchanged.
#
# **What usually goes wrong.** *The order*, *one factor too many at the start*, *zeros for the empty
# product*. With $H = 1$, or if all steps have the same state, the order cannot be wrong: look at
# larger examples.


# %%
def jacobian_product(hs: Tensor, w_hh: Tensor, *, start: int, end: int) -> Tensor:
    """The Jacobian of a later state by an earlier one.

    Formula: dh_end/dh_start = J_end J_{end-1} ... J_{start+1}, with J_t the Jacobian of step t;
    the identity if start = end   (Pascanu et al., 2013, equation 5).

    Args:
        hs: (N, T, H), the states after each step.
        w_hh: (H, H).
        start: the step of the state by which is differentiated, in 0..T-1.
        end: the step of the state which is differentiated, in start..T-1.

    Returns:
        (N, H, H), entry [n, j, i] for hs[n, end, j] by hs[n, start, i].

    Raises:
        ValueError: if w_hh is not square, hs does not fit it or has no step, start or end is not in
            0..T-1, or start is above end.
    """
    samples, steps, hidden = require_states(hs, w_hh)
    for name, step in (("start", start), ("end", end)):
        require(0 <= step < steps, f"{name} must be in 0..{steps - 1}, got {step}")
    require(start <= end, f"start must be at most end, got {start} and {end}")
    # TODO: multiply the Jacobians of the steps between the two states, in the right order.
    raise NotImplementedError("jacobian_product is not written yet")


# %% [markdown]
# ## 10.3 The length of the gradient on its way
#
# Suppose that only the last state is used, like in a network that reads a text and then says what
# it is about: the gradient $g$ of shape $(N, H)$ arrives at $h_T$ and nowhere else. Then
#
# $$\underset{(N, H)}{\frac{\partial L}{\partial h_T}} = g, \qquad
# \underset{(N, H)}{\frac{\partial L}{\partial h_{t-1}}}
# = \frac{\partial L}{\partial h_t}\, J_t
# = \Big( \frac{\partial L}{\partial h_t} \odot (1 - h_t \odot h_t) \Big) W_{hh}^\top .$$
#
# The form on the right needs no Jacobian: a row times a matrix costs $H^2$ multiplications, a
# product of matrices $H^3$. What we look at is the length of each of these rows, for each sample:
#
# $$\underset{(N, T)}{\text{norms}}[n, t]
# = \Big\lVert \frac{\partial L}{\partial h_{n, t}} \Big\rVert
# = \sqrt{\textstyle\sum_i (\partial L/\partial h_{n, t, i})^2}\,.$$
#
# Plotted over $t$ on a logarithmic scale, the norms are often close to a straight line; its slope
# says whether the gradient vanishes or explodes, and how soon.
#
# **A bound.** With $\sigma_{\max}(W_{hh})$ the largest singular value and $\gamma$ the largest
# slope of the activation (1 for tanh, $\tfrac14$ for the sigmoid),
#
# $$\Big\lVert \frac{\partial L}{\partial h_s} \Big\rVert
# \leq \big( \gamma\, \sigma_{\max}(W_{hh}) \big)^{T - s}\, \lVert g \rVert .$$
#
# So $\gamma\, \sigma_{\max} < 1$ is enough for vanishing. It is not necessary; and
# $\gamma\, \sigma_{\max} > 1$ is necessary for exploding and not enough: the states decide.
#
# **Example.** $H = 1$, states $0$, $0.6$, $0.8$, $g = 1$. With $W_{hh} = 5$:
#
# $$\frac{\partial L}{\partial h_2} = 1, \qquad
# \frac{\partial L}{\partial h_1} = 0.36 \cdot 5 = 1.8, \qquad
# \frac{\partial L}{\partial h_0} = 1.8 \cdot 0.64 \cdot 5 = 5.76 ;$$
#
# with $W_{hh} = -\tfrac12$ the norms are $(0.0576,\ 0.18,\ 1)$: a norm has no sign.
#
# **What usually goes wrong.** *The squared norm*: then everything is twice as steep. *Norms in the
# order in which they were computed*, the last step first. *One norm over the batch*: each sample
# has its own. *The slope of the wrong state*: on the way from $h_t$ to $h_{t-1}$ it is that of
# $h_t$.


# %%
def gradient_norms(hs: Tensor, dh: Tensor, w_hh: Tensor) -> Tensor:
    """How long the gradient of each state is when one arrives at the last state only.

    Formula: norms[n, t] = ||dL/dh_t||, with dL/dh_{t-1} = (dL/dh_t * (1 - h_t^2)) w_hh^T and dh at
    the last step   (Bengio et al., 1994).

    Args:
        hs: (N, T, H), the states after each step, T >= 1.
        dh: (N, H), the gradient of the loss with respect to hs[:, T-1].
        w_hh: (H, H).

    Returns:
        (N, T), Euclidean norms; [:, T-1] are those of dh.

    Raises:
        ValueError: if w_hh is not square, hs or dh do not fit it, or there is no step.
    """
    samples, steps, hidden = require_states(hs, w_hh)
    require_shape("dh", dh, samples, hidden)
    # TODO: walk back from the last state to the first, and measure the gradient at each.
    raise NotImplementedError("gradient_norms is not written yet")


# %% [markdown]
# ## 10.4 The spectral radius
#
# Without the tanh the factor is the same at every step, and the question becomes: how do the powers
# of *one* matrix behave? A number $\lambda$, real or complex, is an eigenvalue of $W$ if
# $W q = \lambda q$ for some column $q \neq 0$. The *spectral radius* is the largest modulus:
#
# $$\rho(W) = \max_i |\lambda_i|, \qquad |a + \mathrm{i} b| = \sqrt{a^2 + b^2}.$$
#
# It decides what happens in the end, for every matrix $W$ (Horn & Johnson, section 5.6):
#
# $$W^l \to 0 \iff \rho(W) < 1, \qquad \lVert W^l \rVert^{1/l} \to \rho(W) \quad (l \to \infty).$$
#
# **In the end is not from the start.** The matrix
# $W = \begin{pmatrix} \tfrac12 & 10 \\ 0 & \tfrac12 \end{pmatrix}$ has $\rho = \tfrac12$, and
#
# $$W^l = \begin{pmatrix} 2^{-l} & 10\, l\, 2^{1-l} \\ 0 & 2^{-l} \end{pmatrix}, \qquad
# \lVert W^l e_2 \rVert = 10.01,\ 10.00,\ 7.50,\ 5.00,\ 3.13,\ \dots \quad (l = 1, 2, \dots):$$
#
# first it makes the vector $e_2 = (0, 1)^\top$ ten times longer. No eigenvalue tells this; the
# largest *singular value*, here 10.02, does: it is the largest factor by which one product can
# lengthen a vector. For symmetric matrices both agree.
#
# ![The length of a vector after each of fifteen products with this matrix, on a logarithmic scale.
# It jumps from 1 to 10, stays there for a step, and then falls, more and more in parallel to the
# straight line of the powers of one half, which it never meets. The powers of the largest singular
# value are a steep straight line that it touches only in the first step.](figures/growth.svg)
#
# In the figure the first step follows the singular value, and the far end the radius.
#
# **Examples.**
#
# - $\begin{pmatrix} 2 & 1 \\ 1 & 2 \end{pmatrix}$: eigenvalues $3$ and $1$, $\rho = 3$. Explodes.
# - $\begin{pmatrix} \tfrac12 & 0 \\ 0 & -0.9 \end{pmatrix}$: $\tfrac12$ and $-0.9$, $\rho = 0.9$.
#   Vanishes, with a sign that changes at each step.
# - $\begin{pmatrix} 0 & \tfrac12 \\ -\tfrac12 & 0 \end{pmatrix}$: $\pm \tfrac12 \mathrm{i}$,
#   $\rho = \tfrac12$. A quarter turn that halves the length.
# - $\begin{pmatrix} \tfrac12 & 10 \\ 0 & \tfrac12 \end{pmatrix}$: $\tfrac12$ twice,
#   $\rho = \tfrac12$. Vanishes in the end.
#
# **What usually goes wrong.** *The largest real part*: it is 0 for the quarter turn, and $\tfrac12$
# for the second matrix. *The largest singular value* (`torch.linalg.matrix_norm(w, 2)`), which is
# never smaller than $\rho$ and often larger.


# %%
def spectral_radius(w: Tensor) -> Tensor:
    """The largest modulus of an eigenvalue.

    Formula: rho(W) = max_i |lambda_i|   (Horn & Johnson, section 1.2).

    Args:
        w: (H, H), any square matrix, H >= 1. It need not be diagonalisable.

    Returns:
        0-dim tensor, real.

    Raises:
        ValueError: if w is not square.
    """
    require_square("w", w)
    # TODO: find the eigenvalues, which may be complex, and the largest modulus.
    raise NotImplementedError("spectral_radius is not written yet")


# %% [markdown]
# ## 10.5 A gradient through many linear steps
#
# In the linear network $h_t = x_t W_{xh} + h_{t-1} W_{hh}$ a gradient that arrives at $h_T$ goes
# back $l$ steps by
#
# $$\underset{(N, H)}{\frac{\partial L}{\partial h_{T-l}}}
# = \underset{(N, H)}{g}\ \big(W_{hh}^\top\big)^l .$$
#
# For one sample, written as a column, that is $W_{hh}^l\, g^\top$. If $W_{hh}$ has $H$ linearly
# independent eigenvectors $q_1, \dots, q_H$ (it is *diagonalisable*), collect them as the columns
# of $Q$, and $g^\top$ is a combination of them:
#
# $$g^\top = \sum_i c_i\, q_i = Q c, \qquad c = Q^{-1} g^\top, \qquad
# W_{hh}^l\, g^\top = \sum_i c_i\, \lambda_i^l\, q_i
# = Q\, \operatorname{diag}(\lambda_1^l, \dots, \lambda_H^l)\, Q^{-1} g^\top .$$
#
# Each component grows or shrinks on its own, like $|\lambda_i|^l$. If one eigenvalue is larger in
# modulus than all others, after many steps only its component matters, and the gradient points
# along its eigenvector whatever it was at first: long sequences do not only scale the gradient,
# they make it forget its direction.
#
# **Which eigenvectors?** Right ones of $W_{hh}$ here, because a gradient as a *column* is
# multiplied by $W_{hh}$ from the left. With the other convention, $h_t = W h_{t-1}$, the gradient
# is a row $g\, W^l$, and it has to be expanded in *left* eigenvectors of $W$ (rows with $q W =
# \lambda q$). One often sees the row gradient expanded in right eigenvectors: that is wrong unless
# $W$ is symmetric. And that every vector is a combination of eigenvectors is only true if $W$ is
# diagonalisable: $\begin{pmatrix} \tfrac12 & 10 \\ 0 & \tfrac12 \end{pmatrix}$ has only one
# direction of eigenvectors.
#
# **Complex eigenvalues** of a real matrix come in conjugate pairs, and the sum over a pair is real:
# a turn. Calculate with complex numbers and take the real part *at the end*; the imaginary part of
# the result is nothing but rounding. The real parts of the eigenvalues themselves are something
# else.
#
# **Example.** $W_{hh} = \begin{pmatrix} 2 & 1 \\ 1 & 2 \end{pmatrix}$ has $q = (1, 1)$ with
# $\lambda = 3$ and $q = (1, -1)$ with $\lambda = 1$. The gradient $(1, 0)$ is half of each, and
# after 3 steps it is $\tfrac12 \cdot 27 \cdot (1, 1) + \tfrac12 \cdot 1 \cdot (1, -1) = (14, 13)$.
# With $W_{hh} = \begin{pmatrix} 0 & \tfrac12 \\ -\tfrac12 & 0 \end{pmatrix}$ the gradient $(1, 0)$
# becomes $(0, -\tfrac12)$, $(-\tfrac14, 0)$, $(0, \tfrac18)$, ...
#
# **What usually goes wrong.** *Powers of the entries* of $W$ in place of powers of $W$. *$Q^\top$
# for $Q^{-1}$*: only a symmetric matrix has orthogonal eigenvectors. *$W^\top$ for $W$.* *A loop
# over the steps*: `steps` may be a million, and with the eigenvalues that costs what one step
# costs.


# %%
def power_gradient(w_hh: Tensor, g: Tensor, *, steps: int) -> Tensor:
    """What is left of a gradient after many steps back through a linear recurrent network.

    Formula: g (w_hh^T)^steps, for each row as a column Q diag(lambda^steps) Q^-1 g^T, with the
    eigenvectors of w_hh in the columns of Q   (Deep Learning, section 8.2.5).

    Args:
        w_hh: (H, H), diagonalisable.
        g: (N, H), for each sample the gradient of the last state.
        steps: how many steps it goes back, 0 to a million. The time must not depend on it: tests
            have a limit of some seconds.

    Returns:
        (N, H), real.

    Raises:
        ValueError: if w_hh is not square, g does not fit it, or steps is negative.
    """
    require_shape("g", g, "N", require_square("w_hh", w_hh))
    require(steps >= 0, f"steps must be at least 0, got {steps}")
    # TODO: take each gradient apart into eigenvectors, scale them, and put it together again.
    raise NotImplementedError("power_gradient is not written yet")


# %% [markdown]
# ## 10.6 All gradients of a linear recurrent network
#
# Now outputs $o_t = h_t W_{hq} + c$ at every step, and gradients $\partial L/\partial o_t$ of shape
# $(N, Q)$ arriving at each of them. As in unit 9 a state has two consumers, its own output and the
# next state, but without tanh there are no slopes:
#
# $$\underset{(N, H)}{\frac{\partial L}{\partial h_t}}
# = \underset{(N, Q)}{\frac{\partial L}{\partial o_t}} \underset{(Q, H)}{W_{hq}^\top}
# {} + \frac{\partial L}{\partial h_{t+1}} W_{hh}^\top, \qquad
# \frac{\partial L}{\partial h_{T+1}} := 0 .$$
#
# Put the equation into itself until no $\partial L/\partial h$ is left on the right:
#
# $$\frac{\partial L}{\partial h_t}
# = \sum_{i=t}^{T} \frac{\partial L}{\partial o_{T+t-i}}\,
# W_{hq}^\top \big(W_{hh}^\top\big)^{T-i} .$$
#
# For $i = T$ this is the step's own term, with no factor $W_{hh}^\top$; for $i = t$ it is what
# comes from the last step, with $T - t$ of them. The power $(W_{hh}^\top)^{T-i}$ is where gradients
# of distant steps vanish or explode (10.5). In this form the expansion is often written without the
# step's own term, or with $\partial o$ where $\partial h$ belongs: $t = T$ and $t = T - 1$ show at
# once what is missing.
#
# **Example.** $H = Q = 1$, $W_{hh} = \tfrac12$, $W_{hq} = 2$ and
# $\partial L/\partial o = (1, 2, 4)$:
#
# $$\frac{\partial L}{\partial h_3} = 8, \qquad
# \frac{\partial L}{\partial h_2} = 4 + \tfrac12 \cdot 8 = 8, \qquad
# \frac{\partial L}{\partial h_1} = 2 + \tfrac12 \cdot 8 = 6 ,$$
#
# and by the closed form $\partial L/\partial h_1 = 4 \cdot 2 \cdot \tfrac14 + 2 \cdot 2 \cdot
# \tfrac12 + 1 \cdot 2 = 6$.
#
# **What usually goes wrong.** *$W_{hh}$ not transposed.* *The step's own term lost*, or multiplied
# by $W_{hh}^\top$ as well. The recursion costs $T$ products with $W_{hh}^\top$, the double sum
# about $T^2$; both are accepted.


# %%
def linear_rnn_gradients(dos: Tensor, w_hh: Tensor, w_hq: Tensor) -> Tensor:
    """Gradients of all states of a linear recurrent network, from those of its outputs.

    Formula: dL/dh_t = sum over i = t..T of dL/do_{T+t-i} w_hq^T (w_hh^T)^(T-i), for
    h_t = x_t w_xh + h_{t-1} w_hh and o_t = h_t w_hq + c.

    Args:
        dos: (N, T, Q), for each output its gradient, T >= 1.
        w_hh: (H, H), state to state.
        w_hq: (H, Q), state to output.

    Returns:
        (N, T, H), for each state its gradient.

    Raises:
        ValueError: if w_hh is not square, dos and w_hq do not fit, or there is no step.
    """
    require_shape("w_hq", w_hq, require_square("w_hh", w_hh), "Q")
    require_shape("dos", dos, "N", "T", w_hq.shape[1])
    require(dos.shape[1] >= 1, f"dos must have at least one step, got shape {tuple(dos.shape)}")
    # TODO: give each state what its output and all later ones send back.
    raise NotImplementedError("linear_rnn_gradients is not written yet")


# %% [markdown]
# ## 10.7 A residual layer: forward
#
# If products are the problem, add something. A *residual* layer computes only what is to change and
# adds it to what came in:
#
# $$\underset{(N, K)}{r} = \operatorname{relu}\big(\underset{(N, D)}{x} \underset{(D, K)}{W_1}
# {} + \underset{(K,)}{b_1}\big), \qquad
# \underset{(N, D)}{y} = x + r\, \underset{(K, D)}{W_2} + \underset{(D,)}{b_2} .$$
#
# The sum asks for as many features at the end as there were at the beginning, $D$; in between, $K$
# is free. With $W_2 = 0$ and $b_2 = 0$ the layer is the identity, whatever $W_1$ is: a deep network
# can begin as a shallow one. *Nothing comes after the sum*: with a ReLU there (as in the first
# paper and in torchvision) a negative entry of the sum would not get through, and its gradient
# would not come back.
#
# **Example.** $x = (1, 2)$,
#
# $$W_1 = \begin{pmatrix} 1 & -1 \\ 1 & 1 \end{pmatrix},\ b_1 = (-2, -3) \ \Rightarrow\
# x W_1 + b_1 = (1, -2),\ r = (1, 0); \qquad
# W_2 = \begin{pmatrix} 2 & 0 \\ 5 & 5 \end{pmatrix},\ b_2 = (0, 1) \ \Rightarrow\
# y = (1, 2) + (2, 1) = (3, 3) .$$
#
# **What usually goes wrong.** *A ReLU after the sum*, or after $W_2$: then the layer can only add.
#
# ![The length of a gradient on its way back through forty layers, on a logarithmic scale. Through
# plain layers it falls in a straight line to less than a billionth. Through the same layers as
# residual ones it grows a little, to less than ten.](figures/by_depth.svg)
#
# In the figure forty layers $\operatorname{relu}(x W_1) W_2$ stand behind one another, once as they
# are and once added to their input. The weights are the same.
#
# *References.* He, Zhang, Ren & Sun, *Deep residual learning for image recognition*, CVPR 2016;
# the same, *Identity mappings in deep residual networks*, ECCV 2016 (nothing after the sum).


# %%
def residual_forward(
    x: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor
) -> tuple[Tensor, Cache]:
    """A residual layer: its input, plus a small network of it.

    Formula: out = x + relu(x w1 + b1) w2 + b2   (He et al., ECCV 2016: nothing after the sum).

    Args:
        x: (N, D).
        w1: (D, K).
        b1: (K,).
        w2: (K, D).
        b2: (D,).

    Returns:
        out: (N, D).
        cache: whatever `residual_backward` needs.

    Raises:
        ValueError: if the sizes of x and the weights do not fit together.
    """
    require_shape("x", x, "N", "D")
    require_shape("w1", w1, x.shape[1], "K")
    require_shape("b1", b1, w1.shape[1])
    require_shape("w2", w2, w1.shape[1], x.shape[1])
    require_shape("b2", b2, x.shape[1])
    # TODO: compute the branch, and add it to x; keep what backward needs.
    raise NotImplementedError("residual_forward is not written yet")


# %% [markdown]
# ## 10.8 A residual layer: backward
#
# $x$ has two consumers, the sum and the branch, so its gradient has two parts. With `dout` $= g$ of
# shape $(N, D)$ and $\delta$ the gradient before the ReLU,
#
# $$\underset{(N, K)}{\delta} = (g\, W_2^\top) \odot [r > 0], \qquad
# \underset{(N, D)}{\frac{\partial L}{\partial x}} = g + \delta\, W_1^\top,$$
#
# $$\underset{(D, K)}{\frac{\partial L}{\partial W_1}} = x^\top \delta, \quad
# \underset{(K,)}{\frac{\partial L}{\partial b_1}} = \sum_n \delta_{n\,\cdot}, \quad
# \underset{(K, D)}{\frac{\partial L}{\partial W_2}} = r^\top g, \quad
# \underset{(D,)}{\frac{\partial L}{\partial b_2}} = \sum_n g_{n\,\cdot} .$$
#
# (The gradient of the ReLU at exactly 0 is 0, as in unit 3.)
#
# **What it says.** The Jacobian of a layer is $I + A_l$ with $A_l$ that of the branch. Through $L$
# layers
#
# $$(I + A_L) \cdots (I + A_1) = I + \sum_l A_l + \sum_{l > m} A_l A_m + \dots,$$
#
# and the $I$ stays, however small the $A_l$ are: the gradient of the last layer reaches the first
# unchanged, besides what else arrives. Without the sum only the last term would be there,
# $A_L \cdots A_1$.
#
# **Example** (with the numbers of 10.7). `dout` $= (1, 10)$: $g W_2^\top = (2, 55)$, and the mask
# $(1, 0)$ leaves $\delta = (2, 0)$. So
# $\partial L/\partial x = (1, 10) + (2, 0)\, W_1^\top = (1, 10) + (2, 2) = (3, 12)$ and
#
# $$\frac{\partial L}{\partial W_1} = \begin{pmatrix} 2 & 0 \\ 4 & 0 \end{pmatrix}, \quad
# \frac{\partial L}{\partial b_1} = (2, 0), \quad
# \frac{\partial L}{\partial W_2} = \begin{pmatrix} 1 & 10 \\ 0 & 0 \end{pmatrix}, \quad
# \frac{\partial L}{\partial b_2} = (1, 10) .$$
#
# **What usually goes wrong.** *Forgetting $g$ itself* in $\partial L/\partial x$: the way that the
# layer is made for. *Forgetting the mask.* *Adding into `dout` in place.*


# %%
def residual_backward(dout: Tensor, cache: Cache) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Gradients of a residual layer.

    Formula: with r = relu(x w1 + b1) and dz = (dout w2^T) * [r > 0], dx = dout + dz w1^T,
    dw1 = x^T dz, db1 = sum of dz, dw2 = r^T dout, db2 = sum of dout, sums over samples.

    Args:
        dout: (N, D).
        cache: from `residual_forward`.

    Returns:
        dx: (N, D).
        dw1: (D, K).
        db1: (K,).
        dw2: (K, D).
        db2: (D,).

    Raises:
        ValueError: if dout is not a matrix.
    """
    require_shape("dout", dout, "N", "D")
    # TODO: go back through the branch, and around it.
    raise NotImplementedError("residual_backward is not written yet")


# %% [markdown]
# ## 10.9 A highway layer: forward
#
# A *highway* layer decides for each feature how much of it is replaced. A gate $T$, between 0 and
# 1, mixes a new value $H$ with the old one:
#
# $$\underset{(N, D)}{H} = \tanh\big(\underset{(N, D)}{x} \underset{(D, D)}{W_H}
# {} + \underset{(D,)}{b_H}\big), \qquad
# \underset{(N, D)}{T} = \sigma\big(x\, \underset{(D, D)}{W_T} + \underset{(D,)}{b_T}\big), \qquad
# \underset{(N, D)}{y} = T \odot H + (1 - T) \odot x .$$
#
# $T$ is the *transform* gate, $1 - T$ the *carry*. The two extremes: $b_T = -1000$ gives $T = 0$
# and $y = x$, the identity; $b_T = 1000$ gives $T = 1$ and $y = H$, a plain layer. One starts with
# a negative $b_T$ (say $-2$), so that a deep network carries before it has learned what to
# transform. Read with time in place of depth, this is what a GRU does with its state (unit 11).
#
# **Example.** $D = 1$, $x = 1$, $W_H = \ln 2$, $W_T = \ln 3$, $b_H = b_T = 0$: $H = 0.6$,
# $T = 0.75$ and $y = 0.75 \cdot 0.6 + 0.25 \cdot 1 = 0.7$.
#
# **What usually goes wrong.** *Exchanging $T$ and $1 - T$*: with the gate's sign turned the layer
# can learn the same, but it is another function. *$x + T H$*: the carry is not free, it is what the
# gate leaves.
#
# *Reference.* Srivastava, Greff & Schmidhuber, *Training very deep networks*, NIPS 2015.


# %%
def highway_forward(
    x: Tensor, w_h: Tensor, b_h: Tensor, w_t: Tensor, b_t: Tensor
) -> tuple[Tensor, Cache]:
    """A highway layer: a gate mixes new features with the old ones.

    Formula: out = T H + (1 - T) x, with H = tanh(x w_h + b_h) and T = sigmoid(x w_t + b_t)
    (Srivastava et al., 2015).

    Args:
        x: (N, D).
        w_h: (D, D), to the new features.
        b_h: (D,).
        w_t: (D, D), to the transform gate.
        b_t: (D,).

    Returns:
        out: (N, D).
        cache: whatever `highway_backward` needs.

    Raises:
        ValueError: if the sizes of x and the weights do not fit together.
    """
    require_shape("x", x, "N", "D")
    features = x.shape[1]
    for name, w, b in (("h", w_h, b_h), ("t", w_t, b_t)):
        require_shape(f"w_{name}", w, features, features)
        require_shape(f"b_{name}", b, features)
    # TODO: compute the new features and the gate, and mix; keep what backward needs.
    raise NotImplementedError("highway_forward is not written yet")


# %% [markdown]
# ## 10.10 A highway layer: backward
#
# $y = T \odot H + (1 - T) \odot x$ is a product and a sum, entry by entry. With `dout` $= g$ of
# shape $(N, D)$:
#
# $$\frac{\partial L}{\partial H} = g \odot T, \qquad
# \frac{\partial L}{\partial T} = g \odot (H - x), \qquad
# \text{directly to } x:\ g \odot (1 - T).$$
#
# $T$ stands there twice, with $H$ and with $-x$. Before the activations
#
# $$\underset{(N, D)}{\delta_H} = g \odot T \odot (1 - H^2), \qquad
# \underset{(N, D)}{\delta_T} = g \odot (H - x) \odot T (1 - T),$$
#
# and $x$ has three consumers: the carry, the new features and the gate.
#
# $$\underset{(N, D)}{\frac{\partial L}{\partial x}}
# = g \odot (1 - T) + \delta_H W_H^\top + \delta_T W_T^\top, \qquad
# \underset{(D, D)}{\frac{\partial L}{\partial W_H}} = x^\top \delta_H, \quad
# \underset{(D,)}{\frac{\partial L}{\partial b_H}} = \sum_n \delta_{H, n\,\cdot},$$
#
# likewise $W_T$ and $b_T$ with $\delta_T$.
#
# **What it says.** The direct term of the Jacobian is $\operatorname{diag}(1 - T)$: where a feature
# is carried, its gradient is carried too, through as many layers as hold $T$ near 0. For $b_T \to
# -\infty$ the Jacobian is the identity, and for $b_T \to \infty$ that of a plain layer.
#
# **Example** (with the numbers of 10.9). `dout` $= 4$:
# $\delta_H = 4 \cdot 0.75 \cdot 0.64 = 1.92$,
# $\delta_T = 4 \cdot (0.6 - 1) \cdot 0.75 \cdot 0.25 = -0.3$, and so
# $\partial L/\partial x = 1 + 1.92 \ln 2 - 0.3 \ln 3$. Since $x = 1$, the gradients of both weights
# and both biases are $1.92$ and $-0.3$.
#
# **What usually goes wrong.** *$H$ for $H - x$*: the gate also takes away. *The carry forgotten* in
# $\partial L/\partial x$, or one of the other two ways.


# %%
def highway_backward(dout: Tensor, cache: Cache) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Gradients of a highway layer.

    Formula: dz_h = dout T (1 - H^2), dz_t = dout (H - x) T (1 - T),
    dx = dout (1 - T) + dz_h w_h^T + dz_t w_t^T, dw = x^T dz, db = sum over samples of dz.

    Args:
        dout: (N, D).
        cache: from `highway_forward`.

    Returns:
        dx: (N, D).
        dw_h: (D, D).
        db_h: (D,).
        dw_t: (D, D).
        db_t: (D,).

    Raises:
        ValueError: if dout is not a matrix.
    """
    require_shape("dout", dout, "N", "D")
    # TODO: find what arrives before each activation; x has three consumers.
    raise NotImplementedError("highway_backward is not written yet")


# %% [markdown]
# ## 10.11 Dense layers: forward
#
# The third idea does not add but keeps side by side: each layer gets *everything* that was computed
# before it, and puts its own features behind it. With $x^{(0)} = x$ of shape $(N, D)$, the layers
# $l = 1, \dots, L$ compute
#
# $$\underset{(N, G_l)}{f^{(l)}} = \operatorname{relu}\big(
# \underset{(N, D_l)}{x^{(l-1)}} \underset{(D_l, G_l)}{W^{(l)}} + \underset{(G_l,)}{b^{(l)}}\big),
# \qquad
# \underset{(N, D_l + G_l)}{x^{(l)}} = \big[\, x^{(l-1)},\ f^{(l)} \big], \qquad
# D_1 = D,\quad D_{l+1} = D_l + G_l .$$
#
# $G_l$ is the layer's *growth*; it may be different in each. The result is $x^{(L)}$, which begins
# with $x$ itself and holds the features of all layers in order. With no layer it is $x$.
#
# **Example.** $x = 1$. Layer 1: $W = 2$, $b = 0$, so $f = 2$ and $x^{(1)} = (1, 2)$. Layer 2: $W =
# (3, -1)^\top$, $b = 1$, so $f = \operatorname{relu}(3 - 2 + 1) = 2$ and $x^{(2)} = (1, 2, 2)$.
#
# **What usually goes wrong.** *New features in front*: then the rows of the next $W$ belong to
# other features. *Passing on $f^{(l)}$ only*: with equal widths nothing complains, and the network
# is a plain one.
#
# *Reference.* Huang, Liu, van der Maaten & Weinberger, *Densely connected convolutional networks*,
# CVPR 2017.


# %%
def dense_forward(x: Tensor, layers: list[Layer]) -> tuple[Tensor, Cache]:
    """Densely connected layers: each reads all features before it and appends its own.

    Formula: x <- [x, relu(x w + b)], layer by layer   (Huang et al., 2017).

    Args:
        x: (N, D).
        layers: for each layer (w, b); w is (D_l, G_l), where D_l is D plus the growths G of the
            layers before it, and b is (G_l,). There may be none.

    Returns:
        out: (N, D plus all growths).
        cache: whatever `dense_backward` needs.

    Raises:
        ValueError: if the sizes of x and the layers do not fit together.
    """
    require_shape("x", x, "N", "D")
    width = x.shape[1]
    for w, b in layers:
        require_shape("w", w, width, "G")
        require_shape("b", b, w.shape[1])
        width += w.shape[1]
    # TODO: layer by layer, compute the new features and put them behind the old ones.
    raise NotImplementedError("dense_forward is not written yet")


# %% [markdown]
# ## 10.12 Dense layers: backward
#
# From the last layer to the first. What arrives at $x^{(l)} = [x^{(l-1)}, f^{(l)}]$ has two parts,
# split where the features were put together: $g = [\,g_x,\ g_f\,]$ of shapes $(N, D_l)$ and
# $(N, G_l)$. The first goes straight on, and what comes back through the layer is added to it:
#
# $$\underset{(N, G_l)}{\delta} = g_f \odot [f^{(l)} > 0], \qquad
# \underset{(N, D_l)}{\frac{\partial L}{\partial x^{(l-1)}}} = g_x + \delta\, W^{(l)\top}, \qquad
# \underset{(D_l, G_l)}{\frac{\partial L}{\partial W^{(l)}}} = x^{(l-1)\top} \delta, \qquad
# \underset{(G_l,)}{\frac{\partial L}{\partial b^{(l)}}} = \sum_n \delta_{n\,\cdot} .$$
#
# **What it says.** $\partial x^{(l)}/\partial x^{(l-1)}$ is an identity on top of the Jacobian of
# the layer. From the result to $x$ there are $2^L$ paths, and one of them passes through no weight.
#
# **Example** (with the numbers of 10.11). `dout` $= (1, 10, 100)$. Layer 2: $\delta = 100$, so
# $\partial L/\partial W = (100, 200)^\top$, $\partial L/\partial b = 100$, and what goes on is
# $(1, 10) + 100 \cdot (3, -1) = (301, -90)$. Layer 1: $\delta = -90$, $\partial L/\partial W =
# \partial L/\partial b = -90$, and $\partial L/\partial x = 301 - 90 \cdot 2 = 121$. The four paths
# give the same: $1 + 10 \cdot 2 + 100 \cdot 3 + 100 \cdot (-1) \cdot 2 = 121$.
#
# **What usually goes wrong.** *The direct copy lost*, that is $g_x$. *`dlayers` in the order in
# which they were computed*, the last layer first. *Splitting `dout` in halves*: widths are what
# they are.


# %%
def dense_backward(dout: Tensor, cache: Cache) -> tuple[Tensor, list[Layer]]:
    """Gradients of densely connected layers.

    Formula: from the last layer to the first, with dout = [dx, dnew] split where the layer's new
    features begin and dz = dnew * [new > 0]: dw = x^T dz, db = sum over samples of dz, and
    dx + dz w^T arrives at what the layer has read.

    Args:
        dout: (N, D plus all growths).
        cache: from `dense_forward`.

    Returns:
        dx: (N, D).
        dlayers: a list with (dw, db) for each layer, in the order of the layers.

    Raises:
        ValueError: if dout is not a matrix.
    """
    require_shape("dout", dout, "N", "D")
    # TODO: from the last layer down, split what arrives; add what goes straight on and what comes
    # back through the layer.
    raise NotImplementedError("dense_backward is not written yet")


# %% [markdown] question="eigen_or_singular" points=3
# ### Question: eigenvalues or singular values (3 points)
#
# A friend writes: "All eigenvalues of $W_{hh}$ are below 1 in modulus, so gradients in my recurrent
# network with tanh can only shrink." (a) For which network, and in which sense, do the eigenvalues
# decide? (b) State a condition on $W_{hh}$ that does make every gradient shrink at every step, for
# tanh and for the sigmoid, and say why it holds. (c) Give a matrix that shows that your friend is
# wrong, with the length of a gradient over the first steps.

# %% [markdown] answer="eigen_or_singular"
# *Write your answer here.*

# %% [markdown] question="one_idea" points=3
# ### Question: one idea (3 points)
#
# Residual, highway and dense layers and the cell state of an LSTM ($c_t = f_t \odot c_{t-1} +
# i_t \odot g_t$) were invented by different people for different networks. (a) Write down, for each
# of the four, the direct term of the Jacobian from one layer (or step) to the next, and say what
# they have in common that the plain layer $\tanh(x W + b)$ lacks. (b) Do they also keep gradients
# from exploding? Give a reason for one of them.

# %% [markdown] answer="one_idea"
# *Write your answer here.*
