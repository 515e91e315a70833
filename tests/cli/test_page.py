"""`mcucc report --html` and `bench --save` on the command line."""

import json
from pathlib import Path

from tests.cli.in_process import Caller
from tests.cli.process import DIGITS


def test_a_network_that_does_not_fit_has_a_page(call: Caller, tmp_path: Path) -> None:
    directory, page = tmp_path / "net", tmp_path / "new" / "page.html"
    options = ("--board", "nucleo-f446re", "--sram", "3600", "-o", str(directory))
    assert call("compile", str(DIGITS), *options).code == 4
    finished = call("report", str(directory), "--html", str(page), "--json")
    assert finished.code == 0, finished.err
    assert json.loads(finished.out)["fits"] is False
    text = page.read_text(encoding="utf-8")
    assert "DOES NOT FIT" in text
    assert "What would help" in text
    assert str(page) in call("report", str(directory), "--html", str(page)).out
    refusal = call.refusal(2, "report", str(directory), "--html", str(tmp_path))
    assert "is a directory, and --html wants a file" in refusal


def test_counts_are_kept_in_directories_alone(call: Caller) -> None:
    refusal = call.refusal(2, "bench", str(DIGITS), "--board", "nucleo-f446re", "--save")
    assert "--save: keeps counts in a DIR" in refusal
