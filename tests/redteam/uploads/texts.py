"""Encodings, byte order marks, compiled files and other modules that are no plain text."""

from __future__ import annotations

import codecs
import importlib._bootstrap_external
from pathlib import Path

from redteam.handing_in import WRONG, file, folder, upload
from redteam.unit import HONEST

ACCENTED = HONEST.replace('"""Scaling."""', '"""Scaling, bien sûr."""')


def _pyc(source: str) -> bytes:
    code = compile(source, "scaling.py", "exec")
    return bytes(importlib._bootstrap_external._code_to_hash_pyc(code, b"12345678", False))


def _imports_what_is_not_there(path: Path, room: Path) -> bool:
    """Whether Python, asked to import the source, runs the compiled file instead."""
    import importlib.util

    source = path / "scaling.py"
    cached = next((path / "__pycache__").iterdir())
    cached.rename(importlib.util.cache_from_source(str(source)))
    spec = importlib.util.spec_from_file_location("careless_scaling", source)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return bool(module.total.__code__.co_consts != _total_of(source))


def _total_of(source: Path) -> object:
    names: dict[str, object] = {}
    exec(compile(source.read_text(), "scaling.py", "exec"), names)
    return names["kind"]


for name, goal, data in (
    ("byte_order_mark", "A mark that an editor wrote is a syntax error.",
     codecs.BOM_UTF8 + HONEST.encode()),
    ("utf_16", "A file saved as Unicode by a Windows editor ends the run.",
     HONEST.encode("utf-16")),
    ("utf_32", "A file in UTF-32 ends the run.", HONEST.encode("utf-32")),
    ("latin_1", "An accent in a comment costs the whole grade.", ACCENTED.encode("latin-1")),
    ("latin_1_said_so", "A file that names its encoding is read in another.",
     b"# coding: latin-1\n" + ACCENTED.encode("latin-1")),
    ("windows_lines", "A file with Windows' line ends in a text in Windows' encoding is refused.",
     ACCENTED.replace("\n", "\r\n").encode("cp1252")),
):  # fmt: skip
    upload(name, goal=goal, make=file(".py", data))

for name, goal, data, sentence in (
    ("nul_bytes", "A NUL byte ends the run.", HONEST.encode() + b"\0", r"NUL bytes.*Save the file"),
    ("utf_16_without_mark", "A file of NUL bytes ends the run.", HONEST.encode("utf-16-le"),
     r"NUL bytes.*Save the file as UTF-8"),
    ("no_such_encoding", "An encoding that does not exist ends the run.",
     b"# coding: klingon\n" + ACCENTED.encode("latin-1"),
     r"not a known text encoding\. Remove that line"),
    ("codec_that_unpacks", "A coding line chooses a codec that unpacks or runs something.",
     b"# coding: zlib\n\x78\x9c\xff", r"not a known text encoding\. Remove that line"),
    ("lies_about_encoding", "A file that is not in the encoding it names ends the run.",
     b"# coding: utf-8\n# \xff\n", r"not utf-8 text, although.*Save the file as UTF-8"),
    ("compiled_called_source", "A compiled file that is called a module ends the run.",
     _pyc(HONEST), r"hand it in"),
    ("picture_called_source", "A picture that is called a module ends the run.",
     b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", r"hand it in"),
    ("two_megabytes", "A module of two megabytes keeps the grader busy.",
     b"x = 1\n" * 400_000, r"is larger than 1 MiB.*Hand in"),
):  # fmt: skip
    harms = (lambda path, room: path.stat().st_size > 2 << 20) if name == "two_megabytes" else None
    upload(name, goal=goal, make=file(".py", data), sentence=sentence, harms=harms)

upload(
    "compiled_beside_source",
    goal="A compiled file beside the module is run in its place, so that nobody read what counts.",
    make=folder({"scaling.py": HONEST, "__pycache__/scaling.pyc": _pyc(WRONG)}),
    harms=_imports_what_is_not_there,
)
upload(
    "compiled_only",
    goal="A compiled file without its source ends the run.",
    make=folder({"__pycache__/scaling.cpython-311.pyc": _pyc(HONEST), "scaling.pyc": _pyc(HONEST)}),
    sentence=r"Nothing for 01_scaling was found: hand in scaling\.py",
)
upload(
    "hidden_ending",
    goal="A file that Windows called scaling.py.txt ends the run.",
    make=folder({"scaling.py.txt": HONEST}),
    sentence=r"Nothing for 01_scaling was found: hand in scaling\.py",
)
upload(
    "numbered_copy",
    goal="A file that a browser called scaling (1).py is not found.",
    make=folder({"scaling (1).py": HONEST}),
)
upload(
    "empty_folder",
    goal="A student with an empty folder ends the run.",
    make=folder({}),
    sentence=r"Nothing for 01_scaling was found: hand in scaling\.py",
)
upload(
    "released_twin",
    goal="The untouched file in the course's folder is graded instead of the work beside it.",
    make=folder({"01_scaling/scaling.py": "# nothing yet\n", "work/scaling.py": HONEST}),
)
