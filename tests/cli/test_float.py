"""Float networks: calibration, its warning, `--input-shape`, `evaluate`, `verify --model`."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mcucc.api.evaluate import evaluate
from mcucc.api.float_link import LIMIT, FloatOutput, verdict
from mcucc.errors import InputFileError, UsageError
from tests.cli.float_models import save_open_model
from tests.cli.process import (
    BOARD,
    CALIBRATION,
    CHECKOUT,
    DIGITS,
    FLOAT_DIGITS,
    IMAGES,
    compile_float,
    contents,
    mcucc,
)
from tests.importer.test_importer_shapes import open_model

SUFFIX = "is not the file that was compiled into"


def report_of(directory: Path) -> dict[str, Any]:
    return json.loads((directory / "report.json").read_bytes())


@pytest.mark.cc
def test_a_calibrated_network(float_digits: Path) -> None:
    report = report_of(float_digits)
    assert report["calibrated"] is True
    assert report["notes"] == [note for note in report["notes"] if "CALIBRATED" not in note]
    facts = report["quantization"]
    assert (facts["samples"], facts["observer"]) == (100, "mse")
    ratios = [layer["sqnr_db"] for layer in report["layers"] if layer["sqnr_db"] is not None]
    assert min(ratios) == facts["worst_sqnr_db"] > 25
    assert facts["worst_layer"] in {layer["name"] for layer in report["layers"]}
    assert report["outputs"][0]["sqnr_db"] > 25
    assert facts["held_out"] == 16
    for_people = " ".join(mcucc("report", float_digits).out.split())
    assert "Quantized on 100 inputs (observer mse, equalized, biases corrected)" in for_people
    assert f"{facts['worst_sqnr_db']:.1f} dB" in for_people
    assert "on 16 of them, held out" in for_people


def test_calibration_is_not_the_test() -> None:
    with np.load(CALIBRATION) as calibration, np.load(IMAGES) as images:
        assert calibration["image"].shape == (100, 1, 8, 8)
        seen = {image.tobytes() for image in calibration["image"]}
        assert not any(image.tobytes() in seen for image in images["image"])


def test_every_form_of_the_same_calibration(tmp_path: Path, no_tools: dict[str, str]) -> None:
    """.npz, .npy, and a directory of both; other files in it are ignored."""
    with np.load(CALIBRATION) as arrays:
        images = arrays["image"]
    np.savez(tmp_path / "calib.npz", image=images, labels=np.arange(3))
    np.save(tmp_path / "calib.npy", images.astype(np.float64))
    folder = tmp_path / "calib"
    folder.mkdir()
    np.save(folder / "a.npy", images[:30])
    np.savez(folder / "b.npz", image=images[30:])
    (folder / "notes.txt").write_text("mine")
    found: list[dict[str, bytes]] = []
    for name in ("calib.npz", "calib.npy", "calib"):
        more = ("--calib", tmp_path / name, "--name", "net")
        assert compile_float(tmp_path / "out", *more, environment=no_tools).code == 0
        files = contents(tmp_path / "out")
        found.append({name: files[name] for name in ("net.ir", "net.tflite")})
    assert found[0] == found[1] == found[2]


def test_observers_differ(tmp_path: Path, no_tools: dict[str, str]) -> None:
    graphs: set[bytes] = set()
    for observer in ("minmax", "percentile", "mse"):
        more = ("--calib", CALIBRATION, "--observer", observer, "--name", "net")
        finished = compile_float(tmp_path / observer, *more, environment=no_tools)
        assert finished.document["quantization"]["observer"] == observer
        assert f"--observer {observer}" in finished.document["options"]
        graphs.add((tmp_path / observer / "net.ir").read_bytes())
    assert len(graphs) == 3
    assert compile_float(tmp_path / "none", "--observer", "median").code == 2


def _array(*shape: int, value: float = 0.5) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        np.save(path, np.full(shape, value, np.float32))

    return write


def _text(path: Path) -> None:
    path.write_text("0.5 0.5\n")


def _words(path: Path) -> None:
    np.save(path, np.full((2, 1, 8, 8), "a"))


def _nothing(path: Path) -> None:
    assert not path.exists()


@pytest.mark.parametrize(
    ("write", "complaint"),
    [
        (_array(5, 8, 8, 1), "x.transpose(0, 3, 1, 2)"),
        (_array(5, 1, 9, 9), "must be (N, 1, 8, 8), the array is (5, 1, 9, 9)"),
        (_array(1, 8, 8), "x[None]"),
        (_array(0, 1, 8, 8), "holds no samples"),
        (_array(2, 1, 8, 8, value=float("nan")), "NaN"),
        (_array(2, 1, 8, 8, value=float("inf")), "infinity"),
        (_words, "must be numbers"),
        (_text, "is a text of numbers: samples are read from"),
        (_nothing, "cannot be read: No such file"),
        (Path.mkdir, "holds no .npy or .npz file"),
    ],
)
def test_calibrations_that_are_refused(
    tmp_path: Path, write: Callable[[Path], None], complaint: str
) -> None:
    path = tmp_path / "calib.npy"
    write(path)
    finished = compile_float(tmp_path / "out", "--calib", path)
    assert finished.code == 3
    assert str(path) in finished.error
    assert complaint in finished.error
    assert not (tmp_path / "out").exists()


def test_without_calibration_the_warning_is_loud(tmp_path: Path, no_tools: dict[str, str]) -> None:
    """On stderr whatever the format, in the report, and as a key."""
    finished = compile_float(tmp_path / "out", environment=no_tools)
    assert finished.code == 0
    assert finished.err.startswith("mcucc: warning: NOT CALIBRATED")
    assert finished.document["calibrated"] is False
    assert any(note.startswith("NOT CALIBRATED") for note in finished.document["notes"])
    assert "--calib" in finished.document["quantization"]["remedy"]
    arguments = ("compile", FLOAT_DIGITS, "--board", BOARD, "-o", tmp_path / "out")
    for_people = mcucc(*arguments, environment=no_tools)
    assert (for_people.out + for_people.err).count("NOT CALIBRATED") == 1
    assert for_people.err.count("warning") == 1
    assert "NOT CALIBRATED" in mcucc("report", tmp_path / "out", environment=no_tools).out


def test_a_network_that_comes_quantized_needs_no_calibration(
    tmp_path: Path, no_tools: dict[str, str]
) -> None:
    arguments = ("compile", DIGITS, "--board", BOARD, "-o", tmp_path / "out", "--json")
    report = mcucc(*arguments, "--calib", CALIBRATION, environment=no_tools).document
    assert (report["calibrated"], report["quantization"]) == (True, None)
    assert any("--calib" in note and "not used" in note for note in report["notes"])


def test_open_dimensions_are_given(tmp_path: Path, no_tools: dict[str, str]) -> None:
    model = save_open_model(tmp_path / "open.onnx")
    arguments = ("compile", model, "--board", BOARD, "-o", tmp_path / "out", "--json")
    refused = mcucc(*arguments, environment=no_tools)
    assert refused.code == 3
    assert not (tmp_path / "out").exists()
    given = mcucc(*arguments, "--input-shape", "image=1,3,12,10", environment=no_tools)
    assert given.code == 0, given.err
    assert given.document["inputs"][0]["shape"] == [1, 3, 12, 10]
    assert mcucc("inspect", model, "--json").document["supported"] is False
    inspected = mcucc("inspect", model, "--input-shape", "image=1,3,12,10", "--json")
    assert inspected.document["macs"] == given.document["model_macs"] == 12 * 10 * 3 * 9 * 4


def test_open_dimensions_of_a_quantized_network(tmp_path: Path, no_tools: dict[str, str]) -> None:
    model = tmp_path / "open.onnx"
    model.write_bytes(open_model().proto().SerializeToString())
    arguments = ("compile", model, "--board", BOARD, "-o", tmp_path / "out", "--json")
    refused = mcucc(*arguments, environment=no_tools)
    assert refused.code == 3
    assert "--input-shape x_float=" in refused.error
    shape = ("--input-shape", "x_float=1,3,12,10")
    given = mcucc(*arguments, *shape, environment=no_tools)
    assert given.code == 0, given.err
    assert given.document["inputs"][0]["shape"] == [1, 3, 12, 10]
    assert " ".join(shape) in given.document["options"]
    assert not any("not used" in note for note in given.document["notes"])
    inspected = mcucc("inspect", model, *shape, "--json")
    assert inspected.document["macs"] == given.document["model_macs"] == 12 * 10 * 3 * 9 * 4
    for wrong in ("x=1,3,12,10", "x_float=1,3,12"):
        for command in (arguments, ("inspect", model, "--json")):
            assert mcucc(*command, "--input-shape", wrong, environment=no_tools).code == 2


@pytest.mark.parametrize("text", ["1,3,8,8", "image=", "image=1,3,x,8", "image=1,3,0,8", "=1,3"])
def test_shapes_that_are_none(tmp_path: Path, text: str) -> None:
    model = save_open_model(tmp_path / "open.onnx")
    finished = mcucc("inspect", model, "--input-shape", text, "--json")
    assert finished.code == 2
    assert "write NAME=1,3,96,96" in finished.error


def test_shapes_of_no_input(tmp_path: Path) -> None:
    model = save_open_model(tmp_path / "open.onnx")
    assert mcucc("inspect", model, "--input-shape", "other=1,3,8,8", "--json").code == 2


@pytest.mark.cc
def test_accuracy_of_c_is_that_of_float(float_digits: Path) -> None:
    arguments = ("--input", IMAGES, "--labels", IMAGES, "--model", FLOAT_DIGITS)
    document = mcucc("evaluate", float_digits, *arguments, "--json").document
    assert document["samples"] == 360
    assert document["float_top1"] == pytest.approx(356 / 360)
    assert document["int8_top1"] >= document["float_top1"] - 0.003
    assert document["agreement"] > 0.99
    for_people = mcucc("evaluate", float_digits, *arguments)
    assert "float    98.89% right" in for_people.out
    assert "int8 C   " in for_people.out


@pytest.mark.cc
def test_accuracy_without_a_model(float_digits: Path, tmp_path: Path) -> None:
    """Labels that are all wrong by one leave next to nothing right."""
    labels = np.load(IMAGES)["labels"]
    np.save(tmp_path / "wrong.npy", (labels + 1) % 10)
    found = evaluate(float_digits, IMAGES, tmp_path / "wrong.npy")
    assert found.int8_top1 < 0.02
    assert (found.float_top1, found.agreement) == (None, None)


@pytest.mark.cc
@pytest.mark.parametrize(
    ("labels", "complaint"),
    [
        (np.zeros(3, np.int64), "one class number for each of the 360 samples"),
        (np.zeros(360, np.float32), "labels.reshape(-1).astype(int)"),
        (np.zeros((360, 1), np.int64), "labels.reshape(-1).astype(int)"),
        (np.zeros((36, 10), np.int64), "one class number for each of the 360 samples"),
        (np.arange(360) % 11, "labels from 0 to 10; the network has 10 outputs"),
        (np.arange(360) % 10 - 1, "labels from -1 to 8"),
    ],
)
def test_labels_that_are_refused(
    float_digits: Path, tmp_path: Path, labels: np.ndarray[Any, Any], complaint: str
) -> None:
    np.save(tmp_path / "labels.npy", labels)
    with pytest.raises(InputFileError) as refused:
        evaluate(float_digits, IMAGES, tmp_path / "labels.npy")
    assert str(refused.value).startswith(f"{tmp_path / 'labels.npy'}: ")
    assert complaint in str(refused.value)


def _from_1(labels: NDArray[np.int64]) -> NDArray[Any]:
    return labels + 1


def _small_from_1(labels: NDArray[np.int64]) -> NDArray[Any]:
    return (labels + 1).astype(np.uint8)


def _one_hot(labels: NDArray[np.int64]) -> NDArray[Any]:
    return np.eye(10, dtype=np.int64)[labels]


def _probabilities(labels: NDArray[np.int64]) -> NDArray[Any]:
    return np.eye(10, dtype=np.float32)[labels] * 0.9 + 0.01


def _flags(labels: NDArray[np.int64]) -> NDArray[Any]:
    return labels[:, None] == np.arange(10)


@pytest.mark.parametrize(
    ("prepare", "remedy"),
    [
        (_one_hot, "labels.argmax(axis=1)"),
        (_probabilities, "labels.argmax(axis=1)"),
        (_flags, "labels.argmax(axis=1)"),
        (_from_1, "subtract 1"),
        (_small_from_1, "subtract 1"),
    ],
)
def test_one_hot_labels_and_those_from_1(
    float_digits: Path,
    tmp_path: Path,
    prepare: Callable[[NDArray[np.int64]], NDArray[Any]],
    remedy: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Before anything is built: there is no compiler here."""
    monkeypatch.setenv("PATH", "")
    np.save(tmp_path / "labels.npy", prepare(np.load(IMAGES)["labels"]))
    with pytest.raises(UsageError) as refused:
        evaluate(float_digits, IMAGES, tmp_path / "labels.npy")
    assert str(refused.value).startswith(f"{tmp_path / 'labels.npy'}: ")
    assert remedy in str(refused.value)


@pytest.mark.cc
def test_labels_from_1_without_the_last_class_are_noted(float_digits: Path, tmp_path: Path) -> None:
    with np.load(IMAGES) as arrays:
        image, labels = arrays["image"], arrays["labels"]
    kept = labels < 9
    np.savez(tmp_path / "x.npz", image=image[kept], labels=labels[kept] + 1)
    (note,) = evaluate(float_digits, tmp_path / "x.npz", tmp_path / "x.npz").notes
    assert "subtract 1" in note
    assert not evaluate(float_digits, IMAGES, IMAGES).notes


@pytest.mark.cc
def test_another_model_file_is_refused(float_digits: Path, tmp_path: Path) -> None:
    for command in (
        ("evaluate", float_digits, "--input", IMAGES, "--labels", IMAGES),
        ("verify", float_digits),
    ):
        for model, complaint in ((DIGITS, SUFFIX), (tmp_path / "none.onnx", "cannot be read")):
            finished = mcucc(*command, "--model", model, "--json")
            assert finished.code == 3
            assert str(model) in finished.error
            assert complaint in finished.error


@pytest.mark.cc
def test_the_float_link(float_digits: Path) -> None:
    arguments = ("--model", FLOAT_DIGITS, "--input", IMAGES)
    document = mcucc("verify", float_digits, *arguments, "--json").document
    assert document["ok"] is True
    link = document["float"]
    assert (link["says"], link["limit"]) == ("equal", 1e-4)
    (output,) = link["outputs"]
    assert output["name"] == "logits"
    assert 0 <= output["largest_difference"] < 1e-5
    assert 25 < output["sqnr_db"] < 60
    for_people = " ".join(mcucc("verify", float_digits, *arguments).out.split())
    assert "float network in ONNX Runtime: equal" in for_people
    assert f"int8 has {output['sqnr_db']:.1f} dB" in for_people


@pytest.mark.cc
def test_the_float_link_on_random_samples(float_digits: Path) -> None:
    document = mcucc("verify", float_digits, "--model", FLOAT_DIGITS, "--json").document
    assert document["input_range"] is None
    link = document["float"]
    assert link["says"] == "equal"
    assert link["outputs"][0]["sqnr_db"] is None  # of random samples it would say nothing
    for_people = mcucc("verify", float_digits, "--model", FLOAT_DIGITS).out
    assert "dB" not in for_people
    assert "limit" in for_people


@pytest.mark.cc
def test_inputs_beyond_the_range_cost_signal(float_digits: Path, tmp_path: Path) -> None:
    """They saturate in int8 alone: the ratio shows it, the link of the float networks holds."""
    with np.load(IMAGES) as images:
        np.save(tmp_path / "x.npy", images["image"][:4] * np.float32(40))
    arguments = ("--model", FLOAT_DIGITS, "--input", tmp_path / "x.npy", "--json")
    link = mcucc("verify", float_digits, *arguments).document["float"]
    assert link["says"] == "equal"
    assert link["outputs"][0]["sqnr_db"] < 10


@pytest.mark.parametrize(
    ("differences", "says"),
    [((0.0, LIMIT), "equal"), ((0.0, LIMIT * 1.01), "differs"), ((np.nan,), "differs")],
)
def test_the_limit_of_the_float_link(differences: tuple[float, ...], says: str) -> None:
    assert verdict([FloatOutput("y", difference, 30.0) for difference in differences]) == says


@pytest.mark.cc
def test_a_quantized_file_has_no_float_link(digits: Path) -> None:
    document = mcucc("verify", digits, "--model", DIGITS, "--json").document
    assert document["ok"] is True
    assert (document["float"]["says"], document["float"]["outputs"]) == ("quantized", [])
    assert any("comes quantized" in message for message in document["messages"])


@pytest.mark.cc
def test_the_program_of_the_readme(float_digits: Path, tmp_path: Path) -> None:
    readme = (CHECKOUT / "README.md").read_text()
    program = readme.partition("```c\n")[2].partition("```")[0]
    assert "digits_run" in program
    (tmp_path / "main.c").write_text(program)
    sources = [float_digits / f"digits{end}.c" for end in ("", "_weights", "_io")]
    options = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", f"-I{float_digits}"]
    target = str(tmp_path / "main")
    command = ["gcc", *options, str(tmp_path / "main.c"), *map(str, sources), "-o", target]
    subprocess.run(command, check=True)
    printed = subprocess.run([target], check=True, capture_output=True, text=True).stdout
    assert len(printed.splitlines()) == 10
