use std::sync::Arc;

use super::*;

#[test]
fn a_value_longer_than_the_bound_is_refused_at_the_bound() {
    let text = Val::String("x".repeat(8));
    assert_eq!(encode(&text, &WitType::String, 10).unwrap().len(), 10);
    assert_eq!(encode(&text, &WitType::String, 9), Err(NoJson::TooLong));
    let numbers = Val::List(vec![Val::U32(1); 1000]);
    let list = WitType::List(Arc::new(WitType::U32));
    assert_eq!(encode(&numbers, &list, 100), Err(NoJson::TooLong));
    let bytes = Val::List(vec![Val::U8(1); 99]);
    let list = WitType::List(Arc::new(WitType::U8));
    assert_eq!(encode(&bytes, &list, 133), Err(NoJson::TooLong));
    assert_eq!(encode(&bytes, &list, 134).unwrap().len(), 134);
}

#[test]
fn text_is_bounded_by_what_it_takes_once_it_is_escaped() {
    for (text, quoted) in [
        ("plain", r#""plain""#),
        ("a\n\"b", r#""a\n\"b""#),
        ("é", r#""é""#),
        ("", r#""""#),
    ] {
        let most = quoted.len();
        let item = |most| encode_item::<()>(&Item::Text(text.to_owned()), most);
        assert_eq!(item(most).unwrap(), quoted);
        assert_eq!(item(most - 1), Err(NoJson::TooLong));
        let list = WitType::List(Arc::new(WitType::String));
        let twice = Val::List(vec![Val::String(text.to_owned()); 2]);
        let most = 2 * most + 3;
        let found = encode(&twice, &list, most).unwrap();
        assert_eq!(found, format!("[{quoted},{quoted}]"));
        assert_eq!(encode(&twice, &list, most - 1), Err(NoJson::TooLong));
    }
}

#[test]
fn flags_come_in_the_order_of_their_declaration() {
    let flags = WitType::Flags(Arc::new(["read".into(), "write".into()]));
    let value = Val::Flags(vec!["write".into(), "read".into()]);
    assert_eq!(encode(&value, &flags, 100).unwrap(), r#"["read","write"]"#);
}

#[test]
fn a_value_of_another_type_is_never_written() {
    assert_eq!(
        encode(&Val::U8(1), &WitType::U16, 100),
        Err(NoJson::WrongType)
    );
    assert_eq!(
        encode(&Val::U8(1), &WitType::Opaque("resource".into()), 100),
        Err(NoJson::WrongType)
    );
}
