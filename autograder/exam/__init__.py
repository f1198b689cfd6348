"""A unit's tests prepared once, so that each submission only replays them.

- `prepare`: collects the tests, draws their inputs and runs them on the reference;
- `PreparedTest`, `PreparedExample`: what is kept of that;
- `script_of`: all that a test will ask, as one message to a worker.

What is here is as secret as ``solutions/``.

The public names are those of ``__init__.pyi``; each is imported when it is first asked for.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
