"""The percent format: a module read as cells, for its written answers and its bare code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_MARK = re.compile(r"^#[ \t]*%%(?!%)(?P<head>.*)$")
_OPTION = re.compile(r"""([\w-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"']+))""")
_SPACE = re.compile(r"\s+")
_HEAD = 500  # characters of a mark that are looked at
PLACEHOLDER = "*Write your answer here.*"


@dataclass(frozen=True)
class Percent:
    """One cell of a percent-format module."""

    markdown: bool
    options: dict[str, str]
    text: str


def split(source: str) -> Iterator[Percent]:
    """The cells of a module; what stands before the first mark is code.

    Args:
        source: a module's text with ``\\n`` line ends.

    Example:
        >>> [cell.options for cell in split('# %% [markdown] answer="why"\\n# Because.')]
        [{'answer': 'why'}]
    """
    markdown, options, lines = False, dict[str, str](), list[str]()
    for line in source.split("\n"):
        mark = _MARK.match(line)
        if not mark:
            lines.append(line)
            continue
        if lines:
            yield Percent(markdown, options, "\n".join(lines))
        head = mark["head"][:_HEAD]
        markdown = "[markdown]" in head or "[md]" in head or "[raw]" in head
        options = {m[1]: m[2] or m[3] or m[4] or "" for m in _OPTION.finditer(head)}
        lines = []
    if lines:
        yield Percent(markdown, options, "\n".join(lines))


def answers_of(source: str) -> dict[str, str]:
    """The written answers of a module: question -> text, the last one of each question."""
    return {
        cell.options["answer"]: _prose(cell.text)
        for cell in split(source)
        if cell.markdown and cell.options.get("answer")
    }


def _prose(text: str) -> str:
    """Markdown out of comments, or out of the string literal that jupytext also accepts."""
    body = text.strip()
    for quotes in ('"""', "'''"):
        start = body[:4].find(quotes)
        if start in (0, 1):
            inner = body[start + 3 :]
            return inner.partition(quotes)[0].strip()
    lines = [re.sub(r"^#( |$)", "", line) for line in body.split("\n")]
    return "\n".join(lines).strip()


def code_of(source: str) -> str:
    """A module's code cells, without its markdown."""
    return "\n".join(cell.text for cell in split(source) if not cell.markdown)


def fingerprint(code: str) -> str:
    """Code without whitespace and comment lines: equal for files that say the same.

    Example:
        >>> fingerprint("x = 1\\n\\n# a thought\\n") == fingerprint("x=1")
        True
    """
    kept = (line for line in code.split("\n") if not line.lstrip().startswith("#"))
    return _SPACE.sub("", "".join(kept))
