"""Mistakes and alternatives become whole modules."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from autograder.course import CourseError, Unit, alternatives, mistakes, read_unit


def run(source: str) -> dict[str, Any]:
    namespace: dict[str, Any] = {"__name__": "cubes"}
    exec(compile(source, "cubes.py", "exec"), namespace)
    return namespace


def gradient(module: dict[str, Callable[..., Any]], x: torch.Tensor) -> Any:
    return module["cube_backward"](torch.ones_like(x), module["cube_forward"](x)[1])


def test_a_mistake_may_spoil_what_the_reference_computes(cubes: Unit) -> None:
    doubled = mistakes(cubes)[0]
    x = torch.tensor([1.0, 2.0])
    assert torch.equal(gradient(run(doubled.source), x), 6 * x * x)
    assert (doubled.name, doubled.exercise) == ("gradient_is_doubled", "cube_backward")


def test_other_functions_call_the_mistake(cubes: Unit) -> None:
    square = mistakes(cubes)[1]
    assert run(square.source)["cube_sum"](torch.tensor([3.0])).item() == 9.0
    assert square.sentence == "You squared: a cube has three factors."


def test_functions_of_one_title_are_one_alternative(cubes: Unit) -> None:
    powers, factors = alternatives(cubes)
    x = torch.tensor([1.0, -2.0])
    assert powers.functions == ("cube_forward", "cube_backward")
    assert powers.exempt == {"speed"}
    assert torch.equal(gradient(run(powers.source), x), 3 * x * x)
    assert (factors.functions, factors.exempt) == (("cube_forward",), frozenset())


def test_a_variant_begins_with_the_reference_unchanged(cubes: Unit) -> None:
    reference = cubes.source_file.read_text(encoding="utf-8")
    for variant in (*mistakes(cubes), *alternatives(cubes)):
        assert variant.source.startswith(reference.rstrip())


def test_a_variant_holds_no_other_variant(cubes: Unit) -> None:
    doubled, square = mistakes(cubes)
    assert "square_is_returned" not in doubled.source
    assert "gradient_is_doubled" not in square.source
    assert "autograder" not in doubled.source


def test_a_unit_without_the_files_has_no_variants(folder: Path, cubes: Unit) -> None:
    (folder / "mistakes.py").unlink()
    (folder / "alternatives.py").unlink()
    assert mistakes(cubes) == alternatives(cubes) == []


def test_a_letter_outside_ascii_does_not_shift_a_name(folder: Path) -> None:
    (folder / "mistakes.py").write_text(
        "from autograder.testing import mistake\n\n\n"
        '@mistake("cube_sum", "Ça alors.")\n'
        "def changed(x):\n"
        '    return len("ééé") + cube_sum(x)  # ééé\n',
        encoding="utf-8",
    )
    (only,) = mistakes(read_unit(folder))
    assert run(only.source)["cube_sum"](torch.tensor([1.0])).item() == 4.0


CHANGE = """
from autograder.testing import mistake

adds = mistake("cube_sum", "You added one.", change={".sum()": ".sum() + 1"})
"""


def test_a_mistake_may_be_a_change_of_the_references_text(folder: Path) -> None:
    (folder / "mistakes.py").write_text(CHANGE, encoding="utf-8")
    (only,) = mistakes(read_unit(folder))
    assert (only.name, only.exercise, only.sentence) == ("adds", "cube_sum", "You added one.")
    module = run(only.source)
    assert module["cube_sum"](torch.tensor([1.0, 2.0])).item() == 10.0
    assert module["_reference_cube_sum"](torch.tensor([1.0, 2.0])).item() == 9.0


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            '".sum()":',
            '".mean()":',
            "changes '.mean..', which stands 0 times in the body",
        ),
        ('".sum()":', '"u":', "changes 'u', which stands 4 times in the body of cube_sum"),
        ('+ 1"', '+ ("', "adds makes no Python of cube_sum"),
        ('+ 1"', '+ cube_sum(x)"', "adds calls cube_sum, which would be the mistake itself"),
        (', change={".sum()": ".sum() + 1"}', "", "adds is no function and changes nothing"),
        ('{".sum()": ".sum() + 1"}', "CHANGE", "adds is no function and changes nothing"),
    ],
)
def test_a_change_that_cannot_be_made_is_an_error_that_names_its_line(
    folder: Path, old: str, new: str, sentence: str
) -> None:
    assert old in CHANGE
    (folder / "mistakes.py").write_text(CHANGE.replace(old, new), encoding="utf-8")
    with pytest.raises(CourseError, match=sentence) as caught:
        mistakes(read_unit(folder))
    assert "01_cubes/mistakes.py:4" in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('"cube_backward", "can', '"cube", "can', "'cube', which is no function of cubes.py"),
        ("def _scaled", "def _square", "_square is defined in the reference as well"),
        ("def square_is_returned", "def cube_sum", "cube_sum is defined in the reference as well"),
        ("return x * x, x", "return gradient_is_doubled(x, x)", "belongs to another variant"),
        ('"canary_sentence: you doubled the gradient."', "SENTENCE", "has no sentence"),
        ("def square_is_returned", "def gradient_is_doubled", "stands for two mistakes"),
        ('doubled the gradient."', 'doubled the gradient.", change={"x": "y"}', "has a change too"),
    ],
)
def test_a_wrong_mistake_is_an_error_that_names_its_line(
    folder: Path, old: str, new: str, sentence: str
) -> None:
    path = folder / "mistakes.py"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(CourseError, match=sentence) as caught:
        mistakes(read_unit(folder))
    assert "01_cubes/mistakes.py:" in str(caught.value)


def test_an_alternative_replaces_a_function_once(folder: Path) -> None:
    path = folder / "alternatives.py"
    text = path.read_text(encoding="utf-8").replace("by three factors", "canary_title: powers")
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CourseError, match="replaces cube_forward twice"):
        alternatives(read_unit(folder))


def test_an_alternative_for_two_functions_replaces_both(folder: Path) -> None:
    path = folder / "alternatives.py"
    text = path.read_text(encoding="utf-8")
    one = '@alternative("by three factors", replaces="cube_forward")\n'
    both = one + '@alternative("by three factors", replaces="cube_sum")\n'
    path.write_text(text.replace(one, both), encoding="utf-8")
    alternative = alternatives(read_unit(folder))[1]
    assert alternative.functions == ("cube_forward", "cube_sum")
    module = run(alternative.source)
    x = torch.tensor([2.0])
    for name in alternative.functions:
        cubed, kept = module[name](x)
        assert (cubed.item(), kept) == (8.0, x)
