from .files import ResultError, read_result, to_json, write_atomically
from .folder import Folder, file_name
from .records import (
    Diagnosis,
    ExerciseResult,
    ExerciseStatus,
    Failure,
    Resolution,
    Result,
    Run,
    Speed,
    Struct,
    TestResult,
    TestStatus,
    brief,
)
from .resolutions import add_resolution, apply_resolutions, read_resolutions

__all__ = [
    "Diagnosis",
    "ExerciseResult",
    "ExerciseStatus",
    "Failure",
    "Folder",
    "Resolution",
    "Result",
    "ResultError",
    "Run",
    "Speed",
    "Struct",
    "TestResult",
    "TestStatus",
    "add_resolution",
    "apply_resolutions",
    "brief",
    "file_name",
    "read_resolutions",
    "read_result",
    "to_json",
    "write_atomically",
]
