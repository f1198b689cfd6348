"""Exams as files: kept, found again, never trusted when they are not what was written."""

from __future__ import annotations

import os
import re
import signal
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from scaling import write_course

from autograder import exam as room
from autograder.course import find_unit
from autograder.exam import (
    CARRIED,
    Damaged,
    ExamRequest,
    ExamStore,
    PreparationError,
    exams,
    file_name,
    read_exam,
    rehearsal,
    write_secret,
)
from autograder.testing import Opaque, map_tensors, same_value


@pytest.fixture
def store(tmp_path: Path) -> ExamStore:
    return ExamStore(tmp_path / "cache" / "exams")


@pytest.fixture
def request_(course_root: Path) -> ExamRequest:
    return ExamRequest(find_unit(course_root / "solutions", "scaling"), 3, ("cpu",))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of an exam of that request: a course in another folder has the same."""
    root = write_course(tmp_path_factory.mktemp("course"))
    store = ExamStore(tmp_path_factory.mktemp("exams"))
    kept = store.open(ExamRequest(find_unit(root / "solutions", "scaling"), 3, ("cpu",)))
    assert kept.file is not None
    return kept.file.read_bytes()


@pytest.fixture
def file(store, request_, data) -> Path:
    """The exam's file, as it was kept some time ago."""
    store.folder.mkdir(parents=True, mode=0o700)
    file = store.folder / file_name(request_)
    write_secret(file, data)
    return file


def test_what_is_kept_is_what_was_drawn(store, request_):
    drawn, kept = store.open(request_), store.open(request_)
    assert (drawn.prepared, kept.prepared) == (True, False)
    assert drawn.file == kept.file
    assert [t.name for t in kept.exam.tests] == [t.name for t in drawn.exam.tests]
    fresh = room.draw(request_)
    assert [t.name for t in fresh.tests] == [t.name for t in kept.exam.tests]
    for ours, theirs in zip(fresh.tests, kept.exam.tests, strict=True):
        assert len(ours.examples) == len(theirs.examples) > 0
        assert len(ours.smaller) == len(theirs.smaller) == (2 if ours.smaller else 0)
        both = [*zip(ours.examples, theirs.examples, strict=True)]
        for a, b in zip(ours.smaller, theirs.smaller, strict=True):
            both += zip(a.examples, b.examples, strict=True)
        for a, b in both:
            assert inputs_of(a) == inputs_of(b)
            # What was asked about a function is asked again: a function cannot be kept.
            known = [x for x in a.answers if not any(map(callable, x.args))]
            for x, y in zip(known, b.answers, strict=True):
                assert x.function == y.function
                assert same_value(told(x.value), told(y.value))
    assert [m.sentence for m in kept.exam.mistakes] == [m.sentence for m in fresh.mistakes]


def told(value):
    """A value in which opaque ones are all the same."""
    if isinstance(value, Opaque):
        return "something"
    return tuple(map(told, value)) if type(value) is tuple else value


def inputs_of(example):
    """Everything of the inputs down to the bits and the strides."""
    seen = []

    def look(tensor: torch.Tensor) -> torch.Tensor:
        bits = tensor.detach().contiguous().numpy().tobytes()
        seen.append((tensor.dtype, tuple(tensor.shape), tensor.stride(), bits))
        return tensor

    map_tensors(example.inputs, look)
    return seen


def test_only_its_owner_can_read_it(store, request_):
    umask = os.umask(0)
    try:
        file = store.open(request_).file
    finally:
        os.umask(umask)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert [entry for entry in file.parent.iterdir() if entry.suffix == ".part"] == []


def test_a_damaged_one_is_prepared_again_with_a_sentence(store, request_, file):
    file.write_bytes(file.read_bytes()[:-1])
    again = store.open(request_)
    assert again.prepared
    assert again.told == "The exam kept for 01_scaling is damaged; it is prepared again."
    assert read_exam(bytearray(file.read_bytes())).tests
    assert not store.open(request_).prepared


@pytest.fixture
def drawn(monkeypatch) -> list[ExamRequest]:
    """What was drawn: a stand-in, where only whether it happens is looked at."""
    seen: list[ExamRequest] = []

    def draw(request: ExamRequest) -> None:
        seen.append(request)
        raise PreparationError("not drawn here")

    monkeypatch.setattr(exams, "draw", draw)
    return seen


def test_one_that_others_could_have_written_is_not_used(store, request_, file, drawn):
    assert not store.open(request_).prepared
    file.chmod(0o666)
    with pytest.raises(PreparationError):
        store.open(request_)
    assert drawn == [request_]


def test_a_link_in_its_place_is_not_followed(store, request_, file, drawn, tmp_path):
    file.symlink_to(file.rename(tmp_path / "elsewhere.exam"))
    with pytest.raises(PreparationError):
        store.open(request_)
    assert drawn == [request_]


@pytest.mark.parametrize("cut", [0, 5, 40, 47, 48, 60, 2000, -1])
def test_no_part_of_one_is_taken_for_a_whole_one(data, cut):
    with pytest.raises(Damaged):
        read_exam(bytearray(data[:cut]))


@pytest.mark.parametrize("place", [0.0, 0.001, 0.01, 0.3, 0.6, 0.999])
def test_one_with_a_changed_byte_is_damaged(data, place):
    changed = bytearray(data)
    changed[int(place * len(data))] ^= 1
    with pytest.raises(Damaged):
        read_exam(changed)


def test_another_file_is_damaged():
    with pytest.raises(Damaged):
        read_exam(bytearray(b"PK\x03\x04" * 100))


@pytest.mark.parametrize(
    "change", ["scaling.py", "test_hidden.py", "test_public.py", "mistakes.py", "seed", "devices"]
)
def test_whatever_it_depends_on_gives_it_another_name(request_, change):
    before = file_name(request_)
    assert before.startswith("01_scaling-")
    if change == "seed":
        request_ = replace(request_, seed=4)
    elif change == "devices":
        request_ = replace(request_, devices=("cpu", "cuda (simulated)"))
    else:
        file = request_.unit.folder / change
        file.write_text(file.read_text(encoding="utf-8") + "\n# changed\n", encoding="utf-8")
    assert file_name(request_) != before


def test_what_it_does_not_depend_on_keeps_it(request_):
    before = file_name(request_)
    (request_.unit.folder / "alternatives.py").unlink()
    assert file_name(request_) == before


def test_one_that_travels_with_the_course_is_found_there(course_root, request_, data, tmp_path):
    units = course_root / "solutions"
    (units / CARRIED).mkdir()
    write_secret(units / CARRIED / file_name(request_), data)
    there = ExamStore(tmp_path / "cache", (units / CARRIED,))
    kept = there.open(request_)
    assert not kept.prepared
    assert kept.file.parent == units / CARRIED
    assert not (tmp_path / "cache").exists()


def test_one_that_travels_and_is_of_something_else_is_told_of(course_root, request_, tmp_path):
    units = course_root / "solutions"
    (units / CARRIED).mkdir()
    write_secret(units / CARRIED / file_name(replace(request_, seed=99)), b"of another seed")
    kept = ExamStore(tmp_path / "cache", (units / CARRIED,)).open(request_)
    assert kept.prepared
    assert kept.told == (
        "The exam that came with 01_scaling is of other files, settings or versions; it is "
        "prepared again."
    )


def test_without_a_place_nothing_is_written(request_, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "none"))
    kept = ExamStore.here(request_.unit.folder.parent, keep=False).open(request_)
    assert kept.prepared
    assert kept.file is None
    assert kept.exam.tests
    assert not (tmp_path / "none").exists()


def test_a_folder_that_cannot_be_written_costs_the_file_and_nothing_else(request_, tmp_path):
    (tmp_path / "file").write_text("no folder")
    kept = ExamStore(tmp_path / "file" / "exams").open(request_)
    assert kept.prepared
    assert kept.file is None
    assert kept.exam.tests


UNKEEPABLE = """

class Unheard:
    pass

@exercise("total", points=1)
@given(case=cases(), odd=st.builds(Unheard), examples=3)
def test_total_with_something_odd(student, reference, case, odd):
    assert_close(student.total(case.x, case.w), reference.total(case.x, case.w), "total")
"""


def test_a_test_that_cannot_be_kept_is_told_of_and_drawn_anew(store, request_):
    hidden = request_.unit.folder / "test_hidden.py"
    hidden.write_text(hidden.read_text(encoding="utf-8") + UNKEEPABLE, encoding="utf-8")
    for _ in range(2):
        kept = store.open(request_)
        assert kept.prepared
        assert "prepared anew for each run: a test draws a" in kept.told
        assert "Unheard" in kept.told
        assert any("odd" in test.name for test in kept.exam.tests)


COUNTED = """

import os as _os
with open(_os.environ["DRAWN"], "a") as _log:
    _log.write("x")
"""

OPEN = """
import sys
from pathlib import Path
from autograder.course import find_unit
from autograder.exam import ExamRequest, ExamStore
unit = find_unit(Path(sys.argv[1]), "scaling")
store = ExamStore(Path(sys.argv[2]))
print("ready", flush=True)
sys.stdin.readline()
kept = store.open(ExamRequest(unit, 3, ("cpu",)))
print(len(kept.exam.tests), kept.prepared)
"""


def test_two_processes_that_need_the_same_draw_it_once(course_root, request_, tmp_path):
    hidden = request_.unit.folder / "test_hidden.py"
    hidden.write_text(hidden.read_text(encoding="utf-8") + COUNTED, encoding="utf-8")
    log, folder = tmp_path / "log", tmp_path / "exams"
    both = [
        subprocess.Popen(
            [sys.executable, "-c", OPEN, str(course_root / "solutions"), str(folder)],
            env={**os.environ, "DRAWN": str(log)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for process in both:
        assert process.stdout.readline() == "ready\n"
    for process in both:
        process.stdin.write("\n")
        process.stdin.flush()
    said = sorted(process.communicate()[0].split()[1] for process in both)
    assert said == ["False", "True"]
    assert log.read_text() == "x"


def test_nothing_in_the_room_unpickles():
    for file in Path(room.__file__).parent.glob("*.py"):
        source = file.read_text(encoding="utf-8")
        assert not re.search(r"import (pickle|marshal|shelve|dill)|torch\.load\(", source), file


def test_exams_that_nobody_used_for_long_are_deleted(store, request_, file):
    os.utime(file, (1, 1))
    new = store.open(replace(request_, seed=99)).file
    assert not file.exists()
    assert new.exists()


def test_using_one_keeps_it(store, request_, file):
    os.utime(file, (1, 1))
    store.open(request_)
    assert file.stat().st_mtime > 1


ENDLESS = """

@mistake("total", "It has to end.")
def never_ends(x, w):
    while True:
        try:
            while True:
                pass
        except Exception:
            pass
"""


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no such timer")
def test_a_known_mistake_that_never_ends_is_left_behind(request_, monkeypatch):
    monkeypatch.setattr(rehearsal, "SECONDS", 0.2)
    mistakes = request_.unit.folder / "mistakes.py"
    mistakes.write_text(mistakes.read_text(encoding="utf-8") + ENDLESS, encoding="utf-8")
    drawn = room.draw(request_)
    number = next(n for n, m in enumerate(drawn.mistakes) if m.name == "never_ends")
    assert all(number not in answers for test in drawn.tests for answers in test.rehearsed)
    others = {n for test in drawn.tests for answers in test.rehearsed for n in answers}
    assert others == set(range(len(drawn.mistakes))) - {number}
