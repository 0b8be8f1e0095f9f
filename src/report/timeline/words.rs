//! Steps of a connection in words: each milestone has a short name in the words of its
//! protocol, and one sentence.

use super::model::Detail;
use crate::base::rfc3339;
use crate::knowledge::{Code, Knowledge};
use crate::observe::{
    AlertSeen, ClientHello, Conversation, Milestone, Negotiation, Protocols, cipher_suite_name,
};
use crate::wire::ja;
use crate::wire::tls::{ServerHello, is_grease};

/// A step in words.
#[derive(Debug, Default)]
pub(in crate::report) struct Words {
    pub(in crate::report) what: String,
    pub(in crate::report) message: String,
    pub(super) details: Vec<Detail>,
    pub(super) user: Option<String>,
}

impl Words {
    pub(super) fn new(what: &str, message: impl Into<String>) -> Self {
        Self { what: what.to_owned(), message: message.into(), ..Self::default() }
    }

    pub(super) fn with(mut self, details: impl IntoIterator<Item = Detail>) -> Self {
        self.details.extend(details);
        self
    }
}

/// A step of a connection in words.
pub(in crate::report) fn of_step(
    view: &Conversation,
    step: &Milestone,
    knowledge: &Knowledge,
) -> Words {
    of_tcp_and_x224(view, step)
        .or_else(|| of_tls(view, step))
        .or_else(|| of_credssp(view, step, knowledge))
        .or_else(|| of_mcs(view, step))
        .or_else(|| of_session(view, step, knowledge))
        // A step that has no words yet still happened.
        .unwrap_or_else(|| {
            let said = format!("The {} took the step {}.", step.by.name(), step.name);
            Words::new(step.name, said)
        })
}

fn of_tcp_and_x224(view: &Conversation, step: &Milestone) -> Option<Words> {
    let by = step.by.name();
    Some(match step.name {
        "syn" => Words::new("SYN", "The client opens a TCP connection."),
        "syn_ack" => Words::new("SYN-ACK", "The server accepts the TCP connection."),
        "established" => {
            let rtt = view.tcp.handshake_rtt_ms;
            let rtt = rtt.map(|ms| format!(", round trip {ms:.1} ms")).unwrap_or_default();
            Words::new("ACK", format!("The TCP connection is established{rtt}."))
        }
        "connection_request" => connection_request(view)?,
        "connection_confirm" => connection_confirm(view)?,
        "foreign_request" => {
            let protocol = view.x224.foreign_caller.as_ref()?.value;
            Words::new("no RDP", format!("The client speaks {protocol} where RDP was due."))
        }
        "http_request" => {
            let line = &view.decryption.http.as_ref()?.value;
            Words::new("HTTP request", format!("The client asks over HTTP: {line}"))
        }
        "http_answer" => {
            let line = &view.decryption.http_answer.as_ref()?.value;
            Words::new("HTTP answer", format!("The {by} answers over HTTP: {line}"))
        }
        _ => return None,
    })
}

fn names(protocols: Protocols) -> String {
    protocols.names().join(", ")
}

fn connection_request(view: &Conversation) -> Option<Words> {
    let request = &view.x224.request.as_ref()?.value;
    let asked = match request.negotiation {
        Some(Negotiation::Request { protocols, .. }) => names(protocols),
        _ => "standard RDP security, without a negotiation".to_owned(),
    };
    let cookie = request.cookie.as_ref().map(|cookie| format!(", cookie {cookie}"));
    let token = request.routing_token.as_ref().map(|token| format!(", routing token {token}"));
    let more = [cookie, token].into_iter().flatten().collect::<String>();
    let message = format!("The client asks for RDP over {asked}{more}.");
    Some(Words::new("Connection Request", message))
}

fn connection_confirm(view: &Conversation) -> Option<Words> {
    Some(match view.x224.confirm.as_ref()?.value.negotiation {
        Some(Negotiation::Failure(code)) => {
            let name = code.name();
            let message = format!("The server refuses the negotiation: {name}.");
            Words::new(&format!("RDP_NEG_FAILURE {name}"), message)
                .with([("error.code", name.into_owned())])
        }
        Some(Negotiation::Response { selected, .. }) => {
            let message = format!("The server chooses {}.", names(selected));
            Words::new("Connection Confirm", message)
        }
        _ => Words::new(
            "Connection Confirm",
            "The server accepts without a negotiation: standard RDP security.",
        ),
    })
}

fn of_tls(view: &Conversation, step: &Milestone) -> Option<Words> {
    let (tls, by) = (&view.tls, step.by.name());
    Some(match step.name {
        "client_hello" => client_hello("ClientHello", &tls.client_hello.as_ref()?.value),
        "second_client_hello" => {
            client_hello("ClientHello (second)", &tls.second_client_hello.as_ref()?.value)
        }
        "hello_retry_request" => {
            Words::new("HelloRetryRequest", "The server asks for another ClientHello.")
        }
        "server_hello" => server_hello(&tls.server_hello.as_ref()?.value),
        "certificate" => certificate(view)?,
        "server_hello_done" => {
            Words::new("ServerHelloDone", "The server ends its part of the TLS handshake.")
        }
        "client_key_exchange" => {
            Words::new("ClientKeyExchange", "The client sends its key exchange.")
        }
        "change_cipher_spec" => Words::new(
            "ChangeCipherSpec",
            format!("What the {by} sends from here on is encrypted."),
        ),
        "application_data" => {
            Words::new("application data", format!("The {by} sends its first encrypted data."))
        }
        // Only the first records are kept.
        "last_application_data" => {
            Words::new("application data", format!("The {by} sends more encrypted data."))
        }
        "alert" => alert(tls.alerts.iter().find(|seen| is_at(seen, step))?, ""),
        "inner_alert" => {
            alert(tls.inner_alerts.iter().find(|seen| is_at(seen, step))?, ", encrypted")
        }
        "encrypted_alert" => Words::new(
            "alert (encrypted)",
            format!("The {by} sends an alert whose content is encrypted."),
        ),
        _ => return None,
    })
}

fn is_at(seen: &AlertSeen, step: &Milestone) -> bool {
    seen.frame == step.frame && seen.from == step.by
}

fn alert(seen: &AlertSeen, how: &str) -> Words {
    let (by, alert) = (seen.from.name(), seen.alert);
    let description = alert.description.name();
    let message = format!("The {by} sends the {} alert {description}{how}.", alert.level_name());
    Words::new(&format!("alert {description}"), message)
        .with([("error.code", alert.description.0.to_string())])
}

fn client_hello(what: &str, hello: &ClientHello) -> Words {
    let versions: Vec<_> = hello.versions().iter().map(|version| version.name()).collect();
    let suites = hello.cipher_suites.iter().filter(|suite| !is_grease(**suite)).count();
    let name = hello.server_name();
    let shown = name.as_ref().map(|name| format!(" for {name}")).unwrap_or_default();
    let message = format!(
        "The client offers TLS {} with {suites} cipher suites{shown}.",
        versions.join(", ")
    );
    Words::new(what, message)
        .with(name.map(|name| ("tls.client.server_name", name)))
        .with([("tls.client.ja3", ja::ja3(hello)), ("tls.client.ja4", ja::ja4(hello))])
}

fn server_hello(hello: &ServerHello) -> Words {
    let (version, suite) = (hello.version().name(), cipher_suite_name(hello.cipher_suite));
    let message = format!("The server chooses TLS {version} and {suite}.");
    Words::new("ServerHello", message).with([
        ("tls.version", version.into_owned()),
        ("tls.cipher", suite.into_owned()),
        ("tls.server.ja3s", ja::ja3s(hello)),
    ])
}

fn certificate(view: &Conversation) -> Option<Words> {
    let leaf = view.tls.leaf()?;
    let until = leaf.not_after.map(rfc3339);
    let shown = until.as_ref().map(|time| format!(", valid until {time}")).unwrap_or_default();
    let by = if leaf.self_signed { "itself" } else { leaf.issuer.as_str() };
    let message =
        format!("The server shows the certificate {}, issued by {by}{shown}.", leaf.subject);
    let dates =
        [("tls.server.not_before", leaf.not_before.map(rfc3339)), ("tls.server.not_after", until)];
    let dates = dates.into_iter().filter_map(|(name, time)| Some((name, time?)));
    let words = Words::new("Certificate", message).with([
        ("tls.server.subject", leaf.subject.clone()),
        ("tls.server.issuer", leaf.issuer.clone()),
        ("tls.server.hash.sha1", leaf.sha1.to_uppercase()),
        ("tls.server.hash.sha256", leaf.sha256.to_uppercase()),
    ]);
    Some(words.with(dates))
}

/// A code with its name, where a table has it.
fn named(known: Option<&Code>, value: u32) -> (String, Detail) {
    let code = format!("0x{value:08x}");
    let symbol = known.map(|code| code.symbol.as_str()).filter(|symbol| !symbol.is_empty());
    let shown = symbol.map_or_else(|| code.clone(), |symbol| format!("{symbol} ({code})"));
    (shown, ("error.code", code))
}

fn of_credssp(view: &Conversation, step: &Milestone, knowledge: &Knowledge) -> Option<Words> {
    let credssp = &view.credssp;
    Some(match step.name {
        "ntlm_challenge" => {
            let info = &credssp.challenge.as_ref()?.value.target_info;
            let name = info.dns_computer.as_ref().or(info.netbios_computer.as_ref());
            let name = name.map(|name| format!(" as {name}")).unwrap_or_default();
            Words::new("NTLM CHALLENGE", format!("The server answers NTLM{name}."))
        }
        "ntlm_authenticate" => {
            let message = &credssp.authenticate.as_ref()?.value;
            let user = message.user.clone();
            let domain = message.domain.as_ref().filter(|domain| !domain.is_empty());
            let domain = domain.map(|domain| format!("{domain}\\")).unwrap_or_default();
            let who = user.as_deref().unwrap_or("nobody");
            let said = format!("The client authenticates as {domain}{who} with NTLM.");
            Words { user, ..Words::new("NTLM AUTHENTICATE", said) }
        }
        "credssp_error" => {
            let value = credssp.error_code.as_ref()?.value;
            let (shown, code) = named(knowledge.status(value), value);
            let said = format!("The server refuses the credentials: {shown}.");
            Words::new("TSRequest errorCode", said).with([code])
        }
        "kerberos_error" => {
            let value = credssp.kerberos_error.as_ref()?.value.code;
            let (shown, code) = named(knowledge.code("kerberos", i64::from(value)), value);
            Words::new("KRB-ERROR", format!("Kerberos fails: {shown}.")).with([code])
        }
        "credentials" => Words::new(
            "TSRequest authInfo",
            "The client hands over its credentials: CredSSP went well until here.",
        ),
        "early_user_auth" => {
            let value = credssp.early_user_auth.as_ref()?.value;
            let table = knowledge.code("early_user_auth", i64::from(value));
            let (shown, code) = named(table, value);
            let said = format!("The server decides before the logon: {shown}.");
            let words = Words::new("Early User Authorization Result", said);
            words.with((value != 0).then_some(code))
        }
        _ => return None,
    })
}

fn of_mcs(view: &Conversation, step: &Milestone) -> Option<Words> {
    let rdp = &view.rdp;
    Some(match step.name {
        "mcs_connect_initial" => {
            let core = rdp.client.as_ref()?.value.core.as_ref();
            let name = core.and_then(|core| core.client_name.as_ref());
            let name = name.map(|name| format!(" as {name}")).unwrap_or_default();
            let build = core.and_then(|core| core.client_build);
            let build = build.map(|build| format!(", build {build}")).unwrap_or_default();
            let said = format!("The client introduces itself{name}{build}.");
            Words::new("MCS Connect Initial", said)
        }
        "mcs_connect_response" => {
            Words::new("MCS Connect Response", "The server answers with its settings.")
        }
        "mcs_connect_refused" => {
            let result = rdp.connect_refused.as_ref()?.value;
            let said = format!("The server refuses the MCS connection with result {result}.");
            Words::new("MCS Connect Response", said).with([("error.code", result.to_string())])
        }
        "mcs_attach_refused" => {
            let result = rdp.attach_refused.as_ref()?.value;
            let said = format!("The server refuses a user or channel with result {result}.");
            Words::new("MCS confirm", said).with([("error.code", result.to_string())])
        }
        "security_exchange" => {
            Words::new("Security Exchange", "The client sends its key for standard RDP security.")
        }
        "disconnect" => {
            let (by, seen) = rdp.disconnect.as_ref()?;
            let reason = seen.value.name();
            let said = format!("The {} ends the session: {reason}.", by.name());
            Words::new("Disconnect Provider Ultimatum", said)
        }
        _ => return None,
    })
}

fn of_session(view: &Conversation, step: &Milestone, knowledge: &Knowledge) -> Option<Words> {
    let (rdp, by) = (&view.rdp, step.by.name());
    Some(match step.name {
        "client_info" => {
            let user = rdp.info.as_ref()?.value.user_name.clone().filter(|user| !user.is_empty());
            let shown = user.as_ref().map(|user| format!(" for {user}")).unwrap_or_default();
            let said = format!("The client asks for a session{shown}.");
            Words { user, ..Words::new("Client Info", said) }
        }
        "license" => {
            let license = rdp.licensing.iter().find(|(_, at)| at.frame == step.frame)?;
            let (message, error) = (license.1.value.message.name(), license.1.value.error);
            let error = error.map(|error| format!(": {}", error.name())).unwrap_or_default();
            let said = format!("The {by} sends the licensing message {message}{error}.");
            Words::new(&format!("licensing {message}"), said)
        }
        "demand_active" => Words::new("Demand Active", "The server begins the session."),
        "logged_on" => Words::new("Save Session Info", "A user is logged on."),
        "logon_error" => {
            let kind = rdp.logon_error.as_ref()?.value.notification_type.name();
            let said = format!("The server says of the logon: {kind}.");
            Words::new("Logon Errors Info", said).with([("error.code", kind.into_owned())])
        }
        "error_info" => {
            let value = rdp.error_info.as_ref()?.value;
            let (shown, code) = named(knowledge.code("errinfo", i64::from(value)), value);
            let said = format!("The server says why the session ends: {shown}.");
            Words::new("Set Error Info", said).with([code])
        }
        "redirection" => {
            let told = &rdp.redirection.as_ref()?.value;
            let name = told.target_fqdn.as_ref().or(told.target_net_address.as_ref());
            let to = name.map(|name| format!(" to {name}")).unwrap_or_default();
            Words::new("Server Redirection", format!("The server sends the client on{to}."))
        }
        "multitransport_refused" => {
            let (shown, code) = named(None, rdp.multitransport_refused.as_ref()?.value);
            let said = format!("The client could not make its UDP transport: {shown}.");
            Words::new("Multitransport Response", said).with([code])
        }
        _ => return None,
    })
}
