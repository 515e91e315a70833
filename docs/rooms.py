"""Draws the rooms of the package as docs/rooms.svg: `python docs/rooms.py`.

The floors are those of the import contract in pyproject.toml; the arrows are the imports in the
source. A test runs it and compares.
"""

import ast
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "rooms.svg"

_WIDTH, _FLOOR, _BOX, _LEFT, _TOP = 860, 62, 34, 40, 20
_GROUND = {"ops", "ir", "targets", "resources", "progress", "errors"}
"""Rooms that all others may use; arrows to them would hide the rest."""
_FONT = "font-family='Helvetica, Arial, sans-serif'"

Floors = Sequence[Sequence[str]]
"""Names of rooms, the upper floors first."""


def floors() -> Floors:
    """The rooms as the contract has them."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = config["tool"]["importlinter"]["contracts"]
    (layers,) = (c["layers"] for c in contracts if c["name"].startswith("Floors: "))
    names = [[part.strip() for part in line.replace(":", "|").split("|")] for line in layers]
    rooms = [[name.removeprefix("mcucc.") for name in floor] for floor in names]
    return [[name for name in floor if name != "__main__"] for floor in rooms]


def imports(rooms: Sequence[str]) -> Mapping[str, Sequence[str]]:
    """The rooms that each room imports from, in alphabetical order, but for the ground."""
    return {
        room: sorted(
            {name for file in _files(room) for name in _imported(file)}
            & set(rooms) - {room} - _GROUND
        )
        for room in rooms
    }


def _files(room: str) -> Sequence[Path]:
    folder = ROOT / "mcucc" / room
    return sorted(folder.rglob("*.py")) if folder.is_dir() else [folder.with_suffix(".py")]


def _imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("mcucc."):
            yield (node.module or "").split(".")[1]
        elif isinstance(node, ast.ImportFrom) and node.module == "mcucc":
            yield from (alias.name for alias in node.names)


def draw() -> str:
    """The picture."""
    plan = floors()
    arrows = imports([room for floor in plan for room in floor])
    places = {room: place for i, floor in enumerate(plan) for room, place in _row(i, floor)}
    height = _TOP * 2 + _FLOOR * len(plan)
    parts = [
        _head(height),
        "<title>Rooms of mcucc: an arrow goes from a room to one that it imports</title>",
        "<rect width='100%' height='100%' fill='white'/>",
        *(_arrow(places[a], places[b]) for a, targets in arrows.items() for b in targets),
        *(_box(room, *place) for room, place in places.items()),
        *(_number(len(plan) - i, i) for i in range(len(plan))),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _head(height: int) -> str:
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {_WIDTH} {height}' "
        f"width='{_WIDTH}' height='{height}' role='img'>"
    )


def _row(floor: int, rooms: Sequence[str]) -> Iterator[tuple[str, tuple[int, int]]]:
    """The middle of each room of a floor; odd floors stand a little aside, so that lines show."""
    step = (_WIDTH - _LEFT) // len(rooms)
    aside = (_WIDTH - _LEFT) // 5 * (1 if floor % 2 else -1) if len(rooms) == 1 else 0
    for i, room in enumerate(rooms):
        x = _LEFT + step * i + step // 2 + aside
        yield room, (x, _TOP + _FLOOR * floor + _BOX // 2)


def _arrow(start: tuple[int, int], end: tuple[int, int]) -> str:
    (x0, y0), (x1, y1) = start, end
    bend = (x0 + x1) // 2 + (y1 - y0) // 5
    path = f"M{x0} {y0 + _BOX // 2} Q{bend} {(y0 + y1) // 2} {x1} {y1 - _BOX // 2}"
    return f"<path d='{path}' fill='none' stroke='#59a' stroke-opacity='.6' stroke-width='1.3'/>"


def _box(room: str, x: int, y: int) -> str:
    left, top = x - 78, y - _BOX // 2
    return (
        f"<g><rect x='{left}' y='{top}' width='156' height='{_BOX}' rx='5' fill='#f4f8fb' "
        f"stroke='#357'/><text x='{x}' y='{y + 5}' {_FONT} font-size='14' font-weight='bold' "
        f"text-anchor='middle'>{escape(room)}</text></g>"
    )


def _number(floor: int, index: int) -> str:
    y = _TOP + _FLOOR * index + _BOX // 2 + 4
    return f"<text x='14' y='{y}' {_FONT} font-size='12' fill='#789'>{floor}</text>"


if __name__ == "__main__":
    PICTURE.write_text(draw(), encoding="utf-8")
