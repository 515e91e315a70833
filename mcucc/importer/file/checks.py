"""Rules for the numbers and sizes of nodes, whatever the operator."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence

from mcucc.errors import Violation
from mcucc.importer.file.reader import OnnxModel, OnnxNode
from mcucc.ir import Shape
from mcucc.ir.limits import Limit, real_bytes


def attribute_violations(nodes: Sequence[OnnxNode]) -> Iterator[Violation]:
    """The nodes with an attribute that is no finite number; bounds of a Clip may be infinite."""
    for node in nodes:
        for name, value in node.attributes.items():
            numbers = value if isinstance(value, tuple) else (value,)
            bad = [n for n in numbers if isinstance(n, float) and not math.isfinite(n)]
            if node.op == "Clip":
                bad = [n for n in bad if math.isnan(n)]
            if bad:
                yield Violation(
                    node.name,
                    node.op,
                    "an attribute must be a finite number",
                    f"{name} is {bad[0]}",
                    "Correct the attribute in the model.",
                )


def oversized(
    nodes: Sequence[OnnxNode], shapes: Mapping[str, Shape], known: Collection[str], limit: Limit
) -> Iterator[Violation]:
    """The nodes whose results are too large; those behind one of them are passed over.

    Args:
        nodes: in order.
        shapes: of values, where they could be inferred.
        known: names of nodes that are refused already.
        limit: of a tensor.
    """
    tainted: set[str] = set()
    for node in nodes:
        found = [shapes[name] for name in node.outputs if name in shapes]
        large = next((shape for shape in found if math.prod(shape) > limit.elements), None)
        behind = not tainted.isdisjoint(node.inputs)
        if large is not None and node.name not in known and not behind:
            actual = f"{list(large)}, {real_bytes(math.prod(large)):,} bytes"
            yield too_large(node, actual, limit)
        if large is not None or behind:
            tainted.update(node.outputs)


def too_large(node: OnnxNode, actual: str, limit: Limit) -> Violation:
    """The violation of a node that makes more than the limit allows."""
    rule = (
        f"a tensor must take at most {limit}, constants that are computed together "
        f"{limit.together_bytes:,}"
    )
    return Violation(node.name, node.op, rule, actual, limit.hint)


def too_many(model: OnnxModel, count: int, limit: Limit) -> Violation:
    """The violation of a network with more nodes than the limit allows."""
    return Violation(
        model.path.name,
        "Graph",
        f"a network must have at most {limit.nodes:,} nodes that depend on an input "
        "(--max-operators times four)",
        f"{count:,}",
        "Simplify the network, or raise --max-operators: planning will take long.",
    )
