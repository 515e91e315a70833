"""A page in headless Chromium, at several widths: what overlaps, what is cut, what fails."""

import html
import json
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

WIDTHS = (390, 1000, 1600)

_PROBE = (Path(__file__).parent / "probe.js").read_text(encoding="utf-8")
_WATCH = "<script>window.faults=[];window.onerror=(m)=>{window.faults.push(String(m))};</script>"
_GATHER = """<script>
const seen = {};
window.addEventListener("message", (event) => {
  seen[event.data.name] = event.data.found;
  document.getElementById("seen").textContent = JSON.stringify(seen);
});
</script><pre id="seen"></pre>"""


def chromium() -> str:
    """The browser, which .ci/setup installs."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    assert found is not None, "chromium is missing: .ci/setup installs it"
    return found


def looked_at(pages: Mapping[str, str], folder: Path) -> Mapping[str, Sequence[str]]:
    """What is wrong with each page at each width, by `name width`; the browser is started once.

    Args:
        pages: HTML by name.
        folder: for the browser's files.
    """
    frames = (
        f'<iframe name="{name} {width}" width="{width}" height="800" style="border:0" '
        f'srcdoc="{html.escape(_probed(page))}"></iframe>'
        for name, page in pages.items()
        for width in WIDTHS
    )
    file = folder / "frames.html"
    file.write_text(f"<!DOCTYPE html>{_GATHER}{''.join(frames)}", encoding="utf-8")
    done = subprocess.run(
        [
            chromium(),
            *("--headless=new", "--no-sandbox", "--disable-gpu", "--dump-dom"),
            *(f"--user-data-dir={folder / 'profile'}", "--virtual-time-budget=5000"),
            file.as_uri(),
        ],
        capture_output=True,
        timeout=120,
        check=True,
    )
    seen = re.search(r'<pre id="seen">(.*?)</pre>', done.stdout.decode(), re.DOTALL)
    assert seen is not None, done.stderr.decode()
    return json.loads(html.unescape(seen[1]) or "{}")


def _probed(page: str) -> str:
    """The page with what watches and tries it."""
    watched = page.replace("<head>", f"<head>{_WATCH}", 1)
    return watched.replace("</body>", f"<script>{_PROBE}</script></body>", 1)
