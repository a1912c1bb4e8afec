"""Settings by flag, variable and ragkit.toml: precedence, faults of the file, and `ragkit serve --show-config`."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ragkit import ConfigError, DefinitionError, RagkitError
from ragkit_service import Limits
from ragkit_service.cli import keys, serve
from ragkit_service.configuration.known import known_settings
from ragkit_service.configuration.reading import limit_flags, read_configuration
from ragkit_service.security.rate_limit import MOST_BUCKETS, RateLimits
from ragkit_service.settings import LIMIT_BOUNDS, service_settings


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, without the settings of who runs the tests."""
    for name in known_settings().values():
        monkeypatch.delenv(name.variable, raising=False)
    monkeypatch.delenv("RAGKIT_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(text: str, path: str = "ragkit.toml") -> Path:
    Path(path).write_text(text, encoding="utf-8")
    return Path(path)


def show_config(*arguments: str, **environ: str) -> Result:
    return CliRunner().invoke(serve, ["--show-config", *arguments], env=environ)


def test_a_flag_goes_before_a_variable_and_a_variable_before_the_file() -> None:
    write("port = 7001\nworkers = 3\nremember = 12\n")
    environ = {"RAGKIT_PORT": "7002", "RAGKIT_WORKERS": "4"}

    found = read_configuration({"port": 7003, "workers": None}, environ)

    told = found.service_settings()
    assert (told.port, told.workers, told.remember) == (7003, 4, 12)
    assert [found.origins[key] for key in ("port", "workers", "remember")] == [
        "--port",
        "RAGKIT_WORKERS",
        "ragkit.toml:3",
    ]


def test_an_empty_variable_counts_as_one_that_is_not_set() -> None:
    write("port = 7001\n")
    assert read_configuration({}, {"RAGKIT_PORT": " "}).service_settings().port == 7001


def test_every_kind_of_value_is_read_from_the_file(here: Path) -> None:
    write(
        "# settings of the team\n"
        'data = "kb"\n'
        'allowed_hosts = ["a.example.org", "B.example.org"]\n'
        "create_collections = false\n"
        'chat = "openai:small"\n'
        "chat_deadline = 12.5\n"
        'audit = "on"\n'
        "[limit]\n"
        "idle_seconds = 40\n"
        "body_seconds = 90\n"
    )
    told = read_configuration({}, {}).service_settings()

    assert told.data == here / "kb"
    assert told.allowed_hosts == ("a.example.org", "b.example.org")
    assert (told.create_collections, told.audit) == (False, "on")
    assert (told.settings.chat.model, told.settings.chat.deadline) == ("openai:small", 12.5)
    assert (told.limits.idle_seconds, told.limits.body_seconds) == (40, 90.0)


def test_a_path_in_the_file_starts_at_the_files_folder(here: Path) -> None:
    (here / "etc").mkdir()
    file = write('data = "kb"\n', "etc/team.toml")

    assert read_configuration({}, {"RAGKIT_CONFIG": str(file)}).service_settings().data == here / "etc" / "kb"


def test_the_flag_names_the_file_before_the_variable_and_the_working_folder() -> None:
    write("port = 7001\n")
    write("port = 7002\n", "second.toml")
    write("port = 7003\n", "third.toml")
    environ = {"RAGKIT_CONFIG": "second.toml"}

    assert read_configuration({}, {}).service_settings().port == 7001
    assert read_configuration({}, environ).service_settings().port == 7002
    assert read_configuration({}, environ, file="third.toml").service_settings().port == 7003


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("port = 7001\nwokers = 2\n", 2, "there is no setting 'wokers'; write workers"),
        ("[limit]\nrequests = 4\nqueue = 9\n", 3, "there is no setting 'limit.queue'"),
        ("limit.queue = 9\n", 1, "there is no setting 'limit.queue'"),
        ('\nport = "7001"\n', 2, "the key port is '7001'; set it to a whole number"),
        ("port = true\n", 1, "set it to a whole number"),
        ("workers = 1.5\n", 1, "set it to a whole number"),
        ("port = 70000\n", 1, "from 0 to 65,535"),
        ("[limit]\nrequests = 0\n", 2, "the key limit.requests is 0; set it to a number from 1 to 65,536"),
        ("[limit]\nbody_seconds = nan\n", 2, "set it to a number from"),
        ("offline = 1\n", 1, "set it to true or false"),
        ('allowed_hosts = "a.example.org"\n', 1, 'a list of texts, as ["a", "b"]'),
        ('allowed_hosts = ["a,b"]\n', 1, "a list of texts"),
        ("[chat]\nmodel = 'x'\n", 1, "the key chat is"),
        ('audit = "maybe"\n', 1, "auto, on or off"),
        ('port = 1\nport = "unclosed\n', 2, "this is no TOML"),
    ],
)
def test_a_fault_of_the_file_is_told_with_its_line_and_its_cure(text: str, line: int, told: str) -> None:
    write(text)
    with pytest.raises(DefinitionError) as raised:
        read_configuration({}, {})

    assert raised.value.line == line
    assert str(raised.value).startswith(f"ragkit.toml:{line}: ")
    assert told in str(raised.value)
    assert raised.value.cure


def test_a_wrong_secret_is_not_shown() -> None:
    write("api_key = 4711\n")
    with pytest.raises(DefinitionError) as raised:
        read_configuration({}, {})
    assert "4711" not in str(raised.value)


def test_what_only_the_service_can_judge_names_the_line_too() -> None:
    write('port = 1\nroot_path = "rag/"\n')
    with pytest.raises(ConfigError, match=r"^ragkit\.toml:2: RAGKIT_ROOT_PATH is 'rag/'"):
        read_configuration({}, {}).service_settings()


def test_a_file_that_is_named_must_be_there_and_readable(here: Path) -> None:
    (here / "latin.toml").write_bytes(b'host = "\xe9"\n')
    for name in ("missing.toml", str(here), "latin.toml"):
        with pytest.raises(ConfigError):
            read_configuration({}, {}, file=name)


@pytest.mark.parametrize(
    "environ",
    [
        {"RAGKIT_LIMIT_REQUESTS": "many"},
        {"RAGKIT_LIMIT_REQUESTS": "0"},
        {"RAGKIT_LIMIT_JOBS": "1.5"},
        {"RAGKIT_LIMIT_BODY_SECONDS": "inf"},
        {"RAGKIT_LIMIT_REQESTS": "4"},
    ],
)
def test_a_wrong_limit_in_the_environment_is_refused(environ: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match=next(iter(environ))):
        read_configuration({}, environ).service_settings()


def test_every_limit_is_a_setting_with_bounds_that_its_default_keeps() -> None:
    for limit in fields(Limits):
        least, most = LIMIT_BOUNDS[limit.name]
        for value in (least, most):
            told = service_settings({f"RAGKIT_LIMIT_{limit.name.upper()}": str(value)})
            assert getattr(told.limits, limit.name) == value
        assert least <= getattr(Limits(), limit.name) <= most, limit.name


def test_the_documentation_has_every_limit_with_its_default() -> None:
    text = (Path(__file__).parents[2] / "docs" / "service.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `RAGKIT_LIMIT_([A-Z_]+)` \| ([0-9,.]+) \|", text, re.MULTILINE))

    written = {name.lower(): float(value.replace(",", "")) for name, value in rows.items()}
    assert written == {limit.name: float(getattr(Limits(), limit.name)) for limit in fields(Limits)}


def test_the_configuration_is_shown_without_secrets() -> None:
    write('api_key = "canary-of-the-file"\nport = 7001\n')
    result = show_config("--host", "::1", RAGKIT_CHAT_API_KEY="canary-of-chat", RAGKIT_CHAT_BASE_URL="http://u:pw@h/v1")

    assert result.exit_code == 0, result.output
    lines = {line.split()[0]: line.split() for line in result.output.splitlines()}
    assert lines["host"] == ["host", "::1", "--host"]
    assert lines["port"] == ["port", "7001", "ragkit.toml:2"]
    assert lines["api_key"] == ["api_key", "(hidden)", "ragkit.toml:1"]
    assert lines["chat_api_key"] == ["chat_api_key", "(hidden)", "RAGKIT_CHAT_API_KEY"]
    assert lines["limit.requests"] == ["limit.requests", "256", "default"]
    assert "canary" not in result.output
    assert "pw" not in result.output


def test_the_configuration_is_shown_as_json() -> None:
    shown = json.loads(show_config("--json", "--port", "0").output)

    assert shown["file"] is None
    assert {"key": "port", "variable": "RAGKIT_PORT", "value": "0", "origin": "--port"} in shown["settings"]
    assert len(shown["settings"]) == len(known_settings())


def test_shown_defaults_are_those_that_hold() -> None:
    shown = {setting.variable: setting.value for setting in read_configuration({}, {}).shown()}
    assert service_settings(shown) == service_settings({})


def test_keys_are_made_in_the_data_folder_of_the_file(here: Path) -> None:
    write('data = "kb"\n')
    (here / "kb").mkdir()
    assert CliRunner().invoke(keys, ["create", "laptop"]).exit_code == 0
    assert (here / "kb" / "keys.json").is_file()


def test_a_bad_file_ends_the_command_with_a_typed_error() -> None:
    write("hots = 1\n")
    assert isinstance(show_config().exception, RagkitError)


def test_the_buckets_of_addresses_are_bounded() -> None:
    now = [0.0]
    rates = RateLimits(lambda: now[0])
    for number in range(MOST_BUCKETS):
        rates.wait(f"address {number}", 60)
    now[0] = 61.0
    rates.wait("another", 60)
    assert len(rates._buckets) == 1


def test_a_limit_is_a_flag_too_and_goes_first() -> None:
    write("[limit]\nquestion_words = 30\nrequests = 9\n")
    found = read_configuration(
        limit_flags(["question_words=40", "Question_Characters = 500"]), {"RAGKIT_LIMIT_QUESTION_WORDS": "35"}
    )

    told = found.service_settings()
    assert (told.limits.question_words, told.limits.question_characters, told.limits.requests) == (40, 500, 9)
    assert (told.settings.retrieval.question_words, told.settings.retrieval.question_characters) == (40, 500)
    assert found.origins["limit.question_words"] == "--limit question_words"
    shown = show_config("--limit", "question_words=41")
    assert re.search(r"limit\.question_words +41 +--limit question_words", shown.output)


@pytest.mark.parametrize("given", ["question_words", "question_words=", "questions=3", "=3", "question_words=many"])
def test_a_limit_that_is_none_is_refused_with_its_name(given: str) -> None:
    with pytest.raises(ConfigError, match=r"limit|LIMIT"):
        read_configuration(limit_flags([given]), {}).service_settings()
