import asyncio
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from deploy_kit import DEPLOY, ROOT, STAGES, compose, documents, program
from prometheus_client.parser import text_string_to_metric_families

from flows.assembly import assembled
from flows.home import Home
from flows.monitored import health_of
from flows.opening import owning
from flows.route import READERS, ROUTE
from ingest.feeds.outcome import GOOD, Outcome

FOLDER = DEPLOY / "prometheus"
OTHERS = {"up"}  # Prometheus' own
KNOWN_VALUES = {
    "tocsin_lag_records": {"stage": {arrow.stage for arrow in READERS}},
    "tocsin_records_total": {"outcome": {"done", "rejected", "retried"}},
    "tocsin_arrival_to_done_seconds_bucket": {"stage": {arrow.stage for arrow in READERS}},
    "tocsin_polls_total": {"outcome": {str(outcome) for outcome in Outcome}},
    "tocsin_deliveries_total": {"outcome": {"sent", "later", "failed"}},
    "tocsin_deliveries_unsent": {"kind": {"waiting", "held", "failed"}},
    "tocsin_oldest_waiting_seconds": {"stage": {"pages", "deliver", "collect", *(arrow.stage for arrow in READERS)}},
    "tocsin_fetch_queue_pages": {"kind": {"due", "leased", "later"}},
    "tocsin_feeds": {"kind": {"listed", "failing"}},
}


def rules():
    (found,) = documents(FOLDER / "rules.yaml")
    return [rule for group in found["groups"] for rule in group["rules"]]


def texts(rule):
    return " ".join([rule["expr"], *rule["annotations"].values()])


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Every name of a metric that our processes give, of a folder and beyond one machine."""
    with owning(Home(tmp_path_factory.mktemp("names"))) as parts:

        async def page():
            async with assembled(parts) as assembly:
                health = health_of(assembly, [arrow.stage for arrow in ROUTE])
                return await asyncio.to_thread(health.answer, "/metrics")

        answer = asyncio.run(page()).body.decode()
    families = list(text_string_to_metric_families(answer))
    names = {family.name + ("_total" if family.type == "counter" else "") for family in families}
    names |= {
        f"{family.name}_{end}" for family in families if family.type == "histogram" for end in ("bucket", "count")
    }
    return names | set(re.findall(r'name="(tocsin_\w+)"', (ROOT / "flows" / "figures.py").read_text(encoding="utf-8")))


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_a_rule_asks_for_metrics_that_there_are(rule, exported):
    asked = set(re.findall(r"\b(?:tocsin_\w+|up)\b(?=[{\[)]|$| )", texts(rule))) - OTHERS
    assert asked <= exported
    assert asked or "up{" in rule["expr"]


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_a_rule_asks_for_labels_that_there_are(rule):
    for metric, inside in re.findall(r"(tocsin_\w+)\{([^}]*)\}", texts(rule)):
        for label, values in re.findall(r"(\w+)(?:=|!=|=~|!~)['\"]([^'\"]+)['\"]", inside):
            assert set(values.split("|")) <= KNOWN_VALUES[metric][label], (metric, label)


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_a_rule_says_what_is_wrong_and_where_to_read_what_to_do(rule):
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert rule["annotations"]["runbook_url"] == f"docs/operating.md#{rule['alert'].lower()}"


def test_polls_that_went_well_are_those_that_the_rule_knows():
    (rule,) = [rule for rule in rules() if rule["alert"] == "TocsinPollsFail"]
    (good,) = re.findall(r'outcome!~"([^"]+)"', rule["expr"])
    assert set(good.split("|")) == {str(outcome) for outcome in GOOD}


def test_every_alarm_has_a_heading_that_says_what_to_do_and_no_heading_is_left_over():
    text = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    headings = re.findall(r"^### (Tocsin\w+)$", text, re.MULTILINE)
    assert sorted(headings) == sorted(rule["alert"] for rule in rules())


def test_every_service_of_the_compose_file_is_asked():
    (found,) = documents(FOLDER / "scrape.yaml")
    (job,) = found["scrape_configs"]
    assert job["job_name"] == "tocsin"
    assert job["static_configs"] == [{"targets": [f"{stage}:9740" for stage in STAGES]}]
    assert set(STAGES) <= set(compose()["services"])


def test_prometheus_reads_the_rules_and_the_targets():
    promtool = program("promtool")
    for command in (["check", "rules", "rules.yaml"], ["check", "config", "scrape.yaml"]):
        done = subprocess.run([promtool, *command], cwd=FOLDER, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_the_rules_ring_when_they_should_and_only_then(tmp_path):
    shutil.copy(FOLDER / "rules.yaml", tmp_path)
    shutil.copy(Path(__file__).with_name("rules_test.yaml"), tmp_path)
    done = subprocess.run(
        [program("promtool"), "test", "rules", "rules_test.yaml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
