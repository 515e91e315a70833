"""Collects the report of a compilation from the plan and the sizes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import mcucc
from mcucc.build.sizes import Sizes
from mcucc.codegen import Program
from mcucc.codegen.arena_refs import TensorRef
from mcucc.codegen.program import PortDef, StepDef
from mcucc.errors import UsageError
from mcucc.ir import Port
from mcucc.ops import Int8Graph, Int8Node
from mcucc.ops.verify import node_macs
from mcucc.quant.joined import Part
from mcucc.report.model import (
    Flash,
    LayerReport,
    LiveBuffer,
    ModelFacts,
    PartReport,
    Peak,
    PortReport,
    Quantization,
    Report,
    StateReport,
    StepReport,
    TensorReport,
)
from mcucc.report.reasons import Collected
from mcucc.report.reasons.placed import placed_layers
from mcucc.report.text.figures import format_bytes
from mcucc.schedule import (
    MemoryPlan,
    Segment,
    dead_ranges,
    live_tensors,
    peak_step,
    total_executed_macs,
)
from mcucc.schedule.macs import halo_macs
from mcucc.targets.board import STACK_RESERVE_BYTES, Board


@dataclass(frozen=True)
class Budget:
    """What the network may take.

    Attributes:
        board: gives flash.
        sram_bytes: for arena and stack reserve together; at most the board's largest SRAM region.
        stack_reserve_bytes: of it, never the arena's.
    """

    board: Board
    sram_bytes: int
    stack_reserve_bytes: int = STACK_RESERVE_BYTES

    @classmethod
    def of(cls, board: Board, sram: int | None) -> "Budget":
        """The board's largest SRAM region, or as much of it as the user allows.

        Raises:
            UsageError: the user allows more than there is, or nothing.
        """
        region = board.largest_sram
        if sram is None:
            return cls(board, region.size)
        if sram < 1:
            raise UsageError(f"--sram {sram}: give at least 1 byte, or leave --sram out")
        if sram > region.size:
            raise UsageError(
                f"--sram {sram} ({format_bytes(sram)}) is more than {board.id} has: its largest "
                f"SRAM region, '{region.name}', has {format_bytes(region.size)}. Give at most "
                f"--sram {region.size}, leave it out, or name a larger board"
            )
        return cls(board, sram)

    @property
    def arena_limit(self) -> int:
        """The largest arena that fits: the stack's reserve is always kept."""
        return max(0, self.sram_bytes - self.stack_reserve_bytes)

    def keeping(self, stack_bytes: int) -> "Budget":
        """The same with a reserve that is no less than what a run may take of the stack."""
        return replace(self, stack_reserve_bytes=max(self.stack_reserve_bytes, stack_bytes))

    def admits(self, arena_bytes: int, flash_bytes: int) -> bool:
        """Whether an arena, and what is known of code and weights, fit."""
        return arena_bytes <= self.arena_limit and flash_bytes <= self.board.flash.size


@dataclass(frozen=True)
class Origin:
    """What is known of the network before it was scheduled.

    Attributes:
        model_macs: of the network as in the file.
        calibrated: false if it was quantized on random inputs.
        quantization: how mcucc quantized it, None if it came quantized.
        sqnr_db: signal-to-noise ratio of int8 values, by name.
        parts: of outputs that join values, by their name.
        unjudged: values that TFLM has no operator for.
    """

    model_macs: int
    calibrated: bool = True
    quantization: Quantization | None = None
    sqnr_db: Mapping[str, float] = field(default_factory=dict[str, float])
    parts: Mapping[str, tuple[Part, ...]] = field(default_factory=dict[str, tuple[Part, ...]])
    unjudged: tuple[str, ...] = ()


@dataclass(frozen=True)
class Written:
    """What is written beside the report and into it.

    Attributes:
        files: beside it; none if the network does not fit.
        notes: what a reader should know.
        decided: what was done and declined.
    """

    files: Sequence[str]
    notes: Sequence[str]
    decided: Collected = field(default_factory=Collected)


@dataclass(frozen=True)
class OutsideArenas:
    """Sizes of the arena with an input that does not lie in it, None where they were not found.

    Attributes:
        streamed: it is handed over row by row.
        elsewhere: any pixels of it are.
    """

    streamed: int | None = None
    elsewhere: int | None = None


def make_report(
    program: Program,
    plan: MemoryPlan,
    budget: Budget,
    sizes: Sizes | None,
    origin: Origin,
    written: Written,
    *,
    outside: OutsideArenas,
) -> Report:
    """The report of one compilation.

    Args:
        program: what is printed.
        plan: steps and places.
        budget: what the network may take.
        sizes: measured on objects for the board's core, None without a compiler.
        origin: where the network comes from.
        written: files and notes.
        outside: sizes of the arena with an input that is handed over.
    """
    graph = plan.schedule.graph
    return Report(
        mcucc_version=mcucc.__version__, name=program.name,
        model=ModelFacts(program.provenance.model_file, program.provenance.model_sha256),
        board=budget.board.id, options=program.provenance.options, io=program.io,
        calibrated=origin.calibrated, quantization=origin.quantization,
        model_macs=origin.model_macs, macs=program.macs,
        executed_macs=total_executed_macs(plan.schedule), halo_macs=halo_macs(plan.schedule),
        params=_params(graph),
        arena_bytes=plan.arena_bytes, arena_align=program.arena_align,
        arena_bytes_streamed_input=outside.streamed,
        stream_input=plan.schedule.streamed and not plan.schedule.elsewhere,
        arena_bytes_input_elsewhere=outside.elsewhere, input_elsewhere=plan.schedule.elsewhere,
        arena_lower_bound_bytes=plan.placement.lower_bound,
        stack_bytes=None if sizes is None else sizes.stack_bytes,
        sram_bytes=budget.sram_bytes, stack_reserve_bytes=budget.stack_reserve_bytes,
        flash=_flash(sizes), flash_limit_bytes=budget.board.flash.size,
        built=sizes is not None,
        fits=budget.admits(plan.arena_bytes, known_flash_bytes(graph, sizes)),
        notes=tuple(written.notes), files=tuple(written.files),
        inputs=_ports(plan, graph.inputs, program.inputs),
        outputs=_ports(plan, graph.outputs, program.outputs, origin),
        states=_states(program, plan), state_bytes=program.state_bytes,
        layers=_layers(program, plan, origin.sqnr_db),
        steps=_steps(program, plan, sizes),
        tensors=_tensors(program.tensors), unjudged=origin.unjudged,
        dead_ranges=_dead_ranges(plan), peak=_peak(plan),
        reasons=written.decided.reasons, reasons_left_out=written.decided.left_out,
        memory_map=program.memory_map,
    )  # fmt: skip


def known_flash_bytes(graph: Int8Graph, sizes: Sizes | None) -> int:
    """Code and weights as measured, or without a compiler the weights, which is less."""
    if sizes is not None:
        return sizes.flash_bytes
    return sum(_weights_bytes(graph, node) for node in graph.nodes)


def _params(graph: Int8Graph) -> int:
    return sum(const.type.size for const in graph.consts.values())


def _dead_ranges(plan: MemoryPlan) -> tuple[tuple[tuple[int, int], ...], ...]:
    return tuple(dead_ranges(plan, step) for step in range(len(plan.schedule.steps)))


def _flash(sizes: Sizes | None) -> Flash:
    if sizes is None:
        return Flash(None, None, None)
    return Flash(sizes.weights_bytes, sizes.code_bytes, sizes.flash_bytes)


def _ports(
    plan: MemoryPlan,
    ports: Sequence[Port],
    definitions: Sequence[PortDef],
    measured: Origin | None = None,
) -> tuple[PortReport, ...]:
    origin = measured or Origin(0, calibrated=False)
    return tuple(
        PortReport(
            name=port.name,
            dtype=port.dtype.value,
            shape=port.shape,
            perm=port.perm,
            tensor=definition.tensor.id,
            offset=definition.tensor.offset,
            bytes=definition.tensor.nbytes,
            scale=plan.type_of(port.tensor).q.scale,
            zero_point=plan.type_of(port.tensor).q.zero_point,
            sqnr_db=origin.sqnr_db.get(port.tensor),
            parts=tuple(PartReport(x.name, x.sqnr_db) for x in origin.parts.get(port.name, ())),
            preprocessing=port.preprocessing,
        )
        for port, definition in zip(ports, definitions, strict=True)
    )


def _states(program: Program, plan: MemoryPlan) -> tuple[StateReport, ...]:
    ids = {tensor.name: tensor.id for tensor in program.tensors}
    return tuple(
        StateReport(
            name=state.name,
            output=state.output,
            tensor=definition.tensor.id,
            update=ids[state.update],
            offset=definition.tensor.offset,
            bytes=definition.tensor.nbytes,
            scale=plan.type_of(state.source).q.scale,
            zero_point=plan.type_of(state.source).q.zero_point,
        )
        for state, definition in zip(plan.schedule.graph.states, program.states, strict=True)
    )


def _layers(
    program: Program, plan: MemoryPlan, sqnr_db: Mapping[str, float]
) -> tuple[LayerReport, ...]:
    graph, functions = plan.schedule.graph, program.function_of
    layers = tuple(placed_layers(plan))
    made_by = {layer.node.output: layer.index for layer in layers}
    ids = {tensor.name: tensor.id for tensor in program.tensors}
    return tuple(
        LayerReport(
            index=layer.index,
            step=layer.step,
            name=node.name,
            op=type(node.op).__name__,
            origin=node.origin,
            kernel="" if (kernel := layer.within.kernel_of(node)) is None else kernel.name,
            macs=node_macs(graph, node),
            output_shape=graph.tensors[node.output].shape,
            weights_bytes=_weights_bytes(graph, node),
            function=functions.get(node.name, ""),
            arrays=program.arrays_of.get(node.name, ()),
            sqnr_db=sqnr_db.get(node.output),
            reads=tuple(dict.fromkeys(made_by[x] for x in node.inputs if x in made_by)),
            tensor=ids[node.output],
            operands=tuple(dict.fromkeys(ids[x] for x in node.inputs if x in ids)),
        )
        for layer in layers
        for node in (layer.node,)
    )


def _weights_bytes(graph: Int8Graph, node: Int8Node) -> int:
    return sum(graph.consts[name].data.nbytes for name in node.inputs if name in graph.consts)


def _steps(program: Program, plan: MemoryPlan, sizes: Sizes | None) -> tuple[StepReport, ...]:
    found: list[StepReport] = []
    layers = 0
    for index, (step, printed) in enumerate(zip(plan.schedule.steps, program.steps, strict=True)):
        rows = isinstance(step, Segment)
        found.append(
            StepReport(
                index=index,
                name=step.name,
                mode="rows" if rows else "layer",
                layers=tuple(range(layers, layers + len(step.nodes))),
                macs=sum(node_macs(plan.schedule.graph, node) for node in step.nodes),
                functions=printed.functions,
                counter_bytes=step.counter_bytes,
                code_bytes=_code_bytes(printed, sizes) if rows else None,
                strips=step.strips.count if isinstance(step, Segment) and step.strips else 1,
            )
        )
        layers += len(step.nodes)
    return tuple(found)


def _code_bytes(step: StepDef, sizes: Sizes | None) -> int | None:
    """Machine code of a segment's own functions; its kernels are shared."""
    if sizes is None:
        return None
    return sum(sizes.functions.get(name, 0) for name in step.functions)


def _tensors(tensors: Sequence[TensorRef]) -> tuple[TensorReport, ...]:
    return tuple(
        TensorReport(
            id=t.id,
            name=t.name,
            offset=t.offset,
            h=t.h,
            w=t.w,
            c=t.c,
            rows=t.rows,
            first=t.steps[0],
            last=t.steps[1],
            pixels=t.pixels_held,
            columns=t.columns if t.columns != t.w else None,
        )
        for t in tensors
    )


def _peak(plan: MemoryPlan) -> Peak:
    step = peak_step(plan)
    residents = live_tensors(plan, step)
    return Peak(
        step=step,
        layer=plan.schedule.steps[step].name,
        live_bytes=plan.arena_bytes - sum(end - begin for begin, end in dead_ranges(plan, step)),
        buffers=tuple(
            LiveBuffer(" = ".join(r.tensors) or r.buffer.name, r.buffer.size) for r in residents
        ),
    )
