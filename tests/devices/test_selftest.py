"""A torch that breaks the simulation turns it off, and says why."""

import pytest
import torch

from autograder.devices import selftest, tags
from autograder.devices.calls import _HANDLERS


@pytest.fixture(autouse=True)
def _not_yet_known(monkeypatch):
    monkeypatch.setattr(selftest, "_known", [])


def test_the_simulation_works_with_this_torch():
    assert selftest.simulation_works() == ""


def test_a_storage_that_forgets_its_tag_turns_it_off(monkeypatch):
    monkeypatch.setattr(tags, "setattr", lambda *args: None, raising=False)
    reason = selftest.simulation_works()
    assert reason.startswith(f"CUDA is not simulated with torch {torch.__version__}: ")
    assert "loses the mark of its device" in reason


def test_operators_that_are_not_seen_turn_it_off(monkeypatch):
    monkeypatch.setattr(
        "autograder.devices.operations.Operations.__torch_dispatch__",
        lambda self, func, types, args=(), kwargs=None: func(*args, **(kwargs or {})),
    )
    assert "has no device" in selftest.simulation_works()


def test_a_check_that_raises_turns_it_off(monkeypatch):
    monkeypatch.delitem(_HANDLERS, torch.Tensor.to)
    assert "a tensor cannot be moved (" in selftest.simulation_works()


def test_the_answer_is_remembered(monkeypatch):
    assert selftest.simulation_works() == ""
    monkeypatch.setattr(tags, "setattr", lambda *args: None, raising=False)
    assert selftest.simulation_works() == ""
