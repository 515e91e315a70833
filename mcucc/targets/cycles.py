"""What instructions would cost on a core with memory that answers at once: modelled cycles.

A sum over classes of instructions, from tables that others have published. It knows no caches, no
flash wait states and no dependencies between instructions; docs/measuring.md says what it is not.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

CLASSES: tuple[str, ...] = (
    "alu",
    "multiply",
    "long_multiply",
    "divide",
    "load",
    "paired_load",
    "store",
    "multiple",
    "branch",
    "float",
    "float_mac",
    "float_divide",
    "other",
)
"""The classes of runtime_c/platform/qemu_plugin/classes.h, in its order."""

COLUMNS = (*CLASSES, "registers", "taken")
"""What the profiler counts: instructions by class, registers of `multiple`, branches taken."""


@dataclass(frozen=True)
class InstructionCounts:
    """Instructions that were executed.

    Attributes:
        by_class: instructions of each class.
        registers: that instructions of class `multiple` moved.
        taken: times that execution went on elsewhere than behind the last instruction.
    """

    by_class: Mapping[str, int] = field(default_factory=dict[str, int])
    registers: int = 0
    taken: int = 0

    @property
    def instructions(self) -> int:
        """All of them."""
        return sum(self.by_class.values())

    def __add__(self, other: "InstructionCounts") -> "InstructionCounts":
        return InstructionCounts(
            {name: self.by_class.get(name, 0) + other.by_class.get(name, 0) for name in CLASSES},
            self.registers + other.registers,
            self.taken + other.taken,
        )


@dataclass(frozen=True)
class CycleTable:
    """Cycles of a core.

    Attributes:
        by_class: cycles of an instruction; 1 where it says nothing.
        register: for each register that `multiple` moves.
        taken: for each refill of the pipeline.
        source: where the figures were taken from.
    """

    by_class: Mapping[str, float]
    register: float
    taken: float
    source: str

    def cycles(self, counts: InstructionCounts) -> int:
        """The modelled cycles of what was executed, rounded."""
        total = sum(self.by_class.get(name, 1.0) * n for name, n in counts.by_class.items())
        return round(total + self.register * counts.registers + self.taken * counts.taken)


TABLES: Mapping[str, CycleTable] = MappingProxyType(
    {
        # Table 3-1 and section 3.3.2: loads take 2 cycles and 1 in the wake of another access, a
        # store 1 as its data are written while the next instruction runs, several registers 1 + N.
        # The refill P is 1 to 3 cycles and taken as 2, a division 2 to 12 and taken as 7.
        "cortex-m4": CycleTable(
            {"load": 2, "divide": 7, "float_mac": 3, "float_divide": 14},
            register=1,
            taken=2,
            source="Arm Cortex-M4 Processor Technical Reference Manual (DDI 0439, 100166), 3.3",
        ),
        # Arm publishes no table. Up to two instructions issue together: simple ones as a rule, two
        # loads sometimes, two multiplications or stores never. Branches are mostly predicted.
        "cortex-m7": CycleTable(
            {
                **dict.fromkeys(("alu", "branch", "float", "multiple"), 0.5),
                **dict.fromkeys(("load", "paired_load"), 0.75),
                "divide": 7,
                "float_mac": 3,
                "float_divide": 14,
            },
            register=0.5,
            taken=0.5,
            source="mcucc's own estimate of dual issue",
        ),
    }
)
"""By name of the core; there is no model of the others."""


def modelled_cycles(core: str, counts: InstructionCounts) -> int | None:
    """Modelled cycles on a core, None where there is no table for it."""
    table = TABLES.get(core)
    return None if table is None else table.cycles(counts)
