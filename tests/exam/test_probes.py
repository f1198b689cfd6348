"""Which examples run on the simulated device."""

from __future__ import annotations

import sys
import types
from types import SimpleNamespace

import torch

from autograder.exam.probes import Watch, probes
from autograder.testing import CallRecord, ModuleBackend

SOURCE = """
import torch

def double(x):
    if x.dim() == 0:
        return x * 2
    return torch.stack([row + row for row in x])
"""


def call(*args, value=None, error=None, **kwargs):
    value = torch.ones(2) if value is None else value
    return CallRecord("f", args, kwargs, value, error=error)


def example(*calls, operators=0, messages=1, lines=()):
    counts = {"operators": operators, "messages": messages, "lines": set(lines)}
    return SimpleNamespace(calls=list(calls), **counts)


def chosen(**examples):
    """The chosen ones of tests, of which those called public... are public."""
    tests = [
        SimpleNamespace(variant=k, exercise="f", examples=v, public=k.startswith("public"))
        for k, v in examples.items()
    ]
    return probes(tests)


def test_the_cheapest_is_enough_where_all_show_the_same():
    dear, cheap = (example(call(torch.ones(2)), operators=n) for n in (500, 5))
    assert chosen(one=[dear], two=[dear, cheap]) == {"two": [1]}
    talks = example(call(torch.ones(2)), messages=40)
    assert chosen(one=[talks, dear]) == {"one": [1]}


def test_what_public_tests_show_no_hidden_one_is_asked_for():
    dear, cheap = (example(call(torch.ones(2)), operators=n) for n in (500, 5))
    more = example(call(torch.ones(2)), lines=[8])
    assert chosen(hidden=[cheap], public=[dear]) == {"public": [0]}
    assert chosen(hidden=[cheap, more], public=[dear]) == {"public": [0], "hidden": [1]}


def test_every_form_of_call_is_made():
    x = torch.ones(2)
    usual = example(call(x, None))
    forms = [
        example(call(x, x)),
        example(call(torch.tensor(1.0), None)),
        example(call(x.long(), None)),
        example(call(x, None, scale=True)),
        example(call(x, None, scale=False)),
        example(call([x, x], None)),
    ]
    assert sorted(chosen(usual=[usual, usual], other=forms)["other"]) == list(range(len(forms)))


def test_every_line_that_is_reached_is_reached():
    short, long = (example(call(torch.ones(2)), operators=len(n), lines=n) for n in ([1], [2, 3]))
    assert chosen(one=[short, long, short]) == {"one": [1, 0]}


def test_a_dimension_of_one_is_avoided_unless_that_costs_much():
    narrow, wide, vast = (
        example(call(torch.ones(size)), operators=operators)
        for size, operators in ((1, 0), (2, 100), (2, 300))
    )
    assert chosen(one=[narrow, wide]) == {"one": [1]}
    assert chosen(one=[narrow, vast]) == {"one": [0]}


def test_what_is_refused_or_has_no_tensors_says_nothing_of_devices():
    refused = example(call(torch.ones(2), error=ValueError()))
    plain = example(call(3, [1.5, None], value=(4, "a")))
    assert chosen(one=[refused, plain]) == {}
    assert chosen(one=[refused, example(call(3, value=torch.ones(2)))]) == {"one": [1]}


def test_a_watch_notes_lines_and_operators_and_leaves_tracing_as_it_was():
    module = types.ModuleType("doubling")
    exec(compile(SOURCE, "doubling.py", "exec"), module.__dict__)

    def watched(x):
        watch, record = Watch(ModuleBackend(module)), CallRecord("double", (x,), {})
        with watch:
            watch.call(record)
        assert torch.equal(record.value, 2 * x)
        return watch

    def tracer(frame, event, arg):
        return None

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        one = watched(torch.tensor(3.0))
        assert sys.gettrace() is tracer
    finally:
        sys.settrace(before)
    assert one.messages == 1
    few, many = watched(torch.ones(2, 3)), watched(torch.ones(9, 3))
    assert one.lines == {4, 5, 6}
    assert few.lines == many.lines == {4, 5, 7}
    assert 0 < one.operators < few.operators < many.operators


def test_a_watch_hears_calls_of_functions_that_are_passed_in():
    module = types.ModuleType("walking")
    exec("def walk(f, x, *, g):\n    return g(f(f(x)))", module.__dict__)
    watch, record = Watch(ModuleBackend(module)), CallRecord("walk", (str.upper, "a"), {"g": len})
    watch.call(record)
    assert record.value == 1
    assert watch.messages == 4
    assert record.args[0] is str.upper
