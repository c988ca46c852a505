import json

import kubernetes_validate
import pytest
from deploy_kit import DEPLOY, STAGES, compose, deployments, documents, manifests

VERSION = kubernetes_validate.latest_version()
PREFECT = ("prefect-server", "prefect-worker")
PODS = {
    found["metadata"]["name"]: found["spec"]["template"]
    for _, found in manifests()
    if found["kind"] in ("Deployment", "Job")
}


@pytest.mark.parametrize(("file", "found"), manifests(), ids=lambda value: value if isinstance(value, str) else "")
def test_a_manifest_is_what_kubernetes_takes(file, found):
    kubernetes_validate.validate(found, VERSION, strict=True)
    assert found["metadata"]["name"]
    assert found["kind"] == "Namespace" or found["metadata"]["namespace"] == "tocsin", file


def test_there_is_one_deployment_a_service():
    assert set(deployments()) == {*STAGES, *PREFECT}
    for stage in STAGES:
        (container,) = deployments()[stage]["containers"]
        assert (container["name"], container["args"]) == (stage, ["work", stage])


@pytest.mark.parametrize("name", sorted(PODS))
def test_a_pod_has_no_rights_that_it_does_not_need(name):
    pod = PODS[name]["spec"]
    assert pod["automountServiceAccountToken"] is False
    about = pod["securityContext"]
    assert about["runAsNonRoot"] is True
    assert about["runAsUser"] == about["runAsGroup"] == about["fsGroup"] == 10001
    assert about["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in pod["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["limits"]["memory"]
        assert set(container["resources"]["requests"]) == {"cpu", "memory"}


@pytest.mark.parametrize("name", STAGES)
def test_a_service_is_asked_whether_it_lives_and_whether_its_stores_answer(name):
    (container,) = deployments()[name]["containers"]
    asked = {
        probe: (container[probe]["httpGet"]["path"], container[probe]["httpGet"]["port"])
        for probe in ("startupProbe", "livenessProbe", "readinessProbe")
    }
    assert asked == {
        "startupProbe": ("/healthz", "health"),
        "livenessProbe": ("/healthz", "health"),  # a store that is away is no reason to start again
        "readinessProbe": ("/readyz", "health"),
    }
    assert {port["name"]: port["containerPort"] for port in container["ports"]}["health"] == 9740


@pytest.mark.parametrize("name", PREFECT)
def test_the_services_of_prefect_are_asked_too(name):
    (container,) = deployments()[name]["containers"]
    assert {"startupProbe", "livenessProbe", "readinessProbe"} <= set(container)


def test_what_is_one_logical_consumer_has_at_most_one_more_to_take_over():
    replicas = {
        found["metadata"]["name"]: found["spec"]["replicas"]
        for _, found in manifests()
        if found["kind"] == "Deployment"
    }
    assert replicas["stories"] in (1, 2)
    assert replicas["collect"] in (1, 2)
    budgets = {found["metadata"]["name"] for _, found in manifests() if found["kind"] == "PodDisruptionBudget"}
    assert all(replicas[name] > 1 for name in budgets), "a budget over one replica keeps a node from being drained"


def test_secrets_are_named_and_never_written():
    assert not [found for _, found in manifests() if found["kind"] == "Secret"]
    named = {
        volume["secret"]["secretName"]
        for pod in PODS.values()
        for volume in pod["spec"]["volumes"]
        if "secret" in volume
    }
    assert named == {"tocsin"}
    values = [
        (name, value)
        for _, found in manifests()
        if found["kind"] == "ConfigMap"
        for name, value in found["data"].items()
        if "PASSWORD" in name or name.endswith("_KEY") or "API_KEY" in name
    ]
    assert values
    assert all(name.endswith("_FILE") and value.startswith("/run/secrets/tocsin/") for name, value in values)


def test_everything_that_is_mounted_is_there():
    kept = {(found["kind"], found["metadata"]["name"]) for _, found in manifests()}
    for name, pod in PODS.items():
        volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
        for container in pod["spec"]["containers"]:
            assert {mount["name"] for mount in container["volumeMounts"]} == set(volumes), name
            for source in container.get("envFrom", ()):
                assert ("ConfigMap", source["configMapRef"]["name"]) in kept
        for volume in volumes.values():
            if (
                "configMap" in volume and volume["configMap"]["name"] != "tocsin-prefect"
            ):  # made from deploy/prefect.yaml
                assert ("ConfigMap", volume["configMap"]["name"]) in kept
            if "persistentVolumeClaim" in volume:
                assert ("PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"]) in kept


def policies():
    return {found["metadata"]["name"]: found["spec"] for _, found in manifests() if found["kind"] == "NetworkPolicy"}


def test_nothing_is_reached_but_what_a_policy_names():
    assert policies()["nothing"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    ports = {port["port"] for rule in policies()["stores"]["egress"] for port in rule["ports"]}
    assert ports == {5432, 9092, 9200, 5601, 53}


def test_those_reach_the_internet_that_do_on_one_machine():
    outside = {name for name, pod in PODS.items() if pod["metadata"]["labels"].get("tocsin/outside") == "true"}
    in_compose = {
        name
        for name, service in compose()["services"].items()
        if "outside" in service["networks"] and (name in STAGES or name == "prefect-worker")
    }
    assert outside == in_compose


def test_a_policy_never_opens_the_clusters_own_addresses():
    for block in policies()["outside"]["egress"][0]["to"]:
        if block["ipBlock"]["cidr"] == "0.0.0.0/0":
            assert {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"} <= set(
                block["ipBlock"]["except"]
            )
        else:
            assert block["ipBlock"] == {"cidr": "::/0", "except": ["fc00::/7", "fe80::/10"]}


def test_setup_does_what_it_does_on_one_machine():
    (container,) = PODS["setup"]["spec"]["containers"]
    assert container["args"] == compose()["services"]["setup"]["command"]
    assert documents(DEPLOY / "kubernetes" / "setup.yaml")[0]["spec"]["template"]["spec"]["restartPolicy"] == "Never"


def test_all_run_one_image_of_this_version():
    images = {container["image"] for pod in PODS.values() for container in pod["spec"]["containers"]}
    (image,) = images
    from importlib.metadata import version

    assert image.rpartition(":")[2] == version("tocsin")
    assert f"tocsin:{version('tocsin')}" in json.dumps(compose())
