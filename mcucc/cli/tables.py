"""What `inspect`, `plan`, `verify`, `run` and `evaluate` found, for a terminal.

Nothing is printed here: the functions return what `rich` prints, in 80 columns.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from mcucc.api.evaluate import Evaluation
from mcucc.api.float_link import FloatLink, LsbOutput
from mcucc.api.inspect import InspectedLayer, Inspection
from mcucc.api.plan import ModelPlans
from mcucc.api.verify import Difference, Verification
from mcucc.compiled.samples import OnnxArrays
from mcucc.errors import grouped
from mcucc.report.model import Quantization
from mcucc.report.text.figures import format_shape, percents, short_name

_LONGEST_NAME = 24


def render_inspection(inspection: Inspection) -> RenderableType:
    """Ports, operators, layers and totals, or the reasons why it cannot be compiled."""
    parts: list[RenderableType] = [
        Text(f"{inspection.model}  opset {inspection.opset}", style="bold")
    ]
    for kind, ports in (("input", inspection.inputs), ("output", inspection.outputs)):
        for port in ports:
            shape = "x".join("?" if size is None else str(size) for size in port.shape)
            parts.append(Text(f"  {kind}  {port.name}  {port.dtype} {shape}"))
    counts = ", ".join(f"{name} {count}" for name, count in inspection.ops.items())
    parts.append(Text(f"  operators  {counts}"))
    if not inspection.supported:
        parts.append(Text("mcucc cannot compile it:", style="bold"))
        parts += [Text(f"  - {reason}") for reason in grouped(inspection.violations)]
        return Group(*parts)
    totals = f"{inspection.macs:,} MACs, {inspection.params:,} parameters"
    return Group(*parts, _inspected_layers(inspection.layers), Text(totals))


def _inspected_layers(layers: Sequence[InspectedLayer]) -> Table:
    table = plain_table("layer", "operator", "output", right=("MACs",))
    for layer in layers:
        macs = f"{layer.macs:,}" if layer.macs else ""
        name = short_name(layer.name, _LONGEST_NAME)
        table.add_row(name, layer.op, format_shape(layer.output_shape), macs)
    return table


def render_plans(plans: ModelPlans) -> RenderableType:
    """A row per strategy, the chosen one marked."""
    table = plain_table(
        "strategy", right=("resident", "streamed", "MACs more", "row calls", "segments")
    )
    for each in plans.strategies:
        more = percents([each.executed_macs - plans.macs], max(plans.macs, 1))[0]
        table.add_row(
            f"{'> ' if each.chosen else '  '}{each.name}",
            _bytes_or_dash(each.arena_bytes),
            _bytes_or_dash(each.arena_bytes_streamed_input),
            more if each.executed_macs > plans.macs else "0",
            str(each.row_calls or "-"),
            str(each.segments or "-"),
            style="bold" if each.chosen else "",
        )
    notes = (
        f"Bytes of arena with the image in it (resident) or handed over row by row (streamed). "
        f"> is what compile takes for {plans.board}, which has {plans.sram_bytes:,} bytes for it. "
        f"Its fullest step, '{plans.peak_step}', cannot be placed in less than "
        f"{plans.lower_bound_bytes:,}. Row calls: turns of stages that pull rows from each other."
    )
    return Group(table, Text(notes, style="dim"))


def _bytes_or_dash(count: int | None) -> str:
    return "-" if count is None else f"{count:,}"


def render_quantization(quantization: Quantization) -> RenderableType:
    """How a float network was quantized and where it lost most."""
    techniques = [f"observer {quantization.observer}"]
    techniques += ["equalized"] if quantization.equalized else []
    techniques += ["biases corrected"] if quantization.bias_corrected else []
    return Text(
        f"Quantized on {quantization.samples} inputs ({', '.join(techniques)}). Worst layer: "
        f"'{short_name(quantization.worst_layer, _LONGEST_NAME)}' with "
        f"{quantization.worst_sqnr_db:.1f} dB. Remedy: {quantization.remedy}"
    )


def render_verification(verification: Verification) -> RenderableType:
    """What each judge says, the first difference, the float link, and the verdict."""
    table = plain_table("judge", "says", right=("tensors compared",))
    for judge, says in verification.judges.items():
        compared = verification.compared.get(judge)
        table.add_row(judge, says, "" if compared is None else f"{compared:,}")
    parts: list[RenderableType] = [table, *map(Text, verification.messages)]
    if verification.first_difference is not None:
        parts.append(Text(_difference(verification.first_difference)))
    if verification.float is not None:
        parts += map(Text, _float_lines(verification.float))
    parts += [Text(_lsb_line(output)) for output in verification.onnxruntime_lsb or ()]
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
    yield f"float network in ONNX Runtime: {link.says}"
    for output in link.outputs:
        parts: list[str] = []
        if output.largest_difference is not None:
            parts.append(
                f"numpy float differs by at most {output.largest_difference:.1e} of its largest "
                f"value (limit {link.limit:.0e})"
            )
        parts.append(f"int8 has {output.sqnr_db:.1f} dB of signal to noise")
        yield f"  {output.name}: {', '.join(parts)}"


def _lsb_line(output: LsbOutput) -> str:
    counts = ", ".join(f"{step:+d}: {n:,}" for step, n in output.histogram.items())
    return (
        f"ONNX Runtime, no judge: {output.name} differs by at most {output.largest} LSB ({counts})"
    )


def render_outputs(outputs: OnnxArrays, *, width: int) -> RenderableType:
    """Name, shape, type and numbers of each output; long arrays are abridged."""
    parts: list[Text] = []
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
    return Text("\n".join(lines))


def plain_table(*columns: str, right: Sequence[str] = ()) -> Table:
    """Without borders; a cell that is too long goes on in the next line."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for column in right:
        table.add_column(column, justify="right", no_wrap=True)
    return table
