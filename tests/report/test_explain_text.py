"""The pages of `mcucc explain`: no figure is cut, however narrow the lines."""

import re
from pathlib import Path

import msgspec
import pytest

from mcucc.report import Report
from mcucc.report.model import Gain, Reason
from mcucc.report.reasons.collect import MOST_OF_LAYER, MOST_OF_NONE, bounded
from mcucc.report.text.explain import explain_layer, explain_network, explain_node
from tests.importer.float_cases import Model
from tests.report.reasoned import float_report
from tests.report.test_pass_reasons import MAP, conv, conv_relu, times_one

WIDTHS = (60, 80, 97, 120, 200)
FIGURE = re.compile(r"\d[\d,]*")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """A Relu that is not fused, and reasons of all stages with large figures."""
    made = float_report(tmp_path_factory.mktemp("relu"), conv_relu(also=True), MAP)
    more = (
        Reason("kernel", 0, "Conv_v0", "mve", declined="65 taps are more than 64",
               gain=Gain(123456789, "instructions")),
        Reason("prune", 1, "Relu_v1", "drop_channels", did="makes 3 of 4 channels: because",
               gain=Gain(987654321, "MACs")),
        Reason("prune", None, "", "drop_channels", declined="--no-prune keeps all channels"),
        Reason("pass", None, "Identity_9", "drop_identity", did="is removed: it does nothing",
               gain=Gain(55555, "bytes written")),
    )  # fmt: skip
    return msgspec.structs.replace(made, reasons=(*made.reasons, *more), reasons_left_out=7)


@pytest.mark.parametrize("width", WIDTHS)
def test_no_line_is_too_long_and_no_figure_is_cut(report: Report, width: int):
    pages = [explain_network(report, width), explain_node(report, "Identity_9", width)]
    pages += [explain_layer(report, layer.index, width) for layer in report.layers]
    assert max(len(line) for page in pages for line in page.splitlines()) <= width
    wide = [explain_network(report, 9999), explain_node(report, "Identity_9", 9999)]
    wide += [explain_layer(report, layer.index, 9999) for layer in report.layers]
    for page, whole in zip(pages, wide, strict=True):
        assert FIGURE.findall(page) == FIGURE.findall(whole)
        assert page.split() == whole.split()


def test_a_page_says_what_it_would_bring(report: Report):
    page = " ".join(explain_network(report, 80).split())
    assert (
        "- Helium kernel declined: 65 taps are more than 64; conv_s8_k3x3s1_fast runs instead (it "
        "would save about 123,456,789 instructions a run)"
    ) in page
    assert "made or read by 1 layer, as" in page
    assert "987,654,321 MACs less" in page
    assert "drop_channels declined: --no-prune keeps all channels" in page
    assert "7 more: " in page


def test_the_layer_before_says_why_the_next_is_not_fused(report: Report):
    page = " ".join(explain_layer(report, 0, 80).split())
    assert (
        "Why it is not fused with the next layer: - Relu_v1: fuse_activation declined: 'v0' is "
        "read elsewhere (it would save writing 64 bytes a run)"
    ) in page
    assert "Why it is not fused" not in explain_layer(report, 1, 80)


def test_a_fused_layer_says_from_which_nodes(tmp_path: Path):
    page = explain_layer(float_report(tmp_path, conv_relu(also=False), MAP), 0, 80)
    assert "ONNX nodes: Conv_v0 +Relu_v1" in page
    assert "Relu_v1 becomes the activation" in page


def test_a_node_of_which_nothing_is_left_has_a_page(tmp_path: Path):
    made = float_report(tmp_path, times_one(inside=True), MAP)
    page = explain_node(made, "Mul_v0", 80)
    assert page.startswith("Mul_v0: no layer is left of this ONNX node")
    assert "drop_identity" in page


def test_a_layer_keeps_the_reasons_that_are_worth_most():
    few = [Reason("pass", 0, "n", f"r{i:02}", declined="no") for i in range(40)]
    best = Reason("kernel", 0, "n", "mve", declined="no", gain=Gain(1, "instructions"))
    others = [Reason("pass", None, f"n{i:03}", "r", did="is gone") for i in range(100)]
    found = bounded((*few, best, *others, *few))
    assert found.left_out == 141 - MOST_OF_LAYER - MOST_OF_NONE
    assert [r.layer for r in found.reasons] == [None] * MOST_OF_NONE + [0] * MOST_OF_LAYER
    assert best in found.reasons
    assert len(set(found.reasons)) == len(found.reasons)


def test_a_deep_network_keeps_its_report_small(tmp_path: Path):
    """A reason more for each layer, not for each layer and pass."""

    def chain(m: Model) -> tuple[str, ...]:
        x = "x0"
        for _ in range(30):
            x = m.op("Relu", conv(m, x, 1))
        return (x,)

    made = float_report(tmp_path, chain, MAP)
    of_layers = [reason for reason in made.reasons if reason.layer is not None]
    assert len(of_layers) == 2 * len(made.layers) == 60
    assert len(made.reasons) - len(of_layers) < 8
    assert made.reasons_left_out == 0
