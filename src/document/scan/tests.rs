use super::*;
use crate::observe::Place;
use proptest::prelude::*;

fn told(text: &str) -> Vec<String> {
    let shown = |found: &Observation| {
        let Place::Line(line) = found.source.place else { panic!("{found:?}") };
        let subject = &found.subject;
        let values: Vec<&str> = found
            .fields
            .iter()
            .filter(|(name, _)| !matches!(&**name, "dated" | "tool"))
            .map(|(_, value)| value.as_str())
            .collect();
        let kind = found.kind.strip_prefix("text.scan.").unwrap();
        let name = subject.server_name.as_deref().unwrap_or("-");
        let (address, port) = (subject.server.unwrap(), subject.server_port.unwrap());
        format!("{line}: {kind} {name} {address} {port}: {}", values.join("; "))
    };
    read(text, &"scan.txt".into()).observations.iter().map(shown).collect()
}

fn gaps(text: &str) -> Vec<String> {
    read(text, &"scan.txt".into()).gaps().into_iter().map(|gap| gap.message).collect()
}

const SCREEN: &str = "\
Starting Nmap 7.95 ( https://nmap.org ) at 2025-06-03 10:12 CEST
Nmap scan report for srv01.corp.example (10.0.0.9)
Host is up (0.0010s latency).

PORT     STATE    SERVICE
443/tcp  filtered https
3389/tcp open     ms-wbt-server
| rdp-enum-encryption: 
|   Security layer
|     CredSSP (NLA): SUCCESS
|     CredSSP with Early User Auth: SUCCESS
|     SSL: FAILED (HYBRID_REQUIRED_BY_SERVER)
|_    RDSTLS: SUCCESS
| ssl-enum-ciphers: 
|   SSLv3: No supported ciphers found
|   TLSv1.2: 
|     ciphers: 
|       TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 (secp384r1) - A
|       TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 (ecdh_x25519) - A
|     compressors: 
|       NULL
|     cipher preference: server
|   TLSv1.3: 
|     ciphers: 
|       TLS_AKE_WITH_AES_256_GCM_SHA384 (secp384r1) - A
|     cipher preference: server
|_  least strength: A
MAC Address: 00:15:5D:01:02:03 (Microsoft)

Nmap done: 1 IP address (1 host up) scanned in 1.23 seconds
";

const FOUND: [&str; 4] = [
    "6: port srv01.corp.example 10.0.0.9 443: filtered",
    "7: port srv01.corp.example 10.0.0.9 3389: open",
    "8: security srv01.corp.example 10.0.0.9 3389: hybrid, hybrid_ex, rdstls",
    "14: tls srv01.corp.example 10.0.0.9 3389: 1.2, 1.3; TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 TLS_AES_256_GCM_SHA384; yes",
];

#[test]
fn what_nmap_writes_to_the_screen_is_read() {
    assert_eq!(told(SCREEN), FOUND);
    assert!(gaps(SCREEN).is_empty());
}

/// The same scan as XML.
fn xml() -> String {
    let script = |id: &str, from: usize, to: usize| {
        let lines: Vec<&str> = SCREEN.lines().collect();
        let output: Vec<&str> =
            lines[from..to].iter().map(|line| line.trim_start_matches(['|', '_'])).collect();
        format!("<script id=\"{id}\" output=\"&#xa;{}\"/>", output.join("&#xa;"))
    };
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE nmaprun>\n<nmaprun scanner=\"nmap\" args=\"nmap -p 443,3389\">\n<host starttime=\"1\"><status state=\"up\" reason=\"arp-response\"/>\n<address addr=\"10.0.0.9\" addrtype=\"ipv4\"/>\n<address addr=\"00:15:5D:01:02:03\" addrtype=\"mac\"/>\n<hostnames>\n<hostname name=\"srv01.corp.example\" type=\"user\"/>\n</hostnames>\n<ports><port protocol=\"tcp\" portid=\"443\"><state state=\"filtered\" reason=\"no-response\"/></port>\n<port protocol=\"tcp\" portid=\"3389\"><state state=\"open\" reason=\"syn-ack\"/><service name=\"ms-wbt-server\"/>{}{}</port>\n<port protocol=\"udp\" portid=\"3389\"><state state=\"open\"/></port></ports>\n</host></nmaprun>\n",
        script("rdp-enum-encryption", 8, 13),
        script("ssl-enum-ciphers", 14, 27),
    )
}

#[test]
fn xml_says_the_same_as_the_screen() {
    let found = told(&xml());
    let values = |text: &str| text.split_once(": ").unwrap().1.to_owned();
    assert_eq!(
        found.iter().map(|text| values(text)).collect::<Vec<_>>(),
        FOUND.iter().map(|text| values(text)).collect::<Vec<_>>()
    );
    assert!(found[0].starts_with("10: "), "{}", found[0]);
}

#[test]
fn a_script_without_a_port_or_host_is_nobodys() {
    let (_, from_port) = SCREEN.split_once("Host is up").unwrap();
    assert!(told(from_port).is_empty());
    assert!(told("3389/tcp open ms-wbt-server\n").is_empty());
}

#[test]
fn suites_that_nobody_named_are_counted() {
    let text = SCREEN.replace("TLS_ECDHE_RSA_WITH_AES_256", "TLS_KYBER_WITH_AES_256");
    assert!(told(&text)[3].ends_with("; no"), "{:?}", told(&text));
    assert_eq!(gaps(&text), ["cipher suites of a scan that this version does not know: 1"]);
}

const FLAT: &str = r#"
[
  {"id":"service","ip":"srv01/10.0.0.9","port":"3389","severity":"INFO","finding":"Couldn't determine service"},
  {"id":"SSLv2","ip":"srv01/10.0.0.9","port":"3389","severity":"OK","finding":"not offered"},
  {"id":"TLS1","ip":"srv01/10.0.0.9","port":"3389","severity":"LOW","finding":"offered (deprecated)"},
  {"id":"TLS1_2","ip":"srv01/10.0.0.9","port":"3389","severity":"OK","finding":"offered"},
  {"id":"TLS1_3","ip":"srv01/10.0.0.9","port":"3389","severity":"INFO","finding":"not offered and downgraded to a weaker protocol"},
  {"id":"cipher-tls1_xc014","ip":"srv01/10.0.0.9","port":"3389","severity":"LOW","finding":"TLSv1 xc014 ECDHE-RSA-AES256-SHA"},
  {"id":"cipher-tls1_2_xc030","ip":"srv01/10.0.0.9","port":"3389","severity":"OK","finding":"TLSv1.2 xc030 ECDHE-RSA-AES256-GCM-SHA384"}
]"#;

#[test]
fn both_forms_of_testssl_are_read() {
    let suites =
        "1.0, 1.2; TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384; yes";
    assert_eq!(told(FLAT), [format!("2: tls srv01 10.0.0.9 3389: {suites}")]);
    let pretty = r#"{"Invocation": "testssl --jsonfile-pretty x srv01:3389", "scanResult": [{
        "targetHost": "srv01", "ip": "10.0.0.9", "port": "3389", "rDNS": "", "service": "-",
        "protocols": [{"id": "TLS1", "severity": "LOW", "finding": "offered (deprecated)"},
                      {"id": "TLS1_2", "severity": "OK", "finding": "offered"}],
        "vulnerabilities": [{"id": "heartbleed", "severity": "OK", "finding": "not vulnerable"}],
        "cipherTests": [{"id": "cipher_xc014", "severity": "LOW", "finding": ""},
                        {"id": "cipher_xc030", "severity": "OK", "finding": ""}]}]}"#;
    assert_eq!(told(pretty), [format!("1: tls srv01 10.0.0.9 3389: {suites}")]);
    let torn = &FLAT[..FLAT.len() - 40];
    assert!(told(torn).is_empty());
    assert!(gaps(torn)[0].starts_with("report of testssl, not understood: "), "{:?}", gaps(torn));
}

#[test]
fn a_scan_without_end_is_kept_within_its_budget_and_takes_no_time() {
    let ports = "3389/tcp open ms-wbt-server\n".repeat(10_000);
    let file = "scan.txt".into();
    let text = format!("Nmap scan report for 10.0.0.9\n{ports}");
    let found = read(&text, &file);
    assert_eq!((found.observations.len(), found.count()), (MOST_FINDINGS, 10_000));
    assert_eq!(found.gaps().len(), 1);
    let suites = "|       TLS_NOBODY_KNOWS_THIS - A\n".repeat(100_000);
    let text = format!(
        "Nmap scan report for 10.0.0.9\n3389/tcp open x\n| ssl-enum-ciphers: \n|   TLSv1.2: \n{suites}"
    );
    assert_eq!(read(&text, &file).gaps().len(), 1);
    assert!(told(&format!("<nmaprun><script {}", "a=\"b\" ".repeat(200_000))).is_empty());
}

proptest! {
    #[test]
    fn any_text_ends(text in "(Nmap scan report for |10\\.0\\.0\\.9|\n3389/tcp open\n|\\| ssl-enum-ciphers:\n|\\|   TLSv1\\.2:\n|\\|     TLS_|\\| rdp-enum-encryption:\n|<nmaprun|<address addr=\"|<port portid=\"|\"|>|<script output=\"|[a-z:é ]{1,6}){0,60}") {
        let _ = told(&text);
    }

    #[test]
    fn any_json_ends(text in "[\\[{](\"finding\"|\"id\"|\"scanResult\"|:|,|\\[|\\]|\\{|\\}|\"[a-z]{1,4}\"|1){0,60}") {
        let _ = told(&text);
    }
}
