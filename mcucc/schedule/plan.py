"""From a graph with its kernels to a schedule, and from a schedule to a memory plan."""

from collections.abc import Iterator, Mapping, Sequence

from mcucc.errors import InvariantError
from mcucc.kernels import Kernel
from mcucc.memory import DEFAULT_BUDGET, Buffer, Problem, place, validate
from mcucc.ops import Aliasing, Int8Graph
from mcucc.schedule.inplace import shared_homes
from mcucc.schedule.liveness import content_lives, value_buffers, value_lives
from mcucc.schedule.order import best_order
from mcucc.schedule.types import MemoryPlan, Schedule, Step, scratch_name
from mcucc.schedule.work import work_of


def schedule_layers(
    graph: Int8Graph,
    kernels: Mapping[str, Kernel | None],
    *,
    keep_input: bool = False,
    alignment: int = 4,
) -> Schedule:
    """Schedules a graph layer by layer: each step makes a whole tensor.

    Args:
        graph: the network.
        kernels: by the name of the node; None for reshapes, which execute nothing.
        keep_input: the inputs of the network must survive the run.
        alignment: bytes; every buffer lies at a multiple of it. A power of two.

    Returns:
        The order with the smallest peak that was found, with the life of every buffer.

    Raises:
        InvariantError: a node has no kernel, a reshape has one, or an output is a constant.
    """
    _check_kernels(graph, kernels)
    scratch = {name: k.scratch_bytes for name, k in kernels.items() if k is not None}
    work = work_of(graph, scratch, keep_input=keep_input)
    order = best_order(work, alignment=alignment)
    homes = shared_homes(work, order.tasks)
    lives = content_lives(work, order.tasks)
    nodes = tuple(graph.nodes[task] for task in order.tasks)
    steps = tuple(Step(node, kernels[node.name]) for node in nodes)
    buffers = value_buffers(work, homes, lives, alignment)
    return Schedule(
        graph=graph,
        steps=steps,
        order_proven=order.proven,
        home={
            value: work.contents[home].values[0]
            for content, home in zip(work.contents, homes, strict=True)
            for value in content.values
        },
        lives=value_lives(graph, nodes, keep_input=keep_input),
        problem=Problem((*buffers, *_scratch_buffers(steps, alignment))),
        keep_input=keep_input,
    )


def plan_memory(schedule: Schedule, *, budget: int = DEFAULT_BUDGET) -> MemoryPlan:
    """Gives every buffer of a schedule its place in the arena.

    Args:
        schedule: what is live when.
        budget: the most nodes that the exact placement may visit.

    Raises:
        InvariantError: the placement breaks a rule.
    """
    placement = place(schedule.problem, budget=budget)
    faults = validate(schedule.problem, placement)
    if faults:
        raise InvariantError(
            f"the memory plan of '{schedule.graph.name}' is wrong: "
            + "; ".join(str(fault) for fault in faults)
        )
    return MemoryPlan(schedule, placement)


def _check_kernels(graph: Int8Graph, kernels: Mapping[str, Kernel | None]) -> None:
    for node in graph.nodes:
        executed = node.op.aliasing is not Aliasing.SAME_BYTES
        if executed and kernels.get(node.name) is None:
            raise InvariantError(f"node '{node.name}' has no kernel")
        if not executed and kernels.get(node.name) is not None:
            raise InvariantError(f"node '{node.name}' executes nothing but has a kernel")


def _scratch_buffers(steps: Sequence[Step], alignment: int) -> Iterator[Buffer]:
    for i, step in enumerate(steps):
        if step.kernel is not None and step.kernel.scratch_bytes:
            yield Buffer(
                scratch_name(step.node), step.kernel.scratch_bytes, i, i + 1, alignment=alignment
            )
