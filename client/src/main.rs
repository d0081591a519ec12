//! `cameo`: the command line and the agent.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use tracing_subscriber::EnvFilter;

/// Environment variable with the log filter for stderr, such as `info`.
const LOG: &str = "CAMEO_LOG";

fn main() -> ExitCode {
    cameo_client::panics::tell_in_a_sentence();
    // The sentence has been printed.
    catch_unwind(AssertUnwindSafe(run)).unwrap_or(ExitCode::FAILURE)
}

fn run() -> ExitCode {
    let filter = EnvFilter::try_from_env(LOG).unwrap_or_else(|_| EnvFilter::new("error,iroh=off"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .init();
    // Fails only if the same provider is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => {
            let exit = runtime.block_on(cameo_client::cli::run(std::env::args_os()));
            runtime.shutdown_background();
            ExitCode::from(exit as u8)
        }
        Err(error) => {
            eprintln!("cameo: the runtime cannot be started: {error}");
            ExitCode::FAILURE
        }
    }
}
