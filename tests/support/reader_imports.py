"""Imports whatever the processes that read files import.

They write no bytecode, so `make test` runs this first: each of them would compile the libraries again.
"""

from __future__ import annotations

import importlib
import pkgutil

import charset_normalizer
import docutils.core
import lxml.etree
import markdown_it
import numpy as np
import olefile
import pypdf
import pypdfium2
import yaml

import ragkit_ingest.cli.extract
import ragkit_ingest.readers
import ragkit_ingest.workers.child

LIBRARIES = (charset_normalizer, docutils, lxml, markdown_it, np, olefile, pypdf, pypdfium2, yaml)
READERS = [
    importlib.import_module(module.name)
    for module in pkgutil.walk_packages(ragkit_ingest.readers.__path__, "ragkit_ingest.readers.")
]
