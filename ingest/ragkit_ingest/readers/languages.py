"""Programming languages by suffix, file name and shebang line, and the shape of their definitions."""

from __future__ import annotations

import re

_SUFFIXES = {
    "python": "py pyi pyw",
    "javascript": "js mjs cjs jsx",
    "typescript": "ts tsx mts cts",
    "java": "java",
    "kotlin": "kt kts",
    "scala": "scala sc",
    "groovy": "groovy gradle",
    "c": "c h",
    "cpp": "cc cpp cxx hpp hxx hh ino cu",
    "csharp": "cs",
    "go": "go",
    "rust": "rs",
    "swift": "swift",
    "objective-c": "m mm",
    "ruby": "rb rake gemspec",
    "php": "php",
    "perl": "pl pm",
    "lua": "lua",
    "r": "r",
    "julia": "jl",
    "haskell": "hs",
    "ocaml": "ml mli",
    "fsharp": "fs fsx",
    "erlang": "erl hrl",
    "elixir": "ex exs",
    "clojure": "clj cljs cljc edn",
    "lisp": "lisp el scm rkt",
    "dart": "dart",
    "shell": "sh bash zsh fish ksh",
    "powershell": "ps1 psm1",
    "batch": "bat cmd",
    "sql": "sql",
    "css": "css scss sass less",
    "vue": "vue svelte",
    "xml": "xsd xsl xslt wsdl",
    "ini": "ini cfg conf properties editorconfig",
    "hcl": "tf hcl",
    "protobuf": "proto",
    "graphql": "graphql gql",
    "fortran": "f f90 f95",
    "pascal": "pas pp",
    "vb": "vb vbs",
    "assembly": "s asm",
    "verilog": "v sv",
    "vhdl": "vhd vhdl",
    "tex": "tex sty cls bib",
    "make": "mk cmake",
    "nix": "nix",
    "zig": "zig",
    "diff": "diff patch",
}
_BY_SUFFIX = {suffix: language for language, suffixes in _SUFFIXES.items() for suffix in suffixes.split()}
_BY_NAME = {
    "dockerfile": "dockerfile",
    "makefile": "make",
    "gnumakefile": "make",
    "cmakelists.txt": "make",
    "jenkinsfile": "groovy",
    "rakefile": "ruby",
    "gemfile": "ruby",
    "vagrantfile": "ruby",
}
_SHEBANG = re.compile(rb"#!\s*\S*?(?:env\s+(?:-\S+\s+)*)?([a-z]+)[\d.]*(?:\s|$)")
_INTERPRETERS = {
    **dict.fromkeys((b"sh", b"bash", b"zsh", b"dash", b"ksh", b"fish"), "shell"),
    **dict.fromkeys((b"node", b"nodejs", b"deno", b"bun"), "javascript"),
    b"python": "python",
    b"perl": "perl",
    b"ruby": "ruby",
    b"php": "php",
    b"lua": "lua",
    b"rscript": "r",
    b"julia": "julia",
}


def language_of(name: str, head: bytes) -> str:
    """Return the language of source code by its name, else by its shebang line; "" when it is not known."""
    base = name.rpartition("/")[2].lower()
    if base in _BY_NAME:
        return _BY_NAME[base]
    stem, dot, suffix = base.rpartition(".")
    if dot and stem and suffix in _BY_SUFFIX:
        return _BY_SUFFIX[suffix]
    match = _SHEBANG.match(head)
    if match is None:
        return ""
    interpreter = match[1]
    if interpreter == b"env":
        interpreter = (
            head[match.end() :].split(None, 1)[0].rstrip(b"0123456789.") if head[match.end() :].split() else b""
        )
    return _INTERPRETERS.get(interpreter, "")


_NAME = r"[A-Za-z_$][\w$]*"
_CLASSES = rf"(?:class|interface|struct|enum|record|trait|object|protocol|union|namespace|module|extension)\s+({_NAME})"
_MODIFIERS = (
    r"(?:(?:public|private|protected|internal|static|final|abstract|export|default|async|override|open|virtual|"
    r"inline|sealed|partial|data|pub(?:\([^)]{0,40}\))?|unsafe|const|extern|suspend|declare)\s+){0,6}"
)
_DEFINITIONS = {
    "python": re.compile(rf"^([ \t]*)(?:async\s+def|def|class)\s+({_NAME})", re.MULTILINE),
    "ruby": re.compile(r"^([ \t]*)(?:def|class|module)\s+([\w.:?!=]{1,80})", re.MULTILINE),
    "go": re.compile(rf"^()(?:func\s+(?:\([^)\n]{{0,80}}\)\s*)?|type\s+)({_NAME})", re.MULTILINE),
    "rust": re.compile(
        rf"^([ \t]*){_MODIFIERS}(?:fn|struct|enum|trait|mod|impl(?:<[^>\n]{{0,80}}>)?)\s+({_NAME})", re.MULTILINE
    ),
    "shell": re.compile(r"^()(?:function\s+)?([\w.:-]{1,80})\s*\(\)\s*\{", re.MULTILINE),
    "sql": re.compile(
        r"^()create\s+(?:or\s+replace\s+)?(?:temp(?:orary)?\s+)?(?:table|view|function|procedure|index|trigger)\s+"
        r"(?:if\s+not\s+exists\s+)?([\w.\"`]{1,80})",
        re.MULTILINE | re.IGNORECASE,
    ),
    "php": re.compile(rf"^([ \t]*){_MODIFIERS}(?:function|class|interface|trait)\s+({_NAME})", re.MULTILINE),
    "elixir": re.compile(r"^([ \t]*)(?:defmodule|def|defp)\s+([\w.]{1,80})", re.MULTILINE),
    "tex": re.compile(r"^()\\(?:part|chapter|section|subsection|subsubsection)\*?\{([^}\n]{1,200})\}", re.MULTILINE),
}
_BRACES = re.compile(
    rf"^([ \t]*){_MODIFIERS}(?:{_CLASSES}|(?:function\*?|fun|func|def)\s+({_NAME})|"
    rf"(?:const|let|var)\s+({_NAME})\s*=\s*(?:async\s*)?(?:function\b|\([^()\n]{{0,200}}\)\s*=>))",
    re.MULTILINE,
)
_BRACE_LANGUAGES = frozenset(
    {"javascript", "typescript", "java", "kotlin", "scala", "groovy", "cpp", "csharp", "swift", "dart", "vue"}
)


def definitions(text: str, language: str, *, limit: int = 5_000) -> list[tuple[int, int, str]]:
    """Return (offset of the line, level from 1, name) of classes and functions, by the indentation of their lines."""
    pattern = _DEFINITIONS.get(language) or (_BRACES if language in _BRACE_LANGUAGES else None)
    if pattern is None:
        return []
    found: list[tuple[int, int, str]] = []
    indents: list[int] = []
    for match in pattern.finditer(text):
        indent = len(match[1].expandtabs(4))
        while indents and indents[-1] >= indent:
            indents.pop()
        indents.append(indent)
        name = next((group for group in match.groups()[1:] if group), "")
        if name:
            found.append((match.start(), min(len(indents), 9), name))
        if len(found) >= limit:
            break
    return found
