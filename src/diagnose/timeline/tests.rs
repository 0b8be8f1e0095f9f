use super::*;
use crate::diagnose::testing::{attempt, case_of, record, with};

/// The facts about a try from `start` to `end`, as `kind field=value …`.
fn told(observations: Vec<Observation>, start: i64, end: i64, fields: &[&str]) -> Vec<String> {
    told_of(observations, &attempt(start, end), fields)
}

fn told_of(observations: Vec<Observation>, attempt: &Attempt, fields: &[&str]) -> Vec<String> {
    let case = case_of(observations);
    let facts = Timelines::gather(&case).facts(&case, attempt);
    let one = |fact: &Fact| {
        let values = fields.iter().filter_map(|field| fact.field(field));
        std::iter::once(&*fact.kind).chain(values).collect::<Vec<_>>().join(" ")
    };
    facts.iter().map(one).collect()
}

fn stop(second: i64) -> Observation {
    record("eventlog-classic.6006", second)
}

fn start(second: i64) -> Observation {
    record("eventlog-classic.6005", second)
}

fn other(second: i64) -> Observation {
    record("scm.7036", second)
}

fn port(second: i64, transport: &str, port: u16) -> Observation {
    let mut record = record("rdpcorets.129", second);
    record.subject.server_port = Some(port);
    with(with(record, "TransportProtocolName", transport), "Port", &port.to_string())
}

fn network(second: i64, guid: &str, category: &str) -> Observation {
    with(with(record("networkprofile.10000", second), "Guid", guid), "Category", category)
}

#[test]
fn a_host_is_down_from_its_stop_to_its_next_record() {
    let log = || vec![other(100), stop(1_000), other(1_010), start(4_000)];
    assert_eq!(told(log(), 2_000, 2_010, &["how"]), ["log.host_down shut down"]);
    // It came up while the client still tried, or was up before it did.
    assert!(told(log(), 3_990, 4_001, &[]).iter().all(|fact| !fact.contains("host_down")));
    assert!(told(log(), 5_000, 5_010, &[]).is_empty());
    assert!(told(log(), 500, 510, &[]).is_empty());
}

#[test]
fn a_host_that_wrote_after_it_fell_asleep_was_awake() {
    let asleep = || vec![record("kernel-power.42", 1_000), other(9_000)];
    assert_eq!(told(asleep(), 2_000, 2_010, &["how"]), ["log.host_down put to sleep"]);
    let awake = vec![record("kernel-power.42", 1_000), other(1_995), other(2_020), other(9_000)];
    assert_eq!(told(awake, 2_000, 2_010, &["when"]), ["log.host_up shortly before and after"]);
}

#[test]
fn a_log_that_ends_with_the_stop_tells_nothing_of_later() {
    assert!(told(vec![other(100), stop(1_000)], 2_000, 2_010, &[]).is_empty());
}

#[test]
fn a_record_during_the_try_shows_that_the_host_was_up() {
    assert_eq!(told(vec![other(2_005)], 2_000, 2_010, &["when"]), ["log.host_up during"]);
}

#[test]
fn a_stop_during_the_try_is_told() {
    let log = vec![stop(2_005)];
    let told = told(log, 2_000, 2_010, &["how"]);
    assert!(told.contains(&"log.host_went_down shut down".to_owned()), "{told:?}");
}

#[test]
fn the_ports_of_the_last_start_count() {
    let log = vec![
        port(100, "TCP", 3389),
        port(5_000, "TCP", 3390),
        port(5_001, "UDP", 3389),
        port(5_002, "TCP", 3391),
    ];
    let ports = &["Port", "wanted"];
    let told = told(log.clone(), 9_000, 9_010, ports);
    assert_eq!(told, ["log.listening_elsewhere 3391 3389"]);
    let mut typed = attempt(9_000, 9_010);
    typed.server_name = Some("srv:3390".into());
    assert_eq!(told_of(log, &typed, ports), ["log.listening_here 3390 3390"]);
}

#[test]
fn the_port_that_was_typed_is_read_with_care() {
    let port = |name: &str| {
        let mut attempt = attempt(0, 1);
        attempt.server_name = Some(name.to_owned());
        wanted_port(&attempt)
    };
    assert_eq!(port("srv"), Some(3389));
    assert_eq!(port("srv:99999"), Some(3389));
    assert_eq!(port("[fe80::1]:3390"), Some(3390));
    assert_eq!(port("fe80::1:3390"), Some(3389));
}

#[test]
fn a_network_that_turned_public_is_told_before_one_that_always_was() {
    let log = vec![
        network(1_000, "{a}", "1"),
        network(2_000, "{b}", "0"),
        network(3_000, "{a}", "0"),
        network(4_000, "{b}", "0"),
    ];
    assert_eq!(told(log.clone(), 9_000, 9_010, &["before"]), ["log.network_public no"]);
    assert_eq!(told(log, 2_500, 2_510, &["before"]), ["log.network_public unknown"]);
    let trusted = vec![network(100, "{a}", "0"), network(200, "{a}", "2")];
    assert_eq!(told(trusted, 9_000, 9_010, &["before"]), ["log.network_trusted"]);
}

#[test]
fn a_rush_is_many_connections_of_many_addresses() {
    let knock = |second: i64, last: u8| {
        let mut record = with(record("rdpcorets.131", second), "ConnType", "TCP");
        record.subject.client = Some([10, 0, 0, last].into());
        record
    };
    let rush = |addresses: u8| {
        (0..50u8).map(|n| knock(1_000 + i64::from(n), n % addresses)).collect::<Vec<_>>()
    };
    let fields = &["connections", "addresses"];
    let of = |log| told(log, 1_055, 1_056, fields);
    assert!(of(rush(10)).contains(&"log.connection_rush 50 10".to_owned()));
    assert!(!of(rush(3)).iter().any(|fact| fact.contains("rush")));
}

#[test]
fn a_network_that_the_client_leaves_counts_near_the_end_only() {
    let left = |second| vec![with(record("networkprofile.10001", second), "Name", "vpn")];
    let of = |second| told(left(second), 1_000, 2_000, &["network", "when"]);
    assert!(of(1_998).contains(&"log.client_network_left vpn 2.0 s before".to_owned()));
    assert!(!of(1_500).iter().any(|fact| fact.contains("left")));
}
