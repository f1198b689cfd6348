"""Notebooks become Python, line for line."""

from __future__ import annotations

import ast
import codecs
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.submissions import Limits, Unreadable, read_notebook
from autograder.submissions.magics import is_python, python_of


def sources(text, **limits):
    data = text.encode() if isinstance(text, str) else text
    return [cell.source for cell in read_notebook(data, "n.ipynb", Limits(**limits)).cells]


@pytest.mark.parametrize("version", [3, 4])
def test_code_cells_are_read_in_document_order(notebook, version):
    text = notebook("a = 1\nb = 2", ("markdown", "# text", {}), "c = 3", version=version)
    read = read_notebook(text.encode(), "layers.ipynb", Limits())
    assert [(c.label, c.source) for c in read.cells] == [
        ("layers.ipynb[cell 1]", "a = 1\nb = 2"),
        ("layers.ipynb[cell 3]", "c = 3"),
    ]


def test_a_source_may_be_one_string():
    assert sources('{"cells": [{"cell_type": "code", "source": "a = 1\\r\\nb = 2"}]}') == [
        "a = 1\nb = 2"
    ]


def test_cells_that_only_call_the_tool_are_skipped(notebook):
    tagged = ("code", "raise SystemExit", {"tags": ["autograder-check"]})
    assert sources(notebook(tagged, "a = 1")) == ["a = 1"]


@pytest.mark.parametrize(
    ("source", "python"),
    [
        ("%matplotlib inline\nx = 1", "# %matplotlib inline\nx = 1"),
        ("!pip install \\\n  torch\nx = 1", "# !pip install \\\n  # torch\nx = 1"),
        ("!echo 'it\nx = '''\n%no\n'''", "# !echo 'it\nx = '''\n%no\n'''"),
        ("x?\n?x\ntorch.nn??", "# x?\n# ?x\n# torch.nn??"),
        ("files = !ls\nt = %timeit -o f()", "# files = !ls\n# t = %timeit -o f()"),
        ("if x:\n    %time f()", "if x:\n    pass  # %time f()"),
        ("x = (7\n  % 3)", "x = (7\n  % 3)"),
        ("x = 7 \\\n% 3", "x = 7 \\\n% 3"),
        ("x = '\\\n% 3'", "x = '\\\n% 3'"),
        ("x = a != b  # why?", "x = a != b  # why?"),
        ("# [ (\n%pwd", "# [ (\n# %pwd"),
        ("s = 'unfinished\n%pwd", "s = 'unfinished\n# %pwd"),
        ("%%time\n\nx = 1", "# %%time\n\nx = 1"),
    ],
)
def test_magics_become_comments_and_other_lines_stay(source, python):
    assert is_python(source)
    assert python_of(source) == python


@pytest.mark.parametrize("magic", ["bash", "html", "writefile layers.py", "timeit", "javascript"])
def test_cells_in_other_languages_are_skipped_with_a_note(notebook, magic):
    read = read_notebook(notebook(f"\n%%{magic}\nrm x").encode(), "n.ipynb", Limits())
    assert read.cells == ()
    assert read.notes == (f"Cell 1 of n.ipynb was not run: it begins with %%{magic.split()[0]}.",)


@given(st.lists(st.sampled_from(["%a", "!b", "x = 1", "'''", "(", ")", "\\", "f?", "  ", "#"])))
def test_every_line_keeps_its_number(parts):
    source = "\n".join(parts)
    assert python_of(source).count("\n") == source.count("\n")


@pytest.mark.filterwarnings("ignore:invalid escape sequence")
@given(st.text(alphabet="ab%!?\\'\"()[]#= \n", max_size=60))
def test_what_python_accepts_is_not_changed(source):
    try:
        ast.parse(source)
    except (SyntaxError, ValueError):
        return
    assert python_of(source) == source


def test_outputs_do_not_count_as_code(notebook):
    document = json.loads(notebook("a = 1"))
    document["cells"][0]["outputs"] = [{"data": {"image/png": "A" * 50_000}, "x": [1.5, None]}]
    assert sources(json.dumps(document), source_bytes=100) == ["a = 1"]


def test_nan_in_an_output_is_forgiven(notebook):
    text = notebook("a = 1").replace('"outputs": []', '"outputs": [{"data": NaN}]')
    assert "NaN" in text
    assert sources(text) == ["a = 1"]


def test_a_lone_surrogate_is_replaced(notebook):
    assert sources(notebook("a = 'Q'").replace("Q", "\\ud800")) == ["a = '?'"]


@pytest.mark.parametrize("mark", [codecs.BOM_UTF8, codecs.BOM_UTF16_LE])
def test_a_byte_order_mark_is_understood(notebook, mark):
    encoding = "utf-8" if mark == codecs.BOM_UTF8 else "utf-16-le"
    assert sources(mark + notebook("a = 'é'").encode(encoding)) == ["a = 'é'"]


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "{}", '{"cells": 3}', '{"cells": [3]}', '{"cells": [{}]}',
     '{"cells": [{"cell_type": 3}]}', '{"cells": [{"cell_type": "code", "source": {"a": 1}}]}',
     '{"cells": [{"cell_type": "code", "source": [1]}]}', '{"worksheets": [{"cells": [NaN]}]}',
     "[" * 100_000, '{"cells": ' + "[" * 100_000, '{"x": ' + '{"x": ' * 50_000, b"\xff\xfe\x00"],
)  # fmt: skip
def test_what_is_no_notebook_is_refused_with_a_sentence(text):
    with pytest.raises(Unreadable, match=r"n\.ipynb .*\.$"):
        sources(text)


def test_odd_metadata_are_no_reason_to_refuse(notebook):
    for metadata in (None, 3, [], "x", {"tags": 3}, {"nbgrader": []}, {"answer": 5}):
        assert sources(notebook(("code", "a = 1", metadata))) == ["a = 1"]


def test_bounds_are_sentences(notebook):
    for text in (notebook("a" * 101), notebook(*["a" * 30] * 4)):
        with pytest.raises(Unreadable, match="more code and text than any unit needs"):
            sources(text, source_bytes=100)
    with pytest.raises(Unreadable, match="more code and text"):
        sources(notebook(*["a"] * 5001))
    with pytest.raises(Unreadable, match="Clear all outputs"):
        sources('{"cells": [' + "{}," * 1_000_001 + "{}]}")
    with pytest.raises(Unreadable, match=r"Cell 1 of n\.ipynb contains NUL"):
        sources(notebook("a\0b"))


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_no_bytes_end_in_anything_but_a_sentence(refusal, data):
    assert refusal(lambda: sources(data)).endswith(".")
