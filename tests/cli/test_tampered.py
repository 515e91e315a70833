"""Directories that somebody has changed: one clear error, and nothing waits for ever."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

import mcucc as mcucc_package
from mcucc.compiled.directory import CompiledNetwork
from mcucc.compiled.report_file import load_report
from mcucc.errors import InputFileError
from mcucc.ir import seal
from mcucc.report import to_json
from mcucc.report.model import SCHEMA, report_digest, sealed
from tests.cli.process import compile_digits, contents, mcucc

Report = dict[str, Any]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of the example, compiled without tools."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "none").mkdir()
    finished = compile_digits(
        folder / "d", "--name", "digits", environment={"PATH": str(folder / "none")}
    )
    assert finished.code == 0, finished.err
    return contents(folder / "d")


@pytest.fixture
def directory(whole: dict[str, bytes], tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    for name, data in whole.items():
        (tmp_path / "d" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "d" / name).write_bytes(data)
    return tmp_path / "d"


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(InputFileError) as caught:
        act()
    assert "\n" not in caught.value.problem
    return caught.value.problem


WRONG: list[tuple[str, object]] = [
    ("arena_bytes", -1), ("arena_bytes", 1e300), ("arena_bytes", "1"), ("arena_bytes", None),
    ("arena_bytes", 10**40), ("arena_align", 3), ("name", "../../x"), ("name", ""), ("name", []),
    ("files", [""]), ("files", ["."]), ("files", [".."]), ("files", ["/etc/passwd"]),
    ("files", ["a/../../b"]), ("files", []), ("files", [1]), ("inputs", []), ("outputs", [{}]),
    ("tensors", []), ("layers", [None]), ("steps", {}), ("dead_ranges", [[[5, 1]]]),
    ("fits", "yes"), ("fits", False), ("board", "/"), ("io", "int16"), ("peak", None),
    ("stream_input", True), ("report_sha256", ""), ("report_sha256", "0" * 64),
]  # fmt: skip


@pytest.mark.parametrize(("key", "value"), WRONG)
def test_a_value_that_was_changed(directory: Path, key: str, value: object) -> None:
    path = directory / "report.json"
    path.write_text(json.dumps(json.loads(path.read_bytes()) | {key: value}))
    message = refusal(lambda: load_report(directory))
    assert message.endswith("compile again")


def test_every_key_that_is_missing(directory: Path) -> None:
    path = directory / "report.json"
    whole: Report = json.loads(path.read_bytes())
    for key in whole:
        path.write_text(json.dumps({k: v for k, v in whole.items() if k != key}))
        refusal(lambda: load_report(directory))


def resealed(document: Report) -> str:
    return json.dumps(document | {"report_sha256": report_digest(document)})


@pytest.mark.parametrize("schema", [SCHEMA - 1, SCHEMA + 1, 0, -1])
def test_another_schema(directory: Path, schema: int) -> None:
    path = directory / "report.json"
    other = json.loads(path.read_bytes()) | {"schema": schema, "mcucc_version": "7.8.9\u202e"}
    path.write_text(resealed(other))
    assert refusal(lambda: load_report(directory)) == (
        f"has schema {schema}, and mcucc {mcucc_package.__version__} reads schema {SCHEMA}: mcucc "
        "'7.8.9\\\\u202e' wrote it, compile again"
    )
    assert mcucc("report", directory).code == 3


def test_another_schema_is_told_before_anything_that_it_changed(directory: Path) -> None:
    text = json.dumps({"schema": SCHEMA + 1, "mcucc_version": "9.0", "arena": {"bytes": 12}})
    (directory / "report.json").write_text(text)
    assert refusal(lambda: load_report(directory)).startswith(f"has schema {SCHEMA + 1}, and")


def test_keys_of_a_later_version_are_ignored(directory: Path) -> None:
    path = directory / "report.json"
    expected = load_report(directory)
    document: Report = json.loads(path.read_bytes())
    for each in (document, document["model"], document["layers"][0], document["peak"]):
        each["of_tomorrow"] = [1, {"x": 0.25}]
    path.write_text(resealed(document))
    found = load_report(directory)
    assert msgspec.structs.replace(found, report_sha256=expected.report_sha256) == expected
    document["of_tomorrow"] = 2
    path.write_text(json.dumps(document | {"report_sha256": report_digest(document)[:-1] + "x"}))
    assert "was changed" in refusal(lambda: load_report(directory))


def test_numbers_drawn_anew(directory: Path) -> None:
    """No digit can be changed, wherever it is."""
    path = directory / "report.json"
    text, rng = path.read_text(), np.random.default_rng(11)
    digits = [at for at, character in enumerate(text) if character.isdecimal()]
    for at in rng.choice(digits, 100, replace=False):
        path.write_text(text[:at] + str((int(text[at]) + 1) % 10) + text[at + 1 :])
        refusal(lambda: load_report(directory))
    path.write_text(json.dumps(json.loads(text)))  # another layout of the same is no change
    assert load_report(directory).name == "digits"


NO_JSON = (
    b"", b"[", b"[" * 200_000, b'{"a":' * 100_000, b"NaN", b'{"arena_bytes": NaN}', b"\xff\xfe",
    b"null", b"[]",
)  # fmt: skip


@pytest.mark.parametrize("text", NO_JSON, ids=range(len(NO_JSON)))
def test_a_report_that_is_no_report(directory: Path, text: bytes) -> None:
    (directory / "report.json").write_bytes(text)
    assert refusal(lambda: load_report(directory)).startswith("is not a report of this version")


def _folder(path: Path) -> None:
    path.mkdir()


def _loop(path: Path) -> None:
    path.symlink_to(path.name)


def _device(path: Path) -> None:
    path.symlink_to("/dev/zero")


OTHERS = [_folder, _loop, os.mkfifo, _device]


@pytest.mark.parametrize("becomes", OTHERS)
@pytest.mark.parametrize("name", ["report.json", "digits.ir", "digits.tflite", "digits.c"])
def test_what_is_no_file(directory: Path, name: str, becomes: Callable[[Path], None]) -> None:
    """A pipe is not waited for, a device is not read to its end."""
    (directory / name).unlink()
    becomes(directory / name)

    def read() -> object:
        compiled = CompiledNetwork.open(directory)
        return compiled.graph, compiled.twin

    refusal(read)


def test_a_graph_that_was_cut_or_changed(directory: Path) -> None:
    path = directory / "digits.ir"
    data, rng = path.read_bytes(), np.random.default_rng(12)
    places = [int(at) for at in rng.integers(0, len(data), 70)]
    cuts = [data[:at] for at in places[:20]]
    flips = [
        data[:at] + bytes([data[at] ^ 1 << int(rng.integers(8))]) + data[at + 1 :]
        for at in places[20:]
    ]
    for damaged in (*cuts, *flips, b"", b"graph(" * 10_000, b"\xff\xfe"):
        path.write_bytes(damaged)
        message = refusal(lambda: CompiledNetwork.open(directory).graph)
        assert message.startswith("is damaged")


@pytest.mark.parametrize(
    "line",
    [
        "graph(" + "(" * 100_000,
        "graph(" + "-" * 5_000 + "1)",
        'const("x", int8[9999999999999], "abc")',
        'const("x", int8[-1], [1])',
        'const("x", int8[1e999], [1])',
        'const("x", int8[1], "c$}A")',
        'const("x", float32[1], [1' + "0" * 5000 + "])",
        'node("n", Conv2D(stride=(0, 0)), ("x",), "y", int8[1], q(0.1, 3))',
        'graph("other")',
    ],
)
def test_a_graph_with_a_right_sha256_and_a_wrong_line(directory: Path, line: str) -> None:
    path = directory / "digits.ir"
    lines = path.read_text().splitlines()[:-1]
    path.write_text(seal("\n".join([*lines, line]) + "\n"))
    message = refusal(lambda: CompiledNetwork.open(directory).graph)
    assert message.startswith(("is damaged", "is that of another compilation"))


def test_a_twin_whose_lengths_are_garbage(directory: Path) -> None:
    """Damaged offsets lead to vectors of billions of elements."""
    path = directory / "digits.tflite"
    data, rng = path.read_bytes(), np.random.default_rng(13)
    refused = 0
    for _ in range(200):
        damaged = bytearray(data)
        for at in rng.integers(0, len(data), 20):
            damaged[at] = int(rng.choice([0, 0x7F, 0xFF]))
        path.write_bytes(damaged)
        try:
            assert CompiledNetwork.open(directory).twin == bytes(damaged)
        except InputFileError:
            refused += 1
    assert refused > 20


def test_the_command_line_says_it(directory: Path) -> None:
    path = directory / "report.json"
    path.write_text(json.dumps(json.loads(path.read_bytes()) | {"files": [".."]}))
    for command, code in ((("report",), 3), (("verify",), 3), (("run",), 3)):
        finished = mcucc(*command, directory, "--json")
        assert finished.code == code
        assert finished.error.startswith(f"{path}: ")
    before = contents(directory)
    finished = compile_digits(directory, "--name", "digits", environment={"PATH": ""})
    assert finished.code == 2
    assert "lists '..', which is no name of a file below its directory" in finished.error
    assert contents(directory) == before


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name", "../../x"), ("arena_align", 3), ("arena_bytes", 1 << 40), ("arena_bytes", -1),
        ("arena_bytes", 0), ("inputs", ()), ("outputs", ()), ("tensors", ()), ("layers", ()),
        ("steps", ()), ("dead_ranges", ()), ("dead_ranges", (((5, 1),),)),
    ],
)  # fmt: skip
def test_a_report_with_a_right_sha256_that_contradicts_itself(
    directory: Path, key: str, value: object
) -> None:
    report = msgspec.structs.replace(load_report(directory), **{key: value})
    (directory / "report.json").write_text(to_json(sealed(report)))
    assert refusal(lambda: load_report(directory)).startswith("contradicts itself (")
