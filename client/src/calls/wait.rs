//! Waiting for regions to apply a revocation.

/// Adds what a revocation may wait for to a call that has `request.wait`.
macro_rules! receipt_settings {
    ($call:ident) => {
        impl $call<'_> {
            /// Waits until these regions have applied it, or the time is up; the receipt
            /// says how far it has come.
            pub fn wait_regions(mut self, regions: impl IntoIterator<Item = impl Into<String>>) -> Self {
                let regions = regions.into_iter().map(Into::into).collect();
                self.request.wait = Some(sojourn_proto::session::v1::ReceiptWait { all: false, regions });
                self
            }

            /// As [`Self::wait_regions`], for all regions.
            pub fn wait_all_regions(mut self) -> Self {
                let regions = Vec::new();
                self.request.wait = Some(sojourn_proto::session::v1::ReceiptWait { all: true, regions });
                self
            }
        }
    };
}

pub(super) use receipt_settings;
