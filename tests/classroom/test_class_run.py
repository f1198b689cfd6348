"""A class run: results, interruptions, decisions of people, and the grader's own failures."""

from __future__ import annotations

import json
import os
import signal
import textwrap
import threading
import time
import zipfile

import msgspec
import pytest

from autograder.classroom import (
    GradingError,
    GradingProcesses,
    Orders,
    find_submissions,
    grade_class,
    idle_extensions,
    plan,
    recognised_unit,
    resolve,
    unmeasured_lateness,
)
from autograder.classroom import processes as classroom_processes
from autograder.course import Course
from autograder.grading import Settings
from autograder.results import Folder, ResultError, brief, file_name, read_result, write_atomically

WRONG = "\n\ndef total(x, w):\n    return (x * w).mean()\n"


@pytest.fixture
def submissions(tmp_path, scaling_source):
    folder = tmp_path / "submissions"
    for student, source in {
        "ada": scaling_source,
        "bob": scaling_source + WRONG,
        "eve": None,
        "zoe": scaling_source,
    }.items():
        (folder / student).mkdir(parents=True)
        if source is not None:
            (folder / student / "scaling.py").write_text(source, encoding="utf-8")
    with zipfile.ZipFile(folder / "mallory.zip", "w") as archive:
        archive.writestr("scaling.py", scaling_source)
    damaged = (folder / "mallory.zip").read_bytes()
    (folder / "mallory.zip").write_bytes(damaged[: len(damaged) // 2])
    return folder


class Class:
    """One class run after another over the same submissions."""

    def __init__(self, root, submissions, out, best=False):
        self.course = Course(root, "staff")
        self.folder = Folder(out)
        units = self.course.units
        known = [recognised_unit(self.course, unit) for unit in units]
        self.plan = plan(find_submissions([submissions], known), units, best=best)
        self.settings = Settings.of(self.course.policy, ["cpu"])

    def run(self, **options):
        seen = []
        orders = Orders(root=str(self.course.root), settings=msgspec.to_builtins(self.settings))
        with GradingProcesses(orders, options.pop("processes", 1)) as processes:
            report = grade_class(
                self.course,
                self.plan.jobs,
                processes,
                self.folder,
                self.settings,
                resume=options.pop("resume", False),
                on_result=options.pop("on_result", seen.append),
            )
        return report, seen

    def result(self, student):
        return read_result(self.folder.result_file("01_scaling", student))


@pytest.fixture
def classroom(course_root, submissions, tmp_path):
    return Class(course_root, submissions, tmp_path / "out")


def test_everybody_gets_a_result_whatever_they_handed_in(classroom):
    report, _ = classroom.run(processes=2)
    got = {r.student: (r.status, r.points) for r in report.results}
    assert got == {
        "ada": ("graded", 13.0),
        "bob": ("graded", 11.0),
        "eve": ("missing", 0.0),
        "mallory": ("unreadable", 0.0),
        "zoe": ("graded", 13.0),
    }
    assert report.faults == {}
    assert brief(classroom.result("bob")) == next(r for r in report.results if r.student == "bob")
    assert "hand in scaling.py" in classroom.result("eve").message
    assert classroom.result("mallory").message


def test_a_unit_that_nobody_handed_in_is_not_prepared(course_root, submissions, tmp_path):
    hidden = course_root / "solutions" / "01_scaling" / "test_hidden.py"
    trace = tmp_path / "prepared"
    leave = f"\nfrom pathlib import Path\nPath({str(trace)!r}).touch()\n"
    hidden.write_text(hidden.read_text(encoding="utf-8") + leave, encoding="utf-8")
    for student in ("ada", "bob", "zoe"):
        (submissions / student / "scaling.py").rename(tmp_path / f"{student}.py")
    classroom = Class(course_root, submissions, tmp_path / "out")
    report, _ = classroom.run()
    assert {r.status for r in report.results} == {"missing", "unreadable"}
    assert {(r.points, r.max_points, r.run.seed) for r in report.results} == {(0.0, 15.0, 0)}
    assert all(r.run.fingerprint for r in report.results)
    assert not trace.exists()
    (tmp_path / "ada.py").rename(submissions / "ada" / "scaling.py")
    report, _ = classroom.run(resume=True)
    assert [r.status for r in report.results if r.student == "ada"] == ["graded"]
    assert trace.exists()  # so preparing would have been noticed


def test_a_worker_that_is_confined_less_than_required_gets_no_code(
    course_root, submissions, tmp_path
):
    room = Class(course_root, submissions / "ada", tmp_path / "out")
    settings = msgspec.to_builtins(room.settings)
    # Spawned workers never reach this level; `autograder grade` would not have begun.
    orders = Orders(
        root=str(room.course.root), settings={**settings, "require": "isolated"}, worker="spawn"
    )
    with GradingProcesses(orders, 1) as processes:
        report = grade_class(
            room.course, room.plan.jobs, processes, room.folder, room.settings, resume=False
        )
    assert [r.status for r in report.results] == ["needs a person"]
    assert report.results[0].points is None
    assert "'isolated' is required" in report.results[0].message


def test_resuming_keeps_what_holds_and_grades_what_changed(classroom, submissions, scaling_source):
    first, _ = classroom.run()
    (submissions / "bob" / "scaling.py").write_text(scaling_source, encoding="utf-8")
    second, _ = classroom.run(resume=True)
    assert second.kept == 2
    assert {r.student: r.points for r in second.results}["bob"] == 13.0
    before = {r.student: r.run.when for r in first.results if r.status == "graded"}
    assert classroom.result("ada").run.when == before["ada"]


def test_a_change_of_the_hidden_tests_makes_old_results_void(classroom, course_root):
    classroom.run()
    hidden = course_root / "solutions" / "01_scaling" / "test_hidden.py"
    hidden.write_text(hidden.read_text(encoding="utf-8") + "\n# changed\n", encoding="utf-8")
    report, _ = classroom.run(resume=True)
    assert report.kept == 0


def test_an_interrupted_run_is_finished_by_the_next(classroom):
    class Interrupted(Exception):
        pass

    def stop(result):
        raise Interrupted

    with pytest.raises(Interrupted):
        classroom.run(on_result=stop)
    done = list((classroom.folder.path / "results").rglob("*.json"))
    assert len(done) == 1
    report, _ = classroom.run(resume=True)
    assert len(report.results) == 5
    assert sum(r.points for r in report.results) == 37.0


def test_a_grading_process_that_dies_makes_no_zero(classroom, monkeypatch):
    """The grader's own failure is 'needs a person', and the class goes on."""
    from autograder.classroom import processes as crew

    started = []
    original = crew._start

    def start(orders, gpu):
        member = original(orders, gpu)
        started.append(member)
        return member

    monkeypatch.setattr(crew, "_start", start)

    def kill_first():
        while not started or started[0].job is None:
            time.sleep(0.01)
        os.kill(started[0].process.pid, signal.SIGKILL)

    killer = threading.Thread(target=kill_first)
    killer.start()
    report, _ = classroom.run()
    killer.join()
    needy = [r for r in report.results if r.status == "needs a person"]
    assert len(needy) == 1
    assert needy[0].points is None
    assert needy[0].pending == needy[0].max_points
    assert "not the student's fault" in needy[0].message
    assert list(report.faults.values()) == [[needy[0].student]]
    assert len(report.results) == 5
    again, _ = classroom.run(resume=True)  # what needed a person is graded again
    assert all(r.status != "needs a person" for r in again.results)


def test_a_unit_that_cannot_be_used_is_the_graders_fault(classroom, course_root):
    hidden = course_root / "solutions" / "01_scaling" / "test_hidden.py"
    text = hidden.read_text(encoding="utf-8")
    hidden.write_text(text.replace("reference.total(case.x, case.w)", "case.x"), encoding="utf-8")
    report, _ = classroom.run()
    graded = {r.student: r.status for r in report.results}
    assert graded["ada"] == graded["bob"] == "needs a person"
    assert "cannot be used for grading" in next(iter(report.faults))


def test_the_latest_attempt_counts_or_the_best(course_root, tmp_path, scaling_source):
    folder = tmp_path / "attempts"
    folder.mkdir()
    for stamp, source in {"2026-10-01T10-00": scaling_source, "2026-10-02T10-00": WRONG}.items():
        with zipfile.ZipFile(folder / f"ada@{stamp}.zip", "w") as archive:
            archive.writestr("scaling.py", source)
    latest = Class(course_root, folder, tmp_path / "latest")
    report, _ = latest.run()
    assert [(r.attempt, r.attempts, r.points) for r in report.results] == [(2, 2, 0.0)]
    best = Class(course_root, folder, tmp_path / "best", best=True)
    report, _ = best.run()
    assert [(r.attempt, r.attempts, r.points) for r in report.results] == [(1, 2, 13.0)]
    attempts = best.folder.path / "results" / "01_scaling" / "attempts"
    assert sorted(f.name for f in attempts.iterdir()) == ["ada@1.json", "ada@2.json"]


def test_late_work_loses_its_share_and_a_granted_extension_gives_it_back(
    course_root, tmp_path, scaling_source
):
    rule = """
        due.01_scaling = 2026-10-15T23:59:00+02:00
        late = {per_day = 0.1, grace_minutes = 15}
        """
    toml = course_root / "solutions" / "course.toml"
    toml.write_text(textwrap.dedent(rule), encoding="utf-8")
    folder = tmp_path / "late"
    folder.mkdir()
    for name in ("ada@2026-10-15T21-59Z", "bob@2026-10-16T22-00Z", "eve@2026-10-16T22-00"):
        with zipfile.ZipFile(folder / f"{name}.zip", "w") as archive:
            archive.writestr("scaling.py", scaling_source)
    classroom = Class(course_root, folder, tmp_path / "out")
    report, _ = classroom.run()
    got = {r.student: (r.late, r.days_late, r.points, r.mark) for r in report.results}
    assert got == {
        "ada": (False, 0, 13.0, 13.0),
        "bob": (True, 2, 13.0, 10.4),
        "eve": (None, 0, 13.0, 13.0),
    }
    assert "the work of eve came is not known" in unmeasured_lateness(
        report.results, classroom.course.policy.late
    )
    written = json.loads(classroom.folder.result_file("01_scaling", "bob").read_bytes())
    assert (written["points"], written["mark"], written["penalty"]) == (13.0, 10.4, 0.2)
    extension = "extensions.bob.01_scaling = 2026-10-20T00:00:00Z\nextensions.bbo = {}\n"
    toml.write_text(textwrap.dedent(rule) + extension, encoding="utf-8")
    report, _ = classroom.run(resume=True)
    assert report.kept == 3
    assert {r.student: r.mark for r in report.results}["bob"] == 13.0
    assert idle_extensions(classroom.course.policy, classroom.plan) == [
        "course.toml has an extension for bbo, of whom nothing was found."
    ]


def test_the_best_attempt_is_the_one_with_the_best_mark(course_root, tmp_path, scaling_source):
    (course_root / "solutions" / "course.toml").write_text(
        "due.01_scaling = 2026-10-15T23:59:00Z\nlate.per_day = 0.5\n", encoding="utf-8"
    )
    folder = tmp_path / "attempts"
    folder.mkdir()
    for stamp, source in {
        "2026-10-15T10-00Z": scaling_source + WRONG,
        "2026-10-16T10-00Z": scaling_source,
    }.items():
        with zipfile.ZipFile(folder / f"ada@{stamp}.zip", "w") as archive:
            archive.writestr("scaling.py", source)
    report, _ = Class(course_root, folder, tmp_path / "best", best=True).run()
    assert [(r.attempt, r.points, r.mark) for r in report.results] == [(1, 11.0, 11.0)]


def test_a_decision_of_a_person_survives_grading_again(classroom):
    classroom.run()
    result = resolve(classroom.folder, "bob", "", "total", 1.5, "half a point for the idea")
    assert result.points == 11.0 + 1.5
    exercise = next(e for e in result.exercises if e.name == "total")
    assert (exercise.status, exercise.graded_points) == ("marked", 0.0)
    report, _ = classroom.run()
    assert {r.student: r.points for r in report.results}["bob"] == 12.5
    result = resolve(classroom.folder, "eve", "scaling", "", 5, "handed in on paper")
    assert (result.status, result.points, result.pending) == ("graded", 5.0, 0.0)
    report, _ = classroom.run(resume=True)
    assert {r.student: r.points for r in report.results}["eve"] == 5.0


def test_a_decision_that_cannot_be_meant_is_refused(classroom):
    classroom.run()
    for arguments, sentence in [
        (("nobody", "", "", 1, "x"), "There is no result of 'nobody'"),
        (("ada", "", "nothing", 1, "x"), "has no exercise 'nothing'; it has scale_forward"),
        (("ada", "", "total", 3, "x"), "3 is not between 0 and 2"),
        (("ada", "", "total", -1, "x"), "-1 is not between"),
        (("ada", "", "total", float("nan"), "x"), "nan is not between"),
        (("ada", "99", "total", 1, "x"), "Name the unit with --unit"),
        (("ada", "", "total", 1, "  "), "Say why"),
    ]:
        with pytest.raises(GradingError, match=sentence):
            resolve(classroom.folder, *arguments)
    assert not classroom.folder.resolutions_file.exists()


def test_damaged_decisions_stop_the_run_instead_of_being_forgotten(classroom):
    classroom.folder.path.mkdir()
    classroom.folder.resolutions_file.write_text("[{", encoding="utf-8")
    with pytest.raises(ResultError, match="restore it"):
        classroom.run()


def test_nothing_to_grade_is_a_sentence(course_root, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(GradingError, match="No submissions were found"):
        Class(course_root, tmp_path / "empty", tmp_path / "out")
    with pytest.raises(GradingError, match="nothing at"):
        Class(course_root, tmp_path / "nowhere", tmp_path / "out")


def test_results_are_written_whole_or_not_at_all(tmp_path, monkeypatch):
    file = tmp_path / "result.json"
    write_atomically(file, b"old")

    def fail(descriptor):
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        write_atomically(file, b"new")
    assert file.read_bytes() == b"old"
    assert [f.name for f in tmp_path.iterdir()] == ["result.json"]


def test_a_result_of_another_version_is_refused(tmp_path):
    file = tmp_path / "result.json"
    file.write_text('{"schema": "handgrad/result/9"}', encoding="utf-8")
    with pytest.raises(ResultError, match=r"cannot be read as a result|has the format"):
        read_result(file)


def test_file_names_are_safe_and_differ():
    odd = [
        "../x",
        "a/b",
        "a\\b",
        ".",
        "..",
        "",
        "con",
        "NUL.txt",
        "x" * 300,
        "x" * 299 + "y",
        "é",
        "a ",
    ]
    names = [file_name(student) for student in odd]
    assert len(set(names)) == len(odd)
    for name in names:
        assert "/" not in name
        assert "\\" not in name
        assert name.strip(". ") == name or "-" in name
        assert 0 < len(name.encode()) < 200
    assert file_name("doe jane") == "doe jane"


def test_what_cannot_be_read_waits_for_no_grading_process(
    course_root, submissions, tmp_path, monkeypatch
):
    def start(*arguments: object) -> None:
        raise AssertionError("there is nothing to do for it")

    room = Class(course_root, submissions / "mallory.zip", tmp_path / "out")
    monkeypatch.setattr(classroom_processes, "_start", start)
    report, _ = room.run()
    assert [(r.status, r.points, r.run.worker) for r in report.results] == [("unreadable", 0.0, {})]
    assert room.result("mallory").message


def test_results_are_kept_in_brief_and_written_whole(classroom):
    report, _ = classroom.run()
    kept = next(r for r in report.results if r.student == "bob")
    written = classroom.result("bob")
    assert any(test.failure for e in written.exercises for test in e.tests)
    assert [e.tests for e in kept.exercises] == [[] for _ in kept.exercises]
    assert [(e.name, e.points) for e in kept.exercises] == [
        (e.name, e.points) for e in written.exercises
    ]
