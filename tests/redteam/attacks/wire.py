"""The connection to the grader: bytes that crash it, hold it up, or pass for an answer."""

from __future__ import annotations

from redteam.declare import (
    attack,
    breaks_the_grader,
    fails_with,
    gets_marks_for,
    honest,
    is_believed,
    printed,
)
from redteam.layers import (
    BOOLS,
    CALLBACK_COUNT,
    CHANGES,
    DEPTH,
    ELEMENTS,
    FORM,
    HANDLES,
    ITEMS,
    NUMBERS,
    PAIRS,
    RANK,
    SHAPES,
    SIZE,
    STRIDES,
    UNASKED,
)

SOON = {"call_seconds": 1.0}


def server():
    """The object that answers the grader in this process."""
    import gc

    return next(o for o in gc.get_objects() if type(o).__name__ == "Server")


def send(meta, payload=b"", claimed=None, seq=None):
    """Bytes of a message, as if this were an answer to the present question."""
    import os
    import struct

    import msgpack

    if type(meta) is not bytes:
        meta = msgpack.packb(meta)
    size = len(payload) if claimed is None else claimed
    number = server()._asking.seq if seq is None else seq
    left = memoryview(struct.pack("<IQI", len(meta), size, number) + meta + payload)
    while left:
        left = left[os.write(3, left) :]


def leave():
    """Never come back: the answer was given."""
    import os

    os._exit(0)


USES = (server, send, leave)


@attack(
    goal="Answers that carry the numbers of other questions are taken for answers.",
    stopped_by=NUMBERS,
    won=is_believed,
    uses=(server,),
)
def answers_under_other_numbers():
    channel = server()._channel
    usual = channel.send
    channel.send = lambda seq, *rest: usual(seq + 7, *rest)


@attack(
    goal="An answer from an earlier test is played back in a later one.",
    stopped_by=NUMBERS,
    won=is_believed,
    instead_of="kind",
    once=True,
    uses=(server,),
)
def replays_an_earlier_answer(x):
    channel = server()._channel
    usual, kept = channel.send, []

    def replay(*answer):
        kept.append(answer)
        usual(*kept[0])

    channel.send = replay
    return honest.kind(x)


@attack(
    goal="Answers lie ready before anything is asked, and are taken for those to later questions.",
    stopped_by=NUMBERS,
    won=is_believed,
    instead_of="kind",
    once=True,
    uses=USES,
)
def queues_answers_ahead(x):
    for _ in range(20):
        send(["ok", "positive", []], seq=0)
    return honest.kind(x)


@attack(
    goal="Each question is answered twice, so that later answers are the attacker's choice.",
    stopped_by=NUMBERS,
    won=is_believed,
    instead_of="kind",
    uses=USES,
)
def answers_twice(x):
    send(["ok", honest.kind(x), []])
    return honest.kind(x)


@attack(
    goal="A message that claims a terabyte makes the grader wait until the deadline.",
    stopped_by=SIZE,
    won=fails_with("timeout"),
    instead_of="total",
    uses=USES,
    settings=SOON,
)
def claims_a_terabyte(x, w):
    import time

    send(["ok", 1.0, []], claimed=1 << 40)
    time.sleep(3600)


@attack(
    goal="The grader takes in and unpacks a description of five megabytes.",
    stopped_by=SIZE,
    won=is_believed,
    instead_of="total",
    uses=USES,
)
def sends_more_than_a_description_may_hold(x, w):
    send(["ok", "x" * 5_000_000, []])
    leave()


@attack(
    goal="A shape whose product overflows ends the grader with an error of its own.",
    stopped_by=ELEMENTS,
    won=breaks_the_grader,
    instead_of="total",
    uses=USES,
)
def overflows_the_number_of_elements(x, w):
    send(["ok", ["T", 0, [1 << 40, 1 << 40, 0], None, False, None], []])
    leave()


@attack(
    goal="Negative dimensions end the grader with an error of its own.",
    stopped_by=SHAPES,
    won=breaks_the_grader,
    instead_of="total",
    uses=USES,
)
def sends_negative_dimensions(x, w):
    send(["ok", ["T", 0, [-4, -1], None, False, None], []], bytes(16))
    leave()


@attack(
    goal="Dimensions that are no numbers end the grader with an error of its own.",
    stopped_by=SHAPES,
    won=breaks_the_grader,
    instead_of="total",
    uses=USES,
)
def sends_dimensions_that_are_text(x, w):
    send(["ok", ["T", 0, ["4"], None, False, None], []], bytes(16))
    leave()


@attack(
    goal="A tensor of sixty dimensions reaches the comparison.",
    stopped_by=RANK,
    won=is_believed,
    instead_of="total",
    uses=USES,
)
def sends_sixty_dimensions(x, w):
    send(["ok", ["T", 0, [1] * 60, None, False, None], []], bytes(16))
    leave()


@attack(
    goal="Booleans that are neither true nor false reach the comparison.",
    stopped_by=BOOLS,
    won=is_believed,
    instead_of="positive",
    uses=USES,
)
def sends_booleans_that_are_two(x):
    size = x.numel()
    shape = list(x.shape)
    send(["ok", ["T", 3, shape, None, False, None], []], bytes([2] * size + [0] * (-size % 16)))
    channel = server()._channel
    usual = channel.send
    channel.send = lambda *answer: setattr(channel, "send", usual)  # one answer is enough
    return x


@attack(
    goal="Four bytes become a tensor of a million elements, by strides.",
    stopped_by=STRIDES,
    won=is_believed,
    instead_of="total",
    uses=USES,
)
def sends_strides_of_zero(x, w):
    send(["ok", ["T", 0, [1_000_000], [0], False, None], []], bytes(16))
    leave()


@attack(
    goal="Lists in lists, hundreds of levels deep, reach the comparison or end the grader.",
    stopped_by=DEPTH,
    won=is_believed,
    instead_of="total",
    uses=USES,
)
def nests_lists_deeply(x, w):
    nested = b"\x92\xa1l" * 300 + b"\xc0"
    send(b"\x93\xa2ok" + nested + b"\x90")
    leave()


@attack(
    goal="The grader builds a list of two hundred thousand entries.",
    stopped_by=ITEMS,
    won=is_believed,
    instead_of="total",
    uses=USES,
)
def sends_a_very_long_list(x, w):
    send(["ok", ["l"] + [None] * 200_000, []])
    leave()


@attack(
    goal="The grader builds a dict of six thousand keys, which could have been chosen to collide.",
    stopped_by=PAIRS,
    won=is_believed,
    instead_of="total",
    uses=USES,
)
def sends_a_dict_of_many_keys(x, w):
    send(["ok", ["d", *[[key, 0] for key in range(6_000)]], []])
    leave()


@attack(
    goal="Bytes that are no message end the grader with an error of its own.",
    stopped_by=FORM,
    won=breaks_the_grader,
    instead_of="total",
    uses=USES,
)
def sends_noise(x, w):
    send(b"\xc1\xc1\xc1")
    leave()


@attack(
    goal="A message that is a number rather than a list ends the grader with an error of its own.",
    stopped_by=FORM,
    won=breaks_the_grader,
    instead_of="total",
    uses=USES,
)
def sends_a_message_without_a_name(x, w):
    send(7)
    leave()


@attack(
    goal="Two caches go by one number, so that forgetting one forgets the other.",
    stopped_by=HANDLES,
    won=is_believed,
    uses=(server,),
)
def gives_every_cache_the_same_number():
    here = server()

    def encode(encoder, value, how):
        return ["h", 1] if how == "opaque" else encoder.value(value)

    here._encode = encode


@attack(
    goal="A report of changes that is no text ends the grader with an error of its own.",
    stopped_by=CHANGES,
    won=breaks_the_grader,
    instead_of="total",
    uses=USES,
)
def reports_changes_that_are_numbers(x, w):
    send(["ok", 1.0, [1, 2, 3]])
    leave()


@attack(
    goal="The grader answers one callback after another, more than ten thousand in one call.",
    stopped_by=CALLBACK_COUNT,
    won=gets_marks_for("descend"),
    instead_of="descend",
    once=True,
)
def calls_back_without_end(gradient, x, *, steps):
    for _ in range(10_001):
        gradient(x)
    return honest.descend(gradient, x, steps=steps)


@attack(
    goal="The grader keeps fifty megabytes that nobody asked for, while it sends a large question.",
    stopped_by=UNASKED,
    won=printed("it took everything"),
    instead_of="mean",
    uses=(server,),
)
def floods_while_a_large_question_comes(x):
    import os

    def flood():
        for _ in range(50):
            left = memoryview(bytes(1 << 20))
            while left:
                left = left[os.write(3, left) :]
        print("it took everything", flush=True)
        os._exit(0)

    honest.calls = getattr(honest, "calls", 0) + 1
    if honest.calls == 5:  # the next question is about a million elements
        server()._channel.receive = flood
    return honest.mean(x)
