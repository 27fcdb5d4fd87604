//! The only place where failures become gRPC statuses.

use tonic::Status;

/// Why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// a
    BadCertificate,
    /// b
    NodeCertificateRequired,
}

/// A failure.
#[derive(Clone, Debug)]
pub struct Failure {
    reason: Reason,
    message: String,
}

impl Failure {
    /// A failure.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }

    /// To gRPC.
    pub fn into_status(self) -> Status {
        match self.reason {
            Reason::BadCertificate => Status::unauthenticated(self.message),
            Reason::NodeCertificateRequired => Status::permission_denied(self.message),
        }
    }
}
