# %% [markdown] allows="softmax"
# # 17. Attention
#
# A recurrent encoder has to press a whole sentence into one vector. Attention lets the reader look
# at all positions instead, and decide *at every step* which ones matter. It is a soft look-up in a
# table: a **query** is compared with all **keys**; the comparisons become weights that sum to 1;
# the answer is the weighted mean of the **values**. All of it is differentiable, so where to look
# is learned like everything else.
#
# | part | function | what it is |
# |---|---|---|
# | 17.1, 17.2 | `attention_forward`, `_backward` | scaled dot-product attention, with masks |
# | 17.3 | `causal_mask` | who may look at whom in a decoder |
# | 17.4, 17.5 | `additive_attention_forward`, `_backward` | scores from a small network |
# | 17.6, 17.7 | `multi_head_attention_forward`, `_backward` | the layer of a transformer |
# | 17.8 | `attention_gru_step` | a decoder's step that reads an encoder's states |
# | 17.9 | `layer_costs` | what attention, recurrence and convolution cost |
#
# **Shapes.** $T_q$ queries of size $d_k$ look at $T_k$ keys of size $d_k$, which have values of
# size $d_v$. Anything may stand before these two axes: `q` is $(\dots, T_q, d_k)$, `k` is
# $(\dots, T_k, d_k)$, `v` is $(\dots, T_k, d_v)$, and the result is $(\dots, T_q, d_v)$, where the
# dots are the same in all of them: nothing, a batch $N$, or a batch and heads $N, h$.
#
# **Masks** are boolean, and **True means: may be attended to**. In PyTorch that is the convention
# of `scaled_dot_product_attention`, while `nn.MultiheadAttention` uses the opposite one.
#
# **Rules of this unit.** No autograd, nothing from `torch.nn` (that includes
# `scaled_dot_product_attention`). `torch.softmax`, `torch.tanh` and `torch.sigmoid` are allowed:
# you wrote them in units 2 and 3. Results have the dtype and the device of the inputs; inputs and
# caches are never modified; any memory layout will do.
#
# **References.** Bahdanau, Cho & Bengio, *Neural machine translation by jointly learning to align
# and translate*, 2015; Luong, Pham & Manning, *Effective approaches to attention-based neural
# machine translation*, 2015; Vaswani et al., *Attention is all you need*, 2017; Zhang, Lipton, Li &
# Smola, *Dive into Deep Learning*, the chapter on attention mechanisms.

# %%
"""Attention: dot-product, additive, multi-head, in a decoder's step, and what it costs."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

Cache = Any  # whatever your backward needs


def require(condition: bool, message: str) -> None:
    """Raises ValueError(message) unless the condition holds."""
    if not condition:
        raise ValueError(message)


def require_shape(name: str, x: Tensor, *sizes: int | str) -> None:
    """Raises ValueError unless x has these sizes; a letter stands for any size but 0."""
    fits = x.ndim == len(sizes) and all(
        n > 0 if isinstance(size, str) else size == n
        for size, n in zip(sizes, x.shape, strict=True)
    )
    expected = ", ".join(map(str, sizes))
    require(fits, f"{name} must have the shape ({expected}), got {tuple(x.shape)}")


def require_attention(q: Tensor, k: Tensor, v: Tensor) -> None:
    """Raises ValueError unless queries, keys and values fit together."""
    require(
        q.ndim >= 2 and q.numel() > 0 and q.is_floating_point(),
        f"q must be (..., T_q, d_k), not empty and of floating point numbers, "
        f"got {q.dtype} of shape {tuple(q.shape)}",
    )
    *batch, _, d_k = q.shape
    require_shape("k", k, *batch, "T_k", d_k)
    require_shape("v", v, *batch, k.shape[-2], "d_v")


def require_mask(mask: Tensor | None, *shape: int) -> None:
    """Raises ValueError unless mask is None, or boolean and broadcastable to the shape."""
    if mask is None:
        return
    require(mask.dtype == torch.bool, f"mask must be boolean, got {mask.dtype}")
    padded = (1,) * (len(shape) - mask.ndim) + tuple(mask.shape)
    fits = len(padded) == len(shape) and all(
        m in (1, n) for m, n in zip(padded, shape, strict=True)
    )
    require(fits, f"mask must be broadcastable to {shape}, got shape {tuple(mask.shape)}")


# %% [markdown]
# ## 17.1 Scaled dot-product attention
#
# How well does query $i$ fit key $j$? Take the inner product as the **score**, divide by a
# constant, and turn each *row* of scores into weights with a softmax **over the keys**:
#
# $$\underset{(\dots, T_q, T_k)}{S} = \frac{Q K^\top}{\sqrt{d_k}}, \qquad
# \underset{(\dots, T_q, T_k)}{P}: \quad
# P_{ij} = \frac{e^{S_{ij}}}{\sum_{l=1}^{T_k} e^{S_{il}}}, \qquad
# \underset{(\dots, T_q, d_v)}{\text{out}} = \underset{(\dots, T_q, T_k)}{P}\
# \underset{(\dots, T_k, d_v)}{V} .$$
#
# Every row of $P$ sums to 1: $\text{out}_i = \sum_j P_{ij} V_j$ is a weighted mean of the values.
#
# **Why divide by $\sqrt{d_k}$?** If the entries of $q$ and $k$ are independent with mean 0 and
# variance 1, then $q \cdot k = \sum_{c=1}^{d_k} q_c k_c$ has mean 0 and variance $d_k$. For
# $d_k = 64$ typical scores would be $\pm 8$: one weight is nearly 1, the others nearly 0, and the
# gradient of the softmax vanishes (unit 8). Division by the standard deviation keeps scores of size
# 1 for every $d_k$. With `scale=False` the root is left out, which is Luong's "dot" attention.
#
# **Masks.** `mask` says which keys a query may see: `mask[..., i, j]` is True if query $i$ may
# attend to key $j$. It is broadcast to $(\dots, T_q, T_k)$, so for instance with a batch $N$
#
# | mask | shape | meaning |
# |---|---|---|
# | causal | $(T, T)$ | the same for all sequences |
# | padding | $(N, 1, T_k)$ | for each sequence its own keys, the same for all queries |
# | both | $(N, T, T)$ | `causal & padding` |
#
# What is masked takes no part in the softmax: its score counts as $-\infty$, its weight is
# **exactly 0**, and the weights of the others sum to 1. Multiplying $P$ by the mask afterwards is
# something else, since rows then no longer sum to 1. So is a score of $-10^9$ for a row in which
# *everything* is masked: all scores are equal again, and the softmax makes them uniform.
#
# **Fully masked rows** occur in practice, for instance when a padded query meets a padded sequence.
# The formula says $0/0$. In this course such a query gets **zeros**, and no gradient flows through
# it. It must never get NaN: one NaN in the forward pass makes every weight of the network NaN.
# (`scaled_dot_product_attention` gives zeros in recent versions; in earlier ones, NaN.)
#
# **Example.** One query, three keys, $d_k = 4$, $d_v = 2$:
#
# $$Q = \begin{pmatrix} 2 & 0 & 0 & 0 \end{pmatrix}, \quad
# K = \begin{pmatrix} 0 & 0 & 0 & 0 \\ \ln 2 & 0 & 0 & 0 \\ \ln 7 & 0 & 0 & 0 \end{pmatrix}, \quad
# V = \begin{pmatrix} 1 & 0 \\ 0 & 1 \\ 1 & 1 \end{pmatrix}.$$
#
# $Q K^\top = (0, 2 \ln 2, 2 \ln 7)$, so $S = (0, \ln 2, \ln 7)$, $P = (0.1, 0.2, 0.7)$ and
# $\text{out} = (0.8, 0.9)$. With the mask (True, True, False): $P = (\tfrac13, \tfrac23, 0)$ and
# $\text{out} = (\tfrac13, \tfrac23)$. With `scale=False` and no mask: $e^S = (1, 4, 49)$ and
# $\text{out} = (\tfrac{50}{54}, \tfrac{53}{54})$.
#
# **What usually goes wrong.** *The softmax over the wrong axis:* with $T_q = T_k$ the shapes still
# fit. *$d_v$ in place of $d_k$* under the root. *A $(T_k)$ mask laid over the queries.* *Masking
# the scores with 0* instead of $-\infty$: $e^0 = 1$ is not nothing. *Subtracting the maximum of a
# row including what is masked* in a hand-written softmax: if the masked score is the largest by
# far, all others become $e^{-\text{large}} = 0$.


# %%
def attention_forward(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, *, scale: bool = True
) -> tuple[Tensor, Cache]:
    """Attention of queries to keys: for each query a weighted mean of the values.

    Formula: out = softmax(q k^T / sqrt(d_k)) v, the softmax over the keys that mask admits
    (Vaswani et al., 2017, equation 1).

    Args:
        q: (..., T_q, d_k), queries.
        k: (..., T_k, d_k), keys; the dots are the same as those of q.
        v: (..., T_k, d_v), values, one for each key; may be the same tensor as k.
        mask: boolean, broadcastable to (..., T_q, T_k); True: this query may attend to this key.
            None: every query to every key.
        scale: whether to divide by sqrt(d_k).

    Returns:
        out: (..., T_q, d_v); zeros for a query that may attend to nothing.
        cache: whatever `attention_backward` needs.

    Raises:
        ValueError: if q is not a non-empty tensor of floating point numbers with at least two axes,
            the sizes of q, k and v do not fit together, or mask is not boolean or not
            broadcastable.
    """
    require_attention(q, k, v)
    require_mask(mask, *q.shape[:-1], k.shape[-2])
    # TODO: scores, weights over the keys that the mask admits, weighted mean of the values.
    raise NotImplementedError("attention_forward is not written yet")


# %% [markdown]
# ## 17.2 The gradients of attention
#
# Go backwards through the three lines of 17.1. With `dout` of shape $(\dots, T_q, d_v)$, the last
# one, $\text{out} = P V$, is a matrix product (unit 3):
#
# $$\underset{(\dots, T_k, d_v)}{dV} = P^\top\, \text{dout}, \qquad
# \underset{(\dots, T_q, T_k)}{dP} = \text{dout}\ V^\top .$$
#
# The softmax acts on each row by itself. Its vector-Jacobian product is that of unit 2:
#
# $$dS_{ij} = P_{ij} \Big( dP_{ij} - \sum_{l} P_{il}\, dP_{il} \Big), \qquad
# dS: (\dots, T_q, T_k) .$$
#
# And $S = c\, Q K^\top$ with $c = 1/\sqrt{d_k}$ (or 1) is a matrix product again. The constant
# comes along to both sides:
#
# $$\underset{(\dots, T_q, d_k)}{dQ} = c\ dS\, K, \qquad
# \underset{(\dots, T_k, d_k)}{dK} = c\ dS^\top Q .$$
#
# **Masks need no case distinction.** Where the mask is False, $P_{ij} = 0$, so $dS_{ij} = 0$:
# nothing flows to a key or value that was not seen, and a fully masked row has no gradient at all.
# That is the reward for weights that are exactly 0 (and not NaN, since $0 \cdot \text{NaN}$ is
# NaN).
#
# **If keys are values** ($K = V = H$, as in most recurrent decoders), the functions do not know it:
# `attention_backward` returns $dK$ and $dV$ separately, and the caller adds them,
# $dH = dK + dV$, because $H$ has been used twice.
#
# Properties to check yours by: each row of $dS$ sums to 0. Hence the rows of $dK$ **sum to zero**
# over the keys, $\sum_j dK_j = c \sum_i Q_i \sum_j dS_{ij} = 0$: moving all keys by the same vector
# adds the same number to all scores of a query. And $\sum_j dV_j = \sum_i \text{dout}_i$ over the
# queries that see something, since the weights of a query sum to 1.
#
# **Example.** 17.1 without a mask and $\text{dout} = (1, 2)$: $dP = (1, 2, 3)$,
# $\sum_l P_l\, dP_l = 2.6$, $dS = (-0.16, -0.12, 0.28)$ (the numbers of unit 2.4). With
# $c = \tfrac12$ and $Q = (2, 0, 0, 0)$ the first column of $dK$ is $(-0.16, -0.12, 0.28)$ and the
# rest 0; $dQ = \big(\tfrac12(-0.12 \ln 2 + 0.28 \ln 7), 0, 0, 0\big) = (0.2308, 0, 0, 0)$ and
#
# $$dV = \begin{pmatrix} 0.1 & 0.2 \\ 0.2 & 0.4 \\ 0.7 & 1.4 \end{pmatrix}.$$
#
# **What usually goes wrong.** *$dS = P \odot dP$*, without the sum: that is not the Jacobian of a
# softmax. *The constant $c$ in one of the two gradients only.* *The sum over the queries* instead
# of over the keys.


# %%
def attention_backward(dout: Tensor, cache: Cache) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of `attention_forward`.

    Formula: dv = p^T dout, dp = dout v^T, ds = p (dp - sum_keys p dp), dq = c ds k, dk = c ds^T q
    with c = 1 / sqrt(d_k), or 1 without scale.

    Args:
        dout: (..., T_q, d_v), the gradient that arrives at the output.
        cache: what `attention_forward` returned.

    Returns:
        dq: (..., T_q, d_k); zeros for a query that may attend to nothing.
        dk: (..., T_k, d_k).
        dv: (..., T_k, d_v); not added to dk, even if k and v were the same tensor.
    """
    # TODO: backwards through the weighted mean, the softmax and the scores.
    raise NotImplementedError("attention_backward is not written yet")


# %% [markdown]
# ## 17.3 The causal mask
#
# A decoder that is trained on whole sentences at once must not look ahead: at position $i$ it has
# to predict what comes next, so it may see positions $0, \dots, i$ only. **Including its own:** the
# query at position $i$ comes from the token at position $i$, which is known. Hence
#
# $$M_{ij} = [\, j \le i\, ], \qquad M: (t, t), \qquad
# M = \begin{pmatrix} 1 & 0 & 0 \\ 1 & 1 & 0 \\ 1 & 1 & 1 \end{pmatrix} \text{ for } t = 3$$
#
# (1 is True). Row $i$ belongs to query $i$. With this mask, changing the input at position $j$
# cannot change any output before $j$, and that is how to test it.
#
# ![Two six by six tables for the words "the cat sat on the mat", queries in rows, keys in columns.
# Left, the scores: above the diagonal all are minus infinity. Right, the weights: above the
# diagonal all are 0, each row sums to 1, and the largest weight of a row stands where its largest
# score is. The first row has the single weight 1.](figures/masked_weights.svg)
#
# In the figure, the mask is laid over the scores of a short sentence. What is hatched was never
# there: the weights of a row are a softmax over what is left, and the first word can only look at
# itself.
#
# The argument `like` says where the mask is to be: on the device of `like`, whatever its dtype and
# shape. A mask that is made on the CPU works until somebody moves the model to a GPU.
#
# **What usually goes wrong.** *Off by one:* without the diagonal the first query sees nothing, and
# everybody is blind to their own token; with one diagonal too many everybody sees the token that
# they are to predict, the loss becomes wonderful, and the decoder useless. *Transposed:* everybody
# sees the future only. *False and True exchanged*, in code that was written for the other
# convention.


# %%
def causal_mask(t: int, like: Tensor) -> Tensor:
    """Who may look at whom when nobody may look ahead.

    Formula: mask[i, j] = (j <= i)   (Vaswani et al., 2017, section 3.2.3).

    Args:
        t: the number of positions, at least 1.
        like: any tensor; the mask is made on its device.

    Returns:
        (t, t), boolean; row i says which positions query i may attend to.

    Raises:
        ValueError: if t is less than 1.
    """
    require(t >= 1, f"t must be at least 1, got {t}")
    # TODO: admit every position up to and including the query's own.
    raise NotImplementedError("causal_mask is not written yet")


# %% [markdown]
# ## 17.4 Additive attention
#
# The first attention in a neural translator compared the decoder's state $s$ with the encoder's
# states $h$ not by an inner product but by a **small network** with one hidden layer of $A$ units.
# $s$ and $h$ may have different sizes:
#
# $$\underset{(A,)}{E_{nij}} = \tanh\big(
# \underset{(D_s,)}{s_{ni}}\ \underset{(D_s, A)}{W_s} +
# \underset{(D_h,)}{h_{nj}}\ \underset{(D_h, A)}{W_h} \big), \qquad
# S_{nij} = E_{nij} \cdot \underset{(A,)}{v}, \qquad
# P_{nij} = \frac{e^{S_{nij}}}{\sum_l e^{S_{nil}}},$$
#
# $$\underset{(N, T_q, D_h)}{\text{out}_{ni}} = \sum_{j=1}^{T_k} P_{nij}\ h_{nj}, \qquad
# s: (N, T_q, D_s), \quad h: (N, T_k, D_h), \quad E: (N, T_q, T_k, A), \quad
# S, P: (N, T_q, T_k).$$
#
# The states $h$ are keys *and* values: they are transformed for the comparison, and averaged as
# they are. There is no scaling here: tanh keeps $E$ in $[-1, 1]$, and $v$ is learned.
#
# Every query meets every key, so $s W_s$, of shape $(N, T_q, A)$, and $h W_h$, of shape
# $(N, T_k, A)$, are added as $(N, T_q, 1, A)$ and $(N, 1, T_k, A)$. Multiplying by the weights
# *before* the two meet costs $(T_q D_s + T_k D_h) A$ multiplications instead of
# $T_q T_k (D_s + D_h) A$.
#
# **Example.** $N = T_q = D_s = A = 1$, $T_k = 3$, $D_h = 2$; $s = 0$,
#
# $$h = \begin{pmatrix} 0 & 1 \\ \ln 2 & 2 \\ \ln 3 & 3 \end{pmatrix}, \quad
# W_s = \begin{pmatrix} 1 \end{pmatrix}, \quad W_h = \begin{pmatrix} 1 \\ 0 \end{pmatrix}, \quad
# v = (5 \ln 2).$$
#
# $E = (\tanh 0, \tanh \ln 2, \tanh \ln 3) = (0, 0.6, 0.8)$, so $S = (0, 3 \ln 2, 4 \ln 2)$,
# $e^S = (1, 8, 16)$ and $P = (0.04, 0.32, 0.64)$. The second feature of the result is
# $0.04 \cdot 1 + 0.32 \cdot 2 + 0.64 \cdot 3 = 2.6$, the first $0.32 \ln 2 + 0.64 \ln 3 = 0.9249$.
#
# **What usually goes wrong.** *tanh of the two terms before they are added:* then query and key are
# compared no more, the score is a sum of one term for each. *The sum over $A$ without $v$.* *Adding
# along the wrong axes*, which fits by accident if $T_q = T_k$.
#
# *Reference.* Bahdanau, Cho & Bengio, 2015, appendix A.1.2.


# %%
def additive_attention_forward(
    s: Tensor, h: Tensor, w_s: Tensor, w_h: Tensor, v: Tensor
) -> tuple[Tensor, Cache]:
    """Attention whose scores come from a network with one hidden layer.

    Formula: scores[n, i, j] = tanh(s[n, i] w_s + h[n, j] w_h) . v, out = softmax(scores) h
    (Bahdanau, Cho & Bengio, 2015, appendix A.1.2).

    Args:
        s: (N, T_q, D_s), queries: states of a decoder.
        h: (N, T_k, D_h), keys and values: states of an encoder.
        w_s: (D_s, A).
        w_h: (D_h, A).
        v: (A,).

    Returns:
        out: (N, T_q, D_h), for each query a weighted mean of h.
        cache: whatever `additive_attention_backward` needs.

    Raises:
        ValueError: if the sizes do not fit together.
    """
    require_shape("s", s, "N", "T_q", "D_s")
    require_shape("h", h, s.shape[0], "T_k", "D_h")
    require_shape("w_s", w_s, s.shape[2], "A")
    require_shape("w_h", w_h, h.shape[2], w_s.shape[1])
    require_shape("v", v, w_s.shape[1])
    # TODO: the score of every query with every key, weights over the keys, weighted mean of h.
    raise NotImplementedError("additive_attention_forward is not written yet")


# %% [markdown]
# ## 17.5 The gradients of additive attention
#
# The weighted mean and the softmax are those of 17.2, with $h$ for the values:
#
# $$dP = \text{dout}\ h^\top, \qquad
# dS_{nij} = P_{nij} \Big( dP_{nij} - \sum_l P_{nil}\, dP_{nil} \Big), \qquad
# dP, dS: (N, T_q, T_k).$$
#
# From the scores $S_{nij} = E_{nij} \cdot v$ on, with $Z = s W_s + h W_h$ and $E = \tanh Z$:
#
# $$\underset{(A,)}{dv} = \sum_{n,i,j} dS_{nij}\, E_{nij}, \qquad
# \underset{(N, T_q, T_k, A)}{dZ_{nija}} = dS_{nij}\ v_a\ \big(1 - E_{nija}^2\big).$$
#
# Query $i$ was used for all keys $j$ and key $j$ for all queries $i$. Broadcasting forward is
# **summing backward**:
#
# $$\underset{(N, T_q, A)}{dZ^s_{ni}} = \sum_j dZ_{nij}, \qquad
# \underset{(N, T_k, A)}{dZ^h_{nj}} = \sum_i dZ_{nij} .$$
#
# What is left are two linear layers, and $h$ in a second role, as the values:
#
# $$\underset{(D_s, A)}{dW_s} = \sum_{n,i} s_{ni}^\top\, dZ^s_{ni}, \quad
# \underset{(D_h, A)}{dW_h} = \sum_{n,j} h_{nj}^\top\, dZ^h_{nj}, \quad
# \underset{(N, T_q, D_s)}{ds} = dZ^s\, W_s^\top, \quad
# \underset{(N, T_k, D_h)}{dh} = \underbrace{P^\top\, \text{dout}}_{\text{as values}} +
# \underbrace{dZ^h\, W_h^\top}_{\text{as keys}} .$$
#
# **Example.** 17.4 with $\text{dout} = (0, 1)$: $dP = (1, 2, 3)$, its mean under $P$ is $2.6$, and
# $dS = (0.04 \cdot (-1.6),\ 0.32 \cdot (-0.6),\ 0.64 \cdot 0.4) = (-0.064, -0.192, 0.256)$. So
# $dv = -0.192 \cdot 0.6 + 0.256 \cdot 0.8 = 0.0896$. With $1 - E^2 = (1, 0.64, 0.36)$,
# $dZ = 5 \ln 2 \cdot (-0.064, -0.12288, 0.09216)$. Summed over the keys,
# $dZ^s = 5 \ln 2 \cdot (-0.09472) = -0.3283$, which gives $ds = dZ^s W_s^\top = -0.3283$ and
# $dW_s = s\, dZ^s = 0$.
#
# **What usually goes wrong.** *One of the two roles of $h$.* *$1 - E$ for $1 - E^2$.* *Forgetting
# $v$ in $dZ$.* *Means where sums belong.*


# %%
def additive_attention_backward(
    dout: Tensor, cache: Cache
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Gradients of `additive_attention_forward`.

    Formula: dscores as in `attention_backward`, dz = dscores v (1 - tanh^2), summed over the keys
    for the side of s and over the queries for the side of h; h also has a gradient as values.

    Args:
        dout: (N, T_q, D_h), the gradient that arrives at the output.
        cache: what `additive_attention_forward` returned.

    Returns:
        ds: (N, T_q, D_s).
        dh: (N, T_k, D_h).
        dw_s: (D_s, A).
        dw_h: (D_h, A).
        dv: (A,).
    """
    # TODO: backwards through the weighted mean, the softmax and the network.
    raise NotImplementedError("additive_attention_backward is not written yet")


# %% [markdown]
# ## 17.6 Multi-head attention
#
# One attention gives each position *one* weighted mean: it can look for one thing at a time. A
# layer with $h$ **heads** looks for $h$ things at once, in $h$ subspaces of size $d = D/h$.
# In **self-attention** queries, keys and values all come from the same sequence $X$ of shape
# $(N, T, D)$:
#
# $$Q = X W_Q, \quad K = X W_K, \quad V = X W_V: \ (N, T, D), \qquad W_Q, W_K, W_V, W_O: (D, D).$$
#
# Head $m$ ($m = 0, \dots, h - 1$) gets the **columns $m d$ to $(m+1) d$** of $Q$, $K$ and $V$, and
# does the attention of 17.1 with them, with the root of *its own* size:
#
# $$\underset{(N, T, d)}{O_m} = \operatorname{softmax}\Big( \frac{Q_m K_m^\top}{\sqrt{d}} \Big) V_m,
# \qquad
# \underset{(N, T, D)}{\text{out}} = \big[\, O_0,\ O_1,\ \dots,\ O_{h-1} \,\big]\ W_O .$$
#
# The heads stand side by side again in the order of their columns, and $W_O$ mixes them.
#
# **No loop over heads is needed.** Make the heads an axis,
# $(N, T, D) \to (N, T, h, d) \to (N, h, T, d)$, and `attention_forward` does all heads at once: it
# does not care what stands before the last two axes. **Both steps are needed.** Reshaping directly
# to $(N, h, T, d)$ has the right shape and the wrong numbers: it cuts the *sequence* into $h$
# pieces. Afterwards the same way back.
#
# The **mask** is broadcastable to $(N, T, T)$ and the same for all heads.
#
# Doing it with $h$ heads costs as many multiplications as with one: there are $h$ products of size
# $T^2 d = T^2 D / h$.
#
# **Example.** $N = 1$, $T = D = h = 2$, so $d = 1$, all weights the unit matrix, and with
# $a = \sqrt{\ln 3}$
#
# $$X = \begin{pmatrix} 0 & a \\ a & 0 \end{pmatrix}.$$
#
# Head 0 has queries, keys and values $(0, a)$. Its scores are
# $\begin{pmatrix} 0 & 0 \\ 0 & \ln 3 \end{pmatrix}$, its weights
# $\begin{pmatrix} 1/2 & 1/2 \\ 1/4 & 3/4 \end{pmatrix}$, its results $\tfrac12 a$ and $\tfrac34 a$.
# Head 1 has $(a, 0)$ and gives $\tfrac34 a$ and $\tfrac12 a$. Together
#
# $$\text{out} = a \begin{pmatrix} 1/2 & 3/4 \\ 3/4 & 1/2 \end{pmatrix}, \qquad
# \text{with the causal mask} \quad
# \text{out} = a \begin{pmatrix} 0 & 1 \\ 3/4 & 1/2 \end{pmatrix}.$$
#
# PyTorch's `nn.MultiheadAttention` splits its heads the same way. It has biases, stores the
# transposes of our weights ($W_Q^\top$, $W_K^\top$, $W_V^\top$ stacked in `in_proj_weight`), and
# its boolean masks say who may **not** be attended to.
#
# **What usually goes wrong.** *$\sqrt{D}$ for $\sqrt{d}$.* *Every $h$-th column* for a head instead
# of neighbouring ones. *The reshape without the transpose*, at the beginning or at the end. *A mask
# $(N, 1, T)$ whose first axis meets the axis of the heads* when it is broadcast to $(N, h, T, T)$.


# %%
def multi_head_attention_forward(
    x: Tensor,
    w_q: Tensor,
    w_k: Tensor,
    w_v: Tensor,
    w_o: Tensor,
    mask: Tensor | None = None,
    *,
    heads: int,
) -> tuple[Tensor, Cache]:
    """Self-attention with several heads.

    Formula: head m = softmax(q_m k_m^T / sqrt(D / heads)) v_m with q_m, k_m, v_m the columns
    m D / heads to (m + 1) D / heads of x w_q, x w_k, x w_v; out = [head 0, head 1, ...] w_o
    (Vaswani et al., 2017, section 3.2.2).

    Args:
        x: (N, T, D), a batch of sequences.
        w_q, w_k, w_v: (D, D), what makes queries, keys and values of x.
        w_o: (D, D), what mixes the heads.
        mask: boolean, broadcastable to (N, T, T), for all heads; True: may be attended to.
        heads: the number of heads, a divisor of D.

    Returns:
        out: (N, T, D).
        cache: whatever `multi_head_attention_backward` needs.

    Raises:
        ValueError: if the sizes of x and the weights do not fit together, heads is not a divisor of
            D, or mask is not boolean or not broadcastable.
    """
    require_shape("x", x, "N", "T", "D")
    samples, steps, features = x.shape
    for name, w in (("w_q", w_q), ("w_k", w_k), ("w_v", w_v), ("w_o", w_o)):
        require_shape(name, w, features, features)
    require(
        heads >= 1 and features % heads == 0,
        f"heads must be a divisor of D = {features}, got {heads}",
    )
    require_mask(mask, samples, steps, steps)
    # TODO: queries, keys and values; attention in each head; heads side by side, mixed by w_o.
    raise NotImplementedError("multi_head_attention_forward is not written yet")


# %% [markdown]
# ## 17.7 The gradients of multi-head attention
#
# Backwards through 17.6, with $O = [O_0, \dots, O_{h-1}]$ of shape $(N, T, D)$:
#
# $$\underset{(D, D)}{dW_O} = \sum_{n,t} O_{nt}^\top\, \text{dout}_{nt}, \qquad
# \underset{(N, T, D)}{dO} = \text{dout}\ W_O^\top .$$
#
# Splitting and merging only move numbers, so their gradients are moved back: $dO$ is split into
# heads, `attention_backward` gives $dQ$, $dK$ and $dV$ of all heads, $(N, h, T, d)$, and these are
# merged to $(N, T, D)$. Then there are three linear layers with the *same input*:
#
# $$\underset{(D, D)}{dW_Q} = \sum_{n,t} X_{nt}^\top\, dQ_{nt}, \quad \text{likewise } dW_K, dW_V,
# \qquad
# \underset{(N, T, D)}{dX} = dQ\ W_Q^\top + dK\ W_K^\top + dV\ W_V^\top .$$
#
# $X$ was used three times, and its gradient is the sum of three.
#
# **Example.** 17.6 without the mask and $\text{dout}_{11} = 1$, all else 0 (indices from 1: the
# first feature of the first position). Only head 0 and its first query are concerned.
# $dO = \text{dout}$; with $V = (0, a)$ and $P = (\tfrac12, \tfrac12)$: $dP = (0, a)$,
# $dS = (-\tfrac14 a, \tfrac14 a)$, $dQ_1 = \tfrac14 a \cdot a$, $dK = 0$ (as $Q_1 = 0$),
# $dV = (\tfrac12, \tfrac12)$. So the first column of $dX$ is
# $(\tfrac14 \ln 3 + \tfrac12,\ \tfrac12)$, the second is 0.
#
# **What usually goes wrong.** *One of the three ways to $X$ is missing.* *$W$ without transposing*,
# which fits, since all weights are square. *A reshape without the transpose* on the way back.


# %%
def multi_head_attention_backward(
    dout: Tensor, cache: Cache
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Gradients of `multi_head_attention_forward`.

    Formula: dw_o = sum O^T dout, dO = dout w_o^T, `attention_backward` in each head, then three
    linear layers that have x in common: dx is the sum of their three gradients.

    Args:
        dout: (N, T, D), the gradient that arrives at the output.
        cache: what `multi_head_attention_forward` returned.

    Returns:
        dx: (N, T, D).
        dw_q, dw_k, dw_v, dw_o: (D, D) each.
    """
    # TODO: backwards through w_o, the heads and the three linear layers.
    raise NotImplementedError("multi_head_attention_backward is not written yet")


# %% [markdown]
# ## 17.8 A decoder's step with attention
#
# An encoder has read a sentence and left its states $h_1, \dots, h_T$. The decoder is a GRU (unit
# 11) with state $s$. Before each step it asks: which of the encoder's states matter *now*? Its
# state is the query; keys and values are the encoder's states; dot products, **without scaling**:
#
# $$\underset{(N, T)}{p_n} = \operatorname{softmax}_t (s_n \cdot h_{nt}), \qquad
# \underset{(N, H)}{c_n} = \sum_{t=1}^{T} p_{nt}\, h_{nt} .$$
#
# The **context** $c$ is a third input of the GRU, beside the previous token's features $y$ and the
# state $s$. With $W_y: (D_y, 3H)$, $W_s, W_c: (H, 3H)$ and $b: (3H,)$, whose columns belong to the
# gates **r, z, n** in this order (r the first $H$ columns, and so on):
#
# $$\begin{aligned}
# r &= \sigma\big( y W_y^{(r)} + c\, W_c^{(r)} + s\, W_s^{(r)} + b^{(r)} \big), \\
# z &= \sigma\big( y W_y^{(z)} + c\, W_c^{(z)} + s\, W_s^{(z)} + b^{(z)} \big), \\
# \tilde n &= \tanh\big( y W_y^{(n)} + c\, W_c^{(n)} + (r \odot s)\, W_s^{(n)} + b^{(n)} \big), \\
# s' &= z \odot s + (1 - z) \odot \tilde n, \qquad r, z, \tilde n, s': (N, H).
# \end{aligned}$$
#
# The reset gate acts on the state *before* the product with $W_s^{(n)}$. PyTorch's `nn.GRUCell`
# puts it after the product (and has a second bias), which is another function.
#
# With attention the way from any word of the source to the present step has length 1, however long
# the sentence is. It is what made translators work on long sentences, a few years before anybody
# left out the recurrence.
#
# **Example.** $N = H = D_y = 1$, $T = 2$: $y = 1$, $s = 1$, $h = (0, \ln 3)$. The scores are
# $(0, \ln 3)$, the weights $(\tfrac14, \tfrac34)$, $c = \tfrac34 \ln 3$. With
# $W_y = (0, \ln 3, 0)$, $W_s = (0, 0, 2 \ln 6)$, $W_c = (0, 0, -\tfrac43)$ and $b = 0$:
# $r = \sigma(0) = \tfrac12$, $z = \sigma(\ln 3) = \tfrac34$,
# $\tilde n = \tanh(-\ln 3 + \tfrac12 \cdot 2 \ln 6) = \tanh \ln 2 = 0.6$, and
# $s' = 0.75 \cdot 1 + 0.25 \cdot 0.6 = 0.9$.
#
# **What usually goes wrong.** *The roles of $z$ and $1 - z$.* *The order of the gates.* *The
# context in the gates and not in the candidate*, or the other way round. *Reset after the product.*
#
# You need no gradient here: this is the step of a decoder that writes (unit 18).


# %%
def attention_gru_step(
    y: Tensor, s: Tensor, h: Tensor, w_y: Tensor, w_s: Tensor, w_c: Tensor, b: Tensor
) -> Tensor:
    """One step of a GRU decoder that attends to an encoder's states.

    Formula: c = softmax(s . h_t) h, r = sigmoid(y w_y + c w_c + s w_s + b), z likewise,
    n = tanh(y w_y + c w_c + (r s) w_s + b), s' = z s + (1 - z) n, each gate with its own columns
    (Bahdanau, Cho & Bengio, 2015, appendix A.2.2, with the dot-product score of Luong et al.).

    Args:
        y: (N, D_y), features of the previous token.
        s: (N, H), the decoder's state.
        h: (N, T, H), the encoder's states.
        w_y: (D_y, 3H), columns in the order r, z, n.
        w_s: (H, 3H), likewise.
        w_c: (H, 3H), likewise.
        b: (3H,), likewise.

    Returns:
        s: (N, H), the decoder's next state.

    Raises:
        ValueError: if the sizes do not fit together.
    """
    require_shape("y", y, "N", "D_y")
    require_shape("s", s, y.shape[0], "H")
    samples, hidden = s.shape
    require_shape("h", h, samples, "T", hidden)
    require_shape("w_y", w_y, y.shape[1], 3 * hidden)
    require_shape("w_s", w_s, hidden, 3 * hidden)
    require_shape("w_c", w_c, hidden, 3 * hidden)
    require_shape("b", b, 3 * hidden)
    # TODO: the context of the state, then the gates and the candidate, then the next state.
    raise NotImplementedError("attention_gru_step is not written yet")


# %% [markdown]
# ## 17.9 What it costs
#
# Four layers that map a sequence of $n$ vectors of size $d$ to another one. For each, three
# numbers:
#
# - **multiplications** in one layer, counting the products of matrices and nothing else;
# - **sequential steps**: how many of them must wait for each other, however many processors there
#   are;
# - **path length**: over how many layers or steps the last output is connected with the *first*
#   input. Gradients travel the same way back: the shorter, the easier to learn.
#
# **Self-attention** computes $Q K^\top$, an $(n, d)$ by $(d, n)$ product, and $P V$, an $(n, n)$ by
# $(n, d)$ product: $2 n^2 d$ multiplications (without the projections of 17.6). All positions are
# computed at once, and each sees each other directly.
#
# **Recurrence** multiplies $x_t$ and $h_{t-1}$ by $(d, d)$ matrices at each of $n$ steps:
# $2 n d^2$. The steps have to wait for each other, and information about the first input goes
# through all of them.
#
# A causal **convolution** with kernel size $k$ computes each of $n$ outputs from $k$ inputs (itself
# and the $k - 1$ before it) with $k$ matrices $(d, d)$: $k\, n\, d^2$, all at once. One layer looks
# back $k - 1$ positions, so $L$ layers look back $L (k - 1)$, and the last output sees the first
# input, $n - 1$ positions before, if $L (k - 1) \ge n - 1$.
#
# A causal **dilated** convolution uses every input in the first layer, every $k$-th in the second,
# every $k^2$-th in the third ... It costs the same and looks back
# $(k-1)(1 + k + \dots + k^{L-1}) = k^L - 1$ positions after $L$ layers: enough if $k^L \ge n$.
#
# | kind | multiplications | sequential steps | path length |
# |---|---|---|---|
# | `"self_attention"` | $2 n^2 d$ | $1$ | $1$ |
# | `"recurrent"` | $2 n d^2$ | $n$ | $n$ |
# | `"convolution"` | $k n d^2$ | $1$ | smallest $L$ with $L (k-1) \ge n - 1$ |
# | `"dilated"` | $k n d^2$ | $1$ | smallest $L$ with $k^L \ge n$ |
#
# The orders are those of Vaswani et al., table 1. (There the path of a convolution is between *any*
# two positions, for kernels that look both ways: the same orders, $n/k$ and $\log_k n$.)
# **Self-attention is cheaper than recurrence while $n < d$**, and more expensive for long
# sequences, because every pair of positions costs something.
#
# **Example.** $n = 10$, $d = 4$, $k = 3$: self-attention $(800, 1, 1)$, recurrent $(320, 10, 10)$,
# convolution $(480, 1, 5)$ as $5 \cdot 2 \ge 9$, dilated $(480, 1, 3)$ as $27 \ge 10$.
#
# **What usually goes wrong.** *Logarithms of floating point numbers:* $\log 125 / \log 5$ is
# $3.0000000000000004$, and rounded up it is 4. Integers do not have this problem. *Off by one:* the
# first input is $n - 1$ positions away from the last, not $n$.
#
# *References.* Vaswani et al., 2017, section 4; van den Oord et al., *WaveNet*, 2016, for dilated
# causal convolutions.


# %%
def layer_costs(kind: str, *, n: int, d: int, k: int = 3) -> tuple[int, int, int]:
    """Multiplications, sequential steps and path length of a layer on a sequence.

    Formula: the table of the handout (orders: Vaswani et al., 2017, table 1).

    Args:
        kind: "self_attention", "recurrent", "convolution" (causal) or "dilated" (causal, with
            dilations 1, k, k^2, ...).
        n: the number of positions, at least 1.
        d: the size of the vectors, at least 1.
        k: the kernel size of the convolutions, at least 2; the other kinds have none.

    Returns:
        multiplications: an int, of one layer.
        sequential_steps: an int.
        path_length: an int, the number of layers or steps from the first input to the last output.

    Raises:
        ValueError: if kind is none of the four, n or d is less than 1, or k is less than 2.
    """
    kinds = ("self_attention", "recurrent", "convolution", "dilated")
    require(kind in kinds, f"kind must be one of {', '.join(kinds)}, got {kind!r}")
    require(n >= 1, f"n must be at least 1, got {n}")
    require(d >= 1, f"d must be at least 1, got {d}")
    require(k >= 2, f"k must be at least 2, got {k}")
    # TODO: the three numbers of this kind of layer; path lengths in integers.
    raise NotImplementedError("layer_costs is not written yet")


# %% [markdown] question="long_range" points=3
# ### Question: long sequences (3 points)
#
# A document has $n$ tokens, a model vectors of size $d = 512$; convolutions have $k = 3$. (a) From
# which $n$ on does a layer of self-attention need more multiplications than a recurrent one, and
# how do both grow when $n$ is doubled? (b) A word at the end of the document refers to one at its
# beginning. Compare how the gradient gets from the one to the other in a recurrent network, a stack
# of ordinary or dilated causal convolutions, and self-attention, and what that means for learning.
# (c) Training processes whole documents; generation writes one token after the other. Compare
# recurrence and self-attention in both: what can be done in parallel, and what has to be kept in
# memory?

# %% [markdown] answer="long_range"
# *Write your answer here.*

# %% [markdown] question="why_scale" points=2
# ### Question: the root (2 points)
#
# (a) The entries of $q$ and of two keys $k_1, k_2$ are independent with mean 0 and variance 1. What
# are mean and variance of the difference $q \cdot k_1 - q \cdot k_2$ of their scores without
# scaling? (b) $d_k = 256$, and the difference is one standard deviation. What are the two weights,
# and how large is the derivative of the first weight with respect to the first score? Compare with
# scaling.

# %% [markdown] answer="why_scale"
# *Write your answer here.*
