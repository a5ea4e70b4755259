"""How large a page of many cells is, how fast it answers: `python -m benchmarks.page [CELLS]`.

Makes up results of CELLS cells (1,000), with figures left out, builds their page, opens it in a
headless Chromium (by selenium and chromedriver) and prints what each step takes there: from the
event to the next frame that is drawn.
"""

import shutil
import sys
import tempfile
import time
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from benchmarks.report import make_up
from runners.analysis.summary import summarise
from runners.report.entries import entries
from runners.report.page.build import PAGE, page
from runners.results.read import read_runs

TIMED = """
const done = arguments[arguments.length - 1], begin = performance.now();
%s
requestAnimationFrame(() => setTimeout(() => done(performance.now() - begin)));
"""
STEPS = {
    "filter by n": "const s = document.querySelector('[name=n]'); s.selectedIndex = 3;"
    "s.dispatchEvent(new Event('change', {bubbles: true}));",
    "show all": "const s = document.querySelector('[name=n]'); s.selectedIndex = 0;"
    "s.dispatchEvent(new Event('change', {bubbles: true}));",
    "find a name": "const s = document.querySelector('[name=find]'); s.value = 'pool';"
    "s.dispatchEvent(new Event('input', {bubbles: true}));",
    "sort by speedup": "document.querySelector('thead .speedup button').click();",
    "open a cell": "document.querySelector('.cells > tbody:not([hidden]) > tr').click();",
}


def main() -> None:
    cells = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_up(folder, cells, 200)
        runs = read_runs(folder)
        summary = summarise(runs)
        begin = time.perf_counter()
        data = page(folder, folder, runs, summary, entries(summary))
        print(f"build the page: {time.perf_counter() - begin:.2f} s")
        (folder / PAGE).write_bytes(data)
        print(f"size: {len(data) / 1e6:.2f} MB")
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium") or ""
        for word in ("--headless=new", "--no-sandbox", "--disable-gpu"):
            options.add_argument(word)
        driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
        try:
            begin = time.perf_counter()
            driver.get((folder / PAGE).as_uri())
            print(f"open it: {time.perf_counter() - begin:.2f} s")
            for what, script in STEPS.items():
                took_ms = driver.execute_async_script(TIMED % script)
                print(f"{what}: {took_ms / 1000:.3f} s")
        finally:
            driver.quit()


if __name__ == "__main__":
    main()
