"""Failures that need no server: `python scenarios.py NAME` logs one through the library `RELAPSE_LOGGING` names."""

import asyncio
import sys

import fake_clock

fake_clock.install()

from netra_backend.app import logging_config  # noqa: E402

logging_config.configure()
logger = logging_config.get_logger("netra_backend.app.main")
USER = "105945141827451681156"
MESSAGE = {"type": "user_message", "thread_id": "8c1f3a52-7d64-4f0e-9f11-0d2b6c1f7a10", "run_id": "5a3fb70f-2c1d"}


def handler(user=USER):
    from netra_backend.app.websocket_core.agent_handler import AgentMessageHandler

    return AgentMessageHandler(user)


def import_time():
    try:
        import netra_backend.app.websocket_core.unified_init  # noqa: F401
    except ValueError as e:
        logger.error(f"\u274c WebSocket Validation: {e}", exc_info=True)


def startup():
    from netra_backend.app.startup_module import run_complete_startup

    try:
        asyncio.run(run_complete_startup(None))
    except ValueError as e:
        logger.error(f"Startup failed: {e}", exc_info=True)


def unhandled():
    asyncio.run(handler()._handle_message_v3_clean(MESSAGE))


SCENARIOS = {
    "kwarg": lambda: asyncio.run(handler().handle_message(MESSAGE)),
    "supervisor": lambda: asyncio.run(handler().handle_message_v3(MESSAGE)),
    "unhandled": unhandled,
    "placeholder": lambda: asyncio.run(handler("test_user").handle_message(MESSAGE)),
    "recreate": lambda: asyncio.run(handler().recreate()),
    "import-time": import_time,
    "startup": startup,
    "healthy": lambda: asyncio.run(handler().handle_message(MESSAGE)),
}

if __name__ == "__main__":
    for name in sys.argv[1:]:
        SCENARIOS[name]()
