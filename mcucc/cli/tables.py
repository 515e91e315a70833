"""What `inspect`, `plan`, `verify`, `run` and `evaluate` found, for a terminal.

Nothing is printed here: the functions return what `rich` prints, in as many columns as there are.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from rich.console import Group, RenderableType
from rich.text import Text

from mcucc.api.evaluate import Evaluation
from mcucc.api.float_link import FloatLink, LsbOutput
from mcucc.api.inspect import InspectedLayer, Inspection
from mcucc.api.plan import ModelPlans
from mcucc.api.verify import Difference, Verification
from mcucc.compiled.input_range import InputRange, describe
from mcucc.compiled.samples import OnnxArrays
from mcucc.errors import grouped
from mcucc.quant.held_out import FEWEST
from mcucc.report.model import Quantization, Report
from mcucc.report.text.figures import format_shape, judged_by_tflm, percents, short_name
from mcucc.report.text.grid import Column, Grid
from mcucc.report.text.page import render_report
from mcucc.report.text.tables import LEAST_NAME
from mcucc.targets.board import STACK_RESERVE_BYTES, Board

LONGEST_NAME = 60
"""Characters of the longest name of a layer that is never cut."""


_SHOWN = 3
"""Names that a sentence lists."""


def render_inspection(inspection: Inspection) -> RenderableType:
    """Ports, operators, layers and totals, or the reasons why it cannot be compiled."""
    opset = "" if inspection.opset is None else f"  opset {inspection.opset}"
    parts: list[RenderableType] = [Text(f"{inspection.model}{opset}", style="bold")]
    for kind, ports in (("input", inspection.inputs), ("output", inspection.outputs)):
        for port in ports:
            shape = "x".join("?" if size is None else str(size) for size in port.shape)
            parts.append(Text(f"  {kind}  {port.name}  {port.dtype} {shape}"))
    parts += [
        Text(f"  state  {state.input}, which a run finds as '{state.output}' was left")
        for state in inspection.states
    ]
    counts = ", ".join(f"{name} {count}" for name, count in inspection.ops.items())
    parts.append(Text(f"  operators  {counts}"))
    parts += [Text(f"  note  {note}") for note in inspection.notes]
    if not inspection.supported:
        parts.append(Text("mcucc cannot compile it:", style="bold"))
        parts += [Text(f"  - {reason}") for reason in grouped(inspection.violations)]
        return Group(*parts)
    totals = f"{inspection.macs:,} MACs, {inspection.params:,} parameters"
    parts += [Text(), _inspected_layers(inspection.layers), Text(), Text(totals)]
    if inspection.unscaled:
        shown = ", ".join(f"'{name}'" for name in inspection.unscaled[:_SHOWN])
        more = len(inspection.unscaled) - _SHOWN
        rest = f" and {more} more" if more > 0 else ""
        parts.append(Text(f"The file gives no scale to {shown}{rest}: compile needs --calib."))
    return Group(*parts)


def _inspected_layers(layers: Sequence[InspectedLayer]) -> Grid:
    return Grid(
        (
            index_column(len(layers)),
            name_column([layer.name for layer in layers]),
            Column("operator", tuple(layer.op for layer in layers)),
            Column("output", tuple(format_shape(layer.output_shape) for layer in layers)),
            figure_column("MACs", [layer.macs or None for layer in layers]),
        )
    )


def render_plans(plans: ModelPlans) -> RenderableType:
    """A row per strategy, the chosen one marked."""
    found = plans.strategies
    extra = [each.executed_macs - plans.macs for each in found]
    more = [percents([e], max(plans.macs, 1))[0] if e > 0 else "0" for e in extra]
    table = Grid(
        (
            Column("", tuple(">" if each.chosen else "" for each in found)),
            Column("strategy", tuple(each.name for each in found), least=11, wraps=True),
            figure_column("resident", [each.arena_bytes for each in found], "-"),
            figure_column("streamed", [each.arena_bytes_streamed_input for each in found], "-"),
            Column("MACs more", tuple(more), right=True),
            figure_column("row calls", [each.row_calls or None for each in found], "-"),
            figure_column("segments", [each.segments or None for each in found], "-"),
        ),
        {i: "bold" for i, each in enumerate(found) if each.chosen},
    )
    notes = (
        f"Bytes of arena with the image in it (resident) or handed over row by row (streamed). "
        f"> is what compile takes for {plans.board}. {_verdict(plans)} Its fullest step, "
        f"'{plans.peak_step}', cannot be placed in less than "
        f"{plans.lower_bound_bytes:,}. Row calls: turns of stages that pull rows from each other."
    )
    return Group(table, Text(), Text(notes, style="dim"))


def _verdict(plans: ModelPlans) -> str:
    """Whether the chosen strategy fits, and what it must fit."""
    verdict = "It fits" if plans.fits else "It DOES NOT FIT"
    whole = plans.sram_bytes + STACK_RESERVE_BYTES >= plans.board_sram_bytes
    budget = "the board's" if whole else "the --sram given, of the board's"
    return (
        f"{verdict} {plans.sram_bytes:,} bytes: {budget} {plans.board_sram_bytes:,} of SRAM, less "
        f"{STACK_RESERVE_BYTES:,} for the stack."
    )


def render_budget(report: Report, board: Board, width: int) -> RenderableType:
    """The memory budget of a compiled network, and how good its quantization is."""
    page = render_report(report, board, width=width)
    quality = report.quantization
    return page if quality is None else Group(page, render_quantization(quality))


def render_quantization(quantization: Quantization) -> RenderableType:
    """How a float network was quantized and where it lost most."""
    techniques = [f"observer {quantization.observer}"]
    techniques += ["equalized"] if quantization.equalized else []
    techniques += ["biases corrected"] if quantization.bias_corrected else []
    return Text(
        f"Quantized on {quantization.samples} inputs ({', '.join(techniques)}). "
        f"{_worst(quantization)} Remedy: {quantization.remedy}"
    )


def _worst(quantization: Quantization) -> str:
    if quantization.worst_layer is None or quantization.worst_sqnr_db is None:
        return f"Too few different inputs to hold some out ({FEWEST} are needed): no decibels."
    return (
        f"Worst layer on {quantization.held_out} of them, held out: "
        f"'{short_name(quantization.worst_layer, LONGEST_NAME)}' with "
        f"{quantization.worst_sqnr_db:.1f} dB."
    )


def render_verification(verification: Verification) -> RenderableType:
    """What each judge says, the first difference, the float link, and the verdict."""
    compared = [verification.compared.get(judge) for judge in verification.judges]
    table = Grid(
        (
            Column("judge", tuple(verification.judges)),
            Column("says", tuple(verification.judges.values())),
            figure_column("tensors compared", compared),
        )
    )
    parts: list[RenderableType] = [table, Text(), *map(Text, verification.messages)]
    if verification.first_difference is not None:
        parts.append(Text(_difference(verification.first_difference)))
    if verification.float is not None:
        parts += map(Text, _float_lines(verification.float))
    parts += [Text(_lsb_line(output)) for output in verification.onnxruntime_lsb or ()]
    parts += map(Text, describe(verification.input_range or ()))
    if verification.unjudged:
        judged = verification.compared.get("tflm", 0)
        parts.append(Text(judged_by_tflm(judged, verification.tensors, verification.unjudged)))
    seen = f"{verification.tensors_compared} tensors compared on {verification.samples} sample(s)"
    if verification.ok:
        return Group(*parts, Text(f"equal bits: {seen}"))
    differs = "differs" in verification.judges.values()
    verdict = "NOT equal" if differs else "NOT verified"
    return Group(*parts, Text(f"{verdict}: {'; '.join(verification.failures)} ({seen})"))


def _difference(first: Difference) -> str:
    return (
        f"{first.judge} differs first in tensor '{first.tensor}', sample {first.sample}, "
        f"element {list(first.index)}: {first.actual} instead of {first.expected} "
        f"({first.differing} elements of it differ)"
    )


def _float_lines(link: FloatLink) -> Iterator[str]:
    yield f"float network in {link.judge}: {link.says}"
    for output in link.outputs:
        parts: list[str] = []
        if output.agreement is not None:
            differing = output.largest_difference
            if differing is not None:
                parts.append(f"numpy float differs in {differing:.2%} of the indices")
            parts.append(f"int8 finds {output.agreement:.2%} of them")
        elif output.largest_difference is not None:
            parts.append(
                f"numpy float differs by at most {output.largest_difference:.1e} of its largest "
                f"value (limit {link.limit:.0e})"
            )
        if output.sqnr_db is not None:
            parts.append(f"int8 has {output.sqnr_db:.1f} dB of signal to noise")
        yield f"  {output.name}: {', '.join(parts)}"


def _lsb_line(output: LsbOutput) -> str:
    counts = ", ".join(f"{step:+d}: {n:,}" for step, n in output.histogram.items())
    return (
        f"ONNX Runtime, no judge: {output.name} differs by at most {output.largest} LSB ({counts})"
    )


def render_outputs(
    outputs: OnnxArrays, input_range: Sequence[InputRange] = (), *, width: int
) -> RenderableType:
    """How the samples lie in the range; name, shape, type and numbers of each output.

    Long arrays are abridged.
    """
    parts = [Text(line) for line in describe(input_range)]
    for name, array in outputs.items():
        parts.append(Text(f"{name} {list(array.shape)} {array.dtype}"))
        parts.append(Text(np.array2string(array, threshold=100, max_line_width=width)))
    return Group(*parts)


def render_evaluation(evaluation: Evaluation) -> RenderableType:
    """Accuracies, the float network's below that of the C code."""
    lines = [f"{evaluation.samples} samples", f"int8 C   {evaluation.int8_top1:.2%} right"]
    if evaluation.float_top1 is not None:
        lines.append(f"float    {evaluation.float_top1:.2%} right")
    if evaluation.agreement is not None:
        lines.append(f"both choose the same class for {evaluation.agreement:.2%}")
    lines += describe(evaluation.input_range)
    lines += [f"Note: {note}" for note in evaluation.notes]
    return Text("\n".join(lines))


def index_column(count: int) -> Column:
    """The number of each row."""
    return Column("#", tuple(map(str, range(count))), right=True)


def name_column(names: Sequence[str], *more: str) -> Column:
    """Names of layers, told apart where they are cut; and what stands below them."""
    return Column("layer", (*names, *more), least=LEAST_NAME, most=LONGEST_NAME)


def figure_column(title: str, figures: Sequence[int | None], unknown: str = "") -> Column:
    """Whole numbers, in full."""
    cells = tuple(unknown if each is None else f"{each:,}" for each in figures)
    return Column(title, cells, right=True)
