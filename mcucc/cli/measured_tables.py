"""What `build`, `run --profile` and `bench` found, for a terminal.

Nothing is printed here: the functions return what `rich` prints, in 80 columns.
"""

from collections.abc import Iterable, Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from mcucc.api.build import BuiltProgram
from mcucc.api.measure import LayerMeasurement, Measurement, RunCounts
from mcucc.cli.tables import plain_table
from mcucc.report.text.figures import format_bytes, percents, short_name
from mcucc.targets.board import Board

_LONGEST_NAME = 24
_SHORTEST_NAME = 8
_COLUMNS = 80
_LONGEST_NUMBERS = 38
"""Columns of the three numbers of a layer, with the gaps before them."""
_BAR_CELLS = 16
_NO_CYCLES = "Instructions are exact and repeatable; they are not cycles."
_CYCLES = (
    "Instructions are exact and repeatable. Modelled cycles are a sum over classes of\n"
    "instructions, without caches, wait states and stalls: no measurement, no latency."
)


def render_program(program: BuiltProgram) -> RenderableType:
    """Sizes of the sections, then bytes per layer."""
    where = _where(program.board, program.core, program.simulator, proxy=program.proxy)
    parts: list[RenderableType] = [Text(f"{program.model} for {where}", style="bold")]
    for label, number in (
        ("text", program.text_bytes),
        ("rodata", program.rodata_bytes),
        ("weights", program.weights_bytes),
        ("data", program.data_bytes),
        ("bss", program.bss_bytes),
        ("stack", program.stack_bytes),
        ("arena", program.arena_bytes),
        ("flash in all", program.flash_bytes),
        ("RAM in all", program.ram_bytes),
    ):
        parts.append(Text(f"  {label:12}  {format_bytes(number)}"))
    table = plain_table("layer", "kernel", right=("code B", "weights B"))
    longest = _room_for_names(layer.kernel for layer in program.layers)
    for layer in program.layers:
        name = short_name(layer.name, longest)
        sizes = (f"{layer.code_bytes:,}", f"{layer.weights_bytes:,}")
        table.add_row(name, layer.kernel or "none", *sizes)
    shared = (f"{program.shared_code_bytes:,}", f"{program.shared_weights_bytes:,}")
    table.add_row("shared", "", *shared, style="dim")
    return Group(*parts, table, Text(f"Written to {program.file}"))


def render_profile(name: str, board: Board, counts: Sequence[RunCounts]) -> RenderableType:
    """Where the instructions of the first sample went, and the totals of all."""
    first = counts[0]
    simulator = board.simulator
    where = _where(board.id, board.core.name, simulator.machine, proxy=simulator.proxy)
    parts: list[RenderableType] = [Text(f"{name} on {where}", style="bold")]
    for number, each in enumerate(counts):
        label = "instructions" if len(counts) == 1 else f"instructions of sample {number}"
        cycles = _cycles(each.modelled_cycles)
        parts.append(Text(f"  {label}  {each.instructions:,}{cycles}"))
    note = _NO_CYCLES if first.modelled_cycles is None else _CYCLES
    return Group(*parts, _bars(first), Text(note))


def _bars(counts: RunCounts) -> Table:
    """A row per layer, and one for what no layer's code executes."""
    modelled = counts.modelled_cycles is not None
    columns = ("instructions", "%", *(("modelled cycles",) if modelled else ()))
    table = plain_table("layer", right=columns)
    table.add_column("", no_wrap=True)
    rows = [(short_name(m.name, _LONGEST_NAME), m.instructions, m) for m in counts.layers]
    numbers = [n for _, n, _ in rows] + [counts.overhead_instructions]
    shares = percents(numbers, counts.instructions)
    for (label, number, layer), share in zip(rows, shares, strict=False):
        cycles = () if layer.modelled_cycles is None else (f"{layer.modelled_cycles:,}",)
        bar = _bar(number, max(numbers))
        table.add_row(label, f"{number:,}", share.rstrip("%"), *cycles, bar)
    rest = counts.overhead_instructions
    table.add_row("(no layer)", f"{rest:,}", shares[-1].rstrip("%"), *[""] * modelled, style="dim")
    return table


def _bar(number: int, largest: int) -> str:
    return "#" * round(_BAR_CELLS * number / max(1, largest))


def render_measurements(found: Sequence[Measurement]) -> RenderableType:
    """A block per network: totals, then instructions per layer."""
    blocks = [part for measurement in found for part in _measurement(measurement)]
    modelled = any(measurement.modelled_cycles is not None for measurement in found)
    return Group(*blocks, Text(_NO_CYCLES), *([Text(_CYCLES)] if modelled else []))


def _measurement(measured: Measurement) -> Iterator[RenderableType]:
    where = _where(measured.board, measured.core, measured.simulator, proxy=measured.proxy)
    yield Text(f"{measured.model} on {where}", style="bold")
    per_mac = f"{measured.instructions_per_mac:.3f} per MAC"
    yield Text(f"  instructions  {measured.instructions:,} ({per_mac})")
    if measured.modelled_cycles is not None:
        yield Text(f"  modelled      {measured.modelled_cycles:,} cycles")
    for label, number in (
        ("arena", measured.arena_bytes),
        ("code", measured.code_bytes),
        ("weights", measured.weights_bytes),
        ("stack used", measured.stack_bytes),
    ):
        yield Text(f"  {label:12}  {'?' if number is None else format_bytes(number)}")
    yield _layer_instructions(measured.layers)


def _layer_instructions(layers: Sequence[LayerMeasurement]) -> Table:
    table = plain_table("layer", "kernel", right=("instructions", "%", "per MAC"))
    total = sum(layer.instructions for layer in layers)
    shares = percents([layer.instructions for layer in layers], total)
    longest = _room_for_names(layer.kernel for layer in layers)
    for layer, share in zip(layers, shares, strict=True):
        per_mac = f"{layer.instructions / layer.macs:.3f}" if layer.macs else ""
        table.add_row(
            short_name(layer.name, longest),
            layer.kernel or "none",
            f"{layer.instructions:,}",
            share.rstrip("%"),
            per_mac,
        )
    return table


def _room_for_names(kernels: Iterable[str]) -> int:
    """Characters of a layer's name beside kernels' names, which are not to be broken."""
    others = _COLUMNS - _LONGEST_NUMBERS - max(map(len, kernels), default=0)
    return min(_LONGEST_NAME, max(_SHORTEST_NAME, others))


def _where(board: str, core: str, simulator: str, *, proxy: bool) -> str:
    return f"{board}: {core} ({simulator}{', proxy' if proxy else ''})"


def _cycles(modelled: int | None) -> str:
    return "" if modelled is None else f" ({modelled:,} modelled cycles)"
