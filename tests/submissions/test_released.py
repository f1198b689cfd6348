"""What the release room writes and this room recognises must be the same words."""

from __future__ import annotations

import pytest

from autograder.submissions.notebooks import CHECK_TAG
from autograder.submissions.percent import PLACEHOLDER


def test_the_marks_of_a_release_are_recognised_in_a_submission():
    notebook = pytest.importorskip("autograder.release.notebook")
    stub = pytest.importorskip("autograder.release.stub")
    assert notebook.CHECK_TAG == CHECK_TAG
    assert stub.ANSWER == PLACEHOLDER
