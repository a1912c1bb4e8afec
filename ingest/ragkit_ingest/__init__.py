"""Folders of files into a knowledge base: walk, read in killable processes, and synchronise. The public API."""

from ragkit_ingest.drawing import page_image
from ragkit_ingest.extract import extract_file
from ragkit_ingest.limits import EXTRACTOR_VERSION, ReadLimits
from ragkit_ingest.options import IngestOptions
from ragkit_ingest.report import Change, IngestProgress, IngestReport, Problem, Warned
from ragkit_ingest.scan.losses import Loss, RemovalsError
from ragkit_ingest.sync import ingest_folder
from ragkit_ingest.workers.pool import WorkerPool

__all__ = [
    "EXTRACTOR_VERSION",
    "Change",
    "IngestOptions",
    "IngestProgress",
    "IngestReport",
    "Loss",
    "Problem",
    "ReadLimits",
    "RemovalsError",
    "Warned",
    "WorkerPool",
    "extract_file",
    "ingest_folder",
    "page_image",
]
