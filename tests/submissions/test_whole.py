"""A path that is known to be one student's."""

from __future__ import annotations

import pytest

from autograder.submissions import Unreadable, read, single_submission


@pytest.mark.parametrize(
    "files",
    [
        {"layers.py": ""},
        {"03_layers/layers.py": "", "other/notes.py": "x = 1"},
        {"my answer (2).py": ""},
        {"ada/layers.py": "", "convolution.py": "y = 2"},
    ],
    ids=["the module", "among others", "another name", "like a class"],
)
def test_everything_at_the_path_is_one_submission(tree, work, units, files):
    root = tree({name: text or work for name, text in files.items()})
    attempt = single_submission(root, "ada", units)
    assert (attempt.student, attempt.number, attempt.late) == ("ada", 1, None)
    checked = read(attempt, next(unit for unit in units if unit.module == "layers"))
    assert checked is not None
    assert [cell.source for cell in checked.cells] == [work]


def test_an_archive_or_a_module_may_be_named_itself(tmp_path, zipped, work, units):
    layers = next(unit for unit in units if unit.module == "layers")
    for name, content in {"x.zip": zipped({"layers.py": work}), "y.py": work.encode()}.items():
        (tmp_path / name).write_bytes(content)
        checked = read(single_submission(tmp_path / name, "ada", units), layers)
        assert checked is not None, name


def test_nothing_at_the_path_is_an_error(tmp_path, units):
    with pytest.raises(Unreadable, match="nothing at"):
        single_submission(tmp_path / "gone", "ada", units)
