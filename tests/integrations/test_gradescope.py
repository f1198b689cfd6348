"""Gradescope's zip, run as Gradescope runs it: unpacked, set up once, run for each submission."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import site
import stat
import subprocess
import sys
import textwrap
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from autograder.integrations import release_formats
from autograder.release import find_package, make_release

# https://gradescope-autograders.readthedocs.io/en/latest/specs/ and .../submission_metadata/
VISIBILITY = {"enum": ["hidden", "after_due_date", "after_published", "visible"]}
FORMAT = {"enum": ["text", "html", "simple_format", "md", "ansi"]}
TEST = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "score": {"type": "number"},
        "max_score": {"type": "number"},
        "status": {"enum": ["passed", "failed"]},
        "name": {"type": "string"},
        "name_format": FORMAT,
        "number": {"type": "string"},
        "output": {"type": "string"},
        "output_format": FORMAT,
        "tags": {"type": "array", "items": {"type": "string"}},
        "visibility": VISIBILITY,
        "extra_data": {"type": "object"},
    },
}
RESULTS = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "score": {"type": "number"},
        "execution_time": {"type": "number"},
        "output": {"type": "string"},
        "output_format": FORMAT,
        "test_output_format": FORMAT,
        "test_name_format": FORMAT,
        "visibility": VISIBILITY,
        "stdout_visibility": VISIBILITY,
        "extra_data": {"type": "object"},
        "tests": {"type": "array", "items": TEST},
        "leaderboard": {"type": "array"},
    },
}
METADATA = {
    "id": 123456,
    "created_at": "2026-07-01T14:22:32.365935-07:00",
    "assignment": {
        "due_date": "2026-06-30T23:00:00.000000-07:00",
        "group_size": None,
        "group_submission": False,
        "id": 25828,
        "course_id": 1234,
        "late_due_date": None,
        "release_date": "2026-06-02T00:00:00.000000-07:00",
        "title": "Cubes",
        "total_points": "8.5",
    },
    "submission_method": "upload",
    "users": [{"email": "ada@example.org", "id": 7, "name": "Ada"}],
    "previous_submissions": [
        {"submission_time": "2026-06-29T10:00:00-07:00", "score": 1.0, "results": {"tests": []}}
    ],
}

Run = Callable[..., tuple[subprocess.CompletedProcess[str], dict[str, Any]]]

MACHINES = Path(__file__).parents[1] / "worker" / "machines.py"


def on(machine: str) -> list[str]:
    """The beginning of a command that runs as on another machine; nothing for this one."""
    return [sys.executable, str(MACHINES), *machine.split(), "--"] if machine else []


def local_torch(folder: Path) -> str:
    """A package index that holds this machine's build of torch, and everything beside it.

    The wheel in it is a path to what is installed here, less the tool itself: pip then has nothing
    to fetch, and what runs is the real thing.
    """
    libraries = folder / "libraries"
    libraries.mkdir()
    for place in {*site.getsitepackages(), *filter(_holds_packages, sys.path)}:
        for entry in Path(place).iterdir():
            foreign = "handgrad" in entry.name or entry.suffix == ".pth"
            if not foreign and not (libraries / entry.name).exists():
                (libraries / entry.name).symlink_to(entry)
    version = find_package().torch.partition("==")[2]
    about = f"torch-{version}.dist-info"
    files = {
        "local_libraries.pth": f"{libraries}\n",
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: torch\nVersion: {version}\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\n"
        "Tag: py3-none-any\n",
    }
    (libraries / about).unlink(missing_ok=True)
    record = "".join(
        f"{name},sha256={_urlsafe(text)},{len(text.encode())}\n" for name, text in files.items()
    )
    shelf = folder / "simple" / "torch"
    shelf.mkdir(parents=True)
    wheel = f"torch-{version}-py3-none-any.whl"
    with zipfile.ZipFile(shelf / wheel, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
        archive.writestr(f"{about}/RECORD", record + f"{about}/RECORD,,\n")
    (shelf / "index.html").write_text(f'<a href="{wheel}">{wheel}</a>', encoding="utf-8")
    return shelf.parent.as_uri()


def _holds_packages(place: str) -> bool:
    return place.endswith("site-packages")


def _urlsafe(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@pytest.fixture(scope="module")
def archive(shared_course: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zip of the course's one unit."""
    out = tmp_path_factory.mktemp("release")
    said = make_release(release_formats(), "gradescope", shared_course, out, ())
    assert "keep it to yourself" in said[0]
    return out / "gradescope-01_cubes.zip"


@pytest.fixture(scope="module")
def image(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``/autograder`` after Gradescope's build."""
    root = tmp_path_factory.mktemp("image") / "autograder"
    source = root / "source"
    source.mkdir(parents=True)
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(source)
    index = local_torch(tmp_path_factory.mktemp("index"))
    built = subprocess.run(
        ["bash", str(source / "setup.sh")],
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(root),
            "AUTOGRADER_ROOT": str(root),
            "HANDGRAD_PYTHON": sys.executable,
            "HANDGRAD_TORCH_INDEX": index,
            "PIP_INDEX_URL": index,
            "PIP_CONFIG_FILE": os.devnull,
        },
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert built.returncode == 0, built.stdout[-3000:] + built.stderr[-3000:]
    (root / "built.txt").write_text(built.stdout, encoding="utf-8")
    shutil.copy(source / "run_autograder", root / "run_autograder")
    (root / "run_autograder").chmod(0o755)
    (root / "results").mkdir()
    return root


@pytest.fixture(scope="module")
def solved(shared_course: Path) -> str:
    """The reference."""
    return (shared_course / "solutions/01_cubes/cubes.py").read_text(encoding="utf-8")


@pytest.fixture
def run(image: Path) -> Run:
    """Run the image on the given files; what it printed, and results.json."""

    def run(
        files: dict[str, str | bytes] | None, limit: int = 200, machine: str = ""
    ) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
        submission = image / "submission"
        shutil.rmtree(submission, ignore_errors=True)
        for name, content in (files or {}).items():
            place = submission / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content if isinstance(content, bytes) else content.encode())
        if files is not None:
            submission.mkdir(exist_ok=True)
        done = subprocess.run(
            [*on(machine), str(image / "run_autograder")],
            cwd=image,
            env={
                "PATH": os.environ["PATH"],
                "AUTOGRADER_ROOT": str(image),
                "HANDGRAD_LIMIT": str(limit),
                "GRADESCOPE_SECRET": "canary_environment",
            },
            capture_output=True,
            text=True,
            timeout=280,
        )
        document = json.loads((image / "results" / "results.json").read_text(encoding="utf-8"))
        jsonschema.validate(document, RESULTS)
        return done, document

    return run


def scored(document: dict[str, Any]) -> dict[str, Any]:
    return {test["name"]: test.get("score") for test in document["tests"]}


# --- the zip ------------------------------------------------------------------------------


def test_the_zip_has_its_programs_at_the_root_and_the_same_bytes_every_time(
    archive: Path, shared_course: Path, tmp_path: Path
) -> None:
    with zipfile.ZipFile(archive) as packed:
        names = packed.namelist()
        modes = {name: packed.getinfo(name).external_attr >> 16 for name in names}
    assert {"setup.sh", "run_autograder", "fault.json"} <= set(names)
    assert stat.S_IMODE(modes["run_autograder"]) == stat.S_IMODE(modes["setup.sh"]) == 0o755
    make_release(release_formats(), "gradescope", shared_course, tmp_path, ["01_cubes"])
    assert (tmp_path / archive.name).read_bytes() == archive.read_bytes()


def test_pip_takes_the_build_for_the_cpu_unless_told_otherwise(archive: Path) -> None:
    with zipfile.ZipFile(archive) as packed:
        script = packed.read("setup.sh").decode()
        assert not any("@" in line for line in script.splitlines() if "@UNIT" in line)
    assert "HANDGRAD_TORCH_INDEX:-https://download.pytorch.org/whl/cpu}" in script
    assert f'pip "{find_package().torch}" --index-url "$TORCH_INDEX"' in script


# --- setup.sh -----------------------------------------------------------------------------


def test_the_build_grades_the_reference_and_shuts_the_graders_files(image: Path) -> None:
    assert "reference" in (image / "built.txt").read_text(encoding="utf-8")
    for path in [image / "source", *(image / "source").rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_the_build_prepares_and_a_submission_does_not(image: Path, run: Run, solved: str) -> None:
    exams = list((image / "source/course/solutions/.exams").glob("*.exam"))
    assert len(exams) == 1
    done, document = run({"cubes.py": solved})
    assert document["score"] > 0
    assert "repared" not in done.stdout + done.stderr


def tried(
    image: Path, root: Path, machine: str = "", change: tuple[str, str] = ("", "")
) -> subprocess.CompletedProcess[str]:
    """The end of the build again, with what is installed: grade the reference."""
    shutil.copytree(image / "source", root / "source")
    module = root / "source/course/solutions/01_cubes/cubes.py"
    module.write_text(module.read_text(encoding="utf-8").replace(*change), encoding="utf-8")
    script = (root / "source" / "setup.sh").read_text(encoding="utf-8")
    settings = script.partition("new_enough()")[0]
    trial = script.partition("# A grader that does not give")[2]
    assert trial
    (root / "venv").symlink_to(image / "venv")
    return subprocess.run(
        [*on(machine), "/bin/bash", "-c", f"{settings}\n# {trial}"],
        env={"PATH": os.environ["PATH"], "AUTOGRADER_ROOT": str(root)},
        capture_output=True,
        text=True,
        timeout=200,
    )


def test_a_build_fails_where_the_reference_does_not_get_full_marks(
    image: Path, tmp_path: Path
) -> None:
    done = tried(image, tmp_path / "ag", change=("dout * canary_backward", "dout * 2.0"))
    assert done.returncode != 0
    assert "needs a person" in done.stdout


def test_a_build_fails_where_students_code_could_open_the_hidden_tests(
    image: Path, tmp_path: Path
) -> None:
    # Without namespaces and Landlock another user id would have to do, but no other user can read
    # a temporary folder, so that the workers cannot take one.
    done = tried(image, tmp_path / "ag", machine="container no-landlock")
    assert done.returncode != 0
    assert "'separated' is required" in done.stderr


# --- run_autograder -----------------------------------------------------------------------


def test_a_right_submission_gets_every_point_that_code_can_earn(
    run: Run, image: Path, solved: str
) -> None:
    # Late, with an earlier attempt, and cut off: Gradescope's metadata is Gradescope's business.
    metadata = json.dumps(METADATA)
    (image / "submission_metadata.json").write_text(metadata[:-9], encoding="utf-8")
    done, document = run({"handin/my cubes (final).py": solved}, machine="container")
    assert done.returncode == 0, done.stdout + done.stderr
    assert document["score"] == 6.5
    assert scored(document) == {
        "cube_forward": 3.0,
        "cube_backward": 3.0,
        "cube_sum": 0.5,
        "why_cubes": None,
    }
    first, *_, written = document["tests"]
    assert (first["number"], first["max_score"], first["status"]) == ("1.1", 3.0, "passed")
    assert document["output"].endswith("2 points wait for a person.")
    assert "status" not in written
    assert document["execution_time"] > 0


def test_a_submission_cannot_write_its_own_results_and_is_told_nothing_hidden(
    run: Run, image: Path, solved: str
) -> None:
    attack = f"""
        import os

        PLACE = "{image}/results/results.json"
        FORGED = '{{"score": 1000.0, "tests": []}}'
        try:
            os.makedirs(os.path.dirname(PLACE), exist_ok=True)
            with open(PLACE, "w") as file:
                file.write(FORGED)
            os.chmod(PLACE, 0o444)
        except OSError:
            pass
        try:
            if os.fork() == 0:
                os.setsid()
                while True:
                    open(PLACE, "w").write(FORGED)
        except OSError:
            pass
        print(FORGED)


        def cube_forward(x):
            return x * x, x
        """
    done, document = run({"cubes.py": solved + textwrap.dedent(attack)})
    assert done.returncode == 0, done.stdout + done.stderr
    assert document["score"] == 3.5
    assert (scored(document)["cube_backward"], scored(document)["cube_sum"]) == (3.0, 0.5)
    forward = document["tests"][0]
    assert (forward["score"], forward["status"]) == (0.0, "failed")
    assert "1 hidden test: a result has wrong values" in forward["output"]
    assert "test_cube_forward_of_two_is_eight" in forward["output"]  # public: told in full
    assert "canary" not in json.dumps(document)
    assert "keeps_the_sign" not in json.dumps(document)
    # Staff see it all, and which layers kept the code apart.
    assert "keeps_the_sign" in done.stdout
    assert '"worker"' in done.stdout
    assert document["stdout_visibility"] == "hidden"


def test_a_submission_that_hangs_or_dies_costs_its_own_exercise(run: Run, solved: str) -> None:
    source = solved + textwrap.dedent(
        """
        def cube_backward(dout, cache):
            while True:
                pass

        def cube_sum(x):
            import os
            os._exit(0)
        """
    )
    done, document = run({"cubes.py": source})
    assert done.returncode == 0, done.stdout + done.stderr
    assert scored(document) == {
        "cube_forward": 3.0,
        "cube_backward": 0.0,
        "cube_sum": 0.0,
        "why_cubes": None,
    }
    assert "your code took too long" in document["tests"][1]["output"]
    assert "ended" in document["tests"][2]["output"]


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({"cubes.ipynb": "{not json"}, "cubes.ipynb"),
        ({"a.py": "x = 1", "b.py": "y = 2"}, "is called cubes.py"),
    ],
    ids=["unreadable", "other names"],
)
def test_what_cannot_be_graded_is_a_zero_with_the_reason(
    run: Run, files: dict[str, str | bytes], sentence: str
) -> None:
    done, document = run(files)
    assert done.returncode == 0, done.stdout + done.stderr
    assert document["score"] == 0.0
    assert sentence in document["output"], document


# --- when the grader itself fails ---------------------------------------------------------


def needs_a_person(done: subprocess.CompletedProcess[str], document: dict[str, Any]) -> None:
    assert done.returncode == 1, done.stdout + done.stderr
    assert "NEEDS A PERSON" in done.stdout
    assert "score" not in document
    assert "tests" not in document
    assert "not your fault" in document["output"]


def test_a_grader_that_fails_gives_no_score(run: Run, image: Path, solved: str) -> None:
    hidden = image / "source/course/solutions/01_cubes/test_hidden.py"
    before = hidden.read_bytes()
    try:
        hidden.write_bytes(before + b"\n\nraise RuntimeError('canary_fault')\n")
        done, document = run({"cubes.py": solved})
    finally:
        hidden.write_bytes(before)
    needs_a_person(done, document)
    assert "canary_fault" in done.stdout + done.stderr
    assert "canary" not in json.dumps(document)


def test_a_tool_that_cannot_run_gives_no_score(run: Run, image: Path, solved: str) -> None:
    (image / "venv").rename(image / "elsewhere")
    try:
        needs_a_person(*run({"cubes.py": solved}))
    finally:
        (image / "elsewhere").rename(image / "venv")


def test_a_container_that_confines_less_than_at_the_build_gives_no_score(
    run: Run, solved: str
) -> None:
    needs_a_person(*run({"cubes.py": solved}, machine="container no-landlock"))


def test_time_that_runs_out_gives_no_score(run: Run, solved: str) -> None:
    needs_a_person(*run({"cubes.py": solved}, limit=1))


def test_a_submission_that_never_arrived_gives_no_score(run: Run) -> None:
    needs_a_person(*run(None))
