//! Refusals: the words of a node that did not carry an order out.

use cameo_common::api::{ApiError, ErrorCode};
use cameo_common::terminal::misleads;

/// Characters of a node's message that are shown.
const MAX_MESSAGE: usize = 1_000;

/// Whether asking another node, or later, cannot help.
pub(super) fn is_final(code: ErrorCode) -> bool {
    !matches!(
        code,
        ErrorCode::NoQuorum
            | ErrorCode::Unavailable
            | ErrorCode::NotServed
            | ErrorCode::OutcomeUnknown
            | ErrorCode::Internal
            | ErrorCode::Busy
            | ErrorCode::TooManyCalls
    )
}

/// What a node does that did not carry an order out, after its URL. The sentence around it says
/// what was done: a node knows of its own attempt alone.
pub(super) fn shortly(error: &ApiError) -> String {
    match error.code {
        ErrorCode::NoQuorum => "has no majority".to_owned(),
        ErrorCode::OutcomeUnknown => "heard of no majority in time".to_owned(),
        ErrorCode::Busy | ErrorCode::TooManyCalls => "is busy".to_owned(),
        _ => format!("says: {}", error.message),
    }
}

pub(super) fn may_be_done(code: ErrorCode) -> bool {
    matches!(code, ErrorCode::OutcomeUnknown | ErrorCode::Internal)
}

/// What a node said, as one line that a terminal does not obey and that reads as it is.
pub(super) fn refusal(body: &[u8]) -> ApiError {
    let said = serde_json::from_slice::<ApiError>(body);
    let said = said
        .unwrap_or_else(|_| ApiError::new(ErrorCode::Internal, "the answer is no node's answer"));
    let message = said.message.chars();
    let message = message.filter(|&c| !c.is_control() && !misleads(c));
    ApiError {
        message: message.take(MAX_MESSAGE).collect(),
        ..said
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_cannot_serve_says_why_in_its_own_words() {
        let low = ApiError::new(ErrorCode::Unavailable, "this node is low on disk space");
        assert_eq!(shortly(&low), "says: this node is low on disk space");
        let alone = ApiError::new(ErrorCode::NoQuorum, "no majority answers");
        assert_eq!(shortly(&alone), "has no majority");
    }
}
