"""Known wrong implementations of unit 18, and what to tell those who wrote them.

The searches below are the reference's with one thing changed. They share the helpers of the first
section, which say by their arguments what is changed.
"""

import math

import torch
from decoding import beam_search, exhaustive_search, greedy_search, require, require_search

from autograder.testing import mistake

# Helpers ------------------------------------------------------------------------------------------


def ask(step, bos, tokens):
    """The log probabilities after one prefix, as a list."""
    return step(torch.tensor([[bos, *tokens]]))[0].tolist()


def normalised(total, length, alpha):
    return total / max(length, 1) ** alpha


def first_largest(row):
    return row.index(max(row))


def greedily(step, *, bos, eos, max_length, choose=first_largest, memory=None):
    """Greedy search: the tokens and the log probability of each.

    `choose` picks a token from a row; `memory` says how many of the last tokens `step` gets.
    """
    tokens, terms = [], []
    while len(tokens) < max_length and tokens[-1:] != [eos]:
        prefix = torch.tensor([[bos, *tokens]])
        row = step(prefix if memory is None else prefix[:, -memory:])[0].tolist()
        tokens.append(choose(row))
        terms.append(row[tokens[-1]])
    return tokens, terms


def grow(step, bos, prefixes, memory=None):
    """All prefixes extended by all tokens, ordered by prefix, then by token."""
    asked = torch.tensor([[bos, *tokens] for tokens, _ in prefixes])
    log_p = step(asked if memory is None else asked[:, -memory:]).tolist()
    return [
        ([*tokens, v], total + p)
        for (tokens, total), row in zip(prefixes, log_p, strict=True)
        for v, p in enumerate(row)
    ]


def ending(sequences, eos, finished=True):
    """Those that are finished, or those that are not."""
    return [s for s in sequences if (s[0][-1] == eos) is finished]


def every_finished(step, *, bos, eos, max_length, memory=None):
    """All finished sequences with their totals, and all unfinished ones of max_length tokens."""
    prefixes, finished = [([], 0.0)], []
    for _ in range(max_length):
        extended = grow(step, bos, prefixes, memory)
        finished += ending(extended, eos)
        prefixes = ending(extended, eos, finished=False)
    return finished, prefixes


def by_total(extended, size):
    """The best extensions, best first; of equals the earlier ones."""
    return sorted(extended, key=lambda s: s[1], reverse=True)[:size]


def beams(step, *, bos, eos, beam_size, max_length, places=by_total, memory=None):
    """Beam search: the finished sequences in the order in which they left, and the unfinished."""
    prefixes, finished = [([], 0.0)], []
    for _ in range(max_length):
        kept = places(grow(step, bos, prefixes, memory), beam_size)
        finished += ending(kept, eos)
        prefixes = ending(kept, eos, finished=False)
        if not prefixes:
            break
    return finished, prefixes


def best(candidates, alpha, shift=0):
    """The candidate with the best score; `shift` is what the length is counted wrongly by."""
    scored = [(t, normalised(total, len(t) + shift, alpha)) for t, total in candidates]
    return max(scored, key=lambda s: s[1])


def last_best(candidates, alpha):
    """The same, but of equals the last."""
    return best(candidates[::-1], alpha)


# greedy_search ------------------------------------------------------------------------------------


@mistake(
    "greedy_search",
    "You return the sum of the log probabilities. The score is that sum divided by the length to "
    "the power alpha.",
)
def greedy_without_normalisation(step, *, bos, eos, max_length, alpha=0.75):
    require_search(bos, eos, max_length, alpha)
    tokens, terms = greedily(step, bos=bos, eos=eos, max_length=max_length)
    return tokens, sum(terms)


@mistake(
    "greedy_search",
    "You count bos as a part of the sequence: the length is the number of tokens after it.",
)
def greedy_counts_bos(step, *, bos, eos, max_length, alpha=0.75):
    require_search(bos, eos, max_length, alpha)
    tokens, terms = greedily(step, bos=bos, eos=eos, max_length=max_length)
    return tokens, sum(terms) / (len(tokens) + 1) ** alpha


@mistake(
    "greedy_search",
    "You do not count eos as a part of the sequence. Its log probability is in the sum, and it "
    "counts in the length.",
)
def greedy_does_not_count_eos(step, *, bos, eos, max_length, alpha=0.75):
    require_search(bos, eos, max_length, alpha)
    tokens, terms = greedily(step, bos=bos, eos=eos, max_length=max_length)
    return tokens, normalised(sum(terms), len(tokens) - (tokens[-1] == eos), alpha)


@mistake(
    "greedy_search",
    "You divide by max_length to the power alpha. It is the length of the sequence itself that "
    "counts.",
)
def greedy_divides_by_max_length(step, *, bos, eos, max_length, alpha=0.75):
    require_search(bos, eos, max_length, alpha)
    tokens, terms = greedily(step, bos=bos, eos=eos, max_length=max_length)
    return tokens, sum(terms) / max_length**alpha


@mistake("greedy_search", "You divide by alpha times the length: alpha is an exponent.")
def greedy_multiplies_by_alpha(step, *, bos, eos, max_length, alpha=0.75):
    require_search(bos, eos, max_length, alpha)
    tokens, terms = greedily(step, bos=bos, eos=eos, max_length=max_length)
    return tokens, sum(terms) / ((alpha or 1.0) * len(tokens))


@mistake(
    "greedy_search",
    "You multiply by the length to the power alpha. Dividing by it is what makes up for the many "
    "negative terms of a long sequence.",
)
def greedy_multiplies_by_the_length(step, *, bos, eos, max_length, alpha=0.75):
    require_search(bos, eos, max_length, alpha)
    tokens, terms = greedily(step, bos=bos, eos=eos, max_length=max_length)
    return tokens, sum(terms) * len(tokens) ** alpha


@mistake(
    "greedy_search",
    "Your scores are positive: you changed the sign. A score is a sum of log probabilities, which "
    "are at most 0, and larger is better.",
)
def greedy_with_a_cost(step, *, bos, eos, max_length, alpha=0.75):
    tokens, score = greedy_search(step, bos=bos, eos=eos, max_length=max_length, alpha=alpha)
    return tokens, -score


@mistake(
    "greedy_search",
    "Your score is the probability. It underflows for long sequences; the score is a sum of "
    "logarithms.",
)
def greedy_returns_a_probability(step, *, bos, eos, max_length, alpha=0.75):
    tokens, score = greedy_search(step, bos=bos, eos=eos, max_length=max_length, alpha=alpha)
    return tokens, math.exp(score)


@mistake(
    "greedy_search",
    "You multiply probabilities and take the logarithm at the end. After some hundred tokens the "
    "product is 0 and its logarithm -inf: add up the logarithms instead.",
)
def greedy_multiplies_probabilities(step, *, bos, eos, max_length, alpha=0.75):
    require_search(bos, eos, max_length, alpha)
    tokens, terms = greedily(step, bos=bos, eos=eos, max_length=max_length)
    p = math.prod(math.exp(term) for term in terms)
    return tokens, (math.log(p) if p > 0 else -math.inf) / len(tokens) ** alpha


@mistake(
    "greedy_search",
    "Your tokens begin with bos. It belongs to the prefix that step gets, not to the result.",
)
def greedy_returns_bos(step, *, bos, eos, max_length, alpha=0.75):
    tokens, score = greedy_search(step, bos=bos, eos=eos, max_length=max_length, alpha=alpha)
    return [bos, *tokens], score


@mistake(
    "greedy_search",
    "You leave eos out of the tokens. A finished sequence ends with it, which is how the caller "
    "can tell that it is finished.",
)
def greedy_drops_eos(step, *, bos, eos, max_length, alpha=0.75):
    tokens, score = greedy_search(step, bos=bos, eos=eos, max_length=max_length, alpha=alpha)
    return [t for t in tokens if t != eos], score


@mistake(
    "greedy_search",
    "The log probability of eos is missing in your sum: to end is a choice like any other.",
)
def greedy_does_not_add_eos(step, *, bos, eos, max_length, alpha=0.75):
    require_search(bos, eos, max_length, alpha)
    tokens, terms = greedily(step, bos=bos, eos=eos, max_length=max_length)
    total = sum(terms[:-1] if tokens[-1] == eos else terms)
    return tokens, total / len(tokens) ** alpha


@mistake(
    "greedy_search",
    "You pass only the last token to step. The next token depends on all tokens before it: pass "
    "the whole prefix, from bos on.",
)
def greedy_forgets_the_history(step, *, bos, eos, max_length, alpha=0.75):
    require_search(bos, eos, max_length, alpha)
    tokens, terms = greedily(step, bos=bos, eos=eos, max_length=max_length, memory=1)
    return tokens, sum(terms) / len(tokens) ** alpha


@mistake(
    "greedy_search",
    "You go on after eos. A sequence is finished as soon as eos is chosen.",
)
def greedy_does_not_stop_at_eos(step, *, bos, eos, max_length, alpha=0.75):
    require_search(bos, eos, max_length, alpha)
    tokens, terms = greedily(step, bos=bos, eos=-1, max_length=max_length)
    return tokens, sum(terms) / len(tokens) ** alpha


@mistake(
    "greedy_search",
    "You stop one token too early: max_length counts the tokens after bos.",
)
def greedy_counts_bos_for_max_length(step, *, bos, eos, max_length, alpha=0.75):
    require_search(bos, eos, max_length, alpha)
    tokens, terms = greedily(step, bos=bos, eos=eos, max_length=max(max_length - 1, 1))
    return tokens, sum(terms) / len(tokens) ** alpha


@mistake(
    "greedy_search",
    "Of equally probable tokens you take the last; it should be the one with the lowest number.",
)
def greedy_takes_the_last_of_equals(step, *, bos, eos, max_length, alpha=0.75):
    require_search(bos, eos, max_length, alpha)

    def last_largest(row):
        return max(range(len(row)), key=lambda v: (row[v], v))

    tokens, terms = greedily(step, bos=bos, eos=eos, max_length=max_length, choose=last_largest)
    return tokens, sum(terms) / len(tokens) ** alpha


# exhaustive_search --------------------------------------------------------------------------------


@mistake(
    "exhaustive_search",
    "You return an unfinished sequence when its score is better. Only sequences that end in eos "
    "take part.",
)
def exhaustive_admits_unfinished(step, *, bos, eos, vocab_size, max_length, alpha=0.75):
    require_search(bos, eos, max_length, alpha)
    require(vocab_size >= 2, "vocab_size must be at least 2")
    require(eos < vocab_size, "eos must be below vocab_size")
    finished, prefixes = every_finished(step, bos=bos, eos=eos, max_length=max_length)
    return best(finished + prefixes, alpha)


@mistake(
    "exhaustive_search",
    "You return the most probable sequence and its log probability. The sums have to be divided by "
    "the length to the power alpha, before they are compared.",
)
def exhaustive_without_normalisation(step, *, bos, eos, vocab_size, max_length, alpha=0.75):
    return exhaustive_search(
        step, bos=bos, eos=eos, vocab_size=vocab_size, max_length=max_length, alpha=min(alpha, 0)
    )


@mistake(
    "exhaustive_search",
    "You compare the sums and divide the best one by its length afterwards. The candidates have "
    "different lengths: it is their scores that have to be compared.",
)
def exhaustive_normalises_the_winner(step, *, bos, eos, vocab_size, max_length, alpha=0.75):
    tokens, total = exhaustive_search(
        step, bos=bos, eos=eos, vocab_size=vocab_size, max_length=max_length, alpha=min(alpha, 0)
    )
    return tokens, total / len(tokens) ** alpha


@mistake(
    "exhaustive_search",
    "You count bos as a part of the sequence: the length is the number of tokens after it.",
)
def exhaustive_counts_bos(step, *, bos, eos, vocab_size, max_length, alpha=0.75):
    require_search(bos, eos, max_length, alpha)
    require(vocab_size >= 2, "vocab_size must be at least 2")
    require(eos < vocab_size, "eos must be below vocab_size")
    finished, _ = every_finished(step, bos=bos, eos=eos, max_length=max_length)
    return best(finished, alpha, shift=1)


@mistake(
    "exhaustive_search",
    "You do not count eos as a part of the sequence. Its log probability is in the sum, and it "
    "counts in the length.",
)
def exhaustive_does_not_count_eos(step, *, bos, eos, vocab_size, max_length, alpha=0.75):
    require_search(bos, eos, max_length, alpha)
    require(vocab_size >= 2, "vocab_size must be at least 2")
    require(eos < vocab_size, "eos must be below vocab_size")
    finished, _ = every_finished(step, bos=bos, eos=eos, max_length=max_length)
    return best(finished, alpha, shift=-1)


@mistake(
    "exhaustive_search",
    "The log probability of eos is missing in your sums: to end is a choice like any other.",
)
def exhaustive_does_not_add_eos(step, *, bos, eos, vocab_size, max_length, alpha=0.75):
    require_search(bos, eos, max_length, alpha)
    require(vocab_size >= 2, "vocab_size must be at least 2")
    require(eos < vocab_size, "eos must be below vocab_size")
    prefixes, finished = [([], 0.0)], []
    for _ in range(max_length):
        finished += [([*tokens, eos], total) for tokens, total in prefixes]
        prefixes = ending(grow(step, bos, prefixes), eos, finished=False)
    return best(finished, alpha)


@mistake(
    "exhaustive_search",
    "Your sequences end one token too early: max_length counts eos and does not count bos.",
)
def exhaustive_stops_too_early(step, *, bos, eos, vocab_size, max_length, alpha=0.75):
    return exhaustive_search(
        step,
        bos=bos,
        eos=eos,
        vocab_size=vocab_size,
        max_length=max_length - (max_length > 1),
        alpha=alpha,
    )


@mistake(
    "exhaustive_search",
    "Your sequences get one token too long: eos is one of the max_length tokens.",
)
def exhaustive_stops_too_late(step, *, bos, eos, vocab_size, max_length, alpha=0.75):
    require_search(bos, eos, max_length, alpha)
    return exhaustive_search(
        step, bos=bos, eos=eos, vocab_size=vocab_size, max_length=max_length + 1, alpha=alpha
    )


@mistake(
    "exhaustive_search",
    "You consider only sequences of exactly max_length tokens. All finished sequences of at most "
    "that length take part, down to eos alone.",
)
def exhaustive_wants_full_length(step, *, bos, eos, vocab_size, max_length, alpha=0.75):
    require_search(bos, eos, max_length, alpha)
    require(vocab_size >= 2, "vocab_size must be at least 2")
    require(eos < vocab_size, "eos must be below vocab_size")
    finished, _ = every_finished(step, bos=bos, eos=eos, max_length=max_length)
    longest = max(len(tokens) for tokens, _ in finished)
    return best([s for s in finished if len(s[0]) == longest], alpha)


@mistake(
    "exhaustive_search",
    "You leave out the shortest sequence of all, which is eos alone.",
)
def exhaustive_never_says_nothing(step, *, bos, eos, vocab_size, max_length, alpha=0.75):
    require_search(bos, eos, max_length, alpha)
    require(vocab_size >= 2, "vocab_size must be at least 2")
    require(eos < vocab_size, "eos must be below vocab_size")
    finished, _ = every_finished(step, bos=bos, eos=eos, max_length=max_length)
    return best(finished[1:] or finished, alpha)


@mistake(
    "exhaustive_search",
    "You extend finished sequences. Nothing comes after eos, whatever probabilities step would "
    "give there.",
)
def exhaustive_goes_on_after_eos(step, *, bos, eos, vocab_size, max_length, alpha=0.75):
    require_search(bos, eos, max_length, alpha)
    require(vocab_size >= 2, "vocab_size must be at least 2")
    require(eos < vocab_size, "eos must be below vocab_size")
    prefixes, finished = [([], 0.0)], []
    for _ in range(max_length):
        prefixes = grow(step, bos, prefixes)
        finished += ending(prefixes, eos)
    return best(finished, alpha)


@mistake(
    "exhaustive_search",
    "You return the best sequence of the first length at which one can finish. A longer one may "
    "have a better score.",
)
def exhaustive_returns_the_first(step, *, bos, eos, vocab_size, max_length, alpha=0.75):
    require_search(bos, eos, max_length, alpha)
    require(vocab_size >= 2, "vocab_size must be at least 2")
    require(eos < vocab_size, "eos must be below vocab_size")
    return [eos], ask(step, bos, [])[eos]


@mistake(
    "exhaustive_search",
    "You pass only the last token to step. The next token depends on all tokens before it: pass "
    "whole prefixes, from bos on.",
)
def exhaustive_forgets_the_history(step, *, bos, eos, vocab_size, max_length, alpha=0.75):
    require_search(bos, eos, max_length, alpha)
    require(vocab_size >= 2, "vocab_size must be at least 2")
    require(eos < vocab_size, "eos must be below vocab_size")
    finished, _ = every_finished(step, bos=bos, eos=eos, max_length=max_length, memory=1)
    return best(finished, alpha)


@mistake(
    "exhaustive_search",
    "You multiply probabilities and take the logarithm at the end. Small products are rounded to 0 "
    "and their logarithm is -inf: add up the logarithms instead.",
)
def exhaustive_multiplies_probabilities(step, *, bos, eos, vocab_size, max_length, alpha=0.75):
    require_search(bos, eos, max_length, alpha)
    require(vocab_size >= 2, "vocab_size must be at least 2")
    require(eos < vocab_size, "eos must be below vocab_size")
    finished, _ = every_finished(step, bos=bos, eos=eos, max_length=max_length)
    p = [(tokens, math.exp(total)) for tokens, total in finished]
    return best([(tokens, math.log(q) if q > 0 else -math.inf) for tokens, q in p], alpha)


@mistake(
    "exhaustive_search",
    "You keep only the best prefix of each length. An exhaustive search drops none: a prefix that "
    "is worse now may lead to the best end.",
)
def exhaustive_follows_one_prefix(step, *, bos, eos, vocab_size, max_length, alpha=0.75):
    require_search(bos, eos, max_length, alpha)
    require(vocab_size >= 2, "vocab_size must be at least 2")
    require(eos < vocab_size, "eos must be below vocab_size")
    prefixes, finished = [([], 0.0)], []
    for _ in range(max_length):
        extended = grow(step, bos, prefixes)
        finished += ending(extended, eos)
        prefixes = by_total(ending(extended, eos, finished=False), 1)
    return best(finished, alpha)


@mistake(
    "exhaustive_search",
    "Of sequences with equal scores you return the last that you find. It should be the shorter "
    "one, and of equally long ones the one with the lower first different token.",
)
def exhaustive_takes_the_last_of_equals(step, *, bos, eos, vocab_size, max_length, alpha=0.75):
    require_search(bos, eos, max_length, alpha)
    require(vocab_size >= 2, "vocab_size must be at least 2")
    require(eos < vocab_size, "eos must be below vocab_size")
    finished, _ = every_finished(step, bos=bos, eos=eos, max_length=max_length)
    return last_best(finished, alpha)


# beam_search --------------------------------------------------------------------------------------


@mistake(
    "beam_search",
    "You stop as soon as the best extension of a step ends in eos. A sequence that finishes later "
    "may have a better score, because its sum is divided by more.",
)
def beam_stops_with_the_best(step, *, bos, eos, beam_size, max_length, alpha=0.75):
    require_search(bos, eos, max_length, alpha)
    require(beam_size >= 1, "beam_size must be at least 1")
    prefixes, finished = [([], 0.0)], []
    for _ in range(max_length):
        kept = by_total(grow(step, bos, prefixes), beam_size)
        finished += ending(kept, eos)
        prefixes = ending(kept, eos, finished=False)
        if not prefixes or kept[0][0][-1] == eos:
            break
    return best(finished or prefixes, alpha)


@mistake(
    "beam_search",
    "You stop as soon as anything has finished. The search goes on until no prefix is left or "
    "max_length is reached: the best score may come later.",
)
def beam_stops_with_the_first(step, *, bos, eos, beam_size, max_length, alpha=0.75):
    require_search(bos, eos, max_length, alpha)
    require(beam_size >= 1, "beam_size must be at least 1")
    prefixes, finished = [([], 0.0)], []
    for _ in range(max_length):
        kept = by_total(grow(step, bos, prefixes), beam_size)
        finished += ending(kept, eos)
        prefixes = ending(kept, eos, finished=False)
        if finished or not prefixes:
            break
    return best(finished or prefixes, alpha)


@mistake(
    "beam_search",
    "You stop when beam_size sequences have finished. In this course the search goes on until no "
    "prefix is left or max_length is reached, however many have finished.",
)
def beam_stops_when_enough_finished(step, *, bos, eos, beam_size, max_length, alpha=0.75):
    require_search(bos, eos, max_length, alpha)
    require(beam_size >= 1, "beam_size must be at least 1")
    prefixes, finished = [([], 0.0)], []
    for _ in range(max_length):
        kept = by_total(grow(step, bos, prefixes), beam_size)
        finished += ending(kept, eos)
        prefixes = ending(kept, eos, finished=False)
        if not prefixes or len(finished) >= beam_size:
            break
    return best(finished or prefixes, alpha)


@mistake(
    "beam_search",
    "You give up the place of every finished sequence, so that your beam shrinks. There are "
    "beam_size places again in every step.",
)
def beam_shrinks(step, *, bos, eos, beam_size, max_length, alpha=0.75):
    require_search(bos, eos, max_length, alpha)
    require(beam_size >= 1, "beam_size must be at least 1")
    prefixes, finished = [([], 0.0)], []
    for _ in range(max_length):
        kept = by_total(grow(step, bos, prefixes), beam_size - len(finished))
        finished += ending(kept, eos)
        prefixes = ending(kept, eos, finished=False)
        if not prefixes:
            break
    return best(finished or prefixes, alpha)


@mistake(
    "beam_search",
    "You let finished sequences go on competing for places. They leave: only extensions of "
    "unfinished prefixes compete, and what has finished can no longer be pushed out.",
)
def beam_keeps_finished_in_the_race(step, *, bos, eos, beam_size, max_length, alpha=0.75):
    require_search(bos, eos, max_length, alpha)
    require(beam_size >= 1, "beam_size must be at least 1")
    prefixes, finished = [([], 0.0)], []
    for _ in range(max_length):
        kept = by_total(finished + grow(step, bos, prefixes), beam_size)
        finished = ending(kept, eos)
        prefixes = ending(kept, eos, finished=False)
        if not prefixes:
            break
    return best(finished or prefixes, alpha)


@mistake(
    "beam_search",
    "You give places to unfinished extensions only and set aside every extension that ends in eos. "
    "All compete together: an improbable end gets no place.",
)
def beam_finishes_without_competing(step, *, bos, eos, beam_size, max_length, alpha=0.75):
    require_search(bos, eos, max_length, alpha)
    require(beam_size >= 1, "beam_size must be at least 1")
    prefixes, finished = [([], 0.0)], []
    for _ in range(max_length):
        extended = grow(step, bos, prefixes)
        finished += ending(extended, eos)
        prefixes = by_total(ending(extended, eos, finished=False), beam_size)
        if not prefixes:
            break
    return best(finished or prefixes, alpha)


@mistake(
    "beam_search",
    "You forget sequences that finished in earlier steps. The answer is the best of all that have "
    "ever finished.",
)
def beam_forgets_what_has_finished(step, *, bos, eos, beam_size, max_length, alpha=0.75):
    require_search(bos, eos, max_length, alpha)
    require(beam_size >= 1, "beam_size must be at least 1")
    prefixes, finished = [([], 0.0)], []
    for _ in range(max_length):
        kept = by_total(grow(step, bos, prefixes), beam_size)
        finished = ending(kept, eos)
        prefixes = ending(kept, eos, finished=False)
        if not prefixes:
            break
    return best(finished or prefixes, alpha)


@mistake(
    "beam_search",
    "In the end you let unfinished prefixes compete with finished sequences. They count only if "
    "nothing has finished.",
)
def beam_admits_unfinished(step, *, bos, eos, beam_size, max_length, alpha=0.75):
    require_search(bos, eos, max_length, alpha)
    require(beam_size >= 1, "beam_size must be at least 1")
    finished, prefixes = beams(step, bos=bos, eos=eos, beam_size=beam_size, max_length=max_length)
    return best(finished + prefixes, alpha)


@mistake(
    "beam_search",
    "You return the most probable sequence and its log probability. The sums of sequences of "
    "different lengths have to be divided by the length to the power alpha.",
)
def beam_without_normalisation(step, *, bos, eos, beam_size, max_length, alpha=0.75):
    return beam_search(
        step, bos=bos, eos=eos, beam_size=beam_size, max_length=max_length, alpha=min(alpha, 0)
    )


@mistake(
    "beam_search",
    "You compare sums in the end and divide the best one by its length afterwards. The finished "
    "sequences have different lengths: it is their scores that have to be compared.",
)
def beam_normalises_the_winner(step, *, bos, eos, beam_size, max_length, alpha=0.75):
    tokens, total = beam_search(
        step, bos=bos, eos=eos, beam_size=beam_size, max_length=max_length, alpha=min(alpha, 0)
    )
    return tokens, total / len(tokens) ** alpha


@mistake(
    "beam_search",
    "You count bos as a part of the sequence: the length is the number of tokens after it.",
)
def beam_counts_bos(step, *, bos, eos, beam_size, max_length, alpha=0.75):
    require_search(bos, eos, max_length, alpha)
    require(beam_size >= 1, "beam_size must be at least 1")
    finished, prefixes = beams(step, bos=bos, eos=eos, beam_size=beam_size, max_length=max_length)
    return best(finished or prefixes, alpha, shift=1)


@mistake(
    "beam_search",
    "You do not count eos as a part of the sequence. Its log probability is in the sum, and it "
    "counts in the length.",
)
def beam_does_not_count_eos(step, *, bos, eos, beam_size, max_length, alpha=0.75):
    require_search(bos, eos, max_length, alpha)
    require(beam_size >= 1, "beam_size must be at least 1")
    finished, prefixes = beams(step, bos=bos, eos=eos, beam_size=beam_size, max_length=max_length)
    return best(finished, alpha, shift=-1) if finished else best(prefixes, alpha)


@mistake(
    "beam_search",
    "If nothing has finished you return a sum. The score of an unfinished prefix is divided by its "
    "length to the power alpha as well.",
)
def beam_does_not_normalise_unfinished(step, *, bos, eos, beam_size, max_length, alpha=0.75):
    require_search(bos, eos, max_length, alpha)
    require(beam_size >= 1, "beam_size must be at least 1")
    finished, prefixes = beams(step, bos=bos, eos=eos, beam_size=beam_size, max_length=max_length)
    return best(finished, alpha) if finished else best(prefixes, 0.0)


@mistake(
    "beam_search",
    "You end an unfinished prefix with eos, although the model has not. What has not finished "
    "within max_length is returned as it is.",
)
def beam_ends_the_unfinished(step, *, bos, eos, beam_size, max_length, alpha=0.75):
    tokens, score = beam_search(
        step, bos=bos, eos=eos, beam_size=beam_size, max_length=max_length, alpha=alpha
    )
    return [*tokens, eos] if tokens[-1] != eos else tokens, score


@mistake(
    "beam_search",
    "You mix up prefix and token of an extension: in a flattened (B, V) table entry i belongs to "
    "prefix i // V and token i % V.",
)
def beam_swaps_prefix_and_token(step, *, bos, eos, beam_size, max_length, alpha=0.75):
    require_search(bos, eos, max_length, alpha)
    require(beam_size >= 1, "beam_size must be at least 1")
    prefixes, finished = [([], 0.0)], []
    for _ in range(max_length):
        extended = grow(step, bos, prefixes)
        rows, v = len(prefixes), len(extended) // len(prefixes)
        places = sorted(range(len(extended)), key=lambda i: -extended[i][1])[:beam_size]
        kept = [([*prefixes[i % rows][0], i // rows % v], extended[i][1]) for i in places]
        finished += ending(kept, eos)
        prefixes = ending(kept, eos, finished=False)
        if not prefixes:
            break
    return best(finished or prefixes, alpha)


@mistake(
    "beam_search",
    "You append the new tokens to the prefixes in the old order. Each new token belongs to the "
    "prefix that it extends: the prefixes have to be rearranged with their totals.",
)
def beam_does_not_rearrange_prefixes(step, *, bos, eos, beam_size, max_length, alpha=0.75):
    require_search(bos, eos, max_length, alpha)
    require(beam_size >= 1, "beam_size must be at least 1")
    prefixes, finished = [([], 0.0)], []
    for _ in range(max_length):
        kept = by_total(grow(step, bos, prefixes), beam_size)
        last = len(prefixes) - 1
        kept = [
            ([*prefixes[min(i, last)][0], tokens[-1]], total)
            for i, (tokens, total) in enumerate(kept)
        ]
        finished += ending(kept, eos)
        prefixes = ending(kept, eos, finished=False)
        if not prefixes:
            break
    return best(finished or prefixes, alpha)


@mistake(
    "beam_search",
    "You let each prefix keep its own best extension. All extensions compete together: one prefix "
    "may get several places and another none.",
)
def beam_lets_every_prefix_survive(step, *, bos, eos, beam_size, max_length, alpha=0.75):
    require_search(bos, eos, max_length, alpha)
    require(beam_size >= 1, "beam_size must be at least 1")

    def places(extended, size):
        kept = by_total(extended, size)
        if len(extended[0][0]) == 1:
            return kept
        firsts = {}
        for sequence in by_total(extended, len(extended)):
            firsts.setdefault(tuple(sequence[0][:-1]), sequence)
        return list(firsts.values())

    finished, prefixes = beams(
        step, bos=bos, eos=eos, beam_size=beam_size, max_length=max_length, places=places
    )
    return best(finished or prefixes, alpha)


@mistake(
    "beam_search",
    "All your prefixes are the same one: you began with beam_size copies of it. Begin with one "
    "empty prefix; different ones come from its different extensions.",
)
def beam_begins_with_copies(step, *, bos, eos, beam_size, max_length, alpha=0.75):
    require_search(bos, eos, max_length, alpha)
    require(beam_size >= 1, "beam_size must be at least 1")
    prefixes, finished = [([], 0.0)] * beam_size, []
    for _ in range(max_length):
        kept = by_total(grow(step, bos, prefixes), beam_size)
        finished += ending(kept, eos)
        prefixes = ending(kept, eos, finished=False)
        if not prefixes:
            break
    return best(finished or prefixes, alpha)


@mistake(
    "beam_search",
    "Extensions compete by the log probability of their last token alone. It is the total of the "
    "whole prefix that counts.",
)
def beam_compares_last_tokens(step, *, bos, eos, beam_size, max_length, alpha=0.75):
    require_search(bos, eos, max_length, alpha)
    require(beam_size >= 1, "beam_size must be at least 1")
    prefixes, finished = [([], 0.0)], []
    for _ in range(max_length):
        new = grow(step, bos, [(tokens, 0.0) for tokens, _ in prefixes])
        old = [total for _, total in prefixes for _ in range(len(new) // len(prefixes))]
        ranked = sorted(zip(new, old, strict=True), key=lambda e: -e[0][1])[:beam_size]
        kept = [(tokens, before + p) for (tokens, p), before in ranked]
        finished += ending(kept, eos)
        prefixes = ending(kept, eos, finished=False)
        if not prefixes:
            break
    return best(finished or prefixes, alpha)


@mistake(
    "beam_search",
    "You pass only the last token of each prefix to step. The next token depends on all tokens "
    "before it: pass whole prefixes, from bos on.",
)
def beam_forgets_the_history(step, *, bos, eos, beam_size, max_length, alpha=0.75):
    require_search(bos, eos, max_length, alpha)
    require(beam_size >= 1, "beam_size must be at least 1")
    finished, prefixes = beams(
        step, bos=bos, eos=eos, beam_size=beam_size, max_length=max_length, memory=1
    )
    return best(finished or prefixes, alpha)


@mistake(
    "beam_search",
    "You multiply probabilities. After some hundred tokens all products are 0, and nothing can be "
    "compared any more: add up the logarithms instead.",
)
def beam_multiplies_probabilities(step, *, bos, eos, beam_size, max_length, alpha=0.75):
    require_search(bos, eos, max_length, alpha)
    require(beam_size >= 1, "beam_size must be at least 1")
    prefixes, finished = [([], 1.0)], []
    for _ in range(max_length):
        new = grow(step, bos, [(tokens, 0.0) for tokens, _ in prefixes])
        old = [p for _, p in prefixes for _ in range(len(new) // len(prefixes))]
        extended = [(t, p * math.exp(q)) for (t, q), p in zip(new, old, strict=True)]
        kept = by_total(extended, beam_size)
        finished += ending(kept, eos)
        prefixes = ending(kept, eos, finished=False)
        if not prefixes:
            break
    ends = [(t, math.log(p) if p > 0 else -math.inf) for t, p in finished or prefixes]
    return best(ends, alpha)


@mistake(
    "beam_search",
    "You give the places to the least probable extensions: totals are negative, and the largest, "
    "the one nearest to 0, is the best.",
)
def beam_keeps_the_worst(step, *, bos, eos, beam_size, max_length, alpha=0.75):
    require_search(bos, eos, max_length, alpha)
    require(beam_size >= 1, "beam_size must be at least 1")

    def places(extended, size):
        return sorted(extended, key=lambda s: s[1])[:size]

    finished, prefixes = beams(
        step, bos=bos, eos=eos, beam_size=beam_size, max_length=max_length, places=places
    )
    return best(finished or prefixes, alpha)


@mistake(
    "beam_search",
    "You stop one token too early: max_length counts the tokens after bos, eos included.",
)
def beam_stops_too_early(step, *, bos, eos, beam_size, max_length, alpha=0.75):
    return beam_search(
        step,
        bos=bos,
        eos=eos,
        beam_size=beam_size,
        max_length=max_length - (max_length > 1),
        alpha=alpha,
    )


@mistake(
    "beam_search",
    "Of extensions with equal totals you give the place to the last. It goes to the extension of "
    "the earlier prefix, and of the same prefix to the lower token.",
)
def beam_breaks_ties_the_other_way(step, *, bos, eos, beam_size, max_length, alpha=0.75):
    require_search(bos, eos, max_length, alpha)
    require(beam_size >= 1, "beam_size must be at least 1")

    def places(extended, size):
        return by_total(extended[::-1], size)

    finished, prefixes = beams(
        step, bos=bos, eos=eos, beam_size=beam_size, max_length=max_length, places=places
    )
    return best(finished or prefixes, alpha)


@mistake(
    "beam_search",
    "You ask step about one prefix at a time. It takes all prefixes of a length in one call, which "
    "is what makes a beam affordable.",
)
def beam_asks_one_by_one(step, *, bos, eos, beam_size, max_length, alpha=0.75):
    def in_turn(prefixes):
        return torch.cat([step(prefix[None]) for prefix in prefixes])

    return beam_search(
        in_turn, bos=bos, eos=eos, beam_size=beam_size, max_length=max_length, alpha=alpha
    )


@mistake(
    "beam_search",
    "You ignore the beam and return what greedy search finds.",
)
def beam_is_greedy(step, *, bos, eos, beam_size, max_length, alpha=0.75):
    require(beam_size >= 1, "beam_size must be at least 1")
    return greedy_search(step, bos=bos, eos=eos, max_length=max_length, alpha=alpha)


# On a second device -------------------------------------------------------------------------------


@mistake(
    "greedy_search",
    "The sum of the log probabilities is a tensor on the CPU: begin with the number 0.0, or with "
    "zeros on the device of what step returns.",
    on="cuda",
)
def sum_on_the_cpu(step, *, bos, eos, max_length, alpha=0.75):
    require_search(bos, eos, max_length, alpha)
    tokens, total = [], torch.zeros(1, dtype=torch.float64)
    while len(tokens) < max_length and tokens[-1:] != [eos]:
        (log_p,) = step(torch.tensor([[bos, *tokens]]))
        tokens.append(int(log_p.argmax()))
        total += log_p[tokens[-1]]
    return tokens, normalised(float(total), len(tokens), alpha)


@mistake(
    "exhaustive_search",
    "You go through NumPy for the log probabilities, which knows the CPU only: tolist makes Python "
    "numbers of a tensor on any device.",
    on="cuda",
)
def log_probabilities_in_numpy(step, *, bos, eos, vocab_size, max_length, alpha=0.75):
    def listed(prefixes):
        return torch.from_numpy(step(prefixes).numpy())

    return exhaustive_search(
        listed, bos=bos, eos=eos, vocab_size=vocab_size, max_length=max_length, alpha=alpha
    )


@mistake(
    "beam_search",
    'You wrote the device "cpu" into your code, so that the totals of the beams are there: ask '
    "what step returns for its device.",
    on="cuda",
)
def totals_are_always_on_the_cpu(step, *, bos, eos, beam_size, max_length, alpha=0.75):
    require_search(bos, eos, max_length, alpha)
    require(beam_size >= 1, f"beam_size must be at least 1, got {beam_size}")
    prefixes, finished = [([], 0.0)], []
    for _ in range(max_length):
        totals = torch.tensor([[total] for _, total in prefixes], dtype=torch.float64, device="cpu")
        sums = totals + step(torch.tensor([[bos, *tokens] for tokens, _ in prefixes]))
        extended = [
            ([*tokens, v], total)
            for (tokens, _), row in zip(prefixes, sums.tolist(), strict=True)
            for v, total in enumerate(row)
        ]
        kept = by_total(extended, beam_size)
        finished += ending(kept, eos)
        prefixes = ending(kept, eos, finished=False)
        if not prefixes:
            break
    return best(finished or prefixes, alpha)
