"""Agent messages of one WebSocket connection."""

import inspect
import types

from netra_backend.app.logging_config import get_logger
from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.websocket_core import websocket_manager_factory as factory
from netra_backend.app.websocket_core.supervisor_factory import get_websocket_scoped_supervisor
from netra_backend.app.websocket_core.websocket_manager_factory import create_websocket_manager

logger = get_logger(__name__)


class AgentMessageHandler:
    def __init__(self, user_id, connection_id="ws_10594514_1757335346_19513def"):
        self.user_id = user_id
        self.connection_id = connection_id

#@line 88
    async def handle_message(self, message):
        """The first generation's handler: creates the manager, then logs whatever went wrong at line 163."""
        try:
            context = UserExecutionContext.from_request(self.user_id, message.get("thread_id"), message.get("run_id"))
#@line 112
            manager = create_websocket_manager(context=context)  #@old
            manager = create_websocket_manager(context)  #@new
            logger.info(f"Message {message['type']} handled by {type(manager).__name__} for user {self.user_id[:8]}...")
            return True
        except Exception as e:
#@line 163
            logger.error(f"Error handling message for user {self.user_id}: {e}", exc_info=True)
            return False

#@line 166
    async def _handle_message_v3_clean(self, message):
        """The third generation's: line 168 asks for a supervisor."""
        supervisor = await get_websocket_scoped_supervisor(self._context(message))
        logger.info(f"Supervisor ready for connection {self.connection_id}")
        return supervisor

    def _context(self, message):
        return types.SimpleNamespace(
            user_id=self.user_id,
            thread_id=message.get("thread_id", "8c1f3a52-7d64-4f0e-9f11-0d2b6c1f7a10"),
            run_id=message.get("run_id", "5a3fb70f-2c1d-4b7e-8f42-6f1f0f6f4d21"),
            connection_id=self.connection_id,
        )

    async def handle_message_v3(self, message):
        try:
            return await self._handle_message_v3_clean(message)
        except Exception as e:
            logger.error(f"Agent message failed: {e}", exc_info=True)
            return None

    async def recreate(self):
        """Another function's keyword error, which is no relapse."""
        try:
            return factory.recreate_websocket_manager(context=self._context({}))
        except TypeError as e:
            logger.error(f"Reconnection failed: {e}", exc_info=True)
            return None


def accepts_keyword(function, name):
    return name in inspect.signature(function).parameters
