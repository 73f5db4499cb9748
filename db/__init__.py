"""The store: words, rounds, proposals and corrections of one project, behind one public `Store`."""

from db.asked import Asked
from db.checks import check_source
from db.queues import WordTurns
from db.records import (
    AddReport,
    CharacterMark,
    Conflict,
    Correction,
    CorrectionKind,
    Counts,
    EndState,
    MarkState,
    NewCorrection,
    NewerProject,
    NoProject,
    Prequential,
    RecordError,
    Reference,
    Round,
    RoundBusy,
    RoundLost,
    RoundState,
    RoundStats,
    StoreError,
    UnknownItem,
    Wish,
    Word,
)
from db.store import FILE, Store
from db.suspicions import StoredSuspicion

__all__ = [
    "FILE",
    "AddReport",
    "Asked",
    "CharacterMark",
    "Conflict",
    "Correction",
    "CorrectionKind",
    "Counts",
    "EndState",
    "MarkState",
    "NewCorrection",
    "NewerProject",
    "NoProject",
    "Prequential",
    "RecordError",
    "Reference",
    "Round",
    "RoundBusy",
    "RoundLost",
    "RoundState",
    "RoundStats",
    "Store",
    "StoreError",
    "StoredSuspicion",
    "UnknownItem",
    "Wish",
    "Word",
    "WordTurns",
    "check_source",
]
