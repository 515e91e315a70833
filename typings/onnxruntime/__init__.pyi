from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

class NodeArg:
    name: str
    shape: list[int | str | None]
    type: str

class GraphOptimizationLevel(Enum):
    ORT_DISABLE_ALL = 0

class SessionOptions:
    graph_optimization_level: GraphOptimizationLevel
    log_severity_level: int
    def add_session_config_entry(self, key: str, value: str) -> None: ...

class InferenceSession:
    def __init__(
        self,
        path_or_bytes: str | bytes | Path,
        sess_options: SessionOptions | None = None,
        *,
        providers: Sequence[str],
    ) -> None: ...
    def run(
        self, output_names: Sequence[str] | None, input_feed: Mapping[str, NDArray[Any]]
    ) -> list[NDArray[Any]]: ...
    def get_inputs(self) -> list[NodeArg]: ...
    def get_outputs(self) -> list[NodeArg]: ...
