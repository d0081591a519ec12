//! Operations as they are collected, each with its row.

use crate::history::Answer;
use crate::linearizable::Call;

use super::super::facts::At;

#[derive(Debug)]
pub(super) struct Builder<Op> {
    calls: Vec<Call<Op>>,
    rows: Vec<usize>,
}

impl<Op> Default for Builder<Op> {
    fn default() -> Self {
        Self {
            calls: Vec::new(),
            rows: Vec::new(),
        }
    }
}

impl<Op> Builder<Op> {
    pub fn add<A, T>(&mut self, at: &At<'_, A, Answer<T>>, op: Op) {
        let known = at.acked().is_some() || at.refused().is_some();
        self.calls.push(Call {
            client: at.client,
            call: at.call.0,
            ret: at.ret.filter(|_| known).map(|ret| ret.0),
            op,
        });
        self.rows.push(at.row);
    }

    pub fn done(self) -> (Vec<Call<Op>>, Vec<usize>) {
        (self.calls, self.rows)
    }
}
