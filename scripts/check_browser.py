"""The review page in Chromium: how it opens, whether it works by keyboard, what axe finds.

    python scripts/check_browser.py PYTHON [--folder FOLDER] [--chromium PATH] [--strict]

PYTHON is the interpreter of the project's own environment, by which tests/month.py makes a page of
30 days and 20,000 decisions and serves a live one. Run by `make check-browser` in an environment
of its own. Where there is no Chromium the check says so and passes; strictly, it fails.
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

try:
    import axe_playwright_python
    from playwright.sync_api import Browser, Page, sync_playwright
except ImportError as error:
    sys.exit(f"run by `make check-browser`, which installs {error.name}")

MOST_MILLISECONDS = 2000
SIZES = ((1440, 900), (390, 844))
MONTH = "tests.month"
PAPER_PIXELS = 700
"""What lies between the margins of A4, 186 mm at 96 pixels an inch."""
THEMES = ("light", "dark")
NAMES = ("chromium", "chromium-browser", "chromium-headless-shell", "google-chrome")
SERIOUS = {"serious", "critical"}
_TRIES = 5
_AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js")
_RULES = "axe.run({resultTypes: ['violations']}).then((found) => found.violations)"


class Findings:
    """What is wrong, and what was measured."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.wrong: list[str] = []

    def require(self, what: str, *, holds: bool) -> None:
        """Note a failure where it does not hold."""
        if not holds:
            self.wrong.append(what)
            print(f"  WRONG  {what}")


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser()
    parser.add_argument("python")
    parser.add_argument("--folder", type=Path, default=Path("out/browser"), help="for pictures")
    parser.add_argument("--chromium", default="", help="default: the first one on the path")
    parser.add_argument("--strict", action="store_true", help="fail where there is no Chromium")
    given = parser.parse_args()
    chromium = given.chromium or next(filter(None, map(shutil.which, NAMES)), None)
    if chromium is None:
        print("check-browser: SKIPPED, no Chromium: apt-get install chromium, or CHROMIUM=path")
        return int(given.strict)
    given.folder.mkdir(parents=True, exist_ok=True)
    findings = Findings()
    with sync_playwright() as playwright:
        # Chromium refuses its sandbox to root, who runs containers; the pages here are ours.
        options = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=chromium, args=options)
        print(f"check-browser: {browser.browser_type.name} {browser.version}")
        check_month(browser, given.python, given.folder, findings)
        with served(given.python) as address, opened(browser, findings, SIZES[0], "light") as page:
            check_live(page, address, findings)
        browser.close()
    print(f"check-browser: {len(findings.wrong)} wrong")
    return int(bool(findings.wrong))


def check_month(browser: Browser, python: str, folder: Path, findings: Findings) -> None:
    """The page of a month in every size and theme, with a picture of each."""
    with TemporaryDirectory() as place:
        path = Path(place) / "month.html"
        subprocess.run([python, "-m", MONTH, str(path)], check=True)  # noqa: S603 - our own module
        for size in SIZES:
            for theme in THEMES:
                with opened(browser, findings, size, theme) as page:
                    check_file(page, path, findings)
                    take(page, folder, f"{size[0]}-{theme}")


@contextmanager
def served(python: str) -> Iterator[str]:
    """The address of a live review, which the server prints first."""
    command = [python, "-m", MONTH, "--serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:  # noqa: S603 - likewise
        try:
            yield server.stdout.readline().strip() if server.stdout else ""
        finally:
            server.terminate()


@contextmanager
def opened(
    browser: Browser, findings: Findings, size: tuple[int, int], theme: str
) -> Iterator[Page]:
    """A page that notes errors as they come."""
    width, height = size
    print(f"{width} px, {theme}")
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme)
    page = context.new_page()
    page.on("pageerror", lambda error: findings.require(f"no error: {error}", holds=False))
    page.on(
        "console",
        lambda line: findings.require(
            f"no console error: {line.text}", holds=line.type not in {"error", "warning"}
        ),
    )
    yield page
    context.close()


def check_file(page: Page, path: Path, findings: Findings) -> None:
    """The page of a month, from its file."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    check_speed(page, path.resolve().as_uri(), findings)
    findings.require(
        f"asks for nothing else: {asked}", holds=set(asked) == {path.resolve().as_uri()}
    )
    check_width(page, findings)
    check_axe(page, "nothing chosen", findings)
    check_use(page, findings)
    check_axe(page, "a decision chosen", findings)
    check_width(page, findings)
    check_print(page, findings)


def check_speed(page: Page, address: str, findings: Findings) -> None:
    """It opens in time by the clock, and always by the work that it takes.

    On a machine that is busy with other things the clock says little, and is only told.
    """
    waited = open_often(page, address)
    worked = work(page, address)
    load = os.getloadavg()[0]
    is_busy = load > (os.cpu_count() or 1)
    told = f", not judged at load {load:.1f}" if is_busy and waited >= MOST_MILLISECONDS else ""
    print(f"  opened in {waited} ms{told}, with {worked} ms of work")
    in_time = waited < MOST_MILLISECONDS or is_busy
    findings.require(f"opens within {MOST_MILLISECONDS} ms", holds=in_time)
    findings.require(
        f"needs less work than {MOST_MILLISECONDS} ms", holds=worked < MOST_MILLISECONDS
    )


def work(page: Page, address: str) -> int:
    """Milliseconds for which the page's thread worked until all was drawn."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    open_page(page, address)
    metrics = session.send("Performance.getMetrics")["metrics"]
    session.detach()
    seconds: float = next(one["value"] for one in metrics if one["name"] == "TaskDuration")
    return round(1000 * seconds)


def open_often(page: Page, address: str) -> int:
    """The best of some tries, since others may use this machine; the first one that is in time."""
    best = open_page(page, address)
    for _ in range(_TRIES):
        if best < MOST_MILLISECONDS:
            break
        best = min(best, open_page(page, address))
    return best


def open_page(page: Page, address: str) -> int:
    """Milliseconds from asking for the page until all is drawn."""
    page.goto(address)
    page.wait_for_selector("html[data-ready]", timeout=20_000)
    return int(page.get_attribute("html", "data-ready") or 0)


def check_width(page: Page, findings: Findings) -> None:
    """Nothing makes the page wider than its window."""
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    findings.require(f"fits its width, {wide} px over", holds=wide <= 0)


def check_axe(page: Page, state: str, findings: Findings) -> None:
    """No accessibility finding of weight."""
    page.evaluate(_AXE.read_text(encoding="utf-8"))
    for found in page.evaluate(_RULES):
        places = ", ".join(node["target"][0] for node in found["nodes"][:3])
        text = f"axe, {state}: {found['impact']} {found['id']}: {found['help']} ({places})"
        print(f"  {text}")
        findings.require(text, holds=found["impact"] not in SERIOUS)


def check_use(page: Page, findings: Findings) -> None:
    """Filters, keyboard and pointer lead to the evidence."""
    page.select_option("[name=kind]", "buy")
    count = page.text_content("#count") or ""
    findings.require(f"filters: {count}", holds=count == "66 of 20,000 decisions")
    page.focus("#list")
    page.keyboard.press("ArrowDown")
    page.wait_for_selector("#evidence h3")
    findings.require("the list leads to the newest", holds=heading(page) == "buy 1 unit")
    first = page.evaluate("location.hash")
    page.focus("#charts")
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("(before) => location.hash !== before", arg=first)
    page.keyboard.press("+")
    page.locator("#evidence summary").first.click()
    help_text = page.locator("#evidence details p").first.text_content() or ""
    findings.require("a reason says what to do", holds="What to do:" in help_text)
    rows = page.locator("#evidence tbody tr").count()
    findings.require(f"alternatives are listed: {rows}", holds=rows > 1)
    page.select_option("[name=kind]", "")
    page.keyboard.press("Escape")
    page.click("[data-days='0']")
    strip = page.locator("#strip").bounding_box() or {"width": 0.0}
    before = page.evaluate("location.hash")
    page.click("#strip", position={"x": strip["width"] * 0.7, "y": 34})
    page.wait_for_function("(before) => location.hash !== before", arg=before)
    chosen = page.evaluate("location.hash")
    findings.require(f"a tick leads to its decision: {chosen}", holds="-capacity-" in chosen)


def heading(page: Page) -> str:
    """What the evidence is of."""
    return page.text_content("#evidence h3") or ""


def check_print(page: Page, findings: Findings) -> None:
    """Paper has the charts, and the changes in place of the list."""
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    findings.require("print leaves the list out", holds=not page.is_visible("#list"))
    rows = page.locator("#printed tr").count()
    findings.require(f"print has the changes: {rows}", holds=rows == 264)  # noqa: PLR2004 - 66 purchases, 66 releases, a table after each
    wide = page.evaluate("document.querySelector('.uplot').clientWidth")
    findings.require(f"charts fit on paper: {wide} px", holds=wide <= PAPER_PIXELS)
    page.emulate_media(media="screen")
    page.evaluate("dispatchEvent(new Event('afterprint'))")


def check_live(page: Page, address: str, findings: Findings) -> None:
    """A live page shows what is new and keeps what was chosen."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    open_page(page, address)
    page.select_option("[name=loop]", "capacity")
    page.focus("#list")
    page.keyboard.press("ArrowDown")
    page.wait_for_selector("#evidence h3")
    chosen = page.evaluate("location.hash")
    page.wait_for_function(
        "() => document.getElementById('count').textContent.startsWith('864 of 1,800')"
    )
    page.wait_for_selector("#evidence h3")
    findings.require("filter and choice stay", holds=page.evaluate("location.hash") == chosen)
    own = all(url.startswith(address) for url in asked)
    findings.require("a live page asks its own server alone", holds=own)


def take(page: Page, folder: Path, name: str) -> None:
    """Pictures of the window, and of the decisions with a purchase chosen."""
    page.evaluate("location.hash = '#chat-capacity-20261028T080000Z'")
    page.wait_for_function(
        "() => document.querySelector('#evidence h3').textContent === 'buy 1 unit'"
    )
    page.evaluate("scrollTo(0, 0)")
    page.screenshot(path=folder / f"review-{name}.png")
    page.locator("section[aria-labelledby=decisions]").screenshot(
        path=folder / f"evidence-{name}.png"
    )


if __name__ == "__main__":
    sys.exit(main())
