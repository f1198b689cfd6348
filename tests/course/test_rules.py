"""What a unit forbids stands in its module, and goes to students with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.course import (
    DEFAULT_RULES,
    OPERATOR_GROUPS,
    CourseError,
    read_release,
    rules_in_words,
)
from autograder.course.rules import declared_rules
from autograder.release import release


def rules(folder: Path, text: str) -> tuple[str, ...]:
    path = folder / "cubes.py"
    path.write_text(text, encoding="utf-8")
    return declared_rules(path)


def test_a_unit_that_says_nothing_forbids_the_usual(tmp_path: Path) -> None:
    assert set(rules(tmp_path, "# %% [markdown]\n# # Cubes\n")) == set(DEFAULT_RULES)


def test_a_unit_adds_to_the_usual_and_takes_from_it(tmp_path: Path) -> None:
    text = '# %% [markdown] forbids="relu tanh" allows="softmax losses"\n# # Cubes\n'
    expected = (set(DEFAULT_RULES) | {"relu", "tanh"}) - {"softmax", "losses"}
    assert set(rules(tmp_path, text)) == expected


def test_a_unit_may_allow_everything(tmp_path: Path) -> None:
    assert rules(tmp_path, '# %% [markdown] allows="everything"\n# # Models\n') == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('# %% [markdown] forbids="convolutions"\n# x\n', "no group of operators named"),
        ('# %% [markdown] allows="softmacks"\n# x\n', "'softmacks'"),
        (
            '# %% [markdown] allows="softmax"\n# x\n# %% [markdown] forbids="relu"\n# y\n',
            "stand on line 1 already",
        ),
    ],
)
def test_a_rule_that_cannot_be_understood_is_a_sentence(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(CourseError, match=said):
        rules(tmp_path, text)


def test_students_get_the_rules_with_the_unit(course: Path, tmp_path: Path) -> None:
    module = course / "solutions" / "01_cubes" / "cubes.py"
    text = module.read_text(encoding="utf-8")
    module.write_text(
        text.replace("# %% [markdown]", '# %% [markdown] forbids="relu"', 1), encoding="utf-8"
    )
    release(course, tmp_path / "out", wheel=False)
    [unit] = read_release(tmp_path / "out").units
    assert "relu" in unit.forbids
    assert 'forbids="relu"' in (tmp_path / "out" / "01_cubes" / "cubes.py").read_text()
    assert "ReLU" in (tmp_path / "out" / "README.md").read_text()


def test_what_is_forbidden_in_words() -> None:
    assert rules_in_words(["autograd", "windows"]) == "autograd, unfold and fold"
    assert set(DEFAULT_RULES) <= set(OPERATOR_GROUPS)
