"""Split: a slice for each output that somebody reads."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mcucc.errors import UnsupportedModelError
from mcucc.importer import lower_network, read_onnx
from tests.importer.float_cases import Model, check, kinds
from tests.importer.qdq_models import QdqModel, assert_near_onnx_runtime, lower


def split(m: Model, x: str, parts: int, *sizes: int, **attributes: Any) -> list[str]:
    inputs = (x, m.ints(*sizes)) if sizes else (x,)
    first = m.op("Split", *inputs, outputs=parts, **attributes)
    return [first, *(f"{first}_{i}" for i in range(1, parts))]


@pytest.mark.parametrize(
    ("opset", "parts", "sizes", "attributes"),
    [
        (17, 2, (), {"axis": 1}),
        (17, 3, (1, 3, 2), {"axis": 1}),
        (17, 2, (2, 5), {"axis": 2}),
        (17, 2, (), {"axis": -1}),
        (18, 3, (), {"axis": 2, "num_outputs": 3}),
        (18, 1, (), {"axis": 1, "num_outputs": 1}),
        (11, 2, (), {"axis": 1, "split": [4, 2]}),
        (11, 3, (), {"axis": 1}),
    ],
)
def test_every_part(
    tmp_path: Path, opset: int, parts: int, sizes: tuple[int, ...], attributes: dict[str, Any]
) -> None:
    m = Model((1, 6, 7, 4), opset=opset)
    made = [
        m.op("Tanh", part) for part in split(m, m.op("Relu", "x0"), parts, *sizes, **attributes)
    ]
    graph = check(m, tmp_path, *made)
    assert kinds(graph).count("Slice") == (parts if parts > 1 else 0)


def test_parts_that_nobody_reads_are_not_made(tmp_path: Path) -> None:
    m = Model((1, 6, 7, 4))
    _, middle, _ = split(m, "x0", 3, axis=1)
    graph = check(m, tmp_path, m.op("Relu", middle))
    assert kinds(graph) == ["Slice", "Clip"]


def test_a_sequence_between_convolutions(tmp_path: Path) -> None:
    m = Model((1, 4, 12))
    y = m.op("Conv", "x0", m.weights(6, 4, 3))
    a, b = split(m, y, 2, axis=1)
    gated = m.op("Mul", a, m.op("Sigmoid", b))
    check(m, tmp_path, m.op("Conv", gated, m.weights(2, 3, 1)))


@pytest.mark.parametrize("sizes", [(1, 4), (3, 4), (7, -1)])
def test_parts_that_do_not_make_up_the_input_are_refused(
    tmp_path: Path, sizes: tuple[int, ...]
) -> None:
    m = Model((1, 6, 7, 4))
    path = m.save(tmp_path, *split(m, "x0", 2, *sizes, axis=1))
    with pytest.raises(UnsupportedModelError):
        lower_network(read_onnx(path), "net")


@pytest.mark.parametrize("pairs", [True, False])
def test_quantized_files(tmp_path: Path, pairs: bool) -> None:
    """Behind a DequantizeLinear with pairs on its results, and on integers."""
    m = QdqModel()
    x = m.input("x", (1, 6, 5, 4))
    if pairs:
        first = m.op("Split", x, axis=1, name="a")
        m.nodes[-1].output.append("b")
        parts = [m.pair(part, f"{part}_made", 2**-4, 3) for part in (first, "b")]
    else:
        m.op("Split", m.quantize(x, "q", 2**-4, 3), axis=1, name="a")
        m.nodes[-1].output.append("b")
        parts = [m.dequantize(part, f"{part}_made", 2**-4, 3) for part in ("a", "b")]
    m.output(m.pair(m.op("Mul", *parts), "y", 0.1, 2))
    graph = lower(m, tmp_path)
    assert [type(node.op).__name__ for node in graph.nodes] == ["Slice", "Slice", "Mul"]
    assert_near_onnx_runtime(m, graph)


def test_a_part_is_an_output_of_the_network(tmp_path: Path) -> None:
    m = Model((1, 6))
    first, second = split(m, m.op("Relu", "x0"), 2, axis=1)
    graph = check(m, tmp_path, second, first)
    assert [port.name for port in graph.outputs] == [second, first]
    assert {node.origin for node in graph.nodes if node.name.startswith("Split")} == {
        (f"Split_{first}",)
    }
    assert np.all([graph.type_of(port.tensor).shape == (1, 3) for port in graph.outputs])
