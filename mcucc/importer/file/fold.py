"""Folds what does not depend on the input: shape arithmetic, constants, and nodes nobody reads.

Exporters leave the arithmetic that makes the target of a reshape in the file, and quantized
weights behind a DequantizeLinear. With the input shapes fixed all of it is constant. Shapes are
inferred node by node with ONNX's own rules; constant nodes are computed by ONNX's reference
evaluator. No node that depends on an input is ever executed.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import onnx
import onnx.checker
import onnx.defs
import onnx.helper
import onnx.numpy_helper
import onnx.reference
import onnx.shape_inference
from numpy.typing import NDArray

from mcucc.errors import UnsupportedModelError, UsageError, Violation
from mcucc.importer.file.checks import attribute_violations, oversized, too_large, too_many
from mcucc.importer.file.reader import AttributeValue, OnnxModel, OnnxNode, OnnxPort
from mcucc.ir import Shape
from mcucc.ir.limits import DEFAULT_LIMIT, Limit, real_bytes

_LARGEST_SHAPE = 1 << 12
"""Elements of a constant that may say a shape, which inference asks for."""

FOLDABLE = frozenset(
    """Abs Add And Cast CastLike Ceil Clip Concat ConstantOfShape DequantizeLinear Div Equal Exp
    Expand Flatten Floor Gather GatherElements GatherND Gemm Greater GreaterOrEqual Identity Less
    LessOrEqual Log MatMul Max Min Mod Mul Neg Not Or Pad Pow QuantizeLinear Range Reciprocal
    ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum Reshape Round Shape Sign Size Slice Split
    Sqrt Squeeze Sub Tile Transpose Unsqueeze Where Xor""".split()  # noqa: SIM905 -- reads better than a list
)
"""Operators that are computed where all their inputs are constant."""

_QUANTIZED_INPUTS = ("float32", "int8", "uint8")

_INFERENCE_ERRORS = (
    onnx.checker.ValidationError,
    onnx.defs.SchemaError,
    onnx.shape_inference.InferenceError,
)
"""Unknown operators, and inputs that an operator does not accept."""

_EVALUATION_ERRORS = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What the reference evaluator raises on inputs that an operator does not accept."""

_JUDGED_AS: Mapping[str, int] = {
    # The evaluator knows them from here on; older ones mean the same.
    "DequantizeLinear": 19,
    "QuantizeLinear": 19,
    # Older inference counts windows of ceil_mode that start behind the map; nobody computes them.
    "AveragePool": 22,
    "MaxPool": 22,
}
"""The operator set by whose rules an operator of an older one is inferred or computed."""


@dataclass(frozen=True)
class FoldedModel:
    """A network of fixed shapes without constant nodes.

    Attributes:
        model: inputs have static shapes, and all of them stay, be they read or not; every node
            depends on an input and reaches an output; folded results are among the constants.
        shapes: ONNX shape of each value, where it could be inferred.
        violations: constant nodes that cannot be computed.
    """

    model: OnnxModel
    shapes: Mapping[str, Shape]
    violations: tuple[Violation, ...]


def fold(
    model: OnnxModel,
    input_shapes: Mapping[str, tuple[int, ...]],
    *,
    quantized: bool = False,
    limit: Limit = DEFAULT_LIMIT,
) -> FoldedModel:
    """Fix the input shapes and fold.

    Args:
        model: as `read_onnx` gives it.
        input_shapes: shapes of inputs whose dimensions the file leaves open, batch included; an
            open batch need not be given, it becomes 1.
        quantized: whether inputs may be int8 or uint8, and constants stay behind their
            DequantizeLinear.
        limit: of every tensor; what is larger is refused before it is made.

    Raises:
        UsageError: `input_shapes` names an unknown input or contradicts the file.
        UnsupportedModelError: an input has an open dimension, or one that is not supported.
    """
    dtypes = _QUANTIZED_INPUTS if quantized else ("float32",)
    inputs = _static_inputs(model, input_shapes, dtypes, limit)
    foldable = FOLDABLE - {"DequantizeLinear"} if quantized else FOLDABLE
    state = _State(model.opset, foldable, dict(model.constants), model.newer, limit, model.refused)
    for port in inputs:
        state.types[port.name] = _tensor_type(port.dtype, tuple(n or 0 for n in port.shape))
    for name, data in model.constants.items():
        state.types[name] = _tensor_type(data.dtype.name, data.shape)
    kept = tuple(node for node in model.nodes if not state.fold(node))
    live = live_nodes(kept, {port.name for port in model.outputs})
    read = {name for node in live for name in node.inputs} | {p.name for p in model.outputs}
    folded = replace(
        model,
        inputs=inputs,
        nodes=live,
        constants={name: data for name, data in state.constants.items() if name in read},
    )
    shapes = {name: s for name, kind in state.types.items() if (s := _shape(kind)) is not None}
    # What makes no value is there for what it does to variables.
    failed = {node.name for node in (*live, *(each for each in model.nodes if not each.outputs))}
    if len(live) > limit.nodes:
        raise UnsupportedModelError((too_many(model, len(live), limit),))
    found = (*model.refused.values(), *state.violations)
    violations = (
        *(v for v in found if v.node in failed),
        *oversized(live, shapes, {v.node for v in found}, limit),
        *attribute_violations(live),
    )
    return FoldedModel(folded, shapes, violations)


def live_nodes(nodes: Sequence[OnnxNode], wanted: Collection[str]) -> tuple[OnnxNode, ...]:
    """The nodes that reach a wanted value."""
    read, kept = set(wanted), list[OnnxNode]()
    for node in reversed(nodes):
        if read & set(node.outputs):
            read |= set(node.inputs)
            kept.append(node)
    return tuple(reversed(kept))


def _static_inputs(
    model: OnnxModel,
    input_shapes: Mapping[str, tuple[int, ...]],
    dtypes: Sequence[str],
    limit: Limit,
) -> tuple[OnnxPort, ...]:
    names = [port.name for port in model.inputs]
    unknown = sorted(set(input_shapes) - set(names))
    if unknown:
        raise UsageError(f"the model has no input '{unknown[0]}'; its inputs are {names}")
    ports = tuple(_static_port(port, input_shapes.get(port.name)) for port in model.inputs)
    violations = tuple(v for port in ports if (v := _input_fault(port, dtypes, limit)) is not None)
    if violations:
        raise UnsupportedModelError(violations)
    return ports


def _static_port(port: OnnxPort, given: tuple[int, ...] | None) -> OnnxPort:
    """The port with the given shape, or with an open batch closed."""
    if given is None:
        closed = (1 if axis == 0 and n is None else n for axis, n in enumerate(port.shape))
        return replace(port, shape=tuple(closed))
    fits = len(given) == len(port.shape) and all(
        n in (None, wanted) for n, wanted in zip(port.shape, given, strict=True)
    )
    if not fits:
        raise UsageError(
            f"input '{port.name}' has shape {_dims(port.shape)} in the file, "
            f"which {list(given)} does not fit: give all {len(port.shape)} sizes, "
            f"--input-shape {port.name}={_template(port.shape)}"
        )
    return replace(port, shape=given)


def _input_fault(port: OnnxPort, dtypes: Sequence[str], limit: Limit) -> Violation | None:
    sizes = [1 if n is None else n for n in port.shape]
    if port.dtype not in dtypes:
        rule = f"an input must be {' or '.join(dtypes)}"
        hint = _dtype_hint(port, dtypes[0])
    elif None in port.shape:
        rule = "an input must have no open dimension but the batch"
        template = _template(port.shape)
        names = " and ".join(part for part in template.split(",") if not part.isdecimal())
        hint = (
            f"Give its shape, --input-shape {port.name}={template} with numbers for {names}, or "
            "export it fixed."
        )
    elif not 2 <= len(sizes) <= 4 or sizes[0] != 1 or min(sizes) < 1:
        rule = "an input must have rank 2 to 4 and batch 1"
        hint = _rank_hint(sizes)
    elif math.prod(sizes) > limit.elements:
        rule, hint = f"an input must take at most {limit}", limit.hint
    else:
        return None
    return Violation(port.name, "Input", rule, f"{port.dtype}{_dims(port.shape)}", hint)


def _dtype_hint(port: OnnxPort, wanted: str) -> str:
    if port.dtype in ("float16", "bfloat16", "float64"):
        return (
            f"Convert the network from {port.dtype} to {wanted} before the export: "
            "torch.onnx.export(model.float(), ...)."
        )
    return f"Export the network with {wanted} inputs."


def _rank_hint(sizes: Sequence[int]) -> str:
    if 2 <= len(sizes) <= 4 and sizes[0] > 1:
        return (
            "Export the network with batch 1: torch.onnx.export(model, (x[:1],), ...), or leave "
            "the batch open."
        )
    if not 2 <= len(sizes) <= 4:
        return "Reshape it in your program, and export the network behind that."
    return "Export the network with batch 1 and no empty axis."


def _template(shape: tuple[int | None, ...]) -> str:
    """A shape as --input-shape takes it, with letters for what is open behind the batch."""
    letters = {2: "NC", 3: "NCL", 4: "NCHW"}.get(len(shape), "")
    letters = letters or "".join(chr(ord("A") + axis) for axis in range(len(shape)))
    sizes = [letters[axis] if n is None else str(n) for axis, n in enumerate(shape)]
    return ",".join(["1" if shape[0] is None else sizes[0], *sizes[1:]] if shape else [])


def _dims(shape: tuple[int | None, ...]) -> str:
    return f"[{', '.join('?' if n is None else str(n) for n in shape)}]"


@dataclass
class _State:
    """Constants and types so far, while the nodes are visited in order."""

    opset: int
    foldable: frozenset[str]
    constants: dict[str, NDArray[np.generic]]
    newer: Mapping[str, int]
    limit: Limit
    refused: Collection[str]
    made_bytes: int = 0
    types: dict[str, onnx.TypeProto] = field(default_factory=dict[str, onnx.TypeProto])
    violations: list[Violation] = field(default_factory=list[Violation])

    def fold(self, node: OnnxNode) -> bool:
        """Whether the node is constant; its results then are, and their types are known anyway."""
        if node.name in self.refused:
            return False
        proto = _proto(node)
        self._infer(node, proto)
        values = self._values(node, proto)
        if values is None:
            return False
        for name, data in values.items():
            self.constants[name] = data
            self.made_bytes += data.nbytes
            self.types[name] = _tensor_type(data.dtype.name, data.shape)
        return True

    def _infer(self, node: OnnxNode, proto: onnx.NodeProto) -> None:
        """Learn the types of a node's results; where ONNX cannot say, they stay unknown."""
        read = [name for name in node.inputs if name]
        if not all(name in self.types for name in read):
            return
        constants = {name: d for name in read if (d := self.constants.get(name)) is not None}
        small = {name: d for name, d in constants.items() if d.size <= _LARGEST_SHAPE}
        try:
            found = onnx.shape_inference.infer_node_outputs(
                onnx.defs.get_schema(node.op, self._version(node)),
                proto,
                {name: self.types[name] for name in read},
                {name: onnx.numpy_helper.from_array(d, name) for name, d in small.items()},
                opset_imports=[onnx.helper.make_opsetid("", self.opset)],
            )
        except _INFERENCE_ERRORS:
            return
        self.types.update(found)

    def _version(self, node: OnnxNode) -> int:
        return max(self.opset, _JUDGED_AS.get(node.op, 0))

    def _values(
        self, node: OnnxNode, proto: onnx.NodeProto
    ) -> dict[str, NDArray[np.generic]] | None:
        """The results of a constant node, None if it is not constant or cannot be computed."""
        if node.op in ("Shape", "Size") and node.inputs[0] not in self.constants:
            return self._measured(node)
        read = [name for name in node.inputs if name]
        if node.op not in self.foldable or not all(name in self.constants for name in read):
            return None
        if node.op in self.newer:
            return self._refuse(node, f"{node.op} has a meaning since set {self.newer[node.op]}")
        sizes = [_shape(self.types[name]) for name in node.outputs if name in self.types]
        if not sizes or any(s is None for s in sizes):
            return self._refuse(node, f"results of {sizes}")
        wanted = sum(real_bytes(math.prod(s)) for s in sizes if s is not None)
        if wanted > self.limit.tensor_bytes:
            self.violations.append(too_large(node, f"{wanted:,} bytes", self.limit))
            return None
        if self.made_bytes + wanted > self.limit.together_bytes:
            together = f"{self.made_bytes + wanted:,} bytes with those computed before"
            self.violations.append(too_large(node, together, self.limit))
            return None
        try:
            values = {name: self.constants[name] for name in read}
            return _evaluate(proto, values, self._version(node))
        except _EVALUATION_ERRORS as error:
            return self._refuse(node, str(error).partition("\n")[0])

    def _measured(self, node: OnnxNode) -> dict[str, NDArray[np.generic]] | None:
        """The result of a Shape or Size of a value that is not constant."""
        kind = self.types.get(node.inputs[0])
        shape = None if kind is None else _shape(kind)
        if shape is None:
            return None
        if node.op == "Size":
            return {node.outputs[0]: np.asarray(math.prod(shape), dtype=np.int64)}
        end = node.int("end", len(shape))
        return {node.outputs[0]: np.asarray(shape[node.int("start", 0) : end], dtype=np.int64)}

    def _refuse(self, node: OnnxNode, actual: str) -> None:
        self.violations.append(
            Violation(
                node.name,
                node.op,
                "arithmetic on constants must be computable, of known and moderate size",
                actual or "it fails",
                "Export with constant folding.",
            )
        )


def _evaluate(
    proto: onnx.NodeProto, inputs: Mapping[str, NDArray[np.generic]], opset: int
) -> dict[str, NDArray[np.generic]]:
    """The results of one node."""
    names = [name for name in proto.output if name]
    graph = onnx.helper.make_graph(
        [proto],
        "constant",
        [onnx.helper.make_value_info(name, onnx.TypeProto()) for name in inputs],
        [onnx.helper.make_value_info(name, onnx.TypeProto()) for name in names],
    )
    imports = [onnx.helper.make_opsetid("", opset)]
    model = onnx.helper.make_model(graph, opset_imports=imports)
    with np.errstate(all="ignore"):
        results = onnx.reference.ReferenceEvaluator(model).run(None, dict(inputs))  # pyright: ignore[reportUnknownMemberType] -- untyped in onnx's own stub
    return {name: np.asarray(data) for name, data in zip(names, results, strict=True)}


def _proto(node: OnnxNode) -> onnx.NodeProto:
    proto = onnx.helper.make_node(node.op, list(node.inputs), list(node.outputs), name=node.name)
    proto.attribute.extend(
        attribute
        for name, value in node.attributes.items()
        if (attribute := _attribute(name, value)) is not None
    )
    return proto


def _attribute(name: str, value: AttributeValue) -> onnx.AttributeProto | None:
    """The attribute in ONNX's form, None for an empty list: it has no type, and means absence."""
    if isinstance(value, np.ndarray):
        return onnx.helper.make_attribute(name, onnx.numpy_helper.from_array(value))
    if isinstance(value, tuple) and not value:
        return None
    return onnx.helper.make_attribute(name, value)


def _tensor_type(dtype: str, shape: Shape) -> onnx.TypeProto:
    element = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    return onnx.helper.make_tensor_type_proto(element, shape)


def _shape(kind: onnx.TypeProto) -> Shape | None:
    """The shape of a tensor type, None if a dimension is unknown, or has overflowed."""
    if not kind.HasField("tensor_type") or not kind.tensor_type.HasField("shape"):
        return None
    dims = kind.tensor_type.shape.dim
    known = all(d.HasField("dim_value") and d.dim_value >= 0 for d in dims)
    return tuple(d.dim_value for d in dims) if known else None
