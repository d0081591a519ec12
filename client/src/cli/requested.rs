//! What became of several images that were asked for at once, as one result.

use serde_json::{Value, json};

use super::exit::{Exit, Failure};
use crate::commands::request::Told;
use crate::output::Report;

/// One document of all images; the worst of them gives the exit code.
pub(super) fn merge(told: Told) -> Result<Report, Failure> {
    let each = told.into_iter();
    all(each
        .map(|(name, one)| (name, one.map_err(Failure::from)))
        .collect())
}

/// One image is told as itself; of several, each in its place.
fn all(mut told: Vec<(String, Result<Report, Failure>)>) -> Result<Report, Failure> {
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
        .map_or_else(|failure| failure.exit, |report| report.completion().into())
}

/// What was queued may yet come; of real failures the first one tells.
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
        let failure = Failure::new(Exit::Denied, "denied", "no");
        assert_eq!(told(vec![Err(failure.clone())]).unwrap_err(), failure);
    }

    #[test]
    fn several_are_one_document_with_each_in_its_place() {
        let queued = Report::new("later").queued();
        let both = told(vec![
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
    fn a_failure_among_several_is_told_beside_what_went_well() {
        let failed = told(vec![
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
