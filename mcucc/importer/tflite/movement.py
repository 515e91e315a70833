"""Rules for operators that move integers, or rename their axes."""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from mcucc.importer.tflite.draft import (
    Draft,
    RefusedOperatorError,
    demand_equal_scales,
    described,
)
from mcucc.importer.tflite.model import Tensor


def reshape(draft: Draft) -> None:
    """RESHAPE, SQUEEZE and EXPAND_DIMS: to the shape that the file gives the output."""
    x, shape = draft.input(0), draft.output.shape
    demand_equal_scales(draft, x)
    if math.prod(x.shape) != math.prod(shape):
        raise RefusedOperatorError(
            "input and output must have as many elements",
            f"{described(x)} to {list(shape)}",
            "Convert the network with a fixed input shape.",
        )
    _renamed(draft, draft.value(x), draft.output)


def transpose(draft: Draft) -> None:
    """TRANSPOSE."""
    x = draft.input(0)
    demand_equal_scales(draft, x)
    perm = draft.integers(1, "the order of the axes")
    draft.give(draft.emit("Transpose", (draft.value(x),), {"perm": perm}), draft.output)


def concatenation(draft: Draft) -> None:
    """CONCATENATION."""
    tensors = [draft.input(place) for place in range(len(draft.operator.inputs))]
    demand_equal_scales(draft, *tensors)
    axis = draft.option(0)
    made = draft.emit("Concat", [draft.value(tensor) for tensor in tensors], {"axis": axis})
    if draft.output.quant is not None and draft.flag(1):
        raise RefusedOperatorError(
            "a concatenation of integers must have no activation",
            f"activation {draft.flag(1)} of the schema",
            "Put the activation behind it: TFLM has none here.",
        )
    if draft.output.quant is None:
        draft.finish(made, draft.flag(1))
    else:
        draft.give(made, draft.output)


def pack(draft: Draft) -> None:
    """PACK: each input gets an axis of one element, along which they are joined."""
    tensors = [draft.input(place) for place in range(len(draft.operator.inputs))]
    demand_equal_scales(draft, *tensors)
    axis = draft.option(1) % max(1, len(draft.output.shape))
    parts = [
        draft.reshaped(draft.value(t), (*t.shape[:axis], 1, *t.shape[axis:]), "part")
        for t in tensors
    ]
    draft.give(draft.emit("Concat", parts, {"axis": axis}), draft.output)


def unpack(draft: Draft) -> None:
    """UNPACK: a block of one for each output, without its axis."""
    x = draft.input(0)
    axis = draft.option(1) % max(1, len(x.shape))
    for place in range(len(draft.operator.outputs)):
        _part(draft, x, place, axis, (place, place + 1))


def split(draft: Draft) -> None:
    """SPLIT into equal parts."""
    x, count = draft.input(1), len(draft.operator.outputs)
    axis = _axis(draft.integers(0, "the axis"), x)
    if x.shape[axis] % count:
        raise _bad_parts(x, f"{count} equal parts along axis {axis}")
    size = x.shape[axis] // count
    for place in range(count):
        _part(draft, x, place, axis, (place * size, (place + 1) * size))


def split_v(draft: Draft) -> None:
    """SPLIT_V into parts of given sizes, one of which may be -1: what is left."""
    x, sizes = draft.input(0), list(draft.integers(1, "the sizes"))
    axis = _axis(draft.integers(2, "the axis"), x)
    if -1 in sizes:
        sizes[sizes.index(-1)] = x.shape[axis] - sum(sizes) - 1
    whole = sum(sizes) == x.shape[axis] and len(sizes) == len(draft.operator.outputs)
    if not whole or min(sizes) < 0:
        raise _bad_parts(x, f"sizes {sizes} along axis {axis}")
    for place, size in enumerate(sizes):
        first = sum(sizes[:place])
        _part(draft, x, place, axis, (first, first + size))


def slice_block(draft: Draft) -> None:
    """SLICE: first indices and sizes, of which -1 is what is left."""
    x = draft.input(0)
    demand_equal_scales(draft, x)
    starts, sizes = draft.integers(1, "the first indices"), draft.integers(2, "the sizes")
    if not len(starts) == len(sizes) == len(x.shape):
        raise _bad_parts(x, f"starts {list(starts)}, sizes {list(sizes)}")
    ends = [
        n if size == -1 else start + size
        for start, size, n in zip(starts, sizes, x.shape, strict=True)
    ]
    made = _sliced(draft, draft.value(x), (starts, ends, (1,) * len(ends)))
    draft.give(made, draft.output)


def strided_slice(draft: Draft) -> None:
    """STRIDED_SLICE; axes that shrink are left out of the shape."""
    x = draft.input(0)
    demand_equal_scales(draft, x)
    starts, ends, steps = (
        list(draft.integers(place, what))
        for place, what in ((1, "the first indices"), (2, "the ends"), (3, "the steps"))
    )
    if draft.option(2) or draft.option(3) or draft.flag(5):
        raise RefusedOperatorError(
            "a slice must have no ellipsis, new axis or offset",
            f"ellipsis_mask {draft.option(2)}, new_axis_mask {draft.option(3)}, "
            f"offset {draft.flag(5)}",
            "Write out the slice in the network.",
        )
    if not len(starts) == len(ends) == len(steps) <= len(x.shape):
        raise _bad_parts(x, f"starts {starts}, ends {ends}, steps {steps}")
    begin, end, shrink = (draft.option(number) for number in (0, 1, 4))
    for axis, n in enumerate(x.shape[: len(starts)]):
        if begin >> axis & 1:
            starts[axis] = 0 if steps[axis] > 0 else n - 1
        if end >> axis & 1:
            ends[axis] = n if steps[axis] > 0 else -n - 1
        if shrink >> axis & 1:
            starts[axis] += n if starts[axis] < 0 else 0
            ends[axis] = starts[axis] + 1
    made = _sliced(draft, draft.value(x), (starts, ends, steps))
    if shrink:
        _renamed(draft, made, draft.output)
    else:
        draft.give(made, draft.output)


def gather(draft: Draft) -> None:
    """GATHER of constant indices."""
    x = draft.input(0)
    demand_equal_scales(draft, x)
    draft.integers(1, "the indices")
    if draft.option(1):
        raise RefusedOperatorError(
            "it must gather along one axis", f"batch_dims {draft.option(1)}", "Write slices."
        )
    indices = draft.known(draft.input(1))
    if indices is not None:
        name = draft.constant(f"{draft.label}.indices", indices.astype(np.int64))
        made = draft.emit("Gather", (draft.value(x), name), {"axis": draft.option(0)})
        draft.give(made, draft.output)


def repeat(draft: Draft) -> None:
    """BROADCAST_TO and TILE, whose second input says the shape or the repeats."""
    x, numbers = draft.input(0), draft.integers(1, "the shape or repeats")
    demand_equal_scales(draft, x)
    name = draft.constant(f"{draft.label}.numbers", np.array(numbers, dtype=np.int64))
    operator = "Tile" if draft.operator.code == "TILE" else "Expand"
    draft.give(draft.emit(operator, (draft.value(x), name)), draft.output)


def _part(draft: Draft, x: Tensor, place: int, axis: int, span: tuple[int, int]) -> None:
    """One output of several: a block along an axis, in the shape that the file gives it."""
    output = draft.file.tensors[draft.operator.outputs[place]]
    starts, ends = [0] * len(x.shape), list(x.shape)
    starts[axis], ends[axis] = span
    shape = tuple(end - start for start, end in zip(starts, ends, strict=True))
    made = _sliced(draft, draft.value(x), (starts, ends, (1,) * len(ends)))
    if shape == output.shape:
        draft.give(made, output)
    elif math.prod(shape) == math.prod(output.shape):
        _renamed(draft, made, output)
    else:
        raise _bad_parts(x, f"{list(shape)} for {described(output)}")


def _sliced(
    draft: Draft, value: str, ranges: tuple[Sequence[int], Sequence[int], Sequence[int]]
) -> str:
    """A block of a value; (starts, ends, steps) of its first axes."""
    starts, ends, steps = ranges
    numbers = (starts, ends, range(len(starts)), steps)
    names = [
        draft.constant(f"{draft.label}.{what}", np.array(list(values), dtype=np.int64))
        for what, values in zip(("starts", "ends", "axes", "steps"), numbers, strict=True)
    ]
    return draft.emit("Slice", (value, *names))


def _renamed(draft: Draft, value: str, output: Tensor) -> None:
    draft.give(draft.reshaped(value, output.shape), output)


def _axis(numbers: tuple[int, ...], x: Tensor) -> int:
    if len(numbers) != 1 or not -len(x.shape) <= numbers[0] < len(x.shape):
        raise _bad_parts(x, f"axis {list(numbers)}")
    return numbers[0] % len(x.shape)


def _bad_parts(x: Tensor, actual: str) -> RefusedOperatorError:
    return RefusedOperatorError(
        "the parts of a tensor must lie in it", f"{actual} of {described(x)}", "Convert it again."
    )


def blocks(draft: Draft) -> None:
    """DEPTH_TO_SPACE and SPACE_TO_DEPTH."""
    x, size = draft.input(0), draft.option(0)
    demand_equal_scales(draft, x)
    if len(x.shape) != 4:
        raise RefusedOperatorError(
            "its input must be a map [1, H, W, C]", described(x), "Convert the network again."
        )
    op = "DepthToSpace" if draft.operator.code == "DEPTH_TO_SPACE" else "SpaceToDepth"
    turned = draft.channels_first(draft.reals(x))
    draft.finish(draft.channels_last(draft.emit(op, (turned,), {"blocksize": size})))


RULES: Mapping[str, Callable[[Draft], None]] = {
    "BROADCAST_TO": repeat,
    "TILE": repeat,
    "CONCATENATION": concatenation,
    "DEPTH_TO_SPACE": blocks,
    "EXPAND_DIMS": reshape,
    "GATHER": gather,
    "PACK": pack,
    "RESHAPE": reshape,
    "SLICE": slice_block,
    "SPACE_TO_DEPTH": blocks,
    "SPLIT": split,
    "SPLIT_V": split_v,
    "SQUEEZE": reshape,
    "STRIDED_SLICE": strided_slice,
    "TRANSPOSE": transpose,
    "UNPACK": unpack,
}
"""What translates each operator of the family."""
