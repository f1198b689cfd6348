from .prepared import PreparationError, PreparedExample, PreparedTest
from .preparing import prepare, tensor_versions
from .probes import count_elements
from .scripts import Script, script_of

__all__ = [
    "PreparationError",
    "PreparedExample",
    "PreparedTest",
    "Script",
    "count_elements",
    "prepare",
    "script_of",
    "tensor_versions",
]
