"""Each generic check can fail: a function that breaks only it loses points, through the worker.

On real units: the function's values are right, and one thing about how it gives them is not.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.course import find_unit

SOLUTIONS = Path(__file__).parents[2] / "solutions"

# What is done to the result of the right function, or around it. `right` is the reference's
# function, `name` what it is called.
BREAKS = {
    "float64 for float32 inputs": "out = tensors(lambda t: t.double(), right(*args, **kwargs))",
    "float32 for float64 inputs": "out = tensors(lambda t: t.float(), right(*args, **kwargs))",
    "a detour through float32": (
        "out = tensors(lambda t: t.float().to(t.dtype), right(*args, **kwargs))"
    ),
    "an axis too many": "out = tensors(lambda t: t[None], right(*args, **kwargs))",
    "not a number": "out = tensors(lambda t: t * float('nan'), right(*args, **kwargs))",
    "one infinite element": (
        "out = tensors(lambda t: t.index_fill(0, torch.tensor([0]), float('inf')) "
        "if t.dim() else t / 0, right(*args, **kwargs))"
    ),
    "an autograd graph": (
        "out = tensors(lambda t: t.clone().requires_grad_(), right(*args, **kwargs))"
    ),
    "NumPy instead of torch": "out = tensors(lambda t: t.numpy(), right(*args, **kwargs))",
    "the device of another tensor": "out = tensors(lambda t: t.to('meta'), right(*args, **kwargs))",
    "an input changed in place": (
        "out = right(*args, **kwargs)\n"
        "    (args[0] if torch.is_tensor(args[0]) else args[-1]).add_(1)"
    ),
    "a view of an input's memory": (
        "args = [a.view(-1).view(a.shape) if torch.is_tensor(a) else a for a in args]\n"
        "    out = right(*args, **kwargs)"
    ),
}
BACKWARD_ONLY = {
    "the upstream gradient ignored": ("out = right(torch.ones_like(args[0]), *args[1:], **kwargs)"),
    "the cache used up": (
        "out = right(*args, **kwargs)\n    for t in found(args[1]):\n        t.zero_()"
    ),
}
FORWARD_ONLY = {
    "one buffer for the caches of all calls": (
        "result = right(*args, **kwargs)\n    out = (result[0], in_buffer(result[1], []))"
    ),
}

BROKEN = """

buffers = {{}}
right_{name} = {name}

def found(value):
    if torch.is_tensor(value):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [t for v in value for t in found(v)] if isinstance(value, (tuple, list)) else []

def in_buffer(value, path):
    # The same cache in memory that the next call of the same sizes writes over.
    if torch.is_tensor(value):
        key = (*path, value.shape, value.dtype)
        buffers.setdefault(key, value.clone()).copy_(value)
        return buffers[key]
    if isinstance(value, (tuple, list)):
        return type(value)(in_buffer(v, [*path, i]) for i, v in enumerate(value))
    if isinstance(value, dict):
        return {{k: in_buffer(v, [*path, k]) for k, v in value.items()}}
    return value

def tensors(function, result):
    if "{name}".endswith("_forward"):  # the cache stays as it is
        return (function(result[0]), *result[1:])
    if torch.is_tensor(result):
        return function(result)
    return tuple(function(t) for t in result)

def {name}(*args, **kwargs):
    right = right_{name}
    {body}
    return out
"""

FUNCTIONS = [
    ("03_layers", "linear_forward"),
    ("03_layers", "linear_backward"),
    ("05_convolution", "conv2d_forward"),
    ("05_convolution", "conv2d_backward"),
]
CASES = [
    (unit, name, what)
    for unit, name in FUNCTIONS
    for what in (*BREAKS, *(FORWARD_ONLY if name.endswith("_forward") else BACKWARD_ONLY))
]


@pytest.fixture(scope="module")
def graders(workers):
    from autograder.grading import Settings, UnitGrader

    made = {}

    def grader(unit_name):
        if unit_name not in made:
            unit = find_unit(SOLUTIONS, unit_name)
            settings = Settings(
                seed=1,
                devices=("cpu",),
                call_seconds=10,
                submission_seconds=120,
                memory_mb=2048,
                smaller=False,  # nobody looks at the inputs here
            )
            made[unit_name] = UnitGrader(unit, settings, workers)
        return made[unit_name]

    return grader


def grade(grader, name, body):
    from autograder.supervisor import Code

    source = grader.unit.source_file.read_text(encoding="utf-8")
    source += BROKEN.format(name=name, body=body)
    graded = grader.grade(Code(grader.unit.module, ((f"{grader.unit.module}.py", source),)), {})
    return {e.name: e for e in graded.exercises}


@pytest.mark.parametrize(("unit", "name", "what"), CASES)
def test_a_function_that_breaks_only_this_loses_points(graders, unit, name, what):
    body = (BREAKS | BACKWARD_ONLY | FORWARD_ONLY)[what]
    exercises = grade(graders(unit), name, body)
    # A cache that is spoilt shows where it is used.
    hit = name.replace("_forward", "_backward") if what in FORWARD_ONLY else name
    assert exercises[hit].points < exercises[hit].max_points


@pytest.mark.parametrize(("unit", "name"), FUNCTIONS)
def test_the_wrapper_itself_costs_nothing(graders, unit, name):
    exercises = grade(graders(unit), name, "out = right(*args, **kwargs)")
    assert all(e.points == e.max_points for e in exercises.values() if not e.written)


EXPECTED = {
    "float64 for float32 inputs": "wrong dtype",
    "an axis too many": "wrong shape",
    "not a number": "not finite",
    "one infinite element": "not finite",
    "an autograd graph": "autograd graph",
    "an input changed in place": "input changed",
    "a detour through float32": "wrong value",
}


@pytest.mark.parametrize("what", EXPECTED)
def test_the_failure_says_which_check_it_was(graders, what):
    exercise = grade(graders("03_layers"), "linear_forward", BREAKS[what])["linear_forward"]
    assert EXPECTED[what] in {t.failure.category for t in exercise.tests if t.failure}
