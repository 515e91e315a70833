"""What changed between two compilations, and limits of growth."""

import json
from pathlib import Path

import msgspec
import pytest

from mcucc.api.difference import Growth, Limits, compare_directories
from mcucc.compiled.counts import Counts, save_counts
from mcucc.errors import UsageError
from mcucc.report import Report, to_json
from mcucc.report.difference import difference
from mcucc.report.model import SCHEMA, Reason, sealed
from mcucc.report.text.difference import markdown_difference
from tests.report.reports import conv_net, layer, unmeasured


def with_arena(report: Report, size: int) -> Report:
    """The report with another arena, whose last bytes nothing uses."""
    end = report.arena_bytes
    dead = tuple((*ranges, (end, size)) for ranges in report.dead_ranges) if size > end else ()
    return msgspec.structs.replace(report, arena_bytes=size, dead_ranges=dead or report.dead_ranges)


def save(report: Report, directory: Path) -> Path:
    directory.mkdir()
    written = sealed(msgspec.structs.replace(report, schema=SCHEMA))
    (directory / "report.json").write_text(to_json(written))
    return directory


def test_layers_are_told_by_their_names() -> None:
    old = conv_net()
    first, second, third, last = old.layers
    second = msgspec.structs.replace(second, kernel="fast_s8", macs=30000, sqnr_db=20.0)
    third = layer(2, "new_1", "Mul", 0, (1, 20, 20, 8), 0)
    declined = Reason("kernel", 1, second.name, "dsp", declined="a rule")
    new = msgspec.structs.replace(
        old, layers=(first, second, third, last), reasons=(declined,), board="rpi-pico"
    )
    found = difference(old, new)
    kinds = [(change.name, change.kind, change.old, change.new) for change in found.layers]
    assert kinds == [
        ("conv_2", "changed", 1, 1),
        ("new_1", "added", None, 2),
        ("add_1", "removed", 2, None),
    ]
    changed = found.layers[0]
    assert changed.changes == ("kernel k1_s8 -> fast_s8", "MACs 28,800 -> 30,000 (+1,200)")
    assert "a rule" in changed.why[0]
    assert [fact.name for fact in found.facts] == ["board"]
    assert found.moved == 0
    assert difference(old, old).layers == ()


@pytest.mark.parametrize(
    ("text", "old", "most"), [("2%", 1000, 1020), ("0.5 %", 1000, 1005), ("1,024", 0, 1024)]
)
def test_growth_is_a_share_or_a_number(text: str, old: int, most: int) -> None:
    assert Growth.parse(text).most(old) == most
    for wrong in ("", "-1", "2%%", "two", "1K"):
        with pytest.raises(UsageError, match="is no growth"):
            Growth.parse(wrong)


def test_two_percent_of_arena_are_noticed(tmp_path: Path) -> None:
    """One byte more than the limit is beyond it, and the limit itself is not."""
    size = 20000
    old = save(with_arena(conv_net(), size), tmp_path / "old")
    limit = Limits(arena=Growth.parse("2%"))
    within = save(with_arena(conv_net(), size * 102 // 100), tmp_path / "within")
    assert compare_directories(old, within, limit).beyond == ()
    more = save(with_arena(conv_net(), size * 102 // 100 + 1), tmp_path / "more")
    (sentence,) = compare_directories(old, more, limit).beyond
    assert sentence == "arena: 20,000 -> 20,401, +401 (+2.00%); 2% is allowed"
    assert compare_directories(old, more, Limits()).beyond == ()
    assert compare_directories(more, old, limit).beyond == ()


def test_a_limit_of_what_nobody_measured_is_refused(tmp_path: Path) -> None:
    old = save(conv_net(), tmp_path / "old")
    new = save(unmeasured(conv_net()), tmp_path / "new")
    for limits in (
        Limits(flash=Growth(count=0)),
        Limits(stack=Growth(count=0)),
        Limits(instructions=Growth(count=0)),
        Limits(min_sqnr_db=20.0),
    ):
        with pytest.raises(UsageError, match=r"not known of both|no ratio was measured"):
            compare_directories(old, new, limits)


def test_counted_instructions_noise_and_a_misfit(tmp_path: Path) -> None:
    report = conv_net()
    outputs = (msgspec.structs.replace(report.outputs[0], sqnr_db=19.0),)
    misfit = msgspec.structs.replace(report, outputs=outputs, fits=False)
    old, new = save(report, tmp_path / "old"), save(misfit, tmp_path / "new")
    for directory, count in ((old, 100), (new, 111)):
        seal = json.loads((directory / "report.json").read_text())["report_sha256"]
        save_counts(
            directory,
            Counts(
                report_sha256=seal, board="b", instructions=count, modelled_cycles=None, layers=()
            ),
        )
    limits = Limits(instructions=Growth.parse("10%"), min_sqnr_db=20.0)
    found = compare_directories(old, new, limits)
    assert [text.partition(":")[0] for text in found.beyond] == [
        "net no longer fits nucleo-f446re",
        "instructions",
        "output SQNR",
    ]
    text = markdown_difference(found)
    assert "| instructions | 100 | 111 | +11 (+11.00%) |" in text
    assert text.count("**Beyond a limit:**") == 3
