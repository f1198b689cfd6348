"""Hidden tests of unit 10: the reference over drawn inputs, autograd, known spectra, hard cases."""

import math

import pytest
import torch
from hypothesis import strategies as st

from autograder.testing import (
    Case,
    assert_close,
    assert_inputs_unchanged,
    dtypes,
    exercise,
    given,
    lay_out,
    sizes,
    tensors,
)

RESIDUAL = "(dx, dw1, db1, dw2, db2)"
HIGHWAY = "(dx, dw_h, db_h, dw_t, db_t)"
DENSE = "(dx, dlayers)"

# A power of two: inputs stay exact multiples of it, so that a sum before a ReLU that is 0 is 0 in
# whatever order it is added up.
SMALL = 0.5

# Sums of numbers around 1 have rounding errors to match, also where they cancel to almost nothing.
FLOOR = 0.1


def extents(most=4):
    """Sizes N, D and H: any, or all equal, where a transposed matrix has the right shape."""
    return st.one_of(st.just((3, 3, 3)), st.tuples(sizes(), sizes(max=most), sizes(max=most)))


@st.composite
def recurrent_states(draw, layout="contiguous", least=1, most=6):
    """States in (-1, 1), a gradient for the last, weights, and two steps in order."""
    n, _, h = draw(extents())
    t, dtype = draw(sizes(least, most)), draw(dtypes())
    raw, w_hh = draw(tensors(n, t, h, scale=SMALL)), draw(tensors(h, h, dtype=dtype, layout=layout))
    hs = torch.tanh(raw).to(dtype)
    if layout != "contiguous":
        hs = lay_out(hs, draw(st.sampled_from(["permuted", "sliced", "expanded"])), axis=t)
    start = draw(sizes(0, t - 1))
    return Case(
        hs=hs,
        dh=draw(tensors(n, h, dtype=dtype, layout=layout)),
        w_hh=w_hh,
        start=start,
        end=draw(sizes(start, t - 1)),
    )


@st.composite
def spectra(draw, dtype=None, unit_circle=False):
    """A matrix whose eigenvalues are known: real ones, or a turn and real ones.

    It is Q L Q^-1 with a Q that is neither symmetric nor orthogonal, and far from singular: a
    rounding error does not grow. On the unit circle lies only the largest eigenvalue, or the turn.
    """
    dtype = draw(dtypes()) if dtype is None else dtype
    h, turned = draw(sizes(max=5)), draw(st.booleans())
    moduli = [1.0, 0.8, 0.6, 0.4, 0.2]
    if not unit_circle:
        moduli = draw(st.permutations(moduli))
    moduli = moduli[:h]
    signs = draw(st.lists(st.sampled_from([1.0, -1.0]), min_size=h, max_size=h))
    blocks = torch.diag(torch.tensor(moduli, dtype=torch.float64)) * torch.tensor(signs)
    if turned and h >= 2:
        angle = draw(st.sampled_from([0.5, math.pi / 2, 2.5]))
        turn = torch.tensor([[1, -1], [1, 1]]) * torch.tensor(
            [[math.cos(angle), math.sin(angle)], [math.sin(angle), math.cos(angle)]],
            dtype=torch.float64,
        )
        blocks[:2, :2] = moduli[0] * turn
    v = draw(tensors(h))
    reflection = torch.eye(h).double() - 2 * torch.outer(v, v) / v.dot(v)
    above = torch.triu(draw(tensors(h, h, values="uniform")) - 0.5, diagonal=1)
    q = reflection @ (torch.eye(h).double() + above)
    scale = 1.0 if unit_circle else draw(st.sampled_from([0.5, 1.0, 1.25]))
    w = scale * q @ blocks @ torch.linalg.inv(q)
    radius = scale * max(moduli[:1] + moduli[(2 if turned and h >= 2 else 1) :])
    return Case(w=w.to(dtype), radius=torch.tensor(radius, dtype=dtype))


@st.composite
def powers(draw, layout="contiguous", dtype=None, unit_circle=False, most=6):
    spectrum = draw(spectra(dtype=dtype, unit_circle=unit_circle))
    w, n = spectrum.w, draw(sizes(max=4))
    if layout != "contiguous":
        w = lay_out(w, draw(st.sampled_from(["permuted", "sliced"])))
    g = draw(tensors(n, len(w), dtype=w.dtype, layout=layout))
    return Case(w_hh=w, g=g, steps=draw(sizes(0, most)))


@st.composite
def linear_networks(draw, layout="contiguous", least=1):
    n, q, h = draw(extents())
    t, dtype = draw(sizes(least, 6)), draw(dtypes())
    dos, w_hq = (draw(tensors(*s, dtype=dtype, layout=layout)) for s in ((n, t, q), (h, q)))
    w_hh = draw(tensors(h, h, dtype=dtype, layout=layout, scale=SMALL))
    return Case(dos=dos, w_hh=w_hh, w_hq=w_hq)


@st.composite
def residual_layers(draw, layout="contiguous", values="normal"):
    n, d, k = draw(extents())
    dtype = draw(dtypes())
    shapes = ((n, d), (d, k), (k,), (k, d), (d,), (n, d))
    x, w1, b1, w2, b2, dout = (
        draw(tensors(*s, dtype=dtype, layout=layout, values=values, scale=SMALL)) for s in shapes
    )
    return Case(x=x, w1=w1, b1=b1, w2=w2, b2=b2, dout=dout)


@st.composite
def highway_layers(draw, layout="contiguous"):
    n, d, _ = draw(extents())
    dtype = draw(dtypes())
    shapes = ((n, d), (d, d), (d,), (d, d), (d,), (n, d))
    x, w_h, b_h, w_t, b_t, dout = (
        draw(tensors(*s, dtype=dtype, layout=layout, scale=SMALL)) for s in shapes
    )
    return Case(x=x, w_h=w_h, b_h=b_h, w_t=w_t, b_t=b_t, dout=dout)


@st.composite
def dense_layers(draw, layout="contiguous", values="normal", growths=None):
    n, width, _ = draw(extents(3))
    dtype = draw(dtypes())
    how = {"dtype": dtype, "layout": layout, "values": values, "scale": SMALL}
    if growths is None:
        growths = draw(st.lists(sizes(max=4), max_size=3))
    x, layers = draw(tensors(n, width, **how)), []
    for growth in growths:
        layers.append((draw(tensors(width, growth, **how)), draw(tensors(growth, **how))))
        width += growth
    return Case(x=x, layers=layers, dout=draw(tensors(n, width, **how)))


def of_residual(case):
    return case.x, case.w1, case.b1, case.w2, case.b2


def of_highway(case):
    return case.x, case.w_h, case.b_h, case.w_t, case.b_t


def steps_of(case):
    return {"start": case.start, "end": case.end}


def gradients(function, inputs, *upstream):
    """What autograd says, calculated in float64 and returned in the type of the inputs."""
    leaves = [x.detach().double().requires_grad_() for x in inputs]
    found = torch.autograd.grad(function(*leaves), leaves, *(u.double() for u in upstream))
    return [g.to(x.dtype) for g, x in zip(found, inputs, strict=True)]


def later_states(h, x, w_hh, *, start, end):
    """The state of step `end` as a function of that of step `start`."""
    for t in range(start + 1, end + 1):
        h = torch.tanh(x[:, t] + h @ w_hh)
    return h


def what_was_read(hs, w_hh):
    """The x, multiplied with its weights already, with which a network arrives at these states."""
    before = torch.cat([torch.zeros_like(hs[:, :1]), hs[:, :-1]], dim=1)
    return torch.atanh(hs) - before @ w_hh


def plain_residual(x, w1, b1, w2, b2):
    return x + torch.relu(x @ w1 + b1) @ w2 + b2


def plain_highway(x, w_h, b_h, w_t, b_t):
    gate = torch.sigmoid(x @ w_t + b_t)
    return gate * torch.tanh(x @ w_h + b_h) + (1 - gate) * x


def plain_dense(x, *flat):
    for w, b in zip(flat[::2], flat[1::2], strict=True):
        x = torch.cat([x, torch.relu(x @ w + b)], dim=1)
    return x


def assert_refused(function, good, wrong, **hyperparameters):
    """Every argument that is replaced by something wrong, one at a time, is a ValueError.

    What refuses is given with the exercise, so a test asks for a right result first.
    """
    for position, argument in wrong:
        arguments = list(good)
        arguments[position] = argument
        with pytest.raises(ValueError, match=r"must"):
            function(*arguments, **hyperparameters)


def wide(x):
    """The same with one column more: a size that fits nothing."""
    return torch.cat([x, x[..., :1]], dim=-1)


def not_square(w):
    """What can be wrong with a square matrix."""
    return [wide(w), torch.cat([w, w[:1]]), w[0], w[None], w[:0, :0]]


# hidden_jacobian ----------------------------------------------------------------------------------


@exercise("hidden_jacobian", points=2)
@given(case=recurrent_states(), examples=12)
def test_hidden_jacobian_matches_the_reference(student, reference, device, case):
    got = student.hidden_jacobian(case.hs[:, 0], case.w_hh)
    assert_close(got, reference.hidden_jacobian(case.hs[:, 0], case.w_hh), "the Jacobian")


@exercise("hidden_jacobian", points=1)
@given(case=recurrent_states(), examples=3)
def test_hidden_jacobian_has_rows_of_zeros_where_a_unit_is_saturated(student, device, case):
    h, w_hh = case.hs[:, 0].clone(), case.w_hh
    h[:, 0] = 1.0
    h[:, 1:2] = -1.0
    got = student.hidden_jacobian(h, w_hh)
    assert_close(got[:, :2], torch.zeros_like(got[:, :2]), "the rows of saturated units")
    rest = torch.stack([torch.diag(1 - row**2) @ w_hh.T for row in h])[:, 2:]
    assert_close(got[:, 2:], rest, "the other rows")
    got = student.hidden_jacobian(torch.zeros_like(h), w_hh)
    assert_close(got, w_hh.T.expand(len(h), -1, -1), "the Jacobian at h = 0, where tanh is linear")


@exercise("hidden_jacobian", points=1)
@given(case=recurrent_states(layout="any"), examples=6)
def test_hidden_jacobian_takes_any_layout_and_leaves_it_alone(student, reference, device, case):
    good = case.hs[:, -1], case.w_hh
    assert_close(student.hidden_jacobian(*good), reference.hidden_jacobian(*good), "the Jacobian")
    assert_inputs_unchanged(student)


@exercise("hidden_jacobian", points=1)
@given(case=recurrent_states(), examples=1)
def test_hidden_jacobian_refuses_what_does_not_fit(student, reference, device, case):
    h, w_hh = good = case.hs[:, -1], case.w_hh
    assert_close(student.hidden_jacobian(*good), reference.hidden_jacobian(*good), "the Jacobian")
    wrong = [(0, wide(h)), (0, h[0]), (0, h[None]), *((1, w) for w in not_square(w_hh))]
    assert_refused(student.hidden_jacobian, good, wrong)


# jacobian_product ---------------------------------------------------------------------------------


@exercise("jacobian_product", points=3)
@given(case=recurrent_states(), examples=14)
def test_jacobian_product_matches_the_reference(student, reference, device, case):
    got = student.jacobian_product(case.hs, case.w_hh, **steps_of(case))
    expected = reference.jacobian_product(case.hs, case.w_hh, **steps_of(case))
    assert_close(got, expected, "the product")


@exercise("jacobian_product", points=1)
@given(case=recurrent_states(least=4), examples=3)
def test_jacobian_product_is_what_autograd_computes(student, device, case):
    hs, w_hh, end = case.hs.double(), case.w_hh.double(), case.hs.shape[1] - 1
    x = what_was_read(hs, w_hh)
    for start in (0, 1, end):
        got = student.jacobian_product(case.hs, case.w_hh, start=start, end=end)
        expected = [
            torch.autograd.functional.jacobian(
                lambda h, n=n, start=start: later_states(
                    h[None], x[n : n + 1], w_hh, start=start, end=end
                )[0],
                hs[n, start],
            )
            for n in range(len(hs))
        ]
        expected = torch.stack(expected).to(case.hs.dtype)
        assert_close(got, expected, f"the product from step {start} to step {end}")


@exercise("jacobian_product", points=1)
@given(case=recurrent_states(least=5), examples=3)
def test_jacobian_product_takes_the_way_in_pieces(student, reference, device, case):
    def product(start, end):
        return student.jacobian_product(case.hs, case.w_hh, start=start, end=end)

    none, whole = product(1, 1), product(1, 4)
    eye = torch.eye(len(case.w_hh), dtype=none.dtype, device=device)
    assert_close(none, eye.expand(none.shape), "the product of no factors")
    assert_close(product(3, 4) @ product(1, 3), whole, "the products of two parts, multiplied")
    expected = reference.jacobian_product(case.hs, case.w_hh, start=1, end=4)
    assert_close(whole, expected, "the product from step 1 to step 4")


@exercise("jacobian_product", points=1)
@given(case=recurrent_states(layout="any"), examples=6)
def test_jacobian_product_takes_any_layout_and_leaves_it_alone(student, reference, device, case):
    good = case.hs, case.w_hh
    got = student.jacobian_product(*good, **steps_of(case))
    assert_close(got, reference.jacobian_product(*good, **steps_of(case)), "the product")
    assert_inputs_unchanged(student)


@exercise("jacobian_product", points=1)
@given(case=recurrent_states(), examples=1)
def test_jacobian_product_refuses_what_does_not_fit(student, reference, device, case):
    hs, w_hh = good = case.hs, case.w_hh
    got = student.jacobian_product(*good, **steps_of(case))
    assert_close(got, reference.jacobian_product(*good, **steps_of(case)), "the product")
    wrong = [(0, wide(hs)), (0, hs[0]), (0, hs[:, :0]), *((1, w) for w in not_square(w_hh))]
    assert_refused(student.jacobian_product, good, wrong, start=0, end=0)
    last = hs.shape[1] - 1
    for start, end in ((-1, last), (0, last + 1), (last + 1, last + 1), (0, -1), (-1, -1)):
        with pytest.raises(ValueError, match=r"(start|end) must be in"):
            student.jacobian_product(hs, w_hh, start=start, end=end)
    longer = torch.cat([hs, hs], dim=1)
    with pytest.raises(ValueError, match=r"start must be at most"):
        student.jacobian_product(longer, w_hh, start=1, end=0)


# gradient_norms -----------------------------------------------------------------------------------


@exercise("gradient_norms", points=2)
@given(case=recurrent_states(), examples=12)
def test_gradient_norms_match_the_reference(student, reference, device, case):
    got = student.gradient_norms(case.hs, case.dh, case.w_hh)
    assert_close(got, reference.gradient_norms(case.hs, case.dh, case.w_hh), "norms")


@exercise("gradient_norms", points=1)
@given(case=recurrent_states(least=3), examples=3)
def test_gradient_norms_are_those_that_autograd_finds(student, device, case):
    hs, w_hh, last = case.hs.double(), case.w_hh.double(), case.hs.shape[1] - 1
    x = what_was_read(hs, w_hh)
    expected = []
    for t in range(last + 1):
        (dh,) = gradients(
            lambda h, t=t: later_states(h, x, w_hh, start=t, end=last), [hs[:, t]], case.dh
        )
        expected.append((dh**2).sum(1).sqrt())
    got = student.gradient_norms(case.hs, case.dh, case.w_hh)
    assert_close(got, torch.stack(expected, dim=1).to(case.hs.dtype), "norms")


@exercise("gradient_norms", points=1)
@given(case=recurrent_states(least=4), examples=3)
def test_gradient_norms_change_by_a_known_factor_where_tanh_is_linear(student, device, case):
    """At h = 0 the slopes are 1; a reflection times a number changes each length by the number."""
    v = case.dh[0]
    mirror = torch.eye(len(v), dtype=v.dtype, device=device) - 2 * torch.outer(v, v) / v.dot(v)
    lengths = (case.dh**2).sum(1).sqrt()
    back = torch.arange(case.hs.shape[1] - 1, -1, -1, dtype=v.dtype, device=device)
    for factor in (0.5, 1.0, 2.0):
        got = student.gradient_norms(torch.zeros_like(case.hs), case.dh, factor * mirror)
        assert_close(got, torch.outer(lengths, factor**back), f"norms, with the factor {factor}")
    saturated = torch.ones_like(case.hs)
    got = student.gradient_norms(saturated, case.dh, mirror)
    assert_close(got[:, -1], lengths, "the norms of dh")
    assert_close(got[:, :-1], torch.zeros_like(got[:, :-1]), "norms behind saturated units")


@exercise("gradient_norms", points=1)
@given(case=recurrent_states(layout="any"), examples=6)
def test_gradient_norms_take_any_layout_and_leave_it_alone(student, reference, device, case):
    good = case.hs, case.dh, case.w_hh
    assert_close(student.gradient_norms(*good), reference.gradient_norms(*good), "norms")
    assert_inputs_unchanged(student)


@exercise("gradient_norms", points=1)
@given(case=recurrent_states(), examples=1)
def test_gradient_norms_refuse_what_does_not_fit(student, reference, device, case):
    hs, dh, w_hh = good = case.hs, case.dh, case.w_hh
    assert_close(student.gradient_norms(*good), reference.gradient_norms(*good), "norms")
    wrong = [(0, wide(hs)), (0, hs[0]), (0, hs[:, :0]), (1, wide(dh)), (1, dh[0])]
    wrong += [(1, torch.cat([dh, dh])), *((2, w) for w in not_square(w_hh))]
    assert_refused(student.gradient_norms, good, wrong)


# spectral_radius ----------------------------------------------------------------------------------


@exercise("spectral_radius", points=3)
@given(case=spectra(), examples=16)
def test_spectral_radius_of_a_known_spectrum(student, device, case):
    assert_close(student.spectral_radius(case.w), case.radius, "the radius")


@exercise("spectral_radius", points=1)
def test_spectral_radius_of_hard_matrices(student, device):
    examples = {
        "a single number below 0": ([[-3.0]], 3.0),
        "zeros": ([[0.0, 0.0], [0.0, 0.0]], 0.0),
        "a Jordan block": ([[0.5, 10.0, 0.0], [0.0, 0.5, 10.0], [0.0, 0.0, 0.5]], 0.5),
        "the same below the diagonal": ([[0.5, 0.0], [10.0, 0.5]], 0.5),
        "nothing but a Jordan block of 0": ([[0.0, 5.0], [0.0, 0.0]], 0.0),
        "a quarter turn": ([[0.0, -0.5], [0.5, 0.0]], 0.5),
        "a turn beside a small number": (
            [[0.0, 2.0, 0.0], [-2.0, 0.0, 0.0], [0.0, 0.0, 1.0]],
            2.0,
        ),
        "a cycle": ([[0.0, 2.0, 0.0], [0.0, 0.0, 2.0], [2.0, 0.0, 0.0]], 2.0),
        "a negative number that is larger": ([[1.0, 7.0], [0.0, -2.0]], 2.0),
    }
    for name, (w, radius) in examples.items():
        for dtype in (torch.float32, torch.float64):
            got = student.spectral_radius(torch.tensor(w, dtype=dtype, device=device))
            expected = torch.tensor(radius, dtype=dtype, device=device)
            assert_close(got, expected, f"the radius of {name}")


@exercise("spectral_radius", points=1)
@given(case=spectra(), layout=st.sampled_from(["permuted", "sliced"]), examples=6)
def test_spectral_radius_takes_any_layout_and_leaves_it_alone(student, device, case, layout):
    assert_close(student.spectral_radius(lay_out(case.w, layout)), case.radius, "the radius")
    ones = case.w.new_ones(1, 1).expand(3, 3)
    assert_close(student.spectral_radius(ones), 3 * ones[0, 0], "the radius of ones, expanded")
    assert_inputs_unchanged(student)


@exercise("spectral_radius", points=1)
@given(case=spectra(), examples=1)
def test_spectral_radius_refuses_what_does_not_fit(student, device, case):
    assert_close(student.spectral_radius(case.w), case.radius, "the radius")
    assert_refused(student.spectral_radius, [case.w], [(0, w) for w in not_square(case.w)])


# power_gradient -----------------------------------------------------------------------------------


@exercise("power_gradient", points=3)
@given(case=powers(), examples=16)
def test_power_gradient_is_that_many_single_steps(student, device, case):
    w_hh, expected = case.w_hh.double(), case.g.double()
    for _ in range(case.steps):
        expected = expected @ w_hh.T
    got = student.power_gradient(case.w_hh, case.g, steps=case.steps)
    assert_close(got, expected.to(case.g.dtype), "the gradient")


@exercise("power_gradient", points=1)
@given(
    case=powers(dtype=torch.float64, unit_circle=True),
    steps=st.sampled_from([10**6, 10**6 - 1]),
    examples=4,
)
def test_power_gradient_goes_back_a_million_steps(student, device, case, steps):
    # A rounding error in the last digit of an eigenvalue, a million times: 1e-10.
    power = torch.linalg.matrix_power(case.w_hh.T, steps)
    got = student.power_gradient(case.w_hh, case.g, steps=steps)
    assert_close(got, case.g @ power, "the gradient", tol=1e-6)
    # A Markov chain: eigenvalues 1 and 0.6, and after many steps each entry is the same mean.
    chain = torch.tensor([[0.9, 0.1], [0.3, 0.7]], dtype=torch.float64, device=device)
    g = torch.tensor([[4.0, 8.0], [1.0, 1.0]], dtype=torch.float64, device=device)
    got = student.power_gradient(chain, g, steps=999_999)
    assert_close(got, torch.tensor([[5.0, 5.0], [1.0, 1.0]]).to(g), "the means", tol=1e-6)


@exercise("power_gradient", points=1)
@given(case=powers(dtype=torch.float64), examples=2)
def test_power_gradient_of_special_matrices_and_of_no_steps(student, device, case):
    g, eye = case.g, torch.eye(len(case.w_hh), dtype=torch.float64, device=device)
    assert_close(student.power_gradient(case.w_hh, g, steps=0), g, "the gradient after no step")
    assert_close(student.power_gradient(-eye, g, steps=3), -g, "the gradient after -1, -1, -1")
    assert_close(student.power_gradient(0 * eye, g, steps=2), 0 * g, "the gradient after zeros")
    assert_close(student.power_gradient(0 * eye, g, steps=0), g, "the gradient after no zeros")
    numbers = torch.arange(1, len(eye) + 1, dtype=torch.float64, device=device)
    got = student.power_gradient(torch.diag(0.5**numbers), g, steps=4)
    for i in range(len(eye)):
        assert_close(got[:, i], g[:, i] * 0.5 ** (4 * (i + 1)), f"column {i}, which is on its own")
    for dtype in (torch.float32, torch.float64):
        half = torch.tensor([[0.5]], dtype=dtype, device=device).expand(2, 2)  # eigenvalues 1, 0
        pair = torch.tensor([[3.0, 1.0]], dtype=dtype, device=device)
        got = student.power_gradient(half, pair, steps=3)
        assert_close(got, torch.full_like(pair, 2.0), "the gradient after a projection")


@exercise("power_gradient", points=1)
@given(case=powers(layout="any"), examples=6)
def test_power_gradient_takes_any_layout_and_leaves_it_alone(student, reference, device, case):
    good = case.w_hh, case.g
    got = student.power_gradient(*good, steps=case.steps)
    assert_close(got, reference.power_gradient(*good, steps=case.steps), "the gradient")
    assert_inputs_unchanged(student)


@exercise("power_gradient", points=1)
@given(case=powers(), examples=1)
def test_power_gradient_refuses_what_does_not_fit(student, reference, device, case):
    w_hh, g = good = case.w_hh, case.g
    got = student.power_gradient(*good, steps=1)
    assert_close(got, reference.power_gradient(*good, steps=1), "the gradient after one step")
    wrong = [(1, wide(g)), (1, g[0]), (1, g[None]), *((0, w) for w in not_square(w_hh))]
    assert_refused(student.power_gradient, good, wrong, steps=1)
    with pytest.raises(ValueError, match=r"steps must"):
        student.power_gradient(w_hh, g, steps=-1)


# linear_rnn_gradients -----------------------------------------------------------------------------


@exercise("linear_rnn_gradients", points=2)
@given(case=linear_networks(), examples=12)
def test_linear_rnn_gradients_match_the_reference(student, reference, device, case):
    got = student.linear_rnn_gradients(case.dos, case.w_hh, case.w_hq)
    expected = reference.linear_rnn_gradients(case.dos, case.w_hh, case.w_hq)
    assert_close(got, expected, "the gradients of the states")


@exercise("linear_rnn_gradients", points=1)
@given(case=linear_networks(least=3), examples=4)
def test_linear_rnn_gradients_are_the_closed_form(student, device, case):
    dos, w_hh, w_hq = (v.double() for v in (case.dos, case.w_hh, case.w_hq))
    last = dos.shape[1] - 1
    expected = [
        sum(
            dos[:, last + t - i] @ w_hq.T @ torch.linalg.matrix_power(w_hh.T, last - i)
            for i in range(t, last + 1)
        )
        for t in range(last + 1)
    ]
    got = student.linear_rnn_gradients(case.dos, case.w_hh, case.w_hq)
    expected = torch.stack(expected, dim=1).to(case.dos.dtype)
    assert_close(got, expected, "the gradients of the states")


@exercise("linear_rnn_gradients", points=1)
@given(case=linear_networks(least=3), examples=3)
def test_linear_rnn_gradients_add_what_each_output_sends_back(student, device, case):
    together = student.linear_rnn_gradients(case.dos, case.w_hh, case.w_hq)
    added = torch.zeros_like(together)
    for t in range(case.dos.shape[1]):
        alone = torch.zeros_like(case.dos)
        alone[:, t] = case.dos[:, t]
        part = student.linear_rnn_gradients(alone, case.w_hh, case.w_hq)
        own = case.dos[:, t] @ case.w_hq.T
        assert_close(part[:, t], own, f"the gradient of state {t}, of its own output")
        later = part[:, t + 1 :]
        assert_close(later, torch.zeros_like(later), f"gradients after step {t}, the only output")
        added = added + part
    assert_close(added, together, "the gradients, added over the outputs", floor=FLOOR)


@exercise("linear_rnn_gradients", points=1)
@given(case=linear_networks(layout="any"), examples=6)
def test_linear_rnn_gradients_take_any_layout_and_leave_it_alone(student, reference, device, case):
    good = case.dos, case.w_hh, case.w_hq
    got = student.linear_rnn_gradients(*good)
    assert_close(got, reference.linear_rnn_gradients(*good), "the gradients of the states")
    assert_inputs_unchanged(student)


@exercise("linear_rnn_gradients", points=1)
@given(case=linear_networks(), examples=1)
def test_linear_rnn_gradients_refuse_what_does_not_fit(student, reference, device, case):
    dos, w_hh, w_hq = good = case.dos, case.w_hh, case.w_hq
    got = student.linear_rnn_gradients(*good)
    assert_close(got, reference.linear_rnn_gradients(*good), "the gradients of the states")
    wrong = [(0, wide(dos)), (0, dos[0]), (0, dos[:, :0]), *((1, w) for w in not_square(w_hh))]
    wrong += [(2, wide(w_hq)), (2, torch.cat([w_hq, w_hq])), (2, w_hq[0])]
    assert_refused(student.linear_rnn_gradients, good, wrong)


# residual_forward ---------------------------------------------------------------------------------


@exercise("residual_forward", points=2)
@given(case=residual_layers(), examples=10)
def test_residual_forward_matches_the_reference(student, reference, device, case):
    out, _ = student.residual_forward(*of_residual(case))
    assert_close(out, reference.residual_forward(*of_residual(case))[0], "out", floor=FLOOR)


@exercise("residual_forward", points=1)
@given(case=residual_layers(layout="any"), examples=6)
def test_residual_forward_takes_any_layout_and_leaves_it_alone(student, reference, device, case):
    good = of_residual(case)
    out, _ = student.residual_forward(*good)
    assert_close(out, reference.residual_forward(*good)[0], "out", floor=FLOOR)
    assert_inputs_unchanged(student)


@exercise("residual_forward", points=1)
@given(case=residual_layers(), examples=1)
def test_residual_forward_refuses_what_does_not_fit(student, reference, device, case):
    x, w1, b1, w2, b2 = good = of_residual(case)
    out, _ = student.residual_forward(*good)
    assert_close(out, reference.residual_forward(*good)[0], "out", floor=FLOOR)
    wrong = [(0, wide(x)), (0, x[0]), (0, x[None]), (1, wide(w1)), (1, w1[0]), (2, wide(b1))]
    wrong += [(2, b1[None]), (3, wide(w2)), (3, torch.cat([w2, w2])), (3, w2[0]), (4, wide(b2))]
    wrong += [(1, torch.cat([w1, w1])), (4, b2[None])]
    assert_refused(student.residual_forward, good, wrong)


# residual_backward --------------------------------------------------------------------------------


@exercise("residual_backward", points=3)
@given(case=residual_layers(), examples=12)
def test_residual_backward_matches_the_reference(student, reference, device, case):
    _, cache = student.residual_forward(*of_residual(case))
    got = student.residual_backward(case.dout, cache)
    _, known = reference.residual_forward(*of_residual(case))
    assert_close(got, reference.residual_backward(case.dout, known), RESIDUAL, floor=FLOOR)


@exercise("residual_backward", points=1)
@given(case=residual_layers(values="ties"), examples=6)
def test_residual_backward_of_whole_numbers_has_a_slope_of_0_at_0(student, device, case):
    # The bias is minus what comes in for the first sample: all that enters its ReLUs is exactly 0.
    b1 = -(case.x[0] @ case.w1)
    inputs = (case.x, case.w1, b1, case.w2, case.b2)
    _, cache = student.residual_forward(*inputs)
    got = student.residual_backward(case.dout, cache)
    expected = gradients(plain_residual, inputs, case.dout)
    assert_close(got, expected, RESIDUAL, floor=FLOOR)


@exercise("residual_backward", points=1)
@given(case=residual_layers(), examples=4)
def test_residual_backward_changes_nothing_and_its_cache_lasts(student, reference, device, case):
    _, cache = student.residual_forward(*of_residual(case))
    student.residual_forward(-case.x, 2 * case.w1, case.b1 + 1, -case.w2, case.b2)
    twice = student.residual_backward(-2 * case.dout, cache)
    once = student.residual_backward(case.dout, cache)
    _, known = reference.residual_forward(*of_residual(case))
    assert_close(once, reference.residual_backward(case.dout, known), RESIDUAL, floor=FLOOR)
    assert_close(twice, [-2 * g for g in once], f"{RESIDUAL} of -2 dout", floor=FLOOR)
    assert_inputs_unchanged(student)


@exercise("residual_backward", points=1)
@given(case=residual_layers(layout="any"), examples=6)
def test_residual_backward_takes_any_layout_and_leaves_it_alone(student, reference, device, case):
    _, cache = student.residual_forward(*of_residual(case))
    got = student.residual_backward(case.dout, cache)
    _, known = reference.residual_forward(*of_residual(case))
    assert_close(got, reference.residual_backward(case.dout, known), RESIDUAL, floor=FLOOR)
    assert_inputs_unchanged(student)
    for dout in (wide(case.dout)[0], case.dout[None]):
        with pytest.raises(ValueError, match="dout"):
            student.residual_backward(dout, cache)


# highway_forward ----------------------------------------------------------------------------------


@exercise("highway_forward", points=2)
@given(case=highway_layers(), examples=10)
def test_highway_forward_matches_the_reference(student, reference, device, case):
    out, _ = student.highway_forward(*of_highway(case))
    assert_close(out, reference.highway_forward(*of_highway(case))[0], "out")


@exercise("highway_forward", points=1)
@given(case=highway_layers(), examples=3)
def test_highway_forward_mixes_feature_by_feature(student, device, case):
    x, w_h, b_h, w_t, b_t = of_highway(case)
    for first, others in ((-1e3, 1e3), (1e3, -1e3)):
        b_t = torch.full_like(b_t, others)
        b_t[0] = first
        out, _ = student.highway_forward(x, w_h, b_h, w_t, b_t)
        expected = torch.where(b_t < 0, x, torch.tanh(x @ w_h + b_h))
        assert_close(out, expected, "out, where each gate is open or closed")


@exercise("highway_forward", points=1)
@given(case=highway_layers(layout="any"), examples=6)
def test_highway_forward_takes_any_layout_and_leaves_it_alone(student, reference, device, case):
    good = of_highway(case)
    out, _ = student.highway_forward(*good)
    assert_close(out, reference.highway_forward(*good)[0], "out")
    assert_inputs_unchanged(student)


@exercise("highway_forward", points=1)
@given(case=highway_layers(), examples=1)
def test_highway_forward_refuses_what_does_not_fit(student, reference, device, case):
    x, w_h, b_h, w_t, b_t = good = of_highway(case)
    out, _ = student.highway_forward(*good)
    assert_close(out, reference.highway_forward(*good)[0], "out")
    wrong = [(0, wide(x)), (0, x[0]), (0, x[None]), (2, wide(b_h)), (2, b_h[None])]
    wrong += [(4, wide(b_t)), (4, b_t[None])]
    wrong += [(i, w) for i, matrix in ((1, w_h), (3, w_t)) for w in not_square(matrix)]
    assert_refused(student.highway_forward, good, wrong)


# highway_backward ---------------------------------------------------------------------------------


@exercise("highway_backward", points=3)
@given(case=highway_layers(), examples=12)
def test_highway_backward_matches_the_reference(student, reference, device, case):
    _, cache = student.highway_forward(*of_highway(case))
    got = student.highway_backward(case.dout, cache)
    _, known = reference.highway_forward(*of_highway(case))
    assert_close(got, reference.highway_backward(case.dout, known), HIGHWAY, floor=FLOOR)


@exercise("highway_backward", points=1)
@given(case=highway_layers(), examples=3)
def test_highway_backward_of_gates_that_are_closed_or_open(student, device, case):
    x, w_h, b_h, w_t, b_t = of_highway(case)
    _, cache = student.highway_forward(x, w_h, b_h, w_t, b_t - 1e3)
    got = student.highway_backward(case.dout, cache)
    expected = [case.dout, *(torch.zeros_like(v) for v in (w_h, b_h, w_t, b_t))]
    assert_close(got, expected, f"{HIGHWAY} of the identity")
    _, cache = student.highway_forward(x, w_h, b_h, w_t, b_t + 1e3)
    got = student.highway_backward(case.dout, cache)
    plain = gradients(lambda x, w, b: torch.tanh(x @ w + b), (x, w_h, b_h), case.dout)
    expected = [*plain, torch.zeros_like(w_t), torch.zeros_like(b_t)]
    assert_close(got, expected, f"{HIGHWAY} of a plain layer", floor=FLOOR)


@exercise("highway_backward", points=1)
@given(case=highway_layers(), examples=4)
def test_highway_backward_changes_nothing_and_its_cache_lasts(student, device, case):
    _, cache = student.highway_forward(*of_highway(case))
    student.highway_forward(-case.x, 2 * case.w_h, case.b_h + 1, -case.w_t, case.b_t)
    twice = student.highway_backward(-2 * case.dout, cache)
    once = student.highway_backward(case.dout, cache)
    expected = gradients(plain_highway, of_highway(case), case.dout)
    assert_close(once, expected, HIGHWAY, floor=FLOOR)
    assert_close(twice, [-2 * g for g in once], f"{HIGHWAY} of -2 dout", floor=FLOOR)
    assert_inputs_unchanged(student)


@exercise("highway_backward", points=1)
@given(case=highway_layers(layout="any"), examples=6)
def test_highway_backward_takes_any_layout_and_leaves_it_alone(student, reference, device, case):
    _, cache = student.highway_forward(*of_highway(case))
    got = student.highway_backward(case.dout, cache)
    _, known = reference.highway_forward(*of_highway(case))
    assert_close(got, reference.highway_backward(case.dout, known), HIGHWAY, floor=FLOOR)
    assert_inputs_unchanged(student)
    for dout in (wide(case.dout)[0], case.dout[None]):
        with pytest.raises(ValueError, match="dout"):
            student.highway_backward(dout, cache)


# dense_forward ------------------------------------------------------------------------------------


@exercise("dense_forward", points=2)
@given(case=dense_layers(), examples=12)
def test_dense_forward_matches_the_reference(student, reference, device, case):
    out, _ = student.dense_forward(case.x, case.layers)
    assert_close(out, reference.dense_forward(case.x, case.layers)[0], "out", floor=FLOOR)


@exercise("dense_forward", points=1)
@given(case=dense_layers(growths=(3, 1, 4)), examples=3)
def test_dense_forward_grows_unequally(student, device, case):
    out, _ = student.dense_forward(case.x, case.layers)
    flat = [v.double() for layer in case.layers for v in layer]
    expected = plain_dense(case.x.double(), *flat).to(case.x.dtype)
    assert_close(out, expected, "out", floor=FLOOR)
    assert_close(student.dense_forward(case.x, [])[0], case.x, "out of no layer")


@exercise("dense_forward", points=1)
@given(case=dense_layers(layout="any"), examples=6)
def test_dense_forward_takes_any_layout_and_leaves_it_alone(student, reference, device, case):
    out, _ = student.dense_forward(case.x, case.layers)
    assert_close(out, reference.dense_forward(case.x, case.layers)[0], "out", floor=FLOOR)
    assert_inputs_unchanged(student)


@exercise("dense_forward", points=1)
@given(case=dense_layers(growths=(2, 2)), examples=1)
def test_dense_forward_refuses_what_does_not_fit(student, reference, device, case):
    x, (first, second) = case.x, case.layers
    out, _ = student.dense_forward(x, case.layers)
    assert_close(out, reference.dense_forward(x, case.layers)[0], "out", floor=FLOOR)
    wrong = [(0, wide(x)), (0, x[0]), (0, x[None]), (1, [second, first]), (1, [first, first])]
    w, b = second
    layers = [(wide(w), b), (w[0], b), (w[None], b), (w, wide(b)), (w, b[None])]
    wrong += [(1, [first, layer]) for layer in layers]
    assert_refused(student.dense_forward, (x, case.layers), wrong)


# dense_backward -----------------------------------------------------------------------------------


@exercise("dense_backward", points=3)
@given(case=dense_layers(), examples=12)
def test_dense_backward_matches_the_reference(student, reference, device, case):
    _, cache = student.dense_forward(case.x, case.layers)
    got = student.dense_backward(case.dout, cache)
    _, known = reference.dense_forward(case.x, case.layers)
    assert_close(got, reference.dense_backward(case.dout, known), DENSE, floor=FLOOR)


@exercise("dense_backward", points=1)
@given(case=dense_layers(growths=(3, 1, 4)), examples=4)
def test_dense_backward_through_unequal_growth_is_what_autograd_computes(student, device, case):
    _, cache = student.dense_forward(case.x, case.layers)
    got = student.dense_backward(case.dout, cache)
    flat = [v for layer in case.layers for v in layer]
    dx, *rest = gradients(plain_dense, (case.x, *flat), case.dout)
    expected = [dx, [rest[i : i + 2] for i in (0, 2, 4)]]
    assert_close(got, expected, DENSE, floor=FLOOR)
    _, cache = student.dense_forward(case.x, [])
    upstream = case.dout[:, : case.x.shape[1]]
    assert_close(student.dense_backward(upstream, cache), [upstream, []], f"{DENSE} of no layer")


@exercise("dense_backward", points=1)
@given(case=dense_layers(values="ties", growths=(2, 2)), examples=4)
def test_dense_backward_of_whole_numbers_has_a_slope_of_0_at_0(student, device, case):
    # The bias is minus what comes in for the first sample: there the first features are exactly 0.
    (w, _), second = case.layers
    layers = [(w, -(case.x[0] @ w)), second]
    _, cache = student.dense_forward(case.x, layers)
    got = student.dense_backward(case.dout, cache)
    flat = [v for layer in layers for v in layer]
    dx, *rest = gradients(plain_dense, (case.x, *flat), case.dout)
    assert_close(got, [dx, [rest[:2], rest[2:]]], DENSE, floor=FLOOR)


@exercise("dense_backward", points=1)
@given(case=dense_layers(), examples=4)
def test_dense_backward_changes_nothing_and_its_cache_lasts(student, reference, device, case):
    _, cache = student.dense_forward(case.x, case.layers)
    student.dense_forward(-case.x, [(-w, b + 1) for w, b in case.layers])
    dx_twice, twice = student.dense_backward(-2 * case.dout, cache)
    dx, once = student.dense_backward(case.dout, cache)
    _, known = reference.dense_forward(case.x, case.layers)
    expected = reference.dense_backward(case.dout, known)
    assert_close((dx, once), expected, DENSE, floor=FLOOR)
    assert_close(dx_twice, -2 * dx, "dx of -2 dout", floor=FLOOR)
    doubled = [[-2 * g for g in layer] for layer in once]
    assert_close(twice, doubled, "dlayers of -2 dout", floor=FLOOR)
    assert_inputs_unchanged(student)


@exercise("dense_backward", points=1)
@given(case=dense_layers(layout="any"), examples=6)
def test_dense_backward_takes_any_layout_and_leaves_it_alone(student, reference, device, case):
    _, cache = student.dense_forward(case.x, case.layers)
    got = student.dense_backward(case.dout, cache)
    _, known = reference.dense_forward(case.x, case.layers)
    assert_close(got, reference.dense_backward(case.dout, known), DENSE, floor=FLOOR)
    assert_inputs_unchanged(student)
    for dout in (wide(case.dout)[0], case.dout[None]):
        with pytest.raises(ValueError, match="dout"):
            student.dense_backward(dout, cache)
