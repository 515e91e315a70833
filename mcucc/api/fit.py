"""On which boards a network fits: imported and quantized once, planned and built once per core."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import mcucc
from mcucc.api.built import built_sizes
from mcucc.api.made import kernels_of
from mcucc.api.network import Calibration, load_network
from mcucc.api.options import CompileOptions, interface_of
from mcucc.codegen import Program, Provenance, emit, lower
from mcucc.importer import ModelSource, OnnxModel, identifier, path_of, read_network
from mcucc.kernels import Kernel, choose_kernels, select_kernels
from mcucc.ops import Int8Graph
from mcucc.ops.verify import total_macs
from mcucc.progress import Stage, silent
from mcucc.report.make import Budget
from mcucc.report.summary import Summarized, Summary
from mcucc.schedule import MemoryPlan, PlanOptions, plan_network
from mcucc.targets.board import Board, list_boards, load_board

_KERNEL_CODE, _STEP_CODE = 1150, 90
"""Bytes of code that a kernel, and a step, are taken to have where nothing is built."""
_ELEMENT_BYTES: Mapping[str, int] = MappingProxyType(
    {
        **dict.fromkeys(("int8_t", "uint8_t"), 1),
        **dict.fromkeys(("int16_t", "uint16_t"), 2),
        **dict.fromkeys(("int32_t", "uint32_t"), 4),
        **dict.fromkeys(("mcucc_channel_t", "mcucc_channel_dsp_t"), 12),
    }
)
"""Of the elements of constant arrays, by their type in C."""


@dataclass(frozen=True)
class BoardFit:
    """A network on a board.

    Attributes:
        board: id.
        core: of the board.
        fits: whether arena and flash do.
        tightest: "RAM" or "flash", whichever is used to the larger share.
        tightest_percent: that share.
        smallest_arena_bytes: of the smallest plan.
        arena_bytes: of the plan that `compile` takes.
        arena_limit_bytes: what the arena may take: the largest SRAM region less what is kept
            for the stack.
        flash_bytes: code and weights.
        flash_limit_bytes: the largest flash region.
        flash_estimated: whether nothing was built for it, or another plan for the same core.
    """

    board: str
    core: str
    fits: bool
    tightest: str
    tightest_percent: float
    smallest_arena_bytes: int
    arena_bytes: int
    arena_limit_bytes: int
    flash_bytes: int
    flash_limit_bytes: int
    flash_estimated: bool


@dataclass(frozen=True, repr=False)
class ModelFits(Summarized):
    """A network on all boards.

    Attributes:
        model: file name.
        macs: multiply-accumulates, each counted once.
        cores_built: for how many cores C was built; flash of the others is estimated.
        boards: those that it fits first, the smallest of them at the head.
    """

    model: str
    macs: int
    cores_built: int
    boards: tuple[BoardFit, ...]

    def summary(self) -> Summary:
        """On how many it fits, and a row for each board."""
        fitting = sum(each.fits for each in self.boards)
        facts = {"model": self.model, "boards": len(self.boards), "fits": fitting}
        rows = [
            (x.board, x.core, x.fits, x.smallest_arena_bytes, x.arena_bytes, x.flash_bytes)
            for x in self.boards
        ]
        head = ("board", "core", "fits", "smallest, bytes", "auto, bytes", "flash, bytes")
        return Summary(type(self).__name__, facts, head, rows)


def fit_model(
    source: ModelSource,
    calibration: Calibration,
    stage: Stage = silent,
    *,
    boards: Sequence[str] = (),
    prune: bool = True,
    build: bool = True,
) -> ModelFits:
    """Hold a network against boards.

    Args:
        source: the model.
        calibration: what the file does not say; sizes are right without inputs.
        stage: is told what is being done.
        boards: ids or board files; all microcontrollers that mcucc knows if none are given.
        prune: whether channels are dropped that nobody needs.
        build: whether C is built for each core; otherwise flash is estimated.

    Raises: as `compile_model`.
    """
    chosen = [load_board(each) for each in boards] or [b for b in list_boards() if b.core.has_thumb]
    model, name = read_network(source), identifier(path_of(source))
    given = replace(calibration, results_matter=False)
    network = load_network(model, name, given, stage, prune=prune)
    fitter = _Fitter(model, network.graph, stage, build=build)
    # The roomiest board of a core first: its plan is the one that most of the others have, too.
    found = [fitter.fit(board) for board in sorted(chosen, key=lambda b: -b.arena_budget_bytes)]
    return ModelFits(
        model=path_of(source).name,
        macs=total_macs(network.graph),
        cores_built=fitter.cores_built,
        boards=tuple(sorted(found, key=_by_size)),
    )


def _by_size(fit: BoardFit) -> tuple[bool, int, int, str]:
    return (not fit.fits, fit.arena_limit_bytes, fit.flash_limit_bytes, fit.board)


class _Fitter:
    """Plans, programs and sizes of one network, each made once."""

    def __init__(self, model: OnnxModel, graph: Int8Graph, stage: Stage, *, build: bool) -> None:
        self._model = model
        self._graph = graph
        self._stage = stage
        self._build = build
        self._plans: dict[object, MemoryPlan] = {}
        self._programs: dict[tuple[int, str], Program] = {}
        self._built: dict[str, tuple[int, int]] = {}

    def fit(self, board: Board) -> BoardFit:
        """The network on a board, as `compile` would find it."""
        kernels = select_kernels(self._graph, board.core)
        budget, plan = self._planned(board, kernels)
        smallest = self._plan(kernels, PlanOptions(objective="memory"))
        flash, estimated = self._flash(plan, board)
        if flash > board.flash.size and (saved := self._saved(plan, board)) > 0:
            flash, estimated = flash - saved, True
        arena_share = 100 * plan.arena_bytes / max(budget.arena_limit, 1)
        flash_share = 100 * flash / board.flash.size
        tightest = "RAM" if arena_share >= flash_share else "flash"
        return BoardFit(
            board=board.id,
            core=board.core.name,
            fits=budget.admits(plan.arena_bytes, flash),
            tightest=tightest,
            tightest_percent=round(max(arena_share, flash_share), 1),
            smallest_arena_bytes=smallest.arena_bytes,
            arena_bytes=plan.arena_bytes,
            arena_limit_bytes=budget.arena_limit,
            flash_bytes=flash,
            flash_limit_bytes=board.flash.size,
            flash_estimated=estimated,
        )

    def _planned(
        self, board: Board, kernels: Mapping[str, Kernel | None]
    ) -> tuple[Budget, MemoryPlan]:
        """The budget that keeps the stack which the plan states, and the plan within it."""
        budget = Budget.of(board, None)
        plan = self._auto(kernels, budget)
        kept = budget.keeping(self._program(plan, board).stack_bytes)
        if budget.arena_limit >= plan.arena_bytes > kept.arena_limit:
            plan = self._auto(kernels, kept)
            kept = budget.keeping(self._program(plan, board).stack_bytes)
        return kept, plan

    def _auto(self, kernels: Mapping[str, Kernel | None], budget: Budget) -> MemoryPlan:
        """The fastest plan where it is within the budget, else the fastest that is."""
        fastest = self._plan(kernels, PlanOptions())
        if fastest.arena_bytes <= budget.arena_limit:
            return fastest
        return self._plan(kernels, PlanOptions(limit=budget.arena_limit))

    def _plan(self, kernels: Mapping[str, Kernel | None], options: PlanOptions) -> MemoryPlan:
        """Cores whose kernels are the same have the same plans."""
        names = tuple(
            (name, kernel and kernel.name, kernel and kernel.scratch_bytes)
            for name, kernel in kernels.items()
        )
        key = (names, options)
        if key not in self._plans:
            self._stage(f"planning {self._graph.name}")
            self._plans[key] = plan_network(self._graph, kernels, options)
        return self._plans[key]

    def _program(self, plan: MemoryPlan, board: Board) -> Program:
        key = (id(plan), board.core.name)
        if key not in self._programs:
            options = CompileOptions(board)
            io, _ = interface_of(self._graph, options, self._model.format)
            provenance = Provenance(
                mcucc.__version__,
                self._model.path.name,
                self._model.sha256,
                board.id,
                options.describe(),
            )
            self._programs[key] = lower(plan, provenance, io, board.core)
        return self._programs[key]

    def _flash(self, plan: MemoryPlan, board: Board) -> tuple[int, bool]:
        """Bytes of code and weights, and whether they are an estimate."""
        core, program = board.core.name, self._program(plan, board)
        if self._build and core not in self._built:
            self._stage(f"building {self._graph.name} for {core}")
            sizes = built_sizes(emit(program), program, board)
            if sizes is not None:
                self._built[core] = (id(plan), sizes.flash_bytes)
        if core not in self._built:
            return estimated_flash_bytes(program), True
        of, size = self._built[core]
        return size, of != id(plan)

    def _saved(self, plan: MemoryPlan, board: Board) -> int:
        """Bytes of constants less with the kernels that `compile` takes where flash is short."""
        choices = choose_kernels(self._graph, board.core, small=True)
        _, small = self._planned(board, kernels_of(choices))
        return _constant_bytes(self._program(plan, board)) - _constant_bytes(
            self._program(small, board)
        )

    @property
    def cores_built(self) -> int:
        """For how many cores C was built."""
        return len(self._built)


def estimated_flash_bytes(program: Program) -> int:
    """Weights as they are, and code as large as kernels and steps of trained networks are."""
    code = _KERNEL_CODE * len(program.kernels) + _STEP_CODE * len(program.steps)
    return _constant_bytes(program) + code


def _constant_bytes(program: Program) -> int:
    return sum(_ELEMENT_BYTES[array.ctype] * array.count for array in program.arrays)
