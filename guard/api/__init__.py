"""The wire formats that the guard reads and writes; nothing else in the project knows them."""

from guard.api.base import WireFormat
from guard.api.chat import Chat
from guard.api.messages import Messages
from guard.api.responses import Responses

APIS: tuple[WireFormat, ...] = (Chat(), Responses(), Messages())
"""Every API that is spoken; the first one's errors go to callers of routes that are no API's."""

FORMATS = {api.name: api for api in APIS}

__all__ = ["APIS", "FORMATS", "WireFormat"]
