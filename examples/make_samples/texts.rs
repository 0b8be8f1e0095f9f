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

/// `w32tm /stripchart /computer:… /samples:3` on the server, in German.
pub(crate) const STRIPCHART: &str = "dc01.example.test wird überwacht [10.20.5.2:123].
3 Beispiele werden gesammelt.
Es ist 03.06.2025 10:40:12.
10:40:12, d:+00.0009871s o:-719.8812345s  [                           *                           ]
10:40:14, d:+00.0011204s o:-719.8813012s  [                           *                           ]
10:40:16, d:+00.0010440s o:-719.8812871s  [                           *                           ]
";

/// A part of `gpresult /z` on a client.
pub(crate) const CLIENT_POLICIES: &str = "Microsoft (R) Windows (R) Operating System Group Policy Result tool v2.0

COMPUTER SETTINGS
------------------
    CN=WS-042,OU=Clients,DC=example,DC=test

    Resultant Set Of Policies for Computer
    ---------------------------------------

        Administrative Templates
        ------------------------
            GPO: Clients Hardening
                KeyName:     Software\\Microsoft\\Windows\\CurrentVersion\\Policies\\System\\CredSSP\\Parameters\\AllowEncryptionOracle
                Value:       0, 0, 0, 0
                State:       Enabled
";

/// `certutil -verifystore` of the certificate with this SHA-1, whose issuer says that it is
/// revoked; in German.
pub(crate) fn verified_store(sha1: &str) -> String {
    let spaced: Vec<&str> = (0..20).map(|n| &sha1[2 * n..2 * n + 2]).collect();
    format!(
        "Remote Desktop \"Remotedesktop\"
================ Zertifikat 0 ================
Seriennummer: 1b0000002f6e0c9d4a7d00f2a100000000002f
Aussteller: CN=Example Issuing CA
Antragsteller: CN=ts-prod-01.example.test
Kein Stammzertifikat
Zertifikathash(sha1): {}
  Schlüsselcontainer = TSSecKeySet1
  Anbieter = Microsoft Strong Cryptographic Provider
Zertifikat ist gesperrt: 0x80092010 (-2146885616 CRYPT_E_REVOKED)
CertUtil: -verifystore-Befehl wurde erfolgreich ausgeführt.
",
        spaced.join(" ")
    )
}

/// What `testssl --jsonfile` finds of a hardened server.
pub(crate) const TESTSSL: &str = r#"[
         {"id":"engine_problem","ip":"/","port":"443","severity":"WARN","finding":"No engine or GOST support via engine with your openssl"},
         {"id":"SSLv3","ip":"ts-prod-01.example.test/10.20.5.11","port":"3389","severity":"OK","finding":"not offered"},
         {"id":"TLS1","ip":"ts-prod-01.example.test/10.20.5.11","port":"3389","severity":"OK","finding":"not offered"},
         {"id":"TLS1_1","ip":"ts-prod-01.example.test/10.20.5.11","port":"3389","severity":"OK","finding":"not offered"},
         {"id":"TLS1_2","ip":"ts-prod-01.example.test/10.20.5.11","port":"3389","severity":"OK","finding":"offered"},
         {"id":"TLS1_3","ip":"ts-prod-01.example.test/10.20.5.11","port":"3389","severity":"INFO","finding":"not offered and downgraded to a weaker protocol"},
         {"id":"cipher-tls1_2_xc030","ip":"ts-prod-01.example.test/10.20.5.11","port":"3389","severity":"OK","finding":"TLSv1.2   xc030   ECDHE-RSA-AES256-GCM-SHA384       ECDH 384   AESGCM      256      TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"},
         {"id":"cipher-tls1_2_xc02f","ip":"ts-prod-01.example.test/10.20.5.11","port":"3389","severity":"OK","finding":"TLSv1.2   xc02f   ECDHE-RSA-AES128-GCM-SHA256       ECDH 384   AESGCM      128      TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"}
]
"#;

/// What a user wrote, with the client's dialog as Ctrl+C copies it, in French.
pub(crate) const DIALOG: &str = "Since this morning I cannot connect to ts-prod-01 any more:

[Window Title]
Connexion Bureau à distance

[Content]
Le Bureau à distance ne parvient pas à se connecter à l’ordinateur distant.

[Expanded Information]
Code d’erreur : 0x204
Code d’erreur étendu : 0x0
Horodatage (UTC) : 06/03/25 08:15:21 AM

[OK] [Aide]
";
