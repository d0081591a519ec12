//! Arguments of `cameo-bench core`.

/// Clients of a window, at most: each is a registered user with a connection.
const MAX_CLIENTS: usize = 256;

#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    /// Print one JSON document on stdout instead of a table
    #[arg(long)]
    pub json: bool,
    /// One short window of each: a functional check, no measurement
    #[arg(long)]
    pub quick: bool,
    /// Numbers of clients
    #[arg(long, value_delimiter = ',', default_values_t = [1, 16, 64, 256], value_parser = clients)]
    pub clients: Vec<usize>,
    /// Windows of each, which alternate with etcd's
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=99))]
    pub rounds: u32,
    /// Length of a window
    #[arg(long, default_value_t = 3.0, value_parser = seconds)]
    pub seconds: f64,
    /// Only what has this in its name: write, debit, read, view
    #[arg(long, value_name = "NAME")]
    pub only: Option<String>,
}

fn clients(text: &str) -> Result<usize, String> {
    let clients = text
        .parse()
        .ok()
        .filter(|count| (1..=MAX_CLIENTS).contains(count));
    clients.ok_or_else(|| format!("a number from 1 to {MAX_CLIENTS}"))
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds = text
        .parse()
        .ok()
        .filter(|seconds| (0.1..=60.0).contains(seconds));
    seconds.ok_or_else(|| "a number from .1 to 60".to_owned())
}
