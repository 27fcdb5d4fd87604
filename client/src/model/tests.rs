//! Tests of the words.

use sojourn_proto::session::v1;

use super::*;

#[test]
fn the_last_instruction_for_a_name_holds() {
    let changes = Changes::new()
        .set("a", "1")
        .remove("a")
        .remove("b")
        .set("b", "2")
        .add("n", 5)
        .add("n", -2)
        .add_member("s", "x")
        .remove_member("s", "x")
        .add_member("s", "y");
    let wire = changes.into_wire();
    assert_eq!(wire.set_attributes.into_keys().collect::<Vec<_>>(), ["b"]);
    assert_eq!(wire.remove_attributes, ["a"]);
    assert_eq!(wire.add_counters["n"], 3);
    let change = v1::SetChange { name: "s".into(), add: vec!["y".into()], remove: vec!["x".into()] };
    assert_eq!(wire.change_sets, [change]);
}

#[test]
fn an_empty_change_is_empty() {
    assert!(Changes::new().is_empty());
    assert!(!Changes::new().auth(Auth::default()).is_empty());
    assert!(!Changes::new().remove("a").is_empty());
}

#[test]
fn secrets_stay_out_of_debug_output() {
    let id = SessionId::new("secret-id");
    let auth = Auth::new("secret-name").csrf_secret("secret-csrf").role("secret-role");
    let value = Value::from("secret-value");
    let changes = Changes::new().set("secret-attribute", value.clone()).auth(auth.clone());
    let mut session = Session { auth: Some(auth.clone()), ..Session::default() };
    session.attributes.insert("secret-attribute".into(), value.clone());
    let created = Created { id, session, token: CausalToken::default(), replica_id: 1 };
    let shown = format!("{created:?} {auth:?} {value:?} {changes:?}");
    assert!(!shown.contains("secret"), "{shown}");
}

#[test]
fn values_keep_their_kind() {
    for value in [Value::from("t"), Value::json("{}"), Value::from(vec![0xff])] {
        assert_eq!(Value::from_wire(value.clone().into_wire()), value);
    }
}

#[test]
fn auth_keeps_every_field() {
    let auth = Auth::new("ada").level(2).method("otp").auth_time_ms(9).role("admin").csrf_secret("s");
    assert_eq!(Auth::from_wire(auth.clone().into_wire()), auth);
}

#[test]
fn a_token_survives_as_text() {
    let token = CausalToken::from_bytes(vec![0, 255, 7]);
    assert_eq!(token.to_string().parse::<CausalToken>().unwrap(), token);
    assert!("not base64!".parse::<CausalToken>().is_err());
}
