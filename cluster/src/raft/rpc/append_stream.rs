//! Answers to a stream of appends, and the end of such a stream.

use futures_util::{Stream, StreamExt, stream};
use openraft::error::{NetworkError, RPCError};
use openraft::raft::{AppendEntriesResponse, StreamAppendResult};
use openraft::type_config::alias::LogIdOf;

use crate::consensus_types::TypeConfig;

/// Result of a call, as openraft expects it.
pub(crate) type Rpc<T> = Result<T, RPCError<TypeConfig>>;

/// The outcome of one append of a stream.
pub(crate) struct Appended {
    pub response: Rpc<AppendEntriesResponse<TypeConfig>>,
    /// Log id before its first entry.
    pub prev: Option<LogIdOf<TypeConfig>>,
    /// Its last entry that was sent.
    pub last: Option<LogIdOf<TypeConfig>>,
    /// Entries after `last` were left out.
    pub truncated: bool,
}

impl Appended {
    /// The result for openraft, and whether the stream may go on after it.
    fn into_result(self) -> (Rpc<StreamAppendResult<TypeConfig>>, bool) {
        match self.response {
            Err(error) => (Err(error), false),
            // Only a `prev` can conflict; openraft would panic over this.
            Ok(AppendEntriesResponse::Conflict) if self.prev.is_none() => {
                let error =
                    NetworkError::from_string("the peer reports a conflict with an empty log");
                (Err(error.into()), false)
            }
            Ok(response) => {
                let complete = match &response {
                    AppendEntriesResponse::Success => !self.truncated,
                    AppendEntriesResponse::PartialSuccess(matching) => {
                        !self.truncated && *matching == self.last
                    }
                    _ => false,
                };
                (
                    Ok(response.into_stream_result(self.prev, self.last)),
                    complete,
                )
            }
        }
    }
}

/// The results up to and including the first incomplete append. openraft starts a new stream after
/// that, so the stream must end without waiting for another answer: there may be none until the
/// next write.
pub(crate) fn results<S>(answers: S) -> impl Stream<Item = Rpc<StreamAppendResult<TypeConfig>>>
where
    S: Stream<Item = Appended> + Unpin,
{
    stream::unfold(Some(answers), |answers| async {
        let mut answers = answers?;
        let (result, complete) = answers.next().await?.into_result();
        Some((result, complete.then_some(answers)))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use futures_util::FutureExt;
    use openraft::LogId;
    use openraft::vote::leader_id_std::CommittedLeaderId;

    use super::*;

    fn appended(truncated: bool, response: AppendEntriesResponse<TypeConfig>) -> Appended {
        Appended {
            response: Ok(response),
            prev: None,
            last: Some(LogId::new(CommittedLeaderId::new(1), 7)),
            truncated,
        }
    }

    /// No write follows these answers.
    fn results_of(
        answers: Vec<Appended>,
    ) -> impl Stream<Item = Rpc<StreamAppendResult<TypeConfig>>> {
        results(Box::pin(stream::iter(answers).chain(stream::pending())))
    }

    #[tokio::test]
    async fn a_stream_ends_after_a_truncated_append_without_another_write() {
        let complete = appended(false, AppendEntriesResponse::Success);
        let truncated = appended(true, AppendEntriesResponse::Success);
        let mut results = Box::pin(results_of(vec![complete, truncated]));
        for _ in 0..2 {
            assert!(results.next().now_or_never().unwrap().unwrap().is_ok());
        }
        assert!(results.next().now_or_never().unwrap().is_none());
    }

    #[tokio::test]
    async fn a_stream_ends_after_a_partly_accepted_append() {
        let partial = appended(false, AppendEntriesResponse::PartialSuccess(None));
        let mut results = Box::pin(results_of(vec![partial]));
        assert!(results.next().now_or_never().unwrap().unwrap().is_ok());
        assert!(results.next().now_or_never().unwrap().is_none());
    }

    #[tokio::test]
    async fn a_stream_goes_on_while_appends_are_accepted_completely() {
        let complete = appended(false, AppendEntriesResponse::Success);
        let mut results = Box::pin(results_of(vec![complete]));
        assert!(results.next().now_or_never().unwrap().unwrap().is_ok());
        assert!(results.next().now_or_never().is_none());
    }
}
