"""Gives tickets away and gets results back; what is lost on the way is given away again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from .tickets import Input


@dataclass(frozen=True)
class Ticket:
    """A ticket of a run."""

    number: int
    input: Input
    #: What is in it, hashed.
    content: str
    #: What its results depend on, hashed.
    key: str
    #: The file of its report, which is there when it is done.
    file: str


@dataclass(frozen=True)
class Lost:
    """A ticket that was given away so many times within so many seconds, for nothing."""

    ticket: Ticket
    tries: int
    seconds: float


@dataclass
class _Away:
    """A ticket that is with the workers."""

    ticket: Ticket
    first_given: float
    given: float
    #: Its place in the queue: tickets are taken in the order in which they were given.
    place: int
    tries: int = 1
    #: Since when somebody must have taken it: one that was given later is done.
    overtaken: float | None = None


@dataclass
class Queue:
    """Tickets with the workers, no more than so many at a time.

    The broker is not asked: whether a ticket is done, its result says. A ticket that waits for
    its turn is not lost. It is so when a ticket behind it in the queue was done ``deadline``
    seconds ago, which must be longer than any ticket takes; or when for so long nothing has
    come back at all.
    """

    submit: Callable[[Ticket], None]
    arrived: Callable[[Ticket], bool]
    window: int
    deadline: float
    tries: int
    poll: float = 0.02
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def run(self, tickets: Iterable[Ticket], tell: Callable[[int, int], None]) -> Iterator[Lost]:
        """Have all tickets done, which are asked for when it is their turn. Gives the lost ones.

        ``tell`` gets the number of those that are done, and how often one was given away again.
        """
        waiting = iter(tickets)
        away: dict[int, _Away] = {}
        more = True
        done = again = place = 0
        moved = self.clock()
        while more or away:
            while more and len(away) < self.window:
                ticket = next(waiting, None)
                if ticket is None:
                    more = False
                    break
                now, place = self.clock(), place + 1
                away[ticket.number] = _Away(ticket, now, now, place)
                self.submit(ticket)
            back = [one for one in away.values() if self.arrived(one.ticket)]
            now = self.clock()
            if back:
                moved = now
                done += len(back)
                for one in back:
                    del away[one.ticket.number]
                _overtake(away, max(one.place for one in back), now)
            for one in [one for one in away.values() if self._is_lost(one, moved, now)]:
                if one.tries >= self.tries:
                    del away[one.ticket.number]
                    done += 1
                    yield Lost(one.ticket, one.tries, now - one.first_given)
                    continue
                again, place = again + 1, place + 1
                one.given, one.place, one.tries, one.overtaken = now, place, one.tries + 1, None
                self.submit(one.ticket)
            tell(done, again)
            if not back:
                self.sleep(self.poll)

    def _is_lost(self, one: _Away, moved: float, now: float) -> bool:
        since = max(one.given, moved) if one.overtaken is None else one.overtaken
        return now - since > self.deadline


def _overtake(away: dict[int, _Away], place: int, now: float) -> None:
    """Note of those before a place in the queue that somebody has taken them."""
    for one in away.values():
        if one.place < place and one.overtaken is None:
            one.overtaken = now
