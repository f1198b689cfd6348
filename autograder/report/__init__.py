"""Results made readable: for the terminal, as pages, and as feedback for students.

Who sees what is decided here, by the visibility of each test, and nowhere else.

- `ReportFormat`, `find_format`, `Material`, `Document`: the formats of ``autograder report``;
- `class_table`, `print_check`: on the terminal; `Page`: below a notebook's cell;
- `failure_told`, `exercise_text`: what a student may know of a failure, in words;
- `Sheet`, `fill_rows`: spreadsheets of other tools, filled in.

The public names are those of ``__init__.pyi``; each is imported when it is first asked for.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
