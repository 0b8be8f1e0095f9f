from __future__ import annotations

from collections.abc import Callable

from rdp_triage_worker.queue import Lost, Queue, Ticket
from rdp_triage_worker.tickets import Input


class Workers:
    """Workers, a broker and a clock that a test moves."""

    def __init__(self, work: Callable[[Workers, int, int], float | None], workers: int = 1) -> None:
        #: Says how many seconds a ticket takes, by its number and the try; None: never done.
        self.work = work
        self.now = 0.0
        self.free_at = [0.0] * workers
        self.done_at: dict[int, float] = {}
        self.given: list[int] = []
        self.most_away = 0
        self.away: set[int] = set()

    def submit(self, ticket: Ticket) -> None:
        self.given.append(ticket.number)
        self.away.add(ticket.number)
        self.most_away = max(self.most_away, len(self.away))
        takes = self.work(self, ticket.number, self.given.count(ticket.number))
        worker = min(range(len(self.free_at)), key=self.free_at.__getitem__)
        begin = max(self.now, self.free_at[worker])
        if takes is not None:
            self.free_at[worker] = begin + takes
            end = self.done_at.get(ticket.number, begin + takes)
            self.done_at[ticket.number] = min(end, begin + takes)

    def arrived(self, ticket: Ticket) -> bool:
        here = self.done_at.get(ticket.number, float("inf")) <= self.now
        if here:
            self.away.discard(ticket.number)
        return here

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def have_done(self, tickets: int, **limits: float) -> list[Lost]:
        queue = Queue(
            submit=self.submit,
            arrived=self.arrived,
            window=int(limits.get("window", 8)),
            deadline=limits.get("deadline", 30.0),
            tries=int(limits.get("tries", 3)),
            poll=0.1,
            clock=lambda: self.now,
            sleep=self.sleep,
        )
        given = [Ticket(n, Input(f"/{n}", str(n)), "", "", f"{n}.json") for n in range(tickets)]
        self.told: list[tuple[int, int]] = []
        return list(queue.run(given, lambda *told: self.told.append(told)))


def test_each_ticket_is_given_away_once_and_never_more_than_the_window() -> None:
    workers = Workers(lambda *_: 1.0, workers=2)
    assert workers.have_done(50) == []
    assert workers.given == list(range(50))
    assert workers.most_away <= 8
    assert workers.told[-1] == (50, 0)
    assert 25.0 <= workers.now < 30.0


def test_a_ticket_that_waits_for_its_turn_is_not_lost() -> None:
    # The last of the window waits far longer than the deadline.
    workers = Workers(lambda *_: 20.0)
    assert workers.have_done(8, deadline=30.0) == []
    assert workers.given == list(range(8))


def test_a_ticket_that_others_have_overtaken_is_given_away_again() -> None:
    lost_once = lambda _, number, attempt: None if (number, attempt) == (3, 1) else 1.0  # noqa: E731
    workers = Workers(lost_once)
    assert workers.have_done(20) == []
    assert sorted(workers.given) == sorted([*range(20), 3])
    assert workers.told[-1] == (20, 1)


def test_where_nothing_comes_back_all_are_given_away_again() -> None:
    # As after a restart of a broker that keeps nothing.
    workers = Workers(lambda w, *_: None if w.now < 1.0 else 1.0)
    assert workers.have_done(4) == []
    assert workers.given.count(0) == 2


def test_what_is_lost_each_time_is_given_up_with_its_tries() -> None:
    workers = Workers(lambda _, number, __: None if number == 2 else 1.0)
    lost = workers.have_done(10, tries=3)
    assert [(one.ticket.number, one.tries) for one in lost] == [(2, 3)]
    assert 90.0 < lost[0].seconds < 120.0
    assert workers.given.count(2) == 3
    assert workers.told[-1][0] == 10


def test_a_result_that_comes_late_and_twice_counts_once() -> None:
    workers = Workers(lambda _, number, attempt: 45.0 if (number, attempt) == (0, 1) else 1.0, 2)
    assert workers.have_done(10, deadline=20.0) == []
    assert workers.given.count(0) == 2
    assert workers.told[-1][0] == 10
