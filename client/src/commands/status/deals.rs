//! The grants of this user that have to be dealt to the cluster's present nodes.

use std::time::Duration;

use serde_json::{Value, json};

use crate::flows::context::Context;
use crate::flows::deal_again::{Waiting, WaitingGrants, waiting};
use crate::text::prefix::short;

/// Bound on the wait for the ledger.
const DEADLINE: Duration = Duration::from_secs(4);
/// Most grants that the text names; the document has all.
const NAMED: usize = 5;

/// Asks the ledger; `None` when it does not answer.
pub(super) async fn ask(ctx: &Context) -> Option<WaitingGrants> {
    let api = ctx.api_within(DEADLINE).ok()?;
    match waiting(&ctx.vault, &api).await {
        Ok(found) => Some(found),
        Err(error) => {
            tracing::info!(%error, "which grants need a new deal is not known");
            None
        }
    }
}

/// A line or two, if there are any.
pub(super) fn text(found: Option<&WaitingGrants>, agent: bool) -> String {
    let Some(found) = found.filter(|found| !found.grants.is_empty()) else {
        return String::new();
    };
    let all = found.grants.len();
    let closed = closed(found);
    let than = if found.more { "at least " } else { "" };
    let who = match agent {
        true => "your agent does that now",
        false => "your agent does that while it runs: start it with `cameo agent`",
    };
    let mut text = format!(
        "The cluster's nodes have changed, and {than}{} of yours must be dealt to the present ones \
         ({}): {who}\n",
        grants(all),
        names(&found.grants.iter().collect::<Vec<_>>()),
    );
    if !closed.is_empty() {
        text.push_str(&format!(
            "{} of them CANNOT BE OPENED until your agent has dealt them again: {}\n",
            closed.len(),
            names(&closed)
        ));
    }
    let elsewhere: Vec<_> = found.grants.iter().filter(|grant| !grant.here).collect();
    if !elsewhere.is_empty() {
        text.push_str(&format!(
            "{} of them made in another home of yours, whose agent alone can deal them: {}\n",
            elsewhere.len(),
            names(&elsewhere)
        ));
    }
    text
}

fn grants(count: usize) -> String {
    match count {
        1 => "1 grant".to_owned(),
        many => format!("{many} grants"),
    }
}

/// Those of which no view can be opened until then.
fn closed(found: &WaitingGrants) -> Vec<&Waiting> {
    found.grants.iter().filter(|grant| !grant.opens).collect()
}

/// The first of them by id and viewer.
fn names(grants: &[&Waiting]) -> String {
    let named = grants.iter().take(NAMED);
    let named = named.map(|one| format!("{} for {}", short(&one.info.grant), one.info.viewer));
    let named = named.collect::<Vec<_>>().join(", ");
    match grants.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named}, and {more} more"),
    }
}

/// The same for programs; null while the ledger does not answer.
pub(super) fn document(found: Option<&WaitingGrants>) -> Value {
    let Some(found) = found else {
        return Value::Null;
    };
    let each = found.grants.iter().map(|one| {
        json!({
            "grant": one.info.grant, "viewer": one.info.viewer, "image": one.info.image,
            "opens": one.opens, "here": one.here,
        })
    });
    json!({
        "count": found.grants.len(), "more": found.more, "closed": closed(found).len(),
        "grants": each.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use cameo_common::ids::GrantId;

    use super::*;
    use crate::agent::tests::{ME, rights, told_of};

    fn found(opens: &[bool]) -> WaitingGrants {
        let grants = (1..).zip(opens).map(|(number, opens)| {
            let mut info = told_of(rights(ME, GrantId([20; 32]), 1), 0);
            info.grant = GrantId([number; 32]);
            Waiting {
                info,
                opens: *opens,
                here: number != 3,
            }
        });
        WaitingGrants {
            grants: grants.collect(),
            more: false,
        }
    }

    #[test]
    fn nothing_is_said_where_no_grant_needs_a_new_deal_or_it_is_not_known() {
        assert_eq!(text(None, true), "");
        assert_eq!(text(Some(&found(&[])), true), "");
        // and programs can tell the two apart
        assert_eq!(document(None), Value::Null);
        assert_eq!(document(Some(&found(&[])))["count"], 0);
    }

    #[test]
    fn grants_that_need_a_new_deal_are_counted_and_named_and_those_that_do_not_open_apart() {
        // given two grants of which one can still be opened
        let two = found(&[true, false]);
        let said = text(Some(&two), false);
        assert!(said.contains("2 grants of yours must be dealt"), "{said}");
        assert!(said.contains("start it with `cameo agent`"), "{said}");
        assert!(said.contains("1 of them CANNOT BE OPENED"), "{said}");
        let (named, closed) = said.split_once('\n').unwrap();
        assert!(named.contains("0101") && named.contains("0202"), "{said}");
        assert!(
            closed.contains("0202") && !closed.contains("0101"),
            "{said}"
        );
        let document = document(Some(&two));
        assert_eq!(
            (&document["count"], &document["closed"]),
            (&json!(2), &json!(1))
        );
        assert_eq!(document["grants"][1]["opens"], false);
    }

    #[test]
    fn of_many_grants_the_first_are_named_and_the_others_counted() {
        let said = text(Some(&found(&[true; 9])), true);
        assert!(said.contains("and 4 more"), "{said}");
        assert!(!said.contains("CANNOT"), "{said}");
        // and those of another home apart
        assert!(said.contains("1 of them made in another home"), "{said}");
    }
}
