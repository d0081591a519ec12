//! A user's event stream: notices and mail in the order of their sequence.

use cameo_common::api::{Event, EventKind};
use cameo_common::ids::UserName;

use crate::rows::{self, CurrentRights, Letter, Mail, News, Notice, ReceiptRow, Stream};
use crate::state_view::StateView;

/// Events of a user behind sequence `after` (0 for all that is kept), at most `limit`.
///
/// Mail stays until it is acknowledged, so asking from 0 shows all of it.
#[must_use]
pub fn events_after(view: &dyn StateView, user: &UserName, after: u64, limit: usize) -> Vec<Event> {
    let behind = (user.clone(), after);
    let notices = rows::scan::<Notice>(view, user, Some(&behind), limit);
    let letters = rows::scan::<Letter>(view, user, Some(&behind), limit);
    let notices = notices
        .into_iter()
        .map(|((_, sequence), notice)| of_notice(view, sequence, notice));
    let letters = letters
        .into_iter()
        .map(|((_, sequence), letter)| of_letter(view, user, sequence, &letter));
    let mut events: Vec<_> = notices.chain(letters).collect();
    events.sort_by_key(|event| event.sequence);
    events.truncate(limit);
    events
}

/// The last sequence that was given to a user's events; 0 for none. A token above it comes from a
/// node that has applied more.
#[must_use]
pub fn newest_event(view: &dyn StateView, user: &UserName) -> u64 {
    rows::get::<Stream>(view, user).map_or(0, |stream| stream.last)
}

fn of_notice(view: &dyn StateView, sequence: u64, notice: Notice) -> Event {
    let kind = match notice.news {
        News::Granted { grant } => EventKind::Granted { grant },
        News::Received { grant } => EventKind::Received {
            grant,
            receipt: rows::require::<ReceiptRow>(view, &grant).0,
        },
        News::Viewed { grant, number } => EventKind::Viewed { grant, number },
        News::Acknowledged { grant, version } => EventKind::Acknowledged { grant, version },
    };
    Event {
        sequence,
        at: notice.at,
        kind,
    }
}

fn of_letter(view: &dyn StateView, user: &UserName, sequence: u64, letter: &Letter) -> Event {
    let grant = letter.grant;
    Event {
        sequence,
        at: rows::require::<Mail>(view, &(user.clone(), grant)).at,
        kind: EventKind::Rights {
            grant,
            rights: rows::require::<CurrentRights>(view, &grant).0,
        },
    }
}
