"""Files as people bring them: local functions, half precision, old sets, dead channels."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from mcucc.errors import InputFileError, UnsupportedModelError
from mcucc.importer import ModelBytes, lower_network, read_network
from mcucc.ops import FloatGraph
from mcucc.reference import interpreter
from mcucc.reference.float_interpreter import run_float
from mcucc.sim.onnx_runtime import run_onnx
from tests.graphs import random_inputs
from tests.importer.qdq_models import QdqModel
from tests.lowering import lower_quantized

RNG = np.random.default_rng(0)
W = RNG.normal(size=(4, 3, 3, 3)).astype(np.float32) / 4
B = RNG.normal(size=4).astype(np.float32)
D = RNG.normal(size=(4, 5)).astype(np.float32)
X = RNG.normal(size=(3, 3, 6, 6)).astype(np.float32)


def floats(proto: onnx.ModelProto) -> FloatGraph:
    return lower_network(read_network(ModelBytes(proto.SerializeToString())), "net")


def computed(graph: FloatGraph) -> np.ndarray:
    port = graph.inputs[0]
    x = X if port.perm is None else np.ascontiguousarray(X.transpose(port.perm))
    return run_float(graph, {port.tensor: x})[graph.outputs[0].tensor]


def network(opset: int, kind: int = TensorProto.FLOAT, dtype: str = "float32") -> onnx.ModelProto:
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("GlobalAveragePool", ["r"], ["p"]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("MatMul", ["f", "d"], ["y"]),
    ]
    constants = [
        numpy_helper.from_array(a.astype(dtype), n) for n, a in (("w", W), ("b", B), ("d", D))
    ]
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", kind, (1, 3, 6, 6))],
        [helper.make_tensor_value_info("y", kind, (1, 5))],
        constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


# ---- local functions


def with_functions() -> onnx.ModelProto:
    """A layer in a function that calls another one, with an attribute that is handed through."""
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    slope = helper.make_node("LeakyRelu", ["v"], ["out"])
    slope.attribute.append(
        onnx.AttributeProto(name="alpha", ref_attr_name="a", type=onnx.AttributeProto.FLOAT)
    )
    bent = helper.make_function("own", "Bent", ["v"], ["out"], [slope], opsets, attributes=["a"])
    call = helper.make_node("Bent", ["c"], ["out"], domain="own", a=0.25)
    layer = helper.make_function(
        "own",
        "Layer",
        ["v", "w", "b"],
        ["out"],
        [helper.make_node("Conv", ["v", "w", "b"], ["c"], pads=[1, 1, 1, 1]), call],
        opsets,
    )
    nodes = [helper.make_node("Layer", ["x", "w", "b"], ["y"], domain="own", name="first")]
    constants = [numpy_helper.from_array(W, "w"), numpy_helper.from_array(B, "b")]
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 3, 6, 6))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 4, 6, 6))],
        constants,
    )
    return helper.make_model(graph, opset_imports=opsets, functions=[bent, layer], ir_version=8)


def test_local_functions_are_put_in_place(tmp_path: Path) -> None:
    proto = with_functions()
    graph = floats(proto)
    assert [type(node.op).__name__ for node in graph.nodes] == ["FloatConv2D", "FloatUnary"]
    path = tmp_path / "net.onnx"
    path.write_bytes(proto.SerializeToString())
    theirs = run_onnx(path, {"x": X})["y"]
    ours = computed(graph).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


# ---- half precision


def test_float16_is_widened(tmp_path: Path) -> None:
    half = network(13, TensorProto.FLOAT16, "float16")
    graph, whole = floats(half), floats(network(13))
    assert [port.dtype for port in (*graph.inputs, *graph.outputs)] == ["float32", "float32"]
    assert graph.nodes == whole.nodes
    for name, const in graph.consts.items():
        rounded = whole.consts[name].data.astype(np.float16).astype(np.float32)
        np.testing.assert_array_equal(const.data, rounded)
    path = tmp_path / "half.onnx"
    path.write_bytes(half.SerializeToString())
    theirs = run_onnx(path, {"x": X})["y"]
    np.testing.assert_allclose(computed(graph), theirs, rtol=0.02, atol=0.02)


@pytest.mark.parametrize("kind", [TensorProto.FLOAT16, TensorProto.BFLOAT16])
def test_half_weights_behind_a_cast(kind: int) -> None:
    proto = network(13)
    whole = floats(proto)
    proto.graph.initializer[0].CopyFrom(
        helper.make_tensor("w_half", kind, W.shape, W.ravel().tolist())
    )
    cast = helper.make_node("Cast", ["w_half"], ["w"], to=TensorProto.FLOAT)
    proto.graph.node.insert(0, cast)
    graph = floats(proto)
    assert [type(node.op) for node in graph.nodes] == [type(node.op) for node in whole.nodes]
    np.testing.assert_allclose(computed(graph), computed(whole), rtol=0.05, atol=0.05)


# ---- QuantizeLinear of another domain


def test_quantizers_of_onnx_runtime_may_use_their_own_domain() -> None:
    plain = _quantized().proto()
    other = _quantized().proto()
    for node in other.graph.node:
        if node.op_type in ("QuantizeLinear", "DequantizeLinear"):
            node.domain = "com.microsoft"
    other.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    read = [read_network(ModelBytes(p.SerializeToString())) for p in (plain, other)]
    graphs = [lower_quantized(each, "net") for each in read]
    assert graphs[0].nodes == graphs[1].nodes
    assert graphs[0].tensors == graphs[1].tensors


def _quantized() -> QdqModel:
    m = QdqModel()
    x = m.input("x", (1, 3, 6, 6))
    weights = m.weights((4, 3, 3, 3))
    y = m.op("Conv", x, weights, m.bias(weights, 4), pads=[1, 1, 1, 1])
    m.output(m.pair(y, "y", 2**-3, -5))
    return m


# ---- dead channels


def test_a_channel_without_a_scale_is_zero() -> None:
    proto = _quantized().proto()
    arrays = {t.name: numpy_helper.to_array(t) for t in proto.graph.initializer}
    weights = next(name for name, a in arrays.items() if a.dtype == np.int8 and a.ndim == 4)
    reader = next(node for node in proto.graph.node if weights in node.input[:1])
    scales = arrays[reader.input[1]].copy()
    scales[2] = 0
    place = next(t for t in proto.graph.initializer if t.name == reader.input[1])
    place.CopyFrom(numpy_helper.from_array(scales, place.name))
    graph = lower_quantized(read_network(ModelBytes(proto.SerializeToString())), "net")
    conv = next(node for node in graph.nodes if type(node.op).__name__ == "Conv2D")
    assert not graph.const(conv.inputs[1]).data[2].any()
    assert graph.const(conv.inputs[1]).data[1].any()
    values = interpreter.run(graph, random_inputs(graph, 3))
    assert np.ptp(values[conv.output][..., 2]) == 0


# ---- old operator sets


def test_set_7_is_read() -> None:
    old, new = floats(network(7)), floats(network(13))
    assert old.nodes == new.nodes


def test_set_6_is_refused() -> None:
    with pytest.raises(InputFileError, match="mcucc reads 7 and newer"):
        floats(network(6))


def test_normalization_by_pixel_is_refused() -> None:
    """In set 7 a BatchNormalization may have numbers for each pixel."""
    ones = np.ones((4, 6, 6), np.float32)
    proto = network(7)
    names = ["scale", "bias", "mean", "var"]
    proto.graph.initializer.extend(numpy_helper.from_array(ones, name) for name in names)
    proto.graph.node[1].CopyFrom(
        helper.make_node("BatchNormalization", ["c", *names], ["r"], spatial=0)
    )
    with pytest.raises(UnsupportedModelError, match="BatchNormalization"):
        floats(proto)


# ---- outputs of which nothing is said


def test_an_output_without_a_shape() -> None:
    proto = network(13)
    proto.graph.output[0].type.tensor_type.ClearField("shape")
    graph = floats(proto)
    assert graph.outputs[0].shape == (1, 5)
    assert graph.nodes == floats(network(13)).nodes
