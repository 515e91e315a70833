"""What people do wrong: for each the exit code, and what the one sentence must name.

A change that makes one of them work changes its row.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from mcucc.api.compile import CompileOptions, compile_model
from mcucc.api.inspect import inspect_model
from mcucc.errors import McuccError, UnsupportedModelError, grouped
from mcucc.importer import read_onnx
from tests.cli.in_process import Caller
from tests.cli.mistake_files import FOREIGN, SAMPLES_REFUSED
from tests.cli.process import BOARD, DIGITS

ON_BOARD = ("--board", BOARD)
NEVER = "never"
"""A directory that no refused command may make."""


def compiling(model: str, *more: str) -> tuple[str, ...]:
    return ("compile", model, *ON_BOARD, "-o", NEVER, *more)


@dataclass(frozen=True)
class Mistake:
    """A command line that is refused.

    Attributes:
        code: of the exit.
        words: what the sentence must name.
        arguments: of the command.
    """

    code: int
    words: tuple[str, ...]
    arguments: tuple[str, ...]


def mistake(code: int, words: tuple[str, ...], *arguments: str) -> Mistake:
    return Mistake(code, words, arguments)


COMMANDS: dict[str, Mistake] = {
    # Boards.
    "typo in board": mistake(2, ("nucleo-f446re",), "compile", "ok.onnx", "--board", "nucleo-f446"),
    "part": mistake(2, ("nucleo-f446re",), "compile", "ok.onnx", "--board", "stm32f446re"),
    "chip": mistake(2, ("rpi-pico",), "plan", "ok.onnx", "--board", "RP2040"),
    "short": mistake(2, ("rpi-pico",), "plan", "ok.onnx", "--board", "pico"),
    "core": mistake(2, ("frdm-k64f",), "plan", "ok.onnx", "--board", "cortex-m4"),
    "esp32s3": mistake(
        2, ("Xtensa", "cortex-m33", "mcucc boards"), "compile", "ok.onnx", "--board", "esp32s3"
    ),
    "esp32-c3": mistake(2, ("RISC-V", "cortex-m4"), "compile", "ok.onnx", "--board", "ESP32-C3"),
    "arduino uno": mistake(2, ("AVR", "cortex-m7"), "bench", "ok.onnx", "--board", "arduino-uno"),
    "raspberry pi": mistake(2, ("Cortex-A",), "plan", "ok.onnx", "--board", "rpi4"),
    "no such board": mistake(2, ("cortex-m0", ".toml"), "plan", "ok.onnx", "--board", "acme-1"),
    "no board": mistake(2, ("--board", "mcucc boards"), "compile", "ok.onnx"),
    "no board to plan": mistake(2, ("--board", "mcucc boards"), "plan", "ok.onnx"),
    "no board to bench": mistake(2, ("--board", "mcucc boards"), "bench", "ok.onnx"),
    # Options, choices, commands.
    "typo in option": mistake(2, ("--board",), "compile", "ok.onnx", "--bord", BOARD),
    "longer option": mistake(2, ("--calib",), *compiling("ok.onnx", "--calibration", "x")),
    "other word": mistake(2, ("--output",), "compile", "ok.onnx", "--out-dir", "x"),
    "target": mistake(2, ("--board",), "compile", "ok.onnx", "--target", BOARD),
    "underscore": mistake(2, ("--input-shape",), *compiling("ok.onnx", "--input_shape", "x")),
    "no such option": mistake(2, ("--objective", "--sram"), *compiling("ok.onnx", "--zzz")),
    "-v": mistake(2, ("'-v'", "--debug"), *compiling("ok.onnx", "-v")),
    "--verbose": mistake(2, ("--debug",), *compiling("ok.onnx", "--verbose")),
    "mcucc -v": mistake(2, ("--version", "--debug"), "-v"),
    "-O3": mistake(2, ("--objective speed",), *compiling("ok.onnx", "-O3")),
    "-Os": mistake(2, ("--objective memory",), *compiling("ok.onnx", "-Os")),
    "-q": mistake(2, ("--json",), *compiling("ok.onnx", "-q")),
    "debug behind": mistake(2, ("mcucc --debug",), *compiling("ok.onnx", "--debug")),
    "option before": mistake(2, ("mcucc compile ... --board",), "--board", BOARD, "compile", "x"),
    "typo in choice": mistake(2, ("speed?",), *compiling("ok.onnx", "--objective", "sped")),
    "size": mistake(2, ("memory?",), *compiling("ok.onnx", "--objective", "size")),
    "float32": mistake(2, ("mean float?",), *compiling("ok.onnx", "--io", "float32")),
    "max": mistake(2, ("minmax?",), *compiling("ok.onnx", "--observer", "max")),
    "require tflite": mistake(2, ("tflm?",), "verify", "x", "--require", "tflite"),
    "typo in command": mistake(2, ("compile or compare?",), "compil", "ok.onnx"),
    "convert": mistake(2, ("mcucc compile",), "convert", "ok.onnx"),
    "profile": mistake(2, ("mcucc bench",), "profile", "x"),
    "quantize": mistake(2, ("--calib",), "quantize", "ok.onnx"),
    "no such command": mistake(2, ("boards, build, compare, compile",), "frobnicate"),
    "no command": mistake(2, ("mcucc compile ok.onnx",), "ok.onnx"),
    "two models": mistake(2, ("one MODEL", "topk.onnx"), *compiling("ok.onnx", "topk.onnx")),
    "two directories": mistake(2, ("one DIRECTORY", "'b'"), "verify", "a", "b"),
    "boards of": mistake(2, ("takes no argument",), "boards", "nucleo"),
    "no model": mistake(2, ("MODEL", "ONNX file"), "compile", *ON_BOARD),
    "no directory": mistake(2, ("give a directory", "mcucc compile"), "report"),
    # Names.
    "upper case": mistake(2, ("'my_net'",), *compiling("ok.onnx", "--name", "My-Net")),
    "word of C": mistake(2, ("'float'", "net_float"), *compiling("ok.onnx", "--name", "float")),
    "digit first": mistake(2, ("'2net'", "net_2net"), *compiling("ok.onnx", "--name", "2net")),
    "all": mistake(2, ("'all'", "CMake", "'net_all'"), *compiling("ok.onnx", "--name", "all")),
    "help": mistake(2, ("'help'", "'net_help'"), *compiling("ok.onnx", "--name", "help")),
    "clean": mistake(2, ("'clean'", "'net_clean'"), *compiling("ok.onnx", "--name", "clean")),
    # Models.
    "no such file": mistake(
        3, ("nowhere.onnx", ".tflite file is wanted"), *compiling("nowhere.onnx")
    ),
    "near a file": mistake(3, ("opset99.onnx",), *compiling("opst99.onnx")),
    "folder": mistake(3, ("photos", "directory", ".tflite file is wanted"), *compiling("photos")),
    "models' folder": mistake(3, ("with_models/net.onnx",), *compiling("with_models")),
    "saved model": mistake(3, ("SavedModel", "--saved-model saved"), *compiling("saved")),
    "hugging face": mistake(3, ("Hugging Face", "optimum-cli"), *compiling("hugging.onnx")),
    "truncated": mistake(3, ("truncated", "bytes", "more"), *compiling("truncated.onnx")),
    "begun": mistake(3, ("truncated", "40 bytes"), *compiling("begun.onnx")),
    "cut at the end": mistake(3, ("truncated", "more"), *compiling("cut_at_the_end.onnx")),
    "empty": mistake(3, ("empty", "0 bytes"), *compiling("empty.onnx")),
    "stdin": mistake(2, ("pipe", "path of an ONNX file"), *compiling("-")),
    "device": mistake(2, ("/dev/null", "path of an ONNX file"), *compiling("/dev/null")),
    "opset 6": mistake(3, ("set 6", "convert_version"), *compiling("opset6.onnx")),
    "opset 1": mistake(3, ("set 1", "convert_version"), *compiling("opset1.onnx")),
    "opset 99": mistake(3, ("set 99", "onnx package"), *compiling("opset99.onnx")),
    "external data": mistake(3, ("external.data", "beside"), *compiling("external.onnx")),
    "open map": mistake(3, ("image=1,3,H,W", "H and W"), *compiling("open_map.onnx")),
    "open width": mistake(3, ("image=1,3,8,W",), *compiling("open_width.onnx")),
    "-1": mistake(3, ("image=1,3,H,W",), *compiling("minus_one.onnx")),
    "-1 channels": mistake(3, ("image=1,C,8,8",), *compiling("minus_channels.onnx")),
    "half given": mistake(
        2, ("image", "all 4 sizes"), *compiling("open_map.onnx", "--input-shape", "image=1,3")
    ),
    "other input": mistake(
        2, ("'image'",), *compiling("open_map.onnx", "--input-shape", "x=1,3,8,8")
    ),
    "batch 8": mistake(3, ("[8, 3, 8, 8]", "batch 1", "x[:1]"), *compiling("batch8.onnx")),
    "dynamic": mistake(
        3,
        (
            "DynamicQuantizeLinear, 2 nodes ('quant0', 'quant1')",
            "ConvInteger 'conv'",
            "3 reason(s)",
            "quantize_static",
            "--calib",
        ),
        *compiling("dynamic.onnx"),
    ),
    "dropout": mistake(3, ("training mode", "model.eval()"), *compiling("dropout.onnx")),
    "batch norm": mistake(3, ("training mode", "model.eval()"), *compiling("batch_norm.onnx")),
    "topk": mistake(3, ("TopK 'largest'", "the axis of the classes"), *compiling("topk.onnx")),
    "indices": mistake(3, ("TopK 'largest'", "a k that it has"), *compiling("topk_indices.onnx")),
    "argmax": mistake(3, ("Add 'best'", "`--cut-at index`"), *compiling("argmax.onnx")),
    "argmin": mistake(3, ("Add 'best'", "`--cut-at index`"), *compiling("argmin.onnx")),
    "hardmax": mistake(3, ("Hardmax 'hard'", "--cut-at"), *compiling("hardmax.onnx")),
    "shrink": mistake(
        3,
        ("Shrink, 3 nodes ('shrink_a', 'shrink_b', 'shrink_c')", "1 reason(s)"),
        *compiling("shrinks.onnx"),
    ),
    "det": mistake(3, ("Det, 5 nodes", "'soft2' and 2 more"), *compiling("dets.onnx")),
    "lstm": mistake(3, ("LSTM 'states'", "recurrent"), *compiling("lstm.onnx")),
    "gru": mistake(3, ("GRU 'states'", "recurrent"), *compiling("gru.onnx")),
    "rnn": mistake(3, ("RNN 'states'", "recurrent"), *compiling("rnn.onnx")),
    "scikit": mistake(3, ("ai.onnx.ml", "'classifier'", "network"), *compiling("scikit.onnx")),
    "pipeline": mistake(
        3, ("ai.onnx.ml", "'scaler'", "'scaled' is its input"), *compiling("pipeline.onnx")
    ),
    # Directories.
    "model as directory": mistake(3, ("ok.onnx", "is a file", "mcucc compile"), "run", "ok.onnx"),
    "foreign folder": mistake(3, ("report.json", "mcucc compile"), "report", "photos"),
    "no folder": mistake(3, ("report.json", "mcucc compile"), "verify", "nowhere"),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_mistake_has_one_sentence(name: str, call: Caller) -> None:
    expected = COMMANDS[name]
    message = call.refusal(expected.code, *expected.arguments)
    missing = [word for word in expected.words if word not in message]
    assert not missing, message
    assert not Path(NEVER).exists()


@pytest.mark.parametrize("name", FOREIGN)
def test_a_foreign_file_is_named_whatever_its_name(name: str, call: Caller) -> None:
    expected, stem = FOREIGN[name], Path(name).stem
    for path in (name, f"{name}.onnx"):
        message = call.refusal(3, *compiling(path))
        assert message.startswith(f"{path}: is "), message
        assert expected.what in message
        assert expected.advice.replace(name, path).replace("STEM", stem) in message


@pytest.mark.parametrize("name", SAMPLES_REFUSED)
def test_samples_that_are_none(name: str, call: Caller) -> None:
    message = call.refusal(3, *compiling("ok.onnx", "--calib", name))
    assert message.startswith(f"{name}: ")
    missing = [word for word in SAMPLES_REFUSED[name] if word not in message]
    assert not missing, message


def test_a_board_without_an_id(call: Caller) -> None:
    done = call("compile", "ok.onnx", "--board")
    assert done.code == 2
    assert "`mcucc boards` lists them" in done.err


MODELS_REFUSED = {
    name: found
    for name, found in COMMANDS.items()
    if found.arguments[0] == "compile" and "-o" in found.arguments and len(found.arguments) == 6
}


@pytest.mark.parametrize("name", MODELS_REFUSED)
def test_every_command_says_the_same_of_a_model(name: str, call: Caller) -> None:
    expected = MODELS_REFUSED[name]
    model = expected.arguments[1]
    message = call.refusal(expected.code, *expected.arguments)
    assert call.refusal(expected.code, "plan", model, *ON_BOARD) == message
    if not Path(model).is_dir():
        assert call.refusal(expected.code, "bench", model, *ON_BOARD) == message
    with pytest.raises(McuccError) as refused:
        compile_model(Path(model), CompileOptions(BOARD))
    assert str(refused.value) == message
    if isinstance(refused.value, UnsupportedModelError):
        inspected = inspect_model(Path(model))
        assert inspected.violations == refused.value.violations
        shown = " ".join(call("inspect", model).out.split())
        assert all(" ".join(reason.split()) in shown for reason in grouped(inspected.violations))
    else:
        assert call.refusal(expected.code, "inspect", model) == message


@pytest.mark.parametrize("opset", [24, 25, 26, 28])
def test_a_newer_operator_set_is_taken_where_its_operators_are_unchanged(
    opset: int, call: Caller
) -> None:
    inspected = call("inspect", f"opset{opset}.onnx", "--json").document
    assert (inspected["supported"], inspected["opset"]) == (True, opset)
    older = inspect_model(Path("ok.onnx"))
    assert inspected["macs"] == older.macs
    assert read_onnx(Path(f"opset{opset}.onnx")).newer == {}


@pytest.mark.parametrize("name", ["argmax", "hardmax", "lstm"])
def test_the_advised_cut_leaves_a_network_that_compiles(
    name: str, call: Caller, tmp_path: Path
) -> None:
    message = call.refusal(3, *compiling(f"{name}.onnx"))
    code = message.partition('python -c "')[2].partition('"`')[0]
    cut = re.findall(r"--cut-at ([^ `]+)", message)
    assert bool(code) != bool(cut)
    run_advice(code)
    model = f"{name}_cut.onnx" if code else f"{name}.onnx"
    options = [word for value in cut for word in ("--cut-at", value)]
    done = call("compile", model, *options, *ON_BOARD, "-o", str(tmp_path / "out"), "--json")
    assert done.code == 0, done.err
    assert done.document["fits"] is True


def run_advice(code: str) -> None:
    exec(compile(code, "advice", "exec"), {})


@pytest.mark.parametrize("name", ["calib.csv", "calib.json"])
def test_the_advised_arrays_are_read(
    name: str, call: Caller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line of Python makes an .npz that calibrates."""
    message = call.refusal(3, *compiling("ok.onnx", "--calib", name))
    code = message.partition('python -c "')[2].partition('"`')[0]
    model = Path("ok.onnx").absolute()
    monkeypatch.chdir(tmp_path)
    ones = ",".join(["0.5"] * 192)
    Path("calib.csv").write_text(f"{ones}\n{ones}\n")
    Path("calib.json").write_text(f'{{"image": [[{ones}], [{ones}]]}}')
    run_advice(code)
    made = ("--calib", "calib.npz", "-o", "out", "--json")
    done = call("compile", str(model), *ON_BOARD, *made)
    assert done.code == 0, done.err
    assert done.document["quantization"]["samples"] == 2


WORKS: dict[str, tuple[tuple[str, ...], Callable[[str], bool]]] = {
    "no calibration": (("ok.onnx",), lambda text: text.count("NOT CALIBRATED") == 1),
    "calibrated": (("ok.onnx", "--calib", "calib.npz"), lambda text: "CALIBRATED" not in text),
    "bytes": (
        ("ok.onnx", "--calib", "bytes.npz"),
        lambda text: "'image' ranges from 0 to 254 in whole numbers" in text and "x / 255" in text,
    ),
    "unscaled": (
        ("ok.onnx", "--calib", "unscaled.npz"),
        lambda text: "to 254.8871 as pixels of 0 to 255" in text and "x / 255" in text,
    ),
    "constant": (
        ("ok.onnx", "--calib", "constant.npz"),
        lambda text: "'image' is 0.5 everywhere, in all its 16 samples" in text,
    ),
    "newer set": (("opset25.onnx", "--calib", "calib.npz"), lambda text: "CALIBRATED" not in text),
    "shape given": (
        ("minus_one.onnx", "--input-shape", "image=1,3,8,8", "--calib", "calib.npz"),
        lambda text: "CALIBRATED" not in text,
    ),
    "calibration of a quantized network": (
        (str(DIGITS), "--calib", "calib.npz"),
        lambda text: "--calib was not used" in text,
    ),
    "no compiler": (
        (str(DIGITS),),
        lambda text: "arm-none-eabi-gcc" in text and "apt-get install gcc-arm-none-eabi" in text,
    ),
}


@pytest.mark.parametrize("name", WORKS)
def test_what_works_with_a_note(name: str, call: Caller, tmp_path: Path) -> None:
    arguments, said = WORKS[name]
    done = call("compile", *arguments, *ON_BOARD, "-o", str(tmp_path / "out"), "--json")
    assert done.code == 0, done.err
    assert done.document["flash"]["total_bytes"] is None
    notes = " ".join(done.document["notes"])
    assert said(notes), notes


@pytest.mark.parametrize(("text", "count"), [("64K", 65536), ("64KiB", 65536), ("65536", 65536)])
def test_kibibytes_are_taken(text: str, count: int, call: Caller, tmp_path: Path) -> None:
    arguments = (*ON_BOARD, "--sram", text, "-o", str(tmp_path / "out"), "--json")
    done = call("compile", str(DIGITS), *arguments)
    assert done.code == 0, done.err
    assert done.document["sram_bytes"] == count
