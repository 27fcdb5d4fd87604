//! `sojourn bench`.
