"""The wheel: built, installed in an empty environment, used from an empty directory."""

import json
import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from tests.repo.checkout import CHECKOUT, files, relative

pytestmark = pytest.mark.slow

DATA = ("templates", "runtime_c", "boards")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    options = ("--wheel", "--no-isolation", "--outdir", str(folder))
    _run([sys.executable, "-m", "build", *options, str(CHECKOUT)], folder)
    (built,) = folder.glob("mcucc-*-py3-none-any.whl")
    return built


def _run(command: list[str], cwd: Path) -> str:
    environment = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_what_is_in_the_wheel(wheel: Path) -> None:
    """The package and its data, byte by byte, and nothing else."""
    wanted = {
        (f"mcucc/_data/{name}" if name.startswith(DATA) else name): path.read_bytes()
        for path in files()
        if (name := relative(path)).startswith(tuple(f"{folder}/" for folder in ("mcucc", *DATA)))
    }
    with zipfile.ZipFile(wheel) as archive:
        held = {n: archive.read(n) for n in archive.namelist() if ".dist-info/" not in n}
        assert any(name.endswith("licenses/LICENSE") for name in archive.namelist())
    assert set(held) == set(wanted)
    assert held == wanted


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command `mcucc` of an environment that holds the wheel and what it depends on."""
    environment = tmp_path_factory.mktemp("installed")
    venv.create(environment, with_pip=True)
    pip = [str(environment / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    constraints = ["-c", str(CHECKOUT / "constraints.txt"), "--disable-pip-version-check"]
    _run([*pip, *constraints, str(wheel)], environment)
    return environment / "bin" / "mcucc"


@pytest.mark.cc
def test_the_installed_command(installed: Path, tmp_path: Path) -> None:
    """Compiles, runs and verifies the example; TFLM and ONNX Runtime, extras, are absent."""
    model = str(CHECKOUT / "examples" / "digits" / "digits_int8.onnx")
    images = str(CHECKOUT / "examples" / "digits" / "test_images.npz")
    command = str(installed)
    found = json.loads(_run([command, "boards", "--json"], tmp_path))["boards"]
    assert {each["id"] for each in found} == {x.stem for x in (CHECKOUT / "boards").iterdir()}
    _run([command, "compile", model, "--board", "nucleo-f446re", "--name", "digits"], tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["digits"]
    ran = json.loads(_run([command, "run", "digits", "--input", images, "--json"], tmp_path))
    assert ran["samples"] > 1
    verified = json.loads(_run([command, "verify", "digits", "--json"], tmp_path))
    assert verified["judges"] == {"numpy": "equal", "host": "equal", "tflm": "absent"}
    assert verified["ok"] is True
    example = CHECKOUT / "examples" / "digits"
    network, calibration = str(example / "digits_float.onnx"), str(example / "calibration.npz")
    arguments = ["compile", network, "--board", "nucleo-f446re", "-o", "float"]
    _run([command, *arguments, "--calib", calibration], tmp_path)
    verified = json.loads(
        _run(
            [command, "verify", "float", "--model", network, "--input", calibration, "--json"],
            tmp_path,
        )
    )
    assert (verified["ok"], verified["float"]["says"]) == (True, "absent")
    assert verified["float"]["outputs"][0]["largest_difference"] is None
    assert verified["float"]["outputs"][0]["sqnr_db"] > 10


@pytest.mark.cc
def test_a_required_judge_that_is_absent_is_a_failure(installed: Path, tmp_path: Path) -> None:
    model = str(CHECKOUT / "examples" / "digits" / "digits_int8.onnx")
    _run([str(installed), "compile", model, "--board", "mps2-an386", "-o", "out"], tmp_path)
    done = subprocess.run(
        [str(installed), "verify", "out", "--require", "tflm", "--json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    document = json.loads(done.stdout)
    assert (done.returncode, document["ok"]) == (1, False)
    assert document["judges"]["tflm"] == "absent"
    assert "pip install" in document["messages"][0]
