"""What submissions that lose points cost the grader: little, whatever they do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from scaling import SCALING

from autograder.exam import ExamStore
from autograder.grading import UnitGrader, exam_request
from autograder.supervisor import Code, Worker

HANGS = """

def {name}(*args, **kwargs):
    print("{name} was called", flush=True)
    while True:
        pass
"""


def test_a_function_that_hangs_costs_its_deadline_twice_and_no_more(grade):
    graded = grade(HANGS.format(name="descend"))
    assert graded.output.count("descend was called") == 2
    by_name = {e.name: e for e in graded.exercises}
    assert by_name["descend"].points == 0.0
    assert by_name["total"].status == "full"
    failures = [t.failure for t in by_name["descend"].tests if t.failure]
    assert {failure.category for failure in failures} == {"timeout"}


def test_where_everything_hangs_the_sentence_says_what_was_not_tried(unit, workers, grader):
    names = ["scale_forward", "scale_backward", "total", "descend"]
    source = SCALING + "".join(HANGS.format(name=name) for name in names)
    graded = grader.grade(Code("scaling", (("scaling.py", source),)), {})
    assert graded.output.count("was called") <= 6
    told = [t.failure.message for e in graded.exercises for t in e.tests if t.failure]
    assert any("was not called again: 2 times before it did not return" in text for text in told)
    assert sum(e.points or 0.0 for e in graded.exercises) == 0.0


def test_a_function_that_is_not_there_is_asked_for_once(grader, monkeypatch):
    asked: list[str] = []
    call, run = Worker.call, Worker.run

    def counted_call(self, call_, *args, **kwargs):
        asked.append(call_.function)
        return call(self, call_, *args, **kwargs)

    def counted_run(self, batch, *args, **kwargs):
        asked.extend(batch.functions if len(batch) > 1 else [])
        return run(self, batch, *args, **kwargs)

    monkeypatch.setattr(Worker, "call", counted_call)
    monkeypatch.setattr(Worker, "run", counted_run)
    graded = grader.grade(Code("scaling", (("scaling.py", "import no_such_package"),)), {})
    assert {e.status for e in graded.exercises if not e.written} <= {"wrong", "not attempted"}
    # A batch may be on its way before that is known; from then on nothing of the kind is asked.
    examples = sum(len(t.examples) for t in grader.tests)
    assert 0 < len(asked) < examples / 2
    assert max(asked.count(name) for name in set(asked)) <= 25


LARGE = """
import json, resource, sys
from pathlib import Path
from scaling import SCALING
from autograder.course import find_unit
from autograder.grading import Settings, UnitGrader
from autograder.supervisor import Code, start_workers

LARGE = '''

def scale_forward(x, w):
    return torch.zeros(1 << 25), (x, w)

def total(x, w):
    return torch.zeros(3, 1 << 23)

def descend(gradient, x, *, steps):
    return torch.zeros(1 << 25)
'''

def mebibytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10

with start_workers() as workers:
    unit = find_unit(Path(sys.argv[1]), "scaling")
    settings = Settings(3, ("cpu",), 20.0, 120.0, 2048, require="none")
    grader = UnitGrader(unit, settings, workers)
    right = grader.grade(Code("scaling", (("scaling.py", SCALING),)), {})
    before = mebibytes()
    graded = grader.grade(Code("scaling", (("scaling.py", SCALING + LARGE),)), {})
    kinds = {t.failure.category for e in graded.exercises for t in e.tests if t.failure}
    print(json.dumps([before, mebibytes(), sorted(kinds)]))
"""


def test_answers_of_a_hundred_megabytes_do_not_fill_the_graders_memory(unit):
    done = subprocess.run(
        [sys.executable, "-c", LARGE, str(unit.folder.parent)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
        check=True,
    )
    before, after, kinds = json.loads(done.stdout)
    assert "wrong shape" in kinds
    assert after - before < 1024


VARIANTS = {
    "right": "",
    "wrong": "def total(x, w):\n    return (x * w).sum() * 2",
    "known": "def total(x, w):\n    return scale_forward(x, w)[0].mean()",
    "raises": "def scale_backward(dout, cache):\n    return dout[99], cache",
    "shape": "def descend(gradient, x, *, steps):\n    return x[:1]",
    "changes": "def scale_forward(x, w):\n    x.mul_(w)\n    return x, (x, w)",
    "nothing": "def total(x, w):\n    return None",
    "unwritten": "def total(x, w):\n    raise NotImplementedError('later')",
    "syntax": "def (:",
}


@pytest.mark.parametrize("kind", VARIANTS)
def test_an_exam_that_was_kept_gives_the_verdicts_of_one_that_was_drawn(
    kind, grader, unit, workers, tmp_path_factory
):
    folder = tmp_path_factory.getbasetemp() / "kept"
    folder.mkdir(exist_ok=True)
    store = ExamStore(folder)
    store.open(exam_request(unit, grader.settings))
    kept = UnitGrader(unit, grader.settings, workers, exams=store)
    assert not kept.prepared
    code = Code("scaling", (("scaling.py", f"{SCALING}\n\n{VARIANTS[kind]}\n"),))
    ours, theirs = (_verdict(g.grade(code, {})) for g in (kept, grader))
    assert ours == theirs
    assert any(e["points"] for e in ours) is (kind != "syntax")


def _verdict(graded):
    found = msgspec.to_builtins(graded.exercises)
    for exercise in found:
        for test in exercise.get("tests", []):
            test.pop("seconds", None)
    return found
