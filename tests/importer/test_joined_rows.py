"""Maps of a file that are joined along rows or columns: which rows of them a segment holds."""

from pathlib import Path

import pytest

from mcucc.ops import Int8Graph
from mcucc.ops.movement import Transpose
from mcucc.schedule import PlanOptions, Segment
from tests.importer.qdq_models import QdqModel, assert_near_onnx_runtime, lower
from tests.judging import assert_tflm_agrees, needs_tflm
from tests.kernels.compiled import assert_c_agrees, generate


def joined(folder: Path, axis: int) -> tuple[Int8Graph, QdqModel]:
    """Two convolutions of a map side by side, and one that reads both."""
    m = QdqModel()
    x = m.input("x", (1, 3, 12, 8), 0.05, 3)
    parts = [
        m.pair(m.op("Conv", x, m.weights((4, 3, n, n)), pads=[n // 2] * 4), f"part{n}", 0.1, -5)
        for n in (1, 3)
    ]
    y = m.pair(m.op("Concat", *parts, axis=axis), "joined", 0.1, -5)
    m.output(m.pair(m.op("Conv", y, m.weights((2, 4, 3, 3))), "y", 0.3, 4))
    return lower(m, folder), m


@needs_tflm
@pytest.mark.cc
@pytest.mark.parametrize("axis", [2, 3], ids=["rows", "columns"])
def test_nothing_is_transposed(tmp_path: Path, axis: int) -> None:
    graph, model = joined(tmp_path, axis)
    assert not any(isinstance(node.op, Transpose) for node in graph.nodes)
    assert_near_onnx_runtime(model, graph)
    assert_tflm_agrees([graph])
    assert_c_agrees(generate(graph, tmp_path / "c"), tmp_path, samples=3)


@pytest.mark.cc
def test_columns_are_joined_row_by_row(tmp_path: Path) -> None:
    graph, _ = joined(tmp_path, 3)
    generated = generate(graph, tmp_path / "c", options=PlanOptions(mode="stream"))
    (step,) = generated.plan.schedule.steps
    assert isinstance(step, Segment)
    assert sorted(step.rows.values()) == [1, 1, 3, 10]
    assert_c_agrees(generated, tmp_path, samples=3)
