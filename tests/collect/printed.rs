//! What the script's texts look like, by the kind that they are read as: as Windows prints
//! them, or of this repository's samples.

use crate::make_samples::texts::{CLIENT_POLICIES, STRIPCHART};
use crate::support::root;
use rdp_triage::intake::Utf8;
use std::fs;
use std::io::Read as _;

const REGISTRY: &str = r"
HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\ComputerName\ComputerName
    (Default)    REG_SZ    mnmsrvc
    ComputerName    REG_SZ    TS-PROD-01


HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\Terminal Server
    fDenyTSConnections    REG_DWORD    0x0

HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\Terminal Server\WinStations
";

const SYSTEM: &str = "
Host Name:                 TS-PROD-01
OS Name:                   Microsoft Windows Server 2022 Standard
OS Version:                10.0.20348 N/A Build 20348
Time Zone:                 (UTC+01:00) Amsterdam, Berlin, Bern
";

const SESSIONS: &str = " SESSIONNAME       USERNAME                 ID  STATE   TYPE        DEVICE
>services                                    0  Disc
 console                                     1  Conn
 rdp-tcp                                 65536  Listen
";

const CERTIFICATES: &str = "Remote Desktop \"Remotedesktop\"
================ Zertifikat 0 ================
Zertifikathash(sha1): a9 09 50 2d d8 2a e4 14 33 e6 f8 38 86 b0 0d 42 77 a3 2a 7b
CertUtil: -store-Befehl wurde erfolgreich ausgef\u{fc}hrt.

Subject       : CN=ts-prod-01.example.test
NotAfter      : 11/2/2025 10:12:00 AM
HasPrivateKey : True
Thumbprint    : A909502DD82AE41433E6F83886B00D4277A32A7B
";

const PERMISSIONS: &str = r"
Path           : Microsoft.PowerShell.Core\FileSystem::C:\ProgramData\Microsoft\Crypto\RSA\MachineKeys\f686aace6942fb7f7ceb231212eef4a4_2c3f7f5e-1f0f-4d5a-9a55-0c5d0a3f5c11
AccessToString : NT-AUTORITÄT\SYSTEM Allow  FullControl
                 NT-AUTORITÄT\Netzwerkdienst Allow  Read, Synchronize
Sddl           : O:SYG:SYD:PAI(A;;FA;;;SY)(A;;0x120089;;;NS)

";

/// A text of this kind.
pub(super) fn of_kind(kind: &str) -> String {
    // As UTF-8, whatever the sample is in.
    let sample = |file: &str| {
        let bytes = fs::read(root().join("samples").join(file)).unwrap();
        let mut text = String::new();
        Utf8::new(bytes.as_slice()).read_to_string(&mut text).unwrap();
        text
    };
    match kind {
        "registry" => REGISTRY.to_owned(),
        "system" => SYSTEM.to_owned(),
        "sessions" => SESSIONS.to_owned(),
        "certificates" => CERTIFICATES.to_owned(),
        "acl" => PERMISSIONS.to_owned(),
        "clock" => STRIPCHART.to_owned(),
        "policy" => CLIENT_POLICIES.to_owned(),
        "netstat" => sample("wrong-port/server/netstat.txt"),
        "rdp_file" => sample("wrong-port/client/ts-prod-01.rdp"),
        "cipher_suites" => sample("tls-no-shared-cipher/server/cipher-suites.txt"),
        kind => panic!("no text of the kind {kind}: add one"),
    }
}
