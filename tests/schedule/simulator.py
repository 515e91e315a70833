"""Executes a memory plan with labels for bytes, and checks that every read finds what it wants.

It knows the graph, the offsets and the order in which each kernel promises to read and write, and
shares no code with the planner. A byte of a tensor is labelled with the tensor that was written
there and the byte's place in it; a reshape has the label of the tensor that it reshapes. Plans of
layers alone.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mcucc.kernels import Access, Kernel
from mcucc.ops import Aliasing, Int8Node
from mcucc.schedule import Layer, MemoryPlan, dead_ranges, live_tensors

Label = tuple[str, int]
Times = NDArray[np.int64]
"""For each byte when it is written, or read for the last time."""

NEVER_READ = -1
TO_THE_END = 1 << 60


@dataclass
class Simulator:
    """A run of a plan; `run` raises AssertionError where the plan is wrong."""

    plan: MemoryPlan
    keep_input: bool

    def __post_init__(self) -> None:
        self.graph = self.plan.schedule.graph
        self.arena: list[Label] = [("unset", 0)] * self.plan.arena_bytes
        self.origin = {port.tensor: port.tensor for port in self.graph.inputs}
        for node in self.graph.nodes:
            moved = node.op.aliasing is not Aliasing.SAME_BYTES
            self.origin[node.output] = node.output if moved else self.origin[node.inputs[0]]

    def run(self) -> None:
        inputs = {port.tensor for port in self.graph.inputs}
        for tensor in inputs:
            self._write(tensor)
        for tensor in inputs:
            self._check(tensor, "before the run")
        for step, planned in enumerate(self.plan.schedule.steps):
            assert isinstance(planned, Layer)
            self._check_report(step, planned.node)
            self._poison(step)
            for tensor in self.graph.variable_inputs(planned.node):
                self._check(tensor, f"read by {planned.node.name}")
            self._execute(planned)
        for tensor in self.graph.output_tensors | (inputs if self.keep_input else frozenset[str]()):
            self._check(tensor, "after the run")

    def _execute(self, layer: Layer) -> None:
        node, kernel = layer.node, layer.kernel
        if node.op.aliasing is Aliasing.SAME_BYTES:
            assert self._range(node.output) == self._range(node.inputs[0])
            return
        assert kernel is not None
        for operand, tensor in enumerate(node.inputs):
            if tensor not in self.graph.consts:
                self._check_order(node, kernel, operand)
        offset = self.plan.scratch_offset(layer)
        assert (kernel.scratch_bytes > 0) == (offset is not None)
        if offset is not None:
            assert offset % self._alignment == 0
            scratch = range(offset, offset + kernel.scratch_bytes)
            tensors = (*self.graph.variable_inputs(node), node.output)
            assert not any(_overlap(scratch, self._range(tensor)) for tensor in tensors)
            self._fill(scratch, "scratch")
        self._write(node.output)

    def _check_order(self, node: Int8Node, kernel: Kernel, operand: int) -> None:
        """No byte of an input is overwritten before it was read for the last time."""
        source, target = self._range(node.inputs[operand]), self._range(node.output)
        shared = range(max(source.start, target.start), min(source.stop, target.stop))
        if not shared:
            return
        if kernel.access is Access.ELEMENT:
            # Byte i is written at 2i + 1, when byte i of the input was just read.
            written = 2 * np.arange(len(target), dtype=np.int64) + 1
        else:
            # Pixel p is written at 2p, while its window may still be read.
            h, w, c = self.graph.tensors[node.output].hwc
            written = 2 * np.repeat(np.arange(h * w, dtype=np.int64), c)
        read = self._last_reads(node, kernel, operand)
        for address in shared:
            when = written[address - target.start]
            assert read[address - source.start] < when, f"{node.name} overwrites its input"

    def _last_reads(self, node: Int8Node, kernel: Kernel, operand: int) -> Times:
        """For each byte of an input when it is read for the last time, on the clock of writes."""
        h, w, c = self.graph.tensors[node.inputs[operand]].hwc
        window = node.op.window(self.graph.input_types(node), operand)
        if kernel.access is Access.ELEMENT and (window is None or window.rows.stride):
            return 2 * np.arange(h * w * c, dtype=np.int64)
        if kernel.access is not Access.PIXEL or window is None:
            return np.full(h * w * c, TO_THE_END)
        last = np.full((h, w, c), NEVER_READ, dtype=np.int64)
        rows, columns, _ = self.graph.tensors[node.output].hwc
        for y in range(rows):
            for x in range(columns):
                under = (
                    slice(max(window.rows.first(y), 0), max(window.rows.end(y), 0)),
                    slice(max(window.columns.first(x), 0), max(window.columns.end(x), 0)),
                )
                last[under] = 2 * (y * columns + x)
        return last.reshape(-1)

    def _check_report(self, step: int, node: Int8Node) -> None:
        """What the plan reports to be live before a step must be there."""
        residents = live_tensors(self.plan, step)
        reported = [tensor for resident in residents for tensor in resident.tensors]
        assert {*self.graph.variable_inputs(node), node.output} <= set(reported)
        assert len(reported) == len(set(reported))
        for resident in residents:
            assert resident.tensors or resident.buffer.name == f"{node.name}.scratch"
        for tensor in set(reported) - {node.output}:
            self._check(tensor, f"reported in step {step}")

    def _poison(self, step: int) -> None:
        for begin, end in dead_ranges(self.plan, step):
            assert begin < end
            self._fill(range(begin, end), "dead")

    def _write(self, tensor: str) -> None:
        assert self.plan.offset(tensor) % self._alignment == 0
        self._fill(self._range(tensor), self.origin[tensor])

    @property
    def _alignment(self) -> int:
        return self.plan.schedule.problem.buffers[0].alignment

    def _fill(self, place: range, label: str) -> None:
        assert 0 <= place.start < place.stop <= len(self.arena)
        for i, address in enumerate(place):
            self.arena[address] = (label, i)

    def _check(self, tensor: str, when: str) -> None:
        for i, address in enumerate(self._range(tensor)):
            found = self.arena[address]
            assert found == (self.origin[tensor], i), f"{tensor}[{i}] {when} is {found}"

    def _range(self, tensor: str) -> range:
        offset = self.plan.offset(tensor)
        return range(offset, offset + self.graph.tensors[tensor].nbytes)


def _overlap(a: range, b: range) -> bool:
    return a.start < b.stop and b.start < a.stop
