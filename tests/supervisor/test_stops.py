"""A worker that hangs, dies or cheats ends; the sentence says why, and the next one is fine."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from autograder.supervisor import Call, Worker, Workers, encode_batch, start_workers
from autograder.testing import StudentStopped
from autograder.worker import Limits

SOURCE = """
import ctypes, os, signal, sys, time
import torch

def fine(x):
    return x

def loops():
    while True: pass

def ignores_signals():
    for number in range(1, 65):
        try: signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError): pass
    while True:
        try: time.sleep(0.01)
        except BaseException: pass

def loops_in_c():
    a = torch.randn(1500, 1500)
    while True: a = a @ a

def exits(): os._exit(0)
def exits_with_three(): os._exit(3)
def crashes(): ctypes.string_at(0)
def aborts(): os.abort()
def kills_itself(): os.kill(os.getpid(), signal.SIGKILL)
def hangs_up(): os.close(3); time.sleep(60)

def floods():
    while True: os.write(1, b"x" * 100_000)

def floods_politely():
    while True: print("line")

def calls_back(f):
    while True: f(1)

def raw(data):
    import socket
    socket.socket(fileno=os.dup(3)).sendall(bytes(data))
    time.sleep(60)

def forged(seq):
    import msgpack, struct
    meta = msgpack.packb(["ok", "forged", []])
    raw(struct.pack("<IQI", len(meta), 0, seq) + meta)

def writes_a_large_file():
    with open("large", "wb") as file:
        for _ in range(200): file.write(bytes(1 << 20))
"""

Spawn = Callable[..., Worker]
LONG = 20.0


def stop(worker: Worker, function: str, *args: object, seconds: float = LONG) -> StudentStopped:
    with pytest.raises(StudentStopped) as caught:
        worker.call(Call(function, args), seconds)
    assert not worker.alive
    return caught.value


@pytest.mark.parametrize("function", ["loops", "ignores_signals", "loops_in_c"])
def test_a_call_that_does_not_return_is_stopped(spawn: Spawn, function: str) -> None:
    stopped = stop(spawn(SOURCE), function, seconds=0.3)
    assert stopped.category == "timeout"
    assert stopped.reason == f"{function} did not return within 0.3 s"


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        ("exits", "exits ended the Python process (exit status 0)"),
        ("exits_with_three", "exits_with_three ended the Python process (exit status 3)"),
        ("crashes", "crashes stopped with a segmentation fault"),
        ("aborts", "aborts aborted the Python process; a reason may be that memory ran out"),
        ("kills_itself", "kills_itself was killed, most likely because it used too much memory"),
        ("hangs_up", "hangs_up closed the connection to the grader"),
        ("floods", "floods printed more than 4 MB"),
        ("floods_politely", "floods_politely printed more than 4 MB"),
    ],
)
def test_a_process_that_ends_is_explained(spawn: Spawn, function: str, reason: str) -> None:
    stopped = stop(spawn(SOURCE), function)
    assert stopped.category == "crash"
    assert stopped.reason.startswith(reason)


def test_too_much_processor_time_is_explained(spawn: Spawn) -> None:
    worker = spawn(SOURCE, Limits(cpu_seconds=1))
    assert stop(worker, "loops").reason == "loops used more than 1 s of processor time"


def test_too_large_a_file_is_an_ordinary_error(spawn: Spawn) -> None:
    worker = spawn(SOURCE, Limits(file_mb=1))
    if worker.layers["files"] != "ok":
        pytest.skip(f"there is no folder to write in: {worker.layers['files']}")
    reply = worker.call(Call("writes_a_large_file"), LONG)
    assert reply.error is not None
    assert "File too large" in reply.error.message


@pytest.mark.parametrize(
    "data",
    [
        b"garbage that is longer than a header",
        b"\xff" * 16,
        bytes(16),
        (1).to_bytes(4, "little") + bytes(8) + (9).to_bytes(4, "little") + b"\xc1",
    ],
)
def test_a_broken_protocol_is_explained(spawn: Spawn, data: bytes) -> None:
    stopped = stop(spawn(SOURCE), "raw", list(data))
    assert stopped.category == "protocol"
    assert stopped.reason.startswith("raw broke the connection to the grader: it sent ")


def test_an_answer_to_another_question_is_not_accepted(spawn: Spawn) -> None:
    assert "answer to another question" in stop(spawn(SOURCE), "forged", 77).reason


def test_callbacks_are_counted(spawn: Spawn) -> None:
    calls = 0

    def f(x: int) -> int:
        nonlocal calls
        calls += 1
        return x

    stopped = stop(spawn(SOURCE), "calls_back", f)
    assert stopped.category == "protocol"
    assert "more than 10000 calls" in stopped.reason
    assert calls == 10_000


def test_a_callback_that_was_not_passed_in_is_refused(spawn: Spawn) -> None:
    source = SOURCE + (
        "\ndef invents():\n"
        "    from autograder.worker.serve import Server\n"
        "    import gc\n"
        "    server = next(o for o in gc.get_objects() if isinstance(o, Server))\n"
        "    server._asking.passed_in(5, server._loaded.device)(1)\n"
    )
    assert "a callback that was not passed in" in stop(spawn(source), "invents").reason


def test_replies_before_the_stop_are_valid(spawn: Spawn) -> None:
    worker = spawn(SOURCE)
    calls = [Call("fine", (i,)) for i in range(3)]
    replies = worker.run(encode_batch([*calls, Call("exits"), *calls]), LONG)
    values = []
    with pytest.raises(StudentStopped, match="exits ended"):
        values.extend(reply.value for reply in replies)
    assert values == [0, 1, 2]
    assert list(replies) == []


def test_a_dead_worker_says_again_why(spawn: Spawn) -> None:
    worker = spawn(SOURCE)
    reason = stop(worker, "exits").reason
    assert stop(worker, "fine", 1).reason == reason
    worker.close()
    worker.close()
    with pytest.raises(RuntimeError, match="closed"):
        worker.call(Call("fine", (1,)), LONG)


def test_a_deadline_counts_for_each_call_of_a_batch(spawn: Spawn) -> None:
    worker = spawn("import time\ndef naps(): time.sleep(0.2)")
    replies = list(worker.run(encode_batch([Call("naps")] * 4), 0.6))
    assert len(replies) == 4


def test_output_before_a_crash_is_kept(spawn: Spawn) -> None:
    worker = spawn("import ctypes\ndef f():\n    print('last words')\n    ctypes.string_at(0)")
    stop(worker, "f")
    assert worker.output.startswith("last words\n")
    worker.close()
    assert worker.output.startswith("last words\n")


def test_only_the_beginning_of_long_output_is_kept(spawn: Spawn) -> None:
    worker = spawn("def f():\n    for _ in range(20_000): print('0123456789')")
    worker.call(Call("f"), LONG)
    assert 60_000 < len(worker.output) <= 64 << 10


def test_a_cell_that_hangs_is_stopped(forks: Workers) -> None:
    worker = forks.spawn(1, Limits())
    with pytest.raises(StudentStopped) as caught:
        worker.load("layers", "layers.py", "while True: pass", 0.3)
    assert caught.value.reason == "Loading layers.py did not return within 0.3 s"


def test_large_messages_travel_both_ways(spawn: Spawn) -> None:
    x = torch.randn(1500, 1500)
    worker = spawn(SOURCE)
    batch = encode_batch([Call("fine", (x,))] * 3)
    assert all(torch.equal(reply.value, x) for reply in worker.run(batch, LONG))


def test_a_result_beyond_the_bounds_is_explained(spawn: Spawn) -> None:
    worker = spawn("import torch\ndef f(): return torch.ones(1).expand(1 << 33)")
    reply = worker.call(Call("f"), LONG)
    assert reply.error is not None
    assert "a value of more than 256 MB" in reply.error.message


@pytest.mark.parametrize("without", [{"seccomp"}, {"seccomp", "pids"}])
def test_what_a_worker_started_ends_with_it(
    without: set[str], descendants: Callable[[int], list[int]]
) -> None:
    source = (
        "import os, time\n"
        "def f():\n"
        "    pid = os.fork()\n"
        "    if pid == 0:\n"
        "        time.sleep(60)\n"
        "        os._exit(0)\n"
        "    return pid\n"
    )
    with start_workers("fork", without=without) as workers:
        before = descendants(os.getpid())
        worker = workers.spawn(1, Limits())
        worker.load("m", "m.py", source, LONG)
        alone = descendants(os.getpid())
        assert worker.call(Call("f"), LONG).error is None
        assert len(descendants(os.getpid())) == len(alone) + 1
        worker.close()
        assert eventually(lambda: descendants(os.getpid()) == before)


def test_killing_the_zygote_costs_only_the_workers_that_there_are(
    descendants: Callable[[int], list[int]],
) -> None:
    before = set(descendants(os.getpid()))
    with start_workers("fork") as workers:
        zygote = set(descendants(os.getpid())) - before
        worker = workers.spawn(1, Limits())
        worker.load("m", "m.py", SOURCE, LONG)
        for pid in zygote:
            os.kill(pid, signal.SIGKILL)
        stop(worker, "loops")
        after = workers.spawn(1, Limits())
        assert after.load("m", "m.py", SOURCE, LONG) is None
        assert after.call(Call("fine", (1,)), LONG).value == 1


def test_workers_leave_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with start_workers("fork") as workers:
        for function in ("fine", "loops", "exits"):
            worker = workers.spawn(1, Limits())
            worker.load(
                "m",
                "m.py",
                SOURCE + "\nos.mkdir('d'); open('d/f', 'w').close(); os.chmod('d', 0)\n",
                LONG,
            )
            pid = worker.call(Call("fine", (1,)), LONG)
            if function != "fine":
                stop(worker, function, seconds=0.3)
        descriptors = open_descriptors()
        for _ in range(3):
            workers.spawn(1, Limits()).close()
        assert open_descriptors() == descriptors
        assert pid.value == 1
    assert list(tmp_path.iterdir()) == []
    workers.close()
    with pytest.raises(RuntimeError, match="closed"):
        workers.spawn(1, Limits())


def test_spawned_workers_stop_in_the_same_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with start_workers("spawn") as workers:
        worker = workers.spawn(1, Limits())
        worker.load("m", "m.py", SOURCE, LONG)
        assert stop(worker, "crashes").reason == "crashes stopped with a segmentation fault"
        worker = workers.spawn(1, Limits())
        worker.load("m", "m.py", SOURCE, LONG)
        assert stop(worker, "loops", seconds=0.3).category == "timeout"
    assert list(tmp_path.iterdir()) == []


def open_descriptors() -> list[int]:
    found = []
    for fd in range(1024):
        with contextlib.suppress(OSError):
            os.fstat(fd)
            found.append(fd)
    return found


def eventually(condition: Callable[[], bool]) -> bool:
    """Whether it comes true; the bound is generous, for it is only reached by a failure."""
    for _ in range(500):
        if condition():
            return True
        time.sleep(0.02)
    return False
