"""Passage text -> the spans of its code: text between prose as it is typed into a file or a terminal.

A passage does not say which of its lines were code in the file; their form does: indentation, brackets at line ends,
statements, tags, prompts and options of commands.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from ragkit.text.sentences import Span, is_item
from ragkit.text.tables import has_cells

_STATEMENT: Final = re.compile(
    r"""\s*(?:
      (?:import|from|package|using|use|require|include|export|return|raise|throw|await|yield|assert|del|pass|try|else
        |elif|except|finally|with|while|for|if|switch|case|def|class|struct|enum|interface|type|func|function|fn|const
        |let|var|val|public|private|protected|static|async|local|begin|end|SELECT|INSERT|UPDATE|CREATE|ALTER|FROM|WHERE)
        \b.*(?:[:{}();=]|\bimport\b|['"]).*
    | (?:import|from)\s[\w.]+(?:\s(?:import|as)\s.+)?
    | (?:try|else|finally|do|begin)\s*[:{]
    | @[\w.]+(?:\(.*\)?)?
    | [\w.\[\]'"$-]+\s*[-+*/|&:]?=\s*\S.*
    | [\w.$]+(?:\(|\[).*[)\],;{:]
    | </?[A-Za-z][\w.:-]*(?:\s[^<]*)?/?>.* | <[A-Za-z][\w.:-]*(?:\s[^<>]*)? | <!--.* | /?> | <[!?].*
    | [\])}][\])};,]*.{0,20} | [{(\[]
    | (?://|/\*|\*/|\#!|\#include|--\s).* | \#\s?\S.*
    | (?:\$|>>>|\.\.\.|%|PS>|C:\\>|❯)\s\S.*
    | [\w"'.$-]+\s*:\s*[\w"'({\[<].*[,;{(\[]
    | \[{1,2}[\w."'-]+(?:[ .:][\w."'-]+)*\]{1,2}
    | --?[A-Za-z][\w-]*(?:[ =]\S+)?\s*\\?
    | .*(?:[{;\\]|=>|->|\(|\[|/>)
    )\s*""",
    re.VERBOSE,
)
_IMPORT: Final = re.compile(
    r"\s*(?:from\s+\S+\s+import\b|import\b|\#\s*include\b|using\s+[\w.]+;|use\s+[\w:]+|require\b|"
    r"(?:const|let|var)\s+\S.*=\s*require\(|package\s+[\w.]+;?$)"
)
_COMMAND: Final = re.compile(r"(?:\S+=\S*\s+)*(?:\./)?[a-z][\w.+/-]*(?:\s+\S+){1,14}")
_OPTION: Final = re.compile(r"(?:^|\s)--?[A-Za-z][\w-]*|\w@\w|\w[/=_]\w|\w\.[a-z]{1,5}\b|\w:\w")
_PROSE_END: Final = re.compile(r"[.!?。！？…][\"'”’)\]]*$")
_WORDS: Final = re.compile(r"[\"'“(]?[A-Za-zÀ-ɏ'’]+(?:-[A-Za-zÀ-ɏ]+)*[.,;:!?\"'”’)]*")
_WIDE: Final = re.compile("[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_MANY_WORDS: Final = 7
_SITE_TAG: Final = re.compile(r"\s*(?:/{3,}.*|:{3,}.*|\{%.*%\}|\{\*.*\*\}|\{\{.*\}\})\s*")
_PARAGRAPHS: Final = re.compile(r"\n[ \t]*\n+")


def code_blocks(text: str) -> list[Span]:
    """Return the spans `[start, end)` of the blocks of code in a passage, in order; whole lines, blank lines within."""
    groups = _groups(text)
    kinds = [_kind(text[start:end]) for start, end in groups]
    found: list[Span] = []
    for at, ((start, end), kind) in enumerate(zip(groups, kinds, strict=True)):
        if kind == "prose" or (kind == "maybe" and not _held_by(kinds, at)):
            continue
        if found and found[-1][1] == groups[at - 1][1] and at:
            found[-1] = found[-1][0], end
        else:
            found.append((start, end))
    return [span for span in found if text[slice(*span)].strip()]


def only_imports(code: str) -> bool:
    """Return whether code only imports names of other modules."""
    lines = [line for line in code.split("\n") if line.strip() and not line.strip().startswith(("#!", "//"))]
    return bool(lines) and all(_IMPORT.match(line) for line in lines)


def _groups(text: str) -> list[Span]:
    """Return the spans of the paragraphs, without the blank lines between them, indentation kept."""
    cuts = [0, *(at for match in _PARAGRAPHS.finditer(text) for at in match.span()), len(text)]
    return [(start, end) for start, end in list(pairwise(cuts))[::2] if text[start:end].strip()]


def _held_by(kinds: Sequence[str], at: int) -> bool:
    """Return whether a group that may be code is between code, or right after code."""
    return at > 0 and kinds[at - 1] == "code" and (at + 1 == len(kinds) or kinds[at + 1] != "prose")


def _kind(group: str) -> str:
    """Return "code", "prose", or "maybe" for a group that is code only among code."""
    lines = [line for line in group.split("\n") if line.strip()]
    if all(_SITE_TAG.fullmatch(line) for line in lines) or any(
        has_cells(line) and not line.startswith("\t") for line in lines
    ):
        return "prose"
    remarks = _in_remarks(lines)
    coded = [remark or _is_coded(line) for line, remark in zip(lines, remarks, strict=True)]
    indented = all(line[:1] in " \t" for line in lines) and not is_item(lines[0].strip())
    if len(lines) == 1:
        line = lines[0]
        if _reads_as_prose(line):
            return "prose"
        if is_command(line) or (coded[0] and not _is_plain_comment(line)):
            return "code"
        return "maybe" if indented or coded[0] else "prose"
    if is_item(lines[0].strip()) and not remarks[0] and not _STATEMENT.fullmatch(lines[0].strip()[2:]):
        return "prose"
    share = sum(coded) / len(lines)
    proses = sum(_reads_as_prose(line) and not coded[at] for at, line in enumerate(lines)) / len(lines)
    if (share >= 0.5 and proses <= 0.25) or (indented and share >= 0.3 and proses <= 0.3):
        return "code"
    return "maybe" if indented and proses <= 0.5 else "prose"


def _in_remarks(lines: Sequence[str]) -> list[bool]:
    """Return which lines are in a comment between /* and */."""
    out: list[bool] = []
    inside = False
    for line in lines:
        opens = inside or line.lstrip().startswith("/*")
        out.append(opens)
        inside = opens and "*/" not in line
    return [False] * len(lines) if inside else out


def _is_coded(line: str) -> bool:
    deep = line.startswith(("  ", "\t"))
    bare = line.strip()
    if is_item(bare) and not deep and not bare.startswith("-"):
        return False
    if _STATEMENT.fullmatch(bare):
        return not _reads_as_prose(bare) or bare.startswith(("#", "//", "<!--", "/*", "*", "--"))
    return is_command(bare) or (deep and not _reads_as_prose(bare))


def is_command(line: str) -> bool:
    """Return whether a line reads as a command of a shell: a small word, then words, options, paths or versions."""
    bare = line.strip()
    if _WIDE.search(bare) or _PROSE_END.search(bare) or bare.endswith((":", ",")) or "," in bare:
        return False
    if bare.startswith(("$ ", ">>> ", "PS> ")):
        return True
    words = bare.split()
    if not _COMMAND.fullmatch(bare) or not _OPTION.search(bare) or bare.startswith(("http", "www.")):
        return False
    strange = sum(bool(_OPTION.search(word) or not word.isalpha()) for word in words)
    return len(words) <= 4 or strange * 3 >= len(words)


def _is_plain_comment(line: str) -> bool:
    """Return whether a single line is "# words": a heading or a comment, and not code by itself."""
    return bool(re.fullmatch(r"\s*(?:#|//|--)\s.*", line))


def _reads_as_prose(line: str) -> bool:
    bare = line.strip()
    if _WIDE.search(bare):
        return bool(_PROSE_END.search(bare) or len(_WIDE.findall(bare)) * 2 > len(bare) or bare.endswith(("：", "，")))
    words = [word for word in bare.split() if _WORDS.fullmatch(word)]
    if len(words) < _MANY_WORDS:
        return bool(_PROSE_END.search(bare)) and len(words) > 2 and bare[:1].isupper() and "(" not in bare[:20]
    marks = len(re.findall(r"[(){}\[\]=;<>$\\|]|--", bare))
    return marks * 4 <= len(words) or bool(_PROSE_END.search(bare) and marks * 2 <= len(words))
