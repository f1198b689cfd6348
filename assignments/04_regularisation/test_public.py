"""Public tests of unit 4. Their oracles are worked numbers, autograd, torch and identities."""

import math

import torch
from hypothesis import strategies as st

from autograder.testing import Case, assert_close, exercise, given, labels, sizes, tensors

LN3, LN4 = math.log(3), math.log(4)


def worked(values, device):
    """Numbers of the handout, as a float64 tensor."""
    return torch.tensor(values, dtype=torch.float64, device=device)


@st.composite
def regressions(draw):
    """Samples x (N, D), targets y (N,), weights w (D,), a bias b () and a strength."""
    n, d = draw(sizes()), draw(sizes())
    return Case(
        x=draw(tensors(n, d)),
        y=draw(tensors(n)),
        w=draw(tensors(d)),
        b=draw(tensors()),
        reg=draw(st.sampled_from([0.5, 2.0])),
    )


@st.composite
def droppings(draw):
    """An input x of any rank, noise and an upstream gradient of its shape, and a probability."""
    shape = draw(st.lists(sizes(1, 4), min_size=1, max_size=3))
    return Case(
        x=draw(tensors(*shape)),
        noise=draw(tensors(*shape, values="uniform")),
        dout=draw(tensors(*shape)),
        p=draw(st.sampled_from([0.0, 0.3, 0.8])),
    )


@st.composite
def networks(draw):
    """Samples and labels, the weights and biases of two layers, noise for the hidden one."""
    n, d, h, c = draw(sizes()), draw(sizes()), draw(sizes()), draw(sizes(2, 4))
    return Case(
        x=draw(tensors(n, d)),
        y=draw(labels(n, c)),
        w1=draw(tensors(d, h)),
        b1=draw(tensors(h)),
        w2=draw(tensors(h, c)),
        b2=draw(tensors(c)),
        noise=draw(tensors(n, h, values="uniform")),
        p=draw(st.sampled_from([0.0, 0.3, 0.6])),
        reg=draw(st.sampled_from([0.5, 2.0])),
        training=draw(st.booleans()),
    )


# 4.1 The penalty ----------------------------------------------------------------------------------


@exercise("l2_penalty", points=1)
def test_l2_penalty_of_the_worked_example(student, device):
    weights = [worked([[1, -2], [0, 2]], device), worked([3], device)]
    penalty, dweights = student.l2_penalty(weights, reg=0.5)
    assert_close(penalty, worked(4.5, device), "penalty")
    expected = [worked([[0.5, -1], [0, 1]], device), worked([1.5], device)]
    assert_close(dweights, expected, "dweights")


@exercise("l2_penalty", points=1)
@given(w=tensors(2, 3), v=tensors(4), reg=st.sampled_from([0.5, 3.0]), examples=6)
def test_l2_penalty_has_the_gradient_that_autograd_finds(student, device, w, v, reg):
    leaves = [w.clone().requires_grad_(), v.clone().requires_grad_()]
    expected = reg * sum((leaf**2).sum() for leaf in leaves) / 2
    penalty, dweights = student.l2_penalty([w, v], reg=reg)
    assert_close(penalty, expected.detach(), "penalty")
    assert_close(dweights, torch.autograd.grad(expected, leaves), "dweights")


# 4.2 Weight decay ---------------------------------------------------------------------------------


@exercise("weight_decay_step", points=1)
def test_weight_decay_step_of_the_worked_example(student, device):
    w, grad_sum = worked([2, -1], device), worked([4, 2], device)
    got = student.weight_decay_step(w, grad_sum, lr=0.1, reg=3.0, batch_size=2)
    assert_close(got, worked([1.5, -0.95], device), "w after the step")


@exercise("weight_decay_step", points=1)
@given(
    w=tensors(3, 2),
    grad_sum=tensors(3, 2),
    reg=st.sampled_from([0.0, 0.5, 3.0]),
    batch_size=st.sampled_from([1, 4]),
    examples=6,
)
def test_weight_decay_step_is_what_torch_does_with_the_mean_gradient(
    student, device, w, grad_sum, reg, batch_size
):
    parameter = torch.nn.Parameter(w.clone())
    parameter.grad = grad_sum / batch_size
    torch.optim.SGD([parameter], lr=0.2, weight_decay=reg / batch_size).step()
    got = student.weight_decay_step(w, grad_sum, lr=0.2, reg=reg, batch_size=batch_size)
    assert_close(got, parameter.detach(), "w after the step")


# 4.3 Ridge regression: the loss -------------------------------------------------------------------


@exercise("ridge_loss", points=1)
def test_ridge_loss_of_the_worked_example(student, device):
    x, y = worked([[0], [1], [2]], device), worked([1, 2, 6], device)
    got = student.ridge_loss(x, y, worked([1], device), worked(0, device), reg=0.5)
    expected = (worked(37 / 12, device), worked([-17 / 6], device), worked(-2, device))
    assert_close(got, expected, "(loss, dw, db) at w = (1), b = 0")
    got = student.ridge_loss(x, y, worked([2], device), worked(1, device), reg=0.5)
    expected = (worked(2 / 3, device), worked([0], device), worked(0, device))
    assert_close(got, expected, "(loss, dw, db) at the minimum")


@exercise("ridge_loss", points=1)
@given(case=regressions(), examples=8)
def test_ridge_loss_has_the_gradients_that_autograd_finds(student, device, case):
    w, b = case.w.clone().requires_grad_(), case.b.clone().requires_grad_()
    losses = (case.x @ w + b - case.y) ** 2 / 2
    expected = (losses.sum() + case.reg / 2 * (w**2).sum()) / len(case.x)
    loss, dw, db = student.ridge_loss(case.x, case.y, case.w, case.b, reg=case.reg)
    assert_close(loss, expected.detach(), "loss")
    gradients = torch.autograd.grad(expected, (w, b))
    assert_close((dw, db), gradients, "(dw, db)", floor=1.0)


# 4.4 Ridge regression: the solution ---------------------------------------------------------------


@exercise("ridge_solution", points=1)
def test_ridge_solution_of_the_worked_example(student, device):
    x, y = worked([[0], [1], [2]], device), worked([1, 2, 6], device)
    for reg, w, b in ((0.5, [2], 1), (0.0, [2.5], 0.5)):
        got = student.ridge_solution(x, y, reg=reg)
        assert_close(got, (worked(w, device), worked(b, device)), f"(w, b) for reg = {reg}")


@exercise("ridge_solution", points=1)
@given(case=regressions(), examples=8)
def test_ridge_solution_is_where_the_gradient_of_the_objective_vanishes(student, device, case):
    w, b = student.ridge_solution(case.x, case.y, reg=case.reg)
    assert w.shape == case.w.shape, f"w must be (D,), got shape {tuple(w.shape)}"
    assert b.shape == (), f"b must be a single number, got shape {tuple(b.shape)}"
    residual = case.x @ w + b - case.y
    dw = (case.x.T @ residual + case.reg * w) / len(case.x)
    assert_close(dw, torch.zeros_like(case.w), "dJ/dw at the solution", floor=1.0)
    assert_close(residual.mean(), torch.zeros_like(case.b), "dJ/db at the solution", floor=1.0)


# 4.5 Dropout --------------------------------------------------------------------------------------


@exercise("dropout_forward", points=1)
def test_dropout_forward_of_the_worked_example(student, device):
    x, noise = worked([1, 2, 3, 4], device), worked([0.1, 0.5, 0.6, 0.4], device)
    out, _ = student.dropout_forward(x, noise, p=0.5, training=True)
    assert_close(out, worked([0, 4, 6, 0], device), "out in training")
    out, _ = student.dropout_forward(x, noise, p=0.5, training=False)
    assert_close(out, x, "out in prediction")


@exercise("dropout_forward", points=1)
@given(x=tensors(3), k=st.integers(0, 9), examples=5)
def test_dropout_forward_leaves_the_mean_over_the_noise_as_it_is(student, device, x, k):
    n = 10  # noise (i + 1/2)/n for i < n: evenly spread over [0, 1)
    grid = (torch.arange(n, device=device, dtype=x.dtype) + 0.5) / n
    noise = grid[:, None].expand(n, 3).clone()
    out, _ = student.dropout_forward(x.expand(n, 3).clone(), noise, p=k / n, training=True)
    dropped = int((out == 0).all(1).sum())
    assert dropped == k, f"with p = {k / n}, {dropped} of {n} rows are dropped, not {k}"
    assert_close(out.mean(0), x, f"the mean of out for p = {k / n}")


# 4.6 Dropout: backward ----------------------------------------------------------------------------


@exercise("dropout_backward", points=1)
def test_dropout_backward_of_the_worked_example(student, device):
    x, noise = worked([1, 2, 3, 4], device), worked([0.1, 0.5, 0.6, 0.4], device)
    dout = worked([1, -1, 3, 5], device)
    _, cache = student.dropout_forward(x, noise, p=0.5, training=True)
    assert_close(student.dropout_backward(dout, cache), worked([0, -2, 6, 0], device), "dx")
    _, cache = student.dropout_forward(x, noise, p=0.5, training=False)
    assert_close(student.dropout_backward(dout, cache), dout, "dx in prediction")


@exercise("dropout_backward", points=1)
@given(case=droppings(), examples=8)
def test_dropout_backward_is_what_autograd_finds(student, device, case):
    x = case.x.clone().requires_grad_()
    out = torch.where(case.noise < case.p, 0.0, x / (1 - case.p))
    (expected,) = torch.autograd.grad(out, x, case.dout)
    _, cache = student.dropout_forward(case.x, case.noise, p=case.p, training=True)
    assert_close(student.dropout_backward(case.dout, cache), expected, "dx")


# 4.7 The network ----------------------------------------------------------------------------------

PARTS = ("loss", "dw1", "db1", "dw2", "db2")


def example_network(device):
    """The arguments of the worked example, without hyperparameters."""
    w1, w2 = worked([[0.5, 1, -0.5]], device), worked([[4, 0], [LN3 / 4, 0], [1, 2]], device)
    b1, b2 = worked([0, 0, 0], device), worked([0, 0], device)
    noise = worked([[0.2, 0.7, 0.9]], device)
    return worked([[2]], device), torch.tensor([1], device=device), w1, b1, w2, b2, noise


@exercise("dropout_mlp_loss", points=1)
def test_dropout_mlp_loss_of_the_worked_example(student, device):
    arguments = example_network(device)
    g, w1, w2 = 3 / 8 * LN3, arguments[2], arguments[4]
    dw1, dw2 = worked([[0, 2 * g, 0]], device), worked([[0, 0], [3, -3], [0, 0]], device)
    db1, db2 = worked([0, g, 0], device), worked([0.75, -0.75], device)
    got = student.dropout_mlp_loss(*arguments, p=0.5)
    for one, right, name in zip(got, (worked(LN4, device), dw1, db1, dw2, db2), PARTS, strict=True):
        assert_close(one, right, name)
    got = student.dropout_mlp_loss(*arguments, p=0.5, reg=2.0)
    loss = LN4 + 1.5 + (4**2 + (LN3 / 4) ** 2 + 1 + 2**2)  # 1.5 is the squared norm of w1
    expected = (worked(loss, device), dw1 + 2 * w1, db1, dw2 + 2 * w2, db2)
    for one, right, name in zip(got, expected, PARTS, strict=True):
        assert_close(one, right, f"{name} with reg = 2")
    loss, *_ = student.dropout_mlp_loss(*arguments, p=0.5, training=False)
    expected = math.log(math.exp(4 + LN3 / 2) + 1)
    assert_close(loss, worked(expected, device), "loss in prediction")


@exercise("dropout_mlp_loss", points=2)
@given(case=networks(), examples=10)
def test_dropout_mlp_loss_has_the_gradients_that_autograd_finds(student, device, case):
    parameters = (case.w1, case.b1, case.w2, case.b2)
    w1, b1, w2, b2 = (t.clone().requires_grad_() for t in parameters)
    hidden = torch.relu(case.x @ w1 + b1)
    if case.training:
        hidden = torch.where(case.noise < case.p, 0.0, hidden / (1 - case.p))
    losses = torch.nn.functional.cross_entropy(hidden @ w2 + b2, case.y, reduction="sum")
    penalty = case.reg / 2 * ((w1**2).sum() + (w2**2).sum())
    expected = (losses + penalty) / len(case.x)
    gradients = torch.autograd.grad(expected, (w1, b1, w2, b2))
    got = student.dropout_mlp_loss(
        case.x,
        case.y,
        *parameters,
        case.noise,
        p=case.p,
        reg=case.reg,
        training=case.training,
    )
    for one, right, name in zip(got, (expected.detach(), *gradients), PARTS, strict=True):
        assert_close(one, right, name, floor=1.0)
