"""What runs before the first request. Lines 899 and 1000 are the call sites the report of 2025-09-07 names."""

from netra_backend.app.logging_config import get_logger

logger = get_logger(__name__)


#@line 880
async def _create_agent_supervisor(app):
    """Validates that a manager can be had for each request."""
    logger.info("Validating WebSocket manager availability")
#@line 897
    # Validate WebSocket manager is available for per-request enhancement
    from netra_backend.app.websocket_core import get_websocket_manager
    ws_manager = get_websocket_manager()  #@old
    ws_manager = get_websocket_manager  #@new
    if not ws_manager:
        raise RuntimeError("WebSocket manager must be available for tool dispatcher enhancement")


#@line 990
async def initialize_websocket_components():
    from netra_backend.app.websocket_core import get_websocket_manager
#@line 1000
    manager = get_websocket_manager()  #@old
    manager = get_websocket_manager  #@new
    logger.info(f"WebSocket components ready: {callable(manager)}")


#@line 1100
async def run_complete_startup(app):
    logger.info("Starting Netra Backend")
    try:
        await _create_agent_supervisor(app)
        await initialize_websocket_components()
    except Exception as e:
#@line 1118
        logger.error(f"\u274c WebSocket Validation: {e}")
        logger.error(f"WebSocket Validation (WebSocket): Validation failed: {e}")
        raise
    logger.info("Startup complete")
