"""The whole compilation, and what may be asked of a model or a board: the public Python API.

>>> from pathlib import Path
>>> from mcucc.pipeline import CompileOptions, compile_model, write_compilation
>>> compilation = compile_model(
...     Path("examples/digits/digits_int8.onnx"), CompileOptions("nucleo-f446re")
... )
>>> compilation.report.fits
True
"""

import shutil
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import mcucc
from mcucc.board import Board, load_board
from mcucc.build.network import Network
from mcucc.build.sizes import Sizes, measure_sizes
from mcucc.build.toolchain import ARM_GCC, has_tool
from mcucc.codegen import Files, Program, Provenance, SelfTest, emit, lower, self_test
from mcucc.errors import (
    DoesNotFitError,
    InputFileError,
    UnsupportedModelError,
    UsageError,
    Violation,
)
from mcucc.importer import OnnxModel, OnnxPort, check_name, identifier, lower_qdq, read_onnx
from mcucc.ir import print_graph
from mcucc.kernels import select_kernels
from mcucc.ops import Int8Graph
from mcucc.ops.verify import node_macs, total_macs, verify
from mcucc.passes import INT8, run_passes
from mcucc.reference import interpreter
from mcucc.report import Report, load_report, to_json
from mcucc.report.fit import explain_misfit
from mcucc.report.make import Budget, make_report
from mcucc.samples import random_samples
from mcucc.schedule import MemoryPlan, plan_memory, schedule_layers
from mcucc.twin import write_twin

Objective = Literal["auto", "memory", "speed"]


@dataclass(frozen=True)
class CompileOptions:
    """How to compile.

    Attributes:
        board: id of a board, or path of a board file.
        name: prefix of all symbols; the file's stem if None.
        sram: bytes that the arena may take; the board's largest SRAM region less the stack reserve
            if None.
        objective: what to prefer where memory and speed disagree. Layer by layer they do not.
        keep_input: whether inputs survive a run.
        selftest: recorded samples in `<name>_selftest.c`; 0 for none.
    """

    board: str
    name: str | None = None
    sram: int | None = None
    objective: Objective = "auto"
    keep_input: bool = False
    selftest: int = 0

    def describe(self) -> str:
        """The options that change the generated files, for the provenance."""
        parts = [f"--objective {self.objective}"]
        parts += [f"--sram {self.sram}"] if self.sram is not None else []
        parts += ["--keep-input"] if self.keep_input else []
        parts += [f"--selftest {self.selftest}"] if self.selftest else []
        return " ".join(parts)


@dataclass(frozen=True)
class Compilation:
    """A compiled network that is not yet written to disk.

    Attributes:
        report: what `report.json` will hold; `report.fits` says whether there are files.
        files: text files by name; no code among them if the network does not fit.
        twin: the same network as `.tflite`.
        misfit: why it does not fit and what would help; empty if it fits.
    """

    report: Report
    files: Files
    twin: bytes
    misfit: str


@dataclass(frozen=True)
class InspectedLayer:
    """One operator of the int8 network; the output shape is the inner one (NHWC)."""

    name: str
    op: str
    output_shape: tuple[int, ...]
    macs: int


@dataclass(frozen=True)
class Inspection:
    """What a file holds.

    Attributes:
        model: file name.
        sha256: of the file.
        opset: version of the default operator set.
        ops: how often each ONNX operator occurs, by name.
        inputs: declared inputs; a dimension is None where the file leaves it open.
        outputs: likewise.
        supported: whether mcucc can compile it.
        violations: every reason why it cannot.
        macs: multiply-accumulates, None if it is not supported.
        params: elements of weights and biases, None if it is not supported.
        layers: of the int8 network in the order of execution, empty if it is not supported.
    """

    model: str
    sha256: str
    opset: int
    ops: Mapping[str, int]
    inputs: tuple[OnnxPort, ...]
    outputs: tuple[OnnxPort, ...]
    supported: bool
    violations: tuple[Violation, ...]
    macs: int | None
    params: int | None
    layers: tuple[InspectedLayer, ...]


def inspect_model(path: Path) -> Inspection:
    """Look into an ONNX file.

    Raises:
        InputFileError: the file cannot be read. An unsupported network is no error here.
    """
    model = read_onnx(path)
    graph, violations = None, ()
    try:
        graph = lower_qdq(model, identifier(path))
        select_kernels(graph)
    except UnsupportedModelError as error:
        graph, violations = None, error.violations
    return Inspection(
        model=path.name,
        sha256=model.sha256,
        opset=model.opset,
        ops=dict(sorted(Counter(node.op for node in model.nodes).items())),
        inputs=model.inputs,
        outputs=model.outputs,
        supported=graph is not None,
        violations=violations,
        macs=None if graph is None else total_macs(graph),
        params=None if graph is None else sum(c.type.size for c in graph.consts.values()),
        layers=() if graph is None else _layers(graph),
    )


def _layers(graph: Int8Graph) -> tuple[InspectedLayer, ...]:
    return tuple(
        InspectedLayer(
            n.name, type(n.op).__name__, graph.tensors[n.output].shape, node_macs(graph, n)
        )
        for n in graph.nodes
    )


def compile_model(path: Path, options: CompileOptions) -> Compilation:
    """Compile an ONNX file; nothing is written.

    Raises:
        InputFileError: the file cannot be read.
        UnsupportedModelError: with every reason why the network cannot be compiled.
        BoardError: there is no such board, or its file is wrong.
        UsageError: the name is no C identifier.
        ToolchainError: the compiler does not accept the generated code.
    """
    board = load_board(options.board)
    name = identifier(path) if options.name is None else check_name(options.name)
    model = read_onnx(path)
    imported = lower_qdq(model, name)
    verify(imported)
    graph, _events = run_passes(imported, INT8)
    schedule = schedule_layers(graph, select_kernels(graph), keep_input=options.keep_input)
    plan = plan_memory(schedule)
    program = lower(plan, _provenance(model, board, options))
    twin = write_twin(graph)
    draft = _draft(program, plan, options)
    sizes = _measure(draft, program, plan, board)
    budget = Budget.of(board, options.sram)
    fits = budget.admits(plan.arena_bytes, sizes)
    own_board = _own_board_file(board, options)
    files = {**draft, f"{name}.ir": print_graph(graph), **own_board} if fits else own_board
    report = make_report(
        program,
        plan,
        budget,
        sizes,
        model_macs=total_macs(imported),
        files=sorted([*files, f"{name}.tflite"] if fits else files),
        notes=_notes(board, sizes),
    )
    return Compilation(report, files, twin, "" if fits else explain_misfit(report, board))


def write_compilation(compilation: Compilation, directory: Path) -> None:
    """Write all files; those of an earlier compilation into the same directory are removed.

    If the network does not fit, `report.json` is written and no code. Everything is first written
    to a directory beside, so that a full disk leaves the old state.

    Raises:
        DoesNotFitError: after writing, if the network does not fit.
        UsageError: the directory cannot be written.
    """
    report = compilation.report
    contents: dict[str, bytes] = {name: text.encode() for name, text in compilation.files.items()}
    if report.fits:
        contents[f"{report.name}.tflite"] = compilation.twin
    contents["report.json"] = to_json(report).encode()
    try:
        _replace_files(directory, contents)
    except OSError as error:
        problem = error.strerror or error
        raise UsageError(f"{directory}: cannot be written: {problem}") from error
    if not report.fits:
        raise DoesNotFitError(compilation.misfit)


def _replace_files(directory: Path, contents: Mapping[str, bytes]) -> None:
    directory.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".mcucc-", dir=directory.parent) as staging:
        for name, data in contents.items():
            (Path(staging) / name).write_bytes(data)
        directory.mkdir(exist_ok=True)
        for name in _earlier_files(directory):
            (directory / name).unlink(missing_ok=True)
        for name in contents:
            shutil.move(Path(staging) / name, directory / name)


def _earlier_files(directory: Path) -> tuple[str, ...]:
    """Files that an earlier compilation wrote here and this one may not write again."""
    try:
        return tuple(name for name in load_report(directory).files if Path(name).name == name)
    except InputFileError:
        return ()


def _provenance(model: OnnxModel, board: Board, options: CompileOptions) -> Provenance:
    return Provenance(
        mcucc.__version__, model.path.name, model.sha256, board.id, options.describe()
    )


def _draft(program: Program, plan: MemoryPlan, options: CompileOptions) -> Files:
    """The C files; the recorded self-test needs outputs, which the reference computes."""
    test = _recorded(plan.schedule.graph, options.selftest) if options.selftest else None
    return emit(program, keep_input=options.keep_input, selftest=test)


def _recorded(graph: Int8Graph, count: int) -> SelfTest:
    shapes = [graph.tensors[port.tensor].shape for port in graph.inputs]
    samples = random_samples(shapes, count)
    inputs = {port.tensor: s for port, s in zip(graph.inputs, samples, strict=True)}
    values = interpreter.run(graph, inputs)
    return self_test(samples, [values[port.tensor] for port in graph.outputs])


def _own_board_file(board: Board, options: CompileOptions) -> Files:
    """A board file of the user's own, which later commands need even if the network misfits."""
    if not options.board.endswith(".toml"):
        return {}
    return {f"{board.id}.toml": Path(options.board).read_text(encoding="utf-8")}


def _measure(files: Files, program: Program, plan: MemoryPlan, board: Board) -> Sizes | None:
    """Sizes of the objects built for the board's core, None without a compiler for it."""
    if not has_tool(ARM_GCC):
        return None
    network = Network(
        program.name,
        tuple(port.tensor.nbytes for port in program.inputs),
        tuple(port.tensor.nbytes for port in program.outputs),
        plan.arena_bytes,
        program.arena_align,
    )
    with tempfile.TemporaryDirectory(prefix="mcucc-sizes-") as folder:
        source = Path(folder) / "source"
        source.mkdir()
        for name, text in files.items():
            (source / name).write_text(text, encoding="utf-8")
        return measure_sizes(source, network, board, Path(folder) / "work")


def _notes(board: Board, sizes: Sizes | None) -> tuple[str, ...]:
    notes: list[str] = []
    if sizes is None:
        notes.append(
            f"{ARM_GCC} was not found: flash and stack are unknown, and `fits` speaks of SRAM alone"
        )
    if board.simulator.proxy:
        notes.append(f"QEMU has no {board.name}: runs use {board.simulator.machine} as a proxy")
    return tuple(notes)
