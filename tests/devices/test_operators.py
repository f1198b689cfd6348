"""The tables of operators agree with the list that the installed torch was built from."""

from pathlib import Path

import pytest

torchgen = pytest.importorskip("torchgen", reason="this torch comes without its list of operators")

from torchgen.gen import parse_native_yaml  # noqa: E402
from torchgen.model import DeviceCheckType  # noqa: E402

from autograder.devices.operators import ITERATED, NO_SCALARS, STRUCTURED  # noqa: E402


@pytest.fixture(scope="module")
def functions():
    folder = Path(torchgen.__file__).parent / "packaged/ATen/native"
    listed = parse_native_yaml(folder / "native_functions.yaml", folder / "tags.yaml")
    return listed.native_functions


def inputs_of(function):
    tensors = [a for a in function.func.arguments.flat_all if a.type.is_tensor_like()]
    tensors = [a for a in tensors if a not in function.func.arguments.out]
    return len(tensors) + any(a.type.is_list_like() for a in tensors)


def test_operators_without_the_generated_check_are_marked_so(functions):
    free = {
        function.func.name.name.base
        for function in functions
        if function.device_check == DeviceCheckType.NoCheck
    }
    assert free >= ITERATED
    assert NO_SCALARS <= ITERATED


def test_structured_operators_are_those_of_the_list(functions):
    structured: dict[str, set[bool]] = {}
    for function in functions:
        checked = function.device_check == DeviceCheckType.ExactSame
        if not checked or inputs_of(function) < 2 or "sparse" in str(function.func.name):
            continue
        kind = bool(function.structured or function.structured_delegate)
        structured.setdefault(function.func.name.name.base, set()).add(kind)
    listed = {name for name, kinds in structured.items() if True in kinds} - ITERATED
    assert listed - STRUCTURED == set()
    assert STRUCTURED - listed == set()


def test_every_structured_pointwise_operator_without_check_is_iterated(functions):
    iterated = {
        function.func.name.name.base
        for function in functions
        if function.device_check == DeviceCheckType.NoCheck
        and (function.structured or function.structured_delegate)
        and inputs_of(function) > 1
    }
    special = {name for name in iterated if name.startswith("special_")}
    assert iterated - special - ITERATED == {"index"}
