"""What students run. The oracles are mathematics: numbers worked by hand, autograd, identities."""

import math

import torch
from hypothesis import strategies as st

from autograder.testing import Case, assert_close, dtypes, exercise, given, labels, sizes, tensors

LN2, LN3, LN5 = math.log(2), math.log(3), math.log(5)

# Sums of numbers around 1 have rounding errors to match, also where they cancel to almost nothing.
FLOOR = 0.1


def gradients(function, inputs, dout):
    """What autograd says: the gradients of `function(*inputs)` for the upstream gradient `dout`."""
    leaves = [tensor.detach().clone().requires_grad_() for tensor in inputs]
    return torch.autograd.grad(function(*leaves), leaves, dout)


@st.composite
def layer_inputs(draw, min_rank=1, values="normal"):
    """x of rank 1 to 3 and an upstream gradient of its shape."""
    shape = draw(st.lists(sizes(), min_size=min_rank, max_size=3))
    dtype = draw(dtypes())
    x = draw(tensors(*shape, dtype=dtype, values=values))
    return Case(x=x, dout=draw(tensors(*shape, dtype=dtype)))


# --- linear -----------------------------------------------------------------------------------


def worked_linear_layer(device):
    """The example of sections 3.1 and 3.2."""
    numbers = {"dtype": torch.float64, "device": device}
    x = torch.tensor([[1, 2], [3, 4]], **numbers)
    w = torch.tensor([[1, 0, -1], [2, 1, 0]], **numbers)
    b = torch.tensor([1, 0, 2], **numbers)
    return x, w, b


@st.composite
def image_batches(draw):
    n, c, h, w, m = (draw(sizes(2, 4)) for _ in range(5))
    dtype = draw(dtypes())
    return Case(
        x=draw(tensors(n, c, h, w, dtype=dtype)),
        w=draw(tensors(c * h * w, m, dtype=dtype)),
        b=draw(tensors(m, dtype=dtype)),
        dout=draw(tensors(n, m, dtype=dtype)),
    )


@exercise("linear_forward", points=1)
def test_linear_forward_of_the_worked_example(student, device):
    x, w, b = worked_linear_layer(device)
    out, _ = student.linear_forward(x, w, b)
    assert_close(out, torch.tensor([[6, 2, 1], [12, 4, -1]]).to(x), "out")


@exercise("linear_forward", points=1)
@given(case=image_batches(), examples=8)
def test_linear_forward_flattens_every_image_in_row_major_order(student, device, case):
    out, _ = student.linear_forward(case.x, case.w, case.b)
    expected = torch.stack([image.flatten() @ case.w for image in case.x]) + case.b
    assert_close(out, expected, "out", floor=FLOOR)


@exercise("linear_backward", points=1)
def test_linear_backward_of_the_worked_example(student, device):
    x, w, b = worked_linear_layer(device)
    _, cache = student.linear_forward(x, w, b)
    dx, dw, db = student.linear_backward(torch.tensor([[1, 0, 2], [0, -1, 1]]).to(x), cache)
    assert_close(dx, torch.tensor([[-1, 2], [-1, -1]]).to(x), "dx")
    assert_close(dw, torch.tensor([[1, -3, 5], [2, -4, 8]]).to(x), "dw")
    assert_close(db, torch.tensor([1, -1, 3]).to(x), "db")


@exercise("linear_backward", points=2)
@given(case=image_batches(), examples=8)
def test_linear_backward_agrees_with_autograd_on_images(student, device, case):
    _, cache = student.linear_forward(case.x, case.w, case.b)
    dx, dw, db = student.linear_backward(case.dout, cache)
    expected = gradients(lambda x, w, b: x.flatten(1) @ w + b, [case.x, case.w, case.b], case.dout)
    for got, right, name in zip((dx, dw, db), expected, ("dx", "dw", "db"), strict=True):
        assert_close(got, right, name, floor=FLOOR)


# --- ReLU -------------------------------------------------------------------------------------


@exercise("relu_forward", points=1)
def test_relu_forward_cuts_off_below_zero(student, device):
    x = torch.tensor([-2.0, 0.0, 3.0], device=device)
    out, _ = student.relu_forward(x)
    assert_close(out, torch.tensor([0.0, 0.0, 3.0], device=device), "out")


@exercise("relu_backward", points=1)
def test_relu_backward_passes_dout_where_the_input_is_positive(student, device):
    x = torch.tensor([-2.0, 0.0, 3.0], device=device)
    _, cache = student.relu_forward(x)
    dx = student.relu_backward(torch.tensor([5.0, 7.0, -1.0], device=device), cache)
    assert_close(dx, torch.tensor([0.0, 0.0, -1.0], device=device), "dx")


@exercise("relu_backward", points=1)
@given(case=layer_inputs(), examples=8)
def test_relu_backward_agrees_with_autograd(student, device, case):
    _, cache = student.relu_forward(case.x)
    dx = student.relu_backward(case.dout, cache)
    (expected,) = gradients(torch.relu, [case.x], case.dout)
    assert_close(dx, expected, "dx", floor=FLOOR)


# --- sigmoid ----------------------------------------------------------------------------------


@exercise("sigmoid_forward", points=1)
def test_sigmoid_forward_of_the_worked_example(student, device):
    x = torch.tensor([0, LN3, -LN3], dtype=torch.float64, device=device)
    out, _ = student.sigmoid_forward(x)
    assert_close(out, torch.tensor([1 / 2, 3 / 4, 1 / 4]).to(x), "out")


@exercise("sigmoid_forward", points=1)
def test_sigmoid_forward_is_finite_at_a_thousand(student, device):
    x = torch.tensor([1e3, -1e3], device=device)
    out, _ = student.sigmoid_forward(x)
    assert_close(out, torch.tensor([1.0, 0.0], device=device), "out")


@exercise("sigmoid_backward", points=1)
def test_sigmoid_backward_of_the_worked_example(student, device):
    x = torch.tensor([0, LN3, -LN3], dtype=torch.float64, device=device)
    _, cache = student.sigmoid_forward(x)
    dx = student.sigmoid_backward(torch.tensor([4, 16, -16]).to(x), cache)
    assert_close(dx, torch.tensor([1, 3, -3]).to(x), "dx")


@exercise("sigmoid_backward", points=1)
@given(case=layer_inputs(), examples=8)
def test_sigmoid_backward_agrees_with_autograd(student, device, case):
    _, cache = student.sigmoid_forward(case.x)
    dx = student.sigmoid_backward(case.dout, cache)
    (expected,) = gradients(torch.sigmoid, [case.x], case.dout)
    assert_close(dx, expected, "dx", floor=FLOOR)


# --- tanh -------------------------------------------------------------------------------------


@exercise("tanh_forward", points=1)
def test_tanh_forward_of_the_worked_example(student, device):
    x = torch.tensor([0, LN2, -LN3], dtype=torch.float64, device=device)
    out, _ = student.tanh_forward(x)
    assert_close(out, torch.tensor([0, 0.6, -0.8], dtype=x.dtype, device=device), "out")


@exercise("tanh_forward", points=1)
def test_tanh_forward_is_finite_at_a_thousand(student, device):
    x = torch.tensor([1e3, -1e3], device=device)
    out, _ = student.tanh_forward(x)
    assert_close(out, torch.tensor([1.0, -1.0], device=device), "out")


@exercise("tanh_backward", points=1)
def test_tanh_backward_of_the_worked_example(student, device):
    x = torch.tensor([0, LN2, -LN3], dtype=torch.float64, device=device)
    _, cache = student.tanh_forward(x)
    dx = student.tanh_backward(torch.tensor([2, 100, 50]).to(x), cache)
    assert_close(dx, torch.tensor([2, 64, 18]).to(x), "dx")


@exercise("tanh_backward", points=1)
@given(case=layer_inputs(), examples=8)
def test_tanh_backward_agrees_with_autograd(student, device, case):
    _, cache = student.tanh_forward(case.x)
    dx = student.tanh_backward(case.dout, cache)
    (expected,) = gradients(torch.tanh, [case.x], case.dout)
    assert_close(dx, expected, "dx", floor=FLOOR)


# --- softmax ----------------------------------------------------------------------------------


def softmax_of_samples(x):
    """Softmax over all axes but the first."""
    return torch.softmax(x.flatten(1), dim=1).reshape(x.shape)


@exercise("softmax_forward", points=1)
def test_softmax_forward_of_the_worked_example(student, device):
    x = torch.tensor([[0, LN2, LN5], [1000, 1000 + LN2, 1000 + LN5]], dtype=torch.float64)
    out, _ = student.softmax_forward(x.to(device))
    row = [1 / 8, 2 / 8, 5 / 8]
    assert_close(out, torch.tensor([row, row], dtype=x.dtype, device=device), "out")


@exercise("softmax_forward", points=1)
@given(case=layer_inputs(min_rank=3), examples=8)
def test_softmax_forward_normalises_a_sample_as_a_whole(student, device, case):
    out, _ = student.softmax_forward(case.x)
    assert_close(out, softmax_of_samples(case.x), "out", floor=FLOOR)


@exercise("softmax_backward", points=1)
def test_softmax_backward_of_the_worked_example(student, device):
    x = torch.tensor([[0, LN2, LN5]], dtype=torch.float64, device=device)
    _, cache = student.softmax_forward(x)
    dx = student.softmax_backward(torch.tensor([[8, 0, 0]]).to(x), cache)
    assert_close(dx, torch.tensor([[7 / 8, -2 / 8, -5 / 8]]).to(x), "dx")


@exercise("softmax_backward", points=2)
@given(case=layer_inputs(min_rank=3), examples=8)
def test_softmax_backward_agrees_with_autograd(student, device, case):
    _, cache = student.softmax_forward(case.x)
    dx = student.softmax_backward(case.dout, cache)
    (expected,) = gradients(softmax_of_samples, [case.x], case.dout)
    assert_close(dx, expected, "dx", floor=FLOOR)


# --- collapse_affine --------------------------------------------------------------------------


@st.composite
def two_affine_layers(draw):
    d, h, m = (draw(sizes()) for _ in range(3))
    dtype = draw(dtypes())
    return Case(
        w1=draw(tensors(d, h, dtype=dtype)),
        b1=draw(tensors(h, dtype=dtype)),
        w2=draw(tensors(h, m, dtype=dtype)),
        b2=draw(tensors(m, dtype=dtype)),
    )


@exercise("collapse_affine", points=1)
def test_collapse_affine_of_the_worked_example(student, device):
    numbers = {"dtype": torch.float64, "device": device}
    w1, b1 = torch.tensor([[1, 2], [0, 1]], **numbers), torch.tensor([1, -1], **numbers)
    w2, b2 = torch.tensor([[3], [1]], **numbers), torch.tensor([2], **numbers)
    w, b = student.collapse_affine(w1, b1, w2, b2)
    assert_close(w, torch.tensor([[5], [1]], **numbers), "w")
    assert_close(b, torch.tensor([4], **numbers), "b")


@exercise("collapse_affine", points=1)
@given(case=two_affine_layers(), examples=8)
def test_collapse_affine_does_to_zero_and_to_unit_vectors_what_the_two_layers_do(
    student, device, case
):
    def two_layers(x):
        return (x @ case.w1 + case.b1) @ case.w2 + case.b2

    w, b = student.collapse_affine(case.w1, case.b1, case.w2, case.b2)
    nothing = torch.zeros_like(case.w1[:, 0])
    assert_close(b, two_layers(nothing), "b", floor=1.0)  # 0 w + b
    added = two_layers(torch.diag(nothing + 1)) - two_layers(nothing)  # I w
    assert_close(w, added, "w", floor=1.0)


# --- two_layer_loss ---------------------------------------------------------------------------

ACTIVATIONS = {"relu": torch.relu, "sigmoid": torch.sigmoid, "tanh": torch.tanh}
PARTS = ("loss", "dw1", "db1", "dw2", "db2")


@st.composite
def classifiers(draw):
    n, c, s, h, k = (
        draw(sizes(2, 5)),
        draw(sizes()),
        draw(sizes()),
        draw(sizes()),
        draw(sizes(2, 4)),
    )
    dtype = draw(dtypes())
    return Case(
        x=draw(tensors(n, c, s, dtype=dtype)),
        y=draw(labels(n, k)),
        w1=draw(tensors(c * s, h, dtype=dtype)),
        b1=draw(tensors(h, dtype=dtype)),
        w2=draw(tensors(h, k, dtype=dtype)),
        b2=draw(tensors(k, dtype=dtype)),
        activation=draw(st.sampled_from(sorted(ACTIVATIONS))),
    )


def loss_and_gradients(case, reg):
    """What autograd and torch's own cross entropy say."""

    def loss(w1, b1, w2, b2):
        hidden = ACTIVATIONS[case.activation](case.x.flatten(1) @ w1 + b1)
        penalty = reg / 2 * ((w1**2).sum() + (w2**2).sum())
        return torch.nn.functional.cross_entropy(hidden @ w2 + b2, case.y) + penalty

    parameters = [case.w1, case.b1, case.w2, case.b2]
    return loss(*parameters), *gradients(loss, parameters, None)


@exercise("two_layer_loss", points=1)
def test_two_layer_loss_of_the_worked_example(student, device):
    numbers = {"dtype": torch.float64, "device": device}
    results = student.two_layer_loss(
        torch.tensor([[1, -1]], **numbers),
        torch.tensor([1], device=device),
        torch.tensor([[1, -1], [0, 1]], **numbers),
        torch.tensor([0, 0], **numbers),
        torch.tensor([[LN3, 0], [5, 7]], **numbers),
        torch.tensor([0, 0], **numbers),
    )
    g = 3 / 4 * LN3
    expected = (
        torch.tensor(2 * LN2, **numbers),
        torch.tensor([[g, 0], [-g, 0]], **numbers),
        torch.tensor([g, 0], **numbers),
        torch.tensor([[3 / 4, -3 / 4], [0, 0]], **numbers),
        torch.tensor([3 / 4, -3 / 4], **numbers),
    )
    for got, right, name in zip(results, expected, PARTS, strict=True):
        assert_close(got, right, name)


@exercise("two_layer_loss", points=2)
@given(case=classifiers(), examples=12)
def test_two_layer_loss_agrees_with_autograd_for_every_activation(student, device, case):
    results = student.two_layer_loss(
        case.x, case.y, case.w1, case.b1, case.w2, case.b2, activation=case.activation
    )
    for got, right, name in zip(results, loss_and_gradients(case, 0.0), PARTS, strict=True):
        assert_close(got, right, name, floor=FLOOR)


@exercise("two_layer_loss", points=1)
@given(case=classifiers(), examples=8)
def test_two_layer_loss_regularises_the_weights_and_not_the_biases(student, device, case):
    results = student.two_layer_loss(
        case.x, case.y, case.w1, case.b1, case.w2, case.b2, reg=0.5, activation=case.activation
    )
    for got, right, name in zip(results, loss_and_gradients(case, 0.5), PARTS, strict=True):
        assert_close(got, right, name, floor=FLOOR)
