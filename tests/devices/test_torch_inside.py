"""Parts of torch that have a device somewhere inside, as students use them."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from autograder.devices import device_of
from autograder.devices.simulation import Simulation

CPU, CUDA0, CUDA1 = torch.device("cpu"), torch.device("cuda", 0), torch.device("cuda", 1)


@pytest.fixture(autouse=True)
def simulation():
    with Simulation(devices=2) as entered:
        yield entered


def test_the_default_device_can_be_set_and_taken_back():
    with torch.device("cuda:1"):
        assert torch.get_default_device() == CUDA1
        assert torch.zeros(3).device == torch.tensor([1.0]).device == CUDA1
        assert nn.Linear(2, 2).weight.device == CUDA1
        assert torch.zeros(3, device="cpu").device == CPU
    assert torch.zeros(3).device == CPU
    torch.set_default_device("cuda")
    assert torch.get_default_device() == torch.zeros(3).device == CUDA0
    assert torch.from_numpy(np.ones(3)).device == CPU
    torch.set_default_device(None)
    assert torch.get_default_device() == torch.zeros(3).device == CPU


def test_a_generator_belongs_to_a_device():
    random = torch.Generator(device="cuda:1").manual_seed(3)
    assert random.device == CUDA1
    assert isinstance(random, torch.Generator)
    assert isinstance(torch.default_generator, torch.Generator)
    first = torch.randn(3, device="cuda:1", generator=random)
    again = torch.randn(3, generator=torch.Generator().manual_seed(3))
    assert first.tolist() == again.tolist()
    assert torch.multinomial(first.exp(), 2, generator=random).device == CUDA1
    assert random.clone_state().device == CUDA1


def test_gradients_are_where_the_parameters_are():
    w = torch.ones(3, requires_grad=True)
    loss = (w.to("cuda:1") * torch.arange(3.0, device="cuda:1")).sum()
    loss.backward()
    assert loss.device == CUDA1
    assert w.grad.device == CPU
    assert w.grad.tolist() == [0.0, 1.0, 2.0]
    w.data -= w.grad


def test_a_model_trains_on_the_device():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 2, 3),
        nn.BatchNorm2d(2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Dropout(),
        nn.Linear(8, 3),
    ).to("cuda:1")
    optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
    x, y = torch.randn(4, 1, 4, 4, device="cuda:1"), torch.tensor([0, 1, 2, 0], device="cuda:1")
    losses = []
    for _ in range(20):
        optimiser.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        losses.append(loss.detach())
    assert all(p.device == p.grad.device == CUDA1 for p in model.parameters())
    assert torch.stack(losses[-5:]).mean() < torch.stack(losses[:5]).mean()
    assert {k: v.device for k, v in model.state_dict().items()}["1.running_mean"] == CUDA1
    assert next(model.cpu().parameters()).device == CPU


@pytest.mark.parametrize("run", [lambda y, x: y.backward(), torch.autograd.grad])
def test_a_backward_function_of_the_student_is_simulated_too(run):
    seen = []

    class Double(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return 2 * x

        @staticmethod
        def backward(ctx, grad):
            seen.append((grad.device, torch.zeros(1, device="cuda:1").device))
            return grad + torch.ones(3)

    x = torch.ones(3, device="cuda:1", requires_grad=True)
    y = Double.apply(x).sum()
    with pytest.raises(RuntimeError, match="at least two devices, cuda:1 and cpu!"):
        run(y, x)
    assert seen == [(CUDA1, CUDA1)]
    assert torch.zeros(3, device="cuda:1").device == CUDA1


def test_a_hook_of_the_student_is_simulated_too():
    x = torch.ones(3, device="cuda:1", requires_grad=True)
    x.register_hook(lambda grad: grad * torch.full((3,), 2.0, device="cuda:1"))
    x.sum().backward()
    assert x.grad.tolist() == [2.0, 2.0, 2.0]


def test_functional_transforms_see_the_device():
    x = torch.ones(3, 2, device="cuda:1")

    def loss(row):
        assert row.device == CUDA1
        return (row * torch.ones(2, device=row.device)).sum()

    assert torch.func.vmap(loss)(x).device == CUDA1
    assert torch.func.grad(lambda x: loss(x[0]))(x).device == CUDA1


def test_linear_algebra_and_sorting_stay_on_the_device():
    x = torch.randn(3, 3, device="cuda:1")
    results = [
        *torch.linalg.svd(x),
        torch.linalg.solve(x, x),
        torch.einsum("ij,kj->ik", x, x),
        *x.sort(),
        *x.topk(2),
        x.cumsum(0),
        x.unique(),
        x.nonzero(),
        *x.unbind(),
        torch.histc(x),
    ]
    assert {tensor.device for tensor in results} == {CUDA1}


def test_numpy_shares_nothing_with_the_device():
    array = np.zeros(3, dtype=np.float32)
    x = torch.as_tensor(array, device="cuda:1")
    x += 1
    assert array.tolist() == [0.0, 0.0, 0.0]
    y = torch.zeros(3)
    z = y.to("cuda:1")
    z += 1
    assert y.tolist() == [0.0, 0.0, 0.0]
    assert z.cpu().numpy().tolist() == [1.0, 1.0, 1.0]


def test_batches_arrive_on_the_cpu():
    x = torch.arange(6.0)
    (batch,) = next(iter(DataLoader(TensorDataset(x), batch_size=3)))
    assert batch.device == CPU
    assert batch.to("cuda", non_blocking=True).device == CUDA0


def test_a_tensor_says_where_it_is():
    x = torch.ones(2, device="cuda:1")
    assert repr(x) == "tensor([1., 1.], device='cuda:1')"
    assert f"{x.sum():.1f}" == "2.0"
    assert x.type() == "torch.cuda.FloatTensor"
    assert x.cpu().type("torch.cuda.DoubleTensor").device == CUDA0


def test_a_mode_that_was_never_left_goes_with_the_simulation():
    simulation = Simulation()
    before = torch._C._len_torch_function_stack()
    with simulation:
        torch.device("cuda").__enter__()
        assert torch.zeros(1).device == CUDA0
    assert torch._C._len_torch_function_stack() == before
    assert device_of(torch.zeros(1)) == CPU
