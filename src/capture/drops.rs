//! Packets of Remote Desktop that Windows itself dropped, as Packet Monitor tells.

use super::reader::Dropped;
use crate::base::{Gap, HostTime, counted};
use crate::observe::{Observation, Place, Source, Subject, Vantage};
use crate::wire::packet::Packet;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

/// Connections and reasons that are told apart.
const MAX_DROPS: usize = 4096;

/// Packets of one direction of a connection that one place dropped for one reason.
type Key = (SocketAddr, SocketAddr, &'static str, u32, u32);

#[derive(Debug)]
struct Told {
    first: (u64, HostTime),
    drop: Dropped,
    packets: u64,
}

/// All drops of one capture.
#[derive(Debug)]
pub(super) struct Drops {
    file: Arc<str>,
    ports: Vec<u16>,
    told: BTreeMap<Key, Told>,
    /// Packets of connections beyond the budget.
    left_out: u64,
}

impl Drops {
    pub(super) fn new(file: &Arc<str>, ports: &[u16]) -> Self {
        Self { file: Arc::clone(file), ports: ports.to_vec(), told: BTreeMap::new(), left_out: 0 }
    }

    /// Takes a packet that was dropped, as the frame of that number shows it.
    pub(super) fn seen(&mut self, frame: u64, time: HostTime, packet: &Packet<'_>, drop: Dropped) {
        let (source, destination, transport) = match packet {
            Packet::Tcp(segment) => (segment.source, segment.destination, "tcp"),
            Packet::Udp { source, destination, .. } => (*source, *destination, "udp"),
            _ => return,
        };
        if ![source, destination].iter().any(|end| self.ports.contains(&end.port())) {
            return;
        }
        let key = (source, destination, transport, drop.reason, drop.location);
        if let Some(told) = self.told.get_mut(&key) {
            told.packets += 1;
        } else if self.told.len() < MAX_DROPS {
            self.told.insert(key, Told { first: (frame, time), drop, packets: 1 });
        } else {
            self.left_out += 1;
        }
    }

    /// One observation for each connection, direction, place and reason, and what was
    /// left out.
    pub(super) fn finish(self) -> (Vec<Observation>, Option<Gap>) {
        let Self { file, ports, told, left_out } = self;
        let gap = (left_out > 0).then(|| {
            let packets = counted(left_out, "dropped packet");
            Gap::file(
                &file,
                format!("{packets} of more than {MAX_DROPS} connections were left out"),
            )
        });
        let observation = |(key, told): (Key, Told)| {
            let (source, destination, transport, reason, location) = key;
            let to_server = ports.contains(&destination.port());
            let (client, server) =
                if to_server { (source, destination) } else { (destination, source) };
            let (frame, time) = told.first;
            let way = match told.drop.inbound {
                Some(true) => "in",
                Some(false) => "out",
                None => "unknown",
            };
            Observation {
                kind: "wire.pktmon.drop".into(),
                time,
                vantage: Vantage::Capture { file: Arc::clone(&file) },
                subject: Subject {
                    client: Some(client.ip()),
                    client_port: Some(client.port()),
                    server: Some(server.ip()),
                    server_port: Some(server.port()),
                    ..Subject::default()
                },
                fields: vec![
                    ("reason".into(), reason.to_string()),
                    ("location".into(), format!("{location:#010x}")),
                    ("component".into(), told.drop.component.to_string()),
                    ("transport".into(), transport.to_owned()),
                    ("way".into(), way.to_owned()),
                    ("to".into(), if to_server { "server" } else { "client" }.to_owned()),
                    ("packets".into(), told.packets.to_string()),
                ],
                source: Source { file: Arc::clone(&file), place: Place::Frame(frame) },
                repeats: 0,
            }
        };
        (told.into_iter().map(observation).collect(), gap)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::packet::Segment;
    use jiff::Timestamp;

    #[test]
    fn drops_are_told_once_for_each_connection_and_reason() {
        let mut drops = Drops::new(&Arc::from("PktMon.etl"), &[3389]);
        let drop = Dropped {
            reason: 1207,
            location: 0xe000_4500,
            component: 9,
            inbound: Some(true),
            again: false,
        };
        let ends = |source: &str, destination: &str| Segment {
            source: source.parse().unwrap(),
            destination: destination.parse().unwrap(),
            ..Segment::example()
        };
        let (client, server) = ("10.0.0.5:50000", "10.0.0.9:3389");
        let mut seen = |frame, segment, drop| {
            drops.seen(frame, HostTime(Timestamp::UNIX_EPOCH), &Packet::Tcp(segment), drop);
        };
        seen(3, ends(client, server), drop);
        seen(4, ends(client, server), drop);
        seen(5, ends(server, client), drop);
        seen(6, ends("10.0.0.5:50000", "10.0.0.9:445"), drop);
        let told: Vec<String> = drops
            .finish()
            .0
            .iter()
            .map(|o| {
                let field = |name| o.field(name).unwrap();
                let port = o.subject.client_port.unwrap();
                format!(
                    "{:?} {port} {} {} {}",
                    o.source.place,
                    field("to"),
                    field("reason"),
                    field("packets")
                )
            })
            .collect();
        assert_eq!(told, ["Frame(3) 50000 server 1207 2", "Frame(5) 50000 client 1207 1"]);
    }
}
