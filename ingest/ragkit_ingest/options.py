"""The options of a run of ingest."""

from __future__ import annotations

from dataclasses import astuple, dataclass, field

from ragkit import ConfigError
from ragkit_ingest.limits import EXTRACTOR_VERSION, ReadLimits
from ragkit_ingest.stages import Executor, Pool


@dataclass(frozen=True, slots=True)
class IngestOptions:
    """Limits and globs of one run.

    limits: for reading one file. workers: processes that read files, 0 for one a core and at most four; in a cluster
    one a processor. pool: reads files instead of processes of the run's own; `limits` should be its limits.
    executor: where files are read and texts embedded, None for this machine.
    include, exclude: globs as in a .gitignore that narrow this run; files outside them are left as they are, neither
    read nor removed. allow_removals: let the run remove most documents of a root, or all when the root is empty;
    otherwise such a run raises RemovalsError before it changes anything. force: read every file again, whatever is
    recorded of it; vectors of texts that stay the same are kept. internal_addresses: lists of web addresses may name
    http:// and hosts of private networks.
    """

    limits: ReadLimits = field(default_factory=ReadLimits)
    workers: int = 0
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    allow_removals: bool = False
    force: bool = False
    internal_addresses: bool = False
    pool: Pool | None = field(default=None, compare=False, repr=False)
    executor: Executor | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        if not 0 <= self.workers <= 256:
            raise ConfigError(f"ingest option workers is {self.workers!r}", cure="it must be from 0 to 256")

    @property
    def extractor(self) -> str:
        """The version of the readers and their options; when it differs, files are read again."""
        limits = self.limits
        marks = (
            (limits.keep_hidden, "hidden"),
            (limits.comments == "drop", "uncommented"),
            (limits.ocr_pictures, "pictures"),
        )
        return "+".join([EXTRACTOR_VERSION, *(word for wanted, word in marks if wanted)])

    @property
    def limits_key(self) -> str:
        """The limits as text: a file that failed because of them is tried again when they change."""
        return "/".join(value if isinstance(value, str) else f"{value:g}" for value in astuple(self.limits))
