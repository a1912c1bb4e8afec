"""The OCR engine: RapidOCR on OpenVINO with the models inside its package; nothing is downloaded, ever."""

from __future__ import annotations

import math
import os
import resource
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from ragkit import ConfigError, ExtractionError
from ragkit_ingest.limits import OCR_MEMORY

if TYPE_CHECKING:
    from PIL.Image import Image

CURE: Final = "pip install 'ragkit[ocr]'"
PAGE_SECONDS: Final = 60.0
"""Seconds that the OCR of one page may take, beside the time that the file has anyway."""
LOW_CONFIDENCE: Final = 0.7
"""A page with less mean confidence than this is reported as one that OCR may have read wrongly."""
LONG_SIDE: Final = 2_400
"""Pixels of the longer side that a page is read at: more cost time and find no more words."""
_MAX_THREADS: Final = 2
_UNREADABLE: Final = 0.3  # lines below this confidence are noise
_BATCH: Final = 2  # lines that are recognised together: more take much memory
_TALL: Final = 1.5
_TURNED_SHARE: Final = 0.6  # a page with so many tall boxes lies on its side
_MEMORY: Final = "give the process more memory, or turn OCR off: --ocr off"
_MODELS: Final = {"Det": "PP-OCRv6_det_small.onnx", "Rec": "PP-OCRv6_rec_small.onnx"}


@dataclass(frozen=True, slots=True)
class OcrLine:
    """A line of text in a picture: its place in pixels from the upper left, level after the page was made straight.

    confidence: from 0 to 1.
    """

    text: str
    left: float
    top: float
    right: float
    bottom: float
    confidence: float


@dataclass(frozen=True, slots=True)
class OcrPage:
    """What OCR found on a page. width, height: in pixels, of the page as it was read. unreadable: lines left out."""

    lines: tuple[OcrLine, ...]
    width: int
    height: int
    unreadable: int = 0

    @property
    def confidence(self) -> float:
        """Mean confidence by letters; 0 without any."""
        letters = sum(len(line.text) for line in self.lines)
        return sum(line.confidence * len(line.text) for line in self.lines) / letters if letters else 0.0


@cache
def available() -> bool:
    """Tell whether the extra is installed."""
    return all(find_spec(name) is not None for name in ("rapidocr", "openvino", "PIL", "cv2"))


def threads() -> int:
    """How many threads the engine uses."""
    return min(len(os.sched_getaffinity(0)), _MAX_THREADS)


def read_page(image: Image) -> OcrPage:
    """Return the text of a page; a page that is rotated by 90, 180 or 270 degrees is turned first."""
    page = _read(image)
    tall = sum((line.bottom - line.top) > _TALL * (line.right - line.left) for line in page.lines)
    if page.lines and tall > _TURNED_SHARE * len(page.lines):
        return max((_read(image.rotate(angle, expand=True)) for angle in (90, 270)), key=_value)
    if page.lines and page.confidence < LOW_CONFIDENCE:
        return max((page, _read(image.rotate(180))), key=_value)
    return page


def _value(page: OcrPage) -> float:
    return page.confidence * sum(len(line.text) for line in page.lines)


def _read(image: Image) -> OcrPage:
    import numpy as np

    scale = min(1.0, LONG_SIDE / max(image.size))
    if scale < 1.0:
        image = image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))))
    pixels = np.ascontiguousarray(np.asarray(image.convert("RGB"))[:, :, ::-1])
    found = _found(pixels)
    if found.boxes is None or found.txts is None:
        return OcrPage((), image.width, image.height)
    boxes = _straight([[(float(x), float(y)) for x, y in box] for box in found.boxes])
    lines = [
        OcrLine(text, *box, confidence=float(score))
        for box, text, score in zip(boxes, found.txts, found.scores, strict=True)
        if text.strip() and score >= _UNREADABLE
    ]
    return OcrPage(tuple(lines), image.width, image.height, len(found.txts) - len(lines))


def _found(pixels: Any) -> Any:
    """Run the engine; ExtractionError `expands_too_much` when it fails for lack of memory."""
    try:
        from rapidocr.inference_engine.openvino import OpenVINOError

        engine = _engine()
    except (RuntimeError, MemoryError, ImportError, OSError) as error:
        raise ExtractionError(
            "expands_too_much", f"OCR does not start: {type(error).__name__}", cure=_MEMORY
        ) from error
    try:
        return engine(pixels, use_cls=False)
    except (OpenVINOError, RuntimeError, MemoryError) as error:
        raise ExtractionError("expands_too_much", f"OCR fails: {type(error).__name__}", cure=_MEMORY) from error


def _straight(boxes: list[list[tuple[float, float]]]) -> list[tuple[float, float, float, float]]:
    """Return boxes as left, top, right, bottom after a rotation by their most common slope."""
    slopes = [
        math.atan2(box[1][1] - box[0][1], box[1][0] - box[0][0])
        for box in boxes
        if math.dist(box[0], box[1]) > 3 * math.dist(box[0], box[3])
    ]
    angle = -median(slopes) if slopes else 0.0
    cosine, sine = math.cos(angle), math.sin(angle)
    turned = [[(x * cosine - y * sine, x * sine + y * cosine) for x, y in box] for box in boxes]
    return [
        (
            min(x for x, _ in box),
            (box[0][1] + box[1][1]) / 2,
            max(x for x, _ in box),
            (box[2][1] + box[3][1]) / 2,
        )
        for box in turned
    ]


@cache
def _engine() -> Any:
    """Return the engine, loaded once a process; it may take more memory than other readers may."""
    with suppress(ValueError, OSError):
        soft, hard = resource.getrlimit(resource.RLIMIT_AS)
        if soft != resource.RLIM_INFINITY and soft < OCR_MEMORY:
            wanted = OCR_MEMORY if hard == resource.RLIM_INFINITY else min(OCR_MEMORY, hard)
            resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))
    import rapidocr
    from rapidocr import EngineType, RapidOCR

    folder = Path(str(rapidocr.__file__)).parent / "models"
    missing = [name for name in _MODELS.values() if not (folder / name).is_file()]
    if missing:
        raise ConfigError(f"rapidocr lacks its model {missing[0]}", cure="pip install 'rapidocr>=3.10'")
    settings: dict[str, Any] = {
        "Global.log_level": "critical",
        "Global.text_score": 0.0,
        "Global.max_side_len": LONG_SIDE,
        "EngineConfig.openvino.inference_num_threads": threads(),
        "Rec.rec_batch_num": _BATCH,
    }
    for part in ("Det", "Cls", "Rec"):
        settings[f"{part}.engine_type"] = EngineType.OPENVINO
    for part, name in _MODELS.items():
        settings[f"{part}.model_path"] = str(folder / name)
    return RapidOCR(params=settings)
