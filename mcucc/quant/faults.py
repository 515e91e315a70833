"""What an int8 graph breaks with the scales that it was given."""

from collections.abc import Iterator

from mcucc.errors import Violation
from mcucc.ops import Int8Graph, Int8Node
from mcucc.ops.verify import node_faults
from mcucc.reference.arithmetic import arithmetic_faults

_RANGES_HINT = (
    "The ranges that calibration found are too far apart: look at the weights and constants of "
    "this layer, and give calibration inputs as in training."
)


_SCALES_HINT = "Check its scales and sizes in the model."


_SHAPES_HINT = "Change the layer in the model: its shapes have no int8 form here."


def violations(graph: Int8Graph, *, scales_matter: bool, given: bool) -> Iterator[Violation]:
    """What breaks a rule of its operator, or of the fixed point, with the scales it has."""
    for node in graph.nodes:
        kind, label = type(node.op).__name__, node.origin[0] if node.origin else node.name
        faults = [
            fault.removeprefix(f"{kind} '{node.name}': ") for fault in node_faults(graph, node)
        ]
        if scales_matter:
            for fault in faults or arithmetic_faults(graph, node):
                found = _scales(graph, node) if given else _ranges(graph, node)
                hint = _SCALES_HINT if given else _RANGES_HINT
                yield Violation(label, kind, fault, found, hint)
        for fault in () if scales_matter else faults:
            yield Violation(label, kind, fault, _shapes(graph, node), _SHAPES_HINT)


def _shapes(graph: Int8Graph, node: Int8Node) -> str:
    shapes = [list(graph.type_of(name).shape) for name in (*node.inputs, node.output)]
    return f"{', '.join(map(str, shapes[:-1]))} make {shapes[-1]} (inner layout)"


def _scales(graph: Int8Graph, node: Int8Node) -> str:
    """What an operator reads and makes, with the scales that the file gives."""
    texts = [
        f"{list(kind.shape)}" + (f" at scale {max(kind.quant.scales):.6g}" if kind.quant else "")
        for kind in (graph.type_of(name) for name in node.inputs)
    ]
    return f"{', '.join(texts)}, output scale {graph.tensors[node.output].q.scale:.6g}"


def _ranges(graph: Int8Graph, node: Int8Node) -> str:
    """What an operator reads and makes, with the reals that their int8 values cover."""
    made = [name for name in (*node.inputs, node.output) if name in graph.tensors]
    texts: list[str] = []
    for name in made:
        kind = graph.tensors[name]
        low, high = (kind.q.scale * (q - kind.q.zero_point) for q in (-128, 127))
        texts.append(f"{list(kind.shape)} within {low:.3g} to {high:.3g}")
    return f"{', '.join(texts[:-1])} make {texts[-1]}"
