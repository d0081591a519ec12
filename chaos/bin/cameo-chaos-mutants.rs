//! `cameo-chaos-mutants`: `cameo-chaos` with the bug that `CAMEO_MUTANT` names in itself and in the
//! nodes that it simulates. It is built with the feature `mutants` only, and never shipped.

#[path = "../src/main.rs"]
mod cameo_chaos_main;

use std::process::ExitCode;

fn main() -> ExitCode {
    match cameo_mutant::plant_from_environment() {
        Ok(planted) => {
            if let Some(mutant) = planted {
                eprintln!("cameo-chaos-mutants: warning: planted the bug {mutant}");
            }
            cameo_chaos_main::main()
        }
        Err(error) => {
            eprintln!("cameo-chaos-mutants: {error}");
            ExitCode::from(2)
        }
    }
}
