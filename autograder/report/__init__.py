"""Results made readable: for the terminal, and as feedback that can be sent to a student.

Who sees what is decided here, by the visibility of each test, and nowhere else.
"""
