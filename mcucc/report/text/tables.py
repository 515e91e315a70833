"""Tables of layers, of inputs and outputs, and of boards."""

from collections.abc import Callable, Sequence

from rich.cells import cell_len

from mcucc.report.model import LayerReport, PortReport, Report, StateReport
from mcucc.report.text.figures import distinct_names, format_shape, join_origin, percents, printable
from mcucc.report.text.grid import Column, Grid, least_width
from mcucc.targets.board import Board

LEAST_NAME = 12
"""Characters of a layer's name that are always shown."""
LEAST_KERNEL = 16
"""Characters of a kernel's name that are shown before it goes below the row."""

_WIDE = 100
_LONGEST_NAME = 28
_LONGEST_NODES = 60


def layer_table(report: Report, width: int) -> Grid:
    """A row per layer and one of totals.

    Args:
        report: of a compilation.
        width: of the lines; in wide ones the layers and their ONNX nodes have a column each.
    """
    layers = report.layers
    index, *figures = _figures(layers)
    names = Column("layer", tuple(layer.name for layer in layers), least=20, most=_LONGEST_NAME)
    nodes = _nodes("ONNX nodes", [layer.origin for layer in layers])
    wide = (index, names, *figures, nodes)
    if width >= _WIDE and least_width([c for c in wide if not c.spare]) <= width:
        return Grid(wide)
    return Grid((index, _nodes("layer +nodes", [_named(layer) for layer in layers]), *figures))


def port_table(report: Report) -> Grid:
    """Inputs, outputs and what runs hand on: in the ONNX model, and in the arena."""
    ports: list[tuple[str, PortReport | StateReport]] = [
        *((f"in {i}", port) for i, port in enumerate(report.inputs)),
        *((f"out {i}", port) for i, port in enumerate(report.outputs)),
        *(("state", state) for state in report.states),
    ]
    maps = {tensor.id: (tensor.h, tensor.w, tensor.c) for tensor in report.tensors}
    columns = (
        Column("", tuple(label for label, _ in ports)),
        Column("ONNX name", tuple(port.name for _, port in ports), least=8, most=40),
        Column("ONNX shape", tuple(_file_shape(port) for _, port in ports)),
        Column("in C, HxWxC", tuple(format_shape(maps[port.tensor]) for _, port in ports)),
        Column("scale", tuple(_scale(port) for _, port in ports), right=True),
        Column("zero", tuple(str(port.zero_point) for _, port in ports), right=True),
        Column("offset", tuple(f"{port.offset:,}" for _, port in ports), right=True),
        Column("bytes", tuple(f"{port.bytes:,}" for _, port in ports), right=True),
    )
    return Grid(columns)


def _file_shape(port: PortReport | StateReport) -> str:
    """In the file's layout; a state is the arena's alone."""
    return "" if isinstance(port, StateReport) else format_shape(port.shape)


def board_table(boards: Sequence[Board]) -> Grid:
    """Boards with core, clock, memory and the machine that simulates them."""
    columns = (
        Column("board", tuple(board.id for board in boards)),
        Column("core", tuple(board.core.name for board in boards)),
        Column("MHz", tuple(_clock(board) for board in boards), right=True),
        Column("SRAM KiB", tuple(_kib(b.largest_sram.size) for b in boards), right=True),
        Column("flash KiB", tuple(_kib(b.flash.size) for b in boards), right=True),
        Column("QEMU machine", tuple(_machine(board) for board in boards)),
        Column("name", tuple(board.name for board in boards), spare=1, least=24),
    )
    return Grid(columns)


def _figures(layers: Sequence[LayerReport]) -> list[Column]:
    macs = [layer.macs for layer in layers]
    weights = [layer.weights_bytes for layer in layers]
    shares = [percents([m], sum(macs))[0].rstrip("%") for m in macs]  # equal layers, equal shares
    shapes = tuple(format_shape(layer.output_shape[1:]) for layer in layers)
    kernels = tuple(layer.kernel or "none" for layer in layers)
    return [
        Column("step", tuple(str(layer.step) for layer in layers), right=True),
        Column("op", tuple(_op(layer) for layer in layers), spare=2),
        Column("output", shapes, right=True),
        Column("MACs", tuple(f"{m:,}" for m in macs), f"{sum(macs):,}", right=True),
        Column("MAC %", tuple(shares), "100.0" if sum(macs) else "", right=True, spare=1),
        Column("weights", tuple(f"{w:,}" for w in weights), f"{sum(weights):,}", right=True),
        Column("kernel", kernels, least=LEAST_KERNEL, yields=1),
    ]


def _op(layer: LayerReport) -> str:
    short = layer.op.replace("Depthwise", "DW").replace("Average", "Avg").replace("2D", "")
    return short.replace("FullyConnected", "FC")


def _named(layer: LayerReport) -> tuple[str, ...]:
    """The ONNX nodes of a layer, its own name before them if it is not that of the first."""
    return layer.origin if layer.origin[:1] == (layer.name,) else (layer.name, *layer.origin)


def _nodes(title: str, names: Sequence[Sequence[str]]) -> Column:
    """The ONNX nodes of each layer; with their number alone if their names are too long."""
    clean = [tuple(map(printable, each)) or ("",) for each in names]
    return Column(
        title,
        tuple(map(join_origin, clean)),
        f"{len(names)} layers",
        least=LEAST_NAME,
        most=_LONGEST_NODES,
        cut=_shorter(clean),
    )


def _shorter(names: Sequence[Sequence[str]]) -> Callable[[Sequence[str], int], Sequence[str]]:
    """Cuts what is too long to its first name, and says how many follow."""
    more = [f" +{len(each) - 1}" if len(each) > 1 else "" for each in names]

    def cut(texts: Sequence[str], width: int) -> Sequence[str]:
        long = [i for i, text in enumerate(texts) if cell_len(text) > width]
        room = width - max((len(more[i]) for i in long), default=0)
        short = distinct_names([names[i][0] for i in long], room)
        found = list(texts)
        for i, text in zip(long, short, strict=True):
            found[i] = text + more[i]
        return found

    return cut


def _scale(port: PortReport | StateReport) -> str:
    return f"{port.scale:.6g}"


def _kib(count: int) -> str:
    return f"{count / 1024:,.0f}"


def _machine(board: Board) -> str:
    if board.simulator is None:
        return "-"
    return board.simulator.machine + (" (proxy)" if board.simulator.proxy else "")


def _clock(board: Board) -> str:
    return "-" if board.clock_hz is None else f"{board.clock_hz / 1e6:g}"
