"""The Chromium that tests and benchmarks drive."""

from __future__ import annotations

import shutil
from pathlib import Path

from playwright.sync_api import Browser, Playwright

ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


def launch_chromium(playwright: Playwright) -> Browser:
    """Playwright's own Chromium where it is installed, else the system's.

    Raises:
        RuntimeError: there is neither.
    """
    path = None
    if not Path(playwright.chromium.executable_path).exists():
        path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
        if path is None:
            raise RuntimeError(
                "There is no Chromium to test with. Run `make test`, which installs one, or `playwright install "
                "chromium`, or put the system's `chromium` on the PATH."
            )
    return playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
