"""Why a network does not fit, and what would help."""

from mcucc.board import Board, list_boards
from mcucc.report.model import Report


def explain_misfit(report: Report, board: Board) -> str:
    """Need, have, the step that sets the peak with its live buffers, and remedies."""
    limit = report.sram_bytes - report.stack_reserve_bytes
    lines: list[str] = []
    if report.arena_bytes > limit:
        lines += _arena(report, board, limit)
    flash = report.flash.total_bytes
    if flash is not None and flash > report.flash_limit_bytes:
        lines += [
            f"'{report.name}' does not fit the flash of {board.id}:",
            f"  need  {flash:,} bytes of code and weights ({report.flash.weights_bytes:,} weights)",
            f"  have  {report.flash_limit_bytes:,} bytes",
        ]
    lines += _remedies(report, limit)
    return "\n".join(lines)


def _arena(report: Report, board: Board, limit: int) -> list[str]:
    peak = report.peak
    reserve = report.stack_reserve_bytes
    less = f" ({report.sram_bytes:,} less {reserve:,} for the stack)" if reserve else ""
    return [
        f"'{report.name}' does not fit the SRAM of {board.id}:",
        f"  need  {report.arena_bytes:,} bytes of arena",
        f"  have  {limit:,} bytes{less}",
        f"  The peak is set by step {peak.step}, '{peak.layer}', where these are live:",
        *(f"    {buffer.bytes:>9,}  {buffer.name}" for buffer in peak.buffers),
    ]


def _remedies(report: Report, limit: int) -> list[str]:
    lines = ["  What would help:"]
    if report.arena_bytes > limit:
        ratio = (limit / report.arena_bytes) ** 0.5
        lines.append(
            f"    - an input of about {ratio:.0%} of its height and width, or as many channels less"
        )
        if report.arena_lower_bound_bytes > limit:
            lines.append(
                f"    - nothing in the placement: this schedule needs at least "
                f"{report.arena_lower_bound_bytes:,} bytes"
            )
    flash = report.flash.total_bytes or 0
    fitting = [
        board
        for board in list_boards()
        if board.arena_budget_bytes >= report.arena_bytes and board.flash.size >= flash
    ]
    smallest = min(fitting, key=lambda b: (b.arena_budget_bytes, b.id), default=None)
    if smallest is not None:
        lines.append(
            f"    - a larger board: {smallest.id} has {smallest.arena_budget_bytes:,} bytes"
        )
    return lines
