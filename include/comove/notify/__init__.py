"""Telling people what moved, failed or waits, by any means Apprise knows."""

from comove.notify.addresses import KINDS, Kind
from comove.notify.memory import Memory
from comove.notify.message import Entry, Message, Run
from comove.notify.send import Delivery, send

__all__ = ["KINDS", "Delivery", "Entry", "Kind", "Memory", "Message", "Run", "send"]
