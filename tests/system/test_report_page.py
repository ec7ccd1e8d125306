"""The report opened in a real browser: sound that plays, curves that are drawn, nothing asked of the network."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from evaluate.small_run import make_run
from system.commands import done, tool

from amharic_tts.evaluate.evaluation import CONDITIONS, read_evaluation

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no chromium on PATH (Debian: apt-get install chromium); the page needs a browser"
)

# Runs in the page before anything else of it, and says its findings as JSON on the console once the page and all sound
# have loaded; Chromium writes its console to standard error.
CHECK = """
<script>
const errors = [];
addEventListener("error", e => errors.push(e.message || "cannot load " + e.target.outerHTML.slice(0, 80)), true);
addEventListener("unhandledrejection", e => errors.push(String(e.reason)));
document.addEventListener("securitypolicyviolation", e => errors.push("blocked " + e.blockedURI));
addEventListener("load", async () => {
  const players = [...document.querySelectorAll("audio")];
  const context = new OfflineAudioContext(1, 1, 16000);
  const sound = [];
  for (const player of players) {
    const data = Uint8Array.from(atob(player.src.split("base64,")[1]), c => c.charCodeAt(0));
    const decoded = await context.decodeAudioData(data.buffer);
    const samples = decoded.getChannelData(0);
    sound.push({condition: player.dataset.condition, seconds: decoded.duration,
                loudest: samples.reduce((most, x) => Math.max(most, Math.abs(x)), 0)});
  }
    console.log("FINDINGS" + JSON.stringify({
    errors, sound,
    curves: [...document.querySelectorAll("svg polyline")].map(p => ({points: p.points.numberOfItems, width: p.getBoundingClientRect().width,
      colour: getComputedStyle(p).stroke})),
    pictures: [...document.querySelectorAll("img")].map(i => ({width: i.naturalWidth, height: i.naturalHeight})),
    requests: performance.getEntriesByType("resource").map(r => r.name).filter(name => !name.startsWith("data:")),
    sideways: document.documentElement.scrollWidth - innerWidth,
    texts: [...document.querySelectorAll("section.row header [lang=am]")].map(e => e.textContent),
  }));
});
</script>
"""


def findings(page: Path, profile: Path, width: int = 1280) -> dict:
    """What CHECK finds in the page, with all hosts unreachable."""
    checked = page.with_name("checked.html")
    # The policy reports every attempt to fetch something from elsewhere; a page that makes none is not touched by it.
    policy = "default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
    head = f'<head>\n<meta http-equiv="Content-Security-Policy" content="{policy}">\n{CHECK}'
    checked.write_text(page.read_text(encoding="utf-8").replace("<head>", head, 1), encoding="utf-8")
    command = [
        CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
        "--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={profile}", f"--window-size={width},1000",
        "--enable-logging=stderr", checked.as_uri(),
    ]  # fmt: skip
    log = profile / "console.log"
    with open(log, "wb") as errors:
        browser = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors, start_new_session=True)
        try:
            return wait_for_findings(log, browser)
        finally:
            os.killpg(browser.pid, signal.SIGKILL)  # a headless browser stays open, and has children
            browser.wait()


def wait_for_findings(log: Path, browser: subprocess.Popen, seconds: float = 180) -> dict:
    """What the page said on the console; with everything else that stands there under "console"."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        said = re.findall(r'CONSOLE[^"]*"(.*)", source: .*\n', log.read_text(encoding="utf-8", errors="replace"))
        found = [line for line in said if line.startswith("FINDINGS")]
        if found:
            return json.loads(found[0].removeprefix("FINDINGS")) | {"console": [x for x in said if x not in found]}
        if browser.poll() is not None:
            break
        time.sleep(0.1)
    pytest.fail(f"the page said nothing:\n{log.read_text(errors='replace')[-2000:]}")


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """A run folder whose report the real command has made."""
    folder = make_run(tmp_path_factory.mktemp("page"))
    result = done(tool("make_report", "--run", folder))
    assert str(folder / "report.html") in result.stdout
    return folder


@pytest.fixture(scope="module")
def seen(run, tmp_path_factory) -> dict:
    return findings(run / "report.html", tmp_path_factory.mktemp("profile"))


def test_the_page_loads_without_an_error_and_without_the_network(seen):
    assert seen["errors"] == seen["console"] == []
    assert seen["requests"] == []


def test_all_sound_can_be_played_and_lasts_as_long_as_was_measured(seen, run):
    rows = [row for row in read_evaluation(run / "evaluation")["rows"] if row["readings"]["real"]["wave"]]
    expected = [(c, row["readings"][c]["seconds"]) for row in rows for c in CONDITIONS]
    assert [one["condition"] for one in seen["sound"]] == [condition for condition, _ in expected]
    for one, (_, seconds) in zip(seen["sound"], expected, strict=True):
        assert one["seconds"] == pytest.approx(seconds, abs=0.01)
        assert one["seconds"] > 0
        assert one["loudest"] > 0.01
    assert seen["texts"] == [row["text"] for row in rows]


def test_curves_and_spectrograms_are_visible(seen):
    assert len(seen["curves"]) >= 9
    assert all(curve["width"] > 20 for curve in seen["curves"] if curve["points"] > 1)
    assert all(curve["colour"] not in ("none", "") for curve in seen["curves"])
    assert max(curve["points"] for curve in seen["curves"]) == 20
    assert len(seen["pictures"]) == len(seen["sound"])
    assert all(picture["width"] > 20 and picture["height"] > 20 for picture in seen["pictures"])


def test_nothing_runs_off_a_narrow_screen(run, tmp_path):
    assert findings(run / "report.html", tmp_path, width=500)["sideways"] <= 0
