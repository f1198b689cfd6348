"""Which file of a submission is graded, and what is said about the others."""

from __future__ import annotations

from dataclasses import replace

import pytest

from autograder.submissions import Limits, RecognisedUnit, Unreadable, read


@pytest.fixture
def grade(tree, attempt, layers):
    """Reads layers from a folder of these files."""

    def run(files, unit=layers, modules=("layers", "convolution", "recurrent_layers")):
        return read(
            attempt(tree({f"alice/{k}": v for k, v in files.items()}) / "alice", *modules), unit
        )

    return run


def labels(checked):
    return [cell.label for cell in checked.cells]


@pytest.mark.parametrize(
    "name",
    ["layers.py", "Layers.PY", "layers (1).py", "layers-1.py", "alice_layers.py", "a/b/layers.py",
     "Copy of layers.py", "03_layers/layers.py", "layers_final.py"],
)  # fmt: skip
def test_a_module_is_known_by_its_name(grade, work, name):
    checked = grade({name: work, "helper.py": "", "test_layers.py": "", "convolution.py": ""})
    assert labels(checked) == [name.rpartition("/")[2]]


@pytest.mark.parametrize(
    "name", ["recurrent_layers.py", "players.py", "test_layers.py", "layers_test.py",
             "layers.new.py", "__pycache__/layers.py", ".ipynb_checkpoints/layers.ipynb",
             "__MACOSX/layers.py", "._layers.py", "layers.txt", "venv/lib/layers.py"],
)  # fmt: skip
def test_other_files_are_not_taken_for_the_module(grade, name):
    assert grade({name: "x = 1\n", "convolution.py": ""}) is None


def test_the_exact_name_goes_before_copies_and_the_newest_copy_before_others(grade, work):
    files = {"layers (1).py": "y = 1\n" + work, "layers (2).py": "y = 2\n" + work}
    assert labels(grade(files)) == ["layers (2).py"]
    checked = grade({**files, "layers.py": work})
    assert labels(checked) == ["layers.py"]
    assert checked.notes == (
        "layers.py was graded; layers (2).py and layers (1).py, also handed in, were not.",
    )


def test_a_file_that_was_worked_on_goes_before_the_released_one(grade, work, stub):
    checked = grade({"03_layers/layers.py": stub, "layers.py": work})
    assert checked.cells[0].source == work
    assert not checked.untouched


def test_the_only_file_is_taken_whatever_its_name(grade, work):
    assert labels(grade({"homework.py": work}, modules=("layers",))) == ["homework.py"]


def test_of_several_unnamed_files_the_one_with_the_units_functions_is_taken(grade, work):
    files = {"one.py": work, "two.py": "def conv2d_forward(x): ...\n", "util.py": ""}
    assert labels(grade(files)) == ["one.py"]


def test_a_helper_that_students_are_given_says_nothing_about_whose_a_file_is(
    grade, stub, layers, work
):
    given = "def require(holds, message):\n    if not holds:\n        raise ValueError(message)\n"
    unit = replace(layers, stub=f"{stub}\n{given}")
    assert grade({"homework.py": given + "def f(x): ...\n", "b.py": ""}, unit) is None
    assert labels(grade({"homework.py": given + work, "b.py": ""}, unit)) == ["homework.py"]


def test_files_that_cannot_be_told_apart_are_named_in_a_sentence(grade):
    message = r"None of one\.py and two\.py is called layers\.py\. Rename the file"
    with pytest.raises(Unreadable, match=message):
        grade({"one.py": "", "two.py": ""}, modules=("layers",))


def test_notes_beside_the_module_do_not_replace_it(grade, work, stub):
    checked = grade({"layers.py": stub, "layers_notes.py": "a = 1\n"})
    assert labels(checked) == ["layers.py"]


def test_a_name_that_holds_the_modules_is_enough_without_the_module(grade):
    assert labels(grade({"layers_notes.py": "a = 1\n"})) == ["layers_notes.py"]


def test_the_module_or_the_notebook_is_graded_whichever_was_worked_on(
    grade, notebook, work, stub, layers
):
    done = notebook("import torch\n", "def linear_forward(x, w, b):\n    return x\n")
    raw = 'def linear_forward(x, w, b):\n    """The layer."""\n    '
    raw += 'raise NotImplementedError("linear_forward is not written yet")'
    released = notebook("import torch", raw, ("code", "!autograder check", {}))

    checked = grade({"layers.py": stub, "layers.ipynb": done})
    assert labels(checked) == ["layers.ipynb[cell 1]", "layers.ipynb[cell 2]"]
    assert checked.notes == (
        "Both layers.py and layers.ipynb are there; layers.ipynb was graded, because the code "
        "in layers.py is as it was released.",
    )

    checked = grade({"layers.py": work, "layers.ipynb": released})
    assert labels(checked) == ["layers.py"]
    assert "the code in layers.ipynb is as it was released" in checked.notes[0]

    checked = grade({"layers.py": work, "layers.ipynb": done})
    assert labels(checked) == ["layers.py"]
    assert "because a module goes first" in checked.notes[0]

    checked = grade({"layers.py": stub, "layers.ipynb": released})
    assert labels(checked) == ["layers.py"]
    assert checked.untouched
    assert checked.notes == ("The code in layers.py is as it was released.",)


def test_a_broken_file_gives_way_to_a_readable_one(grade, notebook, work):
    done = notebook("def linear_forward(x, w, b):\n    return x\n")
    checked = grade({"layers.py": b"\0\0", "layers.ipynb": done})
    assert labels(checked) == ["layers.ipynb[cell 1]"]
    assert "NUL bytes" in checked.notes[0]
    assert "Another file was graded instead." in checked.notes[0]
    checked = grade({"layers.py": work, "layers.ipynb": "{"})
    assert labels(checked) == ["layers.py"]


def test_an_empty_module_is_said_to_be_empty(grade):
    checked = grade({"layers.py": ""})
    assert checked.notes == ("layers.py is empty: there is no code in it.",)
    assert checked.untouched


def test_answers_come_from_percent_cells(grade, work):
    text = work.replace("# *Write your answer here.*", "# Because $1 + 1 = 2$.\n#\n# - so")
    (answer,) = grade({"layers.py": text}).answers
    assert (answer.question, answer.text) == ("why", "Because $1 + 1 = 2$.\n\n- so")
    quoted = work.replace("# *Write your answer here.*", '"""\nBecause.\n"""')
    assert grade({"layers.py": quoted}).answers[0].text == "Because."


@pytest.mark.parametrize("metadata", [{"answer": "why"}, {"nbgrader": {"grade_id": "why"}}])
def test_answers_come_from_notebook_cells(grade, notebook, metadata):
    text = notebook("x = 1", ("markdown", "Because\u202e.", metadata), ("markdown", "no", {}))
    (answer,) = grade({"layers.ipynb": text}).answers
    assert (answer.question, answer.text) == ("why", "Because�.")


def test_an_answer_left_as_released_is_no_answer(grade, notebook, work):
    assert grade({"layers.py": work}).answers == ()
    text = notebook("x = 1", ("markdown", "*Write your\nanswer here.*\n", {"answer": "why"}))
    assert grade({"layers.ipynb": text}).answers == ()


def test_answers_in_the_notebook_count_when_the_module_is_graded(grade, notebook, work):
    text = notebook(("markdown", "Because.", {"answer": "why"}))
    checked = grade({"layers.py": work, "layers.ipynb": text})
    assert labels(checked) == ["layers.py"]
    assert checked.answers[0].text == "Because."
    assert "The answer to why was taken from layers.ipynb." in checked.notes


def test_a_long_answer_is_cut_with_a_note(tree, attempt, layers, work):
    root = tree({"layers.py": work.replace("*Write your answer here.*", "long " * 100)})
    checked = read(attempt(root), layers, Limits(answer_chars=40))
    assert len(checked.answers[0].text) == 40
    assert "was cut after 40 characters" in checked.notes[0]


def test_the_digest_tells_what_is_graded_and_nothing_else(grade, notebook, work):
    first = grade({"layers.py": work})
    assert grade({"layers.py": work.replace("\n", "\r\n"), "more.txt": "x"}).digest == first.digest
    assert grade({"layers.py": work + "y = 1\n"}).digest != first.digest
    assert grade({"layers.py": work.replace("*Write your", "My")}).digest != first.digest


def test_a_unit_without_a_stub_is_read_too(grade, work):
    checked = grade({"layers.py": work}, unit=RecognisedUnit("03_layers", "layers"))
    assert labels(checked) == ["layers.py"]
    assert not checked.untouched
    assert checked.answers == ()
