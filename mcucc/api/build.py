"""From a compiled directory to a program for a board, and what of it takes how much memory."""

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mcucc.api.attribution import Attribution, code_bytes
from mcucc.build.elf import allocated_sections, object_sizes
from mcucc.build.project import BuildOptions, build_cortex_m
from mcucc.build.ranges import read_code_map
from mcucc.compiled.directory import CompiledNetwork
from mcucc.compiled.output import write_whole
from mcucc.errors import UsageError
from mcucc.report import Report
from mcucc.targets.board import load_board

_ELF_MAGIC = b"\x7fELF"


@dataclass(frozen=True)
class ProgramLayer:
    """What a layer takes of a program.

    Attributes:
        index: in the report's layers.
        name: of the layer.
        op: its operator.
        kernel: its kernel, empty where nothing is executed.
        code_bytes: machine code that is executed for this layer alone.
        weights_bytes: its constant arrays: weights, biases with multipliers, tables.
    """

    index: int
    name: str
    op: str
    kernel: str
    code_bytes: int
    weights_bytes: int


@dataclass(frozen=True)
class BuiltProgram:
    """A linked program and its sizes, all read from the file itself.

    Attributes:
        file: the program.
        model: name of the network.
        board: id.
        core: of the board.
        simulator: QEMU machine that runs it.
        proxy: whether that machine only stands in for the board.
        text_bytes: machine code, that of the harness and the C library included.
        rodata_bytes: constants other than the weights, vectors included.
        weights_bytes: of the network.
        data_bytes: variables with initial values, which take flash as well.
        bss_bytes: variables without.
        stack_bytes: set aside for the stack.
        arena_bytes: of the network, with the bytes around that are watched.
        flash_bytes: all of it that lies in flash.
        ram_bytes: all of it that lies in RAM.
        shared_code_bytes: machine code of the network that several layers share, or none.
        shared_weights_bytes: weights that are no layer's own, such as rows of padding.
        layers: in order.
    """

    file: str
    model: str
    board: str
    core: str
    simulator: str
    proxy: bool
    text_bytes: int
    rodata_bytes: int
    weights_bytes: int
    data_bytes: int
    bss_bytes: int
    stack_bytes: int
    arena_bytes: int
    flash_bytes: int
    ram_bytes: int
    shared_code_bytes: int
    shared_weights_bytes: int
    layers: tuple[ProgramLayer, ...]


def build_program(directory: Path, board_id: str | None, output: Path | None) -> BuiltProgram:
    """Build the program of a compiled directory and write it to a file.

    Args:
        directory: compiled; nothing is written into it.
        board_id: id of a board or a board file; None for the one it was compiled for.
        output: the file; None for `<name>.elf` in the working directory.

    Raises:
        BoardError: there is no such board, or it is no microcontroller.
        DoesNotFitError: the board's flash or RAM is too small.
        InputFileError: the directory is not a compiled network.
        ToolchainError: the compiler is missing or does not accept the code.
        UsageError: the file cannot be written, or is something else than a program.
    """
    compiled = CompiledNetwork.open(directory)
    if board_id is not None:
        compiled = compiled.on(load_board(board_id))
    compiled.board.require_simulator()
    target = output or Path(f"{compiled.report.name}.elf")
    _check_target(target)
    with tempfile.TemporaryDirectory(prefix="mcucc-build-") as work:
        options = BuildOptions(debug=True, other_core=compiled.is_elsewhere)
        built = build_cortex_m(directory, compiled.network, compiled.board, Path(work), options)
        sizes = _measure(compiled, built.path, target)
        _replace(built.path, target)
    return sizes


def _check_target(target: Path) -> None:
    if target.is_dir():
        raise UsageError(f"{target}: is a directory, and -o wants a file")
    if target.is_file():
        with target.open("rb") as file:
            if file.read(len(_ELF_MAGIC)) != _ELF_MAGIC:
                raise UsageError(
                    f"{target} exists and is no program: give another file with -o, or move it away"
                )


def _replace(source: Path, target: Path) -> None:
    """Write the whole file or none of it."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_whole(target, source.read_bytes())
    except OSError as error:
        raise UsageError(f"{target}: cannot be written: {error.strerror or error}") from error


def _measure(compiled: CompiledNetwork, program: Path, target: Path) -> BuiltProgram:
    report, board = compiled.report, compiled.board
    simulator = board.require_simulator()
    attribution = Attribution(report)
    sections = allocated_sections(program)
    code = code_bytes(attribution, read_code_map(program, attribution.owners, attribution.kernels))
    weights = _weights(report, object_sizes(program))
    layers = tuple(
        ProgramLayer(
            index=layer.index,
            name=layer.name,
            op=layer.op,
            kernel=layer.kernel,
            code_bytes=code.get((layer.index,), 0),
            weights_bytes=weights.get(layer.index, 0),
        )
        for layer in report.layers
    )
    flash = [".vectors", ".text", ".weights", ".rodata", ".ARM.exidx", ".data"]
    return BuiltProgram(
        file=os.fspath(target),
        model=report.name,
        board=board.id,
        core=board.core.name,
        simulator=simulator.machine,
        proxy=simulator.proxy,
        text_bytes=sections.get(".text", 0),
        rodata_bytes=sum(sections.get(s, 0) for s in (".vectors", ".rodata", ".ARM.exidx")),
        weights_bytes=sections.get(".weights", 0),
        data_bytes=sections.get(".data", 0),
        bss_bytes=sections.get(".bss", 0),
        stack_bytes=sections.get(".stack", 0),
        arena_bytes=sections.get(".arena", 0),
        flash_bytes=sum(sections.get(s, 0) for s in flash),
        ram_bytes=sum(sections.get(s, 0) for s in (".stack", ".data", ".bss", ".arena")),
        shared_code_bytes=sum(code.values()) - sum(layer.code_bytes for layer in layers),
        shared_weights_bytes=sections.get(".weights", 0) - sum(weights.values()),
        layers=layers,
    )


def _weights(report: Report, objects: Mapping[str, int]) -> dict[int, int]:
    """Bytes of constant arrays by layer."""
    return {
        layer.index: sum(objects.get(array, 0) for array in layer.arrays) for layer in report.layers
    }
