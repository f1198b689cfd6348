"""The submission that is graded next: everything that this one could leave behind for it."""

from __future__ import annotations

from redteam.declare import attack, harms_the_next
from redteam.layers import PROCESS
from redteam.unit import POINTS

NEXT = harms_the_next(POINTS)


@attack(
    goal="The next submission's sums are wrong, because torch's sum was replaced.",
    stopped_by=PROCESS,
    won=NEXT,
)
def replaces_the_sum_of_tensors():
    import torch

    real = torch.Tensor.sum
    torch.Tensor.sum = lambda self, *args: real(self, *args) + 1


@attack(
    goal="The next submission computes in another dtype, because products were replaced.",
    stopped_by=PROCESS,
    won=NEXT,
)
def makes_floats_of_all_products():
    import torch

    real = torch.Tensor.__mul__
    torch.Tensor.__mul__ = lambda self, other: real(self, other).double()


@attack(
    goal="The next submission finds a spoilt module under the name it imports.",
    stopped_by=PROCESS,
    won=NEXT,
)
def leaves_a_spoilt_module_behind():
    import sys
    import types

    import torch

    spoilt = types.ModuleType("torch")
    spoilt.Tensor = torch.Tensor
    sys.modules["torch"] = spoilt
    del spoilt.Tensor


@attack(
    goal="The next submission's code is not run: compile gives the attacker's code instead.",
    stopped_by=PROCESS,
    won=NEXT,
)
def replaces_compile():
    import builtins

    real = builtins.compile
    builtins.compile = lambda source, *args, **options: real("total = None", "x", "exec")


@attack(
    goal="The next submission's inputs are spoilt, because they were changed in place.",
    stopped_by=PROCESS,
    won=lambda seen: NEXT(seen) or bool(seen.fault),
    instead_of="total",
)
def changes_the_inputs_of_all_who_follow(x, w):
    import gc

    import torch

    for found in gc.get_objects():
        if type(found).__name__ == "PreparedTest":
            for example in found.examples:
                for value in vars(example.inputs.get("case", example)).values():
                    if isinstance(value, torch.Tensor):
                        value.fill_(0)
    return (x * w).sum()
