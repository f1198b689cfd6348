"""Questions and answers, the same for every kind of worker."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from autograder.supervisor import (
    Call,
    EarlierResult,
    ExpectedError,
    Reply,
    Worker,
    Workers,
    encode_batch,
    start_workers,
)
from autograder.supervisor.batches import Handle
from autograder.testing import StudentError, student_error
from autograder.worker import Limits
from autograder.worker.wire import Foreign

SOURCE = """
import dataclasses

import numpy
import torch

@dataclasses.dataclass
class Memory:
    x: torch.Tensor
    w: torch.Tensor

def linear_forward(x, w):
    return x @ w, Memory(x, w)

def linear_backward(dout, cache):
    return dout @ cache.w.T, cache.x.T @ dout

def one_value(x):
    return x

def nothing(x):
    return None

def as_list(x):
    return [x, x]

def fails(x):
    helper(x)

def helper(x):
    raise ShapeError(f"x must be a matrix, got shape {tuple(x.shape)}\\x1b[31m\\u202e")

class ShapeError(ValueError):
    pass

class Mute(Exception):
    def __str__(self):
        raise RuntimeError

def mute():
    raise Mute

def stub(x):
    raise NotImplementedError("stub is not written yet")

def echo(*args, **kwargs):
    return args, kwargs

def aliased(a, b):
    return a is b

def layout(x):
    return x.stride(), x.storage_offset(), x.is_contiguous()

def doubles(x, *rest, out=None):
    x.mul_(2)
    if out is not None:
        out.append(1)

def changes_cache(dout, cache):
    cache.x.zero_()

def changes_and_fails(x):
    x.zero_()
    raise ValueError("x must be positive")

def numpy_scalar():
    return numpy.float64(1.0), [numpy.zeros(2)]

def sparse():
    return torch.eye(2).to_sparse()

def huge():
    return 2**100

def apply(f, *args, **kwargs):
    return f(*args, **kwargs)

def apply_often(f, times):
    for i in range(times):
        f(i)

def apply_safely(f):
    try:
        return f()
    except Exception as error:
        return type(error).__name__, str(error), error.__cause__ is None

def keeps(f):
    global kept
    kept = f

def apply_kept():
    return kept()

def apply_in_thread(f):
    import threading
    said = []
    def run():
        try:
            f()
        except RuntimeError as error:
            said.append(str(error))
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return said

def out_of_memory():
    return [torch.empty(1 << 28) for _ in range(100)]

def exits():
    raise SystemExit(0)

def asks():
    return input("Your points? ")

def recurses():
    return recurses()

def says(text):
    print(text)

not_a_function = 3
"""

BOTH = ("value", "opaque")
SECONDS = 20.0


@pytest.fixture(scope="module", params=["fork", "spawn"])
def worker(request: pytest.FixtureRequest) -> Iterator[Worker]:
    # One worker answers all tests of this file: none of them may end it.
    workers: Workers
    with start_workers(request.param) as workers:
        assert workers.kind == request.param
        worker = workers.spawn(1, Limits())
        assert worker.load("layers", "layers.py", SOURCE, SECONDS) is None
        yield worker
        assert worker.alive


def ask(worker: Worker, function: str, *args: Any, returns: Any = None, **kwargs: Any) -> Reply:
    return worker.call(Call(function, args, kwargs, returns), SECONDS)


def error_of(reply: Reply) -> StudentError:
    assert reply.error is not None
    assert reply.value is None
    return reply.error


def test_tensors_and_plain_values_travel_both_ways(worker: Worker) -> None:
    x = torch.arange(6.0).reshape(2, 3)
    args, kwargs = ask(worker, "echo", x, 1, [True, (None, "é")], stride=(1, 2.5)).value
    assert torch.equal(args[0], x)
    assert args[1:] == (1, [True, (None, "é")])
    assert kwargs == {"stride": (1, 2.5)}


@pytest.mark.parametrize(
    "x",
    [
        torch.randn(3, 4).t(),
        torch.randn(3, 1).expand(3, 4),
        torch.randn(8, 8)[1::2, 2:5],
        torch.randn(2, 3, 4).permute(2, 0, 1),
    ],
)
def test_a_tensor_arrives_with_its_strides(worker: Worker, x: torch.Tensor) -> None:
    reply = ask(worker, "layout", x)
    assert reply.value == (x.stride(), 0, x.is_contiguous())


def test_one_tensor_as_two_arguments_is_one_object(worker: Worker) -> None:
    k = torch.ones(2)
    assert ask(worker, "aliased", k, k).value is True
    assert ask(worker, "aliased", k, torch.ones(2)).value is False


def test_a_cache_stays_with_the_student_and_can_be_passed_back(worker: Worker) -> None:
    x, w, dout = torch.randn(2, 3), torch.randn(3, 4), torch.randn(2, 4)
    out, cache = ask(worker, "linear_forward", x, w, returns=BOTH).value
    assert torch.equal(out, x @ w)
    assert isinstance(cache, Handle)
    for _ in range(2):
        dx, dw = ask(worker, "linear_backward", dout, cache).value
        assert torch.equal(dx, dout @ w.T)
        assert torch.equal(dw, x.T @ dout)


def test_a_handle_can_stand_inside_containers(worker: Worker) -> None:
    cache = ask(worker, "one_value", 5, returns="opaque").value
    assert ask(worker, "echo", [cache], k={"c": (cache,)}).value == (([5],), {"k": {"c": (5,)}})


def test_a_value_is_forgotten_when_its_handle_is_gone(worker: Worker) -> None:
    worker.load(
        "layers",
        "probe.py",
        "import weakref, gc\nrefs = []\n"
        "class Thing: pass\n"
        "def make():\n    t = Thing(); refs.append(weakref.ref(t)); return t\n"
        "def alive():\n    gc.collect(); return sum(r() is not None for r in refs)\n",
        SECONDS,
    )
    kept, dropped = (ask(worker, "make", returns="opaque").value for _ in range(2))
    assert ask(worker, "alive").value == 2
    del dropped
    assert ask(worker, "alive").value == 1
    worker.free([kept])
    assert ask(worker, "alive").value == 0
    again = ask(worker, "make", returns="opaque").value
    worker.forget()
    assert ask(worker, "alive").value == 0
    for handle in (kept, again):
        with pytest.raises(ValueError, match="does not keep it"):
            ask(worker, "one_value", handle)


def test_results_of_a_batch_serve_its_later_calls(worker: Worker) -> None:
    x, w, dout = torch.randn(2, 3), torch.randn(3, 4), torch.randn(2, 4)
    batch = encode_batch(
        [
            Call("linear_forward", (x, w), {}, BOTH),
            Call("linear_backward", (dout, EarlierResult(0, 1))),
            Call("echo", ([EarlierResult(0, 0)],), {"whole": EarlierResult(1)}),
        ]
    )
    for _ in range(2):  # the same bytes may be sent again
        first, second, third = worker.run(batch, SECONDS)
        assert isinstance(first.value[1], Handle)
        assert torch.equal(second.value[0], dout @ w.T)
        args, kwargs = third.value
        assert torch.equal(args[0][0], x @ w)
        assert torch.equal(kwargs["whole"][1], x.T @ dout)


def test_a_failed_call_does_not_stop_the_batch(worker: Worker) -> None:
    x = torch.ones(3)
    batch = encode_batch(
        [
            Call("fails", (x,), {}, BOTH),
            Call("one_value", (EarlierResult(0, 1),)),
            Call("one_value", ([EarlierResult(1)],)),
            Call("one_value", (x,), {}, BOTH),
            Call("one_value", (EarlierResult(3, 1),)),
            Call("one_value", (1,)),
            Call("one_value", (EarlierResult(5, 0),)),
            Call("one_value", (2,)),
        ]
    )
    replies = list(worker.run(batch, SECONDS))
    assert [reply.skipped for reply in replies] == [
        *(False, True, True, False, True, False, False, False)
    ]
    assert error_of(replies[0]).kind == "ShapeError"
    assert error_of(replies[3]).kind == "UnusableResult"
    assert "without part 0" in error_of(replies[6]).message
    assert replies[7].value == 2


def test_each_call_finds_its_arguments_as_they_were_sent(worker: Worker) -> None:
    x = torch.ones(2)
    batch = encode_batch([Call("doubles", (x,)), Call("one_value", (x,))])
    _, second = worker.run(batch, SECONDS)
    assert torch.equal(second.value, x)


def test_a_batch_may_be_left_half_read(worker: Worker) -> None:
    batch = encode_batch([Call("one_value", (i,)) for i in range(10)])
    replies = worker.run(batch, SECONDS)
    assert next(replies).value == 0
    assert ask(worker, "one_value", "next").value == "next"
    assert list(replies) == []


def test_an_empty_batch_has_no_replies(worker: Worker) -> None:
    assert list(worker.run(encode_batch([]), SECONDS)) == []


def test_a_placeholder_must_point_to_an_earlier_call() -> None:
    with pytest.raises(ValueError, match="does not come earlier"):
        encode_batch([Call("one_value", (EarlierResult(0),))])


def test_what_cannot_travel_is_refused_before_it_is_sent() -> None:
    with pytest.raises(TypeError, match="object cannot be passed"):
        encode_batch([Call("one_value", (object(),))])


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        ("one_value", "one_value should return a tuple of 2 values, but returned a Tensor."),
        ("nothing", "nothing should return a tuple of 2 values, but returned None."),
        ("stub_three", ""),
    ],
)
def test_a_result_with_the_wrong_number_of_parts_is_explained(
    worker: Worker, function: str, sentence: str
) -> None:
    if function == "stub_three":
        worker.load("layers", "more.py", "def stub_three(x): return x, x, x", SECONDS)
        sentence = "stub_three should return a tuple of 2 values, but returned 3 values."
    error = error_of(ask(worker, function, torch.ones(2), returns=BOTH))
    assert error.message == sentence
    assert not isinstance(error, (ValueError, TypeError))


def test_a_list_of_parts_is_as_good_as_a_tuple(worker: Worker) -> None:
    value = ask(worker, "as_list", 4, returns=BOTH).value
    assert isinstance(value, tuple)
    assert value[0] == 4


def test_values_of_other_types_arrive_as_the_names_of_their_types(worker: Worker) -> None:
    assert ask(worker, "numpy_scalar").value == (
        Foreign("numpy.float64"),
        [Foreign("numpy.ndarray")],
    )


@pytest.mark.parametrize(
    ("function", "words"),
    [("sparse", "layout torch.sparse_coo"), ("huge", "integer of more than 64 bits")],
)
def test_a_result_that_cannot_travel_is_explained(
    worker: Worker, function: str, words: str
) -> None:
    error = error_of(ask(worker, function))
    assert error.kind == "UnusableResult"
    assert words in error.message


def test_an_exception_arrives_as_the_builtin_it_stands_for(worker: Worker) -> None:
    error = error_of(ask(worker, "fails", torch.ones(3)))
    line = (
        SOURCE.splitlines().index(
            "    raise ShapeError(" + SOURCE.split("raise ShapeError(")[1].splitlines()[0]
        )
        + 1
    )
    assert isinstance(error, ValueError)
    assert error.kind == "ShapeError"
    assert error.message == "x must be a matrix, got shape (3,)?[31m?"
    assert error.line == f"layers.py:{line}"
    assert error.trace.splitlines()[1].strip() == "helper(x)"
    assert "serve.py" not in error.trace


def test_an_exception_without_words_arrives_without_words(worker: Worker) -> None:
    assert error_of(ask(worker, "mute")).message == ""


def test_an_unwritten_function_is_not_implemented(worker: Worker) -> None:
    assert isinstance(error_of(ask(worker, "stub", 1)), NotImplementedError)


def test_a_missing_function_is_not_implemented_anywhere(worker: Worker) -> None:
    error = error_of(ask(worker, "conv2d_forward"))
    assert isinstance(error, NotImplementedError)
    assert error.message == "there is no function conv2d_forward in layers"
    assert error.line == ""
    assert "is not a function but a int" in error_of(ask(worker, "not_a_function")).message


@pytest.mark.parametrize(
    ("function", "kind"),
    [("exits", "SystemExit"), ("asks", "EOFError"), ("recurses", "RecursionError")],
)
def test_the_worker_survives(worker: Worker, function: str, kind: str) -> None:
    assert error_of(ask(worker, function)).kind == kind
    assert worker.alive


def test_memory_that_is_not_to_be_had_is_an_ordinary_error(worker: Worker) -> None:
    assert worker.layers["memory"] == "ok"
    error = error_of(ask(worker, "out_of_memory"))
    assert error.kind in ("MemoryError", "RuntimeError")
    assert ask(worker, "one_value", 1).value == 1


def test_changed_arguments_are_reported(worker: Worker) -> None:
    x = torch.ones(2)
    assert ask(worker, "one_value", x).changed == []
    assert ask(worker, "doubles", x, 1).changed == ["args[0]"]
    assert ask(worker, "doubles", x, x).changed == ["args[0]", "args[1]"]
    assert ask(worker, "doubles", x, out=[0]).changed == ["args[0]", "kwargs['out']"]
    reply = ask(worker, "changes_and_fails", x)
    assert reply.changed == ["args[0]"]
    assert isinstance(reply.error, ValueError)
    assert torch.equal(x, torch.ones(2))


def test_a_changed_cache_is_reported(worker: Worker) -> None:
    _, cache = ask(worker, "linear_forward", torch.ones(1, 1), torch.ones(1, 1), returns=BOTH).value
    assert ask(worker, "changes_cache", torch.ones(1, 1), cache).changed == ["args[1].x"]


def test_a_function_travels_as_a_callback(worker: Worker) -> None:
    seen: list[Any] = []

    def f(x: torch.Tensor, scale: float = 1.0) -> torch.Tensor:
        seen.append((x, scale))
        return (x * scale).expand(2, 3)

    reply = ask(worker, "apply", f, torch.ones(3), scale=2.0)
    assert torch.equal(reply.value, torch.full((2, 3), 2.0))
    assert seen[0][1] == 2.0


def test_what_a_callback_raises_is_not_told_to_the_student(worker: Worker) -> None:
    def f() -> None:
        raise KeyError("the expected answer is 42")

    kind, message, causeless = ask(worker, "apply_safely", f).value
    assert (kind, causeless) == ("RuntimeError", True)
    assert "42" not in message
    error = error_of(ask(worker, "apply", f))
    assert isinstance(error, RuntimeError)
    assert isinstance(error.__cause__, KeyError)


def test_a_callback_ends_with_its_batch(worker: Worker) -> None:
    ask(worker, "keeps", lambda: 1)
    assert "can only be called while" in error_of(ask(worker, "apply_kept")).message


def test_a_callback_belongs_to_one_thread(worker: Worker) -> None:
    assert "from the same thread" in ask(worker, "apply_in_thread", lambda: 1).value[0]


def test_a_callback_cannot_call_the_student(worker: Worker) -> None:
    error = error_of(ask(worker, "apply", lambda: ask(worker, "one_value", 1)))
    assert "cannot call the student's code" in str(error.__cause__)
    assert worker.alive


def test_printed_text_is_kept_and_made_harmless(worker: Worker) -> None:
    ask(worker, "says", "héllo \x1b[2J\u202e")
    assert "héllo ?[2J?\n" in worker.output


def test_cells_of_one_file_have_its_line_numbers(worker: Worker) -> None:
    assert worker.load("layers", "cells.py", "def late(): return early()\n", 5, 40) is None
    assert worker.load("layers", "cells.py", "\ndef early():\n    return 1 / 0\n", 5, 3) is None
    error = error_of(ask(worker, "late"))
    assert error.line == "cells.py:5"
    assert error.trace == (
        "cells.py:40, in late\n    def late(): return early()\n"
        "cells.py:5, in early\n    return 1 / 0"
    )


def test_a_cell_that_fails_keeps_what_it_defined(worker: Worker) -> None:
    error = worker.load("layers", "a.py", "before = lambda: 1\n1 / 0\nafter = lambda: 2", SECONDS)
    assert isinstance(error, ZeroDivisionError)
    assert error.line == "a.py:2"
    assert ask(worker, "before").value == 1
    assert error_of(ask(worker, "after")).kind == "NotImplementedError"


def test_a_syntax_error_has_its_line(worker: Worker) -> None:
    error = worker.load("layers", "b.py", "x = 1\ny = = 2\n", SECONDS)
    assert error is not None
    assert (error.kind, error.line) == ("SyntaxError", "b.py:2")


def test_a_cell_may_exit_without_ending_the_worker(worker: Worker) -> None:
    error = worker.load("layers", "c.py", "import sys; sys.exit()", SECONDS)
    assert error is not None
    assert error.kind == "SystemExit"


def test_future_imports_hold_for_the_cells_after_them(worker: Worker) -> None:
    worker.load("layers", "d.py", "from __future__ import annotations", SECONDS)
    assert worker.load("layers", "e.py", "def f(x: Undefined) -> Undefined: ...", SECONDS) is None


def test_seconds_are_reported(worker: Worker) -> None:
    assert ask(worker, "one_value", 1).seconds > 0


def test_a_result_that_is_passed_on_by_value_is_a_copy(worker: Worker) -> None:
    x, w = torch.randn(2, 3), torch.randn(3, 4)
    batch = encode_batch(
        [
            Call("linear_forward", (x, w), {}, BOTH),
            Call("doubles", (EarlierResult(0, 0, by_value=True),)),
            Call("one_value", (EarlierResult(0, 0),)),
            Call("doubles", (EarlierResult(0, 0),)),
            Call("one_value", (EarlierResult(0, 0, by_value=True),)),
        ]
    )
    _, _, before, _, after = worker.run(batch, SECONDS)
    assert torch.equal(before.value, x @ w)
    assert torch.equal(after.value, 2 * (x @ w))


def test_a_result_that_does_not_travel_is_not_passed_on_by_value(worker: Worker) -> None:
    batch = encode_batch(
        [
            Call("linear_forward", (torch.ones(2, 3), torch.ones(3, 4)), {}, BOTH),
            Call("one_value", (EarlierResult(0, 1, by_value=True),)),
        ]
    )
    assert [reply.skipped for reply in worker.run(batch, SECONDS)] == [False, True]


@pytest.mark.parametrize(
    ("expected", "same"),
    [
        (ExpectedError("ValueError", "x must be positive"), True),
        (ExpectedError("ValueError", "x must be negative"), False),
        (ExpectedError("TypeError", "x must be positive"), False),
    ],
)
def test_a_refusal_is_recognised_by_its_kind_and_message(worker, expected, same) -> None:
    batch = encode_batch([Call("changes_and_fails", (torch.ones(2),))])
    (reply,) = worker.run(batch, SECONDS, expected=[expected])
    assert error_of(reply).message == "x must be positive"
    assert reply.same is same


def test_an_exception_of_that_name_that_is_none_is_not_recognised() -> None:
    told = student_error("ValueError", "x must be positive", base="KeyError")
    assert not ExpectedError("ValueError", "x must be positive").is_answered_by(told)


def test_what_is_returned_where_a_refusal_is_expected_is_not_it(worker: Worker) -> None:
    batch = encode_batch([Call("one_value", (1,))])
    (reply,) = worker.run(batch, SECONDS, expected=[ExpectedError("ValueError", "")])
    assert (reply.same, reply.value) == (False, 1)
