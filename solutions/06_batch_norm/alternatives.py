"""Other correct implementations of this unit: nobody may lose a point for being different.

Functions with the same title form one implementation; what it does not replace is the reference's.
"""

from __future__ import annotations

import math

import torch
from batch_norm import require, require_channels, require_eps, require_per_channel

from autograder.testing import alternative

# What the stub gives: the validation of the arguments -----------------------------------------


def _require_layer(x, gamma, beta, running_mean, running_var, momentum, eps):
    require_channels(x, "x")
    require_per_channel(
        x.shape[1], gamma=gamma, beta=beta, running_mean=running_mean, running_var=running_var
    )
    require(0 <= momentum <= 1, "momentum must be in [0, 1]")
    require_eps(eps)


def _require_fold(w, b, gamma, beta, mean, var, eps):
    require(w.ndim in (2, 4) and w.numel() > 0, "w must be weights")
    channels = w.shape[1] if w.ndim == 2 else w.shape[0]
    require_per_channel(channels, b=b, gamma=gamma, beta=beta, mean=mean, var=var)
    require_eps(eps)


# Node by node ---------------------------------------------------------------------------------
#
# The graph of the forward pass as it is usually drawn, and each node's gradient on the way back.


def _vector_shape(x):
    return (1, x.shape[1]) if x.ndim == 2 else (1, x.shape[1], 1, 1)


def _summed(x):
    """Over all axes but that of the channels; the axes stay, with size 1."""
    for axis in range(x.ndim):
        if axis != 1:
            x = x.sum(axis, keepdim=True)
    return x


@alternative("node by node", replaces="batch_norm_forward")
def nodes_forward(x, gamma, beta, running_mean, running_var, *, momentum=0.9, eps=1e-5, training):
    _require_layer(x, gamma, beta, running_mean, running_var, momentum, eps)
    shape, m = _vector_shape(x), x.numel() // x.shape[1]
    mean = _summed(x) / m if training else running_mean.reshape(shape)
    centred = x - mean
    var = _summed(centred**2) / m if training else running_var.reshape(shape)
    root = (var + eps) ** 0.5
    inverse = 1 / root
    normalised = centred * inverse
    scaled = normalised * gamma.reshape(shape)
    out = scaled + beta.reshape(shape)
    cache = {
        "m": m,
        "gamma": gamma.reshape(shape).clone(),
        "centred": centred,
        "root": root,
        "inverse": inverse,
        "normalised": normalised,
        "training": training,
    }
    if not training:
        return out, running_mean.clone(), running_var.clone(), cache
    new_mean = running_mean + (1 - momentum) * (mean.flatten() - running_mean)
    new_var = running_var + (1 - momentum) * (var.flatten() - running_var)
    return out, new_mean, new_var, cache


@alternative("node by node", replaces="batch_norm_backward")
def nodes_backward(dout, cache):
    require_channels(dout, "dout")
    dbeta = _summed(dout).flatten()
    dgamma = _summed(dout * cache["normalised"]).flatten()
    dnormalised = dout * cache["gamma"]
    dcentred = dnormalised * cache["inverse"]
    if not cache["training"]:
        return dcentred, dgamma, dbeta
    dinverse = _summed(dnormalised * cache["centred"])
    droot = -dinverse / cache["root"] ** 2
    dvar = droot / (2 * cache["root"])
    dsquares = dvar / cache["m"]
    dcentred = dcentred + 2 * cache["centred"] * dsquares
    dmean = -_summed(dcentred)
    return dcentred + dmean / cache["m"], dgamma, dbeta


@alternative("node by node", replaces="identity_scale_shift")
def nodes_identity(x, *, eps=1e-5):
    require_channels(x, "x")
    require_eps(eps)
    m = x.numel() // x.shape[1]
    mean = _summed(x) / m
    return (_summed((x - mean) ** 2) / m + eps).flatten() ** 0.5, mean.flatten()


# Rows of channels -----------------------------------------------------------------------------
#
# Everything becomes a matrix (C, m) first; the gradient is a projection of each of its rows.


def _rows(x):
    """(C, m), one row for the values of each channel."""
    return x.transpose(0, 1).reshape(x.shape[1], -1)


def _unrows(rows, shape):
    """The way back from (C, m)."""
    return rows.reshape(shape[1], shape[0], *shape[2:]).transpose(0, 1)


@alternative("rows of channels", replaces="batch_norm_forward")
def rows_forward(x, gamma, beta, running_mean, running_var, *, momentum=0.9, eps=1e-5, training):
    _require_layer(x, gamma, beta, running_mean, running_var, momentum, eps)
    rows = _rows(x)
    if training:
        first = rows @ rows.new_ones(rows.shape[1]) / rows.shape[1]
        centred = rows - first[:, None]
        second = torch.linalg.vecdot(centred, centred) / rows.shape[1]
        new = [
            torch.lerp(batch, old, momentum)
            for batch, old in ((first, running_mean), (second, running_var))
        ]
    else:
        centred, second = rows - running_mean[:, None], running_var
        new = [running_mean, running_var]
    scale = gamma * torch.rsqrt(second + eps)
    out = torch.addcmul(beta[:, None], scale[:, None], centred)
    return _unrows(out, x.shape), *new, (centred, second + eps, scale, training, x.shape)


@alternative("rows of channels", replaces="batch_norm_backward")
def rows_backward(dout, cache):
    require_channels(dout, "dout")
    centred, power, scale, training, shape = cache
    rows = _rows(dout)
    along = torch.linalg.vecdot(rows, centred)
    dgamma, dbeta = along / power.sqrt(), rows.sum(1)
    if training:
        rows = rows - (along / power / rows.shape[1])[:, None] * centred
        rows = rows - rows.mean(1, keepdim=True)
    return _unrows(rows * scale[:, None], shape), dgamma, dbeta


@alternative("rows of channels", replaces="identity_scale_shift")
def rows_identity(x, *, eps=1e-5):
    require_channels(x, "x")
    require_eps(eps)
    rows = _rows(x)
    mean = rows.mean(1)
    lengths = torch.linalg.vector_norm(rows - mean[:, None], dim=1) / math.sqrt(rows.shape[1])
    return torch.hypot(lengths, torch.full_like(lengths, math.sqrt(eps))), mean


@alternative("rows of channels", replaces="fold_batch_norm")
def rows_fold(w, b, gamma, beta, mean, var, *, eps=1e-5):
    _require_fold(w, b, gamma, beta, mean, var, eps)
    scale = gamma * torch.rsqrt(var + eps)
    outputs = w.T if w.ndim == 2 else w.flatten(1)
    folded = torch.diag(scale) @ outputs
    shift = torch.addcmul(beta, scale, b - mean)
    return (folded.T if w.ndim == 2 else folded.reshape(w.shape)), shift


# Library moments and einsum -------------------------------------------------------------------


@alternative("torch.var_mean with einsum", replaces="batch_norm_forward")
def einsum_forward(x, gamma, beta, running_mean, running_var, *, momentum=0.9, eps=1e-5, training):
    _require_layer(x, gamma, beta, running_mean, running_var, momentum, eps)
    if training:
        over = [axis for axis in range(x.ndim) if axis != 1]
        var, mean = torch.var_mean(x, over, correction=0)
    else:
        var, mean = running_var, running_mean
    kept = momentum if training else 1.0
    scale = gamma / (var + eps).sqrt()
    # The layer as the affine map that it is, with one scale and one shift for each channel.
    out = torch.einsum("nc...,c->nc...", x, scale)
    out = (out.movedim(1, -1) + (beta - mean * scale)).movedim(-1, 1)
    new_mean = kept * running_mean + (1 - kept) * mean
    new_var = kept * running_var + (1 - kept) * var
    return out, new_mean, new_var, (x.clone(), mean, var + eps, gamma, training)


@alternative("torch.var_mean with einsum", replaces="batch_norm_backward")
def einsum_backward(dout, cache):
    require_channels(dout, "dout")
    x, mean, power, gamma, training = cache
    centred = (x.movedim(1, -1) - mean).movedim(-1, 1)
    dbeta = torch.einsum("nc...->c", dout)
    along = torch.einsum("nc...,nc...->c", dout, centred)
    sigma = power.sqrt()
    dx = torch.einsum("nc...,c->nc...", dout, gamma / sigma)
    if training:
        m = x.numel() // x.shape[1]
        through_mean = (gamma / sigma * dbeta / m).reshape(-1, *[1] * (x.ndim - 2))
        through_var = torch.einsum("nc...,c->nc...", centred, gamma * along / (m * sigma**3))
        dx = dx - through_mean - through_var
    return dx, along / sigma, dbeta


@alternative("torch.var_mean with einsum", replaces="identity_scale_shift")
def einsum_identity(x, *, eps=1e-5):
    require_channels(x, "x")
    require_eps(eps)
    deviation, mean = torch.std_mean(x.movedim(1, 0).flatten(1), 1, correction=0)
    return (deviation * deviation + eps).sqrt(), mean


@alternative("torch.var_mean with einsum", replaces="fold_batch_norm")
def einsum_fold(w, b, gamma, beta, mean, var, *, eps=1e-5):
    _require_fold(w, b, gamma, beta, mean, var, eps)
    scale = gamma / (var + eps).sqrt()
    folded = torch.einsum("io,o->io" if w.ndim == 2 else "oikl,o->oikl", w, scale)
    return folded, b * scale + (beta - mean * scale)


# The Jacobian of each channel -----------------------------------------------------------------
#
# A loop over the channels, in float64; a channel's gradient is a product with its whole Jacobian,
# (m, m). The cache is a function.


@alternative("the Jacobian of each channel", replaces="batch_norm_forward")
def jacobian_forward(
    x, gamma, beta, running_mean, running_var, *, momentum=0.9, eps=1e-5, training
):
    _require_layer(x, gamma, beta, running_mean, running_var, momentum, eps)
    out, jacobians, normalised = torch.empty_like(x), [], []
    means, variances = running_mean.clone(), running_var.clone()
    for c in range(x.shape[1]):
        values = x[:, c].flatten().double()
        m = len(values)
        eye = torch.eye(m, dtype=values.dtype, device=values.device)
        if training:
            centring = eye - 1 / m
            centred = centring @ values
            var = centred.dot(centred) / m
            sigma = (var + eps).sqrt()
            xhat = centred / sigma
            jacobian = centring @ (eye - torch.outer(xhat, xhat) / m) / sigma
            means[c] = means[c] * momentum + values.mean() * (1 - momentum)
            variances[c] = variances[c] * momentum + var * (1 - momentum)
        else:
            sigma = (running_var[c].double() + eps).sqrt()
            xhat = (values - running_mean[c]) / sigma
            jacobian = eye / sigma
        out[:, c] = (xhat * gamma[c] + beta[c]).reshape(out[:, c].shape).to(x.dtype)
        jacobians.append(gamma[c] * jacobian)
        normalised.append(xhat)

    def backward(dout):
        channels = [dout[:, c].flatten().double() for c in range(dout.shape[1])]
        dx = [j.T @ g for j, g in zip(jacobians, channels, strict=True)]
        dx = [g.reshape(dout[:, 0].shape) for g in dx]
        dgamma = [g @ xhat for g, xhat in zip(channels, normalised, strict=True)]
        dbeta = [g.sum() for g in channels]
        return [
            g.to(dout.dtype) for g in (torch.stack(dx, 1), torch.stack(dgamma), torch.stack(dbeta))
        ]

    return out, means, variances, backward


@alternative("the Jacobian of each channel", replaces="batch_norm_backward")
def jacobian_backward(dout, cache):
    require_channels(dout, "dout")
    dx, dgamma, dbeta = cache(dout)
    return dx, dgamma, dbeta


@alternative("the Jacobian of each channel", replaces="identity_scale_shift")
def jacobian_identity(x, *, eps=1e-5):
    require_channels(x, "x")
    require_eps(eps)
    gamma, beta = x.new_empty(x.shape[1]), []
    for c in range(x.shape[1]):
        values = x[:, c].double()
        beta.append(values.sum() / values.numel())
        gamma[c] = ((values - beta[c]).pow(2).sum() / values.numel() + eps).sqrt()
    return gamma, torch.stack(beta).to(x.dtype)


@alternative("the Jacobian of each channel", replaces="fold_batch_norm")
def jacobian_fold(w, b, gamma, beta, mean, var, *, eps=1e-5):
    _require_fold(w, b, gamma, beta, mean, var, eps)
    folded, shift = w.clone(memory_format=torch.contiguous_format), torch.empty_like(b)
    for o in range(len(b)):
        scale = gamma[o] / (var[o] + eps).sqrt()
        folded.select(1 if w.ndim == 2 else 0, o).mul_(scale)
        shift[o] = scale * b[o] - scale * mean[o] + beta[o]
    return folded, shift
