"""Rules for operators that make indices."""

from collections.abc import Callable, Mapping

from mcucc.importer.tflite.draft import Draft, RefusedOperatorError, described

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


RULES: Mapping[str, Callable[[Draft], None]] = {"ARG_MAX": arg, "ARG_MIN": arg}
"""What translates each operator of the family."""
