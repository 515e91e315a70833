"""What an ONNX value can stand for while a float network is lowered."""

from mcucc.importer.layout.view import View
from mcucc.importer.values import Constant, Refused

Symbol = View | Constant | Refused


def describe(symbol: Symbol | None) -> str:
    """What a value is, for a message."""
    match symbol:
        case None:
            return "left out, or unknown"
        case View():
            return f"an activation {list(symbol.shape)}"
        case Constant():
            return f"a constant {symbol.data.dtype}{list(symbol.data.shape)}"
        case Refused():
            return "the result of a refused operator"
