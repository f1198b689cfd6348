"""JUnit XML: in the shape that tools expect, with points, and no secret of a hidden test."""

from __future__ import annotations

import datetime as dt
import re
import xml.etree.ElementTree as ET

import pytest

from autograder.report import junit_xml
from autograder.results import Failure, Resolution

NOW = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
NUMBER, WHOLE, ANY = r"\d+\.\d{3}", r"\d+", r"[\s\S]*"

# Element: (required attributes, optional attributes, children in order; * for any number).
SCHEMA = {
    "testsuites": (
        {"name": ANY, "tests": WHOLE, "failures": WHOLE, "errors": WHOLE, "time": NUMBER},
        {},
        "(testsuite )*",
    ),
    "testsuite": (
        {
            "name": r".+",
            "tests": WHOLE,
            "failures": WHOLE,
            "errors": WHOLE,
            "skipped": WHOLE,
            "time": NUMBER,
        },
        {"timestamp": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"},
        "(properties )?(testcase )*(system-out )?(system-err )?",
    ),
    "properties": ({}, {}, "(property )+"),
    "property": ({"name": r"[a-z_]+", "value": ANY}, {}, ""),
    "testcase": (
        {"name": r".+", "classname": r".+", "time": NUMBER},
        {},
        "(skipped |error |failure )?",
    ),
    "skipped": ({"message": r".+"}, {}, ""),
    "error": ({"message": r".+", "type": r".+"}, {}, ""),
    "failure": ({"message": r".+", "type": r".+"}, {}, ""),
    "system-out": ({}, {}, ""),
}


def validate(element: ET.Element) -> None:
    required, optional, children = SCHEMA[element.tag]
    assert required.keys() <= element.attrib.keys(), element.tag
    assert element.attrib.keys() <= required.keys() | optional.keys(), element.tag
    for name, value in element.items():
        assert re.fullmatch({**required, **optional}[name], value), (element.tag, name, value)
    tags = "".join(f"{child.tag} " for child in element)
    assert re.fullmatch(children, tags), (element.tag, tags)
    if element.tag in ("testsuites", "testsuite"):
        cases = list(element.iter("testcase"))
        assert int(element.get("tests")) == len(cases)
        for count, tag in (("failures", "failure"), ("errors", "error")):
            assert int(element.get(count)) == sum(case.find(tag) is not None for case in cases)
    for child in element:
        validate(child)


@pytest.fixture
def xml():
    def make(*results, now=NOW, **options) -> ET.Element:
        raw = junit_xml(results, now, **options)
        assert raw.startswith(b"<?xml version='1.0' encoding='utf-8'?>")
        root = ET.fromstring(raw)
        validate(root)
        return root

    return make


def properties(suite: ET.Element) -> dict[str, str]:
    return {p.get("name"): p.get("value") for p in suite.find("properties")}


@pytest.fixture
def bob(make_result, make_exercise, make_test):
    tests = [
        make_test("test_by_hand", 1.0, visibility="public", seconds=0.25),
        make_test("test_public_wrong", 1.0, "wrong shape", visibility="public"),
        make_test("test_secret_name", 2.0, "wrong value"),
        make_test("test_later", 1.0, "exception", visibility="after due"),
        make_test("test_no_time", 1.0, "timeout", status="not run"),
    ]
    return make_result(
        "bob",
        [
            make_exercise("f", 1.0, 6.0, tests, mistake="swapped", depends_on=["g"]),
            make_exercise("why", None, 2.0, written=True),
            make_exercise("how", 1.0, 2.0, written=True, status="marked", reason="half of it"),
        ],
        penalty=0.1,
        late=True,
        days_late=1,
        closes="2026-11-02T00:00:00+00:00",
    )


def test_points_are_properties_of_each_exercise(xml, bob):
    suites = xml(bob).findall("testsuite")
    assert [s.get("name") for s in suites] == ["03_layers.f", "03_layers.why", "03_layers.how"]
    assert properties(suites[0]) == {
        "student": "bob",
        "unit": "03_layers",
        "points": "1",
        "max_points": "6",
        "pending": "0",
        "unit_status": "graded",
        "unit_points": "2",
        "unit_max_points": "10",
        "unit_pending": "2",
        "unit_penalty": "0.1",
        "unit_mark": "1.8",
    }
    assert properties(suites[1])["points"] == ""
    assert suites[1].find("testcase/skipped").get("message") == "will be marked by a person"
    assert suites[2].find("testcase/failure") is not None
    assert suites[2].findtext("system-out") == "marked by a person\nhalf of it"


def test_hidden_tests_have_neither_name_nor_inputs_unless_for_staff(xml, bob):
    raw = ET.tostring(xml(bob), encoding="unicode")
    for secret in ("test_secret_name", "test_later", "test_no_time", "test_later: SECRET"):
        assert secret not in raw
    names = [c.get("name") for c in xml(bob).iter("testcase")]
    assert names == [
        *("test_by_hand", "test_public_wrong", "hidden 1", "hidden 2", "hidden 3"),
        *("answer", "answer"),
    ]
    cases = {c.get("name"): c for c in xml(bob).iter("testcase")}
    assert cases["hidden 1"].findtext("failure") == "a result has wrong values"
    assert "x = 3" in cases["test_public_wrong"].findtext("failure")
    assert cases["hidden 3"].find("skipped") is not None
    staff = {c.get("name"): c for c in xml(bob, staff=True).iter("testcase")}
    assert "SECRET" in staff["test_secret_name"].findtext("failure")
    assert "x = 3" in staff["test_secret_name"].findtext("failure")


def test_after_the_unit_is_over_an_open_test_tells_its_inputs_but_not_its_name(xml, bob):
    later = xml(bob, now=NOW + dt.timedelta(days=2))
    cases = {c.get("name"): c for c in later.iter("testcase")}
    assert "x = 3" in cases["hidden 2"].findtext("failure")
    assert "x = 3" not in cases["hidden 1"].findtext("failure")


def test_a_test_that_waits_for_a_person_is_skipped_and_its_points_are_pending(
    xml, make_result, make_exercise, make_test
):
    failure = Failure(category="timing", message="Its time could not be measured.")
    test = make_test("t", 2.0, status="needs a person", failure=failure)
    root = xml(make_result("ada", [make_exercise("f", 4.0, 6.0, [test], pending=2.0)]))
    assert properties(root.find("testsuite"))["pending"] == "2"
    [case] = root.iter("testcase")
    assert case.find("skipped").get("message") == "Its time could not be measured."
    assert root.get("failures") == "0"


def test_the_diagnosis_and_what_to_look_at_first_are_said(xml, bob):
    said = xml(bob).find("testsuite").findtext("system-out")
    assert said.splitlines() == [
        "partly right",
        "It is swapped.",
        "It builds on g, which also lost points: look there first.",
    ]


def test_the_graders_failure_is_an_error_and_what_is_missing_a_failure(xml, make_result):
    root = xml(
        make_result("a", status="needs a person", points=None, pending=10.0, message="It broke."),
        make_result("b", status="missing", points=0.0, message="Nothing was found."),
        make_result("c", status="unreadable", points=0.0, message="The zip is damaged."),
        make_result(
            "d",
            status="graded",
            points=5.0,
            resolution=Resolution(
                student="d", unit="03_layers", exercise="", points=5.0, reason="r", by="", when=""
            ),
        ),
    )
    a, b, c, d = root.findall("testsuite")
    assert a.find("testcase/error").get("message") == "It broke."
    assert properties(a)["points"] == properties(a)["unit_mark"] == ""
    assert b.find("testcase/failure").get("type") == "missing"
    assert c.find("testcase/failure").get("message") == "The zip is damaged."
    assert len(d.find("testcase")) == 0
    assert (root.get("errors"), root.get("failures"), root.get("tests")) == ("1", "2", "4")


@pytest.mark.parametrize(
    "text",
    ["\x00", "\x1b[31m", "\ufffe", "\uffff", "\ud800", "\x0b", "]]>", "<a b='c'>&amp;", '"', "\r"],
)
def test_only_characters_of_xml_are_written(xml, make_result, make_exercise, make_test, text):
    failure = Failure(category="exception", message=text, trace=text, inputs={text: text})
    test = make_test(f"test[{text}]", 1.0, visibility="public", status="failed", failure=failure)
    hostile = make_result(f"ad{text}a", [make_exercise("f", 0.0, 1.0, [test])], message=text)
    root = xml(hostile, staff=True)  # parses, so no forbidden character is left
    shown = text if text.isprintable() else "?"
    assert shown[-1] in properties(root.find("testsuite"))["student"]


def test_a_tab_and_a_line_break_in_an_attribute_survive(xml, make_result, make_exercise):
    root = xml(make_result("a\tb\nc", [make_exercise("f", 0.0, 1.0)]))
    assert properties(root.find("testsuite"))["student"] == "a\tb\nc"
