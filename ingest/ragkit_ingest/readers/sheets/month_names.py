"""Names of months and days in the languages that number formats name most."""

from __future__ import annotations

from typing import Final, NamedTuple


class Name(NamedTuple):
    """A name in full and short."""

    long: str
    short: str


def _names(long: str, short: str = "", *, cut: int = 3) -> tuple[Name, ...]:
    words = long.split()
    return tuple(map(Name, words, short.split() or [word[:cut] for word in words]))


_NUMBERED: Final = _names(" ".join(f"{number}月" for number in range(1, 13)), cut=3)
MONTHS: Final[dict[str, tuple[Name, ...]]] = {
    "en": _names("January February March April May June July August September October November December"),
    "de": _names(
        "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
        "Jan Feb Mrz Apr Mai Jun Jul Aug Sep Okt Nov Dez",
    ),
    "fr": _names(
        "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
        "janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc.",
    ),
    "es": _names("enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre"),
    "it": _names("gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre"),
    "pt": _names("janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro"),
    "nl": _names(
        "januari februari maart april mei juni juli augustus september oktober november december",
        "jan feb mrt apr mei jun jul aug sep okt nov dec",
    ),
    "ja": _NUMBERED,
    "zh": _NUMBERED,
    "ko": _names(" ".join(f"{number}월" for number in range(1, 13)), cut=3),
}
"""Language -> twelve names, January first."""
WEEKDAYS: Final[dict[str, tuple[Name, ...]]] = {
    "en": _names("Monday Tuesday Wednesday Thursday Friday Saturday Sunday"),
    "de": _names("Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag", cut=2),
    "fr": _names("lundi mardi mercredi jeudi vendredi samedi dimanche", "lun. mar. mer. jeu. ven. sam. dim."),
    "es": _names("lunes martes miércoles jueves viernes sábado domingo"),
    "it": _names("lunedì martedì mercoledì giovedì venerdì sabato domenica"),
    "pt": _names("segunda-feira terça-feira quarta-feira quinta-feira sexta-feira sábado domingo"),
    "nl": _names("maandag dinsdag woensdag donderdag vrijdag zaterdag zondag", cut=2),
    "ja": _names("月曜日 火曜日 水曜日 木曜日 金曜日 土曜日 日曜日", cut=1),
    "zh": _names("星期一 星期二 星期三 星期四 星期五 星期六 星期日", "周一 周二 周三 周四 周五 周六 周日"),
    "ko": _names("월요일 화요일 수요일 목요일 금요일 토요일 일요일", cut=1),
}
"""Language -> seven names, Monday first."""
