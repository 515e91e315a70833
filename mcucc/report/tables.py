"""Tables of layers, of inputs and outputs, and of boards."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.box import SIMPLE
from rich.table import Table

from mcucc.board import Board
from mcucc.report.figures import format_shape, join_origin, percents, shorten
from mcucc.report.model import LayerReport, PortReport, Report

_WIDE = 100
_LEAST_NAME = 12
_GAP = 2


@dataclass(frozen=True)
class _Column:
    """A column with its cells, the last one being the total.

    Attributes:
        title: heading.
        cells: texts.
        right: whether they are figures.
        spare: columns of the highest number are left out first, of 0 never.
    """

    title: str
    cells: tuple[str, ...]
    right: bool = False
    spare: int = 0

    @property
    def width(self) -> int:
        """Characters of the widest cell."""
        return max(len(self.title), *(len(cell) for cell in self.cells))


def layer_table(report: Report, width: int) -> Table:
    """A row per step and one of totals, in at most `width` characters."""
    layers = report.layers
    names = [_name(layer, apart=width >= _WIDE) for layer in layers]
    origins = [join_origin(layer.origin) for layer in layers]
    fixed = _figures(layers)
    if width >= _WIDE:
        fixed = [fixed[0], _Column("layer", (*(shorten(n, 24) for n in names), "")), *fixed[1:]]
        texts, title = origins, "ONNX nodes"
    else:
        texts, title = names, "layer, ONNX nodes"
    fixed = _without_spare(fixed, width - _LEAST_NAME - 1)
    room = width - _total_width(fixed) - _gap(width)
    longest = max(_LEAST_NAME, min(room, 60))
    text = _Column(title[:longest], (*(shorten(t, longest) for t in texts), f"{len(layers)} steps"))
    columns = [*fixed, text] if width >= _WIDE else [fixed[0], text, *fixed[1:]]
    return _table(columns, width)


def port_table(report: Report, width: int) -> Table:
    """Inputs and outputs: in the ONNX model, and in the arena."""
    ports = [
        *((f"in {i}", port) for i, port in enumerate(report.inputs)),
        *((f"out {i}", port) for i, port in enumerate(report.outputs)),
    ]
    maps = {tensor.id: (tensor.h, tensor.w, tensor.c) for tensor in report.tensors}
    columns = [
        _Column("", tuple(label for label, _ in ports)),
        _Column("ONNX name", tuple(shorten(port.name, width // 4) for _, port in ports)),
        _Column("ONNX shape", tuple(format_shape(port.shape) for _, port in ports)),
        _Column("in C, HxWxC", tuple(format_shape(maps[port.tensor]) for _, port in ports)),
        _Column("scale", tuple(_scale(port) for _, port in ports), right=True),
        _Column("zero", tuple(str(port.zero_point) for _, port in ports), right=True),
        _Column("offset", tuple(f"{port.offset:,}" for _, port in ports), right=True),
        _Column("bytes", tuple(f"{port.bytes:,}" for _, port in ports), right=True),
    ]
    return _table(columns, width, totals=False)


def board_table(boards: Sequence[Board], width: int) -> Table:
    """Boards with core, clock, memory and the machine that simulates them."""
    columns = [
        _Column("board", tuple(board.id for board in boards)),
        _Column("core", tuple(board.core.name for board in boards)),
        _Column("MHz", tuple(f"{board.clock_hz / 1e6:g}" for board in boards), right=True),
        _Column("SRAM KiB", tuple(_kib(b.largest_sram.size) for b in boards), right=True),
        _Column("flash KiB", tuple(_kib(b.flash.size) for b in boards), right=True),
        _Column("QEMU machine", tuple(_machine(board) for board in boards)),
    ]
    room = width - _total_width(columns) - _gap(width) * len(columns)
    if room >= 24:
        names = tuple(shorten(board.name, room) for board in boards)
        columns.append(_Column("name", names))
    return _table(columns, width, totals=False)


def _figures(layers: Sequence[LayerReport]) -> list[_Column]:
    macs = [layer.macs for layer in layers]
    weights = [layer.weights_bytes for layer in layers]
    shares = percents(macs, sum(macs))
    total_share = "100.0%" if sum(macs) else ""
    return [
        _Column("#", (*(str(layer.index) for layer in layers), ""), right=True),
        _Column("op", (*(_op(layer) for layer in layers), ""), spare=2),
        _Column("output", (*(format_shape(x.output_shape[1:]) for x in layers), ""), right=True),
        _Column("MACs", (*(f"{m:,}" for m in macs), f"{sum(macs):,}"), right=True),
        _Column("MAC %", (*shares, total_share), right=True, spare=1),
        _Column("weights B", (*(f"{w:,}" for w in weights), f"{sum(weights):,}"), right=True),
        _Column("kernel", (*(layer.kernel or "none" for layer in layers), "")),
    ]


def _op(layer: LayerReport) -> str:
    return layer.op.replace("Depthwise", "DW").replace("FullyConnected", "FC").replace("2D", "")


def _name(layer: LayerReport, *, apart: bool) -> str:
    """The name of a layer, with its ONNX nodes unless they have a column of their own.

    A layer mostly bears the name of its first node; then that is not said twice.
    """
    if apart or not layer.origin:
        return layer.name
    nodes = join_origin(layer.origin)
    return nodes if layer.origin[0] == layer.name else f"{layer.name}: {nodes}"


def _scale(port: PortReport) -> str:
    return f"{port.scale:.6g}"


def _kib(count: int) -> str:
    return f"{count / 1024:,.0f}"


def _machine(board: Board) -> str:
    return board.simulator.machine + (" (proxy)" if board.simulator.proxy else "")


def _without_spare(columns: Sequence[_Column], width: int) -> list[_Column]:
    """Leaves out what can be spared, the most dispensable first, until the rest fits."""
    kept = list(columns)
    while _total_width(kept) > width and any(column.spare for column in kept):
        kept.remove(max(kept, key=lambda column: column.spare))
    return kept


def _gap(width: int) -> int:
    return _GAP if width >= _WIDE else 1


def _total_width(columns: Sequence[_Column]) -> int:
    return sum(column.width for column in columns) + _GAP * (len(columns) - 1)


def _table(columns: Sequence[_Column], width: int, *, totals: bool = True) -> Table:
    """The columns as a table whose last cells are totals, if it has any."""
    table = Table(
        box=SIMPLE,
        show_edge=False,
        show_footer=totals,
        pad_edge=False,
        padding=(0, _gap(width) - 1, 0, 0),
        header_style="bold",
        footer_style="bold",
    )
    for column in columns:
        footer = column.cells[-1] if totals else ""
        justify = "right" if column.right else "left"
        table.add_column(
            column.title, footer, justify=justify, no_wrap=True, overflow="crop"
        )
    rows = zip(*(c.cells[:-1] if totals else c.cells for c in columns), strict=True)
    for row in rows:
        table.add_row(*row)
    return table
