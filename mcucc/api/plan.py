"""What a model needs of memory: under each strategy without compiling it, and as it is compiled."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from mcucc.api.network import load_network
from mcucc.api.options import CompileOptions, check_options, plan_options
from mcucc.codegen import Program
from mcucc.importer import ModelSource, identifier, path_of, read_network
from mcucc.kernels import Kernel, select_kernels
from mcucc.ops import Int8Graph
from mcucc.progress import Stage, silent
from mcucc.report.make import Budget
from mcucc.report.summary import Summarized, Summary
from mcucc.schedule import FoundPlan, MemoryPlan, PlanOptions, plan_network
from mcucc.schedule.compare.strategies import Strategy, compare_strategies
from mcucc.targets.board import load_board


@dataclass(frozen=True, repr=False)
class ModelPlans(Summarized):
    """The strategies for a model on a board.

    Attributes:
        model: file name.
        board: id.
        sram_bytes: what the arena may take: the budget less the stack reserve.
        board_sram_bytes: the board's largest SRAM region.
        fits: whether the arena of the chosen strategy may be that large; flash is not looked at.
        macs: multiply-accumulates, each counted once.
        lower_bound_bytes: no placement of the chosen steps is below it.
        peak_step: the chosen step that needs the most.
        strategies: from whole tensors to the smallest arena; one is chosen.
    """

    model: str
    board: str
    sram_bytes: int
    board_sram_bytes: int
    fits: bool
    macs: int
    lower_bound_bytes: int
    peak_step: str
    strategies: tuple[Strategy, ...]

    def summary(self) -> Summary:
        """Whether it fits, and a row for each strategy."""
        facts = {
            "model": self.model,
            "board": self.board,
            "fits": self.fits,
            "sram_bytes": self.sram_bytes,
            "macs": self.macs,
        }
        rows = [
            (x.name, x.arena_bytes, x.arena_bytes_streamed_input, x.executed_macs, x.chosen)
            for x in self.strategies
        ]
        head = ("strategy", "arena, bytes", "input streamed, bytes", "executed MACs", "chosen")
        return Summary(type(self).__name__, facts, head, rows)


def plan_model(source: ModelSource, options: CompileOptions, stage: Stage = silent) -> ModelPlans:
    """Plan an ONNX file in every way that mcucc knows; nothing is written.

    Raises: as `compile_model`.
    """
    board = load_board(options.board)
    budget = Budget.of(board, options.sram)
    path = path_of(source)
    model, name = read_network(source), identifier(path)
    calibration = replace(options.calibration, results_matter=False)
    network = load_network(model, name, calibration, stage, prune=options.prune)
    stage(f"planning {path.name}")
    graph = network.graph
    check_options(graph, options)
    found = compare_strategies(
        graph, select_kernels(graph, board.core), plan_options(options, budget)
    )
    return ModelPlans(
        model=path.name,
        board=board.id,
        sram_bytes=budget.arena_limit,
        board_sram_bytes=board.largest_sram.size,
        fits=found.arena_bytes <= budget.arena_limit,
        macs=found.macs,
        lower_bound_bytes=found.lower_bound_bytes,
        peak_step=found.peak_step,
        strategies=found.strategies,
    )


def plan_with_stack(
    graph: Int8Graph,
    kernels: Mapping[str, Kernel | None],
    options: CompileOptions,
    budget: Budget,
    lowered: Callable[[MemoryPlan], Program],
) -> tuple[Budget, PlanOptions, FoundPlan, Program]:
    """The plan and its program, and a budget that keeps the stack which they state.

    How much that is, only the program says. Where it leaves too little for the arena, the network
    is planned once more.

    Args:
        graph: what is planned.
        kernels: of its nodes.
        options: of the compilation.
        budget: keeps the usual reserve.
        lowered: the program of a plan.

    Returns:
        The budget that keeps the larger of both, what was asked of the planner, and its answer.
    """
    wanted = plan_options(options, budget)
    plan = plan_network(graph, kernels, wanted)
    program = lowered(plan)
    kept = budget.keeping(program.stack_bytes)
    if budget.arena_limit >= plan.arena_bytes > kept.arena_limit:
        wanted = plan_options(options, kept)
        plan = plan_network(graph, kernels, wanted)
        program = lowered(plan)
    return budget.keeping(program.stack_bytes), wanted, plan, program
