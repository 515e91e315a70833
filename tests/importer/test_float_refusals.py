"""Every reason for which a float network is refused, each with the node that causes it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mcucc.errors import UnsupportedModelError, UsageError, Violation
from mcucc.importer import read_onnx
from mcucc.importer.lower import lower_network
from tests.importer.float_cases import Model

Build = Callable[[Model], str]
MAP = (1, 4, 5, 6)


def violations(model: Model, folder: Path, *outputs: str) -> tuple[Violation, ...]:
    with pytest.raises(UnsupportedModelError) as caught:
        lower_network(read_onnx(model.save(folder, *outputs)), "net")
    return caught.value.violations


CASES: dict[str, tuple[Build, str]] = {
    "unknown operator": (lambda m: m.op("Shrink", "x0"), "the operator must be one that mcucc"),
    "weights computed": (
        lambda m: m.op("Conv", "x0", m.op("Exp", "x0")),
        "the weights must be constant numbers",
    ),
    "weights not finite": (
        lambda m: m.op("Conv", "x0", m.constant(np.full((1, 4, 1, 1), np.nan, np.float32))),
        "the weights must be finite",
    ),
    "window too large": (
        lambda m: m.op("Conv", "x0", m.weights(2, 4, 9, 1)),
        "the window must fit into the padded map",
    ),
    "wrong weights": (
        lambda m: m.op("Conv", "x0", m.weights(2, 3, 1, 1)),
        "the weights must be [output channels",
    ),
    "wrong bias": (
        lambda m: m.op("Conv", "x0", m.weights(2, 4, 1, 1), m.weights(3)),
        "the bias must be one number per output channel",
    ),
    "gemm transposed": (
        lambda m: m.op("Gemm", m.op("Flatten", "x0"), m.weights(1, 3), transA=1),
        "Gemm must read",
    ),
    "matmul of activations": (
        lambda m: m.op("MatMul", "x0", m.op("Transpose", "x0", perm=[0, 1, 3, 2])),
        "the second factor must be constant numbers",
    ),
    "matmul by a stack": (
        lambda m: m.op("MatMul", "x0", m.weights(4, 6, 2)),
        "MatMul must multiply an activation by a constant matrix",
    ),
    "negative variance": (
        lambda m: m.op(
            "BatchNormalization",
            "x0",
            *(m.weights(4) for _ in range(3)),
            m.constant(-np.ones(4, np.float32)),
        ),
        "the variance must not be negative",
    ),
    "clip out of order": (
        lambda m: m.op("Clip", "x0", m.constant(1, np.float32), m.constant(0, np.float32)),
        "the bounds of a Clip must be two numbers in order",
    ),
    "computed bound": (
        lambda m: m.op("Clip", "x0", m.op("ReduceMean", "x0", keepdims=0)),
        "ReduceMean must keep the batch",
    ),
    "cast": (lambda m: m.op("Cast", m.op("Cast", "x0", to=7), to=1), "a Cast of activations"),
    "dropout in training": (
        lambda m: m.op("Dropout", "x0", m.constant(0.5, np.float32), m.constant(True, np.bool_)),
        "Dropout must not be in training mode",
    ),
    "division by zero": (
        lambda m: m.op("Div", "x0", m.constant(0, np.float32)),
        "the divisor must be a constant without zeros",
    ),
    "large padding": (
        lambda m: m.op("MaxPool", "x0", kernel_shape=[2, 2], pads=[2, 0, 0, 0]),
        "the padding of a pool must be smaller than its window",
    ),
    "dilated pool": (
        lambda m: m.op("MaxPool", "x0", kernel_shape=[2, 2], dilations=[2, 1]),
        "a pool must not be dilated",
    ),
    "pool of a vector": (
        lambda m: m.op("GlobalMaxPool", m.op("Reshape", "x0", m.ints(1, 2, 2, 5, 6))),
        "the input must be a map",
    ),
    "reflected padding beyond the map": (
        lambda m: m.op("Pad", "x0", m.ints(0, 0, 9, 1, 0, 0, 1, 1), mode="reflect"),
        "a border in mode reflect must not be larger",
    ),
    "padded batch": (
        lambda m: m.op("Pad", "x0", m.ints(1, 1, 1, 1, 0, 0, 0, 0)),
        "Pad must put numbers",
    ),
    "negative padding": (
        lambda m: m.op("Pad", "x0", m.ints(0, 0, -1, 0, 0, 0, 0, 0)),
        "Pad must put numbers",
    ),
    "cubic resize": (
        lambda m: m.op("Resize", "x0", "", m.constant([1, 1, 2, 2], np.float32), mode="cubic"),
        "a resize must take the nearest pixel",
    ),
    "concat with a constant of another size": (
        lambda m: m.op("Concat", "x0", m.weights(1, 1, 1, 1), axis=1),
        "the inputs of Concat must have equal sizes along all other axes",
    ),
    "slice backward along two axes": (
        lambda m: m.op("Slice", "x0", m.ints(4, 4), m.ints(0, 0), m.ints(1, 2), m.ints(-1, -1)),
        "a Slice must go forward",
    ),
    "empty slice": (
        lambda m: m.op("Slice", "x0", m.ints(2), m.ints(2), m.ints(1)),
        "a slice must not be empty",
    ),
    "gather of what is not there": (
        lambda m: m.op("Gather", "x0", m.ints(0, 4), axis=1),
        "a Gather must take what is there",
    ),
    "two rows of a batch": (
        lambda m: m.op("Reshape", m.op("Relu", "x0"), m.ints(2, 60)),
        "an output must have rank 2 or more and batch 1",
    ),
    "reads the mask": (
        lambda m: m.op("Relu", m.op("Dropout", "x0", outputs=2) + "_1"),
        "only the first output of an operator may be read",
    ),
    "constant output": (
        lambda m: m.op("Exp", m.constant([[1.0]], np.float32)),
        "an output must be computed from an input",
    ),
    "output that is an input": (
        lambda m: m.op("Identity", "x0"),
        "an output must be computed from an input",
    ),
    "dequantized activations": (
        lambda m: m.op(
            "DequantizeLinear",
            m.op("QuantizeLinear", "x0", m.constant(0.5, np.float32), m.constant(0, np.int8)),
            m.constant(0.5, np.float32),
            m.constant(0, np.int8),
        ),
        "the network must compute an output from its input",
    ),
}


def test_what_only_moves_its_input(tmp_path: Path) -> None:
    """Nothing is to be removed where nothing would be left."""
    m = Model(MAP, opset=14)
    moved = m.op("Reshape", "x0", m.ints(1, 120))
    (found,) = violations(m, tmp_path, moved)
    assert found.actual == "the elements of input 'x0', moved or as they are"
    assert found.hint == "There is nothing to compile: let your program move them."
    (found,) = violations(m, tmp_path, moved, m.op("Relu", "x0"))
    assert found.hint.startswith("Remove the output from the model:")


@pytest.mark.parametrize("case", CASES)
def test_refusals(tmp_path: Path, case: str):
    build, rule = CASES[case]
    m = Model(MAP, opset=14)
    output = build(m)
    found = violations(m, tmp_path, output)
    assert any(v.rule.startswith(rule) for v in found), found
    assert all(v.hint and v.actual for v in found)


def test_all_refusals_come_at_once_and_followers_are_silent(tmp_path: Path):
    m = Model(MAP)
    one, two = m.op("Shrink", "x0"), m.op("Relu", m.op("Hardmax", "x0"))
    found = violations(m, tmp_path, m.op("Add", one, two))
    assert [v.op for v in found] == ["Shrink", "Hardmax"]


def test_training_mode_is_refused(tmp_path: Path):
    m = Model(MAP, opset=15)
    parameters = (m.positive(4), m.weights(4), m.weights(4), m.positive(4))
    y = m.op("BatchNormalization", "x0", *parameters, outputs=3, training_mode=1)
    (found,) = violations(m, tmp_path, y)
    assert "training mode" in found.rule


def test_indices_of_a_max_pool_are_refused(tmp_path: Path):
    m = Model(MAP)
    (found,) = violations(m, tmp_path, m.op("MaxPool", "x0", kernel_shape=[2, 2], outputs=2))
    assert "MaxPool must have one output" in found.rule


@pytest.mark.parametrize(
    ("shape", "rule"),
    [
        (("n", 3, "h", "w"), "an input must have no open dimension but the batch"),
        ((2, 3, 4, 4), "an input must have rank 2 to 4 and batch 1"),
        ((4,), "an input must have rank 2 to 4 and batch 1"),
        ((1, 2, 3, 4, 5), "an input must have rank 2 to 4 and batch 1"),
        ((1, 0), "an input must have rank 2 to 4 and batch 1"),
        ((1, 1 << 30), "an input must take at most"),
    ],
)
def test_inputs_of_other_shapes_are_refused(
    tmp_path: Path, shape: tuple[int | str, ...], rule: str
):
    m = Model(shape)
    (found,) = violations(m, tmp_path, m.op("Relu", "x0"))
    assert (found.node, found.op) == ("x0", "Input")
    assert found.rule.startswith(rule)


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ({"y": (1, 3)}, "no input 'y'"),
        ({"x0": (1, 3, 4)}, "does not fit"),
        ({"x0": (1, 4, 8, 8)}, "does not fit"),
    ],
)
def test_wrong_input_shapes_are_a_usage_error(
    tmp_path: Path, shapes: dict[str, tuple[int, ...]], message: str
):
    m = Model(["n", 3, "h", "w"])
    model = read_onnx(m.save(tmp_path, m.op("Relu", "x0")))
    with pytest.raises(UsageError, match=message):
        lower_network(model, "net", input_shapes=shapes)
