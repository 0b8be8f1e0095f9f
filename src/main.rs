//! The program: arguments in, exit status out.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(rdp_triage::cli::run(std::env::args_os()).code())
}
