"""A forbidden operator costs the exercise that called it, with a sentence that names it."""

from __future__ import annotations

import pytest

from autograder.course import DEFAULT_RULES, OPERATOR_GROUPS, group_of
from autograder.grading.operators import ban_of, sentence
from autograder.report import failure_told

FULL = {"scale_forward": 6.0, "scale_backward": 3.0, "total": 2.0, "descend": 2.0}

BY_AUTOGRAD = """
def scale_backward(dout, cache):
    x, w = (t.detach().requires_grad_() for t in cache)
    return torch.autograd.grad((x * w * dout).sum(), (x, w))
"""


def exercises(graded):
    return {e.name: e for e in graded.exercises if not e.written}


def test_autograd_costs_its_exercise_and_no_other(grade):
    found = exercises(grade(BY_AUTOGRAD))
    assert {name: e.points for name, e in found.items()} == {**FULL, "scale_backward": 0.0}
    failures = [test.failure for test in found["scale_backward"].tests]
    assert {failure.category for failure in failures} == {"forbidden operator"}
    assert failures[0].operator == "torch.autograd.grad"
    assert failures[0].line == "scaling.py:70"
    assert failures[0].message == (
        "scale_backward used torch.autograd.grad, which this unit asks you to write yourself."
    )


def test_the_whole_exercise_is_lost_where_one_input_takes_the_forbidden_way(grade):
    found = exercises(
        grade(
            """
            def total(x, w):
                if len(x) > 1:
                    return torch.logsumexp(scale_forward(x, w)[0].flatten(), 0)
                return scale_forward(x, w)[0].sum()

            def scale_forward(x, w):
                if w.dim() != 1:
                    raise ValueError("w must have rank 1")
                if w.dtype == torch.float64:
                    return torch.layer_norm(x, x.shape), None
                return x * w, (x, w)
            """
        )
    )
    assert found["scale_forward"].points == 0.0
    assert found["scale_forward"].status == "wrong"
    named = {test.failure.operator for test in found["scale_forward"].tests}
    assert named == {"aten::layer_norm"}
    assert found["descend"].status == "full"


def test_catching_the_exception_gains_nothing(grade):
    found = exercises(
        grade(
            """
            def scale_backward(dout, cache):
                x, w = (t.detach().requires_grad_() for t in cache)
                try:
                    return torch.autograd.grad((x * w * dout).sum(), (x, w))
                except BaseException:
                    return dout * w.detach(), None
            """
        )
    )
    assert found["scale_backward"].points == 0.0
    assert {n: e.points for n, e in found.items() if n != "scale_backward"} == {
        name: points for name, points in FULL.items() if name != "scale_backward"
    }


def test_a_student_is_told_the_operator_and_nothing_of_the_input(grade):
    found = exercises(grade(BY_AUTOGRAD))
    hidden = [t for t in found["scale_backward"].tests if t.visibility == "hidden"]
    assert hidden
    for test in hidden:
        assert "torch.autograd.grad" in failure_told(test)
        assert test.failure.inputs == {}


def test_an_exception_that_only_says_so_is_no_way_to_print_inputs(grade):
    found = exercises(
        grade(
            """
            class ForbiddenOperator(RuntimeError):
                pass

            def total(x, w):
                raise ForbiddenOperator(f"aten::{x.flatten().tolist()} may not be used")
            """
        )
    )
    test = found["total"].tests[0]
    assert test.failure.category == "forbidden operator"
    assert (
        failure_told(test) == "total used an operator, which this unit asks you to write yourself."
    )


def test_the_rules_that_held_stand_in_the_result(grade):
    assert grade().layers["forbidden operators"] == "ok"


@pytest.mark.parametrize(
    ("operator", "group"),
    [
        ("aten::convolution_backward", "autograd"),
        ("aten::mkldnn_convolution", "convolution"),
        ("quantized::conv2d.new", "convolution"),
        ("aten::_convert_indices_from_coo_to_csr", None),
        ("prims::convert_element_type", None),
        ("aten::im2col", "windows"),
        ("aten::max_pool2d_with_indices", "pooling"),
        ("aten::_thnn_fused_gru_cell", "recurrent"),
        ("aten::native_layer_norm", "normalisation"),
        ("aten::norm.Scalar", None),
        ("aten::linalg_vector_norm", None),
        ("aten::_log_softmax", "softmax"),
        ("aten::logcumsumexp", "softmax"),
        ("aten::log", None),
        ("aten::exp", None),
        ("aten::nll_loss_forward", "losses"),
        ("aten::_fused_adamw_", "optimisers"),
        ("aten::_foreach_add_.List", None),
        ("aten::sigmoid_", "sigmoid"),
        ("aten::tanh", "tanh"),
        ("aten::atanh", None),
        ("aten::clamp", None),
        ("aten::einsum", None),
        ("aten::as_strided", None),
    ],
)
def test_an_operator_belongs_to_the_group_that_a_reader_would_say(operator, group):
    assert group_of(operator, OPERATOR_GROUPS) == group


def test_every_group_means_operators_or_functions_that_exist():
    import torch

    known = torch._C._dispatch_get_all_op_names()
    for name, group in OPERATOR_GROUPS.items():
        assert any(group_of(operator, [name]) for operator in known), name
        assert not set(group.python) & set(known)


def test_a_unit_that_allows_everything_has_workers_without_rules():
    assert not ban_of([])
    assert ban_of(DEFAULT_RULES)
    assert ban_of([name for name in DEFAULT_RULES if name != "autograd"]).autograd is False


def test_the_sentence_says_what_kind_of_operator_it_is():
    assert "(convolutions)" in sentence("conv2d_forward", "aten::convolution")
