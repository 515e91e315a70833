"""What a plan's kernels execute: rows once, but columns of halos and some values twice."""

from collections.abc import Mapping
from fractions import Fraction

from mcucc.kernels import Kernel, Shape
from mcucc.ops import Int8Graph, Int8Node
from mcucc.ops.verify import node_macs
from mcucc.schedule.types import Schedule, Segment, Step


def executed_macs(schedule: Schedule) -> Mapping[str, int]:
    """Multiply-accumulates that are executed for each node, by its name.

    They are the node's own, those of columns that several strips make, and those for values that
    its kernel makes once more because it makes several at a time (`Kernel.values_made`). Products
    of zeros that fill up a vector or a word are none of the network's and do not count.
    """
    graph = schedule.graph
    return {
        node.name: _executed(graph, step, position)
        for step in schedule.steps
        for position, node in enumerate(step.nodes)
    }


def total_executed_macs(schedule: Schedule) -> int:
    """Those of all nodes."""
    return sum(executed_macs(schedule).values())


def halo_macs(schedule: Schedule) -> int:
    """Multiply-accumulates for columns that several strips make: those beyond the network's own."""
    graph, found = schedule.graph, 0
    for step in schedule.steps:
        if not isinstance(step, Segment) or step.strips is None:
            continue
        for stage in step.stages:
            if stage.node is not None:
                again = step.strips.made(stage.content) - stage.shape[1]
                found += node_macs(graph, stage.node) * again // stage.shape[1]
    return found


def _executed(graph: Int8Graph, step: Step, position: int) -> int:
    node = step.nodes[position]
    macs, kernel = node_macs(graph, node), step.kernel_of(node)
    if kernel is None or not macs or kernel.shape not in (Shape.WINDOW, Shape.PIXELS):
        return macs
    rows, pixels, channels = graph.tensors[node.output].hwc
    if isinstance(step, Segment):
        run = _run(step, node, pixels)
        made = rows * sum(
            _in_runs(kernel, columns, channels, run) for columns in _columns(step, node, pixels)
        )
    elif kernel.shape is Shape.WINDOW:
        made = rows * kernel.values_made(pixels, channels)
    else:
        made = kernel.values_made(rows * pixels, channels)
    return int(Fraction(macs, rows * pixels * channels) * made)


def _in_runs(kernel: Kernel, pixels: int, channels: int, run: int) -> int:
    """Values made of a row that is made so many pixels at a time."""
    whole, rest = divmod(pixels, run)
    return whole * kernel.values_made(run, channels) + kernel.values_made(rest, channels)


def _columns(segment: Segment, node: Int8Node, pixels: int) -> list[int]:
    """Pixels of a row that a stage makes in each strip."""
    if segment.strips is None:
        return [pixels]
    content = next(stage.content for stage in segment.stages if stage.node is node)
    return [end - begin for begin, end in segment.strips.columns[content]]


def _run(segment: Segment, node: Int8Node, pixels: int) -> int:
    """Pixels that a stage makes at a time: a row, but where it makes or reads a panel."""
    stage = next(stage for stage in segment.stages if stage.node is node)
    if {stage.content, *(read.content for read in stage.reads)} & set(segment.panels):
        return max(segment.panels.values())
    return pixels
