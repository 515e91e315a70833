"""Where the data files live: `templates/`, `runtime_c/` and `boards/`.

In a checkout they lie at the top level, in an installed wheel under `mcucc/_data`. Only this
module knows the difference.
"""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_INSTALLED = _PACKAGE / "_data"
_ROOT = _INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parent

TEMPLATES: Path = _ROOT / "templates"
RUNTIME_C: Path = _ROOT / "runtime_c"
BOARDS: Path = _ROOT / "boards"
