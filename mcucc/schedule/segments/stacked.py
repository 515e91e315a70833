"""In how many bytes all that a candidate needs can be placed, before anything is."""

from collections.abc import Mapping, Sequence

from mcucc.schedule.segments.candidates import Distances, StepCandidate
from mcucc.schedule.segments.ordered_graph import OrderedGraph


def candidate_bytes(
    ordered: OrderedGraph, candidate: StepCandidate, alignment: int, sizes: Sequence[int]
) -> int:
    """Bytes in which all that a candidate needs can be placed side by side.

    One dying tensor shares bytes with what is written below it; the others stand apart.

    Args:
        ordered: the network.
        candidate: the step.
        alignment: of every buffer.
        sizes: for each content its bytes, rounded up.
    """
    padded = {name: -(-size // alignment) * alignment for name, size in candidate.kept.items()}
    extra = -(-candidate.extra_bytes // alignment) * alignment
    below = sum(padded.values()) + extra
    before = [(ordered.lifetimes[i], sizes[i]) for i in ordered.crossing[candidate.begin]]
    above = sum(size for _, size in before)
    best = above + below
    for lifetime, size in before:
        distances = candidate.distances.get(lifetime.name)
        if distances:
            lifted = _lift(padded, distances, extra)
            best = min(best, above - size + max(lifted + size, below))
    return best


def _lift(padded: Mapping[str, int], distances: Distances, extra: int) -> int:
    """How high a dying tensor must lie over the tensors that are written below it.

    They are stacked so that those that leave the least room under the dying one come first.
    """
    tail = sorted(padded, key=lambda name: distances.get(name, padded[name]) - padded[name])
    offset, lift = extra, extra
    for name in reversed(tail):
        lift = max(lift, offset + distances.get(name, padded[name]))
        offset += padded[name]
    return lift
