"""Sentence + source passage -> the best quote, and whether it supports the sentence."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Final

from ragkit.citations.amounts.counted import named_numbers, says_single, uncounted
from ragkit.citations.amounts.units import unit_fault
from ragkit.citations.bare_text import PUBLISHED, without_links, without_number, wording_only
from ragkit.citations.coverage import denies_what_is_said, share_of
from ragkit.citations.denials import denial_fault, may_agree
from ragkit.citations.meaning.antonyms import denies_the_opposite, opposite_fault
from ragkit.citations.meaning.notations import as_noted
from ragkit.citations.prose.check import find_fault, leans, sure_fault
from ragkit.citations.prose.copies import is_copy
from ragkit.citations.prose.focus import agreed_terms, focus, torn_fault
from ragkit.citations.prose.polarity import turned_fault
from ragkit.citations.prose.ranges import implied_terms
from ragkit.citations.quantities import count_denials
from ragkit.citations.tables.check import Fault, TableVerdict, check_table, closest
from ragkit.citations.tables.lines import identity
from ragkit.citations.tables.rows import Row, Table, is_pair, read_tables
from ragkit.citations.tokens import Claim, as_written, read_claim, tokens
from ragkit.text.addresses import without_addresses
from ragkit.text.content_terms import ContentTerms, guess_language, wording
from ragkit.text.sentences import Span, is_item, sentence_spans
from ragkit.text.tables import is_row
from ragkit.types.answers import Verdict

COVERAGE: Final = (0.55, 0.6, 0.65)
"""Share of a sentence's content terms that a quote of one, two or three sentences must hold.

Chosen on statements made of SQuAD's questions and answers, against the right paragraph and the nearest other one
(five articles; balanced accuracy 0.82, and 0.885 on the five that were not looked at)."""

_SENTENCES: Final = 3  # in the longest quote of prose
_ITEMS: Final = 10  # list items or rows that a quote may hold beyond that
_WIDENING: Final = 0.12  # a longer quote must cover this much more per sentence
_TRIED: Final = 4  # windows that may support; the best of them is reported where none does
_NEARLY: Final = 0.1  # how much less than the best of them they may cover
_LINES_ABOVE: Final = 3  # lines above a table that may name what it is about
_TITLE_LENGTH: Final = 90
_ENDED: Final = re.compile(r"[.!?:;,。！？：]\s*$")
_LEANING: Final = 0.5  # of a sentence: what a quote that begins with a pronoun is wider for the sentence before it
_OWN_SHARE: Final = 0.6  # of a statement's terms that such a quote must have itself
_LONG_CLAIM: Final = 9  # content terms of a statement of several independent sentences
_ADDRESS_ROOM: Final = 640  # characters that an address may add to a sentence of the passage


@dataclass(frozen=True, slots=True)
class Support:
    """The best quote for a sentence: `[start, end)` within the passage, the verdict, and the reason.

    header: the line that names the columns of a quoted row. coverage: share of the sentence's content terms, 0..1.
    opposed: whether something was found that speaks against the sentence, even where that may be about another subject
    and the verdict is `unclear`.
    """

    start: int
    end: int
    verdict: Verdict
    reason: str = ""
    coverage: float = 0.0
    header: str = ""
    opposed: bool = False

    @property
    def supported(self) -> bool:
        """Whether the quote supports the sentence: word for word, or by all of its parts."""
        return self.verdict in ("quoted", "supported")


@dataclass(frozen=True, slots=True)
class _Window:
    """A run of sentences by index, and the share of the terms that it, its headings and the title contain."""

    first: int
    last: int
    covered: float


@dataclass(slots=True)
class Passage:
    """A source that sentences are checked against.

    around: what stands above it (title, headings, column names), for what the text itself only means. first: the part
    of that which holds for its beginning only (the headings over its first words, the columns of a table it begins in).
    known: words in lower case that its document has in other passages.
    """

    text: str
    around: str = ""
    first: str = ""
    language: str = ""
    known: frozenset[str] = frozenset()
    _spans: list[Span] = field(default_factory=list)
    _said: list[ContentTerms] = field(default_factory=list)
    _above: ContentTerms | None = None
    _tables: list[Table] = field(default_factory=list)
    _named: frozenset[tuple[str, str]] | None = None

    def support(self, sentence: str) -> Support:
        """Return the best quote for a sentence, with the verdict.

        `quoted`: whole sentences, word for word. `supported`: a row of a table that holds every value of the sentence
        under the columns that it names; or a few sentences that hold enough of its content terms and all its numbers
        with their units and bounds, together with what they belong to. `contradicted`: something that is said
        otherwise. `unclear`: what words alone cannot decide. The method is lexical on purpose: it is fast, and the same
        everywhere.
        """
        above = self._read()
        sentence = as_noted(without_links(sentence), f"{self._whole_around}\n{self.text}")
        said = wording(sentence, language=self.language)
        if not self._spans or not said.terms:
            return Support(0, 0, "unclear", reason="nothing to compare")
        quoted = self._quoted(sentence)
        if quoted is not None:
            return quoted
        found = self._windows(said, above)
        row = self._row(sentence, said, found[0])
        if row is not None:
            return row
        claim = self._claim(sentence)
        faults = [self._fault(said, claim, window, above) for window in found]
        for window, fault in zip(found, faults, strict=True):
            if fault is None:
                return self._support(window, "supported", "")
        verdict, reason = faults[0] or ("unclear", "")
        return self._refused(claim, found[0], verdict, reason)

    def _refused(self, claim: Claim, window: _Window, verdict: Verdict, reason: str) -> Support:
        """Return the support of a sentence that is refused: `contradicted` only where both speak of the same thing.

        They do where the sentence repeats the source's words in their order, or where a rule compares things of one
        kind and most of the sentence's words are there.
        """
        opposed = verdict == "contradicted"
        if opposed:
            quote = [without_addresses(self._unmarked(at)) for at in range(window.first, window.last + 1)]
            sure = sure_fault(claim, quote) if window.covered >= COVERAGE[0] else None
            verdict, reason = sure or (verdict, reason)
            copied = any(is_copy(claim, sentence) for sentence in quote)
            if not sure and (not copied or may_agree(claim.text, " ".join(quote))):
                verdict = "unclear"
        return replace(self._support(window, verdict, reason), opposed=opposed)

    def _claim(self, sentence: str) -> Claim:
        if self._named is None:
            self._named = named_numbers(f"{self.text}\n{self._whole_around}", language=self.language)
        claim = read_claim(sentence, self.language)
        return replace(claim, uncounted=uncounted(sentence, claim.tokens, self._named))

    def _quoted(self, sentence: str) -> Support | None:
        """Return the offsets of the passage's sentences that a sentence repeats word for word, None for none."""
        words = wording_only(sentence)
        for at, (start, _) in enumerate(self._spans):
            if not wording_only(self.text[start : start + 2 * len(sentence) + _ADDRESS_ROOM]).startswith(words):
                continue
            for _, end in self._spans[at:]:
                if wording_only(self.text[start:end]) == words:
                    return Support(start, end, "quoted", coverage=1.0)
        return None

    def _row(self, sentence: str, said: ContentTerms, window: _Window) -> Support | None:
        """Return the tables' verdict on a sentence, None where prose matches better or there is no table."""
        verdicts = [(self._check_table(sentence, table), table) for table in self._tables]
        best = closest([verdict for verdict, _ in verdicts])
        if best is None or not best.matched:
            return None
        table = next(table for verdict, table in verdicts if verdict is best)
        if best.outcome == "unclear" and not table.names:
            return None  # lines of a name and its value are sentences, too
        held = self._row_terms(best.row, table)
        start, end = self._spans[window.first][0], self._spans[window.last][1]
        prose = not any(row.start < end and start < row.end for item in self._tables for row in item.rows)
        covered = share_of(said.terms, held)
        if prose and covered < window.covered:
            return None
        outcome: Fault = best.outcome, best.reason
        if best.outcome == "supported":
            outcome = self._row_fault(read_claim(sentence, self.language), table, best) or outcome
        shown = best.shown or best.row
        opposed = outcome[0] == "contradicted"
        named = said.terms - said.numbers  # the value that differs is not what both speak of
        if opposed and share_of(named, self._row_terms(shown, table)) < COVERAGE[-1]:
            outcome = "unclear", outcome[1]
        return Support(shown.start, shown.end, *outcome, covered, table.header, opposed)

    def _row_terms(self, row: Row, table: Table) -> frozenset[str]:
        """Return the terms of a row, of the names of its columns, and of what stands above the passage."""
        text = f"{self.text[row.start : row.end]}\n{table.header}"
        return wording(text, language=self.language).terms | self._terms_above()

    def _row_fault(self, claim: Claim, table: Table, verdict: TableVerdict) -> Fault | None:
        """Return the fault of a statement that has the words of a row: another unit, or a negation of the row."""
        own = self.text[verdict.row.start : verdict.row.end]
        if table.names:
            texts = [cell.text for cell in verdict.row.cells]
            return unit_fault(claim, own) or turned_fault(claim, texts) or opposite_fault(claim, texts)
        # A name and its value are a sentence with a colon.
        lines = [self.text[row.start : row.end] for row in table.rows]
        part = focus(claim, own)
        others = [line for line in lines if line != own]
        at = max((at for at, (start, _) in enumerate(self._spans) if start <= verdict.row.start), default=0)
        return (
            find_fault(claim, [part.text], others, above=self._over(at, self._read()) | identity(table)) or part.fault
        )

    def _check_table(self, sentence: str, table: Table) -> TableVerdict:
        """Return the verdict of a table; the line right above it names it, as a heading does."""
        lines = self.text[: table.rows[0].start].split("\n")
        above = [line for line in lines[:-1] if line.strip() and line.strip() != table.header][-_LINES_ABOVE:]
        above = [line for line in above if not (is_item(line) or is_pair(line))]
        if not table.names:  # a sentence introduces no lines of a name and its value
            above = [line for line in above if not line.rstrip().endswith(".")]
        begins = len([line for line in lines if line.strip()]) <= _LINES_ABOVE
        around = "\n".join((self.around, self.first if begins else "", *above))
        prose = self.text[: table.rows[0].start] + "\n" + self.text[table.rows[-1].end :]
        return check_table(sentence, table, around=around, prose=prose, language=self.language)

    def _terms_above(self) -> frozenset[str]:
        return self._above.terms if self._above is not None else frozenset()

    def _support(self, window: _Window, verdict: Verdict, reason: str) -> Support:
        start, end = self._spans[window.first][0], self._spans[window.last][1]
        return Support(start, end, verdict, reason=reason, coverage=window.covered)

    @property
    def _whole_around(self) -> str:
        return f"{self.around}\n{self.first}"

    def _read(self) -> ContentTerms:
        if self._above is None:
            self.language = self.language or guess_language(self.text)
            self._spans = sentence_spans(self.text, language=self.language)
            self._said = [wording(self._unmarked(at), language=self.language) for at in range(len(self._spans))]
            self._above = wording(self._whole_around, language=self.language)
            self._tables = read_tables(self.text, around=self._whole_around, language=self.language)
        return self._above

    def _windows(self, said: ContentTerms, above: ContentTerms) -> list[_Window]:
        """Return the short runs of sentences that contain most of the terms, the best first."""
        found: list[tuple[float, _Window]] = []
        for first in range(len(self._said)):
            over = self._over(first, above)
            terms = self._leaned_on(first, said)
            width = _LEANING if terms else 0.0
            best: tuple[float, _Window] | None = None
            for last in range(first, len(self._said)):
                text = self.text[slice(*self._spans[last])]
                if last > first and not self._goes_on(last, said):
                    break
                width += 1.0 if last == first else 1 / _ITEMS if is_item(text) or is_row(text) else 1.0
                if width > _SENTENCES:
                    break
                terms |= self._said[last].terms
                numbers = share_of(said.numbers, terms | over) if said.numbers else 0.0
                value = share_of(said.terms, terms) + 0.5 * numbers - _WIDENING * (width - 1)
                if best is None or value > best[0]:
                    best = value, _Window(first, last, share_of(said.terms, terms | over))
            if best is not None:
                found.append(best)
        found.sort(key=lambda item: -item[0])
        return [window for value, window in found[:_TRIED] if value >= found[0][0] - _NEARLY]

    def _leaned_on(self, at: int, said: ContentTerms) -> frozenset[str]:
        """Return the terms, without numbers, of the sentence that a sentence depends on.

        None where it does not lean, or has less than most of a statement's words itself.
        """
        text = self.text[slice(*self._spans[at])]
        if not at or is_item(text) or not leans(text) or share_of(said.terms, self._said[at].terms) < _OWN_SHARE:
            return frozenset()
        return self._said[at - 1].terms - self._said[at - 1].numbers

    def _over(self, at: int, above: ContentTerms) -> frozenset[str]:
        """Return the terms above a sentence: of the title, the headings, and the nearest title line in the passage.

        Below a title line in the passage, the figures of the headings over its beginning do not hold any more.
        """
        titles = (self._said[place].terms for place in range(at, -1, -1) if self._is_title(place))
        title = next(titles, None)
        if title is None:
            return above.terms
        around = wording(self.around, language=self.language).terms
        return title | around | frozenset(term for term in above.terms if not term[:1].isdigit())

    def _is_title(self, at: int) -> bool:
        """Return whether a unit is a short line of its own without a full stop, as headings are."""
        start, end = self._spans[at]
        text = self.text[start:end]
        alone = self.text[:start].endswith("\n\n") or not start
        return (
            alone
            and len(text) <= _TITLE_LENGTH
            and "\n" not in text
            and ": " not in text
            and not _ENDED.search(text)
            and not (is_item(text) or is_row(text))
            and not (is_pair(text) and is_pair(self.text[end:].lstrip().partition("\n")[0]))
        )

    def _names_columns(self, at: int) -> bool:
        """Return whether a unit is the line that names the columns of a table."""
        start, end = self._spans[at]
        return any(table.header == self.text[start:end].strip() for table in self._tables)

    def _unmarked(self, at: int) -> str:
        """Return the text of a unit without the number of a list item, which is no amount."""
        start, end = self._spans[at]
        text = self.text[start:end]
        return without_number(text) if is_item(text) else text

    def _subject(self) -> frozenset[str]:
        """Return the names of the passage's first sentence: what it is about, which later sentences need not repeat."""
        start, end = self._spans[0]
        first = next(iter(self._said[0].order), "")
        capital = self.text[start:end].lstrip("#*_ ")[:1].isupper()
        return self._said[0].names | (frozenset({first}) if first and capital else frozenset())

    def _window_text(self, window: _Window) -> str:
        return self.text[self._spans[window.first][0] : self._spans[window.last][1]]

    def _goes_on(self, at: int, said: ContentTerms) -> bool:
        """Return whether a quote may continue with a sentence: one that depends on the one before it, an item or a row.

        A statement of many words may be put together of sentences that stand side by side.
        """
        text, before = (self.text[slice(*self._spans[place])] for place in (at, at - 1))
        if self._is_title(at) or self._names_columns(at):
            return False
        if is_item(text) or is_row(text) or leans(text) or before.endswith((":", "：", "?")) or self._in_item(at):
            return True
        return len(said.terms) >= _LONG_CLAIM

    def _in_item(self, at: int) -> bool:
        """Return whether a sentence continues a list item: the item begins earlier on the same line."""
        start = self._spans[at][0]
        return is_item(self.text[self.text.rfind("\n", 0, start) + 1 : start].lstrip())

    def _fault(self, said: ContentTerms, claim: Claim, window: _Window, around: ContentTerms) -> Fault | None:
        """Return why a window does not support the claim, None when it does."""
        over = self._over(window.first, around)
        claim = replace(claim, implied=implied_terms(claim, self._window_text(window)))
        places = range(window.first, window.last + 1)
        if fault := self._unknown_fault(said, claim, window, over):
            return fault
        if all(self._is_title(at) or self._names_columns(at) for at in places):
            return self._heading_fault(said, window)
        texts = [without_addresses(self._unmarked(at)) for at in range(len(self._spans))]
        below = [at for at in places if not self._is_title(at)] or places
        found = [focus(claim, texts[at]) for at in below]
        quote = [item.text for item in found]
        covered = window.covered
        if covered < COVERAGE[min(len(places), len(COVERAGE)) - 1]:
            covered = share_of(
                said.terms, over.union(agreed_terms(claim, quote), *(self._said[at].terms for at in places))
            )
        if covered < COVERAGE[min(len(places), len(COVERAGE)) - 1]:
            return "unclear", f"only {covered:.0%} of its words are there"
        agrees = quote != [texts[at] for at in below] and count_denials(claim.text) == count_denials(" ".join(quote))
        alike = agrees or any(is_copy(claim, sentence) for sentence in quote) or denies_the_opposite(claim, quote)
        if not alike and denies_what_is_said(said, [wording(text, language=self.language) for text in quote]):
            return denial_fault(claim.text, " ".join(quote))
        others = texts[: window.first] + texts[window.last + 1 :]
        words = {token.word for token in tokens(self._whole_around, language=self.language)}
        titles = (self._said[at].terms for at in places if at not in below)
        above = over.union(self._subject(), claim.uncounted, *titles)
        before = texts[window.first - 1] if window.first else ""
        torn = next((item.fault for item in found if item.fault), None)
        fault = find_fault(claim, quote, others, above=above, known=self.known | words, before=before)
        return fault or torn or torn_fault(claim, quote)

    def _unknown_fault(self, said: ContentTerms, claim: Claim, window: _Window, over: frozenset[str]) -> Fault | None:
        """Return the fault of a claim with a number or a name that neither a window nor what governs it has."""
        text = self._window_text(window)
        held = over.union(claim.implied, *(item.terms for item in self._said[window.first : window.last + 1]))
        strange = said.numbers - held - claim.uncounted
        if strange == {"1"} and says_single(claim.tokens, text, language=self.language):
            strange = frozenset()
        if strange:
            return "contradicted", f"the number {as_written(min(strange), claim.tokens)} is not there"
        if self.language == "de":  # German writes every noun with a capital
            return None
        before = self._said[window.first - 1].terms if window.first else frozenset[str]()
        near = (held | before if leans(text[:12]) else held) | self._subject()
        unknown = {name for name in said.names if share_of(frozenset({name}), near) == 0}
        return ("contradicted", f"the name {as_written(min(unknown), claim.tokens)} is not there") if unknown else None

    def _heading_fault(self, said: ContentTerms, window: _Window) -> Fault | None:
        """Return the fault of a claim that only a heading supports, unless the heading gives its date or number and
        nothing else in the passage says the rest."""
        places = range(window.first, window.last + 1)
        own = frozenset[str]().union(*(self._said[at].terms for at in places))
        rest = frozenset[str]().union(*(terms.terms for at, terms in enumerate(self._said) if at not in places))
        dated = said.numbers and said.numbers <= own and not (said.terms - own - PUBLISHED) & rest
        return None if dated and window.covered >= COVERAGE[0] else ("unclear", "only a heading says it")
