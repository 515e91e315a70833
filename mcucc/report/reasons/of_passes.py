"""What the passes did to the nodes of a network, and what they declined."""

from collections.abc import Iterator, Sequence

from mcucc.passes import PRUNE, PassEvent
from mcucc.report.model import Gain, Reason
from mcucc.report.reasons.placed import Survivors

PRUNING = frozenset(each.name for each in PRUNE)
"""Names of the passes that drop channels."""


def pass_reasons(events: Sequence[PassEvent], survivors: Survivors) -> Iterator[Reason]:
    """A reason for what was done to a node, and for what a node that is left was declined.

    A pass runs several times and declines a node each time; its last word counts. What a pass
    declined of a node that vanished later says nothing of the network as it is.

    Args:
        events: in the order in which the passes ran.
        survivors: what is left of the nodes.
    """
    last: dict[tuple[str, str], PassEvent] = {}
    for event in events:
        known = last.get((event.name, event.node))
        if known is None or known.declined is not None:
            last[event.name, event.node] = event
    names = {layer.node.name for layer in survivors.layers}
    for event in last.values():
        pruning = event.name in PRUNING
        if (event.declined is None and pruning) or (event.declined and event.node not in names):
            continue
        worth = event.worth
        yield Reason(
            stage="prune" if pruning else "pass",
            layer=survivors.index_of(event.node, event.origin),
            node=event.node,
            rule=event.name,
            did=event.did or None,
            declined=event.declined,
            gain=None if worth is None else Gain(worth.amount, worth.unit),
        )
