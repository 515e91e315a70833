"""The whole compilation: what `mcucc.compile` does.

>>> from pathlib import Path
>>> from mcucc.api.compile import CompileOptions, compile_model, write_compilation
>>> compilation = compile_model(
...     Path("examples/digits/digits_int8.onnx"), CompileOptions("nucleo-f446re")
... )
>>> compilation.report.fits
True
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import mcucc
from mcucc.api.joined import joined_notes
from mcucc.api.made import make
from mcucc.api.network import Calibration, Network, load_network
from mcucc.api.options import (
    CompileOptions,
    check_options,
    interface_of,
    unread_inputs,
)
from mcucc.build.sizes import Sizes
from mcucc.build.toolchain import ARM_GCC, PACKAGES
from mcucc.codegen import Files, Provenance, lower
from mcucc.compiled.output import earlier_compilation, finish_replacement, replace_files
from mcucc.errors import DoesNotFitError, InvariantError, UsageError
from mcucc.importer import (
    ModelSource,
    OnnxModel,
    check_name,
    identifier,
    path_of,
    read_network,
)
from mcucc.ir import print_graph, seal
from mcucc.kernels import Choice, Kernel
from mcucc.ops import Int8Graph
from mcucc.ops.verify import total_macs
from mcucc.progress import Stage, silent
from mcucc.report import Report, to_json
from mcucc.report.fit import explain_misfit
from mcucc.report.make import Budget, Origin, OutsideArenas, Written, make_report
from mcucc.report.model import Quantization, sealed
from mcucc.report.quality import remedy
from mcucc.report.reasons import Grounds, collect
from mcucc.report.summary import Summarized, Summary
from mcucc.schedule import USUAL_RECOMPUTE, MemoryPlan, PlanOptions, plan_network
from mcucc.schedule.macs import halo_macs
from mcucc.schedule.proof.replay import replay
from mcucc.targets.board import Board, load_board, own_board_text
from mcucc.twin import unjudged, write_twin

NOT_CALIBRATED = (
    "NOT CALIBRATED: quantized on random inputs. Memory and speed are right, results are not: "
    "compile again with --calib and some hundred real inputs"
)


@dataclass(frozen=True, repr=False)
class Compilation(Summarized):
    """A compiled network that is not yet written to disk.

    Attributes:
        report: what `report.json` will hold; `report.fits` says whether there are files.
        files: text files by name; no code among them if the network does not fit.
        twin: the same network as `.tflite`.
        misfit: why it does not fit and what would help; empty if it fits.
        warnings: those of the report's notes that say that results will be wrong.
    """

    report: Report
    files: Files
    twin: bytes
    misfit: str
    warnings: tuple[str, ...] = ()

    def summary(self) -> Summary:
        """That of the report, and how many warnings there are."""
        shown = self.report.summary(type(self).__name__)
        return replace(shown, facts={**shown.facts, "warnings": len(self.warnings)})

    def write(self, directory: str | os.PathLike[str], *, clean: bool = False) -> None:
        """Write all files into a directory, as `write_compilation` does.

        Raises: as that, and `UsageError` for what is no path.
        """
        # Whoever calls this need not run a type checker.
        if not isinstance(directory, str | os.PathLike):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise UsageError(f"directory: give a path (str or Path), not {directory!r:.40}")
        write_compilation(self, Path(directory), clean=clean)


def compile_model(
    source: ModelSource, options: CompileOptions, stage: Stage = silent
) -> Compilation:
    """Compile an ONNX file; nothing is written. `stage` is told what is being done.

    Raises:
        InputFileError: the file cannot be read.
        UnsupportedModelError: with every reason why the network cannot be compiled.
        BoardError: there is no such board, or its file is wrong.
        UsageError: the name is no C identifier, a given shape contradicts the file, options
            contradict each other, or `sram` is more than the board has.
        ToolchainError: the compiler does not accept the generated code.
    """
    board = load_board(options.board)
    budget = Budget.of(board, options.sram)
    name, model = _named(source, options.name)
    network = load_network(model, name, options.calibration, stage, prune=options.prune)
    stage(f"compiling {name}")
    graph = network.graph
    check_options(graph, options)
    io, io_notes = interface_of(graph, options, model.format)
    provenance = _provenance(model, board, options)
    made = make(graph, options, budget, lambda plan: lower(plan, provenance, io, board.core))
    plan, fits = made.plan, made.fits
    if options.check:
        _prove(plan)
    files = _files(made.files, graph, board, options) if fits else _own_board_file(board, options)
    notes = (*_notes(network, board, made.sizes, options.calibration), *made.notes)
    report = sealed(
        make_report(
            made.program,
            plan,
            made.budget,
            made.sizes,
            _origin(network, options.calibration),
            Written(
                files=sorted([*files, f"{name}.tflite"] if fits else files),
                notes=model.notes + io_notes + notes,
                decided=collect(plan, _grounds(network, made.choices, options, made.wanted)),
            ),
            outside=_arenas_without_input(plan, made.kernels, made.wanted),
        )
    )
    misfit = "" if fits else explain_misfit(report, board)
    return Compilation(report, files, write_twin(graph), misfit, _warnings(network))


def _named(source: ModelSource, name: str | None) -> tuple[str, OnnxModel]:
    """The name of the network, that of the file if none was given, and the model."""
    checked = identifier(path_of(source)) if name is None else check_name(name)
    return checked, read_network(source)


def write_compilation(compilation: Compilation, directory: Path, *, clean: bool = False) -> None:
    """Write all files, in place of those of an earlier compilation into the same directory.

    At any moment the directory holds all the old files or all the new ones
    (docs/adr/0017-old-or-new.md). Files of the user's own are never overwritten.

    Args:
        compilation: if the network does not fit, there is only a `report.json` to write.
        directory: need not exist.
        clean: if the network does not fit, replace code of an earlier compilation by this report;
            otherwise that code stays as it was.

    Raises:
        DoesNotFitError: after writing, if the network does not fit.
        InputFileError: an earlier mcucc was killed there, and what it left cannot be finished.
        UsageError: the directory cannot be written, or holds a file of the user's own under a name
            that is needed; nothing was written then.
    """
    report = compilation.report
    contents: dict[str, bytes] = {name: text.encode() for name, text in compilation.files.items()}
    if report.fits:
        contents[f"{report.name}.tflite"] = compilation.twin
    contents["report.json"] = to_json(report).encode()
    if report.fits:
        replace_files(directory, contents)
        return
    finish_replacement(directory)
    earlier = earlier_compilation(directory)
    if earlier.fits and not clean:
        kept = f"{directory} keeps the files of the earlier compilation: --clean removes them."
        raise DoesNotFitError(f"{compilation.misfit}\n\n  {kept}")
    replace_files(directory, contents)
    gone = len(set(earlier.files) - set(contents))
    removed = f"\n\n  {gone} file(s) of the earlier compilation in {directory} were removed."
    raise DoesNotFitError(compilation.misfit + (removed if gone else ""))


def _grounds(
    network: Network, choices: Mapping[str, Choice], options: CompileOptions, wanted: PlanOptions
) -> Grounds:
    """What the reasons of a compilation are made of."""
    return Grounds(network.events, network.whole, choices, options.prune, wanted)


def _arenas_without_input(
    plan: MemoryPlan, kernels: Mapping[str, Kernel | None], wanted: PlanOptions
) -> OutsideArenas:
    """The sizes of the arena with an input that is handed over.

    They take other plannings: found only where an arena is too large, for the advice; the second
    only where the first is too large as well.
    """
    if plan.schedule.elsewhere:
        return OutsideArenas(elsewhere=plan.arena_bytes)
    found = OutsideArenas(streamed=plan.arena_bytes if plan.schedule.streamed else None)
    graph = plan.schedule.graph
    if len(graph.inputs) != 1 or wanted.limit is None or plan.arena_bytes <= wanted.limit:
        return found
    streamed = replace(wanted, stream_input=True, keep_input=False)
    if not plan.schedule.streamed:
        size = plan_network(graph, kernels, streamed).arena_bytes
        found = replace(found, streamed=size)
        if size <= wanted.limit:
            return found
    strips = replace(streamed, input_elsewhere=True, max_recompute=USUAL_RECOMPUTE)
    return replace(found, elsewhere=plan_network(graph, kernels, strips).arena_bytes)


def _prove(plan: MemoryPlan) -> None:
    """Replay a plan over an arena that knows what each byte holds.

    Raises:
        InvariantError: some reader would not find what it needs, or more is computed twice than
            the columns that strips have in common.
    """
    graph = plan.schedule.graph
    replayed = replay(plan, keep_input=plan.schedule.keep_input)
    faults = [str(fault) for fault in replayed.faults]
    macs = total_macs(graph) + halo_macs(plan.schedule)
    if replayed.macs != macs:
        faults.append(f"{replayed.macs} multiply-accumulates of {macs} are executed")
    if faults:
        raise InvariantError(f"the plan of '{graph.name}' is wrong: {'; '.join(faults)}")


def _provenance(model: OnnxModel, board: Board, options: CompileOptions) -> Provenance:
    return Provenance(
        mcucc.__version__, model.path.name, model.sha256, board.id, options.describe()
    )


def _files(draft: Files, graph: Int8Graph, board: Board, options: CompileOptions) -> Files:
    """All text files of a network that fits."""
    ir = {f"{graph.name}.ir": seal(print_graph(graph))}
    return {**draft, **ir, **_own_board_file(board, options)}


def _own_board_file(board: Board, options: CompileOptions) -> Files:
    """A board file of the user's own, which later commands need even if the network misfits."""
    text = own_board_text(options.board)
    return {} if text is None else {f"{board.id}.toml": text}


def _origin(network: Network, calibration: Calibration) -> Origin:
    quantization = None
    if network.quantized_here:
        by_ratio = sorted(network.sqnr_db.items(), key=lambda item: (item[1], item[0]))
        options = calibration.options
        worst, ratio = by_ratio[0] if by_ratio else (None, None)
        maker = None if worst is None else network.graph.producers.get(worst)
        quantization = Quantization(
            samples=network.samples,
            observer=options.observer,
            equalized=options.equalize,
            bias_corrected=options.correct_bias,
            held_out=network.held_out,
            worst_layer=worst if maker is None else maker.name,
            worst_sqnr_db=ratio,
            remedy=remedy(
                ratio,
                calibrated=network.calibrated,
                samples=network.samples,
                doubtful=bool(network.doubts),
            ),
        )
    return Origin(
        network.model_macs,
        network.calibrated,
        quantization,
        network.sqnr_db,
        network.parts,
        unjudged(network.graph),
    )


def _warnings(network: Network) -> tuple[str, ...]:
    """What makes results wrong."""
    return network.doubts if network.calibrated else (NOT_CALIBRATED,)


def _notes(
    network: Network, board: Board, sizes: Sizes | None, calibration: Calibration
) -> tuple[str, ...]:
    notes: list[str] = [*network.notes]
    if not network.quantized_here and calibration.source is not None:
        notes.append(
            "the network comes quantized (QDQ) with scales of its own: --calib was not used"
        )
    notes += _warnings(network)
    if network.dropped_channels:
        notes.append(
            f"{network.dropped_channels:,} channels that do not depend on the input, or are not "
            "needed, were dropped; no output changes"
        )
    notes += joined_notes(network.parts, network.graph)
    unread = unread_inputs(network.graph)
    if unread:
        notes.append(
            f"no output depends on input {', '.join(unread)}: it stays in the interface, and what "
            "it holds changes nothing"
        )
    if board.simulator is None:
        notes.append(
            f"{board.id} is no microcontroller: flash and stack are unknown, and `fits` says that "
            "the arena can be addressed"
        )
    elif sizes is None:
        notes.append(
            f"{ARM_GCC} was not found: the C was not built, flash and stack are unknown, and "
            "`fits` speaks of SRAM and of the weights, but not of the code (on Debian: apt-get "
            f"install {PACKAGES[ARM_GCC]})"
        )
    if board.simulator is not None and board.simulator.proxy:
        notes.append(f"QEMU has no {board.name}: runs use {board.simulator.machine} as a proxy")
    return tuple(notes)
