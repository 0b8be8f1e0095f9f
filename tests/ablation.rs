//! Cases of which files are missing: less may be said of them, nothing wrong for certain.

use crate::evaluate::ablation::{Ablation, ablate};
use crate::evaluate::case::{Case, labelled, samples};
use crate::support::{root, shared};
use rdp_triage::knowledge::Knowledge;

fn ablated(cases: &[Case]) -> Ablation {
    let ablation = ablate(cases, &Knowledge::embedded().unwrap()).unwrap();
    assert!(ablation.failed.is_empty() && ablation.misled.is_empty(), "{ablation}");
    ablation
}

#[test]
fn no_part_of_a_sample_makes_a_confident_wrong_answer() {
    let ablation = ablated(&samples(&root().join("samples")).unwrap());
    // A program that never says anything would pass as well.
    assert!(ablation.confident_right * 4 > ablation.parts(), "{ablation}");
}

#[test]
fn no_part_of_a_labelled_case_makes_a_confident_wrong_answer() {
    let Some(cases) = shared("cases") else { return };
    let ablation = ablated(&labelled(&cases).unwrap());
    assert!(ablation.confident_right * 4 > ablation.parts(), "{ablation}");
}
