"""Where the data files live: `templates/`, `runtime_c/` and `boards/`.

In a checkout they lie at the top level, in an installed wheel under `mcucc/_data`. Only this
module knows the difference.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

_PACKAGE = Path(__file__).resolve().parent
_INSTALLED = _PACKAGE / "_data"
_ROOT = _INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parent

TEMPLATES: Path = _ROOT / "templates"
RUNTIME_C: Path = _ROOT / "runtime_c"
BOARDS: Path = _ROOT / "boards"


@cache
def runtime_headers() -> Mapping[str, Path]:
    """The headers of `runtime_c/` by name: one folder a kernel family, flat in the output."""
    return MappingProxyType({path.name: path for path in sorted(RUNTIME_C.glob("*/mcucc_*.h"))})


def runtime_includes() -> tuple[str, ...]:
    """The compiler's `-I` options that find the headers where they lie."""
    return tuple(f"-I{folder}" for folder in sorted({p.parent for p in runtime_headers().values()}))
