"""otter-grader: master notebooks, their student versions, and zips that grade.

- `passes` is what the test cases of such a notebook call.

The public names are those of ``__init__.pyi``; each is imported when it is first asked for.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
