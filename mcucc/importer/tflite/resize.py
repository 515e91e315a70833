"""Rules for resizes."""

from collections.abc import Callable, Mapping

import numpy as np

from mcucc.importer.file.reader import AttributeValue
from mcucc.importer.rules.resize import FIXED_POINT
from mcucc.importer.tflite.draft import (
    Draft,
    RefusedOperatorError,
    demand_equal_scales,
    demand_map,
)

_COORDINATES = {
    (0, 0): ("asymmetric", "floor"),
    (1, 0): ("align_corners", "round_prefer_ceil"),
    (0, 1): ("half_pixel", "round_prefer_ceil"),
}
"""ONNX's names for (align_corners, half_pixel_centers), and how it finds the nearest pixel."""


def resize_nearest(draft: Draft) -> None:
    """RESIZE_NEAREST_NEIGHBOR."""
    mode, rounding = _coordinates(draft, 0)
    fixed = {} if draft.output.quant is None else {FIXED_POINT: mode}
    _resize(draft, {"mode": "nearest", "nearest_mode": rounding, **fixed}, mode)


def resize_bilinear(draft: Draft) -> None:
    """RESIZE_BILINEAR, in TFLM's fixed point where it is of integers."""
    mode, _ = _coordinates(draft, 2)
    fixed = {} if draft.output.quant is None else {FIXED_POINT: mode}
    _resize(draft, {"mode": "linear", **fixed}, mode)


def _coordinates(draft: Draft, first: int) -> tuple[str, str]:
    """What the two flags say, of which `first` is the number of the first one's field."""
    flags = (draft.flag(first), draft.flag(first + 1))
    if flags not in _COORDINATES:
        raise RefusedOperatorError(
            "a resize must align corners or the centres of pixels, not both",
            f"align_corners and half_pixel_centers {flags}",
            "Convert the network again.",
        )
    return _COORDINATES[flags]


def _resize(draft: Draft, attributes: Mapping[str, AttributeValue], coordinates: str) -> None:
    x, wanted = draft.input(0), draft.integers(1, "the sizes")
    demand_equal_scales(draft, x)
    demand_map(draft)
    if len(wanted) != 2:
        raise RefusedOperatorError(
            "a resize must have two sizes", f"{list(wanted)}", "Convert the network again."
        )
    sizes = np.array((1, x.shape[3], *wanted), dtype=np.int64)
    inputs = (
        *(draft.channels_first(draft.reals(x)), "", ""),
        draft.constant(f"{draft.label}.sizes", sizes),
    )
    given = {**attributes, "coordinate_transformation_mode": coordinates}
    draft.finish(draft.channels_last(draft.emit("Resize", inputs, given)))


RULES: Mapping[str, Callable[[Draft], None]] = {
    "RESIZE_BILINEAR": resize_bilinear,
    "RESIZE_NEAREST_NEIGHBOR": resize_nearest,
}
"""What translates each operator of the family."""
