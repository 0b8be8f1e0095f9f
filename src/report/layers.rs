//! TLS, CredSSP and RDP of a connection, as the report tells them.

use super::layers_model::*;
use super::wire::alert_report;
use crate::correlate::is_finished;
use crate::knowledge::{Code, Knowledge};
use crate::observe::{At, Conversation, Negotiation, Side, cipher_suite_name};
use crate::wire::gcc::ClientCore;
use crate::wire::nego::{ResponseFlags, flag_names};
use crate::wire::tls::{Extension, extension_name, group_name, is_grease, signature_scheme_name};
use std::borrow::Cow;

pub(super) fn tls_report(view: &Conversation) -> Option<TlsReport> {
    let tls = &view.tls;
    let hello = tls.client_hello.as_ref().map(|at| &at.value);
    if hello.is_none() && tls.server_hello.is_none() && tls.application_records == [0, 0] {
        return None;
    }
    let versions = hello.map(|hello| hello.versions()).unwrap_or_default();
    let suites = hello.map(|hello| hello.cipher_suites.as_slice()).unwrap_or_default();
    Some(TlsReport {
        established: is_finished(view),
        resumed: view.resumed(),
        hello_retry_request: tls.hello_retry.is_some(),
        offered_versions: versions.iter().map(|version| version.name().into_owned()).collect(),
        offered_cipher_suites: suites
            .iter()
            .filter(|suite| !is_grease(**suite))
            .map(|suite| cipher_suite_name(*suite).into_owned())
            .collect(),
        offered_extensions: hello
            .map(|hello| extension_names(&hello.extensions))
            .unwrap_or_default(),
        offered_groups: hello
            .map(|hello| named(hello.supported_groups(), group_name))
            .unwrap_or_default(),
        offered_signature_algorithms: hello
            .map(|hello| named(hello.signature_algorithms(), signature_scheme_name))
            .unwrap_or_default(),
        offered_alpn: hello
            .map(|hello| hello.alpn().into_iter().map(text).collect())
            .unwrap_or_default(),
        server_extensions: tls
            .server_hello
            .as_ref()
            .map(|at| extension_names(&at.value.extensions))
            .unwrap_or_default(),
        ocsp_staple: tls.ocsp_staple.is_some(),
        encrypted_alerts: tls
            .encrypted_alerts
            .each_ref()
            .map(|at| at.as_ref().map(|at| at.frame.0)),
        application_records: tls.application_records,
        application_bytes: tls.application_bytes,
        inner_alerts: tls.inner_alerts.iter().map(alert_report).collect(),
    })
}

fn extension_names(extensions: &[Extension]) -> Vec<String> {
    named(extensions.iter().map(|extension| extension.kind), extension_name)
}

/// Numbers of a list by their names, without GREASE.
fn named(
    numbers: impl IntoIterator<Item = u16>,
    name: fn(u16) -> Cow<'static, str>,
) -> Vec<String> {
    let numbers = numbers.into_iter().filter(|number| !is_grease(*number));
    numbers.map(|number| name(number).into_owned()).collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn code(known: Option<&Code>, at: &At<u32>) -> CodeReport {
    CodeReport {
        code: format!("0x{:08x}", at.value),
        name: known.map(|code| code.symbol.clone()).unwrap_or_default(),
        frame: at.frame.0,
    }
}

pub(super) fn credssp_report(view: &Conversation, knowledge: &Knowledge) -> Option<CredsspReport> {
    let credssp = &view.credssp;
    if credssp.requests == [0, 0] && credssp.early_user_auth.is_none() {
        return None;
    }
    let authenticate = credssp.authenticate.as_ref().map(|at| &at.value);
    let info = credssp.challenge.as_ref().map(|at| &at.value.target_info);
    let kerberos = credssp.kerberos_error.as_ref().map(|at| At {
        frame: at.frame,
        time: at.time,
        value: at.value.code,
    });
    Some(CredsspReport {
        requests: credssp.requests,
        versions: credssp.version,
        mechanisms: credssp.mechanisms.clone(),
        package: credssp.package.map(str::to_owned),
        user: authenticate.and_then(|message| message.user.clone()),
        domain: authenticate.and_then(|message| message.domain.clone()),
        workstation: authenticate.and_then(|message| message.workstation.clone()),
        target_spn: authenticate.and_then(|message| message.target_info.target_spn.clone()),
        server_name: info.and_then(|i| i.dns_computer.clone().or(i.netbios_computer.clone())),
        error: credssp.error_code.as_ref().map(|at| code(knowledge.status(at.value), at)),
        kerberos_error: kerberos
            .as_ref()
            .map(|at| code(knowledge.code("kerberos", i64::from(at.value)), at)),
        credentials_sent: credssp.auth_info.is_some(),
        early_user_auth: credssp
            .early_user_auth
            .as_ref()
            .map(|at| code(knowledge.code("early_user_auth", i64::from(at.value)), at)),
    })
}

pub(super) fn rdp_report(view: &Conversation, knowledge: &Knowledge) -> Option<RdpReport> {
    let rdp = &view.rdp;
    let request_flags = view.x224.request.as_ref().and_then(|at| match at.value.negotiation {
        Some(Negotiation::Request { flags, .. }) => Some(flag_names(flags)),
        _ => None,
    });
    let response_flags = view.x224.confirm.as_ref().and_then(|at| match at.value.negotiation {
        Some(Negotiation::Response { flags, .. }) => {
            Some(flag_names(ResponseFlags::from_bits_retain(flags)))
        }
        _ => None,
    });
    if request_flags.is_none() && response_flags.is_none() && rdp.client.is_none() {
        return None;
    }
    let client = rdp.client.as_ref().map(|at| &at.value);
    let security = rdp.server.as_ref().and_then(|at| at.value.security.as_ref());
    let info = rdp.info.as_ref().map(|at| &at.value);
    Some(RdpReport {
        request_flags: request_flags.unwrap_or_default(),
        response_flags: response_flags.unwrap_or_default(),
        client: client.and_then(|client| {
            let channels = client.channels.iter().flatten().map(|channel| channel.name.clone());
            client.core.as_ref().map(|core| client_report(core, channels.collect()))
        }),
        encryption_method: security.map(|security| encryption_method(security.encryption_method)),
        encryption_level: security.and_then(|security| security.encryption_level).map(level),
        user: info.and_then(|info| info.user_name.clone()),
        domain: info.and_then(|info| info.domain.clone()),
        licensing: rdp
            .licensing
            .iter()
            .map(|(from, at)| LicenseReport {
                from: from.name().to_owned(),
                message: at.value.message.name().into_owned(),
                error: at.value.error.map(|error| error.name().into_owned()),
                frame: at.frame.0,
            })
            .collect(),
        active: rdp.active.as_ref().map(|at| at.frame.0),
        logged_on: rdp.logged_on.as_ref().map(|at| at.frame.0),
        logon_error: rdp
            .logon_error
            .as_ref()
            .map(|at| at.value.notification_type.name().into_owned()),
        error_info: rdp
            .error_info
            .as_ref()
            .map(|at| code(knowledge.code("errinfo", i64::from(at.value)), at)),
        disconnect: rdp.disconnect.as_ref().map(|(by, at)| DisconnectReport {
            by: Side::name(*by).to_owned(),
            reason: at.value.name().into_owned(),
            frame: at.frame.0,
        }),
        redirected_to: rdp.redirection.as_ref().and_then(|at| {
            at.value.target_fqdn.clone().or_else(|| at.value.target_net_address.clone())
        }),
    })
}

fn client_report(core: &ClientCore, channels: Vec<String>) -> RdpClientReport {
    RdpClientReport {
        name: core.client_name.clone(),
        build: core.client_build,
        version: core.version.map(|version| format!("0x{version:08x}")),
        keyboard_layout: core.keyboard_layout.map(|layout| format!("0x{layout:08x}")),
        desktop_width: core.desktop_width,
        desktop_height: core.desktop_height,
        product_id: core.client_dig_product_id.clone(),
        channels,
    }
}

/// `encryptionMethod`, [MS-RDPBCGR] 2.2.1.4.3.
fn encryption_method(method: u32) -> String {
    match method {
        0 => "none".to_owned(),
        1 => "40bit".to_owned(),
        2 => "128bit".to_owned(),
        8 => "56bit".to_owned(),
        16 => "fips".to_owned(),
        other => format!("0x{other:x}"),
    }
}

/// `encryptionLevel`, [MS-RDPBCGR] 2.2.1.4.3.
fn level(level: u32) -> String {
    match level {
        0 => "none".to_owned(),
        1 => "low".to_owned(),
        2 => "client_compatible".to_owned(),
        3 => "high".to_owned(),
        4 => "fips".to_owned(),
        other => format!("0x{other:x}"),
    }
}

pub(super) fn decryption_report(view: &Conversation) -> Option<DecryptionReport> {
    let decryption = &view.decryption;
    let tried = decryption.opened != [0, 0] || decryption.problem.is_some();
    tried.then(|| DecryptionReport {
        opened: decryption.opened,
        failed: decryption.failed,
        problem: decryption.problem.clone(),
        http: decryption.http.as_ref().map(|at| at.value.clone()),
        http_answer: decryption.http_answer.as_ref().map(|at| at.value.clone()),
    })
}
