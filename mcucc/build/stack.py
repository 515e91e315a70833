"""The worst-case stack of a network, from the call graphs that gcc writes.

With `-fcallgraph-info=su` gcc writes, beside each object, a graph in VCG format: a node for each
function with the bytes of its frame, an edge for each call. Generated code has no recursion and
calls no function through a pointer, so the longest path is the bound.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from mcucc.errors import InvariantError

CALL_GRAPH_FLAG = "-fcallgraph-info=su"

_NODE = re.compile(r'^node: \{ title: "(?P<title>[^"]*)" label: "(?P<label>[^"]*)"', re.MULTILINE)
_EDGE = re.compile(
    r'^edge: \{ sourcename: "(?P<source>[^"]*)" targetname: "(?P<target>[^"]*)"', re.MULTILINE
)
_PUSHED = re.compile(r"^#define MCUCC_\w+_PUSHED (?P<bytes>\d+) ", re.MULTILINE)
_FRAME = re.compile(r"(?P<bytes>\d+) bytes \((?P<kind>[^)]*)\)")


def worst_stack_bytes(
    call_graphs: Iterable[Path], function: str, *, calls_back: bool = False
) -> int:
    """Returns the bytes of stack that a call of `function` needs at most.

    Frames of functions outside the graphs (memcpy and memset of the C library, a few words) are
    not counted.

    What assembly pushes is no part of any frame: see `pushed_bytes`.

    Args:
        call_graphs: the `.ci` files of all objects.
        function: name of an external function.
        calls_back: it calls a function of its caller's through a pointer; the stack of that is the
            caller's affair.

    Raises:
        InvariantError: the code breaks the rules above, so that there is no bound.
    """
    frames: dict[str, int] = {}
    calls: dict[str, set[str]] = {}
    for path in call_graphs:
        text = path.read_text(encoding="utf-8")
        for node in _NODE.finditer(text):
            frames[node["title"]] = max(frames.get(node["title"], 0), _frame_bytes(node))
        for edge in _EDGE.finditer(text):
            calls.setdefault(edge["source"], set()).add(edge["target"])
    known = {"__indirect_call": 0} if calls_back else {}
    return _depth(function, frames, calls, (), known)


def pushed_bytes(headers: Iterable[Path]) -> int:
    """The most bytes that assembly in the headers pushes at once, as they say themselves.

    It calls nothing, so that the bytes of one place come to the frames of those that called it.
    """
    said = (_PUSHED.finditer(path.read_text(encoding="utf-8")) for path in headers)
    return max((int(each["bytes"]) for found in said for each in found), default=0)


def _frame_bytes(node: re.Match[str]) -> int:
    frame = _FRAME.search(node["label"])
    if frame is None:
        return 0
    if frame["kind"] == "dynamic":
        raise InvariantError(f"the frame of {node['title']} has no fixed size")
    return int(frame["bytes"])


def _depth(
    function: str,
    frames: dict[str, int],
    calls: dict[str, set[str]],
    path: tuple[str, ...],
    known: dict[str, int],
) -> int:
    if function in known:
        return known[function]
    if function == "__indirect_call" or function in path:
        raise InvariantError(
            f"no bound for the stack: {' -> '.join((*path, function))} is "
            f"{'a recursion' if function in path else 'a call through a pointer'}"
        )
    below = [
        _depth(callee, frames, calls, (*path, function), known)
        for callee in sorted(calls.get(function, ()))
    ]
    known[function] = frames.get(function, 0) + max(below, default=0)
    return known[function]
