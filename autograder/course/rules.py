"""What the exercises of a unit may not use: groups of operators, and what a unit says about them.

A unit forbids what is the answer itself. `OPERATOR_GROUPS` names such things; `DEFAULT_RULES` are
forbidden unless the unit says otherwise, in the marker of one text cell of its module:

    # %% [markdown] forbids="relu sigmoid tanh" allows="softmax"

``allows="everything"`` lifts all rules, for units that build models from `torch.nn`.

Operators are meant by the names that PyTorch's dispatcher gives them (``aten::convolution``), as
regular expressions, so that a variant, a fused kernel or another library's copy of the same
operator is meant as well. NumPy's functions that are the answer are meant too, SciPy as a whole;
what is computed element by element with Python's `math` is the student's own loop.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from autograder.course.declarations import CourseError, place
from autograder.course.percent import read_cells

EVERYTHING = "everything"


@dataclass(frozen=True)
class Group:
    """Some operators that are one thing to a student.

    Attributes:
        what: in words, e.g. ``"convolutions"``.
        operators: regular expressions that are searched in the dispatcher's names.
        python: functions that are not operators, by their dotted names: of PyTorch where it is
            Python, and of NumPy.
        words: attributes by which a text that uses the group can be recognised.
    """

    what: str
    operators: tuple[str, ...] = ()
    python: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


_STEPS = ("adadelta", "adagrad", "adam", "adamax", "adamw", "nadam", "radam", "rmsprop", "sgd")

OPERATOR_GROUPS: dict[str, Group] = {
    "autograd": Group(
        "autograd",
        # Gradients are operators too: tanh_backward, convolution_backward, ...
        ("backward", "make_dual", "fw_primal", "[_:]jvp", "[_:]vjp"),
        (
            "torch.autograd.backward",
            "torch.autograd.grad",
            "torch.autograd.graph._engine_run_backward",
            "torch.Tensor.backward",
            *(f"torch.autograd.functional.{name}" for name in ("hessian", "hvp", "jacobian")),
            *(f"torch.autograd.functional.{name}" for name in ("jvp", "vhp", "vjp")),
            "torch.autograd.forward_ad.make_dual",
            *(f"torch.func.{name}" for name in ("grad", "grad_and_value", "hessian", "jacfwd")),
            *(f"torch.func.{name}" for name in ("jacrev", "jvp", "linearize", "vjp")),
        ),
        ("backward", "requires_grad", "requires_grad_", "autograd", "retain_grad", "grad_fn"),
    ),
    "convolution": Group(
        "convolutions",
        ("conv(?!ert)", "nnpack", "xnnpack"),
        (
            *("numpy.convolve", "numpy.correlate"),
            *("numpy._core.multiarray.correlate", "numpy._core.multiarray.correlate2"),
        ),
        ("conv1d", "conv2d", "conv3d", "convolve", "correlate"),
    ),
    "windows": Group(
        "unfold and fold", ("im2col", "col2im"), (), ("unfold", "fold", "Unfold", "Fold")
    ),
    "pooling": Group(
        "pooling",
        ("pool[123]d",),
        (),
        ("max_pool1d", "max_pool2d", "avg_pool1d", "avg_pool2d", "adaptive_avg_pool2d"),
    ),
    "recurrent": Group("recurrent layers", ("lstm", "gru", "rnn"), (), ("LSTM", "GRU", "RNN")),
    "normalisation": Group(
        "normalisation layers",
        ("(batch|layer|group|instance|rms|weight)_?norm",),
        (),
        ("batch_norm", "layer_norm", "group_norm", "instance_norm", "rms_norm"),
    ),
    "dropout": Group("dropout", ("dropout",), (), ("dropout", "Dropout")),
    "attention": Group(
        "attention",
        ("attention", "multi_?head", "transformer"),
        (),
        ("scaled_dot_product_attention", "MultiheadAttention"),
    ),
    "softmax": Group(
        "softmax and log-sum-exp",
        ("softmax", "softmin", "log(sum|add|cumsum)_?exp"),
        ("numpy.logaddexp", "numpy.logaddexp2"),
        ("softmax", "log_softmax", "logsumexp", "logaddexp", "logcumsumexp", "softmin"),
    ),
    "losses": Group(
        "losses",
        ("loss", "cross_entropy", "kl_div"),
        (),
        ("cross_entropy", "nll_loss", "mse_loss", "binary_cross_entropy", "kl_div"),
    ),
    "optimisers": Group(
        "optimisers",
        ("fused_(adam|sgd|adagrad|muon)",),
        (
            "torch.optim.Optimizer.__init__",
            *(f"torch.optim.{name}.{name}" for name in _STEPS),
            *(f"torch.optim.{name}._single_tensor_{name}" for name in _STEPS if name != "adamw"),
            *(f"torch.optim.{name}._multi_tensor_{name}" for name in _STEPS if name != "adamw"),
        ),
        ("optim",),
    ),
    "relu": Group("ReLU", ("relu", "threshold", "hardtanh", "::[cs]?elu"), (), ("relu", "ReLU")),
    "sigmoid": Group(
        "the sigmoid",
        ("sigmoid", "expit", "silu", "::glu", "swish", "mish"),
        (),
        ("sigmoid", "expit", "logsigmoid", "Sigmoid"),
    ),
    "tanh": Group(
        "tanh", ("(?<!a)(?<!arc)tanh", "gelu", "mish"), ("numpy.tanh",), ("tanh", "Tanh")
    ),
}

DEFAULT_RULES = (
    *("autograd", "convolution", "windows", "pooling", "recurrent", "normalisation", "dropout"),
    *("attention", "softmax", "losses", "optimisers"),
)
"""What is forbidden unless the unit says otherwise."""


def declared_rules(path: Path) -> tuple[str, ...]:
    """The groups that a unit forbids: `DEFAULT_RULES`, and what its module says about them.

    Args:
        path: the unit's module.

    Returns:
        Names of groups, in the order of `OPERATOR_GROUPS`.

    Raises:
        CourseError: a group is not known, or two cells declare rules.
    """
    cells = [c for c in read_cells(path.read_text(encoding="utf-8")) if _KEYS & c.metadata.keys()]
    if len(cells) > 1:
        raise CourseError(
            f"{place(path, cells[1].line)}: the rules of the unit stand on line {cells[0].line} "
            "already; say there what is forbidden and what is allowed."
        )
    forbidden = set(DEFAULT_RULES)
    for cell in cells:
        where = place(path, cell.line)
        allowed = _named(cell.metadata.get("allows", ""), where)
        forbidden |= _named(cell.metadata.get("forbids", ""), where) - {EVERYTHING}
        forbidden -= set(OPERATOR_GROUPS) if EVERYTHING in allowed else allowed
    return tuple(name for name in OPERATOR_GROUPS if name in forbidden)


_KEYS = {"forbids", "allows"}


def _named(value: object, where: str) -> set[str]:
    names = set(str(value).split())
    for name in sorted(names - OPERATOR_GROUPS.keys() - {EVERYTHING}):
        raise CourseError(
            f"{where}: there is no group of operators named {name!r}; the groups are "
            f"{', '.join(OPERATOR_GROUPS)}, and {EVERYTHING} with allows=."
        )
    return names


def rules_in_words(groups: Iterable[str]) -> str:
    """Groups as a student reads them.

    Example:
        >>> rules_in_words(["autograd", "softmax"])
        'autograd, softmax and log-sum-exp'
    """
    return ", ".join(OPERATOR_GROUPS[name].what for name in groups)


def group_of(operator: str, groups: Iterable[str]) -> str | None:
    """The first of `groups` that an operator or a Python function of PyTorch belongs to.

    Example:
        >>> group_of("aten::conv2d", DEFAULT_RULES), group_of("aten::matmul", DEFAULT_RULES)
        ('convolution', None)
    """
    for name in groups:
        group = OPERATOR_GROUPS[name]
        if operator in group.python or any(re.search(p, operator) for p in group.operators):
            return name
    return None
