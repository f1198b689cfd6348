"""Lines that wait for the device are listed, and nothing else."""

import torch

from autograder.devices import Note
from autograder.devices.simulation import Simulation

SOURCE = """\
import torch

def train(x):
    total = 0.0
    for row in x:
        total += row.sum().item()
    if x.sum() > 0:
        total += float(x[0, 0])
    return total, x.cpu(), x.tolist(), int(x[0, 0]), helper(x)

def helper(x):
    return x.to("cpu")

def calm(x):
    return x.to(x.device), x.detach(), x.shape, len(x), x * 2
"""


def loaded():
    module = {}
    exec(compile(SOURCE, "student.py", "exec"), module)
    return module


def test_each_kind_is_noted_once_with_its_line():
    simulation = Simulation(files={"student.py"})
    with simulation:
        loaded()["train"](torch.ones(3, 2, device="cuda:1"))
    assert simulation.notes == [
        Note("item", "student.py", 6),
        Note("bool", "student.py", 7),
        Note("float", "student.py", 8),
        Note("cpu", "student.py", 9),
        Note("tolist", "student.py", 9),
        Note("int", "student.py", 9),
        Note("cpu", "student.py", 12),
    ]
    simulation.clear_notes()
    assert simulation.notes == []


def test_nothing_is_noted_on_the_cpu():
    simulation = Simulation(files={"student.py"})
    with simulation:
        loaded()["train"](torch.ones(3, 2))
    assert simulation.notes == []


def test_what_stays_on_the_device_is_not_noted():
    simulation = Simulation(files={"student.py"})
    with simulation:
        loaded()["calm"](torch.ones(3, 2, device="cuda:1"))
    assert simulation.notes == []


def test_lines_of_other_files_are_not_noted():
    files = set()
    simulation = Simulation(files=files)
    with simulation:
        x = torch.ones(3, 2, device="cuda:1")
        loaded()["train"](x)
        assert simulation.notes == []
        files.add("student.py")
        loaded()["train"](x)
    assert {note.file for note in simulation.notes} == {"student.py"}
