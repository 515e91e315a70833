"""The report of one compilation: what `report.json` holds.

Everything that later commands (`run`, `verify`, `bench`, `report`) need of a compiled directory is
in here; they never look at the ONNX file again. docs/report.md says what each key means. Readers
ignore keys that they do not know, so a key may be added; what changes or goes raises `SCHEMA`.
"""

import hashlib
from collections.abc import Mapping
from typing import Literal, get_args

import msgspec

from mcucc.codegen.program import Io, run_function
from mcucc.ir import Preprocessing
from mcucc.report.summary import Summary

SCHEMA = 4
"""Version of the format, which readers compare."""

Stage = Literal["pass", "prune", "kernel", "order", "segment", "placement"]
"""What decides something of a network, in the order in which it does."""
STAGES: tuple[Stage, ...] = get_args(Stage)

GainUnit = Literal["arena bytes", "instructions", "MACs", "bytes written", "channels"]
"""What a decision saves; all but the first in each run."""


class ModelFacts(msgspec.Struct, frozen=True):
    """The compiled file: its name without folder, and its digest."""

    name: str
    sha256: str


class Flash(msgspec.Struct, frozen=True):
    """Bytes of read-only memory; None where no compiler for the core was found."""

    weights_bytes: int | None
    code_bytes: int | None
    total_bytes: int | None


class LayerReport(msgspec.Struct, frozen=True):
    """A layer of the network; `sqnr_db` is its output's, None where none was measured.

    `step` is the step of `run` that executes it, `function` the C function within which it runs
    (empty for a reshape within a segment), `arrays` the names in C of its constants. `reads` are
    indices of the layers whose outputs it reads. `tensor` is the id of the one that it makes,
    `operands` are those of the ones that it reads, in a report that says it.
    """

    index: int
    step: int
    name: str
    op: str
    origin: tuple[str, ...]
    kernel: str
    macs: int
    output_shape: tuple[int, ...]
    weights_bytes: int
    function: str = ""
    arrays: tuple[str, ...] = ()
    sqnr_db: float | None = None
    reads: tuple[int, ...] = ()
    tensor: int | None = None
    operands: tuple[int, ...] = ()


class StepReport(msgspec.Struct, frozen=True):
    """A step of `run`: a layer on its own, or a segment, whose layers run row by row.

    `layers` are indices of the report's `layers`. `functions` are its C functions, its own first;
    one that no layer names makes the rows of the caller's image. `counter_bytes` is what its
    counters take of the arena; `code_bytes` the machine code of its stages, None for a layer and
    where unknown. A segment runs once for each of its `strips` of columns.
    """

    index: int
    name: str
    mode: str
    layers: tuple[int, ...]
    macs: int
    functions: tuple[str, ...] = ()
    counter_bytes: int = 0
    code_bytes: int | None = None
    strips: int = 1


class PartReport(msgspec.Struct, frozen=True):
    """A value that an output joins with others at one scale, and what is left of it there."""

    name: str
    sqnr_db: float


class PortReport(msgspec.Struct, frozen=True):
    """An input or output: ONNX name, type and shape, and where it lies in the arena.

    `perm` takes the ONNX axes to the inner ones: inner = onnx.transpose(perm). `zero_point` is that
    of the int8 values inside; in the header of a uint8 interface it is 128 more. `sqnr_db` is that
    of an output against the float network, on calibration inputs that were held out; `parts` are
    what an output joins, each with its own ratio. With `preprocessing`, the real value is what
    these steps make of the model's own float input.
    Where `dtype` is int64 or int32 the output is of int32 numbers, indices, in the arena.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    perm: tuple[int, ...] | None
    tensor: int
    offset: int
    bytes: int
    scale: float
    zero_point: int
    sqnr_db: float | None = None
    parts: tuple[PartReport, ...] = ()
    preprocessing: Preprocessing = ()

    @property
    def is_index(self) -> bool:
        """Whether it holds int32 numbers, which stand for themselves."""
        return self.dtype in ("int32", "int64")

    @property
    def size(self) -> int:
        """Bytes of one of its numbers."""
        return 4 if self.is_index else 1


class StateReport(msgspec.Struct, frozen=True):
    """A value that runs hand on: its name in the model's file, and where it lies in the arena.

    `tensor` is the one that a run finds, `update` the one that it leaves in the same bytes;
    `output` is the name in the file of the output that hands it over, empty for a variable.
    """

    name: str
    output: str
    tensor: int
    update: int
    offset: int
    bytes: int
    scale: float
    zero_point: int


class TensorReport(msgspec.Struct, frozen=True):
    """A tensor in the arena: rows of pixels of channels, live from `first` to `last` step.

    `rows` is how many of its h rows are held at a time, in a ring that begins at `offset`. Where
    not even a row is, `pixels` is how many pixels are. In strips `columns` is how many pixels of
    each of these rows are.
    """

    id: int
    name: str
    offset: int
    h: int
    w: int
    c: int
    rows: int
    first: int
    last: int
    pixels: int | None = None
    columns: int | None = None


class LiveBuffer(msgspec.Struct, frozen=True):
    """A buffer that is live at the peak, with the tensors it holds."""

    name: str
    bytes: int


class Peak(msgspec.Struct, frozen=True):
    """The step that sets the size of the arena.

    `live_bytes` counts bytes that two buffers share once: what is written may lie over what is
    read for the last time. So the sum over `buffers` can be more.
    """

    step: int
    layer: str
    live_bytes: int
    buffers: tuple[LiveBuffer, ...]


class Quantization(msgspec.Struct, frozen=True):
    """How mcucc quantized a float network, and where it lost most.

    Signal-to-noise ratios compare int8 values with the float ones on `held_out` calibration inputs,
    by networks that were not fitted to these. If too few inputs differ, `held_out` is 0 and no
    ratio is known.
    """

    samples: int
    observer: str
    equalized: bool
    bias_corrected: bool
    held_out: int
    worst_layer: str | None
    worst_sqnr_db: float | None
    remedy: str


class Gain(msgspec.Struct, frozen=True):
    """What a decision saves, or would have saved."""

    amount: int
    unit: GainUnit


class Reason(msgspec.Struct, frozen=True):
    """Something that was decided: either `did` says what was done, or `declined` why it was not.

    Attributes:
        stage: who decided.
        layer: index of the report's layer; None where it is about the network, or about an ONNX
            node of which no layer is left.
        node: name of the layer, or of the node that it took up; empty for the network.
        rule: name of the pass, of the kernel or its unit, or of the planner's rule.
        did: a sentence without a full stop whose subject is the node.
        declined: the rule that does not hold, with the value.
        gain: what it saves; where declined, what it would save. None where that is not known.
    """

    stage: Stage
    layer: int | None
    node: str
    rule: str
    did: str | None = None
    declined: str | None = None
    gain: Gain | None = None


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A compilation.

    Attributes:
        schema: version of this format.
        mcucc_version: of the compiler.
        name: prefix of all symbols.
        model: the compiled file.
        board: id of the board, or the path's stem for a board file of the user's own.
        options: the options that changed the output.
        io: what the C interface takes and gives.
        calibrated: false if mcucc quantized the network on random inputs; memory and speed are
            right even then, results are not.
        quantization: how mcucc quantized it; None for a network that came quantized.
        model_macs: multiply-accumulates of the network as in the file.
        macs: after passes that change no bit, each counted once.
        executed_macs: of the plan, those that kernels do twice counted twice.
        halo_macs: those of them for columns that strips have in common.
        params: elements of weights and biases.
        arena_bytes: inputs, outputs, scratch and state included.
        arena_align: alignment that the caller must give the arena.
        arena_bytes_streamed_input: what the arena is if the caller hands over the input row by
            row (`--stream-input`); found where the caller does, and for advice where the arena is
            too large; None otherwise, and for a network with several inputs.
        stream_input: whether the caller does.
        arena_bytes_input_elsewhere: what the arena is if the caller hands over any pixels of the
            input (`--input-elsewhere`); found where the caller does, and for advice.
        input_elsewhere: whether the caller does.
        arena_lower_bound_bytes: no placement of this schedule can be smaller.
        stack_bytes: deepest call of `run` on the board's core, None where unknown.
        sram_bytes: what the arena and the stack reserve must fit: the board's largest SRAM region,
            or less of it.
        stack_reserve_bytes: bytes of it set aside for the stack.
        flash: bytes of read-only memory.
        flash_limit_bytes: what code and weights must fit.
        built: whether a compiler for the core accepted the generated C; false where none was found.
        fits: whether all of that fits; without a compiler it speaks of SRAM alone.
        notes: what a reader should know (a missing compiler, for example).
        files: the files written beside this one.
        inputs: input ports.
        outputs: output ports.
        states: what runs hand on to each other.
        state_bytes: of the arena's first bytes, which hold them; 0 without states.
        layers: in the order of execution.
        steps: what runs one after the other: layers, and segments of several layers.
        tensors: every value in the arena.
        unjudged: names of those that TFLM has no operator for; of all where it has none.
        dead_ranges: for each step the byte ranges of the arena that hold nothing live.
        peak: where the arena gets its size.
        reasons: what was decided for the network and for each of its layers, and why.
        reasons_left_out: how many more there are of layers that have very many.
        memory_map: a drawing of the arena over the steps.
        report_sha256: of the JSON text of all other keys, by which a change is noticed.
    """

    schema: int = SCHEMA
    mcucc_version: str
    name: str
    model: ModelFacts
    board: str
    options: str
    io: Io = "int8"
    calibrated: bool = True
    quantization: Quantization | None = None
    model_macs: int
    macs: int
    executed_macs: int
    halo_macs: int = 0
    params: int
    arena_bytes: int
    arena_align: int
    arena_bytes_streamed_input: int | None
    stream_input: bool = False
    arena_bytes_input_elsewhere: int | None = None
    input_elsewhere: bool = False
    arena_lower_bound_bytes: int
    stack_bytes: int | None
    sram_bytes: int
    stack_reserve_bytes: int
    flash: Flash
    flash_limit_bytes: int
    built: bool = True
    fits: bool
    notes: tuple[str, ...]
    files: tuple[str, ...]
    inputs: tuple[PortReport, ...]
    outputs: tuple[PortReport, ...]
    states: tuple[StateReport, ...] = ()
    state_bytes: int = 0
    layers: tuple[LayerReport, ...]
    steps: tuple[StepReport, ...]
    tensors: tuple[TensorReport, ...]
    unjudged: tuple[str, ...] = ()
    dead_ranges: tuple[tuple[tuple[int, int], ...], ...]
    peak: Peak
    reasons: tuple[Reason, ...] = ()
    reasons_left_out: int = 0
    memory_map: str
    report_sha256: str = ""

    @property
    def run_function(self) -> str:
        """What the function that runs it is called, without its name before that."""
        return run_function(streamed=self.stream_input, elsewhere=self.input_elsewhere)

    def summary(self, kind: str = "Report") -> Summary:
        """What is shown of it; `kind` names the type that holds it."""
        facts = {
            "name": self.name,
            "board": self.board,
            "fits": self.fits,
            "arena_bytes": self.arena_bytes,
            "flash_bytes": self.flash.total_bytes,
            "macs": self.macs,
            "calibrated": self.calibrated,
        }
        rows = [(x.index, x.name, x.op, x.kernel, x.macs, x.weights_bytes) for x in self.layers]
        return Summary(kind, facts, ("", "layer", "op", "kernel", "MACs", "weights, bytes"), rows)

    def __repr__(self) -> str:
        return self.summary().line()

    def _repr_html_(self) -> str:
        """What Jupyter shows."""
        return self.summary().html()


def to_json(report: Report) -> str:
    """The text of `report.json`."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2).decode() + "\n"


def sealed(report: Report) -> Report:
    """The same report with its `report_sha256`."""
    document = msgspec.to_builtins(report)
    return msgspec.structs.replace(report, report_sha256=report_digest(document))


def report_digest(document: Mapping[str, object]) -> str:
    """What `report_sha256` must be, given all keys of a report, also those of later versions."""
    unsealed = {**document, "report_sha256": ""}
    return hashlib.sha256(msgspec.json.encode(unsealed)).hexdigest()


def report_schema() -> dict[str, object]:
    """The JSON Schema of `report.json`."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"report.json of mcucc, schema {SCHEMA}",
        **msgspec.json.schema(Report),
    }
