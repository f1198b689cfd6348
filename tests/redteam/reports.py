"""Every report there is on some results, and a search for what would be obeyed by who shows it."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
import unicodedata
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser

from markdown_it import MarkdownIt
from rich.console import Console

from autograder.classroom.class_run import Folder
from autograder.integrations import report_formats
from autograder.report import Material
from autograder.report.feedback import feedback_markdown
from autograder.results import Result, ResultError

_NOW = dt.datetime(2026, 12, 1, tzinfo=dt.UTC)
_HARMFUL_TAGS = frozenset({"img", "iframe", "object", "embed", "base", "form"})
_OWN = re.compile(r"\x1b\[[0-9;]*m")  # colours that rich itself writes


def rendered(*results: Result, folder: Folder | None = None) -> dict[str, str]:
    """Name of a report -> its text, for all reports that need nothing but results."""
    reports = {f"feedback {r.student}": feedback_markdown(r) for r in results}
    for form in report_formats():
        material = Material(results, folder, None, None, False, _NOW)
        try:
            document = form.write(material)
        except (ResultError, TypeError):
            continue  # it needs a gradebook, or a folder to write to
        if document.content is not None:
            reports[form.name] = document.content.decode("utf-8")
        elif document.view is not None:
            page = io.StringIO()
            Console(file=page, width=200, color_system=None).print(document.view)
            reports[form.name] = page.getvalue()
    return reports


def obeyed(reports: dict[str, str]) -> list[str]:
    """What a terminal, a browser or a spreadsheet would obey in these reports."""
    found: list[str] = []
    for name, text in reports.items():
        found += [f"{name}: {trouble}" for trouble in _trouble(name.split(" ")[0], text)]
    return found


def _trouble(kind: str, text: str) -> list[str]:
    found = [
        f"character {char!r}"
        for char in sorted(set(_OWN.sub("", text)))
        if unicodedata.category(char) in {"Cc", "Cf", "Cs"} and char not in "\n\t\r"
    ]
    if kind == "feedback":
        html = MarkdownIt("commonmark", {"html": True}).render(text)
        found += [f"tag {tag}" for tag in _tags(html) if tag in ("script", "img", "a", "iframe")]
    if kind == "csv":
        for row in csv.reader(io.StringIO(text)):
            found += [f"formula {cell!r}" for cell in row if re.match(r"[=+@\t]|-(?!\d)", cell)]
    if kind in ("junit", "xml"):
        ElementTree.fromstring(text)
    if kind == "html":
        found += [f"tag {tag}" for tag in _tags(text) if tag in _HARMFUL_TAGS]
        found += [f"handler {a}" for a in _attributes(text) if a.startswith("on")]
    return found


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]


def _tags(html: str) -> list[str]:
    reader = _Reader()
    reader.feed(html)
    return reader.tags


def _attributes(html: str) -> list[str]:
    reader = _Reader()
    reader.feed(html)
    return reader.attributes
