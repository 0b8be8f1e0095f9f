//! Which exported form of events a text is, told from how it begins.

use super::FileKind;

/// Whether the bytes look like UTF-16 without a mark: ASCII with zeros between.
pub(super) fn is_utf16(head: &[u8]) -> bool {
    let (pairs, _) = head.as_chunks::<2>();
    pairs.len() >= 8
        && (pairs.iter().all(|pair| matches!(pair, [1..=0xff, 0]))
            || pairs.iter().all(|pair| matches!(pair, [0, 1..=0xff])))
}

/// The form of a text that holds events; `None` for any other text.
pub(super) fn sniff(head: &[u8]) -> Option<FileKind> {
    let text = ascii(head);
    let text = text.trim_start();
    // evtx_dump writes a line before each record.
    let body = text
        .strip_prefix("Record ")
        .map_or(text, |rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start());
    if body.starts_with('<') {
        return xml(body);
    }
    if body.starts_with(['{', '[']) {
        return JSON_KEYS.iter().any(|key| body.contains(key)).then_some(FileKind::EventJson);
    }
    csv(body)
}

/// The head as ASCII: marks and the zeros of UTF-16 left out, other characters replaced.
fn ascii(head: &[u8]) -> String {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let bytes = head.iter().filter(|byte| !matches!(byte, 0 | 0xfe | 0xff));
    bytes.map(|byte| if byte.is_ascii() { char::from(*byte) } else { '?' }).collect()
}

fn xml(body: &str) -> Option<FileKind> {
    if body.contains("<Objs") {
        return Some(FileKind::EventCliXml);
    }
    let element = |name: &str| {
        body.split(name).skip(1).any(|rest| rest.starts_with([' ', '>', '\r', '\n', '\t']))
    };
    // With a prefix, only the namespace tells that these events are Windows's.
    let prefixed = (element(":Event") || element(":Events"))
        && body.contains("schemas.microsoft.com/win/2004/08/events");
    (element("<Event") || element("<Events") || prefixed).then_some(FileKind::EventXml)
}

/// Keys that records of the known tools have early on: evtx_dump, Velociraptor,
/// EvtxECmd, hayabusa, Winlogbeat, `Get-WinEvent | ConvertTo-Json`.
const JSON_KEYS: [&str; 9] = [
    "\"Event\"",
    "\"System\"",
    "\"EventID\"",
    "\"EventId\"",
    "\"EventRecordId\"",
    "\"EventTime\"",
    "\"winlog\"",
    "\"RuleTitle\"",
    "\"ProviderName\"",
];

fn csv(body: &str) -> Option<FileKind> {
    let mut lines = body.lines();
    let head = lines.next()?.replace('"', "");
    let has = |name: &str| head.split([',', '\t', ';']).any(|column| column.trim() == name);
    if (has("EventId") || has("EventID")) && has("Channel") && has("Computer") {
        return Some(FileKind::EventCsv);
    }
    // Event Viewer: level, time, source, event id, task category, in any language.
    let row = lines.next()?;
    let count = |separator: &char| row.matches(*separator).count();
    let separator = [';', '\t', ','].into_iter().max_by_key(count).unwrap_or(',');
    let fields: Vec<&str> = row.split(separator).map(|field| field.trim_matches('"')).collect();
    let time = fields.get(1)?;
    let dated = time.chars().filter(char::is_ascii_digit).count() >= 8 && time.contains(':');
    let numbered = fields.get(3)?.parse::<u16>().is_ok();
    (dated && numbered && fields.len() >= 5).then_some(FileKind::EventText)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: Option<FileKind>) {
        assert_eq!(sniff(text.as_bytes()), expect, "{text}");
        let utf16: Vec<u8> =
            format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(sniff(&utf16), expect, "{text} in UTF-16");
        assert_eq!(super::super::sniff(&utf16), expect.unwrap_or(FileKind::Text));
    }

    #[test]
    fn forms_are_told_from_how_they_begin() {
        check("<?xml version=\"1.0\"?>\r\n<Events><Event xmlns='x'>", Some(FileKind::EventXml));
        check("<Event xmlns=\"x\"><System>", Some(FileKind::EventXml));
        check("Record 1\n<?xml version=\"1.0\"?>\n<Event>", Some(FileKind::EventXml));
        check("<Objs Version=\"1.1.0.1\" xmlns=", Some(FileKind::EventCliXml));
        check("{\"Event\":{\"#attributes\"", Some(FileKind::EventJson));
        check("Record 12\n{\n  \"Event\": {", Some(FileKind::EventJson));
        check("[{\"Timestamp\":\"x\",\"RuleTitle\":\"y\"", Some(FileKind::EventJson));
        check(
            "RecordNumber,EventRecordId,TimeCreated,EventId,Level,Provider,Channel,ProcessId,ThreadId,Computer,ChunkNumber",
            Some(FileKind::EventCsv),
        );
        check(
            "\"Timestamp\",\"RuleTitle\",\"Level\",\"Computer\",\"Channel\",\"EventID\",\"RecordID\"",
            Some(FileKind::EventCsv),
        );
        check(
            "Ebene,Datum und Uhrzeit,Quelle,Ereignis-ID,Aufgabenkategorie\r\nFehler,03.06.2025 10:15:01,Schannel,36874,Keine,\"Text\"",
            Some(FileKind::EventText),
        );
        check(
            "<e:Events xmlns:e='http://schemas.microsoft.com/win/2004/08/events/event'><e:Event>",
            Some(FileKind::EventXml),
        );
        check(
            "Level;Date;Source;Event ID;Task\n\"Error\";\"2025-06-03 08:15:01\";Schannel;36874;None",
            Some(FileKind::EventText),
        );
        check("Error code: 0x904", None);
        check("<html><body>Eventful</body></html>", None);
        check("{\"a\": 1}", None);
    }
}
