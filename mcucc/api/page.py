"""The report of a compiled directory as a page for a browser."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from mcucc.codegen import EXAMPLE
from mcucc.compiled.counts import Counts, load_counts
from mcucc.compiled.directory import CompiledNetwork
from mcucc.compiled.output import write_whole
from mcucc.compiled.report_file import load_report
from mcucc.errors import JudgeAbsentError, SimulationError, UsageError
from mcucc.kernels import select_kernels
from mcucc.memory import ALIGNMENT
from mcucc.progress import Stage, silent
from mcucc.report import Report
from mcucc.report.html import Beside, Counted, PlanPoint, render_page
from mcucc.resources import read_plain
from mcucc.schedule import USUAL_RECOMPUTE, Mode, PlanOptions, plan_network
from mcucc.sim.tflm_memory import tflm_memory

_MOST_EXAMPLE_BYTES = 1 << 16


def write_page(directory: Path, file: Path, stage: Stage = silent) -> None:
    """Write the page of a compiled directory to a file.

    Args:
        directory: compiled, for a board that the network fits or not.
        file: HTML; an earlier one is replaced.
        stage: is told what is being done.

    Raises:
        InputFileError: the directory is not a compiled network of this version.
        UsageError: the file cannot be written.
    """
    if file.is_dir():
        raise UsageError(f"{file}: is a directory, and --html wants a file")
    page = page_of(directory, stage)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, page.encode())
    except OSError as error:
        raise UsageError(f"{file}: cannot be written: {error.strerror or error}") from error


def page_of(directory: Path, stage: Stage = silent) -> str:
    """The page of a compiled directory; errors as of `write_page`."""
    report = load_report(directory)
    if not report.fits:
        return render_page(report, Beside(CompiledNetwork(directory, report).board))
    compiled = CompiledNetwork.open(directory)
    counts = load_counts(directory, report)
    beside = Beside(
        board=compiled.board,
        points=tuple(_points(compiled, stage)),
        counted=None if counts is None else _counted(report, counts),
        example=_example(compiled),
    )
    return render_page(report, beside)


def _example(compiled: CompiledNetwork) -> str:
    """The example in C, without the comment at its head; empty if somebody removed it."""
    path = compiled.directory / EXAMPLE
    if not path.is_file():
        return ""
    text = read_plain(path, _MOST_EXAMPLE_BYTES, "is missing").decode(errors="replace")
    return text.partition("*/\n")[2].strip() or text


def _counted(report: Report, counts: Counts) -> Counted:
    layers = {layer.index: layer.instructions for layer in counts.layers}
    joint = {layer.index for layer in report.layers} - set(layers)
    return Counted(counts.instructions, counts.modelled_cycles, layers, frozenset(joint))


def _points(compiled: CompiledNetwork, stage: Stage) -> Iterator[PlanPoint]:
    """Other plans of the same network, each as `compile` would make it, and TFLM's."""
    report, graph = compiled.report, compiled.graph
    kernels = select_kernels(graph, compiled.board.core)
    wanted = _wanted(report)

    def arena(options: PlanOptions) -> int:
        return plan_network(graph, kernels, options).arena_bytes

    stage(f"planning {report.name}")
    fastest = arena(replace(wanted, objective="speed", limit=None))
    auto = arena(replace(wanted, objective="auto"))
    if auto == fastest:
        yield PlanPoint("fastest, which auto takes", auto, _command(report, "auto"))
    else:
        yield PlanPoint("fastest", fastest, note="a board with more RAM has room for it")
        yield PlanPoint("auto", auto, _command(report, "auto"))
    smallest = arena(replace(wanted, objective="memory"))
    yield PlanPoint("smallest", smallest, _command(report, "memory"))
    tensors = {tensor.id: tensor for tensor in report.tensors}
    if len(report.inputs) == 1 and tensors[report.inputs[0].tensor].h > 1:
        streamed = replace(wanted, objective="memory", stream_input=True, keep_input=False)
        note = "the caller hands over rows of the input, which is not in the arena as a whole"
        command = _command(report, "memory", "--stream-input")
        yield PlanPoint("smallest, streamed input", arena(streamed), command, note)
        strips = replace(streamed, input_elsewhere=True, max_recompute=USUAL_RECOMPUTE)
        note = "any pixels of the input can be read, which is not in the arena; perhaps in strips"
        command = _command(report, "memory", "--input-elsewhere")
        yield PlanPoint("smallest, input elsewhere", arena(strips), command, note)
    yield from _tflm(compiled, stage)


def _tflm(compiled: CompiledNetwork, stage: Stage) -> Iterator[PlanPoint]:
    """What TensorFlow Lite Micro takes of activations, where it runs the network."""
    stage("TensorFlow Lite Micro")
    try:
        memory = tflm_memory(compiled.twin)
    except (JudgeAbsentError, SimulationError):
        return
    note = f"its activations alone; {memory.total_bytes:,} B in all, on x86-64"
    yield PlanPoint("TensorFlow Lite Micro", memory.activation_bytes, note=note)


def _wanted(report: Report) -> PlanOptions:
    """What the compilation asked of the planner, but for objective and streaming."""
    modes: dict[str, Mode] = {"layer": "layer", "stream": "stream"}
    return PlanOptions(
        mode=modes.get(_given(report, "--schedule", "auto"), "auto"),
        limit=max(report.sram_bytes - report.stack_reserve_bytes, 0),
        keep_input="--keep-input" in report.options.split(),
        alignment=int(_given(report, "--align", str(ALIGNMENT))),
    )


def _given(report: Report, option: str, default: str) -> str:
    """The word behind an option of the compilation."""
    found = re.search(rf"(?:^| ){option} (\S+)", report.options)
    return default if found is None else found[1]


def _command(report: Report, objective: str, source: str = "") -> str:
    """The command that compiles the same with another objective.

    Args:
        report: of the compilation.
        objective: what it asks for.
        source: the option by which the caller hands over the input; empty if it is in the arena.
    """
    options = re.sub(r"--objective \w+", f"--objective {objective}", report.options)
    options = re.sub(r" ?--(stream-input|input-elsewhere|max-recompute \S+)(?= |$)", "", options)
    if source:
        options = re.sub(r" ?--keep-input(?= |$)", "", options)
        options = f"{options.replace('--io float', '--io int8')} {source}"
    return f"mcucc compile {report.model.name} --board {report.board} {options.strip()}"
