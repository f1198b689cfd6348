"""Load a student's cells and answer calls, until the grader hangs up.

Requests of the grader:

    ["load", device, module, label, first line, source]   run one cell in the module's namespace
    ["calls", device, [[call, size], ...]]   each call is a packed ``[function, args, kwargs,
                                      returns]`` with ``size`` bytes of the payload
    ["free", [id, ...]]               forget these opaque values
    ["forget"]                        forget all of them
    ["notes"]                         where did the code leave the simulated device?
    ["ours", device, [name, ...], [name, ...]]   our solution answers these exercises from now on;
                                      of others the result is ours, and the cache the student's
    ["answer", value] ["refused", message] ["failed"]   what a callback gave, or our solution

Answers, one per cell and one per call, in order, each as soon as it is known:

    ["hello", version, [[layer, state], ...]]
    ["ok", value, changed]                by value; or ["h", id] where the call says "opaque"
    ["error", kind, base, message, line, trace, changed]
    ["skipped"]                           it needs the result of a call that failed
    ["notes", [[kind, label, line], ...]]
    ["callback", id, args, kwargs]        a call of a function that the grader passed in
    ["ours", name, args, kwargs]          a call of an exercise that our solution answers

Inside arguments ``["h", id]`` is an opaque value from earlier, ``["r", call, part, by_value]`` the
result of an earlier call of the same batch (the object itself, or a copy of it), ``["c", id]`` a
function of the grader's; and in a call of our solution ``["h", id]`` is one of its own.

Nothing here is a boundary: the student's code shares this process and may change all of it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, NoReturn

from autograder.devices import CPU, DEVICES, Device, noted_files, the_simulation
from autograder.worker import frames
from autograder.worker.asking import Asking
from autograder.worker.channel import Channel, Closed
from autograder.worker.decoding import Decoder
from autograder.worker.encoding import Encoder, foreign
from autograder.worker.failures import Failure, describe_failure
from autograder.worker.modules import LoadedModule
from autograder.worker.observe import Snapshot, snapshot
from autograder.worker.wire import FROM_WORKER, TO_WORKER, NotSendable, WireError, wire_type_name


class _Skipped(Exception):
    """An argument is the result of a call that failed."""


class _Unusable(Exception):
    """The call's result cannot be used; the text is a sentence for the student."""


class Server:
    """One student's module on each device, and the opaque values that the grader has handles of."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._modules = {name: LoadedModule(device) for name, device in DEVICES.items()}
        self._loaded = self._modules[CPU.name]
        self._labels = noted_files()
        self._kept: dict[int, Any] = {}
        self._last_kept = 0
        self._results: list[Any] = []  # of the present batch; `_Skipped` where a call failed
        self._asking = Asking(channel)

    def serve(self) -> None:
        """Answer requests until the grader hangs up."""
        try:
            while True:
                frame = self._channel.receive()
                self._asking.seq = frame.seq
                match frames.unpack(frame.meta, TO_WORKER):
                    case ["calls", device, calls]:
                        self._enter(device)
                        self._run(calls, memoryview(frame.payload))
                    case ["load", device, module, label, first_line, source]:
                        self._enter(device)
                        self._load(module, label, first_line, source)
                    case ["free", ids]:
                        for kept in ids:
                            self._kept.pop(kept, None)
                    case ["forget"]:
                        self._kept.clear()
                    case ["notes"]:
                        self._tell_notes()
                    case ["ours", device, names, results]:
                        self._replace(DEVICES[device], names, results)
                    case message:
                        raise WireError(f"an unknown request: {message[0]}")
        except Closed:
            return

    def _enter(self, device: str) -> None:
        """What follows is about the module on this device."""
        self._loaded = self._modules[device]
        if name := self._loaded.module.__name__:
            sys.modules[name] = self._loaded.module

    def _load(self, module: str, label: str, first_line: int, source: str) -> None:
        self._labels.add(label)
        try:
            self._loaded.run(module, label, first_line, source)
        except BaseException as error:
            self._fail(describe_failure(error, self._labels), [])
        else:
            self._answer(["ok", None, []])

    def _replace(self, device: Device, names: list[str], results: list[str]) -> None:
        """From now on the student's functions find ours, or our results, under these names."""
        module = self._modules[device.name].module.__dict__
        for name in names:
            module[name] = self._asking.ours(name, device)
        for name in results:
            if callable(own := module.get(name)):
                module[name] = self._asking.with_our_result(name, own, device)

    # Calling

    def _run(self, calls: list[Any], payload: memoryview) -> None:
        self._results, start = [], 0
        self._asking.turn += 1
        for meta, size in calls:
            # Decoded one by one, so that a call finds its arguments as the grader sent them,
            # whatever the calls before it did to theirs.
            result = self._one(meta, payload[start : start + size])
            self._results.append(result)
            start += size
            self._asking.seq += 1
        self._results = []
        self._asking.turn += 1
        for stream in (sys.stdout, sys.stderr):
            _flush(stream)

    def _one(self, meta: bytes, payload: memoryview) -> Any:
        before: Snapshot | None = None
        function, device = "", self._loaded.device
        try:
            function, args, kwargs, returns = frames.unpack(meta, TO_WORKER)
            decoder = Decoder(payload, TO_WORKER, self._resolve, trusted=True, device=device)
            args = [decoder.value(part) for part in args]
            kwargs = {name: decoder.value(part) for name, part in kwargs}
            target = self._find(function)
            before = snapshot(args, kwargs)
            with device.active():
                result = target(*args, **kwargs)
            changed = before.changes()
            try:
                self._reply(function, result, returns, changed)
            except NotSendable as error:
                raise _Unusable(
                    f"{function} returned {error}, which cannot be compared. "
                    "Return ordinary dense tensors, numbers, strings, lists, tuples or dicts."
                ) from None
        except _Skipped:
            self._answer(["skipped"])
            return _Skipped
        except _Unusable as error:
            self._fail(
                Failure("UnusableResult", "", str(error)), before.changes() if before else []
            )
            return _Skipped
        except (Closed, WireError):
            raise  # the grader's matter, not the student's
        except BaseException as error:
            failure = describe_failure(error, self._labels)
            error.__traceback__ = None  # its frames hold the call's tensors
            self._fail(failure, _changes_or_none(before))
            return _Skipped
        return result

    def _find(self, function: str) -> Callable[..., Any]:
        module = self._loaded.module
        target: Callable[..., Any] | None = module.__dict__.get(function)
        if target is None:
            raise NotImplementedError(f"there is no function {function} in {module.__name__}")
        if not callable(target):
            raise _Unusable(f"{function} is not a function but a {wire_type_name(target)}.")
        return target

    def _reply(self, function: str, result: Any, returns: Any, changed: list[str]) -> None:
        encoder = Encoder(FROM_WORKER, foreign, contiguous=True, device=self._loaded.device)
        if returns is None or returns == "opaque":
            value = self._encode(encoder, result, returns)
        else:
            if not isinstance(result, (tuple, list)):
                got = f"a {wire_type_name(result)}" if result is not None else "None"
            else:
                got = f"{len(result)} value{'s' * (len(result) != 1)}"
            if not isinstance(result, (tuple, list)) or len(result) != len(returns):
                raise _Unusable(
                    f"{function} should return a tuple of {len(returns)} values, "
                    f"but returned {got}."
                )
            parts = zip(result, returns, strict=True)
            value = ["t", *[self._encode(encoder, part, how) for part, how in parts]]
        self._channel.send(self._asking.seq, ["ok", value, changed], encoder)

    def _encode(self, encoder: Encoder, value: Any, how: str | None) -> Any:
        if how != "opaque":
            return encoder.value(value)
        self._last_kept += 1  # the grader frees a value by its number: none is given twice
        self._kept[self._last_kept] = value
        return ["h", self._last_kept]

    def _tell_notes(self) -> None:
        notes = the_simulation().notes
        self._answer(["notes", [[note.kind, note.file, note.line] for note in notes]])

    def _answer(self, message: list[Any]) -> None:
        self._channel.send(self._asking.seq, message)

    def _fail(self, failure: Failure, changed: list[str]) -> None:
        for stream in (sys.stdout, sys.stderr):
            _flush(stream)
        self._answer(["error", *failure.parts(), changed])

    # References

    def _resolve(self, o: list[Any]) -> Any:
        match o:
            case ["h", kept]:
                return self._kept[kept]
            case ["c", number]:
                return self._asking.passed_in(number, self._loaded.device)
            case ["r", index, part, by_value]:
                result = self._result(index, part)
                return self._travelled(result) if by_value else result
        raise WireError("a malformed reference")

    def _result(self, index: int, part: int | None) -> Any:
        """The result of an earlier call of this batch, or a part of it."""
        result = self._results[index]
        if result is _Skipped:
            raise _Skipped
        if part is None:
            return result
        try:
            return result[part]
        except Exception:
            raise _Unusable(
                f"An earlier call returned a {wire_type_name(result)} without part {part}."
            ) from None

    def _travelled(self, value: Any) -> Any:
        """A value as it comes back from the grader's side: a copy that shares nothing with it.

        Raises:
            _Skipped: it does not travel; what comes of the call is found out without a batch.
        """

        def refuse(other: object) -> NoReturn:
            raise NotSendable(wire_type_name(other))

        device = self._loaded.device
        encoder = Encoder(FROM_WORKER, refuse, contiguous=True, device=device)
        try:
            message = frames.pack(["ok", encoder.value(value)])
        except NotSendable:
            raise _Skipped from None
        payload = bytearray(b"".join(encoder.buffers))
        meta = frames.unpack(message, TO_WORKER)[1]
        return Decoder(payload, TO_WORKER, trusted=True, device=device).value(meta)


def _changes_or_none(before: Snapshot | None) -> list[str]:
    try:
        return before.changes() if before else []
    except BaseException:  # short of memory, most likely, which is what is being reported
        return []


def _flush(stream: Any) -> None:
    try:
        stream.flush()
    except BaseException:  # the student may have closed or replaced it
        return
