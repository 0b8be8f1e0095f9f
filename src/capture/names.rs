//! Name resolution: which names resolved, which did not, which were never answered.

use crate::base::limits::MAX_OPEN_QUERIES;
use crate::base::{HostTime, millis_between};
use crate::observe::{Observation, Place, Source, Subject, Vantage};
use crate::wire::dns::{Message, Rcode};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

const DNS_PORT: u16 = 53;

/// A query that got no answer for this long is unanswered, in ms. Windows asks
/// again after 1 s and gives the server up after 2 s more.
const ANSWER_TIMEOUT_MS: f64 = 1500.0;

/// Outcomes that are listed per capture; background chatter repeats itself.
const MAX_OUTCOMES: usize = 10_000;

#[derive(Debug)]
struct Query {
    first: (u64, HostTime),
    last: (u64, HostTime),
    tries: u32,
}

type QueryKey = (IpAddr, String, String);

/// The resolution seen in one capture.
#[derive(Debug)]
pub(super) struct Names {
    file: Arc<str>,
    open: BTreeMap<QueryKey, Query>,
    /// Outcome per client and name; the last one counts.
    outcomes: BTreeMap<(IpAddr, String, &'static str), Observation>,
}

impl Names {
    pub(super) fn new(file: &Arc<str>) -> Self {
        Self { file: Arc::clone(file), open: BTreeMap::new(), outcomes: BTreeMap::new() }
    }

    /// Takes one UDP datagram; anything that is not DNS is ignored.
    pub(super) fn datagram(
        &mut self,
        frame: u64,
        time: HostTime,
        source: SocketAddr,
        destination: SocketAddr,
        payload: &[u8],
    ) {
        if source.port() != DNS_PORT && destination.port() != DNS_PORT {
            return;
        }
        let Some(message) = Message::parse(payload).filter(Message::asks_for_address) else {
            return;
        };
        if message.response {
            self.answer(frame, time, destination.ip(), source.ip(), message);
        } else {
            self.query(frame, time, source.ip(), message);
        }
    }

    fn query(&mut self, frame: u64, time: HostTime, client: IpAddr, message: Message) {
        let key = (client.to_canonical(), message.name, message.query_type);
        if let Some(query) = self.open.get_mut(&key) {
            query.tries += 1;
            query.last = (frame, time);
        } else if self.open.len() < MAX_OPEN_QUERIES {
            self.open.insert(key, Query { first: (frame, time), last: (frame, time), tries: 1 });
        }
    }

    fn answer(
        &mut self,
        frame: u64,
        time: HostTime,
        client: IpAddr,
        resolver: IpAddr,
        message: Message,
    ) {
        let client = client.to_canonical();
        self.open.remove(&(client, message.name.clone(), message.query_type.clone()));
        let kind = match (message.rcode, message.addresses.is_empty()) {
            (Rcode::NoError, false) => "wire.dns.resolved",
            // An empty AAAA answer is normal on an IPv4 network.
            (Rcode::NoError, true) if message.query_type == "A" => "wire.dns.empty",
            (Rcode::NoError, true) => return,
            (Rcode::NxDomain, _) => "wire.dns.nxdomain",
            (Rcode::ServFail | Rcode::Refused | Rcode::Other, _) => "wire.dns.failed",
        };
        let addresses: Vec<String> = message.addresses.iter().map(ToString::to_string).collect();
        let fields = vec![
            ("name".into(), message.name.clone()),
            ("query_type".into(), message.query_type),
            ("addresses".into(), addresses.join(" ")),
            ("resolver".into(), resolver.to_string()),
            ("rcode".into(), format!("{:?}", message.rcode)),
        ];
        self.record(kind, frame, time, client, message.name, fields);
    }

    fn record(
        &mut self,
        kind: &'static str,
        frame: u64,
        time: HostTime,
        client: IpAddr,
        name: String,
        fields: Vec<(Arc<str>, String)>,
    ) {
        if self.outcomes.len() >= MAX_OUTCOMES {
            return;
        }
        let observation = Observation {
            kind: kind.into(),
            time,
            vantage: Vantage::Capture { file: Arc::clone(&self.file) },
            subject: Subject {
                client: Some(client),
                server_name: Some(name.clone()),
                ..Subject::default()
            },
            fields,
            source: Source { file: Arc::clone(&self.file), place: Place::Frame(frame) },
        };
        self.outcomes.entry((client, name, kind)).or_insert(observation);
    }

    /// All outcomes; `end` is the time of the last frame.
    pub(super) fn finish(mut self, end: Option<HostTime>) -> Vec<Observation> {
        let open = std::mem::take(&mut self.open);
        for ((client, name, query_type), query) in open {
            let waited = end.map_or(0.0, |end| millis_between(query.first.1.0, end.0));
            if query.tries < 2 && waited < ANSWER_TIMEOUT_MS {
                continue;
            }
            let fields = vec![
                ("name".into(), name.clone()),
                ("query_type".into(), query_type),
                ("tries".into(), query.tries.to_string()),
                ("waited_ms".into(), format!("{waited:.0}")),
                ("last_frame".into(), query.last.0.to_string()),
            ];
            self.record("wire.dns.no_answer", query.first.0, query.first.1, client, name, fields);
        }
        self.outcomes.into_values().collect()
    }
}
