"""Known wrong implementations of this unit, and what to say to a student who has made one.

Each replaces one function of the reference, most as small changes of its text; caches are the
reference's own. Where a function is called by the name that it replaces, it gives the reference's
own answers.
"""

from __future__ import annotations

import itertools
import math

import torch
from convolution import (
    _pad,
    _pair,
    avg_pool2d_backward,
    avg_pool2d_forward,
    col2im,
    conv2d_backward,
    conv2d_forward,
    cross_correlate2d,
    im2col,
    max_pool2d_forward,
    output_size,
)

from autograder.testing import mistake

# output_size ----------------------------------------------------------------------------------

size_is_rounded_up = mistake(
    "output_size",
    "You rounded up: a window that hangs over the edge does not count.",
    change={"- kernel) // stride": "- kernel + stride - 1) // stride"},
)

padding_counts_once = mistake(
    "output_size",
    "You counted the padding once: it is added on both sides, 2p in all.",
    change={
        "(n + 2 * padding - kernel) // stride + 1": "max((n + padding - kernel) // stride + 1, 0)"
    },
)

one_is_inside_the_division = mistake(
    "output_size",
    "You added the 1 before dividing: the first window counts whole, after it.",
    change={"- kernel) // stride + 1": "- kernel + 1) // stride"},
)

first_window_is_forgotten = mistake(
    "output_size",
    "You forgot the 1: the window at position 0 counts as well.",
    change={"// stride + 1": "// stride"},
)

# cross_correlate2d ----------------------------------------------------------------------------

last_windows_are_missing = mistake(
    "cross_correlate2d",
    "You left out the last row and column: there are H - KH + 1 rows.",
    change={"x.shape[0] - kh + 1, x.shape[1] - kw + 1": "x.shape[0] - kh, x.shape[1] - kw"},
)


@mistake("cross_correlate2d", "You took the mean of the products: the window is summed.")
def products_are_averaged(x, k):
    kh, kw = k.shape
    h, w = x.shape[0] - kh + 1, x.shape[1] - kw + 1
    out = x.new_zeros(h, w)
    for i in range(kh):
        for j in range(kw):
            out += k[i, j] * x[i : i + h, j : j + w] / (kh * kw)
    return out


@mistake(
    "cross_correlate2d",
    "Your result has torch's default dtype and device: take both from x, for example with "
    "x.new_zeros.",
)
def result_has_the_default_dtype(x, k):
    kh, kw = k.shape
    h, w = x.shape[0] - kh + 1, x.shape[1] - kw + 1
    out = torch.zeros(h, w)
    for row in range(h):
        for column in range(w):
            out[row, column] = (k * x[row : row + kh, column : column + kw]).sum()
    return out


# convolve2d -----------------------------------------------------------------------------------

convolution_is_correlation = mistake(
    "convolve2d",
    "You did not rotate the kernel: that is cross-correlation.",
    change={"k.flip(0, 1)": "k"},
)

only_rows_are_reversed = mistake(
    "convolve2d",
    "You reversed only the rows: 180 degrees reverse both axes.",
    change={"k.flip(0, 1)": "k.flip(0)"},
)

only_columns_are_reversed = mistake(
    "convolve2d",
    "You reversed only the columns: 180 degrees reverse both axes.",
    change={"k.flip(0, 1)": "k.flip(1)"},
)


@mistake("convolve2d", "You rotated the image: rotate the kernel, or the result is upside down.")
def image_is_rotated(x, k):
    return cross_correlate2d(x.flip(0, 1), k)


# im2col ---------------------------------------------------------------------------------------


def _sizes(kernel_size, stride, padding):
    """Three pairs (height, width), the order in which every helper here takes them."""
    kernel, stride = _pair(kernel_size, "", minimum=1), _pair(stride, "", minimum=1)
    return kernel, stride, _pair(padding, "", minimum=0)


def _windows(x, kernel, stride, padding):
    """(N, H_out, W_out, C, KH, KW): windows without going through `im2col`."""
    (kh, kw), (sh, sw) = kernel, stride
    padded = _pad(x, padding)
    h_out, w_out = (padded.shape[2] - kh) // sh + 1, (padded.shape[3] - kw) // sw + 1
    row, column = torch.arange(h_out, device=x.device), torch.arange(w_out, device=x.device)
    rows = sh * row[:, None] + torch.arange(kh, device=x.device)
    columns = sw * column[:, None] + torch.arange(kw, device=x.device)
    return padded[:, :, rows[:, None, :, None], columns[:, None, :]].permute(0, 2, 3, 1, 4, 5)


def _matrix(windows):
    """Windows (n, h, w, ., ., .) as the rows of a matrix."""
    n, h, w = windows.shape[:3]
    return windows.reshape(n * h * w, -1)


columns_put_channels_last = mistake(
    "im2col",
    "Your columns are ordered (kh, kw, c): a row holds the whole window of the "
    "first channel, then that of the next, (c, kh, kw).",
    change={"columns.reshape": "columns.movedim(0, 2).reshape"},
)

rows_put_samples_last = mistake(
    "im2col",
    "Your rows are ordered (h, w, n): all windows of one sample come first.",
    change={"columns.reshape": "columns.movedim(3, 5).reshape"},
)


@mistake("im2col", "Your windows are transposed: inside a channel the columns run (kh, kw).")
def windows_are_transposed(x, *, kernel_size, stride=1, padding=0):
    windows = _windows(x, *_sizes(kernel_size, stride, padding))
    return _matrix(windows.transpose(4, 5))


@mistake("im2col", "You used the stride of the height for the width as well.")
def width_moves_by_the_height_stride(x, *, kernel_size, stride=1, padding=0):
    kernel, (sh, _), padding = _sizes(kernel_size, stride, padding)
    return _matrix(_windows(x, kernel, (sh, sh), padding))


@mistake("im2col", "You padded only at the bottom and on the right: zeros go on every side.")
def padding_is_all_at_the_end(x, *, kernel_size, stride=1, padding=0):
    kernel, stride, (ph, pw) = _sizes(kernel_size, stride, padding)
    n, c, h, w = x.shape
    padded = x.new_zeros(n, c, h + 2 * ph, w + 2 * pw)
    padded[:, :, :h, :w] = x
    return _matrix(_windows(padded, kernel, stride, (0, 0)))


@mistake("im2col", "You repeated the pixels of the border: the padding is zeros.")
def border_is_repeated(x, *, kernel_size, stride=1, padding=0):
    (h, w), (ph, pw) = x.shape[2:], _pair(padding, "padding", minimum=0)
    rows = torch.arange(-ph, h + ph, device=x.device).clamp(0, h - 1)
    columns = torch.arange(-pw, w + pw, device=x.device).clamp(0, w - 1)
    return im2col(x[:, :, rows][:, :, :, columns], kernel_size=kernel_size, stride=stride)


memory_order_is_assumed = mistake(
    "im2col",
    "You read the image as if it lay in memory in the order of its shape: it may be permuted or "
    "part of a larger tensor. Go through indices, or make it contiguous first.",
    change={"_pad(x,": "_pad(x if x.is_contiguous() else x.mT.reshape(x.shape),"},
)

# col2im ---------------------------------------------------------------------------------------


def _scatter(cols, x_shape, kernel, stride, padding, *, keep_last=False):
    """The padded image from `cols`: the sum over windows, or the last one kept."""
    (kh, kw), (sh, sw), (ph, pw) = kernel, stride, padding
    n, c, h, w = x_shape
    h_out, w_out = (h + 2 * ph - kh) // sh + 1, (w + 2 * pw - kw) // sw + 1
    windows = cols.reshape(n, h_out, w_out, c, kh, kw)
    padded = cols.new_zeros(n, c, h + 2 * ph, w + 2 * pw)
    for i, j in itertools.product(reversed(range(kh)), reversed(range(kw))):
        place = padded[:, :, i : i + sh * h_out : sh, j : j + sw * w_out : sw]
        pixels = windows[:, :, :, :, i, j].permute(0, 3, 1, 2)
        place.copy_(pixels if keep_last else place + pixels)
    return padded


def _crop(padded, x_shape, padding):
    (_, _, h, w), (ph, pw) = x_shape, padding
    return padded[:, :, ph : ph + h, pw : pw + w]


overlaps_overwrite = mistake(
    "col2im",
    "Where windows overlap you kept one of the contributions: they add up. (Adding with an index "
    "that names a pixel twice keeps one as well.)",
    change={"pixels += ": "pixels[:] = "},
)


@mistake(
    "col2im",
    "You divided by the number of overlapping windows: col2im is the adjoint of "
    "im2col, not its inverse.",
)
def overlaps_are_averaged(cols, **sizes):
    return col2im(cols, **sizes) / col2im(torch.ones_like(cols), **sizes).clamp(min=1)


crop_starts_at_the_corner = mistake(
    "col2im",
    "You cut the padding off at the end only: it was added on every side.",
    change={"ph : ph + h, pw : pw + w": ":h, :w"},
)

columns_are_read_channels_last = mistake(
    "col2im",
    "You read the columns as (kh, kw, c): they are ordered (c, kh, kw).",
    change={"c, kh, kw, n, h_out, w_out)": "kh, kw, c, n, h_out, w_out).movedim(2, 0)"},
)

rows_are_read_samples_last = mistake(
    "col2im",
    "You read the rows as (h, w, n): all windows of one sample come first.",
    change={"n, h_out, w_out)": "h_out, w_out, n).movedim(5, 3)"},
)

# conv2d_forward -------------------------------------------------------------------------------


def _convolve(x, w, b, stride, padding):
    """The reference's forward pass without its checks."""
    n, c_out = len(x), len(w)
    cols = im2col(x, kernel_size=tuple(w.shape[2:]), stride=stride, padding=padding)
    y = cols @ w.reshape(c_out, -1).T + b
    h_out = output_size(x.shape[2], kernel=w.shape[2], padding=padding[0], stride=stride[0])
    out = y.reshape(n, h_out, -1, c_out).permute(0, 3, 1, 2)
    return out, (x, cols, w, stride, padding)


def _steps(stride, padding):
    return _pair(stride, "", minimum=1), _pair(padding, "", minimum=0)


bias_is_forgotten = mistake(
    "conv2d_forward",
    "You forgot the bias: each output channel has one.",
    change={".T + b": ".T"},
)


@mistake("conv2d_forward", "You rotated the kernels: a convolution layer cross-correlates.")
def kernels_are_rotated(x, w, b, *, stride=1, padding=0):
    stride, padding = _steps(stride, padding)
    out, (_, cols, _, _, _) = _convolve(x, w.flip(2, 3), b, stride, padding)
    return out, (x, cols, w, stride, padding)


weights_are_reshaped_not_transposed = mistake(
    "conv2d_forward",
    "You reshaped the weights to (C KH KW, C_out), which mixes the kernels: reshape to "
    "(C_out, C KH KW), then transpose.",
    change={"w.reshape(c_out, -1).T": "w.reshape(-1, c_out)"},
)

output_is_reshaped_not_permuted = mistake(
    "conv2d_forward",
    "You reshaped the product to (N, C_out, H_out, W_out), which mixes channels and pixels: its "
    "axes are (n, h, w, o), so move the last one.",
    change={"h_out, w_out, c_out).permute(0, 3, 1, 2)": "c_out, h_out, w_out)"},
)


@mistake("conv2d_forward", "You exchanged the strides: a pair means (height, width).")
def strides_are_exchanged(x, w, b, *, stride=1, padding=0):
    stride, padding = _steps(stride, padding)
    return _convolve(x, w, b, stride[::-1], padding)


bias_is_added_per_channel = mistake(
    "conv2d_forward",
    "You added the bias once per input channel: it is added once.",
    change={".T + b": ".T + c * b"},
)


@mistake("conv2d_forward", "You ignored the padding.")
def convolution_ignores_padding(x, w, b, *, stride=1, padding=0):
    stride, padding = _steps(stride, padding)
    kernel = tuple(min(k, n) for k, n in zip(w.shape[2:], x.shape[2:], strict=True))
    out, _ = _convolve(x, w[:, :, : kernel[0], : kernel[1]], b, stride, (0, 0))
    return out, _convolve(x, w, b, stride, padding)[1]


# conv2d_backward ------------------------------------------------------------------------------

db_is_averaged = mistake(
    "conv2d_backward",
    "You averaged the bias gradient: it is a sum over samples and pixels.",
    change={"dy.sum(dim=0)": "dy.mean(dim=0)"},
)

db_is_of_the_last_sample = mistake(
    "conv2d_backward",
    "Your bias gradient is that of the last sample: add up all samples.",
    change={"dy.sum(dim=0)": "dout[-1].sum(dim=(1, 2))"},
)

dw_is_averaged_over_the_batch = mistake(
    "conv2d_backward",
    "You divided the gradients of the weights by N: the mean over the "
    "batch belongs to the loss and is in dout already.",
    change={"cols.T @ dy": "cols.T @ dy / len(x)"},
)

dw_is_reshaped_not_transposed = mistake(
    "conv2d_backward",
    "You reshaped the weights' gradient without transposing it back.",
    change={"(cols.T @ dy).T": "(cols.T @ dy)"},
)

dout_is_reshaped_not_permuted = mistake(
    "conv2d_backward",
    "You reshaped dout to rows without moving its channels last.",
    change={".permute(0, 2, 3, 1)": ""},
)


@mistake("conv2d_backward", "Where windows overlap, you kept one share of dx: they add up.")
def dx_overlaps_overwrite(dout, cache):
    x, _, w, stride, padding = cache
    _, dw, db = conv2d_backward(dout, cache)
    dcols = dout.permute(0, 2, 3, 1).reshape(-1, len(w)) @ w.reshape(len(w), -1)
    padded = _scatter(dcols, x.shape, tuple(w.shape[2:]), stride, padding, keep_last=True)
    return _crop(padded, x.shape, padding), dw, db


kernels_are_rotated_before_col2im = mistake(
    "conv2d_backward",
    "You rotated the kernels: with col2im each window gets its own kernel back as it is. The "
    "rotation belongs to the other way of computing dx.",
    change={"w.reshape": "w.flip(2, 3).reshape"},
)

db_forgets_dout = mistake(
    "conv2d_backward",
    "Your bias gradient counts pixels: each counts with its dout.",
    change={"dy.sum(dim=0)": "dout.new_full((c_out,), len(dy))"},
)

cached_columns_are_scaled_in_place = mistake(
    "conv2d_backward",
    "You changed the cache: a second call with it gives another result. Work on new tensors.",
    change={"return dx": "cols *= dout.sum()\n    return dx"},
)

# conv2d_backward_naive ------------------------------------------------------------------------


def _gradients_from_spread(spread, cache, *, rotate=(2, 3), corner=None):
    """dx and dw of the textbook way, from a given spread gradient."""
    x, _, w, _, padding = cache
    _, c, h, width = x.shape
    kh, kw = w.shape[2:]
    rotated = w.flip(rotate).transpose(0, 1)
    full, _ = conv2d_forward(spread, rotated, w.new_zeros(c), padding=(kh - 1, kw - 1))
    top, left = padding if corner is None else corner
    dw, _ = conv2d_forward(
        _pad(x, padding).transpose(0, 1), spread.transpose(0, 1), w.new_zeros(len(w))
    )
    return full[:, :, top : top + h, left : left + width], dw.transpose(0, 1)


def _spread(dout, cache, *, at_the_end=True):
    """dout with zeros between, and the zeros of a stride that does not tile at either end."""
    x, _, w, (sh, sw), (ph, pw) = cache
    h = x.shape[2] + 2 * ph - w.shape[2] + 1
    width = x.shape[3] + 2 * pw - w.shape[3] + 1
    top, left = (0, 0) if at_the_end else ((h - 1) % sh, (width - 1) % sw)
    spread = dout.new_zeros(*dout.shape[:2], h, width)
    spread[:, :, top::sh, left::sw] = dout
    return spread


@mistake("conv2d_backward_naive", "You did not rotate the kernels by 180 degrees for dx.")
def kernels_are_not_rotated(dout, cache):
    dx, dw = _gradients_from_spread(_spread(dout, cache), cache, rotate=())
    return dx, dw, dout.sum(dim=(0, 2, 3))


@mistake("conv2d_backward_naive", "You reversed one axis of the kernels: 180 degrees are both.")
def kernels_are_mirrored(dout, cache):
    dx, dw = _gradients_from_spread(_spread(dout, cache), cache, rotate=(3,))
    return dx, dw, dout.sum(dim=(0, 2, 3))


@mistake(
    "conv2d_backward_naive",
    "Where the stride does not tile, you put the extra zeros of the spread gradient first: the "
    "pixels that no window saw are at the end.",
)
def extra_zeros_come_first(dout, cache):
    dx, dw = _gradients_from_spread(_spread(dout, cache, at_the_end=False), cache)
    return dx, dw, dout.sum(dim=(0, 2, 3))


@mistake("conv2d_backward_naive", "You cropped dx at the end only: cut p off on every side.")
def crop_of_dx_starts_at_the_corner(dout, cache):
    dx, dw = _gradients_from_spread(_spread(dout, cache), cache, corner=(0, 0))
    return dx, dw, dout.sum(dim=(0, 2, 3))


dw_ignores_the_stride = mistake(
    "conv2d_backward_naive",
    "For dw you did not spread dout by the stride, so that it met the wrong pixels.",
    change={
        "i : i + h_all, j : j + w_all": "i : i + dout.shape[2], j : j + dout.shape[3]",
        "spread, pixels": "dout, pixels",
    },
)

only_the_first_sample_counts = mistake(
    "conv2d_backward_naive",
    "You used only the first sample for dw and db: sum over samples.",
    change={
        "spread, pixels": "spread[:1], pixels[:1]",
        "dout.sum(dim=(0, 2, 3))": "dout[0].sum(dim=(1, 2))",
    },
)

# conv1x1_forward ------------------------------------------------------------------------------

pixel_bias_is_forgotten = mistake(
    "conv1x1_forward",
    "You forgot the bias.",
    change={".T + b": ".T"},
)

pixels_are_taken_for_channels = mistake(
    "conv1x1_forward",
    "You reshaped the image to (pixels, channels) without moving the "
    "channels last, so that neighbouring pixels were taken for channels.",
    change={"x.permute(0, 2, 3, 1)": "x.reshape(len(x), *x.shape[2:], -1)"},
)

result_is_reshaped_not_permuted = mistake(
    "conv1x1_forward",
    "You reshaped the result: its channels are last and have to be moved.",
    change={"out.permute(0, 3, 1, 2)": "out.reshape(len(x), len(w), *x.shape[2:])"},
)


@mistake("conv1x1_forward", "You applied an activation: the layer itself has none.")
def result_is_rectified(x, w, b):
    out = torch.einsum("oc,nchw->nohw", w, x) + b[:, None, None]
    return out.clamp(min=0), (x, w)


# max_pool2d_forward ---------------------------------------------------------------------------


def _pool_sizes(kernel_size, stride, padding):
    kernel = _pair(kernel_size, "", minimum=1)
    stride = kernel if stride is None else _pair(stride, "", minimum=1)
    return kernel, stride, _pair(padding, "", minimum=0)


def _max_pool(x, kernel, stride, padding, value=-math.inf):
    """Maxima and the reference's cache."""
    n, c, h, w = x.shape
    padded = _pad(x.reshape(n * c, 1, h, w), padding, value)
    windows = im2col(padded, kernel_size=kernel, stride=stride)
    h_out = output_size(h, kernel=kernel[0], padding=padding[0], stride=stride[0])
    out = windows.amax(dim=1).reshape(n, c, h_out, -1)
    return out, (windows, x.shape, kernel, stride, padding)


@mistake(
    "max_pool2d_forward",
    "You padded with zeros, which win where all pixels are negative: "
    "the padding of max pooling is minus infinity.",
)
def padding_is_zero(x, *, kernel_size, stride=None, padding=0):
    return _max_pool(x, *_pool_sizes(kernel_size, stride, padding), value=0.0)


max_stride_defaults_to_one = mistake(
    "max_pool2d_forward",
    "Your stride defaults to 1: it defaults to the kernel's size.",
    change={"kernel if stride is None": "(1, 1) if stride is None"},
)

maxima_are_transposed = mistake(
    "max_pool2d_forward",
    "You arranged the maxima column by column: windows come row by row.",
    change={"return out": "return out.transpose(2, 3).reshape(out.shape)"},
)


@mistake("max_pool2d_forward", "You took the value of largest magnitude: -5 is less than 1.")
def magnitude_decides(x, **sizes):
    out, cache = max_pool2d_forward(x, **sizes)
    least, _ = max_pool2d_forward(-x, **sizes)
    return torch.where(least > out, -least, out), cache


@mistake("max_pool2d_forward", "You kept the windows that hang over the edge: sizes round down.")
def partial_windows_count(x, **sizes):
    _, cache = max_pool2d_forward(x, **sizes)
    _, (n, c, h, w), _, (sh, sw), _ = cache
    larger = x.new_full((n, c, h + sh - 1, w + sw - 1), -torch.inf)
    larger[:, :, :h, :w] = x
    return max_pool2d_forward(larger, **sizes)[0], cache


# max_pool2d_backward --------------------------------------------------------------------------


def _route(share, dout, cache):
    """dx, where each window's gradient goes by the given shares (windows, KH KW)."""
    _, (n, c, h, w), kernel, stride, padding = cache
    dwindows = share * dout.reshape(-1, 1)
    shape = (n * c, 1, h, w)
    padded = _scatter(dwindows, shape, kernel, stride, padding)
    return _crop(padded, shape, padding).reshape(n, c, h, w)


def _one_hot(places, windows):
    return torch.zeros_like(windows).scatter(1, places, 1.0)


@mistake(
    "max_pool2d_backward",
    "You sent the gradient to every pixel that ties for the maximum: "
    "only the first in row-major order gets it.",
)
def all_ties_get_the_gradient(dout, cache):
    windows = cache[0]
    return _route((windows == windows.amax(dim=1, keepdim=True)).to(dout.dtype), dout, cache)


@mistake(
    "max_pool2d_backward",
    "You divided the gradient among tied pixels: the first in row-major order gets all of it.",
)
def ties_share_the_gradient(dout, cache):
    windows = cache[0]
    ties = (windows == windows.amax(dim=1, keepdim=True)).to(dout.dtype)
    return _route(ties / ties.sum(dim=1, keepdim=True), dout, cache)


@mistake(
    "max_pool2d_backward",
    "You sent the gradient to the last of the tied pixels: the first in row-major order gets it.",
)
def last_tie_gets_the_gradient(dout, cache):
    windows = cache[0]
    places = windows.shape[1] - 1 - windows.flip(1).argmax(dim=1, keepdim=True)
    return _route(_one_hot(places, windows), dout, cache)


@mistake("max_pool2d_backward", "You looked for the first maximum column by column: go row by row.")
def ties_are_broken_by_column(dout, cache):
    windows, _, (kh, kw), _, _ = cache
    transposed = windows.reshape(-1, kh, kw).transpose(1, 2).reshape(-1, kh * kw)
    places = transposed.argmax(dim=1, keepdim=True)
    return _route(_one_hot(places % kh * kw + places // kh, windows), dout, cache)


@mistake(
    "max_pool2d_backward",
    "Where windows overlap you kept the gradient of one: a pixel that "
    "wins in several windows gets the sum.",
)
def winners_are_overwritten(dout, cache):
    _, (n, c, h, w), kernel, stride, (ph, pw) = cache
    windows = cache[0]
    first = windows.argmax(dim=1)
    (_, kw), (sh, sw) = kernel, stride
    h_out, w_out = dout.shape[2:]
    padded = dout.new_zeros(n, c, h + 2 * ph, w + 2 * pw)
    places = first.reshape(dout.shape)
    for row in range(h_out):
        for column in range(w_out):
            at = places[:, :, row, column]
            rows, columns = row * sh + at // kw, column * sw + at % kw
            sample = torch.arange(n, device=dout.device)[:, None]
            channel = torch.arange(c, device=dout.device)
            padded[sample, channel, rows, columns] = dout[:, :, row, column]
    return padded[:, :, ph : ph + h, pw : pw + w]


@mistake(
    "max_pool2d_backward",
    "You used places of the padded image in the image itself: subtract p from rows and columns.",
)
def places_are_not_shifted(dout, cache):
    windows, (n, c, h, w), (_, kw), (sh, sw), _ = cache
    places = windows.argmax(dim=1).reshape(dout.shape)
    h_out, w_out = dout.shape[2:]
    row = sh * torch.arange(h_out, device=dout.device)[:, None] + places // kw
    column = sw * torch.arange(w_out, device=dout.device) + places % kw
    flat = row.clamp(max=h - 1) * w + column.clamp(max=w - 1)
    dx = dout.new_zeros(n, c, h * w).scatter_add(2, flat.flatten(2), dout.flatten(2))
    return dx.reshape(n, c, h, w)


@mistake("max_pool2d_backward", "You marked the maxima and forgot to multiply by dout.")
def dout_is_forgotten(dout, cache):
    windows = cache[0]
    first = windows.argmax(dim=1, keepdim=True)
    return _route(_one_hot(first, windows), torch.ones_like(dout), cache)


# avg_pool2d_forward ---------------------------------------------------------------------------


@mistake(
    "avg_pool2d_forward",
    "At the border you divided by the number of real pixels: padding is "
    "counted, so the divisor is KH KW everywhere.",
)
def padding_is_not_counted(x, *, kernel_size, stride=None, padding=0):
    kernel, stride, padding = _pool_sizes(kernel_size, stride, padding)
    n, c, h, w = x.shape
    sizes = {"kernel_size": kernel, "stride": stride, "padding": padding}
    windows = im2col(x.reshape(n * c, 1, h, w), **sizes)
    real = im2col(torch.ones_like(x).reshape(n * c, 1, h, w), **sizes).sum(dim=1)
    h_out = output_size(h, kernel=kernel[0], padding=padding[0], stride=stride[0])
    out = (windows.sum(dim=1) / real).reshape(n, c, h_out, -1)
    return out, (x.shape, kernel, stride, padding)


divisor_is_a_square = mistake(
    "avg_pool2d_forward",
    "You divided by the square of the kernel's height: it is KH KW.",
    change={"windows.mean(dim=1)": "(windows.sum(dim=1) / kernel[0] ** 2)"},
)

windows_are_summed = mistake(
    "avg_pool2d_forward",
    "You summed the windows: divide by KH KW.",
    change={"windows.mean": "windows.sum"},
)

avg_stride_defaults_to_one = mistake(
    "avg_pool2d_forward",
    "Your stride defaults to 1: it defaults to the kernel's size.",
    change={"kernel if stride is None": "(1, 1) if stride is None"},
)

# avg_pool2d_backward --------------------------------------------------------------------------


def _spread_evenly(share, cache, *, keep_last=False):
    """dx, where every pixel of a window gets `share` (N, C, H_out, W_out) of it."""
    (n, c, h, w), kernel, stride, padding = cache
    shape = (n * c, 1, h, w)
    dwindows = share.reshape(-1, 1).expand(-1, kernel[0] * kernel[1])
    padded = _scatter(dwindows, shape, kernel, stride, padding, keep_last=keep_last)
    return _crop(padded, shape, padding).reshape(n, c, h, w)


@mistake("avg_pool2d_backward", "You forgot to divide by KH KW: each pixel gets an equal share.")
def share_is_everything(dout, cache):
    return _spread_evenly(dout, cache)


@mistake("avg_pool2d_backward", "You divided by the square of the kernel's height: it is KH KW.")
def share_is_of_a_square(dout, cache):
    return _spread_evenly(dout / cache[1][0] ** 2, cache)


@mistake("avg_pool2d_backward", "Where windows overlap you kept the share of one: shares add up.")
def shares_are_overwritten(dout, cache):
    _, kernel, _, _ = cache
    return _spread_evenly(dout / (kernel[0] * kernel[1]), cache, keep_last=True)


@mistake("avg_pool2d_backward", "You divided dout in place, which changes the caller's tensor.")
def dout_is_divided_in_place(dout, cache):
    _, kernel, _, _ = cache
    dout /= kernel[0] * kernel[1]
    return _spread_evenly(dout, cache)


@mistake(
    "avg_pool2d_backward",
    "At the border you divided by the number of real pixels: the "
    "forward pass divides by KH KW everywhere.",
)
def share_counts_real_pixels(dout, cache):
    shape, kernel, stride, padding = cache
    ones = dout.new_ones(shape)
    real, _ = avg_pool2d_forward(ones, kernel_size=kernel, stride=stride, padding=padding)
    return avg_pool2d_backward(dout / real, cache)


# on a second device ---------------------------------------------------------------------------

sum_is_gathered_on_the_cpu = mistake(
    "cross_correlate2d",
    "The result is gathered in zeros on the CPU: give torch.zeros the device of x, or use "
    "x.new_zeros.",
    change={"x.new_zeros(h_out, w_out)": "torch.zeros(h_out, w_out, dtype=x.dtype)"},
    on="cuda",
)

channels_mixed_in_numpy = mistake(
    "conv1x1_forward",
    "You go through NumPy, which knows the CPU only: torch has the same product for tensors.",
    change={"pixels @ w.T + b": "torch.from_numpy(pixels.numpy() @ w.T.numpy() + b.numpy())"},
    on="cuda",
)

windows_are_always_on_the_cpu = mistake(
    "max_pool2d_backward",
    'You wrote the device "cpu" into your code, so that the gradients of the windows start there: '
    "ask dout for its device.",
    change={
        "torch.zeros_like(windows)": 'torch.zeros(windows.shape, dtype=dout.dtype, device="cpu")'
    },
    on="cuda",
)
