"""The Kubernetes manifests: right by the API's own schema, with least rights, and in tune with what Shipmate does."""

import functools
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from cryptography.fernet import Fernet

from bot.app.running import HANDED_OVER_AFTER, Running
from bot.settings import load, warnings
from bot.web import SHUTDOWN_SECONDS, Web

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "examples" / "kubernetes"
SCHEMAS = json.loads(Path(__file__).with_name("schemas.json").read_text(encoding="utf-8"))
ELSEWHERE = {"ServiceMonitor"}  # no kind of the API itself: the Prometheus operator brings it
LABELS = {"app.kubernetes.io/name": "shipmate"}

Json = dict[str, Any]


@functools.cache
def manifests() -> dict[str, Json]:
    """Return all objects by kind; each kind comes once."""
    found = [one for path in sorted(FOLDER.glob("*.yaml")) for one in yaml.safe_load_all(path.read_text("utf-8"))]
    kinds = {one["kind"]: one for one in found}
    assert len(kinds) == len(found)
    return kinds


def pod() -> Json:
    spec: Json = manifests()["Deployment"]["spec"]["template"]["spec"]
    return spec


def container() -> Json:
    (only,) = pod()["containers"]
    assert isinstance(only, dict)
    return only


@functools.cache
def validator(kind: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator({**SCHEMAS["kinds"][kind], "$defs": SCHEMAS["$defs"]})


@pytest.mark.parametrize("kind", sorted(SCHEMAS["kinds"]))
def test_each_manifest_is_right_by_the_schema(kind: str):
    told = [f"{error.json_path}: {error.message}" for error in validator(kind).iter_errors(manifests()[kind])]
    assert not told


def test_no_kind_goes_unchecked():
    assert set(manifests()) == {*SCHEMAS["kinds"], *ELSEWHERE}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("spec", "replicas"), "two"),
        (("spec", "template", "spec", "containers", 0, "readinesProbe"), {}),
        (("spec", "template", "spec", "containers", 0, "ports", 0, "containerPort"), None),
        (("spec", "strategy", "typ"), "Recreate"),
    ],
)
def test_the_schema_finds_mistakes(path: tuple[Any, ...], value: object):
    wrong = json.loads(json.dumps(manifests()["Deployment"]))
    inner = wrong
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    assert list(validator("Deployment").iter_errors(wrong))


def test_the_pod_has_the_least_rights():
    """The Pod Security Standard `restricted`, a read-only file system, and nothing of the cluster's API."""
    assert pod()["automountServiceAccountToken"] is False
    assert manifests()["ServiceAccount"]["automountServiceAccountToken"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod())
    general, own = pod()["securityContext"], container()["securityContext"]
    assert general["runAsNonRoot"] is own["runAsNonRoot"] is True
    assert general["seccompProfile"] == {"type": "RuntimeDefault"}
    assert own["allowPrivilegeEscalation"] is False
    assert own["readOnlyRootFilesystem"] is True
    assert own["capabilities"] == {"drop": ["ALL"]}
    assert all(set(one) & {"emptyDir", "configMap"} for one in pod()["volumes"])
    assert container()["resources"]["limits"]["memory"]


def test_the_pod_runs_as_the_images_user_and_writes_where_it_may():
    dockerfile = (FOLDER.parents[2] / "Dockerfile").read_text("utf-8")
    user = re.search(r"^USER (\d+):(\d+)$", dockerfile, re.MULTILINE)
    assert user is not None
    context = pod()["securityContext"]
    assert (str(context["runAsUser"]), str(context["runAsGroup"])) == user.groups()
    writable = {one["mountPath"] for one in container()["volumeMounts"] if not one.get("readOnly")}
    assert writable == {"/var/lib/shipmate", "/tmp"}  # noqa: S108 - of the container


def test_the_configuration_is_taken_by_shipmate_with_the_secrets_of_the_example(tmp_path: Path):
    path = tmp_path / "shipmate.yaml"
    path.write_text(manifests()["ConfigMap"]["data"]["shipmate.yaml"], encoding="utf-8")
    secrets = manifests()["Secret"]["stringData"]
    assert not any(secrets.values()), "an example has no secrets"
    made = {name: f"xoxb-1234567890-{name}" for name in secrets}
    made["SHIPMATE_ENCRYPTION_KEY"] = Fernet.generate_key().decode()
    settings = load(path, made)
    assert not settings.on_sqlite
    assert not list(warnings(settings))
    assert set(re.findall(r"\$\{(\w+)\}", path.read_text("utf-8"))) == set(secrets)
    mounted = {one["name"]: one["mountPath"] for one in container()["volumeMounts"]}
    assert str(settings.state_dir) == mounted["state"]
    assert settings.server.port == container()["ports"][0]["containerPort"]
    assert settings.server.host == "0.0.0.0"  # noqa: S104 - what is under test
    host = manifests()["Ingress"]["spec"]["rules"][0]["host"]
    assert settings.server.public_url == f"https://{host}"
    assert container()["args"] == ["serve", "--config", f"{mounted['configuration']}/shipmate.yaml"]


async def test_probes_ask_what_there_is():
    async def ready() -> str:
        return ""

    web = Web(ready)
    await web.start("127.0.0.1", 0, ())
    try:
        assert web._runner is not None
        application = web._runner.app
        assert application is not None
        served = {route.resource.canonical for route in application.router.routes() if route.resource}
    finally:
        await web.stop()
    asked = {container()[name]["httpGet"]["path"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert asked <= served
    assert manifests()["ServiceMonitor"]["spec"]["endpoints"][0]["path"] in served


def test_the_outside_reaches_only_what_is_for_it():
    (rule,) = manifests()["Ingress"]["spec"]["rules"]
    assert {one["path"] for one in rule["http"]["paths"]} == {"/hooks", "/connect", "/sign-in", "/api"}
    out = manifests()["NetworkPolicy"]["spec"]
    assert out["policyTypes"] == ["Ingress", "Egress"]
    (anywhere,) = [to["ipBlock"] for one in out["egress"] for to in one["to"] if "ipBlock" in to]
    assert "169.254.0.0/16" in anywhere["except"]  # where clouds hand out the machine's credentials


def test_a_stop_fits_the_time_that_is_given():
    given = pod()["terminationGracePeriodSeconds"]
    grace = (Running.stop.__kwdefaults__ or {})["grace"]
    assert given >= 1.5 * (grace + HANDED_OVER_AFTER + SHUTDOWN_SECONDS)


def test_replicas_are_replaced_one_by_one_and_one_outlives_a_drain():
    deployment, budget = manifests()["Deployment"]["spec"], manifests()["PodDisruptionBudget"]["spec"]
    assert deployment["strategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    assert 1 <= budget["minAvailable"] < deployment["replicas"]


def test_all_speak_of_the_same_pods():
    selectors = [
        manifests()["Deployment"]["spec"]["selector"]["matchLabels"],
        manifests()["Deployment"]["spec"]["template"]["metadata"]["labels"],
        manifests()["Service"]["spec"]["selector"],
        manifests()["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        manifests()["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
        manifests()["ServiceMonitor"]["spec"]["selector"]["matchLabels"],
    ]
    assert all(one == LABELS for one in selectors)
    assert {one["name"] for one in container()["ports"]} == {"http"}
    named = {manifests()[kind]["metadata"]["name"] for kind in ("ConfigMap", "Secret", "ServiceAccount", "Service")}
    assert named == {"shipmate"}
