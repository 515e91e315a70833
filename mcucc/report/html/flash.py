"""Flash by layer and kind, as a treemap."""

from collections.abc import Iterator
from dataclasses import dataclass

from mcucc.report.html.room import room_class
from mcucc.report.html.treemap import Place, squarified
from mcucc.report.model import Report
from mcucc.report.text.figures import percents, printable, short_name

WIDE, HIGH = 1000, 340
"""The drawing for which proportions are chosen; its height is kept, its width follows the page."""

_LEAST_SHARE = 250
"""A part of less than one in so many is joined with others."""
_LONGEST_NAME = 24
_TWO_LINES, _ONE_LINE = 32, 17
"""Pixels that a rectangle with a label must have."""


@dataclass(frozen=True)
class Tile:
    """A part of flash: left and width in percent, top and height in pixels."""

    name: str
    kind: str
    bytes: int
    share: str
    left: float
    width: float
    top: float
    height: float
    room: str
    two_lines: bool
    layer: int | None = None


@dataclass(frozen=True)
class Part:
    """What takes flash; `layer` is its index where it is one's weights."""

    name: str
    kind: str
    bytes: int
    layer: int | None = None


def draw_flash(report: Report) -> tuple[Tile, ...]:
    """The tiles of a report's flash; of weights alone where nothing was built."""
    parts = sorted(_joined(tuple(parts_of_flash(report))), key=lambda part: -part.bytes)
    sizes = [part.bytes for part in parts]
    shares = percents(sizes, sum(sizes))
    places = squarified(sizes, Place(0, 0, WIDE, HIGH))
    return tuple(map(_tile, parts, shares, places))


def _tile(part: Part, share: str, place: Place) -> Tile:
    percent = 100 * place.width / WIDE
    name = short_name(printable(part.name), _LONGEST_NAME)
    two = place.height >= _TWO_LINES
    text = max(name, f"{part.bytes:,} B", key=len) if two else name
    return Tile(
        name=name,
        kind=part.kind,
        bytes=part.bytes,
        share=share,
        left=100 * place.left / WIDE,
        width=percent,
        top=place.top,
        height=place.height,
        room=room_class(text, percent) if place.height >= _ONE_LINE else "",
        two_lines=two,
        layer=part.layer,
    )


def parts_of_flash(report: Report) -> Iterator[Part]:
    """Weights by layer, other constants, code of segments, and the rest of the code."""
    weights = 0
    for layer in report.layers:
        if layer.weights_bytes:
            weights += layer.weights_bytes
            yield Part(layer.name, _kind(layer.op), layer.weights_bytes, layer.index)
    constants = (report.flash.weights_bytes or 0) - weights
    if constants > 0:
        yield Part("requantization, padding", "other", constants)
    code = report.flash.code_bytes or 0
    for step in report.steps:
        if step.code_bytes:
            code -= step.code_bytes
            yield Part(f"code of {step.name}", "code", step.code_bytes)
    if code > 0:
        yield Part("code", "code", code)


def _kind(op: str) -> str:
    if op == "DepthwiseConv2D":
        return "depthwise"
    if op.startswith("FullyConnected"):
        return "dense"
    return "conv" if "Conv" in op else "other"


def _joined(parts: tuple[Part, ...]) -> Iterator[Part]:
    """The parts, those that nobody could see as one."""
    least = sum(part.bytes for part in parts) // _LEAST_SHARE
    small = [part for part in parts if part.bytes < least]
    yield from (part for part in parts if part.bytes >= least)
    if small:
        yield Part(f"{len(small)} smaller parts", "other", sum(part.bytes for part in small))
