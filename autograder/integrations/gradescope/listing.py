"""``submission_metadata.yml`` of a Gradescope export: whose each folder is, and when it came.

Read line by line, as the indented subset of YAML that the export is written in. A full parser would
build gigabytes out of the test results in it, stumble over Ruby's tags, and follow aliases.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

from autograder.submissions import Listed, Person, iso

METADATA = "submission_metadata.yml"
_TOP = re.compile(r"""^(["']?)([^\s#"'-][^"']*)\1:\s*$""")
_PAIR = re.compile(r"""^( *)(- +)?(?:["']?):?(\w+)["']?:(?: +(.*))?$""")


@dataclass
class Submission:
    """One folder of the export."""

    people: list[Person] = field(default_factory=list)
    when: str | None = None
    earlier: list[str | None] = field(default_factory=list)

    @property
    def number(self) -> int:
        """Which attempt this is: the history lists the others."""
        return 1 + sum(1 for when in self.earlier if when != self.when or when is None)


def read_list(text: str) -> dict[str, Listed]:
    """What the file says of each folder of the export."""
    return {
        folder: Listed(tuple(submission.people), submission.when, submission.number)
        for folder, submission in parse(text).items()
    }


def parse(text: str) -> dict[str, Submission]:
    """Folder name -> submission, for everything that could be understood.

    Args:
        text: the file's text.

    Example:
        >>> parse("submission_1:\\n  :submitters:\\n  - :name: Ada\\n    :sid: '7'\\n")
        {'submission_1': Submission(people=[Person(name='Ada', sid='7', email='')], when=None, \
earlier=[])}
    """
    found: dict[str, Submission] = {}
    anchors: dict[str, str] = {}
    here = Submission()
    section, item_indent = "", -1
    for line in text.split("\n"):
        line = line.rstrip()
        if not line or line.startswith(("---", "#", "...")):
            continue
        if line[0] != " ":
            match = _TOP.match(line)
            here = Submission()
            section, item_indent = "", -1
            if match:
                found[match[2]] = here
            continue
        pair = _PAIR.match(line)
        if not pair:
            continue
        indent = len(pair[1])
        dash, key, raw = bool(pair[2]), pair[3], pair[4] or ""
        value = _scalar(raw, anchors)
        if indent == 2 and not dash:
            section, item_indent = key, -1
            if key == "created_at":
                here.when = iso(value)
            continue
        if section == "created_at" and key == "utc" and here.when is None:
            here.when = iso(value)  # a Ruby time with its zone, written as a mapping
            continue
        if section not in ("submitters", "history"):
            continue
        if dash and item_indent < 0:
            item_indent = indent
        if dash and indent == item_indent:
            if section == "submitters":
                here.people.append(Person())
            else:
                here.earlier.append(None)
        elif dash or indent != item_indent + 2:
            continue  # deeper: results of an earlier attempt, which may quote anything
        if section == "submitters" and key in ("name", "sid", "email") and here.people:
            setattr(here.people[-1], key, value)
        elif section == "history" and key == "created_at" and here.earlier:
            here.earlier[-1] = iso(value)
    return found


def _scalar(raw: str, anchors: dict[str, str]) -> str:
    """The text of a one-line YAML scalar; tags dropped, aliases resolved."""
    text, anchor = raw.strip(), ""
    while text[:1] in ("!", "&"):
        first, _, rest = text.partition(" ")
        anchor = first[1:] if first[0] == "&" else anchor
        text = rest.strip()
    if text.startswith("*"):
        return anchors.get(text[1:], "")
    if len(text) >= 2 and text[0] == text[-1] == "'":
        text = text[1:-1].replace("''", "'")
    elif len(text) >= 2 and text[0] == text[-1] == '"':
        try:
            text = str(json.loads(text))
        except ValueError:
            text = text[1:-1]
    elif text in ("~", "null", "|", "|-", ">", ">-"):
        text = ""
    else:
        text = text.partition(" #")[0].rstrip()
    if anchor and len(anchors) < 100_000:
        anchors[anchor] = text
    return text
