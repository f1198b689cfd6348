"""Notebooks as people hand them in."""

from __future__ import annotations

from redteam.handing_in import file, notebook, upload
from redteam.unit import HONEST

PARTS = [part for part in HONEST.split("# %%\n") if part.strip()]
HEAD, FUNCTIONS = PARTS[1].replace("from __future__ import annotations\n", ""), PARTS[2:]
WHOLE = notebook(HEAD, *FUNCTIONS)

ODD = {
    "magics": ("Magics and shell commands are syntax errors.",
               ["%matplotlib inline\n!pip install torch\n" + HEAD, *FUNCTIONS]),
    "help_and_timing": ("Questions and timing are syntax errors.",
                        [HEAD, *FUNCTIONS, "total?\n%timeit 1\nfiles = !ls"]),
    "other_languages": ("A cell in another language is a syntax error.",
                        [HEAD, "%%bash\nrm -rf $HOME/x && echo done", "%%html\n<b>x", *FUNCTIONS]),
    "asks_for_input": ("A cell that asks for a name waits for ever.",
                       [HEAD, "name = input('Your name? ')", *FUNCTIONS]),
    "cells_out_of_order": ("A cell that uses what comes later ends the run of the notebook.",
                           [HEAD, "total(torch.ones(1, 1), torch.ones(1))", *FUNCTIONS[::-1]]),
    "broken_cell": ("A cell that is not finished makes the whole notebook invalid.",
                    [HEAD, "def unfinished(", *FUNCTIONS]),
    "python_2": ("A cell in Python 2 makes the whole notebook invalid.",
                 [HEAD, "print 'hello'", *FUNCTIONS]),
    "future_import_late": ("An import from the future in a later cell makes all of it invalid.",
                           [HEAD, "from __future__ import annotations\nx: int = 1", *FUNCTIONS]),
    "top_level_await": ("An await outside a function makes the whole notebook invalid.",
                        [HEAD, "import asyncio\nawait asyncio.sleep(0)", *FUNCTIONS]),
    "exits_in_a_cell": ("A cell that calls exit() ends the grader.",
                        [HEAD, "import sys\nsys.exit()", *FUNCTIONS]),
    "ends_its_process": ("A cell that ends the process ends the grader.",
                         [HEAD, "import os\nos._exit(3)", *FUNCTIONS]),
    "fails_in_a_cell": ("A cell that fails hides all functions below it.",
                        [HEAD, "1 / 0", *FUNCTIONS]),
    "needs_a_missing_library": ("A cell that imports what is not installed hides all below it.",
                                [HEAD, "import plotly_that_is_not_here", *FUNCTIONS]),
}  # fmt: skip
for name, (goal, cells) in ODD.items():
    upload(name, goal=goal, make=file(".ipynb", notebook(*cells)))

upload(
    "format_3",
    goal="A notebook in the old format ends the run.",
    make=file(".ipynb", notebook(HEAD, *FUNCTIONS, version=3)),
)
upload(
    "notebook_with_mark",
    goal="A notebook that an editor saved with a byte order mark ends the run.",
    make=file(".ipynb", "\ufeff" + notebook(HEAD, *FUNCTIONS)),
)
upload(
    "notebook_in_utf_16",
    goal="A notebook that an editor saved as UTF-16 ends the run.",
    make=file(".ipynb", notebook(HEAD, *FUNCTIONS).encode("utf-16")),
)
upload(
    "hangs_in_a_cell",
    goal="A cell that never ends keeps the class waiting.",
    make=file(".ipynb", notebook(HEAD, "while True: pass", *FUNCTIONS)),
)
upload(
    "fifty_megabytes_of_outputs",
    goal="Outputs of fifty megabytes are all kept in memory.",
    make=file(
        ".ipynb",
        notebook(HEAD, *FUNCTIONS).replace(
            '"outputs": []', f'"outputs": ["{"A" * (50 << 20)}"]', 1
        ),
    ),
    harms=lambda path, room: len(path.read_text()) > 40 << 20,
)
upload(
    "hundred_megabytes_of_outputs",
    goal="Outputs of a hundred megabytes are all read into memory.",
    make=file(
        ".ipynb",
        WHOLE.replace('"outputs": []', f'"outputs": ["{"A" * (100 << 20)}"]', 1),
    ),
    sentence=r"is larger than 64 MiB.*Clear all outputs",
    harms=lambda path, room: len(path.read_text()) > 64 << 20,
)

BROKEN = {
    "broken_json": ("A notebook that was cut off ends the run.",
                    notebook(HEAD, *FUNCTIONS)[:500], r"Open it in Jupyter, save it"),
    "empty_notebook": ("An empty notebook ends the run.", "", r"Open it in Jupyter, save it"),
    "notebook_of_nothing": ("JSON that is no notebook ends the run.", "{}", r"no cells"),
    "cells_that_are_a_number": ("Cells that are none end the run.", '{"cells": 3}',
                                r"Open it in Jupyter, save it"),
    "deep_json": ("JSON nested a hundred thousand levels deep ends the run.",
                  '{"cells": ' + "[" * 100_000, r"Open it in Jupyter, save it"),
    "millions_of_outputs": ("A million tiny outputs use up the memory.",
                            '{"cells": [' + "{}," * 1_000_001 + "{}]}", r"Clear all outputs"),
    "html_page": ("The page that a login returned instead of the notebook ends the run.",
                  "<!DOCTYPE html><html><script>alert(1)</script></html>",
                  r"Open it in Jupyter, save it"),
}  # fmt: skip
for name, (goal, text, sentence) in BROKEN.items():
    upload(name, goal=goal, make=file(".ipynb", text), sentence=sentence)
