"""A simulated machine: where tensors are, and that nothing of it is left outside."""

import copy
import gc

import numpy as np
import pytest
import torch

from autograder.devices import device_of, placed
from autograder.devices.simulation import Simulation
from autograder.devices.tags import CPU, plain

CUDA0, CUDA1 = torch.device("cuda", 0), torch.device("cuda", 1)


@pytest.fixture
def simulation():
    with Simulation(devices=2) as entered:
        yield entered


@pytest.mark.parametrize(
    "made",
    [
        lambda: torch.zeros(3, device="cuda:1"),
        lambda: torch.full((2, 2), 3.0, device=1),
        lambda: torch.tensor([1, 2], device=torch.device("cuda:1")),
        lambda: torch.as_tensor(np.ones(3), device="cuda:1"),
        lambda: torch.ones(3).to("cuda:1"),
        lambda: torch.ones(3).to(torch.float64).cuda(1),
        lambda: torch.ones(3).to(device="cuda:1", dtype=torch.float16),
        lambda: torch.ones(3).to(torch.zeros(1, device="cuda:1")),
        lambda: torch.ones(3).type_as(torch.zeros(1, device="cuda:1")),
        lambda: torch.zeros_like(torch.ones(3), device="cuda:1"),
        lambda: torch.zeros(2, device="cuda:1").new_ones(3),
        lambda: torch.zeros(2, device="cuda:1").new_tensor([1.0]),
        lambda: torch.ones(2).new_full((3,), 1.0, device="cuda:1"),
        lambda: torch.nn.Linear(3, 2).to("cuda:1")(torch.ones(1, 3, device="cuda:1")),
        lambda: torch.nn.Linear(3, 2, device="cuda:1").weight,
        lambda: torch.nn.functional.one_hot(torch.tensor([1, 0], device="cuda:1")),
        lambda: torch.stack([torch.ones(2, device="cuda:1")] * 2).sum(0)[1:],
        lambda: torch.tensor(torch.ones(3, device="cuda:1").tolist(), device="cuda:1"),
        lambda: copy.deepcopy(torch.ones(3, device="cuda:1")),
        lambda: torch.ones(3, device="cuda:1").data,
        lambda: torch.sort(torch.ones(3, device="cuda:1")).indices,
        lambda: torch.rand(3, device="cuda:1") + torch.tensor(1.0),
    ],
)
def test_a_tensor_is_where_it_was_asked_for(simulation, made):
    x = made()
    assert x.device == CUDA1
    assert x.is_cuda
    assert not x.is_cpu
    assert x.get_device() == 1


def test_tensors_are_made_on_the_cpu_by_default(simulation):
    x = torch.zeros(3)
    assert x.device == CPU
    assert not x.is_cuda
    assert x.get_device() == -1
    assert torch.cuda.is_available()
    assert torch.cuda.device_count() == 2


def test_cuda_without_index_is_the_current_device(simulation):
    assert torch.ones(1, device="cuda").device == CUDA0
    with torch.cuda.device(1):
        assert torch.ones(1).cuda().device == CUDA1
    assert torch.ones(1).cuda().device == CUDA0
    with pytest.raises(RuntimeError, match="invalid device ordinal"):
        torch.ones(1, device="cuda:2")


def test_nothing_leaks_out_of_the_context():
    before = (torch.cuda.is_available, torch.Generator, torch.set_default_device)
    simulation = Simulation()
    with simulation, simulation:
        torch.set_default_device("cuda")
        x = torch.ones(3)
        assert x.device == CUDA0
    assert (torch.cuda.is_available, torch.Generator, torch.set_default_device) == before
    assert torch.ones(3).device == CPU
    assert x.device == CPU
    assert (x + torch.ones(3)).tolist() == [2.0, 2.0, 2.0]
    assert device_of(x) == CUDA0


def test_placing_keeps_data_strides_and_sharing():
    x = torch.arange(12.0).view(3, 4).t()[1:]
    view = x[0]
    assert placed(x, "cuda:1") is x
    gc.collect()
    assert x.stride() == (1, 4)
    assert device_of(view) == CUDA1
    with Simulation():
        assert x.device == CUDA1
        copied = plain(x)
        assert copied.device == CPU
        assert copied.stride() == x.stride()
        copied.zero_()
        assert x.sum().item() == 54.0
    assert device_of(placed(x, "cpu")) == CPU


def test_the_grader_can_step_out_of_a_call(simulation):
    x = torch.ones(3, device="cuda:1")
    with simulation.paused():
        assert x.device == CPU
        assert (x + torch.ones(3)).sum() == 6
    assert x.device == CUDA1
