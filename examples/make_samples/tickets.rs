//! The list of tickets.

use super::TicketFile;
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
    tickets.into_iter().map(|(name, files)| (name.to_owned(), files)).collect()
}
