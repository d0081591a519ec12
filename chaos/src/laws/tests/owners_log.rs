//! L8: forged debits, and the rows of the owner's log.

use cameo_common::api::ErrorCode;

use super::story::{Refused, Unknown, charged, granted};
use crate::verdict::Law;

#[test]
fn a_forged_debit_breaks_l8() {
    granted(3)
        .debit_with(1, 1, false, Refused(ErrorCode::NotAuthenticated))
        .keeps(Law::L8)
        .keeps(Law::L1);
    granted(3)
        .debit_with(1, 1, false, charged(1, 2))
        .breaks(Law::L8)
        .breaks(Law::L1);
    granted(3)
        .debit_with(1, 1, false, Unknown)
        .log(&[1])
        .breaks(Law::L8)
        .breaks(Law::L1);
}

#[test]
fn a_row_of_the_log_was_asked_for_and_stays() {
    granted(3)
        .debit(1, charged(1, 2))
        .log(&[1])
        .log(&[1])
        .keeps(Law::L8);
    granted(3)
        .debit(1, charged(1, 2))
        .log(&[9])
        .breaks(Law::L8)
        .breaks(Law::L1);
    granted(3)
        .debit(1, Unknown)
        .debit(2, Unknown)
        .log(&[1, 2])
        .log(&[2, 1])
        .breaks(Law::L8)
        .breaks(Law::L1);
}
