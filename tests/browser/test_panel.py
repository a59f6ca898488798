"""The panel as a user sees it: a real JupyterLab, a real browser, the demo data, real jobs."""

from __future__ import annotations

import contextlib
import json
import re
import urllib.request
from typing import TYPE_CHECKING

import nbformat
import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

pytestmark = [pytest.mark.slow, pytest.mark.system("browser"), pytest.mark.timeout(600)]

CODE = """\
from importlib.resources import files
from b2grid import Project
MC = "/belle/collection/MC/demo_"
p = Project("B2EtapKs", steering=files("b2grid.catalogue.demo") / "steering" / "B2EtapKs.py",
            inputs={"generic": [MC + "mixed_v2", MC + "charged_v1", MC + "uubar_v1"], "signal": MC + "etapks_v1"})
p.panel()
"""


def write(path: Path) -> None:
    made = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(CODE)],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )
    nbformat.write(made, path)


def open_notebook(page: Page, address: str) -> None:
    page.goto(address, wait_until="domcontentloaded")
    page.locator(".jp-Notebook .jp-CodeCell .cm-content").first.wait_for(timeout=90_000)


def run_cell(page: Page) -> None:
    """Run the first cell; keys that come while the page is still being laid out are lost, and pressed again."""
    page.locator("[data-status=idle]").first.wait_for(timeout=60_000)
    cell = page.locator(".jp-Notebook .jp-CodeCell").first
    for _ in range(6):
        cell.locator(".cm-content").click()
        page.keyboard.press("Control+Enter")
        with contextlib.suppress(AssertionError):
            expect(cell.locator(".jp-InputPrompt")).not_to_have_text("[ ]:", timeout=10_000)
            return
    pytest.fail("the cell does not run")


def end_kernels(lab) -> None:
    """What a night, or a culler, does to a notebook."""
    with urllib.request.urlopen(f"{lab.url}/api/sessions?token={lab.token}") as answer:
        sessions = json.load(answer)
    for session in sessions:
        address = f"{lab.url}/api/sessions/{session['id']}?token={lab.token}"
        urllib.request.urlopen(urllib.request.Request(address, method="DELETE")).close()


def test_from_the_check_to_the_outputs_with_buttons(lab, page, errors, tmp_path):
    write(lab.root / "panel.ipynb")
    open_notebook(page, lab.notebook("panel.ipynb"))
    run_cell(page)
    page.locator(".b2-panel").wait_for(timeout=60_000)
    page.screenshot(path=tmp_path / "1-open.png")

    page.locator("button.b2-check").click()
    expect(page.locator(".b2-findings")).to_contain_text("B2EtapKs.py", timeout=60_000)
    page.screenshot(path=tmp_path / "2-check.png")

    page.locator("button.b2-trial").click()
    expect(page.locator(".b2-messages")).to_contain_text("Trying one file per sample", timeout=10_000)
    expect(page.locator("button.b2-submit")).to_be_disabled()
    expect(page.locator(".b2-measurements")).to_contain_text("B0ch1", timeout=120_000)
    expect(page.locator(".b2-recipe svg")).to_be_visible()
    page.screenshot(path=tmp_path / "3-trial.png")

    page.locator("button.b2-plan").click()
    expect(page.locator(".b2-summary")).to_contain_text("Number of jobs", timeout=60_000)
    page.screenshot(path=tmp_path / "4-plan.png")

    page.locator("button.b2-submit").click()
    expect(page.locator("button.b2-cancel")).to_be_enabled(timeout=60_000)
    page.locator("button.b2-cancel").click()
    expect(page.locator(".b2-asking")).to_contain_text("End the whole project?")
    page.locator("button.b2-no").click()
    expect(page.locator(".b2-asking")).not_to_be_visible()
    expect(page.locator(".b2-share")).to_have_text(re.compile(r"(\d+) of \1 jobs done"), timeout=240_000)
    expect(page.locator(".b2-jobs")).to_contain_text("Done", timeout=20_000)
    page.locator(".b2-job select").select_option(label="log of job 1")
    expect(page.locator(".b2-log")).to_contain_text("[INFO]", timeout=20_000)
    page.screenshot(path=tmp_path / "5-monitor.png")

    page.get_by_role("tab", name="Diagnosis").click()
    expect(page.locator(".b2-failures")).to_contain_text("no failures", timeout=20_000)
    expect(page.locator(".b2-hosts")).to_contain_text("1 host", timeout=20_000)
    expect(page.locator(".b2-requests")).not_to_be_visible()  # all is done
    page.screenshot(path=tmp_path / "6-diagnosis.png")

    page.get_by_role("tab", name="Outputs").click()
    expect(page.locator(".b2-completeness")).to_contain_text("complete", timeout=20_000)
    page.screenshot(path=tmp_path / "7-outputs.png")
    expect(page.locator(".b2-static")).not_to_be_visible()
    assert errors == []

    # saved and reopened, with no kernel: the summary stands in the place of the widget
    page.keyboard.press("Escape")
    page.keyboard.press("Control+s")
    expect(page.locator(".jp-mod-dirty")).to_have_count(0, timeout=20_000)
    end_kernels(lab)
    page.goto("about:blank")
    open_notebook(page, lab.notebook("panel.ipynb"))
    expect(page.locator(".b2-static")).to_be_visible(timeout=60_000)
    expect(page.locator(".b2-static")).to_contain_text("Done")
    expect(page.get_by_text("Error displaying widget")).not_to_be_visible()
    page.screenshot(path=tmp_path / "8-reopened.png")
