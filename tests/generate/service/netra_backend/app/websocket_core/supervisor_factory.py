"""Supervisors for WebSocket connections. The catch-all handler at line 142 hides the raise site at line 96."""

from netra_backend.app.logging_config import get_logger
from netra_backend.app.services.user_execution_context import UserExecutionContext

logger = get_logger(__name__)


class SupervisorCreationError(Exception):
    """What the caller sees."""


#@line 60
async def get_websocket_scoped_supervisor(context, db_session=None, app_state=None):
    try:
#@line 96
        user_context = UserExecutionContext(
            user_id=context.user_id,
            thread_id=context.thread_id,
            run_id=context.run_id,
            websocket_connection_id=context.connection_id,  #@old
            websocket_client_id=context.connection_id,  #@new
            db_session=db_session,
        )
        return {"supervisor": user_context}
    except Exception as e:
#@line 142
        logger.error(f"Failed to create WebSocket-scoped supervisor: {e}", exc_info=True)
        raise SupervisorCreationError(f"Failed to create WebSocket supervisor: {e}") from e
