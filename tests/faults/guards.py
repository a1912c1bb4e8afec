"""Take the guards away one at a time, on a copy of the tree, and see that a test turns red each time.

python -m tests.faults.guards                 # all of them; writes the table of docs/reliability.md
python -m tests.faults.guards lock key        # those whose name holds one of these words
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
TABLE: Final = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- guards: written by python -m tests.faults.guards -->", "<!-- end of guards -->"
_LIMIT: Final = 300
_LEFT_OUT: Final = shutil.ignore_patterns(".git", ".venv", "__pycache__", ".*_cache", ".hypothesis", ".bench", ".demo")


@dataclass(frozen=True, slots=True)
class Guard:
    """One guard. text: stands once in the file. instead: what stands there when it is gone. tests: what turns red."""

    name: str
    file: str
    text: str
    instead: str
    tests: str


def _never(text: str) -> str:
    """Return a condition's line with a condition that is never true."""
    return text[: len(text) - len(text.lstrip())] + "if False:"


def _condition(name: str, file: str, text: str, tests: str) -> Guard:
    return Guard(name, file, text, _never(text), tests)


GUARDS: Final[Sequence[Guard]] = (
    Guard(
        "fsync of every commit",
        "ragkit/store/sqlite/connection.py",
        "PRAGMA synchronous = FULL",
        "PRAGMA synchronous = OFF",
        "tests/faults/test_power_cuts.py",
    ),
    Guard(
        "fsync of new folders",
        "ragkit/store/sqlite/store.py",
        "            sync_folder(place.parent)",
        "            pass",
        "tests/faults/test_power_cuts.py",
    ),
    Guard(
        "rollback of a failed transaction",
        "ragkit/store/sqlite/connection.py",
        'connection.execute("ROLLBACK")',
        'connection.execute("COMMIT")',
        "tests/store/test_store.py",
    ),
    Guard(
        "writer lock",
        "ragkit/store/sqlite/lock.py",
        "            lock.acquire()",
        "            pass",
        "tests/store/test_lock.py",
    ),
    _condition(
        "model check",
        "ragkit/store/checks.py",
        "if not compatible(fingerprint, own):",
        "tests/store/test_store.py",
    ),
    _condition(
        "text checksum",
        "ragkit/store/encoding.py",
        "if text_digest(text) != record.digest:",
        "tests/store/test_store_faults.py",
    ),
    _condition(
        "chunk is a slice",
        "ragkit/store/checks.py",
        "if not 0 <= chunk.start < chunk.end or document.text[chunk.start : chunk.end] != chunk.text:",
        "tests/store/test_store.py",
    ),
    _condition(
        "newer schema refused",
        "ragkit/store/sqlite/schema.py",
        "if version > newest:",
        "tests/store/test_store_faults.py",
    ),
    _condition(
        "foreign database refused",
        "ragkit/store/sqlite/schema.py",
        "if application != APPLICATION_ID or version < 1:",
        "tests/store/test_store_faults.py",
    ),
    _condition(
        "collection name",
        "ragkit/store/checks.py",
        "if not isinstance(name, str) or not COLLECTION_NAME.fullmatch(name):",
        "tests/store/test_catalog.py",
    ),
    _condition(
        "backup checksum",
        "ragkit/store/sqlite/backup.py",
        'if report["sha256"] != _digest(connection):',
        "tests/store/test_backup.py",
    ),
    _condition(
        "norm of new vectors",
        "ragkit/numeric/vectors.py",
        "    if bad.size:",
        "tests/embedding/test_embedders.py tests/numeric/test_vectors.py",
    ),
    _condition(
        "cache file checksum",
        "ragkit/index/manifest.py",
        "        if sha256_of(folder / name) != digest:",
        "tests/faults/test_caches_damaged.py",
    ),
    _condition(
        "codes of another quantizer",
        "ragkit/index/part_files.py",
        "        if not part.fits(manifest, reader):",
        "tests/index/test_quantizer.py",
    ),
    _condition(
        "quantizer checksum",
        "ragkit/store/quantizers.py",
        "    if not fits or len(blob) % (4 * dimension):",
        "tests/index/test_quantizer.py",
    ),
    _condition(
        "cache manifest checksum",
        "ragkit/index/manifest.py",
        'if _digest_of(body) != whole["sha256"]:',
        "tests/index/test_cache.py tests/faults/test_caches_damaged.py",
    ),
    _condition(
        "cache owner and version",
        "ragkit/index/manifest.py",
        "if getattr(manifest, name) != value:",
        "tests/index/test_cache.py",
    ),
    Guard(
        "cache probes",
        "ragkit/index/part_files.py",
        "        check_probes(part, manifest.probes, reader, removed=changes.removed)",
        "        pass",
        "tests/index/test_cache.py",
    ),
    Guard(
        "filter: not",
        "ragkit/store/filters.py",
        "return f\"NOT {positive(Condition('eq'",
        "return f\"{positive(Condition('eq'",
        "tests/store/test_filters.py",
    ),
    Guard(
        "filter: scope of the key",
        "ragkit/store/sqlite/where.py",
        "WHERE key = ? AND kind = ? AND value",
        "WHERE ? <> '' AND kind = ? AND value",
        "tests/store/test_filters.py",
    ),
    Guard(
        "DOCTYPE refusal",
        "ingest/ragkit_ingest/readers/zip_package.py",
        "    parser.StartDoctypeDeclHandler = doctype",
        "    pass",
        "tests/ingest/test_office.py",
    ),
    _condition(
        "ZIP checksum",
        "ingest/ragkit_ingest/readers/zip_package.py",
        "        if checksum != info.CRC:",
        "tests/ingest/test_office.py",
    ),
    _condition(
        "ZIP size limit",
        "ingest/ragkit_ingest/readers/zip_package.py",
        "            if bomb or size > most or self._inflated > self._limits.max_inflated:",
        "tests/ingest/test_office.py",
    ),
    Guard(
        "files: no symlinks",
        "ingest/ragkit_ingest/scan/walk.py",
        "_FILE = os.O_RDONLY | os.O_NOFOLLOW |",
        "_FILE = os.O_RDONLY |",
        "tests/ingest/test_walk.py",
    ),
    _condition(
        "files: regular ones only",
        "ingest/ragkit_ingest/scan/walk.py",
        "        if not stat.S_ISREG(status.st_mode):",
        "tests/ingest/test_walk.py",
    ),
    Guard(
        "worker: no writing, no network",
        "ingest/ragkit_ingest/workers/sandbox.py",
        "    sys.addaudithook(_forbid)",
        "    pass",
        "tests/ingest/test_worker.py",
    ),
    Guard(
        "worker: memory limit",
        "ingest/ragkit_ingest/workers/sandbox.py",
        "    _lower(resource.RLIMIT_AS, memory, max(memory, most))",
        "    pass",
        "tests/ingest/test_worker.py",
    ),
    _condition(
        "worker: deadline",
        "ingest/ragkit_ingest/workers/pool.py",
        "                if time.monotonic() >= deadline:",
        "tests/ingest/test_worker.py",
    ),
    _condition(
        "host check",
        "service/ragkit_service/middleware/access.py",
        "        if not self._knows(host):",
        "tests/service/test_access.py",
    ),
    _condition(
        "cross-site check",
        "service/ragkit_service/middleware/access.py",
        '        if scope["method"] not in _SAFE_METHODS and not self._allows(named) and _is_foreign(named, host):',
        "tests/service/test_access.py",
    ),
    _condition(
        "key asked for",
        "service/ragkit_service/middleware/access.py",
        "        if key is None or key.expired:",
        "tests/service/test_access.py",
    ),
    Guard(
        "key comparison",
        "service/ragkit_service/security/keyring.py",
        "same = hmac.compare_digest(digest, item.digest)",
        "same = True",
        "tests/service/test_access.py",
    ),
    Guard(
        "nonce of the fences",
        "ragkit/prompting/fencing.py",
        "nonce = secrets.token_hex(8)",
        'nonce = "0" * 16',
        "tests/prompting/test_builder.py",
    ),
    Guard(
        "fences can't be closed from inside",
        "ragkit/prompting/fencing.py",
        "lines.append(neutral(hit.text) +",
        "lines.append(hit.text +",
        "tests/prompting/test_builder.py tests/prompting/test_injection.py",
    ),
    Guard(
        "citation check",
        "ragkit/citations/sources.py",
        "            supported=support.supported,",
        "            supported=True,",
        "tests/citations/test_checker.py",
    ),
    Guard(
        "links in answers",
        "ragkit/citations/sanitizer.py",
        'return f"(link in source {holder})" if holder else "(link removed)"',
        "return address.text",
        "tests/citations/test_checker.py",
    ),
)


def misplaced(root: Path = ROOT) -> list[str]:
    """Return the guards whose text does not stand exactly once in their file."""
    wrong = []
    for guard in GUARDS:
        found = (root / guard.file).read_text(encoding="utf-8").count(guard.text)
        if found != 1:
            wrong.append(f"{guard.name}: its text is {found} times in {guard.file}")
        wrong += [f"{guard.name}: no file {name}" for name in guard.tests.split() if not (root / name).is_file()]
    return wrong


def _run(tree: Path, tests: str) -> tuple[str, float]:
    """Run tests in a tree; return "green", "red" (a test failed or hung) or what else went wrong, and the seconds."""
    started = time.monotonic()
    paths = os.pathsep.join(str(tree / part) for part in (".", "service", "ingest"))
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-m", "not slow", "-p", "no:cacheprovider", *tests.split()]
    environment = {**os.environ, "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"}
    with tempfile.TemporaryFile() as output:  # a pipe could be held open by a child that outlives the tests
        process = subprocess.Popen(
            command, cwd=tree, env=environment, stdout=output, stderr=output, start_new_session=True
        )
        try:
            code = process.wait(_LIMIT)
        except subprocess.TimeoutExpired:  # a deadline that is gone is noticed by its absence
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            code = 1
        output.seek(0)
        said = output.read().decode(errors="replace")
    state = {0: "green", 1: "red"}.get(code, f"pytest ended with {code}: {said[-300:]}")
    return state, time.monotonic() - started


def take_away(guard: Guard | None, tests: str) -> str:
    """Run tests without a guard (None: with all) in a copy of the tree; return their state."""
    with tempfile.TemporaryDirectory(prefix="ragkit-guard-") as place:
        tree = Path(place) / "tree"
        shutil.copytree(ROOT, tree, ignore=_LEFT_OUT)
        if guard:
            path = tree / guard.file
            path.write_text(path.read_text(encoding="utf-8").replace(guard.text, guard.instead), encoding="utf-8")
        return _run(tree, tests)[0]


def prove(guards: Sequence[Guard], *, jobs: int = 2) -> dict[str, str]:
    """Return the state of the tests without each guard, by its name."""
    with ThreadPoolExecutor(jobs) as pool:
        states = pool.map(lambda guard: take_away(guard, guard.tests), guards)
        found = {}
        for guard, state in zip(guards, states, strict=True):
            found[guard.name] = state
            print(f"{state:6} without: {guard.name}", flush=True)
    return found


def write_table(found: dict[str, str]) -> None:
    """Put the table into docs/reliability.md."""
    lines = ["| without this guard | in | turns red | result |", "| --- | --- | --- | --- |"]
    for guard in GUARDS:
        tests = ", ".join(f"`{Path(name).name}`" for name in guard.tests.split())
        lines.append(f"| {guard.name} | `{guard.file}` | {tests} | {found.get(guard.name, 'not run')} |")
    text = TABLE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    TABLE.write_text(before + BEGIN + "\n" + "\n".join(lines) + "\n" + END + after, encoding="utf-8")


def main() -> int:
    """Run from the command line."""
    words = sys.argv[1:]
    wrong = misplaced()
    if wrong:
        print("\n".join(wrong))
        return 1
    chosen = [guard for guard in GUARDS if not words or any(word in guard.name for word in words)]
    found = prove(chosen)
    if not words:
        write_table(found)
    return 0 if set(found.values()) == {"red"} else 1


if __name__ == "__main__":
    sys.exit(main())
