//! The answers to a stream of appends, and where such a stream has to end.

use futures_util::{Stream, StreamExt, stream};
use openraft::error::{NetworkError, RPCError};
use openraft::raft::{AppendEntriesResponse, StreamAppendResult};
use openraft::type_config::alias::LogIdOf;

use crate::consensus_types::TypeConfig;

/// What openraft is told of a call.
pub(crate) type Rpc<T> = Result<T, RPCError<TypeConfig>>;

/// What came of one append of a stream.
pub(crate) struct Appended {
    pub response: Rpc<AppendEntriesResponse<TypeConfig>>,
    /// What stands in the log before its first entry.
    pub prev: Option<LogIdOf<TypeConfig>>,
    /// Its last entry that was sent.
    pub last: Option<LogIdOf<TypeConfig>>,
    /// Entries were cut off behind `last`.
    pub cut: bool,
}

impl Appended {
    /// The result for openraft, and whether the stream may go on behind it.
    fn settle(self) -> (Rpc<StreamAppendResult<TypeConfig>>, bool) {
        match self.response {
            Err(error) => (Err(error), false),
            // Only a `prev` can conflict; openraft would panic over this.
            Ok(AppendEntriesResponse::Conflict) if self.prev.is_none() => {
                let error = NetworkError::from_string("a conflict with nothing");
                (Err(error.into()), false)
            }
            Ok(response) => {
                let whole = match &response {
                    AppendEntriesResponse::Success => !self.cut,
                    AppendEntriesResponse::PartialSuccess(matching) => {
                        !self.cut && *matching == self.last
                    }
                    _ => false,
                };
                (Ok(response.into_stream_result(self.prev, self.last)), whole)
            }
        }
    }
}

/// The results up to and with the first that is not whole. openraft begins again behind it, so the
/// end must not wait for a further answer: there may be none before somebody writes.
pub(crate) fn results<S>(answers: S) -> impl Stream<Item = Rpc<StreamAppendResult<TypeConfig>>>
where
    S: Stream<Item = Appended> + Unpin,
{
    stream::unfold(Some(answers), |answers| async {
        let mut answers = answers?;
        let (result, whole) = answers.next().await?.settle();
        Some((result, whole.then_some(answers)))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use cameo_common::ids::NodeId;
    use futures_util::FutureExt;
    use openraft::LogId;
    use openraft::vote::RaftLeaderId;
    use openraft::vote::leader_id_adv::CommittedLeaderId;

    use super::*;

    fn appended(cut: bool, response: AppendEntriesResponse<TypeConfig>) -> Appended {
        Appended {
            response: Ok(response),
            prev: None,
            last: Some(LogId::new(CommittedLeaderId::new(1, NodeId(1)), 7)),
            cut,
        }
    }

    /// Nobody writes after these.
    fn results_of(
        answers: Vec<Appended>,
    ) -> impl Stream<Item = Rpc<StreamAppendResult<TypeConfig>>> {
        results(Box::pin(stream::iter(answers).chain(stream::pending())))
    }

    #[tokio::test]
    async fn a_stream_ends_behind_an_append_that_was_cut_although_nobody_writes() {
        let whole = appended(false, AppendEntriesResponse::Success);
        let cut = appended(true, AppendEntriesResponse::Success);
        let mut results = Box::pin(results_of(vec![whole, cut]));
        for _ in 0..2 {
            assert!(results.next().now_or_never().unwrap().unwrap().is_ok());
        }
        assert!(results.next().now_or_never().unwrap().is_none());
    }

    #[tokio::test]
    async fn a_stream_ends_behind_an_append_taken_in_part() {
        let in_part = appended(false, AppendEntriesResponse::PartialSuccess(None));
        let mut results = Box::pin(results_of(vec![in_part]));
        assert!(results.next().now_or_never().unwrap().unwrap().is_ok());
        assert!(results.next().now_or_never().unwrap().is_none());
    }

    #[tokio::test]
    async fn a_stream_goes_on_while_appends_are_taken_whole() {
        let whole = appended(false, AppendEntriesResponse::Success);
        let mut results = Box::pin(results_of(vec![whole]));
        assert!(results.next().now_or_never().unwrap().unwrap().is_ok());
        assert!(results.next().now_or_never().is_none());
    }
}
