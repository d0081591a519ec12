//! Collection of the voters' signatures under the next descriptor.

use std::collections::BTreeMap;

use axum::http::Method;
use cameo_common::api::{
    ApiError, ErrorCode, OPERATOR_HEADER, SignSuccession, SuccessionSigned, paths,
};
use cameo_common::cluster_descriptor::Descriptor;
use cameo_common::descriptor_chain::{DescriptorLink, Succession};
use cameo_common::ids::RequestId;
use cameo_common::keys::PublicKey;
use cameo_common::op::Op;
use cameo_common::signed::Signed;

use super::survey::Survey;
use crate::operator::call::{Call, send};
use crate::operator::client::OperatorClient;
use crate::operator::member_error::MemberError;
use crate::operator::refusal::{refusal, shortly};

/// What the voters have said.
#[derive(Default)]
struct Collected {
    signed: BTreeMap<PublicKey, Signed<Succession>>,
    failures: Vec<String>,
    /// Of a voter that refuses for good.
    refused: Option<ApiError>,
}

/// Has the voters of the newest descriptor sign that `next` follows it. Repeated, it gets the same
/// signatures.
///
/// # Errors
/// When too few of them sign, with what they say.
pub(super) async fn collect(
    client: &OperatorClient,
    survey: &Survey,
    next: &Descriptor,
    request: RequestId,
    force: bool,
    is_begun: bool,
) -> Result<DescriptorLink, MemberError> {
    let previous = survey.newest();
    let succession = |signer| Succession {
        cluster: client.address().cluster,
        previous: previous.hash(),
        next: next.hash(),
        signer,
    };
    let operator = Signed::new(client.key(), succession(client.key().public()));
    let body = SignSuccession {
        next: next.clone(),
        operator: operator.clone(),
        force,
    };
    let call = Call {
        method: Method::POST,
        path: paths::SUCCESSION,
        header: Some((OPERATOR_HEADER, client.order_of(&Op::from(&body), request))),
        body: serde_json::to_vec(&body).unwrap_or_default().into(),
    };
    let mut collected = Collected::default();
    // In one order by every command: of two that are given at once, one stops at the first voter.
    for url in &survey.voters_urls() {
        collected.ask(client, url, &call, &succession).await;
        // One who has signed another change would be outvoted by nobody: no further node may sign
        // this one. One that is begun is to be signed by all who can.
        if collected.refused.is_some() && !is_begun {
            break;
        }
    }
    let (signed, needed) = (collected.signed.len(), previous.threshold());
    if signed < needed {
        return Err(collected.error(needed));
    }
    Ok(DescriptorLink {
        descriptor: next.clone(),
        operator,
        voters: collected.signed.into_values().collect(),
    })
}

impl Collected {
    async fn ask(
        &mut self,
        client: &OperatorClient,
        url: &str,
        call: &Call,
        succession: &impl Fn(PublicKey) -> Succession,
    ) {
        let answer = match send(url, call, client.ends()).await {
            Ok(answer) => answer,
            Err(error) => return self.failures.push(error.to_string()),
        };
        if !answer.status.is_success() {
            let error = refusal(&answer.body);
            let why = format!("{url} {}", shortly(&error));
            if matches!(
                error.code,
                ErrorCode::TooFewHolders
                    | ErrorCode::StaleVersion
                    | ErrorCode::Mismatch
                    | ErrorCode::Forbidden
                    | ErrorCode::NotAuthenticated
            ) {
                self.refused.get_or_insert(error);
            }
            return self.failures.push(why);
        }
        let signed = serde_json::from_slice::<SuccessionSigned>(&answer.body);
        let signed = signed.ok().map(|signed| signed.succession);
        let is_right = |signed: &Signed<Succession>| {
            signed.verify().ok().as_ref() == Some(&succession(answer.node))
        };
        match signed.filter(is_right) {
            Some(signed) => drop(self.signed.insert(answer.node, signed)),
            None => self
                .failures
                .push(format!("{url} has signed something else")),
        }
    }

    fn error(self, needed: usize) -> MemberError {
        let signed = self.signed.len();
        match self.refused {
            Some(refusal) if refusal.code == ErrorCode::TooFewHolders => {
                MemberError::TooFewHolders(refusal)
            }
            Some(refusal) => MemberError::RefusedToSign {
                signed,
                why: refusal.message,
            },
            None => MemberError::NotSigned {
                signed,
                needed,
                why: self.failures.join("; "),
            },
        }
    }
}
