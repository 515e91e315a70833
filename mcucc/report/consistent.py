"""Whether a report can be one of a compilation, whoever wrote it and its sha256."""

import math
import re
from collections.abc import Iterator

from mcucc.ir import PreprocessingStep
from mcucc.report.model import PortReport, Report


def inconsistencies(report: Report) -> Iterator[str]:
    """What of a report contradicts the rest; nothing in those that `compile` writes."""
    if re.fullmatch(r"[a-z][a-z0-9_]{0,63}", report.name) is None:
        yield f"name '{report.name}' is no identifier"
    if report.arena_align < 1 or report.arena_align & (report.arena_align - 1):
        yield f"arena_align {report.arena_align} is no power of two"
    if not 0 <= report.arena_bytes < 1 << 32:
        yield f"an arena cannot have {report.arena_bytes} bytes"
    if not report.inputs or not report.outputs:
        yield "it has no inputs or no outputs"
    yield from _steps(report)
    yield from _tensors(report)
    yield from _references(report)
    ids = {tensor.id for tensor in report.tensors}
    for port in (*report.inputs, *report.outputs):
        if port.tensor not in ids or not _is_port(port, report.arena_bytes):
            yield f"port '{port.name}' contradicts itself"


def _steps(report: Report) -> Iterator[str]:
    steps, layers = report.steps, report.layers
    if [layer.index for layer in layers] != list(range(len(layers))):
        yield "layers are not numbered in order"
    if [step.index for step in steps] != list(range(len(steps))):
        yield "steps are not numbered in order"
    within = [(i, step.index) for step in steps for i in step.layers]
    alone = [step for step in steps if step.mode == "layer"]
    named = [(layer.index, layer.step) for layer in layers]
    if within != named or not all(step.layers for step in alone):
        yield "layers and steps do not name each other"
    if not 0 <= report.peak.step < len(steps) or len(report.dead_ranges) != len(steps):
        yield "peak or dead_ranges speak of other steps"
    for begin, end in (span for spans in report.dead_ranges for span in spans):
        if not 0 <= begin < end <= report.arena_bytes:
            yield f"dead bytes [{begin}, {end}) do not lie in the arena"


def _references(report: Report) -> Iterator[str]:
    """Layers that are spoken of and are not there."""
    count, ids = len(report.layers), {tensor.id for tensor in report.tensors}
    for layer in report.layers:
        if not all(0 <= i < count for i in layer.reads):
            yield f"layer '{layer.name}' reads one that is not there"
        made = () if layer.tensor is None else (layer.tensor,)
        if not ids.issuperset((*made, *layer.operands)):
            yield f"layer '{layer.name}' speaks of a tensor that is not there"
    for reason in report.reasons:
        if reason.layer is not None and not 0 <= reason.layer < count:
            yield f"a reason speaks of layer {reason.layer}, which is not there"


def _tensors(report: Report) -> Iterator[str]:
    if len({tensor.id for tensor in report.tensors}) != len(report.tensors):
        yield "two tensors have one id"
    for tensor in report.tensors:
        sizes = (tensor.h, tensor.w, tensor.c, tensor.rows)
        in_arena = 0 <= tensor.offset <= report.arena_bytes
        lives = 0 <= tensor.first <= tensor.last < len(report.steps)
        small = tensor.h * tensor.w * tensor.c < 1 << 32
        if min(sizes) < 1 or tensor.id < 0 or not (in_arena and lives and small):
            yield f"tensor '{tensor.name}' contradicts itself"


def _is_port(port: PortReport, arena_bytes: int) -> bool:
    """Whether shape, order of axes, bytes and place go together."""
    axes = range(len(port.shape))
    return (
        min(port.shape, default=0) >= 1
        and math.prod(port.shape) * port.size == port.bytes
        and (port.perm is None or sorted(port.perm) == list(axes))
        and 0 <= port.offset <= arena_bytes
        and -128 <= port.zero_point <= 127
        and 0 < port.scale < math.inf
        and all(_is_step(step, port.shape) for step in port.preprocessing)
    )


def _is_step(step: PreprocessingStep, shape: tuple[int, ...]) -> bool:
    """Whether a step has finite numbers, as many as the axis along which they lie is long."""
    axis = step.axis
    count = shape[axis] if axis is not None and 0 <= axis < len(shape) else 1
    return (
        (axis is None or 0 < axis < len(shape))
        and len(step.values) == count
        and all(map(math.isfinite, step.values))
    )
