//! Between Rust values and attributes, as JSON.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};

use super::error::WebError;
use crate::model::{Changes, Value};

/// # Errors
/// The attribute is raw bytes, or JSON of something else.
pub(super) fn decode<T: DeserializeOwned>(name: &str, value: &Value) -> Result<T, WebError> {
    let decoded = match value {
        Value::Json(text) => serde_json::from_str(text).ok(),
        Value::Text(text) => serde_json::from_value(Json::String(text.clone())).ok(),
        Value::Data(_) => None,
    };
    // serde's own error may quote the value.
    decoded.ok_or_else(|| WebError::decode(name))
}

/// One struct from all attributes; raw bytes are left out.
///
/// # Errors
/// They do not make a `T`.
pub(super) fn from_attributes<T: DeserializeOwned>(
    attributes: &BTreeMap<String, Value>,
) -> Result<T, WebError> {
    let mut fields = Map::new();
    for (name, value) in attributes {
        if !matches!(value, Value::Data(_)) {
            fields.insert(name.clone(), decode(name, value)?);
        }
    }
    serde_json::from_value(Json::Object(fields)).map_err(|_| WebError::decode(short_name::<T>()))
}

/// The fields that a struct serialises to; those that are null are left out.
///
/// # Errors
/// It does not serialise to a struct.
pub(super) fn fields<T: Serialize>(data: &T) -> Result<Map<String, Json>, WebError> {
    match serde_json::to_value(data) {
        Ok(Json::Object(mut fields)) => {
            fields.retain(|_, value| !value.is_null());
            Ok(fields)
        }
        _ => Err(WebError::encode(short_name::<T>())),
    }
}

/// Adds what leads from one set of fields to the other.
pub(super) fn difference(
    mut changes: Changes,
    before: &Map<String, Json>,
    after: Map<String, Json>,
) -> Changes {
    for name in before.keys().filter(|name| !after.contains_key(*name)) {
        changes = changes.remove(name.as_str());
    }
    for (name, value) in after {
        if before.get(&name) != Some(&value) {
            changes = changes.set(name, Value::Json(value.to_string()));
        }
    }
    changes
}

fn short_name<T>() -> &'static str {
    let name = std::any::type_name::<T>();
    name.rsplit("::").next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
    #[serde(default)]
    struct Profile {
        theme: String,
        coupon: Option<u32>,
        cart: Vec<String>,
    }

    fn attributes() -> BTreeMap<String, Value> {
        BTreeMap::from([
            ("theme".to_owned(), Value::from("dark")),
            ("coupon".to_owned(), Value::json("7")),
            ("other".to_owned(), Value::json("[1]")),
            ("raw".to_owned(), Value::from(vec![1, 2])),
        ])
    }

    #[test]
    fn a_struct_is_read_field_by_field() {
        let profile: Profile = from_attributes(&attributes()).unwrap();
        assert_eq!(profile, Profile { theme: "dark".into(), coupon: Some(7), cart: Vec::new() });
        assert_eq!(from_attributes::<Profile>(&BTreeMap::new()).unwrap(), Profile::default());
    }

    #[test]
    fn only_fields_that_changed_are_written() {
        let mut profile: Profile = from_attributes(&attributes()).unwrap();
        let before = fields(&profile).unwrap();
        assert!(difference(Changes::new(), &before, fields(&profile).unwrap()).is_empty());
        (profile.coupon, profile.cart) = (None, vec!["tea".into()]);
        let changes = difference(Changes::new(), &before, fields(&profile).unwrap());
        assert_eq!(changes, Changes::new().remove("coupon").set("cart", Value::json(r#"["tea"]"#)));
    }

    #[test]
    fn errors_do_not_quote_values() {
        let secret = BTreeMap::from([("theme".to_owned(), Value::json(r#"{"secret":1}"#))]);
        let error = from_attributes::<Profile>(&secret).unwrap_err();
        assert_eq!(error.to_string(), r#"what the session holds does not fit "Profile""#);
        let error = decode::<u32>("pin", &Value::from("secret")).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
        assert!(decode::<String>("raw", &Value::from(vec![1])).is_err());
    }

    #[test]
    fn what_is_no_struct_has_no_fields() {
        assert!(matches!(fields(&[1, 2]), Err(WebError::Encode { .. })));
    }
}
