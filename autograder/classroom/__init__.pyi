from .checks import check_units
from .class_run import ClassReport, grade_class, needs_a_person
from .decisions import resolve
from .demo import write_demo
from .errors import GradingError
from .jobs import JobGrader
from .lateness import parse_moment, unmeasured_lateness, with_lateness
from .messages import Examined, Job, Orders, Reply
from .planning import Plan, find_submissions, idle_extensions, plan, plan_one, units_present
from .preparations import prepare_units
from .processes import GradingProcesses
from .recognition import recognised_unit
from .regrading import Change, accept_lower, mark_changes
from .verifying import (
    DIAGNOSED_SHARE,
    Verdict,
    diagnosed_share,
    examined,
    inlined_problems,
    judge,
    variants,
    write_class,
)

__all__ = [
    "DIAGNOSED_SHARE",
    "Change",
    "ClassReport",
    "Examined",
    "GradingError",
    "GradingProcesses",
    "Job",
    "JobGrader",
    "Orders",
    "Plan",
    "Reply",
    "Verdict",
    "accept_lower",
    "check_units",
    "diagnosed_share",
    "examined",
    "find_submissions",
    "grade_class",
    "idle_extensions",
    "inlined_problems",
    "judge",
    "mark_changes",
    "needs_a_person",
    "parse_moment",
    "plan",
    "plan_one",
    "prepare_units",
    "recognised_unit",
    "resolve",
    "units_present",
    "unmeasured_lateness",
    "variants",
    "with_lateness",
    "write_class",
    "write_demo",
]
