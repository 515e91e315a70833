"""The public surface: what each function takes, and what a result shows of itself."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
import onnx
import onnx.external_data_helper
import pytest

import mcucc
from mcucc.api import surface
from mcucc.api.options import CompileOptions
from mcucc.api.surface.functions import CompileKeywords
from mcucc.errors import InputFileError, McuccError, UsageError
from tests.docs.pages import CHECKOUT, DOCS, Page, quoted, rows
from tests.judging import needs_tflm

DIGITS = CHECKOUT / "examples" / "digits"
FLOAT, INT8 = DIGITS / "digits_float.onnx", DIGITS / "digits_int8.onnx"
CALIBRATION, IMAGES = DIGITS / "calibration.npz", DIGITS / "test_images.npz"
BOARD = "nucleo-f446re"


def files_of(compilation: mcucc.Compilation) -> dict[str, str]:
    """The C that was generated, without the first comments, which name model and options."""
    return {
        name: text.partition("*/")[2]
        for name, text in compilation.files.items()
        if name.endswith((".c", ".h"))
    }


def test_the_names_are_those_of_the_page() -> None:
    listed = [quoted(row[0]) for row in rows(Page(DOCS / "api.md").section("What is public"))]
    assert set().union(*listed) == set(mcucc.__all__)
    assert [*mcucc.__all__] == sorted(mcucc.__all__)
    assert {*surface.__all__, "__version__"} == set(mcucc.__all__)
    assert {*mcucc.__all__} <= {*dir(mcucc)}


def test_every_name_is_there_and_no_other() -> None:
    for name in surface.__all__:
        assert getattr(mcucc, name) is getattr(surface, name)
    with pytest.raises(AttributeError, match="no attribute 'compil'"):
        _ = mcucc.compil  # pyright: ignore[reportAttributeAccessIssue, reportUnknownVariableType, reportUnknownMemberType] -- that is what is tested


def test_importing_loads_nothing_yet() -> None:
    code = "import sys, mcucc; print({'numpy', 'onnx', 'mcucc.api'} & {*sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=CHECKOUT
    )
    assert done.stdout.strip() == "set()"


def test_keywords_are_the_fields_of_the_options() -> None:
    ours, theirs = get_type_hints(CompileKeywords), get_type_hints(CompileOptions)
    theirs.pop("board")
    theirs.pop("calibration")
    assert {name: kind for name, kind in ours.items() if name in theirs} == theirs
    assert {*ours} - {*theirs} == {
        *("calibration", "cut_at", "input_shapes", "max_operators", "max_tensor_bytes", "observer"),
        *("array", "split_output", "states"),
    }


# Models


def test_each_kind_of_model() -> None:
    by_path = mcucc.inspect(FLOAT)
    assert (by_path.model, by_path.supported) == ("digits_float.onnx", True)
    raw = FLOAT.read_bytes()
    for model in (str(FLOAT), raw, bytearray(raw), onnx.load_model_from_string(raw)):
        found = mcucc.inspect(model)
        assert found.layers == by_path.layers
    assert mcucc.inspect(raw).sha256 == by_path.sha256
    assert mcucc.inspect(raw).model == "model.onnx"


def test_bytes_compile_to_the_same_c() -> None:
    raw = mcucc.compile(INT8.read_bytes(), "host", name="digits")
    path = mcucc.compile(str(INT8), "host", name="digits")
    assert raw.report.model.name == "model.onnx"
    assert raw.twin == path.twin
    assert files_of(raw) == files_of(path)
    assert "digits_weights.c" in files_of(raw)
    assert mcucc.compile(INT8.read_bytes(), "host").report.name == "model"


def test_tflite_files_and_arrays(tmp_path: Path) -> None:
    """As bytes, as a path, and as one of two arrays of a C source."""
    twin = mcucc.compile(INT8, "host").twin
    path, source = tmp_path / "digits.tflite", tmp_path / "digits.cc"
    path.write_bytes(twin)
    array = f"[] = {{ {', '.join(str(byte) for byte in twin)} }};\n"
    source.write_text(f"unsigned char g_one{array}unsigned char g_two{array}")
    assert mcucc.inspect(twin).model == "model.tflite"
    compiled = [mcucc.compile(each, "host", name="digits") for each in (path, twin)]
    compiled.append(mcucc.compile(source, "host", name="digits", array="g_two"))
    assert files_of(compiled[0]) == files_of(compiled[1]) == files_of(compiled[2])
    planned = mcucc.plan(source, "host", array="g_one")
    assert planned.strategies == mcucc.plan(path, "host").strategies
    assert mcucc.inspect(source, array="g_one").supported
    with pytest.raises(InputFileError, match=r"g_one.*g_two"):
        mcucc.inspect(source)


@pytest.mark.cc
@needs_tflm
def test_compare() -> None:
    found = mcucc.compare(INT8, "host", sram=1 << 20)
    assert isinstance(found, mcucc.Comparison)
    assert found.bits_equal
    assert [plan.name for plan in found.plans] == ["fastest", "auto", "smallest", "streamed"]
    assert found.tflm_activation_bytes


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "model.onnx: is empty"),
        (b"PK\x03\x04", "model.onnx: is a zip archive"),
        (b"\x08\x07\xff\xff", "model.onnx: is not an ONNX file"),
    ],
)
def test_bytes_that_are_no_model(content: bytes, said: str) -> None:
    with pytest.raises(InputFileError, match=said):
        mcucc.inspect(content)


def test_bytes_have_no_external_data(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    model = onnx.load_model_from_string(FLOAT.read_bytes())
    onnx.external_data_helper.convert_model_to_external_data(model, location="w", size_threshold=0)
    path.write_bytes(
        onnx.external_data_helper.write_external_data_tensors(
            model, str(tmp_path)
        ).SerializeToString()
    )
    assert mcucc.inspect(path).supported
    loaded = onnx.load_model_from_string(path.read_bytes())
    onnx.external_data_helper.load_external_data_for_model(loaded, str(tmp_path))
    assert mcucc.inspect(loaded).supported
    with pytest.raises(InputFileError, match=r"another file, 'w' \(external data\)"):
        mcucc.inspect(path.read_bytes())
    with pytest.raises(InputFileError, match="external data"):
        mcucc.inspect(onnx.load_model_from_string(path.read_bytes()))


def test_shapes_that_a_model_leaves_open(tmp_path: Path) -> None:
    model = onnx.load_model_from_string(FLOAT.read_bytes())
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_param = "rows"
    assert not mcucc.inspect(model).supported
    shapes = {"image": [np.int64(1), 1, 8, 8]}
    assert mcucc.inspect(model, input_shapes=shapes).supported
    assert mcucc.compile(model, "host", input_shapes=shapes).report.inputs[0].shape == (1, 1, 8, 8)


def test_values_that_become_the_outputs() -> None:
    inner = onnx.load_model_from_string(INT8.read_bytes()).graph.node[-1].input[0]
    for cut in (inner, [inner]):
        assert mcucc.inspect(INT8, cut_at=cut).supported
    assert mcucc.compile(INT8, "host", cut_at=inner).report.outputs[0].name == inner


# Calibration


def test_each_kind_of_calibration() -> None:
    with np.load(CALIBRATION) as file:
        array = file["image"]
        given: list[Any] = [str(CALIBRATION), array, array.tolist(), {"image": array}, file]
        compiled = [mcucc.compile(FLOAT, "host", calibration=each) for each in given]
    first = compiled[0]
    assert first.report.calibrated
    for other in compiled[1:]:
        assert files_of(other) == files_of(first)
        assert other.report.quantization == first.report.quantization
    assert "--calib calibration --observer mse" in compiled[1].report.options
    assert not mcucc.compile(FLOAT, "host").report.calibrated


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        (np.zeros((3, 8, 8, 1), np.float32), r"calibration: input 'image' must be \(N, 1, 8, 8\)"),
        (np.full((3, 1, 8, 8), np.nan), "calibration: input 'image' holds NaN"),
        (np.full((3, 1, 8, 8), "x"), "calibration: input 'image' must be numbers"),
        (np.zeros((0, 1, 8, 8)), "calibration: input 'image' holds no samples"),
        ({"a": np.zeros(1), "b": np.zeros(1)}, "calibration: holds no array named as input"),
        ({}, "calibration: holds no array named as input"),
    ],
)
def test_arrays_are_held_against_the_rules_of_files(arrays: Any, said: str) -> None:
    with pytest.raises(InputFileError, match=said):
        mcucc.compile(FLOAT, "host", calibration=arrays)


# Boards


def test_each_kind_of_board(tmp_path: Path) -> None:
    found = mcucc.boards()
    assert [each.id for each in found] == sorted(each.id for each in found)
    own = tmp_path / "own.toml"
    own.write_text((CHECKOUT / "boards" / "host.toml").read_text())
    host = next(each for each in found if each.id == "host")
    for board, id_ in ((host, "host"), (own, "own"), (str(own), "own")):
        compilation = mcucc.compile(INT8, board)
        assert compilation.report.board == id_
        assert (f"{id_}.toml" in compilation.files) == (id_ == "own")


def test_a_board_made_in_python_is_written_as_a_file(tmp_path: Path) -> None:
    nucleo = next(each for each in mcucc.boards() if each.id == BOARD)
    half = tuple(replace_size(region, 64 << 10) for region in nucleo.regions)
    board = replace(nucleo, id="small", regions=half, source='half of it, "quoted"\n\N{SNOWMAN}')
    assert mcucc.plan(INT8, board).board_sram_bytes == 64 << 10
    mcucc.compile(INT8, board, tmp_path / "out")
    text = (tmp_path / "out" / "small.toml").read_text()
    (tmp_path / "small.toml").write_text(text)
    assert mcucc.compile(INT8, tmp_path / "small.toml").files["small.toml"] == text
    assert mcucc.load(tmp_path / "out").report.board == "small"


def replace_size(region: Any, size: int) -> Any:
    return type(region)(region.name, region.kind, region.origin, size)


def test_a_board_that_no_file_can_hold() -> None:
    host = next(each for each in mcucc.boards() if each.id == "host")
    twice = replace(host, regions=(*host.regions, host.regions[0]))
    slow = replace(host, core=replace(host.core, has_dsp=True))
    away = replace(host, id="../away")
    typeless: Any = "sram"
    flat = replace(host, regions=(typeless,))
    for board, said in (
        (twice, "two regions"),
        (slow, "take its core"),
        (away, "leave out"),
        (flat, "another type"),
    ):
        with pytest.raises(mcucc.BoardError, match=said):
            mcucc.compile(INT8, board)


# Mistakes


@pytest.mark.parametrize(
    ("keywords", "said"),
    [
        ({"objective": "size"}, "objective='size': give 'auto', 'memory' or 'speed'"),
        ({"schedule": None}, "schedule=None: give 'auto', 'layer' or 'stream'"),
        ({"io": "float32"}, "io='float32': give 'int8', 'uint8', 'float', 'file' or None"),
        ({"solver": ["own"]}, "solver=['own']: give 'own' or 'ortools'"),
        ({"observer": "max"}, "observer='max': give 'minmax', 'percentile' or 'mse'"),
        ({"sram": "64K"}, "sram='64K': give a whole number or None"),
        ({"sram": 0}, "give at least 1 byte"),
        ({"sram": True}, "sram=True: give a whole number or None"),
        ({"prune": 1}, "prune=1: give True or False"),
        ({"clean": "no"}, "clean='no': give True or False"),
        ({"alignment": 3}, "give one of 4, 8, 16, 32, 64"),
        ({"selftest": -1}, "selftest=-1: give a whole number of at least 0"),
        ({"name": "9"}, "name '9'"),
        ({"name": b"digits"}, "name=b'digits': give a text or None"),
        ({"objectiv": "auto"}, "there is no option 'objectiv' (did you mean objective?)"),
        ({"max_operators": 0}, "max_operators=0: give a whole number of at least 1"),
        ({"input_shapes": [1, 2]}, "input_shapes: give a dictionary"),
        ({"input_shapes": {"image": "1,1"}}, "input_shapes: 'image' is '1,1': give sizes"),
        ({"input_shapes": {"image": (1, 0)}}, "input_shapes: 'image' is (1, 0): give sizes"),
        ({"calibration": [[1], [1, 2]]}, "calibration: a list is no array of numbers"),
        ({"calibration": {1: [1]}}, "calibration: arrays have texts as names, not an int"),
        ({"calibration": {"image": None}}, "calibration: give a numpy array"),
        ({"cut_at": [1]}, "cut_at=[1]: give a name, or a list of names"),
        ({"output": 3}, "output: give a path (str or Path), not an int"),
        ({"output": "a\0b"}, "no path has such a character"),
        ({"output": "\ud800"}, "no path has such a character"),
        ({"output": "a" * 5000}, "is longer than a path may be"),
        ({"board": None}, "board: give the id of a board"),
        ({"board": "nucleo"}, "there is no board 'nucleo'"),
        (
            {"model": None},
            "model: give the path of an ONNX or .tflite file, its bytes, or an onnx.",
        ),
        ({"array": 3}, "array=3: give the name of an array"),
        ({"model": b"", "array": "g"}, "model: give the path of a C source, not a bytes"),
        ({"model": ["a.onnx"]}, "not a list"),
    ],
)
def test_a_wrong_argument_says_what_is_allowed(keywords: dict[str, Any], said: str) -> None:
    arguments: dict[str, Any] = {"model": FLOAT, "board": "host", **keywords}
    with pytest.raises(UsageError) as caught:
        mcucc.compile(**arguments)
    assert said in str(caught.value)


def test_plan_takes_its_own_options_alone() -> None:
    with pytest.raises(UsageError, match="there is no option 'io'"):
        mcucc.plan(INT8, "host", io="int8")  # pyright: ignore[reportCallIssue] -- that is what is tested


def test_all_errors_have_one_base() -> None:
    errors = [getattr(mcucc, name) for name in mcucc.__all__ if name.endswith("Error")]
    assert len(errors) > 8
    assert all(issubclass(error, McuccError) for error in errors)


def test_a_network_that_does_not_fit(tmp_path: Path) -> None:
    compilation = mcucc.compile(INT8, BOARD, sram=3000)
    assert not compilation.report.fits
    assert compilation.misfit
    with pytest.raises(mcucc.DoesNotFitError):
        mcucc.compile(INT8, BOARD, tmp_path / "out", sram=np.int64(3000))  # pyright: ignore[reportArgumentType] -- numpy's integers are taken
    with pytest.raises(InputFileError, match="does not fit"):
        mcucc.load(tmp_path / "out")
