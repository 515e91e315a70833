"""ConvTranspose, DepthToSpace and SpaceToDepth against ONNX Runtime."""

from pathlib import Path
from typing import Any

import pytest

from mcucc.errors import UnsupportedModelError
from mcucc.importer import lower_network, read_onnx
from tests.importer.float_cases import Model, check, kinds
from tests.importer.qdq_models import QdqModel, assert_near_onnx_runtime, lower

CASES: list[tuple[tuple[int, int], dict[str, Any]]] = [
    ((2, 2), {"strides": [2, 2]}),
    ((3, 3), {"strides": [2, 2], "pads": [1, 1, 1, 1], "output_padding": [1, 1]}),
    ((4, 4), {"strides": [2, 2], "pads": [1, 1, 1, 1]}),
    ((3, 3), {}),
    ((3, 3), {"pads": [1, 1, 1, 1]}),
    ((1, 1), {"strides": [2, 2]}),
    ((2, 3), {"strides": [3, 1], "pads": [0, 2, 1, 0]}),
    ((5, 4), {"strides": [3, 2], "pads": [3, 0, 4, 3], "output_padding": [2, 1]}),
    ((3, 3), {"strides": [2, 2], "auto_pad": "SAME_UPPER"}),
    ((3, 3), {"strides": [2, 2], "auto_pad": "SAME_LOWER"}),
    ((3, 3), {"strides": [2, 2], "auto_pad": "VALID"}),
    ((3, 3), {"strides": [2, 2], "output_shape": [10, 8]}),
]


@pytest.mark.parametrize("group", [1, 2, 4])
@pytest.mark.parametrize(("kernel", "attributes"), CASES)
def test_maps(
    tmp_path: Path, kernel: tuple[int, int], attributes: dict[str, Any], group: int
) -> None:
    m = Model((1, 4, 5, 4))
    weights, bias = m.weights(4, 3, *kernel), m.weights(3 * group)
    y = m.op("ConvTranspose", m.op("Relu", "x0"), weights, bias, group=group, **attributes)
    graph = check(m, tmp_path, m.op("Tanh", y))
    assert kinds(graph)[1] == "Conv2D"


def test_sequences(tmp_path: Path) -> None:
    m = Model((1, 4, 9))
    y = m.op("ConvTranspose", "x0", m.weights(4, 3, 5), strides=[3], pads=[1, 2])
    y = m.op("ConvTranspose", y, m.weights(3, 2, 4), strides=[2], output_padding=[1])
    check(m, tmp_path, y)


@pytest.mark.parametrize("kernel", [(2, 2), (3, 3)])
@pytest.mark.parametrize("axis", [None, 1])
def test_quantized_files(tmp_path: Path, axis: int | None, kernel: tuple[int, int]) -> None:
    m = QdqModel()
    x = m.input("x", (1, 4, 5, 6))
    weights = m.weights((4, 3, *kernel), axis=axis)
    inputs = (x, weights, m.bias(weights, 3))
    m.output(m.pair(m.op("ConvTranspose", *inputs, strides=[2, 2]), "y", 0.5, 2))
    graph = lower(m, tmp_path)
    assert graph.nodes[0].inputs[1] in graph.consts
    assert_near_onnx_runtime(m, graph)


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"dilations": [2, 1]}, "no dilation"),
        ({"pads": [3, 9, 9, 9]}, "must cut off a part"),
        ({"output_shape": [99, 99]}, "must cut off a part"),
    ],
)
def test_others_are_refused(tmp_path: Path, attributes: dict[str, Any], words: str) -> None:
    m = Model((1, 4, 5, 4))
    path = m.save(tmp_path, m.op("ConvTranspose", "x0", m.weights(4, 3, 3, 3), **attributes))
    with pytest.raises(UnsupportedModelError) as refused:
        lower_network(read_onnx(path), "net")
    assert words in str(refused.value) or "ONNX" in str(refused.value)


@pytest.mark.parametrize("mode", ["DCR", "CRD"])
@pytest.mark.parametrize("size", [1, 2, 3])
def test_depth_to_space(tmp_path: Path, size: int, mode: str) -> None:
    m = Model((1, 5 * size * size, 4, 3))
    y = m.op("DepthToSpace", m.op("Relu", "x0"), blocksize=size, mode=mode)
    check(m, tmp_path, m.op("Tanh", y))


@pytest.mark.parametrize("size", [1, 2, 3])
def test_space_to_depth(tmp_path: Path, size: int) -> None:
    m = Model((1, 5, 4 * size, 3 * size))
    y = m.op("SpaceToDepth", m.op("Relu", "x0"), blocksize=size)
    check(m, tmp_path, m.op("Tanh", y))


def test_there_and_back_on_integers(tmp_path: Path) -> None:
    m = QdqModel()
    x = m.op("SpaceToDepth", m.quantize(m.input("x", (1, 3, 6, 4)), "q", 2**-4, 3), blocksize=2)
    y = m.dequantize(m.op("DepthToSpace", x, blocksize=2), "back", 2**-4, 3)
    m.output(m.pair(m.op("Relu", y), "y", 2**-4, 3))
    assert_near_onnx_runtime(m, lower(m, tmp_path), lsb=0)


def test_blocks_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    m = Model((1, 6, 4, 3))
    path = m.save(tmp_path, m.op("SpaceToDepth", "x0", blocksize=2))
    with pytest.raises(UnsupportedModelError):
        lower_network(read_onnx(path), "net")
