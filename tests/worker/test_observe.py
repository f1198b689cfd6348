"""A change made in place is noticed, named, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch

from autograder.worker import snapshot


class Slotted:
    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


@dataclass
class State:
    m: torch.Tensor = field(default_factory=lambda: torch.zeros(2))
    steps: int = 0


Change = Callable[[Any], object]


@pytest.mark.parametrize(
    ("argument", "change", "path"),
    [
        (torch.zeros(3), lambda x: x.add_(1), ""),
        (torch.zeros(3), lambda x: x.__setitem__(1, -0.0), ""),
        (torch.zeros(2, 3), lambda x: x.t_(), ""),
        (torch.zeros(2, 3), lambda x: x.resize_(3, 2), ""),
        (torch.zeros(2, 3), lambda x: x.data.fill_(1), ""),
        (torch.zeros(1).expand(3), lambda x: x.data[:1].fill_(1), ""),
        (torch.zeros(1 << 19), lambda x: x[-1].add_(1), ""),
        (torch.full((2,), float("nan")), lambda x: x.zero_(), ""),
        ([torch.zeros(2), 1], lambda x: x.append(2), ""),
        ([torch.zeros(2), 1], lambda x: x.__setitem__(1, 2), "[1]"),
        ([torch.zeros(2), 1], lambda x: x.__setitem__(1, True), "[1]"),
        ((1, (torch.zeros(2),)), lambda x: x[1][0].add_(1), "[1][0]"),
        ({"w": torch.zeros(2)}, lambda x: x["w"].add_(1), "['w']"),
        ({"w": torch.zeros(2)}, lambda x: x.update(b=1), ""),
        ({"w": 1, "b": 2}, lambda x: x.update(w=x.pop("w")), ""),
        ({1, 2}, lambda x: x.add(3), ""),
        (bytearray(2), lambda x: x.append(1), ""),
        (np.zeros(3), lambda x: x.fill(1), ""),
        (Slotted([0]), lambda x: x.value.append(1), ".value"),
        (State(), lambda x: x.m.add_(1), ".m"),
        (State(), lambda x: setattr(x, "steps", 1), ".steps"),
        (State(), lambda x: setattr(x, "extra", 1), ""),
        (torch.nn.Linear(2, 2), lambda x: x.weight.data.zero_(), "._parameters['weight']"),
    ],
)
def test_a_change_is_named(argument: Any, change: Change, path: str) -> None:
    before = snapshot((0, argument), {"key": argument})
    change(argument)
    assert before.changes() == [f"args[1]{path}", f"kwargs['key']{path}"]


def everything() -> list[Any]:
    return [
        *(torch.randn(2, 3).t(), torch.zeros(0, 2), torch.tensor(float("nan")), float("nan")),
        *({"a": (1, None, "x", 1j)}, {1, "b"}, np.arange(3), np.float32(1), State(), len, State),
        *(lambda x: x, torch.nn.Linear(2, 2), torch.Generator(), Slotted(1), object(), b"x"),
        *(torch.eye(2).to_sparse(), torch.empty(2, device="meta"), torch.float32, torch.Size([1])),
    ]


def test_looking_is_no_change() -> None:
    arguments = everything()
    before = snapshot(arguments, {"all": arguments})
    for argument in arguments:
        repr(argument)
    assert before.changes() == []


def test_replacing_a_part_by_an_equal_one_is_no_change() -> None:
    cache = {"x": torch.ones(2)}
    before = snapshot((cache,), {})
    cache["x"] = torch.ones(2)
    assert before.changes() == []


def test_a_structure_that_contains_itself_can_be_observed() -> None:
    loop: list[Any] = [torch.zeros(1)]
    loop.append(loop)
    before = snapshot((loop,), {})
    assert before.changes() == []
    loop[0].add_(1)
    assert before.changes() == ["args[0][0]"]


def test_a_structure_without_end_costs_a_bounded_effort() -> None:
    value: list[Any] = [0]
    for _ in range(60):
        value = [value, value]
    assert snapshot((value,), {}).changes() == []


def test_objects_that_refuse_to_be_looked_at_are_left_alone() -> None:
    class Shy:
        @property
        def __dict__(self) -> Any:  # type: ignore[override]
            raise RuntimeError("do not look")

    class Unequal:
        def __eq__(self, other: object) -> bool:
            raise RuntimeError("do not compare")

        __hash__ = None  # type: ignore[assignment]

    assert snapshot((Shy(), Unequal()), {}).changes() == []
