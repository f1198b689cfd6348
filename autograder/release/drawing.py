"""A unit's ``figures.py`` -> its figures as SVG.

The functions of the file are run here, with matplotlib, which only who releases needs. What goes
wrong in them is told with the figure and the line.
"""

from __future__ import annotations

import importlib.util
import sys
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from autograder.course import CourseError, place
from autograder.release import style

MOST = 200_000
"""Bytes: a handout is read on telephones too, and its figures are committed."""


def draw(path: Path, names: Iterable[str]) -> dict[str, bytes]:
    """Draw figures.

    Args:
        path: a unit's ``figures.py``.
        names: of its functions, each of which draws on the figure that it is given.

    Returns:
        By name, the SVG.

    Raises:
        CourseError: matplotlib is not installed; or a function fails, draws nothing, too much, or
            not the same twice.
    """
    path, names = path.resolve(), list(names)  # tracebacks name whole paths
    try:
        import matplotlib  # noqa: F401
    except ModuleNotFoundError as error:
        raise CourseError(
            f"{place(path)}: to draw {', '.join(names)} takes matplotlib, which is not installed: "
            "pip install 'handgrad[instructor]'."
        ) from error
    drawn = dict(_drawn(path, names))
    for name, svg in drawn.items():
        if len(svg) > MOST:
            raise CourseError(
                f"{place(path)}: the figure {name} takes {len(svg) // 1000} kB as SVG, and at most "
                f"{MOST // 1000} kB are released; draw fewer points, or coarser level lines."
            )
    for name, svg in _drawn(path, names):
        if svg != drawn[name]:
            raise CourseError(
                f"{place(path)}: the figure {name} is another one each time it is drawn; give its "
                "random numbers a seed, e.g. numpy.random.default_rng(0)."
            )
    return drawn


def _drawn(path: Path, names: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    import matplotlib

    with matplotlib.rc_context(), _loaded(path) as module:
        for name in names:
            with _sentences(path, f"the figure {name} cannot be drawn"):
                figure = style.new_figure()
                function: Callable[[object], object] = getattr(module, name)
                function(figure)
                svg = style.as_svg(figure)
            if not figure.axes:
                raise CourseError(
                    f"{place(path)}: {name} draws nothing; draw on the figure that it is given, "
                    "e.g. axes = figure.add_subplot()."
                )
            yield name, svg


@contextmanager
def _loaded(path: Path) -> Iterator[ModuleType]:
    """The module, which may import the files beside it; afterwards nothing of them is left."""
    beside = {file.stem for file in path.parent.glob("*.py")}
    others = {name: sys.modules.pop(name) for name in beside if name in sys.modules}
    wrote = sys.dont_write_bytecode
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.parent))
    sys.dont_write_bytecode = True  # solutions/ holds what people wrote
    try:
        with _sentences(path, "it cannot be run"):
            spec.loader.exec_module(module)
        yield module
    finally:
        sys.path.remove(str(path.parent))
        sys.dont_write_bytecode = wrote
        for name in beside:
            sys.modules.pop(name, None)
        sys.modules.update(others)


@contextmanager
def _sentences(path: Path, what: str) -> Iterator[None]:
    """Errors with the line where the file went wrong; matplotlib's warnings are errors."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # a missing glyph, no room for the axes
            yield
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if frame.filename == str(path)]
        where = place(path, lines[-1] if lines else None)
        raise CourseError(f"{where}: {what} ({type(error).__name__}: {error}); correct it.") from (
            error
        )
