# %% [markdown] forbids="relu sigmoid tanh"
# # 3. Layers
#
# A network is a chain of layers, and backpropagation is the chain rule read from the last layer to
# the first. In this unit you write five layers, forward and backward, and build a network of two
# linear layers from them.
#
# Every layer comes as a pair:
#
# - `f_forward(x, ...) -> (out, cache)` computes the layer's output and keeps whatever its backward
#   pass will need;
# - `f_backward(dout, cache) -> gradients` receives $\partial L/\partial\,\text{out}$, called
#   `dout`, and returns $\partial L/\partial x$ (and the gradients of the parameters).
#
# $L$ is the loss at the very end of the network: *one number*. A backward pass does not need to
# know which loss it is, because everything that lies behind the layer is summarised in `dout`.
# Three facts follow, and each is a test that you can run on your own work:
#
# 1. **A gradient has the shape of the thing it belongs to.** `dout` has the shape of `out`, `dx`
#    the shape of `x`, `dw` the shape of `w`.
# 2. **A backward pass is linear in `dout`**: twice the `dout`, twice the gradients; `dout` of
#    zeros, gradients of zeros. If yours is not, `dout` has been forgotten somewhere.
# 3. **A backward pass changes nothing.** The same `cache` and the same `dout` give the same answer
#    again, also if `forward` has been called on other data in between.
#
# One way to derive any gradient: write one entry of the output as a sum over indices,
# differentiate by one entry of the input, multiply by the `dout` of each output that this input
# reaches, and *sum over all of them*. Only then look for the matrix product that says the same.
#
# **Rules of this unit.** Derive the gradients by hand: no autograd, nothing from `torch.nn`. Also
# leave alone the functions that are the answer: `torch.relu`, `torch.sigmoid`, `torch.tanh`,
# `torch.softmax`, `torch.log_softmax`, `torch.logsumexp`. Results have the dtype and the device of
# the inputs (float32 and float64 both work), and inputs and caches are never modified. Inputs may
# have any memory layout: `reshape` and `flatten` work for all of them, `view` does not.
#
# **References.** Goodfellow, Bengio & Courville, *Deep Learning* (2016), chapter 6, in particular
# 6.5 on backpropagation; Rumelhart, Hinton & Williams, *Learning representations by
# back-propagating errors*, Nature 323 (1986).

# %%
"""Layers: affine, ReLU, sigmoid, tanh and softmax, and a network of two of them."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

Cache = Any  # whatever your backward needs


def require(condition: bool, message: str) -> None:
    """Raises ValueError(message) unless the condition holds."""
    if not condition:
        raise ValueError(message)


def require_numbers(x: Tensor) -> None:
    """Raises ValueError unless x holds floating point numbers."""
    require(x.is_floating_point(), f"x must hold floating point numbers, got {x.dtype}")


def require_samples(x: Tensor) -> None:
    """Raises ValueError unless x has an axis of samples and at least one of features."""
    require(x.ndim >= 2, f"x must be (N, d1, ..., dk), got shape {tuple(x.shape)}")


def require_layer(w: Tensor, b: Tensor, *, inputs: int, names: tuple[str, str]) -> None:
    """Raises ValueError unless w is (inputs, M) and b is (M,), for some M."""
    w_name, b_name = names
    require(
        w.ndim == 2 and w.shape[0] == inputs,
        f"{w_name} must be a matrix with {inputs} rows, one for each input of the layer, "
        f"got shape {tuple(w.shape)}",
    )
    require(
        b.shape == w.shape[1:],
        f"{b_name} must hold {w.shape[1]} numbers, one for each column of {w_name}, "
        f"got shape {tuple(b.shape)}",
    )


def require_labels(y: Tensor, *, samples: int, classes: int) -> None:
    """Raises ValueError unless y holds a class for each of at least one sample."""
    require(
        y.shape == (samples,) and y.dtype == torch.int64 and samples > 0,
        f"y must hold one int64 label for each of the {samples} samples of x, and at least one; "
        f"got {y.dtype} of shape {tuple(y.shape)}",
    )
    require(
        int(y.min()) >= 0 and int(y.max()) < classes,
        f"y must hold labels in 0..{classes - 1}, got {int(y.min())}..{int(y.max())}",
    )


# %% [markdown]
# ## 3.1 The linear layer: forward
#
# A linear (more exactly: affine) layer maps $D$ features to $M$ features. For a batch $X$ of shape
# $(N, D)$, weights $W$ of shape $(D, M)$ and biases $b$ of shape $(M,)$,
#
# $$Y = X W + \mathbf{1} b^\top, \qquad Y_{nm} = \sum_{d=1}^{D} X_{nd} W_{dm} + b_m,
# \qquad Y: (N, M).$$
#
# A sample need not be a vector. An image batch has shape $(N, C, H, W)$; the layer *flattens* all
# axes but the first into $D = C \cdot H \cdot W$ features, in row-major order, so that the last
# axis runs fastest. The first axis stays: it numbers the samples, and samples never mix.
#
# **Example.**
#
# $$X = \begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix},\quad
# W = \begin{pmatrix} 1 & 0 & -1 \\ 2 & 1 & 0 \end{pmatrix},\quad b = (1, 0, 2)
# \quad\Rightarrow\quad
# Y = \begin{pmatrix} 6 & 2 & 1 \\ 12 & 4 & -1 \end{pmatrix}.$$
#
# **What usually goes wrong.** *Reshaping where a transpose was meant.* `reshape` keeps the numbers
# in their order and only moves the line breaks; `.T` changes the order. Whenever a shape does not
# fit, ask which of the two the formula says. With $N = D$ both "work", so try $N \neq D$ first.
#
# PyTorch's `nn.Linear` stores its weights as $(M, D)$ and computes $x W^\top + b$; here, as in most
# textbooks, weights are $(D, M)$ and there is no transpose.


# %%
def linear_forward(x: Tensor, w: Tensor, b: Tensor) -> tuple[Tensor, Cache]:
    """Linear layer: every sample, flattened to D features, times w, plus b.

    Formula: out[n, m] = sum_d x[n, d] w[d, m] + b[m]   (Deep Learning, section 6.1).

    Args:
        x: (N, d1, ..., dk), k >= 1; a sample has D = d1 * ... * dk features.
        w: (D, M), the weights.
        b: (M,), the biases.

    Returns:
        out: (N, M).
        cache: whatever `linear_backward` needs.

    Raises:
        ValueError: if x has fewer than two axes, or the sizes of x, w and b do not fit together.
    """
    require_samples(x)
    require_layer(w, b, inputs=math.prod(x.shape[1:]), names=("w", "b"))
    # TODO: flatten every sample and apply the weights and the biases; keep what backward needs.
    raise NotImplementedError("linear_forward is not written yet")


# %% [markdown]
# ## 3.2 The linear layer: backward
#
# Let $G = \partial L/\partial Y$ (`dout`) of shape $(N, M)$. Take one weight. $W_{dm}$ appears in
# column $m$ of the output, in every sample $n$, with the factor $X_{nd}$. So
#
# $$\frac{\partial L}{\partial W_{dm}} = \sum_{n} \frac{\partial L}{\partial Y_{nm}}
# \frac{\partial Y_{nm}}{\partial W_{dm}} = \sum_n X_{nd}\, G_{nm}
# \quad\Rightarrow\quad
# \underset{(D, M)}{\frac{\partial L}{\partial W}}
# = \underset{(D, N)}{X^\top}\ \underset{(N, M)}{G}.$$
#
# $X_{nd}$ appears in row $n$ of the output, in every column $m$, with the factor $W_{dm}$; and
# $b_m$ appears in column $m$ of every sample with the factor 1:
#
# $$\underset{(N, D)}{\frac{\partial L}{\partial X}}
# = \underset{(N, M)}{G}\ \underset{(M, D)}{W^\top},
# \qquad \underset{(M,)}{\frac{\partial L}{\partial b}} = \sum_{n=1}^{N} G_{n\,\cdot}.$$
#
# Flattening moved no number anywhere, so its backward pass only gives $\partial L/\partial X$ the
# shape of `x` again.
#
# **Example** (with the $X$ and $W$ of 3.1).
#
# $$G = \begin{pmatrix} 1 & 0 & 2 \\ 0 & -1 & 1 \end{pmatrix}
# \quad\Rightarrow\quad
# \frac{\partial L}{\partial X} = \begin{pmatrix} -1 & 2 \\ -1 & -1 \end{pmatrix},\quad
# \frac{\partial L}{\partial W} = \begin{pmatrix} 1 & -3 & 5 \\ 2 & -4 & 8 \end{pmatrix},\quad
# \frac{\partial L}{\partial b} = (1, -1, 3).$$
#
# **What usually goes wrong.** *Dividing by $N$.* Parameters are shared by all samples, so their
# gradients are **sums** over the batch. If the loss is a mean, its $1/N$ is already in `dout`;
# dividing once more makes the step $N$ times too short. *Wrong shapes that broadcast:* a `db` of
# shape $(1, M)$ adds to $b$ without complaint and is still wrong.


# %%
def linear_backward(dout: Tensor, cache: Cache) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of the linear layer.

    Formula: dx = dout w^T, dw = x^T dout, db = sum over the samples of dout
    (Deep Learning, section 6.5.6).

    Args:
        dout: (N, M), the gradient of the loss with respect to the output.
        cache: from `linear_forward`.

    Returns:
        dx: (N, d1, ..., dk), the shape of x.
        dw: (D, M).
        db: (M,).
    """
    # TODO: derive the three gradients; each has the shape of what it is the gradient of.
    raise NotImplementedError("linear_backward is not written yet")


# %% [markdown]
# ## 3.3 ReLU
#
# Two linear layers in a row are one linear layer (3.11). What makes depth worth having is a
# non-linear function between them, applied to every entry by itself. The simplest is the rectified
# linear unit,
#
# $$y = \max(x, 0), \qquad x \text{ and } y \text{ of any one shape.}$$
#
# **Example.** $x = (-2, 0, 3)$ gives $y = (0, 0, 3)$.
#
# **What usually goes wrong.** *Working in place.* `x[x < 0] = 0` saves a tensor and destroys the
# caller's input, which another branch of the network may still need.
#
# *Reference.* Nair & Hinton, *Rectified linear units improve restricted Boltzmann machines*, ICML
# 2010.


# %%
def relu_forward(x: Tensor) -> tuple[Tensor, Cache]:
    """Rectified linear unit.

    Formula: out = max(x, 0), entry by entry   (Nair & Hinton, 2010).

    Args:
        x: any shape.

    Returns:
        out: the shape of x.
        cache: whatever `relu_backward` needs.

    Raises:
        ValueError: if x does not hold floating point numbers.
    """
    require_numbers(x)
    # TODO: cut off the negative entries, without changing x.
    raise NotImplementedError("relu_forward is not written yet")


# %% [markdown]
# ## 3.4 ReLU: backward
#
# Entry $i$ of the output depends on entry $i$ of the input and on no other. The Jacobian is
# diagonal, and the sum of the chain rule has a single term:
#
# $$\frac{\partial L}{\partial x_i} = \frac{\partial L}{\partial y_i} \cdot
# \begin{cases} 1 & x_i > 0 \\ 0 & x_i \le 0. \end{cases}$$
#
# At $x_i = 0$ there is no derivative: from the left the slope is 0, from the right it is 1, and
# every number in $[0, 1]$ is a subgradient. **Convention of this course (and of PyTorch): the
# gradient at 0 is 0.** This is no corner case. Padding, dropout and an earlier ReLU all produce
# exact zeros.
#
# **Example.** $x = (-2, 0, 3)$ and `dout` $= (5, 7, -1)$ give `dx` $= (0, 0, -1)$.
#
# **What usually goes wrong.** *Asking the wrong tensor for its sign.* It is the sign of the
# **input** that opens or closes the gate. A negative `dout` passes an open gate unchanged, as in
# the example.


# %%
def relu_backward(dout: Tensor, cache: Cache) -> Tensor:
    """Gradient of the rectified linear unit; 0 where the input was 0.

    Formula: dx = dout where x > 0, and 0 elsewhere.

    Args:
        dout: the shape of x, the gradient of the loss with respect to the output.
        cache: from `relu_forward`.

    Returns:
        dx: the shape of x.
    """
    # TODO: let the upstream gradient through where the input was positive.
    raise NotImplementedError("relu_backward is not written yet")


# %% [markdown]
# ## 3.5 Sigmoid
#
# The logistic sigmoid maps the real line to $(0, 1)$:
#
# $$\sigma(x) = \frac{1}{1 + e^{-x}} = \frac{e^{x}}{1 + e^{x}}, \qquad \sigma(-x) = 1 - \sigma(x).$$
#
# The two fractions are equal on paper and not in a computer. In float32 $e^{x}$ overflows to
# $\infty$ beyond $x \approx 88.7$ (in float64 beyond $709.8$), and then
#
# $$\frac{e^{x}}{1 + e^{x}} \to \frac{\infty}{\infty} = \text{NaN}, \qquad
# \frac{1}{1 + e^{-x}} \to \frac{1}{1 + \infty} = 0 .$$
#
# The first fraction is broken for large positive $x$. The second is broken nowhere, but only by
# the luck that $1/\infty$ is the right limit; a product with that $\infty$ would not be so lucky.
# What is safe by design is to exponentiate **non-positive numbers only**: then
# $0 < e^{-|x|} \le 1$, and the fraction with $e^{-x}$ serves $x \ge 0$ while the one with $e^{x}$
# serves $x < 0$.
#
# **Example.** $x = (0, \ln 3, -\ln 3)$ gives $\left(\tfrac12, \tfrac34, \tfrac14\right)$. At
# $x = \pm 1000$ the results are exactly 1 and 0: the true values differ from these by less than
# any floating point number can say.
#
# **What usually goes wrong.** *Clipping $x$ to $[-20, 20]$ "against overflow".* That changes the
# function. *Selecting by `x > 0` and by `x < 0`*, so that $x = 0$ is never assigned.


# %%
def sigmoid_forward(x: Tensor) -> tuple[Tensor, Cache]:
    """Logistic sigmoid, without overflow for any x.

    Formula: out = 1 / (1 + exp(-x)), entry by entry   (Deep Learning, section 3.10).

    Args:
        x: any shape; entries of +-1e3 and beyond are legitimate.

    Returns:
        out: the shape of x, in [0, 1].
        cache: whatever `sigmoid_backward` needs.

    Raises:
        ValueError: if x does not hold floating point numbers.
    """
    require_numbers(x)
    # TODO: compute the sigmoid so that no intermediate result overflows.
    raise NotImplementedError("sigmoid_forward is not written yet")


# %% [markdown]
# ## 3.6 Sigmoid: backward
#
# With $y = \sigma(x) = (1 + e^{-x})^{-1}$,
#
# $$\frac{dy}{dx} = \frac{e^{-x}}{(1 + e^{-x})^2}
# = \frac{1}{1 + e^{-x}} \cdot \frac{e^{-x}}{1 + e^{-x}} = y\,(1 - y),
# \qquad \frac{\partial L}{\partial x_i} = \frac{\partial L}{\partial y_i}\; y_i (1 - y_i).$$
#
# The derivative is a function of the *output*: keep $y$, and there is no exponential left to
# compute. It is at most $\tfrac14$, at $x = 0$, and dies off like $e^{-|x|}$ (see the question on
# saturation below).
#
# **Example.** $x = (0, \ln 3, -\ln 3)$ and `dout` $= (4, 16, -16)$ give `dx`
# $= \left(4 \cdot \tfrac14, 16 \cdot \tfrac{3}{16}, -16 \cdot \tfrac{3}{16}\right) = (1, 3, -3)$.
#
# **What usually goes wrong.** *Losing track of what the cache holds.* $y(1-y)$ wants the output.
# Applied to $\sigma(y)$ it gives smooth, plausible, wrong numbers.


# %%
def sigmoid_backward(dout: Tensor, cache: Cache) -> Tensor:
    """Gradient of the sigmoid.

    Formula: dx = dout * y * (1 - y), where y is the output.

    Args:
        dout: the shape of x, the gradient of the loss with respect to the output.
        cache: from `sigmoid_forward`.

    Returns:
        dx: the shape of x.
    """
    # TODO: multiply the upstream gradient by the derivative.
    raise NotImplementedError("sigmoid_backward is not written yet")


# %% [markdown]
# ## 3.7 Hyperbolic tangent
#
# $$\tanh x = \frac{e^{x} - e^{-x}}{e^{x} + e^{-x}} = 2\,\sigma(2x) - 1,
# \qquad \tanh(-x) = -\tanh x.$$
#
# It is the sigmoid, stretched to $(-1, 1)$ and centred at 0. Computed as written, both
# exponentials of one sign overflow and $\infty/\infty$ is NaN. By symmetry it is enough to know it
# for $|x|$. Multiply numerator and denominator by $e^{-|x|}$:
#
# $$\tanh |x| = \frac{1 - e^{-2|x|}}{1 + e^{-2|x|}},
# \qquad \tanh x = \operatorname{sign}(x) \tanh |x|.$$
#
# One refinement: near $x = 0$ the numerator subtracts two numbers close to 1 and loses the digits
# that matter. `torch.expm1(z)` is $e^z - 1$ without that loss.
#
# **Example.** $x = (0, \ln 2, -\ln 3)$ gives $(0, 0.6, -0.8)$; for instance
# $\tanh \ln 2 = \left(2 - \tfrac12\right) / \left(2 + \tfrac12\right) = 0.6$.
#
# **What usually goes wrong.** *$2\sigma(x) - 1$*, with the factor 2 inside forgotten, has the
# right limits and the right value at 0: it is $\tanh(x/2)$.


# %%
def tanh_forward(x: Tensor) -> tuple[Tensor, Cache]:
    """Hyperbolic tangent, without overflow for any x.

    Formula: out = (exp(x) - exp(-x)) / (exp(x) + exp(-x)), entry by entry.

    Args:
        x: any shape; entries of +-1e3 and beyond are legitimate.

    Returns:
        out: the shape of x, in [-1, 1].
        cache: whatever `tanh_backward` needs.

    Raises:
        ValueError: if x does not hold floating point numbers.
    """
    require_numbers(x)
    # TODO: compute the hyperbolic tangent so that no intermediate result overflows.
    raise NotImplementedError("tanh_forward is not written yet")


# %% [markdown]
# ## 3.8 Hyperbolic tangent: backward
#
# With $y = \tanh x = s/c$, $s = \tfrac12(e^x - e^{-x})$, $c = \tfrac12(e^x + e^{-x})$, so $s' = c$
# and $c' = s$,
#
# $$\frac{dy}{dx} = \frac{s' c - s c'}{c^2} = \frac{c^2 - s^2}{c^2} = 1 - y^2,
# \qquad \frac{\partial L}{\partial x_i} = \frac{\partial L}{\partial y_i}\,(1 - y_i^2).$$
#
# ![Two panels over x from -5 to 5. Left, the functions: ReLU is 0 and then rises with slope 1, the
# sigmoid rises from 0 to 1, tanh from -1 to 1 and more steeply. Right, their slopes: that of ReLU
# jumps from 0 to 1 at x = 0, where it is 0; that of the sigmoid is a low bell of height a quarter,
# that of tanh a narrower bell of height 1.](figures/activations.svg)
#
# In the figure are the three activations and their slopes. A backward pass multiplies by the height
# of the right-hand curve: ReLU passes everything or nothing (nothing at 0: the filled dot), and the
# other two pass little where their function is flat.
#
# **Example.** $x = (0, \ln 2, -\ln 3)$ and `dout` $= (2, 100, 50)$ give `dx` $= (2, 64, 18)$,
# because $1 - 0.6^2 = 0.64$ and $1 - 0.8^2 = 0.36$.
#
# **What usually goes wrong.** *Mixing up the two derivatives*, $y(1-y)$ and $1-y^2$. At $x = 0$
# the slope of tanh is 1 and that of the sigmoid is $\tfrac14$: one number tells them apart.


# %%
def tanh_backward(dout: Tensor, cache: Cache) -> Tensor:
    """Gradient of the hyperbolic tangent.

    Formula: dx = dout * (1 - y^2), where y is the output.

    Args:
        dout: the shape of x, the gradient of the loss with respect to the output.
        cache: from `tanh_forward`.

    Returns:
        dx: the shape of x.
    """
    # TODO: multiply the upstream gradient by the derivative.
    raise NotImplementedError("tanh_backward is not written yet")


# %% [markdown]
# ## 3.9 Softmax
#
# Softmax turns the $K$ numbers of a sample into a distribution. Here it runs over *all* axes but
# the first: a sample of shape $(C, H, W)$ has $K = C \cdot H \cdot W$ entries, and they sum to 1
# *together*:
#
# $$p_{nk} = \frac{e^{x_{nk}}}{\sum_{j=1}^{K} e^{x_{nj}}},
# \qquad k \text{ running over all entries of sample } n, \qquad \sum_k p_{nk} = 1.$$
#
# Adding a constant to all entries *of one sample* multiplies numerator and denominator by the same
# factor, so nothing changes. Choose the constant $-\max_j x_{nj}$: then every exponent is at most
# 0, nothing overflows, and the denominator contains $e^0 = 1$, so it cannot vanish either.
#
# **Example.** $(0, \ln 2, \ln 5)$ gives $\left(\tfrac18, \tfrac28, \tfrac58\right)$, and so does
# $(1000, 1000 + \ln 2, 1000 + \ln 5)$.
#
# **What usually goes wrong.** *Normalising the wrong set*: the last axis only, or the batch as
# well. *Subtracting the maximum of the whole batch*: for a sample that lies $1000$ below another
# every exponential underflows, and $0/0$ is NaN. *Adding a small $\varepsilon$ to the
# denominator*: it hides the problem and the results no longer sum to 1.
#
# PyTorch's `softmax(dim=...)` normalises one axis. This layer is `softmax(x.flatten(1), dim=1)` in
# the shape of `x`.
#
# *Reference.* Bridle, *Probabilistic interpretation of feedforward classification network
# outputs*, 1990.


# %%
def softmax_forward(x: Tensor) -> tuple[Tensor, Cache]:
    """Softmax of every sample, over all axes but the first together.

    Formula: out[n, k] = exp(x[n, k]) / sum_j exp(x[n, j])   (Bridle, 1990).

    Args:
        x: (N, d1, ..., dk), k >= 1; entries of +-1e4 are legitimate, and samples may be far apart.

    Returns:
        out: the shape of x; non-negative, and each sample sums to 1.
        cache: whatever `softmax_backward` needs.

    Raises:
        ValueError: if x has fewer than two axes.
    """
    require_samples(x)
    # TODO: normalise each sample as a whole, so that no intermediate result overflows.
    raise NotImplementedError("softmax_forward is not written yet")


# %% [markdown]
# ## 3.10 Softmax: backward
#
# Unlike the activations above, every output of a sample depends on *every* input of that sample.
# Write $p_k = e^{x_k}/S$ with $S = \sum_j e^{x_j}$, so $\partial S/\partial x_i = e^{x_i}$. Then
#
# $$\frac{\partial p_k}{\partial x_i} = \frac{[k = i]\, e^{x_k}}{S} - \frac{e^{x_k} e^{x_i}}{S^2}
# = p_k\,([k = i] - p_i), \qquad J = \operatorname{diag}(p) - p\,p^\top,\quad J: (K, K).$$
#
# With $g = \partial L/\partial p$ (`dout`) the chain rule sums over all $K$ outputs:
#
# $$\frac{\partial L}{\partial x_i} = \sum_k g_k\, p_k ([k = i] - p_i)
# = p_i \Big( g_i - \sum_k g_k p_k \Big).$$
#
# So there is no need to build the $K \times K$ matrix: one inner product $\langle g, p \rangle$
# *per sample* is enough. Because softmax ignores a constant added to a sample, the entries of `dx`
# of each sample must sum to 0: $\sum_i p_i g_i - \sum_i p_i \langle g, p\rangle = 0$. Check that
# of yours.
#
# **Example.** $p = \left(\tfrac18, \tfrac28, \tfrac58\right)$ and `dout` $= (8, 0, 0)$:
# $\langle g, p \rangle = 1$ and `dx` $= \left(\tfrac78, -\tfrac28, -\tfrac58\right)$. All three
# inputs get a gradient although only one output had one.
#
# **What usually goes wrong.** *Keeping the diagonal only*, $g_i\, p_i (1 - p_i)$, by analogy with
# the sigmoid. *Summing the inner product over the wrong axes*: it belongs to the same set of
# entries as the normalisation.


# %%
def softmax_backward(dout: Tensor, cache: Cache) -> Tensor:
    """Gradient of the softmax over all axes but the first.

    Formula: dx[n, i] = p[n, i] * (dout[n, i] - sum_k dout[n, k] p[n, k]), where p is the output.

    Args:
        dout: the shape of x, the gradient of the loss with respect to the output.
        cache: from `softmax_forward`.

    Returns:
        dx: the shape of x; each sample sums to 0.
    """
    # TODO: apply the Jacobian of each sample to its upstream gradient (no need to build it).
    raise NotImplementedError("softmax_backward is not written yet")


# %% [markdown]
# ## 3.11 Why there must be something between two linear layers
#
# Let two affine maps follow one another, with nothing in between. With $x$ of shape $(N, D)$,
# $W_1$ $(D, H)$, $b_1$ $(H,)$, $W_2$ $(H, M)$ and $b_2$ $(M,)$:
#
# $$(x W_1 + b_1) W_2 + b_2
# = x\, \underbrace{W_1 W_2}_{W:\ (D, M)} + \underbrace{b_1 W_2 + b_2}_{b:\ (M,)} .$$
#
# One layer does the same. Worse, $W = W_1 W_2$ has rank at most $H$: with $H < \min(D, M)$ the two
# layers can express *less* than one.
#
# **Example.**
#
# $$W_1 = \begin{pmatrix} 1 & 2 \\ 0 & 1 \end{pmatrix},\ b_1 = (1, -1),\
# W_2 = \begin{pmatrix} 3 \\ 1 \end{pmatrix},\ b_2 = (2)
# \quad\Rightarrow\quad W = \begin{pmatrix} 5 \\ 1 \end{pmatrix},\ b = (4).$$
#
# Check with $x = (1, 1)$: the hidden layer is $(2, 2)$, the output $3 \cdot 2 + 2 + 2 = 10$; and
# $5 + 1 + 4 = 10$.
#
# **What usually goes wrong.** *Adding the biases as they are.* $b_1$ passes through the second
# layer too, on its way out.


# %%
def collapse_affine(w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> tuple[Tensor, Tensor]:
    """The one affine layer that does what two in a row do.

    Formula: w = w1 w2, b = b1 w2 + b2, so that (x w1 + b1) w2 + b2 = x w + b for every x.

    Args:
        w1: (D, H), weights of the first layer.
        b1: (H,), its biases.
        w2: (H, M), weights of the second layer.
        b2: (M,), its biases.

    Returns:
        w: (D, M).
        b: (M,).

    Raises:
        ValueError: if the sizes do not fit together.
    """
    require(w1.ndim == 2, f"w1 must be (D, H), got shape {tuple(w1.shape)}")
    require_layer(w1, b1, inputs=w1.shape[0], names=("w1", "b1"))
    require_layer(w2, b2, inputs=w1.shape[1], names=("w2", "b2"))
    # TODO: compute the weights and the biases of the combined layer.
    raise NotImplementedError("collapse_affine is not written yet")


# %% [markdown]
# ## 3.12 A network of two layers
#
# Now the layers become a classifier. For samples $x$ of shape $(N, d_1, \dots, d_k)$, flattened to
# $(N, D)$, labels $y \in \{0, \dots, C-1\}^N$ and an activation $\varphi$ (ReLU, sigmoid or tanh):
#
# $$\underset{(N, H)}{A} = x \underset{(D, H)}{W_1} + \underset{(H,)}{b_1}, \qquad
# \underset{(N, H)}{Z} = \varphi(A), \qquad
# \underset{(N, C)}{S} = Z \underset{(H, C)}{W_2} + \underset{(C,)}{b_2},$$
#
# $$L = \frac1N \sum_{n=1}^{N} \Big( \log \sum_{c} e^{S_{nc}} - S_{n y_n} \Big)
# {} + \frac{\lambda}{2} \left( \lVert W_1 \rVert^2 + \lVert W_2 \rVert^2 \right).$$
#
# The first part is the cross entropy between the labels and $P = \operatorname{softmax}(S)$, in
# the form that stays finite; the second is $L_2$ regularisation, $\lVert W \rVert^2$ being the sum
# of all squared entries and $\lambda$ the argument `reg`. **The biases are not regularised.** The
# factor $\tfrac12$ is there so that the gradient of the penalty is $\lambda W$.
#
# **Forward, safely.** $\log p$ must never be the logarithm of a rounded $p$: a probability of
# $e^{-1000}$ is stored as 0, and its logarithm is $-\infty$ instead of $-1000$. With
# $m_n = \max_c S_{nc}$ take
#
# $$\log P_{nc} = (S_{nc} - m_n) - \log \sum_j e^{S_{nj} - m_n}.$$
#
# **Backward.** With $T_{nc} = [c = y_n]$ the cross entropy is
# $-\tfrac1N \sum_{nc} T_{nc} \log P_{nc}$, and in unit 2 you derived
#
# $$\frac{\partial L}{\partial S} = \frac1N (P - T), \qquad (N, C).$$
#
# From here on there is nothing new to derive: send it through the second linear layer, the
# activation and the first linear layer, with the backward functions that you have written, and add
# $\lambda W_1$ and $\lambda W_2$ to the gradients of the weights.
#
# **Example.** One sample, ReLU, no regularisation: $x = (1, -1)$, $y = 1$,
#
# $$W_1 = \begin{pmatrix} 1 & -1 \\ 0 & 1 \end{pmatrix},\ b_1 = (0, 0),\
# W_2 = \begin{pmatrix} \ln 3 & 0 \\ 5 & 7 \end{pmatrix},\ b_2 = (0, 0).$$
#
# $A = (1, -2)$, $Z = (1, 0)$, $S = (\ln 3, 0)$, $P = \left(\tfrac34, \tfrac14\right)$,
# $L = \ln 4$. Backward: $\partial L/\partial S = \left(\tfrac34, -\tfrac34\right)$,
#
# $$\frac{\partial L}{\partial W_2}
# = \begin{pmatrix} \tfrac34 & -\tfrac34 \\ 0 & 0 \end{pmatrix},\quad
# \frac{\partial L}{\partial Z} = \left(\tfrac34 \ln 3,\ -\tfrac32\right),\quad
# \frac{\partial L}{\partial A} = \left(\tfrac34 \ln 3,\ 0\right),\quad
# \frac{\partial L}{\partial W_1}
# = \begin{pmatrix} \tfrac34 \ln 3 & 0 \\ -\tfrac34 \ln 3 & 0 \end{pmatrix}.$$
#
# The second hidden unit is off for this sample: neither its incoming nor its outgoing weights
# learn anything from it.
#
# **What usually goes wrong.** *The penalty in the loss or in the gradient, but not in both*, or
# with and without the $\tfrac12$. *Dividing the penalty by $N$*: only the cross entropy is a mean.
# *A final activation on the scores*: they are logits and may be negative.


# %%
def two_layer_loss(
    x: Tensor,
    y: Tensor,
    w1: Tensor,
    b1: Tensor,
    w2: Tensor,
    b2: Tensor,
    *,
    reg: float = 0.0,
    activation: str = "relu",
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Loss and gradients of the classifier linear, activation, linear, softmax cross entropy.

    Formula: mean_n (logsumexp(s_n) - s_n[y_n]) + reg/2 (||w1||^2 + ||w2||^2) with the scores
    s = activation(x w1 + b1) w2 + b2; the biases are not regularised.

    Args:
        x: (N, d1, ..., dk), N >= 1; a sample has D = d1 * ... * dk features.
        y: (N,), int64 labels in 0..C-1.
        w1: (D, H).
        b1: (H,).
        w2: (H, C).
        b2: (C,).
        reg: strength of the regularisation, at least 0.
        activation: "relu", "sigmoid" or "tanh".

    Returns:
        loss: 0-dim tensor.
        dw1, db1, dw2, db2: the gradients, in the shapes of w1, b1, w2 and b2.

    Raises:
        ValueError: if y is not one label per sample, a label is not a class, reg is negative, the
            activation is unknown, or the sizes of x, w1, b1, w2 and b2 do not fit together.
    """
    require_samples(x)
    require_layer(w1, b1, inputs=math.prod(x.shape[1:]), names=("w1", "b1"))
    require_layer(w2, b2, inputs=w1.shape[1], names=("w2", "b2"))
    require_labels(y, samples=x.shape[0], classes=w2.shape[1])
    require(reg >= 0, f"reg must be at least 0, got {reg}")
    require(
        activation in ("relu", "sigmoid", "tanh"),
        f'activation must be "relu", "sigmoid" or "tanh", got {activation!r}',
    )
    # TODO: compose your layers into the loss, then walk back through them; add the
    # regularisation to the loss and to the gradients.
    raise NotImplementedError("two_layer_loss is not written yet")


# %% [markdown] question="why_activations" points=2
# ### Question: what depth is worth without activations (2 points)
#
# A friend builds a classifier of ten linear layers, with 200 units each and no activation
# function, on inputs of 1000 features and 10 classes. "Half a million parameters", they say, "so
# it must be able to learn more than a single linear layer with ten thousand." Is that so? Which
# functions can the ten layers represent, and what would change if one ReLU stood between each two
# of them?

# %% [markdown] answer="why_activations"
# *Write your answer here.*

# %% [markdown] question="why_not_biases" points=2
# ### Question: why the biases are not regularised (2 points)
#
# `two_layer_loss` penalises $\lVert W_1\rVert^2$ and $\lVert W_2\rVert^2$ but leaves $b_1$ and
# $b_2$ alone. What is the penalty on the weights good for, and why is that no argument for
# penalising the biases? Say what would happen to the predicted class frequencies of the network
# for very large $\lambda$, with and without a penalty on $b_2$.

# %% [markdown] answer="why_not_biases"
# *Write your answer here.*

# %% [markdown] question="saturation" points=3
# ### Question: saturation (3 points)
#
# (a) How large can the derivative of the sigmoid be, and what follows for the gradient that
# reaches the first of $L$ layers with sigmoid activations? (b) A sigmoid unit has the input 20 for
# every sample of the training set. What does its backward pass return, and what does that mean for
# learning? (c) Why do ReLU units suffer less from this, and what can go wrong with them instead?

# %% [markdown] answer="saturation"
# *Write your answer here.*
