//! What CredSSP and RDP say themselves, where they are readable.

use super::Fact;
use crate::knowledge::{Code, Knowledge};
use crate::observe::{At, Conversation};

/// Facts about everything above TLS.
pub(super) fn rdp_facts(view: &Conversation, knowledge: &Knowledge) -> Vec<Fact> {
    let mut facts = Vec::new();
    credssp_facts(view, knowledge, &mut facts);
    session_facts(view, knowledge, &mut facts);
    if let Some(caller) = &view.x224.foreign_caller
        && view.x224.request.is_none()
    {
        facts.push(at("wire.x224.foreign_caller", view, caller).with("speaks", caller.value));
    }
    facts
}

fn at<T>(kind: &'static str, view: &Conversation, at: &At<T>) -> Fact {
    Fact::of_frame(kind, view, at.frame.0, at.time)
}

/// A code in hex, and its name where a table has one.
fn coded(fact: Fact, code: u32, known: Option<&Code>) -> Fact {
    let name = known.map_or("a code that no table has", |code| code.symbol.as_str());
    fact.with("code", format!("0x{code:08X}")).with("name", name)
}

fn credssp_facts(view: &Conversation, knowledge: &Knowledge, facts: &mut Vec<Fact>) {
    let credssp = &view.credssp;
    let user = credssp.authenticate.as_ref().and_then(|at| at.value.user.clone());
    let user = user.unwrap_or_else(|| "the user".to_owned());
    let package = credssp.package.unwrap_or("unknown");
    if let Some(error) = &credssp.error_code {
        let fact =
            at("wire.credssp.error", view, error).with("user", &user).with("package", package);
        facts.push(coded(fact, error.value, knowledge.status(error.value)));
    }
    if let Some(error) = &credssp.kerberos_error {
        let code = error.value.code;
        let fact = at("wire.kerberos.error", view, error);
        facts.push(coded(fact, code, knowledge.code("kerberos", i64::from(code))));
    }
    if let Some(result) = &credssp.early_user_auth {
        let kind = match result.value {
            0 => "wire.credssp.authorized",
            _ => "wire.credssp.not_authorized",
        };
        let known = knowledge.code("early_user_auth", i64::from(result.value));
        facts.push(coded(at(kind, view, result).with("user", &user), result.value, known));
    }
    if let Some(sent) = &credssp.auth_info {
        facts.push(at("wire.credssp.credentials_sent", view, sent).with("user", &user));
    }
}

fn session_facts(view: &Conversation, knowledge: &Knowledge, facts: &mut Vec<Fact>) {
    let rdp = &view.rdp;
    if let Some(logged_on) = &rdp.logged_on {
        facts.push(at("wire.rdp.logged_on", view, logged_on));
    }
    if let Some(error) = &rdp.error_info {
        let known = knowledge.code("errinfo", i64::from(error.value));
        facts.push(coded(at("wire.rdp.error_info", view, error), error.value, known));
    }
    for (from, license) in &rdp.licensing {
        if let Some(error) = license.value.error.filter(|error| !error.is_valid_client()) {
            facts.push(
                at("wire.rdp.license_error", view, license)
                    .with("from", from.name())
                    .with("code", format!("0x{:08X}", error.code))
                    .with("name", error.name()),
            );
        }
    }
    if let Some((by, reason)) = &rdp.disconnect {
        facts.push(
            at("wire.rdp.disconnect", view, reason)
                .with("by", by.name())
                .with("reason", reason.value.name()),
        );
    }
}
