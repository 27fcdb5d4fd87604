//! `sojourn.directory.v1.DirectoryService`.

use std::sync::Arc;

use sojourn_proto::directory::v1 as pb;
use sojourn_proto::directory::v1::directory_service_server::DirectoryService;
use tonic::{Request, Response, Status};

use super::super::deadline;
use super::super::handler::Handler;

/// The service.
pub(in crate::api) struct Directory {
    handler: Arc<Handler>,
}

impl Directory {
    pub(in crate::api) fn new(handler: Arc<Handler>) -> Self {
        Self { handler }
    }
}

/// Methods differ only in their types.
macro_rules! unary {
    ($($method:ident: $request:ident -> $response:ident by $handler:ident;)*) => {
        #[tonic::async_trait]
        impl DirectoryService for Directory {
            $(async fn $method(
                &self,
                request: Request<pb::$request>,
            ) -> Result<Response<pb::$response>, Status> {
                let (metadata, _, message) = request.into_parts();
                let timeout = deadline::timeout(&metadata)?;
                let answer = self.handler.admitted(timeout, |deadline| self.handler.$handler(message, deadline));
                answer.await.map(Response::new).map_err(|failure| failure.into_status())
            })*
        }
    };
}

unary! {
    list_sessions: ListSessionsRequest -> ListSessionsResponse by list_sessions;
    end_session: EndSessionRequest -> EndSessionResponse by end_session;
    end_all_sessions: EndAllSessionsRequest -> EndAllSessionsResponse by end_all_sessions;
    receipt: ReceiptRequest -> ReceiptResponse by principal_receipt;
    get_policy: GetPolicyRequest -> GetPolicyResponse by get_policy;
    set_policy: SetPolicyRequest -> SetPolicyResponse by set_policy;
    list_policies: ListPoliciesRequest -> ListPoliciesResponse by list_policies;
}
