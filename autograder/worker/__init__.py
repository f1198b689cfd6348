"""The untrusted side: the process in which a student's code runs.

Everything here may be read by the student's code, and nothing here knows a secret: the room imports
the standard library, msgpack, NumPy, torch, itself, and the devices that the code computes on.

- `wire`: how values travel, and the bounds that make reading a hostile message safe; `encoding`,
  `decoding`, `frames` and `channel` write, read, cut and carry messages;
- `observe`: which arguments a call changed in place;
- `confinement`: the limits a worker puts on itself before it sees the student's code;
- `forbidden`: what a unit asks students to write themselves cannot be called;
- `serve`: loads the student's cells and answers calls; `failures`: says what they raised;
- `process`: a worker's life, however it was started;
- `zygote`: a clean process with torch imported, of which every worker is a fork, by `children`;
- `prefork`: one import of torch for a zygote and the grading process that it serves;
- `spawned`: the same worker where there is no fork.

The public names are those of ``__init__.pyi``; each is imported when it is first asked for.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
