"""Gives kernels their scratch in bytes of the arena that are free anyway.

The smallest arena is found with kernels that need no scratch. At most steps it has room to spare:
there the faster kernel of a layer gets it, and nothing else moves.
"""

from collections.abc import Mapping
from dataclasses import replace

from mcucc.errors import InvariantError
from mcucc.kernels import Kernel
from mcucc.memory import ALIGNMENT, Buffer, Placement, Problem, validate
from mcucc.memory.clearance import align_up
from mcucc.schedule.occupancy import dead_ranges
from mcucc.schedule.stages import Stage
from mcucc.schedule.types import Layer, MemoryPlan, Segment, Step, scratch_name


def place_scratch_in_gaps(plan: MemoryPlan, kernels: Mapping[str, Kernel | None]) -> MemoryPlan:
    """The same plan with faster kernels where their scratch fits.

    Args:
        plan: of kernels without scratch.
        kernels: the fastest of each node, by its name. One that reads and writes in another order
            than the plan's is not taken: the distances of the plan are not made for it.

    Raises:
        InvariantError: the new plan breaks a rule.
    """
    steps: list[Step] = []
    buffers: list[Buffer] = []
    offsets = dict(plan.placement.offsets)
    for i, step in enumerate(plan.schedule.steps):
        begin, end = _largest_gap(plan, i)
        faster = _faster(step, kernels, end - begin)
        size = _scratch_bytes(faster)
        if size:
            buffers.append(Buffer(scratch_name(faster), size, i, i + 1, plan.alignment))
            offsets[scratch_name(faster)] = begin
        steps.append(faster)
    problem = plan.schedule.problem
    problem = Problem((*problem.buffers, *buffers), problem.overlaps)
    placement = replace(plan.placement, offsets=offsets)
    _check(problem, placement)
    return MemoryPlan(replace(plan.schedule, steps=tuple(steps), problem=problem), placement)


def room_for_scratch(plan: MemoryPlan, step: int) -> int:
    """Bytes in one piece that the scratch of a step's kernels may take without a larger arena.

    Args:
        plan: with the scratch that `place_scratch_in_gaps` gave out, which lies in the largest gap
            of its step.
        step: number of the step.
    """
    executed = plan.schedule.steps[step]
    begin = plan.scratch_offset(executed)
    if begin is None:
        begin, end = _largest_gap(plan, step)
        return max(end - begin, 0)
    name = scratch_name(executed)
    buffers = plan.schedule.problem.live_at(step)
    end = begin + next(buffer.size for buffer in buffers if buffer.name == name)
    return dict(dead_ranges(plan, step)).get(end, end) - begin


def _largest_gap(plan: MemoryPlan, step: int) -> tuple[int, int]:
    """The longest range of bytes that nobody owns at a step; its begin is aligned."""
    words = max(
        ALIGNMENT, plan.alignment
    )  # which kernels keep in it, whatever buffers are aligned to
    aligned = ((align_up(begin, words), end) for begin, end in dead_ranges(plan, step))
    return max(aligned, key=lambda gap: (gap[1] - gap[0], -gap[0]), default=(0, 0))


def _faster(step: Step, kernels: Mapping[str, Kernel | None], room: int) -> Step:
    """A step with the fastest kernels whose scratch fits."""
    if isinstance(step, Layer):
        return replace(step, kernel=_best(step.kernel, kernels[step.node.name], room))
    return replace(step, stages=tuple(_faster_stage(s, kernels, room) for s in step.stages))


def _faster_stage(stage: Stage, kernels: Mapping[str, Kernel | None], room: int) -> Stage:
    if stage.node is None or stage.is_reduction:
        return stage
    return replace(stage, kernel=_best(stage.kernel, kernels[stage.node.name], room))


def _best(kernel: Kernel | None, fastest: Kernel | None, room: int) -> Kernel | None:
    if kernel is None or fastest is None or fastest.access is not kernel.access:
        return kernel
    return fastest if fastest.scratch_bytes <= room else kernel


def _scratch_bytes(step: Step) -> int:
    """What the kernels of a step need, one after the other."""
    kernels = [s.kernel for s in step.stages] if isinstance(step, Segment) else [step.kernel]
    return max((kernel.scratch_bytes for kernel in kernels if kernel is not None), default=0)


def _check(problem: Problem, placement: Placement) -> None:
    faults = validate(problem, placement)
    if faults:
        raise InvariantError("scratch in gaps: " + "; ".join(str(fault) for fault in faults))
