//! Whether the cluster serves this user and this device, as it says now.

use std::time::Duration;

use cameo_common::api::{ErrorCode, UserInfo};
use cameo_common::ids::Millis;
use serde_json::{Value, json};

use crate::cluster_api::{ClusterApi, ClusterError};
use crate::directory;
use crate::error_kind::ErrorKind;
use crate::flows::context::Context;
use crate::flows::devices;
use crate::output::moment;
use crate::text::sanitize::sanitize;

/// Bound on the wait for the directory, which has to hear from a majority.
const DEADLINE: Duration = Duration::from_secs(4);

/// What the directory says of this user and device, or why it says nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Account {
    Active,
    Retired(Millis),
    DeviceRevoked,
    /// With the node's own words: the device is not known, or its certificate has expired.
    NotRegistered(String),
    /// Nodes answer, and none can serve the directory: without a majority, or for a reason of its
    /// own.
    NoMajority,
    Unreachable,
    /// With what a node says, and too few others: that the user is retired, the device revoked or
    /// not known.
    Unconfirmed(String),
    /// Any other failure, in a sentence.
    Unknown(String),
}

/// Asks the directory about this user.
pub(super) async fn ask(ctx: &Context) -> Account {
    match ctx.api_within(DEADLINE) {
        Ok(api) => ask_at(ctx, &api).await,
        Err(error) => of_error(&error),
    }
}

async fn ask_at(ctx: &Context, api: &ClusterApi) -> Account {
    let name = &ctx.me.name;
    match api.user(name).await {
        Ok(UserInfo {
            retired: Some(at), ..
        }) => {
            if directory::is_user_retired(api, name).await {
                Account::Retired(at)
            } else {
                Account::Unconfirmed(format!("the operator has retired {name}"))
            }
        }
        // Signed by this user.
        Ok(info) if devices::is_own_revoked(ctx, &info) => Account::DeviceRevoked,
        Ok(_) => Account::Active,
        Err(error) => of_error(&error),
    }
}

fn of_error(error: &ClusterError) -> Account {
    match error {
        ClusterError::NoQuorum => Account::NoMajority,
        ClusterError::Unreachable { .. } => Account::Unreachable,
        ClusterError::Unconfirmed(said) => Account::Unconfirmed(sanitize(&said.message)),
        error => match error.code() {
            Some(ErrorCode::DeviceRevoked) => Account::DeviceRevoked,
            Some(ErrorCode::NotAuthenticated | ErrorCode::NotRegistered) => {
                Account::NotRegistered(error.to_string())
            }
            Some(ErrorCode::NoQuorum) => Account::NoMajority,
            _ => Account::Unknown(error.to_string()),
        },
    }
}

impl Account {
    /// The kind of the problem, if it is one.
    pub(super) fn problem(&self) -> Option<ErrorKind> {
        match self {
            Account::Active => None,
            Account::Retired(_) => Some(ErrorKind::Retired),
            Account::DeviceRevoked => Some(ErrorKind::Forbidden),
            Account::NotRegistered(_) => Some(ErrorKind::NotRegistered),
            Account::NoMajority | Account::Unreachable | Account::Unconfirmed(_) => {
                Some(ErrorKind::ClusterAway)
            }
            Account::Unknown(_) => Some(ErrorKind::Other),
        }
    }

    /// A sentence, and what to do.
    pub(super) fn text(&self, ctx: &Context) -> String {
        let name = &ctx.me.name;
        match self {
            Account::Active => "registered with the cluster".to_owned(),
            Account::Retired(at) => format!(
                "RETIRED: the operator has retired {name} ({}): nothing new begins, and nothing \
                 opens; `cameo revoke` and `cameo rights` still lower what {name} has granted",
                moment(*at)
            ),
            Account::DeviceRevoked => "REVOKED: the cluster refuses this device for good; `cameo \
                 device new` makes this home another device"
                .to_owned(),
            Account::NotRegistered(why) if ctx.me.registered => format!("NOT REGISTERED: {why}"),
            Account::NotRegistered(_) => format!(
                "NOT REGISTERED yet: `cameo init {name}` was not completed; run it again, with \
                 the same cluster or invite"
            ),
            Account::NoMajority => "NO MAJORITY of the nodes serves at present: nothing can be \
                 recorded or opened until one does"
                .to_owned(),
            Account::Unreachable => "NO NODE can be reached: check the network, or that the nodes \
                 run"
            .to_owned(),
            Account::Unconfirmed(said) => format!(
                "NOT CONFIRMED: a node says \"{said}\", and too few others do; it is not believed, \
                 and nothing was changed: try again"
            ),
            Account::Unknown(why) => format!("whether you are registered is not known: {why}"),
        }
    }

    /// The same for programs. What only the directory knows is null while it says nothing.
    pub(super) fn document(&self, ctx: &Context) -> Value {
        let (state, why) = match self {
            Account::Active => ("active", None),
            Account::Retired(_) => ("retired", None),
            Account::DeviceRevoked => ("device_revoked", None),
            Account::NotRegistered(why) => ("not_registered", Some(why)),
            Account::NoMajority => ("no_majority", None),
            Account::Unreachable => ("unreachable", None),
            Account::Unconfirmed(said) => ("unconfirmed", Some(said)),
            Account::Unknown(why) => ("unknown", Some(why)),
        };
        let retired = match self {
            Account::Retired(at) => Some(*at),
            _ => None,
        };
        json!({
            "state": state, "why": why, "retired": retired,
            "registered_before": ctx.me.registered,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::future::ready;

    use axum::routing::get;
    use axum::{Json, Router};
    use cameo_common::api::ApiError;

    use super::*;
    use crate::agent::tests::{World, alone, no, with_node, with_nodes};

    async fn refused(code: ErrorCode) -> World {
        let routes = Router::new()
            .route("/v1/users", get(move || ready(no(code))))
            .route("/v1/users/{name}", get(move || ready(no(code))));
        with_node(routes).await
    }

    #[tokio::test]
    async fn a_problem_of_the_account_is_said_and_has_its_kind() {
        for (code, state, kind) in [
            (
                ErrorCode::NotAuthenticated,
                "not_registered",
                ErrorKind::NotRegistered,
            ),
            (
                ErrorCode::DeviceRevoked,
                "device_revoked",
                ErrorKind::Forbidden,
            ),
            (ErrorCode::NoQuorum, "no_majority", ErrorKind::ClusterAway),
        ] {
            let world = refused(code).await;
            let ctx = &world.core.ctx;
            let account = ask_at(ctx, &ctx.api).await;
            assert_eq!(account.document(ctx)["state"], state);
            assert_eq!(account.problem(), Some(kind));
        }
        let world = alone();
        let ctx = &world.core.ctx;
        let account = ask_at(ctx, &ctx.api).await;
        assert_eq!(account, Account::Unreachable);
        assert_eq!(account.problem(), Some(ErrorKind::ClusterAway));
    }

    #[tokio::test]
    async fn a_retired_user_is_told() {
        let world = with_node(Router::new().route(
            "/v1/users/{name}",
            get(|| {
                ready(Json(UserInfo {
                    card: cameo_common::signed::Signed::from_bytes(Vec::new()),
                    devices: Vec::new(),
                    online: None,
                    epoch: None,
                    retired: Some(Millis(5)),
                }))
            }),
        ))
        .await;
        let ctx = &world.core.ctx;
        let account = ask_at(ctx, &ctx.api).await;
        assert_eq!(account, Account::Retired(Millis(5)));
        assert!(account.text(ctx).contains("the operator has retired ben"));
        assert_eq!(account.problem(), Some(ErrorKind::Retired));
    }

    #[tokio::test]
    async fn attack_one_nodes_word_is_not_the_state_of_the_account() {
        // given a node that says that this user is retired, or refuses this device
        let retired = UserInfo {
            card: cameo_common::signed::Signed::from_bytes(Vec::new()),
            devices: Vec::new(),
            online: None,
            epoch: None,
            retired: Some(Millis(5)),
        };
        let liars = [
            get(move || ready(Json(retired.clone()))),
            get(|| ready(no(ErrorCode::DeviceRevoked))),
            get(|| ready(no(ErrorCode::NotAuthenticated))),
        ];
        for liar in liars {
            let liar = Router::new().route("/v1/users/{name}", liar);
            // and others that say nothing
            let world = with_nodes(vec![liar, Router::new(), Router::new()]).await;
            let ctx = &world.core.ctx;
            let account = ask_at(ctx, &ctx.api).await;
            assert!(matches!(account, Account::Unconfirmed(_)), "{account:?}");
            assert_eq!(account.problem(), Some(ErrorKind::ClusterAway));
            assert!(account.text(ctx).contains("not believed"));
        }
    }

    #[test]
    fn a_nodes_words_are_one_line() {
        let said = ApiError::new(ErrorCode::NotAuthenticated, "no\x1b[2J\nyes");
        let Account::NotRegistered(why) = of_error(&said.into()) else {
            unreachable!()
        };
        assert!(!why.chars().any(char::is_control), "{why:?}");
    }
}
