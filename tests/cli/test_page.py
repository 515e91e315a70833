"""`mcucc report --html`, `bench --save` and `diff` on the command line."""

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


def test_diff_tells_two_plans_apart(call: Caller, tmp_path: Path) -> None:
    directories: list[str] = []
    for objective in ("memory", "speed"):
        directories.append(str(tmp_path / objective))
        options = ("--board", "host", "--objective", objective, "-o", directories[-1])
        assert call("compile", str(DIGITS), *options).code == 0
    found = call("diff", *directories, "--max-arena", "2%")
    assert found.code == 1
    assert "Beyond a limit: arena" in " ".join(found.out.split())
    assert max(map(len, found.out.splitlines())) <= 80
    document = json.loads(call("diff", *directories, "--json").out)
    assert document["beyond"] == []
    assert document["figures"][0]["name"] == "arena"
    assert any("kernel" in text for layer in document["layers"] for text in layer["changes"])
    marked = call("diff", *directories, "--max-arena", "2%", "--markdown")
    assert marked.code == 1
    assert "| arena |" in marked.out
    assert call("diff", directories[0], directories[0], "--max-arena", "0").code == 0
    assert "is no growth" in call.refusal(2, "diff", *directories, "--max-arena", "much")
    call.refusal(3, "diff", directories[0], str(tmp_path / "nothing"))
