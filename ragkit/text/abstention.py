"""Abstention: its sentence in each language, and the recognition of such sentences in a model's text."""

from __future__ import annotations

import re
from typing import Final

from ragkit.text.content_terms import guess_language

_ABSTENTIONS: Final[dict[str, str]] = {
    "en": "The documents do not answer this question.",
    "de": "Die Dokumente beantworten diese Frage nicht.",
    "fr": "Les documents ne répondent pas à cette question.",
    "es": "Los documentos no responden a esta pregunta.",
    "it": "I documenti non rispondono a questa domanda.",
    "pt": "Os documentos não respondem a esta pergunta.",
    "nl": "De documenten beantwoorden deze vraag niet.",
    "ja": "文書にはこの質問への答えがありません。",
    "zh": "文档中没有这个问题的答案。",
    "ko": "문서에는 이 질문에 대한 답이 없습니다.",
}
_LENGTH: Final = 1_000
_THING: Final = (
    r"(?:(?:the|these|those|your|any|given|provided|retrieved|available|supplied|cited|of|in)\s+)*"
    r"(?:sources?|documents?|documentation|passages?|context|texts?|information|material|excerpts?|content|knowledge"
    r"(?:\s+base)?)(?:\s+(?:provided|given|available|above|supplied|retrieved|i have|here))*"
)
_PATTERNS = re.compile(
    rf"""
    \b{_THING}\s+(?:(?:here|above|alone)\s+)?
      (?:do(?:es)?\s*(?:not|n[’']t)|did\s*(?:not|n[’']t)|cannot|can[’']?t|(?:is|are)\s+not)\s+(?:\w+\s+){{0,2}}
      (?:answer|contain|hold|say|state|mention|provide|include|specify|cover|address|give|have|discuss|describe|tell
        |indicate|list|enough|sufficient|offer|reveal|explain|disclose|report)
  | \b(?:no|not\s+enough|insufficient)\s+(?:\w+\s+)?
      (?:information|source|document|passage|answer|mention|evidence|details?)\b[^.]{{0,60}}\b(?:source|document|passage|context|found|available|provided|given|about|on)
  | \b(?:answer|information|this|that|it)\b[^.]{{0,40}}\b(?:is|was|are)\s*(?:not|n[’']t)\s+(?:\w+\s+)?
      (?:in|found|given|mentioned|stated|contained|included|provided|available|specified|covered|answered)\b
  | \bi\s*(?:am|[’']m)?\s*(?:do\s*not|don[’']?t|could\s*not|couldn[’']t|cannot|can[’']?t|was\s+unable\s+to
      |unable\s+to|not\s+able\s+to)\s+
      (?:know|find|answer|locate|determine|say|see|tell)\b
  | \b(?:could|can)\s*(?:not|n[’']t)\s+(?:be\s+)?(?:find|found|answered|determined)\b
  | \bnot\s+(?:found|mentioned|stated|specified|answered)\s+(?:in|by)\s+{_THING}
  | \b(?:dokumente|quellen|unterlagen|texte|auszüge|quelle|dokument|text)\b[^.]{{0,60}}
      \b(?:nicht|kein|keine|keinen|keinerlei)\b
  | \b(?:keine|kein|keinen)\s+(?:\w+\s+)?(?:angaben?|informationen?|antwort|hinweise?|quelle)\b
  | \bles\s+(?:documents|sources|passages|extraits)\b[^.]{{0,40}}\bne\b[^.]{{0,40}}\bpas\b
  | \b(?:los|las)\s+(?:documentos|fuentes|pasajes)\s+no\s
  | \b(?:i\s+documenti|le\s+fonti)\s+non\s
  | \b(?:os\s+documentos|as\s+fontes)\s+não\s
  | \bde\s+(?:documenten|bronnen)\b[^.]{{0,60}}\b(?:niet|geen)\b
  | (?:文書|資料|情報源|出典|ソース)[^。]{{0,30}}(?:ありません|ない|いません|見つかり)
  | (?:文档|文件|资料|来源)[^。]{{0,20}}(?:没有|未|不)
  | (?:문서|자료|출처)[^.]{{0,30}}(?:없습니다|않습니다)
    """,
    re.IGNORECASE | re.VERBOSE,
)


def abstention(question: str) -> str:
    """Return the sentence that says that the documents do not answer, in the language of the question."""
    return _ABSTENTIONS.get(guess_language(question), _ABSTENTIONS["en"])


def abstains(sentence: str) -> bool:
    """Return whether a sentence says that the sources do not hold the answer (ten languages)."""
    return sentence.strip() in _ABSTENTIONS.values() or bool(_PATTERNS.search(sentence, 0, _LENGTH))


def opens_with_abstention(text: str) -> bool:
    """Return whether a text is a sentence of `abstention`, alone or with the nearest passages below it."""
    return text.split("\n", 1)[0].strip() in _ABSTENTIONS.values()
