"""What `build`, `run --profile` and `bench` found, for a terminal.

Nothing is printed here: the functions return what `rich` prints, in as many columns as there are.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from rich.console import Group, RenderableType
from rich.text import Text

from mcucc.api.build import BuiltProgram
from mcucc.api.compare import Comparison
from mcucc.api.fit import ModelFits
from mcucc.api.measure import LayerMeasurement, Measurement, RunCounts
from mcucc.cli.tables import figure_column, index_column, name_column
from mcucc.report.text.figures import format_bytes, percents
from mcucc.report.text.grid import Column, Grid
from mcucc.report.text.tables import LEAST_KERNEL
from mcucc.targets.board import Board

_BAR_CELLS = 16
_SHARED = "shared"
"""What belongs to no layer alone."""
_NO_CYCLES = "Instructions are exact and repeatable; they are not cycles."
_CYCLES = (
    "Instructions are exact and repeatable. Modelled cycles are a sum over classes of "
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
    layers = program.layers
    code = [*(layer.code_bytes for layer in layers), program.shared_code_bytes]
    weights = [*(layer.weights_bytes for layer in layers), program.shared_weights_bytes]
    table = Grid(
        (
            _indices(len(layers)),
            name_column([layer.name for layer in layers], _SHARED),
            _kernel_column([layer.kernel or "none" for layer in layers], ""),
            figure_column("code B", code),
            figure_column("weights B", weights),
        ),
        {len(layers): "dim"},
    )
    return Group(*parts, Text(), table, Text(), Text(f"Written to {program.file}"))


def render_profile(name: str, board: Board, counts: Sequence[RunCounts]) -> RenderableType:
    """Where the instructions of the first sample went, and the totals of all."""
    first = counts[0]
    simulator = board.require_simulator()
    where = _where(board.id, board.core.name, simulator.machine, proxy=simulator.proxy)
    parts: list[RenderableType] = [Text(f"{name} on {where}", style="bold")]
    for number, each in enumerate(counts):
        label = "instructions" if len(counts) == 1 else f"instructions of sample {number}"
        cycles = _cycles(each.modelled_cycles)
        parts.append(Text(f"  {label}  {each.instructions:,}{cycles}"))
    note = _NO_CYCLES if first.modelled_cycles is None else _CYCLES
    return Group(*parts, Text(), _bars(first), Text(), Text(note))


def _bars(counts: RunCounts) -> Grid:
    """A row per layer, and one for what no layer's code executes."""
    layers = counts.layers
    numbers = [*(layer.instructions for layer in layers), counts.overhead_instructions]
    cycles = figure_column("modelled cycles", [*(x.modelled_cycles for x in layers), None])
    bars = tuple(_bar(number, max(numbers)) for number in numbers)
    return Grid(
        (
            _indices(len(layers)),
            name_column([layer.name for layer in layers], "(no layer)"),
            figure_column("instructions", numbers),
            _share_column(percents(numbers, counts.instructions)),
            *(() if counts.modelled_cycles is None else (cycles,)),
            Column("", bars, spare=1),
        ),
        {len(layers): "dim"},
    )


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
    yield Text(f"  on {measured.inputs} inputs   {_spread(measured)}")
    if measured.modelled_cycles is not None:
        yield Text(f"  modelled      {measured.modelled_cycles:,} cycles")
    for label, number in (
        ("arena", measured.arena_bytes),
        ("code", measured.code_bytes),
        ("weights", measured.weights_bytes),
        ("stack used", measured.stack_bytes),
    ):
        yield Text(f"  {label:12}  {'?' if number is None else format_bytes(number)}")
    yield Text()
    yield _layer_instructions(measured.layers)
    yield Text()


def _spread(measured: Measurement) -> str:
    """How far the instructions depend on the input."""
    least, most = measured.least_instructions, measured.most_instructions
    if least == most:
        return "the same"
    return f"{least:,} to {most:,} ({100 * (most - least) / least:.2f} % apart)"


def _layer_instructions(layers: Sequence[LayerMeasurement]) -> Grid:
    counts = [layer.instructions for layer in layers]
    ratios = (f"{x.instructions / x.macs:.3f}" if x.macs else "" for x in layers)
    return Grid(
        (
            index_column(len(layers)),
            name_column([layer.name for layer in layers]),
            _kernel_column([layer.kernel or "none" for layer in layers]),
            figure_column("instructions", counts),
            _share_column(percents(counts, sum(counts))),
            Column("per MAC", tuple(ratios), right=True),
        )
    )


def _indices(count: int) -> Column:
    """The number of each layer, and none below them."""
    column = index_column(count)
    return replace(column, cells=(*column.cells, ""))


def _kernel_column(kernels: Sequence[str], *more: str) -> Column:
    return Column("kernel", (*kernels, *more), least=LEAST_KERNEL, yields=1)


def _share_column(shares: Sequence[str]) -> Column:
    return Column("%", tuple(share.rstrip("%") for share in shares), right=True)


def _where(board: str, core: str, simulator: str, *, proxy: bool) -> str:
    return f"{board}: {core} ({simulator}{', proxy' if proxy else ''})"


def _cycles(modelled: int | None) -> str:
    return "" if modelled is None else f" ({modelled:,} modelled cycles)"


def render_comparison(found: Comparison) -> RenderableType:
    """TFLM and mcucc's plans in one table, and the paragraph for a pull request."""
    plans = found.plans
    theirs = "TFLM activations" + " + variables" * bool(found.tflm_variable_bytes)
    activations = found.tflm_activation_bytes
    held = None if activations is None else activations + found.tflm_variable_bytes
    table = Grid(
        (
            Column("", (theirs, *(plan.name for plan in plans))),
            figure_column("arena B", (held, *(plan.arena_bytes for plan in plans))),
            figure_column(
                "of it state B", (found.tflm_variable_bytes, *(p.state_bytes for p in plans))
            ),
            figure_column("flash B", (None, *(plan.flash_bytes for plan in plans))),
            figure_column("instructions", (None, *(plan.instructions for plan in plans))),
            Column("fits", ("", *("yes" if plan.fits else "no" for plan in plans))),
        )
    )
    parts: list[RenderableType] = [
        Text(f"{found.model} on {found.board}, {found.core}", style="bold"),
        table,
    ]
    if found.tflm_total_bytes_x86 is not None:
        parts.append(
            Text(
                f"TFLM's whole arena takes {found.tflm_total_bytes_x86:,} B on x86-64: its records "
                "hold pointers, and take less on a board.",
                "dim",
            )
        )
    if not found.original:
        parts.append(Text("TFLM was given the .tflite that mcucc made of the file.", "dim"))
    said = {True: "equal", False: "DIFFERENT", None: "not compared"}[found.bits_equal]
    parts.append(Text(f"bits on {found.samples} random inputs: {said}"))
    parts += [Text(message) for message in found.messages]
    return Group(*parts, Text(), Text(found.markdown))


def render_fits(fits: ModelFits) -> RenderableType:
    """A row per board, those that the network fits first."""
    rows = fits.boards
    flash = tuple(f"{'~' * x.flash_estimated}{x.flash_bytes:,}" for x in rows)
    table = Grid(
        (
            Column("board", tuple(x.board for x in rows), least=10),
            Column("core", tuple(x.core.removeprefix("cortex-") for x in rows)),
            Column("fits", tuple("yes" if x.fits else "NO" for x in rows)),
            Column(
                "tightest",
                tuple(f"{x.tightest} {x.tightest_percent:,.1f}%" for x in rows),
                right=True,
            ),
            figure_column("smallest", [x.smallest_arena_bytes for x in rows]),
            figure_column("auto", [x.arena_bytes for x in rows]),
            figure_column("RAM", [x.arena_limit_bytes for x in rows]),
            Column("flash", flash, right=True),
            figure_column("of", [x.flash_limit_bytes for x in rows]),
        ),
        {i: "dim" for i, x in enumerate(rows) if not x.fits},
    )
    count = sum(x.fits for x in rows)
    guessed = " ~: estimated." if any(x.flash_estimated for x in rows) else ""
    note = (
        f"{fits.model} fits {count} of {len(rows)} boards. Bytes of arena: of the smallest plan; "
        "of that of `compile` (auto), which takes for speed what RAM there is; RAM: what it may "
        f"take. Flash: code and weights; what the board has.{guessed}"
    )
    return Group(table, Text(), Text(note, "dim"))
