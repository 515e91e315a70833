"""TRANSPOSE_CONV of `.tflite` files: the bits of TFLM on files with that operator alone."""

import itertools
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from mcucc.errors import UnsupportedModelError
from mcucc.importer import ModelBytes, lower_network, read_network
from mcucc.ir import DType
from mcucc.passes import INT8, run_passes
from mcucc.quant.ptq import from_file
from mcucc.reference import interpreter
from mcucc.sim.tflm import TflmJob, run_tflm_jobs
from mcucc.twin.model import Code, TwinModel, TwinOperator, TwinTensor
from mcucc.twin.options import options, padding
from mcucc.twin.serialize import serialize
from tests.judging import needs_tflm

Pair = tuple[int, int]


@dataclass(frozen=True)
class Case:
    """A transposed convolution from [1, *size, 3] to 5 channels."""

    kernel: Pair
    stride: Pair
    same: bool
    size: Pair = (4, 3)
    extra: Pair = (0, 0)
    has_bias: bool = True
    per_channel: bool = True
    activation: int = 0

    @property
    def made(self) -> Pair:
        """Rows and columns: what the padding says and a few more."""
        rows, columns = (
            n * s if self.same else (n - 1) * s + k
            for n, s, k in zip(self.size, self.stride, self.kernel, strict=True)
        )
        return rows + self.extra[0], columns + self.extra[1]


CASES = (
    *(
        Case(kernel, stride, same=same)
        for kernel, stride, same in itertools.product(
            ((1, 1), (2, 2), (3, 3), (4, 4), (5, 2)),
            ((1, 1), (2, 2), (3, 3), (4, 4), (2, 1), (1, 3)),
            (True, False),
        )
    ),
    *(Case((3, 3), (2, 2), same=same, extra=(1, 1)) for same in (True, False)),
    *(Case((3, 3), (2, 2), same=same, extra=(-1, -1)) for same in (True, False)),
    Case((3, 3), (2, 2), same=False, extra=(4, 3)),
    Case((4, 4), (2, 2), same=True, has_bias=False),
    Case((4, 4), (2, 2), same=True, per_channel=False),
    Case((3, 3), (2, 2), same=True, activation=1),
    Case((2, 2), (2, 2), same=False, activation=3),
    Case((8, 1), (4, 1), same=True, size=(9, 1)),
    Case((1, 5), (1, 2), same=True, size=(1, 9)),
)


def file_of(case: Case, seed: int) -> bytes:
    rng = np.random.default_rng(seed)
    shape = (1, *case.made, 5)
    scales = rng.uniform(0.002, 0.02, 5 if case.per_channel else 1).astype(np.float32)
    weights = rng.integers(-127, 128, (5, *case.kernel, 3), dtype=np.int8)
    bias = rng.integers(-9000, 9000, 5, dtype=np.int32)
    x_scale = np.float32(0.04)
    tensors = [
        TwinTensor("shape", DType.INT32, (4,), data=np.array(shape, "<i4").tobytes()),
        TwinTensor(
            "weights",
            DType.INT8,
            weights.shape,
            tuple(scales.tolist()),
            data=weights.tobytes(),
        ),
        TwinTensor("x", DType.INT8, (1, *case.size, 3), (x_scale.item(),), 11),
        TwinTensor(
            "bias",
            DType.INT32,
            (5,),
            tuple((scales * x_scale).tolist()),
            data=bias.tobytes(),
        ),
        TwinTensor("y", DType.INT8, shape, (0.11,), -5),
    ]
    opts = options(
        "TransposeConvOptions",
        Padding=padding(same=case.same),
        StrideW=case.stride[1],
        StrideH=case.stride[0],
        **({"FusedActivationFunction": case.activation} if case.activation else {}),
    )
    inputs = (0, 1, 2, 3) if case.has_bias else (0, 1, 2)
    operator = TwinOperator(Code(67, 3), inputs, 4, opts)
    return serialize(TwinModel("net", tuple(tensors), (operator,), (2,), (4,)))


def numpy_outputs(file: bytes, x: NDArray[np.int8]) -> NDArray[np.int8]:
    graph = from_file(lower_network(read_network(ModelBytes(file)), "net"))
    graph, _ = run_passes(graph, INT8)
    values = interpreter.run(graph, {graph.inputs[0].tensor: x})
    return values[graph.outputs[0].tensor]


@needs_tflm
def test_tflm_agrees() -> None:
    files = [file_of(case, seed) for seed, case in enumerate(CASES)]
    rng = np.random.default_rng(1)
    given = [rng.integers(-128, 128, (4, *case.size, 3), dtype=np.int8) for case in CASES]
    judged = run_tflm_jobs(
        [TflmJob(file, (x,)) for file, x in zip(files, given, strict=True)], timeout=120
    )
    for case, file, x, samples in zip(CASES, files, given, judged, strict=True):
        assert len(np.unique(samples["y"])) > 20, case
        assert np.array_equal(numpy_outputs(file, x), samples["y"]), case


def test_a_shape_of_other_channels_is_refused() -> None:
    """The shape of the output, a constant of its own, must fit the weights."""
    file = file_of(CASES[0], 1)
    wanted = np.array((1, *CASES[0].made, 5), "<i4").tobytes()
    other = np.array((1, *CASES[0].made, 6), "<i4").tobytes()
    assert file.count(wanted) == 2  # the constant, and the shape of the tensor
    with pytest.raises(UnsupportedModelError, match="must fit each other"):
        lower_network(read_network(ModelBytes(file.replace(wanted, other))), "net")
