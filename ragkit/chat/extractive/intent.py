"""The intent of a question: its words, its language, and the kind of answer."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from ragkit.text.addresses import without_addresses
from ragkit.text.asking import ASKING_WORDS_ZH, wants_address
from ragkit.text.content_terms import UNSPACED, ContentTerms, guess_language, wording

FACTS: Final = frozenset({"date", "figure", "money", "who"})
"""The kinds of questions that a single fact answers."""

_KINDS: Final[dict[str, re.Pattern[str]]] = {
    "date": re.compile(
        r"""\b(?:(?<!\w\s)when
        | when\s+(?:is|are|was|were|do|does|did|will|can|should|must|has|have|had)\b
        | (?:what|which)\s+(?:year|date|day|time|century|decade|month) | since\s+when
        | wann | welche[smn]?\s+(?:jahr|datum|tag|monat) | quand | cu[aá]ndo | quando | wanneer)\b
        |什么时候|何时|哪一?年|几月|いつ|언제""",
        re.IGNORECASE | re.VERBOSE,
    ),
    "figure": re.compile(
        r"""\b(?:how\s+(?:many|much|long|far|large|big|tall|high|fast|deep|heavy|wide|old|often|soon)
        | (?:maximum|minimum|max|min|highest|lowest|largest|smallest|default)\s+(?:\w+\s+){0,2}?
          (?:number|size|length|amount|limit|rate|age|count)
        | what\s+(?:\w+\s+)*?(?:number|percentage|percent|ratio|size|distance|age|price|amount|limit|rate|costs?|fee)
        | was\s+kostet | wie\s*(?:viele?|weit|gro(?:ß|ss)|hoch|oft|schnell|lange|alt|teuer)
        | combien | cu[aá]nt[oa]s? | quant[oaie] | hoeveel)\b
        |どのくらい|どれくらい|多少|几个|几次|多久|多长时间|多大|いくつ|いくら|얼마|몇""",
        re.IGNORECASE | re.VERBOSE,
    ),
    "money": re.compile(
        r"""\b(?:costs? | prices? | fees? | charges? | expensive | cheap
        | how\s+much\s+(?:is|are|do|does|did|money)
        | kostet | kosten | preise? | geb(?:ü|ue)hr(?:en)? | teuer
        | coûte | prix | cuesta | precio | prezzo | costa)\b""",
        re.IGNORECASE | re.VERBOSE,
    ),
    "who": re.compile(
        r"""\b(?:who|whom|whose
        | (?:what|which)\s+(?:person|company|group|organi[sz]ation|people|ruler|king|president|team)
        | wer|wen|wem|wessen | qui | qui[eé]n(?:es)? | chi | quem | wie\s+is)\b|谁|誰|누가|누구""",
        re.IGNORECASE | re.VERBOSE,
    ),
    "where": re.compile(
        r"""\b(?:where
        | (?:what|which)\s+(?:country|countries|city|cities|place|state|region|county|continent|town|river)
        | wo|wohin|woher | d[oó]nde | où | dove | onde | waar)\b|哪里|哪儿|どこ|어디""",
        re.IGNORECASE | re.VERBOSE,
    ),
    "why": re.compile(
        r"""\b(?:why | what\s+(?:caused?|(?:is|was|were)\s+the\s+(?:reasons?|causes?)) | for\s+what\s+(?:reason|purpose)
        | warum|wieso|weshalb | pourquoi | por\s+qu[eé] | perch[eé] | waarom)\b|为什么|为何|なぜ|왜""",
        re.IGNORECASE | re.VERBOSE,
    ),
}
_KINDS_MORE: Final[dict[str, re.Pattern[str]]] = {
    "how": re.compile(
        r"""\b(?:how\s+(?:do|does|can|could|should|would|to|is|are|must|might)\b | how\s+i\b
        | (?:code|command|syntax|snippet|example)s?\b
        | what\s+(?:command|option|flag|setting|call|code)\b
        | wie\s+\w{3,}(?:e\s+ich|t\s+man)\b
        | wie\s+(?:kann|k(?:ö|oe)nnen|mache?n?|muss|soll|setze|stelle|wird|werden|man|geht|schreib\w*|installier\w*)
        | comment | c[oó]mo | come\s+(?:si|posso|faccio|fare) | como\s+(?:se|posso|fazer|fa[cç]o)
        | hoe\s+(?:kan|moet|doe) | beispiel | befehl | exemple | ejemplo)\b
        | 怎么|怎样|如何|示例|命令|どうやって|方法は|어떻게
        | ^\W*(?:please\s+)?(?:(?:completely|automatically|temporarily|globally)\s+)?(?:add|allow|build|change|configure
          |connect|convert|create|delete|deploy|disable|download|enable|enter|export|hide|import|install|load|make|mount
          |move|open|pass|print|put|read|register|remove|rename|render|reset|restart|return|run|save|send|set|show|sign
          |skip|start|stop|store|test|turn\s+(?:on|off)|uninstall|update|upgrade|upload|use|write)\s+[^\W\d]
        | \b(?:aktivieren|aktualisieren|ändern|anlegen|anzeigen|ausschalten|deaktivieren|einrichten|einschalten
          |entfernen|erstellen|hinzufügen|hochladen|herunterladen|installieren|konfigurieren|löschen|öffnen|senden|speichern
          |starten|stoppen)\W*$""",
        re.IGNORECASE | re.VERBOSE,
    ),
    "what": re.compile(
        r"""\bwhat\s+(?:is|are|was|does|do|did)\b(?!\s+(?:\w+\s+){0,2}(?:price|cost|fee|rate|limit)) | \bwhat['’]s\b
        | \b(?:meaning|definition|purpose)\s+of\b | \bmeans?\s*\?*$ | \bwas\s+(?:ist|sind|bedeutet|macht|bewirkt)\b
        | \bqu['’]est-ce\b | \bqu[eé]\s+(?:es|son|significa|hace)\b | \bche\s+cos
        | 是什么 | 做什么 | 什么用 | 什么作用 | 干什么 | 什么意思 | 有什么用 | とは | 뭐""",
        re.IGNORECASE | re.VERBOSE,
    ),
    "yes": re.compile(
        r"""^\W*(?:is|are|was|were|do|does|did|can|could|may|must|should|shall|will|would|has|have|had|am|might|need
        |ist|sind|war|kann|k(?:ö|oe)nnen|darf|d(?:ü|ue)rfen|muss|m(?:ü|ue)ssen|soll|hat|haben|gibt\s+es|werden|wird
        |est-ce|peut-on|puis-je)\b(?!.*\bor\b) | 吗\W*$ | ですか\W*$ | 是否|能否|可否""",
        re.IGNORECASE | re.VERBOSE,
    ),
    "version": re.compile(
        r"""\b(?:(?:what|which|lowest|earliest|latest|minimum|required)\s+(?:[\w.-]+\s+){0,2}?(?:versions?|releases?)
        | welche[rnms]?\s+(?:[\w.]+[\s-]+)?version(?:en)? | quelles?\s+versions? | (?:qu[eé]|cu[aá]l)\s+versi[oó]n)\b
        |(?:哪个|哪一个|哪些|什么|几)版本|どのバージョン""",
        re.IGNORECASE | re.VERBOSE,
    ),
    "list": re.compile(
        r"""\b(?:which\s+(?:\w+\s+){0,3}?\w+s\b
        | what\s+(?:\w+\s+){0,3}?\w+s\s+(?:are|do|does|can|have|should|must|may|exist|get)\b
        | what\s+are | what\s+can | list\s+(?:of|all|the) | (?<!\w\s)list(?!\() | steps | kinds | types | options
        | differences? | vs | versus | compared? | requirements | criteria
        | welche[nrsm]? | unterschiede? | schritte | quel(?:le)?s | diff[ée]rences? | cu[aá]les | quali | quais)\b
        | 有哪些|哪些|区别|不同|步骤|違い|種類|차이|종류""",
        re.IGNORECASE | re.VERBOSE,
    ),
}
_REASON = re.compile(
    r"""\b(?:because|since|due\s+to|so\s+that|in\s+order\s+to|therefore|as\s+a\s+result|caus\w+|led\s+to
    |reason\w*|to\s+(?:avoid|prevent|protect|ensure) | weil|damit|wegen|denn|deshalb|aufgrund
    | parce|car|afin | porque|debido)\b""",
    re.IGNORECASE | re.VERBOSE,
)
_DATE = re.compile(
    r"""\b(?:january|february|march|april|may|june|july|august|september|october|november|december|januar|februar|märz|mai
    |juni|juli|oktober|dezember|janvier|février|mars|avril|juin|juillet|août|septembre|octobre|novembre|décembre|enero
    |febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre
    |(?:mon|tues|wednes|thurs|fri|satur|sun)day|montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonntag
    |century|jahrhundert|\d{1,2}\.\d{1,2}\.|\d{1,2}/\d{1,2}/|\d{4}-\d{2}-\d{2})(?!\w)""",
    re.IGNORECASE | re.VERBOSE,
)
_VERSION: Final = re.compile(r"(?<![\w.])v?\d+(?:\.\d+)+|\b[Vv]ersions?\s+\d+|版本\s*\d+")
_COMPARED: Final = re.compile(
    r"""\bdifferences?\s+between\s+(.+?)\s+and\s+([^?.,;]+) | ^\W*(.{2,40}?)\s+(?:vs\.?|versus)\s+([^?.,;]+)
    | \buse\s+(.{2,60}?)\s+(?:instead\s+of|rather\s+than|over|or)\s+([^?.,;]+)
    | \bunterschiede?\s+zwischen\s+(.+?)\s+und\s+([^?.,;]+) | \bdiff[ée]rences?\s+entre\s+(.+?)\s+et\s+([^?.,;]+)
    | \bdiferencias?\s+entre\s+(.+?)\s+y\s+([^?.,;]+)
    | ^(.{2,20}?)(?:和|与|跟|同)(.{2,20}?)(?:之间)?(?:有什么|有何|有哪些|的|是什么)*(?:不同|区别|差别|差异)""",
    re.IGNORECASE | re.VERBOSE,
)
_COST: Final = re.compile(
    r"\bhow\s+much\s+(?:does|do|did|will|would)\b.*\bcosts?\b|\bwhat\s+(?:does|do|did)\b.*\bcosts?\b"
    r"|\bwas\s+kostet|\bwie\s*viel\s+kostet|\bcombien\s+coûte|\bcu[aá]nto\s+cuesta|多少钱",
    re.IGNORECASE,
)
_PRICED: Final = re.compile(
    r"[$€£¥]|\b(?:USD|EUR|GBP|CHF|JPY|dollars?|euros?|pounds?|cents?|pric\w+|costs?|fees?|charge[ds]?|paid|pay(?:able|ment)?s?|rates?"
    r"|discount\w*|(?:for|is|are|of|,)\s+free|free\s+(?:of\s+charge|for)|kostenlos|gratis|gratuit\w*|preise?|kosten\w*|kostet|gebühr\w*"
    r"|prix|coût\w*|precio\w*|cuest\w+)\b|元|费|价|免费",
    re.IGNORECASE,
)
_MONEY = re.compile(
    r"[$€£¥]|\b(?:USD|EUR|GBP|CHF|JPY|dollars?|euros?|pounds?|cents?|prices?|costs?|fees?|discounts?|free|kostenlos"
    r"|preise?|kosten|kostet|gebühr|rabatt)\b",
    re.IGNORECASE,
)
_MEASURES: Final = frozenset(
    wording(
        "many much cost price fee charge amount number total percentage rate size length duration period long far large"
        " big tall high fast deep heavy wide old often soon year date day time century decade month week hour kosten"
        " kostet preis anzahl dauer jahr datum tag zeit monat coût prix durée precio prezzo"
    ).terms
)
"""Terms of measured quantities: an answer gives the figure, often without the word."""

_VERSIONS: Final = frozenset(wording("version release versions versión").terms)
"""Terms that ask for a version: "since 3.6" answers without the word."""
_NAMING: Final = frozenset(wording("called named genannt heißt appelé").terms)
"""Terms that only introduce a name."""

_PLACES: Final = frozenset(wording("web address url uri link website webpage page homepage adresse lien enlace").terms)
"""Terms that name an address: an answer gives the address itself, often without the word."""

_SHOWN: Final = frozenset(wording("example code snippet sample show command syntax beispiel befehl exemple").terms)
"""Terms that name the form of an answer."""

_FUNCTION_ZH: Final = re.compile(
    f"{ASKING_WORDS_ZH}|是什么|做什么|用来|用于|分别|意思|有什么|哪一|需要|不要|一个|两个|几个|它们|这个|那个|以及|或者|并且|还是|时候"
    "|[的了吗呢么吧啊是和在把给会能有用与对从到于被让将及并或中上下里个请要做该谁]"
)
_GRAM: Final = 4
_LONG_WORD = re.compile(r"[^\W\d_]{4,}")


@dataclass(frozen=True, slots=True)
class Question:
    """A question, prepared for comparison.

    kinds: of "date", "figure", "money", "who", "where", "why", "how", "what", "version", "yes" (or no), "list", "link".
    grams: see `letter_groups`.
    carried: terms that come from the turns before it.
    sides: of a comparison, the terms that only one and only the other of two things has; () for another question.
    """

    text: str
    language: str
    said: ContentTerms
    kinds: frozenset[str]
    grams: frozenset[str]
    carried: frozenset[str] = frozenset()
    sides: tuple[frozenset[str], ...] = ()

    @classmethod
    def of(cls, text: str, *, with_turns: str = "") -> Question:
        """Read a question. with_turns: the same with the words of earlier turns that it depends on."""
        whole = with_turns or text
        language = guess_language(whole)
        patterns = {**_KINDS, **_KINDS_MORE}.items()
        kinds = frozenset(kind for kind, pattern in patterns if pattern.search(whole))
        if wants_address(text):
            kinds |= {"link"}
        said = wording(_content(whole, language), language=language)
        carried = said.terms - wording(_content(text, language), language=language).terms
        sides = _sides(text, language)
        return cls(text, language, said, kinds, letter_groups(text if carried else whole), carried, sides)

    @property
    def measures(self) -> frozenset[str]:
        """Return the terms of the question that an answer need not repeat: it gives a figure, date, code or address."""
        needless = _NAMING
        if self.kinds & {"figure", "date"}:
            needless |= _MEASURES
        if "version" in self.kinds:
            needless |= _VERSIONS
        if "how" in self.kinds:
            needless |= _SHOWN
        return self.address_terms | self.said.terms & needless

    @property
    def address_terms(self) -> frozenset[str]:
        """Return the terms of the question that only request the address of a link."""
        return self.said.terms & _PLACES if "link" in self.kinds else frozenset()

    def gives_address(self, text: str) -> bool:
        """Return whether a text holds the address of a link, where the question asks for one."""
        return "link" in self.kinds and without_addresses(text) != text

    def without_joints(self, text: str) -> Question:
        """Return the question without pairs of letters that only stand where two of its words meet.

        In a script without blanks a pair across two words is no word: one that the text does not hold, both letters of
        which belong to pairs that it holds, is left out.
        """
        if not UNSPACED.search(self.text):
            return self
        held = self.said.terms & self.terms_of(text)
        letters = set("".join(held))
        joints = {term for term in self.said.terms - held if UNSPACED.search(term) and letters.issuperset(term)}
        order = tuple(term for term in self.said.order if term not in joints)
        return replace(self, said=replace(self.said, terms=self.said.terms - joints, order=order))

    def terms_of(self, text: str) -> frozenset[str]:
        """Return the terms of another text, as those of the question are written."""
        return wording(text, language=self.language).terms

    def gives_version(self, sentence: str) -> bool:
        """Return whether a sentence names a version that the question does not."""
        return any(found not in self.text for found in _VERSION.findall(sentence))

    def speaks_of_price(self, passage: str) -> bool:
        """Return whether a passage speaks of prices at all, where the question asks what something costs."""
        return not _COST.search(self.text) or bool(_PRICED.search(passage))

    @staticmethod
    def gives_money(sentence: str) -> bool:
        """Return whether a sentence or the names of a row's columns speak of money."""
        return bool(_MONEY.search(sentence))

    def gives_date(self, sentence: str) -> bool:
        """Return whether a sentence names a day, month or century that the question does not."""
        return any(found.lower() not in self.text.lower() for found in _DATE.findall(sentence))

    @staticmethod
    def gives_reason(sentence: str) -> bool:
        """Return whether a sentence has a word of cause or purpose."""
        return bool(_REASON.search(sentence))


def _sides(text: str, language: str) -> tuple[frozenset[str], ...]:
    """Return the terms of the two things that a question compares, without those of both; () where it does not."""
    found = _COMPARED.search(text)
    if not found:
        return ()
    one, other = (
        wording(_content(part, language), language=language).terms for part in found.groups() if part is not None
    )
    sides = one - other, other - one
    return sides if all(sides) else ()


def _content(text: str, language: str) -> str:
    """Return a question without the stop words of Chinese, whose character pairs would count as content."""
    return _FUNCTION_ZH.sub(" ", text) if language == "zh" else text


def letter_groups(text: str) -> frozenset[str]:
    """Return the groups of four letters within the words of a text, in lower case."""
    return frozenset(
        word[at : at + _GRAM] for word in _LONG_WORD.findall(text.lower()) for at in range(len(word) - _GRAM + 1)
    )
