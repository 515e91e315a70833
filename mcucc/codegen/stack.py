"""How much stack a network takes at most, said without a compiler, so that it is always there.

The frames below were read from gcc's call graphs of trained networks, between -Os and -O3, and are
larger than the largest found. Tests hold what is stated above what gcc says.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from mcucc.codegen.program import Io, LayerDef, StepDef
from mcucc.codegen.segment import SegmentDef, StageDef
from mcucc.kernels import Kernel
from mcucc.kernels.kernel import Unit
from mcucc.targets.core import Core

_ALIGNMENT = 8
_OUTPUT_WORDS = 2
"""Of a layer's structure, beyond one for each field: `output` has three numbers."""


@dataclass(frozen=True)
class Frames:
    """Bytes of stack that functions of generated code take, on a kind of core.

    Attributes:
        call: a function that only calls others.
        steps: what the network's own function takes more for steps that compilers put into it.
        stage: a stage of a segment. To this and to `steps` come pointers to rows.
        floats: what `<m>_run_float` adds.
        pointer: a pointer.
        kernels: a kernel of each unit.
        taps: a kernel of each unit that keeps pointers to the taps of its window, without these.
    """

    call: int
    steps: int
    stage: int
    floats: int
    pointer: int
    kernels: Mapping[Unit, int]
    taps: Mapping[Unit, int] = field(default_factory=dict[Unit, int])


_THUMB1 = Frames(
    call=32,
    steps=144,
    stage=88,
    floats=64,
    pointer=4,
    kernels=MappingProxyType({Unit.PORTABLE: 256, Unit.THUMB1: 352}),
)
_THUMB2 = Frames(
    call=32,
    steps=160,
    stage=72,
    floats=64,
    pointer=4,
    kernels=MappingProxyType({Unit.PORTABLE: 472, Unit.DSP: 192, Unit.MVE: 176}),
    taps=MappingProxyType({Unit.DSP: 192, Unit.MVE: 320}),
)
_COMPUTER = Frames(
    call=32,
    steps=208,
    stage=112,
    floats=128,
    pointer=8,
    kernels=MappingProxyType(dict.fromkeys(Unit, 960)),
)


def stack_bound(steps: Sequence[StepDef], io: Io, core: Core | None) -> int:
    """Bytes of stack that a call of the network takes at most, compiled by gcc with optimization.

    Args:
        steps: of the network.
        io: what its interface takes.
        core: that it is compiled for; None for a computer.
    """
    frames = _frames(core)
    rows = [_rows(step) for step in steps if not isinstance(step, SegmentDef)]
    own = frames.steps + frames.pointer * max(rows) if rows else 0
    deepest = max((_below(step, frames) for step in steps), default=0)
    bound = frames.call + own + deepest + (frames.floats if io == "float" else 0)
    return -(-bound // _ALIGNMENT) * _ALIGNMENT


def _frames(core: Core | None) -> Frames:
    if core is None or not core.has_thumb:
        return _COMPUTER
    return _THUMB2 if core.has_thumb2 else _THUMB1


def _rows(layer: LayerDef) -> int:
    """To how many rows it keeps pointers."""
    return len(layer.operands) if layer.window is None else layer.window.taps


def _below(step: StepDef, frames: Frames) -> int:
    """What is called for a step."""
    return _segment(step, frames) if isinstance(step, SegmentDef) else _kernel(step.kernel, frames)


def _segment(segment: SegmentDef, frames: Frames) -> int:
    """Its function calls stages; each stage may call those whose rows it needs."""
    below: dict[str, int] = {}
    for stage in segment.stages:  # in the order of execution: those above come first
        pulled = [below[pull.ring.ident] for pull in stage.pulls]
        kernels = [_kernel(each, frames) for each in _kernels(stage)]
        own = frames.stage + frames.pointer * (stage.pointers + _copied(stage))
        below[stage.ring.ident] = own + max([*pulled, *kernels], default=0)
    return frames.call + max(below.values())


def _copied(stage: StageDef) -> int:
    """Words of the structures that it copies, to change them for a strip."""
    copies = [each.spec for each in (stage, *stage.panels) if each.copied and each.spec]
    return sum(len(spec.fields) + _OUTPUT_WORDS for spec in copies)


def _kernels(stage: StageDef) -> tuple[Kernel | None, ...]:
    return (stage.kernel, *(panel.kernel for panel in stage.panels))


def _kernel(kernel: Kernel | None, frames: Frames) -> int:
    if kernel is None:
        return 0
    if kernel.window is None or not kernel.keeps_taps or kernel.unit not in frames.taps:
        held = 0 if kernel.variant is None else kernel.variant.stack_bytes
        return frames.kernels[kernel.unit] + held
    return frames.taps[kernel.unit] + 2 * frames.pointer * kernel.window.kh * kernel.window.kw
