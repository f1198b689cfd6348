"""Code of a unit that is only run when somebody needs it: its tests' bodies, its reference.

A submission that answers like the reference needs neither.
"""

from __future__ import annotations

import ast
import builtins
import sys
from types import CodeType, ModuleType
from typing import Any

from autograder.exam.standins import import_without_drawing
from autograder.testing import Body, body_of


class LaterModule(ModuleType):
    """A module that is executed when the first of its names is asked for.

    Args:
        name: of the module.
        source: its text.
        file: where the text stands.
    """

    def __init__(self, name: str, source: str, file: str) -> None:
        super().__init__(name)
        self.__dict__["__later__"] = (source, file)
        self.__dict__["__file__"] = file

    def __getattr__(self, name: str) -> Any:
        later = self.__dict__.pop("__later__", None)
        if later is not None and not name.startswith("__"):
            self._run(*later)
            return getattr(self, name)
        if later is not None:
            self.__dict__["__later__"] = later
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")

    def _run(self, source: str, file: str) -> None:
        exec(compile(source, file, "exec"), self.__dict__)


class LaterTests(LaterModule):
    """A test file; its assertions say what was compared, as they do under pytest."""

    def _run(self, source: str, file: str) -> None:
        from _pytest.assertion.rewrite import rewrite_asserts  # only where a test has to be run

        text = source.encode()
        tree = ast.parse(text, file)
        rewrite_asserts(tree, text, file)
        code = compile(tree, file, "exec", dont_inherit=True)
        # Found by its name while it is executed, as dataclasses do; another course's file may be
        # called the same.
        before = sys.modules.get(self.__name__)
        sys.modules[self.__name__] = self
        try:
            self._execute(code)
        finally:
            if before is None:
                del sys.modules[self.__name__]
            else:
                sys.modules[self.__name__] = before

    def _execute(self, code: CodeType) -> None:
        """Execute the file without what draws inputs, or with it where it cannot do without."""
        before = dict(self.__dict__)
        self.__dict__["__builtins__"] = {**vars(builtins), "__import__": import_without_drawing}
        try:
            exec(code, self.__dict__)
        except Exception:
            self.__dict__.clear()
            self.__dict__.update(before)
            exec(code, self.__dict__)

    def body(self, function: str) -> Body:
        """The test of that name as it was written, once it is needed."""

        def later(**arguments: Any) -> None:
            body_of(getattr(self, function))(**arguments)

        return later
