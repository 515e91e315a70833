"""What results show of themselves, and a compiled directory that is called like a function."""

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import mcucc
from mcucc.cli.main import cli
from mcucc.errors import InputFileError, UsageError
from tests.cli.two_ports import LEFT, MEAN, RIGHT, SHAPE, SUM, save_two_port_model
from tests.docs.pages import CHECKOUT, DOCS

DIGITS = CHECKOUT / "examples" / "digits"
FLOAT, INT8 = DIGITS / "digits_float.onnx", DIGITS / "digits_int8.onnx"
CALIBRATION, IMAGES = DIGITS / "calibration.npz", DIGITS / "test_images.npz"


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("surface") / "digits"
    mcucc.compile(FLOAT, "host", target, name="digits", calibration=CALIBRATION)
    return target


@pytest.fixture(scope="module")
def images() -> dict[str, np.ndarray]:
    with np.load(IMAGES) as file:
        return {name: file[name] for name in file.files}


# What results show


class Tags(HTMLParser):
    """Collects the tags and the text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert attrs == []
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.cc
def test_results_show_themselves(directory: Path, images: dict[str, np.ndarray]) -> None:
    with mcucc.load(directory) as network:
        evaluation = mcucc.evaluate(network, images["image"], images["labels"], model=FLOAT)
        results: list[object] = [
            mcucc.boards(),
            mcucc.boards()[0],
            mcucc.inspect(FLOAT),
            mcucc.plan(INT8, "nucleo-f446re", objective="memory"),
            mcucc.compile(INT8, "host"),
            network,
            network.report,
            mcucc.verify(network, {"image": images["image"][:2]}, model=FLOAT.read_bytes()),
            evaluation,
        ]
    for result in results:
        text = repr(result)
        assert text.startswith(f"{type(result).__name__}(")
        assert len(text) < 300
        assert "\n" not in text
        if not isinstance(result, mcucc.Board):
            shown = Tags(getattr(result, "_repr_html_")())  # noqa: B009 -- notebooks ask so, too
            assert shown.tags <= {"table", "caption", "tr", "th", "td"}
            assert type(result).__name__ in shown.text
    assert "supported=True" in repr(results[2])
    assert "ok=True" in repr(results[7])
    assert evaluation.int8_top1 > 0.95


def test_html_is_escaped() -> None:
    name, real = "<script>alert(1)</script>", onnx.TensorProto.FLOAT
    node = onnx.helper.make_node("Det", ["x"], ["y"], name=name)
    ports = [onnx.helper.make_tensor_value_info(port, real, (1, 4, 4)) for port in "xy"]
    graph = onnx.helper.make_graph([node], "g", ports[:1], ports[1:])
    inspection = mcucc.inspect(onnx.helper.make_model(graph))
    assert not inspection.supported
    page = inspection.summary().html()
    assert "<script" not in page
    assert name in Tags(page).text


# A directory that is called


@pytest.mark.cc
def test_calls_are_what_run_gives(
    directory: Path, images: dict[str, np.ndarray], tmp_path: Path
) -> None:
    floats = images["image"][:50]
    network = mcucc.load(str(directory))
    port = network.inputs[0]
    steps = np.rint(floats.astype(np.float64) / port.scale) + port.zero_point
    int8 = np.clip(steps, -128, 127).astype(np.int8)
    for samples, extra in ((floats, ["--dequantize"]), (int8, [])):
        np.save(tmp_path / "x.npy", samples)
        files = ["--input", str(tmp_path / "x.npy"), "--output", str(tmp_path / "y.npz")]
        cli.main(["run", str(directory), *files, *extra], standalone_mode=False)
        with np.load(tmp_path / "y.npz") as file:
            wanted = file[network.outputs[0].name]
        for found in (network(samples), network({port.name: samples}), network(image=samples)):
            assert isinstance(found, np.ndarray)
            assert found.dtype == wanted.dtype == (np.int8 if samples is int8 else np.float32)
            assert np.array_equal(found, wanted)
    wide = network(floats.astype(np.float64))
    assert isinstance(wide, np.ndarray)
    assert np.array_equal(wide, np.asarray(network(floats)))


@pytest.mark.cc
def test_a_model_may_be_bytes_everywhere(directory: Path, images: dict[str, np.ndarray]) -> None:
    """What judges say of it speaks of no file that is not the user's."""
    few, labels = images["image"][:20], images["labels"][:20]
    for model in (FLOAT.read_bytes(), onnx.load_model_from_string(FLOAT.read_bytes())):
        found = mcucc.evaluate(directory, few, labels, model=model)
        assert found.float_top1 is not None
        verified = mcucc.verify(directory, few[:2], model=model)
        assert verified.float is not None
        assert verified.float.says == "equal"
    other, refusal = INT8.read_bytes(), r"^model.onnx: is not the file that was compiled"
    with pytest.raises(InputFileError, match=refusal):
        mcucc.verify(directory, model=other)
    with pytest.raises(InputFileError, match=refusal):
        mcucc.evaluate(directory, few, labels, model=other)


@pytest.mark.cc
def test_several_ports_are_named(tmp_path: Path) -> None:
    model = save_two_port_model(tmp_path / "two.onnx")
    mcucc.compile(model, "host", tmp_path / "two")
    x = np.arange(2 * 60, dtype=np.int8).reshape(2, *SHAPE[1:]) - 60
    with mcucc.load(tmp_path / "two") as network:
        found = network({LEFT: x, RIGHT: np.zeros_like(x)})
        assert isinstance(found, dict)
        assert {*found} == {SUM, MEAN}
        assert np.array_equal(found[SUM], x)
        with pytest.raises(UsageError, match="some inputs are floats and others int8"):
            network({LEFT: x, RIGHT: x.astype(np.float32)})
        with pytest.raises(InputFileError, match="same number of samples"):
            network({LEFT: x, RIGHT: x[:1]})
        for wrong in (x, {LEFT: x}, {LEFT: x, RIGHT: x, "other": x}):
            with pytest.raises(UsageError, match=f"its inputs are '{LEFT.split('[', 1)[0]}"):
                network(wrong)


@pytest.mark.cc
def test_rows_that_are_handed_over(tmp_path: Path) -> None:
    x = np.random.default_rng(0).integers(-128, 128, (3, 1, 8, 8), dtype=np.int8)
    rows, strips = tmp_path / "rows", tmp_path / "strips"
    mcucc.compile(INT8, "host", tmp_path / "whole")
    mcucc.compile(INT8, "host", rows, stream_input=True)
    made = mcucc.compile(
        *(INT8, "host", strips), objective="memory", input_elsewhere=True, max_recompute=50
    )
    assert made.report.steps[0].strips > 1
    found: list[Any] = []
    for target in (tmp_path / "whole", rows, strips):
        with mcucc.load(target) as network:
            found.append(network(x))
    assert all(np.array_equal(found[0], each) for each in found[1:])


def test_wrong_samples_are_named(directory: Path) -> None:
    network = mcucc.load(directory)
    x = np.zeros((2, 1, 8, 8), np.float32)
    for wrong, said in (
        (
            x[0],
            r"digits: input 'image' must be \(N, 1, 8, 8\), the array is \(1, 8, 8\); .*x\[None",
        ),
        (x[:0], "digits: input 'image' holds no samples"),
        (x * np.nan, "digits: input 'image' holds NaN"),
        (x.astype(np.int32), "digits: input 'image' must be floats"),
    ):
        with pytest.raises(InputFileError, match=said):
            network(wrong)
    with pytest.raises(UsageError, match=r"its inputs are 'image' \(N, 1, 8, 8\); given: 'pixels'"):
        network(pixels=x)
    with pytest.raises(UsageError, match="given: none"):
        network()
    with pytest.raises(UsageError, match="digits: image: a list is no array of numbers"):
        network([[1], [1, 2]])
    with pytest.raises(UsageError, match="by position or by keyword"):
        network(x, image=x)


@pytest.mark.cc
def test_it_is_built_once_and_cleared_away(
    directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    x = np.zeros((1, 1, 8, 8), np.int8)
    network = mcucc.load(directory)
    assert list(tmp_path.iterdir()) == []
    network(x)
    built = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    monkeypatch.setenv("PATH", "")
    network(x)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == built
    assert len(list(tmp_path.iterdir())) == 1
    network.close()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(UsageError, match="was closed"):
        network(x)
    with pytest.raises(mcucc.ToolchainError):
        mcucc.load(directory)(x)


def test_what_is_no_directory(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"directory: give a path \(str or Path\), not None"):
        mcucc.load(None)  # pyright: ignore[reportArgumentType] -- that is what is tested
    with pytest.raises(UsageError, match=r"directory: give a path \(str or Path\), not 3"):
        mcucc.compile(INT8, "host").write(3)  # pyright: ignore[reportArgumentType] -- that is what is tested
    with pytest.raises(InputFileError, match="is missing"):
        mcucc.load(tmp_path)
    with pytest.raises(InputFileError, match="is a file"):
        mcucc.load(FLOAT)


def test_mistakes_of_verify(directory: Path) -> None:
    for keywords, said in (
        ({"on": "quemu"}, "on='quemu': give 'host' or 'qemu'"),
        ({"require": "numpy"}, "require='numpy': give 'tflm'"),
        ({"require": 3}, "require=3: give 'tflm'"),
    ):
        with pytest.raises(UsageError, match=said):
            mcucc.verify(directory, **keywords)  # pyright: ignore[reportArgumentType] -- that is what is tested


@pytest.mark.cc
def test_the_examples_of_the_pages_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "examples").symlink_to(CHECKOUT / "examples")
    monkeypatch.chdir(tmp_path)
    for page in (CHECKOUT / "README.md", DOCS / "api.md"):
        blocks = page.read_text(encoding="utf-8").split("```python\n")[1:]
        assert blocks, page
        exec("\n".join(block.partition("```")[0] for block in blocks), {})
    assert (tmp_path / "out").is_dir()
