"""The devices that tests run on: `cpu`, `cuda` where there is one, `cuda (simulated)` where not.

- `Device` is one of them; grading, workers and the pytest plugin speak of devices by its name;
- `detection` finds out which of them this machine has, and why;
- `cuda` is what a process does to compute on a GPU;
- `simulation`, `tags`, `notes` are CUDA without a GPU: real values, and PyTorch's own errors where
  tensors of two devices meet.

Workers import this room, so it knows no secret and imports nothing of the others.

The public names are those of ``__init__.pyi``; each is imported when it is first asked for.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
