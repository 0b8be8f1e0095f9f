//! What one capture proves about the security layer that the two sides agreed on:
//! what was asked of it, and how a connection stopped inside it.

use super::Fact;
use super::wire_facts::at;
use crate::base::millis_between;
use crate::correlate::{client_records, has_session, is_finished};
use crate::observe::{
    Close, Conversation, Negotiation, RequestFlags, ResponseFlags, Service, Side,
};

/// The server gives up a connection that does not log on after 90 s (measured: 90.0).
const PRELOGON_TIMER_S: std::ops::RangeInclusive<f64> = 85.0..=95.0;
/// Silence of the client before the server's end from which nobody is at work, in s.
const QUIET_S: f64 = 30.0;
/// CredSSP records of the client before the one that holds its proof of identity.
const BEFORE_THE_PROOF: u64 = 1;

/// `encryptionMethods`, [MS-RDPBCGR] 2.2.1.3.3, and their names.
const METHODS: [(u32, &str); 4] =
    [(0x01, "40-bit"), (0x08, "56-bit"), (0x02, "128-bit"), (FIPS, "FIPS")];
const FIPS: u32 = 0x10;

/// All facts of one view.
pub(super) fn security_facts(view: &Conversation) -> Vec<Fact> {
    let mut facts = Vec::new();
    facts.extend(mode_not_supported(view));
    facts.extend(wrong_usage(view));
    if has_session(view) {
        return facts;
    }
    if let Some(close) = view.tcp.close.filter(|_| view.tcp.forged_reset().is_none()) {
        facts.extend(standard_security(view, close));
        facts.extend(idle(view, close));
    }
    facts
}

/// Modes of logging on that the request demands and the confirm does not announce.
fn missing_mode(asked: RequestFlags, supported: ResponseFlags) -> Option<&'static str> {
    let modes = [
        (
            RequestFlags::RESTRICTED_ADMIN_MODE_REQUIRED,
            ResponseFlags::RESTRICTED_ADMIN_MODE_SUPPORTED,
            "Restricted Admin",
        ),
        (
            RequestFlags::REDIRECTED_AUTHENTICATION_MODE_REQUIRED,
            ResponseFlags::REDIRECTED_AUTHENTICATION_MODE_SUPPORTED,
            "Remote Credential Guard",
        ),
    ];
    let missing = |(flag, answer, _): &(RequestFlags, ResponseFlags, _)| {
        asked.contains(*flag) && !supported.contains(*answer)
    };
    modes.into_iter().find(missing).map(|(_, _, name)| name)
}

fn mode_not_supported(view: &Conversation) -> Option<Fact> {
    let request = view.x224.request.as_ref()?;
    let confirm = view.x224.confirm.as_ref()?;
    let Some(Negotiation::Request { flags: asked, .. }) = request.value.negotiation else {
        return None;
    };
    let Some(Negotiation::Response { flags, .. }) = confirm.value.negotiation else { return None };
    let mode = missing_mode(asked, ResponseFlags::from_bits_retain(flags))?;
    Some(at("wire.x224.mode_not_supported", view, confirm).with("mode", mode))
}

/// A certificate whose extended key usage leaves out what a server needs.
fn wrong_usage(view: &Conversation) -> Option<Fact> {
    let chain = view.tls.certificates.as_ref()?;
    let leaf = chain.value.first().filter(|leaf| leaf.server_auth == Some(false))?;
    Some(at("wire.certificate.wrong_usage", view, chain).with("subject", &leaf.subject))
}

/// The methods that a set of bits stands for, and whether FIPS is among them.
fn methods(bits: u32) -> (String, bool) {
    let names: Vec<&str> =
        METHODS.iter().filter(|(bit, _)| bits & bit != 0).map(|(_, name)| *name).collect();
    let shown = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    (shown, bits & FIPS != 0)
}

/// Standard RDP security that the server ends: over what the client offered, or
/// after the keys were exchanged.
fn standard_security(view: &Conversation, close: Close) -> Option<Fact> {
    let rdp = &view.rdp;
    let explained = rdp.error_info.is_some() || rdp.disconnect.is_some();
    if close.by != Side::Server || view.tls.client_hello.is_some() || explained {
        return None;
    }
    let ended = |kind, since: crate::base::HostTime| {
        Fact::of_frame(kind, view, close.frame.0, close.time)
            .with("how", close.kind.name())
            .with("after_ms", format!("{:.0}", millis_between(since.0, close.time.0)))
    };
    if let Some(exchange) = &rdp.security_exchange {
        let licensed = !rdp.licensing.is_empty() || rdp.active.is_some();
        return (!licensed).then(|| ended("wire.security.ended_after_exchange", exchange.time));
    }
    let [_, server_pdus] = view.x224.data_pdus;
    let offer = rdp.client.as_ref().filter(|_| server_pdus == 0)?;
    let offered = offer.value.security?;
    let bits = offered.encryption_methods | offered.ext_encryption_methods.unwrap_or(0);
    let (names, fips) = methods(bits);
    // No method at all is what a client says that counts on TLS.
    (bits != 0).then(|| {
        ended("wire.security.offer_refused", offer.time)
            .with("methods", names)
            .with("fips", if fips { "yes" } else { "no" })
    })
}

/// The server's pre-logon timer ran out while the client said nothing.
fn idle(view: &Conversation, close: Close) -> Option<Fact> {
    let established = view.tcp.established.as_ref()?;
    let seconds = millis_between(established.time.0, close.time.0) / 1000.0;
    if close.by != Side::Server
        || view.service != Service::RemoteDesktop
        || !PRELOGON_TIMER_S.contains(&seconds)
        || client_records(view) > BEFORE_THE_PROOF
    {
        return None;
    }
    let [client_data, _] = &view.tls.application_data;
    let spoken = [
        view.x224.request.as_ref().map(|at| at.time),
        view.tls.client_hello.as_ref().map(|at| at.time),
        client_data.last().map(|record| record.time),
    ];
    let last = spoken.into_iter().flatten().max()?;
    let quiet = millis_between(last.0, close.time.0) / 1000.0;
    let reached = match (is_finished(view), view.x224.confirm.is_some()) {
        (true, _) => "the TLS handshake",
        (false, true) => "the negotiation",
        (false, false) => "its connection request",
    };
    (quiet >= QUIET_S).then(|| {
        Fact::of_frame("wire.idle.server_gave_up", view, close.frame.0, close.time)
            .with("seconds", format!("{seconds:.1}"))
            .with("quiet_s", format!("{quiet:.1}"))
            .with("reached", reached)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_is_missing_only_when_it_was_asked_for() {
        let admin = RequestFlags::RESTRICTED_ADMIN_MODE_REQUIRED;
        let guard = RequestFlags::REDIRECTED_AUTHENTICATION_MODE_REQUIRED;
        let all = ResponseFlags::from_bits_retain(0x1f);
        let old = ResponseFlags::from_bits_retain(0x07);
        assert_eq!(missing_mode(admin, old), Some("Restricted Admin"));
        assert_eq!(missing_mode(guard, old), Some("Remote Credential Guard"));
        assert_eq!(missing_mode(admin | guard, all), None);
        assert_eq!(missing_mode(RequestFlags::empty(), old), None);
    }

    #[test]
    fn methods_are_named_from_weak_to_strong() {
        assert_eq!(methods(0x0b), ("40-bit, 56-bit, 128-bit".to_owned(), false));
        assert_eq!(methods(0x10), ("FIPS".to_owned(), true));
        assert_eq!(methods(0), ("none".to_owned(), false));
    }
}
