from .conditioning import worst_ratios
from .exams import Drawn, draw
from .inlining import Inlining, inlined_mistakes
from .keeping import ExamStore, Kept, file_name, write_secret
from .places import CARRIED, user_folder
from .prepared import (
    FAILURES_KEPT,
    ExampleSet,
    PreparationError,
    PreparedExample,
    PreparedTest,
    Rehearsed,
    seconds_of,
    tensor_versions,
)
from .preparing import DrawnTest
from .probes import count_elements
from .reading import Damaged, Exam, KnownMistake, read_exam
from .references import reference_of
from .requests import HIDDEN, PUBLIC, ExamRequest
from .scripts import Script, script_of
from .writing import write_exam

__all__ = [
    "CARRIED",
    "FAILURES_KEPT",
    "HIDDEN",
    "PUBLIC",
    "Damaged",
    "Drawn",
    "DrawnTest",
    "Exam",
    "ExamRequest",
    "ExamStore",
    "ExampleSet",
    "Inlining",
    "Kept",
    "KnownMistake",
    "PreparationError",
    "PreparedExample",
    "PreparedTest",
    "Rehearsed",
    "Script",
    "count_elements",
    "draw",
    "file_name",
    "inlined_mistakes",
    "read_exam",
    "reference_of",
    "script_of",
    "seconds_of",
    "tensor_versions",
    "user_folder",
    "worst_ratios",
    "write_exam",
    "write_secret",
]
