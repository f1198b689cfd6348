"""What students get of a cell: this project's stubs instead of nbgrader's."""

from __future__ import annotations

from typing import Any

from nbgrader import utils
from nbgrader.preprocessors import ClearSolutions

from autograder.release import stub_cell


class ClearToStubs(ClearSolutions):
    """Leaves out solutions as `autograder release` does: the stub names its function.

    nbgrader's own preprocessor puts the same lines in the place of every solution, also where a
    helper stood that students need not write: its lines would raise as soon as the cell is run.
    """

    def preprocess_cell(self, cell: Any, resources: Any, cell_index: int) -> tuple[Any, Any]:
        """One cell; one without a solution cell's role is nbgrader's business."""
        ours = utils.is_solution(cell) and cell.cell_type == "code"
        if not ours or self.begin_solution_delimeter not in cell.source:
            cell, resources = super().preprocess_cell(cell, resources, cell_index)
            return cell, resources
        cell.source = stub_cell(cell.source) or "# Helpers of your own may go here."
        return cell, resources
