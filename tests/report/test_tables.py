"""Every table of the command line at every width: figures whole, names told apart."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console, RenderableType

from mcucc.api.build import BuiltProgram, ProgramLayer
from mcucc.api.inspect import InspectedLayer, Inspection
from mcucc.api.measure import LayerMeasurement, Measurement, RunCounts
from mcucc.api.plan import ModelPlans
from mcucc.api.verify import Verification
from mcucc.cli.measured_tables import render_measurements, render_profile, render_program
from mcucc.cli.tables import render_inspection, render_plans, render_verification
from mcucc.report.model import Report
from mcucc.report.text.figures import distinct_names, format_shape
from mcucc.report.text.grid import Column, Grid
from mcucc.report.text.page import render_boards, render_report
from mcucc.report.text.tables import layer_table, port_table
from mcucc.report.text.timeline import timeline
from mcucc.schedule.compare.strategies import Strategy
from mcucc.targets.board import list_boards
from tests.report.reports import long_net

WIDTHS = range(60, 201)
COUNT = 4
BOARD = next(board for board in list_boards() if board.id == "arduino-nano-33-ble")

ACCENT = "e\u0301"
"""Two characters in one cell."""

NAMES = {
    "ends": [f"/model/a/b{i}/long/common/tail/of/every/layer/depthwise/Conv" for i in range(COUNT)],
    "beginnings": [f"StatefulPartitionedCall/model/block/expand/conv2d_{i}" for i in range(COUNT)],
    "middles": [f"{'x' * 70}{i}{'x' * 70}" for i in range(COUNT)],
    "exporter": [f"/features/features.{i}/conv/conv.0/conv.0.0/Conv" for i in range(COUNT)],
    "wide": [f"/层{i}/{'卷积' * 20}/Conv" for i in range(COUNT)],
    "accents": [f"/{ACCENT}tage{i}/{ACCENT * 50}/Conv" for i in range(COUNT)],
    "breaking": [f"a\nb\t\x1b[31m{'y' * 60}{i}{'z' * 60}" for i in range(COUNT)],
    "short": ["a", "b", "c", "d"],
}  # fmt: skip
EVERY_WIDTH = ("ends", "wide", "short")
"""The names for which every width is tried; of the others every seventh."""

KERNELS = ["depthwise_3x3_s2_s8_dsp_clamp", "conv2d_1x1_s8_dsp", "dense_s8_mve_clamp"]


@dataclass(frozen=True)
class Case:
    """A table, the figures of its rows, and where their names stand.

    Attributes:
        tables: by width.
        figures: that must be there whole, by row.
        label: what stands before the number of a row, and its name after that; None where rows have
            no names that may be cut.
    """

    tables: Mapping[int, RenderableType]
    figures: Sequence[Sequence[str]]
    label: Sequence[str] | None = ()


def nasty_report(names: Sequence[str]) -> Report:
    """Seven-digit figures, large shapes, several nodes a layer."""
    report = long_net(COUNT)
    layers = [
        msgspec.structs.replace(
            layer,
            name=name,
            origin=(name, f"{name}/Relu", "other"),
            kernel=KERNELS[i % 3],
            macs=1_234_567 + 11_000_003 * i,
            weights_bytes=1_234_560 + i,
            output_shape=(1, 1112, 1112, 1280 + i),
        )
        for i, (name, layer) in enumerate(zip(names, report.layers, strict=True))
    ]
    port = report.inputs[0]
    ports = tuple(
        msgspec.structs.replace(
            port,
            name=name,
            shape=(1, 1280 + i, 112, 112),
            offset=1_000_000 + i,
            bytes=7_654_320 + i,
        )
        for i, name in enumerate(names)
    )
    steps = [
        msgspec.structs.replace(step, name=name)
        for name, step in zip(names, report.steps, strict=True)
    ]
    return msgspec.structs.replace(
        report, layers=tuple(layers), inputs=ports, steps=tuple(steps), outputs=()
    )


def measurements(names: Sequence[str]) -> list[LayerMeasurement]:
    return [
        LayerMeasurement(
            i, name, "Conv2D", KERNELS[i % 3], 1000, 9_876_540 + i, 12_345_670 + i
        )
        for i, name in enumerate(names)
    ]  # fmt: skip


def layers(names: Sequence[str]) -> Case:
    report = nasty_report(names)
    figures = [
        [f"{x.macs:,}", f"{x.weights_bytes:,}", format_shape(x.output_shape[1:])]
        for x in report.layers
    ]
    return Case({w: layer_table(report, w) for w in WIDTHS}, figures)


def ports(names: Sequence[str]) -> Case:
    report = nasty_report(names)
    figures = [
        [f"{x.offset:,}", f"{x.bytes:,}", format_shape(x.shape), "40x40x16"] for x in report.inputs
    ]
    return Case(dict.fromkeys(WIDTHS, port_table(report)), figures, ("in",))


def arena(names: Sequence[str]) -> Case:
    report = nasty_report(names)
    return Case({w: timeline(report, w) for w in WIDTHS}, [["51,200"]])


def inspected(names: Sequence[str]) -> Case:
    found = [
        InspectedLayer(name, "DepthwiseConv2D", (1, 1112, 1112, 1280 + i), 1_000_000_000 + i)
        for i, name in enumerate(names)
    ]
    content = render_inspection(
        Inspection("m", "0", 13, {"Conv": 7}, (), (), True, (), 99, 99, tuple(found))
    )
    figures = [[f"{x.macs:,}", format_shape(x.output_shape)] for x in found]
    return Case(dict.fromkeys(WIDTHS, content), figures)


def built(names: Sequence[str]) -> Case:
    found = [
        ProgramLayer(i, name, "Conv2D", KERNELS[i % 3], 1_000_000 + i, 8_000_000 + i)
        for i, name in enumerate(names)
    ]
    fields = dict.fromkeys(BuiltProgram.__dataclass_fields__, 1)
    named = {"file": "f", "model": "m", "board": "b", "core": "c", "simulator": "s"}
    shared = {"shared_code_bytes": 7_777_777, "shared_weights_bytes": 6_666_666}
    program = BuiltProgram(**{**fields, **named, **shared, "layers": tuple(found)})  # pyright: ignore[reportArgumentType] -- any number will do
    figures = [[f"{x.code_bytes:,}", f"{x.weights_bytes:,}"] for x in found]
    table = render_program(program)
    return Case(dict.fromkeys(WIDTHS, table), [*figures, ["7,777,777", "6,666,666"]])


def profiled(names: Sequence[str]) -> Case:
    found = measurements(names)
    counts = RunCounts(70_000_000, 80_000_000, 1_111_111, tuple(found))
    table = render_profile("net", BOARD, [counts])
    figures = [[f"{x.instructions:,}", f"{x.modelled_cycles:,}"] for x in found]
    return Case(dict.fromkeys(WIDTHS, table), [*figures, ["1,111,111"]])


def benched(names: Sequence[str]) -> Case:
    found = measurements(names)
    table = render_measurements([_measurement(tuple(found))])
    figures = [[f"{x.instructions:,}", f"{x.instructions / x.macs:.3f}"] for x in found]
    return Case(dict.fromkeys(WIDTHS, table), figures)


def planned(names: Sequence[str]) -> Case:
    del names
    found = [
        Strategy("whole, in place or over inputs", 10**6 + i, 10**7 + i, 10**8 + i, 10**5 + i, i)
        for i in range(1, COUNT + 1)
    ]
    plans = ModelPlans("m", "b", 1, 4096, True, 10**8 - 1, 1, "s", tuple(found))
    figures = [
        [
            f"{x.arena_bytes:,}",
            f"{x.arena_bytes_streamed_input:,}",
            f"{x.row_calls:,}",
            f"{x.segments:,}",
        ]
        for x in found
    ]
    return Case(dict.fromkeys(WIDTHS, render_plans(plans)), figures, None)


def judged(names: Sequence[str]) -> Case:
    del names
    compared = {"host": 1_234_567, "tflm": 7_654_321}
    judges = {"numpy": "equal", "host": "equal", "tflm": "crashed"}
    found = Verification(
        False, ("tflm crashed",), False, judges, compared, 8, 1, None, None, None, ()
    )  # fmt: skip
    figures = [[f"{count:,}"] for count in compared.values()]
    return Case(dict.fromkeys(WIDTHS, render_verification(found)), figures, None)


def listed(names: Sequence[str]) -> Case:
    del names
    figures = [
        [b.id, b.core.name, f"{b.largest_sram.size / 1024:,.0f}", f"{b.flash.size / 1024:,.0f}"]
        for b in list_boards()
    ]
    return Case(dict.fromkeys(WIDTHS, render_boards(list_boards())), figures, None)


NAMED = (layers, ports, arena, inspected, built, profiled, benched)
KINDS = [(kind, names) for kind in NAMED for names in NAMES] + [
    (kind, "short") for kind in (planned, judged, listed)
]


def terminal() -> Console:
    return Console(color_system=None, markup=False, emoji=False, highlight=False)


def lines_of(console: Console, content: RenderableType, width: int) -> list[str]:
    console.width = width
    with console.capture() as capture:
        console.print(content)
    return capture.get().splitlines()


@pytest.mark.parametrize(("kind", "names"), KINDS)
def test_cut_tables(kind: Callable[[Sequence[str]], Case], names: str) -> None:
    """No figure and no shape is cut at any width, and different names stay different."""
    case, console = kind(NAMES[names]), terminal()
    step = 1 if names in EVERY_WIDTH else 7
    for width, table in [*case.tables.items()][::step]:
        lines = lines_of(console, table, width)
        assert max(map(cell_len, lines)) <= width
        words = [line.split() for line in lines]
        everything = {word for line in words for word in line}
        for row in case.figures:
            assert set(row) <= everything, (width, lines)
        if case.label is None:
            continue
        heads = [[*case.label, str(i)] for i in range(COUNT)]
        rows = [line for head in heads for line in words if line[: len(head)] == head]
        shown = {row[len(case.label) + 1] for row in rows}
        assert len(rows) == len(shown) == COUNT, (width, lines)


def test_a_whole_report_fits_every_width() -> None:
    report, console = nasty_report(NAMES["wide"]), terminal()
    for width in WIDTHS:
        lines = lines_of(console, render_report(report, BOARD, width=width), width)
        assert max(map(cell_len, lines)) <= width


def test_what_has_no_room_at_all_goes_below() -> None:
    """Even at widths that no terminal has, and in the order of the columns."""
    columns = (
        Column("layer", ("a" * 40, "b" * 40), "2 layers", least=8),
        Column("output", ("112x112x1280", "8x8x24"), right=True),
        Column("MACs", ("1,234,567,890", "3"), "1,234,567,893", right=True),
    )
    lines = [str(line) for line in Grid(columns).lines(22)]
    assert lines == [
        "layer           output",
        "─" * 22,
        "aaaa..aaa 112x112x1280",
        "          MACs 1,234,567,890",
        "bbbb..bbb       8x8x24",
        "          MACs 3",
        "─" * 22,
        "2 layers",
        "          MACs 1,234,567,893",
    ]


def test_the_most_dispensable_columns_go_first() -> None:
    columns = (
        Column("layer", ("conv_1",)),
        Column("op", ("Conv2D",), spare=2),
        Column("%", ("100.0",), spare=1),
        Column("MACs", ("1,234",)),
    )
    heads = {width: str(next(Grid(columns).lines(width))).split() for width in (25, 24, 18, 17, 12)}
    assert heads[25] == ["layer", "op", "%", "MACs"]
    assert heads[24] == heads[18] == ["layer", "%", "MACs"]
    assert heads[17] == heads[12] == ["layer", "MACs"]


@given(st.lists(st.text(max_size=60), max_size=12), st.integers(8, 40))
def test_different_names_stay_different(names: list[str], width: int) -> None:
    short = distinct_names(names, width)
    assert len(set(short)) == len(set(names))
    assert all(cell_len(text) <= width for text in short)
    for name, text in zip(names, short, strict=True):
        assert text == name or ".." in text or cell_len(name) > width


def _measurement(found: tuple[LayerMeasurement, ...]) -> Measurement:
    fields = dict.fromkeys(Measurement.__dataclass_fields__, 1)
    named = {"model": "m", "board": "b", "core": "c", "simulator": "s", "options": ""}
    return Measurement(**{**fields, **named, "layers": found})  # pyright: ignore[reportArgumentType] -- any number will do
