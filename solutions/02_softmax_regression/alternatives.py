"""Other correct implementations of unit 2: nobody loses a point for being different."""

import math

import torch
from softmax_regression import (
    epoch_orders,
    log_softmax,
    require,
    require_labels,
    require_model,
    require_rows,
    require_training,
    softmax,
    softmax_cross_entropy,
    softmax_regression_loss,
)

from autograder.testing import alternative

# Logarithms first: everything from the log-sum-exp, with the maximum added back -------------------


def logsumexp(z):
    m = z.max(dim=1, keepdim=True).values
    return m + torch.log(torch.sum(torch.exp(z - m), dim=1, keepdim=True))


@alternative("logarithms first", replaces="softmax")
def softmax_by_logarithms(z):
    require_rows("z", z, "C")
    return torch.exp(z - logsumexp(z))


@alternative("logarithms first", replaces="log_softmax")
def log_softmax_by_logarithms(z):
    require_rows("z", z, "C")
    return z - logsumexp(z)


@alternative("logarithms first", replaces="softmax_cross_entropy")
def cross_entropy_by_logarithms(z, y):
    require_rows("z", z, "C")
    require_labels(y, len(z), z.shape[1])
    lse = logsumexp(z)
    loss = (lse.squeeze(1) - z.gather(1, y.unsqueeze(1)).squeeze(1)).mean()
    dz = torch.exp(z - lse)
    dz.scatter_add_(1, y.unsqueeze(1), -torch.ones_like(dz[:, :1]))
    return loss, dz / z.shape[0]


# Plain Python: one sample, one class after the other ----------------------------------------------


def row_of_logarithms(row):
    largest = max(row)
    total = sum(math.exp(v - largest) for v in row)
    return [v - largest - math.log(total) for v in row]


@alternative("plain loops", replaces="softmax", exempt={"speed"})
def softmax_by_loops(z):
    require_rows("z", z, "C")
    return z.new_tensor([[math.exp(v) for v in row_of_logarithms(row)] for row in z.tolist()])


@alternative("plain loops", replaces="log_softmax", exempt={"speed"})
def log_softmax_by_loops(z):
    require_rows("z", z, "C")
    return z.new_tensor([row_of_logarithms(row) for row in z.tolist()])


@alternative("plain loops", replaces="softmax_jacobian", exempt={"speed"})
def jacobian_by_loops(z):
    require_rows("z", z[None], "C")
    p = [math.exp(v) for v in row_of_logarithms(z.tolist())]
    return z.new_tensor(
        [[a * (1 - a) if i == k else -a * b for k, b in enumerate(p)] for i, a in enumerate(p)]
    )


@alternative("plain loops", replaces="softmax_vjp", exempt={"speed"})
def vjp_by_loops(dout, p):
    require_rows("p", p, "C")
    require(dout.shape == p.shape, "dout must have the shape of p")
    rows = []
    for g, q in zip(dout.tolist(), p.tolist(), strict=True):
        rows.append(
            [sum(g[i] * q[i] * ((i == k) - q[k]) for i in range(len(q))) for k in range(len(q))]
        )
    return p.new_tensor(rows)


@alternative("plain loops", replaces="softmax_cross_entropy", exempt={"speed"})
def cross_entropy_by_loops(z, y):
    require_rows("z", z, "C")
    require_labels(y, len(z), z.shape[1])
    n, loss, dz = len(z), 0.0, []
    for row, label in zip(z.tolist(), y.tolist(), strict=True):
        log_p = row_of_logarithms(row)
        loss -= log_p[label] / n
        dz.append([(math.exp(v) - (c == label)) / n for c, v in enumerate(log_p)])
    return z.new_tensor(loss), z.new_tensor(dz)


@alternative("plain loops", replaces="predict", exempt={"speed"})
def predict_by_loops(x, w, b):
    require_model(x, w, b)
    rows = (x @ w + b).tolist()
    return torch.tensor([row.index(max(row)) for row in rows], device=x.device)


# Whole Jacobians ----------------------------------------------------------------------------------


@alternative("whole Jacobians", replaces="softmax_jacobian")
def jacobian_from_the_identity(z):
    require_rows("z", z[None], "C")
    p = softmax(z.unsqueeze(0)).squeeze(0)
    return p.unsqueeze(1) * (torch.eye(len(z), dtype=z.dtype, device=z.device) - p)


@alternative("whole Jacobians", replaces="softmax_vjp")
def vjp_with_whole_jacobians(dout, p):
    require_rows("p", p, "C")
    require(dout.shape == p.shape, "dout must have the shape of p")
    jacobians = torch.diag_embed(p) - torch.einsum("ni,nk->nik", p, p)
    return torch.einsum("ni,nik->nk", dout, jacobians)


@alternative("whole Jacobians", replaces="softmax_cross_entropy")
def cross_entropy_through_one_hot_rows(z, y):
    require_rows("z", z, "C")
    require_labels(y, len(z), z.shape[1])
    truth = torch.eye(z.shape[1], dtype=z.dtype, device=z.device)[y]
    loss = -torch.einsum("nc,nc->", truth, log_softmax(z)) / len(y)
    return loss, (softmax(z) - truth) / len(y)


# Ratios: softmax from the differences of all pairs of scores --------------------------------------


@alternative("ratios of probabilities", replaces="softmax")
def softmax_by_ratios(z):
    require_rows("z", z, "C")
    # exp may overflow here: 1 / inf is 0, which is what such a probability rounds to.
    return 1 / torch.exp(z[:, None, :] - z[:, :, None]).sum(2)


@alternative("ratios of probabilities", replaces="softmax_vjp")
def vjp_by_differences(dout, p):
    require_rows("p", p, "C")
    require(dout.shape == p.shape, "dout must have the shape of p")
    differences = dout[:, :, None] - dout[:, None, :]
    return p * (differences * p[:, None, :]).sum(2)


# Biases as the weights of a feature that is always 1 ----------------------------------------------


def with_ones(x):
    return torch.cat([x, torch.ones_like(x[:, :1])], dim=1)


@alternative("bias as a weight", replaces="softmax_regression_loss")
def loss_with_augmented_samples(x, w, b, y):
    require_model(x, w, b)
    require_labels(y, len(x), w.shape[1])
    x1 = with_ones(x)
    loss, dz = softmax_cross_entropy(x1 @ torch.cat([w, b[None]]), y)
    gradient = (dz.T @ x1).T
    return loss, gradient[:-1], gradient[-1]


@alternative("bias as a weight", replaces="predict")
def predict_with_augmented_samples(x, w, b):
    require_model(x, w, b)
    return torch.max(softmax(with_ones(x) @ torch.cat([w, b[None]])), dim=1).indices


@alternative("bias as a weight", replaces="fit")
def fit_with_augmented_samples(x, y, *, classes, lr, batch_size, epochs, seed):
    require_training(x, y, classes=classes, lr=lr, batch_size=batch_size, epochs=epochs)
    x1 = with_ones(x)
    weights = torch.zeros(x1.shape[1], classes, dtype=x.dtype, device=x.device)
    losses = []
    for order in epoch_orders(len(x), epochs=epochs, seed=seed, device=x.device):
        for start in range(0, len(x), batch_size):
            batch = order[start : start + batch_size]
            loss, dz = softmax_cross_entropy(x1[batch] @ weights, y[batch])
            weights -= lr * x1[batch].T @ dz
            losses.append(loss.item())
    return weights[:-1], weights[-1], torch.tensor(losses, dtype=x.dtype, device=x.device)


# Shuffled once per epoch, updated in place --------------------------------------------------------


@alternative("updates in place", replaces="fit")
def fit_in_place(x, y, *, classes, lr, batch_size, epochs, seed):
    require_training(x, y, classes=classes, lr=lr, batch_size=batch_size, epochs=epochs)
    w = torch.zeros((x.shape[1], classes), dtype=x.dtype, device=x.device)
    b = torch.zeros((classes,), dtype=x.dtype, device=x.device)
    per_epoch = math.ceil(len(x) / batch_size)
    losses = torch.zeros(epochs, per_epoch, dtype=x.dtype, device=x.device)
    orders = epoch_orders(len(x), epochs=epochs, seed=seed, device=x.device)
    for e, order in enumerate(orders):
        shuffled, labels = x[order], y[order]
        for i in range(per_epoch):
            part = slice(i * batch_size, (i + 1) * batch_size)
            losses[e, i], dw, db = softmax_regression_loss(shuffled[part], w, b, labels[part])
            w.sub_(dw, alpha=lr)
            b.sub_(db, alpha=lr)
    return w, b, losses.flatten()
