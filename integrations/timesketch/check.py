"""Feeds timelines through Timesketch's own importer, without a server.

    python3 check.py FILE.jsonl FILE.csv ...

timesketch-import-client reads each file as it would for an upload; what it would send is
looked at instead. Every row must arrive, its time to the microsecond, and nothing may be
logged. Of a .jsonl every value must arrive as it is; of a .csv the importer guesses types
(a port becomes 49777.0), so there numbers are compared as numbers.
"""

import csv
import datetime
import json
import logging
import sys

from timesketch_import_client import importer


class Answer:
    """What a server says of an upload that went well."""

    status_code = 200
    reason = "OK"
    text = ""

    def json(self):
        return {"objects": [{"id": 1, "searchindex": {"index_name": "none"}}], "meta": {}}


class Session:
    """Keeps what would be sent."""

    def __init__(self):
        self.events = []

    def post(self, _url, data=None, files=None):
        if not data["name"]:
            raise SystemExit("the timeline has no name")
        self.events.append(files["events"][1])
        return Answer()


class Api:
    api_root = "none"

    def __init__(self):
        self.session = Session()


class Sketch:
    id = 1

    def __init__(self):
        self.api = Api()


class Complaints(logging.Handler):
    """What the importer says of rows that it cannot read: it only logs them."""

    def __init__(self):
        super().__init__(logging.INFO)
        self.said = []

    def emit(self, record):
        self.said.append(record.getMessage())


def sent(path):
    """The rows that the importer sends for a file, and what it complained of."""
    logger, complaints = logging.getLogger("timesketch_importer.importer"), Complaints()
    logger.setLevel(logging.INFO)
    logger.addHandler(complaints)
    sketch = Sketch()
    try:
        with importer.ImportStreamer() as streamer:
            streamer.set_sketch(sketch)
            streamer.add_file(path)
    finally:
        logger.removeHandler(complaints)
    # The server splits what it gets at line feeds only.
    texts = [text for text in sketch.api.session.events if text.strip()]
    lines = [line for text in texts for line in text.split("\n") if line]
    return [json.loads(line) for line in lines], complaints.said


def written(path):
    """The rows of a file, read without the importer."""
    with open(path, encoding="utf-8", newline="") as file:
        if path.lower().endswith(".csv"):
            return list(csv.DictReader(file))
        return [json.loads(line) for line in file.read().split("\n") if line]


def micros(text):
    """Microseconds since 1970 of an ISO 8601 time."""
    since = datetime.datetime.fromisoformat(text) - datetime.datetime(
        1970, 1, 1, tzinfo=datetime.timezone.utc
    )
    return since // datetime.timedelta(microseconds=1)


def same(name, before, after, guessed):
    """Whether a value arrived; guessed says that the importer guesses its type."""
    if name == "datetime":
        return micros(before) == micros(after)
    if name == "timestamp":
        return int(before) == after and isinstance(after, int)
    if guessed and before == "":
        return after is None
    if guessed and isinstance(after, (int, float)):
        return float(before) == after
    return before == after


def check(path):
    """Why a file does not arrive as it is; nothing where it does."""
    before = written(path)
    after, complaints = sent(path)
    guessed = path.lower().endswith(".csv")
    for said in complaints:
        yield f"the importer says: {said}"
    if len(before) != len(after):
        yield f"{len(before)} rows are written, {len(after)} arrive"
        return
    for number, (row, there) in enumerate(zip(before, after), 1):
        if micros(there["datetime"]) != there["timestamp"]:
            yield f"row {number}: datetime and timestamp differ"
        for name in sorted(set(row) | set(there)):
            if not same(name, row.get(name), there.get(name), guessed):
                yield f"row {number}: {name} {row.get(name)!r} arrives as {there.get(name)!r}"


def main(paths):
    failed = False
    for path in paths:
        for problem in check(path):
            failed = True
            print(f"{path}: {problem}")
        print(f"{path}: {len(written(path))} rows")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
