"""Reads an ONNX file into a small view: nodes, numpy constants and declared ports.

Everything that can be wrong with the file itself is found here; what is wrong with the network
is found by the lowering.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal, cast

import google.protobuf.message
import numpy as np
import onnx
import onnx.checker
import onnx.external_data_helper
import onnx.helper
import onnx.inliner
import onnx.numpy_helper
from numpy.typing import NDArray

from mcucc.errors import InputFileError, Violation
from mcucc.importer.file.external import demand_no_external_data, model_digest_of
from mcucc.importer.file.model_file import (
    ModelBytes,
    ModelSource,
    beginning,
    path_of,
    read_model,
)
from mcucc.importer.file.opsets import check_opset, newer_operators

AttributeValue = int | float | str | tuple[int, ...] | tuple[float, ...] | NDArray[np.generic]


_ALIKE: Mapping[str, str] = MappingProxyType(
    {f"com.microsoft.{op}": op for op in ("DequantizeLinear", "QuantizeLinear")}
)
"""Operators of another domain that mean what those of ONNX do; they take more types."""


@dataclass(frozen=True)
class OnnxNode:
    """One node; `inputs` may hold empty names for optional inputs that are left out."""

    op: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, AttributeValue]

    def ints(self, name: str, default: tuple[int, ...]) -> tuple[int, ...]:
        """An attribute that is a list of integers."""
        value = self.attributes.get(name)
        return default if value is None else tuple(int(v) for v in np.atleast_1d(np.asarray(value)))

    def int(self, name: str, default: int) -> int:
        """An attribute that is an integer."""
        value = self.attributes.get(name)
        return value if isinstance(value, int) else default

    def float(self, name: str, default: float) -> float:
        """An attribute that is a float."""
        value = self.attributes.get(name)
        return float(value) if isinstance(value, int | float) else default

    def string(self, name: str, default: str) -> str:
        """An attribute that is a string."""
        value = self.attributes.get(name)
        return value if isinstance(value, str) else default


@dataclass(frozen=True)
class OnnxPort:
    """A declared input or output; a dimension is None where the file leaves it open.

    A negative dimension stands for an open one, too, as some exporters write it.
    """

    name: str
    dtype: str
    shape: tuple[int | None, ...]


@dataclass(frozen=True, eq=False)
class OnnxState:
    """A value that one run leaves for the next one.

    Attributes:
        source: name of the input port where a run finds it.
        update: name of the output port where it leaves the next one.
        initial: reals that the first run finds, in the file's layout; None for zeros.
        variable: name of the variable that it is; "" where these are ports of the file.
    """

    source: str
    update: str
    initial: NDArray[np.generic] | None = None
    variable: str = ""


@dataclass(frozen=True)
class Spelled:
    """An operator of a file in another format.

    Attributes:
        operator: as that format spells it: `CONV_2D`.
        place: of it among all operators of the file.
    """

    operator: str
    place: int


@dataclass(frozen=True)
class OnnxModel:
    """An ONNX file as the lowering sees it.

    Attributes:
        path: where it was read from, or what stands for it.
        sha256: of the file's bytes, and of its external data, as `model_digest` says.
        opset: version of the default operator set.
        nodes: topologically ordered, `Constant` nodes taken out.
        constants: initializers and outputs of `Constant` nodes.
        newer: operators that mean something new since a set that mcucc does not know, with the set.
        format: of the file. Of a `.tflite` file, maps are NHWC and the nodes stand for its own.
        refused: nodes that could not be translated from another format, by name, with the reason.
        spelled: which operator of another format a node stands for, by name.
        notes: what was left out of the file, as sentences.
        states: inputs and outputs that are not the caller's; they stand among these.
    """

    path: Path
    sha256: str
    opset: int
    inputs: tuple[OnnxPort, ...]
    outputs: tuple[OnnxPort, ...]
    nodes: tuple[OnnxNode, ...]
    constants: Mapping[str, NDArray[np.generic]]
    newer: Mapping[str, int] = field(default_factory=dict[str, int])
    format: Literal["onnx", "tflite"] = "onnx"
    refused: Mapping[str, Violation] = field(default_factory=dict[str, Violation])
    spelled: Mapping[str, Spelled] = field(default_factory=dict[str, Spelled])

    states: tuple[OnnxState, ...] = ()

    notes: tuple[str, ...] = ()

    @property
    def operators(self) -> tuple[str, ...]:
        """The operators as the file spells them, each as often as it is there."""
        if self.format == "onnx":
            return tuple(node.op for node in self.nodes)
        found = dict.fromkeys(self.spelled[node.name] for node in self.nodes)
        return tuple(each.operator for each in found)


def read_onnx(source: ModelSource) -> OnnxModel:
    """Read and check an ONNX file.

    Raises:
        InputFileError: the file is missing, is no ONNX, is truncated, lacks its external data,
            is invalid, or uses an operator set that mcucc does not know; bytes have external data.
        UsageError: the path stands for a pipe or a device.
    """
    return read_onnx_bytes(source, read_model(source))


def read_onnx_bytes(source: ModelSource, raw: bytes) -> OnnxModel:
    """The same of the bytes that were read from a source."""
    path = path_of(source)
    proto = _parse(path, raw)
    opset = check_opset(path, proto)
    if isinstance(source, ModelBytes):
        demand_no_external_data(path, proto)
    digest = model_digest_of(path, raw, proto)
    _load_external_data(path, proto)
    _check(path, proto)
    proto = _without_functions(path, proto)
    constants = {_text(path, t.name): _tensor(path, t) for t in proto.graph.initializer}
    nodes: list[OnnxNode] = []
    for index, node in enumerate(proto.graph.node):
        view = _node(path, node, index)
        if view.op == "Constant":
            constants[view.outputs[0]] = _constant_value(path, view)
        else:
            nodes.append(view)
    return OnnxModel(
        path,
        digest,
        opset,
        tuple(p for p in _ports(path, proto.graph.input) if p.name not in constants),
        _ports(path, proto.graph.output),
        tuple(nodes),
        constants,
        newer_operators(proto, opset),
    )


def with_outputs(source: ModelSource, names: Sequence[str]) -> str | bytes:
    """The file as ONNX Runtime takes it, with these values among its outputs.

    Args:
        source: an ONNX file that was read before.
        names: of outputs or inner values.

    Returns:
        The path, where a file has all of them as outputs already, else the bytes of the model.
    """
    path, raw = path_of(source), read_model(source)
    proto = _parse(path, raw)
    declared = {value.name for value in proto.graph.output}
    if declared.issuperset(names):
        return str(path) if isinstance(source, Path) else raw
    _load_external_data(path, proto)
    proto.graph.output.extend(
        onnx.ValueInfoProto(name=name) for name in names if name not in declared
    )
    return proto.SerializeToString()


def _parse(path: Path, raw: bytes) -> onnx.ModelProto:
    try:
        proto = onnx.load_model_from_string(raw)
    except google.protobuf.message.DecodeError as error:
        raise InputFileError(
            path,
            f"is not an ONNX file, or it is damaged ({beginning(raw)}): export, copy or download "
            "it again",
        ) from error
    if not proto.graph.node and not proto.graph.output:
        raise InputFileError(
            path, f"is not an ONNX file, or it holds no network ({beginning(raw)})"
        )
    if proto.ir_version > onnx.IR_VERSION:
        raise InputFileError(
            path,
            f"has ONNX IR version {proto.ir_version}; the installed onnx package reads up to "
            f"{onnx.IR_VERSION}: update it, or export the model with an older version",
        )
    return proto


def _load_external_data(path: Path, proto: onnx.ModelProto) -> None:
    try:
        onnx.external_data_helper.load_external_data_for_model(proto, str(path.parent))
    except (OSError, ValueError, onnx.checker.ValidationError) as error:
        raise InputFileError(
            path,
            "its external data cannot be loaded: keep the data file beside the model "
            f"({_first_line(error)})",
        ) from error


def _check(path: Path, proto: onnx.ModelProto) -> None:
    for info in proto.graph.output:
        if info.type.HasField("tensor_type") and not info.type.tensor_type.HasField("shape"):
            info.type.tensor_type.shape.SetInParent()  # which is inferred, but must be there
    try:
        onnx.checker.check_model(proto)  # pyright: ignore[reportUnknownMemberType] -- PathLike without argument in onnx's own stub
    except (ValueError, onnx.checker.ValidationError) as error:
        raise InputFileError(path, f"is not valid ONNX: {_first_line(error)}") from error


def _without_functions(path: Path, proto: onnx.ModelProto) -> onnx.ModelProto:
    """The model with the bodies of its own functions in place of their calls."""
    if not proto.functions:
        return proto
    try:
        return onnx.inliner.inline_local_functions(proto)
    except (RuntimeError, ValueError, onnx.checker.ValidationError) as error:
        raise InputFileError(
            path, f"its local functions cannot be put in place of their calls: {_first_line(error)}"
        ) from error


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def _text(path: Path, name: str) -> str:
    """A name, if it is one: protobuf hands over the bytes of what is not UTF-8."""
    if not isinstance(name, str):  # pyright: ignore[reportUnnecessaryIsInstance] -- see above
        raise InputFileError(path, f"is damaged: the name {name!r} is not UTF-8")
    return name


def _tensor(path: Path, tensor: onnx.TensorProto) -> NDArray[np.generic]:
    try:
        return onnx.numpy_helper.to_array(tensor)
    except KeyError as error:
        problem = f"tensor '{tensor.name}' has the unknown element type {tensor.data_type}"
        raise InputFileError(path, problem) from error
    except (ValueError, TypeError) as error:
        problem = f"tensor '{tensor.name}' is damaged: {_first_line(error)}"
        raise InputFileError(path, problem) from error


def _node(path: Path, node: onnx.NodeProto, index: int) -> OnnxNode:
    domain = "" if node.domain in ("", "ai.onnx") else f"{_text(path, node.domain)}."
    op = domain + _text(path, node.op_type)
    op = _ALIKE.get(op, op)
    outputs = tuple(_text(path, name) for name in node.output)
    if not any(outputs):
        raise InputFileError(path, f"node {index} ({op} '{node.name}') has no output")
    return OnnxNode(
        op,
        _text(path, node.name) or outputs[0],
        tuple(_text(path, name) for name in node.input),
        outputs,
        {_text(path, a.name): _attribute(path, node, a) for a in node.attribute},
    )


def _attribute(path: Path, node: onnx.NodeProto, attribute: onnx.AttributeProto) -> AttributeValue:
    if attribute.ref_attr_name:
        raise InputFileError(
            path,
            f"is not valid ONNX: attribute '{attribute.name}' of {node.op_type} "
            f"'{node.name or node.output[0]}' refers to '{attribute.ref_attr_name}', an attribute "
            "of a function, but the node is in none: give the attribute its value",
        )
    value = onnx.helper.get_attribute_value(attribute)
    match value:
        case bytes():
            return value.decode("utf-8", "replace")
        case onnx.TensorProto():
            return _tensor(path, value)
        case int() | float() | str():
            return value
        case _:
            return _sequence(value)


def _sequence(value: object) -> tuple[int, ...] | tuple[float, ...] | str:
    if isinstance(value, Iterable):
        numbers = cast("Iterable[object]", value)
        return tuple(v for v in numbers if isinstance(v, int | float))
    return str(value)


def _constant_value(path: Path, node: OnnxNode) -> NDArray[np.generic]:
    for key, dtype in (
        ("value", None),
        ("value_float", np.float32),
        ("value_floats", np.float32),
        ("value_int", np.int64),
        ("value_ints", np.int64),
    ):
        if key in node.attributes:
            return np.asarray(node.attributes[key], dtype=dtype)
    raise InputFileError(path, f"constant '{node.name}' holds neither a tensor nor numbers")


def _ports(path: Path, infos: Iterable[onnx.ValueInfoProto]) -> tuple[OnnxPort, ...]:
    ports = tuple(_port(path, info) for info in infos)
    names = [port.name for port in ports]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputFileError(path, f"declares '{twice}' twice")
    return ports


def _port(path: Path, info: onnx.ValueInfoProto) -> OnnxPort:
    name, tensor = _text(path, info.name), info.type.tensor_type
    shape = tuple(
        d.dim_value if d.HasField("dim_value") and d.dim_value >= 0 else None
        for d in tensor.shape.dim
    )
    if tensor.elem_type == onnx.TensorProto.UNDEFINED:
        return OnnxPort(name, "undefined", shape)
    try:
        dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type)
    except KeyError as error:
        problem = f"'{name}' has the unknown element type {tensor.elem_type}"
        raise InputFileError(path, problem) from error
    return OnnxPort(name, dtype.name, shape)
