"""Other correct implementations of unit 3: nobody may lose a point for being different."""

import math

import torch
from layers import (
    linear_backward,
    linear_forward,
    relu_backward,
    relu_forward,
    require,
    require_labels,
    require_layer,
    require_numbers,
    require_samples,
    sigmoid_backward,
    sigmoid_forward,
    tanh_backward,
    tanh_forward,
)

from autograder.testing import alternative

# --- What the stub gives: the validation of the arguments -------------------------------------


def _require_linear(x, w, b):
    require_samples(x)
    require_layer(w, b, inputs=math.prod(x.shape[1:]), names=("w", "b"))


def _require_chain(w1, b1, w2, b2):
    require(w1.ndim == 2, "w1 must be a matrix")
    require_layer(w1, b1, inputs=w1.shape[0], names=("w1", "b1"))
    require_layer(w2, b2, inputs=w1.shape[1], names=("w2", "b2"))


def _require_network(x, y, w1, b1, w2, b2, reg, activation):
    require_samples(x)
    require_layer(w1, b1, inputs=math.prod(x.shape[1:]), names=("w1", "b1"))
    require_layer(w2, b2, inputs=w1.shape[1], names=("w2", "b2"))
    require_labels(y, samples=x.shape[0], classes=w2.shape[1])
    require(reg >= 0, "reg must be at least 0")
    require(activation in ("relu", "sigmoid", "tanh"), f"unknown activation {activation!r}")


# --- Loops over samples and features, in Python numbers ---------------------------------------


def _numbers(x):
    """(N, D) as nested lists of Python floats, and what turns such lists back into a tensor."""
    rows = [sample.flatten().tolist() for sample in x]
    return rows, lambda lists: torch.tensor(lists, dtype=x.dtype, device=x.device)


def _stable_sigmoid(v):
    return 1 / (1 + math.exp(-v)) if v >= 0 else math.exp(v) / (1 + math.exp(v))


@alternative("loops over every index", replaces="linear_forward", exempt={"speed"})
def loops_linear_forward(x, w, b):
    _require_linear(x, w, b)
    out = torch.empty(x.shape[0], w.shape[1], dtype=x.dtype, device=x.device)
    for n in range(x.shape[0]):
        sample = x[n].reshape(-1)
        for m in range(w.shape[1]):
            total = b[m].clone()
            for d in range(w.shape[0]):
                total += sample[d] * w[d, m]
            out[n, m] = total
    return out, {"x": x.clone(), "w": w.clone()}


@alternative("loops over every index", replaces="linear_backward", exempt={"speed"})
def loops_linear_backward(dout, cache):
    x, w = cache["x"], cache["w"]
    dx = torch.zeros(x.shape[0], w.shape[0], dtype=x.dtype, device=x.device)
    dw, db = torch.zeros_like(w), torch.zeros_like(w[0])
    for n in range(x.shape[0]):
        sample = x[n].reshape(-1)
        for m in range(w.shape[1]):
            db[m] += dout[n, m]
            for d in range(w.shape[0]):
                dx[n, d] += dout[n, m] * w[d, m]
                dw[d, m] += dout[n, m] * sample[d]
    return dx.reshape(x.shape), dw, db


@alternative("loops over every index", replaces="relu_forward", exempt={"speed"})
def loops_relu_forward(x):
    require_numbers(x)
    out = [max(v, 0.0) for v in x.flatten().tolist()]
    open_gates = [v > 0 for v in x.flatten().tolist()]
    return torch.tensor(out, dtype=x.dtype, device=x.device).reshape(x.shape), open_gates


@alternative("loops over every index", replaces="relu_backward", exempt={"speed"})
def loops_relu_backward(dout, cache):
    dx = [g if is_open else 0.0 for g, is_open in zip(dout.flatten().tolist(), cache, strict=True)]
    return torch.tensor(dx, dtype=dout.dtype, device=dout.device).reshape(dout.shape)


@alternative("loops over every index", replaces="sigmoid_forward", exempt={"speed"})
def loops_sigmoid_forward(x):
    require_numbers(x)
    out = [_stable_sigmoid(v) for v in x.flatten().tolist()]
    return torch.tensor(out, dtype=x.dtype, device=x.device).reshape(x.shape), out


@alternative("loops over every index", replaces="sigmoid_backward", exempt={"speed"})
def loops_sigmoid_backward(dout, cache):
    dx = [g * y * (1 - y) for g, y in zip(dout.flatten().tolist(), cache, strict=True)]
    return torch.tensor(dx, dtype=dout.dtype, device=dout.device).reshape(dout.shape)


@alternative("loops over every index", replaces="tanh_forward", exempt={"speed"})
def loops_tanh_forward(x):
    require_numbers(x)
    out = [math.tanh(v) for v in x.flatten().tolist()]
    return torch.tensor(out, dtype=x.dtype, device=x.device).reshape(x.shape), out


@alternative("loops over every index", replaces="tanh_backward", exempt={"speed"})
def loops_tanh_backward(dout, cache):
    dx = [g * (1 - y) * (1 + y) for g, y in zip(dout.flatten().tolist(), cache, strict=True)]
    return torch.tensor(dx, dtype=dout.dtype, device=dout.device).reshape(dout.shape)


@alternative("loops over every index", replaces="softmax_forward", exempt={"speed"})
def loops_softmax_forward(x):
    require_samples(x)
    rows, tensor = _numbers(x)
    out = []
    for row in rows:
        powers = [math.exp(v - max(row)) for v in row]
        out.append([v / sum(powers) for v in powers])
    return tensor(out).reshape(x.shape), out


@alternative("loops over every index", replaces="softmax_backward", exempt={"speed"})
def loops_softmax_backward(dout, cache):
    rows, tensor = _numbers(dout)
    dx = [
        [
            sum(g[k] * p[k] * ((k == i) - p[i]) for k in range(len(p)))  # dout times Jacobian
            for i in range(len(p))
        ]
        for g, p in zip(rows, cache, strict=True)
    ]
    return tensor(dx).reshape(dout.shape)


@alternative("loops over every index", replaces="collapse_affine", exempt={"speed"})
def loops_collapse_affine(w1, b1, w2, b2):
    _require_chain(w1, b1, w2, b2)
    w = torch.zeros(w1.shape[0], w2.shape[1], dtype=w1.dtype, device=w1.device)
    b = b2.clone()
    for h in range(w1.shape[1]):
        for m in range(w2.shape[1]):
            b[m] += b1[h] * w2[h, m]
            for d in range(w1.shape[0]):
                w[d, m] += w1[d, h] * w2[h, m]
    return w, b


@alternative("loops over every index", replaces="two_layer_loss", exempt={"speed"})
def loops_two_layer_loss(x, y, w1, b1, w2, b2, *, reg=0.0, activation="relu"):
    _require_network(x, y, w1, b1, w2, b2, reg, activation)
    loss = reg / 2 * ((w1**2).sum() + (w2**2).sum())
    dw1, db1, dw2, db2 = reg * w1, torch.zeros_like(b1), reg * w2, torch.zeros_like(b2)
    for n in range(len(x)):  # one sample at a time
        sample = x[n].reshape(-1)
        a = sample @ w1 + b1
        z = torch.stack([_activate(v, activation)[0] for v in a])
        slope = torch.stack([_activate(v, activation)[1] for v in a])
        scores = z @ w2 + b2
        powers = torch.exp(scores - scores.max())
        loss = loss + (scores.max() + torch.log(powers.sum()) - scores[y[n]]) / len(x)
        g = powers / powers.sum()
        g[y[n]] -= 1
        g = g / len(x)
        da = (w2 @ g) * slope
        dw1, db1 = dw1 + torch.outer(sample, da), db1 + da
        dw2, db2 = dw2 + torch.outer(z, g), db2 + g
    return loss, dw1, db1, dw2, db2


def _activate(v, activation):
    """Value and slope at one number."""
    if activation == "relu":
        return (v, torch.ones_like(v)) if v > 0 else (torch.zeros_like(v), torch.zeros_like(v))
    if activation == "sigmoid":
        y = 1 / (1 + torch.exp(-v)) if v >= 0 else torch.exp(v) / (1 + torch.exp(v))
        return y, y * (1 - y)
    e = torch.exp(-2 * v.abs())
    y = v.sign() * (1 - e) / (1 + e)
    return y, 1 - y * y


# --- Einstein sums and whole Jacobians --------------------------------------------------------


@alternative("einsum and full Jacobians", replaces="linear_forward")
def einsum_linear_forward(x, w, b):
    _require_linear(x, w, b)
    return torch.einsum("nd,dm->nm", x.flatten(1), w) + b.expand(len(x), -1), [w, x]


@alternative("einsum and full Jacobians", replaces="linear_backward")
def einsum_linear_backward(dout, cache):
    w, x = cache
    dx = torch.einsum("nm,dm->nd", dout, w).reshape_as(x)
    dw = torch.einsum("nm,nd->dm", dout, x.flatten(1))
    return dx, dw, torch.einsum("nm->m", dout)


@alternative("einsum and full Jacobians", replaces="softmax_forward")
def einsum_softmax_forward(x):
    require_samples(x)
    rows = x.reshape(x.shape[0], -1)
    top = rows.max(dim=1).values
    e = torch.exp(rows - top[:, None])
    p = torch.einsum("nk,n->nk", e, 1 / e.sum(dim=1))
    return p.reshape(x.shape), p


@alternative("einsum and full Jacobians", replaces="softmax_backward")
def einsum_softmax_backward(dout, cache):
    p = cache
    jacobian = torch.diag_embed(p) - torch.einsum("ni,nk->nik", p, p)
    return torch.einsum("nik,nk->ni", jacobian, dout.reshape(p.shape)).reshape(dout.shape)


@alternative("einsum and full Jacobians", replaces="sigmoid_backward")
def einsum_sigmoid_backward(dout, cache):
    y = cache.flatten()
    jacobian = torch.diag(y - y.square())
    return torch.einsum("i,ij->j", dout.flatten(), jacobian).reshape(dout.shape)


@alternative("einsum and full Jacobians", replaces="tanh_backward")
def einsum_tanh_backward(dout, cache):
    y = cache.flatten()
    jacobian = torch.diag(1 - y.square())
    return torch.einsum("i,ij->j", dout.flatten(), jacobian).reshape(dout.shape)


@alternative("einsum and full Jacobians", replaces="collapse_affine")
def einsum_collapse_affine(w1, b1, w2, b2):
    _require_chain(w1, b1, w2, b2)
    return torch.einsum("dh,hm->dm", w1, w2), torch.einsum("h,hm->m", b1, w2).add(b2)


# --- Transposed memory: results that are not contiguous ---------------------------------------


@alternative("transposed and expanded results", replaces="linear_forward")
def transposed_linear_forward(x, w, b):
    _require_linear(x, w, b)
    columns = x.reshape(len(x), -1).T.contiguous()  # (D, N)
    return (w.T @ columns + b[:, None]).T, (columns, w, x.shape)


@alternative("transposed and expanded results", replaces="linear_backward")
def transposed_linear_backward(dout, cache):
    columns, w, shape = cache
    dx = (w @ dout.T).T  # strides (1, N)
    dw = (dout.T @ columns.T).T
    db = torch.ones(1, len(dout), dtype=dout.dtype, device=dout.device) @ dout
    return dx.reshape(shape), dw, db.squeeze(0)


def _last_axis_first(x):
    """The same values in memory that runs along the first axis."""
    return x.movedim(0, -1).contiguous().movedim(-1, 0)


@alternative("transposed and expanded results", replaces="relu_forward")
def transposed_relu_forward(x):
    require_numbers(x)
    x = _last_axis_first(x)
    return torch.maximum(x, torch.zeros_like(x)), x.sign().clamp(min=0)


@alternative("transposed and expanded results", replaces="relu_backward")
def transposed_relu_backward(dout, cache):
    return _last_axis_first(dout) * cache


@alternative("transposed and expanded results", replaces="softmax_forward")
def transposed_softmax_forward(x):
    require_samples(x)
    columns = x.flatten(1).T  # (K, N)
    e = (columns - columns.amax(0)).exp()
    p = e / e.sum(0)
    return p.T.reshape(x.shape), p


@alternative("transposed and expanded results", replaces="softmax_backward")
def transposed_softmax_backward(dout, cache):
    p, g = cache, dout.flatten(1).T
    return (p * g - p * (p * g).sum(0)).T.reshape(dout.shape)


@alternative("transposed and expanded results", replaces="collapse_affine")
def transposed_collapse_affine(w1, b1, w2, b2):
    _require_chain(w1, b1, w2, b2)
    return (w2.T @ w1.T).T, (w2.T @ b1[:, None])[:, 0] + b2


# --- Other formulas ---------------------------------------------------------------------------


@alternative("other formulas", replaces="relu_forward")
def halves_relu_forward(x):
    require_numbers(x)
    return (x + x.abs()) / 2, (x + x.abs()) / 2


@alternative("other formulas", replaces="relu_backward")
def halves_relu_backward(dout, cache):
    return torch.where(cache > 0, dout, torch.zeros_like(dout))


@alternative("other formulas", replaces="sigmoid_forward")
def reciprocal_sigmoid_forward(x):
    require_numbers(x)
    out = 1 / (1 + torch.exp(-x))  # 1 / infinity is 0, which is right
    return out, x


@alternative("other formulas", replaces="sigmoid_backward")
def reciprocal_sigmoid_backward(dout, cache):
    e = torch.exp(-cache.abs())  # the slope is even
    return dout * e / (1 + e) ** 2


@alternative("other formulas", replaces="tanh_forward")
def stretched_sigmoid_tanh_forward(x):
    require_numbers(x)
    return 2 / (1 + torch.exp(-2 * x)) - 1, x


@alternative("other formulas", replaces="tanh_backward")
def hyperbolic_cosine_tanh_backward(dout, cache):
    e = torch.exp(-2 * cache.abs())
    return dout * 4 * e / (1 + e) ** 2  # 1 / cosh^2


@alternative("other formulas", replaces="softmax_forward")
def logarithmic_softmax_forward(x):
    require_samples(x)
    axes = tuple(range(1, x.ndim))
    top = x.amax(axes, keepdim=True)
    log_sum = top + (x - top).exp().sum(axes, keepdim=True).log()
    return (x - log_sum).exp(), (x, log_sum)


@alternative("other formulas", replaces="softmax_backward")
def logarithmic_softmax_backward(dout, cache):
    x, log_sum = cache
    p = (x - log_sum).exp()
    total = (p * dout).sum(tuple(range(1, x.ndim)), keepdim=True)
    return p * dout - p * total


@alternative("other formulas", replaces="two_layer_loss")
def indexed_two_layer_loss(x, y, w1, b1, w2, b2, *, reg=0.0, activation="relu"):
    _require_network(x, y, w1, b1, w2, b2, reg, activation)
    match activation:
        case "relu":
            forward, backward = relu_forward, relu_backward
        case "sigmoid":
            forward, backward = sigmoid_forward, sigmoid_backward
        case "tanh":
            forward, backward = tanh_forward, tanh_backward
    a, first = linear_forward(x, w1, b1)
    z, middle = forward(a)
    scores, second = linear_forward(z, w2, b2)
    samples = torch.arange(len(y), device=y.device)
    top = scores.max(1).values
    log_sums = top + torch.exp(scores - top[:, None]).sum(1).log()
    loss = (log_sums - scores[samples, y]).mean()
    loss = loss + 0.5 * reg * (
        torch.linalg.vector_norm(w1) ** 2 + torch.vdot(w2.ravel(), w2.ravel())
    )
    dscores = torch.exp(scores - log_sums[:, None])
    dscores[samples, y] -= 1
    dz, dw2, db2 = linear_backward(dscores, second)
    _, dw1, db1 = linear_backward(backward(dz, middle), first)
    n = len(y)
    return loss, dw1 / n + reg * w1, db1 / n, dw2 / n + reg * w2, db2 / n


# --- The bias as one more row of weights ------------------------------------------------------


def _with_one(rows):
    return torch.cat([rows, rows.new_ones(rows.shape[0], 1)], dim=1)


@alternative("the bias is a row of the weights", replaces="linear_forward")
def homogeneous_linear_forward(x, w, b):
    _require_linear(x, w, b)
    rows, matrix = _with_one(x.reshape(x.shape[0], -1)), torch.cat([w, b[None, :]])
    return rows @ matrix, (rows, matrix, x.shape)


@alternative("the bias is a row of the weights", replaces="linear_backward")
def homogeneous_linear_backward(dout, cache):
    rows, matrix, shape = cache
    dmatrix = rows.T @ dout
    dx = (dout @ matrix.T)[:, :-1]
    return dx.reshape(shape), dmatrix[:-1], dmatrix[-1]


@alternative("the bias is a row of the weights", replaces="collapse_affine")
def homogeneous_collapse_affine(w1, b1, w2, b2):
    _require_chain(w1, b1, w2, b2)

    def matrix(w, b):
        last = torch.cat([w.new_zeros(w.shape[0], 1), w.new_ones(1, 1)])
        return torch.cat([torch.cat([w, b[None, :]]), last], dim=1)

    product = matrix(w1, b1) @ matrix(w2, b2)
    return product[:-1, :-1], product[-1, :-1]


@alternative("the bias is a row of the weights", replaces="two_layer_loss")
def homogeneous_two_layer_loss(x, y, w1, b1, w2, b2, *, reg=0.0, activation="relu"):
    _require_network(x, y, w1, b1, w2, b2, reg, activation)
    layers = {
        "relu": (relu_forward, relu_backward),
        "sigmoid": (sigmoid_forward, sigmoid_backward),
        "tanh": (tanh_forward, tanh_backward),
    }
    v1, v2 = torch.cat([w1, b1[None, :]]), torch.cat([w2, b2[None, :]])
    rows = _with_one(x.flatten(1))
    z, cache = layers[activation][0](rows @ v1)
    hidden = _with_one(z)
    scores = hidden @ v2
    p = torch.exp(scores - scores.amax(1, keepdim=True))
    total = p.sum(1, keepdim=True)
    right = torch.zeros_like(scores).scatter(1, y[:, None], 1.0)
    log_p = scores - scores.amax(1, keepdim=True) - total.log()
    loss = -(log_p * right).sum(1).mean() + reg / 2 * (w1.square().sum() + w2.square().sum())
    dscores = (p / total - right) / x.shape[0]
    dv2 = hidden.T @ dscores
    dv1 = rows.T @ layers[activation][1]((dscores @ v2.T)[:, :-1], cache)
    return loss, dv1[:-1] + reg * w1, dv1[-1], dv2[:-1] + reg * w2, dv2[-1]


# --- float64 inside ---------------------------------------------------------------------------


@alternative("float64 inside", replaces="linear_forward")
def wide_linear_forward(x, w, b):
    _require_linear(x, w, b)
    out = x.double().flatten(1) @ w.double() + b.double()
    return out.to(x.dtype), (x.double(), w.double())


@alternative("float64 inside", replaces="linear_backward")
def wide_linear_backward(dout, cache):
    x, w = cache
    g = dout.double()
    dx, dw, db = (g @ w.T).reshape(x.shape), x.flatten(1).T @ g, g.sum(0)
    return dx.to(dout.dtype), dw.to(dout.dtype), db.to(dout.dtype)


@alternative("float64 inside", replaces="sigmoid_forward")
def wide_sigmoid_forward(x):
    require_numbers(x)
    out = torch.exp(-torch.log1p(torch.exp(-x.double().abs())))  # sigmoid(|x|)
    out = torch.where(x >= 0, out, 1 - out)
    return out.to(x.dtype), out


@alternative("float64 inside", replaces="sigmoid_backward")
def wide_sigmoid_backward(dout, cache):
    return (dout.double() * cache * (1 - cache)).to(dout.dtype)


@alternative("float64 inside", replaces="tanh_forward")
def wide_tanh_forward(x):
    require_numbers(x)
    clipped = x.double().clamp(-40, 40)  # beyond that tanh is 1 to the last bit of float64
    out = (clipped.exp() - (-clipped).exp()) / (clipped.exp() + (-clipped).exp())
    return out.to(x.dtype), out


@alternative("float64 inside", replaces="tanh_backward")
def wide_tanh_backward(dout, cache):
    return (dout.double() * (1 - cache**2)).to(dout.dtype)


@alternative("float64 inside", replaces="softmax_forward")
def wide_softmax_forward(x):
    require_samples(x)
    rows = x.double().flatten(1)
    e = (rows - rows.amax(1, keepdim=True)).exp()
    p = e / e.sum(1, keepdim=True)
    return p.to(x.dtype).reshape(x.shape), p


@alternative("float64 inside", replaces="softmax_backward")
def wide_softmax_backward(dout, cache):
    g = dout.double().flatten(1)
    dx = cache * (g - torch.linalg.vecdot(g, cache)[:, None])
    return dx.to(dout.dtype).reshape(dout.shape)
