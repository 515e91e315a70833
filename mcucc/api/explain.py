"""Why a compiled network is as it is."""

import difflib
from dataclasses import dataclass
from pathlib import Path

import msgspec

from mcucc.compiled.report_file import load_report
from mcucc.errors import UsageError
from mcucc.report import Report
from mcucc.report.model import SCHEMA, LayerReport, Reason

_NEAREST = 3


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """The reasons of a network, or of one of its layers.

    Attributes:
        schema: version of the report that they were read from.
        name: of the network.
        board: for which it was compiled.
        layer: the layer, None for the whole network or a node of which no layer is left.
        reasons: of the layer, or all.
        reasons_left_out: how many more there are of layers that have very many.
    """

    schema: int = SCHEMA
    name: str
    board: str
    layer: LayerReport | None
    reasons: tuple[Reason, ...]
    reasons_left_out: int


@dataclass(frozen=True)
class Place:
    """What a name stands for: a layer, or an ONNX node of which no layer is left.

    Attributes:
        layer: its index, None for such a node.
        node: name of such a node, else empty.
    """

    layer: int | None = None
    node: str = ""


def explain_directory(directory: Path, layer: str | None = None) -> Explanation:
    """The reasons of a compiled directory, which no model file is needed for.

    Args:
        directory: compiled.
        layer: name of a layer, of one of its ONNX nodes, or its index; None for all.

    Raises:
        InputFileError: the directory is not a compiled network of this version.
        UsageError: there is no such layer.
    """
    report = load_report(directory)
    return explanation(report, None if layer is None else find_place(report, layer))


def explanation(report: Report, place: Place | None) -> Explanation:
    """The reasons of one place of a report, or all of them."""
    reasons = report.reasons
    if place is not None:
        reasons = tuple(
            reason
            for reason in reasons
            if reason.layer == place.layer and place.node in ("", reason.node)
        )
    found = None if place is None or place.layer is None else report.layers[place.layer]
    return Explanation(
        name=report.name,
        board=report.board,
        layer=found,
        reasons=reasons,
        reasons_left_out=report.reasons_left_out,
    )


def find_place(report: Report, text: str) -> Place:
    """The layer of a name, of an ONNX node, or of an index, in this order.

    Raises:
        UsageError: there is none; it names the nearest three.
    """
    indices = {
        **{str(layer.index): layer.index for layer in report.layers},
        **{name: layer.index for layer in reversed(report.layers) for name in layer.origin},
        **{layer.name: layer.index for layer in report.layers},
    }
    if text in indices:
        return Place(indices[text])
    gone = sorted({reason.node for reason in report.reasons if reason.layer is None} - {""})
    if text in gone:
        return Place(node=text)
    names = [*dict.fromkeys(name for name in (*indices, *gone) if not name.isdecimal())]
    near = difflib.get_close_matches(text, names, n=_NEAREST, cutoff=0.0)
    raise UsageError(
        f"'{text}' is no layer and no ONNX node of '{report.name}', and no index below "
        f"{len(report.layers)}. The nearest are {', '.join(near)}"
    )
