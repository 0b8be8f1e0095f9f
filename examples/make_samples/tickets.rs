//! The list of tickets.

use super::TicketFile;
use super::packed::{gzip, sent};
use super::{
    tickets_certs, tickets_changes, tickets_gateway, tickets_licence, tickets_logs, tickets_nla,
    tickets_reach, tickets_service, tickets_session, tickets_wire,
};

/// Every ticket: its folder's name, which is the id of its cause, and its files.
pub(crate) fn all() -> Vec<(String, Vec<TicketFile>)> {
    let mut tickets: Vec<(&str, Vec<TicketFile>)> = tickets_wire::all();
    tickets.extend(tickets_logs::all());
    tickets.extend(tickets_reach::all());
    tickets.extend(tickets_service::all());
    tickets.extend(tickets_session::all());
    tickets.extend(tickets_certs::all());
    tickets.extend(tickets_nla::all());
    tickets.extend(tickets_licence::all());
    tickets.extend(tickets_gateway::all());
    tickets.extend(tickets_changes::all());
    tickets.sort_by_key(|(name, _)| *name);
    let packed =
        |(name, files): (&str, Vec<TicketFile>)| (name.to_owned(), sent(name, compressed(files)));
    tickets.into_iter().map(packed).collect()
}

/// A log takes at least 68 KiB, mostly zeros: tickets with many of them bring them
/// gzip'd, as some collectors do.
fn compressed(files: Vec<TicketFile>) -> Vec<TicketFile> {
    let is_log = |name: &str| name.ends_with(".evtx");
    if files.iter().filter(|(name, _)| is_log(name)).count() < 4 {
        return files;
    }
    let pack = |(name, bytes): TicketFile| match is_log(&name) {
        true => (format!("{name}.gz"), gzip(&bytes)),
        false => (name, bytes),
    };
    files.into_iter().map(pack).collect()
}
