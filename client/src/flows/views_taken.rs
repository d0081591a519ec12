//! The views of a grant as its owner can prove them: a node's word is no proof that the viewer
//! asked for one.

use std::collections::BTreeSet;

use cameo_common::api::{LogInfo, ViewTaken};
use cameo_common::ids::{Millis, RequestId};
use cameo_common::keys::PublicKey;

use crate::vault::records::GrantOwned;

/// One row of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewRow {
    pub number: u32,
    /// When the cluster charged it; the nodes' word.
    pub at: Millis,
    /// What the viewer signed; or why the row proves nothing.
    pub asked: Result<Asked, Unproved>,
}

/// What a device of the viewer's signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub device: PublicKey,
    pub request: RequestId,
}

/// Why a row proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unproved {
    #[error("the request is not signed by the device that it names")]
    Request,
    #[error("the request is for another grant")]
    OtherGrant,
    #[error("the viewer has not certified the device")]
    Certificate,
    #[error("the request is in the log twice")]
    Twice,
    #[error("its number is not the next")]
    Number,
}

/// Verifies every row against the viewer's identity key that this owner knows.
#[must_use]
pub fn prove(owned: &GrantOwned, log: &LogInfo) -> Vec<ViewRow> {
    let mut seen = BTreeSet::new();
    let rows = log.views.iter().zip(1..).map(|(view, next)| {
        let mut asked = proved(owned, log, view);
        if view.number != next {
            asked = Err(Unproved::Number);
        }
        if let Ok(found) = &asked
            && !seen.insert(found.request)
        {
            asked = Err(Unproved::Twice);
        }
        ViewRow {
            number: view.number,
            at: view.at,
            asked,
        }
    });
    rows.collect()
}

fn proved(owned: &GrantOwned, log: &LogInfo, view: &ViewTaken) -> Result<Asked, Unproved> {
    let request = view.request.verify().map_err(|_| Unproved::Request)?;
    if request.grant != owned.grant {
        return Err(Unproved::OtherGrant);
    }
    let certified = log.certificates.iter().any(|certificate| {
        certificate.hash() == view.certificate
            && certificate.verify().is_ok_and(|content| {
                content.user == owned.viewer_key && content.device == request.device
            })
    });
    if !certified {
        return Err(Unproved::Certificate);
    }
    Ok(Asked {
        device: request.device,
        request: request.request,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use cameo_common::identity::DeviceCertificate;
    use cameo_common::ids::{ClusterId, GrantId};
    use cameo_common::keys::{SealingPublic, SigningKey};
    use cameo_common::signed::Signed;
    use cameo_common::statements::ViewRequest;

    use super::*;
    use crate::agent::tests::{OTHER, STRANGER, key, owned};
    use crate::vault::records::Stage;

    const DEVICE: [u8; 32] = [61; 32];

    fn certificate(user: [u8; 32], device: &SigningKey) -> Signed<DeviceCertificate> {
        let content = DeviceCertificate {
            user: key(user).public(),
            device: device.public(),
            sequence: 1,
            not_after: Millis(1_000),
        };
        Signed::new(&key(user), content)
    }

    fn request(device: &SigningKey, grant: GrantId, id: u8) -> Signed<ViewRequest> {
        let content = ViewRequest {
            device: device.public(),
            cluster: ClusterId([1; 32]),
            grant,
            request: RequestId([id; 16]),
            one_time: SealingPublic([2; 32]),
            not_after: Millis(500),
        };
        Signed::new(device, content)
    }

    /// A log with these requests, each under this certificate.
    fn log(
        requests: &[Signed<ViewRequest>],
        certificate: &Signed<DeviceCertificate>,
    ) -> Vec<Option<Unproved>> {
        let owned = owned(Stage::Settled);
        let views = requests.iter().zip(1..).map(|(request, number)| ViewTaken {
            number,
            at: Millis(100),
            request: request.clone(),
            certificate: certificate.hash(),
        });
        let log = LogInfo {
            grant: owned.grant,
            certificates: vec![certificate.clone()],
            views: views.collect(),
        };
        let rows = prove(&owned, &log).into_iter();
        rows.map(|row| row.asked.err()).collect()
    }

    #[test]
    fn each_view_that_the_viewer_asked_for_is_proved() {
        let (device, grant) = (key(DEVICE), owned(Stage::Settled).grant);
        let requests = [request(&device, grant, 1), request(&device, grant, 2)];
        let certificate = certificate(OTHER, &device);
        assert_eq!(log(&requests, &certificate), [None, None]);
    }

    #[test]
    fn attack_no_node_makes_up_a_view() {
        let (device, grant) = (key(DEVICE), owned(Stage::Settled).grant);
        let good = request(&device, grant, 1);
        let certified = certificate(OTHER, &device);
        let mut forged = good.as_bytes().to_vec();
        forged[0] ^= 1;
        let forged = [Signed::from_bytes(forged)];
        assert_eq!(log(&forged, &certified), [Some(Unproved::Request)]);
        let elsewhere = [request(&device, GrantId([8; 32]), 1)];
        assert_eq!(log(&elsewhere, &certified), [Some(Unproved::OtherGrant)]);
        let strangers = certificate(STRANGER, &device);
        let once = std::slice::from_ref(&good);
        assert_eq!(log(once, &strangers), [Some(Unproved::Certificate)]);
        let twice = [good.clone(), good];
        assert_eq!(log(&twice, &certified), [None, Some(Unproved::Twice)]);
    }
}
