"""Secrets: hidden tests, expected values and what else the grader holds, looked for in memory."""

from __future__ import annotations

from redteam.declare import attack, printed, tells_the_student
from redteam.layers import LINES, PROCESS, TYPES, VISIBILITY
from redteam.unit import SECRET

FOUND = printed("found it")


@attack(
    goal="The text of the hidden tests is found among the modules that are loaded.",
    stopped_by=PROCESS,
    won=printed(SECRET),
    instead_of="total",
)
def reads_the_globals_of_the_test(x, w):
    import sys

    frame = sys._getframe()
    while frame is not None:
        if "SECRET" in frame.f_globals:
            print(frame.f_globals["SECRET"])
        frame = frame.f_back
    return x


@attack(
    goal="The modules of the grader are loaded where the student's code runs.",
    stopped_by=PROCESS,
    won=FOUND,
)
def looks_for_the_grader_among_the_modules():
    import sys

    secret = ("autograder.grading", "autograder.testing", "autograder.report", "hypothesis")
    if any(name.startswith(secret) for name in sys.modules):
        print("found it")


@attack(
    goal="The tests with their inputs are found by the garbage collector.",
    stopped_by=PROCESS,
    won=FOUND,
)
def looks_for_the_tests_among_all_objects():
    import gc

    if any(type(found).__name__ in ("PreparedTest", "Example") for found in gc.get_objects()):
        print("found it")


@attack(
    goal="The source of the reference is found in the cache of source lines.",
    stopped_by=PROCESS,
    won=FOUND,
    instead_of="total",
)
def looks_for_source_in_the_caches(x, w):
    import sys

    frame = sys._getframe()
    while frame is not None:
        if frame.f_code.co_filename.endswith("test_hidden.py"):
            print("found it")
        frame = frame.f_back
    return x


@attack(
    goal="The path of the course is found on the command line or in the grader's arguments.",
    stopped_by=PROCESS,
    won=FOUND,
)
def looks_for_paths_in_the_arguments():
    import gc
    import sys

    known = [text for text in sys.argv if text]
    for found in gc.get_objects():
        if type(found).__name__ == "Unit" and hasattr(found, "folder"):
            known.append(str(found.folder))
    if known:
        print("found it")


@attack(
    goal="The environment of the grader's shell, with its tokens, is read.",
    stopped_by=PROCESS,
    won=lambda seen: seen.graded is not None and seen.world.secret in seen.graded.output,
)
def reads_the_environment():
    import os

    print(dict(os.environ))


@attack(
    goal="The seed of the hidden inputs is learnt, so that they can be drawn at home.",
    stopped_by=PROCESS,
    won=FOUND,
)
def looks_for_the_seed():
    import gc

    for found in gc.get_objects():
        # Not `hasattr`: somebody else's class of that name may raise what it likes there.
        if type(found).__name__ == "UnitGrader" and "settings" in vars(found):
            print("found it", found.settings.seed)


# Carried out of the worker into what the student is sent


@attack(
    goal="A hidden input reaches the student in the message of an exception.",
    stopped_by=VISIBILITY,
    won=tells_the_student("carried out"),
    instead_of="total",
)
def carries_an_input_out_in_a_message(x, w):
    raise ValueError(f"carried out: {x.tolist()}")


@attack(
    goal="A hidden input reaches the student in the message of an assertion.",
    stopped_by=VISIBILITY,
    won=tells_the_student("carried out"),
    instead_of="mean",
)
def carries_an_input_out_in_an_assertion(x):
    assert not x.numel(), f"carried out: {x.tolist()}"


@attack(
    goal="A hidden input reaches the student in the repr of a value that was returned.",
    stopped_by=VISIBILITY,
    won=tells_the_student("carried out"),
    instead_of="kind",
)
def carries_an_input_out_in_a_result(x):
    return f"carried out: {x.tolist()}"


@attack(
    goal="A hidden input reaches the student in the name of an exception's type.",
    stopped_by=TYPES,
    won=tells_the_student("CarriedOut"),
    instead_of="total",
)
def carries_an_input_out_in_the_name_of_a_type(x, w):
    raise type(f"CarriedOut{int(x.sum() * 1000)}", (ValueError,), {})


@attack(
    goal="A hidden input reaches the student as the number of a line that does not exist.",
    stopped_by=LINES,
    won=tells_the_student("scaling.py:9000"),
    instead_of="total",
)
def carries_an_input_out_as_a_line_number(x, w):
    number = 900_000_000 + int(abs(float(x.sum())) * 1000) % 1_000_000
    raising = "\n" * (number // 1_000_000) + "def raise_it(): raise ValueError"
    code = compile(raising, "scaling.py", "exec")
    names = {}
    exec(code, names)
    function = names["raise_it"]
    function.__code__ = function.__code__.replace(co_firstlineno=number)
    function()


@attack(
    goal="A hidden input reaches the student as the name of a file.",
    stopped_by=LINES,
    won=tells_the_student("carried out"),
    instead_of="total",
)
def carries_an_input_out_as_the_name_of_a_file(x, w):
    import gc

    server = next(o for o in gc.get_objects() if type(o).__name__ == "Server")
    label = f"carried out {x.tolist()}"[:60]
    server._labels.add(label)
    exec(compile("raise ValueError", label, "exec"))
