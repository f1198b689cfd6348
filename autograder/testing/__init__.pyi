from . import plugin
from .cases import Case, describe, map_tensors, to_device
from .comparison import TOLERANCE, Mismatch, assert_close, assert_inputs_unchanged
from .errors import NotDefined, StudentError, StudentStopped, student_error
from .exercises import alternative, exercise, mistake
from .plugin import GRADING_PLUGIN, SUBJECTS
from .property import Body, body_of, body_replaced, is_property
from .strategies import dtypes, given, labels, lay_out, sizes, tensors
from .subjects import Answered, CallRecord, ModuleBackend, Reference, Student, same_value

__all__ = [
    "GRADING_PLUGIN",
    "SUBJECTS",
    "TOLERANCE",
    "Answered",
    "Body",
    "CallRecord",
    "Case",
    "Mismatch",
    "ModuleBackend",
    "NotDefined",
    "Reference",
    "Student",
    "StudentError",
    "StudentStopped",
    "alternative",
    "assert_close",
    "assert_inputs_unchanged",
    "body_of",
    "body_replaced",
    "describe",
    "dtypes",
    "exercise",
    "given",
    "is_property",
    "labels",
    "lay_out",
    "map_tensors",
    "mistake",
    "plugin",
    "same_value",
    "sizes",
    "student_error",
    "tensors",
    "to_device",
]
