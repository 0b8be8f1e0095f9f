//! One XML element with all it holds.

use quick_xml::Reader;
use quick_xml::escape::{resolve_predefined_entity, unescape};
use quick_xml::events::{BytesStart, Event};

/// Levels of elements that are followed: records of logs have seven, PowerShell's
/// objects about ten.
const MAX_DEPTH: usize = 32;

/// An element. Prefixes of namespaces are left out, and so are their declarations.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) name: String,
    attributes: Vec<(String, String)>,
    pub(super) text: String,
    pub(super) children: Vec<Element>,
}

impl Element {
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    pub(super) fn attributes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.attributes.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The first element of a name inside this one.
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The text, where it is more than blanks.
    pub(super) fn value(&self) -> Option<&str> {
        Some(self.text.as_str()).filter(|text| !text.trim().is_empty())
    }
}

/// The element that a text begins with. `enough` sees each child of it; after one for
/// which it is true the rest is not read.
pub(super) fn parse(
    text: &[u8],
    mut enough: impl FnMut(&Element) -> bool,
) -> Result<Element, String> {
    let text = String::from_utf8_lossy(text);
    let mut reader = Reader::from_str(&text);
    let mut open: Vec<Element> = Vec::new();
    loop {
        let event = reader.read_event().map_err(|error| error.to_string())?;
        let closed = match event {
            Event::Start(start) => {
                if open.len() >= MAX_DEPTH {
                    return Err(format!("more than {MAX_DEPTH} elements in each other"));
                }
                open.push(element(&start)?);
                None
            }
            Event::Empty(start) => Some(element(&start)?),
            Event::End(_) => open.pop(),
            Event::Eof => return Err("it ends too early".to_owned()),
            event => {
                if let Some(inner) = open.last_mut() {
                    add_text(&mut inner.text, &event);
                }
                None
            }
        };
        let Some(closed) = closed else { continue };
        let done = open.len() == 1 && enough(&closed);
        match open.last_mut() {
            Some(outer) => outer.children.push(closed),
            None => return Ok(closed),
        }
        if done {
            return Ok(open.swap_remove(0));
        }
    }
}

fn element(start: &BytesStart<'_>) -> Result<Element, String> {
    let mut element = Element { name: local(start.name().0).to_owned(), ..Element::default() };
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| error.to_string())?;
        let name = attribute.key.0;
        if name == "xmlns" || name.starts_with("xmlns:") {
            continue;
        }
        // An entity that nobody declared stays as it is written.
        let value = unescape(&attribute.value)
            .map_or_else(|_| attribute.value.to_string(), |value| value.into_owned());
        element.attributes.push((local(name).to_owned(), value));
    }
    Ok(element)
}

fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

fn add_text(text: &mut String, event: &Event<'_>) {
    match event {
        Event::Text(part) => text.push_str(&part.xml10_content()),
        Event::CData(part) => text.push_str(&part.xml10_content()),
        Event::GeneralRef(reference) => match reference.resolve_char_ref() {
            Ok(Some(character)) => text.push(character),
            // A character that XML does not allow, such as NUL.
            Err(_) => text.push(char::REPLACEMENT_CHARACTER),
            Ok(None) => match resolve_predefined_entity(reference) {
                Some(known) => text.push_str(known),
                None => text.extend(["&", reference, ";"]),
            },
        },
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entities_prefixes_and_raw_text_are_read() {
        let text = "<e:A xmlns:e='u' e:b='&lt;&#65;&x;'>1 &amp; &#x42;<!-- no --><![CDATA[<3]]>&y;<C/></e:A>";
        let element = parse(text.as_bytes(), |_| false).unwrap();
        assert_eq!(element.name, "A");
        assert_eq!(element.text, "1 & B<3&y;");
        assert_eq!(element.attributes, [("b".to_owned(), "&lt;&#65;&x;".to_owned())]);
        assert_eq!(parse(b"<a b='&lt;'/>", |_| false).unwrap().attribute("b"), Some("<"));
        assert_eq!(element.children.len(), 1);
    }

    #[test]
    fn what_is_enough_is_not_read_on() {
        let element = parse(b"<A><B/><C></A>", |child| child.name == "B").unwrap();
        assert_eq!(element.children.len(), 1);
        for broken in ["<A><B></A>", "<A>", "", "<A b=>", &"<A>".repeat(40)] {
            assert!(parse(broken.as_bytes(), |_| false).is_err(), "{broken}");
        }
    }
}
