"""`mcucc verify`: equal bits, and the first difference in what was tampered with."""

import re
from pathlib import Path

import numpy as np
import pytest

from mcucc.compiled.directory import CompiledNetwork
from tests.cli.float_models import save_model_with_unread_rows
from tests.cli.process import BOARD, IMAGES, mcucc
from tests.cli.two_ports import LEFT
from tests.judging import needs_tflm

pytestmark = pytest.mark.cc

KEYS = {"ok", "judges", "compared", "tensors_compared", "first_difference", "float"}


@needs_tflm
@pytest.mark.qemu
def test_all_judges_agree(digits: Path) -> None:
    arguments = ("--on", "qemu", "--require", "tflm", "--json")
    finished = mcucc("verify", digits, *arguments)
    assert finished.code == 0, finished.err
    document = finished.document
    assert set(document) >= KEYS
    assert document["ok"] is True
    assert document["judges"] == dict.fromkeys(("numpy", "host", "tflm", "qemu"), "equal")
    assert document["first_difference"] is None
    assert document["samples"] == 8
    assert document["float"] is None
    layers = mcucc("report", digits, "--json").document["layers"]
    assert set(document["compared"]) == {"host", "tflm", "qemu"}
    assert min(document["compared"].values()) >= len(layers)
    assert document["tensors_compared"] == sum(document["compared"].values())


@needs_tflm
def test_for_people_and_with_inputs_of_the_users_own(digits: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.load(IMAGES)["image"][:3])
    finished = mcucc("verify", digits, "--input", tmp_path / "x.npy")
    assert finished.code == 0
    assert "on 3 sample(s)" in finished.out
    assert finished.out.count("equal") == 4
    assert mcucc("verify", digits, "--input", tmp_path / "none.npy").code == 3


def test_two_inputs_and_outputs(two_ports: Path) -> None:
    document = mcucc("verify", two_ports, "--json").document
    assert document["judges"]["host"] == "equal"
    assert document["ok"] is True
    assert mcucc("run", two_ports).code == 0
    assert LEFT in mcucc("inspect", two_ports.parent / "two_ports.onnx").out


@pytest.mark.parametrize("streamed", [(), ("--stream-input",)])
def test_rows_that_nobody_reads_are_not_missed(tmp_path: Path, streamed: tuple[str, ...]) -> None:
    """They are made all the same, at the end: verify sees whole tensors."""
    model = save_model_with_unread_rows(tmp_path / "odd.onnx")
    options = ("--board", BOARD, "-o", tmp_path / "odd", "--schedule", "stream", *streamed)
    report = mcucc("compile", model, *options, "--check", "--json").document
    assert [t["rows"] < t["h"] for t in report["tensors"] if t["h"] == 7] == [True]
    document = mcucc("verify", tmp_path / "odd", "--json").document
    assert document["judges"]["host"] == "equal"
    assert document["compared"]["host"] == len(report["layers"])
    assert document["ok"] is True


@pytest.mark.parametrize("layer", [4, 11])
def test_a_changed_weight_is_found(own_digits: Path, layer: int) -> None:
    """One weight in the C file: host differs, and first in the tensor of that very layer."""
    network = CompiledNetwork.open(own_digits)
    weights = own_digits / "digits_weights.c"
    made = [node for node in network.graph.nodes if _has_weights(network, node.inputs)]
    node = network.graph.nodes[layer]
    array = re.findall(r"^const uint32_t digits_\w+_weights\[.*$", weights.read_text(), re.M)
    assert len(array) == len(made)
    _change_first_weight(weights, array[made.index(node)])
    finished = mcucc("verify", own_digits, "--json")
    document = finished.document
    assert finished.code == 1
    assert document["ok"] is False
    assert document["judges"]["numpy"] == "equal"
    assert document["judges"]["host"] == "differs"
    first = document["first_difference"]
    assert first["judge"] == "host"
    assert first["tensor"] == node.output
    assert first["expected"] != first["actual"]


def _has_weights(network: CompiledNetwork, inputs: tuple[str, ...]) -> bool:
    return any(name in network.graph.consts for name in inputs)


def _change_first_weight(path: Path, declaration: str) -> None:
    head, found, tail = path.read_text().partition(declaration)
    assert found
    word = re.search(r"0x[0-9A-F]{8}", tail)
    assert word is not None
    other = f"0x{int(word[0], 16) ^ 0x40:08X}"
    path.write_text(head + found + tail[: word.start()] + other + tail[word.end() :])


@needs_tflm
def test_a_changed_twin_is_found(own_digits: Path) -> None:
    network = CompiledNetwork.open(own_digits)
    node = network.graph.nodes[-1]
    twin = bytearray(network.twin)
    weights = network.graph.consts[node.inputs[1]].data.tobytes()
    at = twin.index(weights)
    twin[at] ^= 0x40
    (own_digits / "digits.tflite").write_bytes(twin)
    finished = mcucc("verify", own_digits, "--json")
    assert finished.code == 1
    assert finished.document["judges"] == {"numpy": "equal", "host": "equal", "tflm": "differs"}
    first = finished.document["first_difference"]
    assert (first["judge"], first["tensor"]) == ("tflm", node.output)
    for_people = mcucc("verify", own_digits)
    assert for_people.code == 1
    assert "NOT equal" in for_people.out
    assert f"'{node.output}'" in for_people.out.replace("\n", " ")


@needs_tflm
def test_a_twin_of_another_network_is_no_twin(own_digits: Path, two_ports: Path) -> None:
    twin = (two_ports / "two_ports.tflite").read_bytes()
    (own_digits / "digits.tflite").write_bytes(twin)
    finished = mcucc("verify", own_digits, "--json")
    assert finished.code == 1
    assert finished.document["judges"]["tflm"] == "crashed"
    assert finished.document["messages"] != []


@pytest.mark.parametrize("file", ["digits.tflite", "digits.ir", "report.json"])
@pytest.mark.parametrize("damage", ["missing", "garbage", "cut"])
def test_damaged_directories(own_digits: Path, file: str, damage: str) -> None:
    """The file is named, and it is never called a bug of mcucc."""
    path = own_digits / file
    data = path.read_bytes()
    path.unlink()
    if damage != "missing":
        path.write_bytes(b"\xff\xfegarbage" if damage == "garbage" else data[: len(data) // 2])
    finished = mcucc("verify", own_digits, "--json")
    assert finished.code == 3, finished.err
    assert str(path) in finished.error


def test_a_missing_source_is_named(own_digits: Path) -> None:
    for name in ("digits.c", "mcucc_base.h", "digits.tflite", "digits.ir"):
        data = (own_digits / name).read_bytes()
        (own_digits / name).unlink()
        finished = mcucc("verify", own_digits, "--json")
        assert finished.code == 3
        assert f"{own_digits / name}: is missing: compile again" in finished.error
        (own_digits / name).write_bytes(data)


def test_what_is_only_an_example_may_go(own_digits: Path) -> None:
    for name in ("example/main.c", "CMakeLists.txt", "digits_selftest.c"):
        (own_digits / name).unlink()
    assert mcucc("verify", own_digits).code == 0
