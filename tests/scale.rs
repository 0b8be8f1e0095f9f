//! Many scanners neither drown the user's own attempt nor slow the join beyond
//! n log n.

use jiff::{SignedDuration, Timestamp};
use rdp_triage::base::HostTime;
use rdp_triage::correlate::{Evidence, correlate};
use rdp_triage::diagnose::{Question, diagnose};
use rdp_triage::knowledge::Knowledge;
use rdp_triage::observe::{Observation, Place, Source, Subject, Vantage};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

struct Log {
    observations: Vec<Observation>,
    start: Timestamp,
}

impl Log {
    fn push(
        &mut self,
        kind: &str,
        ms: i64,
        client: (u32, u16),
        activity: Option<u64>,
        fields: &[(&str, &str)],
    ) {
        let record = self.observations.len() as u64 + 1;
        self.observations.push(Observation {
            kind: kind.into(),
            time: HostTime(self.start + SignedDuration::from_millis(ms)),
            vantage: Vantage::Log { host: "TS1".into(), channel: "Operational".into() },
            subject: Subject {
                client: Some(IpAddr::V4(Ipv4Addr::from(client.0))),
                client_port: Some(client.1),
                user: Some("administrator".to_owned()),
                activity: activity.map(|id| Arc::from(format!("{{{id:x}}}"))),
                ..Subject::default()
            },
            fields: fields.iter().map(|(n, v)| ((*n).into(), (*v).to_owned())).collect(),
            source: Source { file: "log.evtx".into(), place: Place::Record(record) },
            repeats: 0,
        });
    }

    /// A refused logon: accepted, refused, audited, ended, locked out.
    fn refused(&mut self, number: u64, client: u32, ms: i64) {
        let port = u16::try_from(1_024 + number % 60_000).unwrap();
        let (client, id) = ((client, port), Some(number));
        self.push("event.rdpcorets.131", ms, client, id, &[("ConnType", "TCP")]);
        self.push("event.rdpcorets.140", ms + 1_000, client, id, &[]);
        let audit = [("Status", "0xc000006d"), ("SubStatus", "0xc000006a"), ("LogonType", "3")];
        self.push("event.security.4625", ms + 990, client, None, &audit);
        self.push("event.rdpcorets.103", ms + 2_000, client, id, &[("ReasonCode", "14")]);
        if number.is_multiple_of(20) {
            self.push("event.security.4740", ms + 995, client, None, &[]);
        }
    }
}

/// 30,000 refused connections, most from as many addresses, 10,000 from one; twice
/// as many must not take much more than twice as long.
fn run(connections: u64) -> Duration {
    let mut log = Log { observations: Vec::new(), start: "2025-06-03T00:00:00Z".parse().unwrap() };
    for number in 0..connections {
        let ms = i64::try_from(number).unwrap() * 2_000;
        let one_of_many = 0xcb00_0000 + u32::try_from(number).unwrap();
        let client = if number.is_multiple_of(3) { 0xc633_6401 } else { one_of_many };
        log.refused(number, client, ms);
    }
    let knowledge = Knowledge::embedded().unwrap();
    let begin = Instant::now();
    let evidence = Evidence { observations: log.observations, ..Evidence::default() };
    let case = correlate(evidence, &[]);
    let findings = diagnose(&case, &knowledge, &Question::default());
    assert_eq!(findings.diagnoses[0].cause, "bruteforce-pressure");
    begin.elapsed()
}

#[test]
fn twice_the_scanners_take_about_twice_the_time() {
    let once = run(15_000);
    let twice = run(30_000);
    // Generous, because tests share the machine; quadratic work would give 4.
    assert!(twice < once.mul_f64(3.2) + Duration::from_millis(300), "{once:?}, then {twice:?}");
    assert!(twice < Duration::from_secs(30), "{twice:?}");
}
