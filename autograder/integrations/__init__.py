"""Outside tools, one folder each: what it is given, what it sends, what it is sent.

A folder with an ``entry.py`` that defines ``INTEGRATION`` is an outside tool, and adding one is all
there is to do: the commands read the table that `integrations` makes of them.

- `Integration`: everything that the commands know of a tool;
- `release_formats`, `report_formats`, `platforms`, `gradebooks`, `annotators`: of all tools.

The public names are those of ``__init__.pyi``; each is imported when it is first asked for.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
