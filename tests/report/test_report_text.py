"""What the report says in a terminal, without a golden text."""

import io
import itertools
import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console, RenderableType

from mcucc.report.model import Report
from mcucc.report.occupancy import live_bytes, live_spans
from mcucc.report.text.figures import (
    format_bytes,
    join_origin,
    judged_by_tflm,
    percents,
    short_name,
)
from mcucc.report.text.page import render_boards, render_report
from mcucc.targets.board import list_boards, load_board
from tests.report.reports import conv_net, dense_net, long_net, ring_net, unmeasured

NETWORKS = {
    "conv": conv_net(),
    "dense": dense_net(),
    "long": long_net(56),
    "ring": ring_net(),
}
BOARD = load_board("nucleo-f446re")


def printed(renderable: RenderableType, width: int, encoding: str = "utf-8") -> list[str]:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding)
    Console(file=file, width=width, color_system=None).print(renderable, highlight=False)
    file.flush()
    return raw.getvalue().decode(encoding).splitlines()


def report_lines(report: Report, width: int = 100, encoding: str = "utf-8") -> list[str]:
    return printed(render_report(report, BOARD, width=width), width, encoding)


@pytest.mark.parametrize("width", [80, 99, 100, 120, 200])
@pytest.mark.parametrize("name", NETWORKS)
def test_has_every_layer_within_the_width(name: str, width: int) -> None:
    report = NETWORKS[name]
    lines = report_lines(report, width)
    assert max(len(line) for line in lines) <= width
    for layer in report.layers:
        row = [line for line in lines if line.endswith(layer.kernel) or f"{layer.kernel} " in line]
        assert len(row) == 1, layer.kernel
        assert f"{layer.macs:,}" in row[0]
        assert f"{layer.weights_bytes:,}" in row[0]
    text = "\n".join(lines)
    assert f"{sum(layer.macs for layer in report.layers):,} " in text
    layers, steps = len(report.layers), len(report.steps)
    assert f", {steps} steps," in text or f", {layers} layers in {steps} steps," in text
    assert f" {layers} layers" in text


@pytest.mark.parametrize("name", NETWORKS)
def test_marks_the_peak_once(name: str) -> None:
    report = NETWORKS[name]
    marked = [line for line in report_lines(report) if line.endswith("<- peak")]
    assert len(marked) == 1
    assert marked[0].split()[0] == str(report.peak.step)
    assert f" {report.peak.live_bytes:,} <-" in marked[0]


def test_verdict_says_where_it_fits() -> None:
    lines = report_lines(conv_net())
    assert lines[0].startswith("net: FITS on nucleo-f446re")
    assert not any("MISSING" in line for line in lines)


def test_notes_are_shown() -> None:
    report = msgspec.structs.replace(conv_net(), notes=("QEMU runs something else as a proxy",))
    assert "Note: QEMU runs something else as a proxy" in report_lines(report)


def test_misfit_shows_what_is_missing_and_why() -> None:
    fields = {"sram_bytes": 16000, "fits": False}
    lines = report_lines(msgspec.structs.replace(conv_net(), **fields))
    assert "DOES NOT FIT" in lines[0]
    assert "--sram 16000" in lines[0]
    assert "What would help" in "\n".join(lines)
    missing = next(line for line in lines if "MISSING" in line)
    assert f"{17600 + 2048 - 16000:,} B" in missing
    assert "22.8%" in missing
    bar = next(line for line in lines if line.startswith("RAM"))
    assert "|" in bar
    assert "122.8% of 16,000 B" in bar


@pytest.mark.parametrize(("memory", "rows"), [("RAM", 4), ("Flash", 3)])
def test_parts_of_a_memory_add_up(memory: str, rows: int) -> None:
    lines = report_lines(conv_net())
    start = next(i for i, line in enumerate(lines) if line.startswith(memory))
    shares = [re.findall(r"([\d.]+)%", line)[-1] for line in lines[start + 1 : start + 1 + rows]]
    assert sum(round(float(share) * 10) for share in shares) == 1000


def test_without_a_compiler_sizes_are_called_unknown() -> None:
    lines = report_lines(unmeasured(conv_net()))
    text = " ".join(lines)
    assert "NOT BUILT (no compiler); the arena fits the SRAM of" in lines[0]
    assert "FITS" not in lines[0]
    assert "Flash unknown" in text
    assert "The stack of net_run is unknown" in text
    assert "None" not in text


def test_stack_beyond_the_reserve_is_told() -> None:
    report = msgspec.structs.replace(conv_net(), stack_bytes=4000)
    assert "MORE than the 2,048 B" in " ".join(report_lines(report))


def test_gap_above_the_lower_bound_is_told() -> None:
    report = msgspec.structs.replace(conv_net(), arena_lower_bound_bytes=16000)
    text = " ".join(" ".join(report_lines(report)).split())
    assert "no placement of these steps is below 16,000 B (15.6 KiB)" in text
    assert "1,600 B (1.6 KiB) (10.0%) above" in text


def test_can_be_printed_in_ascii() -> None:
    lines = report_lines(conv_net(), 80, encoding="ascii")
    assert any(line.startswith("RAM   [#") for line in lines)


def test_map_shows_scratch_and_shared_buffers() -> None:
    lines = report_lines(conv_net())
    row = {
        i: next(line for line in lines if line.startswith(f"{i} ") and "." in line)
        for i in range(1, 4)
    }
    small = row[1].split()[2].strip(".")[-1]
    assert small in row[2].split()[2], "the sum is made in place"
    assert "#" in row[3]
    assert "# is scratch memory" in " ".join(lines)


def test_a_segment_is_one_row_of_the_map_and_several_of_the_table() -> None:
    lines = report_lines(ring_net())
    assert "3 layers in 2 steps" in lines[1]
    row = next(line for line in lines if line.startswith("0 conv_1 .. conv_2"))
    assert "#" in row, "its counters"
    assert row.endswith("8,968 <- peak")
    table = [line.split()[:2] for line in lines if re.search(r" k\d_s8 ", line)]
    assert table == [["0", "conv_1"], ["0", "conv_2"], ["1", "fc_1"]]


def test_a_ring_takes_the_bytes_of_its_rows() -> None:
    spans = live_spans(ring_net(), 0)
    assert [(s.begin, s.end, tuple(t.name for t in s.tensors)) for s in spans] == [
        (0, 4800, ("image",)),
        (4800, 5760, ("wide",)),
        (5760, 5768, ()),
        (5768, 8968, ("small",)),
    ]


def test_ports_have_what_a_caller_needs() -> None:
    lines = report_lines(conv_net())
    row = next(line for line in lines if line.startswith("in 0"))
    assert row.split()[2:] == ["image", "1x3x40x40", "40x40x3", "0.5", "3", "12,800", "4,800"]


def test_spans_cover_exactly_what_is_live() -> None:
    for report in NETWORKS.values():
        for step in range(len(report.steps)):
            spans = live_spans(report, step)
            assert sum(s.end - s.begin for s in spans) == live_bytes(report, step)
            assert all(a.end <= b.begin for a, b in itertools.pairwise(spans))


@pytest.mark.parametrize("width", [80, 120])
def test_boards(width: int) -> None:
    lines = printed(render_boards(list_boards()), width)
    assert max(len(line) for line in lines) <= width
    for board in list_boards():
        row = next(line for line in lines if line.startswith(f"{board.id} "))
        assert board.core.name in row
        proxy = board.simulator is not None and board.simulator.proxy
        assert ("(proxy)" in row) == proxy


@given(st.lists(st.integers(0, 10**6), max_size=8), st.integers(1, 10**6))
def test_rounded_percents_add_up(parts: list[int], whole: int) -> None:
    tenths = [round(float(text.rstrip("%")) * 10) for text in percents(parts, whole)]
    assert abs(sum(tenths) - 1000 * sum(parts) / whole) <= 0.5
    assert all(abs(t - 1000 * p / whole) <= 1 for t, p in zip(tenths, parts, strict=True))


@given(st.text(max_size=40), st.integers(4, 40))
def test_short_names_fit(text: str, width: int) -> None:
    short = short_name(text, width)
    assert cell_len(short) <= width
    assert short == text or cell_len(text) > width


def test_figures_and_names() -> None:
    assert format_bytes(768) == "768 B"
    assert format_bytes(96000) == "96,000 B (93.8 KiB)"
    assert format_bytes(4 << 20) == "4,194,304 B (4.0 MiB)"
    assert join_origin(("conv_1", "conv_1/Clip")) == "conv_1 +Clip"
    assert join_origin(("/a/conv", "/a/relu", "/b/add")) == "/a/conv +relu +/b/add"
    assert percents([1, 1, 1], 3) == ("33.4%", "33.3%", "33.3%")
    assert percents([5], 0) == ("0.0%",)


def test_repeated_folders_are_left_out_of_long_names() -> None:
    name = "/features/features.12/conv/conv.0/conv.0.0/Conv"
    assert short_name(name, 60) == name
    assert short_name(name, 28) == "/features.12/conv.0.0/Conv"
    assert len(short_name(name, 12)) == 12


def test_of_many_unjudged_tensors_the_first_are_named() -> None:
    names = [f"v{place}" for place in range(7)]
    assert judged_by_tflm(8, 10, names[:2]) == "8 of 10 tensors judged by TFLM; unjudged: v0, v1"
    assert judged_by_tflm(6, 10, names[:4]).endswith("unjudged: v0, v1, v2, v3")
    assert judged_by_tflm(1003, 1010, names).startswith("1,003 of 1,010 tensors judged")
    assert judged_by_tflm(3, 10, names).endswith("unjudged: v0, v1, v2, v3, ...")
    assert judged_by_tflm(3, 4, ["a\nb"]).endswith("unjudged: a?b")


def test_a_network_that_is_judged_as_a_whole_says_nothing_of_it() -> None:
    report = conv_net()
    assert report.unjudged == ()
    lines = printed(render_report(report, load_board(report.board), width=100), 100)
    assert not any("judged" in line for line in lines)
    lacking = msgspec.structs.replace(report, unjudged=("wide",))
    lines = printed(render_report(lacking, load_board(report.board), width=100), 100)
    count = len(report.tensors)
    assert f"{count - 1} of {count} tensors judged by TFLM; unjudged: wide" in lines
