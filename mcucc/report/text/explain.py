"""What was decided for a network and for its layers, and why, for a terminal."""

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from mcucc.report.model import Gain, LayerReport, Reason, Report
from mcucc.report.reasons.value import by_value
from mcucc.report.text.figures import (
    format_bytes,
    format_shape,
    join_origin,
    plural,
    printable,
)

_FEW = 3
"""Reasons of a layer on the page of the network."""

_MOST_BUFFERS = 12
"""Buffers at the peak that are named."""

PLANNING = ("order", "segment", "placement")
"""Stages of the planner."""

_INTO_PRODUCER = ("fold_into_producer", "fuse_activation")
"""Passes that would have put a layer into the one that makes its input."""

_UNITS: Mapping[str, str] = MappingProxyType(
    {
        "portable": "plain C",
        "thumb1": "16-bit Thumb kernel",
        "dsp": "DSP kernel",
        "mve": "Helium kernel",
    }
)


def explain_network(report: Report, width: int) -> str:
    """What was decided for the network, then of each layer what matters most.

    Args:
        report: of a compilation.
        width: characters of a line.
    """
    lines = _Lines(width)
    lines.head(f"{report.name} on {report.board}: {plural(len(report.layers), 'layer')}")
    for line in _pruned(report):
        lines.add(line)
    whole = [reason for reason in report.reasons if reason.layer is None]
    lines.reasons(by_value(r for r in whole if r.stage in ("pass", "prune")), report)
    lines.section("What sets the peak")
    for line in _peak(report):
        lines.add(line)
    lines.section("Why this plan")
    lines.reasons((r for r in whole if r.stage in PLANNING), report)
    lines.add("`mcucc plan MODEL --board BOARD` shows the other strategies.")
    for layer in report.layers:
        wanted = [r for r in by_value(_of(report, layer)) if _is_worth_it(r)]
        if wanted:
            lines.head(f"{layer.index} {layer.name}: {_fact(layer)}")
            lines.reasons(wanted[:_FEW], report)
            lines.more(len(wanted) - _FEW, f"`mcucc explain DIR {layer.index}` shows them")
    lines.section("Layers without a faster kernel on this core", _without_kernel(report))
    lines.more(report.reasons_left_out, "the report keeps those that are worth most")
    lines.gap()
    lines.add("`mcucc explain DIR LAYER` shows all about a layer.")
    return lines.text()


def _pruned(report: Report) -> Iterator[str]:
    """What dropping channels saved."""
    narrowed = [r for r in report.reasons if r.stage == "prune" and r.did is not None]
    if narrowed:
        saved = sum(r.gain.amount for r in narrowed if r.gain is not None)
        yield (
            f"Fewer channels than in the file are made or read by {plural(len(narrowed), 'layer')},"
            " as the others do not depend on the input or are not needed: "
            f"{saved:,} MACs less (drop_channels)."
        )


def _peak(report: Report) -> Iterator[str]:
    """The fullest step and the buffers that are live in it, the largest first."""
    peak = report.peak
    yield (
        f"Step {peak.step} of {len(report.steps)}, '{peak.layer}', has "
        f"{format_bytes(peak.live_bytes)} live in an arena of {format_bytes(report.arena_bytes)}:"
    )
    largest = sorted(peak.buffers, key=lambda buffer: -buffer.bytes)
    for buffer in largest[:_MOST_BUFFERS]:
        yield f"{buffer.bytes:>11,} B  {buffer.name}"
    rest = largest[_MOST_BUFFERS:]
    if rest:
        yield f"{sum(buffer.bytes for buffer in rest):>11,} B  in {len(rest)} smaller ones"
    shared = sum(buffer.bytes for buffer in peak.buffers) - peak.live_bytes
    if shared > 0:
        yield f"{format_bytes(shared)} of these are shared: written over what is read last."


def _without_kernel(report: Report) -> Sequence[str]:
    """What kernels declined though nobody knows what they would save, with the layers of each."""
    found: dict[tuple[str, str], list[str]] = {}
    for reason in report.reasons:
        unit = _UNITS.get(reason.rule)
        if unit and reason.declined and not reason.gain:
            found.setdefault((unit, reason.declined), []).append(str(reason.layer))
    return [f"{unit}: {why}: {', '.join(layers)}" for (unit, why), layers in found.items()]


def explain_layer(report: Report, index: int, width: int) -> str:
    """All that was decided for a layer.

    Args:
        report: of a compilation.
        index: of the layer.
        width: characters of a line.
    """
    layer, lines = report.layers[index], _Lines(width)
    lines.head(f"{layer.index} {layer.name}: {_fact(layer)}")
    lines.section("Where it comes from")
    origin = join_origin(tuple(map(printable, layer.origin)))
    lines.add(f"ONNX nodes: {origin or 'none'}")
    mine = _of(report, layer)
    lines.reasons([r for r in mine if r.stage in ("pass", "prune")], report)
    readers = [each for each in report.layers if index in each.reads]
    next_to = [
        reason
        for reader in readers
        for reason in _of(report, reader)
        if reason.rule in _INTO_PRODUCER and reason.declined
    ]
    if next_to:
        lines.section("Why it is not fused with the next layer")
        lines.reasons(next_to, report, named=True)
    lines.section("Kernel")
    lines.reasons([r for r in mine if r.stage == "kernel"], report)
    if not layer.kernel:
        lines.add("Nothing is executed: its bytes stay where they are.")
    lines.section("Schedule and memory")
    for line in _schedule(report, layer):
        lines.add(line)
    lines.reasons([r for r in mine if r.stage in PLANNING], report)
    return lines.text()


def explain_node(report: Report, node: str, width: int) -> str:
    """What was decided for an ONNX node of which no layer is left."""
    lines = _Lines(width)
    lines.head(f"{node}: no layer is left of this ONNX node")
    lines.reasons([r for r in report.reasons if r.layer is None and r.node == node], report)
    return lines.text()


def sentence(reason: Reason, report: Report, units: Sequence[str] = ()) -> str:
    """A reason as a sentence: who, the rule that does not hold, and what it would bring.

    Args:
        reason: one of the report's.
        report: of a compilation.
        units: names of the kernels that declined alike; its own if there are none.
    """
    if reason.declined is None:
        less = "" if reason.gain is None else f", {_saved(reason.gain)} less"
        if reason.stage == "kernel":
            return f"{reason.did} ({_UNITS.get(reason.rule, reason.rule)}{less})"
        if not reason.node:
            return f"{reason.rule}: {reason.did}{less}"
        return f"{reason.did} ({reason.rule}{less})"
    if reason.stage != "kernel":
        return f"{reason.rule} declined: {reason.declined}{_lost(reason)}"
    names = " and ".join(units) or _UNITS.get(reason.rule, reason.rule)
    instead = "" if reason.layer is None else report.layers[reason.layer].kernel
    return f"{names} declined: {reason.declined}; {instead} runs instead{_lost(reason)}"


def _lost(reason: Reason) -> str:
    if reason.gain is None:
        return ""
    if reason.gain.unit == "channels":
        return f" ({_saved(reason.gain)} stay though they are constant)"
    return f" (it would save {_saved(reason.gain)})"


class _Lines:
    """A text that grows; nothing in it is cut."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._lines: list[str] = []

    def text(self) -> str:
        return "\n".join(self._lines)

    def gap(self) -> None:
        """An empty line, unless the text begins here."""
        if self._lines:
            self._lines.append("")

    def head(self, text: str) -> None:
        self.gap()
        self._lines += _wrapped(text, self._width, "", "  ")

    def section(self, title: str, items: Sequence[str] | None = None) -> None:
        """A title, and what is below it; nothing at all if that is known to be nothing."""
        if items is not None and not items:
            return
        self.gap()
        self._lines.append(f"{title}:")
        for item in items or ():
            self._lines += _wrapped(f"- {item}", self._width, "  ", "    ")

    def add(self, text: str) -> None:
        self._lines += _wrapped(text, self._width, "  ", "    ")

    def reasons(self, reasons: Iterable[Reason], report: Report, *, named: bool = False) -> None:
        for reason, units in _joined(reasons):
            label = ""
            if named or _is_elsewhere(reason, report):
                label = f"{reason.node}: " if reason.declined else f"{reason.node} "
            text = f"- {label}{sentence(reason, report, units)}"
            self._lines += _wrapped(text, self._width, "  ", "    ")

    def more(self, count: int, where: str) -> None:
        if count > 0:
            self.add(f"{count} more: {where}.")


def _joined(reasons: Iterable[Reason]) -> Iterator[tuple[Reason, Sequence[str]]]:
    """Reasons, of those of units that declined alike the first one with the names of all."""
    found: dict[object, tuple[Reason, list[str]]] = {}
    for number, reason in enumerate(reasons):
        alike = reason.stage == "kernel" and reason.declined and reason.gain is None
        key = (reason.layer, reason.declined) if alike else number
        names = found.setdefault(key, (reason, []))[1]
        if alike:
            names.append(_UNITS.get(reason.rule, reason.rule))
    return iter(found.values())


def _of(report: Report, layer: LayerReport) -> Sequence[Reason]:
    return [reason for reason in report.reasons if reason.layer == layer.index]


def _is_worth_it(reason: Reason) -> bool:
    """Whether something would be saved if the rule held, or another plan had a faster kernel."""
    another = reason.stage == "kernel" and reason.rule not in _UNITS
    return reason.declined is not None and (another or reason.gain is not None)


def _is_elsewhere(reason: Reason, report: Report) -> bool:
    """Whether a reason is about a node of another name than the layer it stands under."""
    if not reason.node:
        return False
    return reason.layer is None or reason.node != report.layers[reason.layer].name


def _fact(layer: LayerReport) -> str:
    shape = format_shape(layer.output_shape[1:])
    return f"{layer.op}, {shape}, {layer.macs:,} MACs, {layer.kernel or 'no kernel'}"


def _schedule(report: Report, layer: LayerReport) -> Iterator[str]:
    """The step, who makes what it reads, and what it takes of flash and arena."""
    step = report.steps[layer.step]
    where = f"step {step.index} of {len(report.steps)}"
    if step.mode == "rows":
        where += f", row by row with {plural(len(step.layers) - 1, 'other layer')} ({step.name})"
    yield f"Runs in {where}, in C within {layer.function or 'no function of its own'}."
    makers = ", ".join(f"{i} {report.layers[i].name}" for i in layer.reads)
    yield f"Reads {makers or 'the input of the network'}."
    yield f"Weights and biases: {format_bytes(layer.weights_bytes)}."
    if layer.step == report.peak.step:
        yield (
            f"Its step sets the peak: {format_bytes(report.peak.live_bytes)} of the arena of "
            f"{format_bytes(report.arena_bytes)} are live."
        )


def _saved(gain: Gain) -> str:
    match gain.unit:
        case "arena bytes":
            return f"{gain.amount:,} bytes of arena"
        case "instructions":
            return f"about {gain.amount:,} instructions a run"
        case "bytes written":
            return f"writing {gain.amount:,} bytes a run"
        case _:
            return f"{gain.amount:,} {gain.unit}"


def _wrapped(text: str, width: int, first: str, rest: str) -> list[str]:
    return textwrap.wrap(
        printable(text),
        width,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=True,
        break_on_hyphens=False,
    )
