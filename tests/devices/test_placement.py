"""What PyTorch accepts on several devices, and its words where it does not."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from autograder.devices.simulation import Simulation

SAME = "Expected all tensors to be on the same device, but "
TWO = SAME + "found at least two devices, cuda:1 and cpu!"


def got(argument, there, common, method):
    return (
        f"{SAME}got {argument} is on {there}, different from other tensors on {common} "
        f"(when checking argument in method wrapper_CUDA_{method})"
    )


def on(device, *shape):
    return torch.ones(shape, device=device)


def here(*shape):
    return on("cuda:1", *shape)


def ids(device, *values):
    return torch.tensor(values, device=device)


REFUSED = {
    "sum": (lambda: here(3) + on("cpu", 3), TWO),
    "sum of two devices": (
        lambda: here(3) + on("cuda:0", 3),
        SAME + "found at least two devices, cuda:1 and cuda:0!",
    ),
    "sum with a number on another device": (
        lambda: here(3) + on("cuda:0"),
        SAME + "found at least two devices, cuda:1 and cuda:0!",
    ),
    "added to a CPU tensor": (lambda: on("cpu", 3).add_(here(3)), TWO),
    "added to a CPU number": (lambda: on("cpu").add_(here()), TWO),
    "CPU number first in a logical operation": (
        lambda: torch.logical_or(on("cpu"), here(3)),
        TWO,
    ),
    "two CPU numbers": (
        lambda: torch.addcmul(here(3), on("cpu"), on("cpu")),
        "Trying to pass too many CPU scalars to non-CPU kernel!",
    ),
    "clamp between CPU numbers": (lambda: here(3).clamp(on("cpu"), on("cpu")), TWO),
    "out of a sum": (lambda: torch.add(here(3), 1, out=on("cpu", 3)), TWO),
    "matrices": (lambda: here(2, 2) @ on("cpu", 2, 2), got("mat2", "cpu", "cuda:1", "mm")),
    "matrix from the CPU": (
        lambda: on("cpu", 2, 2) @ here(2, 2),
        got("mat2", "cuda:1", "cpu", "mm"),
    ),
    "batches of matrices": (
        lambda: torch.einsum("bij,bjk->bik", here(2, 2, 2), on("cpu", 2, 2, 2)),
        got("mat2", "cpu", "cuda:1", "bmm"),
    ),
    "vectors": (lambda: here(2) @ on("cpu", 2), got("tensor", "cpu", "cuda:1", "_dot")),
    "linear layer": (
        lambda: F.linear(here(2, 3), on("cpu", 4, 3), on("cpu", 4)),
        got("mat1", "cuda:1", "cpu", "addmm"),
    ),
    "cat": (lambda: torch.cat([here(2), on("cpu", 2)]), got("tensors", "cpu", "cuda:1", "cat")),
    "stack": (lambda: torch.stack([here(2), on("cpu", 2)]), got("tensors", "cpu", "cuda:1", "cat")),
    "gather": (
        lambda: here(2, 2).gather(0, ids("cpu", [0, 1])),
        got("index", "cpu", "cuda:1", "gather"),
    ),
    "scatter": (
        lambda: here(2, 2).scatter(0, ids("cpu", [0, 1]), 1.0),
        got("index", "cpu", "cuda:1", "scatter"),
    ),
    "index_add": (
        lambda: here(3).index_add(0, ids("cpu", 0), here(1)),
        got("index", "cpu", "cuda:1", "index_add"),
    ),
    "index_select": (
        lambda: here(3).index_select(0, ids("cpu", 0)),
        got("index", "cpu", "cuda:1", "_index_select"),
    ),
    "embedding": (
        lambda: F.embedding(ids("cpu", 0), here(3, 2)),
        got("index", "cpu", "cuda:1", "_index_select"),
    ),
    "masked_select": (
        lambda: here(3).masked_select(on("cpu", 3) > 0),
        got("mask", "cpu", "cuda:1", "_masked_select"),
    ),
    "equal": (lambda: torch.equal(here(2), on("cpu", 2)), got("other", "cpu", "cuda:1", "_equal")),
    "layer norm": (
        lambda: F.layer_norm(here(2, 3), (3,), on("cpu", 3)),
        got("weight", "cpu", "cuda:1", "_native_layer_norm"),
    ),
    "negative log-likelihood": (
        lambda: F.nll_loss(here(2, 3), ids("cpu", 0, 1)),
        got("target", "cpu", "cuda:1", "nll_loss_forward"),
    ),
    "index on the device into the CPU": (
        lambda: on("cpu", 3)[ids("cuda:1", 0)],
        "indices should be either on cpu or on the same device as the indexed tensor (cpu)",
    ),
    "index on another device": (
        lambda: here(3)[ids("cuda:0", 0)],
        "indices should be either on cpu or on the same device as the indexed tensor (cuda:1)",
    ),
    "values from the CPU": (lambda: here(3).__setitem__(ids("cuda:1", 0, 1), on("cpu", 2)), TWO),
    "values accumulated from the CPU": (
        lambda: here(3).index_put_((ids("cuda:1", 0, 1),), on("cpu", 2), accumulate=True),
        "expected device cuda:1 but got device cpu for value tensor",
    ),
    "mask on the CPU": (
        lambda: here(3).masked_fill(on("cpu", 3) > 0, 0.0),
        "expected self and mask to be on the same device, but got mask on cpu and self on cuda:1",
    ),
    "masked on the CPU by a number on the device": (
        lambda: on("cpu", 3).masked_fill(on("cpu", 3) > 0, here()),
        "masked_fill_: Expected inputs to be on same device",
    ),
    "index_fill": (lambda: here(3).index_fill(0, ids("cpu", 0), 1.0), TWO),
    "where": (lambda: torch.where(here(3) > 0, here(3), on("cpu", 3)), TWO),
    "kernel on the CPU": (
        lambda: F.conv2d(here(1, 1, 3, 3), on("cpu", 1, 1, 2, 2)),
        "Input type (torch.cuda.FloatTensor) and weight type (torch.FloatTensor) should be the "
        "same",
    ),
    "bias of another type": (
        lambda: F.conv1d(here(1, 1, 3), here(1, 1, 2), on("cpu", 1)),
        "Input type (torch.cuda.FloatTensor) and bias type (torch.FloatTensor) should be the same",
    ),
    "kernel on another device": (
        lambda: F.conv2d(here(1, 1, 3, 3), on("cuda:0", 1, 1, 2, 2)),
        "Expected tensor for argument #1 'input' to have the same device as tensor for argument "
        "#2 'weight'; but device 1 does not equal 0 (while checking arguments for "
        "cudnn_convolution)",
    ),
    "searchsorted": (
        lambda: torch.searchsorted(on("cpu", 3), here(3)),
        "torch.searchsorted(): boundaries and input value tensors should have same device type, "
        "but got boundaries tensor device type cpu and input value tensor device type cuda:1",
    ),
    "split at indices on the device": (
        lambda: here(4).tensor_split(ids("cuda:1", 1, 2)),
        "tensor_split expected tensor_indices_or_sections to be on cpu, but it's on cuda:1",
    ),
    "foreach": (lambda: torch._foreach_add([here(2)], [on("cpu", 2)]), TWO),
    "attention": (
        lambda: F.scaled_dot_product_attention(here(1, 2, 2), on("cpu", 1, 2, 2), here(1, 2, 2)),
        "Expected query, key, and value to have the same device type, but got query.device: "
        "cuda:1 key.device: cpu and value.device: cuda:1 instead.",
    ),
    "lengths of a packed sequence": (
        lambda: torch.nn.utils.rnn.pack_padded_sequence(here(2, 1, 1), ids("cuda:1", 2)),
        "'lengths' argument should be a 1D CPU int64 tensor, but got 1D cuda:1 Long tensor",
    ),
    "recurrent layer": (
        lambda: torch.nn.RNN(1, 1)(here(1, 1, 1)),
        "Input and parameter tensors are not at the same device, found input tensor at cuda:1 and "
        "parameter tensor at cpu",
    ),
    "recurrent state": (
        lambda: torch.nn.LSTM(1, 1, device="cuda:1")(here(1, 1, 1), (on("cpu", 1, 1, 1),) * 2),
        "Input and hidden tensors are not at the same device, found input tensor at cuda:1 and "
        "hidden tensor at cpu",
    ),
    "generator of the CPU": (
        lambda: torch.rand(3, device="cuda:1", generator=torch.Generator()),
        "Expected a 'cuda' device type for generator but found 'cpu'",
    ),
    "generator of the device": (
        lambda: torch.randperm(3, generator=torch.Generator("cuda")),
        "Expected a 'cpu' device type for generator but found 'cuda'",
    ),
    "pinning": (
        lambda: here(3).pin_memory(),
        "cannot pin 'torch.cuda.FloatTensor' only dense CPU tensors can be pinned",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_mixture_is_refused_in_the_words_of_pytorch(name):
    call, words = REFUSED[name]
    with Simulation(), pytest.raises(RuntimeError) as raised:
        call()
    assert str(raised.value) == words
    assert type(raised.value) is RuntimeError


@pytest.mark.parametrize("convert", [torch.Tensor.numpy, np.asarray, np.exp, np.linalg.norm])
def test_numpy_is_refused_in_the_words_of_pytorch(convert):
    with Simulation(), pytest.raises(TypeError) as raised:
        convert(here(3))
    assert str(raised.value) == (
        "can't convert cuda:1 device type tensor to numpy. Use Tensor.cpu() to copy the tensor to "
        "host memory first."
    )


ACCEPTED = {
    "number": lambda: here(3) * on("cpu"),
    "number first": lambda: on("cpu") - here(3),
    "power of a number": lambda: torch.pow(on("cpu"), here(3)),
    "comparison with a number": lambda: here(3) >= on("cpu"),
    "lerp": lambda: torch.lerp(here(3), here(3), on("cpu")),
    "where with numbers": lambda: torch.where(here(3) > 0, on("cpu"), on("cuda:0")),
    "CPU index": lambda: here(3)[ids("cpu", 0, 2)],
    "CPU mask": lambda: here(3)[on("cpu", 3) > 0],
    "numpy index": lambda: here(3)[np.array([0, 2])],
    "CPU index among others": lambda: here(3, 3)[ids("cpu", 0, 2), ids("cuda:1", 0, 1)],
    "number put": lambda: here(3).index_put_((ids("cpu", 0),), on("cpu")),
    "one value under a mask": lambda: here(3).index_put_((here(3) > 0,), on("cpu", 1)),
    "masked by a CPU number": lambda: here(3).masked_fill_(here(3) > 0, on("cpu")),
    "filled with a CPU number": lambda: here(3).fill_(on("cpu")),
    "copied": lambda: here(3).copy_(on("cpu", 3)),
    "lengths of a packed sequence": lambda: (
        torch.nn.utils.rnn.pack_padded_sequence(here(2, 1, 1), ids("cpu", 2)).data
    ),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_a_mixture_that_pytorch_accepts_is_accepted(name):
    with Simulation():
        assert str(ACCEPTED[name]().device) == "cuda:1"


def test_slices_are_copied_between_devices():
    with Simulation():
        x, y = here(2, 3), on("cpu", 4)
        x[:, 1] = torch.tensor([5.0, 6.0])
        y[1:3] = x[:, 1]
        assert str(x.device) == "cuda:1"
        assert str(y.device) == "cpu"
        assert y.tolist() == [1.0, 5.0, 6.0, 1.0]


def test_an_element_is_taken_with_a_number_of_another_device():
    with Simulation():
        table, at = on("cpu", 3), ids("cuda:1", 2)[0]
        assert table[at].device == torch.device("cpu")


def test_the_sizes_of_packed_batches_stay_on_the_cpu():
    with Simulation():
        packed = torch.nn.utils.rnn.pack_padded_sequence(here(2, 1, 1), ids("cpu", 2))
        assert packed.batch_sizes.device == torch.device("cpu")
