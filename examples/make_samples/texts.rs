//! Texts that people attach: what commands print and programs save.

/// As Windows PowerShell and `reg export` write text into files.
pub(crate) fn utf16(text: &str) -> Vec<u8> {
    let units = text.replace('\n', "\r\n");
    [0xfeff].into_iter().chain(units.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

/// `reg export` of the switch that allows Remote Desktop, which is off, and of the
/// computer's name.
pub(crate) const SWITCHED_OFF: &str = r#"Windows Registry Editor Version 5.00

[HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\ComputerName\ComputerName]
@="mnmsrvc"
"ComputerName"="TS-PROD-01"

[HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\Terminal Server]
"AllowRemoteRPC"=dword:00000000
"DelayConMgrTimeout"=dword:00000000
"DeleteTempDirsOnExit"=dword:00000001
"fDenyTSConnections"=dword:00000001
"fSingleSessionPerUser"=dword:00000001
"ProductVersion"="5.1"
"TSUserEnabled"=dword:00000000

"#;

/// `reg export` of the versions of a host that was hardened too far: TLS 1.2 was switched
/// on for clients only.
pub(crate) const VERSIONS_OFF: &str = r#"Windows Registry Editor Version 5.00

[HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\SecurityProviders\SCHANNEL\Protocols]

[HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\SecurityProviders\SCHANNEL\Protocols\TLS 1.0\Server]
"Enabled"=dword:00000000
"DisabledByDefault"=dword:00000001

[HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\SecurityProviders\SCHANNEL\Protocols\TLS 1.1\Server]
"Enabled"=dword:00000000
"DisabledByDefault"=dword:00000001

[HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\SecurityProviders\SCHANNEL\Protocols\TLS 1.2\Client]
"Enabled"=dword:ffffffff
"DisabledByDefault"=dword:00000000

[HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\SecurityProviders\SCHANNEL\Protocols\TLS 1.2\Server]
"Enabled"=dword:00000000
"DisabledByDefault"=dword:00000001

"#;

/// `netstat -anob` of a server that listens on another port, in German.
pub(crate) const LISTENERS: &str = "
Aktive Verbindungen

  Proto  Lokale Adresse         Remoteadresse          Status           PID
  TCP    0.0.0.0:135            0.0.0.0:0              ABHÖREN         912
  RpcSs
 [svchost.exe]
  TCP    0.0.0.0:445            0.0.0.0:0              ABHÖREN         4
 Es konnten keine Besitzerinformationen abgerufen werden.
  TCP    0.0.0.0:3390           0.0.0.0:0              ABHÖREN         1180
  TermService
 [svchost.exe]
  TCP    10.20.5.11:139         0.0.0.0:0              ABHÖREN         4
 Es konnten keine Besitzerinformationen abgerufen werden.
  TCP    [::]:135               [::]:0                 ABHÖREN         912
  RpcSs
 [svchost.exe]
  TCP    [::]:3390              [::]:0                 ABHÖREN         1180
  TermService
 [svchost.exe]
  UDP    0.0.0.0:3390           *:*                                    1180
  TermService
 [svchost.exe]
";

/// What mstsc saves.
pub(crate) const CONNECTION: &str = "screen mode id:i:2
use multimon:i:0
session bpp:i:32
full address:s:ts-prod-01.example.test
authentication level:i:2
prompt for credentials:i:0
negotiate security layer:i:1
gatewayhostname:s:
gatewayusagemethod:i:4
enablecredsspsupport:i:1
password 51:b:01000000D08C9DDF0115D1118C7A00C04FC297EB01000000
use redirection server name:i:0
";

/// `reg query` of a listener that is set to a certificate.
pub(crate) const LISTENER: &str = r"
HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\Terminal Server\WinStations\RDP-Tcp
    PortNumber    REG_DWORD    0xd3d
    SecurityLayer    REG_DWORD    0x2
    SSLCertificateSHA1Hash    REG_BINARY    6FC0A8D2B2E3774D1A90C1E5F8426B3D97A1540E
    UserAuthentication    REG_DWORD    0x1

";

/// `Get-ChildItem` of the stores: of that certificate only the public part was imported.
pub(crate) const STORES: &str = "

Subject              : CN=ts-prod-01.example.test
NotAfter             : 11.09.2026 14:03:22
HasPrivateKey        : False
Thumbprint           : 6FC0A8D2B2E3774D1A90C1E5F8426B3D97A1540E
EnhancedKeyUsageList : {Serverauthentifizierung (1.3.6.1.5.5.7.3.1)}

Subject              : CN=ts-prod-01
NotAfter             : 02.10.2025 06:11:40
HasPrivateKey        : True
Thumbprint           : 1D0B5E7C9F3A48E2B6C4D8F0A2E46810C3579BDF
EnhancedKeyUsageList : {Serverauthentifizierung (1.3.6.1.5.5.7.3.1)}


";
