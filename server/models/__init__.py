"""What the server keeps, by topic."""

from server.models.accounts import Account, Role, Trace
from server.models.devices import Device, EnrolCode, Proposal
from server.models.journal import ClockReading, Event, Gap, Session, Stream, UnknownBadge
from server.models.keeping import Kept, Notice
from server.models.whitelist import Badge, Category, Certification, Change, Cut, Edit, Machine, Member, Training

__all__ = [
    "Account",
    "Badge",
    "Category",
    "Certification",
    "Change",
    "ClockReading",
    "Cut",
    "Device",
    "Edit",
    "EnrolCode",
    "Event",
    "Gap",
    "Kept",
    "Machine",
    "Member",
    "Notice",
    "Proposal",
    "Role",
    "Session",
    "Stream",
    "Trace",
    "Training",
    "UnknownBadge",
]
