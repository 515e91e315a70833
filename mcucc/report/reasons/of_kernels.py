"""Which kernel executes a layer, and why no faster one does."""

from collections.abc import Iterator, Mapping

from mcucc.kernels import Choice, Kernel, Shape, Unit
from mcucc.kernels.speed import instructions_saved
from mcucc.ops.verify import node_macs
from mcucc.report.model import Gain, Reason
from mcucc.report.reasons.placed import PlacedLayer
from mcucc.schedule import MemoryPlan
from mcucc.schedule.gaps import room_for_scratch


def kernel_reasons(
    plan: MemoryPlan, layers: tuple[PlacedLayer, ...], choices: Mapping[str, Choice]
) -> Iterator[Reason]:
    """For each layer the kernel that it has, and those that it could have had.

    Args:
        plan: which may have chosen a kernel with less scratch.
        layers: of the plan.
        choices: the fastest kernels and what declined, by the name of the node.
    """
    for layer in layers:
        kernel = layer.within.kernel_of(layer.node)
        if kernel is None:
            continue
        name = layer.node.name
        choice = choices[name]
        yield Reason("kernel", layer.index, name, _unit(kernel.unit), did=f"{kernel.name} runs it")
        macs = node_macs(plan.schedule.graph, layer.node)
        for declined in choice.declined:
            saved = instructions_saved(kernel, declined.unit, macs)
            yield Reason(
                *("kernel", layer.index, name, _unit(declined.unit)),
                declined=declined.reason,
                gain=None if saved is None else Gain(saved, "instructions"),
            )
        if choice.kernel is not None and choice.kernel.name != kernel.name:
            yield _without(plan, layer, kernel, choice.kernel, macs)


def _without(
    plan: MemoryPlan, layer: PlacedLayer, kernel: Kernel, fastest: Kernel, macs: int
) -> Reason:
    """Why the plan has another kernel than the fastest."""
    where = ("kernel", layer.index, layer.node.name)
    if kernel.shape is Shape.REDUCTION:
        return Reason(*where, fastest.name, declined="the rows of its input come one by one")
    if kernel.access is not fastest.access:
        return Reason(
            *where,
            fastest.name,
            declined="it reads and writes in another order than the plan makes room for",
        )
    room = room_for_scratch(plan, layer.step)
    free = f"no more than {room:,} free in one piece" if room else "nothing free"
    saved = instructions_saved(kernel, fastest.unit, macs)
    return Reason(
        *where,
        fastest.name,
        declined=f"its scratch takes {fastest.scratch_bytes:,} bytes, and at step {layer.step} "
        f"the arena has {free}",
        gain=None if saved is None else Gain(saved, "instructions"),
    )


def _unit(unit: Unit) -> str:
    return unit.value or "portable"
