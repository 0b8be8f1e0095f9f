//! Name resolution: which names resolved, which did not, which were never answered.

use crate::base::limits::MAX_OPEN_QUERIES;
use crate::base::{Gap, HostTime, counted, millis_between};
use crate::observe::{Observation, Place, Source, Subject, Vantage};
use crate::wire::dns::{Message, Rcode};
use crate::wire::packet::Segment;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

/// How a name was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Via {
    /// A name server, RFC 1035.
    Dns,
    /// All neighbours, RFC 6762.
    MulticastDns,
    /// All neighbours, RFC 4795: what Windows tries when DNS does not know.
    Llmnr,
}

/// Whether names are asked for on this port.
pub(super) fn is_port(port: u16) -> bool {
    Via::of_port(port).is_some()
}

impl Via {
    #[inline]
    fn of_port(port: u16) -> Option<Self> {
        match port {
            53 => Some(Self::Dns),
            5353 => Some(Self::MulticastDns),
            5355 => Some(Self::Llmnr),
            _ => None,
        }
    }

    /// By either port of a datagram or segment.
    fn of(source: SocketAddr, destination: SocketAddr) -> Option<Self> {
        [source.port(), destination.port()].into_iter().find_map(Self::of_port)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::MulticastDns => "mdns",
            Self::Llmnr => "llmnr",
        }
    }
}

/// A query that got no answer for this long is unanswered, in ms. Windows asks
/// again after 1 s and gives the server up after 2 s more.
const ANSWER_TIMEOUT_MS: f64 = 1500.0;

/// An answer that took this long is slow, in ms: Windows asks again after 1 s.
const SLOW_MS: f64 = 1000.0;

/// Outcomes that are listed per capture; background chatter repeats itself.
const MAX_OUTCOMES: usize = 10_000;

/// Addresses of one answer that are kept: those of a large pool are some dozens, a
/// datagram has room for thousands.
const MAX_ADDRESSES: usize = 64;

#[derive(Debug)]
struct Query {
    first: (u64, HostTime),
    last: (u64, HostTime),
    tries: u32,
}

/// Who asked, how, for what name and which type.
type QueryKey = (Via, String, String, IpAddr);

/// The resolution seen in one capture.
#[derive(Debug)]
pub(super) struct Names {
    file: Arc<str>,
    open: BTreeMap<QueryKey, Query>,
    /// Outcome per client and name; the first one counts.
    outcomes: BTreeMap<(IpAddr, String, &'static str), Observation>,
    /// Queries and outcomes beyond the budget.
    left_out: u64,
}

impl Names {
    pub(super) fn new(file: &Arc<str>) -> Self {
        Self {
            file: Arc::clone(file),
            open: BTreeMap::new(),
            outcomes: BTreeMap::new(),
            left_out: 0,
        }
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
        if let Some(via) = Via::of(source, destination) {
            self.message(frame, time, (via, source, destination), Message::parse(payload));
        }
    }

    /// Takes one TCP segment; anything that is not DNS is ignored.
    pub(super) fn segment(&mut self, frame: u64, time: HostTime, segment: &Segment<'_>) {
        let (source, destination) = (segment.source, segment.destination);
        if segment.payload.is_empty() || Via::of(source, destination) != Some(Via::Dns) {
            return;
        }
        let message = Message::parse_stream(segment.payload);
        self.message(frame, time, (Via::Dns, source, destination), message);
    }

    fn message(
        &mut self,
        frame: u64,
        time: HostTime,
        (via, source, destination): (Via, SocketAddr, SocketAddr),
        message: Option<Message>,
    ) {
        let Some(message) = message.filter(Message::asks_for_address) else { return };
        if !message.response {
            self.query(frame, time, via, source.ip().to_canonical(), message);
            return;
        }
        // A multicast answer goes to everybody: it is for those who asked.
        let clients: Vec<IpAddr> = if destination.ip().is_multicast() {
            let anybody = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
            let asked = (via, message.name.clone(), message.query_type.clone(), anybody);
            self.open
                .range(asked.clone()..)
                .map(|(key, _)| key)
                .take_while(|key| (key.0, &key.1, &key.2) == (asked.0, &asked.1, &asked.2))
                .map(|key| key.3)
                .collect()
        } else {
            vec![destination.ip().to_canonical()]
        };
        for client in clients {
            self.answer((frame, time), via, client, source.ip(), &message);
        }
    }

    fn query(&mut self, frame: u64, time: HostTime, via: Via, client: IpAddr, message: Message) {
        let key = (via, message.name, message.query_type, client);
        if let Some(query) = self.open.get_mut(&key) {
            query.tries += 1;
            query.last = (frame, time);
        } else if self.open.len() < MAX_OPEN_QUERIES {
            self.open.insert(key, Query { first: (frame, time), last: (frame, time), tries: 1 });
        } else {
            self.left_out += 1;
        }
    }

    fn answer(
        &mut self,
        (frame, time): (u64, HostTime),
        via: Via,
        client: IpAddr,
        resolver: IpAddr,
        message: &Message,
    ) {
        let key = (via, message.name.clone(), message.query_type.clone(), client);
        let query = self.open.remove(&key);
        let kind = match (message.rcode, message.addresses.is_empty()) {
            (Rcode::NoError, false) => "wire.dns.resolved",
            // An empty AAAA answer is normal on an IPv4 network; neighbours that are
            // asked by multicast only answer what they know.
            (Rcode::NoError, true) if message.query_type == "A" && via == Via::Dns => {
                "wire.dns.empty"
            }
            (Rcode::NoError, true) => return,
            (Rcode::NxDomain, _) => "wire.dns.nxdomain",
            (Rcode::ServFail | Rcode::Refused | Rcode::Other, _) => "wire.dns.failed",
        };
        let addresses: Vec<String> =
            message.addresses.iter().take(MAX_ADDRESSES).map(ToString::to_string).collect();
        let waited = query.as_ref().map(|query| millis_between(query.first.1.0, time.0));
        let mut fields: Vec<(Arc<str>, String)> = vec![
            ("name".into(), message.name.clone()),
            ("query_type".into(), message.query_type.clone()),
            ("addresses".into(), addresses.join(" ")),
            ("resolver".into(), resolver.to_string()),
            ("rcode".into(), format!("{:?}", message.rcode)),
            ("via".into(), via.name().to_owned()),
        ];
        if let (Some(query), Some(waited)) = (query, waited) {
            fields.push(("waited_ms".into(), format!("{waited:.0}")));
            fields.push(("tries".into(), query.tries.to_string()));
            if waited >= SLOW_MS {
                let name = message.name.clone();
                self.record("wire.dns.slow", frame, time, client, name, fields.clone());
            }
        }
        self.record(kind, frame, time, client, message.name.clone(), fields);
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
            self.left_out += 1;
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
            repeats: 0,
        };
        self.outcomes.entry((client, name, kind)).or_insert(observation);
    }

    /// All outcomes, and how much was left out; `end` is the time of the last frame.
    pub(super) fn finish(mut self, end: Option<HostTime>) -> (Vec<Observation>, Option<Gap>) {
        let open = std::mem::take(&mut self.open);
        // "No IPv4 address" says nothing while the question for IPv6 is open.
        for (_, name, query_type, client) in open.keys() {
            if query_type == "AAAA" {
                self.outcomes.remove(&(*client, name.clone(), "wire.dns.empty"));
            }
        }
        for ((via, name, query_type, client), query) in open {
            let waited = end.map_or(0.0, |end| millis_between(query.first.1.0, end.0));
            // Neighbours that do not know a name stay silent: that says nothing.
            if via != Via::Dns {
                continue;
            }
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
        self.contradictions();
        let gap = (self.left_out > 0).then(|| {
            let messages = counted(self.left_out, "question or answer");
            Gap::file(
                &self.file,
                format!("{messages} of name servers beyond {MAX_OUTCOMES} were left out"),
            )
        });
        (self.outcomes.into_values().collect(), gap)
    }

    /// Two names of one host (`srv01` and `srv01.corp.example`) that lead to
    /// different addresses: one of the two records is wrong or stale.
    fn contradictions(&mut self) {
        let mut by_label: BTreeMap<(IpAddr, String), Vec<Observation>> = BTreeMap::new();
        for ((client, name, kind), observation) in &self.outcomes {
            if *kind == "wire.dns.resolved" {
                let label = name.split('.').next().unwrap_or(name).to_owned();
                by_label.entry((*client, label)).or_default().push(observation.clone());
            }
        }
        for ((client, _), names) in by_label {
            let Some(first) = names.first() else { continue };
            let Some(other) = names.iter().find(|other| disagree(first, other)) else { continue };
            for (one, two) in [(first, other), (other, first)] {
                let mut fields = one.fields.clone();
                for (from, to) in [("name", "other_name"), ("addresses", "other_addresses")] {
                    fields.push((to.into(), two.field(from).unwrap_or_default().to_owned()));
                }
                let Place::Frame(frame) = one.source.place else { continue };
                let name = one.subject.server_name.clone().unwrap_or_default();
                self.record("wire.dns.elsewhere", frame, one.time, client, name, fields);
            }
        }
    }
}

/// Whether one name is the other with a suffix, as Windows tries them: `srv01`,
/// `srv01.corp.example`, `srv01.local`. `www.a.example` and `www.b.example` are two.
fn same_host(one: &str, two: &str) -> bool {
    let bare = |name: &str| name.strip_suffix(".local").unwrap_or(name).to_owned();
    let (one, two) = (bare(one), bare(two));
    let extends = |long: &str, short: &str| {
        long.strip_prefix(short).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    extends(&one, &two) || extends(&two, &one)
}

/// Whether two answers for one host have no address in common, though both are of
/// one family.
fn disagree(one: &Observation, two: &Observation) -> bool {
    let name = |o: &Observation| o.subject.server_name.clone().unwrap_or_default();
    if !same_host(&name(one), &name(two)) {
        return false;
    }
    let same_type = one.field("query_type") == two.field("query_type");
    let addresses = |o: &Observation| -> Vec<String> {
        o.field("addresses").unwrap_or_default().split(' ').map(str::to_owned).collect()
    };
    let second = addresses(two);
    same_type && !addresses(one).iter().any(|address| second.contains(address))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::{SignedDuration, Timestamp};

    const CLIENT: &str = "10.0.0.5:50000";
    const RESOLVER: &str = "10.0.0.53:53";

    fn message(name: &str, response: bool, rcode: Rcode, addresses: &[&str]) -> Message {
        Message {
            id: 1,
            response,
            name: name.to_owned(),
            query_type: "A".to_owned(),
            rcode,
            addresses: addresses.iter().map(|a| a.parse().unwrap()).collect(),
        }
    }

    /// Runs `(ms, message, from, to)` and lists `kind name` of what is found.
    fn run(steps: Vec<(i64, Message, &str, &str)>) -> Vec<String> {
        let mut names = Names::new(&Arc::from("a.pcap"));
        let at = |ms| HostTime(Timestamp::UNIX_EPOCH + SignedDuration::from_millis(ms));
        for (frame, (ms, message, from, to)) in (1..).zip(steps) {
            let (from, to) = (from.parse().unwrap(), to.parse().unwrap());
            let via = Via::of(from, to).unwrap();
            names.message(frame, at(ms), (via, from, to), Some(message));
        }
        let (found, _) = names.finish(Some(at(20_000)));
        found.iter().map(|o| format!("{} {}", o.kind, o.field("name").unwrap())).collect()
    }

    #[test]
    fn a_late_answer_is_slow_and_an_answer() {
        let found = run(vec![
            (0, message("srv", false, Rcode::NoError, &[]), CLIENT, RESOLVER),
            (2500, message("srv", true, Rcode::NoError, &["10.0.0.9"]), RESOLVER, CLIENT),
        ]);
        assert_eq!(found, ["wire.dns.resolved srv", "wire.dns.slow srv"]);
    }

    #[test]
    fn two_names_of_one_host_that_disagree_are_told() {
        let found = run(vec![
            (0, message("srv", true, Rcode::NoError, &["10.0.0.9"]), RESOLVER, CLIENT),
            (9, message("srv.corp", true, Rcode::NoError, &["10.0.0.8"]), RESOLVER, CLIENT),
        ]);
        assert_eq!(found.iter().filter(|f| f.starts_with("wire.dns.elsewhere")).count(), 2);
    }

    #[test]
    fn hosts_of_two_domains_are_two() {
        assert!(same_host("srv", "srv.corp.example") && same_host("srv.local", "srv.corp"));
        assert!(!same_host("www.a.example", "www.b.example") && !same_host("srv", "srv2"));
    }

    #[test]
    fn a_multicast_answer_is_for_whoever_asked_and_silence_says_nothing() {
        let group = "224.0.0.251:5353";
        let found = run(vec![
            (0, message("srv.local", false, Rcode::NoError, &[]), "10.0.0.5:5353", group),
            (0, message("gone.local", false, Rcode::NoError, &[]), "10.0.0.5:5353", group),
            (4, message("srv.local", true, Rcode::NoError, &["10.0.0.9"]), "10.0.0.9:5353", group),
        ]);
        assert_eq!(found, ["wire.dns.resolved srv.local"]);
    }
}
