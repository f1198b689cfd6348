from .changes import changes_table
from .columns import find_column, read_roster, requested_title, results_by_unit, scale_factor
from .feedback import escape_markdown, inline_code
from .formats import FORMATS, ReportFormat, find_format
from .grades import harmless_cell
from .junit import junit_xml
from .matching import MatchingKey, casefolded, fill_rows, name_words
from .material import Document, Material, read_material
from .notebook_page import Message, Page, exercise_html, note_html
from .plain import exercise_text, result_text
from .sheet import Sheet, cell_number
from .terminal import class_table, escaped, print_check, ratios_table, verify_table
from .words import (
    STATUS,
    building_on,
    devices_told,
    failure_told,
    failures_to_tell,
    mark_text,
    points_text,
    printable,
)
from .writing import write_document, write_reports

__all__ = [
    "FORMATS",
    "STATUS",
    "Document",
    "MatchingKey",
    "Material",
    "Message",
    "Page",
    "ReportFormat",
    "Sheet",
    "building_on",
    "casefolded",
    "cell_number",
    "changes_table",
    "class_table",
    "devices_told",
    "escape_markdown",
    "escaped",
    "exercise_html",
    "exercise_text",
    "failure_told",
    "failures_to_tell",
    "fill_rows",
    "find_column",
    "find_format",
    "harmless_cell",
    "inline_code",
    "junit_xml",
    "mark_text",
    "name_words",
    "note_html",
    "points_text",
    "print_check",
    "printable",
    "ratios_table",
    "read_material",
    "read_roster",
    "requested_title",
    "result_text",
    "results_by_unit",
    "scale_factor",
    "verify_table",
    "write_document",
    "write_reports",
]
