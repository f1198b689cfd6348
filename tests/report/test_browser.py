"""The page in a real browser: nothing runs, nothing is fetched, everything can be read."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autograder.report.html import class_page
from autograder.results import Failure, Resolution

NOW = dt.datetime(2026, 11, 1, 12, 0, tzinfo=dt.UTC)
HOSTILE = (
    "<script>window.hacked = 1</script>",
    "<img src=x onerror='window.hacked = 2'>",
    '"><svg onload="window.hacked = 3">',
    '\'><iframe srcdoc="<script>parent.hacked = 4</script>"></iframe>',
    "</style><script>window.hacked = 5</script><style>",
    "</title></svg></pre><script>window.hacked = 6</script>",
    "javascript:window.hacked=7",
    "{{ ''.__class__ }}{% set x = 1 %}",
    "&lt;script&gt;window.hacked = 8&lt;/script&gt;",
    "\u202eevil\u2066 \x1b[31m \x00",
    "W" * 400,
)
PHONE = {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True}


@pytest.fixture(scope="module")
def browser(tmp_path_factory) -> Iterator[Any]:
    names = ("chromium", "chromium-browser", "google-chrome")
    program = next(filter(None, map(shutil.which, names)), None)
    driver = shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.skip("no chromium with chromedriver here: the page is not tested in a browser")
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
        "--window-size=1280,900",
        f"--user-data-dir={tmp_path_factory.mktemp('profile')}",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    with webdriver.Chrome(options=options, service=webdriver.ChromeService(driver)) as chrome:
        yield chrome


@pytest.fixture(scope="module")
def page(tmp_path_factory, make_result, make_exercise, make_test) -> Path:
    """A class in which students wrote hostile text wherever they can write."""
    results = []
    for text in HOSTILE:
        failure = Failure(category="exception", message=text, trace=text, inputs={text: text})
        test = make_test(f"test[{text}]", 1.0, status="failed", failure=failure)
        results.append(
            make_result(
                text,
                [
                    make_exercise("f", 1.0, 4.0, [test], mistake="swapped"),
                    make_exercise("why", None, 2.0, answer=text, reason=text),
                ],
                name=text,
                label=text,
                message=text,
                notes=[text],
                output=text,
                submitted=text,
                late=True,
                days_late=2,
                penalty=0.25,
                due=text,
            )
        )
    decision = Resolution(
        student="ada", unit="03_layers", exercise="", points=6.0, reason=HOSTILE[0], by="x", when=""
    )
    results += [
        make_result("ada", [make_exercise("f", 4.0, 4.0)], points=6.0, resolution=decision),
        make_result("ada", [make_exercise("conv2d_forward", 2.0, 4.0)], unit="05_convolution"),
        make_result("tom", status="needs a person", points=None, message=HOSTILE[1]),
    ]
    file = tmp_path_factory.mktemp("page") / "class.html"
    file.write_bytes(class_page(results, [make_result("ada", points=1.0)], NOW))
    return file


@pytest.fixture
def shown(browser, page) -> Any:
    """The page, freshly loaded on a desk."""
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    browser.get("about:blank")
    browser.get_log("browser")
    browser.get_log("performance")
    browser.get(page.as_uri())
    return browser


def count(browser: Any, selector: str) -> int:
    return int(
        browser.execute_script("return document.querySelectorAll(arguments[0]).length", selector)
    )


def visible(browser: Any, selector: str) -> int:
    return int(
        browser.execute_script(
            "return [...document.querySelectorAll(arguments[0])]"
            ".filter(e => e.getClientRects().length).length",
            selector,
        )
    )


def test_what_students_wrote_neither_runs_nor_becomes_an_element(shown):
    assert shown.execute_script("return window.hacked") is None
    for tag in ("script", "img", "iframe", "object", "embed", "form", "input", "b b"):
        assert count(shown, tag) == 0, tag
    assert count(shown, "style") == count(shown, "title:not(svg title)") == 1
    assert shown.title == "The class at a glance"
    assert count(shown, "section.student") == len(HOSTILE) + 2
    assert count(shown, "[onload], [onerror], [onclick], [href^='javascript']") == 0
    text = shown.execute_script("return document.body.textContent")
    for hostile in HOSTILE[:9]:
        assert hostile in text
    assert not set("\u202e\u2066\x1b\x00") & set(text)


def test_nothing_is_fetched_and_nothing_is_complained_about(shown):
    messages = [json.loads(entry["message"])["message"] for entry in shown.get_log("performance")]
    asked = [
        m["params"]["request"]["url"]
        for m in messages
        if m["method"] == "Network.requestWillBeSent"
    ]
    assert [url for url in asked if url.startswith("file:")] == [shown.current_url]
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert shown.get_log("browser") == []


def test_the_policy_stops_what_escaping_would_have_let_through(shown):
    shown.execute_script(
        "const s = document.createElement('script'); s.textContent = 'window.hacked = 9';"
        "document.body.append(s);"
        "document.body.setAttribute('style', 'color: rgb(1, 2, 3)');"
    )
    assert shown.execute_script("return window.hacked") is None
    colour = shown.execute_script("return getComputedStyle(document.body).color")
    assert colour != "rgb(1, 2, 3)"


def test_each_student_has_a_page_and_the_way_back_leads_to_the_class(shown):
    assert visible(shown, "section.student") == 0
    assert visible(shown, ".overview") > 0
    link = shown.find_element("link text", "ada")
    shown.get(link.get_attribute("href"))
    assert visible(shown, "section.student") == 1
    assert visible(shown, ".overview") == 0
    said = shown.find_element("css selector", "section.student:target").text
    assert "03_layers: 6 / 4" in said
    assert "05_convolution: 2 / 4" in said
    shown.find_element("css selector", "section.student:target a.back").click()
    assert visible(shown, "section.student") == 0
    assert visible(shown, "#students") == 1


@pytest.mark.parametrize("anchor", ["", *(f"#student-{i}" for i in (1, 5, 9, 12))])
def test_nothing_sticks_out_on_a_phone(shown, page, anchor):
    shown.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
    shown.get(page.as_uri() + anchor)
    wide, room = shown.execute_script(
        "document.querySelectorAll('details').forEach(d => d.open = true);"
        "return [document.documentElement.scrollWidth, window.innerWidth]"
    )
    assert room == PHONE["width"]
    assert wide <= room


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_by_day_and_by_night(shown, scheme):
    shown.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"features": [{"name": "prefers-color-scheme", "value": scheme}]},
    )
    ground = colour(shown, "body", "backgroundColor")
    assert (luminance(ground) > 0.5) == (scheme == "light")
    for selector in ("body", "h2", "td", "th", ".quiet", "a", ".alert b", ".back"):
        behind = colour(shown, ".facts li", "backgroundColor") if "alert" in selector else ground
        assert contrast(colour(shown, selector, "color"), behind) >= 4.5, selector
    assert contrast(colour(shown, ".histogram rect", "fill"), ground) >= 3


def colour(browser: Any, selector: str, kind: str) -> tuple[int, int, int]:
    text = browser.execute_script(
        "return getComputedStyle(document.querySelector(arguments[0]))[arguments[1]]",
        selector,
        kind,
    )
    red, green, blue = (int(part) for part in text[text.index("(") + 1 : -1].split(",")[:3])
    return red, green, blue


def luminance(rgb: tuple[int, int, int]) -> float:
    """Of sRGB. Source: https://www.w3.org/TR/WCAG21/#dfn-relative-luminance"""
    parts = [c / 255 for c in rgb]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: tuple[int, int, int], other: tuple[int, int, int]) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_tables_and_pictures_can_be_read_aloud(shown):
    tables = count(shown, "table")
    assert tables > len(HOSTILE)
    assert count(shown, "table:has(thead th[scope=col])") == tables
    assert count(shown, "tbody tr:not(:has(th[scope=row]))") == 0
    assert count(shown, ".scroll[role=region][aria-label][tabindex='0']") == count(shown, ".scroll")
    assert count(shown, "svg:not([aria-hidden=true]):not(:has(title))") == 0
    assert shown.execute_script("return document.documentElement.lang") == "en"
    assert count(shown, "main") == count(shown, "h1") == 1
