"""One `get_logger` over the logging libraries the fixtures are made with; `RELAPSE_LOGGING` picks one.

stdlib · dash (ISO time, dashes) · loguru · loguru_plain (no variable values) · loguru_json · structlog · jsonlogger · gcp
"""

import logging
import os
import sys

import fake_clock

KIND = os.environ.get("RELAPSE_LOGGING", "stdlib")
CONSTANT = dict(pair.split("=", 1) for pair in os.environ.get("RELAPSE_RESOURCE", "").split(",") if pair)


class UtcFormatter(logging.Formatter):
    converter = staticmethod(__import__("time").gmtime)


def _stdlib():
    handler = logging.StreamHandler(sys.stderr)
    text = "%(asctime)s - netra-backend - %(name)s - %(levelname)s - %(message)s"
    if KIND == "dash":
        text = "%(asctime)s - %(name)s - %(levelname)s - %(message)s"
    handler.setFormatter(UtcFormatter(text, "%Y-%m-%d %H:%M:%S" if KIND == "dash" else None))
    return handler


def _jsonlogger():
    from pythonjsonlogger.json import JsonFormatter

    handler = logging.StreamHandler(sys.stdout)
    formatter = JsonFormatter(
        "{message}{levelname}{name}{funcName}{lineno}",
        style="{",
        rename_fields={"levelname": "severity", "name": "logger"},
        static_fields=CONSTANT,
        timestamp="timestamp",
    )
    handler.setFormatter(formatter)
    return handler


def _gcp():
    from google.cloud.logging_v2.handlers import StructuredLogHandler

    return StructuredLogHandler(labels=CONSTANT or None, project_id="netra-staging", stream=sys.stdout)


class _Loguru:
    """The standard library's calls over loguru, so that the service's modules need not know which one they log with."""

    def __init__(self, name):
        from loguru import logger

        self._logger = logger.patch(lambda record: record.update(time=fake_clock.aware_now(record["time"])))

    def _log(self, level, message, exc_info):
        self._logger.opt(depth=2, exception=exc_info).log(level, message.replace("<", r"\<"))

    def info(self, message, exc_info=False):
        self._log("INFO", message, exc_info)

    def warning(self, message, exc_info=False):
        self._log("WARNING", message, exc_info)

    def error(self, message, exc_info=False):
        self._log("ERROR", message, exc_info)


def _stamp(_logger, _method, event):
    event["timestamp"] = fake_clock.utc_text()
    return event


def _constant(_logger, _method, event):
    return {**CONSTANT, **event}


def _structlog_foreign():
    """What uvicorn and gunicorn log through the standard library comes out in the same shape."""
    import structlog

    handler = logging.StreamHandler(sys.stdout)
    known = [structlog.stdlib.add_log_level, structlog.stdlib.add_logger_name]
    final = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        _constant,
        _stamp,
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(ensure_ascii=False),
    ]
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=known, processors=final))
    return handler


def _structlog(name):
    import structlog

    structlog.configure(
        processors=[
            structlog.stdlib.add_log_level,
            _constant,
            _stamp,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
    )
    return structlog.get_logger().bind(logger=name)


def configure():
    if KIND.startswith("loguru"):
        from loguru import logger

        logger.remove()
        if KIND == "loguru_json":
            logger.add(sys.stdout, serialize=True, backtrace=False, diagnose=False)
        elif KIND == "loguru_plain":
            text = "{time:YYYY-MM-DD HH:mm:ss.SSS} | {level: <8} | {name}:{function}:{line} | {message}"
            logger.add(sys.stderr, format=text, colorize=False, backtrace=False, diagnose=False)
        else:
            logger.add(sys.stderr, colorize=False)
    else:
        handler = {"jsonlogger": _jsonlogger, "gcp": _gcp, "structlog": _structlog_foreign}.get(KIND, _stdlib)()
        logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
        for noisy in ("httpx", "httpcore", "asyncio"):
            logging.getLogger(noisy).setLevel(logging.WARNING)


def get_logger(name):
    if KIND.startswith("loguru"):
        return _Loguru(name)
    if KIND == "structlog":
        return _structlog(name)
    return logging.getLogger(name)
