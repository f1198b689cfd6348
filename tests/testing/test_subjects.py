"""The reference answers from memory only what it was really asked, and caches stay closed."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from autograder.testing import ModuleBackend, Reference, Student, same_value
from autograder.testing.subjects import Opaque


class Counting:
    """A module that counts."""

    __name__ = "counting"

    def __init__(self):
        self.calls = 0

    def double(self, x):
        self.calls += 1
        return 2 * x


def test_the_same_question_is_computed_once():
    module, known = Counting(), []
    reference = Reference(module)
    x = torch.ones(2)
    for _ in range(3):
        reference.begin_example(known)
        assert torch.equal(reference.double(x), 2 * x)
    assert module.calls == 1


def test_a_question_that_differs_in_anything_is_computed_afresh():
    module, known = Counting(), []
    reference = Reference(module)
    reference.begin_example(known)
    reference.double(torch.ones(2))
    for other in (torch.zeros(2), torch.ones(2, dtype=torch.float64), torch.ones(2, 1)):
        before = module.calls
        reference.begin_example(known)
        assert torch.equal(reference.double(other), 2 * other)
        assert module.calls == before + 1


def test_nan_is_not_the_same_as_nan():
    assert not same_value(torch.tensor([float("nan")]), torch.tensor([float("nan")]))


def test_a_number_and_a_boolean_are_not_the_same():
    assert not same_value(1, True)
    assert not same_value((1, 2), [1, 2])
    assert same_value({"a": (1, torch.ones(2))}, {"a": (1, torch.ones(2))})


def module(**functions):
    return SimpleNamespace(__name__="unit", **functions)


def test_a_cache_is_opaque_to_the_test_and_plain_to_the_student():
    seen = []
    backend = ModuleBackend(
        module(f=lambda x: (x, [x]), g=lambda cache: seen.append(cache)),
        {"f": ("value", "opaque"), "g": None},
    )
    student = Student(backend)
    x = torch.ones(2)
    out, cache = student.f(x)
    student.g(cache)
    assert torch.equal(out, x)
    assert isinstance(cache, Opaque)
    assert seen[0][0] is out


def test_a_result_with_the_wrong_number_of_parts_is_named():
    student = Student(ModuleBackend(module(f=lambda: torch.ones(2)), {"f": ("value", "opaque")}))
    with pytest.raises(TypeError, match="f should return a tuple of 2 values, but returned Tensor"):
        student.f()


def test_calls_are_written_down_with_what_they_changed():
    student = Student(ModuleBackend(module(f=lambda x: x.add_(1), g=lambda x: x + 1)))
    student.begin_example()
    student.g(torch.ones(2))
    student.f(torch.ones(2))
    assert [(c.function, c.changed) for c in student.calls] == [("g", []), ("f", ["args[0]"])]


def test_a_missing_function_is_not_attempted():
    with pytest.raises(NotImplementedError, match="no function missing"):
        Student(ModuleBackend(module())).missing()


def test_what_is_tested_cannot_change_the_inputs_of_the_test():
    student = Student(ModuleBackend(module(f=lambda x, y: x.add_(1) is y)))
    x = torch.zeros(2)
    assert student.f(x, x) is True  # the same tensor twice is still the same tensor twice
    assert torch.equal(x, torch.zeros(2))
