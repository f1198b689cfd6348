"""Many submissions: which are graded, by which processes, and what a person decides.

- `find_submissions`, `plan`, `Plan`: what is going to be graded;
- `grade_class`: grades it with several processes and writes each result as soon as it is there;
- `with_lateness`: what coming late costs; `resolve`, `accept_lower`: what a person decides;
- `judge`: whether what a unit's author knows the outcome of came out so.

The public names are those of ``__init__.pyi``; each is imported when it is first asked for.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
