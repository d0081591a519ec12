//! The numbers of a grant's views, taken from all its logs and answers.

use cameo_common::ids::RequestId;

use super::super::facts::GrantFacts;
use super::numbers::Numbers;
use crate::specification::grant::Told;

pub(super) fn told(of: &GrantFacts<'_>, requests: &mut Numbers<RequestId>) -> Told {
    let mut told = Told::default();
    // What has no return need not have a place in an order, and binds nothing.
    let logs = of.logs.iter().filter(|at| at.ret.is_some());
    for log in logs.filter_map(|at| at.acked()) {
        for (view, number) in log.views.iter().zip(1..) {
            told.add(requests.of(view.request), number);
        }
    }
    for at in of.debits.iter().filter(|at| at.ret.is_some()) {
        if let Some(debited) = at.acked() {
            told.add(requests.of(at.arg.request), debited.number);
        }
    }
    told
}
