//! Replace the policy of a namespace.

use std::future::IntoFuture;

use sojourn_proto::directory::v1::{Policy, SetPolicyRequest};

use super::write::{send_by_await, write_settings};
use crate::client::Client;
use crate::directory::Directory;
use crate::error::Error;

/// Replaces the policy of a namespace; see [`Client::set_policy`]. The levels that a policy
/// sets are those of sessions: its own change has the level that is asked for here.
#[must_use = "a call is sent when it is awaited"]
pub struct SetPolicyCall<'c> {
    client: &'c Client,
    request: SetPolicyRequest,
    timeout_ms: Option<u32>,
}

write_settings!(SetPolicyCall);
send_by_await!(SetPolicyCall, Policy);

impl<'c> SetPolicyCall<'c> {
    pub(crate) fn new(client: &'c Client, namespace: &str, preset: &str, policy: Policy) -> Self {
        let request = SetPolicyRequest {
            namespace: namespace.to_owned(),
            preset: preset.to_owned(),
            policy: Some(policy),
            ..SetPolicyRequest::default()
        };
        Self { client, request, timeout_ms: None }
    }

    async fn send(mut self) -> Result<Policy, Error> {
        let settings = self.prepare();
        let call = async |mut node: Directory, request| node.set_policy(request).await;
        Ok(self.client.ask_any(self.request, settings, call).await?.policy.unwrap_or_default())
    }
}
