"""Who a request belongs to. Rejects placeholder ids, as the report of 2025-09-08 describes."""

import uuid

PLACEHOLDERS = ("test_", "placeholder_", "default_", "example_")


class InvalidContextError(ValueError):
    """A context that cannot belong to a real request."""


class UserExecutionContext:
    def __init__(self, user_id, thread_id, run_id, websocket_client_id=None, db_session=None):
        self.user_id = user_id
        self.thread_id = thread_id
        self.run_id = run_id
        self.websocket_client_id = websocket_client_id
        self.db_session = db_session
        self._validate_no_placeholder_values()

#@line 176
    def _validate_no_placeholder_values(self):
        for name in ("user_id", "thread_id", "run_id"):
            value = str(getattr(self, name))
            if value.startswith(PLACEHOLDERS):
                raise InvalidContextError(
                    f"Field '{name}' appears to contain placeholder pattern: {value!r}. "
                    f"This indicates improper context initialization."
                )

    @classmethod
    def from_request(cls, user_id, thread_id=None, run_id=None):
        return cls(user_id, thread_id or str(uuid.uuid4()), run_id or str(uuid.uuid4()))
