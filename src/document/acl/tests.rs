use super::*;
use crate::observe::Place;
use proptest::prelude::*;

const KEY: &str = r"C:\ProgramData\Microsoft\Crypto\RSA\MachineKeys\f686aace6942fb7f7ceb231212eef4a4_c5d2b969-b61a-4159-8f78-6391a1c805db";

fn told(text: &str) -> Vec<String> {
    let shown = |found: &Observation| {
        let Place::Line(line) = found.source.place else { panic!("{found:?}") };
        let field = |name| found.field(name).unwrap();
        format!("{line}: key {}, {} {}", field("key"), field("network_service"), field("by"))
            .trim_end()
            .to_owned()
    };
    read(text, &"acl.txt".into()).observations.iter().map(shown).collect()
}

/// `icacls` of the key with these entries.
fn icacls(entries: &[&str]) -> String {
    format!("{KEY} {}\n\nSuccessfully processed 1 files\n", entries.join("\n          "))
}

#[test]
fn icacls_tells_who_may_read() {
    let admins = r"BUILTIN\Administrators:(I)(F)";
    for (entries, expect) in [
        (vec![r"NT AUTHORITY\NETWORK SERVICE:(R)", admins], r"read NT AUTHORITY\NETWORK SERVICE"),
        (vec![r"NT AUTHORITY\SYSTEM:(F)", admins], "none"),
        (vec!["S-1-5-18:(F)", "S-1-5-20:(RX)"], "read S-1-5-20"),
        (vec!["S-1-5-18:(F)", "S-1-5-32-544:(F)"], "none"),
        (vec![r"NT AUTHORITY\NETWORK SERVICE:(W,Rc)", admins], "none"),
        (
            vec![r"NT AUTHORITY\NETWORK SERVICE:(DENY)(R)", "Everyone:(F)"],
            r"denied NT AUTHORITY\NETWORK SERVICE",
        ),
        (vec![r"NT AUTHORITY\SYSTEM:(N)", "S-1-5-20:(R)"], r"denied NT AUTHORITY\SYSTEM"),
        (vec!["Everyone:(OI)(CI)(IO)(F)", admins], "none"),
        (vec![r"CORP\svc-backup:(F)", admins], "none"),
        (vec![r"CORP\svc-backup:(F)", "S-1-5-18:(F)"], "unknown"),
    ] {
        assert_eq!(told(&icacls(&entries)), [format!("1: key yes, {expect}")], "{entries:?}");
    }
}

#[test]
fn names_of_another_language_are_unknown_not_absent() {
    for entries in [
        vec![r"NT-AUTORITÄT\SYSTEM:(F)", r"NT-AUTORITÄT\Netzwerkdienst:(R)"],
        vec![r"AUTORITE NT\Système:(F)", r"BUILTIN\Administrateurs:(F)"],
        vec![r"NT AUTHORITY\SYSTEM:(F)", r"NT AUTHORITY\Servicio de red:(R)"],
    ] {
        assert_eq!(told(&icacls(&entries)), ["1: key yes, unknown"], "{entries:?}");
    }
}

#[test]
fn a_list_whose_lines_are_wrapped_is_read() {
    let text = r"
Path   : Microsoft.PowerShell.Core\FileSystem::C:\ProgramData\Microsoft\Crypto\
         RSA\MachineKeys\f686aace6942fb7f7ceb231212eef4a4_c5d2b969-b61a-4159-8f
         78-6391a1c805db
Owner  : NT AUTHORITY\SYSTEM
Group  : NT AUTHORITY\SYSTEM
Access : NT AUTHORITY\SYSTEM Allow  FullControl
         BUILTIN\Administrators Allow  Write, Synchronize,
         ReadData
Audit  : 
Sddl   : O:SYG:SYD:PAI(A;;FA;;;SY)(A;;FA;;;BA)

";
    assert_eq!(told(text), ["2: key yes, none"]);
    let read = text.replace(r"BUILTIN\Administrators", r"NT AUTHORITY\NETWORK SERVICE");
    assert_eq!(told(&read), [r"2: key yes, read NT AUTHORITY\NETWORK SERVICE"]);
    let unnamed = text.replace("FullControl", "1179785");
    assert_eq!(told(&unnamed.replace("Sddl", "Other")), ["2: key yes, unknown"]);
}

/// Rules below each other, as collectors write them, under the command's line.
fn rules(path: &str, rules: &[(&str, &str, &str)]) -> String {
    let mut text = format!(
        "====\n2025/06/03 10:12:01.123 : Get-Acl -Path '{path}' | Select-Object -ExpandProperty Access\n====\n\n\n"
    );
    for (rights, kind, identity) in rules {
        text.push_str(&format!("FileSystemRights  : {rights}\nAccessControlType : {kind}\nIdentityReference : {identity}\nIsInherited       : False\nInheritanceFlags  : None\nPropagationFlags  : None\n\n"));
    }
    text
}

#[test]
fn rules_belong_to_the_path_of_the_command_above_them() {
    let folder = r"C:\ProgramData\Microsoft\Crypto\RSA\MachineKeys";
    let key = format!(r"{folder}\f686aace6942fb7f7ceb231212eef4a4_*");
    let system = ("FullControl", "Allow", r"NT AUTHORITY\SYSTEM");
    let service = ("Read, Synchronize", "Allow", r"NT AUTHORITY\NETWORK SERVICE");
    let text = rules(folder, &[("Write, Read, Synchronize", "Allow", "Everyone")])
        + &rules(&key, &[system])
        + &rules(&key, &[system, service])
        + &rules(&key, &[system, system, service])
        + &rules("HKLM:\\SOFTWARE\\Other", &[system]);
    assert_eq!(
        told(&text),
        [
            "6: key no, read Everyone",
            "18: key yes, none",
            r"30: key yes, read NT AUTHORITY\NETWORK SERVICE",
            "49: key yes, unknown"
        ]
    );
}

#[test]
fn the_descriptor_tells_what_names_of_another_language_do_not() {
    let list = |access: &str, descriptor: &str| {
        format!("Path   : {KEY}\nAccess : {access}\nAudit  :\nSddl   : {descriptor}\n\n")
    };
    let german = r"NT-AUTORITÄT\SYSTEM Allow  FullControl";
    for (descriptor, expect) in [
        ("O:SYG:SYD:PAI(A;;FA;;;SY)(A;;FA;;;BA)", "none"),
        ("O:SYG:SYD:P(A;;FR;;;NS)", "read S-1-5-20"),
        ("O:SYG:SYD:P(D;;FR;;;NS)(A;;FA;;;WD)", "denied S-1-5-20"),
        ("O:BAG:DUD:(A;ID;0x1200a9;;;BU)S:(AU;SA;FA;;;WD)", "read S-1-5-32-545"),
        ("O:SYG:SYD:(A;OICIIO;FA;;;NS)(A;;FA;;;SY)", "none"),
        ("O:SYG:SYD:PAI(A;;FA;;;SY)(A;;F", "unknown"),
        ("O:SYG:SYD:(A;;FA;;;SY)(XA;;FR;;;WD;(a))", "unknown"),
        ("O:SYG:SYD:(A;;FA;;;S-1-5-80-1)", "unknown"),
    ] {
        assert_eq!(
            told(&list(german, descriptor)),
            [format!("1: key yes, {expect}")],
            "{descriptor}"
        );
    }
    let alone = format!("Path : {KEY}\nSddl : O:SYG:SYD:P(A;;FA;;;SY)\n\n");
    assert_eq!(told(&alone), ["1: key yes, none"]);
}

#[test]
fn a_table_of_rules_is_read() {
    let rows = |row: &str| {
        format!(
            "PS C:\\> (Get-Acl '{KEY}').Access | ft\n\n FileSystemRights AccessControlType IdentityReference    IsInherited InheritanceFlags PropagationFlags\n ---------------- ----------------- -----------------    ----------- ---------------- ----------------\n      FullControl             Allow NT AUTHORITY\\SYSTEM        False             None             None\n{row}\n\n"
        )
    };
    assert_eq!(told(&rows("")), ["3: key yes, none"]);
    let read = r"Read, Synchronize             Allow NT AUTHORITY\NETWORK SERVICE False None None";
    assert_eq!(told(&rows(read)), [r"3: key yes, read NT AUTHORITY\NETWORK SERVICE"]);
    let cut = r"Read, Synchronize             Allow NT AUTHORITY\NETWOR... False None None";
    assert_eq!(told(&rows(cut)), ["3: key yes, unknown"]);
}

#[test]
fn a_path_may_have_blanks() {
    let path =
        r"D:\Old Data\Program Data\Crypto\RSA\MachineKeys\f686aace6942fb7f7ceb231212eef4a4_1";
    let text = format!("{path} NT AUTHORITY\\SYSTEM:(F)\n   BUILTIN\\Administrators:(F)\n\n");
    assert_eq!(told(&text), ["1: key yes, none"]);
}

#[test]
fn a_listing_that_ends_in_the_middle_proves_no_absence() {
    for text in [
        format!("{KEY} NT AUTHORITY\\SYSTEM:(F)\n     BUILTIN\\Administrators:(F)"),
        format!("Path   : {KEY}\nAccess : NT AUTHORITY\\SYSTEM Allow  FullControl"),
        rules(KEY, &[("FullControl", "Allow", r"NT AUTHORITY\SYSTEM")]).trim_end().to_owned(),
    ] {
        assert_eq!(told(&text).len(), 1, "{text}");
        assert!(told(&text)[0].ends_with("key yes, unknown"), "{text}");
    }
}

#[test]
fn other_texts_are_no_listings() {
    for text in ["", "Path : x", "icacls C:\\x (R)", "the MachineKeys folder:(a)", "Path :\n\n"] {
        assert!(told(text).is_empty(), "{text}");
    }
}

#[test]
fn a_listing_of_all_keys_is_kept_within_its_budget() {
    let found = read(&icacls(&["S-1-5-18:(F)"]).repeat(100), &"acl.txt".into());
    assert_eq!((found.observations.len(), found.count, found.left_out), (MOST_LISTINGS, 100, 36));
}

#[test]
fn a_list_without_end_takes_no_time() {
    let entries = "CORP\\a:(R)\n ".repeat(50_000);
    let text = format!(r"C:\x\MachineKeys\f686aace6942fb7f7ceb231212eef4a4_* {entries}");
    assert_eq!(told(&text), ["1: key yes, unknown"]);
    let paths = format!("Get-Acl {}MachineKeys\n", "x".repeat(100_000));
    assert!(
        told(&(paths + &"FileSystemRights : Read\nIdentityReference : a\n\n-\n".repeat(50_000)))
            .is_empty()
    );
}

proptest! {
    #[test]
    fn any_text_ends(text in "(Path +: |Access : |FileSystemRights : |FileSystemRights AccessControlType IdentityReference|Sddl : |D:\\(A;;FA;;;SY\\)|IdentityReference : |MachineKeys\\\\|f686aace6942fb7f7ceb231212eef4a4_|:\\(R\\)| Allow |Get-Acl |\n|[a-zé, ]{1,6}){0,60}") {
        let _ = told(&text);
    }
}
