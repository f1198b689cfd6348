"""Moodle: downloads of submissions, and its grading worksheet."""
