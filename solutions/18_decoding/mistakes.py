"""Known wrong implementations of unit 18: each is a small change of a function of the reference."""

import math

from autograder.testing import mistake

# Helpers ------------------------------------------------------------------------------------------


def log(p):
    """The logarithm of a probability, also of one that has been rounded to 0."""
    return math.log(p) if p > 0 else -math.inf


# greedy_search ------------------------------------------------------------------------------------

greedy_without_normalisation = mistake(
    "greedy_search",
    "You return the sum of the log probabilities. The score is that sum divided by the length to "
    "the power alpha.",
    change={" / len(tokens) ** alpha": ""},
)

greedy_counts_bos = mistake(
    "greedy_search",
    "You count bos as a part of the sequence: the length is the number of tokens after it.",
    change={"/ len(tokens)": "/ (len(tokens) + 1)"},
)

greedy_does_not_count_eos = mistake(
    "greedy_search",
    "You do not count eos as a part of the sequence. Its log probability is in the sum, and it "
    "counts in the length.",
    change={"/ len(tokens)": "/ max(len(tokens) - (tokens[-1] == eos), 1)"},
)

greedy_divides_by_max_length = mistake(
    "greedy_search",
    "You divide by max_length to the power alpha. It is the length of the sequence itself that "
    "counts.",
    change={"/ len(tokens)": "/ max_length"},
)

greedy_multiplies_by_alpha = mistake(
    "greedy_search",
    "You divide by alpha times the length: alpha is an exponent.",
    change={"len(tokens) ** alpha": "(len(tokens) * (alpha or 1.0))"},
)

greedy_multiplies_by_the_length = mistake(
    "greedy_search",
    "You multiply by the length to the power alpha. Dividing by it is what makes up for the many "
    "negative terms of a long sequence.",
    change={"total / len": "total * len"},
)

greedy_with_a_cost = mistake(
    "greedy_search",
    "Your scores are positive: you changed the sign. A score is a sum of log probabilities, which "
    "are at most 0, and larger is better.",
    change={"return tokens, total": "return tokens, -total"},
)

greedy_returns_a_probability = mistake(
    "greedy_search",
    "You return the exponential of the score. The score itself is asked for: a sum of "
    "logarithms, divided by the length to the power alpha.",
    change={"total / len(tokens) ** alpha": "math.exp(total / len(tokens) ** alpha)"},
)

greedy_multiplies_probabilities = mistake(
    "greedy_search",
    "You multiply probabilities and take the logarithm at the end. After some hundred tokens the "
    "product is 0 and its logarithm -inf: add up the logarithms instead.",
    change={
        "total = 0.0": "p = 1.0",
        "total += float(log_p[best])": "p *= math.exp(log_p[best])",
        "total / len": "log(p) / len",
    },
)

greedy_returns_bos = mistake(
    "greedy_search",
    "Your tokens begin with bos. It belongs to the prefix that step gets, not to the result.",
    change={"return tokens": "return [bos, *tokens]"},
)

greedy_drops_eos = mistake(
    "greedy_search",
    "You leave eos out of the tokens. A finished sequence ends with it, which is how the caller "
    "can tell that it is finished.",
    change={"return tokens": "return [token for token in tokens if token != eos]"},
)

greedy_does_not_add_eos = mistake(
    "greedy_search",
    "The log probability of eos is missing in your sum: to end is a choice like any other.",
    change={"float(log_p[best])": "float(log_p[best]) if best != eos else 0.0"},
)

greedy_forgets_the_history = mistake(
    "greedy_search",
    "You pass only the last token to step. The next token depends on all tokens before it: pass "
    "the whole prefix, from bos on.",
    change={"[bos, *tokens]": "[bos, *tokens][-1:]"},
)

greedy_does_not_stop_at_eos = mistake(
    "greedy_search",
    "You go on after eos. A sequence is finished as soon as eos is chosen.",
    change={" and tokens[-1:] != [eos]": ""},
)

greedy_counts_bos_for_max_length = mistake(
    "greedy_search",
    "You stop one token too early: max_length counts the tokens after bos.",
    change={"< max_length": "< max(max_length - 1, 1)"},
)

greedy_takes_the_last_of_equals = mistake(
    "greedy_search",
    "Of equally probable tokens you take the last; it should be the one with the lowest number.",
    change={"log_p.argmax()": "(log_p == log_p.max()).nonzero()[-1]"},
)

# exhaustive_search --------------------------------------------------------------------------------

exhaustive_admits_unfinished = mistake(
    "exhaustive_search",
    "You return an unfinished sequence when its score is better. Only sequences that end in eos "
    "take part.",
    change={"_best(finished": "_best(finished + unfinished"},
)

exhaustive_without_normalisation = mistake(
    "exhaustive_search",
    "You return the most probable sequence and its log probability. The sums have to be divided by "
    "the length to the power alpha, before they are compared.",
    change={"(finished, alpha)": "(finished, 0)"},
)

exhaustive_normalises_the_winner = mistake(
    "exhaustive_search",
    "You compare the sums and divide the best one by its length afterwards. The candidates have "
    "different lengths: it is their scores that have to be compared.",
    change={
        "return _best": "tokens, total = _best",
        "(finished, alpha)": "(finished, 0)\n    return tokens, total / len(tokens) ** alpha",
    },
)

exhaustive_counts_bos = mistake(
    "exhaustive_search",
    "You count bos as a part of the sequence: the length is the number of tokens after it.",
    change={
        "+= [(tokens, total)": "+= [(tokens, total / (len(tokens) + 1) ** alpha)",
        "(finished, alpha)": "(finished, 0)",
    },
)

exhaustive_does_not_count_eos = mistake(
    "exhaustive_search",
    "You do not count eos as a part of the sequence. Its log probability is in the sum, and it "
    "counts in the length.",
    change={
        "+= [(tokens, total)": "+= [(tokens, total / max(len(tokens) - 1, 1) ** alpha)",
        "(finished, alpha)": "(finished, 0)",
    },
)

exhaustive_does_not_add_eos = mistake(
    "exhaustive_search",
    "The log probability of eos is missing in your sums: to end is a choice like any other.",
    change={
        "+= [(tokens, total)": "+= [([*tokens, eos], total)",
        "extended if tokens[-1] == eos": "unfinished",
    },
)

exhaustive_stops_too_early = mistake(
    "exhaustive_search",
    "Your sequences end one token too early: max_length counts eos and does not count bos.",
    change={"range(max_length)": "range(max(max_length - 1, 1))"},
)

exhaustive_stops_too_late = mistake(
    "exhaustive_search",
    "Your sequences get one token too long: eos is one of the max_length tokens.",
    change={"range(max_length)": "range(max_length + 1)"},
)

exhaustive_wants_full_length = mistake(
    "exhaustive_search",
    "You consider only sequences of exactly max_length tokens. All finished sequences of at most "
    "that length take part, down to eos alone.",
    change={"finished += ": "finished = "},
)

exhaustive_never_says_nothing = mistake(
    "exhaustive_search",
    "You leave out the shortest sequence of all, which is eos alone.",
    change={"_best(finished": "_best(finished[1:] or finished"},
)

exhaustive_goes_on_after_eos = mistake(
    "exhaustive_search",
    "You extend finished sequences. Nothing comes after eos, whatever probabilities step would "
    "give there.",
    change={" if tokens[-1] != eos": ""},
)

exhaustive_returns_the_first = mistake(
    "exhaustive_search",
    "You always return eos alone. Longer sequences take part as well, up to max_length "
    "tokens, and one of them may have a better score.",
    change={"range(max_length)": "range(1)"},
)

exhaustive_forgets_the_history = mistake(
    "exhaustive_search",
    "You pass only the last token to step. The next token depends on all tokens before it: pass "
    "whole prefixes, from bos on.",
    change={"_extensions(step,": "_extensions(lambda asked: step(asked[:, -1:]),"},
)

exhaustive_multiplies_probabilities = mistake(
    "exhaustive_search",
    "You multiply probabilities and take the logarithm at the end. Small products are rounded to 0 "
    "and their logarithm is -inf: add up the logarithms instead.",
    change={"+= [(tokens, total)": "+= [(tokens, log(math.exp(total)))"},
)

exhaustive_follows_one_prefix = mistake(
    "exhaustive_search",
    "You keep only the best prefix of each length. An exhaustive search drops none: a prefix that "
    "is worse now may lead to the best end.",
    change={"!= eos]": "!= eos]\n        unfinished = [_best(unfinished, 0)]"},
)

exhaustive_takes_the_last_of_equals = mistake(
    "exhaustive_search",
    "Of sequences with equal scores you return the longest, and of equally long ones the "
    "one with the higher first different token. It should be the shortest, and the lower "
    "token.",
    change={"_best(finished": "_best(finished[::-1]"},
)

# beam_search --------------------------------------------------------------------------------------

beam_stops_with_the_best = mistake(
    "beam_search",
    "You stop as soon as the best extension of a step ends in eos. A sequence that finishes later "
    "may have a better score, because its sum is divided by more.",
    change={"if not unfinished": "if not unfinished or places[0][0][-1] == eos"},
)

beam_stops_with_the_first = mistake(
    "beam_search",
    "You stop as soon as anything has finished. The search goes on until no prefix is left or "
    "max_length is reached: the best score may come later.",
    change={"if not unfinished": "if not unfinished or finished"},
)

beam_stops_when_enough_finished = mistake(
    "beam_search",
    "You stop when beam_size sequences have finished. In this course the search goes on until no "
    "prefix is left or max_length is reached, however many have finished.",
    change={"if not unfinished": "if not unfinished or len(finished) >= beam_size"},
)

beam_shrinks = mistake(
    "beam_search",
    "You give up the place of every finished sequence, so that your beam shrinks. There are "
    "beam_size places again in every step.",
    change={"[:beam_size]": "[: beam_size - len(finished)]"},
)

beam_keeps_finished_in_the_race = mistake(
    "beam_search",
    "You let finished sequences go on competing for places. They leave: only extensions of "
    "unfinished prefixes compete, and what has finished can no longer be pushed out.",
    change={"_extensions(": "finished + _extensions(", "finished += ": "finished = "},
)

beam_finishes_without_competing = mistake(
    "beam_search",
    "You give places to unfinished extensions only and set aside every extension that ends in eos. "
    "All compete together: an improbable end gets no place.",
    change={"extended[:beam_size]": "extended", "!= eos]": "!= eos][:beam_size]"},
)

beam_forgets_what_has_finished = mistake(
    "beam_search",
    "You forget sequences that finished in earlier steps. The answer is the best of all that have "
    "ever finished.",
    change={"finished += ": "finished = "},
)

beam_admits_unfinished = mistake(
    "beam_search",
    "In the end you let unfinished prefixes compete with finished sequences. They count only if "
    "nothing has finished.",
    change={"finished or unfinished": "finished + unfinished"},
)

beam_without_normalisation = mistake(
    "beam_search",
    "You return the most probable sequence and its log probability. The sums of sequences of "
    "different lengths have to be divided by the length to the power alpha.",
    change={"unfinished, alpha)": "unfinished, 0)"},
)

beam_normalises_the_winner = mistake(
    "beam_search",
    "You compare sums in the end and divide the best one by its length afterwards. The finished "
    "sequences have different lengths: it is their scores that have to be compared.",
    change={
        "return _best": "tokens, total = _best",
        "unfinished, alpha)": "unfinished, 0)\n    return tokens, total / len(tokens) ** alpha",
    },
)

beam_counts_bos = mistake(
    "beam_search",
    "You count bos as a part of the sequence: the length is the number of tokens after it.",
    change={
        "return _best(finished or unfinished, alpha)": (
            "scored = [\n"
            "        (tokens, total / (len(tokens) + 1) ** alpha)\n"
            "        for tokens, total in finished or unfinished\n"
            "    ]\n"
            "    return _best(scored, 0)"
        )
    },
)

beam_does_not_count_eos = mistake(
    "beam_search",
    "You do not count eos as a part of the sequence. Its log probability is in the sum, and it "
    "counts in the length.",
    change={
        "+= [(tokens, total)": "+= [(tokens, total / max(len(tokens) - 1, 1) ** alpha)",
        "unfinished, alpha)": "unfinished, 0 if finished else alpha)",
    },
)

beam_does_not_normalise_unfinished = mistake(
    "beam_search",
    "If nothing has finished you return a sum. The score of an unfinished prefix is divided by its "
    "length to the power alpha as well.",
    change={"unfinished, alpha)": "unfinished, alpha if finished else 0)"},
)

beam_ends_the_unfinished = mistake(
    "beam_search",
    "You end an unfinished prefix with eos, although the model has not. What has not finished "
    "within max_length is returned as it is.",
    change={
        "return _best": "tokens, score = _best",
        "unfinished, alpha)": (
            "unfinished, alpha)\n    return tokens if finished else [*tokens, eos], score"
        ),
    },
)

beam_swaps_prefix_and_token = mistake(
    "beam_search",
    "You mix up prefix and token of an extension: in a flattened (B, V) table entry i belongs to "
    "prefix i // V and token i % V.",
    change={
        "extended = _extensions(step, bos, unfinished)": (
            "extended = [\n"
            "            ([*unfinished[i % len(unfinished)][0], i // len(unfinished)], total)\n"
            "            for i, (_, total) in enumerate(_extensions(step, bos, unfinished))\n"
            "        ]"
        )
    },
)

beam_does_not_rearrange_prefixes = mistake(
    "beam_search",
    "You append the new tokens to the prefixes in the old order. Each new token belongs to the "
    "prefix that it extends: the prefixes have to be rearranged with their totals.",
    change={
        "places = extended[:beam_size]": (
            "places = [\n"
            "            ([*unfinished[min(i, len(unfinished) - 1)][0], tokens[-1]], total)\n"
            "            for i, (tokens, total) in enumerate(extended[:beam_size])\n"
            "        ]"
        )
    },
)

beam_lets_every_prefix_survive = mistake(
    "beam_search",
    "You let each prefix keep its own best extension. All extensions compete together: one prefix "
    "may get several places and another none.",
    change={
        "places = extended[:beam_size]": (
            "firsts = {}\n"
            "        for tokens, total in extended:\n"
            "            firsts.setdefault(tuple(tokens[:-1]), (tokens, total))\n"
            "        places = list(firsts.values()) if len(tokens) > 1 else extended[:beam_size]"
        )
    },
)

beam_begins_with_copies = mistake(
    "beam_search",
    "All your prefixes are the same one: you began with beam_size copies of it. Begin with one "
    "empty prefix; different ones come from its different extensions.",
    change={"[([], 0.0)]": "[([], 0.0)] * beam_size"},
)

beam_compares_last_tokens = mistake(
    "beam_search",
    "Extensions compete by the log probability of their last token alone. It is the total of the "
    "whole prefix that counts.",
    change={
        "bos, unfinished": "bos, [(tokens, 0.0) for tokens, _ in unfinished]",
        "places = extended[:beam_size]": (
            "before = {tuple(tokens): total for tokens, total in unfinished}\n"
            "        places = [(t, before[tuple(t[:-1])] + p) for t, p in extended[:beam_size]]"
        ),
    },
)

beam_forgets_the_history = mistake(
    "beam_search",
    "You pass only the last token of each prefix to step. The next token depends on all tokens "
    "before it: pass whole prefixes, from bos on.",
    change={"_extensions(step,": "_extensions(lambda asked: step(asked[:, -1:]),"},
)

beam_multiplies_probabilities = mistake(
    "beam_search",
    "You multiply probabilities. After some hundred tokens all products are 0, and nothing can be "
    "compared any more: add up the logarithms instead.",
    change={
        "extended.sort": (
            "extended = [(t, log(math.exp(total))) for t, total in extended]\n        extended.sort"
        )
    },
)

beam_keeps_the_worst = mistake(
    "beam_search",
    "You give the places to the least probable extensions: totals are negative, and the largest, "
    "the one nearest to 0, is the best.",
    change={", reverse=True": ""},
)

beam_stops_too_early = mistake(
    "beam_search",
    "You stop one token too early: max_length counts the tokens after bos, eos included.",
    change={"range(max_length)": "range(max(max_length - 1, 1))"},
)

beam_breaks_ties_the_other_way = mistake(
    "beam_search",
    "Of extensions with equal totals you give the place to the last. It goes to the extension of "
    "the earlier prefix, and of the same prefix to the lower token.",
    change={"extended.sort": "extended.reverse()\n        extended.sort"},
)

beam_asks_one_by_one = mistake(
    "beam_search",
    "Your results are right, but not the way you ask step: once for each length, with all"
    " unfinished prefixes of that length together, as int64, and about no finished "
    "sequence.",
    change={
        "extended = _extensions(step, bos, unfinished)": (
            "extended = []\n"
            "        for prefix in unfinished:\n"
            "            extended += _extensions(step, bos, [prefix])"
        )
    },
)

beam_is_greedy = mistake(
    "beam_search",
    "You ignore the beam and return what greedy search finds.",
    change={"[:beam_size]": "[:1]"},
)

# On a second device -------------------------------------------------------------------------------

sum_on_the_cpu = mistake(
    "greedy_search",
    "The sum of the log probabilities is a tensor on the CPU: begin with the number 0.0, or with "
    "zeros on the device of what step returns.",
    change={
        "total = 0.0": "total = torch.zeros(1, dtype=torch.float64)",
        "float(log_p[best])": "log_p[best]",
        "return tokens, total": "return tokens, float(total)",
    },
    on="cuda",
)

log_probabilities_in_numpy = mistake(
    "exhaustive_search",
    "You go through NumPy for the log probabilities, which knows the CPU only: tolist makes Python "
    "numbers of a tensor on any device.",
    change={
        "_extensions(step,": "_extensions(lambda asked: torch.from_numpy(step(asked).numpy()),"
    },
    on="cuda",
)

totals_are_always_on_the_cpu = mistake(
    "beam_search",
    "The totals of your beams are a tensor on the CPU: make it on the device of what step"
    " returns, or keep plain numbers.",
    change={
        "extended = _extensions(step, bos, unfinished)": (
            "rows = [[total] for _, total in unfinished]\n"
            '        totals = torch.tensor(rows, dtype=torch.float64, device="cpu")\n'
            "        prefixes = [(tokens, 0.0) for tokens, _ in unfinished]\n"
            "        extended = _extensions(lambda asked: totals + step(asked), bos, prefixes)"
        )
    },
    on="cuda",
)
