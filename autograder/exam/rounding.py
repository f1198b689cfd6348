"""Right code that rounds otherwise, made of the reference: nobody has to write it.

Each way is a module of the reference's functions, with the same mathematics in other arithmetic: in
float64, with elementary functions that are a little off as another formula for them is, with sums
in another order, for inputs that are a unit in the last place away.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from autograder.course import Returns
from autograder.devices import DispatchMode
from autograder.testing import ModuleBackend, map_tensors

Wrapper = Callable[[Callable[..., Any], Returns], Callable[..., Any]]

# Units in the last place: what the formulas of textbooks, and libraries, are off by at most.
ULPS = 2


@dataclass(frozen=True)
class Way:
    """A way to round.

    Attributes:
        name: what it does, after "the reference".
        backend: its functions.
        single: whether it only differs where something is float32.
        must_pass: whether every test must pass on it. Otherwise it says how well conditioned an
            input is, where it is: a neighbour of an input may be another input, say no tie.
        again: whether it is a way that was tried, with another seed.
    """

    name: str
    backend: ModuleBackend
    single: bool = False
    must_pass: bool = True
    again: bool = False


def ways(
    module: ModuleType,
    returns: Mapping[str, Returns],
    *,
    seeds: Sequence[int],
    more_seeds: Sequence[int] = (),
    neighbours: Sequence[int] = (),
) -> Iterator[Way]:
    """Ways to round.

    Args:
        module: the reference.
        returns: how each function's result travels.
        seeds: for each, elementary functions that are off in their own way.
        more_seeds: the same again.
        neighbours: for each, inputs that are.
    """
    backend = functools.partial(_backend, module, returns)
    yield Way("computed in float64", backend(_in_float64), single=True)
    yield Way("with sums in another order", backend(_within(Reordered())))
    for seed in (*seeds, *more_seeds):
        name = f"with elementary functions off by up to {ULPS} units in the last place, seed {seed}"
        yield Way(name, backend(_within(Inexact(seed))), again=seed in more_seeds)
    for seed in neighbours:
        name = f"on inputs a unit in the last place away, seed {seed}"
        yield Way(name, backend(_beside(seed)), must_pass=False)


def _backend(module: ModuleType, returns: Mapping[str, Returns], wrap: Wrapper) -> ModuleBackend:
    """The functions of a unit, wrapped; they call each other as they are."""
    wrapped = ModuleType(module.__name__)
    for name, how in returns.items():
        if hasattr(module, name):
            setattr(wrapped, name, wrap(getattr(module, name), how))
    return ModuleBackend(wrapped, returns, own=True)


def _in_float64(function: Callable[..., Any], returns: Returns) -> Callable[..., Any]:
    """The same function, computed in float64 where it is given float32."""

    def computed(*args: Any, **kwargs: Any) -> Any:
        if not has_single((args, kwargs)):
            return function(*args, **kwargs)
        value = function(*_mapped(args, _double, _single), **_mapped(kwargs, _double, _single))
        if returns is None:
            return _mapped(value, _single, _double)
        if returns == "opaque":
            return _Kept(value)
        if not isinstance(value, tuple):
            return value
        return tuple(
            _Kept(part) if how == "opaque" else _mapped(part, _single, _double)
            for part, how in zip(value, returns, strict=True)
        )

    return computed


@dataclass(frozen=True)
class _Kept:
    """What a function that computed in float64 for float32 cached."""

    value: Any


def _within(mode: DispatchMode) -> Wrapper:
    """Functions that compute in a mode of the dispatcher."""

    def wrap(function: Callable[..., Any], returns: Returns) -> Callable[..., Any]:
        def computed(*args: Any, **kwargs: Any) -> Any:
            with mode:
                return function(*args, **kwargs)

        return computed

    return wrap


def _beside(seed: int) -> Wrapper:
    """Functions that are given inputs a unit in the last place away, each element by itself."""

    def move(tensor: Tensor) -> Tensor:
        return moved(tensor, 1, seed, alike=False)

    def wrap(function: Callable[..., Any], returns: Returns) -> Callable[..., Any]:
        def computed(*args: Any, **kwargs: Any) -> Any:
            return function(*map_tensors(args, move), **map_tensors(kwargs, move))

        return computed

    return wrap


class Inexact(DispatchMode):
    """Elementary functions off by up to `ULPS` units in the last place.

    Equal results are moved equally, as any implementation does: a tie stays one.

    Args:
        seed: which way each result is moved.
    """

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._seed = seed

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        name = func._overloadpacket.__name__
        plain = name.rstrip("_")
        if plain not in _ELEMENTARY or not isinstance(out, Tensor) or _is_exact(plain, args):
            return out
        low, high = _ELEMENTARY[plain]
        other = moved(out, ULPS, self._seed)
        if not out.is_complex():
            other = other.clamp(low, high)
        return out.copy_(other) if name != plain else other


class Reordered(DispatchMode):
    """Sums that are taken from the other end."""

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        name = func._overloadpacket.__name__
        if name in _PRODUCTS:
            first = len(args) - 2 if name.startswith(("add", "badd")) else 0
            a, b = args[first : first + 2]
            axis = min(a.dim(), 2 + (name in ("bmm", "baddbmm"))) - 1
            args = (*args[:first], a.flip(axis), b.flip(max(b.dim() - 2, 0)), *args[first + 2 :])
        elif name in _SUMS and args[0].dim():
            axes = args[_SUMS[name]] if len(args) > _SUMS[name] else None
            axes = range(args[0].dim()) if axes is None or axes == [] else axes
            args = (args[0].flip([axes] if isinstance(axes, int) else list(axes)), *args[1:])
        return func(*args, **(kwargs or {}))


_ALL = (-math.inf, math.inf)
_ONE = (-1.0, 1.0)
# Whose results no formula gets exactly right, and what they never leave.
_ELEMENTARY = {
    **dict.fromkeys(("exp", "exp2", "expm1", "log", "log1p", "log2", "log10", "pow"), _ALL),
    **dict.fromkeys(("sqrt", "rsqrt", "sinh", "cosh", "tan", "asin", "acos", "atan"), _ALL),
    **dict.fromkeys(("_log_softmax", "logsumexp", "logaddexp", "log_sigmoid_forward"), _ALL),
    **dict.fromkeys(("atan2", "softplus", "special_xlogy", "xlogy"), _ALL),
    **dict.fromkeys(("tanh", "sin", "cos", "erf", "sigmoid", "_softmax"), _ONE),
}
_PRODUCTS = frozenset({"mm", "addmm", "bmm", "baddbmm", "mv", "addmv", "dot"})
# Sums, and where among their arguments the axes stand.
_SUMS = {"sum": 1, "mean": 1, "var": 1, "linalg_vector_norm": 2, "logsumexp": 1}


def _is_exact(name: str, args: Sequence[Any]) -> bool:
    """Whether everybody gets a power right: squares and the like are products."""
    if name != "pow" or len(args) < 2:
        return False
    exponent = args[1]
    return isinstance(exponent, (int, float)) and float(exponent) in (-1.0, 0.0, 1.0, 2.0, 3.0)


def moved(tensor: Tensor, most: int, seed: int, *, alike: bool = True) -> Tensor:
    """Its values up to so many units in the last place away; zero and what is not finite stay.

    Args:
        tensor: anything; what is not floating point comes back as it is.
        most: how many units.
        seed: by how much each follows from this and from the value.
        alike: whether equal values are moved equally; otherwise it matters where they stand, too.
    """
    if tensor.is_complex():
        parts = torch.view_as_real(tensor.resolve_conj())
        return torch.view_as_complex(moved(parts.contiguous(), most, seed, alike=alike))
    if tensor.dtype not in _BITS:
        return tensor
    bits = tensor.detach().contiguous().view(_BITS[tensor.dtype])
    mixed = bits.long() * 0x9E3779B97F4A7C1 + seed * 0x5851F42D4C957F
    if not alike:
        place = torch.arange(bits.numel(), device=bits.device).reshape(bits.shape)
        mixed = mixed + place * 0x2545F4914F6CDD1D
    mixed = (mixed ^ (mixed >> 29)) * 0x3C6EF372FE94F82B
    steps = ((mixed >> 33) & 0xFFFF) % (2 * most + 1) - most
    other = (bits + steps.to(bits.dtype)).view(tensor.dtype)
    return torch.where((tensor == 0) | ~torch.isfinite(tensor), tensor, other)


_BITS = {torch.float32: torch.int32, torch.float64: torch.int64}


def _mapped(value: Any, there: Callable[[Tensor], Tensor], back: Callable[[Tensor], Tensor]) -> Any:
    """The same value with its tensors in another type, functions that are passed in too."""
    if isinstance(value, _Kept):
        return value.value
    if isinstance(value, (tuple, list)):
        return type(value)(_mapped(v, there, back) for v in value)
    if isinstance(value, dict):
        return {k: _mapped(v, there, back) for k, v in value.items()}
    if callable(value) and not isinstance(value, (Tensor, type)):

        def called(*args: Any, **kwargs: Any) -> Any:
            result = value(*_mapped(args, back, there), **_mapped(kwargs, back, there))
            return _mapped(result, there, back)

        return called
    return map_tensors(value, there)


def _double(tensor: Tensor) -> Tensor:
    return tensor.double() if tensor.dtype is torch.float32 else tensor


def _single(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.dtype is torch.float64 else tensor


def has_single(value: Any) -> bool:
    """Whether there is float32 in a value, or what was computed in float64 for it."""
    found = False

    def look(tensor: Tensor) -> Tensor:
        nonlocal found
        found = found or tensor.dtype is torch.float32
        return tensor

    _mapped(value, look, look)
    return found or _holds_kept(value)


def _holds_kept(value: Any) -> bool:
    if isinstance(value, dict):
        value = tuple(value.values())
    return isinstance(value, _Kept) or (
        isinstance(value, (tuple, list)) and any(map(_holds_kept, value))
    )
