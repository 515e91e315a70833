"""Small files that ask for gigabytes are refused before anything is made.

All of a family run in one child process, whose address space is limited: what asks for more dies.
"""

import io
import json
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path

import numpy as np
import pytest

from mcucc.api.inspect import inspect_model
from mcucc.api.network import Calibration, calibration_inputs, load_network
from mcucc.compiled.arrays import read_arrays
from mcucc.errors import InputFileError, UnsupportedModelError
from mcucc.importer import read_onnx
from mcucc.importer.lower import lower_network
from mcucc.ir.limits import Limit
from tests.cli.process import CHECKOUT, mcucc
from tests.faults.small_models import memory_bomb

BOMBS = {
    "resize": 10**8,
    "resize_sizes": 10**8,
    "cos": 10**8,
    "expand": 10**8,
    "range": 10**8,
    "tile": 10**8,
    "outer": 10**5,
    "many": 8 * 10**6,
    "pad": 30_000,
    "pool": 30_000,
    "conv": 30_000,
    "outgrown": 10_000,
    "input": 8000,
    "deep": 3000,
    "deep_sigmoid": 3000,
}
_ADDRESS_SPACE = 3 << 30
_CHILD = """
import json, resource, sys, time
from pathlib import Path
resource.setrlimit(resource.RLIMIT_AS, (%d, %d))
from mcucc.errors import UnsupportedModelError
from mcucc.api.inspect import inspect_model
from mcucc.api.options import CompileOptions
from mcucc.api.plan import plan_model
for name in sys.argv[1:]:
    start = time.process_time()
    inspection = inspect_model(Path(name))
    try:
        plan_model(Path(name), CompileOptions("nucleo-f446re"))
        refused = []
    except UnsupportedModelError as error:
        refused = [str(v) for v in error.violations]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps([name, inspection.supported, refused, time.process_time() - start, peak]))
"""


def test_memory_bombs_are_refused_in_little_memory(tmp_path: Path) -> None:
    files = [memory_bomb(tmp_path / f"{kind}.onnx", kind, n) for kind, n in BOMBS.items()]
    child = textwrap.dedent(_CHILD % (_ADDRESS_SPACE, _ADDRESS_SPACE))
    done = subprocess.run(
        [sys.executable, "-c", child, *map(str, files)],
        cwd=CHECKOUT,
        env={"PYTHONPATH": str(CHECKOUT), "OPENBLAS_NUM_THREADS": "2"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [Path(line[0]).stem for line in lines] == list(BOMBS)
    for name, supported, refused, seconds, peak in lines:
        assert not supported, name
        assert refused, name
        assert all("--max-" in each for each in refused), refused
        assert seconds < 10, (name, seconds)
        assert peak < 1 << 20, (name, peak)  # KiB


def test_the_limit_is_an_option(tmp_path: Path) -> None:
    path = memory_bomb(tmp_path / "pad.onnx", "pad", 100)
    assert inspect_model(path).supported
    assert not inspect_model(path, limit=Limit(1 << 14)).supported
    done = mcucc("inspect", path, "--max-tensor-bytes", "16384", "--json")
    (found,) = done.document["violations"]
    assert (found["op"], done.code) == ("Pad", 0)
    assert "43,264 bytes" in found["actual"]
    done = mcucc("inspect", path, "--max-operators", "3", "--json")
    assert done.document["supported"]
    few = mcucc(
        "plan",
        memory_bomb(tmp_path / "wide.onnx", "wide", 4),
        "--board",
        "rpi-pico",
        "--max-operators",
        "3",
        "--json",
    )
    assert few.code == 3
    assert "at most 3 int8 operators" in few.error


def test_all_values_together_are_bounded(tmp_path: Path) -> None:
    path = memory_bomb(tmp_path / "deep.onnx", "deep_sigmoid", 40)
    model = read_onnx(path)
    lower_network(model, "n", limit=Limit(1024))
    with pytest.raises(UnsupportedModelError, match="all values of one inference") as caught:
        lower_network(model, "n", limit=Limit(128))
    assert "656 in 41 values" in str(caught.value)


def test_wide_and_deep_networks_within_the_limits_are_planned(tmp_path: Path) -> None:
    for kind, size in (("wide", 100), ("deep_sigmoid", 200)):
        path = memory_bomb(tmp_path / f"{kind}.onnx", kind, size)
        done = mcucc("plan", path, "--board", "nucleo-f446re", "--json")
        assert done.code == 0, done.err
        assert any(each["chosen"] for each in done.document["strategies"])


def zipped(path: Path, name: str, content: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return path


def header(shape: tuple[int, ...], descr: str = "<f4") -> bytes:
    made = io.BytesIO()
    fields = {"descr": descr, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(made, fields)
    return made.getvalue()


def test_archives_that_unpack_to_gigabytes_are_refused(tmp_path: Path) -> None:
    zeros = bytes(1 << 27)
    bombs = {
        "floats": zipped(tmp_path / "a.npz", "x.npy", header((1 << 26, 1)) + zeros * 2),
        "bytes_as_floats": zipped(tmp_path / "b.npz", "x.npy", header((1 << 27, 1), "|i1") + zeros),
        "said_alone": zipped(tmp_path / "c.npz", "x.npy", header((1 << 40, 4, 4))),
        "no_array": zipped(tmp_path / "d.npz", "x", zeros),
        "long_header": zipped(
            tmp_path / "e.npz", "x.npy", b"\x93NUMPY\x02\x00" + b"\xff\xff\xff\x7f" + zeros
        ),
    }
    alone = tmp_path / "f.npy"
    alone.write_bytes(header((1 << 30, 4)) + bytes(64))
    for kind, path in {**bombs, "npy": alone}.items():
        with pytest.raises(InputFileError) as caught:
            read_arrays(path, ["x"])
        sized = kind not in ("no_array", "long_header")
        assert ("--max-tensor-bytes" in str(caught.value)) == sized, kind
    small = zipped(tmp_path / "g.npz", "x.npy", header((64, 64)) + bytes(1 << 14))
    assert read_arrays(small, ["x"])["x"].shape == (64, 64)
    with pytest.raises(InputFileError, match="unpacks to 16,384 bytes"):
        read_arrays(small, ["x"], limit=Limit(8))


def test_a_file_that_is_large_itself_may_hold_much(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.ones((64, 64), np.uint8))
    assert read_arrays(tmp_path / "x.npy", ["x"], limit=Limit(8))["x"].shape == (64, 64)


def test_a_folder_of_calibration_files_is_bounded_as_a_whole(tmp_path: Path) -> None:
    graph = lower_network(read_onnx(memory_bomb(tmp_path / "m.onnx", "deep", 1)), "n")
    folder = tmp_path / "calib"
    folder.mkdir()
    for i in range(3):
        np.savez_compressed(folder / f"{i}.npz", x=np.ones((512, 1, 4, 4), np.float32))
    assert len(calibration_inputs(graph, folder)["x"]) == 1536
    with pytest.raises(InputFileError, match="its files hold more than 40,960 bytes"):
        calibration_inputs(graph, folder, Limit(10_240))


def test_large_inputs_get_fewer_random_samples(tmp_path: Path) -> None:
    path = memory_bomb(tmp_path / "m.onnx", "deep", 1)
    assert load_network(read_onnx(path), "n", Calibration()).samples == 8
    assert load_network(read_onnx(path), "n", Calibration(limit=Limit(64))).samples == 4
