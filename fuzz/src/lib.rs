//! What the fuzz targets do with their bytes. The tests of the project include this
//! file and give every seed to its target.

mod decrypt;
mod files;
mod inside;
mod redact;
mod reports;
mod script;
mod stream;
mod tcp;
mod wire;

pub use decrypt::decrypt;
pub use files::{archive, capture_file, document, etl, event_log, export};
pub use inside::inside;
pub use redact::redact;
pub use reports::reports;
pub use stream::stream;
pub use wire::{callers, certificate, credssp, packet, rdp, tls, udp};

/// What a target does with bytes.
pub type Target = fn(&[u8]);

/// All targets, each by the name of its folder of seeds.
pub const TARGETS: [(&str, Target); 18] = [
    ("archive", archive),
    ("callers", callers),
    ("capture_file", capture_file),
    ("certificate", certificate),
    ("credssp", credssp),
    ("decrypt", decrypt),
    ("document", document),
    ("etl", etl),
    ("event_log", event_log),
    ("export", export),
    ("inside", inside),
    ("packet", packet),
    ("rdp", rdp),
    ("redact", redact),
    ("reports", reports),
    ("stream", stream),
    ("tls", tls),
    ("udp", udp),
];
