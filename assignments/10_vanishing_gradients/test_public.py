"""Public tests of unit 10: the worked examples of the handout, autograd, and plain repetition.

Run them with ``pytest``; one exercise with ``pytest -m jacobian_product``.
"""

import math

import torch
from hypothesis import strategies as st

from autograder.testing import Case, assert_close, exercise, given, sizes, tensors

LN2, LN3 = math.log(2), math.log(3)

WEIGHTS = [[0, LN3], [5, 0]]  # of 10.1
SYMMETRIC = [[2, 1], [1, 2]]
QUARTER_TURN = [[0, 0.5], [-0.5, 0]]  # and half the length
ONE_EIGENVECTOR = [[0.5, 10], [0, 0.5]]


def worked(values, device):
    """Numbers that were worked out by hand."""
    return torch.tensor(values, dtype=torch.float64, device=device)


def gradients(function, inputs, *upstream):
    """What autograd says are the gradients of a function's result."""
    leaves = [x.detach().clone().requires_grad_() for x in inputs]
    return torch.autograd.grad(function(*leaves), leaves, *upstream)


def states(x, w_hh):
    """States (N, T, H) of a network whose input has been multiplied with its weights already."""
    h, hs = torch.zeros_like(x[:, 0]), []
    for t in range(x.shape[1]):
        h = torch.tanh(x[:, t] + h @ w_hh)
        hs.append(h)
    return torch.stack(hs, dim=1)


def later_states(h, x, w_hh, *, start, end):
    """The state of step `end` as a function of that of step `start`; autograd can look inside."""
    for t in range(start + 1, end + 1):
        h = torch.tanh(x[:, t] + h @ w_hh)
    return h


@st.composite
def sequences(draw):
    n, t, h = draw(sizes(max=3)), draw(sizes()), draw(sizes(max=4))
    w_hh, x = draw(tensors(h, h, scale=0.5)), draw(tensors(n, t, h, scale=0.5))
    start = draw(st.integers(0, t - 1))
    return Case(x=x, w_hh=w_hh, dh=draw(tensors(n, h)), start=start, end=draw(sizes(start, t - 1)))


@st.composite
def linear_networks(draw):
    n, t, h, q = (draw(sizes(max=4)) for _ in range(4))
    dos, w_hh, w_hq = draw(tensors(n, t, q)), draw(tensors(h, h, scale=0.5)), draw(tensors(h, q))
    return Case(dos=dos, w_hh=w_hh, w_hq=w_hq, steps=draw(sizes(0, 6)), g=draw(tensors(n, h)))


@st.composite
def residual_layers(draw):
    n, d, k = (draw(sizes(max=4)) for _ in range(3))
    shapes = ((n, d), (d, k), (k,), (k, d), (d,))
    return Case(arguments=[draw(tensors(*s)) for s in shapes], dout=draw(tensors(n, d)))


@st.composite
def highway_layers(draw):
    n, d = draw(sizes(max=4)), draw(sizes(max=4))
    shapes = ((n, d), (d, d), (d,), (d, d), (d,))
    return Case(arguments=[draw(tensors(*s, scale=0.5)) for s in shapes], dout=draw(tensors(n, d)))


@st.composite
def dense_layers(draw):
    n, width = draw(sizes(max=4)), draw(sizes(max=3))
    x, layers = draw(tensors(n, width)), []
    for growth in draw(st.lists(sizes(max=3), min_size=1, max_size=3)):
        layers.append((draw(tensors(width, growth)), draw(tensors(growth))))
        width += growth
    return Case(x=x, layers=layers, dout=draw(tensors(n, width)))


# 10.1 The Jacobian of one step --------------------------------------------------------------------


@exercise("hidden_jacobian", points=1)
def test_hidden_jacobian_of_the_worked_example(student, device):
    jacobian = student.hidden_jacobian(worked([[0.6, 0.8]], device), worked(WEIGHTS, device))
    assert_close(jacobian, worked([[[0, 3.2], [0.36 * LN3, 0]]], device), "the Jacobian")
    back = worked([[[100, 50]]], device) @ jacobian
    assert_close(back, worked([[[18 * LN3, 320]]], device), "the gradient (100, 50), one step back")


@exercise("hidden_jacobian", points=1)
@given(case=sequences(), examples=5)
def test_hidden_jacobian_is_what_autograd_computes(student, device, case):
    before, x = case.dh, case.x[:, 0]
    got = student.hidden_jacobian(torch.tanh(x + before @ case.w_hh), case.w_hh)
    for n in range(len(x)):
        expected = torch.autograd.functional.jacobian(
            lambda h, n=n: torch.tanh(x[n] + h @ case.w_hh), before[n]
        )
        assert_close(got[n], expected, f"the Jacobian of sample {n}")


# 10.2 The product of many -------------------------------------------------------------------------


@exercise("jacobian_product", points=1)
def test_jacobian_product_of_the_worked_example(student, device):
    hs, w_hh = worked([[[0.5, 0.5], [0.6, 0.8], [0, 0.6]]], device), worked(WEIGHTS, device)
    both = student.jacobian_product(hs, w_hh, start=0, end=2)
    assert_close(both, worked([[[1.8 * LN3, 0], [0, 2.048 * LN3]]], device), "from step 0 to 2")
    one = student.jacobian_product(hs, w_hh, start=0, end=1)
    assert_close(one, worked([[[0, 3.2], [0.36 * LN3, 0]]], device), "from step 0 to 1")
    none = student.jacobian_product(hs, w_hh, start=1, end=1)
    assert_close(none, worked([[[1, 0], [0, 1]]], device), "from step 1 to 1")


@exercise("jacobian_product", points=1)
@given(case=sequences(), examples=6)
def test_jacobian_product_is_what_autograd_computes(student, device, case):
    hs, steps = states(case.x, case.w_hh), {"start": case.start, "end": case.end}
    got = student.jacobian_product(hs, case.w_hh, **steps)
    for n in range(len(hs)):
        expected = torch.autograd.functional.jacobian(
            lambda h, n=n: later_states(h[None], case.x[n : n + 1], case.w_hh, **steps)[0],
            hs[n, case.start],
        )
        assert_close(got[n], expected, f"the Jacobian of sample {n}")


# 10.3 The length of the gradient on its way -------------------------------------------------------


@exercise("gradient_norms", points=1)
def test_gradient_norms_of_the_worked_example(student, device):
    hs, dh = worked([[[0], [0.6], [0.8]]], device), worked([[1]], device)
    norms = student.gradient_norms(hs, dh, worked([[5]], device))
    assert_close(norms, worked([[5.76, 1.8, 1]], device), "norms that explode")
    norms = student.gradient_norms(hs, dh, worked([[-0.5]], device))
    assert_close(norms, worked([[0.0576, 0.18, 1]], device), "norms that vanish")


@exercise("gradient_norms", points=1)
@given(case=sequences(), examples=6)
def test_gradient_norms_are_those_that_autograd_finds(student, device, case):
    hs = states(case.x, case.w_hh)
    last = hs.shape[1] - 1
    expected = []
    for t in range(hs.shape[1]):
        (dh,) = gradients(
            lambda h, t=t: later_states(h, case.x, case.w_hh, start=t, end=last),
            [hs[:, t]],
            case.dh,
        )
        expected.append((dh**2).sum(1).sqrt())
    got = student.gradient_norms(hs, case.dh, case.w_hh)
    assert_close(got, torch.stack(expected, dim=1), "norms")


# 10.4 The spectral radius -------------------------------------------------------------------------


@exercise("spectral_radius", points=1)
def test_spectral_radius_of_the_worked_examples(student, device):
    examples = {
        "two real eigenvalues": (SYMMETRIC, 3.0),
        "a negative eigenvalue that is larger": ([[0.5, 0], [0, -0.9]], 0.9),
        "half a quarter turn": (QUARTER_TURN, 0.5),
        "a single eigenvector": (ONE_EIGENVECTOR, 0.5),
    }
    for name, (w, radius) in examples.items():
        got = student.spectral_radius(worked(w, device))
        assert_close(got, worked(radius, device), f"the radius of {name}")


@exercise("spectral_radius", points=1)
@given(w=tensors(3, 3), examples=5)
def test_spectral_radius_says_how_high_powers_grow(student, device, w):
    radius = student.spectral_radius(w)
    assert_close(student.spectral_radius(-2 * w), 2 * radius, "the radius of -2 w")
    # ||w^l||^(1/l) comes close to it. Divided by the radius, the powers stay in range.
    power = torch.linalg.matrix_power(w / radius, 2**12)
    growth = torch.linalg.matrix_norm(power) ** (2.0**-12)
    assert_close(growth, torch.ones_like(growth), "the growth per step of w / radius", tol=0.01)


# 10.5 A gradient through many linear steps --------------------------------------------------------


@exercise("power_gradient", points=1)
def test_power_gradient_of_the_worked_examples(student, device):
    g = worked([[1, 0]], device)
    got = student.power_gradient(worked(SYMMETRIC, device), g, steps=3)
    assert_close(got, worked([[14, 13]], device), "after 3 steps")
    turn = worked(QUARTER_TURN, device)
    for steps, expected in enumerate([[1, 0], [0, -0.5], [-0.25, 0], [0, 0.125]]):
        got = student.power_gradient(turn, g, steps=steps)
        assert_close(got, worked([expected], device), f"after {steps} shrinking quarter turns")


@exercise("power_gradient", points=1)
@given(case=linear_networks(), examples=6)
def test_power_gradient_is_that_many_single_steps(student, device, case):
    # A matrix like this has different eigenvalues, which is enough to be diagonalisable.
    h = case.w_hh.shape[0]
    w_hh = case.w_hh / 8 + torch.diag(torch.arange(1.0, h + 1, device=device).double() - 2.5) / 2
    expected = case.g
    for _ in range(case.steps):
        expected = expected @ w_hh.T
    assert_close(student.power_gradient(w_hh, case.g, steps=case.steps), expected, "the gradient")


# 10.6 All gradients of a linear recurrent network -------------------------------------------------


@exercise("linear_rnn_gradients", points=1)
def test_linear_rnn_gradients_of_the_worked_example(student, device):
    dos = worked([[[1], [2], [4]]], device)
    got = student.linear_rnn_gradients(dos, worked([[0.5]], device), worked([[2]], device))
    assert_close(got, worked([[[6], [8], [8]]], device), "the gradients of the states")


@exercise("linear_rnn_gradients", points=1)
@given(case=linear_networks(), examples=6)
def test_linear_rnn_gradients_are_what_autograd_computes(student, device, case):
    n, t, _ = case.dos.shape

    def outputs(*kicks):
        """o, when something is added to each state; its gradient is that of the state."""
        h, os = torch.zeros_like(kicks[0]), []
        for kick in kicks:
            h = h @ case.w_hh + kick
            os.append(h @ case.w_hq)
        return torch.stack(os, dim=1)

    kicks = [torch.zeros_like(case.g[:, :1]).expand(n, case.w_hh.shape[0])] * t
    expected = torch.stack(gradients(outputs, kicks, case.dos), dim=1)
    got = student.linear_rnn_gradients(case.dos, case.w_hh, case.w_hq)
    assert_close(got, expected, "the gradients of the states")


# 10.7 A residual layer: forward -------------------------------------------------------------------


def worked_residual(device):
    values = [[1, 2]], [[1, -1], [1, 1]], [-2, -3], [[2, 0], [5, 5]], [0, 1]
    return [worked(v, device) for v in values]


def plain_residual(x, w1, b1, w2, b2):
    return x + torch.relu(x @ w1 + b1) @ w2 + b2


@exercise("residual_forward", points=1)
def test_residual_forward_of_the_worked_example(student, device):
    out, _ = student.residual_forward(*worked_residual(device))
    assert_close(out, worked([[3, 3]], device), "out")


@exercise("residual_forward", points=1)
@given(case=residual_layers(), examples=4)
def test_residual_forward_is_the_identity_where_the_branch_is_silent(student, device, case):
    x, w1, b1, w2, b2 = case.arguments
    out, _ = student.residual_forward(x, w1, b1, 0 * w2, 0 * b2)
    assert_close(out, x, "out, with w2 and b2 of 0")
    out, _ = student.residual_forward(x, w1, b1, w2, b2)
    assert_close(out, plain_residual(*case.arguments), "out")


# 10.8 A residual layer: backward ------------------------------------------------------------------


@exercise("residual_backward", points=1)
def test_residual_backward_of_the_worked_example(student, device):
    _, cache = student.residual_forward(*worked_residual(device))
    got = student.residual_backward(worked([[1, 10]], device), cache)
    expected = [[3, 12]], [[2, 0], [4, 0]], [2, 0], [[1, 10], [0, 0]], [1, 10]
    for name, one, values in zip(("dx", "dw1", "db1", "dw2", "db2"), got, expected, strict=True):
        assert_close(one, worked(values, device), name)


@exercise("residual_backward", points=1)
@given(case=residual_layers(), examples=6)
def test_residual_backward_is_what_autograd_computes(student, device, case):
    _, cache = student.residual_forward(*case.arguments)
    got = student.residual_backward(case.dout, cache)
    expected = gradients(plain_residual, case.arguments, case.dout)
    assert_close(got, expected, "(dx, dw1, db1, dw2, db2)")


# 10.9 A highway layer: forward --------------------------------------------------------------------


def worked_highway(device):
    return [worked(v, device) for v in ([[1]], [[LN2]], [0], [[LN3]], [0])]


def plain_highway(x, w_h, b_h, w_t, b_t):
    gate = torch.sigmoid(x @ w_t + b_t)
    return gate * torch.tanh(x @ w_h + b_h) + (1 - gate) * x


@exercise("highway_forward", points=1)
def test_highway_forward_of_the_worked_example(student, device):
    out, _ = student.highway_forward(*worked_highway(device))
    assert_close(out, worked([[0.7]], device), "out")


@exercise("highway_forward", points=1)
@given(case=highway_layers(), examples=4)
def test_highway_forward_carries_everything_or_nothing(student, device, case):
    x, w_h, b_h, w_t, b_t = case.arguments
    out, _ = student.highway_forward(x, w_h, b_h, w_t, b_t - 1e3)
    assert_close(out, x, "out, with the gate closed")
    out, _ = student.highway_forward(x, w_h, b_h, w_t, b_t + 1e3)
    assert_close(out, torch.tanh(x @ w_h + b_h), "out, with the gate open")


# 10.10 A highway layer: backward ------------------------------------------------------------------


@exercise("highway_backward", points=1)
def test_highway_backward_of_the_worked_example(student, device):
    _, cache = student.highway_forward(*worked_highway(device))
    got = student.highway_backward(worked([[4]], device), cache)
    expected = [[1 + 1.92 * LN2 - 0.3 * LN3]], [[1.92]], [1.92], [[-0.3]], [-0.3]
    for name, one, values in zip(
        ("dx", "dw_h", "db_h", "dw_t", "db_t"), got, expected, strict=True
    ):
        assert_close(one, worked(values, device), name)


@exercise("highway_backward", points=1)
@given(case=highway_layers(), examples=6)
def test_highway_backward_is_what_autograd_computes(student, device, case):
    _, cache = student.highway_forward(*case.arguments)
    got = student.highway_backward(case.dout, cache)
    expected = gradients(plain_highway, case.arguments, case.dout)
    assert_close(got, expected, "(dx, dw_h, db_h, dw_t, db_t)")


# 10.11 Dense layers: forward ----------------------------------------------------------------------


def worked_dense(device):
    layers = [([[2]], [0]), ([[3], [-1]], [1])]
    return worked([[1]], device), [(worked(w, device), worked(b, device)) for w, b in layers]


def plain_dense(x, *flat):
    for w, b in zip(flat[::2], flat[1::2], strict=True):
        x = torch.cat([x, torch.relu(x @ w + b)], dim=1)
    return x


@exercise("dense_forward", points=1)
def test_dense_forward_of_the_worked_example(student, device):
    x, layers = worked_dense(device)
    out, _ = student.dense_forward(x, layers)
    assert_close(out, worked([[1, 2, 2]], device), "out")
    out, _ = student.dense_forward(x, [])
    assert_close(out, x, "out of no layer")


@exercise("dense_forward", points=1)
@given(case=dense_layers(), examples=5)
def test_dense_forward_appends_what_each_layer_makes_of_all_before(student, device, case):
    out, _ = student.dense_forward(case.x, case.layers)
    width = case.x.shape[1]
    features = width + sum(w.shape[1] for w, _ in case.layers)
    assert out.shape == (len(case.x), features), (
        f"out has the shape {tuple(out.shape)}; expected {(len(case.x), features)}: "
        "the features of x and those of every layer"
    )
    assert_close(out[:, :width], case.x, "the first features of out")
    for number, (w, b) in enumerate(case.layers):
        expected = torch.relu(out[:, :width] @ w + b)
        width += w.shape[1]
        assert_close(out[:, width - w.shape[1] : width], expected, f"what layer {number} appends")


# 10.12 Dense layers: backward ---------------------------------------------------------------------


@exercise("dense_backward", points=1)
def test_dense_backward_of_the_worked_example(student, device):
    _, cache = student.dense_forward(*worked_dense(device))
    dx, dlayers = student.dense_backward(worked([[1, 10, 100]], device), cache)
    assert_close(dx, worked([[121]], device), "dx")
    expected = [([[-90]], [-90]), ([[100], [200]], [100])]
    expected = [(worked(dw, device), worked(db, device)) for dw, db in expected]
    assert_close(dlayers, expected, "dlayers")


@exercise("dense_backward", points=1)
@given(case=dense_layers(), examples=6)
def test_dense_backward_is_what_autograd_computes(student, device, case):
    _, cache = student.dense_forward(case.x, case.layers)
    dx, dlayers = student.dense_backward(case.dout, cache)
    flat = [v for layer in case.layers for v in layer]
    expected = gradients(plain_dense, (case.x, *flat), case.dout)
    assert_close(dx, expected[0], "dx")
    layers = [expected[i : i + 2] for i in range(1, len(expected), 2)]
    assert_close(dlayers, layers, "dlayers")
