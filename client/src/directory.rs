//! Principals and policies: what concerns more than one session.

use sojourn_proto::directory::v1::directory_service_client::DirectoryServiceClient;
use sojourn_proto::directory::v1::{
    GetPolicyRequest, ListPoliciesRequest, ListPoliciesResponse, ListSessionsRequest, Policy, SessionSummary,
};
use tonic::transport::Channel;
use tonic::{Response, Status};

use crate::calls::{EndAllSessionsCall, EndSessionCall, SetPolicyCall};
use crate::client::{Client, Settings};
use crate::error::{Error, from_unary};
use crate::runtime;

pub(crate) type Directory = DirectoryServiceClient<Channel>;

impl Client {
    /// The sessions that a principal is logged in to, the newest login first.
    ///
    /// # Errors
    /// A name is malformed, or no node answered within `request_timeout_ms`.
    pub async fn list_sessions(
        &self,
        namespace: &str,
        principal: &str,
    ) -> Result<Vec<SessionSummary>, Error> {
        let request = ListSessionsRequest { namespace: namespace.into(), principal: principal.into() };
        let call = async |mut node: Directory, request| node.list_sessions(request).await;
        Ok(self.ask_any(request, self.prepare_read(None, None), call).await?.sessions)
    }

    /// Ends one session of a principal, by the reference that [`Self::list_sessions`] gives.
    /// Says which regions have applied it.
    ///
    /// It fails with [`Error::NotFound`] if the principal has no such session, and with
    /// [`Error::Partial`] if the end is made but too few replicas have confirmed it.
    pub fn end_session(
        &self,
        namespace: &str,
        principal: &str,
        session_ref: &[u8],
        reason: &str,
    ) -> EndSessionCall<'_> {
        EndSessionCall::new(self, namespace, principal, session_ref, reason)
    }

    /// Logs a principal out everywhere, with one write: it also ends sessions that the
    /// node has not heard of, and logins that raced it. Answers with the replica that
    /// made it. A retry at another node may end sessions that were begun in between.
    ///
    /// It fails if the session to keep is no live one of this principal, and with
    /// [`Error::Partial`] if the logout is made but too few replicas have
    /// confirmed it.
    pub fn end_all_sessions(&self, namespace: &str, principal: &str) -> EndAllSessionsCall<'_> {
        EndAllSessionsCall::new(self, namespace, principal)
    }

    /// The policy of a namespace; of version 0 if none was ever set.
    ///
    /// # Errors
    /// As [`Self::list_sessions`].
    pub async fn policy(&self, namespace: &str) -> Result<Policy, Error> {
        let request = GetPolicyRequest { namespace: namespace.into() };
        let call = async |mut node: Directory, request| node.get_policy(request).await;
        Ok(self.ask_any(request, self.prepare_read(None, None), call).await?.policy.unwrap_or_default())
    }

    /// Replaces the policy of a namespace: `preset` ("aal1", "aal2", "aal3" or empty), and
    /// over it what `policy` sets. Returns it as it is now.
    ///
    /// It fails if a setting is beyond the limits of the node, and with [`Error::Partial`]
    /// if the change is made but too few replicas have confirmed it.
    pub fn set_policy(&self, namespace: &str, preset: &str, policy: Policy) -> SetPolicyCall<'_> {
        SetPolicyCall::new(self, namespace, preset, policy)
    }

    /// A page of the namespaces that have a policy: at most `policies_max` (0: 100), after
    /// the `next_page_token` of the page before; an empty token begins. A page may be empty
    /// although more follow: the last one has no next token.
    ///
    /// # Errors
    /// As [`Self::list_sessions`].
    pub async fn list_policies(
        &self,
        policies_max: u32,
        page_token: &[u8],
    ) -> Result<ListPoliciesResponse, Error> {
        let page_token = bytes::Bytes::copy_from_slice(page_token);
        let request = ListPoliciesRequest { policies_max, page_token };
        let call = async |mut node: Directory, request| node.list_policies(request).await;
        self.ask_any(request, self.prepare_read(None, None), call).await
    }

    /// Asks one node after the other until one answers.
    pub(crate) async fn ask_any<Asked: Clone, T>(
        &self,
        request: Asked,
        settings: Settings,
        call: impl AsyncFn(Directory, tonic::Request<Asked>) -> Result<Response<T>, Status>,
    ) -> Result<T, Error> {
        let mut last = Error::unavailable("the layout names no node that takes calls");
        for node in self.inner.directory_anywhere() {
            let left = settings.deadline.saturating_duration_since(runtime::now());
            let mut message = tonic::Request::new(request.clone());
            message.set_timeout(left);
            last = match tokio::time::timeout(left, call(node, message)).await {
                Ok(Ok(response)) => return Ok(response.into_inner()),
                Ok(Err(status)) => from_unary(&status),
                Err(_) => return Err(Error::DeadlineExceeded),
            };
            if !last.is_retryable() {
                return Err(last);
            }
        }
        Err(last)
    }
}
