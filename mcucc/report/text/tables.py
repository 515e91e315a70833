"""Tables of layers, of inputs and outputs, and of boards."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.box import SIMPLE
from rich.table import Table

from mcucc.report.model import LayerReport, PortReport, Report
from mcucc.report.text.figures import format_shape, join_origin, percents, short_name, shorten
from mcucc.targets.board import Board

_WIDE = 100
_LEAST_NAME = 12
_LONGEST_NODES = 60


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
    """A row per layer and one of totals, in at most `width` characters."""
    layers, gap, wide = report.layers, _gap(width), width >= _WIDE
    names = _Column("layer", (*(short_name(layer.name, 28) for layer in layers), ""))
    index, *figures = _figures(layers)
    fixed = _without_spare([index, *([names] if wide else []), *figures], width - _LEAST_NAME, gap)
    room = max(_LEAST_NAME, min(width - _total_width(fixed, gap), _LONGEST_NODES))
    nodes = _Column(
        "ONNX nodes" if wide else "layer +nodes",
        (*(_nodes(layer, room, named=not wide) for layer in layers), f"{len(layers)} layers"),
    )
    return _table([*fixed, nodes] if wide else [index, nodes, *fixed[1:]], width)


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
    room = width - _total_width(columns, _gap(width))
    if room >= 24:
        names = tuple(shorten(board.name, room) for board in boards)
        columns.append(_Column("name", names))
    return _table(columns, width, totals=False)


def _figures(layers: Sequence[LayerReport]) -> list[_Column]:
    macs = [layer.macs for layer in layers]
    weights = [layer.weights_bytes for layer in layers]
    shares = [percents([m], sum(macs))[0].rstrip("%") for m in macs]  # equal layers, equal shares
    total_share = "100.0" if sum(macs) else ""
    return [
        _Column("step", (*(str(layer.step) for layer in layers), ""), right=True),
        _Column("op", (*(_op(layer) for layer in layers), ""), spare=2),
        _Column("output", (*(format_shape(x.output_shape[1:]) for x in layers), ""), right=True),
        _Column("MACs", (*(f"{m:,}" for m in macs), f"{sum(macs):,}"), right=True),
        _Column("MAC %", (*shares, total_share), right=True, spare=1),
        _Column("weights", (*(f"{w:,}" for w in weights), f"{sum(weights):,}"), right=True),
        _Column("kernel", (*(layer.kernel or "none" for layer in layers), "")),
    ]


def _op(layer: LayerReport) -> str:
    short = layer.op.replace("Depthwise", "DW").replace("Average", "Avg").replace("2D", "")
    return short.replace("FullyConnected", "FC")


def _nodes(layer: LayerReport, width: int, *, named: bool) -> str:
    """The ONNX nodes of a layer; with their number alone if their names are too long.

    Args:
        layer: of the report.
        width: the most characters.
        named: whether the text must begin with the name of the layer, for want of a column of its
            own. A layer mostly bears the name of its first node; then that is not said twice.
    """
    own = named and layer.origin[:1] != (layer.name,)
    names = (layer.name, *layer.origin) if own else layer.origin
    text = join_origin(names)
    if len(text) <= width or len(names) < 2:
        return short_name(text, width)
    more = f" +{len(names) - 1}"
    return short_name(names[0], width - len(more)) + more


def _scale(port: PortReport) -> str:
    return f"{port.scale:.6g}"


def _kib(count: int) -> str:
    return f"{count / 1024:,.0f}"


def _machine(board: Board) -> str:
    return board.simulator.machine + (" (proxy)" if board.simulator.proxy else "")


def _without_spare(columns: Sequence[_Column], width: int, gap: int) -> list[_Column]:
    """Leaves out what can be spared, the most dispensable first, until the rest fits."""
    kept = list(columns)
    while _total_width(kept, gap) > width and any(column.spare for column in kept):
        kept.remove(max(kept, key=lambda column: column.spare))
    return kept


def _gap(width: int) -> int:
    """Spaces between two columns."""
    return 2 if width >= _WIDE else 1


def _total_width(columns: Sequence[_Column], gap: int) -> int:
    """Characters of the columns, with a gap after each."""
    return sum(column.width + gap for column in columns)


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
        table.add_column(column.title, footer, justify=justify, no_wrap=True, overflow="crop")
    rows = zip(*(c.cells[:-1] if totals else c.cells for c in columns), strict=True)
    for row in rows:
        table.add_row(*row)
    return table
