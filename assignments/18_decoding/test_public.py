"""Public tests of unit 18. Their oracles are the worked example and what can be counted by hand."""

import math

import torch

from autograder.testing import assert_close, exercise

A, B, C, EOS, BOS = range(5)
TOKENS = {"bos": BOS, "eos": EOS}


class WorkedExample:
    """The two tables of the handout. The second holds where the second token is C.

    It writes down the prefixes of every call.
    """

    def __init__(self, device):
        self.device = device
        self.asked = []

    def step(self, prefixes):
        self.asked.append(prefixes.tolist())
        p = [self.probabilities(prefix) for prefix in prefixes.tolist()]
        return torch.tensor(p, dtype=torch.float64, device=self.device).log()

    def probabilities(self, prefix):
        t = len(prefix)  # with bos: 1 at the first step
        other = t > 2 and prefix[2] == C
        if t == 1:
            return (0.5, 0.2, 0.2, 0.1)
        if t == 2:
            return (0.1, 0.4, 0.3, 0.2)
        if t == 3:
            return (0.1, 0.6, 0.2, 0.1) if other else (0.2, 0.2, 0.4, 0.2)
        return (0.1, 0.2, 0.1, 0.6) if other else (0.0, 0.2, 0.2, 0.6)


class Table:
    """A decoder of two tokens with a row of probabilities for each prefix (without bos)."""

    def __init__(self, rows, device):
        self.rows, self.device = rows, device

    def step(self, prefixes):
        p = [self.rows.get(tuple(prefix[1:]), (0.5, 0.5)) for prefix in prefixes.tolist()]
        return torch.tensor(p, dtype=torch.float64, device=self.device).log()


def score(probability, length, alpha=0.75):
    """The score of a sequence from its probability."""
    return math.log(probability) / length**alpha


# 18.2 Greedy search -------------------------------------------------------------------------------


@exercise("greedy_search", points=1)
def test_greedy_search_of_the_worked_example(student, device):
    tokens, got = student.greedy_search(WorkedExample(device).step, **TOKENS, max_length=10)
    assert_close(tokens, [A, B, C, EOS], "tokens")
    assert_close(got, score(0.048, 4), "score")


@exercise("greedy_search", points=1)
def test_greedy_search_may_have_to_stop_before_eos(student, device):
    for length, p in ((1, 0.5), (2, 0.5 * 0.4), (3, 0.5 * 0.4 * 0.4)):
        step = WorkedExample(device).step
        tokens, got = student.greedy_search(step, **TOKENS, max_length=length, alpha=1.0)
        assert_close(tokens, [A, B, C][:length], f"tokens for max_length={length}")
        assert_close(got, score(p, length, 1.0), f"score for max_length={length}")


# 18.3 Exhaustive search ---------------------------------------------------------------------------


@exercise("exhaustive_search", points=1)
def test_exhaustive_search_of_the_worked_example(student, device):
    for length, tokens, p in ((4, [A, C, B, EOS], 0.054), (3, [A, EOS], 0.1), (1, [EOS], 0.1)):
        step = WorkedExample(device).step
        got = student.exhaustive_search(step, **TOKENS, vocab_size=4, max_length=length)
        expected = (tokens, score(p, len(tokens)))
        assert_close(got, expected, f"(tokens, score) for max_length={length}")


@exercise("exhaustive_search", points=1)
def test_exhaustive_search_prefers_longer_sequences_for_a_larger_alpha(student, device):
    # Tokens 0 and 1 = eos: eos has probability 0.4, "0 eos" 0.3, "0 0 eos" 0.24.
    step = Table({(): (0.6, 0.4), (0,): (0.5, 0.5), (0, 0): (0.2, 0.8)}, device).step
    for alpha, tokens, p in ((0.0, [1], 0.4), (0.4, [0, 1], 0.3), (1.0, [0, 0, 1], 0.24)):
        got = student.exhaustive_search(step, bos=2, eos=1, vocab_size=2, max_length=3, alpha=alpha)
        expected = (tokens, score(p, len(tokens), alpha))
        assert_close(got, expected, f"(tokens, score) for alpha={alpha}")


# 18.4 Beam search ---------------------------------------------------------------------------------


@exercise("beam_search", points=1)
def test_beam_search_of_the_worked_example(student, device):
    for size, tokens, p in ((1, [A, B, C, EOS], 0.048), (2, [A, C, B, EOS], 0.054)):
        step = WorkedExample(device).step
        got = student.beam_search(step, **TOKENS, beam_size=size, max_length=10)
        assert_close(got, (tokens, score(p, 4)), f"(tokens, score) for beam_size={size}")


@exercise("beam_search", points=1)
def test_beam_search_asks_about_the_prefixes_of_the_worked_example(student, device):
    example = WorkedExample(device)
    student.beam_search(example.step, **TOKENS, beam_size=2, max_length=10)
    expected = [
        [[BOS]],
        [[BOS, A], [BOS, B]],
        [[BOS, A, B], [BOS, A, C]],
        [[BOS, A, C, B], [BOS, A, B, C]],
    ]
    sizes = [len(prefixes) for prefixes in example.asked]
    assert sizes == [1, 2, 2, 2], f"step was called with {sizes} prefixes instead of [1, 2, 2, 2]"
    for got, prefixes in zip(example.asked, expected, strict=True):
        assert sorted(got) == sorted(prefixes), f"step was asked about {got}, not {prefixes}"


@exercise("beam_search", points=1)
def test_beam_search_prefers_what_finished_later_if_its_score_is_better(student, device):
    # "1" = eos finishes at once, with the second place; "0 1" has a better score.
    step = Table({(): (0.6, 0.4), (0,): (0.1, 0.9)}, device).step
    got = student.beam_search(step, bos=2, eos=1, beam_size=2, max_length=3)
    assert_close(got, ([0, 1], score(0.6 * 0.9, 2)), "(tokens, score)")
    # Now it has the first place, and "0 0 1" a better score in the end.
    step = Table({(): (0.4, 0.6), (0,): (0.9, 0.1), (0, 0): (0.1, 0.9)}, device).step
    got = student.beam_search(step, bos=2, eos=1, beam_size=2, max_length=3)
    assert_close(got, ([0, 0, 1], score(0.4 * 0.9 * 0.9, 3)), "(tokens, score)")
    got = student.beam_search(step, bos=2, eos=1, beam_size=2, max_length=2)
    assert_close(got, ([1], math.log(0.6)), "(tokens, score) for max_length=2")
