"""Functions that `.tflite` files have in floats alone: numpy against TFLM, or against the text."""

import math
from collections.abc import Callable, Mapping

import numpy as np
import pytest
import tflite
from numpy.typing import NDArray

from mcucc.errors import UnsupportedModelError
from mcucc.importer import ModelBytes, lower_network, read_network
from mcucc.importer.tflite.elementwise import FLOAT_ONLY
from mcucc.ir import DType, Shape
from mcucc.quant.ptq import from_file
from mcucc.reference.float_interpreter import run_float
from mcucc.reference.index import from_bytes
from mcucc.reference.interpreter import run
from mcucc.sim.tflm import run_tflm_file
from mcucc.twin.model import Code, TwinModel, TwinOperator, TwinTensor
from mcucc.twin.options import NO_OPTIONS, Options, options
from mcucc.twin.serialize import serialize
from tests.importer.tflite.retyped import retyped
from tests.judging import needs_tflm

Floats = NDArray[np.float32]
_SHAPE: Shape = (1, 3, 5)
_X = np.linspace(-7.7, 7.9, 60, dtype=np.float32).reshape(4, 3, 5)
_POSITIVE = np.abs(_X) + np.float32(0.01)
_EXACT: Mapping[str, Callable[[Floats], list[float]]] = {
    "GELU": lambda x: [0.5 * v * (1 + math.erf(v / math.sqrt(2))) for v in x.ravel().tolist()],
    "POW": lambda x: [v**1.5 for v in x.ravel().tolist()],
    "SIGN": lambda x: [float(np.sign(v)) for v in x.ravel()],
}
"""What TFLM does not have."""
_JUDGED = ("CEIL", "COS", "EXP", "FLOOR", "LOG", "NEG", "ROUND", "RSQRT", "SIN", "SQRT", "SQUARE")


def file_of(name: str, *, float_: bool = True, opts: Options = NO_OPTIONS) -> bytes:
    """A file of one function; of INT32 in the writer's eyes, for a float is as large."""
    numbers: Mapping[str, int] = vars(tflite.BuiltinOperator)
    kind, quant = (DType.INT32, ((), 0)) if float_ else (DType.INT8, ((0.1,), -128))
    tensors = [TwinTensor("x", kind, _SHAPE, *quant), TwinTensor("y", kind, _SHAPE, *quant)]
    if name == "POW":
        power = np.array([1.5], dtype="<f4").tobytes()
        tensors.append(TwinTensor("power", DType.INT32, (1,), data=power))
    inputs = (0, 2) if name == "POW" else (0,)
    operator = TwinOperator(Code(numbers[name], 1), inputs, 1, opts)
    data = serialize(TwinModel("net", tuple(tensors), (operator,), (0,), (1,)))
    floats = range(len(tensors)) if float_ else range(2, len(tensors))
    return retyped(data, floats, "FLOAT32")


def computed(file: bytes, x: Floats) -> Floats:
    graph = lower_network(read_network(ModelBytes(file)), "net")
    (source,), (made,) = graph.inputs, graph.outputs
    return run_float(graph, {source.tensor: x})[made.tensor]


def of_domain(name: str) -> Floats:
    return _POSITIVE if name in ("LOG", "POW", "RSQRT", "SQRT") else _X


@needs_tflm
@pytest.mark.parametrize("name", _JUDGED)
def test_tflm_agrees(name: str) -> None:
    x = of_domain(name)
    judged = run_tflm_file(file_of(name), (x,), (1,), timeout=60)[1]
    assert np.allclose(computed(file_of(name), x), judged, rtol=1e-6, atol=2e-7)


@pytest.mark.parametrize("name", _EXACT)
def test_the_definition(name: str) -> None:
    opts = options("GeluOptions") if name == "GELU" else NO_OPTIONS
    x = of_domain(name)
    found = computed(file_of(name, opts=opts), x)
    assert np.allclose(found.ravel(), _EXACT[name](x), rtol=1e-6, atol=1e-6)


def test_gelu_with_a_tanh() -> None:
    found = computed(file_of("GELU", opts=options("GeluOptions", Approximate=True)), _X).ravel()
    inner = math.sqrt(2 / math.pi) * (_X.ravel() + 0.044715 * _X.ravel() ** 3)
    assert np.allclose(found, 0.5 * _X.ravel() * (1 + np.tanh(inner)), atol=1e-6)


def test_all_are_tried() -> None:
    assert set(FLOAT_ONLY) - {"DIV"} == {*_EXACT, *_JUDGED} - {"RSQRT"}


@pytest.mark.parametrize("name", sorted({*FLOAT_ONLY} - {"DIV"}))
def test_integers_are_refused(name: str) -> None:
    with pytest.raises(UnsupportedModelError, match="must be of floats"):
        lower_network(read_network(ModelBytes(file_of(name, float_=False))), "net")


def test_a_cast_that_changes_nothing_is_no_operator() -> None:
    kind = DType.INT32
    tensors = tuple(TwinTensor(name, kind, _SHAPE) for name in ("x", "same", "y"))
    operators = (
        TwinOperator(Code(53, 1), (0,), 1, NO_OPTIONS),
        TwinOperator(Code(101, 1), (1,), 2, NO_OPTIONS),
    )
    data = serialize(TwinModel("net", tensors, operators, (0,), (2,)))
    file = retyped(data, (0, 1, 2), "FLOAT32")
    graph = lower_network(read_network(ModelBytes(file)), "net")
    assert [type(node.op).__name__ for node in graph.nodes] == ["FloatUnary"]
    assert np.array_equal(computed(file, _X), np.abs(_X))


@pytest.mark.parametrize("to", [DType.INT32, DType.INT64])
def test_an_index_may_be_cast(to: DType) -> None:
    axis = np.array([2], dtype="<i4").tobytes()
    tensors = (
        TwinTensor("x", DType.INT8, _SHAPE, (0.1,), 3),
        TwinTensor("axis", DType.INT32, (1,), data=axis),
        TwinTensor("index", DType.INT32, (1, 3)),
        TwinTensor("y", DType.INT32, (1, 3)),
    )
    operators = (
        TwinOperator(Code(56, 2), (0, 1), 2, options("ArgMaxOptions")),
        TwinOperator(Code(53, 1), (2,), 3, NO_OPTIONS),
    )
    data = serialize(TwinModel("net", tensors, operators, (0,), (3,)))
    graph = from_file(lower_network(read_network(ModelBytes(retyped(data, (3,), to.name))), "net"))
    x = np.random.default_rng(2).integers(-128, 128, (4, 3, 5), dtype=np.int8)
    found = from_bytes(run(graph, {graph.inputs[0].tensor: x})[graph.outputs[0].tensor])
    assert np.array_equal(found.reshape(4, 3), x.argmax(axis=-1))


def test_a_cast_to_another_type_is_refused() -> None:
    file = retyped(file_of("CAST", float_=False), (1,), "UINT8")
    with pytest.raises(UnsupportedModelError, match="int8"):
        lower_network(read_network(ModelBytes(file)), "net")
