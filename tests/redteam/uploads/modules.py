"""Modules that do something when they are imported."""

from __future__ import annotations

from redteam.handing_in import file, upload
from redteam.unit import HONEST

ODD = {
    "exits_at_the_end": ("A module that calls exit() ends the grader.",
                         HONEST + "\nimport sys\nsys.exit(0)\n"),
    "fails_at_the_end": ("A call for trying that fails makes the module unusable.",
                         HONEST + "\nprint(total(torch.ones(2, 2), torch.ones(3)))\n"),
    "asks_at_the_end": ("A module that asks for a number waits for ever.",
                        HONEST + "\nn = int(input('n? '))\n"),
    "interrupts_at_the_end": ("A KeyboardInterrupt of the student's ends the grader.",
                              HONEST + "\nraise KeyboardInterrupt\n"),
    "imports_at_the_end": ("An import of what is not installed makes the module unusable.",
                           HONEST + "\nimport seaborn_that_is_not_here\n"),
}  # fmt: skip
for name, (goal, text) in ODD.items():
    upload(name, goal=goal, make=file(".py", text))

upload(
    "prints_a_megabyte",
    goal="A megabyte of prints is kept and shown.",
    make=file(".py", HONEST + "\nfor _ in range(1000): print('x' * 1000)\n"),
    harms=lambda path, room: _prints(path) > 900_000,
)
upload(
    "prints_escape_sequences",
    goal="What the module prints clears the terminal of who grades.",
    make=file(".py", HONEST + "\nprint('\\x1b[2J\\x1b]0;title\\x07 \\u202e')\n"),
    harms=lambda path, room: _prints(path) > 5,
)
upload(
    "trains_when_imported",
    goal="A module that trains when it is imported is called broken.",
    make=file(".py", HONEST + "\nimport time\ntime.sleep(0.5)\n"),
    harms=lambda path, room: "time.sleep" in path.read_text(),
)

BROKEN = {
    "ends_at_import": ("A module that ends its process ends the grader.",
                       HONEST + "\nimport os\nos._exit(0)\n", r"ended the Python process"),
    "hangs_at_import": ("A module that never comes back keeps the class waiting.",
                        HONEST + "\nwhile True: pass\n", r"did not return within"),
    "prints_without_end": ("A module that prints for ever fills memory and disk.",
                           HONEST + "\nwhile True: print('x' * 1000)\n", r"printed more than 4 MB"),
    "syntax_error": ("A syntax error ends the run.", "def total(x, w:\n    return 1\n",
                     r"stopped with SyntaxError at \S+:1"),
    "mixed_tabs": ("Tabs and spaces end the run.",
                   "def total(x, w):\n\tif True:\n        return 1\n", r"stopped with TabError at"),
    "missing_library": ("An import of what is not installed ends the run.",
                        "import tensorflow_that_is_not_here\n" + HONEST[HONEST.index('"""'):]
                        .replace("from __future__ import annotations\n", ""),
                        r"stopped with ModuleNotFoundError at"),
    "empty_module": ("An empty module ends the run.", "\n\n", r"is empty"),
    "text_called_module": ("An essay that is called a module ends the run.",
                           "Dear professor, my dog ate it.\n", r"stopped with SyntaxError at"),
}  # fmt: skip
for name, (goal, text, sentence) in BROKEN.items():
    upload(name, goal=goal, make=file(".py", text), sentence=sentence)


def _prints(path):
    import contextlib
    import io

    page = io.StringIO()
    with contextlib.redirect_stdout(page):
        exec(compile(path.read_text(), "x", "exec"), {"__name__": "x"})
    return len(page.getvalue())
