"""What you run while you work on this unit: hand-worked numbers, autograd and torch's own layers.

`pytest -m conv2d_backward` runs one exercise. The tests that grade draw many more inputs; their
ideas are the same.
"""

from __future__ import annotations

import torch
from hypothesis import example
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from autograder.testing import Case, assert_close, assert_inputs_unchanged, exercise, given, tensors

# The example of the handout, section 5.2: an image of 3 x 3 and a kernel of 2 x 2.
IMAGE = [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0], [6.0, 7.0, 8.0]]
KERNEL = [[0.0, 1.0], [2.0, 3.0]]
# And that of section 5.9: two windows of 2 x 2, each with a tie for the maximum.
TIES = [[1.0, 3.0, 2.0, 2.0], [0.0, 3.0, 1.0, 2.0]]


def image(rows: list[list[float]], device: torch.device) -> Tensor:
    """One sample with one channel, (1, 1, H, W)."""
    return torch.tensor([[rows]], dtype=torch.float64, device=device)


def by_autograd(function, inputs: tuple[Tensor, ...], dout: Tensor) -> tuple[Tensor, ...]:
    """The gradients that autograd finds for a forward pass: what yours should be."""
    leaves = [tensor.detach().clone().requires_grad_() for tensor in inputs]
    return torch.autograd.grad(function(*leaves), leaves, dout)


# 5.1 How many windows fit ---------------------------------------------------------------------


@exercise("output_size", points=1)
def test_output_size_of_the_worked_examples(student, device):
    assert_close(student.output_size(7, kernel=3, padding=1, stride=2), 4, "windows that tile")
    assert_close(student.output_size(6, kernel=3, stride=2), 2, "windows that leave a pixel over")
    assert_close(student.output_size(5, kernel=5), 1, "a kernel as large as the image")
    assert_close(student.output_size(1, kernel=3, padding=1), 1, "one pixel and its padding")


# 5.2 Cross-correlation and convolution --------------------------------------------------------


@exercise("cross_correlate2d", points=1)
def test_cross_correlate2d_of_the_worked_example(student, device):
    x = torch.tensor(IMAGE, dtype=torch.float64, device=device)
    k = torch.tensor(KERNEL, dtype=torch.float64, device=device)
    expected = torch.tensor([[19.0, 25.0], [37.0, 43.0]], dtype=torch.float64, device=device)
    assert_close(student.cross_correlate2d(x, k), expected, "y")
    # The kernel (0, 1) looks one pixel to the right; image and kernel are not square.
    right = torch.tensor([[0.0, 1.0]], dtype=torch.float64, device=device)
    assert_close(student.cross_correlate2d(x, right), x[:, 1:], "y for the kernel (0, 1)")


@exercise("convolve2d", points=1)
def test_convolve2d_of_the_worked_example(student, device):
    x = torch.tensor(IMAGE, dtype=torch.float64, device=device)
    k = torch.tensor(KERNEL, dtype=torch.float64, device=device)
    expected = torch.tensor([[5.0, 11.0], [23.0, 29.0]], dtype=torch.float64, device=device)
    assert_close(student.convolve2d(x, k), expected, "y")
    # Turned by 180 degrees, the kernel (0, 1) is (1, 0): each pixel itself.
    right = torch.tensor([[0.0, 1.0]], dtype=torch.float64, device=device)
    assert_close(student.convolve2d(x, right), x[:, :-1], "y for the kernel (0, 1)")


# 5.3 Windows as the rows of a matrix ----------------------------------------------------------


@exercise("im2col", points=1)
def test_im2col_of_the_worked_example(student, device):
    rows = [[0.0, 1, 3, 4], [1.0, 2, 4, 5], [3.0, 4, 6, 7], [4.0, 5, 7, 8]]
    expected = torch.tensor(rows, dtype=torch.float64, device=device)
    assert_close(student.im2col(image(IMAGE, device), kernel_size=2), expected, "cols")


@st.composite
def windows(draw, *, pooling=False):
    """Two samples of two channels, and windows with sizes that differ between the axes."""
    kernel = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    stride = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    most = [k // 2 if pooling else 2 for k in kernel]
    padding = draw(st.integers(0, most[0])), draw(st.integers(0, most[1]))
    h, w = (draw(st.integers(max(1, k - 2 * p), 5)) for k, p in zip(kernel, padding, strict=True))
    x = draw(tensors(2, 2, h, w))
    return Case(x=x, kernel_size=kernel, stride=stride, padding=padding)


def library_im2col(x, *, kernel_size, stride, padding):
    """torch's unfold has one matrix (C KH KW, H_out W_out) per sample: transpose, then stack."""
    columns = functional.unfold(x, kernel_size, stride=stride, padding=padding)
    return columns.transpose(1, 2).flatten(0, 1)


@exercise("im2col", points=1)
@given(case=windows(), examples=12)
def test_im2col_agrees_with_the_library(student, device, case):
    sizes = {"kernel_size": case.kernel_size, "stride": case.stride, "padding": case.padding}
    assert_close(student.im2col(case.x, **sizes), library_im2col(case.x, **sizes), "cols")
    assert_inputs_unchanged(student)


# 5.4 The way back -----------------------------------------------------------------------------


@exercise("col2im", points=1)
def test_col2im_of_ones_counts_the_windows_of_each_pixel(student, device):
    ones = torch.ones(4, 4, dtype=torch.float64, device=device)
    expected = image([[1.0, 2.0, 1.0], [2.0, 4.0, 2.0], [1.0, 2.0, 1.0]], device)
    assert_close(student.col2im(ones, x_shape=(1, 1, 3, 3), kernel_size=2), expected, "image")
    # Stride 2 does not reach the last row and column: nothing arrives there.
    unseen = image([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 0.0]], device)
    image_ = student.col2im(ones[:1], x_shape=(1, 1, 3, 3), kernel_size=2, stride=2)
    assert_close(image_, unseen, "image for stride 2")


@exercise("col2im", points=1)
@given(case=windows(), seed=st.integers(1, 99), examples=12)
def test_col2im_keeps_inner_products(student, device, case, seed):
    """<im2col(x), c> = <x, col2im(c)>: nothing is lost, nothing is counted twice."""
    sizes = {"kernel_size": case.kernel_size, "stride": case.stride, "padding": case.padding}
    cols = library_im2col(case.x, **sizes)
    random = torch.Generator().manual_seed(seed)
    c = torch.randn(cols.shape, generator=random, dtype=torch.float64).to(device)
    back = student.col2im(c, x_shape=tuple(case.x.shape), **sizes)
    assert_close(tuple(back.shape), tuple(case.x.shape), "the shape of col2im(c)")
    largest = max(1.0, float(case.x.norm() * c.norm()))
    assert_close((case.x * back).sum(), (cols * c).sum(), "<x, col2im(c)>", floor=largest)


# 5.5 to 5.7 The convolution layer -------------------------------------------------------------


@exercise("conv2d_forward", points=1)
def test_conv2d_forward_of_the_worked_example(student, device):
    """Two output channels: the kernel of section 5.2 with bias 1, and a kernel of ones."""
    w = torch.tensor([[KERNEL], [[[1.0, 1], [1, 1]]]], dtype=torch.float64, device=device)
    b = torch.tensor([1.0, 0.0], dtype=torch.float64, device=device)
    y = [[[[20.0, 26], [38, 44]], [[8, 12], [20, 24]]]]
    out, _ = student.conv2d_forward(image(IMAGE, device), w, b)
    assert_close(out, torch.tensor(y, dtype=torch.float64, device=device), "y")


@st.composite
def convolutions(draw):
    """A convolution of two samples from two channels to three, and an upstream gradient."""
    case = draw(windows())
    counts = (
        (n + 2 * p - k) // s + 1
        for n, k, s, p in zip(
            case.x.shape[2:], case.kernel_size, case.stride, case.padding, strict=True
        )
    )
    return Case(
        x=case.x,
        w=draw(tensors(3, 2, *case.kernel_size)),
        b=draw(tensors(3)),
        dout=draw(tensors(2, 3, *counts)),
        stride=case.stride,
        padding=case.padding,
    )


@exercise("conv2d_forward", points=1)
@given(case=convolutions(), examples=12)
def test_conv2d_forward_agrees_with_the_library(student, device, case):
    sizes = {"stride": case.stride, "padding": case.padding}
    out, _ = student.conv2d_forward(case.x, case.w, case.b, **sizes)
    assert_close(out, functional.conv2d(case.x, case.w, case.b, **sizes), "y")
    assert_inputs_unchanged(student)


@exercise("conv2d_backward", points=1)
def test_conv2d_backward_of_the_worked_example(student, device):
    w = torch.tensor([[KERNEL]], dtype=torch.float64, device=device)
    b = torch.tensor([1.0], dtype=torch.float64, device=device)
    _, cache = student.conv2d_forward(image(IMAGE, device), w, b)
    dx, dw, db = student.conv2d_backward(image([[1.0, 0.0], [0.0, 2.0]], device), cache)
    assert_close(dx, image([[0.0, 1, 0], [2, 3, 2], [0, 4, 6]], device), "dx")
    assert_close(dw, image([[8.0, 11], [17, 20]], device), "dw")
    assert_close(db, torch.tensor([3.0], dtype=torch.float64, device=device), "db")


@exercise("conv2d_backward", points=1)
def test_conv2d_backward_with_a_stride_that_does_not_tile(student, device):
    """The row of section 5.7: no window sees the last pixel, so its gradient is 0."""
    b = torch.zeros(1, dtype=torch.float64, device=device)
    x, w = image([[1.0, 2, 3, 4, 5, 6]], device), image([[1.0, 10, 100]], device)
    _, cache = student.conv2d_forward(x, w, b, stride=2)
    dx, dw, db = student.conv2d_backward(image([[1.0, 2.0]], device), cache)
    assert_close(dx, image([[1.0, 10, 102, 20, 200, 0]], device), "dx")
    assert_close(dw, image([[7.0, 10, 13]], device), "dw")
    assert_close(db, torch.full_like(b, 3.0), "db")


@exercise("conv2d_backward", points=1)
@given(case=convolutions(), examples=12)
def test_conv2d_backward_agrees_with_autograd(student, device, case):
    sizes = {"stride": case.stride, "padding": case.padding}
    _, cache = student.conv2d_forward(case.x, case.w, case.b, **sizes)
    gradients = student.conv2d_backward(case.dout, cache)
    inputs = (case.x, case.w, case.b)
    expected = by_autograd(lambda x, w, b: functional.conv2d(x, w, b, **sizes), inputs, case.dout)
    for name, got, want in zip(("dx", "dw", "db"), gradients, expected, strict=True):
        assert_close(got, want, name)
    assert_inputs_unchanged(student)


@exercise("conv2d_backward_naive", points=1)
def test_conv2d_backward_naive_of_the_worked_example(student, device):
    """The row of section 5.7: dout spreads to (1, 0, 2, 0), and the kernel turns around."""
    b = torch.zeros(1, dtype=torch.float64, device=device)
    x, w = image([[1.0, 2, 3, 4, 5, 6]], device), image([[1.0, 10, 100]], device)
    _, cache = student.conv2d_forward(x, w, b, stride=2)
    dx, dw, db = student.conv2d_backward_naive(image([[1.0, 2.0]], device), cache)
    assert_close(dx, image([[1.0, 10, 102, 20, 200, 0]], device), "dx")
    assert_close(dw, image([[7.0, 10, 13]], device), "dw")
    assert_close(db, torch.full_like(b, 3.0), "db")


@exercise("conv2d_backward_naive", points=1)
@given(case=convolutions(), examples=12)
def test_conv2d_backward_naive_agrees_with_autograd(student, device, case):
    sizes = {"stride": case.stride, "padding": case.padding}
    _, cache = student.conv2d_forward(case.x, case.w, case.b, **sizes)
    gradients = student.conv2d_backward_naive(case.dout, cache)
    inputs = (case.x, case.w, case.b)
    expected = by_autograd(lambda x, w, b: functional.conv2d(x, w, b, **sizes), inputs, case.dout)
    for name, got, want in zip(("dx", "dw", "db"), gradients, expected, strict=True):
        assert_close(got, want, name)
    assert_inputs_unchanged(student)


# 5.8 Kernels of one pixel ---------------------------------------------------------------------


@exercise("conv1x1_forward", points=1)
def test_conv1x1_forward_mixes_the_channels_of_each_pixel(student, device):
    x = torch.tensor([[[[1.0, 2.0]], [[3.0, 4.0]]]], dtype=torch.float64, device=device)
    w = torch.tensor([[1.0, 10.0]], dtype=torch.float64, device=device)
    b = torch.tensor([5.0], dtype=torch.float64, device=device)
    out, _ = student.conv1x1_forward(x, w, b)
    assert_close(out, image([[36.0, 47.0]], device), "y")
    # Exchanging the two channels of an image is a 1x1 convolution too.
    swap = torch.tensor([[0.0, 1.0], [1.0, 0.0]], dtype=torch.float64, device=device)
    out, _ = student.conv1x1_forward(x, swap, torch.zeros_like(swap[0]))
    assert_close(out, x.flip(1), "y with exchanged channels")


# 5.9 to 5.12 Pooling --------------------------------------------------------------------------


@exercise("max_pool2d_forward", points=1)
def test_max_pool2d_forward_of_the_worked_example(student, device):
    out, _ = student.max_pool2d_forward(image(TIES, device), kernel_size=2)
    assert_close(out, image([[3.0, 2.0]], device), "y")
    # Padding must not win where everything is negative.
    out, _ = student.max_pool2d_forward(image([[-1.0]], device), kernel_size=2, stride=1, padding=1)
    assert_close(out, image([[-1.0, -1.0], [-1.0, -1.0]], device), "y of a negative pixel")


@exercise("max_pool2d_forward", points=1)
@given(case=windows(pooling=True), examples=12)
def test_max_pool2d_forward_agrees_with_the_library(student, device, case):
    sizes = {"kernel_size": case.kernel_size, "stride": case.stride, "padding": case.padding}
    out, _ = student.max_pool2d_forward(case.x, **sizes)
    assert_close(out, functional.max_pool2d(case.x, **sizes), "y")
    assert_inputs_unchanged(student)


@exercise("max_pool2d_backward", points=1)
def test_max_pool2d_backward_goes_to_the_first_of_equal_pixels(student, device):
    _, cache = student.max_pool2d_forward(image(TIES, device), kernel_size=2)
    dx = student.max_pool2d_backward(image([[5.0, 7.0]], device), cache)
    assert_close(dx, image([[0.0, 5, 7, 0], [0, 0, 0, 0]], device), "dx")


@exercise("max_pool2d_backward", points=1)
@given(case=windows(pooling=True), seed=st.integers(1, 99), examples=12)
@example(  # one pixel is the largest of four windows and gets all four gradients
    case=Case(
        x=torch.tensor([[[[1.0, 2, 3], [4, 9, 5], [6, 7, 8]]]], dtype=torch.float64),
        kernel_size=(2, 2),
        stride=(1, 1),
        padding=(0, 0),
    ),
    seed=1,
)
def test_max_pool2d_backward_agrees_with_autograd(student, device, case, seed):
    sizes = {"kernel_size": case.kernel_size, "stride": case.stride, "padding": case.padding}
    out, cache = student.max_pool2d_forward(case.x, **sizes)
    random = torch.Generator().manual_seed(seed)
    dout = torch.randn(out.shape, generator=random, dtype=torch.float64).to(device)
    dx = student.max_pool2d_backward(dout, cache)
    (expected,) = by_autograd(lambda x: functional.max_pool2d(x, **sizes), (case.x,), dout)
    assert_close(dx, expected, "dx")
    assert_inputs_unchanged(student)


@exercise("avg_pool2d_forward", points=1)
def test_avg_pool2d_forward_of_the_worked_examples(student, device):
    out, _ = student.avg_pool2d_forward(image(TIES, device), kernel_size=2)
    assert_close(out, image([[1.75, 1.75]], device), "y")
    # One pixel in each window: the padding counts, so 4 / 4.
    out, _ = student.avg_pool2d_forward(image([[4.0]], device), kernel_size=2, stride=1, padding=1)
    assert_close(out, image([[1.0, 1.0], [1.0, 1.0]], device), "y with padding")


@exercise("avg_pool2d_backward", points=1)
def test_avg_pool2d_backward_gives_equal_shares(student, device):
    _, cache = student.avg_pool2d_forward(image(TIES, device), kernel_size=2)
    dx = student.avg_pool2d_backward(image([[4.0, 8.0]], device), cache)
    assert_close(dx, image([[1.0, 1, 2, 2], [1, 1, 2, 2]], device), "dx")
    # The pixel is in all four windows; the shares of the padding are lost.
    x = image([[4.0]], device)
    _, cache = student.avg_pool2d_forward(x, kernel_size=2, stride=1, padding=1)
    dx = student.avg_pool2d_backward(image([[1.0, 2.0], [3.0, 4.0]], device), cache)
    assert_close(dx, image([[2.5]], device), "dx with padding")
    assert_inputs_unchanged(student)
