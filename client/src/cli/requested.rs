//! The results of several requested images, merged into one.

use serde_json::{Value, json};

use super::exit::{Exit, Failure};
use crate::commands::request::Results;
use crate::output::Report;

/// Merges the results of all images; the worst one gives the exit code.
pub(super) fn merge(results: Results) -> Result<Report, Failure> {
    let each = results.into_iter();
    all(each
        .map(|(name, one)| (name, one.map_err(Failure::from)))
        .collect())
}

/// A single result stays as it is; several become one document with a list.
fn all(mut results: Vec<(String, Result<Report, Failure>)>) -> Result<Report, Failure> {
    if results.len() == 1
        && let Some((_, one)) = results.pop()
    {
        return one;
    }
    let text: Vec<String> = results.iter().map(|(name, one)| line(name, one)).collect();
    let images: Vec<Value> = results.iter().map(|(name, one)| item(name, one)).collect();
    let text = text.join("\n");
    let exit = results
        .iter()
        .map(|(_, one)| exit(one))
        .fold(Exit::Ok, worse);
    let mut failures = results.into_iter().filter_map(|(_, one)| one.err());
    match failures.find(|failure| failure.exit == exit) {
        None => {
            let report = Report::new(text).with("images", images);
            Ok(if exit == Exit::Queued {
                report.queued()
            } else {
                report
            })
        }
        Some(first) => {
            let failure = Failure::new(exit, first.code, text);
            Err(failure.with("images", images))
        }
    }
}

fn line(name: &str, results: &Result<Report, Failure>) -> String {
    match results {
        Ok(report) => format!("{name}: {}", report.text().trim_end()),
        Err(failure) => format!("{name}: {failure}"),
    }
}

fn item(name: &str, results: &Result<Report, Failure>) -> Value {
    let (ok, mut fields) = match results {
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

fn exit(results: &Result<Report, Failure>) -> Exit {
    results
        .as_ref()
        .map_or_else(|failure| failure.exit, |report| report.completion().into())
}

/// A failure is worse than a queued request; of several failures the first one counts.
fn worse(so_far: Exit, next: Exit) -> Exit {
    match so_far {
        Exit::Ok | Exit::Queued if next != Exit::Ok => next,
        _ => so_far,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::output::Completion;

    fn results(list: Vec<Result<Report, Failure>>) -> Result<Report, Failure> {
        all(list
            .into_iter()
            .map(|one| ("an image".to_owned(), one))
            .collect())
    }

    #[test]
    fn a_single_result_stays_as_it_is() {
        let one = results(vec![Ok(Report::new("here").with("grant", "ab"))]).unwrap();
        let document = one.document("request");
        assert_eq!(document["grant"], "ab");
        assert!(document.get("images").is_none());
        let failure = Failure::new(Exit::Denied, "denied", "no");
        assert_eq!(results(vec![Err(failure.clone())]).unwrap_err(), failure);
    }

    #[test]
    fn several_results_are_one_document() {
        let queued = Report::new("later").queued();
        let both = results(vec![
            Ok(Report::new("here").with("grant", "ab")),
            Ok(queued),
        ])
        .unwrap();
        assert_eq!(both.completion(), Completion::Queued);
        let document = both.document("request");
        assert_eq!(document["images"][0]["grant"], "ab");
        assert_eq!(document["images"][1]["ok"], true);
    }

    #[test]
    fn a_failure_among_several_is_reported_with_the_other_results() {
        let failed = results(vec![
            Ok(Report::new("here")),
            Err(Failure::new(Exit::Queued, "peer_offline", "away")),
            Err(Failure::new(Exit::Denied, "denied", "no").with("request", "12")),
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
