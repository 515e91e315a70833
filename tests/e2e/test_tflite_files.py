"""Public `.tflite` networks: what is taken, TFLM's bits, and the commands on one of them."""

from collections import Counter
from pathlib import Path

import pytest

from bench.tflite_files import compare
from mcucc.api.compile import CompileOptions, compile_model, write_compilation
from mcucc.api.network import Calibration
from mcucc.api.verify import verify_directory
from mcucc.errors import UnsupportedModelError
from mcucc.importer import lower_network, read_network
from mcucc.passes import FLOAT, run_passes
from mcucc.quant.ptq import from_file
from mcucc.quant.scheme import uncalibrated
from tests.extent import cases
from tests.judging import needs_tflm

pytestmark = [pytest.mark.models, pytest.mark.cc, needs_tflm]

EQUAL = (
    "ap_ml_state_monitor__tensorflow_model_lresnet_quant",
    "dm_ml_ir_sensor_people_c__model_quant",
    "dm_ml_openart__yolo_face_det",
    "gesture_recognition_tfli__model",
    "himax_tflm__model",
    "kenning_zephyr_runtime__magic_wand",
    "mlonmcu_models__cnn_s_quantized",
    "mlperftiny__model",
    "neuralspot__arrhythmia_model_power",
    "neuralspot__har",
    "openmv__blazeface_front_128",
    "openmv__force_int_quant",
    "tiny_results_v0_7__kws",
    "tinymaix__mbnet96_0_25_q",
    "tinymaix__mnist_resnet_f",
)
"""Int8 with int8 ports and with float ones, float; convolutions over time, gates, channel pads,
constant operands that are one number, one per channel, the second or the first; uint8 ports."""


@pytest.mark.parametrize("name", EQUAL)
def test_every_tensor_is_that_of_tflm(models_dir: Path, name: str) -> None:
    found = compare(models_dir / "tflite" / f"{name}.tflite", samples=2)
    assert (found.says, found.differing) == ("equal", ())
    assert found.tensors


@pytest.mark.parametrize(
    "name",
    cases(
        ["micro_wake_word_models__alexa"],
        only_full=["micro_wake_word_models__vad", "tater_wake_words__hey_bud"],
    ),
)
def test_wake_words_hand_their_state_on(models_dir: Path, tmp_path: Path, name: str) -> None:
    """TFLM's bits over 40 steps, in numpy and in C; less memory than TFLM's activations."""
    source = models_dir / "tflite" / f"{name}.tflite"
    found = compare(source, samples=40)
    assert (found.says, found.differing) == ("equal", ())
    options = CompileOptions("nucleo-f446re", objective="memory")
    compilation = compile_model(source, options)
    report = compilation.report
    tflm = {"vad": 1536, "hey_bud": 6528, "alexa": 21216}[name.split("__")[1]]
    assert report.arena_bytes - report.state_bytes <= tflm
    write_compilation(compilation, tmp_path)
    verification = verify_directory(tmp_path, model=source)
    assert verification.failures == ()
    assert verification.judges["file"] == "equal"


def test_how_many_are_taken(models_dir: Path) -> None:
    found = Counter(map(_taken, sorted((models_dir / "tflite").glob("*.tflite"))))
    assert found["int8"] >= 74
    assert found["float"] >= 28
    assert sum(found.values()) == 114


def _taken(path: Path) -> str:
    try:
        graph = run_passes(lower_network(read_network(path), "net"), FLOAT)[0]
        if uncalibrated(graph):
            return "float"
        from_file(graph)
    except UnsupportedModelError:
        return "refused"
    return "int8"


@pytest.mark.parametrize(
    "name", ["tiny_results_v0_7__kws", "ap_ml_state_monitor__tensorflow_model_lresnet_quant"]
)
def test_a_quantized_file_is_compiled_and_verified(
    models_dir: Path, tmp_path: Path, name: str
) -> None:
    source = models_dir / "tflite" / f"{name}.tflite"
    write_compilation(compile_model(source, CompileOptions("host")), tmp_path)
    verification = verify_directory(tmp_path, model=source)
    assert verification.failures == ()
    assert verification.judges["file"] == "equal"
    assert verification.compared["file"] == 1


@pytest.mark.parametrize(
    ("name", "io"),
    [
        ("himax_tflm__model", "int8"),
        ("gesture_recognition_tfli__model", "uint8"),
        ("micro_wake_word_models__vad", "int8->uint8"),
        ("openmv__force_int_quant", "float"),
    ],
)
def test_the_interface_is_that_of_the_file(
    models_dir: Path, tmp_path: Path, name: str, io: str
) -> None:
    source = models_dir / "tflite" / f"{name}.tflite"
    compilation = compile_model(source, CompileOptions("host"))
    assert compilation.report.io == io
    assert compile_model(source, CompileOptions("host", io="int8")).report.io == "int8"
    write_compilation(compilation, tmp_path)
    verification = verify_directory(tmp_path, model=source)
    assert verification.failures == ()
    assert verification.judges["file"] == "equal"


def test_a_float_file_is_quantized_and_compared_with_tflm(models_dir: Path, tmp_path: Path) -> None:
    source = models_dir / "tflite" / "tinymaix__mnist_dw_f.tflite"
    options = CompileOptions("host", calibration=Calibration())
    write_compilation(compile_model(source, options), tmp_path)
    verification = verify_directory(tmp_path, model=source)
    assert verification.failures == ()
    assert verification.float is not None
    assert (verification.float.judge, verification.float.says) == ("TFLM", "equal")


def test_post_processing_is_left_to_the_program(models_dir: Path, tmp_path: Path) -> None:
    """TFLM has no such operator; the file is run as far as the network goes."""
    source = models_dir / "tflite" / "dm_ml_openart__yolo_face_det.tflite"
    compilation = compile_model(source, CompileOptions("host"))
    (note,) = (note for note in compilation.report.notes if "CUSTOM" in note)
    assert all(port.name in note for port in compilation.report.outputs)
    write_compilation(compilation, tmp_path)
    verification = verify_directory(tmp_path, model=source)
    assert verification.failures == ()
    assert verification.compared["file"] == 3


def test_refusals_speak_of_the_file(models_dir: Path) -> None:
    """Operators as TensorFlow Lite spells them, each with its place, all at once."""
    source = models_dir / "tflite" / "tflm_bci_eegnet__model.tflite"
    with pytest.raises(UnsupportedModelError) as refusal:
        lower_network(read_network(source), "net")
    said = {v.node: v for v in refusal.value.violations}
    assert {v.op for v in said.values()} == {"DEPTHWISE_CONV_2D"}
    assert "hybrid" in said["DEPTHWISE_CONV_2D_3"].actual
    assert "representative_dataset" in said["DEPTHWISE_CONV_2D_3"].hint
