"""From a directory of generated C to something that runs.

Nothing is ever written into that directory: objects, the harness and the linker script go to a
subdirectory of `work`, one for each kind of build.
"""

import enum
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mcucc.build.network import Network
from mcucc.build.render import render_harness, render_linker_script
from mcucc.build.toolchain import (
    ARM_GCC,
    HOST_CLANG,
    HOST_GCC,
    WARNINGS,
    Compiler,
    arm_clang,
    find_tool,
)
from mcucc.errors import (
    DoesNotFitError,
    InputFileError,
    InvariantError,
    SimulationError,
    ToolchainError,
)
from mcucc.resources import RUNTIME_C
from mcucc.targets.board import Board, Region, load_board

PLATFORM = RUNTIME_C / "platform"
"""The C sources of the harness, its platforms and the QEMU plugin."""

NETWORK_OPTIMIZATION = "-O3"
"""How the network itself is compiled for a target."""

_HOST_SOURCES = ("harness.c", "host/harness_io_host.c")
_LIBRARY_SOURCES = ("host/library.c",)
_CORTEX_M_SOURCES = (
    "harness.c",
    "cortex_m/startup.c",
    "cortex_m/faults.c",
    "cortex_m/protection.c",
    "cortex_m/semihosting.c",
    "cortex_m/harness_io_cortex_m.c",
)
_SANITIZERS = (
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=all",
    "-fno-omit-frame-pointer",
    "-g",
)
_OVERFLOW = re.compile(r"region `(?P<region>\w+)' overflowed by (?P<bytes>\d+) bytes?")


class ArtifactKind(enum.Enum):
    """What can be done with the product of a build."""

    HOST_EXECUTABLE = "host executable"
    HOST_LIBRARY = "host library"
    CORTEX_M_ELF = "Cortex-M program"
    QEMU_PLUGIN = "QEMU plugin"


StepHooks = Literal["none", "count", "liveness"]


@dataclass(frozen=True)
class BuildOptions:
    """What a build observes beside the outputs.

    Attributes:
        trace: every tensor is recorded (`-D<NAME>_TRACE`).
        step_hooks: "count": the hooks around each step exist and do nothing, so that a simulator
            can count between them. "liveness": bytes of the arena that no buffer owns are
            overwritten before each step and must not change during it.
        run_float: the network runs by its `run_float`, whose real outputs must be those of its int8
            ones; host executables of `--io float` only.
        debug: debug information tells whose code is where; it changes no instruction.
        sanitize: AddressSanitizer and UndefinedBehaviorSanitizer; host executables only.
        optimize: whether the host's compiler optimizes; not worth it for a network that runs for
            less time than it takes to compile.
        clang: clang builds instead of gcc; of a Cortex-M program the network alone.
        other_core: the code was made for another core; where it uses instructions that this one
            lacks, plain C does their work.
    """

    trace: bool = False
    step_hooks: StepHooks = "none"
    sanitize: bool = False
    run_float: bool = False
    debug: bool = False
    optimize: bool = True
    clang: bool = False
    other_core: bool = False

    def label(self) -> str:
        """Returns a file name that no other set of options has."""
        parts = ["traced"] * self.trace + ["sanitized"] * self.sanitize
        parts += ["float"] * self.run_float + ["debug"] * self.debug
        parts += [] if self.optimize else ["unoptimized"]
        parts += ["clang"] * self.clang
        return "-".join(["plain", *parts, self.step_hooks])

    def defines(self, network: Network) -> tuple[str, ...]:
        """Returns the preprocessor's options."""
        flags: list[str] = []
        if self.trace:
            flags.append(f"-D{network.macro_prefix}_TRACE")
        if self.step_hooks != "none":
            flags.append(f"-D{network.macro_prefix}_STEP_HOOKS")
        if self.step_hooks == "liveness":
            flags.append("-DHARNESS_LIVENESS")
        if self.run_float:
            flags.append("-DHARNESS_RUN_FLOAT")
        if self.other_core:
            flags.append("-DMCUCC_ALLOW_PORTABLE")
        return tuple(flags)


PLAIN = BuildOptions()
"""Nothing but the outputs is observed."""


@dataclass(frozen=True)
class Artifact:
    """The product of a build.

    Attributes:
        path: the file.
        kind: what can be done with it.
        options: what it observes.
    """

    path: Path
    kind: ArtifactKind
    options: BuildOptions = PLAIN

    def require(self, kind: ArtifactKind) -> None:
        """Refuses an artifact of another kind.

        Raises:
            InvariantError: it is of another kind.
        """
        if self.kind is not kind:
            raise InvariantError(f"a {kind.value} is needed, {self.path} is a {self.kind.value}")


def build_host_executable(
    directory: Path, network: Network, work: Path, options: BuildOptions = PLAIN
) -> Artifact:
    """Builds a program for `sim.host.run_executable`.

    Args:
        directory: the generated code.
        network: its interface.
        work: where build products go.
        options: what to observe.

    Raises:
        InputFileError: the directory does not hold the network.
        ToolchainError: the compiler is missing, or does not accept the code.
    """
    build = _subdirectory(work, f"host-{options.label()}")
    tool = find_tool(HOST_CLANG if options.clang else HOST_GCC)
    gcc = Compiler(tool, _SANITIZERS if options.sanitize else ())
    optimize = ("-O1" if options.sanitize else "-O2") if options.optimize else "-O0"
    flags = (*WARNINGS, optimize, *options.defines(network))
    objects = compile_network(gcc, directory, network, build, flags)
    objects += _compile_harness(gcc, directory, network, build, _HOST_SOURCES, flags)
    target = build / f"{network.name}.out"  # no folder beside it has a dot
    gcc.run([*_texts(objects), "-o", str(target)], cwd=build)
    return Artifact(target, ArtifactKind.HOST_EXECUTABLE, options)


def build_host_library(directory: Path, network: Network, work: Path) -> Artifact:
    """Builds a shared library for `sim.host.HostLibrary`; parameters and errors as above."""
    build = _subdirectory(work, "library")
    gcc = Compiler(find_tool(HOST_GCC), ("-fPIC",))
    flags = (*WARNINGS, "-O2")
    objects = compile_network(gcc, directory, network, build, flags)
    objects += _compile_harness(gcc, directory, network, build, _LIBRARY_SOURCES, flags)
    target = build / f"lib{network.name}.so"
    gcc.run(["-shared", *_texts(objects), "-o", str(target)], cwd=build)
    return Artifact(target, ArtifactKind.HOST_LIBRARY)


def build_cortex_m(
    directory: Path, network: Network, board: Board, work: Path, options: BuildOptions = PLAIN
) -> Artifact:
    """Builds a program for the QEMU machine of a board, in memory of the board's sizes.

    The harness and the C library are in it too, so its flash is more than the network's.

    Args:
        directory: the generated code.
        network: its interface.
        board: gives the core's options and the memory regions.
        work: where build products go.
        options: what to observe.

    Raises:
        BoardError: the board is no microcontroller.
        DoesNotFitError: a memory region overflows.
        InputFileError: the directory does not hold the network.
        SimulationError: the board's memory would do, but that of its proxy does not.
        ToolchainError: arm-none-eabi-gcc is missing, or does not accept the code.
    """
    board.require_simulator()
    build = _subdirectory(work, f"{board.id}-{options.label()}")
    gcc = Compiler(find_tool(ARM_GCC), board.core.gcc_flags)
    defines = options.defines(network)
    network_flags = [*WARNINGS, NETWORK_OPTIMIZATION, *defines]
    if options.debug:  # without the folders of this computer: equal code gives equal programs
        here = [f"-ffile-prefix-map={path.resolve()}=." for path in (directory, build)]
        network_flags += ["-g", *here]
    compiler = arm_clang(gcc, board.core.gcc_flags) if options.clang else gcc
    objects = compile_network(compiler, directory, network, build, network_flags)
    objects += _compile_harness(
        gcc, directory, network, build, _CORTEX_M_SOURCES, (*WARNINGS, "-O2", *defines)
    )
    program = _link_cortex_m(gcc, objects, network, board, build)
    return Artifact(program, ArtifactKind.CORTEX_M_ELF, options)


def network_sources(directory: Path, network: Network) -> tuple[Path, ...]:
    """Returns the C files of a network, sorted: all but the example and the self-test.

    Raises:
        InputFileError: the directory does not hold the network's header and its C files.
    """
    spare = f"{network.name}_selftest.c"
    sources = tuple(sorted(p for p in directory.glob("*.c") if p.name != spare))
    for name in (f"{network.name}.h", f"{network.name}.c"):
        if not (directory / name).is_file():
            raise InputFileError(
                directory, f"{name} is missing; is this a directory that `mcucc compile` wrote?"
            )
    return sources


def compile_network(
    gcc: Compiler, directory: Path, network: Network, build: Path, flags: Sequence[str]
) -> list[Path]:
    """Compiles every C file of the network into `build/network` and returns the objects.

    Raises:
        InputFileError: the directory does not hold the network.
        ToolchainError: the compiler does not accept the code.
    """
    objects = _subdirectory(build, "network")
    return [
        gcc.compile(source.resolve(), objects / f"{source.stem}.o", flags)
        for source in network_sources(directory, network)
    ]


def _compile_harness(
    gcc: Compiler,
    directory: Path,
    network: Network,
    build: Path,
    sources: Sequence[str],
    flags: Sequence[str],
) -> list[Path]:
    """Compiles the harness; its two empty hooks must not be merged, as gcc would, into one."""
    objects = _subdirectory(build, "harness")
    description = objects / "harness_network.c"
    description.write_text(render_harness(network), encoding="utf-8")
    own = [*flags, f"-I{PLATFORM}", *([] if gcc.is_clang else ["-fno-ipa-icf"])]
    # Only the description sees the network's headers, which may be named as the harness's own are.
    described = gcc.compile(
        description, objects / "harness_network.o", [f"-I{directory.resolve()}", *own]
    )
    paths = [PLATFORM / source for source in sources]
    return [described, *(gcc.compile(path, objects / f"{path.stem}.o", own) for path in paths)]


def _link_cortex_m(
    gcc: Compiler, objects: Sequence[Path], network: Network, board: Board, build: Path
) -> Path:
    flash, ram = simulated_regions(board)
    machine = simulated_board(board)
    boot = machine.boot if machine.boot != machine.flash else None
    script = build / "board.ld"
    text = render_linker_script(board.id, flash, ram, network, boot=boot)
    script.write_text(text, encoding="utf-8")
    target = build / f"{network.name}.elf"
    libraries = ["-nostdlib", "-Wl,--start-group", "-lc", "-lgcc", "-Wl,--end-group"]
    layout = [f"-Wl,-T,{script}", "-Wl,--no-warn-rwx-segments"]
    try:
        gcc.run([*_texts(objects), *layout, *libraries, "-o", str(target)], cwd=build)
    except ToolchainError as error:
        _explain_overflow(error, network, board)
        raise
    return target


def simulated_board(board: Board) -> Board:
    """Returns the board whose memory map the QEMU machine has: its own, or that of a proxy."""
    simulator = board.require_simulator()
    return load_board(simulator.machine) if simulator.proxy else board


def simulated_regions(board: Board) -> tuple[Region, Region]:
    """Returns the flash and the RAM for the board's QEMU machine.

    On a proxy they have the sizes of the board and lie where the machine has memory, as far as
    the machine has that much.
    """
    machine = simulated_board(board)
    if machine is board:
        return board.flash, board.largest_sram
    return _moved(board.flash, machine.flash), _moved(board.largest_sram, machine.largest_sram)


def _moved(region: Region, target: Region) -> Region:
    return Region(region.name, region.kind, target.origin, min(region.size, target.size))


def _explain_overflow(error: ToolchainError, network: Network, board: Board) -> None:
    """Turns the linker's words about a full region into the error that users know.

    Raises:
        DoesNotFitError: the linker failed because a region of the board overflows.
        SimulationError: it failed because a region of the board's proxy does.
    """
    flash, ram = simulated_regions(board)
    overflows = {m["region"]: int(m["bytes"]) for m in _OVERFLOW.finditer(str(error))}
    for region, own, label in ((flash, board.flash, "flash"), (ram, board.largest_sram, "ram")):
        if label not in overflows:
            continue
        need = region.size + overflows[label]
        if need <= own.size:
            raise SimulationError(
                f"{network.name} cannot be simulated: its program needs {need} bytes of {label}; "
                f"{board.id} has {own.size}, but {simulated_board(board).id}, the QEMU machine "
                f"that stands for it, has {region.size}"
            ) from error
        raise DoesNotFitError(
            f"{network.name} does not fit {board.id}: its program needs {need} bytes of {label} "
            f"(the harness of mcucc and the C library included), region '{own.name}' has {own.size}"
        ) from error


def _subdirectory(parent: Path, name: str) -> Path:
    path = parent.resolve() / name
    path.mkdir(parents=True, exist_ok=True)
    return path


def _texts(paths: Sequence[Path]) -> list[str]:
    return [str(path) for path in paths]
