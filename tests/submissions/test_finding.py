"""Whose submission each file of a class is."""

from __future__ import annotations

import os

import pytest
from samples import discover

from autograder import submissions
from autograder.submissions import Arrived, Platform, Unreadable, read


def who(found):
    return [(a.student, a.number) for a in found.attempts]


def test_a_class_folder_holds_one_entry_for_each_student(tree, zipped, tarred, work, units):
    root = tree(
        {
            "alice/layers.py": work,
            "bob.zip": zipped({"layers.py": work}),
            "carol.py": work,
            "dave.ipynb": "{}",
            "erin/03_layers/layers.py": work,
            "frank.tar.gz": tarred({"hw/layers.py": work}),
            "grace_layers.py": work,
            "heidi.rar": b"Rar!",
            "ivan/": "",
            "README.txt": "",
            ".DS_Store": "",
            "__MACOSX/x": "",
        }
    )
    found = discover([root], units)
    names = ["alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan"]
    assert who(found) == [(name, 1) for name in names]
    assert found.warnings == ("Not submissions, and ignored: README.txt.",)
    for attempt in found.attempts[:3]:
        checked = read(attempt, units[0])
        assert checked is not None
        assert [cell.source for cell in checked.cells] == [work]
    assert read(found.attempts[8], units[0]) is None


@pytest.mark.parametrize(
    ("files", "path", "student"),
    [
        (["alice/layers.py"], "alice", "alice"),
        (["alice/layers.py"], "alice/layers.py", "alice"),
        (["alice/03_layers/layers.py"], "alice", "alice"),
        (["alice/03_layers/layers.py"], "alice/03_layers", "alice"),
        (["alice/03_layers/layers.py"], "alice/03_layers/layers.py", "alice"),
        (["alice_layers.py"], "alice_layers.py", "alice"),
        (["alice.ipynb"], "alice.ipynb", "alice"),
    ],
)
def test_a_path_may_be_one_submission(tree, units, files, path, student):
    root = tree(dict.fromkeys(files, "x = 1"))
    found = discover([root / path], units)
    assert who(found) == [(student, 1)]
    assert not found.warnings


def test_one_students_archive_is_not_a_class(tree, zipped, work, units):
    for members in ({"layers.py": work}, {"a/b/layers.py": work}, {"hw/src/my.py": work}):
        root = tree({"alice.zip": zipped(members)})
        assert who(discover([root / "alice.zip"], units)) == [("alice", 1)]


def test_the_class_may_be_an_archive_as_downloaded(tree, zipped, tarred, work, units):
    members = {
        "hw/alice/layers.py": work,
        "hw/bob/deep/layers.py": work,
        "hw/carol.zip": zipped({"layers.py": work}),
    }
    text = {name: data for name, data in members.items() if isinstance(data, str)}
    root = tree({"class.zip": zipped(members), "class.tgz": tarred(text)})
    for archive, students in (("class.zip", "alice bob carol"), ("class.tgz", "alice bob")):
        found = discover([root / archive], units)
        assert [a.student for a in found.attempts] == students.split()
        for attempt in found.attempts:
            assert attempt.path == root / archive
            assert read(attempt, units[0]).cells[0].source == work


def test_files_of_one_student_side_by_side_are_one_submission(tree, work, units):
    root = tree({"alice_layers.py": work, "alice_convolution.py": "def conv2d_forward(x): ...\n"})
    (alice,) = discover([root], units).attempts
    assert read(alice, units[0]).cells[0].label == "alice_layers.py"
    assert read(alice, units[1]).cells[0].label == "alice_convolution.py"


def test_attempts_are_told_by_time_or_number_in_the_name(tree, zipped, work, units):
    root = tree(
        {
            "alice@2026-10-02T09-30.zip": zipped({"layers.py": work}),
            "alice@2026-10-01T12-00/layers.py": work,
            "bob/attempt_1/layers.py": work,
            "bob/attempt_3/layers.py": work,
            "carol@uni.edu@2.py": work,
            "carol@uni.edu@1.py": work,
            "dave@uni.edu/layers.py": work,
        }
    )
    found = discover([root], units)
    assert [(a.student, a.number, a.when) for a in found.attempts] == [
        ("alice", 1, "2026-10-01T12:00:00"),
        ("alice", 2, "2026-10-02T09:30:00"),
        ("bob", 1, None),
        ("bob", 3, None),
        ("carol@uni.edu", 1, None),
        ("carol@uni.edu", 2, None),
        ("dave@uni.edu", 1, None),
    ]
    assert all(read(attempt, units[0]) for attempt in found.attempts)


def test_the_only_student_of_a_class_is_not_taken_for_the_class(tree, work, units):
    root = tree({"bob/attempt_1/layers.py": work, "bob/attempt_2/layers.py": work})
    assert who(discover([root], units)) == [("bob", 1), ("bob", 2)]


def test_canvas_names_give_student_attempt_and_lateness(tree, work, units):
    root = tree(
        {
            "doejane_LATE_12345_678901_layers-2.py": work,
            "doejane_LATE_12345_678902_convolution.py": "def conv2d_forward(x): ...\n",
            "smithbob_777_678903_layers.py": "x = 1\n",
            "smithbob_777_678955_layers-1.py": work,
            "o_neil_tom_888_5_hw.py": work,
            "anon_x7Y2q_678904_layers.py": work,
            "typed_999_text.html": "<p>sorry</p>",
        }
    )
    found = discover([root], units)
    assert [(a.student, a.name, a.number, a.late) for a in found.attempts] == [
        ("12345", "doejane", 3, True),
        ("777", "smithbob", 1, False),
        ("777", "smithbob", 2, False),
        ("888", "o_neil_tom", 1, False),
        ("999", "typed", 1, False),
        ("x7Y2q", "", 1, False),
    ]
    jane, first, second, *_ = found.attempts
    assert read(jane, units[0]).cells[0].label == "layers-2.py"
    assert read(jane, units[1]).cells[0].label == "convolution.py"
    assert read(first, units[0]).cells[0].source == "x = 1\n"
    assert read(second, units[0]).cells[0].source == work
    assert read(found.attempts[4], units[0]) is None


def test_one_canvas_number_with_two_names_is_reported(tree, work, units):
    root = tree({"doe_1_2_layers.py": work, "roe_1_3_layers.py": work})
    found = discover([root], units)
    assert [a.student for a in found.attempts] == ["1"]
    assert "The number 1 belongs to doe and roe" in found.warnings[0]


def test_moodle_names_are_read_with_and_without_folders(tree, zipped, work, units):
    root = tree(
        {
            "Jane Doe_12345_assignsubmission_file_/layers.py": work,
            "Bob Roe_12346_assignsubmission_file_layers.py": work,
            "Zoë O_12347_assignsubmission_file_/hw.zip": zipped({"layers.py": work}),
            "Zoë O_12347_assignsubmission_onlinetext_/onlinetext.html": "",
        }
    )
    found = discover([root], units)
    assert [(a.student, a.name) for a in found.attempts] == [
        ("12345", "Jane Doe"),
        ("12346", "Bob Roe"),
        ("12347", "Zoë O"),
    ]
    assert all(read(a, units[0]).cells[0].label == "layers.py" for a in found.attempts)


GRADESCOPE = """\
---
submission_11:
  :submitters:
  - :name: "Ada \\"Countess\\" Lovelace"
    :sid: '7'
    :email: ada@uni.edu
  - :name: Alan
    :sid: ! '8'
    :email: alan@uni.edu
  :created_at: 2026-10-01 03:04:05.678901000 Z
  :score: 1.0
  :status: processed
  :results:
    output: |
      submission_99:
        :submitters:
        - :name: Mallory
          :sid: '666'
  :history:
  - :id: 10
    :created_at: 2026-09-30 01:00:00.000000000 Z
    :results:
      tests:
      - :created_at: 2020-01-01 00:00:00 Z
submission_12:
  :submitters:
  - :name: Grace
    :sid:
    :email: grace@uni.edu
  :created_at: !ruby/object:ActiveSupport::TimeWithZone
    utc: &1 2026-10-02 03:04:05.678901000 Z
    time: *1
submission_13:
  :submitters:
  - :name: Absent
    :sid: '9'
"""


def test_a_gradescope_export_names_its_students(tree, work, units):
    export = "assignment_1_export"
    root = tree(
        {
            f"{export}/submission_metadata.yml": GRADESCOPE,
            f"{export}/submission_11/layers.py": work,
            f"{export}/submission_12/layers.py": work,
            f"{export}/submission_14/layers.py": work,
        }
    )
    found = discover([root], units)
    assert [(a.student, a.name, a.email, a.number, a.when) for a in found.attempts] == [
        ("7", 'Ada "Countess" Lovelace', "ada@uni.edu", 2, "2026-10-01T03:04:05+00:00"),
        ("8", "Alan", "alan@uni.edu", 2, "2026-10-01T03:04:05+00:00"),
        ("grace@uni.edu", "Grace", "grace@uni.edu", 1, "2026-10-02T03:04:05+00:00"),
        ("submission_14", "", "", 1, None),
    ]
    assert found.warnings == (
        "submission_13 is listed in the export but is not in it.",
        "The export does not say whose submission_14 is; named by folder instead.",
    )
    assert all(read(a, units[0]).cells[0].source == work for a in found.attempts)


def test_a_gradescope_export_may_still_be_packed(tree, zipped, work, units):
    members = {
        "export/submission_metadata.yml": GRADESCOPE,
        "export/submission_11/layers.py": work,
    }
    root = tree({"export.zip": zipped(members)})
    found = discover([root / "export.zip"], units)
    assert [a.student for a in found.attempts] == ["7", "8"]
    assert read(found.attempts[0], units[0]).cells[0].source == work


def test_links_in_a_class_are_never_followed(tree, tmp_path, work, units):
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "layers.py").write_text("SECRET = 1\n")
    root = tree({"alice/notes.txt": "", "bob/layers.py": work})
    os.symlink(secret, root / "mallory")
    os.symlink(secret / "layers.py", root / "eve.py")
    os.symlink(secret / "layers.py", root / "alice" / "layers.py")
    found = discover([root], units)
    assert [a.student for a in found.attempts] == ["alice", "bob"]
    assert "mallory is a link and was not followed." in found.warnings
    assert read(found.attempts[0], units[0]) is None


def test_the_folder_beside_its_archive_is_read_once_and_reported(tree, zipped, work, units):
    root = tree({"alice/layers.py": work, "alice.zip": zipped({"layers.py": "x = 1\n"})})
    found = discover([root], units)
    assert who(found) == [("alice", 1)]
    assert "alice was used and alice.zip ignored" in found.warnings[0]
    assert read(found.attempts[0], units[0]).cells[0].source == work


def test_one_student_in_two_places_has_two_attempts_and_a_warning(tree, work, units):
    root = tree({"one/alice/layers.py": work, "two/alice/layers.py": work})
    found = discover([root / "one", root / "two"], units)
    assert who(found) == [("alice", 1), ("alice", 2)]
    assert "found in several places" in found.warnings[0]


def test_names_that_look_alike_stay_two_students(tree, work, units):
    root = tree(
        {"al\x1bice/layers.py": work, "al\x07ice/layers.py": work, "Bo.py": "", "bo.py": ""}
    )
    found = discover([root], units)
    assert [a.student for a in found.attempts] == ["al�ice", "al�ice~2", "Bo", "bo"]
    assert any("both called" in warning for warning in found.warnings)
    assert any("upper and lower case" in warning for warning in found.warnings)


def test_the_order_does_not_depend_on_the_file_system(tree, work, units):
    names = ["b", "a", "C", "d"]
    root = tree({f"{name}/layers.py": work for name in names})
    assert [a.student for a in discover([root], units).attempts] == ["a", "b", "C", "d"]


def test_a_path_that_is_nothing_is_refused_with_a_sentence(tree, units):
    root = tree({"grades.csv": ""})
    with pytest.raises(Unreadable, match=r"There is nothing at .*nowhere\. Check the path\."):
        discover([root / "nowhere"], units)
    with pytest.raises(Unreadable, match=r"grades\.csv is neither a folder nor a submission"):
        discover([root / "grades.csv"], units)


def test_an_empty_class_is_reported(tree, units):
    assert discover([tree({})], units).warnings == ("Nothing in class looks like a submission.",)


def test_a_platform_whose_names_say_when_has_an_attempt_for_each_moment(tree, work, units):
    """A platform is a function of a name; that it says when is enough for attempts in order."""

    def recognise(name: str, folder: bool) -> Arrived | None:
        student, _, rest = name.partition("_attempt_")
        day, _, file = rest.partition("_")
        return None if folder else Arrived(student, "", file, when=f"{day}T12:00:00")

    root = tree(
        {
            "ada_attempt_2026-10-03_layers.py": work + "# later",
            "ada_attempt_2026-10-01_layers.py": work,
        }
    )
    board = Platform("Board", recognise)
    attempts = submissions.discover([root], units, platforms=[board]).attempts
    assert [(a.number, a.when) for a in attempts] == [
        (1, "2026-10-01T12:00:00"),
        (2, "2026-10-03T12:00:00"),
    ]
    checked = read(attempts[1], units[0])
    assert checked is not None
    assert checked.cells[0].source.endswith("# later")
