//! Who answers for an address on the local network? Two hosts that take turns share it.

use crate::base::HostTime;
use crate::observe::{Observation, Place, Source, Subject, Vantage};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

/// Addresses that are followed.
const MAX_ADDRESSES: usize = 4096;

/// A link address as ARP spells it.
type Hardware = [u8; 6];

#[derive(Debug)]
struct Owner {
    first: Hardware,
    /// The other one, and the frame in which it was seen first.
    second: Option<(Hardware, u64, HostTime)>,
    /// The first one was there again after the second: nobody moved, both are there.
    back: bool,
}

/// The owners of the addresses that ARP names in one capture.
#[derive(Debug)]
pub(super) struct Owners {
    file: Arc<str>,
    owners: BTreeMap<IpAddr, Owner>,
    /// Messages about addresses beyond the budget.
    pub(super) left_out: u64,
}

impl Owners {
    pub(super) fn new(file: &Arc<str>) -> Self {
        Self { file: Arc::clone(file), owners: BTreeMap::new(), left_out: 0 }
    }

    /// An ARP message in which `address` says that it is at `hardware`.
    pub(super) fn seen(&mut self, frame: u64, time: HostTime, address: IpAddr, hardware: Hardware) {
        // Groups own nothing: clusters answer with such link addresses for one host.
        let group = hardware.first().is_some_and(|first| first & 1 == 1);
        if address.is_unspecified() || group {
            return;
        }
        if let Some(owner) = self.owners.get_mut(&address) {
            match owner.second {
                None if hardware != owner.first => owner.second = Some((hardware, frame, time)),
                Some(_) if hardware == owner.first => owner.back = true,
                _ => {}
            }
        } else if self.owners.len() < MAX_ADDRESSES {
            self.owners.insert(address, Owner { first: hardware, second: None, back: false });
        } else {
            self.left_out += 1;
        }
    }

    /// Addresses that two hosts claimed in turns. One change alone is a host that moved
    /// or a standby that took over.
    pub(super) fn finish(self) -> Vec<Observation> {
        let Self { file, owners, .. } = self;
        owners
            .into_iter()
            .filter(|(_, owner)| owner.back)
            .filter_map(|(address, owner)| {
                let (second, frame, time) = owner.second?;
                Some(Observation {
                    kind: "wire.arp.two_owners".into(),
                    time,
                    vantage: Vantage::Capture { file: Arc::clone(&file) },
                    subject: Subject { server: Some(address), ..Subject::default() },
                    fields: vec![
                        ("address".into(), address.to_string()),
                        ("first".into(), shown(owner.first)),
                        ("second".into(), shown(second)),
                    ],
                    source: Source { file: Arc::clone(&file), place: Place::Frame(frame) },
                    repeats: 0,
                })
            })
            .collect()
    }
}

/// `00-11-22-33-44-55`, as Windows writes it.
fn shown(hardware: Hardware) -> String {
    hardware.map(|byte| format!("{byte:02X}")).join("-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    /// What is said of one address whose last link byte changes like this.
    fn observed(bytes: &[u8]) -> Vec<String> {
        let mut owners = Owners::new(&Arc::from("c.pcap"));
        for (frame, byte) in (1..).zip(bytes) {
            let time = HostTime(Timestamp::UNIX_EPOCH);
            owners.seen(frame, time, "10.0.0.9".parse().unwrap(), [2, 0, 0, 0, 0, *byte]);
        }
        let told = |o: Observation| {
            let fields = ["first", "second"].map(|name| o.field(name).unwrap().to_owned());
            format!("{} {:?}", fields.join(" "), o.source.place)
        };
        owners.finish().into_iter().map(told).collect()
    }

    #[test]
    fn two_hosts_that_take_turns_share_an_address() {
        assert_eq!(observed(&[7, 7, 8, 7]), ["02-00-00-00-00-07 02-00-00-00-00-08 Frame(3)"]);
    }

    #[test]
    fn a_host_that_moved_or_one_alone_is_no_conflict() {
        assert!(observed(&[7, 7, 7]).is_empty());
        assert!(observed(&[7, 8, 8, 8]).is_empty());
    }

    #[test]
    fn nobody_and_groups_own_nothing() {
        let mut owners = Owners::new(&Arc::from("c.pcap"));
        let time = HostTime(Timestamp::UNIX_EPOCH);
        for last in [1, 2, 1] {
            owners.seen(1, time, "0.0.0.0".parse().unwrap(), [2, 0, 0, 0, 0, last]);
            owners.seen(1, time, "10.0.0.9".parse().unwrap(), [3, 0, 0, 0, 0, last]);
        }
        assert!(owners.finish().is_empty());
    }
}
