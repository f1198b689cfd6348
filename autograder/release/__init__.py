"""From ``solutions/`` to what students get: stub, notebook, figures, folder, wheel.

The room's one rule: whatever is not clearly public stays. A release is a function of the public
parts of ``solutions/`` and changes nothing when it is written again.

- `release` writes a release, also over an earlier one; `ReleaseReport` is what it did;
- `check_assignments` says how ``assignments/`` differs from what would be written;
- `shown_figures`, `figure_files`: the figures that a handout shows; `style` is how they look;
- `ReleaseFormat`, `make_release`: forms of a release, of which outside tools bring their own;
- `staff_side`: what grading a unit away from the course's repository needs; never for students.

The public names are those of ``__init__.pyi``; each is imported when it is first asked for.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
