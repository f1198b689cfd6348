"""Other correct implementations of unit 8."""

import math

import torch
from soft_argmax import (
    logsumexp,
    require,
    require_rows,
    require_sharpness,
    soft_onehot,
    soft_onehot_jacobian,
)

from autograder.testing import alternative


def checked(x, t):
    """Raise ValueError for the arguments that the unit forbids."""
    require_rows(x)
    require_sharpness(t)


def checked_upstream(dout, x):
    """Raise ValueError unless dout has one number for each row of x."""
    require_rows(x)
    require(dout.shape == x.shape[:1], f"dout must be ({len(x)},), got {tuple(dout.shape)}")


def like(values, x):
    """A (nested) list of numbers as a tensor with the dtype and the device of x."""
    return torch.tensor(values, dtype=x.dtype, device=x.device)


# --- single numbers ---------------------------------------------------------------------------


def weights_of(row, t):
    """exp(t (x_i - max)) of a list."""
    return [math.exp(t * (value - max(row))) for value in row]


def share_of(row, t):
    """The softmax of a list."""
    weights = weights_of(row, t)
    return [weight / sum(weights) for weight in weights]


def mean_of(row, t):
    """The mean index of a list under its softmax."""
    return sum(i * p for i, p in enumerate(share_of(row, t)))


@alternative("loops over single numbers", replaces="logsumexp", exempt={"speed"})
def loops_logsumexp(x, *, t=1.0):
    checked(x, t)
    return like([max(row) + math.log(sum(weights_of(row, t))) / t for row in x.tolist()], x)


@alternative("loops over single numbers", replaces="soft_onehot", exempt={"speed"})
@alternative("loops over single numbers", replaces="soft_max_gradient", exempt={"speed"})
def loops_softmax(x, *, t=1.0):
    checked(x, t)
    return like([share_of(row, t) for row in x.tolist()], x)


@alternative("loops over single numbers", replaces="soft_onehot_jacobian", exempt={"speed"})
def loops_jacobian(x, *, t=1.0):
    checked(x, t)
    jacobians = []
    for row in x.tolist():
        p = share_of(row, t)
        size = range(len(p))
        jacobians.append([[t * p[i] * ((i == j) - p[j]) for j in size] for i in size])
    return like(jacobians, x)


@alternative("loops over single numbers", replaces="soft_argmax", exempt={"speed"})
def loops_soft_argmax(x, *, t=1.0):
    checked(x, t)
    return like([mean_of(row, t) for row in x.tolist()], x)


@alternative("loops over single numbers", replaces="soft_argmax_gradient", exempt={"speed"})
def loops_soft_argmax_gradient(x, *, t=1.0):
    checked(x, t)
    rows = [
        [t * p * (i - mean_of(row, t)) for i, p in enumerate(share_of(row, t))]
        for row in x.tolist()
    ]
    return like(rows, x)


@alternative("loops over single numbers", replaces="max_backward", exempt={"speed"})
def loops_max_backward(dout, x):
    checked_upstream(dout, x)
    dx = torch.zeros(x.shape, dtype=x.dtype, device=x.device)
    for n, row in enumerate(x.tolist()):
        best = 0
        for i, value in enumerate(row):
            if value > row[best]:
                best = i
        dx[n, best] = dout[n]
    return dx


# --- all pairs of scores, no maximum taken out ----------------------------------------------------


def pairwise_shares(x, t):
    """p_i = 1 / sum_j exp(t (x_j - x_i)): a term that overflows makes p_i the 0 that it is."""
    return 1 / (t * (x[:, None, :] - x[:, :, None])).exp().sum(2)


@alternative("differences of all pairs", replaces="logsumexp")
def pairs_logsumexp(x, *, t=1.0):
    checked(x, t)
    p = pairwise_shares(x, t)
    best = p.argmax(1, keepdim=True)  # y = x_i - log(p_i) / t for every i; this p_i is not small
    return (x.gather(1, best) - p.gather(1, best).log() / t)[:, 0]


@alternative("differences of all pairs", replaces="soft_onehot")
@alternative("differences of all pairs", replaces="soft_max_gradient")
def pairs_softmax(x, *, t=1.0):
    checked(x, t)
    return pairwise_shares(x, t)


@alternative("differences of all pairs", replaces="soft_onehot_jacobian")
def pairs_jacobian(x, *, t=1.0):
    checked(x, t)
    p = pairwise_shares(x, t)
    same = torch.eye(x.shape[1], dtype=x.dtype, device=x.device)
    return t * p.unsqueeze(2) * (same - p.unsqueeze(1))


@alternative("differences of all pairs", replaces="soft_argmax_gradient")
def pairs_soft_argmax_gradient(x, *, t=1.0):
    checked(x, t)
    p = pairwise_shares(x, t)
    i = torch.arange(x.shape[1], device=x.device)
    distance = (i[:, None] - i[None, :]).to(x.dtype)
    return t * p * (p @ distance.T)  # sum_j p_j (i - j) = i - s


# --- logarithms of probabilities, one column at a time ----------------------------------------


@alternative("streams over the columns", replaces="logsumexp", exempt={"speed"})
def streaming_logsumexp(x, *, t=1.0):
    checked(x, t)
    largest, total = x[:, 0], torch.ones_like(x[:, 0])
    for column in x.unbind(1)[1:]:
        higher = torch.maximum(largest, column)
        total = total * (t * (largest - higher)).exp() + (t * (column - higher)).exp()
        largest = higher
    return largest + total.log() / t


@alternative("streams over the columns", replaces="soft_onehot", exempt={"speed"})
def streaming_softmax(x, *, t=1.0):
    checked(x, t)
    z = x - x.amax(1, keepdim=True)  # then the soft maximum is near 0 and keeps its digits
    return (t * (z - logsumexp(z, t=t)[:, None])).exp()


@alternative("streams over the columns", replaces="soft_argmax", exempt={"speed"})
def streaming_soft_argmax(x, *, t=1.0):
    checked(x, t)
    p = soft_onehot(x, t=t)
    s = torch.zeros_like(p[:, 0])
    for i in range(x.shape[1]):
        s = s + i * p[:, i]
    return s


@alternative("streams over the columns", replaces="max_backward", exempt={"speed"})
def streaming_max_backward(dout, x):
    checked_upstream(dout, x)
    largest, columns = x[:, 0], [dout]
    for column in x.unbind(1)[1:]:
        wins = column > largest
        columns = [torch.where(wins, torch.zeros_like(dout), earlier) for earlier in columns]
        columns.append(torch.where(wins, dout, torch.zeros_like(dout)))
        largest = torch.maximum(largest, column)
    return torch.stack(columns, 1)


# --- everything from the Jacobian and from tail sums --------------------------------------------


@alternative("products with the Jacobian", replaces="soft_onehot_jacobian")
def outer_product_jacobian(x, *, t=1.0):
    checked(x, t)
    p = t * soft_onehot(x, t=t)
    jacobian = -torch.bmm(p[:, :, None], p[:, None, :]) / t
    jacobian.diagonal(dim1=1, dim2=2).add_(p)
    return jacobian


@alternative("products with the Jacobian", replaces="soft_argmax")
def tail_soft_argmax(x, *, t=1.0):
    checked(x, t)
    # The mean of a number that counts from 0 is the sum of the probabilities of reaching 1, 2, ...
    tails = soft_onehot(x, t=t).flip(1).cumsum(1).flip(1)
    return tails[:, 1:].sum(1)


@alternative("products with the Jacobian", replaces="soft_argmax_gradient")
def jacobian_soft_argmax_gradient(x, *, t=1.0):
    checked(x, t)
    index = torch.arange(x.shape[1], dtype=x.dtype, device=x.device)
    return torch.einsum("nij,i->nj", soft_onehot_jacobian(x, t=t), index)


@alternative("products with the Jacobian", replaces="max_backward")
def masked_max_backward(dout, x):
    checked_upstream(dout, x)
    tied = x == x.amax(dim=1, keepdim=True)
    first = tied & (tied.cumsum(1) == 1)
    return torch.where(first, dout.unsqueeze(1), torch.zeros_like(x))


# --- more digits on the way -----------------------------------------------------------------------


@alternative("computes in float64 and multiplies by t first", replaces="logsumexp")
def double_logsumexp(x, *, t=1.0):
    checked(x, t)
    z = x.double() * t
    largest = z.amax(1)
    return ((largest + torch.log(torch.exp(z - largest[:, None]).sum(1))) / t).to(x.dtype)


@alternative("computes in float64 and multiplies by t first", replaces="soft_onehot")
def double_softmax(x, *, t=1.0):
    checked(x, t)
    z = x.double() * t
    e = torch.exp(z - z.amax(1, keepdim=True))
    return (e / e.sum(1, keepdim=True)).to(x.dtype)


@alternative("computes in float64 and multiplies by t first", replaces="soft_argmax")
def double_soft_argmax(x, *, t=1.0):
    checked(x, t)
    index = torch.arange(x.shape[1], device=x.device).double()
    return (soft_onehot(x.double(), t=t) @ index).to(x.dtype)


@alternative("computes in float64 and multiplies by t first", replaces="soft_argmax_gradient")
def double_soft_argmax_gradient(x, *, t=1.0):
    checked(x, t)
    p = soft_onehot(x.double(), t=t)
    index = torch.arange(x.shape[1], device=x.device).double()
    weighted = p * index
    return (t * (weighted - p * weighted.sum(1, keepdim=True))).to(x.dtype)


# --- The softmax without a quotient: log p = t (x - logsumexp) ----------------------------------


@alternative("subtracts the soft maximum in the exponent", replaces="soft_onehot")
@alternative("subtracts the soft maximum in the exponent", replaces="soft_max_gradient")
def exponent_softmax(x, *, t=1.0):
    checked(x, t)
    return torch.exp(t * (x - logsumexp(x, t=t)[:, None]))
