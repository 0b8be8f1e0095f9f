use super::Event;
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};

/// How a tool that makes timelines of rule hits writes what logs say: names are
/// shortened, codes are replaced by words. All of it is undone by these tables.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timeline {
    /// The tool, lower case.
    pub timeline: String,
    #[serde(default)]
    pub source: String,
    /// What the tool shortens inside names, whatever the case: word to short form.
    #[serde(default)]
    words: BTreeMap<String, String>,
    /// Short names of whole channels.
    #[serde(default)]
    channels: BTreeMap<String, String>,
    /// Short names of whole providers.
    #[serde(default)]
    providers: BTreeMap<String, String>,
    /// Short names of values; the first name behind one that an event has is meant.
    #[serde(default)]
    fields: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    numbered: Numbered,
    /// By field, the words that stand where a log has a code.
    #[serde(default)]
    values: BTreeMap<String, BTreeMap<String, String>>,
    #[serde(skip)]
    channels_by_short: HashMap<String, String>,
    #[serde(skip)]
    providers_by_short: HashMap<String, String>,
}

/// Fields in which a number is followed by ` - ` and its meaning.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Numbered {
    fields: Vec<String>,
}

impl Timeline {
    /// Makes the tables that lead back from short names, with the channels and providers
    /// that are known beside those that have short names of their own.
    pub(super) fn index<'a>(
        &mut self,
        channels: impl Iterator<Item = &'a str>,
        providers: impl Iterator<Item = &'a str>,
    ) {
        self.channels_by_short = self.by_short(channels, &self.channels);
        self.providers_by_short = self.by_short(providers, &self.providers);
    }

    fn by_short<'a>(
        &self,
        full: impl Iterator<Item = &'a str>,
        own: &BTreeMap<String, String>,
    ) -> HashMap<String, String> {
        let shortened = full.map(|name| (self.shorten(name), name.to_owned()));
        // Names of their own are shortened too, as `GroupPolicy` is to `GrpPolicy`.
        let own = own.iter().map(|(short, name)| (self.shorten(short), name.clone()));
        shortened.chain(own).collect()
    }

    /// A name with all words replaced that have a short form, the longest first.
    fn shorten(&self, name: &str) -> String {
        let mut out = String::with_capacity(name.len());
        let mut rest = name;
        while let Some(first) = rest.chars().next() {
            let begins = |word: &str| {
                rest.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word))
            };
            let word = self.words.iter().filter(|(word, _)| begins(word));
            let (taken, put) = match word.max_by_key(|(word, _)| word.len()) {
                Some((word, short)) if !word.is_empty() => (word.len(), short.as_str()),
                _ => {
                    out.push(first);
                    (first.len_utf8(), "")
                }
            };
            out.push_str(put);
            rest = rest.get(taken..).unwrap_or_default();
        }
        out
    }

    /// The channel that is meant; as it stands where nothing is known of it.
    pub fn channel<'a>(&'a self, shown: &'a str) -> &'a str {
        self.channels_by_short.get(&self.shorten(shown)).map_or(shown, String::as_str)
    }

    /// The provider that is meant; as it stands where nothing is known of it.
    pub fn provider<'a>(&'a self, shown: &'a str) -> &'a str {
        self.providers_by_short.get(&self.shorten(shown)).map_or(shown, String::as_str)
    }

    /// The field of an event that a value belongs to. Places in arrays are counted from 1
    /// in timelines and from 0 here.
    pub fn field(&self, shown: &str, event: &Event) -> String {
        if let Some((name, place)) = shown.strip_suffix(']').and_then(|s| s.rsplit_once('['))
            && let Some(place) = place.parse::<usize>().ok().and_then(|place| place.checked_sub(1))
        {
            return format!("{name}[{place}]");
        }
        if shown == "Data" {
            return "Data[0]".to_owned();
        }
        if event.knows(shown) {
            return shown.to_owned();
        }
        let names = self.fields.get(shown).map(Vec::as_slice).unwrap_or_default();
        let meant = names.iter().find(|name| event.knows(name));
        meant.map_or(shown, String::as_str).to_owned()
    }

    /// The value as the log has it.
    pub fn value<'a>(&'a self, field: &str, shown: &'a str) -> &'a str {
        if self.numbered.fields.iter().any(|name| name == field)
            && let Some((number, _)) = shown.split_once(" - ")
            && number.parse::<u32>().is_ok()
        {
            return number;
        }
        self.values.get(field).and_then(|words| words.get(shown)).map_or(shown, String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use crate::knowledge::Knowledge;

    #[test]
    fn names_are_found_under_their_short_forms() {
        let knowledge = Knowledge::embedded().unwrap();
        let timeline = knowledge.timeline("hayabusa").unwrap();
        for (shown, channel) in [
            ("Sec", "Security"),
            ("Security", "Security"),
            ("RDP-Cli", "Microsoft-Windows-TerminalServices-RDPClient/Operational"),
            ("MS-Win-CAPI2/Op", "Microsoft-Windows-CAPI2/Operational"),
            ("GrpPolicy", "Microsoft-Windows-GroupPolicy/Operational"),
            ("Microsoft-Windows-CAPI2/Operational", "Microsoft-Windows-CAPI2/Operational"),
            ("Some/Channel", "Some/Channel"),
        ] {
            assert_eq!(timeline.channel(shown), channel, "{shown}");
        }
        let core = "Microsoft-Windows-RemoteDesktopServices-RdpCoreTS";
        for (shown, provider) in [
            ("Sec", "Microsoft-Windows-Security-Auditing"),
            ("SCM", "Service Control Manager"),
            ("Svc Control Mgr", "Service Control Manager"),
            ("Schannel", "Schannel"),
            ("MS-Win-RemoteDesktopSvcs-RdpCoreTS", core),
            (core, core),
        ] {
            assert_eq!(timeline.provider(shown), provider, "{shown}");
        }
    }

    /// Every channel and provider of the catalog is found again, so no two have the same
    /// short form.
    #[test]
    fn short_forms_are_told_apart() {
        let knowledge = Knowledge::embedded().unwrap();
        let timeline = knowledge.timeline("hayabusa").unwrap();
        for provider in knowledge.providers() {
            let (name, channel) = (provider.provider.as_str(), provider.channel.as_str());
            assert_eq!(timeline.provider(&timeline.shorten(name)), name);
            assert_eq!(timeline.channel(&timeline.shorten(channel)), channel);
        }
    }

    #[test]
    fn the_event_tells_which_field_is_meant() {
        let knowledge = Knowledge::embedded().unwrap();
        let timeline = knowledge.timeline("hayabusa").unwrap();
        let field = |id, shown| {
            let event = knowledge.event("Microsoft-Windows-Security-Auditing", id).unwrap().1;
            timeline.field(shown, event)
        };
        assert_eq!(field(4625, "SrcIP"), "IpAddress");
        assert_eq!(field(4779, "SrcIP"), "ClientAddress");
        assert_eq!(field(5157, "SrcIP"), "SourceAddress");
        assert_eq!(field(4625, "IpPort"), "IpPort");
        assert_eq!(field(4625, "Data[1]"), "Data[0]");
        assert_eq!(field(4625, "Unheard"), "Unheard");
        assert_eq!(timeline.value("LogonType", "10 - REMOTE INTERACTIVE"), "10");
        assert_eq!(timeline.value("SubStatus", "WRONG PW"), "0xc000006a");
        assert_eq!(timeline.value("SubStatus", "0xc0000234"), "0xc0000234");
        assert_eq!(timeline.value("IpAddress", "10.0.0.5"), "10.0.0.5");
    }
}
