//! The NSS key log format: one secret a line, named by the client random.
//! (draft-ietf-tls-keylogfile; what `SSLKEYLOGFILE` writes.)

use crate::base::hex_bytes;
use std::collections::BTreeMap;
use std::fmt;

/// Connections whose secrets are kept. A browser logs some ten thousand a day.
const MAX_CONNECTIONS: usize = 100_000;

/// Longest line that is read: label, two times 64 hex digits and room.
const MAX_LINE: usize = 512;

/// Length of a master secret, RFC 5246 8.1.
pub(super) const MASTER_SECRET_LEN: usize = 48;

/// What is known of one connection.
#[derive(Default, Clone, PartialEq, Eq)]
pub(super) struct Secrets {
    /// TLS 1.2 and older.
    pub(super) master: Option<Vec<u8>>,
    pub(super) client_handshake: Option<Vec<u8>>,
    pub(super) server_handshake: Option<Vec<u8>>,
    pub(super) client_application: Option<Vec<u8>>,
    pub(super) server_application: Option<Vec<u8>>,
}

impl Secrets {
    fn merge(&mut self, other: Self) {
        let pairs = [
            (&mut self.master, other.master),
            (&mut self.client_handshake, other.client_handshake),
            (&mut self.server_handshake, other.server_handshake),
            (&mut self.client_application, other.client_application),
            (&mut self.server_application, other.server_application),
        ];
        for (mine, theirs) in pairs {
            if theirs.is_some() {
                *mine = theirs;
            }
        }
    }
}

/// The secrets of any number of connections.
///
/// Ordered maps, so that the same files always give the same answer when the
/// limit is reached.
#[derive(Default, Clone, PartialEq, Eq)]
pub struct KeyLog {
    by_random: BTreeMap<[u8; 32], Secrets>,
    /// `RSA Session-ID:… Master-Key:…`, which old OpenSSL wrappers write.
    by_session: BTreeMap<Vec<u8>, Vec<u8>>,
    skipped: usize,
}

/// What one line says.
enum Line {
    Secret([u8; 32], Secrets),
    Session(Vec<u8>, Vec<u8>),
    /// Well formed, but of no use here; or a comment.
    Nothing,
}

impl KeyLog {
    /// Reads a key log. A line that cannot be read is skipped and counted.
    pub fn parse(bytes: &[u8]) -> Self {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut log = Self::default();
        for line in bytes.split(|b| *b == b'\n') {
            match parse_line(line) {
                Some(Line::Secret(random, secrets)) => log.add(random, secrets),
                Some(Line::Session(id, master)) => log.add_session(id, master),
                Some(Line::Nothing) => {}
                None => log.skipped += 1,
            }
        }
        log
    }

    /// Takes over what another key log knows; where both know a secret, the
    /// other's wins.
    pub fn merge(&mut self, other: Self) {
        self.skipped += other.skipped;
        for (random, secrets) in other.by_random {
            self.add(random, secrets);
        }
        for (id, master) in other.by_session {
            self.add_session(id, master);
        }
    }

    /// Whether it knows no secret at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Connections of which it knows a secret.
    pub fn len(&self) -> usize {
        self.by_random.len() + self.by_session.len()
    }

    /// Whether it knows a secret of the connection with this client random.
    pub fn contains(&self, client_random: &[u8; 32]) -> bool {
        self.by_random.contains_key(client_random)
    }

    /// Lines that could not be read, and those beyond the limit of 100 000
    /// connections. Comments, empty lines and secrets that are not for records
    /// are no loss and not counted.
    pub fn skipped(&self) -> usize {
        self.skipped
    }

    pub(super) fn secrets(&self, client_random: &[u8; 32]) -> Option<&Secrets> {
        self.by_random.get(client_random)
    }

    /// The master secret of a connection of TLS 1.2 or older.
    pub(super) fn master(&self, client_random: &[u8; 32], session_id: &[u8]) -> Option<&[u8]> {
        self.secrets(client_random)
            .and_then(|secrets| secrets.master.as_ref())
            .or_else(|| self.by_session.get(session_id))
            .map(Vec::as_slice)
    }

    fn add(&mut self, random: [u8; 32], secrets: Secrets) {
        if self.len() < MAX_CONNECTIONS || self.by_random.contains_key(&random) {
            self.by_random.entry(random).or_default().merge(secrets);
        } else {
            self.skipped += 1;
        }
    }

    fn add_session(&mut self, id: Vec<u8>, master: Vec<u8>) {
        if self.len() < MAX_CONNECTIONS || self.by_session.contains_key(&id) {
            self.by_session.insert(id, master);
        } else {
            self.skipped += 1;
        }
    }
}

/// Counts only: a key log in a debug message would be a leak.
impl fmt::Debug for KeyLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyLog")
            .field("connections", &self.len())
            .field("skipped", &self.skipped)
            .finish_non_exhaustive()
    }
}

/// `None` for a line that cannot be read.
fn parse_line(line: &[u8]) -> Option<Line> {
    let line = line.trim_ascii();
    if line.is_empty() || line.starts_with(b"#") {
        return Some(Line::Nothing);
    }
    let text = str::from_utf8(line.get(..MAX_LINE.min(line.len()))?).ok()?;
    if text.len() < line.len() {
        return None;
    }
    let mut words = text.split_ascii_whitespace();
    let (label, name, secret) = (words.next()?, words.next()?, words.next()?);
    if words.next().is_some() {
        return None;
    }
    if let ("RSA", Some(id)) = (label, name.strip_prefix("Session-ID:")) {
        let master = hex_bytes(secret.strip_prefix("Master-Key:")?)?;
        // Without an id the line would fit every connection that has none.
        let id = hex_bytes(id).filter(|id| !id.is_empty() && id.len() <= 32)?;
        return (master.len() == MASTER_SECRET_LEN).then_some(Line::Session(id, master));
    }
    let (name, secret) = (hex_bytes(name)?, hex_bytes(secret)?);
    let mut secrets = Secrets::default();
    let (slot, lengths): (_, &[usize]) = match label {
        "CLIENT_RANDOM" => (&mut secrets.master, &[MASTER_SECRET_LEN]),
        "CLIENT_HANDSHAKE_TRAFFIC_SECRET" => (&mut secrets.client_handshake, &[32, 48]),
        "SERVER_HANDSHAKE_TRAFFIC_SECRET" => (&mut secrets.server_handshake, &[32, 48]),
        "CLIENT_TRAFFIC_SECRET_0" => (&mut secrets.client_application, &[32, 48]),
        "SERVER_TRAFFIC_SECRET_0" => (&mut secrets.server_application, &[32, 48]),
        // For early data, exporters, ECH and the premaster of RSA; and OpenSSL
        // logs the generations after a KeyUpdate, which follow from the first.
        "CLIENT_EARLY_TRAFFIC_SECRET"
        | "EARLY_EXPORTER_SECRET"
        | "EXPORTER_SECRET"
        | "ECH_SECRET"
        | "ECH_CONFIG"
        | "RSA"
        | "CLIENT_TRAFFIC_SECRET_N"
        | "SERVER_TRAFFIC_SECRET_N" => return Some(Line::Nothing),
        _ => return None,
    };
    if !lengths.contains(&secret.len()) {
        return None;
    }
    *slot = Some(secret);
    Some(Line::Secret(name.try_into().ok()?, secrets))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line(label: &str, random: u8, secret: u8, length: usize) -> String {
        let two = |byte: u8, count| format!("{byte:02x}").repeat(count);
        format!("{label} {} {}", two(random, 32), two(secret, length))
    }

    #[test]
    fn all_labels_are_read_whatever_ends_the_line() {
        let text = [
            "\u{feff}# a comment".to_owned(),
            line("CLIENT_RANDOM", 1, 10, 48),
            line("CLIENT_HANDSHAKE_TRAFFIC_SECRET", 2, 11, 32),
            line("SERVER_HANDSHAKE_TRAFFIC_SECRET", 2, 12, 32),
            line("CLIENT_TRAFFIC_SECRET_0", 2, 13, 48),
            line("SERVER_TRAFFIC_SECRET_0", 2, 14, 48),
            line("EXPORTER_SECRET", 2, 15, 48),
            String::new(),
        ];
        for end in ["\n", "\r\n"] {
            let log = KeyLog::parse(text.join(end).as_bytes());
            assert_eq!((log.len(), log.skipped()), (2, 0));
            assert_eq!(log.master(&[1; 32], &[]), Some(&[10; 48][..]));
            let secrets = log.secrets(&[2; 32]).unwrap();
            assert_eq!(secrets.client_handshake, Some(vec![11; 32]));
            assert_eq!(secrets.server_handshake, Some(vec![12; 32]));
            assert_eq!(secrets.client_application, Some(vec![13; 48]));
            assert_eq!(secrets.server_application, Some(vec![14; 48]));
        }
    }

    #[test]
    fn odd_lines_are_counted_and_do_no_harm() {
        let odd = [
            line("CLIENT_RANDOM", 1, 10, 47),
            line("CLIENT_TRAFFIC_SECRET_0", 1, 10, 64),
            "CLIENT_RANDOM 00 00".to_owned(),
            "CLIENT_RANDOM".to_owned(),
            line("CLIENT_RANDOM", 1, 10, 48) + " more",
            line("SOMETHING_NEW", 1, 10, 48),
            "x".repeat(4000),
            "CLIENT_RANDOM zz zz".to_owned(),
        ];
        let log = KeyLog::parse(odd.join("\n").as_bytes());
        assert!(log.is_empty());
        assert_eq!(log.skipped(), odd.len());
    }

    #[test]
    fn a_session_id_names_a_master_secret_too() {
        let text = format!("RSA Session-ID:0102 Master-Key:{}", "07".repeat(48));
        let log = KeyLog::parse(text.as_bytes());
        assert_eq!(log.master(&[0; 32], &[1, 2]), Some(&[7; 48][..]));
        assert_eq!(log.master(&[0; 32], &[]), None);
    }

    #[test]
    fn merging_joins_the_secrets_of_one_connection() {
        let first = line("CLIENT_HANDSHAKE_TRAFFIC_SECRET", 3, 1, 32);
        let second = line("SERVER_HANDSHAKE_TRAFFIC_SECRET", 3, 2, 32) + "\nodd";
        let mut log = KeyLog::parse(first.as_bytes());
        log.merge(KeyLog::parse(second.as_bytes()));
        assert_eq!((log.len(), log.skipped()), (1, 1));
        let secrets = log.secrets(&[3; 32]).unwrap();
        assert!(secrets.client_handshake.is_some() && secrets.server_handshake.is_some());
    }

    #[test]
    fn no_more_connections_are_kept_than_the_limit() {
        let secret = "00".repeat(48);
        let text: String = (0..MAX_CONNECTIONS + 3)
            .map(|number| format!("CLIENT_RANDOM {number:064x} {secret}\n"))
            .collect();
        let mut log = KeyLog::parse(text.as_bytes());
        assert_eq!((log.len(), log.skipped()), (MAX_CONNECTIONS, 3));
        log.merge(KeyLog::parse(line("CLIENT_RANDOM", 0xff, 1, 48).as_bytes()));
        assert_eq!((log.len(), log.skipped()), (MAX_CONNECTIONS, 4));
    }

    #[test]
    fn debug_output_shows_no_secret() {
        let log = KeyLog::parse(line("CLIENT_RANDOM", 0xab, 0xcd, 48).as_bytes());
        let shown = format!("{log:?}").to_lowercase();
        assert!(!shown.contains("cd") && !shown.contains("205"), "{shown}");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            KeyLog::parse(&bytes);
        }

        #[test]
        fn no_text_of_the_right_form_makes_it_panic(
            text in "((RSA|CLIENT_RANDOM|#|x) ?(Session-ID:)?[0-9a-f]{0,66} (Master-Key:)?[0-9a-f]{0,98}\r?\n){0,4}",
        ) {
            KeyLog::parse(text.as_bytes());
        }
    }
}
