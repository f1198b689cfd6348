"""A release is written over an earlier one without undoing anybody's work."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from autograder.course import CourseError, find_course, find_units, read_release
from autograder.release import ReleaseReport, check_assignments, digest, release

STUB, TESTS, BOOK = "01_cubes/cubes.py", "01_cubes/test_public.py", "01_cubes/cubes.ipynb"


@pytest.fixture
def out(course: Path, tmp_path: Path) -> Path:
    """A release in which work may begin."""
    folder = tmp_path / "students"
    release(course, folder, wheel=False)
    return folder


def again(course: Path, out: Path) -> ReleaseReport:
    return release(course, out, wheel=False)


def correct(
    course: Path, file: str = "cubes.py", old: str = "its slope", new: str = "slope"
) -> None:
    """Change a public text of the course."""
    path = course / "solutions" / "01_cubes" / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_release_holds_what_students_need_and_nothing_else(out: Path) -> None:
    assert sorted(contents(out)) == [
        ".gitignore",
        BOOK,
        STUB,
        TESTS,
        "README.md",
        "handgrad.json",
        "pytest.ini",
        "requirements.txt",
    ]


def test_releasing_again_changes_nothing(course: Path, out: Path) -> None:
    before = contents(out)
    assert again(course, out).sentences()[1:] == ["Nothing changed."]
    assert contents(out) == before


def test_a_release_does_not_depend_on_where_it_is_written(
    course: Path, out: Path, tmp_path: Path
) -> None:
    release(course, tmp_path / "elsewhere", wheel=False)
    assert contents(tmp_path / "elsewhere") == contents(out)


def test_the_readme_begins_with_the_two_commands_and_lists_exercises(out: Path) -> None:
    text = (out / "README.md").read_text(encoding="utf-8")
    assert text.index("pip install -r requirements.txt") < text.index("autograder check 01_cubes")
    assert text.index("autograder check 01_cubes") < text.index("## Units")
    assert "`cube_forward` (3), `cube_backward` (3), `cube_sum` (0.5)" in text
    assert "`why_cubes` (written, 2) | 8.5 | 2026-10-15 23:59 UTC+02:00 |" in text


def test_torch_is_pinned_as_the_package_pins_it(out: Path) -> None:
    pyproject = Path(__file__).resolve().parents[2] / "pyproject.toml"
    lines = (out / "requirements.txt").read_text(encoding="utf-8").splitlines()
    (pin,) = [line for line in lines if line.startswith("torch")]
    assert f'"{pin}"' in pyproject.read_text(encoding="utf-8")
    assert any(line.startswith("./handgrad-") and line.endswith(".whl") for line in lines)


def test_a_release_knows_its_units_whatever_becomes_of_the_modules(out: Path) -> None:
    (out / STUB).write_text("def cube_forward(:\n", encoding="utf-8")
    (unit,) = find_units(out)
    assert [exercise.points for exercise in unit.exercises] == [3.0, 3.0, 0.5, 2.0]
    assert unit.returns["cube_forward"] == ("value", "opaque")
    assert unit.folder == out / "01_cubes"
    assert find_course(out / "01_cubes").kind == "student"


def test_a_release_names_no_hidden_test(out: Path) -> None:
    (unit,) = find_units(out)
    assert unit.exercise("cube_backward").tests == ()
    assert all(not test.hidden for exercise in unit.exercises for test in exercise.tests)


def test_an_untouched_file_is_updated(course: Path, out: Path) -> None:
    correct(course)
    report = again(course, out)
    assert report.updated == [STUB, BOOK]
    assert "The cube of $x$ is $x^3$, slope" in (out / STUB).read_text(encoding="utf-8")


def test_line_ends_that_git_changed_are_no_change(course: Path, out: Path) -> None:
    (out / STUB).write_bytes((out / STUB).read_bytes().replace(b"\n", b"\r\n"))
    correct(course)
    assert again(course, out).updated == [STUB, BOOK]


def test_work_is_kept_and_the_new_text_is_beside_it(course: Path, out: Path) -> None:
    (out / STUB).write_text("mine\n", encoding="utf-8")
    correct(course)
    report = again(course, out)
    assert report.kept == {STUB: "01_cubes/cubes.new.py"}
    assert (out / STUB).read_text(encoding="utf-8") == "mine\n"
    assert "slope" in (out / "01_cubes/cubes.new.py").read_text(encoding="utf-8")
    assert any("its new text is 01_cubes/cubes.new.py" in said for said in report.sentences())


def test_work_on_a_text_that_has_not_changed_is_left_alone(course: Path, out: Path) -> None:
    (out / STUB).write_text("mine\n", encoding="utf-8")
    report = again(course, out)
    assert report.kept == {STUB: None}
    assert not (out / "01_cubes/cubes.new.py").exists()


def test_a_new_text_beside_work_is_brought_up_to_date_itself(course: Path, out: Path) -> None:
    (out / STUB).write_text("mine\n", encoding="utf-8")
    correct(course)
    again(course, out)
    correct(course, old="# The cube of", new="# A cube of")
    assert again(course, out).kept == {STUB: "01_cubes/cubes.new.py"}
    assert "A cube of" in (out / "01_cubes/cubes.new.py").read_text(encoding="utf-8")


def test_a_new_text_that_was_changed_is_kept_too(course: Path, out: Path) -> None:
    (out / STUB).write_text("mine\n", encoding="utf-8")
    (out / "01_cubes/cubes.new.py").write_text("mine as well\n", encoding="utf-8")
    correct(course)
    assert again(course, out).kept == {STUB: "01_cubes/cubes.new2.py"}
    assert (out / "01_cubes/cubes.new.py").read_text(encoding="utf-8") == "mine as well\n"


def test_a_file_of_a_folder_that_was_never_released_to_is_kept(
    course: Path, tmp_path: Path
) -> None:
    (tmp_path / "repository").mkdir()
    (tmp_path / "repository" / "README.md").write_text("ours\n", encoding="utf-8")
    report = again(course, tmp_path / "repository")
    assert report.kept == {"README.md": "README.new.md"}


def test_a_unit_that_left_the_course_is_removed(course: Path, out: Path) -> None:
    (course / "solutions" / "01_cubes").rename(course / "solutions" / "02_cubes")
    policy = course / "solutions" / "course.toml"
    policy.write_text("", encoding="utf-8")
    (out / STUB).write_text("mine\n", encoding="utf-8")
    report = again(course, out)
    assert report.removed == [BOOK, TESTS]
    assert report.left == [STUB]
    assert (out / STUB).is_file()


def test_a_folder_of_which_nothing_is_left_goes(course: Path, out: Path) -> None:
    (course / "solutions" / "01_cubes").rename(course / "solutions" / "02_cubes")
    (course / "solutions" / "course.toml").write_text("", encoding="utf-8")
    again(course, out)
    assert not (out / "01_cubes").exists()


def test_files_of_others_are_never_deleted(course: Path, out: Path) -> None:
    (out / ".git").mkdir()
    (out / ".git" / "HEAD").write_text("ref: refs/heads/main\n", encoding="utf-8")
    (out / "01_cubes" / "notes.txt").write_text("mine\n", encoding="utf-8")
    correct(course)
    again(course, out)
    assert (out / ".git" / "HEAD").is_file()
    assert (out / "01_cubes" / "notes.txt").is_file()


def test_a_link_that_leads_out_of_the_release_is_not_followed(
    course: Path, out: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    (out / "01_cubes").rename(outside)
    (out / "01_cubes").symlink_to(outside)
    correct(course)
    before = contents(outside)
    with pytest.raises(CourseError, match="a link that leads out of"):
        again(course, out)
    assert contents(outside) == before


def test_a_marker_that_names_files_elsewhere_deletes_nothing(
    course: Path, out: Path, tmp_path: Path
) -> None:
    (tmp_path / "precious").write_text("ours\n", encoding="utf-8")
    marker = json.loads((out / "handgrad.json").read_text(encoding="utf-8"))
    marker["files"]["../precious"] = digest(b"ours\n")
    (out / "handgrad.json").write_text(json.dumps(marker), encoding="utf-8")
    with pytest.raises(CourseError, match="leads out of"):
        again(course, out)
    assert (tmp_path / "precious").is_file()


@pytest.mark.parametrize("place", ["", "solutions", "solutions/01_cubes/out"])
def test_a_release_is_never_mixed_with_solutions(course: Path, place: str) -> None:
    with pytest.raises(CourseError, match="release to a folder of its own"):
        again(course, course / place)


def test_a_damaged_marker_is_not_guessed_at(course: Path, out: Path) -> None:
    (out / "handgrad.json").write_text("{", encoding="utf-8")
    with pytest.raises(CourseError, match="missing or damaged"):
        again(course, out)


def test_a_unit_without_hidden_tests_is_not_ready(course: Path, tmp_path: Path) -> None:
    (course / "solutions" / "01_cubes" / "test_hidden.py").unlink()
    with pytest.raises(CourseError, match=r"01_cubes has no test_hidden\.py, so it is not ready"):
        again(course, tmp_path / "students")
    assert not (tmp_path / "students").exists()


def test_public_tests_may_not_ask_for_the_reference(course: Path, out: Path) -> None:
    correct(course, "test_public.py", "(student, device)", "(student, reference, device)")
    with pytest.raises(CourseError, match="a public test asks for the reference"):
        again(course, out)


def test_students_read_what_lateness_costs(course: Path, out: Path) -> None:
    policy = course / "solutions" / "course.toml"
    rule = "\n[late]\nper_day = 0.1\ngrace_minutes = 15\nat_most = 0.5\ncutoff_days = 7\n"
    policy.write_text(policy.read_text(encoding="utf-8") + rule, encoding="utf-8")
    release(course, out, wheel=False)
    text = " ".join((out / "README.md").read_text(encoding="utf-8").split())
    assert "each day begun after the due date takes 10% of the points earned, at most 50%" in text
    assert "later than 7 days it is worth no points" in text
    assert "Up to 15 minutes late is on time." in text


def test_a_due_date_of_no_unit_is_an_error(course: Path, out: Path) -> None:
    policy = course / "solutions" / "course.toml"
    text = policy.read_text(encoding="utf-8").replace("01_cubes", "01_cubs")
    policy.write_text(text, encoding="utf-8")
    with pytest.raises(CourseError, match="there is no unit named 01_cubs"):
        again(course, out)


def test_the_version_changes_with_the_released_text_only(course: Path, out: Path) -> None:
    version = read_release(out).version
    with (course / "solutions/01_cubes/test_hidden.py").open("a", encoding="utf-8") as file:
        file.write("\nMORE = 1\n")
    assert again(course, out).version == version
    correct(course)
    assert again(course, out).version != version


def test_assignments_are_what_release_writes(course: Path, out: Path) -> None:
    release(course, course / "assignments", wheel=False)
    assert contents(course / "assignments") == contents(out)
    assert check_assignments(course) == []


def test_assignments_that_differ_are_told_in_sentences(course: Path) -> None:
    assert "assignments/README.md is missing" in check_assignments(course)[0]
    release(course, course / "assignments", wheel=False)
    correct(course)
    (course / "assignments" / "extra.py").write_text("", encoding="utf-8")
    told = " ".join(check_assignments(course))
    assert f"assignments/{STUB} is not what solutions/ say: run `autograder release`" in told
    assert "assignments/extra.py is not generated from solutions/: delete it." in told


def test_assignments_are_generated_as_a_whole(course: Path) -> None:
    assignments = course / "assignments"
    release(course, assignments, wheel=False)
    (assignments / STUB).write_text("edited by hand\n", encoding="utf-8")
    (assignments / "handgrad.json").write_text("<<<<<<< conflict", encoding="utf-8")
    report = release(course, assignments, wheel=False)
    assert report.updated == [STUB]
    assert check_assignments(course) == []
