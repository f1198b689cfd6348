"""One submission in, one result out.

- `UnitGrader`: grades one submission after another with the tests that `autograder.exam` prepared,
  asking the student's code in a worker;
- `check`, `check_live`: a student's own check, of files and of a running notebook;
- `Settings`: what grading depends on besides course and submission.

The public names are those of ``__init__.pyi``; each is imported when it is first asked for.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
