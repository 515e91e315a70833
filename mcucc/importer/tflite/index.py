"""Rules for operators that make indices."""

from collections.abc import Callable, Mapping

import numpy as np

from mcucc.importer.tflite.draft import (
    Draft,
    RefusedOperatorError,
    demand_equal_scales,
    described,
)

_ONNX: Mapping[str, str] = {"ARG_MAX": "ArgMax", "ARG_MIN": "ArgMin"}


def arg(draft: Draft) -> None:
    """ARG_MAX and ARG_MIN along one axis, which is dropped."""
    x, axes = draft.input(0), draft.integers(1, "the axis")
    if len(axes) != 1:
        raise RefusedOperatorError(
            "it must look along one axis", f"axes {list(axes)} of {described(x)}", "Convert again."
        )
    attributes = {"axis": axes[0], "keepdims": 0}
    made = draft.emit(_ONNX[draft.operator.code], (draft.reals(x),), attributes)
    draft.give(made, draft.output)


def top_k(draft: Draft) -> None:
    """TOPK_V2 of the last axis: the largest, of equal ones the first, and where they stand."""
    x = draft.input(0)
    demand_equal_scales(draft, x)
    count = draft.integers(1, "how many it keeps")
    name = draft.constant(f"{draft.label}.k", np.array(count, dtype=np.int64))
    outputs = [draft.file.tensors[place] for place in draft.operator.outputs]
    if len(outputs) != 2 or outputs[1].dtype != "INT32":
        raise RefusedOperatorError(
            "it must make values and int32 indices",
            ", ".join(map(described, outputs)),
            "Convert again.",
        )
    names = [draft.names[tensor.index] for tensor in outputs]
    draft.append("TopK", draft.label, (draft.value(x), name), names, {"axis": -1})


RULES: Mapping[str, Callable[[Draft], None]] = {"ARG_MAX": arg, "ARG_MIN": arg, "TOPK_V2": top_k}
"""What translates each operator of the family."""
