//! Charging a view.

use cameo_common::api::ErrorCode;

use super::super::name::{same_if, same_or_never};
use super::op::{Answer, Charged, Number};
use super::state::{State, View};
use super::{Next, Told};
use crate::linearizable::Step;

pub(super) fn debit(
    told: &Told,
    state: &State,
    (request, statement): (Number, Number),
    genuine: bool,
    answer: Option<&Answer<Charged>>,
) -> Next {
    if !genuine {
        // Whatever it is refused with, it must be.
        return same_or_never(matches!(answer, Some(Err(_))));
    }
    let number = state.used() + 1;
    match answer {
        // Its number is taken: by itself, if there is an order.
        None if told.is_over(request, state.used()) => return Step::Same,
        None if !told.allows(request, number) => return Step::Impossible,
        // It is not the turn of this one yet.
        Some(Ok(charged)) if charged.number > number => return Step::Impossible,
        _ => {}
    }
    if let Some((number, view)) = state.view(request) {
        let first = Charged {
            number,
            used: number,
            left: view.left,
        };
        return same_or_never(match answer {
            None => true,
            Some(Ok(again)) => view.statement == statement && *again == first,
            Some(Err(ErrorCode::RequestReused)) => view.statement != statement,
            Some(Err(code)) => !is_about_views(*code),
        });
    }
    let denial = state.denial(number);
    let left = state.left_after(number);
    let used = number;
    match answer {
        Some(Err(code)) => same_if(denial == Some(*code) || !is_about_views(*code)),
        // Its number is taken.
        Some(Ok(charged)) if charged.number < number => Step::Never,
        None if denial.is_some() => Step::Impossible,
        Some(Ok(_)) if denial.is_some() => Step::Impossible,
        Some(Ok(charged)) if *charged != (Charged { number, used, left }) => Step::Impossible,
        None | Some(Ok(_)) => {
            let view = View {
                request,
                statement,
                left,
            };
            Step::Changed(Some(State {
                views: state.views.with(view),
                ..state.clone()
            }))
        }
    }
}

/// Whether a refusal of a debit says something of the grant's views.
fn is_about_views(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::Revoked
            | ErrorCode::Expired
            | ErrorCode::UsedUp
            | ErrorCode::RequestReused
            | ErrorCode::NotFound
    )
}
