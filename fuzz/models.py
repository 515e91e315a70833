"""The kind `onnx`: damaged and hostile ONNX files, and how they are made smaller."""

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from types import MappingProxyType

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

from fuzz.case import Case, Kind, Outcome
from fuzz.command import judge_command, no_compilers
from fuzz.messages import FLOATS, INTEGERS, TEXTS, change_field, damaged
from fuzz.networks import draw_network
from fuzz.shrink import smaller_models

MODEL = "model.onnx"
_BASES = 160
"""Different networks that are damaged."""

_EXAMPLES = Path(__file__).parents[1] / "examples" / "digits"
_OPERATORS = (
    *("Conv", "Gemm", "MatMul", "Add", "Mul", "Sub", "Div", "Relu", "Clip", "Concat", "Softmax"),
    *("MaxPool", "AveragePool", "GlobalAveragePool", "ReduceMean", "Resize", "Pad", "Slice"),
    *("Reshape", "Transpose", "Flatten", "Squeeze", "Sigmoid", "LeakyRelu", "QuantizeLinear"),
    *("DequantizeLinear", "Identity", "Gather", "Shape", "ConstantOfShape", "Expand", "Tile"),
    *("Range", "If", "Loop", "LSTM", "ArgMax", "Cast", "BatchNormalization", "Exp", "Sqrt"),
)
_OBSERVERS = ("minmax", "minmax", "percentile", "mse")
_ELEMENTS = ("float32", "float16", "float64", "int8", "uint8", "int32", "int64", "bool")


@dataclass(frozen=True)
class Models(Kind):
    """Commands on damaged files end with a code that they may end with."""

    name: str = "onnx"
    per_round: int = 40
    batch: int = 20

    def draw(self, seed: int) -> Case:
        """A network with some damage, and a command that reads it."""
        random = Random(f"onnx {seed}")
        content = base_network(random.randrange(_BASES))
        proto = onnx.load_model_from_string(content)
        for _ in range(random.choice((1, 1, 1, 1, 2, 2, 3))):
            _damage(proto, random)
        content = proto.SerializeToString()
        if random.random() < 0.15:
            content = damaged(content, random)
        return Case(self.name, seed, _command(random), {MODEL: content})

    def judge(self, cases: Sequence[Case], folder: Path) -> list[Outcome]:
        """Only codes of refusals, no crash."""
        with no_compilers():
            return [judge_command(case, folder) for case in cases]

    def smaller(self, case: Case) -> Iterator[Case]:
        """The same command on smaller files."""
        for content in smaller_models(case.files[MODEL]):
            yield replace(case, files={**case.files, MODEL: content})


def _command(random: Random) -> tuple[str, ...]:
    board = random.choice(("nucleo-f446re", "rpi-pico", "mps3-an547", "mps2-an386"))
    match random.choice(("compile", "compile", "compile", "inspect", "plan")):
        case "inspect":
            return ("inspect", MODEL)
        case "plan":
            return ("plan", MODEL, "--board", board)
        case _:
            objective = random.choice(("auto", "speed", "memory"))
            return (
                *("compile", MODEL, "--board", board, "-o", "out", "--check"),
                *("--objective", objective, "--observer", random.choice(_OBSERVERS)),
            )


@functools.cache
def base_network(index: int) -> bytes:
    """One of the networks that are damaged: drawn ones, and now and then the example."""
    if index % 20 == 0:
        return (_EXAMPLES / "digits_int8.onnx").read_bytes()
    if index % 20 == 10:
        return (_EXAMPLES / "digits_float.onnx").read_bytes()
    proto, _ = draw_network(np.random.default_rng([1, index]))
    return proto.SerializeToString()


_ACTIONS = (
    *("field", "field", "field", "constant", "constant", "attribute", "attribute", "size"),
    *("rewire", "rewire", "node", "operator", "opset", "rename", "output", "rare"),
)


def _damage(proto: onnx.ModelProto, random: Random) -> None:
    graph = proto.graph
    action = random.choice(_ACTIONS)
    if action == "field" or not graph.node:
        change_field(proto if random.random() < 0.2 else graph, random)
    elif action in _ON_GRAPHS:
        _ON_GRAPHS[action](graph, random)
    elif action == "opset" and proto.opset_import:
        proto.opset_import[0].version = random.choice((0, 1, 6, 7, 9, 10, 12, 13, 18, 21, 24, 99))
    elif action == "rare":
        _change_rarely(proto, random)


def _change_some_constant(graph: onnx.GraphProto, random: Random) -> None:
    if graph.initializer:
        _change_constant(random.choice(graph.initializer), random)


def _change_operator(graph: onnx.GraphProto, random: Random) -> None:
    random.choice(graph.node).op_type = random.choice(_OPERATORS)


def _change_output(graph: onnx.GraphProto, random: Random) -> None:
    if graph.output:
        graph.output[0].name = random.choice(_names(graph))


def _change_constant(tensor: TensorProto, random: Random) -> None:
    """Other numbers in the tensor's own shape and type, in part or in all, or anything."""
    if tensor.data_location == TensorProto.EXTERNAL:
        return
    try:
        data = np.array(numpy_helper.to_array(tensor))
    except (TypeError, ValueError, KeyError):
        return
    if random.random() < 0.3:
        shape = tuple(random.choice((0, 1, 1, 2, 3, 4, 8)) for _ in range(random.randint(0, 5)))
        data = np.zeros(shape, random.choice(_ELEMENTS))
    value = random.choice(FLOATS) if data.dtype.kind == "f" else random.choice(INTEGERS)
    with np.errstate(all="ignore"):
        drawn = np.array(value, object).astype(np.float64).astype(data.dtype)
    if data.size and random.random() < 0.6:
        data.ravel()[random.randrange(data.size)] = drawn
    else:
        data = np.full(data.shape, drawn, data.dtype)
    tensor.CopyFrom(numpy_helper.from_array(data, tensor.name))


def _change_attribute(graph: onnx.GraphProto, random: Random) -> None:
    node = random.choice(graph.node)
    if not node.attribute or random.random() < 0.1:
        name = random.choice(
            ("axis", "group", "pads", "strides", "alpha", "to", "keepdims", "mode")
        )
        value = random.choice((random.choice(INTEGERS), 0.5, [1, 2], "x"))
        node.attribute.append(onnx.helper.make_attribute(name, value))
        return
    attribute = random.choice(node.attribute)
    attribute.i = random.choice(INTEGERS)
    attribute.f = random.choice(FLOATS)
    attribute.s = random.choice(TEXTS).encode("utf-8", "surrogatepass")
    if attribute.ints and random.random() < 0.7:
        attribute.ints[random.randrange(len(attribute.ints))] = random.choice(INTEGERS)
    elif attribute.ints:
        attribute.ints[:] = [random.choice(INTEGERS) for _ in range(random.randint(0, 8))]


def _change_size(graph: onnx.GraphProto, random: Random) -> None:
    ports = [*graph.input, *graph.output]
    dims = [dim for port in ports for dim in port.type.tensor_type.shape.dim]
    if not dims:
        return
    dim = random.choice(dims)
    if random.random() < 0.2:
        dim.dim_param = random.choice(TEXTS)
    else:
        dim.dim_value = random.choice(INTEGERS)


def _names(graph: onnx.GraphProto) -> list[str]:
    found = [name for node in graph.node for name in (*node.input, *node.output)]
    return [*found, *(port.name for port in graph.input), ""]


def _rewire(graph: onnx.GraphProto, random: Random) -> None:
    node = random.choice(graph.node)
    if node.input:
        node.input[random.randrange(len(node.input))] = random.choice(_names(graph))


def _change_nodes(graph: onnx.GraphProto, random: Random) -> None:
    index = random.randrange(len(graph.node))
    match random.choice(("drop", "double", "order", "output")):
        case "drop":
            del graph.node[index]
        case "double":
            graph.node.append(graph.node[index])
        case "order":
            nodes = [onnx.NodeProto.FromString(n.SerializeToString()) for n in graph.node]
            random.shuffle(nodes)
            del graph.node[:]
            graph.node.extend(nodes)
        case _:
            graph.node[index].output.append(random.choice(_names(graph)))


def _rename(graph: onnx.GraphProto, random: Random) -> None:
    """Give a value another name wherever it occurs."""
    old, new = random.choice(_names(graph)), random.choice(TEXTS)
    for node in graph.node:
        for names in (node.input, node.output):
            for i, name in enumerate(names):
                if name == old:
                    names[i] = new
        if random.random() < 0.2:
            node.name = new
    for named in (*graph.input, *graph.output, *graph.initializer):
        if named.name == old:
            named.name = new


def _change_rarely(proto: onnx.ModelProto, random: Random) -> None:
    """What exporters hardly ever write."""
    graph, node = proto.graph, random.choice(proto.graph.node)
    match random.choice(
        ("reference", "external", "function", "domain", "subgraph", "sparse", "input")
    ):
        case "reference" if node.attribute:
            random.choice(node.attribute).ref_attr_name = "a"
        case "external" if graph.initializer:
            tensor = random.choice(graph.initializer)
            tensor.data_location = TensorProto.EXTERNAL
            entry = tensor.external_data.add()
            entry.key, entry.value = "location", random.choice((*TEXTS, MODEL, "/etc/passwd"))
        case "function":
            made = onnx.helper.make_function(
                "f", node.op_type, ["a"], ["b"], [], proto.opset_import
            )
            proto.functions.append(made)
        case "domain":
            node.domain = random.choice(TEXTS)
        case "subgraph":
            node.attribute.append(onnx.helper.make_attribute("body", graph))
        case "sparse":
            graph.sparse_initializer.add()
        case _:
            graph.input.add().CopyFrom(random.choice(graph.input or [onnx.ValueInfoProto()]))


_ON_GRAPHS: Mapping[str, Callable[[onnx.GraphProto, Random], None]] = MappingProxyType(
    {
        "constant": _change_some_constant,
        "attribute": _change_attribute,
        "size": _change_size,
        "rewire": _rewire,
        "node": _change_nodes,
        "operator": _change_operator,
        "rename": _rename,
        "output": _change_output,
    }
)
