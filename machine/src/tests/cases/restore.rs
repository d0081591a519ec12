use cameo_common::cluster_descriptor::Descriptor;
use cameo_common::ids::{ClusterId, Hash, Millis, NodeId};
use cameo_common::predecessor::Predecessor;

use crate::limits::GRANT_RETENTION;
use crate::tests::cast::{ada, bob, descriptor, eve, puts, rights};
use crate::tests::restored::{Restored, kept, reopens, used_once};
use crate::tests::script::Script;
use crate::{
    Caller, Command, Done, Entry, MapView, NoBeginning, Op, Refusal, RestoreStage, StateView as _,
    check_beginning, read,
};

#[test]
fn nothing_is_taken_over_before_the_operator_approves_and_nothing_else_is_done_before_the_end() {
    let (old, grant) = used_once();
    let mut new = Restored::founded(&old, 5);
    let first = new.pieces[0].clone();
    // given a cluster that was founded, and not approved
    let waits = Err(Refusal::Restoring { approved: false });
    assert_eq!(new.takes_over(&first), waits);
    assert_eq!(new.does(&eve(), eve().registers()), waits);
    let retire = Op::Retire { user: ada().name };
    assert_eq!(new.operator_does(retire), waits);
    // when it is approved, piece by piece
    let predecessor = new.predecessor;
    new.approves(predecessor).unwrap();
    let waits = Err(Refusal::Restoring { approved: true });
    for piece in new.pieces.clone() {
        assert_eq!(new.does(&eve(), eve().registers()), waits);
        assert_eq!(new.does(&ada(), ada().comes_online(1, true)), waits);
        new.takes_over(&piece).unwrap();
    }
    // then it serves
    let status = read::restore(&new.script.state).unwrap();
    assert_eq!(status.stage, RestoreStage::Done);
    assert_eq!(status.predecessor, predecessor);
    assert_eq!(read::restoring(&new.script.state), None);
    new.does(&eve(), eve().registers()).unwrap();
    new.does(&ada(), ada().comes_online(2, true)).unwrap();
    let info = read::grant_info(&new.script.state, &grant, &bob().name).unwrap();
    assert_eq!((info.used, info.left, info.closed), (1, 2, true));
}

#[test]
fn attack_an_approval_of_another_state_or_by_another_key_approves_nothing() {
    let (old, _) = used_once();
    let new = Restored::founded(&old, 100);
    let right = new.predecessor;
    let others = [
        Predecessor {
            index: right.index - 1,
            ..right
        },
        Predecessor {
            state: Hash([9; 32]),
            ..right
        },
        Predecessor {
            content: Hash([9; 32]),
            ..right
        },
        Predecessor {
            cluster: ClusterId([9; 32]),
            ..right
        },
    ];
    for other in others {
        let mut new = new.clone();
        let before = new.script.state.clone();
        assert!(matches!(new.approves(other), Err(Refusal::Mismatch(_))));
        assert_eq!(new.script.state, before);
    }
    let mut other = new.clone();
    let op = Op::ApproveRestore(right);
    let by_node = other.script.enter(Caller::Node(NodeId(4)), op.clone());
    assert!(by_node.reply.is_err());
    assert!(other.does(&ada(), op.clone()).is_err());
    // The order is of one cluster.
    assert!(other.script.operator_does(op).is_err());
    // A cluster that began empty has nothing to approve.
    let mut empty = Script::with(&[]);
    let refused = empty.operator_does(Op::ApproveRestore(right));
    assert!(matches!(refused, Err(Refusal::Mismatch(_))));
    assert!(
        empty
            .node_does(Op::TakeOver(new.pieces[0].clone()))
            .is_err()
    );
}

#[test]
fn attack_a_piece_that_is_not_the_next_one_as_approved_changes_nothing() {
    let (old, _) = used_once();
    let mut new = Restored::founded(&old, 5);
    new.approves(new.predecessor).unwrap();
    for at in 0..new.pieces.len() {
        let right = new.pieces[at].clone();
        let mut wrong = Vec::new();
        // Earlier and later ones, and each change of this one.
        wrong.extend(
            new.pieces
                .iter()
                .filter(|piece| piece.number != right.number)
                .cloned(),
        );
        let mut other = right.clone();
        other.rows[0].1[0] ^= 1;
        wrong.push(other);
        let mut other = right.clone();
        other.rows.pop();
        wrong.push(other);
        let mut other = right.clone();
        other.next = Some(Hash([9; 32]));
        wrong.push(other);
        for piece in wrong {
            let before = new.script.state.clone();
            let next = Some(at as u64);
            assert_eq!(new.takes_over(&piece), Err(Refusal::OtherPiece { next }));
            assert_eq!(new.script.state, before);
        }
        new.takes_over(&right).unwrap();
    }
    let again = new.pieces[0].clone();
    assert_eq!(
        new.takes_over(&again),
        Err(Refusal::OtherPiece { next: None })
    );
    // Nor does the operator begin it anew.
    assert_eq!(new.approves(new.predecessor), Ok(Done::Nothing));
    let stage = read::restore(&new.script.state).unwrap().stage;
    assert_eq!(stage, RestoreStage::Done);
}

#[test]
fn attack_rows_that_no_restore_takes_over_are_refused_even_if_they_are_approved() {
    let (mut old, _) = used_once();
    old.does(&bob(), bob().comes_online(1, true)).unwrap();
    let mut new = Restored::founded(&old, 1_000);
    // given an approved piece with a session in it, as of a program that decides otherwise
    let session = old.state.0.iter().find(|(key, _)| key[0] == 0x14).unwrap();
    new.pieces[0]
        .rows
        .insert(0, (session.0.clone(), session.1.clone()));
    let content = new.pieces[0].hash();
    let predecessor = Predecessor {
        content,
        ..new.predecessor
    };
    let first = Descriptor::genesis(
        new.descriptor.nodes.clone(),
        new.descriptor.operator,
        new.descriptor.registration,
        Hash([7; 32]),
    );
    let descriptor = first.after(predecessor);
    new.script = Script::new();
    new.script.now = old.now;
    new.cluster = descriptor.founds().unwrap();
    let by = Caller::Node(NodeId(4));
    new.script.enter(by, Op::Found(descriptor)).reply.unwrap();
    new.approves(predecessor).unwrap();
    let before = new.script.state.clone();
    let piece = new.pieces[0].clone();
    assert_eq!(new.takes_over(&piece), Err(Refusal::Malformed));
    assert_eq!(new.script.state, before);
}

#[test]
fn people_rights_and_what_was_used_go_on_and_sessions_mail_and_orders_do_not() {
    let (mut old, grant) = used_once();
    old.does(&ada(), puts(rights(&ada(), grant, 2, 5))).unwrap();
    old.does(&bob(), bob().comes_online(1, true)).unwrap();
    old.operator_does(Op::Retire { user: ada().name }).unwrap();
    let new = Restored::from(&old);
    let state = &new.script.state;
    // then users, and that one is retired, are known
    assert!(read::user_info(state, &bob().name, None).is_some());
    let info = read::grant_info(state, &grant, &bob().name).unwrap();
    assert!(info.other_retired.is_some());
    assert_eq!((info.version, info.permitted, info.used), (2, 5, 1));
    // and who has seen what
    let log = read::grant_log(state, &grant, &ada().name, 0, 10).unwrap();
    assert_eq!(log.views.len(), 1);
    assert_eq!(log.certificates.len(), 1);
    // but nobody is online, nothing is in a mailbox, and only the new nodes are of the cluster
    assert_eq!(read::online_listed(state, None, 10), []);
    assert!(!info.in_mailbox);
    assert_eq!(read::descriptors(state).unwrap().newest(), &new.descriptor);
    assert_eq!(read::cluster_id(state), Some(new.cluster));
    assert!(read::log_time(state) <= new.script.now);
}

#[test]
fn events_go_on_behind_the_last_one_that_a_client_knows() {
    let (old, grant) = used_once();
    let last = read::newest_event(&old.state, &bob().name);
    let mut new = Restored::from(&old);
    assert_eq!(read::newest_event(&new.script.state, &bob().name), last);
    // Of the notices before none is left, and the new one has the next sequence.
    new.reopens(&ada(), grant, 0).unwrap();
    assert!(read::newest_event(&new.script.state, &bob().name) > last);
    let events = read::events_after(&new.script.state, &bob().name, last, 10);
    let sequences: Vec<_> = events.iter().map(|event| event.sequence).collect();
    assert_eq!(
        sequences,
        [last + 1, last + 2],
        "of the deal, and of the mail"
    );
}

#[test]
fn what_has_ended_before_a_restore_is_compacted_after_it() {
    let (mut old, grant) = used_once();
    let mut end = rights(&ada(), grant, 2, 3);
    end.revoked = true;
    old.does(&ada(), puts(end)).unwrap();
    let mut new = Restored::from(&old);
    // when two of the times have passed
    for _ in 0..3 {
        let retention = u64::try_from(GRANT_RETENTION.as_millis()).unwrap();
        new.script.wait(retention + 1);
        for _ in 0..3 {
            new.script.node_does(Op::ExpireSessions(vec![])).unwrap();
        }
    }
    // then it is gone, with all that was noted of the restore
    assert_eq!(
        read::grant_info(&new.script.state, &grant, &ada().name),
        None
    );
    let left = kept(&new.script.state);
    let of_grant = |key: &&Vec<u8>| key.windows(32).any(|some| some == grant.0);
    assert_eq!(left.keys().filter(of_grant).count(), 0);
    assert!(!read::is_taken_over_grant(&new.script.state, &grant));
}

#[test]
fn an_entry_of_the_version_before_founds_no_cluster_with_a_predecessor() {
    let (old, _) = used_once();
    let new = Restored::founded(&old, 100);
    let entry = |version| Entry {
        version,
        time: Millis(1),
        command: Command {
            caller: Caller::Node(NodeId(4)),
            op: Op::Found(new.descriptor.clone()),
        },
    };
    let mut script = Script::new();
    let reply = script.apply(&entry(6).encode()).reply;
    assert_eq!(reply, Err(Refusal::UnknownEntry));
    assert_eq!(script.apply(&entry(7).encode()).reply, Ok(Done::Nothing));
}

#[test]
fn operations_of_a_restore_are_unknown_to_a_log_of_the_version_before() {
    let (old, grant) = used_once();
    let new = Restored::from(&old);
    let (statement, deal) = new.reopening(&ada(), grant, 0);
    let mut script = Script::new();
    let found = |version, op| Entry {
        version,
        time: script.now,
        command: Command {
            caller: Caller::Node(NodeId(1)),
            op,
        },
    };
    let first = found(6, Op::Found(descriptor()));
    let later = [
        Op::ApproveRestore(new.predecessor),
        Op::TakeOver(new.pieces[0].clone()),
        reopens(statement, deal),
    ]
    .map(|op| found(6, op));
    script.apply(&first.encode()).reply.unwrap();
    for entry in later {
        let reply = script.apply(&entry.encode()).reply;
        assert_eq!(reply, Err(Refusal::UnknownEntry));
    }
}

/// Why no cluster can begin from this state, by its first row that says so.
fn no_beginning(state: &MapView) -> Option<NoBeginning> {
    let rows = state.scan(&[], &[], usize::MAX);
    rows.into_iter()
        .find_map(|(key, value)| check_beginning(&key, &value).err())
}

#[test]
fn no_cluster_begins_from_a_state_that_is_not_whole_or_that_does_not_read() {
    // given a cluster that takes over a state
    let (old, _) = used_once();
    assert_eq!(no_beginning(&old.state), None);
    let mut new = Restored::founded(&old, 5);
    assert_eq!(
        no_beginning(&new.script.state),
        Some(NoBeginning::Restoring)
    );
    new.approves(new.predecessor).unwrap();
    for piece in new.pieces.clone() {
        let why = no_beginning(&new.script.state);
        assert_eq!(why, Some(NoBeginning::Restoring));
        new.takes_over(&piece).unwrap();
    }
    // then another one can begin from it only once it has all
    assert_eq!(no_beginning(&new.script.state), None);
    // and no row that is taken over has another layout
    for (key, mut value) in old.state.scan(&[], &[], usize::MAX) {
        value[0] = value[0].wrapping_add(1);
        let is_needed = crate::is_taken_over(&key);
        let refused = check_beginning(&key, &value) == Err(NoBeginning::Unread);
        assert!(!is_needed || refused, "{key:?}");
    }
}
