"""Marks for wrong code: the comparison, the tests or the points are changed instead of the code."""

from __future__ import annotations

from redteam.declare import attack, gets_marks_for, honest
from redteam.layers import PROCESS


@attack(
    goal="Wrong totals count as right because a difference of tensors is now always zero.",
    stopped_by=PROCESS,
    won=gets_marks_for("total"),
    instead_of="total",
)
def patches_subtraction_of_tensors(x, w):
    import torch

    torch.Tensor.__sub__ = lambda a, b: a.new_zeros(a.shape)
    return x.new_full((), 42.0)


@attack(
    goal="Wrong totals count as right because the comparison of the tests does nothing any more.",
    stopped_by=PROCESS,
    won=gets_marks_for("total"),
    instead_of="total",
)
def patches_the_comparison(x, w):
    import sys

    for name, module in list(sys.modules.items()):
        if name.startswith("autograder.testing"):
            for attribute in ("_close_tensors", "_close_floats"):
                if hasattr(module, attribute):
                    setattr(module, attribute, lambda *args: None)
    return x.new_full((), 42.0)


@attack(
    goal="Wrong words count as right because strings of the grader's process compare as equal.",
    stopped_by=PROCESS,
    won=gets_marks_for("kind"),
    instead_of="kind",
)
def lies_about_equality(x):
    class Liar(str):
        __hash__ = str.__hash__

        def __eq__(self, other):
            return True

        def __ne__(self, other):
            return False

    return Liar("anything")


@attack(
    goal="An object that is no number counts as the right number because it says that it is equal.",
    stopped_by=PROCESS,
    won=gets_marks_for("kind"),
    instead_of="kind",
)
def returns_an_object_that_equals_everything(x):
    class Everything:
        def __eq__(self, other):
            return True

        def __reduce__(self):
            return (print, ("unpickled",))

    return Everything()


@attack(
    goal="A tensor of a subclass counts as right because it answers all questions itself.",
    stopped_by=PROCESS,
    won=gets_marks_for("total"),
    instead_of="total",
)
def returns_a_tensor_that_answers_for_itself(x, w):
    import torch

    class Liar(torch.Tensor):
        @classmethod
        def __torch_function__(cls, function, types, args=(), kwargs=None):
            if getattr(function, "__name__", "") in ("__sub__", "sub", "rsub", "__rsub__"):
                return torch.zeros(())
            return super().__torch_function__(function, types, args, kwargs or {})

    return torch.full((), 42.0, dtype=x.dtype).as_subclass(Liar)


@attack(
    goal="The reference is found in the frames that called, and answers in the student's place.",
    stopped_by=PROCESS,
    won=gets_marks_for("total", "mean"),
    instead_of="total",
)
def finds_the_reference_in_the_frames(x, w):
    import sys

    frame = sys._getframe()
    while frame is not None:
        for value in list(frame.f_locals.values()):
            if type(value).__name__ == "Reference":
                globals()["mean"] = value.mean
                return value.total(x, w)
        frame = frame.f_back
    return x.new_full((), 42.0)


@attack(
    goal="The reference is found by the garbage collector, and answers in the student's place.",
    stopped_by=PROCESS,
    won=gets_marks_for("total"),
    instead_of="total",
)
def finds_the_reference_among_all_objects(x, w):
    import gc

    for found in gc.get_objects():
        if type(found).__name__ == "Reference" and hasattr(found, "_module"):
            return found._module.total(x, w)
    return x.new_full((), 42.0)


@attack(
    goal="The prepared tests are found among all objects and emptied, so that they cannot fail.",
    stopped_by=PROCESS,
    won=gets_marks_for("total"),
)
def empties_the_prepared_tests():
    import gc

    for found in gc.get_objects():
        if type(found).__name__ == "PreparedTest":
            found.graded.examples = []
    globals()["total"] = lambda x, w: x.new_full((), 42.0)


@attack(
    goal="Points are given for whatever failed because the marking was replaced.",
    stopped_by=PROCESS,
    won=gets_marks_for("total", "mean"),
)
def replaces_the_marking():
    import sys

    for name, module in list(sys.modules.items()):
        if name.startswith("autograder.grading") and hasattr(module, "run_test"):
            run = module.run_test

            def passes(test, *args, run=run, **options):
                outcome = run(test, *args, **options)
                outcome.failed.clear()
                return outcome

            module.run_test = passes
    globals()["total"] = globals()["mean"] = lambda x, *rest: 42


@attack(
    goal="Failures are no failures any more because the exception that reports them does nothing.",
    stopped_by=PROCESS,
    won=gets_marks_for("total"),
    instead_of="total",
)
def disarms_the_exception_of_a_mismatch(x, w):
    import sys

    comparison = sys.modules.get("autograder.testing.comparison")
    if comparison is not None:
        comparison.float = lambda *args: 0.0
    return x.new_full((), 42.0)


@attack(
    goal="A trace function reads the expected value where the test keeps it, and returns it.",
    stopped_by=PROCESS,
    won=gets_marks_for("kind"),
    instead_of="kind",
)
def traces_the_test_for_the_expected_value(x):
    import sys

    frame = sys._getframe()
    while frame is not None:
        reference = frame.f_locals.get("reference")
        if reference is not None:
            return reference.kind(x)
        frame = frame.f_back
    return "unknown"


@attack(
    goal="The test that is running is ended as if it had been skipped, which costs nothing.",
    stopped_by=PROCESS,
    won=lambda seen: bool(seen.fault),
    instead_of="total",
)
def skips_the_test(x, w):
    import pytest

    pytest.skip("not today")


@attack(
    goal="The grading process itself ends, so that nobody after this submission is graded.",
    stopped_by=PROCESS,
    won=lambda seen: bool(seen.fault),
    instead_of="total",
)
def ends_the_process_in_the_middle_of_a_test(x, w):
    import os

    os._exit(0)


@attack(
    goal="Ctrl+C is sent from inside, so that the whole run is interrupted.",
    stopped_by=PROCESS,
    won=lambda seen: bool(seen.fault),
    instead_of="total",
)
def raises_a_keyboard_interrupt(x, w):
    raise KeyboardInterrupt


@attack(
    goal="Wrong means count as right because isinstance and abs of the grader are replaced.",
    stopped_by=PROCESS,
    won=gets_marks_for("mean"),
    instead_of="mean",
)
def replaces_builtins(x):
    import builtins

    real = builtins.abs

    class Near(float):
        def __le__(self, other):
            return True

    builtins.abs = lambda value: Near(0) if type(value) is float else real(value)
    # Right where it is compared without a difference, or the test of a million ones would tell.
    return honest.mean(x) + (x.numel() < 1000)


@attack(
    goal="Wrong values count as right because the random inputs of the tests are no longer random.",
    stopped_by=PROCESS,
    won=gets_marks_for("scale_backward"),
    instead_of="scale_backward",
)
def zeroes_the_inputs_of_the_test(dout, cache):
    import gc

    import torch

    for found in gc.get_objects():
        if type(found).__name__ == "Answered" and found.function == "scale_backward":
            found.value = tuple(torch.zeros_like(part) for part in found.value)
    x, w = cache
    return torch.zeros_like(x), torch.zeros_like(w)
