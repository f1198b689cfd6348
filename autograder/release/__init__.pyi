from . import style
from .figures import Figure, figure_files, shown_figures
from .folder import digest, marker, public_tests, public_unit
from .formats import FOLDER, ReleaseFormat, make_release
from .notebook import CHECK_TAG, check_source, defined_functions, notebook_text
from .package import Package, find_package, staff_wheel
from .publish import ReleaseReport, check_assignments, release, require_apart
from .staff import staff_side, wanted_units, zipped
from .stub import ANSWER, Region, find_regions, stand_in, stub_cell, write_stub
from .templates import fill_template

__all__ = [
    "ANSWER",
    "CHECK_TAG",
    "FOLDER",
    "Figure",
    "Package",
    "Region",
    "ReleaseFormat",
    "ReleaseReport",
    "check_assignments",
    "check_source",
    "defined_functions",
    "digest",
    "figure_files",
    "fill_template",
    "find_package",
    "find_regions",
    "make_release",
    "marker",
    "notebook_text",
    "public_tests",
    "public_unit",
    "release",
    "require_apart",
    "shown_figures",
    "staff_side",
    "staff_wheel",
    "stand_in",
    "stub_cell",
    "style",
    "wanted_units",
    "write_stub",
    "zipped",
]
