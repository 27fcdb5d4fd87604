//! Who a session belongs to.

use std::fmt;

use bytes::Bytes;
use sojourn_proto::session::v1;

/// The identity of a session. Replaced as a whole: a merge never mixes two.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Auth {
    /// The application's name for the person or machine. Empty: anonymous.
    pub principal: String,
    /// Assurance level, 0 (anonymous) upwards. Among concurrent logins the lower one wins.
    pub level: u32,
    /// How the principal proved itself, for example `pwd`, `otp` (RFC 8176).
    pub methods: Vec<String>,
    /// When, in milliseconds since the Unix epoch.
    pub auth_time_ms: u64,
    /// Roles of the principal in this session.
    pub roles: Vec<String>,
    /// Secret against cross-site request forgery, for the application's use.
    pub csrf_secret: Bytes,
}

impl Auth {
    /// A principal at level 1.
    #[must_use]
    pub fn new(principal: impl Into<String>) -> Self {
        Self { principal: principal.into(), level: 1, ..Self::default() }
    }

    /// Sets the assurance level.
    #[must_use]
    pub fn level(mut self, level: u32) -> Self {
        self.level = level;
        self
    }

    /// Adds a method of authentication.
    #[must_use]
    pub fn method(mut self, method: impl Into<String>) -> Self {
        self.methods.push(method.into());
        self
    }

    /// Sets when the principal proved itself, in milliseconds since the Unix epoch.
    #[must_use]
    pub fn auth_time_ms(mut self, auth_time_ms: u64) -> Self {
        self.auth_time_ms = auth_time_ms;
        self
    }

    /// Adds a role.
    #[must_use]
    pub fn role(mut self, role: impl Into<String>) -> Self {
        self.roles.push(role.into());
        self
    }

    /// Sets the secret against cross-site request forgery.
    #[must_use]
    pub fn csrf_secret(mut self, secret: impl Into<Bytes>) -> Self {
        self.csrf_secret = secret.into();
        self
    }

    pub(crate) fn into_wire(self) -> v1::AuthBlock {
        v1::AuthBlock {
            principal: self.principal,
            level: self.level,
            methods: self.methods,
            auth_time_ms: self.auth_time_ms,
            roles: self.roles,
            csrf_secret: self.csrf_secret,
        }
    }

    pub(crate) fn from_wire(auth: v1::AuthBlock) -> Self {
        Self {
            principal: auth.principal,
            level: auth.level,
            methods: auth.methods,
            auth_time_ms: auth.auth_time_ms,
            roles: auth.roles,
            csrf_secret: auth.csrf_secret,
        }
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Auth").field("level", &self.level).finish_non_exhaustive()
    }
}
