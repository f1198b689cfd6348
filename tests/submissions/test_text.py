"""Encodings of source files, and files on disk that are not what they seem."""

from __future__ import annotations

import codecs
import os
import pickle
import unicodedata
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import discover

from autograder.integrations.gradescope.listing import parse
from autograder.submissions import Limits, RecognisedUnit, Unreadable, read
from autograder.submissions.folders import read_file
from autograder.submissions.text import clean, decode


@pytest.mark.parametrize(
    "data",
    [
        "s = 'é'\n".encode(),
        codecs.BOM_UTF8 + "s = 'é'\n".encode(),
        "s = 'é'\n".encode("utf-16"),
        "s = 'é'\n".encode("utf-32"),
        "s = 'é'\r\n".encode(),
        "s = 'é'\r".encode(),
    ],
)
def test_unicode_is_read_with_and_without_a_mark(data):
    assert decode(data, "layers.py") == ("s = 'é'\n", None)


@pytest.mark.parametrize("name", ["latin-1", "iso-8859-15", "cp1252", "Latin1", "utf8"])
def test_the_coding_line_is_obeyed(name):
    text = f"#!/usr/bin/python\n# -*- coding: {name} -*-\ns = 'é'\n"
    assert decode(text.encode(name), "layers.py") == (text, None)


def test_other_bytes_are_read_with_a_remark():
    text, remark = decode(b"x = 1\n# caf\xe9\n", "layers.py")
    assert text == "x = 1\n# café\n"
    assert remark == "Line 2 of layers.py is not UTF-8, so the file was read as Windows-1252 text."


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"x = 1\n\0", r"Line 2 of layers\.py contains NUL bytes"),
        ("x = 1\n".encode("utf-16-le"), r"Line 1 of layers\.py contains NUL bytes"),
        (b"# coding: rot13\n", r"names 'rot13', which is not a known text encoding"),
        (b"# coding: zlib\n", "not a known text encoding"),
        (b"# coding: ../../x\n", "not a known text encoding"),
        (b"# coding: cp99999\n", "not a known text encoding"),
        (b"# coding: utf-8\n\xff\n", r"Line 2 of layers\.py is not utf-8 text, although"),
        (codecs.BOM_UTF16_LE + b"\x00\xd8", "is not utf-16 text"),
    ],
)
def test_what_cannot_be_source_is_refused_with_a_sentence(data, sentence):
    with pytest.raises(Unreadable, match=sentence):
        decode(data, "layers.py")


@given(st.binary(max_size=100))
def test_any_bytes_are_text_or_a_sentence(refusal, data):
    texts = []
    assert refusal(lambda: texts.append(decode(data, "layers.py")[0])).endswith(".")
    for text in texts:
        assert "\r" not in text
        assert "\0" not in text
        text.encode()


@given(st.text(max_size=400))
def test_a_cleaned_name_is_one_bounded_line(text):
    name = clean(text)
    assert len(name) <= 120
    # A space of any width is none of what Python calls printable, but the plain one.
    assert all(c.isprintable() or unicodedata.category(c) == "Zs" for c in name)
    assert clean(name) == name or name.endswith("…")


def test_a_module_over_the_limit_is_refused(tree, attempt, layers):
    root = tree({"layers.py": "x" * 101})
    with pytest.raises(Unreadable, match=r"layers\.py is larger than 100 bytes"):
        read(attempt(root / "layers.py"), layers, Limits(source_bytes=100))


def test_what_is_read_of_one_submission_is_bounded_altogether(tree, attempt, layers):
    root = tree({f"layers ({n}).py": "x" * 60 for n in range(3)})
    checked = read(attempt(root), layers, Limits(unpacked_bytes=100))
    assert len(checked.cells) == 1
    assert "larger than 40 bytes" in checked.notes[0]


def test_a_link_inside_a_submission_is_noted_and_not_followed(tree, attempt, layers, tmp_path):
    secret = tmp_path / "secret.py"
    secret.write_text("SECRET = 1\n")
    root = tree({"alice/helper.py": "h = 1\n"}) / "alice"
    os.symlink(secret, root / "layers.py")
    os.symlink(tmp_path, root / "folder")
    checked = read(attempt(root, "layers"), layers)
    assert [cell.source for cell in checked.cells] == ["h = 1\n"]
    assert "layers.py is a link and was not followed." in checked.notes
    with pytest.raises(Unreadable, match=r"layers\.py cannot be read"):
        read(attempt(root / "layers.py"), layers)


def test_a_folder_replaced_by_a_link_after_listing_is_not_entered(tree, tmp_path, layers, attempt):
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "layers.py").write_text("SECRET = 1\n")
    root = tree({"alice/x.txt": ""}) / "alice"
    os.symlink(tmp_path / "secret", root / "hw")
    with pytest.raises(Unreadable, match="cannot be read"):
        read_file(root, "hw/layers.py", 100)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_named_pipe_does_not_hang_the_grader(tree, attempt, layers):
    root = tree({"alice/notes.txt": ""}) / "alice"
    os.mkfifo(root / "layers.py")
    assert read(attempt(root), layers) is None
    with pytest.raises(Unreadable, match="not an ordinary file"):
        read(attempt(root / "layers.py"), layers)


def test_the_number_of_files_is_bounded(tree, attempt, layers):
    root = tree({f"f{n}.py": "" for n in range(6)})
    with pytest.raises(Unreadable, match="holds more than 5 files"):
        read(attempt(root), layers, Limits(members=5))


def test_attempts_travel_between_processes(tree, zipped, work, units):
    root = tree({"alice/layers.py": work})
    found = discover([root], units)
    assert pickle.loads(pickle.dumps(found)) == found


@given(st.text(alphabet="ab:-' \"&*!|\n0", max_size=80))
def test_any_gradescope_metadata_is_understood_or_skipped(text):
    parse("submission_1:\n  :submitters:\n  - " + text)
    parse(text)


NAMES = st.text(alphabet="ab@_-. ()0129LATE/\\\x1b\u202eé", min_size=1, max_size=20)


@given(st.lists(NAMES, max_size=5))
def test_any_names_in_a_class_archive_are_found_deterministically(refusal, tmp_path_factory, names):
    units = [RecognisedUnit("03_layers", "layers")]
    path = tmp_path_factory.mktemp("fuzz") / "class.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in dict.fromkeys(names):
            archive.writestr(f"{name}.py", "x = 1\n")
    found = discover([path], units)
    assert found == discover([path], units)
    assert len({(a.student, a.number) for a in found.attempts}) == len(found.attempts)
    for attempt in found.attempts:
        assert refusal(lambda attempt=attempt: read(attempt, units[0])).endswith(".")


@pytest.mark.parametrize(
    "text",
    [" " * 900_000, "\n" * 900_000, "# %% " + "a" * 900_000, "a" * 900_000 + "?!", "(" * 900_000,
     "\\\n" * 400_000, "'" * 900_001, "# %%\n" * 150_000],
)  # fmt: skip
def test_monotonous_sources_are_read_like_any_other(tree, attempt, layers, notebook, text):
    root = tree({"layers.py": text, "layers.ipynb": notebook(text), "x.py": text, "y.py": text})
    assert read(attempt(root, "layers", "convolution"), layers) is not None
