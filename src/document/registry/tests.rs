use super::*;
use crate::observe::Place as Where;
use proptest::prelude::*;

fn read_text(text: &str) -> Keys {
    read(text, &"settings.txt".into())
}

fn told_of(text: &str) -> Vec<String> {
    let shown = |o: &Observation| {
        let Where::Line(line) = o.source.place else { panic!("{o:?}") };
        let field = |name| o.field(name).unwrap();
        let parts = [field("place"), field("part"), field("side")];
        let place = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>();
        format!("{line}: {} {} = {}", place.join("/"), field("name"), field("value"))
    };
    read_text(text).observations.iter().map(shown).collect()
}

const EXPORT: &str = r#"Windows Registry Editor Version 5.00

[HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\Terminal Server]
"fDenyTSConnections"=dword:00000001
"ProductVersion"="5.1"
"DelayConMgrTimeout"=dword:00000000

[HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\Terminal Server\WinStations\RDP-Tcp]
@="a default"
"PortNumber"=dword:00000d3f
"SSLCertificateSHA1Hash"=hex:a9,09,50,2d,d8,2a,e4,14,33,e6,f8,38,86,b0,0d,42,77,\
  a3,2a,7b
"Comment"="a \"quoted\" name\\"

[HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\SecurityProviders\SCHANNEL\Protocols\TLS 1.2\Server]
"Enabled"=dword:00000000

[HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\Cryptography\Configuration\Local\SSL\00010002]
"Functions"=hex(7):54,00,4c,00,53,00,5f,00,41,00,00,00,54,00,4c,00,53,00,5f,00,\
  42,00,00,00,00,00

[HKEY_LOCAL_MACHINE\SOFTWARE\Policies\Microsoft\Windows NT\Terminal Services]
"UserAuthentication"=dword:00000001
"#;

#[test]
fn an_export_is_read_key_by_key() {
    let expect = [
        "4: terminal server fDenyTSConnections = 1",
        "10: listener PortNumber = 3391",
        "11: listener SSLCertificateSHA1Hash = a909502dd82ae41433e6f83886b00d4277a32a7b",
        "16: protocol/tls 1.2/server Enabled = 0",
        "19: cipher order Functions = TLS_A,TLS_B",
        "23: policy UserAuthentication = 1",
    ];
    assert_eq!(told_of(EXPORT), expect);
    assert_eq!(told_of(&EXPORT.replace('\n', "\r\n")), expect);
    assert_eq!(
        told_of(&EXPORT.to_uppercase().replace("HEX", "hex").replace("DWORD", "dword")).len(),
        6
    );
}

#[test]
fn the_first_version_writes_lists_with_one_byte_a_character() {
    let text = "REGEDIT4\n\n[HKEY_LOCAL_MACHINE\\SOFTWARE\\Policies\\Microsoft\\Cryptography\\Configuration\\SSL\\00010002]\n\"Functions\"=hex(7):54,4c,53,00,41,00,00\n";
    assert_eq!(told_of(text), ["4: cipher policy Functions = TLS,A"]);
}

#[test]
fn a_query_is_read_like_an_export() {
    let text = r"
HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\Terminal Server\WinStations\RDP-Tcp
    (Default)    REG_SZ    
    PortNumber    REG_DWORD    0xd3d
    SSLCertificateSHA1Hash    REG_BINARY    A909502D
    SecurityLayer    REG_DWORD    zwei

HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\Cryptography\Configuration\Local\SSL\00010002
    Functions    REG_MULTI_SZ    TLS_A\0TLS_B
";
    assert_eq!(
        told_of(text),
        [
            "4: listener PortNumber = 3389",
            "5: listener SSLCertificateSHA1Hash = a909502d",
            "9: cipher order Functions = TLS_A,TLS_B"
        ]
    );
    let keys = read_text(text);
    assert_eq!((keys.count, keys.not_understood), (4, 1));
}

#[test]
fn of_several_control_sets_the_current_one_counts() {
    let set = |name: &str, value: u32| {
        format!(
            "[HKEY_LOCAL_MACHINE\\SYSTEM\\{name}\\Control\\Terminal Server]\n\"fDenyTSConnections\"=dword:{value}\n"
        )
    };
    let all = set("ControlSet001", 0) + &set("ControlSet002", 1) + &set("CurrentControlSet", 0);
    assert_eq!(told_of(&all), ["6: terminal server fDenyTSConnections = 0"]);
    assert_eq!(read_text(&all).other_sets, 2);
    let offline = set("ControlSet002", 1) + &set("ControlSet001", 0);
    assert_eq!(told_of(&offline), ["4: terminal server fDenyTSConnections = 0"]);
    let software = "[HKEY_LOCAL_MACHINE\\SOFTWARE\\Policies\\Microsoft\\Windows NT\\Terminal Services]\n\"fDenyTSConnections\"=dword:1\n";
    assert_eq!(told_of(&(set("CurrentControlSet", 0) + software)).len(), 2);
}

#[test]
fn a_file_that_deletes_is_no_picture_of_a_registry() {
    for deletion in [
        "[-HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Control\\Terminal Server]\n",
        "[HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Control\\Terminal Server]\n\"x\"=-\n",
    ] {
        let keys = read_text(&(EXPORT.to_owned() + deletion));
        assert!(keys.changes && keys.observations.is_empty() && keys.count == 6, "{keys:?}");
    }
}

#[test]
fn what_is_cut_off_is_not_understood() {
    let (cut, _) = EXPORT.split_once("  a3,2a,7b").unwrap();
    let keys = read_text(cut.trim_end());
    assert_eq!((keys.observations.len(), keys.not_understood), (2, 1));
    let keys = read_text(
        "[HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Control\\Lsa]\n\"LmCompatibilityLevel\"=dword:0000000g\n\"DisableRestrictedAdmin\"=\"no end\n",
    );
    assert_eq!((keys.count, keys.not_understood), (2, 2));
}

#[test]
fn other_texts_are_no_registry() {
    for text in [
        "",
        "HKEY_LOCAL_MACHINE",
        "[HKEY_CURRENT_USER\\SYSTEM\\CurrentControlSet\\Control\\Lsa]\n\"LmCompatibilityLevel\"=dword:1",
        "[HKEY_LOCAL_MACHINE\\SYSTEM\\ControlSet0\\Control\\Lsa]\n\"LmCompatibilityLevel\"=dword:1",
        "set fDenyTSConnections to 0",
    ] {
        assert_eq!(read_text(text).count, 0, "{text}");
    }
}

#[test]
fn values_without_end_are_kept_within_their_budget() {
    let key = "[HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Control\\Lsa\\MSV1_0]\n";
    let keys = read_text(&(key.to_owned() + &"\"a\"=dword:1\n".repeat(200_000)));
    assert_eq!((keys.observations.len(), keys.left_out), (MOST_VALUES, 200_000 - 1024));
    let long = format!("{key}\"a\"=hex:{}", "00,\\\n  ".repeat(200_000));
    assert_eq!(read_text(&long).count, 1);
}

proptest! {
    #[test]
    fn any_text_ends(text in r#"(\[-?HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Control\\Lsa\]?|HKEY_|\n|"[a-z\\]{0,3}"?=|dword:|hex\(7\):|[0-9a-f]{2},|\\\n|    a    REG_DWORD    0x|=-|é){0,60}"#) {
        let _ = read_text(&text);
    }
}

/// The script that is handed out gathers every key that is read here.
#[test]
fn every_key_that_matters_is_gathered_by_the_collect_script() {
    let items = include_str!("../../collect/items.toml").to_ascii_lowercase();
    let gathered: Vec<String> =
        items.replace("currentcontrolset\\", "").lines().map(str::to_owned).collect();
    let has = |path: &str| {
        gathered.iter().any(|line| line.contains(&format!(r"hkey_local_machine\{path}'")))
    };
    for (name, path) in PLACES {
        assert!(has(path), "{name}: {path}");
    }
    for below in ["protocols", "ciphers"] {
        assert!(has(&format!(r"{SCHANNEL}{below}\*")), "{below}");
    }
}
