"""Workflows for CI: valid by their hosts' schemas, and their steps do what they say."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from autograder.integrations import release_formats
from autograder.release import make_release

SCHEMAS = {"github": "vendor.github-workflows", "gitlab": "vendor.gitlab-ci"}


@pytest.fixture(scope="module")
def hosts(shared_course: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """For each host, the two repositories."""
    folder = tmp_path_factory.mktemp("hosts")
    for host in SCHEMAS:
        said = make_release(release_formats(), host, shared_course, folder / host, ())
        assert any("must stay private" in sentence for sentence in said)
    return {host: folder / host for host in SCHEMAS}


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment with this tool, in which `python -m pip install` only says so."""
    folder = tmp_path_factory.mktemp("programs")
    texts = {
        "python": f'[ "$1 $2 $3" = "-m pip install" ] && echo "pip: $*" && exit\n'
        f'exec {sys.executable} "$@"',
        "autograder": f'exec {sys.executable} -m autograder "$@"',
    }
    for name, text in texts.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        (folder / name).chmod(0o755)
    keep = ("HOME", "LANG", "TMPDIR")
    kept = {name: os.environ[name] for name in keep if name in os.environ}
    return kept | {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "COLUMNS": "160"}


def workflows(host: Path) -> list[Path]:
    return sorted([*host.glob("*/.github/workflows/*.yml"), *host.glob("*/.gitlab-ci.yml")])


def read(path: Path) -> dict[Any, Any]:
    found: dict[Any, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


def run(script: str, folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """A step as GitHub runs it."""
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=200,
    )


def steps(job: dict[str, Any]) -> list[dict[str, Any]]:
    """The steps of a GitHub job that run something."""
    return [step for step in job["steps"] if "run" in step]


def clone(folder: Path, to: Path, files: dict[str, str]) -> Path:
    """A commit of a folder with some files written, cloned."""
    origin = to / "origin"
    subprocess.run(["cp", "-r", str(folder), str(origin)], check=True)
    for name, text in files.items():
        (origin / name).parent.mkdir(parents=True, exist_ok=True)
        (origin / name).write_text(text, encoding="utf-8")
    commit(origin)
    subprocess.run(["git", "clone", "-q", str(origin), str(to / "work")], check=True)
    return to / "work"


def commit(folder: Path) -> None:
    who = ["-c", "user.name=ada", "-c", "user.email=ada@example.org"]
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], [*who, "commit", "-qm", "work"]):
        subprocess.run(["git", *words], cwd=folder, check=True)


# --- as their hosts want them -------------------------------------------------------------


@pytest.mark.parametrize("host", SCHEMAS)
def test_workflows_are_valid_by_the_hosts_schema(host: str, hosts: dict[str, Path]) -> None:
    found = workflows(hosts[host])
    assert len(found) == 2
    for path in found:
        assert "@" not in re.sub(r"actions/[\w-]+@v\d|\w@\w", "", path.read_text(encoding="utf-8"))
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", SCHEMAS[host], *found],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_job_runs_students_code_beside_a_secret(hosts: dict[str, Path]) -> None:
    github = read(hosts["github"] / "staff/.github/workflows/grade.yml")
    assert github["permissions"] == {}
    collect, grade = github["jobs"]["collect"], github["jobs"]["grade"]
    assert "${{ secrets.STUDENTS_TOKEN }}" in json.dumps(collect)
    assert "autograder" not in json.dumps(collect)
    assert "${{ secrets" not in json.dumps(grade)
    assert grade["permissions"] == {"contents": "read"}
    for job in (collect, grade):
        for step in job["steps"]:
            if step.get("uses", "").startswith("actions/checkout"):
                assert step["with"]["persist-credentials"] is False
    check = (hosts["github"] / "student/.github/workflows/check.yml").read_text(encoding="utf-8")
    assert "${{ secrets" not in check
    gitlab = read(hosts["gitlab"] / "staff/.gitlab-ci.yml")
    assert "STUDENTS_TOKEN" in json.dumps(gitlab["collect"])
    assert "STUDENTS_TOKEN" not in json.dumps(gitlab["grade"])
    assert gitlab["collect"]["environment"]["name"] == "collect"


def test_expressions_never_stand_in_a_script(hosts: dict[str, Path]) -> None:
    for path in workflows(hosts["github"]):
        for job in read(path)["jobs"].values():
            for step in steps(job):
                assert "${{" not in step["run"], (path, step)


def test_students_get_nothing_that_is_secret(hosts: dict[str, Path]) -> None:
    for host in hosts.values():
        for path in (host / "student").rglob("*"):
            if path.is_file() and path.suffix != ".whl":
                assert "canary" not in path.read_text(encoding="utf-8"), path


def test_releasing_again_keeps_the_list_of_repositories(
    shared_course: Path, tmp_path: Path
) -> None:
    make_release(release_formats(), "gitlab", shared_course, tmp_path, ["01_cubes"])
    listed = tmp_path / "staff" / "repositories.txt"
    listed.write_text("ada course/ada\n", encoding="utf-8")
    make_release(release_formats(), "gitlab", shared_course, tmp_path, ["01_cubes"])
    assert listed.read_text(encoding="utf-8") == "ada course/ada\n"
    assert "--unit 01_cubes" in (tmp_path / "staff/.gitlab-ci.yml").read_text(encoding="utf-8")


# --- the student's side -------------------------------------------------------------------


def test_a_push_is_checked_annotated_and_summed_up(
    hosts: dict[str, Path], programs: dict[str, str], solved: str, tmp_path: Path
) -> None:
    wrong = solved + "\n\ndef cube_sum(x):\n    print('::error::forged')\n    return x.mean()\n"
    work = clone(hosts["github"] / "student", tmp_path, {"01_cubes/cubes.py": wrong})
    summary = tmp_path / "summary.md"
    environment = programs | {"GITHUB_STEP_SUMMARY": str(summary)}
    install, check = steps(read(work / ".github/workflows/check.yml")["jobs"]["check"])
    installed = run(install["run"], work, environment)
    assert installed.returncode == 0, installed.stderr
    assert "pip: -m pip install -r requirements.txt" in installed.stdout
    done = run(check["run"], work, environment)
    assert done.returncode == 1, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    last = wrong.splitlines().index("def cube_sum(x):", 60) + 1
    stop = next(n for n, line in enumerate(lines) if line.startswith("::stop-commands::"))
    again = lines.index(f"::{lines[stop].removeprefix('::stop-commands::')}::")
    (shown,) = [line for line in lines[:stop] if line.startswith("::")]
    assert shown.startswith(f"::error file=01_cubes/cubes.py,line={last},title=cube_sum%3A ")
    forged = [n for n, line in enumerate(lines) if "forged" in line]
    assert forged
    assert stop < min(forged) <= max(forged) < again
    assert "| `cube_forward` | 1 / 1 | right |" in summary.read_text(encoding="utf-8")
    assert (work / "check.xml").read_text(encoding="utf-8").startswith("<?xml")


def test_a_repository_in_which_nothing_is_written_is_no_failure(
    hosts: dict[str, Path], programs: dict[str, str], tmp_path: Path
) -> None:
    work = clone(hosts["gitlab"] / "student", tmp_path, {})
    job = read(work / ".gitlab-ci.yml")["check"]
    for script in [*job["before_script"], *job["script"]]:
        done = run(script, work, programs)
        assert done.returncode == 0, done.stdout + done.stderr
    assert "01_cubes: nothing is written yet." in done.stdout


# --- the staff's side ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def server(hosts: dict[str, Path], solved: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of students' repositories."""
    folder = tmp_path_factory.mktemp("server")
    doubled = solved + "\n\ndef cube_backward(dout, cache):\n    return 6 * dout * cache * cache\n"
    for name, text in {"ada": solved, "bob": doubled, "eve": ""}.items():
        repository = folder / "course" / f"{name}.git"
        subprocess.run(["mkdir", "-p", str(repository.parent)], check=True)
        subprocess.run(["cp", "-r", str(hosts["github"] / "student"), str(repository)], check=True)
        module = repository / "01_cubes" / "cubes.py"
        module.write_text(text, encoding="utf-8")
        if name == "eve":  # wants the reference for her own
            module.unlink()
            module.symlink_to("../../../course/solutions/01_cubes/cubes.py")
        commit(repository)
    return folder


@pytest.mark.parametrize("host", SCHEMAS)
def test_the_class_is_collected_as_data_and_graded(
    host: str, hosts: dict[str, Path], programs: dict[str, str], server: Path, tmp_path: Path
) -> None:
    staff = clone(
        hosts[host] / "staff",
        tmp_path,
        {
            "repositories.txt": "# who\nada course/ada\nbob course/bob\n\neve course/eve\n"
            "gone course/gone\n"
        },
    )
    summary = tmp_path / "summary.md"
    environment = programs | {
        "SERVER": server.as_uri(),
        "TOKEN": "",
        "GITHUB_STEP_SUMMARY": str(summary),
    }
    if host == "github":
        jobs = read(staff / ".github/workflows/grade.yml")["jobs"]
        scripts = [step["run"] for name in ("collect", "grade") for step in steps(jobs[name])]
    else:
        jobs = read(staff / ".gitlab-ci.yml")
        grade = jobs["grade"]
        scripts = [*jobs["collect"]["script"], *grade["before_script"], *grade["script"]]
        scripts += grade["after_script"]
    # The machine of a test may confine less than the course's runners must.
    scripts = [script.replace("--require filtered", "--require none") for script in scripts]
    said = ""
    for script in scripts:
        done = run(script, staff, environment)
        assert done.returncode == 0, (script, done.stdout, done.stderr)
        said += done.stdout
    assert "gone: course/gone could not be fetched" in said
    assert "3 fetched, 1 not" in said
    with tarfile.open(staff / "submissions.tar") as packed:
        members = packed.getmembers()
    assert not [m.name for m in members if m.issym() or m.islnk() or "/.git/" in m.name]
    results = {
        file.stem: json.loads(file.read_text(encoding="utf-8"))
        for file in (staff / "results" / "results" / "01_cubes").glob("*.json")
    }
    assert {name: result["points"] for name, result in results.items()} == {
        "ada": 6.5,
        "bob": 3.5,
        "eve": 0.0,
    }
    assert (staff / "results" / "results.xml").is_file()
    if host == "github":
        assert "| `bob` | `01_cubes` | 3.5 / 8.5" in summary.read_text(encoding="utf-8")


def test_a_name_that_leads_elsewhere_is_refused(
    hosts: dict[str, Path], programs: dict[str, str], tmp_path: Path
) -> None:
    files = {"repositories.txt": "../../evil course/ada\n"}
    staff = clone(hosts["github"] / "staff", tmp_path, files)
    done = run("bash collect.sh", staff, programs | {"SERVER": tmp_path.as_uri()})
    assert done.returncode == 2
    assert "is no student id" in done.stdout


@pytest.fixture(scope="module")
def solved(shared_course: Path) -> str:
    """The reference."""
    return (shared_course / "solutions/01_cubes/cubes.py").read_text(encoding="utf-8")
