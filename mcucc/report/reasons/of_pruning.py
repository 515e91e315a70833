"""Which layers lost channels, and what that saves."""

from collections.abc import Iterator

from mcucc.ops import Int8Graph, Int8Node
from mcucc.ops.verify import node_macs
from mcucc.report.model import Gain, Reason
from mcucc.report.reasons.placed import PlacedLayer

_RULE = "drop_channels"


def pruning_reasons(
    whole: Int8Graph, graph: Int8Graph, layers: tuple[PlacedLayer, ...], *, pruned: bool
) -> Iterator[Reason]:
    """A reason for each layer that makes or reads fewer channels than before.

    Args:
        whole: the network with all its channels.
        graph: what is compiled.
        layers: of the plan.
        pruned: false if the user wanted all channels.
    """
    if not pruned:
        yield Reason("prune", None, "", _RULE, declined="--no-prune keeps all channels")
        return
    before = {node.name: node for node in whole.nodes}
    for layer in layers:
        old = before.get(layer.node.name)
        did = None if old is None else _change(whole, old, graph, layer.node)
        if old is None or did is None:
            continue
        saved = node_macs(whole, old) - node_macs(graph, layer.node)
        yield Reason(
            *("prune", layer.index, layer.node.name, _RULE),
            did=did,
            gain=Gain(saved, "MACs") if saved else None,
        )


def _change(whole: Int8Graph, old: Int8Node, graph: Int8Graph, new: Int8Node) -> str | None:
    """How a node differs, None if it does not."""
    read = [_fewer(whole, a, graph, b) for a, b in zip(old.inputs, new.inputs, strict=True)]
    made = _fewer(whole, old.output, graph, new.output)
    both = tuple(dict.fromkeys(each for each in read if each))
    if both == (made,):
        parts = [f"reads and makes {made}"]
    else:
        parts = [f"reads {' and '.join(both)}"] if both else []
        parts += [f"makes {made}"] if made else []
    why = "the others do not depend on the input, or are not needed"
    return f"{', '.join(parts)}: {why}" if parts else None


def _fewer(whole: Int8Graph, was: str, graph: Int8Graph, now: str) -> str:
    """How many channels are left of a value; empty if all are, or if it is none."""
    if was not in whole.tensors or now not in graph.tensors:
        return ""
    before, left = whole.tensors[was].shape[-1], graph.tensors[now].shape[-1]
    return f"{left} of {before} channels" if left < before else ""
