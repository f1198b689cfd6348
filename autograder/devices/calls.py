"""Every call of torch's interface: what it says about devices is answered here.

C++ never sees ``cuda``, so that nothing is initialised and a build without CUDA will do. What a
call asks for is written on the result's storage.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from autograder.devices.preconditions import PRECONDITIONS
from autograder.devices.state import Handler, Machine
from autograder.devices.tags import CPU, device_of, tag


class Calls(TorchFunctionMode):
    """Answers for the devices of a simulated machine.

    Args:
        machine: the machine.
    """

    def __init__(self, machine: Machine) -> None:
        super().__init__()
        self._machine = machine

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        handler = _HANDLERS.get(func)
        if handler is not None:
            return handler(self._machine, func, args, kwargs or {})
        if kwargs:
            return self._machine.ask(func, args, kwargs)
        return self._machine.call(func, args, {})


_HANDLERS: dict[Any, Handler] = dict(PRECONDITIONS)


def _handles(*functions: Any) -> Callable[[Handler], Handler]:
    def register(handler: Handler) -> Handler:
        _HANDLERS.update(dict.fromkeys(functions, handler))
        return handler

    return register


def _attribute(name: str) -> Any:
    return getattr(Tensor, name).__get__


# What needs no attention, and is asked often ------------------------------------------------------


@_handles(
    Tensor.untyped_storage,
    Tensor.size,
    Tensor.dim,
    Tensor.numel,
    Tensor.stride,
    Tensor.__len__,
    *map(_attribute, ("shape", "dtype", "ndim", "requires_grad", "layout", "is_leaf")),
)
def _as_it_is(machine: Machine, func: Any, args: Any, kwargs: Any) -> Any:
    return func(*args, **kwargs)


# Where is it? -------------------------------------------------------------------------------------


@_handles(_attribute("device"))
def _device(machine: Machine, func: Any, args: Any, kwargs: Any) -> Any:
    real = func(*args)
    return device_of(args[0]) if real.type == "cpu" else real


@_handles(_attribute("is_cuda"))
def _is_cuda(machine: Machine, func: Any, args: Any, kwargs: Any) -> Any:
    return device_of(args[0]).type == "cuda"


@_handles(_attribute("is_cpu"))
def _is_cpu(machine: Machine, func: Any, args: Any, kwargs: Any) -> Any:
    return func(*args) and device_of(args[0]) == CPU


@_handles(Tensor.get_device, torch.get_device)
def _get_device(machine: Machine, func: Any, args: Any, kwargs: Any) -> Any:
    index = device_of(args[0]).index
    return -1 if index is None else index


@_handles(Tensor.__repr__)
def _repr(machine: Machine, func: Any, args: Any, kwargs: Any) -> Any:
    device, text = device_of(args[0]), func(*args, **kwargs)
    return text if device == CPU else f"{text[:-1]}, device='{device}')"


# Making -------------------------------------------------------------------------------------------

_FROM_DATA = (torch.tensor, torch.as_tensor, torch.asarray)


@_handles(
    torch.arange,
    torch.bartlett_window,
    torch.blackman_window,
    torch.empty,
    torch.empty_permuted,
    torch.empty_strided,
    torch.eye,
    torch.fft.fftfreq,
    torch.fft.rfftfreq,
    torch.full,
    torch.hamming_window,
    torch.hann_window,
    torch.kaiser_window,
    torch.linspace,
    torch.logspace,
    torch.ones,
    torch.rand,
    torch.randint,
    torch.randn,
    torch.randperm,
    torch.range,
    torch.scalar_tensor,
    torch.tril_indices,
    torch.triu_indices,
    torch.zeros,
    *_FROM_DATA,
)
def _factory(machine: Machine, func: Any, args: Any, kwargs: Any) -> Any:
    data = args[0] if args else kwargs.get("data", kwargs.get("obj"))
    if kwargs.get("device") is not None:
        target = machine.resolve(kwargs["device"])
    elif isinstance(kwargs.get("out"), Tensor):
        target = device_of(kwargs["out"])
    elif func in _FROM_DATA and isinstance(data, Tensor):
        target = device_of(data)
    else:
        target = machine.default_device()
    if func in _FROM_DATA and isinstance(data, (Tensor, np.ndarray)):
        # May share the data's memory, which it cannot on another device.
        source = device_of(data) if isinstance(data, Tensor) else CPU
        made = machine.call(func, args, {**kwargs, "device": CPU}, source)
        return made if source == target else _moved(made, target)
    return machine.ask(func, args, {**kwargs, "device": target})


@_handles(Tensor.new_tensor, Tensor.new)
def _new(machine: Machine, func: Any, args: Any, kwargs: Any) -> Any:
    return machine.ask(func, args, {"device": device_of(args[0]), **kwargs})


# Moving -------------------------------------------------------------------------------------------


class _Move(torch.autograd.Function):
    """A copy on another device, whose gradient comes back to the first one."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, target: torch.device) -> Tensor:
        ctx.source = device_of(x)
        copy = x.clone()
        tag(copy, target)
        return copy

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        copy = grads[0].clone()
        tag(copy, ctx.source)
        return copy, None


def _moved(x: Tensor, target: torch.device) -> Tensor:
    if x.requires_grad and torch.is_grad_enabled():
        # For the type checker: torch gives Function.apply no types.
        moved: Tensor = _Move.apply(x, target)  # type: ignore[no-untyped-call]
        return moved
    copy = x.clone()
    tag(copy, target)
    return copy


def _move(machine: Machine, func: Any, args: Any, kwargs: Any, target: torch.device | None) -> Any:
    """Run a conversion, then move its result if the device changes."""
    x = args[0]
    source = device_of(x)
    converted = machine.call(func, args, kwargs)
    if target is None or target == source:
        return converted
    if target == CPU:
        machine.notebook.write("cpu")
    return _moved(converted, target)


@_handles(Tensor.to)
def _to(machine: Machine, func: Any, args: Any, kwargs: Any) -> Any:
    target: torch.device | None = None
    where = args[1] if len(args) > 1 else kwargs.get("other")
    if kwargs.get("device") is not None:
        target = machine.resolve(kwargs["device"])
        kwargs = {**kwargs, "device": machine.real(target)}
    elif isinstance(where, Tensor):
        target = device_of(where)
    elif isinstance(where, (str, torch.device, int)) and not isinstance(where, bool):
        target = machine.resolve(where)
        args = (args[0], machine.real(target), *args[2:])
    return _move(machine, func, args, kwargs, target)


@_handles(Tensor.cuda)
def _cuda(machine: Machine, func: Any, args: Any, kwargs: Any) -> Any:
    device = args[1] if len(args) > 1 else kwargs.get("device")
    target = machine.resolve("cuda" if device is None else device)
    return _move(machine, Tensor.to, (args[0], CPU), {}, target)


@_handles(Tensor.cpu)
def _cpu(machine: Machine, func: Any, args: Any, kwargs: Any) -> Any:
    return _move(machine, func, args, kwargs, CPU)


@_handles(Tensor.type_as)
def _type_as(machine: Machine, func: Any, args: Any, kwargs: Any) -> Any:
    other = args[1] if len(args) > 1 else kwargs["other"]
    return _move(machine, func, args, kwargs, device_of(other))


@_handles(Tensor.type)
def _type(machine: Machine, func: Any, args: Any, kwargs: Any) -> Any:
    wanted = args[1] if len(args) > 1 else kwargs.get("dtype")
    if wanted is None:
        name = func(args[0])
        on_cuda = device_of(args[0]).type == "cuda"
        return name.replace("torch.", "torch.cuda.", 1) if on_cuda else name
    if not isinstance(wanted, str):
        return machine.call(func, args, kwargs)
    target = machine.resolve("cuda") if wanted.startswith("torch.cuda.") else CPU
    return _move(machine, func, (args[0], wanted.replace(".cuda", "")), {}, target)


@_handles(Tensor.pin_memory)
def _pin_memory(machine: Machine, func: Any, args: Any, kwargs: Any) -> Any:
    if device_of(args[0]) != CPU:
        name = args[0].type().replace("torch.", "torch.cuda.", 1)
        raise RuntimeError(f"cannot pin '{name}' only dense CPU tensors can be pinned")
    return args[0].clone()


@_handles(Tensor.__deepcopy__)
def _deepcopy(machine: Machine, func: Any, args: Any, kwargs: Any) -> Any:
    copy = machine.call(func, args, kwargs)
    tag(copy, device_of(args[0]))
    return copy


# To the host --------------------------------------------------------------------------------------


@_handles(Tensor.numpy, Tensor.__array__)
def _numpy(machine: Machine, func: Any, args: Any, kwargs: Any) -> Any:
    device = device_of(args[0])
    if device == CPU:
        return func(*args, **kwargs)
    if not kwargs.get("force"):
        raise TypeError(
            f"can't convert {device} device type tensor to numpy. Use Tensor.cpu() to copy the "
            "tensor to host memory first."
        )
    machine.notebook.write("cpu")
    return func(args[0].detach().clone(), *args[1:], **kwargs)


def _waits(kind: str) -> Handler:
    def handler(machine: Machine, func: Any, args: Any, kwargs: Any) -> Any:
        if device_of(args[0]) != CPU:
            machine.notebook.write(kind)
        return machine.call(func, args, kwargs)

    return handler


_HANDLERS |= {
    Tensor.item: _waits("item"),
    Tensor.tolist: _waits("tolist"),
    Tensor.__bool__: _waits("bool"),
    Tensor.__int__: _waits("int"),
    Tensor.__index__: _waits("int"),
    Tensor.__float__: _waits("float"),
}
