"""Writing so that whoever looks finds all of the old or all of the new, whenever the writer dies.

`replace_files` does it for the directory of a compilation, `write_whole` for a single file. How,
and what holds where a system cannot do it, is said in docs/adr/0017-old-or-new.md.
"""

from mcucc.compiled.output.directory import replace_files
from mcucc.compiled.output.journal import finish_replacement
from mcucc.compiled.output.names import COMMIT, is_safe_name
from mcucc.compiled.output.owned import MOST_REPORT_BYTES, REPORT, Earlier, earlier_compilation
from mcucc.compiled.output.single import write_whole

__all__ = [
    "COMMIT",
    "MOST_REPORT_BYTES",
    "REPORT",
    "Earlier",
    "earlier_compilation",
    "finish_replacement",
    "is_safe_name",
    "replace_files",
    "write_whole",
]
