"""The page in a real browser: Chromium without a window, where it and its driver are installed."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runners.analysis.recommend import recommend
from runners.analysis.summary import summarise
from runners.model import Environment
from runners.results.read import read_runs
from runners.results.write import write_environment
from tests import synthetic
from tests.browser import PAPERS, pages, set_width, started, violations
from tests.report.page.test_build import FIGURE, HOSTILE, page

pytestmark = pytest.mark.browser

NAMES = ".cells > tbody > tr > th > a"
ROWS = "return [...document.querySelectorAll('.cells > tbody')]"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of six cells, of which one failed, with names that would be scripts."""
    folder = tmp_path_factory.mktemp("page")
    for at, (executor, n) in enumerate((e, n) for e in ("thread", "process") for n in (1, 2, 10)):
        failed = {"status": "failed", "error": HOSTILE, "rounds": 1} if at == 5 else {}
        parameters = {"workload.name": HOSTILE if at % 2 else "plain"}
        runs = synthetic.runs(executor=executor, n=n, speedup=0.5 + n / 3, **failed)  # type: ignore[arg-type]
        runs = [replace(run, parameters=parameters, workload="<b>primes") for run in runs]
        synthetic.write(folder / str(at), runs)
        write_environment(folder / str(at), Environment({"hostname": HOSTILE}, 2.0))
        (folder / str(at) / ".hydra").mkdir()
        (folder / str(at) / ".hydra/overrides.yaml").write_text(f"- executor={executor}\n- n={n}\n")
    runs_ = read_runs(folder)
    summary = summarise(runs_)
    wide = "\n".join(["| | " + "a column | " * 19, "| --- " * 20 + "|", "| 1.234_567 " * 20 + "|"])
    made = page(
        *(folder, folder, runs_, summary),
        recommended=recommend(summary, runs_),
        figures={"speedup": FIGURE, "efficiency": FIGURE},
        sections=[f"## Versions\n\n![versus](speedup.png)\n\n{wide}"],
    )
    (folder / "report.html").write_bytes(made)
    return folder


@pytest.fixture(scope="module")
def driver() -> Iterator[Any]:
    yield from started()


@pytest.fixture
def show(driver: Any, place: Path) -> Iterator[Callable[..., Any]]:
    """Open the page, so wide, with what follows its address; nothing may go wrong meanwhile."""

    def shown(hash_: str = "", width: int = 1280) -> Any:
        set_width(driver, width)
        driver.get("about:blank")
        driver.get(f"{(place / 'report.html').as_uri()}{hash_}")
        return driver

    driver.get_log("browser")
    yield shown
    assert driver.get_log("browser") == []
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def column(driver: Any, at: int) -> list[str]:
    """The texts of a column, in the rows that are seen."""
    text = f"body => body.rows[0].cells[{at}].textContent.trim()"
    found: list[str] = driver.execute_script(f"{ROWS}.filter(body => !body.hidden).map({text})")
    return found


def head(driver: Any, name: str) -> Any:
    return driver.find_element(
        "xpath", f"//table[contains(@class,'cells')]/thead//button[.='{name}']"
    )


def opened(driver: Any) -> int:
    return len(driver.find_elements("css selector", ".cells details[open]"))


def hash_of(driver: Any) -> str:
    return str(driver.execute_script("return decodeURIComponent(location.hash)"))


def test_numbers_are_sorted_by_size_and_what_is_missing_comes_last(
    show: Callable[..., Any],
) -> None:
    driver = show()
    heads = [one.text for one in driver.find_elements("css selector", ".cells > thead th")]
    at = heads.index("n")
    head(driver, "n").click()
    assert column(driver, at) == ["1", "1", "2", "2", "10", "10"]
    head(driver, "n").click()
    assert column(driver, at) == ["10", "10", "2", "2", "1", "1"]
    head(driver, "Speedup [95% interval]").click()  # the largest first
    speedups = column(driver, heads.index("Speedup [95% interval]"))
    assert speedups[-1].startswith("failed")
    values = [float(text.partition("×")[0]) for text in speedups[:-1]]
    assert values == sorted(values, reverse=True)
    assert hash_of(driver) == "#sort=Speedup+[95%+interval]+down"
    sorts = driver.find_elements("css selector", "[aria-sort=descending]")
    assert [one.text.rstrip(" ▼") for one in sorts] == ["Speedup [95% interval]"]


def test_filtering_by_a_parameter_and_the_state_in_the_address(show: Callable[..., Any]) -> None:
    driver = show()
    from selenium.webdriver.support.ui import Select

    Select(driver.find_element("name", "executor")).select_by_visible_text("process")
    assert len(column(driver, 0)) == 3
    Select(driver.find_element("name", "workload.name")).select_by_visible_text("plain")
    assert len(column(driver, 0)) == 1
    assert driver.find_element("css selector", ".filters output").text == "1 of 6 cells"
    state = driver.execute_script("return location.hash")
    driver = show(state)
    assert len(column(driver, 0)) == 1
    driver.find_element("css selector", "button[type=reset]").click()
    driver.execute_async_script("setTimeout(arguments[0], 20)")
    assert len(column(driver, 0)) == 6
    assert hash_of(driver) == ""
    driver.find_element("name", "find").send_keys("n = 10")
    assert len(column(driver, 0)) == 2


def test_a_click_opens_a_cell_and_the_address_keeps_it_open(show: Callable[..., Any]) -> None:
    driver = show()
    assert opened(driver) == 0
    row = driver.find_element("css selector", ".cells > tbody:nth-of-type(2) > tr")
    row.find_elements("css selector", "td")[-1].click()
    assert opened(driver) == 1
    name = row.find_element("css selector", "a")
    assert name.get_attribute("aria-expanded") == "true"
    state = driver.execute_script("return location.hash")
    assert state.startswith("#open=")
    name.click()
    assert opened(driver) == 0
    assert opened(show(state)) == 1
    link = driver.find_elements("css selector", ".members a")[0]
    target = str(link.get_attribute("href")).rpartition("#")[2]
    assert opened(show(f"#{target}")) == 1  # as a link from elsewhere has it


def test_a_command_is_copied(show: Callable[..., Any]) -> None:
    driver = show()
    origin = {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]}
    driver.execute_cdp_cmd("Browser.grantPermissions", origin)
    driver.find_element("css selector", NAMES).click()
    driver.find_element("css selector", "details[open] .copy").click()
    driver.execute_async_script("setTimeout(arguments[0], 50)")
    assert driver.find_element("css selector", "details[open] .copy").text == "Copied"
    read = "navigator.clipboard.readText().then(arguments[0], arguments[0])"
    copied = str(driver.execute_async_script(read))
    assert re.fullmatch(r"python -m runners executor=process n=\d+", copied), copied


def test_the_keyboard_alone_is_enough(show: Callable[..., Any]) -> None:
    driver = show()
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.ui import WebDriverWait

    def focused() -> str:
        what = "const a = document.activeElement; return a.tagName + ' ' + a.textContent.trim()"
        return str(driver.execute_script(what))

    def press(key: str) -> None:
        ActionChains(driver, duration=0).send_keys(key).perform()

    press(Keys.TAB)
    assert focused() == "A To the table of cells"
    for _ in range(40):
        press(Keys.TAB)
        if focused() == "BUTTON n":
            break
    assert focused() == "BUTTON n"
    press(Keys.SPACE)
    assert "sort=n" in hash_of(driver)
    for _ in range(40):
        press(Keys.TAB)
        if driver.execute_script("return Boolean(document.activeElement.closest('tbody'))"):
            break
    press(Keys.ENTER)
    assert opened(driver) == 1
    press(Keys.TAB)
    assert focused().startswith("SUMMARY")
    press(Keys.ENTER)
    assert opened(driver) == 0
    # It is not lost with what is hidden; the event that moves it comes later.
    WebDriverWait(driver, 20).until(lambda _: focused().startswith("A "))


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_is_no_wider_than_the_window(show: Callable[..., Any], width: int) -> None:
    driver = show(width=width)
    for name in driver.find_elements("css selector", NAMES):
        driver.execute_script("arguments[0].click()", name)
    assert opened(driver) == 6
    wide = "return document.documentElement.scrollWidth"
    assert driver.execute_script(wide) <= width


def test_a_dark_page_has_light_text(show: Callable[..., Any]) -> None:
    driver = show()
    lightness = (
        "return ['color', 'backgroundColor'].map(name => "
        "getComputedStyle(document.body)[name].match(/\\d+/g).slice(0, 3)"
        ".reduce((sum, one) => sum + Number(one), 0))"
    )
    text, back = driver.execute_script(lightness)
    assert text < back
    dark = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", dark)
    text, back = driver.execute_script(lightness)
    assert text > back


def test_without_scripts_everything_can_be_opened(show: Callable[..., Any], driver: Any) -> None:
    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    driver = show()
    details = driver.find_elements("css selector", ".cells summary")
    assert len(details) == 6
    assert all(one.is_displayed() for one in details)
    details[0].click()
    assert driver.find_element("css selector", "details[open] .command").is_displayed()
    assert not driver.find_element("css selector", ".filters").is_displayed()


def test_on_paper_it_is_a_few_pages_and_more_with_open_cells(show: Callable[..., Any]) -> None:
    driver = show()
    closed = [pages(driver, *size) for size in PAPERS]
    assert all(count <= 3 for count in closed)
    for name in driver.find_elements("css selector", NAMES):
        name.click()
    opened = [pages(driver, *size) for size in PAPERS]
    assert all(more > count for more, count in zip(opened, closed, strict=True))
    assert all(count <= 6 for count in opened)


def test_names_and_errors_do_nothing(show: Callable[..., Any]) -> None:
    driver = show()
    count = "return document.querySelectorAll('script').length"
    assert driver.execute_script(count) == 1
    assert HOSTILE[:40] in driver.find_element("css selector", ".cells").text


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(show: Callable[..., Any], scheme: str) -> None:
    driver = show()
    feature = {"name": "prefers-color-scheme", "value": scheme}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    for name in driver.find_elements("css selector", NAMES)[:2]:
        name.click()
    assert violations(driver) == []
