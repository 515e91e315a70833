"""How to compile: what a user may choose, and what contradicts what."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from mcucc.api.network import Calibration
from mcucc.codegen import Io
from mcucc.compiled.arrays import label
from mcucc.errors import UsageError
from mcucc.ir import DType
from mcucc.memory import ALIGNMENT, Solver
from mcucc.ops import Int8Graph
from mcucc.ops.movement import Reshape
from mcucc.report.make import Budget
from mcucc.schedule import USUAL_RECOMPUTE, Mode, Objective, PlanOptions
from mcucc.schedule.stages import MOST_ROWS
from mcucc.targets.board import Board

_MOST_RECOMPUTE = 1000.0
"""Percent of a network's multiply-accumulates."""
_ALIGNMENTS = (4, 8, 16, 32, 64)
"""Bytes: from a word to the longest cache line of a Cortex-M, twice."""


_INTEGERS: Mapping[tuple[bool, bool], Io] = MappingProxyType(
    {
        (False, False): "int8",
        (True, True): "uint8",
        (False, True): "int8->uint8",
        (True, False): "uint8->int8",
    }
)
"""The interface by whether inputs and whether outputs are uint8."""

IoChoice = Literal["int8", "uint8", "float", "file"]
"""What a user may choose of the C interface."""


@dataclass(frozen=True)
class CompileOptions:
    """How to compile.

    Attributes:
        board: id of a board, path of a board file, or a board.
        name: prefix of all symbols; the file's stem if None.
        sram: bytes of the board's largest SRAM region, at most all of it, that the arena and the
            stack reserve of 2048 bytes may take together; the whole region if None.
        objective: what to prefer where memory and speed disagree: "memory": the smallest arena;
            "speed": the fastest steps that fit; "auto": the same.
        schedule: "layer": whole tensors only; "stream": rows wherever they are possible; "auto":
            what serves the objective.
        stream_input: the caller hands over the one input row by row.
        input_elsewhere: the caller hands over any pixels of the one input, as often as needed: it
            lies where the network need not count it, and its first layers may run in strips.
        max_recompute: multiply-accumulates that strips may execute again, in percent of the
            network's; None for 10 with `input_elsewhere`, the only option that makes strips.
        alignment: bytes, a power of two from 4 to 64: the arena, all that lies in it and the
            arrays of int8 weights begin at multiples of it.
        prune: whether channels are dropped that do not depend on the input, or are not needed.
        solver: who places the buffers: "own", or "ortools" of the extra `solver`.
        check: replay the plan and refuse one that loses a byte.
        keep_input: whether inputs survive a run.
        io: what the C interface takes and gives: int8 or uint8 values, floats beside int8 ones, or
            what the ports are in the file; None for "file" of a `.tflite` file, "int8" of ONNX.
        selftest: recorded samples in `<name>_selftest.c`; 0 for none.
        calibration: how a float network is quantized, and shapes that the file leaves open; of this
            a network that comes quantized takes the shapes alone.

    Raises:
        UsageError: the alignment is none of these.
    """

    board: str | Board
    name: str | None = None
    sram: int | None = None
    objective: Objective = "auto"
    schedule: Mode = "auto"
    stream_input: bool = False
    input_elsewhere: bool = False
    max_recompute: float | None = None
    alignment: int = ALIGNMENT
    prune: bool = True
    solver: Solver = "own"
    check: bool = False
    keep_input: bool = False
    io: IoChoice | None = None
    selftest: int = 0
    calibration: Calibration = field(default_factory=Calibration)

    def __post_init__(self) -> None:
        if self.alignment not in _ALIGNMENTS:
            choices = ", ".join(map(str, _ALIGNMENTS))
            raise UsageError(f"--align {self.alignment}: give one of {choices}")

    @property
    def recompute_percent(self) -> float:
        """What strips may execute again, in percent."""
        if not self.input_elsewhere:
            return 0.0
        return USUAL_RECOMPUTE if self.max_recompute is None else self.max_recompute

    def describe(self) -> str:
        """The options that change the generated files, for the provenance."""
        parts = [f"--objective {self.objective}"]
        parts += [f"--sram {self.sram}"] if self.sram is not None else []
        parts += [f"--io {self.io}"] if self.io not in (None, "int8") else []
        parts += [f"--schedule {self.schedule}"] if self.schedule != "auto" else []
        parts += [f"--solver {self.solver}"] if self.solver != "own" else []
        parts += [f"--align {self.alignment}"] if self.alignment != ALIGNMENT else []
        parts += ["--no-prune"] if not self.prune else []
        parts += ["--stream-input"] if self.stream_input else []
        parts += ["--input-elsewhere"] if self.input_elsewhere else []
        if self.max_recompute is not None:
            parts += [f"--max-recompute {self.max_recompute:g}"]
        parts += ["--keep-input"] if self.keep_input else []
        parts += [f"--selftest {self.selftest}"] if self.selftest else []
        for name, shape in self.calibration.input_shapes.items():
            parts += [f"--input-shape {name}={','.join(map(str, shape))}"]
        parts += [f"--cut-at {name}" for name in self.calibration.cut_at]
        parts += [f"--state {found}={left}" for found, left in self.calibration.states]
        parts += ["--split-output"] if self.calibration.split_output else []
        if self.calibration.source is not None:
            parts += [f"--calib {label(self.calibration.source).name}"]
            parts += [f"--observer {self.calibration.options.observer}"]
        return " ".join(parts)


def interface_of(
    graph: Int8Graph, options: CompileOptions, file_format: Literal["onnx", "tflite"]
) -> tuple[Io, tuple[str, ...]]:
    """What the C interface takes and gives, and a note where it is not what the file says.

    Args:
        graph: has the ports of the file.
        options: the choice.
        file_format: of the file, which says what is taken if nothing was chosen.
    """
    chosen = options.io or ("file" if file_format == "tflite" else "int8")
    if chosen != "file":
        return chosen, ()
    inputs, outputs = ({port.dtype for port in of} for of in (graph.inputs, graph.outputs))
    outputs -= {DType.INT32, DType.INT64}  # indices are int32 whatever the others are
    outputs = outputs or inputs
    if DType.FLOAT32 in inputs | outputs:
        # Rows are handed over as integers.
        return ("int8" if options.stream_input or options.input_elsewhere else "float"), ()
    put_out = options.keep_input and any(_is_input(graph, port.tensor) for port in graph.outputs)
    if len(inputs) == len(outputs) == 1 and not put_out:
        return _INTEGERS[inputs == {DType.UINT8}, outputs == {DType.UINT8}], ()
    ports = (*graph.inputs, *graph.outputs)
    unsigned = ", ".join(f"'{port.name}'" for port in ports if port.dtype == DType.UINT8)
    note = (
        f"{unsigned} is uint8 in the file and int8 here, q - 128, as all inputs have one type, and "
        "all outputs: --io uint8 makes all of them uint8"
    )
    return "int8", (note,)


def _is_input(graph: Int8Graph, tensor: str) -> bool:
    """Whether a tensor has the bytes of an input, which then cannot be both int8 and uint8."""
    node = graph.producers.get(tensor)
    while node is not None and isinstance(node.op, Reshape):
        tensor = node.inputs[0]
        node = graph.producers.get(tensor)
    return node is None


def plan_options(options: CompileOptions, budget: Budget) -> PlanOptions:
    """What a plan should be like."""
    return PlanOptions(
        objective=options.objective,
        mode=options.schedule,
        limit=budget.arena_limit,
        keep_input=options.keep_input,
        stream_input=options.stream_input or options.input_elsewhere,
        input_elsewhere=options.input_elsewhere,
        max_recompute=options.recompute_percent,
        alignment=options.alignment,
        solver=options.solver,
    )


def unread_inputs(graph: Int8Graph) -> tuple[str, ...]:
    """Quoted ONNX names of the inputs that no operator reads."""
    return tuple(f"'{port.name}'" for port in graph.inputs if not graph.readers[port.tensor])


def check_options(graph: Int8Graph, options: CompileOptions) -> None:
    """Refuse options that contradict each other or the network.

    Raises:
        UsageError: they do.
    """
    percent = options.max_recompute
    if percent is not None and not options.input_elsewhere:
        raise UsageError(
            "--max-recompute without --input-elsewhere: only strips of an input that lies "
            "elsewhere compute anything again: add --input-elsewhere, or leave it out"
        )
    if percent is not None and not 0 <= percent <= _MOST_RECOMPUTE:
        raise UsageError(
            f"--max-recompute {percent:g}: give a percentage from 0 to {_MOST_RECOMPUTE:g}"
        )
    if options.stream_input and options.input_elsewhere:
        raise UsageError(
            "--stream-input with --input-elsewhere: the first hands over each row once, the second "
            "any pixels: leave one of them out"
        )
    if options.stream_input or options.input_elsewhere:
        flag = "--stream-input" if options.stream_input else "--input-elsewhere"
        _check_source(graph, options, flag)


def _check_source(graph: Int8Graph, options: CompileOptions, flag: str) -> None:
    """Refuse a network whose input cannot be handed over; `flag` is the option that asks for it.

    Raises:
        UsageError: it has several inputs, too many rows, or other options contradict it.
    """
    if len(graph.inputs) != 1:
        unread = unread_inputs(graph)
        hint = f", or remove {', '.join(unread)} from the file: no output depends on it"
        raise UsageError(
            f"{flag}: '{graph.name}' has {len(graph.inputs)} inputs, and only a network "
            f"with one can take it from outside the arena: compile without {flag}"
            f"{hint if unread else ''}"
        )
    rows = graph.tensors[graph.inputs[0].tensor].hwc[0]
    if rows > MOST_ROWS:
        raise UsageError(
            f"{flag}: the input of '{graph.name}' has {rows} rows, more than the counters "
            f"of a segment hold ({MOST_ROWS}): compile without {flag}"
        )
    if options.keep_input:
        raise UsageError(
            f"{flag} with --keep-input: the input never lies in the arena as a "
            "whole, so there is nothing to keep: leave one of them out"
        )
    if options.io == "float":
        raise UsageError(
            f"{flag} with --io float: pixels are handed over as int8 or uint8; quantize them "
            "before they are handed over, and compile with --io int8 or uint8"
        )
