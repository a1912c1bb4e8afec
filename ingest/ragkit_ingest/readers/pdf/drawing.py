"""PDF pages as pictures: drawn by pdfium, for OCR and to see whether anything is on them."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from PIL.Image import Image

_MOST_PIXELS: Final = 3_000  # of the longer side of a page that is looked at for marks; one a point where that fits
_RULE: Final = 3  # pixels that a rule is thick at most
_FAINT: Final = 4  # of 255: what differs less from the paper is no mark
_OBJECTS: Final = 500  # of a page that are looked at for pictures
_SIDES: Final = (40.0, 10.0)  # points: a picture that is less wide or high is an ornament
_PIXELS: Final = (60, 16)
_MAX_PIXELS: Final = 100_000_000


@dataclass(frozen=True, slots=True)
class PagePicture:
    """A picture on a page and its place in points from the page's lower left."""

    image: Image
    left: float
    right: float
    bottom: float
    top: float


def draw_page(api: Any, page: Any, side: int) -> Image | None:
    """Return an open page as a picture whose longer side has so many pixels; None when there is no memory for it."""
    from PIL import Image as Images

    width, height = api.FPDF_GetPageWidthF(page), api.FPDF_GetPageHeightF(page)
    scale = side / max(width, height, 1.0)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    bitmap = api.FPDFBitmap_CreateEx(*size, api.FPDFBitmap_BGRx, None, 0)
    if not bitmap:
        return None
    try:
        api.FPDFBitmap_FillRect(bitmap, 0, 0, *size, 0xFFFFFFFF)
        api.FPDF_RenderPageBitmap(bitmap, page, 0, 0, *size, 0, api.FPDF_ANNOT)
        stride = api.FPDFBitmap_GetStride(bitmap)
        raw = ctypes.string_at(api.FPDFBitmap_GetBuffer(bitmap), stride * size[1])
        return Images.frombuffer("RGB", size, raw, "raw", "BGRX", stride, 1)
    finally:
        api.FPDFBitmap_Destroy(bitmap)


def is_blank(api: Any, page: Any) -> bool:
    """Tell whether an open page has nothing to read: no object, or only paths that are invisible or rules."""
    objects = (api.FPDFPage_GetObject(page, at) for at in range(api.FPDFPage_CountObjects(page)))
    if any(api.FPDFPageObj_GetType(one) != api.FPDF_PAGEOBJ_PATH for one in objects):
        return False
    longer = max(api.FPDF_GetPageWidthF(page), api.FPDF_GetPageHeightF(page))
    picture = draw_page(api, page, round(min(max(longer, 1.0), _MOST_PIXELS)))
    return picture is not None and any(_only_rules(marks) for marks in _marked(picture))


def _marked(picture: Image) -> tuple[Sequence[int], Sequence[int]]:
    """Return which columns and which rows of a picture differ from its upper left corner, as 1 and 0."""
    from PIL import Image as Images
    from PIL import ImageChops

    paper = Images.new("RGB", picture.size, picture.getpixel((0, 0)))
    marks = ImageChops.difference(picture, paper).convert("L").point(lambda value: 255 * (value > _FAINT))
    return marks.getprojection()


def _only_rules(marks: Sequence[int]) -> bool:
    """Tell whether no stretch of marked rows or columns is as long as letters are high."""
    return max((len(list(run)) for marked, run in groupby(marks) if marked), default=0) <= _RULE


def pictures_on(api: Any, page: Any) -> Iterator[PagePicture]:
    """Yield the pictures of an open page that may hold words, those in its drawings, too; the largest are left out."""
    edges = [ctypes.c_float() for _ in range(4)]
    for at in range(min(api.FPDFPage_CountObjects(page), _OBJECTS)):
        outer = api.FPDFPage_GetObject(page, at)
        if not api.FPDFPageObj_GetBounds(outer, *edges):
            continue
        left, bottom, right, top = (edge.value for edge in edges)
        if right - left < _SIDES[0] or top - bottom < _SIDES[1]:
            continue
        for one in _image_objects(api, outer):
            image = _image_of(api, one)
            if image is not None:
                yield PagePicture(image, left, right, bottom, top)


def _image_objects(api: Any, one: Any) -> Iterator[Any]:
    """Yield the pictures of an object: itself, or those inside a form XObject."""
    kind = api.FPDFPageObj_GetType(one)
    if kind == api.FPDF_PAGEOBJ_IMAGE:
        yield one
    elif kind == api.FPDF_PAGEOBJ_FORM:
        for at in range(min(api.FPDFFormObj_CountObjects(one), _OBJECTS)):
            inner = api.FPDFFormObj_GetObject(one, at)
            if api.FPDFPageObj_GetType(inner) == api.FPDF_PAGEOBJ_IMAGE:
                yield inner


def _image_of(api: Any, one: Any) -> Image | None:
    """Return a picture in its own pixels, upright; None where it is too small, too large, or cannot be unpacked."""
    from PIL import Image as Images
    from pypdfium2 import PdfBitmap

    width, height, matrix = ctypes.c_uint(), ctypes.c_uint(), api.FS_MATRIX()
    if not api.FPDFImageObj_GetImagePixelSize(one, width, height) or not api.FPDFPageObj_GetMatrix(one, matrix):
        return None
    small = width.value < _PIXELS[0] or height.value < _PIXELS[1]
    if small or width.value * height.value > _MAX_PIXELS:
        return None
    raw = api.FPDFImageObj_GetBitmap(one)
    if not raw:
        return None
    try:
        image: Image = PdfBitmap.from_raw(raw).to_pil().convert("RGB")
    finally:
        api.FPDFBitmap_Destroy(raw)
    if matrix.a < 0:
        image = image.transpose(Images.Transpose.FLIP_LEFT_RIGHT)
    return image.transpose(Images.Transpose.FLIP_TOP_BOTTOM) if matrix.d < 0 else image
