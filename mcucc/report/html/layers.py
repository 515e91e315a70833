"""The layers as rows of figures, with why no faster kernel runs them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mcucc.kernels.speed import predicted_instructions
from mcucc.report.html.beside import Beside
from mcucc.report.model import LayerReport, Report
from mcucc.report.occupancy import live_bytes
from mcucc.report.text.explain import sentence
from mcucc.report.text.figures import format_shape, join_origin, printable


@dataclass(frozen=True)
class LayerRow:
    """A layer of the table.

    Attributes:
        index: of the layer.
        step: that runs it.
        name: printable.
        op: operator.
        shape: of its output, without the batch.
        kernel: that runs it, empty for none.
        why: sentences about faster kernels that declined.
        macs: multiply-accumulates.
        instructions: counted or predicted; None where neither is known.
        counted: whether they were counted.
        joint: whether they were counted together with another layer's, which has the count.
        weights: bytes.
        live: bytes of the arena that are live in its step.
        sqnr: decibels of its output, None where none was measured.
        origin: ONNX nodes in one line.
    """

    index: int
    step: int
    name: str
    op: str
    shape: str
    kernel: str
    why: tuple[str, ...]
    macs: int
    instructions: int | None
    counted: bool
    joint: bool
    weights: int
    live: int
    sqnr: float | None
    origin: str

    @property
    def per_mac(self) -> float | None:
        """Instructions per multiply-accumulate."""
        if self.instructions is None or not self.macs:
            return None
        return self.instructions / self.macs


@dataclass(frozen=True)
class Work:
    """Instructions of a run.

    Attributes:
        instructions: of all layers of which they are known; None if of none.
        counted: whether they were counted, all of them.
        unknown: how many layers that execute something are not among them.
        cycles: modelled, None where they are not known.
    """

    instructions: int | None
    counted: bool
    unknown: int
    cycles: int | None


def layer_rows(report: Report, beside: Beside) -> tuple[LayerRow, ...]:
    """A row for each layer."""
    return tuple(_row(report, beside, layer) for layer in report.layers)


def work_of(rows: Sequence[LayerRow], beside: Beside) -> Work:
    """What a run executes, counted or else predicted."""
    if beside.counted is not None:
        counted = beside.counted
        return Work(counted.instructions, counted=True, unknown=0, cycles=counted.modelled_cycles)
    known = [row.instructions for row in rows if row.instructions is not None]
    unknown = sum(1 for row in rows if row.instructions is None and row.kernel)
    return Work(sum(known) if known else None, counted=False, unknown=unknown, cycles=None)


def _row(report: Report, beside: Beside, layer: LayerReport) -> LayerRow:
    counted = beside.counted
    joint = counted is not None and layer.index in counted.joint
    if counted is not None:
        instructions = None if joint else counted.layers.get(layer.index)
    else:
        instructions = predicted_instructions(layer.kernel, layer.macs, beside.board.core)
    return LayerRow(
        index=layer.index,
        step=layer.step,
        name=printable(layer.name),
        op=layer.op,
        shape=format_shape(layer.output_shape[1:]),
        kernel=layer.kernel,
        why=tuple(_why(report, layer)),
        macs=layer.macs,
        instructions=instructions,
        counted=counted is not None,
        joint=joint,
        weights=layer.weights_bytes,
        live=live_bytes(report, layer.step),
        sqnr=layer.sqnr_db,
        origin=join_origin(tuple(map(printable, layer.origin))),
    )


def _why(report: Report, layer: LayerReport) -> Iterator[str]:
    """Why kernels of faster units, or other ones, do not run it."""
    for reason in report.reasons:
        if reason.layer == layer.index and reason.stage == "kernel" and reason.declined:
            yield printable(sentence(reason, report))
