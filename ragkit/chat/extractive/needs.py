"""How well the form of a candidate fits the kind of question: entries, instructions, lists, addresses."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from ragkit.chat.extractive.code_blocks import only_imports
from ragkit.chat.extractive.evidence import Candidate
from ragkit.chat.extractive.intent import Question
from ragkit.chat.extractive.layout import Layout, announces, is_field
from ragkit.text.content_terms import is_stop_word
from ragkit.text.tables import cells

# In the units of `Candidate.value`, set by hand on five trees of documentation: handbook, vue, and three of manuals.
_LINK_BONUS: Final = 2.0  # an address, where one is asked for
_CONTACT_BONUS: Final = 1.2  # an address, where the question is how to report, ask or apply
_LIST_BONUS: Final = 1.0  # a list, where several things are asked for
_ANNOUNCES_BONUS: Final = 4.0  # "The following X are ..", where several things are asked for
_TOPIC_BONUS: Final = 1.2  # the first part below a heading whose words are all in the question
_KEY_BONUS: Final = 1.5  # "Key: value" where the question names the key
_ASKED_KEY_BONUS: Final = 5.0  # the same, where one asks for it by name: "Version of .."
_ENTRY_BONUS: Final = 3.0  # the entry of what is asked about: "name: ..", "name is .."
_HEADING_WEIGHT: Final = 2.0  # of the cosine of the heading, where a topic is asked about
_INSTRUCTION_BONUS: Final = 0.7  # "To do X, run ..", where one asks how
_PURPOSE_BONUS: Final = 2.5  # "To do X, ..", where X is what is asked about
_IMPORT_COST: Final = 2.5  # code that only imports, where one asks how
_ADVICE_COST: Final = 2.0  # advice against something, where one asks how
_CODE_BONUS: Final = 0.8  # code, or what leads into it, where one asks how
_ANSWER_BONUS: Final = 1.0  # "Yes" or "No" at the beginning, where it is asked for
_CODE_COST: Final = 1.5  # code, where the question does not ask how
_FIELD_COST: Final = 3.0  # "Default: false", where something else is asked
_SEE_ALSO_COST: Final = 3.0  # a list of what to read elsewhere
_OPENING_BONUS: Final = 1.5  # the first sentence of the section whose heading is what is asked about
_UNSAID_BONUS: Final = 4.0  # the same, for what the sentence leaves to its heading
_OTHER_NAME_COST: Final = 2.0  # below "$tick", where "tick" is asked about
_SUBJECT: Final = 0.6  # share of the question from which a heading is what is asked about
_OPERATOR_BONUS: Final = 3.0  # what names an operator first in its section
_META_COST: Final = 2.5  # remarks on the text itself, and captions
_ALSO_COST: Final = 1.0  # "You can also ..": the main point is elsewhere
_FIRST: Final = 2
_TOPICAL: Final = frozenset({"how", "list", "link", "yes", "what"})

_ADDRESS: Final = re.compile(r"https?://|\w@\w")
_CONTACT: Final = re.compile(
    r"\b(?:report|contact|reach|e-?mail|apply|sign\s+up|register|submit|request|ask\s+for|get\s+help|join|subscribe"
    r"|melden?|erreiche\w*|beantrag\w*|bewerb\w*|anmelden|signaler|contacter|contactar|solicitar)\b"
    r"|报告|举报|反馈|联系|申请|提交|加入|報告|連絡|申し込",
    re.IGNORECASE,
)
_KEY: Final = re.compile(r"(?:[-*+•]\s+)?([^\W\d_][\w ./()-]{1,40})[:：] *\S")
_ENTRY_HEAD: Final = re.compile(
    r"(?:[-*+•]\s+|\d+[.)]\s+)?(.{1,70}?)(?:\s*[:：]\s|\s+[—–-]\s|\s*(?:是指|指的是|是|表示|用于|用来)"
    r"|\s+(?:is|are|means|refers|stands|ist|sind|bedeutet|est|sont|es|son|will|allows?|lets|controls?|specifies|defines|returns?"
    r"|sets|enables?|disables?|indicates?|describes?|provides?|contains?|makes?|causes?|tells|compares?)\b)"
)
_INSTRUCTION: Final = re.compile(
    r"(?:[-*+•]\s+|\d+[.)]\s+)?(?:(?:first|then|next|now|finally|instead|simply|just|please)[, ]+)?"
    r"(?:to\s+\w+|if\s+you\s+(?:want|need|wish)|in\s+order\s+to|you\s+(?:can|may|must|need|should|will)|use|run|add|set|create|call"
    r"|pass|put|write|install|open|click|go\s+to|select|choose|enter|type|import|define|declare|configure|enable|make|send|ask"
    r"|contact|fill|submit|visit|um\s+.{3,60}\szu\b|man\s+kann|verwenden?|nutzen?|pour\s+\w+|para\s+\w+)\b"
    r"|[^。，]{0,20}(?:通过|使用|可以|请|如需|如果你?(?:想|需)|只需)",
    re.IGNORECASE,
)
_PURPOSE: Final = re.compile(
    r"(?:[-*+•]\s+|\d+[.)]\s+)?(?:in\s+order\s+to|to|if\s+you\s+(?:want|need|wish)\s+to|for|when|um|pour|para)\s+([^,:]{3,70})[,:]"
    r"|(?:如需|要|若要|如果你?(?:想|需)要?|为了)([^，：]{2,30})[，：]",
    re.IGNORECASE,
)
_SYMBOLS: Final = re.compile(r"(?:--?)?[A-Za-z_$][\w.$]*(?:[-_.][\w$]+)*")
_OPENING: Final = re.compile(
    r"\W*(?:what\s+(?:is|was)\s+|was\s+ist\s+)?(?:the\s+|d(?:er|ie|as)\s+)?(.*)", re.IGNORECASE | re.DOTALL
)
_SAYS: Final = re.compile(
    r"\W*(?:yes|no|indeed|of\s+course|not\b|never|always|ja|nein|oui|non|sí|是的|不|可以|没有|支持)", re.IGNORECASE
)
_SEE_ALSO: Final = re.compile(
    r"(?:see(?:\s+also)?|related|references?|further\s+reading|more\s+(?:information|resources?)|learn\s+more|next\s+steps?"
    r"|resources?|links?|policy|siehe(?:\s+auch)?|voir(?:\s+aussi)?|mehr\s+dazu|weitere\s+informationen|参考|另请参阅|相关|参见|详见|参阅|请参阅|更多信息|延伸阅读|関連)\W*$",
    re.IGNORECASE,
)
_META: Final = re.compile(
    r"\b(?:in\s+(?:this|the\s+(?:next|following|previous|last))\s+(?:chapters?|sections?|guides?|tutorials?|articles?|pages?|documents?|parts?|"
    r"lessons?)|(?:we|you|i)(?:['’]ll|\s+will)\s+(?:now\s+|next\s+|also\s+)?(?:look|discuss|cover|demonstrate|explore|talk|learn|examine)"
    r"|(?:let['’]s|next,?\s+we)\s+(?:look|see|discuss|explore)|this\s+(?:chapter|section|guide|page|tutorial|document)\s+"
    r"(?:describes|explains|covers|shows|is\s+intended))\b"
    r"|^(?:listing|figure|fig\.|table|filename|example|abb\.|abbildung|tabelle)\s*(?:[\d.-]+\s*)?[:：]\s"
    r"|^(?:本节|本章|本页|在本|接下来)",
    re.IGNORECASE,
)
_ALSO: Final = re.compile(r"(?:\S+\s+){1,3}also\s|(?:additionally|besides|moreover|furthermore)\b", re.IGNORECASE)
_AGAINST: Final = re.compile(
    r"\b(?:should(?:\s+not|n['’]t)|do(?:es)?\s+not|don['’]t|never|avoid|not\s+recommended|discouraged|instead\s+of)\b"
    r"|不要|不应|不推荐|避免",
    re.IGNORECASE,
)
_LINK_ITEM: Final = re.compile(r"\s*[-*+•]\s+[^()]{1,120}\(https?://\S+\)\.?\s*")
_REFERS: Final = re.compile(
    r"(?:(?:for|to)\s+(?:more|further|full|learn|find\s+out|details?|a\s+(?:full|complete))\b[^.]*?\b"
    r"(?:see|read|refer|consult|visit|check)\b|(?:please\s+)?(?:see|refer\s+to|read|check\s+out)\b(?:\s+also\b)?)[^.]{0,80}\.?$"
    r"|(?:更多|详见|参见|请参阅|参考)[^。]{0,40}。?$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Place:
    """The context of a candidate beyond its text.

    heading: that of its passage. operators: those that the question names. is_list: whether it stands for a list of two
    items or more, or the rows of a table.
    """

    heading: str
    operators: frozenset[str] = frozenset()
    is_list: bool = False


def form_value(question: Question, item: Candidate, layout: Layout, place: Place) -> float:
    """Return the change of a candidate's value by its form and place, for the kinds of a question."""
    kinds = question.kinds
    value = _section_value(question, item, heading_above(item, layout, default=place.heading), place.operators)
    if _ADDRESS.search(item.text):
        value += _LINK_BONUS * ("link" in kinds) + _CONTACT_BONUS * bool(_CONTACT.search(question.text))
    if "list" in kinds:
        value += _LIST_BONUS * place.is_list + _announcing_value(question, item, layout)
    if "how" in kinds:
        value += _how_value(question, item, layout)
    elif item.kind == "code":
        value -= _CODE_COST
    if "yes" in kinds and _SAYS.match(item.text):
        value += _ANSWER_BONUS
    if _is_see_also(item, layout) and "link" not in kinds:
        value -= _SEE_ALSO_COST
    if _META.search(item.text[:160]) or _META.search(_lead_in(item, layout)):
        value -= _META_COST
    return value - _ALSO_COST * bool(_ALSO.match(item.text)) + _entry_value(question, item)


def _announcing_value(question: Question, item: Candidate, layout: Layout) -> float:
    """Return the gain of a sentence that announces things, by the share of the question that it holds itself."""
    part = layout.parts[item.order]
    own = layout.text[part.start : part.end]
    said = question.said.terms
    return _ANNOUNCES_BONUS * len(question.terms_of(own) & said) / len(said) if announces(own) and said else 0.0


def heading_above(item: Candidate, layout: Layout, *, default: str) -> str:
    """Return the heading or introducing line above a candidate, a default where it is not in the passage."""
    if item.section < 0:
        return default
    part = layout.parts[item.section]
    return layout.text[part.start : part.end]


def _section_value(question: Question, item: Candidate, heading: str, operators: frozenset[str]) -> float:
    """Return the change of value by the heading above a candidate, where the question asks about a topic."""
    kinds = question.kinds
    value = 0.0
    if item.topic == 1 and item.place <= _FIRST and not kinds - _TOPICAL:
        value += _TOPIC_BONUS
    if "what" in kinds and operators:
        value += _operator_value(item, operators)
    elif "what" in kinds:
        value += _subject_value(question, item, heading)
    if kinds & _TOPICAL or not kinds:
        value += _HEADING_WEIGHT * item.features.lead_meaning
    return value


def _subject_value(question: Question, item: Candidate, heading: str) -> float:
    """Return the change of value for a candidate below the name of the question's subject, or below a similar name."""
    symbols = [
        word
        for word in _SYMBOLS.findall(question.text)
        if word.lower() in heading.lower() and not is_stop_word(word.lower(), question.language)
    ]
    if not all(re.search(rf"(?<![\w$.-]){re.escape(word)}(?![\w$-])", heading, re.IGNORECASE) for word in symbols):
        return -_OTHER_NAME_COST
    opens = item.kind == "sentence" or (
        item.kind == "item" and item.order == item.section + 1 and not _KEY.match(item.text)
    )
    opens = opens and item.place == 1 and not is_field(item.text)
    if not opens or item.asked < _SUBJECT or (item.topic < 1 and item.features.lead < _SUBJECT):
        return 0.0
    return _OPENING_BONUS + _UNSAID_BONUS * (1 - item.features.own)


def _operator_value(item: Candidate, operators: frozenset[str]) -> float:
    """Return the change of value for the entry of an operator, or the first sentence of a section that names it.

    A list of several operators is less than the entry of one.
    """
    own, _, items = item.text.partition("\n")
    head = _ENTRY_HEAD.match(own)
    if head and head[1].strip("`'\" ") in operators:
        return _ENTRY_BONUS
    if item.kind == "sentence" and any(mark in own for mark in operators):
        return _OPERATOR_BONUS * (item.place == 1)
    return -_OPERATOR_BONUS * bool(item.kind != "code" and any(mark in items for mark in operators))


def _entry_value(question: Question, item: Candidate) -> float:
    """Return the change of value by a key at the beginning: that of the question, its subject, or another."""
    if item.kind == "code":
        return 0.0
    said = question.said.terms
    key = _KEY.match(item.text)
    if key and question.terms_of(key[1]) - question.measures and question.terms_of(key[1]) <= said:
        return _ASKED_KEY_BONUS if _asks_for_key(question.text, key[1]) else _KEY_BONUS
    if is_field(item.text):
        return -_FIELD_COST
    head = _ENTRY_HEAD.match(item.text)
    if item.kind == "row":
        terms = question.terms_of(cells(item.text)[0])
        return _KEY_BONUS * bool(terms and terms <= said)
    if not head or "what" not in question.kinds:
        return 0.0
    terms = question.terms_of(head[1])
    return _ENTRY_BONUS * (len(terms & said) / len(terms | said)) if terms else 0.0


def _asks_for_key(question: str, key: str) -> bool:
    """Return whether a question is "KEY of ..", ".. KEY" or "KEY value", or asks what that is."""
    opening = _OPENING.match(question)
    name = re.escape(key)
    asked = rf"{name}(?:\s+values?)?\s+(?:of|for|von|für|de)\b|.*\b{name}(?:\s+values?)?\W*$"
    return bool(opening and re.match(asked, opening[1], re.IGNORECASE | re.DOTALL))


def _how_value(question: Question, item: Candidate, layout: Layout) -> float:
    shown = next((part for part in layout.parts[item.order : item.order + 2] if part.kind == "code"), None)
    value = _CODE_BONUS * (shown is not None) + _INSTRUCTION_BONUS * bool(_INSTRUCTION.match(item.text))
    imports = shown is not None and only_imports(layout.text[shown.start : shown.end])
    if imports and "import" not in question.text.lower():
        value -= _CODE_BONUS + _IMPORT_COST * (item.kind == "code" or item.text.endswith((":", "：")))
    value -= _ADVICE_COST * bool(item.kind != "code" and _AGAINST.search(item.text[:160]))
    purpose = _PURPOSE.match(item.text)
    if purpose:
        said = question.said.terms
        terms = question.terms_of(purpose[1] or purpose[2])
        value += _PURPOSE_BONUS * len(terms & said) / max(len(terms | said), 1)
    return value


def _lead_in(item: Candidate, layout: Layout) -> str:
    """Return the line that leads into the list that a candidate belongs to, "" for none."""
    region = layout.list_at(*item.span)
    return "" if region is None else layout.text[region.lead : region.start][:160]


def _is_see_also(item: Candidate, layout: Layout) -> bool:
    """Return whether a candidate is only a reference ("see also")."""
    if item.kind == "sentence" and (_SEE_ALSO.match(item.text.split("\n", 1)[0]) or _REFERS.match(item.text)):
        return True
    region = layout.list_at(*item.span)
    if region is None:
        return bool(_SEE_ALSO.match(heading_above(item, layout, default="")))
    if all(_LINK_ITEM.fullmatch(line) for line in layout.text[region.start : region.end].split("\n") if line.strip()):
        return True
    above = layout.text[: region.start].rstrip().rsplit("\n", 1)[-1]
    return bool(_SEE_ALSO.match(above.strip()))
