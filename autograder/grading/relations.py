"""What a wrong answer has to do with the right one, where no known mistake explains it.

A relation is told if it holds of every wrong answer and of no right one: the negative, a size of
the input times too large, transposed, reversed, shifted, not summed. It names results, arguments
and axes, and never a number of a hidden input.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

# So close are two answers that differ by rounding; wrong answers by other formulas differ by more.
_CLOSE = {torch.float32: 1e-3, torch.float64: 1e-8}
# A relation that holds of one wrong answer may hold by accident.
_FEWEST = 2

Sizes = Mapping[str, int]
"""Sizes that an answer may be a multiple of, by what they are called."""


@dataclass(frozen=True)
class Relation:
    """A relation of a wrong tensor to the right one.

    Attributes:
        kind: which.
        detail: a size's name, axes, or a factor.
    """

    kind: str
    detail: Any = ()

    def holds(self, got: Tensor, right: Tensor, sizes: Sizes) -> bool:
        """Whether a result has this relation to the right one."""
        return _HOLDS[self.kind](got, right, self.detail, sizes)

    def sentence(self, name: str) -> str:
        """What a student is told of it.

        Args:
            name: of the result.
        """
        transposed = ": it is transposed" if self.detail == (1, 0) else ""
        return _WORDS[self.kind].format(name=name, detail=self.detail, transposed=transposed)


Holds = Callable[[Tensor, Tensor, Any, Sizes], bool]


def _times(got: Tensor, right: Tensor, name: str, sizes: Sizes) -> bool:
    return name in sizes and _close(got, right * sizes[name])


def _divided(got: Tensor, right: Tensor, name: str, sizes: Sizes) -> bool:
    return name in sizes and _close(got, right / sizes[name])


def _permuted(got: Tensor, right: Tensor, axes: tuple[int, ...], sizes: Sizes) -> bool:
    return right.dim() == len(axes) and _close(got, right.permute(axes))


def _flipped(got: Tensor, right: Tensor, axis: int, sizes: Sizes) -> bool:
    return right.dim() > axis and _close(got, right.flip(axis))


def _summed(got: Tensor, right: Tensor, axis: int, sizes: Sizes) -> bool:
    return right.dim() > axis and _close(got, right.sum(axis))


def _not_summed(got: Tensor, right: Tensor, axis: int, sizes: Sizes) -> bool:
    return got.dim() > axis and _close(got.sum(axis), right)


def _kept_axis(got: Tensor, right: Tensor, axis: int, sizes: Sizes) -> bool:
    return got.dim() > axis and got.shape[axis] == 1 and _close(got.squeeze(axis), right)


def _shifted(got: Tensor, right: Tensor, detail: tuple[int, int], sizes: Sizes) -> bool:
    axis, step = detail
    if got.shape != right.shape or got.dim() <= axis or got.shape[axis] < 2:
        return False
    kept = got.shape[axis] - 1
    return _close(got.narrow(axis, max(step, 0), kept), right.narrow(axis, max(-step, 0), kept))


def _reordered(got: Tensor, right: Tensor, detail: object, sizes: Sizes) -> bool:
    return got.shape == right.shape and _close(_sorted(got), _sorted(right))


_HOLDS: dict[str, Holds] = {
    "negative": lambda got, right, detail, sizes: _close(got, -right),
    "zero": lambda got, right, detail, sizes: _close(got, torch.zeros_like(right)),
    "factor": lambda got, right, factor, sizes: _close(got, right * factor),
    "times": _times,
    "divided": _divided,
    "permuted": _permuted,
    "flipped": _flipped,
    "summed": _summed,
    "not summed": _not_summed,
    "kept axis": _kept_axis,
    "shifted": _shifted,
    "reordered": _reordered,
}

_WORDS = {
    "negative": "Your {name} has the wrong sign: it is the right one times -1.",
    "zero": "Your {name} is 0 everywhere.",
    "factor": "Your {name} is the right one times {detail:g}.",
    "times": "Your {name} is too large by the factor {detail}.",
    "divided": "Your {name} is too small by the factor {detail}.",
    "permuted": "Your {name} has its axes in another order{transposed}.",
    "flipped": "Your {name} is in reverse order along axis {detail}.",
    "summed": "Your {name} is summed over axis {detail}, which it should keep.",
    "shifted": "Your {name} is shifted by one along axis {detail[0]}.",
    "kept axis": "Your {name} has an axis of size 1 too many, axis {detail}.",
    "not summed": "Your {name} is not summed over its axis {detail}.",
    "reordered": "Your {name} holds the right numbers in another order.",
}


def _sorted(tensor: Tensor) -> Tensor:
    return tensor.flatten().sort().values


def _close(got: Tensor, right: Tensor) -> bool:
    if got.shape != right.shape or not got.numel():
        return False
    if not bool(torch.isfinite(got).all() & torch.isfinite(right).all()):
        return False
    scale = max(float(right.abs().max()), float(got.abs().max()))
    bound = _CLOSE.get(right.dtype, 0.0) * scale
    return float((got - right).abs().max()) <= bound


def candidates(got: Tensor, right: Tensor, sizes: Sizes) -> Iterator[Relation]:
    """All relations that a wrong tensor has to the right one."""
    rank = right.dim()
    tried = [
        *(Relation(kind) for kind in ("negative", "zero", "reordered")),
        *(Relation("factor", factor) for factor in (0.5, 2.0)),
        *(Relation(kind, name) for kind in ("times", "divided") for name in sizes),
        *(Relation("permuted", axes) for axes in list(itertools.permutations(range(rank)))[1:]),
        *(Relation(kind, axis) for kind in ("flipped", "summed") for axis in range(rank)),
        *(Relation("shifted", (axis, step)) for axis in range(rank) for step in (1, -1)),
        *(
            Relation(kind, axis)
            for kind in ("kept axis", "not summed")
            for axis in range(got.dim())
        ),
    ]
    return (relation for relation in tried if relation.holds(got, right, sizes))


@dataclass(frozen=True)
class Answer:
    """A call's result beside the right one.

    Attributes:
        got: the parts of the result.
        right: the same of the reference.
        sizes: of the call's arguments.
    """

    got: Sequence[Any]
    right: Sequence[Any]
    sizes: Sizes


@dataclass
class Kinship:
    """Which relations all wrong answers of a function have to the right ones.

    Attributes:
        left: by the number of a part that was wrong, the relations that held so far.
        seen: how many wrong answers showed each part wrong.
        unrelated: whether there was a wrong answer of which nothing can be said.
    """

    left: dict[int, list[Relation]] = field(default_factory=dict)
    seen: dict[int, int] = field(default_factory=dict)
    unrelated: bool = False

    def wrong(self, answer: Answer) -> None:
        """Look at an answer that a test rejected."""
        if self.unrelated or len(answer.got) != len(answer.right):
            self.unrelated = True
            return
        found = False
        for part, (got, right) in enumerate(zip(answer.got, answer.right, strict=True)):
            if not _comparable(got, right):
                if got is not right and type(got) is not type(right):
                    self.unrelated = True
                continue
            if _close(got, right) or (not bool(right.any()) and not bool(got.any())):
                self._keep_if(part, got, right, answer.sizes)
                continue
            found = True
            if part not in self.left:
                self.left[part] = list(candidates(got, right, answer.sizes))
            else:
                self._keep_if(part, got, right, answer.sizes)
            self.seen[part] = self.seen.get(part, 0) + 1
        self.unrelated = self.unrelated or not found

    def right(self, answer: Answer) -> None:
        """Look at an answer that a test accepted: what would have changed it is no explanation."""
        for part, right in enumerate(answer.right):
            if isinstance(right, Tensor) and part in self.left:
                self._keep_if(part, right, right, answer.sizes)

    def _keep_if(self, part: int, got: Tensor, right: Tensor, sizes: Sizes) -> None:
        if part in self.left:
            self.left[part] = [r for r in self.left[part] if r.holds(got, right, sizes)]

    def sentences(self, names: Sequence[str]) -> list[str]:
        """What to tell; nothing if it does not explain all that is wrong.

        Args:
            names: of the parts of the result.
        """
        if self.unrelated or not self.left:
            return []
        told: list[str] = []
        for part, left in sorted(self.left.items()):
            relation = _the_one(left)
            if relation is None or self.seen[part] < _FEWEST:
                return []
            name = names[part] if part < len(names) else "result"
            told.append(relation.sentence(name))
        return told


def _the_one(left: Sequence[Relation]) -> Relation | None:
    """The relation that is meant by those that hold everywhere; None if that is not clear."""
    for weaker in ("reordered", "not summed"):  # what a stronger relation implies
        left = [relation for relation in left if relation.kind != weaker] or left
    kinds = {relation.kind for relation in left}
    if len(left) == 1 or kinds in ({"times"}, {"divided"}):
        return left[0]  # sizes that are always equal are one size
    return None


def _comparable(got: Any, right: Any) -> bool:
    return (
        isinstance(got, Tensor)
        and isinstance(right, Tensor)
        and right.is_floating_point()
        and got.dtype == right.dtype
        and got.device == right.device
    )
