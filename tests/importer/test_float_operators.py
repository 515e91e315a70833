"""Each float operator as exporters write it: the lowering computes what ONNX Runtime does."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mcucc.ops.conv import FloatConv2D
from mcucc.ops.elementwise import FloatClip
from tests.importer.float_cases import Model, check, kinds


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"strides": [2, 1], "pads": [1, 0, 2, 1]},
        {"dilations": [2, 3], "pads": [0, 2, 1, 0]},
        {"auto_pad": "SAME_LOWER", "strides": [2, 2]},
        {"auto_pad": "VALID", "strides": [3, 2]},
    ],
)
@pytest.mark.parametrize(("group", "channels"), [(1, 6), (2, 4), (6, 6), (6, 12)])
def test_conv(tmp_path: Path, attributes: dict[str, Any], group: int, channels: int):
    m = Model([1, 6, 11, 9])
    weights = m.weights(channels, 6 // group, 3, 2)
    graph = check(
        m, tmp_path, m.op("Conv", "x0", weights, m.weights(channels), group=group, **attributes)
    )
    assert kinds(graph) == ["DepthwiseConv2D" if group == 6 else "Conv2D"]


@pytest.mark.parametrize("group", [1, 4])
def test_conv_of_sequences_reshapes_at_the_edges_alone(tmp_path: Path, group: int):
    m = Model([1, 4, 20])
    y = m.op("Conv", "x0", m.weights(8, 4 // group, 3), group=group, pads=[2, 1], dilations=[2])
    y = m.op("Relu", y)
    y = m.op("MaxPool", y, kernel_shape=[2], strides=[2])
    y = m.op("Conv", y, m.weights(3, 8, 2), strides=[2])
    y = m.op("Add", y, m.weights(1, 3, 1))
    graph = check(m, tmp_path, y)
    assert kinds(graph).count("Reshape") == 2
    assert kinds(graph)[0] == kinds(graph)[-1] == "Reshape"


@pytest.mark.parametrize("trans", [0, 1])
def test_gemm_with_factors(tmp_path: Path, trans: int):
    m = Model([1, 6])
    weights = m.weights(*((5, 6) if trans else (6, 5)))
    y = m.op("Gemm", "x0", weights, m.weights(1, 5), transB=trans, alpha=0.5, beta=2.0)
    y = m.op("Gemm", y, m.weights(5, 3), m.constant(0.5, np.float32))
    y = m.op("Gemm", y, m.weights(3, 2))
    assert kinds(check(m, tmp_path, y)) == ["Dense"] * 3


def test_matmul_of_a_vector_is_dense_and_of_positions_a_convolution(tmp_path: Path):
    m = Model([1, 6], [1, 5, 6])
    weights = m.weights(6, 4)
    outputs = [m.op("MatMul", x, weights) for x in ("x0", "x1")]
    graph = check(m, tmp_path, *outputs)
    assert [k for k in kinds(graph) if k != "Reshape"] == ["Dense", "Conv2D"]


@pytest.mark.parametrize(
    ("kind", "attributes"),
    [
        ("Relu", {}),
        ("LeakyRelu", {"alpha": 0.25}),
        ("LeakyRelu", {}),
        ("Sigmoid", {}),
        ("Tanh", {}),
        ("HardSigmoid", {}),
        ("HardSigmoid", {"alpha": 0.3, "beta": 0.4}),
        ("HardSwish", {}),
        ("Exp", {}),
        ("Neg", {}),
    ],
)
def test_unary(tmp_path: Path, kind: str, attributes: dict[str, Any]):
    m = Model([1, 3, 4, 5])
    check(m, tmp_path, m.op(kind, "x0", **attributes))


def test_clip_with_bounds_as_attributes(tmp_path: Path):
    m = Model([1, 8], opset=9)
    outputs = [m.op("Clip", "x0", min=-0.5, max=0.25), m.op("Clip", "x0", max=0.5)]
    graph = check(m, tmp_path, *outputs)
    assert [node.op for node in graph.nodes] == [FloatClip(-0.5, 0.25), FloatClip(None, 0.5)]


def test_clip_with_bounds_as_inputs_and_from_constant_nodes(tmp_path: Path):
    m = Model([1, 8])
    high = m.op("Constant", value_float=6.0)
    low = m.constant(0.0, np.float32)
    outputs = [m.op("Clip", "x0", low, high), m.op("Clip", "x0", "", high), m.op("Clip", "x0", low)]
    graph = check(m, tmp_path, *outputs)
    bounds = [FloatClip(0.0, 6.0), FloatClip(None, 6.0), FloatClip(0.0, None)]
    assert [node.op for node in graph.nodes] == bounds


@pytest.mark.parametrize("kind", ["Add", "Sub", "Mul"])
@pytest.mark.parametrize(
    "shape", [(1, 4, 5, 6), (1, 4, 1, 1), (4, 1, 1), (6,), (5, 1), (), (1, 1, 5, 6)]
)
def test_binary_with_a_constant_on_either_side(tmp_path: Path, kind: str, shape: tuple[int, ...]):
    m = Model([1, 4, 5, 6])
    constant = m.weights(*shape)
    check(m, tmp_path, m.op(kind, "x0", constant), m.op(kind, constant, "x0"))


@pytest.mark.parametrize("kind", ["Add", "Sub", "Mul"])
@pytest.mark.parametrize("shape", [(1, 4, 5, 6), (1, 4, 1, 1), (1, 1, 5, 6), (1, 6), (1, 5, 1)])
def test_binary_of_two_activations(tmp_path: Path, kind: str, shape: tuple[int, ...]):
    m = Model([1, 4, 5, 6], shape)
    check(m, tmp_path, m.op(kind, "x0", "x1"), m.op(kind, "x1", "x0"))


def test_a_constant_may_be_larger_than_the_activation(tmp_path: Path):
    m = Model([1, 4, 1, 1], [1, 6])
    check(
        m, tmp_path, m.op("Add", "x0", m.weights(1, 4, 3, 2)), m.op("Mul", "x1", m.weights(1, 5, 6))
    )


def test_div_by_a_constant(tmp_path: Path):
    m = Model([1, 4, 5, 6])
    check(m, tmp_path, m.op("Div", "x0", m.positive(4, 1, 1)))


@pytest.mark.parametrize("kind", ["MaxPool", "AveragePool"])
@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"strides": [2, 3], "pads": [1, 0, 1, 1]},
        {"strides": [2, 2], "auto_pad": "SAME_UPPER"},
        {"strides": [2, 2], "auto_pad": "SAME_LOWER"},
        {"strides": [2, 2], "ceil_mode": 1},
        {"strides": [3, 2], "pads": [1, 1, 0, 1], "ceil_mode": 1},
    ],
)
def test_pools(tmp_path: Path, kind: str, attributes: dict[str, Any]):
    m = Model([1, 3, 10, 9])
    check(m, tmp_path, m.op(kind, "x0", kernel_shape=[3, 2], **attributes))


@pytest.mark.parametrize("ceil", [0, 1])
def test_average_pool_that_counts_its_padding(tmp_path: Path, ceil: int):
    m = Model([1, 3, 10, 9], opset=19)
    graph = check(
        m,
        tmp_path,
        m.op(
            "AveragePool",
            "x0",
            kernel_shape=[3, 3],
            strides=[2, 2],
            pads=[1, 1, 1, 0],
            count_include_pad=1,
            ceil_mode=ceil,
        ),
    )
    assert kinds(graph) == ["Pad", "AveragePool2D"]


@pytest.mark.parametrize("shape", [(1, 3, 5, 4), (1, 3, 7)])
@pytest.mark.parametrize("kind", ["GlobalAveragePool", "GlobalMaxPool"])
def test_global_pools(tmp_path: Path, kind: str, shape: tuple[int, ...]):
    m = Model(shape)
    check(m, tmp_path, m.op(kind, "x0"))


@pytest.mark.parametrize("keep", [0, 1])
@pytest.mark.parametrize("axes", [[2, 3], [-1], [1], [2], [1, 2, 3]])
def test_reduce_mean(tmp_path: Path, axes: list[int], keep: int):
    old, new = Model([1, 3, 5, 4], opset=13), Model([1, 3, 5, 4], opset=18)
    if axes != [1, 2, 3] or keep:
        check(old, tmp_path, old.op("ReduceMean", "x0", axes=axes, keepdims=keep))
        check(new, tmp_path, new.op("ReduceMean", "x0", new.ints(*axes), keepdims=keep))


def test_reduce_mean_without_axes(tmp_path: Path):
    m = Model([1, 3, 5], opset=18)
    check(m, tmp_path, m.op("ReduceMean", "x0"))
    none = Model([1, 3, 5], opset=18)
    y = none.op("ReduceMean", none.op("Relu", "x0"), noop_with_empty_axes=1)
    assert kinds(check(none, tmp_path, y)) == ["Clip"]


@pytest.mark.parametrize(
    ("shape", "axis", "opset"),
    [
        ((1, 6), 1, 13),
        ((1, 6), 1, 11),
        ((1, 6, 1, 1), 1, 11),
        ((1, 6, 1, 1), 1, 13),
        ((1, 4, 3, 5), 1, 13),
        ((1, 4, 3, 5), 3, 13),
        ((1, 4, 3, 5), -2, 13),
        ((1, 4, 3, 5), 1, 11),
        ((1, 4, 3), 2, 9),
        ((1, 4, 3), 2, 13),
    ],
)
def test_softmax(tmp_path: Path, shape: tuple[int, ...], axis: int, opset: int):
    m = Model(shape, opset=opset)
    check(m, tmp_path, m.op("Softmax", "x0", axis=axis))


@pytest.mark.parametrize(
    "perm", [(0, 2, 3, 1), (0, 3, 1, 2), (0, 1, 3, 2), (0, 3, 2, 1), (0, 2, 1, 3)]
)
def test_transpose_between_operators_on_maps(tmp_path: Path, perm: tuple[int, ...]):
    m = Model([1, 3, 4, 5])
    y = m.op("Conv", "x0", m.weights(3, 3, 1, 1))
    y = m.op("Transpose", y, perm=perm)
    y = m.op("Conv", y, m.weights(2, (1, 3, 4, 5)[perm[1]], 1, 1))
    check(m, tmp_path, y)


@pytest.mark.parametrize("axis", [1, 2, 3, -3], ids=["C", "H", "W", "C from behind"])
def test_concat(tmp_path: Path, axis: int):
    shapes = [[1, 3, 4, 5], [1, 3, 4, 5]]
    shapes[1][axis] = 2
    m = Model(*shapes)
    graph = check(m, tmp_path, m.op("Concat", "x0", "x1", axis=axis))
    assert "Transpose" not in kinds(graph)


def test_concat_of_boxes_moves_nothing(tmp_path: Path):
    m = Model([1, 4, 6, 6], [1, 4, 3, 3])
    flat = [
        m.op("Reshape", m.op("Transpose", m.op("Relu", x), perm=[0, 2, 3, 1]), m.ints(1, -1, 2))
        for x in ("x0", "x1")
    ]
    graph = check(m, tmp_path, m.op("Concat", *flat, axis=1))
    assert "Transpose" not in kinds(graph)


@pytest.mark.parametrize(
    "pads", [[0, 0, 1, 2, 0, 0, 3, 0], [0, 0, 0, 0, 0, 0, 0, 1], [0, 0, 0, 0, 0, 0, 0, 0]]
)
def test_pad(tmp_path: Path, pads: list[int]):
    old, new = Model([1, 3, 4, 5], opset=10), Model([1, 3, 4, 5], opset=13)
    check(old, tmp_path, old.op("Pad", old.op("Relu", "x0"), pads=pads, value=1.5))
    value = new.constant(-0.5, np.float32)
    check(new, tmp_path, new.op("Pad", new.op("Relu", "x0"), new.ints(*pads), value))


def test_pad_of_named_axes_of_a_sequence_and_of_a_map_in_onnx_layout(tmp_path: Path):
    m = Model([1, 3, 7], [1, 5, 4, 3], opset=18)
    one = m.op("Pad", "x0", m.ints(2, 1), "", m.ints(-1))
    two = m.op("Pad", "x1", m.ints(0, 1, 1, 0, 0, 2, 2, 0))
    two = m.op("Conv", m.op("Transpose", two, perm=[0, 3, 1, 2]), m.weights(2, 3, 2, 2))
    graph = check(m, tmp_path, one, two)
    assert "Transpose" not in kinds(graph)


@pytest.mark.parametrize(
    "attributes",
    [
        {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
        {"coordinate_transformation_mode": "half_pixel"},
        {"nearest_mode": "round_prefer_ceil"},
        {"coordinate_transformation_mode": "pytorch_half_pixel"},
    ],
)
def test_resize_by_scales_and_by_sizes(tmp_path: Path, attributes: dict[str, Any]):
    m = Model([1, 3, 4, 5])
    scales = m.constant([1, 1, 2, 3], np.float32)
    outputs = [
        m.op("Resize", "x0", "", scales, **attributes),
        m.op("Resize", "x0", "", "", m.ints(1, 3, 12, 10), **attributes),
    ]
    check(m, tmp_path, *outputs)


def test_resize_of_named_axes_upsample_and_the_first_resize(tmp_path: Path):
    named = Model([1, 3, 4, 5], opset=18)
    scales = named.constant([2, 2], np.float32)
    check(named, tmp_path, named.op("Resize", "x0", "", scales, axes=[2, 3]))
    for kind, opset in (("Upsample", 9), ("Resize", 10)):
        m = Model([1, 3, 4, 5], opset=opset)
        scales = m.constant([1, 1, 2, 3], np.float32)
        check(m, tmp_path, m.op(kind, "x0", scales, mode="nearest"))


def test_resize_of_a_sequence(tmp_path: Path):
    m = Model([1, 3, 4])
    check(m, tmp_path, m.op("Resize", "x0", "", m.constant([1, 1, 2], np.float32)))


@pytest.mark.parametrize("shape", [(1, 3, 4, 5), (1, 3, 7), (1, 3)])
@pytest.mark.parametrize("opset", [8, 9, 15])
def test_batch_normalization(tmp_path: Path, shape: tuple[int, ...], opset: int):
    m = Model(shape, opset=opset)
    parameters = (m.positive(3), m.weights(3), m.weights(3), m.positive(3))
    check(m, tmp_path, m.op("BatchNormalization", "x0", *parameters, epsilon=1e-3))


def test_nodes_that_do_nothing_vanish(tmp_path: Path):
    m = Model([1, 6])
    y = m.op("Dropout", m.op("Identity", m.op("Relu", "x0")))
    assert kinds(check(m, tmp_path, m.op("Cast", y, to=1))) == ["Clip"]


def test_slice_and_gather(tmp_path: Path):
    m = Model([1, 4, 5, 6])
    first = m.op("Slice", "x0", m.ints(1, -3), m.ints(3, 1 << 40), m.ints(1, 3))
    last = m.op("Gather", "x0", m.constant(-1, np.int64), axis=2)
    some = m.op("Gather", "x0", m.ints(1, 2), axis=1)
    assert kinds(check(m, tmp_path, first, last, some)).count("Slice") == 3


def test_reshapes_between_maps_and_sequences(tmp_path: Path):
    m = Model([1, 4, 5, 6])
    y = m.op("Reshape", m.op("Conv", "x0", m.weights(4, 4, 1, 1)), m.ints(1, 4, 30))
    y = m.op("Softmax", m.op("Transpose", y, perm=[0, 2, 1]))
    graph = check(m, tmp_path, y)
    assert "Transpose" not in kinds(graph)


def test_a_reshape_that_scrambles_channels_is_executed(tmp_path: Path):
    m = Model([1, 4, 5, 6])
    y = m.op("Conv", "x0", m.weights(4, 4, 1, 1))
    y = m.op("Relu", m.op("Reshape", y, m.ints(1, 6, 4, 5)))
    y = m.op("Conv", y, m.weights(2, 6, 1, 1))
    graph = check(m, tmp_path, y)
    assert kinds(graph).count("Transpose") == 2


def test_a_channel_shuffle_of_five_axes(tmp_path: Path):
    m = Model([1, 6, 4, 5])
    y = m.op("Reshape", m.op("Relu", "x0"), m.ints(1, 2, 3, 4, 5))
    y = m.op("Reshape", m.op("Transpose", y, perm=[0, 2, 1, 3, 4]), m.ints(1, 6, 4, 5))
    y = m.op("Conv", y, m.weights(2, 6, 1, 1))
    graph = check(m, tmp_path, y)
    assert kinds(graph).count("Transpose") == 1


def test_grouped_weights_keep_their_inner_layout(tmp_path: Path):
    m = Model([1, 4, 5, 6])
    graph = check(m, tmp_path, m.op("Conv", "x0", m.weights(6, 2, 3, 1), group=2))
    (node,) = graph.nodes
    assert isinstance(node.op, FloatConv2D)
    assert graph.consts[node.inputs[1]].type.shape == (6, 3, 1, 2)
    assert graph.consts[node.inputs[2]].type.shape == (6,)
