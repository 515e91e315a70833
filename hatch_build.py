"""Refuses a Python that is too old as soon as pip reads the metadata.

pip looks at what an extra wants before it looks at `requires-python`; on an older Python it would
try the releases of every dependency for minutes before it gives up.
"""

import sys

from hatchling.metadata.plugin.interface import MetadataHookInterface


class OldPythonHook(MetadataHookInterface):
    """Adds nothing to the metadata."""

    def update(self, metadata: dict[str, object]) -> None:  # noqa: ARG002 -- the interface's
        """Stop the build on a Python below `requires-python`."""
        if sys.version_info < (3, 11):  # noqa: UP036 -- an older one is what is looked for
            found = ".".join(map(str, sys.version_info[:3]))
            sys.exit(
                f"mcucc needs Python 3.11 or newer, and this is {found} ({sys.executable}): "
                "make an environment with a newer one, python3.11 -m venv .venv"
            )
