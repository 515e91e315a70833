"""Why a network does not fit, and what would help."""

import textwrap
from collections.abc import Iterator
from fractions import Fraction

from mcucc.report.model import LayerReport, Report, TensorReport
from mcucc.report.occupancy import live_bytes, live_bytes_of_input
from mcucc.report.text.figures import distinct_names, format_bytes, percents, printable, short_name
from mcucc.targets.board import Board, list_boards

_WIDTH = 80
_LONGEST_NAME = 56
_LAYERS_NAMED = 3
_FEW = Fraction(3, 100)
"""Where less of the arena is missing, nobody trains a network for smaller images."""


def has_own_budget(report: Report, board: Board) -> bool:
    """Whether the user allowed less than the board's largest SRAM region."""
    return report.sram_bytes < board.largest_sram.size


def explain_misfit(report: Report, board: Board) -> str:
    """Need, have, the step that sets the peak with its live buffers, and remedies.

    Args:
        report: of a network that does not fit.
        board: for which it was compiled.

    Returns:
        Lines of at most 80 characters, as far as names allow.
    """
    lines: list[str] = []
    if _arena_is_missing(report) > 0:
        lines += _explain_arena(report, board)
    if _flash_is_missing(report) > 0:
        lines += ["", *_explain_flash(report, board)] if lines else _explain_flash(report, board)
    remedies = list(_remedies(report, board))
    if remedies:
        lines += ["", "  What would help, the least work first:"]
        lines += [line for remedy in remedies for line in _bullet(remedy)]
    return "\n".join(lines)


def _arena_limit(report: Report) -> int:
    return max(0, report.sram_bytes - report.stack_reserve_bytes)


def _arena_is_missing(report: Report) -> int:
    """Bytes, positive if the arena does not fit."""
    return report.arena_bytes - _arena_limit(report)


def _fits(report: Report, arena_bytes: int) -> bool:
    return arena_bytes <= _arena_limit(report)


def _flash_is_missing(report: Report) -> int:
    """Bytes, positive if code and weights do not fit."""
    return _known_flash(report) - report.flash_limit_bytes


def _known_flash(report: Report) -> int:
    """Code and weights, or without a compiler the weights, which is less."""
    known = report.flash.total_bytes
    return _weights_bytes(report) if known is None else known


def _explain_arena(report: Report, board: Board) -> list[str]:
    peak, limit = report.peak, _arena_limit(report)
    own = has_own_budget(report, board)
    where = f"--sram {report.sram_bytes} on {board.id}" if own else f"the SRAM of {board.id}"
    less = f"{report.sram_bytes:,} less {report.stack_reserve_bytes:,} for the stack"
    names = distinct_names([printable(buffer.name) for buffer in peak.buffers], _LONGEST_NAME)
    return [
        f"'{report.name}' does not fit {where}:",
        f"  need     {format_bytes(report.arena_bytes)} of arena",
        f"  have     {format_bytes(limit)} ({less})",
        f"  missing  {format_bytes(_arena_is_missing(report))}",
        *_paragraph(
            f"The peak is at step {peak.step}, '{peak.layer}', which needs "
            f"{format_bytes(peak.live_bytes)} at once:"
        ),
        *(f"    {b.bytes:>9,} B  {name}" for b, name in zip(peak.buffers, names, strict=True)),
        *_shared(report),
        *_paragraph(_placement(report)),
    ]


def _shared(report: Report) -> list[str]:
    """How many bytes of the peak are in two buffers."""
    shared = sum(buffer.bytes for buffer in report.peak.buffers) - report.peak.live_bytes
    if shared <= 0:
        return []
    return _paragraph(
        f"{format_bytes(shared)} of these are shared: what the step writes may lie over what it "
        "reads for the last time."
    )


def _placement(report: Report) -> str:
    """What the lower bound says of the placement."""
    bound, limit = report.arena_lower_bound_bytes, _arena_limit(report)
    if bound > limit:
        return (
            f"Placing the buffers better cannot help: these steps need {format_bytes(bound)} "
            "in any placement."
        )
    return (
        f"The buffers alone need {format_bytes(bound)}, which would fit; the rest is gaps, and no "
        "placement without them was found."
    )


def _explain_flash(report: Report, board: Board) -> list[str]:
    flash = report.flash
    parts = f"weights {flash.weights_bytes or 0:,}, code {flash.code_bytes or 0:,}"
    if flash.total_bytes is None:
        parts = "weights alone, the code is unknown"
    return [
        f"'{report.name}' does not fit the flash of {board.id}:",
        f"  need     {format_bytes(_known_flash(report))}: {parts}",
        f"  have     {format_bytes(report.flash_limit_bytes)}",
        f"  missing  {format_bytes(_flash_is_missing(report))}",
    ]


def _remedies(report: Report, board: Board) -> Iterator[str]:
    """Sentences, what costs the user least first."""
    whole = board.arena_budget_bytes
    arena, flash = _arena_is_missing(report) > 0, _flash_is_missing(report) > 0
    own = has_own_budget(report, board) and report.arena_bytes <= whole
    if arena and own:
        least = report.arena_bytes + report.stack_reserve_bytes
        yield (
            f"--sram {least} or more: {board.id} has {format_bytes(board.largest_sram.size)}, of "
            f"which {report.stack_reserve_bytes:,} are for the stack"
        )
    if arena:
        yield from _outside(report)
    if flash or not own:
        yield _larger_board(report, board)
    if arena:
        if _arena_is_missing(report) >= _FEW * report.arena_bytes:
            yield from _smaller_input(report)
        yield from _smaller_layers(report)
    if flash:
        yield _fewer_weights(report)


def _outside(report: Report) -> Iterator[str]:
    """Ways to hand over the input with which it fits."""
    streamed = report.arena_bytes_streamed_input
    if not report.stream_input and streamed is not None and _fits(report, streamed):
        yield (
            f"--stream-input: with the input handed over row by row the arena is "
            f"{format_bytes(streamed)}"
        )
        return
    elsewhere = report.arena_bytes_input_elsewhere
    if not report.input_elsewhere and elsewhere is not None and _fits(report, elsewhere):
        yield (
            f"--input-elsewhere: with an input that can be read in any order the arena is "
            f"{format_bytes(elsewhere)}"
        )


def _larger_board(report: Report, board: Board) -> str:
    """The smallest board of ours in the memory that is missing, then in the other."""
    known = report.flash.total_bytes
    parts = [b for b in list_boards() if b.core.has_thumb]
    fitting = [b for b in parts if b.fits(report.arena_bytes, _known_flash(report))]
    by_sram = _arena_is_missing(report) > 0

    def size(b: Board) -> tuple[int, int, str]:
        sram, flash = b.arena_budget_bytes, b.flash.size
        return (sram, flash, b.id) if by_sram else (flash, sram, b.id)

    smallest = min((b for b in fitting if b.id != board.id), key=size, default=None)
    if smallest is None:
        return "--board FILE.toml of a larger board: none that comes with mcucc is large enough"
    budget = " and no --sram" if by_sram and has_own_budget(report, board) else ""
    unknown = ", if the code fits too" if known is None else ""
    other = "" if smallest.core == board.core else "; for its core the size of the code differs"
    return (
        f"--board {smallest.id}{budget}, the smallest of ours that fits{unknown}: "
        f"{format_bytes(smallest.arena_budget_bytes)} for the arena and "
        f"{format_bytes(smallest.flash.size)} of flash{other}"
    )


def _smaller_input(report: Report) -> Iterator[str]:
    """The largest input with the same aspect that fits, if the input is a map at all."""
    extents = [_tensor(report, port.tensor) for port in report.inputs]
    maps = [t for t in extents if t.h > 1 and t.w > 1]
    if len(maps) != 1:
        return
    now = maps[0]
    limit = _arena_limit(report)
    for height in range(now.h - 1, 0, -1):
        width = max(now.w * height // now.h, 1)
        if _estimate(report, Fraction(height, now.h), Fraction(width, now.w)) <= limit:
            share = percents([height * width], now.h * now.w)[0]
            yield (
                f"a network trained for an input of about {height}x{width} instead of "
                f"{now.h}x{now.w} (height x width), {share} of the pixels: the maps shrink with it"
            )
            return


def _estimate(report: Report, height: Fraction, width: Fraction) -> Fraction:
    """Arena for a scaled input: the fullest step, and gaps in proportion to those of today."""
    steps = range(len(report.steps))
    fullest = max(live_bytes_of_input(report, step, height, width) for step in steps)
    return fullest * Fraction(report.arena_bytes, max(report.arena_lower_bound_bytes, 1))


def _smaller_layers(report: Report) -> Iterator[str]:
    """Which steps are too large, and by how much the peak is."""
    limit = _arena_limit(report)
    unit = "channels" if _peak_has_maps(report) else "units"
    # One that is handed over is never held whole.
    inputs = () if report.stream_input or report.input_elsewhere else report.inputs
    for name, ports in (("input", inputs), ("output", report.outputs)):
        size = sum(port.bytes for port in ports)
        if size > limit:
            yield (
                f"a smaller {name}; fewer {unit} inside cannot help, as the {name} by itself "
                f"takes {format_bytes(size)} of the arena"
            )
            return
    over = [i for i in range(len(report.steps)) if live_bytes(report, i) > limit]
    if over:
        missing = report.peak.live_bytes - limit
        share = _share(missing, report.peak.live_bytes)
        yield (
            f"fewer {unit} in the tensors of {_steps(report, over)}: no other step needs more than "
            f"there is; at the peak {share} must go, {format_bytes(missing)}"
        )


def _peak_has_maps(report: Report) -> bool:
    step = report.peak.step
    return any(t.h * t.w > 1 for t in report.tensors if t.first <= step <= t.last)


def _steps(report: Report, steps: list[int]) -> str:
    """The first of some steps by number and name, and how many more there are."""
    shown = steps[:_LAYERS_NAMED]
    names = ", ".join(f"{i} '{short_name(report.steps[i].name, 32)}'" for i in shown)
    more = f" and {len(steps) - len(shown)} more" if len(steps) > len(shown) else ""
    return f"{'step' if len(steps) == 1 else 'steps'} {names}{more}"


def _fewer_weights(report: Report) -> str:
    """By how much, and which layers hold most."""
    missing, total = _flash_is_missing(report), _weights_bytes(report)
    largest = sorted(report.layers, key=lambda layer: (-layer.weights_bytes, layer.index))
    if missing >= total:
        return "nothing in the network: the code by itself is too large"
    share = _share(missing, total)
    names = ", ".join(_weight_of(layer) for layer in largest[:_LAYERS_NAMED])
    return f"{share} fewer weights, {format_bytes(missing)}: most are in {names}"


def _share(part: int, whole: int) -> str:
    """In percent; what would be rounded to nothing is said to be little."""
    share = percents([part], whole)[0]
    return "under 0.1%" if share == "0.0%" else share


def _weight_of(layer: LayerReport) -> str:
    return f"'{short_name(layer.name, 32)}' ({layer.weights_bytes:,} B)"


def _weights_bytes(report: Report) -> int:
    """Weights and biases of all layers."""
    return sum(layer.weights_bytes for layer in report.layers)


def _tensor(report: Report, tensor_id: int) -> TensorReport:
    return next(tensor for tensor in report.tensors if tensor.id == tensor_id)


def _paragraph(text: str) -> list[str]:
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent="  ",
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _bullet(text: str) -> list[str]:
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent="  - ",
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )
