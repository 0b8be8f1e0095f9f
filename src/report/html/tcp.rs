//! How the TCP connection fared: where on the path segments were lost, and how long round
//! trips took.

use super::cards::pc;
use crate::report::wire_model::{HealthReport, TcpReport};
use maud::{Markup, html};

/// The chart of a connection.
pub(super) fn health(tcp: &TcpReport) -> Markup {
    html! {
        div.card {
            h4 { "TCP health" }
            (path(tcp))
            (round_trips(tcp))
            (counts(tcp))
        }
    }
}

/// Segments that were lost on one stretch of the path, of how many.
struct Stretch {
    lost: u32,
    of: u32,
}

impl Stretch {
    fn tone(&self) -> &'static str {
        match f64::from(self.lost) / f64::from(self.of.max(1)) {
            _ if self.lost == 0 => "good",
            share if share < 0.02 => "doubtful",
            _ => "bad",
        }
    }
}

/// Client, capture point and server in a line, with what was lost between them.
fn path(tcp: &TcpReport) -> Markup {
    let (client, server) = (&tcp.client, &tcp.server);
    let before = |side: &HealthReport| Stretch { lost: side.lost_before, of: side.data_segments };
    let behind = |side: &HealthReport| Stretch { lost: side.lost_behind, of: side.data_segments };
    // Above the line what the client sent, below it what the server sent.
    let stretches = [
        (0.0, 30, "client to capture", before(client)),
        (50.0, 30, "capture to server", behind(client)),
        (50.0, 62, "server to capture", before(server)),
        (0.0, 62, "capture to client", behind(server)),
    ];
    let total: u32 = stretches.iter().map(|(_, _, _, stretch)| stretch.lost).sum();
    let label = match total {
        0 => "No segment was lost on either side of the capture point".to_owned(),
        lost => format!("{lost} segments were lost; see the counts below"),
    };
    html! {
        svg.path width="100%" height="92" role="img" aria-label=(label) {
            @for (from, y, title, stretch) in &stretches {
                line class={ "way " (stretch.tone()) } x1={ (pc(from + 6.0)) } x2={ (pc(from + 44.0)) } y1=(y) y2=(y) {
                    title { (title) ": lost " (stretch.lost) " times, of " (stretch.of) " segments" }
                }
                text class={ "lost " (stretch.tone()) } x={ (pc(from + 25.0)) } y=(if *y < 46 { y - 8 } else { y + 16 }) text-anchor="middle" {
                    @if stretch.lost > 0 { "lost " (stretch.lost) " times" } @else { "none lost" }
                }
            }
            text.end x="0%" y="50" { "client" }
            circle.point cx="50%" cy="46" r="7" { title { "where the capture was taken" } }
            text.end x="100%" y="50" text-anchor="end" { "server" }
        }
    }
}

/// Round trips of both sides on one scale.
fn round_trips(tcp: &TcpReport) -> Markup {
    let sides = [("to the server", &tcp.client), ("to the client", &tcp.server)];
    let longest = sides.iter().filter_map(|(_, side)| side.rtt_ms.as_ref()).map(|rtt| rtt.max);
    let longest = longest.chain(tcp.handshake_rtt_ms).fold(0.0, f64::max);
    let width = |ms: f64| if longest > 0.0 { ms / longest * 100.0 } else { 0.0 };
    html! {
        @if longest > 0.0 {
            table.rtt {
                caption { "Round trips, on average (the longest)" }
                tbody {
                    @if let Some(ms) = tcp.handshake_rtt_ms {
                        tr { th scope="row" { "handshake" }
                            td.chart { span.mean style={ "width:" (pc(width(ms))) } {} } td.number { (told(ms)) } }
                    }
                    @for (name, side) in sides {
                        @if let Some(rtt) = &side.rtt_ms {
                            tr {
                                th scope="row" { (name) }
                                td.chart {
                                    span.max style={ "width:" (pc(width(rtt.max))) } {}
                                    span.mean style={ "width:" (pc(width(rtt.mean))) } {}
                                }
                                td.number { (told(rtt.mean)) " (" (told(rtt.max)) ")" }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn told(ms: f64) -> String {
    if ms < 10.0 { format!("{ms:.2} ms") } else { format!("{ms:.0} ms") }
}

/// What a chart does not show, in numbers; only what was seen.
fn counts(tcp: &TcpReport) -> Markup {
    type Count = fn(&HealthReport) -> u64;
    let rows: [(&str, Count); 8] = [
        ("segments with data", |side| side.data_segments.into()),
        ("bytes", |side| side.payload_bytes),
        ("sent again, fast", |side| side.fast_retransmissions.into()),
        ("sent again, needlessly", |side| side.spurious_retransmissions.into()),
        ("out of order", |side| side.out_of_order.into()),
        ("duplicate ACKs", |side| side.duplicate_acks.into()),
        ("zero windows", |side| side.zero_windows.into()),
        ("unanswered keep-alives", |side| side.unanswered_keep_alives.into()),
    ];
    let again = &tcp.retransmissions;
    let closed = tcp.closed_by.as_deref().zip(tcp.close.as_deref());
    html! {
        table.counts {
            thead { tr { th scope="col" { "sent by" } th.number scope="col" { "client" } th.number scope="col" { "server" } } }
            tbody {
                tr { th scope="row" { "retransmissions" } td.number { (again.client) } td.number { (again.server) } }
                @for (name, count) in rows {
                    @let (client, server) = (count(&tcp.client), count(&tcp.server));
                    @if client > 0 || server > 0 {
                        tr { th scope="row" { (name) } td.number { (client) } td.number { (server) } }
                    }
                }
            }
        }
        p.faint {
            @if let Some((by, how)) = closed { (how.to_uppercase()) " by the " (by) ". " }
            "Community ID " code { (tcp.community_id) }
        }
    }
}
