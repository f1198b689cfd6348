"""What a unit's tests, mistakes and alternatives import.

Declarations (`exercise`, `mistake`, `alternative`), inputs (`given`, `tensors`, `Case`, ...) and
comparisons (`assert_close`, `assert_inputs_unchanged`). The fixtures `student`, `reference` and
`device` come from `autograder.testing.plugin`, which pytest loads by itself.
"""

from autograder.testing.cases import Case
from autograder.testing.comparison import Mismatch, assert_close, assert_inputs_unchanged
from autograder.testing.exercises import alternative, exercise, mistake
from autograder.testing.strategies import dtypes, given, labels, lay_out, sizes, tensors

__all__ = [
    "Case",
    "Mismatch",
    "alternative",
    "assert_close",
    "assert_inputs_unchanged",
    "dtypes",
    "exercise",
    "given",
    "labels",
    "lay_out",
    "mistake",
    "sizes",
    "tensors",
]
