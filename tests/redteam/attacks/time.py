"""Time: code that holds the grader up beyond its deadline, whatever is done against it."""

from __future__ import annotations

from redteam.declare import attack, honest, printed
from redteam.layers import DEADLINE, SUBMISSION

SOON = {"call_seconds": 0.6}
HELD = printed("held the grader up")


def hold():
    """Stay beyond the deadline, and say that it was possible."""
    import time

    until = time.monotonic() + 1.5
    while time.monotonic() < until:
        try:
            time.sleep(0.05)
        except BaseException:
            continue
    print("held the grader up", flush=True)


@attack(
    goal="A call that sleeps holds the grader up.",
    stopped_by=DEADLINE,
    won=HELD,
    instead_of="total",
    once=True,
    uses=(hold,),
    settings=SOON,
)
def sleeps_in_a_call(x, w):
    hold()
    return honest.total(x, w)


@attack(
    goal="A module that sleeps while it is imported holds the grader up.",
    stopped_by=DEADLINE,
    won=HELD,
    uses=(hold,),
    settings=SOON,
)
def sleeps_while_it_loads():
    hold()


@attack(
    goal="A loop in Python that computes without end holds the grader up.",
    stopped_by=DEADLINE,
    won=HELD,
    instead_of="total",
    once=True,
    settings=SOON,
)
def loops_in_python(x, w):
    import time

    until = time.monotonic() + 1.5
    while time.monotonic() < until:
        pass
    print("held the grader up", flush=True)
    return honest.total(x, w)


@attack(
    goal="A call that ignores every signal and swallows every exception holds the grader up.",
    stopped_by=DEADLINE,
    won=HELD,
    instead_of="total",
    once=True,
    uses=(hold,),
    settings=SOON,
)
def ignores_every_signal(x, w):
    import signal

    for number in range(1, 65):
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            continue
    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
    hold()
    return honest.total(x, w)


@attack(
    goal="A loop inside one call of C code, where no Python runs, holds the grader up.",
    stopped_by=DEADLINE,
    won=HELD,
    instead_of="total",
    once=True,
    settings=SOON,
)
def computes_in_c(x, w):
    sum(range(80_000_000))
    print("held the grader up", flush=True)
    return honest.total(x, w)


@attack(
    goal="A matrix product that never releases the interpreter holds the grader up.",
    stopped_by=DEADLINE,
    won=HELD,
    instead_of="total",
    once=True,
    settings=SOON,
)
def multiplies_matrices_without_end(x, w):
    import time

    import torch

    began, a = time.monotonic(), torch.ones(600, 600)
    while time.monotonic() < began + 1.5:
        a @ a
    print("held the grader up", flush=True)
    return honest.total(x, w)


@attack(
    goal="A search with a hopeless regular expression holds the grader up.",
    stopped_by=DEADLINE,
    won=HELD,
    instead_of="total",
    once=True,
    settings=SOON,
)
def backtracks_in_a_regular_expression(x, w):
    import re
    import time

    began, length = time.monotonic(), 18
    while time.monotonic() < began + 1.5:
        re.match("(a+)+$", "a" * length + "b")
        length += 1
    print("held the grader up", flush=True)
    return honest.total(x, w)


@attack(
    goal="Waiting for a lock that nobody will release holds the grader up.",
    stopped_by=DEADLINE,
    won=HELD,
    instead_of="total",
    once=True,
    settings=SOON,
)
def waits_for_a_lock(x, w):
    import threading

    lock = threading.Lock()
    lock.acquire()
    lock.acquire(timeout=1.5)
    print("held the grader up", flush=True)
    return honest.total(x, w)


@attack(
    goal="Reading from the standard input, where nobody writes, holds the grader up.",
    stopped_by=DEADLINE,
    won=HELD,
    instead_of="total",
    once=True,
    settings=SOON,
)
def waits_for_a_pipe(x, w):
    import os
    import select

    reading, _ = os.pipe()
    select.select([reading], [], [], 1.5)
    print("held the grader up", flush=True)
    return honest.total(x, w)


@attack(
    goal="A right answer that comes byte by byte resets the grader's patience with every byte.",
    stopped_by=DEADLINE,
    won=HELD,
    instead_of="total",
    once=True,
    settings=SOON,
)
def answers_byte_by_byte(x, w):
    import gc
    import os
    import struct
    import time

    import msgpack

    server = next(o for o in gc.get_objects() if type(o).__name__ == "Server")
    meta = msgpack.packb(["ok", 1.0, []])
    for byte in struct.pack("<IQI", len(meta), 0, server._asking.seq) + meta:
        os.write(3, bytes([byte]))
        time.sleep(0.07)
    print("held the grader up", flush=True)
    os._exit(0)


@attack(
    goal="Blank lines, printed all the time, keep the grader from looking at its clock.",
    stopped_by=DEADLINE,
    won=HELD,
    instead_of="total",
    once=True,
    settings=SOON,
)
def prints_all_the_time(x, w):
    import time

    until = time.monotonic() + 1.5
    while time.monotonic() < until:
        print(flush=True)
        time.sleep(0.0005)
    print("held the grader up", flush=True)
    return honest.total(x, w)


@attack(
    goal="A function that is called back again and again keeps its call alive.",
    stopped_by=DEADLINE,
    won=HELD,
    instead_of="descend",
    once=True,
    settings=SOON,
)
def calls_back_slowly(gradient, x, *, steps):
    import time

    until = time.monotonic() + 1.5
    while time.monotonic() < until:
        gradient(x)
        time.sleep(0.01)
    print("held the grader up", flush=True)
    return honest.descend(gradient, x, steps=steps)


@attack(
    goal="Calls that all stay within their deadline add up to more than a submission may take.",
    stopped_by=SUBMISSION,
    won=printed("5 slow calls"),
    instead_of="total",
    settings={"submission_seconds": 2.0},
)
def stays_just_within_every_deadline(x, w):
    import time

    time.sleep(0.7)
    honest.slow = getattr(honest, "slow", 0) + 1
    print(honest.slow, "slow calls", flush=True)
    return honest.total(x, w)
