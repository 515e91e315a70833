"""The generated files do not depend on how many threads numpy's matrix products use."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

_CHECKOUT = Path(__file__).resolve().parents[2]
_COMPILE = """
import sys
from pathlib import Path
from mcucc.api.network import Calibration
from mcucc.api.compile import CompileOptions, compile_model, write_compilation
model, calibration, out = (Path(argument) for argument in sys.argv[1:])
options = CompileOptions("mps2-an386", name="net", calibration=Calibration(calibration))
write_compilation(compile_model(model, options), out)
"""


@pytest.mark.models
@pytest.mark.slow
@pytest.mark.parametrize("name", ["kws", "vww_96"])
def test_same_bytes_on_one_and_two_threads(name: str, models_dir: Path, tmp_path: Path) -> None:
    written: list[dict[Path, bytes]] = []
    for threads in ("1", "2"):
        out = tmp_path / threads / "net"
        model, calibration = models_dir / f"{name}_float.onnx", models_dir / f"{name}_calib.npz"
        subprocess.run(
            [sys.executable, "-c", _COMPILE, model, calibration, out],
            check=True,
            cwd=_CHECKOUT,
            env={**os.environ, "OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads},
            timeout=300,
        )
        written.append({path: (out / path).read_bytes() for path in _files(out)})
    assert written[0].keys() == written[1].keys()
    for file in written[0]:
        assert written[0][file] == written[1][file], file


def _files(directory: Path) -> list[Path]:
    """Of a directory and its folders, from there."""
    return sorted(p.relative_to(directory) for p in directory.rglob("*") if p.is_file())
