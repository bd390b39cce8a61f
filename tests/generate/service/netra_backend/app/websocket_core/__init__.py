"""WebSocket managers: one for each request, none for the process."""

from netra_backend.app.websocket_core.websocket_manager_factory import IsolatedWebSocketManager
from netra_backend.app.websocket_core.websocket_manager_factory import create_websocket_manager


#@line 44
def get_websocket_manager(user_context=None):
    """Compatibility wrapper of the migration: needs a context now."""
#@line 56
    if user_context is None:
        # Import-time initialization violates the User Context Architecture.
        raise ValueError(
            "WebSocket manager creation requires valid UserExecutionContext. "
            "Import-time initialization is prohibited. Use request-scoped factory pattern instead. "
            "See User Context Architecture documentation for proper implementation."
        )
    return create_websocket_manager(user_context)
