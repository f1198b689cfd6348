"""JUnit XML, which CI systems show: a suite for each exercise, its points as properties.

JUnit has no points, so they are properties of the suite, where all its dialects allow them.
Source: https://github.com/testmoapp/junitxml (the elements and attributes that tools share).
"""

from __future__ import annotations

import datetime as dt
import xml.etree.ElementTree as ET
from collections.abc import Sequence

from autograder.classroom import parse_moment
from autograder.report.words import (
    CATEGORIES,
    STATUS,
    building_on,
    failure_told,
    is_open,
    printable,
)
from autograder.results import ExerciseResult, Result, TestResult


def junit_xml(results: Sequence[Result], now: dt.datetime, *, staff: bool = False) -> bytes:
    """The results as JUnit XML.

    Args:
        results: of any units and students.
        now: the moment at which it is read.
        staff: whether hidden tests are told in full. Otherwise they have a number instead of a
            name, and of their failure only what a student may know is said.
    """
    root = ET.Element("testsuites", name="autograder")
    for result in results:
        if not result.exercises:
            root.append(_whole(result))
        for exercise in result.exercises:
            root.append(_suite(result, exercise, now, staff))
    for count in ("tests", "failures", "errors"):
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in root)))
    root.set("time", _seconds(sum(r.run.seconds for r in results)))
    ET.indent(root)
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def _suite(result: Result, exercise: ExerciseResult, now: dt.datetime, staff: bool) -> ET.Element:
    suite = _start(result, exercise.name, exercise.points, exercise.max_points, exercise.waiting)
    hidden = 0
    for test in exercise.tests:
        full = staff or is_open(test, result, now)
        hidden += test.visibility != "public"
        known = staff or test.visibility == "public"
        suite.append(
            _case(result, exercise, test, test.name if known else f"hidden {hidden}", full)
        )
    if not exercise.tests:
        suite.append(_by_hand(result, exercise))
    about = [exercise.reason, exercise.diagnosis.sentence if exercise.diagnosis else ""]
    return _end(suite, [STATUS[exercise.status], *about, building_on(exercise)])


def _whole(result: Result) -> ET.Element:
    """A result without exercises: nothing was handed in, or the grader failed."""
    suite = _start(result, result.unit, result.points, result.max_points, result.pending)
    case = ET.SubElement(suite, "testcase", classname=result.unit, name=result.status, time="0.000")
    if result.status == "needs a person":
        ET.SubElement(case, "error", message=_text(result.message), type=result.status)
    elif result.resolution is None:
        ET.SubElement(case, "failure", message=_text(result.message), type=result.status)
    return _end(suite, [result.resolution.reason if result.resolution else ""])


def _start(
    result: Result, name: str, points: float | None, max_points: float, pending: float
) -> ET.Element:
    suite = ET.Element("testsuite", name=f"{result.unit}.{_text(name)}")
    when = parse_moment(result.run.when)
    if when is not None:
        suite.set("timestamp", when.strftime("%Y-%m-%dT%H:%M:%S"))
    properties = ET.SubElement(suite, "properties")
    for key, value in {
        "student": result.student,
        "unit": result.unit,
        "points": "" if points is None else f"{points:g}",
        "max_points": f"{max_points:g}",
        "pending": f"{pending:g}",
        "unit_status": result.status,
        "unit_points": "" if result.points is None else f"{result.points:g}",
        "unit_max_points": f"{result.max_points:g}",
        "unit_pending": f"{result.pending:g}",
        "unit_penalty": f"{result.penalty:g}",
        "unit_mark": "" if result.mark is None else f"{result.mark:g}",
    }.items():
        ET.SubElement(properties, "property", name=key, value=_text(value))
    return suite


def _end(suite: ET.Element, about: list[str]) -> ET.Element:
    text = "\n".join(_text(line) for line in about if line)
    if text:
        ET.SubElement(suite, "system-out").text = text
    cases = suite.findall("testcase")
    suite.set("tests", str(len(cases)))
    for count, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(count, str(len(suite.findall(f"testcase/{tag}"))))
    suite.set("time", _seconds(sum(float(case.get("time", "0")) for case in cases)))
    return suite


def _case(
    result: Result, exercise: ExerciseResult, test: TestResult, name: str, full: bool
) -> ET.Element:
    case = ET.Element(
        "testcase",
        classname=f"{result.unit}.{_text(exercise.name)}",
        name=_text(name),
        time=_seconds(test.seconds),
    )
    failure = test.failure
    if failure is None:
        return case
    if test.status == "not run":
        ET.SubElement(case, "skipped", message="There was no time left to run it.")
        return case
    if test.status == "needs a person":
        ET.SubElement(case, "skipped", message=_text(failure_told(test, full=full)))
        return case
    sentence = failure_told(test, full=full)
    lines = [sentence]
    if full:
        lines += [failure.line and f"at {failure.line}", failure.trace]
        lines += [f"{name} = {value}" for name, value in failure.inputs.items()]
    short = CATEGORIES.get(failure.category, "the check failed")
    element = ET.SubElement(case, "failure", message=short, type=failure.category)
    element.text = "\n".join(_text(line) for line in lines if line)
    return case


def _by_hand(result: Result, exercise: ExerciseResult) -> ET.Element:
    """A written question: passed with its points, failed with none, skipped while it is open."""
    case = ET.Element(
        "testcase",
        classname=f"{result.unit}.{_text(exercise.name)}",
        name="answer",
        time="0.000",
    )
    if exercise.points is None:
        ET.SubElement(case, "skipped", message=STATUS[exercise.status])
    elif exercise.points < exercise.max_points:
        ET.SubElement(case, "failure", message=STATUS[exercise.status], type=exercise.status)
    return case


def _seconds(value: float) -> str:
    return f"{value:.3f}"


def _text(text: str) -> str:
    """Text of XML 1.0: what is not printable, and so every character it forbids, becomes `?`."""
    return printable(text)
