from .calls import Returns, call_graph, definitions, names_used, reachable
from .courses import (
    MARKER,
    Course,
    Release,
    find_course,
    find_staff_course,
    find_unit,
    find_units,
    means_unit,
    read_release,
)
from .declarations import CourseError, ExerciseTest, functions, parse, place
from .percent import Cell, read_cells
from .policy import Late, Policy, read_policy
from .rules import DEFAULT_RULES, OPERATOR_GROUPS, group_of, rules_in_words
from .targets import find_targets
from .units import TEST_FILES, Exercise, Unit, read_unit
from .variants import Mistake, alternatives, mistakes

__all__ = [
    "DEFAULT_RULES",
    "MARKER",
    "OPERATOR_GROUPS",
    "TEST_FILES",
    "Cell",
    "Course",
    "CourseError",
    "Exercise",
    "ExerciseTest",
    "Late",
    "Mistake",
    "Policy",
    "Release",
    "Returns",
    "Unit",
    "alternatives",
    "call_graph",
    "definitions",
    "find_course",
    "find_staff_course",
    "find_targets",
    "find_unit",
    "find_units",
    "functions",
    "group_of",
    "means_unit",
    "mistakes",
    "names_used",
    "parse",
    "place",
    "reachable",
    "read_cells",
    "read_policy",
    "read_release",
    "read_unit",
    "rules_in_words",
]
