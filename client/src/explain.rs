//! How a session came to be as it is.

use sojourn_proto::feed::v1::{ExplainRequest, ExplainResponse};

use crate::client::Client;
use crate::error::Error;
use crate::model::SessionId;
use crate::routing::Place;

impl Client {
    /// The known writes of a session, which of them hold and why, and what each replica
    /// has: names and sizes, no values. Asks one node after the other until one answers.
    ///
    /// # Errors
    /// No session of this id is known, or no node could be reached within `request_timeout_ms`.
    pub async fn explain(&self, namespace: &str, id: &SessionId) -> Result<ExplainResponse, Error> {
        let place = Place::of(namespace, id.reveal());
        let mut last = Error::unavailable("the layout names no node that takes calls");
        for mut node in self.inner.explain_anywhere(place) {
            let request =
                ExplainRequest { namespace: namespace.to_owned(), session_id: id.reveal().to_owned() };
            match self.limited(node.explain(request)).await {
                Err(error) if error.is_retryable() || matches!(error, Error::DeadlineExceeded) => {
                    last = error
                }
                answer => return answer,
            }
        }
        Err(last)
    }
}
