"""Hidden tests of unit 2: the reference over drawn inputs, plain loops, identities, hard scores."""

import math
import re

import torch
from hypothesis import strategies as st

from autograder.testing import (
    Case,
    assert_close,
    assert_inputs_unchanged,
    dtypes,
    exercise,
    given,
    labels,
    lay_out,
    sizes,
    tensors,
)

# |z| goes up to 1e4, where neighbouring float32 numbers are 1e-3 apart: an implementation that adds
# the maximum back before it subtracts is as right as the format allows.
COARSE = {torch.float32: 2e-3, torch.float64: 1e-9}

# Near certainty 1 - p is the rounding of p, and so are loss and gradients: they are compared to
# within a fraction of 1, not of themselves.
ONE = {"floor": 1.0}

HARD_ROWS = (
    (1e4, 0.0, -1e4),
    (-1e4, -1e4 + 1, -1e4),
    (1e4, 1e4, 1e4 - 2),
    (88.0, 89.0, 90.0),
    (-105.0, -104.0, -103.0),
    (0.0, -60.0, -120.0),
    (0.0, 710.0, 700.0),
)


def probabilities(scores):
    """Softmax of a list of numbers, in Python's own arithmetic."""
    largest = max(scores)
    e = [math.exp(s - largest) for s in scores]
    return [v / sum(e) for v in e]


def log_probabilities(scores):
    """Logarithms of the same."""
    largest = max(scores)
    return [s - largest - math.log(sum(math.exp(t - largest) for t in scores)) for s in scores]


def hard(dtype, device):
    """The hard rows in one batch: whatever is shared between rows fails."""
    return torch.tensor(HARD_ROWS, dtype=dtype, device=device)


def assert_refuses(name, function, *args, **kwargs):
    """Fail unless the call raises a ValueError whose sentence names the argument."""
    said = None
    try:
        function(*args, **kwargs)
    except ValueError as error:
        said = str(error)
    assert said is not None, f"{function.__name__} accepts an invalid {name}"
    assert re.search(rf"\b{name}\b", said), f"the ValueError does not speak of {name}: {said}"


@st.composite
def scores(draw, layout="contiguous", values="normal"):
    n, c = draw(sizes()), draw(sizes())
    dtype = draw(dtypes())
    scale = draw(st.sampled_from([1.0, 5.0]))
    return Case(z=draw(tensors(n, c, dtype=dtype, layout=layout, values=values, scale=scale)))


@st.composite
def upstream(draw, layout="contiguous"):
    n, c = draw(sizes()), draw(sizes())
    dtype = draw(dtypes())
    z = draw(tensors(n, c, scale=draw(st.sampled_from([0.5, 2.0]))))
    p = torch.softmax(z, 1).to(dtype)
    if layout != "contiguous":  # an expanded layout has to repeat whole rows: they sum to 1
        p = lay_out(p, draw(st.sampled_from(["permuted", "sliced", "expanded"])), axis=0)
    return Case(dout=draw(tensors(n, c, dtype=dtype, layout=layout)), p=p)


@st.composite
def labelled(draw, layout="contiguous"):
    n, c = draw(sizes()), draw(sizes())
    dtype = draw(dtypes())
    z = draw(tensors(n, c, dtype=dtype, layout=layout, scale=draw(st.sampled_from([1.0, 5.0]))))
    y = draw(labels(n, c))
    if layout != "contiguous":
        y = lay_out(y, draw(st.sampled_from(["contiguous", "sliced", "expanded"])))
    return Case(z=z, y=y)


@st.composite
def models(draw, layout="contiguous", values="normal"):
    n, d, c = draw(sizes()), draw(sizes()), draw(sizes())
    dtype = draw(dtypes())

    def drawn(*shape):
        return draw(tensors(*shape, dtype=dtype, layout=layout, values=values))

    return Case(x=drawn(n, d), w=drawn(d, c), b=drawn(c), y=draw(labels(n, c)))


@st.composite
def trainings(draw, layout="contiguous"):
    n, d, c = draw(sizes(1, 7)), draw(sizes(1, 3)), draw(sizes(2, 4))
    x = draw(tensors(n, d, dtype=draw(dtypes()), layout=layout))
    return Case(
        x=x,
        y=draw(labels(n, c)),
        classes=c,
        lr=draw(st.sampled_from([0.1, 0.5, 1.0])),
        batch_size=draw(sizes(1, 8)),
        epochs=draw(sizes(1, 3)),
        seed=draw(st.integers(0, 1000)),
    )


# softmax ------------------------------------------------------------------------------------------


@exercise("softmax", points=1)
@given(case=scores(), examples=15)
def test_softmax_matches_the_reference(student, reference, device, case):
    assert_close(student.softmax(case.z), reference.softmax(case.z), "softmax(z)")


@exercise("softmax", points=1)
def test_softmax_is_right_for_hard_scores_in_one_batch(student, device):
    for dtype, tol in COARSE.items():
        expected = [probabilities(row) for row in HARD_ROWS]
        expected = torch.tensor(expected, dtype=dtype, device=device)
        assert_close(student.softmax(hard(dtype, device)), expected, "softmax(z)", tol=tol)


@exercise("softmax", points=1)
@given(case=scores(), examples=6)
def test_softmax_ignores_a_number_added_to_a_row(student, device, case):
    p = student.softmax(case.z.double())
    shift = 300.0 * torch.arange(len(case.z), device=device, dtype=torch.float64)[:, None]
    assert_close(p.sum(1), torch.ones_like(p[:, 0]), "the sum of each row")
    assert_close(student.softmax(case.z.double() + shift), p, "softmax(z + number)")
    assert_close(student.softmax(case.z.double() - 5 * shift), p, "softmax(z - number)")


@exercise("softmax", points=1)
@given(case=scores(layout="any"), examples=6)
def test_softmax_takes_any_layout_and_leaves_it_alone(student, reference, device, case):
    assert_close(student.softmax(case.z), reference.softmax(case.z), "softmax(z)")
    assert_inputs_unchanged(student)
    for refused in (case.z[0], case.z[:0], case.z.long(), case.z[None]):
        assert_refuses("z", student.softmax, refused)


# log_softmax --------------------------------------------------------------------------------------


@exercise("log_softmax", points=1)
@given(case=scores(), examples=15)
def test_log_softmax_matches_the_reference(student, reference, device, case):
    got = student.log_softmax(case.z)
    assert_close(got, reference.log_softmax(case.z), "log_softmax(z)")


@exercise("log_softmax", points=2)
def test_log_softmax_is_right_for_hard_scores_in_one_batch(student, device):
    for dtype, tol in COARSE.items():
        got = student.log_softmax(hard(dtype, device))
        assert got.shape == (len(HARD_ROWS), 3), f"log_softmax(z) has the shape {got.shape}"
        for i, row in enumerate(HARD_ROWS):  # each with a tolerance of its own
            expected = torch.tensor(log_probabilities(row), dtype=dtype, device=device)
            assert_close(got[i], expected, f"log_softmax(z)[{i}]", tol=tol)


@exercise("log_softmax", points=1)
@given(case=scores(), examples=6)
def test_log_softmax_has_probabilities_as_exponentials(student, device, case):
    z = case.z.double()
    log_p = student.log_softmax(z)
    assert_close(log_p.exp().sum(1), torch.ones_like(z[:, 0]), "the sum of exp(log p)")
    assert_close(log_p - log_p[:, :1], z - z[:, :1], "the differences of log p")
    assert_close(student.log_softmax(z + 1000), log_p, "log_softmax(z + 1000)")


@exercise("log_softmax", points=1)
@given(case=scores(layout="any"), examples=6)
def test_log_softmax_takes_any_layout_and_leaves_it_alone(student, reference, device, case):
    got = student.log_softmax(case.z)
    assert_close(got, reference.log_softmax(case.z), "log_softmax(z)")
    assert_inputs_unchanged(student)
    for refused in (case.z[0], case.z[:0], case.z.long(), case.z[None]):
        assert_refuses("z", student.log_softmax, refused)


# softmax_jacobian ---------------------------------------------------------------------------------


@exercise("softmax_jacobian", points=1)
@given(case=scores(), examples=12)
def test_softmax_jacobian_matches_the_reference(student, reference, device, case):
    got = student.softmax_jacobian(case.z[0])
    assert_close(got, reference.softmax_jacobian(case.z[0]), "J", **ONE)


@exercise("softmax_jacobian", points=1)
@given(case=scores(), examples=8)
def test_softmax_jacobian_is_the_matrix_of_autograds_derivatives(student, device, case):
    z = case.z[0].double().requires_grad_()
    p = torch.softmax(z, 0)
    rows = [torch.autograd.grad(p[i], z, retain_graph=True)[0] for i in range(len(z))]
    assert_close(student.softmax_jacobian(z.detach()), torch.stack(rows), "J", **ONE)


@exercise("softmax_jacobian", points=1)
@given(case=scores(layout="any"), examples=4)
def test_softmax_jacobian_takes_hard_scores_and_any_layout(student, reference, device, case):
    z = case.z[:, 0]
    assert_close(student.softmax_jacobian(z), reference.softmax_jacobian(z), "J", **ONE)
    for row in HARD_ROWS:
        z = torch.tensor(row, dtype=case.z.dtype, device=device)
        expected = reference.softmax_jacobian(z)
        assert_close(student.softmax_jacobian(z), expected, "J", tol=COARSE[z.dtype], **ONE)
    assert_inputs_unchanged(student)
    for refused in (case.z, case.z[0, :0], case.z[0].long()):
        assert_refuses("z", student.softmax_jacobian, refused)


# softmax_vjp --------------------------------------------------------------------------------------


@exercise("softmax_vjp", points=1)
@given(case=upstream(), examples=15)
def test_softmax_vjp_matches_the_reference(student, reference, device, case):
    got = student.softmax_vjp(case.dout, case.p)
    assert_close(got, reference.softmax_vjp(case.dout, case.p), "dz", **ONE)


@exercise("softmax_vjp", points=1)
@given(case=upstream(), examples=8)
def test_softmax_vjp_is_the_jacobian_of_each_row_times_its_dout(student, device, case):
    dout, p = case.dout.double(), torch.softmax(case.p.double(), 1)
    expected = [(torch.diag(q) - torch.outer(q, q)) @ g for q, g in zip(p, dout, strict=True)]
    assert_close(student.softmax_vjp(dout, p), torch.stack(expected), "dz")


@exercise("softmax_vjp", points=1)
@given(case=upstream(), examples=5)
def test_softmax_vjp_is_linear_in_dout_and_blind_to_a_constant(student, device, case):
    p = torch.softmax(case.p.double(), 1)
    dout = case.dout.double()
    dz = student.softmax_vjp(dout, p)
    assert_close(student.softmax_vjp(-3 * dout, p), -3 * dz, "dz of -3 dout")
    assert_close(student.softmax_vjp(dout + 7, p), dz, "dz of dout + 7")
    assert_close(student.softmax_vjp(torch.ones_like(p), p), torch.zeros_like(p), "dz of ones")
    assert_close(dz.sum(1), torch.zeros_like(p[:, 0]), "the sum of each row of dz")


@exercise("softmax_vjp", points=1)
@given(case=upstream(layout="any"), examples=10)
def test_softmax_vjp_takes_any_layout_and_leaves_it_alone(student, reference, device, case):
    got = student.softmax_vjp(case.dout, case.p)
    assert_close(got, reference.softmax_vjp(case.dout, case.p), "dz", **ONE)
    assert_inputs_unchanged(student)
    assert_refuses("dout", student.softmax_vjp, case.dout[0], case.p)
    assert_refuses("p", student.softmax_vjp, case.dout[0], case.p[0])


# softmax_cross_entropy ----------------------------------------------------------------------------


@exercise("softmax_cross_entropy", points=1)
@given(case=labelled(), examples=15)
def test_softmax_cross_entropy_has_the_loss_of_the_reference(student, reference, device, case):
    loss, _ = student.softmax_cross_entropy(case.z, case.y)
    assert_close(loss, reference.softmax_cross_entropy(case.z, case.y)[0], "loss", **ONE)


@exercise("softmax_cross_entropy", points=1)
@given(case=labelled(), examples=15)
def test_softmax_cross_entropy_has_the_gradient_of_the_reference(student, reference, device, case):
    _, dz = student.softmax_cross_entropy(case.z, case.y)
    assert_close(dz, reference.softmax_cross_entropy(case.z, case.y)[1], "dz", **ONE)


@exercise("softmax_cross_entropy", points=2)
def test_softmax_cross_entropy_is_finite_and_right_for_hard_scores(student, device):
    for dtype, tol in COARSE.items():
        z, y = hard(dtype, device), torch.tensor([2, 0, 1, 0, 1, 2, 0], device=device)
        for row, scores, label in zip(HARD_ROWS, z, y, strict=True):
            loss, dz = student.softmax_cross_entropy(scores[None], label[None])
            expected = scores.new_tensor(-log_probabilities(row)[int(label)])
            assert_close(loss, expected, f"the loss of {row}", tol=tol, **ONE)
            one_hot = [float(c == int(label)) for c in range(3)]
            expected = [[p - t for p, t in zip(probabilities(row), one_hot, strict=True)]]
            assert_close(dz, scores.new_tensor(expected), f"dz of {row}", tol=tol, **ONE)
        terms = [-log_probabilities(row)[c] for row, c in zip(HARD_ROWS, y.tolist(), strict=True)]
        loss, _ = student.softmax_cross_entropy(z, y)
        assert_close(loss, z.new_tensor(sum(terms) / len(terms)), "the loss of all hard rows")


@exercise("softmax_cross_entropy", points=1)
@given(case=labelled(), examples=6)
def test_softmax_cross_entropy_is_a_mean_whose_gradient_is_its_slope(student, device, case):
    z = case.z.double()
    loss, dz = student.softmax_cross_entropy(z, case.y)
    twice = student.softmax_cross_entropy(torch.cat([z, z]), torch.cat([case.y, case.y]))
    assert_close(twice[0], loss, "the loss of the batch with each sample twice")
    assert_close(twice[1], torch.cat([dz, dz]) / 2, "dz of the batch with each sample twice")
    step = 1e-3 * torch.cos(torch.arange(z.numel(), device=device).double()).reshape(z.shape)
    above, _ = student.softmax_cross_entropy(z + step, case.y)
    below, _ = student.softmax_cross_entropy(z - step, case.y)
    assert_close((above - below) / 2, (dz * step).sum(), "the slope of the loss", tol=1e-4)


@exercise("softmax_cross_entropy", points=1)
@given(case=labelled(layout="any"), examples=6)
def test_softmax_cross_entropy_takes_any_layout_and_leaves_it_alone(
    student, reference, device, case
):
    got = student.softmax_cross_entropy(case.z, case.y)
    assert_close(got, reference.softmax_cross_entropy(case.z, case.y), "(loss, dz)", **ONE)
    assert_inputs_unchanged(student)
    c = case.z.shape[1]
    for refused in (case.y.int(), case.y[:, None], case.y[:-1], case.y - c, case.y + c):
        assert_refuses("y", student.softmax_cross_entropy, case.z, refused)
    twice, half_right = torch.cat([case.z, case.z]), torch.cat([case.y, case.y + c])
    assert_refuses("y", student.softmax_cross_entropy, twice, half_right)
    assert_refuses("z", student.softmax_cross_entropy, case.z[:0], case.y[:0])


# softmax_regression_loss --------------------------------------------------------------------------


@exercise("softmax_regression_loss", points=1)
@given(case=models(), examples=15)
def test_softmax_regression_loss_has_the_loss_of_the_reference(student, reference, device, case):
    arguments = (case.x, case.w, case.b, case.y)
    loss, _, _ = student.softmax_regression_loss(*arguments)
    assert_close(loss, reference.softmax_regression_loss(*arguments)[0], "loss", **ONE)


@exercise("softmax_regression_loss", points=1)
@given(case=models(), examples=15)
def test_softmax_regression_loss_has_the_gradient_of_the_weights(student, reference, device, case):
    arguments = (case.x, case.w, case.b, case.y)
    _, dw, _ = student.softmax_regression_loss(*arguments)
    assert_close(dw, reference.softmax_regression_loss(*arguments)[1], "dw", **ONE)


@exercise("softmax_regression_loss", points=1)
@given(case=models(), examples=15)
def test_softmax_regression_loss_has_the_gradient_of_the_biases(student, reference, device, case):
    arguments = (case.x, case.w, case.b, case.y)
    _, _, db = student.softmax_regression_loss(*arguments)
    assert_close(db, reference.softmax_regression_loss(*arguments)[2], "db", **ONE)


@exercise("softmax_regression_loss", points=1)
@given(case=models(layout="any"), examples=6)
def test_softmax_regression_loss_takes_any_layout_and_leaves_it_alone(
    student, reference, device, case
):
    x, w, b, y = case.x, case.w, case.b, case.y
    expected = reference.softmax_regression_loss(x, w, b, y)
    assert_close(student.softmax_regression_loss(x, w, b, y), expected, "(loss, dw, db)", **ONE)
    assert_inputs_unchanged(student)
    for which, refused in (
        ("x", (x[0], w, b, y)),
        ("x", (x[:0], w, b, y[:0])),
        ("w", (x, w[0], b, y)),
        ("w", (x, torch.cat([w, w]), b, y)),
        ("b", (x, w, torch.cat([b, b]), y)),
        ("b", (x, w, b[None], y)),
        ("y", (x, w, b, torch.cat([y, y]))),
        ("y", (x, w, b, y + w.shape[1])),
    ):
        assert_refuses(which, student.softmax_regression_loss, *refused)


@exercise("softmax_regression_loss", points=1)
def test_softmax_regression_loss_of_scores_that_no_exponential_holds(student, device):
    """Each row is a sample of its own; the label is its least likely class, or its likeliest."""
    for dtype in (torch.float32, torch.float64):
        w = hard(dtype, device)
        n = len(w)
        x, b = torch.eye(n, dtype=dtype, device=device), w.new_zeros(w.shape[1])
        for choose in (min, max):
            y = [row.index(choose(row)) for row in HARD_ROWS]
            loss = -sum(log_probabilities(r)[k] for r, k in zip(HARD_ROWS, y, strict=True)) / n
            dz = w.new_tensor(
                [
                    [(p - (c == k)) / n for c, p in enumerate(probabilities(row))]
                    for row, k in zip(HARD_ROWS, y, strict=True)
                ]
            )
            got = student.softmax_regression_loss(x, w, b, torch.tensor(y, device=device))
            assert_close(got[0], w.new_tensor(loss), "loss", tol=COARSE[dtype], **ONE)
            assert_close(got[1:], (dz, dz.sum(0)), "(dw, db)", tol=COARSE[dtype], **ONE)


# predict ------------------------------------------------------------------------------------------


@exercise("predict", points=1)
@given(case=models(), examples=15)
def test_predict_matches_the_reference(student, reference, device, case):
    got = student.predict(case.x, case.w, case.b)
    assert_close(got, reference.predict(case.x, case.w, case.b), "the predictions")


@exercise("predict", points=1)
@given(case=models(values="ties", layout="any"), examples=10)
def test_predict_takes_the_first_of_tied_classes_in_any_layout(student, device, case):
    scores = (case.x @ case.w + case.b).tolist()  # small integers: exact in any order
    expected = torch.tensor([row.index(max(row)) for row in scores], device=device)
    assert_close(student.predict(case.x, case.w, case.b), expected, "the predictions")
    nothing = torch.zeros_like(expected)
    got = student.predict(case.x, torch.zeros_like(case.w), torch.zeros_like(case.b))
    assert_close(got, nothing, "the predictions of a model of zeros")
    assert_inputs_unchanged(student)
    for which, refused in (
        ("x", (case.x[0], case.w, case.b)),
        ("w", (case.x, torch.cat([case.w, case.w]), case.b)),
        ("b", (case.x, case.w, torch.cat([case.b, case.b]))),
    ):
        assert_refuses(which, student.predict, *refused)


# fit ----------------------------------------------------------------------------------------------


def train(subject, case):
    """Call `fit` as the case says."""
    hyperparameters = {k: v for k, v in vars(case).items() if k not in ("x", "y")}
    return subject.fit(case.x, case.y, **hyperparameters)


@exercise("fit", points=2)
@given(case=trainings(), examples=10)
def test_fit_arrives_at_the_parameters_of_the_reference(student, reference, device, case):
    w, b, _ = train(student, case)
    expected = train(reference, case)
    assert_close(w, expected[0], "w", floor=0.1)
    assert_close(b, expected[1], "b", floor=0.1)


@exercise("fit", points=1)
@given(case=trainings(), examples=10)
def test_fit_records_the_losses_of_the_reference(student, reference, device, case):
    _, _, losses = train(student, case)
    assert_close(losses, train(reference, case)[2], "losses", **ONE)


@exercise("fit", points=1)
def test_fit_survives_steps_that_are_far_too_long(student, reference, device):
    """After the first step scores are thousands apart, and one row lies far below another."""
    x = torch.tensor([[1.0, 0], [0, 1], [-1, 0], [0, 0], [0, -1]], device=device).double()
    y = torch.tensor([0, 1, 0, 2, 1], device=device)
    for batch_size in (1, 2, 5):
        case = Case(x=x, y=y, classes=3, lr=4e3, batch_size=batch_size, epochs=3, seed=1)
        got, expected = train(student, case), train(reference, case)
        assert_close(got, expected, "(w, b, losses)", floor=1.0)


@exercise("fit", points=1)
@given(case=trainings(), examples=4)
def test_fit_with_one_batch_is_gradient_descent_on_all_samples(student, device, case):
    x, n = case.x.double(), len(case.x)
    w = torch.zeros(x.shape[1], case.classes, dtype=x.dtype, device=device, requires_grad=True)
    b = torch.zeros(case.classes, dtype=x.dtype, device=device, requires_grad=True)
    losses = []
    for _ in range(4):
        loss = torch.nn.functional.cross_entropy(x @ w + b, case.y)
        dw, db = torch.autograd.grad(loss, (w, b))
        w = (w - case.lr * dw).detach().requires_grad_()
        b = (b - case.lr * db).detach().requires_grad_()
        losses.append(loss.detach())
    for size in (n, n + 3):
        got = train(student, Case(**{**vars(case), "x": x, "batch_size": size, "epochs": 4}))
        assert_close(got, (w.detach(), b.detach(), torch.stack(losses)), "(w, b, losses)")


@exercise("fit", points=1)
@given(case=trainings(), examples=5)
def test_fit_starts_at_log_c_and_keeps_the_sum_over_the_classes_at_zero(student, device, case):
    w, b, losses = train(student, Case(**{**vars(case), "x": case.x.double()}))
    steps = case.epochs * -(-len(case.x) // case.batch_size)
    assert losses.shape == (steps,), f"expected {steps} losses, got {tuple(losses.shape)}"
    assert_close(losses[0], losses.new_tensor(math.log(case.classes)), "the first loss")
    assert_close(w.sum(1), torch.zeros_like(w[:, 0]), "the sum of the columns of w")
    assert_close(b.sum(), torch.zeros_like(b[0]), "the sum of b")
    assert float(b.abs().max()) > 0 or float(w.abs().max()) > 0, "nothing was learned"


@exercise("fit", points=1)
def test_fit_learns_unbalanced_classes_far_from_the_origin(student, device):
    k = torch.arange(24, dtype=torch.float64, device=device)
    x = torch.stack([3 + torch.sin(k), torch.cos(2 * k)], dim=1)
    y = (k < 6).long() + 2 * (k >= 18).long()
    x = x + torch.nn.functional.one_hot(y, 3)[:, 1:].double() * 6
    w, b, losses = student.fit(x, y, classes=3, lr=0.2, batch_size=5, epochs=16, seed=0)
    assert losses.shape == (80,), f"16 epochs of 5 batches are 80 losses, got {losses.shape}"
    end = float(losses[-10:].mean())
    assert end < 0.4, f"the loss is still {end:.3g} in the last two epochs"
    right = int(((x @ w + b).argmax(1) == y).sum())
    assert right >= 22, f"only {right} of 24 samples are classified as they should be"


@exercise("fit", points=1)
@given(case=trainings(layout="any"), examples=8)
def test_fit_takes_any_layout_and_leaves_it_alone(student, reference, device, case):
    assert_close(train(student, case), train(reference, case), "(w, b, losses)", floor=0.1)
    assert_inputs_unchanged(student)


@exercise("fit", points=1)
@given(case=trainings(), examples=1)
def test_fit_repeats_itself_and_refuses_what_it_cannot_use(student, device, case):
    assert_close(train(student, case), train(student, case), "(w, b, losses)", tol=0.0)
    two = Case(**{**vars(case), "classes": 2, "y": torch.zeros_like(case.y)})
    w, _, _ = train(student, two)
    assert w.shape == (case.x.shape[1], 2)
    for which, change in (
        ("x", {"x": case.x[0]}),
        ("classes", {"classes": 1, "y": torch.zeros_like(case.y)}),
        ("y", {"y": case.y.double()}),
        ("y", {"y": case.y - case.classes}),
        ("y", {"y": torch.cat([case.y, case.y])}),
        ("lr", {"lr": 0.0}),
        ("lr", {"lr": -0.1}),
        ("batch_size", {"batch_size": 0}),
        ("epochs", {"epochs": 0}),
    ):
        arguments = {**vars(case), **change}
        assert_refuses(which, student.fit, arguments.pop("x"), arguments.pop("y"), **arguments)
