"""What a model computes of an input before it quantizes it, in C."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from mcucc.codegen.literals import c_comment, c_float
from mcucc.ir import Preprocessing, PreprocessingKind, PreprocessingStep, Shape

_SIGNS: Mapping[PreprocessingKind, str] = MappingProxyType(
    {"add": "+", "sub": "-", "mul": "*", "div": "/"}
)
_UNDONE: Mapping[PreprocessingKind, str] = MappingProxyType(
    {"add": "-", "sub": "+", "mul": "/", "div": "*"}
)
_SHOWN = 4
"""Numbers that a comment lists."""
_IN_A_ROW = 4


@dataclass(frozen=True)
class StepCode:
    """One step.

    Attributes:
        title: what it computes, for a reader.
        array: name of the array of its constants, empty for a single one.
        rows: the array's initializer.
        count: numbers in it.
        forward: C expression of its result; `x` is a float.
        backward: that of its input, in double; `x` is its result.
        is_fused: whether a compiler might fuse its product with the next step's sum, which would
            be rounded once where the model rounds twice.
    """

    title: str
    array: str
    rows: tuple[str, ...]
    count: int
    forward: str
    backward: str
    is_fused: bool


@dataclass(frozen=True)
class PreprocessingCode:
    """All steps of an input.

    Attributes:
        steps: in the order in which they are computed.
        place: C expression of the constants' index from that of an element, `i`; empty where no
            step has several.
    """

    steps: tuple[StepCode, ...] = ()
    place: str = ""

    @property
    def fuses(self) -> bool:
        """Whether some product must be kept from being fused with a sum."""
        return any(step.is_fused for step in self.steps)


def preprocessing_code(
    steps: Preprocessing, shape: Shape, perm: Sequence[int] | None, index: int
) -> PreprocessingCode:
    """The steps of an input in C, on elements in inner layout.

    Args:
        steps: of the port.
        shape: in the ONNX file.
        perm: inner = onnx.transpose(perm); None where layouts agree.
        index: number of the input, for names.
    """
    order = tuple(range(len(shape))) if perm is None else tuple(perm)
    axis = next((step.axis for step in steps if step.axis is not None), None)
    summed = [step.kind in ("add", "sub") for step in steps[1:]] + [False]
    coded = tuple(
        _step(step, f"input{index}_step{number}", before_sum=summed[number])
        for number, step in enumerate(steps)
    )
    return PreprocessingCode(coded, "" if axis is None else _place(shape, order, axis))


def _place(shape: Shape, order: Sequence[int], axis: int) -> str:
    """Where an element lies along an ONNX axis."""
    inner = 1
    for other in reversed(order):
        if other == axis:
            break
        inner *= shape[other]
    return f"i % {shape[axis]}U" if inner == 1 else f"(i / {inner}U) % {shape[axis]}U"


def _step(step: PreprocessingStep, name: str, *, before_sum: bool) -> StepCode:
    single = step.axis is None
    operand = c_float(step.values[0]) if single else f"{name}[place]"
    sign, wide = _SIGNS[step.kind], f"(double){operand}"
    backward = f"x {_UNDONE[step.kind]} {wide}"
    if step.kind == "sub" and step.values_first:
        backward = f"{wide} - x"
    return StepCode(
        title=c_comment(f"{step.origin}: {formula(step)}"),
        array="" if single else name,
        rows=tuple(_rows(step.values)),
        count=len(step.values),
        forward=f"{operand} {sign} x" if step.values_first else f"x {sign} {operand}",
        backward=backward,
        is_fused=before_sum and step.kind == "mul",
    )


def _rows(values: Sequence[float]) -> Iterator[str]:
    for begin in range(0, len(values), _IN_A_ROW):
        row = values[begin : begin + _IN_A_ROW]
        yield f"{', '.join(c_float(value) for value in row)},"


def formula(step: PreprocessingStep) -> str:
    """What a step computes of x, for a reader; of many numbers the first ones."""
    values = [f"{value:.7g}" for value in step.values[:_SHOWN]]
    if len(step.values) > _SHOWN:
        values.append(f".. ({len(step.values)} numbers)")
    listed = ", ".join(values)
    many = listed if step.axis is None else f"({listed})"
    sign = _SIGNS[step.kind]
    return f"{many} {sign} x" if step.values_first else f"x {sign} {many}"
