//! Between the framework's record and a session: a record carries what was
//! loaded with it, so that saving it can tell what the request changed.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value as Json;
use tower_sessions::cookie::time::OffsetDateTime;
use tower_sessions::session::{Id, Record};

use crate::error::Error;
use crate::model::{Changes, Session, Value};

/// The key in a record's data that holds what was loaded. Never stored.
pub(super) const BASE_KEY: &str = "sojourn.loaded";
const DATA: &str = "data";
const EXPIRES_AT_MS: &str = "expires_at_ms";
const IDLE_TIMEOUT_MS: &str = "idle_timeout_ms";

/// An expiry is moved ahead only by more than this much, or 1/20 of the idle
/// time-out if that is more: clocks differ a little.
const EXPIRY_SLACK_MS: u64 = 1_000;

type Data = HashMap<String, Json>;

/// What a request found when it loaded the session.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Base {
    data: BTreeMap<String, Json>,
    expires_at_ms: u64,
    idle_timeout_ms: u64,
}

impl Base {
    /// What a session holds.
    ///
    /// # Errors
    /// An attribute says that it is JSON and is not.
    pub(super) fn of(session: &Session) -> Result<Self, Error> {
        let mut data = BTreeMap::new();
        for (name, value) in &session.attributes {
            if let Some(value) = json_of(value)? {
                data.insert(name.clone(), value);
            }
        }
        let (expires_at_ms, idle_timeout_ms) = (session.expires_at_ms, session.idle_timeout_ms);
        Ok(Self { data, expires_at_ms, idle_timeout_ms })
    }

    /// What has just been created.
    pub(super) fn written(data: &Data, expiry: OffsetDateTime) -> Self {
        let data = data.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        Self { data, expires_at_ms: unix_ms(expiry), idle_timeout_ms: 0 }
    }

    /// Hides it in a record's data.
    ///
    /// # Errors
    /// The application uses the key itself.
    pub(super) fn put(&self, data: &mut Data) -> Result<(), Error> {
        if data.contains_key(BASE_KEY) {
            return Err(Error::protocol(format!("the session's key {BASE_KEY:?} is reserved")));
        }
        let loaded: serde_json::Map<String, Json> =
            self.data.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        let base = serde_json::json!({
            DATA: loaded, EXPIRES_AT_MS: self.expires_at_ms, IDLE_TIMEOUT_MS: self.idle_timeout_ms,
        });
        data.insert(BASE_KEY.to_owned(), base);
        Ok(())
    }

    /// Whether the application wants the session to live longer than it would.
    pub(super) fn is_outlived_by(&self, expiry: OffsetDateTime) -> bool {
        let slack_ms = EXPIRY_SLACK_MS.max(self.idle_timeout_ms / 20);
        unix_ms(expiry) > self.expires_at_ms.saturating_add(slack_ms)
    }
}

/// Takes what was loaded out of a record's data, if it is still there.
pub(super) fn take_base(data: &mut Data) -> Option<Base> {
    let Json::Object(mut base) = data.remove(BASE_KEY)? else { return None };
    let ms = |name: &str| base.get(name).and_then(Json::as_u64).unwrap_or_default();
    let (expires_at_ms, idle_timeout_ms) = (ms(EXPIRES_AT_MS), ms(IDLE_TIMEOUT_MS));
    let Json::Object(data) = base.remove(DATA)? else { return None };
    Some(Base { data: data.into_iter().collect(), expires_at_ms, idle_timeout_ms })
}

/// What leads from `base` to `data`, key by key.
///
/// # Errors
/// A value cannot be written as JSON, or the application uses the reserved key.
pub(super) fn changes(base: &Base, data: &Data) -> Result<Changes, Error> {
    let mut changes = Changes::new();
    for name in base.data.keys().filter(|name| !data.contains_key(*name)) {
        changes = changes.remove(name.as_str());
    }
    for (name, value) in data.iter().filter(|(name, value)| base.data.get(*name) != Some(value)) {
        if name == BASE_KEY {
            return Err(Error::protocol(format!("the session's key {BASE_KEY:?} is reserved")));
        }
        changes = changes.set(name.as_str(), Value::Json(value.to_string()));
    }
    Ok(changes)
}

/// The record of a live session.
///
/// # Errors
/// An attribute says that it is JSON and is not.
pub(super) fn record_of(id: Id, session: &Session) -> Result<Record, Error> {
    let base = Base::of(session)?;
    let mut data: Data = base.data.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    base.put(&mut data)?;
    let expires_at_ns = i128::from(session.expires_at_ms) * 1_000_000;
    let expiry_date = OffsetDateTime::from_unix_timestamp_nanos(expires_at_ns)
        .map_err(|_| Error::protocol("the session expires beyond the calendar"))?;
    Ok(Record { id, data, expiry_date })
}

/// Text reads as a JSON string; raw bytes are another application's and stay out of sight.
fn json_of(value: &Value) -> Result<Option<Json>, Error> {
    match value {
        Value::Json(text) => {
            let parsed = serde_json::from_str(text);
            parsed.map(Some).map_err(|_| Error::protocol("an attribute holds JSON that does not parse"))
        }
        Value::Text(text) => Ok(Some(Json::String(text.clone()))),
        Value::Data(_) => Ok(None),
    }
}

fn unix_ms(time: OffsetDateTime) -> u64 {
    u64::try_from(time.unix_timestamp_nanos() / 1_000_000).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn session() -> Session {
        let mut session = Session { expires_at_ms: 1_000_000, idle_timeout_ms: 60_000, ..Session::default() };
        session.attributes.insert("cart".into(), Value::json(r#"["apple"]"#));
        session.attributes.insert("theme".into(), Value::json(r#""dark""#));
        session.attributes.insert("raw".into(), Value::from(vec![1, 2]));
        session
    }

    fn at(ms: i128) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp_nanos(ms * 1_000_000).unwrap()
    }

    fn saved(record: &Record) -> Changes {
        let mut data = record.data.clone();
        let base = take_base(&mut data).unwrap();
        changes(&base, &data).unwrap()
    }

    #[test]
    fn an_untouched_record_changes_nothing() {
        let record = record_of(Id(1), &session()).unwrap();
        assert_eq!(record.data["cart"], json!(["apple"]));
        assert_eq!(record.expiry_date, at(1_000_000));
        assert!(saved(&record).is_empty());
    }

    #[test]
    fn only_what_the_request_changed_is_written() {
        let mut record = record_of(Id(1), &session()).unwrap();
        record.data.insert("cart".into(), json!(["apple", "pear"]));
        record.data.remove("theme");
        let wanted = Changes::new().set("cart", Value::json(r#"["apple","pear"]"#)).remove("theme");
        assert_eq!(saved(&record), wanted);
    }

    #[test]
    fn each_request_is_compared_with_what_it_loaded_itself() {
        let mut first = record_of(Id(1), &session()).unwrap();
        let mut later = session();
        later.attributes.insert("coupon".into(), Value::json("7"));
        let second = record_of(Id(1), &later).unwrap();
        first.data.insert("theme".into(), json!("light"));
        // The first request knows nothing of the coupon and must not remove it.
        assert_eq!(saved(&first), Changes::new().set("theme", Value::json(r#""light""#)));
        assert!(saved(&second).is_empty());
    }

    #[test]
    fn the_expiry_is_moved_ahead_only() {
        let base = Base::of(&session()).unwrap();
        assert!(!base.is_outlived_by(at(1_000_000)));
        assert!(!base.is_outlived_by(at(1_003_000)), "within 1/20 of the idle time-out");
        assert!(base.is_outlived_by(at(1_003_001)));
        assert!(!base.is_outlived_by(at(5)));
    }

    #[test]
    fn the_reserved_key_is_refused() {
        let mut data = Data::from([(BASE_KEY.to_owned(), json!(1))]);
        assert!(changes(&Base::default(), &data).is_err());
        assert!(Base::default().put(&mut data).is_err());
    }
}
