"""Other correct implementations of unit 18: nobody loses a point for being different."""

import heapq
import itertools
from dataclasses import dataclass

import numpy as np
import torch
from decoding import beam_search, require, require_search

from autograder.testing import alternative

# Tensors throughout: totals stay on the device of the model, prefixes are rearranged by index -----


@alternative("tensors", replaces="greedy_search")
def greedy_with_tensors(step, *, bos, eos, max_length, alpha=0.75):
    require_search(bos, eos, max_length, alpha)
    prefix = torch.full((1, 1), bos, dtype=torch.int64)
    total = None
    for _ in range(max_length):
        largest, token = step(prefix).max(dim=1, keepdim=True)
        total = largest if total is None else total + largest
        prefix = torch.cat([prefix, token.to(prefix.device)], dim=1)
        if token.item() == eos:
            break
    tokens = prefix[0, 1:].tolist()
    return tokens, (total / len(tokens) ** alpha).item()


@alternative("tensors", replaces="beam_search")
def beam_with_tensors(step, *, bos, eos, beam_size, max_length, alpha=0.75):
    require_search(bos, eos, max_length, alpha)
    require(beam_size >= 1, f"beam_size must be at least 1, got {beam_size}")
    prefixes = torch.full((1, 1), bos, dtype=torch.int64)
    totals = None
    answer, answer_score = None, None
    for _ in range(max_length):
        log_p = step(prefixes)
        totals = log_p if totals is None else totals[:, None] + log_p
        # topk promises nothing about ties; a stable sort does.
        ranked, order = totals.flatten().sort(descending=True, stable=True)
        totals, order = ranked[:beam_size], order[:beam_size]
        parent, token = order // log_p.shape[1], order % log_p.shape[1]
        prefixes = torch.cat([prefixes[parent.to(prefixes.device)], token.cpu()[:, None]], dim=1)
        ended = token == eos
        if ended.any():
            score = (totals[ended] / (prefixes.shape[1] - 1) ** alpha).max()
            if answer is None or score > answer_score:
                first = ended.nonzero()[0]
                answer, answer_score = prefixes[first.item()], score
        prefixes, totals = prefixes[~ended.cpu()], totals[~ended]
        if len(prefixes) == 0:
            break
    if answer is None:
        answer, answer_score = prefixes[0], totals[0] / max_length**alpha
    return answer[1:].tolist(), answer_score.item()


# Recursion: depth first, one prefix at a time -----------------------------------------------------


@alternative("recursion", replaces="greedy_search", exempt={"speed"})
def greedy_by_recursion(step, *, bos, eos, max_length, alpha=0.75):
    require_search(bos, eos, max_length, alpha)

    def rest(prefix, left):
        """The tokens that follow a prefix, and the sum of their log probabilities."""
        row = step(prefix)[0]
        token = torch.argmax(row)
        if left == 1 or int(token) == eos:
            return [int(token)], row[token].item()
        longer = torch.hstack([prefix, token.cpu().reshape(1, 1)])
        tokens, total = rest(longer, left - 1)
        return [int(token), *tokens], row[token].item() + total

    tokens, total = rest(torch.tensor([[bos]]), max_length)
    return tokens, total / pow(len(tokens), alpha)


@alternative("recursion", replaces="exhaustive_search", exempt={"speed"})
def exhaustive_by_recursion(step, *, bos, eos, vocab_size, max_length, alpha=0.75):
    require_search(bos, eos, max_length, alpha)
    require(vocab_size >= 2, "vocab_size must be at least 2")
    require(eos < vocab_size, f"eos must be below vocab_size, {vocab_size}, got {eos}")

    def ends(tokens, total):
        """All finished sequences that begin with these tokens, as (-score, length, tokens)."""
        row = step(torch.tensor([[bos, *tokens]]))[0].tolist()
        length = len(tokens) + 1
        yield -(total + row[eos]) / length**alpha, length, [*tokens, eos]
        if length < max_length:
            for v in range(vocab_size):
                if v != eos:
                    yield from ends([*tokens, v], total + row[v])

    cost, _, tokens = min(ends([], 0.0))
    return tokens, -cost


# Products: all sequences of each length are written down first ------------------------------------


@alternative("products of the vocabulary", replaces="exhaustive_search")
def exhaustive_by_products(step, *, bos, eos, vocab_size, max_length, alpha=0.75):
    require_search(bos, eos, max_length, alpha)
    require(vocab_size >= 2, "vocab_size must be at least 2")
    require(eos < vocab_size, f"eos must be below vocab_size, {vocab_size}, got {eos}")
    others = [v for v in range(vocab_size) if v != eos]
    after = {}  # prefix -> log probabilities of the next token
    answer, answer_score = None, -np.inf
    for length in range(max_length):
        prefixes = list(itertools.product(others, repeat=length))
        rows = step(torch.tensor([(bos, *prefix) for prefix in prefixes])).cpu().numpy()
        after.update(zip(prefixes, rows.astype(np.float64), strict=True))
        for prefix in prefixes:
            tokens = (*prefix, eos)
            terms = [after[tokens[:i]][token] for i, token in enumerate(tokens)]
            score = float(np.sum(terms) / len(tokens) ** alpha)
            if answer is None or score > answer_score:
                answer, answer_score = list(tokens), score
    return answer, answer_score


# The others in terms of beam search ---------------------------------------------------------------


@alternative("greedy search is a beam of one place", replaces="greedy_search")
def greedy_by_a_beam(step, *, bos, eos, max_length, alpha=0.75):
    return beam_search(step, bos=bos, eos=eos, beam_size=1, max_length=max_length, alpha=alpha)


# Only the best beam_size tokens of each prefix can get a place ------------------------------------


@alternative("preselection with a heap", replaces="beam_search")
def beam_with_a_heap(step, *, bos, eos, beam_size, max_length, alpha=0.75):
    require_search(bos, eos, max_length, alpha)
    require(beam_size >= 1, f"beam_size must be at least 1, got {beam_size}")
    prefixes, costs, done = [()], [0.0], []
    for length in range(1, max_length + 1):
        rows = step(torch.tensor([(bos, *p) for p in prefixes], dtype=torch.int64)).tolist()
        found = []
        for number, (cost, row) in enumerate(zip(costs, rows, strict=True)):
            likely = heapq.nsmallest(beam_size, range(len(row)), key=lambda v, r=row: (-r[v], v))
            found += [(cost - row[v], number, v) for v in likely]
        places = heapq.nsmallest(beam_size, found)
        done += [
            (cost / length**alpha, length, i, (*prefixes[n], v))
            for i, (cost, n, v) in enumerate(places)
            if v == eos
        ]
        going_on = [(cost, (*prefixes[n], v)) for cost, n, v in places if v != eos]
        if not going_on:
            break
        costs, prefixes = map(list, zip(*going_on, strict=True))
    if not done:
        done = [(costs[0] / max_length**alpha, max_length, 0, prefixes[0])]
    cost, _, _, tokens = min(done)
    return list(tokens), -cost


# Objects: sequences that remember where they come from --------------------------------------------


@dataclass(frozen=True)
class Hypothesis:
    """A token, the hypothesis that it extends, and what both have earned."""

    token: int
    before: "Hypothesis | None"
    total: float

    def tokens(self):
        return [] if self.before is None else [*self.before.tokens(), self.token]


def score_of(hypothesis, alpha):
    return hypothesis.total / len(hypothesis.tokens()) ** alpha


@alternative("linked hypotheses, safe early stop", replaces="beam_search")
def beam_of_hypotheses(step, *, bos, eos, beam_size, max_length, alpha=0.75):
    require_search(bos, eos, max_length, alpha)
    require(beam_size >= 1, f"beam_size must be at least 1, got {beam_size}")
    alive, winner = [Hypothesis(bos, None, 0.0)], None
    written = torch.tensor([[bos]])
    for _ in range(max_length):
        rows = step(written).cpu().numpy().astype(np.float64)
        totals = np.array([[h.total] for h in alive]) + rows
        order = np.argsort(-totals, axis=None, kind="stable")[:beam_size]
        parents, tokens = np.unravel_index(order, totals.shape)
        parents, tokens = parents.tolist(), tokens.tolist()
        new = [
            Hypothesis(v, alive[i], float(totals[i, v]))
            for i, v in zip(parents, tokens, strict=True)
        ]
        for h in new:
            if h.token == eos and (winner is None or score_of(h, alpha) > score_of(winner, alpha)):
                winner = h
        staying = [j for j, h in enumerate(new) if h.token != eos]
        written = torch.cat(
            [written[[parents[j] for j in staying]], torch.tensor(tokens)[staying, None]], dim=1
        )
        alive = [new[j] for j in staying]
        # Totals only fall, and no sequence gets longer than max_length.
        if not alive or (
            winner is not None and alive[0].total / max_length**alpha <= score_of(winner, alpha)
        ):
            break
    answer = winner or alive[0]
    return answer.tokens(), score_of(answer, alpha)
