"""`Broken`: the first thing that is wrong with a log, and `Fault`, of which kind it is."""

from enum import StrEnum


class Fault(StrEnum):
    """What was done to a log that is not whole."""

    CHANGED = "changed"
    REMOVED = "removed"
    INSERTED = "inserted"
    REORDERED = "reordered"
    CUT_OFF = "cut off"
    HEAD = "head"
    FOREIGN = "foreign"
    CHECKPOINT = "checkpoint"
    PERSONAL = "personal"


class Broken(Exception):
    """The chain is not whole: at which number, what was done, and in words."""

    def __init__(self, number: int, fault: Fault, reason: str) -> None:
        super().__init__(reason)
        self.number = number
        self.fault = fault
        self.reason = reason
