//! `cameo-chaos`: judges a cluster from outside.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(
    name = "cameo-chaos",
    version,
    about = "Judges a Cameo cluster from outside"
)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Kills, stops and pauses real nodes while users register, and checks that nothing is lost.
    Kill {
        /// How many faults, one after another.
        #[arg(long, default_value_t = 5)]
        rounds: usize,
        /// The plan follows from it alone.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// How many nodes.
        #[arg(long, default_value_t = 3)]
        nodes: u64,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let Verb::Kill {
        rounds,
        seed,
        nodes,
    } = Arguments::parse().verb;
    let folder = std::env::temp_dir().join(format!("cameo-chaos-{}", std::process::id()));
    if let Err(why) = std::fs::create_dir_all(&folder) {
        eprintln!("cameo-chaos: {} cannot be made: {why}", folder.display());
        return ExitCode::FAILURE;
    }
    match cameo_chaos::kill::run(&folder, nodes, rounds, seed).await {
        Ok(summary) => {
            println!("{}", serde_json::json!(summary));
            drop(std::fs::remove_dir_all(&folder));
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!(
                "cameo-chaos: seed {seed}: {why:#}\nlogs are kept in {}",
                folder.display()
            );
            ExitCode::FAILURE
        }
    }
}
