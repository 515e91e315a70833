"""All reasons of a compilation, in order and bounded in number."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mcucc.kernels import Choice
from mcucc.ops import Int8Graph
from mcucc.passes import PassEvent
from mcucc.report.model import STAGES, Reason
from mcucc.report.reasons.of_kernels import kernel_reasons
from mcucc.report.reasons.of_passes import pass_reasons
from mcucc.report.reasons.of_plan import plan_reasons
from mcucc.report.reasons.of_pruning import pruning_reasons
from mcucc.report.reasons.of_steps import step_reasons
from mcucc.report.reasons.placed import Survivors, placed_layers
from mcucc.report.reasons.value import by_value
from mcucc.schedule import FoundPlan, PlanOptions

MOST_OF_LAYER = 16
"""Reasons of one layer that a report holds."""
MOST_OF_NONE = 64
"""Reasons that speak of no layer, but of the network or of a node of which nothing is left."""


@dataclass(frozen=True)
class Grounds:
    """What reasons are made of, beside the plan.

    Attributes:
        events: of the passes, in the order in which they ran.
        whole: the network with all its channels.
        choices: the kernels, and those that declined, by the name of the node.
        pruned: false if the user wanted all channels.
        options: that the planner was asked for.
    """

    events: Sequence[PassEvent]
    whole: Int8Graph
    choices: Mapping[str, Choice]
    pruned: bool
    options: PlanOptions


@dataclass(frozen=True)
class Collected:
    """The reasons that a report holds, and how many it leaves out."""

    reasons: tuple[Reason, ...] = ()
    left_out: int = 0


def collect(plan: FoundPlan, grounds: Grounds) -> Collected:
    """The reasons of a compilation, by layer; those that are worth least are left out if many."""
    layers = tuple(placed_layers(plan))
    graph = plan.schedule.graph
    return bounded(
        (
            *pass_reasons(grounds.events, Survivors(layers)),
            *pruning_reasons(grounds.whole, graph, layers, pruned=grounds.pruned),
            *kernel_reasons(plan, layers, grounds.choices),
            *plan_reasons(plan, grounds.options),
            *step_reasons(plan, layers, grounds.options),
        )
    )


def bounded(reasons: Iterable[Reason]) -> Collected:
    """Reasons in order, each once, and not too many of a layer; of the network first."""
    groups: dict[int | None, list[Reason]] = {}
    for reason in dict.fromkeys(reasons):
        groups.setdefault(reason.layer, []).append(reason)
    kept: list[Reason] = []
    for layer in sorted(groups, key=lambda layer: -1 if layer is None else layer):
        most = MOST_OF_NONE if layer is None else MOST_OF_LAYER
        kept += sorted(by_value(groups[layer])[:most], key=_place)
    return Collected(tuple(kept), sum(map(len, groups.values())) - len(kept))


def _place(reason: Reason) -> tuple[int, str, str, str]:
    return STAGES.index(reason.stage), reason.rule, reason.node, reason.declined or ""
