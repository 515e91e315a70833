"""`mcucc explain`: pages for people, one document for programs, and what is no layer."""

import json
import shutil
from pathlib import Path

import msgspec
import pytest

from mcucc.api.explain import explain_directory
from mcucc.errors import UsageError
from mcucc.report import to_json
from mcucc.report.model import SCHEMA, Report, sealed
from tests.cli.in_process import Caller
from tests.cli.process import DIGITS, compile_digits

KEYS = {"schema", "name", "board", "layer", "reasons", "reasons_left_out"}


def test_the_page_of_a_network_speaks_of_what_it_lacks(call: Caller, digits: Path):
    finished = call("explain", str(digits))
    assert (finished.code, finished.err) == (0, "")
    assert finished.out.startswith("digits on nucleo-f446re: ")
    for title in ("What sets the peak:", "Why this plan:", "Layers without a faster kernel"):
        assert title in finished.out
    assert "DSP kernel: Mean has no kernel for it" in finished.out
    assert max(map(len, finished.out.splitlines())) <= 80


def test_all_reasons_for_programs_are_those_of_the_report(call: Caller, digits: Path):
    document = call("explain", str(digits), "--json").document
    report = json.loads((digits / "report.json").read_bytes())
    assert set(document) == KEYS
    assert (document["schema"], document["layer"]) == (SCHEMA, None)
    assert document["reasons"] == report["reasons"] != []
    assert document["reasons_left_out"] == report["reasons_left_out"]


def test_a_layer_has_three_names(call: Caller, float_digits: Path):
    """Its own, that of an ONNX node that it took up, and its number."""
    report = json.loads((float_digits / "report.json").read_bytes())
    layer = next(layer for layer in report["layers"] if len(layer["origin"]) > 1)
    names = (layer["name"], layer["origin"][-1], str(layer["index"]))
    pages = [call("explain", str(float_digits), name).out for name in names]
    assert pages == [pages[0]] * 3
    assert f"{layer['index']} {layer['name']}: " in pages[0]
    assert f"{layer['origin'][-1]} becomes the activation" in " ".join(pages[0].split())
    documents = [call("explain", str(float_digits), name, "--json").document for name in names]
    assert documents == [documents[0]] * 3
    assert documents[0]["layer"] == layer
    assert documents[0]["reasons"] == [r for r in report["reasons"] if r["layer"] == layer["index"]]


def test_the_same_in_python(call: Caller, float_digits: Path):
    for name in (None, "0"):
        arguments = ("explain", str(float_digits), *([name] if name else []), "--json")
        found = msgspec.to_builtins(explain_directory(float_digits, name))
        assert msgspec.json.decode(msgspec.json.encode(found)) == call(*arguments).document
    with pytest.raises(UsageError, match="is no layer"):
        explain_directory(float_digits, "nothing")


@pytest.mark.parametrize("name", ["/stem/conv/Konv", "", "99", "x" * 300])
def test_what_is_no_layer_is_told_the_nearest_three(call: Caller, float_digits: Path, name: str):
    message = call.refusal(2, "explain", str(float_digits), name)
    report = json.loads((float_digits / "report.json").read_bytes())
    known = {name for layer in report["layers"] for name in (layer["name"], *layer["origin"])}
    near = message.partition("The nearest are ")[2].split(", ")
    assert len(set(near)) == 3
    assert set(near) <= known
    if "Konv" in name:
        assert near[0] == "/stem/conv/Conv"


def test_the_same_file_gives_the_same_reasons(tmp_path: Path):
    reports: list[bytes] = []
    for folder in ("one", "two"):
        nowhere = {"PATH": str(tmp_path / "no-tools")}
        finished = compile_digits(tmp_path / folder, environment=nowhere)
        assert finished.code == 0, finished.err
        reports.append((tmp_path / folder / "report.json").read_bytes())
    assert reports[0] == reports[1]


def test_a_directory_of_an_older_version_must_be_compiled_again(
    call: Caller, digits: Path, tmp_path: Path
):
    own = Path(shutil.copytree(digits, tmp_path / "old"))
    document = json.loads((own / "report.json").read_bytes())
    for key in ("reasons", "reasons_left_out"):
        del document[key]
    document["schema"] = SCHEMA - 1
    (own / "report.json").write_text(json.dumps(document), encoding="utf-8")
    assert "compile again" in call.refusal(3, "explain", str(own))


def test_a_reason_about_a_layer_that_is_not_there_is_refused(
    call: Caller, digits: Path, tmp_path: Path
):
    own = Path(shutil.copytree(digits, tmp_path / "odd"))
    report = msgspec.json.decode((own / "report.json").read_bytes(), type=Report)
    wrong = msgspec.structs.replace(report.reasons[0], layer=len(report.layers))
    odd = sealed(msgspec.structs.replace(report, reasons=(wrong,)))
    (own / "report.json").write_text(to_json(odd), encoding="utf-8")
    assert "contradicts itself" in call.refusal(3, "explain", str(own))


def test_a_network_that_does_not_fit_is_explained_too(call: Caller, tmp_path: Path):
    small = str(tmp_path / "small")
    made = call("compile", str(DIGITS), "--board", "rpi-pico", "--sram", "2500", "-o", small)
    assert made.code == 4
    assert call("explain", small).code == 0
