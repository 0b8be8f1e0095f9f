use crate::base::HostTime;
use std::net::IpAddr;
use std::sync::Arc;

/// Where inside its file a fact stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// `EventRecordID` of a log.
    Record(u64),
    /// Line of an exported log at which a record begins that has no number of its own,
    /// counted from 1.
    Line(u64),
    /// Frame number of a capture.
    Frame(u64),
    /// The file as a whole: what proves that something is absent.
    Whole,
}

impl Place {
    /// What shows it: a Wireshark display filter, or an XPath query for the log's channel;
    /// empty where nothing does.
    pub fn open_with(self) -> String {
        match self {
            Self::Frame(frame) => format!("frame.number == {frame}"),
            Self::Record(record) => format!("*[System[EventRecordID={record}]]"),
            Self::Line(_) | Self::Whole => String::new(),
        }
    }
}

/// The provenance that every statement of a report carries.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source {
    pub file: Arc<str>,
    pub place: Place,
}

/// From where something was seen; also which clock stamped it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Vantage {
    /// A log: the host and channel that its records name.
    Log { host: Arc<str>, channel: Arc<str> },
    /// A capture file.
    Capture { file: Arc<str> },
    /// A text that somebody attached; its times are those that stand in it.
    Document { file: Arc<str> },
}

/// Whom a fact is about: whatever the source names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subject {
    pub client: Option<IpAddr>,
    pub client_port: Option<u16>,
    pub server: Option<IpAddr>,
    pub server_port: Option<u16>,
    pub server_name: Option<String>,
    pub user: Option<String>,
    /// `System/Correlation/@ActivityID`, lower case in braces.
    pub activity: Option<Arc<str>>,
}

/// A fact with an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// Stable dotted name: `event.schannel.36874`, `wire.dns.nxdomain`.
    pub kind: Arc<str>,
    /// On the clock of its vantage.
    pub time: HostTime,
    pub vantage: Vantage,
    pub subject: Subject,
    /// Named values as the source spells them, in the source's order.
    pub fields: Vec<(Arc<str>, String)>,
    pub source: Source,
    /// How many records like this one followed in a flood and were only counted: the
    /// catalog says which fields make two records of an event alike.
    pub repeats: u64,
}

impl Observation {
    /// The value of a field; names compare exactly, as in the source.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| &**field == name).map(|(_, value)| value.as_str())
    }

    /// Bytes of memory that it takes, about.
    pub fn footprint(&self) -> u64 {
        let fields =
            self.fields.iter().map(|(_, value)| value.len() + size_of::<(Arc<str>, String)>());
        // Its kind, subject and source are mostly shared or short.
        (size_of::<Self>() + fields.sum::<usize>() + 128) as u64
    }

    /// Its number in its log; `None` where it has none.
    pub fn record(&self) -> Option<u64> {
        match self.source.place {
            Place::Record(number) => Some(number),
            Place::Line(_) | Place::Frame(_) | Place::Whole => None,
        }
    }

    /// The channel of the log that this is from.
    pub fn channel(&self) -> Option<&Arc<str>> {
        match &self.vantage {
            Vantage::Log { channel, .. } => Some(channel),
            Vantage::Capture { .. } | Vantage::Document { .. } => None,
        }
    }

    /// The host whose log this is from.
    pub fn host(&self) -> Option<&Arc<str>> {
        match &self.vantage {
            Vantage::Log { host, .. } => Some(host),
            Vantage::Capture { .. } | Vantage::Document { .. } => None,
        }
    }
}
