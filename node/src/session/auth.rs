//! Who a session belongs to.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::register::{Register, Write};
use super::{Stamp, VersionVector};

/// One login, always replaced as a whole: merges never mix two identities.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct AuthBlock {
    /// The application's name for the person or machine. Empty: anonymous.
    pub principal: Arc<str>,
    /// Assurance level, from 0 (anonymous) upwards.
    pub level: u32,
    /// How the principal proved itself (RFC 8176).
    pub methods: Vec<Arc<str>>,
    /// When, in milliseconds since the Unix epoch.
    pub auth_time_ms: u64,
    /// Roles in this session.
    pub roles: Vec<Arc<str>>,
    /// The application's secret against cross-site request forgery.
    pub csrf_secret: Bytes,
    /// The principal's revocation vector at login.
    pub epoch_seen: VersionVector,
}

impl fmt::Debug for AuthBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Names, roles and the secret are the user's: they must not reach a log.
        f.debug_struct("AuthBlock").field("level", &self.level).finish_non_exhaustive()
    }
}

impl Register<AuthBlock> {
    /// The login that holds: among concurrent ones the lowest privilege, then the lowest stamp.
    #[must_use]
    pub fn lowest_privilege(&self) -> Option<&Write<AuthBlock>> {
        self.writes().iter().min_by_key(|write| privilege(write))
    }
}

fn privilege(write: &Write<AuthBlock>) -> (Option<u32>, Stamp) {
    // A removed login is below level 0: `None` sorts first.
    (write.value.as_ref().map(|auth| auth.level), write.stamp())
}
