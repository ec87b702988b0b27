"""The wire formats that the guard reads and writes; nothing else in the project knows them."""

from guard.api.base import WireFormat
from guard.api.chat import Chat
from guard.api.messages import Messages
from guard.api.responses import Responses

FORMATS: dict[str, WireFormat] = {format_.name: format_ for format_ in (Chat(), Responses(), Messages())}

__all__ = ["FORMATS", "WireFormat"]
