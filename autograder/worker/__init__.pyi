from . import frames, levels
from .confinement import LAYERS, PROFILES, Limits, remove_tree, set_dumpable
from .decoding import Decoder
from .encoding import Encoder, foreign
from .failures import describe_failure
from .forbidden import FREE, Ban
from .forked import ForkedZygote
from .frames import Frame, FrameReader
from .levels import DEFAULT_LEVEL, LEVELS, PROMISES, UNCONFINED, level_of, reaches
from .observe import snapshot
from .wire import (
    FROM_WORKER,
    TO_WORKER,
    WIRE_VERSION,
    Bounds,
    NotSendable,
    WireError,
    wire_type_name,
)

__all__ = [
    "DEFAULT_LEVEL",
    "FREE",
    "FROM_WORKER",
    "LAYERS",
    "LEVELS",
    "PROFILES",
    "PROMISES",
    "TO_WORKER",
    "UNCONFINED",
    "WIRE_VERSION",
    "Ban",
    "Bounds",
    "Decoder",
    "Encoder",
    "ForkedZygote",
    "Frame",
    "FrameReader",
    "Limits",
    "NotSendable",
    "WireError",
    "describe_failure",
    "foreign",
    "frames",
    "level_of",
    "levels",
    "reaches",
    "remove_tree",
    "set_dumpable",
    "snapshot",
    "wire_type_name",
]
