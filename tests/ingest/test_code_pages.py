"""Short texts in legacy code pages: the script decides, and the guess is named."""

from __future__ import annotations

import pytest

from ragkit_ingest.readers.encoding import decode
from tests.support.ingest_files import extract

SHORT = {
    "cp932": ["ﾚｲｿﾞｳｺ ﾊﾞﾝｺﾞｳ 7", "ﾎﾃﾙ ｻﾝｼｬｲﾝ ﾖﾔｸ", "Pump (ﾎﾟﾝﾌﾟ) 4, valve (ﾊﾞﾙﾌﾞ) 9", "支店ﾒｲ：ﾅｶﾉ"],
    "shift_jis": ["駐車場は建物の裏にあります。", "エレベーターは点検中です", "請求書番号：４４１２",
                  "忘れ物は受付まで"],
    "euc_jp": ["駐車場は建物の裏にあります。", "朝礼は八時半に始まります"],
    "gbk": ["停车场在大楼后面。", "电梯正在检修，请走楼梯", "合同编号：2026-118"],
    "big5": ["停車場在大樓後面。", "電梯正在檢修，請走樓梯"],
    "euc_kr": ["주차장은 건물 뒤에 있습니다.", "엘리베이터 점검 중입니다"],
    "koi8_r": ["Стоянка находится за зданием.", "ЛИФТ НЕ РАБОТАЕТ", "Договор 118 от 4 марта"],
    "cp1251": ["Стоянка находится за зданием.", "ЛИФТ НЕ РАБОТАЕТ",
               "Ліфт на ремонті до п’ятниці", "Асансьорът не работи"],
    "cp866": ["Стоянка находится за зданием."],
    "cp1253": ["Το ασανσέρ δεν λειτουργεί", "Ο χώρος στάθμευσης είναι πίσω"],
    "cp1255": ["המעלית אינה פועלת עד יום ראשון"],
    "cp1256": ["المصعد لا يعمل حتى يوم الأحد"],
    "cp874": ["ลิฟต์เสียจนถึงวันอาทิตย์"],
    "cp1250": ["Výtah je mimo provoz až do neděle", "Winda nie działa aż do niedzieli",
               "A lift vasárnapig nem működik"],
    "cp1252": ["L’ascenseur est arrêté jusqu’à dimanche", "Der Aufzug fährt erst übermorgen",
               "El ascensor no funcionará mañana",
               "Hissen är ur funktion på söndag", "O elevador não funciona até domingo"],
    "cp1254": ["Asansör pazar gününe kadar çalışmıyor"],
    "cp850": ["Die Tür klemmt, bitte größer bohren", "Clé à gauche, été comme hiver"],
    "mac_roman": ["Schlüssel fürs Büro, täglich geöffnet", "La llave está en el cajón del señor Núñez"],
}  # fmt: skip


@pytest.mark.parametrize(("encoding", "text"), [(name, text) for name, texts in SHORT.items() for text in texts])
def test_a_line_of_text_is_decoded_by_its_script(encoding: str, text: str) -> None:
    found = decode(text.encode(encoding))
    assert found.text == text
    assert found.warnings[0].startswith("not UTF-8, encoding guessed: ")


def test_the_name_of_the_guess_is_the_one_that_people_know() -> None:
    assert decode("忘れ物は受付まで届けてください".encode("cp932")).warnings == (
        "not UTF-8, encoding guessed: shift_jis",
    )
    assert decode("Winda nie działa".encode("cp1250")).warnings == ("not UTF-8, encoding guessed: windows-1250",)
    assert extract("駅の出口は北側です".encode("shift_jis"), "a.txt").text == "駅の出口は北側です"


def test_a_japanese_mail_encoding_is_known_by_its_escapes() -> None:
    found = decode("議事録は来週送ります。 OK".encode("iso2022_jp"))
    assert found.text == "議事録は来週送ります。 OK"
    assert found.warnings == ("not UTF-8, encoding guessed: iso-2022-jp",)


def test_words_after_a_long_start_in_ascii_decide() -> None:
    text = "Licence of the program.\n" * 5_000 + "Лифт не работает до воскресенья."
    assert decode(text.encode("koi8_r")).text == text
