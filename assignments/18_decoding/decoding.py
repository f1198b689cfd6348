# %% [markdown]
# # 18. Decoding
#
# A decoder (of a translator, a captioner, any language model) does not write sentences. It answers
# one question, again and again: given all tokens so far, how probable is each token of the
# vocabulary as the next one? Turning these answers into *one* sentence is a search, called
# **decoding**, and it is the subject of this unit. There is nothing to differentiate here: the
# model is trained, and you look for its best output.
#
# | part | function | finds | prefixes looked at |
# |---|---|---|---|
# | 18.2 | `greedy_search` | a sequence, quickly | $T$ |
# | 18.3 | `exhaustive_search` | the best sequence | of the order $V^{T-1}$ |
# | 18.4 | `beam_search` | usually a good one | at most $k\,T$ |
#
# ($V$ tokens in the vocabulary, at most $T$ tokens in a sequence, beam size $k$.)
#
# **The model is a function.** The searches get it as an argument and know nothing else about it:
#
# ```python
# log_p = step(prefixes)     # prefixes: (B, t) int64   ->   log_p: (B, V)
# ```
#
# Each of the $B$ rows of `prefixes` is the beginning of a sequence, $t$ tokens long, and begins
# with the token `bos` ("beginning of sequence"). Row $b$ of `log_p` holds the *logarithms* of the
# probabilities of each next token after prefix $b$. A network behind `step` answers for many
# prefixes in one call nearly as fast as for one, but they all have the same length.
#
# - A sequence is **finished** when it ends with the token `eos` ("end of sequence"). Nothing comes
#   after `eos`, so `step` is never asked about a finished sequence.
# - `prefixes` are on the CPU; a model that lives elsewhere moves them. `log_p` comes on the model's
#   device, in its dtype, with any memory layout. It may hold $-\infty$: that token is impossible.
# - `bos` may be a token of the vocabulary or lie outside of it. It may even be the same number as
#   `eos` (GPT-2 does that), so only what comes *after* `bos` can finish a sequence.
#
# **Rules of this unit.** Anything from torch that sorts and selects is allowed; ready-made
# generators of other libraries are not. Results are plain Python: a list of ints and a float.
#
# **References.** Zhang, Lipton, Li & Smola, *Dive into Deep Learning*, section "Beam Search", from
# which the worked example is taken; Sutskever, Vinyals & Le, *Sequence to sequence learning with
# neural networks*, 2014; Wu et al., *Google's neural machine translation system*, 2016, section 7;
# Stahlberg & Byrne, *On NMT search errors and model errors: cat got your tongue?*, 2019. The idea
# of a beam is from speech recognition: Lowerre, *The HARPY speech recognition system*, 1976.

# %%
"""Decoding: the best sequence of a model by greedy, exhaustive and beam search."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Step = Callable[[Tensor], Tensor]  # prefixes (B, t) int64 -> log probabilities (B, V)


def require(condition: bool, message: str) -> None:
    """Raises ValueError(message) unless the condition holds."""
    if not condition:
        raise ValueError(message)


def require_search(bos: int, eos: int, max_length: int, alpha: float) -> None:
    """Raises ValueError unless these are tokens, a length and an exponent to search with."""
    require(bos >= 0, f"bos must be a token, at least 0, got {bos}")
    require(eos >= 0, f"eos must be a token, at least 0, got {eos}")
    require(max_length >= 1, f"max_length must be at least 1, got {max_length}")
    require(alpha >= 0, f"alpha must be at least 0, got {alpha}")


# %% [markdown]
# ## 18.1 The score of a sequence
#
# By the chain rule of probability, a sequence of tokens $y_1, \dots, y_L$ has the probability
#
# $$P(y_1, \dots, y_L) = \prod_{t=1}^{L} P(y_t \mid \texttt{bos}, y_1, \dots, y_{t-1}) .$$
#
# Each factor depends on **all** tokens before it, not on the last one only.
#
# **Logarithms, and only logarithms.** Four hundred factors of $0.1$ make $10^{-400}$, which is 0 in
# float64 (in float32 it takes no more than 46 such factors), and then all sequences are equally
# bad. The logarithm turns the product into a sum, $400 \cdot \ln 0.1 = -921.03$, a perfectly
# ordinary number. `step` returns logarithms; never leave them.
#
# **Length.** Every factor is at most 1, so a longer sequence is nearly always less probable than a
# shorter one, and a search for the most probable sequence ends as early as it can: the best
# translation would often be the empty one (Stahlberg & Byrne found that for more than half of the
# sentences of a good translator). So sums are compared *per token*, more or less:
#
# $$\boxed{\ \operatorname{score}(y_1, \dots, y_L) = \frac{1}{L^{\alpha}}
# \sum_{t=1}^{L} \log P(y_t \mid \texttt{bos}, y_1, \dots, y_{t-1})\ }$$
#
# - $\alpha = 0$ compares probabilities, $\alpha = 1$ the mean per token; here $\alpha = 0.75$
#   unless something else is asked for.
# - **The length $L$ does not count `bos`, and it does count `eos`**, just as the sum has a term
#   $\log P(\texttt{eos} \mid \dots)$ and none for `bos`. A sequence that is `eos` alone has
#   $L = 1$.
# - Scores are negative, and *larger* (nearer to 0) is better. Dividing by $L^\alpha$ makes long
#   sequences **better**.
#
# Other programs count otherwise. Hugging Face's `generate` calls $\alpha$ `length_penalty`, with
# the default 1; Wu et al. divide by $((5 + L)/6)^{\alpha}$. Scores of two programs can be compared
# only if their formulas are the same.
#
# ### The worked example of this unit
#
# The vocabulary is A, B, C, eos (tokens 0 to 3), and `bos` is 4. Suppose that the decoder gives
# these probabilities, one row per step; at each step the most probable token is chosen:
#
# | next token | A | B | C | eos | chosen |
# |---|---|---|---|---|---|
# | step 1 | **0.5** | 0.2 | 0.2 | 0.1 | A |
# | step 2 | 0.1 | **0.4** | 0.3 | 0.2 | B |
# | step 3 | 0.2 | 0.2 | **0.4** | 0.2 | C |
# | step 4 | 0.0 | 0.2 | 0.2 | **0.6** | eos |
#
# The result A B C eos has the probability $0.5 \cdot 0.4 \cdot 0.4 \cdot 0.6 = 0.048$.
#
# Now choose C at step 2, although B is more probable. The prefix is another one from here on, and
# so are the probabilities that the decoder gives after it:
#
# | next token | A | B | C | eos | chosen |
# |---|---|---|---|---|---|
# | step 1 | **0.5** | 0.2 | 0.2 | 0.1 | A |
# | step 2 | 0.1 | 0.4 | **0.3** | 0.2 | C |
# | step 3 | 0.1 | **0.6** | 0.2 | 0.1 | B |
# | step 4 | 0.1 | 0.2 | 0.1 | **0.6** | eos |
#
# A C B eos has the probability $0.5 \cdot 0.3 \cdot 0.6 \cdot 0.6 = 0.054$. **A worse second step
# has led to a better sequence.** (In the public tests the first token makes no difference to the
# steps after it, and only C as the *second* token leads to the second table.)
#
# The scores of some sequences for three values of $\alpha$:
#
# | sequence | probability | $L$ | $\alpha = 0$ | $\alpha = 0.75$ | $\alpha = 1$ |
# |---|---|---|---|---|---|
# | eos | 0.1 | 1 | **−2.303** | −2.303 | −2.303 |
# | A eos | 0.1 | 2 | **−2.303** | −1.369 | −1.151 |
# | A B eos | 0.04 | 3 | −3.219 | −1.412 | −1.073 |
# | A B C eos | 0.048 | 4 | −3.037 | −1.074 | −0.759 |
# | A C B eos | 0.054 | 4 | −2.919 | **−1.032** | **−0.730** |
#
# With $\alpha = 0$ nothing is better than to say nothing at all.

# %% [markdown]
# ## 18.2 Greedy search
#
# Take the most probable token at each step and never look back:
#
# $$y_t = \operatorname*{arg\,max}_{v \in \{0, \dots, V-1\}}\
# \log P(v \mid \texttt{bos}, y_1, \dots, y_{t-1}),$$
#
# until `eos` comes or `max_length` tokens have been chosen. In the first case the sequence is
# finished, and `eos` is its last token; in the second it is unfinished, and its length is
# `max_length`. Either way, the score is that of 18.1. Of equally probable tokens take the one with
# the **lowest number**.
#
# It takes one call of `step` per token, each with a single prefix, of shape $(1, t)$ for
# $t = 1, 2, \dots$ The choice maximises every factor, but **not the product**, since a choice
# changes all factors after it: the example above.
#
# **Example.** A B C eos, with the score $\ln(0.048)/4^{0.75} = -3.0366/2.8284 = -1.0736$. With
# `max_length=2`: A B, unfinished, with the score $\ln(0.2)/2^{0.75} = -0.9570$.
#
# **What usually goes wrong.** *Passing only the last token to `step`:* the model then has no
# memory. *Multiplying probabilities:* after a few hundred tokens they are 0. *Counting `bos` in the
# length*, or *not counting `eos`*. *Losing `eos`*, from the tokens or from the sum.


# %%
def greedy_search(
    step: Step, *, bos: int, eos: int, max_length: int, alpha: float = 0.75
) -> tuple[list[int], float]:
    """The sequence that takes the most probable token at each step.

    Formula: y[t] = argmax_v log P(v | bos, y[1], ..., y[t-1]), the lowest v of equals;
    score = sum_t log P(y[t] | ...) / L^alpha   (Dive into Deep Learning, "Greedy Search").

    Args:
        step: takes prefixes (B, t), int64, that begin with bos, and returns the log probabilities
            (B, V) of the next tokens. It is called once for each token.
        bos: the token with which prefixes begin.
        eos: the token that finishes a sequence.
        max_length: the largest number of tokens, at least 1. bos does not count, eos does.
        alpha: exponent of the length, at least 0.

    Returns:
        tokens: a list of L ints, 1 <= L <= max_length, without bos. The last is eos if the
            sequence is finished; there is no other eos.
        score: a float.

    Raises:
        ValueError: if bos, eos or alpha is negative, or max_length is less than 1.
    """
    require_search(bos, eos, max_length, alpha)
    # TODO: choose the most probable token until eos or max_length; add up the log probabilities.
    raise NotImplementedError("greedy_search is not written yet")


# %% [markdown]
# ## 18.3 Exhaustive search
#
# To be sure to find the best sequence, look at all of them. They form a tree: the root is the empty
# prefix, and each unfinished prefix has $V$ children, one for each next token. One of these is
# `eos`: it finishes a sequence and has no children. The others go on, until a branch has
# `max_length` tokens.
#
# Go through the tree level by level. At level $t$ there is a list of all unfinished prefixes of $t$
# tokens, each with its **total** (the sum of its log probabilities). One call of `step` extends all
# of them by all tokens:
#
# $$\underset{(B, V)}{\text{totals after}} = \underset{(B, 1)}{\text{totals before}}
# + \underset{(B, V)}{\log P(\cdot \mid \text{prefixes})} .$$
#
# What ends in `eos` is a candidate for the answer. The rest is the next list. The answer is the
# candidate with the best *score*. Sequences that are still unfinished at `max_length` are **no**
# candidates, however good they look. (There is always a candidate: `eos` alone.) Of equal scores
# the shorter sequence wins, and of equally long ones the one with the lower token at the first
# place where they differ.
#
# **The cost.** Level $t$ has $(V-1)^t$ unfinished prefixes. With the vocabulary of a translator,
# $V = 10\,000$, and $T = 10$ that is $10^{36}$ prefixes for the last level alone. With small
# vocabularies it is a useful tool, though: it says how often the other searches miss the best.
#
# **Example.** In the worked example with `max_length=4` the tree has
# $1 + 3 + 9 + 27 = 40$ unfinished prefixes with at most three tokens and so 40 finished sequences.
# The best one is A C B eos, with the score $\ln(0.054)/4^{0.75} = -1.0320$. With `max_length=3` the
# best is A eos, $\ln(0.1)/2^{0.75} = -1.3691$; A B eos comes next. (A C B has the score
# $\ln(0.09)/3^{0.75} = -1.0563$, which is better, but it is not finished.)
#
# **What usually goes wrong.** *Extending finished sequences.* *Comparing totals and dividing by the
# length afterwards:* the division has to come before the comparison, since the candidates have
# different lengths. *Forgetting the sequence that is `eos` alone.* *Counting to `max_length`
# without `eos`.*


# %%
def exhaustive_search(
    step: Step, *, bos: int, eos: int, vocab_size: int, max_length: int, alpha: float = 0.75
) -> tuple[list[int], float]:
    """The best of all finished sequences of at most max_length tokens.

    Formula: argmax over all y[1..L] with L <= max_length, y[L] = eos and no eos before it, of
    sum_t log P(y[t] | bos, y[1], ..., y[t-1]) / L^alpha
    (Dive into Deep Learning, "Exhaustive Search").

    Args:
        step: takes prefixes (B, t), int64, that begin with bos, and returns the log probabilities
            (B, V) of the next tokens.
        bos: the token with which prefixes begin.
        eos: the token that finishes a sequence.
        vocab_size: the number of tokens, V, at least 2.
        max_length: the largest number of tokens, at least 1. bos does not count, eos does.
        alpha: exponent of the length, at least 0.

    Returns:
        tokens: a list of L ints without bos, finished: the last is eos, and no other. Of equal
            scores the shorter sequence, then the one with the lower first different token.
        score: a float.

    Raises:
        ValueError: if bos, eos or alpha is negative, eos is not below vocab_size, vocab_size is
            less than 2, or max_length less than 1.
    """
    require_search(bos, eos, max_length, alpha)
    require(vocab_size >= 2, f"vocab_size must be at least 2, got {vocab_size}")
    require(eos < vocab_size, f"eos must be below vocab_size, {vocab_size}, got {eos}")
    # TODO: go through all sequences; return the finished one with the best score.
    raise NotImplementedError("exhaustive_search is not written yet")


# %% [markdown]
# ## 18.4 Beam search
#
# Between one prefix (greedy) and all of them (exhaustive) there is a compromise: keep the $k$ most
# promising ones at each step. $k$ is the **beam size**.
#
# Start with the empty prefix, whose total is 0. Then, at most `max_length` times:
#
# 1. **Extend.** One call of `step` with all $B \le k$ unfinished prefixes, $(B, t)$, gives $(B, V)$
#    log probabilities and so $B \cdot V$ extensions. The total of an extension is the total of its
#    prefix plus the log probability of its token.
# 2. **Compete.** All $B \cdot V$ extensions compete **together** by their totals for $k$ places.
#    (They are all of the same length, so totals and scores have the same order here.) Equal totals:
#    the extension of the earlier prefix first; of the same prefix, the lower token first. If there
#    are fewer than $k$ extensions, all are kept.
# 3. **Leave.** Extensions with a place that end in `eos` are finished. They are put aside with
#    their totals and take no further part: not as prefixes, and not as competitors for places.
# 4. The others, best first, are the prefixes of the next step. In the next step there are **$k$
#    places again**, however many sequences have left. If no prefix is left, stop.
#
# **The answer** is the sequence with the best *score* among **all** that have ever finished,
# whenever that was. Lengths differ now, so it matters that scores are compared and not totals. Only
# if none has finished within `max_length` tokens is it the best of the unfinished prefixes. Of
# equal scores the sequence that finished first wins, and in the same step the one that had the
# better place.
#
# $k = 1$ is greedy search. If $k$ is at least $V (V-1)^{T-1}$, nobody is ever dropped, and it is
# exhaustive search. In between, **a larger beam is not always better**: a prefix that a small beam
# would have kept can be pushed out by others that look better for a while. And even where a larger
# beam finds better scores, sentences may get worse: the most probable sequence of an imperfect
# model need not be a good sentence.
#
# **Do not stop early.** When the best extension of a step ends in `eos`, it is tempting to return
# it. But a longer sequence with a lower probability may have a better score, because it is divided
# by $L^\alpha$. In this unit the search goes on until no prefix is left or `max_length` is reached.
#
# **Example.** The worked example with $k = 2$:
#
# | step | prefixes | best extensions | places |
# |---|---|---|---|
# | 1 | (empty) | A 0.5, B 0.2, C 0.2, eos 0.1 | A, B (tie with C: lower token) |
# | 2 | A; B | AB 0.2, AC 0.15, A eos 0.1, BB 0.08 | AB, AC |
# | 3 | AB; AC | ACB 0.09, ABC 0.08, ABA 0.04, ABB 0.04 | ACB, ABC |
# | 4 | ACB; ABC | ACB eos 0.054, ABC eos 0.048, ACBB 0.018, ABCB 0.016 | both eos: finished |
#
# ![A tree from left to right, one column for each of four steps. From the empty prefix, A with 0.5
# and B with 0.2 are kept. At step 2 both places go to extensions of A: AB with 0.2 and AC with
# 0.15. At step 3, ABC with 0.08 and ACB with 0.09 are kept, at step 4 the finished ABC eos with
# 0.048 and ACB eos with 0.054. All other extensions are drawn in grey and have no
# children.](figures/beam.svg)
#
# In the figure stands everything that the beam looks at, with its probability: blue has a place,
# green is finished, grey is dropped. At step 2 all extensions compete, so B leaves no descendants;
# at step 3 ACB overtakes ABC, which a beam of size 1 would never have seen.
#
# No prefix is left; the better score is that of A C B eos, $-1.0320$. It asked about
# $1 + 2 + 2 + 2 = 7$ prefixes instead of 40. With $k = 3$, A eos gets a place at step 2: it leaves
# with the score $-1.3691$, which is worse in the end.
#
# **What usually goes wrong.** *Mixing up whose extension it is:* if log probabilities are flattened
# to $(B V,)$, entry $i$ belongs to prefix $\lfloor i / V \rfloor$ and token $i \bmod V$; the tokens
# of the prefixes must be rearranged with their totals. *Letting each prefix keep its own best
# extension* instead of letting all compete. *Starting with $k$ copies of the empty prefix:* they
# stay copies for ever. *Losing the finished sequences* of earlier steps, or *giving up their
# places* so that the beam shrinks. *Comparing totals of different lengths at the end.*
#
# Implementations differ in when they stop and in what happens to the places of finished sequences.
# Those of Hugging Face and fairseq, for instance, look at the best $2k$ extensions, so that $k$
# unfinished ones are left. The rules above are those of this course.


# %%
def beam_search(
    step: Step, *, bos: int, eos: int, beam_size: int, max_length: int, alpha: float = 0.75
) -> tuple[list[int], float]:
    """The best finished sequence that is found by keeping beam_size extensions at each step.

    Formula: total(prefix + v) = total(prefix) + log P(v | bos, prefix); the beam_size largest
    totals of a step keep a place, those that end in eos leave. The answer has the largest
    total / L^alpha among all that left   (Sutskever, Vinyals & Le, 2014, section 3.2).

    Args:
        step: takes prefixes (B, t), int64, that begin with bos, and returns the log probabilities
            (B, V) of the next tokens. It is called at most once for each t, with at most beam_size
            prefixes, all unfinished.
        bos: the token with which prefixes begin.
        eos: the token that finishes a sequence.
        beam_size: places in each step, at least 1.
        max_length: the largest number of tokens, at least 1. bos does not count, eos does.
        alpha: exponent of the length, at least 0.

    Returns:
        tokens: a list of L ints, 1 <= L <= max_length, without bos. The last is eos if the
            sequence is finished. Unfinished only if none finished. Of equal scores the sequence
            that finished first, and in the same step the one with the better place.
        score: a float.

    Raises:
        ValueError: if bos, eos or alpha is negative, or beam_size or max_length is less than 1.
    """
    require_search(bos, eos, max_length, alpha)
    require(beam_size >= 1, f"beam_size must be at least 1, got {beam_size}")
    # TODO: extend the unfinished prefixes, keep the best beam_size extensions, set the finished
    # ones aside; return the best in the end.
    raise NotImplementedError("beam_search is not written yet")


# %% [markdown] question="length_exponent" points=2
# ### Question: what the exponent does (2 points)
#
# Two sequences end with `eos`: one of length 2 with the total $-2.0$, one of length 8 with the
# total $-4.0$. (a) For which $\alpha \ge 0$ does the longer one win? (b) Take any model. What kind
# of sequences does exhaustive search prefer for $\alpha = 0$, what for very large $\alpha$, and
# why?

# %% [markdown] answer="length_exponent"
# *Write your answer here.*

# %% [markdown] question="when_to_stop" points=2
# ### Question: when could it stop? (2 points)
#
# Somebody wants to make `beam_search` faster: "All log probabilities are at most 0, so as soon as
# the best finished score is at least as good as the score of the best unfinished prefix *at its
# present length*, nothing better can come." (a) Show with numbers that for $\alpha > 0$ this may
# miss the best sequence of the beam. (b) Give a condition under which it is safe to stop, using
# `max_length` $= T$, and prove it.

# %% [markdown] answer="when_to_stop"
# *Write your answer here.*
