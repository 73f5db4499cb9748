"""The Chromium that tests and benchmarks drive."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

from playwright.sync_api import Browser, Error, Playwright, sync_playwright

ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


def launch_chromium(playwright: Playwright) -> Browser:
    """Playwright's own Chromium where it is installed and starts, else the system's.

    Raises:
        RuntimeError: none starts.
    """
    own = playwright.chromium.executable_path
    system = map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))
    for path in (None, *filter(None, system)) if Path(own).exists() else filter(None, system):
        with suppress(Error):
            return playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
    raise RuntimeError(
        "There is no Chromium to test with. Run `make test`, which installs one, or `playwright install chromium`, or "
        "put the system's `chromium` on the PATH."
    )


if __name__ == "__main__":
    with sync_playwright() as started:
        browser = launch_chromium(started)
        print(f"Chromium {browser.version} for the browser tests")
        browser.close()
