"""What the page shows beside the report: other plans, counted instructions, the example in C."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mcucc.targets.board import Board


@dataclass(frozen=True)
class PlanPoint:
    """Another way to run the network.

    Attributes:
        name: what it is.
        arena_bytes: that it needs.
        command: that makes it; empty for what mcucc cannot make.
        note: what a reader should know of it; may be empty.
    """

    name: str
    arena_bytes: int
    command: str = ""
    note: str = ""


@dataclass(frozen=True)
class Counted:
    """Instructions of a run on the simulated core.

    Attributes:
        instructions: of the whole run.
        modelled_cycles: of them, None without a model of the core.
        layers: by the layer's index.
        joint: indices of layers that were counted together with another, which has the count.
    """

    instructions: int
    modelled_cycles: int | None
    layers: Mapping[int, int]
    joint: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Beside:
    """What is known of a compiled directory beside its report.

    Attributes:
        board: for which it was compiled.
        points: other plans of the network; none for one that does not fit.
        counted: instructions, None where `mcucc bench --save` did not count any.
        example: C that uses the network, empty if there is none.
    """

    board: Board
    points: tuple[PlanPoint, ...] = field(default_factory=tuple[PlanPoint, ...])
    counted: Counted | None = None
    example: str = ""
