"""The network as a line of layers, with a lane beside it for what a later layer reads."""

from dataclasses import dataclass

from mcucc.report.model import Report

ROW = 24
"""Pixels of a layer."""
_LEFT, _LANE, _WIDEST = 9, 9, 80
"""Pixels: where the first lane is, from one to the next, and all lanes together."""


@dataclass(frozen=True)
class Edge:
    """What a layer reads of another: an SVG path."""

    path: str
    maker: int
    reader: int


@dataclass(frozen=True)
class Network:
    """The drawing: pixels, and where the dots of layers are."""

    width: int
    height: int
    left: int
    edges: tuple[Edge, ...]


def draw_network(report: Report) -> Network:
    """The lanes of a report's layers, each edge in the first one that is free all along."""
    pairs = [(maker, layer.index) for layer in report.layers for maker in layer.reads]
    lanes: list[int] = []  # by lane, the layer down to which it is taken
    placed: list[tuple[int, int, int]] = []
    for maker, reader in sorted(pairs, key=lambda pair: (pair[0], -pair[1])):
        if reader == maker + 1:
            placed.append((maker, reader, 0))
            continue
        free = (i for i, until in enumerate(lanes) if until <= maker)
        lane = next(free, len(lanes))
        lanes[lane : lane + 1] = [reader]
        placed.append((maker, reader, lane + 1))
    distance = min(_LANE, _WIDEST / max(len(lanes), 1))
    edges = tuple(Edge(_path(a, b, lane * distance), a, b) for a, b, lane in placed)
    width = round(2 * _LEFT + distance * len(lanes))
    return Network(width, ROW * len(report.layers), _LEFT, edges)


def _path(maker: int, reader: int, aside: float) -> str:
    begin, end = maker * ROW + ROW // 2, reader * ROW + ROW // 2
    if not aside:
        return f"M{_LEFT} {begin}V{end}"
    lane, half = _LEFT + aside, ROW // 2
    return (
        f"M{_LEFT} {begin}Q{lane:.1f} {begin} {lane:.1f} {begin + half}"
        f"V{end - half}Q{lane:.1f} {end} {_LEFT} {end}"
    )
