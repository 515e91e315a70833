"""Executes a memory plan with labels for bytes, and checks that every read finds what it wants.

It knows the graph, the offsets and the meaning of aliasing, and shares no code with the planner. A
byte of a tensor is labelled with the tensor that was written there and the byte's place in it;
a reshape has the label of the tensor that it reshapes.
"""

from dataclasses import dataclass

from mcucc.ops import Aliasing, Int8Node
from mcucc.schedule import MemoryPlan, dead_ranges, live_tensors

Label = tuple[str, int]


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
            self._check_report(step, planned.node)
            self._poison(step)
            for tensor in self.graph.variable_inputs(planned.node):
                self._check(tensor, f"read by {planned.node.name}")
            self._execute(step, planned.node)
        for tensor in self.graph.output_tensors | (inputs if self.keep_input else frozenset[str]()):
            self._check(tensor, "after the run")

    def _execute(self, step: int, node: Int8Node) -> None:
        if node.op.aliasing is Aliasing.SAME_BYTES:
            assert self._range(node.output) == self._range(node.inputs[0])
            return
        tensors = [self._range(x) for x in self.graph.variable_inputs(node)]
        target = self._range(node.output)
        for place in tensors:
            in_place = node.op.aliasing is Aliasing.IN_PLACE and place == target
            assert in_place or not _overlap(place, target), f"{node.name} overwrites its input"
        kernel, offset = self.plan.schedule.steps[step].kernel, self.plan.scratch_offset(step)
        assert (kernel is not None and kernel.scratch_bytes > 0) == (offset is not None)
        if kernel is not None and offset is not None:
            assert offset % self._alignment == 0
            scratch = range(offset, offset + kernel.scratch_bytes)
            assert not any(_overlap(scratch, place) for place in (*tensors, target))
            self._fill(scratch, "scratch")
        self._write(node.output)

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
