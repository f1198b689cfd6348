"""The tool's wheel holds the tool, and its metadata are the one place that pins torch."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from autograder.course import CourseError
from autograder.release import find_package, publish, release
from autograder.release import package as room
from autograder.release.package import build_wheel


def test_the_wheel_holds_the_package_and_its_metadata_only(tmp_path: Path) -> None:
    package = find_package()
    with zipfile.ZipFile(build_wheel(package, tmp_path)) as archive:
        tops = {name.split("/")[0] for name in archive.namelist()}
    assert tops == {"autograder", f"handgrad-{package.version}.dist-info"}


def test_the_wheel_is_the_same_bytes_every_time(tmp_path: Path) -> None:
    package = find_package()
    wheels = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        wheels.append(build_wheel(package, tmp_path / name))
    assert wheels[0].read_bytes() == wheels[1].read_bytes()


def test_a_wheel_of_an_earlier_version_is_removed(course: Path, tmp_path: Path) -> None:
    out = tmp_path / "students"
    out.mkdir()
    old = out / "handgrad-0.0.1-py3-none-any.whl"
    old.write_bytes(b"")
    report = release(course, out)
    assert report.wheel is not None
    assert report.wheel.is_file()
    assert not old.exists()


def test_without_a_source_tree_requirements_name_the_published_version(
    course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = replace(find_package(), source=None)
    monkeypatch.setattr(publish, "find_package", lambda: installed)
    report = release(course, tmp_path / "students")
    text = (tmp_path / "students" / "requirements.txt").read_text(encoding="utf-8")
    assert f"\nhandgrad=={installed.version}\n" in text
    assert "requirements.txt names the published version" in report.sentences()[-1]


def test_a_build_that_fails_writes_nothing(
    course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = replace(find_package(), source=tmp_path)
    monkeypatch.setattr(publish, "find_package", lambda: broken)
    with pytest.raises(CourseError, match="The wheel could not be built"):
        release(course, tmp_path / "students")
    assert not (tmp_path / "students").exists()


def test_a_package_that_does_not_pin_torch_is_refused() -> None:
    with pytest.raises(CourseError, match="does not pin torch"):
        room._torch(["torch>=2", "numpy"])
