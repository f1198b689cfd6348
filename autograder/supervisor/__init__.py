"""The trusted end of workers: starting, asking, watching and ending them.

- `start_workers`: where workers come from; forks of a zygote on Linux, processes elsewhere;
- `Call`, `Batch`, `Reply`: what a worker is asked, and what it answers;
- `Session`: one submission's worker, and a new one whenever it has stopped;
- `Loader`: gets a submission's `Code` into it;
- `require_level`: how well a worker must be confined before it sees any of that code.

The public names are those of ``__init__.pyi``; each is imported when it is first asked for.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
