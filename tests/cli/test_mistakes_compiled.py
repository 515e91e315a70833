"""What people do wrong with a board that is too small, the output, and a compiled directory."""

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest

from mcucc.api.compile import CompileOptions, compile_model, write_compilation
from mcucc.api.network import Calibration
from tests.cli.in_process import Caller
from tests.cli.mistake_models import CLASSES, SIZE
from tests.cli.process import BOARD

ON_BOARD = ("--board", BOARD)


@pytest.fixture(scope="session")
def net(wrong: Path) -> Path:
    """A calibrated network in a directory of its own."""
    options = CompileOptions(BOARD, calibration=Calibration(wrong / "calib.npz"))
    write_compilation(compile_model(wrong / "ok.onnx", options), wrong / "net")
    return wrong / "net"


@pytest.fixture(scope="session")
def samples(wrong: Path) -> Path:
    """Samples and labels, right and wrong, beside the models."""
    x = np.random.default_rng(1).uniform(0, 1, (6, 3, SIZE, SIZE)).astype(np.float32)
    np.save(wrong / "six.npy", x)
    np.save(wrong / "wide.npy", np.zeros((6, 3, SIZE, 9), np.float32))
    np.save(wrong / "bytes.npy", (x * 255).astype(np.uint8))
    np.save(wrong / "three_labels.npy", np.arange(3))
    np.save(wrong / "high_labels.npy", np.arange(6) + CLASSES)
    np.save(wrong / "one_hot.npy", np.eye(CLASSES)[np.arange(6) % CLASSES])
    np.save(wrong / "float_labels.npy", np.zeros(6, np.float32))
    (wrong / "labels.csv").write_text("0\n1\n2\n")
    return wrong


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ("ok.onnx", *ON_BOARD, "--sram", "100"),
            ("need", "have     0 B (100 less 2,048 for the stack)", "'conv'"),
        ),
        (
            ("ok.onnx", *ON_BOARD, "--sram", "200"),
            ("need", "have     0 B (200 less 2,048 for the stack)", "image"),
        ),
        (
            ("large.onnx", "--board", "microbit-v2"),
            ("need", "129,024 B", "'conv'", "image", "--stream-input", "--board "),
        ),
    ],
)
def test_a_board_that_is_too_small(
    arguments: tuple[str, ...], words: tuple[str, ...], call: Caller, tmp_path: Path
) -> None:
    message = call.refusal(4, "compile", *arguments, "-o", str(tmp_path / "out"))
    missing = [word for word in words if word not in message]
    assert not missing, message


def test_a_file_of_the_users_own_in_the_way(call: Caller, tmp_path: Path) -> None:
    (tmp_path / "ok.c").write_text("mine")
    message = call.refusal(2, "compile", "ok.onnx", *ON_BOARD, "-o", str(tmp_path))
    assert str(tmp_path / "ok.c") in message
    assert [path.name for path in tmp_path.iterdir()] == ["ok.c"]
    assert (tmp_path / "ok.c").read_text() == "mine"


@pytest.mark.parametrize("target", ["photo.png", "photo.png/below", "/proc/mcucc"])
def test_an_output_that_cannot_be_written(target: str, call: Caller) -> None:
    message = call.refusal(2, "compile", "ok.onnx", *ON_BOARD, "-o", target)
    assert target in message
    assert Path("photo.png").is_file()


@pytest.mark.parametrize(
    ("code", "words", "arguments"),
    [
        (3, ("six.npy.lost", "No such file"), ("run", "net", "--input", "six.npy.lost")),
        (3, ("(N, 3, 8, 8)", "(6, 3, 8, 9)"), ("run", "net", "--input", "wide.npy")),
        (3, ("uint8", "float32') / 255"), ("run", "net", "--input", "bytes.npy")),
        (3, ("NHWC", "transpose"), ("run", "net", "--input", "nhwc.npz")),
        (3, ("NaN", "[1, 2, 3, 4]"), ("verify", "net", "--input", "nan.npz")),
        (3, ("text of numbers", "np.loadtxt"), ("run", "net", "--input", "calib.csv")),
        (2, ("--labels",), ("evaluate", "net", "--input", "six.npy")),
        (2, ("--input",), ("evaluate", "net", "--labels", "six.npy")),
        (3, ("6 samples", "(3,)"), ("evaluate", "three_labels.npy")),
        (3, ("6 samples", "float32"), ("evaluate", "float_labels.npy")),
        (2, ("one_hot.npy", "(6, 4)", "labels.argmax(axis=1)"), ("evaluate", "one_hot.npy")),
        (3, ("text of numbers", "np.save('labels.npy'"), ("evaluate", "labels.csv")),
        (3, ("net.onnx", "is a file"), ("report", "net.onnx")),
        (5, ("apt-get install gcc libc6-dev",), ("run", "net")),
        (5, ("apt-get install gcc libc6-dev",), ("verify", "net", "--input", "six.npy")),
        (5, ("apt-get install gcc-arm-none-eabi",), ("bench", "net")),
        (5, ("apt-get install gcc-arm-none-eabi",), ("build", "net")),
        (5, ("apt-get install gcc-arm-none-eabi",), ("run", "net", "--on", "qemu")),
    ],
)
def test_mistakes_with_a_compiled_network(
    code: int,
    words: tuple[str, ...],
    arguments: tuple[str, ...],
    call: Caller,
    net: Path,
    samples: Path,
) -> None:
    assert net.is_dir()
    shutil.copy("ok.onnx", "net.onnx")
    if arguments[0] == "evaluate" and len(arguments) == 2:
        arguments = ("evaluate", "net", "--input", "six.npy", "--labels", arguments[1])
    message = call.refusal(code, *arguments)
    missing = [word for word in words if word not in message]
    assert not missing, message


def test_another_model_is_refused_with_both_hashes(call: Caller, net: Path) -> None:
    message = call.refusal(3, "verify", "net", "--model", "topk.onnx")
    for model in ("topk.onnx", "ok.onnx"):
        assert hashlib.sha256(Path(model).read_bytes()).hexdigest() in message
