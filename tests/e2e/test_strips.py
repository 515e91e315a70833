"""Networks whose first layers run in strips: equal bits in every tensor on the simulated cores."""

import re
from pathlib import Path

import pytest

from mcucc.api.compile import CompileOptions, compile_model, write_compilation
from mcucc.compiled.directory import CompiledNetwork
from mcucc.compiled.samples import flatten, random_samples
from mcucc.reference import interpreter
from tests.e2e.test_row_plans import demand_equal
from tests.extent import cases

pytestmark = [pytest.mark.models, pytest.mark.cc, pytest.mark.qemu, pytest.mark.slow]


@pytest.mark.parametrize(
    ("name", "board", "percent", "strips", "most"),
    cases(
        [
            ("vww_96_qdq", "mps2-an386", 7, 2, 10_400),
            ("te_vww_qdq", "mps3-an547", 1, 2, 13_400),
            ("resnet8_qdq", "mps2-an385", 34, 4, 11_700),
        ],
        only_full=[
            ("te_vww_qdq", "microbit-v2", 1, 2, 13_400),
            ("torch/mbv2_035_144", "mps2-an386", 1.5, 3, 16_400),
            ("torch/mbv2_100_224", "mps3-an547", 10, 7, 48_000),
            ("vww_96_qdq", "mps2-an500", 7, 2, 10_400),
        ],
    ),
)
def test_strips(
    name: str,
    board: str,
    percent: float,
    strips: int,
    most: int,
    models_dir: Path,
    tmp_path: Path,
) -> None:
    options = CompileOptions(
        *(board, "net"),
        objective="memory",
        input_elsewhere=True,
        max_recompute=percent,
        check=True,
    )
    compilation = compile_model(models_dir / f"{name}.onnx", options)
    report = compilation.report
    assert report.steps[0].strips == strips
    assert report.arena_bytes == report.arena_bytes_input_elsewhere
    assert report.arena_bytes <= most
    assert 0 < report.halo_macs <= percent / 100 * report.macs
    write_compilation(compilation, tmp_path / "net")
    network = CompiledNetwork.open(tmp_path / "net")
    shapes = [network.graph.tensors[port.tensor].shape for port in network.graph.inputs]
    samples = random_samples(shapes, 2, seed=7)
    named = {p.tensor: x for p, x in zip(network.graph.inputs, samples, strict=True)}
    expected = interpreter.run(network.graph, named)
    result = network.trace_qemu(flatten(samples))
    names = {tensor.id: tensor.name for tensor in report.tensors}
    tensors = {names[number]: values for number, values in (result.tensors or {}).items()}
    assert set(tensors) == {node.output for node in network.graph.nodes}
    demand_equal(tensors, expected)
    counted = network.count_qemu(flatten(samples))
    assert counted.stack_bytes is not None
    stated = re.search(r"NET_STACK_BYTES (\d+)u", compilation.files["net.h"])
    assert stated is not None
    assert counted.stack_bytes <= int(stated[1])
