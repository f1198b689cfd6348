"""A reader faces anything: a malformed message is a `WireError`, never something else."""

from __future__ import annotations

import contextlib
import struct
from typing import Any

import msgpack
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.supervisor.replies import decode_arguments, decode_reply
from autograder.worker import FROM_WORKER, TO_WORKER, Decoder, Encoder, FrameReader, WireError
from autograder.worker.encoding import foreign
from autograder.worker.frames import frame, pack, unpack


def decode(value: Any, payload: bytes = b"") -> Any:
    decoder = Decoder(bytearray(payload), FROM_WORKER, trusted=False)
    result = decoder.value(value)
    decoder.finish()
    return result


BOOL = 3


@pytest.mark.parametrize(
    ("value", "payload", "words"),
    [
        ([], b"", "without a tag"),
        ([1, 2], b"", "unknown tag"),
        (["?"], b"", "unknown tag"),
        ({}, b"", "without a tag"),
        (b"bytes", b"", "without a tag"),
        (["h", 1], b"", "reference"),
        (["c", 1], b"", "reference"),
        (["r", 0, None], b"", "reference"),
        (["=", 0], b"", "unknown tag"),
        (["=", True], b"", "unknown tag"),
        (["y", "float99"], b"", "unknown tag"),
        (["v", "toaster"], b"", "unknown device"),
        (["x", 1, 2], b"", "unknown tag"),
        (["o", "a\u202eb"], b"", "unknown tag"),
        (["d", ["k"]], b"", "malformed dict"),
        (["d", [["l"], 1]], b"", "key of a dict"),
        (["d", [["t", ["l"]], 1]], b"", "key of a dict"),
        (["d", *[[i, 0] for i in range(1100)]], b"", "too many keys"),
        (["T", 0, [1]], b"", "malformed tensor"),
        (["T", 99, [1], None, False, None], b"", "malformed tensor"),
        (["T", True, [1], None, False, None], b"", "malformed tensor"),
        (["T", -1, [1], None, False, None], b"", "malformed tensor"),
        (["T", 0, [1], None, 1, None], b"", "malformed tensor"),
        (["T", 0, [-4, -1], None, False, None], bytes(16), "malformed shape"),
        (["T", 0, [True], None, False, None], bytes(16), "malformed shape"),
        (["T", 0, [1.0], None, False, None], bytes(16), "malformed shape"),
        (["T", 0, [1 << 41], None, False, None], b"", "malformed shape"),
        (["T", 0, [1 << 40, 1 << 40, 0], None, False, None], b"", "too many elements"),
        (["T", 0, [1] * 17, None, False, None], bytes(16), "malformed shape"),
        (["T", 0, [1 << 20], None, False, None], bytes(16), "larger than the payload"),
        (["T", 0, [4], [1], False, None], bytes(16), "with strides"),
        (["T", 0, [4], None, False, "cuda"], bytes(16), "unexpected device"),
        (["T", 0, [4], None, False, ["l"]], bytes(16), "unexpected device"),
        (["T", 2, [1], None, True, None], bytes(16), "requires_grad"),
        (["T", BOOL, [4], None, False, None], b"\x02\x00\x01\xff" + bytes(12), "neither 0 nor 1"),
        (["T", 0, [1], None, False, None], bytes(32), "payload is larger"),
        (["l"] + [["l"]] * 20_001, b"", "too many items"),
    ],
)
def test_malformed_values_are_refused(value: Any, payload: bytes, words: str) -> None:
    with pytest.raises(WireError, match=words):
        decode(value, payload)


def test_deep_nesting_is_refused_at_every_level_of_the_format() -> None:
    value: Any = 0
    for _ in range(40):
        value = ["l", value]
    with pytest.raises(WireError, match="nested too deeply"):
        decode(value)
    for meta in (b"\x91" * 200_000, b"\x92\xa1l" * 60_000):
        with pytest.raises(WireError):
            unpack(meta, FROM_WORKER)


@pytest.mark.parametrize(
    "meta",
    [
        b"",
        b"\xc1",
        b"\x90",
        b"\x91\x01",
        b"\x81\xa1a\x01",
        b"\x91\x81\xa1a\x01",
        b"\x92\xa1a\xc7\x01\x05x",
        b"\x92\xa1a\xd6\xff\x00\x00\x00\x00",
        b"\x92\xa1a\xc4\x01x",
        b"\x92\xa2\xff\xfe\x01",
        b"\xdd" + struct.pack(">I", 1 << 31),
        b"\x91\xa1ax",
    ],
)
def test_malformed_msgpack_is_refused(meta: bytes) -> None:
    with pytest.raises(WireError):
        unpack(meta, FROM_WORKER)


@given(st.binary(max_size=200), st.binary(max_size=64))
@settings(deadline=None, max_examples=200)
def test_no_bytes_raise_anything_else(meta: bytes, payload: bytes) -> None:
    with contextlib.suppress(WireError):
        message = unpack(meta, FROM_WORKER)
        decode_reply(message, bytearray(payload), None, lambda number: None)  # type: ignore[arg-type, return-value]


numbers = st.integers(-2, 12) | st.sampled_from([1 << 20, 1 << 40, (1 << 63) - 1])
anything = st.recursive(
    st.none() | st.booleans() | numbers | st.floats() | st.sampled_from(["T", "t", "l", "d", "="]),
    lambda inner: st.lists(inner, max_size=6),
    max_leaves=30,
)
looks_like_a_tensor = st.builds(
    lambda *parts: ["T", *parts],
    numbers,
    st.lists(numbers, max_size=4) | anything,
    st.none() | st.lists(numbers, max_size=4),
    st.booleans(),
    st.sampled_from([None, "cpu", "cuda"]),
)


@given(
    anything | looks_like_a_tensor | st.lists(looks_like_a_tensor).map(lambda ts: ["l", *ts]),
    st.binary(max_size=64),
    st.booleans(),
)
@settings(deadline=None, max_examples=300)
def test_no_structure_raises_anything_else(value: Any, payload: bytes, trusted: bool) -> None:
    bounds = TO_WORKER if trusted else FROM_WORKER
    with contextlib.suppress(WireError):
        Decoder(bytearray(payload), bounds, trusted=trusted).value(value)


@given(anything, st.binary(max_size=32))
@settings(deadline=None, max_examples=100)
def test_no_callback_raises_anything_else(value: Any, payload: bytes) -> None:
    for args, kwargs in ((value, []), ([], value), ([value], [["k", value]])):
        with contextlib.suppress(WireError):
            decode_arguments(args, kwargs, bytearray(payload))


@given(st.data())
@settings(deadline=None, max_examples=100)
def test_no_damage_to_a_valid_message_raises_anything_else(data: st.DataObject) -> None:
    encoder = Encoder(FROM_WORKER, foreign, contiguous=True)
    value = encoder.value({"a": (torch.ones(2, 3), [True, 1.5, None]), "b": torch.ones(2).bool()})
    message = bytearray(b"".join(frame(1, pack(["ok", value, []]), encoder.buffers)))
    for _ in range(data.draw(st.integers(1, 4))):
        message[data.draw(st.integers(0, len(message) - 1))] = data.draw(st.integers(0, 255))
    reader = FrameReader(FROM_WORKER)
    reader.feed(message)
    with contextlib.suppress(WireError):
        received = reader.next()
        if received is not None:
            reply = unpack(received.meta, FROM_WORKER)
            decode_reply(reply, received.payload, None, lambda number: None)  # type: ignore[arg-type, return-value]


def test_the_largest_message_of_empty_lists_is_refused_early() -> None:
    meta = msgpack.packb(["ok", ["l", *[["l"]] * (FROM_WORKER.meta // 4)], []])
    with pytest.raises(WireError, match="too many items"):
        decode_reply(unpack(meta, FROM_WORKER), bytearray(), None, lambda number: None)  # type: ignore[arg-type, return-value]


@pytest.mark.parametrize(
    ("value", "returns"),
    [
        (["t", 1], ("value", "opaque")),
        (["l", 1, ["h", 1]], ("value", "opaque")),
        (["t", ["h", 1], ["h", 2]], ("value", "opaque")),
        (["t", 1, 2], ("value", "opaque")),
        (["h", 1], None),
        (["l", ["h", 1]], None),
        (1, "opaque"),
        (["h", True], "opaque"),
        (["h", -1], "opaque"),
    ],
)
def test_handles_stand_only_where_the_call_said_so(value: Any, returns: Any) -> None:
    with pytest.raises(WireError):
        decode_reply(["ok", value, []], bytearray(), returns, lambda number: None)  # type: ignore[arg-type, return-value]
