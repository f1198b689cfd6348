"""nbgrader: a course tree that grades with this project, and its gradebook.

- `configure` is what ``nbgrader_config.py`` of such a tree calls.

The public names are those of ``__init__.pyi``; each is imported when it is first asked for.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
