"""The arena over the steps: a rectangle for each buffer, bytes to the right, steps downwards."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from mcucc.report.html.room import room_class
from mcucc.report.model import Report, TensorReport
from mcucc.report.occupancy import live_bytes, live_spans, tensor_bytes
from mcucc.report.text.figures import format_shape, plural, printable, short_name

_HUES = 6
_TEXT = 13
"""Pixels of a line of text."""
_MOST_PIXELS = 900
_TALL = ((20, 24), (40, 17), (70, 14))
"""Up to so many steps, pixels of a row."""
_LEAST_PIXELS = 3
_TICKS = 4
_LONGEST_NAME = 26
_SHORTER_NAME = 14
_ROOMY = 600
"""Pixels of a drawing on which a name that does not fit is shortened further."""


@dataclass(frozen=True)
class Box:
    """A buffer.

    Attributes:
        key: unique on the page.
        kind: class of its style.
        left: where it begins, in percent of the arena.
        width: in percent.
        top: pixels below the first row.
        height: pixels.
        label: what may stand on it.
        room: from which width of the drawing on the label fits; empty for never.
        title: all about it.
        maker: step that makes it, -1 for what the caller hands over.
        readers: steps that read it.
        at_peak: whether it is live at the peak.
    """

    key: str
    kind: str
    left: float
    width: float
    top: int
    height: int
    label: str
    room: str
    title: str
    maker: int
    readers: tuple[int, ...]
    at_peak: bool


@dataclass(frozen=True)
class Row:
    """A step: its number, what is live in it, and whether there is room for text beside it."""

    index: int
    name: str
    top: int
    live: int
    at_peak: bool
    labelled: bool


@dataclass(frozen=True)
class Tick:
    """An address over the drawing; `room` is the class of its style."""

    left: float
    text: str
    anchor: str
    room: str


@dataclass(frozen=True)
class Arena:
    """The drawing; `row` is the height of a step, `height` that of all."""

    boxes: tuple[Box, ...]
    rows: tuple[Row, ...]
    ticks: tuple[Tick, ...]
    row: int
    height: int


def draw_arena(report: Report) -> Arena:
    """The drawing of a report's arena."""
    steps = len(report.steps)
    row = next((pixels for most, pixels in _TALL if steps <= most), _MOST_PIXELS // max(steps, 1))
    row = max(row, _LEAST_PIXELS)
    boxes = [*_scratch(report, row), *_tensors(report, row)]
    return Arena(
        boxes=tuple(_labelled_once(boxes)),
        rows=tuple(_rows(report, row)),
        ticks=tuple(_ticks(report.arena_bytes)),
        row=row,
        height=row * steps,
    )


def _tensors(report: Report, row: int) -> Iterator[Box]:
    """The largest first, so that small ones lie above them and can be pointed at."""
    states = {state.tensor for state in report.states}
    whole = max(report.arena_bytes, 1)
    makers = {layer.tensor: layer.step for layer in report.layers}
    for tensor in sorted(report.tensors, key=lambda t: (-tensor_bytes(t), t.id)):
        first, last = tensor.first, tensor.last
        if tensor.id in states:
            first, last = 0, len(report.steps) - 1
        width = 100 * tensor_bytes(tensor) / whole
        label = _label(tensor.name, width)
        height = (last - first + 1) * row
        readers = _readers(report, tensor)
        yield Box(
            key=f"t{tensor.id}",
            kind=_kind(report, tensor, states),
            left=100 * tensor.offset / whole,
            width=width,
            top=first * row,
            height=height,
            label=label,
            room=room_class(label, width) if height >= _TEXT else "",
            title=_about(report, tensor),
            maker=makers.get(tensor.id, -1),
            readers=readers,
            at_peak=first <= report.peak.step <= last,
        )


def _label(name: str, percent: float) -> str:
    """A name as long as there is room for it."""
    label = short_name(printable(name), _LONGEST_NAME)
    room = room_class(label, percent)
    fits = room and int(room[1:]) <= _ROOMY
    return label if fits else short_name(printable(name), _SHORTER_NAME)


def _kind(report: Report, tensor: TensorReport, states: set[int]) -> str:
    if tensor.id in states:
        return "state"
    if any(port.tensor == tensor.id for port in report.inputs):
        return "port"
    return f"hue{tensor.id % _HUES}"


def _readers(report: Report, tensor: TensorReport) -> tuple[int, ...]:
    found = (layer.step for layer in report.layers if tensor.id in layer.operands)
    return tuple(dict.fromkeys(found))


def _about(report: Report, tensor: TensorReport) -> str:
    """Shape, bytes, life, who makes it and who reads it."""
    makers = [x for x in report.layers if x.tensor == tensor.id]
    readers = [x for x in report.layers if tensor.id in x.operands]
    held = ""
    if tensor.pixels is not None:
        held = f", {plural(tensor.pixels, 'pixel')} held at a time"
    elif tensor.rows < tensor.h:
        held = f", {plural(tensor.rows, 'row')} held at a time"
    life = f"step {tensor.first}"
    if tensor.last > tensor.first:
        life = f"steps {tensor.first} to {tensor.last}"
    end = tensor.offset + tensor_bytes(tensor)
    parts = [
        f"{tensor.name}: {format_shape((tensor.h, tensor.w, tensor.c))}{held}",
        f"{tensor_bytes(tensor):,} bytes at {tensor.offset:,} to {end:,}",
        f"lives in {life}",
        *(f"made by {x.index} {x.name}" for x in makers),
    ]
    if readers:
        parts.append("read by " + ", ".join(f"{x.index} {x.name}" for x in readers))
    return printable("; ".join(parts))


def _scratch(report: Report, row: int) -> Iterator[Box]:
    """Memory that kernels work in: what is live and belongs to no tensor."""
    whole = max(report.arena_bytes, 1)
    for step in range(len(report.steps)):
        for number, span in enumerate(live_spans(report, step)):
            if span.tensors:
                continue
            width, size = 100 * (span.end - span.begin) / whole, span.end - span.begin
            yield Box(
                key=f"s{step}n{number}",
                kind="scratch",
                left=100 * span.begin / whole,
                width=width,
                top=step * row,
                height=row,
                label="scratch",
                room=room_class("scratch", width) if row >= _TEXT else "",
                title=f"scratch and counters of step {step}: {size:,} bytes at {span.begin:,}",
                maker=step,
                readers=(),
                at_peak=step == report.peak.step,
            )


def _labelled_once(boxes: Sequence[Box]) -> Iterator[Box]:
    """The boxes, without labels that would lie over others: those stand in the first row."""
    taken: list[Box] = []
    for box in boxes:
        free = box.room and not any(_meet(box, other) for other in taken)
        if free:
            taken.append(box)
        yield box if free else _silent(box)


def _meet(a: Box, b: Box) -> bool:
    """Whether the labels of two boxes, as wide as these, meet."""
    aside = a.left >= b.left + b.width or b.left >= a.left + a.width
    return not aside and abs(a.top - b.top) < _TEXT


def _silent(box: Box) -> Box:
    return replace(box, room="")


def _rows(report: Report, row: int) -> Iterator[Row]:
    every = -(-_TEXT // row)
    peak = report.peak.step
    for step in report.steps:
        near = step.index != peak and abs(step.index - peak) * row < _TEXT
        yield Row(
            index=step.index,
            name=short_name(printable(step.name), _LONGEST_NAME),
            top=step.index * row,
            live=live_bytes(report, step.index),
            at_peak=step.index == peak,
            labelled=step.index == peak or (step.index % every == 0 and not near),
        )


def _ticks(whole: int) -> Iterator[Tick]:
    for number in range(_TICKS + 1):
        anchor = {0: "start", _TICKS: "end"}.get(number, "middle")
        room = {0: "w0", _TICKS: "w0", _TICKS // 2: "w260"}.get(number, "w600")
        yield Tick(100 * number / _TICKS, f"{whole * number // _TICKS:,}", anchor, room)
