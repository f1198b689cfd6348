"""Other correct implementations of unit 10: nobody may lose a point for being different."""

import math

import torch
from vanishing_gradients import require, require_shape, require_square, require_states

from autograder.testing import alternative

# --- What the stub gives: the validation of the arguments -------------------------------------


def _require_steps(hs, w_hh, start, end):
    steps = require_states(hs, w_hh)[1]
    for name, step in (("start", start), ("end", end)):
        require(0 <= step < steps, f"{name} must be in 0..{steps - 1}")
    require(start <= end, "start must be at most end")


def _require_power(w_hh, g, steps):
    require_shape("g", g, "N", require_square("w_hh", w_hh))
    require(steps >= 0, "steps must be at least 0")


def _require_outputs(dos, w_hh, w_hq):
    require_shape("w_hq", w_hq, require_square("w_hh", w_hh), "Q")
    require_shape("dos", dos, "N", "T", w_hq.shape[1])
    require(dos.shape[1] >= 1, "dos must have at least one step")


def _require_residual(x, w1, b1, w2, b2):
    require_shape("x", x, "N", "D")
    require_shape("w1", w1, x.shape[1], "K")
    require_shape("b1", b1, w1.shape[1])
    require_shape("w2", w2, w1.shape[1], x.shape[1])
    require_shape("b2", b2, x.shape[1])


def _require_highway(x, w_h, b_h, w_t, b_t):
    require_shape("x", x, "N", "D")
    for name, w, b in (("h", w_h, b_h), ("t", w_t, b_t)):
        require_shape(f"w_{name}", w, x.shape[1], x.shape[1])
        require_shape(f"b_{name}", b, x.shape[1])


def _require_dense(x, layers):
    require_shape("x", x, "N", "D")
    width = x.shape[1]
    for w, b in layers:
        require_shape("w", w, width, "G")
        require_shape("b", b, w.shape[1])
        width += w.shape[1]


# --- One Jacobian: products of matrices, and no square of the state ---------------------------


@alternative("a diagonal matrix times the transpose", replaces="hidden_jacobian")
def diagonal_hidden_jacobian(h, w_hh):
    require_shape("h", h, "N", require_square("w_hh", w_hh))
    return torch.diag_embed((1 + h) * (1 - h)) @ w_hh.mT


@alternative("entry by entry, in float64", replaces="hidden_jacobian", exempt={"speed"})
def loops_hidden_jacobian(h, w_hh):
    require_shape("h", h, "N", require_square("w_hh", w_hh))
    out = torch.empty(*h.shape, h.shape[1], dtype=torch.float64, device=h.device)
    for j in range(h.shape[1]):
        for i in range(h.shape[1]):
            out[:, j, i] = (1 - h[:, j].double() ** 2) * w_hh[i, j].double()
    return out.to(h.dtype)


# --- Rows, or columns, that are sent through the steps: no Jacobian is ever written down -------


@alternative("rows of the identity, back in time", replaces="jacobian_product")
def rows_jacobian_product(hs, w_hh, *, start, end):
    _require_steps(hs, w_hh, start, end)
    rows = torch.diag_embed(torch.ones_like(hs[:, end]))  # (N, H, H), a gradient in each row
    for t in range(end, start, -1):
        slope = 1 - torch.square(hs[:, t])
        rows = torch.einsum("nkj,nj,ij->nki", rows, slope, w_hh)
    return rows


@alternative("columns of the identity, forward in time", replaces="jacobian_product")
def columns_jacobian_product(hs, w_hh, *, start, end):
    _require_steps(hs, w_hh, start, end)
    samples, _, hidden = hs.shape
    columns = []
    for i in range(hidden):
        tangent = torch.zeros_like(hs[:, start])
        tangent[:, i] = 1
        for t in range(start + 1, end + 1):
            tangent = (tangent @ w_hh) * (1 - hs[:, t] * hs[:, t])
        columns.append(tangent)
    return torch.stack(columns).permute(1, 2, 0).reshape(samples, hidden, hidden)


# --- Norms: all gradients first ----------------------------------------------------------------


@alternative("all gradients first, one buffer", replaces="gradient_norms")
def buffer_gradient_norms(hs, dh, w_hh):
    samples, steps, hidden = require_states(hs, w_hh)
    require_shape("dh", dh, samples, hidden)
    dhs = hs.new_empty(steps, samples, hidden)
    dhs[-1] = dh
    for t in range(steps - 2, -1, -1):
        dhs[t] = torch.einsum("nj,nj,ij->ni", dhs[t + 1], 1 - hs[:, t + 1].pow(2), w_hh)
    return dhs.square().sum(-1).sqrt().T


@alternative("sample by sample, in float64", replaces="gradient_norms", exempt={"speed"})
def loops_gradient_norms(hs, dh, w_hh):
    samples, steps, hidden = require_states(hs, w_hh)
    require_shape("dh", dh, samples, hidden)
    out = torch.zeros_like(hs[:, :, 0], memory_format=torch.contiguous_format)
    for n in range(samples):
        g = dh[n].double()
        out[n, -1] = g.norm()
        for t in range(steps - 1, 0, -1):
            g = w_hh.double() @ (g / torch.cosh(torch.atanh(hs[n, t].double())) ** 2)
            out[n, t - 1] = g.norm()
    return out


# --- The spectral radius without eigenvalues ---------------------------------------------------


@alternative("from the growth of the powers (Gelfand)", replaces="spectral_radius")
def gelfand_spectral_radius(w):
    require_square("w", w)
    power, log_scale = w.double(), 0.0
    for _ in range(50):  # w^(2^k) = e^log_scale * power, with ||power|| = 1
        norm = float(power.norm())
        if norm == 0:
            return torch.zeros_like(w[0, 0])
        power, log_scale = power / norm, log_scale + math.log(norm)
        power, log_scale = power @ power, 2 * log_scale
    return w.new_tensor(math.exp(log_scale / 2**50))


@alternative("real and imaginary parts", replaces="spectral_radius")
def parts_spectral_radius(w):
    require_square("w", w)
    eigenvalues = torch.linalg.eig(w.T).eigenvalues
    squares = eigenvalues.real**2 + eigenvalues.imag**2
    return squares.sort().values[-1].sqrt()


# --- Many steps: squarings, left eigenvectors, polar form --------------------------------------


@alternative("repeated squaring", replaces="power_gradient")
def squaring_power_gradient(w_hh, g, *, steps):
    _require_power(w_hh, g, steps)
    power, out = w_hh.T, g
    while steps:
        if steps % 2:
            out = out @ power
        power, steps = power @ power, steps // 2
    return out.clone()


@alternative("left eigenvectors of the transpose, in polar form", replaces="power_gradient")
def polar_power_gradient(w_hh, g, *, steps):
    _require_power(w_hh, g, steps)
    eigenvalues, q = torch.linalg.eig(w_hh.double())
    powers = torch.polar(eigenvalues.abs() ** steps, eigenvalues.angle() * steps)
    rows = q.mT  # q_i^T w_hh^T = lambda_i q_i^T
    coefficients = g.to(q.dtype) @ torch.linalg.inv(rows)
    return (coefficients * powers @ rows).real.to(g.dtype)


# --- A linear network: the double sum, and powers from left to right ---------------------------


@alternative("the closed form", replaces="linear_rnn_gradients")
def closed_linear_rnn_gradients(dos, w_hh, w_hq):
    _require_outputs(dos, w_hh, w_hq)
    steps = dos.shape[1]
    powers = [torch.linalg.matrix_power(w_hh.T, k) for k in range(steps)]
    own = torch.einsum("ntq,hq->nth", dos, w_hq)
    out = torch.zeros_like(own)
    for t in range(steps):
        for later in range(t, steps):
            out[:, t] += own[:, later] @ powers[later - t]
    return out


@alternative("all distances at once", replaces="linear_rnn_gradients")
def distances_linear_rnn_gradients(dos, w_hh, w_hq):
    _require_outputs(dos, w_hh, w_hq)
    shifted = dos @ w_hq.T
    out = shifted.clone()
    for _ in range(1, dos.shape[1]):
        # What arrives from one step further away: everything moves by one step and one factor.
        shifted = shifted[:, 1:] @ w_hh.T
        out[:, : shifted.shape[1]] += shifted
    return out


# --- A residual layer as one product with [x, r], and with a kept mask -------------------------


@alternative("identity and branch in one product", replaces="residual_forward")
def joined_residual_forward(x, w1, b1, w2, b2):
    _require_residual(x, w1, b1, w2, b2)
    z = torch.addmm(b1, x, w1)
    eye = torch.eye(x.shape[1], dtype=x.dtype, device=x.device)
    joined, w = torch.cat([z.clamp(min=0), x], dim=1), torch.cat([w2, eye])
    return joined @ w + b2, {"joined": joined, "w": w, "w1": w1.clone(), "mask": z > 0}


@alternative("identity and branch in one product", replaces="residual_backward")
def joined_residual_backward(dout, cache):
    require_shape("dout", dout, "N", "D")
    hidden = cache["mask"].shape[1]
    djoined, dw = dout @ cache["w"].mT, cache["joined"].mT @ dout
    dz = torch.where(cache["mask"], djoined[:, :hidden], 0)
    dx = torch.einsum("nk,dk->nd", dz, cache["w1"]) + djoined[:, hidden:]
    dw1 = cache["joined"][:, hidden:].mT @ dz
    return dx, dw1, torch.einsum("nk->k", dz), dw[:hidden], torch.ones_like(dout[:, 0]) @ dout


# --- A highway layer as a step from x towards H ------------------------------------------------


@alternative("x + T (H - x)", replaces="highway_forward")
def towards_highway_forward(x, w_h, b_h, w_t, b_t):
    _require_highway(x, w_h, b_h, w_t, b_t)
    both = x @ torch.cat([w_h, w_t], dim=1) + torch.cat([b_h, b_t])
    new, z = both[:, : x.shape[1]].tanh(), both[:, x.shape[1] :]
    gate = 0.5 + 0.5 * torch.tanh(0.5 * z)
    step = new - x
    return x + gate * step, (x, step, new, gate, w_h, w_t)


@alternative("x + T (H - x)", replaces="highway_backward")
def towards_highway_backward(dout, cache):
    require_shape("dout", dout, "N", "D")
    x, step, new, gate, w_h, w_t = cache
    dstep = dout * gate
    dz = torch.cat([dstep * (1 - new) * (1 + new), dout * step * (gate - gate**2)], dim=1)
    dx = dout - dstep + dz @ torch.cat([w_h, w_t], dim=1).T
    dw, db = x.T @ dz, dz.sum(0)
    d = x.shape[1]
    return dx, dw[:, :d], db[:d], dw[:, d:], db[d:]


@alternative("sample by sample", replaces="highway_forward", exempt={"speed"})
def loops_highway_forward(x, w_h, b_h, w_t, b_t):
    _require_highway(x, w_h, b_h, w_t, b_t)
    cache = []
    for row in x:
        e = torch.exp(-(row @ w_t + b_t).abs())
        gate = torch.where(row @ w_t + b_t >= 0, 1 / (1 + e), e / (1 + e))
        cache.append((row, torch.tanh(w_h.T @ row + b_h), gate, w_h, w_t))
    out = [gate * new + row - gate * row for row, new, gate, *_ in cache]
    return torch.stack(out), cache


@alternative("sample by sample", replaces="highway_backward", exempt={"speed"})
def loops_highway_backward(dout, cache):
    require_shape("dout", dout, "N", "D")
    dxs, grads = [], [0, 0, 0, 0]
    for g, (x, new, gate, w_h, w_t) in zip(dout, cache, strict=True):
        dz_h = g * gate * (1 - new.square())
        dz_t = gate * (1 - gate) * (g * new - g * x)
        dxs.append(w_h @ dz_h + w_t @ dz_t + (1 - gate) * g)
        found = torch.outer(x, dz_h), dz_h, torch.outer(x, dz_t), dz_t
        grads = [old + one for old, one in zip(grads, found, strict=True)]
    return torch.stack(dxs), *grads


# --- Dense layers in one buffer ----------------------------------------------------------------


@alternative("one buffer for all features", replaces="dense_forward")
def buffer_dense_forward(x, layers):
    _require_dense(x, layers)
    ends = [x.shape[1]]
    for w, _ in layers:
        ends.append(ends[-1] + w.shape[1])
    buffer = x.new_zeros(x.shape[0], ends[-1])
    buffer[:, : ends[0]] = x
    for (w, b), begin, end in zip(layers, ends, ends[1:], strict=False):
        buffer[:, begin:end] = (buffer[:, :begin] @ w + b).clamp(min=0)
    return buffer.clone(), {"buffer": buffer, "ends": ends, "weights": [w for w, _ in layers]}


@alternative("one buffer for all features", replaces="dense_backward")
def buffer_dense_backward(dout, cache):
    require_shape("dout", dout, "N", "D")
    buffer, ends = cache["buffer"], cache["ends"]
    d, dlayers = dout.clone(), []
    for layer in reversed(range(len(cache["weights"]))):
        begin, end = ends[layer : layer + 2]
        dz = torch.where(buffer[:, begin:end] > 0, d[:, begin:end], 0)
        dlayers.insert(0, (buffer[:, :begin].T @ dz, dz.sum(0)))
        d[:, :begin] += dz @ cache["weights"][layer].T
    return d[:, : ends[0]], dlayers


@alternative("recursion", replaces="dense_forward")
def recursive_dense_forward(x, layers):
    _require_dense(x, layers)
    if not layers:
        return x, None
    (w, b), *rest = layers
    new = torch.relu(torch.einsum("nd,dg->ng", x, w) + b)
    out, inner = recursive_dense_forward(torch.hstack([x, new]), rest)
    return out, (x, w, torch.sign(new), inner)


@alternative("recursion", replaces="dense_backward")
def recursive_dense_backward(dout, cache):
    require_shape("dout", dout, "N", "D")
    if cache is None:
        return dout, []
    x, w, slope, inner = cache
    d, dlayers = recursive_dense_backward(dout, inner)
    dz = d[:, x.shape[1] :] * slope
    dx = d[:, : x.shape[1]] + torch.einsum("ng,dg->nd", dz, w)
    return dx, [(torch.einsum("nd,ng->dg", x, dz), dz.sum(0)), *dlayers]
