"""The way of one request, told once: what is done in which order, whoever carries it out."""

from guard.flow.drive import arun, run
from guard.flow.faults import Fault, fault_of
from guard.flow.observer import LAST, Latest, Observer
from guard.flow.request import RequestFlow
from guard.flow.steps import Authorize, Call, Flow, Prepare, Read, Send, Step, Work

__all__ = [
    "LAST",
    "Authorize",
    "Call",
    "Fault",
    "Flow",
    "Latest",
    "Observer",
    "Prepare",
    "Read",
    "RequestFlow",
    "Send",
    "Step",
    "Work",
    "arun",
    "fault_of",
    "run",
]
