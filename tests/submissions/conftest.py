"""Small submissions, built where a test wants them."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from autograder.submissions import Attempt, Piece, RecognisedUnit, Unreadable

STUB = '''\
# %% [markdown]
# # 3. Layers

# %%
import torch

# %%
def linear_forward(x, w, b):
    """The layer."""
    raise NotImplementedError("linear_forward is not written yet")

# %% [markdown] question="why" points=2
# Why?

# %% [markdown] answer="why"
# *Write your answer here.*
'''
WORK = STUB.replace('raise NotImplementedError("linear_forward is not written yet")', "return x")
CONVOLUTION = "def conv2d_forward(x):\n    raise NotImplementedError\n"


def _refusal(action: Callable[[], object]) -> str:
    try:
        action()
    except Unreadable as refusal:
        return str(refusal)
    return "."


@pytest.fixture(scope="session")
def refusal() -> Callable[[Callable[[], object]], str]:
    """The sentence with which an action is refused, or a mere full stop."""
    return _refusal


@pytest.fixture
def layers() -> RecognisedUnit:
    return RecognisedUnit("03_layers", "layers", STUB, ("why",))


@pytest.fixture
def units(layers: RecognisedUnit) -> list[RecognisedUnit]:
    return [layers, RecognisedUnit("05_convolution", "convolution", CONVOLUTION)]


@pytest.fixture
def stub() -> str:
    return STUB


@pytest.fixture
def work() -> str:
    return WORK


@pytest.fixture
def tree(tmp_path: Path) -> Callable[[Mapping[str, str | bytes]], Path]:
    """Writes files below a new folder ``class`` and returns it."""

    def write(files: Mapping[str, str | bytes]) -> Path:
        root = tmp_path / "class"
        root.mkdir(exist_ok=True)
        for name, content in files.items():
            path = root / name
            if name.endswith("/"):
                path.mkdir(parents=True)
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        return root

    return write


@pytest.fixture
def zipped() -> Callable[[Mapping[str, str | bytes]], bytes]:
    """The bytes of a zip archive with these members."""

    def pack(files: Mapping[str, str | bytes]) -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return buffer.getvalue()

    return pack


@pytest.fixture
def tarred() -> Callable[..., bytes]:
    """The bytes of a tar archive; a member may be a `tarfile.TarInfo` of any kind."""

    def pack(files: Mapping[str, str], *special: tarfile.TarInfo, mode: str = "w:gz") -> bytes:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode=mode) as archive:
            for info in special:
                archive.addfile(info)
            for name, content in files.items():
                info = tarfile.TarInfo(name)
                info.size = len(content.encode())
                archive.addfile(info, io.BytesIO(content.encode()))
        return buffer.getvalue()

    return pack


@pytest.fixture
def notebook() -> Callable[..., str]:
    """A notebook's JSON from (kind, source, metadata) triples or plain code strings."""

    def build(*cells: str | tuple[str, str, dict[str, Any]], version: int = 4) -> str:
        built = []
        for cell in cells:
            kind, source, metadata = ("code", cell, {}) if isinstance(cell, str) else cell
            text = "input" if version == 3 and kind == "code" else "source"
            lines = source.splitlines(keepends=True)
            built.append({"cell_type": kind, "metadata": metadata, text: lines, "outputs": []})
        if version == 3:
            return json.dumps({"nbformat": 3, "metadata": {}, "worksheets": [{"cells": built}]})
        return json.dumps({"nbformat": 4, "metadata": {}, "cells": built})

    return build


@pytest.fixture
def attempt() -> Callable[..., Attempt]:
    """An attempt that consists of one path."""

    def make(path: Path, *modules: str) -> Attempt:
        piece = Piece(path, called=path.name)
        return Attempt("alice", "", path.name, None, 1, None, path, (piece,), modules)

    return make
