#!/usr/bin/env python3
"""Holds exported Sigma rules against pySigma, and against records that another reader decodes.

    rdp-triage explain --sigma rules/
    python3 check.py rules/
    python3 check.py rules/ --samples ../../samples --program ../../target/debug/rdp-triage \
        --knowledge ../../src/knowledge/data

1. pySigma loads every rule, and all of its validators find nothing to say.
2. The service of a log source means the channel that the rule names.
3. Every rule becomes a query of SQLite, with and without pySigma's log sources.
4. With --samples: the records of the samples' event logs, decoded by the evtx package, are put
   into a table, and the queries are run. Both forms of a query find the same.
5. With --knowledge: on every one of these records fire the rules of the rows that the record
   meets, as the knowledge files say, and no others.
6. With --program: whatever record `rdp-triage analyze` cites for a cause, by a row that is
   exported, the rule of that row finds too; and no rule that names a reason finds anything in
   the healthy sample.
"""

import argparse
import json
import re
import sqlite3
import subprocess
import sys
import tomllib
from collections import Counter, defaultdict
from pathlib import Path

from sigma.backends.sqlite import sqliteBackend
from sigma.collection import SigmaCollection
from sigma.pipelines.common import generate_windows_logsource_items, windows_logsource_mapping
from sigma.processing.pipeline import ProcessingPipeline
from sigma.validation import SigmaValidator
from sigma.validators.core import validators

# Validators of pySigma that are not run, each with its reason. All others are.
EXCLUDED: dict[str, str] = {}

# A case in which the connection worked.
HEALTHY = "no-fault-found"

failures: list[str] = []


def check(holds: bool, what: str) -> None:
    if not holds:
        failures.append(what)


def load(folder: Path) -> list:
    collection = SigmaCollection.load_ruleset([str(folder)], collect_errors=True)
    for rule in collection.rules:
        check(not rule.errors, f"{rule.source}: {rule.errors}")
    chosen = [validator for name, validator in validators.items() if name not in EXCLUDED]
    issues = SigmaValidator(chosen).validate_rules(collection)
    for issue in issues:
        failures.append(f"pySigma: {issue}")
    print(f"{len(collection.rules)} rules, {len(chosen)} validators, {len(issues)} issues")
    for name, why in EXCLUDED.items():
        print(f"not run: {name}: {why}")
    return collection.rules


def selection(rule) -> dict:
    """What the rule's selection asks of the head of a record."""
    items = rule.detection.detections["selection"].detection_items
    return {item.field: [str(value) for value in item.value] for item in items}


def check_logsource(rule) -> None:
    service = rule.logsource.service
    if service is None:
        return
    channels = windows_logsource_mapping.get(service)
    channels = channels if isinstance(channels, list) else [channels]
    wanted = selection(rule).get("Channel", [])
    check(wanted and wanted[0] in channels, f"{rule.title}: {service} is {channels}, not {wanted}")


def queries(rules: list) -> dict:
    """Per rule: its query, and the one with the channel of its log source added."""
    pipeline = ProcessingPipeline(items=generate_windows_logsource_items("Channel", "{source}"))
    backends = [sqliteBackend(), sqliteBackend(processing_pipeline=pipeline)]
    made = {}
    for rule in rules:
        texts = []
        for backend in backends:
            # A pipeline changes the rule that it is given.
            fresh = SigmaCollection.from_dicts([rule.to_dict()])
            texts.append(backend.convert(fresh)[0])
        made[str(rule.id)] = texts
    return made


def flat(event: dict) -> dict:
    """A record as the fields that Sigma speaks of."""
    system = event["Event"]["System"]
    event_id = system["EventID"]
    row = {
        "Channel": system.get("Channel"),
        "Provider_Name": system["Provider"]["#attributes"]["Name"],
        "EventID": event_id["#text"] if isinstance(event_id, dict) else event_id,
    }
    data = event["Event"].get("EventData") or {}
    for inner in (event["Event"].get("UserData") or {}).values():
        if isinstance(inner, dict):
            data = {**data, **inner}
    for name, value in data.items():
        if not isinstance(value, (dict, list)) and value is not None:
            row.setdefault(name, value)
    return row


def records(samples: Path):
    from evtx import PyEvtxParser

    for path in sorted(samples.rglob("*.evtx")):
        sample = path.relative_to(samples).parts[0]
        name = path.relative_to(samples / sample).as_posix()
        for record in PyEvtxParser(str(path)).records_json():
            yield sample, name, record["event_record_id"], flat(json.loads(record["data"]))


def number(text: str) -> int | None:
    """A number in decimal or with 0x, as the diagnosis reads it."""
    try:
        return int(text.strip(), 16 if text.strip().lower().startswith("0x") else 10)
    except ValueError:
        return None


def holds(row: dict, field: str, wanted) -> bool:
    """Whether a record's field has one of the wanted values."""
    value = row.get(field)
    if value is None:
        return False
    value = str(value).strip()
    for one in wanted if isinstance(wanted, list) else [wanted]:
        same_number = number(one) is not None and number(one) == number(value)
        if same_number or one.strip().lower() == value.lower():
            return True
    return False


def limits_hold(row: dict, evidence: dict) -> bool:
    low = all(float(row.get(field, "nan")) >= v for field, v in evidence.get("min", {}).items())
    high = all(float(row.get(field, "nan")) <= v for field, v in evidence.get("max", {}).items())
    return low and high


class Knowledge:
    """The rows of the knowledge that single records can meet, read from its files."""

    def __init__(self, folder: Path) -> None:
        self.providers = {}
        for path in sorted((folder / "events").glob("*.toml")):
            provider = tomllib.loads(path.read_text(encoding="utf-8"))
            for name in [provider["provider"], *provider.get("also_known_as", [])]:
                self.providers[name] = provider
        self.rows = defaultdict(list)
        for path in sorted((folder / "causes").glob("*.toml")):
            cause = tomllib.loads(path.read_text(encoding="utf-8"))
            for evidence in cause.get("support", []):
                facts = evidence["fact"]
                for fact in facts if isinstance(facts, list) else [facts]:
                    if not evidence.get("absent"):
                        self.rows[fact].append((cause["id"], evidence))

    def met(self, row: dict) -> set:
        """The rows that a record meets, as event, cause and sentence."""
        provider = self.providers.get(row["Provider_Name"])
        events = provider["event"] if provider else []
        event = next((event for event in events if str(event["id"]) == str(row["EventID"])), None)
        if event is None:
            return set()
        kind = f"event.{provider['slug']}.{event['id']}"
        found = set()
        for cause, evidence in self.rows[kind]:
            parts = [evidence.get(part, {}) for part in ("where", "unless", "min", "max")]
            if any(field not in event.get("fields", []) for part in parts for field in part):
                continue
            where, unless = parts[0], parts[1]
            if (
                all(holds(row, field, wanted) for field, wanted in where.items())
                and not any(holds(row, field, wanted) for field, wanted in unless.items())
                and limits_hold(row, evidence)
            ):
                found.add((kind, cause, evidence["says"]))
        return found


def check_rows(rules: list, fired: dict, folder: Path, samples: Path) -> None:
    """Whether exactly the rules of the rows that a record meets fire on it."""
    knowledge = Knowledge(folder)
    says = {}
    for rule in rules:
        own = rule.custom_attributes["rdp_triage"]
        says[str(rule.id)] = {(own["event"], row["id"], row["says"]) for row in own["causes"]}
    meetings = 0
    for sample, name, record, row in records(samples):
        expected = knowledge.met(row)
        found = set().union(*(says[rule] for rule in fired.get((sample, name, record), set())))
        meetings += len(expected)
        check(
            expected == found,
            f"{sample}/{name} record {record}: met but not found {sorted(expected - found)}, "
            f"found but not met {sorted(found - expected)}",
        )
    print(f"{meetings} times a record meets a row, and its rule finds it")
    check(meetings > 0, "no record meets any row: nothing was compared")


def table(rules: list, samples: Path) -> sqlite3.Connection:
    fields = {item for rule in rules for item in fields_of(rule)}
    fields |= {"Channel", "Provider_Name", "EventID"}
    columns = {name.lower(): name for name in sorted(fields)}
    base = sqlite3.connect(":memory:")
    # Sigma compares without case; logs hold texts.
    shown = ", ".join(f'"{name}" TEXT COLLATE NOCASE' for name in columns.values())
    base.execute(f"CREATE TABLE logs (rdp_sample TEXT, rdp_file TEXT, rdp_record INTEGER, {shown})")
    count = 0
    for sample, name, number, row in records(samples):
        known = {columns[k.lower()]: str(v) for k, v in row.items() if k.lower() in columns}
        names = ", ".join(f'"{name}"' for name in known)
        marks = ", ".join("?" for _ in range(len(known) + 3))
        base.execute(
            f"INSERT INTO logs (rdp_sample, rdp_file, rdp_record, {names}) VALUES ({marks})",
            [sample, name, number, *known.values()],
        )
        count += 1
    print(f"{count} records of {samples}")
    check(count > 0, "no records: nothing was evaluated")
    return base


def fields_of(rule) -> set:
    found = set()
    for detection in rule.detection.detections.values():
        found |= {item.field for item in detection.detection_items}
    return found


def fire(base: sqlite3.Connection, made: dict) -> dict:
    """Which rules find which record."""
    fired = defaultdict(set)
    for rule, texts in made.items():
        found = [
            {(row[0], row[1], row[2]) for row in base.execute(text).fetchall()} for text in texts
        ]
        check(found[0] == found[1], f"{rule}: another result with the channel of its log source")
        for record in found[0]:
            fired[record].add(rule)
    return fired


def template(says: str) -> re.Pattern:
    """What a filled-in sentence looks like."""
    parts = re.split(r"\{[^}]*\}", says)
    return re.compile(".*".join(re.escape(part) for part in parts), re.DOTALL)


def cited(program: Path, sample: Path):
    """Cause, statement, file and record of all evidence that a report cites from a log."""
    command = [str(program), "analyze", str(sample), "--format", "json", "--no-progress", "--quiet"]
    report = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    for diagnosis in report["diagnoses"]:
        for evidence in diagnosis["evidence"]:
            source = evidence["source"]
            if source and source.get("record_id") is not None and source["file"].endswith(".evtx"):
                yield diagnosis["cause"], evidence["statement"], source["file"], source["record_id"]


def compare(rules: list, fired: dict, program: Path, samples: Path) -> None:
    """Whether the rules find what the diagnosis cites."""
    exported = defaultdict(list)
    for rule in rules:
        for row in rule.custom_attributes["rdp_triage"]["causes"]:
            exported[row["id"]].append((template(row["says"]), str(rule.id)))
    counts = Counter()
    own = set()
    for sample in sorted(path for path in samples.iterdir() if path.is_dir()):
        for cause, statement, name, record in cited(program, sample):
            if not (sample / name).is_file():
                counts["in an archive"] += 1
                continue
            wanted = {rule for shape, rule in exported[cause] if shape.match(statement)}
            if not wanted:
                counts["by a row that is left out"] += 1
                continue
            found = wanted & fired.get((sample.name, name, record), set())
            counts["found by its rule"] += bool(found)
            what = f"{sample.name}/{name} record {record}: no rule finds it: {statement}"
            check(bool(found), what)
            if found and cause == sample.name:
                own.add(cause)
    shown = ", ".join(f"{number} {what}" for what, number in sorted(counts.items()))
    print(f"records that reports cite: {shown}")
    print(f"{len(own)} samples in which rules of their own cause fire")
    check("tls-no-shared-cipher" in own, "no rule of tls-no-shared-cipher fires on its own sample")


def check_healthy(rules: list, fired: dict) -> None:
    naming = {str(rule.id): rule.title for rule in rules if str(rule.level) == "medium"}
    for (sample, name, record), found in sorted(fired.items()):
        for rule in sorted(found & naming.keys()) if sample == HEALTHY else []:
            failures.append(f"healthy {name} record {record}: {naming[rule]}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rules", type=Path)
    parser.add_argument("--samples", type=Path, help="folder of cases with event logs")
    parser.add_argument("--knowledge", type=Path, help="folder of the knowledge's files")
    parser.add_argument("--program", type=Path, help="rdp-triage, to compare with its reports")
    arguments = parser.parse_args()
    rules = load(arguments.rules)
    for rule in rules:
        check_logsource(rule)
    made = queries(rules)
    if arguments.samples:
        fired = fire(table(rules, arguments.samples), made)
        check_healthy(rules, fired)
        different = {rule for found in fired.values() for rule in found}
        print(f"{len(different)} of {len(rules)} rules fire, on {len(fired)} records")
        if arguments.knowledge:
            check_rows(rules, fired, arguments.knowledge, arguments.samples)
        if arguments.program:
            compare(rules, fired, arguments.program, arguments.samples)
    for failure in failures:
        print(f"FAILED: {failure}", file=sys.stderr)
    print("failed" if failures else "all checks hold")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
