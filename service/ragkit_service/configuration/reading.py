"""Gather the configuration: each setting's value, and where it came from."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ragkit import ConfigError, show, shown_location
from ragkit_service.configuration.known import LIMIT_TABLE, KnownSetting, as_text, known_settings
from ragkit_service.configuration.toml_file import FILE_NAME, FileValue, read_toml
from ragkit_service.settings import (
    LIMIT_PREFIX,
    OTLP_VARIABLE,
    STANDARD_OTLP_VARIABLE,
    ServiceSettings,
    service_settings,
)

CONFIG_VARIABLE: Final = "RAGKIT_CONFIG"
HIDDEN: Final = "(hidden)"
_SEE_LIMITS: Final = "`ragkit serve --show-config` lists the limits"
_PASSWORD = re.compile(r"(?<=://)[^/@\s]+(?=@)")


@dataclass(frozen=True, slots=True)
class ShownSetting:
    """A setting as `ragkit serve --show-config` shows it. origin: a flag, a variable, a file with its line, default."""

    key: str
    variable: str
    value: str
    origin: str

    def as_dict(self) -> dict[str, str]:
        """Return it as JSON."""
        return {"key": self.key, "variable": self.variable, "value": self.value, "origin": self.origin}


@dataclass(frozen=True, slots=True)
class Configuration:
    """The settings that were given. values: by variable, as the environment of a server process would have them.

    origins: of the given values, by key. file: the file that was read, None without one.
    """

    values: Mapping[str, str]
    origins: Mapping[str, str]
    file: Path | None

    def service_settings(self) -> ServiceSettings:
        """Return the settings of the service. A ConfigError of a value from the file names the file's line, too."""
        try:
            return service_settings(self.values)
        except ConfigError as error:
            origin = self._origin_in(error.message)
            if not origin:
                raise
            raise ConfigError(f"{origin}: {error.message}", cure=error.cure) from error

    def _origin_in(self, message: str) -> str:
        """Return the place in the file of the variable that an error message names, "" when the value is not from the
        file."""
        for key, origin in self.origins.items():
            setting = known_settings()[key]
            from_file = self.file is not None and origin.startswith(str(self.file))
            if from_file and re.search(rf"\b{setting.variable}\b", message):
                return origin
        return ""

    def shown(self) -> list[ShownSetting]:
        """Return every setting with its value and origin; secrets and passwords in addresses are hidden."""
        return [
            ShownSetting(setting.key, setting.variable, self._value(setting), self.origins.get(key, "default"))
            for key, setting in known_settings().items()
        ]

    def _value(self, setting: KnownSetting) -> str:
        value = self.values.get(setting.variable, "") or setting.default
        if setting.key == "data":
            return shown_location(value)
        return HIDDEN if setting.secret and value else _PASSWORD.sub(HIDDEN, value)


def read_configuration(
    flags: Mapping[str, Any], environ: Mapping[str, str], *, file: str | Path | None = None
) -> Configuration:
    """Return the configuration by flags, variables and file, in that order of precedence.

    flags: values of the command line by key, None for those that were not given. file: the settings file; without one
    RAGKIT_CONFIG names it, and ragkit.toml in the working folder is read when it is there. An empty variable counts as
    one that is not set. Raises ConfigError; DefinitionError for what is wrong in the file.
    """
    known = known_settings()
    _check_limits(environ, known)
    path = _file(file or environ.get(CONFIG_VARIABLE, "").strip())
    of_file = read_toml(path, known) if path else {}
    values, origins = {}, {}
    for key, setting in known.items():
        found = _given(setting, flags.get(key), environ, of_file.get(key))
        if found is not None:
            values[setting.variable], origins[key] = found
    return Configuration(values, origins, path)


def limit_flags(given: Sequence[str]) -> dict[str, str]:
    """Return the values of the option --limit, as "requests=128", by key. Raises ConfigError for what is no limit."""
    known, found = known_settings(), {}
    for text in given:
        name, equals, value = text.partition("=")
        key = f"{LIMIT_TABLE}.{name.strip().lower()}"
        if not equals or not value.strip():
            raise ConfigError(f"--limit {show(text, 80)} has no value", cure="write it as --limit requests=128")
        if key not in known:
            raise ConfigError(f"there is no limit {show(name, 80)}", cure=_SEE_LIMITS)
        found[key] = value.strip()
    return found


def _given(
    setting: KnownSetting, flag: Any, environ: Mapping[str, str], of_file: FileValue | None
) -> tuple[str, str] | None:
    """Return the value with the highest precedence, and its origin."""
    if flag is not None:
        return as_text(flag), f"--{setting.key.replace('.', ' ')}"
    if environ.get(setting.variable, "").strip():
        return environ[setting.variable], setting.variable
    if of_file:
        return of_file.text, of_file.place
    standard = environ.get(STANDARD_OTLP_VARIABLE, "").strip()
    return (standard, STANDARD_OTLP_VARIABLE) if setting.variable == OTLP_VARIABLE and standard else None


def _file(named: str | Path) -> Path | None:
    if named:
        return Path(named)
    here = Path(FILE_NAME)
    return here if here.is_file() else None


def _check_limits(environ: Mapping[str, str], known: Mapping[str, KnownSetting]) -> None:
    """Refuse a variable of a limit that does not exist: a misspelt name would leave the limit unchanged."""
    variables = {setting.variable for setting in known.values()}
    for name in environ:
        if name.startswith(LIMIT_PREFIX) and name not in variables:
            raise ConfigError(f"there is no limit {name}", cure=_SEE_LIMITS)
