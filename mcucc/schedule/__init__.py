"""Which step runs when and where each tensor lives.

A graph with its kernels becomes a `Schedule` (order, buffers and their lives), and this becomes a
`MemoryPlan` (offsets in the arena). Order, sharing of buffers and liveness each have a file.
"""

from mcucc.schedule.occupancy import Resident, dead_ranges, live_tensors, peak_step
from mcucc.schedule.plan import plan_memory, schedule_layers
from mcucc.schedule.types import MemoryPlan, Schedule, Step, scratch_name

__all__ = [
    "MemoryPlan",
    "Resident",
    "Schedule",
    "Step",
    "dead_ranges",
    "live_tensors",
    "peak_step",
    "plan_memory",
    "schedule_layers",
    "scratch_name",
]
