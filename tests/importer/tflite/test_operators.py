"""The operators of `.tflite` files that twins are made of: back to the graph they came from."""

from collections.abc import Callable, Mapping

import numpy as np
import pytest

from mcucc.importer import ModelBytes, cut_at, lower_network, read_network
from mcucc.ir import Port
from mcucc.ops import Int8Graph
from mcucc.quant.ptq import from_file
from mcucc.reference import interpreter
from mcucc.twin import write_twin
from tests.graphs import GraphBuilder, quant, random_inputs

Build = Callable[[GraphBuilder], str]


def _convolutions(b: GraphBuilder) -> str:
    x = b.conv(b.input((1, 9, 10, 4)), 8, groups=2, activation="relu6")
    return b.conv(b.depthwise(x, stride=(2, 2), activation="relu"), 5, (1, 1))


def _sums(b: GraphBuilder) -> str:
    x = b.input((1, 5, 6, 4))
    y = b.conv(x, 4)
    return b.mul(b.sub(b.add(y, x, activation="relu"), x), b.mean(y, keep_dims=True))


def _constants(b: GraphBuilder) -> str:
    x = b.mul(b.input((1, 5, 6, 4)), b.constant((1, 1, 1, 4)))
    return b.sub(b.constant((1, 5, 6, 4)), b.add(x, b.constant((1, 5, 6, 4)), activation="relu6"))


def _functions(b: GraphBuilder) -> str:
    x = b.leaky_relu(b.input((1, 4, 5, 3)))
    return b.hard_swish(b.add(b.tanh(x), b.logistic(x)))


def _pools(b: GraphBuilder) -> str:
    x = b.max_pool(b.input((1, 9, 8, 4)), (3, 3), stride=(2, 2), pads="same")
    return b.average_pool(x, (2, 2))


def _movements(b: GraphBuilder) -> str:
    x = b.resize_nearest(b.pad(b.input((1, 4, 5, 3)), (1, 0, 2, 1)), (2, 3))
    y = b.slice(b.transpose(x, (0, 2, 1, 3)), (0, 1, 2, 0), (1, 7, 4, 2))
    return b.clamp(b.concat(y, y), -100, 90)


def _scores(b: GraphBuilder) -> str:
    x = b.requantize(b.input((1, 3, 4, 6)), quant(0.11, 4))
    return b.softmax(b.dense(b.flatten(x), 7))


BUILDS: Mapping[str, Build] = {
    "convolutions": _convolutions,
    "sums": _sums,
    "constants": _constants,
    "functions": _functions,
    "pools": _pools,
    "movements": _movements,
    "scores": _scores,
}


@pytest.mark.parametrize("name", BUILDS)
def test_every_value_has_its_bits(name: str) -> None:
    b = GraphBuilder("net", seed=3)
    graph = b.build(BUILDS[name](b))
    given = random_inputs(graph, 5, seed=1)
    expected = interpreter.run(graph, given)
    made = {node.output for node in graph.nodes}

    model = read_network(ModelBytes(write_twin(graph)))
    names = [value for value in expected if value in made]
    again = from_file(lower_network(cut_at(model, names), "net"))
    values = interpreter.run(again, _inner(again, given))

    for port in again.outputs:
        found = _in_file_layout(values[port.tensor], port)
        assert np.array_equal(found, expected[port.name].reshape(found.shape)), port.name


def _inner(graph: Int8Graph, given: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
    return {
        port.tensor: given[port.name]
        if port.perm is None
        else np.ascontiguousarray(given[port.name].transpose(port.perm))
        for port in graph.inputs
    }


def _in_file_layout(values: np.ndarray, port: Port) -> np.ndarray:
    if port.perm is None:
        return values.reshape(len(values), *port.shape[1:])
    inner = values.reshape(len(values), *(port.shape[axis] for axis in port.perm[1:]))
    return inner.transpose(np.argsort(port.perm))
