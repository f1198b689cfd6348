"""Other correct implementations of unit 1: nobody loses a point for being different."""

import torch
from perceptron import (
    dual_to_primal,
    fit_dual,
    gram_matrix,
    require,
    require_hyperplane,
    require_labels,
    require_samples,
    require_training,
)

from autograder.testing import alternative

# Plain Python numbers -----------------------------------------------------------------------------


def inner(p, q):
    return sum(a * b for a, b in zip(p, q, strict=True))


@alternative("plain loops", replaces="predict", exempt={"speed"})
def predict_by_loops(x, w, b):
    require_hyperplane(x, w, b)
    scores = [inner(sample, w.tolist()) + b.item() for sample in x.tolist()]
    return x.new_tensor([-1.0 if score < 0 else 1.0 for score in scores])


@alternative("plain loops", replaces="distance_to_hyperplane", exempt={"speed"})
def distance_by_loops(x, w, b):
    require_hyperplane(x, w, b)
    weights, length = w.tolist(), inner(w.tolist(), w.tolist()) ** 0.5
    require(length > 0, "w must not be 0: it describes no hyperplane")
    return x.new_tensor([abs(inner(sample, weights) + b.item()) / length for sample in x.tolist()])


@alternative("plain loops", replaces="fit_primal", exempt={"speed"})
def primal_by_loops(x, y, *, lr=1.0, max_epochs=100):
    require_training(x, y, lr=lr, max_epochs=max_epochs)
    w, b, converged = [0.0] * x.shape[1], 0.0, False
    while max_epochs > 0 and not converged:
        max_epochs, converged = max_epochs - 1, True
        for sample, label in zip(x.tolist(), y.tolist(), strict=True):
            if label * (inner(w, sample) + b) <= 0:
                w = [v + lr * label * s for v, s in zip(w, sample, strict=True)]
                b, converged = b + lr * label, False
    return x.new_tensor(w), x.new_tensor(b), converged


@alternative("plain loops", replaces="gram_matrix", exempt={"speed"})
def gram_by_loops(x):
    require_samples(x)
    return x.new_tensor([[inner(p, q) for q in x.tolist()] for p in x.tolist()])


@alternative("plain loops", replaces="dual_to_primal", exempt={"speed"})
def weights_by_loops(alpha, x, y):
    dual_to_primal(alpha, x, y)  # refuses what cannot be used
    w = torch.zeros(x.shape[1], dtype=x.dtype, device=x.device)
    for a, sample, label in zip(alpha, x, y, strict=True):
        w += a * label * sample
    return w


# The bias as the weight of a coordinate that is always 1 ------------------------------------------


def with_ones(x):
    return torch.cat([x, torch.ones_like(x[:, :1])], dim=1)


@alternative("bias as a weight", replaces="predict")
def predict_with_augmented_samples(x, w, b):
    require_hyperplane(x, w, b)
    scores = with_ones(x) @ torch.cat([w, b.reshape(1)])
    return torch.ones_like(scores).masked_fill(scores < 0, -1)


@alternative("bias as a weight", replaces="fit_primal")
def primal_with_augmented_samples(x, y, *, lr=1.0, max_epochs=100):
    require_training(x, y, lr=lr, max_epochs=max_epochs)
    signed = y[:, None] * with_ones(x)  # wrong where v . signed <= 0
    v = torch.zeros_like(signed[0])
    for _ in range(max_epochs):
        updates = 0
        for row in signed:
            if torch.dot(v, row) <= 0:
                v = v + lr * row
                updates += 1
        if updates == 0:
            return v[:-1], v[-1], True
    return v[:-1], v[-1], False


@alternative("bias as a weight", replaces="fit_dual")
def dual_with_an_augmented_gram_matrix(x, y, *, lr=1.0, max_epochs=100):
    require_training(x, y, lr=lr, max_epochs=max_epochs)
    gram = (gram_matrix(x) + 1) * y * y[:, None]  # the bias is the sum of alpha y
    counts = torch.zeros_like(y)
    for _ in range(max_epochs):
        before = counts.clone()
        for n in range(len(x)):
            counts[n] += (counts @ gram[n] <= 0).to(x.dtype)
        if torch.equal(before, counts):
            return lr * counts, lr * (counts * y).sum(), True
    return lr * counts, lr * (counts * y).sum(), False


# Scores kept up to date ---------------------------------------------------------------------------


@alternative("scores kept up to date", replaces="fit_dual")
def dual_with_running_scores(x, y, *, lr=1.0, max_epochs=100):
    require_training(x, y, lr=lr, max_epochs=max_epochs)
    gram = gram_matrix(x)
    alpha, b, scores = torch.zeros_like(y), torch.zeros_like(y[0]), torch.zeros_like(y)
    converged, epoch = False, 0
    while not converged and epoch < max_epochs:
        converged = True
        for n, label in enumerate(y):
            if label * scores[n] <= 0:
                alpha[n] += lr
                b += lr * label
                scores += lr * label * (gram[n] + 1)
                converged = False
        epoch += 1
    return alpha, b, converged


@alternative("scores kept up to date", replaces="fit_primal")
def primal_with_running_scores(x, y, *, lr=1.0, max_epochs=100):
    require_training(x, y, lr=lr, max_epochs=max_epochs)
    w, b, scores = torch.zeros_like(x[0]), torch.zeros_like(y[0]), torch.zeros_like(y)
    for _ in range(max_epochs):
        right = True
        for n in range(len(x)):
            if (scores[n] * y[n]).item() <= 0:
                step = lr * y[n]
                w.add_(step * x[n])
                b.add_(step)
                scores.add_(step * (x @ x[n] + 1))
                right = False
        if right:
            break
    return w, b, right


# One form from the other --------------------------------------------------------------------------


@alternative("primal from dual", replaces="fit_primal")
def primal_from_dual(x, y, *, lr=1.0, max_epochs=100):
    alpha, b, converged = fit_dual(x, y, lr=lr, max_epochs=max_epochs)
    return dual_to_primal(alpha, x, y), b, converged


@alternative("primal from dual", replaces="distance_to_hyperplane")
def distance_from_a_unit_normal(x, w, b):
    require_hyperplane(x, w, b)
    length = torch.linalg.vector_norm(w)
    require(length.item() != 0, "w must not be 0: it describes no hyperplane")
    return torch.abs(x @ (w / length) + b / length)


# Sums of products ---------------------------------------------------------------------------------


@alternative("sums of products", replaces="predict")
def predict_from_the_sign(x, w, b):
    require_hyperplane(x, w, b)
    side = torch.sign((x * w).sum(1) + b)
    return side + (side == 0)


@alternative("sums of products", replaces="gram_matrix")
def gram_by_broadcasting(x):
    require_samples(x)
    return (x[:, None, :] * x[None, :, :]).sum(2)


@alternative("sums of products", replaces="dual_to_primal")
def weights_by_einsum(alpha, x, y):
    require_samples(x)
    require_labels(x, y)
    require(alpha.shape == y.shape and alpha.dtype == x.dtype, "alpha must be (N,), like y")
    return torch.einsum("n,n,nd->d", alpha, y, x)
