"""IPython's own syntax, taken out of notebook cells so that Python can run them.

Every line keeps its number: a magic becomes a comment where it stood.
"""

from __future__ import annotations

import re

# Cell magics whose body is executed in the notebook's own namespace.
_KEEP_BODY = frozenset({"time", "capture", "prun", "memit", "mprun", "lprun", "heat"})
_CELL_MAGIC = re.compile(r"%%(\w+)")
_ASSIGNED = re.compile(r"[\w.,* \t\[\]()]+=[ \t]*[!%].*")
_HELP = re.compile(r"(\?{1,2}[\w.*%]+|[\w.*%\[\]]+\?{1,2});?")
_OPEN, _CLOSE = "([{", ")]}"


def cell_magic(source: str) -> str | None:
    """The name of a cell's magic (``"bash"`` for ``%%bash``), or None.

    Example:
        >>> cell_magic("%%html\\n<b>hello</b>")
        'html'
    """
    match = _CELL_MAGIC.match(source.lstrip())
    return match[1] if match else None


def is_python(source: str) -> bool:
    """Whether a code cell's text runs as Python in the notebook's namespace."""
    magic = cell_magic(source)
    return magic is None or magic in _KEEP_BODY


def python_of(source: str) -> str:
    """A code cell with its magics commented out, line for line.

    ``%matplotlib inline``, ``!pip install torch``, ``f?`` and ``files = !ls`` become comments;
    a ``%`` or ``!`` inside a string, a bracket or a continued line is left alone. An indented magic
    leaves ``pass`` behind, so that the block it stood in keeps a body.

    Args:
        source: the text of a cell for which `is_python` holds.

    Example:
        >>> python_of("%time\\nx = 7 \\\\\\n  % 3")
        '# %time\\nx = 7 \\\\\\n  % 3'
    """
    state = _State()
    lines: list[str] = []
    in_magic = False
    for line in source.split("\n"):
        if in_magic or (state.at_statement and _is_magic(line)):
            lines.append(_commented(line, inside=in_magic))
            in_magic = line.endswith("\\")
        else:
            state.scan(line)
            lines.append(line)
    return "\n".join(lines)


def _is_magic(line: str) -> bool:
    text = line.strip()
    if text.startswith(("%", "!")):
        return True
    return bool(_HELP.fullmatch(text) or _ASSIGNED.fullmatch(text))


def _commented(line: str, *, inside: bool) -> str:
    text = line.lstrip()
    indent = line[: len(line) - len(text)]
    return f"{indent}pass  # {text}" if indent and not inside else f"{indent}# {text}"


class _State:
    """Where the text read so far leaves Python's tokenizer, as far as magics care."""

    def __init__(self) -> None:
        self.quote = ""
        self.depth = 0
        self.continued = False

    @property
    def at_statement(self) -> bool:
        """Whether the next line begins a statement."""
        return not (self.quote or self.depth or self.continued)

    def scan(self, line: str) -> None:
        """Read one line."""
        self.continued = False
        at = 0
        while at < len(line):
            char = line[at]
            if self.quote:
                if char == "\\":
                    self.continued = at == len(line) - 1
                    at += 2
                elif line.startswith(self.quote, at):
                    at += len(self.quote)
                    self.quote = ""
                else:
                    at += 1
                continue
            if char == "#":
                return
            if char in "\"'":
                self.quote = char * 3 if line.startswith(char * 3, at) else char
                at += len(self.quote)
                continue
            if char in _OPEN:
                self.depth += 1
            elif char in _CLOSE:
                self.depth = max(0, self.depth - 1)
            elif char == "\\" and at == len(line) - 1:
                self.continued = True
            at += 1
        if len(self.quote) == 1 and not self.continued:
            self.quote = ""  # an unfinished string ends with its line; Python will complain
