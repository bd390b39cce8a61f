"""The factory of the migration: a manager of its own for each user."""


class IsolatedWebSocketManager:
    def __init__(self, user_context):
        self.user_context = user_context


def create_websocket_manager(user_context):
    return IsolatedWebSocketManager(user_context)


def recreate_websocket_manager(user_context):
    """Not part of the incident: another function whose name ends like the factory's."""
    return create_websocket_manager(user_context)
