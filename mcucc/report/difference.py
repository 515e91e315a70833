"""Two compilations side by side: what changed, layer by layer, and why."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from mcucc.report.model import LayerReport, Report
from mcucc.report.text.explain import PLANNING, sentence
from mcucc.report.text.figures import format_shape, join_origin

_FACTS = ("model", "board", "options", "io", "mcucc_version", "calibrated", "built", "fits")


@dataclass(frozen=True)
class FactChange:
    """A fact in words that is another now."""

    name: str
    old: str
    new: str


@dataclass(frozen=True)
class FigureChange:
    """A figure of both; None where one does not have it.

    Attributes:
        name: `arena`, `flash`, `weights`, `code`, `stack`, `MACs`, `executed MACs`,
            `instructions`, or `output SQNR`.
        old: before.
        new: after.
        unit: `B`, `dB`, or empty.
    """

    name: str
    old: float | None
    new: float | None
    unit: str = ""

    @property
    def change(self) -> float | None:
        """New less old."""
        return None if self.old is None or self.new is None else self.new - self.old


@dataclass(frozen=True)
class LayerChange:
    """A layer that came, went, or is computed otherwise.

    Attributes:
        name: of the layer.
        kind: what happened.
        old: index before, None for one that came.
        new: index after, None for one that went.
        changes: what of it is other, each as a phrase.
        why: sentences of the new report that the old one does not have about this layer.
    """

    name: str
    kind: str
    old: int | None
    new: int | None
    changes: tuple[str, ...]
    why: tuple[str, ...] = ()


@dataclass(frozen=True)
class Difference:
    """What differs between two compilations.

    Attributes:
        old: name of the network before.
        new: after.
        facts: in words, those that changed.
        figures: all that one of them has.
        peak: where the arena gets its size, before and after.
        layers: those that differ.
        moved: how many layers are as they were, but run in another step or place of the order.
        why: of the planner, what the new report says and the old one does not.
        beyond: sentences about limits that do not hold; empty if all do.
    """

    old: str
    new: str
    facts: tuple[FactChange, ...]
    figures: tuple[FigureChange, ...]
    peak: tuple[str, str]
    layers: tuple[LayerChange, ...]
    moved: int
    why: tuple[str, ...]
    beyond: tuple[str, ...] = field(default_factory=tuple[str, ...])


def difference(
    old: Report, new: Report, instructions: tuple[int | None, int | None] = (None, None)
) -> Difference:
    """What differs between two compilations.

    Args:
        old: before.
        new: after.
        instructions: counted of each, None where nobody did.
    """
    layers = tuple(_layers(old, new))
    return Difference(
        old=old.name,
        new=new.name,
        facts=tuple(_facts(old, new)),
        figures=tuple(_figures(old, new, instructions)),
        peak=(_peak(old), _peak(new)),
        layers=layers,
        moved=_moved(old, new, {change.name for change in layers}),
        why=_planner(old, new),
    )


def _facts(old: Report, new: Report) -> Iterator[FactChange]:
    for name in _FACTS:
        before, after = (_fact(report, name) for report in (old, new))
        if before != after:
            yield FactChange(name, before, after)


def _fact(report: Report, name: str) -> str:
    if name == "model":
        return f"{report.model.name} ({report.model.sha256[:12]})"
    value: object = getattr(report, name)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _figures(
    old: Report, new: Report, instructions: tuple[int | None, int | None]
) -> Iterator[FigureChange]:
    def pair(name: str, before: float | None, after: float | None, unit: str = "B") -> FigureChange:
        return FigureChange(name, before, after, unit)

    found = (
        pair("arena", old.arena_bytes, new.arena_bytes),
        pair("flash", old.flash.total_bytes, new.flash.total_bytes),
        pair("weights", old.flash.weights_bytes, new.flash.weights_bytes),
        pair("code", old.flash.code_bytes, new.flash.code_bytes),
        pair("stack", old.stack_bytes, new.stack_bytes),
        pair("MACs", old.macs, new.macs, ""),
        pair("executed MACs", old.executed_macs, new.executed_macs, ""),
        pair("instructions", *instructions, ""),
        pair("output SQNR", worst_output_db(old), worst_output_db(new), "dB"),
    )
    return (each for each in found if (each.old, each.new) != (None, None))


def worst_output_db(report: Report) -> float | None:
    """The lowest signal-to-noise ratio of an output, None where none was measured."""
    return min((p.sqnr_db for p in report.outputs if p.sqnr_db is not None), default=None)


def _peak(report: Report) -> str:
    """The step and its largest buffers, as a phrase."""
    peak = report.peak
    largest = sorted(peak.buffers, key=lambda b: (-b.bytes, b.name))[:3]
    held = ", ".join(f"{b.name} {b.bytes:,}" for b in largest)
    return f"step {peak.step} '{peak.layer}', {peak.live_bytes:,} B live: {held}"


def _layers(old: Report, new: Report) -> Iterator[LayerChange]:
    """Layers by their names: those of the new network in order, then those that went."""
    before = {layer.name: layer for layer in old.layers}
    for layer in new.layers:
        same = before.pop(layer.name, None)
        if same is None:
            facts = (layer.op, format_shape(layer.output_shape[1:]), f"{layer.macs:,} MACs")
            yield LayerChange(layer.name, "added", None, layer.index, facts)
            continue
        changes = tuple(_changes(same, layer))
        if changes:
            why = _reasons(new, layer.index) - _reasons(old, same.index)
            ordered = tuple(text for text in _told(new, layer.index) if text in why)
            yield LayerChange(layer.name, "changed", same.index, layer.index, changes, ordered)
    for layer in before.values():
        facts = (layer.op, format_shape(layer.output_shape[1:]), f"{layer.macs:,} MACs")
        yield LayerChange(layer.name, "removed", layer.index, None, facts)


def _changes(old: LayerReport, new: LayerReport) -> Iterator[str]:
    """What of a layer is other, as phrases."""
    texts: Mapping[str, tuple[str, str]] = {
        "operator": (old.op, new.op),
        "output": (format_shape(old.output_shape[1:]), format_shape(new.output_shape[1:])),
        "kernel": (old.kernel or "none", new.kernel or "none"),
        "ONNX nodes": (join_origin(old.origin), join_origin(new.origin)),
    }
    for name, (before, after) in texts.items():
        if before != after:
            yield f"{name} {before} -> {after}"
    for name, before, after in (
        ("MACs", old.macs, new.macs),
        ("weights", old.weights_bytes, new.weights_bytes),
    ):
        if before != after:
            yield f"{name} {before:,} -> {after:,} ({after - before:+,})"
    if old.sqnr_db is not None and new.sqnr_db is not None:
        change = round(new.sqnr_db, 1) - round(old.sqnr_db, 1)
        if abs(change) > 0.05:
            yield f"SQNR {old.sqnr_db:.1f} -> {new.sqnr_db:.1f} dB ({change:+.1f})"


def _told(report: Report, layer: int) -> Sequence[str]:
    """All sentences about a layer, but for the one that names its kernel."""
    return [
        sentence(r, report)
        for r in report.reasons
        if r.layer == layer and not (r.stage == "kernel" and r.did)
    ]


def _reasons(report: Report, layer: int) -> frozenset[str]:
    return frozenset(_told(report, layer))


def _moved(old: Report, new: Report, changed: set[str]) -> int:
    before = {layer.name: (layer.index, layer.step) for layer in old.layers}
    same = (x for x in new.layers if x.name not in changed)
    return sum(before[x.name] != (x.index, x.step) for x in same)


def _planner(old: Report, new: Report) -> tuple[str, ...]:
    """What the planner says of the new network and did not say of the old one."""
    told = [
        [sentence(r, report) for r in report.reasons if r.layer is None and r.stage in PLANNING]
        for report in (old, new)
    ]
    return tuple(text for text in told[1] if text not in told[0])
