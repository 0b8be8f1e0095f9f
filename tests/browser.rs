//! Pages as a browser shows them: headless Chromium, where it is installed.

use crate::support::{analyse, root};
use rdp_triage::report::write_html;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Ten tickets of every kind: refused at each layer, logs only, captures only, healthy,
/// several attempts, several connections.
const SAMPLES: [&str; 10] = [
    "tls-no-shared-cipher",
    "clock-skew",
    "cert-expired",
    "path-loss-latency",
    "nego-nla-required",
    "tcp-port-filtered",
    "no-fault-found",
    "logon-bad-password",
    "middlebox-rst",
    "fips-mismatch",
];

/// What the page says of itself when it has been laid out.
const PROBE: &str = r#"<script>
addEventListener("load", () => {
  const boxes = (what) => [...document.querySelectorAll(what)].map((one) => {
    const box = one.getBoundingClientRect();
    return [box.width, box.height];
  });
  document.documentElement.dataset.probe = JSON.stringify({
    rungs: boxes(".ladder .rung"), records: boxes(".ladder .record"),
    missing: [...document.querySelectorAll(".rung.missing .what")].map((one) => getComputedStyle(one).color),
    pieces: boxes(".bars .piece"), timeline: boxes(".timeline svg"), marks: boxes(".timeline line, .timeline circle"),
    scripted: document.documentElement.classList.contains("js"),
    over: document.documentElement.scrollWidth - innerWidth,
    fetched: performance.getEntriesByType("resource").map((one) => one.name),
  });
});
</script></html>"#;

fn browser() -> Option<&'static str> {
    let known = ["chromium", "chromium-browser", "google-chrome"];
    let found = known.into_iter().find(|name| {
        Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success())
    });
    if found.is_none() {
        eprintln!("SKIPPED: no Chromium is installed");
    }
    found
}

/// The page after its script ran, and what the browser had to say.
fn show(browser: &str, page: &Path, width: u32, folder: &Path) -> (String, String) {
    let net = folder.join("net.json");
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr"])
        .args(["--disable-background-networking", "--disable-component-update", "--no-first-run"])
        .args(["--disable-sync", "--disable-default-apps", "--virtual-time-budget=2000"])
        .arg(format!("--user-data-dir={}", folder.join("profile").display()))
        .arg(format!("--log-net-log={}", net.display()))
        .arg(format!("--window-size={width},900"))
        .arg("--dump-dom")
        .arg(format!("file://{}", page.display()))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    nothing_foreign_is_fetched(&fs::read_to_string(net).unwrap_or_default());
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

/// Chromium asks after its own updates whatever page is shown; nothing else may be asked.
fn nothing_foreign_is_fetched(log: &str) {
    for (at, key) in log.match_indices("\"url\":\"") {
        let url = &log[at + key.len()..];
        let url = &url[..url.find('"').unwrap_or(url.len())];
        let host = url.split('/').nth(2).unwrap_or_default();
        let own = [".google.com", ".googleapis.com", ".gvt1.com"];
        let harmless = own.iter().any(|own| host.ends_with(own)) || !url.starts_with("http");
        assert!(harmless, "the page fetched {url}");
    }
}

fn console_errors(log: &str) -> Vec<&str> {
    log.lines().filter(|line| line.contains(":CONSOLE")).collect()
}

fn probe(dom: &str) -> Value {
    let from = dom.find("data-probe=\"").expect("the page was laid out") + "data-probe=\"".len();
    let to = from + dom[from..].find('"').unwrap();
    serde_json::from_str(&dom[from..to].replace("&quot;", "\"")).unwrap()
}

/// The page with a script that measures it, which its policy would not let run.
fn measured(page: &str) -> String {
    let from = page.find("script-src 'sha256-").expect("the page has a policy");
    let to = from + page[from..].find(';').unwrap();
    let open = format!("{}script-src 'unsafe-inline'{}", &page[..from], &page[to..]);
    open.replace("</html>", PROBE)
}

fn boxes<'a>(probe: &'a Value, what: &str) -> Vec<(f64, f64)> {
    let side = |one: &'a Value, at: usize| one[at].as_f64().unwrap();
    probe[what].as_array().unwrap().iter().map(|one| (side(one, 0), side(one, 1))).collect()
}

fn page_of(sample: &str) -> String {
    let mut page = Vec::new();
    write_html(&analyse(&root().join("samples").join(sample)), &mut page).unwrap();
    String::from_utf8(page).unwrap()
}

#[test]
fn pages_show_ladder_bars_and_timeline_without_errors_and_without_the_network() {
    let Some(browser) = browser() else { return };
    let folder = tempfile::tempdir().unwrap();
    for sample in SAMPLES {
        let page = page_of(sample);
        let file: PathBuf = folder.path().join(format!("{sample}.html"));
        fs::write(&file, &page).unwrap();
        let (dom, log) = show(browser, &file, 1280, folder.path());
        assert_eq!(console_errors(&log), Vec::<&str>::new(), "{sample}");
        assert!(dom.contains("class=\"js\""), "{sample}: the page's own script runs by its hash");
        fs::write(&file, measured(&page)).unwrap();
        for width in [1280, 420] {
            let (dom, log) = show(browser, &file, width, folder.path());
            assert_eq!(console_errors(&log), Vec::<&str>::new(), "{sample}");
            is_laid_out(sample, width, &probe(&dom));
        }
    }
}

fn is_laid_out(sample: &str, width: u32, probe: &Value) {
    let of = |what| boxes(probe, what);
    let is_seen = |(width, height): &(f64, f64)| *width >= 1.0 && *height >= 1.0;
    let rows: Vec<_> = of("rungs").into_iter().chain(of("records")).collect();
    assert!(rows.iter().filter(|one| is_seen(one)).count() >= 3, "{sample} {width}: {probe}");
    assert!(of("timeline").iter().any(is_seen), "{sample} {width}: {probe}");
    assert!(!of("marks").is_empty(), "{sample} {width}");
    if sample != "no-fault-found" {
        assert!(of("pieces").iter().any(is_seen), "{sample} {width}: {probe}");
    }
    assert_eq!(probe["fetched"], serde_json::json!([]), "{sample}");
    assert!(probe["scripted"].as_bool().unwrap());
    let over = probe["over"].as_f64().unwrap();
    assert!(over <= 0.0, "{sample}: {over} pixels wider than {width}");
    if sample == "tls-no-shared-cipher" {
        assert_eq!(probe["missing"], serde_json::json!(["rgb(179, 32, 43)"]), "drawn in red");
    }
}

#[test]
fn the_index_of_a_batch_leads_to_every_case() {
    let Some(browser) = browser() else { return };
    let folder = tempfile::tempdir().unwrap();
    let tickets = folder.path().join("tickets");
    for sample in ["cert-expired", "no-fault-found"] {
        let to = tickets.join(format!("{sample} #1?"));
        fs::create_dir_all(&to).unwrap();
        for file in fs::read_dir(root().join("samples").join(sample)).unwrap() {
            let file = file.unwrap().path();
            if file.is_file() {
                fs::copy(&file, to.join(file.file_name().unwrap())).unwrap();
            }
        }
    }
    fs::create_dir_all(tickets.join("index")).unwrap();
    let reports = folder.path().join("reports");
    let status = Command::new(env!("CARGO_BIN_EXE_rdp-triage"))
        .args(["batch", "--format", "html", "--quiet", "--output"])
        .args([&reports, &tickets])
        .status()
        .unwrap();
    assert!(status.success());
    let (dom, log) = show(browser, &reports.join("index.html"), 1280, folder.path());
    assert_eq!(console_errors(&log), Vec::<&str>::new());
    assert!(dom.contains("<h1 id=\"answer-title\">3 cases</h1>"), "{dom}");
    let links: Vec<&str> =
        dom.split("href=\"./").skip(1).filter_map(|l| l.split('"').next()).collect();
    assert_eq!(links.len(), 3, "{links:?}");
    for link in links {
        let name =
            link.replace("%20", " ").replace("%23", "#").replace("%3F", "?").replace("%7E", "~");
        assert!(reports.join(&name).is_file(), "{name}");
    }
}
