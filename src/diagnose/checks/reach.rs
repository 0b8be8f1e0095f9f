//! Facts about the way from the client to the desktop, step by step: those that causes
//! weigh as well, and those that only say that all is well so far.

use super::subject::{Subject, of_stream};
use crate::base::{counted, millis_between};
use crate::correlate::{
    Attempt, Case, Outcome, has_session, is_finished, syn_unanswered, wire_outcome,
};
use crate::diagnose::Fact;
use crate::diagnose::log_facts::log_facts;
use crate::diagnose::rdp_facts::rdp_facts;
use crate::diagnose::security_facts::security_facts;
use crate::diagnose::tls_facts::Wanted;
use crate::diagnose::wire_facts::{LARGE_SEGMENT, at, wire_facts};
use crate::knowledge::Knowledge;
use crate::observe::{Conversation, Reason, Service, Version, cipher_suite_name};

/// Names of a certificate that a statement shows.
const NAMES_SHOWN: usize = 3;

/// Everything that tells how far the client got.
pub(super) fn facts(case: &Case, subject: &Subject<'_>, knowledge: &Knowledge) -> Vec<Fact> {
    let Some(attempt) = subject.attempt else { return Vec::new() };
    let mut facts = Vec::new();
    facts.extend(case.resolution(attempt).map(|o| Fact::of_observation(case, o, 1.0)));
    let agreed = if subject.views().iter().any(|view| is_finished(view)) { "yes" } else { "no" };
    let logged = log_facts(case, attempt).into_iter();
    let logged = logged.map(|fact| told(attempt, fact, knowledge).with("tls_agreed", agreed));
    facts.extend(logged);
    facts.extend(asked_for(&facts, attempt));
    let client = attempt.client_host.as_deref();
    let wanted = Wanted {
        name: attempt.server_name.as_deref(),
        client_ahead: client.and_then(|host| case.clocks.offset(host)).map(|o| o.ahead),
    };
    for view in subject.views() {
        facts.extend(wire_facts(view, wanted));
        facts.extend(rdp_facts(view, knowledge));
        facts.extend(security_facts(view));
        tcp(view, &mut facts);
        tls(view, &mut facts);
        certificate(view, wanted, &mut facts);
        facts.push(sizes(view));
    }
    facts
}

/// A record with its sentence, and whether the server or the client wrote it.
pub(super) fn told(attempt: &Attempt, fact: Fact, knowledge: &Knowledge) -> Fact {
    let host = fact.host.clone();
    let side = match host {
        Some(_) if host == attempt.server_host => "server",
        Some(_) if host == attempt.client_host => "client",
        _ => "unknown",
    };
    let mut sentence = knowledge.sentence(&fact.kind, &fact.fields).unwrap_or_default();
    // A value of the record may end in a full stop of its own.
    if sentence.ends_with("..") {
        sentence.pop();
    }
    let log_of = host.as_deref().unwrap_or("a host").to_owned();
    fact.with("written_by", side).with("log_of", log_of).with("sentence", sentence)
}

/// What the user typed, by the client's log: a name or an address.
fn asked_for(facts: &[Fact], attempt: &Attempt) -> Option<Fact> {
    let name = attempt.server_name.as_deref()?;
    let begun = facts.iter().find(|fact| &*fact.kind == "event.rdpclient.1024")?;
    let mut fact = begun.clone();
    fact.kind = "log.asked_for".into();
    let form = if is_address(name) { "address" } else { "name" };
    Some(fact.with("name", name).with("form", form))
}

fn is_address(name: &str) -> bool {
    crate::base::parse_endpoint(name).is_some()
}

fn tcp(view: &Conversation, facts: &mut Vec<Fact>) {
    let tcp = &view.tcp;
    if let Some(answer) = &tcp.syn_ack {
        let waited = tcp.syn.as_ref().map(|syn| millis_between(syn.time.0, answer.time.0));
        let after = waited.map(|ms| format!(", {ms:.1} ms after the first SYN"));
        let established = if tcp.established.is_some() { "yes" } else { "no" };
        facts.push(
            at("wire.tcp.answered", view, answer)
                .with("server", view.server)
                .with("established", established)
                .with("after", after.unwrap_or_default()),
        );
    } else if tcp.syn.is_none() && both_speak(view) {
        facts.push(of_stream("wire.tcp.midway", view).with("server", view.server));
    }
    if let Some(syn) = tcp.syn.as_ref().filter(|_| tcp.syn_ack.is_none()) {
        let open = tcp.refused.is_none() && tcp.unreachables.is_empty() && !syn_unanswered(view);
        let alone = open && !both_speak(view);
        facts.extend(alone.then(|| at("wire.tcp.syn_once", view, syn).with("server", view.server)));
    }
    if view.service == Service::Gateway {
        facts.push(of_stream("wire.gateway.tunnel", view).with("server", view.server));
    }
    if let (false, Some(reset)) = (has_session(view), tcp.forged_reset()) {
        facts.push(
            Fact::of_frame("wire.cut_off", view, reset.frame.0, reset.time)
                .with("stage", wire_outcome(view).1.name())
                .with("claims", reset.claims.name())
                .with("mark", reset.mark.name()),
        );
    }
}

fn both_speak(view: &Conversation) -> bool {
    view.tcp.health.iter().all(|health| health.data_segments > 0)
}

fn tls(view: &Conversation, facts: &mut Vec<Fact>) {
    let tls = &view.tls;
    if let (Some(hello), true) = (&tls.server_hello, is_finished(view)) {
        facts.push(
            at("wire.tls.agreed", view, hello)
                .with("version", hello.value.version().name())
                .with("cipher_suite", cipher_suite_name(hello.value.cipher_suite)),
        );
    } else if let (Some(hello), false) = (&tls.client_hello, is_finished(view)) {
        let ended = match wire_outcome(view).0 {
            Outcome::Failed => "yes",
            _ => "no",
        };
        facts.push(at("wire.tls.unfinished", view, hello).with("failed", ended));
    }
}

/// What is well about a certificate, or why it cannot be seen. The dates are a fact of
/// [`wire_facts`] already.
fn certificate(view: &Conversation, wanted: Wanted<'_>, facts: &mut Vec<Fact>) {
    let Some((chain, leaf)) = view.tls.certificates.as_ref().zip(view.tls.leaf()) else {
        let hello = view.tls.server_hello.as_ref();
        let why = match (hello.map(|at| at.value.version()), view.resumed()) {
            (Some(_), Some(true)) => "an earlier TLS session went on, so the server showed none",
            (Some(version), _) if version >= Version::TLS_1_3 => "TLS 1.3 encrypts it",
            _ => return,
        };
        facts
            .extend(hello.map(|hello| at("wire.certificate.hidden", view, hello).with("why", why)));
        return;
    };
    let sni = view.tls.client_hello.as_ref().and_then(|hello| hello.value.server_name());
    let wanted = wanted.name.map(str::to_owned).or(sni);
    if let Some(wanted) = wanted {
        let fits = if leaf.covers(&wanted) { "yes" } else { "no" };
        facts.push(
            at("wire.certificate.fits", view, chain)
                .with("wanted", wanted)
                .with("fits", fits)
                .with("names", some_of(&leaf.names)),
        );
    }
    if let (None, Some(bits)) = (leaf.weakness(), leaf.key_bits) {
        let kind = if leaf.rsa { "an RSA key" } else { "a curve" };
        facts.push(
            at("wire.certificate.strong", view, chain)
                .with("key", format!("{kind} of {bits} bits")),
        );
    }
}

/// The first names of a certificate: that of a farm has hundreds.
fn some_of(names: &[String]) -> String {
    let shown: Vec<&str> = names.iter().take(NAMES_SHOWN).map(String::as_str).collect();
    match (shown.is_empty(), names.len().saturating_sub(NAMES_SHOWN)) {
        (true, _) => "no name".to_owned(),
        (false, 0) => shown.join(", "),
        (false, left) => format!("{} and {}", shown.join(", "), counted(left, "more name")),
    }
}

/// The largest payloads that were acknowledged. A capture on the sender shows what its
/// network card cuts up later: no more than the other side takes is counted.
fn sizes(view: &Conversation) -> Fact {
    let [client, server] = &view.tcp.health;
    let limit = |mss: Option<u16>| mss.map_or(u32::MAX, u32::from);
    let to_server = client.largest_acked.min(limit(server.mss));
    let to_client = server.largest_acked.min(limit(client.mss));
    let large = if to_server.max(to_client) >= LARGE_SEGMENT { "yes" } else { "no" };
    let data = if to_server.max(to_client) > 0 { "yes" } else { "no" };
    let mtu = view.tcp.unreachables.iter().find_map(|at| match at.value.1.reason {
        Reason::TooBig { mtu } => Some(mtu),
        _ => None,
    });
    let mut fact = of_stream("wire.mtu.sizes", view)
        .with("to_server", to_server)
        .with("to_client", to_client)
        .with("large", large)
        .with("data", data);
    if let Some(mtu) = mtu {
        fact = fact.with("mtu", mtu);
    }
    fact
}
