//! Laws D1 and D2, and presence: names and keys are bound one to one, and an epoch ends once.

use std::collections::{BTreeMap, BTreeSet};

use cameo_common::ids::UserName;
use cameo_common::keys::PublicKey;
use proptest::prelude::*;

use super::history::{Transition, people, play, steps};
use crate::read::SessionInfo;
use crate::tests::cast::{ada, bob, cyd};
use crate::{Done, MapView, Op, Refusal, SessionChange, read};

fn online(state: &MapView) -> impl Iterator<Item = SessionInfo> {
    let sessions = read::sessions(state, None, usize::MAX);
    sessions.into_iter().filter(|session| session.online)
}

/// Model of the directory: keys of names, epochs, and running sessions.
#[derive(Default)]
struct Directory {
    keys: BTreeMap<UserName, PublicKey>,
    epochs: BTreeMap<UserName, u64>,
    online: BTreeMap<PublicKey, (UserName, u64)>,
    revoked: BTreeSet<PublicKey>,
}

impl Directory {
    fn initial() -> Self {
        let people = [ada(), bob(), cyd()];
        Self {
            keys: people
                .map(|person| (person.name.clone(), person.key()))
                .into(),
            ..Self::default()
        }
    }

    fn follow(&mut self, transition: &Transition) -> Result<(), TestCaseError> {
        let reply = &transition.decision.reply;
        let device = transition.device();
        if device.is_some_and(|device| self.revoked.contains(&device)) {
            prop_assert_eq!(reply, &Err(Refusal::DeviceRevoked));
            return Ok(());
        }
        match (transition.op(), reply) {
            // A repeat of an earlier command.
            (_, Ok(_)) if transition.decision.changes.is_empty() => {}
            (Op::Register { card, .. }, reply) => {
                let content = card.unverified().unwrap();
                self.register(&content.name, content.key, reply)?;
            }
            (Op::StartSession { .. }, Ok(Done::SessionStarted { epoch })) => {
                let device = device.unwrap();
                let user = read::caller(&transition.before, &device).unwrap().user;
                let last = self.epochs.insert(user.clone(), *epoch).unwrap_or(0);
                prop_assert_eq!(*epoch, last + 1);
                self.online.insert(device, (user, *epoch));
            }
            (Op::EndSession { epoch }, Ok(_)) => {
                let own = device.unwrap();
                self.online
                    .retain(|device, (_, running)| *device != own || running != epoch);
            }
            (Op::ReportOffline { user, epoch }, Ok(_)) => {
                self.online
                    .retain(|_, (whose, running)| whose != user || running != epoch);
            }
            (Op::RevokeDevice { revocation }, Ok(_)) => {
                let device = revocation.unverified().unwrap().device;
                self.online.remove(&device);
                self.revoked.insert(device);
            }
            (Op::ExpireSessions(ended), Ok(_)) => {
                self.online
                    .retain(|device, (_, running)| !ended.contains(&(*device, *running)));
            }
            _ => {}
        }
        Ok(())
    }

    /// Checks a registration's reply against the map of names to keys, then updates the map.
    fn register(
        &mut self,
        name: &UserName,
        key: PublicKey,
        reply: &Result<Done, Refusal>,
    ) -> Result<(), TestCaseError> {
        let holder = self.keys.get(name);
        let own_name = self.keys.iter().find(|(_, held)| **held == key);
        if holder.is_some_and(|held| *held != key) {
            prop_assert_eq!(reply, &Err(Refusal::NameTaken(name.clone())));
        } else if own_name.is_some_and(|(own, _)| own != name) {
            prop_assert_eq!(reply, &Err(Refusal::KeyTaken));
        } else if reply.is_ok() {
            self.keys.insert(name.clone(), key);
        } else {
            prop_assert!(holder.is_some(), "a free name refused: {:?}", reply);
            prop_assert_eq!(reply, &Err(Refusal::Stale));
        }
        Ok(())
    }
}

proptest! {
    #[test]
    fn names_and_keys_are_bound_one_to_one(steps in steps()) {
        let mut directory = Directory::initial();
        for transition in play(&steps) {
            directory.follow(&transition)?;
            for person in people() {
                let found = read::user_info(&transition.after, &person.name, None);
                let key = found.map(|info| info.card.verify().unwrap().key);
                prop_assert_eq!(key.as_ref(), directory.keys.get(&person.name));
            }
        }
    }

    #[test]
    fn online_sessions_are_those_that_started_and_did_not_end(steps in steps()) {
        let mut directory = Directory::initial();
        for transition in play(&steps) {
            directory.follow(&transition)?;
            let seen: BTreeMap<_, _> = online(&transition.after)
                .map(|session| (session.device, (session.user, session.epoch)))
                .collect();
            prop_assert_eq!(&seen, &directory.online);
            for person in people() {
                let info = read::user_info(&transition.after, &person.name, Some(&person.name));
                let newest = directory
                    .online
                    .values()
                    .filter(|(user, _)| *user == person.name)
                    .map(|(_, epoch)| *epoch)
                    .max();
                prop_assert_eq!(info.and_then(|info| info.epoch), newest);
            }
        }
    }

    #[test]
    fn the_changes_of_sessions_tell_which_are_online(steps in steps()) {
        let mut followed = BTreeMap::new();
        for transition in play(&steps) {
            for change in &transition.decision.sessions {
                let SessionChange { device, epoch, runs } = *change;
                let before = followed.remove(&device);
                if runs {
                    prop_assert!(before < Some(epoch), "an epoch went back");
                    followed.insert(device, epoch);
                } else {
                    prop_assert_eq!(before, Some(epoch), "what did not run has ended");
                }
            }
            let seen = online(&transition.after).map(|session| (session.device, session.epoch));
            prop_assert_eq!(&followed, &seen.collect());
        }
    }

    #[test]
    fn the_list_of_those_online_has_exactly_the_listed(steps in steps()) {
        for transition in play(&steps) {
            let mut listed: Vec<_> = online(&transition.after)
                .filter(|session| session.listed)
                .map(|session| session.user)
                .collect();
            listed.sort();
            listed.dedup();
            prop_assert_eq!(read::online_listed(&transition.after, None, usize::MAX), listed);
        }
    }
}
