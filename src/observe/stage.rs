use serde::{Deserialize, Serialize};

/// How far a connection got, in the order of the protocol.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Deserialize,
    Serialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    NameResolution,
    Tcp,
    X224,
    Tls,
    Credssp,
    Logon,
    Authorization,
    Licensing,
    Session,
}

impl Stage {
    pub fn name(self) -> &'static str {
        match self {
            Self::NameResolution => "name_resolution",
            Self::Tcp => "tcp",
            Self::X224 => "x224",
            Self::Tls => "tls",
            Self::Credssp => "credssp",
            Self::Logon => "logon",
            Self::Authorization => "authorization",
            Self::Licensing => "licensing",
            Self::Session => "session",
        }
    }
}
