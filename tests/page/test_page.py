"""`mcucc report --html`: what the page says, that it stands by itself, and how it looks."""

import re
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest

from docs import page_picture
from mcucc.api.compile import CompileOptions, compile_model
from mcucc.api.page import page_of
from mcucc.compiled.counts import CountedLayer, Counts, load_counts, save_counts
from mcucc.errors import InputFileError
from mcucc.report.html import Beside, Counted, PlanPoint, render_page
from mcucc.report.html.treemap import Place, squarified
from mcucc.report.model import Report
from mcucc.targets.board import load_board
from tests.cli.process import DIGITS
from tests.judging import needs_tflm
from tests.page.browser import WIDTHS, looked_at
from tests.report.reports import conv_net, long_net, ring_net, unmeasured

F446 = load_board("nucleo-f446re")


class _Parser(HTMLParser):
    """Elements that load something, and the balance of tags."""

    _VOID = frozenset({"meta", "wbr", "br", "option", "rect", "path", "circle"})

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.loads += [f"{tag} {name}" for name, _ in attrs if name in ("src", "href", "srcset")]
        self.loads += [tag] if tag in ("link", "img", "iframe") else []
        if tag not in self._VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self._VOID:
            assert self.open.pop() == tag


def check_alone(page: str) -> None:
    """It loads nothing, and what is opened is closed."""
    parser = _Parser()
    parser.feed(page)
    assert (parser.loads, parser.open) == ([], [])
    assert not re.search(r"https?:|url\(|@import", page)


@pytest.fixture(scope="module")
def host_digits(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Report]:
    """The example for the computer: nothing is built."""
    directory = tmp_path_factory.mktemp("page") / "digits"
    options = CompileOptions("host", name="digits", objective="memory")
    compilation = compile_model(DIGITS, options)
    compilation.write(directory)
    return directory, compilation.report


def plans_said(page: str) -> dict[str, int]:
    """The commands of a page that make other plans, each with the bytes of its arena."""
    return {
        command: int(size.replace(",", ""))
        for size, command in re.findall(
            r"<b>([\d,]+) B</b>.*?\n.*?\n<div class=\"how\"><span class=\"code\">(.*?)</span>",
            re.sub(r'<span class="nb">(.*?)</span>', r"\1", page),
        )
    }


def test_other_plans_are_those_that_their_commands_make(host_digits: tuple[Path, Report]) -> None:
    page = page_of(host_digits[0])
    check_alone(page)
    said = plans_said(page)
    assert len(said) == 4
    for command, size in said.items():
        assert command.startswith("mcucc compile digits_int8.onnx --board host --objective ")
        options = CompileOptions(
            "host",
            objective="memory" if "--objective memory" in command else "auto",
            stream_input="--stream-input" in command,
            input_elsewhere="--input-elsewhere" in command,
        )
        assert compile_model(DIGITS, options).report.arena_bytes == size


@needs_tflm
def test_what_tensorflow_lite_micro_takes_is_among_the_plans(
    host_digits: tuple[Path, Report],
) -> None:
    """Where it cannot run a network its bar is left out: here it can."""
    page = page_of(host_digits[0])
    assert "its activations alone" in page


def test_commands_of_other_plans_say_once_where_the_input_is(tmp_path: Path) -> None:
    options = CompileOptions("host", "digits", input_elsewhere=True, max_recompute=50)
    compile_model(DIGITS, options).write(tmp_path / "net")
    found = [
        re.findall(r"--(?:stream|input|max)-\w+", each)
        for each in plans_said(page_of(tmp_path / "net"))
    ]
    assert sorted(found) == [[], [], ["--input-elsewhere"], ["--stream-input"]]


def test_a_tensor_names_its_maker_and_its_readers(host_digits: tuple[Path, Report]) -> None:
    """The ids of the report are those of the graph."""
    _, report = host_digits
    tensors = {tensor.id: tensor for tensor in report.tensors}
    for layer in report.layers:
        assert layer.tensor is not None
        made = tensors[layer.tensor]
        assert made.h * made.w * made.c == _product(layer.output_shape)
        assert {report.layers[i].tensor for i in layer.reads} <= set(layer.operands)
        inputs = {port.tensor for port in report.inputs}
        assert set(layer.operands) <= {report.layers[i].tensor for i in layer.reads} | inputs


def _product(shape: tuple[int, ...]) -> int:
    size = 1
    for extent in shape:
        size *= extent
    return size


def test_instructions_are_marked_as_counted_or_predicted() -> None:
    """What no rate is known of is left empty."""
    report = conv_net()
    kernels = ("conv_s8_k3x3s2_fast_dsp", "dw_s8_k3x3s1_fast_dsp", "add_s8_dsp", "mean_s8")
    layers = tuple(
        msgspec.structs.replace(x, kernel=k) for x, k in zip(report.layers, kernels, strict=True)
    )
    report = msgspec.structs.replace(report, layers=layers)
    page = render_page(report, Beside(F446))
    assert f"~{round(1.09 * 345600):,}" in page
    assert "Instructions, predicted" in page
    assert "without 2 layers" in page
    counted = Counted(1000, 1500, {0: 700, 1: 200, 2: 90}, frozenset({3}))
    page = render_page(report, Beside(F446, counted=counted))
    assert "~" not in re.sub(r"<(style|script)>.*?</\1>", "", page, flags=re.S)
    assert "counted on the simulated core" in page
    assert "with the layer before" in page
    m0 = render_page(report, Beside(load_board("rpi-pico")))
    assert ">~" in m0  # kernels with the DSP extension are known wherever they run
    plain = tuple(msgspec.structs.replace(x, kernel="conv_s8_k3x3s1_fast") for x in layers)
    plain_report = msgspec.structs.replace(report, layers=plain)
    assert ">~" in render_page(plain_report, Beside(F446))
    assert ">~" not in render_page(plain_report, Beside(load_board("rpi-pico")))


def test_names_of_models_are_text() -> None:
    report = conv_net()
    evil = '<script>alert("&")</script>\x1b[0m'
    layers = (msgspec.structs.replace(report.layers[0], name=evil), *report.layers[1:])
    tensors = tuple(msgspec.structs.replace(t, name=evil + t.name) for t in report.tensors)
    report = msgspec.structs.replace(report, layers=layers, tensors=tensors, notes=(evil,))
    page = render_page(report, Beside(F446, points=(PlanPoint(evil, 5, evil, evil),)))
    check_alone(page)
    assert page.count("<script>") == 1
    assert "\x1b" not in page


@pytest.mark.parametrize(
    "report", [ring_net(), unmeasured(conv_net()), long_net(400)], ids=["ring", "unbuilt", "long"]
)
def test_any_report_has_a_page(report: Report) -> None:
    check_alone(render_page(report, Beside(F446)))


def test_tiles_fill_the_whole_in_proportion() -> None:
    sizes = [60, 30, 20, 7, 5, 5, 2, 1]
    places = squarified(sizes, Place(0, 0, 300, 100))
    for size, place in zip(sizes, places, strict=True):
        assert place.width * place.height == pytest.approx(30000 * size / sum(sizes))
        assert 0 <= place.left <= place.left + place.width <= 300 + 1e-6
        assert 0 <= place.top <= place.top + place.height <= 100 + 1e-6
    for i, a in enumerate(places):
        for b in places[:i]:
            across = min(a.left + a.width, b.left + b.width) - max(a.left, b.left)
            down = min(a.top + a.height, b.top + b.height) - max(a.top, b.top)
            assert min(across, down) < 1e-6


def test_the_picture_of_the_readme_is_up_to_date() -> None:
    """`python docs/page_picture.py` draws it anew."""
    drawn = page_picture.draw(page_picture.example())
    assert page_picture.PICTURE.read_text(encoding="utf-8") == drawn


def test_saved_counts_are_those_of_their_report_alone(host_digits: tuple[Path, Report]) -> None:
    directory, report = host_digits
    layers = tuple(CountedLayer(x.index, x.name, 1000 + x.index) for x in report.layers)
    counts = Counts(
        report_sha256=report.report_sha256,
        board=report.board,
        instructions=1_234_567,
        modelled_cycles=None,
        layers=layers,
    )
    path = save_counts(directory, counts)
    try:
        assert load_counts(directory, report) == counts
        assert ">1,234,567<" in page_of(directory)
        save_counts(directory, msgspec.structs.replace(counts, report_sha256="0"))
        assert load_counts(directory, report) is None
        path.write_text("{")
        with pytest.raises(InputFileError, match="is damaged"):
            load_counts(directory, report)
    finally:
        path.unlink()


@pytest.mark.browser
def test_nothing_overlaps_or_is_cut_at_any_width(
    host_digits: tuple[Path, Report], models_dir: Path, tmp_path: Path
) -> None:
    options = CompileOptions("host", name="te_vww")
    report = compile_model(models_dir / "te_vww_qdq.onnx", options).report
    report = msgspec.structs.replace(report, board=F446.id)
    command = f"mcucc compile te_vww_qdq.onnx --board {F446.id} --objective memory"
    points = (PlanPoint("smallest", 20000, command, "note"), PlanPoint("TFLM", 158112))
    large = render_page(report, Beside(F446, points=points))
    assert len(large.encode()) < 600_000
    deep = render_page(long_net(150), Beside(F446))
    pages = {"digits": page_of(host_digits[0]), "te_vww": large, "deep": deep}
    wanted: dict[str, list[str]] = {f"{n} {width}": [] for n in pages for width in WIDTHS}
    assert looked_at(pages, tmp_path) == wanted
