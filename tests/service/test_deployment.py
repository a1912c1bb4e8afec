"""The files for running the service elsewhere parse, and name files and variables that exist."""

from __future__ import annotations

import configparser
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from ragkit import settings_from_env
from ragkit_service.settings import VARIABLES

ROOT = Path(__file__).parents[2]
SERVICE = ROOT / "service"
DEPLOY = SERVICE / "deploy"
FILES = [SERVICE / "Dockerfile", *sorted(SERVICE.glob("compose*.yaml")), *sorted(DEPLOY.iterdir())]


def known_variables() -> set[str]:
    """The variables that the README's table and the service name."""
    return set(re.findall(r"`(RAGKIT_[A-Z_]+)`", (ROOT / "README.md").read_text(encoding="utf-8"))) | set(VARIABLES)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_only_variables_that_exist_are_set(path: Path) -> None:
    set_here = set(re.findall(r"\b(RAGKIT_[A-Z_]+)\s*[=:]", path.read_text(encoding="utf-8")))
    assert set_here - known_variables() - {"RAGKIT_DOCUMENTS"} == set()  # the last one is the compose file's own


def test_the_image_is_built_from_files_that_exist() -> None:
    text = (SERVICE / "Dockerfile").read_text(encoding="utf-8")
    copied = [name for line in re.findall(r"^COPY (?!--from)(.+)$", text, re.MULTILINE) for name in line.split()[:-1]]
    assert copied
    for name in copied:
        assert (ROOT / name).exists(), name
    assert re.search(r"^USER 10001", text, re.MULTILINE)
    assert text.count("\nFROM ") == 2


def test_compose_runs_a_read_only_container_on_loopback_and_demands_a_key() -> None:
    compose: dict[str, Any] = yaml.safe_load((SERVICE / "compose.yaml").read_text(encoding="utf-8"))
    ragkit = compose["services"]["ragkit"]
    assert (SERVICE / ragkit["build"]["context"] / ragkit["build"]["dockerfile"]).exists()
    assert ragkit["read_only"] is True
    assert all(port.startswith("127.0.0.1:") for port in ragkit["ports"])
    assert ":?" in ragkit["environment"]["RAGKIT_API_KEY"]


def test_compose_runs_two_services_over_one_database_behind_a_proxy() -> None:
    compose: dict[str, Any] = yaml.safe_load((SERVICE / "compose.postgresql.yaml").read_text(encoding="utf-8"))
    services = compose["services"]
    proxy = (DEPLOY / "nginx-two-services.conf").read_text(encoding="utf-8")
    assert re.findall(r"^    server (\w+):8000 ", proxy, re.MULTILINE) == ["one", "two"]
    for name in ("one", "two"):
        assert services[name]["read_only"] is True
        assert services[name]["environment"]["RAGKIT_DATA"] == "postgresql://ragkit@database/ragkit"
        assert ":?" in services[name]["environment"]["RAGKIT_API_KEY"]
        assert "ports" not in services[name]
    own = services["proxy"]["networks"]["default"]["ipv4_address"]
    assert services["one"]["environment"]["RAGKIT_TRUSTED_PROXIES"] == own
    assert services["proxy"]["ports"] == ["127.0.0.1:8000:80"]
    mounted = services["proxy"]["volumes"][0].partition(":")[0]
    assert (SERVICE / mounted).is_file()


def test_variables_that_compose_leaves_empty_are_defaults() -> None:
    empty = {"RAGKIT_CHAT_BASE_URL": "", "RAGKIT_CHAT_API_KEY": "", "RAGKIT_CHAT": "extractive"}
    assert settings_from_env(empty) == settings_from_env({})


def test_kubernetes_probes_the_open_route_and_runs_as_the_images_user() -> None:
    documents = list(yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text(encoding="utf-8")))
    (deployment,) = [document for document in documents if document["kind"] == "Deployment"]
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert {container[probe]["httpGet"]["path"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")} == {
        "/healthz"
    }
    assert pod["securityContext"]["runAsUser"] == 10001
    assert container["securityContext"]["readOnlyRootFilesystem"] is True


def test_the_systemd_unit_starts_the_command_and_survives_only_failures() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None, delimiters=("=",))
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # names of systemd are case-sensitive
    unit.read(DEPLOY / "ragkit.service", encoding="utf-8")
    assert unit["Service"]["ExecStart"].split()[1:] == ["serve", "--json"]
    assert unit["Service"]["Restart"] == "on-failure"


def test_the_script_that_slims_the_image_is_a_shell_script() -> None:
    subprocess.run(["sh", "-n", str(DEPLOY / "slim.sh")], check=True)
