"""Why the plan is as it is: order, rows or whole tensors, and places."""

from collections.abc import Iterator

from mcucc.report.model import Gain, Reason
from mcucc.report.text.figures import plural
from mcucc.schedule import FoundPlan, PlanOptions
from mcucc.schedule.compare.patches import best_patches
from mcucc.schedule.order.search import Order


def plan_reasons(plan: FoundPlan, options: PlanOptions) -> Iterator[Reason]:
    """The reasons that are about the network as a whole.

    Args:
        plan: with what the planner knows of it.
        options: that it was asked for.
    """
    yield from _order(plan.search.order)
    yield _layers(plan, options)
    yield _rows(plan, options)
    yield from _scratch(plan, options)
    yield from _cuts(plan)
    yield from _patches(plan)
    yield _placement(plan)


def _order(order: Order) -> Iterator[Reason]:
    """Whether it is proven, or which budget ended the proof; better than that of the file?"""
    least = f"{order.peak_bytes:,} bytes"
    match order.ending:
        case "chain":
            did = "there is no other: each layer needs the one before it"
        case "bound":
            did = f"that of the file: no order has a lower peak than its {least}, layer by layer"
        case "search" | "budget":
            did = f"one with a peak of {least}, layer by layer"
    saved = order.given_bytes - order.peak_bytes
    if saved:
        did += f"; that of the file has {order.given_bytes:,}"
    gain = Gain(saved, "arena bytes") if saved else None
    yield Reason("order", None, "", "order", did=did, gain=gain)
    if order.ending not in ("search", "budget"):
        return
    states = f"{order.states:,} sets of executed layers were looked at, of at most {order.budget:,}"
    if order.proven:
        yield Reason("order", None, "", "proof", did=f"no order has a lower peak: {states}")
        return
    open_bytes = order.peak_bytes - order.least_bytes
    yield Reason(
        *("order", None, "", "proof"),
        declined=f"the exact search ended at its budget of {order.budget:,} sets of executed "
        f"layers, and beam search went on; no order has a peak below {order.least_bytes:,} bytes",
        gain=Gain(open_bytes, "arena bytes"),
    )


def layer_by_layer_bytes(plan: FoundPlan) -> int:
    """What the fullest step would need if each layer made its whole tensor."""
    ordered, partitioner = plan.search.ordered, plan.search.partitioner
    executed = (i for i, item in enumerate(ordered.items) if item.node is not None)
    return max((partitioner.layer_bytes(i) for i in executed), default=0)


def _has_rows(plan: FoundPlan) -> bool:
    return any(candidate.stages for candidate in plan.search.cut.steps)


def _layers(plan: FoundPlan, options: PlanOptions) -> Reason:
    """What whole tensors need, and whether they are taken."""
    needed = f"the fullest step needs {layer_by_layer_bytes(plan):,} bytes"
    if _has_rows(plan):
        tried = (*plan.search.tried, *plan.search.with_scratch)
        placed = [cut.arena_bytes for cut in tried if not cut.segments]
        if placed:
            needed += f", all of them together {min(placed):,}"
        least = min(placed, default=layer_by_layer_bytes(plan))
        over = options.limit is not None and least > options.limit
        limit = f", more than the {options.limit:,} that the arena may take" if over else ""
        rows = f"{needed}{limit}; the chosen plan takes {plan.arena_bytes:,}"
        return Reason("segment", None, "", "layer by layer", declined=rows)
    did = f"every layer makes its whole tensor: {needed}"
    return Reason("segment", None, "", "layer by layer", did=did)


def _rows(plan: FoundPlan, options: PlanOptions) -> Reason:
    """What rows save and cost, or why there are none."""
    where = ("segment", None, "", "row by row")
    cut = plan.search.cut
    if not _has_rows(plan):
        return Reason(*where, declined=_why_no_rows(options))
    segments = [candidate for candidate in cut.steps if candidate.stages]
    stages = sum(len(candidate.stages) for candidate in segments)
    saved = layer_by_layer_bytes(plan) - plan.arena_bytes
    return Reason(
        *where,
        did=f"{stages} layers run in {plural(len(segments), 'segment')} (of "
        f"{plural(len(cut.steps), 'step')}), at about {cut.cost:,} instructions a run beside "
        "their kernels",
        gain=Gain(saved, "arena bytes") if saved > 0 else None,
    )


def _why_no_rows(options: PlanOptions) -> str:
    if options.mode == "layer":
        return "--schedule layer allows whole tensors alone"
    if options.objective == "memory":
        return "no cut with segments needs less"
    limit = "no limit" if options.limit is None else f"{options.limit:,} bytes"
    return (
        f"whole tensors fit what the arena may take ({limit}) and cost no turns; --objective "
        "memory asks for the smallest arena"
    )


def _scratch(plan: FoundPlan, options: PlanOptions) -> Iterator[Reason]:
    """That the fastest kernels need too much scratch."""
    tried = plan.search.with_scratch
    if tried:
        least = min(cut.arena_bytes for cut in tried)
        yield Reason(
            *("segment", None, "", "scratch of the fastest kernels"),
            declined=f"with it the arena takes {least:,} bytes, more than {options.limit:,}; a "
            "layer has it where the arena has room anyway",
        )


def _cuts(plan: FoundPlan) -> Iterator[Reason]:
    """How many cuts were placed, if there was a choice."""
    tried = plan.search.tried
    if len(tried) > 1:
        arenas = [cut.arena_bytes for cut in tried]
        yield Reason(
            *("segment", None, "", "cuts"),
            did=f"{len(tried)} cuts into steps were placed, in {min(arenas):,} to "
            f"{max(arenas):,} bytes; the chosen one has {len(plan.search.cut.steps)} steps",
        )


def _patches(plan: FoundPlan) -> Iterator[Reason]:
    """What patches would need and compute again; asked only where whole tensors do not do."""
    if not _has_rows(plan) or plan.search.ordered.streamed:
        return
    best = best_patches(plan.search.ordered, plan.search.partitioner)
    if best is None:
        yield Reason("segment", None, "", "patches", declined="no first layers can run in patches")
        return
    yield Reason(
        *("segment", None, "", "patches"),
        declined=f"{best.side}x{best.side} patches of the first {best.layers} layers need "
        f"{best.arena_bytes:,} bytes and {best.executed_macs:,} MACs in all, by a model; "
        f"the chosen plan takes {plan.arena_bytes:,}",
    )


def _placement(plan: FoundPlan) -> Reason:
    """Whether the places are proven, or how far they are from the lower bound."""
    where = ("placement", None, "", "places")
    height, bound = plan.arena_bytes, plan.placement.lower_bound
    if plan.placement.optimal or height == bound:
        why = "no placement of these steps needs less"
        return Reason(*where, did=f"{height:,} bytes are optimal: {why}")
    return Reason(
        *where,
        declined=f"no proof: the search ended at its budget with {height:,} bytes, and no "
        f"placement of these steps needs less than {bound:,}",
        gain=Gain(height - bound, "arena bytes"),
    )
