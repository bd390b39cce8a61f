"""Legacy compatibility: a pool made while the module is imported."""

from netra_backend.app.websocket_core import get_websocket_manager


class WebSocketEmitterPool:
    def __init__(self, manager):
        self.manager = manager


#@line 87
_emitter_pool = WebSocketEmitterPool(get_websocket_manager())  #@old
_emitter_pool = None  #@new


def get_emitter_pool(user_context=None):
    return WebSocketEmitterPool(get_websocket_manager(user_context)) if user_context else None
