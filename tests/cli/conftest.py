"""What the tests of the command line share: one compiled example, one network with two ports."""

import shutil
from pathlib import Path

import pytest

from tests.cli.in_process import Caller
from tests.cli.mistake_files import save_files
from tests.cli.mistake_models import save_models
from tests.cli.process import CALIBRATION, Finished, compile_digits, compile_float, mcucc
from tests.cli.two_ports import save_two_port_model


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Finished]:
    """The example in a directory that nobody may change, and what `compile --json` said."""
    directory = tmp_path_factory.mktemp("digits") / "digits"
    finished = compile_digits(directory, "--name", "digits", "--selftest", "2")
    assert finished.code == 0, finished.err
    return directory, finished


@pytest.fixture(scope="session")
def digits(compiled: tuple[Path, Finished]) -> Path:
    """The compiled example, not to be changed."""
    return compiled[0]


@pytest.fixture(scope="session")
def float_digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example's float network, quantized on its calibration images; not to be changed."""
    directory = tmp_path_factory.mktemp("float_digits") / "digits"
    finished = compile_float(directory, "--name", "digits", "--calib", CALIBRATION)
    assert finished.code == 0, finished.err
    return directory


@pytest.fixture
def own_digits(digits: Path, tmp_path: Path) -> Path:
    """A copy of the compiled example that a test may damage."""
    return Path(shutil.copytree(digits, tmp_path / "digits"))


@pytest.fixture(scope="session")
def two_ports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A compiled network of two inputs and two outputs with names as TensorFlow gives them."""
    folder = tmp_path_factory.mktemp("two_ports")
    model = save_two_port_model(folder / "two_ports.onnx")
    directory = folder / "compiled"
    finished = mcucc("compile", model, "--board", "mps2-an386", "-o", directory)
    assert finished.code == 0, finished.err
    return directory


@pytest.fixture
def no_tools(tmp_path: Path) -> dict[str, str]:
    """An environment without any compiler or simulator."""
    empty = tmp_path / "no-tools"
    empty.mkdir()
    return {"PATH": str(empty)}


@pytest.fixture(scope="session")
def wrong(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a file of every mistake."""
    folder = tmp_path_factory.mktemp("mistakes")
    save_models(folder)
    save_files(folder)
    return folder


@pytest.fixture
def call(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], wrong: Path
) -> Caller:
    return Caller(monkeypatch, capsys, wrong)
