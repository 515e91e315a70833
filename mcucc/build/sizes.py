"""What a network takes of a target's memory, from objects built for the board's core."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mcucc.build.elf import SectionSizes, function_sizes, section_sizes
from mcucc.build.network import Network
from mcucc.build.project import NETWORK_OPTIMIZATION, PLAIN, BuildOptions, compile_network
from mcucc.build.stack import CALL_GRAPH_FLAG, pushed_bytes, worst_stack_bytes
from mcucc.build.toolchain import ARM_GCC, WARNINGS, Compiler, find_tool
from mcucc.errors import InvariantError
from mcucc.targets.board import Board


@dataclass(frozen=True)
class Sizes:
    """Bytes of a network on a target, without the C library and the harness.

    Attributes:
        code_bytes: machine code and constants of all objects but the weights.
        weights_bytes: read-only data of `<name>_weights.c`.
        stack_bytes: upper bound of the stack of `<name>_run`; with `--io float` that of
            `<name>_run_float`, without the compiler's helpers for floats.
        functions: machine code of the functions of `<name>.c`, by name.
    """

    code_bytes: int
    weights_bytes: int
    stack_bytes: int
    functions: Mapping[str, int] = field(default_factory=dict[str, int])

    @property
    def flash_bytes(self) -> int:
        """Code and weights."""
        return self.code_bytes + self.weights_bytes


def measure_sizes(
    directory: Path, network: Network, board: Board, work: Path, options: BuildOptions = PLAIN
) -> Sizes:
    """Compiles a network as it would be for the board and adds up the sections.

    Args:
        directory: the generated code.
        network: its interface.
        board: gives the core's options.
        work: where build products go.
        options: of them whether the code was made for another core.

    Raises:
        InputFileError: the directory does not hold the network.
        InvariantError: the code has writable static data, or no bound for its stack.
        ToolchainError: arm-none-eabi-gcc is missing, or does not accept the code.
    """
    gcc = Compiler(find_tool(ARM_GCC), board.core.gcc_flags)
    flags = (*WARNINGS, NETWORK_OPTIMIZATION, CALL_GRAPH_FLAG, *options.defines(network))
    build = work.resolve() / f"{board.id}-sizes"
    objects = compile_network(gcc, directory, network, build, flags)
    sizes = {path.stem: section_sizes(path) for path in objects}
    for name, size in sizes.items():
        _check_nothing_writable(name, size)
    weights_bytes = sum(s.constants for n, s in sizes.items() if _is_weights(n, network))
    return Sizes(
        code_bytes=sum(s.code + s.constants for s in sizes.values()) - weights_bytes,
        weights_bytes=weights_bytes,
        stack_bytes=worst_stack_bytes(
            (path.with_suffix(".ci") for path in objects),
            network.entry,
            calls_back=network.row_bytes is not None,
        )
        + pushed_bytes(directory.glob("mcucc_*.h")),
        functions=function_sizes(next(p for p in objects if p.stem == network.name)),
    )


def _is_weights(stem: str, network: Network) -> bool:
    return stem == f"{network.name}_weights"


def _check_nothing_writable(name: str, size: SectionSizes) -> None:
    if size.data or size.bss:
        raise InvariantError(
            f"{name}.c has writable static data: {size.data} bytes in .data, {size.bss} in .bss"
        )
