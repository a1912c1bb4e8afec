"""The wording of questions and the patterns of definitions, by language; and the choice of sentences to ask about."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from ragkit.text.stopwords import STOP_WORDS

BLANK: Final = "_____"

ABOUT: Final = {
    "en": "What is said about {x}?",
    "de": "Was steht über {x} geschrieben?",
    "fr": "Que dit-on de {x} ?",
    "es": "¿Qué se dice de {x}?",
    "it": "Che cosa si dice di {x}?",
    "pt": "O que se diz de {x}?",
    "nl": "Wat staat er over {x}?",
    "ja": "{x}について何と書かれていますか。",
    "zh": "关于{x}写了什么？",
    "ko": "{x}에 대해 무엇이라고 쓰여 있습니까?",
}
"""A question on a heading."""

WHAT_IS: Final = {
    "en": "What is {x}?",
    "de": "Was ist {x}?",
    "fr": "Qu'est-ce que {x} ?",
    "es": "¿Qué es {x}?",
    "it": "Che cos'è {x}?",
    "pt": "O que é {x}?",
    "nl": "Wat is {x}?",
    "ja": "{x}とは何ですか。",
    "zh": "什么是{x}？",
}
"""A question on a definition."""

_NAME = r"(?P<x>[^\W\d_][\w'’./&+-]*(?:[ ](?:\([^()]{2,20}\)|[\w'’./&+-]+)){0,5}?)"
_DEFINES: Final = {
    "en": rf"^(?:(?:an?|the)[ ])?{_NAME}[ ](?:(?:is|are)[ ](?:an?|the|any|our|defined[ ]as)|means|refers[ ]to|denotes"
    r"|stands[ ]for)[ ]\w",
    "de": rf"^(?:(?:eine?|der|die|das)[ ])?{_NAME}[ ](?:(?:ist|sind)[ ](?:eine?|der|die|das)|bezeichnet|bedeutet)[ ]\w",
    "fr": rf"^(?:(?:une?|les?|la|l['’])[ ]?)?{_NAME}[ ](?:(?:est|sont)[ ](?:une?|les?|la|des)|désigne|signifie)[ ]\w",
    "es": rf"^(?:(?:una?|el|la|los|las)[ ])?{_NAME}[ ](?:(?:es|son)[ ](?:una?|el|la|los|las)|significa)[ ]\w",
    "it": rf"^(?:(?:una?|uno|il|lo|la|i|gli|le)[ ])?{_NAME}[ ](?:(?:è|sono)[ ](?:una?|uno|il|lo|la|le)|significa)[ ]\w",
    "pt": rf"^(?:(?:uma?|o|a|os|as)[ ])?{_NAME}[ ](?:(?:é|são)[ ](?:uma?|o|a|os|as)|significa)[ ]\w",
    "nl": rf"^(?:(?:een|de|het)[ ])?{_NAME}[ ](?:(?:is|zijn)[ ](?:een|de|het)|betekent)[ ]\w",
    "ja": r"^(?P<x>[^、。「」]{2,20}?)とは、?[^。]",
    "zh": r"^(?P<x>[^，。“”]{2,20}?)(?:是指|指的是|是一种|是一個|是一个)",
}
_EMPTY_HEADINGS: Final = frozenset(
    """introduction overview summary conclusion conclusions contents references appendix abstract notes
    note background discussion results methods example examples general more see also other miscellaneous preface
    acknowledgements index history usage description details einleitung überblick zusammenfassung inhalt
    inhaltsverzeichnis fazit anhang literatur allgemeines résumé sommaire annexe références introducción resumen índice
    anexo conclusiones introduzione riassunto indice conclusioni introdução sumário conclusão inleiding samenvatting
    inhoud bijlage""".split()  # noqa: SIM905  (a table of words)
) | {"table of contents", "see also"}
_NUMBERING: Final = re.compile(r"^(?:[#§]+\s*)?(?:(?:\d+|[ivxIVX]+|[A-Z])(?:\.\d+)*[.):]?\s+)(?=\S)")
_WORD: Final = re.compile(
    "[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]{1,2}"
    "|[^\\W_\u0e00-\u0e7f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]+(?:['’-][^\\W_]+)*"
)
_ENDS: Final = re.compile(r"[.!?。！？।…][\"'”’»)\]】」』]*$")
_UNSURE_STARTS: Final = frozenset(
    """this that these those it he she they there here we you i such one each if when where while who what which how why
    and but or so also then therefore however thus for in on at by as with from to another other many most some all both
    dies diese dieser dieses das es er sie wir ihr hier dort wer was wie wenn ce cette ces cela il elle nous vous ils
    elles este esta esto estos estas él ella ellos questo questa questi queste egli essa isto ele ela dit deze dat hij
    zij wij これ それ あれ この その 这 那 这个 那个""".split()  # noqa: SIM905  (a table of words)
)


def words(text: str) -> list[tuple[int, int, str]]:
    """Return (start, end, lower-case word) of each word; scripts without spaces give pairs of characters."""
    return [(match.start(), match.end(), match.group().lower()) for match in _WORD.finditer(text)]


@cache
def stop_words(language: str) -> frozenset[str]:
    """Return the stop words of a language; English ones for a language without a list."""
    return frozenset(STOP_WORDS.get(language, STOP_WORDS["en"]).split())


def content_words(text: str, language: str) -> list[tuple[int, int, str]]:
    """Return the content words."""
    stop = stop_words(language)
    return [item for item in words(text) if item[2] not in stop and (len(item[2]) > 1 or item[2].isdigit())]


def plain_heading(text: str) -> str:
    """Return a heading without its numbering and marks, "" for one without content ("Introduction")."""
    plain = _NUMBERING.sub("", " ".join(text.split())).strip(" #:.–—-")
    if not 3 <= len(plain) <= 120 or plain.lower() in _EMPTY_HEADINGS or not any(char.isalpha() for char in plain):
        return ""
    return plain


def defined_term(sentence: str, language: str) -> str:
    """Return the term that a sentence defines ("A refund window is the time in which …" -> "refund window"), "" if it
    defines none."""
    pattern = _DEFINES.get(language)
    match = re.match(pattern, sentence, re.IGNORECASE) if pattern else None
    if match is None:
        return ""
    term = match["x"].strip()
    found = words(term)
    if not found or found[0][2] in _UNSURE_STARTS or not content_words(term, language):
        return ""
    # "Returns that were opened are the …" defines nothing: a term has few stop words.
    stop = stop_words(language)
    if sum(word in stop for _, _, word in found) > len(found) // 3:
        return ""
    return term


def what_is(term: str, sentence: str, language: str) -> str:
    """Return the question that a definition answers, with the article and the number that the sentence has."""
    if language == "en":
        article = "the " if sentence[:4].lower() == "the " and not term.lower().startswith("the ") else ""
        plural = re.match(rf".{{0,6}}{re.escape(term)} are ", sentence)
        return f"What {'are' if plural else 'is'} {article}{term}?"
    return WHAT_IS[language].format(x=term)


def is_prose(sentence: str) -> bool:
    """Return whether a question can be made of a sentence: it is complete, of medium length, and mostly letters."""
    unspaced = not sentence.isascii() and len(sentence) >= 15 and len(words(sentence)) >= 8
    if not 40 <= len(sentence) <= 400 and not (unspaced and len(sentence) <= 400):
        return False
    if not _ENDS.search(sentence) or "|" in sentence or "\t" in sentence or "http" in sentence:
        return False
    letters = sum(char.isalpha() for char in sentence)
    return letters >= 0.6 * len(sentence) and not sentence[0].islower()
