"""Small reports that are put together by hand."""

import msgspec

from mcucc.report.model import (
    Flash,
    LayerReport,
    LiveBuffer,
    ModelFacts,
    Peak,
    PortReport,
    Report,
    StepReport,
    TensorReport,
)
from mcucc.report.occupancy import tensor_bytes


def network(
    tensors: list[tuple[str, int, tuple[int, int, int], int, int]],
    layers: list[LayerReport],
    *,
    peak: int,
    scratch: dict[int, tuple[int, int]] | None = None,
    rings: dict[str, int] | None = None,
) -> Report:
    """A report of tensors (name, offset, (h, w, c), first, last); it fits the board generously.

    Args:
        tensors: inputs first, outputs last.
        layers: steps of several layers are segments.
        peak: the step.
        scratch: range of bytes by step.
        rings: rows that are held of the tensors that are not held whole.
    """
    rows = rings or {}
    reports = tuple(
        TensorReport(i, n, o, *hwc, rows.get(n, hwc[0]), a, b)
        for i, (n, o, hwc, a, b) in enumerate(tensors)
    )
    steps = _steps(layers)
    arena = max(t.offset + tensor_bytes(t) for t in reports)
    live = [_live(reports, i, (scratch or {}).get(i)) for i in range(len(steps))]
    held = tuple(LiveBuffer(t.name, tensor_bytes(t)) for t in reports if t.first <= peak <= t.last)
    ends = (reports[0], reports[-1])
    inputs, outputs = (
        (PortReport(t.name, "float32", (1, t.c, t.h, t.w), (0, 2, 3, 1), t.id, t.offset,
                    t.h * t.w * t.c, 0.5, 3),)
        for t in ends
    )  # fmt: skip
    peak_bytes = sum(end - begin for begin, end in live[peak])
    macs = sum(layer.macs for layer in layers)
    return Report(
        schema=3, mcucc_version="0", name="net", model=ModelFacts("net.onnx", "0" * 64),
        board="nucleo-f446re", options="", calibrated=True, quantization=None,
        model_macs=macs, macs=macs, executed_macs=macs,
        params=1000, arena_bytes=arena, arena_align=8, arena_lower_bound_bytes=peak_bytes,
        arena_bytes_streamed_input=None,
        stack_bytes=320, sram_bytes=131072, stack_reserve_bytes=2048,
        flash=Flash(weights_bytes=9000, code_bytes=3000, total_bytes=12000),
        flash_limit_bytes=524288, fits=True, notes=(), files=("net.c",), inputs=inputs,
        outputs=outputs, layers=tuple(layers), steps=steps, tensors=reports,
        dead_ranges=tuple(_dead(ranges, arena) for ranges in live),
        peak=Peak(peak, steps[peak].name, peak_bytes, held), memory_map="",
    )  # fmt: skip


def layer(
    index: int,
    name: str,
    op: str,
    macs: int,
    shape: tuple[int, ...],
    weights: int,
    step: int | None = None,
) -> LayerReport:
    """A layer, by itself a step if that is not given."""
    origin, kernel = (name, f"{name}/Relu"), f"k{index}_s8"
    step = index if step is None else step
    return LayerReport(index, step, name, op, origin, kernel, macs, shape, weights)


def conv_net() -> Report:
    """Two convolutions on a map of 40x40, then an in-place addition and a mean."""
    return network(
        [
            ("image", 12800, (40, 40, 3), 0, 0),
            ("wide", 0, (40, 40, 8), 0, 1),
            ("small", 12800, (20, 20, 8), 1, 2),
            ("sum", 12800, (20, 20, 8), 2, 3),
            ("mean", 0, (1, 1, 8), 3, 3),
        ],
        [
            layer(0, "conv_1", "Conv2D", 345600, (1, 40, 40, 8), 248),
            layer(1, "conv_2", "DepthwiseConv2D", 28800, (1, 20, 20, 8), 104),
            layer(2, "add_1", "Add", 0, (1, 20, 20, 8), 0),
            layer(3, "mean_1", "Mean", 0, (1, 8), 0),
        ],
        peak=0,
        scratch={3: (100, 400)},
    )


def dense_net() -> Report:
    """Two dense layers; there is no map anywhere."""
    return network(
        [
            ("x", 0, (1, 1, 640), 0, 0),
            ("hidden", 640, (1, 1, 128), 0, 1),
            ("y", 0, (1, 1, 64), 1, 1),
        ],
        [
            layer(0, "fc_1", "FullyConnected", 81920, (1, 128), 82432),
            layer(1, "fc_2", "FullyConnected", 8192, (1, 64), 8448),
        ],
        peak=0,
    )


def ring_net() -> Report:
    """A segment of two convolutions, the first held as three of its rows; then a dense layer."""
    return network(
        [
            ("image", 0, (40, 40, 3), 0, 0),
            ("wide", 4800, (40, 40, 8), 0, 0),
            ("small", 5768, (20, 20, 8), 0, 1),
            ("y", 0, (1, 1, 10), 1, 1),
        ],
        [
            layer(0, "conv_1", "Conv2D", 345600, (1, 40, 40, 8), 248, step=0),
            layer(1, "conv_2", "DepthwiseConv2D", 28800, (1, 20, 20, 8), 104, step=0),
            layer(2, "fc_1", "FullyConnected", 32000, (1, 10), 32040, step=1),
        ],
        peak=0,
        scratch={0: (5760, 5768)},
        rings={"wide": 3},
    )


def long_net(steps: int) -> Report:
    """A chain of layers with the long names that exporters give, on two buffers in turn."""
    tensors = [("image", 0, (40, 40, 16), 0, 0)]
    tensors += [
        (f"t{i}", 25600 * ((i + 1) % 2), (40, 40, 16), i, min(i + 1, steps - 1))
        for i in range(steps)
    ]
    names = [f"/model/features/features.{i}/conv/conv.0/Conv" for i in range(steps)]
    layers = [
        layer(i, name, "DepthwiseConv2D", 12345678, (1, 40, 40, 16), 1234567)
        for i, name in enumerate(names)
    ]
    return network(tensors, layers, peak=0)


def unmeasured(report: Report) -> Report:
    unknown = Flash(None, None, None)
    return msgspec.structs.replace(report, flash=unknown, stack_bytes=None, built=False)


def _steps(layers: list[LayerReport]) -> tuple[StepReport, ...]:
    """The layers by step; the counters of a segment take four bytes a layer."""
    steps: list[StepReport] = []
    for index in range(layers[-1].step + 1):
        own = [x for x in layers if x.step == index]
        rows = len(own) > 1
        steps.append(
            StepReport(
                index=index,
                name=f"{own[0].name} .. {own[-1].name}" if rows else own[0].name,
                mode="rows" if rows else "layer",
                layers=tuple(x.index for x in own),
                macs=sum(x.macs for x in own),
                counter_bytes=4 * len(own) if rows else 0,
            )
        )
    return tuple(steps)


def _live(
    tensors: tuple[TensorReport, ...], step: int, scratch: tuple[int, int] | None
) -> list[tuple[int, int]]:
    """The live ranges of a step; tensors share all of their bytes or none."""
    ranges = {(t.offset, t.offset + tensor_bytes(t)) for t in tensors if t.first <= step <= t.last}
    return sorted(ranges | ({scratch} if scratch else set()))


def _dead(live: list[tuple[int, int]], arena: int) -> tuple[tuple[int, int], ...]:
    ends = [0, *(end for _, end in live)]
    begins = [*(begin for begin, _ in live), arena]
    return tuple((a, b) for a, b in zip(ends, begins, strict=True) if a < b)
