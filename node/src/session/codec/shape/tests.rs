use proptest::prelude::*;

use super::*;
use crate::session::laws::history::{World, birth, history, origin};
use crate::session::{Body, Dot, Register, Session, Value, ValueKind};

fn fragment(seq: u64, hlc: u64, bytes: &'static [u8], last_seen_ms: u64) -> Bytes {
    let session = Session::new(birth(origin(1, 3)));
    let mut body = Body { last_seen_ms, ..Body::default() };
    let value = Some(Value { kind: ValueKind::Json, bytes: Bytes::from_static(bytes) });
    let dot = Dot { origin: origin(2, 5), seq };
    body.attributes.insert("cart".into(), Register::default().write(dot, hlc, value));
    session.fragment(body).encode()
}

#[test]
fn writes_of_one_kind_have_one_shape() {
    let (shape, own) = split(&fragment(7, 1 << 62, b"one", 0), 7).unwrap();
    let (other_shape, mut other) = split(&fragment(900, 1 << 61, b"another one", 0), 900).unwrap();
    assert!(shape == other_shape);
    assert_eq!((own.seq, own.stamp, own.values[0].as_ref()), (7, 1 << 62, b"one".as_ref()));
    other.values = vec![Bytes::from_static(b"a third")];
    assert_eq!(shape.fill(&other), fragment(900, 1 << 61, b"a third", 0));
    assert!(shape != split(&fragment(7, 1 << 62, b"one", 5), 7).unwrap().0);
}

#[test]
fn a_write_of_another_number_has_no_shape() {
    assert!(split(&fragment(7, 1 << 62, b"one", 0), 8).is_none());
}

#[test]
fn a_long_name_has_no_shape() {
    let mut body = Body::default();
    let name = "n".repeat(LITERALS_BYTES_MAX);
    body.attributes.insert(
        name.as_str().into(),
        Register::default().write(Dot { origin: origin(1, 3), seq: 1 }, 1, None),
    );
    let fragment = Session::new(birth(origin(1, 3))).fragment(body).encode();
    assert!(split(&fragment, 1).is_none());
}

proptest! {
    #[test]
    fn filling_is_the_inverse_of_splitting(history in history(), seq in 1..6u64) {
        for session in World::run(&history).all() {
            let fragment = session.encode();
            if let Some((shape, own)) = split(&fragment, seq) {
                prop_assert_eq!(shape.fill(&own), fragment);
            }
        }
    }

    #[test]
    fn any_bytes_split_or_not(
        hlc: u64,
        last_seen_ms: u64,
        at: prop::sample::Index,
        byte: u8,
        cut: bool,
    ) {
        let mut bytes = fragment(7, hlc, b"value", last_seen_ms).to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if cut {
            bytes.truncate(at);
        }
        let bytes = Bytes::from(bytes);
        if let Some((shape, own)) = split(&bytes, 7) {
            prop_assert_eq!(shape.fill(&own), bytes);
        }
    }
}
