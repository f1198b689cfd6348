"""The simulation judges functions of the course's level as PyTorch judges them on a GPU."""

import corpus
import pytest
import torch

from autograder.devices import device_of, placed
from autograder.devices.simulation import Simulation
from autograder.devices.tags import plain, tensors_in

HERE = frozenset({corpus.__file__})


def copied(value, device):
    if isinstance(value, torch.Tensor):
        return placed(value.clone(), device)
    if isinstance(value, (tuple, list)):
        return type(value)(copied(part, device) for part in value)
    return value


def run(case, device):
    """What PyTorch says, or where a result is wrong; and the results and the notes."""
    simulation = Simulation(devices=2, files=HERE)
    inputs = copied(case.inputs(), device)
    with simulation:
        try:
            results = tensors_in([case.function(*inputs)])
        except (RuntimeError, TypeError) as error:
            return str(error), [], simulation.notes
    elsewhere = [tensor for tensor in results if str(device_of(tensor)) != device]
    said = corpus.RETURNED if elsewhere else ""
    return said, [plain(tensor) for tensor in results], simulation.notes


def by_name(case):
    return case.function.__name__


@pytest.mark.parametrize("case", corpus.RIGHT, ids=by_name)
def test_a_right_function_runs_on_each_device(case):
    (said, on_cpu, notes), (also_said, on_cuda, more) = run(case, "cpu"), run(case, "cuda:1")
    assert (said, also_said) == ("", "")
    assert {note.kind for note in more} == case.notes
    assert not notes
    assert len(on_cpu) == len(on_cuda)
    for a, b in zip(on_cpu, on_cuda, strict=True):
        torch.testing.assert_close(a, b, equal_nan=True)


@pytest.mark.parametrize("case", corpus.WRONG, ids=by_name)
def test_a_wrong_function_is_found_in_the_words_of_pytorch(case):
    said = run(case, "cuda:1")[0]
    assert case.says in said
    assert said
