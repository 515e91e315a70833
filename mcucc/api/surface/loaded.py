"""A compiled directory that is called like a function: the generated C, on this computer."""

import shutil
import tempfile
import threading
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mcucc.api.surface.arguments import array_of
from mcucc.compiled.arrays import GivenArrays
from mcucc.compiled.directory import CompiledNetwork
from mcucc.compiled.samples import OnnxArray, flatten, load_samples, to_onnx
from mcucc.errors import UsageError
from mcucc.report import Report
from mcucc.report.model import PortReport
from mcucc.report.summary import Summarized, Summary
from mcucc.sim.host import HostLibrary

Output = OnnxArray
"""An array (N, ...) in ONNX layout."""


class LoadedNetwork(Summarized):
    """A compiled network, run within this process by the generated C.

    The C is built on the first call, into a temporary folder that goes with the object, or earlier:
    with `close`, or at the end of a `with` block. Calls from several threads wait for each other.
    """

    def __init__(self, directory: Path) -> None:
        """Opens a directory that `compile` wrote.

        Raises:
            InputFileError: it is none, or the network did not fit its board.
        """
        self._compiled = CompiledNetwork.open(directory)
        self._lock = threading.Lock()
        self._library: HostLibrary | None = None
        self._remove: weakref.finalize[..., object] | None = None
        self._closed = False

    @property
    def directory(self) -> Path:
        """Where the files lie."""
        return self._compiled.directory

    @property
    def report(self) -> Report:
        """Its `report.json`."""
        return self._compiled.report

    @property
    def inputs(self) -> tuple[PortReport, ...]:
        """Name, shape in ONNX layout, scale and zero point of each input."""
        return self.report.inputs

    @property
    def outputs(self) -> tuple[PortReport, ...]:
        """The same of each output."""
        return self.report.outputs

    def __call__(
        self, inputs: ArrayLike | Mapping[str, ArrayLike] | None = None, /, **named: ArrayLike
    ) -> Output | dict[str, Output]:
        """Run the network on samples.

        Args:
            inputs: an array (N, ...) in the ONNX model's own layout for the one input, or a
                dictionary of arrays by input name. Floats are quantized; int8 (uint8 for an input
                that is uint8 in the model) goes in as it is.
            named: the same arrays as keywords.

        Returns:
            Float32 for floats, else int8 or uint8, and int32 for indices, (N, ...) in ONNX layout:
            an array if there is one output, a dictionary by output name if there are several.

        Raises:
            InputFileError: an array has another shape or element type than the input, or holds NaN.
            SimulationError: the C refused to run.
            ToolchainError: there is no C compiler.
            UsageError: an input is missing or unknown, floats and int8 are mixed, or the network
                was closed.
        """
        arrays = self._arrays(inputs, named)
        samples = load_samples(self.report, GivenArrays(self.report.name, arrays))
        floats = {array.dtype.kind == "f" for array in arrays.values()}
        if len(floats) == 2:
            raise UsageError(
                f"{self.report.name}: some inputs are floats and others int8: give all of them as "
                "floats, or all as int8"
            )
        with self._lock:
            raw = self._open().run(flatten(samples))
        found = dict(to_onnx(self.report, raw, dequantized=True in floats))
        return next(iter(found.values())) if len(found) == 1 else found

    def close(self) -> None:
        """Remove what was built; later calls are refused."""
        with self._lock:
            self._closed, self._library = True, None
            if self._remove is not None:
                self._remove()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def summary(self) -> Summary:
        """That of the report, with inputs and outputs as table."""
        facts = dict(self.report.summary().facts)
        ports = [("input", port) for port in self.inputs]
        ports += [("output", port) for port in self.outputs]
        rows = [
            (side, port.name, ("N", *port.shape[1:]), port.scale, port.zero_point)
            for side, port in ports
        ]
        head = ("", "name", "shape", "scale", "zero point")
        return Summary(type(self).__name__, facts, head, rows)

    def _arrays(
        self, inputs: ArrayLike | Mapping[str, ArrayLike] | None, named: Mapping[str, ArrayLike]
    ) -> Mapping[str, NDArray[np.generic]]:
        """The arrays of the inputs, each by its name."""
        names = [port.name for port in self.inputs]
        if inputs is not None and named:
            raise UsageError(
                f"{self.report.name}: give arrays by position or by keyword, not both ways"
            )
        if inputs is None:
            given = dict(named)
        else:
            given = dict(inputs) if isinstance(inputs, Mapping) else {names[0]: inputs}
        if set(given) != set(names):
            held = ", ".join(f"'{name}'" for name in given) or "none"
            wanted = ", ".join(f"'{name}' {_shape(port)}" for name, port in self._named())
            raise UsageError(f"{self.report.name}: its inputs are {wanted}; given: {held}")
        return {name: array_of(f"{self.report.name}: {name}", given[name]) for name in names}

    def _named(self) -> list[tuple[str, PortReport]]:
        return [(port.name, port) for port in self.inputs]

    def _open(self) -> HostLibrary:
        """The built network; only the holder of the lock may ask."""
        if self._closed:
            raise UsageError(f"{self.report.name}: was closed; load it again to call it")
        if self._library is None:
            folder = Path(tempfile.mkdtemp(prefix="mcucc-load-"))
            self._remove = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
            self._library = self._compiled.open_host(folder)
        return self._library


def _shape(port: PortReport) -> str:
    return f"({', '.join(map(str, ('N', *port.shape[1:])))})"
