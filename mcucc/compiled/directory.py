"""A directory that `compile` wrote: its report, its graph, and ways to run it."""

import struct
import tempfile
from collections.abc import Collection, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mcucc.build.network import Network, TensorInfo
from mcucc.build.plugin import build_count_plugin, build_profile_plugin
from mcucc.build.project import (
    BuildOptions,
    StepHooks,
    build_cortex_m,
    build_host_executable,
    build_host_library,
)
from mcucc.build.ranges import read_code_map
from mcucc.codegen import EXAMPLE
from mcucc.codegen.preprocessing import preprocessing_code
from mcucc.compiled.report_file import load_report
from mcucc.errors import InputFileError, InvariantError, UsageError
from mcucc.importer import ModelSource, model_digest, path_of
from mcucc.ir import check_seal, parse_graph
from mcucc.ops import INT8_OPS, Int8Graph
from mcucc.ops.verify import verify
from mcucc.report import Report
from mcucc.report.model import TensorReport
from mcucc.resources import read_plain
from mcucc.sim.host import HostLibrary, run_executable
from mcucc.sim.profile import Profile, profile_qemu
from mcucc.sim.qemu import run_qemu
from mcucc.sim.result import RunResult
from mcucc.targets.board import Board, load_board
from mcucc.twin import read_operators, read_tensors

_NO_FLATBUFFER = (AttributeError, IndexError, TypeError, ValueError, struct.error)
"""What reading a damaged flatbuffer raises: its offsets lead anywhere."""

_MOST_BYTES = 1 << 31
"""No file that mcucc reads back is larger: flash has 32-bit addresses."""

_WORTH_OPTIMIZING = 50_000_000
"""Multiply-accumulates of a sanitized run; for fewer, optimizing takes longer than it saves."""


@dataclass(frozen=True)
class CompiledNetwork:
    """A compiled directory.

    Attributes:
        directory: where it lies; nothing is written into it but what a killed compile left undone.
        report: its `report.json`.
        other_board: what to build for, None for the board that it was compiled for.
    """

    directory: Path
    report: Report
    other_board: Board | None = None

    @classmethod
    def open(cls, directory: Path) -> "CompiledNetwork":
        """Open a directory.

        Raises:
            InputFileError: it holds no report, the compilation did not fit its board, or a source
                file is missing.
        """
        report = load_report(directory)
        if not report.fits:
            raise InputFileError(
                directory / "report.json",
                f"says that {report.name} does not fit {report.board}: there is no code to run",
            )
        for name in report.files:
            if _is_needed(name, report) and not (directory / name).is_file():
                raise InputFileError(directory / name, "is missing: compile again")
        return cls(directory, report)

    def on(self, board: Board) -> "CompiledNetwork":
        """The same network, to be built for another board."""
        return CompiledNetwork(self.directory, self.report, board)

    @property
    def is_elsewhere(self) -> bool:
        """Whether it is built for another board than it was compiled for."""
        return self.other_board is not None

    @cached_property
    def board(self) -> Board:
        """What it is built for; a board file of the user's own lies in the directory."""
        if self.other_board is not None:
            return self.other_board
        own = self.directory / f"{self.report.board}.toml"
        return load_board(str(own) if own.is_file() else self.report.board)

    @cached_property
    def network(self) -> Network:
        """What building and running need to know."""
        return network_of(self.report)

    @cached_property
    def graph(self) -> Int8Graph:
        """The int8 graph that the code computes.

        Raises:
            InputFileError: `<name>.ir` is missing or damaged.
        """
        name = f"{self.report.name}.ir"
        try:
            text = self._read(name).decode()
            check_seal(text)
            graph = parse_graph(text, INT8_OPS)
            verify(graph)
            fits = _describes(self.report, graph)
        except (UsageError, InvariantError, UnicodeDecodeError) as error:
            raise InputFileError(
                self.directory / name, f"is damaged ({error}): compile again"
            ) from error
        if not fits:
            raise InputFileError(
                self.directory / name, "is that of another compilation: compile again"
            )
        return graph

    @property
    def twin(self) -> bytes:
        """The same network as a `.tflite` file.

        Raises:
            InputFileError: `<name>.tflite` is missing or damaged.
        """
        name = f"{self.report.name}.tflite"
        twin = self._read(name)
        try:
            read_operators(twin)
            read_tensors(twin)
        except _NO_FLATBUFFER as error:
            raise InputFileError(self.directory / name, "is damaged: compile again") from error
        return twin

    def check_model(self, source: ModelSource) -> None:
        """Demand that a file is the one that was compiled.

        Raises:
            InputFileError: it is another, or cannot be read.
        """
        path, digest = path_of(source), model_digest(source)
        if digest != self.report.model.sha256:
            raise InputFileError(
                path,
                f"is not the file that was compiled into {self.directory} "
                f"({self.report.model.name}): its sha256 is {digest}, and that file's "
                f"{self.report.model.sha256}",
            )

    def run_host(self, samples: NDArray[np.int8]) -> tuple[NDArray[np.int8], ...]:
        """Outputs (N, bytes) of samples (N, bytes), run in this process: the fast way."""
        with _workspace() as work:
            return self.open_host(work).run(samples)

    def open_host(self, work: Path) -> HostLibrary:
        """The network built in a folder of the caller's and loaded into this process.

        Raises:
            SimulationError: it cannot be loaded.
            ToolchainError: there is no compiler, or it does not accept the code.
        """
        return HostLibrary(build_host_library(self.directory, self.network, work), self.network)

    def trace_host(self, samples: NDArray[np.int8]) -> RunResult:
        """Every tensor of samples, run in a sanitized child process.

        Address and undefined-behaviour sanitizers are on, the arena lies between guard pages, and
        dead bytes are overwritten before each step and must not change during it. With `--io float`
        samples go in and out as floats.
        """
        options = BuildOptions(
            trace=True,
            step_hooks="liveness",
            sanitize=True,
            run_float=self.report.io == "float",
            optimize=len(samples) * self.report.macs > _WORTH_OPTIMIZING,
        )
        with _workspace() as work:
            program = build_host_executable(self.directory, self.network, work, options)
            return run_executable(program, self.network, samples)

    def trace_qemu(self, samples: NDArray[np.int8]) -> RunResult:
        """Every tensor of samples, run on the simulated core."""
        with _workspace() as work:
            options = BuildOptions(trace=True, other_core=self.is_elsewhere)
            program = build_cortex_m(self.directory, self.network, self.board, work, options)
            return run_qemu(program, self.network, self.board, samples)

    def count_qemu(self, samples: NDArray[np.int8], *, per_step: bool = False) -> RunResult:
        """Outputs and exact instruction counts on the simulated core."""
        with _workspace() as work:
            hooks: StepHooks = "count" if per_step else "none"
            options = BuildOptions(step_hooks=hooks, other_core=self.is_elsewhere)
            program = build_cortex_m(self.directory, self.network, self.board, work, options)
            plugin = build_count_plugin(work)
            return run_qemu(program, self.network, self.board, samples, plugin=plugin)

    def profile_qemu(
        self, samples: NDArray[np.int8], owners: Sequence[str], kernels: Collection[str]
    ) -> tuple[RunResult, tuple[Profile, ...]]:
        """Outputs on the simulated core, and what was executed for which owner and kernel."""
        with _workspace() as work:
            options = BuildOptions(debug=True, other_core=self.is_elsewhere)
            program = build_cortex_m(self.directory, self.network, self.board, work, options)
            return profile_qemu(
                *(program, self.network, self.board, samples),
                plugin=build_profile_plugin(work),
                code=read_code_map(program.path, owners, kernels),
                owners=owners,
            )

    def _read(self, name: str) -> bytes:
        return read_plain(self.directory / name, _MOST_BYTES, "is missing: compile again")


def _describes(report: Report, graph: Int8Graph) -> bool:
    """Whether a graph is the one of a report, whose layers stand in the order of execution."""
    ports = [*report.inputs, *report.outputs]
    names = {tensor.id: tensor.name for tensor in report.tensors}
    sizes = {tensor.name: (tensor.h, tensor.w, tensor.c) for tensor in report.tensors}
    return (
        graph.name == report.name
        and [p.name for p in (*graph.inputs, *graph.outputs)] == [p.name for p in ports]
        and [p.tensor for p in (*graph.inputs, *graph.outputs)] == [names[p.tensor] for p in ports]
        and all(sizes.get(name) == tensor.hwc for name, tensor in graph.tensors.items())
        and sorted(node.name for node in graph.nodes) == sorted(each.name for each in report.layers)
    )


def _is_needed(name: str, report: Report) -> bool:
    """Whether nothing can be run without a file; `.ir` and `.tflite` are missed when read."""
    spare = name in (EXAMPLE, f"{report.name}_selftest.c")
    return name.endswith((".c", ".h", ".toml")) and not spare


def network_of(report: Report) -> Network:
    """The interface of a report's code."""
    image = _image_from_outside(report)
    return Network(
        name=report.name,
        inputs=tuple(port.bytes for port in report.inputs),
        outputs=tuple(port.bytes for port in report.outputs),
        arena_bytes=report.arena_bytes,
        arena_align=report.arena_align,
        tensors=tuple(TensorInfo(t.id, t.name, t.h, t.w, t.c) for t in report.tensors),
        dead_ranges=report.dead_ranges,
        io=report.io,
        row_bytes=None if image is None else image.w * image.c,
        pixel_bytes=image.c if image is not None and report.input_elsewhere else None,
        state_bytes=report.state_bytes,
        preprocessing=tuple(
            preprocessing_code(port.preprocessing, port.shape, port.perm, index)
            for index, port in enumerate(report.inputs)
        ),
        indices=tuple(place for place, port in enumerate(report.outputs) if port.is_index),
    )


def _image_from_outside(report: Report) -> TensorReport | None:
    """The input that the caller hands over, None if inputs lie in the arena."""
    if not (report.stream_input or report.input_elsewhere):
        return None
    return next(t for t in report.tensors if t.id == report.inputs[0].tensor)


@contextmanager
def _workspace() -> Generator[Path]:
    with tempfile.TemporaryDirectory(prefix="mcucc-build-") as folder:
        yield Path(folder)
