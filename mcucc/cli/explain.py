"""`mcucc explain`."""

from pathlib import Path

import click

from mcucc.api.explain import explanation, find_place
from mcucc.cli.options import DIRECTORY, as_json
from mcucc.cli.printing import console, print_json
from mcucc.compiled.report_file import load_report
from mcucc.report.text.explain import explain_layer, explain_network, explain_node


@click.command()
@click.argument("directory", type=DIRECTORY)
@click.argument("layer", required=False)
@as_json
def explain(directory: Path, layer: str | None, *, as_json: bool) -> None:
    """Show why the network in DIRECTORY is as it is, or all about one LAYER of it.

    LAYER is the name of a layer, of one of its ONNX nodes, or its index. What was declined is shown
    with the rule that did not hold, and with what it would bring where that is known.
    """
    report = load_report(directory)
    place = None if layer is None else find_place(report, layer)
    if as_json:
        print_json(explanation(report, place))
        return
    width = console().width
    if place is None:
        text = explain_network(report, width)
    elif place.layer is None:
        text = explain_node(report, place.node, width)
    else:
        text = explain_layer(report, place.layer, width)
    console().print(text, soft_wrap=True)
