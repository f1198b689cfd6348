"""What grading came to, as data, and the folder in which it is kept.

- `Result` and its parts: one attempt of one student at one unit, as JSON (docs/results.md);
- `read_result`, `write_atomically`: files that are whole or not there;
- `Folder`: where a class run keeps results, feedback and decisions;
- `apply_resolutions`: marks that a person gave, kept apart so that grading again keeps them.

Nothing here imports torch, or knows how a result came about.

The public names are those of ``__init__.pyi``; each is imported when it is first asked for.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
