"""The compiled model on a CPU: only `openvino` and `tokenizers` are imported, never torch."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ragkit.embedding.model_embedder import UseStates
from ragkit.embedding.openvino.batch_planner import Batch, BatchQueue, plan_batches
from ragkit.embedding.openvino.fixed_shapes import FixedWidths
from ragkit.errors import EmbeddingError, MissingPackageError, ModelError

Precision = Literal["bf16", "fp32", "int8"]

_log = logging.getLogger("ragkit")
_BF16_FLAGS = {"avx512_bf16", "amx_bf16"}
_INT8_FLAGS = {"avx512_vnni", "avx_vnni", "amx_int8"}
_HINTS: Mapping[Precision, str] = {"bf16": "bf16", "fp32": "f32"}
_ROUNDED_TOKENS = 32
_QUICK_TOKENS = 256  # up to this size, queries run at once on all threads instead of in parallel batches
_SMALL_MODEL = 150_000_000  # bytes in fp32: each copy for a width has the weights again, in bf16 (34 MiB for MiniLM)
_QUICK_THREADS = 8  # more threads do not shorten one small inference


def import_openvino() -> Any:
    """Import openvino without its telemetry. Raises MissingPackageError, ImportError.

    openvino sends events through its dependency openvino-telemetry when that can be imported; an entry None in
    sys.modules makes the import fail, and openvino then uses its own stub, which sends nothing.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # None is the import system's own mark
    try:
        import openvino
    except ModuleNotFoundError as error:
        raise MissingPackageError("openvino", purpose="the compiled CPU runtime", install="openvino") from error
    return openvino


def processor(core: Any) -> tuple[str, Precision]:
    """Return the CPU's name and the precision to run in: bf16 where the CPU multiplies it in hardware, else fp32.

    Never int8, which changes the vectors.
    """
    name = str(core.get_property("CPU", "FULL_DEVICE_NAME")).strip()
    able = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return name, "bf16" if able and _BF16_FLAGS & _cpu_flags() else "fp32"


def multiplies_int8() -> bool:
    """Return whether the CPU has instructions that sum products of 8-bit integers: VNNI or AMX."""
    return bool(_INT8_FLAGS & _cpu_flags())


def inference_hint(core: Any, precision: Precision) -> str:
    """Return OpenVINO's name of a precision; for int8, that of the operations that are not quantised."""
    return _HINTS[processor(core)[1] if precision == "int8" else precision]


def _cpu_flags() -> set[str]:
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as lines:
            flags = next((line for line in lines if line.startswith("flags")), "")
    except OSError:
        return set()
    return set(flags.split())


def usable_cpus() -> int:
    """Return how many CPUs this process may use: its affinity, and its control group's quota."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        if quota != "max":
            count = min(count, max(1, round(int(quota) / int(period))))
    except (OSError, ValueError):
        pass
    return count


@dataclass(frozen=True, slots=True)
class CompiledFiles:
    """A folder with model.xml, model.bin and perhaps model.blob, the model compiled for the CPU named `device`.

    max_tokens: the model's limit. units: whether the second output is the token states. padded: whether texts of
    different lengths may share a batch. owner: an object to keep while the files are in use (a temporary folder).
    """

    folder: Path
    precision: Precision
    dimension: int
    max_tokens: int
    device: str = ""
    units: bool = False
    padded: bool = True
    owner: object = None


class CompiledRuntime:
    """Runs a compiled model: documents on one stream per CPU, a few queries at once on all of them.

    Each of the two compiled models is loaded at its first use. Thread-safe.
    threads: 0 for every CPU that this process may use, which is the most. Raises MissingPackageError, ModelError.
    """

    def __init__(self, files: CompiledFiles, *, threads: int = 0) -> None:
        self._openvino = import_openvino()
        try:
            self._core = self._openvino.Core()
            device = processor(self._core)[0]
        except RuntimeError as error:
            raise ModelError(f"openvino finds no CPU to run on: {_first_line(error)}", cure="use torch") from error
        self._files = files
        self._image = files.folder / "model.blob" if files.device == device else None
        self._threads = min(threads, usable_cpus()) if threads > 0 else usable_cpus()
        self._lock = threading.Lock()
        self._many: _Pool | None = None
        self._quick: _Pool | None = None
        self._read: Any = None
        small = files.padded and (files.folder / "model.bin").stat().st_size <= _SMALL_MODEL
        self._widths = FixedWidths(self._load_width) if small else None

    @property
    def label(self) -> str:
        """ "openvino-bf16", "openvino-fp32" or "openvino-int8"."""
        return f"openvino-{self._files.precision}"

    @property
    def dimension(self) -> int:
        """Numbers in a vector."""
        return self._files.dimension

    @property
    def has_states(self) -> bool:
        """Whether `with_states` works."""
        return self._files.units

    def documents(self, texts: Sequence[str], ids: Sequence[Sequence[int]]) -> NDArray[np.float32]:  # noqa: ARG002
        """Return rows (n, d) of unit norm, computed in length-sorted batches on every CPU."""
        return self.sequences(ids)

    def sequences(self, ids: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Return rows (n, d) of unit norm for token ids, computed as those of documents."""
        return self._run(ids, self._pool_for_many())

    def with_states(
        self,
        texts: Sequence[str],  # noqa: ARG002
        ids: Sequence[Sequence[int]],
        use: UseStates,
    ) -> NDArray[np.float32]:
        """Do as `documents`, and give each text's index and token states (tokens, d) to `use`, from several threads."""
        return self._run(ids, self._pool_for_many(), use)

    def queries(self, texts: Sequence[str], ids: Sequence[Sequence[int]]) -> NDArray[np.float32]:  # noqa: ARG002
        """Return rows (n, d) of unit norm; a few short queries run as one inference on all threads.

        A single short query runs in the copy for its width, once there is one.
        """
        fixed = self._widths.form(len(ids[0])) if self._widths is not None and len(ids) == 1 else None
        if fixed is not None:
            width, pool = fixed
            return self._run(ids, pool, width=width)
        small = len(ids) * max(map(len, ids)) <= _QUICK_TOKENS
        return self._run(ids, self._pool_for_few() if small or self._many is None else self._many)

    def _pool_for_many(self) -> _Pool:
        with self._lock:
            if self._many is None:
                self._many = self._load(streams=self._threads, threads=self._threads)
            return self._many

    def _pool_for_few(self) -> _Pool:
        with self._lock:
            if self._quick is None:
                if self._threads == 1 and self._many is not None:
                    return self._many
                self._quick = self._load(streams=1, threads=self._few)
            return self._quick

    @property
    def _few(self) -> int:
        """Threads for a few queries."""
        return min(self._threads, _QUICK_THREADS)

    def _config(self, *, streams: int, threads: int) -> dict[str, Any]:
        return {
            "INFERENCE_PRECISION_HINT": inference_hint(self._core, self._files.precision),
            "NUM_STREAMS": streams,
            "INFERENCE_NUM_THREADS": threads,
            "ENABLE_CPU_PINNING": False,  # the other threads of a server or an ingest need the same CPUs
        }

    def _load(self, *, streams: int, threads: int) -> _Pool:
        config = self._config(streams=streams, threads=threads)
        if self._image is not None:
            try:
                # Mapped copy-on-write, as OpenVINO shares writable memory only; it would copy anything else (90 MB).
                image = self._openvino.Tensor(np.memmap(self._image, dtype=np.uint8, mode="c"), shared_memory=True)
                return _Pool(self._core.import_model(image, "CPU", config), streams, image=image)
            except (RuntimeError, OSError, ValueError) as error:
                _log.warning("the compiled model's image does not load (%s): it is built anew", _first_line(error))
                self._image = None
        try:
            return _Pool(self._core.compile_model(str(self._files.folder / "model.xml"), "CPU", config), streams)
        except RuntimeError as error:
            raise ModelError(
                f"the compiled model in {self._files.folder} does not load: {_first_line(error)}",
                cure="run: ragkit models compile --force",
            ) from error

    def _load_width(self, width: int) -> _Pool:
        if self._read is None:
            self._read = self._core.read_model(str(self._files.folder / "model.xml"))
        model = self._read.clone()  # shares the mapped weights
        model.reshape({port: [1, width] for port in model.inputs})
        return _Pool(self._core.compile_model(model, "CPU", self._config(streams=1, threads=self._few)), 1)

    def _run(
        self, ids: Sequence[Sequence[int]], pool: _Pool, use: UseStates | None = None, *, width: int = 0
    ) -> NDArray[np.float32]:
        rows = np.empty((len(ids), self._files.dimension), dtype=np.float32)
        files = self._files
        lengths = [len(tokens) for tokens in ids]
        batches = plan_batches(lengths, streams=pool.streams, padded=files.padded, most_tokens=files.max_tokens)

        def work(batch: Batch) -> None:
            with pool.request() as request:
                least = max(width, batch.width)
                inputs = _padded([ids[index] for index in batch.texts], least=least, round_up=self._files.padded)
                outputs = request.infer(inputs, share_inputs=True, share_outputs=True)
                rows[batch.texts] = outputs[0]
                if use is not None:
                    states = outputs[1]
                    for place, index in enumerate(batch.texts):
                        use(index, states[place, : len(ids[index])])

        try:
            pool.map(work, batches)
        except RuntimeError as error:
            raise EmbeddingError(
                f"the compiled model failed on {len(ids)} texts: {_first_line(error)}", cure="set the runtime to torch"
            ) from error
        return rows


class _Pool:
    """A compiled model with its idle infer requests and worker threads.

    image: the mapped file that the model was imported from, and may still read weights in.
    """

    def __init__(self, compiled: Any, streams: int, *, image: Any = None) -> None:
        self.streams = streams
        self._compiled = compiled
        self._image = image
        self._idle: deque[Any] = deque()
        self._workers = ThreadPoolExecutor(streams, thread_name_prefix="ragkit-embed") if streams > 1 else None

    def map(self, work: Callable[[Batch], None], batches: list[Batch]) -> None:
        """Run `work` on every batch, on all streams; raises the error of a batch that fails."""
        if self._workers is None or len(batches) == 1:
            for batch in batches:
                work(batch)
            return
        queue = BatchQueue(batches)

        def drain() -> None:
            group = None
            try:
                while (taken := queue.take(group)) is not None:
                    group, batch = taken
                    work(batch)
            except BaseException:
                queue.clear()
                raise

        futures = [self._workers.submit(drain) for _ in range(min(self.streams, len(batches)))]
        try:
            for future in futures:
                future.result()
        finally:
            queue.clear()

    @contextmanager
    def request(self) -> Iterator[Any]:
        """Lend an infer request; its outputs are valid until it is returned."""
        try:
            request = self._idle.pop()
        except IndexError:
            request = self._compiled.create_infer_request()
        yield request
        self._idle.append(request)


def _padded(ids: Sequence[Sequence[int]], *, least: int, round_up: bool) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return token ids and mask, both (n, width) with a width of at least `least`.

    round_up: a short text alone gets one of a few widths (multiples of 4).
    """
    width = max(least, *map(len, ids))
    if round_up and len(ids) == 1 and width <= _ROUNDED_TOKENS:
        width = -(-width // 4) * 4
    tokens = np.zeros((len(ids), width), dtype=np.int64)
    mask = np.zeros((len(ids), width), dtype=np.int64)
    for row, text in enumerate(ids):
        tokens[row, : len(text)] = text
        mask[row, : len(text)] = 1
    return tokens, mask


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
