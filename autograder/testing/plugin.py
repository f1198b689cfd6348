"""The pytest plugin: `student`, `reference` and `device`, and plain pytest runs of a unit.

Loaded by every pytest of an environment in which handgrad is installed, so it does nothing unless
a test asks for its fixtures or carries the exercise mark.

Plain pytest tests the module beside the tests, in this process, where a debugger works::

    pytest 03_layers                          # everything
    pytest 03_layers -m linear_forward        # one exercise
    pytest 03_layers --pdb                    # stop in the line that raised
    pytest 03_layers --student other.py       # another file in place of layers.py
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Generator
from pathlib import Path
from types import ModuleType, TracebackType
from typing import TYPE_CHECKING, Any, Protocol

import hypothesis
import pytest

import autograder.devices
from autograder.devices import CPU, Device, DeviceError, available, device_meant

if TYPE_CHECKING:
    from autograder.testing.subjects import Backend, CallRecord

GRADING_PLUGIN = "handgrad-grading"


class Subjects(Protocol):
    """Where the fixtures get the code under test from."""

    def student(self, folder: Path) -> Any:
        """The code under test of the unit in `folder`."""

    def reference(self, folder: Path) -> Any:
        """The reference of the unit in `folder`."""


_SIMULATION = Path(autograder.devices.__file__).parent

SUBJECTS = pytest.StashKey[Subjects]()
DEVICES = pytest.StashKey[tuple[Device, ...]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("handgrad", "coursework with hand-derived gradients")
    group.addoption(
        "--student", metavar="FILE", help="test this module in place of the one beside the tests"
    )
    group.addoption(
        "--device",
        metavar="DEVICE",
        action="append",
        help="run tests on this device; may be repeated; cuda is simulated where there is no GPU "
        "(default: every device there is)",
    )
    group.addoption(
        "--exercise-seed",
        metavar="N",
        type=int,
        default=0,
        help="draw other inputs (default: %(default)s)",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "exercise(name, points): the exercise that a test belongs to, and its points"
    )
    if not config.pluginmanager.has_plugin(GRADING_PLUGIN):
        config.pluginmanager.register(PlainRun(config), "handgrad-plain")
        if config.getoption("--device"):
            _devices(config)  # a name that means nothing is told before anything is collected


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    marked = metafunc.definition.get_closest_marker("exercise") is not None
    if marked and "device" in metafunc.fixturenames:
        devices = _devices(metafunc.config)
        names = [device.name for device in devices]
        metafunc.parametrize("device", devices, indirect=True, ids=names, scope="session")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Make every exercise a marker of its own, so that ``-m linear_forward`` selects it."""
    for item in items:
        mark = item.get_closest_marker("exercise")
        if mark is not None:
            name = str(mark.args[0])
            config.addinivalue_line("markers", f"{name}: the exercise {name}")
            item.add_marker(name)


@pytest.fixture(scope="session")
def device(request: pytest.FixtureRequest) -> Any:
    """The `torch.device` that the test runs on, once for each."""
    return request.param.torch


def device_of(item: pytest.Item) -> Device:
    """The device of a collected test; the CPU if it asks for none."""
    callspec = getattr(item, "callspec", None)
    named = callspec.params.get("device") if callspec is not None else None
    return named if isinstance(named, Device) else CPU


@pytest.fixture(scope="module")
def student(request: pytest.FixtureRequest) -> Any:
    """The code under test. ``student.f(x)`` calls its function f."""
    return request.config.stash[SUBJECTS].student(request.path.parent)


@pytest.fixture(scope="module")
def reference(request: pytest.FixtureRequest) -> Any:
    """The reference implementation. Staff only: a release has none."""
    return request.config.stash[SUBJECTS].reference(request.path.parent)


class PlainRun:
    """A run of plain pytest: the code under test is a module in this process."""

    def __init__(self, config: pytest.Config) -> None:
        self.seed = int(config.getoption("--exercise-seed"))
        named = config.getoption("--student")
        self.named = Path(named).resolve() if named else None
        self.device = CPU
        config.stash[SUBJECTS] = self

    def student(self, folder: Path) -> Any:
        from autograder.testing.subjects import Student

        return Student(_OnEachDevice(self, self.named or _unit_module(folder)))

    def reference(self, folder: Path) -> Any:
        from autograder.testing.subjects import Reference

        return Reference(_load(_unit_module(folder)))

    @pytest.hookimpl(wrapper=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> Generator[None, object, object]:
        if pyfuncitem.get_closest_marker("exercise") is None:
            return (yield)
        from autograder.testing.cases import to_device
        from autograder.testing.property import body_of, body_replaced, is_property
        from autograder.testing.subjects import Reference, Student

        body, self.device = body_of(pyfuncitem.obj), device_of(pyfuncitem)

        def example(**arguments: Any) -> None:
            device = arguments.get("device")
            with self.device.active():
                for name, value in arguments.items():
                    if isinstance(value, Student):
                        value.begin_example()
                    elif isinstance(value, Reference):
                        value.begin_example([])
                    elif device is not None:
                        arguments[name] = to_device(value, device)
                body(**arguments)

        if not is_property(pyfuncitem.obj):
            with self.device.active():
                return (yield)
        hypothesis.seed(self.seed)(pyfuncitem.obj)
        with body_replaced(pyfuncitem.obj, example):
            return (yield)


class _OnEachDevice:
    """The module under test, loaded once for each device: it may ask what there is."""

    def __init__(self, run: PlainRun, path: Path) -> None:
        self._run, self._path = run, path
        self._loaded: dict[Device, Backend] = {CPU: self._load(CPU)}

    def call(self, record: CallRecord) -> None:
        """Answer with the module of the device that is tested now."""
        device = self._run.device
        if device not in self._loaded:
            self._loaded[device] = self._load(device)
        try:
            self._loaded[device].call(record)
        except Exception as error:
            _leave_out_the_simulation(error.__traceback__)
            raise

    def _load(self, device: Device) -> Backend:
        from autograder.testing.subjects import ModuleBackend

        with device.active():
            return ModuleBackend(_load(self._path))


def _leave_out_the_simulation(trace: TracebackType | None) -> None:
    """Let a traceback, and a debugger, end in the student's code or in torch's."""
    while trace is not None:
        while (after := trace.tb_next) is not None and _simulates(after):
            trace.tb_next = after.tb_next
        trace = after


def _simulates(trace: TracebackType) -> bool:
    return Path(trace.tb_frame.f_code.co_filename).parent == _SIMULATION


def _devices(config: pytest.Config) -> tuple[Device, ...]:
    """What grading says, or the command line, or what there is."""
    if DEVICES not in config.stash:
        try:
            named = [device_meant(name) for name in config.getoption("--device") or available()]
        except DeviceError as error:
            raise pytest.UsageError(str(error)) from None
        config.stash[DEVICES] = tuple(dict.fromkeys(named))
    return config.stash[DEVICES]


def _unit_module(folder: Path) -> Path:
    """``03_layers/`` holds the unit's module ``layers.py``."""
    return folder / f"{folder.name.partition('_')[2] or folder.name}.py"


def _load(path: Path) -> ModuleType:
    """Import a module by path; what is wrong with it is said without pytest's own traceback."""
    if not path.is_file():
        pytest.fail(f"There is no {path}. Run pytest in the folder you were given.", pytrace=False)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        pytest.fail(
            f"{path.name} is not valid Python, line {error.lineno}: {error.msg}", pytrace=False
        )
    return module
