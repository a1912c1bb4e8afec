"""The access log: one line for each request, with its facts as fields for a JSON log."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

from ragkit_service.observing.records import RequestRecord

access = logging.getLogger("ragkit_service.access")


def log_request(record: RequestRecord) -> None:
    """Log a request that has ended: no query string, body or header, so no question and no key."""
    milliseconds = record.seconds * 1000
    fields = {
        "method": record.method,
        "path": record.path,
        "route": record.route or None,
        "status": record.status,
        "cut": record.notes.cut or None,
        "ms": round(milliseconds, 1),
        "request_id": record.request_id,
        "trace_id": record.trace_id or None,
        "client": record.client or None,
        "key_id": record.key_id or None,
    }
    who = (record.client or "-", record.key_id or "-")
    cut = f" cut:{record.notes.cut}" if record.notes.cut else ""
    line = (record.method, record.path, record.status, cut, milliseconds, record.request_id, *who)
    access.info("%s %s %d%s %.1f ms %s %s %s", *line, extra={"fields": fields})


class JsonFormatter(logging.Formatter):
    """Formats a log record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as JSON, with the fields of the access log; a traceback goes into `trace`."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line)
