"""Which step runs when and where each tensor lives.

A graph with its kernels becomes a `Schedule` (order, buffers and their lives), and this becomes a
`MemoryPlan` (offsets in the arena). `order` looks for the order of the nodes, `segments` for the
steps and their strips, `proof` replays what comes out.
"""

from mcucc.schedule.macs import executed_macs, total_executed_macs
from mcucc.schedule.occupancy import Resident, dead_ranges, live_tensors, peak_step
from mcucc.schedule.plan import (
    USUAL_RECOMPUTE,
    Mode,
    Objective,
    PlanOptions,
    plan_memory,
    plan_network,
    schedule_layers,
)
from mcucc.schedule.search import FoundPlan, Search, TriedCut
from mcucc.schedule.stages import RowRead, Stage
from mcucc.schedule.types import (
    Layer,
    MemoryPlan,
    Schedule,
    Segment,
    Step,
    counters_name,
    scratch_name,
    sums_name,
)

__all__ = [
    "USUAL_RECOMPUTE",
    "FoundPlan",
    "Layer",
    "MemoryPlan",
    "Mode",
    "Objective",
    "PlanOptions",
    "Resident",
    "RowRead",
    "Schedule",
    "Search",
    "Segment",
    "Stage",
    "Step",
    "TriedCut",
    "counters_name",
    "dead_ranges",
    "executed_macs",
    "live_tensors",
    "peak_step",
    "plan_memory",
    "plan_network",
    "schedule_layers",
    "scratch_name",
    "sums_name",
    "total_executed_macs",
]
