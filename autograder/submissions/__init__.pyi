from .finding import discover
from .notebooks import read_notebook
from .platforms import Arrived, Listed, Person, Platform
from .reading import read
from .records import (
    Answer,
    Attempt,
    Cell,
    Checked,
    Discovery,
    Limits,
    Piece,
    RecognisedUnit,
    Unreadable,
)
from .single import single_submission
from .text import listing
from .times import iso

__all__ = [
    "Answer",
    "Arrived",
    "Attempt",
    "Cell",
    "Checked",
    "Discovery",
    "Limits",
    "Listed",
    "Person",
    "Piece",
    "Platform",
    "RecognisedUnit",
    "Unreadable",
    "discover",
    "iso",
    "listing",
    "read",
    "read_notebook",
    "single_submission",
]
