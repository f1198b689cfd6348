"""What a wrong answer has to do with the right one, and where it is wrong, told if it is so."""

from __future__ import annotations

import pytest
import torch

from autograder.grading.conditions import Condition, properties
from autograder.grading.relations import Answer, Kinship

RIGHT = [torch.arange(1.0, 7.0).reshape(2, 3), torch.arange(2.0, 14.0).reshape(4, 3) ** 2]


def kinship(make, *, rights=RIGHT, passed=()):
    found = Kinship()
    for right in rights:
        sizes = {"x.shape[0]": len(right), "x.shape[1]": right.shape[-1]}
        found.wrong(Answer((make(right),), (right,), sizes))
    for right in passed:
        found.right(Answer((right,), (right,), {"x.shape[0]": len(right)}))
    return found.sentences(["dw"])


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda t: -t, "Your dw has the wrong sign: it is the right one times -1."),
        (lambda t: t * len(t), "Your dw is too large by the factor x.shape[0]."),
        (lambda t: t / len(t), "Your dw is too small by the factor x.shape[0]."),
        (lambda t: t * 2, "Your dw is the right one times 2."),
        (lambda t: t / 2, "Your dw is the right one times 0.5."),
        (lambda t: t * 0, "Your dw is 0 everywhere."),
        (lambda t: t.T, "Your dw has its axes in another order: it is transposed."),
        (lambda t: t.flip(0), "Your dw is in reverse order along axis 0."),
        (lambda t: t.sum(0), "Your dw is summed over axis 0, which it should keep."),
        (lambda t: t[:, :, None], "Your dw has an axis of size 1 too many, axis 2."),
        (
            lambda t: torch.stack([t, t * 0], 2),
            "Your dw is not summed over its axis 2.",
        ),
        (
            lambda t: torch.cat([t[:1] * 9, t[:-1]]),
            "Your dw is shifted by one along axis 0.",
        ),
        (
            lambda t: t.flatten()[torch.arange(t.numel()).roll(2)].reshape(t.shape),
            "Your dw holds the right numbers in another order.",
        ),
    ],
)
def test_a_relation_that_holds_of_all_wrong_answers_is_told(make, told):
    assert kinship(make) == [told]


def test_what_does_not_hold_everywhere_is_not_told():
    assert kinship(lambda t: t + 1) == []
    assert kinship(lambda t: -t if len(t) == 2 else t.flip(0)) == []
    assert kinship(lambda t: t * 2 if len(t) == 2 else t * 4) == [
        "Your dw is too large by the factor x.shape[0]."
    ]
    # Twice as large, or as many times as there are rows: who knows.
    assert kinship(lambda t: t * 2, rights=[RIGHT[0], RIGHT[0] * 3]) == []


def test_one_wrong_answer_is_too_few():
    assert kinship(lambda t: -t, rights=RIGHT[:1]) == []


def test_a_right_answer_that_it_would_have_changed_contradicts_it():
    assert kinship(lambda t: -t, passed=[torch.zeros(2, 3)]) != []
    assert kinship(lambda t: -t, passed=[RIGHT[0]]) == []
    # N times too large changes nothing where N is 1.
    assert kinship(lambda t: t * len(t), passed=[RIGHT[0][:1]]) != []
    assert kinship(lambda t: t * len(t), passed=[RIGHT[0]]) == []


def test_nothing_is_told_of_what_cannot_be_compared():
    assert kinship(lambda t: t * torch.nan) == []
    assert kinship(lambda t: None) == []
    assert kinship(lambda t: t.double()) == []


def test_every_part_that_is_wrong_needs_a_relation():
    def two(make):
        found = Kinship()
        for right in RIGHT:
            found.wrong(Answer((make(right), -right, right), (right, right, right), {}))
        return found.sentences(["dx", "dw", "db"])

    assert two(lambda t: t) == ["Your dw has the wrong sign: it is the right one times -1."]
    assert two(lambda t: t.flip(1)) == [
        "Your dx is in reverse order along axis 1.",
        "Your dw has the wrong sign: it is the right one times -1.",
    ]
    assert two(lambda t: t + 1) == []


def told(graded, exercise):
    return next(e.diagnosis for e in graded.exercises if e.name == exercise)


BACKWARD = """
def scale_backward(dout, cache):
    x, w = cache
    return {dx}, {dw}
"""


def test_a_student_is_told_the_relation_where_no_known_mistake_fits(grade):
    wrong = BACKWARD.format(dx="-dout * w", dw="(dout * x).sum(0)")
    diagnosis = told(grade(wrong), "scale_backward")
    assert diagnosis.mistake == ""
    assert diagnosis.sentence == (
        "Your first result has the wrong sign: it is the right one times -1."
    )
    # The known mistake comes first: dw is averaged, which is dw too small by the factor N.
    mean = BACKWARD.format(dx="dout * w", dw="(dout * x).mean(0)")
    assert told(grade(mean), "scale_backward").mistake == "dw_is_averaged"
    both = BACKWARD.format(dx="-dout * w", dw="(dout * x).mean(0)")
    assert told(grade(both), "scale_backward").sentence == (
        "Your first result has the wrong sign: it is the right one times -1. "
        "Your second result is too small by the factor dout.shape[0]."
    )


def test_what_an_unrelated_change_gives_is_not_named(grade):
    wrong = BACKWARD.format(dx="dout * w + 1", dw="(dout * x).sum(0)")
    assert told(grade(wrong), "scale_backward") is None


def test_a_student_is_told_where_it_goes_wrong(grade):
    only = "(dout * w + (1 if len(dout) > 1 else 0))"
    wrong = BACKWARD.format(dx=only, dw="(dout * x).sum(0)")
    assert told(grade(wrong), "scale_backward").sentence == (
        "It goes wrong just where dout.shape[0] is greater than 1."
    )
    single = BACKWARD.format(dx="dout * w + (dout.dtype == torch.float32)", dw="(dout * x).sum(0)")
    assert told(grade(single), "scale_backward").sentence == (
        "It goes wrong just where the numbers are float32."
    )


def test_a_property_that_few_inputs_show_is_no_condition():
    def condition(wrong, right):
        return Condition([{"a": True}] * wrong, [{"a": False}] * right).sentence()

    assert condition(3, 4) == "It goes wrong just where a."
    assert condition(2, 9) == condition(9, 3) == ""
    two = {"a": True, "b": True}, {"a": False, "b": False}
    assert Condition([two[0]] * 5, [two[1]] * 5).sentence() == ""  # a or b: who knows
    assert Condition([{"a": True}] * 5, [{"a": True}] + [{"a": False}] * 5).sentence() == ""


def test_the_properties_of_arguments_are_named_by_the_arguments():
    x = torch.tensor([[0.0, 2.0, 2.0]])
    found = properties([("x", x), ("stride", 2), ("padding", (0, 1)), ("training", True)])
    assert {name for name, holds in found.items() if holds} == {
        "x.shape[0] is 1",
        "x.shape[1] is greater than 1",
        "x.shape[0] and x.shape[1] differ",
        "x holds a 0",
        "x holds equal numbers in a row",
        "the numbers are float32",
        "stride is greater than 1",
        "padding is not the same for all axes",
        "padding is greater than 0 somewhere",
        "training is True",
    }
