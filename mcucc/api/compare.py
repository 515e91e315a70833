"""What a network gains over TensorFlow Lite Micro: memory, flash, instructions, and equal bits."""

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from mcucc.api.compile import Compilation, compile_model, write_compilation
from mcucc.api.measure import measure
from mcucc.api.options import CompileOptions
from mcucc.api.verify import verify_directory
from mcucc.errors import JudgeAbsentError, SimulationError, ToolchainError
from mcucc.importer import ModelSource, path_of, tflite_values
from mcucc.progress import Stage, silent
from mcucc.report.summary import Summarized, Summary
from mcucc.report.text.figures import judged_by_tflm
from mcucc.schedule import Objective
from mcucc.sim.tflm_memory import TflmMemory, tflm_memory
from mcucc.targets.board import Board, load_board

SAMPLES = 8
"""Random inputs on which bits are compared; a sequence, where there is state."""

_WAYS: tuple[tuple[str, Objective], ...] = (
    ("fastest", "speed"),
    ("auto", "auto"),
    ("smallest", "memory"),
)
"""What the plans with the input in the arena are called, and what they are asked for."""


@dataclass(frozen=True)
class ComparedPlan:
    """A plan of mcucc's.

    Attributes:
        name: "fastest", "auto", "smallest", or "streamed": the smallest with an input that the
            caller hands over row by row.
        options: of `compile`, beside the board.
        arena_bytes: inputs, outputs, scratch and state included.
        state_bytes: of these, what runs hand on.
        flash_bytes: code and weights; None without a compiler.
        fits: whether the board has room for it.
        instructions: of a run on a random input; None where nothing counts them.
    """

    name: str
    options: str
    arena_bytes: int
    state_bytes: int
    flash_bytes: int | None
    fits: bool
    instructions: int | None


@dataclass(frozen=True, repr=False)
class Comparison(Summarized):
    """A network in TensorFlow Lite Micro and in mcucc.

    Attributes:
        model: file name.
        board: id.
        core: of the board.
        original: whether TFLM has the very file; if not, the `.tflite` that mcucc made of it.
        tflm_activation_bytes: what TFLM's arena holds of activations; None if it does not run.
        tflm_variable_bytes: of variables, beside that.
        tflm_total_bytes_x86: all of its arena, on x86-64 and not on the board.
        plans: mcucc's.
        bits_equal: whether numpy, C and TFLM have the same bits; None where TFLM does not run.
        samples: on so many random inputs.
        messages: why something is missing.
        markdown: the same in a paragraph, for a pull request.
        tensors: of the network.
        unjudged: those of them that TFLM has no operator for; the others alone have its bits.
    """

    model: str
    board: str
    core: str
    original: bool
    tflm_activation_bytes: int | None
    tflm_variable_bytes: int
    tflm_total_bytes_x86: int | None
    plans: tuple[ComparedPlan, ...]
    bits_equal: bool | None
    samples: int
    messages: tuple[str, ...]
    markdown: str = ""
    tensors: int = 0
    unjudged: tuple[str, ...] = ()

    def summary(self) -> Summary:
        """TFLM's activations, and a row for each plan."""
        facts = {
            "model": self.model,
            "board": self.board,
            "tflm_activation_bytes": self.tflm_activation_bytes,
            "bits_equal": self.bits_equal,
        }
        rows = [
            (p.name, p.arena_bytes, p.state_bytes, p.flash_bytes, p.instructions)
            for p in self.plans
        ]
        head = ("plan", "arena, bytes", "state, bytes", "flash, bytes", "instructions")
        return Summary(type(self).__name__, facts, head, rows)


def compare_model(
    source: ModelSource, options: CompileOptions, stage: Stage = silent
) -> Comparison:
    """Compile a file in four ways, run it, and ask TFLM what it takes.

    Args:
        source: of a `.tflite` or ONNX model.
        options: of `compile`; objective and streaming are those of each plan.
        stage: is told what is being done.

    Raises: as `compile_model`.
    """
    board = load_board(options.board)
    with tempfile.TemporaryDirectory(prefix="mcucc-compare-") as folder:
        work = _Work(source, options, board, Path(folder), stage)
        plans = tuple(work.plans())
        memory, bits = work.tflm()
        compilation = work.compilations["auto"]
        state = sum(each.bytes for each in compilation.report.states)
        found = Comparison(
            model=path_of(source).name,
            board=board.id,
            core=board.core.name,
            original=tflite_values(source) is not None,
            tflm_activation_bytes=None if memory is None else memory.activation_bytes,
            tflm_variable_bytes=state,
            tflm_total_bytes_x86=None if memory is None else memory.total_bytes,
            plans=plans,
            bits_equal=bits,
            samples=SAMPLES,
            messages=tuple(dict.fromkeys(work.messages)),
            tensors=len(compilation.report.tensors),
            unjudged=compilation.report.unjudged,
        )
        return replace(found, markdown=paragraph(found))


class _Work:
    """One comparison: what was compiled, and why something is missing."""

    def __init__(
        self,
        source: ModelSource,
        options: CompileOptions,
        board: Board,
        folder: Path,
        stage: Stage,
    ) -> None:
        self._source = source
        self._options = options
        self._board = board
        self._folder = folder
        self._stage = stage
        self.compilations: dict[str, Compilation] = {}
        self.messages: list[str] = []

    def plans(self) -> Iterator[ComparedPlan]:
        """The plans in the order of their arenas."""
        resident = replace(
            self._options, stream_input=False, input_elsewhere=False, max_recompute=None
        )
        for name, objective in _WAYS:
            yield self._plan(name, replace(resident, objective=objective))
        ports = self.compilations["auto"].report.inputs
        tensors = {t.id: t for t in self.compilations["auto"].report.tensors}
        if len(ports) == 1 and tensors[ports[0].tensor].h > 1:
            streamed = replace(resident, objective="memory", stream_input=True, io="int8")
            yield self._plan("streamed", streamed)

    def _plan(self, name: str, options: CompileOptions) -> ComparedPlan:
        self._stage(f"{name}: compiling {path_of(self._source).name}")
        compilation = compile_model(self._source, options)
        self.compilations[name] = compilation
        report = compilation.report
        return ComparedPlan(
            name,
            report.options,
            report.arena_bytes,
            report.state_bytes,
            report.flash.total_bytes,
            report.fits,
            self._instructions(name, compilation) if report.fits else None,
        )

    def _instructions(self, name: str, compilation: Compilation) -> int | None:
        if self._board.simulator is None:
            self.messages.append(f"no machine of QEMU stands for {self._board.id}: nothing counted")
            return None
        directory = self._folder / name
        write_compilation(compilation, directory)
        self._stage(f"{name}: counting instructions")
        try:
            return measure(directory).instructions
        except (ToolchainError, SimulationError) as error:
            self.messages.append(str(error))
            return None

    def tflm(self) -> tuple[TflmMemory | None, bool | None]:
        """What TFLM allocates, and whether all have its bits."""
        compilation = self.compilations["auto"]
        file = tflite_values(self._source)
        self._stage("TensorFlow Lite Micro")
        try:
            memory = tflm_memory(compilation.twin if file is None else file.raw)
        except (JudgeAbsentError, SimulationError) as error:
            self.messages.append(str(error))
            memory = None
            # Where it lacks an operator it still judges what the others make.
            if not compilation.report.unjudged or isinstance(error, JudgeAbsentError):
                return None, None
        return memory, self._bits(compilation, is_tflite=file is not None)

    def _bits(self, compilation: Compilation, *, is_tflite: bool) -> bool | None:
        if not compilation.report.fits:
            return None
        directory = self._folder / "judged"
        write_compilation(compilation, directory)
        model = self._source if is_tflite else None
        try:
            said = verify_directory(directory, model=model, stage=self._stage)
        except ToolchainError as error:
            self.messages.append(str(error))
            return None
        self.messages += (*said.failures, *said.messages)
        return verdict(said.judges)


def verdict(judges: Mapping[str, str]) -> bool | None:
    """Whether all bits are equal; None where a judge crashed, or TFLM could not be asked.

    Args:
        judges: what each of them says, as `Verification` has it.
    """
    if "differs" in judges.values():
        return False
    told = "crashed" not in judges.values() and judges.get("tflm") == "equal"
    return True if told else None


def paragraph(found: Comparison) -> str:
    """A comparison in Markdown, for a pull request."""
    by_name = {plan.name: plan for plan in found.plans}
    auto, smallest = by_name["auto"], by_name["smallest"]
    where = f"**{found.model}** on {found.board} ({found.core})"
    if found.unjudged:
        theirs = "TensorFlow Lite Micro lacks operators of it"
    elif found.tflm_activation_bytes is None:
        theirs = "TensorFlow Lite Micro does not run it here"
    else:
        state = f" and {found.tflm_variable_bytes:,} B of variables" * bool(
            found.tflm_variable_bytes
        )
        theirs = (
            f"TensorFlow Lite Micro holds {found.tflm_activation_bytes:,} B of activations{state}"
        )
    arena = f"mcucc's whole arena is {auto.arena_bytes:,} B ({smallest.arena_bytes:,} B at smallest"
    if "streamed" in by_name:
        arena += f", {by_name['streamed'].arena_bytes:,} B with the input row by row"
    flash = "" if auto.flash_bytes is None else f", {auto.flash_bytes:,} B of flash"
    count = "" if auto.instructions is None else f", {auto.instructions:,} instructions a run"
    same = "The outputs have"
    if found.unjudged:
        judged = found.tensors - len(found.unjudged)
        same = f"{judged_by_tflm(judged, found.tensors, found.unjudged)}. Those that are have"
    equal = {
        True: f"{same} the same bits on {found.samples} random inputs.",
        False: "The outputs differ: please report this.",
        None: "Whether the bits are equal could not be told.",
    }[found.bits_equal]
    return f"{where}: {theirs}; {arena}){flash}{count}. {equal}"
