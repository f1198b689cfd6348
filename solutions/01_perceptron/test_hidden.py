"""Hidden tests of unit 1: the reference over drawn inputs, plain loops, geometry, the theorem.

What the learning rule decides must not depend on rounding, so whatever is trained on here is small
integers with a power of two as learning rate: every number of the algorithm is then exact.
"""

import math
import re

import torch
from hypothesis import example
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

RATES = st.sampled_from([0.25, 0.5, 2.0, 4.0])


def perceptron(x, y, lr, max_epochs):
    """The rule in plain Python. Returns w, b, how often each sample was wrong, and converged."""
    w, b, wrong = [0.0] * len(x[0]), 0.0, [0] * len(x)
    for _ in range(max_epochs):
        before = sum(wrong)
        for n, (sample, label) in enumerate(zip(x, y, strict=True)):
            if label * (sum(map(float.__mul__, w, sample)) + b) <= 0:
                w = [v + lr * label * s for v, s in zip(w, sample, strict=True)]
                b += lr * label
                wrong[n] += 1
        if sum(wrong) == before:
            return w, b, wrong, True
    return w, b, wrong, False


def solved(case):
    """`perceptron` on a case, as tensors like its samples: w, b, alpha, converged."""
    w, b, wrong, converged = perceptron(case.x.tolist(), case.y.tolist(), case.lr, case.max_epochs)
    alpha = [case.lr * k for k in wrong]
    return case.x.new_tensor(w), case.x.new_tensor(b), case.x.new_tensor(alpha), converged


def assert_refuses(name, function, *args, **kwargs):
    """Fail unless the call raises a ValueError whose sentence names the argument."""
    said = None
    try:
        function(*args, **kwargs)
    except ValueError as error:
        said = str(error)
    assert said is not None, f"{function.__name__} accepts an invalid {name}"
    assert re.search(rf"\b{name}\b", said), f"the ValueError does not speak of {name}: {said}"


def tensor(values, dtype=torch.float64):
    return torch.tensor(values, dtype=dtype)


@st.composite
def hyperplanes(draw, layout="contiguous", values="normal"):
    n, d = draw(sizes()), draw(sizes())
    dtype = draw(dtypes())
    w = draw(tensors(d, dtype=dtype, layout=layout, values="positive"))
    if draw(st.booleans()):
        w = -w if layout == "contiguous" else lay_out(-w.contiguous(), "sliced")
    x = draw(tensors(n, d, dtype=dtype, layout=layout, values=values))
    return Case(x=x, w=w, b=draw(tensors(dtype=dtype, values=values)))


@st.composite
def trainings(draw, layout="contiguous", max_epochs=4):
    """Integer samples with any labels, most of them inseparable, and few epochs."""
    n, d = draw(sizes(1, 6)), draw(sizes(1, 4))
    dtype = draw(dtypes())
    y = torch.tensor(draw(st.lists(st.sampled_from([1.0, -1.0]), min_size=n, max_size=n)))
    y = y.to(dtype)
    if layout != "contiguous":
        y = lay_out(y, draw(st.sampled_from(["contiguous", "sliced", "expanded"])))
    return Case(
        x=draw(tensors(n, d, dtype=dtype, layout=layout, values="integers")),
        y=y,
        lr=draw(RATES),
        max_epochs=draw(sizes(1, max_epochs)),
    )


@st.composite
def separable(draw):
    """Integer samples, and labels from the hyperplane (u, c), on which no integer point lies."""
    n, d = draw(sizes(2, 6)), draw(sizes(1, 3))
    x = draw(tensors(n, d, dtype=draw(dtypes()), values="integers"))
    u = draw(tensors(d, values="integers")).to(x.dtype)
    c = draw(st.integers(-2, 2)) + 0.5
    return Case(x=x, y=torch.sign(x @ u + c), u=u, c=c, lr=draw(RATES))


def largest_number_of_updates(case):
    """(R / margin)^2 for the samples (x, 1) and the hyperplane (u, c)."""
    x, u = case.x.double(), case.u.double()
    longest = float((x.square().sum(1) + 1).max())
    margin = float((case.y * (x @ u + case.c)).min())
    return longest * (float(u.square().sum()) + case.c**2) / margin**2


# A tie at the very first sample of a later epoch; opposite labels at one place; the origin, which
# moves only the bias; the same sample twice; a pair that takes many epochs.
TIE = Case(x=tensor([[1, 1], [2, 0], [0, 2]]), y=tensor([1, -1, 1]), lr=0.5, max_epochs=3)
CONTRADICTION = Case(x=tensor([[1, 2], [1, 2]]), y=tensor([1, -1]), lr=2.0, max_epochs=3)
ORIGIN = Case(x=tensor([[0, 0], [0, 0], [1, 0]]), y=tensor([-1, -1, 1]), lr=1.0, max_epochs=9)
TWICE = Case(x=tensor([[2.0], [2.0], [-1.0]]), y=tensor([-1, -1, 1]), lr=1.0, max_epochs=9)
SLOW = Case(x=tensor([[3.0], [2.0]]), y=tensor([1, -1]), lr=0.25, max_epochs=60)
XOR = Case(
    x=tensor([[0, 0], [1, 1], [0, 1], [1, 0]]), y=tensor([-1, -1, 1, 1]), lr=1.0, max_epochs=8
)


# predict ------------------------------------------------------------------------------------------


@exercise("predict", points=1)
@given(case=hyperplanes(), examples=15)
def test_predict_matches_the_reference(student, reference, device, case):
    got = student.predict(case.x, case.w, case.b)
    assert_close(got, reference.predict(case.x, case.w, case.b), "the labels")


@exercise("predict", points=1)
@given(case=hyperplanes(values="integers"), examples=15)
def test_predict_gives_plus_one_to_what_lies_on_the_hyperplane(student, device, case):
    w = (2 * case.w).round()
    on = case.x - case.x  # the origin, and it lies on every hyperplane without a bias
    assert_close(student.predict(on, w, case.b * 0), on[:, 0] + 1, "the labels of the origin")
    scores = (case.x @ w + case.b).tolist()
    expected = case.x.new_tensor([1.0 if s >= 0 else -1.0 for s in scores])
    assert_close(student.predict(case.x, w, case.b), expected, "the labels")


@exercise("predict", points=1)
@given(case=hyperplanes(layout="any"), examples=8)
def test_predict_takes_any_layout_and_leaves_it_alone(student, reference, device, case):
    x, w, b = case.x, case.w, case.b
    assert_close(student.predict(x, w, b), reference.predict(x, w, b), "the labels")
    assert_inputs_unchanged(student)
    for which, refused in (
        ("x", (x[0], w, b)),
        ("x", (x[:0], w, b)),
        ("x", (x.long(), w, b)),
        ("w", (x, torch.cat([w, w]), b)),
        ("w", (x, w[:, None], b)),
        ("b", (x, w, b[None])),
    ):
        assert_refuses(which, student.predict, *refused)


# distance_to_hyperplane ---------------------------------------------------------------------------


@exercise("distance_to_hyperplane", points=1)
@given(case=hyperplanes(), examples=15)
def test_distance_to_hyperplane_matches_the_reference(student, reference, device, case):
    got = student.distance_to_hyperplane(case.x, case.w, case.b)
    expected = reference.distance_to_hyperplane(case.x, case.w, case.b)
    assert_close(got, expected, "the distances")


@exercise("distance_to_hyperplane", points=1)
@given(case=hyperplanes(), examples=8)
def test_distance_to_hyperplane_belongs_to_the_hyperplane_and_not_to_its_weights(
    student, device, case
):
    x, w, b = case.x.double(), case.w.double(), case.b.double()
    distance = student.distance_to_hyperplane(x, w, b)
    assert_close(student.distance_to_hyperplane(x, 7 * w, 7 * b), distance, "with 7 w and 7 b")
    assert_close(student.distance_to_hyperplane(x, -w, -b), distance, "with -w and -b")
    unit = w / math.sqrt(sum(v * v for v in w.tolist()))
    foot = x - (x @ w + b)[:, None] / (w @ w) * w  # on the hyperplane
    for walked in (3.0, -2.0):
        got = student.distance_to_hyperplane(foot + walked * unit, w, b)
        expected = torch.full_like(distance, abs(walked))
        assert_close(got, expected, f"the distance after a walk of {walked:g}")


@exercise("distance_to_hyperplane", points=1)
@given(case=hyperplanes(layout="any"), examples=8)
def test_distance_to_hyperplane_takes_any_layout_and_leaves_it_alone(
    student, reference, device, case
):
    x, w, b = case.x, case.w, case.b
    got = student.distance_to_hyperplane(x, w, b)
    assert_close(got, reference.distance_to_hyperplane(x, w, b), "the distances")
    one = torch.zeros_like(w).index_fill(0, torch.tensor([0], device=device), 1.0)
    got = student.distance_to_hyperplane(x, one, b)  # one weight that is not 0 is enough
    assert_close(got, (x[:, 0] + b).abs(), "the distances from x_0 + b = 0")
    assert_inputs_unchanged(student)
    assert_refuses("w", student.distance_to_hyperplane, x, w * 0, b)
    assert_refuses("w", student.distance_to_hyperplane, x, torch.cat([w, w]), b)


# fit_primal ---------------------------------------------------------------------------------------


@exercise("fit_primal", points=2)
@given(case=trainings(), examples=15)
@example(case=TIE)
@example(case=CONTRADICTION)
@example(case=ORIGIN)
@example(case=TWICE)
@example(case=SLOW)
def test_fit_primal_finds_the_hyperplane_of_the_plain_loop(student, device, case):
    w, b, _ = student.fit_primal(case.x, case.y, lr=case.lr, max_epochs=case.max_epochs)
    expected = solved(case)
    assert_close(w, expected[0], "w")
    assert_close(b, expected[1], "b")


@exercise("fit_primal", points=1)
@given(case=trainings(), examples=6)
@example(case=ORIGIN)
@example(case=TWICE)
@example(case=XOR)
def test_fit_primal_stops_after_the_first_epoch_without_an_update(student, device, case):
    for epochs in range(1, 8):
        case = Case(**{**vars(case), "max_epochs": epochs})
        got = student.fit_primal(case.x, case.y, lr=case.lr, max_epochs=epochs)
        w, b, _, converged = solved(case)
        assert_close(got, (w, b, converged), f"(w, b, converged) with max_epochs={epochs}")


@exercise("fit_primal", points=1)
@given(case=separable(), examples=10)
def test_fit_primal_converges_within_the_bound_of_the_theorem(student, device, case):
    epochs = int(largest_number_of_updates(case)) + 1
    w, b, converged = student.fit_primal(case.x, case.y, lr=case.lr, max_epochs=epochs)
    assert_close(converged, True, "converged")
    scores = case.y * (case.x @ w + b)
    assert bool((scores > 0).all()), f"y (x w + b) must be positive, but is {scores.tolist()}"


@exercise("fit_primal", points=1)
@given(case=trainings(), examples=5)
def test_fit_primal_scales_its_hyperplane_with_the_learning_rate(student, device, case):
    w, b, converged = student.fit_primal(case.x, case.y, max_epochs=6)
    expected = solved(Case(**{**vars(case), "lr": 1.0, "max_epochs": 6}))
    assert_close((w, b, converged), (*expected[:2], expected[3]), "(w, b, converged), lr 1")
    got = student.fit_primal(case.x, case.y, lr=case.lr, max_epochs=6)
    assert_close(got, (case.lr * w, case.lr * b, converged), f"the same for lr={case.lr:g}")


@exercise("fit_primal", points=1)
@given(case=trainings(layout="any"), examples=8)
def test_fit_primal_takes_any_layout_and_leaves_it_alone(student, reference, device, case):
    got = student.fit_primal(case.x, case.y, lr=case.lr, max_epochs=case.max_epochs)
    expected = reference.fit_primal(case.x, case.y, lr=case.lr, max_epochs=case.max_epochs)
    assert_close(got, expected, "(w, b, converged)")
    assert_inputs_unchanged(student)


@exercise("fit_primal", points=1)
@given(case=trainings(), examples=1)
@example(case=SLOW)
def test_fit_primal_defaults_to_a_hundred_epochs_and_refuses_what_it_cannot_use(
    student, device, case
):
    far = tensor([[9.0], [8.0]]).to(device), tensor([1, -1]).to(device)  # takes 156 epochs
    w, b, _, converged = solved(Case(x=far[0], y=far[1], lr=1.0, max_epochs=100))
    assert_close(student.fit_primal(*far), (w, b, converged), "(w, b, converged)")
    refuses_to_train(student.fit_primal, case)


def refuses_to_train(fit, case):
    """What both forms must refuse."""
    x, y = case.x, case.y
    for which, refused in (
        ("x", (x[0], y[:1])),
        ("x", (x[:0], y[:0])),
        ("x", (x.long(), y)),
        ("y", (x, torch.cat([y, y]))),
        ("y", (x, y[:, None])),
        ("y", (x, y.long())),
        ("y", (x, 0 * y)),
        ("y", (x, 2 * y)),
        ("y", (torch.cat([x, x]), torch.cat([y, 2 * y]))),  # the first of them are right
    ):
        assert_refuses(which, fit, *refused)
    assert_refuses("lr", fit, x, y, lr=0.0)
    assert_refuses("lr", fit, x, y, lr=-1.0)
    assert_refuses("max_epochs", fit, x, y, max_epochs=0)


# gram_matrix --------------------------------------------------------------------------------------


@exercise("gram_matrix", points=1)
@given(x=tensors(3, 3) | tensors(4, 2) | tensors(2, 5) | tensors(1, 3), examples=12)
def test_gram_matrix_holds_all_inner_products(student, device, x):
    rows = x.tolist()
    expected = [[sum(a * b for a, b in zip(p, q, strict=True)) for q in rows] for p in rows]
    assert_close(student.gram_matrix(x), x.new_tensor(expected), "G")


@exercise("gram_matrix", points=1)
@given(case=hyperplanes(layout="any"), examples=10)
def test_gram_matrix_takes_any_layout_and_leaves_it_alone(student, reference, device, case):
    assert_close(student.gram_matrix(case.x), reference.gram_matrix(case.x), "G")
    assert_inputs_unchanged(student)
    for refused in (case.x[0], case.x[:0], case.x.long()):
        assert_refuses("x", student.gram_matrix, refused)


# fit_dual -----------------------------------------------------------------------------------------


@exercise("fit_dual", points=2)
@given(case=trainings(), examples=15)
@example(case=TIE)
@example(case=CONTRADICTION)
@example(case=ORIGIN)
@example(case=TWICE)
@example(case=SLOW)
def test_fit_dual_counts_the_mistakes_of_the_plain_loop(student, device, case):
    alpha, b, _ = student.fit_dual(case.x, case.y, lr=case.lr, max_epochs=case.max_epochs)
    expected = solved(case)
    assert_close(alpha, expected[2], "alpha")
    assert_close(b, expected[1], "b")


@exercise("fit_dual", points=1)
@given(case=trainings(), examples=6)
@example(case=ORIGIN)
@example(case=TWICE)
@example(case=XOR)
def test_fit_dual_stops_after_the_first_epoch_without_an_update(student, device, case):
    for epochs in range(1, 8):
        case = Case(**{**vars(case), "max_epochs": epochs})
        got = student.fit_dual(case.x, case.y, lr=case.lr, max_epochs=epochs)
        _, b, alpha, converged = solved(case)
        assert_close(got, (alpha, b, converged), f"(alpha, b, converged) of {epochs} epochs")


@exercise("fit_dual", points=1)
@given(case=separable(), examples=10)
def test_fit_dual_is_the_primal_form_and_keeps_to_the_bound(student, reference, device, case):
    bound = largest_number_of_updates(case)
    alpha, b, converged = student.fit_dual(case.x, case.y, lr=case.lr, max_epochs=int(bound) + 1)
    assert_close(converged, True, "converged")
    assert float(alpha.sum()) / case.lr <= bound, "more updates than (R / margin)^2"
    primal = reference.fit_primal(case.x, case.y, lr=case.lr, max_epochs=int(bound) + 1)
    w = ((alpha * case.y)[:, None] * case.x).sum(0)
    assert_close((w, b, converged), primal, "(sum of alpha y x, b, converged)")


@exercise("fit_dual", points=1)
@given(case=trainings(), examples=5)
def test_fit_dual_sees_only_inner_products_and_scales_with_the_learning_rate(student, device, case):
    alpha, b, converged = student.fit_dual(case.x, case.y, max_epochs=6)
    expected = solved(Case(**{**vars(case), "lr": 1.0, "max_epochs": 6}))
    assert_close(alpha, expected[2], "alpha")
    turned = torch.cat([-case.x.flip(1), torch.zeros_like(case.x)], dim=1)  # same inner products
    got = student.fit_dual(turned, case.y, lr=case.lr, max_epochs=6)
    assert_close(got, (case.lr * alpha, case.lr * b, converged), "(alpha, b, converged), turned")


@exercise("fit_dual", points=1)
@given(case=trainings(layout="any"), examples=8)
def test_fit_dual_takes_any_layout_and_leaves_it_alone(student, reference, device, case):
    got = student.fit_dual(case.x, case.y, lr=case.lr, max_epochs=case.max_epochs)
    expected = reference.fit_dual(case.x, case.y, lr=case.lr, max_epochs=case.max_epochs)
    assert_close(got, expected, "(alpha, b, converged)")
    assert_inputs_unchanged(student)


@exercise("fit_dual", points=1)
@given(case=trainings(), examples=1)
@example(case=SLOW)
def test_fit_dual_defaults_to_a_hundred_epochs_and_refuses_what_it_cannot_use(
    student, device, case
):
    far = tensor([[9.0], [8.0]]).to(device), tensor([1, -1]).to(device)  # takes 156 epochs
    _, b, alpha, converged = solved(Case(x=far[0], y=far[1], lr=1.0, max_epochs=100))
    assert_close(student.fit_dual(*far), (alpha, b, converged), "(alpha, b, converged)")
    refuses_to_train(student.fit_dual, case)


# dual_to_primal -----------------------------------------------------------------------------------


@exercise("dual_to_primal", points=1)
@given(case=trainings(), examples=12)
def test_dual_to_primal_adds_up_the_samples(student, reference, device, case):
    x = case.x / 3 + 0.1
    alpha = torch.arange(len(x), device=device).to(x.dtype) * 0.7
    w = [0.0] * x.shape[1]
    for a, label, sample in zip(alpha.tolist(), case.y.tolist(), x.tolist(), strict=True):
        w = [v + a * label * s for v, s in zip(w, sample, strict=True)]
    assert_close(student.dual_to_primal(alpha, x, case.y), x.new_tensor(w), "w")
    expected = reference.dual_to_primal(alpha + 1, x, case.y)
    assert_close(student.dual_to_primal(alpha + 1, x, case.y), expected, "w of alpha + 1")


@exercise("dual_to_primal", points=1)
@given(case=trainings(layout="any"), examples=8)
def test_dual_to_primal_takes_any_layout_and_leaves_it_alone(student, reference, device, case):
    x, y = case.x, case.y
    alpha = lay_out(x[:, 0].abs().contiguous(), "sliced")
    expected = reference.dual_to_primal(alpha, x, y)
    assert_close(student.dual_to_primal(alpha, x, y), expected, "w")
    assert_inputs_unchanged(student)
    for which, refused in (
        ("alpha", (torch.cat([alpha, alpha]), x, y)),
        ("alpha", (alpha.long(), x, y)),
        ("x", (alpha, x[0], y)),
        ("y", (alpha, x, torch.cat([y, y]))),
        ("y", (alpha, x, 0 * y)),
    ):
        assert_refuses(which, student.dual_to_primal, *refused)
