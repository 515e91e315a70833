"""`mcucc compare`: a network in TensorFlow Lite Micro and in mcucc."""

from pathlib import Path

import pytest

from mcucc.api.compare import ComparedPlan, Comparison, paragraph, verdict
from mcucc.api.compile import CompileOptions, compile_model
from mcucc.errors import SimulationError
from mcucc.sim.tflm_memory import tflm_memory
from tests.cli.process import BOARD, DIGITS, mcucc
from tests.importer.tflite.state_files import Op, Part, write
from tests.judging import needs_tflm


@needs_tflm
@pytest.mark.cc
def test_a_file_of_its_own(tmp_path: Path) -> None:
    """The digits as a C array that holds a `.tflite`: every figure from where it comes."""
    source = tmp_path / "model_data.cc"
    compilation = compile_model(DIGITS, CompileOptions(BOARD))
    content = ", ".join(f"0x{byte:02x}" for byte in compilation.twin)
    source.write_text(f"const unsigned char g_digits[] = {{ {content} }};\n")
    arguments = ("compare", source.name, "--array", "g_digits", "--board", "host", "--json")
    said = mcucc(*arguments, cwd=tmp_path).document
    memory = tflm_memory(compilation.twin)
    assert said["original"] is True
    assert said["tflm_activation_bytes"] == memory.activation_bytes
    assert said["tflm_total_bytes_x86"] == memory.total_bytes > memory.activation_bytes
    assert (said["bits_equal"], said["samples"]) == (True, 8)
    plans = {plan["name"]: plan for plan in said["plans"]}
    assert list(plans) == ["fastest", "auto", "smallest", "streamed"]
    assert plans["smallest"]["arena_bytes"] <= plans["fastest"]["arena_bytes"]
    assert plans["smallest"]["arena_bytes"] < memory.activation_bytes
    assert plans["auto"]["instructions"] is None
    assert any("no machine of QEMU stands for host" in message for message in said["messages"])
    assert f"{memory.activation_bytes:,} B of activations" in said["markdown"]


@needs_tflm
@pytest.mark.qemu
def test_instructions_are_counted(tmp_path: Path) -> None:
    shown = mcucc("compare", str(DIGITS), "--board", BOARD, cwd=tmp_path)
    assert shown.code == 0, shown.err
    assert "TFLM was given the .tflite that mcucc made of the file." in shown.out
    fastest = next(line for line in shown.out.splitlines() if line.startswith("fastest"))
    assert fastest.split()[-1] == "yes"
    assert int(fastest.split()[-2].replace(",", "")) > 10_000
    assert "bits on 8 random inputs: equal" in shown.out


@needs_tflm
def test_what_tflm_does_not_run_is_said() -> None:
    unknown = write(Part((Op("ATAN2", ("x", "x"), ("y",)),), ("x",), ("y",)))
    with pytest.raises(SimulationError, match=r"TFLM does not run the file: .*ATAN2"):
        tflm_memory(unknown)


def test_the_paragraph_names_what_is_known() -> None:
    plans = tuple(
        ComparedPlan(name, "", arena, 0, None, fits=True, instructions=None)
        for name, arena in (("fastest", 900), ("auto", 900), ("smallest", 400))
    )
    none = Comparison(
        "a.tflite", BOARD, "cortex-m4", True, None, 0, None, plans, None, 8, ("absent",)
    )
    said = paragraph(none)
    assert "does not run it here" in said
    assert "(400 B at smallest)" in said
    assert "could not be told" in said
    assert "instructions" not in said
    assert "flash" not in said


@pytest.mark.parametrize(
    ("judges", "equal"),
    [
        ({"numpy": "equal", "host": "equal", "tflm": "equal", "file": "equal"}, True),
        ({"numpy": "equal", "host": "equal", "tflm": "differs"}, False),
        ({"numpy": "equal", "host": "differs", "tflm": "absent"}, False),
        ({"numpy": "equal", "host": "equal", "tflm": "equal", "file": "differs"}, False),
        ({"numpy": "equal", "host": "equal", "tflm": "crashed"}, None),
        ({"numpy": "equal", "host": "equal", "tflm": "absent"}, None),
    ],
)
def test_a_difference_is_never_called_unknown(judges: dict[str, str], equal: bool | None) -> None:
    assert verdict(judges) is equal
