"""Operators that the unit forbids: gradients by autograd, in ways around the usual doors."""

from __future__ import annotations

from redteam.declare import attack, gets_marks_for
from redteam.layers import OPERATORS

WON = gets_marks_for("scale_backward")


@attack(
    goal="Autograd gives the gradients that were to be derived by hand.",
    stopped_by=OPERATORS,
    won=WON,
    instead_of="scale_backward",
)
def asks_autograd(dout, cache):
    import torch

    x, w = (t.clone().requires_grad_() for t in cache)
    return torch.autograd.grad(x * w, (x, w), dout)


@attack(
    goal="Autograd gives the gradients in a thread that switches recording on again.",
    stopped_by=OPERATORS,
    won=WON,
    instead_of="scale_backward",
)
def asks_autograd_in_a_thread(dout, cache):
    import threading

    import torch

    x, w = (t.clone().requires_grad_() for t in cache)

    def work():
        with torch.enable_grad(), torch.inference_mode(False):
            (x * w).backward(dout)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return x.grad, w.grad


@attack(
    goal="The engine of autograd is called below the functions that are known.",
    stopped_by=OPERATORS,
    won=WON,
    instead_of="scale_backward",
)
def runs_the_engine_itself(dout, cache):
    import torch

    x, w = (t.clone().requires_grad_() for t in cache)
    engine = torch._C._ImperativeEngine()
    found = engine.run_backward(
        tensors=(x * w,),
        grad_tensors=(dout,),
        keep_graph=False,
        create_graph=False,
        inputs=(x, w),
        allow_unreachable=True,
        accumulate_grad=False,
    )
    return found[0], found[1]


@attack(
    goal="A function transform gives the gradients.",
    stopped_by=OPERATORS,
    won=WON,
    instead_of="scale_backward",
)
def transforms_the_function(dout, cache):
    import torch

    _, pull = torch.func.vjp(lambda x, w: x * w, *cache)
    return pull(dout)


@attack(
    goal="Differentiating forward, one direction after another, gives the gradients.",
    stopped_by=OPERATORS,
    won=WON,
    instead_of="scale_backward",
)
def differentiates_forward(dout, cache):
    import torch
    from torch.autograd import forward_ad

    x, w = cache
    dx, dw = torch.zeros_like(x), torch.zeros_like(w)
    for source, target in ((x, dx), (w, dw)):
        for index in range(source.numel()):
            direction = torch.zeros_like(source).reshape(-1)
            direction[index] = 1
            with forward_ad.dual_level():
                dual = forward_ad.make_dual(source, direction.reshape(source.shape))
                out = dual * w if source is x else x * dual
                tangent = forward_ad.unpack_dual(out).tangent
            target.view(-1)[index] = (tangent * dout).sum()
    return dx, dw
