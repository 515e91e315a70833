"""Models of the mistakes that people make: small networks, each with one thing that is wrong."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

SIZE = 8
CLASSES = 4


def network(
    *extra: NodeProto,
    opset: int = 17,
    dims: Sequence[int | str] | None = None,
    dtype: type[np.floating] = np.float32,
    constants: Mapping[str, np.ndarray] | None = None,
    output: tuple[int, Sequence[int]] = (TensorProto.FLOAT, (1, CLASSES)),
) -> ModelProto:
    """Conv, Relu, Flatten, MatMul (`scores`), then further nodes, the last of which is the output.

    `input` is 3x8x8; weights have seeded random values.
    """
    random = np.random.default_rng(0)
    element = TensorProto.FLOAT16 if dtype == np.float16 else TensorProto.FLOAT
    tensors = {
        "w": random.normal(0, 0.2, (2, 3, 3, 3)).astype(dtype),
        "g": random.normal(0, 0.2, (2 * SIZE * SIZE, CLASSES)).astype(dtype),
        **(constants or {}),
    }
    nodes = [
        helper.make_node("Conv", ["image", "w"], ["map"], pads=[1] * 4, name="conv"),
        helper.make_node("Relu", ["map"], ["positive"], name="relu"),
        helper.make_node("Flatten", ["positive"], ["flat"], name="flat"),
        helper.make_node("MatMul", ["flat", "g"], ["scores"], name="dense"),
        *extra,
    ]
    kind = element if output[0] == TensorProto.FLOAT else output[0]
    return _model(
        nodes,
        ("image", element, dims or (1, 3, SIZE, SIZE)),
        (nodes[-1].output[0], kind, output[1]),
        tensors,
        opset,
    )


def _model(
    nodes: Sequence[NodeProto],
    source: tuple[str, int, Sequence[int | str]],
    result: tuple[str, int, Sequence[int | str]],
    tensors: Mapping[str, np.ndarray],
    opset: int,
    *others: onnx.OperatorSetIdProto,
) -> ModelProto:
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info(*source)],
        [helper.make_tensor_value_info(*result)],
        [numpy_helper.from_array(data, name) for name, data in tensors.items()],
    )
    versions = [helper.make_opsetid("", opset), *others]
    return helper.make_model(graph, opset_imports=versions, ir_version=8 if opset < 24 else 11)


def _node(op: str, inputs: Sequence[str], *outputs: str, **attributes: int) -> NodeProto:
    node = helper.make_node(op, inputs, list(outputs), name=outputs[0])
    node.attribute.extend(helper.make_attribute(key, value) for key, value in attributes.items())
    return node


def argmax(op: str = "ArgMax") -> ModelProto:
    """Something is computed of the index."""
    nodes = (_node(op, ["scores"], "index", axis=1), _node("Add", ["index", "one"], "best"))
    return network(*nodes, constants={"one": np.array([1])}, output=(TensorProto.INT64, (1, 1)))


def top_k() -> ModelProto:
    """Of the samples of a batch."""
    node = _node("TopK", ["scores", "k"], "largest", "indices", axis=0)
    return network(node, constants={"k": np.array([1])}, output=(TensorProto.FLOAT, (1, CLASSES)))


def top_k_indices() -> ModelProto:
    """More than there are."""
    node = _node("TopK", ["scores", "k"], "largest", "indices")
    many = CLASSES + 1
    model = network(node, constants={"k": np.array([many])}, output=(TensorProto.INT64, (1, many)))
    model.graph.output[0].name = "indices"
    return model


def nonmax() -> ModelProto:
    return network(_node("Hardmax", ["scores"], "hard", axis=1))


def dropout_in_training() -> ModelProto:
    node = _node("Dropout", ["scores", "", "mode"], "dropped", "mask")
    return network(node, constants={"mode": np.array(True)})


def batch_norm_in_training() -> ModelProto:
    four = [np.ones(CLASSES, np.float32)] * 4
    names = ["scale", "shift", "mean", "variance"]
    node = _node("BatchNormalization", ["scores", *names], "norm", "m", "v", training_mode=1)
    return network(node, constants=dict(zip(names, four, strict=True)))


def three_shrinks() -> ModelProto:
    names = ["scores", "shrink_a", "shrink_b", "shrink_c"]
    nodes = [_node("Shrink", [names[i]], names[i + 1]) for i in range(3)]
    return network(*nodes)


def many_dets() -> ModelProto:
    names = ["scores", *(f"soft{i}" for i in range(5))]
    return network(*(_node("Det", [names[i]], names[i + 1]) for i in range(5)))


def recurrent(op: str) -> ModelProto:
    gates = {"LSTM": 4, "GRU": 3, "RNN": 1}[op]
    constants = {
        "wide": np.zeros((1, gates * 4, 4), np.float32),
        "back": np.zeros((1, gates * 4, 4), np.float32),
        "axis": np.array([0]),
    }
    return network(
        _node("Unsqueeze", ["scores", "axis"], "sequence"),
        _node(op, ["sequence", "wide", "back"], "states", hidden_size=4),
        constants=constants,
        output=(TensorProto.FLOAT, (1, 1, 1, 4)),
    )


def dynamically_quantized() -> ModelProto:
    """As ONNX Runtime's quantize_dynamic writes it: a convolution and a dense layer."""
    nodes = [
        helper.make_node("DynamicQuantizeLinear", ["image"], ["q0", "s0", "z0"], name="quant0"),
        helper.make_node("ConvInteger", ["q0", "w", "z0", "zw"], ["c0"], pads=[1] * 4, name="conv"),
        helper.make_node("Cast", ["c0"], ["f0"], to=TensorProto.FLOAT, name="cast0"),
        helper.make_node("Mul", ["s0", "sw"], ["m0"], name="scales0"),
        helper.make_node("Mul", ["f0", "m0"], ["map"], name="scaled0"),
        helper.make_node("Relu", ["map"], ["positive"], name="relu"),
        helper.make_node("Flatten", ["positive"], ["flat"], name="flat"),
        helper.make_node("DynamicQuantizeLinear", ["flat"], ["q1", "s1", "z1"], name="quant1"),
        helper.make_node("MatMulInteger", ["q1", "g", "z1", "zw"], ["c1"], name="dense"),
        helper.make_node("Cast", ["c1"], ["f1"], to=TensorProto.FLOAT, name="cast1"),
        helper.make_node("Mul", ["f1", "sw"], ["scores"], name="scaled1"),
    ]
    tensors = {
        "w": np.ones((2, 3, 3, 3), np.int8),
        "g": np.ones((2 * SIZE * SIZE, CLASSES), np.int8),
        "zw": np.array(0, np.int8),
        "sw": np.array(0.1, np.float32),
    }
    source = ("image", TensorProto.FLOAT, (1, 3, SIZE, SIZE))
    return _model(nodes, source, ("scores", TensorProto.FLOAT, (1, CLASSES)), tensors, 17)


def scikit(*, pipeline: bool) -> ModelProto:
    """skl2onnx's form: a classifier alone, or a scaler before a dense network."""
    four, two = ("x", TensorProto.FLOAT, (1, 4)), (1, 2)
    ml = helper.make_opsetid("ai.onnx.ml", 3)
    if pipeline:
        scaler = helper.make_node(
            "Scaler", ["x"], ["scaled"], "scaler", domain="ai.onnx.ml", offset=[0.0], scale=[2.0]
        )
        nodes = [scaler, _node("MatMul", ["scaled", "g"], "y"), _node("Relu", ["y"], "z")]
        tensors = {"g": np.ones((4, 2), np.float32)}
        return _model(nodes, four, ("z", TensorProto.FLOAT, two), tensors, 17, ml)
    node = helper.make_node(
        *("LinearClassifier", ["x"], ["label", "probabilities"], "classifier"),
        domain="ai.onnx.ml",
        coefficients=[1.0] * 8,
        intercepts=[0.0, 0.0],
        classlabels_ints=[0, 1],
    )
    return _model([node], four, ("probabilities", TensorProto.FLOAT, two), {}, 17, ml)


def large() -> ModelProto:
    """224x224 pixels, which no board of 128 KiB holds."""
    model = network(dims=(1, 3, 224, 224))
    del model.graph.node[2:], model.graph.initializer[1:]
    model.graph.node.append(_node("GlobalAveragePool", ["positive"], "scores"))
    del model.graph.output[:]
    result = helper.make_tensor_value_info("scores", TensorProto.FLOAT, (1, 2, 1, 1))
    model.graph.output.append(result)
    return model


def in_opset(opset: int) -> Callable[[], ModelProto]:
    return lambda: network(_node("Softmax", ["scores"], "shares", axis=1), opset=opset)


MODELS: Mapping[str, Callable[[], ModelProto]] = {
    "ok": network,
    "large": large,
    "opset7": in_opset(7),
    "opset1": in_opset(1),
    "opset6": in_opset(6),
    "opset24": in_opset(24),
    "opset25": in_opset(25),
    "opset26": in_opset(26),
    "opset28": in_opset(28),
    "opset99": in_opset(99),
    "half": lambda: network(dtype=np.float16),
    "open_map": lambda: network(dims=("N", 3, "H", "W")),
    "open_width": lambda: network(dims=(1, 3, SIZE, "W")),
    "minus_one": lambda: network(dims=(-1, 3, -1, -1)),
    "minus_channels": lambda: network(dims=(1, -1, SIZE, SIZE)),
    "batch8": lambda: network(dims=(8, 3, SIZE, SIZE)),
    "argmax": argmax,
    "argmin": lambda: argmax("ArgMin"),
    "topk": top_k,
    "topk_indices": top_k_indices,
    "hardmax": nonmax,
    "dropout": dropout_in_training,
    "batch_norm": batch_norm_in_training,
    "shrinks": three_shrinks,
    "dets": many_dets,
    "lstm": lambda: recurrent("LSTM"),
    "gru": lambda: recurrent("GRU"),
    "rnn": lambda: recurrent("RNN"),
    "dynamic": dynamically_quantized,
    "scikit": lambda: scikit(pipeline=False),
    "pipeline": lambda: scikit(pipeline=True),
}


def save_models(folder: Path) -> None:
    """Write `NAME.onnx` of all, a truncated one, and one whose external data is missing."""
    for name, build in MODELS.items():
        (folder / f"{name}.onnx").write_bytes(build().SerializeToString())
    whole = (folder / "ok.onnx").read_bytes()
    (folder / "truncated.onnx").write_bytes(whole[: len(whole) // 2])
    (folder / "begun.onnx").write_bytes(whole[:40])
    (folder / "cut_at_the_end.onnx").write_bytes(whole[:-3])
    onnx.save_model(  # pyright: ignore[reportUnknownMemberType] -- PathLike without argument in onnx's own stub
        network(),
        folder / "external.onnx",
        save_as_external_data=True,
        location="external.data",
        size_threshold=0,
    )
    (folder / "external.data").unlink()
