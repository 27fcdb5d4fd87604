//! The store's settings.

use serde::{Deserialize, Serialize};

use super::StoreError;

/// How the disk is used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    /// Memory for the database's own page cache, in bytes: 1 MiB or more, 32 MiB by default.
    /// Small, because sessions have a cache of their own above it.
    pub cache_bytes: u64,
    /// Compaction starts when the disk holds more than this many times the live data: 1.5 or
    /// more, 2.5 by default.
    pub compaction_ratio_max: f64,
    /// No compaction while the disk holds less than this, in bytes: 64 MiB by default.
    pub compaction_bytes_min: u64,
    /// How much one step of a compaction copies while writers wait, in bytes: 4 KiB to 64 MiB,
    /// 256 KiB by default.
    pub compaction_step_bytes: u64,
    /// How often the need for a compaction is looked at, in milliseconds: 100 or more, 10 000 by
    /// default.
    pub compaction_check_interval_ms: u64,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            cache_bytes: 32 << 20,
            compaction_ratio_max: 2.5,
            compaction_bytes_min: 64 << 20,
            compaction_step_bytes: 256 << 10,
            compaction_check_interval_ms: 10_000,
        }
    }
}

impl StoreConfig {
    /// Says which setting is out of its range, and what the range is.
    pub fn validate(&self) -> Result<(), StoreError> {
        let refuse = |detail: String| Err(StoreError::Unusable { detail });
        if self.cache_bytes < 1 << 20 {
            return refuse(format!("store.cache_bytes is {}, allowed is 1048576 or more", self.cache_bytes));
        }
        if !(self.compaction_ratio_max >= 1.5 && self.compaction_ratio_max.is_finite()) {
            let is = self.compaction_ratio_max;
            return refuse(format!("store.compaction_ratio_max is {is}, allowed is 1.5 or more"));
        }
        if !(4 << 10..=64 << 20).contains(&self.compaction_step_bytes) {
            let is = self.compaction_step_bytes;
            return refuse(format!("store.compaction_step_bytes is {is}, allowed is 4096 to 67108864"));
        }
        if self.compaction_check_interval_ms < 100 {
            let is = self.compaction_check_interval_ms;
            return refuse(format!("store.compaction_check_interval_ms is {is}, allowed is 100 or more"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_out_of_range_are_named() {
        assert!(StoreConfig::default().validate().is_ok());
        let default = StoreConfig::default;
        for (wrong, name) in [
            (StoreConfig { cache_bytes: 1, ..default() }, "cache_bytes"),
            (StoreConfig { compaction_ratio_max: 1.0, ..default() }, "compaction_ratio_max"),
            (StoreConfig { compaction_ratio_max: f64::NAN, ..default() }, "compaction_ratio_max"),
            (StoreConfig { compaction_step_bytes: 0, ..default() }, "compaction_step_bytes"),
            (StoreConfig { compaction_check_interval_ms: 0, ..default() }, "compaction_check_interval_ms"),
        ] {
            let error = wrong.validate().unwrap_err().to_string();
            assert!(error.contains(name) && error.contains("allowed"), "{error}");
        }
    }

    #[test]
    fn settings_may_be_left_out_but_not_misspelt() {
        let config: StoreConfig = toml::from_str("cache_bytes = 2000000").unwrap();
        assert_eq!(config, StoreConfig { cache_bytes: 2_000_000, ..StoreConfig::default() });
        assert!(toml::from_str::<StoreConfig>("cache_byte = 1").is_err());
    }
}
