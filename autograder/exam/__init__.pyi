from .exams import HIDDEN, PUBLIC, Drawn, ExamRequest, draw, reference_of, seconds_of
from .keeping import ExamStore, Kept, file_name, write_secret
from .places import CARRIED, user_folder
from .prepared import (
    ExampleSet,
    PreparationError,
    PreparedExample,
    PreparedTest,
    Rehearsed,
    tensor_versions,
)
from .preparing import DrawnTest
from .probes import count_elements
from .reading import Damaged, Exam, KnownMistake, read_exam
from .rehearsal import FAILURES_KEPT
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
    "read_exam",
    "reference_of",
    "script_of",
    "seconds_of",
    "tensor_versions",
    "user_folder",
    "write_exam",
    "write_secret",
]
