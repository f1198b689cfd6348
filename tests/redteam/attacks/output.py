"""What is printed: too much of it, and what a terminal or a page would obey."""

from __future__ import annotations

from redteam.declare import attack, gets_marks_for, honest, tells_the_student
from redteam.layers import CLEANING, ESCAPING, OUTPUT, VISIBILITY


@attack(
    goal="Six megabytes of prints are taken in and kept by the grader.",
    stopped_by=OUTPUT,
    won=gets_marks_for("total"),
    instead_of="total",
    once=True,
)
def prints_six_megabytes(x, w):
    for _ in range(6):
        print("x" * (1 << 20), flush=True)
    return honest.total(x, w)


@attack(
    goal="Six megabytes written past Python's streams are taken in by the grader.",
    stopped_by=OUTPUT,
    won=gets_marks_for("total"),
    instead_of="total",
    once=True,
)
def writes_six_megabytes_to_the_descriptor(x, w):
    import os

    for number in (1, 2):
        for _ in range(3 << 4):
            os.write(number, b"x" * (1 << 16))
    return honest.total(x, w)


@attack(
    goal="Six megabytes printed by a thread, while the call computes, are taken in.",
    stopped_by=OUTPUT,
    won=gets_marks_for("total"),
    instead_of="total",
    once=True,
)
def prints_from_a_thread(x, w):
    import os
    import threading

    def flood():
        for _ in range(6 << 4):
            os.write(1, b"y" * (1 << 16))

    thread = threading.Thread(target=flood)
    thread.start()
    thread.join()
    return honest.total(x, w)


@attack(
    goal="An escape sequence in an exception's message reaches the reader's terminal.",
    stopped_by=CLEANING,
    won=tells_the_student("\x1b[2J"),
    instead_of="scale_forward",
)
def raises_an_escape_sequence(x, w):
    raise ValueError("\x1b[2J\x1b[31mPASSED\x07")


@attack(
    goal="An escape sequence in an error while loading reaches the reader's terminal.",
    stopped_by=CLEANING,
    won=tells_the_student("\x1b"),
)
def raises_an_escape_sequence_while_it_loads():
    raise RuntimeError("\x1b]0;all points\x07")


@attack(
    goal="Marks that turn the direction of writing make a failure read as something else.",
    stopped_by=CLEANING,
    won=tells_the_student("\u202e"),
    instead_of="scale_forward",
)
def raises_marks_of_direction(x, w):
    raise ValueError("\u202e\u2066lluf :stniop")


@attack(
    goal="A script in an error while loading is run by the browser that shows the feedback.",
    stopped_by=ESCAPING,
    won=tells_the_student("<script>"),
)
def raises_a_script_while_it_loads():
    raise RuntimeError("<script>fetch('//evil')</script>")


@attack(
    goal="A picture in an error while loading tells a server who reads the feedback, and when.",
    stopped_by=ESCAPING,
    won=tells_the_student("![x](http"),
)
def raises_a_picture_while_it_loads():
    raise RuntimeError("![x](http://evil.example/who.png)")


@attack(
    goal="A heading in an error while loading pretends other points.",
    stopped_by=ESCAPING,
    won=tells_the_student("\n# 12 / 12 points"),
)
def raises_a_heading_while_it_loads():
    raise RuntimeError("x\n\n# 12 / 12 points\n")


@attack(
    goal="What the code prints in a hidden test is shown to the student.",
    stopped_by=VISIBILITY,
    won=tells_the_student("printed by the code"),
    instead_of="total",
)
def prints_into_an_assertion(x, w):
    print("printed by the code")
    raise AssertionError("printed by the code")
