"""The trusted side: one submission, many submissions, results, and what people decide.

`grader` grades one submission after another with the tests that `prepare` got ready, asking the
student's code through `workers`. `classroom` grades a class with several grading processes.
"""
