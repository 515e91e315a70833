"""The memory-budget report, and the list of boards, for a terminal.

Nothing is printed here: the functions return what `rich` prints. Without colours, and in files,
the text says the same.
"""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.rule import Rule
from rich.text import Text

from mcucc.codegen.preprocessing import formula
from mcucc.report.fit import explain_misfit, has_own_budget
from mcucc.report.model import Report
from mcucc.report.text.bars import flash_bar, ram_bar
from mcucc.report.text.figures import format_bytes, judged_by_tflm
from mcucc.report.text.tables import board_table, layer_table, port_table
from mcucc.report.text.timeline import legend, timeline
from mcucc.targets.board import Board

LEAST_WIDTH = 60
"""Characters of the narrowest line that bars and the drawing of the arena are made for."""


def render_report(report: Report, board: Board, *, width: int) -> Group:
    """Verdict, RAM and flash as bars, the arena over the steps, layers, inputs and outputs.

    Args:
        report: of a compilation.
        board: for which it was compiled.
        width: characters in a line; less than `LEAST_WIDTH` is taken as that.

    Returns:
        To be printed by a console of that width.
    """
    width = max(width, LEAST_WIDTH)
    return Group(
        *_verdict(report, board),
        *_section("Memory"),
        ram_bar(report, width),
        Text(),
        flash_bar(report, width),
        *_section("Arena over the steps"),
        timeline(report, width),
        Text(legend(report), "dim"),
        *_section("Layers"),
        layer_table(report, width),
        Text(_layer_note(report), "dim"),
        *_section("Inputs and outputs"),
        port_table(report),
        Text(_port_note(report), "dim"),
    )


def render_boards(boards: Sequence[Board]) -> RenderableType:
    """A table of boards with core, clock, memory and the machine that simulates them.

    Args:
        boards: as `list_boards` gives them.
    """
    proxy = (
        "proxy: QEMU does not know the board and runs a machine with a compatible core. host: no "
        "microcontroller but memory without limits, for tests and scripts."
    )
    return Group(board_table(boards), Text(proxy, "dim"))


def _verdict(report: Report, board: Board) -> list[Text]:
    """Whether it fits and where, what it is, and what the reader should know."""
    lines = [Text(f"{report.name}: ", "bold").append(*_answer(report, board)), Text(_facts(report))]
    if report.unjudged:
        judged = len(report.tensors) - len(report.unjudged)
        lines.append(Text(judged_by_tflm(judged, len(report.tensors), report.unjudged)))
    lines += [Text(f"Note: {note}", "yellow") for note in report.notes]
    return lines if report.fits else [*lines, Text(), Text(explain_misfit(report, board))]


def _answer(report: Report, board: Board) -> tuple[str, str]:
    where = f"{board.id}: {board.name}, {board.core.name}"
    if has_own_budget(report, board):
        where = f"{where}, in --sram {report.sram_bytes}"
    if not report.fits:
        return f"DOES NOT FIT on {where}", "bold red"
    if not report.built and board.core.has_thumb:
        return f"NOT BUILT (no compiler); the arena fits the SRAM of {where}", "bold yellow"
    return f"FITS on {where}", "bold green"


def _facts(report: Report) -> str:
    layers, steps = len(report.layers), len(report.steps)
    count = f"{steps} steps" if layers == steps else f"{layers} layers in {steps} steps"
    facts = f"{report.model.name}: {report.executed_macs:,} MACs, {count}"
    if report.executed_macs > report.macs:
        facts += f" ({report.executed_macs - report.macs:,} of them done again)"
    if report.macs != report.model_macs:
        facts += f" ({report.model_macs:,} in the file)"
    return f"{facts}, {report.params:,} parameters"


def _section(title: str) -> tuple[RenderableType, ...]:
    return (Text(), Rule(Text(title, "bold"), align="left", style="dim", characters="-"))


def _layer_note(report: Report) -> str:
    more = any(len(layer.origin) > 1 for layer in report.layers)
    nodes = " After +: what else of the ONNX nodes the step computes." if more else ""
    note = f"MAC %: share of all MACs. Weights: bytes of int8 weights and int32 biases.{nodes}"
    weights = sum(layer.weights_bytes for layer in report.layers)
    if report.flash.weights_bytes is None or report.flash.weights_bytes <= weights:
        return note
    rest = format_bytes(report.flash.weights_bytes - weights)
    return f"{note} The flash bar also counts {rest} of requantization constants and padding."


def _port_note(report: Report) -> str:
    """How to read the table, and how the ONNX axes become those of C."""
    note = "real value = scale * (int8 value - zero); offset and bytes are those in the arena."
    for port in report.inputs:
        if port.preprocessing:
            steps = ", then ".join(formula(step) for step in port.preprocessing)
            note += f" That of {port.name} is what the model makes of its own input x: {steps}."
    moved = [p.name for p in (*report.inputs, *report.outputs) if p.perm not in (None, ())]
    if not moved:
        return note
    return f"{note} The C code has channels last: transpose {', '.join(moved)} from NCHW to NHWC."
