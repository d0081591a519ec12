//! The command line: its grammar, and the dispatch to commands.

pub mod demo;
mod effects;
mod errors;
pub mod exit;
mod finish;
mod interrupt;
mod requested;
mod unknown_outcome;

use std::ffi::OsString;
use std::path::PathBuf;

use cameo_common::terminal::usage_sentence;
use clap::{CommandFactory, Parser, Subcommand};

use self::exit::{Exit, Failure};
use self::finish::finish;
use self::interrupt::OnlyResult;
use crate::commands;
use crate::commands::approve::Approved;
use crate::commands::request::SentRequests;
use crate::control;
use crate::flows::context::Context;
use crate::output::{self, Output, Report};

/// Controlled sharing of images between people.
#[derive(Debug, Parser)]
#[command(
    name = "cameo",
    version,
    propagate_version = true,
    after_help = exit::help()
)]
pub struct Cli {
    /// The home folder: keys, photos, carriers. Else CAMEO_HOME, else the XDG data folder.
    #[arg(long, global = true, value_name = "DIR")]
    pub home: Option<PathBuf>,
    /// Print one JSON document on stdout, with a schema number.
    #[arg(long, global = true)]
    pub json: bool,
    /// Print no progress and no notes.
    #[arg(long, short, global = true)]
    pub quiet: bool,
    #[command(subcommand)]
    pub verb: Verb,
}

/// The commands, one use case each.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Create your keys and register your name with a cluster.
    Init(commands::init::Arguments),
    /// Run the background agent: serve your gallery, receive carriers and rights, retry deliveries.
    Agent(commands::agent::Arguments),
    /// Add photos to your gallery.
    Add(commands::add::Arguments),
    /// List the images that a user shares, with previews.
    Gallery(commands::gallery::Arguments),
    /// Request images from a user, and wait for their carriers.
    Request(commands::request::Arguments),
    /// List the requests of others, and your own.
    Requests(commands::requests::Arguments),
    /// Approve a request.
    Approve(commands::approve::Arguments),
    /// Deny a request.
    Deny(commands::deny::Arguments),
    /// List the photos that were shared with you.
    Inbox(commands::inbox::Arguments),
    /// Open a photo that was shared with you; uses one view.
    View(commands::view::Arguments),
    /// Change a viewer's rights to a photo of yours.
    Rights(commands::rights::Arguments),
    /// End a viewer's rights to a photo of yours.
    Revoke(commands::revoke::Arguments),
    /// Open photos again that a restore of the cluster has closed.
    Reopen(commands::reopen::Arguments),
    /// List the photos that you share, with their viewers and state.
    Shared(commands::shared::Arguments),
    /// List when a photo of yours was viewed.
    Log(commands::log::Arguments),
    /// List who is online, or show one user.
    Who(commands::who::Arguments),
    /// List your devices, revoke one, or give this home a key of its own.
    Device(commands::device::Arguments),
    /// Show the state of this home, its agent and its cluster.
    Status(commands::status::Arguments),
    /// Store the passphrase in the kernel's keyring, so that commands do not ask for it.
    Unlock(commands::unlock::Arguments),
    /// Remove the passphrase from the kernel's keyring.
    Lock(commands::lock::Arguments),
    /// Hide a file in a picture, for everybody who has the key file.
    ///
    /// Needs no home and no cluster. The key file is enough to read the hidden file, any number of
    /// times: views are not counted and nothing can be revoked; for that, share photos with `add`.
    /// Hidden means invisible to the eye, not undetectable: statistics may reveal that something is
    /// hidden, though not what.
    Hide(commands::hide::Arguments),
    /// Extract a file that was hidden in a picture.
    ///
    /// Needs no home and no cluster, only the picture as `hide` made it and the key file. Views are
    /// not counted. A copy that was scaled, cropped or saved as JPEG has lost the hidden file.
    Reveal(commands::reveal::Arguments),
    /// Show what a PNG reveals about itself.
    Inspect(commands::inspect::Arguments),
    /// Play every case of two users on real processes, and check each from outside.
    Demo(demo::Options),
}

impl Verb {
    fn name(&self) -> &'static str {
        match self {
            Verb::Init(_) => "init",
            Verb::Agent(_) => "agent",
            Verb::Add(_) => "add",
            Verb::Gallery(_) => "gallery",
            Verb::Request(_) => "request",
            Verb::Requests(_) => "requests",
            Verb::Approve(_) => "approve",
            Verb::Deny(_) => "deny",
            Verb::Inbox(_) => "inbox",
            Verb::View(_) => "view",
            Verb::Rights(_) => "rights",
            Verb::Revoke(_) => "revoke",
            Verb::Reopen(_) => "reopen",
            Verb::Shared(_) => "shared",
            Verb::Log(_) => "log",
            Verb::Who(_) => "who",
            Verb::Device(arguments) => arguments.name(),
            Verb::Status(_) => "status",
            Verb::Unlock(_) => "unlock",
            Verb::Lock(_) => "lock",
            Verb::Hide(_) => "hide",
            Verb::Reveal(_) => "reveal",
            Verb::Inspect(_) => "inspect",
            Verb::Demo(_) => "demo",
        }
    }
}

/// Parses the command line and runs the command.
pub async fn run(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let json = arguments.iter().any(|argument| argument == "--json");
    match Cli::try_parse_from(&arguments) {
        Ok(cli) => carry_out(cli).await,
        Err(error) => usage_error(&error, json, "cameo"),
    }
}

async fn carry_out(cli: Cli) -> Exit {
    let out = Output {
        json: cli.json,
        quiet: cli.quiet,
    };
    // The demo has a home for each of its users, and its own output.
    if let Verb::Demo(options) = &cli.verb {
        return demo::run(options, out);
    }
    let name = cli.verb.name();
    let (sent, result) = (SentRequests::default(), OnlyResult::default());
    // The agent stops in order at a signal.
    let is_agent = matches!(cli.verb, Verb::Agent(_));
    let watch = match is_agent {
        true => None,
        false => interrupt::watch(out, name, &sent, &result),
    };
    let done = dispatch(cli, out, &sent).await;
    let done = done.map_err(|failure| unknown_outcome::with_next_step(name, failure));
    if !result.take() {
        // The interruption prints its result, and ends the process.
        std::future::pending::<()>().await;
    }
    if let Some(watch) = watch {
        watch.abort();
    }
    finish(out, name, &done)
}

async fn dispatch(cli: Cli, out: Output, sent: &SentRequests) -> Result<Report, Failure> {
    let home = cli.home;
    let open = || {
        let ctx = Context::open(home.clone())?;
        ctx.api.tell_when_slow(move |line| out.note(line));
        Ok::<_, Failure>(ctx)
    };
    // Refuses an agent of another version before anything is changed.
    let beside_agent = async || {
        let ctx = open()?;
        control::answers(ctx.vault.home()).await?;
        Ok::<_, Failure>(ctx)
    };
    Ok(match cli.verb {
        Verb::Init(arguments) => commands::init::run(home, out, arguments).await?,
        Verb::Unlock(_) => commands::unlock::run(home)?,
        Verb::Lock(_) => commands::lock::run(home)?,
        Verb::Hide(arguments) => commands::hide::run(out, arguments).await?,
        Verb::Reveal(arguments) => commands::reveal::run(out, arguments).await?,
        Verb::Inspect(arguments) => commands::inspect::run(home, out, arguments).await?,
        // It logs what it waits for.
        Verb::Agent(arguments) => {
            commands::agent::run(Context::open(home.clone())?, out, arguments).await?
        }
        Verb::Add(arguments) => commands::add::run(&open()?, out, arguments).await?,
        Verb::Gallery(arguments) => commands::gallery::run(&open()?, out, arguments).await?,
        Verb::Request(arguments) => {
            let ctx = beside_agent().await?;
            let told = commands::request::run(&ctx, out, arguments, sent).await?;
            requested::merge(told)?
        }
        Verb::Requests(arguments) => commands::requests::run(&open()?, arguments).await?,
        Verb::Approve(arguments) => {
            let ctx = beside_agent().await?;
            let approved = commands::approve::run(&ctx, out, arguments).await;
            ctx.api
                .wrong_clock()
                .into_iter()
                .for_each(|line| out.note(line));
            approval_report(approved?)
        }
        Verb::Deny(arguments) => commands::deny::run(&beside_agent().await?, arguments).await?,
        Verb::Inbox(arguments) => commands::inbox::run(&open()?, arguments).await?,
        Verb::View(arguments) => {
            let ctx = open()?;
            let viewed = commands::view::run(&ctx, out, arguments).await;
            ctx.api
                .wrong_clock()
                .into_iter()
                .for_each(|line| out.note(line));
            viewed?
        }
        Verb::Rights(arguments) => {
            let ctx = beside_agent().await?;
            let changed = commands::rights::run(&ctx, arguments).await;
            ctx.api
                .wrong_clock()
                .into_iter()
                .for_each(|line| out.note(line));
            changed?
        }
        Verb::Revoke(arguments) => commands::revoke::run(&beside_agent().await?, arguments).await?,
        Verb::Reopen(arguments) => commands::reopen::run(&open()?, arguments).await?,
        Verb::Shared(arguments) => commands::shared::run(&open()?, arguments).await?,
        Verb::Log(arguments) => commands::log::run(&open()?, arguments).await?,
        Verb::Who(arguments) => commands::who::run(&open()?, arguments).await?,
        Verb::Device(arguments) => commands::device::run(&open()?, arguments).await?,
        Verb::Status(arguments) => commands::status::run(&open()?, arguments).await?,
        Verb::Demo(_) => unreachable!("the demo opens no home"),
    })
}

/// Adds the error code of a delivery that is not done.
fn approval_report(approved: Approved) -> Report {
    match approved.undelivered {
        None => approved.report,
        Some(delivered) => {
            let why = delivered.err().map(|error| Failure::from(error).code);
            approved.report.with("why", why)
        }
    }
}

/// Prints help, version or a usage error of a program, the latter as JSON with `--json`.
pub fn usage_error(error: &clap::Error, json: bool, program: &str) -> Exit {
    if !error.use_stderr() {
        return match error.print() {
            Err(why) if why.kind() != std::io::ErrorKind::BrokenPipe => {
                output::print_message(format_args!("{program}: {}", output::unwritten(&why)));
                Exit::Other
            }
            _ => Exit::Ok,
        };
    }
    if json {
        let failure = Failure::usage(usage_sentence(&error.to_string(), program));
        if let Err(error) = output::print_result(failure.document()) {
            output::print_message(format_args!("{program}: {}", output::unwritten(&error)));
            output::print_message(format_args!("{program}: {failure}"));
        }
    } else {
        let _ = error.print();
    }
    Exit::Usage
}

/// The clap command, for manuals and completions.
#[must_use]
pub fn command() -> clap::Command {
    Cli::command()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(std::iter::once("cameo").chain(line.split_whitespace()))
    }

    #[test]
    fn the_command_line_is_well_formed() {
        command().debug_assert();
    }

    #[test]
    fn global_flags_are_accepted_anywhere() {
        for line in ["--json --home /h who", "who --json --home /h"] {
            let cli = parse(line).unwrap();
            assert!(cli.json);
            assert_eq!(cli.home, Some(PathBuf::from("/h")));
        }
    }

    #[test]
    fn invalid_arguments_are_refused_by_the_parser() {
        for line in [
            "",
            "gallery",
            "gallery Ada",
            "gallery ada/../ben",
            "init ada",
            "add photo.jpg --views 0",
            "add photo.jpg --views 10001",
            "add photo.jpg --policy everyone",
            "add photo.jpg --codec jpeg",
            "add photo.jpg --look loud",
            "add photo.jpg --depth 0",
            "add photo.jpg --depth 5",
            "add photo.jpg --depth 2 --look normal",
            "add photo.jpg --caption hello --no-caption",
            "hide photo.jpg --out c.png",
            "hide photo.jpg --key k",
            "reveal c.png --out photo.jpg",
            "rights ab --expires soon",
            "rights ab --may-save perhaps",
            "view",
            "view 0123 --no-show --save out.jpg",
            "device",
            "device revoke",
            "reopen",
            "reopen --all --used 2",
            "dance",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn every_command_of_the_design_is_parsed() {
        for line in [
            "init ada --cluster https://127.0.0.1:1#00",
            "agent --listen 127.0.0.1:0 --unlisted",
            "add a.jpg b.jpg --policy open --views 3 --codec alpha --expires 7d",
            "add a.bin --preview b.jpg --cover c.png --title x",
            "add a.jpg --look compact --caption hello",
            "add a.jpg --depth 4 --no-caption",
            "gallery ada --to folder",
            "request ada 0123 --note hello --no-wait",
            "requests",
            "approve 0123 --views 2",
            "deny 0123 --reason no",
            "inbox",
            "view 0123 --yes --cover-to c.png",
            "view 0123 --no-show",
            "view carrier.png --save out.jpg",
            "rights 0123 --views 5 --expires 7d --may-save yes",
            "rights 0123 --expires never",
            "revoke 0123",
            "reopen 0123 --used 2",
            "reopen --all",
            "shared",
            "log 0123",
            "who",
            "who ada",
            "status",
            "device list",
            "device revoke --this",
            "device revoke 0123 --this",
            "device new",
            "hide a.jpg --key k --out c.png",
            "hide a.bin --key k --out c.png --cover b.png --look discreet",
            "hide a.jpg --key k --out c.png --depth 4 --codec veil --caption hello",
            "reveal c.png --key k --out a.jpg",
            "inspect c.png",
            "inspect c.png --key k",
            "unlock",
            "lock",
            "demo --nodes 5 --keep folder --photo a.jpg --json",
        ] {
            let parsed = parse(line);
            assert!(parsed.is_ok(), "{line}: {parsed:?}");
        }
    }
}
