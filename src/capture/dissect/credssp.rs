//! CredSSP inside TLS: who authenticates with what, and how the server answers.
//! Proofs and passwords are never kept.

use super::{Moment, slot};
use crate::observe::{CredsspTrace, Side};
use crate::wire::credssp::{self, EarlyUserAuth};
use crate::wire::kerberos::{self, Kerberos};
use crate::wire::ntlm::{self, Ntlm};
use crate::wire::spnego::{self, Token};

/// Takes one whole TSRequest.
pub(super) fn request(trace: &mut CredsspTrace, side: Side, bytes: &[u8], moment: Moment) {
    let Ok(request) = credssp::parse(bytes) else { return };
    *slot(&mut trace.requests, side) += 1;
    let version = slot(&mut trace.version, side);
    *version = (*version).max(request.version);
    for token in &request.nego_tokens {
        if let Ok(Token::Init { mechanisms, .. }) = spnego::parse(token)
            && trace.mechanisms.is_empty()
        {
            trace.mechanisms = mechanisms.iter().map(|m| m.name().to_owned()).collect();
        }
        match spnego::innermost(token) {
            Some(Token::Ntlm(message)) => ntlm_message(trace, message, moment),
            Some(Token::Kerberos { body, .. }) => {
                trace.package = Some("Kerberos");
                if let Ok(Kerberos::Error(error)) = kerberos::parse(body) {
                    trace.kerberos_error = Some(moment.at(error));
                }
            }
            _ => {}
        }
    }
    if request.auth_info && side == Side::Client {
        trace.auth_info.get_or_insert(moment.at(()));
    }
    if let (Some(code), Side::Server) = (request.error_code.filter(|code| *code != 0), side) {
        trace.error_code = Some(moment.at(code));
    }
}

fn ntlm_message(trace: &mut CredsspTrace, message: &[u8], moment: Moment) {
    trace.package = Some("NTLM");
    match ntlm::parse(message) {
        Ok(Ntlm::Challenge(challenge)) => {
            trace.challenge.get_or_insert(moment.at(challenge));
        }
        Ok(Ntlm::Authenticate(authenticate)) => trace.authenticate = Some(moment.at(authenticate)),
        Ok(Ntlm::Negotiate(_)) | Err(_) => {}
    }
}

/// Takes the Early User Authorization Result, if these bytes are one.
pub(super) fn early_user_auth(trace: &mut CredsspTrace, bytes: &[u8], moment: Moment) -> bool {
    match EarlyUserAuth::parse(bytes) {
        Some(result) => {
            trace.early_user_auth = Some(moment.at(result.0));
            true
        }
        None => false,
    }
}
