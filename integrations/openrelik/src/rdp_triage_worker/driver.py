"""``rdp_triage_driver``: gives tickets to workers, sees that none is lost, and adds up."""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from kombu.exceptions import OperationalError

from .options import Options
from .queue import Lost, Queue, Ticket
from .results import Store, file_name, finished, not_analysed, parse
from .settings import Settings
from .tickets import Input, UnreadableError, clean, digest, listed
from .triage import JSON, PAGE, TIMELINE, Expected, answerer, key, refuse_question, version

_FORMATS = ("table", "json", "markdown", "html")

# Between two looks at the results, and two lines on the terminal.
_POLL_SECONDS, _POLL_REMOTE_SECONDS, _TELL_SECONDS = 0.02, 1.0, 2.0

# The list of tickets among the results.
_LIST = "tickets.tsv"

_EPILOG = """\
examples:
  rdp_triage_driver tickets/ --output results/
  rdp_triage_driver s3://desk/tickets --output s3://desk/results --format json > summary.json
  rdp_triage_driver tickets/ --output results/ --format html > summary.html

Interrupted, it goes on where it was when it is called again: what is in the results is not
asked again, except tickets that were not analysed to their end.

exit status: that of `rdp-triage batch`: 0 all tickets were run, 2 wrong usage or nothing to
be done, 3 no ticket had evidence; 130 interrupted
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; give its exit status."""
    options = _parser().parse_args(arguments)
    try:
        return Driver(options).run()
    except KeyboardInterrupt:
        _say("stopped; the same command goes on from here")
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OperationalError as error:
        _say(f"the broker is gone ({error}); the same command goes on from here")
        return 2
    except (UnreadableError, ValueError, OSError) as error:
        _say(str(error))
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="rdp_triage_driver",
        description="Give tickets to workers, wait for all, and print the summary that "
        "`rdp-triage batch` prints.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("sources", nargs="+", metavar="SOURCE", help="folder or URL: each direct child is a ticket")
    add("--output", required=True, metavar="PLACE", help="folder or URL for the results")
    add("--format", choices=_FORMATS, default="table", help="how the summary is written")
    add("--broker", metavar="URL", help="broker of the workers; REDIS_URL by default")
    add("--window", type=_count, default=64, help="tickets with the workers at a time (64)")
    add(
        "--deadline",
        type=_seconds,
        metavar="SECONDS",
        help="a ticket is lost when its turn was so long ago (what a worker may take, and 30)",
    )
    add("--tries", type=_count, default=3, help="times that a lost ticket is given away (3)")
    add("--error", default="", metavar="CODE", help="code that the user saw, such as 0x904")
    add("--extended", default="", metavar="CODE", help="second code of the same dialog")
    add("--html", action="store_true", help="write each report as a page too")
    add("--timesketch", action="store_true", help="write each timeline as JSONL too")
    add("--quiet", action="store_true", help="no progress")
    return parser


def _count(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 100_000:
        raise argparse.ArgumentTypeError("not a number from 1 to 100000")
    return number


def _seconds(text: str) -> float:
    number = float(text)
    if not 0 < number < 1e8:
        raise argparse.ArgumentTypeError("not a number of seconds above 0")
    return number


def _say(text: str) -> None:
    print(f"rdp_triage_driver: {_cell(text)}", file=sys.stderr, flush=True)


class Driver:
    """One run of the command."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        """Read what was asked; raises ``UnreadableError`` where the program cannot be run."""
        self.arguments = arguments
        self.settings = Settings.from_environment()
        self.options = Options(
            html=arguments.html,
            timesketch=arguments.timesketch,
            error=arguments.error,
            extended=arguments.extended,
        )
        self.version = version(self.settings.binary)
        refuse_question(self.settings.binary, self.options)
        self.answerer = answerer(self.settings, self.version)
        self.output = _absolute(arguments.output)
        self.store = Store(self.output)
        self.send = _sender(arguments.broker)
        self.began = time.monotonic()
        #: In the order in which they were found.
        self.tickets: list[Ticket] = []
        #: Those among them whose results were there.
        self.kept = 0
        #: How often one was given away again.
        self.again = 0

    def run(self) -> int:
        """Have all tickets analysed and print the summary; give the exit status."""
        found = listed(map(_absolute, self.arguments.sources), self.output)
        if not found:
            raise UnreadableError("no tickets in " + ", ".join(self.arguments.sources))
        deadline = self._deadline()
        with self._alone():
            self.store.clear_unfinished()
            queue = Queue(
                submit=self._submit,
                arrived=lambda ticket: self.store.has(ticket.file),
                window=self.arguments.window,
                deadline=deadline,
                tries=self.arguments.tries,
                poll=_POLL_SECONDS if self.store.is_local else _POLL_REMOTE_SECONDS,
            )
            for lost in queue.run(self._to_be_done(found), self._teller(len(found))):
                self._write_off(lost)
            self._list()
        self._say_rate()
        return self._merge()

    def _deadline(self) -> float:
        longest = self.settings.max_time + self.settings.grace
        given: float | None = self.arguments.deadline
        if given is not None and given < longest:
            _say(f"a ticket may take {longest:g} seconds, and is given away again after {given:g}")
        return given or longest + 30.0

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other drivers on this machine away from the results."""
        if not self.store.is_local:
            yield
            return
        with Path(self.store.path(".rdp-triage-driver.lock")).open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise UnreadableError(f"{self.output}: another driver is at it") from error
            yield

    def _to_be_done(self, found: Iterable[Input]) -> Iterator[Ticket]:
        for number, part in enumerate(found):
            try:
                content = digest([part])
            except UnreadableError as error:
                # The worker will say so too, in the ticket's result.
                content = str(error)
            whole = key(Expected(content, self.answerer), part.name, self.options)
            ticket = Ticket(number, part, content, whole, file_name(whole, JSON))
            self.tickets.append(ticket)
            if self._is_done(ticket):
                self.kept += 1
            else:
                yield ticket

    def _is_done(self, ticket: Ticket) -> bool:
        if finished(self.store.read(ticket.file)) is not None:
            return True
        # Whatever appears there from now on is new.
        self.store.remove(ticket.file)
        return False

    def _submit(self, ticket: Ticket) -> None:
        part = ticket.input
        about = {
            "path": part.path,
            "display_name": part.name,
            "content": ticket.content,
            "answerer": self.answerer,
        }
        self.send(
            kwargs={
                "input_files": [about],
                "output_path": self.output,
                "task_config": self.options.task_config(),
            }
        )

    def _write_off(self, lost: Lost) -> None:
        ticket = lost.ticket
        if self.store.has(ticket.file):
            return
        why = f"no worker gave a result, {lost.tries} times within {lost.seconds:.0f} seconds"
        self.store.put(ticket.file, _line(self._not_analysed(ticket, why)))

    def _not_analysed(self, ticket: Ticket, why: str) -> dict[str, Any]:
        return not_analysed(ticket.input.name, [clean(ticket.input.path)], why, self.version)

    def _list(self) -> None:
        """Say which result is of which ticket, and take away what was known of it before."""
        rows = {_cell(ticket.input.name): (ticket.file, ticket.key) for ticket in self.tickets}
        listed_before = (self.store.read(_LIST) or b"").decode("utf-8", "replace")
        for line in listed_before.splitlines()[1:]:
            name, file, whole = [*line.split("\t"), "", ""][:3]
            if rows.setdefault(name, (file, whole)) == (file, whole):
                continue
            for ending in (JSON, PAGE, TIMELINE):
                self.store.remove(file_name(whole, ending))
        lines = (f"{name}\t{file}\t{whole}\n" for name, (file, whole) in rows.items())
        self.store.put(_LIST, ("ticket\tresult\tkey\n" + "".join(lines)).encode())

    def _teller(self, tickets: int) -> Callable[[int, int], None]:
        told = time.monotonic()

        def tell(done: int, again: int) -> None:
            nonlocal told
            self.again = again
            if self.arguments.quiet or time.monotonic() - told < _TELL_SECONDS:
                return
            told = time.monotonic()
            _say(f"{self.kept + done} of {tickets} tickets{_given_again(again)}")

        return tell

    def _say_rate(self) -> None:
        if not self.arguments.quiet:
            took, tickets = time.monotonic() - self.began, len(self.tickets)
            known = f" ({self.kept} by their results)" if self.kept else ""
            rate = f"{tickets / took:.0f} a second{_given_again(self.again)}"
            _say(f"{tickets} tickets{known} in {took:.1f} s, {rate}")

    def _merge(self) -> int:
        """Have the program add up the results, which it reads one behind the other."""
        command = [self.settings.binary, "batch", "--merge", "-", "--quiet"]
        command.append(f"--format={self.arguments.format}")
        sys.stdout.flush()
        with subprocess.Popen(command, stdin=subprocess.PIPE) as merge:
            assert merge.stdin is not None
            try:
                for ticket in self.tickets:
                    merge.stdin.write(self._result(ticket))
            except BrokenPipeError:
                pass  # It says itself why it ended.
            finally:
                with contextlib.suppress(BrokenPipeError):
                    merge.stdin.close()
        return merge.returncode

    def _result(self, ticket: Ticket) -> bytes:
        content = self.store.read(ticket.file)
        if content is None or parse(content) is None:
            return _line(self._not_analysed(ticket, "its result was lost"))
        return content.rstrip() + b"\n"


def _given_again(times: int) -> str:
    return f", {times} given away again" if times else ""


def _sender(broker: str | None) -> Callable[..., object]:
    """Make what gives a task to the workers.

    Raises ``UnreadableError`` where the broker does not answer.
    """
    if broker:
        # The application takes its broker from the environment, when it is loaded.
        os.environ["REDIS_URL"] = broker
    from .app import celery
    from .tasks import TASK_NAME

    try:
        with celery.connection_for_write() as connection:
            # Without the password.
            where = connection.as_uri()
            connection.ensure_connection(max_retries=1, interval_start=0.5)
    except OperationalError as error:
        raise UnreadableError(
            f"no broker at {where} (--broker or REDIS_URL names it): {error}"
        ) from error
    except Exception as error:
        # What is wrong with it may quote it.
        raise UnreadableError(
            "the broker's URL cannot be used (--broker or REDIS_URL names it): it begins with "
            "redis://, and signs such as / and @ in a password are written as %2F and %40"
        ) from error
    # The results are what counts: nobody reads the answer. A broker that is started anew is
    # waited for.
    patience = {"max_retries": 40, "interval_start": 0.2, "interval_step": 0.5, "interval_max": 5}
    return partial(celery.send_task, TASK_NAME, ignore_result=True, retry_policy=patience)


def _absolute(place: str) -> str:
    """Give what workers understand, wherever they were started."""
    return place if "://" in place else str(Path(place).absolute())


def _cell(name: str) -> str:
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in name)


def _line(report: dict[str, Any]) -> bytes:
    return json.dumps(report).encode() + b"\n"


if __name__ == "__main__":
    sys.exit(main())
