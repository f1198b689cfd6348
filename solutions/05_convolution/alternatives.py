"""Other correct implementations of this unit: nobody may lose a point for being different.

Functions with the same title form one implementation; what it does not replace is the reference's.
"""

from __future__ import annotations

import functools
import itertools
import math

import torch
from convolution import (
    _check_fits,
    _check_pooling,
    _check_rank,
    _pad,
    _pair,
    cross_correlate2d,
    im2col,
    output_size,
)

from autograder.testing import alternative


def _window_sizes(kernel_size, stride, padding):
    """Three pairs (height, width); stride None means the kernel."""
    kernel = _pair(kernel_size, "kernel_size", minimum=1)
    stride = kernel if stride is None else _pair(stride, "stride", minimum=1)
    return kernel, stride, _pair(padding, "padding", minimum=0)


def _counts(image_size, kernel, stride, padding):
    """(H_out, W_out) for (H, W)."""
    h, w = (
        (n + 2 * p - k) // s + 1
        for n, k, s, p in zip(image_size, kernel, stride, padding, strict=True)
    )
    return h, w


def _cropped(padded, image_size, padding):
    """The image inside its padding."""
    (h, w), (ph, pw) = image_size, padding
    return padded[:, :, ph : ph + h, pw : pw + w]


# What the stub gives: the validation of the arguments -----------------------------------------


def _given(check):
    """An implementation that begins with the validation of the stub."""

    def decorate(function):
        @functools.wraps(function)
        def validated(*args, **kwargs):
            check(*args, **kwargs)
            return function(*args, **kwargs)

        return validated

    return decorate


def _require_count(n, *, kernel, padding=0, stride=1):
    for name, value in (("n", n), ("kernel", kernel), ("stride", stride), ("padding", padding + 1)):
        if value < 1:
            raise ValueError(f"{name} is too small")
    if kernel > n + 2 * padding:
        raise ValueError(f"kernel must be at most n + 2 padding, got {kernel}")


def _require_image(x, k):
    _check_rank(x, "x", "H, W")
    _check_rank(k, "k", "KH, KW")
    _check_fits(tuple(x.shape), tuple(k.shape))


def _require_windows(x, *, kernel_size, stride=1, padding=0):
    _check_rank(x, "x", "N, C, H, W")
    kernel, _, padding = _window_sizes(kernel_size, stride, padding)
    _check_fits(tuple(x.shape[2:]), kernel, padding)


def _require_columns(cols, *, x_shape, kernel_size, stride=1, padding=0):
    _check_rank(cols, "cols", "N * H_out * W_out, C * KH * KW")
    kernel, _, padding = _window_sizes(kernel_size, stride, padding)
    if len(x_shape) != 4:
        raise ValueError(f"x_shape must be (N, C, H, W); got {tuple(x_shape)}")
    n, c, h, w = x_shape
    _check_fits((h, w), kernel, padding)
    if cols.shape[1] != c * math.prod(kernel) or len(cols) % n != 0:
        raise ValueError(f"cols does not fit to the sizes; got {tuple(cols.shape)}")


def _require_convolution(x, w, b, *, stride=1, padding=0):
    _check_rank(w, "w", "C_out, C, KH, KW")
    _require_windows(x, kernel_size=tuple(w.shape[2:]), stride=stride, padding=padding)
    if w.shape[1] != x.shape[1]:
        raise ValueError(f"w must have the input channels of x; got {tuple(w.shape)}")
    if b.shape != w.shape[:1]:
        raise ValueError(f"b must have shape (C_out,); got {tuple(b.shape)}")


def _require_mixing(x, w, b):
    _check_rank(w, "w", "C_out, C_in")
    _require_convolution(x, w[:, :, None, None], b)


def _require_pooling(x, *, kernel_size, stride=None, padding=0):
    kernel, stride, padding = _window_sizes(kernel_size, stride, padding)
    _check_pooling(kernel, padding)
    _require_windows(x, kernel_size=kernel, stride=stride, padding=padding)


def _require_upstream(dout, cache):
    _check_rank(dout, "dout", "N, C_out, H_out, W_out")


# Loops over windows ---------------------------------------------------------------------------
#
# The definitions, one window at a time; caches are dicts and hold no columns.


@alternative("loops over windows", replaces="output_size", exempt={"speed"})
@_given(_require_count)
def loops_output_size(n, *, kernel, padding=0, stride=1):
    count, first = 0, 0
    while first + kernel <= n + 2 * padding:
        count, first = count + 1, first + stride
    return count


@alternative("loops over windows", replaces="cross_correlate2d", exempt={"speed"})
@_given(_require_image)
def loops_cross_correlate2d(x, k):
    kh, kw = k.shape
    rows = [
        torch.stack([(k * x[i : i + kh, j : j + kw]).sum() for j in range(x.shape[1] - kw + 1)])
        for i in range(x.shape[0] - kh + 1)
    ]
    return torch.stack(rows)


@alternative("loops over windows", replaces="convolve2d", exempt={"speed"})
@_given(_require_image)
def loops_convolve2d(x, k):
    kh, kw = k.shape
    out = torch.empty_like(x[kh - 1 :, kw - 1 :], memory_format=torch.contiguous_format)
    for h in range(out.shape[0]):
        for w in range(out.shape[1]):
            out[h, w] = sum(
                k[i, j] * x[h + kh - 1 - i, w + kw - 1 - j] for i in range(kh) for j in range(kw)
            )
    return out


@alternative("loops over windows", replaces="im2col", exempt={"speed"})
@_given(_require_windows)
def loops_im2col(x, *, kernel_size, stride=1, padding=0):
    (kh, kw), (sh, sw), padding = _window_sizes(kernel_size, stride, padding)
    padded = _pad(x, padding)
    rows = []
    for image in padded:
        for top in range(0, padded.shape[2] - kh + 1, sh):
            for left in range(0, padded.shape[3] - kw + 1, sw):
                rows.append(image[:, top : top + kh, left : left + kw].reshape(-1))
    return torch.stack(rows)


@alternative("loops over windows", replaces="col2im", exempt={"speed"})
@_given(_require_columns)
def loops_col2im(cols, *, x_shape, kernel_size, stride=1, padding=0):
    (kh, kw), (sh, sw), padding = _window_sizes(kernel_size, stride, padding)
    n, c, h, w = x_shape
    padded = cols.new_zeros(n, c, h + 2 * padding[0], w + 2 * padding[1])
    rows = iter(cols)
    for image in padded:
        for top in range(0, padded.shape[2] - kh + 1, sh):
            for left in range(0, padded.shape[3] - kw + 1, sw):
                image[:, top : top + kh, left : left + kw] += next(rows).reshape(c, kh, kw)
    return _cropped(padded, (h, w), padding)


@alternative("loops over windows", replaces="conv2d_forward", exempt={"speed"})
@_given(_require_convolution)
def loops_conv2d_forward(x, w, b, *, stride=1, padding=0):
    kernel, stride, padding = _window_sizes(tuple(w.shape[2:]), stride, padding)
    padded = _pad(x, padding)
    h_out, w_out = _counts(x.shape[2:], kernel, stride, padding)
    out = x.new_empty(len(x), len(w), h_out, w_out)
    for h in range(h_out):
        for v in range(w_out):
            window = _window(padded, h, v, kernel, stride)
            for o in range(len(w)):
                out[:, o, h, v] = (w[o] * window).sum(dim=(1, 2, 3)) + b[o]
    return out, {"x": x, "w": w, "stride": stride, "padding": padding}


def _window(padded, h, v, kernel, stride):
    """A view of window (h, v) of all samples and channels."""
    top, left = h * stride[0], v * stride[1]
    return padded[:, :, top : top + kernel[0], left : left + kernel[1]]


@alternative("loops over windows", replaces="conv2d_backward", exempt={"speed"})
@_given(_require_upstream)
def loops_conv2d_backward(dout, cache):
    x, w, stride, padding = cache["x"], cache["w"], cache["stride"], cache["padding"]
    padded = _pad(x, padding)
    dpadded, dw, db = torch.zeros_like(padded), torch.zeros_like(w), torch.zeros_like(w[:, 0, 0, 0])
    kernel = tuple(w.shape[2:])
    for n, o, h, v in itertools.product(*map(range, dout.shape)):
        upstream = dout[n, o, h, v]
        _window(dpadded, h, v, kernel, stride)[n] += upstream * w[o]
        dw[o] += upstream * _window(padded, h, v, kernel, stride)[n]
        db[o] += upstream
    return _cropped(dpadded, x.shape[2:], padding), dw, db


@alternative("loops over windows", replaces="conv2d_backward_naive", exempt={"speed"})
@_given(_require_upstream)
def loops_conv2d_backward_naive(dout, cache):
    x, w, stride, padding = cache["x"], cache["w"], cache["stride"], cache["padding"]
    (n, c, _, _), (c_out, _, kh, kw) = x.shape, w.shape
    padded = _pad(x, padding)
    spread = dout.new_zeros(*dout.shape[:2], padded.shape[2] - kh + 1, padded.shape[3] - kw + 1)
    spread[:, :, :: stride[0], :: stride[1]] = dout
    bordered = _pad(spread, (kh - 1, kw - 1))
    dpadded, dw = torch.zeros_like(padded), torch.zeros_like(w)
    for sample in range(n):
        for o in range(c_out):
            for channel in range(c):
                rotated = w[o, channel].rot90(2)
                dpadded[sample, channel] += cross_correlate2d(bordered[sample, o], rotated)
                dw[o, channel] += cross_correlate2d(padded[sample, channel], spread[sample, o])
    return _cropped(dpadded, x.shape[2:], padding), dw, dout.sum(dim=3).sum(dim=2).sum(dim=0)


@alternative("loops over windows", replaces="conv1x1_forward", exempt={"speed"})
@_given(_require_mixing)
def loops_conv1x1_forward(x, w, b):
    channels = []
    for weights, bias in zip(w, b, strict=True):
        total = torch.zeros_like(x[:, 0]) + bias
        for channel, weight in enumerate(weights):
            total = total + weight * x[:, channel]
        channels.append(total)
    return torch.stack(channels, dim=1), None


@alternative("loops over windows", replaces="max_pool2d_forward", exempt={"speed"})
@_given(_require_pooling)
def loops_max_pool2d_forward(x, *, kernel_size, stride=None, padding=0):
    kernel, stride, padding = _window_sizes(kernel_size, stride, padding)
    padded = _pad(x, padding, -math.inf)
    h_out, w_out = _counts(x.shape[2:], kernel, stride, padding)
    out = x.new_empty(*x.shape[:2], h_out, w_out)
    for h in range(h_out):
        for v in range(w_out):
            out[:, :, h, v] = _window(padded, h, v, kernel, stride).amax(dim=(2, 3))
    return out, {"x": x, "kernel": kernel, "stride": stride, "padding": padding}


@alternative("loops over windows", replaces="max_pool2d_backward", exempt={"speed"})
@_given(_require_upstream)
def loops_max_pool2d_backward(dout, cache):
    x, kernel, stride, padding = (cache[name] for name in ("x", "kernel", "stride", "padding"))
    padded = _pad(x, padding, -math.inf)
    dpadded = torch.zeros_like(padded)
    for n, c, h, v in itertools.product(*map(range, dout.shape)):
        window = _window(padded, h, v, kernel, stride)[n, c]
        best = window[0, 0]
        row = column = 0
        for i in range(kernel[0]):
            for j in range(kernel[1]):
                if window[i, j] > best:
                    best, row, column = window[i, j], i, j
        dpadded[n, c, h * stride[0] + row, v * stride[1] + column] += dout[n, c, h, v]
    return _cropped(dpadded, x.shape[2:], padding)


@alternative("loops over windows", replaces="avg_pool2d_forward", exempt={"speed"})
@_given(_require_pooling)
def loops_avg_pool2d_forward(x, *, kernel_size, stride=None, padding=0):
    kernel, stride, padding = _window_sizes(kernel_size, stride, padding)
    padded = _pad(x, padding)
    h_out, w_out = _counts(x.shape[2:], kernel, stride, padding)
    out = x.new_empty(*x.shape[:2], h_out, w_out)
    for h in range(h_out):
        for v in range(w_out):
            out[:, :, h, v] = _window(padded, h, v, kernel, stride).mean(dim=(2, 3))
    return out, [x.shape, kernel, stride, padding]


@alternative("loops over windows", replaces="avg_pool2d_backward", exempt={"speed"})
@_given(_require_upstream)
def loops_avg_pool2d_backward(dout, cache):
    (n, c, h, w), kernel, stride, padding = cache
    dpadded = dout.new_zeros(n, c, h + 2 * padding[0], w + 2 * padding[1])
    share = dout / (kernel[0] * kernel[1])
    for row in range(dout.shape[2]):
        for column in range(dout.shape[3]):
            pixels = _window(dpadded, row, column, kernel, stride)
            pixels += share[:, :, row, column, None, None]
    return _cropped(dpadded, (h, w), padding)


# A strided view and einsum --------------------------------------------------------------------
#
# Windows are a view of the padded image with six axes; nothing is copied, sums are einsum's.


def _view(x, kernel, stride, padding, value=0.0):
    """Windows (N, C, H_out, W_out, KH, KW) as a view of the padded image."""
    padded = _pad(x, padding, value)
    n, c, h, w = padded.stride()
    counts = _counts(x.shape[2:], kernel, stride, padding)
    return padded.as_strided(
        (*x.shape[:2], *counts, *kernel), (n, c, h * stride[0], w * stride[1], h, w)
    )


def _add_back(dwindows, image_size, stride, padding):
    """The adjoint of `_view`."""
    n, c, h_out, w_out, kh, kw = dwindows.shape
    (h, w), (sh, sw), (ph, pw) = image_size, stride, padding
    padded = dwindows.new_zeros(n, c, h + 2 * ph, w + 2 * pw)
    for i in range(kh):
        for j in range(kw):
            place = padded[:, :, i : i + sh * h_out : sh, j : j + sw * w_out : sw]
            place += dwindows[..., i, j]
    return _cropped(padded, image_size, padding)


@alternative("a strided view and einsum", replaces="cross_correlate2d")
@_given(_require_image)
def view_cross_correlate2d(x, k):
    windows = _view(x[None, None], tuple(k.shape), (1, 1), (0, 0))
    return torch.einsum("nchwij,ij->hw", windows, k)


@alternative("a strided view and einsum", replaces="convolve2d")
@_given(_require_image)
def view_convolve2d(x, k):
    windows = _view(x[None, None], tuple(k.shape), (1, 1), (0, 0))
    return (windows[0, 0] * k.rot90(2)).sum(dim=(2, 3))


@alternative("a strided view and einsum", replaces="im2col")
@_given(_require_windows)
def view_im2col(x, *, kernel_size, stride=1, padding=0):
    windows = _view(x, *_window_sizes(kernel_size, stride, padding))
    n, c, h_out, w_out, kh, kw = windows.shape
    return windows.permute(0, 2, 3, 1, 4, 5).reshape(n * h_out * w_out, c * kh * kw)


@alternative("a strided view and einsum", replaces="col2im")
@_given(_require_columns)
def view_col2im(cols, *, x_shape, kernel_size, stride=1, padding=0):
    kernel, stride, padding = _window_sizes(kernel_size, stride, padding)
    n, c, h, w = x_shape
    counts = _counts((h, w), kernel, stride, padding)
    windows = cols.reshape(n, *counts, c, *kernel).permute(0, 3, 1, 2, 4, 5)
    return _add_back(windows, (h, w), stride, padding)


@alternative("a strided view and einsum", replaces="conv2d_forward")
@_given(_require_convolution)
def view_conv2d_forward(x, w, b, *, stride=1, padding=0):
    kernel, stride, padding = _window_sizes(tuple(w.shape[2:]), stride, padding)
    windows = _view(x, kernel, stride, padding)
    out = torch.einsum("nchvij,ocij->nohv", windows, w) + b[:, None, None]
    return out, (windows, x.shape, w, stride, padding)


@alternative("a strided view and einsum", replaces="conv2d_backward")
@_given(_require_upstream)
def view_conv2d_backward(dout, cache):
    windows, x_shape, w, stride, padding = cache
    dw = torch.einsum("nohv,nchvij->ocij", dout, windows)
    dwindows = torch.einsum("nohv,ocij->nchvij", dout, w)
    return _add_back(dwindows, x_shape[2:], stride, padding), dw, dout.sum((0, 2, 3))


@alternative("a strided view and einsum", replaces="conv2d_backward_naive")
@_given(_require_upstream)
def view_conv2d_backward_naive(dout, cache):
    windows, x_shape, w, (sh, sw), (ph, pw) = cache
    kh, kw = w.shape[2:]
    spread = dout.new_zeros(
        *dout.shape[:2], x_shape[2] + 2 * ph + kh - 1, x_shape[3] + 2 * pw + kw - 1
    )
    h_out, w_out = dout.shape[2:]
    spread[:, :, kh - 1 : kh - 1 + sh * h_out : sh, kw - 1 : kw - 1 + sw * w_out : sw] = dout
    around = _view(spread, (kh, kw), (1, 1), (0, 0))
    dpadded = torch.einsum("nohvij,ocij->nchv", around, w.flip((2, 3)))
    dw = torch.einsum("nohv,nchvij->ocij", dout, windows)
    return _cropped(dpadded, x_shape[2:], (ph, pw)), dw, torch.einsum("nohv->o", dout)


@alternative("a strided view and einsum", replaces="conv1x1_forward")
@_given(_require_mixing)
def view_conv1x1_forward(x, w, b):
    return torch.einsum("nchv,oc->nohv", x, w) + b[None, :, None, None], {}


@alternative("a strided view and einsum", replaces="max_pool2d_forward")
@_given(_require_pooling)
def view_max_pool2d_forward(x, *, kernel_size, stride=None, padding=0):
    kernel, stride, padding = _window_sizes(kernel_size, stride, padding)
    out, places = _view(x, kernel, stride, padding, -math.inf).flatten(4).max(dim=4)
    return out, (places, x.shape, kernel, stride, padding)


@alternative("a strided view and einsum", replaces="max_pool2d_backward")
@_given(_require_upstream)
def view_max_pool2d_backward(dout, cache):
    places, x_shape, kernel, stride, padding = cache
    offsets = torch.arange(kernel[0] * kernel[1], device=dout.device)
    dwindows = dout[..., None] * (places[..., None] == offsets)
    return _add_back(dwindows.reshape(*dout.shape, *kernel), x_shape[2:], stride, padding)


@alternative("a strided view and einsum", replaces="avg_pool2d_forward")
@_given(_require_pooling)
def view_avg_pool2d_forward(x, *, kernel_size, stride=None, padding=0):
    kernel, stride, padding = _window_sizes(kernel_size, stride, padding)
    out = _view(x, kernel, stride, padding).mean(dim=(4, 5))
    return out, (x.shape[2:], kernel, stride, padding)


@alternative("a strided view and einsum", replaces="avg_pool2d_backward")
@_given(_require_upstream)
def view_avg_pool2d_backward(dout, cache):
    image_size, (kh, kw), stride, padding = cache
    dwindows = (dout / (kh * kw))[..., None, None].expand(*dout.shape, kh, kw)
    return _add_back(dwindows, image_size, stride, padding)


# Flat indices ---------------------------------------------------------------------------------
#
# Where each element of a window lies in the flattened padded image; gather one way, scatter back.


def _flat_index(image_size, kernel, stride, padding, device):
    """(H_out * W_out, KH * KW): positions in the flattened padded image of one channel."""
    h_out, w_out = _counts(image_size, kernel, stride, padding)
    row = stride[0] * torch.arange(h_out, device=device)[:, None]
    row = row + torch.arange(kernel[0], device=device)
    column = stride[1] * torch.arange(w_out, device=device)[:, None]
    column = column + torch.arange(kernel[1], device=device)
    flat = row[:, None, :, None] * (image_size[1] + 2 * padding[1]) + column[None, :, None, :]
    return flat.reshape(h_out * w_out, kernel[0] * kernel[1])


@alternative("flat indices", replaces="im2col")
@_given(_require_windows)
def indices_im2col(x, *, kernel_size, stride=1, padding=0):
    kernel, stride, padding = _window_sizes(kernel_size, stride, padding)
    index = _flat_index(x.shape[2:], kernel, stride, padding, x.device)
    windows = _pad(x, padding).flatten(2)[:, :, index]
    return windows.transpose(1, 2).flatten(0, 1).flatten(1)


@alternative("flat indices", replaces="col2im")
@_given(_require_columns)
def indices_col2im(cols, *, x_shape, kernel_size, stride=1, padding=0):
    kernel, stride, padding = _window_sizes(kernel_size, stride, padding)
    n, c, h, w = x_shape
    index = _flat_index((h, w), kernel, stride, padding, cols.device)
    windows = cols.reshape(n, len(index), c, -1).transpose(1, 2).reshape(n, c, -1)
    hp, wp = h + 2 * padding[0], w + 2 * padding[1]
    padded = cols.new_zeros(n, c, hp * wp).index_add(2, index.flatten(), windows)
    return _cropped(padded.reshape(n, c, hp, wp), (h, w), padding)


@alternative("flat indices", replaces="conv2d_forward")
@_given(_require_convolution)
def indices_conv2d_forward(x, w, b, *, stride=1, padding=0):
    kernel, stride, padding = _window_sizes(tuple(w.shape[2:]), stride, padding)
    index = _flat_index(x.shape[2:], kernel, stride, padding, x.device)
    # (N, C KH KW, H_out W_out): weights multiply from the left, one matrix product per sample.
    columns = _pad(x, padding).flatten(2)[:, :, index.T].flatten(1, 2)
    out = torch.matmul(w.flatten(1), columns) + b[:, None]
    out = out.unflatten(2, _counts(x.shape[2:], kernel, stride, padding))
    return out, {"columns": columns, "index": index, "shape": x.shape, "w": w, "padding": padding}


@alternative("flat indices", replaces="conv2d_backward")
@_given(_require_upstream)
def indices_conv2d_backward(dout, cache):
    w, (n, c, h, width), (ph, pw) = cache["w"], cache["shape"], cache["padding"]
    dy = dout.flatten(2)
    dw = torch.bmm(dy, cache["columns"].transpose(1, 2)).sum(0).reshape(w.shape)
    dcolumns = torch.matmul(w.flatten(1).T, dy).reshape(n, c, -1)
    place = cache["index"].T.flatten().expand(n, c, -1)
    hp, wp = h + 2 * ph, width + 2 * pw
    dpadded = dout.new_zeros(n, c, hp * wp).scatter_add(2, place, dcolumns)
    return _cropped(dpadded.reshape(n, c, hp, wp), (h, width), (ph, pw)), dw, dy.sum((0, 2))


@alternative("flat indices", replaces="conv2d_backward_naive")
@_given(_require_upstream)
def indices_conv2d_backward_naive(dout, cache):
    w, (n, c, h, width), padding = cache["w"], cache["shape"], cache["padding"]
    o, _, kh, kw = w.shape
    hp, wp = h + 2 * padding[0], width + 2 * padding[1]
    # Position 0 of every window is where its upstream gradient has to go.
    spread = dout.new_zeros(n, o, hp * wp)
    spread[:, :, cache["index"][:, 0]] = dout.flatten(2)
    bordered = _pad(spread.reshape(n, o, hp, wp), (kh - 1, kw - 1))[
        :, :, : hp + kh - 1, : wp + kw - 1
    ]
    around = _flat_index(bordered.shape[2:], (kh, kw), (1, 1), (0, 0), dout.device)
    rotated = w.flatten(2).flip(2).transpose(0, 1).flatten(1)
    dpadded = rotated @ bordered.flatten(2)[:, :, around.T].flatten(1, 2)
    dw = (dout.flatten(2) @ cache["columns"].mT).sum(dim=0).reshape_as(w)
    return _cropped(dpadded.reshape(n, c, hp, wp), (h, width), padding), dw, dout.sum((0, 2, 3))


@alternative("flat indices", replaces="max_pool2d_forward")
@_given(_require_pooling)
def indices_max_pool2d_forward(x, *, kernel_size, stride=None, padding=0):
    kernel, stride, padding = _window_sizes(kernel_size, stride, padding)
    index = _flat_index(x.shape[2:], kernel, stride, padding, x.device)
    windows = _pad(x, padding, -math.inf).flatten(2)[:, :, index]
    first = windows.argmax(dim=3, keepdim=True)
    out = windows.gather(3, first).reshape(
        *x.shape[:2], *_counts(x.shape[2:], kernel, stride, padding)
    )
    place = index.expand_as(windows).gather(3, first).squeeze(3)
    return out, (place, x.shape, padding)


@alternative("flat indices", replaces="max_pool2d_backward")
@_given(_require_upstream)
def indices_max_pool2d_backward(dout, cache):
    place, (n, c, h, w), padding = cache
    hp, wp = h + 2 * padding[0], w + 2 * padding[1]
    padded = dout.new_zeros(n, c, hp * wp).scatter_add(2, place, dout.flatten(2))
    return _cropped(padded.reshape(n, c, hp, wp), (h, w), padding)


@alternative("flat indices", replaces="avg_pool2d_forward")
@_given(_require_pooling)
def indices_avg_pool2d_forward(x, *, kernel_size, stride=None, padding=0):
    kernel, stride, padding = _window_sizes(kernel_size, stride, padding)
    index = _flat_index(x.shape[2:], kernel, stride, padding, x.device)
    out = _pad(x, padding).flatten(2)[:, :, index].mean(dim=3)
    counts = _counts(x.shape[2:], kernel, stride, padding)
    return out.reshape(*x.shape[:2], *counts), (index, x.shape, padding)


@alternative("flat indices", replaces="avg_pool2d_backward")
@_given(_require_upstream)
def indices_avg_pool2d_backward(dout, cache):
    index, (n, c, h, w), padding = cache
    hp, wp = h + 2 * padding[0], w + 2 * padding[1]
    shares = dout.flatten(2).div(index.shape[1]).repeat_interleave(index.shape[1], dim=2)
    places = index.flatten().expand(n, c, -1)
    padded = dout.new_zeros(n, c, hp * wp).scatter_add(2, places, shares)
    return _cropped(padded.reshape(n, c, hp, wp), (h, w), padding)


# Shifted images -------------------------------------------------------------------------------
#
# No matrix of windows at all: one term per kernel position, each for the whole image.


def _shifts(image, kernel, stride, counts):
    """Yields (i, j, view of that element of every window) in row-major order."""
    for i in range(kernel[0]):
        for j in range(kernel[1]):
            rows = slice(i, i + stride[0] * counts[0], stride[0])
            yield i, j, image[:, :, rows, j : j + stride[1] * counts[1] : stride[1]]


@alternative("shifted images", replaces="conv2d_forward")
@_given(_require_convolution)
def shifts_conv2d_forward(x, w, b, *, stride=1, padding=0):
    kernel, stride, padding = _window_sizes(tuple(w.shape[2:]), stride, padding)
    counts = _counts(x.shape[2:], kernel, stride, padding)
    padded = _pad(x, padding)
    out = b[:, None, None].expand(len(x), len(w), *counts)
    for i, j, pixels in _shifts(padded, kernel, stride, counts):
        out = out + torch.tensordot(pixels, w[:, :, i, j], dims=([1], [1])).movedim(3, 1)
    return out, (padded, w, stride, padding)


@alternative("shifted images", replaces="conv2d_backward")
@_given(_require_upstream)
def shifts_conv2d_backward(dout, cache):
    padded, w, stride, (ph, pw) = cache
    dpadded, dw = torch.zeros_like(padded), torch.zeros_like(w)
    counts = dout.shape[2:]
    for i, j, dpixels in _shifts(dpadded, w.shape[2:], stride, counts):
        dpixels += torch.tensordot(dout, w[:, :, i, j], dims=([1], [0])).movedim(3, 1)
    for i, j, pixels in _shifts(padded, w.shape[2:], stride, counts):
        dw[:, :, i, j] = torch.tensordot(dout, pixels, dims=([0, 2, 3], [0, 2, 3]))
    h, width = padded.shape[2] - 2 * ph, padded.shape[3] - 2 * pw
    return _cropped(dpadded, (h, width), (ph, pw)), dw, dout.sum((0, 2, 3))


@alternative("shifted images", replaces="conv2d_backward_naive")
@_given(_require_upstream)
def shifts_conv2d_backward_naive(dout, cache):
    padded, w, (sh, sw), (ph, pw) = cache
    kh, kw = w.shape[2:]
    # The zeros of the stride: dout as the first of s entries along each axis, then cut to size.
    spread = torch.stack([dout] + [torch.zeros_like(dout)] * (sh - 1), dim=3).flatten(2, 3)
    spread = torch.stack([spread] + [torch.zeros_like(spread)] * (sw - 1), dim=4).flatten(3)
    h_all, w_all = padded.shape[2] - kh + 1, padded.shape[3] - kw + 1
    larger = _pad(spread, (sh, sw))[:, :, sh : sh + h_all, sw : sw + w_all]
    bordered = _pad(larger, (kh - 1, kw - 1))
    dpadded, dw = torch.zeros_like(padded), torch.zeros_like(w)
    for i, j, pixels in _shifts(bordered, (kh, kw), (1, 1), padded.shape[2:]):
        dpadded += torch.einsum("nohv,oc->nchv", pixels, w[:, :, kh - 1 - i, kw - 1 - j])
    for i, j, pixels in _shifts(padded, (kh, kw), (1, 1), (h_all, w_all)):
        dw[:, :, i, j] = torch.einsum("nohv,nchv->oc", larger, pixels)
    h, width = padded.shape[2] - 2 * ph, padded.shape[3] - 2 * pw
    return _cropped(dpadded, (h, width), (ph, pw)), dw, dout.sum((0, 2, 3))


@alternative("shifted images", replaces="conv1x1_forward")
@_given(_require_mixing)
def shifts_conv1x1_forward(x, w, b):
    return torch.tensordot(w, x, dims=([1], [1])).transpose(0, 1) + b.reshape(1, -1, 1, 1), ()


@alternative("shifted images", replaces="max_pool2d_forward")
@_given(_require_pooling)
def shifts_max_pool2d_forward(x, *, kernel_size, stride=None, padding=0):
    kernel, stride, padding = _window_sizes(kernel_size, stride, padding)
    counts = _counts(x.shape[2:], kernel, stride, padding)
    best, winner = None, None
    for i, j, pixels in _shifts(_pad(x, padding, -math.inf), kernel, stride, counts):
        number = i * kernel[1] + j
        if best is None:
            best, winner = pixels, torch.zeros_like(pixels, dtype=torch.int64)
        else:
            larger = pixels > best
            best, winner = torch.where(larger, pixels, best), winner.masked_fill(larger, number)
    return best, (winner, x.shape, kernel, stride, padding)


@alternative("shifted images", replaces="max_pool2d_backward")
@_given(_require_upstream)
def shifts_max_pool2d_backward(dout, cache):
    winner, (n, c, h, w), kernel, stride, padding = cache
    padded = dout.new_zeros(n, c, h + 2 * padding[0], w + 2 * padding[1])
    for i, j, pixels in _shifts(padded, kernel, stride, dout.shape[2:]):
        pixels += dout * (winner == i * kernel[1] + j)
    return _cropped(padded, (h, w), padding)


@alternative("shifted images", replaces="avg_pool2d_forward")
@_given(_require_pooling)
def shifts_avg_pool2d_forward(x, *, kernel_size, stride=None, padding=0):
    kernel, stride, padding = _window_sizes(kernel_size, stride, padding)
    counts = _counts(x.shape[2:], kernel, stride, padding)
    shifts = _shifts(_pad(x, padding), kernel, stride, counts)
    return sum(pixels for _, _, pixels in shifts) / math.prod(kernel), (x, kernel, stride, padding)


@alternative("shifted images", replaces="avg_pool2d_backward")
@_given(_require_upstream)
def shifts_avg_pool2d_backward(dout, cache):
    x, kernel, stride, padding = cache
    padded = torch.zeros_like(_pad(x, padding))
    for _, _, pixels in _shifts(padded, kernel, stride, dout.shape[2:]):
        pixels += dout / math.prod(kernel)
    return _cropped(padded, x.shape[2:], padding)


# Selection matrices ---------------------------------------------------------------------------
#
# Along each axis, S[window, offset, pixel] is 1 where they meet: im2col is linear, and this is its
# matrix, a product of one for rows and one for columns. Zero padding needs no padding.


def _selection(n, k, s, p, like):
    """S (windows, k, n) of one axis."""
    windows = torch.arange((n + 2 * p - k) // s + 1, device=like.device)
    positions = s * windows[:, None] + torch.arange(k, device=like.device) - p
    return (positions[..., None] == torch.arange(n, device=like.device)).to(like.dtype)


def _selections(image_size, kernel, stride, padding, like):
    sizes = zip(image_size, kernel, stride, padding, strict=True)
    return [_selection(n, k, s, p, like) for n, k, s, p in sizes]


@alternative("selection matrices", replaces="cross_correlate2d", exempt={"speed"})
@_given(_require_image)
def selection_cross_correlate2d(x, k):
    rows, columns = _selections(x.shape, k.shape, (1, 1), (0, 0), x)
    return torch.einsum("yx,piy,qjx,ij->pq", x, rows, columns, k)


@alternative("selection matrices", replaces="im2col", exempt={"speed"})
@_given(_require_windows)
def selection_im2col(x, *, kernel_size, stride=1, padding=0):
    sizes = _window_sizes(kernel_size, stride, padding)
    rows, columns = _selections(x.shape[2:], *sizes, x)
    windows = torch.einsum("ncyx,piy,qjx->npqcij", x, rows, columns)
    return windows.flatten(3).flatten(0, 2)


@alternative("selection matrices", replaces="col2im", exempt={"speed"})
@_given(_require_columns)
def selection_col2im(cols, *, x_shape, kernel_size, stride=1, padding=0):
    kernel, stride, padding = _window_sizes(kernel_size, stride, padding)
    rows, columns = _selections(x_shape[2:], kernel, stride, padding, cols)
    windows = cols.reshape(x_shape[0], len(rows), len(columns), x_shape[1], *kernel)
    return torch.einsum("npqcij,piy,qjx->ncyx", windows, rows, columns)


@alternative("selection matrices", replaces="conv2d_forward", exempt={"speed"})
@_given(_require_convolution)
def selection_conv2d_forward(x, w, b, *, stride=1, padding=0):
    sizes = _window_sizes(tuple(w.shape[2:]), stride, padding)
    rows, columns = _selections(x.shape[2:], *sizes, x)
    # The whole layer as one dense matrix, (C_out H_out W_out, C H W).
    matrix = torch.einsum("ocij,piy,qjx->opqcyx", w, rows, columns)
    out = torch.einsum("opqcyx,ncyx->nopq", matrix, x) + b[:, None, None]
    return out, [matrix, rows, columns, x]


@alternative("selection matrices", replaces="conv2d_backward", exempt={"speed"})
@_given(_require_upstream)
def selection_conv2d_backward(dout, cache):
    matrix, rows, columns, x = cache
    dx = torch.einsum("nopq,opqcyx->ncyx", dout, matrix)
    dmatrix = torch.einsum("nopq,ncyx->opqcyx", dout, x)
    dw = torch.einsum("opqcyx,piy,qjx->ocij", dmatrix, rows, columns)
    return dx, dw, torch.einsum("nopq->o", dout)


@alternative("selection matrices", replaces="conv2d_backward_naive", exempt={"speed"})
@_given(_require_upstream)
def selection_conv2d_backward_naive(dout, cache):
    _, rows, columns, x = cache
    matrix = cache[0]
    dx = (dout.flatten(1) @ matrix.flatten(3).flatten(0, 2)).reshape(x.shape)
    windows = torch.einsum("ncyx,piy,qjx->npqcij", x, rows, columns)
    return dx, torch.einsum("nopq,npqcij->ocij", dout, windows), dout.sum((0, 2, 3))


@alternative("selection matrices", replaces="max_pool2d_forward", exempt={"speed"})
@_given(_require_pooling)
def selection_max_pool2d_forward(x, *, kernel_size, stride=None, padding=0):
    sizes = _window_sizes(kernel_size, stride, padding)
    rows, columns = _selections(x.shape[2:], *sizes, x)
    windows = torch.einsum("ncyx,piy,qjx->ncpqij", x, rows, columns)
    # Positions that select no pixel are padding.
    real = torch.einsum("piy,qjx->pqij", rows, columns) > 0
    best, place = windows.masked_fill(~real, -math.inf).flatten(4).max(dim=4)
    return best, (place, rows, columns)


@alternative("selection matrices", replaces="max_pool2d_backward", exempt={"speed"})
@_given(_require_upstream)
def selection_max_pool2d_backward(dout, cache):
    place, rows, columns = cache
    kh, kw = rows.shape[1], columns.shape[1]
    winners = torch.zeros(*dout.shape, kh * kw, dtype=dout.dtype, device=dout.device)
    dwindows = winners.scatter(4, place[..., None], dout[..., None]).unflatten(4, (kh, kw))
    return torch.einsum("ncpqij,piy,qjx->ncyx", dwindows, rows, columns)


@alternative("selection matrices", replaces="avg_pool2d_forward", exempt={"speed"})
@_given(_require_pooling)
def selection_avg_pool2d_forward(x, *, kernel_size, stride=None, padding=0):
    sizes = _window_sizes(kernel_size, stride, padding)
    rows, columns = (s.mean(dim=1) for s in _selections(x.shape[2:], *sizes, x))
    return rows @ x @ columns.T, (rows, columns)


@alternative("selection matrices", replaces="avg_pool2d_backward", exempt={"speed"})
@_given(_require_upstream)
def selection_avg_pool2d_backward(dout, cache):
    rows, columns = cache
    return rows.T @ dout @ columns


# Channels last --------------------------------------------------------------------------------
#
# Images are kept, and returned, with the channels next to each other in memory.


def _nhwc(x):
    """The same images, stored as (N, H, W, C)."""
    return x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)


@alternative("channels last", replaces="im2col")
@_given(_require_windows)
def nhwc_im2col(x, *, kernel_size, stride=1, padding=0):
    kernel, stride, padding = _window_sizes(kernel_size, stride, padding)
    counts = _counts(x.shape[2:], kernel, stride, padding)
    shifts = _shifts(_nhwc(_pad(x, padding)), kernel, stride, counts)
    windows = torch.stack([pixels.permute(0, 2, 3, 1) for _, _, pixels in shifts], dim=4)
    return windows.reshape(len(x) * math.prod(counts), -1)


@alternative("channels last", replaces="col2im")
@_given(_require_columns)
def nhwc_col2im(cols, *, x_shape, kernel_size, stride=1, padding=0):
    kernel, stride, padding = _window_sizes(kernel_size, stride, padding)
    n, c, h, w = x_shape
    counts = _counts((h, w), kernel, stride, padding)
    windows = cols.reshape(n, *counts, c, *kernel).permute(0, 3, 1, 2, 4, 5)
    padded = cols.new_zeros(n, h + 2 * padding[0], w + 2 * padding[1], c).permute(0, 3, 1, 2)
    for i, j, pixels in _shifts(padded, kernel, stride, counts):
        pixels += windows[..., i, j]
    return _nhwc(_cropped(padded, (h, w), padding))


@alternative("channels last", replaces="conv2d_forward")
@_given(_require_convolution)
def nhwc_conv2d_forward(x, w, b, *, stride=1, padding=0):
    kernel, stride, padding = _window_sizes(tuple(w.shape[2:]), stride, padding)
    counts = _counts(x.shape[2:], kernel, stride, padding)
    padded = _nhwc(_pad(x, padding))
    weights = w.permute(2, 3, 1, 0).contiguous()
    out = b.expand(len(x), *counts, len(w))
    for i, j, pixels in _shifts(padded, kernel, stride, counts):
        out = out + pixels.permute(0, 2, 3, 1) @ weights[i, j]
    cache = {"padded": padded, "weights": weights, "stride": stride, "padding": padding}
    return out.permute(0, 3, 1, 2), cache


@alternative("channels last", replaces="conv2d_backward")
@_given(_require_upstream)
def nhwc_conv2d_backward(dout, cache):
    padded, weights, (ph, pw) = cache["padded"], cache["weights"], cache["padding"]
    dy = dout.permute(0, 2, 3, 1).reshape(-1, dout.shape[1])
    dpadded, dw = torch.zeros_like(padded), torch.zeros_like(weights)
    kernel, stride, counts = weights.shape[:2], cache["stride"], dout.shape[2:]
    for i, j, pixels in _shifts(padded, kernel, stride, counts):
        dw[i, j] = pixels.permute(1, 0, 2, 3).flatten(1) @ dy
    for i, j, dpixels in _shifts(dpadded, kernel, stride, counts):
        dpixels += (dy @ weights[i, j].T).reshape(len(dout), *counts, -1).permute(0, 3, 1, 2)
    image_size = padded.shape[2] - 2 * ph, padded.shape[3] - 2 * pw
    return _nhwc(_cropped(dpadded, image_size, (ph, pw))), dw.permute(3, 2, 0, 1), dy.sum(0)


@alternative("channels last", replaces="conv2d_backward_naive")
@_given(_require_upstream)
def nhwc_conv2d_backward_naive(dout, cache):
    padded, weights, (ph, pw) = cache["padded"], cache["weights"], cache["padding"]
    (kh, kw, _, _), (sh, sw) = weights.shape, cache["stride"]
    hp, wp = padded.shape[2:]
    spread = dout.new_zeros(len(dout), hp - kh + 1, wp - kw + 1, dout.shape[1])
    spread[:, ::sh, ::sw] = dout.permute(0, 2, 3, 1)
    bordered = _pad(spread.permute(0, 3, 1, 2), (kh - 1, kw - 1))
    rotated = weights.flip(0, 1)
    dpadded = sum(
        pixels.permute(0, 2, 3, 1) @ rotated[i, j].T
        for i, j, pixels in _shifts(bordered, (kh, kw), (1, 1), (hp, wp))
    ).permute(0, 3, 1, 2)
    dw = torch.zeros_like(weights)
    for i, j, pixels in _shifts(padded, (kh, kw), (1, 1), spread.shape[1:3]):
        dw[i, j] = torch.einsum("nchv,nhvo->co", pixels, spread)
    dx = _cropped(dpadded, (hp - 2 * ph, wp - 2 * pw), (ph, pw))
    return dx, dw.permute(3, 2, 0, 1), spread.sum((0, 1, 2))


@alternative("channels last", replaces="conv1x1_forward")
@_given(_require_mixing)
def nhwc_conv1x1_forward(x, w, b):
    rows = x.permute(0, 2, 3, 1).reshape(-1, x.shape[1])
    out = torch.addmm(b, rows, w.T).reshape(len(x), *x.shape[2:], -1)
    return out.permute(0, 3, 1, 2), rows


@alternative("channels last", replaces="max_pool2d_forward")
@_given(_require_pooling)
def nhwc_max_pool2d_forward(x, *, kernel_size, stride=None, padding=0):
    kernel, stride, padding = _window_sizes(kernel_size, stride, padding)
    counts = _counts(x.shape[2:], kernel, stride, padding)
    shifts = _shifts(_nhwc(_pad(x, padding, -math.inf)), kernel, stride, counts)
    windows = torch.stack([pixels.permute(0, 2, 3, 1) for _, _, pixels in shifts])
    out = windows.amax(0)
    # Of the equal ones, those with none before them: exactly one in each window.
    equal = (windows == out).to(torch.int64)
    first = (equal == 1) & (equal.cumsum(0) == 1)
    return out.permute(0, 3, 1, 2), {"first": first, "sizes": (x.shape, kernel, stride, padding)}


@alternative("channels last", replaces="max_pool2d_backward")
@_given(_require_upstream)
def nhwc_max_pool2d_backward(dout, cache):
    (n, c, h, w), kernel, stride, (ph, pw) = cache["sizes"]
    padded = dout.new_zeros(n, h + 2 * ph, w + 2 * pw, c).permute(0, 3, 1, 2)
    for i, j, pixels in _shifts(padded, kernel, stride, dout.shape[2:]):
        pixels += dout * cache["first"][i * kernel[1] + j].permute(0, 3, 1, 2)
    return _cropped(padded, (h, w), (ph, pw))


@alternative("channels last", replaces="avg_pool2d_forward")
@_given(_require_pooling)
def nhwc_avg_pool2d_forward(x, *, kernel_size, stride=None, padding=0):
    kernel, stride, padding = _window_sizes(kernel_size, stride, padding)
    counts = _counts(x.shape[2:], kernel, stride, padding)
    total = torch.zeros_like(x[:, :, :1, :1]).expand(*x.shape[:2], *counts)
    for _, _, pixels in _shifts(_nhwc(_pad(x, padding)), kernel, stride, counts):
        total = total + pixels
    return _nhwc(total / (kernel[0] * kernel[1])), (tuple(x.shape), kernel, stride, padding)


@alternative("channels last", replaces="avg_pool2d_backward")
@_given(_require_upstream)
def nhwc_avg_pool2d_backward(dout, cache):
    (n, c, h, w), kernel, stride, (ph, pw) = cache
    padded = dout.new_zeros(n, h + 2 * ph, w + 2 * pw, c).permute(0, 3, 1, 2)
    for _, _, pixels in _shifts(padded, kernel, stride, dout.shape[2:]):
        pixels += dout / (kernel[0] * kernel[1])
    return _nhwc(_cropped(padded, (h, w), (ph, pw)))


# The cache is a function ----------------------------------------------------------------------
#
# The forward pass returns its own backward pass; images go through the batch one at a time.


@alternative("the cache is a function", replaces="conv2d_forward")
@_given(_require_convolution)
def closure_conv2d_forward(x, w, b, *, stride=1, padding=0):
    kernel, stride, padding = _window_sizes(tuple(w.shape[2:]), stride, padding)
    h_out = output_size(x.shape[2], kernel=kernel[0], padding=padding[0], stride=stride[0])
    sizes = {"kernel_size": kernel, "stride": stride, "padding": padding}
    matrix = w.reshape(len(w), -1)
    columns = [im2col(image[None], **sizes).T for image in x]
    out = torch.stack([matrix @ c + b[:, None] for c in columns])

    def backward(dout):
        dy = [d.flatten(1) for d in dout]
        dw = sum(d @ c.T for d, c in zip(dy, columns, strict=True)).reshape(w.shape)
        windows = [(matrix.T @ d).reshape(1, x.shape[1], *kernel, *dout.shape[2:]) for d in dy]
        dwindows = torch.cat(windows).permute(0, 1, 4, 5, 2, 3)
        dx = _add_back(dwindows, x.shape[2:], stride, padding)
        return dx, dw, sum(d.sum(1) for d in dy)

    return out.unflatten(2, (h_out, -1)), backward


@alternative("the cache is a function", replaces="conv2d_backward")
@_given(_require_upstream)
def closure_conv2d_backward(dout, cache):
    return cache(dout)


@alternative("the cache is a function", replaces="conv2d_backward_naive")
@_given(_require_upstream)
def closure_conv2d_backward_naive(dout, cache):
    return cache(dout)


@alternative("the cache is a function", replaces="max_pool2d_forward")
@_given(_require_pooling)
def closure_max_pool2d_forward(x, *, kernel_size, stride=None, padding=0):
    kernel, stride, padding = _window_sizes(kernel_size, stride, padding)
    windows = _view(x, kernel, stride, padding, -math.inf)
    # Maximum over columns, then over rows: the first row with the largest entry, its first column.
    in_rows, column = windows.max(dim=5)
    out, row = in_rows.max(dim=4)
    column = column.gather(4, row[..., None])[..., 0]

    def backward(dout):
        is_row = row[..., None] == torch.arange(kernel[0], device=row.device)
        is_column = column[..., None] == torch.arange(kernel[1], device=row.device)
        winners = is_row[..., :, None] & is_column[..., None, :]
        return _add_back(dout[..., None, None] * winners, x.shape[2:], stride, padding)

    return out, backward


@alternative("the cache is a function", replaces="max_pool2d_backward")
@_given(_require_upstream)
def closure_max_pool2d_backward(dout, cache):
    return cache(dout)


@alternative("the cache is a function", replaces="avg_pool2d_forward")
@_given(_require_pooling)
def closure_avg_pool2d_forward(x, *, kernel_size, stride=None, padding=0):
    kernel, stride, padding = _window_sizes(kernel_size, stride, padding)
    # Sums of windows are differences of cumulative sums: every window costs the same.
    n, c, h, w = x.shape
    padded = x.new_zeros(n, c, h + 2 * padding[0] + 1, w + 2 * padding[1] + 1)
    padded[:, :, padding[0] + 1 : padding[0] + 1 + h, padding[1] + 1 : padding[1] + 1 + w] = x
    table = padded.cumsum(2).cumsum(3)
    (kh, kw), (sh, sw) = kernel, stride
    bottom, top = table[:, :, kh::sh], table[:, :, : table.shape[2] - kh : sh]
    strip = bottom - top
    out = (strip[..., kw::sw] - strip[..., : strip.shape[3] - kw : sw]) / (kh * kw)

    def backward(dout):
        dwindows = (dout / (kh * kw))[..., None, None].expand(*dout.shape, kh, kw)
        return _add_back(dwindows, (h, w), stride, padding)

    return out, backward


@alternative("the cache is a function", replaces="avg_pool2d_backward")
@_given(_require_upstream)
def closure_avg_pool2d_backward(dout, cache):
    return cache(dout)
