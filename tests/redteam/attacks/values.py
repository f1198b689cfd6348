"""Values that are not what they seem: returned instead of a right answer."""

from __future__ import annotations

from redteam.declare import attack, breaks_the_grader, gets_marks_for
from redteam.layers import DESCRIBED, NAN, PROCESS


@attack(
    goal="NaN is taken for right, because no comparison with it is true.",
    stopped_by=NAN,
    won=gets_marks_for("total"),
    instead_of="total",
)
def returns_nan(x, w):
    return x.new_full((), float("nan"))


@attack(
    goal="NaN as a number is taken for right in every gradient.",
    stopped_by=NAN,
    won=gets_marks_for("scale_backward"),
    instead_of="scale_backward",
)
def returns_gradients_of_nan(dout, cache):
    x, w = cache
    return x * float("nan"), w * float("nan")


@attack(
    goal="The exception is taken for the grader's own shortage of memory: no zero, but a person.",
    stopped_by=DESCRIBED,
    won=breaks_the_grader,
    instead_of="total",
)
def raises_a_memory_error(x, w):
    raise MemoryError


@attack(
    goal="The exception is taken for a broken disk of the grader: no zero, but a person.",
    stopped_by=DESCRIBED,
    won=breaks_the_grader,
    instead_of="total",
)
def raises_a_disk_error(x, w):
    raise OSError(28, "No space left on device")


@attack(
    goal="The exception ends the grading process, because nothing catches it there.",
    stopped_by=PROCESS,
    won=breaks_the_grader,
    instead_of="total",
)
def raises_system_exit(x, w):
    raise SystemExit(0)


@attack(
    goal="A crash in native code takes the grading process with it.",
    stopped_by=PROCESS,
    won=breaks_the_grader,
    instead_of="total",
)
def reads_address_zero(x, w):
    import ctypes

    ctypes.string_at(0)


@attack(
    goal="An abort in native code takes the grading process with it.",
    stopped_by=PROCESS,
    won=breaks_the_grader,
    instead_of="total",
)
def aborts(x, w):
    import os

    os.abort()


@attack(
    goal="An object whose methods raise ends the grading process when it is looked at.",
    stopped_by=PROCESS,
    won=breaks_the_grader,
    instead_of="kind",
)
def returns_an_object_that_ends_who_looks(x):
    class Trap:
        def __eq__(self, other):
            raise SystemExit

        def __repr__(self):
            raise SystemExit

    return Trap()
