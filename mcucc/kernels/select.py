"""Chooses the kernel of each node."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from mcucc.errors import UnsupportedModelError, Violation
from mcucc.kernels.families import OPERATORS
from mcucc.kernels.kernel import Kernel, Shape, Unit
from mcucc.kernels.use import Declined
from mcucc.ops import Int8Graph, Int8Node, Int8Op, NodeView
from mcucc.ops.movement import Reshape
from mcucc.reference.parameters import max_abs_partial_sum
from mcucc.targets.board import Core


@dataclass(frozen=True)
class Choice:
    """What executes a node, and what does not.

    Attributes:
        kernel: the fastest one; None where nothing is executed.
        declined: units of the core that have no kernel for it, from the fastest on.
    """

    kernel: Kernel | None
    declined: tuple[Declined, ...] = ()


def select_kernels(graph: Int8Graph, core: Core | None = None) -> Mapping[str, Kernel | None]:
    """The fastest kernel of every node, by node name; None where nothing is executed.

    Args:
        graph: the network.
        core: what it will run on; None for kernels in plain C.

    Raises:
        UnsupportedModelError: some layer's accumulator could overflow an int32.
    """
    return {name: choice.kernel for name, choice in choose_kernels(graph, core).items()}


def choose_kernels(
    graph: Int8Graph, core: Core | None = None, *, small: bool = False
) -> Mapping[str, Choice]:
    """The same with the reasons why no faster ones were taken.

    Args:
        graph: the network.
        core: what it will run on; None for kernels in plain C.
        small: whether kernels are taken that need less flash.

    Raises:
        UnsupportedModelError: some layer's accumulator could overflow an int32.
    """
    violations = tuple(v for node in graph.nodes if (v := _overflow(graph, node)) is not None)
    if violations:
        raise UnsupportedModelError(violations)
    units = units_of(core)
    chosen = {node.name: _choose(graph, node, units) for node in graph.nodes}
    return _smaller(graph, chosen) if small else chosen


def _smaller(graph: Int8Graph, chosen: Mapping[str, Choice]) -> Mapping[str, Choice]:
    operators = {node.name: OPERATORS.get(type(node.op)) for node in graph.nodes}
    return {
        name: choice
        if choice.kernel is None or (operator := operators[name]) is None
        else replace(choice, kernel=operator.smaller(choice.kernel))
        for name, choice in chosen.items()
    }


def units_of(core: Core | None) -> tuple[Unit, ...]:
    """The units that a core has kernels for beside plain C, the fastest last."""
    if core is None or not core.has_thumb or (core.has_thumb2 and not core.has_dsp):
        return ()
    if not core.has_thumb2:
        return (Unit.THUMB1,)
    return (Unit.DSP, Unit.MVE) if core.has_mve else (Unit.DSP,)


def row_kernel(graph: Int8Graph, node: Int8Node, kernel: Kernel | None) -> Kernel | None:
    """The kernel that makes a node's output from rows, None if it needs whole tensors.

    Args:
        graph: the network.
        node: what is computed.
        kernel: what computes its whole tensor; None for a reshape, which has no rows of its own.
    """
    if kernel is None:
        return None
    by_rows = OPERATORS[type(node.op)].by_rows
    if by_rows is not None:
        other = by_rows(NodeView[Int8Op](graph, node))
        if other is None or other.shape is Shape.REDUCTION:
            return other
    return kernel if kernel.shape in (Shape.WINDOW, Shape.PIXELS) else None


def _choose(graph: Int8Graph, node: Int8Node, units: tuple[Unit, ...]) -> Choice:
    if isinstance(node.op, Reshape):
        return Choice(None)
    view, operator = NodeView[Int8Op](graph, node), OPERATORS[type(node.op)]
    portable = chosen = operator.portable(view)
    declined: list[Declined] = []
    for unit in units:
        accepts = operator.units.get(unit)
        if accepts is None:
            declined.insert(0, Declined(unit, f"{type(node.op).__name__} has no kernel for it"))
            continue
        answer = accepts(view, portable, chosen)
        if isinstance(answer, Declined):
            declined.insert(0, answer)
        else:
            chosen, declined = answer, []
    return Choice(chosen, tuple(declined))


def _overflow(graph: Int8Graph, node: Int8Node) -> Violation | None:
    """The violation of a layer whose sum of |bias| and |products| does not fit an int32."""
    if node.op.channel_axis is None:
        return None
    worst = max(max_abs_partial_sum(graph, node))
    if worst < 1 << 31:
        return None
    return Violation(
        node.name,
        type(node.op).__name__,
        "|bias| + 255 * sum|w| of every output channel must stay below 2^31",
        f"{worst} in the worst channel",
        "The bias is too large for its scale: quantize the layer again with a larger weight scale.",
    )
