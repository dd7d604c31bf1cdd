//! What the decoder takes and refuses, and that it is the encoder's inverse. The rows are calls that real clients send.

use super::*;
use crate::xmlrpc::{encode_call, encode_fault, encode_response};
use proptest::prelude::*;

fn one(value: &str) -> Result<Value, DecodeError> {
    let body = format!("<methodCall><methodName>m</methodName><params><param>{value}</param></params></methodCall>");
    decode_call(body.as_bytes()).map(|mut call| call.params.remove(0))
}

#[test]
fn every_spelling_of_a_value_is_taken() {
    for (text, value) in [
        ("<value>bare &lt;text&gt; &#233;</value>", Value::str("bare <text> é")),
        ("<value> \n </value>", Value::str(" \n ")),
        ("<value/>", Value::str("")),
        ("<value><string/></value>", Value::str("")),
        ("<value><string>a<![CDATA[<b>]]></string></value>", Value::str("a<b>")),
        ("<value>\n <i4> +7 </i4>\n</value>", Value::Int(7)),
        ("<value><i8>4294967296</i8></value>", Value::Int(4_294_967_296)),
        ("<value><int>-1</int></value>", Value::Int(-1)),
        ("<value><boolean>1</boolean></value>", Value::Bool(true)),
        ("<value><boolean>false</boolean></value>", Value::Bool(false)),
        ("<value><double>1e3</double></value>", Value::Double(1000.0)),
        ("<value><ex:nil/></value>", Value::Nil),
        ("<value><nil></nil></value>", Value::Nil),
        ("<value><base64>\n aGVs\r\nbG8=\n</base64></value>", Value::Bytes(b"hello".to_vec())),
        (
            "<value><dateTime.iso8601>20261123T02:00:00</dateTime.iso8601></value>",
            Value::DateTime("20261123T02:00:00".into()),
        ),
        ("<value><array><data/></array></value>", Value::Array(Vec::new())),
        ("<value><array/></value>", Value::Array(Vec::new())),
        (
            "<value><struct><member><name>a</name><value>1</value></member> <member><name>a</name><value>2</value></member></struct></value>",
            Value::Struct(vec![("a".into(), Value::str("2"))]),
        ),
        ("<value><string>a\r\nb</string></value>", Value::str("a\nb")),
    ] {
        assert_eq!(one(text), Ok(value), "{text}");
    }
}

#[test]
fn what_is_no_value_of_its_type_is_told_with_its_text() {
    for text in [
        "<int>seven</int>",
        "<int>99999999999999999999</int>",
        "<boolean>2</boolean>",
        "<double>x</double>",
        "<base64>a</base64>",
    ] {
        let error = one(&format!("<value>{text}</value>")).expect_err(text);
        assert!(error.is_about_a_value(), "{text}: {error}");
    }
    assert_eq!(
        one("<value><int>seven</int></value>").map_err(|error| error.to_string()),
        Err("\"seven\" is no int".into())
    );
}

#[test]
fn what_is_no_message_is_refused() {
    for text in [
        "",
        "hello",
        "<methodCall>",
        "<methodCall></other>",
        "<methodCall/><methodCall/>",
        "<methodCall/>junk",
        "<methodCall><methodName><b/></methodName></methodCall>",
        "<methodCall><params><param/></params></methodCall>",
        "<methodCall>&unknown;</methodCall>",
        "<methodCall>&#0;</methodCall>",
        "<!DOCTYPE a [<!ENTITY b \"c\">]><methodCall/>",
    ] {
        assert!(decode_call(text.as_bytes()).is_err(), "{text}");
    }
    assert_eq!(
        one("<value><foo>1</foo></value>"),
        Err(DecodeError::Unexpected { found: "foo".into(), inside: "value".into() })
    );
}

#[test]
fn a_call_may_have_no_parameters_and_other_elements_are_passed_over() {
    let call = decode_call(b"\xef\xbb\xbf<?xml version=\"1.0\"?>\n<!-- hi --><methodCall>\n<extra><x/></extra><methodName>a.b</methodName></methodCall>\n");
    assert_eq!(call, Ok(Call { method: "a.b".into(), params: Vec::new() }));
    assert_eq!(decode_call(b"<methodCall/>").map(|call| call.method), Ok(String::new()));
}

#[test]
fn a_declared_single_byte_encoding_is_understood() {
    let body = b"<?xml version='1.0' encoding=\"ISO-8859-1\"?><methodCall><methodName>\xe9</methodName></methodCall>";
    assert_eq!(decode_call(body).map(|call| call.method), Ok("é".into()));
    let undeclared = b"<?xml version='1.0'?><methodCall><methodName>\xe9</methodName></methodCall>";
    assert_eq!(decode_call(undeclared), Err(DecodeError::Encoding("UTF-8")));
}

#[test]
fn a_deep_message_is_refused_before_it_can_hurt() {
    let deep = "<value><array><data>".repeat(100_000);
    assert_eq!(one(&deep), Err(DecodeError::Depth));
}

#[test]
fn a_fault_is_read() {
    assert_eq!(
        decode_response(&encode_fault(10, "BAD_NAME: <x>")),
        Ok(Response::Fault { code: 10, text: "BAD_NAME: <x>".into() })
    );
    assert!(decode_response(b"<methodResponse></methodResponse>").is_err());
}

/// Text that XML can hold and that line-end normalisation leaves alone.
fn text() -> impl Strategy<Value = String> {
    "[^\\x00-\\x08\\x0b-\\x1f\u{FFFE}\u{FFFF}]{0,12}"
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        any::<f64>().prop_filter("NaN is not itself", |number| !number.is_nan()).prop_map(Value::Double),
        text().prop_map(Value::str),
        proptest::collection::vec(any::<u8>(), 0..100).prop_map(Value::Bytes),
        Just(Value::Nil),
        "[0-9T:]{0,17}".prop_map(Value::DateTime),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            proptest::collection::btree_map(text(), inner, 0..6).prop_map(|members| Value::Struct(
                members.into_iter().map(|(name, value)| (Cow::Owned(name), value)).collect()
            )),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(value in any_value(), method in text()) {
        prop_assert_eq!(decode_response(&encode_response(&value)), Ok(Response::Value(value.clone())));
        let call = Call { method: method.clone(), params: vec![value] };
        prop_assert_eq!(decode_call(&encode_call(&method, &call.params)), Ok(call));
    }

    #[test]
    fn any_string_is_encoded_as_well_formed_xml(text in any::<String>()) {
        let decoded = decode_response(&encode_response(&Value::str(text.clone())));
        prop_assert!(matches!(decoded, Ok(Response::Value(Value::Str(_)))), "{decoded:?}");
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode_call(&bytes);
        let _ = decode_response(&bytes);
    }

    #[test]
    fn no_broken_message_makes_it_panic(value in any_value(), at in 0_usize..2000, byte in any::<u8>(), length in 0_usize..3000) {
        let mut bytes = encode_response(&value);
        bytes.truncate(length);
        if let Some(place) = bytes.get_mut(at) { *place = byte; }
        let _ = decode_response(&bytes);
    }
}
