"""Hidden tests of unit 18: models that remember every token, all sequences, ties, long searches."""

import functools
import itertools
import math
import random
import re

import torch
from hypothesis import strategies as st

from autograder.testing import Case, assert_close, exercise, given, lay_out, sizes

LONG = 400  # tokens; their probability is below the smallest float64


@functools.lru_cache(maxsize=4096)
def weights(seed, vocab):
    """A row of numbers for each of eight places, made from seed."""
    generator = random.Random(seed)
    return [[generator.gauss(0.0, 1.0) for _ in range(vocab)] for _ in range(8)]


class Model:
    """A decoder whose answer depends on every token of the prefix and on its place.

    p = softmax(spread sin(w^T (prefix + 1))), with a row of w for each place. It writes down how it
    is asked, and answers as long as it can make sense of the question.

    Attributes:
        asked: the prefixes of each call, as lists.
        complaints: what was wrong with the questions, besides their contents.
    """

    def __init__(self, case, device):
        self.case, self.device = case, device
        self.w = weights(case.seed, case.vocab)
        self.asked, self.complaints = [], []

    def step(self, prefixes):
        """The function that the searches get."""
        if not isinstance(prefixes, torch.Tensor):
            self.complaints.append(f"prefixes are a {type(prefixes).__name__}, not a tensor")
            prefixes = torch.as_tensor(prefixes)
        if prefixes.dtype != torch.int64:
            self.complaints.append(f"prefixes are {prefixes.dtype}, not int64")
        if prefixes.dim() != 2:
            self.complaints.append(f"prefixes have the shape {tuple(prefixes.shape)}, not (B, t)")
            prefixes = prefixes.reshape(-1, prefixes.shape[-1])
        asked = [[int(token) for token in prefix] for prefix in prefixes.tolist()]
        self.asked.append(asked)
        rows = [self.row(prefix) for prefix in asked]
        log_p = torch.tensor(rows, dtype=self.case.dtype, device=self.device)
        return lay_out(log_p, self.case.layout, axis=1)

    def row(self, prefix):
        """The log probabilities after a prefix, in Python's own arithmetic."""
        z = [self.case.eos_bias if v == self.case.eos else 0.0 for v in range(self.case.vocab)]
        for v in range(self.case.vocab):
            angle = sum((token + 1) * self.w[i % 8][v] for i, token in enumerate(prefix))
            z[v] += self.case.spread * math.sin(angle)
        total = math.log(sum(math.exp(value) for value in z))
        if self.case.grid:  # sums of such numbers are exact, in float32 too
            return [round((value - total) / self.case.grid) * self.case.grid for value in z]
        return [value - total for value in z]


class Tree:
    """A decoder with a row of log probabilities for each prefix, and one for all others."""

    def __init__(self, rows, otherwise, device):
        self.rows, self.otherwise, self.device = rows, otherwise, device

    def step(self, prefixes):
        rows = [self.rows.get(tuple(p[1:]), self.otherwise) for p in prefixes.tolist()]
        return torch.tensor(rows, dtype=torch.float64, device=self.device)


class Long:
    """A decoder of twelve tokens, none of them probable, that looks at the length only."""

    def __init__(self, device):
        self.rows = torch.zeros(LONG, 12, dtype=torch.float64)
        self.rows[torch.arange(LONG), 5 * torch.arange(LONG) ** 2 % 11] = 0.3
        self.rows[:, 11] = -20.0  # the end, which hardly ever comes
        self.rows = (self.rows - torch.logsumexp(self.rows, 1, keepdim=True)).to(device)

    def step(self, prefixes):
        """The function that the searches get."""
        return self.rows[prefixes.shape[1] - 1].repeat(len(prefixes), 1)

    def best(self):
        """The best tokens at each length are the best sequence; and the sum of their logarithms."""
        best = self.rows.max(1)
        return best.indices.tolist(), float(best.values.sum())


def logs(rows):
    """The same table with logarithms instead of probabilities; -inf where they are 0."""
    return {k: [math.log(p) if p else -math.inf for p in row] for k, row in rows.items()}


@st.composite
def searches(draw, vocabulary=(2, 5), length=(1, 5), **fixed):
    """A model and what to search in it."""
    v = draw(sizes(*vocabulary))
    drawn = {
        "seed": draw(st.integers(0, 2**16)),
        "vocab": v,
        "bos": v,
        "eos": draw(sizes(0, v - 1)),
        "max_length": draw(sizes(*length)),
        "alpha": draw(st.sampled_from([0.75, 0.0, 0.5, 1.0, 2.0])),
        "beam_size": draw(sizes(1, 5)),
        "spread": draw(st.sampled_from([1.0, 3.0])),
        "eos_bias": draw(st.sampled_from([0.0, -2.0, 1.0])),
        "dtype": torch.float64,
        "grid": 0.0,
        "layout": "contiguous",
    }
    return Case(**{**drawn, **fixed})


def tied(**bounds):
    """Log probabilities that are multiples of 1/2, so that many totals are equal, exactly."""
    return searches(grid=0.5, alpha=1.0, spread=1.0, **bounds)


@st.composite
def laid_out(draw, **bounds):
    """float32 answers in any memory layout. The grid makes their sums exact."""
    layout = draw(st.sampled_from(["contiguous", "permuted", "sliced", "expanded"]))
    return draw(searches(dtype=torch.float32, grid=2.0**-10, layout=layout, **bounds))


def search(subject, kind, model, case, **changes):
    """Call a search of `subject` as the case says."""
    arguments = {k: getattr(case, k) for k in ("bos", "eos", "max_length", "alpha")}
    if kind == "beam_search":
        arguments["beam_size"] = case.beam_size
    if kind == "exhaustive_search":
        arguments["vocab_size"] = case.vocab
    return getattr(subject, kind)(model.step, **{**arguments, **changes})


def score(model, tokens, alpha):
    """The score of a sequence, token by token."""
    total = sum(model.row([model.case.bos, *tokens[:i]])[token] for i, token in enumerate(tokens))
    return total / len(tokens) ** alpha


def most_probable(model, case):
    """What greedy search returns, token by token."""
    tokens = []
    while len(tokens) < case.max_length and case.eos not in tokens:
        row = model.row([case.bos, *tokens])
        tokens.append(row.index(max(row)))
    return tokens, score(model, tokens, case.alpha)


def best_of_all(model, case):
    """The best finished sequence: every one is written down and scored."""
    others = [v for v in range(case.vocab) if v != case.eos]
    ranked = []
    for length in range(case.max_length):
        for start in itertools.product(others, repeat=length):
            tokens = [*start, case.eos]
            ranked.append((-score(model, tokens, case.alpha), len(tokens), tokens))
    least = min(ranked)
    return least[2], -least[0]


def assert_refuses(student, kind, device, case, **invalid):
    """Fail unless the search raises a ValueError whose sentence names the invalid argument."""
    (name,), said = invalid, None
    try:
        search(student, kind, Model(case, device), case, **invalid)
    except ValueError as error:
        said = str(error)
    assert said is not None, f"{kind} accepts an invalid {name}"
    assert re.search(rf"\b{name}\b", said), f"the ValueError does not speak of {name}: {said}"


def assert_well_asked(model, case, most):
    """Fail unless all prefixes were proper ones: each length once, in order, at most `most`."""
    assert not model.complaints, model.complaints[0]
    for t, prefixes in enumerate(model.asked, 1):
        assert len(prefixes) <= most, f"step got {len(prefixes)} prefixes, at most {most} expected"
        lengths = {len(prefix) for prefix in prefixes}
        assert lengths == {t}, f"call {t} of step got prefixes of {lengths} tokens, with bos"
        assert all(prefix[0] == case.bos for prefix in prefixes), "a prefix begins without bos"
        assert all(case.eos not in p[1:] for p in prefixes), "step was asked what follows eos"
        assert len(set(map(tuple, prefixes))) == len(prefixes), "step got the same prefix twice"
    calls = len(model.asked)
    assert calls <= case.max_length, f"{calls} calls of step for max_length={case.max_length}"


# greedy_search ------------------------------------------------------------------------------------


@exercise("greedy_search", points=1)
@given(case=searches(), examples=15)
def test_greedy_search_matches_the_reference(student, reference, device, case):
    got = search(student, "greedy_search", Model(case, device), case)
    expected = search(reference, "greedy_search", Model(case, device), case)
    assert_close(got, expected, "(tokens, score)")


@exercise("greedy_search", points=1)
@given(case=searches(alpha=0.75), examples=8)
def test_greedy_search_takes_the_largest_of_each_row(student, device, case):
    model = Model(case, device)
    got = student.greedy_search(model.step, bos=case.bos, eos=case.eos, max_length=case.max_length)
    assert_close(got, most_probable(model, case), "(tokens, score)")
    assert_well_asked(model, case, most=1)


@exercise("greedy_search", points=1)
@given(case=tied(), examples=8)
def test_greedy_search_takes_the_lowest_of_equal_tokens(student, device, case):
    model = Model(case, device)
    got = search(student, "greedy_search", model, case)
    assert_close(got, most_probable(model, case), "(tokens, score)")
    alike = Tree({}, [-1.0] * 4, device)
    got = student.greedy_search(alike.step, bos=4, eos=3, max_length=3, alpha=0.0)
    assert_close(got, ([0, 0, 0], -3.0), "(tokens, score) of equally probable tokens")


@exercise("greedy_search", points=1)
@given(case=laid_out(), examples=8)
def test_greedy_search_takes_float32_in_any_layout(student, reference, device, case):
    got = search(student, "greedy_search", Model(case, device), case)
    expected = search(reference, "greedy_search", Model(case, device), case)
    assert_close(got, expected, "(tokens, score)", tol=1e-4)


@exercise("greedy_search", points=1)
def test_greedy_search_of_hundreds_of_tokens_does_not_underflow(student, device):
    long = Long(device)
    got = student.greedy_search(long.step, bos=12, eos=11, max_length=LONG, alpha=0.0)
    assert_close(got, long.best(), "(tokens, score)")


@exercise("greedy_search", points=1)
@given(case=searches(length=(3, 3)), examples=3)
def test_greedy_search_does_not_mistake_bos_and_refuses_nonsense(student, device, case):
    for bos in (0, case.eos):  # also a token of the vocabulary, and the same number as eos
        case = Case(**{**vars(case), "bos": bos})
        model = Model(case, device)
        got = search(student, "greedy_search", model, case)
        assert_close(got, most_probable(model, case), f"(tokens, score) for bos={bos}")
    for name, value in (("bos", -1), ("eos", -1), ("max_length", 0), ("alpha", -0.5)):
        assert_refuses(student, "greedy_search", device, case, **{name: value})


# exhaustive_search --------------------------------------------------------------------------------


@exercise("exhaustive_search", points=1)
@given(case=searches(vocabulary=(2, 4), length=(1, 4)), examples=12)
def test_exhaustive_search_matches_the_reference(student, reference, device, case):
    got = search(student, "exhaustive_search", Model(case, device), case)
    expected = search(reference, "exhaustive_search", Model(case, device), case)
    assert_close(got, expected, "(tokens, score)")


@exercise("exhaustive_search", points=1)
@given(case=searches(vocabulary=(2, 3), length=(1, 4), alpha=0.75), examples=8)
def test_exhaustive_search_is_best_of_all_sequences(student, device, case):
    model, tokens = Model(case, device), {"bos": case.bos, "eos": case.eos}
    got = student.exhaustive_search(
        model.step, **tokens, vocab_size=case.vocab, max_length=case.max_length
    )
    assert_close(got, best_of_all(model, case), "(tokens, score)")
    assert not model.complaints, model.complaints[0]
    followed = any(case.eos in prefix[1:] for prefixes in model.asked for prefix in prefixes)
    assert not followed, "step was asked what follows eos"


@exercise("exhaustive_search", points=1)
@given(case=tied(vocabulary=(2, 3), length=(1, 4)), examples=8)
def test_exhaustive_search_takes_the_shorter_then_the_lower_of_equals(student, device, case):
    model = Model(case, device)
    got = search(student, "exhaustive_search", model, case)
    assert_close(got, best_of_all(model, case), "(tokens, score)")
    alike = Tree({(): [-1.0, -1.0, -4.0]}, [-1.0, -1.0, -1.0], device)
    arguments = {"bos": 3, "eos": 2, "vocab_size": 3}
    for length, alpha, tokens, value in ((3, 1.0, [0, 2], -1.0), (4, 0.0, [0, 2], -2.0)):
        got = student.exhaustive_search(alike.step, **arguments, max_length=length, alpha=alpha)
        assert_close(got, (tokens, value), "(tokens, score) of equally probable tokens")


@exercise("exhaustive_search", points=1)
@given(case=laid_out(vocabulary=(2, 4), length=(1, 3)), examples=6)
def test_exhaustive_search_takes_float32_in_any_layout(student, reference, device, case):
    got = search(student, "exhaustive_search", Model(case, device), case)
    expected = search(reference, "exhaustive_search", Model(case, device), case)
    assert_close(got, expected, "(tokens, score)", tol=1e-4)


@exercise("exhaustive_search", points=1)
def test_exhaustive_search_of_very_improbable_and_impossible_tokens(student, device):
    never = -math.inf
    rows = {
        (): [-300.0, -310.0, -2000.0],
        (0,): [-400.0, never, -860.0],
        (1,): [-420.0, -430.0, never],
        (0, 0): [-500.0, -500.0, -500.0],
        (1, 0): [-500.0, -500.0, -451.0],
        (1, 1): [never, never, -430.0],
    }
    tree = Tree(rows, [-1.0, -2.0, never], device)
    arguments = {"bos": 3, "eos": 2, "vocab_size": 3}
    for length, alpha, expected in (
        (1, 0.0, ([2], -2000.0)),
        (2, 0.0, ([0, 2], -1160.0)),
        (3, 0.0, ([0, 2], -1160.0)),
        (3, 1.0, ([1, 1, 2], -390.0)),
        (4, 1.0, ([1, 1, 2], -390.0)),
    ):
        got = student.exhaustive_search(tree.step, **arguments, max_length=length, alpha=alpha)
        where = f"(tokens, score) for max_length={length} and alpha={alpha}"
        assert_close(got, expected, where)


@exercise("exhaustive_search", points=1)
@given(case=searches(vocabulary=(3, 3), length=(3, 3)), examples=2)
def test_exhaustive_search_does_not_mistake_bos_and_refuses_nonsense(student, device, case):
    kind = "exhaustive_search"
    for bos in (0, case.eos):  # also a token of the vocabulary, and the same number as eos
        case = Case(**{**vars(case), "bos": bos})
        model = Model(case, device)
        got = search(student, kind, model, case)
        assert_close(got, best_of_all(model, case), f"(tokens, score) for bos={bos}")
    for name, value in (
        ("bos", -1),
        ("eos", -1),
        ("eos", 3),
        ("vocab_size", 1),
        ("max_length", 0),
        ("alpha", -0.5),
    ):
        assert_refuses(student, kind, device, case, **{name: value})


# beam_search --------------------------------------------------------------------------------------


@exercise("beam_search", points=1)
@given(case=searches(length=(1, 6)), examples=25)
def test_beam_search_matches_the_reference(student, reference, device, case):
    got = search(student, "beam_search", Model(case, device), case)
    expected = search(reference, "beam_search", Model(case, device), case)
    assert_close(got, expected, "(tokens, score)")


@exercise("beam_search", points=1)
@given(case=searches(vocabulary=(2, 3), length=(1, 4), alpha=0.75), examples=8)
def test_beam_search_with_one_place_is_greedy_and_with_all_exhaustive(student, device, case):
    model, v = Model(case, device), case.vocab
    arguments = {"bos": case.bos, "eos": case.eos, "max_length": case.max_length}
    got = student.beam_search(model.step, **arguments, beam_size=1)
    assert_close(got, most_probable(model, case), "(tokens, score) for beam_size=1")
    everything = v * (v - 1) ** (case.max_length - 1)
    got = student.beam_search(model.step, **arguments, beam_size=everything)
    assert_close(got, best_of_all(model, case), f"(tokens, score) for beam_size={everything}")


@exercise("beam_search", points=1)
@given(case=searches(length=(4, 6)), examples=8)
def test_beam_search_asks_once_per_length_about_unfinished_prefixes(student, device, case):
    model = Model(case, device)
    search(student, "beam_search", model, case)
    assert model.asked, "step was never called"
    assert_well_asked(model, case, most=case.beam_size)


@exercise("beam_search", points=1)
def test_beam_search_has_all_its_places_at_every_step(student, device):
    # eos = 3 takes the first place of step 1 and leaves. With two places at step 2 as well, both
    # "0 0" and "0 1" are kept, and the second leads to the better end.
    rows = logs(
        {
            (): [0.4, 0.05, 0.05, 0.5],
            (0,): [0.5, 0.4, 0.05, 0.05],
            (0, 0): [0.3, 0.3, 0.3, 0.1],
            (0, 1): [0.02, 0.02, 0.01, 0.95],
        }
    )
    tree = Tree(rows, [math.log(0.25)] * 4, device)
    arguments = {"bos": 4, "eos": 3, "max_length": 3}
    for alpha, tokens, p in ((2.0, [0, 1, 3], 0.4 * 0.4 * 0.95), (0.0, [3], 0.5)):
        got = student.beam_search(tree.step, **arguments, beam_size=2, alpha=alpha)
        expected = (tokens, math.log(p) / len(tokens) ** alpha)
        assert_close(got, expected, f"(tokens, score) for alpha={alpha}")


@exercise("beam_search", points=1)
def test_beam_search_lets_more_sequences_finish_than_it_has_places(student, device):
    # eos = 0 takes one of the two places at each of the first four steps; the fifth sequence to
    # finish is the best.
    ones = [(1,) * t for t in range(5)]
    rows = logs({prefix: [0.3, 0.6, 0.1] for prefix in ones[:4]} | {ones[4]: [0.97, 0.02, 0.01]})
    tree = Tree(rows, [math.log(0.01)] * 3, device)
    arguments = {"bos": 3, "eos": 0, "max_length": 6}
    got = student.beam_search(tree.step, **arguments, beam_size=2, alpha=1.0)
    expected = ([1, 1, 1, 1, 0], math.log(0.6**4 * 0.97) / 5)
    assert_close(got, expected, "(tokens, score)")
    # And the other way round: the first is the best of all that follow.
    got = student.beam_search(tree.step, **arguments, beam_size=2, alpha=0.0)
    assert_close(got, ([0], math.log(0.3)), "(tokens, score) for alpha=0")


@exercise("beam_search", points=1)
@given(case=searches(vocabulary=(3, 5), length=(1, 5), eos_bias=-12.0), examples=8)
def test_beam_search_returns_unfinished_prefixes_only_if_none_finished(
    student, reference, device, case
):
    got = search(student, "beam_search", Model(case, device), case)
    expected = search(reference, "beam_search", Model(case, device), case)
    assert_close(got, expected, "(tokens, score)")
    late = Tree({(0,): [-3.0, -0.1, -2.5]}, [-0.5, -4.0, -5.0], device)
    arguments = {"bos": 3, "eos": 2, "max_length": 2, "alpha": 1.0}
    got = student.beam_search(late.step, **arguments, beam_size=2)
    assert_close(got, ([0, 2], -1.5), "(tokens, score) if a finished sequence is worse")
    got = student.beam_search(late.step, **arguments, beam_size=1)
    assert_close(got, ([0, 1], -0.3), "(tokens, score) if none has finished")


@exercise("beam_search", points=1)
@given(case=tied(length=(1, 5)), examples=12)
def test_beam_search_breaks_ties_as_agreed(student, reference, device, case):
    got = search(student, "beam_search", Model(case, device), case)
    expected = search(reference, "beam_search", Model(case, device), case)
    assert_close(got, expected, "(tokens, score)")
    alike = Tree({(2,): [-9.0, -9.0, -9.0, -1.0]}, [-1.0, -1.0, -1.0, -5.0], device)
    arguments = {"bos": 4, "eos": 3, "max_length": 2, "alpha": 0.0}
    for size, tokens, total in ((2, [0, 0], -2.0), (3, [0, 0], -2.0), (7, [2, 3], -2.0)):
        got = student.beam_search(alike.step, **arguments, beam_size=size)
        assert_close(got, (tokens, total), f"(tokens, score) of equals for beam_size={size}")


@exercise("beam_search", points=1)
@given(case=laid_out(length=(1, 4)), examples=8)
def test_beam_search_takes_float32_in_any_layout(student, reference, device, case):
    got = search(student, "beam_search", Model(case, device), case)
    expected = search(reference, "beam_search", Model(case, device), case)
    assert_close(got, expected, "(tokens, score)", tol=1e-4)


@exercise("beam_search", points=1)
def test_beam_search_of_hundreds_of_tokens_does_not_underflow(student, device):
    long = Long(device)
    arguments = {"bos": 12, "eos": 11, "beam_size": 2, "alpha": 0.0}
    got = student.beam_search(long.step, **arguments, max_length=LONG)
    assert_close(got, long.best(), "(tokens, score)")


@exercise("beam_search", points=1)
@given(case=searches(length=(3, 4)), examples=3)
def test_beam_search_does_not_mistake_bos_and_refuses_nonsense(student, reference, device, case):
    for bos in (0, case.eos):  # also a token of the vocabulary, and the same number as eos
        case = Case(**{**vars(case), "bos": bos})
        got = search(student, "beam_search", Model(case, device), case)
        expected = search(reference, "beam_search", Model(case, device), case)
        assert_close(got, expected, f"(tokens, score) for bos={bos}")
    impossible = Tree({}, [-math.inf, -1.0, -2.0], device)
    got = student.beam_search(impossible.step, bos=0, eos=2, beam_size=4, max_length=3, alpha=1.0)
    assert_close(got, ([1, 1, 2], -4 / 3), "(tokens, score) where token 0 is impossible")
    for name, value in (
        *(("bos", -1), ("eos", -1), ("max_length", 0), ("alpha", -0.5)),
        *(("beam_size", 0), ("beam_size", -1)),
    ):
        assert_refuses(student, "beam_search", device, case, **{name: value})
