"""What all modes here have in common that see every operator."""

from __future__ import annotations

from torch.utils._python_dispatch import TorchDispatchMode


# For the type checker: torch's own dispatch modes carry no types, so they get them here.
class DispatchMode(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """A mode of PyTorch's dispatcher that is cheap to begin with."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()  # type: ignore[no-untyped-call]

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Keeps torch from importing its compiler, which takes seconds, at the first operator."""
        return False
