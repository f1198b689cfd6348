"""Functions as students write them, right and wrong about devices.

A function is *right* if on a machine with two CUDA devices it runs with its tensors on the CPU and
on ``cuda:1``, and every tensor that it returns is where they are. It is *wrong* if with its tensors
on ``cuda:1`` PyTorch raises, or a result lies elsewhere. The labels follow from PyTorch's rules and
not from what the simulation says. With a wrong one stands a part of what PyTorch says, or
``RETURNED``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence
from torch.utils.data import DataLoader, TensorDataset

RETURNED = "returned on another device"
TWO = "found at least two devices, cuda:1 and cpu!"
NUMPY = "can't convert cuda:1 device type tensor to numpy. Use Tensor.cpu()"
INDICES = "indices should be either on cpu or on the same device as the indexed tensor (cpu)"
GENERATOR = "Expected a 'cuda' device type for generator but found 'cpu'"


def got(argument: str, there: str = "cpu", common: str = "cuda:1") -> str:
    """The generated check's words."""
    return f"but got {argument} is on {there}, different from other tensors on {common}"


@dataclass(frozen=True)
class Case:
    """A function and what to give it.

    Attributes:
        function: it.
        inputs: makes its arguments on the CPU.
        says: part of what PyTorch says; empty for a right function.
        notes: the kinds of transfers to the host that it makes.
    """

    function: Callable[..., Any]
    inputs: Callable[[], tuple[Any, ...]]
    says: str = ""
    notes: frozenset[str] = frozenset()


RIGHT: list[Case] = []
WRONG: list[Case] = []


def right(inputs, *notes):
    def add(function):
        RIGHT.append(Case(function, inputs, "", frozenset(notes)))
        return function

    return add


def wrong(inputs, says):
    def add(function):
        WRONG.append(Case(function, inputs, says))
        return function

    return add


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def samples():
    x = normal(8, 3)
    return x, torch.where(x[:, 0] > 0, 1.0, -1.0)


def labelled():
    return normal(6, 4), torch.tensor([0, 3, 1, 1, 2, 0])


def matrix():
    return (normal(5, 4),)


def layer():
    return normal(5, 4), normal(4, 3, seed=1), normal(3, seed=2)


def normed():
    return normal(7, 3), normal(3, seed=1), normal(3, seed=2)


def image():
    return normal(2, 3, 5, 6), normal(4, 3, 3, 3, seed=1), normal(4, seed=2)


def pooled():
    return normal(2, 3, 4, 6), normal(2, 3, 2, 3, seed=1)


def heatmap():
    return (normal(2, 4, 5),)


def sequence():
    h = 4
    return normal(2, 5, 3), normal(3, h, seed=1), normal(h, h, seed=2) / 2, normal(h, seed=3)


def gated():
    h = 4
    return (
        normal(2, 5, 3),
        normal(3, 4 * h, seed=1),
        normal(h, 4 * h, seed=2),
        normal(4 * h, seed=3),
    )


def padded():
    return normal(3, 5, 2), torch.tensor([5, 3, 2])


def parameters():
    return [normal(4, 3), normal(3, seed=1)], [normal(4, 3, seed=2), normal(3, seed=3)]


def words():
    return normal(9, 4), torch.tensor([[1, 7, 7], [0, 2, 8]]), normal(2, 3, 4, seed=1)


def heads():
    return tuple(normal(2, 2, 5, 4, seed=s) for s in range(3))


def tokens():
    return (normal(2, 6, 8),)


def bigrams():
    return (torch.log_softmax(normal(7, 7), -1),)


# Right: perceptron and softmax --------------------------------------------------------------------


@right(samples, "bool")
def perceptron_primal(x, y):
    w, b = x.new_zeros(x.shape[1]), x.new_zeros(())
    for _ in range(5):
        for sample, label in zip(x, y, strict=True):
            if label * (sample @ w + b) <= 0:
                w, b = w + label * sample, b + label
    return w, b


@right(samples)
def perceptron_gram(x, y):
    gram = x @ x.T
    alpha = torch.zeros(len(x), dtype=x.dtype, device=x.device)
    for n in range(len(x)):
        score = (alpha * y * gram[:, n]).sum()
        alpha[n] += (y[n] * score <= 0).to(x.dtype)
    return alpha, (alpha * y) @ x


@right(samples)
def perceptron_predict(x, y):
    score = x.sum(1)
    return torch.where(score >= 0, torch.tensor(1.0), torch.tensor(-1.0)), y


@right(labelled)
def cross_entropy_by_gather(logits, y):
    shifted = logits - logits.amax(1, keepdim=True)
    log_p = shifted - shifted.exp().sum(1, keepdim=True).log()
    return -log_p.gather(1, y[:, None]).squeeze(1).mean()


@right(labelled)
def cross_entropy_gradient_by_eye(logits, y):
    eye = torch.eye(logits.shape[1], dtype=logits.dtype, device=logits.device)
    return (logits.softmax(1) - eye[y]) / len(y)


@right(labelled)
def shuffled_batches_by_cpu_permutation(x, y):
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(1))
    return [(x[rows], y[rows]) for rows in order.split(2)]


@right(labelled)
def picked_by_python_lists(logits, y):
    return logits[[0, 2], [1, 3]], logits[:, torch.tensor([True, False, True, False])], y[-1]


@right(labelled, "item")
def accuracy_as_a_number(logits, y):
    return (logits.argmax(1) == y).float().mean().item()


@right(labelled)
def label_smoothing(logits, y):
    target = torch.full_like(logits, 0.1 / logits.shape[1])
    target.scatter_(1, y.unsqueeze(1), 0.9)
    return -(target * F.log_softmax(logits, 1)).sum(1)


@right(labelled)
def confusion_counts(logits, y):
    k = logits.shape[1]
    return torch.bincount(y * k + logits.argmax(1), minlength=k * k).view(k, k)


@right(labelled)
def library_losses(logits, y):
    weight = torch.linspace(1, 2, logits.shape[1], device=logits.device)
    one_hot = F.one_hot(y, logits.shape[1]).to(logits)
    return (
        F.cross_entropy(logits, y, weight=weight),
        F.mse_loss(logits.softmax(1), one_hot),
        F.binary_cross_entropy_with_logits(logits, one_hot),
    )


# Right: layers, convolution, pooling, soft argmax -------------------------------------------------


@right(layer)
def affine_relu_backward(x, w, b):
    z = x @ w + b
    out = z.clamp(min=0)
    dz = torch.ones_like(out) * (z > 0)
    return out, dz @ w.T, x.T @ dz, dz.sum(0)


@right(matrix)
def sigmoid_by_sign(x):
    out = torch.empty_like(x)
    positive = x >= 0
    out[positive] = 1 / (1 + torch.exp(-x[positive]))
    out[~positive] = torch.exp(x[~positive]) / (1 + torch.exp(x[~positive]))
    return out


@right(matrix)
def gelu_with_cpu_numbers(x):
    half, scale = torch.tensor(0.5), torch.tensor(math.sqrt(2 / math.pi))
    return half * x * (1 + torch.tanh(scale * (x + 0.044715 * x**3)))


@right(matrix)
def dropout_with_own_generator(x):
    random = torch.Generator(device=x.device).manual_seed(3)
    mask = torch.rand(x.shape, generator=random, device=x.device) < 0.8
    return x * mask / 0.8, mask


@right(matrix)
def dropout_like(x):
    torch.manual_seed(0)
    mask = torch.bernoulli(torch.full_like(x, 0.8))
    return x * mask, torch.rand_like(x) < 0.5


@right(normed)
def batch_norm_with_running_statistics(x, gamma, beta):
    running = {"mean": torch.zeros(3, device=x.device), "var": gamma.new_ones(3)}
    mean, var = x.mean(0), x.var(0, correction=0)
    running["mean"].mul_(0.9).add_(mean, alpha=0.1)
    running["var"] = 0.9 * running["var"] + 0.1 * var
    return gamma * (x - mean) / (var + 1e-5).sqrt() + beta, list(running.values())


@right(normed)
def layer_norm_as_the_library(x, gamma, beta):
    mean = x.mean(-1, keepdim=True)
    own = (x - mean) * torch.rsqrt((x - mean).square().mean(-1, keepdim=True) + 1e-5)
    return own * gamma + beta, F.layer_norm(x, (3,), gamma, beta)


@right(image)
def convolution_by_strides(x, w, b):
    n, c, height, width = x.shape
    rows, cols = height - 2, width - 2
    a, d, e, f = x.stride()
    windows = x.as_strided((n, rows, cols, c, 3, 3), (a, e, f, d, e, f))
    out = torch.tensordot(windows, w, dims=([3, 4, 5], [1, 2, 3])) + b
    return out.permute(0, 3, 1, 2)


@right(image)
def convolution_by_loops(x, w, b):
    padded = x.new_zeros(2, 3, 7, 8)
    padded[:, :, 1:-1, 1:-1] = x
    out = torch.empty(2, 4, 5, 6, dtype=x.dtype, device=x.device)
    for i in range(5):
        for j in range(6):
            out[:, :, i, j] = (padded[:, None, :, i : i + 3, j : j + 3] * w).sum((2, 3, 4)) + b
    return out


@right(image)
def convolution_by_index_arrays(x, w, b):
    top = np.repeat(np.arange(3), 4)[:, None] + np.arange(3).repeat(3)[None]
    left = np.tile(np.arange(4), 3)[:, None] + np.tile(np.arange(3), 3)[None]
    windows = x[:, :, torch.from_numpy(top), torch.from_numpy(left)]
    return torch.einsum("nclk,dck->ndl", windows, w.flatten(2)) + b[:, None]


@right(image)
def convolution_gradients(x, w, b):
    dout = torch.ones_like(F.conv2d(x, w, b))
    cols = F.unfold(x, 3)
    dw = (dout.flatten(2) @ cols.transpose(1, 2)).sum(0).view_as(w)
    dx = F.fold(w.flatten(1).T @ dout.flatten(2), x.shape[2:], 3)
    return dx, dw, dout.sum((0, 2, 3))


@right(image)
def transposed_and_strided(x, w, b):
    out = F.conv2d(x, w, b, stride=2, padding=1)
    return F.conv_transpose2d(out, w, stride=2, padding=1)


@right(pooled)
def max_pool_and_back(x, dout):
    windows = x.unfold(2, 2, 2).unfold(3, 2, 2).flatten(-2)
    values, at = windows.max(-1)
    back = torch.zeros_like(windows).scatter_(-1, at[..., None], dout[..., None])
    return values, back


@right(pooled)
def average_pool_back(x, dout):
    return dout.repeat_interleave(2, 2).repeat_interleave(2, 3) / 4, F.avg_pool2d(x, 2)


@right(pooled)
def max_pool_back_by_flat_index(x, dout):
    values, at = F.max_pool2d(x, 2, return_indices=True)
    dx = torch.zeros(x.numel(), device=x.device)
    offset = torch.arange(6, device=x.device).view(2, 3, 1, 1) * 24
    dx.index_add_(0, (at + offset).flatten(), dout.flatten())
    return values, dx.view_as(x)


@right(heatmap)
def soft_argmax(scores):
    p = scores.flatten(1).softmax(1).view_as(scores)
    ys = torch.linspace(0, 1, 4, device=scores.device)
    xs = torch.arange(5).to(scores)
    return torch.stack([(p.sum(2) * ys).sum(1), p.sum(1) @ xs], dim=1)


@right(heatmap)
def soft_argmax_on_a_grid(scores):
    with torch.device(scores.device):
        ys, xs = torch.meshgrid(torch.arange(4.0), torch.arange(5.0), indexing="ij")
    p = F.softmax(scores.flatten(1), -1)
    return p @ torch.stack([ys.flatten(), xs.flatten()], 1)


# Right: recurrent networks ------------------------------------------------------------------------


@right(sequence)
def rnn_and_bptt(x, wx, wh, b):
    hidden = [x.new_zeros(x.shape[0], wh.shape[0])]
    for t in range(x.shape[1]):
        hidden.append(torch.tanh(x[:, t] @ wx + hidden[-1] @ wh + b))
    dh, dwh = torch.zeros_like(hidden[0]), torch.zeros_like(wh)
    for t in reversed(range(x.shape[1])):
        dz = (dh + 1) * (1 - hidden[t + 1] ** 2)
        dwh += hidden[t].T @ dz
        dh = dz @ wh.T
    return torch.stack(hidden[1:], 1), dwh, dh


@right(gated)
def lstm_steps(x, wx, wh, b):
    h = c = torch.zeros(2, 4, device=x.device, dtype=x.dtype)
    for step in x.unbind(1):
        i, f, o, g = (step @ wx + h @ wh + b).chunk(4, 1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
    return h, c


@right(gated)
def gru_steps(x, wx, wh, b):
    out = x.new_empty(2, 5, 4)
    h = torch.zeros_like(out[:, 0])
    for t in range(5):
        z, r = torch.sigmoid(x[:, t] @ wx[:, :8] + h @ wh[:, :8] + b[:8]).split(4, 1)
        n = torch.tanh(x[:, t] @ wx[:, 8:12] + (r * h) @ wh[:, 8:12])
        h = torch.lerp(n, h, z)
        out[:, t] = h
    return out


@right(padded)
def mean_over_the_length(x, lengths):
    mask = torch.arange(x.shape[1], device=x.device) < lengths[:, None]
    return (x * mask[..., None]).sum(1) / lengths[:, None]


@right(padded, "cpu")
def packed_by_the_library(x, lengths):
    packed = pack_padded_sequence(x, lengths.cpu(), batch_first=True)
    return pad_packed_sequence(packed, batch_first=True)[0]


@right(padded)
def library_lstm(x, lengths):
    torch.manual_seed(0)
    out, (h, c) = nn.LSTM(2, 3, batch_first=True).to(x.device)(x)
    return out, h, c


@right(parameters)
def clipped_gradients(params, grads):
    total = torch.stack([g.square().sum() for g in grads]).sum().sqrt()
    scale = torch.clamp(1.0 / (total + 1e-6), max=1.0)
    return [g * scale for g in grads], params


# Right: optimisers --------------------------------------------------------------------------------


@right(parameters)
def momentum_in_a_dict(params, grads):
    state = {}
    for i, (p, g) in enumerate(zip(params, grads, strict=True)):
        v = state.setdefault(i, torch.zeros_like(p))
        v.mul_(0.9).add_(g)
        p -= 0.1 * v
    return params


@right(parameters)
def adam_with_its_step_on_the_cpu(params, grads):
    step = torch.tensor(1.0)
    out = []
    for p, g in zip(params, grads, strict=True):
        m, v = 0.1 * g, 0.001 * g**2
        m, v = m / (1 - 0.9**step), v / (1 - 0.999**step)
        out.append(p - 1e-3 * m / (v.sqrt() + 1e-8))
    return out


@right(parameters)
def library_optimisers(params, grads):
    weights = [nn.Parameter(p.clone()) for p in params]
    for optimiser in (
        torch.optim.SGD(weights, lr=0.1, momentum=0.9),
        torch.optim.Adam(weights, lr=0.1),
    ):
        for p, g in zip(weights, grads, strict=True):
            p.grad = g.clone()
        optimiser.step()
        optimiser.zero_grad()
    return [p.data for p in weights]


@right(layer)
def trained_with_autograd(x, w, b):
    w, b = w.clone().requires_grad_(), b.clone().requires_grad_()
    for _ in range(3):
        loss = ((x @ w + b) ** 2).mean()
        loss.backward()
        with torch.no_grad():
            for p in (w, b):
                p -= 0.1 * p.grad
                p.grad = None
    return w.detach(), b.detach(), loss.detach()


class _Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        slope = torch.full(x.shape, 3.0, device=x.device) * x**2
        return slope.to(grad.device) * grad


@right(matrix)
def own_function_of_autograd(x):
    x = x.clone().requires_grad_()
    _Cube.apply(x).sum().backward()
    again = torch.autograd.grad(_Cube.apply(x).mean(), x)[0]
    return x.grad, again


@right(layer, "cpu")
def weights_kept_on_the_cpu_and_moved(x, w, b):
    master = w.detach().cpu().clone().requires_grad_()
    (x @ master.to(x.device) + b).sum().backward()
    master.data -= 0.1 * master.grad
    return master.detach().to(x.device)


# Right: embeddings, attention, decoding, data -----------------------------------------------------


@right(words)
def embedding_and_its_gradient(table, ids, dout):
    grad = torch.zeros_like(table)
    grad.index_add_(0, ids.reshape(-1), dout.reshape(-1, 4))
    same = torch.zeros_like(table).index_put_((ids,), dout, accumulate=True)
    return table[ids], F.embedding(ids, table), grad, same


@right(words)
def negative_sampling(table, ids, dout):
    counts = torch.bincount(ids.flatten(), minlength=len(table)).float().add(1)
    random = torch.Generator(table.device).manual_seed(0)
    noise = torch.multinomial(counts**0.75, 6, replacement=True, generator=random)
    score = torch.einsum("nd,kd->nk", table[ids[:, 0]], table[noise])
    return F.logsigmoid(-score).sum() + dout.sum()


@right(words)
def unigram_distribution_from_python(table, ids, dout):
    counts = [1.0] * len(table)
    p = torch.tensor(counts, device=table.device)
    return (p / p.sum()) @ table + dout[0, 0], ids


@right(heads)
def causal_attention(q, k, v):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    hidden = torch.ones(5, 5, dtype=torch.bool, device=q.device).triu(1)
    return scores.masked_fill(hidden, -torch.inf).softmax(-1) @ v


@right(heads)
def causal_attention_by_positions(q, k, v):
    at = torch.arange(q.shape[2], device=q.device)
    scores = torch.einsum("bhid,bhjd->bhij", q, k) / 2
    scores = torch.where(at[:, None] >= at, scores, torch.tensor(float("-inf")))
    return torch.einsum("bhij,bhjd->bhid", scores.softmax(-1), v)


@right(heads)
def attention_of_the_library(q, k, v):
    return F.scaled_dot_product_attention(q, k, v, is_causal=True)


@right(tokens)
def rotary_positions(x):
    frequency = 10000.0 ** (-torch.arange(0, 8, 2, device=x.device) / 8)
    angle = torch.outer(torch.arange(6, device=x.device).float(), frequency)
    even, odd = x[..., 0::2], x[..., 1::2]
    out = torch.empty_like(x)
    out[..., 0::2] = even * angle.cos() - odd * angle.sin()
    out[..., 1::2] = even * angle.sin() + odd * angle.cos()
    return out


class _Positions(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("table", torch.arange(48.0).view(6, 8))
        self.project = nn.Linear(8, 8)

    def forward(self, x):
        return self.project(x + self.table)


@right(tokens)
def module_with_a_buffer(x):
    torch.manual_seed(0)
    return _Positions().to(x.device)(x)


@right(bigrams, "tolist")
def beam_search(log_p):
    beams = [([0], log_p.new_zeros(()))]
    for _ in range(3):
        grown = []
        for text, score in beams:
            values, ids = log_p[text[-1]].topk(2)
            grown += [
                ([*text, token], score + value)
                for token, value in zip(ids.tolist(), values, strict=True)
            ]
        beams = sorted(grown, key=lambda beam: -beam[1].tolist())[:2]
    return [text for text, _ in beams], torch.stack([score for _, score in beams])


@right(bigrams, "bool")
def greedy_until_repeated(log_p):
    token, out = log_p[0].argmax(), []
    while len(out) < 4 and not any(token == seen for seen in out):
        out.append(token)
        token = log_p[token].argmax()
    return torch.stack(out)


@right(bigrams, "item", "int")
def sampled_text(log_p):
    random = torch.Generator(device=log_p.device)
    random.manual_seed(5)
    text = [0]
    for _ in range(3):
        text.append(torch.multinomial(log_p[text[-1]].exp(), 1, generator=random).item())
    return torch.tensor(text, device=log_p.device), int(log_p.argmax()) + text[0]


@right(bigrams)
def tokens_appended_to_a_batch(log_p):
    text = torch.zeros(2, 1, dtype=torch.long, device=log_p.device)
    for _ in range(3):
        text = torch.cat([text, log_p[text[:, -1]].argmax(-1, keepdim=True)], 1)
    return torch.cat([text, text.new_tensor([[6], [6]])], 1)


@right(labelled)
def batches_moved_to_the_device(x, y):
    data = TensorDataset(torch.arange(6.0), torch.arange(6))
    total = x.new_zeros(())
    for values, ids in DataLoader(data, batch_size=4):
        total = total + (x[ids.to(x.device)].sum(1) * values.to(x.device)).sum()
    return total, y


@right(matrix, "cpu")
def through_numpy_and_back(x):
    array = np.sort(x.detach().cpu().numpy(), axis=0)
    return torch.from_numpy(array).to(x.device)


@right(matrix)
def rows_filled_from_the_cpu(x):
    out = torch.empty(5, 6, device=x.device)
    out[:, :4] = x
    out[:, 4] = torch.arange(5.0)
    out[:, 5].copy_(torch.ones(5))
    out[torch.tensor([0, 2])] *= 2
    return out, pad_sequence([x[:2, 0], x[:3, 1]])


@right(matrix)
def device_taken_from_the_input_everywhere(x):
    device = x.get_device() if x.is_cuda else "cpu"
    helper = torch.ones(4, device=device)
    return x @ helper, torch.zeros(2, device=x.device.type + ":1" if x.is_cuda else "cpu")


# Wrong: perceptron and softmax --------------------------------------------------------------------


@wrong(samples, got("tensor"))
def perceptron_weights_on_the_cpu(x, y):
    w = torch.zeros(x.shape[1])
    for sample, label in zip(x, y, strict=True):
        if label * (sample @ w) <= 0:
            w = w + label * sample
    return w


@wrong(samples, TWO)
def perceptron_bias_of_one_entry(x, y):
    return x.sum(1) + torch.zeros(1)


@wrong(samples, TWO)
def perceptron_alpha_on_the_cpu(x, y):
    return x.T @ (torch.ones(len(x)) * y)


@wrong(samples, RETURNED)
def perceptron_predicts_a_list(x, y):
    return torch.tensor([1.0 if score > 0 else -1.0 for score in x.sum(1)])


@wrong(samples, NUMPY)
def gram_matrix_in_numpy(x, y):
    a = x.numpy()
    return torch.from_numpy(a @ a.T)


@wrong(labelled, INDICES)
def one_hot_by_eye(logits, y):
    return logits.softmax(1) - torch.eye(logits.shape[1])[y]


@wrong(labelled, got("index", "cuda:1", "cpu"))
def one_hot_by_scatter(logits, y):
    return torch.zeros(logits.shape).scatter_(1, y[:, None], 1.0)


@wrong(labelled, TWO)
def loss_added_to_a_vector_on_the_cpu(logits, y):
    total = torch.zeros(1)
    for row, label in zip(logits, y, strict=True):
        total += -row.log_softmax(0)[label]
    return total


@wrong(labelled, TWO)
def smoothed_labels_on_the_cpu(logits, y):
    return (torch.full(logits.shape, 0.1) * logits.log_softmax(1)).sum() + y.sum()


@wrong(labelled, got("weight"))
def class_weights_on_the_cpu(logits, y):
    return F.cross_entropy(logits, y, weight=torch.tensor([1.0, 2.0, 1.0, 1.0]))


@wrong(labelled, got("target"))
def labels_brought_to_the_cpu(logits, y):
    return F.cross_entropy(logits, y.cpu())


@wrong(labelled, TWO)
def confusion_matrix_of_ones_on_the_cpu(logits, y):
    counts = torch.zeros(4, 4)
    counts[y.cpu(), logits.argmax(1).cpu()] = logits[:, 0]
    return counts


@wrong(labelled, got("index"))
def rows_selected_by_a_cpu_permutation(x, y):
    return x.index_select(0, torch.randperm(len(x))), y


@wrong(labelled, got("index"))
def loss_gathered_by_cpu_labels(logits, y):
    return logits.gather(1, torch.zeros(len(y), 1, dtype=torch.long))


@wrong(labelled, RETURNED)
def accuracy_in_a_new_tensor(logits, y):
    return torch.tensor((logits.argmax(1) == y).float().mean().item())


# Wrong: layers, convolution, pooling, soft argmax -------------------------------------------------


@wrong(layer, got("mat2"))
def weights_drawn_on_the_cpu(x, w, b):
    return x @ torch.randn(4, 3) + b


@wrong(layer, got("mat1", "cuda:1", "cpu"))
def linear_with_a_cpu_bias(x, w, b):
    return F.linear(x, w.T, torch.zeros(3))


@wrong(matrix, TWO)
def relu_against_a_cpu_zero_of_one_entry(x):
    return torch.maximum(x, torch.zeros(1))


@wrong(matrix, TWO)
def relu_by_where(x):
    return torch.where(x > 0, x, torch.zeros(x.shape))


@wrong(matrix, TWO)
def dropout_mask_on_the_cpu(x):
    return x * (torch.rand(x.shape) < 0.8) / 0.8


@wrong(matrix, GENERATOR)
def dropout_with_a_cpu_generator(x):
    random = torch.Generator().manual_seed(0)
    return x * (torch.rand(x.shape, generator=random, device=x.device) < 0.8)


@wrong(matrix, GENERATOR)
def noise_in_place_with_a_cpu_generator(x):
    return torch.empty_like(x).normal_(generator=torch.Generator().manual_seed(0)) + x


@wrong(normed, TWO)
def running_mean_on_the_cpu(x, gamma, beta):
    return 0.9 * torch.zeros(3) + 0.1 * x.mean(0), gamma, beta


@wrong(normed, got("running_mean"))
def library_batch_norm_with_cpu_statistics(x, gamma, beta):
    return F.batch_norm(x, torch.zeros(3), torch.ones(3), gamma, beta, training=True)


@wrong(normed, TWO)
def epsilon_of_one_entry(x, gamma, beta):
    return x / torch.sqrt(x.var(0) + torch.tensor([1e-5])) * gamma + beta


@wrong(matrix, "found at least two devices, cuda:1 and cuda:0!")
def hard_coded_cuda(x):
    return x + torch.ones(4, device="cuda")


@wrong(matrix, "found at least two devices, cuda:1 and cuda:0!")
def helper_sent_by_cuda(x):
    return x * torch.ones(5, 1).cuda()


@wrong(matrix, got("mat2", "cuda:0"))
def device_chosen_by_availability(x):
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return x @ torch.ones(4, 2, device=device)


@wrong(matrix, RETURNED)
def result_left_on_the_cpu(x):
    return x.cpu().softmax(1)


@wrong(matrix, TWO)
def default_device_of_the_cpu(x):
    with torch.device("cpu"):
        return x - torch.arange(4.0)


@wrong(image, got("mat2"))
def image_padded_into_a_cpu_buffer(x, w, b):
    padded = torch.zeros(2, 3, 7, 8)
    padded[:, :, 1:-1, 1:-1] = x
    return w.flatten(1) @ F.unfold(padded, 3)[0]


@wrong(image, RETURNED)
def convolution_into_a_cpu_buffer(x, w, b):
    out = torch.zeros(2, 4, 3, 4)
    for i in range(3):
        for j in range(4):
            out[:, :, i, j] = (x[:, None, :, i : i + 3, j : j + 3] * w).sum((2, 3, 4)) + b
    return out


@wrong(image, "Input type (torch.cuda.FloatTensor) and weight type (torch.FloatTensor) should be")
def blurred_by_a_cpu_kernel(x, w, b):
    return F.conv2d(x, torch.ones(3, 1, 3, 3) / 9, groups=3)


@wrong(image, "Input type (torch.cuda.FloatTensor) and bias type (torch.FloatTensor) should be")
def convolution_with_a_cpu_bias(x, w, b):
    return F.conv2d(x, w, torch.zeros(4))


@wrong(image, NUMPY)
def padded_by_numpy(x, w, b):
    return torch.from_numpy(np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))), w, b


@wrong(image, got("mat2"))
def cpu_matrix_times_columns(x, w, b):
    return torch.matmul(F.unfold(x, 3), torch.eye(12)), w, b


@wrong(pooled, got("index", "cuda:1", "cpu"))
def max_pool_gradient_on_the_cpu(x, dout):
    at = F.max_pool2d(x, 2, return_indices=True)[1]
    return torch.zeros(2, 3, 24).scatter_(2, at.flatten(2), dout.flatten(2))


@wrong(pooled, TWO)
def column_sums_added_on_the_cpu(x, dout):
    dx = torch.zeros(x.shape)
    dx[:, :, ::2, ::2] += dout
    return dx


@wrong(heatmap, TWO)
def grid_on_the_cpu(scores):
    p = scores.flatten(1).softmax(1).view_as(scores)
    return (p.sum(1) * torch.linspace(0, 1, 5)).sum(1)


@wrong(heatmap, got("mat2"))
def grid_on_the_cpu_in_a_product(scores):
    ys, xs = torch.meshgrid(torch.arange(4.0), torch.arange(5.0), indexing="ij")
    return scores.flatten(1).softmax(1) @ torch.stack([ys.flatten(), xs.flatten()], 1)


@wrong(heatmap, TWO)
def positions_divided_by_the_size(scores):
    at = torch.stack([scores.amax((1, 2)), scores.amin((1, 2))], 1)
    return at / torch.tensor(scores.shape[1:])


# Wrong: recurrent networks ------------------------------------------------------------------------


@wrong(sequence, got("mat2", "cuda:1", "cpu"))
def first_hidden_state_on_the_cpu(x, wx, wh, b):
    h = torch.zeros(2, 4)
    for t in range(5):
        h = torch.tanh(h @ wh + x[:, t] @ wx + b)
    return h


@wrong(gated, TWO)
def first_cell_on_the_cpu(x, wx, wh, b):
    c = torch.zeros(2, 4)
    i, f, _, g = (x[:, 0] @ wx + b).chunk(4, 1)
    return f.sigmoid() * c + i.sigmoid() * g.tanh(), wh


@wrong(sequence, got("tensors", "cuda:1", "cpu"))
def hidden_states_stacked_with_a_cpu_one(x, wx, wh, b):
    hidden = [torch.zeros(2, 4)]
    hidden += [torch.tanh(x[:, t] @ wx + b) for t in range(5)]
    return torch.stack(hidden, 1), wh


@wrong(sequence, TWO)
def weight_gradient_summed_on_the_cpu(x, wx, wh, b):
    dw = torch.zeros(3, 4)
    for t in range(5):
        dw += x[:, t].T @ torch.tanh(x[:, t] @ wx + b)
    return dw, wh


@wrong(padded, TWO)
def mask_of_lengths_on_the_cpu(x, lengths):
    return x * (torch.arange(5) < lengths[:, None])[..., None]


@wrong(padded, "'lengths' argument should be a 1D CPU int64 tensor, but got 1D cuda:1 Long tensor")
def lengths_left_on_the_device(x, lengths):
    return pack_padded_sequence(x, lengths, batch_first=True).data


@wrong(
    padded, "Input and parameter tensors are not at the same device, found input tensor at cuda:1"
)
def library_rnn_not_moved(x, lengths):
    return nn.RNN(2, 3, batch_first=True)(x)[0]


@wrong(padded, "Input and hidden tensors are not at the same device, found input tensor at cuda:1")
def library_gru_with_a_cpu_state(x, lengths):
    return nn.GRU(2, 3, batch_first=True).to(x.device)(x, torch.zeros(1, 3, 3))[0]


@wrong(padded, INDICES)
def last_steps_of_a_cpu_copy(x, lengths):
    copy = torch.empty(3, 5, 2)
    copy[:] = x
    return copy[torch.arange(3), lengths - 1].to(x.device)


# Wrong: optimisers and embeddings -----------------------------------------------------------------


@wrong(parameters, TWO)
def momentum_on_the_cpu(params, grads):
    velocity = [torch.zeros(p.shape) for p in params]
    return [0.9 * v + g for v, g in zip(velocity, grads, strict=True)]


@wrong(parameters, TWO)
def second_moment_on_the_cpu(params, grads):
    v = torch.zeros(grads[0].shape)
    return v.mul_(0.999).addcmul_(grads[0], grads[0], value=0.001), params


@wrong(parameters, TWO)
def clipped_by_a_vector_on_the_cpu(params, grads):
    total = torch.tensor([sum(float(g.square().sum()) for g in grads)]).sqrt()
    return [g / total for g in grads], params


@wrong(parameters, NUMPY)
def norm_by_numpy(params, grads):
    scale = 1 / np.linalg.norm(grads[0])
    return [g * scale for g in grads], params


@wrong(parameters, RETURNED)
def parameters_rebuilt_from_lists(params, grads):
    return [torch.tensor((p - 0.1 * g).tolist()) for p, g in zip(params, grads, strict=True)]


@wrong(parameters, TWO)
def gradients_of_a_cpu_copy(params, grads):
    weights = nn.Parameter(params[0].detach().cpu())
    return weights.data.sub_(grads[0], alpha=0.1)


@wrong(words, got("index"))
def embedding_of_cpu_ids(table, ids, dout):
    return F.embedding(torch.tensor([[1, 2], [3, 4]]), table), dout


@wrong(words, got("index", "cuda:1", "cpu"))
def embedding_gradient_on_the_cpu(table, ids, dout):
    return torch.zeros(table.shape).index_add_(0, ids.flatten(), dout.reshape(-1, 4))


@wrong(words, GENERATOR)
def noise_words_with_a_cpu_generator(table, ids, dout):
    random = torch.Generator().manual_seed(0)
    return torch.multinomial(table[:, 0].exp(), 3, generator=random)


@wrong(words, INDICES)
def counts_looked_up_on_the_cpu(table, ids, dout):
    return torch.arange(9.0)[ids] * dout.sum(-1)


@wrong(words, "expected device cuda:1 but got device cpu for value tensor")
def gradient_put_from_the_cpu(table, ids, dout):
    return torch.zeros_like(table).index_put_((ids,), torch.ones(2, 3, 4), accumulate=True)


# Wrong: attention, decoding, data -----------------------------------------------------------------


@wrong(heads, "expected self and mask to be on the same device, but got mask on cpu and self on")
def causal_mask_on_the_cpu(q, k, v):
    hidden = ~torch.tril(torch.ones(5, 5, dtype=torch.bool))
    return (q @ k.mT).masked_fill(hidden, -torch.inf).softmax(-1) @ v


@wrong(heads, TWO)
def causal_bias_on_the_cpu(q, k, v):
    bias = torch.full((5, 5), -torch.inf).triu(1)
    return (q @ k.mT + bias).softmax(-1) @ v


@wrong(heads, TWO)
def hidden_scores_from_the_cpu(q, k, v):
    mask = torch.ones(5, 5, dtype=torch.bool, device=q.device).tril()
    return torch.where(mask, q @ k.mT, torch.full((5, 5), -torch.inf)).softmax(-1) @ v


@wrong(heads, "Expected query, key, and value to have the same device type, but got query.device")
def library_attention_with_cpu_keys(q, k, v):
    return F.scaled_dot_product_attention(q, torch.zeros(k.shape), v)


@wrong(heads, got("mat2"))
def values_projected_on_the_cpu(q, k, v):
    return v.reshape(-1, 4) @ torch.eye(4), q, k


@wrong(tokens, TWO)
def positions_on_the_cpu(x):
    angle = torch.outer(torch.arange(6.0), 10000.0 ** (-torch.arange(0, 8, 2) / 8))
    return x + torch.cat([angle.sin(), angle.cos()], -1)


class _PlainTable(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = torch.arange(48.0).view(6, 8)

    def forward(self, x):
        return x + self.table


@wrong(tokens, TWO)
def module_with_a_table_that_is_no_buffer(x):
    return _PlainTable().to(x.device)(x)


@wrong(tokens, got("mat1", "cuda:1", "cpu"))
def module_not_moved(x):
    return nn.Linear(8, 8)(x[0])


@wrong(bigrams, TWO)
def beam_scores_on_the_cpu(log_p):
    scores = torch.zeros(2)
    return (scores[:, None] + log_p[:2]).flatten().topk(2).values


@wrong(bigrams, got("tensors", "cuda:1", "cpu"))
def start_token_on_the_cpu(log_p):
    text = torch.zeros(1, dtype=torch.long)
    return torch.cat([text, log_p[0].argmax(0, keepdim=True)])


@wrong(bigrams, RETURNED)
def text_returned_as_a_new_tensor(log_p):
    text = [0]
    for _ in range(3):
        text.append(int(log_p[text[-1]].argmax()))
    return torch.tensor(text)


@wrong(bigrams, "boundaries and input value tensors should have same device type")
def sampled_by_cpu_thresholds(log_p):
    return torch.searchsorted(log_p[0].exp().cumsum(0), torch.rand(3))


@wrong(bigrams, TWO)
def finished_beams_marked_on_the_cpu(log_p):
    done = torch.zeros(7, dtype=torch.bool)
    return done | (log_p.argmax(1) == 0)


@wrong(labelled, TWO)
def batches_not_moved(x, y):
    (values,) = next(iter(DataLoader(TensorDataset(torch.ones(6, 4)), batch_size=6)))
    return x - values, y


@wrong(matrix, TWO)
def normalised_by_constants_on_the_cpu(x):
    return (x - torch.tensor([0.5, 0.4, 0.3, 0.2])) / torch.tensor([1.0, 2.0, 1.0, 2.0])


@wrong(matrix, NUMPY)
def sorted_by_numpy(x):
    return torch.from_numpy(np.sort(x, axis=0))


@wrong(matrix, RETURNED)
def round_trip_through_numpy(x):
    return torch.from_numpy(x.detach().cpu().numpy() ** 2)
