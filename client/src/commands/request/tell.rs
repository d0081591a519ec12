//! What became of what was asked for.

use cameo_common::peer::AskOutcome;
use serde_json::{Value, json};

use crate::cli::exit::{Exit, Failure};
use crate::directory::Person;
use crate::flows::context::Context;
use crate::output::Report;
use crate::text::prefix::short;
use crate::vault::records::{GrantHeld, Outgoing, OutgoingState};

/// One image is told as itself; of several, each in its place.
pub(super) fn all(mut told: Vec<(String, Result<Report, Failure>)>) -> Result<Report, Failure> {
    if told.len() == 1
        && let Some((_, one)) = told.pop()
    {
        return one;
    }
    let text: Vec<String> = told.iter().map(|(name, one)| line(name, one)).collect();
    let images: Vec<Value> = told.iter().map(|(name, one)| item(name, one)).collect();
    let text = text.join("\n");
    let exit = told.iter().map(|(_, one)| exit(one)).fold(Exit::Ok, worse);
    let mut failures = told.into_iter().filter_map(|(_, one)| one.err());
    match failures.find(|failure| failure.exit == exit) {
        None => Ok(Report::new(text).with("images", images).ending(exit)),
        Some(first) => {
            let failure = Failure::new(exit, first.code, text);
            Err(failure.with("images", images))
        }
    }
}

fn line(name: &str, told: &Result<Report, Failure>) -> String {
    match told {
        Ok(report) => format!("{name}: {}", report.text().trim_end()),
        Err(failure) => format!("{name}: {failure}"),
    }
}

fn item(name: &str, told: &Result<Report, Failure>) -> Value {
    let (ok, mut fields) = match told {
        Ok(report) => (true, report.fields().clone()),
        Err(failure) => {
            let mut fields = failure.details.clone();
            let error = json!({ "code": failure.code, "message": failure.message });
            fields.insert("error".into(), error);
            (false, fields)
        }
    };
    fields.insert("image".into(), json!(name));
    fields.insert("ok".into(), json!(ok));
    Value::Object(fields)
}

fn exit(told: &Result<Report, Failure>) -> Exit {
    told.as_ref()
        .map_or_else(|failure| failure.exit, |report| report.exit)
}

/// What was queued may yet come; of real failures the first one tells.
fn worse(so_far: Exit, next: Exit) -> Exit {
    match so_far {
        Exit::Ok | Exit::Queued if next != Exit::Ok => next,
        _ => so_far,
    }
}

pub(super) fn one(
    ctx: &Context,
    person: &Person,
    outgoing: &Outgoing,
    outcome: AskOutcome,
    ended: Option<OutgoingState>,
    no_wait: bool,
) -> Result<Report, Failure> {
    let who = &person.name;
    match ended {
        Some(OutgoingState::Arrived(grant)) => {
            let held = ctx.vault.get::<GrantHeld>(&grant.to_string())?;
            let held = held.ok_or_else(|| Failure::other("vault", "the grant has just gone"))?;
            let rights = held.rights.peek()?;
            let carrier = ctx.vault.blob_path(GrantHeld::CARRIERS, &held.blob())?;
            let text = format!(
                "It is here: {}\n`cameo view {}` uses 1 of {}.",
                carrier.display(),
                short(&grant),
                rights.permitted
            );
            Ok(Report::new(text)
                .with("state", "arrived")
                .with("request", outgoing.request)
                .with("grant", grant)
                .with("carrier", carrier)
                .with("views", rights.permitted))
        }
        Some(OutgoingState::Denied(reason)) => Err(Failure::denied(if reason.is_empty() {
            format!("{who} says no")
        } else {
            format!("{who} says no: {reason}")
        })),
        Some(OutgoingState::Failed) => Err(Failure::other(
            "share_failed",
            format!(
                "{who}'s agent could not make the carrier: ask {who} to look at `cameo requests`, then run this again"
            ),
        )
        .with("request", outgoing.request.to_string())),
        _ => {
            let waiting = outcome == AskOutcome::Waiting;
            let text = if waiting {
                format!("{who} is asked; the carrier comes to your agent after a yes.")
            } else {
                format!("{who}'s agent prepares it; your agent receives it.")
            };
            let report = Report::new(text)
                .with("state", if waiting { "waiting" } else { "preparing" })
                .with("request", outgoing.request);
            Ok(if waiting || no_wait {
                report
            } else {
                report.ending(Exit::Queued)
            })
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn told(list: Vec<Result<Report, Failure>>) -> Result<Report, Failure> {
        all(list
            .into_iter()
            .map(|one| ("an image".to_owned(), one))
            .collect())
    }

    #[test]
    fn one_image_is_told_as_ever() {
        let one = told(vec![Ok(Report::new("here").with("grant", "ab"))]).unwrap();
        let document = one.document("request");
        assert_eq!(document["grant"], "ab");
        assert!(document.get("images").is_none());
        let failure = Failure::denied("no");
        assert_eq!(told(vec![Err(failure.clone())]).unwrap_err(), failure);
    }

    #[test]
    fn several_are_one_document_with_each_in_its_place() {
        let queued = Report::new("later").ending(Exit::Queued);
        let both = told(vec![
            Ok(Report::new("here").with("grant", "ab")),
            Ok(queued),
        ])
        .unwrap();
        assert_eq!(both.exit, Exit::Queued);
        let document = both.document("request");
        assert_eq!(document["images"][0]["grant"], "ab");
        assert_eq!(document["images"][1]["ok"], true);
    }

    #[test]
    fn a_failure_among_several_is_told_beside_what_went_well() {
        let failed = told(vec![
            Ok(Report::new("here")),
            Err(Failure::new(Exit::Queued, "peer_offline", "away")),
            Err(Failure::denied("no").with("request", "12")),
        ]);
        let failed = failed.unwrap_err();
        assert_eq!((failed.exit, failed.code), (Exit::Denied, "denied"));
        let images = &failed.document()["images"];
        assert_eq!(images[0]["ok"], true);
        assert_eq!(images[2]["error"]["code"], "denied");
        assert_eq!(images[2]["request"], "12");
        assert!(failed.message.contains("here") && failed.message.contains("away"));
    }
}
