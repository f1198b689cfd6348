"""Canvas and Moodle: a downloaded gradebook comes back with our marks in it, and nothing else."""

from __future__ import annotations

import codecs
import csv
import io
from pathlib import Path

import pytest

from autograder.integrations.canvas.gradebook import fill_gradebook
from autograder.integrations.moodle.worksheet import fill_worksheet
from autograder.report import cell_number, name_words, read_material
from autograder.report.sheet import harmless, read_sheet
from autograder.results import Resolution, ResultError

DOWNLOADS = Path(__file__).parent / "downloads"
# As Canvas exports it: a posting policy row, points possible, a test student, read-only totals.
CANVAS = (DOWNLOADS / "canvas.csv").read_text(encoding="utf-8")
# As Moodle writes it, in English and in German (comma as the decimal mark).
MOODLE = (DOWNLOADS / "moodle.csv").read_text(encoding="utf-8")
MOODLE_DE = (DOWNLOADS / "moodle_german.csv").read_text(encoding="utf-8")


def table(raw: bytes, delimiter: str = ",", encoding: str = "utf-8-sig") -> list[list[str]]:
    return list(csv.reader(io.StringIO(raw.decode(encoding), newline=""), delimiter=delimiter))


@pytest.fixture
def marks(make_result, make_exercise):
    """One result: an id and what it earned of 10."""

    def make(student, points, **changes):
        return make_result(student, [make_exercise("f", points, 10.0)], **changes)

    return make


@pytest.fixture
def fill(tmp_path, write_class):
    """Fill in a gradebook; the table that comes out, and the sentences."""

    def run(writer, text, results, **options):
        roster = tmp_path / "download.csv"
        roster.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
        folder = write_class(tmp_path / "class", results)
        document = writer(read_material(folder.path, roster=roster, **options))
        assert document.content is not None
        return document.content, "\n".join(document.notes)

    return run


def test_canvas_gets_marks_by_id_and_everything_else_stays_as_it_was(fill, marks):
    raw, notes = fill(
        fill_gradebook, CANVAS, [marks("101", 8.5), marks("103", 6.0), marks("105", 0.0)]
    )
    before, after = table(CANVAS.encode()), table(raw)
    assert {row[1]: row[5] for row in after[3:]} == {
        "101": "8.5",
        "102": "EX",
        "103": "6",
        "104": "9.0",
        "105": "0",
        "106": "",
        "107": "",
        "108": "",
        "109": "",
    }
    for old, new in zip(before, after, strict=True):
        same = [i for i in range(9) if i != 5 and not old[i].startswith("=")]
        assert [old[i] for i in same] == [new[i] for i in same]
    assert after[:3] == before[:3]
    assert "Layers (4711): 3 marks entered." in notes
    assert "6 rows have no result and stay as they were" in notes


def test_filling_in_twice_changes_nothing_more(fill, marks):
    results = [marks("101", 8.5), marks("108", 3.0)]
    once, _ = fill(fill_gradebook, CANVAS, results)
    twice, _ = fill(fill_gradebook, once, results)
    assert once == twice


@pytest.mark.parametrize(
    ("student", "name", "row"),
    [
        ("101", "", "101"),
        ("s-103", "", "103"),
        ("S-103", "", "103"),
        ("alan@uni.edu", "", "102"),
        ("BARBARA@uni.edu", "", "104"),
        ("x17", "Kurt Gödel", "103"),
        ("x17", "godel kurt", "103"),
        ("grace hopper", "", "105"),
    ],
)
def test_canvas_knows_a_student_by_any_of_its_ids_and_then_by_name(fill, marks, student, name, row):
    raw, _ = fill(fill_gradebook, CANVAS.replace("EX", ""), [marks(student, 7.25, name=name)])
    changed = [r[1] for r in table(raw)[3:] if r[5] == "7.25"]
    assert changed == [row]


def test_unknown_ambiguous_and_double_students_are_told_and_not_guessed(fill, marks):
    raw, notes = fill(
        fill_gradebook,
        CANVAS,
        [
            marks("ghost", 5.0),
            marks("kurt@elsewhere.org", 6.0),  # the same login at another place is someone else
            marks("sam", 7.0, name="Sam Smith"),
            marks("104", 8.0),
            marks("s-104", 9.5),
        ],
    )
    assert {row[5] for row in table(raw)[3:]} == {"", "EX", "4.0", "9.0"}
    assert "ghost is not in the gradebook. The mark in 03_layers is 5." in notes
    assert "kurt@elsewhere.org is not in the gradebook. The mark in 03_layers is 6." in notes
    assert "sam (Sam Smith) fits 2 rows by Student: enter it by hand." in notes
    assert "104 and s-104 fit the same row: nothing was entered there." in notes


def test_excused_stays_and_what_waits_for_a_person_is_left_blank(
    fill, marks, make_result, make_exercise
):
    raw, notes = fill(
        fill_gradebook,
        CANVAS,
        [
            marks("102", 9.0),
            marks("101", None),
            make_result("103", status="needs a person", points=None, pending=10.0),
            make_result("105", [make_exercise("f", 6.0, 8.0), make_exercise("why", None, 2.0)]),
        ],
    )
    after = {row[1]: row[5] for row in table(raw)[3:]}
    assert (after["101"], after["102"], after["103"], after["105"]) == ("", "EX", "4.0", "")
    assert "102 is excused and stays so. The mark in 03_layers is 9." in notes
    assert "not entered, since they wait for a person: 101, 103, 105" in notes


def test_missing_is_a_zero_late_loses_its_share_and_a_decision_is_final(fill, make_result, marks):
    decision = Resolution(
        student="104", unit="03_layers", exercise="", points=9.5, reason="r", by="", when=""
    )
    raw, notes = fill(
        fill_gradebook,
        CANVAS,
        [
            make_result("101", status="missing", points=0.0),
            marks("103", 8.0, late=True, days_late=2, penalty=0.25),
            marks("104", 9.5, late=True, penalty=0.5, resolution=decision),
        ],
    )
    after = {row[1]: row[5] for row in table(raw)[3:]}
    assert (after["101"], after["103"], after["104"]) == ("0", "6", "9.5")
    assert "lower" not in notes


def test_a_mark_that_falls_is_told(fill, marks):
    _, notes = fill(fill_gradebook, CANVAS, [marks("103", 3.0), marks("104", 9.0)])
    assert "lower than in the gradebook now: 103 (4 to 3)." in notes


def test_several_units_fill_one_column_each_and_a_missing_column_is_made(fill, marks):
    raw, notes = fill(
        fill_gradebook,
        CANVAS,
        [
            marks("101", 8.0),
            marks("101", 4.5, unit="09_recurrent"),
            marks("103", 10.0, unit="09_recurrent"),
        ],
    )
    after = table(raw)
    assert after[0][5:] == [
        "Layers (4711)",
        "Essay (4712)",
        "09_recurrent",
        "Current Score",
        "Final Score",
    ]
    assert after[2][5:] == ["10.0", "20.0", "10", "(read only)", "(read only)"]
    assert after[1][5:] == ["Manual Posting", "", "", "", ""]
    rows = {row[1]: row[5:] for row in after[3:]}
    assert rows["101"] == ["8", "18.5", "4.5", "92.5", "92.5"]
    assert rows["103"] == ["4.0", "12.0", "10", "60.0", "60.0"]
    assert rows["105"] == ["", "", "", "", ""]
    assert "There was no column for 09_recurrent" in notes


def test_a_gradebook_without_assignments_gets_a_points_possible_row(fill, marks):
    text = 'Student,ID,SIS Login ID,Section\n"Lovelace, Ada",101,ada,Group 1\n'
    raw, _ = fill(fill_gradebook, text, [marks("101", 8.0)])
    assert table(raw) == [
        ["Student", "ID", "SIS Login ID", "Section", "03_layers"],
        ["    Points Possible", "", "", "", "10"],
        ["Lovelace, Ada", "101", "ada", "Group 1", "8"],
    ]


def test_a_teachers_own_columns_and_totals_are_no_assignments(fill, marks):
    text = (
        "Student,ID,SIS Login ID,Section,Notes on layers,Layers Current Score,Final Score\n"
        "    Points Possible,,,,,(read only),(read only)\n"
        '"Lovelace, Ada",101,ada,Group 1,layers: see me,80.00,80.00\n'
    )
    raw, _ = fill(fill_gradebook, text, [marks("101", 8.0)])
    assert table(raw) == [
        [
            *("Student", "ID", "SIS Login ID", "Section", "Notes on layers"),
            *("03_layers", "Layers Current Score", "Final Score"),
        ],
        ["    Points Possible", "", "", "", "", "10", "(read only)", "(read only)"],
        ["Lovelace, Ada", "101", "ada", "Group 1", "layers: see me", "8", "80.00", "80.00"],
    ]
    again, notes = fill(fill_gradebook, raw, [marks("101", 9.0)])
    assert table(again)[2][5] == "9"
    assert "There was no column" not in notes


def test_names_in_two_columns_are_one_name(fill, marks):
    text = "LastName,FirstName,ID,SIS Login ID,Section,Layers (1)\nLovelace,Ada,101,al,Group 1,\n"
    raw, _ = fill(fill_gradebook, text, [marks("x", 8.0, name="Ada Lovelace")])
    assert table(raw)[1] == ["Lovelace", "Ada", "101", "al", "Group 1", "8"]


def test_a_mark_is_not_entered_where_the_work_is_not_assigned(fill, marks):
    text = CANVAS.replace("Group 2,9.0", "Group 2,N/A")
    raw, notes = fill(fill_gradebook, text, [marks("104", 8.0)])
    assert next(r for r in table(raw) if r[1] == "104")[5] == "N/A"
    assert "The gradebook does not assign this to 104. The mark in 03_layers is 8." in notes


def test_the_column_is_the_one_that_is_named_and_never_a_guess_among_several(fill, marks):
    text = CANVAS.replace("Essay (4712)", "Layers again (4712)").replace("20.0", "10.0")
    with pytest.raises(ResultError, match="No columns are titled 'Lairs'"):
        fill(fill_gradebook, text, [marks("101", 8.0)], columns=["3=Lairs"])
    raw, _ = fill(fill_gradebook, text, [marks("101", 8.0)], columns=["3=Layers again"])
    assert next(r for r in table(raw) if r[1] == "101")[5:7] == ["", "8"]
    text = text.replace("Layers (4711)", "The layers (4711)")
    with pytest.raises(ResultError, match="Several columns could be 03_layers: 'The layers"):
        fill(fill_gradebook, text, [marks("101", 8.0)])
    with pytest.raises(ResultError, match="write UNIT=TITLE"):
        fill(
            fill_gradebook,
            text,
            [marks("101", 8.0), marks("101", 1.0, unit="05_x")],
            columns=["Layers"],
        )


def test_other_points_in_the_gradebook_are_refused_unless_scaling_is_asked_for(fill, marks):
    text = CANVAS.replace("10.0,20.0", "100.0,20.0")
    with pytest.raises(ResultError, match="has 100 points in the gradebook, and 03_layers has 10"):
        fill(fill_gradebook, text, [marks("101", 8.0)])
    raw, _ = fill(fill_gradebook, text, [marks("101", 8.15)], scale=True)
    assert next(r for r in table(raw) if r[1] == "101")[5] == "81.5"
    with pytest.raises(ResultError, match="has 0 points"):
        fill(fill_gradebook, CANVAS.replace("10.0,20.0", "0,20.0"), [marks("101", 8.0)], scale=True)


@pytest.mark.parametrize("bom", [b"", codecs.BOM_UTF8])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_file_keeps_its_mark_separator_and_line_endings(fill, marks, bom, newline, delimiter):
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator=newline, quoting=csv.QUOTE_ALL)
    writer.writerows(table(CANVAS.encode()))
    raw, _ = fill(fill_gradebook, bom + out.getvalue().encode(), [marks("103", 7.5)])
    assert raw.startswith(bom)
    assert raw.startswith(codecs.BOM_UTF8) == bool(bom)
    assert (b"\r\n" in raw) == (newline == "\r\n")
    after = table(raw, delimiter)
    assert next(r for r in after if r[1] == "103")[:6] == [
        "Gödel, Kurt",
        "103",
        "s-103",
        "kurt@uni.edu",
        'Group 1 and "Logic"',
        "7.5",
    ]


@pytest.mark.parametrize("encoding", ["utf-16", "cp1252"])
def test_what_a_spreadsheet_saved_in_its_own_encoding_is_read_and_written_in_it(
    fill, marks, encoding
):
    raw, _ = fill(fill_gradebook, CANVAS.encode(encoding), [marks("103", 7.5)])
    row = next(r for r in table(raw, encoding=encoding) if r[1] == "103")
    assert (row[0], row[5]) == ("Gödel, Kurt", "7.5")


def test_decimal_commas_stay_commas(fill, marks):
    rows = [
        [c.replace(".", ",") if cell_number(c) else c for c in r] for r in table(CANVAS.encode())
    ]
    out = io.StringIO()
    csv.writer(out, delimiter=";", lineterminator="\r\n").writerows(rows)
    raw, _ = fill(
        fill_gradebook, out.getvalue(), [marks("101", 8.5), marks("101", 2.5, unit="09_x")]
    )
    after = table(raw, ";")
    assert next(r for r in after if r[1] == "101")[5:8] == ["8,5", "18,5", "2,5"]


def test_no_cell_becomes_a_formula_and_numbers_stay_numbers(fill, marks):
    raw, _ = fill(fill_gradebook, CANVAS, [marks("108", 3.0)])
    rows = {row[1]: row for row in table(raw)[3:]}
    assert rows["108"][0] == '\'=HYPERLINK("http://x","y")'
    assert rows["108"][5] == "3"
    assert rows["107"][6] == "-1.5"
    for text in ("=1", "@x", "+x", "-x", "\t=1", "\r=1", " =1", "-1+cmd|' /C calc'!A0", "+1 =1"):
        assert harmless(text) == f"'{text}"
    for text in ("", "-", "-1", "+1.5", "-2,5", "3%", "a=1", "    Points Possible"):
        assert harmless(text) == text


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"", "is not a table"),
        (b"one column\n1\n", "is not a table"),
        (b'Student,ID,Section\n"open,1,2\n', "is not a CSV file"),
        (b"\xff\xfe\x00\xd8\x00", "is not text"),
        (b"Name,Number\nAda,1\n", "is not a gradebook of Canvas"),
        (b"Student,ID,Section\n" + b"x" * 200_000 + b",1,2\n", "is not a CSV file"),
    ],
)
def test_a_file_that_is_no_gradebook_is_a_sentence(fill, marks, text, sentence):
    with pytest.raises(ResultError, match=sentence):
        fill(fill_gradebook, text, [marks("101", 8.0)])


def test_the_download_is_asked_for_and_not_overwritten(tmp_path, write_class, marks):
    folder = write_class(tmp_path / "class", [marks("101", 8.0)])
    for writer in (fill_gradebook, fill_worksheet):
        with pytest.raises(ResultError, match="name it with --roster FILE"):
            writer(read_material(folder.path))
        with pytest.raises(ResultError, match=r"nowhere\.csv cannot be read"):
            writer(read_material(folder.path, roster=tmp_path / "nowhere.csv"))
    roster = tmp_path / "roster.csv"
    roster.write_text(CANVAS, encoding="utf-8")
    with pytest.raises(ResultError, match="is the gradebook itself"):
        fill_gradebook(
            read_material(folder.path, roster=roster, out=tmp_path / "class/../roster.csv")
        )


# --- Moodle -------------------------------------------------------------------------------


def test_moodle_gets_marks_by_participant_and_everything_else_stays(fill, marks):
    raw, notes = fill(fill_worksheet, MOODLE, [marks("101", 8.5), marks("kurt@uni.edu", 6.0)])
    before, after = table(MOODLE.encode()), table(raw)
    assert [row[4] for row in after[1:]] == ["8.5", "7.50", "6", ""]
    for old, new in zip(before, after, strict=True):
        same = [i for i in range(10) if i != 4 and not old[i].startswith("@")]
        assert [old[i] for i in same] == [new[i] for i in same]
    assert after[4][1] == "'@SUM(1+1)"
    assert "Grade: 2 marks entered." in notes


def test_a_worksheet_in_another_language_is_known_by_what_is_in_it(fill, marks):
    raw, _ = fill(
        fill_worksheet, MOODLE_DE, [marks("101", 8.5), marks("x", 6.0, name="Kurt Gödel")]
    )
    after = table(raw)
    assert [row[4] for row in after[1:]] == ["8,5", "7,50", "6"]
    assert after[0] == table(MOODLE_DE.encode())[0]


def test_a_digit_in_an_id_is_not_a_participant(fill, marks):
    raw, notes = fill(fill_worksheet, MOODLE, [marks("ada7", 8.5), marks("user 103", 3.0)])
    assert [row[4] for row in table(raw)[1:]] == ["", "7.50", "", ""]
    assert "ada7 is not in the gradebook" in notes
    assert "user 103 is not in the gradebook" in notes


def test_a_worksheet_is_of_one_unit(fill, marks):
    results = [marks("101", 8.5), marks("101", 3.0, unit="05_convolution")]
    with pytest.raises(ResultError, match="say with --unit which of 03_layers, 05_convolution"):
        fill(fill_worksheet, MOODLE, results)
    raw, _ = fill(fill_worksheet, MOODLE, results, units=["5"])
    assert table(raw)[1][4] == "3"
    with pytest.raises(ResultError, match="no results of '9', but of 03_layers, 05_convolution"):
        fill(fill_worksheet, MOODLE, results, units=["9"])


def test_what_waits_for_a_person_stays_blank_in_moodle(fill, marks):
    raw, notes = fill(fill_worksheet, MOODLE, [marks("101", None), marks("102", 6.0)])
    assert [row[4] for row in table(raw)[1:]] == ["", "6", "", ""]
    assert "wait for a person: 101" in notes
    assert "102 (7.5 to 6)" in notes


def test_a_worksheet_whose_grade_column_is_not_clear_asks_for_it(fill, marks):
    text = MOODLE_DE.replace('"10,00"', "")
    with pytest.raises(ResultError, match="Which column is for the grade"):
        fill(fill_worksheet, text, [marks("101", 8.5)])
    raw, _ = fill(fill_worksheet, text, [marks("101", 8.5)], columns=["Bewertung"])
    assert table(raw)[1][4] in ("8.5", "8,5")
    with pytest.raises(ResultError, match="first column must hold identifiers"):
        fill(fill_worksheet, CANVAS, [marks("101", 8.5)])


def test_names_are_compared_without_order_case_and_accents():
    assert name_words("Gödel, Kurt") == name_words("kurt GODEL")
    assert name_words("Ada Lovelace") != name_words("Ada King Lovelace")
    assert name_words("...") == ""


def test_quoted_line_breaks_survive(tmp_path):
    file = tmp_path / "s.csv"
    file.write_bytes(b'a,b\r\n"one\r\ntwo","x ""y"""\r\n')
    sheet = read_sheet(file)
    assert sheet.rows == [["one\r\ntwo", 'x "y"']]
    assert sheet.to_bytes() == file.read_bytes()
