use super::*;
use crate::base::Gap;
use crate::knowledge::Knowledge;
use crate::triage::{Config, analyse};
use std::sync::atomic::AtomicBool;

/// Remembers what it is told.
#[derive(Default)]
struct Told(Vec<(String, Vec<u8>)>);

impl Sink for Told {
    fn case(&mut self, line: &CaseLine, json: &[u8]) -> io::Result<()> {
        self.0.push((line.name.clone(), json.to_vec()));
        Ok(())
    }

    fn running(&mut self, _: Running<'_>) {}
}

fn batch(
    names: &[&str],
    analyse_case: impl Fn(&Case) -> Result<(), String> + Send + Sync + 'static,
) -> Batch {
    let knowledge = Arc::new(Knowledge::embedded().unwrap());
    let empty = move |case: &Case, why: &str| {
        let config = Config { name: Some(case.name.clone()), ..Config::default() };
        let gap = Gap::file(&case.name.as_str().into(), why);
        analyse(&config, Vec::new(), vec![gap], &knowledge, &Default::default())
    };
    let empty = Arc::new(empty);
    let whole = Arc::clone(&empty);
    Batch {
        cases: names
            .iter()
            .map(|name| Case { name: (*name).to_owned(), path: name.into(), refused: None })
            .collect(),
        analyse: Box::new(move |case, _| analyse_case(case).map(|()| whole(case, "nothing"))),
        empty: Box::new(move |case, why| empty(case, why)),
        allowance: Allowance::default(),
        store: None,
        wants_json: true,
        jobs: 2,
    }
}

fn unfinished_of(lines: &[CaseLine]) -> Vec<Option<&str>> {
    lines.iter().map(|line| line.unfinished.as_deref()).collect()
}

#[test]
fn a_panic_ends_one_case_only() {
    let batch = batch(&["a", "b", "c"], |case| {
        assert_ne!(case.name, "b", "as tests do");
        Ok(())
    });
    let mut told = Told::default();
    let lines = run(batch, &mut told).unwrap();
    let [None, Some(why), None] = unfinished_of(&lines)[..] else { panic!("{lines:?}") };
    assert!(why.contains("a fault of this program") && why.contains("as tests do"), "{why}");
    let names: Vec<&str> = told.0.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["a", "b", "c"]);
    assert!(told.0.iter().all(|(_, json)| json.ends_with(b"}\n")));
}

#[test]
fn a_case_that_cannot_be_begun_is_told_with_its_reason() {
    let lines = run(batch(&["gone"], |_| Err("no such file".to_owned())), &mut Told::default());
    assert_eq!(unfinished_of(&lines.unwrap()), [Some("no such file")]);
}

#[test]
fn a_case_that_does_not_end_is_given_up_and_its_worker_replaced() {
    let released = Arc::new(AtomicBool::new(false));
    let until = Arc::clone(&released);
    let mut batch = batch(&["hangs", "b", "c", "d"], move |case| {
        while case.name == "hangs" && !until.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    });
    batch.jobs = 1;
    batch.allowance.time = Some(Duration::ZERO);
    let mut crew = Crew::new(Arc::new(batch)).unwrap();
    crew.grace = Duration::from_millis(200);
    let lines = crew.run(&mut Told::default()).unwrap();
    released.store(true, Ordering::Relaxed);
    let names: Vec<&str> = lines.iter().map(|line| line.name.as_str()).collect();
    assert_eq!(names, ["hangs", "b", "c", "d"]);
    assert!(lines[0].unfinished.as_deref().unwrap().contains("given up"), "{lines:?}");
}

#[test]
fn a_batch_without_cases_is_over() {
    assert!(run(batch(&[], |_| Ok(())), &mut Told::default()).unwrap().is_empty());
}
