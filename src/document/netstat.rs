//! Who listens on a host: `netstat -an` of Windows, with `-o` (the process's number) and
//! `-b` (its name). Its words are translated, so only addresses, ports and names count.
//!
//! ```text
//!   TCP    0.0.0.0:3389           0.0.0.0:0              LISTENING       1180
//!   TermService
//!  [svchost.exe]
//! ```

use super::undated;
use crate::base::{Endpoint, parse_endpoint};
use crate::observe::Observation;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

/// Listings of one text that are kept.
const MOST_LISTINGS: usize = 16;
/// Ports or addresses of one listing that are kept.
const MOST_ENDS: usize = 512;
/// The port of the endpoint mapper, on which every Windows host listens.
const ENDPOINT_MAPPER: u16 = 135;
/// The process that is Windows' kernel.
const KERNEL: &str = "4";

/// The listings of a text.
#[derive(Debug, Default)]
pub(super) struct Listings {
    pub(super) observations: Vec<Observation>,
    pub(super) count: u64,
    /// Rows of which the ends were not understood.
    pub(super) not_understood: u64,
    pub(super) left_out: u64,
}

/// One listing.
#[derive(Debug, Default)]
struct Listing {
    line: usize,
    /// Ports on which any other host may connect.
    open: BTreeSet<u16>,
    loopback: BTreeSet<u16>,
    /// The host's own addresses.
    local: BTreeSet<IpAddr>,
    /// Ports of Remote Desktop Services, and those of other programs.
    remote_desktop: BTreeSet<u16>,
    foreign: BTreeSet<u16>,
    /// The listener of the row above.
    last: Option<u16>,
    /// Rows of other addresses followed those of all: so none of these is missing.
    went_on: bool,
    unclear: bool,
}

/// All listings of a text.
pub(super) fn read(text: &str, file: &Arc<str>) -> Listings {
    let mut found = Listings::default();
    let mut current: Option<Listing> = None;
    for (at, line) in text.lines().enumerate() {
        let words: Vec<&str> = line.split_whitespace().take(6).collect();
        match words.as_slice() {
            // An empty line ends it.
            [] => found.keep(current.take(), file),
            [protocol, local, remote, rest @ ..] if is_row(protocol, local, remote) => {
                let listing =
                    current.get_or_insert_with(|| Listing { line: at + 1, ..Listing::default() });
                let tcp = protocol.eq_ignore_ascii_case("TCP");
                match parse_endpoint(local) {
                    Some(end) => listing.row(end, tcp && remote.ends_with(":0"), rest.last()),
                    None => {
                        listing.unclear = true;
                        found.not_understood += 1;
                    }
                }
            }
            [name] => {
                if let Some(listing) = &mut current {
                    listing.owner(name);
                }
            }
            _ => {}
        }
    }
    found.keep(current.take(), file);
    found
}

fn is_row(protocol: &str, local: &str, remote: &str) -> bool {
    let known = protocol.eq_ignore_ascii_case("TCP") || protocol.eq_ignore_ascii_case("UDP");
    known && local.contains(':') && remote.contains(':')
}

impl Listing {
    fn row(&mut self, end: Endpoint, listens: bool, process: Option<&&str>) {
        self.last = None;
        let address = end.address;
        let any = address.is_unspecified();
        if !any && !address.is_loopback() && self.local.len() < MOST_ENDS {
            self.local.insert(address);
        }
        let first_group = any && address.is_ipv4();
        self.went_on |= !(self.open.is_empty() || first_group);
        let (Some(port), true) = (end.port, listens) else { return };
        let ports = if address.is_loopback() { &mut self.loopback } else { &mut self.open };
        if ports.len() >= MOST_ENDS {
            self.unclear = true;
            return;
        }
        ports.insert(port);
        self.last = Some(port);
        // Remote Desktop Services are no part of the kernel.
        if process == Some(&KERNEL) {
            self.foreign.insert(port);
        }
    }

    /// What the line below a row names: the service, or the program in brackets.
    fn owner(&mut self, name: &str) {
        let Some(port) = self.last else { return };
        if name.eq_ignore_ascii_case("TermService") {
            self.remote_desktop.insert(port);
        } else if let Some(program) = name.strip_prefix('[').and_then(|n| n.strip_suffix(']'))
            && !program.eq_ignore_ascii_case("svchost.exe")
        {
            self.foreign.insert(port);
        }
    }

    /// Whether it plainly shows all listeners of a Windows host.
    fn is_whole(&self) -> bool {
        self.open.contains(&ENDPOINT_MAPPER) && self.went_on && !self.unclear
    }
}

impl Listings {
    fn keep(&mut self, listing: Option<Listing>, file: &Arc<str>) {
        let Some(listing) = listing else { return };
        self.count += 1;
        if self.observations.len() >= MOST_LISTINGS {
            self.left_out += 1;
            return;
        }
        let fields = [
            ("open", joined(&listing.open)),
            ("loopback", joined(&listing.loopback)),
            ("remote_desktop", joined(&listing.remote_desktop)),
            ("foreign", joined(&listing.foreign)),
            ("local", joined(&listing.local)),
            ("whole", if listing.is_whole() { "yes" } else { "no" }.to_owned()),
        ];
        self.observations.push(undated("text.netstat", file, listing.line, fields));
    }
}

fn joined<T: ToString>(values: &BTreeSet<T>) -> String {
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn told(text: &str) -> Vec<String> {
        let found = read(text, &"netstat.txt".into());
        let shown = |o: &Observation| {
            let fields = o.fields.iter().filter(|(name, _)| &**name != "dated");
            fields.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
        };
        found.observations.iter().map(shown).collect()
    }

    const SERVER: &str = "
Active Connections

  Proto  Local Address          Foreign Address        State           PID
  TCP    0.0.0.0:135            0.0.0.0:0              LISTENING       912
  TCP    0.0.0.0:445            0.0.0.0:0              LISTENING       4
  TCP    0.0.0.0:3391           0.0.0.0:0              LISTENING       1180
  TCP    10.20.0.9:139          0.0.0.0:0              LISTENING       4
  TCP    10.20.0.9:3391         10.20.1.42:50123       ESTABLISHED     1180
  TCP    127.0.0.1:5357         0.0.0.0:0              LISTENING       4
  TCP    [::]:135               [::]:0                 LISTENING       912
  TCP    [fe80::1%12]:139       [::]:0                 LISTENING       4
  UDP    0.0.0.0:123            *:*                                    1032
";

    #[test]
    fn listeners_are_read_in_any_language() {
        let expect = "open=135 139 445 3391; loopback=5357; remote_desktop=; foreign=139 445 5357; local=10.20.0.9 fe80::1; whole=yes";
        assert_eq!(told(SERVER), [expect]);
        let german = SERVER.replace("LISTENING  ", "ABHÖREN    ").replace("Local", "Lokale");
        assert_eq!(told(&german), [expect]);
    }

    #[test]
    fn the_program_stands_below_its_listener() {
        let text = "  TCP    0.0.0.0:3389   0.0.0.0:0   LISTENING   700\n [nginx.exe]\n  TCP    0.0.0.0:3391   0.0.0.0:0   LISTENING   1180\n  TermService\n [svchost.exe]\n  TCP    127.0.0.1:99   0.0.0.0:0   LISTENING   4\n Can not obtain ownership information\n";
        assert_eq!(
            told(text),
            ["open=3389 3391; loopback=99; remote_desktop=3391; foreign=99 3389; local=; whole=no"]
        );
    }

    #[test]
    fn a_part_of_a_listing_does_not_prove_that_nobody_listens() {
        let whole = |text: &str| told(text).first().is_some_and(|told| told.ends_with("whole=yes"));
        // Cut off, filtered, with names of ports.
        assert!(!whole(SERVER.split_once("  TCP    10.20").unwrap().0));
        let filtered: String = SERVER.lines().filter(|line| line.contains("3391")).collect();
        assert!(!whole(&filtered));
        assert!(!whole(&SERVER.replace("0.0.0.0:3391  ", "0.0.0.0:ms-wbt-server")));
    }

    #[test]
    fn other_texts_are_no_listing() {
        for text in [
            "",
            "TCP is down",
            "tcp        0      0 0.0.0.0:22     0.0.0.0:*     LISTEN",
            "  Proto  Local Address          Foreign Address        State",
        ] {
            assert!(told(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn a_listing_without_end_is_kept_within_its_budget() {
        let mut text = String::new();
        for port in 0..60_000 {
            text.push_str(&format!("TCP 0.0.0.0:{port} 0.0.0.0:0 LISTENING 1\n"));
        }
        assert!(told(&text)[0].ends_with("whole=no"));
        let many = read(&"TCP 0.0.0.0:1 0.0.0.0:0 x\n\n".repeat(100), &"n.txt".into());
        assert_eq!((many.observations.len(), many.count, many.left_out), (16, 100, 84));
    }

    proptest! {
        #[test]
        fn any_text_ends(text in r"(TCP |UDP |0\.0\.0\.0:[0-9]{1,6} |\[::\]:0 |\*:\* |\[a\.exe\]|TermService|\n|é| ){0,60}") {
            let _ = told(&text);
        }
    }
}
