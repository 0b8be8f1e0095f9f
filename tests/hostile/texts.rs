//! Texts of one form from start to end: four times as long takes about four times as long.

use crate::support::{files, root};
use rdp_triage::intake::{Budget, take_in_bytes};
use rdp_triage::knowledge::Knowledge;
use rdp_triage::triage::{Config, analyse};
use std::fs;
use std::time::{Duration, Instant};

/// Texts are looked at to 4 MiB; exports to their end.
const SIZE: usize = 2 << 20;

const EVENT: &str = "<Event xmlns=\"http://schemas.microsoft.com/win/2004/08/events/event\"><System><Provider Name=\"Schannel\"/><EventID>36874</EventID><TimeCreated SystemTime=\"2025-06-03T08:15:00.0000000Z\"/><EventRecordID>7</EventRecordID><Channel>System</Channel><Computer>SRV01</Computer></System><EventData><Data>TLS 1.2</Data></EventData></Event>\n";

/// What goes before, and what is repeated.
const FORMS: &[(&str, &str)] = &[
    (
        "",
        "Error code: 0x904\nExtended error code: 0x7\nActivity ID: {12345678-1234-1234-1234-123456789012}\n",
    ),
    ("", "[Window Title] Remote Desktop Connection [Content] 0x204 (0x0) 2025-06-03T08:15:00Z\n"),
    (
        "",
        "C:\\ProgramData\\Microsoft\\Crypto\\RSA\\MachineKeys\\f686aace6942fb7f7ceb231212eef4a4_c5d2b969-b61a-4159-8f78-6391a1c805db NT AUTHORITY\\SYSTEM:(F)\n    BUILTIN\\Administrators:(F)\n",
    ),
    (
        "",
        "Nmap scan report for 10.20.5.11\nHost is up (0.0010s latency).\nPORT     STATE SERVICE\n3389/tcp open ms-wbt-server\n| ssl-enum-ciphers: \n|   TLSv1.2: \n|     ciphers: \n|       TLS_RSA_WITH_AES_128_CBC_SHA (rsa 2048) - A\n|_  least strength: A\n",
    ),
    (
        "<?xml version=\"1.0\"?>\n<nmaprun scanner=\"nmap\" args=\"nmap\">\n",
        "<host starttime=\"1\"><address addr=\"10.0.0.9\" addrtype=\"ipv4\"/><ports><port protocol=\"tcp\" portid=\"3389\"><state state=\"open\" reason=\"syn-ack\"/></port></ports></host>\n",
    ),
    (
        "[\n",
        "  {\"id\":\"TLS1_2\",\"ip\":\"srv01/10.0.0.9\",\"port\":\"3389\",\"severity\":\"OK\",\"finding\":\"offered\"},\n",
    ),
    (
        "",
        "\nKeyType               : 0\nCertificate           : ECDSA\nName                  : TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384\n",
    ),
    (
        "",
        "Leap Indicator: 0(no warning)\nStratum: 4\nLast Successful Sync Time: 6/3/2025 8:15:00 AM\nSource: dc01\n",
    ),
    (
        "",
        " SESSIONNAME       USERNAME                 ID  STATE   TYPE        DEVICE \n>services                                    0  Disc    \n rdp-tcp                                 65536  Listen  \n",
    ),
    (
        "",
        "Host Name:                 SRV01\nOS Name:                   Microsoft Windows Server 2022 Standard\nOS Version:                10.0.20348 N/A Build 20348\n",
    ),
    (
        "",
        "    KeyName:     Software\\Policies\\Microsoft\\Windows NT\\Terminal Services\\fDenyTSConnections\n    Value:       1, 0, 0, 0\n    State:       Enabled\n",
    ),
    ("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<Events>\n", EVENT),
    ("", EVENT),
    (
        "Level,Date and Time,Source,Event ID,Task Category\n",
        "Error,6/3/2025 8:15:00 AM,Schannel,36874,None,\"An TLS 1.2 connection request was received\"\n",
    ),
    (
        "",
        "{\"Event\":{\"System\":{\"Provider\":{\"#attributes\":{\"Name\":\"Schannel\"}},\"EventID\":36874,\"TimeCreated\":{\"#attributes\":{\"SystemTime\":\"2025-06-03T08:15:00Z\"}},\"EventRecordID\":7,\"Channel\":\"System\",\"Computer\":\"SRV01\"}}}\n",
    ),
    // Openings without an end.
    ("<Events>\n", "<Event><System>"),
    ("[\n", "{\"Event\":{\"System\":["),
    ("Level,Date and Time,Source,Event ID,Task Category\n", "\"Error,"),
    ("", "<a b='"),
    ("", "&#xa;"),
    ("", "("),
    ("", "0x"),
    ("", "\n"),
    ("", "TLS_"),
];

fn repeated(head: &str, line: &str, size: usize) -> Vec<u8> {
    let mut text = head.to_owned();
    while text.len() < size {
        text.push_str(line);
    }
    text.into_bytes()
}

/// The text of a sample: UTF-8, or UTF-16 with its mark.
fn decoded(bytes: &[u8]) -> String {
    let Some(wide) = bytes.strip_prefix(&[0xff, 0xfe]) else {
        return String::from_utf8_lossy(bytes).into_owned();
    };
    let units: Vec<u16> =
        wide.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    String::from_utf16_lossy(&units)
}

/// How long the whole way to the report takes, the better of two.
fn time(bytes: &[u8], knowledge: &Knowledge) -> Duration {
    let run = || {
        let started = Instant::now();
        let taken = take_in_bytes("t.txt", bytes.to_vec(), Budget::default());
        let report =
            analyse(&Config::default(), taken.files, taken.gaps, knowledge, &Default::default());
        assert_eq!(report.schema_version, 1);
        started.elapsed()
    };
    run().min(run())
}

#[test]
fn the_time_that_a_text_takes_grows_with_its_length_and_not_faster() {
    let knowledge = Knowledge::embedded().unwrap();
    let samples = files(&root().join("samples")).into_iter();
    let texts = samples.filter(|path| path.extension().is_some_and(|e| e == "txt"));
    let texts: Vec<(String, String)> =
        texts.map(|path| (String::new(), decoded(&fs::read(path).unwrap()))).collect();
    let forms = FORMS.iter().map(|(head, line)| ((*head).to_owned(), (*line).to_owned()));
    for (head, line) in forms.chain(texts) {
        let [quarter, whole] =
            [SIZE / 4, SIZE].map(|size| time(&repeated(&head, &line, size), &knowledge));
        let shown: String = line.chars().take(30).collect();
        eprintln!("{shown:?}: {quarter:?}, {whole:?}");
        // Other work on the machine makes times vary: 16 times is quadratic.
        let most = quarter * 9 + Duration::from_millis(300);
        assert!(whole < most, "{shown:?}: {quarter:?} for a quarter and {whole:?} for all");
    }
}
