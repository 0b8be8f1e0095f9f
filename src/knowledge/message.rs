//! One sentence for an event record, filled in from its fields.
//!
//! A message of the catalog is text with `{Field}` in it, or with `{Field|Other}`, the
//! first of several that was given. A part in square brackets is left out when a field directly inside it was not given; brackets nest. A field
//! outside brackets that was not given is told as such. Where the event names a code
//! table for a field, the meaning follows the number.

use super::{Event, Knowledge, Role};
use std::sync::Arc;

/// Characters of one value that a sentence shows: records hold foreign text.
const MAX_VALUE: usize = 120;
/// Brackets in brackets; more is a mistake in a data file.
const MAX_DEPTH: u8 = 3;
const NOT_GIVEN: &str = "(not given)";

/// A piece of a message.
#[derive(Debug, PartialEq)]
pub(super) enum Part<'a> {
    Text(&'a str),
    Field(&'a str),
    Optional(Vec<Part<'a>>),
}

/// Takes a message apart.
pub(super) fn parse(message: &str) -> Result<Vec<Part<'_>>, String> {
    let mut rest = message;
    let parts = parse_until_close(&mut rest, 0)?;
    if rest.is_empty() { Ok(parts) } else { Err(format!("nothing is open before \"{rest}\"")) }
}

fn parse_until_close<'a>(rest: &mut &'a str, depth: u8) -> Result<Vec<Part<'a>>, String> {
    let mut parts = Vec::new();
    loop {
        let end = rest.find(['{', '}', '[', ']']).unwrap_or(rest.len());
        let (text, tail) = rest.split_at_checked(end).unwrap_or((rest, ""));
        if !text.is_empty() {
            parts.push(Part::Text(text));
        }
        *rest = tail;
        if let Some(inner) = tail.strip_prefix('{') {
            let (name, tail) = inner.split_once('}').ok_or("a { is not closed")?;
            parts.push(Part::Field(name));
            *rest = tail;
        } else if let Some(inner) = tail.strip_prefix('[') {
            if depth == MAX_DEPTH {
                return Err(format!("more than {MAX_DEPTH} brackets are nested"));
            }
            *rest = inner;
            parts.push(Part::Optional(parse_until_close(rest, depth + 1)?));
            *rest = rest.strip_prefix(']').ok_or("a [ is not closed")?;
        } else {
            // The end, or a closing character, which is the caller's.
            return Ok(parts);
        }
    }
}

/// The names of all fields in a message.
pub(super) fn fields<'a>(parts: &[Part<'a>]) -> Vec<&'a str> {
    let mut names = Vec::new();
    for part in parts {
        match part {
            Part::Text(_) => {}
            Part::Field(either) => names.extend(either.split('|')),
            Part::Optional(inner) => names.extend(fields(inner)),
        }
    }
    names
}

impl Knowledge {
    /// The sentence of the event behind an observation kind such as
    /// `event.schannel.36874`, with the values of `fields` in it. `None` where the
    /// kind is no event of the catalog, or one without a message. Values are cut to
    /// 120 characters and keep to one line; they are foreign text all the same.
    pub fn sentence(&self, kind: &str, fields: &[(Arc<str>, String)]) -> Option<String> {
        let (_, event) = self.event_by_kind(kind)?;
        let parts = parse(&event.message).ok().filter(|parts| !parts.is_empty())?;
        let mut out = String::new();
        Filler { knowledge: self, event, fields }.fill(&parts, &mut out);
        Some(out)
    }
}

struct Filler<'a> {
    knowledge: &'a Knowledge,
    event: &'a Event,
    fields: &'a [(Arc<str>, String)],
}

impl Filler<'_> {
    /// Writes the parts; whether every field directly among them was given.
    fn fill(&self, parts: &[Part<'_>], out: &mut String) -> bool {
        let mut complete = true;
        for part in parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Field(either) => match either.split('|').find_map(|name| self.value(name)) {
                    Some(value) => out.push_str(&value),
                    None => {
                        complete = false;
                        out.push_str(NOT_GIVEN);
                    }
                },
                Part::Optional(inner) => {
                    let mut text = String::new();
                    if self.fill(inner, &mut text) {
                        out.push_str(&text);
                    }
                }
            }
        }
        complete
    }

    fn value(&self, name: &str) -> Option<String> {
        let (_, value) = self.fields.iter().find(|(field, _)| **field == *name)?;
        let shown = one_line(value);
        let port = matches!(self.event.roles.get(name), Some(Role::ClientPort | Role::ServerPort));
        // Windows writes the port 0 where it knows none.
        if matches!(shown.as_str(), "" | "-") || (port && shown == "0") {
            return None;
        }
        let table = self.event.codes.get(name);
        Some(table.and_then(|table| self.knowledge.spell_out(table, &shown)).unwrap_or(shown))
    }
}

/// The value on one line, cut where it is too long.
fn one_line(value: &str) -> String {
    let mut out = String::new();
    let mut length = 0;
    for word in value.split_whitespace() {
        let space = (length > 0).then_some(' ');
        for c in space.into_iter().chain(word.chars()) {
            if length == MAX_VALUE {
                out.pop();
                out.push('…');
                return out;
            }
            out.push(c);
            length += 1;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(kind: &str, fields: &[(&str, &str)], expect: &str) {
        let knowledge = Knowledge::embedded().unwrap();
        let fields: Vec<(Arc<str>, String)> =
            fields.iter().map(|(name, value)| ((*name).into(), (*value).to_owned())).collect();
        assert_eq!(knowledge.sentence(kind, &fields).as_deref(), Some(expect));
    }

    #[test]
    fn a_refused_logon_is_one_sentence() {
        let all = [
            ("TargetUserName", "a.meyer"),
            ("TargetDomainName", "CORP"),
            ("Status", "0xc000006d"),
            ("FailureReason", "%%2313"),
            ("SubStatus", "0xc000006a"),
            ("LogonType", "3"),
            ("WorkstationName", "CL-0042"),
            ("IpAddress", "10.20.1.42"),
            ("IpPort", "50222"),
        ];
        check(
            "event.security.4625",
            &all,
            "CORP\\a.meyer was refused from 10.20.1.42 port 50222 (workstation CL-0042) with \
             logon type 3 (over the network, as network level authentication does): \
             0xc000006d (STATUS_LOGON_FAILURE: user name or password is wrong), detail \
             0xc000006a (STATUS_WRONG_PASSWORD: the password is wrong).",
        );
    }

    #[test]
    fn what_is_not_given_is_left_out_or_told() {
        let expect = "The user name or password was not right.";
        check("event.rdpcorets.140", &[("IPString", "")], expect);
        check("event.rdpcorets.140", &[("IPString", " - ")], expect);
        check("event.rdpcorets.140", &[], expect);
        check(
            "event.security.4625",
            &[
                ("TargetUserName", "x"),
                ("IpAddress", "10.0.0.5"),
                ("IpPort", "0"),
                ("LogonType", "3"),
            ],
            "x was refused from 10.0.0.5 with logon type 3 (over the network, as network level \
             authentication does): (not given).",
        );
    }

    #[test]
    fn codes_are_spelt_out_in_the_form_of_their_source() {
        check(
            "event.rdpclient.1026",
            &[("Value", "2055")],
            "The client disconnected with the reason 2055 (0x807 SSL_ERR_LOGON_FAILURE: the \
             logon was refused: wrong user name or password).",
        );
        check(
            "event.termdd.56",
            &[("client_address", "10.0.0.5"), ("status", "0xd00000b5")],
            "The security layer dropped the client at 10.0.0.5: 0xd00000b5 \
             (HRESULT_FROM_NT(STATUS_IO_TIMEOUT): an input or output operation timed out).",
        );
        check(
            "event.capi2.11",
            &[("Result", "text of the host"), ("Result.value", "800B0109")],
            "A chain was built: 800B0109 (CERT_E_UNTRUSTEDROOT: the root of the certificate is \
             not trusted).",
        );
        check(
            "event.scm.7023",
            &[("param1", "TermService"), ("param2", "%%126")],
            "The service TermService ended with the error 126 (ERROR_MOD_NOT_FOUND: a library \
             is missing).",
        );
        check(
            "event.rdpcorets.147",
            &[("Error", "0x8007beef")],
            "The logon call failed: 0x8007beef.",
        );
        let packet = [("Direction", "%%14592"), ("Protocol", "6"), ("SourceAddress", "10.0.0.5")];
        check(
            "event.security.5152",
            &packet,
            "Windows dropped an inbound packet of protocol 6 (TCP) from 10.0.0.5 to (not given).",
        );
    }

    #[test]
    fn foreign_text_is_short_and_on_one_line() {
        assert_eq!(one_line("a\r\n  b\tc"), "a b c");
        assert_eq!(one_line(&"x".repeat(120)).chars().count(), 120);
        let cut = one_line(&"ü".repeat(50_000));
        assert_eq!((cut.chars().count(), cut.ends_with("ü…")), (120, true));
        let cut = one_line(&"word ".repeat(50));
        assert!(cut.chars().count() <= 120 && cut.ends_with('…'), "{cut}");
    }

    #[test]
    fn a_value_is_no_template() {
        check("event.rdpcorets.72", &[("MethodName", "{a}[x")], "The server called {a}[x.");
    }

    #[test]
    fn brackets_and_braces_have_to_close() {
        for wrong in ["a {b", "a [b", "a ]b", "a }b", "[[[[x]]]]"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        let parts = parse("a[ b {C}[ d {E}]].").unwrap();
        assert_eq!(fields(&parts), ["C", "E"]);
    }
}
