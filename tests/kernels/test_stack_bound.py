"""The stack that a header states is above what gcc's call graphs say, whatever the core."""

import re
from pathlib import Path

import pytest

from mcucc.api.compile import CompileOptions, compile_model
from mcucc.build.stack import CALL_GRAPH_FLAG, pushed_bytes, worst_stack_bytes
from mcucc.build.toolchain import ARM_GCC, HOST_GCC, Compiler, find_tool
from mcucc.codegen import Files, emit, lower
from mcucc.kernels import select_kernels
from mcucc.resources import RUNTIME_C
from mcucc.schedule import Mode, PlanOptions, plan_memory, plan_network, schedule_layers
from mcucc.targets.board import CORES, Core, load_board
from tests.graphs import GraphBuilder, every_operator_graph
from tests.kernels.compiled import PROVENANCE

BOARDS = ("rpi-pico", "mps2-an385", "mps2-an386", "mps3-an547", "host")
MOST = 2.75
"""Times the measured stack: more would be no use to who has to find room for it."""


def measured(files: Files, core: Core, work: Path, optimization: str) -> int:
    """Compiles a network named `net` and takes the longest way through its call graph."""
    for name, text in files.items():
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_text(text, encoding="utf-8")
    gcc = Compiler(find_tool(ARM_GCC if core.has_thumb else HOST_GCC), core.gcc_flags)
    gcc.compile(work / "net.c", work / "net.o", ("-std=c99", optimization, CALL_GRAPH_FLAG))
    pushed = pushed_bytes(work.glob("mcucc_*.h")) if core.has_thumb else 0
    return worst_stack_bytes([work / "net.ci"], "net_run") + pushed


def stated(files: Files) -> int:
    found = re.search(r"^#define NET_STACK_BYTES (\d+)u$", files["net.h"], re.M)
    assert found is not None
    return int(found[1])


def test_headers_say_what_their_assembly_pushes() -> None:
    """Each register that a statement pushes is a word, and so are bytes taken off the pointer."""
    pushing: set[str] = set()
    for path in sorted(RUNTIME_C.glob("*/mcucc_*.h")):
        text = path.read_text(encoding="utf-8")
        statements = re.findall(r"__asm__ volatile\((.*?)\);?\n", text.replace("\\\n", ""), re.S)
        pushed = [
            4 * sum(map(words_pushed, re.findall(r"push {(.*?)}", statement)))
            + sum(map(int, re.findall(r"sub sp, #(\d+)", statement)))
            for statement in statements
        ]
        assert pushed_bytes([path]) == max(pushed, default=0), path.name
        pushing |= {path.name} if any(pushed) else set()
    assert len(pushing) > 5, pushing  # so that the expressions above find any


def words_pushed(registers: str) -> int:
    ends = [each.split("-") for each in registers.replace("r", "").replace("l", "14").split(", ")]
    return sum(int(end[-1]) - int(end[0]) + 1 for end in ends)


@pytest.mark.cc
@pytest.mark.qemu
@pytest.mark.parametrize("optimization", ["-Os", "-O3"])
@pytest.mark.parametrize("core", ["cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m55", "host"])
@pytest.mark.parametrize("mode", ["layer", "stream"])
def test_every_operator(mode: Mode, core: str, optimization: str, tmp_path: Path) -> None:
    graph = every_operator_graph("net")
    plan = plan_network(graph, select_kernels(graph, CORES[core]), PlanOptions(mode=mode))
    files = emit(lower(plan, PROVENANCE, core=CORES[core]))
    assert measured(files, CORES[core], tmp_path, optimization) <= stated(files)


@pytest.mark.qemu
@pytest.mark.parametrize("optimization", ["-Os", "-O2", "-O3"])
@pytest.mark.parametrize("core", ["cortex-m4", "cortex-m7", "cortex-m33"])
def test_gathered_taps(core: str, optimization: str, tmp_path: Path) -> None:
    """At either end of how many there may be; no other layer needs as much."""
    clamped, plain = ((5, 5), (7, 7)), ((2, 5), (1, 11), (3, 9))
    for window in (*clamped, *plain):
        activation = "relu6" if window in clamped else "none"
        b = GraphBuilder("net")
        graph = b.build(b.depthwise(b.input((1, 9, 11, 13)), window, activation=activation))
        plan = plan_network(graph, select_kernels(graph, CORES[core]), PlanOptions())
        files = emit(lower(plan, PROVENANCE, core=CORES[core]))
        found = measured(files, CORES[core], tmp_path / f"{window}", optimization)
        assert found <= stated(files) <= MOST * found


@pytest.mark.qemu
@pytest.mark.parametrize("optimization", ["-Os", "-O3"])
@pytest.mark.parametrize("core", ["cortex-m0plus", "cortex-m3", "cortex-m55"])
def test_windows_of_many_inputs(core: str, optimization: str, tmp_path: Path) -> None:
    """Kernels that make two pixels at a time, beside rows of depthwise convolutions."""
    b = GraphBuilder("net")
    x = b.conv(b.input((1, 9, 9, 9)), 11, (3, 3), activation="relu6")
    x = b.conv(b.depthwise(x, (3, 3), pads="same"), 9, (5, 5), activation="relu6")
    x = b.conv(b.conv(x, 20, (1, 1)), 20, (1, 1))
    graph = b.build(x)
    plan = plan_network(graph, select_kernels(graph, CORES[core]), PlanOptions(mode="layer"))
    files = emit(lower(plan, PROVENANCE, core=CORES[core]))
    assert measured(files, CORES[core], tmp_path, optimization) <= stated(files)


@pytest.mark.qemu
@pytest.mark.parametrize("optimization", ["-Os", "-O2", "-O3"])
@pytest.mark.parametrize(
    ("core", "channels"),
    [("cortex-m4", 14), ("cortex-m7", 14), ("cortex-m33", 14), ("cortex-m55", 8),
     ("cortex-m55", 16)],
)  # fmt: skip
def test_convolutions_without_scratch(
    core: str, channels: int, optimization: str, tmp_path: Path
) -> None:
    """What takes the place of scratch lies on the stack; no other layer needs as much."""
    b = GraphBuilder("net")
    x = b.input((1, 9, 9, channels))
    graph = b.build(b.conv(x, 9, (3, 3), activation="relu6", weight_scales=[0.8] * 9))
    chosen = select_kernels(graph, CORES[core])
    kernels = {name: kernel and kernel.scratch_free for name, kernel in chosen.items()}
    assert all(kernel and kernel.variant for kernel in kernels.values())
    plan = plan_memory(schedule_layers(graph, kernels))
    files = emit(lower(plan, PROVENANCE, core=CORES[core]))
    found = measured(files, CORES[core], tmp_path, optimization)
    assert found <= stated(files) <= MOST * found


@pytest.mark.cc
@pytest.mark.qemu
@pytest.mark.models
@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize("model", ["te_vww_qdq", "kws_qdq", "resnet8_qdq"])
def test_trained_networks(
    model: str, board: str, models_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    core = load_board(board).core
    options = CompileOptions(board, name="net", objective="memory")
    with monkeypatch.context() as without_compiler:
        without_compiler.setenv("PATH", "")
        files = compile_model(models_dir / f"{model}.onnx", options).files
    found = measured(files, core, tmp_path, "-O3")
    assert found <= stated(files) <= MOST * found


@pytest.mark.qemu
def test_it_is_the_same_without_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    digits = Path(__file__).parents[2] / "examples" / "digits" / "digits_int8.onnx"
    options = CompileOptions("nucleo-f446re", name="net")
    header = compile_model(digits, options).files["net.h"]
    monkeypatch.setenv("PATH", "")
    assert compile_model(digits, options).files["net.h"] == header
