"""Sentence -> its clauses: each with the subject, adverbial and label that it shares with the others.

"The board chose the oak and rejected the pine" has two clauses, "The board chose the oak" and "The board rejected the
pine". A sentence is split at semicolons, and at commas and conjunctions behind which another finite verb stands;
English only. Conditions and relative clauses stay with what they restrict.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from ragkit.citations.amounts.units import is_unit
from ragkit.citations.clauses.function_words import DETERMINERS, PREPOSITIONS
from ragkit.citations.clauses.gapping import filled
from ragkit.text.content_terms import NUMBER_WORDS

_AUXILIARY_WORDS: Final = """
is are was were has have had do does did can could may might must shall should will would cannot
"""
_AUXILIARIES: Final = frozenset(_AUXILIARY_WORDS.split())
_BE_WORDS: Final = """
is are was were be been has have had
"""
_BE: Final = frozenset(_BE_WORDS.split())
_REGULAR_WORDS: Final = """
accept add admit alight allow announce answer appear apply appoint approve arrange arrive ask assemble assess assign
assist attach attend authorise authorize avoid award bake belong bill board boil book borrow calculate call cancel
carry catch change check choose chop clean click climb close collect combine commence compare complete compose conduct
confirm connect consider construct consult consume contain convert cook cool coordinate correct cover create criticise
criticize debate decide decline define delete deliver deny depend describe destroy detect determine develop diagnose
dilute direct discuss distribute divide donate download draft drain dry earn edit educate elect eliminate emit employ
enable encourage end ensure enter equip establish evaluate examine exceed exclude execute exist expand expect expire
explain extend fail fill finance finish fold follow found gain gather generate grant greet guard guide handle happen
heat help hire identify ignore improve include increase incubate inform inject inspect inspire install instruct insure
introduce invent invest investigate invite involve issue join judge justify lack land last launch learn lift listen
load lock lower maintain manage measure mention merge mix monitor move need negotiate notify observe obtain occupy
occur offer open operate order oversee own pack paint participate pass pay perform permit place play plug possess
postpone pour praise prefer prepare prescribe present press prevent print process produce promise promote propose
protect prove provide publish pump punish qualify raise reach receive recommend record recruit recycle reduce refer
refund refuse register regulate reject relate release rely remain remember remind remove rename renew rent repair
replace reply report represent request require rescue reserve resign resolve respond rest restart restore retain
return reveal review rinse save scan schedule secure select separate serve settle share ship sign slice solve start
stay stir stop store submit succeed suffer suggest supervise supply support suspend switch tackle terminate test thaw
trade transfer transform translate transport travel treat turn unload unlock update upload use vary verify visit vote
wait walk want warm warn wash watch weigh welcome weld withdraw work wrap
"""
_REGULAR: Final = tuple(_REGULAR_WORDS.split())
_IRREGULAR_WORDS: Final = """
become became begin began bring brought build built buy bought chose choose come came cost costs cut cuts draw drew
drive drove eat ate fall fell find found fly flew forbid forbade get gets got give gave go goes went grow grew hang
hold held keep keeps kept know knew lead leads led leave leaves left lend lends lent let lose lost make makes made
meet met pay paid put puts read reads ride rise rises rose run runs ran say says said sell sells sold send sends sent
set sets show shows speak spoke spend spent stand stands stood swim swam take takes took teach taught tell told think
thought wear win wins won write writes wrote
"""
_IRREGULAR: Final = tuple(_IRREGULAR_WORDS.split())
_NOT_PAST_WORDS: Final = """
need speed feed seed bed red shed hundred weed breed indeed embed kindred sacred
"""
_NOT_PAST: Final = frozenset(_NOT_PAST_WORDS.split())


def _forms(verb: str) -> tuple[str, ...]:
    stem = verb.removesuffix("y")
    if stem != verb and stem[-1:] not in "aeo":
        return verb, f"{stem}ies"
    return verb, f"{verb}es" if verb.endswith(("s", "sh", "ch", "x")) else f"{verb}s"


_VERBS: Final = frozenset(form for verb in _REGULAR for form in _forms(verb)) | frozenset(
    form for verb in _IRREGULAR for form in (verb, f"{verb}s")
)
_BASE_FORMS: Final = frozenset(_REGULAR)
"""Forms that are nouns as well: verbs behind a plural only, or behind a word of the next list."""
_BEFORE_VERB: Final = frozenset(
    ("they", "we", "you", "people", "children", "men", "women", "still", "also", "always", "usually", "often", "never")
)
_WORD: Final = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_MARK: Final = re.compile(r"\s*(?:[-*+•●▪◦‣–]|\(?\d{1,3}[.)])\s+")
_LABEL: Final = re.compile(r"[^\W\d_][^:.;!?\n|]{0,48}:\s+(?=\S)")
_ADVERBIAL: Final = re.compile(
    r"(?:if|when|whenever|while|after|before|until|unless|because|since|although|as|once|in|on|at|for|from|during|by"
    r"|with|without|under|to|where|despite|according)\b[^;,]*,\s+",
    re.IGNORECASE,
)
_CONTRAST: Final = re.compile(r"but|while|whereas|whilst")
_ADVERBS: Final = frozenset(("always", "also", "only", "then", "not", "still", "often", "never", "now", "again", "so"))
_SUBORDINATE: Final = re.compile(
    r"\b(?:if|when|whenever|that|who|whom|which|because|unless|whether|where|whose|so that)\b"
    r"(?! (?:of|for|in|from|with)\b)",
    re.IGNORECASE,
)
_CUT: Final = re.compile(
    r"(?P<strong>;\s+)|,?\s+(?:and|but|while|whereas|whilst|yet|however)\s+(?:then\s+|also\s+|not\s+)?|,\s+(?:then\s+)?"
)
_BUT_NOT: Final = re.compile(r",?\s+but\s+not\s+")
_RELATIVE_WORDS: Final = """
which who whom whose where that when if unless because so including such
"""
_RELATIVE: Final = frozenset(_RELATIVE_WORDS.split())
BACKWARD: Final = re.compile(r"\b(?:it|they|them|this|these|he|she|him|its|their)\b", re.IGNORECASE)
"""Pronouns for something that the clause or sentence before names."""
_THAT_OF: Final = re.compile(r"\b(?:that|those|the one|the ones)(?= (?:of|for|from|in|with)\b)", re.IGNORECASE)
_ONE: Final = re.compile(r"(?P<which>\bthe [^\W\d_]+) ones?\b", re.IGNORECASE)
_NOUN_OF: Final = re.compile(r"(?P<noun>[^\W\d_]+)\s+(?:of|for|from|in|with)\b", re.IGNORECASE)
_APPOSITION: Final = re.compile(
    r"(?<=[^\W\d_]), (?:[A-Z][a-z]{1,3}\.? )?[A-ZÄÖÜ][\w'’-]+(?: [A-ZÄÖÜ][\w'’-]+){1,3},(?! (?:and|or|but|the)\b)"
)
_LOW_COMMA: Final = "\u201a"  # stands for the commas around an apposition, at which no clause ends
_RESPECTIVELY: Final = re.compile(r",?\s+respectively\b", re.IGNORECASE)
_AND: Final = re.compile(r",?\s+and\s+|,\s+")
_SERIES: Final = re.compile(r"(?:[^\s,;]+(?:\s[^\s,;]+)?,\s+)*[^\s,;]+(?:\s[^\s,;]+)?,?\s+and\s+(?:the\s+)?[^\s,;.]+")
_SUBJECT_REACH: Final = 7  # words before the verb of a clause with a subject of its own
_LONGEST: Final = 800  # characters of a sentence that is split


@dataclass(frozen=True, slots=True)
class Clause:
    """A clause. text: its words, behind those that it shares with others. subject: what stands before its verb.

    verb: its main verb, or the word after "is". referred: the clause before it, to which a pronoun refers, or "".
    """

    text: str
    subject: str = ""
    verb: str = ""
    referred: str = ""


@lru_cache(maxsize=4_096)
def clauses(sentence: str) -> tuple[Clause, ...]:
    """Return the clauses of a sentence, in order; the sentence as a single clause where it has no others.

    A clause without a subject has that of the clause before it, with the auxiliary of a participle ("are sold and
    shipped"). The label of the sentence ("Fees: …") and an adverbial at its beginning hold for all clauses.
    """
    flat = " ".join(_MARK.sub("", sentence, count=1).split()) if len(sentence) <= _LONGEST else ""
    flat = _APPOSITION.sub(lambda match: match.group().replace(",", _LOW_COMMA), flat)
    lead, body = _lead(flat)
    pairs, parts = _respective(body), _split(body)
    if pairs:
        return tuple(replace(item, text=lead + item.text) for item in pairs)
    if len(parts) < 2:
        words = _words(flat)
        subject = _until(flat, _verb_at(words)).replace(_LOW_COMMA, ",")
        return (Clause(sentence, subject, _main_verb(words, _verb_at(words))),)
    found: list[Clause] = []
    for part in parts:
        found.append(_clause(part, found[-1] if found else None))
    return tuple(_restored(lead, item) for item in found)


def _restored(lead: str, item: Clause) -> Clause:
    """Return a clause behind what holds for all of them, with the commas of its appositions."""
    parts = (f"{lead}{item.text}", item.subject, item.verb, item.referred)
    return Clause(*(part.replace(_LOW_COMMA, ",") for part in parts))


def _lead(text: str) -> tuple[str, str]:
    """Return what holds for all clauses of a text, and the rest of it."""
    at = 0
    for pattern in (_LABEL, _ADVERBIAL):
        match = pattern.match(text, at)
        at = match.end() if match else at
    return text[:at], text[at:]


def _split(text: str) -> list[str]:
    """Return the parts of a text that have a finite verb each; those after a semicolon may do without."""
    parts: list[str] = []
    start, filled_up = 0, False
    for match in _CUT.finditer(text):
        before, after = text[start : match.start()], text[match.end() :]
        if not before or match.end() < start:
            continue
        opens = (filled_up or _has_verb(before)) and _opens_clause(before, after, match.group())
        gap = not (match["strong"] or opens) and _leaves_out_its_verb([*parts, before], after)
        denied = not (opens or gap) and bool(_BUT_NOT.fullmatch(match.group())) and _has_verb(before)
        if match["strong"] or opens or gap or denied:
            parts.append(before)
            start = match.end() - (len("not ") if denied else 0)
            filled_up = gap
    return [*parts, text[start:]]


def _leaves_out_its_verb(parts: Sequence[str], after: str) -> bool:
    """Return whether what follows the last part is a clause whose verb stands in an earlier one."""
    part = _CUT.split(after, maxsplit=1)[0]
    whole = next((text for text in reversed(parts) if _has_verb(text)), "")
    return bool(whole) and not _has_verb(part) and bool(filled(whole, part, _verb_offset(whole)))


def _verb_offset(text: str) -> int:
    """Return the offset of the first finite verb of a text, -1 for none."""
    at = _verb_at(_words(text))
    return list(_WORD.finditer(text))[at].start() if at >= 0 else -1


def _opens_clause(before: str, after: str, mark: str) -> bool:
    """Return whether another clause begins behind a comma or conjunction."""
    following = _words(_CUT.split(after, maxsplit=1)[0])
    first = following[0].lower() if following else ""
    if not first or first in _RELATIVE:
        return False
    alone = mark.strip() in (",", ", then")
    if mark.strip().endswith("then") and first in PREPOSITIONS:
        return True
    at = _verb_at(following)
    parallel = at == 0 and len(following) > 1 and _SUBORDINATE.fullmatch(following[1])  # "opens when … and closes when"
    if _SUBORDINATE.search(before) and not (parallel or _CONTRAST.search(mark)):
        return False
    if at == 0:
        return not alone or (len(following) > 1 and following[1] in DETERMINERS)
    if alone and not (following[0][0].isupper() or first in DETERMINERS):
        return False
    return at > 0


def _clause(part: str, before: Clause | None) -> Clause:
    words = _words(part)
    at = _verb_at(words)
    if before is None:
        return Clause(part, _until(part, at), _main_verb(words, at))
    referred = before.text if BACKWARD.search(part) else ""
    part = _with_noun(part, before.text)
    words = _words(part)
    at = _verb_at(words)
    adverbs = not words[: max(at, 0)] or all(_is_adverb(word) for word in words[: max(at, 0)])
    if at >= 0 and adverbs and before.subject:
        text = f"{before.subject} {_shared_auxiliary(words[at], before)}{part}"
        return Clause(text, before.subject, _main_verb(words, at), referred)
    if at < 0 and (whole := filled(before.text, part, _verb_offset(before.text))):
        return _clause(whole, None)
    if at < 0 and words[:1] == ["not"]:
        return Clause(f"{before.subject} not {before.verb} {part[4:]}", before.subject, before.verb, referred)
    if at < 0 and words and words[0].lower() in PREPOSITIONS:
        return Clause(f"{before.subject} {before.verb} {part}".strip(), before.subject, before.verb, referred)
    if at < 0:
        return Clause(f"{part} {before.verb}".strip(), part, before.verb, referred)
    return Clause(part, _until(part, at), _main_verb(words, at), referred)


def _with_noun(part: str, before: str) -> str:
    """Return a clause with the noun of the one before it for "that of …" and for "the red one"."""
    noun = _THAT_OF.search(part) and _NOUN_OF.search(before)
    if noun:
        return _THAT_OF.sub(f"the {noun['noun']}", part, count=1)
    words = _words(before)
    return _ONE.sub(lambda match: f"{match['which']} {words[-1]}", part, count=1) if words else part


def _main_verb(words: list[str], at: int) -> str:
    """Return the first verb from a place that is no auxiliary, with no more than adverbs before it; "" for none."""
    while 0 <= at < len(words) and (words[at].lower() in _AUXILIARIES | _BE or _is_adverb(words[at])):
        at += 1
    return words[at] if 0 <= at < len(words) and words[at].isalpha() else ""


def _is_adverb(word: str) -> bool:
    return word.lower() in _ADVERBS or (word.endswith("ly") and word[0].islower())


def _shared_auxiliary(verb: str, before: Clause) -> str:
    """Return the auxiliary of the clause before that a participle goes with: "are " of "are sold and shipped"."""
    words = _words(before.text[before.text.find(before.subject) + len(before.subject) :])
    own = words[0].lower() if words else ""
    return f"{own} " if own in _BE and verb.lower() not in _AUXILIARIES else ""


def verb_of(sentence: str) -> str:
    """Return the main verb of a sentence, or the word after "is"; "" where none is found."""
    words = _words(sentence)
    return _main_verb(words, _verb_at(words))


def subject_of(sentence: str) -> str:
    """Return what stands before the finite verb of a sentence, "" where no verb is found."""
    return _until(sentence, _verb_at(_words(sentence)))


def _until(part: str, at: int) -> str:
    """Return the text of a part before a word of it."""
    words = _words(part)
    while at > 0 and words[at - 1].lower() in _ADVERBS:
        at -= 1
    if at <= 0:
        return ""
    return part[: list(_WORD.finditer(part))[at].start()].strip()


def _words(text: str) -> list[str]:
    return _WORD.findall(text)


def _has_verb(text: str) -> bool:
    words = _words(text)
    return any(_is_verb(words, at) for at in range(len(words)))


def _verb_at(words: list[str]) -> int:
    """Return the index of the first finite verb among the first words, -1 for none."""
    return next((at for at in range(min(len(words), _SUBJECT_REACH + 1)) if _is_verb(words, at)), -1)


def _is_verb(words: list[str], at: int) -> bool:
    """Return whether a word is a finite verb: an auxiliary, a known form, a past form, or a form before an article."""
    word = words[at].lower()
    before = words[at - 1] if at else ""
    before = before.lower() if len(before) > 1 or at == 1 else before  # the A of "Plan A" is no article
    if word in _AUXILIARIES:
        return True
    if before in DETERMINERS or (words[at][0].isupper() and at > 0):
        return False
    after = words[at + 1].lower() if at + 1 < len(words) else ""
    named = after.isdigit() or (len(after) == 1 and words[1].isupper())
    noun = words[at][0].isupper() and word not in _BASE_FORMS
    if after in _AUXILIARIES or (at == 0 and (noun or named)):
        return False  # "Books are lent", "Pump A runs"
    if word in _BASE_FORMS:
        return (
            at == 0
            or before in _BEFORE_VERB
            or before in NUMBER_WORDS
            or (before.endswith("s") and before not in _AUXILIARIES)
        )
    if word in _VERBS or (word.endswith("ed") and word not in _NOT_PAST):
        return before not in ("of", "to", "for", "in", "on", "by", "with")
    inflected = word.endswith("s") and not word.endswith(("ss", "us")) and not is_unit(word)
    return inflected and after in DETERMINERS and before not in _AUXILIARIES


def _respective(text: str) -> list[Clause]:
    """Return a clause for each pair of a text with "respectively": "A and B pay X and Y, respectively"."""
    bare = _RESPECTIVELY.sub("", text)
    series = list(_SERIES.finditer(bare)) if bare != text else []
    if len(series) != 2:
        return []
    (first, last), members = series, [_AND.split(match.group()) for match in series]
    if len(members[0]) != len(members[1]):
        return []
    between, end = bare[first.end() : last.start()], bare[last.end() :]
    verb = between.strip().partition(" ")[0]
    subjects = [f"{bare[: first.start()]}{name}" for name in members[0]]
    return [
        Clause(f"{subject}{between}{value}{end}", subject, verb)
        for subject, value in zip(subjects, members[1], strict=True)
    ]
