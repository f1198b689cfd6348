from . import plugin
from .cases import Case, describe, map_tensors, to_device
from .comparison import Mismatch, assert_close, assert_inputs_unchanged
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
from .tolerance import (
    MOST,
    TIMES,
    TOLERANCE,
    Compared,
    Spreads,
    comparisons_measured,
    spreads_known,
    widened,
)

__all__ = [
    "GRADING_PLUGIN",
    "MOST",
    "PROFILE",
    "SUBJECTS",
    "TIMES",
    "TOLERANCE",
    "Answered",
    "Body",
    "CallRecord",
    "Case",
    "Compared",
    "Mismatch",
    "ModuleBackend",
    "NotDefined",
    "Opaque",
    "Reference",
    "Spreads",
    "Student",
    "StudentError",
    "StudentStopped",
    "alternative",
    "assert_close",
    "assert_inputs_unchanged",
    "body_of",
    "body_replaced",
    "comparisons_measured",
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
    "spreads_known",
    "strategies_of",
    "student_error",
    "tensors",
    "to_device",
    "widened",
]
