"""What a unit asks students to write cannot be called in a worker.

Each forbidden operator gets, for every key of PyTorch's dispatcher under which it has a kernel, a
kernel that raises. That holds for all threads, layouts and namespaces, also below operators that
are made of others, and costs an operator that is allowed nothing. Where autograd is forbidden, the
kernels that record a graph are replaced by ones that are skipped, so that there is never anything
to differentiate.

This is done once, in the process of which a unit's workers are forks. The registrations belong to
C++ objects that nothing in Python refers to: neither ``gc`` nor `torch.library` can take them back.
Who writes to the process's memory with ctypes can.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import re
import sys
import types
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, NoReturn

import torch
from torch.library import fallthrough_kernel

LAYER = "forbidden operators"

# Kernels that are not listed by name: what is made of other operators, for any backend.
_COMPOSITE = (
    "CompositeExplicitAutograd",
    "CompositeExplicitAutogradNonFunctional",
    "CompositeImplicitAutograd",
)
# Kernels that record what autograd needs: its graph, and what is a view of what.
_RECORDING = ("Autograd", "AutogradCUDA", "AutogradNestedTensor", "ADInplaceOrView")
# Compiled graphs convolve tensors in oneDNN's layout on their own: there are to be none.
_ONEDNN = re.compile(r"to_mkldnn|mkldnn.*_reorder_")
# TorchScript differentiates and runs graphs on its own, partly beside the dispatcher.
_COMPILERS = re.compile(
    r"_jit_(pass|script|differentiate|interpret|trace|to_static|to_backend|run_|decomp|shape_comp)"
    r"|_create_(function|module|object|graph)_|_fuse_to_static|StaticModule|_?import_ir_module"
    r"|parse_ir$|_load_(jit|mobile|for_lite)|_compile_graph|_freeze_module|_nn_module_to_mobile"
)
_COMPILER_METHODS = {
    "CompilationUnit": ("define", "create_function"),
    "ScriptModule": ("_define", "_create_method_from_trace", "_create_method_from_trace_with_dict"),
}


class ForbiddenOperator(RuntimeError):
    """The student's code called what it is asked to write itself.

    Attributes:
        operator: its name, e.g. ``"aten::convolution"`` or ``"torch.autograd.grad"``.
    """

    def __init__(self, operator: str) -> None:
        super().__init__(f"{operator} may not be used in this unit: write it yourself")
        self.operator = operator


@dataclass(frozen=True)
class Ban:
    """What workers may not use.

    Attributes:
        operators: regular expressions that are searched in the dispatcher's names.
        python: dotted names of functions of PyTorch that are Python.
        autograd: whether no graph is recorded.
    """

    operators: tuple[str, ...] = ()
    python: tuple[str, ...] = ()
    autograd: bool = False

    def __bool__(self) -> bool:
        return bool(self.operators or self.python or self.autograd)

    def as_dict(self) -> dict[str, Any]:
        """As it travels."""
        return asdict(self)

    @classmethod
    def of(cls, parts: dict[str, Any]) -> Ban:
        """From what `as_dict` gave."""
        return cls(tuple(parts["operators"]), tuple(parts["python"]), bool(parts["autograd"]))


FREE = Ban()
"""Nothing is forbidden."""


def forbid(ban: Ban) -> dict[str, str]:
    """Forbid operators in this process, for good.

    Args:
        ban: which.

    Returns:
        What holds, as layers of a worker.

    Raises:
        RuntimeError: an operator could not be forbidden.
    """
    if not ban:
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch warns of kernels that replace others
        _forbid_operators(ban)
    # Autograd's graphs, compiled graphs and the layout of oneDNN would all lead past what follows.
    _close_compilers()
    # Held in many places; those that are Python are closed below, wherever they are held.
    compiled = {n: getattr(*_owner(n), None) for n in ban.python if n.startswith("numpy.")}
    _replace({name: f for name, f in compiled.items() if f is not None})
    for name in ban.python:
        _close(name)
    if ban.autograd:
        _close_engine()
    sys.meta_path.insert(0, _NoSciPy())
    return {LAYER: "ok"}


def _forbid_operators(ban: Ban) -> None:
    pattern = re.compile("|".join(f"(?:{part})" for part in ban.operators) or r"(?!)")
    libraries = _Libraries()
    for name in torch._C._dispatch_get_all_op_names():
        if pattern.search(name) or _ONEDNN.search(name):
            stop = _raising(name)
            for key in {*_keys(name), "CPU", *_COMPOSITE}:
                libraries.register(name, key, stop)
            continue
        for key in _RECORDING if ban.autograd else ():
            if torch._C._dispatch_has_kernel_for_dispatch_key(name, key):
                libraries.register(name, key, fallthrough_kernel)
        if torch._C._dispatch_has_kernel_for_dispatch_key(name, "MkldnnCPU"):
            libraries.register(name, "MkldnnCPU", _raising(name))


def _keys(name: str) -> Iterator[str]:
    """The keys of the dispatcher under which an operator has a kernel that does something."""
    for line in torch._C._dispatch_dump(name).splitlines():
        match = re.match(r"(?!debug)(\w+)(?:\[alias\])?: registered at", line)
        if match is not None and "[ fallthrough" not in line:
            yield match[1]


class _Libraries:
    """Registrations of kernels that live as long as the process."""

    def __init__(self) -> None:
        self._libraries: dict[tuple[str, str], Any] = {}

    def register(self, name: str, key: str, kernel: Callable[..., Any]) -> None:
        space, operator = name.split("::")
        if (space, key) not in self._libraries:
            library = torch._C._dispatch_library("IMPL", space, key, __file__, 0)
            # Destroying the object would bring the replaced kernels back. Nothing refers to it
            # when we are done, and this one reference is never given back.
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(library))
            self._libraries[space, key] = library
        self._libraries[space, key].impl(operator, key, kernel)


def _raising(name: str) -> Callable[..., NoReturn]:
    """A function that raises, whatever it is called with."""

    def forbidden(*args: object, **kwargs: object) -> NoReturn:
        raise ForbiddenOperator(name)

    return forbidden


# What is not an operator ----------------------------------------------------------------------


def _close_compilers() -> None:
    """Nothing compiles or runs graphs: these functions of PyTorch's core are its only ways in."""
    for name in [name for name in vars(torch._C) if _COMPILERS.match(name)]:
        setattr(torch._C, name, _raising("torch.jit"))
    for kind, methods in _COMPILER_METHODS.items():
        for method in methods:
            setattr(getattr(torch._C, kind), method, _raising("torch.jit"))


class _NoSciPy:
    """SciPy holds all of it once more, and the course does not need it."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name.partition(".")[0] == "scipy":
            raise ModuleNotFoundError(
                "SciPy is not there when this unit is graded: write it yourself", name=name
            )


def _close_engine() -> None:
    """The engine's own method, which Python's functions call, raises as they do."""
    kind = type(torch.autograd.Variable._execution_engine)
    for attributes in gc.get_referents(vars(kind)):  # the type itself refuses to be changed
        if isinstance(attributes, dict) and "run_backward" in attributes:
            attributes["run_backward"] = _raising("torch.autograd")
            ctypes.pythonapi.PyType_Modified(ctypes.py_object(kind))


def _close(name: str) -> None:
    """A function of PyTorch that is Python raises, under all names that it has."""
    owner, last = _owner(name)
    function = getattr(owner, last, None)
    while isinstance(function, types.FunctionType):
        if not function.__code__.co_freevars:
            function.__code__ = _door(name)
            function.__defaults__ = function.__kwdefaults__ = None
            return
        function = getattr(function, "__wrapped__", None)
    if function is not None or hasattr(owner, last):
        setattr(owner, last, _raising(name))


def _owner(name: str) -> tuple[Any, str]:
    """What holds the object of a dotted name, and its name there; None where nothing does."""
    path = name.split(".")
    owner: Any = None
    for depth in range(len(path) - 1, 0, -1):
        try:
            owner = importlib.import_module(".".join(path[:depth]))
        except ImportError:
            continue
        break
    for part in path[depth:-1]:
        owner = getattr(owner, part, None)
    return owner, path[-1]


def _replace(functions: Mapping[str, object]) -> None:
    """Put one that raises wherever modules and objects hold a function that cannot be changed.

    Args:
        functions: by the name that is told.
    """
    gc.unfreeze()  # what was frozen before a fork is not looked at otherwise
    by_id = {id(function): _raising(name) for name, function in functions.items()}
    for holder in gc.get_referrers(*functions.values()):
        names = holder if isinstance(holder, dict) else getattr(holder, "__dict__", None)
        if not isinstance(names, dict) or names is functions:
            continue
        for name in [name for name, value in names.items() if id(value) in by_id]:
            names[name] = by_id[id(names[name])]


def _door(name: str) -> types.CodeType:
    """The code of a function that raises, for use in the place of another function's code."""
    namespace: dict[str, Any] = {}
    text = (
        "def forbidden(*args, **kwargs):\n"
        f"    from {__name__} import ForbiddenOperator\n"
        f"    raise ForbiddenOperator({name!r})\n"
    )
    exec(compile(text, __file__, "exec"), namespace)
    code: types.CodeType = namespace["forbidden"].__code__
    return code
