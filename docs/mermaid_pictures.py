"""The pictures of Mermaid diagrams, drawn once and kept in docs/images/mermaid, so that the site needs no network.

Sphinx calls it as `mmdc` with `-i DIAGRAM -o PICTURE.svg`: it copies the kept picture of that diagram. A diagram that
was changed has none, and the build fails. To draw the diagrams of a page (needs Chromium and npm's package `mermaid`):

    python docs/mermaid_pictures.py --draw docs/architecture.md --mermaid node_modules/mermaid/dist/mermaid.min.js
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from hashlib import sha256
from html import unescape
from pathlib import Path

PICTURES = Path(__file__).parent / "images" / "mermaid"
_DIAGRAM = re.compile(r"^```mermaid\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SVG = re.compile(r"<pre>(.*?)</pre>", re.DOTALL)
_STRETCHED = re.compile(r'width="100%"(.*?viewBox="0 0 ([\d.]+) ([\d.]+)")')
_PAGE = """<!doctype html><meta charset="utf-8"><body><script src="{script}"></script><script>
mermaid.initialize({{startOnLoad: false, theme: "neutral", htmlLabels: false, flowchart: {{htmlLabels: false}}}});
mermaid.render("diagram", {diagram}).then(({{svg}}) => {{
  const pre = document.createElement("pre");
  pre.textContent = svg;
  document.body.replaceChildren(pre);
}});
</script>"""


def diagrams(page: str) -> list[str]:
    """Return the sources of the Mermaid diagrams of a Markdown page."""
    return [match[1].strip() for match in _DIAGRAM.finditer(page)]


def picture_of(diagram: str) -> Path:
    """Return where the picture of a diagram is kept; its name is a digest of the diagram."""
    return PICTURES / f"{sha256(diagram.strip().encode()).hexdigest()[:16]}.svg"


def draw(diagram: str, *, script: Path, chromium: str) -> str:
    """Return a diagram as SVG, drawn by mermaid.js in Chromium."""
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        page.write_text(_PAGE.format(script=script.resolve().as_uri(), diagram=json.dumps(diagram)), encoding="utf-8")
        command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files"]
        command += ["--virtual-time-budget=20000", "--dump-dom", page.as_uri()]
        result = subprocess.run(command, capture_output=True, text=True, check=True)
    found = _SVG.search(result.stdout)
    if found is None:
        raise SystemExit(f"nothing was drawn: {result.stdout[-400:]}")
    return _STRETCHED.sub(r'width="\2" height="\3"\1', unescape(found[1]), count=1) + "\n"


def main() -> None:
    """Copy the picture of one diagram, or draw those of a page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-i", "--input", type=Path, help="a diagram")
    parser.add_argument("-o", "--output", type=Path, help="where its picture goes")
    parser.add_argument("--draw", type=Path, help="a Markdown page whose diagrams are drawn")
    parser.add_argument("--mermaid", type=Path, help="mermaid.min.js")
    parser.add_argument("--chromium", default="chromium")
    options, _ = parser.parse_known_args()
    if options.draw:
        for diagram in diagrams(options.draw.read_text(encoding="utf-8")):
            svg = draw(diagram, script=options.mermaid, chromium=options.chromium)
            picture_of(diagram).write_text(svg, encoding="utf-8")
        return
    kept = picture_of(options.input.read_text(encoding="utf-8"))
    if not kept.exists():
        sys.exit("this diagram has no picture: draw it with docs/mermaid_pictures.py --draw PAGE --mermaid FILE")
    shutil.copyfile(kept, options.output)


if __name__ == "__main__":
    main()
