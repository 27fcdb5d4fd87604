//! What all writes have in common.

/// Adds the time-out to a call that has `timeout_ms`.
macro_rules! timeout_setting {
    ($call:ident) => {
        impl $call<'_> {
            /// How long the call may take with all its retries, in milliseconds.
            /// Default: the configuration's `request_timeout_ms`.
            pub fn timeout_ms(mut self, timeout_ms: u32) -> Self {
                self.timeout_ms = Some(timeout_ms);
                self
            }
        }
    };
}

/// Adds the settings of a write to a call that has `request.options` and `timeout_ms`.
macro_rules! write_settings {
    ($call:ident) => {
        $crate::calls::write::timeout_setting!($call);

        impl $call<'_> {
            /// How many replicas must have the write before the answer. Default: what the
            /// namespace's policy says, else one.
            pub fn consistency(mut self, level: $crate::Consistency) -> Self {
                self.options().set_consistency(level.to_wire());
                self
            }

            /// Whether the write must be on disk before the answer. Default: what the
            /// namespace's policy says, else buffered.
            pub fn durability(mut self, durability: $crate::Durability) -> Self {
                self.options().set_durability(durability.to_wire());
                self
            }

            /// Makes the write happen after what an earlier answer names.
            pub fn after(mut self, token: &$crate::CausalToken) -> Self {
                self.options().causal_token = token.to_wire();
                self
            }

            /// Names this write, at most 64 bytes, so that a caller that repeats it
            /// does not repeat its effect. Default: a random name for each call,
            /// which covers the client's own retries.
            pub fn idempotency_key(mut self, key: impl Into<bytes::Bytes>) -> Self {
                self.options().idempotency_key = key.into();
                self
            }

            fn options(&mut self) -> &mut sojourn_proto::session::v1::WriteOptions {
                self.request.options.get_or_insert_default()
            }

            fn prepare(&mut self) -> $crate::client::Settings {
                let (timeout_ms, client) = (self.timeout_ms, self.client);
                client.prepare_write(timeout_ms, self.options())
            }
        }
    };
}

/// Adds the settings of a read to a call that has `request.options` and `timeout_ms`.
macro_rules! read_settings {
    ($call:ident) => {
        $crate::calls::write::timeout_setting!($call);

        impl $call<'_> {
            /// How many replicas' answers are merged. Default: what the namespace's policy
            /// says, else one.
            pub fn consistency(mut self, level: $crate::Consistency) -> Self {
                self.options().set_consistency(level.to_wire());
                self
            }

            /// Fails with [`Error::RevocationsTooStale`](crate::Error::RevocationsTooStale) unless
            /// the node that answers knows all revocations of every region up to so many
            /// milliseconds ago; the answer says up to when.
            pub fn revocations_staleness_ms_max(mut self, staleness_ms_max: u64) -> Self {
                self.options().revocations_staleness_ms_max = Some(staleness_ms_max);
                self
            }

            /// Says up to when the node that answers knows all revocations, region by region.
            pub fn report_revocations_staleness(mut self) -> Self {
                self.options().report_revocations_staleness = true;
                self
            }

            /// Makes the read see at least what an earlier answer names.
            pub fn after(mut self, token: &$crate::CausalToken) -> Self {
                self.options().causal_token = token.to_wire();
                self
            }

            fn options(&mut self) -> &mut sojourn_proto::session::v1::ReadOptions {
                self.request.options.get_or_insert_default()
            }

            fn prepare(&self) -> $crate::client::Settings {
                self.client.prepare_read(self.timeout_ms, self.request.options.as_ref())
            }
        }
    };
}

/// Makes `.await` send a call.
macro_rules! send_by_await {
    ($call:ident, $answer:ty) => {
        impl<'c> IntoFuture for $call<'c> {
            type Output = Result<$answer, $crate::Error>;
            type IntoFuture = futures::future::BoxFuture<'c, Self::Output>;

            fn into_future(self) -> Self::IntoFuture {
                Box::pin(self.send())
            }
        }
    };
}

pub(super) use {read_settings, send_by_await, timeout_setting, write_settings};
