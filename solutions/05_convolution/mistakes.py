"""Known wrong implementations of this unit, and what to say to a student who has made one.

Each replaces one function of the reference; most are small changes of its text. Where a function is
called by the name that it replaces, it gives the reference's own answers.
"""

from __future__ import annotations

import itertools

import torch
from convolution import (
    _pair,
    avg_pool2d_backward,
    avg_pool2d_forward,
    col2im,
    conv2d_forward,
    im2col,
    max_pool2d_forward,
)

from autograder.testing import mistake

# output_size ----------------------------------------------------------------------------------

size_is_rounded_up = mistake(
    "output_size",
    "Your size is one too large where the windows do not end at the edge: round down, since a "
    "window that hangs over the edge does not count.",
    change={"- kernel) // stride": "- kernel + stride - 1) // stride"},
    equal_in=("conv2d_backward_naive",),
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
    equal_in=("conv2d_backward_naive",),
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

products_are_averaged = mistake(
    "cross_correlate2d",
    "You took the mean of the products: the window is summed.",
    change={"j : j + w_out]": "j : j + w_out] / (kh * kw)"},
)

result_has_the_default_dtype = mistake(
    "cross_correlate2d",
    "Your result is float32 whatever x is: take the dtype from x, and the device as well,"
    " for example with x.new_zeros.",
    change={"x.new_zeros": "torch.zeros"},
)

# convolve2d -----------------------------------------------------------------------------------

convolution_is_correlation = mistake(
    "convolve2d",
    "You did not rotate the kernel: that is cross-correlation.",
    change={"k.flip(0, 1)": "k"},
)

only_rows_are_reversed = mistake(
    "convolve2d",
    "You turned the kernel upside down only: a convolution mirrors it left to right as well.",
    change={"k.flip(0, 1)": "k.flip(0)"},
)

only_columns_are_reversed = mistake(
    "convolve2d",
    "You mirrored the kernel left to right only: a convolution turns it upside down as well.",
    change={"k.flip(0, 1)": "k.flip(1)"},
)

image_is_rotated = mistake(
    "convolve2d",
    "Your result is turned by 180 degrees, as it is when the image is rotated: it is the "
    "kernel that has to be rotated.",
    change={"x, k.flip(0, 1)": "x.flip(0, 1), k"},
)

# im2col ---------------------------------------------------------------------------------------

columns_put_channels_last = mistake(
    "im2col",
    "Your columns are ordered (kh, kw, c): a row holds the whole window of the "
    "first channel, then that of the next, (c, kh, kw).",
    change={"columns.reshape": "columns.movedim(0, 2).reshape"},
    equal_in=("max_pool2d_forward", "avg_pool2d_forward"),
)

rows_put_samples_last = mistake(
    "im2col",
    "Your rows are ordered (h, w, n): all windows of one sample come first.",
    change={"columns.reshape": "columns.movedim(3, 5).reshape"},
)

windows_are_transposed = mistake(
    "im2col",
    "Your windows are transposed: inside a channel the columns run (kh, kw).",
    change={"columns.reshape": "columns.transpose(1, 2).reshape"},
    equal_in=("max_pool2d_forward", "avg_pool2d_forward"),
)

width_moves_by_the_height_stride = mistake(
    "im2col",
    "You used the stride of the height for the width as well.",
    change={"stride=sw": "stride=sh", "j + sw * w_out : sw": "j + sh * w_out : sh"},
    equal_in=("conv2d_backward_naive",),
)

padding_is_all_at_the_end = mistake(
    "im2col",
    "You padded only at the bottom and on the right: zeros go on every side.",
    change={"_pad(x, (ph, pw))": "_pad(x, (ph, pw)).roll((-ph, -pw), (2, 3))"},
    equal_in=("max_pool2d_forward",),
)


@mistake(
    "im2col",
    "You repeated the pixels of the border: the padding is zeros.",
    equal_in=("max_pool2d_forward",),
)
def border_is_repeated(x, *, kernel_size, stride=1, padding=0):
    (h, w), (ph, pw) = x.shape[2:], _pair(padding, "padding", minimum=0)
    rows = torch.arange(-ph, h + ph, device=x.device).clamp(0, h - 1)
    columns = torch.arange(-pw, w + pw, device=x.device).clamp(0, w - 1)
    return im2col(x[:, :, rows][:, :, :, columns], kernel_size=kernel_size, stride=stride)


memory_order_is_assumed = mistake(
    "im2col",
    "Your result depends on how the image lies in memory: for one that is not contiguous,"
    " rows and columns are mixed up.",
    change={"_pad(x,": "_pad(x if x.is_contiguous() else x.mT.reshape(x.shape),"},
    equal_in=("conv2d_backward_naive", "max_pool2d_forward"),
)

# col2im ---------------------------------------------------------------------------------------

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
    equal_in=("max_pool2d_backward", "avg_pool2d_backward"),
)

rows_are_read_samples_last = mistake(
    "col2im",
    "You read the rows as (h, w, n): all windows of one sample come first.",
    change={"n, h_out, w_out)": "h_out, w_out, n).movedim(5, 3)"},
)

# conv2d_forward -------------------------------------------------------------------------------

bias_is_forgotten = mistake(
    "conv2d_forward",
    "You forgot the bias: each output channel has one.",
    change={".T + b": ".T"},
    equal_in=("conv2d_backward_naive",),
)

kernels_are_rotated = mistake(
    "conv2d_forward",
    "You rotated the kernels: a convolution layer cross-correlates.",
    change={"w.reshape": "w.flip(2, 3).reshape"},
)

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

strides_are_exchanged = mistake(
    "conv2d_forward",
    "You exchanged the strides: a pair means (height, width).",
    change={'"stride", minimum=1)': '"stride", minimum=1)[::-1]'},
    equal_in=("conv2d_backward_naive",),
)

bias_is_added_per_channel = mistake(
    "conv2d_forward",
    "You added the bias once per input channel: it is added once.",
    change={".T + b": ".T + c * b"},
    equal_in=("conv2d_backward_naive",),
)


@mistake("conv2d_forward", "You ignored the padding.")
def convolution_ignores_padding(x, w, b, *, stride=1, padding=0):
    _, cache = conv2d_forward(x, w, b, stride=stride, padding=padding)
    height, width = x.shape[2:]  # a kernel that does not fit any more is cut
    return conv2d_forward(x, w[:, :, :height, :width], b, stride=stride)[0], cache


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


def _window_by_window(cols, *, x_shape, kernel_size, stride, padding):
    """Like `col2im`, but every window is assigned, so that a pixel keeps its last one."""
    (n, c, h, w), (kh, kw), (sh, sw), (ph, pw) = x_shape, kernel_size, stride, padding
    h_out, w_out = (h + 2 * ph - kh) // sh + 1, (w + 2 * pw - kw) // sw + 1
    windows = cols.reshape(n, h_out, w_out, c, kh, kw)
    padded = cols.new_zeros(n, c, h + 2 * ph, w + 2 * pw)
    for row, column in itertools.product(range(h_out), range(w_out)):
        place = padded[:, :, row * sh : row * sh + kh, column * sw : column * sw + kw]
        place[:] = windows[:, row, column]
    return padded[:, :, ph : ph + h, pw : pw + w]


dx_overlaps_overwrite = mistake(
    "conv2d_backward",
    "Where windows overlap, you kept one share of dx: they add up.",
    change={"col2im(d": "_window_by_window(d"},
)

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

kernels_are_not_rotated = mistake(
    "conv2d_backward_naive",
    "You did not rotate the kernels by 180 degrees for dx.",
    change={"w.flip(2, 3)": "w"},
)

kernels_are_mirrored = mistake(
    "conv2d_backward_naive",
    "You reversed one axis of the kernels: 180 degrees are both.",
    change={"w.flip(2, 3)": "w.flip(3)"},
)

extra_zeros_come_first = mistake(
    "conv2d_backward_naive",
    "Where the stride does not tile, you put the extra zeros of the spread gradient first: the "
    "pixels that no window saw are at the end.",
    change={"::sh, ::sw": "(h_all - 1) % sh :: sh, (w_all - 1) % sw :: sw"},
)

crop_of_dx_starts_at_the_corner = mistake(
    "conv2d_backward_naive",
    "You cropped dx at the end only: cut p off on every side.",
    change={"ph : ph + height, pw : pw + width": ":height, :width"},
)

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

result_is_rectified = mistake(
    "conv1x1_forward",
    "You applied an activation: the layer itself has none.",
    change={"return out": "return out.clamp(min=0)"},
)

# max_pool2d_forward ---------------------------------------------------------------------------

padding_is_zero = mistake(
    "max_pool2d_forward",
    "You padded with zeros, which win where all pixels are negative: "
    "the padding of max pooling is minus infinity.",
    change={"-torch.inf": "0.0"},
)

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

all_ties_get_the_gradient = mistake(
    "max_pool2d_backward",
    "You sent the gradient to every pixel that ties for the maximum: "
    "only the first in row-major order gets it.",
    change={
        "first = windows.argmax(": "largest = windows == windows.amax(",
        "torch.zeros_like(windows).scatter(1, first, dout.reshape(-1, 1))": (
            "largest * dout.reshape(-1, 1)"
        ),
    },
)

ties_share_the_gradient = mistake(
    "max_pool2d_backward",
    "You divided the gradient among tied pixels: the first in row-major order gets all of it.",
    change={
        "first = windows.argmax(": "largest = windows == windows.amax(",
        "torch.zeros_like(windows).scatter(1, first, dout.reshape(-1, 1))": (
            "dout.reshape(-1, 1) * largest / largest.sum(dim=1, keepdim=True)"
        ),
    },
)

last_tie_gets_the_gradient = mistake(
    "max_pool2d_backward",
    "You sent the gradient to the last of the tied pixels: the first in row-major order gets it.",
    change={"windows.argmax": "windows.shape[1] - 1 - windows.flip(1).argmax"},
)

ties_are_broken_by_column = mistake(
    "max_pool2d_backward",
    "You looked for the first maximum column by column: go row by row.",
    change={
        "windows.argmax": "windows.unflatten(1, kernel).mT.flatten(1).argmax",
        "1, first,": "1, first % kernel[0] * kernel[1] + first // kernel[0],",
    },
)


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


dout_is_forgotten = mistake(
    "max_pool2d_backward",
    "You marked the maxima and forgot to multiply by dout.",
    change={"first, dout.reshape(-1, 1)": "first, 1.0"},
)

# avg_pool2d_forward ---------------------------------------------------------------------------


@mistake(
    "avg_pool2d_forward",
    "At the border you divided by the number of real pixels: padding is "
    "counted, so the divisor is KH KW everywhere.",
)
def padding_is_not_counted(x, **sizes):
    out, cache = avg_pool2d_forward(x, **sizes)
    return out / avg_pool2d_forward(torch.ones_like(x), **sizes)[0], cache


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

share_is_everything = mistake(
    "avg_pool2d_backward",
    "You forgot to divide by KH KW: each pixel gets an equal share.",
    change={" / kernel_area": ""},
)

share_is_of_a_square = mistake(
    "avg_pool2d_backward",
    "You divided by the square of the kernel's height: it is KH KW.",
    change={"/ kernel_area": "/ kernel[0] ** 2"},
)

shares_are_overwritten = mistake(
    "avg_pool2d_backward",
    "Where windows overlap you kept the share of one: shares add up.",
    change={"col2im": "_window_by_window"},
)

dout_is_divided_in_place = mistake(
    "avg_pool2d_backward",
    "You divided dout in place, which changes the caller's tensor.",
    change={"dout.reshape(-1, 1) / kernel_area": "dout.div_(kernel_area).reshape(-1, 1)"},
)


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
    "The gradients of the windows start on the CPU: make them on the device of dout.",
    change={
        "torch.zeros_like(windows)": 'torch.zeros(windows.shape, dtype=dout.dtype, device="cpu")'
    },
    on="cuda",
)
