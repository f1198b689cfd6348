"""The commands of `autograder`, one module each: `autograder grade` is in ``grade.py``.

A command reads its options and hands them to the room that does the work. That room, and with it
torch, is imported where it is called: `autograder --help` does not wait for it.

- `autograder.commands.console`: where commands write, and errors as sentences.
- `autograder.commands.options`: what several of them take.
- `autograder.commands.class_run`: what those that grade a class have in common.
"""
