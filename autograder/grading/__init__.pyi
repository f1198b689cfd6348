from .checking import check, check_live
from .grader import UnitGrader, exam_request
from .provenance import describe_run
from .replay import DeviceLost
from .settings import Settings, fingerprint, settings_here

__all__ = [
    "DeviceLost",
    "Settings",
    "UnitGrader",
    "check",
    "check_live",
    "describe_run",
    "exam_request",
    "fingerprint",
    "settings_here",
]
