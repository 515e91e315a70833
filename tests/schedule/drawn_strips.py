"""Plans whose first segment runs in strips, whatever that brings."""

from dataclasses import dataclass

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from mcucc.kernels import select_kernels
from mcucc.ops import Int8Graph
from mcucc.schedule import MemoryPlan, PlanOptions, Segment, plan_memory
from mcucc.schedule.plan import Planner
from mcucc.schedule.segments.candidates import StepCandidates
from mcucc.schedule.segments.partition import Cut
from mcucc.schedule.strips import Strips
from mcucc.targets.core import Core
from tests.graphs import GraphBuilder, quant

Q = quant(0.05, 3)
_WIDEST = 21


@dataclass(frozen=True)
class StripWay:
    """Which of the ways to cut a network: they are counted anew for each network.

    Attributes:
        end: up to which of its items.
        way: which of the cuts there.
        panels: whether some tensors are held as panels.
        count: the number of strips that those have; 0 for any.
    """

    end: int
    way: int
    panels: bool
    count: int = 0


WAYS = st.builds(StripWay, st.integers(0, 1000), st.integers(0, 1000), st.booleans())


def plan_in_strips(graph: Int8Graph, way: StripWay, core: Core | None = None) -> MemoryPlan | None:
    """A plan whose first items run in strips, the others as layers; None if none may.

    Args:
        graph: a network with one input.
        way: up to which item, in which strips.
        core: that kernels are chosen for; None for plain C.
    """
    kernels = select_kernels(graph, core)
    options = PlanOptions(stream_input=True, input_elsewhere=True, alignment=4)
    planner = Planner(graph, kernels, options)
    ordered = planner.ordered
    plain = [StepCandidates(ordered, i + 1, panels=False) for i in range(len(ordered.items))]
    ends = [(each.end, cuts) for each in plain if (cuts := each.strip_cuts) is not None]
    if not ends:
        return None
    end, cuts = ends[way.end % len(ends)]
    family = StepCandidates(ordered, end, panels=way.panels)
    allowed = np.flatnonzero((cuts.counts == way.count) | (way.count == 0))
    first = family.in_strips(cuts.strips(int(allowed[way.way % len(allowed)])))
    rest = [plain[i].candidate(i) for i in range(end, len(plain))]
    return plan_memory(planner.schedule(Cut((first, *rest), 0, 0)))


def inverted_bottleneck() -> Int8Graph:
    b = GraphBuilder()
    x = b.conv(b.input((1, 8, 24, 3), Q), 8, (3, 3), stride=(2, 2), q=Q)
    y = b.depthwise(b.conv(x, 16, (1, 1), q=Q), (3, 3), q=Q)
    x = b.add(b.conv(y, 8, (1, 1), q=Q), x, q=Q)
    return b.build(b.conv(x, 4, (3, 3), stride=(1, 2), q=Q))


def strips_of(plan: MemoryPlan) -> Strips:
    first = plan.schedule.steps[0]
    assert isinstance(first, Segment)
    assert first.strips is not None
    return first.strips


@st.composite
def wide_maps(draw: st.DrawFn) -> Int8Graph:
    """Chains of all that takes strips, with shortcuts, from a map of few rows and many columns."""
    b = GraphBuilder()
    x = b.input((1, draw(st.integers(1, 6)), draw(st.integers(4, _WIDEST)), 3), Q)
    for _ in range(draw(st.integers(1, 5))):
        x = _LAYERS[draw(st.sampled_from(sorted(_LAYERS)))](draw, b, x)
    assume(len(b.tensors) > 2)
    return b.build(x)


def _columns(draw: st.DrawFn, b: GraphBuilder, x: str) -> tuple[int, int, int, tuple[int, int]]:
    """Taps, stride, dilation and padding along a row."""
    width = b.tensors[x].hwc[1]
    taps, dilation = draw(st.integers(1, 5)), draw(st.integers(1, 2))
    reach = (taps - 1) * dilation
    pads = draw(st.integers(0, reach)), draw(st.integers(0, reach))
    if width + sum(pads) <= reach:
        pads = (reach // 2, reach - reach // 2)
    return taps, draw(st.integers(1, 3)), dilation, pads


def _conv(draw: st.DrawFn, b: GraphBuilder, x: str) -> str:
    kw, stride, dilation, (left, right) = _columns(draw, b, x)
    return b.conv(
        *(x, draw(st.sampled_from((1, 4, 5, 8, 16))), (3, kw)),
        stride=(1, stride),
        dilation=(1, dilation),
        pads=(1, 1, left, right),
        q=Q,
    )


def _depthwise(draw: st.DrawFn, b: GraphBuilder, x: str) -> str:
    kw, stride, dilation, (left, right) = _columns(draw, b, x)
    multiplier = 2 if b.tensors[x].hwc[2] <= 4 and draw(st.booleans()) else 1
    return b.depthwise(
        *(x, (3, kw)),
        stride=(1, stride),
        dilation=(1, dilation),
        pads=(1, 1, left, right),
        multiplier=multiplier,
        q=Q,
    )


def _three_by_three(draw: st.DrawFn, b: GraphBuilder, x: str) -> str:
    """What some variants of kernels take alone."""
    if draw(st.booleans()):
        x = b.conv(x, 8, (1, 1), q=Q)
    return b.depthwise(x, (3, 3), q=Q)


def _pointwise(draw: st.DrawFn, b: GraphBuilder, x: str) -> str:
    return b.conv(x, draw(st.sampled_from((3, 8, 12))), (1, 1), q=Q)


def _pool(draw: st.DrawFn, b: GraphBuilder, x: str) -> str:
    rows, columns, _ = b.tensors[x].hwc
    kernel, left = (min(2, rows), min(3, columns)), draw(st.integers(0, 1))
    pads = (0, 0, left, 1) if columns > 2 else (0, 0, 0, 0)
    method = b.max_pool if draw(st.booleans()) else b.average_pool
    return method(x, kernel, stride=(1, draw(st.integers(1, 3))), pads=pads)


def _shortcut(draw: st.DrawFn, b: GraphBuilder, x: str) -> str:
    """A sum or product with a way around, or with a constant map, or both joined."""
    channels = b.tensors[x].hwc[2]
    y = b.conv(x, channels, (3, draw(st.sampled_from((1, 3, 5)))), q=Q)
    kind = draw(st.sampled_from(("add", "mul", "constant", "concat")))
    if kind == "concat" and b.tensors[x].q == Q:
        return b.concat(x, y)
    other = b.constant(b.tensors[y].shape, Q) if kind == "constant" else x
    return (b.mul if kind == "mul" else b.add)(y, other, q=Q)


def _table(draw: st.DrawFn, b: GraphBuilder, x: str) -> str:
    return b.logistic(x) if draw(st.booleans()) else b.requantize(x, Q)


_LAYERS = {
    "conv": _conv,
    "depthwise": _depthwise,
    "pointwise": _pointwise,
    "pool": _pool,
    "shortcut": _shortcut,
    "table": _table,
    "three_by_three": _three_by_three,
}
