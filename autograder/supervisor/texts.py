"""Texts that a student's process wrote, made harmless."""

from __future__ import annotations

LONGEST_MESSAGE = 2000


def clean(text: str, longest: int) -> str:
    """A student's text without what could deceive a terminal or a reader.

    Control and direction characters become ``?``; it still has to be escaped for HTML.
    """
    text = text[:longest]
    if text.isascii() and text.replace("\n", "").replace("\t", "").isprintable():
        return text  # nearly all are, and looking at each character takes long
    return "".join(c if c.isprintable() or c in "\n\t" else "?" for c in text)
