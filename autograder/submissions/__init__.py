"""What arrives, and the checked copy of it that is graded.

- `discover` finds every attempt of every student under the paths the staff name: plain folders,
  archives, modules and notebooks, and what a known `Platform` hands over;
- `single_submission` takes a path for one student's attempt;
- `read` makes from one attempt the checked copy of one unit's work.

Everything here is handed in by others. So files are read as text and data only, with bounds, links
are never followed, archives are read in memory and never unpacked to disk, and whatever is wrong
ends in an `Unreadable` whose text is a sentence for the person who handed it in.

The public names are those of ``__init__.pyi``; each is imported when it is first asked for.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
