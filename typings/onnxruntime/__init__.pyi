from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

class NodeArg:
    name: str

class InferenceSession:
    def __init__(self, path_or_bytes: str | bytes | Path, *, providers: Sequence[str]) -> None: ...
    def run(
        self, output_names: Sequence[str] | None, input_feed: Mapping[str, NDArray[Any]]
    ) -> list[NDArray[Any]]: ...
    def get_outputs(self) -> list[NodeArg]: ...
