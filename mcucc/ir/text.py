"""A readable text form of graphs that parses back to the same graph.

One statement a line, in the syntax of Python calls with literal arguments:

    graph("tiny")
    input("x", int8[1, 4, 4, 1], q(0.0625, -128), onnx=("image", "float32", (1, 1, 4, 4)))
    const("w", int8[2, 1, 1, 1], q((0.5, 0.25), 0, 0), [1, -2])
    node("conv", Conv2D(stride=(1, 1)), ("x", "w", "b"), "y", int8[1, 4, 4, 2], q(0.1, 3))
    output("y", onnx=("maps", "float32", (1, 2, 4, 4)), perm=(0, 2, 3, 1))

A value that runs hand on to each other stands behind the inputs, with what follows it, and with the
constant that it begins with where that is not zero:

    state("window", "old", int8[1, 3, 1, 8], q(0.5, 0), update="new", initial="first")

Small constants are lists; larger ones are compressed bytes in base 85. The operators that may stand
in a node are the caller's: this module knows none.
"""

import ast
import base64
import hashlib
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Generic, TypeVar, cast

import numpy as np

from mcucc.errors import UsageError
from mcucc.ir.graph import Const, Graph, Node, Port, State
from mcucc.ir.preprocessing import PreprocessingStep
from mcucc.ir.types import DType, QParams, TensorType

OpT = TypeVar("OpT")

_NO_STATEMENT = (
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    RecursionError,
    MemoryError,
    zlib.error,
)
"""What reading a line can raise; Python's parser gives up on deep nesting with a MemoryError."""

_SEAL = "# sha256 of the lines above: "

_LIST_LIMIT = 64
"""Constants of up to this many elements are printed as lists."""


def print_graph(graph: Graph[OpT]) -> str:
    """The text of a graph; `parse_graph` is its inverse."""
    lines = [f"graph({_quote(graph.name)})"]
    for port in graph.inputs:
        tensor = graph.tensors[port.tensor]
        lines.append(f"input({_quote(port.tensor)}, {_type(tensor)}, {_port(port)})")
    lines += [_state(state, graph.tensors[state.source]) for state in graph.states]
    lines += [_const(const) for const in graph.consts.values()]
    lines += [_node(node, graph.tensors[node.output]) for node in graph.nodes]
    lines += [f"output({_quote(port.tensor)}, {_port(port)})" for port in graph.outputs]
    return "\n".join(lines) + "\n"


def seal(text: str) -> str:
    """The text with a last line by which a change is noticed; to `parse_graph` it is a comment."""
    return f"{text}{_SEAL}{hashlib.sha256(text.encode()).hexdigest()}\n"


def check_seal(text: str) -> None:
    """Demand that a text is as `seal` made it.

    Raises:
        UsageError: it was cut or changed.
    """
    body, found, _ = text.rpartition(_SEAL)
    if not found or seal(body) != text:
        raise UsageError("it was cut or changed: its sha256 differs")


def parse_graph(text: str, ops: Mapping[str, type[OpT]]) -> Graph[OpT]:
    """Read a graph from its text form.

    Args:
        text: as `print_graph` writes it; blank lines and `#` comments are ignored.
        ops: operator classes by the name under which they stand in the text.

    Raises:
        UsageError: a line is not of the form above; the message names the line.
    """
    draft: _Draft[OpT] = _Draft(ops)
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            draft.statement(ast.parse(line.strip(), mode="eval").body)
        except _NO_STATEMENT as error:
            raise UsageError(f"graph text, line {number}: {line.strip()[:80]}: {error}") from error
    return draft.graph()


def _quote(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _names(names: tuple[str, ...]) -> str:
    return "(" + "".join(_quote(name) + ", " for name in names).rstrip() + ")"


def _type(tensor: TensorType) -> str:
    sizes = list(tensor.shape) or "[()]"
    text = f"{tensor.dtype}{sizes}"
    return text if tensor.quant is None else f"{text}, {_quant(tensor.quant)}"


def _quant(quant: QParams) -> str:
    if quant.axis is None:
        return f"q({quant.scale!r}, {quant.zero_point})"
    return f"q({quant.scales!r}, {quant.zero_point}, {quant.axis})"


def _port(port: Port) -> str:
    text = f"onnx=({_quote(port.name)}, {_quote(port.dtype)}, {port.shape!r})"
    if port.perm is not None:
        text += f", perm={port.perm!r}"
    steps = ", ".join(_step(step) for step in port.preprocessing)
    return f"{text}, preprocessing=({steps},)" if steps else text


def _step(step: PreprocessingStep) -> str:
    kind, origin = _quote(step.kind), _quote(step.origin)
    return f"({kind}, {step.values!r}, {step.axis!r}, {origin}, {step.values_first!r})"


def _state(state: State, tensor: TensorType) -> str:
    begins = "" if state.initial is None else f", initial={_quote(state.initial)}"
    output = f", output={_quote(state.output)}" if state.output else ""
    return (
        f"state({_quote(state.name)}, {_quote(state.source)}, {_type(tensor)}, "
        f"update={_quote(state.update)}{begins}{output})"
    )


def _const(const: Const) -> str:
    if const.type.size <= _LIST_LIMIT:
        data = repr(const.data.ravel().tolist())
    else:
        data = repr(base64.b85encode(zlib.compress(const.data.tobytes(), 9)).decode("ascii"))
    return f"const({_quote(const.name)}, {_type(const.type)}, {data})"


def _node(node: Node[OpT], tensor: TensorType) -> str:
    attributes = ", ".join(
        f"{f.name}={_attribute(getattr(node.op, f.name))}" for f in fields(cast("Any", node.op))
    )
    text = (
        f"node({_quote(node.name)}, {type(node.op).__name__}({attributes}), {_names(node.inputs)}, "
        f"{_quote(node.output)}, {_type(tensor)}"
    )
    return f"{text}, origin={_names(node.origin)})" if node.origin else f"{text})"


def _attribute(value: object) -> str:
    return _quote(value) if isinstance(value, str) else repr(value)


@dataclass
class _Draft(Generic[OpT]):
    """Collects statements until the graph is whole."""

    ops: Mapping[str, type[OpT]]
    name: str = ""
    inputs: list[Port] = field(default_factory=list[Port])
    outputs: list[Port] = field(default_factory=list[Port])
    nodes: list[Node[OpT]] = field(default_factory=list[Node[OpT]])
    tensors: dict[str, TensorType] = field(default_factory=dict[str, TensorType])
    consts: dict[str, Const] = field(default_factory=dict[str, Const])
    states: list[State] = field(default_factory=list[State])

    def statement(self, expression: ast.expr) -> None:
        keyword, arguments, named = _call(expression)
        handlers: dict[str, Callable[[list[ast.expr], dict[str, ast.expr]], None]] = {
            "graph": self._graph,
            "input": self._input,
            "const": self._const,
            "node": self._node,
            "output": self._output,
            "state": self._state,
        }
        if keyword not in handlers:
            raise ValueError(f"'{keyword}' starts no statement; known: {', '.join(handlers)}")
        handlers[keyword](arguments, named)

    def graph(self) -> Graph[OpT]:
        return Graph(
            self.name,
            tuple(self.inputs),
            tuple(self.outputs),
            tuple(self.nodes),
            self.tensors,
            self.consts,
            tuple(self.states),
        )

    def _graph(self, arguments: list[ast.expr], _named: dict[str, ast.expr]) -> None:
        self.name = ast.literal_eval(arguments[0])

    def _input(self, arguments: list[ast.expr], named: dict[str, ast.expr]) -> None:
        port = _parse_port(arguments, named)
        self.inputs.append(port)
        self.tensors[port.tensor] = _parse_type(arguments[1:])

    def _output(self, arguments: list[ast.expr], named: dict[str, ast.expr]) -> None:
        self.outputs.append(_parse_port(arguments, named))

    def _state(self, arguments: list[ast.expr], named: dict[str, ast.expr]) -> None:
        name, source = (ast.literal_eval(argument) for argument in arguments[:2])
        initial = ast.literal_eval(named["initial"]) if "initial" in named else None
        output = ast.literal_eval(named["output"]) if "output" in named else ""
        update = ast.literal_eval(named["update"])
        self.states.append(State(name, source, update, initial, output))
        self.tensors[source] = _parse_type(arguments[2:])

    def _const(self, arguments: list[ast.expr], _named: dict[str, ast.expr]) -> None:
        name, tensor = ast.literal_eval(arguments[0]), _parse_type(arguments[1:-1])
        raw = ast.literal_eval(arguments[-1])
        if isinstance(raw, str):
            # One byte more than it needs shows that there is too much, be it gigabytes.
            limit = tensor.nbytes + 1
            buffer = zlib.decompressobj().decompress(base64.b85decode(raw), limit)
            data = np.frombuffer(buffer, dtype=tensor.dtype.value)
        else:
            data = np.array(raw, dtype=tensor.dtype.value)
        self.consts[name] = Const(name, tensor, data.reshape(tensor.shape))

    def _node(self, arguments: list[ast.expr], named: dict[str, ast.expr]) -> None:
        name = ast.literal_eval(arguments[0])
        op_name, _, attributes = _call(arguments[1])
        op = self.ops[op_name](**{k: ast.literal_eval(v) for k, v in attributes.items()})
        inputs = tuple(ast.literal_eval(arguments[2]))
        output = ast.literal_eval(arguments[3])
        origin = tuple(ast.literal_eval(named["origin"])) if "origin" in named else ()
        self.nodes.append(Node(op, inputs, output, name, origin))
        self.tensors[output] = _parse_type(arguments[4:])


def _call(expression: ast.expr) -> tuple[str, list[ast.expr], dict[str, ast.expr]]:
    if not isinstance(expression, ast.Call) or not isinstance(expression.func, ast.Name):
        raise ValueError("a statement is a call: keyword(argument, ...)")  # noqa: TRY004 -- one error type per line
    named = {k.arg: k.value for k in expression.keywords if k.arg is not None}
    return expression.func.id, expression.args, named


def _parse_port(arguments: list[ast.expr], named: dict[str, ast.expr]) -> Port:
    name, dtype, shape = ast.literal_eval(named["onnx"])
    perm = ast.literal_eval(named["perm"]) if "perm" in named else None
    steps = ast.literal_eval(named["preprocessing"]) if "preprocessing" in named else ()
    preprocessing = tuple(PreprocessingStep(*step) for step in steps)
    tensor = ast.literal_eval(arguments[0])
    return Port(tensor, name, DType(dtype), tuple(shape), perm, preprocessing)


def _parse_type(arguments: list[ast.expr]) -> TensorType:
    subscript = arguments[0]
    if not isinstance(subscript, ast.Subscript) or not isinstance(subscript.value, ast.Name):
        raise ValueError("a type looks like int8[1, 8, 8, 1]")  # noqa: TRY004 -- one error type per line
    sizes = cast("int | tuple[int, ...]", ast.literal_eval(subscript.slice))
    shape = sizes if isinstance(sizes, tuple) else (sizes,)
    quant = _parse_quant(arguments[1]) if len(arguments) > 1 else None
    return TensorType(DType(subscript.value.id), shape, quant)


def _parse_quant(expression: ast.expr) -> QParams:
    keyword, arguments, _ = _call(expression)
    if keyword != "q":
        raise ValueError("quantization looks like q(scale, zero_point) or q(scales, 0, axis)")
    scales, zero_point, *axis = (ast.literal_eval(argument) for argument in arguments)
    if axis:
        return QParams(tuple(scales), zero_point, axis[0])
    return QParams((float(scales),), zero_point)
