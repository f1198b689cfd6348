from .answering import Ours
from .batches import Batch, Call, EarlierResult, Handle, encode_batch
from .confining import ConfinementError, confinement_findings, layers_here, require_level
from .connection import Worker
from .endings import why_it_did_not_load
from .expectations import (
    Expectation,
    Expected,
    ExpectedError,
    expected_error,
    expected_reply,
)
from .launching import launch
from .loading import Code, Loader
from .replies import Reply, expected_value
from .session import Session
from .workers import Workers, start_workers

__all__ = [
    "Batch",
    "Call",
    "Code",
    "ConfinementError",
    "EarlierResult",
    "Expectation",
    "Expected",
    "ExpectedError",
    "Handle",
    "Loader",
    "Ours",
    "Reply",
    "Session",
    "Worker",
    "Workers",
    "confinement_findings",
    "encode_batch",
    "expected_error",
    "expected_reply",
    "expected_value",
    "launch",
    "layers_here",
    "require_level",
    "start_workers",
    "why_it_did_not_load",
]
