"""Sharing the work: who is handed which word, and what for.

Nobody is handed a word that is in somebody else's hands. Among a person's words, without telling which, stand some that
another has decided about already (a second reading) and some whose boxes are known (a check). For both, the person sees
what a round proposed before anybody had said anything of the word, and what they say is kept as an opinion.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, fields

from db import Correction, NewCorrection, Store
from db.leases import LEASE_MINUTES, MOST_HELD, QUEUED
from db.team_records import Lease, LeasePurpose, NewOpinion, Opinion

Pick = Callable[[int, Collection[int]], list[int]]
"""pick(limit, exclude): the words to hand out next, the most wanted first."""

DEFAULTS = {"double_share": 0.1, "check_share": 0.05, "lease_minutes": LEASE_MINUTES}
"""The settings of sharing: what share of the words is read twice, what share of the words handed to a person is a check
of them, and how long a word stays in the hands of someone whose page says nothing."""

EXTRAS: tuple[LeasePurpose, ...] = ("check", "second")


@dataclass(frozen=True, slots=True)
class Handed:
    """What a person is handed.

    Args:
        leases: on words, in the order in which they are to be shown.
        full: there would be more, but the person has enough in hand.
        elsewhere: words that are in other people's hands.
    """

    leases: list[Lease]
    full: bool
    elsewhere: int


def setting(store: Store, name: str) -> float:
    """One of `DEFAULTS`, or what an owner set instead."""
    return float(store.setting(name, DEFAULTS[name]))


def hand_out(
    store: Store,
    name: str,
    pick: Pick,
    limit: int,
    exclude: Collection[int],
    *,
    mixed: bool,
    undecided: bool,
    chance: random.Random,
) -> Handed:
    """Put words into a person's hands.

    Args:
        store: the open project.
        name: the person's.
        pick: gives the queue's words.
        limit: how many at most.
        exclude: words that their page has, or has not sent yet.
        mixed: put second readings and checks among them.
        undecided: the queue is of words that nobody has decided about.
        chance: which of them are second readings and checks.
    """
    minutes = setting(store, "lease_minutes")
    others = store.held_by_others(name)
    lost = [each for each in _queued(store, name) if each.word_id not in set(exclude)]
    blind = store.blind_to(name)
    extra: list[Lease] = []
    if mixed:
        extra += _again(store, [each for each in lost if each.purpose != "main"][:limit], minutes)
        for purpose in EXTRAS:
            # Of the words that one decides, as many are read twice by others as one reads twice oneself.
            share = _share(store, purpose)
            draws = sum(chance.random() < share for _ in range(limit - len(extra)))
            extra += _extra(store, name, purpose, draws, exclude, minutes)
    # A check word is in the queue as well, as long as nobody has decided about it.
    mine = {each.word_id for each in extra}
    wanted = pick(limit + len(others), {*exclude, *others, *mine})
    # Nor does a queue show what others said of a word that the person was handed without that.
    unseen = [blind[id] for id in wanted if id in blind]
    extra += _again(store, unseen[: limit - len(extra)], minutes)
    wanted = [id for id in wanted if id not in blind]
    # What a page of theirs had and has no more: again if it is wanted still, else it is free.
    kept = {*wanted, *(each.word_id for each in extra)}
    store.release(name, [each.word_id for each in lost if each.word_id not in kept], QUEUED)
    main = store.claim(name, wanted, limit - len(extra), undecided=undecided, minutes=minutes)
    if mixed and len(main) + len(extra) < limit:
        # The queue has run dry: what else there is to compare, of what the project wants compared.
        for purpose in reversed(EXTRAS):
            left = limit - len(main) - len(extra) if _share(store, purpose) > 0 else 0
            known = {*exclude, *(each.word_id for each in [*main, *extra])}
            extra += _extra(store, name, purpose, left, known, minutes)
    for lease in extra:
        main.insert(chance.randint(0, len(main)), lease)
    full = not main and len(_queued(store, name)) >= MOST_HELD
    return Handed(main, full, len(others))


def keep(store: Store, said: NewCorrection, lease_id: int | None) -> Correction | Opinion:
    """Keep what a person said of a word, as what it was handed to them for.

    Raises:
        Conflict: somebody else decided about it meanwhile; not for what is an opinion.
    """
    purpose = store.purpose_of(said.uuid) or _handed_for(store, said, lease_id)
    if purpose == "main":
        return store.save_correction(said, lease_id)
    shared = {field.name for field in fields(NewCorrection)} & {field.name for field in fields(NewOpinion)}
    return store.save_opinion(NewOpinion(purpose=purpose, **{each: getattr(said, each) for each in shared}))


def _handed_for(store: Store, said: NewCorrection, lease_id: int | None) -> LeasePurpose:
    """By the lease it is said under; without that, by what the person has still to say of the word."""
    lease = store.lease(lease_id) if lease_id is not None else None
    if lease is None or lease.purpose == "main" or (lease.holder, lease.word_id) != (said.author, said.word_id):
        lease = store.blind_to(said.author).get(said.word_id)
    return "main" if lease is None else lease.purpose


def _queued(store: Store, name: str) -> list[Lease]:
    return [each for each in store.holding(name) if each.purpose in QUEUED]


def _share(store: Store, purpose: LeasePurpose) -> float:
    """What share of the words is handed out for this besides."""
    return setting(store, f"{'double' if purpose == 'second' else purpose}_share")


def _extra(
    store: Store, name: str, purpose: LeasePurpose, limit: int, exclude: Collection[int], minutes: float
) -> list[Lease]:
    """Second readings or checks for a person: at most `limit`, with boxes to begin with that nobody's word is in."""
    if limit < 1:
        return []
    if purpose == "second":
        found = store.to_read_twice(name, setting(store, "double_share"), 4 * limit, exclude)
    else:
        found = store.to_check(name, 4 * limit, exclude)
    blind = store.blind_proposals(found)
    fit: Sequence[int] = [word_id for word_id in found if word_id in blind]
    return store.claim(name, fit, limit, purpose=purpose, minutes=minutes)


def _again(store: Store, lost: Sequence[Lease], minutes: float) -> list[Lease]:
    found: list[Lease] = []
    for each in lost:
        found += store.claim(each.holder, [each.word_id], 1, purpose=each.purpose, minutes=minutes)
    return found
