//! Facts about the security layers that client and server could both speak: what the
//! client offers, and what the server took or refused from anybody.

use super::subject::Subject;
use crate::correlate::{Attempt, Case, has_session};
use crate::diagnose::Fact;
use crate::diagnose::wire_facts::at;
use crate::observe::{Conversation, FailureCode, Negotiation, Protocols, Service};
use std::sync::Arc;

/// The layers, the strongest first.
const LAYERS: [Layer; 4] = [Layer::HybridEx, Layer::Hybrid, Layer::Tls, Layer::Rdp];

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Layer {
    Rdp,
    Tls,
    Hybrid,
    HybridEx,
}

impl Layer {
    /// As the report names the protocols.
    fn name(self) -> &'static str {
        match self {
            Self::Rdp => "rdp",
            Self::Tls => "tls",
            Self::Hybrid => "hybrid",
            Self::HybridEx => "hybrid_ex",
        }
    }

    /// Whether it is among the protocols; none at all is standard RDP security.
    fn is_in(self, protocols: Protocols) -> bool {
        match self {
            Self::Rdp => protocols.is_empty(),
            Self::Tls => protocols.contains(Protocols::TLS),
            Self::Hybrid => protocols.contains(Protocols::HYBRID),
            Self::HybridEx => protocols.contains(Protocols::HYBRID_EX),
        }
    }
}

/// What a server did with a layer in one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Selected,
    /// It chose a weaker one although this one was offered.
    PassedOver,
    Demanded(FailureCode),
    Refused(FailureCode),
}

impl Answer {
    fn accepts(self) -> bool {
        matches!(self, Self::Selected | Self::Demanded(_))
    }
}

pub(super) fn facts(case: &Case, subject: &Subject<'_>) -> Vec<Fact> {
    let Some(attempt) = subject.attempt else { return Vec::new() };
    let Some(asked) = attempt.views().filter(|view| requested(view).is_some()).last() else {
        return Vec::new();
    };
    let rows: Vec<Row<'_>> = LAYERS.map(|layer| row(case, attempt, asked, layer)).into();
    let strongest = rows.iter().find(|row| row.is_common()).map(|row| row.layer);
    let told = rows.iter().filter_map(|row| row.fact(asked, strongest));
    let mut facts: Vec<Fact> = told.collect();
    facts.extend(in_common(asked, &rows));
    facts
}

/// What is known of one layer.
struct Row<'a> {
    layer: Layer,
    /// Who offers it.
    offer: Option<&'a Conversation>,
    /// The last answer of the server.
    answer: Option<(Answer, &'a Conversation)>,
    /// A session came to be with it.
    worked: bool,
}

fn row<'a>(case: &'a Case, attempt: &'a Attempt, asked: &'a Conversation, layer: Layer) -> Row<'a> {
    let offers = |view: &&Conversation| requested(view).is_some_and(|p| layer.is_in(p));
    let offer = attempt.views().map(Arc::as_ref).filter(offers).last();
    let mut row = Row { layer, offer, answer: None, worked: false };
    // What the server did in this attempt counts more than what it did for others.
    let others = case.attempts.iter().filter(|other| other.id != attempt.id);
    let here = others.chain([attempt]).filter(|other| other.server == attempt.server);
    let views = here.flat_map(Attempt::views).map(Arc::as_ref);
    for view in views.filter(|view| view.server == asked.server) {
        if let Some(answer) = answer(view, layer) {
            row.answer = Some((answer, view));
            row.worked |= answer == Answer::Selected && has_session(view);
        }
    }
    row
}

/// What the client offers; `None` without a Connection Request.
fn requested(view: &Conversation) -> Option<Protocols> {
    let request = view.x224.request.as_ref().filter(|_| view.service == Service::RemoteDesktop)?;
    match request.value.negotiation {
        Some(Negotiation::Request { protocols, .. }) => Some(protocols),
        _ => Some(Protocols::empty()),
    }
}

/// What the server's confirm says of a layer, [MS-RDPBCGR] 2.2.1.2.
fn answer(view: &Conversation, layer: Layer) -> Option<Answer> {
    let confirm = view.x224.confirm.as_ref()?;
    let offered = requested(view);
    match confirm.value.negotiation {
        Some(Negotiation::Failure(code)) => refused(code, offered, layer),
        Some(Negotiation::Response { selected, .. }) => chosen(selected, offered, layer),
        _ => chosen(Protocols::empty(), offered, layer),
    }
}

fn chosen(selected: Protocols, offered: Option<Protocols>, layer: Layer) -> Option<Answer> {
    if layer.is_in(selected) {
        return Some(Answer::Selected);
    }
    let taken = LAYERS.into_iter().find(|taken| taken.is_in(selected))?;
    let passed_over = layer > taken && offered.is_some_and(|offered| layer.is_in(offered));
    passed_over.then_some(Answer::PassedOver)
}

/// What a failure code says of a layer, [MS-RDPBCGR] 2.2.1.2.2. It always refuses what
/// was offered, unless it is about the flags.
fn refused(code: FailureCode, offered: Option<Protocols>, layer: Layer) -> Option<Answer> {
    if code == FailureCode::INCONSISTENT_FLAGS {
        return None;
    }
    let demanded = match code {
        FailureCode::SSL_REQUIRED_BY_SERVER => Some(Layer::Tls),
        FailureCode::SSL_NOT_ALLOWED_BY_SERVER => Some(Layer::Rdp),
        FailureCode::HYBRID_REQUIRED_BY_SERVER => Some(Layer::Hybrid),
        _ => None,
    };
    if demanded == Some(layer) {
        return Some(Answer::Demanded(code));
    }
    let weaker = match code {
        FailureCode::SSL_REQUIRED_BY_SERVER => layer == Layer::Rdp,
        FailureCode::HYBRID_REQUIRED_BY_SERVER => layer < Layer::Hybrid,
        // Both use TLS.
        FailureCode::SSL_NOT_ALLOWED_BY_SERVER | FailureCode::SSL_CERT_NOT_ON_SERVER => {
            layer > Layer::Rdp
        }
        _ => false,
    };
    let was_offered = offered.is_some_and(|offered| layer.is_in(offered));
    (weaker || was_offered).then_some(Answer::Refused(code))
}

impl Row<'_> {
    fn fact(&self, asked: &Conversation, strongest: Option<Layer>) -> Option<Fact> {
        let accepts = self.answer.map(|(answer, _)| answer.accepts());
        let passed_over = self.answer.is_some_and(|(answer, _)| answer == Answer::PassedOver);
        let state = match (self.offer.is_some(), accepts) {
            (true, Some(true)) => "common",
            (true, Some(false)) if passed_over => "passed_over",
            // Nobody needs it where a stronger one is common.
            (true, Some(false)) if strongest > Some(self.layer) => "needless",
            (true, Some(false)) => "refused",
            (false, Some(true)) => "not_offered",
            (false, Some(false)) => "neither",
            (_, None) => "open",
        };
        let offer = if self.offer.is_some() { "Offered" } else { "Not offered" };
        let fact = self.source("wire.layer", asked)?;
        Some(
            fact.with("layer", self.layer.name())
                .with("offer", offer)
                .with("answer", self.told())
                .with("state", state),
        )
    }

    /// At the server's answer, or else at the client's offer.
    fn source(&self, kind: &'static str, asked: &Conversation) -> Option<Fact> {
        let request = || {
            let view = self.offer.unwrap_or(asked);
            view.x224.request.as_ref().map(|request| at(kind, view, request))
        };
        let confirm = self.answer.and_then(|(_, view)| {
            view.x224.confirm.as_ref().map(|confirm| at(kind, view, confirm))
        });
        confirm.or_else(request)
    }

    fn told(&self) -> String {
        match self.answer.map(|(answer, _)| answer) {
            Some(Answer::Selected) if self.worked => {
                "the server selected it and a session came to be with it".to_owned()
            }
            Some(Answer::Selected) => "the server selected it".to_owned(),
            Some(Answer::PassedOver) => "the server chose a weaker one instead".to_owned(),
            Some(Answer::Demanded(code)) => format!("the server demands it ({})", code.name()),
            Some(Answer::Refused(code)) => format!("the server refuses it ({})", code.name()),
            None => "no answer of the server shows whether it takes it".to_owned(),
        }
    }

    fn is_common(&self) -> bool {
        self.offer.is_some() && self.answer.is_some_and(|(answer, _)| answer.accepts())
    }

    /// Whether a weak layer would serve if the side gave way that refuses it.
    fn is_last_resort(&self) -> bool {
        let refused = match self.answer {
            Some((Answer::Refused(code), _)) => Some(code),
            _ => None,
        };
        let nla_only = refused == Some(FailureCode::HYBRID_REQUIRED_BY_SERVER);
        let tls_only = refused == Some(FailureCode::SSL_REQUIRED_BY_SERVER);
        match self.layer {
            Layer::Tls => self.offer.is_some() && nla_only,
            Layer::Rdp if self.offer.is_some() => nla_only || tls_only,
            Layer::Rdp => self.answer.is_some_and(|(answer, _)| answer.accepts()),
            Layer::Hybrid | Layer::HybridEx => false,
        }
    }
}

/// The strongest common layer, and what a weak one costs: one that is in use, or one
/// that is left where there is none in common.
fn in_common(asked: &Conversation, rows: &[Row<'_>]) -> Vec<Fact> {
    if let Some(strongest) = rows.iter().find(|row| row.is_common()) {
        let fact = |kind| {
            let fact = strongest.source(kind, asked);
            fact.map(|fact| fact.with("layer", strongest.layer.name()).with("use", "in_use"))
        };
        let cost = fact("wire.layer.cost").filter(|_| strongest.layer < Layer::Hybrid);
        return fact("wire.layer.strongest").into_iter().chain(cost).collect();
    }
    // Without any answer nobody knows.
    if rows.iter().all(|row| row.answer.is_none()) {
        return Vec::new();
    }
    let answered = rows.iter().find(|row| row.answer.is_some());
    let none = answered.and_then(|row| row.source("wire.layer.none", asked));
    let left = rows.iter().filter(|row| row.is_last_resort());
    let costs = left.filter_map(|row| {
        let fact = row.source("wire.layer.cost", asked)?;
        Some(fact.with("layer", row.layer.name()).with("use", "last_resort"))
    });
    none.into_iter().chain(costs).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NLA: Protocols = Protocols::TLS.union(Protocols::HYBRID);

    #[track_caller]
    fn check(answers: impl Fn(Layer) -> Option<Answer>, expect: [Option<bool>; 4]) {
        assert_eq!(LAYERS.map(|layer| answers(layer).map(Answer::accepts)), expect);
    }

    #[test]
    fn a_selected_layer_is_taken_and_a_stronger_offer_was_passed_over() {
        let offered = Some(NLA);
        check(
            |layer| chosen(Protocols::TLS, offered, layer),
            [None, Some(false), Some(true), None],
        );
        check(|layer| chosen(Protocols::HYBRID, offered, layer), [None, Some(true), None, None]);
        check(
            |layer| chosen(Protocols::empty(), offered, layer),
            [None, Some(false), Some(false), Some(true)],
        );
    }

    #[test]
    fn failure_codes_say_what_the_server_demands() {
        let (no, yes) = (Some(false), Some(true));
        for (code, offered, expect) in [
            (FailureCode::HYBRID_REQUIRED_BY_SERVER, Protocols::TLS, [None, yes, no, no]),
            (FailureCode::SSL_NOT_ALLOWED_BY_SERVER, NLA, [no, no, no, yes]),
            (FailureCode::SSL_CERT_NOT_ON_SERVER, NLA, [no, no, no, None]),
            (FailureCode::SSL_REQUIRED_BY_SERVER, Protocols::empty(), [None, None, yes, no]),
            (FailureCode::SSL_REQUIRED_BY_SERVER, Protocols::HYBRID, [None, no, yes, no]),
            (FailureCode::INCONSISTENT_FLAGS, NLA, [None, None, None, None]),
            (FailureCode(99), Protocols::TLS, [None, None, no, None]),
        ] {
            check(|layer| refused(code, Some(offered), layer), expect);
        }
    }
}
