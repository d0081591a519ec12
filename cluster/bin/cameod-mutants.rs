//! `cameod-mutants`: `cameod` with the bug that `CAMEO_MUTANT` names, for the selftest of
//! `cameo-chaos`. It is built with the feature `mutants` only, and never shipped.

#[path = "../src/main.rs"]
mod cameod;

use std::process::ExitCode;

fn main() -> ExitCode {
    match cameo_mutant::plant_from_environment() {
        Ok(planted) => {
            if let Some(mutant) = planted {
                eprintln!("cameod-mutants: warning: this node has the bug {mutant}");
            }
            cameod::main()
        }
        Err(error) => {
            eprintln!("cameod-mutants: {error}");
            ExitCode::from(cameod::EXIT_USAGE)
        }
    }
}
