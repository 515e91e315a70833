"""The public functions: friendly arguments in, the results of the rooms below out.

All raise subclasses of `mcucc.McuccError` alone: each names the thing that is wrong and says what
to do. An argument of a wrong type or value is a `UsageError`, which says what is allowed.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypedDict, Unpack, cast

from mcucc.api.compare import Comparison, compare_model
from mcucc.api.compile import Compilation, compile_model
from mcucc.api.evaluate import Evaluation
from mcucc.api.evaluate import evaluate as evaluate_directory
from mcucc.api.inspect import Inspection, inspect_model
from mcucc.api.network import Calibration
from mcucc.api.options import CompileOptions, IoChoice
from mcucc.api.plan import ModelPlans, plan_model
from mcucc.api.surface.arguments import (
    Arrays,
    Model,
    PathArgument,
    Shapes,
    arrays_of,
    at_least,
    board_of,
    checked,
    limit_of,
    model_of,
    names_of,
    options_of,
    pairs_of,
    path_of_argument,
    shapes_of,
)
from mcucc.api.surface.loaded import LoadedNetwork
from mcucc.api.surface.tables import Boards
from mcucc.api.verify import Verification, verify_directory
from mcucc.ir.limits import DEFAULT_LIMIT
from mcucc.memory import Solver
from mcucc.quant.ptq import PtqOptions
from mcucc.quant.ranges import Observer
from mcucc.schedule import Mode, Objective
from mcucc.targets.board import Board, list_boards

Directory = PathArgument | LoadedNetwork
"""A directory that `compile` wrote, or a network that was loaded from one."""

Target = Literal["host", "qemu"]
"""What runs the generated C beside this computer."""


Judge = Literal["tflm"]
"""A judge of the verification that may be absent."""


class ModelKeywords(TypedDict, total=False):
    """Keywords that say what is read of a model; `Calibration` and `Limit` say what each means."""

    array: str | None
    input_shapes: Shapes | None
    cut_at: str | Sequence[str]
    states: Mapping[str, str] | None
    split_output: bool
    max_tensor_bytes: int
    max_operators: int


class PlanKeywords(ModelKeywords, total=False):
    """Keywords of `plan`; `CompileOptions` says what each means."""

    sram: int | None
    objective: Objective
    stream_input: bool
    input_elsewhere: bool
    max_recompute: float | None
    prune: bool


class CompareKeywords(ModelKeywords, total=False):
    """Keywords of `compare`."""

    sram: int | None
    calibration: Arrays | None


class CompileKeywords(PlanKeywords, total=False):
    """Keywords of `compile`."""

    name: str | None
    schedule: Mode
    alignment: int
    solver: Solver
    check: bool
    keep_input: bool
    io: IoChoice | None
    selftest: int
    calibration: Arrays | None
    observer: Observer


def boards() -> Boards:
    """The boards that come with mcucc, sorted by id."""
    return Boards(list_boards())


def compile(  # noqa: A001 -- users write mcucc.compile
    model: Model,
    board: PathArgument | Board,
    output: PathArgument | None = None,
    *,
    clean: bool = False,
    **keywords: Unpack[CompileKeywords],
) -> Compilation:
    """Compile a model into C for a board.

    Args:
        model: path or bytes of an ONNX or `.tflite` file, or of a C source that holds a `.tflite`
            file in an array, or an `onnx.ModelProto` with all its data.
        board: id of a board, path of a board file (`.toml`), or a `Board`.
        output: the directory to write into, as `Compilation.write` does; None to write nothing.
        clean: if the network does not fit, remove the code of an earlier compilation there.
        keywords: options, of the same names and meanings as those of `mcucc compile`. Of a float
            network: `calibration`, samples (N, ...) in ONNX layout as an array, a dictionary of
            arrays by input name or the path of .npz, .npy or a directory of them (without it the
            result is not calibrated: `Compilation.warnings` says so); `observer`, "minmax",
            "percentile" or "mse". Of the plan: `sram` (bytes), `objective`, `schedule`,
            `stream_input`, `input_elsewhere`, `max_recompute` (percent), `keep_input`,
            `alignment` (bytes), `prune`, `solver`, `check`. Of the code: `name`, `io`,
            `selftest`. Of the file: `array`, the name of the array of a C source that holds
            several; `input_shapes`, by input name, for dimensions that it leaves open; `cut_at`,
            the names of the values that become the outputs; `states`, for inputs in which a run
            finds what the run before left in an output the name of that output; `split_output`;
            `max_tensor_bytes`, `max_operators`.

    Returns:
        The compilation, also of a network that does not fit, if nothing was to be written:
        `compilation.report.fits` and `compilation.misfit` say so.

    Raises:
        BoardError: there is no such board, or its file is wrong.
        DoesNotFitError: an output was given, and the network does not fit the board.
        InputFileError: model or calibration cannot be read, or do not go together.
        ToolchainError: the compiler does not accept the generated code.
        UnsupportedModelError: with every reason why the network cannot be compiled.
        UsageError: an argument is wrong, or the directory cannot be written.
    """
    target = None if output is None else path_of_argument("output", output)
    removes = bool(checked("clean", clean, bool))
    source = model_of(model, keywords.get("array"))
    compilation = compile_model(source, _options(board, keywords, CompileKeywords))
    if target is not None:
        compilation.write(target, clean=removes)
    return compilation


def plan(model: Model, board: PathArgument | Board, **keywords: Unpack[PlanKeywords]) -> ModelPlans:
    """What a model needs of memory under each strategy; nothing is compiled.

    Args:
        model: as for `compile`.
        board: as for `compile`.
        keywords: `sram`, `objective`, `stream_input`, `input_elsewhere`, `max_recompute` and
            `prune` of `compile`, and those of the file: `array`, `input_shapes`, `cut_at`,
            `states`, `split_output`, `max_tensor_bytes`, `max_operators`.

    Raises:
        BoardError, InputFileError, UnsupportedModelError, UsageError: as `compile`.
    """
    source = model_of(model, keywords.get("array"))
    return plan_model(source, _options(board, keywords, PlanKeywords))


def compare(
    model: Model, board: PathArgument | Board, **keywords: Unpack[CompareKeywords]
) -> Comparison:
    """What a network needs in TensorFlow Lite Micro and in mcucc: memory, instructions, bits.

    Args:
        model: as for `compile`.
        board: as for `compile`; instructions are counted where QEMU has a machine for its core.
        keywords: `sram` and `calibration` of `compile`, and those of the file, as for `plan`.

    Returns:
        The figures, as far as they can be told here: `messages` says why one is missing.

    Raises:
        BoardError, InputFileError, ToolchainError, UnsupportedModelError, UsageError: as `compile`.
    """
    source = model_of(model, keywords.get("array"))
    return compare_model(source, _options(board, keywords, CompareKeywords))


def inspect(
    model: Model,
    *,
    array: str | None = None,
    input_shapes: Shapes | None = None,
    cut_at: str | Sequence[str] = (),
    states: Mapping[str, str] | None = None,
    max_tensor_bytes: int = DEFAULT_LIMIT.tensor_bytes,
    max_operators: int = DEFAULT_LIMIT.operators,
) -> Inspection:
    """What a model holds, and every reason why it cannot be compiled.

    Args:
        model: as for `compile`.
        array: name of the array of a C source that holds several.
        input_shapes: ONNX shapes of inputs that the file leaves open, by name.
        cut_at: names of the values that become the outputs; those of the file if none.
        states: by input in which a run finds what the run before left the output of that.
        max_tensor_bytes: of one tensor of one sample as float32.
        max_operators: int8 operators of a network.

    Raises:
        InputFileError: the file cannot be read. An unsupported network is no error here.
        UsageError: an argument is wrong, a shape contradicts the file, or it has no such value.
    """
    limit, cut = limit_of(max_tensor_bytes, max_operators), names_of("cut_at", cut_at)
    handed_over = pairs_of("states", states)
    source = model_of(model, array)
    return inspect_model(source, shapes_of(input_shapes), limit, cut, handed_over)


def load(directory: PathArgument) -> LoadedNetwork:
    """A compiled directory as a function of arrays.

    Raises:
        InputFileError: it is none, or the network did not fit its board.
        UsageError: it is no path.
    """
    return LoadedNetwork(path_of_argument("directory", directory))


def verify(
    directory: Directory,
    inputs: Arrays | None = None,
    *,
    model: Model | None = None,
    on: Target = "host",
    require: Judge | Sequence[Judge] = (),
    max_tensor_bytes: int = DEFAULT_LIMIT.tensor_bytes,
) -> Verification:
    """Hold numpy, the C on this computer, TFLM and the Cortex-M program against each other.

    Args:
        directory: that `compile` wrote, or loaded from there.
        inputs: samples as for `compile`'s calibration, floats or int8; seeded random ones if None.
        model: the compiled one, for the link to the float network.
        on: "qemu" to run on the simulated core too.
        require: the judge whose absence is a failure: "tflm".
        max_tensor_bytes: of one tensor of one sample as float32.

    Returns:
        What each judge says; `ok` is false if they disagree, which is no exception.

    Raises:
        BoardError: on "qemu" for a board that is no microcontroller.
        InputFileError: the directory or the inputs are not what they should be, or the model is
            not the one that was compiled.
        ToolchainError: a compiler is missing.
        UsageError: an argument is wrong.
    """
    is_list = isinstance(require, list | tuple)
    judges = tuple(
        str(checked("require", judge, Judge)) for judge in (require if is_list else (require,))
    )
    return verify_directory(
        _directory(directory),
        inputs=None if inputs is None else arrays_of("inputs", inputs),
        on_qemu=checked("on", on, Target) == "qemu",
        require=judges,
        model=None if model is None else model_of(model),
        limit=limit_of(max_tensor_bytes, DEFAULT_LIMIT.operators),
    )


def evaluate(
    directory: Directory,
    inputs: Arrays,
    labels: Arrays,
    *,
    model: Model | None = None,
    max_tensor_bytes: int = DEFAULT_LIMIT.tensor_bytes,
) -> Evaluation:
    """Top-1 accuracy of the C on this computer, and with `model` that of the float network.

    Args:
        directory: that `compile` wrote, or loaded from there.
        inputs: samples as for `compile`'s calibration, floats or int8.
        labels: one class number per sample: an array, or the path of .npy or of .npz with `labels`.
        model: the compiled one.
        max_tensor_bytes: of one tensor of one sample as float32.

    Raises:
        InputFileError: directory, inputs or labels are not what they should be, or the model is
            not the one that was compiled.
        JudgeAbsentError: a model was given, and ONNX Runtime is not installed.
        ToolchainError: there is no C compiler.
        UsageError: an argument is wrong, or the labels are one-hot or count from 1.
    """
    limit = limit_of(max_tensor_bytes, DEFAULT_LIMIT.operators)
    samples, classes = arrays_of("inputs", inputs), arrays_of("labels", labels)
    source = None if model is None else model_of(model)
    return evaluate_directory(_directory(directory), samples, classes, source, limit)


def _options(
    board: PathArgument | Board, given: Mapping[str, object], known: type
) -> CompileOptions:
    """Keywords as the rooms below take them."""
    # Each has been checked when it is read as its type.
    options = cast("Any", options_of(given, sorted(known.__annotations__)))
    values = cast("CompileKeywords", given)
    calibration, observer = values.get("calibration"), values.get("observer", "mse")
    at_least("selftest", options.get("selftest", 0), 0)
    return CompileOptions(
        board_of(board),
        calibration=Calibration(
            None if calibration is None else arrays_of("calibration", calibration),
            PtqOptions(cast("Observer", checked("observer", observer, Observer))),
            shapes_of(values.get("input_shapes")),
            limit_of(
                values.get("max_tensor_bytes", DEFAULT_LIMIT.tensor_bytes),
                values.get("max_operators", DEFAULT_LIMIT.operators),
            ),
            names_of("cut_at", values.get("cut_at", ())),
            states=pairs_of("states", values.get("states")),
            split_output=bool(checked("split_output", values.get("split_output", False), bool)),
        ),
        **options,
    )


def _directory(directory: Directory) -> Path:
    if isinstance(directory, LoadedNetwork):
        return directory.directory
    return path_of_argument("directory", directory, "a path, or what `mcucc.load` gave")
