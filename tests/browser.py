"""A real browser for tests of pages: Chromium without a window, by its driver.

`AXE` names the file of axe-core (npm's `axe-core/axe.min.js`), whose rules the pages are held to.
"""

import base64
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
DRIVER = shutil.which("chromedriver")
AXE = Path(os.environ.get("AXE", "node_modules/axe-core/axe.min.js"))
PAPERS = ((8.27, 11.69), (8.5, 11))
"""Inches of A4 and letter."""


def started() -> Iterator[Any]:
    """The browser, for a fixture; it ends with that."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    if CHROMIUM is None or DRIVER is None:
        pytest.skip("no chromium and chromedriver on the PATH (Debian: chromium, chromium-driver)")
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(word)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    found = webdriver.Chrome(options=options, service=Service(DRIVER))
    yield found
    found.quit()


def set_width(driver: Any, width: int) -> None:
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def pages(driver: Any, width: float, height: float) -> int:
    """How many pages of such paper, in inches, the page takes."""
    size = {"paperWidth": width, "paperHeight": height, "printBackground": True}
    printed = driver.execute_cdp_cmd("Page.printToPDF", size)
    return len(re.findall(rb"/Type\s*/Page\b", base64.b64decode(printed["data"])))


def violations(driver: Any) -> list[tuple[str, list[str]]]:
    """The rules of axe-core that the page breaks, and where. Skips where that is not there."""
    if not AXE.is_file():
        pytest.skip("axe-core is not there: npm install axe-core, or AXE=")
    driver.execute_script(AXE.read_text())
    found = driver.execute_async_script(
        "const done = arguments[0]; axe.run().then(found => done(found.violations))"
    )
    return [(one["id"], [node["html"][:200] for node in one["nodes"]][:3]) for one in found]
