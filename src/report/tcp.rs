//! The TCP layer of a connection, as the report tells it.

use super::build::rounded;
use super::community_id::{TCP, community_id};
use super::wire_model::*;
use crate::base::millis_between;
use crate::observe::{Conversation, Side, TcpHealth, milestones};

pub(super) fn tcp_report(view: &Conversation) -> TcpReport {
    let tcp = &view.tcp;
    let [client, server] = &tcp.health;
    let ms = |ms: f64| rounded(ms, 3);
    TcpReport {
        handshake_rtt_ms: tcp.handshake_rtt_ms.map(ms),
        retransmissions: Retransmissions {
            client: client.retransmissions,
            server: server.retransmissions,
        },
        closed_by: tcp.close.map(|close| close.by.name().to_owned()),
        close: tcp.close.map(|close| close.kind.name().to_owned()),
        community_id: community_id(TCP, view.client, view.server),
        closed_after: closed_after(view),
        syns: tcp.syns,
        syn_answered_ms: match (&tcp.syn, &tcp.syn_ack) {
            (Some(syn), Some(answer)) => Some(ms(millis_between(syn.time.0, answer.time.0))),
            _ => None,
        },
        duplicate_frames: tcp.duplicate_frames,
        foreign_resets: tcp
            .foreign_resets
            .iter()
            .map(|reset| ForeignResetReport {
                claims: reset.claims.name().to_owned(),
                frame: reset.frame.0,
                ttl: reset.ttl,
                usual_ttl: reset.usual_ttl,
                mark: reset.mark.name().to_owned(),
            })
            .collect(),
        icmp: tcp
            .unreachables
            .iter()
            .map(|seen| IcmpReport {
                from: seen.value.0.to_string(),
                reason: seen.value.1.reason.name().to_owned(),
                code: seen.value.1.code,
                frame: seen.frame.0,
            })
            .collect(),
        client: health_report(client, *Conversation::of(&tcp.ttl, Side::Client)),
        server: health_report(server, *Conversation::of(&tcp.ttl, Side::Server)),
    }
}

/// The last step of the connection before the first FIN or RST.
fn closed_after(view: &Conversation) -> Option<ClosedAfter> {
    let close = view.tcp.close?;
    let last = milestones(view).into_iter().rfind(|step| step.frame < close.frame)?;
    Some(ClosedAfter {
        step: last.name.to_owned(),
        frame: last.frame.0,
        ms: rounded(millis_between(last.time.0, close.time.0), 3),
    })
}

fn health_report(health: &TcpHealth, ttl: Option<u8>) -> HealthReport {
    HealthReport {
        ttl,
        mss: health.mss,
        syn_options: health.syn_options.clone(),
        window_scale: health.window_scale,
        data_segments: health.data_segments,
        payload_bytes: health.payload_bytes,
        fast_retransmissions: health.fast_retransmissions,
        spurious_retransmissions: health.spurious_retransmissions,
        lost_before: health.filled_late,
        lost_behind: health.lost_behind(),
        out_of_order: health.out_of_order,
        dsacks: health.dsacks,
        duplicate_acks: health.duplicate_acks,
        unseen_bytes: health.unseen_bytes,
        zero_windows: health.zero_windows,
        zero_window_ms: rounded(health.zero_window_ms, 3),
        keep_alives: health.keep_alives,
        unanswered_keep_alives: health.unanswered_keep_alives,
        largest_sent: health.largest_sent,
        largest_acked: health.largest_acked,
        unacked: health.unacked.map(|unacked| UnackedReport {
            bytes: unacked.payload_len,
            times: unacked.times,
            first_frame: unacked.first_frame.0,
            last_frame: unacked.last_frame.0,
        }),
        rtt_ms: health.rtt.map(|rtt| RttReport {
            samples: rtt.samples,
            min: rounded(rtt.min_ms, 3),
            mean: rounded(rtt.mean_ms, 3),
            max: rounded(rtt.max_ms, 3),
        }),
    }
}
