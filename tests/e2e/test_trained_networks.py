"""The five trained networks: recorded bits, TFLM's bits, every tensor, host and Cortex-M4."""

from pathlib import Path

import numpy as np
import pytest

from mcucc.api.compile import CompileOptions, compile_model, write_compilation
from mcucc.api.verify import verify_directory
from mcucc.build.project import BuildOptions, build_host_executable
from mcucc.compiled.directory import CompiledNetwork
from mcucc.compiled.samples import flatten, random_samples, to_inner
from mcucc.sim.host import run_executable
from mcucc.sim.protocol import Placement

# Arena head that the `tflite_micro` wheel needs for Google's file of the same network, bytes.
TFLM_HEAD = {"vww_96": 73_728, "kws": 16_000, "resnet8": 49_152, "ad01": 768, "te_vww": 161_472}

pytestmark = [pytest.mark.models, pytest.mark.cc, pytest.mark.slow]


@pytest.fixture(scope="module", params=sorted(TFLM_HEAD))
def network(
    request: pytest.FixtureRequest, models_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> CompiledNetwork:
    name: str = request.param
    directory = tmp_path_factory.mktemp(name) / name
    options = CompileOptions("mps2-an386", name=name)
    write_compilation(compile_model(models_dir / f"{name}_qdq.onnx", options), directory)
    return CompiledNetwork.open(directory)


@pytest.mark.qemu
def test_recorded_outputs(network: CompiledNetwork, models_dir: Path) -> None:
    """Host, sanitized host and Cortex-M4 give the recorded bits of TFLM."""
    recorded = np.load(models_dir / f"{network.report.name}_io.npz")
    x = to_inner(models_dir / "x_i8", recorded["x_i8"], network.report.inputs[0])
    flat, expected = flatten((x,)), recorded["y_i8_tflm"]
    for (outputs,) in (
        network.run_host(flat),
        network.trace_host(flat).outputs,
        network.trace_qemu(flat).outputs,
    ):
        assert np.array_equal(outputs.reshape(expected.shape), expected)


def test_arena_is_at_most_the_head_of_tflm(network: CompiledNetwork) -> None:
    report = network.report
    assert report.arena_bytes <= TFLM_HEAD[report.name]
    assert report.arena_lower_bound_bytes <= report.arena_bytes


@pytest.mark.qemu
def test_every_tensor_of_64_random_inputs(network: CompiledNetwork, tmp_path: Path) -> None:
    """numpy, sanitized host C, TFLM and the Cortex-M4 program agree in every tensor."""
    port = network.report.inputs[0]
    random = np.random.default_rng(64)
    x = random.integers(-128, 128, (64, *port.shape[1:]), dtype=np.int8)
    np.save(tmp_path / "x.npy", x)
    verification = verify_directory(
        network.directory, inputs=tmp_path / "x.npy", on_qemu=True, require=("tflm",)
    )
    assert verification.first_difference is None
    assert verification.messages == ()
    assert dict(verification.judges) == dict.fromkeys(("numpy", "host", "tflm", "qemu"), "equal")
    assert verification.samples == 64
    assert verification.tensors_compared >= 3 * len(network.graph.nodes)


@pytest.mark.parametrize("sanitize", [False, True])
@pytest.mark.parametrize("placement", list(Placement))
def test_arena_against_guard_pages(
    network: CompiledNetwork, tmp_path: Path, placement: Placement, sanitize: bool
) -> None:
    """Two paints give the same outputs, and the run uses the arena to its end."""
    options = BuildOptions(sanitize=sanitize)
    program = build_host_executable(network.directory, network.network, tmp_path, options)
    shapes = [network.graph.tensors[p.tensor].shape for p in network.graph.inputs]
    samples = flatten(random_samples(shapes, 4))
    runs = [
        run_executable(program, network.network, samples, paint=paint, placement=placement)
        for paint in (0x00, 0xA5)
    ]
    assert np.array_equal(runs[0].outputs[0], runs[1].outputs[0])
    touched = max(run.touched_bytes for run in runs)
    report = network.report
    assert report.arena_bytes - report.arena_align < touched <= report.arena_bytes
