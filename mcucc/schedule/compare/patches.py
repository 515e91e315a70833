"""What patch-based inference needs: a model of MCUNetV2's schedule, to compare with.

The first layers of the network run once for each of p x p patches of some tensor, whose whole
is kept; each patch reads a larger part of the image than its share (the halo), so that what
overlaps is computed again. The rest runs layer by layer. Source: Lin et al., "MCUNetV2: Memory-
Efficient Patch-based Inference for Tiny Deep Learning", 2021, section 3.1. The published figures
do not count the image, which is the streamed column here.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mcucc.ops import Axis
from mcucc.ops.verify import node_macs
from mcucc.schedule.segments.ordered_graph import Item, OrderedGraph
from mcucc.schedule.segments.partition import StepPartitioner

PATCHES = (2, 3, 4, 5)
"""The numbers of patches along a side that are tried."""

Interval = tuple[int, int]
"""First row or column, and one more than the last."""


@dataclass(frozen=True)
class Patches:
    """The best patch-based schedule.

    Attributes:
        side: patches along a side.
        layers: how many layers run patch by patch.
        arena_bytes: with the image in the arena.
        arena_bytes_without_image: with the image elsewhere.
        executed_macs: recomputation included.
    """

    side: int
    layers: int
    arena_bytes: int
    arena_bytes_without_image: int
    executed_macs: int


def best_patches(ordered: OrderedGraph, partitioner: StepPartitioner) -> Patches | None:
    """The patch-based schedule with the smallest peak, the image not counted.

    Args:
        ordered: the network, its image in the arena.
        partitioner: gives what the layers need that run whole.

    Returns:
        None if no first layers can run patch by patch.
    """
    found: list[Patches] = []
    for end in range(1, len(ordered.items)):
        item = ordered.items[end - 1]
        if item.rows is None and not item.is_reshape:
            break  # it needs whole tensors, and nothing behind it can run patch by patch
        if item.rows is not None and end > 1 and _is_one_tensor(ordered, end):
            found += [
                p
                for side in PATCHES
                if (p := _patches(ordered, partitioner, end, side)) is not None
            ]
    return min(
        found, key=lambda p: (p.arena_bytes_without_image, p.executed_macs, p.side), default=None
    )


def _is_one_tensor(ordered: OrderedGraph, end: int) -> bool:
    """Whether just one content passes from the items before a place to those behind."""
    passing = [t for t in ordered.lifetimes if t.born < end <= t.last]
    return len(passing) == 1 and passing[0].born == end - 1


def _patches(
    ordered: OrderedGraph, partitioner: StepPartitioner, end: int, side: int
) -> Patches | None:
    items = ordered.items[:end]
    last = items[-1].rows
    if last is None or last.is_reduction or min(last.shape[:2]) < side:
        return None
    rows = _needed(items, _split(last.shape[0], side), along=0)
    columns = _needed(items, _split(last.shape[1], side), along=1)
    parts = {name: _widest(rows[name]) * _widest(columns[name]) for name in rows}
    working = max(_working_bytes(ordered, parts, k, end) for k in range(end))
    whole = next(t.size for t in ordered.lifetimes if t.born == end - 1)
    rest = max((partitioner.layer_bytes(k) for k in range(end, len(ordered.items))), default=0)
    image = sum(t.size for t in ordered.lifetimes if t.born < 0)
    return Patches(
        side=side,
        layers=end,
        arena_bytes=max(image + whole + working, rest),
        arena_bytes_without_image=max(whole + working, rest),
        executed_macs=sum(
            _executed(ordered, item, rows, columns) if k < end else _macs(ordered, item)
            for k, item in enumerate(ordered.items)
        ),
    )


def _split(size: int, side: int) -> list[Interval]:
    return [(size * i // side, size * (i + 1) // side) for i in range(side)]


def _needed(items: Sequence[Item], parts: list[Interval], along: int) -> dict[str, list[Interval]]:
    """For each content the rows (along 0) or columns that each patch needs of it."""
    last = items[-1].rows
    assert last is not None
    found = {last.content: parts}
    for item in reversed(items):
        if item.rows is None or item.rows.content not in found:
            continue
        for read in item.rows.reads:
            axis = read.window.columns if along else read.window.rows
            mine = [_input(axis, part, read.shape[along]) for part in found[item.rows.content]]
            known = found.get(read.content, mine)
            found[read.content] = [_hull(a, b) for a, b in zip(known, mine, strict=True)]
    return found


def _hull(one: Interval, other: Interval) -> Interval:
    """The least interval around both; an empty one lies nowhere."""
    if one[0] >= one[1]:
        return other
    return one if other[0] >= other[1] else (min(one[0], other[0]), max(one[1], other[1]))


def _input(axis: Axis, part: Interval, size: int) -> Interval:
    """What a part needs; it is empty where all of it is padding."""
    if part[0] >= part[1]:
        return part
    outputs = np.arange(*part, dtype=np.int64)
    begin, end = int(axis.first(outputs).min()), int(axis.end(outputs).max())
    begin, end = max(begin, 0), min(end, size)
    return begin, max(begin, end)


def _widest(parts: Sequence[Interval]) -> int:
    return max(end - begin for begin, end in parts)


def _total(parts: Sequence[Interval]) -> int:
    return sum(end - begin for begin, end in parts)


def _working_bytes(ordered: OrderedGraph, parts: dict[str, int], position: int, end: int) -> int:
    """Bytes of the parts of inner tensors that are live while an item runs on one patch."""
    channels = {
        item.rows.content: item.rows.shape[2] for item in ordered.items if item.rows is not None
    }
    return sum(
        parts[t.name] * channels[t.name]
        for t in ordered.lifetimes
        if 0 <= t.born <= position <= t.last and t.born < end - 1 and t.name in parts
    )


def _macs(ordered: OrderedGraph, item: Item) -> int:
    return 0 if item.node is None else node_macs(ordered.graph, item.node)


def _executed(
    ordered: OrderedGraph,
    item: Item,
    rows: dict[str, list[Interval]],
    columns: dict[str, list[Interval]],
) -> int:
    """Multiply-accumulates of a layer in all patches."""
    stage = item.rows
    if stage is None or stage.content not in rows:
        return 0
    pixels = _total(rows[stage.content]) * _total(columns[stage.content])
    return _macs(ordered, item) * pixels // (stage.shape[0] * stage.shape[1])
