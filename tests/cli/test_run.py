"""`mcucc run`: every form of input and output, and every input that is refused."""

import json
import re
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mcucc.compiled.report_file import load_report
from mcucc.compiled.samples import load_samples
from mcucc.errors import InputFileError
from mcucc.sim.onnx_runtime import open_session
from tests.cli.process import IMAGES, Finished, mcucc
from tests.cli.two_ports import LEFT, MEAN, RIGHT, SCALE, SHAPE, SUM
from tests.importer.more_islands import uint8_ports

pytestmark = pytest.mark.cc


@pytest.fixture(scope="module")
def samples() -> NDArray[np.int8]:
    return np.random.default_rng(5).integers(-128, 128, (3, 1, 8, 8), dtype=np.int8)


@pytest.fixture(scope="module")
def expected(
    digits: Path, samples: NDArray[np.int8], tmp_path_factory: pytest.TempPathFactory
) -> NDArray[np.int8]:
    """What the network makes of the int8 samples."""
    folder = tmp_path_factory.mktemp("expected")
    np.save(folder / "x.npy", samples)
    finished = mcucc("run", digits, "--input", folder / "x.npy", "--output", folder / "y.npz")
    assert finished.code == 0, finished.err
    with np.load(folder / "y.npz") as outputs:
        assert list(outputs) == ["logits"]
        return outputs["logits"]


def run_digits(digits: Path, x: Path, y: Path, *more: str) -> Finished:
    return mcucc("run", digits, "--input", x, "--output", y, "--json", *more)


def save(path: Path, arrays: Mapping[str, NDArray[np.generic]]) -> None:
    """An .npz of arrays whose names are no identifiers."""
    np.savez(path, allow_pickle=False, **arrays)


def real(digits: Path, samples: NDArray[np.int8]) -> NDArray[np.float64]:
    """The real values for which the samples stand."""
    port = json.loads((digits / "report.json").read_bytes())["inputs"][0]
    return (samples.astype(np.float64) - port["zero_point"]) * port["scale"]


def test_outputs_are_int8_and_differ(expected: NDArray[np.int8]) -> None:
    assert (expected.dtype, expected.shape) == (np.int8, (3, 10))
    assert np.any(expected[0] != expected[1])


def test_every_form_of_the_same_input(
    digits: Path, samples: NDArray[np.int8], expected: NDArray[np.int8], tmp_path: Path
) -> None:
    """float32, float64, big-endian; .npy, .npz with one array, .npz with names that are ignored."""
    floats = real(digits, samples)
    np.save(tmp_path / "f32.npy", floats.astype(np.float32))
    np.save(tmp_path / "f64.npy", floats)
    np.savez(tmp_path / "one.npz", whatever=floats.astype(">f4"))
    np.savez_compressed(
        tmp_path / "named.npz",
        labels=np.array([1, 2, 3]),
        image=samples,
        words=np.array(["a", None], dtype=object),
    )
    for name in ("f32.npy", "f64.npy", "one.npz", "named.npz"):
        finished = run_digits(digits, tmp_path / name, tmp_path / "y.npz")
        assert finished.code == 0, finished.err
        assert finished.document["outputs"]["logits"] == expected.tolist(), name
        with np.load(tmp_path / "y.npz") as outputs:
            assert np.array_equal(outputs["logits"], expected)


def test_dequantize_gives_floats_instead(
    digits: Path, samples: NDArray[np.int8], expected: NDArray[np.int8], tmp_path: Path
) -> None:
    np.save(tmp_path / "x.npy", samples)
    finished = run_digits(digits, tmp_path / "x.npy", tmp_path / "y.npz", "--dequantize")
    port = json.loads((digits / "report.json").read_bytes())["outputs"][0]
    with np.load(tmp_path / "y.npz") as outputs:
        assert list(outputs) == ["logits"]
        assert outputs["logits"].dtype == np.float32
        wanted = np.float32(port["scale"]) * (expected.astype(np.float32) - port["zero_point"])
        assert np.array_equal(outputs["logits"], wanted)
        assert np.allclose(finished.document["outputs"]["logits"], wanted)


@pytest.mark.qemu
def test_the_simulated_core_gives_the_same(
    digits: Path, samples: NDArray[np.int8], expected: NDArray[np.int8], tmp_path: Path
) -> None:
    np.save(tmp_path / "x.npy", samples)
    document = run_digits(digits, tmp_path / "x.npy", tmp_path / "y.npz", "--on", "qemu").document
    assert document["on"] == "qemu"
    assert document["outputs"]["logits"] == expected.tolist()


def test_infinities_saturate(digits: Path, tmp_path: Path) -> None:
    x = np.array([np.inf, -np.inf, 1e300, -1e300]).repeat(64).reshape(4, 1, 8, 8)
    q = np.array([127, -128, 127, -128]).repeat(64).reshape(4, 1, 8, 8)
    np.save(tmp_path / "real.npy", x)
    np.save(tmp_path / "int8.npy", q.astype(np.int8))
    found = [
        run_digits(digits, tmp_path / name, tmp_path / "y.npz").document["outputs"]
        for name in ("real.npy", "int8.npy")
    ]
    assert found[0] == found[1]


def test_output_bytes_depend_on_the_input_alone(digits: Path, tmp_path: Path) -> None:
    for name in ("a.npz", "b.npz"):
        assert run_digits(digits, IMAGES, tmp_path / name).code == 0
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def _object_npy(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, np.array([{}, None], dtype=object), allow_pickle=True)


def _truncated_npz(path: Path) -> None:
    with path.open("wb") as file:
        np.savez(file, image=np.zeros((9, 1, 8, 8), np.int8))
    path.write_bytes(path.read_bytes()[:300])


def _corrupt_npz(path: Path) -> None:
    with path.open("wb") as file:
        np.savez_compressed(file, image=np.random.default_rng(0).random((9, 1, 8, 8)))
    data = bytearray(path.read_bytes())
    data[200:260] = bytes(60)
    path.write_bytes(data)


def _npz_of_text(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("image", "not an array")


def _truncated_npy(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, np.zeros((9, 1, 8, 8), np.int8))
    path.write_bytes(path.read_bytes()[:-5])


def _npy_that_claims_too_much(path: Path) -> None:
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000, 1, 8, 8)}"
    padded = header.ljust(117) + b"\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + len(padded).to_bytes(2, "little") + padded)


def _text(path: Path) -> None:
    path.write_text("1, 2, 3\n")


def _nothing(path: Path) -> None:
    path.write_bytes(b"")


def _nan(path: Path) -> None:
    x = np.zeros((2, 1, 8, 8))
    x[1, 0, 3, :3] = np.nan
    with path.open("wb") as file:
        np.save(file, x)


def array(*shape: int, dtype: str = "int8") -> Callable[[Path], None]:
    """Writes zeros as .npy, whatever the file's name."""

    def write(path: Path) -> None:
        with path.open("wb") as file:
            np.save(file, np.zeros(shape, dtype))

    return write


REFUSED: list[tuple[Callable[[Path], None], str]] = [
    (array(2, 8, 8, 1), "must be (N, 1, 8, 8), the array is (2, 8, 8, 1)"),
    (
        array(2, 8, 8, 1),
        "looks like NHWC: transpose it to the ONNX layout, x.transpose(0, 3, 1, 2)",
    ),
    (
        array(8, 8, 1),
        "ONNX layout and add the axis of samples, x.transpose(2, 0, 1)[None]",
    ),
    (array(1, 8, 8), "the axis of samples is missing: x[None]"),
    (array(5, 8, 8), "an axis of 1 is elsewhere: x.reshape(-1, 1, 8, 8)"),
    (array(5, 64), "must be (N, 1, 8, 8), the array is (5, 64)"),
    (_nan, "holds NaN in 3 of 128 numbers"),
    (array(8, 8), "must be (N, 1, 8, 8)"),
    (array(), "must be (N, 1, 8, 8)"),
    (array(0, 1, 8, 8), "holds no samples"),
    (array(1, 1, 8, 8, dtype="uint8"), "must be floats (of any width) or int8, the array is uint8"),
    (array(1, 1, 8, 8, dtype="uint8"), "x.astype('float32') / 255"),
    (array(1, 1, 8, 8, dtype="complex64"), "the array is complex64"),
    (array(1, 1, 8, 8, dtype="bool"), "the array is bool"),
    (array(1, 1, 8, 8, dtype="<U4"), "the array is <U4"),
    (_object_npy, "holds Python objects in place of numbers"),
    (_truncated_npy, "is damaged"),
    (_npy_that_claims_too_much, "unpacks to 256,000,000,000,000 bytes"),
    (_truncated_npz, "is a zip archive that is cut off or damaged"),
    (_corrupt_npz, "is damaged"),
    (_npz_of_text, "is a zip archive (it holds image): samples are read from"),
    (_text, "is a text of numbers: samples are read from"),
    (_nothing, "is an empty file: samples are read from"),
    (Path.mkdir, "cannot be read: Is a directory"),
]


@pytest.mark.parametrize(("write", "complaint"), REFUSED)
def test_inputs_that_are_refused(
    digits: Path, tmp_path: Path, write: Callable[[Path], None], complaint: str
) -> None:
    """In this process, as all of them together take long otherwise."""
    write(tmp_path / "x.npz")
    with pytest.raises(InputFileError, match=re.escape(complaint)) as refused:
        load_samples(load_report(digits), tmp_path / "x.npz")
    assert str(refused.value).startswith(f"{tmp_path / 'x.npz'}: ")


def test_a_refused_input_is_3_and_leaves_no_output(digits: Path, tmp_path: Path) -> None:
    array(1, 8, 8, 1)(tmp_path / "shape.npy")
    array(1, 1, 8, 8, dtype="uint8")(tmp_path / "type.npy")
    _corrupt_npz(tmp_path / "damaged.npz")
    for name in ("shape.npy", "type.npy", "damaged.npz", "none.npy"):
        finished = run_digits(digits, tmp_path / name, tmp_path / "y.npz")
        assert finished.code == 3, finished.err
        assert str(tmp_path / name) in finished.error
        assert finished.err == f"mcucc: {finished.error}\n"
        assert not (tmp_path / "y.npz").exists()


def test_no_damage_is_taken_for_a_bug(digits: Path, tmp_path: Path) -> None:
    """Whatever bytes of a file change, it is read or refused."""
    path, report = tmp_path / "x.npz", load_report(digits)
    random = np.random.default_rng(7)
    outcomes = {"read": 0, "refused": 0}
    for number in range(300):
        with path.open("wb") as file:
            save = (np.save, np.savez, np.savez_compressed)[number % 3]
            save(file, random.integers(0, 9, (2, 1, 8, 8), np.int8))
        data = bytearray(path.read_bytes())
        for _ in range(3):
            place = int(random.integers(min(len(data), 200)))
            data[place if random.random() < 0.6 else -1 - place] = int(random.integers(256))
        path.write_bytes(data)
        try:
            load_samples(report, path)
            outcomes["read"] += 1
        except InputFileError:
            outcomes["refused"] += 1
    assert min(outcomes.values()) > 0


def test_an_output_that_cannot_be_written(digits: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder.npz").mkdir()
    for path in (tmp_path / "file" / "y.npz", tmp_path / "folder.npz", tmp_path / "none" / "y.npz"):
        finished = run_digits(digits, IMAGES, path)
        assert finished.code == 2
        assert f"{path}: cannot be written" in finished.error
    assert (tmp_path / "file").read_text() == "mine"
    assert {path.name for path in tmp_path.iterdir()} == {"file", "folder.npz"}


def test_outputs_are_npz_and_are_said_to_be_written(digits: Path, tmp_path: Path) -> None:
    for name in ("y.npy", "y", "y.npz.txt"):
        finished = run_digits(digits, IMAGES, tmp_path / name)
        assert finished.code == 2
        assert "are written as .npz" in finished.error
    assert list(tmp_path.iterdir()) == []
    for_people = mcucc("run", digits, "--input", IMAGES, "--output", "y.npz", cwd=tmp_path)
    assert "Written to y.npz" in for_people.out
    assert "random" not in for_people.out


def test_names_layout_and_order_are_those_of_the_onnx_file(two_ports: Path, tmp_path: Path) -> None:
    """The sum with zeros is the other input itself, in the model's own layout (NCHW)."""
    random = np.random.default_rng(6)
    left = random.integers(-128, 128, (2, *SHAPE[1:]), dtype=np.int8)
    right = np.zeros(left.shape, np.float32)
    save(tmp_path / "x.npz", {RIGHT: right, "other": left[:1], LEFT: left})
    finished = run_digits(two_ports, tmp_path / "x.npz", tmp_path / "y.npz")
    assert list(finished.document["outputs"]) == [SUM, MEAN]
    with np.load(tmp_path / "y.npz") as outputs:
        assert list(outputs) == [SUM, MEAN]
        assert np.array_equal(outputs[SUM], left)
        assert outputs[MEAN].shape == (2, 3, 1, 1)
        means = left.mean(axis=(2, 3), keepdims=True)
        assert np.all(np.abs(outputs[MEAN] - means) <= 1)
    real_left = left.astype(np.float32) * np.float32(SCALE)
    save(tmp_path / "x.npz", {RIGHT: right, LEFT: real_left})
    arguments = ("--input", tmp_path / "x.npz", "--output", tmp_path / "z.npz", "--dequantize")
    for_people = mcucc("run", two_ports, *arguments)
    assert for_people.code == 0, for_people.err
    assert f"{SUM} [2, 3, 4, 5] float32" in for_people.out
    with np.load(tmp_path / "z.npz") as outputs:
        assert np.array_equal(outputs[SUM], real_left)


def test_two_inputs_need_two_names(two_ports: Path, tmp_path: Path) -> None:
    left = np.zeros(SHAPE, np.int8)
    np.save(tmp_path / "alone.npy", left)
    np.savez(tmp_path / "one.npz", left=left)
    save(tmp_path / "uneven.npz", {LEFT: left, RIGHT: np.zeros((2, *SHAPE[1:]), np.int8)})
    for name, complaint in (
        ("alone.npy", f"no array named as input '{LEFT}' (it holds one array without a name)"),
        ("one.npz", f"no array named as input '{LEFT}' (it holds left)"),
        ("uneven.npz", "same number of samples"),
    ):
        finished = run_digits(two_ports, tmp_path / name, tmp_path / "y.npz")
        assert finished.code == 3
        assert complaint in finished.error


def test_names_that_look_like_markup_reach_the_terminal(two_ports: Path) -> None:
    for_people = mcucc("report", two_ports, environment={"COLUMNS": "140"})
    assert for_people.code == 0
    assert LEFT in for_people.out


def test_a_network_of_uint8_takes_and_gives_uint8(tmp_path: Path) -> None:
    model = uint8_ports().proto()
    (tmp_path / "net.onnx").write_bytes(model.SerializeToString())
    samples = np.random.default_rng(5).integers(0, 256, (3, 3, 6, 8)).astype(np.uint8)
    np.save(tmp_path / "x.npy", samples)
    out = tmp_path / "out"
    made = mcucc("compile", tmp_path / "net.onnx", "--board", "nucleo-f446re", "-o", out)
    assert made.code == 0, made.err
    finished = mcucc("run", out, "--input", tmp_path / "x.npy", "--output", tmp_path / "y.npz")
    assert finished.code == 0, finished.err
    session = open_session(model.SerializeToString())
    theirs = np.concatenate([session.run(None, {"x": x[None]})[0] for x in samples])
    with np.load(tmp_path / "y.npz") as outputs:
        assert outputs["y"].dtype == np.uint8
        assert np.array_equal(outputs["y"], theirs)
