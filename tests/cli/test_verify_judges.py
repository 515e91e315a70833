"""`mcucc verify` where a judge cannot judge: absent with a reason, and no failure unless required.

A judge that dies for no known reason stays a failure.
"""

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mcucc.api.compile import CompileOptions, compile_model, write_compilation
from mcucc.api.verify import Verification, verify_directory
from mcucc.cli.tables import render_verification
from mcucc.errors import JudgeAbsentError, SimulationError
from mcucc.ir import parse_graph
from mcucc.ops import INT8_OPS, Int8Graph
from mcucc.report import Report
from mcucc.sim.onnx_runtime import open_session, run_onnx
from tests.cli import judged_models as models
from tests.cli.process import BOARD, CHECKOUT, DIGITS, FLOAT_DIGITS, mcucc
from tests.cli.test_measuring import shown
from tests.judging import needs_tflm

pytestmark = pytest.mark.cc

Save = Callable[[Path], Path]


def compiled(path: Path, **options: object) -> Report:
    """Compile a file into the folder `net` beside it."""
    compilation = compile_model(path, CompileOptions(BOARD, name="net", **options))  # pyright: ignore[reportArgumentType] -- each test gives what it is about
    write_compilation(compilation, path.parent / "net")
    return compilation.report


def verified(path: Path, require: tuple[str, ...] = ()) -> Verification:
    return verify_directory(path.parent / "net", require=require, model=path)


@needs_tflm
@pytest.mark.parametrize(
    ("save", "names", "io"),
    [
        (models.unused_input, ["x", "u"], "int8"),
        (models.unread_maps, ["u", "x", "v"], "float"),
        (models.measured_input, ["u", "x"], "uint8"),
        (models.unused_quantized_input, ["u", "x"], "float"),
        (models.unread_integers, ["q", "q_more", "b", "u"], "int8"),
    ],
)
def test_an_input_that_no_output_needs_stays(
    save: Save, names: list[str], io: str, tmp_path: Path
) -> None:
    """In the C interface, in the order of the file, for every judge."""
    path = save(tmp_path / "net.onnx")
    report = compiled(path, io=io, check=True, selftest=1)
    assert [port.name for port in report.inputs] == names
    header = (tmp_path / "net" / "net.h").read_text()
    assert f"NET_INPUT{len(names) - 1}_BYTES" in header
    assert f"NET_INPUT{len(names)}_BYTES" not in header
    assert any("no output depends on input" in note for note in report.notes)
    found = verified(path, ("tflm",))
    assert found.ok, found
    assert set(found.judges.values()) == {"equal"}
    assert found.float is not None
    assert found.float.says in ("equal", "quantized")
    for output in found.onnxruntime_lsb or ():
        assert output.largest == 0


def test_an_unread_input_takes_no_part_in_the_quality(tmp_path: Path) -> None:
    path = models.unused_input(tmp_path / "net.onnx")
    arguments = ("--board", BOARD, "-o", tmp_path / "net", "--json")
    samples = np.random.default_rng(0).standard_normal((4, 4)).astype(np.float32)
    np.savez(tmp_path / "calib.npz", x=samples, u=np.zeros((4, 4), np.float32))
    finished = mcucc("compile", path, "--calib", tmp_path / "calib.npz", *arguments)
    assert finished.code == 0, finished.err
    assert finished.document["quantization"]["worst_layer"] != "u"
    refused = mcucc("compile", path, "--stream-input", *arguments)
    assert refused.code == 2
    assert "or remove 'u' from the file: no output depends on it" in refused.error


@needs_tflm
@pytest.mark.parametrize(
    ("save", "seen"),
    [
        (models.softmax_flat, None),
        (models.softmax_flat_over_channels, None),
        (models.softmax_flat_inside, 2),
    ],
)
def test_softmax_flat(save: Save, seen: int | None, tmp_path: Path) -> None:
    """TFLM aborts over 512 and more near-equal values; what it made before that is compared."""
    path = save(tmp_path / "net.onnx")
    compiled(path)
    found = verified(path)
    assert found.ok
    assert found.judges == {"numpy": "equal", "host": "equal", "tflm": "absent"}
    assert found.compared.get("tflm") == seen
    assert any("TFLM cannot run operator" in message for message in found.messages)
    required = verified(path, ("tflm",))
    assert not required.ok
    assert required.bits_equal
    assert required.failures == ("--require tflm: tflm was required, and is absent",)
    said = " ".join(shown(render_verification(required)).split())
    assert "NOT verified: --require tflm: tflm was required, and is absent" in said
    assert "NOT equal" not in said


@needs_tflm
def test_a_softmax_over_many_values_that_differ_is_judged(tmp_path: Path) -> None:
    path = models.softmax_flat(tmp_path / "net.onnx", scale=0.1)
    compiled(path)
    assert verified(path, ("tflm",)).judges["tflm"] == "equal"


@needs_tflm
def test_a_wrong_tensor_before_the_limit_is_found(tmp_path: Path) -> None:
    path = models.softmax_flat_inside(tmp_path / "net.onnx")
    compiled(path)
    twin, graph = tmp_path / "net" / "net.tflite", _graph(tmp_path)
    data, weights = bytearray(twin.read_bytes()), graph.consts[graph.nodes[0].inputs[1]]
    at = data.index(weights.data.tobytes())
    data[at : at + 64] = bytes(b ^ 0x40 for b in data[at : at + 64])
    twin.write_bytes(data)
    found = verified(path)
    assert found.judges["tflm"] == "differs"
    assert found.failures == ("tflm differs from numpy",)
    assert found.first_difference is not None
    assert found.first_difference.tensor == graph.nodes[0].output


@needs_tflm
def test_a_crash_for_no_known_reason_is_a_failure(tmp_path: Path) -> None:
    """The same abort, where the numbers of the network do not ask for it: the twin is wrong."""
    path = models.softmax_flat(tmp_path / "net.onnx", scale=0.1)
    compiled(path)
    twin = tmp_path / "net" / "net.tflite"
    data, scale = twin.read_bytes(), struct.pack("<f", 0.1)
    assert data.count(scale) == 1
    twin.write_bytes(data.replace(scale, struct.pack("<f", 0.005)))
    found = verified(path)
    assert not found.ok
    assert found.judges["tflm"] == "crashed"
    assert found.failures == ("tflm crashed",)
    assert any("which is no known limit of TFLM" in message for message in found.messages)
    said = " ".join(shown(render_verification(found)).split())
    assert "NOT verified: tflm crashed" in said


@pytest.mark.parametrize(
    "save",
    [
        models.strided_pool,
        models.strided_mean,
        models.strided_convolution,
        models.strided_quantized_pool,
    ],
)
def test_strides_beyond_the_kernel(save: Save, tmp_path: Path) -> None:
    """ONNX Runtime refuses some of them; that is its affair."""
    path = save(tmp_path / "net.onnx")
    compiled(path)
    found = verified(path)
    assert found.ok, found
    refused = any("ONNX Runtime does not run net.onnx" in message for message in found.messages)
    assert refused == (save in (models.strided_pool, models.strided_quantized_pool))
    if found.float is not None and found.float.says != "quantized":
        assert found.float.says == ("absent" if refused else "equal")


def test_lsb(tmp_path: Path) -> None:
    """ONNX Runtime's optimizer drops one of two Quantize/Dequantize pairs, and 50 steps with it."""
    path = models.two_pairs(tmp_path / "net.onnx")
    compiled(path)
    found = verified(path).onnxruntime_lsb
    assert found is not None
    assert [output.largest for output in found] == [0]
    x = np.full((1, 64), 0.2, np.float32)
    y = open_session(str(path)).run(None, {"x": x})[0]
    assert np.all(y == np.float32(127 * 2**-9))


def test_what_mcucc_feeds_wrongly_is_no_absence() -> None:
    for feed in (
        {"image": np.zeros((1, 1, 8, 8), np.int8)},
        {"image": np.zeros((1, 1, 8, 9), np.float32)},
        {"picture": np.zeros((1, 1, 8, 8), np.float32)},
    ):
        with pytest.raises(SimulationError, match="does not run digits_int8") as caught:
            run_onnx(DIGITS, feed)
        assert not isinstance(caught.value, JudgeAbsentError)


@needs_tflm
def test_judges_that_cannot_be_loaded_are_absent(float_digits: Path, tmp_path: Path) -> None:
    """As wheels for another numpy are: installed, and of no use."""
    for package in ("onnxruntime", "tflite_micro"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("raise ImportError('made for numpy 1')\n")
    environment = {"PYTHONPATH": f"{tmp_path}:{CHECKOUT}"}
    command = ("verify", float_digits, "--model", FLOAT_DIGITS)
    finished = mcucc(*command, "--json", environment=environment)
    assert finished.code == 0, finished.err
    document = finished.document
    assert document["judges"]["tflm"] == document["float"]["says"] == "absent"
    assert len(document["messages"]) == 2
    assert all("cannot be loaded" in message for message in document["messages"])
    required = mcucc(*command, "--require", "tflm", environment=environment)
    assert required.code == 1
    assert "--require tflm: tflm was required, and is absent" in " ".join(required.out.split())


def _graph(folder: Path) -> Int8Graph:
    return parse_graph((folder / "net" / "net.ir").read_text(), INT8_OPS)
