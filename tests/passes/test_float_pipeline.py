"""All float passes: what is left, and that random networks compute the same."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from mcucc.errors import InvariantError
from mcucc.ir import Const, DType, Node, Port, TensorType, print_graph
from mcucc.ops import FloatGraph, FloatNode, FloatOp
from mcucc.ops.conv import FloatConv2D, FloatDepthwiseConv2D
from mcucc.ops.dense import FloatDense
from mcucc.ops.elementwise import FloatBatchNorm, FloatBinary, FloatClip
from mcucc.ops.float_verify import verify_float
from mcucc.ops.movement import FloatPad, FloatReshape, FloatTranspose
from mcucc.ops.pool import FloatAveragePool2D, FloatMaxPool2D, FloatMean
from mcucc.ops.unary import FloatUnary
from mcucc.passes import FLOAT, run_passes
from mcucc.passes.float_.drop_identity import DropIdentity
from tests.passes.float_text import CONV, MAP, declined, out, parsed


@dataclass
class RandomNetwork:
    """Appends operators drawn from a seed; `maps` are values that they may read."""

    seed: int
    nodes: list[FloatNode] = field(default_factory=list[FloatNode])
    tensors: dict[str, TensorType] = field(default_factory=dict[str, TensorType])
    consts: dict[str, Const] = field(default_factory=dict[str, Const])

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(self.seed)

    def shape(self, name: str) -> tuple[int, ...]:
        return self.tensors[name].shape

    def const(self, *shape: int, positive: bool = False) -> str:
        data = self.random.normal(size=shape).astype(np.float32)
        name = f"k{len(self.consts)}"
        values = np.abs(data) + np.float32(0.5) if positive else data
        self.consts[name] = Const(name, TensorType(DType.FLOAT32, shape), values)
        return name

    def emit(self, op: FloatOp, *inputs: str) -> str:
        types = [self.tensors[n] if n in self.tensors else self.consts[n].type for n in inputs]
        name = f"v{len(self.nodes)}"
        self.tensors[name] = TensorType(DType.FLOAT32, op.infer(types))
        self.nodes.append(Node(op, inputs, name, f"n{len(self.nodes)}"))
        return name

    def grow(self, x: str, other: str) -> str:
        """One more operator on a map, of a kind that keeps at least 3 x 3 pixels."""
        c = self.shape(x)[-1]
        choices = (
            lambda: self.conv(x),
            lambda: self.depthwise(x),
            lambda: self.norm(x),
            lambda: self.emit(FloatBinary("mul"), x, self.const(c)),
            lambda: self.emit(FloatBinary("add"), self.const(1, 1, c), x),
            lambda: self.emit(FloatBinary("div"), x, self.const(1, positive=True)),
            lambda: self.emit(FloatBinary("sub"), self.const(1, 1, 1, c), x),
            lambda: self.emit(FloatClip(0.0, 6.0), x),
            lambda: self.emit(FloatClip(), x),
            lambda: self.emit(FloatUnary("tanh"), x),
            lambda: self.emit(FloatPad((0, 1, 1, 0)), x),
            lambda: self.emit(FloatMaxPool2D((2, 2), (1, 1), (1, 0, 0, 1)), x),
            lambda: self.emit(FloatAveragePool2D((2, 2), (1, 1), (1, 0, 0, 1)), x),
            lambda: self.emit(FloatBinary("mul"), x, self.emit(FloatUnary("sigmoid"), x)),
            lambda: self.swapped(x),
            lambda: (
                self.emit(FloatBinary("add"), x, other)
                if self.shape(x) == self.shape(other)
                else self.emit(FloatBinary("add"), x, x)
            ),
        )
        return choices[int(self.random.integers(len(choices)))]()

    def conv(self, x: str) -> str:
        weights = self.const(3, 2, 2, self.shape(x)[-1])
        return self.emit(FloatConv2D(pads=self.pads()), x, weights, self.const(3))

    def depthwise(self, x: str) -> str:
        c = self.shape(x)[-1]
        op = FloatDepthwiseConv2D(pads=self.pads())
        return self.emit(op, x, self.const(1, 2, 2, c), self.const(c))

    def norm(self, x: str) -> str:
        c = self.shape(x)[-1]
        parameters = [self.const(c) for _ in range(3)]
        return self.emit(FloatBatchNorm(), x, *parameters, self.const(c, positive=True))

    def pads(self) -> tuple[int, int, int, int]:
        return (1, 0, 0, 1) if self.random.integers(2) else (1, 1, 1, 1)

    def swapped(self, x: str) -> str:
        """An operator between two Transposes, or between two Reshapes."""
        if self.random.integers(2):
            t = self.emit(FloatTranspose((0, 3, 1, 2)), x)
            k = self.const(self.shape(x)[-1], 1, 1)
            return self.emit(FloatTranspose((0, 2, 3, 1)), self.emit(FloatBinary("mul"), t, k))
        _, h, w, c = self.shape(x)
        r = self.norm(self.emit(FloatReshape((1, h * w, c)), x))
        return self.emit(FloatReshape((1, h, w, c)), self.emit(FloatClip(), r))

    def build(self, length: int) -> FloatGraph:
        image = (1, 2, 5, 6)
        self.tensors["x"] = TensorType(DType.FLOAT32, image)
        maps = [self.emit(FloatTranspose((0, 2, 3, 1)), "x")]
        for _ in range(length):
            back = maps[max(0, len(maps) - int(self.random.integers(1, 4)))]
            maps.append(self.grow(maps[-1], back))
        mean = self.emit(FloatMean((1, 2)), maps[-1])
        vector = self.norm(self.emit(FloatClip(), mean))
        n = self.shape(vector)[-1]
        y = self.emit(FloatDense(), vector, self.const(4, n), self.const(4))
        ports = (Port("x", "x", DType.FLOAT32, image),)
        ends = [
            Port(name, name, DType.FLOAT32, self.shape(name)) for name in (y, maps[length // 2])
        ]
        return FloatGraph("net", ports, tuple(ends), tuple(self.nodes), self.tensors, self.consts)


@pytest.mark.parametrize("seed", range(25))
def test_every_rewrite_of_a_random_network_keeps_its_outputs(seed: int):
    graph = RandomNetwork(seed).build(length=12)
    verify_float(graph)
    after, events = run_passes(graph, FLOAT, interpret=True)
    assert len(after.nodes) < len(graph.nodes)
    assert any(event.declined is None for event in events)
    left = {type(node.op) for node in after.nodes}
    assert FloatBatchNorm not in left
    arithmetic = [node for node in after.nodes if isinstance(node.op, FloatBinary)]
    assert all(len(after.variable_inputs(node)) == 2 for node in arithmetic)


@pytest.mark.parametrize("seed", range(10))
def test_passes_find_nothing_more_in_their_own_result(seed: int):
    after, _ = run_passes(RandomNetwork(seed).build(length=20), FLOAT)
    again, events = run_passes(after, FLOAT)
    assert print_graph(again) == print_graph(after)
    assert all(event.declined is not None for event in events)


def test_a_norm_and_a_relu_on_a_vector_become_one_layer():
    text = """
input("x", float32[1, 3], onnx=("x", "float32", (1, 3)))
const("k", float32[3], [1.0, 2.0, 3.0])
node("tanh", FloatUnary(kind="tanh"), ("x",), "t", float32[1, 3])
node("norm", FloatBatchNorm(), ("t", "k", "k", "k", "k"), "n", float32[1, 3])
node("relu", FloatClip(), ("n",), "y", float32[1, 3])
""" + out("y", 1, 3)
    after, _ = run_passes(parsed(text), FLOAT, interpret=True)
    (layer,) = [node for node in after.nodes if isinstance(node.op, FloatDepthwiseConv2D)]
    assert layer.op == FloatDepthwiseConv2D(activation="relu")
    assert not any(isinstance(node.op, FloatClip) for node in after.nodes)


def test_parallel_convolutions_that_are_added_stay_as_they_are():
    text = f"""
{MAP}{CONV}
const("v", float32[3, 1, 1, 2], [1.0, 0.0, 0.0, 1.0, 0.5, 0.5])
node("a", FloatConv2D(), ("x", "w", "b"), "a", float32[1, 4, 4, 3])
node("c", FloatConv2D(), ("x", "v", "b"), "c", float32[1, 4, 4, 3])
node("add", FloatBinary(kind="add"), ("a", "c"), "s", float32[1, 4, 4, 3])
node("relu", FloatClip(), ("s",), "y", float32[1, 4, 4, 3])
{out("y", 1, 4, 4, 3)}"""
    after, _ = run_passes(parsed(text), FLOAT, interpret=True)
    assert [str(node.op) for node in after.nodes[2:]] == [
        "FloatBinary(kind='add', activation='relu')"
    ]


def test_a_pass_that_changes_an_output_is_caught():
    class ForgetClip(DropIdentity):
        def pattern(self, graph: FloatGraph):
            return (node for node in graph.nodes if isinstance(node.op, FloatClip))

        def rewrite(self, graph: FloatGraph, node: FloatNode) -> FloatGraph:
            return graph.with_nodes((replace(node, op=FloatClip(None)),))

    text = MAP + 'node("relu", FloatClip(), ("x",), "y", float32[1, 4, 4, 2])\n'
    with pytest.raises(InvariantError, match="pass 'drop_identity' changed output 'y'"):
        run_passes(parsed(text + out("y", 1, 4, 4, 2)), [ForgetClip()], interpret=True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            MAP
            + 'node("y", FloatClip(), ("x",), "y", float32[1, 4, 4, 1])\n'
            + out("y", 1, 4, 4, 1),
            r"FloatClip 'y': makes \[1, 4, 4, 2\], its type says \[1, 4, 4, 1\]",
        ),
        (
            MAP
            + 'const("w", float32[3, 1, 1, 3], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0])\n'
            + 'const("b", float32[2], [1.0, 2.0])\n'
            + 'node("y", FloatConv2D(), ("x", "w", "b"), "y", float32[1, 4, 4, 3])\n'
            + out("y", 1, 4, 4, 3),
            r"weights \[3, 1, 1, 3\] do not fit .*the bias must be \[3\], not \[2\]",
        ),
        (
            MAP
            + 'const("k", float32[1], [1.0])\n'
            + 'node("y", FloatBatchNorm(), ("x", "k", "k", "k", "k"), "y", float32[1, 4, 4, 2])\n'
            + out("y", 1, 4, 4, 2),
            r"each parameter must be \[2\]",
        ),
        (
            MAP + 'node("y", FloatDense(), ("x", "x", "x"), "y", float32[1, 4])\n' + out("y", 1, 4),
            "the last 2 inputs must be constant",
        ),
        (
            MAP
            + 'node("y", FloatTranspose(perm=(0, 1)), ("x",), "y", float32[1, 4])\n'
            + out("y", 1, 4),
            "perm must be a permutation of the axes",
        ),
        (
            MAP
            + 'node("y", FloatSlice(starts=(0, 2, 0, 0), sizes=(1, 3, 4, 2)), ("x",), "y", '
            + "float32[1, 3, 4, 2])\n"
            + out("y", 1, 3, 4, 2),
            "does not lie inside",
        ),
        (
            MAP
            + 'node("y", FloatClip(), ("x",), "y", float32[1, 4, 4, 2])\n'
            + out("y", 1, 2, 4, 4),
            r"port 'y': \[1, 2, 4, 4\] in order \(0, 1, 2, 3\) is not \[1, 4, 4, 2\]",
        ),
    ],
)
def test_the_verifier_of_float_graphs_finds_faults(text: str, message: str):
    with pytest.raises(InvariantError, match=message):
        parsed(text)


def test_a_valid_graph_without_candidates_stays():
    text = MAP + 'node("y", FloatSoftmax(), ("x",), "y", float32[1, 4, 4, 2])\n'
    assert declined(text + out("y", 1, 4, 4, 2), *FLOAT) == []
