from . import plugin
from .cases import Case, describe, map_tensors, to_device
from .comparison import TOLERANCE, Mismatch, assert_close, assert_inputs_unchanged
from .errors import (
    NotDefined,
    StudentError,
    StudentStopped,
    kind_of,
    nothing_raised,
    student_error,
)
from .exercises import alternative, exercise, mistake
from .plugin import GRADING_PLUGIN, SUBJECTS
from .property import Body, body_of, body_replaced, is_property, strategies_of
from .strategies import PROFILE, dtypes, given, labels, lay_out, sizes, tensors
from .subjects import (
    Answered,
    CallRecord,
    ModuleBackend,
    Opaque,
    Reference,
    Student,
    same_value,
)

__all__ = [
    "GRADING_PLUGIN",
    "PROFILE",
    "SUBJECTS",
    "TOLERANCE",
    "Answered",
    "Body",
    "CallRecord",
    "Case",
    "Mismatch",
    "ModuleBackend",
    "NotDefined",
    "Opaque",
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
    "kind_of",
    "labels",
    "lay_out",
    "map_tensors",
    "mistake",
    "nothing_raised",
    "plugin",
    "same_value",
    "sizes",
    "strategies_of",
    "student_error",
    "tensors",
    "to_device",
]
