# %% [markdown]
# # 6. Batch normalisation
#
# While a network learns, the numbers that reach a layer change their mean and their scale all the
# time, because the layers before it learn too. Batch normalisation takes both out again: it gives
# every channel mean 0 and variance 1 *over the samples of the minibatch*, and then lets the network
# choose a scale $\gamma$ and a shift $\beta$ of its own. Larger learning rates become possible, and
# deep networks train that did not before.
#
# ![The standard deviation of what reaches each of 30 layers, on a logarithmic scale, for weights of
# three scales. Left, linear layers with ReLU: the lines spread like a fan, to several hundred for
# the scale 1.2, about level for 1, to about a thousandth for 0.8. Right, with batch normalisation
# before each ReLU: all three lines are one, at 1.](figures/sizes_by_depth.svg)
#
# In the figure the weights of 30 layers are drawn at a scale that keeps the size of what passes
# through, and 20 % beside it. Without normalisation an error of 20 % is raised to the power of the
# depth; with it, it makes no difference.
#
# It is also the first layer of this course in which samples meet. The output for one image depends
# on the other images of the batch. Its gradient has more terms because of that, and in prediction,
# where there may be no other images, the layer has to do something else.
#
# **Symbols.** The input $x$ is $(N, D)$, $N$ samples of $D$ features, or $(N, C, H, W)$, images.
# Axis 1 always numbers the **channels** $c = 1, \dots, C$ (for rows, $C = D$): every channel is
# normalised by itself. A channel has $m$ values in the batch,
#
# $$m = N \ \text{ for } (N, D), \qquad m = N \cdot H \cdot W \ \text{ for } (N, C, H, W),$$
#
# because the pixels of a channel all went through the same kernel and are treated alike. $\gamma$,
# $\beta$, the statistics and the estimates hold one number per channel, $(C,)$. Formulas below are
# about one channel, whose values are $x_1, \dots, x_m$; a bar means the gradient of the loss, so
# `dout` is $\bar y$ and has the shape of $y$.
#
# **Order of the exercises.** `batch_norm_forward` → `batch_norm_backward` → `identity_scale_shift`
# → `fold_batch_norm` → two written questions.
#
# **Rules.** torch tensors only, no autograd, nothing from `torch.nn` or `torch.nn.functional`.
# Results have the dtype and device of the inputs; inputs, caches and old estimates are never
# changed; any memory layout will do.
#
# **Reading.** [IS] Ioffe and Szegedy, *Batch normalization: accelerating deep network training by
# reducing internal covariate shift*, 2015, arXiv:1502.03167. [STIM] Santurkar, Tsipras, Ilyas and
# Madry, *How does batch normalization help optimization?*, 2018, arXiv:1805.11604 (it is not the
# covariate shift: the loss becomes smoother). [GBC] Goodfellow, Bengio and Courville, *Deep
# Learning*, section 8.7.1. [D2L] Zhang, Lipton, Li and Smola, *Dive into Deep Learning*, the
# section on batch normalization.

# %%
"""Batch normalisation by hand: both modes, the gradient, its undoing, and folding it away."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

Cache = Any  # whatever your backward needs


def require(condition: bool, message: str) -> None:
    """Raises ValueError(message) unless the condition holds."""
    if not condition:
        raise ValueError(message)


def require_channels(x: Tensor, name: str) -> None:
    """Raises ValueError unless x is (N, D) or (N, C, H, W) and holds at least one value."""
    require(
        x.ndim in (2, 4),
        f"{name} must have shape (N, D) or (N, C, H, W), got shape {tuple(x.shape)}",
    )
    require(
        x.numel() > 0,
        f"{name} must hold at least one value, got shape {tuple(x.shape)}",
    )


def require_per_channel(channels: int, **vectors: Tensor) -> None:
    """Raises ValueError unless each of the tensors holds one number per channel, (C,)."""
    for name, vector in vectors.items():
        require(
            vector.shape == (channels,),
            f"{name} must hold one number for each of the {channels} channels, "
            f"got shape {tuple(vector.shape)}",
        )


def require_eps(eps: float) -> None:
    """Raises ValueError unless eps is positive."""
    require(eps > 0, f"eps must be positive, got {eps}")


### BEGIN SOLUTION
def _axes(x: Tensor) -> tuple[int, ...]:
    """The axes that statistics are taken over: all but that of the channels."""
    return (0, *range(2, x.ndim))


def _per_channel(vector: Tensor, x: Tensor) -> Tensor:
    """A vector (C,) in a shape that broadcasts over x: (C,) for rows, (C, 1, 1) for images."""
    return vector.reshape(-1, *[1] * (x.ndim - 2))


### END SOLUTION


# %% [markdown]
# ## 6.1 Forward, in training and in prediction
#
# **In training** the layer uses the statistics of the batch. For each channel, with $m$ values,
#
# $$\mu = \frac1m \sum_{i=1}^m x_i, \qquad
# v = \frac1m \sum_{i=1}^m (x_i - \mu)^2, \qquad
# \sigma = \sqrt{v + \varepsilon},$$
#
# $$\hat x_i = \frac{x_i - \mu}{\sigma}, \qquad y_i = \gamma\, \hat x_i + \beta.$$
#
# In shapes: $\mu, v, \sigma, \gamma, \beta$ are $(C,)$; $\hat x$ and $y$ have the shape of $x$. The
# sums run over axis 0 of $(N, D)$ and over axes 0, 2 and 3 of $(N, C, H, W)$. $\varepsilon > 0$
# keeps the division finite where a channel is constant. [IS, algorithm 1]
#
# Beside the output, training keeps two **running estimates** for later, exponential averages of
# what the batches had:
#
# $$\text{new mean} = \alpha \cdot \text{old mean} + (1 - \alpha)\, \mu, \qquad
# \text{new var} = \alpha \cdot \text{old var} + (1 - \alpha)\, v,
# \qquad \alpha = \texttt{momentum} \in [0, 1].$$
#
# **In prediction** the estimates take the place of $\mu$ and $v$, and stay as they are:
#
# $$y_i = \gamma\, \frac{x_i - \text{running mean}}{\sqrt{\text{running var} + \varepsilon}} +
# \beta.$$
#
# Now samples do not meet. A batch of one is fine, and the same image always gets the same answer.
#
# **Example.** One channel, $x = (1, 3)$, $\gamma = 2$, $\beta = 1$, $\varepsilon = 3$: $\mu = 2$,
# $v = 1$, $\sigma = 2$, $\hat x = (-\tfrac12, \tfrac12)$, $y = (0, 2)$. The estimates $(0, 1)$
# become, with momentum $0.9$, $(0.9 \cdot 0 + 0.1 \cdot 2,\; 0.9 \cdot 1 + 0.1 \cdot 1) =
# (0.2, 1)$. In prediction with the estimates $(-1, 6)$, $\sigma = 3$, and $x = 2$ gives
# $2 \cdot \tfrac{2 + 1}{3} + 1 = 3$.
#
# **Example with images.** One sample, two channels of one row: $x_1 = (1, 3)$, $x_2 = (10, 10)$,
# with $\gamma = (2, 7)$, $\beta = (1, 5)$, $\varepsilon = 3$. Here $m = 2$. Channel 1 gives
# $(0, 2)$ as above; channel 2 is constant, so that $\hat x = 0$ and $y = (5, 5)$, whatever
# $\gamma$ is.
#
# **$m$ or $m - 1$?** The variance is often written with $m - 1$ in the formula and computed with
# $m$ in the program below it. This course divides by $m$ everywhere, in the output and in the
# running estimate. With $m = 1$ that gives $v = 0$ and $y = \beta$.
#
# **What usually goes wrong.**
#
# - *Statistics over the wrong axes*: over the batch only (one mean for every pixel), over each
#   image by itself (instance normalisation), or over everything at once.
# - *$\varepsilon$ outside of the root*, $\sqrt v + \varepsilon$: almost the same where $v$ is
#   large, hundreds of times too small where it is 0.
# - *The variance as $E[x^2] - E[x]^2$.* On paper the same. In float32 with a mean of $10^4$, both
#   terms are near $10^8$ and known to about 8: nothing is left of a variance of 4, it may even come
#   out negative. Subtract the mean first.
# - *Updating the caller's estimates in place*, or updating them in prediction.
#
# **PyTorch differs.** Its `momentum` is the weight of the *new* value, $1 - \alpha$ of ours. Its
# output uses $m$, but its running variance $m - 1$, following [IS], algorithm 2. It refuses $m = 1$
# in training, and it changes the estimates in place.


# %%
def batch_norm_forward(
    x: Tensor,
    gamma: Tensor,
    beta: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    *,
    momentum: float = 0.9,
    eps: float = 1e-5,
    training: bool,
) -> tuple[Tensor, Tensor, Tensor, Cache]:
    """Normalise every channel, then scale and shift it.

    Formula: out = gamma (x - mean) / sqrt(var + eps) + beta, channel by channel, with mean and
    (biased) variance of the m values of the batch in training, with the running estimates in
    prediction (Ioffe and Szegedy, arXiv:1502.03167, algorithms 1 and 2).
    In training, new = momentum old + (1 - momentum) batch for both estimates.

    Args:
        x: (N, D) or (N, C, H, W); channels are axis 1, C = D for the former.
        gamma: (C,), the scales.
        beta: (C,), the shifts.
        running_mean: (C,), the old estimate of the mean.
        running_var: (C,), the old estimate of the variance, in units of x squared.
        momentum: how much of the old estimates is kept, in [0, 1].
        eps: added to the variance, in units of x squared; positive.
        training: True for training, False for prediction.

    Returns:
        out: the shape of x.
        new_mean: (C,), the new estimate of the mean; in prediction the old one.
        new_var: (C,), the new estimate of the variance (over m, not m - 1); in prediction the old.
        cache: whatever `batch_norm_backward` needs.

    Raises:
        ValueError: x is of another rank or holds no samples; a vector does not fit its channels;
            momentum is outside [0, 1], or eps is not positive.
    """
    require_channels(x, "x")
    require_per_channel(
        x.shape[1], gamma=gamma, beta=beta, running_mean=running_mean, running_var=running_var
    )
    require(0 <= momentum <= 1, f"momentum must be in [0, 1], got {momentum}")
    require_eps(eps)
    # TODO: choose the statistics that the mode asks for, normalise, scale and shift; return the
    # estimates as they are afterwards, and keep what backward needs in either mode.
    ### BEGIN SOLUTION
    if training:
        mean = x.mean(_axes(x))
        var = (x - _per_channel(mean, x)).square().mean(_axes(x))
        new_mean = momentum * running_mean + (1 - momentum) * mean
        new_var = momentum * running_var + (1 - momentum) * var
    else:
        mean, var = running_mean, running_var
        new_mean, new_var = running_mean, running_var
    sigma = torch.sqrt(var + eps)
    normalised = (x - _per_channel(mean, x)) / _per_channel(sigma, x)
    out = _per_channel(gamma, x) * normalised + _per_channel(beta, x)
    return out, new_mean, new_var, (normalised, gamma, sigma, training)
    ### END SOLUTION


# %% [markdown]
# ## 6.2 Backward
#
# One channel again, $y_i = \gamma \hat x_i + \beta$. $\gamma$ and $\beta$ are shared by all $m$
# values, so their gradients are sums over them:
#
# $$\bar\gamma = \sum_{i=1}^m \bar y_i\, \hat x_i, \qquad \bar\beta = \sum_{i=1}^m \bar y_i,
# \qquad \bar{\hat x}_i = \gamma\, \bar y_i.$$
#
# **In prediction** $\mu$ and $\sigma$ are constants, and $\bar x_i = \gamma\, \bar y_i / \sigma$.
#
# **In training** $x_i$ acts on the outputs in three ways: on $\hat x_i$ directly, through $\mu$ on
# all of them, and through $v$ on all of them. Take $\hat x_j = (x_j - \mu)(v + \varepsilon)^{-1/2}$
# and go back one step at a time:
#
# $$\bar v = \sum_j \bar{\hat x}_j\, (x_j - \mu) \cdot \left(-\tfrac12\right) \sigma^{-3}
# = -\frac{\gamma}{2 \sigma^2} \sum_j \bar y_j \hat x_j,
# \qquad
# \bar \mu = -\frac1\sigma \sum_j \bar{\hat x}_j + \bar v \cdot \frac{-2}{m} \sum_j (x_j - \mu)
# = -\frac{\gamma}{\sigma} \sum_j \bar y_j,$$
#
# where the second sum in $\bar\mu$ is 0 by the definition of $\mu$. With
# $\partial v / \partial x_i = \tfrac2m (x_i - \mu) = \tfrac{2}{m} \sigma \hat x_i$ and
# $\partial \mu / \partial x_i = \tfrac1m$, the three ways add up to
#
# $$\bar x_i = \frac{\bar{\hat x}_i}{\sigma} + \bar v \cdot \frac{2 \sigma \hat x_i}{m} +
# \frac{\bar \mu}{m}
# = \frac{\gamma}{m \sigma} \Big( m\, \bar y_i - \sum_j \bar y_j -
# \hat x_i \sum_j \bar y_j \hat x_j \Big).$$
#
# Shapes: $\bar x$ has the shape of $x$; the two sums are $\bar\beta$ and $\bar\gamma$, $(C,)$, so
# nothing has to be computed twice. [IS, section 3 has the steps, not the result]
#
# **What the formula means.** The mean of $\bar y$, and what of it points along $\hat x$, are taken
# out: adding a constant to a channel, or stretching it, does not change the output, so the loss has
# no slope in these directions. That makes two checks that need no other implementation:
#
# $$\sum_i \bar x_i = 0, \qquad
# \sum_i \bar x_i \hat x_i
# = \frac{\gamma}{\sigma}\, \bar\gamma\, \frac{\varepsilon}{v + \varepsilon} \;\approx\; 0.$$
#
# (The second is not exactly 0 because $\varepsilon$ does not stretch with the channel.)
#
# **Example** (the channel of 6.1). $\bar y = (1, 0)$: $\bar\beta = 1$, $\bar\gamma = -\tfrac12$,
#
# $$\bar x = \frac{2}{2 \cdot 2} \left( 2 - 1 - \tfrac14,\; 0 - 1 + \tfrac14 \right)
# = (0.375, -0.375).$$
#
# In the example of prediction, $\bar y = 6$ gives $\bar x = 2 \cdot 6 / 3 = 4$, and
# $\bar\gamma = \bar\beta = 6$ because $\hat x = 1$.
#
# **What usually goes wrong.**
#
# - *One of the three ways is missing.* Do not look for it with `dout` all ones: nothing goes
#   through $v$ then, as $\sum_j \hat x_j = 0$.
# - *$m = N$ for images*: it is $N \cdot H \cdot W$.
# - *$\hat x$ recovered as $(y - \beta)/\gamma$*: saves memory, and divides by 0 where $\gamma = 0$.
#   Such a channel is no accident, networks are often started with some $\gamma = 0$. Its
#   $\bar x$ is 0, but its $\bar\gamma$ is not, or it would stay 0 forever.
# - *The backward pass of training used after a forward pass in prediction.* The cache has to know.


# %%
def batch_norm_backward(dout: Tensor, cache: Cache) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of `batch_norm_forward`, for the mode that it ran in.

    Formula, channel by channel, with xhat the normalised values and sigma = sqrt(var + eps):
    dgamma = sum dout xhat, dbeta = sum dout; in training
    dx = gamma / (m sigma) (m dout - sum dout - xhat sum dout xhat), in prediction
    dx = gamma dout / sigma (from Ioffe and Szegedy, arXiv:1502.03167, section 3).

    Args:
        dout: the shape of x, the gradient of the loss with respect to the output.
        cache: from `batch_norm_forward`.

    Returns:
        dx: the shape of x.
        dgamma: (C,).
        dbeta: (C,).

    Raises:
        ValueError: dout is of another rank than 2 or 4, or holds no samples.
    """
    require_channels(dout, "dout")
    # TODO: the gradients of scale and shift, then all ways from an input to the outputs: in
    # training there are three, in prediction one.
    ### BEGIN SOLUTION
    normalised, gamma, sigma, training = cache
    dgamma = (dout * normalised).sum(_axes(dout))
    dbeta = dout.sum(_axes(dout))
    slope = _per_channel(gamma / sigma, dout)
    if not training:
        return slope * dout, dgamma, dbeta
    m = dout.numel() // dout.shape[1]
    shared = _per_channel(dbeta, dout) + normalised * _per_channel(dgamma, dout)
    return slope * (dout - shared / m), dgamma, dbeta
    ### END SOLUTION


# %% [markdown]
# ## 6.3 The scale and shift that undo the layer
#
# Normalising takes something away: after it every channel has mean 0 and variance 1, and a sigmoid
# behind it would only ever see its nearly linear part. That is what $\gamma$ and $\beta$ are for.
# The layer can be *any* scale and shift, also none: for the batch $x$ in training,
#
# $$y_i = \gamma\, \frac{x_i - \mu}{\sigma} + \beta = x_i \ \text{ for all } i
# \qquad\text{if}\qquad \gamma = \sigma = \sqrt{v + \varepsilon}, \quad \beta = \mu.$$
#
# The choice is often written as $\gamma = \sqrt v$. That undoes a layer without $\varepsilon$; with
# it, the output is $x$ only nearly, and not at all where $v$ is as small as $\varepsilon$. [IS,
# section 3]
#
# $\gamma$ and $\beta$ are $(C,)$, statistics are taken over the same $m$ values as in 6.1.
#
# **Example.** $x = (1, 3)$, $\varepsilon = 3$: $\gamma = 2$, $\beta = 2$, and indeed
# $2 \cdot (-\tfrac12, \tfrac12) + 2 = (1, 3)$.
#
# **What usually goes wrong.** The variance where its root is meant; $\varepsilon$ left out or
# outside of the root; $m - 1$.


# %%
def identity_scale_shift(x: Tensor, *, eps: float = 1e-5) -> tuple[Tensor, Tensor]:
    """The scale and shift with which `batch_norm_forward` returns x itself in training.

    Formula: gamma = sqrt(var + eps), beta = mean, channel by channel, with the biased variance
    (Ioffe and Szegedy, arXiv:1502.03167, section 3, where eps is left out).

    Args:
        x: (N, D) or (N, C, H, W).
        eps: the eps of the layer, in units of x squared; positive.

    Returns:
        gamma: (C,).
        beta: (C,).

    Raises:
        ValueError: x is of another rank or holds no samples, or eps is not positive.
    """
    require_channels(x, "x")
    require_eps(eps)
    # TODO: solve out = x for scale and shift.
    ### BEGIN SOLUTION
    mean = x.mean(_axes(x))
    var = (x - _per_channel(mean, x)).square().mean(_axes(x))
    return torch.sqrt(var + eps), mean
    ### END SOLUTION


# %% [markdown]
# ## 6.4 Folding the layer away
#
# In prediction mean and variance are constants, so the layer is $y = s\, (z - \text{mean}) + \beta$
# with $s = \gamma / \sigma$, an affine map of each channel. If $z$ comes from a linear layer or a
# convolution, two affine maps follow each other, and two of them are one (unit 3). For one output
# channel $o$ with weights $w_o$ and bias $b_o$, $z_o = w_o \cdot x + b_o$ and
#
# $$y_o = s_o\, (w_o \cdot x + b_o - \text{mean}_o) + \beta_o
# = \underbrace{(s_o w_o)}_{w'_o} \cdot\, x +
# \underbrace{(b_o - \text{mean}_o)\, s_o + \beta_o}_{b'_o},
# \qquad s = \frac{\gamma}{\sqrt{\text{var} + \varepsilon}}.$$
#
# So a trained network can throw its batch normalisation away: same answers, fewer operations. It is
# regularly done before weights are rounded to 8 bits (Jacob et al., *Quantization and training of
# neural networks for efficient integer-arithmetic-only inference*, 2018, arXiv:1712.05877). In
# training it cannot be done, because mean and variance change with every batch.
#
# **Where the output channels are.** Linear weights are $(D_\text{in}, D_\text{out})$ in this
# course: column $o$ belongs to output $o$. Convolution weights are
# $(C_\text{out}, C_\text{in}, K_H, K_W)$: block $o$ along the first axis. $s$, $b$, $\gamma$,
# $\beta$, mean and variance hold one number per *output* channel; $w'$ has the shape of $w$, $b'$
# that of $b$.
#
# **Example.** A linear layer with one input and two outputs, $w = \begin{pmatrix} 1 & 2
# \end{pmatrix}$, $b = (1, 0)$; $\gamma = (4, 4)$, $\beta = (1, 0)$, mean $(0, 1)$, variance
# $(1, 13)$, $\varepsilon = 3$. Then $\sigma = (2, 4)$, $s = (2, 1)$,
# $w' = \begin{pmatrix} 2 & 2 \end{pmatrix}$, $b' = (1 \cdot 2 + 1,\; -1 \cdot 1 + 0) = (3, -1)$.
# Try $x = 1$: $z = (2, 2)$, normalised, scaled and shifted $(5, 1)$; folded, $(2 + 3, 2 - 1)$.
#
# **What usually goes wrong.** $s$ along the inputs, which only shows where $D_\text{in} \neq
# D_\text{out}$; the layer's own bias not scaled.


# %%
def fold_batch_norm(
    w: Tensor,
    b: Tensor,
    gamma: Tensor,
    beta: Tensor,
    mean: Tensor,
    var: Tensor,
    *,
    eps: float = 1e-5,
) -> tuple[Tensor, Tensor]:
    """One layer for a linear layer or a convolution and the batch normalisation behind it.

    Formula: s = gamma / sqrt(var + eps); weights w s along the output channels, biases
    (b - mean) s + beta (Jacob et al., arXiv:1712.05877, section 3.2).

    Args:
        w: (D_in, D_out), weights of a linear layer, or (C_out, C_in, KH, KW), of a convolution.
        b: (C_out,), biases; C_out = D_out for a linear layer.
        gamma: (C_out,), the scales.
        beta: (C_out,), the shifts.
        mean: (C_out,), the running mean.
        var: (C_out,), the running variance, in units of the layer's output squared.
        eps: added to the variance; positive.

    Returns:
        w: the shape of w.
        b: (C_out,).

    Raises:
        ValueError: w is of another rank or empty; a vector does not fit its output channels; eps is
            not positive.
    """
    require(
        w.ndim in (2, 4) and w.numel() > 0,
        "w must be weights (D_in, D_out) or (C_out, C_in, KH, KW), none of them 0; "
        f"got shape {tuple(w.shape)}",
    )
    channels = w.shape[1] if w.ndim == 2 else w.shape[0]
    require_per_channel(channels, b=b, gamma=gamma, beta=beta, mean=mean, var=var)
    require_eps(eps)
    # TODO: the weights and the biases of the two layers in one.
    ### BEGIN SOLUTION
    scale = gamma / torch.sqrt(var + eps)
    folded = w * scale if w.ndim == 2 else w * scale[:, None, None, None]
    return folded, (b - mean) * scale + beta
    ### END SOLUTION


# %% [markdown] question="two_modes" points=2
# ### Question: why are there two modes? (2 points)
#
# Why does the layer not use the statistics of the batch in prediction as well? Say what would be
# wrong with it in principle, and describe one case in which the answer would be useless.
#
# ### BEGIN MARK SCHEME
# - 1 point: a prediction must be a function of the sample (and the parameters) alone; with batch
#   statistics it would depend on which other samples happen to be in the batch, so the same input
#   could get different answers.
# - 1 point: a case, for instance: a single sample with $m = 1$, where every output is $\beta$
#   whatever the input is; a batch of one class or an ordered test set, whose common features are
#   subtracted away; someone else's sample in the batch that changes my answer.
# ### END MARK SCHEME

# %% [markdown] answer="two_modes"
# ### BEGIN SOLUTION
# What the network says about an image must depend on that image and on what was learned, not on
# the images that are by chance processed with it. With batch statistics the same image would be
# classified one way in one batch and another way in the next. The running estimates are fixed
# numbers, typical of the training data, and make the layer a fixed affine map.
#
# A case: one row of features is to be classified by itself. Then $m = 1$, the mean is the sample,
# $\hat x = 0$, and the output is $\beta$ for every input: the network has not seen the sample at
# all. Another case: a test set that is sorted by class, so that a batch holds cats only. What all
# cats have in common is just what its mean takes away.
# ### END SOLUTION

# %% [markdown] question="bias_before" points=2
# ### Question: the bias of the layer before (2 points)
#
# A convolution with bias $b$ is followed by batch normalisation. What is the gradient of the loss
# with respect to $b$ in training, and why? Is anything lost when the convolution has no bias?
#
# ### BEGIN MARK SCHEME
# - 1 point: the gradient is 0: b adds the same constant to all values of a channel, the mean takes
#   it away again (or: db is the sum of dx over the channel, and sum dx = 0).
# - 1 point: nothing is lost: beta shifts the channel after the normalisation and replaces b.
#   (Where the estimates are in use, b is absorbed by the running mean.)
# ### END MARK SCHEME

# %% [markdown] answer="bias_before"
# ### BEGIN SOLUTION
# $b_c$ is added to all values of channel $c$, so the mean $\mu_c$ grows by $b_c$ as well, and
# $x - \mu$ does not depend on it. The loss does not change with $b_c$: its gradient is 0. The
# formula says the same, $\bar b_c = \sum_i \bar x_i = 0$ over the values of the channel.
#
# So the bias never learns anything, and nothing is lost without it. The network can still shift the
# channel, by $\beta$, which comes after the subtraction of the mean. That is why convolutions
# before batch normalisation are usually built without a bias.
# ### END SOLUTION
