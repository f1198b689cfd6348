"""Archives are read in memory, within bounds, and never unpacked to disk."""

from __future__ import annotations

import gzip
import io
import os
import random
import stat
import struct
import tarfile
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import discover

from autograder.submissions import Limits, Unreadable, read
from autograder.submissions.archives import open_archive, safe_name

BOUNDS = {"members": 100, "unpacked": 2**22, "ratio": 250}


def opened(data, notes=None, name="alice.zip", **bounds):
    return open_archive(
        io.BytesIO(data), name, notes=[] if notes is None else notes, **{**BOUNDS, **bounds}
    )


@pytest.fixture
def handed_in(tree, attempt, layers):
    """Reads layers from an archive of that name."""

    def run(name, data, limits=None):
        return read(attempt(tree({name: data}) / name, "layers"), layers, limits)

    return run


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_tar_archives_of_every_compression_are_read(handed_in, tarred, work, mode):
    ending = mode.replace("w", "tar").replace(":", ".")
    checked = handed_in(f"alice.{ending}", tarred({"hw/layers.py": work}, mode=mode))
    assert checked.cells[0].source == work


def test_the_content_tells_the_kind_not_the_name(handed_in, tarred, work):
    assert handed_in("alice.zip", tarred({"layers.py": work})).cells[0].source == work


def test_several_gzip_streams_are_one_archive(handed_in, tarred, work):
    plain = tarred({"layers.py": work}, mode="w")
    data = gzip.compress(plain[:700]) + gzip.compress(plain[700:])
    assert handed_in("alice.tgz", data).cells[0].source == work


def test_an_archive_in_an_archive_is_opened_but_no_deeper(handed_in, zipped, work):
    packed = zipped({"layers.py": work})
    for _ in range(2):
        packed = zipped({"inner.zip": packed})
        assert handed_in("alice.zip", packed).cells[0].source == work
    assert handed_in("alice.zip", zipped({"inner.zip": packed})) is None


def test_data_packed_beside_the_module_stay_packed(handed_in, zipped, work):
    data = zipped({"layers.py": work, "data.zip": b"not a zip"})
    assert handed_in("alice.zip", data).cells[0].source == work


def test_a_broken_archive_beside_the_module_is_only_noted(tree, work, units):
    root = tree({"doe_1_2_layers.py": work, "doe_1_3_data.zip": b"PK broken"})
    checked = read(discover([root], units).attempts[0], units[0])
    assert checked.cells[0].source == work
    assert "data.zip is damaged" in checked.notes[0]


@pytest.mark.parametrize(
    "name",
    ["/etc/layers.py", "../layers.py", "a/../../layers.py", "C:\\layers.py", "..\\layers.py",
     "\\\\host\\layers.py"],
)  # fmt: skip
def test_names_that_lead_out_are_ignored_with_a_note(zipped, tarred, work, name):
    for data in (
        zipped({name: work, "layers.py": "x = 1\n"}),
        tarred({name: work, "layers.py": ""}),
    ):
        notes = []
        assert [item.name for item in opened(data, notes)] == ["layers.py"]
        assert "its name leads elsewhere" in notes[0]


def test_nothing_is_written_anywhere(handed_in, zipped, tmp_path, monkeypatch, work):
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    handed_in("alice.zip", zipped({"layers.py": work, "../../evil.py": "", "a/b.py": ""}))
    left = sorted(path.name for path in tmp_path.rglob("*"))
    assert left == ["alice.zip", "class", "cwd"]


def test_backslashes_separate_folders(zipped, work):
    assert [item.name for item in opened(zipped({"hw\\layers.py": work}))] == ["hw/layers.py"]


def test_links_and_devices_in_a_tar_archive_are_ignored_with_a_note(tarred):
    infos = []
    for name, kind in (
        ("layers.py", tarfile.SYMTYPE),
        ("hard.py", tarfile.LNKTYPE),
        ("null.py", tarfile.CHRTYPE),
        ("pipe.py", tarfile.FIFOTYPE),
    ):
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, "/etc/passwd"
        infos.append(info)
    notes = []
    assert opened(tarred({}, *infos), notes) == []
    assert len(notes) == 4
    assert "layers.py in alice.zip was ignored: it is a link or special file." in notes


def test_links_in_a_zip_archive_are_ignored_with_a_note():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        info = zipfile.ZipInfo("layers.py")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    notes = []
    assert opened(buffer.getvalue(), notes) == []
    assert "link" in notes[0]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_of_two_members_with_one_name_the_last_counts():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("layers.py", "x = 1\n")
        archive.writestr("layers.py", "x = 2\n")
    notes = []
    (item,) = opened(buffer.getvalue(), notes)
    assert item.load(100) == b"x = 2\n"
    assert notes == ["alice.zip holds layers.py more than once; the last one was used."]


def test_a_password_is_answered_with_a_sentence(handed_in, zipped, work):
    data = bytearray(zipped({"layers.py": work}))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(Unreadable, match=r"layers\.py is protected with a password"):
        handed_in("alice.zip", bytes(data))


def test_unusual_packing_is_answered_with_a_sentence(handed_in, work):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("layers.py", work)
    with pytest.raises(Unreadable, match="packed in an unusual way"):
        handed_in("alice.zip", buffer.getvalue())


@pytest.mark.parametrize(
    ("name", "data", "sentence"),
    [
        ("alice.rar", b"Rar!\x1a\x07", r"alice\.rar is a RAR archive\. Hand in a zip file instead"),
        ("alice.7z", b"7z\xbc\xaf\x27\x1c", "is a 7-Zip archive"),
        ("alice.zip", b"", r"alice\.zip is empty"),
        ("alice.zip", b"hello", "damaged or not a zip or tar archive"),
        ("alice.zip", b"PK\x03\x04 cut off", "damaged"),
        ("alice.tgz", b"\x1f\x8b\x08 cut off", "damaged"),
        ("alice.tar.xz", b"\xfd7zXZ\x00 cut off", "damaged"),
    ],
)
def test_broken_and_unknown_archives_are_answered_with_a_sentence(handed_in, name, data, sentence):
    with pytest.raises(Unreadable, match=sentence):
        handed_in(name, data)


def test_a_module_that_unpacks_to_too_much_is_refused(handed_in, zipped, tarred):
    big = "x" * (2**20 + 1)
    for data in (zipped({"layers.py": big}), tarred({"layers.py": big}, mode="w")):
        with pytest.raises(Unreadable, match=r"layers\.py is larger than 1 MiB"):
            handed_in("alice.zip", data)


def test_bombs_are_not_unpacked(zipped, tarred):
    (item,) = opened(zipped({"layers.ipynb": b"\0" * 2**22}))
    with pytest.raises(Unreadable, match="unpacks to more than 250 times its size"):
        item.load(2**26)
    with pytest.raises(Unreadable, match="unpacks to more than 250 times its size"):
        opened(tarred({"layers.py": "\0" * 2**21}))
    with pytest.raises(Unreadable, match="larger than 1 MiB"):
        opened(tarred({"layers.py": "\0" * 2**21}, mode="w"), unpacked=2**20)


def test_a_lie_about_sizes_changes_nothing(zipped, work):
    data = bytearray(zipped({"layers.py": work}))
    at = data.index(b"PK\x01\x02") + 24
    data[at : at + 4] = struct.pack("<I", 3)
    (item,) = opened(bytes(data))
    with pytest.raises(Unreadable, match="damaged"):
        item.load(2**20)


def test_the_number_of_members_is_bounded(zipped, tarred):
    files = {f"f{n}.py": "" for n in range(101)}
    for data in (zipped(files), tarred(files)):
        with pytest.raises(Unreadable, match="holds more than 100 files"):
            opened(data)


def test_an_archive_over_the_limit_is_not_opened(handed_in, zipped):
    data = zipped({"noise.bin": random.Random(0).randbytes(5000)})
    with pytest.raises(Unreadable, match=r"alice\.zip is larger than 4,000 bytes"):
        handed_in("alice.zip", data, Limits(archive_bytes=4000))


def test_a_broken_class_archive_is_one_unreadable_submission(tree, units):
    root = tree({"class.zip": b"PK broken"})
    (attempt,) = discover([root / "class.zip"], units).attempts
    with pytest.raises(Unreadable, match=r"class\.zip is damaged"):
        read(attempt, units[0])


@given(st.text(alphabet="ab./\\:\0", max_size=12))
def test_a_safe_name_never_leads_out(name):
    safe = safe_name(name)
    if safe is not None:
        parts = safe.split("/")
        assert ".." not in parts
        assert not os.path.isabs(safe) or safe == "/"


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_no_damaged_archive_ends_in_anything_but_a_sentence(refusal, data):
    buffer = io.BytesIO()
    if data.draw(st.booleans()):
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("layers.py", "x = 1\n" * 9)
            archive.writestr("b/layers.ipynb", "{}")
    else:
        mode = data.draw(st.sampled_from(["w", "w:gz", "w:bz2", "w:xz"]))
        with tarfile.open(fileobj=buffer, mode=mode) as archive:
            info = tarfile.TarInfo("layers.py")
            info.size = 9
            archive.addfile(info, io.BytesIO(b"x = 1\n# a"))
    damaged = bytearray(buffer.getvalue())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(damaged) - 1))
        damaged[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(damaged)))
    handed_in = bytes(damaged[:cut] if data.draw(st.booleans()) else damaged)
    assert refusal(lambda: [item.load(1000) for item in opened(handed_in)]).endswith(".")


def test_absurd_names_are_ignored(zipped):
    notes = []
    assert opened(zipped({"a" * 1001 + ".py": ""}), notes) == []
    assert len(notes[0]) < 200


def test_a_tar_archive_of_headers_is_refused(tarred):
    def headers(count, size):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz", format=tarfile.PAX_FORMAT) as archive:
            for n in range(count):
                info = tarfile.TarInfo(f"f{n}.py")
                info.pax_headers = {"comment": "1" * size}
                archive.addfile(info)
        return buffer.getvalue()

    assert len(opened(headers(1, 5000))) == 1
    for data in (headers(1, 10_000), headers(50, 5000)):
        with pytest.raises(Unreadable, match="holds too many files, or is damaged"):
            opened(data)


def test_a_thousand_remarks_are_cut_short(handed_in, zipped, work):
    data = zipped({**{f"../{n}.py": "" for n in range(1000)}, "layers.py": work})
    checked = handed_in("alice.zip", data)
    assert len(checked.notes) == 21
    assert "And 980 more remarks." in checked.notes


def test_a_file_and_a_folder_of_one_name_do_not_confuse_the_class(tree, zipped, work, units):
    root = tree({"class.zip": zipped({"a/b": "", "a/b/layers.py": work, "c/x/layers.py": work})})
    for attempt in discover([root / "class.zip"], units).attempts:
        read(attempt, units[0])
