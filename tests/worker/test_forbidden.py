"""What a unit forbids cannot be called in its workers, whichever way a submission takes.

Every attack computes what it is asked for in a worker without rules, so it is a real way to the
operator; success under the rules would be the same right answer.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap

import numpy
import pytest
import torch
from torch.nn import functional

from autograder.course import DEFAULT_RULES
from autograder.grading.operators import ban_of, operator_of
from autograder.supervisor import Call, Reply, Workers, start_workers
from autograder.testing import StudentStopped
from autograder.worker import Ban, Limits

BAN = ban_of(DEFAULT_RULES)
X = torch.linspace(-1, 1, 48, dtype=torch.float64).reshape(1, 3, 4, 4) ** 3
W = torch.linspace(1, 2, 24, dtype=torch.float64).reshape(2, 3, 2, 2)

HEAD = """
import gc, threading, warnings
warnings.simplefilter("ignore")
import numpy
import torch
from torch.nn import functional as F

def conv(x, w):
    return F.conv2d(x, w)
"""

# Each computes the convolution of X with W.
CONVOLUTIONS = {
    "the function": "return F.conv2d(x, w)",
    "a layer of torch.nn": """
        layer = torch.nn.Conv2d(3, 2, 2, bias=False).double()
        with torch.no_grad():
            layer.weight.copy_(w)
            return layer(x)
        """,
    "the operator below it": """
        return torch.ops.aten.convolution.default(
            x, w, None, [1, 1], [0, 0], [1, 1], False, [0, 0], 1)
        """,
    "its old name": "return torch._C._nn.thnn_conv2d(x, w, (2, 2))",
    "the way over three dimensions": """
        return torch._C._nn.slow_conv3d(x[:, :, None], w[:, :, None], (1, 2, 2))[:, :, 0]
        """,
    "the transposed one, transposed": """
        spread = F.conv_transpose2d(x, w.flip(2, 3).transpose(0, 1))
        return spread[:, :, 1:-1, 1:-1]
        """,
    "its gradient": """
        # What a kernel's gradient computes is a convolution of the images.
        args = (None, [1, 1], [0, 0], [1, 1], False, [0, 0], 1, [False, True, False])
        images, kernels = x.transpose(0, 1), w.transpose(0, 1)
        out = [
            torch.ops.aten.convolution_backward(
                kernels[i:i + 1], images[i:i + 1], x.new_zeros(2, 1, 3, 3), *args)[1]
            for i in range(3)
        ]
        return sum(out).transpose(0, 1)
        """,
    "windows of unfold": """
        columns = F.unfold(x, (2, 2)).transpose(1, 2)
        return (columns @ w.reshape(2, -1).T).transpose(1, 2).reshape(1, 2, 3, 3)
        """,
    "another thread": """
        found = []
        def run():
            found.append(F.conv2d(x, w))
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        return found[0]
        """,
    "inference mode": """
        with torch.inference_mode():
            return F.conv2d(x, w) + 0
        """,
    "modes popped and disabled": """
        from torch.utils._python_dispatch import _disable_current_modes
        with torch._C._DisableTorchDispatch(), _disable_current_modes():
            return F.conv2d(x, w)
        """,
    "autocast": """
        with torch.autocast("cpu", enabled=True):
            return F.conv2d(x, w).double()
        """,
    "TorchScript": """
        unit = torch.jit.CompilationUnit(
            "def f(x: Tensor, w: Tensor) -> Tensor:\\n  return torch.conv2d(x, w)\\n")
        return unit.f(x, w)
        """,
    "a trace": "return torch.jit.trace(conv, (x, w))(x, w)",
    "TorchScript from text": """
        graph = torch._C.parse_ir('''
            graph(%x : Tensor, %w : Tensor):
              %none : NoneType = prim::Constant()
              %one : int = prim::Constant[value=1]()
              %zero : int = prim::Constant[value=0]()
              %s : int[] = prim::ListConstruct(%one, %one)
              %p : int[] = prim::ListConstruct(%zero, %zero)
              %y : Tensor = aten::conv2d(%x, %w, %none, %s, %p, %s, %one)
              return (%y)''')
        return torch._C._jit_interpret_graph(graph, (x, w))
        """,
    "another layout": """
        made = F.conv2d(x.float().to_mkldnn(), w.float())
        return made.to_dense().double()
        """,
    "a compiled graph's own operator on that layout": """
        run = torch._C._jit_get_operation("prim::mkldnn_convolution")[0]
        made = run(x.float().to_mkldnn(), w.float().to_mkldnn(), None, [1, 1], [0, 0], [1, 1], 1)
        return made.to_dense().double()
        """,
    "prepacked weights": """
        pack = torch.ops.mkldnn_prepacked.conv2d_prepack(
            w.float(), None, [1, 1], [0, 0], [1, 1], 1, [1, 3, 4, 4], "none")
        return torch.ops.mkldnn_prepacked.conv2d_run(x.float(), pack).double()
        """,
    "vmap": "return torch.func.vmap(lambda image: F.conv2d(image[None], w)[0])(x)",
    "every other key of the dispatcher": """
        arguments = (x, w, None, [1, 1], [0, 0], [1, 1], False, [0, 0], 1)
        operator = torch.ops.aten.convolution.default
        for name in dir(torch._C.DispatchKey):
            if name.startswith("Meta") or name.startswith("_"):
                continue
            try:
                key = getattr(torch._C.DispatchKey, name)
                out = operator.redispatch(torch._C.DispatchKeySet(key), *arguments)
                if isinstance(out, torch.Tensor) and out.abs().sum() > 0:
                    return out
            except BaseException as error:
                last = error
        raise last
        """,
    "the kernel taken out of the dispatcher": """
        kernel = torch.library.get_kernel("aten::conv2d", "CPU")
        keys = torch._C.DispatchKeySet(torch._C.DispatchKey.CPU)
        return kernel.call_boxed(keys, x, w, None, [1, 1], [0, 0], [1, 1], 1)
        """,
    "a library registered again": """
        for key in ("CPU", "CompositeImplicitAutograd", "CompositeExplicitAutograd"):
            library = torch.library.Library("aten", "IMPL", key)
            for name in ("conv2d", "convolution", "_convolution", "thnn_conv2d"):
                try:
                    library.impl(name, torch.library.fallthrough_kernel)
                except RuntimeError:
                    continue
            library._destroy()
        return F.conv2d(x, w)
        """,
    "registrations found and destroyed": """
        gc.unfreeze()
        for found in gc.get_objects():
            kind = type(found).__name__
            if kind == "_DispatchModule":
                found.reset()
            elif kind == "Library" and isinstance(found, torch.library.Library):
                found._destroy()
        return F.conv2d(x, w)
        """,
    "kernels found and changed": """
        gc.unfreeze()
        def harmless(*args, **kwargs):
            return None
        for found in gc.get_objects():
            if type(found).__name__ == "function" and found.__name__ == "forbidden":
                try:
                    found.__code__ = harmless.__code__
                except ValueError:
                    continue
        return F.conv2d(x, w)
        """,
    "caught, and asked again": """
        for _ in range(3):
            try:
                return F.conv2d(x, w)
            except BaseException as error:
                last = error
        raise last
        """,
}

# Each computes the gradient of sum(x * tanh(x)).
GRADIENTS = {
    "backward": """
        x = x.clone().requires_grad_()
        f(x).backward()
        return x.grad
        """,
    "autograd.grad": """
        x = x.clone().requires_grad_()
        return torch.autograd.grad(f(x), x)[0]
        """,
    "the engine itself": """
        from torch.autograd import Variable
        x = x.clone().requires_grad_()
        Variable._execution_engine.run_backward(
            (f(x),), (torch.ones((), dtype=x.dtype),), False, False, (), True, True)
        return x.grad
        """,
    "another engine of the same kind": """
        kind = type(torch.autograd.Variable._execution_engine)
        x = x.clone().requires_grad_()
        kind().run_backward(
            (f(x),), (torch.ones((), dtype=x.dtype),), False, False, (), True, True)
        return x.grad
        """,
    "the operator of the dispatcher": """
        x = x.clone().requires_grad_()
        torch.ops.aten._backward(f(x), [x])
        return x.grad
        """,
    "TorchScript's operator": """
        x = x.clone().requires_grad_()
        run = torch._C._jit_get_operation("aten::grad")[0]
        return run([f(x)], [x], None, None, False, False)[0]
        """,
    "walking the graph by hand": """
        x = x.clone().requires_grad_()
        grads = {}
        def walk(node, grad):
            if hasattr(node, "variable"):
                grads[0] = grads.get(0, 0) + grad
                return
            back = node(grad)
            back = back if isinstance(back, tuple) else (back,)
            for (after, _), part in zip(node.next_functions, back):
                if after is not None and part is not None:
                    walk(after, part)
        walk(f(x).grad_fn, torch.ones((), dtype=x.dtype))
        return grads[0]
        """,
    "torch.func.grad": "return torch.func.grad(f)(x)",
    "torch.func.vjp": "return torch.func.vjp(f, x)[1](torch.ones((), dtype=x.dtype))[0]",
    "torch.func.jacrev": "return torch.func.jacrev(f)(x)",
    "torch.func.jacfwd": "return torch.func.jacfwd(f)(x)",
    "torch.func.jvp": """
        rows = torch.eye(x.numel(), dtype=x.dtype).reshape(-1, *x.shape)
        return torch.stack([torch.func.jvp(f, (x,), (row,))[1] for row in rows]).reshape(x.shape)
        """,
    "forward mode": """
        from torch.autograd import forward_ad
        out = []
        with forward_ad.dual_level():
            for row in torch.eye(x.numel(), dtype=x.dtype).reshape(-1, *x.shape):
                out.append(forward_ad.unpack_dual(f(forward_ad.make_dual(x, row))).tangent)
        return torch.stack(out).reshape(x.shape)
        """,
    "forward mode below Python": """
        out = []
        level = torch._C._enter_dual_level()
        for row in torch.eye(x.numel(), dtype=x.dtype).reshape(-1, *x.shape):
            dual = torch._VF._make_dual(x, row, level=level)
            out.append(torch._VF._unpack_dual(f(dual), level=level)[1])
        return torch.stack(out).reshape(x.shape)
        """,
    "autograd.functional": "return torch.autograd.functional.vjp(f, x)[1]",
    "leaving inference mode": """
        with torch.inference_mode(False), torch.enable_grad():
            x = x.clone().requires_grad_()
            return torch.autograd.grad(f(x), x)[0]
        """,
    "a function of its own around it": """
        class Around(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                with torch.enable_grad():
                    ctx.x = x.detach().requires_grad_()
                    ctx.y = f(ctx.x)
                return ctx.y.detach()
            @staticmethod
            def backward(ctx, grad):
                return torch.autograd.grad(ctx.y, ctx.x, grad)[0]
        x = x.clone().requires_grad_()
        return torch.autograd.grad(Around.apply(x), x)[0]
        """,
    "checkpoints": """
        from torch.utils.checkpoint import checkpoint
        x = x.clone().requires_grad_()
        checkpoint(f, x, use_reentrant=False).backward()
        return x.grad
        """,
    "TorchScript's own derivatives": """
        torch._C._debug_set_autodiff_subgraph_inlining(False)
        unit = torch.jit.CompilationUnit(
            "def f(x: Tensor) -> Tensor:\\n  return ((x * 1.0).tanh() * (x * 1.0)) * 1.0\\n")
        for _ in range(3):
            leaf = x.clone().requires_grad_()
            out = unit.f(leaf)
        out.sum().backward()
        return leaf.grad
        """,
    "a graph differentiated as text": """
        unit = torch.jit.CompilationUnit(
            "def f(x: Tensor) -> Tensor:\\n  return x * torch.tanh(x)\\n")
        x = x.clone().requires_grad_()
        for _ in range(3):
            unit.f(x)
        graph = torch._C._jit_differentiate(unit.f.graph)
        if not len(list(graph.df.nodes())):
            raise RuntimeError("nothing")
        return x.detach().tanh() + x.detach() * (1 - x.detach().tanh() ** 2)
        """,
    "gradients that are operators": """
        return torch.tanh(x) + torch.ops.aten.tanh_backward(x, torch.tanh(x))
        """,
}

# Each computes something else that is forbidden, from the images.
OTHERS = {
    "max pooling": ("return F.max_pool2d(x, 2)", lambda x: functional.max_pool2d(x, 2)),
    "average pooling": (
        "return F.adaptive_avg_pool2d(x, 2)",
        lambda x: functional.adaptive_avg_pool2d(x, 2),
    ),
    "softmax": ("return x.softmax(-1)", lambda x: x.softmax(-1)),
    "softmax of a sparse tensor": (
        "return torch.sparse.softmax(x[0, 0].to_sparse(), 1).to_dense()",
        lambda x: x[0, 0].softmax(1),
    ),
    "softmax of a nested tensor": (
        """
        nested = torch.nested.as_nested_tensor(x[0], layout=torch.strided)
        return torch.stack(list(nested.softmax(-1).unbind()))
        """,
        lambda x: x[0].softmax(-1),
    ),
    "log-sum-exp": ("return torch.logsumexp(x, -1)", lambda x: torch.logsumexp(x, -1)),
    "log-add-exp of NumPy": (
        "return torch.from_numpy(numpy.logaddexp.reduce(x.numpy(), axis=-1))",
        lambda x: torch.logsumexp(x, -1),
    ),
    "log-sum-exp as a running sum": (
        "return torch.logcumsumexp(x, -1)[..., -1]",
        lambda x: torch.logsumexp(x, -1),
    ),
    "layer normalisation": (
        "return F.layer_norm(x, (4,))",
        lambda x: functional.layer_norm(x, (4,)),
    ),
    "root mean square normalisation under vmap": (
        "return torch.func.vmap(lambda a: F.rms_norm(a, (4,)))(x)",
        lambda x: functional.rms_norm(x, (4,)),
    ),
    "layer normalisation in static runtime": (
        """
        unit = torch.jit.CompilationUnit(
            "def f(x: Tensor):\\n  return torch.layer_norm(x, [4])\\n")
        return torch._C._jit_to_static_module(unit.f.graph)(x.float()).double()
        """,
        lambda x: functional.layer_norm(x.float(), (4,)).double(),
    ),
    "attention": (
        "return F.scaled_dot_product_attention(x, x, x)",
        lambda x: functional.scaled_dot_product_attention(x, x, x),
    ),
    "attention's plain form": (
        "return torch.ops.aten._scaled_dot_product_attention_math(x, x, x)[0]",
        lambda x: functional.scaled_dot_product_attention(x, x, x),
    ),
    "a recurrent cell": (
        """
        w = torch.eye(4, dtype=x.dtype)
        return torch.rnn_tanh_cell(x[0, 0], x[0, 1], w, w)
        """,
        lambda x: torch.tanh(x[0, 0] + x[0, 1]),
    ),
    "a recurrent cell under vmap": (
        """
        w = torch.eye(4, dtype=x.dtype)
        return torch.func.vmap(lambda a: torch.rnn_tanh_cell(a, a, w, w))(x[0])
        """,
        lambda x: torch.tanh(2 * x[0]),
    ),
    "cross entropy": (
        "return F.cross_entropy(x[0, 0], torch.arange(4))",
        lambda x: functional.cross_entropy(x[0, 0], torch.arange(4)),
    ),
    "a step of Adam": (
        """
        w = x.clone()
        w.grad = torch.ones_like(x)
        torch.optim.Adam([w.requires_grad_()], lr=0.5).step()
        return w.detach()
        """,
        lambda x: x - 0.5 / (1 + 1e-8),
    ),
    "a fused step of SGD": (
        """
        w = x.clone()
        torch._fused_sgd_([w], [torch.ones_like(x)], [], weight_decay=0, momentum=0, lr=0.5,
                          dampening=0, nesterov=False, maximize=False, is_first_step=True)
        return w
        """,
        lambda x: x - 0.5,
    ),
}


def function(body: str, arguments: str = "x, w") -> str:
    inside = textwrap.indent(textwrap.dedent(body).strip(), "    ")
    helper = "\n\ndef f(x):\n    return (x * torch.tanh(x)).sum()\n\n"
    return f"{HEAD}{helper}def attack({arguments}):\n{inside}\n"


def run(forks: Workers, ban: Ban, source: str, *args: torch.Tensor) -> Reply | StudentStopped:
    worker = forks.spawn(1, Limits(), ban)
    try:
        assert worker.load("m", "m.py", source, 30) is None
        return worker.call(Call("attack", args), 60)
    except StudentStopped as stopped:
        return stopped
    finally:
        worker.close()


def is_right(reply: Reply | StudentStopped, expected: torch.Tensor) -> bool:
    if isinstance(reply, StudentStopped) or not isinstance(reply.value, torch.Tensor):
        return False
    return reply.value.shape == expected.shape and torch.allclose(
        reply.value.to(expected.dtype), expected, rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("way", CONVOLUTIONS)
def test_a_convolution_cannot_be_called(way: str, forks: Workers) -> None:
    source, expected = function(CONVOLUTIONS[way]), functional.conv2d(X, W)
    assert is_right(run(forks, Ban(), source, X, W), expected), "this is no way to the operator"
    assert not is_right(run(forks, BAN, source, X, W), expected)


@pytest.mark.parametrize("way", GRADIENTS)
def test_autograd_gives_no_gradient(way: str, forks: Workers) -> None:
    source = function(GRADIENTS[way], "x")
    expected = X.tanh() + X * (1 - X.tanh() ** 2)
    assert is_right(run(forks, Ban(), source, X), expected), "this is no way to the gradient"
    assert not is_right(run(forks, ban_of(["autograd"]), source, X), expected)


RECORDED = """
x = x.clone().requires_grad_()
nested = torch.nested.nested_tensor([x[0, 0], x[0, 1]], requires_grad=True)
made = [x * 2, x.clone(), x[0], x @ x, x.sum(), x.view(-1), torch.stack([x]), torch.sin(x)]
made += [x.index_add(0, torch.tensor([0]), x), x.to(torch.float32), nested.select(0, 0)]
made += [nested.unbind()[0], torch.complex(x, x), x.to_sparse(), torch.fft.fft(x)]
return torch.tensor([y.requires_grad or y.grad_fn is not None for y in made])
"""


def test_no_operator_records_a_graph(forks: Workers) -> None:
    for ban, recorded in ((Ban(), True), (ban_of(["autograd"]), False)):
        reply = run(forks, ban, function(RECORDED, "x"), X)
        assert isinstance(reply, Reply)
        assert reply.error is None, reply.error
        assert reply.value.tolist() == [recorded] * len(reply.value)
        assert len(reply.value) == 15


VIEWS = """
# A view whose base was written to is given its place in the graph when it is asked for it, and the
# gradient of overlapping windows adds them up.
x = x.clone().requires_grad_()
windows = x.as_strided((3, 2), (1, 1))
with torch.no_grad():
    x.add_(0)
return windows.grad_fn(torch.ones(3, 2, dtype=x.dtype))
"""


def test_a_view_does_not_know_the_gradient_of_windows(forks: Workers) -> None:
    row, expected = torch.zeros(4, dtype=torch.float64), torch.tensor([1.0, 2, 2, 1]).double()
    source = function(VIEWS, "x")
    assert is_right(run(forks, Ban(), source, row), expected), "this is no way to the gradient"
    assert not is_right(run(forks, ban_of(["autograd"]), source, row), expected)


@pytest.mark.parametrize("way", OTHERS)
def test_nothing_else_that_is_the_answer_can_be_called(way: str, forks: Workers) -> None:
    body, compute = OTHERS[way]
    source, expected = function(body, "x"), compute(X)
    assert is_right(run(forks, Ban(), source, X), expected), "this is no way to the operator"
    assert not is_right(run(forks, BAN, source, X), expected)


@pytest.mark.parametrize("name", ["relu", "sigmoid", "tanh"])
def test_an_activation_is_forbidden_where_a_unit_says_so(name: str, forks: Workers) -> None:
    source = function(f"return torch.{name}(x)", "x")
    expected = getattr(torch, name)(X)
    assert is_right(run(forks, BAN, source, X), expected)
    reply = run(forks, ban_of([*DEFAULT_RULES, name]), source, X)
    assert isinstance(reply, Reply)
    assert reply.error is not None
    assert operator_of(reply.error) == f"aten::{name}"


NUMPY = {
    "the ufunc": "numpy.tanh(x.numpy())",
    "the ufunc where it comes from": "numpy._core.umath.tanh(x.numpy())",
    "the ufunc in the library that holds it": "numpy._core._multiarray_umath.tanh(x.numpy())",
    "the ufunc of masked arrays": "numpy.ma.tanh(x.numpy()).data",
    "the ufunc that masked arrays hold": "numpy.ma.core.tanh.f(x.numpy())",
    "the ufunc by a pickle": "__import__('pickle').loads(b'cnumpy\\ntanh\\n.')(x.numpy())",
    "the ufunc, imported once more": """(
        [__import__("sys").modules.pop(m) for m in [*__import__("sys").modules]
         if m.startswith("numpy._core.umath")], __import__("numpy._core.umath"))
        and __import__("sys").modules["numpy._core.umath"].tanh(x.numpy())""",
}


@pytest.mark.parametrize("way", NUMPY)
def test_an_activation_is_forbidden_in_numpy_too(way: str, forks: Workers) -> None:
    source = function(f"return torch.as_tensor({NUMPY[way]})", "x")
    assert is_right(run(forks, BAN, source, X), X.tanh()), "this is no way to the function"
    reply = run(forks, ban_of([*DEFAULT_RULES, "tanh"]), source, X)
    assert isinstance(reply, Reply)
    assert reply.error is not None
    assert operator_of(reply.error) == "numpy.tanh"


def test_a_convolution_of_numpy_is_forbidden(forks: Workers) -> None:
    rows = X.reshape(-1), W.reshape(-1)
    expected = torch.tensor(numpy.convolve(*(row.numpy() for row in rows)))
    for way in (
        "numpy.convolve(x.numpy(), w.numpy())",
        "numpy.correlate(x.numpy(), w.numpy()[::-1].copy(), 'full')",
        "numpy._core.multiarray.correlate(x.numpy(), w.numpy()[::-1].copy(), 2)",
        "numpy._core._multiarray_umath.correlate2(x.numpy(), w.numpy()[::-1].copy(), 2)",
        "numpy.ma.convolve(x.numpy(), w.numpy()).data",
        "numpy.poly1d(x.numpy()) * numpy.poly1d(w.numpy())",
    ):
        source = function(f"return torch.as_tensor(numpy.asarray({way}))", "x, w")
        assert is_right(run(forks, Ban(), source, *rows), expected), f"{way} is no way to it"
        assert not is_right(run(forks, BAN, source, *rows), expected), way


def test_a_loop_over_elements_is_the_students_own(forks: Workers) -> None:
    body = """
        import math
        return torch.tensor([math.tanh(v) for v in x.flatten().tolist()]).reshape(x.shape)
        """
    reply = run(forks, ban_of([*DEFAULT_RULES, "tanh"]), function(body, "x"), X)
    assert is_right(reply, X.tanh().float())


def test_scipy_is_not_there(forks: Workers) -> None:
    reply = run(forks, BAN, function("import scipy.special", "x"), X)
    assert isinstance(reply, Reply)
    assert reply.error is not None
    assert reply.error.message == "SciPy is not there when this unit is graded: write it yourself"


def test_the_exception_names_the_operator_and_the_line(forks: Workers) -> None:
    reply = run(forks, BAN, function("return F.conv2d(x, w)"), X, W)
    assert isinstance(reply, Reply)
    assert reply.error is not None
    assert reply.error.kind == "ForbiddenOperator"
    assert operator_of(reply.error) == "aten::conv2d"
    assert reply.error.line.startswith("m.py:")


def test_a_name_that_no_operator_has_is_not_repeated(forks: Workers) -> None:
    source = """
class ForbiddenOperator(RuntimeError):
    pass
def attack():
    raise ForbiddenOperator("aten::the_hidden_input_is_7 may not be used")
"""
    reply = run(forks, Ban(), source)
    assert isinstance(reply, Reply)
    assert reply.error is not None
    assert operator_of(reply.error) == ""


HONEST = """
x = x.clone()
x[0, 0] += x[0, 1]
windows = x.as_strided((1, 3, 3, 3, 2, 2), (48, 16, 4, 1, 4, 1))
out = torch.einsum("nchwij,ocij->nohw", windows, w)
out = out + torch.func.vmap(lambda a: a * 2)(out).sort(dim=-1).values
square = torch.bmm(out[0], out[0].transpose(1, 2)).cumsum(-1).flip(0)
total = torch.linalg.norm(square) + out.exp().sum().log()
total += torch.zeros(3).index_add(0, torch.tensor([0, 2]), torch.ones(2)).sum()
total += torch.nn.functional.pad(x, (1, 1)).clamp(min=0).max(dim=1).indices.double().sum()
return (total + torch.sigmoid(x).sum() + torch.tanh(x).prod()).reshape(1)
"""


def test_honest_code_computes_the_same_as_without_rules(forks: Workers) -> None:
    source = function(HONEST)
    free, banned = run(forks, Ban(), source, X, W), run(forks, BAN, source, X, W)
    assert isinstance(free, Reply)
    assert isinstance(banned, Reply)
    assert free.error is None, free.error
    assert banned.error is None, banned.error
    assert torch.equal(free.value, banned.value)


def test_threads_and_inference_mode_find_the_same_rules_in_every_worker(forks: Workers) -> None:
    """Workers with other rules, started in between, change nothing."""
    source = function("return x.softmax(-1)", "x")
    allowed = ban_of([name for name in DEFAULT_RULES if name != "softmax"])
    for ban, right in ((BAN, False), (allowed, True), (Ban(), True), (BAN, False)):
        assert is_right(run(forks, ban, source, X), X.softmax(-1)) == right


def test_a_worker_says_that_the_rules_hold(forks: Workers) -> None:
    for ban, expected in ((BAN, "ok"), (Ban(), None)):
        worker = forks.spawn(1, Limits(), ban)
        assert worker.layers.get("forbidden operators") == expected
        worker.close()


def test_the_rules_also_hold_where_there_is_no_fork() -> None:
    with start_workers("spawn") as workers:
        reply = run(workers, BAN, function("return F.conv2d(x, w)"), X, W)
        assert isinstance(reply, Reply)
        assert reply.error is not None
        assert operator_of(reply.error) == "aten::conv2d"


def test_a_zygote_that_is_killed_costs_nobody_its_rules(forks: Workers) -> None:
    killer = "import os, signal\ndef attack():\n    os.kill(os.getppid(), signal.SIGKILL)\n"
    source, expected = function("return F.conv2d(x, w)"), functional.conv2d(X, W)
    assert not is_right(run(forks, BAN, killer), expected)
    assert not is_right(run(forks, BAN, source, X, W), expected)
    assert is_right(run(forks, Ban(), source, X, W), expected)


def test_every_kernel_of_a_forbidden_operator_raises() -> None:
    """In a process of its own: for each key under which an operator has a kernel, ours is last."""
    code = (
        "import torch\n"
        "from autograder.grading.operators import ban_of\n"
        "from autograder.course import DEFAULT_RULES\n"
        "from autograder.worker import forbidden\n"
        "forbidden.forbid(ban_of(DEFAULT_RULES))\n"
        "names = torch._C._dispatch_get_all_op_names()\n"
        "names = [n for n in names if 'softmax' in n or 'conv2d' in n]\n"
        "for name in names:\n"
        "    for line in torch._C._dispatch_dump(name).splitlines():\n"
        "        if ': registered at' not in line or '(inactive)' in line: continue\n"
        "        if line.startswith('debug') or '[ fallthrough' in line: continue\n"
        "        assert 'forbidden.py' in line, (name, line)\n"
        "print(len(names))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) > 40
