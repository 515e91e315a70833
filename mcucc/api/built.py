"""How large generated C is, built for a board's core."""

import tempfile
from pathlib import Path

from mcucc.build.network import Network as Interface
from mcucc.build.sizes import Sizes, measure_sizes
from mcucc.build.toolchain import ARM_GCC, has_tool
from mcucc.codegen import Files, Program
from mcucc.targets.board import Board


def built_sizes(files: Files, program: Program, board: Board) -> Sizes | None:
    """Sizes of the objects built for the board's core, None without a compiler for it."""
    if not board.core.has_thumb or not has_tool(ARM_GCC):
        return None
    interface = Interface(
        program.name,
        tuple(port.tensor.nbytes for port in program.inputs),
        tuple(port.tensor.nbytes for port in program.outputs),
        program.arena_bytes,
        program.arena_align,
        io=program.io,
        row_bytes=program.inputs[0].tensor.row_bytes if program.streamed else None,
        pixel_bytes=program.inputs[0].tensor.c if program.elsewhere else None,
        state_bytes=program.state_bytes,
    )
    with tempfile.TemporaryDirectory(prefix="mcucc-sizes-") as folder:
        source = Path(folder) / "source"
        source.mkdir()
        for name, text in files.items():
            (source / name).parent.mkdir(exist_ok=True)
            (source / name).write_text(text, encoding="utf-8")
        return measure_sizes(source, interface, board, Path(folder) / "work")
