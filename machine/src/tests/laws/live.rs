//! Uniqueness of live grants: at most one for an owner, a viewer and an image at any time.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::history::{people, play, steps};
use crate::read;

proptest! {
    #[test]
    fn at_most_one_grant_of_an_image_to_a_viewer_is_live(steps in steps()) {
        for transition in play(&steps) {
            let now = read::log_time(&transition.after);
            let mut live = BTreeMap::new();
            for person in people() {
                for grant in read::grants_of(&transition.after, &person.name, None, 100).grants {
                    let ended = grant.revoked || grant.expires.is_some_and(|end| end <= now);
                    if !ended {
                        let place = (grant.owner, grant.viewer, grant.image);
                        let other = live.insert(place, grant.grant);
                        prop_assert!(other.is_none_or(|other| other == grant.grant));
                    }
                }
            }
        }
    }
}
