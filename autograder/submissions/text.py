"""Bytes to text: encodings, line ends, and names that are safe to show."""

from __future__ import annotations

import codecs
import re
import unicodedata

from autograder.submissions.records import Unreadable

_COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
# Only encodings of text: a coding line must not choose a codec such as zlib or unicode_escape.
_ENCODINGS = re.compile(
    r"(utf_?8(_sig)?|u8|us_ascii|ascii|latin_?\d*|l\d|iso_?8859_\d+|iso_latin_\d|cp\d+|"
    r"windows_\d+|mac_?\w+|koi8_[ru]|gbk?|gb2312|gb18030|big5(hkscs)?|s(hift)?_?jis|euc_?\w+)"
)
_DIRECTIONS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_REPLACED = "\N{REPLACEMENT CHARACTER}"


def decode(data: bytes, name: str) -> tuple[str, str | None]:
    """The text of a source file, with ``\\n`` line ends, and a remark if it was hard to read.

    UTF-8 with or without a byte order mark, UTF-16 and UTF-32 with one, and what a coding line
    says (PEP 263). Text in no stated encoding that is not UTF-8 is read as Windows-1252: an accent
    in a comment should not cost a grade.

    Args:
        data: the file's bytes.
        name: the file's name, for sentences.

    Raises:
        Unreadable: for NUL bytes and for bytes that contradict the stated encoding.
    """
    encoding, stated = _encoding(data, name)
    remark = None
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        if stated:
            raise Unreadable(
                f"Line {line} of {name} is not {encoding} text, although the file says that it "
                "is. Save the file as UTF-8 and hand it in again."
            ) from None
        text = data.decode("cp1252", errors="replace")
        remark = f"Line {line} of {name} is not UTF-8, so the file was read as Windows-1252 text."
    text = text.removeprefix("\ufeff")
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise Unreadable(
            f"Line {line} of {name} contains NUL bytes, so it is not Python source. "
            "Save the file as UTF-8 text and hand it in again."
        )
    return newlines(text), remark


def _encoding(data: bytes, name: str) -> tuple[str, bool]:
    """The encoding of a file and whether the file itself states it."""
    if data.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32", True
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16", True
    if data.startswith(codecs.BOM_UTF8):
        return "utf-8", True
    for line in re.split(rb"\r\n|\r|\n", data[:4096])[:2]:
        cookie = _COOKIE.match(line)
        if cookie:
            stated = cookie[1].decode("ascii", errors="replace")
            plain = re.sub(r"[-.\s]", "_", stated.lower())
            try:
                if _ENCODINGS.fullmatch(plain):
                    return codecs.lookup(plain).name, True
            except LookupError:
                pass
            raise Unreadable(
                f"The coding line of {name} names {clean(stated, 40)!r}, which is not a known text "
                "encoding. Remove that line and save the file as UTF-8."
            )
        if line.strip() and not line.lstrip().startswith(b"#"):
            break
    return "utf-8", False


def newlines(text: str) -> str:
    """``text`` with Windows and old Macintosh line ends replaced by ``\\n``."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def clean(text: str, limit: int = 120) -> str:
    """A name that is safe to show and to store: one line, no control characters, bounded.

    Example:
        >>> clean("alice\\x1b[31m")
        'alice�[31m'
    """
    composed = unicodedata.normalize("NFC", text[: 4 * limit])
    shown = "".join(
        _REPLACED if unicodedata.category(char) in _UNSHOWABLE else char for char in composed
    ).strip()
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


_UNSHOWABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def clean_prose(text: str) -> str:
    """Several lines a student wrote, without control characters and direction overrides."""
    kept = "".join(
        char if char in "\n\t" or unicodedata.category(char) not in {"Cc", "Cs"} else _REPLACED
        for char in newlines(text)
    )
    return _DIRECTIONS.sub(_REPLACED, kept)


def listing(names: list[str], limit: int = 5) -> str:
    """``"a, b and c"``, with the rest counted.

    Example:
        >>> listing(["a.py", "b.py"])
        'a.py and b.py'
    """
    shown = [clean(name) for name in names[:limit]]
    if len(names) > limit:
        shown.append(f"{len(names) - limit} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
