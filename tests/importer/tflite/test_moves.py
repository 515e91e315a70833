"""BROADCAST_TO, GATHER and SELECT_V2 of `.tflite` files: the bits of TFLM, each operator alone."""

import numpy as np
import pytest
from numpy.typing import NDArray

from mcucc.importer import ModelBytes, lower_network, read_network
from mcucc.ir import DType
from mcucc.passes import INT8, run_passes
from mcucc.quant.ptq import from_file
from mcucc.reference import interpreter
from mcucc.sim.tflm import TflmJob, run_tflm_jobs
from mcucc.twin.model import Code, TwinModel, TwinOperator, TwinTensor
from mcucc.twin.options import NO_OPTIONS, options
from mcucc.twin.serialize import serialize
from tests.importer.tflite.retyped import retyped
from tests.judging import needs_tflm

_SHAPE = (1, 4, 3, 5)


def value(name: str, shape: tuple[int, ...]) -> TwinTensor:
    return TwinTensor(name, DType.INT8, shape, (0.05,), 7)


def integers(name: str, *numbers: int) -> TwinTensor:
    return TwinTensor(name, DType.INT32, (len(numbers),), data=np.array(numbers, "<i4").tobytes())


def broadcast(shape: tuple[int, ...], target: tuple[int, ...]) -> bytes:
    tensors = (value("x", shape), integers("shape", *target), value("y", target))
    operator = TwinOperator(Code(130, 2), (0, 1), 2, options("BroadcastToOptions"))
    return serialize(TwinModel("net", tensors, (operator,), (0,), (2,)))


def gather(axis: int, *indices: int) -> bytes:
    made = (*_SHAPE[:axis], len(indices), *_SHAPE[axis + 1 :])
    tensors = (value("x", _SHAPE), integers("indices", *indices), value("y", made))
    operator = TwinOperator(Code(36, 2), (0, 1), 2, options("GatherOptions", Axis=axis))
    return serialize(TwinModel("net", tensors, (operator,), (0,), (2,)))


def select() -> bytes:
    """Between an input and a constant; the twin's writer has no bools, so the type is put in."""
    rng = np.random.default_rng(3)
    mask = (rng.uniform(size=_SHAPE) > 0.5).tobytes()
    other = rng.integers(-128, 128, _SHAPE, dtype=np.int8).tobytes()
    tensors = (
        TwinTensor("mask", DType.INT8, _SHAPE, data=mask),
        value("x", _SHAPE),
        TwinTensor("other", DType.INT8, _SHAPE, (0.05,), 7, data=other),
        value("y", _SHAPE),
    )
    operator = TwinOperator(Code(123, 1), (0, 1, 2), 3, NO_OPTIONS)
    data = serialize(TwinModel("net", tensors, (operator,), (1,), (3,)))
    return retyped(data, (0,), "BOOL")


def turned(shape: tuple[int, ...], axes: tuple[int, ...], perm: tuple[int, ...]) -> bytes:
    """A TRANSPOSE between two RESHAPEs, behind a RELU."""
    made = tuple(axes[axis] for axis in perm)
    tensors = (
        value("x", shape),
        integers("axes", *axes),
        value("split", axes),
        integers("perm", *perm),
        value("turned", made),
        integers("shape", *shape),
        value("y", shape),
        value("relu", shape),
    )
    operators = (
        TwinOperator(Code(19, 1), (0,), 7, NO_OPTIONS),
        TwinOperator(Code(22, 1), (7, 1), 2, options("ReshapeOptions", NewShape=axes)),
        TwinOperator(Code(39, 2), (2, 3), 4, options("TransposeOptions")),
        TwinOperator(Code(22, 1), (4, 5), 6, options("ReshapeOptions", NewShape=shape)),
    )
    return serialize(TwinModel("net", tensors, operators, (0,), (6,)))


FILES = {
    "channels shuffled": turned((1, 4, 3, 6), (1, 4, 3, 2, 3), (0, 1, 2, 4, 3)),
    "rows of blocks": turned((1, 4, 6, 3), (1, 2, 2, 3, 6), (0, 1, 3, 2, 4)),
    "no batch": turned((1, 4, 6, 3), (2, 2, 3, 6), (2, 0, 3, 1)),
    "all turned": turned((1, 4, 6, 5), (1, 2, 2, 6, 5), (0, 4, 3, 2, 1)),
    "rows": broadcast((1, 1, 3, 5), _SHAPE),
    "channels": broadcast((1, 4, 3, 1), _SHAPE),
    "channels in another order": gather(3, 4, 1, 1, 0),
    "rows picked": gather(1, 3, 0, 1),
    "select": select(),
}


def outputs(file: bytes, x: NDArray[np.int8]) -> NDArray[np.int8]:
    graph, _ = run_passes(from_file(lower_network(read_network(ModelBytes(file)), "net")), INT8)
    (port,), (made,) = graph.inputs, graph.outputs
    inner = x if port.perm is None else np.ascontiguousarray(x.transpose(port.perm))
    y = interpreter.run(graph, {port.tensor: inner})[made.tensor]
    return y if made.perm is None else y.transpose(np.argsort(made.perm))


@needs_tflm
@pytest.mark.parametrize("name", FILES)
def test_tflm_agrees(name: str) -> None:
    file = FILES[name]
    shape = read_network(ModelBytes(file)).inputs[0].shape
    sizes = [n or 1 for n in shape[1:]]
    x = np.random.default_rng(1).integers(-128, 128, (6, *sizes), dtype=np.int8)
    (judged,) = run_tflm_jobs([TflmJob(file, (x,))], timeout=60)
    assert np.array_equal(outputs(file, x), judged["y"])
