"""What grades this unit.

The reference over generated sizes, strides, paddings, dtypes and memory layouts, and oracles that
know nothing of it: torch's own layers in float64 (float32 on a GPU may go through TF32), autograd,
counting, identities. The pixels of an image are numbered where order is the question, and rounded
to a few values where ties are.
"""

from __future__ import annotations

import pytest
import torch
from hypothesis import example
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from autograder.testing import (
    Case,
    assert_close,
    assert_inputs_unchanged,
    dtypes,
    exercise,
    given,
    sizes,
    tensors,
)

F32, F64 = torch.float32, torch.float64


# Inputs ---------------------------------------------------------------------------------------


@st.composite
def window_sizes(draw, *, pooling=False):
    """(image size, kernel_size, stride, padding): ints for both axes, or pairs.

    Images are hardly ever square; strides tile or do not; pooling pads at most half a kernel.
    """
    axes = 1 if draw(st.booleans()) else 2
    kernel = tuple(draw(sizes(1, 4)) for _ in range(axes))
    stride = tuple(draw(sizes(1, 3)) for _ in range(axes))
    padding = tuple(draw(st.integers(0, k // 2 if pooling else 2)) for k in kernel)
    least = [max(1, k - 2 * p) for k, p in zip(kernel, padding, strict=True)]
    image = draw(st.integers(least[0], 6)), draw(st.integers(least[-1], 6))
    if axes == 1:
        return image, kernel[0], stride[0], padding[0]
    return image, kernel, stride, padding


def pair(size) -> tuple[int, int]:
    return size if isinstance(size, tuple) else (size, size)


def counts(image, kernel_size, stride, padding) -> tuple[int, ...]:
    """(H_out, W_out), by counting the positions."""
    sizes_of_axes = zip(image, pair(kernel_size), pair(stride), pair(padding), strict=True)
    return tuple(len(range(0, n + 2 * p - k + 1, s)) for n, k, s, p in sizes_of_axes)


@st.composite
def image_cases(draw, *, pooling=False, dout=False, **how):
    """Images, sizes of windows, and for pooling an upstream gradient. `how` goes to `tensors`."""
    image, kernel_size, stride, padding = draw(window_sizes(pooling=pooling))
    n, c = draw(sizes(1, 3)), draw(sizes(1, 3))
    dtype = draw(dtypes())
    fields = {"x": draw(tensors(n, c, *image, dtype=dtype, **how))}
    if dout:
        out = counts(image, kernel_size, stride, padding)
        layout = how.get("layout", "contiguous")
        fields["dout"] = draw(tensors(n, c, *out, dtype=dtype, layout=layout))
    return Case(**fields, kernel_size=kernel_size, stride=stride, padding=padding)


@st.composite
def column_cases(draw, **how):
    """A matrix of the shape that `im2col` returns, and an image of the same sizes."""
    image, kernel_size, stride, padding = draw(window_sizes())
    n, c = draw(sizes(1, 3)), draw(sizes(1, 3))
    dtype = draw(dtypes())
    h_out, w_out = counts(image, kernel_size, stride, padding)
    kh, kw = pair(kernel_size)
    return Case(
        cols=draw(tensors(n * h_out * w_out, c * kh * kw, dtype=dtype, **how)),
        x=draw(tensors(n, c, *image, dtype=dtype)),
        kernel_size=kernel_size,
        stride=stride,
        padding=padding,
    )


@st.composite
def convolution_cases(draw, **how):
    """Images, kernels, biases and an upstream gradient."""
    image, kernel_size, stride, padding = draw(window_sizes())
    n, c, c_out = draw(sizes(1, 3)), draw(sizes(1, 3)), draw(sizes(1, 3))
    dtype = draw(dtypes())
    out = counts(image, kernel_size, stride, padding)
    return Case(
        x=draw(tensors(n, c, *image, dtype=dtype, **how)),
        w=draw(tensors(c_out, c, *pair(kernel_size), dtype=dtype, **how)),
        b=draw(tensors(c_out, dtype=dtype, **how)),
        dout=draw(tensors(n, c_out, *out, dtype=dtype, **how)),
        stride=stride,
        padding=padding,
    )


@st.composite
def kernel_cases(draw, **how):
    """An image (H, W) and a kernel that fits into it."""
    kernel = draw(sizes(1, 4)), draw(sizes(1, 4))
    image = draw(st.integers(kernel[0], 6)), draw(st.integers(kernel[1], 6))
    dtype = draw(dtypes())
    return Case(
        x=draw(tensors(*image, dtype=dtype, **how)), k=draw(tensors(*kernel, dtype=dtype, **how))
    )


@st.composite
def pixel_cases(draw, **how):
    """Images, and the weights of a 1x1 convolution."""
    n, c, c_out = draw(sizes(1, 3)), draw(sizes(1, 4)), draw(sizes(1, 4))
    dtype = draw(dtypes())
    return Case(
        x=draw(tensors(n, c, draw(sizes()), draw(sizes()), dtype=dtype, **how)),
        w=draw(tensors(c_out, c, dtype=dtype, **how)),
        b=draw(tensors(c_out, dtype=dtype, **how)),
    )


@st.composite
def large_cases(draw):
    """A layer large enough that the way it is computed decides how long it takes."""
    n, c, c_out, h, w = 8, 3, 4, 30, 32
    shapes = {"x": (n, c, h, w), "w": (c_out, c, 3, 3), "b": (c_out,), "dout": (n, c_out, h, w)}
    fields = {name: draw(tensors(*shape, dtype=F32)) for name, shape in shapes.items()}
    return Case(**fields, cols=draw(tensors(n * h * w, c * 9, dtype=F32)), padding=1)


def numbered(*shape: int) -> Tensor:
    """Elements 1, 2, 3, ...: each tells where it came from."""
    return torch.arange(1, torch.Size(shape).numel() + 1, dtype=F64).reshape(shape)


def scrambled(*shape: int) -> Tensor:
    """Elements that are all different, in no simple order, of both signs."""
    k = torch.arange(torch.Size(shape).numel(), dtype=F64)
    return ((k * 7919) % 1009 / 100 - 5).reshape(shape)


def hard_window(x: Tensor, kernel_size, stride, padding, **others: Tensor) -> Case:
    return Case(x=x, kernel_size=kernel_size, stride=stride, padding=padding, **others)


def hard_convolution(n, c, c_out, image, kernel, stride, padding) -> Case:
    """A fixed convolution with different numbers everywhere."""
    out = counts(image, kernel, stride, padding)
    return Case(
        x=scrambled(n, c, *image),
        w=scrambled(c_out, c, *kernel).flip(0),
        b=scrambled(c_out) / 2,
        dout=scrambled(n, c_out, *out).flip(1),
        stride=stride,
        padding=padding,
    )


# Every size is different, and neither stride tiles: (7 + 2 - 3) mod 4 = 2, (5 + 4 - 2) mod 3 = 1.
UNEVEN = hard_convolution(2, 3, 4, (7, 5), (3, 2), (4, 3), (1, 2))
# The same numbers for N, C and C_out: axes that are exchanged keep the shape.
ALIKE = hard_convolution(3, 3, 3, (3, 3), (3, 3), 1, 1)
# One of everything but pixels; and a kernel as large as the padded image.
SINGLE = hard_convolution(1, 1, 1, (4, 6), (1, 1), 2, 0)
WHOLE = hard_convolution(2, 1, 2, (2, 3), (4, 7), 1, (1, 2))
# Hardly anything but padding.
PADDED = hard_convolution(1, 2, 1, (1, 2), (1, 1), 1, (4, 5))


def window_arguments(case: Case) -> dict:
    return {"kernel_size": case.kernel_size, "stride": case.stride, "padding": case.padding}


def step_arguments(case: Case) -> dict:
    return {"stride": case.stride, "padding": case.padding}


def in_float64(function, inputs, dout=None):
    """A library's result in float64, or its gradients by autograd, in the dtype of the inputs."""
    dtype = inputs[0].dtype
    leaves = [tensor.detach().double().requires_grad_() for tensor in inputs]
    out = function(*leaves)
    if dout is None:
        return out.detach().to(dtype)
    return [g.to(dtype) for g in torch.autograd.grad(out, leaves, dout.double())]


def assert_refuses(function, *cases) -> None:
    """Each case is (name, positional arguments, keyword arguments) of a call that must raise a
    ValueError which speaks of that name."""
    for name, args, kwargs in cases:
        with pytest.raises(ValueError, match=rf"\b{name}\b"):
            function(*args, **kwargs)


def wrong_windows(*args: Tensor, pooling=False) -> list:
    """Sizes of windows that make no sense on the axes (4, 5) of images, for `assert_refuses`."""
    wrong = [
        ("kernel_size", {"kernel_size": 0}),
        ("kernel_size", {"kernel_size": (1, 2, 3)}),
        ("kernel_size", {"kernel_size": 2.0}),
        ("kernel_size", {"kernel_size": (2.0, 2)}),
        ("kernel", {"kernel_size": (5, 1)}),
        ("kernel", {"kernel_size": (1, 6)}),
        ("stride", {"kernel_size": 2, "stride": 0}),
        ("stride", {"kernel_size": 2, "stride": (1, 0)}),
        ("padding", {"kernel_size": 2, "padding": (-1, 0)}),
    ]
    if pooling:
        wrong += [("padding", {"kernel_size": 2, "padding": (0, 2)})]
        wrong += [("padding", {"kernel_size": (3, 2), "padding": (2, 0)})]
    else:  # one pixel more than fits
        wrong += [("kernel", {"kernel_size": (7, 1), "padding": (1, 9)})]
        wrong += [("kernel", {"kernel_size": (1, 8), "padding": (9, 1)})]
    return [(name, args, kwargs) for name, kwargs in wrong]


# output_size ----------------------------------------------------------------------------------


@exercise("output_size", points=1)
@given(n=sizes(1, 9), k=sizes(1, 5), p=st.integers(0, 3), s=sizes(1, 4), examples=20)
def test_output_size_counts_the_windows_that_fit(student, device, n, k, p, s):
    kernel = min(k, n + 2 * p)
    got = student.output_size(n, kernel=kernel, padding=p, stride=s)
    assert_close(got, len(range(0, n + 2 * p - kernel + 1, s)), "the number of windows")


@exercise("output_size", points=1)
def test_output_size_of_the_hard_cases_and_of_none(student, device):
    # What is left over is one pixel less than a stride, then exactly one stride.
    assert_close(student.output_size(10, kernel=3, padding=0, stride=4), 2, "remainder 3 of 4")
    assert_close(student.output_size(11, kernel=3, padding=0, stride=4), 3, "no remainder")
    assert_close(student.output_size(224, kernel=7, padding=3, stride=2), 112, "ResNet's first")
    assert_close(student.output_size(224, kernel=11, padding=2, stride=4), 55, "AlexNet's first")
    assert_close(student.output_size(28, kernel=5, padding=2), 28, "padding that keeps the size")
    assert_close(
        student.output_size(1, kernel=5, padding=2, stride=3), 1, "more padding than image"
    )
    assert_close(student.output_size(3, kernel=1, stride=5), 1, "a stride larger than the image")
    assert_refuses(
        student.output_size,
        ("n", (0,), {"kernel": 1, "padding": 1}),
        ("kernel", (3,), {"kernel": 0}),
        ("padding", (3,), {"kernel": 1, "padding": -1}),
        ("stride", (3,), {"kernel": 1, "stride": 0}),
        ("kernel", (3,), {"kernel": 4}),
        ("kernel", (3,), {"kernel": 6, "padding": 1}),
    )


# cross_correlate2d ----------------------------------------------------------------------------


@exercise("cross_correlate2d", points=2)
@given(case=kernel_cases(), examples=14)
@example(case=Case(x=numbered(3, 5), k=numbered(2, 3)))
@example(case=Case(x=numbered(2, 2), k=numbered(2, 2)))
def test_cross_correlate2d_matches_the_library(student, device, case):
    expected = in_float64(functional.conv2d, (case.x[None, None], case.k[None, None]))
    assert_close(student.cross_correlate2d(case.x, case.k), expected[0, 0], "y")


@exercise("cross_correlate2d", points=1)
@given(case=kernel_cases(layout="any"), examples=6)
def test_cross_correlate2d_takes_any_layout_and_changes_nothing(student, reference, device, case):
    got = student.cross_correlate2d(case.x, case.k)
    assert_close(got, reference.cross_correlate2d(case.x, case.k), "y")
    assert_inputs_unchanged(student)
    large = case.x.new_ones(1, 7)
    assert_refuses(
        student.cross_correlate2d,
        ("x", (case.x[0], case.k), {}),
        ("k", (case.x, large.T[None]), {}),
        ("kernel", (case.x, large), {}),
        ("kernel", (case.x, large.T), {}),
    )


# convolve2d -----------------------------------------------------------------------------------


@exercise("convolve2d", points=1)
@given(case=kernel_cases(), examples=12)
@example(case=Case(x=numbered(4, 6), k=numbered(3, 2)))
def test_convolve2d_matches_the_library(student, device, case):
    """The transposed convolution of a library writes the kernel around each pixel, unrotated."""
    kh, kw = case.k.shape
    full = in_float64(functional.conv_transpose2d, (case.x[None, None], case.k[None, None]))
    valid = full[0, 0, kh - 1 : case.x.shape[0], kw - 1 : case.x.shape[1]]
    assert_close(student.convolve2d(case.x, case.k), valid, "y")


@exercise("convolve2d", points=1)
@given(case=kernel_cases(layout="any"), examples=6)
def test_convolve2d_takes_any_layout_and_changes_nothing(student, reference, device, case):
    assert_close(student.convolve2d(case.x, case.k), reference.convolve2d(case.x, case.k), "y")
    assert_inputs_unchanged(student)
    large = case.x.new_ones(1, 7)
    assert_refuses(
        student.convolve2d,
        ("x", (case.x[0], case.k), {}),
        ("k", (case.x, large.T[None]), {}),
        ("kernel", (case.x, large), {}),
        ("kernel", (case.x, large.T), {}),
    )


# im2col ---------------------------------------------------------------------------------------


@exercise("im2col", points=2)
@given(case=image_cases(), examples=14)
def test_im2col_matches_the_reference(student, reference, device, case):
    sizes_ = window_arguments(case)
    assert_close(student.im2col(case.x, **sizes_), reference.im2col(case.x, **sizes_), "cols")


@exercise("im2col", points=2)
@given(case=image_cases(), examples=4)
@example(case=hard_window(numbered(2, 3, 5, 4), (2, 3), (1, 1), (0, 0)))  # rows n, h, w
@example(case=hard_window(numbered(2, 2, 3, 3), 2, 1, 0))  # N = C = KH = KW
@example(case=hard_window(numbered(1, 1, 7, 6), (3, 2), (3, 2), (1, 2)))  # axes that differ
@example(case=hard_window(numbered(1, 2, 5, 5), 2, 3, 1))  # (5 + 2 - 2) mod 3 = 2
@example(case=hard_window(numbered(2, 1, 1, 1), 5, 2, 2))  # all window, hardly an image
@example(case=hard_window(numbered(1, 2, 1, 2), 1, 1, (4, 5)))  # hardly anything but padding
def test_im2col_orders_rows_and_columns_as_the_library_does(student, device, case):
    columns = in_float64(lambda x: functional.unfold(x, **window_arguments(case)), (case.x,))
    got = student.im2col(case.x, **window_arguments(case))
    assert_close(got, columns.transpose(1, 2).flatten(0, 1), "cols")


@exercise("im2col", points=1)
@given(case=image_cases(layout="any"), examples=12)
@example(case=hard_window(numbered(2, 4, 3, 2).permute(0, 3, 2, 1), 2, 1, 0))
def test_im2col_takes_any_layout(student, reference, device, case):
    sizes_ = window_arguments(case)
    assert_close(student.im2col(case.x, **sizes_), reference.im2col(case.x, **sizes_), "cols")


@exercise("im2col", points=1)
@given(case=image_cases(layout="any"), examples=3)
def test_im2col_has_its_defaults_and_changes_nothing(student, reference, device, case):
    kernel = case.x.shape[2], 1
    got = student.im2col(case.x, kernel_size=kernel)
    assert_close(got, reference.im2col(case.x, kernel_size=kernel), "cols for stride 1, padding 0")
    student.im2col(case.x, **window_arguments(case))
    assert_inputs_unchanged(student)
    image = case.x.new_ones(1, 1, 4, 5)
    assert_refuses(student.im2col, ("x", (image[0],), {"kernel_size": 1}), *wrong_windows(image))


@exercise("im2col", points=1, speed=5)
@given(case=large_cases(), examples=8)
def test_im2col_is_fast(student, reference, case):
    sizes_ = {"kernel_size": 3, "padding": 1}
    assert_close(student.im2col(case.x, **sizes_), reference.im2col(case.x, **sizes_), "cols")


# col2im ---------------------------------------------------------------------------------------


@exercise("col2im", points=2)
@given(case=column_cases(), examples=14)
def test_col2im_matches_the_reference(student, reference, device, case):
    arguments = {"x_shape": tuple(case.x.shape), **window_arguments(case)}
    got = student.col2im(case.cols, **arguments)
    assert_close(got, reference.col2im(case.cols, **arguments), "the image")


@exercise("col2im", points=1)
@given(case=column_cases(), examples=10)
def test_col2im_is_the_adjoint_of_im2col(student, reference, device, case):
    """<im2col(x), c> = <x, col2im(c)> for all x and c."""
    back = student.col2im(case.cols, x_shape=tuple(case.x.shape), **window_arguments(case))
    assert_close(tuple(back.shape), tuple(case.x.shape), "the shape of the image")
    cols = reference.im2col(case.x, **window_arguments(case))
    largest = max(1.0, float(case.x.norm() * case.cols.norm()))
    assert_close((case.x * back).sum(), (cols * case.cols).sum(), "<x, col2im(c)>", floor=largest)


@exercise("col2im", points=1)
def test_col2im_adds_overlaps_and_leaves_unseen_pixels_zero(student, device):
    for image, kernel, stride, padding in (
        ((5, 4), (3, 2), (1, 1), (0, 0)),  # overlaps along both axes
        ((6, 7), (3, 3), (2, 2), (1, 1)),  # the pooling of AlexNet, padded
        ((6, 5), (1, 2), (2, 3), (0, 0)),  # gaps between windows, pixels over at the end
        ((3, 4), (2, 3), (1, 2), (2, 1)),  # windows that lie in the padding
    ):
        h_out, w_out = counts(image, kernel, stride, padding)
        cols = numbered(2 * h_out * w_out, 2 * kernel[0] * kernel[1]).to(device)
        arguments = {"kernel_size": kernel, "stride": stride, "padding": padding}
        got = student.col2im(cols, x_shape=(2, 2, *image), **arguments)
        matrices = cols.reshape(2, h_out * w_out, -1).transpose(1, 2)
        assert_close(got, functional.fold(matrices, image, **arguments), "the image")
    cols, shape = numbered(40, 4).to(device), {"x_shape": (2, 1, 5, 6)}
    assert_refuses(
        student.col2im,
        ("cols", (cols[0],), {"kernel_size": 2, **shape}),
        ("cols", (cols[:, :3],), {"kernel_size": 2, **shape}),
        ("cols", (cols[:39],), {"kernel_size": 2, **shape}),
        ("x_shape", (cols,), {"kernel_size": 2, "x_shape": (1, 5, 6)}),
        *(
            (name, (cols,), {**sizes_, "x_shape": (2, 1, 4, 5)})
            for name, _, sizes_ in wrong_windows()
        ),
    )


@exercise("col2im", points=1)
@given(case=column_cases(layout="any"), examples=12)
def test_col2im_takes_any_layout(student, reference, device, case):
    arguments = {"x_shape": tuple(case.x.shape), **window_arguments(case)}
    got = student.col2im(case.cols, **arguments)
    assert_close(got, reference.col2im(case.cols, **arguments), "the image")


@exercise("col2im", points=1)
@given(case=column_cases(layout="any"), examples=6)
def test_col2im_has_its_defaults_and_changes_nothing(student, reference, device, case):
    n, c, h, w = case.x.shape
    student.col2im(case.cols, x_shape=(n, c, h, w), **window_arguments(case))
    # Kernels of one pixel: each row is a pixel of all channels.
    rows = case.x.permute(0, 2, 3, 1).reshape(-1, c)
    assert_close(student.col2im(rows, x_shape=(n, c, h, w), kernel_size=1), case.x, "the image")
    assert_inputs_unchanged(student)


@exercise("col2im", points=2, speed=5)
@given(case=large_cases(), examples=8)
def test_col2im_is_fast(student, reference, case):
    arguments = {"x_shape": tuple(case.x.shape), "kernel_size": 3, "padding": 1}
    got = student.col2im(case.cols, **arguments)
    assert_close(got, reference.col2im(case.cols, **arguments), "the image")


# conv2d_forward -------------------------------------------------------------------------------


@exercise("conv2d_forward", points=2)
@given(case=convolution_cases(), examples=14)
def test_conv2d_forward_matches_the_reference(student, reference, device, case):
    out, _ = student.conv2d_forward(case.x, case.w, case.b, **step_arguments(case))
    expected, _ = reference.conv2d_forward(case.x, case.w, case.b, **step_arguments(case))
    assert_close(out, expected, "y")


@exercise("conv2d_forward", points=2)
@given(case=convolution_cases(), examples=4)
@example(case=UNEVEN)
@example(case=ALIKE)
@example(case=SINGLE)
@example(case=WHOLE)
@example(case=PADDED)
def test_conv2d_forward_of_hard_cases_matches_the_library(student, device, case):
    out, _ = student.conv2d_forward(case.x, case.w, case.b, **step_arguments(case))
    expected = in_float64(
        lambda x, w, b: functional.conv2d(x, w, b, **step_arguments(case)), (case.x, case.w, case.b)
    )
    assert_close(out, expected, "y")


@exercise("conv2d_forward", points=1)
@given(case=convolution_cases(layout="any"), examples=12)
def test_conv2d_forward_takes_any_layout(student, reference, device, case):
    out, _ = student.conv2d_forward(case.x, case.w, case.b, **step_arguments(case))
    expected, _ = reference.conv2d_forward(case.x, case.w, case.b, **step_arguments(case))
    assert_close(out, expected, "y")


@exercise("conv2d_forward", points=1)
@given(case=convolution_cases(layout="any"), examples=3)
def test_conv2d_forward_has_its_defaults_and_changes_nothing(student, reference, device, case):
    x, w, b = case.x, case.w[:, :, :1, :1], case.b
    out, _ = student.conv2d_forward(x, w, b)
    assert_close(out, reference.conv2d_forward(x, w, b)[0], "y for stride 1, padding 0")
    student.conv2d_forward(x, case.w, b, **step_arguments(case))
    assert_inputs_unchanged(student)
    large, channels = w.new_ones(len(w), w.shape[1], 1, 11), torch.cat([w, w], dim=1)
    assert_refuses(
        student.conv2d_forward,
        ("x", (x[0], w, b), {}),
        ("w", (x, w[0], b), {}),
        ("w", (x, channels, b), {}),
        ("b", (x, w, torch.cat([b, b])), {}),
        ("b", (x, w, b[:, None]), {}),
        ("kernel", (x, large, b), {"padding": (6, 1)}),
        ("kernel", (x, large.transpose(2, 3), b), {"padding": (1, 6)}),
        ("stride", (x, w, b), {"stride": (1, 0)}),
        ("padding", (x, w, b), {"padding": -1}),
    )


@exercise("conv2d_forward", points=2, speed=5)
@given(case=large_cases(), examples=8)
def test_conv2d_forward_is_fast(student, reference, case):
    out, _ = student.conv2d_forward(case.x, case.w, case.b, padding=1)
    assert_close(out, reference.conv2d_forward(case.x, case.w, case.b, padding=1)[0], "y")


# conv2d_backward ------------------------------------------------------------------------------


def convolution_gradients(case: Case) -> list[Tensor]:
    """dx, dw, db by autograd through the library."""
    return in_float64(
        lambda x, w, b: functional.conv2d(x, w, b, **step_arguments(case)),
        (case.x, case.w, case.b),
        case.dout,
    )


@exercise("conv2d_backward", points=2)
@given(case=convolution_cases(), examples=12)
@example(case=UNEVEN)
def test_conv2d_backward_gives_the_gradient_of_the_images(student, device, case):
    _, cache = student.conv2d_forward(case.x, case.w, case.b, **step_arguments(case))
    dx, _, _ = student.conv2d_backward(case.dout, cache)
    assert_close(dx, convolution_gradients(case)[0], "dx")


@exercise("conv2d_backward", points=2)
@given(case=convolution_cases(), examples=12)
@example(case=UNEVEN)
def test_conv2d_backward_gives_the_gradient_of_the_kernels(student, device, case):
    _, cache = student.conv2d_forward(case.x, case.w, case.b, **step_arguments(case))
    _, dw, _ = student.conv2d_backward(case.dout, cache)
    assert_close(dw, convolution_gradients(case)[1], "dw")


@exercise("conv2d_backward", points=1)
@given(case=convolution_cases(), examples=6)
@example(case=UNEVEN)
def test_conv2d_backward_gives_the_gradient_of_the_biases(student, device, case):
    _, cache = student.conv2d_forward(case.x, case.w, case.b, **step_arguments(case))
    _, _, db = student.conv2d_backward(case.dout, cache)
    assert_close(db, convolution_gradients(case)[2], "db")


@exercise("conv2d_backward", points=1)
@given(case=convolution_cases(), examples=1)
@example(case=ALIKE)
@example(case=SINGLE)
@example(case=WHOLE)
def test_conv2d_backward_matches_the_reference_on_hard_cases(student, reference, device, case):
    _, cache = student.conv2d_forward(case.x, case.w, case.b, **step_arguments(case))
    _, known = reference.conv2d_forward(case.x, case.w, case.b, **step_arguments(case))
    expected = reference.conv2d_backward(case.dout, known)
    assert_close(student.conv2d_backward(case.dout, cache), expected, "(dx, dw, db)")


@exercise("conv2d_backward", points=1)
@given(case=convolution_cases(), examples=5)
def test_conv2d_backward_is_linear_in_dout(student, device, case):
    _, cache = student.conv2d_forward(case.x, case.w, case.b, **step_arguments(case))
    once = convolution_gradients(case)
    thrice = student.conv2d_backward(-3 * case.dout, cache)
    assert_close(thrice, [-3 * g for g in once], "(dx, dw, db) of -3 dout")
    nothing = student.conv2d_backward(torch.zeros_like(case.dout), cache)
    assert_close(nothing, [torch.zeros_like(g) for g in once], "(dx, dw, db) of zeros")


@exercise("conv2d_backward", points=1)
@given(case=convolution_cases(layout="any"), examples=12)
def test_conv2d_backward_takes_any_layout(student, reference, device, case):
    _, cache = student.conv2d_forward(case.x, case.w, case.b, **step_arguments(case))
    _, known = reference.conv2d_forward(case.x, case.w, case.b, **step_arguments(case))
    expected = reference.conv2d_backward(case.dout, known)
    assert_close(student.conv2d_backward(case.dout, cache), expected, "(dx, dw, db)")


@exercise("conv2d_backward", points=1)
@given(case=convolution_cases(), examples=6)
def test_conv2d_backward_leaves_its_cache_alone(student, device, case):
    """The cache survives another call with inputs of the same sizes, and can be used twice."""
    _, cache = student.conv2d_forward(case.x, case.w, case.b, **step_arguments(case))
    student.conv2d_forward(case.x + 1, 2 * case.w, case.b, **step_arguments(case))
    expected = convolution_gradients(case)
    assert_close(student.conv2d_backward(case.dout, cache), expected, "(dx, dw, db)")
    assert_close(student.conv2d_backward(case.dout, cache), expected, "(dx, dw, db) once more")
    assert_inputs_unchanged(student)
    assert_refuses(student.conv2d_backward, ("dout", (case.dout[0], cache), {}))


@exercise("conv2d_backward", points=2, speed=5)
@given(case=large_cases(), examples=8)
def test_conv2d_backward_is_fast(student, reference, case):
    _, cache = student.conv2d_forward(case.x, case.w, case.b, padding=1)
    _, known = reference.conv2d_forward(case.x, case.w, case.b, padding=1)
    expected = reference.conv2d_backward(case.dout, known)
    assert_close(student.conv2d_backward(case.dout, cache), expected, "(dx, dw, db)")


# conv2d_backward_naive ------------------------------------------------------------------------


@exercise("conv2d_backward_naive", points=2)
@given(case=convolution_cases(), examples=12)
@example(case=ALIKE)
@example(case=WHOLE)
def test_conv2d_backward_naive_gives_the_gradient_of_the_images(student, device, case):
    _, cache = student.conv2d_forward(case.x, case.w, case.b, **step_arguments(case))
    dx, _, _ = student.conv2d_backward_naive(case.dout, cache)
    assert_close(dx, convolution_gradients(case)[0], "dx")


@exercise("conv2d_backward_naive", points=1)
@given(case=convolution_cases(), examples=10)
@example(case=ALIKE)
def test_conv2d_backward_naive_gives_the_gradients_of_the_weights(student, device, case):
    _, cache = student.conv2d_forward(case.x, case.w, case.b, **step_arguments(case))
    _, dw, db = student.conv2d_backward_naive(case.dout, cache)
    assert_close((dw, db), convolution_gradients(case)[1:], "(dw, db)")


@exercise("conv2d_backward_naive", points=1)
@given(case=convolution_cases(), examples=1)
@example(case=UNEVEN)
@example(case=hard_convolution(1, 2, 1, (6, 5), (3, 1), (2, 4), (0, 1)))
@example(case=hard_convolution(2, 1, 1, (4, 8), (2, 2), 3, 2))
def test_conv2d_backward_naive_allows_strides_that_do_not_tile(student, device, case):
    _, cache = student.conv2d_forward(case.x, case.w, case.b, **step_arguments(case))
    gradients = student.conv2d_backward_naive(case.dout, cache)
    assert_close(gradients, convolution_gradients(case), "(dx, dw, db)")


@exercise("conv2d_backward_naive", points=1)
@given(case=convolution_cases(layout="any"), examples=10)
def test_conv2d_backward_naive_takes_any_layout(student, reference, device, case):
    _, cache = student.conv2d_forward(case.x, case.w, case.b, **step_arguments(case))
    _, known = reference.conv2d_forward(case.x, case.w, case.b, **step_arguments(case))
    expected = reference.conv2d_backward_naive(case.dout, known)
    assert_close(student.conv2d_backward_naive(case.dout, cache), expected, "(dx, dw, db)")


@exercise("conv2d_backward_naive", points=1)
@given(case=convolution_cases(), examples=5)
def test_conv2d_backward_naive_is_linear_and_leaves_its_cache_alone(student, device, case):
    _, cache = student.conv2d_forward(case.x, case.w, case.b, **step_arguments(case))
    student.conv2d_forward(case.x + 1, 2 * case.w, case.b, **step_arguments(case))
    expected = convolution_gradients(case)
    got = student.conv2d_backward_naive(-2 * case.dout, cache)
    assert_close(got, [-2 * g for g in expected], "(dx, dw, db) of -2 dout")
    assert_close(student.conv2d_backward_naive(case.dout, cache), expected, "(dx, dw, db)")
    assert_inputs_unchanged(student)
    assert_refuses(student.conv2d_backward_naive, ("dout", (case.dout[0], cache), {}))


# conv1x1_forward ------------------------------------------------------------------------------


@exercise("conv1x1_forward", points=2)
@given(case=pixel_cases(), examples=12)
@example(case=Case(x=numbered(2, 3, 3, 3), w=scrambled(3, 3), b=scrambled(3)))
@example(case=Case(x=numbered(1, 1, 1, 1), w=scrambled(4, 1), b=scrambled(4)))
def test_conv1x1_forward_is_a_convolution_with_kernels_of_one_pixel(student, device, case):
    out, _ = student.conv1x1_forward(case.x, case.w, case.b)
    expected = in_float64(functional.conv2d, (case.x, case.w[:, :, None, None], case.b))
    assert_close(out, expected, "y")


@exercise("conv1x1_forward", points=1)
@given(case=pixel_cases(layout="any"), examples=6)
def test_conv1x1_forward_takes_any_layout_and_changes_nothing(student, reference, device, case):
    out, _ = student.conv1x1_forward(case.x, case.w, case.b)
    assert_close(out, reference.conv1x1_forward(case.x, case.w, case.b)[0], "y")
    assert_inputs_unchanged(student)
    x, w, b = case.x, case.w, case.b
    assert_refuses(
        student.conv1x1_forward,
        ("x", (x[0], w, b), {}),
        ("w", (x, w[:, :, None, None], b), {}),
        ("w", (x, torch.cat([w, w], dim=1), b), {}),
        ("b", (x, w, torch.cat([b, b])), {}),
        ("b", (x, w, b[:, None]), {}),
    )


# max_pool2d_forward ---------------------------------------------------------------------------


@exercise("max_pool2d_forward", points=2)
@given(case=image_cases(pooling=True), examples=14)
@example(case=hard_window(scrambled(2, 3, 5, 4), (3, 2), (1, 2), (1, 0)))
@example(case=hard_window(scrambled(2, 2, 4, 4), 2, 2, 0))  # square: tiles can be exchanged
def test_max_pool2d_forward_matches_the_reference(student, reference, device, case):
    out, _ = student.max_pool2d_forward(case.x, **window_arguments(case))
    expected, _ = reference.max_pool2d_forward(case.x, **window_arguments(case))
    assert_close(out, expected, "y")


@exercise("max_pool2d_forward", points=1)
@given(case=image_cases(pooling=True), examples=3)
@example(case=hard_window(-numbered(2, 2, 4, 5), (2, 3), (2, 2), (1, 1)))
@example(case=hard_window(-1e4 - numbered(1, 2, 3, 3), 3, 1, 1))
@example(case=hard_window(-numbered(1, 1, 1, 1), 4, 1, 2))
def test_max_pool2d_forward_never_takes_the_padding(student, device, case):
    negative = -case.x.abs() - 1
    out, _ = student.max_pool2d_forward(negative, **window_arguments(case))
    pool = functional.max_pool2d(negative.double(), **window_arguments(case))
    assert_close(out, pool.to(case.x.dtype), "y of negative pixels")


@exercise("max_pool2d_forward", points=1)
def test_max_pool2d_forward_has_its_defaults_and_rounds_down(student, device):
    for image, kernel, stride in (
        ((6, 4), (3, 2), None),  # side by side
        ((7, 5), 2, None),  # one row and one column over
        ((5, 8), (2, 3), (2, 2)),
        ((8, 6), 3, 2),  # the pooling of AlexNet: 8 does not tile, 6 does not either
        ((4, 4), 1, 3),
    ):
        x = scrambled(2, 2, *image).to(device)
        given_stride = {} if stride is None else {"stride": stride}
        out, _ = student.max_pool2d_forward(x, kernel_size=kernel, **given_stride)
        assert_close(out, functional.max_pool2d(x, kernel, stride), f"y for stride {stride}")
    images = scrambled(1, 2, 4, 5).to(device)
    assert_refuses(
        student.max_pool2d_forward,
        ("x", (images[0],), {"kernel_size": 1}),
        *wrong_windows(images, pooling=True),
    )


@exercise("max_pool2d_forward", points=1)
@given(case=image_cases(pooling=True, layout="any"), examples=12)
def test_max_pool2d_forward_takes_any_layout(student, reference, device, case):
    out, _ = student.max_pool2d_forward(case.x, **window_arguments(case))
    expected, _ = reference.max_pool2d_forward(case.x, **window_arguments(case))
    assert_close(out, expected, "y")


@exercise("max_pool2d_forward", points=1)
@given(case=image_cases(pooling=True, layout="any", values="ties"), examples=6)
def test_max_pool2d_forward_changes_nothing(student, reference, device, case):
    out, _ = student.max_pool2d_forward(case.x, **window_arguments(case))
    expected, _ = reference.max_pool2d_forward(case.x, **window_arguments(case))
    assert_close(out, expected, "y")
    assert_inputs_unchanged(student)


# max_pool2d_backward --------------------------------------------------------------------------


def max_gradient(case: Case) -> Tensor:
    """dx by autograd through the library, on the CPU: the first maximum there."""
    x = case.x.detach().cpu().double().requires_grad_()
    out = functional.max_pool2d(x, **window_arguments(case))
    return torch.autograd.grad(out, x, case.dout.cpu().double())[0].to(case.x)


@exercise("max_pool2d_backward", points=2)
@given(case=image_cases(pooling=True, dout=True), examples=12)
@example(case=hard_window(scrambled(2, 2, 5, 4), (2, 3), (2, 3), (1, 1), dout=numbered(2, 2, 3, 2)))
def test_max_pool2d_backward_sends_gradients_to_the_maxima(student, device, case):
    _, cache = student.max_pool2d_forward(case.x, **window_arguments(case))
    assert_close(student.max_pool2d_backward(case.dout, cache), max_gradient(case), "dx")


@exercise("max_pool2d_backward", points=2)
@given(case=image_cases(pooling=True, dout=True, values="ties"), examples=12)
@example(case=hard_window(torch.zeros(1, 2, 4, 5, dtype=F64), 2, 2, 0, dout=numbered(1, 2, 2, 2)))
@example(case=hard_window(torch.ones(2, 1, 3, 3, dtype=F64), 3, 1, 1, dout=numbered(2, 1, 3, 3)))
@example(  # the first row by row is not the first column by column, nor the last
    case=hard_window(
        torch.tensor([[[[0.0, 0, 1], [1, 0, 1]]]], dtype=F64), (2, 3), 1, 0,
        dout=torch.tensor([[[[5.0]]]], dtype=F64),
    )
)  # fmt: skip
def test_max_pool2d_backward_breaks_ties_by_the_first(student, device, case):
    _, cache = student.max_pool2d_forward(case.x, **window_arguments(case))
    dx = student.max_pool2d_backward(case.dout, cache)
    assert_close(dx, max_gradient(case), "dx of tied pixels")
    total = case.dout.double().sum()
    size = max(1.0, float(case.dout.abs().sum()))
    assert_close(dx.double().sum(), total, "the sum of dx", tol=1e-5, floor=size)


@exercise("max_pool2d_backward", points=1)
def test_max_pool2d_backward_adds_where_windows_overlap(student, device):
    for image, kernel, stride, padding in (
        ((5, 5), 3, 2, 0),
        ((4, 6), (2, 3), 1, 0),
        ((5, 4), (3, 4), (1, 2), (1, 2)),
    ):
        x = -(numbered(2, 1, *image) - 11.3).abs()  # one peak, in many windows
        dout = numbered(2, 1, *counts(image, kernel, stride, padding))
        case = hard_window(x.to(device), kernel, stride, padding, dout=dout.to(device))
        _, cache = student.max_pool2d_forward(case.x, **window_arguments(case))
        dx = student.max_pool2d_backward(case.dout, cache)
        assert_close(dx, max_gradient(case), "dx of overlapping windows")


@exercise("max_pool2d_backward", points=1)
@given(case=image_cases(pooling=True, dout=True), examples=5)
def test_max_pool2d_backward_is_linear_in_dout(student, device, case):
    _, cache = student.max_pool2d_forward(case.x, **window_arguments(case))
    expected = max_gradient(case)
    assert_close(student.max_pool2d_backward(-3 * case.dout, cache), -3 * expected, "dx of -3 dout")
    nothing = student.max_pool2d_backward(torch.zeros_like(case.dout), cache)
    assert_close(nothing, torch.zeros_like(expected), "dx of zeros")


@exercise("max_pool2d_backward", points=1)
@given(case=image_cases(pooling=True, dout=True, layout="any"), examples=12)
def test_max_pool2d_backward_takes_any_layout(student, reference, device, case):
    _, cache = student.max_pool2d_forward(case.x, **window_arguments(case))
    _, known = reference.max_pool2d_forward(case.x, **window_arguments(case))
    expected = reference.max_pool2d_backward(case.dout, known)
    assert_close(student.max_pool2d_backward(case.dout, cache), expected, "dx")


@exercise("max_pool2d_backward", points=1)
@given(case=image_cases(pooling=True, dout=True), examples=6)
def test_max_pool2d_backward_leaves_its_cache_alone(student, device, case):
    _, cache = student.max_pool2d_forward(case.x, **window_arguments(case))
    student.max_pool2d_forward(case.x.flip(-1), **window_arguments(case))
    expected = max_gradient(case)
    assert_close(student.max_pool2d_backward(case.dout, cache), expected, "dx")
    assert_close(student.max_pool2d_backward(case.dout, cache), expected, "dx once more")
    assert_inputs_unchanged(student)
    assert_refuses(student.max_pool2d_backward, ("dout", (case.dout[0], cache), {}))


# avg_pool2d_forward ---------------------------------------------------------------------------


@exercise("avg_pool2d_forward", points=2)
@given(case=image_cases(pooling=True), examples=14)
@example(case=hard_window(scrambled(2, 3, 5, 4), (3, 2), (1, 2), (1, 0)))
def test_avg_pool2d_forward_matches_the_reference(student, reference, device, case):
    out, _ = student.avg_pool2d_forward(case.x, **window_arguments(case))
    expected, _ = reference.avg_pool2d_forward(case.x, **window_arguments(case))
    assert_close(out, expected, "y")


@exercise("avg_pool2d_forward", points=1)
def test_avg_pool2d_forward_counts_the_padding(student, device):
    for image, kernel, stride, padding in (
        ((4, 5), (2, 3), 1, 1),
        ((3, 3), 3, 2, 1),
        ((1, 2), (4, 2), (1, 2), (2, 1)),
    ):
        x = scrambled(2, 2, *image).to(device)
        sizes_ = {"kernel_size": kernel, "stride": stride, "padding": padding}
        out, _ = student.avg_pool2d_forward(x, **sizes_)
        assert_close(out, functional.avg_pool2d(x, **sizes_), "y with padding")


@exercise("avg_pool2d_forward", points=1)
def test_avg_pool2d_forward_has_its_defaults_and_rounds_down(student, device):
    for image, kernel, stride in (((6, 4), (3, 2), None), ((7, 5), 2, None), ((8, 6), 3, (2, 4))):
        x = scrambled(2, 2, *image).to(device)
        given_stride = {} if stride is None else {"stride": stride}
        out, _ = student.avg_pool2d_forward(x, kernel_size=kernel, **given_stride)
        assert_close(out, functional.avg_pool2d(x, kernel, stride), f"y for stride {stride}")
    images = scrambled(1, 2, 4, 5).to(device)
    assert_refuses(
        student.avg_pool2d_forward,
        ("x", (images[0],), {"kernel_size": 1}),
        *wrong_windows(images, pooling=True),
    )


@exercise("avg_pool2d_forward", points=1)
@given(case=image_cases(pooling=True, layout="any"), examples=12)
def test_avg_pool2d_forward_takes_any_layout_and_changes_nothing(student, reference, device, case):
    out, _ = student.avg_pool2d_forward(case.x, **window_arguments(case))
    expected, _ = reference.avg_pool2d_forward(case.x, **window_arguments(case))
    assert_close(out, expected, "y")
    assert_inputs_unchanged(student)


# avg_pool2d_backward --------------------------------------------------------------------------


def avg_gradient(case: Case) -> Tensor:
    """dx by autograd through the library."""
    pool = functional.avg_pool2d
    return in_float64(lambda x: pool(x, **window_arguments(case)), (case.x,), case.dout)[0]


@exercise("avg_pool2d_backward", points=2)
@given(case=image_cases(pooling=True, dout=True), examples=12)
@example(case=hard_window(scrambled(2, 2, 5, 4), (2, 3), (2, 1), (1, 0), dout=numbered(2, 2, 3, 2)))
@example(case=hard_window(scrambled(1, 1, 5, 5), 3, 1, 1, dout=numbered(1, 1, 5, 5)))
def test_avg_pool2d_backward_shares_gradients_equally(student, device, case):
    _, cache = student.avg_pool2d_forward(case.x, **window_arguments(case))
    assert_close(student.avg_pool2d_backward(case.dout, cache), avg_gradient(case), "dx")


@exercise("avg_pool2d_backward", points=1)
@given(case=image_cases(pooling=True, dout=True), examples=5)
def test_avg_pool2d_backward_is_linear_in_dout(student, device, case):
    _, cache = student.avg_pool2d_forward(case.x, **window_arguments(case))
    expected = avg_gradient(case)
    assert_close(student.avg_pool2d_backward(-3 * case.dout, cache), -3 * expected, "dx of -3 dout")
    nothing = student.avg_pool2d_backward(torch.zeros_like(case.dout), cache)
    assert_close(nothing, torch.zeros_like(expected), "dx of zeros")


@exercise("avg_pool2d_backward", points=1)
@given(case=image_cases(pooling=True, dout=True, layout="any"), examples=12)
def test_avg_pool2d_backward_takes_any_layout(student, reference, device, case):
    _, cache = student.avg_pool2d_forward(case.x, **window_arguments(case))
    _, known = reference.avg_pool2d_forward(case.x, **window_arguments(case))
    expected = reference.avg_pool2d_backward(case.dout, known)
    assert_close(student.avg_pool2d_backward(case.dout, cache), expected, "dx")


@exercise("avg_pool2d_backward", points=1)
@given(case=image_cases(pooling=True, dout=True), examples=6)
def test_avg_pool2d_backward_leaves_its_cache_and_dout_alone(student, device, case):
    _, cache = student.avg_pool2d_forward(case.x, **window_arguments(case))
    student.avg_pool2d_forward(case.x.flip(-1), **window_arguments(case))
    expected = avg_gradient(case)
    assert_close(student.avg_pool2d_backward(case.dout, cache), expected, "dx")
    assert_close(student.avg_pool2d_backward(case.dout, cache), expected, "dx once more")
    assert_inputs_unchanged(student)
    assert_refuses(student.avg_pool2d_backward, ("dout", (case.dout[0], cache), {}))
