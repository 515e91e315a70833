from typing import Any, TypeVar

from numpy.typing import NDArray

_A = TypeVar("_A", bound=NDArray[Any])
_B = TypeVar("_B", bound=NDArray[Any])

def train_test_split(
    first: _A, second: _B, /, *, test_size: int, stratify: NDArray[Any], random_state: int
) -> tuple[_A, _A, _B, _B]: ...
