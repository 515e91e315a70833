"""What the tests of all operators ask of one that has a file of its own in this folder.

Each `test_<operator>.py` has an `EXAMPLE`. The graphs with every operator, the tests of rules, of
rows and of the text form take it from there; the file itself holds the operator against its judges.
"""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mcucc.ops import Int8Graph, Int8Op

if TYPE_CHECKING:
    from tests.float_graphs import FloatBuilder
    from tests.graphs import GraphBuilder
    from tests.importer.tflite.drawn_file import Draw

Break = Callable[[Int8Graph], Int8Graph]
"""Makes a correct graph one that breaks a rule; `tests/ops/breaking.py` has some."""


@dataclass(frozen=True)
class Example:
    """An operator among others; where it makes indices, it ends a branch of the graph.

    Attributes:
        op: its int8 class.
        build: adds it to a graph, behind a map [1, H, W, C], and makes a map of the same shape.
        broken: what breaks each of its rules, with words of the rule. The graph is what `build`
            makes of the input 'x0', int8 [1, 6, 6, 2] at scale 0.1.
        build_float: the same in float; None if it has no float form of its own.
        files: how a `.tflite` file of it alone is drawn, by the operator's name there.
    """

    op: type[Int8Op]
    build: "Callable[[GraphBuilder, str], str]"
    broken: tuple[tuple[Break, str], ...]
    build_float: "Callable[[FloatBuilder, str], str] | None" = None
    files: "Mapping[str, Draw]" = field(default_factory=dict[str, "Draw"])


def examples() -> tuple[Example, ...]:
    """Those of all files of this folder, by the names of the files."""
    names = sorted(path.stem for path in Path(__file__).parent.glob("test_*.py"))
    modules = (importlib.import_module(f"tests.operators.{name}") for name in names)
    return tuple(module.EXAMPLE for module in modules)
