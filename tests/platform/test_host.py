"""Networks built for the host and run there, and what happens to those that misbehave."""

import re
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mcucc.build.network import Network
from mcucc.build.project import (
    BuildOptions,
    build_host_executable,
    build_host_library,
)
from mcucc.errors import InputFileError, InvariantError, SimulationError, ToolchainError
from mcucc.sim.host import HostLibrary, run_executable
from mcucc.sim.protocol import Placement

pytestmark = pytest.mark.cc

Samples = NDArray[np.int8]
Variant = Callable[[str], Path]

PROLOGUE = "int tiny_run(void *arena)\n{\n    volatile int8_t *mem = arena;\n"
EPILOGUE = "    return 0;\n}\n"


def in_steps(body: str) -> str:
    return f"{PROLOGUE}    tiny_step_begin(0);\n{body}    tiny_step_end(0);\n{EPILOGUE}"


@pytest.mark.parametrize("sanitize", [False, True])
@pytest.mark.parametrize("placement", list(Placement))
def test_outputs(
    tiny_dir: Path,
    tiny: Network,
    samples: Samples,
    expected: Samples,
    tmp_path: Path,
    sanitize: bool,
    placement: Placement,
) -> None:
    program = build_host_executable(tiny_dir, tiny, tmp_path, BuildOptions(sanitize=sanitize))
    result = run_executable(program, tiny, samples, placement=placement)
    assert len(result.outputs) == 1
    np.testing.assert_array_equal(result.outputs[0], expected)
    assert result.tensors is None
    assert result.stack_bytes is None


def test_trace_gives_every_tensor(
    tiny_dir: Path,
    tiny: Network,
    samples: Samples,
    hidden: Samples,
    expected: Samples,
    tmp_path: Path,
) -> None:
    options = BuildOptions(trace=True, step_hooks="liveness", sanitize=True)
    result = run_executable(build_host_executable(tiny_dir, tiny, tmp_path, options), tiny, samples)
    assert result.tensors is not None
    assert set(result.tensors) == {1, 2}
    np.testing.assert_array_equal(result.tensors[1].reshape(-1, 8), hidden)
    np.testing.assert_array_equal(result.tensors[2].reshape(-1, 8), expected)
    assert result.tensors[1].shape == (len(samples), 2, 2, 2)


def test_no_samples_give_no_outputs(tiny_dir: Path, tiny: Network, tmp_path: Path) -> None:
    program = build_host_executable(tiny_dir, tiny, tmp_path)
    result = run_executable(program, tiny, np.empty((0, 8), np.int8))
    assert result.outputs[0].shape == (0, 8)


def test_touched_bytes(variant: Variant, tiny: Network, samples: Samples, tmp_path: Path) -> None:
    program = build_host_executable(
        variant(f"{PROLOGUE}    mem[21] = 1;\n{EPILOGUE}"), tiny, tmp_path
    )
    assert run_executable(program, tiny, samples, paint=0xFF).touched_bytes == 22
    assert run_executable(program, tiny, samples, paint=1).touched_bytes == 8


def test_library(
    tiny_dir: Path, tiny: Network, samples: Samples, expected: Samples, tmp_path: Path
) -> None:
    library = HostLibrary(build_host_library(tiny_dir, tiny, tmp_path), tiny)
    np.testing.assert_array_equal(library.run(samples)[0], expected)
    np.testing.assert_array_equal(library.run(samples[::-1])[0], expected[::-1])


def test_library_refusing_to_run(
    variant: Variant, tiny: Network, samples: Samples, tmp_path: Path
) -> None:
    directory = variant("int tiny_run(void *arena)\n{\n    return arena == 0 ? 0 : 7;\n}\n")
    library = HostLibrary(build_host_library(directory, tiny, tmp_path), tiny)
    with pytest.raises(SimulationError, match="tiny_run: 7"):
        library.run(samples)
    program = build_host_executable(directory, tiny, tmp_path)
    with pytest.raises(SimulationError, match="run function returned 7"):
        run_executable(program, tiny, samples)


def test_stray_write_is_reported_with_step_and_offset(
    variant: Variant, tiny: Network, samples: Samples, tmp_path: Path
) -> None:
    directory = variant(in_steps("    mem[11] = (int8_t)(mem[11] + 1);\n"))
    options = BuildOptions(step_hooks="liveness")
    program = build_host_executable(directory, tiny, tmp_path, options)
    with pytest.raises(SimulationError, match="step 0 wrote byte 11 of the arena"):
        run_executable(program, tiny, samples)


def test_reading_dead_bytes_is_an_error_when_sanitized(
    variant: Variant, tiny: Network, samples: Samples, tmp_path: Path
) -> None:
    directory = variant(in_steps("    mem[0] = mem[9];\n"))
    options = BuildOptions(step_hooks="liveness", sanitize=True)
    program = build_host_executable(directory, tiny, tmp_path, options)
    with pytest.raises(SimulationError, match="use-after-poison"):
        run_executable(program, tiny, samples)


@pytest.mark.parametrize("sanitize", [False, True])
@pytest.mark.parametrize(
    ("placement", "offset", "other"),
    [(Placement.LOW, -1, 28), (Placement.HIGH, 32, -1)],
)
def test_access_outside_the_arena(
    variant: Variant,
    tiny: Network,
    samples: Samples,
    tmp_path: Path,
    sanitize: bool,
    placement: Placement,
    offset: int,
    other: int,
) -> None:
    """The guard page stops one end; the bytes at the other end are compared after the run.

    28 bytes aligned to 8 leave 4 bytes between the arena and a guard page above it.
    """
    directory = variant(f"{PROLOGUE}    mem[{offset}] = 1;\n{EPILOGUE}")
    options = BuildOptions(sanitize=sanitize)
    program = build_host_executable(directory, tiny, tmp_path, options)
    with pytest.raises(SimulationError, match="SEGV"):
        run_executable(program, tiny, samples, placement=placement)
    (directory / "tiny.c").write_text(
        f'#include "tiny.h"\n{PROLOGUE}    mem[{other}] = 1;\n{EPILOGUE}'
    )
    program = build_host_executable(directory, tiny, tmp_path, options)
    with pytest.raises(SimulationError, match=f"outside the arena, at offset {other}"):
        run_executable(program, tiny, samples, placement=placement)


def test_undefined_behaviour(
    variant: Variant, tiny: Network, samples: Samples, tmp_path: Path
) -> None:
    directory = variant(f"{PROLOGUE}    mem[0] = (int8_t)(1 << (40 + mem[1] % 2));\n{EPILOGUE}")
    program = build_host_executable(directory, tiny, tmp_path, BuildOptions(sanitize=True))
    with pytest.raises(SimulationError, match=r"shift exponent \d+ is too large"):
        run_executable(program, tiny, samples)


def test_hang(variant: Variant, tiny: Network, samples: Samples, tmp_path: Path) -> None:
    directory = variant(
        f"{PROLOGUE}    while (mem[20] != 1 || mem[20] == 1) {{\n    }}\n{EPILOGUE}"
    )
    program = build_host_executable(directory, tiny, tmp_path)
    start = time.monotonic()
    with pytest.raises(SimulationError, match=r"no end after 0\.5 s"):
        run_executable(program, tiny, samples, timeout_s=0.5)
    assert time.monotonic() - start < 10


@pytest.mark.parametrize(
    ("trace", "message"),
    [
        ("tiny_trace(9, 0, 0, 2, arena);", "traced tensor 9, which does not exist"),
        ("tiny_trace(1, 2, 0, 2, arena);", "outside of 2x2"),
        ("tiny_trace(1, 0, 0, 2, arena);", r"pixel \(1, 0\) was never traced"),
        (
            "mem[0] = 1; tiny_trace(1, 0, 0, 2, arena); mem[0] = 2; tiny_trace(1, 0, 0, 1, arena);",
            "made twice, with different values",
        ),
    ],
)
def test_wrong_traces(
    variant: Variant, tiny: Network, samples: Samples, tmp_path: Path, trace: str, message: str
) -> None:
    directory = variant(f"{PROLOGUE}    (void)mem;\n    {trace}\n{EPILOGUE}")
    program = build_host_executable(directory, tiny, tmp_path, BuildOptions(trace=True))
    with pytest.raises(SimulationError, match=message):
        run_executable(program, tiny, samples)


def test_code_with_a_warning_is_refused(variant: Variant, tiny: Network, tmp_path: Path) -> None:
    directory = variant(f"{PROLOGUE}    mem[0] = mem[1] + 1000;\n{EPILOGUE}")
    with pytest.raises(ToolchainError, match=r"(?s)Werror=conversion.*The command was: .*gcc"):
        build_host_executable(directory, tiny, tmp_path)


def test_directory_without_network(tiny: Network, tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match=re.escape("tiny.h is missing")):
        build_host_executable(tmp_path, tiny, tmp_path)


def test_samples_of_another_network(tiny_dir: Path, tiny: Network, tmp_path: Path) -> None:
    program = build_host_executable(tiny_dir, tiny, tmp_path)
    with pytest.raises(InvariantError, match=r"int8 \(N, 8\)"):
        run_executable(program, tiny, np.zeros((1, 9), np.int8))


def test_nothing_is_written_into_the_network_directory(
    tiny: Network, samples: Samples, variant: Variant, tmp_path: Path
) -> None:
    directory = variant(f"{PROLOGUE}    mem[0] = 1;\n{EPILOGUE}")
    before = sorted(directory.iterdir())
    run_executable(build_host_executable(directory, tiny, tmp_path / "work"), tiny, samples)
    assert sorted(directory.iterdir()) == before
