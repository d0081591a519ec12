//! Reads of a user's event stream: notices and mail in order of sequence.

use cameo_common::api::{Event, EventKind};
use cameo_common::ids::{GrantId, UserName};

use crate::rows::{self, CurrentRights, Mail, MailAt, Notice, NoticeKind, ReceiptRow, Stream};
use crate::state_view::StateView;

/// Events of a user after sequence `after` (0 for all that are kept), at most `limit`: fewer only
/// when there are no more.
///
/// Mail is kept until it is acknowledged, so a read from 0 returns all of it.
#[must_use]
pub fn events_after(view: &dyn StateView, user: &UserName, after: u64, limit: usize) -> Vec<Event> {
    let notices = notices_after(view, user, after, limit).into_iter();
    let after = (user.clone(), after);
    let mail = rows::scan::<MailAt>(view, user, Some(&after), limit);
    let mail = mail
        .into_iter()
        .map(|((_, sequence), MailAt { grant })| of_mail(view, user, sequence, grant));
    let mut events: Vec<_> = notices.chain(mail).collect();
    events.sort_by_key(|event| event.sequence);
    events.truncate(limit);
    events
}

/// A user's mail with a sequence above `after` and up to `until`, at most `limit` pieces: what an
/// agent that has read up to `until` has not acknowledged.
#[must_use]
pub fn mail_between(
    view: &dyn StateView,
    user: &UserName,
    after: u64,
    until: u64,
    limit: usize,
) -> Vec<Event> {
    rows::scan::<MailAt>(view, user, Some(&(user.clone(), after)), limit)
        .into_iter()
        .take_while(|((_, sequence), _)| *sequence <= until)
        .map(|((_, sequence), MailAt { grant })| of_mail(view, user, sequence, grant))
        .collect()
}

/// The newest sequence of a user's events; 0 for none. A client with a higher one got it from a
/// node that has applied more of the log.
#[must_use]
pub fn newest_event(view: &dyn StateView, user: &UserName) -> u64 {
    rows::get::<Stream>(view, user).map_or(0, |stream| stream.last)
}

/// The first notices after a sequence, without those of what is compacted.
fn notices_after(view: &dyn StateView, user: &UserName, after: u64, limit: usize) -> Vec<Event> {
    let dropped = rows::get::<Stream>(view, user).map_or(0, |stream| stream.dropped);
    let (mut events, mut after) = (Vec::new(), (user.clone(), after.max(dropped)));
    while events.len() < limit {
        let page = rows::scan::<Notice>(view, user, Some(&after), limit - events.len());
        let Some((last, _)) = page.last() else {
            break;
        };
        after = last.clone();
        let page = page.into_iter();
        events.extend(page.filter_map(|((_, at), notice)| of_notice(view, at, notice)));
    }
    events
}

/// `None` for a receipt whose grant is compacted.
fn of_notice(view: &dyn StateView, sequence: u64, notice: Notice) -> Option<Event> {
    let kind = match notice.kind {
        NoticeKind::Granted { grant } => EventKind::Granted { grant },
        NoticeKind::Received { grant } => EventKind::Received {
            grant,
            receipt: rows::get::<ReceiptRow>(view, &grant)?.0,
        },
        NoticeKind::Viewed { grant, number } => EventKind::Viewed { grant, number },
        NoticeKind::Dealt { grant, number } => EventKind::Dealt { grant, number },
        NoticeKind::Acknowledged { ack } => EventKind::Acknowledged {
            grant: rows::content(&ack).grant,
            ack,
        },
    };
    Some(Event {
        sequence,
        at: notice.at,
        kind,
    })
}

fn of_mail(view: &dyn StateView, user: &UserName, sequence: u64, grant: GrantId) -> Event {
    Event {
        sequence,
        at: rows::require::<Mail>(view, &(user.clone(), grant)).at,
        kind: EventKind::Rights {
            grant,
            rights: rows::require::<CurrentRights>(view, &grant).0,
        },
    }
}
