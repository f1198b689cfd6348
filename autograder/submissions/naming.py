"""What file names say: which are noise, which belong to which unit, and whose they are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from autograder.submissions.records import RecognisedUnit

_TARS = (".tar.gz", ".tar.bz2", ".tar.xz", ".tgz", ".tbz2", ".tbz", ".txz", ".tar")
ARCHIVES = (*_TARS, ".zip", ".rar", ".7z")  # the last two are known in order to be refused
SOURCES = (".py", ".ipynb")

_IGNORED = frozenset(
    {"__macosx", "__pycache__", "thumbs.db", "desktop.ini"}
    | {"node_modules", "venv", "env", "site-packages"}
)
_NO_WORK = re.compile(r"(test_.*|.*_test|conftest|setup|.*\.new)\.(py|ipynb)", re.IGNORECASE)
_COPY = re.compile(r"[\W_]*(\((\d+)\)|copy[\W_]*(?:of)?(\d*)|v?(\d+)|final)?[\W_]*")


def is_ignored(part: str) -> bool:
    """Whether one part of a path is left behind by systems and tools rather than by a student.

    Example:
        >>> is_ignored("__MACOSX"), is_ignored("._layers.py"), is_ignored("layers.py")
        (True, True, False)
    """
    return part.startswith(".") or part.casefold() in _IGNORED


def is_source(name: str) -> bool:
    """Whether a file may be a student's work: a module or notebook that is not a test."""
    return name.casefold().endswith(SOURCES) and not _NO_WORK.fullmatch(name)


def is_archive(name: str) -> bool:
    """Whether a name ends like an archive's, of a kind that can be read or not."""
    return name.casefold().endswith(ARCHIVES)


def stem(name: str) -> str:
    """A file's name without the ending of a source or an archive.

    Example:
        >>> stem("alice.tar.gz"), stem("layers.py"), stem("j.doe")
        ('alice', 'layers', 'j.doe')
    """
    for ending in (*ARCHIVES, *SOURCES):
        if name.casefold().endswith(ending) and len(name) > len(ending):
            return name[: -len(ending)]
    return name


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.casefold())


def _run(words: Sequence[str], inside: Sequence[str]) -> bool:
    count = len(words)
    return any(list(words) == list(inside[i : i + count]) for i in range(len(inside) - count + 1))


def claimed_by(name: str, modules: Iterable[str]) -> str | None:
    """The module whose name a file's name holds as whole words; the longest if there are several.

    Example:
        >>> claimed_by("alice_layers (1).py", ["layers", "recurrent_layers"])
        'layers'
    """
    plain = stem(name)
    known = sorted(modules, key=len, reverse=True)
    for module in known:
        if plain.casefold() == module.casefold():
            return module
    words = _words(plain)
    return next((module for module in known if _run(_words(module), words)), None)


def fit(name: str, module: str) -> tuple[int, int]:
    """How well a file's name fits a module; smaller is better.

    0 for ``layers.py``, 1 for a copy of it (``layers (1).py``, ``layers-Copy1.ipynb``,
    ``Copy of layers.py``; a higher number is better), 2 for any other name holding it.
    """
    plain = stem(name).casefold()
    if plain == module.casefold():
        return 0, 0
    before, found, after = plain.partition(module.casefold())
    copies = [_COPY.fullmatch(part) for part in (before, after)]
    if found and all(copies):
        last = copies[1]
        numbers = [int(n) for n in last.groups()[1:] if n and len(n) < 9] if last else []
        return 1, -max(numbers, default=0)
    return 2, 0


def without_unit(plain: str, units: Iterable[RecognisedUnit]) -> str:
    """A stem without a unit's name at its end or start: whose file it is.

    Example:
        >>> without_unit("alice_layers", [RecognisedUnit("03_layers", "layers")])
        'alice'
    """
    plain = re.sub(r"\s*\(\d+\)$", "", plain)
    names = {name for unit in units for name in (unit.name, unit.module)}
    for name in sorted(names, key=len, reverse=True):
        escaped = re.escape(name)
        for pattern in (rf"(.+?)[-_ .]+{escaped}", rf"{escaped}[-_ .]+(.+)"):
            match = re.fullmatch(pattern, plain, re.IGNORECASE)
            if match:
                return match[1]
    return plain
