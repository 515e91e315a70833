"""Which operators of files are taken: the table of `mcucc ops`, made from the importer's rules."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mcucc.importer import FOLDABLE, RULES, TFLITE_RULES
from mcucc.report.summary import Summarized, Summary


@dataclass(frozen=True)
class SupportedOperator:
    """An operator that a network may have.

    Attributes:
        format: of the file: "onnx" or "tflite".
        name: as the file spells it.
        taken: what of it, in a sentence.
        folded: whether it is computed where all its inputs are constant.
    """

    format: str
    name: str
    taken: str
    folded: bool


@dataclass(frozen=True, repr=False)
class SupportedOperators(Summarized):
    """All operators that are taken, by format and name.

    Attributes:
        operators: that a network may compute with.
        folded: names of ONNX operators that are taken where all their inputs are constant, and
            nowhere else.
    """

    operators: tuple[SupportedOperator, ...]
    folded: tuple[str, ...]

    def summary(self) -> Summary:
        """A row for each operator."""
        rows = [(x.format, x.name, x.taken, x.folded) for x in self.operators]
        facts = {"operators": len(self.operators), "folded": len(self.folded)}
        return Summary(type(self).__name__, facts, ("format", "operator", "taken", "folded"), rows)


def supported_operators() -> SupportedOperators:
    """The table, from the rules by which operators are lowered and refused."""
    found = (*_onnx(), *_tflite())
    return SupportedOperators(found, tuple(sorted(FOLDABLE - RULES.keys())))


def _onnx() -> Iterator[SupportedOperator]:
    for name, rule in sorted(RULES.items()):
        yield SupportedOperator("onnx", name, _sentence(rule.lower), name in FOLDABLE)


def _tflite() -> Iterator[SupportedOperator]:
    for name, rule in sorted(TFLITE_RULES.items()):
        yield SupportedOperator("tflite", name, _sentence(rule), folded=False)


def _sentence(rule: Callable[..., object]) -> str:
    """The first line of what a rule says of itself."""
    return (rule.__doc__ or "").strip().partition("\n")[0].rstrip(".")


def markdown(found: SupportedOperators) -> str:
    """The page docs/operators.md."""
    lines = [
        "# Operators",
        "",
        "Made by `mcucc ops --markdown` from the rules by which files are read and refused. What",
        "an operator computes in int8 is in [numerics.md](numerics.md#the-operators); `mcucc",
        "inspect` says of a file what is not taken, and what to do instead.",
    ]
    for name, title in (("onnx", "ONNX"), ("tflite", "`.tflite`")):
        lines += ["", f"## {title}", "", "| operator | taken |", "|---|---|"]
        lines += [f"| {x.name} | {x.taken} |" for x in found.operators if x.format == name]
    lines += [
        "",
        "## Where all inputs are constant",
        "",
        "These ONNX operators are computed before anything else where they depend on no input, and",
        "are taken nowhere else: " + ", ".join(found.folded) + ".",
    ]
    return "\n".join(lines) + "\n"
