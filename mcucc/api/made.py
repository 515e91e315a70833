"""A network's plan and C for a board, built to know its size."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mcucc.api.built import built_sizes
from mcucc.api.options import CompileOptions
from mcucc.api.plan import plan_with_stack
from mcucc.build.sizes import Sizes
from mcucc.codegen import Files, Program, SelfTest, emit, self_test
from mcucc.codegen.ports import is_index
from mcucc.codegen.program import Element
from mcucc.compiled.samples import random_samples
from mcucc.kernels import Choice, Kernel, choose_kernels
from mcucc.ops import Int8Graph
from mcucc.reference import interpreter
from mcucc.report.make import Budget, known_flash_bytes
from mcucc.report.text.figures import format_bytes
from mcucc.schedule import FoundPlan, MemoryPlan, PlanOptions


@dataclass(frozen=True)
class Made:
    """What a choice of kernels comes to.

    Attributes:
        choices: of kernels, by the name of the node.
        budget: that keeps the stack which the program states.
        wanted: what was asked of the planner.
        plan: its answer.
        program: of the plan.
        files: the C.
        sizes: of its objects, None without a compiler for the board's core.
        notes: on the choice.
    """

    choices: Mapping[str, Choice]
    budget: Budget
    wanted: PlanOptions
    plan: FoundPlan
    program: Program
    files: Files
    sizes: Sizes | None
    notes: tuple[str, ...] = field(default=())

    @property
    def kernels(self) -> Mapping[str, Kernel | None]:
        """The chosen ones."""
        return kernels_of(self.choices)

    @property
    def flash_bytes(self) -> int:
        """What is known of code and weights."""
        return known_flash_bytes(self.plan.schedule.graph, self.sizes)

    @property
    def fits(self) -> bool:
        """Whether the board has room for it."""
        return self.budget.admits(self.plan.arena_bytes, self.flash_bytes)


def make(
    graph: Int8Graph,
    options: CompileOptions,
    budget: Budget,
    lowered: Callable[[MemoryPlan], Program],
) -> Made:
    """The network with the fastest kernels, or where flash is too small with smaller ones.

    Args:
        graph: the network.
        options: of the compilation.
        budget: what it may take.
        lowered: the program of a plan.

    Raises:
        UnsupportedModelError: some layer's accumulator could overflow an int32.
        ToolchainError: the compiler does not accept the generated code.
    """
    core, have = budget.board.core, budget.board.flash.size
    fast = _make(graph, choose_kernels(graph, core), options, budget, lowered)
    if fast.flash_bytes <= have:
        return fast
    choices = choose_kernels(graph, core, small=True)
    if kernels_of(choices) == fast.kernels:
        return fast
    note = (
        "kernels that need less flash and more instructions were taken: with the fastest ones code "
        f"and weights need {format_bytes(fast.flash_bytes)}, {budget.board.id} has "
        f"{format_bytes(have)}"
    )
    small = _make(graph, choices, options, budget, lowered, note)
    return small if small.flash_bytes < fast.flash_bytes else fast


def kernels_of(choices: Mapping[str, Choice]) -> Mapping[str, Kernel | None]:
    """The kernel of each node, by its name."""
    return {name: choice.kernel for name, choice in choices.items()}


def _make(
    graph: Int8Graph,
    choices: Mapping[str, Choice],
    options: CompileOptions,
    budget: Budget,
    lowered: Callable[[MemoryPlan], Program],
    *notes: str,
) -> Made:
    kept, wanted, plan, program = plan_with_stack(
        graph, kernels_of(choices), options, budget, lowered
    )
    files = _draft(program, plan, options)
    sizes = built_sizes(files, program, budget.board)
    return Made(choices, kept, wanted, plan, program, files, sizes, notes)


def _draft(program: Program, plan: MemoryPlan, options: CompileOptions) -> Files:
    """The C files; the recorded self-test needs outputs, which the reference computes."""
    graph, elements = plan.schedule.graph, (program.element, program.output_element)
    test = _recorded(graph, options.selftest, elements) if options.selftest else None
    return emit(program, selftest=test)


def _recorded(graph: Int8Graph, count: int, elements: tuple[Element, Element]) -> SelfTest:
    """Samples whose outputs differ, so that a network stuck at one answer does not pass.

    Each further draw has half the contrast of the one before. A network that gives fewer different
    outputs in eight draws gets samples that repeat them.
    """
    shapes = [graph.tensors[port.tensor].shape for port in graph.inputs]
    fresh: list[tuple[NDArray[np.int8], ...]] = []
    repeated: list[tuple[NDArray[np.int8], ...]] = []
    seen: set[bytes] = set()
    for draw in range(8):
        samples = tuple(array >> draw for array in random_samples(shapes, count, seed=draw))
        inputs = {port.tensor: s for port, s in zip(graph.inputs, samples, strict=True)}
        values = interpreter.run(graph, inputs)
        outputs = tuple(values[port.tensor] for port in graph.outputs)
        for i in range(count):
            result = b"".join(array[i].tobytes() for array in outputs)
            kept = repeated if result in seen else fresh
            kept.append(tuple(array[i : i + 1] for array in (*samples, *outputs)))
            seen.add(result)
        if len(fresh) >= count:
            break
    columns = [np.concatenate(column) for column in zip(*[*fresh, *repeated][:count], strict=True)]
    indices = [place for place, port in enumerate(graph.outputs) if is_index(graph, port)]
    return self_test(columns[: len(shapes)], columns[len(shapes) :], elements, indices)
