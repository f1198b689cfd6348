"""The one base of the errors that have a sentence for the person at the keyboard.

Each room defines its own beside the code that raises it. A command shows the sentence and exits
with 2; anything else that is raised is a defect and shows a traceback.
"""

from __future__ import annotations


class HandgradError(Exception):
    """Something is wrong that the reader can do something about; the text says what, and what."""
