"""Values survive the wire; what does not travel is refused in words."""

from __future__ import annotations

import enum
import math
from collections import OrderedDict, namedtuple
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from autograder.worker import (
    FROM_WORKER,
    TO_WORKER,
    Decoder,
    Encoder,
    FrameReader,
    NotSendable,
    WireError,
)
from autograder.worker.encoding import foreign
from autograder.worker.frames import frame, pack, unpack
from autograder.worker.wire import Foreign

DTYPES = (
    *(torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.complex64),
    *(torch.complex128, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool),
)
Pair = namedtuple("Pair", "left right")


def travel(value: Any, *, to_worker: bool) -> Any:
    """What the other side gets."""
    bounds = TO_WORKER if to_worker else FROM_WORKER
    encoder = Encoder(bounds, foreign, contiguous=not to_worker)
    parts = frame(7, pack(["value", encoder.value(value)]), encoder.buffers)
    reader = FrameReader(bounds)
    reader.feed(b"".join(parts))
    received = reader.next()
    assert received is not None
    assert received.seq == 7
    message = unpack(received.meta, bounds)
    decoder = Decoder(received.payload, bounds, trusted=to_worker)
    result = decoder.value(message[1])
    decoder.finish()
    return result


def same_bits(a: Tensor, b: Tensor) -> bool:
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    copies = [t.clone(memory_format=torch.contiguous_format).flatten() for t in (a, b) if t.numel()]
    return not copies or torch.equal(*[t.view(torch.uint8) for t in copies])


@st.composite
def tensors_of_any_layout(draw: st.DrawFn) -> Tensor:
    shape = draw(st.lists(st.integers(0, 4), max_size=4))
    dtype = draw(st.sampled_from(DTYPES))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 1000)))
    t = torch.randint(0, 2, shape, generator=generator).to(dtype)
    for change in draw(st.lists(st.sampled_from(["permute", "expand", "slice", "step"]))):
        if change == "permute":
            t = t.permute(draw(st.permutations(range(t.dim()))))
        elif change == "expand" and t.dim() < 6:
            t = t.unsqueeze(-1).expand(*t.shape, draw(st.integers(1, 3)))
        elif change == "slice" and t.dim() and t.shape[0]:
            t = t[1:]
        elif change == "step" and t.dim():
            t = t[..., ::2]
    return t


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text()
    | st.complex_numbers(allow_nan=False)
    | st.sampled_from([torch.float32, torch.int64, torch.bool]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(st.text() | st.integers(-9, 9), inner, max_size=4)
    ),
    max_leaves=20,
)


def kinds(value: Any) -> Any:
    """The types in a value, in its own structure."""
    if isinstance(value, (list, tuple)):
        return type(value), [kinds(part) for part in value]
    if isinstance(value, dict):
        return dict, [(kinds(key), kinds(part)) for key, part in value.items()]
    return type(value)


@given(values, st.booleans())
@settings(deadline=None)
def test_plain_values_keep_value_and_type(value: Any, to_worker: bool) -> None:
    result = travel(value, to_worker=to_worker)
    assert result == value
    assert kinds(result) == kinds(value)


@given(tensors_of_any_layout())
@settings(deadline=None)
def test_a_tensor_reaches_the_worker_with_its_strides(t: Tensor) -> None:
    result = travel(t, to_worker=True)
    assert same_bits(result, t)
    assert result.stride() == t.stride()


@given(tensors_of_any_layout())
@settings(deadline=None)
def test_a_tensor_comes_back_contiguous(t: Tensor) -> None:
    result = travel(t, to_worker=False)
    assert same_bits(result, t)
    assert result.is_contiguous()


def test_an_expanded_tensor_travels_as_the_storage_it_touches() -> None:
    encoder = Encoder(TO_WORKER, foreign, contiguous=False)
    encoder.value(torch.ones(3, 1).expand(3, 1000))
    assert encoder.size == 16


def test_a_slice_does_not_carry_the_rest_of_its_storage() -> None:
    encoder = Encoder(TO_WORKER, foreign, contiguous=False)
    encoder.value(torch.arange(1000.0)[500:504])
    assert encoder.size == 16


def test_nans_and_infinities_arrive() -> None:
    t = torch.tensor([math.nan, math.inf, -math.inf, -0.0])
    assert same_bits(travel(t, to_worker=False), t)
    assert math.isnan(travel(math.nan, to_worker=False))
    assert math.copysign(1, travel(-0.0, to_worker=False)) == -1


def test_requires_grad_travels_as_a_flag() -> None:
    x = torch.ones(2, requires_grad=True)
    for value in (x, x * 2):
        result = travel(value, to_worker=False)
        assert result.requires_grad
        assert result.is_leaf
    assert not travel(x.detach(), to_worker=True).requires_grad


@pytest.mark.parametrize("to_worker", [True, False])
def test_one_tensor_given_twice_arrives_as_one_tensor(to_worker: bool) -> None:
    x, y = torch.ones(2), torch.ones(2)
    a, (b, c), d = travel((x, [x, y], x), to_worker=to_worker)
    assert a is b
    assert a is d
    assert a is not c


def test_lazily_conjugated_and_negated_tensors_arrive_as_their_values() -> None:
    z = torch.tensor([1 + 2j, 3 - 1j])
    for t in (z.conj(), z.conj().imag):
        assert torch.equal(travel(t, to_worker=True), t)
        assert torch.equal(travel(t, to_worker=False), t)


def test_tensors_of_a_subclass_arrive_as_plain_tensors() -> None:
    class Liar(Tensor):
        @classmethod
        def __torch_function__(cls, *args: Any, **kwargs: Any) -> Any:
            return torch.ones(1)

    for t in (torch.nn.Parameter(torch.zeros(3)), torch.zeros(3).as_subclass(Liar)):
        result = travel(t, to_worker=False)
        assert type(result) is Tensor
        assert result.shape == (3,)
        assert not result.any()


def test_containers_of_a_subclass_arrive_as_the_plain_container() -> None:
    result = travel((Pair(1, 2), OrderedDict(a=1), torch.ones(2, 3).shape), to_worker=False)
    assert kinds(result) == kinds(((1, 2), {"a": 1}, (2, 3)))


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (np.float64(1.0), "numpy.float64"),
        (np.ones(2), "numpy.ndarray"),
        (b"x", "bytes"),
        ({1, 2}, "set"),
        (len, "builtin_function_or_method"),
        (enum.IntEnum("Colour", "RED", module="paint").RED, "paint.Colour"),
        (object(), "object"),
    ],
)
def test_a_value_of_another_type_arrives_as_the_name_of_its_type(value: Any, name: str) -> None:
    assert travel([value], to_worker=False) == [Foreign(name)]


def endless() -> list[Any]:
    loop: list[Any] = []
    loop.append(loop)
    return loop


def doubling() -> list[Any]:
    value: list[Any] = [1]
    for _ in range(25):
        value = [value, value]
    return value


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (2**64, "an integer of more than 64 bits"),
        (-(2**63) - 1, "an integer of more than 64 bits"),
        (endless(), "levels of nesting"),
        (doubling(), "20000 parts"),
        (torch.eye(2).to_sparse(), "layout torch.sparse_coo"),
        (torch.empty(2, device="meta"), "device meta"),
        (torch.ones(2, dtype=torch.uint16), "dtype torch.uint16"),
        (torch.ones(1).expand(1 << 33), "more than 256 MB"),
        (torch.ones([1] * 17), "more than 16 dimensions"),
        ({b"k": 1}, "a key of type bytes"),
        (dict.fromkeys(range(2000)), "more than 1024 keys"),
        ([torch.empty(0) for _ in range(5000)], "4096 tensors"),
    ],
)
def test_what_cannot_be_sent_is_refused_in_words(value: Any, words: str) -> None:
    with pytest.raises(NotSendable, match=words):
        travel(value, to_worker=False)


def test_half_a_character_is_refused_in_words() -> None:
    with pytest.raises(NotSendable, match="surrogate"):
        travel("\ud800", to_worker=False)


def test_arguments_have_memory_of_their_own() -> None:
    encoder = Encoder(TO_WORKER, foreign, contiguous=False)
    meta = unpack(pack(["v", encoder.value(torch.ones(4))]), TO_WORKER)[1]
    payload = bytearray(b"".join(encoder.buffers))
    first, second = (Decoder(payload, TO_WORKER, trusted=True).value(meta) for _ in range(2))
    first.mul_(2)
    assert torch.equal(second, torch.ones(4))
    first.resize_(100)  # and it is ordinary memory


def test_frames_are_found_in_any_cut_of_the_stream() -> None:
    stream = b"".join(b"".join(frame(n, pack(["m", n]), [bytes(n)])) for n in range(5))
    reader = FrameReader(FROM_WORKER)
    found = []
    for i in range(0, len(stream), 3):
        reader.feed(stream[i : i + 3])
        while (received := reader.next()) is not None:
            found.append((received.seq, unpack(received.meta, FROM_WORKER), received.payload))
    assert found == [(n, ["m", n], bytes(n)) for n in range(5)]


def test_a_frame_that_claims_too_much_is_refused_at_its_header() -> None:
    for meta, payload in ((1 << 31, 0), (1, 1 << 62)):
        reader = FrameReader(FROM_WORKER)
        reader.feed(meta.to_bytes(4, "little") + payload.to_bytes(8, "little") + bytes(4))
        with pytest.raises(WireError, match="too large"):
            reader.next()
