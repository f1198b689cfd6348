# %% [markdown]
# # 5. Convolution
#
# A convolution layer is a linear layer that looks at a small window of the image, uses the same
# weights at every window, and therefore knows that a thing is the same thing wherever it appears.
# In this unit you write it twice: once as one matrix product (the way libraries computed it for
# years), and once the way textbooks draw its gradient, with a rotated kernel. Pooling follows from
# the same two tools.
#
# **Symbols.** Images are $x$ of shape $(N, C, H, W)$: samples, channels, height, width. A kernel is
# $K_H \times K_W$, moves by the stride $(s_H, s_W)$, and the image has $(p_H, p_W)$ zeros added on
# *each* side; $\tilde x$ of shape $(N, C, H + 2p_H, W + 2p_W)$ is the padded image. An upstream
# gradient $\partial L/\partial y$ is called `dout` in code and $\bar y$ in formulas, and always has
# the shape of $y$. Indices start at 0.
#
# **Order of the exercises.** `output_size` → `cross_correlate2d`, `convolve2d` → `im2col`, `col2im`
# → `conv2d_forward`, `conv2d_backward`, `conv2d_backward_naive` → `conv1x1_forward` → the four
# pooling functions → one written question. Each may use those before it.
#
# **Rules.** torch tensors only, no autograd, nothing from `torch.nn` or `torch.nn.functional`, no
# `unfold`/`fold`. Results have the device and dtype of the inputs; inputs and caches are never
# changed. Loops over the $K_H \cdot K_W$ positions of a kernel are fine; loops over the pixels of
# an image are correct but slow. `im2col`, `col2im`, `conv2d_forward` and `conv2d_backward` have
# points for speed, 7 of the unit's 100: you earn them when your code takes at most five times as
# long as the course's own on a layer of a few thousand windows.
#
# **Reading.** [DV] Dumoulin and Visin, *A guide to convolution arithmetic for deep learning*,
# arXiv:1603.07285 (pictures of every case). [CPS] Chellapilla, Puri and Simard, *High performance
# convolutional neural networks for document processing*, 2006 (convolution as a matrix product).
# [GBC] Goodfellow, Bengio and Courville, *Deep Learning*, chapter 9. [NiN] Lin, Chen and Yan,
# *Network in network*, arXiv:1312.4400.

# %%
"""Convolution and pooling by hand: windows as a matrix, the adjoint, and the rotated kernel."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

Cache = Any  # whatever your backward needs
Size = int | tuple[int, int]  # one number for both axes, or (height, width)


def _pair(value: Size, name: str, *, minimum: int) -> tuple[int, int]:
    """(height, width) from an int, which counts for both axes, or from a pair.

    Raises:
        ValueError: for anything else, and for numbers below `minimum`.
    """
    pair = (value, value) if isinstance(value, int) else value
    if (
        not isinstance(pair, (tuple, list))
        or len(pair) != 2
        or any(not isinstance(n, int) or n < minimum for n in pair)
    ):
        raise ValueError(
            f"{name} must be an int or a pair (height, width) of ints, at least {minimum}; "
            f"got {value!r}"
        )
    return pair[0], pair[1]


def _check_rank(tensor: Tensor, name: str, axes: str) -> None:
    """Raise ValueError unless the tensor has the axes named in `axes`, e.g. ``"N, C, H, W"``."""
    if tensor.dim() != len(axes.split(", ")):
        raise ValueError(f"{name} must have shape ({axes}); got {tuple(tensor.shape)}")


def _check_fits(
    size: tuple[int, int], kernel: tuple[int, int], padding: tuple[int, int] = (0, 0)
) -> None:
    """Raise ValueError unless the kernel fits into the padded image along both axes."""
    for axis, n, k, p in zip(("height", "width"), size, kernel, padding, strict=True):
        if k > n + 2 * p:
            raise ValueError(
                f"the kernel must fit into the padded input: its {axis} is {k}, the input's is "
                f"{n} with {p} of padding on each side"
            )


def _check_pooling(kernel: tuple[int, int], padding: tuple[int, int]) -> None:
    """Raise ValueError if a pooling window could lie in the padding alone."""
    if any(2 * p > k for k, p in zip(kernel, padding, strict=True)):
        raise ValueError(
            f"padding must be at most half of kernel_size; got {padding} for kernel_size {kernel}"
        )


# %% [markdown]
# ## 5.1 How many windows fit
#
# Along one axis, $n$ pixels become $n + 2p$ with padding. Window number $t$ covers the positions
# $t s, \dots, t s + k - 1$. The last position is $n + 2p - 1$, so window $t$ fits exactly when
# $t s + k - 1 \le n + 2p - 1$, that is $t \le (n + 2p - k)/s$. Counting from $t = 0$:
#
# $$n_\text{out} = \left\lfloor \frac{n + 2p - k}{s} \right\rfloor + 1.$$
#
# **Example.** $n = 7, k = 3, p = 1, s = 2$: $\lfloor 6/2 \rfloor + 1 = 4$, and the windows tile the
# padded image. $n = 6, k = 3, p = 0, s = 2$: $\lfloor 3/2 \rfloor + 1 = 2$; the windows start at 0
# and 2, and pixel 5 is seen by none. Its gradient will be 0.
#
# **What usually goes wrong.** Rounding up (a window hangs over the edge); padding counted on one
# side only; the $+1$ inside the division. Libraries also offer a mode that rounds up (`ceil_mode`);
# this course always rounds down.


# %%
def output_size(n: int, *, kernel: int, padding: int = 0, stride: int = 1) -> int:
    """Number of windows along one axis: floor((n + 2 padding - kernel) / stride) + 1.

    Source: Dumoulin and Visin (arXiv:1603.07285), relationship 6.

    Args:
        n: pixels along the axis, at least 1.
        kernel: size of the window, at least 1.
        padding: pixels added on each side, at least 0.
        stride: distance between neighbouring windows, at least 1.

    Returns:
        The number of windows, an int.

    Raises:
        ValueError: an argument is too small, or the kernel is larger than the padded input.
    """
    for name, value, minimum in (
        ("n", n, 1), ("kernel", kernel, 1), ("padding", padding, 0), ("stride", stride, 1),
    ):  # fmt: skip
        if value < minimum:
            raise ValueError(f"{name} must be at least {minimum}; got {value}")
    if kernel > n + 2 * padding:
        raise ValueError(
            f"kernel must be at most n + 2 padding = {n + 2 * padding}; got kernel {kernel}"
        )
    # TODO: count the positions at which a window fits into the padded input.
    raise NotImplementedError("output_size is not written yet")


# %% [markdown]
# ## 5.2 Cross-correlation and convolution
#
# Put the kernel $k$ of shape $(K_H, K_W)$ on the image $x$ of shape $(H, W)$, multiply what lies on
# top of each other, add up, and move on. That is **cross-correlation**:
#
# $$y_{h,w} = \sum_{i=0}^{K_H-1} \sum_{j=0}^{K_W-1} k_{i,j}\; x_{h+i,\,w+j},
# \qquad y \text{ of shape } (H - K_H + 1,\; W - K_W + 1).$$
#
# Only windows that lie inside the image count ("valid" size). **Convolution** in the mathematical
# sense runs through the kernel backwards,
#
# $$y_{h,w} = \sum_{i,j} k_{i,j}\; x_{h + K_H - 1 - i,\; w + K_W - 1 - j},$$
#
# which is cross-correlation with the kernel rotated by 180 degrees: both axes reversed. What deep
# learning calls a convolution layer is a cross-correlation. For learned weights it makes no
# difference, but the true convolution comes back in section 5.7: it is the gradient.
#
# **Example.**
# $$x = \begin{pmatrix} 0&1&2\\3&4&5\\6&7&8 \end{pmatrix},\quad
# k = \begin{pmatrix} 0&1\\2&3 \end{pmatrix}:\qquad
# x \star k = \begin{pmatrix} 19&25\\37&43 \end{pmatrix},\quad
# x * k = \begin{pmatrix} 5&11\\23&29 \end{pmatrix}.$$
# The first entry is $0\cdot0 + 1\cdot1 + 3\cdot2 + 4\cdot3 = 19$; with the rotated kernel
# $\begin{pmatrix} 3&2\\1&0 \end{pmatrix}$ it is $0\cdot3 + 1\cdot2 + 3\cdot1 + 4\cdot0 = 5$.
#
# **What usually goes wrong.** Reversing one axis only, or transposing: a rotation by 180 degrees
# reverses both and swaps nothing. Results that have torch's default dtype: take the dtype and the
# device from $x$ (`x.new_zeros(...)`).
#
# **Hint for speed.** Exchange the sums: for each of the few $(i, j)$, the factor $k_{i,j}$ meets a
# whole shifted image $x_{i:i+H-K_H+1,\; j:j+W-K_W+1}$ at once. [GBC, section 9.1]


# %%
def cross_correlate2d(x: Tensor, k: Tensor) -> Tensor:
    """Cross-correlation: y[h, w] = sum_ij k[i, j] x[h + i, w + j], windows inside x only.

    Source: Goodfellow, Bengio and Courville, Deep Learning, equation 9.6.

    Args:
        x: image (H, W).
        k: kernel (KH, KW), no larger than x.

    Returns:
        (H - KH + 1, W - KW + 1).

    Raises:
        ValueError: wrong rank, or the kernel is larger than the image.
    """
    _check_rank(x, "x", "H, W")
    _check_rank(k, "k", "KH, KW")
    _check_fits((x.shape[0], x.shape[1]), (k.shape[0], k.shape[1]))
    # TODO: sum the products of kernel and window, for every window.
    raise NotImplementedError("cross_correlate2d is not written yet")


# %% [markdown]
# The convolution is one line once the cross-correlation is there. Check on the example above that
# yours gives 5, 11, 23, 29. A kernel with a single 1 in a corner shows which way it turns.


# %%
def convolve2d(x: Tensor, k: Tensor) -> Tensor:
    """Convolution: cross-correlation with the kernel rotated by 180 degrees, valid size.

    y[h, w] = sum_ij k[i, j] x[h + KH - 1 - i, w + KW - 1 - j]
    (Goodfellow, Bengio and Courville, Deep Learning, equation 9.5).

    Args:
        x: image (H, W).
        k: kernel (KH, KW), no larger than x.

    Returns:
        (H - KH + 1, W - KW + 1).

    Raises:
        ValueError: wrong rank, or the kernel is larger than the image.
    """
    _check_rank(x, "x", "H, W")
    _check_rank(k, "k", "KH, KW")
    _check_fits((x.shape[0], x.shape[1]), (k.shape[0], k.shape[1]))
    # TODO: rotate the kernel, then cross-correlate.
    raise NotImplementedError("convolve2d is not written yet")


# %% [markdown]
# ## 5.3 Windows as the rows of a matrix
#
# A matrix product is the fastest thing a computer does. So write every window of every sample as
# one row of a matrix `cols`; then any linear function of windows is `cols @ something`. [CPS]
#
# $$\text{cols}_{(n,h,w),\,(c,i,j)} = \tilde x_{n,\,c,\;h s_H + i,\;w s_W + j},
# \qquad \text{cols of shape } (N H_\text{out} W_\text{out},\; C K_H K_W).$$
#
# Rows are ordered $(n, h, w)$: all windows of the first sample, row by row, then the next sample.
# Columns are ordered $(c, i, j)$: the whole window in the first channel, then the next channel. The
# last index runs fastest in both, so a tensor of shape
# $(N, H_\text{out}, W_\text{out}, C, K_H, K_W)$ holds the elements in this order, and one `reshape`
# makes the matrix. (torch's own `unfold` returns one matrix *per sample*, transposed.)
#
# **Example.** The $3\times3$ image of section 5.2 as $(1, 1, 3, 3)$ with a $2\times2$ kernel,
# stride 1:
# $$\begin{pmatrix} 0&1&3&4\\ 1&2&4&5\\ 3&4&6&7\\ 4&5&7&8 \end{pmatrix},$$
# and times the flattened kernel $(0, 1, 2, 3)^\top$ it is $(19, 25, 37, 43)^\top$, as before.
#
# **How to fill it without a loop over pixels.** Look at one column. Its elements are the pixels at
# position $(i, j)$ of *every* window in channel $c$: a slice of the padded image with a step, from
# $(i, j)$ by the stride. So there are only $K_H K_W$ slices to copy, each for all channels at once.
# Filling the columns one after another in a tensor of shape
# $(C, K_H, K_W, N, H_\text{out}, W_\text{out})$ and transposing the matrix at the end writes memory
# in its order, which is faster than filling rows.
#
# **What usually goes wrong.** $H$ and $W$ exchanged in one of kernel, stride and padding: your own
# test image should not be square, nor the kernel. A `reshape` where a `permute` has to come first:
# the shape is right and the numbers are not. `view` on an image that is not contiguous.


# %%
def im2col(x: Tensor, *, kernel_size: Size, stride: Size = 1, padding: Size = 0) -> Tensor:
    """Every window of every sample as a row of one matrix.

    cols[(n, h, w), (c, i, j)] = x_padded[n, c, h stride_h + i, w stride_w + j]
    (Chellapilla, Puri and Simard 2006).

    Args:
        x: images (N, C, H, W).
        kernel_size: size of the windows, int or (KH, KW).
        stride: distance between windows, int or (height, width).
        padding: zeros added on each side, int or (height, width).

    Returns:
        (N * H_out * W_out, C * KH * KW): rows ordered (n, h, w), columns (c, kh, kw).

    Raises:
        ValueError: wrong rank, invalid sizes, or a kernel larger than the padded input.
    """
    _check_rank(x, "x", "N, C, H, W")
    kh, kw = _pair(kernel_size, "kernel_size", minimum=1)
    sh, sw = _pair(stride, "stride", minimum=1)
    ph, pw = _pair(padding, "padding", minimum=0)
    n, c, h, w = x.shape
    _check_fits((h, w), (kh, kw), (ph, pw))
    # TODO: write every window of the zero-padded images as a row.
    raise NotImplementedError("im2col is not written yet")


# %% [markdown]
# ## 5.4 The way back: the adjoint
#
# `im2col` only copies, so it is linear: as vectors, $\text{cols} = A x$ with a matrix $A$ of zeros
# and ones. Each row of $A$ has at most one 1 (none where the element is padding); column
# $x_{n,c,a,b}$ has as many ones as there are windows that contain this pixel. By the chain rule, a
# gradient $\overline{\text{cols}}$ with respect to `cols` becomes the gradient with respect to $x$
#
# $$\bar x = A^\top\, \overline{\text{cols}}, \qquad
# \bar{\tilde x}_{n,c,a,b} = \sum_{\substack{h,i:\; h s_H + i = a\\ w,j:\; w s_W + j = b}}
# \overline{\text{cols}}_{(n,h,w),(c,i,j)}:$$
#
# every copy of a pixel sends its gradient back to that pixel, and the contributions **add up**.
# Then the padding is cut off, since nobody asks for its gradient. `col2im` is this $A^\top$, the
# *adjoint* of `im2col`, which means that for all $x$ and $c$
#
# $$\langle \text{im2col}(x),\, c\rangle = \langle x,\, \text{col2im}(c)\rangle .$$
#
# It is not the inverse: `col2im(im2col(x))` multiplies each pixel with the number of its windows.
#
# ![Left, the three by three image with pixels 0 to 8 four times, each time with another window of
# two by two shaded. Middle, the four by four matrix cols, whose rows are these windows: 0 1 3 4,
# then 1 2 4 5, then 3 4 6 7, then 4 5 7 8. Right, how many copies col2im adds up at each pixel: one
# at the corners, two at the edges, four in the centre. Pixel 4 is ringed wherever it
# occurs.](figures/unfolding.svg)
#
# In the figure, `im2col` copies the windows of 5.3 into rows, and `col2im` goes the way back.
# Follow the ringed pixel 4: it lies in all four windows, in four different columns, and gets back
# the sum of what arrives at these four places.
#
# **Example.** A matrix of ones, $(4, 4)$, for a $3\times3$ image and a $2\times2$ kernel:
# $$\text{col2im}(1) = \begin{pmatrix} 1&2&1\\ 2&4&2\\ 1&2&1 \end{pmatrix}.$$
# The centre is in four windows, a corner in one.
#
# **What usually goes wrong.** `image[..., rows, columns] += cols` with index tensors that name a
# pixel twice: torch (like NumPy) then adds only one of the two. Slices with a step name each pixel
# once, so `+=` on them is safe; so is `index_add_`. Cutting off one pixel instead of $p$. Pixels
# that no window has seen must be 0, not uninitialised memory.


# %%
def col2im(
    cols: Tensor,
    *,
    x_shape: tuple[int, int, int, int],
    kernel_size: Size,
    stride: Size = 1,
    padding: Size = 0,
) -> Tensor:
    """The adjoint of `im2col`: each element of `cols` is added to the pixel it was copied from.

    <im2col(x), cols> = <x, col2im(cols)> for all x and cols.

    Args:
        cols: (N * H_out * W_out, C * KH * KW), rows ordered (n, h, w), columns (c, kh, kw).
        x_shape: (N, C, H, W), the shape of the images.
        kernel_size: size of the windows, int or (KH, KW).
        stride: distance between windows, int or (height, width).
        padding: zeros that were added on each side, int or (height, width).

    Returns:
        (N, C, H, W).

    Raises:
        ValueError: invalid sizes, a kernel larger than the padded input, or `cols` of another
            shape than `im2col` returns for these sizes.
    """
    _check_rank(cols, "cols", "N * H_out * W_out, C * KH * KW")
    kh, kw = _pair(kernel_size, "kernel_size", minimum=1)
    sh, sw = _pair(stride, "stride", minimum=1)
    ph, pw = _pair(padding, "padding", minimum=0)
    if len(x_shape) != 4:
        raise ValueError(f"x_shape must be (N, C, H, W); got {tuple(x_shape)}")
    n, c, h, w = x_shape
    _check_fits((h, w), (kh, kw), (ph, pw))
    if cols.shape[1] != c * kh * kw or cols.shape[0] % n != 0:
        raise ValueError(
            f"cols must have C * KH * KW = {c * kh * kw} columns, and a multiple of N = {n} rows; "
            f"got {tuple(cols.shape)}"
        )
    # TODO: add every element of cols to the pixel it was copied from; leave out the padding.
    raise NotImplementedError("col2im is not written yet")


# %% [markdown]
# ## 5.5 A convolution layer is a linear layer over windows
#
# With $C_\text{out}$ kernels $w$ of shape $(C_\text{out}, C, K_H, K_W)$ and biases $b$ of shape
# $(C_\text{out},)$,
#
# $$y_{n,o,h,w} = b_o + \sum_{c,i,j} w_{o,c,i,j}\; \tilde x_{n,c,\,h s_H+i,\,w s_W+j}.$$
#
# The sum runs over the columns of `cols`. So reshape each kernel to a column, $M$ =
# `w.reshape(C_out, -1).T` of shape $(C K_H K_W,\, C_\text{out})$, and
#
# $$\underbrace{Y}_{(N H_\text{out} W_\text{out},\; C_\text{out})} =
# \underbrace{\text{cols}}_{(N H_\text{out} W_\text{out},\; C K_H K_W)}\; M + b .$$
#
# Row $(n, h, w)$ of $Y$ holds all channels of one output pixel: as a tensor it is
# $(N, H_\text{out}, W_\text{out}, C_\text{out})$, and the axes have to be moved, not reshaped, to
# get $y$ of shape $(N, C_\text{out}, H_\text{out}, W_\text{out})$.
#
# **Example.** $N = C = 1$, the image and kernel of section 5.2, $b = 1$:
# $y = \begin{pmatrix} 20&26\\38&44 \end{pmatrix}$. A second kernel of ones, $b = 0$, adds a second
# channel $\begin{pmatrix} 8&12\\20&24 \end{pmatrix}$.
#
# **What usually goes wrong.** `w.reshape(-1, C_out)` has the right shape and mixes the kernels:
# reshape to $(C_\text{out}, -1)$, *then* transpose. `Y.reshape(N, C_out, H_out, W_out)` likewise
# mixes channels and pixels. And the cache: `conv2d_backward` and `conv2d_backward_naive` both get
# the cache that you return here, so put into it what either needs ($x$ as well as `cols`, if you
# need both).


# %%
def conv2d_forward(
    x: Tensor, w: Tensor, b: Tensor, *, stride: Size = 1, padding: Size = 0
) -> tuple[Tensor, Cache]:
    """A convolution layer: cross-correlation with C_out kernels, summed over input channels.

    y[n, o, h, w'] = b[o] + sum_cij w[o, c, i, j] x_padded[n, c, h stride_h + i, w' stride_w + j],
    that is Y = im2col(x) @ w.reshape(C_out, -1).T + b (Chellapilla, Puri and Simard 2006).

    Args:
        x: images (N, C, H, W).
        w: kernels (C_out, C, KH, KW).
        b: biases (C_out,).
        stride: distance between windows, int or (height, width).
        padding: zeros added on each side, int or (height, width).

    Returns:
        The output (N, C_out, H_out, W_out), and the cache for `conv2d_backward` and
        `conv2d_backward_naive`.

    Raises:
        ValueError: wrong rank, channels that differ, or a kernel larger than the padded input.
    """
    _check_rank(x, "x", "N, C, H, W")
    _check_rank(w, "w", "C_out, C, KH, KW")
    stride = _pair(stride, "stride", minimum=1)
    padding = _pair(padding, "padding", minimum=0)
    n, c, height, width = x.shape
    c_out, c_w, kh, kw = w.shape
    if c_w != c:
        raise ValueError(f"w must have the {c} input channels of x; got {tuple(w.shape)}")
    if b.shape != (c_out,):
        raise ValueError(f"b must have shape (C_out,) = ({c_out},); got {tuple(b.shape)}")
    _check_fits((height, width), (kh, kw), padding)
    # TODO: apply all kernels to all windows; keep what the two backward passes need.
    raise NotImplementedError("conv2d_forward is not written yet")


# %% [markdown]
# ## 5.6 Its gradient, with matrices
#
# Let $\bar Y$ of shape $(N H_\text{out} W_\text{out}, C_\text{out})$ be `dout` with the axes moved
# back to $(n, h, w, o)$. Change $M$, $b$ and cols by a little in $Y = \text{cols}\,M + b$; the loss
# changes by
#
# $$\delta L = \langle \bar Y,\; \text{cols}\;\delta M + \delta b + \delta\text{cols}\;M \rangle
# = \langle \text{cols}^\top \bar Y,\, \delta M\rangle +
# \langle \textstyle\sum_r \bar Y_{r,:},\, \delta b\rangle +
# \langle \bar Y M^\top,\, \delta\text{cols}\rangle .$$
#
# Read off the gradients, and send the last one through the adjoint of section 5.4:
#
# $$\bar M = \text{cols}^\top \bar Y \;\; (C K_H K_W,\, C_\text{out}), \qquad
# \bar b = \sum_{r} \bar Y_{r,:} \;\; (C_\text{out},), \qquad
# \bar x = \text{col2im}(\bar Y M^\top) \;\; (N, C, H, W).$$
#
# $w$ was reshaped and transposed to make $M$, so $\bar M$ is transposed and reshaped to make
# $\bar w$.
#
# **Example.** Image and kernel of section 5.2, $b = 1$,
# $\bar y = \begin{pmatrix} 1&0\\0&2 \end{pmatrix}$. Only the first and the last window count: $\bar
# w = 1\cdot\begin{pmatrix} 0&1\\3&4 \end{pmatrix} + 2\cdot\begin{pmatrix} 4&5\\7&8 \end{pmatrix} =
# \begin{pmatrix} 8&11\\17&20 \end{pmatrix}$, $\bar b = 3$, and each window gets its own copy of the
# kernel back,
# $$\bar x = \begin{pmatrix} 0&1&0\\ 2&3+0&2\\ 0&4&6 \end{pmatrix}.$$
#
# **What usually goes wrong.** Means where sums belong: the division by $N$ is in the loss, so it is
# in `dout` already. A bias gradient of the last sample only. `dout.reshape(-1, C_out)` without
# moving the axes first.


# %%
def conv2d_backward(dout: Tensor, cache: Cache) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of `conv2d_forward` by matrix products.

    dM = cols^T dY, db = sum of the rows of dY, dx = col2im(dY M^T), with M = w.reshape(C_out, -1).T
    and dY the upstream gradient as a matrix (N * H_out * W_out, C_out).

    Args:
        dout: upstream gradient (N, C_out, H_out, W_out).
        cache: what `conv2d_forward` returned.

    Returns:
        dx (N, C, H, W), dw (C_out, C, KH, KW), db (C_out,).

    Raises:
        ValueError: wrong rank.
    """
    _check_rank(dout, "dout", "N, C_out, H_out, W_out")
    # TODO: the gradients of an affine map of the windows, and of the images behind the windows.
    raise NotImplementedError("conv2d_backward is not written yet")


# %% [markdown]
# ## 5.7 Its gradient, as textbooks draw it
#
# The same three gradients without matrices. Spread `dout` out to where its windows started: with
# stride 1 there would be $H + 2p_H - K_H + 1$ by $W + 2p_W - K_W + 1$ windows; put the real ones
# where they belong and zeros elsewhere,
#
# $$g_{n,o,\,h s_H,\,w s_W} = \bar y_{n,o,h,w}, \quad\text{all others } 0, \qquad
# g \text{ of shape } (N,\, C_\text{out},\, H + 2p_H - K_H + 1,\, W + 2p_W - K_W + 1).$$
#
# That is $s - 1$ zeros between neighbours, and $(H + 2p_H - K_H) \bmod s_H$ more at the end where
# the stride does not tile. Now the stride is gone: $y$ is every $s$-th pixel of a stride-1
# convolution, whose upstream gradient is $g$.
#
# *Images.* The pixel $\tilde x_{n,c,a,b}$ meets the weight $w_{o,c,i,j}$ in the window that starts
# at $(a - i, b - j)$, so
#
# $$\bar{\tilde x}_{n,c,a,b} = \sum_{o,i,j} w_{o,c,i,j}\; g_{n,o,\,a-i,\,b-j},$$
#
# with $g = 0$ outside. The minus signs make it a true **convolution**: pad $g$ with $K_H - 1$ and
# $K_W - 1$ zeros on each side and cross-correlate with the rotated kernels, summing over *output*
# channels. It has the size of $\tilde x$; crop $p$ on each side to get $\bar x$. [DV, chapter 4]
#
# *Kernels.* The weight $w_{o,c,i,j}$ meets $\tilde x_{n,c,\,h+i,\,w+j}$ in the window at $(h, w)$:
#
# $$\bar w_{o,c,i,j} = \sum_{n,h,w} g_{n,o,h,w}\; \tilde x_{n,c,\,h+i,\,w+j},$$
#
# a cross-correlation of the padded image with $g$ as kernel, summed over samples. And
# $\bar b_o = \sum_{n,h,w} \bar y_{n,o,h,w}$.
#
# **Example.** One row of pixels, $x = (1, 2, 3, 4, 5, 6)$, $w = (1, 10, 100)$, stride 2, no
# padding: $y = (321, 543)$. With $\bar y = (1, 2)$: $g = (1, 0, 2, 0)$, whose last zero is the
# $(6 - 3) \bmod 2 = 1$ more. Padded: $(0, 0, 1, 0, 2, 0, 0, 0)$; cross-correlated with
# $(100, 10, 1)$: $\bar x = (1, 10, 102, 20, 200, 0)$. No window saw the 6. $\bar w = (1\cdot1 +
# 2\cdot3,\; 1\cdot2 + 2\cdot4,\; 1\cdot3 + 2\cdot5) = (7, 10, 13)$, $\bar b = 3$.
#
# **What usually goes wrong.** The kernel is not rotated (symmetric kernels hide it); the zeros at
# the end are missing, so that $\bar x$ is too small (a stride that tiles hides it); a
# crop of 1 instead of $p$.


# %%
def conv2d_backward_naive(dout: Tensor, cache: Cache) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of `conv2d_forward` as convolutions: same cache and results as `conv2d_backward`.

    With g = dout spread by the stride (zeros between, and at the end where the stride does not
    tile): dx = cross-correlation of g, padded by K - 1, with the rotated kernels, cropped by the
    padding; dw = cross-correlation of the padded images with g; db = sum of dout.
    Source: Dumoulin and Visin (arXiv:1603.07285), chapter 4.

    Args:
        dout: upstream gradient (N, C_out, H_out, W_out).
        cache: what `conv2d_forward` returned.

    Returns:
        dx (N, C, H, W), dw (C_out, C, KH, KW), db (C_out,).

    Raises:
        ValueError: wrong rank.
    """
    _check_rank(dout, "dout", "N, C_out, H_out, W_out")
    # TODO: the same gradients as convolutions with the spread dout; no matrix of windows.
    raise NotImplementedError("conv2d_backward_naive is not written yet")


# %% [markdown]
# ## 5.8 Kernels of one pixel
#
# With $K_H = K_W = 1$ the sum over $i, j$ disappears,
#
# $$y_{n,o,h,w} = b_o + \sum_c w_{o,c}\; x_{n,c,h,w},
# \qquad w \text{ of shape } (C_\text{out}, C_\text{in}):$$
#
# the layer is the linear layer of unit 3, applied to the channels of each pixel by itself. No
# windows are needed: move the channels last, multiply, move them back. [NiN]
#
# **Example.** Two channels $\begin{pmatrix} 1&2 \end{pmatrix}$ and
# $\begin{pmatrix} 3&4 \end{pmatrix}$ (one row of two pixels),
# $w = \begin{pmatrix} 1&10 \end{pmatrix}$, $b = 5$: $y = (1 + 30 + 5,\; 2 + 40 + 5) = (36, 47)$.
#
# **What usually goes wrong.** `x.reshape(-1, C)` without moving the channels last takes
# neighbouring pixels for channels. Convolution weights are (out, in), those of linear layers in
# this course (in, out).
#
# The cache holds what a backward would need; there is none to write, since it would be
# `linear_backward` of unit 3 over again. Nothing looks into it.


# %%
def conv1x1_forward(x: Tensor, w: Tensor, b: Tensor) -> tuple[Tensor, Cache]:
    """A convolution with 1x1 kernels: a linear layer over the channels of every pixel.

    y[n, o, h, w'] = b[o] + sum_c w[o, c] x[n, c, h, w'] (Lin, Chen and Yan, arXiv:1312.4400).

    Args:
        x: images (N, C_in, H, W).
        w: weights (C_out, C_in).
        b: biases (C_out,).

    Returns:
        The output (N, C_out, H, W), and a cache.

    Raises:
        ValueError: wrong rank, or channels that differ.
    """
    _check_rank(x, "x", "N, C_in, H, W")
    _check_rank(w, "w", "C_out, C_in")
    if w.shape[1] != x.shape[1]:
        raise ValueError(
            f"w must have shape (C_out, C_in) with C_in = {x.shape[1]}; got {tuple(w.shape)}"
        )
    if b.shape != (w.shape[0],):
        raise ValueError(f"b must have shape (C_out,) = ({w.shape[0]},); got {tuple(b.shape)}")
    # TODO: the linear layer of unit 3, with channels in the place of features.
    raise NotImplementedError("conv1x1_forward is not written yet")


# %% [markdown]
# ## 5.9 Max pooling
#
# Keep the largest value of each window, channel by channel:
#
# $$y_{n,c,h,w} = \max_{i,j}\; \tilde x_{n,c,\,h s_H + i,\,w s_W + j},
# \qquad \text{shape } (N, C, H_\text{out}, W_\text{out}).$$
#
# The stride defaults to the kernel, so that windows lie side by side. Here the padding is
# $-\infty$, not 0: it must never win, not even where all values are negative. At most half a kernel
# of padding is allowed, so each window contains a real pixel. [DV, chapter 3]
#
# Channels do not mix, so a batch of $N$ images with $C$ channels is a batch of $N C$ images with
# one channel; then each row of `im2col` is one window of one channel, and the maximum is taken
# along the rows.
#
# **Example.** $\begin{pmatrix} 1&3&2&2\\ 0&3&1&2 \end{pmatrix}$ with a $2\times2$ kernel:
# $y = (3, 2)$.
#
# **What usually goes wrong.** Zero padding (test with an image of $-1$); the stride default; the
# kernel's height used for its width; dividing the image into tiles with a `reshape`, which cannot
# do overlapping windows.


# %%
def max_pool2d_forward(
    x: Tensor, *, kernel_size: Size, stride: Size | None = None, padding: Size = 0
) -> tuple[Tensor, Cache]:
    """The largest value in each window of each channel; padding never wins.

    y[n, c, h, w] = max_ij x_padded[n, c, h stride_h + i, w stride_w + j], padded with -inf.

    Args:
        x: images (N, C, H, W).
        kernel_size: size of the windows, int or (KH, KW).
        stride: distance between windows, int or (height, width); None means `kernel_size`.
        padding: added on each side, int or (height, width), at most half of the kernel.

    Returns:
        The output (N, C, H_out, W_out), and the cache for `max_pool2d_backward`.

    Raises:
        ValueError: wrong rank, too much padding, or a kernel larger than the padded input.
    """
    _check_rank(x, "x", "N, C, H, W")
    kernel = _pair(kernel_size, "kernel_size", minimum=1)
    stride = kernel if stride is None else _pair(stride, "stride", minimum=1)
    padding = _pair(padding, "padding", minimum=0)
    n, c, h, w = x.shape
    _check_pooling(kernel, padding)
    _check_fits((h, w), kernel, padding)
    # TODO: the largest pixel of every window, each channel by itself.
    raise NotImplementedError("max_pool2d_forward is not written yet")


# %% [markdown]
# ## 5.10 Where the maximum came from
#
# Away from ties, a small change of the largest pixel changes the maximum by as much, and a small
# change of any other does not change it at all. So the gradient of a window goes to the place of
# its maximum:
#
# $$\bar{\tilde x}_{n,c,a,b} = \sum_{h,w}\; \bar y_{n,c,h,w}\;
# \big[\,(a, b) = \text{place of the maximum of window } (h, w)\,\big].$$
#
# A pixel can be the maximum of several overlapping windows, and then gets the sum. Where several
# pixels of a window share the maximum (common: zeros after a ReLU), there is no derivative, and a
# convention decides: the **first in row-major order** gets everything, as in PyTorch. So the
# gradients that leave sum to those that arrived.
#
# **Example.** $\begin{pmatrix} 1&3&2&2\\ 0&3&1&2 \end{pmatrix}$ with a $2\times2$ kernel and
# $\bar y = (5, 7)$: $\bar x = \begin{pmatrix} 0&5&7&0\\ 0&0&0&0 \end{pmatrix}$. Both windows have
# ties.
#
# **What usually goes wrong.** `x == max` gives the gradient to *all* tied pixels. Assigning instead
# of adding, where windows overlap. Forgetting that positions found in the padded image are shifted
# by $p$.


# %%
def max_pool2d_backward(dout: Tensor, cache: Cache) -> Tensor:
    """Gradient of `max_pool2d_forward`: to the first maximum, in row-major order, of each window.

    dx[n, c, a, b] = sum of dout[n, c, h, w] over the windows (h, w) whose maximum is at (a, b).

    Args:
        dout: upstream gradient (N, C, H_out, W_out).
        cache: what `max_pool2d_forward` returned.

    Returns:
        dx (N, C, H, W).

    Raises:
        ValueError: wrong rank.
    """
    _check_rank(dout, "dout", "N, C, H_out, W_out")
    # TODO: send every upstream gradient to the first maximum of its window.
    raise NotImplementedError("max_pool2d_backward is not written yet")


# %% [markdown]
# ## 5.11 Average pooling
#
# The mean of each window, channel by channel:
#
# $$y_{n,c,h,w} = \frac{1}{K_H K_W} \sum_{i,j} \tilde x_{n,c,\,h s_H + i,\,w s_W + j}, \qquad
# \text{shape } (N, C, H_\text{out}, W_\text{out}).$$
#
# The padding is 0 and it is **counted**: the divisor is $K_H K_W$ for every window, also at the
# border (PyTorch's default, `count_include_pad=True`). Stride and largest padding are as in max
# pooling.
#
# **Example.** $\begin{pmatrix} 1&3&2&2\\ 0&3&1&2 \end{pmatrix}$ with a $2\times2$ kernel:
# $y = (7/4,\; 7/4)$. The image $(4)$ with a $2\times2$ kernel and padding 1, stride 1: four
# windows, each with one pixel: all $4/4 = 1$.
#
# **What usually goes wrong.** Dividing by $K_H^2$; dividing by the number of real pixels at the
# border.


# %%
def avg_pool2d_forward(
    x: Tensor, *, kernel_size: Size, stride: Size | None = None, padding: Size = 0
) -> tuple[Tensor, Cache]:
    """The mean of each window of each channel; padding zeros are counted.

    y[n, c, h, w] = 1 / (KH KW) sum_ij x_padded[n, c, h stride_h + i, w stride_w + j].

    Args:
        x: images (N, C, H, W).
        kernel_size: size of the windows, int or (KH, KW).
        stride: distance between windows, int or (height, width); None means `kernel_size`.
        padding: zeros added on each side, int or (height, width), at most half of the kernel.

    Returns:
        The output (N, C, H_out, W_out), and the cache for `avg_pool2d_backward`.

    Raises:
        ValueError: wrong rank, too much padding, or a kernel larger than the padded input.
    """
    _check_rank(x, "x", "N, C, H, W")
    kernel = _pair(kernel_size, "kernel_size", minimum=1)
    stride = kernel if stride is None else _pair(stride, "stride", minimum=1)
    padding = _pair(padding, "padding", minimum=0)
    n, c, h, w = x.shape
    _check_pooling(kernel, padding)
    _check_fits((h, w), kernel, padding)
    # TODO: the mean of every window, each channel by itself.
    raise NotImplementedError("avg_pool2d_forward is not written yet")


# %% [markdown]
# ## 5.12 Its gradient
#
# Every pixel of a window has the same share in the mean, so it gets the same share of the gradient,
# from every window that it is in:
#
# $$\bar{\tilde x}_{n,c,a,b} = \frac{1}{K_H K_W}
# \sum_{(h,w)\,\text{with}\,(a,b)\,\text{inside}} \bar y_{n,c,h,w}.$$
#
# The shares of the padding are cut off, and lost.
#
# **Example.** The image $(4)$ above, $\bar y = \begin{pmatrix} 1&2\\3&4 \end{pmatrix}$:
# $\bar x = (1 + 2 + 3 + 4)/4 = 2.5$.
#
# **What usually goes wrong.** `dout /= ...` changes the caller's tensor. Overlapping windows that
# are assigned, not added.


# %%
def avg_pool2d_backward(dout: Tensor, cache: Cache) -> Tensor:
    """Gradient of `avg_pool2d_forward`: an equal share to every pixel of each window.

    dx[n, c, a, b] = 1 / (KH KW) * sum of dout[n, c, h, w] over the windows that contain (a, b).

    Args:
        dout: upstream gradient (N, C, H_out, W_out).
        cache: what `avg_pool2d_forward` returned.

    Returns:
        dx (N, C, H, W).

    Raises:
        ValueError: wrong rank.
    """
    _check_rank(dout, "dout", "N, C, H_out, W_out")
    # TODO: give every pixel of a window its share of the upstream gradient.
    raise NotImplementedError("avg_pool2d_backward is not written yet")


# %% [markdown] question="why_1x1" points=5
# ## 5.13 What is a 1x1 convolution for?
#
# **Question.** A kernel of one pixel looks at no neighbours, and yet most modern architectures are
# full of 1x1 convolutions. Explain what they are good for. Say what happens to the shape of an
# image, what each output value depends on, what changes when an activation follows, and how such a
# layer relates to a dense (fully connected) one. Support the claim about cost with numbers: an
# image of 192 channels and 28 x 28 pixels goes through a 5x5 convolution to 32 channels (padding
# 2), once directly and once through a 1x1 convolution to 16 channels first. Count weights, without
# biases, and multiplications. (Half a page.)

# %% [markdown] answer="why_1x1"
# *Write your answer here.*
