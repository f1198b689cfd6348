"""Other correct implementations of unit 11: nobody may lose a point for being different."""

import torch
from gated import require_sequence, require_shape, require_step, require_weights

from autograder.testing import alternative


def tanh(z):
    """tanh by expm1, as unit 3 derives it; off by a unit in the last place here and there."""
    e = torch.expm1(-2 * z.abs())
    return z.sign() * -e / (e + 2)


# --- A product for each gate ------------------------------------------------------------------


@alternative("a product for each gate", replaces="lstm_step_forward")
def by_gate_lstm_step_forward(x, h, c, w_x, w_h, b):
    require_step(x, w_x, w_h, b, blocks=4, h=h, c=c)
    n = h.shape[1]
    weights = [(w_x[:, k : k + n], w_h[:, k : k + n], b[k : k + n]) for k in range(0, 4 * n, n)]
    sums = [torch.addmm(b_k, x, w_xk) + h @ w_hk for w_xk, w_hk, b_k in weights]
    i, f, o = (1 / (1 + torch.exp(-sums[k])) for k in (0, 1, 3))
    g = tanh(sums[2])
    new = torch.addcmul(i * g, f, c)
    cache = {"x": x, "h": h, "c": c, "weights": weights, "gates": (i, f, g, o), "new": new}
    return o * tanh(new), new, cache


@alternative("a product for each gate", replaces="lstm_step_backward")
def by_gate_lstm_step_backward(dh, dc, cache):
    require_shape("dh", dh, "N", "H")
    require_shape("dc", dc, *dh.shape)
    i, f, g, o = cache["gates"]
    x, h, c = cache["x"], cache["h"], cache["c"]
    shown = tanh(cache["new"])
    arrives = torch.addcmul(dc, dh * o, 1 - shown.square())
    deltas = [
        arrives * g * (i - i.square()),
        arrives * c * (f - f.square()),
        arrives * i * (1 + g) * (1 - g),
        dh * shown * (o - o.square()),
    ]
    dx, dh_old = torch.zeros_like(x), torch.zeros_like(h)
    for delta, (w_x, w_h, _) in zip(deltas, cache["weights"], strict=True):
        dx = dx + delta @ w_x.T
        dh_old = dh_old + delta @ w_h.T
    dw_x = torch.cat([x.T @ delta for delta in deltas], dim=1)
    dw_h = torch.cat([h.T @ delta for delta in deltas], dim=1)
    return dx, dh_old, arrives * f, dw_x, dw_h, torch.cat([delta.sum(0) for delta in deltas])


@alternative("a product for each gate", replaces="gru_step_forward")
def by_gate_gru_step_forward(x, h, w_x, w_h, b):
    require_step(x, w_x, w_h, b, blocks=3, h=h)
    n = h.shape[1]
    r = torch.sigmoid(x @ w_x[:, :n] + h @ w_h[:, :n] + b[:n])
    z = torch.sigmoid(x @ w_x[:, n : 2 * n] + h @ w_h[:, n : 2 * n] + b[n : 2 * n])
    seen = r * h
    candidate = tanh(x @ w_x[:, 2 * n :] + seen @ w_h[:, 2 * n :] + b[2 * n :])
    return candidate + z * (h - candidate), (x, h, w_x, w_h, r, z, seen, candidate)


@alternative("a product for each gate", replaces="gru_step_backward")
def by_gate_gru_step_backward(dh, cache):
    require_shape("dh", dh, "N", "H")
    x, h, w_x, w_h, r, z, seen, candidate = cache
    n = h.shape[1]
    dw_x, dw_h, db = torch.empty_like(w_x), torch.empty_like(w_h), torch.empty_like(w_x[0])
    owed = dh * z

    def block(k, delta, source):
        columns = slice(k * n, (k + 1) * n)
        dw_x[:, columns], dw_h[:, columns] = x.T @ delta, source.T @ delta
        db[columns] = delta.sum(0)
        return delta @ w_x[:, columns].T, delta @ w_h[:, columns].T

    dx, dseen = block(2, dh * (1 - z) * (1 - candidate.square()), seen)
    owed = owed + dseen * r
    by_z, more = block(1, dh * (h - candidate) * z * (1 - z), h)
    dx, owed = dx + by_z, owed + more
    by_r, more = block(0, dseen * h * r * (1 - r), h)
    return dx + by_r, owed + more, dw_x, dw_h, db


# --- Input and state side by side -------------------------------------------------------------


@alternative("one linear layer of [x, h, 1]", replaces="lstm_step_forward")
def joined_lstm_step_forward(x, h, c, w_x, w_h, b):
    require_step(x, w_x, w_h, b, blocks=4, h=h, c=c)
    joined = torch.cat([x, h, torch.ones_like(x[:, :1])], dim=1)
    w = torch.cat([w_x, w_h, b[None]])
    sums = (joined @ w).reshape(len(x), 4, -1)
    # The sigmoid is a tanh, stretched and shifted: one activation for all four blocks.
    half = torch.tensor([0.5, 0.5, 1.0, 0.5], dtype=x.dtype, device=x.device)[:, None]
    gates = torch.tanh(sums * half) * half + (1 - half)
    new = gates[:, 1] * c + gates[:, 0] * gates[:, 2]
    return gates[:, 3] * torch.tanh(new), new, (joined, w, c.clone(), sums, gates, new)


@alternative("one linear layer of [x, h, 1]", replaces="lstm_step_backward")
def joined_lstm_step_backward(dh, dc, cache):
    require_shape("dh", dh, "N", "H")
    require_shape("dc", dc, *dh.shape)
    joined, w, c, sums, gates, new = cache
    i, f, g, o = gates.unbind(1)
    arrives = dc + dh * o / torch.cosh(new) ** 2
    to_gates = torch.stack([arrives * g, arrives * c, arrives * i, dh * torch.tanh(new)], dim=1)
    slopes = torch.sigmoid(sums) * torch.sigmoid(-sums)
    slopes[:, 2] = 1 / torch.cosh(sums[:, 2]) ** 2
    delta = (to_gates * slopes).reshape(len(c), -1)
    djoined, dw = delta @ w.T, joined.T @ delta
    d = w.shape[0] - c.shape[1] - 1
    return djoined[:, :d], djoined[:, d:-1], arrives * f, dw[:d], dw[d:-1], dw[-1]


# --- All steps in one function, sums over time at the end -------------------------------------


@alternative("sums over time at the end", replaces="lstm_forward")
def at_end_lstm_forward(x, h0, c0, w_x, w_h, b):
    require_sequence(x, w_x, w_h, b, blocks=4, h0=h0, c0=c0)
    (n, steps, _), hidden = x.shape, h0.shape[1]
    from_input = x @ w_x + b
    hs, cs = (x.new_empty(n, steps + 1, hidden) for _ in range(2))
    gates = x.new_empty(n, steps, 4 * hidden)
    hs[:, 0], cs[:, 0] = h0, c0
    for t in range(steps):
        sums = from_input[:, t] + hs[:, t] @ w_h
        gates[:, t] = torch.sigmoid(sums)
        gates[:, t, 2 * hidden : 3 * hidden] = torch.tanh(sums[:, 2 * hidden : 3 * hidden])
        i, f, g, o = gates[:, t].chunk(4, dim=1)
        cs[:, t + 1] = f * cs[:, t] + i * g
        hs[:, t + 1] = o * torch.tanh(cs[:, t + 1])
    return hs[:, 1:].clone(), cs[:, -1].clone(), (x, hs, cs, gates, w_x, w_h)


@alternative("sums over time at the end", replaces="lstm_backward")
def at_end_lstm_backward(dhs, dc_n, cache):
    require_shape("dhs", dhs, "N", "T", "H")
    require_shape("dc_n", dc_n, dhs.shape[0], dhs.shape[2])
    x, hs, cs, gates, w_x, w_h = cache
    delta = torch.empty_like(gates)
    dh, dc = torch.zeros_like(dc_n), dc_n
    for t in range(x.shape[1] - 1, -1, -1):
        i, f, g, o = gates[:, t].chunk(4, dim=1)
        dh = dh + dhs[:, t]
        shown = torch.tanh(cs[:, t + 1])
        dc = dc + dh * o * (1 - shown**2)
        delta[:, t] = torch.cat(
            [
                dc * g * i * (1 - i),
                dc * cs[:, t] * f * (1 - f),
                dc * i * (1 - g**2),
                dh * shown * o * (1 - o),
            ],
            dim=1,
        )
        dh, dc = delta[:, t] @ w_h.T, dc * f
    flat = delta.flatten(0, 1)
    dw_h = hs[:, :-1].flatten(0, 1).T @ flat
    return delta @ w_x.T, dh, dc, x.flatten(0, 1).T @ flat, dw_h, flat.sum(0)


@alternative("sums over time at the end", replaces="gru_forward")
def at_end_gru_forward(x, h0, w_x, w_h, b):
    require_sequence(x, w_x, w_h, b, blocks=3, h0=h0)
    hidden = h0.shape[1]
    from_input = torch.einsum("ntd,dk->ntk", x, w_x) + b
    states, gates = [h0], []
    for t in range(x.shape[1]):
        h = states[-1]
        rz = torch.sigmoid(from_input[:, t, : 2 * hidden] + h @ w_h[:, : 2 * hidden])
        r, z = rz[:, :hidden], rz[:, hidden:]
        n = torch.tanh(from_input[:, t, 2 * hidden :] + (r * h) @ w_h[:, 2 * hidden :])
        states.append((1 - z) * n + z * h)
        gates.append((r, z, n))
    return torch.stack(states[1:], 1), {"x": x, "states": states, "gates": gates, "w": (w_x, w_h)}


@alternative("sums over time at the end", replaces="gru_backward")
def at_end_gru_backward(dhs, cache):
    require_shape("dhs", dhs, "N", "T", "H")
    x, (w_x, w_h) = cache["x"], cache["w"]
    w_hr, w_hz, w_hn = w_h.chunk(3, dim=1)
    owed, deltas, seen = torch.zeros_like(cache["states"][0]), [], []
    for t in range(x.shape[1] - 1, -1, -1):
        h, (r, z, n) = cache["states"][t], cache["gates"][t]
        dh = dhs[:, t] + owed
        d_n = dh * (1 - z) * (1 - n**2)
        d_seen = d_n @ w_hn.T
        d_r, d_z = d_seen * h * r * (1 - r), dh * (h - n) * z * (1 - z)
        owed = dh * z + d_seen * r + d_r @ w_hr.T + d_z @ w_hz.T
        deltas.insert(0, torch.cat([d_r, d_z, d_n], dim=1))
        seen.insert(0, r * h)
    delta = torch.stack(deltas, dim=1)
    states, seen = torch.stack(cache["states"][:-1], dim=1), torch.stack(seen, dim=1)
    hidden = states.shape[2]
    dw_h = torch.cat(
        [
            torch.einsum("nth,ntk->hk", states, delta[..., : 2 * hidden]),
            torch.einsum("nth,ntk->hk", seen, delta[..., 2 * hidden :]),
        ],
        dim=1,
    )
    dw_x = torch.einsum("ntd,ntk->dk", x, delta)
    return delta @ w_x.T, owed, dw_x, dw_h, delta.sum((0, 1))


# --- Loops over samples -----------------------------------------------------------------------


@alternative("loops over samples", replaces="gru_step_forward", exempt={"speed"})
def loops_gru_step_forward(x, h, w_x, w_h, b):
    require_step(x, w_x, w_h, b, blocks=3, h=h)
    hidden = h.shape[1]
    rows, kept = [], []
    for x_n, h_n in zip(x, h, strict=True):
        sums = x_n @ w_x + b
        r = torch.sigmoid(sums[:hidden] + h_n @ w_h[:, :hidden])
        z = torch.sigmoid(sums[hidden:-hidden] + h_n @ w_h[:, hidden:-hidden])
        n = torch.tanh(sums[-hidden:] + (r * h_n) @ w_h[:, -hidden:])
        rows.append(torch.lerp(n, h_n, z))
        kept.append((x_n, h_n, r, z, n))
    return torch.stack(rows), (kept, w_x, w_h)


@alternative("loops over samples", replaces="gru_step_backward", exempt={"speed"})
def loops_gru_step_backward(dh, cache):
    require_shape("dh", dh, "N", "H")
    kept, w_x, w_h = cache
    dw_x, dw_h = torch.zeros_like(w_x), torch.zeros_like(w_h)
    db, hidden = torch.zeros_like(w_x[0]), dh.shape[1]
    dxs, owed = [], []
    for upstream, (x, h, r, z, n) in zip(dh, kept, strict=True):
        d_n = upstream * (1 - z) * (1 - n * n)
        d_seen = w_h[:, -hidden:] @ d_n
        delta = torch.cat([d_seen * h * r * (1 - r), upstream * (h - n) * z * (1 - z), d_n])
        gates = delta[:-hidden]
        dw_x += torch.outer(x, delta)
        dw_h += torch.cat([torch.outer(h, gates), torch.outer(r * h, d_n)], dim=1)
        db += delta
        dxs.append(w_x @ delta)
        owed.append(upstream * z + d_seen * r + w_h[:, :-hidden] @ gates)
    return torch.stack(dxs), torch.stack(owed), dw_x, dw_h, db


# --- The Jacobian in other ways ---------------------------------------------------------------


def _require_cell(x, h_prev, c_prev, o_prev, w_x, w_h, b):
    require_shape("x", x, "D")
    hidden = require_weights(x.shape[0], w_x, w_h, b, blocks=4)
    for name, state in (("h_prev", h_prev), ("c_prev", c_prev), ("o_prev", o_prev)):
        require_shape(name, state, hidden)


@alternative("the Jacobian entry by entry", replaces="cell_state_jacobian", exempt={"speed"})
def entries_cell_state_jacobian(x, h_prev, c_prev, o_prev, w_x, w_h, b):
    _require_cell(x, h_prev, c_prev, o_prev, w_x, w_h, b)
    hidden = len(h_prev)
    sums = x @ w_x + h_prev @ w_h + b
    forget, direct, written, candidate = (x.new_zeros(hidden, hidden) for _ in range(4))
    for j in range(hidden):
        i, f = torch.sigmoid(sums[j]), torch.sigmoid(sums[hidden + j])
        g = torch.tanh(sums[2 * hidden + j])
        direct[j, j] = f
        for k in range(hidden):
            by_h = o_prev[k] * (1 - torch.tanh(c_prev[k]) ** 2)
            forget[j, k] = c_prev[j] * f * (1 - f) * w_h[k, hidden + j] * by_h
            written[j, k] = g * i * (1 - i) * w_h[k, j] * by_h
            candidate[j, k] = i * (1 - g**2) * w_h[k, 2 * hidden + j] * by_h
    return forget, direct, written, candidate


@alternative("the Jacobian by a complex step", replaces="cell_state_jacobian")
def complex_cell_state_jacobian(x, h_prev, c_prev, o_prev, w_x, w_h, b):
    """f(c + i e) = f(c) + i e f'(c) up to e^2: no difference is taken, so nothing cancels."""
    _require_cell(x, h_prev, c_prev, o_prev, w_x, w_h, b)
    hidden, tiny = len(h_prev), 1e-12
    eye = torch.eye(hidden, dtype=x.dtype, device=x.device)
    # One row for each unit of c_prev that is moved.
    moved = torch.complex(c_prev.repeat(hidden, 1), tiny * eye)
    h = o_prev * torch.tanh(moved)
    sums = h @ w_h.to(h.dtype) + (x @ w_x + b)
    i, f, g, _ = sums.chunk(4, dim=1)
    i, f, g = 1 / (1 + torch.exp(-i)), 1 / (1 + torch.exp(-f)), torch.tanh(g)

    def slope(values):
        return (values.imag / tiny).T

    return (
        slope(f) * c_prev[:, None],
        torch.diag(f[0].real),
        slope(i) * g[0].real[:, None],
        slope(g) * i[0].real[:, None],
    )
