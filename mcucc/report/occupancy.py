"""What a report says of the arena in one step: live tensors, scratch, and how both scale."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from mcucc.report.model import Report, TensorReport


@dataclass(frozen=True)
class Span:
    """A range of the arena [begin, end) that is live in a step.

    Attributes:
        begin: offset of the first byte.
        end: offset after the last byte.
        tensors: those that lie in it, by rising offset; none for scratch memory.
    """

    begin: int
    end: int
    tensors: tuple[TensorReport, ...]


def tensor_bytes(tensor: TensorReport) -> int:
    """Bytes of the rows, or pixels, of a tensor that are held at a time."""
    pixels = tensor.rows * tensor.w if tensor.pixels is None else tensor.pixels
    return pixels * tensor.c


def live_bytes(report: Report, step: int) -> int:
    """Bytes of the arena that belong to a live buffer, scratch included, in a step."""
    return report.arena_bytes - sum(end - begin for begin, end in report.dead_ranges[step])


def live_spans(report: Report, step: int) -> tuple[Span, ...]:
    """The live ranges of a step; tensors that share bytes (in-place, reshape) share a span.

    What is live but belongs to no tensor is scratch memory of the kernel. What runs hand on is
    always live.
    """
    states = {state.tensor for state in report.states}
    live = [t for t in report.tensors if t.first <= step <= t.last or t.id in states]
    spans = _merge(sorted(live, key=lambda t: (t.offset, t.id)))
    scratch = _uncovered(_live_ranges(report, step), spans)
    return tuple(sorted((*spans, *scratch), key=lambda span: span.begin))


def live_bytes_of_input(report: Report, step: int, height: Fraction, width: Fraction) -> int:
    """Bytes a step would hold live if the input had other extents.

    Maps are scaled and rounded up, which is at least what strides and padding leave of them.
    Vectors and scratch memory stay as they are.

    Args:
        report: of the network as it is.
        step: index.
        height: new height by the present one.
        width: new width by the present one.
    """
    return sum(_scaled(span, height, width) for span in live_spans(report, step))


def _scaled(span: Span, height: Fraction, width: Fraction) -> int:
    """Bytes of a span; where tensors overlap in part, it grows as the largest of them."""
    length = span.end - span.begin
    if not span.tensors:
        return length
    now = max(tensor_bytes(t) for t in span.tensors)
    then = max(_rows(t, height) * _ceil(t.w * width) * t.c for t in span.tensors)
    return _ceil(Fraction(length * then, now))


def _rows(tensor: TensorReport, height: Fraction) -> int:
    """Rows that are held of a scaled tensor: those of a ring stay as they are."""
    return tensor.rows if tensor.rows < tensor.h else _ceil(tensor.h * height)


def _ceil(value: Fraction) -> int:
    return -(-value.numerator // value.denominator)


def _merge(tensors: Sequence[TensorReport]) -> list[Span]:
    spans: list[Span] = []
    for tensor in tensors:
        begin, end = tensor.offset, tensor.offset + tensor_bytes(tensor)
        if spans and begin < spans[-1].end:
            last = spans.pop()
            spans.append(Span(last.begin, max(last.end, end), (*last.tensors, tensor)))
        else:
            spans.append(Span(begin, end, (tensor,)))
    return spans


def _live_ranges(report: Report, step: int) -> list[tuple[int, int]]:
    """The complement of the dead ranges."""
    bounds = [0, *(x for pair in report.dead_ranges[step] for x in pair), report.arena_bytes]
    pairs = zip(bounds[::2], bounds[1::2], strict=True)
    return [(begin, end) for begin, end in pairs if begin < end]


def _uncovered(ranges: Sequence[tuple[int, int]], spans: Sequence[Span]) -> list[Span]:
    """What is in the ranges but in none of the spans, both by rising offset."""
    found: list[Span] = []
    for begin, end in ranges:
        reached = begin
        for span in spans:
            if span.end <= reached or span.begin >= end:
                continue
            if span.begin > reached:
                found.append(Span(reached, span.begin, ()))
            reached = span.end
        if reached < end:
            found.append(Span(reached, end, ()))
    return found
