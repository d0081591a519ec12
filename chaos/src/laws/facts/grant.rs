//! The operations on one grant.

use std::collections::BTreeMap;

use cameo_common::ids::{Hash, RequestId};

use super::{At, Versions};
use crate::history::{
    AckArg, Answer, ConfirmArg, Confirmed, CreateArg, DebitArg, Debited, DeliveredBy, LogRead,
    Micros, Op, Opened, PermitArg, Permitted, PutRightsArg, ReadArg, ReleaseArg, Released,
    RightsStored, Row, Shown, Terms, Usage,
};

/// In the order of their returns.
#[derive(Debug, Default)]
pub(in crate::laws) struct GrantFacts<'a> {
    pub creates: Vec<At<'a, CreateArg, Answer<()>>>,
    pub debits: Vec<At<'a, DebitArg, Answer<Debited>>>,
    pub releases: Vec<At<'a, ReleaseArg, Answer<Released>>>,
    pub usages: Vec<At<'a, ReadArg, Answer<Usage>>>,
    pub logs: Vec<At<'a, ReadArg, Answer<LogRead>>>,
    pub puts: Vec<At<'a, PutRightsArg, Answer<RightsStored>>>,
    pub confirms: Vec<At<'a, ConfirmArg, Answer<Confirmed>>>,
    pub acks: Vec<At<'a, AckArg, Answer<RightsStored>>>,
    pub delivered: Vec<At<'a, Terms, DeliveredBy>>,
    /// By the real client, on grants that have nothing of the above.
    pub opens: Vec<At<'a, (), Answer<Opened>>>,
    pub permits: Vec<At<'a, PermitArg, Answer<Permitted>>>,
    pub shown: Vec<At<'a, (), Answer<Shown>>>,
    /// The views that were charged for certain, in order of request.
    pub charged: Vec<ChargedView<'a>>,
    pub versions: Versions<'a>,
    /// The first call of each request for a view that may have been charged, in order.
    asked: Vec<Micros>,
}

impl<'a> GrantFacts<'a> {
    pub(super) fn add(&mut self, number: usize, row: &'a Row) {
        match &row.op {
            Op::Create(op) => self.creates.push(At::new(number, row, op)),
            Op::Debit(op) => self.debits.push(At::new(number, row, op)),
            Op::Release(op) => self.releases.push(At::new(number, row, op)),
            Op::Usage(op) => self.usages.push(At::new(number, row, op)),
            Op::Log(op) => self.logs.push(At::new(number, row, op)),
            Op::PutRights(op) => self.puts.push(At::new(number, row, op)),
            Op::Confirm(op) => self.confirms.push(At::new(number, row, op)),
            Op::Acknowledge(op) => self.acks.push(At::new(number, row, op)),
            Op::Delivered(op) => self.delivered.push(At::new(number, row, op)),
            Op::Open(op) => self.opens.push(At::new(number, row, op)),
            Op::Permit(op) => self.permits.push(At::new(number, row, op)),
            Op::Shown(op) => self.shown.push(At::new(number, row, op)),
            _ => {}
        }
    }
}

/// A view that was charged for certain: its debit was acked.
#[derive(Debug, Clone, Copy)]
pub(in crate::laws) struct ChargedView<'a> {
    pub request: RequestId,
    pub statement: Hash,
    /// It was charged between the first attempt's call and the first answer.
    pub from: Micros,
    pub to: Micros,
    pub debited: &'a Debited,
    /// The row of the first answer.
    pub row: usize,
}

impl<'a> GrantFacts<'a> {
    /// Derives what several laws look at, once all rows are there.
    pub(super) fn finish(&mut self) {
        self.charged = self.charged_views();
        self.versions = Versions::of(self);
        let mut asked: BTreeMap<RequestId, Micros> = BTreeMap::new();
        for at in &self.debits {
            if at.arg.genuine && at.may_count() {
                let first = asked.entry(at.arg.request).or_insert(at.call);
                *first = at.call.min(*first);
            }
        }
        self.asked = asked.into_values().collect();
        self.asked.sort_unstable();
    }

    fn charged_views(&self) -> Vec<ChargedView<'a>> {
        let mut views: BTreeMap<RequestId, ChargedView<'a>> = BTreeMap::new();
        for at in &self.debits {
            if let (Some(debited), Some(ret)) = (at.acked(), at.ret) {
                views.entry(at.arg.request).or_insert(ChargedView {
                    request: at.arg.request,
                    statement: at.arg.statement,
                    from: at.call,
                    to: ret,
                    debited,
                    row: at.row,
                });
            }
        }
        for at in &self.debits {
            if let Some(view) = views.get_mut(&at.arg.request).filter(|_| at.may_count()) {
                view.from = view.from.min(at.call);
            }
        }
        views.into_values().collect()
    }

    /// The number of a request's view; 1, the least, when it is not known.
    pub fn number(&self, request: &RequestId) -> u32 {
        let debits = self.debits.iter().filter(|at| at.arg.request == *request);
        let acked = debits.filter_map(|at| Some(at.acked()?.number)).next();
        let logged = || {
            let logs = self.logs.iter().filter_map(|at| at.acked());
            let mut views = logs.flat_map(|log| &log.views);
            Some(views.find(|view| view.request == *request)?.number)
        };
        acked.or_else(logged).unwrap_or(1)
    }

    /// Requests for views that may have been charged by a moment.
    pub fn may_be_charged_by(&self, moment: Micros) -> usize {
        self.asked.partition_point(|call| *call <= moment)
    }
}
