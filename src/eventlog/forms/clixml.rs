//! Events as PowerShell's objects: `Get-WinEvent … | Export-Clixml` ([MS-PSRP] 2.2.5).

use super::super::EventRecord;
use super::elements::{Elements, Found};
use super::json::{guid, time_of_text};
use super::sink::Sink;
use super::tree::{self, Element};
use crate::base::HostTime;
use std::fmt::Write as _;
use std::io::{self, BufRead};

/// Reads all records.
pub(super) fn read(text: &mut dyn BufRead, sink: &mut Sink<'_>) -> io::Result<()> {
    let mut elements = Elements::new(text, "Obj", true);
    let mut cut = 0_u64;
    while let Some(found) = elements.next()? {
        match found {
            Found::Element { at, text } => {
                sink.stand_at(at.line);
                match event(text, sink) {
                    Ok(whole) => cut += u64::from(!whole),
                    Err(why) => {
                        let message = format!("an object that is no event: {why}");
                        sink.unreadable(at.offset, message);
                    }
                }
            }
            Found::Broken { at, length } => {
                sink.unreadable(at.offset, format!("{length} bytes that are no whole object"));
            }
        }
    }
    if cut > 0 {
        sink.whole_file(format!(
            "{cut} wanted records came without their values: export with `Export-Clixml -Depth 3`, or better the log itself with `wevtutil epl <channel> file.evtx`"
        ));
    }
    Ok(())
}

/// Takes one event; false when its values were not exported.
fn event(text: &[u8], sink: &mut Sink<'_>) -> Result<bool, String> {
    let object = tree::parse(text, |_| false)?;
    let text = |name: &str| property(&object, name).map(shown).filter(|text| !text.is_empty());
    let number = text("RecordId").and_then(|number| number.parse().ok());
    let head = || {
        Some(EventRecord {
            provider: text("ProviderName")?,
            id: text("Id")?.parse().ok()?,
            time: HostTime(time_of_text(&text("TimeCreated")?)?),
            record_id: number.unwrap_or_default(),
            channel: text("LogName").unwrap_or_default().into(),
            host: text("MachineName").unwrap_or_default().into(),
            activity: text("ActivityId").and_then(|activity| guid(&activity)),
            process_id: text("ProcessId").and_then(|pid| pid.parse().ok()),
            fields: Vec::new(),
        })
    };
    let mut record = head().ok_or("no ProviderName, Id or TimeCreated")?;
    let wanted = sink.wanted(&record.provider, record.id).is_some();
    let values = property(&object, "Properties").and_then(values);
    let whole = values.is_some() || !wanted;
    record.fields = sink.named(&record.provider, record.id, values.unwrap_or_default());
    sink.record(record);
    Ok(whole)
}

/// A property of an object: adapted or extended, or the object's own.
fn property<'e>(object: &'e Element, name: &str) -> Option<&'e Element> {
    let parts = object.children.iter().filter(|part| matches!(part.name.as_str(), "Props" | "MS"));
    let mut all = parts.flat_map(|part| &part.children);
    all.find(|property| property.attribute("N").is_some_and(|known| unescaped(known) == name))
}

/// The values of a list of properties; `None` where PowerShell wrote their type
/// instead, because the export did not go deep enough.
fn values(list: &Element) -> Option<Vec<String>> {
    let list = ["LST", "IE", "STK", "QUE"].iter().find_map(|name| list.child(name))?;
    let value = |item: &Element| match item.name.as_str() {
        "Obj" => Some(property(item, "Value").map(shown).unwrap_or_default()),
        _ => None,
    };
    list.children.iter().map(value).collect()
}

/// A value as text, spelled as in a log where the type tells how.
fn shown(value: &Element) -> String {
    match value.name.as_str() {
        // SIDs and the like are objects; their text is what the log has.
        "Obj" => value.child("ToString").map(|text| unescaped(&text.text)).unwrap_or_default(),
        "G" => format!("{{{}}}", value.text.trim().to_ascii_lowercase()),
        "BA" => base64(value.text.trim()).map(|bytes| hex_upper(&bytes)).unwrap_or_default(),
        "S" | "C" | "URI" | "Version" | "XD" | "SBK" => unescaped(&value.text),
        _ => value.text.trim().to_owned(),
    }
}

fn hex_upper(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02X}");
        text
    })
}

/// `_x000A_` is a line feed, `_x005F_` an underscore: UTF-16 units in hex.
fn unescaped(text: &str) -> String {
    if !text.contains("_x") {
        return text.to_owned();
    }
    let mut units: Vec<u16> = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let unit = rest
            .strip_prefix("_x")
            .and_then(|after| Some((after.get(..4)?, after.get(4..)?.strip_prefix('_')?)))
            .filter(|(digits, _)| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .and_then(|(digits, after)| Some((u16::from_str_radix(digits, 16).ok()?, after)));
        if let Some((unit, after)) = unit {
            units.push(unit);
            rest = after;
        } else {
            units.extend(first.encode_utf16(&mut [0; 2]).iter());
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
        }
    }
    String::from_utf16_lossy(&units)
}

/// [RFC 4648] section 4; `None` where the text is none.
fn base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut word, mut bits) = (0_u32, 0);
    for digit in text.bytes().filter(|byte| !byte.is_ascii_whitespace() && *byte != b'=') {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        word = (word << 6 | u32::from(value)) & 0xffff;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(word >> bits & 0xff).ok()?);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_utf_16_units() {
        assert_eq!(unescaped("a_x000A_b_x005F_x_xD83D__xDE00_ _x12_ü"), "a\nb_x😀 _x12_ü");
    }

    #[test]
    fn base64_is_read() {
        assert_eq!(
            base64("AAAAALUAANA=").map(|b| hex_upper(&b)).as_deref(),
            Some("00000000B50000D0")
        );
        assert_eq!(base64("?"), None);
    }

    #[test]
    fn values_are_spelled_as_in_logs() {
        let check = |xml: &str, expect: &str| {
            assert_eq!(shown(&tree::parse(xml.as_bytes(), |_| false).unwrap()), expect, "{xml}");
        };
        check("<S>a_x0009_b</S>", "a\tb");
        check("<B>true</B>", "true");
        check("<BA>/wA=</BA>", "FF00");
        check(
            "<G>F4208CEC-4DF9-4D54-882A-4C115ABC0000</G>",
            "{f4208cec-4df9-4d54-882a-4c115abc0000}",
        );
        check("<Obj RefId='1'><TN/><ToString>S-1-5-18</ToString></Obj>", "S-1-5-18");
        check("<Nil/>", "");
    }
}
