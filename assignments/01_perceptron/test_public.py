"""Public tests of unit 1. Their oracles are worked numbers, geometry and Novikoff's theorem."""

import torch
from hypothesis import strategies as st

from autograder.testing import Case, assert_close, exercise, given, sizes, tensors

# The data of the handout, section 1.3.
SAMPLES, LABELS = [[1, 1], [2, 0], [0, 2]], [1, -1, 1]


def worked(values, device):
    """Numbers of the handout, as a float64 tensor."""
    return torch.tensor(values, dtype=torch.float64, device=device)


@st.composite
def hyperplanes(draw):
    """Samples x (N, D), weights w (D,), not 0, and a bias b."""
    n, d = draw(sizes()), draw(sizes())
    w = draw(tensors(d, values="positive"))
    return Case(x=draw(tensors(n, d)), w=w, b=draw(tensors()))


@st.composite
def separable(draw):
    """Integer samples x (N, D) and the labels y that a hyperplane between the integers gives them.

    The hyperplane is in the case too, as (u, c): no sample lies on it.
    """
    n, d = draw(sizes(1, 6)), draw(sizes(1, 3))
    x = draw(tensors(n, d, values="integers"))
    u = draw(tensors(d, values="integers"))
    c = draw(st.integers(-2, 2)) + 0.5
    return Case(x=x, y=torch.sign(x @ u + c), u=u, c=c)


def largest_number_of_updates(case):
    """The bound (R / margin)^2 of the convergence theorem, for the samples (x, 1)."""
    longest = float((case.x.square().sum(1) + 1).max())
    margin = float((case.y * (case.x @ case.u + case.c)).min())
    return longest * (float(case.u.square().sum()) + case.c**2) / margin**2


# 1.1 Which side -----------------------------------------------------------------------------------


@exercise("predict", points=1)
def test_predict_of_the_worked_example(student, device):
    x = worked([[3, 4], [0, 0], [1, 0.5]], device)
    got = student.predict(x, worked([3, 4], device), worked(-5, device))
    assert_close(got, worked([1, -1, 1], device), "the labels")


# 1.2 How far --------------------------------------------------------------------------------------


@exercise("distance_to_hyperplane", points=1)
def test_distance_to_hyperplane_of_the_worked_example(student, device):
    x = worked([[3, 4], [0, 0], [1, 0.5]], device)
    got = student.distance_to_hyperplane(x, worked([3, 4], device), worked(-5, device))
    assert_close(got, worked([4, 1, 0], device), "the distances")


@exercise("distance_to_hyperplane", points=1)
@given(case=hyperplanes(), examples=8)
def test_distance_to_hyperplane_is_the_length_of_a_walk_onto_it(student, device, case):
    x, w, b = case.x, case.w, case.b
    distance = student.distance_to_hyperplane(x, w, b)
    side = torch.sign(x @ w + b)
    foot = x - (side * distance)[:, None] * w / w.square().sum().sqrt()
    assert_close(foot @ w + b, torch.zeros_like(distance), "the score where the walk ends")


# 1.3 The perceptron rule --------------------------------------------------------------------------


@exercise("fit_primal", points=1)
def test_fit_primal_runs_through_the_worked_example(student, device):
    x, y = worked(SAMPLES, device), worked(LABELS, device)
    stages = {1: ([-1, 1], 0, False), 2: ([-2, 2], 0, False), 3: ([-1, 3], 1, False)}
    for epochs, (w, b, converged) in (stages | {4: ([-1, 3], 1, True)}).items():
        got = student.fit_primal(x, y, max_epochs=epochs)
        expected = (worked(w, device), worked(b, device), converged)
        assert_close(got, expected, f"(w, b, converged) with max_epochs={epochs}")


@exercise("fit_primal", points=1)
@given(case=separable(), examples=8)
def test_fit_primal_separates_as_soon_as_the_theorem_promises(student, device, case):
    epochs = int(largest_number_of_updates(case)) + 1  # all but the last make an update or more
    w, b, converged = student.fit_primal(case.x, case.y, max_epochs=epochs)
    assert_close(converged, True, "converged")
    scores = case.y * (case.x @ w + b)
    assert bool((scores > 0).all()), f"y (x w + b) must be positive, but is {scores.tolist()}"


# 1.4 The Gram matrix ------------------------------------------------------------------------------


@exercise("gram_matrix", points=1)
def test_gram_matrix_of_the_worked_example(student, device):
    expected = worked([[2, 2, 2], [2, 4, 0], [2, 0, 4]], device)
    assert_close(student.gram_matrix(worked(SAMPLES, device)), expected, "G")


# 1.5 The dual form --------------------------------------------------------------------------------


@exercise("fit_dual", points=1)
def test_fit_dual_runs_through_the_worked_example(student, device):
    x, y = worked(SAMPLES, device), worked(LABELS, device)
    stages = {1: ([1, 1, 0], 0, False), 2: ([2, 2, 0], 0, False), 3: ([3, 2, 0], 1, False)}
    for epochs, (alpha, b, converged) in (stages | {4: ([3, 2, 0], 1, True)}).items():
        got = student.fit_dual(x, y, max_epochs=epochs)
        expected = (worked(alpha, device), worked(b, device), converged)
        assert_close(got, expected, f"(alpha, b, converged) with max_epochs={epochs}")


@exercise("fit_dual", points=1)
@given(case=separable(), examples=8)
def test_fit_dual_makes_no_more_updates_than_the_theorem_allows(student, device, case):
    bound = largest_number_of_updates(case)
    alpha, b, converged = student.fit_dual(case.x, case.y, lr=0.5, max_epochs=int(bound) + 1)
    assert_close(converged, True, "converged")
    updates = float(alpha.sum() / 0.5)
    assert updates <= bound, f"{updates:g} updates, but there can be no more than {bound:g}"
    assert_close(b, (alpha * case.y).sum(), "b, which is the sum of alpha y,")
    scores = case.y * (case.x @ ((alpha * case.y) @ case.x) + b)
    assert bool((scores > 0).all()), f"y (x w + b) must be positive, but is {scores.tolist()}"


# 1.6 Back to the weights --------------------------------------------------------------------------


@exercise("dual_to_primal", points=1)
def test_dual_to_primal_of_the_worked_example(student, device):
    x, y = worked(SAMPLES, device), worked(LABELS, device)
    got = student.dual_to_primal(worked([3, 2, 0], device), x, y)
    assert_close(got, worked([-1, 3], device), "w")
